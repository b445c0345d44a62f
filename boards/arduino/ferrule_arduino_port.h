/*
 * What the Arduino classes ask of a board: a device that runs (ferrule_net.h). Each port has these two
 * functions; whatever pins, chips and memory there are, is its own business.
 */
#ifndef FERRULE_ARDUINO_PORT_H
#define FERRULE_ARDUINO_PORT_H

#include "ferrule_net.h"

#ifdef __cplusplus
extern "C" {
#endif

/** A fixed address, octets in the order of the wire; zeros: none. */
struct ferrule_arduino_address {
    uint8_t address[4];
    uint8_t netmask[4];
    uint8_t gateway[4];
    uint8_t dns[4];
};

/**
 * Starts the device and puts it into `*net`, where it stays. `mac`: NULL for the board's own. `address`: NULL
 * for DHCP, which it starts, too, and whose servers are told `host_name`, NULL for nothing. `mac` and
 * `address` are not kept, `host_name` stays. Returns OK, or why there is no device.
 */
int32_t ferrule_arduino_port_start(struct ferrule_net **net, const uint8_t *mac,
                                   const struct ferrule_arduino_address *address, const char *host_name);

/** Ends the device, so that it can be started again. */
void ferrule_arduino_port_stop(void);

#ifdef __cplusplus
}
#endif

#endif
