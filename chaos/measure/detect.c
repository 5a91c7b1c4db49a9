/*
 * When a death is noticed. The dead one says nothing: who was connected to it says that it has lost it. Nor does
 * anybody know when it was, for the harness notices it as all others do: it was after the last that its trace says.
 */
#include <math.h>
#include <stdlib.h>

#include "chaos/kill/memory.h"
#include "chaos/measure/metrics.h"

static const struct measure_fault *first_death(const struct measure_run *run)
{
    for (size_t i = 0; i < run->faults_len; i++)
        if (run->faults[i].is_death)
            return &run->faults[i];
    return NULL;
}

/* Processes that live at that time, and talk with the one that died: a coordinator with all, a participant with it. */
static bool *witnesses(const struct measure_run *run, const struct measure_fault *death)
{
    const bool is_coordinator = measure_is_coordinator(run, death->node);
    bool *are = real_need(calloc(measure_names_len(run->names), sizeof(bool)));

    for (size_t i = 0; i < run->records_len && run->records[i].t_us <= death->t_us; i++) {
        const struct measure_record *record = &run->records[i];
        if (record->what == MEASURE_LIFE && record->node != death->node && record->is_coordinator != is_coordinator)
            are[record->node] = true;
    }
    for (size_t i = 0; i < run->faults_len; i++) {
        const struct measure_fault *fault = &run->faults[i];
        if (fault->t_us <= death->t_us && (fault->healed_us == 0 || fault->healed_us > death->t_us))
            are[fault->node] = false; /* it is dead, or stands still, itself */
    }
    return are;
}

/* Its last sign of life; the death itself, if it has left no trace. */
static uint64_t last_sign_us(const struct measure_run *run, const struct measure_fault *death)
{
    uint64_t last_us = 0;

    for (size_t i = 0; i < run->records_len && run->records[i].t_us <= death->t_us; i++)
        if (run->records[i].node == death->node)
            last_us = run->records[i].t_us;
    return last_us > 0 ? last_us : death->t_us;
}

static uint64_t noticed_us(const struct measure_run *run, uint64_t from_us, uint32_t node)
{
    for (size_t i = 0; i < run->records_len; i++) {
        const struct measure_record *record = &run->records[i];
        if (record->what == MEASURE_PARTED && record->node == node && record->t_us >= from_us)
            return record->t_us;
    }
    return 0;
}

static bool has_any(const struct measure_run *run)
{
    for (size_t i = 0; i < run->records_len; i++)
        if (run->records[i].what == MEASURE_PARTED)
            return true;
    return false;
}

/* One that has not noticed when the dead one serves again never did: it is known to have taken at least so long. */
struct measure_value measure_detect(const struct measure_run *run)
{
    const struct measure_fault *death = first_death(run);
    struct measure_value found = {.number = NAN};

    if (death == NULL || !has_any(run))
        return found;
    bool *are = witnesses(run, death);
    const uint64_t from_us = last_sign_us(run, death);
    const uint64_t until_us = death->healed_us > 0 ? death->healed_us : run->end_us;
    uint64_t last_us = 0;
    for (uint32_t node = 1; node < measure_names_len(run->names); node++) {
        const uint64_t us = are[node] ? noticed_us(run, from_us, node) : 0;
        if (!are[node])
            continue;
        found.is_at_least = found.is_at_least || us == 0 || us > until_us;
        last_us = us > last_us ? us : last_us;
    }
    if (found.is_at_least)
        last_us = until_us;
    if (last_us > 0)
        found.number = (double)(last_us - from_us) / 1000;
    free(are);
    return found;
}
