/* I16, what may be sent: each rule of sends.def is broken by a stream, and the same message is right elsewhere. */
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

TestSuite(check_messages, .init = begin, .fini = end);

/* A message of the branch at the participant, with nothing else in it. */
static struct vow_msg message(enum vow_msg_kind kind)
{
    struct vow_msg msg = {.kind = kind};

    msg.inquiry.header = bed_header(&bed);
    return msg;
}

static void sends(uint8_t from, uint8_t to, enum vow_msg_kind kind)
{
    const struct vow_msg msg = message(kind);

    bed_send(&bed, from, to, &msg);
}

static void decides(uint8_t to, enum vow_verdict verdict)
{
    const struct vow_msg msg = bed_decision(&bed, verdict);

    bed_send(&bed, C0, to, &msg);
}

static void waits(enum vow_wait reason)
{
    struct vow_msg msg = message(VOW_MSG_WAIT);

    msg.wait.reason = reason;
    bed_send(&bed, C0, P0, &msg);
}

static void acks(enum vow_ack ack)
{
    struct vow_msg msg = bed_ack(&bed);

    msg.ack.ack = ack;
    bed_send(&bed, P0, C0, &msg);
}

static void begin_work(void)
{
    const struct vow_msg msg = {.kind = VOW_MSG_BEGIN, .begin = {.gtrid = bed.txn, .key = ""}};

    bed_send(&bed, K0, C0, &msg);
}

Test(check_messages, I16_a_message_of_somebody_else)
{
    bed_request(&bed);
    sends(P0, C0, VOW_MSG_PREPARE);
    bed_violates(&bed, "I16", "not its to send");
}

Test(check_messages, I16_prepare_that_nobody_asked_for)
{
    begin_work();
    sends(C0, P0, VOW_MSG_PREPARE);
    bed_violates(&bed, "I16", "no commit is under way");
}

Test(check_messages, I16_prepare_twice)
{
    bed_request(&bed);
    sends(C0, P0, VOW_MSG_PREPARE);
    sends(C0, P0, VOW_MSG_PREPARE);
    bed_violates(&bed, "I16", "second time");
}

Test(check_messages, I16_enlisted_while_work_is_open)
{
    begin_work();
    sends(P0, C0, VOW_MSG_ENLIST);
    sends(C0, P0, VOW_MSG_ENLISTED);
    bed_holds(&bed);
}

Test(check_messages, I16_enlisted_after_prepare)
{
    bed_request(&bed);
    sends(C0, P0, VOW_MSG_PREPARE);
    sends(C0, P1, VOW_MSG_ENLISTED);
    bed_violates(&bed, "I16", "not open");
}

Test(check_messages, I16_one_phase_of_an_id_that_does_not_allow_it)
{
    bed_request(&bed);
    sends(C0, P0, VOW_MSG_COMMIT_ONE_PHASE);
    bed_violates(&bed, "I16", "does not allow it");
}

Test(check_messages, I16_one_phase_of_two)
{
    bed.txn = vow_gtrid_make(77, 1, 6, VOW_GTRID_ONE_PHASE, 99);
    bed_request(&bed);
    sends(C0, P0, VOW_MSG_COMMIT_ONE_PHASE);
    bed_holds(&bed);
    sends(C0, P1, VOW_MSG_COMMIT_ONE_PHASE);
    bed_violates(&bed, "I16", "decide alone");
}

/* Mistake 17: its read locks went with its vote, and it will never acknowledge. */
Test(check_messages, I16_abort_to_a_read_only_voter)
{
    bed_request(&bed);
    sends(C0, P0, VOW_MSG_PREPARE);
    bed_store(&bed, SIM_SEEN_STORE_DONE, P0, VOW_STORE_PREPARE, VOW_STORE_READ_ONLY);
    bed_vote(&bed, P0, VOW_VOTE_READ_ONLY);
    sends(C0, P1, VOW_MSG_PREPARE);
    bed_vote(&bed, P1, VOW_VOTE_NO);
    decides(P0, VOW_ABORT);
    bed_violates(&bed, "I16", "lets it go");
}

Test(check_messages, I16_abort_to_who_asks)
{
    bed_request(&bed);
    sends(C0, P0, VOW_MSG_PREPARE);
    bed_vote(&bed, P0, VOW_VOTE_NO);
    bed_prepare(&bed, P1);
    sends(P1, C0, VOW_MSG_INQUIRY);
    decides(P1, VOW_ABORT);
    bed_holds(&bed);
}

