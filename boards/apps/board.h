/*
 * What a program asks of a board. A port is these five functions and a file of pins: see docs/bring-up.md.
 */
#ifndef BOARD_H
#define BOARD_H

#include <stddef.h>
#include <stdint.h>

#include "netdev.h"

/** What start-up code fills the C stack with, in words, so that its depth can be seen. */
#define BOARD_STACK_PAINT 0xdeadbeefu

/** A board that has started. */
struct board {
    /** As in "qemu-riscv". */
    const char *name;
    /** The network device; its link may be down, its chip absent. */
    const struct ferrule_netdev *netdev;
    /** The hardware address: this board's alone. */
    uint8_t mac[6];
    /** RAM that is neither static data nor stack: the program's. Aligned to 16. */
    void *memory;
    size_t memory_bytes;
    /** Bytes of static data. */
    size_t static_bytes;
    /** The C stack, lowest word and end, painted beyond what start-up itself used. */
    const uint32_t *stack_low, *stack_end;
    /** Instructions executed since start. NULL where nobody counts. */
    uint64_t (*instructions)(void);
};

/** Clocks, pins, console, network device. Called once, first. Does not return when the board cannot run. */
const struct board *board_start(void);

/** Milliseconds since any moment; may wrap, never goes back. */
uint32_t board_now_ms(void *context);

/** Fills in 32 octets that nobody can guess. */
void board_random(void *context, uint8_t octets[32]);

/**
 * Sleeps with the processor stopped until the network device has something, `ms` milliseconds have passed, or
 * for any other interrupt. Must not miss an interrupt that comes just before.
 */
void board_sleep(void *context, uint32_t ms);

/** Writes to the console. */
void board_print(const char *text);

#endif
