/* When a step is tried again, and how often: over restarts, within a budget, and not where nobody answers (4.4). */
#include <criterion/criterion.h>
#include <string.h>

#include "bed.h"

static struct bed bed;

enum { A = 10, CROWD = 60, MINUTE_MS = 60000 };

static void begin_crowd(uint32_t count, struct vow_msg_saga_step step)
{
    bed_init(&bed, NULL);
    bed_up(&bed, "a", A);
    for (uint32_t i = 1; i <= count; i++)
        bed_request(&bed, i, &step, 1);
    cr_assert_eq(bed.sent_len, count);
}

static struct vow_sagas_counts counts(void)
{
    struct vow_sagas_counts counts;

    vow_sagas_counts(bed.core, &counts);
    return counts;
}

static void answer_all(enum vow_step_result result)
{
    for (size_t i = bed.sent_len; i > 0; i--) {
        struct vow_msg_step step = bed_take(&bed);

        bed_answer(&bed, A, &step, result);
    }
}

/* ---- over a restart ---- */

static struct vow_msg_saga_step patient(void)
{
    struct vow_msg_saga_step step = bed_step(VOW_STEP_RETRIABLE, 0, "a");

    step.backoff_ms = step.backoff_max_ms = 50000;
    return step;
}

Test(saga_pace, F198_the_next_attempt_keeps_its_time_over_a_restart)
{
    struct vow_saga_view view;
    struct vow_msg_step step;
    uint64_t wait_ms;

    begin_crowd(1, patient());
    answer_all(VOW_STEP_NOT_YET);
    bed_find(&bed, 1, &view);
    wait_ms = view.steps[0].next_ms - bed.now_ms;
    cr_assert_gt(wait_ms, 1);
    bed_restart(&bed);
    bed_up(&bed, "a", A);
    bed_pass(&bed, wait_ms - 1);
    cr_assert_eq(bed.sent_len, 0, "its time has not come");
    bed_pass(&bed, 1);
    step = bed_take(&bed);
    cr_assert_eq(step.attempt, 2, "the first one is remembered");
    bed_free(&bed);
}

/* Of a compensation, too; and what is done stays done beside it. */
Test(saga_pace, F198_F202_a_compensation_keeps_its_time)
{
    struct vow_msg_saga_step steps[] = {bed_step(VOW_STEP_COMPENSATABLE, 0, "a"),
                                        bed_step(VOW_STEP_COMPENSATABLE, 1, "a")};
    struct vow_msg_step step;

    steps[0].backoff_ms = steps[0].backoff_max_ms = 50000;
    bed_init(&bed, NULL);
    bed_up(&bed, "a", A);
    bed_request(&bed, 1, steps, 2);
    answer_all(VOW_STEP_DONE);
    answer_all(VOW_STEP_REJECTED);
    answer_all(VOW_STEP_NOT_YET);
    bed_restart(&bed);
    bed_up(&bed, "a", A);
    cr_assert_eq(bed.sent_len, 0);
    bed_pass(&bed, 50000);
    step = bed_take(&bed);
    cr_assert_eq(step.direction, VOW_STEP_COMPENSATION);
    cr_assert_eq(step.attempt, 2);
    bed_answer(&bed, A, &step, VOW_STEP_DONE);
    cr_assert_eq(bed.told, VOW_SAGA_RUNNING, "nobody follows after the restart");
    cr_assert_eq(counts().compensated, 1);
    bed_free(&bed);
}

static void begin_with_deadline(uint32_t deadline_ms, uint32_t stages)
{
    struct vow_msg_saga_step steps[] = {bed_step(VOW_STEP_COMPENSATABLE, 0, "a"),
                                        bed_step(VOW_STEP_COMPENSATABLE, 1, "a")};

    steps[0].deadline_ms = steps[1].deadline_ms = deadline_ms;
    bed_init(&bed, NULL);
    bed_up(&bed, "a", A);
    bed_request(&bed, 1, steps, stages);
}

static void expect_to_give_up_after(uint64_t ms)
{
    struct vow_saga_view view;

    bed_pass(&bed, ms - 1);
    bed_find(&bed, 1, &view);
    cr_assert_eq(view.told, VOW_SAGA_RUNNING, "its deadline is not over");
    bed_pass(&bed, 1);
    bed_find(&bed, 1, &view);
    cr_assert_eq(view.told, VOW_SAGA_COMPENSATING, "its deadline is over");
}

