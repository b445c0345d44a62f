/*
 * A TCP/IP stack under the benchmarks' work (work.c): Ferrule (stack_ferrule.c), or one of the stacks that it
 * is compared with (lwip/, smoltcp/). One device at 10.0.0.2 with a listener on WORK_PORT.
 *
 * The functions `measured_*` are the stack's work, and counted; `hook_*`, which the stack calls, are the
 * wire, and are not. callgrind knows both by their names; on a microcontroller each reads the counter
 * (meter.h).
 */
#ifndef BENCH_STACK_H
#define BENCH_STACK_H

#include <stdint.h>

#define WORK_PORT 80
#define WORK_MSS 1460

/* The stack's. */

/** What executes, in a line. */
const char *stack_name(void);

/**
 * Boots the device: so many connections at once and no more, so that one of which something is left shows,
 * with so many bytes for each of a connection's two rings.
 */
void stack_boot(uint32_t connections, uint32_t ring_bytes);

/** Ends it. */
void stack_stop(void);

/** Segments are not held back for ACKs of those before: Nagle's algorithm is off. */
void stack_no_delay(int32_t socket);

/** Takes in the frame that has arrived, if one has, sends what is due, and runs timers. */
void measured_poll(void);

/** Accepts a connection: returns a socket above 0, or 0 when there is none. */
int32_t measured_accept(void);

/** Copies up to `bytes` bytes out; returns how many, 0 at the peer's end, below 0 when nothing has come. */
int32_t measured_read(int32_t socket, void *to, uint32_t bytes);

/** Copies up to `bytes` bytes in; returns how many. */
int32_t measured_write(int32_t socket, const void *from, uint32_t bytes);

/** Ends the stream; the stack does the rest, and the socket is of no use any more. */
void measured_close(int32_t socket);

/** Looks at what has happened to the sockets, as an application would. */
void measured_events(void);

/** Milliseconds until the stack wants to be called; below 0 for never. */
int32_t measured_deadline(void);

/* The work's, for the stack. */

/** Length of the frame that has arrived, 0 for none. */
uint32_t hook_length(void);

/** Moves that frame into `frame`, where there is room for `room` bytes; returns its length, 0 for none. */
uint32_t hook_receive(void *context, uint8_t *frame, uint32_t room);

/** Takes a frame from the stack. */
void hook_send(void *context, const uint8_t *frame, uint32_t length);

/** Milliseconds of virtual time. */
uint32_t work_now(void *context);

/** Ends the program. */
void work_fail(const char *what) __attribute__((noreturn));

#endif
