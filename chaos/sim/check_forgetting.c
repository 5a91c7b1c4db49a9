/*
 * I11: nothing is forgotten that somebody may still need.
 *
 * When END is asked for, each member of the yes-list has sent an acknowledgement that was received (mistake 4), in any
 * life of the coordinator; a heuristic that agrees is one, one that does not is when it was forgotten, and that it has
 * no record is none, whatever its disk forgot (B20, B21). On each disk as a life finds it: a COMMIT row that was
 * durable is there unless its END is durable; a tombstone is there unless END is, or an operator gave up a participant
 * that owed an answer; a memo unless the note ONE_PHASE is; a prepared branch unless it was ended. What a life found
 * that never came up is not owed: after a sync that failed it may be in the page cache alone, and it is the start that
 * writes it again (F105). A disk that was wiped, restored or damaged is left to I12 and to the alarms.
 */
#include <stdlib.h>
#include <string.h>

#include "chaos/sim/check.h"

static void check_end(struct sim_judge *judge, const struct sim_sight *sight, const struct book_txn *txn)
{
    for (const struct book_share *share = txn->shares; share != NULL; share = share->next) {
        bool is_owed = txn->committed != 0 ? share->is_on_yes_list : share->noted != 0;

        if (is_owed && share->ack_got == 0 && share->forgiven == 0)
            judge_fail(judge, sight, "I11", &txn->gtrid, "END is logged, and %s has not acknowledged",
                       judge_name(judge, share->node));
    }
}

static bool has_row(const struct sim_dump_journal *journal, const struct vow_gtrid *gtrid, uint32_t kind)
{
    for (uint32_t i = 0; i < journal->events_len; i++) {
        if (journal->events[i].kind == kind && vow_gtrid_equal(&journal->events[i].gtrid, gtrid))
            return true;
    }
    return false;
}

static void check_journal(struct sim_judge *judge, const struct sim_sight *sight, const struct book_txn *txn)
{
    if (txn->coord != sight->node || txn->committed == 0 || txn->committed == sight->seq || txn->ended != 0)
        return;
    if (!has_row(&sight->disk.dump->journal, &txn->gtrid, VOW_RECORD_COMMIT))
        judge_fail(judge, sight, "I11", &txn->gtrid, "the COMMIT row at %s is gone, and END was never durable",
                   judge_name(judge, sight->node));
}

/*
 * An operator has forgotten it while an answer was missing: nobody's tombstones wait for that participant, and what it
 * says of another data file counts for nothing any more (F224). An acknowledgement is in memory alone: that which an
 * earlier life of the coordinator was given is missing.
 */
static bool is_given_up(const struct book_txn *txn)
{
    if (txn->forgot == 0)
        return false;
    for (const struct book_share *share = txn->shares; share != NULL; share = share->next) {
        if (share->is_on_yes_list && (share->ack_got == 0 || share->answer_life != txn->forget_life) &&
            (share->mismatch_got == 0 || share->mismatch_got > txn->forgot))
            return true;
    }
    return false;
}

/* Nobody waits for its tombstones. One of a one-phase commit was its memo, until FORGET. */
static bool is_over(const struct book_txn *txn)
{
    return txn->ended != 0 || txn->one_phase_durable != 0 || is_given_up(txn);
}

static int compare_ids(const void *key, const void *item)
{
    const struct sim_dump_branch *branch = item;

    return memcmp(key, branch->gtrid.bytes, VOW_GTRID_BYTES);
}

static const struct sim_dump_branch *find_branch(const struct sim_dump_store *store, const struct vow_gtrid *gtrid)
{
    if (store->branches_len == 0)
        return NULL;
    return bsearch(gtrid->bytes, store->branches, store->branches_len, sizeof(store->branches[0]), compare_ids);
}

/* What is wrong, if anything is missing; NULL. `stands` is what the store had said before this disk was read. */
static const char *find_missing(const struct sim_dump_store *store, const struct book_txn *txn,
                                const struct book_share *share, enum sim_branch_state stands)
{
    const struct sim_dump_branch *found = find_branch(store, &txn->gtrid);

    if (found != NULL && (found->state == stands || found->state == SIM_BRANCH_COMMITTED))
        return NULL;
    switch ((int)stands) {
    case SIM_BRANCH_PREPARED:
        if (share->abort_asked != 0 || (share->asked_op == VOW_STORE_COMMIT && is_over(txn)))
            return NULL;
        return "prepared branch";
    case SIM_BRANCH_COMMITTED:
        /* What was committed by hand answers by its own record; of an abort the tombstone may go. */
        if (share->heuristic != 0 && txn->committed == 0)
            return NULL;
        return !is_over(txn) || found != NULL ? "tombstone" : NULL;
    case SIM_BRANCH_MEMO:
        return txn->one_phase_durable == 0 || found != NULL ? "memo" : NULL;
    default:
        return NULL;
    }
}

static void check_store(struct sim_judge *judge, const struct sim_sight *sight, const struct book_txn *txn)
{
    const struct book_share *share = sim_txn_share(txn, sight->node);
    const char *missing;

    if (share == NULL)
        return;
    missing = find_missing(&sight->disk.dump->store, txn, share, sim_share_stands(&judge->book, share));
    if (missing == NULL)
        return;
    /* A store has no witness: that its harmed disk forgot what it had confirmed cannot be found out there. */
    if (judge->book.nodes[sight->node].harm != 0)
        judge->excused |= sim_bit(sight->node);
    else
        judge_fail(judge, sight, "I11", &txn->gtrid, "the %s at %s is gone, and was still needed", missing,
                   judge_name(judge, sight->node));
}

/*
 * A wiped store has nothing to be missed: what it alone knew, nobody knows any more. One that is back in an earlier
 * life does not know late messages from new ones, not even of what has ended.
 */
static bool has_forgotten_itself(const struct sim_judge *judge, const struct sim_sight *sight)
{
    const struct sim_dump *dump = sight->disk.dump;
    const struct book_node *node = &judge->book.nodes[sight->node];

    if (dump->is_journal || node->harm == 0)
        return false;
    return !dump->is_readable || dump->store.incarnation < node->incarnation;
}

void check_forgetting(struct sim_judge *judge, const struct sim_sight *sight)
{
    if (sight->kind == SIM_SEEN_LOG_ASKED && sight->log.record->kind == VOW_RECORD_END) {
        const struct book_txn *txn = judge_txn(judge, sight);

        if (txn != NULL && !judge_is_node_excused(judge, sight->node))
            check_end(judge, sight, txn);
    }
    if (sight->kind != SIM_SEEN_DISK)
        return;
    if (has_forgotten_itself(judge, sight))
        judge->excused |= sim_bit(sight->node);
    if (!sight->disk.dump->is_readable)
        return;
    for (const struct book_txn *txn = judge->book.txns; txn != NULL; txn = txn->next) {
        if (judge_is_excused(judge, txn))
            continue;
        if (sight->disk.dump->is_journal && judge->book.nodes[sight->node].harm == 0)
            check_journal(judge, sight, txn);
        else if (!sight->disk.dump->is_journal)
            check_store(judge, sight, txn);
    }
}
