/*
 * A sensor that sleeps: it sends a reading by UDP now and then, answers pings in between, and otherwise the
 * processor stands still until the stack has something to do. One loop, no threads.
 *
 * What it wants of the machine are the five things of board.h.
 */
#include "board.h"

#include <string.h>

/** Time between readings. */
#ifndef PERIOD_MS
#define PERIOD_MS 10000
#endif
#define COLLECTOR ((const uint8_t[]){10, 0, 0, 1})
#define PORT 5000

static uint8_t memory[64 * 1024] __attribute__((aligned(16)));
static struct ferrule device;
static struct ferrule_setup setup = {
    .memory = memory,
    .memory_bytes = sizeof memory,
    .netdev = &board_ethernet,
    .now_ms = board_clock_ms,
    .random = board_random,
};

/** Sends a line with the reading. It waits in the socket's queue when the collector's Ethernet address must
 * be asked for first. */
static void report(int32_t socket, unsigned number) {
    char line[] = "reading 000\n";
    line[8] = (char)('0' + number / 100 % 10);
    line[9] = (char)('0' + number / 10 % 10);
    line[10] = (char)('0' + number % 10);
    ferrule_send_to(&device, socket, COLLECTOR, PORT, line, sizeof line - 1);
}

static bool start(void) {
    ferrule_config_defaults(&setup.config);
    memcpy(setup.config.mac, "\x02\x46\x52\x00\x00\x08", 6);
    memcpy(setup.config.address, "\x0a\x00\x00\x02", 4);
    memcpy(setup.config.netmask, "\xff\xff\xff\x00", 4);
    setup.config.connections = 1;
    setup.config.listeners = 0;
    setup.config.datagram_sockets = 1;
    setup.config.datagram_queue_bytes = 256;
    setup.module = board_module(&setup.module_bytes);
    return ferrule_start(&device, &setup) >= 0;
}

int main(void) {
    if (!start())
        return 1;
    const int32_t socket = ferrule_udp_open(&device, 0);
    uint32_t due = board_clock_ms(NULL);
    for (unsigned number = 1;;) {
        uint32_t events;
        if ((int32_t)(board_clock_ms(NULL) - due) >= 0) {
            report(socket, number++);
            due += PERIOD_MS;
        }
        ferrule_poll(&device);
        while (ferrule_next_event(&device, &events) > 0)
            ; /* there is nothing to be done about them: a reading that is lost is lost */
        /* Until the next reading, or sooner when the stack has a timer; a frame ends it, too. */
        const int32_t until_reading = (int32_t)(due - board_clock_ms(NULL));
        const int32_t until_timer = ferrule_deadline(&device);
        int32_t ms = until_timer == FERRULE_DEADLINE_NEVER || until_timer > until_reading ? until_reading
                                                                                          : until_timer;
        if (ms > 0)
            board_sleep((uint32_t)ms);
    }
}
