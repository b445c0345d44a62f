/*
 * The drivers of QEMU's network devices against devices that misbehave: registers are plain memory here, and
 * this program plays the device. Runs the case that its argument names; a check that fails ends it with 1.
 * It is built with AddressSanitizer: no octet beyond a buffer is touched unseen.
 *
 *     qemu_drivers CASE
 *     qemu_drivers hash 01005e000001       prints the bit of a group's hash
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "openeth.h"
#include "openeth_regs.h"
#include "virtio_net.h"
#include "virtio_regs.h"

#define CHECK(condition) check((condition), #condition, __LINE__)

/** A frame's room, with what a driver may write around it, and not one octet more. */
#define ROOM 1514u
#define FRAME_AT (FERRULE_NETDEV_HEADROOM)

/** Rounds of the random cases. */
#define ROUNDS 200000u

static void check(bool is_true, const char *what, int line) {
    if (is_true)
        return;
    printf("line %d: not so: %s\n", line, what);
    exit(1);
}

static uint32_t random_state = 1;

static uint32_t random_word(void) {
    random_state ^= random_state << 13;
    random_state ^= random_state >> 17;
    random_state ^= random_state << 5;
    return random_state;
}

/** On the heap, where the sanitizer guards its ends. At 2 modulo 4, as the contract has it. */
static uint8_t *new_frame(uint32_t room) {
    uint8_t *block = malloc(FRAME_AT + room + FERRULE_NETDEV_TAIL);
    memset(block, 0xee, FRAME_AT + room + FERRULE_NETDEV_TAIL);
    return block + FRAME_AT;
}

static void free_frame(uint8_t *frame) {
    free(frame - FRAME_AT);
}

static uint32_t receive_once(const struct ferrule_netdev *netdev, uint32_t room) {
    uint8_t *frame = new_frame(room);
    uint32_t length = netdev->receive(netdev->context, frame, room);
    free_frame(frame);
    return length;
}

/* virtio-net */

static uint32_t virtio_registers[(VIRTIO_CONFIG * 4 + 16) / 4];
static struct virtio_net *net;

static void new_virtio(void) {
    uint8_t mac[6] = {0};
    memset(virtio_registers, 0, sizeof virtio_registers);
    virtio_registers[VIRTIO_DEVICE_FEATURES] = VIRTIO_NET_FEATURE_MAC | VIRTIO_NET_FEATURE_STATUS;
    virtio_registers[VIRTIO_QUEUE_SIZE_MAX] = 64;
    uint8_t *config = (uint8_t *)&virtio_registers[VIRTIO_CONFIG];
    memcpy(config, "\x02\x00\x00\x00\x00\x07\x01\x00", 8);
    net = malloc(sizeof *net);
    virtio_net_start(net, virtio_registers, mac);
    CHECK(mac[5] == 7);
    CHECK(net->netdev.link(net));
    CHECK(net->received.available.index == VIRTIO_ENTRIES);
}

/** The device says that it has written so many octets through a descriptor. */
static void virtio_uses(struct virtio_queue *queue, uint32_t descriptor, uint32_t bytes) {
    uint32_t place = queue->used.index % VIRTIO_ENTRIES;
    queue->used.ring[place].descriptor = descriptor;
    queue->used.ring[place].bytes = bytes;
    queue->used.index++;
}

static void virtio_frames(void) {
    uint8_t *frame = new_frame(ROOM);
    new_virtio();
    CHECK(receive_once(&net->netdev, ROOM) == 0);
    memcpy(net->receive_buffers[3].frame, "whole frame", 12);
    virtio_uses(&net->received, 3, VIRTIO_NET_HEADER_BYTES + 60);
    CHECK(virtio_net_waits(net) && net->netdev.due_ms(net) == 0);
    CHECK(net->netdev.receive(net, frame, ROOM) == 60 && memcmp(frame, "whole frame", 12) == 0);
    CHECK(net->received.available.index == VIRTIO_ENTRIES + 1 && net->received.available.ring[0] == 3);
    CHECK(!virtio_net_waits(net) && net->netdev.due_ms(net) == UINT32_MAX);
    /* More than there is room for. */
    virtio_uses(&net->received, 4, VIRTIO_NET_HEADER_BYTES + 1514);
    CHECK(receive_once(&net->netdev, 100) == 1514);
    CHECK(net->statistics.received == 2 && net->statistics.nonsense == 0);
    free_frame(frame);
}

