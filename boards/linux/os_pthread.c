#define _GNU_SOURCE
#include "os_pthread.h"

#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

/** What is in a struct ferrule_signal. */
struct condition {
    pthread_mutex_t mutex;
    pthread_cond_t condition;
    bool is_given;
};

typedef char condition_fits[sizeof(struct condition) <= sizeof(struct ferrule_signal) ? 1 : -1];

static void lock(void *context) {
    struct os_pthread *port = context;
    pthread_mutex_lock(&port->gate);
    pthread_mutex_lock(&port->mutex);
    pthread_mutex_unlock(&port->gate);
}

static void unlock(void *context) {
    struct os_pthread *port = context;
    pthread_mutex_unlock(&port->mutex);
}

static void sleep_ms(void *context, uint32_t ms) {
    struct os_pthread *port = context;
    uint64_t wakes;
    struct pollfd entries[2] = {{.fd = port->wake_fd, .events = POLLIN},
                                {.fd = port->frame_fd, .events = POLLIN}};
    /* Longer than poll can: it may end early. */
    const int limit = ms == FERRULE_OS_FOR_EVER ? -1 : ms < INT32_MAX ? (int)ms : INT32_MAX;
    if (poll(entries, port->frame_fd < 0 ? 1 : 2, limit) > 0 && (entries[0].revents & POLLIN) != 0 &&
        read(port->wake_fd, &wakes, sizeof wakes) < 0)
        abort();
}

static void wake(void *context) {
    struct os_pthread *port = context;
    const uint64_t one = 1;
    if (write(port->wake_fd, &one, sizeof one) < 0)
        abort();
}

static void *run(void *argument) {
    struct os_pthread *port = argument;
    port->run(port->argument);
    return NULL;
}

static bool start_thread(void *context, void (*work)(void *argument), void *argument) {
    struct os_pthread *port = context;
    port->run = work;
    port->argument = argument;
    return pthread_create(&port->thread, NULL, run, port) == 0;
}

static void join_thread(void *context) {
    struct os_pthread *port = context;
    pthread_join(port->thread, NULL);
}

static void signal_init(void *context, struct ferrule_signal *signal) {
    struct condition *it = (struct condition *)signal;
    pthread_condattr_t attributes;
    (void)context;
    pthread_mutex_init(&it->mutex, NULL);
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&it->condition, &attributes);
    pthread_condattr_destroy(&attributes);
    it->is_given = false;
}

static void signal_wait(void *context, struct ferrule_signal *signal, uint32_t ms) {
    struct condition *it = (struct condition *)signal;
    struct timespec until;
    (void)context;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += ms / 1000;
    until.tv_nsec += (long)(ms % 1000) * 1000000;
    until.tv_sec += until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
    pthread_mutex_lock(&it->mutex);
    int status = 0;
    while (!it->is_given && status == 0)
        status = ms == FERRULE_OS_FOR_EVER ? pthread_cond_wait(&it->condition, &it->mutex)
                                           : pthread_cond_timedwait(&it->condition, &it->mutex, &until);
    it->is_given = false;
    pthread_mutex_unlock(&it->mutex);
}

static void signal_give(void *context, struct ferrule_signal *signal) {
    struct condition *it = (struct condition *)signal;
    (void)context;
    pthread_mutex_lock(&it->mutex);
    it->is_given = true;
    pthread_cond_signal(&it->condition);
    pthread_mutex_unlock(&it->mutex);
}

static void signal_end(void *context, struct ferrule_signal *signal) {
    struct condition *it = (struct condition *)signal;
    (void)context;
    pthread_cond_destroy(&it->condition);
    pthread_mutex_destroy(&it->mutex);
}

int os_pthread_open(struct os_pthread *port, int frame_fd) {
    port->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (port->wake_fd < 0)
        return errno;
    port->frame_fd = frame_fd;
    pthread_mutex_init(&port->gate, NULL);
    pthread_mutex_init(&port->mutex, NULL);
    port->os = (struct ferrule_os){.lock = lock,
                                   .unlock = unlock,
                                   .sleep = sleep_ms,
                                   .wake = wake,
                                   .start_thread = start_thread,
                                   .join_thread = join_thread,
                                   .signal_init = signal_init,
                                   .signal_wait = signal_wait,
                                   .signal_give = signal_give,
                                   .signal_end = signal_end,
                                   .context = port};
    return 0;
}

void os_pthread_close(struct os_pthread *port) {
    close(port->wake_fd);
    pthread_mutex_destroy(&port->gate);
    pthread_mutex_destroy(&port->mutex);
}
