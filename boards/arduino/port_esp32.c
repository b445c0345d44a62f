/* Where the Arduino classes' device comes from on an ESP32: boards/esp32. Empty elsewhere. */
#ifdef ESP_PLATFORM

#include <string.h>

#include "ferrule_arduino_esp32.h"
#include "ferrule_arduino_port.h"

/** Unless the sketch says otherwise: of build flags. */
#ifdef FERRULE_CHIP_ENC28J60
#define CHIP FERRULE_ESP32_ENC28J60
#else
#define CHIP FERRULE_ESP32_W5500
#endif

static struct ferrule_esp32_config chosen;
static bool has_chosen;

static void complete(struct ferrule_config *core, const uint8_t *mac,
                     const struct ferrule_arduino_address *address);

void ferrule_arduino_esp32(const struct ferrule_esp32_config *config) {
    chosen = *config;
    has_chosen = true;
}

int32_t ferrule_arduino_port_start(struct ferrule_net **net, const uint8_t *mac,
                                   const struct ferrule_arduino_address *address, const char *host_name) {
    struct ferrule_esp32_config config;
    if (has_chosen)
        config = chosen;
    else
        ferrule_esp32_defaults(&config, CHIP);
    complete(&config.core, mac, address);
    config.host_name = host_name;
    return ferrule_esp32_start(&config, net);
}

void ferrule_arduino_port_stop(void) {
    ferrule_esp32_stop();
}

static void complete(struct ferrule_config *core, const uint8_t *mac,
                     const struct ferrule_arduino_address *address) {
    if (mac)
        memcpy(core->mac, mac, sizeof core->mac);
    if (address) {
        memcpy(core->address, address->address, 4);
        memcpy(core->netmask, address->netmask, 4);
        memcpy(core->gateway, address->gateway, 4);
#ifndef FERRULE_MODULE_CORE
        memcpy(core->dns_server0, address->dns, 4);
#endif
    }
}

#endif
