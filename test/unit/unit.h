/*
 * What the unit tests' engines can do beside boards/runtime's: call any function that their module exports,
 * with any parameters. An instance is known by the address of its arena, as in library.c.
 */
#ifndef FERRULE_UNIT_H
#define FERRULE_UNIT_H

#include <stdint.h>

/** Most parameters of a function. test/unit/engine.ts knows the number. */
#define UNIT_SLOTS 12

struct w2c_core;

/** A function of the module ahead of time. Arguments come in slots of 64 bits, and the result goes to the
 * first. */
struct unit_function {
    const char *name;
    void (*call)(struct w2c_core *core, uint64_t slots[]);
};

/** Ahead of time, all of them, and one without a name: test/unit/library.ts writes the table. */
extern const struct unit_function unit_functions[];

/** A function by its name, for `ferrule_unit_call`; 0 when the status is not OK. */
__attribute__((visibility("default"))) uintptr_t ferrule_unit_find(uintptr_t arena, const char *name);

/** Calls a function of this instance. Arguments and result as above; the status is the instance's. */
__attribute__((visibility("default"))) void ferrule_unit_call(uintptr_t arena, uintptr_t function,
                                                              uint64_t slots[]);

#endif
