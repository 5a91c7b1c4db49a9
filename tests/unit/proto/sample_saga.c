/* The messages of sagas, as sample.h wants them. */
#include <criterion/criterion.h>
#include <string.h>

#include "proto/error.h"
#include "sample.h"

static const char text[] = "no \xe2\x82\xac left";
static const struct vow_slice payload = {(const uint8_t *)"\0payload\xff", 9};
static const struct vow_msg_saga_step steps[] = {
    {VOW_STEP_COMPENSATABLE, 0, "stock", "take", "give_back", {(const uint8_t *)"\0a", 2}, 1, 2, 3, 4, 5},
    {VOW_STEP_PIVOT, 1, "payment", "pay", "", {NULL, 0}, 0, 0, 0, 0, 0},
    {VOW_STEP_RETRIABLE,
     VOW_STEPS_MAX - 1,
     "order",
     "ship",
     "",
     {NULL, 0},
     UINT32_MAX,
     UINT32_MAX,
     UINT32_MAX,
     UINT32_MAX,
     UINT32_MAX},
};

static struct vow_gtrid gtrid(void)
{
    return vow_gtrid_make(VOW_COORD_MAX, 7, VOW_SEQ_MAX, 0, UINT64_C(0x0123456789abcdef));
}

bool sample_fill_saga(struct vow_msg *m)
{
    switch ((int)m->kind) {
    case VOW_MSG_SAGA_REQUEST:
        m->saga_request = (struct vow_msg_saga_request){gtrid(), UINT32_MAX, "order 7", 3, steps};
        return true;
    case VOW_MSG_SAGA_QUERY:
        m->saga_query = (struct vow_msg_saga_query){gtrid(), true};
        return true;
    case VOW_MSG_SAGA_CANCEL:
        m->saga_cancel.gtrid = gtrid();
        return true;
    case VOW_MSG_SAGA_STATE:
        m->saga_state = (struct vow_msg_saga_state){
            gtrid(), VOW_SAGA_CLOSED, VOW_CAUSE_CONSTRAINT, VOW_E_BUSY, VOW_STEPS_MAX - 1, text, 250, gtrid()};
        return true;
    case VOW_MSG_STEP:
        m->step = (struct vow_msg_step){gtrid(),    VOW_STEPS_MAX - 1, VOW_STEP_COMPENSATION,
                                        UINT32_MAX, UINT32_MAX,        "give_back",
                                        payload,    payload,           VOW_STEP_RETRIABLE};
        return true;
    case VOW_MSG_STEP_DONE:
        m->step_done = (struct vow_msg_step_done){gtrid(),
                                                  VOW_STEPS_MAX - 1,
                                                  VOW_STEP_COMPENSATION,
                                                  UINT32_MAX,
                                                  VOW_STEP_UNABLE,
                                                  VOW_CAUSE_NO_SUCH_HANDLER,
                                                  text,
                                                  payload};
        return true;
    default:
        return false;
    }
}

void sample_bare_saga(struct vow_msg *m)
{
    static const struct vow_msg_saga_step step = {
        .kind = VOW_STEP_COMPENSATABLE, .participant = "p", .action = "a", .compensation = ""};
    const struct vow_gtrid bare = vow_gtrid_make(0, 0, 0, 0, 1);
    switch ((int)m->kind) {
    case VOW_MSG_SAGA_REQUEST:
        m->saga_request = (struct vow_msg_saga_request){.gtrid = bare, .key = "", .steps_len = 1, .steps = &step};
        break;
    case VOW_MSG_SAGA_QUERY:
        m->saga_query.gtrid = bare;
        break;
    case VOW_MSG_SAGA_CANCEL:
        m->saga_cancel.gtrid = bare;
        break;
    case VOW_MSG_SAGA_STATE:
        m->saga_state =
            (struct vow_msg_saga_state){.gtrid = bare, .state = VOW_SAGA_RUNNING, .step = VOW_STEP_NONE, .text = ""};
        break;
    case VOW_MSG_STEP:
        m->step = (struct vow_msg_step){.gtrid = bare, .direction = VOW_STEP_ACTION, .handler = "a"};
        break;
    case VOW_MSG_STEP_DONE:
        m->step_done = (struct vow_msg_step_done){
            .gtrid = bare, .direction = VOW_STEP_ACTION, .result = VOW_STEP_DONE, .text = ""};
        break;
    default:
        break;
    }
}

/* --- Comparing --- */

#define SAME(field) cr_expect_eq(a->field, b->field, #field " differs")
#define SAME_TEXT(field) cr_expect_str_eq(a->field, b->field, #field " differs")
#define SAME_GTRID(field) cr_expect(vow_gtrid_equal(&a->field, &b->field), #field " differs")

static void same_slice(struct vow_slice a, struct vow_slice b)
{
    cr_expect_eq(a.len, b.len);
    if (a.len != 0)
        cr_expect_eq(memcmp(a.data, b.data, a.len), 0);
}

static void same_steps(const struct vow_msg_saga_step *a, const struct vow_msg_saga_step *b, uint32_t len)
{
    for (; len > 0; len--, a++, b++) {
        SAME(kind);
        SAME(stage);
        SAME_TEXT(participant);
        SAME_TEXT(action);
        SAME_TEXT(compensation);
        same_slice(a->payload, b->payload);
        SAME(attempts_max);
        SAME(attempt_ms);
        SAME(deadline_ms);
        SAME(backoff_ms);
        SAME(backoff_max_ms);
    }
}

static void same_state(const struct vow_msg_saga_state *a, const struct vow_msg_saga_state *b)
{
    SAME_GTRID(gtrid);
    SAME(state);
    SAME(cause);
    SAME(error);
    SAME(step);
    SAME_TEXT(text);
    SAME(retry_after_ms);
    SAME_GTRID(named);
}

static void same_step(const struct vow_msg_step *a, const struct vow_msg_step *b)
{
    SAME_GTRID(gtrid);
    SAME(step);
    SAME(direction);
    SAME(attempt);
    SAME(epoch);
    SAME_TEXT(handler);
    same_slice(a->payload, b->payload);
    same_slice(a->answer, b->answer);
    SAME(kind);
}

static void same_step_done(const struct vow_msg_step_done *a, const struct vow_msg_step_done *b)
{
    SAME_GTRID(gtrid);
    SAME(step);
    SAME(direction);
    SAME(attempt);
    SAME(result);
    SAME(cause);
    SAME_TEXT(text);
    same_slice(a->answer, b->answer);
}

bool sample_same_saga(const struct vow_msg *a, const struct vow_msg *b)
{
    switch ((int)a->kind) {
    case VOW_MSG_SAGA_REQUEST:
        SAME_GTRID(saga_request.gtrid);
        SAME(saga_request.deadline_ms);
        SAME_TEXT(saga_request.key);
        SAME(saga_request.steps_len);
        same_steps(a->saga_request.steps, b->saga_request.steps, a->saga_request.steps_len);
        return true;
    case VOW_MSG_SAGA_QUERY:
        SAME_GTRID(saga_query.gtrid);
        SAME(saga_query.follow);
        return true;
    case VOW_MSG_SAGA_CANCEL:
        SAME_GTRID(saga_cancel.gtrid);
        return true;
    case VOW_MSG_SAGA_STATE:
        same_state(&a->saga_state, &b->saga_state);
        return true;
    case VOW_MSG_STEP:
        same_step(&a->step, &b->step);
        return true;
    case VOW_MSG_STEP_DONE:
        same_step_done(&a->step_done, &b->step_done);
        return true;
    default:
        return false;
    }
}
