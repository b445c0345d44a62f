/*
 * The runtime: boots a core on an engine, carries frames, time, bytes and events between it, the network
 * device and the program, and restarts it when it has trapped. It makes no protocol decision.
 *
 * Nothing that the core says is used before it was checked: addresses and lengths against the size of linear
 * memory, counts against what was asked for. What fails the check is treated like a trap.
 *
 * The program's sockets are places in a table of the runtime, which has a place for each record of the core:
 * so they outlive a restart, after which connections have failed and listeners listen again.
 */
#include "ferrule.h"

#include <string.h>

#include "checksum.h"
#include "device.h"
#include "engine.h"

/** Frames that one poll takes in, at most. */
#define FRAMES_PER_POLL 32
/** Frames that one poll gives out besides, at most; then it says that there is more. */
#define FRAMES_OUT_PER_POLL 256

/** How soon to look for room again, when the network device had none, in milliseconds. */
#define NO_ROOM_MS 1
/** Longest sleep of `ferrule_wait` at a time, in milliseconds. */
#define LONGEST_SLEEP_MS 1000u

/** Between a trap and the restart: doubled by each trap up to the longest, until the core ran so long without
 * one. */
#define BACKOFF_FIRST_MS 10u
#define BACKOFF_LONGEST_MS 60000u
#define BACKOFF_FORGOTTEN_MS 60000u

/** Of kinds that have no record: one DHCP client. */
#define SOCKETS_BESIDES 1u

/** Longest answer of `deadline`, in milliseconds. */
#define DEADLINE_LONGEST_MS (1 << 24)

/** Before the packet in a frame. */
#define ETHERNET_BYTES 14u

/** What is looked at of a frame that nobody takes: where it goes, and how much of it. */
#define DISCARD_AT FERRULE_NETDEV_HEADROOM
#define DISCARD_BYTES 16u

/** The lowest ferrule_status. */
#define STATUS_LEAST FERRULE_STATUS_NOT_FOUND

/** Sizes of pieces of memory are rounded up to this. */
#define PIECE 16u

/** Words of the core's hints: see ferrule_state_header. */
enum hint { HINT_SENDERS, HINT_REPLIES, HINT_EVENTS };
#define HINTS 3u

static int32_t start(struct ferrule *device);
static uint32_t socket_count(const struct ferrule_setup *setup);
static size_t table_bytes(const struct ferrule_setup *setup);
static int32_t open_engine(struct ferrule *device, uint32_t memory_bytes, bool compile_on_use);
static int32_t error_of(enum ferrule_engine_status status);
static int32_t linear_bytes(const struct ferrule_setup *setup);
static int32_t put_config(struct ferrule *device);
static int32_t boot(struct ferrule *device, uint32_t now);
static void follow_link(struct ferrule *device);
static int32_t sooner(const struct ferrule *device, int32_t ms);
static bool take_frames(struct ferrule *device, uint32_t now);
static uint32_t input_flags(const struct ferrule *device, const uint8_t *slot, uint32_t length);
static bool complete_checksum(struct ferrule *device, uint8_t *frame, uint32_t length);
static void discard_frames(struct ferrule *device);
static int32_t give_frames(struct ferrule *device, uint32_t now, bool knows_now);
static void collect_events(struct ferrule *device);
static int32_t fail(struct ferrule *device, const char *trap);
static void hear(struct ferrule *device, struct ferrule_socket_entry *entry, uint32_t events);
static void drop_query(struct ferrule *device, struct ferrule_socket_entry *entry);
static void set_events(struct ferrule *device, struct ferrule_socket_entry *entry, uint32_t events);
static void lose(struct ferrule *device, struct ferrule_socket_entry *entry);
static void restart_when_due(struct ferrule *device, uint32_t now);
static int32_t call(struct ferrule *device, enum ferrule_export which, uint32_t a, uint32_t b, uint32_t c,
                    uint32_t d);
static bool may_answer(enum ferrule_export which, int32_t result);
static bool is_status(int32_t value);
static uint8_t *bytes_at(struct ferrule *device, uint32_t address, uint32_t length);
static uint32_t header_word(const struct ferrule *device, size_t offset);
static uint32_t hint(const struct ferrule *device, enum hint which);
static struct ferrule_socket_entry *entry_of(struct ferrule *device, int32_t socket);
static int32_t live_entry(struct ferrule *device, int32_t socket, struct ferrule_socket_entry **entry);
static int32_t new_socket(struct ferrule *device, int32_t handle, uint8_t kind);
static void free_entry(struct ferrule *device, struct ferrule_socket_entry *entry);
static int32_t listen_on(struct ferrule *device, uint16_t port, uint32_t backlog);
static int32_t put_endpoint(struct ferrule *device, const uint8_t address[4], uint16_t port);
static int32_t find_run(struct ferrule *device, int32_t socket, enum ferrule_export which, uint8_t **run);
static int32_t take_run(struct ferrule *device, int32_t socket, enum ferrule_export which, uint32_t most,
                        uint8_t **run);
static int32_t end_socket(struct ferrule *device, int32_t socket, enum ferrule_export which);
static int32_t put_address(struct ferrule *device, const struct ferrule_interface_address *address);

static uint32_t now_of(const struct ferrule *device) {
    return device->setup->now_ms(device->setup->context);
}

/* Starting */

int32_t ferrule_start(struct ferrule *device, const struct ferrule_setup *setup) {
    memset(device, 0, sizeof *device);
    device->setup = setup;
    int32_t status = start(device);
    device->is_booted = status >= 0;
    if (status >= 0)
        return status;
    /* Calls find a device that is down, and stays so. */
    device->down = true;
    device->socket_count = 0;
    if (device->engine)
        ferrule_engine_close(device->engine);
    device->engine = NULL;
    return status;
}

