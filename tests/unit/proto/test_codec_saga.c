/* What the decoder refuses in the messages of sagas: a core may count on the rest. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "proto/codec.h"
#include "proto/error.h"
#include "proto/frame.h"
#include "sample.h"

static uint8_t frame[VOW_FRAME_HEADER_BYTES + VOW_FRAME_MAX_DEFAULT];

/* wanted: what the refusal says; NULL = it is taken. */
static void expect(const struct vow_msg *msg, const char *wanted)
{
    struct vow_arena *arena = vow_arena_new(0);
    struct vow_msg read;
    const char *why = NULL;
    const size_t len = vow_msg_encode(msg, VOW_FRAME_MAX_DEFAULT, frame, sizeof(frame));
    cr_assert_gt(len, VOW_FRAME_HEADER_BYTES);
    const int error = vow_msg_decode(arena, frame + VOW_FRAME_HEADER_BYTES, len - VOW_FRAME_HEADER_BYTES, &read, &why);
    cr_expect_eq(error, wanted == NULL ? 0 : VOW_E_MESSAGE, "%s", wanted != NULL ? wanted : why);
    if (wanted != NULL && error != 0)
        cr_expect_str_eq(why, wanted);
    vow_arena_free(arena);
}

/* A request with one step, which is the given one. */
static struct vow_msg request_of(const struct vow_msg_saga_step *step)
{
    struct vow_msg msg = sample_bare(VOW_MSG_SAGA_REQUEST);
    msg.saga_request.steps = step;
    return msg;
}

Test(codec_saga, F162_the_steps_of_a_request)
{
    const struct vow_msg bare = sample_bare(VOW_MSG_SAGA_REQUEST);
    struct vow_msg_saga_step step = bare.saga_request.steps[0];
    const struct vow_msg msg = request_of(&step);
    expect(&msg, NULL);
    step.kind = 0;
    expect(&msg, "a kind of step that is none");
    step.kind = VOW_STEP_RETRIABLE + 1;
    expect(&msg, "a kind of step that is none");
    step = bare.saga_request.steps[0];
    step.stage = VOW_STEPS_MAX;
    expect(&msg, "a stage that no saga has");
    step = bare.saga_request.steps[0];
    step.participant = "";
    expect(&msg, "a name that is none");
    step = bare.saga_request.steps[0];
    step.action = "";
    expect(&msg, "a name that is none");
    step = bare.saga_request.steps[0];
    step.compensation = "a b";
    expect(&msg, "a name that is none");
}

Test(codec_saga, F163_the_number_of_steps)
{
    struct vow_msg_saga_step steps[VOW_STEPS_MAX];
    struct vow_msg msg = sample_bare(VOW_MSG_SAGA_REQUEST);
    for (uint32_t i = 0; i < VOW_STEPS_MAX; i++)
        steps[i] = msg.saga_request.steps[0];
    msg.saga_request.steps = steps;
    msg.saga_request.steps_len = 0;
    expect(&msg, "a saga of no steps, or of too many");
    msg.saga_request.steps_len = VOW_STEPS_MAX;
    expect(&msg, NULL);
}

Test(codec_saga, F162_an_id_and_a_key)
{
    struct vow_msg msg = sample_full(VOW_MSG_SAGA_REQUEST);
    msg.saga_request.key = "a\nb";
    expect(&msg, "a key that is none");
    msg = sample_full(VOW_MSG_SAGA_REQUEST);
    msg.saga_request.gtrid = (struct vow_gtrid){{0}};
    expect(&msg, "no transaction id");
    msg = sample_full(VOW_MSG_SAGA_QUERY);
    msg.saga_query.gtrid = (struct vow_gtrid){{0}};
    expect(&msg, "no transaction id");
}

Test(codec_saga, F162_what_is_told_of_a_saga)
{
    struct vow_msg msg = sample_full(VOW_MSG_SAGA_STATE);
    msg.saga_state.state = 0;
    expect(&msg, NULL);
    msg.saga_state.error = 0;
    expect(&msg, "a state of a saga that is none");
    msg = sample_full(VOW_MSG_SAGA_STATE);
    msg.saga_state.step = VOW_STEPS_MAX;
    expect(&msg, "a step that no saga has");
    msg.saga_state.step = VOW_STEP_NONE;
    expect(&msg, NULL);
}

Test(codec_saga, F162_a_step_and_what_became_of_it)
{
    static const uint8_t bytes[VOW_STEP_ANSWER_MAX + 1];
    struct vow_msg msg = sample_full(VOW_MSG_STEP);
    msg.step.step = VOW_STEPS_MAX;
    expect(&msg, "a step that no saga has");
    msg = sample_full(VOW_MSG_STEP);
    msg.step.handler = "";
    expect(&msg, "a name that is none");
    msg = sample_full(VOW_MSG_STEP);
    msg.step.kind = VOW_STEP_RETRIABLE + 1;
    expect(&msg, "a kind of step that is none");
    msg.step.kind = 0; /* by an older coordinator */
    expect(&msg, NULL);
    msg = sample_full(VOW_MSG_STEP_DONE);
    msg.step_done.answer = (struct vow_slice){bytes, VOW_STEP_ANSWER_MAX};
    expect(&msg, NULL);
    msg.step_done.answer.len++;
    expect(&msg, "an answer of a step that is too long");
    msg = sample_full(VOW_MSG_STEP);
    msg.step.answer = (struct vow_slice){bytes, sizeof(bytes)};
    expect(&msg, "an answer of a step that is too long");
}
