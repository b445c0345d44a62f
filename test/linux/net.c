/*
 * ferrule_net.h: threads that share two devices, in real time. Prints a line for each group of checks that
 * held, and ends with 1 at the first that did not. Nothing depends on how long something takes; what hangs
 * ends in an alarm.
 *
 *     net [MODULE]          all but traps
 *     net trap [MODULE]     the core traps on a frame with "TRAP" in it
 */
#define _DEFAULT_SOURCE
#include <string.h>

#include "pair.h"

#define FOR_EVER FERRULE_DEADLINE_NEVER
/** Everything is over long before. */
#define ALARM_SECONDS 200
/** Long enough for a thread to be waiting, most of the time: what happens is right either way. */
#define WHILE_US 20000

#define LEFT (&pair_left.net)
#define RIGHT (&pair_right.net)

/** A call in a thread of its own. */
struct job {
    pthread_t thread;
    struct ferrule_net *net;
    int32_t socket, result;
    uint16_t port;
    uint8_t seed;
};

static void begin(struct job *job, void *(*work)(void *job)) {
    CHECK(pthread_create(&job->thread, NULL, work, job) == 0);
}

static int32_t result_of(struct job *job) {
    CHECK(pthread_join(job->thread, NULL) == 0);
    return job->result;
}

static void start_both(void) {
    pair_start(&pair_left);
    pair_start(&pair_right);
}

static void stop_both(void) {
    pair_stop(&pair_left);
    pair_stop(&pair_right);
}

/** A connection from the left to port 9 of the right. */
static void connect_both(int32_t *left, int32_t *right) {
    const int32_t listener = ferrule_net_listen(RIGHT, 9, 4);
    CHECK(listener > 0);
    *left = ferrule_net_connect(LEFT, "10.0.0.2", 9, FOR_EVER);
    *right = ferrule_net_accept(RIGHT, listener, FOR_EVER);
    CHECK(*left > 0 && *right > 0);
    CHECK(ferrule_net_close(RIGHT, listener) == 0);
}

/** Calls that wait for ever. */

static void *read_one(void *context) {
    struct job *job = context;
    uint8_t byte;
    job->result = ferrule_net_read(job->net, job->socket, &byte, 1, FOR_EVER);
    return NULL;
}

static void *write_one(void *context) {
    struct job *job = context;
    job->result = ferrule_net_write(job->net, job->socket, "x", 1, FOR_EVER);
    return NULL;
}

static void *flush(void *context) {
    struct job *job = context;
    job->result = ferrule_net_flush(job->net, job->socket, FOR_EVER);
    return NULL;
}

static void *accept_one(void *context) {
    struct job *job = context;
    job->result = ferrule_net_accept(job->net, job->socket, FOR_EVER);
    return NULL;
}

static void *receive_one(void *context) {
    struct job *job = context;
    uint8_t byte;
    job->result = ferrule_net_receive_from(job->net, job->socket, &byte, 1, NULL, FOR_EVER);
    return NULL;
}

static void *wait_for_acceptable(void *context) {
    struct job *job = context;
    struct ferrule_wait_item item = {.socket = job->socket, .wanted = FERRULE_EVENT_ACCEPTABLE};
    job->result = ferrule_net_wait(job->net, &item, 1, FOR_EVER);
    return NULL;
}

static void *wait_address(void *context) {
    struct job *job = context;
    job->result = ferrule_net_wait_address(job->net, NULL, FOR_EVER);
    return NULL;
}

/** Writes on the left until the rings of both sides are full. Returns how much that was. */
static int32_t fill(int32_t client, int32_t server) {
    static uint8_t data[2 * PAIR_RING_BYTES];
    int32_t given = 0;
    while (given < (int32_t)sizeof data) {
        const int32_t length =
            ferrule_net_write(LEFT, client, data, (uint32_t)((int32_t)sizeof data - given), 10);
        CHECK(length > 0 || length == FERRULE_STATUS_TIMED_OUT);
        given += length > 0 ? length : 0;
    }
    CHECK(ferrule_net_room(LEFT, client) == 0 && ferrule_net_available(RIGHT, server) == PAIR_RING_BYTES);
    return given;
}

/* Many connections at once */

enum { CLIENTS = 8, ROUNDS = 4, STREAM_BYTES = 100000 };

static uint8_t octet(uint32_t at, uint8_t seed) {
    return (uint8_t)(at * 31 + (at >> 8) * 7 + seed);
}

