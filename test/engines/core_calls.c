#include "core_calls.h"

#include <string.h>

#include "module.h"
#include "port.h"

/** wasm3 takes most: the parsed module, and the code that it makes of it. */
#define ARENA_BYTES 262144u

static const char *const names[FERRULE_EXPORT_COUNT] = {
#define NAME(name, parameters) #name,
    FERRULE_EXPORTS(NAME)
#undef NAME
};

static uint64_t arena[ARENA_BYTES / sizeof(uint64_t)];
static struct ferrule_engine *engine;
static uint64_t instructions;

void core_open(uint32_t memory_bytes) {
    const struct ferrule_engine_options options = {
        .arena = arena,
        .arena_bytes = sizeof arena,
        .memory_bytes = memory_bytes,
        .module = module_wasm,
        .module_bytes = module_wasm_bytes,
    };
    const char *problem;
    if (ferrule_engine_open(&options, &engine, &problem))
        fail("engine", *problem ? problem : "cannot be opened with these options");
}

const struct ferrule_engine *core_engine(void) {
    return engine;
}

const char *core_try(enum ferrule_export which, uint32_t a, int32_t *result) {
    const uint32_t arguments[FERRULE_PARAMETERS_MAX] = {a};
    return ferrule_engine_call(engine, which, arguments, result) ? ferrule_engine_problem(engine) : NULL;
}

int32_t core_call(enum ferrule_export which, uint32_t a, uint32_t b, uint32_t c) {
    const uint32_t arguments[FERRULE_PARAMETERS_MAX] = {a, b, c};
    int32_t result = 0;
    uint64_t before = port_instructions();
    enum ferrule_engine_status status = ferrule_engine_call(engine, which, arguments, &result);
    instructions += port_instructions() - before;
    if (status)
        fail(names[which], ferrule_engine_problem(engine));
    return result;
}

uint32_t core_ok(enum ferrule_export which, uint32_t a, uint32_t b, uint32_t c) {
    int32_t result = core_call(which, a, b, c);
    if (result < 0) {
        char status[] = "status -00";
        status[8] = (char)('0' + -result / 10 % 10);
        status[9] = (char)('0' + -result % 10);
        fail(names[which], status);
    }
    return (uint32_t)result;
}

uint8_t *core_bytes(uint32_t address, uint32_t length) {
    uint32_t memory_bytes;
    uint8_t *memory = ferrule_engine_memory(engine, &memory_bytes);
    if (length > memory_bytes || address > memory_bytes - length)
        fail("the core", "points outside of its memory");
    return memory + address;
}

struct ferrule_state_header core_header(void) {
    struct ferrule_state_header header;
    uint32_t base = core_ok(FERRULE_EXPORT_base, 0, 0, 0);
    memcpy(&header, core_bytes(base, sizeof header), sizeof header);
    return header;
}

uint64_t core_instructions(void) {
    return instructions;
}
