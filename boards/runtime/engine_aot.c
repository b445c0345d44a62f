/* The core as C, translated ahead of time by wasm2c: core.h and core.c are scripts/aot.mjs's. */
#include <stddef.h>
#include <string.h>

#include "core.h"
#include "engine.h"

struct ferrule_engine {
    w2c_core core;
    uint32_t used;
    const char *problem;
    /** Opened, and not closed. */
    bool is_open;
};

#define PAGE_BYTES 65536u
#define ROUND_UP(bytes) (((bytes) + 7u) & ~7u)

/** Names as in the Wasm specification's tests, which are wasm3's, too. */
static const char *const trap_names[] = {
    [WASM_RT_TRAP_OOB] = "out of bounds memory access",
    [WASM_RT_TRAP_INT_OVERFLOW] = "integer overflow",
    [WASM_RT_TRAP_DIV_BY_ZERO] = "integer divide by zero",
    [WASM_RT_TRAP_UNREACHABLE] = "unreachable executed",
    [WASM_RT_TRAP_MISALIGNED] = "misaligned memory access",
};

typedef char memory_least_is_enough[FERRULE_ENGINE_MEMORY_LEAST >= AOT_MEMORY_LEAST ? 1 : -1];

static uint8_t *reserve(const struct ferrule_engine_options *options, uint32_t *own_bytes,
                        const char **problem);
static enum ferrule_engine_status start(struct ferrule_engine *engine);
static enum ferrule_engine_status trapped(struct ferrule_engine *engine);
static uint32_t dispatch(w2c_core *core, enum ferrule_export which, const uint32_t arguments[]);

const char *ferrule_engine_name(void) {
    return "wasm2c " FERRULE_WASM2C_VERSION;
}

enum ferrule_engine_status ferrule_engine_open(const struct ferrule_engine_options *options,
                                               struct ferrule_engine **opened, const char **problem) {
    *opened = NULL;
    *problem = "";
    if (((uintptr_t)options->arena & 7) != 0 || options->memory_bytes < FERRULE_ENGINE_MEMORY_LEAST)
        return FERRULE_ENGINE_BAD_ARGUMENT;
    uint32_t own_bytes;
    uint8_t *memory = reserve(options, &own_bytes, problem);
    if (!memory)
        return **problem ? FERRULE_ENGINE_BAD_ARGUMENT : FERRULE_ENGINE_NO_MEMORY;
    struct ferrule_engine *engine = options->arena;
    memset(engine, 0, sizeof *engine);
    memset(memory, 0, options->memory_bytes);
    engine->core.w2c_memory.data = memory;
    engine->core.w2c_memory.bytes = options->memory_bytes;
    engine->core.w2c_memory.pages = (options->memory_bytes - 1) / PAGE_BYTES + 1;
    engine->used = own_bytes + options->memory_bytes;
    engine->problem = "";
    engine->is_open = true;
    enum ferrule_engine_status status = start(engine);
    if (status) {
        *problem = engine->problem;
        ferrule_engine_close(engine);
    } else {
        *opened = engine;
    }
    return status;
}

enum ferrule_engine_status ferrule_engine_call(struct ferrule_engine *engine, enum ferrule_export which,
                                               const uint32_t arguments[], int32_t *result) {
    if (!engine->is_open || (unsigned)which >= FERRULE_EXPORT_COUNT)
        return FERRULE_ENGINE_BAD_ARGUMENT;
    if (setjmp(engine->core.w2c_memory.call))
        return trapped(engine);
    *result = (int32_t)dispatch(&engine->core, which, arguments);
    return FERRULE_ENGINE_OK;
}

const char *ferrule_engine_problem(const struct ferrule_engine *engine) {
    return engine->problem;
}

uint8_t *ferrule_engine_memory(const struct ferrule_engine *engine, uint32_t *bytes) {
    *bytes = engine->core.w2c_memory.bytes;
    return engine->core.w2c_memory.data;
}

