/*
 * The work of the benchmarks on a stack (stack.h): RX, TX, RR, CONN and TICK as docs/benchmarks.md defines
 * them. What is counted is the stack's work alone: the functions `measured_*`, without the peer's, `peer_*`
 * and `hook_*`, that they call. On a microcontroller the processor's counter is read where these meet; here,
 * callgrind is told their names.
 *
 * Prints a line for each: name, operations, instructions, and those of native work apart (0 where only
 * callgrind knows). Work that is not done, or wrongly, ends the program.
 */
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "meter.h"
#include "peer.h"
#include "port.h"
#include "stack.h"

#define RING_BYTES 8192
/* Of many connections, which send nothing. */
#define SMALL_RING_BYTES 1024

uint64_t meter_counted, meter_since, meter_native;

/** The wire: a frame for the device, and the last one from it. */
static uint8_t to_device[PEER_FRAME_BYTES], from_device[PEER_FRAME_BYTES];
static uint32_t to_device_bytes, from_device_bytes, frames_sent;
static uint32_t now = 1000;
static uint8_t data[PEER_MSS];

/** Of each work, or virtual seconds. */
static uint32_t operations_wanted = BENCH_OPERATIONS;

/* What the stack calls while it is counted. */

uint32_t hook_length(void) {
    return to_device_bytes;
}

uint32_t hook_receive(void *context, uint8_t *frame, uint32_t room) {
    meter_pause();
    (void)context;
    uint32_t length = to_device_bytes;
    if (length > 0 && length <= room)
        memcpy(frame, to_device, length);
    to_device_bytes = 0;
    meter_resume();
    return length;
}

void hook_send(void *context, const uint8_t *frame, uint32_t length) {
    meter_pause();
    (void)context;
    if (length > sizeof from_device)
        work_fail("a frame that is too long");
    memcpy(from_device, frame, length);
    from_device_bytes = length;
    frames_sent++;
    meter_resume();
}

uint32_t work_now(void *context) {
    (void)context;
    return now;
}

static void say(const char *format, ...) {
    char line[128];
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    port_write(line, (size_t)length);
}

void work_fail(const char *what) {
    say("failed: %s\n", what);
    port_exit(1);
}

static void check(bool condition, const char *what) {
    if (!condition)
        work_fail(what);
}

/** A segment for the device, and all that the device makes of it. */
static void deliver(struct peer *peer, uint8_t flags, const uint8_t *bytes, uint32_t count) {
    to_device_bytes = peer_segment(peer, to_device, flags, bytes, count);
    from_device_bytes = 0;
    measured_poll();
    if (from_device_bytes > 0)
        check(peer_take(peer, from_device, from_device_bytes), "a frame of the device");
}

/** Whether the device's last frame carries these bytes. */
static bool took(struct peer *peer, const uint8_t *bytes, uint32_t count) {
    return peer_take(peer, from_device, from_device_bytes) && peer->payload_bytes == count &&
           memcmp(peer->payload, bytes, count) == 0;
}

/** Opens a connection; returns the device's socket. */
static int32_t establish(struct peer *peer, uint16_t port) {
    *peer = (struct peer){.port = port, .device_port = WORK_PORT, .seq = port * 1000u};
    deliver(peer, PEER_SYN, NULL, 0);
    check(peer->flags == (PEER_SYN | PEER_ACK), "SYN-ACK");
    deliver(peer, PEER_ACK, NULL, 0);
    int32_t socket = measured_accept();
    check(socket > 0, "accept");
    return socket;
}

/** What there is to print, when the stack has been looked at. */
static struct {
    const char *name;
    uint32_t operations;
    uint64_t instructions, native;
} result;

static uint64_t start_counting(void) {
    meter_native = 0;
    return meter_counted;
}

static void report(const char *name, uint32_t operations, uint64_t before) {
    result.name = name;
    result.operations = operations;
    result.instructions = meter_counted - before;
    result.native = meter_native;
}

/** Most bytes of C stack in use so far, by booting and by work; the driver's own few are among them. */
static uint32_t boot_stack_bytes, work_stack_bytes;

/** Paints the stack that is not in use; returns how much is. */
static uint32_t paint_stack(void) {
    port_start();
    return port_stack_bytes();
}

static void note_stack(uint32_t *most, uint32_t before) {
    uint32_t bytes = port_stack_bytes() - before;
    if (bytes > *most)
        *most = bytes;
}

/** An in-order segment arrives, the application takes the bytes out by copy, an ACK leaves for every second
 * one. */
static void work_rx(uint32_t operations) {
    struct peer peer;
    static uint8_t taken[PEER_MSS];
    int32_t socket = establish(&peer, 1001);
    uint64_t before = start_counting();
    frames_sent = 0;
    for (uint32_t index = 0; index < operations; index++) {
        deliver(&peer, PEER_ACK, data, PEER_MSS);
        measured_events();
        check(measured_read(socket, taken, PEER_MSS) == PEER_MSS && memcmp(taken, data, PEER_MSS) == 0, "RX");
    }
    /* One for two segments, and window updates besides. */
    check(frames_sent >= operations / 2 && frames_sent <= operations, "ACKs");
    report("RX", operations, before);
}

