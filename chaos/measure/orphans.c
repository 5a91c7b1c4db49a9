#include <math.h>
#include <stdlib.h>

#include "chaos/kill/memory.h"
#include "chaos/measure/metrics.h"

#define LOOK_US UINT64_C(60000000)

/* When the last fault was over; one that nobody ever mended is over when it is done. 0 = there was none. */
static uint64_t over_us(const struct measure_run *run)
{
    uint64_t last_us = 0;

    for (size_t i = 0; i < run->faults_len; i++) {
        const struct measure_fault *fault = &run->faults[i];
        const uint64_t us = fault->healed_us > 0 ? fault->healed_us : fault->t_us;
        last_us = us > last_us ? us : last_us;
    }
    return last_us;
}

static void mark(const struct measure_span_list *list, uint64_t over_us, uint64_t look_us, bool *is_left)
{
    for (size_t i = 0; i < list->len; i++) {
        const struct measure_span *span = &list->of[i];
        if (span->from_us <= over_us && (span->to_us > look_us || (span->is_censored && span->to_us == look_us)))
            is_left[span->id] = true;
    }
}

struct measure_orphans measure_orphans(const struct measure_run *run, const struct measure_spans *spans)
{
    const uint32_t names = measure_names_len(run->names);
    const uint64_t over = over_us(run);
    const uint64_t look = over + LOOK_US < run->end_us ? over + LOOK_US : run->end_us;
    struct measure_orphans found = {NAN, NAN};

    if (over == 0)
        return found;
    bool *is_left = real_need(calloc(names, sizeof(bool)));
    mark(&spans->doubts, over, look, is_left);
    mark(&spans->holds, over, look, is_left);
    found = (struct measure_orphans){.after_ms = look > over ? (double)(look - over) / 1000 : 0};
    for (uint32_t id = 1; id < names; id++)
        found.left += is_left[id];
    free(is_left);
    return found;
}
