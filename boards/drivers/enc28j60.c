#include "enc28j60.h"

#include <string.h>

#include "enc28j60_regs.h"

/** Ethernet frames without check sequence: shortest and longest, with a VLAN tag. */
#define FRAME_LEAST 14u
#define FRAME_MOST 1518u

/*
 * Buffer memory, 8 KB:
 *
 *     0000  ring of received packets: begins at 0 by erratum 5, ends at an odd address
 *     1a00  packet to send: control octet, frame, 7 octets of status
 *     2000
 */
#define RECEIVE_START 0x0000u
#define RECEIVE_END 0x19ffu
#define RECEIVE_BYTES (RECEIVE_END + 1u - RECEIVE_START)
#define SEND_START 0x1a00u

/** Octets that are read before the chip is told, when more wait behind: it has room for others beside them.
 */
#define RELEASE_BYTES (RECEIVE_BYTES / 4)

/** What is read of a packet at first: header and all but the end of a shortest frame; a multiple of 4, so
 * that the rest goes to where DMA wants it, too. */
#define FIRST_BYTES 68u

/** Damaged packets that are passed over in one call. */
#define DAMAGED_AT_ONCE 4

/** Times that a frame is sent when it collides: as often as the MAC tries by itself (6.5). */
#define SENDINGS 16

/** Times that the receiver is set up anew, with no frame between, before the whole chip is. */
#define RESETS 3

/** Packets that are dropped one by one when the receiver is set up anew. */
#define DROPS 24

#define BANK_UNKNOWN 4u

/** Times that the chip is set up, with no frame between, before it is reset by its pin. */
#define SETUPS 3

/** What is done next. From STEP_PHY on, the chip has the address and the filters. */
enum step {
    STEP_RESET,
    STEP_SETTLE,
    STEP_CHECK,
    STEP_CONFIGURE,
    STEP_ADDRESS,
    STEP_PHY,
    STEP_ENABLE,
    STEP_VERIFY,
    STEP_UP
};

struct setting {
    uint8_t reg, value;
};

#define LOW(value) ((uint8_t)((value)&0xffu))
#define HIGH(value) ((uint8_t)((value) >> 8))

static const struct setting SETTINGS[] = {
    {ENC28J60_ERDPT, LOW(RECEIVE_START)},
    {ENC28J60_ERDPT + 1, HIGH(RECEIVE_START)},
    {ENC28J60_ETXST, LOW(SEND_START)},
    {ENC28J60_ETXST + 1, HIGH(SEND_START)},
    {ENC28J60_ERXST, LOW(RECEIVE_START)},
    {ENC28J60_ERXST + 1, HIGH(RECEIVE_START)},
    {ENC28J60_ERXND, LOW(RECEIVE_END)},
    {ENC28J60_ERXND + 1, HIGH(RECEIVE_END)},
    /* Odd, by erratum 14; the upper octet, written last, makes it count. */
    {ENC28J60_ERXRDPT, LOW(RECEIVE_END)},
    {ENC28J60_ERXRDPT + 1, HIGH(RECEIVE_END)},
    {ENC28J60_MACON1, ENC28J60_MACON1_MARXEN},
    {ENC28J60_MACON3, ENC28J60_MACON3_PADCFG_60 | ENC28J60_MACON3_TXCRCEN | ENC28J60_MACON3_FRMLNEN},
    {ENC28J60_MACON4, ENC28J60_MACON4_DEFER},
    {ENC28J60_MABBIPG, ENC28J60_MABBIPG_HALF_DUPLEX},
    {ENC28J60_MAIPG, ENC28J60_MAIPGL_USUAL},
    {ENC28J60_MAIPG + 1, ENC28J60_MAIPGH_HALF_DUPLEX},
    {ENC28J60_MAMXFL, LOW(FRAME_MOST + ENC28J60_CRC_BYTES)},
    {ENC28J60_MAMXFL + 1, HIGH(FRAME_MOST + ENC28J60_CRC_BYTES)},
};
/** The first of these are of the receiver. */
#define RECEIVER_SETTINGS 10u
#define ALL_SETTINGS (sizeof SETTINGS / sizeof SETTINGS[0])

static const uint8_t ADDRESS[6] = {ENC28J60_MAADR1, ENC28J60_MAADR2, ENC28J60_MAADR3,
                                   ENC28J60_MAADR4, ENC28J60_MAADR5, ENC28J60_MAADR6};