/** The application writes by copy, the segment leaves, the peer acknowledges every second one. */
static void work_tx(uint32_t operations) {
    struct peer peer;
    int32_t socket = establish(&peer, 1002);
    stack_no_delay(socket);
    uint64_t before = start_counting();
    frames_sent = 0;
    for (uint32_t index = 0; index < operations; index++) {
        check(measured_write(socket, data, PEER_MSS) == PEER_MSS, "TX");
        measured_poll();
        check(took(&peer, data, PEER_MSS), "a full segment");
        if (index % 2 == 1)
            deliver(&peer, PEER_ACK, NULL, 0);
    }
    check(frames_sent == operations, "a segment for each write");
    report("TX", operations, before);
}

/** 64 bytes in, 64 bytes out. */
static void work_rr(uint32_t operations) {
    struct peer peer;
    uint8_t request[64];
    int32_t socket = establish(&peer, 1003);
    uint64_t before = start_counting();
    for (uint32_t index = 0; index < operations; index++) {
        deliver(&peer, PEER_ACK | PEER_PSH, data, 64);
        measured_events();
        check(measured_read(socket, request, 64) == 64, "request");
        check(measured_write(socket, request, 64) == 64, "response");
        measured_poll();
        check(took(&peer, data, 64), "response");
    }
    report("RR", operations, before);
}

/** Passive open, 1 byte in, passive close, the connection's record is free. */
static void work_conn(uint32_t operations) {
    uint64_t before = start_counting();
    for (uint32_t index = 0; index < operations; index++) {
        struct peer peer;
        uint8_t byte[2];
        int32_t socket = establish(&peer, (uint16_t)(2000 + index));
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
static void work_tick(const char *name, uint32_t connections, uint32_t seconds) {
    struct peer peer;
    for (uint32_t index = 0; index < connections; index++)
        establish(&peer, (uint16_t)(3000 + index));
    uint64_t before = start_counting();
    uint32_t end = now + 1000 * seconds;
    while ((int32_t)(end - now) > 0) {
        measured_poll();
        int32_t ms = measured_deadline();
        uint32_t left = end - now;
        now += ms < 0 || (uint32_t)ms > left ? left : ms > 0 ? (uint32_t)ms : 1;
    }
    report(name, seconds, before);
}

/** A device to which the peer's address is known. */
static void boot(uint32_t connections) {
    stack_boot(connections, connections > 4 ? SMALL_RING_BYTES : RING_BYTES);
    to_device_bytes = peer_arp(to_device);
    from_device_bytes = 0;
    measured_poll();
    check(from_device_bytes >= PEER_ARP_BYTES, "ARP");
}

static void run(const char *name) {
    bool tick16 = strcmp(name, "TICK16") == 0;
    bool tick4 = strcmp(name, "TICK4") == 0;
    uint32_t before = paint_stack();
    boot(tick16 ? 16 : tick4 ? 4 : 2);
    note_stack(&boot_stack_bytes, before);
    before = paint_stack();
    if (strcmp(name, "RX") == 0)
        work_rx(operations_wanted);
    else if (strcmp(name, "TX") == 0)
        work_tx(operations_wanted);
    else if (strcmp(name, "RR") == 0)
        work_rr(operations_wanted);
    else if (strcmp(name, "CONN") == 0)
        work_conn(operations_wanted);
    else if (tick4 || tick16)
        work_tick(name, tick16 ? 16 : 4, operations_wanted);
    else
        work_fail("no such work");
    note_stack(&work_stack_bytes, before);
    say("%s %lu %llu %llu\n", result.name, (unsigned long)result.operations,
        (unsigned long long)result.instructions, (unsigned long long)result.native);
    if (strcmp(name, "RX") == 0)
        say("RX-FRAMES %lu %lu\n", (unsigned long)result.operations, (unsigned long)frames_sent);
    stack_stop();
}

/** With a name, that work, as often as a number behind it says; without, all of them. */
int main(int count, char **arguments) {
    static const char *const all[] = {"RX", "TX", "RR", "CONN", "TICK4", "TICK16"};
    port_start();
    for (uint32_t index = 0; index < sizeof data; index++)
        data[index] = (uint8_t)(index * 31 + index / 256);
    say("%s %s\n", stack_name(), port_target());
    if (count > 2)
        operations_wanted = (uint32_t)strtoul(arguments[2], NULL, 10);
    if (count > 1)
        run(arguments[1]);
    for (uint32_t index = 0; count <= 1 && index < sizeof all / sizeof all[0]; index++)
        run(all[index]);
    say("STACK %lu %lu\ndone\n", (unsigned long)boot_stack_bytes, (unsigned long)work_stack_bytes);
    port_exit(0);
}