static void virtio_nonsense_of(uint32_t descriptor, uint32_t bytes, uint16_t skip) {
    new_virtio();
    virtio_uses(&net->received, descriptor, bytes);
    net->received.used.index = (uint16_t)(net->received.used.index + skip);
    CHECK(receive_once(&net->netdev, ROOM) == 0);
    CHECK(net->statistics.nonsense == 1 && net->statistics.restarts == 1 && net->statistics.received == 0);
    /* It was set up anew, and goes on. */
    CHECK(net->received.available.index == VIRTIO_ENTRIES && net->netdev.link(net));
    virtio_uses(&net->received, 0, VIRTIO_NET_HEADER_BYTES + 60);
    CHECK(receive_once(&net->netdev, ROOM) == 60);
    free(net);
}

static void virtio_nonsense(void) {
    virtio_nonsense_of(0, 0, 0);
    virtio_nonsense_of(0, VIRTIO_NET_HEADER_BYTES, 0);
    virtio_nonsense_of(0, VIRTIO_NET_HEADER_BYTES + 1515, 0);
    virtio_nonsense_of(0, UINT32_MAX, 0);
    virtio_nonsense_of(VIRTIO_ENTRIES, VIRTIO_NET_HEADER_BYTES + 60, 0);
    virtio_nonsense_of(UINT32_MAX, VIRTIO_NET_HEADER_BYTES + 60, 0);
    virtio_nonsense_of(0, VIRTIO_NET_HEADER_BYTES + 60, VIRTIO_ENTRIES);
    virtio_nonsense_of(0, VIRTIO_NET_HEADER_BYTES + 60, 0x8000);
}

static void virtio_sends(void) {
    uint8_t frame[ROOM] = {1};
    new_virtio();
    for (uint32_t index = 0; index < VIRTIO_NET_SEND_BUFFERS; index++) {
        CHECK(net->netdev.has_room(net));
        net->netdev.send(net, frame, ROOM);
    }
    CHECK(net->sent.available.flags == VIRTIO_AVAILABLE_NO_INTERRUPT);
    /* The device keeps them all: no room, and an interrupt is wanted. */
    CHECK(!net->netdev.has_room(net) && net->sent.available.flags == 0);
    net->netdev.send(net, frame, ROOM);
    CHECK(net->statistics.sent == VIRTIO_NET_SEND_BUFFERS && net->statistics.send_losses == 1);
    virtio_uses(&net->sent, 2, 0);
    CHECK(net->netdev.has_room(net));
    net->netdev.send(net, frame, 60);
    CHECK(net->sent.descriptors[2].bytes == VIRTIO_NET_HEADER_BYTES + 60);
    /* What it gives back twice was not there. */
    virtio_uses(&net->sent, 1, 0);
    virtio_uses(&net->sent, 1, 0);
    CHECK(net->netdev.has_room(net));
    CHECK(net->statistics.nonsense == 1 && net->statistics.restarts == 1 && net->sending == 0);
    net->netdev.send(net, frame, ROOM + 1);
    CHECK(net->statistics.send_losses == 2);
}

static void virtio_link(void) {
    uint8_t frame[60] = {1};
    new_virtio();
    virtio_registers[VIRTIO_CONFIG + 1] = 0;
    CHECK(net->netdev.link(net));
    virtio_registers[VIRTIO_INTERRUPT_STATUS] = VIRTIO_INTERRUPT_CONFIG;
    CHECK(virtio_net_waits(net) && !net->netdev.link(net));
    CHECK(virtio_registers[VIRTIO_INTERRUPT_ACKNOWLEDGE] == VIRTIO_INTERRUPT_CONFIG);
    /* Without a link it takes all, and loses them. */
    for (uint32_t index = 0; index < 2 * VIRTIO_NET_SEND_BUFFERS; index++) {
        CHECK(net->netdev.has_room(net));
        net->netdev.send(net, frame, sizeof frame);
    }
    CHECK(net->statistics.send_losses == 2 * VIRTIO_NET_SEND_BUFFERS && net->statistics.sent == 0);
}

