/* After a restart: sagas go on some at a time, and what is heard meanwhile does not get ahead of that (sagas 4.2). */
#include <criterion/criterion.h>
#include <string.h>

#include "bed.h"
#include "proto/error.h"

static struct bed bed;

enum { A = 10, B = 11, MINUTE_MS = 60000, DAY_MS = 86400000, CROWD = 16, LAST = CROWD + 1 };

/* Sagas of many steps, whose participant is away all the time: more than go on with one timer. */
static void begin_crowd(void)
{
    struct vow_msg_saga_step steps[VOW_STEPS_MAX];

    for (uint32_t i = 0; i < VOW_STEPS_MAX; i++) {
        steps[i] = bed_step(VOW_STEP_COMPENSATABLE, 0, "x");
        steps[i].deadline_ms = DAY_MS;
    }
    for (uint32_t i = 1; i <= CROWD; i++)
        bed_request(&bed, i, steps, VOW_STEPS_MAX);
}

static void begin(void)
{
    bed_init(&bed, NULL);
    begin_crowd();
    bed_up(&bed, "a", A);
    bed_up(&bed, "b", B);
}

static bool has_ended(void)
{
    const struct vow_gtrid id = bed_id(LAST);
    struct vow_saga_view view;

    return !vow_sagas_find(bed.core, &id, &view);
}

/* The last saga has done its only step, and failed in the next; whoever has to undo it is away, and it is stuck. */
static void begin_stuck_backward(void)
{
    const struct vow_msg_saga_step steps[] = {bed_step(VOW_STEP_COMPENSATABLE, 0, "a"),
                                              bed_step(VOW_STEP_COMPENSATABLE, 1, "b")};
    struct vow_msg_step step;

    begin();
    bed_request(&bed, LAST, steps, 2);
    step = bed_take(&bed);
    bed_answer(&bed, A, &step, VOW_STEP_DONE);
    bed_down(&bed, A);
    step = bed_take(&bed);
    bed_answer(&bed, B, &step, VOW_STEP_REJECTED);
    bed_pass(&bed, MINUTE_MS);
    cr_assert_eq(bed.told, VOW_SAGA_STUCK_COMPENSATING);
}

/* The last saga's pivot was sent, and is stuck; there is a step behind it. */
static void begin_stuck_forward(void)
{
    const struct vow_msg_saga_step steps[] = {bed_step(VOW_STEP_PIVOT, 0, "a"), bed_step(VOW_STEP_RETRIABLE, 1, "b")};

    begin();
    bed_request(&bed, LAST, steps, 2);
    (void)bed_take(&bed);
    bed_down(&bed, A);
    bed_pass(&bed, UINT64_C(2) * MINUTE_MS);
    cr_assert_eq(bed.told, VOW_SAGA_STUCK_FORWARD);
}

/* It was sent in front of its saga's turn to go on, which then found that nothing is stuck, nor left to be undone. */
Test(saga_resume, F197_F198_is_not_compensated_before_its_compensation_is_done)
{
    struct vow_msg_step step;

    begin_stuck_backward();
    bed_restart_beside(&bed, "a", 20);
    bed_pass(&bed, 2000);
    cr_assert_not(has_ended(), "its compensation has not been answered");
    cr_assert_eq(bed.sent_len, 1);
    step = bed_take(&bed);
    cr_assert_eq(step.direction, VOW_STEP_COMPENSATION);
    bed_answer(&bed, 20, &step, VOW_STEP_DONE);
    cr_assert(has_ended());
    bed_free(&bed);
}

Test(saga_resume, F198_F199_nothing_overtakes_a_pivot_that_was_stuck)
{
    struct vow_msg_step step;

    begin_stuck_forward();
    bed_restart_beside(&bed, "a", 20);
    bed_up(&bed, "b", 21);
    bed_pass(&bed, 2000);
    cr_assert_eq(bed.sent_len, 1, "the pivot alone");
    step = bed_take(&bed);
    cr_assert_eq(step.step, 0);
    bed_answer(&bed, 20, &step, VOW_STEP_DONE);
    cr_assert_eq(bed_take(&bed).step, 1);
    bed_free(&bed);
}

/* An answer to an attempt of the life before, from a participant that is back before the saga goes on. */
Test(saga_resume, F198_an_answer_that_comes_too_early_is_asked_for_again)
{
    const struct vow_msg_step late = {
        .gtrid = bed_id(LAST), .step = 0, .direction = VOW_STEP_COMPENSATION, .attempt = 1};
    struct vow_msg_step step;

    begin_stuck_backward();
    bed_restart_beside(&bed, "a", 20);
    cr_assert_eq(bed.sent_len, 0, "the last does not go on with the first timer");
    bed_answer(&bed, 20, &late, VOW_STEP_DONE);
    bed_pass(&bed, 2000);
    step = bed_take(&bed);
    bed_answer(&bed, 20, &step, VOW_STEP_DONE);
    cr_assert(has_ended());
    bed_free(&bed);
}
