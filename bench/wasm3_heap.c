/*
 * What wasm3 takes of its arena, by the step of opening the module in which it asks. The linker puts the
 * functions
 * `__wrap_*` before wasm3's own and the arena's (-Wl,--wrap): the runtime is the very one of a firmware.
 *
 * Prints lines "HEAP name bytes", headers of blocks included.
 */
#include <stdarg.h>
#include <stdio.h>

#include "arena.h"
#include "engine.h"
#include "port.h"
#include "wasm3.h"

#define MEMORY_BYTES 16384u
#define STACK_BYTES 2048u
#define ARENA_BYTES (256u * 1024)

/** As arena.c has it: a block's header, and what sizes are rounded to. */
#define HEADER_BYTES 8u

#define BLOCKS_MAX 2048

extern const uint8_t module_wasm[];
extern const uint32_t module_wasm_bytes;

static const char *const names[] = {"instance", "environment", "runtime", "stack",
                                    "parse",    "memory",      "load",    "compile"};
enum part { INSTANCE, ENVIRONMENT, RUNTIME, STACK, PARSE, MEMORY, LOAD, COMPILE, PARTS };

/** Blocks in use, with the part that asked for each. */
static struct {
    void *block;
    uint32_t bytes;
    enum part part;
} blocks[BLOCKS_MAX];
static enum part part_now = INSTANCE;

static _Alignas(16) uint8_t arena[ARENA_BYTES];

static void say(const char *format, ...);
static void fail(const char *what);
static void note(void *block, size_t bytes);
static void forget(const void *block);

#define ENTER(which, call)                                                                                   \
    do {                                                                                                     \
        const enum part before = part_now;                                                                   \
        part_now = which;                                                                                    \
        call;                                                                                                \
        part_now = before;                                                                                   \
    } while (0)

IM3Environment __real_m3_NewEnvironment(void);
IM3Environment __wrap_m3_NewEnvironment(void);
IM3Environment __wrap_m3_NewEnvironment(void) {
    IM3Environment environment;
    ENTER(ENVIRONMENT, environment = __real_m3_NewEnvironment());
    return environment;
}

IM3Runtime __real_m3_NewRuntime(IM3Environment environment, uint32_t stack_bytes, void *context);
IM3Runtime __wrap_m3_NewRuntime(IM3Environment environment, uint32_t stack_bytes, void *context);
IM3Runtime __wrap_m3_NewRuntime(IM3Environment environment, uint32_t stack_bytes, void *context) {
    IM3Runtime runtime;
    ENTER(RUNTIME, runtime = __real_m3_NewRuntime(environment, stack_bytes, context));
    return runtime;
}

M3Result __real_m3_ParseModule(IM3Environment environment, IM3Module *module, const uint8_t *bytes,
                               uint32_t count);
M3Result __wrap_m3_ParseModule(IM3Environment environment, IM3Module *module, const uint8_t *bytes,
                               uint32_t count);
M3Result __wrap_m3_ParseModule(IM3Environment environment, IM3Module *module, const uint8_t *bytes,
                               uint32_t count) {
    M3Result result;
    ENTER(PARSE, result = __real_m3_ParseModule(environment, module, bytes, count));
    return result;
}

M3Result __real_m3_LoadModule(IM3Runtime runtime, IM3Module module);
M3Result __wrap_m3_LoadModule(IM3Runtime runtime, IM3Module module);
M3Result __wrap_m3_LoadModule(IM3Runtime runtime, IM3Module module) {
    M3Result result;
    ENTER(LOAD, result = __real_m3_LoadModule(runtime, module));
    return result;
}

M3Result __real_m3_CompileModule(IM3Module module);
M3Result __wrap_m3_CompileModule(IM3Module module);
M3Result __wrap_m3_CompileModule(IM3Module module) {
    M3Result result;
    ENTER(COMPILE, result = __real_m3_CompileModule(module));
    return result;
}

void *__real_ferrule_arena_allocate(struct ferrule_arena *from, size_t bytes);
void *__wrap_ferrule_arena_allocate(struct ferrule_arena *from, size_t bytes);
void *__wrap_ferrule_arena_allocate(struct ferrule_arena *from, size_t bytes) {
    void *block = __real_ferrule_arena_allocate(from, bytes);
    note(block, bytes);
    return block;
}

void *__real_ferrule_arena_resize(struct ferrule_arena *from, void *block, size_t bytes);
void *__wrap_ferrule_arena_resize(struct ferrule_arena *from, void *block, size_t bytes);
void *__wrap_ferrule_arena_resize(struct ferrule_arena *from, void *block, size_t bytes) {
    void *moved = __real_ferrule_arena_resize(from, block, bytes);
    forget(block);
    note(moved, bytes);
    return moved;
}

void __real_ferrule_arena_free(struct ferrule_arena *from, void *block);
void __wrap_ferrule_arena_free(struct ferrule_arena *from, void *block);
void __wrap_ferrule_arena_free(struct ferrule_arena *from, void *block) {
    __real_ferrule_arena_free(from, block);
    forget(block);
}

int main(void) {
    port_start();
    const struct ferrule_engine_options options = {
        .arena = arena,
        .arena_bytes = sizeof arena,
        .memory_bytes = MEMORY_BYTES,
        .stack_bytes = STACK_BYTES,
        .module = module_wasm,
        .module_bytes = module_wasm_bytes,
    };
    struct ferrule_engine *engine;
    const char *problem;
    if (ferrule_engine_open(&options, &engine, &problem) != FERRULE_ENGINE_OK)
        fail(problem);
    say("%s %s\n", ferrule_engine_name(), port_target());
    uint32_t sums[PARTS] = {0}, used = ferrule_engine_bytes_used(engine), left = used;
    for (uint32_t index = 0; index < BLOCKS_MAX; index++)
        sums[blocks[index].part] += blocks[index].block ? blocks[index].bytes : 0;
    for (uint32_t part = ENVIRONMENT; part < PARTS; part++) {
        left -= sums[part];
        say("HEAP %s %lu\n", names[part], (unsigned long)sums[part]);
    }
    /* The instance itself stands before the blocks; what is left are gaps between them. */
    say("HEAP gaps %lu\n", (unsigned long)left);
    say("HEAP all %lu\n", (unsigned long)used);
    say("done\n");
    port_exit(0);
}

static void note(void *block, size_t bytes) {
    if (!block)
        return;
    uint32_t free_entry = 0;
    while (free_entry < BLOCKS_MAX && blocks[free_entry].block)
        free_entry++;
    if (free_entry == BLOCKS_MAX)
        fail("more blocks than there are entries");
    enum part part = part_now;
    if (part == RUNTIME && bytes >= STACK_BYTES)
        part = STACK;
    if (part == LOAD && bytes >= MEMORY_BYTES)
        part = MEMORY;
    blocks[free_entry].block = block;
    blocks[free_entry].bytes = ((uint32_t)bytes + HEADER_BYTES + HEADER_BYTES - 1) & ~(HEADER_BYTES - 1);
    blocks[free_entry].part = part;
}

static void forget(const void *block) {
    for (uint32_t index = 0; block && index < BLOCKS_MAX; index++)
        if (blocks[index].block == block)
            blocks[index].block = NULL;
}

static void fail(const char *what) {
    say("failed: %s\n", what);
    port_exit(1);
}

static void say(const char *format, ...) {
    char line[128];
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    port_write(line, (size_t)length);
}
