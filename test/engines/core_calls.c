#include "core_calls.h"

#include <string.h>

#include "port.h"

static const char *const names[CORE_EXPORTS] = {
#define CORE_EXPORT(name, parameters) #name,
    FERRULE_EXPORTS(CORE_EXPORT)
#undef CORE_EXPORT
};

static uint64_t instructions;

int32_t core_call(enum core_export which, uint32_t a, uint32_t b, uint32_t c) {
    const uint32_t arguments[CORE_PARAMETERS_MAX] = {a, b, c};
    int32_t result = 0;
    uint64_t before = port_instructions();
    const char *trap = engine_call(which, arguments, &result);
    instructions += port_instructions() - before;
    if (trap)
        fail(names[which], trap);
    return result;
}

uint32_t core_ok(enum core_export which, uint32_t a, uint32_t b, uint32_t c) {
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
    uint8_t *memory = engine_memory(&memory_bytes);
    if (length > memory_bytes || address > memory_bytes - length)
        fail("the core", "points outside of its memory");
    return memory + address;
}

struct ferrule_state_header core_header(void) {
    struct ferrule_state_header header;
    uint32_t base = core_ok(CORE_base, 0, 0, 0);
    memcpy(&header, core_bytes(base, sizeof header), sizeof header);
    return header;
}

uint64_t core_instructions(void) {
    return instructions;
}
