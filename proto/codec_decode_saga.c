/*
 * The messages of sagas, from protobuf-c's structs. What is said here of a saga's shape is what a core may count on;
 * whether it makes sense (a stage without a step, no compensation before the pivot) is the core's to judge, which can
 * say what is wrong to whom it belongs.
 */
#include "proto/codec_read.h"

static bool read_step_number(struct codec_in *in, uint32_t value, uint32_t *step)
{
    *step = value;
    return codec_expect(in, value < VOW_STEPS_MAX, "a step that no saga has");
}

static bool read_direction(struct codec_in *in, uint32_t value, enum vow_step_direction *direction)
{
    *direction = (enum vow_step_direction)value;
    return codec_read_enum(in, value, VOW_STEP_COMPENSATION, "a direction that is none");
}

static bool read_answer(struct codec_in *in, ProtobufCBinaryData bytes, struct vow_slice *answer)
{
    *answer = (struct vow_slice){.data = bytes.data, .len = bytes.len};
    return codec_expect(in, bytes.len <= VOW_STEP_ANSWER_MAX, "an answer of a step that is too long");
}

static bool read_step_order(struct codec_in *in, const Vow__SagaStep *from, struct vow_msg_saga_step *to)
{
    to->kind = (enum vow_step_kind)from->kind;
    to->stage = from->stage;
    to->payload = (struct vow_slice){.data = from->payload.data, .len = from->payload.len};
    to->attempts_max = from->attempts_max;
    to->attempt_ms = from->attempt_ms;
    to->deadline_ms = from->deadline_ms;
    to->backoff_ms = from->backoff_ms;
    to->backoff_max_ms = from->backoff_max_ms;
    return codec_read_enum(in, from->kind, VOW_STEP_RETRIABLE, "a kind of step that is none") &&
           codec_expect(in, from->stage < VOW_STEPS_MAX, "a stage that no saga has") &&
           codec_read_name(in, from->participant, &to->participant) && codec_read_name(in, from->action, &to->action) &&
           codec_read_name_or_none(in, from->compensation, &to->compensation);
}

bool codec_read_saga_request(struct codec_in *in, const Vow__SagaRequest *from, struct vow_msg_saga_request *to)
{
    if (!codec_expect(in, from->n_steps >= 1 && from->n_steps <= VOW_STEPS_MAX, "a saga of no steps, or of too many"))
        return false;
    struct vow_msg_saga_step *steps = arena_take(in->arena, from->n_steps * sizeof(*steps));
    if (steps == NULL)
        return codec_expect(in, false, "no room for the steps");
    for (size_t i = 0; i < from->n_steps; i++) {
        if (!read_step_order(in, from->steps[i], &steps[i]))
            return false;
    }
    to->deadline_ms = from->deadline_ms;
    to->steps = steps;
    to->steps_len = (uint32_t)from->n_steps;
    return codec_read_gtrid(in, from->gtrid, &to->gtrid) && codec_read_key(in, from->key, &to->key);
}

bool codec_read_saga_query(struct codec_in *in, const Vow__SagaQuery *from, struct vow_msg_saga_query *to)
{
    to->follow = from->follow;
    return codec_read_gtrid(in, from->gtrid, &to->gtrid);
}

bool codec_read_saga_state(struct codec_in *in, const Vow__SagaState *from, struct vow_msg_saga_state *to)
{
    to->state = (enum vow_saga_state)from->state;
    to->step = from->step - 1; /* absent becomes VOW_STEP_NONE */
    to->retry_after_ms = from->retry_after_ms;
    return codec_read_gtrid(in, from->gtrid, &to->gtrid) && codec_read_cause(in, from->cause, &to->cause) &&
           codec_read_error(in, from->error, &to->error) && codec_read_text(in, from->text, &to->text) &&
           codec_read_gtrid_or_none(in, from->named, &to->named) &&
           codec_expect(in, from->state <= VOW_SAGA_CLOSED && (from->state != 0 || from->error != 0),
                        "a state of a saga that is none") &&
           codec_expect(in, from->step <= VOW_STEPS_MAX, "a step that no saga has");
}

bool codec_read_step(struct codec_in *in, const Vow__Step *from, struct vow_msg_step *to)
{
    to->attempt = from->attempt;
    to->epoch = from->epoch;
    to->payload = (struct vow_slice){.data = from->payload.data, .len = from->payload.len};
    to->kind = (enum vow_step_kind)from->kind;
    return codec_read_gtrid(in, from->gtrid, &to->gtrid) && read_step_number(in, from->step, &to->step) &&
           read_direction(in, from->direction, &to->direction) && codec_read_name(in, from->handler, &to->handler) &&
           read_answer(in, from->answer, &to->answer) &&
           codec_expect(in, from->kind <= VOW_STEP_RETRIABLE, "a kind of step that is none");
}

bool codec_read_step_done(struct codec_in *in, const Vow__StepDone *from, struct vow_msg_step_done *to)
{
    to->attempt = from->attempt;
    to->result = (enum vow_step_result)from->result;
    return codec_read_gtrid(in, from->gtrid, &to->gtrid) && read_step_number(in, from->step, &to->step) &&
           read_direction(in, from->direction, &to->direction) &&
           codec_read_enum(in, from->result, VOW_STEP_UNABLE, "a result of a step that is none") &&
           codec_read_cause(in, from->cause, &to->cause) && codec_read_text(in, from->text, &to->text) &&
           read_answer(in, from->answer, &to->answer);
}
