/*
 * A device for several threads: a lock around the calls of ferrule.h, one thread that polls, and a list of
 * those that wait. It makes no protocol decision.
 *
 * Who would block puts an item into the list, gives back the lock and waits for its signal; the stack's
 * thread gives the signal when the item's socket has an event that is wanted, and the call is tried again. No
 * event is lost in between: the core promises one for each WOULD_BLOCK, and nobody polls while the lock is
 * held from the one to the other.
 */
#include "ferrule_net.h"

#include <string.h>

#include "device.h"

/** Longest part of a dotted address: "255". */
#define DIGITS_MOST 3

/** How far apart counts of a socket's uses begin at one start and the next: odd, so that it is long until
 * they come again. */
#define USES_APART 20251u
#define USES_MASK 0x7fffu

/** Someone who waits; on that thread's stack. */
struct ferrule_net_waiter {
    struct ferrule_net_waiter *next;
    const struct ferrule_wait_item *items;
    uint32_t count;
    /** Besides: for the peer to acknowledge everything on the socket of the first item. */
    bool wants_acknowledgement;
    bool is_told;
    struct ferrule_signal signal;
};

/** How long a call may wait. */
struct limit {
    uint32_t begun;
    int32_t timeout_ms;
};

/** Between the thread that starts a device and the one that will run it. */
struct start {
    struct ferrule_net *net;
    const struct ferrule_setup *setup;
    int32_t status;
    bool is_done;
    struct ferrule_signal done;
};

static void run(void *argument);
static void turn(struct ferrule_net *net);
static void tell(struct ferrule_net *net);
static void tell_all(struct ferrule_net *net);
static void tell_users(struct ferrule_net *net, int32_t socket);
static void give(struct ferrule_net *net, struct ferrule_net_waiter *waiter);
static bool has_what_it_wants(struct ferrule_net *net, const struct ferrule_net_waiter *waiter);
static int32_t enter(struct ferrule_net *net);
static int32_t enter_for(struct ferrule_net *net, int32_t timeout_ms, struct limit *limit);
static int32_t leave(struct ferrule_net *net, int32_t result);
static int32_t leave_as_it_was(struct ferrule_net *net, int32_t result);
static void release(struct ferrule_net *net);
static int32_t wait_for(struct ferrule_net *net, const struct ferrule_wait_item *items, uint32_t count,
                        const struct limit *limit);
static int32_t wait_on(struct ferrule_net *net, int32_t socket, uint32_t wanted, const struct limit *limit);
static int32_t wait_as(struct ferrule_net *net, struct ferrule_net_waiter *waiter, const struct limit *limit);
static void leave_list(struct ferrule_net *net, struct ferrule_net_waiter *waiter);
static uint32_t time_left(const struct ferrule_net *net, const struct limit *limit);
static bool would_block(int32_t status);
static bool is_address(const char *host, uint8_t address[4]);
static int32_t open_connection(struct ferrule_net *net, const char *host, uint16_t port);
static int32_t await_connection(struct ferrule_net *net, int32_t socket, const struct limit *limit);
static int32_t await_answer(struct ferrule_net *net, int32_t query, uint8_t address[4],
                            const struct limit *limit);
static bool has_address(struct ferrule_net *net, struct ferrule_lease *lease);
static int32_t end(struct ferrule_net *net, int32_t socket,
                   int32_t (*how)(struct ferrule *device, int32_t socket));
static int32_t next_length(struct ferrule_net *net, int32_t socket, const void **data);
static int32_t unacknowledged(struct ferrule_net *net, int32_t socket);
static uint32_t what_happened(struct ferrule_net *net, const struct ferrule_wait_item *item);

/* The stack's thread */

