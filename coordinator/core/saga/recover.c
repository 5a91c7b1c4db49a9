/*
 * Recovery: the fold of a saga's records. A step of a stage that was reached and has no fate may have been sent;
 * forward it is sent again, and of a saga that has failed it is undone like one that is known to have been done.
 */
#include "coordinator/core/saga/handlers.h"

#include <string.h>

#include "proto/assert.h"

static uint64_t what_is_left(uint64_t ms, uint64_t used_ms)
{
    return ms > used_ms ? ms - used_ms : 0;
}

/* The record of that age began it, so the deadlines of its steps have run since, in whatever life (4.2). */
static void begin_deadlines(const struct vow_sagas *core, const struct saga *saga, uint32_t stage, uint64_t age_ms)
{
    FOR_EACH_STEP(core, saga, step)
    {
        if (step->stage == stage && !step_must_be_done(step))
            step->deadline_ms = core->now_ms + what_is_left(step->deadline_after_ms, age_ms);
    }
}

static bool is_stage_settled(const struct vow_sagas *core, const struct saga *saga, uint32_t stage)
{
    FOR_EACH_STEP(core, saga, step)
    {
        if (step->stage == stage && step->state != STEP_SETTLED)
            return false;
    }
    return true;
}

void saga_on_recovered_begin(struct vow_sagas *core, struct saga_input *in)
{
    const struct vow_msg_saga_request *request = in->from->recovered.msg;

    /* The driver sizes the limits by what the journal has open. */
    in->saga = saga_new(core, request);
    in->saga->earlier_ms = in->from->recovered.age_ms;
    if (request->deadline_ms != 0)
        in->saga->deadline_ms = core->now_ms + what_is_left(request->deadline_ms, in->saga->earlier_ms);
    begin_deadlines(core, in->saga, 0, in->saga->earlier_ms);
    saga_move(core, in->saga, SAGA_RUNNING);
}

static void blame(struct saga *saga, const struct vow_record *record, uint32_t step)
{
    saga->cause = (uint8_t)record->cause;
    saga->failed_step = step;
    memcpy(saga->text, record->text, sizeof(saga->text));
}

/* Of several the first, as it was told (on_step.c). */
static void blame_stuck(struct saga *saga, const struct vow_record *record, uint32_t step)
{
    if (saga->cause == VOW_CAUSE_NONE || saga->failed_step == step)
        blame(saga, record, step);
}

/* stage: the last that was begun. */
static void fail(struct saga *saga, const struct vow_record *record, uint32_t step, uint32_t stage)
{
    saga->stage = stage;
    if (!saga->has_failed)
        blame(saga, record, step);
    saga->has_failed = true;
}

void saga_on_recovered_step(struct vow_sagas *core, struct saga_input *in)
{
    const struct vow_record *record = in->from->recovered.record;
    struct step *step = saga_step(core, in->saga, record->step.number);

    VOW_ASSERT(step != NULL);
    step->direction = record->step.direction;
    step->attempts = record->step.attempts;
    if (step_must_be_done(step))
        step->deadline_ms = SAGA_NEVER_MS;
    if (record->step.fate == VOW_FATE_NONE) {
        step->next_ms = core->now_ms + what_is_left(record->detail, in->from->recovered.age_ms);
        return;
    }
    step->next_ms = 0; /* of an attempt before: all that its record said is said (journal/sqlite_void.c) */
    step->state = record->step.fate == VOW_FATE_STUCK ? STEP_STUCK : STEP_SETTLED;
    step->wants_peer = record->cause == VOW_CAUSE_PARTICIPANT_UNAVAILABLE;
    if (record->step.fate != VOW_FATE_STUCK)
        step->fate = record->step.fate;
    else if (step->direction == VOW_STEP_COMPENSATION && step->fate == VOW_FATE_NONE)
        step->fate = VOW_FATE_UNKNOWN; /* it was under way when the saga failed */
    if (record->step.fate == VOW_FATE_STUCK && !in->saga->has_failed)
        blame_stuck(in->saga, record, step->number);
    else if (!saga_has_stuck(core, in->saga))
        saga_absolve(in->saga);
    if (record->step.fate == VOW_FATE_DONE && is_stage_settled(core, in->saga, step->stage))
        begin_deadlines(core, in->saga, step->stage + 1, in->from->recovered.age_ms);
    if (record->step.fate != VOW_FATE_REJECTED && record->step.fate != VOW_FATE_UNKNOWN)
        return;
    fail(in->saga, record, step->number, step->stage);
    if (in->saga->state != SAGA_HALTING)
        saga_move(core, in->saga, SAGA_HALTING);
}

void saga_on_recovered_turn(struct vow_sagas *core, struct saga_input *in)
{
    const struct vow_record *record = in->from->recovered.record;

    fail(in->saga, record, VOW_STEP_NONE, record->detail);
    if (in->saga->state != SAGA_HALTING)
        saga_move(core, in->saga, SAGA_HALTING);
}

/* The next attempt is the first again. */
void saga_on_recovered_retry(struct vow_sagas *core, struct saga_input *in)
{
    saga_absolve(in->saga);
    FOR_EACH_STEP(core, in->saga, step)
    {
        if (step->state != STEP_STUCK)
            continue;
        step->attempts = 0;
        step->next_ms = 0;
        step->state = step->direction == VOW_STEP_COMPENSATION ? STEP_SETTLED : STEP_IDLE;
    }
}

