/*
 * The arena by itself: blocks are taken, resized and given back by a seed, each filled with a pattern of its
 * own, and looked at again later. Ends with a status of 0 when nothing overlapped, moved without its
 * contents, or was lost.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include "arena.h"

#define BLOCKS 64u
#define BLOCK_BYTES_MAX 700u
#define STEPS 200000u

static struct {
    uint8_t *memory;
    uint32_t bytes;
    uint8_t pattern;
} blocks[BLOCKS];

static struct ferrule_arena arena;
static uint32_t refused;

static void act(uint32_t index);
static void take(uint32_t index, uint32_t bytes);
static void resize(uint32_t index, uint32_t bytes);
static void look(uint32_t index);
static void check(bool condition, const char *what);
static uint32_t below(uint32_t limit);

int main(int count, char **arguments) {
    check(count == 2, "one argument: bytes of the arena");
    const uint32_t bytes = (uint32_t)strtoul(arguments[1], NULL, 10);
    uint8_t *memory = malloc(bytes);
    check(memory != NULL, "memory");
    ferrule_arena_open(&arena, memory, bytes);
    for (uint32_t step = 0; step < STEPS; step++)
        act(below(BLOCKS));
    for (uint32_t i = 0; i < BLOCKS; i++) {
        look(i);
        ferrule_arena_free(&arena, blocks[i].memory);
    }
    check(arena.used <= bytes, "more in use than there is");
    check(ferrule_arena_allocate(&arena, SIZE_MAX) == NULL, "a block of all there is");
    check(ferrule_arena_allocate(&arena, bytes) == NULL, "a block without room for its header");
    /* All was given back: the blocks are one again. */
    check(bytes < 16 || ferrule_arena_allocate(&arena, (bytes & ~7u) - 8) != NULL, "blocks were lost");
    printf("%u refused\n", (unsigned)refused);
    free(memory);
    return 0;
}

static void act(uint32_t index) {
    look(index);
    const uint32_t bytes = below(BLOCK_BYTES_MAX);
    if (!blocks[index].memory) {
        take(index, bytes);
    } else if (below(2) == 0) {
        resize(index, bytes);
    } else {
        ferrule_arena_free(&arena, blocks[index].memory);
        blocks[index].memory = NULL;
    }
}

static void fill(uint32_t index, uint8_t *memory, uint32_t bytes) {
    blocks[index].memory = memory;
    blocks[index].bytes = bytes;
    blocks[index].pattern = (uint8_t)below(256);
    for (uint32_t i = 0; i < bytes; i++)
        memory[i] = blocks[index].pattern;
}

static void take(uint32_t index, uint32_t bytes) {
    uint8_t *memory = ferrule_arena_allocate(&arena, bytes);
    if (!memory) {
        refused++;
        return;
    }
    check(((uintptr_t)memory & 7) == 0, "a block that is not aligned");
    for (uint32_t i = 0; i < bytes; i++)
        check(memory[i] == 0, "a block that is not zero");
    fill(index, memory, bytes);
}

static void resize(uint32_t index, uint32_t bytes) {
    uint8_t *memory = ferrule_arena_resize(&arena, blocks[index].memory, bytes);
    if (!memory) {
        refused++;
        look(index);
        return;
    }
    for (uint32_t i = 0; i < bytes; i++) {
        const uint8_t wanted = i < blocks[index].bytes ? blocks[index].pattern : 0;
        check(memory[i] == wanted, "contents that were lost on the way, or what is new is not zero");
    }
    fill(index, memory, bytes);
}

/** What was written is still there. */
static void look(uint32_t index) {
    if (!blocks[index].memory)
        return;
    for (uint32_t i = 0; i < blocks[index].bytes; i++)
        check(blocks[index].memory[i] == blocks[index].pattern, "a block that was written over");
}

static void check(bool condition, const char *what) {
    if (condition)
        return;
    fprintf(stderr, "%s\n", what);
    exit(1);
}

static uint32_t below(uint32_t limit) {
    static uint32_t state = 1;
    state ^= state << 13;
    state ^= state >> 17;
    state ^= state << 5;
    return state % limit;
}