int32_t ferrule_net_start(struct ferrule_net *net, const struct ferrule_setup *setup,
                          const struct ferrule_os *os) {
    struct start start = {.net = net, .setup = setup};
    const uint16_t starts = net->starts;
    memset(net, 0, sizeof *net);
    net->starts = (uint16_t)(starts + 1);
    net->os = os;
    os->signal_init(os->context, &start.done);
    const bool has_thread = os->start_thread(os->context, run, &start);
    os->lock(os->context);
    while (has_thread && !start.is_done) {
        os->unlock(os->context);
        os->signal_wait(os->context, &start.done, FERRULE_OS_FOR_EVER);
        os->lock(os->context);
    }
    os->signal_end(os->context, &start.done);
    os->unlock(os->context);
    if (!has_thread)
        return FERRULE_STATUS_NO_MEMORY;
    if (start.status < 0)
        os->join_thread(os->context);
    return start.status;
}

void ferrule_net_stop(struct ferrule_net *net) {
    const struct ferrule_os *os = net->os;
    if (enter(net) < 0)
        return;
    struct ferrule_signal nobody_left;
    os->signal_init(os->context, &nobody_left);
    net->is_stopping = true;
    net->nobody_left = &nobody_left;
    tell_all(net);
    net->must_poll = true;
    release(net);
    os->join_thread(os->context);
    os->lock(os->context);
    while (net->waiters) {
        os->unlock(os->context);
        os->signal_wait(os->context, &nobody_left, FERRULE_OS_FOR_EVER);
        os->lock(os->context);
    }
    net->nobody_left = NULL;
    net->is_running = false;
    ferrule_stop(&net->device);
    os->signal_end(os->context, &nobody_left);
    os->unlock(os->context);
}

/** What the thread does. `argument`: a struct start, which is gone once it is done. */
static void run(void *argument) {
    struct start *start = argument;
    struct ferrule_net *net = start->net;
    const struct ferrule_os *os = net->os;
    os->lock(os->context);
    start->status = ferrule_start(&net->device, start->setup);
    net->is_running = start->status >= 0;
    /* Who still has a socket of an earlier start, must not find another one by its number. */
    for (uint32_t index = 0; index < net->device.socket_count; index++)
        net->device.sockets[index].uses = (uint16_t)(net->starts * USES_APART & USES_MASK);
    start->is_done = true;
    os->signal_give(os->context, &start->done);
    while (net->is_running && !net->is_stopping)
        turn(net);
    os->unlock(os->context);
}

/** Polls, tells who waits, and sleeps. With the lock, which it gives back for a while. */
static void turn(struct ferrule_net *net) {
    const struct ferrule_os *os = net->os;
    ferrule_poll(&net->device);
    const bool was_down = net->device.down;
    if (net->restarts != ferrule_restarts(&net->device))
        tell_all(net);
    else
        tell(net);
    net->restarts = ferrule_restarts(&net->device);
    const int32_t ms = ferrule_deadline(&net->device);
    /* When the core has trapped just now, sockets have failed that nobody was told of. */
    net->is_asleep = ms != 0 && net->device.down == was_down;
    const bool sleeps = net->is_asleep;
    os->unlock(os->context);
    /* FERRULE_DEADLINE_NEVER is FERRULE_OS_FOR_EVER, as an unsigned number. */
    if (sleeps)
        os->sleep(os->context, (uint32_t)ms);
    os->lock(os->context);
    net->is_asleep = false;
}

/** Gives the signals of those who can go on. */
static void tell(struct ferrule_net *net) {
    for (struct ferrule_net_waiter *waiter = net->waiters; waiter; waiter = waiter->next)
        if (!waiter->is_told && has_what_it_wants(net, waiter))
            give(net, waiter);
}

/** Everybody is to look again. */
static void tell_all(struct ferrule_net *net) {
    for (struct ferrule_net_waiter *waiter = net->waiters; waiter; waiter = waiter->next)
        give(net, waiter);
}

/** All who wait for this socket are. */
static void tell_users(struct ferrule_net *net, int32_t socket) {
    for (struct ferrule_net_waiter *waiter = net->waiters; waiter; waiter = waiter->next)
        for (uint32_t index = 0; index < waiter->count; index++)
            if (waiter->items[index].socket == socket)
                give(net, waiter);
}