/* What was used up of it before the crash, and while nobody was there, is used up. */
Test(saga_pace, F198_a_deadline_keeps_its_time_over_restarts)
{
    begin_with_deadline(1000, 1);
    bed_pass(&bed, 300);
    bed_restart(&bed);
    bed_pass(&bed, 300);
    bed_restart(&bed);
    expect_to_give_up_after(400);
    bed_free(&bed);
}

/* It runs since its own stage was begun, and that is when the last step of the one before it was done. */
Test(saga_pace, F198_the_deadline_of_a_later_stage_keeps_its_time)
{
    begin_with_deadline(1000, 2);
    bed_pass(&bed, 900);
    answer_all(VOW_STEP_DONE);
    bed_pass(&bed, 300);
    bed_restart(&bed);
    expect_to_give_up_after(700);
    bed_free(&bed);
}

/* No attempt after it, be the participant back before the saga goes on or after that. */
Test(saga_pace, F198_nothing_is_tried_after_a_deadline_that_ended_meanwhile)
{
    for (int is_early = 0; is_early < 2; is_early++) {
        struct vow_msg_step step;

        begin_with_deadline(1000, 1);
        bed.now_ms += 1000;
        if (is_early)
            bed_restart_beside(&bed, "a", A);
        else
            bed_restart(&bed);
        bed_up(&bed, "a", A);
        bed_log(&bed);
        step = bed_take(&bed);
        cr_assert_eq(step.direction, VOW_STEP_COMPENSATION, "it may have been done, and is not tried again");
        bed_free(&bed);
    }
}

/* What must be done has no deadline, neither before a restart nor after it. */
Test(saga_pace, F198_F199_a_restart_gives_no_deadline_to_what_must_be_done)
{
    struct vow_msg_saga_step step = bed_step(VOW_STEP_RETRIABLE, 0, "a");

    step.deadline_ms = 1000;
    begin_crowd(1, step);
    bed.now_ms += 5000;
    bed_restart(&bed);
    bed_up(&bed, "a", A);
    cr_assert_eq(bed_take(&bed).direction, VOW_STEP_ACTION);
    bed_free(&bed);
}

/* Nor what undoes a step that had one. */
Test(saga_pace, F197_F198_a_restart_gives_no_deadline_to_a_compensation_that_was_stuck)
{
    begin_with_deadline(1000, 1);
    bed_cancel(&bed, 1);
    answer_all(VOW_STEP_DONE);
    answer_all(VOW_STEP_REJECTED);
    cr_assert_eq(bed.told, VOW_SAGA_STUCK_COMPENSATING);
    bed.now_ms += 5000;
    bed_restart(&bed);
    bed_up(&bed, "a", A);
    bed_order(&bed, 1, VOW_SAGA_RETRY);
    bed_pass(&bed, 0);
    cr_assert_eq(bed_take(&bed).direction, VOW_STEP_COMPENSATION);
    bed_free(&bed);
}

/* The participant is back at once, and is not buried in what waits for it. */
Test(saga_pace, F147_after_a_restart_not_all_at_once)
{
    size_t at_once;

    begin_crowd(CROWD, bed_step(VOW_STEP_RETRIABLE, 0, "a"));
    bed_restart(&bed);
    bed_up(&bed, "a", A);
    at_once = bed.sent_len;
    cr_assert_lt(at_once, CROWD / 4);
    bed_pass(&bed, 1000);
    cr_assert_eq(bed.sent_len, CROWD);
    bed_free(&bed);
}

/* ---- the budget ---- */

Test(saga_pace, F147_further_attempts_are_a_tenth_of_the_first_ones)
{
    struct vow_msg_saga_step step = bed_step(VOW_STEP_RETRIABLE, 0, "a");
    struct vow_saga_view view;

    step.backoff_ms = step.backoff_max_ms = 1;
    step.attempts_max = 1000000;
    begin_crowd(CROWD, step);
    for (int i = 0; i < 200; i++) {
        answer_all(VOW_STEP_NOT_YET);
        bed_pass(&bed, 10);
    }
    /* 10 to begin with, 6 for 60 first ones, and one in a second or two beside. */
    cr_assert_geq(counts().retries, 16);
    cr_assert_leq(counts().retries, 16 + 2);
    cr_assert_gt(counts().held, 0);
    bed_find(&bed, 1, &view);
    cr_assert_eq(view.steps[0].budget, 0);
    bed_free(&bed);
}

