/* What low_power.c wants of a machine. */
#ifndef BOARD_H
#define BOARD_H

#include "ferrule.h"

/** A driver: boards/drivers has some. */
extern const struct ferrule_netdev board_ethernet;

/** Milliseconds since any moment; goes on while the processor sleeps. */
uint32_t board_clock_ms(void *context);

/** 32 octets that nobody can guess. */
void board_random(void *context, uint8_t octets[32]);

/** Stops the processor for `ms` milliseconds at most, until the Ethernet chip's interrupt. */
void board_sleep(uint32_t ms);

/** The core, and its length; NULL for an engine that has it compiled in. */
const uint8_t *board_module(uint32_t *bytes);

#endif
