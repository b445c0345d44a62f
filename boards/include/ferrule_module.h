/*
 * The module that the library brings along, for an engine that does not have it compiled in (wasm3): for `module` and
 * `module_bytes` of ferrule_setup. In programs with the core as C both are left out. The package has it (scripts/pack.mjs).
 */
#ifndef FERRULE_MODULE_H
#define FERRULE_MODULE_H

#include <stdint.h>

extern const uint8_t ferrule_module[];
extern const uint32_t ferrule_module_bytes;

#endif
