#include "uart16550.h"

#include <stdbool.h>

/* Registers and a bit of the line status: "PC16550D", National Semiconductor, June 1995, section 8.0. */
#define TRANSMITTER_HOLDING 0u
#define LINE_STATUS 5u
#define LINE_STATUS_HOLDING_EMPTY 0x20u

/** Reads of the line status for an octet, at most. */
#define READS_MAX 1000000u

static bool put(volatile uint8_t *base, uint32_t stride, char octet);

void uart16550_print(volatile uint8_t *base, uint32_t stride, const char *text) {
    while (*text && put(base, stride, *text))
        text++;
}

static bool put(volatile uint8_t *base, uint32_t stride, char octet) {
    for (uint32_t reads = 0; reads < READS_MAX; reads++) {
        if ((base[LINE_STATUS * stride] & LINE_STATUS_HOLDING_EMPTY) == 0)
            continue;
        base[TRANSMITTER_HOLDING * stride] = (uint8_t)octet;
        return true;
    }
    return false;
}
