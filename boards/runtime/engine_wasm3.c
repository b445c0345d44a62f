/* The core on wasm3, an interpreter: release 0.5.0, and those after it as far as 0.9.0. */
#include <setjmp.h>
#include <stddef.h>
#include <string.h>

#include "arena.h"
#include "engine.h"
#include "m3_env.h"
#include "wasm3.h"
#include "wasm3_heap.h"

#define STACK_BYTES 2048u
#define PAGE_BYTES 65536u

/** What wasm3's names of traps begin with. */
#define TRAP_MARK "[trap] "

struct ferrule_engine {
    struct ferrule_arena arena;
    /** Bytes of the arena that the instance itself takes, before `arena.start`. */
    uint32_t own_bytes;
    const uint8_t *module;
    uint32_t module_bytes;
    IM3Runtime runtime;
    /** NULL until an export is called for the first time. */
    IM3Function functions[FERRULE_EXPORT_COUNT];
    const char *problem;
    /** Code that wasm3 could not finish must not be executed. */
    enum ferrule_engine_status broken;
    bool compile_on_use;
    /** Where an allocation that fails goes, while `may_escape`. */
    bool may_escape;
    jmp_buf escape;
};

static const struct {
    const char *name;
    uint32_t parameters;
} exports[FERRULE_EXPORT_COUNT] = {
#define EXPORT(name, parameters) {#name, parameters},
    FERRULE_EXPORTS(EXPORT)
#undef EXPORT
};

/*
 * wasm3 asks for memory without saying for whom. This is set while one of its functions runs, and at no other
 * time; where there are threads each has its own.
 */
#if defined(__linux__) || defined(__APPLE__)
static __thread struct ferrule_engine *engine_of_call;
#else
static struct ferrule_engine *engine_of_call;
#endif

static M3Result load(struct ferrule_engine *engine, const struct ferrule_engine_options *options);
static M3Result load_or_escape(struct ferrule_engine *engine, const struct ferrule_engine_options *options);
static M3Result call(struct ferrule_engine *engine, enum ferrule_export which, const uint32_t arguments[],
                     int32_t *result);
static M3Result call_or_escape(struct ferrule_engine *engine, enum ferrule_export which,
                               const uint32_t arguments[], int32_t *result);
static M3Result find(struct ferrule_engine *engine, enum ferrule_export which);
static enum ferrule_engine_status judge(struct ferrule_engine *engine, M3Result result);
static enum ferrule_engine_status check_version(struct ferrule_engine *engine);

const char *ferrule_engine_name(void) {
    return "wasm3 " M3_VERSION;
}

uint32_t ferrule_engine_memory_fixed(void) {
    return 0;
}

enum ferrule_engine_status ferrule_engine_open(const struct ferrule_engine_options *options,
                                               struct ferrule_engine **opened, const char **problem) {
    *opened = NULL;
    *problem = "";
    if (((uintptr_t)options->arena & 7) != 0 || options->memory_bytes < FERRULE_ENGINE_MEMORY_LEAST)
        return FERRULE_ENGINE_BAD_ARGUMENT;
    const uint32_t own_bytes = (sizeof(struct ferrule_engine) + 7) & ~7u;
    if (options->arena_bytes < own_bytes)
        return FERRULE_ENGINE_NO_MEMORY;
    struct ferrule_engine *engine = options->arena;
    *engine = (struct ferrule_engine){
        .own_bytes = own_bytes,
        .module = options->module,
        .module_bytes = options->module_bytes,
        .problem = "",
        .compile_on_use = options->compile_on_use,
    };
    ferrule_arena_open(&engine->arena, (uint8_t *)options->arena + own_bytes,
                       options->arena_bytes - own_bytes);
    engine_of_call = engine;
    enum ferrule_engine_status status = judge(engine, load_or_escape(engine, options));
    engine_of_call = NULL;
    if (!status)
        status = check_version(engine);
    if (status)
        *problem = engine->problem;
    else
        *opened = engine;
    return status;
}

/* Everything of wasm3's lies in the arena: there is nothing to give back. */
void ferrule_engine_close(struct ferrule_engine *engine) {
    engine->broken = FERRULE_ENGINE_BAD_ARGUMENT;
}

enum ferrule_engine_status ferrule_engine_call(struct ferrule_engine *engine, enum ferrule_export which,
                                               const uint32_t arguments[], int32_t *result) {
    if (engine->broken)
        return engine->broken;
    if ((unsigned)which >= FERRULE_EXPORT_COUNT)
        return FERRULE_ENGINE_BAD_ARGUMENT;
    engine_of_call = engine;
    M3Result problem = engine->compile_on_use ? call_or_escape(engine, which, arguments, result)
                                              : call(engine, which, arguments, result);
    engine_of_call = NULL;
    return judge(engine, problem);
}

const char *ferrule_engine_problem(const struct ferrule_engine *engine) {
    return engine->problem;
}

uint8_t *ferrule_engine_memory(const struct ferrule_engine *engine, uint32_t *bytes) {
    return m3_GetMemory(engine->runtime, bytes, 0);
}

uint32_t ferrule_engine_bytes_used(const struct ferrule_engine *engine) {
    return engine->own_bytes + engine->arena.used;
}

