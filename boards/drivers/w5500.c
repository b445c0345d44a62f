#include "w5500.h"

#include <string.h>

#include "w5500_regs.h"

/** Socket 0 has all of both buffers. */
#define BUFFER_KB 16u
#define BUFFER_BYTES (BUFFER_KB * 1024u)

/** Ethernet frames without check sequence: shortest that can be, shortest on the wire, longest with a VLAN
 * tag. */
#define FRAME_LEAST 60u
#define FRAME_MOST 1518u

/** Up to this much waiting is read at once, prefix and all: that is quicker than to ask for a length first,
 * even when two of the shortest frames wait. */
#define READ_AT_ONCE 128u

/** Octets that are read before the chip is told, when more wait behind: it has room for others beside them.
 */
#define RELEASE_BYTES (BUFFER_BYTES / 4)

/** Reads of a size that changes meanwhile. */
#define SIZE_TRIES 4

/** Looks, 1 ms apart, for a socket that opens or closes. */
#define SOCKET_TRIES 10

/** Times that the socket is opened anew, with no frame between, before the chip is set up from the beginning.
 */
#define REOPENINGS 3

/** Times that the chip is set up, with no frame between, before it is reset by its pin. */
#define SETUPS 3

/** What is done next. From STEP_VERIFY on, the chip is set up. */
enum step { STEP_RESET, STEP_SETTLE, STEP_CHECK, STEP_CONFIGURE, STEP_VERIFY, STEP_REOPEN, STEP_UP };

/** Registers of the socket from Sn_TX_FSR to Sn_RX_WR, as read at once. */
struct pointers {
    uint16_t send_free, send_read, send_write, received, receive_read, receive_write;
};

/* Functions of the netdev */

static uint32_t receive(void *context, uint8_t *frame, uint32_t room);
static bool has_room(void *context);
static void send_frame(void *context, const uint8_t *frame, uint32_t length);
static bool link_is_up(void *context);
static uint32_t due_ms(void *context);
static void set_mac(void *context, const uint8_t mac[6]);
static bool set_groups(void *context, const uint8_t (*groups)[6], uint32_t count);

/* Setting up and looking after */

static void work(struct w5500 *chip);
static void take_step(struct w5500 *chip);
static void configure(struct w5500 *chip);
static void open_socket(struct w5500 *chip);
static void verify(struct w5500 *chip);
static void close_again(struct w5500 *chip);
static void guard(struct w5500 *chip);
static void go_to(struct w5500 *chip, enum step step, uint32_t wait_ms);
static void try_later(struct w5500 *chip);
static void restart(struct w5500 *chip);
static void reopen(struct w5500 *chip);
static void distrust(struct w5500 *chip);
static void drop_frames(struct w5500 *chip);
static bool is_as_set_up(struct w5500 *chip, struct pointers *pointers, uint8_t *events);
static bool is_common_as_set_up(struct w5500 *chip);

/* Frames */

static bool look(struct w5500 *chip);
static bool read_size(struct w5500 *chip);
static uint32_t take(struct w5500 *chip, uint8_t *frame, uint32_t room);
static void release(struct w5500 *chip);
static void follow_sending(struct w5500 *chip);
static void take_end(struct w5500 *chip, uint8_t events);
static void send_staged(struct w5500 *chip);

/* Transactions */

static bool read_at(struct w5500 *chip, uint8_t block, uint16_t address, uint8_t *data, uint32_t bytes);
static bool write_at(struct w5500 *chip, uint8_t block, uint16_t address, const uint8_t *data,
                     uint32_t bytes);
static bool write_octet(struct w5500 *chip, uint8_t block, uint16_t address, uint8_t value);
static bool write_pointer(struct w5500 *chip, uint16_t address, uint16_t value);

static const uint8_t SOCKET = W5500_SOCKET(0u);

void w5500_start(struct w5500 *chip, const struct ferrule_spi *spi, uint32_t (*now_ms)(void *context),
                 void *now_context, const uint8_t mac[6]) {
    *chip = (struct w5500){
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
        .mode = W5500_SN_MR_MACRAW | W5500_SN_MR_MFEN | W5500_SN_MR_MMB,
        .step = STEP_RESET,
    };
    memcpy(chip->mac, mac, sizeof chip->mac);
    chip->since = now_ms(now_context);
}