Test(check_messages, I16_commit_to_a_stranger)
{
    bed_whole(&bed);
    decides(K0, VOW_COMMIT);
    bed_violates(&bed, "I16", "yes-list");
}

Test(check_messages, I16_wait_while_votes_are_missing)
{
    bed_request(&bed);
    bed_prepare(&bed, P0);
    sends(P0, C0, VOW_MSG_INQUIRY);
    waits(VOW_WAIT_UNDECIDED);
    bed_holds(&bed);
}

Test(check_messages, I16_wait_that_nobody_asked_for)
{
    bed_request(&bed);
    bed_prepare(&bed, P0);
    waits(VOW_WAIT_UNDECIDED);
    bed_violates(&bed, "I16", "not asked");
}

Test(check_messages, I16_undecided_and_it_is_decided)
{
    bed_to_votes(&bed);
    bed_decide(&bed);
    sends(P0, C0, VOW_MSG_INQUIRY);
    waits(VOW_WAIT_UNDECIDED);
    bed_violates(&bed, "I16", "decided any more");
}

Test(check_messages, I16_expired_and_its_commit_is_kept)
{
    bed_to_votes(&bed);
    bed_decide(&bed);
    sends(P0, C0, VOW_MSG_INQUIRY);
    waits(VOW_WAIT_EXPIRED);
    bed_violates(&bed, "I16", "is kept");
}

Test(check_messages, I16_pending_and_it_is_committed)
{
    const struct vow_msg msg = bed_outcome(&bed, VOW_PENDING, VOW_CAUSE_NONE);

    bed_to_votes(&bed);
    bed_decide(&bed);
    bed_send(&bed, C0, K0, &msg);
    bed_violates(&bed, "I16", "PENDING");
}

Test(check_messages, I16_no_after_yes)
{
    bed_request(&bed);
    bed_prepare(&bed, P0);
    bed_vote(&bed, P0, VOW_VOTE_YES);
    bed_vote(&bed, P0, VOW_VOTE_NO);
    bed_violates(&bed, "I16", "vowed YES");
}

Test(check_messages, I16_no_record_and_it_is_there)
{
    bed_to_votes(&bed);
    bed_decide(&bed);
    decides(P0, VOW_COMMIT);
    acks(VOW_ACK_NO_RECORD);
    bed_violates(&bed, "I16", "NO_RECORD");
}

/* Somebody asked for it of a branch that is another's, and it is told how that ends. */
static void asks_of_another_branch(void)
{
    struct vow_msg vote = bed_vote_msg(&bed, VOW_VOTE_YES), commit = bed_decision(&bed, VOW_COMMIT);

    bed_to_votes(&bed);
    bed_decide(&bed);
    bed_commit_at(&bed, P0);
    vote.vote.header.branch = 7;
    bed_received(&bed, C0, P0, &vote, 90);
    commit.decision.header.branch = 7;
    bed_send(&bed, C0, P0, &commit);
}

Test(check_messages, F168_no_record_of_a_branch_that_is_another_s)
{
    struct vow_msg ack = bed_ack(&bed);

    asks_of_another_branch();
    ack.ack.header.branch = 7;
    ack.ack.ack = VOW_ACK_NO_RECORD;
    bed_send(&bed, P0, C0, &ack);
    bed_holds(&bed);
}

Test(check_messages, F168_its_own_branch_is_still_its_own)
{
    asks_of_another_branch();
    acks(VOW_ACK_NO_RECORD);
    bed_violates(&bed, "I16", "NO_RECORD");
}

Test(check_messages, I16_a_heuristic_end_of_nobody)
{
    bed_to_votes(&bed);
    bed_decide(&bed);
    acks(VOW_ACK_HEURISTIC_MISMATCH);
    bed_violates(&bed, "I16", "nobody ended it");
}

Test(check_messages, I16_an_inquiry_without_a_doubt)
{
    bed_request(&bed);
    sends(C0, P0, VOW_MSG_PREPARE);
    sends(P0, C0, VOW_MSG_INQUIRY);
    bed_violates(&bed, "I16", "not in doubt");
}

Test(check_messages, I16_work_joins_a_branch_that_is_prepared)
{
    bed_request(&bed);
    bed_prepare(&bed, P0);
    sends(P0, C0, VOW_MSG_ENLIST);
    bed_violates(&bed, "I16", "past all work");
}