/** What the guard compares. */
static const struct setting GUARDED[] = {
    {ENC28J60_EIE, ENC28J60_EIE_INTIE | ENC28J60_EIE_PKTIE},
    {ENC28J60_ETXST + 1, HIGH(SEND_START)},
    {ENC28J60_ERXND, LOW(RECEIVE_END)},
    {ENC28J60_ERXND + 1, HIGH(RECEIVE_END)},
    {ENC28J60_MACON1, ENC28J60_MACON1_MARXEN},
    {ENC28J60_MACON3, ENC28J60_MACON3_PADCFG_60 | ENC28J60_MACON3_TXCRCEN | ENC28J60_MACON3_FRMLNEN},
    {ENC28J60_MIREGADR, ENC28J60_PHSTAT2},
};

/** The filters: own address and broadcasts; the hash table comes in with groups. Damaged frames are dropped.
 */
#define FILTERS (ENC28J60_ERXFCON_UCEN | ENC28J60_ERXFCON_CRCEN | ENC28J60_ERXFCON_BCEN)

/* Functions of the netdev */

static uint32_t receive(void *context, uint8_t *frame, uint32_t room);
static bool has_room(void *context);
static void send_frame(void *context, const uint8_t *frame, uint32_t length);
static bool link_is_up(void *context);
static uint32_t due_ms(void *context);
static void set_mac(void *context, const uint8_t mac[6]);
static bool set_groups(void *context, const uint8_t (*groups)[6], uint32_t count);

/* Setting up and looking after */

static void work(struct enc28j60 *chip);
static void take_step(struct enc28j60 *chip);
static void check(struct enc28j60 *chip);
static void configure(struct enc28j60 *chip);
static void enable(struct enc28j60 *chip);
static void guard(struct enc28j60 *chip);
static bool is_as_set_up(struct enc28j60 *chip);
static bool has_settings(struct enc28j60 *chip);
static void follow_link(struct enc28j60 *chip);
static void go_to(struct enc28j60 *chip, enum step step, uint32_t wait_ms);
static void try_later(struct enc28j60 *chip);
static void restart(struct enc28j60 *chip);
static void distrust(struct enc28j60 *chip);
static bool reset_receiver(struct enc28j60 *chip);
static void write_settings(struct enc28j60 *chip, uint32_t count);
static void write_mac(struct enc28j60 *chip);
static void write_groups(struct enc28j60 *chip);

/* Frames */

static bool look(struct enc28j60 *chip);
static uint32_t take(struct enc28j60 *chip, uint8_t *frame, uint32_t room);
static bool read_rest(struct enc28j60 *chip, uint8_t *frame, uint32_t room, uint32_t length);
static void pass_over(struct enc28j60 *chip, uint16_t next);
static void follow_sending(struct enc28j60 *chip);
static void take_events(struct enc28j60 *chip, uint8_t events);
static void end_sending(struct enc28j60 *chip, bool is_sent);
static void reset_transmitter(struct enc28j60 *chip);

/* Transactions */

static bool read_buffer(struct enc28j60 *chip, uint8_t *data, uint32_t bytes);
static bool read_register(struct enc28j60 *chip, uint8_t reg, uint8_t *value);
static bool write_register(struct enc28j60 *chip, uint8_t reg, uint8_t value);
static bool write_pair(struct enc28j60 *chip, uint8_t reg, uint16_t value);
static void write_phy(struct enc28j60 *chip, uint8_t reg, uint16_t value);
static bool change_bits(struct enc28j60 *chip, uint8_t instruction, uint8_t reg, uint8_t bits);
static bool select_bank(struct enc28j60 *chip, uint8_t reg);
static bool read_octets(struct enc28j60 *chip, const uint8_t *command, uint32_t command_bytes, uint8_t *data,
                        uint32_t bytes);
static bool write_octets(struct enc28j60 *chip, const uint8_t *command, uint32_t command_bytes,
                         const uint8_t *data, uint32_t bytes);

void enc28j60_start(struct enc28j60 *chip, const struct ferrule_spi *spi, uint32_t (*now_ms)(void *context),
                    void *now_context, const uint8_t mac[6]) {
    *chip = (struct enc28j60){
        .netdev = {.receive = receive,
                   .has_room = has_room,
                   .send = send_frame,
                   .link = link_is_up,
                   .due_ms = due_ms,
                   .set_mac = set_mac,
                   .set_groups = set_groups,
                   .statistics = &chip->statistics,
                   .context = chip},
        .spi = spi,
        .now_ms = now_ms,
        .now_context = now_context,
        .step = STEP_RESET,
        .bank = BANK_UNKNOWN,
    };
    memcpy(chip->mac, mac, sizeof chip->mac);
    chip->since = now_ms(now_context);
}

