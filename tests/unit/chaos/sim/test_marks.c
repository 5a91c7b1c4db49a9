/* Fault marks: a world is said to have met a fault only in the very state that the fault names. */
#include "chaos/sim/marks.h"
#include "check_bed.h"

static struct bed bed;
static struct sim_marks marks;

static void begin(void)
{
    bed_begin(&bed);
    sim_marks_begin(&marks, &bed.judge.book, &bed.judge.ledger);
    sim_watch_add(&bed.watch, sim_marks_see, &marks);
}

static void end(void)
{
    bed_end(&bed);
}

TestSuite(marks, .init = begin, .fini = end);

static void crash(uint8_t node)
{
    struct sim_sight sight = bed_sight(&bed, SIM_SEEN_CRASHED, node);

    sight.crashed.how = SIM_CRASH_KILL;
    bed_show(&bed, &sight);
}

static void expect(enum sim_mark mark, bool is_hit)
{
    cr_assert_eq(marks.hit[mark], is_hit, "%s: %s", sim_mark_number(mark), sim_mark_text(mark));
}

Test(marks, F004_needs_a_prepare_and_no_vote)
{
    bed_request(&bed);
    bed_prepare(&bed, P0);
    crash(C0);
    expect(SIM_MARK_F004, true);
    expect(SIM_MARK_F005, false);
    expect(SIM_MARK_F008, false);
}

Test(marks, F006_needs_all_votes_and_a_record_that_is_not_durable)
{
    bed_to_votes(&bed);
    bed_log(&bed, SIM_SEEN_LOG_ASKED, VOW_RECORD_COMMIT, VOW_CAUSE_NONE);
    crash(C0);
    expect(SIM_MARK_F006, true);
    expect(SIM_MARK_F008, false);
}

Test(marks, F008_needs_a_durable_record_that_nobody_was_told)
{
    bed_to_votes(&bed);
    bed_decide(&bed);
    crash(C0);
    expect(SIM_MARK_F008, true);
    expect(SIM_MARK_F009, false);
    expect(SIM_MARK_F006, false);
}

Test(marks, F009_is_not_F008)
{
    bed_to_votes(&bed);
    bed_decide(&bed);
    bed_commit_at(&bed, P0);
    crash(C0);
    expect(SIM_MARK_F009, true);
    expect(SIM_MARK_F008, false);
}

static void by_hand(enum vow_verdict decided)
{
    struct vow_msg msg = bed_decision(&bed, decided);

    bed_to_votes(&bed);
    bed.judge.book.nodes[P0].heuristic_ms = 1;
    bed.judge.book.nodes[P0].heuristic_verdict = VOW_ABORT;
    bed.at_us += 10000;
    bed_store(&bed, SIM_SEEN_STORE_ASKED, P0, VOW_STORE_HEURISTIC_ABORT, 0);
    bed_store(&bed, SIM_SEEN_STORE_DONE, P0, VOW_STORE_HEURISTIC_ABORT, VOW_STORE_DONE);
    bed_send(&bed, C0, P0, &msg);
}

Test(marks, F056_needs_the_opposite_decision)
{
    by_hand(VOW_ABORT);
    expect(SIM_MARK_F056, false);
}

Test(marks, F056_is_a_decision_against_what_was_done)
{
    by_hand(VOW_COMMIT);
    expect(SIM_MARK_F056, true);
}

Test(marks, F224_needs_somebody_who_has_not_answered)
{
    bed_to_votes(&bed);
    bed_decide(&bed);
    bed_commit_at(&bed, P0);
    bed_commit_at(&bed, P1);
    bed_log(&bed, SIM_SEEN_LOG_ASKED, VOW_RECORD_FORGET, VOW_CAUSE_NONE);
    expect(SIM_MARK_F224, false);
}

Test(marks, F224_is_somebody_who_is_given_up)
{
    bed_to_votes(&bed);
    bed_decide(&bed);
    bed_commit_at(&bed, P0);
    bed_log(&bed, SIM_SEEN_LOG_ASKED, VOW_RECORD_FORGET, VOW_CAUSE_NONE);
    expect(SIM_MARK_F224, true);
}

Test(marks, F034_needs_a_restart_in_doubt)
{
    const struct sim_dump_branch branch = {.gtrid = bed.txn, .state = SIM_BRANCH_PREPARED};
    const struct sim_dump dump = {
        .is_there = true, .is_readable = true, .store = {.branches = &branch, .branches_len = 1}};

    bed_to_votes(&bed);
    expect(SIM_MARK_F034, false);
    bed_restart(&bed, P0, &dump);
    expect(SIM_MARK_F034, true);
}

Test(marks, F047_needs_a_pause_in_doubt)
{
    bed_plain(&bed, SIM_SEEN_PAUSED, P0);
    expect(SIM_MARK_F047, false);
    bed_plain(&bed, SIM_SEEN_RESUMED, P0);
    bed_to_votes(&bed);
    bed_plain(&bed, SIM_SEEN_PAUSED, P0);
    expect(SIM_MARK_F047, true);
}

