/* wasm3's sources are compiled with this included first (-include): their heap is the arena of the instance
 * that is being called. See engine_wasm3.c. */
#ifndef FERRULE_WASM3_HEAP_H
#define FERRULE_WASM3_HEAP_H

#include <stdlib.h>

void *ferrule_wasm3_calloc(size_t count, size_t bytes);
void *ferrule_wasm3_realloc(void *block, size_t bytes);
void ferrule_wasm3_free(void *block);

#define malloc(bytes) ferrule_wasm3_calloc(1, bytes)
#define calloc(count, bytes) ferrule_wasm3_calloc(count, bytes)
#define realloc(block, bytes) ferrule_wasm3_realloc(block, bytes)
#define free(block) ferrule_wasm3_free(block)

#endif
