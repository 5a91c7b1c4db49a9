#include "bed.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

struct vow_gtrid bed_id(uint32_t number)
{
    return vow_gtrid_make(77, 1, number, 0, 0);
}

struct vow_msg_saga_step bed_step(enum vow_step_kind kind, uint32_t stage, const char *participant)
{
    return (struct vow_msg_saga_step){.kind = kind,
                                      .stage = stage,
                                      .participant = participant,
                                      .action = "do",
                                      .compensation = kind == VOW_STEP_COMPENSATABLE ? "undo" : ""};
}

/* ---- what comes out ---- */

static void take_reply(struct bed *bed, const struct vow_msg_saga_state *state)
{
    bed->replies++;
    bed->error = state->error;
    bed->step = state->step;
    if (state->error != 0)
        return;
    bed->told = state->state;
    bed->cause = state->cause;
}

static void carry_out(struct bed *bed, const struct vow_sagas_effect *effect)
{
    switch (effect->kind) {
    case VOW_SAGAS_SEND:
        cr_assert_lt(bed->sent_len, BED_SENT_MAX);
        bed->sent[bed->sent_len++] = effect->msg.step;
        break;
    case VOW_SAGAS_REPLY:
        take_reply(bed, &effect->msg.saga_state);
        bed->lack = effect->lack;
        bed->session = effect->session;
        break;
    case VOW_SAGAS_LOG:
        cr_assert_lt(bed->log_len, BED_LOG_MAX);
        bed->log[bed->log_len] = effect->log.record;
        bed->forced[bed->log_len] = effect->log.forced;
        bed->logged_ms[bed->log_len] = bed->now_ms;
        bed->tokens[bed->log_len++] = effect->log.token;
        break;
    case VOW_SAGAS_ALARM:
        bed->alarms++;
        bed->alarm = effect->alarm.what;
        break;
    case VOW_SAGAS_ORDERED:
        bed->ordered = effect->ordered.error;
        bed->orders_answered |= UINT64_C(1) << effect->ordered.tag;
        break;
    case VOW_SAGAS_LOOKUP:
        bed->lookups++;
        break;
    case VOW_SAGAS_TRACE:
    case VOW_SAGAS_FREED:
        break;
    }
}

void bed_feed(struct bed *bed, struct vow_sagas_event event)
{
    struct vow_sagas_effects effects;

    event.now_ms = bed->now_ms;
    vow_sagas_step(bed->core, &event, &effects);
    for (size_t i = 0; i < effects.len; i++)
        carry_out(bed, &effects.items[i]);
}

/* ---- its lives ---- */

static void start(struct bed *bed)
{
    bed->core = vow_sagas_init(malloc(vow_sagas_size(&bed->limits)), &bed->limits, ++bed->epoch, 7);
    bed->sent_len = 0;
}

static void resume(struct bed *bed)
{
    bed_feed(bed, (struct vow_sagas_event){.kind = VOW_SAGAS_RECOVERY_DONE});
    bed_feed(bed, (struct vow_sagas_event){.kind = VOW_SAGAS_TIMER});
}

void bed_init(struct bed *bed, const struct vow_sagas_limits *limits)
{
    memset(bed, 0, sizeof(*bed));
    bed->limits = limits != NULL ? *limits : vow_sagas_default_limits;
    bed->now_ms = 1000;
    start(bed);
    resume(bed);
}

void bed_free(struct bed *bed)
{
    free(bed->core);
}

static bool has_ended(const struct bed *bed, const struct vow_gtrid *gtrid)
{
    for (size_t i = 0; i < bed->log_len; i++) {
        if (bed->log[i].kind == VOW_RECORD_SAGA_END && vow_gtrid_equal(&bed->log[i].gtrid, gtrid))
            return true;
    }
    return false;
}

static const struct vow_msg_saga_request *order_of(const struct bed *bed, const struct vow_gtrid *gtrid)
{
    for (uint32_t i = 0; i < bed->orders_len; i++) {
        if (vow_gtrid_equal(&bed->orders[i].gtrid, gtrid))
            return &bed->orders[i];
    }
    cr_assert_fail("a record of a saga that nobody asked for");
    return NULL;
}

/* As coordinator/fold counts it: a record of the future is new. */
static uint64_t age_of(const struct bed *bed, size_t record)
{
    const int64_t age_ms = (int64_t)(bed->now_ms - bed->logged_ms[record]) + bed->wall_jump_ms;

    return age_ms > 0 ? (uint64_t)age_ms : 0;
}

static void recover(struct bed *bed)
{
    free(bed->core);
    bed->log_len = bed->log_durable;
    start(bed);
    for (size_t i = 0; i < bed->log_len; i++) {
        struct vow_sagas_event event = {.kind = VOW_SAGAS_RECOVERED};

        if (has_ended(bed, &bed->log[i].gtrid))
            continue;
        event.recovered.record = &bed->log[i];
        event.recovered.msg = order_of(bed, &bed->log[i].gtrid);
        event.recovered.age_ms = age_of(bed, i);
        bed_feed(bed, event);
    }
}

