/*
 * I10: who may say ABORT, and when.
 *
 * At each DECISION ABORT and each OUTCOME ABORTED that a coordinator sends: the id is its own (mistake 21), its
 * recovery is over (mistake 12), no COMMIT of the id is durable in any life, ended or not, and none is submitted in
 * this one (mistake 16). A COMMIT that becomes durable after an ABORT was sent is the same violation, found later. What
 * the participants' disks forgot is no excuse: a branch that is prepared again although it had committed is exactly
 * who must not hear ABORT (F045, F113). That the log is not behind its witness is I12's.
 *
 * And to whom: not to a participant whose NO or READ-ONLY this life has counted. It has let go, and holds nothing that
 * could be aborted (mistake 17). If it asks, it is answered.
 */
#include "chaos/sim/check.h"

static void check_said(struct sim_judge *judge, const struct sim_sight *sight, const struct book_txn *txn)
{
    const struct book_node *node = &judge->book.nodes[sight->node];

    if (txn->coord != sight->node && txn->coord != SIM_NODE_NONE)
        judge_fail(judge, sight, "I10", &txn->gtrid, "%s says ABORT of an id of %s", node->name,
                   judge_name(judge, txn->coord));
    else if (node->state != BOOK_SERVING)
        judge_fail(judge, sight, "I10", &txn->gtrid, "%s says ABORT before it has recovered", node->name);
    else if (txn->committed != 0)
        judge_fail(judge, sight, "I10", &txn->gtrid, "%s says ABORT, and COMMIT is durable", node->name);
    else if (txn->committed == 0 && txn->commit_log_asked != 0 && txn->commit_log_life == node->life)
        judge_fail(judge, sight, "I10", &txn->gtrid, "%s says ABORT, and COMMIT was submitted", node->name);
}

/* It waits for an answer, which it gets now, or when the journal has been asked. */
static bool is_answered(const struct book_node *node, const struct sim_sight *sight, const struct book_share *share)
{
    if (node->input.kind == SIM_SEEN_LOOKED_UP)
        return share->asked_got != 0;
    return node->input.kind == SIM_SEEN_RECEIVED && node->input.peer == sight->peer &&
           (node->input.msg == VOW_MSG_INQUIRY ||
            (node->input.msg == VOW_MSG_VOTE && node->input.vote == VOW_VOTE_YES));
}

static void check_addressee(struct sim_judge *judge, const struct sim_sight *sight, const struct book_txn *txn)
{
    const struct book_node *node = &judge->book.nodes[sight->node];
    const struct book_share *share = sim_txn_share(txn, sight->peer);

    if (share != NULL && share->let_go_life == node->life && !is_answered(node, sight, share))
        judge_fail(judge, sight, "I10", &txn->gtrid, "%s sends ABORT to %s, whose vote was %s", node->name,
                   judge_name(judge, sight->peer), share->let_go_vote == VOW_VOTE_NO ? "NO" : "READ-ONLY");
}

void check_presumption(struct sim_judge *judge, const struct sim_sight *sight)
{
    const struct book_txn *txn;
    bool to_client;

    if (sight->kind == SIM_SEEN_LOG_ASKED && sight->log.record->kind == VOW_RECORD_COMMIT) {
        txn = judge_txn(judge, sight);
        if (txn != NULL && txn->aborted != 0 && !judge_is_node_excused(judge, txn->coord))
            judge_fail(judge, sight, "I10", &txn->gtrid, "COMMIT is submitted after ABORT was said");
        return;
    }
    if (sight->kind != SIM_SEEN_SENT || judge->book.nodes[sight->node].role != SIM_COORDINATOR)
        return;
    to_client = sight->message.msg->kind == VOW_MSG_OUTCOME && sight->message.msg->outcome.outcome == VOW_ABORTED;
    if (!to_client &&
        (sight->message.msg->kind != VOW_MSG_DECISION || sight->message.msg->decision.verdict != VOW_ABORT))
        return;
    txn = judge_txn(judge, sight);
    if (txn != NULL && !judge_is_node_excused(judge, txn->coord))
        check_said(judge, sight, txn);
    if (txn != NULL && !to_client)
        check_addressee(judge, sight, txn);
}
