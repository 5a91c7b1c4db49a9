/* Checkers I21 to I23, and what is S1 and S2 of them: a good history of a saga is not reported, and each bad one is. */
#include "saga_bed.h"

static struct saga_bed saga;

static void end(void)
{
    saga_end(&saga);
}

TestSuite(check_sagas, .fini = end);

/* The first two steps are done, and the pivot is refused. */
static void up_to_a_refusal(void)
{
    saga_begin(&saga);
    saga_do(&saga, 0);
    saga_do(&saga, 1);
    saga_reject(&saga, 2);
}

static void all_done(void)
{
    saga_begin(&saga);
    for (uint32_t i = 0; i < 4; i++)
        saga_do(&saga, i);
}

static void ends(enum vow_saga_state state)
{
    saga_logged(&saga, VOW_RECORD_SAGA_END, state);
    saga_word(&saga, state);
    saga_told(&saga, state);
}

/* ---- I06: keys ---- */

Test(check_sagas, I06_F063_two_sagas_begin_under_one_key)
{
    saga_begin_two(&saga, "order 1", "order 1");
    bed_violates(&saga.bed, "I06", "under the same key");
}

Test(check_sagas, I06_F063_two_keys_or_none_are_two_sagas)
{
    saga_begin_two(&saga, "order 1", "order 2");
    bed_holds(&saga.bed);
    saga_end(&saga);
    saga_begin_two(&saga, "", "");
    bed_holds(&saga.bed);
}

/* ---- I21: all or compensated ---- */

Test(check_sagas, I21_a_saga_that_completes_holds)
{
    all_done();
    ends(VOW_SAGA_COMPLETED);
    saga_heal_and_end(&saga);
    bed_holds(&saga.bed);
}

Test(check_sagas, I21_a_saga_that_is_compensated_holds)
{
    up_to_a_refusal();
    saga_undo(&saga, 1);
    saga_undo(&saga, 0);
    ends(VOW_SAGA_COMPENSATED);
    saga_heal_and_end(&saga);
    bed_holds(&saga.bed);
}

Test(check_sagas, I21_completed_and_a_step_is_not_recorded)
{
    saga_begin(&saga);
    for (uint32_t i = 0; i < 3; i++)
        saga_do(&saga, i);
    saga_sent(&saga, 3, FORWARD);
    saga_done_at_store(&saga, 3, FORWARD);
    saga_log(&saga, SIM_SEEN_LOG_ASKED, VOW_RECORD_SAGA_END, VOW_SAGA_COMPLETED);
    bed_violates(&saga.bed, "I21", "no durable DONE");
}

Test(check_sagas, I21_completed_and_a_step_has_not_happened)
{
    saga_begin(&saga);
    for (uint32_t i = 0; i < 3; i++)
        saga_do(&saga, i);
    saga_sent(&saga, 3, FORWARD);
    saga_fate(&saga, 3, FORWARD, VOW_FATE_DONE);
    saga_log(&saga, SIM_SEEN_LOG_ASKED, VOW_RECORD_SAGA_END, VOW_SAGA_COMPLETED);
    bed_violates(&saga.bed, "I21", "not taken effect");
}

Test(check_sagas, I21_compensated_and_a_step_is_left)
{
    up_to_a_refusal();
    saga_undo(&saga, 1);
    saga_log(&saga, SIM_SEEN_LOG_ASKED, VOW_RECORD_SAGA_END, VOW_SAGA_COMPENSATED);
    bed_violates(&saga.bed, "I21", "no durable UNDONE");
}

Test(check_sagas, I21_compensated_and_its_participant_has_undone_nothing)
{
    up_to_a_refusal();
    saga_undo(&saga, 1);
    saga_sent(&saga, 0, BACK);
    saga_fate(&saga, 0, BACK, VOW_FATE_UNDONE);
    saga_word(&saga, VOW_SAGA_COMPENSATED);
    bed_violates(&saga.bed, "I21", "its compensation has not");
}

Test(check_sagas, I21_compensated_and_nothing_has_failed)
{
    saga_begin(&saga);
    saga_word(&saga, VOW_SAGA_COMPENSATED);
    bed_violates(&saga.bed, "I21", "nothing has failed");
}

