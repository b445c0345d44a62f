/* The Internet checksum (RFC 1071) in native code: for cores on an engine where adding up costs many times as
 * much. */
#ifndef FERRULE_CHECKSUM_H
#define FERRULE_CHECKSUM_H

#include <stdint.h>

/**
 * The one's-complement sum of `bytes` bytes at `data`, which is aligned to 2, as 16-bit words in memory
 * order; an odd byte at the end counts as the first of a word. 0 to 0xffff.
 */
uint32_t ferrule_checksum_sum(const uint8_t *data, uint32_t bytes);

#endif
