/* What the test program wants of the machine that it runs on: port_native.c or port_riscv.c. */
#ifndef PORT_H
#define PORT_H

#include <stddef.h>
#include <stdint.h>

/** First call of all. */
void port_start(void);

/** The instruction set that the program runs on. */
const char *port_target(void);

/** Reads exactly `length` bytes from the test, waiting for them; ends the program when there will be no more.
 */
void port_read(void *data, size_t length);

/** Writes to the test. */
void port_write(const void *data, size_t length);

/** Instructions executed so far; 0 where nothing counts them. */
uint64_t port_instructions(void);

/** Most bytes of stack in use so far; 0 where nothing tells. */
uint32_t port_stack_bytes(void);

/** Ends the program; a status of 0 means success. */
void port_exit(int status) __attribute__((noreturn));

#endif