static void *echo(void *context) {
    struct job *job = context;
    uint8_t data[1000];
    int32_t socket, length;
    while ((socket = ferrule_net_accept(job->net, job->socket, FOR_EVER)) > 0) {
        while ((length = ferrule_net_read(job->net, socket, data, sizeof data, FOR_EVER)) > 0)
            CHECK(ferrule_net_write(job->net, socket, data, (uint32_t)length, FOR_EVER) == length);
        CHECK(length == 0 && ferrule_net_close(job->net, socket) == 0);
    }
    job->result = socket;
    return NULL;
}

static void *write_stream(void *context) {
    struct job *job = context;
    uint8_t data[700];
    for (uint32_t at = 0; at < STREAM_BYTES;) {
        const uint32_t length = STREAM_BYTES - at < sizeof data ? STREAM_BYTES - at : sizeof data;
        for (uint32_t index = 0; index < length; index++)
            data[index] = octet(at + index, job->seed);
        CHECK(ferrule_net_write(job->net, job->socket, data, length, FOR_EVER) == (int32_t)length);
        at += length;
    }
    CHECK(ferrule_net_flush(job->net, job->socket, FOR_EVER) == 0);
    job->result = ferrule_net_shutdown(job->net, job->socket);
    return NULL;
}

/** Connects again and again; each time one thread writes while this one reads. */
static void *talk(void *context) {
    struct job *job = context;
    for (uint8_t round = 0; round < ROUNDS; round++) {
        uint8_t data[900];
        uint32_t at = 0;
        int32_t length;
        const int32_t socket = ferrule_net_connect(job->net, "10.0.0.2", 7, FOR_EVER);
        CHECK(socket > 0 && ferrule_net_set_option(job->net, socket, FERRULE_OPTION_NO_DELAY, 1) == 0);
        struct job writer = {.net = job->net, .socket = socket, .seed = (uint8_t)(job->seed + round)};
        begin(&writer, write_stream);
        while ((length = ferrule_net_read(job->net, socket, data, sizeof data, FOR_EVER)) > 0) {
            for (int32_t index = 0; index < length; index++)
                CHECK(data[index] == octet(at++, writer.seed));
            const int32_t more = ferrule_net_available(job->net, socket),
                          room = ferrule_net_room(job->net, socket);
            CHECK(more >= 0 && more <= (int32_t)PAIR_RING_BYTES && room <= (int32_t)PAIR_RING_BYTES);
            CHECK(more == 0 || (ferrule_net_peek(job->net, socket) == octet(at, writer.seed) &&
                                ferrule_net_is_open(job->net, socket)));
        }
        CHECK(length == 0 && at == STREAM_BYTES && result_of(&writer) == 0);
        CHECK(ferrule_net_close(job->net, socket) == 0);
    }
    return NULL;
}

static void check_streams(void) {
    struct job servers[CLIENTS], clients[CLIENTS];
    start_both();
    const int32_t listener = ferrule_net_listen(RIGHT, 7, CLIENTS);
    for (uint8_t index = 0; index < CLIENTS; index++) {
        servers[index] = (struct job){.net = RIGHT, .socket = listener};
        clients[index] = (struct job){.net = LEFT, .seed = (uint8_t)(index * 29)};
        begin(&servers[index], echo);
        begin(&clients[index], talk);
    }
    for (int index = 0; index < CLIENTS; index++)
        result_of(&clients[index]);
    CHECK(ferrule_net_close(RIGHT, listener) == 0);
    for (int index = 0; index < CLIENTS; index++)
        CHECK(result_of(&servers[index]) == FERRULE_STATUS_BAD_HANDLE);
    stop_both();
    puts("streams");
}

/** As many connections as threads that wait on one listener: each gets one. */
static void check_accepting(void) {
    struct job acceptors[4];
    int32_t clients[4];
    start_both();
    const int32_t listener = ferrule_net_listen(RIGHT, 7, 4);
    for (int index = 0; index < 4; index++) {
        acceptors[index] = (struct job){.net = RIGHT, .socket = listener};
        begin(&acceptors[index], accept_one);
    }
    for (int index = 0; index < 4; index++)
        CHECK((clients[index] = ferrule_net_connect(LEFT, "10.0.0.2", 7, FOR_EVER)) > 0);
    for (int index = 0; index < 4; index++) {
        const int32_t socket = result_of(&acceptors[index]);
        struct ferrule_endpoint local, peer;
        CHECK(socket > 0 && ferrule_net_endpoints(RIGHT, socket, &local, &peer) == 0);
        CHECK(local.port == 7 && memcmp(peer.address, pair_left.setup.config.address, 4) == 0);
        CHECK(ferrule_net_close(RIGHT, socket) == 0 && ferrule_net_close(LEFT, clients[index]) == 0);
    }
    stop_both();
    puts("accepting");
}

