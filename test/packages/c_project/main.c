/*
 * What somebody writes who has the library's folder and its README: two devices on a wire in memory, one
 * echoes what the other says; with the standard module, a datagram too.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ferrule.h"
#ifdef WITH_MODULE
#include "ferrule_module.h"
#endif

#define FRAMES 8
#define FRAME_BYTES 1514

struct end {
    uint8_t frames[FRAMES][FRAME_BYTES];
    uint32_t lengths[FRAMES], first, count;
    struct end *other;
    struct ferrule_netdev netdev;
    struct ferrule device;
    struct ferrule_setup setup;
    uint8_t *memory;
};

static uint32_t now;

static uint32_t receive(void *context, uint8_t *frame, uint32_t room) {
    struct end *end = context;
    if (end->count == 0)
        return 0;
    const uint32_t length = end->lengths[end->first];
    memcpy(frame, end->frames[end->first], length < room ? length : room);
    end->first = (end->first + 1) % FRAMES;
    end->count--;
    return length;
}

static bool has_room(void *context) {
    return ((struct end *)context)->other->count < FRAMES;
}

static void send_frame(void *context, const uint8_t *frame, uint32_t length) {
    struct end *to = ((struct end *)context)->other;
    const uint32_t at = (to->first + to->count++) % FRAMES;
    memcpy(to->frames[at], frame, length);
    to->lengths[at] = length;
}

static uint32_t now_ms(void *context) {
    (void)context;
    return now;
}

static void fill_random(void *context, uint8_t octets[32]) {
    for (int index = 0; index < 32; index++)
        octets[index] = (uint8_t)(rand() ^ (uintptr_t)context);
}

static void check(int32_t status, const char *what) {
    if (status >= 0)
        return;
    printf("%s: %s\n", what, ferrule_error_text(status));
    exit(1);
}

static void start(struct end *end, struct end *other, uint8_t last) {
    end->other = other;
    end->netdev =
        (struct ferrule_netdev){.receive = receive, .has_room = has_room, .send = send_frame, .context = end};
    struct ferrule_setup *setup = &end->setup;
    ferrule_config_defaults(&setup->config);
    memcpy(setup->config.mac, (const uint8_t[]){2, 0, 0, 0, 0, last}, 6);
    memcpy(setup->config.address, (const uint8_t[]){10, 0, 0, last}, 4);
    memcpy(setup->config.netmask, (const uint8_t[]){255, 255, 255, 0}, 4);
    setup->config.listeners = 1;
#ifdef WITH_DATAGRAMS
    setup->config.datagram_sockets = 1;
    setup->config.datagram_queue_bytes = 2048;
#endif
    setup->netdev = &end->netdev;
    setup->now_ms = now_ms;
    setup->random = fill_random;
    setup->memory_bytes = 512 * 1024;
    setup->memory = end->memory = aligned_alloc(16, setup->memory_bytes);
#ifdef WITH_MODULE
    setup->module = ferrule_module;
    setup->module_bytes = ferrule_module_bytes;
#endif
    check(ferrule_start(&end->device, setup), "start");
}

int main(void) {
    static struct end left, right;
    start(&left, &right, 1);
    start(&right, &left, 2);
    const int32_t listener = ferrule_listen(&right.device, 7, 1);
    check(listener, "listen");
    const int32_t client = ferrule_connect(&left.device, right.setup.config.address, 7);
    check(client, "connect");
    int32_t server = 0;
    char said[32] = {0};
    bool has_written = false;
    for (now = 0; now < 10000 && said[0] == 0; now += 10) {
        ferrule_poll(&left.device);
        ferrule_poll(&right.device);
        if (server <= 0)
            server = ferrule_accept(&right.device, listener);
        if (!has_written)
            has_written = ferrule_write(&left.device, client, "hello", 5) == 5;
        char buffer[32];
        const int32_t bytes = server > 0 ? ferrule_read(&right.device, server, buffer, sizeof buffer) : 0;
        if (bytes > 0)
            ferrule_write(&right.device, server, buffer, (uint32_t)bytes);
        ferrule_read(&left.device, client, said, sizeof said - 1);
    }
    printf("%s: echo \"%s\"\n", ferrule_engine_name(), said);
#ifdef WITH_DATAGRAMS
    const int32_t to = ferrule_udp_open(&right.device, 5000), from = ferrule_udp_open(&left.device, 0);
    check(to, "udp_open");
    check(ferrule_send_to(&left.device, from, right.setup.config.address, 5000, "datagram", 8), "send_to");
    char datagram[16] = {0};
    for (uint32_t until = now + 1000; now < until && datagram[0] == 0; now += 10) {
        ferrule_poll(&left.device);
        ferrule_poll(&right.device);
        ferrule_receive_from(&right.device, to, datagram, sizeof datagram - 1, NULL);
    }
    printf("datagram \"%s\"\n", datagram);
#endif
#ifdef WITH_MODULE
    /* In a partition something else follows; or it was not written to its end. */
    static uint8_t partition[65536];
    memset(partition, 0xff, sizeof partition);
    memcpy(partition, ferrule_module, ferrule_module_bytes);
    if (ferrule_module_length(partition, sizeof partition) != ferrule_module_bytes)
        puts("the module's length is wrong");
    memset(partition + ferrule_module_bytes, 0, sizeof partition - ferrule_module_bytes);
    for (uint32_t odd = 0; odd < 2; odd++)
        if (ferrule_module_length(partition, sizeof partition - odd) != ferrule_module_bytes)
            puts("the module's length before zeros is wrong");
    for (uint32_t length = 0; length < ferrule_module_bytes; length++)
        if (ferrule_module_length(partition, length) >= ferrule_module_bytes)
            puts("a module that was cut off is whole");
    partition[0] = 1;
    if (ferrule_module_length(partition, sizeof partition) != 0)
        puts("what is no module has a length");
#endif
    ferrule_stop(&left.device);
    ferrule_stop(&right.device);
    free(left.memory);
    free(right.memory);
    return 0;
}
