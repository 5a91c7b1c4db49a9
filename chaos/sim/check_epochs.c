/*
 * I17: the past changes nothing.
 *
 * A participant that has heard of an epoch (in a handshake or a message of this life) is given a message of a lower
 * one: until its next input it asks its store for no PREPARE, no ABORT, no ONE_PHASE. COMMIT and FORGET are true
 * whoever says them (protocol 2.9). A coordinator is given a vote that was asked for in another epoch than its own: it
 * submits no COMMIT for it.
 */
#include "chaos/sim/check.h"

static void check_participant(struct sim_judge *judge, const struct sim_sight *sight, const struct book_node *node)
{
    enum vow_store_op_kind op = sight->store.op;

    if (sight->kind != SIM_SEEN_STORE_ASKED || node->input.epoch >= node->epoch_known || node->input.epoch == 0)
        return;
    if (!vow_gtrid_equal(&sight->gtrid, &node->input.gtrid))
        return;
    if (op == VOW_STORE_PREPARE || op == VOW_STORE_ABORT || op == VOW_STORE_ONE_PHASE)
        judge_fail(judge, sight, "I17", &sight->gtrid, "%s knows epoch %u, and acts on %s of epoch %u", node->name,
                   node->epoch_known, vow_msg_name(node->input.msg), node->input.epoch);
}

static void check_coordinator(struct sim_judge *judge, const struct sim_sight *sight, const struct book_node *node)
{
    if (sight->kind != SIM_SEEN_LOG_ASKED || sight->log.record->kind != VOW_RECORD_COMMIT)
        return;
    if (node->input.msg == VOW_MSG_VOTE && node->input.epoch != node->epoch)
        judge_fail(judge, sight, "I17", &sight->log.record->gtrid,
                   "%s of epoch %u decides by a vote that was asked for in epoch %u", node->name, node->epoch,
                   node->input.epoch);
}

void check_epochs(struct sim_judge *judge, const struct sim_sight *sight)
{
    const struct book_node *node;

    if (sight->node >= judge->book.nodes_len)
        return;
    node = &judge->book.nodes[sight->node];
    if (node->input.kind != SIM_SEEN_RECEIVED)
        return;
    if (node->role == SIM_PARTICIPANT)
        check_participant(judge, sight, node);
    else if (node->role == SIM_COORDINATOR)
        check_coordinator(judge, sight, node);
}
