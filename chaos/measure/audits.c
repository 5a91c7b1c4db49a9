#include <math.h>
#include <stdlib.h>

#include "chaos/measure/metrics.h"

struct measure_audits measure_audits(const struct measure_run *run)
{
    struct measure_audits found = {.deviation_max = 0};
    uint64_t wrong_from_us = 0, wrong_us = 0;
    size_t wrong = 0;

    for (size_t i = 0; i < run->records_len; i++) {
        const struct measure_record *audit = &run->records[i];
        if (audit->what != MEASURE_AUDIT)
            continue;
        const double deviation = fabs((double)audit->sum - (double)audit->expected);
        found.len++;
        wrong += deviation > 0;
        found.deviation_max = deviation > found.deviation_max ? deviation : found.deviation_max;
        if (deviation > 0 && wrong_from_us == 0)
            wrong_from_us = audit->t_us;
        if (deviation > 0 || wrong_from_us == 0)
            continue;
        wrong_us += audit->t_us - wrong_from_us;
        wrong_from_us = 0;
    }
    if (wrong_from_us > 0)
        wrong_us += run->end_us - wrong_from_us;
    if (found.len == 0)
        return (struct measure_audits){.wrong = NAN, .deviation_max = NAN, .wrong_ms = NAN};
    found.wrong = (double)wrong / (double)found.len;
    found.wrong_ms = (double)wrong_us / 1000;
    return found;
}
