/*
 * The RP2040 as a board: a W5500-EVB-Pico, or with BOARD_ENC28J60 that chip on the same pins.
 */
#include "board.h"

#include <string.h>

#include "pins.h"
#include "rp2040_regs.h"
#include "rp2040_spi.h"

#ifdef BOARD_ENC28J60
#include "enc28j60.h"
#define NAME "rp2040-enc28j60"
#define start_chip enc28j60_start
/** 15.6 MHz; it takes 20. */
#define SPI_DIVISOR 8
/** TCSH of MAC and MII registers: ENC28J60 datasheet, section 16.0. */
#define SPI_HOLD_NS 210
static struct enc28j60 chip;
#else
#include "w5500.h"
#define NAME "rp2040-w5500"
#define start_chip w5500_start
/** 31.25 MHz; it takes 33.3. */
#define SPI_DIVISOR 4
#define SPI_HOLD_NS 0
static struct w5500 chip;
#endif

/* Locally administered: the RP2040 has no address of its own, and no number that would make one. Each board
 * of a network needs another. */
#ifndef BOARD_MAC
#define BOARD_MAC 0x02, 0x46, 0x52, 0x20, 0x40, 0x01
#endif

#define BAUD 115200u

/** Looks at a register until something that takes a millisecond at most must have happened. */
#define LOOKS 100000u

/** Longest sleep, in milliseconds: half of what the timer's alarm can tell apart. */
#define LONGEST_SLEEP_MS 2000000u

/** Of a program that cannot start: the crystal or the PLL does not run; the ring oscillator stands still. */
#define NO_CLOCK_STATUS 71
#define NO_RANDOM_STATUS 70

/** Pairs of samples for 32 bits: half of them are of use, if not less. */
#define RANDOM_TRIES 4096u

/* link.ld */
extern uint32_t __stack_low[], __stack_end[], __data_start[];
extern uint8_t __bss_end[], __ram_end[];

void _exit(int status) __attribute__((noreturn));

static void start_clocks(void);
static void start_console(void);
static void wait_for(uint32_t address, uint32_t bits);
static uint64_t now_us(void);

static bool has_console;

const struct board *board_start(void) {
    static struct ferrule_spi spi;
    static struct board board = {.name = NAME, .mac = {BOARD_MAC}};
    start_clocks();
    start_console();
    board.memory = __bss_end;
    board.memory_bytes = (size_t)(__ram_end - __bss_end);
    board.static_bytes = (size_t)(__bss_end - (uint8_t *)__data_start);
    board.stack_low = __stack_low;
    board.stack_end = __stack_end;
    rp2040_spi_start(&spi, SPI_DIVISOR, SPI_HOLD_NS);
    start_chip(&chip, &spi, board_now_ms, NULL, board.mac);
    board.netdev = &chip.netdev;
    return &board;
}

uint32_t board_now_ms(void *context) {
    (void)context;
    return (uint32_t)(now_us() / 1000);
}

/**
 * Samples of the ring oscillator's state, taken by the other clock: each is worth less than a bit, its
 * neighbours are related, and the datasheet (section 2.17.5) promises no quality. So each pair of samples
 * gives a bit only when they differ (von Neumann), and many such bits are mixed into each octet, with the
 * time that took.
 */
void board_random(void *context, uint8_t octets[32]) {
    (void)context;
    static uint32_t state = 0x9e3779b9u;
    for (uint32_t index = 0; index < 32; index++) {
        uint32_t bits = 0;
        for (uint32_t tries = 0; bits < 32; tries++) {
            /* Better none than sequence numbers that somebody could guess. */
            if (tries == RANDOM_TRIES) {
                board_print("the ring oscillator stands still: no random numbers\n");
                _exit(NO_RANDOM_STATUS);
            }
            uint32_t first = RP2040_REG(ROSC_RANDOMBIT) & 1;
            /* So that an oscillator of a few MHz moves on by an uneven number of turns. */
            for (uint32_t spin = state >> 28; spin > 0; spin--)
                __asm__ volatile("nop");
            uint32_t second = RP2040_REG(ROSC_RANDOMBIT) & 1;
            if (first == second)
                continue;
            state = (state << 1 | state >> 31) ^ first ^ RP2040_REG(TIMER_RAW_LOW);
            bits++;
        }
        /* A permutation of 32 bits in which each bit of the state moves about half of the others. */
        state ^= state >> 16;
        state *= 0x7feb352du;
        state ^= state >> 15;
        state *= 0x846ca68bu;
        state ^= state >> 16;
        octets[index] = (uint8_t)(state >> 8);
    }
}

