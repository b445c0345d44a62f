/*
 * The program that is flashed: the web and echo servers on a board, over the core on either engine. What it
 * says on the console begins with the board's name, and a line for each that happens: "up", link changes,
 * traps.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "board.h"
#include "ferrule.h"
#include "web.h"

/* The network it finds itself in, connections and bytes of each of their rings: a build may say otherwise. */
#ifndef FIRMWARE_ADDRESS
#define FIRMWARE_ADDRESS 10, 0, 2, 15
#endif
#ifndef FIRMWARE_ROUTER
#define FIRMWARE_ROUTER 10, 0, 2, 2
#endif
#ifndef FIRMWARE_CONNECTIONS
#define FIRMWARE_CONNECTIONS 8
#endif
#ifndef FIRMWARE_RING_BYTES
#define FIRMWARE_RING_BYTES 4096
#endif

/** The module, in flash; a single octet with an engine that has it compiled in. */
extern const uint8_t firmware_module[];
extern const uint32_t firmware_module_bytes;

static void say_trap(void *context, const char *trap);
static void say(const char *text, const char *more);
static void stop(const char *what, int32_t status);
static void configure(struct ferrule_setup *setup, const struct board *board);

static struct ferrule device;
static struct web web;
static struct web_visitor visitors[FIRMWARE_CONNECTIONS];

int main(void) {
    static struct ferrule_setup setup = {
        .now_ms = board_now_ms, .random = board_random, .sleep = board_sleep, .trapped = say_trap};
    const struct board *board = board_start();
    configure(&setup, board);
    int32_t needed = ferrule_memory_needed(&setup);
    int32_t status = needed < 0 ? needed : ferrule_start(&device, &setup);
    if (status >= 0)
        status = web_start(&web, &device, visitors, FIRMWARE_CONNECTIONS);
    if (status < 0)
        stop("start", status);
    char line[96];
    snprintf(line, sizeof line, "%s, %ld of %lu bytes of memory", ferrule_engine_name(), (long)needed,
             (unsigned long)setup.memory_bytes);
    say("up: ", line);
    bool was_up = false;
    for (;;) {
        ferrule_poll(&device);
        bool has_more = web_serve(&web);
        bool is_up = !setup.netdev->link || setup.netdev->link(setup.netdev->context);
        if (is_up != was_up)
            say("link ", is_up ? "up" : "down");
        was_up = is_up;
        int32_t ms = ferrule_deadline(&device);
        /* FERRULE_DEADLINE_NEVER is the largest of these, as an unsigned number. */
        if (ms != 0 && !has_more)
            board_sleep(NULL, (uint32_t)ms);
    }
}

static void configure(struct ferrule_setup *setup, const struct board *board) {
    struct ferrule_config *config = &setup->config;
    ferrule_config_defaults(config);
    memcpy(config->mac, board->mac, 6);
    memcpy(config->address, (const uint8_t[]){FIRMWARE_ADDRESS}, 4);
    memcpy(config->netmask, (const uint8_t[]){255, 255, 255, 0}, 4);
    memcpy(config->gateway, (const uint8_t[]){FIRMWARE_ROUTER}, 4);
    config->connections = FIRMWARE_CONNECTIONS;
    config->listeners = 2;
    config->send_ring_bytes = config->receive_ring_bytes = FIRMWARE_RING_BYTES;
    setup->netdev = board->netdev;
    setup->memory = board->memory;
    setup->memory_bytes = board->memory_bytes;
    setup->module = firmware_module;
    setup->module_bytes = firmware_module_bytes;
    /* An interpreter adds up slowly. */
    if (strncmp(ferrule_engine_name(), "wasm3", 5) == 0)
        setup->checksums = FERRULE_CHECKSUMS_NATIVE;
}

static void say_trap(void *context, const char *trap) {
    (void)context;
    say("trap: ", trap);
}

static void say(const char *text, const char *more) {
    board_print("ferrule ");
    board_print(text);
    board_print(more);
    board_print("\n");
}

static void stop(const char *what, int32_t status) {
    say(what, ferrule_error_text(status));
    exit(1);
}