uint32_t ferrule_engine_bytes_used(const struct ferrule_engine *engine) {
    return engine->used;
}

/* The module itself is not here any more: scripts/aot.mjs defines both numbers when it translates it. */
uint32_t ferrule_engine_module_crc32(const struct ferrule_engine *engine, uint32_t *bytes) {
    (void)engine;
    *bytes = FERRULE_AOT_MODULE_BYTES;
    return FERRULE_AOT_MODULE_CRC32;
}

void wasm_rt_trap(wasm_rt_memory_t *memory, wasm_rt_trap_t trap) {
    memory->trap = trap;
    longjmp(memory->call, 1);
}

#ifdef FERRULE_AOT_MEMORY_BYTES

uint32_t ferrule_engine_memory_fixed(void) {
    return FERRULE_AOT_MEMORY_BYTES;
}

uint8_t ferrule_aot_memory[FERRULE_AOT_MEMORY_BYTES];

/** The array has one user at a time. */
static bool is_taken;

void ferrule_engine_close(struct ferrule_engine *engine) {
    engine->is_open = false;
    is_taken = false;
}

static uint8_t *reserve(const struct ferrule_engine_options *options, uint32_t *own_bytes,
                        const char **problem) {
    *own_bytes = ROUND_UP((uint32_t)sizeof(struct ferrule_engine));
    if (options->memory_bytes != FERRULE_AOT_MEMORY_BYTES)
        *problem = "linear memory has another size: it was fixed when this was compiled";
    else if (is_taken)
        *problem = "linear memory is in use by another instance";
    else if (options->arena_bytes >= *own_bytes)
        is_taken = true;
    else
        return NULL;
    return **problem ? NULL : ferrule_aot_memory;
}

#else

uint32_t ferrule_engine_memory_fixed(void) {
    return 0;
}

void ferrule_engine_close(struct ferrule_engine *engine) {
    engine->is_open = false;
}

/** Linear memory lies behind the instance. */
static uint8_t *reserve(const struct ferrule_engine_options *options, uint32_t *own_bytes,
                        const char **problem) {
    const uint32_t at = ROUND_UP((uint32_t)sizeof(struct ferrule_engine));
    (void)problem;
    if (options->arena_bytes < at || options->arena_bytes - at < options->memory_bytes)
        return NULL;
    *own_bytes = at;
    return (uint8_t *)options->arena + at;
}

#endif

static enum ferrule_engine_status start(struct ferrule_engine *engine) {
    if (setjmp(engine->core.w2c_memory.call))
        return trapped(engine);
    wasm2c_core_instantiate(&engine->core);
    if (w2c_core_abiVersion(&engine->core) == FERRULE_ABI_VERSION)
        return FERRULE_ENGINE_OK;
    engine->problem = "the module speaks another version of the ABI";
    return FERRULE_ENGINE_WRONG_ABI;
}

/** After a longjmp: what the trap was. */
static enum ferrule_engine_status trapped(struct ferrule_engine *engine) {
    engine->problem = trap_names[engine->core.w2c_memory.trap];
    return FERRULE_ENGINE_TRAP;
}

static uint32_t dispatch(w2c_core *core, enum ferrule_export which, const uint32_t arguments[]) {
    switch (which) {
#define ARGUMENTS_0
#define ARGUMENTS_1 , arguments[0]
#define ARGUMENTS_2 ARGUMENTS_1, arguments[1]
#define ARGUMENTS_3 ARGUMENTS_2, arguments[2]
#define ARGUMENTS_4 ARGUMENTS_3, arguments[3]
#define CALL(name, parameters)                                                                               \
    case FERRULE_EXPORT_##name:                                                                              \
        return w2c_core_##name(core ARGUMENTS_##parameters);
        FERRULE_EXPORTS(CALL)
#undef CALL
    case FERRULE_EXPORT_COUNT:
        break;
    }
    wasm_rt_trap(&core->w2c_memory, WASM_RT_TRAP_UNREACHABLE);
}
