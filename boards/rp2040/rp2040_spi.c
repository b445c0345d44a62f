#include "rp2040_spi.h"

#include "pins.h"
#include "rp2040_regs.h"

/** DMA channels. */
#define CHANNEL_OUT 0u
#define CHANNEL_IN 1u
#define CHANNELS (1u << CHANNEL_OUT | 1u << CHANNEL_IN)

/** Clocks that a turn of a loop around a single instruction takes at least. */
#define HOLD_TURN_CLOCKS 4u

/** Looks at the status register until something must have happened: an octet takes 5 to 130 clocks. */
#define LOOKS 1000u

static bool read(void *context, const uint8_t *command, uint32_t command_bytes, uint8_t *data,
                 uint32_t bytes);
static bool write(void *context, const uint8_t *command, uint32_t command_bytes, const uint8_t *data,
                  uint32_t bytes);
static bool interrupt(void *context);
static void reset(void *context, bool active);
static void select_chip(bool active);
static bool exchange(const uint8_t *out, uint8_t *in, uint32_t bytes);
static bool move(const uint8_t *out, uint8_t *in, uint32_t bytes);

/** How long the chip stays selected after the last octet. */
static uint32_t hold_turns;
#ifndef BOARD_SPI_POLLED
static bool move_by_dma(const uint8_t *out, uint8_t *in, uint32_t bytes);

/** 125 MHz by this is the clock. */
static uint32_t clock_divisor;
#endif

void rp2040_spi_start(struct ferrule_spi *spi, uint32_t divisor, uint32_t hold_ns) {
    RP2040_REG(SIO_GPIO_OUT_SET) = 1u << PIN_SPI_CS | 1u << PIN_CHIP_RESET;
    RP2040_REG(SIO_GPIO_OE_SET) = 1u << PIN_SPI_CS | 1u << PIN_CHIP_RESET;
    RP2040_REG(PADS_BANK0(PIN_SPI_SCK)) = PADS_DRIVE_4MA | PADS_SLEW_FAST | PADS_INPUT;
    RP2040_REG(PADS_BANK0(PIN_SPI_MOSI)) = PADS_DRIVE_4MA | PADS_SLEW_FAST | PADS_INPUT;
    /* Without a chip, zeros come in, and nothing interrupts. */
    RP2040_REG(PADS_BANK0(PIN_SPI_MISO)) = PADS_INPUT | PADS_SCHMITT | PADS_PULL_DOWN;
    RP2040_REG(PADS_BANK0(PIN_CHIP_INTERRUPT)) = PADS_INPUT | PADS_SCHMITT | PADS_PULL_UP;
    RP2040_REG(IO_BANK0_CTRL(PIN_SPI_SCK)) = GPIO_FUNCTION_SPI;
    RP2040_REG(IO_BANK0_CTRL(PIN_SPI_MOSI)) = GPIO_FUNCTION_SPI;
    RP2040_REG(IO_BANK0_CTRL(PIN_SPI_MISO)) = GPIO_FUNCTION_SPI;
    /* A driver selects the chip for longer than an octet, which the hardware's own select does not. */
    RP2040_REG(IO_BANK0_CTRL(PIN_SPI_CS)) = GPIO_FUNCTION_SIO;
    RP2040_REG(IO_BANK0_CTRL(PIN_CHIP_RESET)) = GPIO_FUNCTION_SIO;
    RP2040_REG(IO_BANK0_CTRL(PIN_CHIP_INTERRUPT)) = GPIO_FUNCTION_SIO;
    RP2040_REG(SPI0_CPSR) = 2;
    RP2040_REG(SPI0_CR0) = SPI_CR0_8_BITS | (divisor / 2 - 1) << SPI_CR0_SCR_SHIFT;
    RP2040_REG(SPI0_DMACR) = SPI_DMACR_RX | SPI_DMACR_TX;
    RP2040_REG(SPI0_CR1) = SPI_CR1_SSE;
    hold_turns = (hold_ns * CLOCK_MHZ / 1000 + HOLD_TURN_CLOCKS - 1) / HOLD_TURN_CLOCKS;
#ifndef BOARD_SPI_POLLED
    clock_divisor = divisor;
#endif
    *spi = (struct ferrule_spi){.read = read, .write = write, .interrupt = interrupt, .reset = reset};
}

static bool read(void *context, const uint8_t *command, uint32_t command_bytes, uint8_t *data,
                 uint32_t bytes) {
    (void)context;
    select_chip(true);
    bool ok = exchange(command, 0, command_bytes) && move(0, data, bytes);
    select_chip(false);
    return ok;
}

static bool write(void *context, const uint8_t *command, uint32_t command_bytes, const uint8_t *data,
                  uint32_t bytes) {
    (void)context;
    select_chip(true);
    bool ok = exchange(command, 0, command_bytes) && move(data, 0, bytes);
    select_chip(false);
    return ok;
}

