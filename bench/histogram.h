/* A histogram of microseconds with 64 buckets a power of two: about 1.5 % wide, fixed size, mergeable. */
#ifndef VOW_BENCH_HISTOGRAM_H
#define VOW_BENCH_HISTOGRAM_H

#include <stdint.h>

#define HISTOGRAM_SUB 64u
#define HISTOGRAM_BUCKETS (HISTOGRAM_SUB * 27u)

struct histogram {
    uint64_t count;
    uint32_t buckets[HISTOGRAM_BUCKETS];
};

void histogram_add(struct histogram *histogram, uint64_t value);
void histogram_merge(struct histogram *into, const struct histogram *from);
/* The value below which `quantile` (0 to 1) of all lie; 0 if there are none. */
uint64_t histogram_quantile(const struct histogram *histogram, double quantile);

#endif