Test(check_sagas, I21_running_is_told_before_it_is_durable)
{
    saga_ask(&saga);
    saga_word(&saga, VOW_SAGA_RUNNING);
    bed_violates(&saga.bed, "I21", "its order is not durable");
}

Test(check_sagas, I21_compensating_is_told_before_that_is_durable)
{
    saga_begin(&saga);
    saga_do(&saga, 0);
    saga_log(&saga, SIM_SEEN_LOG_ASKED, VOW_RECORD_SAGA_TURN, 0);
    saga_word(&saga, VOW_SAGA_COMPENSATING);
    bed_violates(&saga.bed, "I21", "durably failed");
}

Test(check_sagas, I21_compensating_is_told_when_that_is_durable)
{
    saga_begin(&saga);
    saga_do(&saga, 0);
    saga_logged(&saga, VOW_RECORD_SAGA_TURN, 0);
    saga_word(&saga, VOW_SAGA_COMPENSATING);
    bed_holds(&saga.bed);
}

Test(check_sagas, I21_an_operator_closes_it)
{
    saga_begin(&saga);
    saga_do(&saga, 0);
    saga_close_order(&saga);
    ends(VOW_SAGA_CLOSED);
    saga_heal_and_end(&saga);
    bed_holds(&saga.bed);
}

Test(check_sagas, I21_closed_by_nobody)
{
    saga_begin(&saga);
    saga_log(&saga, SIM_SEEN_LOG_ASKED, VOW_RECORD_SAGA_END, VOW_SAGA_CLOSED);
    bed_violates(&saga.bed, "I21", "nobody has ordered it");
}

Test(check_sagas, I21_closed_is_told_before_it_is_durable)
{
    saga_begin(&saga);
    saga_close_order(&saga);
    saga_log(&saga, SIM_SEEN_LOG_ASKED, VOW_RECORD_SAGA_END, VOW_SAGA_CLOSED);
    saga_word(&saga, VOW_SAGA_CLOSED);
    bed_violates(&saga.bed, "I21", "CLOSED before that is durable");
}

Test(check_sagas, I21_two_ends_in_one_journal)
{
    all_done();
    ends(VOW_SAGA_COMPLETED);
    saga_close_order(&saga);
    saga_log(&saga, SIM_SEEN_LOG_ASKED, VOW_RECORD_SAGA_END, VOW_SAGA_CLOSED);
    bed_violates(&saga.bed, "I21", "and has ended completed");
}

Test(check_sagas, I21_a_client_is_told_two_ends)
{
    all_done();
    ends(VOW_SAGA_COMPLETED);
    saga_told(&saga, VOW_SAGA_COMPENSATED);
    bed_violates(&saga.bed, "I21", "its client was told completed");
}

/* ---- I22, S2: order ---- */

Test(check_sagas, I22_S2_a_step_is_sent_before_the_order_is_durable)
{
    saga_ask(&saga);
    saga_log(&saga, SIM_SEEN_LOG_ASKED, VOW_RECORD_SAGA_BEGIN, 0);
    saga_sent(&saga, 0, FORWARD);
    bed_violates(&saga.bed, "I22", "order is not durable");
}

Test(check_sagas, I22_S2_a_stage_is_sent_before_the_one_before_it_is_durable)
{
    saga_begin(&saga);
    saga_sent(&saga, 0, FORWARD);
    saga_done_at_store(&saga, 0, FORWARD);
    saga_answer(&saga, 0, FORWARD, VOW_STEP_DONE);
    saga_sent(&saga, 1, FORWARD);
    bed_violates(&saga.bed, "I22", "earlier stage");
}

Test(check_sagas, I22_S2_two_steps_of_a_stage_run_side_by_side)
{
    saga_begin_beside(&saga);
    saga_sent(&saga, 0, FORWARD);
    saga_do(&saga, 1);
    saga_done_at_store(&saga, 0, FORWARD);
    saga_answer(&saga, 0, FORWARD, VOW_STEP_DONE);
    saga_fate(&saga, 0, FORWARD, VOW_FATE_DONE);
    saga_do(&saga, 2);
    bed_holds(&saga.bed);
}

