/* A TAP interface of Linux as the network device. */
#ifndef TAP_H
#define TAP_H

#include "ferrule.h"

struct tap {
    int fd;
    struct ferrule_netdev netdev;
};

/** Attaches to the interface `name`, or makes it. Returns 0, or an errno. */
int tap_open(struct tap *tap, const char *name);

/** Waits for a frame, for `ms` milliseconds at most. */
void tap_wait(struct tap *tap, uint32_t ms);

#endif
