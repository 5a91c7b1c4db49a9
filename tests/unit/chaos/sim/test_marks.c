/* Fault marks: a world is said to have met a fault only in the very state that the fault names. */
#include "chaos/sim/marks.h"
#include "check_bed.h"

static struct bed bed;
static struct sim_marks marks;

static void begin(void)
{
    bed_begin(&bed);
    sim_marks_begin(&marks, &bed.judge.book);
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

Test(marks, a_whole_commit_meets_nothing)
{
    bed_whole(&bed);
    bed_heal_and_end(&bed);
    for (int i = 0; i < SIM_MARKS; i++)
        expect((enum sim_mark)i, false);
}
