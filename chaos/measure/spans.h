/*
 * What lasts, made of what was written down at its beginning and its end: branches in doubt, locked rows, waits for
 * them. A process that dies writes no end. What it had prepared it finds again at its next start, and says so; what
 * it does not find again was over before it died.
 */
#ifndef VOW_CHAOS_MEASURE_SPANS_H
#define VOW_CHAOS_MEASURE_SPANS_H

#include "chaos/measure/record.h"

struct measure_span {
    uint32_t node, id;
    uint32_t key;   /* of a lock and of a wait */
    uint32_t other; /* of a wait: who held the row when it began */
    uint64_t from_us, to_us;
    bool is_censored; /* it lasted still when the run ended */
    bool is_late;     /* its beginning was not seen: it has lasted longer than that */
    bool is_semantic; /* the lock of a saga */
};

struct measure_span_list {
    struct measure_span *of;
    size_t len, size;
};

struct measure_spans {
    struct measure_span_list doubts; /* by node, id and time */
    struct measure_span_list holds;  /* by the time of their end */
    struct measure_span_list waits;
};

void measure_spans_make(const struct measure_run *run, struct measure_spans *spans);
void measure_spans_free(struct measure_spans *spans);

uint64_t measure_span_us(const struct measure_span *span);
/* How long it lies within a time. */
uint64_t measure_span_within_us(const struct measure_span *span, uint64_t from_us, uint64_t to_us);
/* The branches in doubt of an id at a node: `len` of them from the one that is returned. */
const struct measure_span *measure_doubts_of(const struct measure_spans *spans, uint32_t node, uint32_t id,
                                             size_t *len);

#endif