static uint32_t elapsed_ms(const struct w5500 *chip, uint32_t since) {
    return chip->now_ms(chip->now_context) - since;
}

static bool is_interrupt_active(const struct w5500 *chip) {
    return chip->spi->interrupt && chip->spi->interrupt(chip->spi->context);
}

static uint16_t get16(const uint8_t *at) {
    return (uint16_t)(at[0] << 8 | at[1]);
}

static uint32_t receive(void *context, uint8_t *frame, uint32_t room) {
    struct w5500 *chip = context;
    work(chip);
    if (chip->step == STEP_UP && chip->has_staged)
        follow_sending(chip);
    if (chip->step != STEP_UP || (chip->waiting == 0 && !look(chip)))
        return 0;
    return take(chip, frame, room);
}

static bool has_room(void *context) {
    struct w5500 *chip = context;
    work(chip);
    if (chip->step == STEP_UP && chip->has_staged)
        follow_sending(chip);
    /* For the few milliseconds in which the socket is opened, frames wait. */
    if (chip->step == STEP_VERIFY || chip->step == STEP_REOPEN)
        return !chip->is_linked;
    return !chip->has_staged;
}

static void send_frame(void *context, const uint8_t *frame, uint32_t length) {
    struct w5500 *chip = context;
    work(chip);
    if (chip->step != STEP_UP || !chip->is_linked || chip->has_staged || length == 0 || length > FRAME_MOST) {
        chip->statistics.send_losses++;
        return;
    }
    uint8_t padded[FRAME_LEAST] = {0};
    if (length < FRAME_LEAST) {
        memcpy(padded, frame, length);
        frame = padded;
        length = FRAME_LEAST;
    }
    if (!write_at(chip, W5500_TX_BUFFER, chip->send_at, frame, length)) {
        chip->statistics.send_losses++;
        return;
    }
    chip->has_staged = true;
    chip->staged_bytes = (uint16_t)length;
    follow_sending(chip);
}

static bool link_is_up(void *context) {
    struct w5500 *chip = context;
    work(chip);
    chip->told_link = chip->is_linked;
    return chip->is_linked;
}

static uint32_t due_ms(void *context) {
    struct w5500 *chip = context;
    uint32_t passed = elapsed_ms(chip, chip->since);
    uint32_t due = passed < chip->wait_ms ? chip->wait_ms - passed : 0;
    /* A link that has changed is asked for at once. */
    if (chip->has_failed || chip->told_link != chip->is_linked)
        return 0;
    if (chip->step != STEP_UP)
        return due;
    if (chip->waiting > 0 || chip->must_look)
        return 0;
    if (chip->has_staged && due > 1)
        due = 1;
    if (chip->spi->interrupt && !is_interrupt_active(chip))
        return due;
    uint32_t looked = elapsed_ms(chip, chip->looked_at);
    uint32_t look_in = chip->was_vain && looked < W5500_POLL_MS ? W5500_POLL_MS - looked : 0;
    return look_in < due ? look_in : due;
}

static void set_mac(void *context, const uint8_t mac[6]) {
    struct w5500 *chip = context;
    memcpy(chip->mac, mac, sizeof chip->mac);
    if (chip->step >= STEP_VERIFY)
        write_at(chip, W5500_COMMON, W5500_SHAR, chip->mac, sizeof chip->mac);
}

/** The chip takes all groups, or none. */
static bool set_groups(void *context, const uint8_t (*groups)[6], uint32_t count) {
    struct w5500 *chip = context;
    (void)groups;
    uint8_t mode = W5500_SN_MR_MACRAW | W5500_SN_MR_MFEN | (count == 0 ? W5500_SN_MR_MMB : 0);
    bool is_other = mode != chip->mode;
    chip->mode = mode;
    /* Sn_MR is to be set before OPEN (section 4.2). */
    if (is_other && chip->step >= STEP_VERIFY)
        close_again(chip);
    return true;
}

/* Setting up and looking after */

/** Does what is due. */
static void work(struct w5500 *chip) {
    if (!chip->has_failed && elapsed_ms(chip, chip->since) >= chip->wait_ms)
        take_step(chip);
    if (!chip->has_failed)
        return;
    /* A transaction failed, here or in the call before: what the chip has of it is unknown. */
    chip->has_failed = false;
    if (chip->step == STEP_UP)
        distrust(chip);
    else if (chip->step != STEP_REOPEN)
        try_later(chip);
}

