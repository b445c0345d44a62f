/*
 * A program for a board that ends in the way that ENDING names, to see what the port makes of it.
 */
#include <stdint.h>
#include <stdlib.h>

#include "board.h"

/** What ENDING may be. */
enum ending {
    /** main returns 0. */
    RETURNS,
    /** exit(7). */
    EXITS,
    /** Reads where nothing is. */
    READS_NOWHERE,
    /** Writes to its own code. */
    WRITES_TO_FLASH,
    /** Calls itself until the stack is used up, comes back, and sleeps. */
    USES_UP_STACK,
};

#define NOWHERE 0x88000000u
#define DEPTH 2000

static uint32_t deep(volatile uint32_t *above, uint32_t left) {
    volatile uint32_t here[16] = {*above + 1};
    return left == 0 ? here[0] : deep(here, left - 1) + here[1];
}

int main(void) {
    volatile uint32_t zero = 0;
    board_start();
    board_print("began\n");
    switch (ENDING) {
    case EXITS:
        exit(7);
    case READS_NOWHERE:
        return (int)*(volatile uint32_t *)NOWHERE;
    case WRITES_TO_FLASH:
        *(volatile uint32_t *)(uintptr_t)main = 0;
        break;
    case USES_UP_STACK:
        zero = deep(&zero, DEPTH);
        board_sleep(NULL, 1);
        break;
    default:
        return 0;
    }
    board_print("went on\n");
    return 1;
}
