/*
 * Any network device that ESP-IDF has a driver for, esp_eth: the ESP32's own MAC, or a chip. Its frames do
 * not go to lwIP then: do not give the handle to esp_netif_attach.
 *
 * ESP-IDF's driver allocates each frame that it receives; here it is copied into a queue that stands, and
 * freed.
 */
#ifndef ESP32_ETH_H
#define ESP32_ETH_H

#include "esp_err.h"
#include "esp_eth.h"
#include "netdev.h"

/** Frames that wait for the stack's thread. */
#ifndef ESP32_ETH_FRAMES
#define ESP32_ETH_FRAMES 8u
#endif

/** Longest frame, with a VLAN tag. */
#define ESP32_ETH_BYTES 1518u

struct esp32_eth {
    struct ferrule_netdev netdev;
    struct ferrule_netdev_statistics statistics;
    esp_eth_handle_t handle;
    bool is_linked;
    /** Who is told that something happened. */
    void (*wake)(void *context);
    void *wake_context;
    /** Frames put in by the driver's task, and taken out by the stack's; both may wrap. */
    uint32_t put, taken;
    uint32_t lengths[ESP32_ETH_FRAMES];
    uint8_t frames[ESP32_ETH_FRAMES][ESP32_ETH_BYTES];
};

/** Takes the frames of a driver that is installed and not started, and starts it. `wake(context)` is called
 * by tasks of ESP-IDF. Returns what ESP-IDF says. */
esp_err_t esp32_eth_open(struct esp32_eth *eth, void (*wake)(void *context), void *context);

/** Stops the driver, which stays installed. */
void esp32_eth_close(struct esp32_eth *eth);

#endif