static int32_t start(struct ferrule *device) {
    const struct ferrule_setup *setup = device->setup;
    size_t table = table_bytes(setup);
    if ((uintptr_t)setup->memory % PIECE != 0)
        return FERRULE_STATUS_INVALID_ARGUMENT;
    if (setup->memory_bytes <= table)
        return FERRULE_ERROR_MEMORY;
    device->sockets = setup->memory;
    device->socket_count = socket_count(setup);
    memset(device->sockets, 0, table);
    int32_t needed = linear_bytes(setup);
    if (needed < 0)
        return needed;
    device->memory_bytes = (uint32_t)needed;
    const uint32_t fixed = ferrule_engine_memory_fixed();
    if (fixed > 0 && device->memory_bytes > fixed)
        return FERRULE_ERROR_MEMORY;
    device->memory_bytes = fixed > 0 ? fixed : device->memory_bytes;
    int32_t status = open_engine(device, device->memory_bytes, false);
    if (status < 0)
        return status;
    status = boot(device, now_of(device));
    const struct ferrule_netdev *netdev = setup->netdev;
    if (status >= 0 && netdev->set_mac)
        netdev->set_mac(netdev->context, setup->config.mac);
    return device->down ? device->problem : status;
}

int32_t ferrule_memory_needed(const struct ferrule_setup *setup) {
    struct ferrule device;
    int32_t status = ferrule_start(&device, setup);
    if (status < 0)
        return status;
    /* A fixed linear memory is no part of the setup's. */
    uint32_t used = ferrule_engine_bytes_used(device.engine) - ferrule_engine_memory_fixed();
    ferrule_stop(&device);
    return (int32_t)(table_bytes(setup) + used);
}

void ferrule_stop(struct ferrule *device) {
    if (device->engine)
        ferrule_engine_close(device->engine);
    const struct ferrule_setup *setup = device->setup;
    memset(device, 0, sizeof *device);
    device->setup = setup;
    device->down = true;
}

static uint32_t socket_count(const struct ferrule_setup *setup) {
    const struct ferrule_config *config = &setup->config;
    return SOCKETS_BESIDES + config->connections + config->listeners + config->datagram_sockets +
           config->queries;
}

static size_t table_bytes(const struct ferrule_setup *setup) {
    size_t bytes = socket_count(setup) * sizeof(struct ferrule_socket_entry);
    return (bytes + PIECE - 1) / PIECE * PIECE;
}

/** An instance in the memory behind the table of sockets. */
static int32_t open_engine(struct ferrule *device, uint32_t memory_bytes, bool compile_on_use) {
    const struct ferrule_setup *setup = device->setup;
    size_t table = table_bytes(setup);
    size_t left = setup->memory_bytes - table;
    const struct ferrule_engine_options options = {
        .arena = (uint8_t *)setup->memory + table,
        .arena_bytes = left < UINT32_MAX ? (uint32_t)left : UINT32_MAX,
        .memory_bytes = memory_bytes,
        .module = setup->module,
        .module_bytes = setup->module_bytes,
        .compile_on_use = compile_on_use,
    };
    const char *problem;
    int32_t status = error_of(ferrule_engine_open(&options, &device->engine, &problem));
    if (status >= 0)
        device->linear = ferrule_engine_memory(device->engine, &device->linear_bytes);
    return status;
}

static int32_t error_of(enum ferrule_engine_status status) {
    switch (status) {
    case FERRULE_ENGINE_OK:
        return FERRULE_STATUS_OK;
    case FERRULE_ENGINE_TRAP:
        return FERRULE_ERROR_CORE;
    case FERRULE_ENGINE_NO_MEMORY:
        return FERRULE_ERROR_MEMORY;
    case FERRULE_ENGINE_BAD_ARGUMENT:
        return FERRULE_STATUS_INVALID_ARGUMENT;
    default:
        return FERRULE_ERROR_MODULE;
    }
}

/** Bytes of linear memory that the configuration needs: asks the core, in an instance that is as small as can
 * be. */
static int32_t linear_bytes(const struct ferrule_setup *setup) {
    struct ferrule probe = {.setup = setup};
    const uint32_t fixed = ferrule_engine_memory_fixed();
    int32_t status = open_engine(&probe, fixed > 0 ? fixed : FERRULE_ENGINE_MEMORY_LEAST, true);
    if (status < 0)
        return status;
    int32_t base = put_config(&probe);
    status = base < 0 ? base : call(&probe, FERRULE_EXPORT_bytesNeeded, (uint32_t)base, 0, 0, 0);
    ferrule_engine_close(probe.engine);
    if (probe.down)
        return probe.problem;
    return status >= 0 && status < (int32_t)FERRULE_ENGINE_MEMORY_LEAST ? FERRULE_ERROR_CORE : status;
}

/** Puts the configuration, with a fresh seed, to where the state will be; returns its address. */
static int32_t put_config(struct ferrule *device) {
    struct ferrule_config config = device->setup->config;
    config.version = FERRULE_ABI_VERSION;
    config.bytes = sizeof config;
    config.flags &= ~(uint32_t)FERRULE_CONFIG_FLAG_OUTPUT_CHECKSUM_OFFLOAD;
    if (device->setup->checksums == FERRULE_CHECKSUMS_NATIVE)
        config.flags |= FERRULE_CONFIG_FLAG_OUTPUT_CHECKSUM_OFFLOAD;
    device->setup->random(device->setup->context, config.seed);
    int32_t base = call(device, FERRULE_EXPORT_base, 0, 0, 0, 0);
    uint8_t *record = base < 0 ? NULL : bytes_at(device, (uint32_t)base, sizeof config);
    if (!record)
        return FERRULE_ERROR_CORE;
    memcpy(record, &config, sizeof config);
    return base;
}

