/* How a saga ends, or does not: stuck, tried again or closed by an operator, ended. */
#include "coordinator/core/saga/handlers.h"

#include "proto/error.h"

/* ---- stuck ---- */

void saga_on_stuck(struct vow_sagas *core, struct saga_input *in)
{
    struct saga *saga = in->saga;
    enum saga_state stuck = saga->has_failed ? SAGA_STUCK_COMPENSATING : SAGA_STUCK_FORWARD;

    saga_alarm(core, in->gtrid, in->step->number,
               saga->has_failed ? "a compensation is stuck" : "a step after the pivot, or the pivot, is stuck");
    if (saga->state == stuck)
        return;
    saga_move(core, saga, stuck);
    saga_tell(core, saga);
}

void saga_absolve(struct saga *saga)
{
    if (saga->has_failed)
        return;
    saga->failed_step = VOW_STEP_NONE;
    saga->cause = VOW_CAUSE_NONE;
    saga->text[0] = '\0';
}

/* That a step is stuck is on its way to the disk. An order in front of which that record lies is about that step, too,
 * for whoever reads the journal; so it is not taken before all that it is about is there. */
static bool is_getting_stuck(const struct vow_sagas *core, const struct saga *saga)
{
    FOR_EACH_STEP(core, saga, step)
    {
        if (step->state == STEP_NOTING && step->next_fate == VOW_FATE_STUCK)
            return true;
    }
    return false;
}

void saga_on_requeue(struct vow_sagas *core, struct saga_input *in)
{
    struct saga *saga = in->saga;

    if (is_getting_stuck(core, saga)) {
        saga_ordered(core, in, VOW_E_STATE, "another step of it is getting stuck at this moment: try again");
        return;
    }
    saga_move(core, saga, saga->has_failed ? SAGA_COMPENSATING : SAGA_RUNNING);
    saga_absolve(saga);
    saga->order_tag = in->from->order.tag;
    saga_log_retry(core, saga);
    FOR_EACH_STEP(core, saga, step)
    {
        struct step_input requeue = {.event = STEP_ON_REQUEUE, .step = step};

        step->is_back = false;
        if (step->state == STEP_STUCK)
            step_dispatch(core, &requeue);
    }
}

void saga_on_order_refused(struct vow_sagas *core, struct saga_input *in)
{
    if (in->saga == NULL)
        saga_ordered(core, in, VOW_E_NOT_FOUND, "no saga of this id is under way");
    else
        saga_ordered(core, in, VOW_E_STATE, "it is not stuck");
}

/* ---- ended ---- */

static void stop_steps(struct vow_sagas *core, const struct saga *saga)
{
    FOR_EACH_STEP(core, saga, step)
    {
        pace_stop(core, step);
    }
}

static void count(struct vow_sagas *core, enum vow_saga_state outcome)
{
    core->counts.completed += outcome == VOW_SAGA_COMPLETED;
    core->counts.compensated += outcome == VOW_SAGA_COMPENSATED;
    core->counts.closed += outcome == VOW_SAGA_CLOSED;
}

/* What the steps' records say already is told at once; what an operator decided is told when that is durable. */
void saga_end(struct vow_sagas *core, struct saga *saga, enum vow_saga_state outcome)
{
    bool is_closed = outcome == VOW_SAGA_CLOSED;

    stop_steps(core, saga);
    saga->outcome = (uint8_t)outcome;
    saga_move(core, saga, SAGA_ENDING);
    saga_log(core, VOW_RECORD_SAGA_END, saga, is_closed)->detail = (uint32_t)outcome;
    count(core, outcome);
    if (!is_closed)
        saga_tell(core, saga);
}

/* The operator hears of it like the client: not before it is durable. */
void saga_on_close(struct vow_sagas *core, struct saga_input *in)
{
    in->saga->order_tag = in->from->order.tag;
    saga_end(core, in->saga, VOW_SAGA_CLOSED);
}

void saga_on_ended(struct vow_sagas *core, struct saga_input *in)
{
    if (in->saga->outcome == VOW_SAGA_CLOSED) {
        in->saga->is_closed = true;
        saga_tell(core, in->saga);
        saga_carried_out(core, in->saga);
    }
    in->saga->outcome = 0;
    saga_move(core, in->saga, SAGA_NONE);
}
