/*
 * How a driver reaches a chip on SPI: four functions of the port. Each transaction selects the chip, sends
 * `command`, moves data in one direction, and lets the chip go. The port may use DMA for the data: received
 * data goes to an address and a length as netdev.h has them for frames, when `bytes` is FERRULE_SPI_DMA_BYTES
 * or more; shorter data may lie anywhere, and is best moved by hand.
 */
#ifndef SPI_H
#define SPI_H

#include <stdbool.h>
#include <stdint.h>

/** Longest command, in bytes. */
#define FERRULE_SPI_COMMAND_BYTES 3u

/** Shortest data that lies as DMA wants it: `data` at a multiple of 4, with room behind it up to a multiple
 * of 4. */
#define FERRULE_SPI_DMA_BYTES 16u

struct ferrule_spi {
    /** Sends `command`, then receives `bytes` octets at `data`. False when the bus failed or took too long:
     * `data` is then undefined. */
    bool (*read)(void *context, const uint8_t *command, uint32_t command_bytes, uint8_t *data,
                 uint32_t bytes);
    /** Sends `command`, then `bytes` octets from `data`, which may lie anywhere. False as above. */
    bool (*write)(void *context, const uint8_t *command, uint32_t command_bytes, const uint8_t *data,
                  uint32_t bytes);
    /** Whether the chip's interrupt line is active, by its level. NULL when it is not wired: the driver
     * polls. */
    bool (*interrupt)(void *context);
    /** Holds the chip's reset line active, or lets it go. NULL when it is not wired. */
    void (*reset)(void *context, bool active);
    /** Given to the functions. */
    void *context;
};

#endif
