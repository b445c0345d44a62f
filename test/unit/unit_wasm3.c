/* The engine of the device itself, and calls of any function. Both need what is static in it. */
#include "engine_wasm3.c"
#include "library.c"

#include "unit.h"

static M3Result find_any(struct ferrule_engine *engine, const char *name, IM3Function *function);
static M3Result call_any(struct ferrule_engine *engine, IM3Function function, uint64_t slots[]);
static M3Result call_with_slots(IM3Function function, uint64_t slots[]);

uintptr_t ferrule_unit_find(uintptr_t arena, const char *name) {
    struct instance *instance = (struct instance *)arena;
    struct ferrule_engine *engine = instance->engine;
    IM3Function function = NULL;
    instance->status = engine->broken;
    if (engine->broken)
        return 0;
    engine_of_call = engine;
    M3Result problem = find_any(engine, name, &function);
    engine_of_call = NULL;
    instance->status = judge(engine, problem);
    return (uintptr_t)function;
}

void ferrule_unit_call(uintptr_t arena, uintptr_t function, uint64_t slots[]) {
    struct instance *instance = (struct instance *)arena;
    struct ferrule_engine *engine = instance->engine;
    instance->status = engine->broken;
    if (engine->broken)
        return;
    engine_of_call = engine;
    M3Result problem = call_any(engine, (IM3Function)function, slots);
    engine_of_call = NULL;
    instance->status = judge(engine, problem);
}

/* Functions are compiled when they are found, and those that they call when they are called: either may find
 * the arena full. */

static M3Result find_any(struct ferrule_engine *engine, const char *name, IM3Function *function) {
    if (setjmp(engine->escape))
        return m3Err_mallocFailed;
    engine->may_escape = true;
    M3Result problem = m3_FindFunction(function, engine->runtime, name);
    engine->may_escape = false;
    return problem;
}

static M3Result call_any(struct ferrule_engine *engine, IM3Function function, uint64_t slots[]) {
    if (setjmp(engine->escape))
        return m3Err_mallocFailed;
    engine->may_escape = true;
    M3Result problem = call_with_slots(function, slots);
    engine->may_escape = false;
    return problem;
}

static M3Result call_with_slots(IM3Function function, uint64_t slots[]) {
    const void *pointers[UNIT_SLOTS];
    const uint32_t count = m3_GetArgCount(function);
    if (count > UNIT_SLOTS)
        return m3Err_argumentCountMismatch;
    for (uint32_t i = 0; i < count; i++)
        pointers[i] = &slots[i];
    M3Result problem = m3_Call(function, count, pointers);
    if (problem || m3_GetRetCount(function) == 0)
        return problem;
    const void *results[] = {slots};
    return m3_GetResults(function, 1, results);
}
