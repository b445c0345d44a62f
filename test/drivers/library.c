/*
 * The drivers for Node, on SPI and pins that are the test's. One chip at a time. See rig.ts.
 */
#include <string.h>

#include "enc28j60.h"
#include "w5500.h"

#define EXPORT __attribute__((visibility("default")))

#define DATA_BYTES 4096u

/** What the test and the port below share: words, then octets. */
struct port {
    uint32_t now_ms, is_interrupt_active;
    /** Transactions of DMA's length whose data did not lie as spi.h says. */
    uint32_t misplaced;
    uint32_t unused;
    uint8_t command[16];
    uint8_t data[DATA_BYTES];
};

/** Exchanges `command` and `data` of the port with the chip. 0 when the bus failed. */
typedef uint32_t transact_function(uint32_t is_write, uint32_t command_bytes, uint32_t bytes);
typedef void reset_function(uint32_t active);

enum { CHIP_W5500, CHIP_ENC28J60 };

static struct port *port;
static transact_function *transact;
static reset_function *reset_chip;
static struct ferrule_spi spi;
static union {
    struct w5500 w5500;
    struct enc28j60 enc28j60;
} chip;
static uint32_t kind;
static const struct ferrule_netdev *netdev;

static uint32_t now_ms(void *context) {
    return ((const struct port *)context)->now_ms;
}

static bool interrupt(void *context) {
    return ((const struct port *)context)->is_interrupt_active != 0;
}

static void reset(void *context, bool active) {
    (void)context;
    reset_chip(active);
}

/** Moves data as DMA does: whole words. */
static bool spi_read(void *context, const uint8_t *command, uint32_t command_bytes, uint8_t *data,
                     uint32_t bytes) {
    struct port *shared = context;
    bool is_dma = bytes >= FERRULE_SPI_DMA_BYTES;
    if (command_bytes > FERRULE_SPI_COMMAND_BYTES || (is_dma && (uintptr_t)data % 4 != 0))
        shared->misplaced++;
    memcpy(shared->command, command, command_bytes);
    if (transact(0, command_bytes, bytes) == 0)
        return false;
    memcpy(data, shared->data, is_dma ? (bytes + 3) / 4 * 4 : bytes);
    return true;
}

static bool spi_write(void *context, const uint8_t *command, uint32_t command_bytes, const uint8_t *data,
                      uint32_t bytes) {
    struct port *shared = context;
    if (command_bytes > FERRULE_SPI_COMMAND_BYTES)
        shared->misplaced++;
    memcpy(shared->command, command, command_bytes);
    if (bytes > 0)
        memcpy(shared->data, data, bytes);
    return transact(1, command_bytes, bytes) != 0;
}

EXPORT void drivers_start(uint32_t which, struct port *shared, transact_function *exchange,
                          reset_function *hold, uint32_t has_interrupt, uint32_t has_reset,
                          const uint8_t *mac) {
    kind = which;
    port = shared;
    transact = exchange;
    reset_chip = hold;
    spi = (struct ferrule_spi){.read = spi_read,
                               .write = spi_write,
                               .interrupt = has_interrupt != 0 ? interrupt : NULL,
                               .reset = has_reset != 0 ? reset : NULL,
                               .context = shared};
    if (which == CHIP_W5500) {
        w5500_start(&chip.w5500, &spi, now_ms, port, mac);
        netdev = &chip.w5500.netdev;
    } else {
        enc28j60_start(&chip.enc28j60, &spi, now_ms, port, mac);
        netdev = &chip.enc28j60.netdev;
    }
}

EXPORT uint32_t drivers_receive(uint8_t *frame, uint32_t room) {
    return netdev->receive(netdev->context, frame, room);
}

EXPORT uint32_t drivers_has_room(void) {
    return netdev->has_room(netdev->context);
}

EXPORT void drivers_send(const uint8_t *frame, uint32_t length) {
    netdev->send(netdev->context, frame, length);
}

EXPORT uint32_t drivers_link(void) {
    return netdev->link(netdev->context);
}

EXPORT uint32_t drivers_due_ms(void) {
    return netdev->due_ms(netdev->context);
}

EXPORT void drivers_set_mac(const uint8_t *mac) {
    netdev->set_mac(netdev->context, mac);
}

EXPORT uint32_t drivers_set_groups(const uint8_t (*groups)[6], uint32_t count) {
    return netdev->set_groups(netdev->context, groups, count);
}

/** The fields of the statistics, in their order. */
EXPORT uint32_t drivers_statistic(uint32_t index) {
    uint32_t words[sizeof(struct ferrule_netdev_statistics) / sizeof(uint32_t)];
    memcpy(words, netdev->statistics, sizeof words);
    return words[index];
}

/** Most transactions that a call may make. */
EXPORT uint32_t drivers_call_transactions(void) {
    return kind == CHIP_W5500 ? W5500_CALL_TRANSACTIONS : ENC28J60_CALL_TRANSACTIONS;
}
