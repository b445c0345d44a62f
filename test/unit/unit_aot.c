/* The engine of the device itself, and calls of any function. Both need what is static in it. */
#include "engine_aot.c"
#include "library.c"

#include "unit.h"

uintptr_t ferrule_unit_find(uintptr_t arena, const char *name) {
    struct instance *instance = (struct instance *)arena;
    instance->status = FERRULE_ENGINE_OK;
    for (const struct unit_function *function = unit_functions; function->name; function++)
        if (strcmp(function->name, name) == 0)
            return (uintptr_t)function;
    instance->status = FERRULE_ENGINE_BAD_ARGUMENT;
    return 0;
}

void ferrule_unit_call(uintptr_t arena, uintptr_t function, uint64_t slots[]) {
    struct instance *instance = (struct instance *)arena;
    struct ferrule_engine *engine = instance->engine;
    if (setjmp(engine->core.w2c_memory.call)) {
        instance->status = trapped(engine);
        return;
    }
    ((const struct unit_function *)function)->call(&engine->core, slots);
    instance->status = FERRULE_ENGINE_OK;
}
