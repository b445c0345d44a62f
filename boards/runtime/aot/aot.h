/*
 * What the code from wasm2c is made of: loads, stores and operations that may trap. scripts/aot.mjs puts this
 * in the place of wasm2c's own prologue, and writes `i32_load(address, offset)` where wasm2c adds both as
 * 64-bit numbers.
 *
 * Every access is checked against the size of linear memory with one compare: sizes and offsets are
 * constants, and memory is never smaller than AOT_MEMORY_LEAST, so that `bytes - (offset + size)` cannot be
 * negative.
 *
 * The core keeps its records and frames aligned and says so by the access it chooses, so that an access at an
 * address that is no multiple of its size is a bug of the core. Wasm would let it pass; here it traps, on
 * every processor: many of those that this is for cannot do it, and code for both cases takes 40 % more
 * flash.
 */
#ifndef FERRULE_AOT_H
#define FERRULE_AOT_H

#include <stdbool.h>
#include <string.h>

#define LIKELY(condition) __builtin_expect(!!(condition), 1)
#define UNLIKELY(condition) __builtin_expect(!!(condition), 0)

#define AOT_INLINE static inline __attribute__((always_inline, unused))

/* `instance` is a parameter of every generated function. */
#define TRAP(reason) (wasm_rt_trap(&instance->w2c_memory, WASM_RT_TRAP_##reason), 0)
#define UNREACHABLE TRAP(UNREACHABLE)

/* Neither changes while a function runs: the compiler may keep both in registers. */
#ifdef FERRULE_AOT_MEMORY_BYTES
#define FUNC_PROLOGUE
#define AOT_MEMORY ferrule_aot_memory, FERRULE_AOT_MEMORY_BYTES
#else
#define FUNC_PROLOGUE                                                                                        \
    uint8_t *const aot_data = instance->w2c_memory.data;                                                     \
    const uint32_t aot_bytes = instance->w2c_memory.bytes;                                                   \
    (void)aot_data;                                                                                          \
    (void)aot_bytes
#define AOT_MEMORY aot_data, aot_bytes
#endif
#define FUNC_EPILOGUE

#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "linear memory is little-endian, and so must the processor be"
#endif

/** Whether `size` bytes at `address + offset` may lie outside of memory. */
AOT_INLINE bool aot_beyond(uint32_t bytes, uint32_t address, uint32_t offset, uint32_t size) {
    if (__builtin_constant_p(address) && address <= AOT_MEMORY_LEAST && offset <= AOT_MEMORY_LEAST &&
        address + offset + size <= AOT_MEMORY_LEAST)
        return false;
    return address > bytes - (offset + size);
}

/** Whether a range lies outside of memory. */
AOT_INLINE bool aot_range_beyond(uint32_t bytes, uint32_t address, uint32_t length) {
    return length > bytes || address > bytes - length;
}

/** Whether an address is one that every processor can read `size` bytes from: 64 bits go as two words where
 * they must. */
AOT_INLINE bool aot_misaligned(uint32_t address, uint32_t size) {
    return (address & ((size < 4 ? size : 4) - 1)) != 0;
}

/* What the core writes in one size it may read in another. */
#define AOT_DEFINE_CELL(type, alignment)                                                                     \
    typedef type aot_##type __attribute__((may_alias, aligned(alignment)));

AOT_DEFINE_CELL(u8, 1)
AOT_DEFINE_CELL(u16, 2)
AOT_DEFINE_CELL(u32, 4)
AOT_DEFINE_CELL(u64, 4)

#define AOT_CHECK_BOUNDS(size)                                                                               \
    if (UNLIKELY(aot_beyond(bytes, address, offset, size)))                                                  \
    wasm_rt_trap(memory, WASM_RT_TRAP_OOB)
#define AOT_CHECK_ALIGNMENT(size)                                                                            \
    if (UNLIKELY(aot_misaligned(address + offset, size)))                                                    \
    wasm_rt_trap(memory, WASM_RT_TRAP_MISALIGNED)

/* An access that an earlier check covers. In the builds for sanitizers that is put to the test. */
#ifdef FERRULE_AOT_VERIFY
#define AOT_CHECK_COVERED(size)                                                                              \
    if (aot_beyond(bytes, address, offset, size))                                                            \
    __builtin_trap()
#else
#define AOT_CHECK_COVERED(size) (void)bytes
#endif

/** Defines an access twice: with its own check of the bounds, and, `_within`, for one that is covered.
 * `cell`: how it lies in memory; `widened`: signed or not. */
