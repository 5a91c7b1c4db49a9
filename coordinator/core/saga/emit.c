#include "coordinator/core/saga/core.h"

#include <string.h>

#include "proto/assert.h"
#include "proto/error.h"
#include "proto/jitter.h"

/* When who was told BUSY is to come again, at the earliest; up to twice that. */
#define BUSY_RETRY_MS 50u
/* A token is the serial and the index of what is logged; these bits say that it is a step, or an order to try again. */
#define TOKEN_OF_STEP (UINT64_C(1) << 63)
#define TOKEN_OF_ORDER (UINT64_C(1) << 62)
#define SERIAL_MASK 0x3fffffffu
/* Nothing waits for the record. */
#define TOKEN_OF_NOTHING UINT64_MAX

struct vow_sagas_effect *saga_emit(struct vow_sagas *core, enum vow_sagas_effect_kind kind,
                                   const struct vow_gtrid *gtrid)
{
    struct vow_sagas_effect *effect;

    VOW_ASSERT(core->effects_len < SAGA_EFFECTS_MAX);
    effect = &core->effects[core->effects_len++];
    memset(effect, 0, sizeof(*effect));
    effect->kind = kind;
    effect->gtrid = *gtrid;
    return effect;
}

void saga_send_step(struct vow_sagas *core, const struct step *step)
{
    const struct saga *saga = step_saga(core, step);
    struct vow_sagas_effect *effect = saga_emit(core, VOW_SAGAS_SEND, &saga->gtrid);

    effect->session = step_peer(core, step)->session;
    VOW_ASSERT(effect->session != 0);
    effect->msg.kind = VOW_MSG_STEP;
    effect->msg.step.gtrid = saga->gtrid;
    effect->msg.step.step = step->number;
    effect->msg.step.direction = (enum vow_step_direction)step->direction;
    effect->msg.step.attempt = step->attempts;
    effect->msg.step.epoch = core->epoch;
    effect->msg.step.kind = (enum vow_step_kind)step->kind;
    effect->msg.step.handler = "";
}

/* ---- the log ---- */

static struct vow_record *log_record(struct vow_sagas *core, enum vow_record_kind kind, const struct saga *saga,
                                     uint64_t token, bool forced)
{
    struct vow_sagas_effect *effect = saga_emit(core, VOW_SAGAS_LOG, &saga->gtrid);

    effect->log.token = token;
    effect->log.forced = forced;
    effect->log.record.kind = kind;
    effect->log.record.gtrid = saga->gtrid;
    effect->log.record.epoch = core->epoch;
    effect->log.record.cause = (enum vow_cause)saga->cause;
    return &effect->log.record;
}

static uint64_t token_of(const struct vow_sagas *core, const struct saga *saga)
{
    return (uint64_t)(saga->serial & SERIAL_MASK) << 32 | (uint32_t)(saga - core->sagas);
}

struct vow_record *saga_log(struct vow_sagas *core, enum vow_record_kind kind, const struct saga *saga, bool forced)
{
    return log_record(core, kind, saga, token_of(core, saga), forced);
}

void saga_log_retry(struct vow_sagas *core, const struct saga *saga)
{
    const uint64_t token = TOKEN_OF_ORDER | token_of(core, saga);

    log_record(core, VOW_RECORD_SAGA_RETRY, saga, token, true)->cause = VOW_CAUSE_OPERATOR;
}

static struct vow_record *log_step(struct vow_sagas *core, const struct step *step, uint64_t token, bool forced)
{
    struct vow_record *record = log_record(core, VOW_RECORD_SAGA_STEP, step_saga(core, step), token, forced);

    record->cause = VOW_CAUSE_NONE;
    record->step = (struct vow_record_step){
        .number = step->number, .attempts = step->attempts, .direction = step->direction, .fate = VOW_FATE_NONE};
    memcpy(record->who, step_peer(core, step)->name, VOW_NAME_SIZE);
    return record;
}

void saga_log_key(struct vow_sagas *core, const struct saga *saga)
{
    if (saga->key == SAGA_NIL)
        return;
    memcpy(log_record(core, VOW_RECORD_SAGA_KEY, saga, TOKEN_OF_NOTHING, false)->text, core->keys.items[saga->key].key,
           VOW_KEY_SIZE);
}

struct vow_record *step_log(struct vow_sagas *core, const struct step *step)
{
    uint64_t token = TOKEN_OF_STEP | (uint64_t)(step->serial & SERIAL_MASK) << 32 | step_index(core, step);
    struct vow_record *record = log_step(core, step, token, true);

    record->step.fate = step->next_fate;
    return record;
}

struct vow_record *step_note(struct vow_sagas *core, const struct step *step)
{
    return log_step(core, step, TOKEN_OF_NOTHING, false);
}

static void step_logged(struct vow_sagas *core, uint64_t token)
{
    struct step *step = &core->steps[(uint32_t)token];
    struct step_input in = {.event = STEP_ON_LOGGED, .step = step};

    /* Its saga was closed, and has ended since. */
    if ((step->serial & SERIAL_MASK) != (token >> 32 & SERIAL_MASK))
        return;
    step_dispatch(core, &in);
}

