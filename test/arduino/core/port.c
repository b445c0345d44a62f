#define _DEFAULT_SOURCE
#include "port.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "os_pthread.h"
#include "tap.h"

static uint8_t memory[512 * 1024] __attribute__((aligned(16)));
static struct tap tap;
static struct os_pthread os;
static struct ferrule_net net;
static struct ferrule_setup setup;
static struct ferrule_netdev cable;
static atomic_bool is_unplugged;

static uint32_t now_ms(void *context) {
    struct timespec now;
    (void)context;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint32_t)((uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000);
}

static void fill_random(void *context, uint8_t octets[32]) {
    (void)context;
    if (getrandom(octets, 32, 0) != 32)
        abort();
}

static bool link_is_up(void *context) {
    (void)context;
    return !is_unplugged;
}

int port_open(const char *name) {
    const int problem = tap_open(&tap, name);
    cable = tap.netdev;
    cable.link = link_is_up;
    return problem;
}

void port_plug(bool in) {
    is_unplugged = !in;
    os.os.wake(os.os.context);
}

static void configure(struct ferrule_config *config, const uint8_t *mac,
                      const struct ferrule_arduino_address *address) {
    memset(config, 0, sizeof *config);
    ferrule_config_defaults(config);
    memcpy(config->mac, mac ? mac : (const uint8_t[]){0x02, 0x46, 0x52, 0, 0, 9}, 6);
    config->connections = 12;
    /* A peer that vanishes is given up after three seconds. */
    config->data_retries = 3;
    config->send_ring_bytes = config->receive_ring_bytes = 4096;
    config->datagram_sockets = 4;
    config->datagram_queue_bytes = 4096;
    config->queries = 2;
    config->cache_entries = 4;
    if (!address)
        return;
    memcpy(config->address, address->address, 4);
    memcpy(config->netmask, address->netmask, 4);
    memcpy(config->gateway, address->gateway, 4);
    memcpy(config->dns_server0, address->dns, 4);
}

int32_t ferrule_arduino_port_start(struct ferrule_net **started, const uint8_t *mac,
                                   const struct ferrule_arduino_address *address, const char *host_name) {
    setup = (struct ferrule_setup){.memory = memory,
                                   .memory_bytes = sizeof memory,
                                   .netdev = &cable,
                                   .now_ms = now_ms,
                                   .random = fill_random};
    configure(&setup.config, mac, address);
    if (os_pthread_open(&os, tap.fd) != 0)
        return FERRULE_STATUS_NO_MEMORY;
    int32_t status = ferrule_net_start(&net, &setup, &os.os);
    if (status < 0)
        os_pthread_close(&os);
    if (status >= 0 && !address && (status = ferrule_net_dhcp(&net, host_name, false)) < 0)
        ferrule_arduino_port_stop();
    *started = &net;
    return status;
}

void ferrule_arduino_port_stop(void) {
    ferrule_net_stop(&net);
    os_pthread_close(&os);
}
