/* What is said of repeated runs: medians, and how sure they are. Pure. */
#ifndef VOW_CHAOS_MEASURE_STATS_H
#define VOW_CHAOS_MEASURE_STATS_H

#include <stddef.h>
#include <stdint.h>

/* A value and the interval in which it lies with 95 %. NAN where there is nothing to say it of. */
struct measure_interval {
    double mid, low, high;
};

double measure_mean(const double *values, size_t len);
/* Between the two values that are nearest, as R's type 7 has it; q is 0 to 1. NAN of none. */
double measure_quantile(const double *values, size_t len, double q);
double measure_median(const double *values, size_t len);

/*
 * The median and its bootstrap interval (percentiles of the medians of 2,000 samples drawn with replacement): nothing
 * is assumed of how the values are spread, but that the runs are independent. The same seed gives the same interval.
 */
struct measure_interval measure_bootstrap(const double *values, size_t len, uint64_t seed);

/* Within what counts of a Poisson process of this mean lie, but for `tail` on either side. */
struct measure_count_interval {
    uint64_t low, high;
};
struct measure_count_interval measure_poisson(double mean, double tail);

#endif
