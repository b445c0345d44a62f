/* A serial port of the kind 16550, to write to: see uart16550_print. */
#ifndef UART16550_H
#define UART16550_H

#include <stdint.h>

/**
 * Writes a text to the port whose registers are `stride` bytes apart from `base` on. What it does not take
 * in bounded time is lost: a console must not stop a program.
 */
void uart16550_print(volatile uint8_t *base, uint32_t stride, const char *text);

#endif