static void take_step(struct w5500 *chip) {
    uint8_t octet = 0;
    switch ((enum step)chip->step) {
    case STEP_RESET:
        if (chip->spi->reset)
            chip->spi->reset(chip->spi->context, true);
        go_to(chip, STEP_SETTLE, chip->spi->reset ? W5500_RESET_LOW_MS : 0);
        return;
    case STEP_SETTLE:
        if (chip->spi->reset)
            chip->spi->reset(chip->spi->context, false);
        go_to(chip, STEP_CHECK, W5500_RESET_SETTLE_MS);
        return;
    case STEP_CHECK:
        if (!read_at(chip, W5500_COMMON, W5500_VERSIONR, &octet, 1) || octet != W5500_VERSION) {
            try_later(chip);
            return;
        }
        /* The pin may not be wired, or not reach the chip. */
        write_octet(chip, W5500_COMMON, W5500_MR, W5500_MR_RST);
        go_to(chip, STEP_CONFIGURE, W5500_RESET_SETTLE_MS);
        return;
    case STEP_CONFIGURE:
        configure(chip);
        return;
    case STEP_VERIFY:
        verify(chip);
        return;
    case STEP_REOPEN:
        if (!is_common_as_set_up(chip) || ++chip->tries > SOCKET_TRIES)
            restart(chip);
        else if (read_at(chip, SOCKET, W5500_SN_SR, &octet, 1) && octet == W5500_SN_SR_CLOSED)
            open_socket(chip);
        else {
            write_octet(chip, SOCKET, W5500_SN_CR, W5500_SN_CR_CLOSE);
            go_to(chip, STEP_REOPEN, 1);
        }
        return;
    case STEP_UP:
        guard(chip);
        return;
    }
}

/** Sets up a chip that has just been reset. */
static void configure(struct w5500 *chip) {
    uint8_t mode, version;
    if (!read_at(chip, W5500_COMMON, W5500_MR, &mode, 1) || mode != 0 ||
        !read_at(chip, W5500_COMMON, W5500_VERSIONR, &version, 1) || version != W5500_VERSION) {
        try_later(chip);
        return;
    }
    if (chip->was_set_up)
        chip->statistics.restarts++;
    chip->was_set_up = true;
    if (chip->setups < SETUPS)
        chip->setups++;
    write_octet(chip, W5500_COMMON, W5500_MR, W5500_MR_PB);
    write_at(chip, W5500_COMMON, W5500_SHAR, chip->mac, sizeof chip->mac);
    /* The others have theirs first: all together must never have more than there is. */
    for (uint32_t n = W5500_SOCKETS; n-- > 0;) {
        const uint8_t kilobytes = n == 0 ? BUFFER_KB : 0;
        const uint8_t sizes[2] = {kilobytes, kilobytes};
        write_at(chip, (uint8_t)W5500_SOCKET(n), W5500_SN_RXBUF_SIZE, sizes, sizeof sizes);
    }
    write_octet(chip, SOCKET, W5500_SN_IMR, W5500_SN_IR_RECV);
    write_octet(chip, W5500_COMMON, W5500_SIMR, 1);
    chip->reopenings = 0;
    open_socket(chip);
}

static void open_socket(struct w5500 *chip) {
    drop_frames(chip);
    write_octet(chip, SOCKET, W5500_SN_MR, chip->mode);
    write_octet(chip, SOCKET, W5500_SN_IR, W5500_SN_IR_ALL);
    write_octet(chip, SOCKET, W5500_SN_CR, W5500_SN_CR_OPEN);
    chip->tries = 0;
    go_to(chip, STEP_VERIFY, 1);
}

/** Whether the socket has opened, with all that was set. */
static void verify(struct w5500 *chip) {
    struct pointers pointers;
    uint8_t events;
    if (!is_as_set_up(chip, &pointers, &events) || pointers.send_free != BUFFER_BYTES) {
        if (++chip->tries < SOCKET_TRIES)
            go_to(chip, STEP_VERIFY, 1);
        else
            try_later(chip);
        return;
    }
    chip->send_at = pointers.send_write;
    chip->receive_at = pointers.receive_read;
    go_to(chip, STEP_UP, 0);
    guard(chip);
}

