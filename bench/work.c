/*
 * The work of the benchmarks on ferrule.h: RX, TX, RR, CONN and TICK as docs/benchmarks.md defines them. What
 * is counted is the device's work alone: the functions `measured_*`, without the peer's, `peer_*` and
 * `hook_*`, that they call. On a microcontroller the processor's counter is read where these meet; here,
 * callgrind is told their names.
 *
 * Prints a line for each: name, operations, instructions (0 where only callgrind knows).
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ferrule.h"
#include "peer.h"
#include "port.h"

#ifdef BENCH_MODULE
extern const uint8_t module_wasm[];
extern const uint32_t module_wasm_bytes;
#endif

#define PORT_NUMBER 80
#define RING_BYTES 8192
#define MEMORY_BYTES (256u * 1024)

static _Alignas(16) uint8_t memory[MEMORY_BYTES];
static struct ferrule device;
static struct ferrule_setup setup;

/** The wire: a frame for the device, and the last one from it. */
static uint8_t to_device[PEER_FRAME_BYTES], from_device[PEER_FRAME_BYTES];
static uint32_t to_device_bytes, from_device_bytes, frames_sent;
static uint32_t now = 1000;
static uint8_t data[PEER_MSS];

/** Of each work, or virtual seconds. */
static uint32_t operations_wanted = BENCH_OPERATIONS;

static uint64_t counted, counting_since;
static bool counting;

static void resume(void) {
    counting = true;
    counting_since = port_instructions();
}

static void pause(void) {
    counted += port_instructions() - counting_since;
    counting = false;
}

/* What the device calls while it is counted. */

__attribute__((noinline)) static uint32_t hook_receive(void *context, uint8_t *frame, uint32_t room) {
    pause();
    (void)context;
    uint32_t length = to_device_bytes;
    if (length > 0 && length <= room)
        memcpy(frame, to_device, length);
    to_device_bytes = 0;
    resume();
    return length;
}

__attribute__((noinline)) static bool hook_has_room(void *context) {
    (void)context;
    return true;
}

__attribute__((noinline)) static void hook_send(void *context, const uint8_t *frame, uint32_t length) {
    pause();
    (void)context;
    memcpy(from_device, frame, length);
    from_device_bytes = length;
    frames_sent++;
    resume();
}

static uint32_t now_ms(void *context) {
    (void)context;
    return now;
}

static void fill_random(void *context, uint8_t octets[32]) {
    (void)context;
    for (int index = 0; index < 32; index++)
        octets[index] = (uint8_t)(index * 7 + 1);
}

/* The device's work. */

__attribute__((noinline)) static void measured_poll(void) {
    resume();
    ferrule_poll(&device);
    pause();
}

__attribute__((noinline)) static int32_t measured_read(int32_t socket, void *to, uint32_t bytes) {
    resume();
    int32_t result = ferrule_read(&device, socket, to, bytes);
    pause();
    return result;
}

__attribute__((noinline)) static int32_t measured_write(int32_t socket, const void *from, uint32_t bytes) {
    resume();
    int32_t result = ferrule_write(&device, socket, from, bytes);
    pause();
    return result;
}

__attribute__((noinline)) static int32_t measured_accept(int32_t listener) {
    resume();
    uint32_t events;
    int32_t socket = ferrule_next_event(&device, &events) == listener ? ferrule_accept(&device, listener) : 0;
    pause();
    return socket;
}

__attribute__((noinline)) static void measured_close(int32_t socket) {
    resume();
    ferrule_close(&device, socket);
    pause();
}

__attribute__((noinline)) static int32_t measured_deadline(void) {
    resume();
    int32_t ms = ferrule_deadline(&device);
    pause();
    return ms;
}

/** The application looks at the events, as it would. */
__attribute__((noinline)) static void measured_events(void) {
    resume();
    uint32_t events;
    while (ferrule_next_event(&device, &events) > 0)
        ;
    pause();
}

static void say(const char *format, ...) {
    char line[128];
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    port_write(line, (size_t)length);
}

static void fail(const char *what) {
    say("failed: %s\n", what);
    port_exit(1);
}

static void check(bool condition, const char *what) {
    if (!condition)
        fail(what);
}

