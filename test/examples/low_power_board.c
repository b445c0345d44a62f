/* The machine of examples/low_power on Linux: a TAP interface, "wire". Says how often it slept. */
#define _DEFAULT_SOURCE
#include "board.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <time.h>

#include "tap.h"

const uint8_t firmware_module[1] = {0};
const uint32_t firmware_module_bytes = 0;

static struct tap tap;

const struct board *board_start(void) {
    static uint8_t memory[64 * 1024] __attribute__((aligned(16)));
    static struct board board = {.name = "tap",
                                 .netdev = &tap.netdev,
                                 .mac = {0x02, 0x46, 0x52, 0x00, 0x00, 0x08},
                                 .memory = memory,
                                 .memory_bytes = sizeof memory};
    if (tap_open(&tap, "wire") != 0)
        abort();
    return &board;
}

uint32_t board_now_ms(void *context) {
    struct timespec now;
    (void)context;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint32_t)((uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000);
}

void board_random(void *context, uint8_t octets[32]) {
    (void)context;
    if (getrandom(octets, 32, 0) != 32)
        abort();
}

void board_sleep(void *context, uint32_t ms) {
    static unsigned sleeps;
    (void)context;
    printf("sleep %u: %lu ms\n", ++sleeps, (unsigned long)ms);
    fflush(stdout);
    tap_wait(&tap, ms);
}

void board_print(const char *text) {
    printf("%s", text);
    fflush(stdout);
}