#define AOT_DEFINE_LOAD(name, cell, widened, result)                                                         \
    AOT_DEFINE_ONE_LOAD(name, CHECK_BOUNDS, cell, widened, result)                                           \
    AOT_DEFINE_ONE_LOAD(name##_within, CHECK_COVERED, cell, widened, result)
#define AOT_DEFINE_ONE_LOAD(name, check, cell, widened, result)                                              \
    AOT_INLINE result aot_##name(wasm_rt_memory_t *memory, uint8_t *data, uint32_t bytes, u32 address,       \
                                 u32 offset) {                                                               \
        AOT_##check(sizeof(cell));                                                                           \
        AOT_CHECK_ALIGNMENT(sizeof(cell));                                                                   \
        return (result)(widened) * (const aot_##cell *)(const void *)(data + offset + address);              \
    }
#define AOT_DEFINE_STORE(name, cell, operand)                                                                \
    AOT_DEFINE_ONE_STORE(name, CHECK_BOUNDS, cell, operand)                                                  \
    AOT_DEFINE_ONE_STORE(name##_within, CHECK_COVERED, cell, operand)
#define AOT_DEFINE_ONE_STORE(name, check, cell, operand)                                                     \
    AOT_INLINE void aot_##name(wasm_rt_memory_t *memory, uint8_t *data, uint32_t bytes, u32 address,         \
                               u32 offset, operand value) {                                                  \
        AOT_##check(sizeof(cell));                                                                           \
        AOT_CHECK_ALIGNMENT(sizeof(cell));                                                                   \
        *(aot_##cell *)(void *)(data + offset + address) = (cell)value;                                      \
    }

AOT_DEFINE_LOAD(i32_load, u32, u32, u32)
AOT_DEFINE_LOAD(i32_load8_u, u8, u8, u32)
AOT_DEFINE_LOAD(i32_load8_s, u8, s8, u32)
AOT_DEFINE_LOAD(i32_load16_u, u16, u16, u32)
AOT_DEFINE_LOAD(i32_load16_s, u16, s16, u32)
AOT_DEFINE_LOAD(i64_load, u64, u64, u64)
AOT_DEFINE_LOAD(i64_load8_u, u8, u8, u64)
AOT_DEFINE_LOAD(i64_load8_s, u8, s8, u64)
AOT_DEFINE_LOAD(i64_load16_u, u16, u16, u64)
AOT_DEFINE_LOAD(i64_load16_s, u16, s16, u64)
AOT_DEFINE_LOAD(i64_load32_u, u32, u32, u64)
AOT_DEFINE_LOAD(i64_load32_s, u32, s32, u64)
AOT_DEFINE_STORE(i32_store, u32, u32)
AOT_DEFINE_STORE(i32_store8, u8, u32)
AOT_DEFINE_STORE(i32_store16, u16, u32)
AOT_DEFINE_STORE(i64_store, u64, u64)
AOT_DEFINE_STORE(i64_store8, u8, u64)
AOT_DEFINE_STORE(i64_store16, u16, u64)
AOT_DEFINE_STORE(i64_store32, u32, u64)

/** Checks that memory reaches to `address + end`, for the accesses that follow. */
AOT_INLINE void aot_reach(wasm_rt_memory_t *memory, const uint8_t *data, uint32_t bytes, u32 address,
                          u32 end) {
    (void)data;
    if (UNLIKELY(aot_beyond(bytes, address, 0, end)))
        wasm_rt_trap(memory, WASM_RT_TRAP_OOB);
}

#define AOT_REACH(address, end) aot_reach(&instance->w2c_memory, AOT_MEMORY, address, end)
#define AOT_ACCESS(name, ...) aot_##name(&instance->w2c_memory, AOT_MEMORY, __VA_ARGS__)
#define AOT_WITHIN(name, ...) aot_##name##_within(&instance->w2c_memory, AOT_MEMORY, __VA_ARGS__)
#define i32_load(...) AOT_ACCESS(i32_load, __VA_ARGS__)
#define i32_load8_u(...) AOT_ACCESS(i32_load8_u, __VA_ARGS__)
#define i32_load8_s(...) AOT_ACCESS(i32_load8_s, __VA_ARGS__)
#define i32_load16_u(...) AOT_ACCESS(i32_load16_u, __VA_ARGS__)
#define i32_load16_s(...) AOT_ACCESS(i32_load16_s, __VA_ARGS__)
#define i64_load(...) AOT_ACCESS(i64_load, __VA_ARGS__)
#define i64_load8_u(...) AOT_ACCESS(i64_load8_u, __VA_ARGS__)
#define i64_load8_s(...) AOT_ACCESS(i64_load8_s, __VA_ARGS__)
#define i64_load16_u(...) AOT_ACCESS(i64_load16_u, __VA_ARGS__)
#define i64_load16_s(...) AOT_ACCESS(i64_load16_s, __VA_ARGS__)
#define i64_load32_u(...) AOT_ACCESS(i64_load32_u, __VA_ARGS__)
#define i64_load32_s(...) AOT_ACCESS(i64_load32_s, __VA_ARGS__)
#define i32_store(...) AOT_ACCESS(i32_store, __VA_ARGS__)
#define i32_store8(...) AOT_ACCESS(i32_store8, __VA_ARGS__)
#define i32_store16(...) AOT_ACCESS(i32_store16, __VA_ARGS__)
#define i64_store(...) AOT_ACCESS(i64_store, __VA_ARGS__)
#define i64_store8(...) AOT_ACCESS(i64_store8, __VA_ARGS__)
#define i64_store16(...) AOT_ACCESS(i64_store16, __VA_ARGS__)
#define i64_store32(...) AOT_ACCESS(i64_store32, __VA_ARGS__)

AOT_INLINE void aot_memory_fill(wasm_rt_memory_t *memory, uint8_t *data, uint32_t bytes, u32 to, u32 value,
                                u32 length) {
    if (UNLIKELY(aot_range_beyond(bytes, to, length)))
        wasm_rt_trap(memory, WASM_RT_TRAP_OOB);
    memset(data + to, (int)(value & 0xff), length);
}

AOT_INLINE void aot_memory_copy(wasm_rt_memory_t *memory, uint8_t *data, uint32_t bytes, u32 to, u32 from,
                                u32 length) {
    if (UNLIKELY(aot_range_beyond(bytes, to, length) || aot_range_beyond(bytes, from, length)))
        wasm_rt_trap(memory, WASM_RT_TRAP_OOB);
    memmove(data + to, data + from, length);
}

/* There is one memory: the operands that name it are left out. */
#define memory_fill(memory, ...) AOT_ACCESS(memory_fill, __VA_ARGS__)
#define memory_copy(to, from, ...) AOT_ACCESS(memory_copy, __VA_ARGS__)

/* The engine has made linear memory before it instantiates the module, and gives it back itself. */
#define wasm_rt_allocate_memory(memory, pages, pages_max, is64, page_size) (void)instance
#define wasm_rt_free_memory(memory) (void)instance
#define LOAD_DATA(memory, to, from, length)                                                                  \
    do {                                                                                                     \
        if (aot_range_beyond((memory).bytes, to, length))                                                    \
            (void)TRAP(OOB);                                                                                 \
        memcpy((memory).data + (to), from, length);                                                          \
    } while (0)

#define I32_CLZ(x) ((u32)((x) ? __builtin_clz(x) : 32))
#define I64_CLZ(x) ((u64)((x) ? __builtin_clzll(x) : 64))
#define I32_CTZ(x) ((u32)((x) ? __builtin_ctz(x) : 32))
#define I64_CTZ(x) ((u64)((x) ? __builtin_ctzll(x) : 64))
#define I32_POPCNT(x) ((u32)__builtin_popcount(x))
#define I64_POPCNT(x) ((u64)__builtin_popcountll(x))
#define I32_ROTL(x, n) ((x) << ((n)&31) | (x) >> (-(n)&31))
#define I32_ROTR(x, n) ((x) >> ((n)&31) | (x) << (-(n)&31))
#define I64_ROTL(x, n) ((x) << ((n)&63) | (x) >> (-(n)&63))
#define I64_ROTR(x, n) ((x) >> ((n)&63) | (x) << (-(n)&63))

#define DIV_U(x, y) ((y) == 0 ? TRAP(DIV_BY_ZERO) : (x) / (y))
#define REM_U(x, y) ((y) == 0 ? TRAP(DIV_BY_ZERO) : (x) % (y))
#define AOT_DIV_S(u, s, least, x, y)                                                                         \
    ((y) == 0                                 ? (u)TRAP(DIV_BY_ZERO)                                         \
     : (s)(x) == (least) && (s)(y) == (s)(-1) ? (u)TRAP(INT_OVERFLOW)                                        \
                                              : (u)((s)(x) / (s)(y)))
#define AOT_REM_S(u, s, x, y)                                                                                \
    ((y) == 0 ? (u)TRAP(DIV_BY_ZERO) : (s)(y) == (s)(-1) ? (u)0 : (u)((s)(x) % (s)(y)))
#define I32_DIV_S(x, y) AOT_DIV_S(u32, s32, INT32_MIN, x, y)
#define I64_DIV_S(x, y) AOT_DIV_S(u64, s64, INT64_MIN, x, y)
#define I32_REM_S(x, y) AOT_REM_S(u32, s32, x, y)
#define I64_REM_S(x, y) AOT_REM_S(u64, s64, x, y)

#define FUNC_TYPE_T(name) __attribute__((unused)) static const char *const name

#endif
