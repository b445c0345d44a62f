/* The machine of examples/low_power: a TAP interface, "wire". Says how often it slept. */
#define _DEFAULT_SOURCE
#include "board.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <time.h>

#include "tap.h"

static struct tap tap;

/** Once for everything: the interface is there before the device asks for frames. */
static struct tap *the_tap(void) {
    if (tap.fd == 0 && tap_open(&tap, "wire") != 0)
        abort();
    return &tap;
}

static uint32_t receive(void *context, uint8_t *frame, uint32_t room) {
    (void)context;
    return the_tap()->netdev.receive(&tap, frame, room);
}

static bool has_room(void *context) {
    (void)context;
    return the_tap()->netdev.has_room(&tap);
}

static void send_frame(void *context, const uint8_t *frame, uint32_t length) {
    (void)context;
    the_tap()->netdev.send(&tap, frame, length);
}

const struct ferrule_netdev board_ethernet = {.receive = receive, .has_room = has_room, .send = send_frame};

uint32_t board_clock_ms(void *context) {
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

void board_sleep(uint32_t ms) {
    static unsigned sleeps;
    printf("sleep %u: %lu ms\n", ++sleeps, (unsigned long)ms);
    fflush(stdout);
    tap_wait(the_tap(), ms);
}

const uint8_t *board_module(uint32_t *bytes) {
    *bytes = 0;
    return NULL;
}
