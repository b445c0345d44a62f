/*
 * The types that C from wasm2c wants of its runtime, for a module with one memory and neither imports nor
 * tables. The names are wasm2c's. scripts/aot.mjs makes core.h and core.c, which include this;
 * docs/firmware.md tells what is checked and how a trap unwinds.
 */
#ifndef FERRULE_WASM_RT_H
#define FERRULE_WASM_RT_H

#include <setjmp.h>
#include <stdint.h>

typedef enum {
    WASM_RT_TRAP_OOB = 1,
    WASM_RT_TRAP_INT_OVERFLOW,
    WASM_RT_TRAP_DIV_BY_ZERO,
    WASM_RT_TRAP_UNREACHABLE,
    /** Not of wasm2c: see aot.h. */
    WASM_RT_TRAP_MISALIGNED,
} wasm_rt_trap_t;

/** An instance's linear memory, and where a trap goes. */
typedef struct {
    uint8_t *data;
    /** What accesses are checked against; at least AOT_MEMORY_LEAST. */
    uint32_t bytes;
    /** What the module is told: `bytes` in pages, rounded up. */
    uint32_t pages;
    wasm_rt_trap_t trap;
    /** The call that is under way. */
    jmp_buf call;
} wasm_rt_memory_t;

/** Ends the call that is under way. */
void wasm_rt_trap(wasm_rt_memory_t *memory, wasm_rt_trap_t trap) __attribute__((noreturn, cold));

/* Functions are called directly only: their types are never compared. */
typedef const char *wasm_rt_func_type_t;

/** Linear memory of any instance has so many bytes: accesses below it with a constant address need no check.
 */
#define AOT_MEMORY_LEAST 4096u

/*
 * A firmware with one instance defines the size of its linear memory: it is an array then, whose address and
 * size are constants of the generated code.
 */
#ifdef FERRULE_AOT_MEMORY_BYTES
extern uint8_t ferrule_aot_memory[FERRULE_AOT_MEMORY_BYTES] __attribute__((aligned(8)));
#endif

#endif