/** Lays out the core's state anew. */
static int32_t boot(struct ferrule *device, uint32_t now) {
    int32_t base = put_config(device);
    if (base < 0)
        return base;
    int32_t status = call(device, FERRULE_EXPORT_init, (uint32_t)base, device->memory_bytes, now, 0);
    if (status < 0)
        return status;
    const uint8_t *at = bytes_at(device, (uint32_t)base, sizeof(struct ferrule_state_header));
    if (!at)
        return FERRULE_ERROR_CORE;
    struct ferrule_state_header header;
    memcpy(&header, at, sizeof header);
    device->base = (uint32_t)base;
    device->input_slot = header.input_slot;
    device->output_slot = header.output_slot;
    device->slot_bytes = header.slot_bytes;
    device->exchange = header.exchange;
    device->counters = header.counters;
    device->hints = header.hints;
    /* A driver may write a little before and behind a frame. */
    if (header.input_slot < FERRULE_NETDEV_HEADROOM || header.slot_bytes > device->linear_bytes ||
        !bytes_at(device, header.input_slot - FERRULE_NETDEV_HEADROOM,
                  FERRULE_NETDEV_HEADROOM + header.slot_bytes + FERRULE_NETDEV_TAIL))
        return FERRULE_ERROR_CORE;
    /* Slots lie at even addresses: checksums are of words. */
    if (!bytes_at(device, header.hints, HINTS * sizeof(uint32_t)) ||
        ((header.input_slot | header.output_slot) & 1) != 0)
        return FERRULE_ERROR_CORE;
    device->up_since = now;
    /* What it takes for granted until it is told. */
    device->link_is_down = false;
    return FERRULE_STATUS_OK;
}

/* The loop */

/** How giving frames ended. */
enum { ALL_GIVEN = 0, TURN_OVER = 1, NO_ROOM = 2 };

int32_t ferrule_poll(struct ferrule *device) {
    uint32_t now = now_of(device);
    if (device->down)
        restart_when_due(device, now);
    if (device->down)
        discard_frames(device);
    follow_link(device);
    /* Only when nothing waits may a frame come in: what it calls for is built from it. It then makes all else
     * go, too. */
    bool gives_first = device->giving != ALL_GIVEN;
    if (gives_first)
        device->giving = give_frames(device, now, false);
    if (device->giving == ALL_GIVEN && !take_frames(device, now) && !gives_first)
        device->giving = give_frames(device, now, false);
    collect_events(device);
    return device->down ? FERRULE_ERROR_RESTARTING : FERRULE_STATUS_OK;
}

int32_t ferrule_deadline(struct ferrule *device) {
    uint32_t now = now_of(device);
    if (!device->down && device->giving == TURN_OVER)
        return 0;
    int32_t ms = call(device, FERRULE_EXPORT_deadline, now, 0, 0, 0);
    if (ms < FERRULE_DEADLINE_NEVER || ms > DEADLINE_LONGEST_MS)
        fail(device, "the core named a deadline that cannot be");
    if (device->down) {
        if (!device->is_booted)
            return FERRULE_DEADLINE_NEVER;
        ms = (int32_t)(device->restart_at - now);
        return sooner(device, ms > 0 ? ms : 0);
    }
    /* What is due, but has no room, waits for the network device, which may not tell. */
    if (device->giving == NO_ROOM && ms != FERRULE_DEADLINE_NEVER && ms < NO_ROOM_MS)
        ms = NO_ROOM_MS;
    return sooner(device, ms);
}

/** `ms`, or less when the network device wants to be looked at before. */
static int32_t sooner(const struct ferrule *device, int32_t ms) {
    const struct ferrule_netdev *netdev = device->setup->netdev;
    uint32_t due = netdev->due_ms ? netdev->due_ms(netdev->context) : DEADLINE_LONGEST_MS;
    /* FERRULE_DEADLINE_NEVER is the largest of these, as an unsigned number. */
    return netdev->due_ms && due < (uint32_t)ms ? (int32_t)due : ms;
}

/** Tells the core when the network device's link is another than before. */
static void follow_link(struct ferrule *device) {
    const struct ferrule_netdev *netdev = device->setup->netdev;
    bool is_down = netdev->link && !netdev->link(netdev->context);
    if (is_down != device->link_is_down && ferrule_link_changed(device, !is_down) >= 0)
        device->link_is_down = is_down;
}

/** Takes in frames, each with all that it makes due: replies are built from the frame. Whether there was one.
 */
static bool take_frames(struct ferrule *device, uint32_t now) {
    const struct ferrule_netdev *netdev = device->setup->netdev;
    int taken = 0;
    for (; taken < FRAMES_PER_POLL && device->giving == ALL_GIVEN; taken++) {
        uint8_t *slot = bytes_at(device, device->input_slot, device->slot_bytes);
        uint32_t length = slot ? netdev->receive(netdev->context, slot, device->slot_bytes) : 0;
        if (length == 0)
            return taken > 0;
        int32_t status =
            call(device, FERRULE_EXPORT_input, length, input_flags(device, slot, length), now, 0);
        /* A frame that is too long is the sender's fault: the core has counted it. */
        device->giving =
            status < 0 && status != FERRULE_STATUS_INVALID_ARGUMENT ? status : give_frames(device, now, true);
    }
    if (device->giving == ALL_GIVEN)
        device->giving = TURN_OVER;
    return true;
}

/** What the core is told of the checksums in the frame of `length` bytes at `slot`. */
static uint32_t input_flags(const struct ferrule *device, const uint8_t *slot, uint32_t length) {
    if (device->setup->netdev->checksums_verified)
        return FERRULE_INPUT_FLAG_CHECKSUM_VERIFIED;
    /* What is longer than the slot is not there as a whole. */
    if (device->setup->checksums == FERRULE_CHECKSUMS_CORE || length < ETHERNET_BYTES ||
        length > device->slot_bytes)
        return 0;
    return FERRULE_INPUT_FLAG_CHECKSUM_SUM |
           ferrule_checksum_sum(slot + ETHERNET_BYTES, length - ETHERNET_BYTES) << 16;
}

/** Does what the core has left of the checksum in a frame of `length` bytes. False when it lies outside of
 * the frame. */
static bool complete_checksum(struct ferrule *device, uint8_t *frame, uint32_t length) {
    /* Both halves of a word: where summing starts, and where the sum goes, from there. */
    const uint32_t word = header_word(device, offsetof(struct ferrule_state_header, checksum_start));
    const uint32_t start = word & 0xffff, offset = word >> 16;
    if (start == 0)
        return true;
    if (((start | offset) & 1) != 0 || start + offset + 2 > length)
        return false;
    const uint16_t sum = (uint16_t)~ferrule_checksum_sum(frame + start, length - start);
    memcpy(frame + start + offset, &sum, sizeof sum);
    return true;
}

