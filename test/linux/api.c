/*
 * ferrule.h, function by function: two devices on a wire in memory, in virtual time. Prints a line for each
 * group of checks that held, and ends with 1 at the first that did not.
 *
 *     api [MODULE]
 */
#define _DEFAULT_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dhcp_server.h"
#include "ferrule.h"

#define FRAMES 64
#define FRAME_BYTES 1514
#define MEMORY_BYTES 400000u
#define RING_BYTES 4096

#define CHECK(condition)                                                                                     \
    do {                                                                                                     \
        if (!(condition)) {                                                                                  \
            printf("FAILED line %d: %s\n", __LINE__, #condition);                                            \
            exit(1);                                                                                         \
        }                                                                                                    \
    } while (0)

/** One direction of the wire. */
struct queue {
    uint8_t frames[FRAMES][FRAME_BYTES];
    uint32_t lengths[FRAMES];
    uint32_t first, count;
};

struct side {
    struct ferrule device;
    struct ferrule_setup setup;
    struct ferrule_netdev netdev;
    struct queue *in, *out;
    uint8_t *memory;
    /** What the next random octets are made of. */
    uint8_t seed;
};

static struct queue to_left, to_right;
static struct side left, right;
static uint32_t now = 0xfffff000u;
static const uint8_t *module;
static uint32_t module_bytes;

static uint32_t receive(void *context, uint8_t *frame, uint32_t room) {
    struct queue *queue = ((struct side *)context)->in;
    if (queue->count == 0)
        return 0;
    uint32_t length = queue->lengths[queue->first];
    memcpy(frame, queue->frames[queue->first], length < room ? length : room);
    queue->first = (queue->first + 1) % FRAMES;
    queue->count--;
    return length;
}

static void put_frame(struct queue *queue, const uint8_t *frame, uint32_t length) {
    CHECK(queue->count < FRAMES && length <= FRAME_BYTES);
    uint32_t at = (queue->first + queue->count++) % FRAMES;
    memcpy(queue->frames[at], frame, length);
    queue->lengths[at] = length;
}

/** What a DHCP server on the right says of the MTU; 0: it is not there. */
static uint16_t leased_mtu;

static bool has_room(void *context) {
    return ((struct side *)context)->out->count < FRAMES;
}

static void send_frame(void *context, const uint8_t *frame, uint32_t length) {
    struct side *side = context;
    uint8_t answer[DHCP_ANSWER_BYTES];
    if (leased_mtu > 0 && dhcp_answer(frame, length, leased_mtu, answer))
        put_frame(side->in, answer, sizeof answer);
    else
        put_frame(side->out, frame, length);
}

static uint32_t now_ms(void *context) {
    (void)context;
    return now;
}

static void fill_random(void *context, uint8_t octets[32]) {
    struct side *side = context;
    for (int index = 0; index < 32; index++)
        octets[index] = side->seed = (uint8_t)(side->seed * 5 + 17);
}

static void sleep_ms(void *context, uint32_t ms) {
    (void)context;
    now += ms;
}

static void set_up(struct side *side, struct queue *in, struct queue *out, uint8_t number) {
    *side = (struct side){.in = in, .out = out, .seed = number};
    side->netdev = (struct ferrule_netdev){
        .receive = receive, .has_room = has_room, .send = send_frame, .context = side};
    void *memory;
    CHECK(posix_memalign(&memory, 16, MEMORY_BYTES) == 0);
    side->memory = memory;
    side->setup = (struct ferrule_setup){
        .memory = memory,
        .memory_bytes = MEMORY_BYTES,
        /* Each side finds right what the other adds up in another way. */
        .checksums = number % 2 == 0 ? FERRULE_CHECKSUMS_NATIVE : FERRULE_CHECKSUMS_CORE,
        .module = module,
        .module_bytes = module_bytes,
        .netdev = &side->netdev,
        .now_ms = now_ms,
        .random = fill_random,
        .sleep = sleep_ms,
        .context = side,
    };
    struct ferrule_config *config = &side->setup.config;
    ferrule_config_defaults(config);
    memcpy(config->mac, (const uint8_t[]){2, 0, 0, 0, 0, number}, 6);
    memcpy(config->address, (const uint8_t[]){10, 0, 0, number}, 4);
    memcpy(config->netmask, (const uint8_t[]){255, 255, 255, 0}, 4);
    config->connections = 3;
    config->listeners = 2;
    config->send_ring_bytes = config->receive_ring_bytes = RING_BYTES;
}

static void start_both(void) {
    to_left.count = to_right.count = 0;
    CHECK(ferrule_start(&left.device, &left.setup) == FERRULE_STATUS_OK);
    CHECK(ferrule_start(&right.device, &right.setup) == FERRULE_STATUS_OK);
}

static void stop_both(void) {
    ferrule_stop(&left.device);
    ferrule_stop(&right.device);
}

/** Lets `ms` milliseconds pass on both sides. */
static void pass(uint32_t ms) {
    uint32_t end = now + ms;
    for (int turns = 0; turns < 100000; turns++) {
        ferrule_poll(&left.device);
        ferrule_poll(&right.device);
        if (to_left.count + to_right.count > 0)
            continue;
        if (ferrule_deadline(&left.device) == 0 || ferrule_deadline(&right.device) == 0)
            continue;
        if ((int32_t)(end - now) <= 0)
            return;
        now++;
    }
    CHECK(!"time passes");
}

/** The events of `socket` that nobody took yet; those of others are lost. */
static uint32_t events_of(struct ferrule *device, int32_t socket) {
    uint32_t all = 0, events;
    int32_t found;
    while ((found = ferrule_next_event(device, &events)) > 0)
        all |= found == socket ? events : 0;
    return all;
}

/** A connection from the left to the right: its two sockets. */
static void establish(int32_t listener, int32_t *client, int32_t *server) {
    *client = ferrule_connect(&left.device, right.setup.config.address, 80);
    CHECK(*client > 0);
    pass(5);
    CHECK(events_of(&left.device, *client) & FERRULE_EVENT_CONNECTED);
    CHECK(events_of(&right.device, listener) == FERRULE_EVENT_ACCEPTABLE);
    *server = ferrule_accept(&right.device, listener);
    CHECK(*server > 0);
    CHECK(ferrule_accept(&right.device, listener) == FERRULE_STATUS_WOULD_BLOCK);
}

static void check_words(void) {
    for (int32_t status = FERRULE_STATUS_NOT_FOUND; status <= 0; status++) {
        CHECK(strcmp(ferrule_error_name(status), "UNKNOWN") != 0);
        CHECK(strlen(ferrule_error_text(status)) > 5);
    }
    for (int32_t error = FERRULE_ERROR_STOPPED; error <= FERRULE_ERROR_RESTARTING; error++)
        CHECK(strcmp(ferrule_error_name(error), "UNKNOWN") != 0);
    CHECK(strcmp(ferrule_error_name(FERRULE_STATUS_WOULD_BLOCK), "WOULD_BLOCK") == 0);
    CHECK(strcmp(ferrule_error_name(-63), "UNKNOWN") == 0);
    CHECK(strcmp(ferrule_error_name(7), "OK") == 0);
    puts("words");
}

static void check_starting(void) {
    int32_t needed = ferrule_memory_needed(&left.setup);
    CHECK(needed > (int32_t)(3 * 2 * RING_BYTES));
    left.setup.memory_bytes = (size_t)needed;
    CHECK(ferrule_start(&left.device, &left.setup) == FERRULE_STATUS_OK);
    ferrule_stop(&left.device);
    /* Less than that by more than what pieces are rounded up to. */
    for (size_t bytes = 0; bytes < (size_t)needed - 64; bytes += 997) {
        left.setup.memory_bytes = bytes;
        int32_t status = ferrule_start(&left.device, &left.setup);
        if (status != FERRULE_ERROR_MEMORY)
            printf("with %zu of %d bytes: %s\n", bytes, needed, ferrule_error_name(status));
        CHECK(status == FERRULE_ERROR_MEMORY);
    }
    left.setup.memory_bytes = MEMORY_BYTES;
    left.setup.memory = left.memory + 4;
    CHECK(ferrule_start(&left.device, &left.setup) == FERRULE_STATUS_INVALID_ARGUMENT);
    left.setup.memory = left.memory;
    left.setup.config.mtu = 1;
    CHECK(ferrule_start(&left.device, &left.setup) == FERRULE_STATUS_BAD_CONFIG);
    /* A device that did not start does nothing, for ever. */
    CHECK(ferrule_poll(&left.device) == FERRULE_ERROR_RESTARTING);
    CHECK(ferrule_deadline(&left.device) == FERRULE_DEADLINE_NEVER);
    CHECK(ferrule_listen(&left.device, 80, 1) == FERRULE_ERROR_RESTARTING);
    CHECK(ferrule_poll(&left.device) == FERRULE_ERROR_RESTARTING && ferrule_restarts(&left.device) == 0);
    left.setup.config.mtu = 1500;
    if (module) {
        left.setup.module_bytes = 20;
        CHECK(ferrule_start(&left.device, &left.setup) == FERRULE_ERROR_MODULE);
        left.setup.module_bytes = module_bytes;
    }
    CHECK(strlen(ferrule_engine_name()) > 6);
    puts("starting");
}

static void check_data(void) {
    start_both();
    int32_t client, server, listener = ferrule_listen(&right.device, 80, 2);
    CHECK(listener > 0);
    establish(listener, &client, &server);

    char text[RING_BYTES + 1];
    CHECK(ferrule_read(&right.device, server, text, sizeof text) == FERRULE_STATUS_WOULD_BLOCK);
    CHECK(ferrule_write(&left.device, client, "hello", 5) == 5);
    pass(5);
    CHECK(events_of(&right.device, server) & FERRULE_EVENT_READABLE);
    CHECK(ferrule_read(&right.device, server, text, 2) == 2 && memcmp(text, "he", 2) == 0);
    const void *found;
    CHECK(ferrule_peek(&right.device, server, &found) == 3 && memcmp(found, "llo", 3) == 0);
    CHECK(ferrule_consume(&right.device, server, 4) == FERRULE_STATUS_INVALID_ARGUMENT);
    CHECK(ferrule_consume(&right.device, server, 1) == FERRULE_STATUS_OK);
    CHECK(ferrule_read(&right.device, server, text, sizeof text) == 2 && memcmp(text, "lo", 2) == 0);

    void *room;
    int32_t length = ferrule_reserve(&left.device, client, &room);
    CHECK(length > 100);
    memset(room, 'x', 100);
    CHECK(ferrule_commit(&left.device, client, (uint32_t)length + 1) == FERRULE_STATUS_INVALID_ARGUMENT);
    CHECK(ferrule_commit(&left.device, client, 100) == FERRULE_STATUS_OK);
    CHECK(ferrule_commit(&left.device, client, 1) == FERRULE_STATUS_INVALID_ARGUMENT);
    /* Nagle's algorithm keeps them until the delayed ACK of what went before has come. */
    pass(100);
    CHECK(ferrule_read(&right.device, server, text, sizeof text) == 100 && text[99] == 'x');

    /* More than both rings hold: the rest goes when there is room again. */
    static uint8_t data[30000], back[30000];
    for (uint32_t index = 0; index < sizeof data; index++)
        data[index] = (uint8_t)(index * 7 + index / 256);
    uint32_t sent = 0, got = 0;
    for (int turns = 0; got < sizeof data && turns < 1000; turns++) {
        int32_t part = sent < sizeof data
                           ? ferrule_write(&left.device, client, data + sent, (uint32_t)sizeof data - sent)
                           : 0;
        CHECK(part >= 0 || part == FERRULE_STATUS_WOULD_BLOCK);
        sent += part > 0 ? (uint32_t)part : 0;
        pass(5);
        part = ferrule_read(&right.device, server, back + got, (uint32_t)sizeof back - got);
        CHECK(part > 0 || part == FERRULE_STATUS_WOULD_BLOCK);
        got += part > 0 ? (uint32_t)part : 0;
    }
    CHECK(got == sizeof data && memcmp(data, back, sizeof data) == 0);

    CHECK(ferrule_shutdown(&left.device, client) == FERRULE_STATUS_OK);
    CHECK(ferrule_write(&left.device, client, "more", 4) == FERRULE_STATUS_SHUT_DOWN);
    pass(5);
    CHECK(events_of(&right.device, server) & FERRULE_EVENT_PEER_CLOSED);
    CHECK(ferrule_read(&right.device, server, text, sizeof text) == 0);
    CHECK(ferrule_write(&right.device, server, "bye", 3) == 3);
    CHECK(ferrule_close(&right.device, server) == FERRULE_STATUS_OK);
    pass(5);
    CHECK(ferrule_read(&left.device, client, text, sizeof text) == 3);
    CHECK(ferrule_read(&left.device, client, text, sizeof text) == 0);
    CHECK(ferrule_close(&left.device, client) == FERRULE_STATUS_OK);
    CHECK(ferrule_close(&left.device, client) == FERRULE_STATUS_BAD_HANDLE);
    stop_both();
    puts("data");
}

static void check_misuse(void) {
    start_both();
    struct ferrule *device = &left.device;
    const int32_t wrong[] = {0, -1, 1, 2, 65535, 65536, 65537, INT32_MAX, INT32_MIN};
    uint32_t value;
    const void *data;
    void *room;
    for (size_t index = 0; index < sizeof wrong / sizeof wrong[0]; index++) {
        int32_t socket = wrong[index];
        CHECK(ferrule_accept(device, socket) == FERRULE_STATUS_BAD_HANDLE);
        CHECK(ferrule_read(device, socket, &value, 4) == FERRULE_STATUS_BAD_HANDLE);
        CHECK(ferrule_write(device, socket, &value, 4) == FERRULE_STATUS_BAD_HANDLE);
        CHECK(ferrule_peek(device, socket, &data) == FERRULE_STATUS_BAD_HANDLE);
        CHECK(ferrule_consume(device, socket, 0) == FERRULE_STATUS_BAD_HANDLE);
        CHECK(ferrule_reserve(device, socket, &room) == FERRULE_STATUS_BAD_HANDLE);
        CHECK(ferrule_commit(device, socket, 0) == FERRULE_STATUS_BAD_HANDLE);
        CHECK(ferrule_shutdown(device, socket) == FERRULE_STATUS_BAD_HANDLE);
        CHECK(ferrule_close(device, socket) == FERRULE_STATUS_BAD_HANDLE);
        CHECK(ferrule_abort(device, socket) == FERRULE_STATUS_BAD_HANDLE);
        CHECK(ferrule_set_option(device, socket, FERRULE_OPTION_NO_DELAY, 1) == FERRULE_STATUS_BAD_HANDLE);
        CHECK(ferrule_get_option(device, socket, FERRULE_OPTION_NO_DELAY, &value) ==
              FERRULE_STATUS_BAD_HANDLE);
        CHECK(ferrule_socket_error(device, socket) == FERRULE_STATUS_BAD_HANDLE);
    }
    CHECK(ferrule_listen(device, 0, 1) == FERRULE_STATUS_INVALID_ARGUMENT);
    CHECK(ferrule_listen(device, 80, 0) == FERRULE_STATUS_INVALID_ARGUMENT);
    int32_t listener = ferrule_listen(device, 80, 1);
    CHECK(listener > 0);
    CHECK(ferrule_listen(device, 80, 1) == FERRULE_STATUS_ADDRESS_IN_USE);
    CHECK(ferrule_listen(device, 81, 1) > 0);
    CHECK(ferrule_listen(device, 82, 1) == FERRULE_STATUS_NO_SOCKET);
    CHECK(ferrule_read(device, listener, &value, 4) == FERRULE_STATUS_BAD_HANDLE);
    CHECK(ferrule_write(device, listener, &value, 0) == FERRULE_STATUS_INVALID_ARGUMENT);
    CHECK(ferrule_close(device, listener) == FERRULE_STATUS_OK);
    CHECK(ferrule_accept(device, listener) == FERRULE_STATUS_BAD_HANDLE);
    /* Three records: a fourth connection finds none. */
    int32_t sockets[3];
    for (int index = 0; index < 3; index++)
        CHECK((sockets[index] = ferrule_connect(device, right.setup.config.address, 9)) > 0);
    CHECK(ferrule_connect(device, right.setup.config.address, 9) == FERRULE_STATUS_NO_SOCKET);
    pass(5);
    for (int index = 0; index < 3; index++) {
        CHECK(ferrule_socket_error(device, sockets[index]) == FERRULE_STATUS_CONNECTION_REFUSED);
        CHECK(ferrule_read(device, sockets[index], &value, 4) == FERRULE_STATUS_CONNECTION_REFUSED);
        CHECK(ferrule_close(device, sockets[index]) == FERRULE_STATUS_OK);
    }
    CHECK(ferrule_counter(device, (enum ferrule_counter)FERRULE_COUNTER_COUNT) == 0);
    CHECK(ferrule_counter(device, FERRULE_COUNTER_FRAMES_IN) > 0);
    stop_both();
    puts("misuse");
}

static void check_options(void) {
    start_both();
    int32_t client, server, listener = ferrule_listen(&right.device, 80, 2);
    establish(listener, &client, &server);
    uint32_t value = 7;
    CHECK(ferrule_get_option(&left.device, client, FERRULE_OPTION_NO_DELAY, &value) == 0 && value == 0);
    CHECK(ferrule_set_option(&left.device, client, FERRULE_OPTION_NO_DELAY, 1) == 0);
    CHECK(ferrule_get_option(&left.device, client, FERRULE_OPTION_NO_DELAY, &value) == 0 && value == 1);
    CHECK(ferrule_set_option(&left.device, client, FERRULE_OPTION_TOS, 256) ==
          FERRULE_STATUS_INVALID_ARGUMENT);
    CHECK(ferrule_set_option(&left.device, client, FERRULE_OPTION_TTL, 2) == FERRULE_STATUS_NOT_SUPPORTED);
    CHECK(ferrule_get_option(&left.device, client, FERRULE_OPTION_TCP_STATE, &value) == 0);
    CHECK(value == FERRULE_TCP_STATE_ESTABLISHED);
    struct ferrule_endpoint local, peer, far;
    CHECK(ferrule_endpoints(&left.device, client, &local, &peer) == 0);
    CHECK(ferrule_endpoints(&right.device, server, NULL, &far) == 0);
    CHECK(peer.port == 80 && memcmp(peer.address, right.setup.config.address, 4) == 0);
    CHECK(memcmp(&local, &far, sizeof far) == 0);
    struct ferrule_tcp_info info;
    CHECK(ferrule_tcp_info(&left.device, client, &info) == 0);
    CHECK(info.send_mss > 500 && info.snd_una == info.snd_nxt);
    CHECK(ferrule_link_changed(&left.device, false) == 0 && ferrule_link_changed(&left.device, true) == 0);
    stop_both();
    puts("options");
}

static void check_address(void) {
    start_both();
    int32_t client, server, listener = ferrule_listen(&right.device, 80, 2);
    establish(listener, &client, &server);
    const uint8_t next[4] = {10, 0, 0, 77}, none[4] = {0};
    CHECK(ferrule_set_address(&right.device, next, 33, none) == FERRULE_STATUS_INVALID_ARGUMENT);
    CHECK(ferrule_socket_error(&right.device, server) == FERRULE_STATUS_OK);
    CHECK(ferrule_set_address(&right.device, next, 24, none) == FERRULE_STATUS_OK);
    CHECK(ferrule_socket_error(&right.device, server) == FERRULE_STATUS_ABORTED);
    CHECK(ferrule_close(&right.device, server) == FERRULE_STATUS_OK);
    CHECK(ferrule_abort(&left.device, client) == FERRULE_STATUS_OK);
    /* The listener serves at the new one. */
    client = ferrule_connect(&left.device, next, 80);
    pass(5);
    CHECK(events_of(&left.device, client) & FERRULE_EVENT_CONNECTED);
    CHECK(ferrule_accept(&right.device, listener) > 0);
    stop_both();
    /* What was stopped does nothing. */
    CHECK(ferrule_listen(&right.device, 80, 1) == FERRULE_ERROR_RESTARTING);
    CHECK(ferrule_poll(&right.device) == FERRULE_ERROR_RESTARTING);
    puts("address");
}

static void check_waiting(void) {
    start_both();
    int32_t client, server, listener = ferrule_listen(&right.device, 80, 2);
    establish(listener, &client, &server);
    struct ferrule_wait_item items[] = {
        {.socket = listener, .wanted = FERRULE_EVENT_ACCEPTABLE},
        {.socket = server, .wanted = FERRULE_EVENT_READABLE},
    };
    events_of(&right.device, 0);
    uint32_t begun = now;
    CHECK(ferrule_wait(&right.device, items, 2, 500) == 0);
    CHECK(now - begun >= 500 && now - begun < 600);
    CHECK(ferrule_wait(&right.device, items, 2, 0) == 0);
    CHECK(ferrule_write(&left.device, client, "x", 1) == 1);
    ferrule_poll(&left.device);
    CHECK(ferrule_wait(&right.device, items, 2, FERRULE_DEADLINE_NEVER) == 1);
    CHECK(items[0].happened == 0 && items[1].happened == FERRULE_EVENT_READABLE);
    CHECK(ferrule_wait(&right.device, items, 2, 10) == 0);
    CHECK(ferrule_abort(&left.device, client) == 0);
    ferrule_poll(&left.device);
    CHECK(ferrule_wait(&right.device, items, 2, 1000) == 1);
    CHECK(items[1].happened & FERRULE_EVENT_FAILED);
    CHECK(ferrule_socket_error(&right.device, server) == FERRULE_STATUS_CONNECTION_RESET);
    CHECK(ferrule_close(&right.device, server) == 0);
    /* Nothing will ever happen to a socket that is not there. */
    CHECK(ferrule_wait(&right.device, items, 2, FERRULE_DEADLINE_NEVER) == 1);
    CHECK(items[1].happened == FERRULE_EVENT_FAILED);
    stop_both();
    puts("waiting");
}

/* Services: what a core of the standard build has besides. */

#define QUEUE_BYTES 2000

static uint8_t groups_told[FERRULE_GROUPS + 1][6];
static uint32_t groups_told_count;

static bool set_groups(void *context, const uint8_t (*groups)[6], uint32_t count) {
    (void)context;
    CHECK(count <= FERRULE_GROUPS);
    memcpy(groups_told, groups, count * sizeof *groups);
    groups_told_count = count;
    return true;
}

static void want_services(struct side *side) {
    struct ferrule_config *config = &side->setup.config;
    config->datagram_sockets = 3;
    config->datagram_queue_bytes = QUEUE_BYTES;
    config->queries = 2;
    config->cache_entries = 4;
    side->netdev.set_groups = set_groups;
}

static void check_none(void) {
    uint8_t addresses[1][16];
    struct ferrule_lease lease;
    for (int index = 0; index < 2; index++) {
        struct ferrule_config *config = index == 0 ? &left.setup.config : &right.setup.config;
        config->datagram_sockets = config->cache_entries = config->queries = 0;
        config->datagram_queue_bytes = 0;
    }
    start_both();
    CHECK(ferrule_udp_open(&left.device, 7) == FERRULE_STATUS_NOT_SUPPORTED);
    CHECK(ferrule_resolve(&left.device, "localhost") == FERRULE_STATUS_NOT_SUPPORTED);
    CHECK(ferrule_connect_name(&left.device, "localhost", 80) == FERRULE_STATUS_NOT_SUPPORTED);
    CHECK(ferrule_dhcp_start(&left.device, NULL, false) == FERRULE_STATUS_NOT_SUPPORTED);
    CHECK(ferrule_lease(&left.device, &lease) == FERRULE_STATUS_BAD_HANDLE);
    CHECK(ferrule_addresses(&left.device, 1, addresses, 1) == FERRULE_STATUS_BAD_HANDLE);
    stop_both();
    puts("no services");
}

static void check_datagrams(void) {
    uint8_t data[2 * FRAME_BYTES], back[FRAME_BYTES];
    struct ferrule_endpoint source;
    const uint8_t *far = right.setup.config.address;
    for (size_t index = 0; index < sizeof data; index++)
        data[index] = (uint8_t)(index * 7);
    start_both();
    int32_t client = ferrule_udp_open(&left.device, 0), server = ferrule_udp_open(&right.device, 7);
    CHECK(client > 0 && server > 0);
    CHECK(ferrule_udp_open(&right.device, 7) == FERRULE_STATUS_ADDRESS_IN_USE);
    CHECK(ferrule_receive_from(&right.device, server, back, 10, NULL) == FERRULE_STATUS_WOULD_BLOCK);
    CHECK(ferrule_send_to(&left.device, client, NULL, 0, data, 1) == FERRULE_STATUS_NOT_CONNECTED);
    CHECK(ferrule_send_to(&left.device, client, far, 7, data, 1473) == FERRULE_STATUS_TOO_LONG);
    CHECK(ferrule_send_to(&left.device, client, far, 0, data, 1) == FERRULE_STATUS_INVALID_ARGUMENT);
    static const uint32_t sizes[] = {0, 1, 200, 1472};
    for (size_t index = 0; index < sizeof sizes / sizeof *sizes; index++) {
        CHECK(ferrule_send_to(&left.device, client, far, 7, data, sizes[index]) == 0);
        pass(5);
        CHECK(events_of(&right.device, server) & FERRULE_EVENT_READABLE);
        CHECK(ferrule_receive_from(&right.device, server, back, sizeof back, &source) ==
              (int32_t)sizes[index]);
        CHECK(memcmp(back, data, sizes[index]) == 0);
        CHECK(memcmp(source.address, left.setup.config.address, 4) == 0 && source.port >= 49152);
    }
    /* What has no room waits for WRITABLE; what is cut is gone. */
    CHECK(ferrule_udp_connect(&left.device, client, far, 7) == 0);
    CHECK(ferrule_send_to(&left.device, client, NULL, 0, data, 1200) == 0);
    CHECK(ferrule_send_to(&left.device, client, NULL, 0, data, 1200) == FERRULE_STATUS_WOULD_BLOCK);
    pass(5);
    CHECK(events_of(&left.device, client) & FERRULE_EVENT_WRITABLE);
    CHECK(ferrule_receive_from(&right.device, server, back, 5, NULL) == 1200);
    CHECK(ferrule_receive_from(&right.device, server, back, 5, NULL) == FERRULE_STATUS_WOULD_BLOCK);
    CHECK(ferrule_close(&right.device, server) == 0);
    CHECK(ferrule_send_to(&left.device, client, NULL, 0, data, 1) == 0);
    pass(5);
    CHECK(ferrule_socket_error(&left.device, client) == FERRULE_STATUS_CONNECTION_REFUSED);
    CHECK(ferrule_udp_connect(&left.device, client, NULL, 0) == 0);
    CHECK(ferrule_close(&left.device, client) == 0);
    stop_both();
    puts("datagrams");
}

static void check_groups(void) {
    static const uint8_t first[4] = {224, 0, 0, 251}, second[4] = {239, 129, 2, 3};
    static const uint8_t first_mac[6] = {1, 0, 0x5e, 0, 0, 251}, second_mac[6] = {1, 0, 0x5e, 1, 2, 3};
    static const uint8_t all_hosts[6] = {1, 0, 0x5e, 0, 0, 1};
    uint8_t back[10];
    start_both();
    int32_t listener = ferrule_udp_open(&right.device, 5353), other = ferrule_udp_open(&right.device, 0);
    int32_t sender = ferrule_udp_open(&left.device, 0);
    CHECK(ferrule_udp_group(&right.device, listener, first, true) == 0);
    CHECK(ferrule_udp_group(&right.device, listener, second, true) == 0);
    CHECK(ferrule_udp_group(&right.device, other, second, true) == 0);
    CHECK(ferrule_udp_group(&right.device, other, left.setup.config.address, true) < 0);
    CHECK(groups_told_count == 3 && memcmp(groups_told[0], first_mac, 6) == 0);
    CHECK(memcmp(groups_told[1], second_mac, 6) == 0 && memcmp(groups_told[2], all_hosts, 6) == 0);
    CHECK(ferrule_send_to(&left.device, sender, first, 5353, "group", 5) == 0);
    pass(5);
    CHECK(ferrule_receive_from(&right.device, listener, back, sizeof back, NULL) == 5);
    CHECK(ferrule_udp_group(&right.device, listener, first, false) == 0);
    CHECK(groups_told_count == 2 && memcmp(groups_told[0], second_mac, 6) == 0);
    CHECK(ferrule_close(&right.device, listener) == 0 && groups_told_count == 2);
    CHECK(ferrule_close(&right.device, other) == 0 && groups_told_count == 0);
    stop_both();
    puts("groups");
}

static void check_names(void) {
    uint8_t addresses[FERRULE_ADDRESSES_MOST][16];
    char long_name[300];
    memset(long_name, 'a', sizeof long_name - 1);
    long_name[sizeof long_name - 1] = 0;
    start_both();
    CHECK(ferrule_resolve(&left.device, "") == FERRULE_STATUS_INVALID_ARGUMENT);
    CHECK(ferrule_resolve(&left.device, long_name) == FERRULE_STATUS_INVALID_ARGUMENT);
    int32_t query = ferrule_resolve(&left.device, "10.0.0.2");
    CHECK(query > 0);
    pass(5);
    CHECK(ferrule_addresses(&left.device, query, addresses, FERRULE_ADDRESSES_MOST) == 1);
    CHECK(memcmp(addresses[0], right.setup.config.address, 4) == 0);
    CHECK(ferrule_close(&left.device, query) == 0);
    int32_t listener = ferrule_listen(&right.device, 80, 2);
    /* More often than there are queries: each is given back, however the connection ends. */
    for (int round = 0; round < 6; round++) {
        const bool is_there = round % 3 != 1;
        int32_t client = ferrule_connect_name(&left.device, "10.0.0.2", is_there ? 80 : 81);
        CHECK(client > 0);
        if (round % 3 == 2)
            CHECK(ferrule_abort(&left.device, client) == 0);
        pass(10);
        if (round % 3 == 2)
            continue;
        CHECK(events_of(&left.device, client) &
              (uint32_t)(is_there ? FERRULE_EVENT_CONNECTED : FERRULE_EVENT_FAILED));
        /* Already while the socket is the program's. */
        int32_t first = ferrule_resolve(&left.device, "10.0.0.2");
        int32_t second = ferrule_resolve(&left.device, "10.0.0.2");
        CHECK(first > 0 && second > 0);
        CHECK(ferrule_close(&left.device, first) == 0 && ferrule_close(&left.device, second) == 0);
        if (is_there)
            CHECK(ferrule_abort(&right.device, ferrule_accept(&right.device, listener)) == 0);
        CHECK(ferrule_abort(&left.device, client) == 0);
        pass(10);
    }
    stop_both();
    puts("names");
}

/** No server is there: the address is one of RFC 3927. */
static void check_dhcp(void) {
    struct ferrule_lease lease;
    memset(left.setup.config.address, 0, 4);
    start_both();
    int32_t client = ferrule_dhcp_start(&left.device, "left", true);
    CHECK(client > 0);
    CHECK(ferrule_dhcp_start(&left.device, NULL, false) == FERRULE_STATUS_NO_SOCKET);
    CHECK(ferrule_lease(&left.device, &lease) == 0 && lease.address[0] == 0);
    for (int minutes = 0; minutes < 5 && lease.link_local[0] == 0; minutes++) {
        pass(60000);
        CHECK(ferrule_lease(&left.device, &lease) == 0);
    }
    CHECK(lease.link_local[0] == 169 && lease.link_local[1] == 254);
    CHECK(events_of(&left.device, client) & FERRULE_EVENT_READABLE);
    CHECK(ferrule_close(&left.device, client) == 0);
    CHECK(ferrule_lease(&left.device, &lease) == FERRULE_STATUS_BAD_HANDLE);
    stop_both();
    puts("dhcp");
}

/** What no longer fits is said to be too long, however full the queue is. */
static void check_mtu(void) {
    const uint32_t most = 600 - 28;
    uint8_t data[FRAME_BYTES] = {0};
    struct ferrule_lease lease;
    const uint8_t *far = right.setup.config.address;
    start_both();
    leased_mtu = 600;
    int32_t socket = ferrule_udp_open(&left.device, 0);
    int32_t client = ferrule_dhcp_start(&left.device, NULL, false);
    CHECK(socket > 0 && client > 0);
    pass(30000);
    CHECK(ferrule_lease(&left.device, &lease) == 0 && lease.state == FERRULE_DHCP_STATE_BOUND);
    CHECK(lease.address[3] == 1 && lease.mtu == 600 && lease.lease_seconds == 256);
    CHECK(ferrule_send_to(&left.device, socket, far, 7, data, 1472) == FERRULE_STATUS_TOO_LONG);
    CHECK(ferrule_send_to(&left.device, socket, far, 7, data, most + 1) == FERRULE_STATUS_TOO_LONG);
    for (int count = 0; count < 3; count++)
        CHECK(ferrule_send_to(&left.device, socket, far, 7, data, most) == FERRULE_STATUS_OK);
    CHECK(ferrule_send_to(&left.device, socket, far, 7, data, most) == FERRULE_STATUS_WOULD_BLOCK);
    CHECK(ferrule_send_to(&left.device, socket, far, 7, data, most + 1) == FERRULE_STATUS_TOO_LONG);
    int32_t status;
    while ((status = ferrule_send_to(&left.device, socket, far, 7, data, 1)) == FERRULE_STATUS_OK)
        continue;
    CHECK(status == FERRULE_STATUS_WOULD_BLOCK);
    CHECK(ferrule_send_to(&left.device, socket, far, 7, data, most + 1) == FERRULE_STATUS_TOO_LONG);
    /* The lease goes, and the MTU with it. */
    CHECK(ferrule_close(&left.device, client) == 0);
    leased_mtu = 0;
    pass(10);
    CHECK(ferrule_send_to(&left.device, socket, far, 7, data, 1473) == FERRULE_STATUS_TOO_LONG);
    stop_both();
    puts("mtu");
}

int main(int count, char **arguments) {
    if (count == 2) {
        FILE *file = fopen(arguments[1], "rb");
        static uint8_t bytes[1 << 16];
        CHECK(file);
        module_bytes = (uint32_t)fread(bytes, 1, sizeof bytes, file);
        module = bytes;
        fclose(file);
    }
    set_up(&left, &to_left, &to_right, 1);
    set_up(&right, &to_right, &to_left, 2);
    printf("%s\n", ferrule_engine_name());
    check_words();
    check_starting();
    check_data();
    check_misuse();
    check_options();
    check_address();
    check_waiting();
    want_services(&left);
    want_services(&right);
    int32_t status = ferrule_start(&left.device, &left.setup);
    CHECK(status == FERRULE_STATUS_OK || status == FERRULE_STATUS_NOT_SUPPORTED);
    if (status == FERRULE_STATUS_OK) {
        ferrule_stop(&left.device);
        check_datagrams();
        check_groups();
        check_names();
        check_dhcp();
        check_mtu();
    } else
        check_none();
    free(left.memory);
    free(right.memory);
    puts("done");
    return 0;
}
