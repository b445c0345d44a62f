#include "openeth.h"

#include <string.h>

#include "openeth_regs.h"

/** How often to look at the link, in milliseconds. */
#define LINK_LOOK_MS 250u

/** Reads of the management bus's status until it is done, at most: 64 of its clocks, 100 of ours each, and
 * ten times that. */
#define MII_READS 64000u

#define FRAME_CHECK_BYTES 4u
/** Shortest and longest frame, without a check sequence. */
#define SHORTEST_FRAME 60u
#define SHORTEST_HEADER 14u
#define LONGEST_SENT 1514u

#define INTERRUPTS (OPENETH_INT_RECEIVED | OPENETH_INT_RECEIVE_ERROR | OPENETH_INT_BUSY)
/** When somebody waits for room besides. */
#define INTERRUPTS_OF_SENDING (OPENETH_INT_SENT | OPENETH_INT_SEND_ERROR)

/* Half a word that may alias anything. */
typedef uint16_t __attribute__((may_alias)) halfword_t;

static uint32_t receive(void *context, uint8_t *frame, uint32_t room);
static bool has_room(void *context);
static void send_frame(void *context, const uint8_t *frame, uint32_t length);
static bool is_up(void *context);
static bool take_link(struct openeth *eth);
static uint32_t due_ms(void *context);
static void set_mac(void *context, const uint8_t mac[6]);
static bool set_groups(void *context, const uint8_t (*groups)[6], uint32_t count);
static void set_up(struct openeth *eth);
static void put_filter(struct openeth *eth);
static volatile uint32_t *received(const struct openeth *eth);
static volatile uint32_t *sent(const struct openeth *eth, uint32_t index);
static void give_back(struct openeth *eth);
static void acknowledge(struct openeth *eth);
static void take_sent(struct openeth *eth);
static void copy_halfwords(void *to, const void *from, uint32_t bytes);
static uint32_t group_bit(const uint8_t group[6]);

void openeth_start(struct openeth *eth, volatile uint32_t *registers, uint32_t phy, const uint8_t mac[6]) {
    memset(eth, 0, sizeof *eth);
    eth->registers = registers;
    eth->phy = phy;
    eth->netdev = (struct ferrule_netdev){.receive = receive,
                                          .has_room = has_room,
                                          .send = send_frame,
                                          .link = is_up,
                                          .due_ms = due_ms,
                                          .set_mac = set_mac,
                                          .set_groups = set_groups,
                                          .statistics = &eth->statistics,
                                          .context = eth};
    memcpy(eth->mac, mac, 6);
    set_up(eth);
}

bool openeth_waits(struct openeth *eth) {
    /* Acknowledged before the look: what comes after the look interrupts again. */
    acknowledge(eth);
    return (received(eth)[0] & OPENETH_RECEIVE_EMPTY) == 0;
}

/** Section 4.2.3. Damaged frames are passed over, as many as there are buffers at most. */
static uint32_t receive(void *context, uint8_t *frame, uint32_t room) {
    struct openeth *eth = context;
    for (uint32_t turn = 0; turn < OPENETH_RECEIVE_BUFFERS; turn++) {
        const uint32_t status = received(eth)[0];
        if ((status & OPENETH_RECEIVE_EMPTY) != 0)
            return 0;
        __sync_synchronize();
        const uint32_t bytes = status >> OPENETH_LENGTH_SHIFT;
        if (bytes > OPENETH_LONGEST_FRAME + OPENETH_BEYOND_BYTES ||
            bytes < SHORTEST_HEADER + FRAME_CHECK_BYTES) {
            eth->statistics.nonsense++;
            eth->statistics.restarts++;
            set_up(eth);
            return 0;
        }
        /* What is as long as can be was cut. */
        if ((status & OPENETH_RECEIVE_ERRORS) != 0 || bytes >= OPENETH_LONGEST_FRAME) {
            eth->statistics.receive_errors++;
            give_back(eth);
            continue;
        }
        const uint32_t length = bytes - FRAME_CHECK_BYTES;
        copy_halfwords(frame, eth->receive_buffers[eth->next_received], length < room ? length : room);
        give_back(eth);
        eth->statistics.received++;
        return length;
    }
    return 0;
}

static bool has_room(void *context) {
    struct openeth *eth = context;
    if (!eth->link_is_up)
        return true;
    take_sent(eth);
    if (eth->sending < OPENETH_SEND_BUFFERS)
        return true;
    /* Whoever waits for room is to be woken; it may have come just before. */
    eth->registers[OPENETH_INT_MASK] = INTERRUPTS | INTERRUPTS_OF_SENDING;
    eth->wakes_senders = true;
    take_sent(eth);
    return eth->sending < OPENETH_SEND_BUFFERS;
}

