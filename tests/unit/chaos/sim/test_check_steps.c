/* Checkers I24, I30, S3 to S6 and S8: what participants do of a saga, and what their disks show of it. */
#include "saga_bed.h"

static struct saga_bed saga;

static void begin(void)
{
    saga_begin(&saga);
}

static void end(void)
{
    saga_end(&saga);
}

TestSuite(check_steps, .init = begin, .fini = end);

/* The first step is done and undone: the second is refused. */
static void done_and_undone(void)
{
    saga_do(&saga, 0);
    saga_reject(&saga, 1);
    saga_undo(&saga, 0);
}

/* ---- I24, S6: once ---- */

Test(check_steps, I24_S6_a_duplicate_is_answered_and_not_done)
{
    saga_do(&saga, 0);
    saga_sent(&saga, 0, FORWARD);
    saga.disks[0].steps_len--; /* the row that the next line adds is the one that is there */
    saga_store(&saga, 0, FORWARD, VOW_STEP_DONE, false);
    saga.disks[0].steps[0].status = SIM_STEP_DONE;
    saga_answer(&saga, 0, FORWARD, VOW_STEP_DONE);
    saga_restart(&saga, P0);
    bed_holds(&saga.bed);
}

Test(check_steps, I24_S6_F193_a_duplicate_takes_effect)
{
    saga_do(&saga, 0);
    saga_done_at_store(&saga, 0, FORWARD);
    bed_violates(&saga.bed, "I24", "takes effect again");
}

Test(check_steps, I24_S6_F196_a_duplicate_compensation_takes_effect)
{
    done_and_undone();
    saga_done_at_store(&saga, 0, BACK);
    bed_violates(&saga.bed, "I24", "takes effect again");
}

Test(check_steps, I24_S6_two_effects_on_a_disk)
{
    struct saga_disk *disk = saga_disk(&saga, P0);

    saga_do(&saga, 0);
    disk->deeds[1] = disk->deeds[0];
    disk->deeds_len = 2;
    disk->purse *= 2;
    saga_restart(&saga, P0);
    bed_violates(&saga.bed, "I24", "more than once");
}

Test(check_steps, I24_said_to_be_done_and_was_not)
{
    saga_sent(&saga, 0, FORWARD);
    saga_store(&saga, 0, FORWARD, VOW_STEP_DONE, false);
    bed_violates(&saga.bed, "I24", "and was not");
}

Test(check_steps, I24_done_and_was_refused_for_good)
{
    saga_sent(&saga, 0, FORWARD);
    saga_store(&saga, 0, FORWARD, VOW_STEP_REJECTED, false);
    saga_done_at_store(&saga, 0, FORWARD);
    bed_violates(&saga.bed, "I24", "refused for good");
}

Test(check_steps, I24_refused_and_was_done)
{
    saga_do(&saga, 0);
    saga_store(&saga, 0, FORWARD, VOW_STEP_REJECTED, false);
    bed_violates(&saga.bed, "I24", "and was done");
}

Test(check_steps, I24_done_is_sent_before_it_is_durable)
{
    saga_sent(&saga, 0, FORWARD);
    saga_answer(&saga, 0, FORWARD, VOW_STEP_DONE);
    bed_violates(&saga.bed, "I24", "not durable");
}

Test(check_steps, I24_rejected_is_sent_before_it_is_durable)
{
    saga_sent(&saga, 0, FORWARD);
    saga_answer(&saga, 0, FORWARD, VOW_STEP_REJECTED);
    bed_violates(&saga.bed, "I24", "not durable");
}

/* It must be done, so its refusal is told, and it is asked again. */
Test(check_steps, I24_F199_a_retriable_step_is_refused_and_done_later)
{
    for (uint32_t i = 0; i < 3; i++)
        saga_do(&saga, i);
    saga_sent(&saga, 3, FORWARD);
    saga_store(&saga, 3, FORWARD, VOW_STEP_REJECTED, false);
    saga_answer(&saga, 3, FORWARD, VOW_STEP_REJECTED);
    saga_do(&saga, 3);
    bed_holds(&saga.bed);
}

