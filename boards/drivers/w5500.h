/*
 * WIZnet W5500: Ethernet on SPI, 10/100 Mbit/s, 16 KB of buffer each way. Raw frames by its socket 0; its own
 * TCP/IP is not used.
 *
 * A port calls `w5500_start` once, with its SPI (mode 0 or 3, most significant bit first, 33 MHz or less),
 * and gives
 * `&chip->netdev` to the device. There is nothing else to call:
 *  - The chip is reset, looked for, set up and looked after in calls of the netdev's functions, none of which
 * waits. `due_ms` says when they are wanted.
 *  - The interrupt line is low while frames wait. The port's interrupt handler only has to wake who sleeps;
 * the driver looks at the level through `spi->interrupt`. Without that line it looks into the chip each
 * W5500_POLL_MS.
 *  - The reset line may be left unwired: the chip has a register for that.
 *
 * Each call of a netdev's function makes at most W5500_CALL_TRANSACTIONS transactions.
 */
#ifndef W5500_H
#define W5500_H

#include "netdev.h"
#include "spi.h"

/** How often the driver looks for frames when the interrupt line is not wired. */
#define W5500_POLL_MS 1u
/** How often it looks whether the chip is as it was set up, the link up, and no frame waits without an
 * interrupt. */
#define W5500_GUARD_MS 100u
/** When it looks again for a chip that did not answer. */
#define W5500_RETRY_MS 250u
/** How long a frame may take to be sent. */
#define W5500_SEND_MS 100u
/** Most transactions in one call. */
#define W5500_CALL_TRANSACTIONS 32u

/** A chip and its driver. Only `netdev` is for others. */
struct w5500 {
    struct ferrule_netdev netdev;
    struct ferrule_netdev_statistics statistics;
    const struct ferrule_spi *spi;
    uint32_t (*now_ms)(void *context);
    void *now_context;
    uint8_t mac[6];
    /** What Sn_MR is to be. */
    uint8_t mode;
    /** What is done next, `wait_ms` after `since`: enum step of w5500.c. */
    uint8_t step;
    uint32_t since, wait_ms;
    /** Looks in vain at the present step; times that the socket was opened anew, and the chip set up, since
     * frames last went through. */
    uint8_t tries, reopenings, setups;
    bool was_set_up, is_linked;
    /** What `link` said last. */
    bool told_link;
    /** A transaction failed: the socket is opened anew. */
    bool has_failed;
    /** A frame is being sent, since `sent_at`; its end was seen, and not yet cleared in the chip; another is
     * in the chip's buffer, to follow. */
    bool is_sending, has_stale_end, has_staged;
    uint16_t staged_bytes;
    /** Where the next frame goes in the buffer. */
    uint16_t send_at;
    uint32_t sent_at;
    /** Where the next frame begins, octets known to wait there, and octets read that the chip was not told
     * of. */
    uint16_t receive_at, waiting, consumed;
    /** Frames wait that no interrupt told of. */
    bool must_look;
    /** The last look for frames, at this time, found none; with the interrupt line, although it stayed
     * active. */
    bool was_vain;
    uint32_t looked_at;
};

/**
 * Begins to look for the chip on `spi`, and returns at once. `now_ms` counts milliseconds, may wrap, and is
 * given `now_context`; `mac` is the address to take frames for until `set_mac`. All must stay as long as the
 * chip is used.
 */
void w5500_start(struct w5500 *chip, const struct ferrule_spi *spi, uint32_t (*now_ms)(void *context),
                 void *now_context, const uint8_t mac[6]);

#endif
