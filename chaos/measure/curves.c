#include "chaos/measure/curves.h"

#include <stdlib.h>

#include "chaos/kill/memory.h"

struct measure_curve measure_in_doubt_curve(const struct measure_run *run, const struct measure_spans *spans)
{
    const size_t len = (run->to_us - run->from_us) / MEASURE_BIN_US;
    struct measure_curve curve = {.of = real_need(calloc(len + 1, sizeof(double))), .len = len};

    for (size_t i = 0; i < spans->doubts.len; i++) {
        const struct measure_span *doubt = &spans->doubts.of[i];
        size_t bin = doubt->from_us > run->from_us ? (doubt->from_us - run->from_us) / MEASURE_BIN_US : 0;
        for (; bin < len && run->from_us + bin * MEASURE_BIN_US < doubt->to_us; bin++) {
            const uint64_t from_us = run->from_us + bin * MEASURE_BIN_US;
            curve.of[bin] += (double)measure_span_within_us(doubt, from_us, from_us + MEASURE_BIN_US) / MEASURE_BIN_US;
        }
    }
    return curve;
}

static int by_blocked(const void *left, const void *right)
{
    const struct measure_row *a = left, *b = right;

    return (a->blocked_us < b->blocked_us) - (a->blocked_us > b->blocked_us);
}

static void heat_row(const struct measure_run *run, const struct measure_spans *spans, const struct measure_row *row,
                     double *parts, size_t bins)
{
    const uint64_t width_us = (run->to_us - run->from_us) / bins;

    for (size_t i = 0; i < spans->holds.len && width_us > 0; i++) {
        const struct measure_span *hold = &spans->holds.of[i];
        if (hold->node != row->node || hold->key != row->key || hold->to_us <= run->from_us)
            continue;
        size_t bin = hold->from_us > run->from_us ? (hold->from_us - run->from_us) / width_us : 0;
        for (; bin < bins && run->from_us + bin * width_us < hold->to_us; bin++) {
            const uint64_t from_us = run->from_us + bin * width_us;
            parts[bin] += (double)measure_blocked_us(spans, hold, from_us, from_us + width_us) / (double)width_us;
            parts[bin] = parts[bin] < 1 ? parts[bin] : 1; /* shared locks lie over one another */
        }
    }
}

struct measure_heat measure_heat(const struct measure_run *run, const struct measure_spans *spans, size_t rows_max,
                                 size_t bins)
{
    struct measure_rows rows = measure_rows(run, spans);
    struct measure_heat heat = {.rows = rows.of, .bins = bins};

    qsort(rows.of, rows.len, sizeof(*rows.of), by_blocked);
    while (heat.rows_len < rows.len && heat.rows_len < rows_max && rows.of[heat.rows_len].blocked_us > 0)
        heat.rows_len++;
    heat.parts = real_need(calloc(heat.rows_len * bins + 1, sizeof(double)));
    for (size_t i = 0; i < heat.rows_len; i++)
        heat_row(run, spans, &heat.rows[i], heat.parts + i * bins, bins);
    return heat;
}

void measure_heat_free(struct measure_heat *heat)
{
    free(heat->rows);
    free(heat->parts);
    *heat = (struct measure_heat){.rows = NULL};
}