void board_sleep(void *context, uint32_t ms) {
    (void)context;
    if (ms > LONGEST_SLEEP_MS)
        ms = LONGEST_SLEEP_MS;
    /* By level: an interrupt that is there already ends the sleep at once. */
    RP2040_REG(IO_BANK0_PROC0_INTE(PIN_CHIP_INTERRUPT)) = IO_BANK0_LEVEL_LOW(PIN_CHIP_INTERRUPT);
    rp2040_wait(1u << IRQ_IO_BANK0, ms * 1000);
    RP2040_REG(IO_BANK0_PROC0_INTE(PIN_CHIP_INTERRUPT)) = 0;
    RP2040_REG(NVIC_ICPR) = 1u << IRQ_IO_BANK0;
}

void board_print(const char *text) {
    if (!has_console)
        return;
    for (; *text; text++) {
        /* An octet takes 87 microseconds; the FIFO holds 32. */
        for (uint32_t looks = 0; RP2040_REG(UART0_FR) & UART_FR_TXFF && looks < LOOKS; looks++)
            continue;
        RP2040_REG(UART0_DR) = (uint8_t)*text;
    }
}

/** 125 MHz from the crystal by way of PLL_SYS, and a timer that counts microseconds. */
static void start_clocks(void) {
    const uint32_t used =
        RESETS_DMA | RESETS_IO_BANK0 | RESETS_PADS_BANK0 | RESETS_SPI0 | RESETS_TIMER | RESETS_UART0;
    RP2040_REG(XOSC_CTRL) = XOSC_CTRL_1_15MHZ;
    /* A millisecond, in units of 256 turns. */
    RP2040_REG(XOSC_STARTUP) = (CRYSTAL_MHZ * 1000 + 128) / 256;
    RP2040_SET(XOSC_CTRL) = XOSC_CTRL_ENABLE;
    wait_for(XOSC_STATUS, XOSC_STATUS_STABLE);
    /* After a restart by a debugger the PLL may run already: nothing may depend on it while it changes. */
    RP2040_CLEAR(CLOCKS_SYS_CTRL) = CLOCKS_SYS_SOURCE_AUX;
    wait_for(CLOCKS_SYS_SELECTED, 1u << CLOCKS_SYS_SOURCE_REF);
    RP2040_REG(CLOCKS_REF_DIV) = CLOCKS_DIV_1;
    RP2040_REG(CLOCKS_REF_CTRL) = CLOCKS_REF_SOURCE_XOSC;
    wait_for(CLOCKS_REF_SELECTED, 1u << CLOCKS_REF_SOURCE_XOSC);
    RP2040_SET(RESETS_RESET) = used | RESETS_PLL_SYS;
    RP2040_CLEAR(RESETS_RESET) = RESETS_PLL_SYS;
    wait_for(RESETS_DONE, RESETS_PLL_SYS);
    /* 12 MHz * 125 = 1500 MHz, by 6 and by 2 (section 2.18.2). */
    RP2040_REG(PLL_SYS_CS) = 1;
    RP2040_REG(PLL_SYS_FBDIV) = 1500 / CRYSTAL_MHZ;
    RP2040_CLEAR(PLL_SYS_PWR) = PLL_PWR_PD | PLL_PWR_VCOPD;
    wait_for(PLL_SYS_CS, PLL_CS_LOCK);
    RP2040_REG(PLL_SYS_PRIM) = 6u << PLL_PRIM_POSTDIV1_SHIFT | 2u << PLL_PRIM_POSTDIV2_SHIFT;
    RP2040_CLEAR(PLL_SYS_PWR) = PLL_PWR_POSTDIVPD;
    RP2040_REG(CLOCKS_SYS_DIV) = CLOCKS_DIV_1;
    /* The auxiliary source is chosen while nobody uses it. */
    RP2040_REG(CLOCKS_SYS_CTRL) = CLOCKS_SYS_SOURCE_REF;
    RP2040_REG(CLOCKS_SYS_CTRL) = CLOCKS_SYS_SOURCE_AUX;
    wait_for(CLOCKS_SYS_SELECTED, 1u << CLOCKS_SYS_SOURCE_AUX);
    RP2040_REG(CLOCKS_PERI_CTRL) = CLOCKS_PERI_ENABLE;
    RP2040_REG(WATCHDOG_TICK) = WATCHDOG_TICK_ENABLE | CRYSTAL_MHZ;
    RP2040_CLEAR(RESETS_RESET) = used;
    wait_for(RESETS_DONE, used);
}

