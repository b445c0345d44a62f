/* The core as C, translated ahead of time by wasm2c, and the runtime that the generated code wants. */
#include <setjmp.h>
#include <stdlib.h>

#include "core.h"
#include "engine.h"

static const char *const trap_names[] = {
    [WASM_RT_TRAP_OOB] = "out of bounds memory access",
    [WASM_RT_TRAP_INT_OVERFLOW] = "integer overflow",
    [WASM_RT_TRAP_DIV_BY_ZERO] = "integer divide by zero",
    [WASM_RT_TRAP_INVALID_CONVERSION] = "invalid conversion to integer",
    [WASM_RT_TRAP_UNREACHABLE] = "unreachable executed",
    [WASM_RT_TRAP_CALL_INDIRECT] = "bad indirect call",
};

static w2c_core instance;
static uint32_t memory_limit;
static jmp_buf call_under_way;
static const char *trap;

static int32_t dispatch(enum core_export which, const uint32_t arguments[]);

const char *engine_name(void) {
    return "wasm2c " WASM2C_VERSION;
}

/* The module itself is not here any more: build.ts defines both numbers when it translates it. */
uint32_t engine_module_crc32(uint32_t *bytes) {
    *bytes = MODULE_BYTES;
    return MODULE_CRC32;
}

const char *engine_start(uint32_t memory_bytes) {
    memory_limit = memory_bytes;
    if (setjmp(call_under_way))
        return trap;
    wasm2c_core_instantiate(&instance);
    return instance.w2c_memory.data ? NULL : "no memory for linear memory";
}

uint8_t *engine_memory(uint32_t *bytes) {
    *bytes = (uint32_t)instance.w2c_memory.size;
    return instance.w2c_memory.data;
}

const char *engine_call(enum core_export which, const uint32_t arguments[], int32_t *result) {
    if (setjmp(call_under_way))
        return trap;
    *result = dispatch(which, arguments);
    return NULL;
}

static int32_t dispatch(enum core_export which, const uint32_t arguments[]) {
    switch (which) {
#define ARGUMENTS_0
#define ARGUMENTS_1 , arguments[0]
#define ARGUMENTS_2 ARGUMENTS_1, arguments[1]
#define ARGUMENTS_3 ARGUMENTS_2, arguments[2]
#define ARGUMENTS_4 ARGUMENTS_3, arguments[3]
#define CORE_EXPORT(name, parameters)                                                                        \
    case CORE_##name:                                                                                        \
        return (int32_t)w2c_core_##name(&instance ARGUMENTS_##parameters);
        FERRULE_EXPORTS(CORE_EXPORT)
#undef CORE_EXPORT
    case CORE_EXPORTS:
        break;
    }
    wasm_rt_trap(WASM_RT_TRAP_UNREACHABLE);
}

void wasm_rt_trap(wasm_rt_trap_t code) {
    trap = trap_names[code];
    longjmp(call_under_way, 1);
}

/** Allocates what `engine_start` was told, and not the whole pages that the module declares. */
void wasm_rt_allocate_memory(wasm_rt_memory_t *memory, uint64_t pages, uint64_t max_pages, bool is64,
                             uint32_t page_size) {
    uint64_t declared = pages * page_size;
    uint32_t bytes = declared < memory_limit ? (uint32_t)declared : memory_limit;
    *memory = (wasm_rt_memory_t){
        .data = calloc(1, bytes),
        .pages = pages,
        .max_pages = max_pages,
        .page_size = page_size,
        .size = bytes,
        .is64 = is64,
    };
}

void wasm_rt_free_memory(wasm_rt_memory_t *memory) {
    free(memory->data);
}