/* Time-outs */

static void check_timeouts(void) {
    int32_t client, server;
    uint8_t data[10];
    start_both();
    const int32_t listener = ferrule_net_listen(LEFT, 7, 1);
    CHECK(ferrule_net_accept(LEFT, listener, 0) == FERRULE_STATUS_TIMED_OUT);
    CHECK(ferrule_net_accept(LEFT, listener, 30) == FERRULE_STATUS_TIMED_OUT);
    CHECK(ferrule_net_accept(LEFT, listener, -2) == FERRULE_STATUS_INVALID_ARGUMENT);
    CHECK(ferrule_net_connect(LEFT, "10.0.0.9", 7, 0) == FERRULE_STATUS_TIMED_OUT);
    CHECK(ferrule_net_connect(LEFT, "10.0.0.9", 7, 30) == FERRULE_STATUS_TIMED_OUT);
    CHECK(ferrule_net_connect(LEFT, "10.0.0.2", 10, FOR_EVER) == FERRULE_STATUS_CONNECTION_REFUSED);
    CHECK(ferrule_net_wait_address(LEFT, NULL, 0) == FERRULE_STATUS_OK);
    connect_both(&client, &server);
    struct ferrule_wait_item item = {.socket = client, .wanted = FERRULE_EVENT_READABLE};
    CHECK(ferrule_net_read(LEFT, client, data, sizeof data, 0) == FERRULE_STATUS_TIMED_OUT);
    CHECK(ferrule_net_read(LEFT, client, data, sizeof data, 30) == FERRULE_STATUS_TIMED_OUT);
    CHECK(ferrule_net_read(LEFT, client, data, 0, FOR_EVER) == FERRULE_STATUS_INVALID_ARGUMENT);
    CHECK(ferrule_net_wait(LEFT, &item, 1, 0) == FERRULE_STATUS_TIMED_OUT);
    CHECK(ferrule_net_wait(LEFT, &item, 1, 30) == FERRULE_STATUS_TIMED_OUT && item.happened == 0);
    CHECK(ferrule_net_wait(LEFT, NULL, 0, 30) == FERRULE_STATUS_TIMED_OUT);
    CHECK(ferrule_net_flush(LEFT, client, 0) == FERRULE_STATUS_OK);
    CHECK(ferrule_net_abort(LEFT, client) == 0);
    CHECK(ferrule_net_read(RIGHT, server, data, sizeof data, FOR_EVER) == FERRULE_STATUS_CONNECTION_RESET);
    stop_both();
    puts("timeouts");
}

