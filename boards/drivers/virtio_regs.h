/*
 * virtio devices on memory-mapped registers, of what the drivers here use. Sections are those of "Virtual I/O
 * Device (VIRTIO) Version 1.2", OASIS, 1 July 2022.
 */
#ifndef VIRTIO_REGS_H
#define VIRTIO_REGS_H

/* Registers of 32 bits, as indices of words. Section 4.2.2, table 4.1. */
#define VIRTIO_MAGIC (0x000u / 4)
#define VIRTIO_VERSION (0x004u / 4)
#define VIRTIO_DEVICE_ID (0x008u / 4)
#define VIRTIO_DEVICE_FEATURES (0x010u / 4)
#define VIRTIO_DEVICE_FEATURES_SELECT (0x014u / 4)
#define VIRTIO_DRIVER_FEATURES (0x020u / 4)
#define VIRTIO_DRIVER_FEATURES_SELECT (0x024u / 4)
#define VIRTIO_QUEUE_SELECT (0x030u / 4)
#define VIRTIO_QUEUE_SIZE_MAX (0x034u / 4)
#define VIRTIO_QUEUE_SIZE (0x038u / 4)
#define VIRTIO_QUEUE_READY (0x044u / 4)
#define VIRTIO_QUEUE_NOTIFY (0x050u / 4)
#define VIRTIO_INTERRUPT_STATUS (0x060u / 4)
#define VIRTIO_INTERRUPT_ACKNOWLEDGE (0x064u / 4)
#define VIRTIO_STATUS (0x070u / 4)
/** Each of these three is followed by the upper half. */
#define VIRTIO_QUEUE_DESCRIPTORS (0x080u / 4)
#define VIRTIO_QUEUE_DRIVER (0x090u / 4)
#define VIRTIO_QUEUE_DEVICE (0x0a0u / 4)
#define VIRTIO_CONFIG (0x100u / 4)

/** VIRTIO_MAGIC reads "virt"; VIRTIO_VERSION 2 since virtio 1.0. */
#define VIRTIO_MAGIC_VALUE 0x74726976u
#define VIRTIO_VERSION_VALUE 2u

/* VIRTIO_STATUS. Section 2.1. */
#define VIRTIO_STATUS_ACKNOWLEDGE 0x01u
#define VIRTIO_STATUS_DRIVER 0x02u
#define VIRTIO_STATUS_DRIVER_OK 0x04u
#define VIRTIO_STATUS_FEATURES_OK 0x08u
#define VIRTIO_STATUS_NEEDS_RESET 0x40u

/* VIRTIO_INTERRUPT_STATUS and its acknowledgement. Section 4.2.2. */
#define VIRTIO_INTERRUPT_USED 0x1u
#define VIRTIO_INTERRUPT_CONFIG 0x2u

/* Features 32 and up. Section 6. */
#define VIRTIO_FEATURES_HIGH_VERSION_1 (1u << (32 - 32))

/* Flags of a descriptor, section 2.7.5, and of the ring of available ones, section 2.7.6. */
#define VIRTIO_DESCRIPTOR_DEVICE_WRITES 2u
#define VIRTIO_AVAILABLE_NO_INTERRUPT 1u

/* Devices. Section 5. */
#define VIRTIO_ID_NETWORK 1u
#define VIRTIO_ID_ENTROPY 4u

/* The network device. Section 5.1: queues in 5.1.2, features in 5.1.3, configuration in 5.1.4. */
#define VIRTIO_NET_QUEUE_RECEIVE 0u
#define VIRTIO_NET_QUEUE_SEND 1u
#define VIRTIO_NET_FEATURE_MAC (1u << 5)
#define VIRTIO_NET_FEATURE_STATUS (1u << 16)
/** Offsets in the configuration, in bytes. */
#define VIRTIO_NET_CONFIG_MAC 0u
#define VIRTIO_NET_CONFIG_STATUS 6u
#define VIRTIO_NET_STATUS_LINK_UP 1u
/** The header before each frame, section 5.1.6: all zero without the features for checksums and segments. */
#define VIRTIO_NET_HEADER_BYTES 12u

/* The entropy device has one queue. Section 5.4. */
#define VIRTIO_ENTROPY_QUEUE 0u

#endif
