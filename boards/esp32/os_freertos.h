/* FreeRTOS as ferrule_net.h wants it, as ESP-IDF has it. */
#ifndef OS_FREERTOS_H
#define OS_FREERTOS_H

#include "esp_timer.h"
#include "ferrule_os.h"
#include "freertos/FreeRTOS.h"
#include "freertos/semphr.h"
#include "freertos/task.h"

/** One device's. The fields are its own but for `os`. */
struct os_freertos {
    struct ferrule_os os;
    const char *name;
    uint32_t stack_bytes;
    UBaseType_t priority;
    BaseType_t core;
    StaticSemaphore_t gate_memory, mutex_memory, wakes_memory, ended_memory;
    /** `wakes`, and no task's notification: whoever wakes does not know whether the task is still there. */
    SemaphoreHandle_t gate, mutex, wakes, ended;
    esp_timer_handle_t timer;
    void (*run)(void *argument);
    void *argument;
};

/**
 * Fills in `port->os`. The stack's task will be called `name`, which must stay, and have `stack_bytes` of
 * stack; `core`: of the processor, or tskNO_AFFINITY. False: the timer cannot be had.
 */
bool os_freertos_open(struct os_freertos *port, const char *name, uint32_t stack_bytes, UBaseType_t priority,
                      BaseType_t core);

/** Gives back what it took; after ferrule_net_stop. */
void os_freertos_close(struct os_freertos *port);

/** `os.wake` for an interrupt, IRAM code. Returns true when a task of higher priority is to run next. */
bool os_freertos_wake_from_isr(struct os_freertos *port);

#endif