/** While the core is down nobody takes frames. The one that it trapped on may be among those that wait, again
 * and again. */
static void discard_frames(struct ferrule *device) {
    const struct ferrule_netdev *netdev = device->setup->netdev;
    /* Words, with the frame at 2 modulo 4 as in the core's slot. */
    uint32_t piece[(DISCARD_AT + DISCARD_BYTES + FERRULE_NETDEV_TAIL + 3) / 4];
    for (int taken = 0; taken < FRAMES_PER_POLL; taken++) {
        if (netdev->receive(netdev->context, (uint8_t *)piece + DISCARD_AT, DISCARD_BYTES) == 0)
            return;
        device->discarded++;
    }
}

/** Gives out what is due, as long as there is room. `knows_now`: the core has heard of this moment. */
static int32_t give_frames(struct ferrule *device, uint32_t now, bool knows_now) {
    const struct ferrule_netdev *netdev = device->setup->netdev;
    for (int given = 0; given < FRAMES_OUT_PER_POLL; given++) {
        if (knows_now && (hint(device, HINT_SENDERS) | hint(device, HINT_REPLIES)) == 0)
            return ALL_GIVEN;
        knows_now = true;
        if (!netdev->has_room(netdev->context)) {
            int32_t status = call(device, FERRULE_EXPORT_poll, now, 0, 0, 0);
            return status < 0 ? status : NO_ROOM;
        }
        int32_t length = call(device, FERRULE_EXPORT_output, now, 0, 0, 0);
        if (length <= 0)
            return length;
        if ((uint32_t)length > device->slot_bytes)
            return fail(device, "the core gave a frame that is too long");
        uint8_t *frame = bytes_at(device, device->output_slot, (uint32_t)length);
        if (!frame)
            return FERRULE_ERROR_CORE;
        if (device->setup->checksums != FERRULE_CHECKSUMS_CORE &&
            !complete_checksum(device, frame, (uint32_t)length))
            return fail(device, "the core named a place outside of the frame");
        netdev->send(netdev->context, frame, (uint32_t)length);
    }
    return TURN_OVER;
}

/** Keeps the events that the core has to tell with the sockets that they are of. */
static void collect_events(struct ferrule *device) {
    /* Each socket has at most one entry in the core's list. */
    for (uint32_t told = 0; told < device->socket_count && hint(device, HINT_EVENTS) != 0; told++) {
        int32_t handle = call(device, FERRULE_EXPORT_nextEvent, 0, 0, 0, 0);
        if (handle <= 0)
            return;
        uint32_t events = header_word(device, offsetof(struct ferrule_state_header, event_mask));
        for (uint32_t index = 0; index < device->socket_count; index++)
            if (device->sockets[index].kind != 0 && device->sockets[index].handle == handle)
                hear(device, &device->sockets[index], events);
    }
}

/** The core has told events of a socket. */
static void hear(struct ferrule *device, struct ferrule_socket_entry *entry, uint32_t events) {
    if (entry->query > 0 && (events & (FERRULE_EVENT_CONNECTED | FERRULE_EVENT_FAILED)) != 0)
        drop_query(device, entry);
    set_events(device, entry, entry->events | events);
}

static void drop_query(struct ferrule *device, struct ferrule_socket_entry *entry) {
    const int32_t query = entry->query;
    entry->query = 0;
    call(device, FERRULE_EXPORT_abort, (uint32_t)query, 0, 0, 0);
}

static void set_events(struct ferrule *device, struct ferrule_socket_entry *entry, uint32_t events) {
    device->sockets_with_events += (uint32_t)(events != 0) - (uint32_t)(entry->events != 0);
    entry->events = events;
}

/* Restarting */

/** The core cannot go on: every call says RESTARTING until it was booted again. */
static int32_t fail(struct ferrule *device, const char *trap) {
    if (device->down)
        return FERRULE_ERROR_RESTARTING;
    uint32_t now = now_of(device);
    if (now - device->up_since >= BACKOFF_FORGOTTEN_MS)
        device->backoff_ms = 0;
    device->backoff_ms = device->backoff_ms == 0 ? BACKOFF_FIRST_MS : 2 * device->backoff_ms;
    if (device->backoff_ms > BACKOFF_LONGEST_MS)
        device->backoff_ms = BACKOFF_LONGEST_MS;
    device->down = true;
    device->problem = device->problem < 0 ? device->problem : FERRULE_ERROR_CORE;
    device->restart_at = now + device->backoff_ms;
    for (uint32_t index = 0; index < device->socket_count; index++)
        lose(device, &device->sockets[index]);
    if (device->setup->trapped && device->is_booted)
        device->setup->trapped(device->setup->context, trap);
    return FERRULE_ERROR_RESTARTING;
}

/** What a trap does to a socket: it is gone, and says so; listeners and the DHCP client come back. */
static void lose(struct ferrule *device, struct ferrule_socket_entry *entry) {
    entry->handle = entry->query = 0;
    entry->peeked_bytes = entry->reserved_bytes = 0;
    entry->lost = entry->kind != 0 && entry->kind != FERRULE_SOCKET_KIND_LISTENER &&
                  entry->kind != FERRULE_SOCKET_KIND_DHCP_CLIENT;
    set_events(device, entry,
               entry->lost ? FERRULE_EVENT_FAILED | FERRULE_EVENT_READABLE | FERRULE_EVENT_WRITABLE : 0u);
}

