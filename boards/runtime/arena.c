/*
 *   start                                                            end
 *   | header | bytes of a block | header | bytes of a block | ...    |
 *
 * Free blocks that follow each other are joined when a search passes them.
 */
#include "arena.h"

#include <stdbool.h>
#include <string.h>

/** Of blocks, headers included. */
#define ALIGNMENT 8u

/** Stands before each block. */
struct header {
    /** To the next header. */
    uint32_t bytes;
    uint32_t is_used;
};

static struct header *header_of(void *block);
static struct header *next(const struct header *header);
static void join(const struct ferrule_arena *arena, struct header *header);
static void take(struct ferrule_arena *arena, struct header *header, uint32_t bytes);
static uint32_t with_header(size_t bytes);

void ferrule_arena_open(struct ferrule_arena *arena, void *memory, uint32_t bytes) {
    bytes &= ~(ALIGNMENT - 1);
    arena->start = memory;
    arena->end = arena->start + bytes;
    arena->used = 0;
    if (bytes >= sizeof(struct header))
        *(struct header *)memory = (struct header){.bytes = bytes};
    else
        arena->end = arena->start;
}

void *ferrule_arena_allocate(struct ferrule_arena *arena, size_t bytes) {
    uint32_t needed = with_header(bytes);
    if (needed == 0)
        return NULL;
    struct header *header = (struct header *)(void *)arena->start;
    for (; (uint8_t *)header < arena->end; header = next(header)) {
        if (header->is_used)
            continue;
        join(arena, header);
        if (header->bytes < needed)
            continue;
        take(arena, header, needed);
        return memset(header + 1, 0, needed - sizeof *header);
    }
    return NULL;
}

void *ferrule_arena_resize(struct ferrule_arena *arena, void *block, size_t bytes) {
    if (!block)
        return ferrule_arena_allocate(arena, bytes);
    uint32_t needed = with_header(bytes);
    if (needed == 0)
        return NULL;
    struct header *header = header_of(block);
    uint32_t old = header->bytes;
    join(arena, header);
    if (header->bytes >= needed) {
        take(arena, header, needed);
        if (needed > old)
            memset((uint8_t *)header + old, 0, needed - old);
        else
            memset((uint8_t *)block + bytes, 0, needed - sizeof *header - bytes);
        return block;
    }
    /* What was joined in vain is given back. */
    take(arena, header, old);
    void *moved = ferrule_arena_allocate(arena, bytes);
    if (moved) {
        memcpy(moved, block, old - sizeof *header);
        ferrule_arena_free(arena, block);
    }
    return moved;
}

void ferrule_arena_free(struct ferrule_arena *arena, void *block) {
    if (!block)
        return;
    struct header *header = header_of(block);
    header->is_used = false;
    join(arena, header);
}

static struct header *header_of(void *block) {
    return (struct header *)block - 1;
}

static struct header *next(const struct header *header) {
    return (struct header *)(void *)((uint8_t *)(uintptr_t)header + header->bytes);
}

/** Adds the free blocks that follow. */
static void join(const struct ferrule_arena *arena, struct header *header) {
    struct header *after = next(header);
    while ((uint8_t *)after < arena->end && !after->is_used) {
        header->bytes += after->bytes;
        after = next(header);
    }
}

/** Marks the first `bytes` bytes of a block as used; the rest becomes a free block if it can be one. */
static void take(struct ferrule_arena *arena, struct header *header, uint32_t bytes) {
    uint32_t rest = header->bytes - bytes;
    if (rest >= sizeof *header) {
        header->bytes = bytes;
        *next(header) = (struct header){.bytes = rest};
    }
    header->is_used = true;
    uint32_t used = (uint32_t)((uint8_t *)next(header) - arena->start);
    if (used > arena->used)
        arena->used = used;
}

/** Bytes that a block takes; 0 for one that is too large for any arena. */
static uint32_t with_header(size_t bytes) {
    if (bytes > UINT32_MAX / 2)
        return 0;
    return ((uint32_t)bytes + (uint32_t)sizeof(struct header) + ALIGNMENT - 1) & ~(ALIGNMENT - 1);
}
