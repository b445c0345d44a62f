/*
 * A program for the RP2040's port alone, without the stack: PROGRAM says what it does. What it found goes to
 * the console, and it ends with a status.
 */
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "board.h"
#include "pins.h"
#include "rp2040_regs.h"
#include "rp2040_spi.h"

/** Longest data, and octets around it that must stay. */
#define MOST 1514
#define GUARD 8

static int ends(void);
static int reads_unaligned(void);
static int executes_nothing(void);
static int goes_nowhere(void);
static int writes_flash(void);
static int touches_what_is_in_reset(void);
static int stops_the_tick(void);
static int takes_the_console_away(void);
static int takes_miso_away(void);
static int overflows(void);
static int stops(void);
static int sleeps(void);
static int tells_random(void);
static int moves_data(void);
static int waits_for_ever(void);

int main(void) {
    board_start();
    return PROGRAM();
}

__attribute__((unused)) static int ends(void) {
    return 42;
}

__attribute__((unused)) static int reads_unaligned(void) {
    volatile uintptr_t address = 0x20010001u;
    return (int)*(volatile uint32_t *)address;
}

__attribute__((unused)) static int executes_nothing(void) {
    __asm__ volatile("udf #7");
    return 0;
}

__attribute__((unused)) static int goes_nowhere(void) {
    int (*volatile nowhere)(void) = (int (*)(void))0x30000001u;
    return nowhere() + 1;
}

__attribute__((unused)) static int writes_flash(void) {
    volatile uintptr_t address = 0x10000200u;
    *(volatile uint8_t *)address = 1;
    return 0;
}

__attribute__((unused)) static int touches_what_is_in_reset(void) {
    RP2040_SET(RESETS_RESET) = RESETS_DMA;
    return (int)RP2040_REG(DMA_CTRL(0));
}

__attribute__((unused)) static int stops_the_tick(void) {
    RP2040_REG(WATCHDOG_TICK) = 0;
    return (int)board_now_ms(NULL);
}

__attribute__((unused)) static int takes_the_console_away(void) {
    RP2040_REG(IO_BANK0_CTRL(PIN_UART_TX)) = GPIO_FUNCTION_SIO;
    board_print("heard by nobody\n");
    return 0;
}

__attribute__((unused)) static int takes_miso_away(void) {
    static uint8_t octet;
    struct ferrule_spi spi;
    rp2040_spi_start(&spi, 4, 0);
    RP2040_REG(IO_BANK0_CTRL(PIN_SPI_MISO)) = GPIO_FUNCTION_SIO;
    return spi.read(spi.context, &octet, 1, &octet, 1);
}

static int dive(int depth) {
    volatile int room[64];
    room[0] = depth;
    return depth == INT_MAX ? 0 : dive(depth + 1) + room[0];
}

__attribute__((unused)) static int overflows(void) {
    return dive(1);
}

__attribute__((unused)) static int stops(void) {
    __asm__ volatile("bkpt 3");
    return 0;
}

/** Each line is a sleep; the chip interrupts somewhere around its beginning. */
__attribute__((unused)) static int sleeps(void) {
    char line[32];
    for (int line_number = 0; line_number < INT_MAX; line_number++) {
        board_print("sleep\n");
        uint32_t before = rp2040_now_us();
        board_sleep(NULL, 50);
        snprintf(line, sizeof line, "slept %lu\n", (unsigned long)(rp2040_now_us() - before));
        board_print(line);
    }
    return 0;
}

__attribute__((unused)) static int tells_random(void) {
    uint8_t octets[32];
    char text[3];
    for (int line = 0; line < 16; line++) {
        board_random(NULL, octets);
        for (int index = 0; index < 32; index++) {
            snprintf(text, sizeof text, "%02x", octets[index]);
            board_print(text);
        }
        board_print("\n");
    }
    return 0;
}

/** The chip answers each transaction's octet number N with N's low octet times 7. */
static int check(struct ferrule_spi *spi, uint32_t bytes, uint32_t offset) {
    static uint8_t room[GUARD + MOST + 4 + GUARD];
    static const uint8_t command[3] = {0x11, 0x22, 0x33};
    memset(room, 0xee, sizeof room);
    uint8_t *data = room + GUARD + offset;
    if (!spi->read(spi->context, command, sizeof command, data, bytes))
        return 1;
    for (uint32_t index = 0; index < sizeof room; index++) {
        uint32_t at = index - GUARD - offset;
        if (room[index] != (at < bytes ? (uint8_t)((at + sizeof command) * 7) : 0xee))
            return 2;
    }
    return spi->write(spi->context, command, sizeof command, data, bytes) ? 0 : 3;
}

__attribute__((unused)) static int moves_data(void) {
    static const uint32_t lengths[] = {0, 1, 2, 8, 9, 15, 16, 17, 60, 1513, 1514};
    struct ferrule_spi spi;
    rp2040_spi_start(&spi, 4, 0);
    for (uint32_t index = 0; index < sizeof lengths / sizeof *lengths; index++)
        for (uint32_t offset = 0; offset < 4; offset++) {
            int status = check(&spi, lengths[index], offset);
            if (status != 0)
                return (int)(index * 100 + offset * 10) + status;
        }
    return 0;
}

/** The bus does not answer. */
__attribute__((unused)) static int waits_for_ever(void) {
    struct ferrule_spi spi;
    rp2040_spi_start(&spi, 4, 0);
    int few = check(&spi, 4, 0);
    int many = check(&spi, MOST, 0);
    return few * 10 + many;
}
