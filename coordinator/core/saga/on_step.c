/* One step, in the direction that its saga goes. */
#include "coordinator/core/saga/handlers.h"

#include <string.h>

#include "proto/assert.h"

bool step_must_be_done(const struct step *step)
{
    return step->direction == VOW_STEP_COMPENSATION || step->kind != VOW_STEP_COMPENSATABLE;
}

/* The pivot may be refused, and it alone of what must not be given up. */
bool step_may_be_refused(const struct step *step)
{
    return step->direction == VOW_STEP_ACTION && step->kind != VOW_STEP_RETRIABLE;
}

static void send_or_wait(struct vow_sagas *core, struct step *step)
{
    if (!pace_may_send(core, step)) {
        if (step->state != STEP_WAITING)
            step_move(core, step, STEP_WAITING);
        return;
    }
    pace_sent(core, step);
    step->was_sent = step->was_sent || step->direction == VOW_STEP_ACTION;
    step_move(core, step, STEP_SENT);
    saga_send_step(core, step);
}

void step_on_start(struct vow_sagas *core, struct step_input *in)
{
    struct step *step = in->step;

    /* In the other direction the next attempt is the first. */
    if (step->direction == VOW_STEP_ACTION && step_saga(core, step)->has_failed) {
        step->direction = VOW_STEP_COMPENSATION;
        step->attempts = 0;
        step->next_ms = 0;
    }
    if (step_must_be_done(step))
        step->deadline_ms = SAGA_NEVER_MS;
    else if (step->deadline_ms == SAGA_NEVER_MS)
        step->deadline_ms = core->now_ms + step->deadline_after_ms;
    step->patience_ms = SAGA_NEVER_MS;
    send_or_wait(core, step);
}

/* ---- its end ---- */

/* Why nobody answered. By that a step that is stuck is told after a restart, too, from one that waits for an operator:
 * who is away, or leaves all without an answer, has it tried again when he is well (4.2-return). */
static enum vow_cause cause_of_silence(const struct vow_sagas *core, const struct step *step)
{
    return !peer_is_well(step_peer(core, step)) ? VOW_CAUSE_PARTICIPANT_UNAVAILABLE : VOW_CAUSE_VOTE_TIMEOUT;
}

static void note(struct vow_sagas *core, struct step *step, enum vow_saga_fate fate,
                 const struct vow_msg_step_done *answer)
{
    struct vow_record *record;

    step->next_fate = (uint8_t)fate;
    step_move(core, step, STEP_NOTING);
    record = step_log(core, step);
    if (answer == NULL) {
        record->cause = cause_of_silence(core, step);
        return;
    }
    record->cause = answer->cause;
    record->body = answer->answer;
    vow_text_copy(record->text, answer->text);
}

/* What the saga is told to have failed of. */
static void blame(struct vow_sagas *core, const struct step *step, const struct vow_msg_step_done *answer)
{
    struct saga *saga = step_saga(core, step);

    /* Of what was stuck and is refused after all, that is the reason. */
    if ((saga->failed_step != step->number || saga->has_failed) && saga->cause != VOW_CAUSE_NONE)
        return;
    saga->failed_step = step->number;
    saga->cause = (uint8_t)(answer != NULL ? answer->cause : cause_of_silence(core, step));
    vow_text_copy(saga->text, answer != NULL ? answer->text : "");
}

void step_on_done(struct vow_sagas *core, struct step_input *in)
{
    enum vow_saga_fate fate = in->step->direction == VOW_STEP_ACTION ? VOW_FATE_DONE : VOW_FATE_UNDONE;

    pace_answered(core, in->step);
    note(core, in->step, fate, in->answer);
}

/* UNABLE is an answer that the participant does not remember: an earlier attempt that is still on its way may find the
 * handler there. So such a step is undone like one that is unknown, and such a pivot waits for an operator. */
static enum vow_saga_fate fate_of_refused(const struct step *step, enum vow_step_result result)
{
    if (result == VOW_STEP_UNABLE)
        return step_must_be_done(step) ? VOW_FATE_STUCK : VOW_FATE_UNKNOWN;
    return step_may_be_refused(step) ? VOW_FATE_REJECTED : VOW_FATE_STUCK;
}

