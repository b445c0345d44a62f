/*
 * Ferrule: TCP/IP for firmware, in C.
 *
 * One `struct ferrule` is one device: the core, a Wasm module that makes every protocol decision, on the
 * engine that was linked (boards/runtime/engine_*.c), and the network device that carries its frames. The
 * program calls `ferrule_poll` in a loop, or `ferrule_wait`, and uses sockets in between. Nothing blocks but
 * `ferrule_wait`, and nothing is allocated after `ferrule_start`. Not for several threads at once, and not
 * for interrupts: one task owns a device.
 *
 * Every function that can fail returns a negative number: a `ferrule_status` of the core, or a
 * `ferrule_error` of the runtime; `ferrule_error_name` and `ferrule_error_text` say them in words.
 *
 *     static uint8_t memory[64 * 1024];
 *     static struct ferrule device;
 *
 *     struct ferrule_setup setup = {.memory = memory, .memory_bytes = sizeof memory, .netdev = &eth, ...};
 *     ferrule_config_defaults(&setup.config);
 *     if (ferrule_start(&device, &setup) < 0) ...
 *     int32_t listener = ferrule_listen(&device, 7, 4);
 *     for (;;) {
 *         ferrule_poll(&device);
 *         while ((socket = ferrule_next_event(&device, &events)) > 0) ...
 *         sleep for `ferrule_deadline(&device)` milliseconds, or until a frame comes
 *     }
 */
#ifndef FERRULE_H
#define FERRULE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ferrule_abi.h"
#include "netdev.h"