uint32_t ferrule_engine_module_crc32(const struct ferrule_engine *engine, uint32_t *bytes) {
    *bytes = engine->module_bytes;
    uint32_t crc = 0xffffffffu;
    for (uint32_t i = 0; i < engine->module_bytes; i++) {
        crc ^= engine->module[i];
        for (int bit = 0; bit < 8; bit++)
            crc = (crc >> 1) ^ (crc & 1 ? 0xedb88320u : 0);
    }
    return ~crc;
}

/* wasm3 goes wrong itself when it runs out of memory: an allocation that fails does not return to it. All
 * that it has lies in the arena, so that nothing is lost by that. */

static M3Result load_or_escape(struct ferrule_engine *engine, const struct ferrule_engine_options *options) {
    if (setjmp(engine->escape))
        return m3Err_mallocFailed;
    engine->may_escape = true;
    M3Result problem = load(engine, options);
    engine->may_escape = false;
    return problem;
}

static M3Result call_or_escape(struct ferrule_engine *engine, enum ferrule_export which,
                               const uint32_t arguments[], int32_t *result) {
    if (setjmp(engine->escape))
        return m3Err_mallocFailed;
    engine->may_escape = true;
    M3Result problem = call(engine, which, arguments, result);
    engine->may_escape = false;
    return problem;
}

static M3Result call(struct ferrule_engine *engine, enum ferrule_export which, const uint32_t arguments[],
                     int32_t *result) {
    const void *pointers[FERRULE_PARAMETERS_MAX];
    for (uint32_t i = 0; i < exports[which].parameters; i++)
        pointers[i] = &arguments[i];
    M3Result problem = engine->functions[which] ? NULL : find(engine, which);
    if (!problem)
        problem = m3_Call(engine->functions[which], exports[which].parameters, pointers);
    if (problem)
        return problem;
    const void *results[] = {result};
    return m3_GetResults(engine->functions[which], 1, results);
}

static M3Result load(struct ferrule_engine *engine, const struct ferrule_engine_options *options) {
    IM3Environment environment = m3_NewEnvironment();
    if (!environment)
        return m3Err_mallocFailed;
    engine->runtime =
        m3_NewRuntime(environment, options->stack_bytes ? options->stack_bytes : STACK_BYTES, NULL);
    if (!engine->runtime)
        return m3Err_mallocFailed;
    IM3Module module;
    M3Result problem = m3_ParseModule(environment, &module, options->module, options->module_bytes);
    if (problem)
        return problem;
    /* Without this limit wasm3 allocates whole pages; with it, it allocates and checks against this many
     * bytes. */
    engine->runtime->memoryLimit = options->memory_bytes;
    const uint32_t pages = (options->memory_bytes - 1) / PAGE_BYTES + 1;
    if (module->memoryInfo.initPages < pages)
        module->memoryInfo.initPages = pages;
    problem = m3_LoadModule(engine->runtime, module);
    if (!problem && !options->compile_on_use)
        problem = m3_CompileModule(module);
    for (int which = 0; which < FERRULE_EXPORT_COUNT && !problem && !options->compile_on_use; which++)
        problem = find(engine, which);
    return problem;
}

/** Finds an export, and compiles it unless it is. Of one function, wasm3 0.5.0 knows three names at most. */
static M3Result find(struct ferrule_engine *engine, enum ferrule_export which) {
    IM3Function function;
    M3Result problem = m3_FindFunction(&function, engine->runtime, exports[which].name);
    if (!problem)
        engine->functions[which] = function;
    return problem;
}

/** The status that wasm3's word amounts to. */
static enum ferrule_engine_status judge(struct ferrule_engine *engine, M3Result result) {
    if (!result)
        return FERRULE_ENGINE_OK;
    engine->problem = result;
    if (strncmp(result, TRAP_MARK, sizeof TRAP_MARK - 1) == 0) {
        engine->problem += sizeof TRAP_MARK - 1;
        return FERRULE_ENGINE_TRAP;
    }
    const bool is_full = result == m3Err_mallocFailed || result == m3Err_mallocFailedCodePage;
    return engine->broken = is_full ? FERRULE_ENGINE_NO_MEMORY : FERRULE_ENGINE_BAD_MODULE;
}

static enum ferrule_engine_status check_version(struct ferrule_engine *engine) {
    int32_t version = 0;
    enum ferrule_engine_status status =
        ferrule_engine_call(engine, FERRULE_EXPORT_abiVersion, NULL, &version);
    if (status || version == (int32_t)FERRULE_ABI_VERSION)
        return status;
    engine->problem = "the module speaks another version of the ABI";
    return engine->broken = FERRULE_ENGINE_WRONG_ABI;
}

/* The heap of wasm3's own sources: wasm3_heap.h. */

/** Leaves wasm3 when `block` is none and somebody waits for that. */
static void *block_or_escape(void *block) {
    if (!block && engine_of_call->may_escape) {
        engine_of_call->may_escape = false;
        longjmp(engine_of_call->escape, 1);
    }
    return block;
}

void *ferrule_wasm3_calloc(size_t count, size_t bytes) {
    const bool is_possible = bytes == 0 || count <= SIZE_MAX / bytes;
    return block_or_escape(is_possible ? ferrule_arena_allocate(&engine_of_call->arena, count * bytes)
                                       : NULL);
}

void *ferrule_wasm3_realloc(void *block, size_t bytes) {
    return block_or_escape(ferrule_arena_resize(&engine_of_call->arena, block, bytes));
}

void ferrule_wasm3_free(void *block) {
    ferrule_arena_free(&engine_of_call->arena, block);
}
