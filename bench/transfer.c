/*
 * The kernel's end of a transfer, for the throughput of `npm run bench`:
 *
 *     transfer serve ADDRESS               sends or takes bytes as bench/transfer_server.mjs does, until its
 * input ends transfer get|put ADDRESS BYTES       the client; prints milliseconds
 *
 * The client's first line is how many bytes it wants, or 0: then it sends, and is told how many arrived.
 * Whoever receives compares every byte.
 */
#define _POSIX_C_SOURCE 200809L
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define PORT 5001
#define CHUNK 65536u
/** The stream repeats itself after so many bytes, a prime: a segment that is missing or moved shows. */
#define PERIOD 65521u
/** Seconds after which a transfer has failed. */
#define PATIENCE 120

static uint8_t pattern[PERIOD + CHUNK], received[CHUNK];

static void fail(const char *what) {
    fprintf(stderr, "transfer: %s: %s\n", what, strerror(errno));
    exit(1);
}

static void check(bool condition, const char *what) {
    if (!condition)
        fail(what);
}

static void send_bytes(int connection, uint64_t bytes) {
    for (uint64_t sent = 0; sent < bytes;) {
        uint64_t left = bytes - sent;
        ssize_t written = write(connection, pattern + sent % PERIOD, left < CHUNK ? left : CHUNK);
        check(written > 0, "write");
        sent += (uint64_t)written;
    }
}

/** Takes the stream to its end, and returns how many bytes that were. */
static uint64_t take_bytes(int connection) {
    uint64_t taken = 0;
    for (;;) {
        ssize_t count = read(connection, received, sizeof received);
        check(count >= 0, "read");
        if (count == 0)
            return taken;
        errno = 0;
        check(memcmp(received, pattern + taken % PERIOD, (size_t)count) == 0, "wrong bytes");
        taken += (uint64_t)count;
    }
}

/** Reads a line with a number, octet by octet: what follows it is not touched. */
static uint64_t take_number(int connection) {
    uint64_t number = 0;
    char octet;
    for (int index = 0; index < 20; index++) {
        check(read(connection, &octet, 1) == 1, "no number");
        if (octet == '\n')
            return number;
        errno = 0;
        check(octet >= '0' && octet <= '9', "no digit");
        number = number * 10 + (uint64_t)(octet - '0');
    }
    fail("a number that is too long");
    return 0;
}

static void send_number(int connection, uint64_t number) {
    char line[24];
    int length = snprintf(line, sizeof line, "%llu\n", (unsigned long long)number);
    check(write(connection, line, (size_t)length) == length, "write");
}

static struct sockaddr_in address_of(const char *text) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(PORT)};
    check(inet_pton(AF_INET, text, &address.sin_addr) == 1, "address");
    return address;
}

static int stream_socket(void) {
    int one = 1, made = socket(AF_INET, SOCK_STREAM, 0);
    check(made >= 0 && setsockopt(made, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one) == 0, "socket");
    return made;
}

/** One connection after another, until standard input ends: with whoever has started it. */
static void serve(const char *text) {
    const struct sockaddr_in address = address_of(text);
    int listener = stream_socket();
    check(bind(listener, (const struct sockaddr *)&address, sizeof address) == 0 && listen(listener, 4) == 0,
          "listen");
    printf("ready\n");
    fflush(stdout);
    struct pollfd awaited[] = {{.fd = listener, .events = POLLIN}, {.fd = STDIN_FILENO, .events = POLLIN}};
    while (poll(awaited, 2, -1) > 0 && awaited[1].revents == 0) {
        int connection = accept(listener, NULL, NULL);
        check(connection >= 0, "accept");
        alarm(PATIENCE);
        uint64_t wanted = take_number(connection);
        if (wanted > 0)
            send_bytes(connection, wanted);
        else
            send_number(connection, take_bytes(connection));
        close(connection);
        alarm(0);
    }
}

static double now_ms(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

/** From the moment at which the connection stands until the last byte has come, or was told to have come. */
static void transfer(bool is_get, const char *text, uint64_t bytes) {
    const struct sockaddr_in address = address_of(text);
    int connection = stream_socket();
    alarm(PATIENCE);
    check(connect(connection, (const struct sockaddr *)&address, sizeof address) == 0, "connect");
    double start = now_ms();
    send_number(connection, is_get ? bytes : 0);
    uint64_t arrived;
    if (is_get) {
        arrived = take_bytes(connection);
    } else {
        send_bytes(connection, bytes);
        check(shutdown(connection, SHUT_WR) == 0, "shutdown");
        arrived = take_number(connection);
    }
    double ms = now_ms() - start;
    check(arrived == bytes, "not all bytes arrived");
    printf("ms %.3f\n", ms);
}

int main(int count, char **words) {
    signal(SIGPIPE, SIG_IGN);
    for (uint32_t index = 0; index < sizeof pattern; index++) {
        uint32_t place = index % PERIOD;
        pattern[index] = (uint8_t)(place * 167u ^ place >> 8);
    }
    if (count == 3 && strcmp(words[1], "serve") == 0)
        serve(words[2]);
    else if (count == 4 && (strcmp(words[1], "get") == 0 || strcmp(words[1], "put") == 0))
        transfer(words[1][0] == 'g', words[2], strtoull(words[3], NULL, 10));
    else
        fail("usage: transfer serve ADDRESS | get|put ADDRESS BYTES");
    return 0;
}