static uint32_t elapsed_ms(const struct enc28j60 *chip, uint32_t since) {
    return chip->now_ms(chip->now_context) - since;
}

static bool is_interrupt_active(const struct enc28j60 *chip) {
    return chip->spi->interrupt && chip->spi->interrupt(chip->spi->context);
}

static uint16_t get16(const uint8_t *at) {
    return (uint16_t)(at[0] | at[1] << 8);
}

static uint8_t filters(const struct enc28j60 *chip) {
    return chip->has_groups ? FILTERS | ENC28J60_ERXFCON_HTEN : FILTERS;
}

/** A place in the ring `bytes` behind another. */
static uint16_t further(uint16_t place, uint32_t bytes) {
    return (uint16_t)(RECEIVE_START + (place - RECEIVE_START + bytes) % RECEIVE_BYTES);
}

static uint32_t receive(void *context, uint8_t *frame, uint32_t room) {
    struct enc28j60 *chip = context;
    /* A receiver that is set up anew takes many transactions: the rest is for the next call. */
    const uint32_t nonsense = chip->statistics.nonsense;
    work(chip);
    for (int passed = 0; passed < DAMAGED_AT_ONCE && chip->step == STEP_UP && !chip->has_failed &&
                         chip->statistics.nonsense == nonsense;
         passed++) {
        if (chip->waiting == 0 && !look(chip))
            return 0;
        uint32_t length = take(chip, frame, room);
        if (length > 0 || chip->has_failed)
            return length;
    }
    return 0;
}

static bool has_room(void *context) {
    struct enc28j60 *chip = context;
    work(chip);
    if (chip->step == STEP_UP && chip->is_sending)
        follow_sending(chip);
    return !chip->is_sending;
}

static void send_frame(void *context, const uint8_t *frame, uint32_t length) {
    struct enc28j60 *chip = context;
    work(chip);
    if (chip->step == STEP_UP && chip->is_sending)
        follow_sending(chip);
    if (chip->step != STEP_UP || chip->has_failed || !chip->is_linked || chip->is_sending ||
        length < FRAME_LEAST || length > FRAME_MOST) {
        chip->statistics.send_losses++;
        return;
    }
    /* The control octet goes before the frame, as if it were of the command. The MAC pads. */
    const uint8_t command[2] = {ENC28J60_WBM, ENC28J60_CONTROL_MACON3};
    uint16_t end = (uint16_t)(SEND_START + length);
    chip->is_sending =
        write_pair(chip, ENC28J60_EWRPT, SEND_START) &&
        write_octets(chip, command, sizeof command, frame, length) &&
        (HIGH(end) == HIGH(chip->send_end) || write_register(chip, ENC28J60_ETXND + 1, HIGH(end))) &&
        (chip->send_end == end || write_register(chip, ENC28J60_ETXND, LOW(end))) &&
        change_bits(chip, ENC28J60_BFS, ENC28J60_ECON1, ENC28J60_ECON1_TXRTS);
    if (!chip->is_sending) {
        chip->statistics.send_losses++;
        return;
    }
    chip->send_end = end;
    chip->sendings = 1;
    chip->sent_at = chip->now_ms(chip->now_context);
}

static bool link_is_up(void *context) {
    struct enc28j60 *chip = context;
    work(chip);
    chip->told_link = chip->is_linked;
    return chip->is_linked;
}

static uint32_t due_ms(void *context) {
    struct enc28j60 *chip = context;
    uint32_t passed = elapsed_ms(chip, chip->since);
    uint32_t due = passed < chip->wait_ms ? chip->wait_ms - passed : 0;
    /* A link that has changed is asked for at once. */
    if (chip->has_failed || chip->told_link != chip->is_linked)
        return 0;
    if (chip->step != STEP_UP)
        return due;
    if (chip->waiting > 0 || chip->must_look)
        return 0;
    if (chip->spi->interrupt && !is_interrupt_active(chip))
        return due;
    uint32_t looked = elapsed_ms(chip, chip->looked_at);
    uint32_t look_in = chip->was_vain && looked < ENC28J60_POLL_MS ? ENC28J60_POLL_MS - looked : 0;
    return look_in < due ? look_in : due;
}

