/*
 * Ferrule for several threads, with calls that block: a device (ferrule.h) that one thread runs and all
 * others share. Thin: each call takes the lock, tries the call of ferrule.h, and when that would block,
 * sleeps until the stack's thread has seen the event. Nothing is allocated; who waits, waits on its own
 * stack.
 *
 *     static struct ferrule_net net;
 *
 *     if (ferrule_net_start(&net, &setup, &os) < 0) ...
 *     ferrule_net_dhcp(&net, "sensor", false);
 *     ferrule_net_wait_address(&net, NULL, 10000);
 *     int32_t socket = ferrule_net_connect(&net, "example.com", 80, 5000);
 *     ferrule_net_write(&net, socket, request, sizeof request - 1, 5000);
 *     while ((length = ferrule_net_read(&net, socket, data, sizeof data, 5000)) > 0) ...
 *     ferrule_net_close(&net, socket);
 *
 * All functions but `start` and `stop` may be called by any thread at any time, not by interrupts; the same
 * socket may be used by several at once, one that reads and one that writes say. Calls run the core on the
 * stack of the thread that makes them: docs/firmware.md tells what they take of it.
 *
 * Time-outs, `timeout_ms`: milliseconds, 0: does not wait; FERRULE_DEADLINE_NEVER: no limit; other times
 * below 0 are INVALID_ARGUMENT. When the time is over a call returns TIMED_OUT. So does one on a connection
 * that was given up because its peer no longer answers, and that at once: do not try again before
 * `ferrule_net_is_open` was asked. Other return values are those of ferrule.h, without WOULD_BLOCK; and
 * STOPPED before `ferrule_net_start` and after `ferrule_net_stop`.
 *
 * After a trap of the core connections and datagram sockets say CONNECTION_RESET, as in ferrule.h: close
 * them. Calls that wait for something else wait until the core is there again.
 */
#ifndef FERRULE_NET_H
#define FERRULE_NET_H

#include "ferrule.h"
#include "ferrule_os.h"

