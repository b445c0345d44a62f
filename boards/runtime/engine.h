/*
 * One instance of the core on an engine: wasm3 (engine_wasm3.c) or C translated ahead of time (engine_aot.c).
 * Which one, is decided when a program is linked. An instance takes all its memory from an arena that the
 * caller gives, so that there may be several; the engine allocates nothing else.
 *
 * What comes out of a call is the core's word, not the truth: an address is to be checked against the size of
 * linear memory before it is used.
 */
#ifndef FERRULE_ENGINE_H
#define FERRULE_ENGINE_H

#include <stdbool.h>
#include <stdint.h>

#include "ferrule_abi.h"

/** The module's exports, FERRULE_EXPORT_init and so on, numbered in the order of FERRULE_EXPORTS. */
enum ferrule_export {
#define FERRULE_EXPORT(name, parameters) FERRULE_EXPORT_##name,
    FERRULE_EXPORTS(FERRULE_EXPORT)
#undef FERRULE_EXPORT
        FERRULE_EXPORT_COUNT
};

/** Most parameters that an export has. */
#define FERRULE_PARAMETERS_MAX 4

/** Least linear memory of an instance, in bytes; the smallest configuration needs more. */
#define FERRULE_ENGINE_MEMORY_LEAST 4096u

enum ferrule_engine_status {
    FERRULE_ENGINE_OK,
    /** The core trapped: a bug of its own. Its state may be half changed. */
    FERRULE_ENGINE_TRAP,
    /** The arena is too small. During a call, with `compile_on_use`: the instance is of no use from then on.
     */
    FERRULE_ENGINE_NO_MEMORY,
    /** No module, one that lacks an export, or one that the engine cannot execute. */
    FERRULE_ENGINE_BAD_MODULE,
    /** The module speaks another version of the ABI than this program. */
    FERRULE_ENGINE_WRONG_ABI,
    /** Options or arguments that cannot be. */
    FERRULE_ENGINE_BAD_ARGUMENT,
};

struct ferrule_engine_options {
    /** All memory of the instance, aligned to 8 bytes; it is the engine's until `ferrule_engine_close`. */
    void *arena;
    uint32_t arena_bytes;
    /**
     * Bytes of linear memory. Every access of the core beyond them traps, whatever the module declares. At
     * least FERRULE_ENGINE_MEMORY_LEAST.
     */
    uint32_t memory_bytes;
    /** The module. Used in place: it must stand as long as the instance. Ignored ahead of time. */
    const uint8_t *module;
    uint32_t module_bytes;
    /** wasm3's own stack in bytes, for the locals of all calls under way; 0 for 2,048. Ignored ahead of time.
     */
    uint32_t stack_bytes;
    /**
     * wasm3: each function is compiled when it is called for the first time, and not all of them by
     * `ferrule_engine_open`. Takes less of the arena, and its end may then come during a call.
     */
    bool compile_on_use;
};

/** An instance; it lies in its arena. */
struct ferrule_engine;

/** Name and release of the engine as its own sources tell them: "wasm3 0.5.0", "wasm2c 1.0.39". */
const char *ferrule_engine_name(void);

/** Bytes of linear memory, where that was fixed when the engine was compiled: no other `memory_bytes` will do
 * then, and there is one instance at a time. 0 where it was not. */
uint32_t ferrule_engine_memory_fixed(void);

/**
 * Makes an instance in `*engine`, and asks the module for its ABI version. When it fails `*engine` is NULL,
 * the arena is the caller's again, and `*problem` says what the engine said.
 */
enum ferrule_engine_status ferrule_engine_open(const struct ferrule_engine_options *options,
                                               struct ferrule_engine **engine, const char **problem);

/** Ends an instance: the arena is the caller's again. */
void ferrule_engine_close(struct ferrule_engine *engine);

/**
 * Calls an export with as many arguments as it has parameters. `*result` is set when the status is OK. After
 * TRAP the next call is possible, and what the trap left behind is for the caller to judge; after NO_MEMORY
 * and BAD_MODULE none is.
 */
enum ferrule_engine_status ferrule_engine_call(struct ferrule_engine *engine, enum ferrule_export which,
                                               const uint32_t arguments[], int32_t *result);

/** What went wrong in the last call that did, "out of bounds memory access" say; empty before. */
const char *ferrule_engine_problem(const struct ferrule_engine *engine);

/** Linear memory, aligned to 4 bytes, and its size in `*bytes`. It never moves. */
uint8_t *ferrule_engine_memory(const struct ferrule_engine *engine, uint32_t *bytes);

/** Most bytes that the instance had in use at any time: of its arena, with linear memory wherever that lies.
 */
uint32_t ferrule_engine_bytes_used(const struct ferrule_engine *engine);

/** CRC-32 (that of zlib) of the module that runs; its length in `*bytes`. */
uint32_t ferrule_engine_module_crc32(const struct ferrule_engine *engine, uint32_t *bytes);

#endif