static void select_chip(bool active) {
    if (active) {
        RP2040_REG(SIO_GPIO_OUT_CLEAR) = 1u << PIN_SPI_CS;
        return;
    }
    for (uint32_t turns = hold_turns; turns > 0; turns--)
        __asm__ volatile("nop");
    RP2040_REG(SIO_GPIO_OUT_SET) = 1u << PIN_SPI_CS;
}

static bool interrupt(void *context) {
    (void)context;
    return !(RP2040_REG(SIO_GPIO_IN) & 1u << PIN_CHIP_INTERRUPT);
}

static void reset(void *context, bool active) {
    (void)context;
    RP2040_REG(active ? SIO_GPIO_OUT_CLEAR : SIO_GPIO_OUT_SET) = 1u << PIN_CHIP_RESET;
}

/** Sends `out`, or zeros, while it receives `in`, or nothing. */
static bool move(const uint8_t *out, uint8_t *in, uint32_t bytes) {
#ifndef BOARD_SPI_POLLED
    if (bytes >= FERRULE_SPI_DMA_BYTES)
        return move_by_dma(out, in, bytes);
#endif
    return exchange(out, in, bytes);
}

/** By the processor. At the end the bus is idle and its FIFOs are empty: each octet out has brought one in.
 */
static bool exchange(const uint8_t *out, uint8_t *in, uint32_t bytes) {
    uint32_t sent = 0;
    uint32_t received = 0;
    uint32_t looks = 0;
    while (received < bytes) {
        uint32_t status = RP2040_REG(SPI0_SR);
        if (sent < bytes && sent - received < SPI_FIFO_OCTETS && status & SPI_SR_TNF) {
            RP2040_REG(SPI0_DR) = out ? out[sent] : 0;
            sent++;
        }
        if (status & SPI_SR_RNE) {
            uint8_t octet = (uint8_t)RP2040_REG(SPI0_DR);
            if (in)
                in[received] = octet;
            received++;
            looks = 0;
        } else if (++looks > LOOKS) {
            return false;
        }
    }
    return true;
}

#ifndef BOARD_SPI_POLLED
/** One channel feeds the bus, the other takes what comes in: when that is done, the bus is idle. */
static bool move_by_dma(const uint8_t *out, uint8_t *in, uint32_t bytes) {
    /* In RAM: whoever executes from flash is not to wait for it. */
    static uint8_t zero;
    static uint8_t nothing;
    RP2040_REG(DMA_READ_ADDR(CHANNEL_OUT)) = (uint32_t)(uintptr_t)(out ? out : &zero);
    RP2040_REG(DMA_WRITE_ADDR(CHANNEL_OUT)) = SPI0_DR;
    RP2040_REG(DMA_TRANS_COUNT(CHANNEL_OUT)) = bytes;
    RP2040_REG(DMA_CTRL(CHANNEL_OUT)) = DMA_CTRL_EN | (out ? DMA_CTRL_INCR_READ : 0) |
                                        DMA_CTRL_CHAIN_TO(CHANNEL_OUT) | DMA_CTRL_TREQ(DREQ_SPI0_TX);
    RP2040_REG(DMA_READ_ADDR(CHANNEL_IN)) = SPI0_DR;
    RP2040_REG(DMA_WRITE_ADDR(CHANNEL_IN)) = (uint32_t)(uintptr_t)(in ? in : &nothing);
    RP2040_REG(DMA_TRANS_COUNT(CHANNEL_IN)) = bytes;
    RP2040_REG(DMA_CTRL(CHANNEL_IN)) = DMA_CTRL_EN | (in ? DMA_CTRL_INCR_WRITE : 0) |
                                       DMA_CTRL_CHAIN_TO(CHANNEL_IN) | DMA_CTRL_TREQ(DREQ_SPI0_RX);
    RP2040_REG(DMA_INTS0) = CHANNELS;
    RP2040_REG(DMA_INTE0) = 1u << CHANNEL_IN;
    /* The compiler does not know that memory is read and written behind its back. */
    __asm__ volatile("dmb" : : : "memory");
    RP2040_REG(DMA_MULTI_CHAN_TRIGGER) = CHANNELS;
    /* Twice what it takes, and what starting may take. */
    rp2040_wait(1u << IRQ_DMA_0, bytes * 16 * clock_divisor / CLOCK_MHZ + 100);
    bool done = !(RP2040_REG(DMA_CTRL(CHANNEL_IN)) & DMA_CTRL_BUSY);
    __asm__ volatile("dmb" : : : "memory");
    RP2040_REG(DMA_INTE0) = 0;
    RP2040_REG(DMA_INTS0) = CHANNELS;
    RP2040_REG(NVIC_ICPR) = 1u << IRQ_DMA_0;
    if (!done)
        RP2040_REG(DMA_CHAN_ABORT) = CHANNELS;
    return done;
}
#endif