Test(check_steps, I24_F199_a_retriable_step_is_refused_for_good)
{
    struct saga_disk *disk = saga_disk(&saga, P1);

    for (uint32_t i = 0; i < 4; i++)
        saga_do(&saga, i);
    disk->steps[1].status = SIM_STEP_REJECTED;
    disk->deeds_len = 1;
    disk->purse = disk->deeds[0].amount;
    saga_restart(&saga, P1);
    bed_violates(&saga.bed, "I24", "must be done");
}

Test(check_steps, I24_F190_an_effect_without_its_record)
{
    saga_do(&saga, 0);
    saga_disk(&saga, P0)->steps_len = 0;
    saga_restart(&saga, P0);
    bed_violates(&saga.bed, "I24", "no record");
}

Test(check_steps, I24_F190_a_record_without_its_effect)
{
    saga_do(&saga, 0);
    saga_disk(&saga, P0)->deeds_len = 0;
    saga_disk(&saga, P0)->purse = 0;
    saga_restart(&saga, P0);
    bed_violates(&saga.bed, "I24", "no effect");
}

Test(check_steps, I24_what_was_durable_is_gone)
{
    saga_do(&saga, 0);
    memset(saga_disk(&saga, P0), 0, sizeof(struct saga_disk));
    saga_restart(&saga, P0);
    bed_violates(&saga.bed, "I24", "is not there");
}

/* Seed 1874: its sync had failed, and the power went before the next start had written it again (F105). */
Test(check_steps, I24_what_only_a_start_that_came_to_nothing_has_found_is_not_owed)
{
    const struct saga_disk before = *saga_disk(&saga, P0);
    struct sim_sight sight = bed_sight(&saga.bed, SIM_SEEN_CRASHED, P0);
    struct saga_disk *disk = saga_disk(&saga, P0);

    saga_sent(&saga, 0, FORWARD);
    sight.crashed.how = SIM_CRASH_KILL;
    bed_show(&saga.bed, &sight);
    bed_plain(&saga.bed, SIM_SEEN_STARTED, P0);
    disk->deeds[disk->deeds_len++] = (struct sim_dump_deed){.gtrid = saga.bed.txn, .amount = 10, .number = 70};
    disk->steps[disk->steps_len++] = (struct sim_dump_step){.gtrid = saga.bed.txn, .status = SIM_STEP_DONE};
    disk->deeds[0].direction = disk->steps[0].direction = VOW_STEP_ACTION;
    disk->purse += 10;
    saga_show_disk(&saga, P0);
    *disk = before;
    saga_restart(&saga, P0);
    saga_do(&saga, 0);
    saga_restart(&saga, P0);
    bed_holds(&saga.bed);
}

Test(check_steps, I24_what_was_undone_is_back)
{
    struct saga_disk *disk = saga_disk(&saga, P0);

    done_and_undone();
    disk->deeds_len = disk->steps_len = 1;
    disk->purse = disk->deeds[0].amount;
    saga_restart(&saga, P0);
    bed_violates(&saga.bed, "I24", "was durably undone");
}

Test(check_steps, I24_a_wiped_disk_is_not_judged)
{
    saga_do(&saga, 0);
    memset(saga_disk(&saga, P0), 0, sizeof(struct saga_disk));
    bed_fault(&saga.bed, SIM_FAULT_WIPE, P0);
    saga_restart(&saga, P0);
    bed_holds(&saga.bed);
}

Test(check_steps, I24_a_purse_that_its_rows_do_not_explain)
{
    saga_do(&saga, 0);
    saga_disk(&saga, P0)->purse++;
    saga_restart(&saga, P0);
    bed_violates(&saga.bed, "I24", "its rows say");
}

Test(check_steps, I24_a_compensation_that_was_given_another_answer)
{
    done_and_undone();
    saga_disk(&saga, P0)->deeds[1].number++;
    saga_restart(&saga, P0);
    bed_violates(&saga.bed, "I24", "not given its answer");
}

Test(check_steps, I24_records_that_are_too_old_are_gone)
{
    saga_do(&saga, 0);
    saga_disk(&saga, P0)->steps_len = 0;
    saga_disk(&saga, P0)->has_forgotten = true;
    saga_restart(&saga, P0);
    bed_holds(&saga.bed);
}

/* ---- S3 to S5: the barrier ---- */

