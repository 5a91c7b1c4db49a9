/* The messages of sagas, to protobuf-c's structs. */
#include "proto/assert.h"
#include "proto/codec_write.h"

static void put_step_order(Vow__SagaStep *to, const struct vow_msg_saga_step *from)
{
    vow__saga_step__init(to);
    to->kind = from->kind;
    to->stage = from->stage;
    to->participant = codec_put_string(from->participant);
    to->action = codec_put_string(from->action);
    to->compensation = codec_put_string(from->compensation);
    to->payload = codec_put_slice(from->payload);
    to->attempts_max = from->attempts_max;
    to->attempt_ms = from->attempt_ms;
    to->deadline_ms = from->deadline_ms;
    to->backoff_ms = from->backoff_ms;
    to->backoff_max_ms = from->backoff_max_ms;
}

Vow__SagaRequest *codec_put_saga_request(struct codec_out *out, const struct vow_msg_saga_request *from)
{
    Vow__SagaRequest *to = &out->saga_request;
    VOW_ASSERT(from->steps_len <= VOW_STEPS_MAX);
    vow__saga_request__init(to);
    to->gtrid = codec_put_gtrid(&from->gtrid);
    to->deadline_ms = from->deadline_ms;
    to->key = codec_put_string(from->key);
    for (uint32_t i = 0; i < from->steps_len; i++) {
        put_step_order(&out->saga_steps[i], &from->steps[i]);
        out->saga_step_list[i] = &out->saga_steps[i];
    }
    to->n_steps = from->steps_len;
    to->steps = out->saga_step_list;
    return to;
}

Vow__SagaQuery *codec_put_saga_query(struct codec_out *out, const struct vow_msg_saga_query *from)
{
    vow__saga_query__init(&out->saga_query);
    out->saga_query.gtrid = codec_put_gtrid(&from->gtrid);
    out->saga_query.follow = from->follow;
    return &out->saga_query;
}

Vow__SagaState *codec_put_saga_state(struct codec_out *out, const struct vow_msg_saga_state *from)
{
    Vow__SagaState *to = &out->saga_state;
    vow__saga_state__init(to);
    to->gtrid = codec_put_gtrid(&from->gtrid);
    to->state = from->state;
    to->cause = from->cause;
    to->error = from->error;
    to->step = from->step + 1; /* VOW_STEP_NONE becomes 0: absent */
    to->text = codec_put_text(out, from->text);
    to->retry_after_ms = from->retry_after_ms;
    to->named = codec_put_gtrid(&from->named);
    return to;
}

Vow__Step *codec_put_step(struct codec_out *out, const struct vow_msg_step *from)
{
    Vow__Step *to = &out->step;
    vow__step__init(to);
    to->gtrid = codec_put_gtrid(&from->gtrid);
    to->step = from->step;
    to->direction = from->direction;
    to->attempt = from->attempt;
    to->epoch = from->epoch;
    to->handler = codec_put_string(from->handler);
    to->payload = codec_put_slice(from->payload);
    to->answer = codec_put_slice(from->answer);
    to->kind = from->kind;
    return to;
}

Vow__StepDone *codec_put_step_done(struct codec_out *out, const struct vow_msg_step_done *from)
{
    Vow__StepDone *to = &out->step_done;
    vow__step_done__init(to);
    to->gtrid = codec_put_gtrid(&from->gtrid);
    to->step = from->step;
    to->direction = from->direction;
    to->attempt = from->attempt;
    to->result = from->result;
    to->cause = from->cause;
    to->text = codec_put_text(out, from->text);
    to->answer = codec_put_slice(from->answer);
    return to;
}