/** What can be asked of a connection without waiting. */
static void check_asking(void) {
    int32_t client, server;
    uint8_t data[10];
    start_both();
    connect_both(&client, &server);
    struct ferrule_wait_item item = {.socket = client, .wanted = FERRULE_EVENT_READABLE};
    CHECK(ferrule_net_available(LEFT, client) == 0);
    CHECK(ferrule_net_peek(LEFT, client) == FERRULE_STATUS_WOULD_BLOCK);
    CHECK(ferrule_net_room(LEFT, client) == PAIR_RING_BYTES);
    const int32_t given = fill(client, server);
    CHECK(ferrule_net_write(LEFT, client, data, 1, 0) == FERRULE_STATUS_TIMED_OUT);
    CHECK(ferrule_net_flush(LEFT, client, 30) == FERRULE_STATUS_TIMED_OUT);
    for (int32_t taken = 0; taken < given;) {
        const int32_t length = ferrule_net_read(RIGHT, server, data, sizeof data, FOR_EVER);
        CHECK(length > 0);
        taken += length;
    }
    CHECK(ferrule_net_flush(LEFT, client, FOR_EVER) == FERRULE_STATUS_OK);
    CHECK(ferrule_net_room(LEFT, client) == PAIR_RING_BYTES);
    CHECK(ferrule_net_write(RIGHT, server, "0123456789", 10, FOR_EVER) == 10);
    CHECK(ferrule_net_shutdown(RIGHT, server) == 0);
    /* A state: told again and again. */
    for (int time = 0; time < 2; time++)
        CHECK(ferrule_net_wait(LEFT, &item, 1, FOR_EVER) == 1 && item.happened == FERRULE_EVENT_READABLE);
    CHECK(ferrule_net_peek(LEFT, client) == '0');
    CHECK(ferrule_net_available(LEFT, client) == 10 && ferrule_net_is_open(LEFT, client) == 1);
    CHECK(ferrule_net_read(LEFT, client, data, 10, FOR_EVER) == 10);
    CHECK(ferrule_net_read(LEFT, client, data, 10, FOR_EVER) == 0);
    CHECK(ferrule_net_available(LEFT, client) == 0 && ferrule_net_is_open(LEFT, client) == 0);
    CHECK(ferrule_net_peek(LEFT, client) == FERRULE_STATUS_NOT_CONNECTED);
    CHECK(ferrule_net_write(RIGHT, server, data, 1, 0) == FERRULE_STATUS_SHUT_DOWN);
    item.wanted = FERRULE_EVENT_WRITABLE;
    CHECK(ferrule_net_wait(LEFT, &item, 1, 0) == 1 && item.happened == FERRULE_EVENT_WRITABLE);
    CHECK(ferrule_net_close(LEFT, client) == 0 &&
          ferrule_net_close(LEFT, client) == FERRULE_STATUS_BAD_HANDLE);
    CHECK(ferrule_net_wait(LEFT, &item, 1, FOR_EVER) == 1 && item.happened == FERRULE_EVENT_FAILED);
    CHECK(ferrule_net_is_open(LEFT, client) == 0);
    CHECK(ferrule_net_available(LEFT, client) == FERRULE_STATUS_BAD_HANDLE);
    stop_both();
    puts("asking");
}

/* What others do to who waits */

enum how { CLOSE, ABORT, SHUT_DOWN, PEER_CLOSES, PEER_ABORTS };

/** `work` waits for a full connection's other side, until somebody ends it. */
static int32_t ended_by(enum how how, void *(*work)(void *job)) {
    int32_t client, server;
    connect_both(&client, &server);
    struct job job = {.net = LEFT, .socket = client};
    fill(client, server);
    begin(&job, work);
    usleep(WHILE_US);
    switch (how) {
    case CLOSE:
        CHECK(ferrule_net_close(LEFT, client) == 0);
        break;
    case ABORT:
        CHECK(ferrule_net_abort(LEFT, client) == 0);
        break;
    case SHUT_DOWN:
        CHECK(ferrule_net_shutdown(LEFT, client) == 0);
        break;
    case PEER_CLOSES:
        CHECK(ferrule_net_shutdown(RIGHT, server) == 0);
        break;
    case PEER_ABORTS:
        CHECK(ferrule_net_abort(RIGHT, server) == 0);
        break;
    }
    const int32_t result = result_of(&job);
    ferrule_net_abort(LEFT, client);
    ferrule_net_abort(RIGHT, server);
    return result;
}

static void check_endings(void) {
    struct job waiting[4];
    start_both();
    CHECK(ended_by(CLOSE, read_one) == FERRULE_STATUS_BAD_HANDLE);
    CHECK(ended_by(ABORT, read_one) == FERRULE_STATUS_BAD_HANDLE);
    CHECK(ended_by(CLOSE, write_one) == FERRULE_STATUS_BAD_HANDLE);
    CHECK(ended_by(ABORT, flush) == FERRULE_STATUS_BAD_HANDLE);
    CHECK(ended_by(SHUT_DOWN, write_one) == FERRULE_STATUS_SHUT_DOWN);
    CHECK(ended_by(PEER_CLOSES, read_one) == 0);
    CHECK(ended_by(PEER_ABORTS, read_one) == FERRULE_STATUS_CONNECTION_RESET);
    CHECK(ended_by(PEER_ABORTS, write_one) == FERRULE_STATUS_CONNECTION_RESET);
    CHECK(ended_by(PEER_ABORTS, flush) == FERRULE_STATUS_CONNECTION_RESET);
    const int32_t listener = ferrule_net_listen(LEFT, 7, 4);
    for (int index = 0; index < 4; index++) {
        waiting[index] = (struct job){.net = LEFT, .socket = listener};
        begin(&waiting[index], index < 3 ? accept_one : wait_for_acceptable);
    }
    usleep(WHILE_US);
    CHECK(ferrule_net_close(LEFT, listener) == 0);
    for (int index = 0; index < 4; index++)
        CHECK(result_of(&waiting[index]) == (index < 3 ? FERRULE_STATUS_BAD_HANDLE : 1));
    stop_both();
    puts("endings");
}

