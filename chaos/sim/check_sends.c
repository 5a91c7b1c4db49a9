/*
 * I07, I08, I09: nothing is sent before what it depends on is durable.
 *
 *   COMMIT, and COMMITTED to a client   the COMMIT record (or the only participant's commit, or all READ-ONLY votes)
 *   FORGET of a one-phase memo          the note ONE_PHASE
 *   FORGET of damage                    the record FORGET, which came after that of the damage; or there is none
 *   VOTE YES                            the prepared branch, and it is still there, or was committed by hand
 *   VOTE READ_ONLY                      the store has found nothing written
 *   ACK HEURISTIC_OK                    the branch was ended by hand as it was decided
 *   PREPARE to a store                  all the joined work that the client has counted, and no more (mistake 19)
 *   ACK                                 the commit, which is on its disk just now; or the id is below the watermark
 *                                       that it was told. What its disk forgot is no excuse (B20, B21)
 *   ONE_PHASE_DONE COMMITTED            the commit with its memo; ABORTED: there is none
 *
 * Durable is what the engine or the store has returned, however late the core hears of it.
 */
#include "chaos/sim/check.h"

static const struct vow_msg *sent_by(const struct sim_judge *judge, const struct sim_sight *sight, enum sim_role role)
{
    if (sight->kind != SIM_SEEN_SENT || sight->node >= judge->book.nodes_len ||
        judge->book.nodes[sight->node].role != role)
        return NULL;
    return sight->message.msg;
}

/* ---- I07 ---- */

static bool has_committed_alone(const struct book_txn *txn)
{
    for (const struct book_share *share = txn->shares; share != NULL; share = share->next) {
        if (share->one_phase_got != 0 && share->one_phase_result == VOW_ONE_PHASE_COMMITTED)
            return true;
    }
    return false;
}

static bool all_read_only(const struct book_txn *txn)
{
    for (const struct book_share *share = txn->shares; share != NULL; share = share->next) {
        if (share->prepare_sent != 0 && (share->vote_got == 0 || share->vote != VOW_VOTE_READ_ONLY))
            return false;
        if (share->one_phase_sent != 0)
            return false;
    }
    return true;
}

/* Who says that it was ended by hand, and was ended as it was decided, has no damage to keep. */
static void check_forget(struct sim_judge *judge, const struct sim_sight *sight, const struct book_txn *txn,
                         const struct book_share *share)
{
    if (share != NULL && share->heuristic != 0 && share->forgiven == 0 && sim_share_contradicts(txn, share))
        judge_fail(judge, sight, "I07", &txn->gtrid, "FORGET is sent to %s, and what it did by hand is not forgotten",
                   judge_name(judge, sight->peer));
    else if (share == NULL || share->heuristic == 0)
        judge_fail(judge, sight, "I07", &txn->gtrid, "FORGET is sent before the note is durable");
}

void check_decision_sends(struct sim_judge *judge, const struct sim_sight *sight)
{
    const struct vow_msg *msg = sent_by(judge, sight, SIM_COORDINATOR);
    const struct book_txn *txn = msg != NULL ? judge_txn(judge, sight) : NULL;

    if (txn == NULL || judge_is_excused(judge, txn))
        return;
    if (msg->kind == VOW_MSG_DECISION && msg->decision.verdict == VOW_COMMIT && txn->committed == 0)
        judge_fail(judge, sight, "I07", &txn->gtrid, "COMMIT is sent to %s before its record is durable",
                   judge_name(judge, sight->peer));
    if (msg->kind == VOW_MSG_OUTCOME && msg->outcome.outcome == VOW_COMMITTED && txn->committed == 0 &&
        txn->one_phase_durable == 0 && !has_committed_alone(txn) && !all_read_only(txn))
        judge_fail(judge, sight, "I07", &txn->gtrid, "COMMITTED is answered before anything of it is durable");
    if (msg->kind == VOW_MSG_FORGET && txn->one_phase_durable == 0)
        check_forget(judge, sight, txn, sim_txn_share(txn, sight->peer));
}

/* ---- I08 ---- */

/* What a participant prepares it votes on. */
static void check_work(struct sim_judge *judge, const struct sim_sight *sight)
{
    const struct book_txn *txn = judge_txn(judge, sight);
    const struct book_share *share = txn != NULL ? sim_txn_share(txn, sight->node) : NULL;
    const struct book_node *node = &judge->book.nodes[sight->node];
    uint32_t works;

    if (share == NULL || sight->store.op != VOW_STORE_PREPARE || node->input.msg != VOW_MSG_PREPARE ||
        !vow_gtrid_equal(&node->input.gtrid, &txn->gtrid))
        return;
    works = share->works_life == node->life ? share->works : 0;
    if (works != node->input.ops)
        judge_fail(judge, sight, "I08", &txn->gtrid, "%s prepares %u pieces of joined work, and the client counts %u",
                   node->name, works, node->input.ops);
}

