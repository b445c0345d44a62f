/* A wire that damages the last octet of each frame of more than a header: work over it must fail. */
#include <string.h>

#include "damage.h"
#include "stack.h"

void damaged_send(void *context, const uint8_t *frame, uint32_t length) {
    static uint8_t copy[2048];
    if (length > sizeof copy)
        work_fail("a frame that is too long");
    memcpy(copy, frame, length);
    if (length > 60)
        copy[length - 1] ^= 1;
    hook_send(context, copy, length);
}
