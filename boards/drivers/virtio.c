#include "virtio.h"

#include <stddef.h>
#include <string.h>

#include "virtio_regs.h"

/** Reads of the status until a reset is done, at most: emulated devices are done at once. */
#define RESET_READS 1000u

static void set_address(volatile uint32_t *registers, uint32_t low, const volatile void *address);

volatile uint32_t *virtio_find(uintptr_t first, uintptr_t stride, uint32_t count, uint32_t device_id) {
    for (uint32_t index = 0; index < count; index++) {
        volatile uint32_t *registers = (volatile uint32_t *)(first + index * stride);
        if (registers[VIRTIO_MAGIC] == VIRTIO_MAGIC_VALUE &&
            registers[VIRTIO_VERSION] == VIRTIO_VERSION_VALUE && registers[VIRTIO_DEVICE_ID] == device_id)
            return registers;
    }
    return NULL;
}

bool virtio_set_up(volatile uint32_t *registers, uint32_t wanted, uint32_t *features) {
    uint32_t status = VIRTIO_STATUS_ACKNOWLEDGE | VIRTIO_STATUS_DRIVER, reads = 0;
    registers[VIRTIO_STATUS] = 0;
    while (registers[VIRTIO_STATUS] != 0)
        if (++reads == RESET_READS)
            return false;
    registers[VIRTIO_STATUS] = status;
    registers[VIRTIO_DEVICE_FEATURES_SELECT] = 0;
    *features = registers[VIRTIO_DEVICE_FEATURES] & wanted;
    registers[VIRTIO_DRIVER_FEATURES_SELECT] = 0;
    registers[VIRTIO_DRIVER_FEATURES] = *features;
    registers[VIRTIO_DRIVER_FEATURES_SELECT] = 1;
    registers[VIRTIO_DRIVER_FEATURES] = VIRTIO_FEATURES_HIGH_VERSION_1;
    status |= VIRTIO_STATUS_FEATURES_OK;
    registers[VIRTIO_STATUS] = status;
    return (registers[VIRTIO_STATUS] & VIRTIO_STATUS_FEATURES_OK) != 0;
}

bool virtio_set_queue(volatile uint32_t *registers, uint32_t index, struct virtio_queue *queue) {
    memset(queue, 0, sizeof *queue);
    registers[VIRTIO_QUEUE_SELECT] = index;
    if (registers[VIRTIO_QUEUE_SIZE_MAX] < VIRTIO_ENTRIES)
        return false;
    registers[VIRTIO_QUEUE_SIZE] = VIRTIO_ENTRIES;
    set_address(registers, VIRTIO_QUEUE_DESCRIPTORS, queue->descriptors);
    set_address(registers, VIRTIO_QUEUE_DRIVER, &queue->available);
    set_address(registers, VIRTIO_QUEUE_DEVICE, &queue->used);
    __sync_synchronize();
    registers[VIRTIO_QUEUE_READY] = 1;
    return true;
}

static void set_address(volatile uint32_t *registers, uint32_t low, const volatile void *address) {
    registers[low] = (uint32_t)(uintptr_t)address;
    registers[low + 1] = (uint32_t)((uint64_t)(uintptr_t)address >> 32);
}

void virtio_go(volatile uint32_t *registers) {
    registers[VIRTIO_STATUS] = VIRTIO_STATUS_ACKNOWLEDGE | VIRTIO_STATUS_DRIVER | VIRTIO_STATUS_FEATURES_OK |
                               VIRTIO_STATUS_DRIVER_OK;
}

void virtio_give(struct virtio_queue *queue, uint16_t descriptor) {
    volatile uint16_t *index = &queue->available.index;
    queue->available.ring[*index % VIRTIO_ENTRIES] = descriptor;
    /* What the descriptor leads to, and its place in the ring, before the ring's index. */
    __sync_synchronize();
    *index = (uint16_t)(*index + 1);
}

void virtio_notify(volatile uint32_t *registers, uint32_t index) {
    __sync_synchronize();
    registers[VIRTIO_QUEUE_NOTIFY] = index;
}

bool virtio_has_used(const struct virtio_queue *queue) {
    return *(const volatile uint16_t *)&queue->used.index != queue->taken;
}

enum virtio_found virtio_take(struct virtio_queue *queue, uint16_t *descriptor, uint32_t *bytes) {
    uint16_t waiting = (uint16_t)(*(const volatile uint16_t *)&queue->used.index - queue->taken);
    if (waiting == 0)
        return VIRTIO_NOTHING;
    if (waiting > VIRTIO_ENTRIES)
        return VIRTIO_NONSENSE;
    __sync_synchronize();
    /* Read once: the device may write again whatever it likes. */
    const volatile uint32_t *entry = &queue->used.ring[queue->taken % VIRTIO_ENTRIES].descriptor;
    uint32_t number = entry[0];
    *bytes = entry[1];
    queue->taken++;
    if (number >= VIRTIO_ENTRIES)
        return VIRTIO_NONSENSE;
    *descriptor = (uint16_t)number;
    return VIRTIO_TAKEN;
}