static void set_mac(void *context, const uint8_t mac[6]) {
    struct enc28j60 *chip = context;
    memcpy(chip->mac, mac, sizeof chip->mac);
    if (chip->step >= STEP_PHY)
        write_mac(chip);
}

/** Others whose hash is the same come through, too. */
static bool set_groups(void *context, const uint8_t (*groups)[6], uint32_t count) {
    struct enc28j60 *chip = context;
    memset(chip->groups, 0, sizeof chip->groups);
    for (uint32_t n = 0; n < count; n++) {
        /* CRC-32 of the address, without inversion at its end; bits 28 to 23 (8.4). */
        uint32_t crc = 0xffffffffu;
        for (uint32_t bit = 0; bit < 48; bit++) {
            uint32_t input = (uint32_t)groups[n][bit / 8] >> bit % 8 & 1u;
            crc = crc << 1 ^ (crc >> 31 != input ? 0x04c11db7u : 0);
        }
        uint32_t place = crc >> 23 & 63u;
        chip->groups[place / 8] = (uint8_t)(chip->groups[place / 8] | 1u << place % 8);
    }
    chip->has_groups = count > 0;
    if (chip->step >= STEP_PHY)
        write_groups(chip);
    return true;
}

/* Setting up and looking after */

/** Does what is due. When a transaction of that fails, the next call has to do with it: each stays short. */
static void work(struct enc28j60 *chip) {
    if (!chip->has_failed) {
        if (elapsed_ms(chip, chip->since) >= chip->wait_ms)
            take_step(chip);
        return;
    }
    /* A transaction failed: what the chip has of it is unknown. */
    chip->has_failed = false;
    chip->bank = BANK_UNKNOWN;
    chip->send_end = 0;
    if (chip->step != STEP_UP) {
        try_later(chip);
        return;
    }
    write_groups(chip);
    distrust(chip);
}

static void take_step(struct enc28j60 *chip) {
    switch ((enum step)chip->step) {
    case STEP_RESET:
        if (chip->spi->reset)
            chip->spi->reset(chip->spi->context, true);
        go_to(chip, STEP_SETTLE, chip->spi->reset ? ENC28J60_RESET_LOW_MS : 0);
        return;
    case STEP_SETTLE:
        if (chip->spi->reset)
            chip->spi->reset(chip->spi->context, false);
        go_to(chip, STEP_CHECK, ENC28J60_RESET_SETTLE_MS);
        return;
    case STEP_CHECK:
        check(chip);
        return;
    case STEP_CONFIGURE:
        configure(chip);
        return;
    case STEP_ADDRESS:
        write_mac(chip);
        write_groups(chip);
        write_phy(chip, ENC28J60_PHCON1, ENC28J60_PHCON1_HALF_DUPLEX);
        go_to(chip, STEP_PHY, 1);
        return;
    case STEP_PHY:
        write_phy(chip, ENC28J60_PHCON2, ENC28J60_PHCON2_HDLDIS);
        go_to(chip, STEP_ENABLE, 1);
        return;
    case STEP_ENABLE:
        enable(chip);
        return;
    case STEP_VERIFY:
        if (is_as_set_up(chip) && has_settings(chip))
            go_to(chip, STEP_UP, 0);
        else
            try_later(chip);
        return;
    case STEP_UP:
        guard(chip);
        return;
    }
}

/** Resets by SPI: the pin may not be wired, or not reach the chip. */
static void check(struct enc28j60 *chip) {
    const uint8_t reset = ENC28J60_SRC;
    write_octets(chip, &reset, 1, &reset, 0);
    chip->bank = BANK_UNKNOWN;
    go_to(chip, STEP_CONFIGURE, ENC28J60_RESET_SETTLE_MS);
}

/** Sets up a chip that has just been reset, if there is one. */
static void configure(struct enc28j60 *chip) {
    uint8_t econ2, revision, clock;
    if (!read_register(chip, ENC28J60_ECON2, &econ2) || econ2 != ENC28J60_ECON2_AUTOINC ||
        !read_register(chip, ENC28J60_ESTAT, &clock) || (clock & ENC28J60_ESTAT_CLKRDY) == 0 ||
        !read_register(chip, ENC28J60_EREVID, &revision) || revision == 0 ||
        revision > ENC28J60_EREVID_MOST) {
        try_later(chip);
        return;
    }
    if (chip->was_set_up)
        chip->statistics.restarts++;
    chip->was_set_up = true;
    if (chip->setups < SETUPS)
        chip->setups++;
    write_settings(chip, ALL_SETTINGS);
    chip->receive_at = chip->read_at = RECEIVE_START;
    chip->send_end = 0;
    chip->resets = 0;
    go_to(chip, STEP_ADDRESS, 0);
}

