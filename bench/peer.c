#include "peer.h"

#include <string.h>

#define HEADERS 54

static const uint8_t DEVICE_MAC[6] = {2, 0, 0, 0, 0, 2}, PEER_MAC[6] = {2, 0, 0, 0, 0, 1};
static const uint8_t DEVICE[4] = {10, 0, 0, 2}, PEER[4] = {10, 0, 0, 1};

static void put16(uint8_t *at, uint32_t value) {
    at[0] = (uint8_t)(value >> 8);
    at[1] = (uint8_t)value;
}

static void put32(uint8_t *at, uint32_t value) {
    put16(at, value >> 16);
    put16(at + 2, value & 0xffff);
}

static uint32_t get16(const uint8_t *at) {
    return (uint32_t)at[0] << 8 | at[1];
}

static uint32_t get32(const uint8_t *at) {
    return get16(at) << 16 | get16(at + 2);
}

/** Adds up 16-bit words, RFC 1071. */
static uint32_t sum(const uint8_t *data, uint32_t bytes, uint32_t start) {
    uint32_t total = start;
    for (uint32_t index = 0; index + 1 < bytes; index += 2)
        total += get16(data + index);
    if (bytes % 2 == 1)
        total += (uint32_t)data[bytes - 1] << 8;
    while (total >> 16)
        total = (total & 0xffff) + (total >> 16);
    return total;
}

static void put_ethernet(uint8_t *frame, uint32_t type) {
    memcpy(frame, DEVICE_MAC, 6);
    memcpy(frame + 6, PEER_MAC, 6);
    put16(frame + 12, type);
}

uint32_t peer_segment(struct peer *peer, uint8_t *frame, uint8_t flags, const uint8_t *data, uint32_t bytes) {
    uint32_t options = flags & PEER_SYN ? 4 : 0;
    uint8_t *ip = frame + 14, *tcp = ip + 20;
    memset(frame, 0, HEADERS + options);
    put_ethernet(frame, 0x0800);
    ip[0] = 0x45;
    put16(ip + 2, 40 + options + bytes);
    ip[6] = 0x40;
    ip[8] = 64;
    ip[9] = 6;
    memcpy(ip + 12, PEER, 4);
    memcpy(ip + 16, DEVICE, 4);
    put16(ip + 10, ~sum(ip, 20, 0) & 0xffff);
    put16(tcp, peer->port);
    put16(tcp + 2, peer->device_port);
    put32(tcp + 4, peer->seq);
    put32(tcp + 8, flags & PEER_ACK ? peer->ack : 0);
    tcp[12] = (uint8_t)((20 + options) << 2);
    tcp[13] = flags;
    put16(tcp + 14, 0xffff);
    if (options) {
        put16(tcp + 20, 0x0204);
        put16(tcp + 22, PEER_MSS);
    }
    if (bytes > 0)
        memcpy(tcp + 20 + options, data, bytes);
    uint32_t pseudo = sum(ip + 12, 8, 6 + 20 + options + bytes);
    put16(tcp + 16, ~sum(tcp, 20 + options + bytes, pseudo) & 0xffff);
    peer->seq += bytes + (flags & PEER_SYN ? 1 : 0) + (flags & PEER_FIN ? 1 : 0);
    return HEADERS + options + bytes;
}

bool peer_take(struct peer *peer, const uint8_t *frame, uint32_t length) {
    const uint8_t *ip = frame + 14, *tcp = ip + 20;
    if (length < HEADERS || get16(frame + 12) != 0x0800 || ip[0] != 0x45 || ip[9] != 6)
        return false;
    uint32_t tcp_bytes = get16(ip + 2) - 20, header_bytes = (uint32_t)(tcp[12] >> 4) * 4;
    if (tcp_bytes > length - 34 || header_bytes > tcp_bytes || get16(tcp + 2) != peer->port)
        return false;
    if (sum(ip, 20, 0) != 0xffff || sum(tcp, tcp_bytes, sum(ip + 12, 8, 6 + tcp_bytes)) != 0xffff)
        return false;
    peer->flags = tcp[13];
    peer->payload = tcp + header_bytes;
    peer->payload_bytes = tcp_bytes - header_bytes;
    if (!(tcp[13] & PEER_SYN) && get32(tcp + 4) != peer->ack)
        return false;
    uint32_t carried = peer->payload_bytes + (tcp[13] & PEER_SYN ? 1 : 0) + (tcp[13] & PEER_FIN ? 1 : 0);
    if (carried > 0)
        peer->ack = get32(tcp + 4) + carried;
    return true;
}

uint32_t peer_arp(uint8_t *frame) {
    memset(frame, 0, 42);
    put_ethernet(frame, 0x0806);
    memcpy(frame + 14, (const uint8_t[]){0, 1, 8, 0, 6, 4, 0, 1}, 8);
    memcpy(frame + 22, PEER_MAC, 6);
    memcpy(frame + 28, PEER, 4);
    memcpy(frame + 38, DEVICE, 4);
    return 42;
}
