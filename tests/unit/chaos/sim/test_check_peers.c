/* I16, what one participant may tell another (protocol 2.6): only what it knows, and while it knows it. */
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

TestSuite(check_peers, .init = begin, .fini = end);

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

static void answers_peer(enum vow_peer_answer answer)
{
    struct vow_msg msg = message(VOW_MSG_PEER_ANSWER);

    msg.peer_answer.answer = answer;
    bed_send(&bed, P0, P1, &msg);
}

Test(check_peers, I16_peers_may_be_uncertain)
{
    bed_to_votes(&bed);
    sends(P1, P0, VOW_MSG_PEER_INQUIRY);
    answers_peer(VOW_PEER_UNCERTAIN);
    bed_holds(&bed);
}

/* Seed 816854: another peer's question was looked up meanwhile. */
Test(check_peers, I16_a_peer_may_be_uncertain_while_it_prepares)
{
    const struct vow_msg prepare = bed_prepare_msg(&bed);

    bed_request(&bed);
    bed_prepare(&bed, P1);
    bed_store(&bed, SIM_SEEN_STORE_ASKED, P0, VOW_STORE_RECALL, 0);
    bed_send(&bed, C0, P0, &prepare);
    bed_store(&bed, SIM_SEEN_STORE_ASKED, P0, VOW_STORE_PREPARE, 0);
    bed_store(&bed, SIM_SEEN_STORE_TOLD, P0, VOW_STORE_RECALL, VOW_STORE_NO_RECORD);
    sends(P1, P0, VOW_MSG_PEER_INQUIRY);
    answers_peer(VOW_PEER_UNCERTAIN);
    bed_holds(&bed);
}

/* Mistake 7 and the finding of 2.6: only a coordinator may presume. */
Test(check_peers, I16_a_prepared_peer_says_aborted)
{
    bed_to_votes(&bed);
    answers_peer(VOW_PEER_ABORTED);
    bed_violates(&bed, "I16", "ABORTED, which it cannot know");
}

Test(check_peers, I16_a_peer_without_a_record_says_aborted)
{
    bed_request(&bed);
    bed_prepare(&bed, P1);
    sends(P1, P0, VOW_MSG_PEER_INQUIRY);
    answers_peer(VOW_PEER_ABORTED);
    bed_violates(&bed, "I16", "ABORTED, which it cannot know");
}

Test(check_peers, I16_a_peer_that_said_no_says_aborted)
{
    bed_request(&bed);
    sends(C0, P0, VOW_MSG_PREPARE);
    bed_vote(&bed, P0, VOW_VOTE_NO);
    answers_peer(VOW_PEER_ABORTED);
    bed_holds(&bed);
}

/* A NO is remembered by the life that said it. */
Test(check_peers, I16_a_peer_that_said_no_in_another_life_says_aborted)
{
    bed_request(&bed);
    sends(C0, P0, VOW_MSG_PREPARE);
    bed_vote(&bed, P0, VOW_VOTE_NO);
    bed_restart(&bed, P0, NULL);
    answers_peer(VOW_PEER_ABORTED);
    bed_violates(&bed, "I16", "ABORTED, which it cannot know");
}

Test(check_peers, I16_a_peer_says_committed_of_what_it_has_not_heard)
{
    bed_to_votes(&bed);
    bed_decide(&bed);
    answers_peer(VOW_PEER_COMMITTED);
    bed_violates(&bed, "I16", "COMMITTED, which it cannot know");
}

Test(check_peers, I16_a_peer_that_has_heard_commit_says_so)
{
    bed_to_votes(&bed);
    bed_decide(&bed);
    decides(P0, VOW_COMMIT);
    answers_peer(VOW_PEER_COMMITTED);
    bed_holds(&bed);
}

Test(check_peers, I16_a_peer_is_uncertain_while_it_prepares)
{
    bed_request(&bed);
    bed_prepare(&bed, P1);
    sends(C0, P0, VOW_MSG_PREPARE);
    bed_store(&bed, SIM_SEEN_STORE_ASKED, P0, VOW_STORE_PREPARE, 0);
    answers_peer(VOW_PEER_UNCERTAIN);
    bed_holds(&bed);
}

/* Seed 816854: what it is told meanwhile answers an older question. */
Test(check_peers, I16_a_peer_is_uncertain_while_it_prepares_and_hears_of_a_recall)
{
    bed_request(&bed);
    bed_prepare(&bed, P1);
    bed_store(&bed, SIM_SEEN_STORE_ASKED, P0, VOW_STORE_RECALL, 0);
    bed_store(&bed, SIM_SEEN_STORE_DONE, P0, VOW_STORE_RECALL, VOW_STORE_NO_RECORD);
    sends(C0, P0, VOW_MSG_PREPARE);
    bed_store(&bed, SIM_SEEN_STORE_ASKED, P0, VOW_STORE_PREPARE, 0);
    bed_store(&bed, SIM_SEEN_STORE_TOLD, P0, VOW_STORE_RECALL, VOW_STORE_NO_RECORD);
    answers_peer(VOW_PEER_UNCERTAIN);
    bed_holds(&bed);
}

