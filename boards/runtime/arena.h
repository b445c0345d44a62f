/*
 * An allocator in memory that was reserved before: first fit, for engines that allocate while they load a
 * module and hardly ever afterwards. Its only state lies in struct ferrule_arena and in the arena itself.
 */
#ifndef FERRULE_ARENA_H
#define FERRULE_ARENA_H

#include <stddef.h>
#include <stdint.h>

struct ferrule_arena {
    /** First block. Blocks lie one after the other up to `end`. */
    uint8_t *start;
    uint8_t *end;
    /** Most bytes from `start` to the end of a block in use. */
    uint32_t used;
};

/** Makes one free block of `bytes` bytes at `memory`, which is aligned to 8 bytes. */
void ferrule_arena_open(struct ferrule_arena *arena, void *memory, uint32_t bytes);

/** A block of zeros, aligned to 8 bytes; NULL when there is no room for it. */
void *ferrule_arena_allocate(struct ferrule_arena *arena, size_t bytes);

/** The block with another size, moved when it must be; what is new in it is zero. NULL, and the block stays
 * as it was. */
void *ferrule_arena_resize(struct ferrule_arena *arena, void *block, size_t bytes);

/** Gives a block back; NULL is allowed. */
void ferrule_arena_free(struct ferrule_arena *arena, void *block);

#endif
