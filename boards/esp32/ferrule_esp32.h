/*
 * Ferrule on an ESP32, S3 or C3: one call that sets up the pins, the chip, the core and its task, on ESP-IDF
 * 5, also under Arduino. Wi-Fi, Bluetooth and lwIP go on beside it, and are not touched.
 *
 *     struct ferrule_esp32_config config;
 *     struct ferrule_net *net;
 *
 *     ferrule_esp32_defaults(&config, FERRULE_ESP32_W5500);
 *     config.host_name = "sensor";
 *     if (ferrule_esp32_start(&config, &net) < 0) ...
 *     ferrule_net_wait_address(net, NULL, 10000);
 *
 * There is one device. Its memory is internal RAM that DMA reaches. What of this is proved where:
 * docs/esp32.md.
 */
#ifndef FERRULE_ESP32_H
#define FERRULE_ESP32_H

#include "esp32_eth.h"
#include "esp32_spi.h"
#include "ferrule_net.h"

#ifdef __cplusplus
extern "C" {
#endif

/** What carries the frames. */
enum ferrule_esp32_chip {
    FERRULE_ESP32_W5500,
    FERRULE_ESP32_ENC28J60,
    /** A driver of ESP-IDF: `eth` in the configuration. */
    FERRULE_ESP32_ESP_ETH,
};

/** Where random octets come from: the chip's generator gives true ones only while a source feeds it. */
enum ferrule_esp32_entropy {
    /** Starts the source of the bootloader (ADC noise) for the time of `ferrule_esp32_start`, which is not
     * possible while the program uses the ADC, I2S, Wi-Fi or Bluetooth: call it before. */
    FERRULE_ESP32_ENTROPY_BOOTLOADER,
    /** Wi-Fi or Bluetooth runs, before `ferrule_esp32_start`. */
    FERRULE_ESP32_ENTROPY_RADIO,
};

struct ferrule_esp32_config {
    enum ferrule_esp32_chip chip;
    /** SPI, for the first two. */
    spi_host_device_t host;
    struct esp32_spi_pins pins;
    /** At most: the bus takes the next lower clock that it can make. */
    uint32_t clock_hz;
    /** For ESP_ETH: with its `handle`, a driver that is installed, not started, and not attached to a netif.
     * It must stay.
     */
    struct esp32_eth *eth;
    enum ferrule_esp32_entropy entropy;
    /**
     * Addresses, numbers and sizes. `core.mac` of zeros: the one that the processor has for Ethernet.
     * `core.address` of zeros: DHCP, which takes the standard build of the core.
     */
    struct ferrule_config core;
    /** What DHCP servers are told; NULL for nothing. It must stay. */
    const char *host_name;
    /** Take an address of RFC 3927 while no DHCP server answers. */
    bool link_local;
    enum ferrule_checksums checksums;
    /** The module, which must stay; NULL with an engine that has it compiled in. */
    const uint8_t *module;
    uint32_t module_bytes;
    /** Aligned to 16, in internal RAM; NULL: so much is taken from the heap. */
    void *memory;
    uint32_t memory_bytes;
    /** Of the stack's task: bytes; priority; a core of the processor, or tskNO_AFFINITY. */
    uint32_t stack_bytes;
    uint32_t priority;
    int core_id;
    /** Hears that the core has trapped; may be NULL. */
    void (*trapped)(void *context, const char *trap);
    void *context;
};

/**
 * Fills in pins of the usual boards for this processor, or those of the build flags FERRULE_PIN_SCLK, _MISO,
 * _MOSI, _CS, _INT and _RESET (-1: not wired); the address of FERRULE_STATIC_ADDRESS, FERRULE_NETMASK and
 * FERRULE_GATEWAY (four numbers with commas each) where they are defined; the module with wasm3; the chip's
 * clock, six connections with rings of 4 KB, two datagram sockets, and what memory and stack they take on the
 * engine that is linked. With the build `core` set `core.datagram_sockets`, `core.datagram_queue_bytes`,
 * `core.queries` and `core.cache_entries` to 0, and `core.address` to one.
 */
void ferrule_esp32_defaults(struct ferrule_esp32_config *config, enum ferrule_esp32_chip chip);

/**
 * Starts the device, and DHCP where that is wanted; it does not wait for a link or an address. What `config`
 * points to must stay, `config` itself need not. The device is in `*net` after success. Returns OK; what
 * `ferrule_net_start` or `ferrule_net_dhcp` says; MEMORY when the heap has none; INVALID_ARGUMENT when
 * ESP-IDF refuses pins, bus or driver, which its log then has; ALREADY_CONNECTED when it runs.
 */
int32_t ferrule_esp32_start(const struct ferrule_esp32_config *config, struct ferrule_net **net);

/** Stops it, and gives back what it took. */
void ferrule_esp32_stop(void);

/** What became of frames and of the chip; NULL while it does not run. */
const struct ferrule_netdev_statistics *ferrule_esp32_statistics(void);

#ifdef __cplusplus
}
#endif

#endif
