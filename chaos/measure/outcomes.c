/* How transactions have ended, and which of them a fault has met. */
#include <stdlib.h>

#include "chaos/kill/memory.h"
#include "chaos/measure/metrics.h"

static enum measure_outcome of_state(enum measure_state state)
{
    switch (state) {
    case MEASURE_DONE:
        return MEASURE_COMPLETED;
    case MEASURE_UNDONE:
        return MEASURE_COMPENSATED;
    case MEASURE_HALTED:
    case MEASURE_CLOSED:
        return MEASURE_STUCK;
    case MEASURE_RUNNING:
    case MEASURE_COMPENSATING:
        break;
    }
    return MEASURE_UNKNOWN;
}

static void take(const struct measure_record *record, enum measure_outcome *outcome)
{
    if (record->what == MEASURE_DECIDED)
        *outcome = record->outcome;
    else if (record->what == MEASURE_SAGA && of_state(record->state) != MEASURE_UNKNOWN)
        *outcome = of_state(record->state);
    else if (record->what == MEASURE_APPLIED && *outcome == MEASURE_UNKNOWN)
        *outcome = record->outcome;
}

enum measure_outcome *measure_outcomes(const struct measure_run *run)
{
    enum measure_outcome *outcomes = real_need(calloc(measure_names_len(run->names), sizeof(*outcomes)));

    for (size_t i = 0; i < run->records_len; i++)
        take(&run->records[i], &outcomes[run->records[i].id]);
    for (size_t i = 0; i < run->ops_len; i++)
        if (outcomes[run->ops[i].id] == MEASURE_UNKNOWN)
            outcomes[run->ops[i].id] = run->ops[i].outcome;
    outcomes[0] = MEASURE_UNKNOWN;
    return outcomes;
}

bool measure_is_coordinator(const struct measure_run *run, uint32_t node)
{
    for (size_t i = 0; i < run->records_len; i++)
        if (run->records[i].what == MEASURE_LIFE && run->records[i].node == node)
            return run->records[i].is_coordinator;
    return false;
}

bool measure_meets_fault(const struct measure_run *run, const struct measure_span *span)
{
    for (size_t i = 0; i < run->faults_len; i++) {
        const struct measure_fault *fault = &run->faults[i];
        if (span->to_us >= fault->t_us && (fault->healed_us == 0 || span->from_us <= fault->healed_us))
            return true;
    }
    return false;
}

bool measure_covers_fault(const struct measure_run *run, const struct measure_span *span)
{
    for (size_t i = 0; i < run->faults_len; i++)
        if (span->from_us <= run->faults[i].t_us && span->to_us > run->faults[i].t_us)
            return true;
    return false;
}
