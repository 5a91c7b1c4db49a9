/* Checkers I01 to I06 and I10: a good stream is not reported, and each bad one is. */
#include "check_bed.h"
#include "proto/error.h"

static struct bed bed;

static void begin(void)
{
    bed_begin(&bed);
}

static void end(void)
{
    bed_end(&bed);
}

TestSuite(check_decisions, .init = begin, .fini = end);

static void told_aborted(enum vow_cause cause)
{
    struct vow_msg msg = bed_outcome(&bed, VOW_ABORTED, cause);

    bed_send(&bed, C0, K0, &msg);
}

Test(check_decisions, a_commit_holds)
{
    bed_whole(&bed);
    bed_heal_and_end(&bed);
    bed_holds(&bed);
}

Test(check_decisions, an_abort_holds)
{
    struct vow_msg msg = bed_prepare_msg(&bed);

    bed_request(&bed);
    bed_prepare(&bed, P0);
    bed_send(&bed, C0, P1, &msg);
    bed_vote(&bed, P0, VOW_VOTE_YES);
    bed_vote(&bed, P1, VOW_VOTE_NO);
    bed_abort_at(&bed, P0);
    told_aborted(VOW_CAUSE_LOCK_CONFLICT);
    bed_told(&bed, VOW_ABORTED, VOW_CAUSE_LOCK_CONFLICT);
    bed_heal_and_end(&bed);
    bed_holds(&bed);
}

Test(check_decisions, I01_a_branch_is_dropped_and_another_one_commits)
{
    bed_to_votes(&bed);
    bed_decide(&bed);
    bed_store(&bed, SIM_SEEN_STORE_DONE, P0, VOW_STORE_ABORT, VOW_STORE_DONE);
    bed_violates(&bed, "I01", "committed at c0 and aborted at p0");
}

Test(check_decisions, I02_two_ends_in_one_journal)
{
    bed_to_votes(&bed);
    bed_decide(&bed);
    bed_log(&bed, SIM_SEEN_LOG_DURABLE, VOW_RECORD_READ_ONLY, VOW_CAUSE_NONE);
    bed_violates(&bed, "I02", "2 different ends");
}

Test(check_decisions, I02_a_branch_that_committed_is_prepared_again)
{
    bed_whole(&bed);
    bed_store(&bed, SIM_SEEN_STORE_DONE, P0, VOW_STORE_PREPARE, VOW_STORE_DONE);
    bed_violates(&bed, "I02", "prepared again");
}

Test(check_decisions, I03_commit_without_a_durable_yes)
{
    struct vow_msg msg = bed_prepare_msg(&bed);

    bed_request(&bed);
    bed_prepare(&bed, P0);
    bed_send(&bed, C0, P1, &msg);
    bed_vote(&bed, P0, VOW_VOTE_YES);
    bed_decide(&bed);
    bed_violates(&bed, "I03", "p1 has neither");
}

Test(check_decisions, I03_a_branch_commits_before_the_record)
{
    bed_to_votes(&bed);
    bed_store(&bed, SIM_SEEN_STORE_DONE, P0, VOW_STORE_COMMIT, VOW_STORE_DONE);
    bed_violates(&bed, "I03", "no COMMIT is durable");
}

Test(check_decisions, I04_abort_when_all_said_yes)
{
    bed_to_votes(&bed);
    told_aborted(VOW_CAUSE_VOTE_TIMEOUT);
    bed_violates(&bed, "I04", "all 2 votes were in");
}

Test(check_decisions, I04_abort_without_a_ground)
{
    bed_request(&bed);
    bed_prepare(&bed, P0);
    told_aborted(VOW_CAUSE_CLIENT_ROLLBACK);
    bed_violates(&bed, "I04", "client-rollback");
}

Test(check_decisions, I04_abort_without_a_cause)
{
    bed_request(&bed);
    told_aborted(VOW_CAUSE_NONE);
    bed_violates(&bed, "I04", "closed list");
}

Test(check_decisions, I05_in_doubt_for_ever)
{
    bed_to_votes(&bed);
    bed_heal_and_end(&bed);
    bed_violates(&bed, "I05", "still in doubt");
}

Test(check_decisions, I05_without_end_for_ever)
{
    bed_to_votes(&bed);
    bed_decide(&bed);
    bed_commit_at(&bed, P0);
    bed_commit_at(&bed, P1);
    bed_heal_and_end(&bed);
    bed_violates(&bed, "I05", "without END");
}