void bed_restart(struct bed *bed)
{
    recover(bed);
    resume(bed);
}

void bed_restart_beside(struct bed *bed, const char *peer, uint64_t session)
{
    recover(bed);
    bed_feed(bed, (struct vow_sagas_event){.kind = VOW_SAGAS_PEER_UP, .session = session, .peer = peer});
    resume(bed);
}

void bed_log(struct bed *bed)
{
    while (bed->log_durable < bed->log_len)
        bed_feed(bed, (struct vow_sagas_event){.kind = VOW_SAGAS_LOG_DONE, .token = bed->tokens[bed->log_durable++]});
}

void bed_pass(struct bed *bed, uint64_t ms)
{
    const uint64_t until_ms = bed->now_ms + ms;

    for (;;) {
        const uint64_t deadline_ms = vow_sagas_deadline_ms(bed->core);

        if (deadline_ms > until_ms)
            break;
        bed->now_ms = deadline_ms > bed->now_ms ? deadline_ms : bed->now_ms;
        bed_feed(bed, (struct vow_sagas_event){.kind = VOW_SAGAS_TIMER});
        bed_log(bed);
    }
    bed->now_ms = until_ms;
}

/* ---- who says something ---- */

void bed_up(struct bed *bed, const char *peer, uint64_t session)
{
    bed_feed(bed, (struct vow_sagas_event){.kind = VOW_SAGAS_PEER_UP, .session = session, .peer = peer});
    bed_pass(bed, 0);
}

void bed_down(struct bed *bed, uint64_t session)
{
    bed_feed(bed, (struct vow_sagas_event){.kind = VOW_SAGAS_SESSION_DOWN, .session = session});
    bed_pass(bed, 0);
}

void bed_request(struct bed *bed, uint32_t number, const struct vow_msg_saga_step *steps, uint32_t len)
{
    struct vow_msg_saga_request *order = &bed->orders[bed->orders_len];

    cr_assert_lt(bed->orders_len, BED_SAGAS_MAX);
    memcpy(bed->steps[bed->orders_len++], steps, len * sizeof(*steps));
    *order = (struct vow_msg_saga_request){
        .gtrid = bed_id(number),
        .key = "",
        .deadline_ms = bed->deadline_ms,
        .steps_len = len,
        .steps = bed->steps[bed->orders_len - 1],
    };
    bed_feed(bed, (struct vow_sagas_event){
                      .kind = VOW_SAGAS_REQUEST, .session = 1, .request = {.msg = order, .grant = VOW_SAGA_ID_NEW}});
    bed_log(bed);
}

void bed_order(struct bed *bed, uint32_t number, enum vow_saga_order order)
{
    bed->ordered = 1;
    bed_feed(bed,
             (struct vow_sagas_event){.kind = VOW_SAGAS_ORDER, .order = {.gtrid = bed_id(number), .order = order}});
}

void bed_ask(struct bed *bed, uint32_t number, uint64_t session, bool follow)
{
    const struct vow_msg msg = {.kind = VOW_MSG_SAGA_QUERY, .saga_query = {.gtrid = bed_id(number), .follow = follow}};

    bed_feed(bed, (struct vow_sagas_event){.kind = VOW_SAGAS_MESSAGE, .session = session, .msg = &msg});
}

void bed_cancel(struct bed *bed, uint32_t number)
{
    const struct vow_msg msg = {.kind = VOW_MSG_SAGA_CANCEL, .saga_cancel = {bed_id(number)}};

    bed_feed(bed, (struct vow_sagas_event){.kind = VOW_SAGAS_MESSAGE, .session = 1, .msg = &msg});
    bed_log(bed);
}

struct vow_msg_step bed_take(struct bed *bed)
{
    struct vow_msg_step step = bed->sent[0];

    cr_assert_gt(bed->sent_len, 0, "nothing was sent");
    memmove(&bed->sent[0], &bed->sent[1], --bed->sent_len * sizeof(bed->sent[0]));
    return step;
}

void bed_answer(struct bed *bed, uint64_t session, const struct vow_msg_step *step, enum vow_step_result result)
{
    const struct vow_msg msg = {
        .kind = VOW_MSG_STEP_DONE,
        .step_done = {.gtrid = step->gtrid,
                      .step = step->step,
                      .direction = step->direction,
                      .attempt = step->attempt,
                      .result = result,
                      .cause = result == VOW_STEP_DONE ? VOW_CAUSE_NONE : VOW_CAUSE_HANDLER_REFUSED,
                      .text = ""}};

    bed_feed(bed, (struct vow_sagas_event){.kind = VOW_SAGAS_MESSAGE, .session = session, .msg = &msg});
    bed_log(bed);
}

void bed_find(const struct bed *bed, uint32_t number, struct vow_saga_view *view)
{
    const struct vow_gtrid gtrid = bed_id(number);

    cr_assert(vow_sagas_find(bed->core, &gtrid, view), "saga %u is not in memory", number);
}
