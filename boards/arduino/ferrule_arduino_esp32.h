/* Sketches on an ESP32: chip and pins, when they are others than ferrule_esp32_defaults has. */
#ifndef FERRULE_ARDUINO_ESP32_H
#define FERRULE_ARDUINO_ESP32_H

#include "ferrule_esp32.h"

#ifdef __cplusplus
extern "C" {
#endif

/**
 * Before Ferrule.begin: what to start. Its addresses and host name are those of `begin`, as is its MAC
 * address if `begin` is given one. `config` is copied; what it points to must stay. Without this call it is a
 * W5500 on the default pins.
 */
void ferrule_arduino_esp32(const struct ferrule_esp32_config *config);

#ifdef __cplusplus
}
#endif

#endif
