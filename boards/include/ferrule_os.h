/*
 * What ferrule_net.h asks of an operating system: a lock, a thread, a sleep that others can end, and signals
 * that one thread waits for. A port fills in the table: boards/linux/os_pthread.c,
 * boards/esp32/os_freertos.c.
 */
#ifndef FERRULE_OS_H
#define FERRULE_OS_H

#include <stdbool.h>
#include <stdint.h>

/** As a time in milliseconds: without an end. */
#define FERRULE_OS_FOR_EVER UINT32_MAX

/** Something that one thread waits for and another gives. It lies on the stack of the thread that waits; a
 * port checks when it is compiled that its own fits. */
struct ferrule_signal {
    uint64_t storage[16];
};

struct ferrule_os {
    /**
     * Takes the lock, which is not taken twice by a thread. Who waits for it must get it before the thread
     * that gave it back last gets it again, or a busy network keeps the program out. Two mutexes do that:
     * take the gate, take the lock, give back the gate.
     */
    void (*lock)(void *context);
    /** Gives it back. */
    void (*unlock)(void *context);
    /**
     * Called by the stack's thread, without the lock: sleeps until `wake`, until the network device has
     * something, or for `ms` milliseconds, FERRULE_OS_FOR_EVER among them. May end without a reason. A wake
     * that came since the last sleep ends it at once.
     */
    void (*sleep)(void *context, uint32_t ms);
    /** Ends the stack's sleep, or its next one. From any thread; a port has another one for interrupts. */
    void (*wake)(void *context);
    /** Starts the one thread, which calls `run(argument)` and ends when that returns. False: it cannot. */
    bool (*start_thread)(void *context, void (*run)(void *argument), void *argument);
    /** Waits until that thread has ended. */
    void (*join_thread)(void *context);
    /** Makes a signal that is not given. */
    void (*signal_init)(void *context, struct ferrule_signal *signal);
    /** Waits until the signal is given, for `ms` milliseconds at most, FERRULE_OS_FOR_EVER among them; takes
     * it. May end without a reason. */
    void (*signal_wait)(void *context, struct ferrule_signal *signal, uint32_t ms);
    /** Gives it, which is the same once and more often. Called with the lock. */
    void (*signal_give)(void *context, struct ferrule_signal *signal);
    /** Ends the signal. Called with the lock, so that nobody is giving it. */
    void (*signal_end)(void *context, struct ferrule_signal *signal);
    /** Given to the functions. */
    void *context;
};

#endif