static void restart_when_due(struct ferrule *device, uint32_t now) {
    if (!device->is_booted || (int32_t)(device->restart_at - now) > 0)
        return;
    device->down = false;
    device->problem = FERRULE_STATUS_OK;
    device->restarts++;
    /* Also when it does not boot: else an old moment would end the backoff of a core that never does. */
    device->up_since = now;
    /* The arena was used up in the middle of a call: the instance is of no use any more. */
    int32_t status = FERRULE_STATUS_OK;
    if (device->engine_is_broken) {
        if (device->engine)
            ferrule_engine_close(device->engine);
        status = open_engine(device, device->memory_bytes, false);
        device->engine_is_broken = status < 0;
    }
    if (status >= 0)
        status = boot(device, now);
    if (status >= 0 && device->has_address)
        status = put_address(device, &device->address);
    if (status < 0) {
        fail(device, "the core does not boot again");
        return;
    }
    for (uint32_t index = 0; index < device->socket_count && !device->down; index++) {
        struct ferrule_socket_entry *entry = &device->sockets[index];
        if (entry->kind != FERRULE_SOCKET_KIND_LISTENER)
            continue;
        int32_t handle = listen_on(device, entry->port, entry->backlog);
        if (handle < 0)
            fail(device, "a listener does not open again");
        else
            entry->handle = handle;
    }
    if (device->reopen && !device->down && device->reopen(device) < 0)
        fail(device, "a service does not start again");
}

/* Calls */

/** Calls an export; a trap ends in `fail`. */
static int32_t call(struct ferrule *device, enum ferrule_export which, uint32_t a, uint32_t b, uint32_t c,
                    uint32_t d) {
    if (device->down)
        return FERRULE_ERROR_RESTARTING;
    const uint32_t arguments[FERRULE_PARAMETERS_MAX] = {a, b, c, d};
    int32_t result = 0;
    enum ferrule_engine_status status = ferrule_engine_call(device->engine, which, arguments, &result);
    if (status == FERRULE_ENGINE_OK)
        return may_answer(which, result) ? result : fail(device, "the core said something that cannot be");
    device->engine_is_broken = status != FERRULE_ENGINE_TRAP;
    device->problem = error_of(status);
    return fail(device, ferrule_engine_problem(device->engine));
}

typedef char exports_fit_a_word[FERRULE_EXPORT_COUNT <= 32 ? 1 : -1];

#define EXPORT_BIT(name) (1u << FERRULE_EXPORT_##name)
/** Exports that return a length, an address, a time or a handle. */
#define MAY_BE_POSITIVE                                                                                      \
    (EXPORT_BIT(base) | EXPORT_BIT(bytesNeeded) | EXPORT_BIT(output) | EXPORT_BIT(deadline) |                \
     EXPORT_BIT(open) | EXPORT_BIT(accept) | EXPORT_BIT(sendReserve) | EXPORT_BIT(receivePeek) |             \
     EXPORT_BIT(receive) | EXPORT_BIT(send) | EXPORT_BIT(receiveFrom) | EXPORT_BIT(getopt) |                 \
     EXPORT_BIT(nextEvent))
#define NEVER_ZERO (EXPORT_BIT(open) | EXPORT_BIT(accept) | EXPORT_BIT(sendReserve) | EXPORT_BIT(send))
/** Once the core is booted. */
#define NEVER_NEGATIVE (EXPORT_BIT(base) | EXPORT_BIT(output) | EXPORT_BIT(nextEvent))

/** Whether an export may return `result`; how long a length may be is checked where it is used. */
static bool may_answer(enum ferrule_export which, int32_t result) {
    const uint32_t bit = 1u << which;
    if (result == 0)
        return (NEVER_ZERO & bit) == 0;
    if (result > 0)
        return (MAY_BE_POSITIVE & bit) != 0;
    return result >= STATUS_LEAST && (NEVER_NEGATIVE & bit) == 0;
}

static bool is_status(int32_t value) {
    return value <= FERRULE_STATUS_OK && value >= STATUS_LEAST;
}

/** `length` bytes of linear memory at `address`; NULL when they do not lie in it. */
static uint8_t *bytes_at(struct ferrule *device, uint32_t address, uint32_t length) {
    if (device->down)
        return NULL;
    if (length <= device->linear_bytes && address <= device->linear_bytes - length)
        return device->linear + address;
    fail(device, "the core points outside of its memory");
    return NULL;
}

/** A word of the head of the core's state, which lies in memory: that was checked at boot. */
static uint32_t header_word(const struct ferrule *device, size_t offset) {
    uint32_t value;
    memcpy(&value, device->linear + device->base + offset, sizeof value);
    return value;
}

/** Not 0 when a call may find something. The words lie in memory: that was checked at boot. */
static uint32_t hint(const struct ferrule *device, enum hint which) {
    uint32_t value;
    if (device->down)
        return 0;
    memcpy(&value, device->linear + device->hints + which * sizeof value, sizeof value);
    return value;
}

/* Sockets */

/** The place of a socket, whatever became of its connection; NULL when the program has none such. */
static struct ferrule_socket_entry *entry_of(struct ferrule *device, int32_t socket) {
    uint32_t index = ((uint32_t)socket & 0xffff) - 1;
    if (socket <= 0 || index >= device->socket_count)
        return NULL;
    struct ferrule_socket_entry *entry = &device->sockets[index];
    return entry->kind != 0 && entry->uses == (uint32_t)socket >> 16 ? entry : NULL;
}

/** Finds the place of a socket that the core knows, or says why there is none. */
static int32_t live_entry(struct ferrule *device, int32_t socket, struct ferrule_socket_entry **entry) {
    *entry = entry_of(device, socket);
    if (!*entry)
        return FERRULE_STATUS_BAD_HANDLE;
    if ((*entry)->lost)
        return FERRULE_STATUS_CONNECTION_RESET;
    return device->down ? FERRULE_ERROR_RESTARTING : FERRULE_STATUS_OK;
}

/** A place for a handle of the core; the handle goes back when there is none. */
static int32_t new_socket(struct ferrule *device, int32_t handle, uint8_t kind) {
    if (handle < 0)
        return handle;
    for (uint32_t index = 0; index < device->socket_count; index++) {
        struct ferrule_socket_entry *entry = &device->sockets[index];
        if (entry->kind != 0)
            continue;
        uint16_t uses = (uint16_t)((entry->uses + 1) & 0x7fff);
        *entry = (struct ferrule_socket_entry){.handle = handle, .uses = uses, .kind = kind};
        return (int32_t)((uint32_t)uses << 16 | (index + 1));
    }
    call(device, FERRULE_EXPORT_abort, (uint32_t)handle, 0, 0, 0);
    return FERRULE_STATUS_NO_SOCKET;
}

