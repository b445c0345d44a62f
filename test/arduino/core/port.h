/* Where the Arduino classes' device comes from on Linux: a TAP interface. */
#ifndef PORT_H
#define PORT_H

#include "ferrule_arduino_port.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Attaches to the interface `name` for the time of the program: it is a cable. Returns 0, or an errno. */
int port_open(const char *name);

/** Pulls the cable, or plugs it in again. */
void port_plug(bool in);

#ifdef __cplusplus
}
#endif

#endif