/** One thread and several listeners. */
static void check_waiting(void) {
    struct ferrule_wait_item items[2];
    start_both();
    for (uint16_t index = 0; index < 2; index++)
        items[index] =
            (struct ferrule_wait_item){.socket = ferrule_net_listen(RIGHT, (uint16_t)(20 + index), 4),
                                       .wanted = FERRULE_EVENT_ACCEPTABLE};
    for (uint16_t index = 0; index < 2; index++) {
        int32_t clients[2];
        for (int client = 0; client < 2; client++)
            CHECK((clients[client] =
                       ferrule_net_connect(LEFT, "10.0.0.2", (uint16_t)(20 + index), FOR_EVER)) > 0);
        for (int client = 0; client < 2;) {
            CHECK(ferrule_net_wait(RIGHT, items, 2, FOR_EVER) == 1);
            CHECK(items[index].happened == FERRULE_EVENT_ACCEPTABLE && items[1 - index].happened == 0);
            const int32_t socket = ferrule_net_accept(RIGHT, items[index].socket, 0);
            CHECK(socket > 0 || socket == FERRULE_STATUS_TIMED_OUT);
            CHECK(socket < 0 || ferrule_net_abort(RIGHT, socket) == 0);
            client += socket > 0;
        }
        CHECK(ferrule_net_accept(RIGHT, items[index].socket, 0) == FERRULE_STATUS_TIMED_OUT);
        CHECK(ferrule_net_wait(RIGHT, items, 2, 0) == FERRULE_STATUS_TIMED_OUT);
        for (int client = 0; client < 2; client++)
            CHECK(ferrule_net_abort(LEFT, clients[client]) == 0);
    }
    stop_both();
    puts("waiting");
}

static int32_t counter_of(struct ferrule *device, void *context) {
    return (int32_t)ferrule_counter(device, *(const enum ferrule_counter *)context);
}

static void (*wait_quickly)(void *context, struct ferrule_signal *signal, uint32_t ms);

/** Threads that take their time to leave. */
static void wait_slowly(void *context, struct ferrule_signal *signal, uint32_t ms) {
    wait_quickly(context, signal, ms);
    usleep(WHILE_US);
}

static void check_stopping(bool has_services) {
    enum { JOBS = 6 };
    static void *(*const works[JOBS])(void *job) = {read_one,   write_one,           flush,
                                                    accept_one, wait_for_acceptable, receive_one};
    struct job jobs[JOBS];
    int32_t client, server;
    enum ferrule_counter counter = FERRULE_COUNTER_TCP_ACTIVE_OPENS;
    wait_quickly = pair_left.port.os.signal_wait;
    for (int round = 0; round < 3; round++) {
        pair_left.port.os.signal_wait = round == 0 ? wait_slowly : wait_quickly;
        start_both();
        connect_both(&client, &server);
        CHECK(ferrule_net_call(LEFT, counter_of, &counter) == 1);
        fill(client, server);
        const int32_t listener = ferrule_net_listen(LEFT, 7, 4);
        const int32_t datagrams = has_services ? ferrule_net_udp_open(LEFT, 7) : listener;
        for (int index = 0; index < JOBS; index++) {
            jobs[index] = (struct job){.net = LEFT, .socket = index < 3 ? client : listener};
            jobs[index].socket = index < 5 ? jobs[index].socket : datagrams;
            begin(&jobs[index], has_services || index < 5 ? works[index] : accept_one);
        }
        usleep(WHILE_US);
        stop_both();
        /* It has waited for them. */
        CHECK(!pair_left.net.waiters);
        for (int index = 0; index < JOBS; index++)
            CHECK(result_of(&jobs[index]) == FERRULE_ERROR_STOPPED);
        CHECK(ferrule_net_connect(LEFT, "10.0.0.2", 9, FOR_EVER) == FERRULE_ERROR_STOPPED);
        CHECK(ferrule_net_call(LEFT, counter_of, &counter) == FERRULE_ERROR_STOPPED);
        pair_stop(&pair_left);
    }
    /* A socket of before names none of those that there are now. */
    start_both();
    const int32_t before = ferrule_net_listen(LEFT, 7, 4);
    pair_stop(&pair_left);
    pair_start(&pair_left);
    CHECK(before > 0 && ferrule_net_listen(LEFT, 7, 4) > 0);
    CHECK(ferrule_net_close(LEFT, before) == FERRULE_STATUS_BAD_HANDLE);
    stop_both();
    struct ferrule_setup setup = pair_left.setup;
    static struct ferrule_net never;
    setup.memory_bytes = 64;
    CHECK(ferrule_net_close(&never, 1) == FERRULE_ERROR_STOPPED);
    CHECK(ferrule_net_start(&never, &setup, &pair_left.port.os) == FERRULE_ERROR_MEMORY);
    CHECK(ferrule_net_listen(&never, 7, 1) == FERRULE_ERROR_STOPPED);
    puts("stopping");
}

