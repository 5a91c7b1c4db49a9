/* The rows that a run has locked, but for those that are an order's own: a key of a node, and what is said of it. */
#ifndef VOW_CHAOS_MEASURE_ROWS_H
#define VOW_CHAOS_MEASURE_ROWS_H

#include "chaos/measure/metrics.h"

struct measure_row {
    uint32_t node, key;
    uint64_t accesses;   /* locks, of those before the first fault if there was one */
    bool is_shared;      /* more than one has asked for it */
    uint64_t blocked_us; /* locked by a branch in doubt, or by a semantic lock, while the load ran */
};

struct measure_rows {
    struct measure_row *of; /* by node and key */
    size_t len;
};

struct measure_rows measure_rows(const struct measure_run *run, const struct measure_spans *spans); /* free its rows */

/* How long, within a time, a lock was that of a branch in doubt, or of a saga. */
uint64_t measure_blocked_us(const struct measure_spans *spans, const struct measure_span *hold, uint64_t from_us,
                            uint64_t to_us);

#endif