Test(check_sagas, I22_S2_an_action_is_sent_though_the_saga_has_failed)
{
    saga_begin_beside(&saga);
    saga_reject(&saga, 0);
    saga_sent(&saga, 1, FORWARD);
    bed_violates(&saga.bed, "I22", "known to have failed");
}

Test(check_sagas, I22_S2_something_is_undone_and_nothing_has_failed)
{
    saga_begin(&saga);
    saga_do(&saga, 0);
    saga_sent(&saga, 0, BACK);
    bed_violates(&saga.bed, "I22", "nothing has failed");
}

Test(check_sagas, I22_S2_undone_in_the_order_in_which_it_was_done)
{
    up_to_a_refusal();
    saga_sent(&saga, 0, BACK);
    bed_violates(&saga.bed, "I22", "later stage is not undone");
}

Test(check_sagas, I22_S2_what_was_rejected_is_undone)
{
    saga_begin(&saga);
    saga_do(&saga, 0);
    saga_reject(&saga, 1);
    saga_sent(&saga, 1, BACK);
    bed_violates(&saga.bed, "I22", "it was rejected");
}

Test(check_sagas, I22_S2_F201_undone_while_a_sibling_is_under_way)
{
    saga_begin_beside(&saga);
    saga_sent(&saga, 0, FORWARD);
    saga_sent(&saga, 1, FORWARD);
    saga_fate(&saga, 1, FORWARD, VOW_FATE_UNKNOWN);
    saga_sent(&saga, 1, BACK);
    bed_violates(&saga.bed, "I22", "under way");
}

Test(check_sagas, I22_S2_F201_siblings_are_awaited)
{
    saga_begin_beside(&saga);
    saga_sent(&saga, 0, FORWARD);
    saga_sent(&saga, 1, FORWARD);
    saga_fate(&saga, 1, FORWARD, VOW_FATE_UNKNOWN);
    saga_done_at_store(&saga, 0, FORWARD);
    saga_answer(&saga, 0, FORWARD, VOW_STEP_DONE);
    saga_fate(&saga, 0, FORWARD, VOW_FATE_DONE);
    saga_undo(&saga, 0);
    saga_sent(&saga, 1, BACK);
    saga_store(&saga, 1, BACK, VOW_STEP_DONE, false);
    saga_answer(&saga, 1, BACK, VOW_STEP_DONE);
    saga_fate(&saga, 1, BACK, VOW_FATE_UNDONE);
    ends(VOW_SAGA_COMPENSATED);
    saga_heal_and_end(&saga);
    bed_holds(&saga.bed);
}

Test(check_sagas, I22_F199_a_sent_pivot_is_turned_round)
{
    saga_begin(&saga);
    saga_do(&saga, 0);
    saga_do(&saga, 1);
    saga_sent(&saga, 2, FORWARD);
    saga_log(&saga, SIM_SEEN_LOG_ASKED, VOW_RECORD_SAGA_TURN, 0);
    bed_violates(&saga.bed, "I22", "step 2 cannot be undone");
}

Test(check_sagas, I22_a_saga_is_turned_round_before_its_pivot)
{
    saga_begin(&saga);
    saga_do(&saga, 0);
    saga_logged(&saga, VOW_RECORD_SAGA_TURN, 0);
    saga_undo(&saga, 0);
    ends(VOW_SAGA_COMPENSATED);
    bed_holds(&saga.bed);
}

/* ---- I23, S1: it ends ---- */

Test(check_sagas, I23_S1_F198_a_saga_that_never_ends)
{
    saga_begin(&saga);
    saga_do(&saga, 0);
    saga_heal_and_end(&saga);
    bed_violates(&saga.bed, "I23", "has not ended");
}

Test(check_sagas, I23_S1_one_that_never_began_need_not_end)
{
    saga_ask(&saga);
    saga_heal_and_end(&saga);
    bed_holds(&saga.bed);
}

/* ---- F105: what a coordinator's start finds that comes to nothing ---- */

static struct sim_dump_event record_of(enum vow_record_kind kind, enum vow_saga_state is)
{
    return (struct sim_dump_event){
        .lsn = 1, .gtrid = saga.bed.txn, .kind = kind, .who = "", .detail = is, .is_chained = true};
}

