/*
 * SPI over a socket: for a program on Linux whose chip is a model in another process
 * (host/emulator/linux.ts).
 *
 * The program sends requests, and the other side answers each: lengths are 16 bits, little-endian.
 *
 *     request   octet 1 (read), 2 (write) or 3 (reset line); octet: length of the command, or 1 for active;
 *               length of the data; the command; the data of a write
 *     answer    octet 0; octet 1 when the interrupt line is active; the data of a read
 *
 * In between the other side tells when the interrupt line has changed: octet 1, and the line as above. When
 * it is gone, the program ends with status 3.
 */
#ifndef SPI_SOCKET_H
#define SPI_SOCKET_H

#include "spi.h"

struct spi_socket {
    int fd;
    bool is_interrupting;
    struct ferrule_spi spi;
};

/** Uses the connected stream socket `fd`. */
void spi_socket_start(struct spi_socket *bus, int fd);

/** Waits until the interrupt line is active, for `ms` milliseconds at most. */
void spi_socket_wait(struct spi_socket *bus, uint32_t ms);

#endif