/** It says that it is broken, is not there for a while, and comes back. */
static void virtio_comes_back(void) {
    uint8_t frame[60] = {1};
    new_virtio();
    virtio_registers[VIRTIO_STATUS] |= VIRTIO_STATUS_NEEDS_RESET;
    virtio_registers[VIRTIO_INTERRUPT_STATUS] = VIRTIO_INTERRUPT_CONFIG;
    virtio_registers[VIRTIO_QUEUE_SIZE_MAX] = 0;
    CHECK(!net->netdev.link(net) && net->statistics.restarts == 1);
    CHECK(net->netdev.due_ms(net) > 0 && net->netdev.due_ms(net) < 1000);
    CHECK(net->netdev.has_room(net));
    net->netdev.send(net, frame, sizeof frame);
    CHECK(net->statistics.send_losses == 1 && receive_once(&net->netdev, ROOM) == 0);
    virtio_registers[VIRTIO_QUEUE_SIZE_MAX] = 8;
    virtio_registers[VIRTIO_INTERRUPT_STATUS] = 0;
    CHECK(receive_once(&net->netdev, ROOM) == 0 && net->netdev.link(net));
}

/** Whatever stands in the memory that the device may write, and in its registers. */
static void virtio_random(void) {
    uint8_t frame[ROOM] = {1};
    new_virtio();
    for (uint32_t round = 0; round < ROUNDS; round++) {
        struct virtio_queue *queue = random_word() % 2 == 0 ? &net->received : &net->sent;
        if (random_word() % 4 == 0)
            queue->used.index = (uint16_t)(queue->used.index + random_word() % 12);
        uint32_t descriptor = random_word() % 2 == 0 ? random_word() % VIRTIO_ENTRIES : random_word();
        uint32_t bytes = random_word() % 2 == 0 ? random_word() % 1600 : random_word();
        virtio_uses(queue, descriptor, bytes);
        if (random_word() % 8 == 0)
            virtio_registers[random_word() % (sizeof virtio_registers / 4)] = random_word();
        receive_once(&net->netdev, random_word() % 2 == 0 ? ROOM : 64);
        if (net->netdev.has_room(net))
            net->netdev.send(net, frame, 1 + random_word() % ROOM);
        net->netdev.link(net);
        net->netdev.due_ms(net);
    }
    CHECK(net->statistics.received > 0 && net->statistics.nonsense > 0 && net->statistics.sent > 0);
}

/* OpenCores Ethernet */

static uint32_t eth_registers[OPENETH_DESCRIPTORS + 2 * OPENETH_DESCRIPTOR_COUNT];
static struct openeth *eth;

static volatile uint32_t *send_descriptor(uint32_t index) {
    return &eth_registers[OPENETH_DESCRIPTORS + 2 * index];
}

static volatile uint32_t *receive_descriptor(uint32_t index) {
    return send_descriptor(OPENETH_SEND_BUFFERS + index);
}

static void new_openeth(void) {
    memset(eth_registers, 0, sizeof eth_registers);
    eth = malloc(sizeof *eth);
    openeth_start(eth, eth_registers, 1, (const uint8_t[]){2, 0, 0, 0, 0, 7});
    CHECK(eth->netdev.link(eth));
    CHECK(eth_registers[OPENETH_MAC_ADDR0] == 7 && eth_registers[OPENETH_MAC_ADDR1] == 0x200);
    CHECK(*receive_descriptor(0) == (OPENETH_RECEIVE_EMPTY | OPENETH_RECEIVE_INTERRUPT));
    CHECK((*receive_descriptor(OPENETH_RECEIVE_BUFFERS - 1) & OPENETH_RECEIVE_WRAP) != 0);
}

/** The MAC has put so many octets, check sequence included, into the buffer whose turn it is. */
static void openeth_receives(uint32_t index, uint32_t bytes, uint32_t flags) {
    *receive_descriptor(index) = (*receive_descriptor(index) & OPENETH_RECEIVE_WRAP) |
                                 OPENETH_RECEIVE_INTERRUPT | bytes << OPENETH_LENGTH_SHIFT | flags;
}

