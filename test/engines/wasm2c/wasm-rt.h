/*
 * What C code made by wasm2c wants of its runtime, for a module with one memory and neither imports nor
 * tables: explicit bounds checks against the real length of linear memory, and traps. engine_wasm2c.c
 * implements it.
 *
 * The names are wasm2c's. Those of tables and of references are there only because every generated file has
 * helpers for them.
 */
#ifndef WASM_RT_H_
#define WASM_RT_H_

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define LIKELY(condition) __builtin_expect(!!(condition), 1)
#define UNLIKELY(condition) __builtin_expect(!!(condition), 0)

/* All bounds are checked in software. */
#define WASM_RT_MEMCHECK_BOUNDS_CHECK 1
#define WASM_RT_MEMCHECK_GUARD_PAGES 0
#define WASM_RT_USE_MMAP 0
#define WASM_RT_USE_SEGUE 0
#define WASM_RT_SANITY_CHECKS 0
/* The core does not recurse, so that its depth of calls is bounded by its text. */
#define WASM_RT_STACK_DEPTH_COUNT 0

#define wasm_rt_memcpy memcpy

typedef enum {
    WASM_RT_TRAP_OOB,
    WASM_RT_TRAP_INT_OVERFLOW,
    WASM_RT_TRAP_DIV_BY_ZERO,
    WASM_RT_TRAP_INVALID_CONVERSION,
    WASM_RT_TRAP_UNREACHABLE,
    WASM_RT_TRAP_CALL_INDIRECT,
} wasm_rt_trap_t;

/** Ends the call that is under way. */
void wasm_rt_trap(wasm_rt_trap_t code) __attribute__((noreturn));

typedef struct {
    uint8_t *data;
    uint64_t pages, max_pages, page_size;
    /** Length in bytes: what accesses are checked against. */
    uint64_t size;
    bool is64;
} wasm_rt_memory_t;

static inline bool wasm_rt_is_initialized(void) {
    return true;
}
void wasm_rt_allocate_memory(wasm_rt_memory_t *memory, uint64_t pages, uint64_t max_pages, bool is64,
                             uint32_t page_size);
void wasm_rt_free_memory(wasm_rt_memory_t *memory);

typedef enum { WASM_RT_I32, WASM_RT_I64, WASM_RT_F32, WASM_RT_F64 } wasm_rt_type_t;
typedef const char *wasm_rt_func_type_t;
typedef void (*wasm_rt_function_ptr_t)(void);
typedef struct wasm_rt_tailcallee_t {
    void (*fn)(void **instance, void *stack, struct wasm_rt_tailcallee_t *next);
} wasm_rt_tailcallee_t;
typedef struct {
    wasm_rt_func_type_t func_type;
    wasm_rt_function_ptr_t func;
    wasm_rt_tailcallee_t func_tailcallee;
    void *module_instance;
} wasm_rt_funcref_t;
typedef void *wasm_rt_externref_t;
typedef struct {
    wasm_rt_funcref_t *data;
    uint32_t size, max_size;
} wasm_rt_funcref_table_t;
typedef struct {
    wasm_rt_externref_t *data;
    uint32_t size, max_size;
} wasm_rt_externref_table_t;
static const wasm_rt_funcref_t wasm_rt_funcref_null_value;
static const wasm_rt_externref_t wasm_rt_externref_null_value;

#endif