static void give(struct ferrule_net *net, struct ferrule_net_waiter *waiter) {
    waiter->is_told = true;
    net->os->signal_give(net->os->context, &waiter->signal);
}

static bool has_what_it_wants(struct ferrule_net *net, const struct ferrule_net_waiter *waiter) {
    for (uint32_t index = 0; index < waiter->count; index++) {
        const struct ferrule_wait_item *item = &waiter->items[index];
        const struct ferrule_socket_entry *entry = ferrule_device_entry(&net->device, item->socket);
        if (!entry || (entry->events & (item->wanted | FERRULE_EVENT_FAILED)) != 0)
            return true;
    }
    /* There is no event for it. Restarting is told by itself. */
    if (!waiter->wants_acknowledgement)
        return false;
    const int32_t bytes = unacknowledged(net, waiter->items[0].socket);
    return bytes <= 0 && bytes != FERRULE_ERROR_RESTARTING;
}

/* The lock */

/** Takes it, unless there is no device: then it returns why. */
static int32_t enter(struct ferrule_net *net) {
    const struct ferrule_os *os = net->os;
    if (!os)
        return FERRULE_ERROR_STOPPED;
    os->lock(os->context);
    if (net->is_running && !net->is_stopping)
        return FERRULE_STATUS_OK;
    os->unlock(os->context);
    return FERRULE_ERROR_STOPPED;
}

/** The same for a call that may wait. */
static int32_t enter_for(struct ferrule_net *net, int32_t timeout_ms, struct limit *limit) {
    if (timeout_ms < 0 && timeout_ms != FERRULE_DEADLINE_NEVER)
        return FERRULE_STATUS_INVALID_ARGUMENT;
    const int32_t status = enter(net);
    if (status < 0)
        return status;
    const struct ferrule_setup *setup = net->device.setup;
    *limit = (struct limit){.begun = setup->now_ms(setup->context), .timeout_ms = timeout_ms};
    return status;
}

/** Gives it back after a call that may have made something due; returns `result`. */
static int32_t leave(struct ferrule_net *net, int32_t result) {
    net->must_poll = true;
    release(net);
    return result;
}

/** After one that has set no timer. */
static int32_t leave_as_it_was(struct ferrule_net *net, int32_t result) {
    release(net);
    return result;
}

/** Gives it back, and wakes the stack's thread if it has something to do. */
static void release(struct ferrule_net *net) {
    const struct ferrule_os *os = net->os;
    const bool wakes =
        net->is_asleep && (net->must_poll || net->device.down || ferrule_device_is_busy(&net->device));
    net->must_poll = false;
    net->is_asleep = net->is_asleep && !wakes;
    os->unlock(os->context);
    if (wakes)
        os->wake(os->context);
}

/* Waiting */

/** With the lock, which it gives back meanwhile: waits until one of the items may have what it wants. OK,
 * TIMED_OUT or STOPPED. */
static int32_t wait_for(struct ferrule_net *net, const struct ferrule_wait_item *items, uint32_t count,
                        const struct limit *limit) {
    struct ferrule_net_waiter waiter = {.items = items, .count = count};
    return wait_as(net, &waiter, limit);
}

static int32_t wait_on(struct ferrule_net *net, int32_t socket, uint32_t wanted, const struct limit *limit) {
    struct ferrule_wait_item item = {.socket = socket, .wanted = wanted};
    return wait_for(net, &item, 1, limit);
}