static void enable(struct enc28j60 *chip) {
    write_register(chip, ENC28J60_MIREGADR, ENC28J60_PHSTAT2);
    write_register(chip, ENC28J60_MICMD, ENC28J60_MICMD_MIIRD);
    write_register(chip, ENC28J60_EIE, ENC28J60_EIE_INTIE | ENC28J60_EIE_PKTIE);
    change_bits(chip, ENC28J60_BFS, ENC28J60_ECON1, ENC28J60_ECON1_RXEN);
    go_to(chip, STEP_VERIFY, 1);
}

/** Looks whether all is as it should be, with what has no interrupt. */
static void guard(struct enc28j60 *chip) {
    go_to(chip, STEP_UP, ENC28J60_GUARD_MS);
    /* Once may be a disturbance on the bus. */
    bool is_right = is_as_set_up(chip) || is_as_set_up(chip);
    if (chip->has_failed)
        return;
    if (!is_right) {
        restart(chip);
        return;
    }
    uint8_t events, packets;
    if (!read_register(chip, ENC28J60_EIR, &events) || !read_register(chip, ENC28J60_EPKTCNT, &packets))
        return;
    take_events(chip, events);
    if (chip->waiting == 0 && packets > 0 && !is_interrupt_active(chip)) {
        chip->must_look = true;
        if (chip->spi->interrupt)
            chip->statistics.missed_interrupts++;
    }
    follow_link(chip);
}

/** Whether the chip has what was set up, as nothing else would. */
static bool is_as_set_up(struct enc28j60 *chip) {
    uint8_t control, value;
    if (!read_register(chip, ENC28J60_ECON1, &control))
        return false;
    const uint8_t bank = control & ENC28J60_ECON1_BSEL;
    if (chip->bank == BANK_UNKNOWN)
        chip->bank = bank;
    /* TXRTS comes and goes. */
    bool is_right = (control & ~ENC28J60_ECON1_TXRTS) == (ENC28J60_ECON1_RXEN | chip->bank);
    if (bank != chip->bank)
        chip->bank = BANK_UNKNOWN;
    for (uint32_t n = 0; is_right && n < sizeof GUARDED / sizeof GUARDED[0]; n++)
        is_right = read_register(chip, GUARDED[n].reg, &value) && value == GUARDED[n].value;
    for (uint32_t n = 0; is_right && n < sizeof ADDRESS; n++)
        is_right = read_register(chip, ADDRESS[n], &value) && value == chip->mac[n];
    return is_right && read_register(chip, ENC28J60_ERXFCON, &value) && value == filters(chip);
}

/** Whether the chip has all that it was told at first. */
static bool has_settings(struct enc28j60 *chip) {
    uint8_t value;
    bool is_right = true;
    for (uint32_t n = 0; is_right && n < ALL_SETTINGS; n++)
        is_right = read_register(chip, SETTINGS[n].reg, &value) && value == SETTINGS[n].value;
    for (uint32_t n = 0; is_right && n < sizeof chip->groups; n++)
        is_right = read_register(chip, (uint8_t)(ENC28J60_EHT0 + n), &value) && value == chip->groups[n];
    return is_right;
}

/** Takes what the PHY said of the link when it was asked last, long ago, and asks again: nobody waits for it.
 */
static void follow_link(struct enc28j60 *chip) {
    uint8_t status;
    if (!write_register(chip, ENC28J60_MICMD, 0) || !read_register(chip, ENC28J60_MIRD + 1, &status))
        return;
    chip->is_linked = (status & ENC28J60_PHSTAT2_LSTAT_HIGH) != 0;
    write_register(chip, ENC28J60_MICMD, ENC28J60_MICMD_MIIRD);
}

static void go_to(struct enc28j60 *chip, enum step step, uint32_t wait_ms) {
    chip->step = (uint8_t)step;
    chip->since = chip->now_ms(chip->now_context);
    chip->wait_ms = wait_ms;
}