/* ---- going on ---- */

/* Of the stage that was reached nobody knows what was sent; of those after it nothing was. */
static void mark_perhaps_sent(const struct vow_sagas *core, struct saga *saga)
{
    const struct step *first = NULL;

    FOR_EACH_STEP(core, saga, step)
    {
        if (step->state != STEP_IDLE)
            step->was_sent = true;
        else if (first == NULL || step->stage == first->stage)
            step->was_sent = true;
        if (first == NULL && step->state == STEP_IDLE)
            first = step;
    }
}

/* Undone like what was done: nobody knows whether they were sent. */
static void give_up_under_way(struct vow_sagas *core, struct saga *saga)
{
    FOR_EACH_STEP(core, saga, step)
    {
        if (step->stage != saga->stage || step->state != STEP_IDLE || step->kind != VOW_STEP_COMPENSATABLE)
            continue;
        step->state = STEP_SETTLED;
        step->fate = VOW_FATE_UNKNOWN;
    }
}

static bool find_stuck(const struct vow_sagas *core, struct saga *saga)
{
    FOR_EACH_STEP(core, saga, step)
    {
        if (step->state == STEP_STUCK) {
            saga->stage = step->stage;
            return true;
        }
    }
    return false;
}

/* Whoever looks at this life's log alone has to see it, too. */
static void alarm_of_stuck(struct vow_sagas *core, const struct saga *saga)
{
    FOR_EACH_STEP(core, saga, step)
    {
        if (step->state == STEP_STUCK)
            saga_alarm(core, &saga->gtrid, step->number, "a saga is still stuck after a restart");
    }
}

/* Beside what is stuck, others of its stage may be under way. */
static void start_siblings(struct vow_sagas *core, struct saga *saga)
{
    FOR_EACH_STEP(core, saga, step)
    {
        struct step_input in = {.event = STEP_ON_START, .step = step};
        bool is_backward = saga->has_failed && step->state == STEP_SETTLED &&
                           (step->fate == VOW_FATE_DONE || step->fate == VOW_FATE_UNKNOWN);

        if (step->stage == saga->stage && (is_backward || (!saga->has_failed && step->state == STEP_IDLE)))
            step_dispatch(core, &in);
    }
}

void saga_on_resume(struct vow_sagas *core, struct saga_input *in)
{
    struct saga *saga = in->saga;

    mark_perhaps_sent(core, saga);
    if (saga->has_failed)
        give_up_under_way(core, saga);
    if (find_stuck(core, saga)) {
        alarm_of_stuck(core, saga);
        start_siblings(core, saga);
        saga_move(core, saga, saga->has_failed ? SAGA_STUCK_COMPENSATING : SAGA_STUCK_FORWARD);
    } else if (!saga_begin_stage(core, saga)) {
        saga_end(core, saga, saga->has_failed ? VOW_SAGA_COMPENSATED : VOW_SAGA_COMPLETED);
    } else {
        saga_move(core, saga, saga->has_failed ? SAGA_COMPENSATING : SAGA_RUNNING);
    }
}

bool saga_is_resuming(const struct vow_sagas *core)
{
    return core->resumed < core->limits.sagas_max;
}

bool saga_goes_on(const struct vow_sagas *core, const struct saga *saga)
{
    return !core->recovering && (uint32_t)(saga - core->sagas) < core->resumed;
}

void saga_resume_some(struct vow_sagas *core)
{
    while (saga_is_resuming(core) && core->effects_len + SAGA_EFFECTS_PER_SAGA <= SAGA_EFFECTS_MAX) {
        struct saga *saga = &core->sagas[core->resumed++];
        struct saga_input in = {.event = SAGA_ON_RESUME, .gtrid = &saga->gtrid, .saga = saga};

        if (saga->state != SAGA_NONE)
            saga_dispatch(core, &in);
    }
}

/* Its saga is in memory, or has ended. */
static void recover_key(struct vow_sagas *core, const struct vow_record *record)
{
    if (!vow_key_is_valid(record->text) || vow_key_table_find(&core->keys, record->text) != KEY_NIL)
        return;
    vow_key_table_keep(&core->keys, vow_key_table_add(&core->keys, record->text, &record->gtrid));
}

static enum saga_event event_of(enum vow_record_kind kind)
{
    switch ((int)kind) {
    case VOW_RECORD_SAGA_BEGIN:
        return SAGA_ON_RECOVERED_BEGIN;
    case VOW_RECORD_SAGA_STEP:
        return SAGA_ON_RECOVERED_STEP;
    case VOW_RECORD_SAGA_TURN:
        return SAGA_ON_RECOVERED_TURN;
    case VOW_RECORD_SAGA_RETRY:
        return SAGA_ON_RECOVERED_RETRY;
    default:
        VOW_UNREACHABLE("a record of no open saga");
    }
}

void saga_take_recovered(struct vow_sagas *core, const struct vow_sagas_event *event)
{
    const struct vow_record *record = event->recovered.record;
    struct saga_input in = {.gtrid = &record->gtrid, .saga = saga_find(core, &record->gtrid), .from = event};

    VOW_ASSERT(core->recovering);
    if (record->kind == VOW_RECORD_SAGA_KEY) {
        recover_key(core, record);
        return;
    }
    in.event = event_of(record->kind);
    saga_dispatch(core, &in);
}
