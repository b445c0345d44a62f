/* Two devices on a wire in memory, each run by a thread and shared by others (ferrule_net.h), in real time.
 */
#ifndef PAIR_H
#define PAIR_H

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "ferrule_net.h"
#include "os_pthread.h"

/** Ends the program at once, whatever other threads do. */
#define CHECK(condition)                                                                                     \
    do {                                                                                                     \
        if (!(condition)) {                                                                                  \
            printf("FAILED %s line %d: %s\n", __FILE__, __LINE__, #condition);                               \
            fflush(stdout);                                                                                  \
            _exit(1);                                                                                        \
        }                                                                                                    \
    } while (0)

#define PAIR_FRAMES 128u
#define PAIR_FRAME_BYTES 1518u

/** One direction of the wire. */
struct pair_queue {
    pthread_mutex_t mutex;
    uint8_t frames[PAIR_FRAMES][PAIR_FRAME_BYTES];
    uint32_t lengths[PAIR_FRAMES];
    uint32_t first, count;
};

struct pair_side {
    struct ferrule_net net;
    struct ferrule_setup setup;
    struct ferrule_netdev netdev;
    struct os_pthread port;
    struct pair_queue in;
    struct pair_side *other;
};

/** The devices: 10.0.0.1 and 10.0.0.2. */
extern struct pair_side pair_left, pair_right;

/** Makes both, with rings of PAIR_RING_BYTES, as far as starting them; `module` as in ferrule_setup. */
void pair_open(const uint8_t *module, uint32_t module_bytes);

/** Gives both what the build `standard` has; false when this one has not. */
bool pair_want_services(void);

/** Bytes of each ring, and of each queue of a datagram socket. */
#define PAIR_RING_BYTES 4096u

/** Starts and stops one; it must be possible. */
void pair_start(struct pair_side *side);
void pair_stop(struct pair_side *side);

/** Gives the memory back. */
void pair_close(void);

/** Puts a frame on the wire to this side. It is lost when the wire is full. */
void pair_put(struct pair_side *to, const uint8_t *frame, uint32_t length);

/** Reads the file of a module. */
const uint8_t *pair_read_module(const char *path, uint32_t *bytes);

#endif
