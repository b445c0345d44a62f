/* The bytes of build/core.wasm, which build.ts puts into a C file. */
#ifndef MODULE_H
#define MODULE_H

#include <stdint.h>

extern const uint8_t module_wasm[];
extern const uint32_t module_wasm_bytes;

#endif