/** A segment for the device, and all that the device makes of it. */
static void deliver(struct peer *peer, uint8_t flags, const uint8_t *bytes, uint32_t count) {
    to_device_bytes = peer_segment(peer, to_device, flags, bytes, count);
    from_device_bytes = 0;
    measured_poll();
    if (from_device_bytes > 0)
        check(peer_take(peer, from_device, from_device_bytes), "a frame of the device");
}

/** Opens a connection; returns the device's socket. */
static int32_t establish(struct peer *peer, int32_t listener, uint16_t port) {
    *peer = (struct peer){.port = port, .device_port = PORT_NUMBER, .seq = port * 1000u};
    deliver(peer, PEER_SYN, NULL, 0);
    check(peer->flags == (PEER_SYN | PEER_ACK), "SYN-ACK");
    deliver(peer, PEER_ACK, NULL, 0);
    int32_t socket = measured_accept(listener);
    check(socket > 0, "accept");
    return socket;
}

static void report(const char *name, uint32_t operations, uint64_t before) {
    say("%s %lu %llu\n", name, (unsigned long)operations, (unsigned long long)(counted - before));
}

/** An in-order segment arrives, the application takes the bytes out by copy, an ACK leaves for every second
 * one. */
static void work_rx(int32_t listener, uint32_t operations) {
    struct peer peer;
    static uint8_t taken[PEER_MSS];
    int32_t socket = establish(&peer, listener, 1001);
    uint64_t before = counted;
    frames_sent = 0;
    for (uint32_t index = 0; index < operations; index++) {
        deliver(&peer, PEER_ACK, data, PEER_MSS);
        measured_events();
        check(measured_read(socket, taken, PEER_MSS) == PEER_MSS && memcmp(taken, data, PEER_MSS) == 0, "RX");
    }
    /* One for two segments, and window updates besides. */
    check(frames_sent >= operations / 2 && frames_sent <= operations, "ACKs");
    report("RX", operations, before);
    say("RX-ACKS %lu %lu\n", (unsigned long)operations, (unsigned long)frames_sent);
}

/** The application writes by copy, the segment leaves, the peer acknowledges every second one. */
static void work_tx(int32_t listener, uint32_t operations) {
    struct peer peer;
    int32_t socket = establish(&peer, listener, 1002);
    check(ferrule_set_option(&device, socket, FERRULE_OPTION_NO_DELAY, 1) == 0, "NO_DELAY");
    uint64_t before = counted;
    frames_sent = 0;
    for (uint32_t index = 0; index < operations; index++) {
        check(measured_write(socket, data, PEER_MSS) == PEER_MSS, "TX");
        measured_poll();
        check(peer_take(&peer, from_device, from_device_bytes) && peer.payload_bytes == PEER_MSS, "full");
        if (index % 2 == 1)
            deliver(&peer, PEER_ACK, NULL, 0);
    }
    check(frames_sent == operations, "a segment for each write");
    report("TX", operations, before);
}

/** 64 bytes in, 64 bytes out. */
static void work_rr(int32_t listener, uint32_t operations) {
    struct peer peer;
    uint8_t request[64];
    int32_t socket = establish(&peer, listener, 1003);
    uint64_t before = counted;
    for (uint32_t index = 0; index < operations; index++) {
        deliver(&peer, PEER_ACK | PEER_PSH, data, 64);
        measured_events();
        check(measured_read(socket, request, 64) == 64, "request");
        check(measured_write(socket, request, 64) == 64, "response");
        measured_poll();
        check(peer_take(&peer, from_device, from_device_bytes) && peer.payload_bytes == 64, "RR");
    }
    report("RR", operations, before);
}

