/*
 * The module for an engine that does not have it compiled in (wasm3): what goes into `module` and
 * `module_bytes` of ferrule_setup. In programs with the core as C both are left out.
 */
#ifndef FERRULE_MODULE_H
#define FERRULE_MODULE_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/** The module that the library brings along: scripts/pack.mjs writes it. */
extern const uint8_t ferrule_module[];
extern const uint32_t ferrule_module_bytes;

/**
 * Bytes of the module that begins at `start`, of which `most` bytes may be read: for one in a flash partition
 * of its own, behind which nothing is known. 0 when there is none: WebAssembly core specification, section
 * 5.5.
 */
uint32_t ferrule_module_length(const uint8_t *start, uint32_t most);

#ifdef __cplusplus
}
#endif

#endif
