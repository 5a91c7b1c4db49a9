#include <math.h>

#include "chaos/measure/lastings.h"
#include "chaos/measure/metrics.h"

struct mean {
    double sum;
    size_t len;
};

static void add(struct mean *mean, const struct measure_span *span)
{
    mean->sum += (double)measure_span_us(span);
    mean->len++;
}

struct measure_locks measure_locks(const struct measure_run *run, const struct measure_spans *spans)
{
    struct mean met = {0}, before = {0};

    for (size_t i = 0; i < spans->holds.len && run->faults_len > 0; i++) {
        const struct measure_span *hold = &spans->holds.of[i];
        if (measure_meets_fault(run, hold))
            add(&met, hold);
        else if (hold->to_us < run->faults[0].t_us)
            add(&before, hold);
    }
    const bool is_known = met.len > 0 && before.len > 0 && before.sum > 0;
    return (struct measure_locks){.time = lastings_of_spans(&spans->holds),
                                  .fault_ratio =
                                      is_known ? met.sum / (double)met.len / (before.sum / (double)before.len) : NAN};
}
