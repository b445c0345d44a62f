/*
 * The program that is flashed: the web and echo servers on a board, over the core on either engine. What it
 * says on the console begins with "ferrule", and is a line for each that happens: "up" when the servers
 * listen, which is before there is a link or an address from DHCP; link changes, addresses, traps.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "board.h"
#include "ferrule.h"
#include "network.h"
#include "web.h"

/* The network it finds itself in, connections and bytes of each of their rings: a build may say otherwise. */
#ifndef FIRMWARE_ADDRESS
#define FIRMWARE_ADDRESS 10, 0, 2, 15
#endif
#ifndef FIRMWARE_NETMASK
#define FIRMWARE_NETMASK 255, 255, 255, 0
#endif
#ifndef FIRMWARE_ROUTER
#define FIRMWARE_ROUTER 10, 0, 2, 2
#endif
/* 1: the address comes by DHCP in place of these three. It takes the standard build of the core. */
#ifndef FIRMWARE_DHCP
#define FIRMWARE_DHCP 0
#endif
/* 1: with a link-local address (RFC 3927) as long as nobody answers. */
#ifndef FIRMWARE_LINK_LOCAL
#define FIRMWARE_LINK_LOCAL 0
#endif
/* The standard build takes more of the memory on wasm3. */
#ifndef FIRMWARE_CONNECTIONS
#define FIRMWARE_CONNECTIONS (FIRMWARE_DHCP ? 6 : 8)
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
static void configure(struct ferrule_setup *setup);
static void tell(char *json, size_t room);
static uint32_t stack_bytes(void);

static const struct board *board;
static int32_t memory_needed;
static struct ferrule device;
static struct web web = {.about = tell, .other = FIRMWARE_DHCP ? network_hear : NULL};
static struct web_visitor visitors[FIRMWARE_CONNECTIONS];

int main(void) {
    static struct ferrule_setup setup = {
        .now_ms = board_now_ms, .random = board_random, .sleep = board_sleep, .trapped = say_trap};
    board = board_start();
    configure(&setup);
    memory_needed = ferrule_memory_needed(&setup);
    int32_t status = memory_needed < 0 ? memory_needed : ferrule_start(&device, &setup);
    if (status >= 0)
        status = web_start(&web, &device, visitors, FIRMWARE_CONNECTIONS);
    if (status >= 0 && FIRMWARE_DHCP)
        status = network_start(&device, board->name, FIRMWARE_LINK_LOCAL, say);
    if (status < 0)
        stop("start: ", status);
    char line[96];
    snprintf(line, sizeof line, "%s, %ld of %lu bytes of memory", ferrule_engine_name(), (long)memory_needed,
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

static void configure(struct ferrule_setup *setup) {
    struct ferrule_config *config = &setup->config;
    ferrule_config_defaults(config);
    memcpy(config->mac, board->mac, 6);
    memcpy(config->address, (const uint8_t[]){FIRMWARE_ADDRESS}, 4);
    memcpy(config->netmask, (const uint8_t[]){FIRMWARE_NETMASK}, 4);
    memcpy(config->gateway, (const uint8_t[]){FIRMWARE_ROUTER}, 4);
    config->connections = FIRMWARE_CONNECTIONS;
    config->listeners = 2;
    config->send_ring_bytes = config->receive_ring_bytes = FIRMWARE_RING_BYTES;
    if (FIRMWARE_DHCP)
        network_configure(config);
    setup->netdev = board->netdev;
    setup->memory = board->memory;
    setup->memory_bytes = board->memory_bytes;
    setup->module = firmware_module;
    setup->module_bytes = firmware_module_bytes;
    /* An interpreter adds up slowly. */
    if (strncmp(ferrule_engine_name(), "wasm3", 5) == 0)
        setup->checksums = FERRULE_CHECKSUMS_NATIVE;
}

/** What /info says of the board, always as long. Instructions are in hexadecimal: not every C library prints
 * 64 bits. */
static void tell(char *json, size_t room) {
    static const struct ferrule_netdev_statistics none;
    const struct ferrule_netdev_statistics *net =
        board->netdev->statistics ? board->netdev->statistics : &none;
    const uint64_t instructions = board->instructions ? board->instructions() : 0;
    snprintf(json, room,
             ",\"board\":\"%s\",\"uptimeMs\":%10lu,\"instructions\":\"0x%08lx%08lx\",\"stackBytes\":%10lu,"
             "\"memoryBytes\":%10lu,\"staticBytes\":%10lu,\"sendLosses\":%10lu,\"receiveErrors\":%10lu,"
             "\"overruns\":%10lu,\"nonsense\":%10lu,\"chipRestarts\":%10lu,\"missedInterrupts\":%10lu",
             board->name, (unsigned long)board_now_ms(NULL), (unsigned long)(instructions >> 32),
             (unsigned long)(instructions & 0xffffffff), (unsigned long)stack_bytes(),
             (unsigned long)memory_needed, (unsigned long)board->static_bytes,
             (unsigned long)net->send_losses, (unsigned long)net->receive_errors,
             (unsigned long)net->receive_overruns, (unsigned long)net->nonsense, (unsigned long)net->restarts,
             (unsigned long)net->missed_interrupts);
}

/** How deep the C stack has been; 0 where it is not painted. */
static uint32_t stack_bytes(void) {
    const volatile uint32_t *word = board->stack_low;
    while (word < board->stack_end && *word == BOARD_STACK_PAINT)
        word++;
    return (uint32_t)((uintptr_t)board->stack_end - (uintptr_t)word);
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