/** Section 4.2.2. */
static void send_frame(void *context, const uint8_t *frame, uint32_t length) {
    struct openeth *eth = context;
    if (!eth->link_is_up || length > LONGEST_SENT || !has_room(eth)) {
        eth->statistics.send_losses++;
        return;
    }
    uint32_t index = eth->next_sent;
    uint8_t *buffer = (uint8_t *)eth->send_buffers[index];
    copy_halfwords(buffer, frame, length);
    /* The MAC pads to so many, too: where its PAD bit is honoured. */
    if (length < SHORTEST_FRAME)
        memset(buffer + length, 0, SHORTEST_FRAME - length);
    uint32_t bytes = length < SHORTEST_FRAME ? SHORTEST_FRAME : length;
    eth->next_sent = (index + 1) % OPENETH_SEND_BUFFERS;
    eth->sending++;
    if (eth->wakes_senders)
        eth->registers[OPENETH_INT_MASK] = INTERRUPTS;
    eth->wakes_senders = false;
    __sync_synchronize();
    sent(eth, index)[0] = bytes << OPENETH_LENGTH_SHIFT | OPENETH_SEND_READY | OPENETH_SEND_INTERRUPT |
                          OPENETH_SEND_CRC | (eth->next_sent == 0 ? OPENETH_SEND_WRAP : 0);
}

static bool is_up(void *context) {
    struct openeth *eth = context;
    /* What the last look has found, if that took a while. */
    if (take_link(eth)) {
        eth->registers[OPENETH_MIICOMMAND] = OPENETH_MIICOMMAND_READ;
        take_link(eth);
    }
    return eth->link_is_up;
}

/** Takes what a read of the PHY's status has found; false while one is under way. Section 3.16. */
static bool take_link(struct openeth *eth) {
    const uint32_t status = eth->registers[OPENETH_MIISTATUS];
    if ((status & OPENETH_MIISTATUS_BUSY) != 0)
        return false;
    eth->link_is_up = (status & OPENETH_MIISTATUS_LINK_FAILED) == 0;
    return true;
}

static uint32_t due_ms(void *context) {
    struct openeth *eth = context;
    return openeth_waits(eth) ? 0 : LINK_LOOK_MS;
}

static void set_mac(void *context, const uint8_t mac[6]) {
    struct openeth *eth = context;
    memcpy(eth->mac, mac, 6);
    put_filter(eth);
}

/** Section 4.3.1: a group's frames are taken when the bit of its hash is set. */
static bool set_groups(void *context, const uint8_t (*groups)[6], uint32_t count) {
    struct openeth *eth = context;
    memset(eth->hash, 0, sizeof eth->hash);
    for (uint32_t index = 0; index < count; index++) {
        uint32_t bit = group_bit(groups[index]);
        eth->hash[bit / 32] |= 1u << bit % 32;
    }
    put_filter(eth);
    return true;
}

/** Sections 4.1 and 4.2. */
static void set_up(struct openeth *eth) {
    volatile uint32_t *registers = eth->registers;
    registers[OPENETH_MODER] = OPENETH_MODER_RESET;
    registers[OPENETH_MODER] = 0;
    registers[OPENETH_INT_MASK] = 0;
    registers[OPENETH_INT_SOURCE] = OPENETH_INT_ALL;
    registers[OPENETH_PACKETLEN] =
        OPENETH_PACKETLEN_VALUE(SHORTEST_FRAME + FRAME_CHECK_BYTES, OPENETH_LONGEST_FRAME);
    registers[OPENETH_TX_BD_NUM] = OPENETH_SEND_BUFFERS;
    put_filter(eth);
    eth->next_received = eth->next_sent = eth->sending = eth->oldest_sent = 0;
    eth->wakes_senders = false;
    for (uint32_t index = 0; index < OPENETH_SEND_BUFFERS; index++) {
        sent(eth, index)[0] = 0;
        sent(eth, index)[1] = (uint32_t)(uintptr_t)eth->send_buffers[index];
    }
    for (uint32_t index = 0; index < OPENETH_RECEIVE_BUFFERS; index++) {
        received(eth)[1] = (uint32_t)(uintptr_t)eth->receive_buffers[index];
        give_back(eth);
    }
    registers[OPENETH_MODER] = OPENETH_MODER_PAD | OPENETH_MODER_CRC_ADD | OPENETH_MODER_FULL_DUPLEX |
                               OPENETH_MODER_TRANSMIT | OPENETH_MODER_RECEIVE;
    registers[OPENETH_INT_MASK] = INTERRUPTS;
    /* From here on reads of the PHY's status find the link: the first one before anybody asks. */
    registers[OPENETH_MIIADDRESS] = OPENETH_MIIADDRESS_VALUE(eth->phy, OPENETH_PHY_STATUS);
    registers[OPENETH_MIICOMMAND] = OPENETH_MIICOMMAND_READ;
    for (uint32_t reads = 0; reads < MII_READS; reads++)
        if (take_link(eth))
            break;
}