static void free_entry(struct ferrule *device, struct ferrule_socket_entry *entry) {
    const bool in_groups = entry->groups != 0;
    if (entry->query > 0)
        drop_query(device, entry);
    entry->kind = 0;
    entry->handle = 0;
    entry->groups = 0;
    set_events(device, entry, 0);
    if (in_groups)
        device->regroup(device);
}

int32_t ferrule_listen(struct ferrule *device, uint16_t port, uint32_t backlog) {
    int32_t handle = listen_on(device, port, backlog);
    int32_t socket = new_socket(device, handle, FERRULE_SOCKET_KIND_LISTENER);
    struct ferrule_socket_entry *entry = entry_of(device, socket);
    if (entry) {
        entry->port = port;
        entry->backlog = backlog;
    }
    return socket;
}

/** Opens a listener in the core; returns its handle. */
static int32_t listen_on(struct ferrule *device, uint16_t port, uint32_t backlog) {
    static const uint8_t any[4] = {0};
    int32_t handle = call(device, FERRULE_EXPORT_open, FERRULE_SOCKET_KIND_LISTENER, 0, 0, 0);
    if (handle < 0)
        return handle;
    int32_t status = put_endpoint(device, any, port);
    if (status >= 0)
        status = call(device, FERRULE_EXPORT_bind, (uint32_t)handle, device->exchange, 0, 0);
    if (status >= 0)
        status = call(device, FERRULE_EXPORT_listen, (uint32_t)handle, backlog, 0, 0);
    if (status >= 0)
        return handle;
    call(device, FERRULE_EXPORT_close, (uint32_t)handle, 0, 0, 0);
    return status;
}

int32_t ferrule_accept(struct ferrule *device, int32_t listener) {
    struct ferrule_socket_entry *entry;
    int32_t status = live_entry(device, listener, &entry);
    if (status < 0)
        return status;
    int32_t handle = call(device, FERRULE_EXPORT_accept, (uint32_t)entry->handle, 0, 0, 0);
    return new_socket(device, handle, FERRULE_SOCKET_KIND_STREAM);
}

int32_t ferrule_connect(struct ferrule *device, const uint8_t address[4], uint16_t port) {
    int32_t handle = call(device, FERRULE_EXPORT_open, FERRULE_SOCKET_KIND_STREAM, 0, 0, 0);
    if (handle < 0)
        return handle;
    int32_t status = put_endpoint(device, address, port);
    if (status >= 0)
        status = call(device, FERRULE_EXPORT_connect, (uint32_t)handle, device->exchange, 0, 0);
    if (status >= 0)
        return new_socket(device, handle, FERRULE_SOCKET_KIND_STREAM);
    call(device, FERRULE_EXPORT_abort, (uint32_t)handle, 0, 0, 0);
    return status;
}

/** Puts an IPv4 Endpoint into the exchange area. */
static int32_t put_endpoint(struct ferrule *device, const uint8_t address[4], uint16_t port) {
    struct ferrule_endpoint endpoint = {.family = FERRULE_FAMILY_IPV4, .port = port};
    memcpy(endpoint.address, address, 4);
    uint8_t *at = bytes_at(device, device->exchange, sizeof endpoint);
    if (!at)
        return FERRULE_ERROR_CORE;
    memcpy(at, &endpoint, sizeof endpoint);
    return FERRULE_STATUS_OK;
}

/** Finds the next run of a socket's ring and puts its address into `*run`; returns its length, or why there
 * is none. */
static int32_t find_run(struct ferrule *device, int32_t socket, enum ferrule_export which, uint8_t **run) {
    struct ferrule_socket_entry *entry;
    int32_t status = live_entry(device, socket, &entry);
    if (status < 0)
        return status;
    uint32_t *found = which == FERRULE_EXPORT_receivePeek ? &entry->peeked_bytes : &entry->reserved_bytes;
    *found = 0;
    int32_t length = call(device, which, (uint32_t)entry->handle, 0, 0, 0);
    if (length <= 0)
        return length;
    *run = bytes_at(device, header_word(device, offsetof(struct ferrule_state_header, run_pointer)),
                    (uint32_t)length);
    if (!*run)
        return FERRULE_ERROR_CORE;
    *found = (uint32_t)length;
    return length;
}

int32_t ferrule_peek(struct ferrule *device, int32_t socket, const void **data) {
    uint8_t *run = NULL;
    int32_t length = find_run(device, socket, FERRULE_EXPORT_receivePeek, &run);
    if (length > 0)
        *data = run;
    return length;
}

int32_t ferrule_consume(struct ferrule *device, int32_t socket, uint32_t size) {
    struct ferrule_socket_entry *entry;
    int32_t status = live_entry(device, socket, &entry);
    if (status < 0)
        return status;
    if (size > entry->peeked_bytes)
        return FERRULE_STATUS_INVALID_ARGUMENT;
    entry->peeked_bytes -= size;
    return call(device, FERRULE_EXPORT_receiveConsume, (uint32_t)entry->handle, size, 0, 0);
}

int32_t ferrule_reserve(struct ferrule *device, int32_t socket, void **room) {
    uint8_t *run = NULL;
    int32_t length = find_run(device, socket, FERRULE_EXPORT_sendReserve, &run);
    if (length > 0)
        *room = run;
    return length;
}

int32_t ferrule_commit(struct ferrule *device, int32_t socket, uint32_t size) {
    struct ferrule_socket_entry *entry;
    int32_t status = live_entry(device, socket, &entry);
    if (status < 0)
        return status;
    if (size > entry->reserved_bytes)
        return FERRULE_STATUS_INVALID_ARGUMENT;
    entry->reserved_bytes = 0;
    return call(device, FERRULE_EXPORT_sendCommit, (uint32_t)entry->handle, size, 0, 0);
}

/** Takes at most `most` bytes of the next run of a socket's ring, whose address goes into `*run`. They are
 * its caller's until the next poll. Returns how many they are, or why there are none. */
