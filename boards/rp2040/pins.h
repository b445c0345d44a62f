/*
 * Pins of the W5500-EVB-Pico (its schematic): the chip on SPI0. An ENC28J60 goes onto the same pins.
 */
#ifndef PINS_H
#define PINS_H

#define PIN_UART_TX 0u
#define PIN_UART_RX 1u
#define PIN_SPI_MISO 16u
#define PIN_SPI_CS 17u
#define PIN_SPI_SCK 18u
#define PIN_SPI_MOSI 19u
/** The chip's reset and interrupt, both active low. */
#define PIN_CHIP_RESET 20u
#define PIN_CHIP_INTERRUPT 21u

/** Of the board's crystal, in MHz. */
#define CRYSTAL_MHZ 12u

#endif
