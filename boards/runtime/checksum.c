#include "checksum.h"

#include <string.h>

/** Loads and stores as one instruction where the place is known to be aligned. */
static uint32_t load32(const uint8_t *at) {
    uint32_t value;
    memcpy(&value, __builtin_assume_aligned(at, 4), sizeof value);
    return value;
}

static uint32_t load16(const uint8_t *at) {
    uint16_t value;
    memcpy(&value, __builtin_assume_aligned(at, 2), sizeof value);
    return value;
}

/** Adds with the carry that one's-complement addition takes around. */
static uint32_t add(uint32_t sum, uint32_t word) {
    sum += word;
    return sum + (uint32_t)(sum < word);
}

uint32_t ferrule_checksum_sum(const uint8_t *data, uint32_t bytes) {
    uint32_t sum = 0;
    if (bytes >= 2 && ((uintptr_t)data & 2) != 0) {
        sum = load16(data);
        data += 2;
        bytes -= 2;
    }
    for (; bytes >= 32; bytes -= 32, data += 32) {
        sum = add(sum, load32(data));
        sum = add(sum, load32(data + 4));
        sum = add(sum, load32(data + 8));
        sum = add(sum, load32(data + 12));
        sum = add(sum, load32(data + 16));
        sum = add(sum, load32(data + 20));
        sum = add(sum, load32(data + 24));
        sum = add(sum, load32(data + 28));
    }
    for (; bytes >= 4; bytes -= 4, data += 4)
        sum = add(sum, load32(data));
    if (bytes >= 2) {
        sum = add(sum, load16(data));
        data += 2;
        bytes -= 2;
    }
    if (bytes > 0) {
        uint8_t last[2] = {*data, 0};
        uint16_t word;
        memcpy(&word, last, sizeof word);
        sum = add(sum, word);
    }
    sum = (sum & 0xffff) + (sum >> 16);
    return (sum & 0xffff) + (sum >> 16);
}
