/* A saga on its way: begun, asked about, turned round, stage after stage. */
#include "coordinator/core/saga/handlers.h"

#include "proto/assert.h"
#include "proto/error.h"

/* ---- clients ---- */

static int admission(const struct vow_sagas *core, const struct saga_input *in)
{
    if (in->from->request.grant == VOW_SAGA_ID_VOID)
        return VOW_E_ID_EXPIRED;
    if (core->draining)
        return VOW_E_SHUTTING_DOWN;
    if (core->shedding || core->recovering || in->from->request.no_new_work)
        return VOW_E_BUSY;
    return saga_lacks(core, in->from->request.msg) != VOW_SAGAS_LACK_NOTHING ? VOW_E_BUSY : 0;
}

/* The saga that the request's key names, if that is another one. */
static const struct vow_gtrid *named_by_key(const struct vow_sagas *core, const struct saga_input *in)
{
    uint32_t index = vow_key_table_find(&core->keys, in->from->request.msg->key);

    if (index == KEY_NIL || vow_gtrid_equal(&core->keys.items[index].gtrid, in->gtrid))
        return NULL;
    return &core->keys.items[index].gtrid;
}

void saga_on_request(struct vow_sagas *core, struct saga_input *in)
{
    const struct vow_msg_saga_request *request = in->from->request.msg;
    uint64_t session = in->from->session;
    uint32_t step;
    const char *fault = vow_saga_fault(request, &step);
    const struct vow_gtrid *named = named_by_key(core, in);
    int error;

    if (in->from->request.grant == VOW_SAGA_ID_USED) {
        saga_on_past(core, in);
        return;
    }
    if (fault == NULL && named != NULL) {
        saga_reply_named(core, in, named);
        return;
    }
    error = fault != NULL ? VOW_E_ARGUMENT : admission(core, in);
    if (error != 0) {
        saga_reply_error(core, session, in->gtrid, error, step, fault != NULL ? fault : "");
        if (error == VOW_E_BUSY && !core->shedding && !in->from->request.no_new_work)
            core->effects[core->effects_len - 1].lack = saga_lacks(core, request);
        return;
    }
    in->saga = saga_new(core, request);
    in->saga->client = session;
    core->counts.begun++;
    saga_move(core, in->saga, SAGA_STARTING);
    saga_log_key(core, in->saga);
    saga_log(core, VOW_RECORD_SAGA_BEGIN, in->saga, true);
}

/* Questions to the journal are bounded like everything else. */
static void look_up(struct vow_sagas *core, const struct saga_input *in)
{
    if (in->from->is_foreign) {
        saga_reply_error(core, in->from->session, in->gtrid, VOW_E_NOT_MINE, VOW_STEP_NONE, "");
        return;
    }
    if (core->lookups >= core->limits.sagas_max) {
        saga_reply_error(core, in->from->session, in->gtrid, VOW_E_BUSY, VOW_STEP_NONE, "");
        return;
    }
    core->lookups++;
    saga_emit(core, VOW_SAGAS_LOOKUP, in->gtrid)->session = in->from->session;
}

/* No entry: what became of it is in the journal, or it never was. */
void saga_on_past(struct vow_sagas *core, struct saga_input *in)
{
    if (core->recovering)
        saga_reply_error(core, in->from->session, in->gtrid, VOW_E_RECOVERING, VOW_STEP_NONE, "");
    else
        look_up(core, in);
}

static bool wants_to_follow(const struct vow_sagas_event *from)
{
    return from->kind == VOW_SAGAS_REQUEST || (from->msg->kind == VOW_MSG_SAGA_QUERY && from->msg->saga_query.follow);
}

/* Whoever followed so far asks from time to time, but for one that was told nothing yet: it would wait for ever. */
static void follow(struct vow_sagas *core, struct saga *saga, uint64_t session)
{
    const uint64_t before = saga->client;

    saga->client = session;
    if (saga->state == SAGA_STARTING && before != 0 && before != session)
        saga_reply_error(core, before, &saga->gtrid, VOW_E_BUSY, VOW_STEP_NONE, "");
}

void saga_on_ask(struct vow_sagas *core, struct saga_input *in)
{
    if (wants_to_follow(in->from))
        follow(core, in->saga, in->from->session);
    if (in->saga->state != SAGA_STARTING)
        saga_reply(core, in->from->session, in->saga, 0, NULL);
    else if (in->saga->client != in->from->session) /* who follows hears of it when it is durable */
        saga_reply_error(core, in->from->session, in->gtrid, VOW_E_BUSY, VOW_STEP_NONE, "");
}

void saga_on_cancel_refused(struct vow_sagas *core, struct saga_input *in)
{
    if (in->saga->state == SAGA_STARTING)
        saga_reply_error(core, in->from->session, in->gtrid, VOW_E_BUSY, VOW_STEP_NONE, "");
    else
        saga_reply(core, in->from->session, in->saga, VOW_E_STATE, "it is past its pivot, and goes forward");
}

/* ---- turning round ---- */

/* The pivot may have been done: from then on there is no way back. One that still waits for its participant was not. */
static bool may_turn(const struct vow_sagas *core, const struct saga *saga)
{
    FOR_EACH_STEP(core, saga, step)
    {
        bool never_sent = step->kind == VOW_STEP_PIVOT && step->state == STEP_WAITING && !step->was_sent;

        if (step->kind != VOW_STEP_COMPENSATABLE && step->state != STEP_IDLE && !never_sent)
            return false;
    }
    return true;
}

static void halt_others(struct vow_sagas *core, const struct saga *saga)
{
    FOR_EACH_STEP(core, saga, step)
    {
        struct step_input in = {.event = STEP_ON_HALT, .step = step};

        step_dispatch(core, &in);
    }
}

