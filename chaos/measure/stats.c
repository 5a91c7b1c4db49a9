#include "chaos/measure/stats.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "chaos/kill/memory.h"
#include "chaos/sim/rng.h"

#define SAMPLES 2000

double measure_mean(const double *values, size_t len)
{
    double sum = 0;

    for (size_t i = 0; i < len; i++)
        sum += values[i];
    return len > 0 ? sum / (double)len : NAN;
}

static int compare(const void *left, const void *right)
{
    const double a = *(const double *)left, b = *(const double *)right;

    return (a > b) - (a < b);
}

static double sorted_quantile(const double *values, size_t len, double q)
{
    const double at = q * (double)(len - 1);
    const size_t below = (size_t)at;
    const size_t above = below + 1 < len ? below + 1 : below;

    return values[below] + (at - (double)below) * (values[above] - values[below]);
}

double measure_quantile(const double *values, size_t len, double q)
{
    if (len == 0)
        return NAN;
    double *sorted = real_need(malloc(len * sizeof(*sorted)));
    memcpy(sorted, values, len * sizeof(*sorted));
    qsort(sorted, len, sizeof(*sorted), compare);
    const double found = sorted_quantile(sorted, len, q);
    free(sorted);
    return found;
}

double measure_median(const double *values, size_t len)
{
    return measure_quantile(values, len, 0.5);
}

static double median_of_sample(const double *values, size_t len, struct sim_rng *rng, double *sample)
{
    for (size_t i = 0; i < len; i++)
        sample[i] = values[sim_rng_below(rng, len)];
    qsort(sample, len, sizeof(*sample), compare);
    return sorted_quantile(sample, len, 0.5);
}

struct measure_interval measure_bootstrap(const double *values, size_t len, uint64_t seed)
{
    struct sim_rng rng = {sim_mix(seed, len)};
    double medians[SAMPLES];

    if (len == 0)
        return (struct measure_interval){NAN, NAN, NAN};
    double *sample = real_need(malloc(len * sizeof(*sample)));
    for (size_t i = 0; i < SAMPLES; i++)
        medians[i] = median_of_sample(values, len, &rng, sample);
    free(sample);
    qsort(medians, SAMPLES, sizeof(*medians), compare);
    return (struct measure_interval){.mid = measure_median(values, len),
                                     .low = sorted_quantile(medians, SAMPLES, 0.025),
                                     .high = sorted_quantile(medians, SAMPLES, 0.975)};
}

static double poisson(double mean, uint64_t count)
{
    return mean > 0 ? exp((double)count * log(mean) - mean - lgamma((double)count + 1)) : count == 0;
}

struct measure_count_interval measure_poisson(double mean, double tail)
{
    struct measure_count_interval interval = {0, 0};
    double below = poisson(mean, 0);

    while (below < tail)
        below += poisson(mean, ++interval.low);
    interval.high = interval.low;
    while (below < 1 - tail && interval.high < 10 * (uint64_t)(mean + 100))
        below += poisson(mean, ++interval.high);
    return interval;
}