/** There is no chip, or none that can be used: begins again after a while. */
static void try_later(struct enc28j60 *chip) {
    end_sending(chip, false);
    chip->waiting = 0;
    chip->consumed = 0;
    chip->must_look = chip->was_vain = false;
    chip->is_linked = false;
    go_to(chip, STEP_RESET, ENC28J60_RETRY_MS);
}

/** The chip has lost what was set, or does not work any more: begins again at once, at first without the pin,
 * which would have the PHY look for its partner anew. */
static void restart(struct enc28j60 *chip) {
    try_later(chip);
    go_to(chip, chip->setups < SETUPS ? STEP_CHECK : STEP_RESET, 0);
}

/** The chip said what cannot be, or did not hear what it was told: sets up its receiver anew; at last the
 * whole chip. */
static void distrust(struct enc28j60 *chip) {
    chip->statistics.nonsense++;
    if (chip->resets++ >= RESETS || !reset_receiver(chip))
        restart(chip);
}

/** Empties the ring (11.4). False when that cannot be done. */
static bool reset_receiver(struct enc28j60 *chip) {
    chip->waiting = 0;
    chip->consumed = 0;
    chip->must_look = chip->was_vain = false;
    chip->receive_at = chip->read_at = RECEIVE_START;
    change_bits(chip, ENC28J60_BFC, ENC28J60_ECON1, ENC28J60_ECON1_RXEN);
    change_bits(chip, ENC28J60_BFS, ENC28J60_ECON1, ENC28J60_ECON1_RXRST);
    change_bits(chip, ENC28J60_BFC, ENC28J60_ECON1, ENC28J60_ECON1_RXRST);
    write_settings(chip, RECEIVER_SETTINGS);
    /* That reset does not say that it clears EPKTCNT. */
    uint8_t packets;
    if (!read_register(chip, ENC28J60_EPKTCNT, &packets) || packets > DROPS)
        return false;
    for (; packets > 0; packets--)
        change_bits(chip, ENC28J60_BFS, ENC28J60_ECON2, ENC28J60_ECON2_PKTDEC);
    change_bits(chip, ENC28J60_BFC, ENC28J60_EIR, ENC28J60_EIR_RXERIF);
    change_bits(chip, ENC28J60_BFS, ENC28J60_ECON1, ENC28J60_ECON1_RXEN);
    return !chip->has_failed;
}

static void write_settings(struct enc28j60 *chip, uint32_t count) {
    for (uint32_t n = 0; n < count; n++)
        write_register(chip, SETTINGS[n].reg, SETTINGS[n].value);
}

static void write_mac(struct enc28j60 *chip) {
    for (uint32_t n = 0; n < sizeof ADDRESS; n++)
        write_register(chip, ADDRESS[n], chip->mac[n]);
}

static void write_groups(struct enc28j60 *chip) {
    for (uint32_t n = 0; n < sizeof chip->groups; n++)
        write_register(chip, (uint8_t)(ENC28J60_EHT0 + n), chip->groups[n]);
    write_register(chip, ENC28J60_ERXFCON, filters(chip));
}

/* Frames */

/** Looks for frames that wait, if there may be any. Whether there are. When they had no interrupt, those
 * behind them may have none either. */
static bool look(struct enc28j60 *chip) {
    bool is_wired = chip->spi->interrupt != NULL;
    if (!chip->must_look) {
        if (is_wired && !is_interrupt_active(chip))
            return false;
        if (chip->was_vain && elapsed_ms(chip, chip->looked_at) < ENC28J60_POLL_MS)
            return false;
    }
    bool is_missed = chip->must_look;
    chip->must_look = false;
    chip->looked_at = chip->now_ms(chip->now_context);
    /* Not EIR.PKTIF: erratum 6. */
    uint8_t packets;
    if (!read_register(chip, ENC28J60_EPKTCNT, &packets))
        return false;
    chip->waiting = packets;
    chip->was_vain = packets == 0 && (!is_wired || is_interrupt_active(chip));
    chip->must_look = is_missed && packets > 0;
    return packets > 0;
}

/** Reads the next packet, which waits, with its header to where that ends at `frame`. 0 when it is damaged,
 * or cannot be. */