void saga_take_logged(struct vow_sagas *core, uint64_t token)
{
    struct saga_input in = {.event = SAGA_ON_LOGGED};

    if (token == TOKEN_OF_NOTHING)
        return;
    if (token & TOKEN_OF_STEP) {
        step_logged(core, token);
        return;
    }
    in.saga = &core->sagas[(uint32_t)token];
    in.gtrid = &in.saga->gtrid;
    if (token & TOKEN_OF_ORDER) {
        saga_carried_out(core, in.saga);
        return;
    }
    VOW_ASSERT((in.saga->serial & SERIAL_MASK) == token >> 32);
    saga_dispatch(core, &in);
}

/* ---- clients and operators ---- */

enum vow_saga_state saga_told(const struct saga *saga)
{
    switch ((enum saga_state)saga->state) {
    case SAGA_COMPENSATING:
    case SAGA_HALTING:
        return VOW_SAGA_COMPENSATING;
    case SAGA_STUCK_FORWARD:
        return VOW_SAGA_STUCK_FORWARD;
    case SAGA_STUCK_COMPENSATING:
        return VOW_SAGA_STUCK_COMPENSATING;
    case SAGA_ENDING:
        /* A crash would undo what an operator decided as long as that is not durable: it is stuck until then. */
        if (saga->outcome == VOW_SAGA_CLOSED && !saga->is_closed)
            return saga->has_failed ? VOW_SAGA_STUCK_COMPENSATING : VOW_SAGA_STUCK_FORWARD;
        return (enum vow_saga_state)saga->outcome;
    case SAGA_NONE:
    case SAGA_STARTING:
    case SAGA_RUNNING:
    case SAGA_TURNING: /* a crash before its TURN is durable, and it goes forward */
    case SAGA_STATES:
        break;
    }
    return VOW_SAGA_RUNNING;
}

static struct vow_msg_saga_state *reply(struct vow_sagas *core, uint64_t session, const struct vow_gtrid *gtrid)
{
    struct vow_sagas_effect *effect = saga_emit(core, VOW_SAGAS_REPLY, gtrid);

    effect->session = session;
    effect->msg.kind = VOW_MSG_SAGA_STATE;
    effect->msg.saga_state.gtrid = *gtrid;
    effect->msg.saga_state.step = VOW_STEP_NONE;
    effect->msg.saga_state.text = "";
    return &effect->msg.saga_state;
}

void saga_reply(struct vow_sagas *core, uint64_t session, const struct saga *saga, int error, const char *text)
{
    struct vow_msg_saga_state *state;

    if (session == 0)
        return;
    state = reply(core, session, &saga->gtrid);
    state->state = saga_told(saga);
    if (saga->state != SAGA_TURNING) /* why it is turned round goes with that */
        state->cause = (enum vow_cause)saga->cause;
    state->error = error;
    state->step = saga->failed_step;
    state->text = text != NULL ? text : saga->text;
}

void saga_tell(struct vow_sagas *core, const struct saga *saga)
{
    saga_reply(core, saga->client, saga, 0, NULL);
}

void saga_reply_error(struct vow_sagas *core, uint64_t session, const struct vow_gtrid *gtrid, int error, uint32_t step,
                      const char *text)
{
    struct vow_msg_saga_state *state = reply(core, session, gtrid);

    state->error = error;
    state->step = step;
    state->text = text;
    if (error == VOW_E_BUSY) {
        core->counts.busy++;
        /* Those that were refused together do not come back together (F147). */
        state->retry_after_ms = BUSY_RETRY_MS + (uint32_t)(vow_jitter_next(&core->jitter) % BUSY_RETRY_MS);
    }
}

void saga_reply_named(struct vow_sagas *core, const struct saga_input *in, const struct vow_gtrid *named)
{
    struct vow_msg_saga_state *state = reply(core, in->from->session, in->gtrid);

    state->error = VOW_E_DUPLICATE;
    state->named = *named;
}

void saga_alarm(struct vow_sagas *core, const struct vow_gtrid *gtrid, uint32_t step, const char *what)
{
    struct vow_sagas_effect *effect = saga_emit(core, VOW_SAGAS_ALARM, gtrid);

    effect->alarm.what = what;
    effect->alarm.peer = "";
    effect->alarm.step = step;
}

void saga_alarm_of_peer(struct vow_sagas *core, const char *peer, const char *what)
{
    struct vow_sagas_effect *effect = saga_emit(core, VOW_SAGAS_ALARM, &(struct vow_gtrid){{0}});

    effect->alarm.what = what;
    effect->alarm.peer = peer;
    effect->alarm.step = VOW_STEP_NONE;
}

static void ordered(struct vow_sagas *core, const struct vow_gtrid *gtrid, uint64_t tag, int error, const char *text)
{
    struct vow_sagas_effect *effect = saga_emit(core, VOW_SAGAS_ORDERED, gtrid);

    effect->ordered.tag = tag;
    effect->ordered.error = error;
    effect->ordered.text = text;
}

void saga_ordered(struct vow_sagas *core, const struct saga_input *in, int error, const char *text)
{
    ordered(core, in->gtrid, in->from->order.tag, error, text);
}

void saga_carried_out(struct vow_sagas *core, const struct saga *saga)
{
    ordered(core, &saga->gtrid, saga->order_tag, 0, "");
}
