/* A participant that is away, for a while or for good: nothing waits for it in silence (sagas 4.2). */
#include <criterion/criterion.h>
#include <string.h>

#include "bed.h"
#include "proto/error.h"

static struct bed bed;

enum { A = 10, B = 11, MINUTE_MS = 60000 };

/* Step 0 at a is done, step 1 at b is refused, and a is away since. */
static void lose_whoever_must_undo(void)
{
    const struct vow_msg_saga_step steps[] = {bed_step(VOW_STEP_COMPENSATABLE, 0, "a"),
                                              bed_step(VOW_STEP_COMPENSATABLE, 1, "b")};
    struct vow_msg_step step;

    bed_init(&bed, NULL);
    bed_up(&bed, "a", A);
    bed_up(&bed, "b", B);
    bed_request(&bed, 1, steps, 2);
    step = bed_take(&bed);
    bed_answer(&bed, A, &step, VOW_STEP_DONE);
    bed_down(&bed, A);
    step = bed_take(&bed);
    bed_answer(&bed, B, &step, VOW_STEP_REJECTED);
}

static void undo_at_a(uint64_t session)
{
    struct vow_msg_step step;

    bed_up(&bed, "a", session);
    step = bed_take(&bed);
    cr_assert_eq(step.direction, VOW_STEP_COMPENSATION);
    bed_answer(&bed, session, &step, VOW_STEP_DONE);
}

Test(saga_away, F197_compensation_of_who_never_comes_is_stuck)
{
    lose_whoever_must_undo();
    bed_pass(&bed, MINUTE_MS - 1);
    cr_assert_eq(bed.told, VOW_SAGA_RUNNING, "a short absence is nobody's business");
    cr_assert_eq(bed.alarms, 0);
    bed_order(&bed, 1, VOW_SAGA_CLOSE);
    cr_assert_eq(bed.ordered, VOW_E_STATE);
    bed_pass(&bed, 1);
    cr_assert_eq(bed.told, VOW_SAGA_STUCK_COMPENSATING);
    cr_assert_eq(bed.alarms, 1);
    bed_order(&bed, 1, VOW_SAGA_CLOSE);
    bed_log(&bed);
    cr_assert_eq(bed.ordered, 0);
    cr_assert_eq(bed.told, VOW_SAGA_CLOSED);
    bed_free(&bed);
}

/* Seed 8590: a note of the attempt came behind the end, and the next start took the journal for damaged. */
Test(saga_away, F198_closed_while_its_participant_comes_back)
{
    lose_whoever_must_undo();
    bed_pass(&bed, MINUTE_MS);
    bed_order(&bed, 1, VOW_SAGA_CLOSE);
    bed_up(&bed, "a", A);
    bed.now_ms += MINUTE_MS;
    bed_feed(&bed, (struct vow_sagas_event){.kind = VOW_SAGAS_TIMER});
    cr_assert_eq(bed.sent_len, 0, "it is tried after its end");
    bed_log(&bed);
    cr_assert_eq(bed.told, VOW_SAGA_CLOSED);
    cr_assert_eq(bed.log[bed.log_len - 1].kind, VOW_RECORD_SAGA_END);
    bed_free(&bed);
}

Test(saga_away, F197_tried_again_by_hand_it_waits_anew)
{
    lose_whoever_must_undo();
    bed_pass(&bed, MINUTE_MS);
    bed_order(&bed, 1, VOW_SAGA_RETRY);
    cr_assert_eq(bed.ordered, 1, "a crash now, and it is stuck as before");
    bed_log(&bed);
    cr_assert_eq(bed.ordered, 0);
    bed_pass(&bed, MINUTE_MS - 1);
    cr_assert_eq(bed.alarms, 1);
    bed_pass(&bed, 1);
    cr_assert_eq(bed.alarms, 2);
    bed_free(&bed);
}

/* Nobody has to see to it: many sagas may be stuck of one participant. */
Test(saga_away, F197_it_goes_on_when_its_participant_is_back)
{
    lose_whoever_must_undo();
    bed_pass(&bed, MINUTE_MS);
    cr_assert_eq(bed.told, VOW_SAGA_STUCK_COMPENSATING);
    undo_at_a(20);
    cr_assert_eq(bed.told, VOW_SAGA_COMPENSATED);
    cr_assert_eq(bed.cause, VOW_CAUSE_HANDLER_REFUSED, "why it was undone, not why it was late");
    bed_free(&bed);
}

Test(saga_away, F197_F198_and_after_a_restart_too)
{
    struct vow_saga_view view;

    lose_whoever_must_undo();
    bed_pass(&bed, MINUTE_MS);
    bed_restart(&bed);
    bed_find(&bed, 1, &view);
    cr_assert_eq(view.told, VOW_SAGA_STUCK_COMPENSATING);
    undo_at_a(20);
    bed_ask(&bed, 1, 1, false);
    cr_assert_eq(bed.lookups, 1, "it has ended");
    bed_free(&bed);
}

