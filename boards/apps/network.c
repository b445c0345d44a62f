#include "network.h"

#include <stdio.h>
#include <string.h>

/** Names that are looked up at a time, and that are remembered. */
#define QUERIES 2
#define CACHE_ENTRIES 4

/** RFC 3927 section 2.1. */
#define LINK_LOCAL_BITS 16

#define FOR_EVER 0xffffffffu

static void say_address(void);
static void add_address(char *line, size_t room, const char *what, const uint8_t address[4]);
static unsigned prefix_bits(const uint8_t netmask[4]);

static struct ferrule *device;
static int32_t client;
static void (*say)(const char *text, const char *more);

void network_configure(struct ferrule_config *config) {
    memset(config->address, 0, sizeof config->address);
    memset(config->gateway, 0, sizeof config->gateway);
    config->queries = QUERIES;
    config->cache_entries = CACHE_ENTRIES;
}

int32_t network_start(struct ferrule *of, const char *host_name, bool link_local,
                      void (*with)(const char *text, const char *more)) {
    device = of;
    say = with;
    client = ferrule_dhcp_start(device, host_name, link_local);
    return client < 0 ? client : FERRULE_STATUS_OK;
}

void network_hear(int32_t socket, uint32_t events) {
    if (socket != client)
        return;
    if ((events & FERRULE_EVENT_FAILED) != 0)
        say("address ", "lost");
    if ((events & FERRULE_EVENT_READABLE) != 0)
        say_address();
}

static void say_address(void) {
    struct ferrule_lease lease;
    char line[128] = "";
    if (ferrule_lease(device, &lease) < 0)
        return;
    const bool is_leased = lease.state >= FERRULE_DHCP_STATE_BOUND;
    const uint8_t *address = is_leased ? lease.address : lease.link_local;
    add_address(line, sizeof line, "", address);
    size_t used = strlen(line);
    /* It was lost meanwhile, which is told next. */
    if (used == 0)
        return;
    snprintf(line + used, sizeof line - used, "/%u",
             is_leased ? prefix_bits(lease.netmask) : LINK_LOCAL_BITS);
    if (is_leased) {
        add_address(line, sizeof line, " router ", lease.router);
        add_address(line, sizeof line, " dns ", lease.dns_server0);
        add_address(line, sizeof line, " dns ", lease.dns_server1);
    }
    used = strlen(line);
    if (!is_leased)
        snprintf(line + used, sizeof line - used, " link-local");
    else if (lease.lease_seconds != FOR_EVER)
        snprintf(line + used, sizeof line - used, " lease %lu s", (unsigned long)lease.lease_seconds);
    say("address ", line);
}

/** Puts it behind the line, unless it is none. */
static void add_address(char *line, size_t room, const char *what, const uint8_t address[4]) {
    static const uint8_t none[4];
    const size_t used = strlen(line);
    if (memcmp(address, none, sizeof none) != 0)
        snprintf(line + used, room - used, "%s%u.%u.%u.%u", what, address[0], address[1], address[2],
                 address[3]);
}

static unsigned prefix_bits(const uint8_t netmask[4]) {
    unsigned bits = 0;
    while (bits < 32 && (netmask[bits / 8] >> (7 - bits % 8) & 1) != 0)
        bits++;
    return bits;
}
