/*
 * What all virtio devices on memory-mapped registers have in common: how one is found and set up, and its
 * queues ("split virtqueues", section 2.7; sections as in virtio_regs.h). Addresses are physical.
 */
#ifndef VIRTIO_H
#define VIRTIO_H

#include <stdbool.h>
#include <stdint.h>

/** Entries of each queue: a power of 2. */
#define VIRTIO_ENTRIES 8u

struct virtio_descriptor {
    uint64_t address;
    uint32_t bytes;
    uint16_t flags;
    uint16_t next;
};

/** A queue: memory that the device shares. Sections 2.7.5, 2.7.6 and 2.7.8. */
struct virtio_queue {
    struct virtio_descriptor descriptors[VIRTIO_ENTRIES];
    struct {
        uint16_t flags, index, ring[VIRTIO_ENTRIES];
    } available;
    struct {
        uint16_t flags, index;
        struct {
            uint32_t descriptor, bytes;
        } ring[VIRTIO_ENTRIES];
    } used __attribute__((aligned(4)));
    /** Descriptors taken back so far, modulo 65536. */
    uint16_t taken;
} __attribute__((aligned(16)));

/** What `virtio_take` found. */
enum virtio_found {
    VIRTIO_NOTHING,
    VIRTIO_TAKEN,
    /** The device says what cannot be. */
    VIRTIO_NONSENSE,
};

/** The first of `count` register blocks, `stride` bytes apart, with a device of this kind behind it; NULL
 * when there is none. */
volatile uint32_t *virtio_find(uintptr_t first, uintptr_t stride, uint32_t count, uint32_t device_id);

/**
 * Resets the device and agrees on features: `wanted` of the lower 32, and virtio 1. Returns false when it
 * does not come back in bounded time, or does not agree; puts those of `wanted` that it has into `*features`.
 * Queues and `virtio_go` follow. Section 3.1.1.
 */
bool virtio_set_up(volatile uint32_t *registers, uint32_t wanted, uint32_t *features);

/** Makes `queue`, emptied, the device's queue `index`. False when it has none such, or a smaller one. */
bool virtio_set_queue(volatile uint32_t *registers, uint32_t index, struct virtio_queue *queue);

/** The device may begin. */
void virtio_go(volatile uint32_t *registers);

/** Hands a descriptor to the device, which does not look before `virtio_notify`. */
void virtio_give(struct virtio_queue *queue, uint16_t descriptor);

/** Tells the device that queue `index` has something new. */
void virtio_notify(volatile uint32_t *registers, uint32_t index);

/** Whether the device has handed something back. */
bool virtio_has_used(const struct virtio_queue *queue);

/**
 * Takes back what the device is done with: puts the number of its descriptor, below VIRTIO_ENTRIES, and how
 * many bytes it says that it wrote, into `*descriptor` and `*bytes`.
 */
enum virtio_found virtio_take(struct virtio_queue *queue, uint16_t *descriptor, uint32_t *bytes);

#endif
