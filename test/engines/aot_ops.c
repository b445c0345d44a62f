/*
 * Calls functions of a small module that was translated ahead of time, one per line of standard input: its
 * number in `operations`, an address, a value. Answers with the result, or with the trap. The last line is a
 * hash of memory. Linear memory is exactly as large as it says, so that AddressSanitizer sees an access that
 * was not checked.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "aot_ops.h"

static const char *const trap_names[] = {
    [WASM_RT_TRAP_OOB] = "out of bounds",     [WASM_RT_TRAP_INT_OVERFLOW] = "overflow",
    [WASM_RT_TRAP_DIV_BY_ZERO] = "divide",    [WASM_RT_TRAP_UNREACHABLE] = "unreachable",
    [WASM_RT_TRAP_MISALIGNED] = "misaligned",
};

#ifdef FERRULE_AOT_MEMORY_BYTES
uint8_t ferrule_aot_memory[FERRULE_AOT_MEMORY_BYTES];
#endif

static w2c_core core;

static void perform(unsigned operation, uint32_t address, uint64_t value);
static uint64_t hash(void);

int main(void) {
#ifdef FERRULE_AOT_MEMORY_BYTES
    core.w2c_memory.data = ferrule_aot_memory;
#else
    core.w2c_memory.data = calloc(1, MEMORY_BYTES);
#endif
    core.w2c_memory.bytes = MEMORY_BYTES;
    core.w2c_memory.pages = 1;
    if (!core.w2c_memory.data)
        return 1;
    unsigned operation;
    uint32_t address;
    uint64_t value;
    while (scanf("%u %" SCNu32 " %" SCNu64, &operation, &address, &value) == 3)
        perform(operation, address, value);
    printf("%" PRIu64 "\n", hash());
    return 0;
}

static void perform(unsigned operation, uint32_t address, uint64_t value) {
    if (operation >= operation_count)
        exit(2);
    if (setjmp(core.w2c_memory.call))
        puts(trap_names[core.w2c_memory.trap]);
    else
        printf("%" PRIu64 "\n", operations[operation](&core, address, value));
}

void wasm_rt_trap(wasm_rt_memory_t *memory, wasm_rt_trap_t trap) {
    memory->trap = trap;
    longjmp(memory->call, 1);
}

/** FNV-1a, 32 bits. */
static uint64_t hash(void) {
    uint32_t sum = 0x811c9dc5u;
    for (uint32_t at = 0; at < MEMORY_BYTES; at++)
        sum = (sum ^ core.w2c_memory.data[at]) * 0x01000193u;
    return sum;
}
