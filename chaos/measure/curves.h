/* How a run has gone over its time, for pictures: branches in doubt, and rows that were locked. Pure. */
#ifndef VOW_CHAOS_MEASURE_CURVES_H
#define VOW_CHAOS_MEASURE_CURVES_H

#include "chaos/measure/rows.h"

/* How many branches are in doubt, on average, in each bin of MEASURE_BIN_US from the beginning of the load. */
struct measure_curve {
    double *of;
    size_t len;
};
struct measure_curve measure_in_doubt_curve(const struct measure_run *run, const struct measure_spans *spans);

/* How many dead letters there are, at most, in each such bin. letters.c */
struct measure_curve measure_letters_curve(const struct measure_run *run);

/* The rows that were blocked longest, the worst first, and what part of each of `bins` times they were blocked. */
struct measure_heat {
    struct measure_row *rows;
    size_t rows_len;
    double *parts; /* rows_len times bins */
    size_t bins;
};
struct measure_heat measure_heat(const struct measure_run *run, const struct measure_spans *spans, size_t rows_max,
                                 size_t bins);
void measure_heat_free(struct measure_heat *heat);

#endif