#ifdef __cplusplus
extern "C" {
#endif

/** What can go wrong besides a `ferrule_status`. */
enum ferrule_error {
    /** The core has trapped and is restarted soon; the call did nothing. Poll on. */
    FERRULE_ERROR_RESTARTING = -64,
    /** The memory in the setup is too small; `ferrule_memory_needed` tells how much it must be. */
    FERRULE_ERROR_MEMORY = -65,
    /** The module cannot be loaded by this engine, or speaks another version of the ABI. */
    FERRULE_ERROR_MODULE = -66,
    /** The core pointed outside of its memory, or said something that cannot be: treated like a trap. */
    FERRULE_ERROR_CORE = -67,
    /** ferrule_net.h: the device was stopped, or has not started. */
    FERRULE_ERROR_STOPPED = -68,
};

/** The name of a status or error, "WOULD_BLOCK"; "UNKNOWN" for any other number. */
const char *ferrule_error_name(int32_t status);

/** A status or error in a sentence. */
const char *ferrule_error_text(int32_t status);

/** Who adds up the checksums of segments. */
enum ferrule_checksums {
    /** The core. */
    FERRULE_CHECKSUMS_CORE = 0,
    /** This runtime, in native code: on wasm3 that takes a tenth of the instructions. */
    FERRULE_CHECKSUMS_NATIVE = 1,
};

/** What a device is made of. */
struct ferrule_setup {
    /** Addresses, numbers and sizes. `version`, `bytes`, `seed`, and of `flags` what `checksums` says, are
     * filled in by the runtime. */
    struct ferrule_config config;
    enum ferrule_checksums checksums;
    /** Memory for all of it, aligned to 16. It stays the device's. */
    void *memory;
    size_t memory_bytes;
    /** The module, which must stay; NULL with an engine that has it compiled in. */
    const uint8_t *module;
    uint32_t module_bytes;
    const struct ferrule_netdev *netdev;
    /** Milliseconds since any moment; may wrap, never goes back. */
    uint32_t (*now_ms)(void *context);
    /** Fills in 32 octets that nobody can guess; called at start and at each restart. */
    void (*random)(void *context, uint8_t octets[32]);
    /**
     * Sleeps for `ms` milliseconds at most, less when a frame arrives; for `ferrule_wait`. NULL: it spins.
     */
    void (*sleep)(void *context, uint32_t ms);
    /** Hears that the core has trapped, and how, before it is restarted; may be NULL. A good place for a log.
     */
    void (*trapped)(void *context, const char *trap);
    /** Given to the functions above. */
    void *context;
};

/** Most multicast groups that a device is in. */
#define FERRULE_GROUPS 4u

/** A device. The fields are the runtime's own. */
struct ferrule {
    const struct ferrule_setup *setup;
    struct ferrule_engine *engine;
    struct ferrule_socket_entry *sockets;
    uint32_t socket_count;
    /** Where the next look for events begins. */
    uint32_t next_told;
    uint32_t sockets_with_events;
    /** Linear memory, which never moves. */
    uint8_t *linear;
    uint32_t linear_bytes;
    /** Bytes of linear memory that the configuration needs. */
    uint32_t memory_bytes;
    /** Where the head of the core's state is, and what it says. */
    uint32_t base, input_slot, output_slot, slot_bytes, exchange, counters, hints;
    /** The core has trapped, and is booted again at `restart_at`. */
    bool is_booted, down, engine_is_broken;
    /** What the network device said of its link last. */
    bool link_is_down;
    /** Why it is down: a ferrule_error. */
    int32_t problem;
    /** How the last poll ended. */
    int32_t giving;
    uint32_t restarts, discarded, restart_at, backoff_ms, up_since;
    /** What was set last, for a restart. */
    bool has_address;
    struct ferrule_interface_address address;
    /** The DHCP client, as `ferrule_dhcp_start` was told; `reopen` starts it anew after a restart. */
    int32_t dhcp;
    const char *host_name;
    bool link_local;
    int32_t (*reopen)(struct ferrule *device);
    /** Multicast groups that datagram sockets are in; `regroup` tells the network device when one leaves. */
    uint8_t groups[FERRULE_GROUPS][4];
    void (*regroup)(struct ferrule *device);
};

/**
 * Bytes of memory that a device with this setup takes: boots one in `memory`, which must be large enough and
 * is free again afterwards. Returns what `ferrule_start` returns when it fails.
 */
int32_t ferrule_memory_needed(const struct ferrule_setup *setup);

/**
 * Boots the device. `setup` and what it points to must stay. Returns OK, INVALID_ARGUMENT (memory that is not
 * aligned, or a second device with linear memory at a fixed place), MEMORY, MODULE, CORE, or what `init` says
 * of the configuration. Of a device that did not start, every call says RESTARTING, or what it says when
 * there is nothing.
 */
int32_t ferrule_start(struct ferrule *device, const struct ferrule_setup *setup);

/** Ends the device, without a word to any peer: its memory is the program's again. */
void ferrule_stop(struct ferrule *device);

/**
 * Takes in the frames that have arrived, 32 at most, sends what is due, and runs timers. Returns OK, or
 * RESTARTING while the core is down.
 */
int32_t ferrule_poll(struct ferrule *device);

/**
 * Milliseconds until `ferrule_poll` must be called, if no frame arrives and no other call is made before: 0
 * when there is something to do now, FERRULE_DEADLINE_NEVER when nothing is due. Ask after the last call,
 * before going to sleep.
 */
int32_t ferrule_deadline(struct ferrule *device);

/* Sockets. A socket is a number above 0; it stays the program's until `ferrule_close` or `ferrule_abort`. */

/** Starts to accept connections on `port`, 1 to 65535; `backlog` of them may wait. Returns a listener. */
int32_t ferrule_listen(struct ferrule *device, uint16_t port, uint32_t backlog);

/** The next connection of a listener, WOULD_BLOCK (event ACCEPTABLE follows) or NO_SOCKET. */
int32_t ferrule_accept(struct ferrule *device, int32_t listener);

/** Starts to open a connection to `port` of the IPv4 address `address`. Returns a socket; CONNECTED or FAILED
 * follows. */
int32_t ferrule_connect(struct ferrule *device, const uint8_t address[4], uint16_t port);

/**
 * Reads at most `size` bytes, 1 or more. Returns how many, 0 after the peer's end, WOULD_BLOCK (event
 * READABLE follows), or what ended the connection.
 */
int32_t ferrule_read(struct ferrule *device, int32_t socket, void *data, uint32_t size);

/**
 * Writes at most `size` bytes, 1 or more. Returns how many were taken, WOULD_BLOCK when none (event WRITABLE
 * follows), or what ended the connection.
 */
int32_t ferrule_write(struct ferrule *device, int32_t socket, const void *data, uint32_t size);

/**
 * Finds what can be read without a copy: puts its address into `*data` and returns its length, or as
 * `ferrule_read`. It stays there until the next call for this socket or of `ferrule_poll`.
 */
int32_t ferrule_peek(struct ferrule *device, int32_t socket, const void **data);

/** Frees the first `size` bytes of what `ferrule_peek` found. */
int32_t ferrule_consume(struct ferrule *device, int32_t socket, uint32_t size);

/** Finds room to write without a copy: puts its address into `*room` and returns its length, or as
 * `ferrule_write`. */
int32_t ferrule_reserve(struct ferrule *device, int32_t socket, void **room);

/** Sends the first `size` bytes of the room that `ferrule_reserve` found. */
int32_t ferrule_commit(struct ferrule *device, int32_t socket, uint32_t size);

/** Ends the sending direction after what was written; reading goes on. */
int32_t ferrule_shutdown(struct ferrule *device, int32_t socket);

/** Gives the socket back; what was written is still delivered. */
int32_t ferrule_close(struct ferrule *device, int32_t socket);

/** Gives the socket back and resets the connection. */
int32_t ferrule_abort(struct ferrule *device, int32_t socket);

/** Sets or reads an option that is a number: see `ferrule_option`. */
int32_t ferrule_set_option(struct ferrule *device, int32_t socket, enum ferrule_option option,
                           uint32_t value);
int32_t ferrule_get_option(struct ferrule *device, int32_t socket, enum ferrule_option option,
                           uint32_t *value);

/** Why a socket FAILED: a status, OK when it did not. */
int32_t ferrule_socket_error(struct ferrule *device, int32_t socket);

/** Both ends of a connection; either may be NULL. */
int32_t ferrule_endpoints(struct ferrule *device, int32_t socket, struct ferrule_endpoint *local,
                          struct ferrule_endpoint *peer);

/** What the stack knows of a connection. */
int32_t ferrule_tcp_info(struct ferrule *device, int32_t socket, struct ferrule_tcp_info *info);

/*
 * Datagrams, names and DHCP: services.c. The core has them in its `standard` build; in another these calls
 * return NOT_SUPPORTED. They take records of the core: see `datagram_sockets`, `datagram_queue_bytes`,
 * `queries`, `cache_entries` of ferrule_config. After a restart datagram sockets and queries have FAILED, as
 * connections have; the DHCP client starts anew by itself.
 */

/** Opens a UDP socket on `port`; 0: one that the core chooses. Returns a socket; READABLE and WRITABLE
 * follow. */
int32_t ferrule_udp_open(struct ferrule *device, uint16_t port);

/** From now on datagrams go to `port` of the IPv4 address `address`, and come from there only; `address`
 * NULL: to and from anybody again. */
int32_t ferrule_udp_connect(struct ferrule *device, int32_t socket, const uint8_t address[4], uint16_t port);

/**
 * Sends a datagram of `size` bytes, 0 or more; `address` NULL: to the peer of a connected socket. It waits in
 * the socket's queue until there is room on the network. Returns OK, WOULD_BLOCK (event WRITABLE follows),
 * TOO_LONG, UNREACHABLE, NOT_CONNECTED, or INVALID_ARGUMENT for an address that cannot be: a broadcast
 * address needs option BROADCAST.
 */
int32_t ferrule_send_to(struct ferrule *device, int32_t socket, const uint8_t address[4], uint16_t port,
                        const void *data, uint32_t size);

/**
 * Takes the next datagram: `size` bytes of it at most go to `data`, the rest is gone. Returns its whole
 * length, which may be 0 or more than `size`; its source is in `*source` unless that is NULL. WOULD_BLOCK
 * when there is none (event READABLE follows).
 */
int32_t ferrule_receive_from(struct ferrule *device, int32_t socket, void *data, uint32_t size,
                             struct ferrule_endpoint *source);

/** Joins a multicast group, or leaves it. */
int32_t ferrule_udp_group(struct ferrule *device, int32_t socket, const uint8_t group[4], bool joined);

/** Most addresses of a name. */
#define FERRULE_ADDRESSES_MOST 4u

/**
 * Asks the DNS servers for the addresses of `name`, 253 bytes at most. Returns a query, which is a socket:
 * READABLE follows, or FAILED with NOT_FOUND or TIMED_OUT. Give it back with `ferrule_close`.
 */
int32_t ferrule_resolve(struct ferrule *device, const char *name);

/** The addresses that a query found, 16 bytes each of which IPv4 has the first four, `most` of them at most.
 * Returns how many, WOULD_BLOCK before they are there, or why there are none. */
int32_t ferrule_addresses(struct ferrule *device, int32_t query, uint8_t (*addresses)[16], uint32_t most);

/** Starts to open a connection to `port` of the host `name`, whatever address of it answers. Returns a
 * socket; CONNECTED or FAILED follows. */
int32_t ferrule_connect_name(struct ferrule *device, const char *name, uint16_t port);

/**
 * Starts the DHCP client: it gives the device its address, router and DNS servers from now on. `host_name`,
 * which must stay: what servers are told, NULL for nothing. `link_local`: take an address of RFC 3927 while
 * no server answers. Returns a socket: READABLE when the lease is another, FAILED when it is lost.
 * `ferrule_close` gives the lease back.
 */
int32_t ferrule_dhcp_start(struct ferrule *device, const char *host_name, bool link_local);

/** What the DHCP client has; all zero before it has something. */
int32_t ferrule_lease(struct ferrule *device, struct ferrule_lease *lease);

/* Events: each is told once; after READABLE, read until WOULD_BLOCK. */

/** The next socket with events, its `ferrule_event` bits in `*events`; 0 when there is none. */
int32_t ferrule_next_event(struct ferrule *device, uint32_t *events);

/** One of the sockets that `ferrule_wait` waits for. */
struct ferrule_wait_item {
    int32_t socket;
    /** `ferrule_event` bits to wait for; FAILED always counts. */
    uint32_t wanted;
    /** Those of them that happened. They are not told again. */
    uint32_t happened;
};

/**
 * Polls until one of `count` sockets has an event that is wanted, or `timeout_ms` have passed
 * (FERRULE_DEADLINE_NEVER: no limit). Returns how many sockets have one, 0 after the time, or
 * INVALID_ARGUMENT for any other time below 0.
 */
int32_t ferrule_wait(struct ferrule *device, struct ferrule_wait_item *items, uint32_t count,
                     int32_t timeout_ms);

/* The device. */

/** A counter; 0 while the core is down. They begin at 0 again after a restart. */
uint32_t ferrule_counter(struct ferrule *device, enum ferrule_counter counter);

/** Tells that the link went up or down: connections survive, neighbours are asked for anew. For a network
 * device that does not tell by itself: `link` in netdev.h. */
int32_t ferrule_link_changed(struct ferrule *device, bool up);

/**
 * Gives the device another IPv4 address, as DHCP says: `prefix_bits` of it are the network's, 0 to 32;
 * `router` is the way to others, all zero for none. An address of zeros is none. When the address is another
 * than before, connections end without a word (FAILED, error ABORTED); listeners stay. It outlives a restart.
 * Returns OK, INVALID_ARGUMENT or RESTARTING.
 */
int32_t ferrule_set_address(struct ferrule *device, const uint8_t address[4], uint16_t prefix_bits,
                            const uint8_t router[4]);

/** How often the core has trapped and was restarted since `ferrule_start`. */
uint32_t ferrule_restarts(const struct ferrule *device);

/** Frames that arrived while the core was down, and that nobody looked at. */
uint32_t ferrule_discarded(const struct ferrule *device);

/** Name and release of the engine that is linked, "wasm3 0.5.0". */
const char *ferrule_engine_name(void);

#ifdef __cplusplus
}
#endif

#endif
