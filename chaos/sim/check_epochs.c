/*
 * I17: the past changes nothing.
 *
 * A participant that has heard of an epoch (in a handshake or a message of this life) is given a message of a lower
 * one: until its next input it asks its store for no PREPARE, no ABORT, no ONE_PHASE. COMMIT and FORGET are true
 * whoever says them (protocol 2.9). A coordinator is given a vote that was asked for in another epoch than its own: it
 * submits no COMMIT for it.
 *
 * The same of lives: a participant asks its store for no PREPARE that was meant for an earlier life of it, and a
 * coordinator submits no COMMIT by the vote of another life than the one that was asked and is connected (mistake 19).
 */
#include "chaos/sim/check.h"

static void check_participant(struct sim_judge *judge, const struct sim_sight *sight, const struct book_node *node)
{
    enum vow_store_op_kind op = sight->store.op;

    /* A question decides nothing: whoever hears it aborts first because it may (2.6). */
    if (node->input.msg == VOW_MSG_PEER_INQUIRY)
        return;
    if (sight->kind != SIM_SEEN_STORE_ASKED || node->input.epoch >= node->epoch_known || node->input.epoch == 0)
        return;
    if (!vow_gtrid_equal(&sight->gtrid, &node->input.gtrid))
        return;
    if (op == VOW_STORE_PREPARE || op == VOW_STORE_ABORT || op == VOW_STORE_ONE_PHASE)
        judge_fail(judge, sight, "I17", &sight->gtrid, "%s knows epoch %u, and acts on %s of epoch %u", node->name,
                   node->epoch_known, vow_msg_name(node->input.msg), node->input.epoch);
}

/* Work may have been lost with the life that it was meant for. */
static void check_incarnation(struct sim_judge *judge, const struct sim_sight *sight, const struct book_node *node)
{
    const struct book_input *input = &node->input;

    if (sight->kind != SIM_SEEN_STORE_ASKED || input->msg != VOW_MSG_PREPARE || sight->store.op != VOW_STORE_PREPARE ||
        !vow_gtrid_equal(&sight->gtrid, &input->gtrid))
        return;
    if (input->incarnation != 0 && input->incarnation != node->incarnation)
        judge_fail(judge, sight, "I17", &sight->gtrid,
                   "%s of incarnation %llu does what incarnation %llu was asked for", node->name,
                   (unsigned long long)node->incarnation, (unsigned long long)input->incarnation);
}

/* Each of them was asked, and has answered, in this life of it and this epoch. */
static void check_voters(struct sim_judge *judge, const struct sim_sight *sight, const struct book_node *node)
{
    const struct book_txn *txn = judge_txn(judge, sight);

    for (const struct book_share *share = txn != NULL ? txn->shares : NULL; share != NULL; share = share->next) {
        if (share->is_on_yes_list && share->vote_life != node->life)
            judge_fail(judge, sight, "I17", &txn->gtrid, "%s decides, and %s has not voted since it was asked",
                       node->name, judge_name(judge, share->node));
    }
}

static void check_coordinator(struct sim_judge *judge, const struct sim_sight *sight, const struct book_node *node)
{
    if (sight->kind != SIM_SEEN_LOG_ASKED || sight->log.record->kind != VOW_RECORD_COMMIT)
        return;
    if (node->input.msg == VOW_MSG_VOTE && node->input.epoch != node->epoch)
        judge_fail(judge, sight, "I17", &sight->log.record->gtrid,
                   "%s of epoch %u decides by a vote that was asked for in epoch %u", node->name, node->epoch,
                   node->input.epoch);
    check_voters(judge, sight, node);
}

void check_epochs(struct sim_judge *judge, const struct sim_sight *sight)
{
    const struct book_node *node;

    if (sight->node >= judge->book.nodes_len)
        return;
    node = &judge->book.nodes[sight->node];
    if (node->input.kind != SIM_SEEN_RECEIVED)
        return;
    if (node->role == SIM_PARTICIPANT) {
        check_participant(judge, sight, node);
        check_incarnation(judge, sight, node);
    } else if (node->role == SIM_COORDINATOR) {
        check_coordinator(judge, sight, node);
    }
}
