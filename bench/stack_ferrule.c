/* Ferrule under the benchmarks' work. */
#include <stdbool.h>
#include <string.h>

#include "ferrule.h"
#include "meter.h"
#include "stack.h"

#ifdef BENCH_MODULE
extern const uint8_t module_wasm[];
extern const uint32_t module_wasm_bytes;
#endif

#define MEMORY_BYTES (256u * 1024)

static _Alignas(16) uint8_t memory[MEMORY_BYTES];
static struct ferrule device;
static struct ferrule_setup setup;
static int32_t listener;

static bool has_room(void *context) {
    (void)context;
    return true;
}

static void fill_random(void *context, uint8_t octets[32]) {
    (void)context;
    for (int index = 0; index < 32; index++)
        octets[index] = (uint8_t)(index * 7 + 1);
}

const char *stack_name(void) {
    return ferrule_engine_name();
}

void stack_boot(uint32_t connections, uint32_t ring_bytes) {
    static const struct ferrule_netdev netdev = {
        .receive = hook_receive, .has_room = has_room, .send = hook_send};
    setup = (struct ferrule_setup){.memory = memory,
                                   .memory_bytes = MEMORY_BYTES,
#ifdef BENCH_MODULE
                                   .module = module_wasm,
                                   .module_bytes = module_wasm_bytes,
#endif
                                   .netdev = &netdev,
                                   .now_ms = work_now,
                                   .random = fill_random};
    struct ferrule_config *config = &setup.config;
    ferrule_config_defaults(config);
    memcpy(config->mac, (const uint8_t[]){2, 0, 0, 0, 0, 2}, 6);
    memcpy(config->address, (const uint8_t[]){10, 0, 0, 2}, 4);
    memcpy(config->netmask, (const uint8_t[]){255, 255, 255, 0}, 4);
    config->connections = (uint16_t)connections;
    config->listeners = 1;
#ifdef BENCH_NATIVE_CHECKSUMS
    setup.checksums = FERRULE_CHECKSUMS_NATIVE;
#endif
    config->send_ring_bytes = config->receive_ring_bytes = ring_bytes;
    int32_t status = ferrule_start(&device, &setup);
    if (status < 0)
        work_fail(ferrule_error_name(status));
    listener = ferrule_listen(&device, WORK_PORT, 16);
    if (listener <= 0)
        work_fail("listen");
}

void stack_stop(void) {
    ferrule_stop(&device);
}

void stack_no_delay(int32_t socket) {
    if (ferrule_set_option(&device, socket, FERRULE_OPTION_NO_DELAY, 1) != 0)
        work_fail("NO_DELAY");
}

void measured_poll(void) {
    meter_resume();
    ferrule_poll(&device);
    meter_pause();
}

int32_t measured_accept(void) {
    meter_resume();
    uint32_t events;
    int32_t socket = ferrule_next_event(&device, &events) == listener ? ferrule_accept(&device, listener) : 0;
    meter_pause();
    return socket;
}

int32_t measured_read(int32_t socket, void *to, uint32_t bytes) {
    meter_resume();
    int32_t result = ferrule_read(&device, socket, to, bytes);
    meter_pause();
    return result;
}

int32_t measured_write(int32_t socket, const void *from, uint32_t bytes) {
    meter_resume();
    int32_t result = ferrule_write(&device, socket, from, bytes);
    meter_pause();
    return result;
}

void measured_close(int32_t socket) {
    meter_resume();
    ferrule_close(&device, socket);
    meter_pause();
}

void measured_events(void) {
    meter_resume();
    uint32_t events;
    while (ferrule_next_event(&device, &events) > 0)
        ;
    meter_pause();
}

int32_t measured_deadline(void) {
    meter_resume();
    int32_t ms = ferrule_deadline(&device);
    meter_pause();
    return ms;
}