static void turn(struct vow_sagas *core, struct saga *saga, enum vow_cause cause)
{
    saga->has_failed = true;
    saga->cause = (uint8_t)cause;
    saga_move(core, saga, SAGA_TURNING);
    saga_log(core, VOW_RECORD_SAGA_TURN, saga, true)->detail = saga->stage;
    halt_others(core, saga);
}

void saga_on_cancel(struct vow_sagas *core, struct saga_input *in)
{
    if (!may_turn(core, in->saga)) {
        saga_on_cancel_refused(core, in);
        return;
    }
    in->saga->client = in->from->session;
    turn(core, in->saga, VOW_CAUSE_CLIENT_ROLLBACK);
}

/* It is being turned round already: told when that is durable. */
void saga_on_cancel_again(struct vow_sagas *core, struct saga_input *in)
{
    (void)core;
    in->saga->client = in->from->session;
}

void saga_on_deadline(struct vow_sagas *core, struct saga_input *in)
{
    if (may_turn(core, in->saga)) {
        turn(core, in->saga, VOW_CAUSE_TXN_TIMEOUT);
        return;
    }
    in->saga->deadline_ms = SAGA_NEVER_MS;
    vow_heap_remove(&core->deadlines, (uint32_t)(in->saga - core->sagas));
    saga_alarm(core, in->gtrid, VOW_STEP_NONE, "past its pivot, and its deadline: it goes forward");
}

/* ---- stages ---- */

bool saga_is_under_way(const struct vow_sagas *core, const struct saga *saga)
{
    FOR_EACH_STEP(core, saga, step)
    {
        if (step->state == STEP_SENT || step->state == STEP_WAITING || step->state == STEP_NOTING)
            return true;
    }
    return false;
}

bool saga_has_stuck(const struct vow_sagas *core, const struct saga *saga)
{
    FOR_EACH_STEP(core, saga, step)
    {
        if (step->state == STEP_STUCK || step->is_back)
            return true;
    }
    return false;
}

static bool wants_start(const struct saga *saga, const struct step *step)
{
    if (!saga->has_failed)
        return step->state == STEP_IDLE;
    return step->state == STEP_SETTLED && (step->fate == VOW_FATE_DONE || step->fate == VOW_FATE_UNKNOWN);
}

/* The next stage forward, or the next one backward: stages are undone in the reverse of the order they were done in. */
static bool find_stage(const struct vow_sagas *core, const struct saga *saga, uint32_t *stage)
{
    bool found = false;

    FOR_EACH_STEP(core, saga, step)
    {
        if (!wants_start(saga, step))
            continue;
        if (!found || saga->has_failed)
            *stage = step->stage;
        found = true;
    }
    return found;
}

bool saga_begin_stage(struct vow_sagas *core, struct saga *saga)
{
    uint32_t stage;

    if (!find_stage(core, saga, &stage))
        return false;
    saga->stage = stage;
    FOR_EACH_STEP(core, saga, step)
    {
        struct step_input in = {.event = STEP_ON_START, .step = step};

        if (step->stage == stage && wants_start(saga, step))
            step_dispatch(core, &in);
    }
    return true;
}

void saga_on_begun(struct vow_sagas *core, struct saga_input *in)
{
    saga_move(core, in->saga, SAGA_RUNNING);
    saga_tell(core, in->saga);
    saga_begin_stage(core, in->saga);
}

static void go_forward(struct vow_sagas *core, struct saga *saga)
{
    if (!saga_begin_stage(core, saga)) {
        saga_end(core, saga, VOW_SAGA_COMPLETED);
        return;
    }
    if (saga->state != SAGA_RUNNING)
        saga_move(core, saga, SAGA_RUNNING);
}

/* Nothing is sent backward before all that went forward has ended. */
static void go_backward(struct vow_sagas *core, struct saga *saga)
{
    if (saga_is_under_way(core, saga)) {
        if (saga->state != SAGA_HALTING)
            saga_move(core, saga, SAGA_HALTING);
        return;
    }
    if (!saga_begin_stage(core, saga)) {
        saga_end(core, saga, VOW_SAGA_COMPENSATED);
        return;
    }
    if (saga->state != SAGA_COMPENSATING)
        saga_move(core, saga, SAGA_COMPENSATING);
}

/* Whoever has it undone hears that it is, from here on and not before. */
void saga_on_turned(struct vow_sagas *core, struct saga_input *in)
{
    go_backward(core, in->saga);
    if (in->saga->state != SAGA_ENDING)
        saga_tell(core, in->saga);
}

static bool has_failed_by(const struct step *step)
{
    return step->direction == VOW_STEP_ACTION && (step->fate == VOW_FATE_REJECTED || step->fate == VOW_FATE_UNKNOWN);
}

/* Nothing of it is stuck any more. */
static void set_free(struct vow_sagas *core, struct saga *saga)
{
    if (saga->state != SAGA_STUCK_FORWARD && saga->state != SAGA_STUCK_COMPENSATING)
        return;
    saga_absolve(saga);
    saga_move(core, saga, saga->has_failed ? SAGA_COMPENSATING : SAGA_RUNNING);
}

void saga_on_settled(struct vow_sagas *core, struct saga_input *in)
{
    struct saga *saga = in->saga;

    if (saga->state == SAGA_TURNING)
        return;
    if (!saga->has_failed && has_failed_by(in->step)) {
        saga->has_failed = true;
        halt_others(core, saga);
        go_backward(core, saga);
        return;
    }
    if (saga_is_under_way(core, saga) || saga_has_stuck(core, saga)) {
        if (!saga_has_stuck(core, saga))
            set_free(core, saga);
        return;
    }
    saga_absolve(saga);
    if (saga->has_failed)
        go_backward(core, saga);
    else
        go_forward(core, saga);
}
