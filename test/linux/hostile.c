/*
 * ferrule.c on an engine whose core lies: every export answers with something wrong now and then, traps, or
 * is gone, and the network device lies, too. Nothing but the statuses of ferrule.h may come of it, no endless
 * loop, and no access outside of memory, for which this runs under sanitizers.
 *
 *     hostile SEED LIVES
 */
#define _DEFAULT_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine.h"
#include "ferrule.h"

#define CHECK(condition)                                                                                     \
    do {                                                                                                     \
        if (!(condition)) {                                                                                  \
            printf("FAILED line %d: %s (result %d)\n", __LINE__, #condition, (int)result);                   \
            exit(1);                                                                                         \
        }                                                                                                    \
    } while (0)

/** Calls of the engine that one function of ferrule.h may make: more is taken for an endless loop. */
#define CALLS_MAX 20000
#define LINEAR_BYTES 8192u
#define STATE_BASE 64u
#define SLOT_BYTES 1514u

struct ferrule_engine {
    uint8_t *memory;
    uint32_t bytes;
};

static uint32_t state, calls, now, traps, lies;
/** One of so many answers is a lie; 0: none. */
static uint32_t lie_every;
/** Every call traps. */
static bool is_dead;
static bool cable_is_out;
/** How often the core was told of its link since it was booted, and what last. */
static uint32_t links_told, link_told;
static int32_t last_handle;
/** The result of the function under test. */
static int32_t result;
static struct ferrule_engine engines[1];

static uint32_t next_random(void) {
    state ^= state << 13;
    state ^= state >> 17;
    state ^= state << 5;
    return state;
}

static bool lies_now(void) {
    return lie_every > 0 && next_random() % lie_every == 0;
}

static uint32_t any_number(void) {
    static const uint32_t odd[] = {0,           1,           2,          4095,        4096,
                                   8191,        8192,        8193,       0x7fffffffu, 0x80000000u,
                                   0xffffffffu, 0xfffffffeu, 0xffffff00, 0xffffffc0u, 0xffffffbdu};
    uint32_t kind = next_random() % 4;
    if (kind == 0)
        return next_random();
    if (kind == 1)
        return 0u - next_random() % 80;
    return kind == 2 ? next_random() % 9000 : odd[next_random() % (sizeof odd / sizeof odd[0])];
}

/* engine.h */

const char *ferrule_engine_name(void) {
    return "hostile 1";
}

enum ferrule_engine_status ferrule_engine_open(const struct ferrule_engine_options *options,
                                               struct ferrule_engine **engine, const char **problem) {
    *engine = NULL;
    *problem = "no";
    if (options->memory_bytes > LINEAR_BYTES)
        return FERRULE_ENGINE_NO_MEMORY;
    if (options->memory_bytes < FERRULE_ENGINE_MEMORY_LEAST)
        return FERRULE_ENGINE_BAD_ARGUMENT;
    if (lies_now())
        return FERRULE_ENGINE_NO_MEMORY;
    engines[0] = (struct ferrule_engine){malloc(options->memory_bytes), options->memory_bytes};
    *engine = &engines[0];
    return FERRULE_ENGINE_OK;
}

void ferrule_engine_close(struct ferrule_engine *engine) {
    free(engine->memory);
    engine->memory = NULL;
}

const char *ferrule_engine_problem(const struct ferrule_engine *engine) {
    return engine->memory ? "a trap" : "";
}

uint8_t *ferrule_engine_memory(const struct ferrule_engine *engine, uint32_t *bytes) {
    *bytes = engine->bytes;
    return engine->memory;
}

uint32_t ferrule_engine_memory_fixed(void) {
    return 0;
}

uint32_t ferrule_engine_bytes_used(const struct ferrule_engine *engine) {
    return engine->bytes;
}

static void put_header(struct ferrule_engine *engine) {
    struct ferrule_state_header header = {
        .input_slot = 256,
        .output_slot = 2048,
        .slot_bytes = lies_now() ? any_number() : SLOT_BYTES,
        .exchange = 3600,
        .counters = 3700,
        .run_pointer = 4000,
        .event_mask = next_random(),
        .checksum_start = (uint16_t)(lies_now() ? any_number() : 34),
        .checksum_offset = (uint16_t)(lies_now() ? any_number() : 16),
        .hints = 4064,
    };
    uint32_t *fields[] = {&header.input_slot, &header.output_slot, &header.exchange,
                          &header.counters,   &header.run_pointer, &header.hints};
    for (size_t index = 0; index < sizeof fields / sizeof fields[0]; index++)
        if (lies_now())
            *fields[index] = any_number();
    memcpy(engine->memory + STATE_BASE, &header, sizeof header);
    for (uint32_t at = 4064; at < 4064 + 12; at += 4) {
        uint32_t hint = next_random() & 1;
        memcpy(engine->memory + at, &hint, sizeof hint);
    }
}

static int32_t honest(enum ferrule_export which, const uint32_t arguments[]) {
    switch (which) {
    case FERRULE_EXPORT_base:
        return STATE_BASE;
    case FERRULE_EXPORT_bytesNeeded:
        return LINEAR_BYTES;
    case FERRULE_EXPORT_open:
        return last_handle = (int32_t)(next_random() >> 1 | 1);
    case FERRULE_EXPORT_accept:
        return next_random() % 2 ? FERRULE_STATUS_WOULD_BLOCK : (int32_t)(next_random() >> 1 | 1);
    case FERRULE_EXPORT_nextEvent:
        return next_random() % 2 ? last_handle : 0;
    case FERRULE_EXPORT_output:
        return next_random() % 3 ? 0 : 60;
    case FERRULE_EXPORT_sendReserve:
    case FERRULE_EXPORT_receivePeek:
        return next_random() % 3 ? 100 : FERRULE_STATUS_WOULD_BLOCK;
    case FERRULE_EXPORT_send:
    case FERRULE_EXPORT_receive:
        if (next_random() % 3 == 0)
            return FERRULE_STATUS_WOULD_BLOCK;
        return (int32_t)(arguments[1] < 100 ? arguments[1] : 100);
    case FERRULE_EXPORT_deadline:
        return (int32_t)(next_random() % 100) - 1;
    default:
        return FERRULE_STATUS_OK;
    }
}

enum ferrule_engine_status ferrule_engine_call(struct ferrule_engine *engine, enum ferrule_export which,
                                               const uint32_t arguments[], int32_t *answer) {
    /* Only what the core gave as a handle comes back as one. */
    if (which >= FERRULE_EXPORT_bind && which <= FERRULE_EXPORT_getopt && (int32_t)arguments[0] <= 0) {
        printf("FAILED: handle %d for export %d\n", (int)arguments[0], (int)which);
        exit(1);
    }
    if (++calls > CALLS_MAX) {
        printf("FAILED: endless, export %d\n", (int)which);
        exit(1);
    }
    if (engine->bytes == LINEAR_BYTES && engine->memory)
        put_header(engine);
    if (is_dead)
        return FERRULE_ENGINE_TRAP;
    *answer = honest(which, arguments);
    links_told = which == FERRULE_EXPORT_init ? 0 : links_told + (which == FERRULE_EXPORT_linkChanged);
    if (which == FERRULE_EXPORT_linkChanged)
        link_told = arguments[1];
    if (which == FERRULE_EXPORT_getopt && lies_now()) {
        uint32_t value = any_number();
        if (arguments[2] <= LINEAR_BYTES - sizeof value)
            memcpy(engine->memory + arguments[2], &value, sizeof value);
    }
    if (!lies_now())
        return FERRULE_ENGINE_OK;
    lies++;
    uint32_t how = next_random() % 8;
    if (how > 1) {
        *answer = (int32_t)any_number();
        return FERRULE_ENGINE_OK;
    }
    return how == 0 ? FERRULE_ENGINE_TRAP : FERRULE_ENGINE_NO_MEMORY;
}

/* The program's part */

static uint32_t receive(void *context, uint8_t *frame, uint32_t room) {
    (void)context;
    /* All that a driver may write. */
    memset(frame - FERRULE_NETDEV_HEADROOM, 0x5a, FERRULE_NETDEV_HEADROOM + room + FERRULE_NETDEV_TAIL);
    return next_random() % 4 ? 0 : any_number();
}

static bool has_room(void *context) {
    (void)context;
    return next_random() % 8 != 0;
}

static bool is_linked(void *context) {
    (void)context;
    return !cable_is_out;
}

static void send_frame(void *context, const uint8_t *frame, uint32_t length) {
    (void)context;
    uint32_t sum = 0;
    for (uint32_t index = 0; index < length; index++)
        sum += frame[index];
    now += sum & 1;
}

static uint32_t now_ms(void *context) {
    (void)context;
    return now;
}

static void fill_random(void *context, uint8_t octets[32]) {
    (void)context;
    memset(octets, (int)next_random(), 32);
}

static void sleep_ms(void *context, uint32_t ms) {
    (void)context;
    CHECK(ms <= 60000);
    now += ms;
}

static void hear_trap(void *context, const char *trap) {
    (void)context;
    CHECK(trap != NULL);
    traps++;
}

/** A status of ferrule.h, or at most `most`. */
static void expect_result(int32_t found, int32_t most) {
    result = found;
    CHECK(found <= most && (found >= FERRULE_STATUS_NOT_FOUND || found == FERRULE_ERROR_RESTARTING ||
                            found == FERRULE_ERROR_CORE));
    calls = 0;
}

static void touch(void *at, int32_t length) {
    for (int32_t index = 0; index < length; index++)
        ((volatile uint8_t *)at)[index]++;
}

static void use_socket(struct ferrule *device, int32_t socket, uint8_t *data) {
    const void *run;
    void *room;
    struct ferrule_endpoint local, peer;
    struct ferrule_tcp_info info;
    uint32_t value;
    uint32_t size = 1 + next_random() % 300;
    expect_result(ferrule_accept(device, socket), INT32_MAX);
    expect_result(ferrule_read(device, socket, data, size), (int32_t)size);
    expect_result(ferrule_write(device, socket, data, size), (int32_t)size);
    expect_result(ferrule_peek(device, socket, &run), LINEAR_BYTES);
    touch((void *)(uintptr_t)run, result);
    expect_result(ferrule_consume(device, socket, next_random() % 200), 0);
    expect_result(ferrule_reserve(device, socket, &room), LINEAR_BYTES);
    CHECK(result != 0);
    touch(room, result);
    expect_result(ferrule_commit(device, socket, next_random() % 200), 0);
    expect_result(ferrule_set_option(device, socket, FERRULE_OPTION_NO_DELAY, 1), 0);
    expect_result(ferrule_get_option(device, socket, FERRULE_OPTION_NO_DELAY, &value), 0);
    expect_result(ferrule_socket_error(device, socket), 0);
    expect_result(ferrule_endpoints(device, socket, &local, &peer), 0);
    expect_result(ferrule_tcp_info(device, socket, &info), 0);
    if (next_random() % 8 == 0)
        expect_result(ferrule_shutdown(device, socket), 0);
    if (next_random() % 4 == 0)
        expect_result(next_random() % 2 ? ferrule_close(device, socket) : ferrule_abort(device, socket), 0);
}

static void live(struct ferrule *device) {
    static const uint8_t address[4] = {10, 0, 0, 9};
    uint8_t *data = malloc(300);
    int32_t sockets[4] = {0};
    for (int turn = 0; turn < 200; turn++) {
        uint32_t events, at = next_random() % 4;
        expect_result(ferrule_poll(device), 0);
        expect_result(next_random() % 2 ? ferrule_connect(device, address, 80)
                                        : ferrule_listen(device, 80, 2),
                      INT32_MAX);
        CHECK(result != 0);
        sockets[at] = result > 0 ? result : sockets[at];
        use_socket(device, sockets[at], data);
        for (int told = 0; told < 10 && ferrule_next_event(device, &events) > 0; told++)
            ;
        result = ferrule_deadline(device);
        CHECK(result >= FERRULE_DEADLINE_NEVER && result <= 1 << 24);
        ferrule_counter(device, (enum ferrule_counter)(next_random() % 100));
        expect_result(ferrule_link_changed(device, true), 0);
        struct ferrule_wait_item items[] = {{.socket = sockets[at], .wanted = FERRULE_EVENT_READABLE}};
        calls = 0;
        expect_result(ferrule_wait(device, items, 1, (int32_t)(next_random() % 50)), 1);
        expect_result(ferrule_wait(device, items, 1, -2), 0);
        CHECK(result == FERRULE_STATUS_INVALID_ARGUMENT);
        now += next_random() % 32 ? next_random() % 20 : 70000;
    }
    free(data);
}

/** A core that never boots again is tried once a minute in the end, and not as fast as it fails. */
static void stay_dead(struct ferrule *device, const struct ferrule_setup *setup) {
    lie_every = 0;
    result = ferrule_start(device, setup);
    CHECK(result == FERRULE_STATUS_OK);
    is_dead = true;
    traps = 0;
    for (uint32_t ms = 0; ms < 20 * 60000; ms++, now++, calls = 0)
        ferrule_poll(device);
    /* 10 ms doubled up to a minute takes 13 of them and a minute and a half, and then it is one a minute. */
    result = (int32_t)traps;
    CHECK(result >= 20 && result <= 13 + 20);
    is_dead = false;
    ferrule_stop(device);
}

/** A core that boots again has not heard yet that its cable is out. */
static void restart_without_cable(struct ferrule *device, const struct ferrule_setup *setup) {
    lie_every = 0;
    result = ferrule_start(device, setup);
    CHECK(result == FERRULE_STATUS_OK);
    ferrule_poll(device);
    CHECK(links_told == 0);
    cable_is_out = true;
    for (int turn = 0; turn < 3; turn++)
        ferrule_poll(device);
    CHECK(links_told == 1 && link_told == 0);
    is_dead = true;
    ferrule_poll(device);
    is_dead = false;
    for (int turn = 0; ferrule_restarts(device) == 0 && turn < 1000; turn++, now++)
        ferrule_poll(device);
    ferrule_poll(device);
    CHECK(ferrule_restarts(device) == 1 && links_told == 1 && link_told == 0);
    cable_is_out = false;
    ferrule_poll(device);
    CHECK(links_told == 2 && link_told == 1);
    ferrule_stop(device);
}

int main(int count, char **arguments) {
    static struct ferrule_netdev netdev = {
        .receive = receive, .has_room = has_room, .send = send_frame, .link = is_linked};
    static _Alignas(16) uint8_t memory[4096];
    static struct ferrule_setup setup = {.memory = memory,
                                         .memory_bytes = sizeof memory,
                                         .netdev = &netdev,
                                         .now_ms = now_ms,
                                         .random = fill_random,
                                         .sleep = sleep_ms,
                                         .trapped = hear_trap};
    static const uint32_t every[] = {0, 3, 7, 20, 100, 1000};
    struct ferrule device;
    uint32_t started = 0;
    if (count != 3)
        return 2;
    state = (uint32_t)strtoul(arguments[1], NULL, 10) | 1;
    setup.checksums = state % 4 == 1 ? FERRULE_CHECKSUMS_NATIVE : FERRULE_CHECKSUMS_CORE;
    setup.config.connections = 3;
    setup.config.listeners = 2;
    stay_dead(&device, &setup);
    calls = 0;
    restart_without_cable(&device, &setup);
    for (int round = 0; round < atoi(arguments[2]); round++) {
        lie_every = every[(uint32_t)round % (sizeof every / sizeof every[0])];
        now = next_random();
        calls = 0;
        result = ferrule_start(&device, &setup);
        CHECK(result <= 0 && (result >= FERRULE_STATUS_NOT_FOUND ||
                              (result >= FERRULE_ERROR_CORE && result < FERRULE_ERROR_RESTARTING)));
        CHECK(result == FERRULE_STATUS_OK || engines[0].memory == NULL);
        if (result == FERRULE_STATUS_OK) {
            started++;
            live(&device);
        }
        ferrule_stop(&device);
        CHECK(engines[0].memory == NULL);
    }
    printf("%u lives, %u lies, %u traps heard\n", (unsigned)started, (unsigned)lies, (unsigned)traps);
    return 0;
}
