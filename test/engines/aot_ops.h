/* The functions of the translated module; aot.test.ts writes the table. */
#ifndef AOT_OPS_H
#define AOT_OPS_H

#include "core.h"

#ifndef MEMORY_BYTES
#define MEMORY_BYTES 65536u
#endif

extern uint64_t (*const operations[])(w2c_core *core, uint32_t address, uint64_t value);
extern const unsigned operation_count;

#endif
