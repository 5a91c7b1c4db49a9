#include "chaos/measure/lastings.h"
#include "chaos/measure/metrics.h"

/* An order that could not be sent because those before it were stuck has waited, too (coordinated omission). */
struct measure_survival measure_latency(const struct measure_run *run)
{
    struct measure_lasting *lastings = lastings_new(run->ops_len);
    size_t len = 0;

    for (size_t i = 0; i < run->ops_len; i++) {
        const struct measure_op *op = &run->ops[i];
        const bool is_answered = op->end_us > 0 && op->outcome != MEASURE_UNKNOWN;
        const uint64_t until_us = is_answered ? op->end_us : run->end_us;
        if (op->outcome == MEASURE_REJECTED)
            continue;
        lastings[len++] = (struct measure_lasting){until_us - op->due_us, !is_answered};
    }
    const struct measure_survival survival = measure_survival(lastings, len);
    free(lastings);
    return survival;
}