Test(check_steps, S3_F195_what_was_not_done_is_undone)
{
    saga_sent(&saga, 0, FORWARD);
    saga_fate(&saga, 0, FORWARD, VOW_FATE_UNKNOWN);
    saga_sent(&saga, 0, BACK);
    saga_done_at_store(&saga, 0, BACK);
    bed_violates(&saga.bed, "S3", "was not done");
}

/* Null compensation: a record, and no handler runs; the action comes too late. */
static void undo_nothing(void)
{
    saga_sent(&saga, 0, FORWARD);
    saga_fate(&saga, 0, FORWARD, VOW_FATE_UNKNOWN);
    saga_sent(&saga, 0, BACK);
    saga_store(&saga, 0, BACK, VOW_STEP_DONE, false);
}

Test(check_steps, S3_S4_F194_a_late_action_is_refused)
{
    undo_nothing();
    saga_answer(&saga, 0, BACK, VOW_STEP_DONE);
    saga_store(&saga, 0, FORWARD, VOW_STEP_TOO_LATE, false);
    saga_answer(&saga, 0, FORWARD, VOW_STEP_TOO_LATE);
    saga_fate(&saga, 0, BACK, VOW_FATE_UNDONE);
    saga_logged(&saga, VOW_RECORD_SAGA_END, VOW_SAGA_COMPENSATED);
    saga_heal_and_end(&saga);
    bed_holds(&saga.bed);
}

Test(check_steps, S4_F195_a_late_action_takes_effect)
{
    undo_nothing();
    saga_done_at_store(&saga, 0, FORWARD);
    bed_violates(&saga.bed, "S4", "behind its compensation");
}

Test(check_steps, S4_an_action_takes_effect_when_the_saga_has_ended)
{
    saga_logged(&saga, VOW_RECORD_SAGA_TURN, 0);
    saga_logged(&saga, VOW_RECORD_SAGA_END, VOW_SAGA_COMPENSATED);
    saga_done_at_store(&saga, 0, FORWARD);
    bed_violates(&saga.bed, "S4", "the saga has ended");
}

Test(check_steps, S4_what_an_operator_has_closed_may_still_happen)
{
    saga_close_order(&saga);
    saga_logged(&saga, VOW_RECORD_SAGA_END, VOW_SAGA_CLOSED);
    saga_done_at_store(&saga, 0, FORWARD);
    bed_holds(&saga.bed);
}

/* The pivot is done, its answer was lost, and a guess takes it for one that never happened. */
Test(check_steps, S5_F199_something_is_undone_and_the_pivot_is_done)
{
    saga_do(&saga, 0);
    saga_do(&saga, 1);
    saga_sent(&saga, 2, FORWARD);
    saga_done_at_store(&saga, 2, FORWARD);
    saga_fate(&saga, 2, FORWARD, VOW_FATE_REJECTED);
    saga_undo(&saga, 1);
    bed_violates(&saga.bed, "S5", "the pivot is done");
}

Test(check_steps, S5_a_pivot_that_was_refused_is_none)
{
    saga_do(&saga, 0);
    saga_do(&saga, 1);
    saga_reject(&saga, 2);
    saga_undo(&saga, 1);
    bed_holds(&saga.bed);
}

/* ---- I30, S8: sums ---- */

/* Both sides of the transfer agree with their own rows, and the sum is not what the sagas have left. */
Test(check_steps, I30_S8_amounts_that_do_not_add_up)
{
    struct saga_disk *disk = saga_disk(&saga, P1);

    for (uint32_t i = 0; i < 4; i++)
        saga_do(&saga, i);
    saga_logged(&saga, VOW_RECORD_SAGA_END, VOW_SAGA_COMPLETED);
    disk->deeds[0].amount++;
    disk->purse++;
    saga_heal_and_end(&saga);
    bed_violates(&saga.bed, "I30", "hold 1, and should hold 0");
}

/* What a closed saga has left stays, and is counted. */
Test(check_steps, I30_S8_a_closed_saga_leaves_what_it_did)
{
    saga_do(&saga, 0);
    saga_close_order(&saga);
    saga_logged(&saga, VOW_RECORD_SAGA_END, VOW_SAGA_CLOSED);
    saga_heal_and_end(&saga);
    cr_expect_eq(saga.bed.judge.purses, 10);
    bed_holds(&saga.bed);
}