static void openeth_frames(void) {
    uint8_t *frame = new_frame(ROOM);
    new_openeth();
    CHECK(receive_once(&eth->netdev, ROOM) == 0 && !openeth_waits(eth));
    /* Twice around the ring, each with other octets and another length. */
    for (uint32_t turn = 0; turn < 2 * OPENETH_RECEIVE_BUFFERS; turn++) {
        const uint32_t index = turn % OPENETH_RECEIVE_BUFFERS, length = 14 + turn * 101 % 1501;
        uint8_t *buffer = (uint8_t *)eth->receive_buffers[index];
        for (uint32_t at = 0; at < length; at++)
            buffer[at] = (uint8_t)(at + turn);
        openeth_receives(index, length + 4, 0);
        CHECK(openeth_waits(eth) && eth->netdev.due_ms(eth) == 0);
        CHECK(eth->netdev.receive(eth, frame, ROOM) == length && memcmp(frame, buffer, length) == 0);
        CHECK((*receive_descriptor(index) & OPENETH_RECEIVE_EMPTY) != 0);
    }
    openeth_receives(0, 1514 + 4, 0);
    CHECK(receive_once(&eth->netdev, 101) == 1514);
    CHECK(eth->statistics.received == 2 * OPENETH_RECEIVE_BUFFERS + 1 && eth->statistics.nonsense == 0);
    free_frame(frame);
}

static void openeth_nonsense(void) {
    static const uint32_t LENGTHS[] = {0, 3, 17, 1526, 1528, 0xffff};
    for (uint32_t index = 0; index < sizeof LENGTHS / sizeof *LENGTHS; index++) {
        new_openeth();
        openeth_receives(0, 64, 0);
        CHECK(receive_once(&eth->netdev, ROOM) == 60);
        openeth_receives(1, LENGTHS[index], 0);
        CHECK(receive_once(&eth->netdev, ROOM) == 0);
        CHECK(eth->statistics.nonsense == 1 && eth->statistics.restarts == 1);
        /* It was set up anew, and begins with the first buffer. */
        openeth_receives(0, 64, 0);
        CHECK(receive_once(&eth->netdev, ROOM) == 60);
        free(eth);
    }
}

/** Damaged frames, and one that was cut, are counted and passed over. */
static void openeth_errors(void) {
    new_openeth();
    for (uint32_t bit = 0; bit < 7; bit++)
        openeth_receives(bit, 64, 1u << bit);
    openeth_receives(7, 104, 0);
    CHECK(receive_once(&eth->netdev, ROOM) == 100 && eth->statistics.receive_errors == 7);
    openeth_receives(0, OPENETH_LONGEST_FRAME, 0);
    CHECK(receive_once(&eth->netdev, ROOM) == 0 && eth->statistics.receive_errors == 8);
    /* Of 1519 to 1521 octets, with QEMU's check sequence: anybody may send them. */
    for (uint32_t bytes = 1523; bytes <= 1525; bytes++) {
        CHECK(bytes <= sizeof eth->receive_buffers[0]);
        openeth_receives(bytes - 1522, bytes, 0);
    }
    CHECK(receive_once(&eth->netdev, ROOM) == 0 && eth->statistics.receive_errors == 11);
    CHECK(eth->statistics.nonsense == 0 && eth->statistics.restarts == 0);
    eth_registers[OPENETH_INT_SOURCE] = OPENETH_INT_BUSY;
    CHECK(!openeth_waits(eth) && eth->statistics.receive_overruns == 1);
}

static void openeth_sends(void) {
    uint8_t frame[ROOM] = {1, 2, 3};
    new_openeth();
    memset(eth->send_buffers, 0xee, sizeof eth->send_buffers);
    for (uint32_t index = 0; index < OPENETH_SEND_BUFFERS; index++) {
        CHECK(eth->netdev.has_room(eth));
        eth->netdev.send(eth, frame, 20);
        CHECK((*send_descriptor(index) & OPENETH_SEND_READY) != 0);
        CHECK(*send_descriptor(index) >> OPENETH_LENGTH_SHIFT == 60);
        const uint8_t *sent = (const uint8_t *)eth->send_buffers[index];
        CHECK(sent[2] == 3 && sent[59] == 0 && sent[60] == 0xee);
    }
    /* The MAC keeps them: no room, and its interrupt is wanted. */
    CHECK(!eth->netdev.has_room(eth) && (eth_registers[OPENETH_INT_MASK] & OPENETH_INT_SENT) != 0);
    eth->netdev.send(eth, frame, ROOM);
    CHECK(eth->statistics.send_losses == 1);
    *send_descriptor(0) = OPENETH_SEND_ERRORS & (1u << 3);
    CHECK(eth->netdev.has_room(eth) && eth->statistics.send_losses == 2);
    eth->netdev.send(eth, frame, ROOM);
    CHECK((eth_registers[OPENETH_INT_MASK] & OPENETH_INT_SENT) == 0);
    /* Without a link it takes all, and loses them. */
    eth_registers[OPENETH_MIISTATUS] = OPENETH_MIISTATUS_LINK_FAILED;
    CHECK(!eth->netdev.link(eth) && eth->netdev.has_room(eth));
    eth->netdev.send(eth, frame, ROOM);
    CHECK(eth->statistics.send_losses == 3);
}

