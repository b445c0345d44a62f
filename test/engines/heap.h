/* Counts what the engine allocates. */
#ifndef HEAP_H
#define HEAP_H

#include <stdint.h>

/** Bytes allocated now, and most at any time, without the allocator's own overhead. */
uint32_t heap_bytes(void);
uint32_t heap_peak_bytes(void);

#endif
