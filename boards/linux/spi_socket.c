#define _DEFAULT_SOURCE
#include "spi_socket.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

/** Exit status of a program whose chip's process is gone. */
#define STATUS_GONE 3

/** How long the other side may take for an answer, in milliseconds. */
#define ANSWER_MS 10000

/** Longest data of a transaction: a frame, and what a chip has around it. */
#define DATA_BYTES 2048u

enum request { READ = 1, WRITE = 2, RESET = 3 };
enum message { ANSWER = 0, INTERRUPT_LINE = 1 };

static bool read_chip(void *context, const uint8_t *command, uint32_t command_bytes, uint8_t *data,
                      uint32_t bytes);
static bool write_chip(void *context, const uint8_t *command, uint32_t command_bytes, const uint8_t *data,
                       uint32_t bytes);
static bool is_interrupting(void *context);
static void reset(void *context, bool active);
static void ask(struct spi_socket *bus, const uint8_t head[4], const uint8_t *command, const uint8_t *data,
                uint32_t bytes);
static void hear_answer(struct spi_socket *bus, uint8_t *data, uint32_t bytes);
static enum message hear_message(struct spi_socket *bus);
static bool has_message(const struct spi_socket *bus, int ms);
static void send_all(const struct spi_socket *bus, const uint8_t *data, uint32_t bytes);
static void receive_all(const struct spi_socket *bus, uint8_t *data, uint32_t bytes);

void spi_socket_start(struct spi_socket *bus, int fd) {
    *bus = (struct spi_socket){
        .fd = fd,
        .spi = {.read = read_chip,
                .write = write_chip,
                .interrupt = is_interrupting,
                .reset = reset,
                .context = bus},
    };
}

void spi_socket_wait(struct spi_socket *bus, uint32_t ms) {
    if (!is_interrupting(bus) && has_message(bus, ms < 60000 ? (int)ms : 60000))
        hear_message(bus);
}

static bool read_chip(void *context, const uint8_t *command, uint32_t command_bytes, uint8_t *data,
                      uint32_t bytes) {
    struct spi_socket *bus = context;
    if (bytes > DATA_BYTES)
        return false;
    const uint8_t head[4] = {READ, (uint8_t)command_bytes, (uint8_t)bytes, (uint8_t)(bytes >> 8)};
    ask(bus, head, command, NULL, 0);
    hear_answer(bus, data, bytes);
    return true;
}

static bool write_chip(void *context, const uint8_t *command, uint32_t command_bytes, const uint8_t *data,
                       uint32_t bytes) {
    struct spi_socket *bus = context;
    if (bytes > DATA_BYTES)
        return false;
    const uint8_t head[4] = {WRITE, (uint8_t)command_bytes, (uint8_t)bytes, (uint8_t)(bytes >> 8)};
    ask(bus, head, command, data, bytes);
    hear_answer(bus, NULL, 0);
    return true;
}

static bool is_interrupting(void *context) {
    struct spi_socket *bus = context;
    while (has_message(bus, 0))
        hear_message(bus);
    return bus->is_interrupting;
}

static void reset(void *context, bool active) {
    struct spi_socket *bus = context;
    const uint8_t head[4] = {RESET, active, 0, 0};
    send_all(bus, head, sizeof head);
    hear_answer(bus, NULL, 0);
}

/** In one piece: the other side is woken once. */
static void ask(struct spi_socket *bus, const uint8_t head[4], const uint8_t *command, const uint8_t *data,
                uint32_t bytes) {
    uint8_t request[4 + FERRULE_SPI_COMMAND_BYTES + DATA_BYTES];
    memcpy(request, head, 4);
    memcpy(request + 4, command, head[1]);
    if (bytes > 0)
        memcpy(request + 4 + head[1], data, bytes);
    send_all(bus, request, 4u + head[1] + bytes);
}

static void hear_answer(struct spi_socket *bus, uint8_t *data, uint32_t bytes) {
    do {
        if (!has_message(bus, ANSWER_MS))
            exit(STATUS_GONE);
    } while (hear_message(bus) != ANSWER);
    receive_all(bus, data, bytes);
}

static enum message hear_message(struct spi_socket *bus) {
    uint8_t octets[2];
    receive_all(bus, octets, sizeof octets);
    bus->is_interrupting = octets[1] != 0;
    return octets[0] == ANSWER ? ANSWER : INTERRUPT_LINE;
}

static bool has_message(const struct spi_socket *bus, int ms) {
    struct pollfd entry = {.fd = bus->fd, .events = POLLIN};
    return poll(&entry, 1, ms) > 0;
}

static void send_all(const struct spi_socket *bus, const uint8_t *data, uint32_t bytes) {
    for (uint32_t done = 0; done < bytes;) {
        ssize_t count = send(bus->fd, data + done, bytes - done, MSG_NOSIGNAL);
        if (count < 0 && errno == EINTR)
            continue;
        if (count <= 0)
            exit(STATUS_GONE);
        done += (uint32_t)count;
    }
}

static void receive_all(const struct spi_socket *bus, uint8_t *data, uint32_t bytes) {
    for (uint32_t done = 0; done < bytes;) {
        ssize_t count = recv(bus->fd, data + done, bytes - done, 0);
        if (count < 0 && errno == EINTR)
            continue;
        if (count <= 0)
            exit(STATUS_GONE);
        done += (uint32_t)count;
    }
}