static int32_t take_run(struct ferrule *device, int32_t socket, enum ferrule_export which, uint32_t most,
                        uint8_t **run) {
    struct ferrule_socket_entry *entry;
    int32_t status = live_entry(device, socket, &entry);
    if (status < 0)
        return status;
    /* What was peeked or reserved before begins elsewhere now. */
    entry->peeked_bytes = which == FERRULE_EXPORT_receive ? 0 : entry->peeked_bytes;
    entry->reserved_bytes = which == FERRULE_EXPORT_send ? 0 : entry->reserved_bytes;
    int32_t length = call(device, which, (uint32_t)entry->handle, most, 0, 0);
    if (length <= 0)
        return length;
    if ((uint32_t)length > most)
        return fail(device, "the core took more than it was asked for");
    *run = bytes_at(device, header_word(device, offsetof(struct ferrule_state_header, run_pointer)),
                    (uint32_t)length);
    return *run ? length : FERRULE_ERROR_CORE;
}

int32_t ferrule_read(struct ferrule *device, int32_t socket, void *data, uint32_t size) {
    uint32_t taken = 0;
    /* 0 would look like the peer's end. */
    if (size == 0)
        return FERRULE_STATUS_INVALID_ARGUMENT;
    while (taken < size) {
        uint8_t *run = NULL;
        int32_t length = take_run(device, socket, FERRULE_EXPORT_receive, size - taken, &run);
        if (length <= 0)
            return taken > 0 ? (int32_t)taken : length;
        memcpy((uint8_t *)data + taken, run, (uint32_t)length);
        taken += (uint32_t)length;
    }
    return (int32_t)taken;
}

int32_t ferrule_write(struct ferrule *device, int32_t socket, const void *data, uint32_t size) {
    uint32_t given = 0;
    if (size == 0)
        return FERRULE_STATUS_INVALID_ARGUMENT;
    while (given < size) {
        uint8_t *run = NULL;
        int32_t length = take_run(device, socket, FERRULE_EXPORT_send, size - given, &run);
        if (length < 0)
            return given > 0 ? (int32_t)given : length;
        memcpy(run, (const uint8_t *)data + given, (uint32_t)length);
        given += (uint32_t)length;
    }
    return (int32_t)given;
}

int32_t ferrule_shutdown(struct ferrule *device, int32_t socket) {
    struct ferrule_socket_entry *entry;
    int32_t status = live_entry(device, socket, &entry);
    return status < 0 ? status : call(device, FERRULE_EXPORT_shutdown, (uint32_t)entry->handle, 0, 0, 0);
}

int32_t ferrule_close(struct ferrule *device, int32_t socket) {
    return end_socket(device, socket, FERRULE_EXPORT_close);
}

int32_t ferrule_abort(struct ferrule *device, int32_t socket) {
    return end_socket(device, socket, FERRULE_EXPORT_abort);
}

/** Gives the place back, whatever the core says: a socket that a restart ended has nothing there any more. */
static int32_t end_socket(struct ferrule *device, int32_t socket, enum ferrule_export which) {
    struct ferrule_socket_entry *entry = entry_of(device, socket);
    if (!entry)
        return FERRULE_STATUS_BAD_HANDLE;
    int32_t handle = entry->handle;
    free_entry(device, entry);
    if (handle > 0)
        call(device, which, (uint32_t)handle, 0, 0, 0);
    return FERRULE_STATUS_OK;
}

/* Options */

int32_t ferrule_set_option(struct ferrule *device, int32_t socket, enum ferrule_option option,
                           uint32_t value) {
    struct ferrule_socket_entry *entry;
    int32_t status = live_entry(device, socket, &entry);
    if (status < 0)
        return status;
    uint8_t *at = bytes_at(device, device->exchange, sizeof value);
    if (!at)
        return FERRULE_ERROR_CORE;
    memcpy(at, &value, sizeof value);
    return call(device, FERRULE_EXPORT_setopt, (uint32_t)entry->handle, option, device->exchange,
                sizeof value);
}

/** Reads an option of `size` bytes into `value`; what the core leaves out is zero. */
static int32_t get_record(struct ferrule *device, int32_t socket, enum ferrule_option option, void *value,
                          uint32_t size) {
    struct ferrule_socket_entry *entry;
    int32_t status = live_entry(device, socket, &entry);
    if (status < 0)
        return status;
    uint8_t *at = bytes_at(device, device->exchange, size);
    if (!at)
        return FERRULE_ERROR_CORE;
    memset(at, 0, size);
    status = call(device, FERRULE_EXPORT_getopt, (uint32_t)entry->handle, option, device->exchange, size);
    if (status < 0)
        return status;
    memcpy(value, at, size);
    return FERRULE_STATUS_OK;
}

int32_t ferrule_get_option(struct ferrule *device, int32_t socket, enum ferrule_option option,
                           uint32_t *value) {
    return get_record(device, socket, option, value, sizeof *value);
}

int32_t ferrule_socket_error(struct ferrule *device, int32_t socket) {
    uint32_t value = 0;
    int32_t status = ferrule_get_option(device, socket, FERRULE_OPTION_ERROR, &value);
    if (status < 0)
        return status;
    return is_status((int32_t)value) ? (int32_t)value
                                     : fail(device, "the core said something that cannot be");
}

int32_t ferrule_endpoints(struct ferrule *device, int32_t socket, struct ferrule_endpoint *local,
                          struct ferrule_endpoint *peer) {
    int32_t status = FERRULE_STATUS_OK;
    if (local)
        status = get_record(device, socket, FERRULE_OPTION_LOCAL_ENDPOINT, local, sizeof *local);
    if (peer && status >= 0)
        status = get_record(device, socket, FERRULE_OPTION_PEER_ENDPOINT, peer, sizeof *peer);
    return status;
}

int32_t ferrule_tcp_info(struct ferrule *device, int32_t socket, struct ferrule_tcp_info *info) {
    return get_record(device, socket, FERRULE_OPTION_TCP_INFO, info, sizeof *info);
}

/* Events */