/* Datagrams, names, DHCP */

static void *echo_datagrams(void *context) {
    struct job *job = context;
    uint8_t data[600];
    struct ferrule_endpoint from;
    int32_t length;
    while ((length = ferrule_net_receive_from(job->net, job->socket, data, sizeof data, &from, FOR_EVER)) >=
           0)
        CHECK(ferrule_net_send_to(job->net, job->socket, from.address, from.port, data, (uint32_t)length,
                                  FOR_EVER) == 0);
    job->result = length;
    return NULL;
}

static void *exchange_datagrams(void *context) {
    struct job *job = context;
    uint8_t data[600], back[600];
    const int32_t socket = ferrule_net_udp_open(job->net, 0);
    CHECK(socket > 0);
    for (uint32_t size = 0; size < sizeof data; size += 13) {
        memset(data, (int)size + job->seed, sizeof data);
        CHECK(ferrule_net_send_to(job->net, socket, pair_right.setup.config.address, 7, data, size,
                                  FOR_EVER) == 0);
        CHECK(ferrule_net_receive_from(job->net, socket, back, sizeof back, NULL, FOR_EVER) == (int32_t)size);
        CHECK(memcmp(data, back, size) == 0);
    }
    job->result = ferrule_net_close(job->net, socket);
    return NULL;
}

static void check_datagrams(void) {
    struct job clients[3], server = {.net = RIGHT}, other;
    const uint8_t *far = pair_right.setup.config.address;
    uint8_t byte;
    start_both();
    CHECK((server.socket = ferrule_net_udp_open(RIGHT, 7)) > 0);
    begin(&server, echo_datagrams);
    for (int index = 0; index < 3; index++) {
        clients[index] = (struct job){.net = LEFT, .seed = (uint8_t)(index * 50)};
        begin(&clients[index], exchange_datagrams);
    }
    for (int index = 0; index < 3; index++)
        CHECK(result_of(&clients[index]) == 0);
    CHECK(ferrule_net_close(RIGHT, server.socket) == 0);
    CHECK(result_of(&server) == FERRULE_STATUS_BAD_HANDLE);
    /* Nobody is there: news, but no end. */
    int32_t socket = ferrule_net_udp_open(LEFT, 0);
    struct ferrule_wait_item item = {.socket = socket};
    CHECK(ferrule_net_receive_from(LEFT, socket, &byte, 1, NULL, 30) == FERRULE_STATUS_TIMED_OUT);
    CHECK(ferrule_net_udp_connect(LEFT, socket, far, 7) == 0);
    CHECK(ferrule_net_send_to(LEFT, socket, NULL, 0, "?", 1, FOR_EVER) == 0);
    CHECK(ferrule_net_wait(LEFT, &item, 1, FOR_EVER) == 1 && item.happened == FERRULE_EVENT_FAILED);
    CHECK(ferrule_net_wait(LEFT, &item, 1, 0) == FERRULE_STATUS_TIMED_OUT);
    /* Down to the last octet of the queue: nobody is there who could say what the hardware address is. */
    CHECK(ferrule_net_udp_connect(LEFT, socket, NULL, 0) == 0);
    int32_t status;
    while ((status = ferrule_net_send_to(LEFT, socket, (const uint8_t[]){10, 0, 0, 9}, 7, "?", 1, 0)) == 0)
        continue;
    CHECK(status == FERRULE_STATUS_TIMED_OUT);
    item.wanted = FERRULE_EVENT_WRITABLE;
    CHECK(ferrule_net_wait(LEFT, &item, 1, 0) == FERRULE_STATUS_TIMED_OUT);
    CHECK(ferrule_net_close(LEFT, socket) == 0 && (socket = ferrule_net_udp_open(LEFT, 0)) > 0);
    CHECK(ferrule_restarts(&pair_left.net.device) == 0);
    other = (struct job){.net = LEFT, .socket = socket};
    begin(&other, receive_one);
    CHECK(ferrule_net_send_to(LEFT, socket, far, 7, "?", 1, FOR_EVER) == 0);
    usleep(WHILE_US);
    CHECK(ferrule_net_close(LEFT, socket) == 0 && result_of(&other) == FERRULE_STATUS_BAD_HANDLE);
    stop_both();
    puts("datagrams");
}

