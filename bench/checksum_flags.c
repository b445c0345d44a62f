/*
 * A driver that adds up the octets of each frame natively, and tells the core: input with the flag
 * CHECKSUM_SUM, output with OUTPUT_CHECKSUM_OFFLOAD. The linker puts `__wrap_ferrule_engine_call` before the
 * engine's own (-Wl,--wrap): the runtime is the very one of a firmware. The native work is counted apart, in
 * `meter_native`.
 */
#include <string.h>

#include "engine.h"
#include "meter.h"
#include "stack.h"

#define ETHERNET_BYTES 14

enum ferrule_engine_status __real_ferrule_engine_call(struct ferrule_engine *engine,
                                                      enum ferrule_export which, const uint32_t arguments[],
                                                      int32_t *result);
enum ferrule_engine_status __wrap_ferrule_engine_call(struct ferrule_engine *engine,
                                                      enum ferrule_export which, const uint32_t arguments[],
                                                      int32_t *result);
uint32_t hook_native_sum(const uint8_t *at, uint32_t bytes);

static uint32_t native_sum(const uint8_t *at, uint32_t bytes);
static const struct ferrule_state_header *header_in(const uint8_t *memory);

/** Where the head of the core's state is: known after `init`. */
static uint32_t base;

enum ferrule_engine_status __wrap_ferrule_engine_call(struct ferrule_engine *engine,
                                                      enum ferrule_export which, const uint32_t arguments[],
                                                      int32_t *result) {
    if (which == FERRULE_EXPORT_init)
        base = arguments[0];
    if (which != FERRULE_EXPORT_input && which != FERRULE_EXPORT_output)
        return __real_ferrule_engine_call(engine, which, arguments, result);
    uint32_t memory_bytes;
    uint8_t *memory = ferrule_engine_memory(engine, &memory_bytes);
    if (which == FERRULE_EXPORT_input) {
        const uint8_t *frame = memory + header_in(memory)->input_slot;
        const uint32_t length = arguments[0];
        const uint32_t sum =
            length > ETHERNET_BYTES ? native_sum(frame + ETHERNET_BYTES, length - ETHERNET_BYTES) : 0;
        const uint32_t flagged[] = {length, FERRULE_INPUT_FLAG_CHECKSUM_SUM | sum << 16, arguments[2], 0};
        return __real_ferrule_engine_call(engine, which, flagged, result);
    }
    enum ferrule_engine_status status = __real_ferrule_engine_call(engine, which, arguments, result);
    const struct ferrule_state_header *header = header_in(memory);
    if (status == FERRULE_ENGINE_OK && *result > 0 && header->checksum_start != 0) {
        uint8_t *start = memory + header->output_slot + header->checksum_start;
        const uint32_t sum = native_sum(start, (uint32_t)*result - header->checksum_start);
        const uint16_t checksum = (uint16_t)~sum;
        memcpy(start + header->checksum_offset, &checksum, sizeof checksum);
    }
    return status;
}

static const struct ferrule_state_header *header_in(const uint8_t *memory) {
    return (const struct ferrule_state_header *)(const void *)(memory + base);
}

static uint32_t native_sum(const uint8_t *at, uint32_t bytes) {
    meter_pause();
    const uint64_t before = port_instructions();
    const uint32_t sum = hook_native_sum(at, bytes);
    meter_native += port_instructions() - before;
    meter_resume();
    return sum;
}

/** The sum of 16-bit words as they lie in memory, RFC 1071. `at` is aligned to 4 bytes: slots are made for
 * that. */
uint32_t hook_native_sum(const uint8_t *at, uint32_t bytes) {
    const uint32_t *words = (const uint32_t *)(const void *)at;
    uint64_t sum = 0;
    uint32_t left = bytes;
    for (; left >= 32; left -= 32, words += 8) {
        sum += words[0];
        sum += words[1];
        sum += words[2];
        sum += words[3];
        sum += words[4];
        sum += words[5];
        sum += words[6];
        sum += words[7];
    }
    for (; left >= 4; left -= 4)
        sum += *words++;
    if (left > 0) {
        uint32_t last = 0;
        memcpy(&last, words, left);
        sum += last;
    }
    uint32_t folded = (uint32_t)(sum >> 32) + (uint32_t)(sum >> 16 & 0xffff) + (uint32_t)(sum & 0xffff);
    while (folded >> 16)
        folded = (folded & 0xffff) + (folded >> 16);
    return folded;
}
