/*
 * A driver for the OpenCores Ethernet MAC, whose descriptors hold physical addresses of 32 bits. A change of
 * its link raises no interrupt: the driver asks to be looked at now and then.
 */
#ifndef OPENETH_H
#define OPENETH_H

#include "netdev.h"

/** Frames that wait to be taken, and to be sent, at most; a build may say otherwise. The MAC drops what finds
 * no buffer. */
#ifndef OPENETH_RECEIVE_BUFFERS
#define OPENETH_RECEIVE_BUFFERS 8u
#endif
#ifndef OPENETH_SEND_BUFFERS
#define OPENETH_SEND_BUFFERS 2u
#endif

/** Longest frame that the MAC takes, with a VLAN tag and the check sequence; a longer one is cut there. */
#define OPENETH_LONGEST_FRAME 1522u
/** How much more it may write and say: QEMU's puts its check sequence behind what was not cut, however long.
 */
#define OPENETH_BEYOND_BYTES 3u
/** Of words: so the MAC wants it. */
#define OPENETH_BUFFER_WORDS ((OPENETH_LONGEST_FRAME + OPENETH_BEYOND_BYTES + 3u) / 4u)

/** A device; the fields are the driver's own, but `netdev`. */
struct openeth {
    struct ferrule_netdev netdev;
    struct ferrule_netdev_statistics statistics;
    volatile uint32_t *registers;
    /** Number of the PHY on the management bus. */
    uint32_t phy;
    bool link_is_up;
    /** The descriptors whose turn it is. */
    uint32_t next_received, next_sent;
    /** Frames handed to the MAC whose end was not looked at yet, the oldest being `oldest_sent`. */
    uint32_t sending, oldest_sent;
    /** The end of a frame that is sent interrupts. */
    bool wakes_senders;
    uint8_t mac[6];
    uint32_t hash[2];
    uint32_t receive_buffers[OPENETH_RECEIVE_BUFFERS][OPENETH_BUFFER_WORDS];
    uint32_t send_buffers[OPENETH_SEND_BUFFERS][OPENETH_BUFFER_WORDS];
};

/** Starts the MAC at `registers`, whose PHY has the number `phy`, with this hardware address. */
void openeth_start(struct openeth *eth, volatile uint32_t *registers, uint32_t phy, const uint8_t mac[6]);

/**
 * Whether something waits for `receive`; acknowledges the MAC's interrupts. Look before going to sleep, with
 * interrupts masked: what comes after the look raises the interrupt again.
 */
bool openeth_waits(struct openeth *eth);

#endif
