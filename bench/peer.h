/*
 * The other end of the wire in the benchmarks: makes frames, and takes those of the device apart. It is not
 * counted. One TCP peer at 10.0.0.1 with any number of connections that differ in their port; no options but
 * the MSS, no losses.
 */
#ifndef BENCH_PEER_H
#define BENCH_PEER_H

#include <stdbool.h>
#include <stdint.h>

#define PEER_MSS 1460
#define PEER_FRAME_BYTES 1514
#define PEER_ARP_BYTES 42

enum { PEER_FIN = 1, PEER_SYN = 2, PEER_RST = 4, PEER_PSH = 8, PEER_ACK = 16 };

/** The peer's end of a connection. */
struct peer {
    uint16_t port, device_port;
    /** Next sequence number to send, and to expect. */
    uint32_t seq, ack;
    /** What the last segment of the device carried. */
    uint8_t flags;
    const uint8_t *payload;
    uint32_t payload_bytes;
};

/** Puts a segment for the device into `frame`; returns its length. Advances `seq` by what it carries. */
uint32_t peer_segment(struct peer *peer, uint8_t *frame, uint8_t flags, const uint8_t *data, uint32_t bytes);

/**
 * Takes a frame of the device: false when it is no TCP segment for `peer`, not the next one, or has a wrong
 * checksum. Advances `ack`.
 */
bool peer_take(struct peer *peer, const uint8_t *frame, uint32_t length);

/** Puts an ARP request for the device's address into `frame`, which tells it the peer's; returns its length.
 */
uint32_t peer_arp(uint8_t *frame);

#endif