static void given_up(int error, bool is_final)
{
    struct sim_sight sight = bed_sight(&bed, SIM_SEEN_TOLD, K0);

    sight.told.what = SIM_ASK_COMMIT;
    sight.told.outcome = VOW_UNKNOWN;
    sight.told.error = error;
    sight.told.is_final = is_final;
    bed_show(&bed, &sight);
}

Test(check_decisions, I05_unknown_for_ever)
{
    bed_request(&bed);
    given_up(VOW_E_IN_DOUBT, true);
    bed_heal_and_end(&bed);
    bed_violates(&bed, "I05", "hears no outcome");
}

Test(check_decisions, I05_unknown_and_heard_since)
{
    bed_to_votes(&bed);
    given_up(VOW_E_IN_DOUBT, true);
    bed_decide(&bed);
    bed_answer(&bed);
    bed_commit_at(&bed, P0);
    bed_commit_at(&bed, P1);
    bed_logged(&bed, VOW_RECORD_END);
    bed_heal_and_end(&bed);
    bed_holds(&bed);
}

Test(check_decisions, I05_unknown_and_older_than_the_history)
{
    bed_request(&bed);
    given_up(VOW_E_IN_DOUBT, true);
    given_up(VOW_E_EXPIRED, false);
    bed_heal_and_end(&bed);
    bed_holds(&bed);
}

Test(check_decisions, I06_told_committed_of_nothing)
{
    bed_to_votes(&bed);
    bed_told(&bed, VOW_COMMITTED, VOW_CAUSE_NONE);
    bed_violates(&bed, "I06", "told COMMITTED");
}

Test(check_decisions, I06_a_timeout_is_told_as_an_abort)
{
    bed_to_votes(&bed);
    bed_told(&bed, VOW_ABORTED, VOW_CAUSE_VOTE_TIMEOUT);
    bed_decide(&bed);
    bed_violates(&bed, "I06", "after a client was told ABORTED");
}

static void shows_balance(int64_t balance)
{
    const struct sim_dump_row row = {.table = SIM_BANK, .key = 1, .value = balance};
    const struct sim_dump_branch branch = {.gtrid = bed.txn, .state = SIM_BRANCH_COMMITTED};
    const struct sim_dump dump = {.is_there = true,
                                  .is_readable = true,
                                  .store = {.rows = &row, .rows_len = 1, .branches = &branch, .branches_len = 1}};

    bed_disk(&bed, P0, &dump);
}

static void balance_at_end(int64_t balance)
{
    bed_whole(&bed);
    bed_heal_and_end(&bed);
    shows_balance(balance);
}

Test(check_decisions, I06_a_row_is_as_it_was_made)
{
    balance_at_end(95);
    bed_holds(&bed);
}

Test(check_decisions, I06_a_row_that_lost_an_effect)
{
    balance_at_end(100);
    bed_violates(&bed, "I06", "holds 100");
}

/* Seed 780171: a late duplicate of its PREPARE finds the tombstone. */
Test(check_decisions, I06_a_row_after_a_duplicate_was_refused)
{
    bed_whole(&bed);
    bed_store(&bed, SIM_SEEN_STORE_ASKED, P0, VOW_STORE_PREPARE, 0);
    bed_store(&bed, SIM_SEEN_STORE_DONE, P0, VOW_STORE_PREPARE, VOW_STORE_REFUSED);
    bed_heal_and_end(&bed);
    shows_balance(95);
    bed_holds(&bed);
}

Test(check_decisions, I10_abort_of_what_is_committed)
{
    struct vow_msg msg = bed_decision(&bed, VOW_ABORT);

    bed_to_votes(&bed);
    bed_decide(&bed);
    bed_sent(&bed, C0, P0, &msg);
    cr_assert_not_null(bed.judge.violation.invariant);
}

Test(check_decisions, I10_abort_while_commit_is_submitted)
{
    struct vow_msg msg = bed_decision(&bed, VOW_ABORT);

    bed_to_votes(&bed);
    bed_log(&bed, SIM_SEEN_LOG_ASKED, VOW_RECORD_COMMIT, VOW_CAUSE_NONE);
    bed_sent(&bed, C0, P0, &msg);
    bed_violates(&bed, "I10", "COMMIT was submitted");
}

/* Whoever asks then is prepared again: its data file lost what it had acknowledged (F045, F113). */
Test(check_decisions, I01_an_abort_after_end_is_one_too_many)
{
    struct vow_msg msg = bed_decision(&bed, VOW_ABORT);

    bed_whole(&bed);
    bed_sent(&bed, C0, P0, &msg);
    bed_violates(&bed, "I01", "aborted at c0");
}
