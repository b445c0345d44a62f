#include "ferrule_esp32.h"

#include <string.h>

#include "bootloader_random.h"
#include "enc28j60.h"
#include "esp32_module.h"
#include "esp_attr.h"
#include "esp_heap_caps.h"
#include "esp_log.h"
#include "esp_mac.h"
#include "esp_random.h"
#include "esp_timer.h"
#include "os_freertos.h"
#include "sdkconfig.h"
#include "w5500.h"

/** What the configuration below takes: 66 KB ahead of time, 160 KB more on wasm3 with the standard build. */
#define MEMORY_BYTES (72u * 1024u)
#define MEMORY_WASM3_BYTES (232u * 1024u)

/** The divisors of 80 MHz that come next: 33 MHz are the W5500's limit, 20 the ENC28J60's. */
#define W5500_HZ 26666666u
#define ENC28J60_HZ 16000000u

/** TCSH of MAC and MII registers: ENC28J60 datasheet, section 16.0. */
#define ENC28J60_HOLD_NS 210u

/** Of the stack's task: docs/esp32.md. wasm3 is deep where the compiler makes no tail calls, which is on
 * Xtensa. */
#define STACK_BYTES (6u * 1024u)
#if CONFIG_IDF_TARGET_ARCH_XTENSA
#define STACK_WASM3_BYTES (24u * 1024u)
#else
#define STACK_WASM3_BYTES (10u * 1024u)
#endif

/** Below ESP-IDF's own tasks for Wi-Fi (23), lwIP (18), timers (22). */
#define PRIORITY 15u

/** Seeds drawn while the generator's source runs: two for the start, the others for restarts. */
#define SEEDS 8u

static const char tag[] = "ferrule";

/** The device: internal RAM, as all static data. */
static struct {
    struct ferrule_net net;
    struct ferrule_setup setup;
    struct os_freertos port;
    struct esp32_spi spi;
    union {
        struct w5500 w5500;
        struct enc28j60 enc28j60;
    } chip;
    struct ferrule_esp32_config config;
    uint8_t seeds[SEEDS][32];
    uint32_t seeds_used;
    bool owns_memory, is_running;
} device;

static int32_t open_frames(void);
static void close_frames(void);
static int32_t take_memory(void);
static void give_memory(void);
static void fill_seeds(void);
static int32_t say(const char *what, esp_err_t status);
static uint32_t now_ms(void *context);
static void fill_random(void *context, uint8_t octets[32]);
static void say_trap(void *context, const char *trap);
static void frame_interrupt(void *context);

void ferrule_esp32_defaults(struct ferrule_esp32_config *config, enum ferrule_esp32_chip chip) {
    const bool is_wasm3 = strncmp(ferrule_engine_name(), "wasm3", 5) == 0;
    *config =
        (struct ferrule_esp32_config){.chip = chip,
                                      .clock_hz = chip == FERRULE_ESP32_ENC28J60 ? ENC28J60_HZ : W5500_HZ,
                                      .checksums = FERRULE_CHECKSUMS_NATIVE,
                                      .memory_bytes = is_wasm3 ? MEMORY_WASM3_BYTES : MEMORY_BYTES,
                                      .stack_bytes = is_wasm3 ? STACK_WASM3_BYTES : STACK_BYTES,
                                      .priority = PRIORITY,
                                      .core_id = tskNO_AFFINITY};
#if CONFIG_IDF_TARGET_ESP32
    /* The pins of SPI3 that need no matrix. */
    config->host = SPI3_HOST;
    config->pins = (struct esp32_spi_pins){18, 19, 23, 5, 4, -1};
#elif CONFIG_IDF_TARGET_ESP32S3
    config->host = SPI2_HOST;
    config->pins = (struct esp32_spi_pins){12, 13, 11, 10, 14, -1};
#else
    config->host = SPI2_HOST;
    config->pins = (struct esp32_spi_pins){6, 5, 7, 10, 3, -1};
#endif
#ifdef FERRULE_PIN_CS
    /* Of build flags: platformio.ini. */
    config->pins = (struct esp32_spi_pins){FERRULE_PIN_SCLK, FERRULE_PIN_MISO, FERRULE_PIN_MOSI,
                                           FERRULE_PIN_CS,   FERRULE_PIN_INT,  FERRULE_PIN_RESET};
#endif
    config->module = esp32_module(&config->module_bytes);
    ferrule_config_defaults(&config->core);
#ifdef FERRULE_STATIC_ADDRESS
    memcpy(config->core.address, (const uint8_t[]){FERRULE_STATIC_ADDRESS}, 4);
    memcpy(config->core.netmask, (const uint8_t[]){FERRULE_NETMASK}, 4);
    memcpy(config->core.gateway, (const uint8_t[]){FERRULE_GATEWAY}, 4);
#endif
    config->core.connections = 6;
    config->core.send_ring_bytes = config->core.receive_ring_bytes = 4096;
#ifndef FERRULE_MODULE_CORE
    config->core.datagram_sockets = config->core.queries = 2;
    config->core.datagram_queue_bytes = 2048;
    config->core.cache_entries = 4;
#endif
}

