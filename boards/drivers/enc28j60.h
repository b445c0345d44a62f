/*
 * Microchip ENC28J60: Ethernet on SPI, 10 Mbit/s, half duplex, 8 KB of buffer.
 *
 * A port calls `enc28j60_start` once, with its SPI (mode 0, most significant bit first, 20 MHz or less), and
 * gives
 * `&chip->netdev` to the device. There is nothing else to call:
 *  - The chip is reset, looked for, set up and looked after in calls of the netdev's functions, none of which
 * waits. `due_ms` says when they are wanted.
 *  - The interrupt line is low while frames wait. The port's interrupt handler only has to wake who sleeps;
 * the driver looks at the level through `spi->interrupt`. Without that line it looks into the chip each
 * ENC28J60_POLL_MS.
 *  - The reset line may be left unwired: the chip has an instruction for that, whose transaction is a command
 * without data.
 *
 * Each call of a netdev's function makes at most ENC28J60_CALL_TRANSACTIONS transactions.
 */
#ifndef ENC28J60_H
#define ENC28J60_H

#include "netdev.h"
#include "spi.h"

/** How often the driver looks for frames when the interrupt line is not wired. */
#define ENC28J60_POLL_MS 1u
/** How often it looks whether the chip is as it was set up, the link up, and no frame waits without an
 * interrupt. */
#define ENC28J60_GUARD_MS 100u
/** When it looks again for a chip that did not answer. */
#define ENC28J60_RETRY_MS 250u
/** How long a frame may take to be sent. */
#define ENC28J60_SEND_MS 100u
/** Most transactions in one call. */
#define ENC28J60_CALL_TRANSACTIONS 96u

/** A chip and its driver. Only `netdev` is for others. */
struct enc28j60 {
    struct ferrule_netdev netdev;
    struct ferrule_netdev_statistics statistics;
    const struct ferrule_spi *spi;
    uint32_t (*now_ms)(void *context);
    void *now_context;
    uint8_t mac[6];
    /** Bits of the hash table: what groups are taken. */
    uint8_t groups[8];
    bool has_groups;
    /** What is done next, `wait_ms` after `since`: enum step of enc28j60.c. */
    uint8_t step;
    uint32_t since, wait_ms;
    /** The bank that is selected; another value when that is unknown. */
    uint8_t bank;
    /** Times that the receiver was set up anew, and the chip, since frames last went through. */
    uint8_t resets, setups;
    bool was_set_up, is_linked;
    /** What `link` said last. */
    bool told_link;
    /** A transaction failed: what it left is unknown. */
    bool has_failed;
    /** A frame is being sent, for the how manieth time, since `sent_at`. */
    bool is_sending;
    uint8_t sendings;
    uint32_t sent_at;
    /** What ETXND has; 0 when unknown. */
    uint16_t send_end;
    /** Where the next packet begins, what ERDPT has, octets read that the chip was not told of, packets known
     * to wait. */
    uint16_t receive_at, read_at, consumed;
    uint8_t waiting;
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
void enc28j60_start(struct enc28j60 *chip, const struct ferrule_spi *spi, uint32_t (*now_ms)(void *context),
                    void *now_context, const uint8_t mac[6]);

#endif
