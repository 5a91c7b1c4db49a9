#include <math.h>

#include "chaos/measure/lastings.h"
#include "chaos/measure/metrics.h"

/* A saga, as far as it has come; times are 0 if that has not come. */
struct story {
    uint64_t step_us, turn_us, end_us;
    bool is_saga, is_undone, is_stuck;
};

static void take(const struct measure_record *record, struct story *story)
{
    if (record->what == MEASURE_STEP && !record->is_compensation && story->step_us == 0)
        story->step_us = record->t_us;
    if (record->what != MEASURE_SAGA)
        return;
    story->is_saga = true;
    if (record->state == MEASURE_COMPENSATING && story->turn_us == 0)
        story->turn_us = record->t_us;
    story->is_stuck = record->state == MEASURE_HALTED;
    story->is_undone = record->state == MEASURE_UNDONE;
    if (record->state == MEASURE_DONE || record->state == MEASURE_UNDONE || record->state == MEASURE_CLOSED)
        story->end_us = record->t_us;
}

static struct measure_lasting since(const struct measure_run *run, uint64_t from_us, const struct story *story)
{
    const uint64_t until_us = story->end_us > 0 ? story->end_us : run->end_us;

    return (struct measure_lasting){until_us > from_us ? until_us - from_us : 0, story->end_us == 0};
}

/* Of a choreography only the client knows the end. */
static double compensated_part(const struct measure_run *run)
{
    size_t ended = 0, undone = 0;

    for (size_t i = 0; i < run->ops_len; i++) {
        ended += measure_is_done(run->ops[i].outcome) || measure_is_undone(run->ops[i].outcome);
        undone += run->ops[i].outcome == MEASURE_COMPENSATED;
    }
    return ended > 0 ? (double)undone / (double)ended : NAN;
}

struct measure_sagas measure_sagas(const struct measure_run *run)
{
    const uint32_t names = measure_names_len(run->names);
    struct story *stories = real_need(calloc(names, sizeof(*stories)));
    struct measure_lasting *turns = lastings_new(names), *sights = lastings_new(names);
    struct measure_sagas found = {.compensated = compensated_part(run)};
    size_t turns_len = 0, sights_len = 0;

    for (size_t i = 0; i < run->records_len; i++)
        take(&run->records[i], &stories[run->records[i].id]);
    for (uint32_t id = 1; id < names; id++) {
        const struct story *story = &stories[id];
        if (!story->is_saga)
            continue;
        found.len++;
        found.stuck += story->is_stuck;
        if (story->turn_us > 0)
            turns[turns_len++] = since(run, story->turn_us, story);
        if (story->step_us > 0)
            sights[sights_len++] = since(run, story->step_us, story);
    }
    found.compensation = measure_survival(turns, turns_len);
    found.visible = measure_survival(sights, sights_len);
    free(stories);
    free(turns);
    free(sights);
    return found;
}
