#include "dhcp_server.h"

#include <string.h>

/** Places in a frame. */
enum { IP = 14, UDP = IP + 20, BOOTP = UDP + 8, OPTIONS = BOOTP + 240 };
enum { DISCOVER = 1, OFFER = 2, ACK = 5 };

static void put16(uint8_t *at, uint32_t value) {
    at[0] = (uint8_t)(value >> 8);
    at[1] = (uint8_t)value;
}

static bool is_for_server(const uint8_t *frame, uint32_t length) {
    return length > OPTIONS && frame[12] == 8 && frame[IP + 9] == 17 && frame[UDP + 2] == 0 &&
           frame[UDP + 3] == 67;
}

bool dhcp_answer(const uint8_t *asked, uint32_t length, uint16_t mtu, uint8_t frame[DHCP_ANSWER_BYTES]) {
    static const uint8_t mac[6] = {2, 0, 0, 0, 0, 2}, address[4] = {10, 0, 0, 1}, server[4] = {10, 0, 0, 2};
    if (!is_for_server(asked, length))
        return false;
    memset(frame, 0, DHCP_ANSWER_BYTES);
    memset(frame, 0xff, 6);
    memcpy(frame + 6, mac, 6);
    put16(frame + 12, 0x0800);
    memcpy(frame + IP, (const uint8_t[]){0x45, 0, 0, 0, 0, 0, 0, 0, 64, 17}, 10);
    put16(frame + IP + 2, DHCP_ANSWER_BYTES - IP);
    memcpy(frame + IP + 12, server, 4);
    memset(frame + IP + 16, 0xff, 4);
    uint32_t sum = 0;
    for (int at = IP; at < UDP; at += 2)
        sum += (uint32_t)frame[at] << 8 | frame[at + 1];
    put16(frame + IP + 10, ~(sum + (sum >> 16)));
    put16(frame + UDP, 67);
    put16(frame + UDP + 2, 68);
    put16(frame + UDP + 4, DHCP_ANSWER_BYTES - UDP);
    memcpy(frame + BOOTP, asked + BOOTP, 236);
    frame[BOOTP] = 2;
    memcpy(frame + BOOTP + 16, address, 4);
    /* The type is the first of the client's options. */
    const uint8_t type = asked[OPTIONS + 2] == DISCOVER ? OFFER : ACK;
    const uint8_t options[] = {0x63,
                               0x82,
                               0x53,
                               0x63,
                               53,
                               1,
                               type,
                               54,
                               4,
                               10,
                               0,
                               0,
                               2,
                               51,
                               4,
                               0,
                               0,
                               1,
                               0,
                               1,
                               4,
                               255,
                               255,
                               255,
                               0,
                               26,
                               2,
                               (uint8_t)(mtu >> 8),
                               (uint8_t)mtu,
                               255};
    memcpy(frame + OPTIONS - 4, options, sizeof options);
    return true;
}