Test(marks, F064_needs_another_life_of_the_coordinator)
{
    struct vow_msg msg = {.kind = VOW_MSG_STATUS_REQUEST, .status_request = {.gtrid = bed.txn, .participant = ""}};

    bed_request(&bed);
    bed_send(&bed, K0, C0, &msg);
    expect(SIM_MARK_F064, false);
    bed_restart(&bed, C0, NULL);
    bed_send(&bed, K0, C0, &msg);
    expect(SIM_MARK_F064, true);
}

static void pause_while_deciding(uint64_t for_us)
{
    bed_to_votes(&bed);
    bed_log(&bed, SIM_SEEN_LOG_ASKED, VOW_RECORD_COMMIT, VOW_CAUSE_NONE);
    bed_plain(&bed, SIM_SEEN_PAUSED, C0);
    bed.at_us += for_us;
    bed_plain(&bed, SIM_SEEN_RESUMED, C0);
}

Test(marks, F019_needs_a_pause_that_is_long)
{
    pause_while_deciding(100000);
    expect(SIM_MARK_F019, false);
}

Test(marks, F019_is_met_by_a_long_one)
{
    pause_while_deciding(600000);
    expect(SIM_MARK_F019, true);
}

/* What another life was about to decide is nothing to this one. */
Test(marks, F019_needs_the_life_that_decides)
{
    bed_to_votes(&bed);
    bed_log(&bed, SIM_SEEN_LOG_ASKED, VOW_RECORD_COMMIT, VOW_CAUSE_NONE);
    bed_restart(&bed, C0, NULL);
    bed_plain(&bed, SIM_SEEN_PAUSED, C0);
    bed.at_us += 600000;
    bed_plain(&bed, SIM_SEEN_RESUMED, C0);
    expect(SIM_MARK_F019, false);
}

static void unlink_client(void)
{
    struct sim_sight sight = bed_sight(&bed, SIM_SEEN_UNLINKED, K0);

    sight.peer = C0;
    bed_show(&bed, &sight);
}

static void begin_work(void)
{
    struct vow_msg msg = {.kind = VOW_MSG_BEGIN, .begin = {.gtrid = bed.txn, .key = ""}};
    struct sim_sight sight = bed_sight(&bed, SIM_SEEN_ASKED, K0);

    sight.asked.what = SIM_ASK_BEGIN;
    bed_show(&bed, &sight);
    bed_send(&bed, K0, C0, &msg);
}

Test(marks, F060_needs_a_client_that_dies_with_open_work)
{
    begin_work();
    unlink_client();
    expect(SIM_MARK_F060, false);
    crash(K0);
    expect(SIM_MARK_F060, true);
    expect(SIM_MARK_F061, false);
}

Test(marks, F061_needs_a_client_that_dies_before_the_decision)
{
    bed_request(&bed);
    crash(K0);
    expect(SIM_MARK_F061, true);
    expect(SIM_MARK_F060, false);
}

Test(marks, F061_is_not_one_that_dies_after_it)
{
    bed_to_votes(&bed);
    bed_decide(&bed);
    crash(K0);
    expect(SIM_MARK_F061, false);
}

Test(marks, F066_needs_an_answer_that_is_waited_for)
{
    bed_to_votes(&bed);
    bed_decide(&bed);
    bed_answer(&bed);
    unlink_client();
    expect(SIM_MARK_F066, false);
}

Test(marks, F066_is_met_while_it_is_waited_for)
{
    bed_request(&bed);
    unlink_client();
    expect(SIM_MARK_F066, true);
}

static void cut(uint64_t apart_us)
{
    for (int i = 0; i < 4; i++) {
        struct sim_sight sight = bed_sight(&bed, SIM_SEEN_CUT, C0);

        sight.peer = P0;
        bed_show(&bed, &sight);
        sight.kind = SIM_SEEN_MENDED;
        bed_show(&bed, &sight);
        bed.at_us += apart_us;
    }
}

Test(marks, F077_needs_a_branch_that_is_under_way)
{
    cut(100000);
    expect(SIM_MARK_F077, false);
    bed_request(&bed);
    bed_prepare(&bed, P0);
    cut(100000);
    expect(SIM_MARK_F077, true);
}

Test(marks, F077_needs_cuts_that_follow_one_another)
{
    bed_request(&bed);
    bed_prepare(&bed, P0);
    cut(2000000);
    expect(SIM_MARK_F077, false);
}

Test(marks, a_whole_commit_meets_nothing)
{
    bed_whole(&bed);
    bed_heal_and_end(&bed);
    for (int i = 0; i < SIM_MARKS; i++)
        expect((enum sim_mark)i, false);
}
