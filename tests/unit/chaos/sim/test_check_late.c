/* Rules of what comes late, again or to the wrong one: a good stream is not reported, and each bad one is. */
#include "check_bed.h"

static struct bed bed;

static void begin(void)
{
    bed_begin(&bed);
}

static void end(void)
{
    bed_end(&bed);
}

TestSuite(check_late, .init = begin, .fini = end);

/* The coordinator has an entry of the transaction. */
static void enter(void)
{
    struct sim_sight sight = bed_sight(&bed, SIM_SEEN_MOVED, C0);

    sight.moved.machine = SIM_MACHINE_COORD;
    sight.moved.to = 2;
    bed_show(&bed, &sight);
}

static void send_prepare(uint8_t node)
{
    struct vow_msg msg = bed_prepare_msg(&bed);

    bed_send(&bed, C0, node, &msg);
}

/* Another copy of a PREPARE that was sent before. */
static void prepare_comes(uint8_t node, uint64_t frame)
{
    struct vow_msg msg = bed_prepare_msg(&bed);

    bed_received(&bed, node, C0, &msg, frame);
}

/* P0 has voted READ-ONLY, and P1 NO. */
static void let_go(void)
{
    bed_request(&bed);
    enter();
    send_prepare(P0);
    send_prepare(P1);
    bed_store(&bed, SIM_SEEN_STORE_DONE, P0, VOW_STORE_PREPARE, VOW_STORE_READ_ONLY);
    bed_vote(&bed, P0, VOW_VOTE_READ_ONLY);
    bed_vote(&bed, P1, VOW_VOTE_NO);
}

Test(check_late, I10_abort_to_a_read_only_voter)
{
    struct vow_msg msg = bed_decision(&bed, VOW_ABORT);

    let_go();
    bed_holds(&bed);
    bed_sent(&bed, C0, P0, &msg);
    bed_violates(&bed, "I10", "whose vote was READ-ONLY");
}

Test(check_late, I10_who_asks_is_answered)
{
    struct vow_msg msg = bed_decision(&bed, VOW_ABORT), inquiry = {.kind = VOW_MSG_INQUIRY};

    let_go();
    /* A copy of PREPARE came after it had forgotten that it has voted. */
    bed_store(&bed, SIM_SEEN_STORE_DONE, P0, VOW_STORE_PREPARE, VOW_STORE_DONE);
    inquiry.inquiry.header = msg.decision.header;
    bed_send(&bed, P0, C0, &inquiry);
    bed_sent(&bed, C0, P0, &msg);
    bed_holds(&bed);
}

/* An earlier life of the coordinator has counted it. */
Test(check_late, I10_a_vote_that_was_not_counted_binds_nobody)
{
    struct vow_msg msg = bed_decision(&bed, VOW_ABORT);

    let_go();
    bed_restart(&bed, C0, NULL);
    bed_sent(&bed, C0, P1, &msg);
    bed_holds(&bed);
}

Test(check_late, I02_work_that_was_aborted_is_done_again)
{
    bed_request(&bed);
    bed_prepare(&bed, P0);
    bed_abort_at(&bed, P0);
    bed_holds(&bed);
    prepare_comes(P0, 2);
    bed_store(&bed, SIM_SEEN_STORE_ASKED, P0, VOW_STORE_PREPARE, 0);
    bed_violates(&bed, "I02", "does its work again");
}

Test(check_late, I02_prepare_comes_after_its_abort)
{
    struct vow_msg msg = bed_decision(&bed, VOW_ABORT), prepare = bed_prepare_msg(&bed);
    uint64_t frame;

    bed_request(&bed);
    frame = bed_sent(&bed, C0, P0, &prepare);
    bed_send(&bed, C0, P0, &msg);
    prepare_comes(P0, frame);
    bed_store(&bed, SIM_SEEN_STORE_ASKED, P0, VOW_STORE_PREPARE, 0);
    bed_violates(&bed, "I02", "does its work again");
}

