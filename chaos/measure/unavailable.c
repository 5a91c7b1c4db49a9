#include <math.h>
#include <stdlib.h>

#include "chaos/measure/metrics.h"
#include "chaos/measure/rows.h"

struct measure_unavailable measure_unavailable(const struct measure_run *run, const struct measure_spans *spans)
{
    const double time_us = (double)(run->to_us - run->from_us);
    struct measure_rows rows = measure_rows(run, spans);
    const double keys = run->keys > rows.len ? run->keys : (double)rows.len;
    double blocked = 0, weighted = 0, accesses = 0;

    for (size_t i = 0; i < rows.len; i++) {
        blocked += (double)rows.of[i].blocked_us;
        weighted += (double)rows.of[i].blocked_us * (double)rows.of[i].accesses;
        accesses += (double)rows.of[i].accesses;
    }
    free(rows.of);
    if (time_us <= 0)
        return (struct measure_unavailable){NAN, NAN};
    return (struct measure_unavailable){.rows = keys > 0 ? blocked / (keys * time_us) : 0,
                                        .accesses = accesses > 0 ? weighted / (accesses * time_us) : 0};
}