/** A DNS server: "board.test" is the right, "lost.test" gets no answer, all others do not exist. RFC 1035
 * section 4. */
static void *answer_names(void *context) {
    struct job *job = context;
    uint8_t data[300];
    struct ferrule_endpoint from;
    int32_t length;
    while ((length = ferrule_net_receive_from(job->net, job->socket, data, 250, &from, FOR_EVER)) >= 17) {
        const bool is_board = memcmp(data + 12, "\5board\4test", 12) == 0;
        if (memcmp(data + 12, "\4lost", 5) == 0)
            continue;
        uint32_t end = 12;
        while (data[end] != 0)
            end += data[end] + 1u;
        end += 5;
        memcpy(data + 2, is_board ? "\x81\x80\0\1\0\1\0\0\0\0" : "\x81\x83\0\1\0\0\0\0\0\0", 10);
        if (is_board) {
            memcpy(data + end, "\xc0\x0c\0\1\0\1\0\0\0\0\0\4\x0a\0\0\2", 16);
            end += 16;
        }
        CHECK(ferrule_net_send_to(job->net, job->socket, from.address, from.port, data, end, FOR_EVER) == 0);
    }
    job->result = length;
    return NULL;
}

static void check_names(void) {
    uint8_t address[4];
    struct job server = {.net = RIGHT};
    start_both();
    const int32_t listener = ferrule_net_listen(RIGHT, 7, 4);
    CHECK((server.socket = ferrule_net_udp_open(RIGHT, 53)) > 0);
    begin(&server, answer_names);
    /* More often than there are queries: each is given back. */
    for (int round = 0; round < 6; round++) {
        CHECK(ferrule_net_resolve(LEFT, "board.test", address, FOR_EVER) == 0);
        CHECK(memcmp(address, pair_right.setup.config.address, 4) == 0);
        CHECK(ferrule_net_resolve(LEFT, "lost.test", address, round * 10) == FERRULE_STATUS_TIMED_OUT);
        CHECK(ferrule_net_connect(LEFT, "lost.test", 7, round * 10) == FERRULE_STATUS_TIMED_OUT);
        CHECK(ferrule_net_resolve(LEFT, "none.test", address, FOR_EVER) == FERRULE_STATUS_NOT_FOUND);
        CHECK(ferrule_net_connect(LEFT, "none.test", 7, FOR_EVER) == FERRULE_STATUS_NOT_FOUND);
        const int32_t client = ferrule_net_connect(LEFT, "board.test", 7, FOR_EVER);
        const int32_t socket = ferrule_net_accept(RIGHT, listener, FOR_EVER);
        CHECK(client > 0 && socket > 0);
        CHECK(ferrule_net_abort(LEFT, client) == 0 && ferrule_net_abort(RIGHT, socket) == 0);
    }
    CHECK(ferrule_net_resolve(LEFT, "10.0.0.7", address, 0) == 0 && address[3] == 7);
    CHECK(ferrule_net_close(RIGHT, server.socket) == 0);
    CHECK(result_of(&server) == FERRULE_STATUS_BAD_HANDLE);
    stop_both();
    puts("names");
}

static void check_dhcp(void) {
    struct ferrule_lease lease;
    struct job early = {.net = LEFT};
    struct ferrule_config *config = &pair_left.setup.config;
    memset(config->address, 0, 4);
    start_both();
    CHECK(ferrule_net_wait_address(LEFT, NULL, 0) == FERRULE_STATUS_TIMED_OUT);
    CHECK(ferrule_net_wait_address(LEFT, NULL, 30) == FERRULE_STATUS_TIMED_OUT);
    begin(&early, wait_address);
    usleep(WHILE_US);
    CHECK(ferrule_net_dhcp(LEFT, "left", false) == 0);
    CHECK(ferrule_net_dhcp(LEFT, "left", false) == FERRULE_STATUS_NO_SOCKET);
    CHECK(result_of(&early) == 0);
    CHECK(ferrule_net_wait_address(LEFT, &lease, 0) == 0);
    CHECK(memcmp(lease.address, (const uint8_t[]){10, 0, 0, 1}, 4) == 0);
    const int32_t listener = ferrule_net_listen(LEFT, 7, 4);
    const int32_t client = ferrule_net_connect(RIGHT, "10.0.0.1", 7, FOR_EVER);
    CHECK(listener > 0 && client > 0 && ferrule_net_accept(LEFT, listener, FOR_EVER) > 0);
    stop_both();
    memcpy(config->address, (const uint8_t[]){10, 0, 0, 1}, 4);
    puts("dhcp");
}

