/*
 * A sensor that sleeps: it sends a reading by UDP now and then, answers pings in between, and otherwise the
 * processor stands still until the stack has something to do. One loop, no threads.
 *
 * What it wants of the machine are the five functions of board.h, which all boards of this project have.
 */
#include <string.h>

#include "board.h"
#include "ferrule.h"

/** Time between readings. */
#ifndef PERIOD_MS
#define PERIOD_MS 10000
#endif
#define COLLECTOR ((const uint8_t[]){10, 0, 0, 1})
#define PORT 5000

/** The core, for an engine that does not have it compiled in. */
extern const uint8_t firmware_module[];
extern const uint32_t firmware_module_bytes;

static struct ferrule device;
static struct ferrule_setup setup = {.now_ms = board_now_ms, .random = board_random};

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
    const struct board *board = board_start();
    ferrule_config_defaults(&setup.config);
    setup.netdev = board->netdev;
    setup.memory = board->memory;
    setup.memory_bytes = board->memory_bytes;
    memcpy(setup.config.mac, board->mac, 6);
    memcpy(setup.config.address, "\x0a\x00\x00\x02", 4);
    memcpy(setup.config.netmask, "\xff\xff\xff\x00", 4);
    setup.config.connections = 1;
    setup.config.listeners = 0;
    setup.config.datagram_sockets = 1;
    setup.config.datagram_queue_bytes = 256;
    setup.module = firmware_module;
    setup.module_bytes = firmware_module_bytes;
    return ferrule_start(&device, &setup) >= 0;
}

int main(void) {
    if (!start()) {
        board_print("the device does not start\n");
        return 1;
    }
    board_print("ferrule up: low power\n");
    const int32_t socket = ferrule_udp_open(&device, 0);
    uint32_t due = board_now_ms(NULL);
    for (unsigned number = 1;;) {
        uint32_t events;
        if ((int32_t)(board_now_ms(NULL) - due) >= 0) {
            report(socket, number++);
            due += PERIOD_MS;
        }
        ferrule_poll(&device);
        while (ferrule_next_event(&device, &events) > 0)
            ; /* there is nothing to be done about them: a reading that is lost is lost */
        /* Until the next reading, or sooner when the stack has a timer; a frame ends it, too. */
        const int32_t until_reading = (int32_t)(due - board_now_ms(NULL));
        const int32_t until_timer = ferrule_deadline(&device);
        int32_t ms = until_timer == FERRULE_DEADLINE_NEVER || until_timer > until_reading ? until_reading
                                                                                          : until_timer;
        if (ms > 0)
            board_sleep(NULL, (uint32_t)ms);
    }
}