/** Looks whether all is as it should be, with what has no interrupt. */
static void guard(struct w5500 *chip) {
    go_to(chip, STEP_UP, W5500_GUARD_MS);
    struct pointers pointers;
    uint8_t events, phy;
    /* Once may be a disturbance on the bus. */
    bool is_right = is_as_set_up(chip, &pointers, &events) || is_as_set_up(chip, &pointers, &events);
    if (chip->has_failed)
        return;
    if (!is_right) {
        restart(chip);
        return;
    }
    if (pointers.send_write != chip->send_at ||
        pointers.receive_read != (uint16_t)(chip->receive_at - chip->consumed)) {
        distrust(chip);
        return;
    }
    if (chip->is_sending)
        take_end(chip, events);
    if (chip->step != STEP_UP)
        return;
    if (chip->waiting == 0 && pointers.received > 0 && !is_interrupt_active(chip)) {
        chip->must_look = true;
        if (chip->spi->interrupt)
            chip->statistics.missed_interrupts++;
    }
    if (read_at(chip, W5500_COMMON, W5500_PHYCFGR, &phy, 1))
        chip->is_linked = (phy & W5500_PHYCFGR_LNK) != 0;
}

static void go_to(struct w5500 *chip, enum step step, uint32_t wait_ms) {
    chip->step = (uint8_t)step;
    chip->since = chip->now_ms(chip->now_context);
    chip->wait_ms = wait_ms;
}

/** There is no chip, or none that can be used: begins again after a while. */
static void try_later(struct w5500 *chip) {
    drop_frames(chip);
    chip->is_linked = false;
    go_to(chip, STEP_RESET, W5500_RETRY_MS);
}

/** The chip has lost what was set, or does not work any more: begins again at once, at first without the pin,
 * which would have the PHY look for its partner anew. */
static void restart(struct w5500 *chip) {
    try_later(chip);
    go_to(chip, chip->setups < SETUPS ? STEP_CHECK : STEP_RESET, 0);
}

/** Closes the socket and opens it anew, with empty buffers; at last the whole chip. */
static void reopen(struct w5500 *chip) {
    if (chip->reopenings++ < REOPENINGS)
        close_again(chip);
    else
        restart(chip);
}

static void close_again(struct w5500 *chip) {
    drop_frames(chip);
    chip->tries = 0;
    go_to(chip, STEP_REOPEN, 1);
    write_octet(chip, SOCKET, W5500_SN_CR, W5500_SN_CR_CLOSE);
}

/** The chip said what cannot be, or did not hear what it was told: where frames lie in its buffers is
 * unknown. */
static void distrust(struct w5500 *chip) {
    chip->statistics.nonsense++;
    reopen(chip);
}

/** Forgets all frames in the chip. */
static void drop_frames(struct w5500 *chip) {
    chip->statistics.send_losses += (uint32_t)chip->is_sending + (uint32_t)chip->has_staged;
    chip->is_sending = chip->has_staged = chip->has_stale_end = false;
    chip->waiting = chip->consumed = 0;
    chip->must_look = chip->was_vain = false;
}

/** Whether the chip has what was set up, as nothing else would. `pointers` and `events` (Sn_IR) are what it
 * has. */
static bool is_as_set_up(struct w5500 *chip, struct pointers *pointers, uint8_t *events) {
    /* Sn_MR, CR, IR, SR; from Sn_RXBUF_SIZE to Sn_IMR. */
    uint8_t state[4], sizes[W5500_SN_IMR + 1 - W5500_SN_RXBUF_SIZE];
    if (!is_common_as_set_up(chip) || !read_at(chip, SOCKET, W5500_SN_MR, state, sizeof state) ||
        !read_at(chip, SOCKET, W5500_SN_RXBUF_SIZE, sizes, sizeof sizes))
        return false;
    const uint8_t *words = sizes + 2;
    *pointers = (struct pointers){
        .send_free = get16(words),
        .send_read = get16(words + 2),
        .send_write = get16(words + 4),
        .received = get16(words + 6),
        .receive_read = get16(words + 8),
        .receive_write = get16(words + 10),
    };
    *events = state[2];
    return state[0] == chip->mode && state[3] == W5500_SN_SR_MACRAW && sizes[0] == BUFFER_KB &&
           sizes[W5500_SN_IMR - W5500_SN_RXBUF_SIZE] == W5500_SN_IR_RECV && sizes[1] == BUFFER_KB;
}

