/*
 * An engine as a shared library, for Node (host/engines/library.ts). Calls have integers for parameters,
 * which are cheap to pass: an instance is known by the address of its arena, and its first words are for the
 * caller to read.
 */
#include <stddef.h>

#include "engine.h"

#define SHARED __attribute__((visibility("default")))

/** Stands at the beginning of the arena. host/engines/library.ts knows the offsets of the first three. */
struct instance {
    /** Of the last call: a ferrule_engine_status. */
    uint32_t status;
    /** Where linear memory begins in the arena, and its size. */
    uint32_t memory_at;
    uint32_t memory_bytes;
    uint32_t reserved;
    struct ferrule_engine *engine;
    const char *problem;
};

#define INSTANCE_BYTES ((uint32_t)(sizeof(struct instance) + 7) & ~7u)

SHARED const char *ferrule_library_name(void);
SHARED void ferrule_library_open(uint8_t *arena, uint32_t arena_bytes, const uint8_t *module,
                                 uint32_t module_bytes, uint32_t memory_bytes, uint32_t compile_on_use);
SHARED int32_t ferrule_library_call(uintptr_t arena, uint32_t which, uint32_t a, uint32_t b, uint32_t c,
                                    uint32_t d);
SHARED const char *ferrule_library_problem(uintptr_t arena);
SHARED uint32_t ferrule_library_bytes_used(uintptr_t arena);
SHARED uint32_t ferrule_library_module_crc32(uintptr_t arena);

const char *ferrule_library_name(void) {
    return ferrule_engine_name();
}

/** `arena` is aligned to 8 bytes and holds struct instance at least. The status says whether there is an
 * instance. */
void ferrule_library_open(uint8_t *arena, uint32_t arena_bytes, const uint8_t *module, uint32_t module_bytes,
                          uint32_t memory_bytes, uint32_t compile_on_use) {
    struct instance *instance = (struct instance *)(void *)arena;
    const struct ferrule_engine_options options = {
        .arena = arena + INSTANCE_BYTES,
        .arena_bytes = arena_bytes - INSTANCE_BYTES,
        .memory_bytes = memory_bytes,
        .module = module,
        .module_bytes = module_bytes,
        .compile_on_use = compile_on_use != 0,
    };
    instance->status = ferrule_engine_open(&options, &instance->engine, &instance->problem);
    if (instance->engine)
        instance->memory_at =
            (uint32_t)(ferrule_engine_memory(instance->engine, &instance->memory_bytes) - arena);
}

int32_t ferrule_library_call(uintptr_t arena, uint32_t which, uint32_t a, uint32_t b, uint32_t c,
                             uint32_t d) {
    struct instance *instance = (struct instance *)arena;
    const uint32_t arguments[FERRULE_PARAMETERS_MAX] = {a, b, c, d};
    int32_t result = 0;
    instance->status = ferrule_engine_call(instance->engine, (enum ferrule_export)which, arguments, &result);
    return result;
}

/** Why the status is not OK. */
const char *ferrule_library_problem(uintptr_t arena) {
    const struct instance *instance = (const struct instance *)arena;
    return instance->engine ? ferrule_engine_problem(instance->engine) : instance->problem;
}

uint32_t ferrule_library_bytes_used(uintptr_t arena) {
    return INSTANCE_BYTES + ferrule_engine_bytes_used(((const struct instance *)arena)->engine);
}

uint32_t ferrule_library_module_crc32(uintptr_t arena) {
    uint32_t bytes;
    return ferrule_engine_module_crc32(((const struct instance *)arena)->engine, &bytes);
}
