#include "chaos/measure/survival.h"

#include <math.h>
#include <stdlib.h>

#define ROUNDING 1e-12

/* By time, and ends before what lasts at least so long: that still was at risk. */
static int compare(const void *left, const void *right)
{
    const struct measure_lasting *a = left, *b = right;

    if (a->us != b->us)
        return (a->us > b->us) - (a->us < b->us);
    return a->is_censored - b->is_censored;
}

static struct measure_time longest(const struct measure_lasting *sorted, size_t len)
{
    return len > 0 ? (struct measure_time){(double)sorted[len - 1].us, sorted[len - 1].is_censored}
                   : (struct measure_time){NAN, false};
}

struct measure_time measure_survival_quantile(const struct measure_lasting *sorted, size_t len, double q)
{
    double lasting = 1;

    for (size_t i = 0; i < len; i++) {
        const double at_risk = (double)(len - i);
        if (sorted[i].is_censored)
            continue;
        lasting *= (at_risk - 1) / at_risk;
        if (lasting <= 1 - q + ROUNDING)
            return (struct measure_time){(double)sorted[i].us, false};
    }
    return (struct measure_time){longest(sorted, len).us, len > 0};
}

struct measure_survival measure_survival(struct measure_lasting *lastings, size_t len)
{
    size_t censored = 0;

    if (len > 0)
        qsort(lastings, len, sizeof(*lastings), compare);
    for (size_t i = 0; i < len; i++)
        censored += lastings[i].is_censored;
    return (struct measure_survival){.len = len,
                                     .censored = censored,
                                     .p50 = measure_survival_quantile(lastings, len, 0.5),
                                     .p90 = measure_survival_quantile(lastings, len, 0.9),
                                     .p99 = measure_survival_quantile(lastings, len, 0.99),
                                     .p999 = measure_survival_quantile(lastings, len, 0.999),
                                     .max = longest(lastings, len)};
}