static bool is_common_as_set_up(struct w5500 *chip) {
    /* From SHAR to SIMR. */
    uint8_t octets[W5500_SIMR + 1 - W5500_SHAR];
    return read_at(chip, W5500_COMMON, W5500_SHAR, octets, sizeof octets) &&
           memcmp(octets, chip->mac, sizeof chip->mac) == 0 && octets[W5500_SIMR - W5500_SHAR] == 1;
}

/* Frames */

/** Looks for frames that wait, if there may be any. Whether there are. When they had no interrupt, those
 * behind them may have none either. */
static bool look(struct w5500 *chip) {
    bool is_wired = chip->spi->interrupt != NULL;
    if (!chip->must_look) {
        if (is_wired && !is_interrupt_active(chip))
            return false;
        if (chip->was_vain && elapsed_ms(chip, chip->looked_at) < W5500_POLL_MS)
            return false;
    }
    bool is_missed = chip->must_look;
    chip->must_look = false;
    chip->looked_at = chip->now_ms(chip->now_context);
    /* A frame that has gone by now is cleared with what arrived. */
    if (is_wired && chip->is_sending)
        follow_sending(chip);
    if (chip->step != STEP_UP || chip->has_failed)
        return false;
    /* Cleared before the size is read: a frame that comes between sets it again. */
    if (is_wired) {
        uint8_t events = W5500_SN_IR_RECV | (chip->has_stale_end ? W5500_SN_IR_SENDOK : 0);
        if (!write_octet(chip, SOCKET, W5500_SN_IR, events))
            return false;
        chip->has_stale_end = false;
    }
    if (!read_size(chip))
        return false;
    chip->was_vain = chip->waiting == 0 && (!is_wired || is_interrupt_active(chip));
    chip->must_look = is_missed && chip->waiting > 0;
    return chip->waiting > 0;
}

/**
 * Finds out how much waits. RSR may change while it is read, and is to be read until it stays (page 55). It
 * is RX_WR less RX_RD, which are behind it: all in one transaction, and they agree unless a frame arrives
 * meanwhile.
 */
static bool read_size(struct w5500 *chip) {
    uint16_t before = 0;
    for (int tried = 0; tried < SIZE_TRIES; tried++) {
        uint8_t words[6];
        if (!read_at(chip, SOCKET, W5500_SN_RX_RSR, words, sizeof words))
            return false;
        uint16_t size = get16(words), read = get16(words + 2), write = get16(words + 4);
        if (read != chip->receive_at || size > BUFFER_BYTES) {
            distrust(chip);
            return false;
        }
        if (size == (uint16_t)(write - read) || (tried > 0 && size == before)) {
            chip->waiting = size;
            /* The chip does not say when it had no room. */
            if (BUFFER_BYTES - size < W5500_PREFIX_BYTES + FRAME_MOST)
                chip->statistics.receive_overruns++;
            return true;
        }
        before = size;
    }
    return true;
}

/** Reads the next frame, which waits. Its prefix goes to where it ends at `frame`, so that both are read at
 * once to where DMA wants them. */
static uint32_t take(struct w5500 *chip, uint8_t *frame, uint32_t room) {
    uint8_t prefix[W5500_PREFIX_BYTES];
    uint32_t waiting = chip->waiting, fits = room + W5500_PREFIX_BYTES, bytes = waiting;
    bool is_read = waiting <= READ_AT_ONCE;
    if (waiting >= W5500_PREFIX_BYTES + FRAME_LEAST) {
        uint8_t *start = frame - W5500_PREFIX_BYTES;
        if (!read_at(chip, W5500_RX_BUFFER, chip->receive_at, is_read ? start : prefix,
                     is_read ? (waiting < fits ? waiting : fits) : sizeof prefix))
            return 0;
        bytes = get16(is_read ? start : prefix);
    }
    if (bytes < W5500_PREFIX_BYTES + FRAME_LEAST || bytes > W5500_PREFIX_BYTES + FRAME_MOST ||
        bytes > waiting) {
        distrust(chip);
        return 0;
    }
    if (!is_read && !read_at(chip, W5500_RX_BUFFER, chip->receive_at, frame - W5500_PREFIX_BYTES,
                             bytes < fits ? bytes : fits))
        return 0;
    chip->receive_at = (uint16_t)(chip->receive_at + bytes);
    chip->waiting = (uint16_t)(waiting - bytes);
    chip->consumed = (uint16_t)(chip->consumed + bytes);
    if (chip->waiting == 0 || chip->consumed >= RELEASE_BYTES)
        release(chip);
    chip->statistics.received++;
    chip->reopenings = chip->setups = 0;
    return bytes - W5500_PREFIX_BYTES;
}

