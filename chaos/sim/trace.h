/*
 * The trace: a line for each sight, and one hash of all lines, by which two runs are told to be the same.
 */
#ifndef VOW_CHAOS_SIM_TRACE_H
#define VOW_CHAOS_SIM_TRACE_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "chaos/sim/seen.h"

struct sim_trace {
    uint64_t hash;
    uint64_t sights;
    FILE *out; /* NULL: the hash only */
};

void sim_trace_begin(struct sim_trace *trace, FILE *out);
/* A sim_see_fn; ctx is the struct sim_trace. */
void sim_trace_see(void *ctx, const struct sim_sight *sight);

#endif
