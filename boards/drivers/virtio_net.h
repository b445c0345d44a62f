/*
 * A driver for virtio network devices on memory-mapped registers. The device's addresses are physical, and it
 * sees memory as the processor does: as QEMU's machines are.
 *
 * The device takes frames to all addresses: its filter is optional, and none is asked for.
 */
#ifndef VIRTIO_NET_H
#define VIRTIO_NET_H

#include "netdev.h"
#include "virtio.h"

/** Frames that wait to be sent, at most: not more than VIRTIO_ENTRIES. */
#define VIRTIO_NET_SEND_BUFFERS 4u

/** Longest frame. */
#define VIRTIO_NET_FRAME_BYTES 1514u

/** A frame as the device reads and writes it, at 2 modulo 4, as the core's slots are: copied in words. */
struct virtio_net_buffer {
    uint16_t unused;
    uint8_t header[12];
    uint8_t frame[VIRTIO_NET_FRAME_BYTES];
} __attribute__((aligned(4)));

/** A device; the fields are the driver's own, but `netdev`. */
struct virtio_net {
    struct ferrule_netdev netdev;
    struct ferrule_netdev_statistics statistics;
    volatile uint32_t *registers;
    uint32_t features;
    /** It was set up, and has not failed since. */
    bool runs;
    bool link_is_up;
    struct virtio_queue received, sent;
    struct virtio_net_buffer receive_buffers[VIRTIO_ENTRIES], send_buffers[VIRTIO_NET_SEND_BUFFERS];
    /** Bit n: send buffer n is the device's. */
    uint32_t sending;
};

/** Starts the device behind `registers` (virtio_find), which may fail now and come later; puts its hardware
 * address into `mac`, unless it has none. */
void virtio_net_start(struct virtio_net *net, volatile uint32_t *registers, uint8_t mac[6]);

/**
 * Whether something waits for `receive` or `link`; acknowledges interrupts of all else. Look before going to
 * sleep, with interrupts masked: what comes after the look raises the device's interrupt.
 */
bool virtio_net_waits(struct virtio_net *net);

#endif
