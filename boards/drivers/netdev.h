/*
 * A network device: what carries Ethernet frames between a device (ferrule.h) and a wire. A driver fills in
 * the record.
 *
 * All functions belong to the task that polls the device, return in bounded time, and allocate nothing.
 * Frames are without their frame check sequence. A frame goes from the chip straight into the core's frame
 * slot, and from there straight to the chip.
 *
 * A driver survives its chip. Whatever the chip does, absent, reset, stuck, its answers nonsense, the driver
 * goes on trying, and says so by `link` and in its statistics: connections outlive it.
 */
#ifndef NETDEV_H
#define NETDEV_H

#include <stdbool.h>
#include <stdint.h>

/** Octets before a received frame that a driver may write: a chip's own header, read together with the frame.
 */
#define FERRULE_NETDEV_HEADROOM 14u

/** Octets behind `room` that a driver may write: the frame rounded up to whole words, as DMA wants it. */
#define FERRULE_NETDEV_TAIL 4u

/** What became of frames, and of the chip. All begin at 0, and may wrap. */
struct ferrule_netdev_statistics {
    /** Frames that `receive` gave, and that were handed to the chip whole. */
    uint32_t received, sent;
    /** Frames that the chip received in error: damaged, too short, too long. */
    uint32_t receive_errors;
    /** Times that the chip had no room for frames that arrived. */
    uint32_t receive_overruns;
    /** Frames given to `send` that did not go out: no link, no chip, or the chip did not confirm in time. */
    uint32_t send_losses;
    /** Lengths or addresses from the chip that cannot be; its receiver was set up anew. */
    uint32_t nonsense;
    /** Times that the chip was set up from the beginning, the first not counted. */
    uint32_t restarts;
    /** Frames or events that were found without an interrupt, by the guard's look. */
    uint32_t missed_interrupts;
};

struct ferrule_netdev {
    /**
     * Puts the next frame that arrived at `frame`, which is at 2 modulo 4, with FERRULE_NETDEV_HEADROOM
     * octets before it and FERRULE_NETDEV_TAIL behind `room`. Returns its length, which may exceed `room`:
     * then only `room` bytes were written; 0 when there is none.
     */
    uint32_t (*receive)(void *context, uint8_t *frame, uint32_t room);
    /** Whether `send` would take a frame now. Without a link it takes all, and loses them as a cable does. */
    bool (*has_room)(void *context);
    /** Sends a frame of `length` bytes, which stay the caller's. Without room it is lost. */
    void (*send)(void *context, const uint8_t *frame, uint32_t length);
    /** Whether the link is up; asked at each poll. NULL: always. */
    bool (*link)(void *context);
    /**
     * Milliseconds until `receive` must be called although nothing has woken the program: 0 when something
     * waits, the time until the driver wants to look by itself otherwise. NULL: never, the wire wakes whoever
     * sleeps.
     */
    uint32_t (*due_ms)(void *context);
    /** Takes only frames to this address, to groups and to all from now on. NULL: it takes all. */
    void (*set_mac)(void *context, const uint8_t mac[6]);
    /** Takes frames to these Ethernet groups, in place of those before; where a chip can only take all or
     * none, all when there is one. Returns false when they are too many. NULL: it takes all groups. */
    bool (*set_groups)(void *context, const uint8_t (*groups)[6], uint32_t count);
    /** NULL: nobody counts. */
    const struct ferrule_netdev_statistics *statistics;
    /** Given to the functions. */
    void *context;
    /** The checksums of frames that `receive` gives were found right, by hardware say: nobody looks at them
     * again. */
    bool checksums_verified;
};

#endif
