/* The core on wasm3, an interpreter. */
#include <stddef.h>

#include "engine.h"
#include "m3_env.h"
#include "module.h"
#include "wasm3.h"

/** wasm3's own stack, for the locals of all calls under way. */
#define VM_STACK_BYTES 2048

static const struct {
    const char *name;
    uint32_t parameters;
} exports[CORE_EXPORTS] = {
#define CORE_EXPORT(name, parameters) {#name, parameters},
    FERRULE_EXPORTS(CORE_EXPORT)
#undef CORE_EXPORT
};

static IM3Runtime runtime;
static IM3Function functions[CORE_EXPORTS];

static M3Result load(IM3Environment environment);

const char *engine_name(void) {
    return "wasm3 " M3_VERSION;
}

uint32_t engine_module_crc32(uint32_t *bytes) {
    *bytes = module_wasm_bytes;
    uint32_t crc = 0xffffffffu;
    for (uint32_t i = 0; i < module_wasm_bytes; i++) {
        crc ^= module_wasm[i];
        for (int bit = 0; bit < 8; bit++)
            crc = (crc >> 1) ^ (crc & 1 ? 0xedb88320u : 0);
    }
    return ~crc;
}

const char *engine_start(uint32_t memory_bytes) {
    IM3Environment environment = m3_NewEnvironment();
    if (!environment)
        return "no memory for wasm3's environment";
    runtime = m3_NewRuntime(environment, VM_STACK_BYTES, NULL);
    if (!runtime)
        return "no memory for wasm3's runtime";
    /* Without this, wasm3 allocates the whole 64 KiB page that the module declares. */
    runtime->memoryLimit = memory_bytes;
    return load(environment);
}

uint8_t *engine_memory(uint32_t *bytes) {
    return m3_GetMemory(runtime, bytes, 0);
}

const char *engine_call(enum core_export which, const uint32_t arguments[], int32_t *result) {
    const void *pointers[CORE_PARAMETERS_MAX];
    for (uint32_t i = 0; i < exports[which].parameters; i++)
        pointers[i] = &arguments[i];
    M3Result trap = m3_Call(functions[which], exports[which].parameters, pointers);
    if (trap)
        return trap;
    const void *results[] = {result};
    return m3_GetResults(functions[which], 1, results);
}

/** Parses and compiles everything now, so that what memory it takes is known from the start. */
static M3Result load(IM3Environment environment) {
    IM3Module module;
    M3Result problem = m3_ParseModule(environment, &module, module_wasm, module_wasm_bytes);
    if (!problem)
        problem = m3_LoadModule(runtime, module);
    if (!problem)
        problem = m3_CompileModule(module);
    for (int i = 0; i < CORE_EXPORTS && !problem; i++)
        if (m3_FindFunction(&functions[i], runtime, exports[i].name))
            problem = "export not found (of one function, wasm3 knows three names at most)";
    return problem;
}
