#include "message_saga.h"

#include <string.h>

static const char *const names[] = {"stock", "payment", "order", "nobody"};
static struct vow_msg_saga_step steps[FUZZ_STEPS_MAX];

/* Most orders are good: kinds and stages do not go back. */
static void draw_steps(struct input *in, uint32_t len)
{
    enum vow_step_kind kind = VOW_STEP_COMPENSATABLE;
    uint32_t stage = 0;

    for (uint32_t i = 0; i < len; i++) {
        const uint8_t choice = input_byte(in);

        if ((choice & 3) == 3 && kind != VOW_STEP_RETRIABLE)
            kind++;
        if (i > 0 && (kind != steps[i - 1].kind || (choice & 4) == 0))
            stage++;
        steps[i] = (struct vow_msg_saga_step){.kind = kind, .stage = stage, .participant = names[choice >> 3 & 3]};
        steps[i].action = "do";
        steps[i].compensation = kind == VOW_STEP_COMPENSATABLE ? "undo" : "";
        steps[i].payload = (struct vow_slice){(const uint8_t *)"x", 1};
        steps[i].attempts_max = choice >> 5 & 3;
        steps[i].deadline_ms = (choice >> 7) * 500u;
    }
}

static void draw_request(struct input *in, struct vow_msg_saga_request *request)
{
    const uint8_t choice = input_byte(in);

    request->steps = steps;
    request->steps_len = 1 + choice % FUZZ_STEPS_MAX;
    request->key = (choice & 64) == 0 ? "" : (choice & 128) == 0 ? "order 1" : "order 2";
    draw_steps(in, request->steps_len);
    request->deadline_ms = input_below(in, 4) * 1000;
    if (choice >= 240) {
        struct vow_msg_saga_step *step = &steps[input_below(in, request->steps_len)];

        step->stage = input_below(in, 6);
        step->kind = 1 + input_below(in, 3);
    }
}

static void draw_state(struct input *in, struct vow_msg_saga_state *state)
{
    state->state = 1 + input_below(in, VOW_SAGA_CLOSED);
    state->step = input_below(in, 2) != 0 ? VOW_STEP_NONE : input_below(in, FUZZ_STEPS_MAX);
    state->cause = input_below(in, 2) != 0 ? VOW_CAUSE_HANDLER_REFUSED : VOW_CAUSE_NONE;
    state->text = "";
}

static void draw_step(struct input *in, struct vow_msg_step *step)
{
    step->step = input_below(in, FUZZ_STEPS_MAX + 1);
    step->direction = 1 + input_below(in, 2);
    step->attempt = 1 + input_below(in, 3);
    step->epoch = 1;
    step->handler = step->direction == VOW_STEP_ACTION ? "do" : "undo";
    step->payload = (struct vow_slice){(const uint8_t *)"x", 1};
    step->kind = input_below(in, VOW_STEP_RETRIABLE + 1);
}

static void draw_step_done(struct input *in, struct vow_msg_step_done *done)
{
    const uint8_t choice = input_byte(in);

    done->step = choice % (FUZZ_STEPS_MAX + 1);
    done->direction = 1 + (choice >> 7);
    done->attempt = 1 + input_below(in, 3);
    done->result = 1 + input_below(in, VOW_STEP_UNABLE);
    done->cause = done->result == VOW_STEP_DONE ? VOW_CAUSE_NONE : VOW_CAUSE_HANDLER_REFUSED;
    done->text = "";
    if (done->result == VOW_STEP_DONE)
        done->answer = (struct vow_slice){(const uint8_t *)"y", 1};
}

void fuzz_draw_saga(struct input *in, const struct vow_gtrid *gtrid, struct vow_msg *msg)
{
    /* Every message of a saga begins with its id. */
    msg->saga_cancel.gtrid = *gtrid;
    switch ((int)msg->kind) {
    case VOW_MSG_SAGA_REQUEST:
        draw_request(in, &msg->saga_request);
        break;
    case VOW_MSG_SAGA_QUERY:
        msg->saga_query.follow = input_below(in, 2) != 0;
        break;
    case VOW_MSG_SAGA_STATE:
        draw_state(in, &msg->saga_state);
        break;
    case VOW_MSG_STEP:
        draw_step(in, &msg->step);
        break;
    case VOW_MSG_STEP_DONE:
        draw_step_done(in, &msg->step_done);
        break;
    default:
        break;
    }
}
