/*
 * SPI0 as boards/drivers/spi.h wants it, and waiting with the processor stopped.
 */
#ifndef RP2040_SPI_H
#define RP2040_SPI_H

#include "spi.h"

/** Of clk_sys and clk_peri. */
#define CLOCK_MHZ 125u

/**
 * Sets up SPI0 and its pins, in mode 0. `divisor`: of 125 MHz, even, 2 to 508. `hold_ns`: how long the chip
 * stays selected after the last octet. With BOARD_SPI_POLLED all data is moved by the processor, else from
 * FERRULE_SPI_DMA_BYTES on by DMA.
 */
void rp2040_spi_start(struct ferrule_spi *spi, uint32_t divisor, uint32_t hold_ns);

/** Microseconds since start; the low 32 bits. */
uint32_t rp2040_now_us(void);

/**
 * Stops the processor until one of the interrupts `irqs` (bits of the NVIC) is pending, or for `us`
 * microseconds, less than 2^31. It is pending, not taken: nothing comes between the caller's look and the
 * sleep if the caller has masked interrupts, and its source stays as it is.
 */
void rp2040_wait(uint32_t irqs, uint32_t us);

#endif