static void check_no_services(void) {
    uint8_t address[4];
    start_both();
    CHECK(ferrule_net_dhcp(LEFT, NULL, false) == FERRULE_STATUS_NOT_SUPPORTED);
    CHECK(ferrule_net_udp_open(LEFT, 7) == FERRULE_STATUS_NOT_SUPPORTED);
    CHECK(ferrule_net_resolve(LEFT, "board.test", address, FOR_EVER) == FERRULE_STATUS_NOT_SUPPORTED);
    CHECK(ferrule_net_connect(LEFT, "board.test", 7, FOR_EVER) == FERRULE_STATUS_NOT_SUPPORTED);
    stop_both();
    puts("no services");
}

/* A core that traps */

static void check_traps(bool has_services) {
    enum { JOBS = 4 };
    static void *(*const works[JOBS])(void *job) = {read_one, write_one, flush, receive_one};
    uint8_t frame[100] = {0};
    memcpy(frame + 14 + 20 + 8 + 16, "TRAP", 4);
    start_both();
    const int32_t listener = ferrule_net_listen(LEFT, 7, 4);
    for (uint32_t round = 1; round <= 3; round++) {
        int32_t client, server;
        const uint32_t jobs_count = has_services ? JOBS : JOBS - 1;
        struct job jobs[JOBS], acceptor = {.net = LEFT, .socket = listener};
        connect_both(&client, &server);
        fill(client, server);
        const int32_t datagrams = has_services ? ferrule_net_udp_open(LEFT, 7) : 0;
        begin(&acceptor, accept_one);
        for (uint32_t index = 0; index < jobs_count; index++) {
            jobs[index] = (struct job){.net = LEFT, .socket = index < 3 ? client : datagrams};
            begin(&jobs[index], works[index]);
        }
        usleep(WHILE_US);
        pair_put(&pair_left, frame, sizeof frame);
        for (uint32_t index = 0; index < jobs_count; index++)
            CHECK(result_of(&jobs[index]) == FERRULE_STATUS_CONNECTION_RESET);
        CHECK(ferrule_net_close(LEFT, client) == 0);
        CHECK(!has_services || ferrule_net_close(LEFT, datagrams) == 0);
        ferrule_net_abort(RIGHT, server);
        /* While it is down: that waits, too. */
        connect_both(&client, &server);
        CHECK(ferrule_net_abort(LEFT, client) == 0 && ferrule_net_abort(RIGHT, server) == 0);
        /* It has waited all the while. */
        const int32_t peer = ferrule_net_connect(RIGHT, "10.0.0.1", 7, FOR_EVER);
        const int32_t socket = result_of(&acceptor);
        CHECK(peer > 0 && socket > 0 && ferrule_restarts(&pair_left.net.device) == round);
        CHECK(ferrule_net_abort(RIGHT, peer) == 0 && ferrule_net_abort(LEFT, socket) == 0);
    }
    stop_both();
    puts("traps");
}

int main(int count, char **arguments) {
    const bool traps = count > 1 && strcmp(arguments[1], "trap") == 0;
    const char *path = count > (traps ? 2 : 1) ? arguments[traps ? 2 : 1] : NULL;
    uint32_t module_bytes = 0;
    const uint8_t *module = path ? pair_read_module(path, &module_bytes) : NULL;
    alarm(ALARM_SECONDS);
    setvbuf(stdout, NULL, _IOLBF, 0);
    pair_open(module, module_bytes);
    const bool has_services = pair_want_services();
    puts(ferrule_engine_name());
    if (traps) {
        check_traps(has_services);
    } else {
        check_streams();
        check_accepting();
        check_timeouts();
        check_asking();
        check_endings();
        check_waiting();
        check_stopping(has_services);
        if (has_services) {
            check_datagrams();
            check_names();
            check_dhcp();
        } else {
            check_no_services();
        }
    }
    pair_close();
    puts("done");
    return 0;
}
