/*
 * Counts the runtime's native checksums apart, in `meter_native`: the linker puts
 * `__wrap_ferrule_checksum_sum` before the runtime's own function (-Wl,--wrap).
 */
#include "checksum.h"
#include "meter.h"

uint32_t __real_ferrule_checksum_sum(const uint8_t *data, uint32_t bytes);
uint32_t __wrap_ferrule_checksum_sum(const uint8_t *data, uint32_t bytes);
uint32_t hook_native_sum(const uint8_t *data, uint32_t bytes);

/** Known to callgrind by its name: so it must be called, and return itself. */
__attribute__((noinline)) uint32_t hook_native_sum(const uint8_t *data, uint32_t bytes) {
    const uint32_t sum = __real_ferrule_checksum_sum(data, bytes);
    __asm__ volatile("" : : : "memory");
    return sum;
}

uint32_t __wrap_ferrule_checksum_sum(const uint8_t *data, uint32_t bytes) {
    meter_pause();
    const uint64_t before = port_instructions();
    const uint32_t sum = hook_native_sum(data, bytes);
    meter_native += port_instructions() - before;
    meter_resume();
    return sum;
}