static int32_t wait_as(struct ferrule_net *net, struct ferrule_net_waiter *waiter,
                       const struct limit *limit) {
    const struct ferrule_os *os = net->os;
    /* The call has just said that it would block: what was told before is old. */
    for (uint32_t index = 0; index < waiter->count; index++) {
        const struct ferrule_wait_item *item = &waiter->items[index];
        struct ferrule_socket_entry *entry = ferrule_device_entry(&net->device, item->socket);
        if (entry)
            ferrule_device_forget_events(&net->device, entry, item->wanted | FERRULE_EVENT_FAILED);
    }
    uint32_t left = time_left(net, limit);
    if (net->is_stopping)
        return FERRULE_ERROR_STOPPED;
    if (left == 0)
        return FERRULE_STATUS_TIMED_OUT;
    waiter->next = net->waiters;
    net->waiters = waiter;
    os->signal_init(os->context, &waiter->signal);
    while (!waiter->is_told && left > 0) {
        release(net);
        os->signal_wait(os->context, &waiter->signal, left);
        os->lock(os->context);
        left = time_left(net, limit);
    }
    leave_list(net, waiter);
    os->signal_end(os->context, &waiter->signal);
    if (net->is_stopping)
        return FERRULE_ERROR_STOPPED;
    return waiter->is_told ? FERRULE_STATUS_OK : FERRULE_STATUS_TIMED_OUT;
}

static void leave_list(struct ferrule_net *net, struct ferrule_net_waiter *waiter) {
    struct ferrule_net_waiter **link = &net->waiters;
    while (*link != waiter)
        link = &(*link)->next;
    *link = waiter->next;
    if (!net->waiters && net->nobody_left)
        net->os->signal_give(net->os->context, net->nobody_left);
}

/** Milliseconds, or FERRULE_OS_FOR_EVER. */
static uint32_t time_left(const struct ferrule_net *net, const struct limit *limit) {
    const struct ferrule_setup *setup = net->device.setup;
    if (limit->timeout_ms == FERRULE_DEADLINE_NEVER)
        return FERRULE_OS_FOR_EVER;
    const uint32_t passed = setup->now_ms(setup->context) - limit->begun;
    return passed < (uint32_t)limit->timeout_ms ? (uint32_t)limit->timeout_ms - passed : 0;
}

/** Whether the call is to be tried again later: also while the core is restarted. */
static bool would_block(int32_t status) {
    return status == FERRULE_STATUS_WOULD_BLOCK || status == FERRULE_ERROR_RESTARTING;
}

/* Addresses */

int32_t ferrule_net_dhcp(struct ferrule_net *net, const char *host_name, bool link_local) {
    int32_t status = enter(net);
    if (status < 0)
        return status;
    status = ferrule_dhcp_start(&net->device, host_name, link_local);
    if (status < 0)
        return leave(net, status);
    net->dhcp = status;
    tell_all(net);
    return leave(net, FERRULE_STATUS_OK);
}

int32_t ferrule_net_wait_address(struct ferrule_net *net, struct ferrule_lease *lease, int32_t timeout_ms) {
    struct limit limit;
    struct ferrule_lease found;
    int32_t status = enter_for(net, timeout_ms, &limit);
    if (status < 0)
        return status;
    while (status >= 0 && !has_address(net, &found)) {
        if (net->dhcp > 0)
            status = wait_on(net, net->dhcp, FERRULE_EVENT_READABLE, &limit);
        else
            status = wait_for(net, NULL, 0, &limit);
    }
    if (status >= 0 && lease)
        *lease = found;
    return leave_as_it_was(net, status);
}

static bool has_address(struct ferrule_net *net, struct ferrule_lease *lease) {
    static const uint8_t none[4];
    struct ferrule *device = &net->device;
    memset(lease, 0, sizeof *lease);
    if (!ferrule_device_entry(device, net->dhcp))
        net->dhcp = 0;
    if (net->dhcp > 0)
        return ferrule_lease(device, lease) >= 0 && (lease->state >= FERRULE_DHCP_STATE_BOUND ||
                                                     memcmp(lease->link_local, none, sizeof none) != 0);
    const uint8_t *fixed = device->has_address ? device->address.address : device->setup->config.address;
    return memcmp(fixed, none, sizeof none) != 0;
}

