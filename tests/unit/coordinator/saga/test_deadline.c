/*
 * The deadline of a saga (sagas 4.2, Cancel and deadline). A life counts it by a clock that does not jump; over a
 * restart what is left of it is counted by the wall clock, which may have (F135).
 */
#include <criterion/criterion.h>

#include "bed.h"

enum { A = 7, DEADLINE_MS = 60000, DAYS_MS = 10 * 24 * 3600 * 1000 };

static struct bed bed;

static void begin(void)
{
    const struct vow_msg_saga_step step = bed_step(VOW_STEP_COMPENSATABLE, 0, "a");

    bed_init(&bed, NULL);
    bed.deadline_ms = DEADLINE_MS;
    bed_up(&bed, "a", A);
    bed_request(&bed, 1, &step, 1);
    cr_assert_eq(bed_take(&bed).direction, VOW_STEP_ACTION);
}

static void jump_and_restart(int64_t ms)
{
    bed.wall_jump_ms = ms;
    bed_restart(&bed);
}

static uint32_t turns(void)
{
    uint32_t count = 0;

    for (size_t i = 0; i < bed.log_len; i++)
        count += bed.log[i].kind == VOW_RECORD_SAGA_TURN;
    return count;
}

static enum vow_saga_state told(void)
{
    struct vow_saga_view view;

    bed_log(&bed);
    bed_find(&bed, 1, &view);
    return view.told;
}

static void undo(void)
{
    bed_up(&bed, "a", A);
    bed_pass(&bed, 1000);
    const struct vow_msg_step step = bed_take(&bed);
    cr_assert_eq(step.direction, VOW_STEP_COMPENSATION);
    bed_answer(&bed, A, &step, VOW_STEP_DONE);
    const struct vow_record *last = &bed.log[bed.log_len - 1];
    cr_assert_eq(last->kind, VOW_RECORD_SAGA_END);
    cr_assert_eq(last->detail, VOW_SAGA_COMPENSATED);
}

Test(saga_deadline, F203_it_turns_the_saga_once)
{
    begin();
    bed_pass(&bed, DEADLINE_MS - 1);
    cr_expect_eq(turns(), 0);
    bed_pass(&bed, 1);
    cr_expect_eq(turns(), 1);
    bed_pass(&bed, DAYS_MS);
    cr_expect_eq(turns(), 1);
    bed_free(&bed);
}

Test(saga_deadline, F135_a_clock_that_jumped_ahead_turns_it_once)
{
    begin();
    bed_pass(&bed, 1000);
    jump_and_restart(DAYS_MS);
    bed_pass(&bed, 1);
    cr_expect_eq(told(), VOW_SAGA_COMPENSATING, "by the clock its time is over");
    cr_expect_eq(turns(), 1);
    jump_and_restart(0);
    bed_pass(&bed, 2L * DEADLINE_MS);
    cr_expect_eq(turns(), 1, "the clock is right again, and what is turned stays so");
    undo();
    bed_free(&bed);
}

Test(saga_deadline, F135_a_clock_that_jumped_back_delays_it_by_no_more_than_itself)
{
    begin();
    bed_pass(&bed, 1000);
    jump_and_restart(-(int64_t)DAYS_MS);
    bed_pass(&bed, DEADLINE_MS - 1);
    cr_expect_eq(told(), VOW_SAGA_RUNNING);
    bed_pass(&bed, 1);
    cr_expect_eq(told(), VOW_SAGA_COMPENSATING);
    cr_expect_eq(turns(), 1);
    undo();
    bed_free(&bed);
}

/* A jump in one life moves nothing: what the core is told is not the time of day. */
Test(saga_deadline, F135_a_restart_after_which_the_clock_is_right_changes_nothing)
{
    begin();
    bed_pass(&bed, 1000);
    jump_and_restart(0);
    bed_pass(&bed, DEADLINE_MS - 1001);
    cr_expect_eq(told(), VOW_SAGA_RUNNING);
    bed_pass(&bed, 1);
    cr_expect_eq(told(), VOW_SAGA_COMPENSATING);
    cr_expect_eq(turns(), 1);
    bed_free(&bed);
}