/** Sections 3.17 to 3.20. */
static void put_filter(struct openeth *eth) {
    const uint8_t *mac = eth->mac;
    eth->registers[OPENETH_MAC_ADDR0] =
        (uint32_t)mac[2] << 24 | (uint32_t)mac[3] << 16 | (uint32_t)mac[4] << 8 | mac[5];
    eth->registers[OPENETH_MAC_ADDR1] = (uint32_t)mac[0] << 8 | mac[1];
    eth->registers[OPENETH_HASH0] = eth->hash[0];
    eth->registers[OPENETH_HASH1] = eth->hash[1];
}

/** The descriptor whose turn it is to receive: two words. They follow those that send. */
static volatile uint32_t *received(const struct openeth *eth) {
    return &eth->registers[OPENETH_DESCRIPTORS + 2 * (OPENETH_SEND_BUFFERS + eth->next_received)];
}

static volatile uint32_t *sent(const struct openeth *eth, uint32_t index) {
    return &eth->registers[OPENETH_DESCRIPTORS + 2 * index];
}

/** Hands the buffer whose turn it was to the MAC, and goes on to the next. */
static void give_back(struct openeth *eth) {
    const bool is_last = eth->next_received == OPENETH_RECEIVE_BUFFERS - 1;
    __sync_synchronize();
    received(eth)[0] =
        OPENETH_RECEIVE_EMPTY | OPENETH_RECEIVE_INTERRUPT | (is_last ? OPENETH_RECEIVE_WRAP : 0);
    eth->next_received = is_last ? 0 : eth->next_received + 1;
}

static void acknowledge(struct openeth *eth) {
    const uint32_t source = eth->registers[OPENETH_INT_SOURCE] & OPENETH_INT_ALL;
    if ((source & OPENETH_INT_BUSY) != 0)
        eth->statistics.receive_overruns++;
    if (source != 0)
        eth->registers[OPENETH_INT_SOURCE] = source;
}

/** Looks what became of frames that the MAC has. */
static void take_sent(struct openeth *eth) {
    for (uint32_t turn = 0; turn < OPENETH_SEND_BUFFERS && eth->sending > 0; turn++) {
        const uint32_t status = sent(eth, eth->oldest_sent)[0];
        if ((status & OPENETH_SEND_READY) != 0)
            return;
        if ((status & OPENETH_SEND_ERRORS) != 0)
            eth->statistics.send_losses++;
        else
            eth->statistics.sent++;
        eth->oldest_sent = (eth->oldest_sent + 1) % OPENETH_SEND_BUFFERS;
        eth->sending--;
    }
}

/** The MAC's buffers lie at multiples of 4, frames of the core at 2 modulo 4: half words suit both. */
static void copy_halfwords(void *to, const void *from, uint32_t bytes) {
    halfword_t *target = to;
    const halfword_t *source = from;
    if ((((uintptr_t)to | (uintptr_t)from) & 1) != 0) {
        memcpy(to, from, bytes);
        return;
    }
    for (; bytes >= 16; bytes -= 16, target += 8, source += 8)
        for (uint32_t index = 0; index < 8; index++)
            target[index] = source[index];
    for (; bytes >= 2; bytes -= 2)
        *target++ = *source++;
    if (bytes > 0)
        *(uint8_t *)target = *(const uint8_t *)source;
}

/** The upper six bits of the address's CRC-32, as on the wire: the lowest bit of each octet first. */
static uint32_t group_bit(const uint8_t group[6]) {
    uint32_t crc = UINT32_MAX;
    for (uint32_t index = 0; index < 6 * 8; index++) {
        const uint32_t bit = (uint32_t)group[index / 8] >> index % 8 & 1;
        crc = crc << 1 ^ ((crc >> 31 ^ bit) != 0 ? 0x04c11db7u : 0);
    }
    return crc >> 26;
}
