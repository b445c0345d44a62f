#include "os_freertos.h"

#include "esp_attr.h"

/** What is in a struct ferrule_signal. */
struct semaphore {
    SemaphoreHandle_t handle;
    StaticSemaphore_t memory;
};

_Static_assert(sizeof(struct semaphore) <= sizeof(struct ferrule_signal), "a semaphore fits into a signal");

/** Rounded up: what is due in a millisecond is not to be looked for in a loop. */
static TickType_t ticks_of(uint32_t ms) {
    if (ms == FERRULE_OS_FOR_EVER)
        return portMAX_DELAY;
    const uint64_t ticks = ((uint64_t)ms * configTICK_RATE_HZ + 999) / 1000;
    return ticks < portMAX_DELAY ? (TickType_t)ticks : portMAX_DELAY - 1;
}

static void lock(void *context) {
    struct os_freertos *port = context;
    xSemaphoreTake(port->gate, portMAX_DELAY);
    xSemaphoreTake(port->mutex, portMAX_DELAY);
    xSemaphoreGive(port->gate);
}

static void unlock(void *context) {
    struct os_freertos *port = context;
    xSemaphoreGive(port->mutex);
}

static void wake(void *context) {
    struct os_freertos *port = context;
    xSemaphoreGive(port->wakes);
}

bool IRAM_ATTR os_freertos_wake_from_isr(struct os_freertos *port) {
    BaseType_t has_higher = pdFALSE;
    xSemaphoreGiveFromISR(port->wakes, &has_higher);
    return has_higher == pdTRUE;
}

static void sleep_ms(void *context, uint32_t ms) {
    struct os_freertos *port = context;
    /* A tick is 10 ms in ESP-IDF unless it was configured: too coarse for a chip that is busy for one. */
    const bool is_short = portTICK_PERIOD_MS > 1 && ms < 2 * portTICK_PERIOD_MS;
    if (is_short)
        esp_timer_start_once(port->timer, (uint64_t)ms * 1000);
    xSemaphoreTake(port->wakes, ticks_of(ms));
    if (is_short)
        esp_timer_stop(port->timer);
}

static void run(void *argument) {
    struct os_freertos *port = argument;
    port->run(port->argument);
    xSemaphoreGive(port->ended);
    vTaskDelete(NULL);
}

static bool start_thread(void *context, void (*work)(void *argument), void *argument) {
    struct os_freertos *port = context;
    port->run = work;
    port->argument = argument;
    return xTaskCreatePinnedToCore(run, port->name, port->stack_bytes, port, port->priority, NULL,
                                   port->core) == pdPASS;
}

static void join_thread(void *context) {
    struct os_freertos *port = context;
    xSemaphoreTake(port->ended, portMAX_DELAY);
}

static void signal_init(void *context, struct ferrule_signal *signal) {
    struct semaphore *it = (struct semaphore *)signal;
    (void)context;
    it->handle = xSemaphoreCreateBinaryStatic(&it->memory);
}

static void signal_wait(void *context, struct ferrule_signal *signal, uint32_t ms) {
    (void)context;
    xSemaphoreTake(((struct semaphore *)signal)->handle, ticks_of(ms));
}

static void signal_give(void *context, struct ferrule_signal *signal) {
    (void)context;
    xSemaphoreGive(((struct semaphore *)signal)->handle);
}

static void signal_end(void *context, struct ferrule_signal *signal) {
    (void)context;
    vSemaphoreDelete(((struct semaphore *)signal)->handle);
}

bool os_freertos_open(struct os_freertos *port, const char *name, uint32_t stack_bytes, UBaseType_t priority,
                      BaseType_t core) {
    *port =
        (struct os_freertos){.name = name, .stack_bytes = stack_bytes, .priority = priority, .core = core};
    const esp_timer_create_args_t timer = {.callback = wake, .arg = port, .name = name};
    if (esp_timer_create(&timer, &port->timer) != ESP_OK)
        return false;
    port->gate = xSemaphoreCreateMutexStatic(&port->gate_memory);
    port->mutex = xSemaphoreCreateMutexStatic(&port->mutex_memory);
    port->wakes = xSemaphoreCreateBinaryStatic(&port->wakes_memory);
    port->ended = xSemaphoreCreateBinaryStatic(&port->ended_memory);
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
    return true;
}

void os_freertos_close(struct os_freertos *port) {
    esp_timer_delete(port->timer);
    vSemaphoreDelete(port->gate);
    vSemaphoreDelete(port->mutex);
    vSemaphoreDelete(port->wakes);
    vSemaphoreDelete(port->ended);
}