int32_t ferrule_esp32_start(const struct ferrule_esp32_config *config, struct ferrule_net **net) {
    static const uint8_t none[6];
    if (device.is_running)
        return FERRULE_STATUS_ALREADY_CONNECTED;
    device.config = *config;
    struct ferrule_config *core = &device.config.core;
    if (memcmp(core->mac, none, 6) == 0 && esp_read_mac(core->mac, ESP_MAC_ETH) != ESP_OK)
        return say("no address", ESP_FAIL);
    fill_seeds();
    int32_t status = take_memory();
    if (status < 0)
        return status;
    if (!os_freertos_open(&device.port, tag, config->stack_bytes, config->priority, config->core_id)) {
        give_memory();
        return FERRULE_STATUS_NO_MEMORY;
    }
    status = open_frames();
    if (status >= 0) {
        status = ferrule_net_start(&device.net, &device.setup, &device.port.os);
        device.is_running = status >= 0;
        if (status < 0)
            close_frames();
    }
    if (!device.is_running) {
        os_freertos_close(&device.port);
        give_memory();
        return status;
    }
    if (memcmp(core->address, none, 4) == 0)
        status = ferrule_net_dhcp(&device.net, config->host_name, config->link_local);
    if (status < 0)
        ferrule_esp32_stop();
    else
        *net = &device.net;
    return status;
}

void ferrule_esp32_stop(void) {
    if (!device.is_running)
        return;
    device.is_running = false;
    ferrule_net_stop(&device.net);
    close_frames();
    os_freertos_close(&device.port);
    give_memory();
}

const struct ferrule_netdev_statistics *ferrule_esp32_statistics(void) {
    return device.is_running ? device.setup.netdev->statistics : NULL;
}

/* Frames */

/** Sets up what carries them, and the setup with it. */
static int32_t open_frames(void) {
    const struct ferrule_esp32_config *config = &device.config;
    const bool is_enc28j60 = config->chip == FERRULE_ESP32_ENC28J60;
    esp_err_t status;
    device.setup.netdev = &device.chip.w5500.netdev;
    if (config->chip == FERRULE_ESP32_ESP_ETH) {
        device.setup.netdev = &config->eth->netdev;
        status = esp32_eth_open(config->eth, device.port.os.wake, &device.port);
        return status == ESP_OK ? FERRULE_STATUS_OK : say("driver", status);
    }
    status = esp32_spi_open(&device.spi, config->host, &config->pins, config->clock_hz,
                            is_enc28j60 ? ENC28J60_HOLD_NS : 0);
    if (status != ESP_OK)
        return say("bus", status);
    if (is_enc28j60) {
        enc28j60_start(&device.chip.enc28j60, &device.spi.spi, now_ms, NULL, config->core.mac);
        device.setup.netdev = &device.chip.enc28j60.netdev;
    } else {
        w5500_start(&device.chip.w5500, &device.spi.spi, now_ms, NULL, config->core.mac);
    }
    status = esp32_spi_on_interrupt(&device.spi, frame_interrupt, &device.port);
    if (status == ESP_OK)
        return FERRULE_STATUS_OK;
    esp32_spi_close(&device.spi);
    return say("interrupt", status);
}

static void close_frames(void) {
    if (device.config.chip == FERRULE_ESP32_ESP_ETH)
        esp32_eth_close(device.config.eth);
    else
        esp32_spi_close(&device.spi);
}

static void IRAM_ATTR frame_interrupt(void *context) {
    if (os_freertos_wake_from_isr(context))
        portYIELD_FROM_ISR();
}

/* What the core needs */

static int32_t take_memory(void) {
    const struct ferrule_esp32_config *config = &device.config;
    void *memory = config->memory;
    device.owns_memory = !memory;
    if (!memory)
        memory = heap_caps_aligned_alloc(16, config->memory_bytes, MALLOC_CAP_INTERNAL | MALLOC_CAP_DMA);
    if (!memory)
        return FERRULE_ERROR_MEMORY;
    device.setup = (struct ferrule_setup){.config = config->core,
                                          .checksums = config->checksums,
                                          .memory = memory,
                                          .memory_bytes = config->memory_bytes,
                                          .module = config->module,
                                          .module_bytes = config->module_bytes,
                                          .now_ms = now_ms,
                                          .random = fill_random,
                                          .trapped = say_trap};
    return FERRULE_STATUS_OK;
}

static void give_memory(void) {
    if (device.owns_memory)
        heap_caps_free(device.setup.memory);
}

/** While the source runs. A restart comes when it may not. */
static void fill_seeds(void) {
    const bool needs_source = device.config.entropy == FERRULE_ESP32_ENTROPY_BOOTLOADER;
    if (needs_source)
        bootloader_random_enable();
    esp_fill_random(device.seeds, sizeof device.seeds);
    if (needs_source)
        bootloader_random_disable();
    device.seeds_used = 0;
}

/** A seed that nobody knows, with what the generator says now: new even when the seeds are used up. */
static void fill_random(void *context, uint8_t octets[32]) {
    (void)context;
    const uint8_t *seed = device.seeds[device.seeds_used++ % SEEDS];
    esp_fill_random(octets, 32);
    for (uint32_t index = 0; index < 32; index++)
        octets[index] ^= seed[index];
}

static uint32_t now_ms(void *context) {
    (void)context;
    return (uint32_t)(esp_timer_get_time() / 1000);
}

static void say_trap(void *context, const char *trap) {
    (void)context;
    ESP_LOGE(tag, "trap: %s", trap);
    if (device.config.trapped)
        device.config.trapped(device.config.context, trap);
}

static int32_t say(const char *what, esp_err_t status) {
    ESP_LOGE(tag, "%s: %s", what, esp_err_to_name(status));
    return FERRULE_STATUS_INVALID_ARGUMENT;
}
