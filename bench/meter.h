/*
 * Counts the instructions between `meter_resume` and `meter_pause`, where the processor tells them. In a
 * header, so that little stands between the counter and what is counted.
 */
#ifndef BENCH_METER_H
#define BENCH_METER_H

#include <stdint.h>

#include "port.h"

extern uint64_t meter_counted, meter_since;

/** Instructions of native work that a driver does in the core's place: not among the others. */
extern uint64_t meter_native;

static inline void meter_resume(void) {
    meter_since = port_instructions();
}

static inline void meter_pause(void) {
    meter_counted += port_instructions() - meter_since;
}

#endif
