/* Counts what the engine allocates. */
#ifndef HEAP_H
#define HEAP_H

#include <stdint.h>

/** Bytes allocated now, without the allocator's own overhead. */
uint32_t heap_bytes(void);

#endif