/* The ids of what was aborted are in memory alone. */
Test(check_late, I02_another_life_does_not_know)
{
    bed_request(&bed);
    bed_prepare(&bed, P0);
    bed_abort_at(&bed, P0);
    bed_restart(&bed, P0, NULL);
    bed_store(&bed, SIM_SEEN_STORE_ASKED, P0, VOW_STORE_PREPARE, 0);
    bed_holds(&bed);
}

static void ask_under_a_key(void)
{
    struct sim_sight sight = bed_sight(&bed, SIM_SEEN_ASKED, K0);

    sight.asked.what = SIM_ASK_COMMIT;
    sight.asked.key = "key.1";
    bed_show(&bed, &sight);
}

static void commit(void)
{
    ask_under_a_key();
    bed_to_votes(&bed);
    bed_decide(&bed);
}

Test(check_late, I06_one_key_and_two_commits)
{
    commit();
    bed.txn = vow_gtrid_make(vow_gtrid_coord(&bed.txn), 1, 6, 0, 100);
    bed_holds(&bed);
    commit();
    bed_violates(&bed, "I06", "under the same key (key.1)");
}

static void work(uint8_t node, uint32_t pieces)
{
    for (uint32_t i = 0; i < pieces; i++) {
        bed_store(&bed, SIM_SEEN_STORE_ASKED, node, VOW_STORE_WORK, 0);
        bed_store(&bed, SIM_SEEN_STORE_DONE, node, VOW_STORE_WORK, VOW_STORE_DONE);
        bed_store(&bed, SIM_SEEN_STORE_TOLD, node, VOW_STORE_WORK, VOW_STORE_DONE);
    }
}

static void prepare_joined(uint32_t counted)
{
    struct vow_msg msg = bed_prepare_msg(&bed);

    bed_request(&bed);
    msg.prepare.ops = counted;
    bed_send(&bed, C0, P0, &msg);
    bed_store(&bed, SIM_SEEN_STORE_ASKED, P0, VOW_STORE_PREPARE, 0);
}

Test(check_late, I08_joined_work_as_it_was_counted)
{
    work(P0, 2);
    prepare_joined(2);
    bed_holds(&bed);
}

Test(check_late, I08_joined_work_that_nobody_counted)
{
    work(P0, 2);
    prepare_joined(1);
    bed_violates(&bed, "I08", "2 pieces of joined work, and the client counts 1");
}

Test(check_late, I08_joined_work_of_an_earlier_life_is_lost)
{
    work(P0, 1);
    bed_restart(&bed, P0, NULL);
    prepare_joined(1);
    cr_assert_not_null(bed.judge.violation.invariant);
}

/* A data file that forgot what was committed: nothing else is to be judged, but that it says so is. */
Test(check_late, I09_an_acknowledgement_of_what_the_disk_forgot)
{
    const struct sim_dump empty = {.is_there = true, .is_readable = true};
    struct vow_msg ack = bed_ack(&bed);

    bed_to_votes(&bed);
    bed_decide(&bed);
    bed_commit_at(&bed, P0);
    bed_fault(&bed, SIM_FAULT_RESTORE, P0);
    bed_restart(&bed, P0, &empty);
    bed_holds(&bed);
    bed_sent(&bed, P0, C0, &ack);
    bed_violates(&bed, "I09", "its disk knows nothing of a commit");
}

Test(check_late, I11_no_record_is_no_acknowledgement)
{
    const struct sim_dump empty = {.is_there = true, .is_readable = true};
    struct vow_msg ack = bed_ack(&bed);

    bed_to_votes(&bed);
    bed_decide(&bed);
    bed_commit_at(&bed, P0);
    bed_fault(&bed, SIM_FAULT_WIPE, P1);
    bed_restart(&bed, P1, &empty);
    ack.ack.ack = VOW_ACK_NO_RECORD;
    bed_send(&bed, P1, C0, &ack);
    bed_holds(&bed);
    bed_log(&bed, SIM_SEEN_LOG_ASKED, VOW_RECORD_END, VOW_CAUSE_NONE);
    bed_violates(&bed, "I11", "p1 has not acknowledged");
}

