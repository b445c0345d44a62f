/*
 * The device as a program for Linux: ferrule.h on either engine, a TAP interface, and the web and echo
 * servers.
 *
 *     web_linux INTERFACE ADDRESS CONNECTIONS MEMORY [MODULE]
 *
 * ADDRESS as in 10.0.0.2, in a network of 24 bits; MEMORY in bytes for everything; MODULE is the file of the
 * core, for an engine that does not have it compiled in. On SIGINT and SIGTERM it lets connections end, for
 * two seconds at most, and ends with 0 when every one was given back.
 */
#define _DEFAULT_SOURCE
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "tap.h"
#include "web.h"

/** A peer's last segments may still be on their way when the signal comes. */
#define DRAIN_MS 2000

static volatile sig_atomic_t stopping;

static void stop(int signal) {
    (void)signal;
    stopping = 1;
}

static uint32_t now_ms(void *context) {
    (void)context;
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint32_t)((uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000);
}

static void fill_random(void *context, uint8_t octets[32]) {
    (void)context;
    if (getrandom(octets, 32, 0) != 32)
        abort();
}

static void say_trap(void *context, const char *trap) {
    (void)context;
    printf("trap: %s\n", trap);
    fflush(stdout);
}

static uint8_t *read_file(const char *path, uint32_t *bytes) {
    FILE *file = fopen(path, "rb");
    uint8_t *data = malloc(1 << 20);
    if (!file || !data) {
        perror(path);
        exit(1);
    }
    *bytes = (uint32_t)fread(data, 1, 1 << 20, file);
    fclose(file);
    return data;
}

static void usage(void) {
    fprintf(stderr, "usage: web_linux INTERFACE ADDRESS CONNECTIONS MEMORY [MODULE]\n");
    exit(2);
}

static void configure(struct ferrule_setup *setup, char **arguments, uint16_t connections) {
    struct ferrule_config *config = &setup->config;
    ferrule_config_defaults(config);
    uint8_t *address = config->address;
    if (sscanf(arguments[2], "%hhu.%hhu.%hhu.%hhu", &address[0], &address[1], &address[2], &address[3]) != 4)
        usage();
    memcpy(config->mac, (const uint8_t[]){0x02, 0x46, 0x52, 0, 0, 3}, 6);
    memcpy(config->netmask, (const uint8_t[]){255, 255, 255, 0}, 4);
    config->connections = connections;
    config->listeners = 2;
    config->send_ring_bytes = config->receive_ring_bytes = 16384;
    config->syn_entries = config->time_wait_entries = 128;
}

static void serve(struct ferrule *device, struct web *web, struct tap *tap, uint32_t at_most_ms) {
    ferrule_poll(device);
    bool has_more = web_serve(web);
    int32_t ms = ferrule_deadline(device);
    if (ms != 0 && !has_more)
        tap_wait(tap, ms < 0 || (uint32_t)ms > at_most_ms ? at_most_ms : (uint32_t)ms);
}

int main(int count, char **arguments) {
    if (count < 5 || count > 6)
        usage();
    uint16_t connections = (uint16_t)atoi(arguments[3]);
    size_t memory_bytes = strtoul(arguments[4], NULL, 10);
    static struct tap tap;
    int problem = tap_open(&tap, arguments[1]);
    if (problem != 0) {
        fprintf(stderr, "interface %s: %s\n", arguments[1], strerror(problem));
        return 1;
    }
    static struct ferrule_setup setup = {.now_ms = now_ms, .random = fill_random, .trapped = say_trap};
    setup.netdev = &tap.netdev;
    /* An interpreter adds up slowly. */
    if (strncmp(ferrule_engine_name(), "wasm3", 5) == 0)
        setup.checksums = FERRULE_CHECKSUMS_NATIVE;
    if (posix_memalign(&setup.memory, 16, memory_bytes) != 0)
        setup.memory = NULL;
    setup.memory_bytes = memory_bytes;
    if (count == 6)
        setup.module = read_file(arguments[5], &setup.module_bytes);
    configure(&setup, arguments, connections);

    static struct ferrule device;
    static struct web web;
    struct web_visitor *visitors = calloc(connections, sizeof *visitors);
    int32_t needed = setup.memory && visitors ? ferrule_memory_needed(&setup) : FERRULE_ERROR_MEMORY;
    int32_t status = needed < 0 ? needed : ferrule_start(&device, &setup);
    if (status >= 0)
        status = web_start(&web, &device, visitors, connections);
    if (status < 0) {
        fprintf(stderr, "%s: %s\n", ferrule_error_name(status), ferrule_error_text(status));
        return 1;
    }
    signal(SIGINT, stop);
    signal(SIGTERM, stop);
    printf("up: %s, %d bytes of memory\n", ferrule_engine_name(), needed);
    fflush(stdout);
    while (!stopping)
        serve(&device, &web, &tap, UINT32_MAX);
    uint32_t since = now_ms(NULL), waited;
    while (web_open(&web) > 0 && (waited = now_ms(NULL) - since) < DRAIN_MS)
        serve(&device, &web, &tap, DRAIN_MS - waited);
    uint32_t open = web_open(&web);
    printf("down: %lu requests, %lu restarts, %lu connections open\n", (unsigned long)web.requests,
           (unsigned long)ferrule_restarts(&device), (unsigned long)open);
    ferrule_stop(&device);
    free(visitors);
    free(setup.memory);
    free((void *)(uintptr_t)setup.module);
    return open == 0 ? 0 : 1;
}
