/*
 * The barrier, S3 to S5, and what holds across participants. No compensation takes effect whose action has none (S3).
 * No action takes effect when its compensation is recorded, empty or not, nor when the saga has ended, unless an
 * operator has closed it (S4). When the pivot is done nothing is undone (S5).
 */
#include "chaos/sim/check.h"

static const struct ledger_step *pivot_of(const struct ledger_saga *saga)
{
    for (uint32_t i = 0; i < saga->steps_len; i++) {
        if (saga->steps[i].kind == VOW_STEP_PIVOT)
            return &saga->steps[i];
    }
    return NULL;
}

/* A handler has run to a durable end. */
static void took_effect(struct sim_judge *judge, const struct sim_sight *sight, struct ledger_saga *saga)
{
    const struct sim_seen_step *seen = &sight->store.step;
    const struct ledger_step *step = sim_ledger_step(saga, seen->number), *pivot = pivot_of(saga);

    if (step == NULL || step->node != sight->node)
        return;
    if (seen->direction == VOW_STEP_COMPENSATION) {
        if (step->action.taken == 0)
            judge_fail(judge, sight, "S3", &saga->gtrid, "step %u is undone, and was not done", seen->number);
        if (pivot != NULL && pivot->action.taken != 0)
            judge_fail(judge, sight, "S5", &saga->gtrid, "step %u is undone, and the pivot is done", seen->number);
        return;
    }
    if (step->compensation.recorded != 0)
        judge_fail(judge, sight, "S4", &saga->gtrid, "step %u takes effect behind its compensation", seen->number);
    if (sim_saga_is_whole(saga))
        judge_fail(judge, sight, "S4", &saga->gtrid, "step %u takes effect, and the saga has ended", seen->number);
}

void check_saga_barrier(struct sim_judge *judge, const struct sim_sight *sight)
{
    struct ledger_saga *saga;

    if (sight->kind != SIM_SEEN_STORE_DONE || sight->store.op != VOW_STORE_STEP ||
        sight->store.step.result != VOW_STEP_DONE || !sight->store.step.has_run)
        return;
    saga = sim_ledger_find(&judge->ledger, &sight->gtrid);
    if (saga != NULL && !sim_saga_is_harmed(&judge->ledger, saga))
        took_effect(judge, sight, saga);
}
