/* An ESP32's SPI as boards/drivers/spi.h wants it: ESP-IDF's spi_master, with DMA. */
#ifndef ESP32_SPI_H
#define ESP32_SPI_H

#include "driver/spi_master.h"
#include "esp_err.h"
#include "spi.h"

/** Pins are GPIO numbers, -1 for one that is not wired; a chip needs the first four. */
struct esp32_spi_pins {
    int sclk, miso, mosi, cs, interrupt, reset;
};

struct esp32_spi {
    struct ferrule_spi spi;
    spi_device_handle_t device;
    spi_host_device_t host;
    struct esp32_spi_pins pins;
    bool owns_bus;
    /** Of short data that lies anywhere: DMA wants whole words in internal RAM. */
    uint32_t piece[(FERRULE_SPI_DMA_BYTES + 3) / 4];
};

/**
 * Sets up the bus, unless another device's driver has, and the chip on it, in mode 0; `clock_hz` is the most,
 * the bus takes what it can make of it. `hold_ns`: how long the chip stays selected after the last octet. The
 * structure must lie in internal RAM, and stay. Returns what ESP-IDF says.
 */
esp_err_t esp32_spi_open(struct esp32_spi *port, spi_host_device_t host, const struct esp32_spi_pins *pins,
                         uint32_t clock_hz, uint32_t hold_ns);

/** Calls `isr(context)`, which lies in IRAM, when the interrupt line falls; nothing to do where it is not
 * wired. */
esp_err_t esp32_spi_on_interrupt(struct esp32_spi *port, void (*isr)(void *context), void *context);

/** Gives the chip's pins back, and the bus if nobody else uses it. */
void esp32_spi_close(struct esp32_spi *port);

#endif
