/* The application: sends back what it receives, and closes when the peer does. */
#ifndef ECHO_H
#define ECHO_H

#include <stdint.h>

/** Starts to listen on a TCP port. */
void echo_start(uint16_t port);

/** Does what the sockets' events ask for, until there are none. */
void echo_serve(void);

#endif