void step_on_refused(struct vow_sagas *core, struct step_input *in)
{
    enum vow_saga_fate fate = fate_of_refused(in->step, in->answer->result);

    pace_answered(core, in->step);
    in->step->wants_peer = false;
    blame(core, in->step, in->answer);
    if (fate == VOW_FATE_STUCK)
        saga_alarm(core, &step_saga(core, in->step)->gtrid, in->step->number,
                   in->step->direction == VOW_STEP_COMPENSATION ? "a compensation is refused: it may not be"
                                                                : "a step that must be done is refused");
    note(core, in->step, fate, in->answer);
}

/* What was never sent did not happen, and will not: there is nothing to undo, and nothing to guess of a pivot. */
static enum vow_saga_fate fate_of_given_up(const struct step *step)
{
    if (!step->was_sent && step_may_be_refused(step))
        return VOW_FATE_REJECTED;
    return step_must_be_done(step) ? VOW_FATE_STUCK : VOW_FATE_UNKNOWN;
}

static void give_up(struct vow_sagas *core, struct step *step, const struct vow_msg_step_done *answer)
{
    step->wants_peer = answer == NULL && !peer_is_well(step_peer(core, step));
    blame(core, step, answer);
    note(core, step, fate_of_given_up(step), answer);
}

/* The next attempt is not before its time, after a restart either, and this one has been. Not forced: what is lost is
 * the count of an attempt. */
static void note_attempt(struct vow_sagas *core, const struct step *step, uint32_t delay_ms,
                         const struct vow_msg_step_done *answer)
{
    struct vow_record *record = step_note(core, step);

    record->detail = delay_ms;
    record->cause = answer != NULL ? answer->cause : cause_of_silence(core, step);
    vow_text_copy(record->text, answer != NULL ? answer->text : "");
}

/* Its saga has failed: what is under way is waited for, and nothing is begun. */
static bool is_called_off(const struct vow_sagas *core, const struct step *step)
{
    return step->direction == VOW_STEP_ACTION && step_saga(core, step)->has_failed;
}

/* The attempt failed, or nobody knows. */
void step_on_lost(struct vow_sagas *core, struct step_input *in)
{
    struct step *step = in->step;
    bool is_over = step->attempts >= step->attempts_max || core->now_ms >= step->deadline_ms;

    if (in->answer != NULL)
        pace_answered(core, step);
    else if (!step->is_lost)
        pace_unanswered(core, step);
    if (is_over || is_called_off(core, step)) {
        give_up(core, step, in->answer);
        return;
    }
    step_move(core, step, STEP_WAITING);
    note_attempt(core, step, pace_back_off(core, step), in->answer);
}

/* Nothing was sent, so that cost no attempt. */
void step_on_unsent(struct vow_sagas *core, struct step_input *in)
{
    pace_unsent(core, in->step);
    step_move(core, in->step, STEP_WAITING);
}

void step_on_due(struct vow_sagas *core, struct step_input *in)
{
    if (pace_is_over(core, in->step) || is_called_off(core, in->step))
        give_up(core, in->step, NULL);
    else
        send_or_wait(core, in->step);
}

void step_on_halt(struct vow_sagas *core, struct step_input *in)
{
    VOW_ASSERT(!step_must_be_done(in->step) || !in->step->was_sent);
    note(core, in->step, fate_of_given_up(in->step), NULL);
}

void step_on_logged(struct vow_sagas *core, struct step_input *in)
{
    struct step *step = in->step;

    step->is_back = false;
    if (step->next_fate == VOW_FATE_STUCK) {
        step_move(core, step, STEP_STUCK);
        return;
    }
    step->fate = step->next_fate;
    step_move(core, step, STEP_SETTLED);
}

/* It was for an operator to see that its participant is away; now it is back, and nobody has to see to it. */
void step_on_return(struct vow_sagas *core, struct step_input *in)
{
    in->step->is_back = true;
    in->step->attempts = 0;
    in->step->next_ms = 0;
    in->step->patience_ms = SAGA_NEVER_MS;
    send_or_wait(core, in->step);
}

void step_on_requeue(struct vow_sagas *core, struct step_input *in)
{
    struct step *step = in->step;
    uint32_t index = step_index(core, step);

    step->attempts = 0;
    step->next_ms = 0;
    step->patience_ms = SAGA_NEVER_MS;
    step_move(core, step, STEP_WAITING);
    vow_heap_set(&core->due, index, (struct vow_heap_key){core->now_ms, index});
}