/* Whoever has waited longest is first. */
Test(saga_pace, F147_what_waits_for_the_budget_goes_in_turn)
{
    struct vow_msg_saga_step order = bed_step(VOW_STEP_RETRIABLE, 0, "a");
    uint64_t last = 0;

    order.backoff_ms = order.backoff_max_ms = 1;
    begin_crowd(40, order);
    answer_all(VOW_STEP_NOT_YET);
    for (int i = 0; i < 20; i++) {
        struct vow_msg_step step;

        while (bed.sent_len == 0)
            bed_pass(&bed, 100);
        step = bed_take(&bed);
        cr_assert_gt(vow_gtrid_seq(&step.gtrid), last);
        last = vow_gtrid_seq(&step.gtrid);
        bed_answer(&bed, A, &step, VOW_STEP_DONE);
    }
    bed_free(&bed);
}

/* ---- the circuit breaker ---- */

/* It is connected, and says nothing. */
static void open_breaker(enum vow_step_kind kind)
{
    struct vow_saga_view view;

    begin_crowd(20, bed_step(kind, 0, "a"));
    bed_pass(&bed, 5000);
    bed_find(&bed, 1, &view);
    cr_assert_str_eq(view.steps[0].breaker, "OPEN");
    cr_assert_eq(bed.alarms, 1);
    cr_assert_eq(counts().breakers_open, 1);
    cr_assert_eq(bed.sent_len, 20);
    bed.sent_len = 0;
}

Test(saga_pace, F147_whoever_does_not_answer_is_sent_one_at_a_time)
{
    struct vow_msg_step probe;

    open_breaker(VOW_STEP_RETRIABLE);
    bed_pass(&bed, 2000);
    cr_assert_eq(bed.sent_len, 1, "one finds out");
    bed_pass(&bed, 18000);
    cr_assert_leq(bed.sent_len, 4, "and seldomer and seldomer");
    cr_assert_eq(bed.alarms, 1, "once");
    while (bed.sent_len > 0)
        probe = bed_take(&bed);
    bed_answer(&bed, A, &probe, VOW_STEP_DONE);
    cr_assert_eq(counts().breakers_open, 0);
    bed_pass(&bed, 2000);
    cr_assert_geq(bed.sent_len, 8, "what waited goes on, within the budget");
    bed_free(&bed);
}

/* Nothing waits in silence: it is stuck, and goes on when that one is well again. */
Test(saga_pace, F197_what_must_be_done_is_stuck_if_nobody_answers)
{
    struct vow_msg_step probe;

    open_breaker(VOW_STEP_RETRIABLE);
    bed_pass(&bed, UINT64_C(2) * MINUTE_MS);
    cr_assert_geq(counts().stuck, 15);
    probe = bed.sent[bed.sent_len - 1];
    bed.sent_len = 0;
    bed_answer(&bed, A, &probe, VOW_STEP_DONE);
    for (int i = 0; i < 200; i++) {
        bed_pass(&bed, 500);
        answer_all(VOW_STEP_DONE);
    }
    cr_assert_eq(counts().completed, 20);
    cr_assert_eq(counts().stuck, 0);
    bed_free(&bed);
}

/* Why it is stuck is in its record: whom it waits for, and so that it waits for him. */
Test(saga_pace, F197_F198_stuck_of_who_does_not_answer_goes_on_after_a_restart)
{
    open_breaker(VOW_STEP_RETRIABLE);
    bed_pass(&bed, UINT64_C(2) * MINUTE_MS);
    cr_assert_geq(counts().stuck, 15);
    bed_restart(&bed);
    bed_up(&bed, "a", A);
    for (int i = 0; i < 200; i++) {
        bed_pass(&bed, 500);
        answer_all(VOW_STEP_DONE);
    }
    cr_assert_eq(counts().stuck, 0);
    cr_assert_eq(counts().open, 0);
    bed_free(&bed);
}

/* A new connection is a new chance, for one attempt. */
Test(saga_pace, F147_a_new_connection_is_tried_at_once)
{
    open_breaker(VOW_STEP_RETRIABLE);
    bed_down(&bed, A);
    bed_up(&bed, "a", 20);
    bed_pass(&bed, 100);
    cr_assert_eq(bed.sent_len, 1);
    cr_assert_eq(counts().breakers_open, 1);
    bed_free(&bed);
}

/* A connection that is lost says nothing of who is well. */
Test(saga_pace, F147_lost_connections_open_no_breaker)
{
    begin_crowd(20, bed_step(VOW_STEP_RETRIABLE, 0, "a"));
    bed_down(&bed, A);
    bed_up(&bed, "a", 20);
    bed_pass(&bed, 1000);
    cr_assert_eq(counts().breaks, 0);
    cr_assert_eq(bed.sent_len, 40, "all are sent once more, for nobody works on them");
    bed_free(&bed);
}
