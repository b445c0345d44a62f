/* Where a module ends. */
#include <stdbool.h>
#include <string.h>

#include "ferrule_module.h"

#define SECTION_LAST 12u

/** Reads a number of LEB128 (section 5.2.2) at `*at`; moves `*at` behind it. False when it does not end
 * before `end`. */
static bool read_number(const uint8_t *bytes, uint32_t *at, uint32_t end, uint32_t *number) {
    *number = 0;
    for (uint32_t shift = 0; shift < 32 && *at < end; shift += 7) {
        const uint8_t octet = bytes[(*at)++];
        *number |= (uint32_t)(octet & 0x7f) << shift;
        if ((octet & 0x80) == 0)
            return true;
    }
    return false;
}

uint32_t ferrule_module_length(const uint8_t *start, uint32_t most) {
    static const uint8_t magic[8] = {0, 'a', 's', 'm', 1, 0, 0, 0};
    if (most < sizeof magic || memcmp(start, magic, sizeof magic) != 0)
        return 0;
    uint32_t at = sizeof magic;
    /* Flash that was erased is no section's number; zeros would be empty custom sections, of which the core
     * has none. */
    while (at < most && start[at] != 0 && start[at] <= SECTION_LAST) {
        uint32_t bytes;
        at++;
        if (!read_number(start, &at, most, &bytes) || bytes > most - at)
            return 0;
        at += bytes;
    }
    return at == sizeof magic ? 0 : at;
}