static uint32_t take(struct enc28j60 *chip, uint8_t *frame, uint32_t room) {
    if (chip->read_at != chip->receive_at) {
        if (!write_pair(chip, ENC28J60_ERDPT, chip->receive_at))
            return 0;
        chip->read_at = chip->receive_at;
    }
    uint8_t *header = frame - ENC28J60_HEADER_BYTES;
    uint32_t first = room < FIRST_BYTES - ENC28J60_HEADER_BYTES ? ENC28J60_HEADER_BYTES + room : FIRST_BYTES;
    if (!read_buffer(chip, header, first))
        return 0;
    uint16_t next = get16(header);
    uint32_t bytes = get16(header + 2);
    bool is_sound = (header[4] & ENC28J60_STATUS_OK) != 0;
    /* Where the next one is follows from the length: together they say whether this is a header at all. */
    if (bytes < FRAME_LEAST + ENC28J60_CRC_BYTES || bytes > FRAME_MOST + ENC28J60_CRC_BYTES ||
        next != further(chip->receive_at, ENC28J60_HEADER_BYTES + bytes + bytes % 2)) {
        distrust(chip);
        return 0;
    }
    uint32_t length = bytes - ENC28J60_CRC_BYTES;
    chip->read_at = further(chip->read_at, first);
    if (is_sound && !read_rest(chip, frame, room, length))
        return 0;
    pass_over(chip, next);
    if (!is_sound) {
        chip->statistics.receive_errors++;
        return 0;
    }
    chip->statistics.received++;
    chip->resets = chip->setups = 0;
    return length;
}

/** Reads what of a frame of `length` bytes was not read with its header, and up to the next packet if there
 * is room: then the chip's pointer is already there. */
static bool read_rest(struct enc28j60 *chip, uint8_t *frame, uint32_t room, uint32_t length) {
    const uint32_t done = FIRST_BYTES - ENC28J60_HEADER_BYTES;
    uint32_t end = length + ENC28J60_CRC_BYTES + length % 2;
    /* From the header, which is at a multiple of 4, up to one. */
    uint32_t most = (ENC28J60_HEADER_BYTES + room + FERRULE_NETDEV_TAIL) / 4 * 4 - ENC28J60_HEADER_BYTES;
    if (end > most)
        end = length < room ? length : room;
    if (end <= done)
        return true;
    chip->read_at = further(chip->read_at, end - done);
    return read_buffer(chip, frame + done, end - done);
}

/** Goes on to the packet at `next`, and gives the chip back the room of those before. */
static void pass_over(struct enc28j60 *chip, uint16_t next) {
    chip->consumed = (uint16_t)(chip->consumed + (next + RECEIVE_BYTES - chip->receive_at) % RECEIVE_BYTES);
    chip->receive_at = next;
    chip->waiting--;
    change_bits(chip, ENC28J60_BFS, ENC28J60_ECON2, ENC28J60_ECON2_PKTDEC);
    if (chip->consumed < RELEASE_BYTES)
        return;
    /* The last octet that was read: that is odd, as erratum 14 wants it. */
    uint16_t last = further(next, RECEIVE_BYTES - 1);
    if (write_pair(chip, ENC28J60_ERXRDPT, last))
        chip->consumed = 0;
}

/** Looks what has become of the frame that is being sent. */
static void follow_sending(struct enc28j60 *chip) {
    uint8_t events;
    if (!read_register(chip, ENC28J60_EIR, &events))
        return;
    if ((events & ENC28J60_EIR_ZEROS) != 0) {
        /* No such chip: the guard's look decides, in the next call. */
        chip->wait_ms = 0;
        return;
    }
    take_events(chip, events);
}

static void take_events(struct enc28j60 *chip, uint8_t events) {
    if ((events & ENC28J60_EIR_RXERIF) != 0) {
        chip->statistics.receive_overruns++;
        change_bits(chip, ENC28J60_BFC, ENC28J60_EIR, ENC28J60_EIR_RXERIF);
    }
    if (!chip->is_sending)
        return;
    bool is_late = elapsed_ms(chip, chip->sent_at) >= ENC28J60_SEND_MS;
    if ((events & ENC28J60_EIR_TXERIF) != 0) {
        /* Collisions end a transmission that should be tried again (errata 13 and 15: ESTAT does not always
         * say why), and with it the transmitter, unless it is reset (erratum 12). */
        reset_transmitter(chip);
        if (chip->sendings++ < SENDINGS && !is_late)
            change_bits(chip, ENC28J60_BFS, ENC28J60_ECON1, ENC28J60_ECON1_TXRTS);
        else
            end_sending(chip, false);
    } else if ((events & ENC28J60_EIR_TXIF) != 0) {
        change_bits(chip, ENC28J60_BFC, ENC28J60_EIR, ENC28J60_EIR_TXIF);
        end_sending(chip, true);
    } else if (is_late) {
        /* The transmitter stands still (erratum 12). */
        reset_transmitter(chip);
        end_sending(chip, false);
    }
}