/**
 * Gives the chip back the room of frames that were read. Whether Sn_CR has taken the command is not asked,
 * here and in sending: before the next one at least a frame or its status goes over the bus, many times as
 * long as the chip needs. Were one lost, the pointers would tell.
 */
static void release(struct w5500 *chip) {
    if (write_pointer(chip, W5500_SN_RX_RD, chip->receive_at) &&
        write_octet(chip, SOCKET, W5500_SN_CR, W5500_SN_CR_RECV))
        chip->consumed = 0;
}

/**
 * Sends the frame that lies in the chip's buffer as soon as the one before has gone. A SEND takes all up to
 * TX_WR as one frame, so there is one at a time; meanwhile the next one's data is there already.
 */
static void follow_sending(struct w5500 *chip) {
    if (chip->is_sending) {
        /* Sn_CR, IR, SR. */
        uint8_t state[3];
        if (!read_at(chip, SOCKET, W5500_SN_CR, state, sizeof state))
            return;
        if (state[2] != W5500_SN_SR_MACRAW) {
            /* Not what it was: the guard's look decides, in the next call. */
            chip->wait_ms = 0;
            return;
        }
        take_end(chip, state[1]);
    }
    if (chip->step == STEP_UP && chip->has_staged && !chip->is_sending)
        send_staged(chip);
}

/** Sees by Sn_IR whether the frame that is being sent has gone. */
static void take_end(struct w5500 *chip, uint8_t events) {
    if ((events & W5500_SN_IR_SENDOK) != 0) {
        chip->is_sending = false;
        chip->has_stale_end = true;
        chip->statistics.sent++;
        chip->reopenings = chip->setups = 0;
    } else if (elapsed_ms(chip, chip->sent_at) >= W5500_SEND_MS)
        reopen(chip);
}

static void send_staged(struct w5500 *chip) {
    if (chip->has_stale_end && !write_octet(chip, SOCKET, W5500_SN_IR, W5500_SN_IR_SENDOK))
        return;
    chip->has_stale_end = false;
    chip->send_at = (uint16_t)(chip->send_at + chip->staged_bytes);
    chip->has_staged = false;
    chip->is_sending = true;
    chip->sent_at = chip->now_ms(chip->now_context);
    if (write_pointer(chip, W5500_SN_TX_WR, chip->send_at))
        write_octet(chip, SOCKET, W5500_SN_CR, W5500_SN_CR_SEND);
}

/* Transactions */

static bool read_at(struct w5500 *chip, uint8_t block, uint16_t address, uint8_t *data, uint32_t bytes) {
    const uint8_t command[3] = {(uint8_t)(address >> 8), (uint8_t)address, block};
    if (!chip->spi->read(chip->spi->context, command, sizeof command, data, bytes))
        chip->has_failed = true;
    return !chip->has_failed;
}

static bool write_at(struct w5500 *chip, uint8_t block, uint16_t address, const uint8_t *data,
                     uint32_t bytes) {
    const uint8_t command[3] = {(uint8_t)(address >> 8), (uint8_t)address, block | W5500_WRITE};
    if (!chip->spi->write(chip->spi->context, command, sizeof command, data, bytes))
        chip->has_failed = true;
    return !chip->has_failed;
}

static bool write_octet(struct w5500 *chip, uint8_t block, uint16_t address, uint8_t value) {
    return write_at(chip, block, address, &value, 1);
}

static bool write_pointer(struct w5500 *chip, uint16_t address, uint16_t value) {
    const uint8_t octets[2] = {(uint8_t)(value >> 8), (uint8_t)value};
    return write_at(chip, SOCKET, address, octets, sizeof octets);
}
