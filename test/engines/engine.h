/*
 * One instance of the core on one engine. Which engine that is, is decided when the program is linked:
 * engine_wasm3.c or engine_wasm2c.c.
 */
#ifndef ENGINE_H
#define ENGINE_H

#include <stdint.h>

#include "ferrule_abi.h"

/** The module's exports: CORE_init, CORE_input and so on. */
enum core_export {
#define CORE_EXPORT(name, parameters) CORE_##name,
    FERRULE_EXPORTS(CORE_EXPORT)
#undef CORE_EXPORT
        CORE_EXPORTS
};

/** Most parameters that an export has. */
#define CORE_PARAMETERS_MAX 4

/** Name and release of the engine, as its own sources tell them. */
const char *engine_name(void);

/** CRC-32 of the module that runs; its length in `*bytes`. */
uint32_t engine_module_crc32(uint32_t *bytes);

/** Instantiates the module in `memory_bytes` bytes of linear memory, no more. Returns NULL, or what went
 * wrong. */
const char *engine_start(uint32_t memory_bytes);

/** Linear memory. Its length, which the engine checks every access against, in `*bytes`. */
uint8_t *engine_memory(uint32_t *bytes);

/** Calls an export with as many arguments as it has parameters. Returns NULL, or the name of the trap. */
const char *engine_call(enum core_export which, const uint32_t arguments[], int32_t *result);

#endif