int32_t ferrule_next_event(struct ferrule *device, uint32_t *events) {
    uint32_t index = device->next_told;
    for (uint32_t step = 0; step < device->socket_count && device->sockets_with_events > 0; step++) {
        index = index < device->socket_count ? index : 0;
        struct ferrule_socket_entry *entry = &device->sockets[index++];
        if (entry->kind == 0 || entry->events == 0)
            continue;
        *events = entry->events;
        set_events(device, entry, 0);
        device->next_told = index;
        return (int32_t)((uint32_t)entry->uses << 16 | index);
    }
    return 0;
}

/** Takes the events that the items want; returns how many items have some. */
static uint32_t take_wanted(struct ferrule *device, struct ferrule_wait_item *items, uint32_t count) {
    uint32_t ready = 0;
    for (uint32_t index = 0; index < count; index++) {
        struct ferrule_socket_entry *entry = entry_of(device, items[index].socket);
        uint32_t wanted = items[index].wanted | FERRULE_EVENT_FAILED;
        /* Nothing will ever happen to a socket that is not there: its owner should hear. */
        items[index].happened = entry ? entry->events & wanted : FERRULE_EVENT_FAILED;
        if (entry)
            set_events(device, entry, entry->events & ~wanted);
        ready += items[index].happened != 0;
    }
    return ready;
}

int32_t ferrule_wait(struct ferrule *device, struct ferrule_wait_item *items, uint32_t count,
                     int32_t timeout_ms) {
    const struct ferrule_setup *setup = device->setup;
    uint32_t begun = now_of(device);
    if (timeout_ms < 0 && timeout_ms != FERRULE_DEADLINE_NEVER)
        return FERRULE_STATUS_INVALID_ARGUMENT;
    for (;;) {
        ferrule_poll(device);
        uint32_t ready = take_wanted(device, items, count);
        if (ready > 0)
            return (int32_t)ready;
        int32_t ms = ferrule_deadline(device);
        if (timeout_ms != FERRULE_DEADLINE_NEVER) {
            uint32_t passed = now_of(device) - begun;
            if (passed >= (uint32_t)timeout_ms)
                return 0;
            int32_t left = timeout_ms - (int32_t)passed;
            if (ms == FERRULE_DEADLINE_NEVER || ms > left)
                ms = left;
        }
        /* FERRULE_DEADLINE_NEVER is the largest of these, as an unsigned number. */
        if (setup->sleep && ms != 0)
            setup->sleep(setup->context, (uint32_t)ms < LONGEST_SLEEP_MS ? (uint32_t)ms : LONGEST_SLEEP_MS);
    }
}

/* The device */

uint32_t ferrule_counter(struct ferrule *device, enum ferrule_counter counter) {
    uint32_t value = 0;
    if (device->down || (uint32_t)counter >= FERRULE_COUNTER_COUNT)
        return 0;
    const uint8_t *at = bytes_at(device, device->counters + 4 * (uint32_t)counter, sizeof value);
    if (at)
        memcpy(&value, at, sizeof value);
    return value;
}

int32_t ferrule_link_changed(struct ferrule *device, bool up) {
    return call(device, FERRULE_EXPORT_linkChanged, 0, up, now_of(device), 0);
}

int32_t ferrule_set_address(struct ferrule *device, const uint8_t address[4], uint16_t prefix_bits,
                            const uint8_t router[4]) {
    struct ferrule_interface_address record = {.family = FERRULE_FAMILY_IPV4, .prefix_bits = prefix_bits};
    memcpy(record.address, address, 4);
    memcpy(record.router, router, 4);
    int32_t status = put_address(device, &record);
    if (status < 0)
        return status;
    device->has_address = true;
    device->address = record;
    return status;
}

static int32_t put_address(struct ferrule *device, const struct ferrule_interface_address *address) {
    uint8_t *at = bytes_at(device, device->exchange, sizeof *address);
    if (!at)
        return FERRULE_ERROR_RESTARTING;
    memcpy(at, address, sizeof *address);
    return call(device, FERRULE_EXPORT_setAddress, device->exchange, now_of(device), 0, 0);
}

uint32_t ferrule_restarts(const struct ferrule *device) {
    return device->restarts;
}

uint32_t ferrule_discarded(const struct ferrule *device) {
    return device->discarded;
}

/* For the other files of the runtime */

int32_t ferrule_device_call(struct ferrule *device, enum ferrule_export which, uint32_t a, uint32_t b,
                            uint32_t c, uint32_t d) {
    return call(device, which, a, b, c, d);
}

uint8_t *ferrule_device_bytes(struct ferrule *device, uint32_t address, uint32_t length) {
    return bytes_at(device, address, length);
}

uint8_t *ferrule_device_run(struct ferrule *device, uint32_t length) {
    if (device->down)
        return NULL;
    return bytes_at(device, header_word(device, offsetof(struct ferrule_state_header, run_pointer)), length);
}

int32_t ferrule_device_socket(struct ferrule *device, int32_t socket, uint8_t kind,
                              struct ferrule_socket_entry **entry) {
    int32_t status = live_entry(device, socket, entry);
    if (*entry && (*entry)->kind != kind)
        return FERRULE_STATUS_BAD_HANDLE;
    return status;
}

int32_t ferrule_device_new_socket(struct ferrule *device, int32_t handle, uint8_t kind) {
    return new_socket(device, handle, kind);
}

struct ferrule_socket_entry *ferrule_device_entry(struct ferrule *device, int32_t socket) {
    return entry_of(device, socket);
}

void ferrule_device_forget_events(struct ferrule *device, struct ferrule_socket_entry *entry,
                                  uint32_t events) {
    set_events(device, entry, entry->events & ~events);
}

bool ferrule_device_is_busy(const struct ferrule *device) {
    return device->giving != ALL_GIVEN ||
           (hint(device, HINT_SENDERS) | hint(device, HINT_REPLIES) | hint(device, HINT_EVENTS)) != 0;
}

void ferrule_device_keep_query(struct ferrule *device, int32_t socket, int32_t query) {
    struct ferrule_socket_entry *entry = entry_of(device, socket);
    if (entry)
        entry->query = query;
}
