/* Calls of the core that end the program when something is wrong, and pointers out of it that were checked.
 */
#ifndef CORE_CALLS_H
#define CORE_CALLS_H

#include <stdint.h>

#include "engine.h"

/** Opens the core in `memory_bytes` bytes of linear memory; ends the program when that fails. */
void core_open(uint32_t memory_bytes);

/** The instance. */
const struct ferrule_engine *core_engine(void);

/** Calls an export that may trap. Returns the name of the trap, or NULL. */
const char *core_try(enum ferrule_export which, uint32_t a, int32_t *result);

/** Calls an export; arguments that it does not have are ignored. A trap ends the program. Returns its result.
 */
int32_t core_call(enum ferrule_export which, uint32_t a, uint32_t b, uint32_t c);

/** As `core_call`; a negative Status ends the program too. */
uint32_t core_ok(enum ferrule_export which, uint32_t a, uint32_t b, uint32_t c);

/** `length` bytes of linear memory at `address`. Ends the program when they do not lie in it. */
uint8_t *core_bytes(uint32_t address, uint32_t length);

/** A copy of the head of the core's state. */
struct ferrule_state_header core_header(void);

/** Instructions executed within the core so far; 0 where nothing counts them. */
uint64_t core_instructions(void);

/** Tells the test why, and ends the program; main's. */
void fail(const char *what, const char *why) __attribute__((noreturn));

#endif