int32_t ferrule_net_resolve(struct ferrule_net *net, const char *host, uint8_t address[4],
                            int32_t timeout_ms) {
    struct limit limit;
    int32_t status = enter_for(net, timeout_ms, &limit);
    if (status < 0)
        return status;
    if (is_address(host, address))
        return leave_as_it_was(net, FERRULE_STATUS_OK);
    int32_t query;
    while (would_block(query = ferrule_resolve(&net->device, host)) && status >= 0)
        status = wait_for(net, NULL, 0, &limit);
    if (query < 0)
        return leave(net, status < 0 ? status : query);
    net->must_poll = true;
    status = await_answer(net, query, address, &limit);
    ferrule_close(&net->device, query);
    return leave(net, status);
}

static int32_t await_answer(struct ferrule_net *net, int32_t query, uint8_t address[4],
                            const struct limit *limit) {
    uint8_t found[1][16];
    int32_t count, status;
    while (would_block(count = ferrule_addresses(&net->device, query, found, 1)))
        if ((status = wait_on(net, query, FERRULE_EVENT_READABLE, limit)) < 0)
            return status;
    if (count <= 0)
        return count < 0 ? count : FERRULE_STATUS_NOT_FOUND;
    memcpy(address, found[0], 4);
    return FERRULE_STATUS_OK;
}

/** Reads four numbers with dots between them; false when `host` is anything else. */
static bool is_address(const char *host, uint8_t address[4]) {
    uint8_t octets[4];
    for (int index = 0; index < 4; index++) {
        uint32_t value = 0;
        int digits = 0;
        for (; *host >= '0' && *host <= '9' && digits <= DIGITS_MOST; digits++)
            value = value * 10 + (uint32_t)(*host++ - '0');
        if (digits == 0 || value > 255 || digits > DIGITS_MOST || *host != (index < 3 ? '.' : '\0'))
            return false;
        octets[index] = (uint8_t)value;
        host++;
    }
    memcpy(address, octets, sizeof octets);
    return true;
}

/* Connections */

int32_t ferrule_net_connect(struct ferrule_net *net, const char *host, uint16_t port, int32_t timeout_ms) {
    struct limit limit;
    int32_t status = enter_for(net, timeout_ms, &limit);
    if (status < 0)
        return status;
    int32_t socket;
    while (would_block(socket = open_connection(net, host, port)) && status >= 0)
        status = wait_for(net, NULL, 0, &limit);
    if (socket < 0)
        return leave(net, status < 0 ? status : socket);
    net->must_poll = true;
    status = await_connection(net, socket, &limit);
    if (status >= 0)
        return leave(net, socket);
    ferrule_abort(&net->device, socket);
    return leave(net, status);
}

static int32_t open_connection(struct ferrule_net *net, const char *host, uint16_t port) {
    uint8_t address[4];
    if (is_address(host, address))
        return ferrule_connect(&net->device, address, port);
    return ferrule_connect_name(&net->device, host, port);
}

/** OK, or why there will be no connection. */
static int32_t await_connection(struct ferrule_net *net, int32_t socket, const struct limit *limit) {
    const uint32_t wanted = FERRULE_EVENT_CONNECTED | FERRULE_EVENT_FAILED;
    const struct ferrule_socket_entry *entry;
    while ((entry = ferrule_device_entry(&net->device, socket)) && (entry->events & wanted) == 0) {
        const int32_t status = wait_on(net, socket, wanted, limit);
        if (status < 0)
            return status;
    }
    /* Both when it was reset at once: what it received can still be read. */
    if (entry && !entry->lost && (entry->events & FERRULE_EVENT_CONNECTED) != 0)
        return FERRULE_STATUS_OK;
    const int32_t error = ferrule_socket_error(&net->device, socket);
    return error < 0 ? error : FERRULE_STATUS_CONNECTION_RESET;
}

int32_t ferrule_net_listen(struct ferrule_net *net, uint16_t port, uint32_t backlog) {
    const int32_t status = enter(net);
    return status < 0 ? status : leave(net, ferrule_listen(&net->device, port, backlog));
}

