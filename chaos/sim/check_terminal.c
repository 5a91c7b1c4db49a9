/*
 * I02: no node ends a transaction twice, in two ways.
 *
 * A journal, by its durable records and by its rows as each new life finds them: of COMMIT, ABORTED, READ_ONLY and
 * ONE_PHASE at most one kind for an id, and COMMIT in one row at most. A store: nothing is prepared after it committed,
 * nothing that was dropped commits, nothing that committed is dropped; and what was ended by hand is not ended again.
 * And in one life no work is done again of which the participant was told ABORT, or which it dropped itself (F048), as
 * long as it can remember: it keeps the last 32.
 */
#include "chaos/sim/check.h"

static void one(struct sim_judge *judge, const struct sim_sight *sight, struct book_txn *txn)
{
    unsigned kinds = 0;

    kinds += txn->committed != 0;
    kinds += txn->aborted_durable != 0;
    kinds += txn->read_only_durable != 0;
    kinds += txn->one_phase_durable != 0;
    if (kinds > 1 && !judge_is_excused(judge, txn))
        judge_fail(judge, sight, "I02", &txn->gtrid, "the journal of %s holds %u different ends of it",
                   judge_name(judge, txn->coord), kinds);
}

/* COMMIT of a branch that was committed by hand finds the tombstone. */
static void check_by_hand(struct sim_judge *judge, const struct sim_sight *sight, const struct book_txn *txn,
                          const struct book_share *share)
{
    const enum vow_store_op_kind op = sight->store.op;
    bool is_again = op == VOW_STORE_PREPARE || op == VOW_STORE_HEURISTIC_COMMIT || op == VOW_STORE_HEURISTIC_ABORT ||
                    (op == VOW_STORE_COMMIT && share->heuristic_verdict == VOW_ABORT);

    /* An older copy of the file has the branch as it was. */
    if (judge->book.nodes[sight->node].harm != 0)
        return;
    if (is_again && sight->store.result == VOW_STORE_DONE && share->heuristic != sight->seq)
        judge_fail(judge, sight, "I02", &txn->gtrid, "prepared or ended again at %s, where it was ended by hand",
                   judge_name(judge, sight->node));
    /* What was dropped may be back: ABORT is not forced. */
    if (share->heuristic == sight->seq && share->committed != 0)
        judge_fail(judge, sight, "I02", &txn->gtrid, "ended by hand at %s, where it had ended",
                   judge_name(judge, sight->node));
}

static void check_store(struct sim_judge *judge, const struct sim_sight *sight)
{
    const struct book_txn *txn = judge_txn(judge, sight);
    const struct book_share *share = txn != NULL ? sim_txn_share(txn, sight->node) : NULL;

    if (share == NULL || judge_is_excused(judge, txn))
        return;
    if (share->heuristic != 0) {
        check_by_hand(judge, sight, txn, share);
        return;
    }
    if (sight->store.op == VOW_STORE_PREPARE && sight->store.result == VOW_STORE_DONE && share->committed != 0)
        judge_fail(judge, sight, "I02", &txn->gtrid, "prepared again at %s, where it had committed",
                   judge_name(judge, sight->node));
    if (share->committed != 0 && share->aborted != 0)
        judge_fail(judge, sight, "I02", &txn->gtrid, "the branch at %s was both committed and dropped",
                   judge_name(judge, sight->node));
}

/* Each message of the protocol makes it remember one more id at most. */
#define REMEMBERED 24

static void check_asked(struct sim_judge *judge, const struct sim_sight *sight)
{
    const struct book_txn *txn = judge_txn(judge, sight);
    const struct book_share *share = txn != NULL ? sim_txn_share(txn, sight->node) : NULL;
    const struct book_node *node = &judge->book.nodes[sight->node];

    if (share == NULL || (sight->store.op != VOW_STORE_PREPARE && sight->store.op != VOW_STORE_ONE_PHASE))
        return;
    if (share->gone_life == node->life && node->heard - share->gone_heard < REMEMBERED)
        judge_fail(judge, sight, "I02", &txn->gtrid, "%s does its work again, and in this life it was to abort it",
                   node->name);
}

static void check_rows(struct sim_judge *judge, const struct sim_sight *sight, const struct sim_dump_journal *journal)
{
    for (uint32_t i = 0; i < journal->events_len; i++) {
        const struct sim_dump_event *event = &journal->events[i];
        const struct book_txn *txn =
            event->kind == VOW_RECORD_COMMIT ? sim_book_find(&judge->book, &event->gtrid) : NULL;

        if (txn != NULL && txn->commit_lsn != event->lsn && txn->commit_lsn != 0)
            judge_fail(judge, sight, "I02", &txn->gtrid, "the journal of %s has COMMIT at lsn %llu and at lsn %llu",
                       judge_name(judge, sight->node), (unsigned long long)txn->commit_lsn,
                       (unsigned long long)event->lsn);
    }
}

void check_terminal(struct sim_judge *judge, const struct sim_sight *sight)
{
    judge_each_durable(judge, sight, one);
    if (sight->kind == SIM_SEEN_STORE_DONE)
        check_store(judge, sight);
    if (sight->kind == SIM_SEEN_STORE_ASKED)
        check_asked(judge, sight);
    if (sight->kind == SIM_SEEN_DISK && sight->disk.dump->is_journal && sight->disk.dump->is_readable &&
        (judge->excused & sim_bit(sight->node)) == 0)
        check_rows(judge, sight, &sight->disk.dump->journal);
}