static void start_console(void) {
    /* In 64ths, rounded. */
    const uint32_t divisor = (CLOCK_MHZ * 1000000u * 4 + BAUD / 2) / BAUD;
    RP2040_REG(IO_BANK0_CTRL(PIN_UART_TX)) = GPIO_FUNCTION_UART;
    RP2040_REG(IO_BANK0_CTRL(PIN_UART_RX)) = GPIO_FUNCTION_UART;
    RP2040_REG(UART0_IBRD) = divisor / 64;
    RP2040_REG(UART0_FBRD) = divisor % 64;
    /* Takes the divisor over, too. */
    RP2040_REG(UART0_LCR_H) = UART_LCR_H_8_BITS | UART_LCR_H_FEN;
    RP2040_REG(UART0_CR) = UART_CR_ENABLE | UART_CR_TXE;
    has_console = true;
}

/** Waits until `bits` are all set. */
static void wait_for(uint32_t address, uint32_t bits) {
    for (uint32_t looks = 0; looks < LOOKS; looks++)
        if ((RP2040_REG(address) & bits) == bits)
            return;
    _exit(NO_CLOCK_STATUS);
}

uint32_t rp2040_now_us(void) {
    return RP2040_REG(TIMER_RAW_LOW);
}

static uint64_t now_us(void) {
    uint32_t high = RP2040_REG(TIMER_RAW_HIGH);
    uint32_t low = RP2040_REG(TIMER_RAW_LOW);
    uint32_t again = RP2040_REG(TIMER_RAW_HIGH);
    /* Between the two it has wrapped: that was not long ago. */
    if (again != high)
        low = RP2040_REG(TIMER_RAW_LOW);
    return (uint64_t)again << 32 | low;
}

void rp2040_wait(uint32_t irqs, uint32_t us) {
    __asm__ volatile("cpsid i" : : : "memory");
    uint32_t until = rp2040_now_us() + us;
    RP2040_REG(TIMER_INTR) = TIMER_ALARM0_BIT;
    RP2040_REG(TIMER_INTE) = TIMER_ALARM0_BIT;
    RP2040_REG(TIMER_ALARM0) = until;
    RP2040_REG(NVIC_ISER) = irqs | 1u << IRQ_TIMER_0;
    /* The alarm goes off when the time is this one, not when it has passed. */
    if ((int32_t)(rp2040_now_us() - until) < 0)
        __asm__ volatile("dsb\n"
                         "wfi"
                         :
                         :
                         : "memory");
    RP2040_REG(TIMER_ARMED) = TIMER_ALARM0_BIT;
    RP2040_REG(TIMER_INTE) = 0;
    RP2040_REG(TIMER_INTR) = TIMER_ALARM0_BIT;
    RP2040_REG(NVIC_ICER) = irqs | 1u << IRQ_TIMER_0;
    RP2040_REG(NVIC_ICPR) = 1u << IRQ_TIMER_0;
    __asm__ volatile("cpsie i" : : : "memory");
}
