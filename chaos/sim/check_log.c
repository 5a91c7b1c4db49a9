/*
 * I12: the log is whole, or its node does not start.
 *
 * Each time that a life finds its disk, and at the end: above what was cut off, LSNs follow one another, each hash is
 * that of the row after the one before, the last LSN is not behind the witness, and each COMMIT that was durable and
 * has no END is there. If not: a disk that nobody harmed is a violation at once; one that was harmed must be refused,
 * and the violation is that the node comes up. One thing nobody can find out: an older or unsynced state that is
 * consistent in itself, witness and all. Then the node is excused, with all that it took part in.
 *
 * And nothing is written to a disk that has failed: once a log or a store has said so, it calls nothing durable any
 * more in this life, however late its process notices (mistake 15, F105).
 */
#include "chaos/sim/check.h"

static const char *find_gap(const struct sim_dump_journal *journal)
{
    uint64_t before = journal->cut_lsn;

    for (uint32_t i = 0; i < journal->events_len; i++) {
        const struct sim_dump_event *event = &journal->events[i];

        if (event->lsn <= journal->cut_lsn)
            continue; /* kept for a transaction that has not ended */
        if (event->lsn != before + 1)
            return "an LSN is missing";
        if (!event->is_chained)
            return "a hash does not verify";
        before = event->lsn;
    }
    if (journal->has_witness && before < journal->witness_lsn)
        return "it ends before its witness";
    return NULL;
}

static bool has_commit(const struct sim_dump_journal *journal, const struct vow_gtrid *gtrid)
{
    for (uint32_t i = 0; i < journal->events_len; i++) {
        if (journal->events[i].kind == VOW_RECORD_COMMIT && vow_gtrid_equal(&journal->events[i].gtrid, gtrid))
            return true;
    }
    return false;
}

/* A decision that was durable and is not there; NULL. */
static const struct book_txn *find_lost(const struct sim_judge *judge, uint8_t node,
                                        const struct sim_dump_journal *journal)
{
    for (const struct book_txn *txn = judge->book.txns; txn != NULL; txn = txn->next) {
        if (txn->coord == node && txn->committed != 0 && txn->ended == 0 && !has_commit(journal, &txn->gtrid))
            return txn;
    }
    return NULL;
}

static void check_found(struct sim_judge *judge, const struct sim_sight *sight)
{
    const struct sim_dump *dump = sight->disk.dump;
    unsigned harm = judge->book.nodes[sight->node].harm;
    const char *problem = !dump->is_there ? NULL : !dump->is_readable ? "it cannot be read" : find_gap(&dump->journal);
    const struct book_txn *lost = problem == NULL ? find_lost(judge, sight->node, &dump->journal) : NULL;

    judge->must_refuse[sight->node] = problem;
    if (problem != NULL && harm == 0)
        judge_fail(judge, sight, "I12", NULL, "the log of %s is damaged by nobody: %s", judge_name(judge, sight->node),
                   problem);
    if (lost != NULL && harm == 0)
        judge_fail(judge, sight, "I12", &lost->gtrid, "the log of %s lost a COMMIT that was durable",
                   judge_name(judge, sight->node));
    if (lost != NULL && harm != 0)
        judge->excused |= sim_bit(sight->node);
}

/* What is refused, called off or only looked up needs no disk. */
static bool is_written(const struct sim_sight *sight)
{
    return sight->kind == SIM_SEEN_LOG_DURABLE ||
           (sight->kind == SIM_SEEN_STORE_DONE && sight->store.result != VOW_STORE_REFUSED &&
            sight->store.op != VOW_STORE_CANCEL && sight->store.op != VOW_STORE_RECALL);
}

static void check_failed(struct sim_judge *judge, const struct sim_sight *sight)
{
    const struct book_node *node = &judge->book.nodes[sight->node];

    if (node->failed != 0 && is_written(sight))
        judge_fail(judge, sight, "I12", NULL, "the %s of %s goes on after it had failed",
                   node->role == SIM_COORDINATOR ? "log" : "store", node->name);
}

void check_log(struct sim_judge *judge, const struct sim_sight *sight)
{
    if (sight->node < judge->book.nodes_len)
        check_failed(judge, sight);
    if (sight->node >= judge->book.nodes_len || judge->book.nodes[sight->node].role != SIM_COORDINATOR)
        return;
    if (sight->kind == SIM_SEEN_DISK && sight->disk.dump->is_journal)
        check_found(judge, sight);
    else if (sight->kind == SIM_SEEN_STARTED)
        judge->must_refuse[sight->node] = NULL;
    else if (sight->kind == SIM_SEEN_UP && judge->must_refuse[sight->node] != NULL)
        judge_fail(judge, sight, "I12", NULL, "%s serves with a log of which %s", judge_name(judge, sight->node),
                   judge->must_refuse[sight->node]);
}
