/*
 * Opens an instance in arenas of all sizes, from too small to enough, and calls every export; under
 * AddressSanitizer, which sees what goes beyond an arena. Prints how many sizes were refused when opened, how
 * many by a call, and how many were enough.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine.h"
#include "module.h"

#define LINEAR_BYTES 16384u
#define ARENA_BYTES_MAX 400000u
#define STEP 104u

enum outcome { REFUSED, FAILED, ENOUGH, OUTCOMES };

static enum outcome use(void *arena, uint32_t bytes, bool compile_on_use);

int main(int count, char **arguments) {
    const bool compile_on_use = count > 1 && strcmp(arguments[1], "on-use") == 0;
    uint32_t outcomes[OUTCOMES] = {0};
    for (uint32_t bytes = 64; bytes < ARENA_BYTES_MAX; bytes += STEP) {
        void *arena = malloc(bytes);
        if (!arena)
            return 1;
        memset(arena, 0xa5, bytes);
        outcomes[use(arena, bytes, compile_on_use)]++;
        free(arena);
    }
    printf("%u %u %u\n", (unsigned)outcomes[REFUSED], (unsigned)outcomes[FAILED], (unsigned)outcomes[ENOUGH]);
    return 0;
}

static enum outcome use(void *arena, uint32_t bytes, bool compile_on_use) {
    const struct ferrule_engine_options options = {
        .arena = arena,
        .arena_bytes = bytes,
        .memory_bytes = LINEAR_BYTES,
        .module = module_wasm,
        .module_bytes = module_wasm_bytes,
        .compile_on_use = compile_on_use,
    };
    struct ferrule_engine *engine;
    const char *problem;
    if (ferrule_engine_open(&options, &engine, &problem))
        return REFUSED;
    enum outcome outcome = ENOUGH;
    for (int which = 0; which < FERRULE_EXPORT_COUNT; which++) {
        const uint32_t arguments[FERRULE_PARAMETERS_MAX] = {FERRULE_STATE_BASE, 0, 0, 0};
        int32_t result;
        if (ferrule_engine_call(engine, (enum ferrule_export)which, arguments, &result))
            outcome = FAILED;
    }
    ferrule_engine_close(engine);
    return outcome;
}