/* It came back and refused it: that is for an operator, and not for its next connection. */
Test(saga_away, F197_what_is_refused_waits_for_an_operator_whoever_comes)
{
    struct vow_msg_step step;

    lose_whoever_must_undo();
    bed_pass(&bed, MINUTE_MS);
    bed_up(&bed, "a", 20);
    step = bed_take(&bed);
    bed_answer(&bed, 20, &step, VOW_STEP_UNABLE);
    bed_down(&bed, 20);
    bed_up(&bed, "a", 21);
    bed_pass(&bed, MINUTE_MS);
    cr_assert_eq(bed.sent_len, 0);
    bed_order(&bed, 1, VOW_SAGA_RETRY);
    bed_log(&bed);
    bed_pass(&bed, 0);
    cr_assert_eq(bed.sent_len, 1);
    bed_free(&bed);
}

/* ---- what was never sent ---- */

static void expect_step(uint32_t number, const char *fate)
{
    struct vow_saga_view view;

    bed_find(&bed, 1, &view);
    cr_assert_str_eq(view.steps[number].fate, fate);
}

Test(saga_away, what_was_never_sent_needs_no_undoing)
{
    const struct vow_msg_saga_step step = bed_step(VOW_STEP_COMPENSATABLE, 0, "a");

    bed_init(&bed, NULL);
    bed_request(&bed, 1, &step, 1);
    bed_pass(&bed, MINUTE_MS);
    cr_assert_eq(bed.told, VOW_SAGA_COMPENSATED, "its participant never came");
    cr_assert_eq(bed.cause, VOW_CAUSE_PARTICIPANT_UNAVAILABLE);
    cr_assert_eq(bed.sent_len, 0);
    bed_free(&bed);
}

/* It may have been sent in the life before. */
Test(saga_away, F194_after_a_restart_nobody_knows_what_was_sent)
{
    const struct vow_msg_saga_step steps[] = {bed_step(VOW_STEP_COMPENSATABLE, 0, "a"),
                                              bed_step(VOW_STEP_COMPENSATABLE, 1, "b")};

    bed_init(&bed, NULL);
    bed_up(&bed, "a", A);
    bed_request(&bed, 1, steps, 2);
    cr_assert_eq(bed.sent_len, 1);
    bed_restart(&bed);
    bed_pass(&bed, MINUTE_MS);
    expect_step(0, "UNKNOWN");
    expect_step(1, "");
    undo_at_a(20);
    cr_assert_eq(bed.alarms, 0);
    bed_free(&bed);
}

/* ---- the pivot, and what comes after it ---- */

static void reach_pivot(void)
{
    const struct vow_msg_saga_step steps[] = {bed_step(VOW_STEP_COMPENSATABLE, 0, "a"),
                                              bed_step(VOW_STEP_PIVOT, 1, "b"), bed_step(VOW_STEP_RETRIABLE, 2, "b")};
    struct vow_msg_step step;

    bed_init(&bed, NULL);
    bed_up(&bed, "a", A);
    bed_request(&bed, 1, steps, 3);
    step = bed_take(&bed);
    bed_answer(&bed, A, &step, VOW_STEP_DONE);
}

Test(saga_away, F203_pivot_that_was_never_sent_can_be_cancelled)
{
    struct vow_msg_step step;

    reach_pivot();
    bed_cancel(&bed, 1);
    step = bed_take(&bed);
    cr_assert_eq(step.direction, VOW_STEP_COMPENSATION);
    bed_answer(&bed, A, &step, VOW_STEP_DONE);
    cr_assert_eq(bed.told, VOW_SAGA_COMPENSATED);
    cr_assert_eq(bed.cause, VOW_CAUSE_CLIENT_ROLLBACK);
    bed_free(&bed);
}

Test(saga_away, pivot_that_was_never_sent_is_not_guessed_about)
{
    struct vow_msg_step step;

    reach_pivot();
    bed_pass(&bed, MINUTE_MS);
    step = bed_take(&bed);
    cr_assert_eq(step.direction, VOW_STEP_COMPENSATION);
    expect_step(1, "REJECTED");
    bed_free(&bed);
}

/* Sent, and its participant gone: it may have been done. It is stuck, and never undone on a guess. */
static void lose_pivot(void)
{
    reach_pivot();
    bed_up(&bed, "b", B);
    cr_assert_eq(bed_take(&bed).step, 1);
    bed_down(&bed, B);
    bed_cancel(&bed, 1);
    cr_assert_eq(bed.error, VOW_E_STATE);
    bed_pass(&bed, UINT64_C(2) * MINUTE_MS);
    cr_assert_eq(bed.told, VOW_SAGA_STUCK_FORWARD);
    cr_assert_eq(bed.cause, VOW_CAUSE_PARTICIPANT_UNAVAILABLE);
    cr_assert_eq(bed.sent_len, 0);
}