int32_t ferrule_net_accept(struct ferrule_net *net, int32_t listener, int32_t timeout_ms) {
    struct limit limit;
    int32_t status = enter_for(net, timeout_ms, &limit);
    if (status < 0)
        return status;
    int32_t socket;
    while (would_block(socket = ferrule_accept(&net->device, listener)))
        if ((status = wait_on(net, listener, FERRULE_EVENT_ACCEPTABLE, &limit)) < 0)
            return leave_as_it_was(net, status);
    return leave(net, socket);
}

int32_t ferrule_net_read(struct ferrule_net *net, int32_t socket, void *data, uint32_t size,
                         int32_t timeout_ms) {
    struct limit limit;
    int32_t status = enter_for(net, timeout_ms, &limit);
    if (status < 0)
        return status;
    int32_t length;
    while (would_block(length = ferrule_read(&net->device, socket, data, size)))
        if ((status = wait_on(net, socket, FERRULE_EVENT_READABLE, &limit)) < 0)
            return leave_as_it_was(net, status);
    return leave_as_it_was(net, length);
}

int32_t ferrule_net_write(struct ferrule_net *net, int32_t socket, const void *data, uint32_t size,
                          int32_t timeout_ms) {
    struct limit limit;
    int32_t status = enter_for(net, timeout_ms, &limit);
    if (status < 0)
        return status;
    if (size > INT32_MAX)
        return leave_as_it_was(net, FERRULE_STATUS_INVALID_ARGUMENT);
    uint32_t given = 0;
    do {
        const int32_t length =
            ferrule_write(&net->device, socket, (const uint8_t *)data + given, size - given);
        given += length > 0 ? (uint32_t)length : 0;
        status = length > 0 ? FERRULE_STATUS_OK : length;
        if (would_block(status))
            status = wait_on(net, socket, FERRULE_EVENT_WRITABLE, &limit);
    } while (status >= 0 && given < size);
    return leave(net, given > 0 ? (int32_t)given : status);
}

/** Length of what can be read next, or why there is nothing; a datagram's whole. */
static int32_t next_length(struct ferrule_net *net, int32_t socket, const void **data) {
    struct ferrule *device = &net->device;
    const struct ferrule_socket_entry *entry = ferrule_device_entry(device, socket);
    if (entry && entry->kind == FERRULE_SOCKET_KIND_DATAGRAM && !entry->lost)
        return ferrule_device_call(device, FERRULE_EXPORT_receiveFrom, (uint32_t)entry->handle,
                                   device->exchange, 0, 0);
    return ferrule_peek(device, socket, data);
}

int32_t ferrule_net_available(struct ferrule_net *net, int32_t socket) {
    struct ferrule_tcp_info info;
    const void *data;
    int32_t status = enter(net);
    if (status < 0)
        return status;
    status = next_length(net, socket, &data);
    /* The run may end with the ring, and more be at its beginning. */
    if (status > 0 && ferrule_tcp_info(&net->device, socket, &info) >= 0)
        status = (int32_t)info.receive_queued;
    return leave_as_it_was(net, status == FERRULE_STATUS_WOULD_BLOCK ? 0 : status);
}

int32_t ferrule_net_peek(struct ferrule_net *net, int32_t socket) {
    const void *data;
    int32_t status = enter(net);
    if (status < 0)
        return status;
    status = ferrule_peek(&net->device, socket, &data);
    if (status > 0)
        status = *(const uint8_t *)data;
    else if (status == 0)
        status = FERRULE_STATUS_NOT_CONNECTED;
    return leave_as_it_was(net, status);
}

int32_t ferrule_net_room(struct ferrule_net *net, int32_t socket) {
    struct ferrule_tcp_info info;
    void *room;
    int32_t status = enter(net);
    if (status < 0)
        return status;
    status = ferrule_reserve(&net->device, socket, &room);
    if (status > 0 && ferrule_tcp_info(&net->device, socket, &info) >= 0)
        status = (int32_t)(net->device.setup->config.send_ring_bytes - info.send_queued);
    return leave_as_it_was(net, status == FERRULE_STATUS_WOULD_BLOCK ? 0 : status);
}

