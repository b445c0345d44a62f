#include "esp32_spi.h"

#include <string.h>

#include "driver/gpio.h"

/** From here on a task sleeps while DMA moves data: to sleep and wake takes about as long as so many octets.
 */
#define SLEEP_BYTES 128u

/** Longest transfer: a frame with its prefix, rounded up to words. */
#define TRANSFER_BYTES 2048

static bool read(void *context, const uint8_t *command, uint32_t command_bytes, uint8_t *data,
                 uint32_t bytes);
static bool write(void *context, const uint8_t *command, uint32_t command_bytes, const uint8_t *data,
                  uint32_t bytes);
static bool interrupt(void *context);
static void reset(void *context, bool active);
static bool move(struct esp32_spi *port, const uint8_t *command, uint32_t command_bytes, const void *out,
                 void *in, uint32_t bytes);
static esp_err_t set_up_pins(const struct esp32_spi_pins *pins);

esp_err_t esp32_spi_open(struct esp32_spi *port, spi_host_device_t host, const struct esp32_spi_pins *pins,
                         uint32_t clock_hz, uint32_t hold_ns) {
    const spi_bus_config_t bus = {.mosi_io_num = pins->mosi,
                                  .miso_io_num = pins->miso,
                                  .sclk_io_num = pins->sclk,
                                  .quadwp_io_num = -1,
                                  .quadhd_io_num = -1,
                                  .max_transfer_sz = TRANSFER_BYTES};
    const spi_device_interface_config_t device = {
        .mode = 0,
        .clock_speed_hz = (int)clock_hz,
        .spics_io_num = pins->cs,
        .cs_ena_posttrans = (uint8_t)(((uint64_t)hold_ns * clock_hz + 999999999) / 1000000000),
        .queue_size = 1,
    };
    *port = (struct esp32_spi){.host = host, .pins = *pins};
    esp_err_t status = set_up_pins(pins);
    if (status == ESP_OK)
        status = spi_bus_initialize(host, &bus, SPI_DMA_CH_AUTO);
    port->owns_bus = status == ESP_OK;
    /* Someone has set it up before: the pins are theirs. */
    if (status == ESP_ERR_INVALID_STATE)
        status = ESP_OK;
    if (status == ESP_OK)
        status = spi_bus_add_device(host, &device, &port->device);
    if (status != ESP_OK && port->owns_bus)
        spi_bus_free(host);
    port->spi = (struct ferrule_spi){.read = read,
                                     .write = write,
                                     .interrupt = pins->interrupt < 0 ? NULL : interrupt,
                                     .reset = pins->reset < 0 ? NULL : reset,
                                     .context = port};
    return status;
}

static esp_err_t set_up_pins(const struct esp32_spi_pins *pins) {
    const gpio_config_t output = {.pin_bit_mask = 1ull << (pins->reset & 63), .mode = GPIO_MODE_OUTPUT};
    const gpio_config_t input = {.pin_bit_mask = 1ull << (pins->interrupt & 63),
                                 .mode = GPIO_MODE_INPUT,
                                 .pull_up_en = GPIO_PULLUP_ENABLE,
                                 .intr_type = GPIO_INTR_NEGEDGE};
    esp_err_t status = ESP_OK;
    if (pins->reset >= 0) {
        gpio_set_level((gpio_num_t)pins->reset, 1);
        status = gpio_config(&output);
    }
    if (pins->interrupt >= 0 && status == ESP_OK)
        status = gpio_config(&input);
    return status;
}

esp_err_t esp32_spi_on_interrupt(struct esp32_spi *port, void (*isr)(void *context), void *context) {
    if (port->pins.interrupt < 0)
        return ESP_OK;
    const esp_err_t status = gpio_install_isr_service(0);
    /* Someone has installed it before. */
    if (status != ESP_OK && status != ESP_ERR_INVALID_STATE)
        return status;
    return gpio_isr_handler_add((gpio_num_t)port->pins.interrupt, isr, context);
}

void esp32_spi_close(struct esp32_spi *port) {
    if (port->pins.interrupt >= 0)
        gpio_isr_handler_remove((gpio_num_t)port->pins.interrupt);
    spi_bus_remove_device(port->device);
    /* It stays when another device is on it. */
    if (port->owns_bus)
        spi_bus_free(port->host);
}

static bool read(void *context, const uint8_t *command, uint32_t command_bytes, uint8_t *data,
                 uint32_t bytes) {
    struct esp32_spi *port = context;
    if (bytes >= FERRULE_SPI_DMA_BYTES)
        return move(port, command, command_bytes, NULL, data, bytes);
    if (!move(port, command, command_bytes, NULL, port->piece, bytes))
        return false;
    memcpy(data, port->piece, bytes);
    return true;
}

static bool write(void *context, const uint8_t *command, uint32_t command_bytes, const uint8_t *data,
                  uint32_t bytes) {
    struct esp32_spi *port = context;
    if (bytes >= FERRULE_SPI_DMA_BYTES)
        return move(port, command, command_bytes, data, NULL, bytes);
    /* It may lie in flash. */
    memcpy(port->piece, data, bytes);
    return move(port, command, command_bytes, port->piece, NULL, bytes);
}

/** One transaction: the command goes where other chips have an address. Without data both pointers are NULL.
 */
static bool move(struct esp32_spi *port, const uint8_t *command, uint32_t command_bytes, const void *out,
                 void *in, uint32_t bytes) {
    uint64_t address = 0;
    for (uint32_t index = 0; index < command_bytes; index++)
        address = address << 8 | command[index];
    spi_transaction_ext_t transaction = {
        .base = {.flags = SPI_TRANS_VARIABLE_ADDR,
                 .addr = address,
                 .length = bytes * 8,
                 .tx_buffer = bytes > 0 ? out : NULL,
                 .rx_buffer = bytes > 0 ? in : NULL},
        .address_bits = (uint8_t)(command_bytes * 8),
    };
    return (bytes < SLEEP_BYTES ? spi_device_polling_transmit(port->device, &transaction.base)
                                : spi_device_transmit(port->device, &transaction.base)) == ESP_OK;
}

static bool interrupt(void *context) {
    const struct esp32_spi *port = context;
    return gpio_get_level((gpio_num_t)port->pins.interrupt) == 0;
}

static void reset(void *context, bool active) {
    const struct esp32_spi *port = context;
    gpio_set_level((gpio_num_t)port->pins.reset, !active);
}
