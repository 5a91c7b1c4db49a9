#include <math.h>

#include "chaos/measure/metrics.h"

static const struct measure_fault *death_of_coordinator(const struct measure_run *run)
{
    for (size_t i = 0; i < run->faults_len; i++)
        if (run->faults[i].is_death && measure_is_coordinator(run, run->faults[i].node))
            return &run->faults[i];
    return NULL;
}

/* The first line of a kind by the node from a time on; NULL = none. */
static const struct measure_record *next(const struct measure_run *run, uint32_t node, enum measure_what what,
                                         uint64_t from_us)
{
    for (size_t i = 0; i < run->records_len; i++) {
        const struct measure_record *record = &run->records[i];
        if (record->t_us >= from_us && record->node == node && record->what == what && !record->was_found)
            return record;
    }
    return NULL;
}

static double last_in_doubt_ms(const struct measure_spans *spans, uint64_t death_us)
{
    uint64_t last_us = 0;

    for (size_t i = 0; i < spans->doubts.len; i++) {
        const struct measure_span *doubt = &spans->doubts.of[i];
        if (doubt->from_us > death_us || doubt->to_us <= death_us)
            continue;
        if (doubt->is_censored)
            return NAN; /* it has not come */
        last_us = doubt->to_us > last_us ? doubt->to_us : last_us;
    }
    return last_us > 0 ? (double)(last_us - death_us) / 1000 : 0;
}

struct measure_recovery measure_recovery(const struct measure_run *run, const struct measure_spans *spans)
{
    const struct measure_fault *death = death_of_coordinator(run);
    struct measure_recovery found = {NAN, NAN, NAN, NAN};

    if (death == NULL)
        return found;
    found.last_in_doubt = last_in_doubt_ms(spans, death->t_us);
    const struct measure_record *life = next(run, death->node, MEASURE_LIFE, death->t_us);
    if (life == NULL)
        return found;
    found.restart = (double)(life->t_us - death->t_us) / 1000;
    const struct measure_record *ready = next(run, death->node, MEASURE_READY, life->t_us);
    const struct measure_record *decided = next(run, death->node, MEASURE_DECIDED, life->t_us);
    if (ready != NULL)
        found.replay = (double)(ready->t_us - life->t_us) / 1000;
    if (decided != NULL)
        found.first_decision = (double)(decided->t_us - death->t_us) / 1000;
    return found;
}