static void end_sending(struct enc28j60 *chip, bool is_sent) {
    if (!chip->is_sending)
        return;
    chip->is_sending = false;
    if (is_sent) {
        chip->statistics.sent++;
        chip->setups = 0;
    } else
        chip->statistics.send_losses++;
}

/** The end of this reset may set TXERIF, which is cleared therefore after it (erratum 12). */
static void reset_transmitter(struct enc28j60 *chip) {
    change_bits(chip, ENC28J60_BFS, ENC28J60_ECON1, ENC28J60_ECON1_TXRST);
    change_bits(chip, ENC28J60_BFC, ENC28J60_ECON1, ENC28J60_ECON1_TXRST | ENC28J60_ECON1_TXRTS);
    change_bits(chip, ENC28J60_BFC, ENC28J60_EIR, ENC28J60_EIR_TXERIF | ENC28J60_EIR_TXIF);
}

/* Transactions */

static bool read_buffer(struct enc28j60 *chip, uint8_t *data, uint32_t bytes) {
    const uint8_t command = ENC28J60_RBM;
    return read_octets(chip, &command, 1, data, bytes);
}

static bool read_register(struct enc28j60 *chip, uint8_t reg, uint8_t *value) {
    /* The second octet is that before the value. */
    const uint8_t command[2] = {(uint8_t)(ENC28J60_RCR | (reg & ENC28J60_ADDRESS)), 0};
    return select_bank(chip, reg) && read_octets(chip, command, (reg & ENC28J60_MAC) != 0 ? 2 : 1, value, 1);
}

static bool write_register(struct enc28j60 *chip, uint8_t reg, uint8_t value) {
    const uint8_t command = (uint8_t)(ENC28J60_WCR | (reg & ENC28J60_ADDRESS));
    return select_bank(chip, reg) && write_octets(chip, &command, 1, &value, 1);
}

static bool write_pair(struct enc28j60 *chip, uint8_t reg, uint16_t value) {
    return write_register(chip, reg, LOW(value)) && write_register(chip, (uint8_t)(reg + 1), HIGH(value));
}

/** Begins to write a register of the PHY; nothing may be asked of it for 10.24 us. */
static void write_phy(struct enc28j60 *chip, uint8_t reg, uint16_t value) {
    write_register(chip, ENC28J60_MIREGADR, reg);
    write_pair(chip, ENC28J60_MIWR, value);
}

/** Sets bits, or clears them, as `instruction` says; of a register that is in all banks. */
static bool change_bits(struct enc28j60 *chip, uint8_t instruction, uint8_t reg, uint8_t bits) {
    const uint8_t command = (uint8_t)(instruction | reg);
    return write_octets(chip, &command, 1, &bits, 1);
}

static bool select_bank(struct enc28j60 *chip, uint8_t reg) {
    const uint8_t bank = ENC28J60_BANK_OF(reg), before = chip->bank;
    if ((reg & ENC28J60_ADDRESS) >= ENC28J60_IN_ALL_BANKS || before == bank)
        return true;
    /* Bits of ECON1, beside others that the chip changes by itself. */
    const uint8_t falling = before == BANK_UNKNOWN ? ENC28J60_ECON1_BSEL : before & (uint8_t)~bank;
    const uint8_t rising = before == BANK_UNKNOWN ? bank : bank & (uint8_t)~before;
    chip->bank = BANK_UNKNOWN;
    if (falling != 0 && !change_bits(chip, ENC28J60_BFC, ENC28J60_ECON1, falling))
        return false;
    if (rising != 0 && !change_bits(chip, ENC28J60_BFS, ENC28J60_ECON1, rising))
        return false;
    chip->bank = bank;
    return true;
}

static bool read_octets(struct enc28j60 *chip, const uint8_t *command, uint32_t command_bytes, uint8_t *data,
                        uint32_t bytes) {
    if (!chip->spi->read(chip->spi->context, command, command_bytes, data, bytes))
        chip->has_failed = true;
    return !chip->has_failed;
}

static bool write_octets(struct enc28j60 *chip, const uint8_t *command, uint32_t command_bytes,
                         const uint8_t *data, uint32_t bytes) {
    if (!chip->spi->write(chip->spi->context, command, command_bytes, data, bytes))
        chip->has_failed = true;
    return !chip->has_failed;
}
