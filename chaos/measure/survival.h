/*
 * How long something lasts, of which some was still lasting when one stopped to look. Such a time is censored: it is at
 * least so long. Taken for an end it would make the worst waits look short; left out, it would make them vanish. So
 * quantiles are those of Kaplan and Meier. Pure.
 */
#ifndef VOW_CHAOS_MEASURE_SURVIVAL_H
#define VOW_CHAOS_MEASURE_SURVIVAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct measure_lasting {
    uint64_t us;
    bool is_censored; /* it lasted still */
};

/* A time, or what it is at least. */
struct measure_time {
    double us; /* NAN = there is none */
    bool is_at_least;
};

struct measure_survival {
    size_t len, censored;
    struct measure_time p50, p90, p99, p999, max;
};

/* Puts them in order. */
struct measure_survival measure_survival(struct measure_lasting *lastings, size_t len);

/* The least time after which no more than 1 - q of what is in order still lasts. If so few have ended that nothing can
 * be said, at least the longest. */
struct measure_time measure_survival_quantile(const struct measure_lasting *sorted, size_t len, double q);

#endif
