/*
 * Linux as a board: the real driver of a chip on SPI, whose model is in the process that started this one and
 * holds the other end of descriptor 3. With BOARD_ENC28J60 the chip is that, else a W5500.
 */
#define _DEFAULT_SOURCE
#include "board.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "spi_socket.h"

#ifdef BOARD_ENC28J60
#include "enc28j60.h"
#define NAME "linux-enc28j60"
#define start_chip enc28j60_start
static struct enc28j60 chip;
#else
#include "w5500.h"
#define NAME "linux-w5500"
#define start_chip w5500_start
static struct w5500 chip;
#endif

#define SPI_FD 3

/** On 64 bits an interpreter takes twice what it takes on a microcontroller. */
#define MEMORY_BYTES (1024 * 1024)

static uint8_t memory[MEMORY_BYTES] __attribute__((aligned(16)));
static struct spi_socket bus;

static void stop(int signal) {
    (void)signal;
    _exit(0);
}

const struct board *board_start(void) {
    static struct board board = {
        .name = NAME,
        .mac = {0x02, 0x46, 0x52, 0, 0, 4},
        .memory = memory,
        .memory_bytes = sizeof memory,
    };
    signal(SIGTERM, stop);
    spi_socket_start(&bus, SPI_FD);
    start_chip(&chip, &bus.spi, board_now_ms, NULL, board.mac);
    board.netdev = &chip.netdev;
    return &board;
}

uint32_t board_now_ms(void *context) {
    (void)context;
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint32_t)((uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000);
}

void board_random(void *context, uint8_t octets[32]) {
    (void)context;
    if (getrandom(octets, 32, 0) != 32)
        abort();
}

void board_sleep(void *context, uint32_t ms) {
    (void)context;
    spi_socket_wait(&bus, ms);
}

void board_print(const char *text) {
    size_t length = strlen(text);
    /* Whoever reads may be gone: what the program does is not for the console. */
    if (write(STDOUT_FILENO, text, length) < 0)
        return;
}
