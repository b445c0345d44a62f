#define _DEFAULT_SOURCE
#include "pair.h"

#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "dhcp_server.h"

#define MEMORY_BYTES 1000000u

struct pair_side pair_left, pair_right;

static uint32_t receive(void *context, uint8_t *frame, uint32_t room) {
    struct pair_queue *queue = &((struct pair_side *)context)->in;
    uint32_t length = 0;
    pthread_mutex_lock(&queue->mutex);
    if (queue->count > 0) {
        length = queue->lengths[queue->first];
        memcpy(frame, queue->frames[queue->first], length < room ? length : room);
        queue->first = (queue->first + 1) % PAIR_FRAMES;
        queue->count--;
    }
    pthread_mutex_unlock(&queue->mutex);
    return length;
}

static bool has_room(void *context) {
    struct pair_queue *queue = &((struct pair_side *)context)->other->in;
    pthread_mutex_lock(&queue->mutex);
    const bool has_room = queue->count < PAIR_FRAMES;
    pthread_mutex_unlock(&queue->mutex);
    return has_room;
}

static void send_frame(void *context, const uint8_t *frame, uint32_t length) {
    struct pair_side *side = context;
    uint8_t answer[DHCP_ANSWER_BYTES];
    if (dhcp_answer(frame, length, 1500, answer))
        pair_put(side, answer, sizeof answer);
    else
        pair_put(side->other, frame, length);
}

void pair_put(struct pair_side *to, const uint8_t *frame, uint32_t length) {
    struct pair_queue *queue = &to->in;
    CHECK(length <= PAIR_FRAME_BYTES);
    pthread_mutex_lock(&queue->mutex);
    if (queue->count < PAIR_FRAMES) {
        const uint32_t at = (queue->first + queue->count++) % PAIR_FRAMES;
        memcpy(queue->frames[at], frame, length);
        queue->lengths[at] = length;
    }
    pthread_mutex_unlock(&queue->mutex);
    to->port.os.wake(to->port.os.context);
}

static uint32_t now_ms(void *context) {
    struct timespec now;
    (void)context;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint32_t)((uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000);
}

static void fill_random(void *context, uint8_t octets[32]) {
    (void)context;
    CHECK(getrandom(octets, 32, 0) == 32);
}

static void set_up(struct pair_side *side, struct pair_side *other, uint8_t number) {
    side->other = other;
    CHECK(pthread_mutex_init(&side->in.mutex, NULL) == 0);
    CHECK(os_pthread_open(&side->port, -1) == 0);
    side->netdev = (struct ferrule_netdev){
        .receive = receive, .has_room = has_room, .send = send_frame, .context = side};
    void *memory;
    CHECK(posix_memalign(&memory, 16, MEMORY_BYTES) == 0);
    side->setup = (struct ferrule_setup){
        .memory = memory,
        .memory_bytes = MEMORY_BYTES,
        .checksums = FERRULE_CHECKSUMS_NATIVE,
        .netdev = &side->netdev,
        .now_ms = now_ms,
        .random = fill_random,
        .context = side,
    };
    struct ferrule_config *config = &side->setup.config;
    ferrule_config_defaults(config);
    memcpy(config->mac, (const uint8_t[]){2, 0, 0, 0, 0, number}, 6);
    memcpy(config->address, (const uint8_t[]){10, 0, 0, number}, 4);
    memcpy(config->netmask, (const uint8_t[]){255, 255, 255, 0}, 4);
    config->connections = 24;
    config->listeners = 4;
    config->syn_entries = 32;
    config->time_wait_entries = 64;
    config->send_ring_bytes = config->receive_ring_bytes = PAIR_RING_BYTES;
}

void pair_open(const uint8_t *module, uint32_t module_bytes) {
    set_up(&pair_left, &pair_right, 1);
    set_up(&pair_right, &pair_left, 2);
    pair_left.setup.module = pair_right.setup.module = module;
    pair_left.setup.module_bytes = pair_right.setup.module_bytes = module_bytes;
}

bool pair_want_services(void) {
    struct pair_side *sides[2] = {&pair_left, &pair_right};
    for (int index = 0; index < 2; index++) {
        struct ferrule_config *config = &sides[index]->setup.config;
        config->datagram_sockets = 8;
        config->datagram_queue_bytes = PAIR_RING_BYTES;
        config->queries = 4;
        config->cache_entries = 4;
        memcpy(config->dns_server0, (const uint8_t[]){10, 0, 0, 2}, 4);
        const int32_t status = ferrule_memory_needed(&sides[index]->setup);
        CHECK(status > 0 || status == FERRULE_STATUS_NOT_SUPPORTED);
        if (status > 0)
            continue;
        config->datagram_sockets = config->queries = 0;
        config->cache_entries = 0;
        config->datagram_queue_bytes = 0;
        memset(config->dns_server0, 0, 4);
    }
    return pair_left.setup.config.queries > 0;
}

void pair_start(struct pair_side *side) {
    CHECK(ferrule_net_start(&side->net, &side->setup, &side->port.os) == FERRULE_STATUS_OK);
}

void pair_stop(struct pair_side *side) {
    ferrule_net_stop(&side->net);
}

void pair_close(void) {
    struct pair_side *sides[2] = {&pair_left, &pair_right};
    for (int index = 0; index < 2; index++) {
        os_pthread_close(&sides[index]->port);
        free(sides[index]->setup.memory);
    }
}

const uint8_t *pair_read_module(const char *path, uint32_t *bytes) {
    static uint8_t module[1 << 16];
    FILE *file = fopen(path, "rb");
    CHECK(file);
    *bytes = (uint32_t)fread(module, 1, sizeof module, file);
    fclose(file);
    return module;
}
