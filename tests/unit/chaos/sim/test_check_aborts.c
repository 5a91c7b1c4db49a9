/* I04, cause by cause: what makes an abort right, and the same abort without it. */
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

TestSuite(check_aborts, .init = begin, .fini = end);

static void told_aborted(enum vow_cause cause)
{
    struct vow_msg msg = bed_outcome(&bed, VOW_ABORTED, cause);

    bed_send(&bed, C0, K0, &msg);
}

static void open_work(uint32_t timeout_ms)
{
    struct vow_msg msg = {.kind = VOW_MSG_BEGIN, .begin = {.gtrid = bed.txn, .timeout_ms = timeout_ms, .key = ""}};

    bed_send(&bed, K0, C0, &msg);
}

static void enlist(uint8_t node)
{
    struct vow_msg ask = {.kind = VOW_MSG_ENLIST, .enlist.header = bed_header(&bed)};
    struct vow_msg answer = {.kind = VOW_MSG_ENLISTED, .enlisted.header = bed_header(&bed)};

    bed_send(&bed, node, C0, &ask);
    bed_send(&bed, C0, node, &answer);
}

static void unlink_at_coordinator(uint8_t peer)
{
    struct sim_sight sight = bed_sight(&bed, SIM_SEEN_UNLINKED, C0);

    sight.peer = peer;
    bed_show(&bed, &sight);
}

/* A commit request that counts joined work of one participant. */
static void commit_work_of(const char *participant)
{
    const struct vow_msg_work work = {.participant = participant, .ops = 1};
    struct vow_msg msg = {.kind = VOW_MSG_COMMIT_REQUEST,
                          .commit_request = {.gtrid = bed.txn, .work = &work, .work_len = 1, .key = ""}};

    bed_send(&bed, K0, C0, &msg);
}

static void ask_to_prepare(uint8_t node)
{
    struct vow_msg msg = bed_prepare_msg(&bed);

    bed_send(&bed, C0, node, &msg);
}

Test(check_aborts, I04_client_lost)
{
    open_work(0);
    unlink_at_coordinator(K0);
    told_aborted(VOW_CAUSE_CLIENT_LOST);
    bed_holds(&bed);
}

Test(check_aborts, I04_client_lost_and_it_is_there)
{
    open_work(0);
    told_aborted(VOW_CAUSE_CLIENT_LOST);
    bed_violates(&bed, "I04", "client-lost");
}

/* Who has asked to commit may go: the outcome is not its connection's (F061). */
Test(check_aborts, I04_client_lost_after_it_asked_to_commit)
{
    bed_request(&bed);
    ask_to_prepare(P0);
    unlink_at_coordinator(K0);
    told_aborted(VOW_CAUSE_CLIENT_LOST);
    bed_violates(&bed, "I04", "client-lost");
}

Test(check_aborts, I04_lost_work)
{
    open_work(0);
    enlist(P0);
    commit_work_of("p1");
    told_aborted(VOW_CAUSE_LOST_WORK);
    bed_holds(&bed);
}

Test(check_aborts, I04_lost_work_that_is_there)
{
    open_work(0);
    enlist(P0);
    commit_work_of("p0");
    told_aborted(VOW_CAUSE_LOST_WORK);
    bed_violates(&bed, "I04", "lost-work");
}

Test(check_aborts, I04_time_is_up)
{
    open_work(5);
    bed.at_us += 5000;
    told_aborted(VOW_CAUSE_TXN_TIMEOUT);
    bed_holds(&bed);
}

Test(check_aborts, I04_time_is_not_up)
{
    open_work(500);
    bed.at_us += 5000;
    told_aborted(VOW_CAUSE_TXN_TIMEOUT);
    bed_violates(&bed, "I04", "txn-timeout");
}

Test(check_aborts, I04_votes_are_late)
{
    bed_request(&bed);
    ask_to_prepare(P0);
    bed.at_us += UINT64_C(1000) * BED_VOTE_MS;
    told_aborted(VOW_CAUSE_VOTE_TIMEOUT);
    bed_holds(&bed);
}

Test(check_aborts, I04_votes_are_not_late)
{
    bed_request(&bed);
    ask_to_prepare(P0);
    bed.at_us += UINT64_C(500) * BED_VOTE_MS;
    told_aborted(VOW_CAUSE_VOTE_TIMEOUT);
    bed_violates(&bed, "I04", "vote-timeout");
}