/** Passive open, 1 byte in, passive close, the connection's record is free. */
static void work_conn(int32_t listener, uint32_t operations) {
    uint64_t before = counted;
    for (uint32_t index = 0; index < operations; index++) {
        struct peer peer;
        uint8_t byte[2];
        int32_t socket = establish(&peer, listener, (uint16_t)(2000 + index));
        deliver(&peer, PEER_ACK, data, 1);
        check(measured_read(socket, byte, 2) == 1, "1 byte");
        deliver(&peer, PEER_FIN | PEER_ACK, NULL, 0);
        measured_events();
        check(measured_read(socket, byte, 2) == 0, "the peer's end");
        measured_close(socket);
        measured_poll();
        check(peer_take(&peer, from_device, from_device_bytes) && (peer.flags & PEER_FIN) != 0, "FIN");
        deliver(&peer, PEER_ACK, NULL, 0);
    }
    report("CONN", operations, before);
}

/** Idle connections: as often as the stack asks to be called, for `seconds` virtual seconds. */
static void work_tick(const char *name, int32_t listener, uint32_t connections, uint32_t seconds) {
    struct peer peer;
    for (uint32_t index = 0; index < connections; index++)
        establish(&peer, listener, (uint16_t)(3000 + index));
    uint64_t before = counted;
    uint32_t end = now + 1000 * seconds;
    while ((int32_t)(end - now) > 0) {
        measured_poll();
        int32_t ms = measured_deadline();
        uint32_t left = end - now;
        now += ms < 0 || (uint32_t)ms > left ? left : ms > 0 ? (uint32_t)ms : 1;
    }
    report(name, seconds, before);
}

/** A device with so many connections, and a listener; returns that. The peer's address is known to it. */
static int32_t boot(uint16_t connections) {
    static const struct ferrule_netdev netdev = {
        .receive = hook_receive, .has_room = hook_has_room, .send = hook_send};
    setup = (struct ferrule_setup){.memory = memory,
                                   .memory_bytes = MEMORY_BYTES,
#ifdef BENCH_MODULE
                                   .module = module_wasm,
                                   .module_bytes = module_wasm_bytes,
#endif
                                   .netdev = &netdev,
                                   .now_ms = now_ms,
                                   .random = fill_random};
    struct ferrule_config *config = &setup.config;
    ferrule_config_defaults(config);
    memcpy(config->mac, (const uint8_t[]){2, 0, 0, 0, 0, 2}, 6);
    memcpy(config->address, (const uint8_t[]){10, 0, 0, 2}, 4);
    memcpy(config->netmask, (const uint8_t[]){255, 255, 255, 0}, 4);
    config->connections = connections;
    config->listeners = 1;
    config->send_ring_bytes = config->receive_ring_bytes = connections > 4 ? 1024 : RING_BYTES;
    int32_t status = ferrule_start(&device, &setup);
    if (status < 0)
        fail(ferrule_error_name(status));
    int32_t listener = ferrule_listen(&device, PORT_NUMBER, 16);
    check(listener > 0, "listen");
    to_device_bytes = peer_arp(to_device);
    ferrule_poll(&device);
    return listener;
}

static void run(const char *name) {
    if (strcmp(name, "RX") == 0)
        work_rx(boot(2), operations_wanted);
    else if (strcmp(name, "TX") == 0)
        work_tx(boot(2), operations_wanted);
    else if (strcmp(name, "RR") == 0)
        work_rr(boot(2), operations_wanted);
    else if (strcmp(name, "CONN") == 0)
        work_conn(boot(2), operations_wanted);
    else if (strcmp(name, "TICK4") == 0)
        work_tick(name, boot(4), 4, operations_wanted);
    else if (strcmp(name, "TICK16") == 0)
        work_tick(name, boot(16), 16, operations_wanted);
    else
        fail("no such work");
    ferrule_stop(&device);
}

/** With a name, that work, as often as a number behind it says; without, all of them. */
int main(int count, char **arguments) {
    static const char *const all[] = {"RX", "TX", "RR", "CONN", "TICK4", "TICK16"};
    port_start();
    for (uint32_t index = 0; index < sizeof data; index++)
        data[index] = (uint8_t)(index * 31 + index / 256);
    say("%s %s\n", ferrule_engine_name(), port_target());
    if (count > 2)
        operations_wanted = (uint32_t)strtoul(arguments[2], NULL, 10);
    if (count > 1)
        run(arguments[1]);
    for (uint32_t index = 0; count <= 1 && index < sizeof all / sizeof all[0]; index++)
        run(all[index]);
    say("done\n");
    port_exit(0);
}