Test(check_late, I12_a_log_goes_on_after_it_failed)
{
    bed_to_votes(&bed);
    bed_log(&bed, SIM_SEEN_LOG_ASKED, VOW_RECORD_COMMIT, VOW_CAUSE_NONE);
    bed_log(&bed, SIM_SEEN_LOG_FAILED, VOW_RECORD_COMMIT, VOW_CAUSE_NONE);
    bed_holds(&bed);
    bed_log(&bed, SIM_SEEN_LOG_DURABLE, VOW_RECORD_COMMIT, VOW_CAUSE_NONE);
    bed_violates(&bed, "I12", "the log of c0 goes on");
}

static void fail_store(void)
{
    struct sim_sight sight = bed_sight(&bed, SIM_SEEN_STORE_FAILED, P0);

    memset(&sight.gtrid, 0, sizeof(sight.gtrid));
    sight.stop.text = "";
    bed_show(&bed, &sight);
}

Test(check_late, I12_a_store_goes_on_after_it_failed)
{
    bed_request(&bed);
    fail_store();
    bed_store(&bed, SIM_SEEN_STORE_DONE, P0, VOW_STORE_PREPARE, VOW_STORE_DONE);
    bed_violates(&bed, "I12", "the store of p0 goes on");
}

Test(check_late, I12_a_refusal_needs_no_disk)
{
    bed_request(&bed);
    fail_store();
    bed_store(&bed, SIM_SEEN_STORE_DONE, P0, VOW_STORE_PREPARE, VOW_STORE_REFUSED);
    bed_holds(&bed);
}

Test(check_late, I12_the_next_life_may_go_on)
{
    bed_request(&bed);
    fail_store();
    bed_restart(&bed, P0, NULL);
    work(P0, 1);
    bed_holds(&bed);
}

static void lose_coordinator(void)
{
    struct sim_sight sight = bed_sight(&bed, SIM_SEEN_UNLINKED, P0);

    sight.peer = C0;
    bed_show(&bed, &sight);
    bed.at_us += 5000;
    bed_plain(&bed, SIM_SEEN_TICKED, P0);
}

Test(check_late, I13_joined_work_without_a_coordinator)
{
    work(P0, 1);
    lose_coordinator();
    bed_holds(&bed);
    bed_sample(&bed, P0, SIM_SAMPLE_OPEN, 1, 0);
    bed_violates(&bed, "I13", "has lost its coordinator");
}

Test(check_late, I13_joined_work_ends_with_the_connection)
{
    work(P0, 1);
    lose_coordinator();
    bed_store(&bed, SIM_SEEN_STORE_ASKED, P0, VOW_STORE_ABORT, 0);
    bed_sample(&bed, P0, SIM_SAMPLE_OPEN, 1, 0);
    bed_holds(&bed);
}

/* P1 was asked in the life that is connected, and what comes is a vote of the one before. */
Test(check_late, I17_a_vote_of_an_earlier_incarnation)
{
    struct vow_msg prepare = bed_prepare_msg(&bed);

    bed_request(&bed);
    bed_prepare(&bed, P0);
    bed_vote(&bed, P0, VOW_VOTE_YES);
    prepare.prepare.header.incarnation = 2;
    bed_sent(&bed, C0, P1, &prepare);
    bed_store(&bed, SIM_SEEN_STORE_DONE, P1, VOW_STORE_PREPARE, VOW_STORE_DONE);
    bed_vote(&bed, P1, VOW_VOTE_YES);
    bed_holds(&bed);
    bed_log(&bed, SIM_SEEN_LOG_ASKED, VOW_RECORD_COMMIT, VOW_CAUSE_NONE);
    bed_violates(&bed, "I17", "p1 has not voted since it was asked");
}

Test(check_late, I17_work_for_an_earlier_incarnation)
{
    bed_request(&bed);
    bed_restart(&bed, P0, NULL);
    send_prepare(P0);
    bed_holds(&bed);
    bed_store(&bed, SIM_SEEN_STORE_ASKED, P0, VOW_STORE_PREPARE, 0);
    bed_violates(&bed, "I17", "does what incarnation 1 was asked for");
}