Test(check_aborts, I04_participant_lost)
{
    bed_request(&bed);
    ask_to_prepare(P0);
    unlink_at_coordinator(P0);
    told_aborted(VOW_CAUSE_PARTICIPANT_LOST);
    bed_holds(&bed);
}

Test(check_aborts, I04_participant_lost_and_it_is_there)
{
    bed_request(&bed);
    ask_to_prepare(P0);
    told_aborted(VOW_CAUSE_PARTICIPANT_LOST);
    bed_violates(&bed, "I04", "participant-lost");
}

/* Its vow stands without a connection. */
Test(check_aborts, I04_participant_lost_that_has_voted)
{
    bed_request(&bed);
    bed_prepare(&bed, P0);
    ask_to_prepare(P1);
    bed_vote(&bed, P0, VOW_VOTE_YES);
    unlink_at_coordinator(P0);
    told_aborted(VOW_CAUSE_PARTICIPANT_LOST);
    bed_violates(&bed, "I04", "participant-lost");
}

Test(check_aborts, I04_participant_unavailable)
{
    open_work(0);
    enlist(P0);
    unlink_at_coordinator(P0);
    commit_work_of("p0");
    told_aborted(VOW_CAUSE_PARTICIPANT_UNAVAILABLE);
    bed_holds(&bed);
}

Test(check_aborts, I04_participant_unavailable_and_it_is_connected)
{
    open_work(0);
    enlist(P0);
    commit_work_of("p0");
    told_aborted(VOW_CAUSE_PARTICIPANT_UNAVAILABLE);
    bed_violates(&bed, "I04", "participant-unavailable");
}

Test(check_aborts, I04_stale_incarnation)
{
    open_work(0);
    enlist(P0);
    bed_restart(&bed, P0, NULL);
    commit_work_of("p0");
    told_aborted(VOW_CAUSE_STALE_INCARNATION);
    bed_holds(&bed);
}

Test(check_aborts, I04_stale_incarnation_of_one_that_did_nothing)
{
    open_work(0);
    enlist(P0);
    bed_restart(&bed, P1, NULL);
    commit_work_of("p0");
    told_aborted(VOW_CAUSE_STALE_INCARNATION);
    bed_violates(&bed, "I04", "stale-incarnation");
}

/* What a store refused and nobody told the coordinator is no ground of the coordinator's. */
Test(check_aborts, I04_a_no_that_nobody_sent)
{
    bed_request(&bed);
    ask_to_prepare(P0);
    bed_store(&bed, SIM_SEEN_STORE_DONE, P0, VOW_STORE_PREPARE, VOW_STORE_REFUSED);
    told_aborted(VOW_CAUSE_LOCK_CONFLICT);
    bed_violates(&bed, "I04", "lock-conflict");
}

/*
 * Seed 158739: a branch was dropped after its YES, for a peer in doubt had heard so; a stray PREPARE met nothing, and
 * the NO was heeded while another vote was missing.
 */
Test(check_aborts, I04_a_vote_that_was_changed)
{
    struct vow_msg abort = {.kind = VOW_MSG_PEER_ANSWER,
                            .peer_answer = {.header = bed_header(&bed), .answer = VOW_PEER_ABORTED}};
    const struct vow_msg prepare = bed_prepare_msg(&bed);
    struct vow_msg no = bed_vote_msg(&bed, VOW_VOTE_NO);

    bed_request(&bed);
    bed_prepare(&bed, P0);
    ask_to_prepare(P1);
    bed_vote(&bed, P0, VOW_VOTE_YES);
    (void)bed_sent(&bed, P1, C0, &no);
    bed_send(&bed, P1, P0, &abort);
    bed_store(&bed, SIM_SEEN_STORE_DONE, P0, VOW_STORE_ABORT, VOW_STORE_DONE);
    bed_store(&bed, SIM_SEEN_STORE_TOLD, P0, VOW_STORE_ABORT, VOW_STORE_DONE);
    bed_received(&bed, P0, C0, &prepare, 0);
    no.vote.cause = VOW_CAUSE_TOO_LATE;
    bed_send(&bed, P0, C0, &no);
    told_aborted(VOW_CAUSE_TOO_LATE);
    bed_holds(&bed);
}