static struct sim_dump journal_of(const struct sim_dump_event *events, uint32_t len)
{
    return (struct sim_dump){
        .is_there = true, .is_readable = true, .is_journal = true, .journal = {.events = events, .events_len = len}};
}

/* The coordinator is killed over that record, and the next life finds it in the page cache and dies as well. */
static void find_and_die(const struct sim_dump *found)
{
    struct sim_sight sight = bed_sight(&saga.bed, SIM_SEEN_CRASHED, C0);

    sight.crashed.how = SIM_CRASH_KILL;
    bed_show(&saga.bed, &sight);
    bed_plain(&saga.bed, SIM_SEEN_STARTED, C0);
    bed_disk(&saga.bed, C0, found);
}

Test(check_sagas, I23_F105_one_that_only_a_start_that_came_to_nothing_has_seen_begin_need_not_end)
{
    struct sim_dump_event begun;
    struct sim_dump found;
    const struct sim_dump lost = journal_of(NULL, 0);

    saga_ask(&saga);
    begun = record_of(VOW_RECORD_SAGA_BEGIN, 0);
    found = journal_of(&begun, 1);
    find_and_die(&found);
    bed_restart(&saga.bed, C0, &lost);
    saga_heal_and_end(&saga);
    bed_holds(&saga.bed);
}

/* And one that the next start finds as well has begun. */
Test(check_sagas, I23_F105_one_that_two_starts_have_seen_begin_must_end)
{
    struct sim_dump_event begun;
    struct sim_dump found;

    saga_ask(&saga);
    begun = record_of(VOW_RECORD_SAGA_BEGIN, 0);
    found = journal_of(&begun, 1);
    find_and_die(&found);
    bed_restart(&saga.bed, C0, &found);
    saga_heal_and_end(&saga);
    bed_violates(&saga.bed, "I23", "has not ended");
}

/* An end that was never durable binds nobody: the saga goes on, and may end otherwise. */
Test(check_sagas, I21_F105_an_end_that_only_a_start_that_came_to_nothing_has_seen)
{
    struct sim_dump_event events[2];
    struct sim_dump found, lost;

    all_done();
    events[0] = record_of(VOW_RECORD_SAGA_BEGIN, 0);
    events[1] = record_of(VOW_RECORD_SAGA_END, VOW_SAGA_CLOSED);
    events[1].lsn = 2;
    found = journal_of(events, 2);
    lost = journal_of(events, 1);
    find_and_die(&found);
    bed_restart(&saga.bed, C0, &lost);
    ends(VOW_SAGA_COMPLETED);
    saga_heal_and_end(&saga);
    bed_holds(&saga.bed);
}

/* What failed in no durable record has not: nothing may be undone. */
Test(check_sagas, I22_F105_a_failure_that_only_a_start_that_came_to_nothing_has_seen)
{
    struct sim_dump_event events[2];
    struct sim_dump found, lost;

    saga_begin(&saga);
    saga_do(&saga, 0);
    events[0] = record_of(VOW_RECORD_SAGA_BEGIN, 0);
    events[1] = record_of(VOW_RECORD_SAGA_TURN, 0);
    events[1].lsn = 2;
    found = journal_of(events, 2);
    lost = journal_of(events, 1);
    find_and_die(&found);
    bed_restart(&saga.bed, C0, &lost);
    saga_sent(&saga, 0, BACK);
    bed_violates(&saga.bed, "I22", "nothing has failed");
}

Test(check_sagas, I23_S1_a_participant_that_is_broken_excuses_it)
{
    struct sim_sight sight;

    saga_begin(&saga);
    saga_do(&saga, 0);
    sight = bed_sight(&saga.bed, SIM_SEEN_HEALED, SIM_NODE_NONE);
    sight.healed.nodes = 0xf & ~sim_bit(P1);
    bed_show(&saga.bed, &sight);
    saga.bed.at_us += UINT64_C(90000000);
    bed_plain(&saga.bed, SIM_SEEN_ENDED, SIM_NODE_NONE);
    bed_holds(&saga.bed);
}