Test(saga_away, F199_pivot_that_was_sent_is_stuck)
{
    struct vow_msg_step step;

    lose_pivot();
    bed_up(&bed, "b", 20);
    step = bed_take(&bed);
    cr_assert_eq(step.step, 1);
    bed_answer(&bed, 20, &step, VOW_STEP_DONE);
    step = bed_take(&bed);
    cr_assert_eq(step.step, 2);
    bed_answer(&bed, 20, &step, VOW_STEP_DONE);
    cr_assert_eq(bed.told, VOW_SAGA_COMPLETED);
    cr_assert_eq(bed.cause, VOW_CAUSE_NONE);
    bed_free(&bed);
}

/* UNABLE is not remembered: said of the first attempt, it says nothing of the second, which may be done. */
Test(saga_away, F199_late_unable_does_not_stop_the_attempt_after_it)
{
    struct vow_msg_step first, second;

    reach_pivot();
    bed_up(&bed, "b", B);
    first = bed_take(&bed);
    bed_pass(&bed, 8000);
    second = bed_take(&bed);
    cr_assert_eq(second.attempt, 2);
    bed_answer(&bed, B, &first, VOW_STEP_UNABLE);
    cr_assert_eq(bed.told, VOW_SAGA_RUNNING);
    bed_answer(&bed, B, &second, VOW_STEP_DONE);
    cr_assert_eq(bed_take(&bed).step, 2);
    bed_free(&bed);
}

/* Found by the worlds of S1: it was counted as a step that is settled, and the saga was completed. */
Test(saga_away, F199_S2_pivot_refused_after_it_was_stuck_turns_the_saga)
{
    struct vow_msg_step step;

    lose_pivot();
    bed_up(&bed, "b", 20);
    step = bed_take(&bed);
    bed_answer(&bed, 20, &step, VOW_STEP_REJECTED);
    step = bed_take(&bed);
    cr_assert_eq(step.direction, VOW_STEP_COMPENSATION);
    bed_answer(&bed, A, &step, VOW_STEP_DONE);
    cr_assert_eq(bed.told, VOW_SAGA_COMPENSATED);
    cr_assert_eq(bed.cause, VOW_CAUSE_HANDLER_REFUSED);
    bed_free(&bed);
}

static void begin_retriable(void)
{
    const struct vow_msg_saga_step step = bed_step(VOW_STEP_RETRIABLE, 0, "a");

    bed_init(&bed, NULL);
    bed_up(&bed, "a", A);
    bed_request(&bed, 1, &step, 1);
}

/* What must be done and is refused is the operator's, who has the same asked again. */
Test(saga_away, F199_a_retriable_step_that_was_refused_can_be_done_later)
{
    struct vow_msg_step step;

    begin_retriable();
    step = bed_take(&bed);
    cr_assert_eq(step.kind, VOW_STEP_RETRIABLE, "its participant must not record a refusal");
    bed_answer(&bed, A, &step, VOW_STEP_REJECTED);
    cr_assert_eq(bed.told, VOW_SAGA_STUCK_FORWARD);
    cr_assert_eq(bed.alarms, 2);
    bed_order(&bed, 1, VOW_SAGA_RETRY);
    bed_log(&bed);
    bed_pass(&bed, 0);
    step = bed_take(&bed);
    cr_assert_eq(step.kind, VOW_STEP_RETRIABLE);
    bed_answer(&bed, A, &step, VOW_STEP_DONE);
    cr_assert_eq(bed.told, VOW_SAGA_COMPLETED);
    bed_free(&bed);
}

/* It is not remembered there, so it says nothing of the attempt that is under way. */
Test(saga_away, F199_a_late_refusal_does_not_stop_the_attempt_after_it)
{
    struct vow_msg_step first, second;

    begin_retriable();
    first = bed_take(&bed);
    bed_pass(&bed, 60000);
    second = bed_take(&bed);
    cr_assert_gt(second.attempt, first.attempt);
    bed_answer(&bed, A, &first, VOW_STEP_REJECTED);
    cr_assert_eq(bed.told, VOW_SAGA_RUNNING);
    bed_free(&bed);
}

Test(saga_away, B59_F198_why_it_is_stuck_is_known_after_a_restart)
{
    lose_pivot();
    bed.alarms = 0;
    bed_restart(&bed);
    cr_assert_eq(bed.alarms, 1, "whoever looks at this life alone has to see it");
    bed_ask(&bed, 1, 1, false);
    cr_assert_eq(bed.told, VOW_SAGA_STUCK_FORWARD);
    cr_assert_eq(bed.cause, VOW_CAUSE_PARTICIPANT_UNAVAILABLE);
    cr_assert_eq(bed.step, 1);
    bed_free(&bed);
}