Test(check_peers, I16_a_peer_whose_store_refused_is_uncertain)
{
    bed_request(&bed);
    bed_prepare(&bed, P1);
    sends(C0, P0, VOW_MSG_PREPARE);
    bed_store(&bed, SIM_SEEN_STORE_ASKED, P0, VOW_STORE_PREPARE, 0);
    bed_store(&bed, SIM_SEEN_STORE_DONE, P0, VOW_STORE_PREPARE, VOW_STORE_REFUSED);
    bed_store(&bed, SIM_SEEN_STORE_TOLD, P0, VOW_STORE_PREPARE, VOW_STORE_REFUSED);
    answers_peer(VOW_PEER_UNCERTAIN);
    bed_violates(&bed, "I16", "UNCERTAIN, and it is not in doubt");
}

/* It was to prepare in another life, of which nothing is left. */
Test(check_peers, I16_a_peer_that_has_restarted_is_uncertain)
{
    bed_request(&bed);
    bed_prepare(&bed, P1);
    sends(C0, P0, VOW_MSG_PREPARE);
    bed_store(&bed, SIM_SEEN_STORE_ASKED, P0, VOW_STORE_PREPARE, 0);
    bed_restart(&bed, P0, NULL);
    answers_peer(VOW_PEER_UNCERTAIN);
    bed_violates(&bed, "I16", "UNCERTAIN, and it is not in doubt");
}

/* ---- what was decided against a branch that was ended by hand ---- */

static void ask_store(enum vow_store_op_kind op, enum vow_verdict verdict)
{
    struct sim_sight sight = bed_sight(&bed, SIM_SEEN_STORE_ASKED, P0);

    sight.store.op = op;
    sight.store.verdict = verdict;
    bed_show(&bed, &sight);
}

static void end_by_hand(bool is_told)
{
    struct sim_sight order = bed_sight(&bed, SIM_SEEN_OPERATED, K0);

    bed_request(&bed);
    bed_prepare(&bed, P0);
    order.peer = P0;
    order.operated.verdict = VOW_COMMIT;
    order.operated.is_heuristic = true;
    bed_show(&bed, &order);
    ask_store(VOW_STORE_HEURISTIC_COMMIT, VOW_COMMIT);
    bed_store(&bed, SIM_SEEN_STORE_DONE, P0, VOW_STORE_HEURISTIC_COMMIT, VOW_STORE_DONE);
    if (is_told)
        bed_store(&bed, SIM_SEEN_STORE_TOLD, P0, VOW_STORE_HEURISTIC_COMMIT, VOW_STORE_DONE);
}

Test(check_peers, I16_a_peer_is_uncertain_until_its_record_is_told)
{
    end_by_hand(false);
    answers_peer(VOW_PEER_UNCERTAIN);
    bed_holds(&bed);
}

Test(check_peers, I16_a_peer_that_was_ended_by_hand_is_uncertain)
{
    end_by_hand(true);
    answers_peer(VOW_PEER_UNCERTAIN);
    bed_violates(&bed, "I16", "UNCERTAIN, and it is not in doubt");
}

static void hear_abort(bool is_noted)
{
    const struct sim_dump_branch branch = {.gtrid = bed.txn, .state = SIM_BRANCH_COMMITTED};
    const struct sim_dump_heuristic record = {
        .gtrid = bed.txn, .verdict = VOW_COMMIT, .decided = is_noted ? VOW_ABORT : 0};
    struct sim_dump dump = {.is_there = true, .is_readable = true};

    end_by_hand(true);
    bed_restart(&bed, C0, NULL);
    decides(P0, VOW_ABORT);
    ask_store(VOW_STORE_SETTLE, VOW_ABORT);
    if (is_noted)
        bed_store(&bed, SIM_SEEN_STORE_DONE, P0, VOW_STORE_SETTLE, VOW_STORE_DONE);
    dump.store.heuristics = &record;
    dump.store.heuristics_len = 1;
    dump.store.branches = &branch;
    dump.store.branches_len = is_noted ? 0 : 1;
    bed_restart(&bed, P0, &dump);
    answers_peer(VOW_PEER_ABORTED);
}

Test(check_peers, I16_a_peer_says_aborted_as_its_record_does)
{
    hear_abort(true);
    bed_holds(&bed);
}

/* The life that heard it has kept it in memory alone. */
Test(check_peers, I16_a_peer_says_aborted_and_its_record_does_not)
{
    hear_abort(false);
    bed_violates(&bed, "I16", "ABORTED, which it cannot know");
}
