#ifndef DAMAGE_H
#define DAMAGE_H

#include <stdint.h>

/** As `hook_send`. */
void damaged_send(void *context, const uint8_t *frame, uint32_t length);

#endif
