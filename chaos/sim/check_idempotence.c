/*
 * I16: state(m.m) = state(m). When a core is given the same frame twice with nothing between, the second one moves no
 * transaction from a state to another, writes nothing to the log and asks nothing of the store. (That the answer is the
 * same is for the tests of the cores.) An
 * operation of the store that is asked for again is harmless where the first one is not done yet: COMMIT of a branch
 * that is not in memory is how a tombstone is looked for, and RECALL only reads. What may be sent at all is
 * check_messages.c's.
 */
#include "chaos/sim/check.h"

static bool is_repeated(const struct sim_judge *judge, const struct sim_sight *sight)
{
    const struct book_input *input = sight->node < judge->book.nodes_len ? &judge->book.nodes[sight->node].input : NULL;

    /* Behind ENLISTED a service joins again, which is no frame and is not told apart. */
    return input != NULL && input->is_repeated && input->msg != VOW_MSG_ENLISTED;
}

void check_idempotence(struct sim_judge *judge, const struct sim_sight *sight)
{
    const struct book_node *node;
    const struct vow_gtrid *about = sight->kind == SIM_SEEN_LOG_ASKED ? &sight->log.record->gtrid : &sight->gtrid;

    check_messages(judge, sight);
    if (!is_repeated(judge, sight))
        return;
    node = &judge->book.nodes[sight->node];
    /* Work that joins is no frame: what it moves is another transaction. */
    if (!vow_gtrid_equal(about, &node->input.gtrid))
        return;
    if (sight->kind == SIM_SEEN_MOVED && sight->moved.from != sight->moved.to)
        judge_fail(judge, sight, "I16", &sight->gtrid, "%s moves for the second copy of frame %llu (%s)", node->name,
                   (unsigned long long)node->input.frame, vow_msg_name(node->input.msg));
    if (sight->kind == SIM_SEEN_LOG_ASKED)
        judge_fail(judge, sight, "I16", &sight->log.record->gtrid, "%s logs for the second copy of frame %llu (%s)",
                   node->name, (unsigned long long)node->input.frame, vow_msg_name(node->input.msg));
    if (sight->kind == SIM_SEEN_STORE_ASKED && sight->store.op != VOW_STORE_WATERMARK &&
        sight->store.op != VOW_STORE_RECALL)
        judge_fail(judge, sight, "I16", &sight->gtrid, "%s asks its store for the second copy of frame %llu (%s)",
                   node->name, (unsigned long long)node->input.frame, vow_msg_name(node->input.msg));
}