/** Its bus to the PHY hangs: the start ends all the same, and there is no link. */
static void openeth_hangs(void) {
    new_openeth();
    eth_registers[OPENETH_MIISTATUS] = OPENETH_MIISTATUS_BUSY | OPENETH_MIISTATUS_LINK_FAILED;
    openeth_start(eth, eth_registers, 1, (const uint8_t[]){2, 0, 0, 0, 0, 7});
    CHECK(!eth->netdev.link(eth));
    eth_registers[OPENETH_MIISTATUS] = 0;
    CHECK(eth->netdev.link(eth));
    CHECK(eth->netdev.due_ms(eth) < 1000);
}

static void openeth_random(void) {
    uint8_t frame[ROOM] = {1};
    new_openeth();
    for (uint32_t round = 0; round < ROUNDS; round++) {
        uint32_t flags = random_word() % 4 == 0 ? random_word() % 0x10000 : 0;
        uint32_t bytes = random_word() % 8 == 0 ? random_word() % 0x10000 : 18 + random_word() % 1501;
        *receive_descriptor(eth->next_received) = bytes << OPENETH_LENGTH_SHIFT | flags;
        *send_descriptor(random_word() % OPENETH_SEND_BUFFERS) = random_word() % 2 == 0 ? random_word() : 0;
        if (random_word() % 8 == 0)
            eth_registers[random_word() % OPENETH_DESCRIPTORS] = random_word();
        if (random_word() % 8 == 0)
            eth_registers[OPENETH_MIISTATUS] = 0;
        receive_once(&eth->netdev, random_word() % 2 == 0 ? ROOM : 64);
        if (eth->netdev.has_room(eth))
            eth->netdev.send(eth, frame, 1 + random_word() % ROOM);
        eth->netdev.link(eth);
        eth->netdev.due_ms(eth);
    }
    CHECK(eth->statistics.received > 0 && eth->statistics.nonsense > 0 && eth->statistics.sent > 0);
}

static void print_hash(const char *text) {
    uint8_t group[6];
    new_openeth();
    for (int index = 0; index < 6; index++)
        CHECK(sscanf(&text[2 * index], "%2hhx", &group[index]) == 1);
    CHECK(eth->netdev.set_groups(eth, &group, 1));
    printf("%08x%08x\n", eth_registers[OPENETH_HASH1], eth_registers[OPENETH_HASH0]);
}

int main(int count, char **arguments) {
    static const struct {
        const char *name;
        void (*run)(void);
    } CASES[] = {
        {"virtio-frames", virtio_frames},         {"virtio-nonsense", virtio_nonsense},
        {"virtio-sends", virtio_sends},           {"virtio-link", virtio_link},
        {"virtio-comes-back", virtio_comes_back}, {"virtio-random", virtio_random},
        {"openeth-frames", openeth_frames},       {"openeth-nonsense", openeth_nonsense},
        {"openeth-errors", openeth_errors},       {"openeth-sends", openeth_sends},
        {"openeth-hangs", openeth_hangs},         {"openeth-random", openeth_random},
    };
    if (count == 3 && strcmp(arguments[1], "hash") == 0) {
        print_hash(arguments[2]);
        return 0;
    }
    for (uint32_t index = 0; count == 2 && index < sizeof CASES / sizeof *CASES; index++) {
        if (strcmp(arguments[1], CASES[index].name) != 0)
            continue;
        CASES[index].run();
        return 0;
    }
    printf("no such case\n");
    return 2;
}
