/* Where the module is, with an engine that does not have it compiled in. */
#ifndef ESP32_MODULE_H
#define ESP32_MODULE_H

#include <stdint.h>

/**
 * The module in the flash partition FERRULE_MODULE_PARTITION (its label), where that is defined, so that it
 * can be updated alone; the one in the program where it is not, or where that partition holds none. Returns
 * its place, and its bytes in `*bytes`.
 */
const uint8_t *esp32_module(uint32_t *bytes);

#endif
