/* Linux as ferrule_net.h wants it: POSIX threads. */
#ifndef OS_PTHREAD_H
#define OS_PTHREAD_H

#include <pthread.h>

#include "ferrule_os.h"

/** One device's. The fields are its own but for `os`. */
struct os_pthread {
    struct ferrule_os os;
    pthread_mutex_t gate, mutex;
    pthread_t thread;
    void (*run)(void *argument);
    void *argument;
    /** An eventfd, and what brings frames, or -1. */
    int wake_fd, frame_fd;
};

/** Fills in `port->os`. `frame_fd` can be read when a frame is there, as that of a TAP interface can; -1: who
 * brings frames calls `os.wake`. Returns 0, or an errno. */
int os_pthread_open(struct os_pthread *port, int frame_fd);

/** Gives back what it took; after ferrule_net_stop. */
void os_pthread_close(struct os_pthread *port);

#endif
