/*
 * The linker puts these in the place of malloc and its kin (-Wl,--wrap=malloc and so on). Before each block
 * stands its length.
 */
#include "heap.h"

#include <stddef.h>
#include <string.h>

/** Keeps the blocks as aligned as malloc's own. */
#define HEADER_BYTES 16

void *__real_malloc(size_t bytes);
void __real_free(void *block);
void *__wrap_malloc(size_t bytes);
void *__wrap_calloc(size_t count, size_t bytes);
void *__wrap_realloc(void *block, size_t bytes);
void __wrap_free(void *block);

static size_t allocated;

uint32_t heap_bytes(void) {
    return (uint32_t)allocated;
}

void *__wrap_malloc(size_t bytes) {
    uint8_t *header = bytes <= SIZE_MAX - HEADER_BYTES ? __real_malloc(HEADER_BYTES + bytes) : NULL;
    if (!header)
        return NULL;
    memcpy(header, &bytes, sizeof bytes);
    allocated += bytes;
    return header + HEADER_BYTES;
}

void *__wrap_calloc(size_t count, size_t bytes) {
    void *block = bytes == 0 || count <= SIZE_MAX / bytes ? __wrap_malloc(count * bytes) : NULL;
    if (block)
        memset(block, 0, count * bytes);
    return block;
}

void *__wrap_realloc(void *block, size_t bytes) {
    void *moved = __wrap_malloc(bytes);
    if (!moved || !block)
        return moved;
    size_t old;
    memcpy(&old, (uint8_t *)block - HEADER_BYTES, sizeof old);
    memcpy(moved, block, old < bytes ? old : bytes);
    __wrap_free(block);
    return moved;
}

void __wrap_free(void *block) {
    if (!block)
        return;
    uint8_t *header = (uint8_t *)block - HEADER_BYTES;
    size_t bytes;
    memcpy(&bytes, header, sizeof bytes);
    allocated -= bytes;
    __real_free(header);
}