#ifdef __cplusplus
extern "C" {
#endif

/** A device that threads share. The fields are the runtime's own; all zero before the first
 * `ferrule_net_start`. */
struct ferrule_net {
    struct ferrule device;
    const struct ferrule_os *os;
    /** Threads that wait: a list, whose members lie on their stacks. */
    struct ferrule_net_waiter *waiters;
    /** What `ferrule_net_stop` waits for: that the last of them has gone. NULL: it does not. */
    struct ferrule_signal *nobody_left;
    /** The stack's thread sleeps, and was not woken yet. */
    bool is_asleep;
    /** Something was done since that it is to look at. */
    bool must_poll;
    bool is_running, is_stopping;
    /** How often it was started. */
    uint16_t starts;
    /** What `ferrule_restarts` said last. */
    uint32_t restarts;
    /** The DHCP client's socket, or 0. */
    int32_t dhcp;
};

/**
 * Boots the device in a thread of its own, which runs it from now on. `setup` and `os`, and what they point
 * to, must stay. The setup's `now_ms` is called by all threads, the others of its functions and the network
 * device's by one at a time, and none of them may call functions of this file; its `sleep` is not used. It
 * may be started again after `ferrule_net_stop`: sockets of before are then BAD_HANDLE. Returns what
 * `ferrule_start` returns; NO_MEMORY when there is no thread to be had.
 */
int32_t ferrule_net_start(struct ferrule_net *net, const struct ferrule_setup *setup,
                          const struct ferrule_os *os);

/**
 * Ends the device, without a word to any peer. Calls that wait return STOPPED, and it returns when all of
 * them have. Not for the stack's own thread. Later calls say STOPPED, as long as `net` and `os` are there.
 */
void ferrule_net_stop(struct ferrule_net *net);

/* Addresses */

/** Starts the DHCP client: `host_name` and `link_local` as in ferrule_dhcp_start. Returns OK, or NO_SOCKET
 * when it runs already. */
int32_t ferrule_net_dhcp(struct ferrule_net *net, const char *host_name, bool link_local);

/** Waits until the device has an IPv4 address: a fixed one, or one of DHCP's, whose lease is then in `*lease`
 * (zeros for a fixed one) unless that is NULL. */
int32_t ferrule_net_wait_address(struct ferrule_net *net, struct ferrule_lease *lease, int32_t timeout_ms);

/** Finds the first IPv4 address of a host: its name, or an address as in "10.0.0.2". Returns OK, NOT_FOUND,
 * or another reason why there is none. */
int32_t ferrule_net_resolve(struct ferrule_net *net, const char *host, uint8_t address[4],
                            int32_t timeout_ms);

/* Connections */

/** Connects to `port` of a host: a name, or an address as in "10.0.0.2". Returns a socket that is connected,
 * or why there is none. */
int32_t ferrule_net_connect(struct ferrule_net *net, const char *host, uint16_t port, int32_t timeout_ms);

/** As `ferrule_listen`. */
int32_t ferrule_net_listen(struct ferrule_net *net, uint16_t port, uint32_t backlog);

/** The next connection of a listener: a socket. NO_SOCKET when all are in use. */
int32_t ferrule_net_accept(struct ferrule_net *net, int32_t listener, int32_t timeout_ms);

/** Reads at most `size` bytes, 1 or more; waits until there is at least one. Returns how many, 0 after the
 * peer's end, or what ended the connection. */
int32_t ferrule_net_read(struct ferrule_net *net, int32_t socket, void *data, uint32_t size,
                         int32_t timeout_ms);

/** Writes `size` bytes, 1 to 2^31 - 1: all of them. Returns how many were taken, fewer when the time was over
 * or the connection ended; TIMED_OUT or the reason when that was before the first. */
int32_t ferrule_net_write(struct ferrule_net *net, int32_t socket, const void *data, uint32_t size,
                          int32_t timeout_ms);

/** Bytes that can be read without waiting; 0 when there are none, now or after the peer's end; or what ended
 * the connection. */
int32_t ferrule_net_available(struct ferrule_net *net, int32_t socket);

/** The next byte, 0 to 255, which stays; WOULD_BLOCK when there is none yet, NOT_CONNECTED after the peer's
 * end, or what ended the connection. */
int32_t ferrule_net_peek(struct ferrule_net *net, int32_t socket);

/** Bytes that can be written without waiting; 0 when there is no room; or why none ever can. */
int32_t ferrule_net_room(struct ferrule_net *net, int32_t socket);

/** Waits until the peer has acknowledged all that was written. Returns OK, or what ended the connection. */
int32_t ferrule_net_flush(struct ferrule_net *net, int32_t socket, int32_t timeout_ms);

/** 1 while data can still come, or is there to be read; 0 when the peer has ended, the connection has, or the
 * socket was given back. */
int32_t ferrule_net_is_open(struct ferrule_net *net, int32_t socket);

/** Ends the sending direction after what was written. A thread that waits to write gets SHUT_DOWN. */
int32_t ferrule_net_shutdown(struct ferrule_net *net, int32_t socket);

/** Gives the socket back; what was written is still delivered. Threads that wait for it get BAD_HANDLE. */
int32_t ferrule_net_close(struct ferrule_net *net, int32_t socket);

/** Gives the socket back and resets the connection. Threads that wait for it get BAD_HANDLE. */
int32_t ferrule_net_abort(struct ferrule_net *net, int32_t socket);

/** Both ends of a connection; either may be NULL. */
int32_t ferrule_net_endpoints(struct ferrule_net *net, int32_t socket, struct ferrule_endpoint *local,
                              struct ferrule_endpoint *peer);

/** Sets an option that is a number: see `ferrule_option`. */
int32_t ferrule_net_set_option(struct ferrule_net *net, int32_t socket, enum ferrule_option option,
                               uint32_t value);

/* Datagrams: as the calls of ferrule.h with these names. `ferrule_net_close` gives a socket back. */

int32_t ferrule_net_udp_open(struct ferrule_net *net, uint16_t port);
int32_t ferrule_net_udp_connect(struct ferrule_net *net, int32_t socket, const uint8_t address[4],
                                uint16_t port);
int32_t ferrule_net_udp_group(struct ferrule_net *net, int32_t socket, const uint8_t group[4], bool joined);

/** Sends a datagram, and waits while the socket's queue is full. */
int32_t ferrule_net_send_to(struct ferrule_net *net, int32_t socket, const uint8_t address[4], uint16_t port,
                            const void *data, uint32_t size, int32_t timeout_ms);

/** Waits for a datagram and takes it: returns its whole length, of which `size` bytes at most are in `data`.
 */
int32_t ferrule_net_receive_from(struct ferrule_net *net, int32_t socket, void *data, uint32_t size,
                                 struct ferrule_endpoint *source, int32_t timeout_ms);

/* Several sockets, and all the rest */

/**
 * Waits until one of `count` sockets has what its item wants: READABLE, data or the peer's end; WRITABLE,
 * room; ACCEPTABLE, maybe a connection; FAILED always counts, also for a socket that is not there. Other than
 * in `ferrule_wait` these are states: what was not read is told again. Another thread may be quicker, so that
 * the call itself should not wait. Returns how many items have something, in their `happened`; or TIMED_OUT.
 */
int32_t ferrule_net_wait(struct ferrule_net *net, struct ferrule_wait_item *items, uint32_t count,
                         int32_t timeout_ms);

/**
 * Calls `work` with the device, while nobody else uses it, and returns what that returns: for whatever else
 * ferrule.h has. It must not wait, nor call functions of this file, `ferrule_poll`, `ferrule_wait`,
 * `ferrule_next_event`, `ferrule_dhcp_start` or `ferrule_stop`.
 */
int32_t ferrule_net_call(struct ferrule_net *net, int32_t (*work)(struct ferrule *device, void *context),
                         void *context);

#ifdef __cplusplus
}
#endif

#endif