void check_vote_sends(struct sim_judge *judge, const struct sim_sight *sight)
{
    const struct vow_msg *msg = sent_by(judge, sight, SIM_PARTICIPANT);
    const struct book_txn *txn = msg != NULL && msg->kind == VOW_MSG_VOTE ? judge_txn(judge, sight) : NULL;
    const struct book_share *share = txn != NULL ? sim_txn_share(txn, sight->node) : NULL;

    if (sight->kind == SIM_SEEN_STORE_ASKED)
        check_work(judge, sight);
    if (share == NULL || judge_is_excused(judge, txn))
        return;
    if (msg->vote.vote == VOW_VOTE_YES && share->on_disk != SIM_BRANCH_PREPARED &&
        share->heuristic_verdict != VOW_COMMIT)
        judge_fail(judge, sight, "I08", &txn->gtrid, "%s votes YES, and the branch is not prepared on its disk",
                   judge_name(judge, sight->node));
    if (msg->vote.vote == VOW_VOTE_READ_ONLY && share->read_only == 0)
        judge_fail(judge, sight, "I08", &txn->gtrid, "%s votes READ-ONLY, and its store has not said so",
                   judge_name(judge, sight->node));
}

/* ---- I09 ---- */

static void check_one_phase(struct sim_judge *judge, const struct sim_sight *sight, const struct book_txn *txn,
                            const struct book_share *share)
{
    enum vow_one_phase result = sight->message.msg->one_phase_done.result;

    if (result == VOW_ONE_PHASE_COMMITTED && share->committed_alone == 0 && share->one_phase_read_only == 0)
        judge_fail(judge, sight, "I09", &txn->gtrid, "%s says that it committed in one phase, and it did not",
                   judge_name(judge, sight->node));
    if (result != VOW_ONE_PHASE_COMMITTED && share->committed_alone != 0 && judge->book.nodes[sight->node].harm == 0 &&
        txn->one_phase_durable == 0)
        judge_fail(judge, sight, "I09", &txn->gtrid, "%s says that it did not commit in one phase, and it did",
                   judge_name(judge, sight->node));
}

/* What a coordinator says whose disk forgot the decision is all that the participant can go by. */
static bool was_done_as_decided(const struct sim_judge *judge, const struct book_txn *txn,
                                const struct book_share *share)
{
    return judge_is_excused(judge, txn) ? share->settled == share->heuristic_verdict
                                        : !sim_share_contradicts(txn, share);
}

void check_ack_sends(struct sim_judge *judge, const struct sim_sight *sight)
{
    const struct vow_msg *msg = sent_by(judge, sight, SIM_PARTICIPANT);
    const struct book_txn *txn = msg != NULL ? judge_txn(judge, sight) : NULL;
    const struct book_share *share = txn != NULL ? sim_txn_share(txn, sight->node) : NULL;

    if (share == NULL)
        return;
    if (msg->kind == VOW_MSG_ONE_PHASE_DONE && !judge_is_excused(judge, txn))
        check_one_phase(judge, sight, txn, share);
    if (msg->kind == VOW_MSG_ACK && msg->ack.ack == VOW_ACK_HEURISTIC_OK &&
        (share->heuristic == 0 || !was_done_as_decided(judge, txn, share)))
        judge_fail(judge, sight, "I09", &txn->gtrid,
                   "%s says that it was ended by hand as it was decided, and it was not",
                   judge_name(judge, sight->node));
    if (msg->kind != VOW_MSG_ACK || msg->ack.ack != VOW_ACK_DONE ||
        vow_gtrid_below(&txn->gtrid, judge->book.nodes[sight->node].known))
        return;
    if (sim_share_applied(share) == 0)
        judge_fail(judge, sight, "I09", &txn->gtrid, "%s acknowledges before its commit is durable",
                   judge_name(judge, sight->node));
    if (share->heuristic == 0 && share->on_disk != SIM_BRANCH_COMMITTED)
        judge_fail(judge, sight, "I09", &txn->gtrid, "%s acknowledges, and its disk knows nothing of a commit",
                   judge_name(judge, sight->node));
}