int32_t ferrule_net_flush(struct ferrule_net *net, int32_t socket, int32_t timeout_ms) {
    struct limit limit;
    int32_t status = enter_for(net, timeout_ms, &limit);
    if (status < 0)
        return status;
    const struct ferrule_wait_item item = {.socket = socket};
    int32_t bytes;
    while ((bytes = unacknowledged(net, socket)) > 0 || bytes == FERRULE_ERROR_RESTARTING) {
        struct ferrule_net_waiter waiter = {.items = &item, .count = 1, .wants_acknowledgement = true};
        if ((status = wait_as(net, &waiter, &limit)) < 0)
            return leave_as_it_was(net, status);
    }
    return leave_as_it_was(net, bytes);
}

/** Bytes that the peer has not acknowledged, or what ended the connection before it had. */
static int32_t unacknowledged(struct ferrule_net *net, int32_t socket) {
    struct ferrule_tcp_info info;
    void *room;
    const int32_t can_send = ferrule_reserve(&net->device, socket, &room);
    /* NOT_CONNECTED: it has ended well. */
    if (can_send < 0 && can_send != FERRULE_STATUS_WOULD_BLOCK && can_send != FERRULE_STATUS_SHUT_DOWN &&
        can_send != FERRULE_STATUS_NOT_CONNECTED)
        return can_send;
    const int32_t status = ferrule_tcp_info(&net->device, socket, &info);
    return status < 0 || can_send == FERRULE_STATUS_NOT_CONNECTED ? status : (int32_t)info.send_queued;
}

int32_t ferrule_net_is_open(struct ferrule_net *net, int32_t socket) {
    const void *data;
    if (enter(net) < 0)
        return 0;
    const int32_t status = ferrule_peek(&net->device, socket, &data);
    return leave_as_it_was(net, status > 0 || status == FERRULE_STATUS_WOULD_BLOCK);
}

int32_t ferrule_net_shutdown(struct ferrule_net *net, int32_t socket) {
    return end(net, socket, ferrule_shutdown);
}

int32_t ferrule_net_close(struct ferrule_net *net, int32_t socket) {
    return end(net, socket, ferrule_close);
}

int32_t ferrule_net_abort(struct ferrule_net *net, int32_t socket) {
    return end(net, socket, ferrule_abort);
}

/** Who waits for the socket is to hear at once what became of it. */
static int32_t end(struct ferrule_net *net, int32_t socket,
                   int32_t (*how)(struct ferrule *device, int32_t socket)) {
    int32_t status = enter(net);
    if (status < 0)
        return status;
    status = how(&net->device, socket);
    tell_users(net, socket);
    return leave(net, status);
}

int32_t ferrule_net_endpoints(struct ferrule_net *net, int32_t socket, struct ferrule_endpoint *local,
                              struct ferrule_endpoint *peer) {
    const int32_t status = enter(net);
    return status < 0 ? status : leave_as_it_was(net, ferrule_endpoints(&net->device, socket, local, peer));
}

int32_t ferrule_net_set_option(struct ferrule_net *net, int32_t socket, enum ferrule_option option,
                               uint32_t value) {
    const int32_t status = enter(net);
    return status < 0 ? status : leave(net, ferrule_set_option(&net->device, socket, option, value));
}

/* Datagrams */

int32_t ferrule_net_udp_open(struct ferrule_net *net, uint16_t port) {
    const int32_t status = enter(net);
    return status < 0 ? status : leave(net, ferrule_udp_open(&net->device, port));
}

int32_t ferrule_net_udp_connect(struct ferrule_net *net, int32_t socket, const uint8_t address[4],
                                uint16_t port) {
    const int32_t status = enter(net);
    return status < 0 ? status : leave(net, ferrule_udp_connect(&net->device, socket, address, port));
}

int32_t ferrule_net_udp_group(struct ferrule_net *net, int32_t socket, const uint8_t group[4], bool joined) {
    const int32_t status = enter(net);
    return status < 0 ? status : leave(net, ferrule_udp_group(&net->device, socket, group, joined));
}

int32_t ferrule_net_send_to(struct ferrule_net *net, int32_t socket, const uint8_t address[4], uint16_t port,
                            const void *data, uint32_t size, int32_t timeout_ms) {
    struct limit limit;
    int32_t status = enter_for(net, timeout_ms, &limit);
    if (status < 0)
        return status;
    int32_t sent;
    while (would_block(sent = ferrule_send_to(&net->device, socket, address, port, data, size)))
        if ((status = wait_on(net, socket, FERRULE_EVENT_WRITABLE, &limit)) < 0)
            return leave_as_it_was(net, status);
    return leave(net, sent);
}

int32_t ferrule_net_receive_from(struct ferrule_net *net, int32_t socket, void *data, uint32_t size,
                                 struct ferrule_endpoint *source, int32_t timeout_ms) {
    struct limit limit;
    int32_t status = enter_for(net, timeout_ms, &limit);
    if (status < 0)
        return status;
    int32_t length;
    while (would_block(length = ferrule_receive_from(&net->device, socket, data, size, source)))
        if ((status = wait_on(net, socket, FERRULE_EVENT_READABLE, &limit)) < 0)
            return leave_as_it_was(net, status);
    return leave_as_it_was(net, length);
}

/* Several sockets, and all the rest */

int32_t ferrule_net_wait(struct ferrule_net *net, struct ferrule_wait_item *items, uint32_t count,
                         int32_t timeout_ms) {
    struct limit limit;
    int32_t status = enter_for(net, timeout_ms, &limit);
    if (status < 0)
        return status;
    for (;;) {
        int32_t ready = 0;
        for (uint32_t index = 0; index < count; index++) {
            items[index].happened = what_happened(net, &items[index]);
            ready += items[index].happened != 0;
        }
        status = ready > 0 ? ready : wait_for(net, items, count, &limit);
        if (status != FERRULE_STATUS_OK)
            return leave_as_it_was(net, status);
    }
}

/** What an item wants and has now. */
static uint32_t what_happened(struct ferrule_net *net, const struct ferrule_wait_item *item) {
    struct ferrule_socket_entry *entry = ferrule_device_entry(&net->device, item->socket);
    /* Nothing will ever happen to a socket that is not there: its owner should hear. */
    if (!entry)
        return FERRULE_EVENT_FAILED;
    uint32_t happened = entry->events & (item->wanted | FERRULE_EVENT_FAILED) &
                        ~(uint32_t)(FERRULE_EVENT_READABLE | FERRULE_EVENT_WRITABLE);
    void *data;
    const void *received;
    if ((item->wanted & FERRULE_EVENT_READABLE) != 0 &&
        !would_block(next_length(net, item->socket, &received)))
        happened |= FERRULE_EVENT_READABLE;
    const int32_t room = (item->wanted & FERRULE_EVENT_WRITABLE) != 0
                             ? ferrule_reserve(&net->device, item->socket, &data)
                             : FERRULE_STATUS_WOULD_BLOCK;
    /* 0: for an empty datagram. */
    if (room != 0 && !would_block(room))
        happened |= FERRULE_EVENT_WRITABLE;
    /* Told once: of a datagram socket it is news, of a connection its calls say it from now on. */
    if (entry->kind == FERRULE_SOCKET_KIND_DATAGRAM && !entry->lost)
        ferrule_device_forget_events(&net->device, entry, FERRULE_EVENT_FAILED);
    return happened;
}

int32_t ferrule_net_call(struct ferrule_net *net, int32_t (*work)(struct ferrule *device, void *context),
                         void *context) {
    const int32_t status = enter(net);
    if (status < 0)
        return status;
    const int32_t result = work(&net->device, context);
    /* It may have done what others wait for: closed a socket, set the address. */
    tell_all(net);
    return leave(net, result);
}
