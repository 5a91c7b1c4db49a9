/*
 * I13: nothing is held for nobody.
 *
 * On each disk of a participant that is read while it serves or when the world is over: each lock row is of a branch
 * that is prepared there, or, while its process lives, of joined work that has not ended. (A disk that a new life finds
 * may have the locks of work that went with the process: the store drops them before it serves.) Joined work that is
 * not prepared ends with the connection to the coordinator, which may have forgotten it: not later than the participant
 * is given a TIMER after that (F042). At each sample of the
 * in-doubt metric of a participant: it is the number of its branches that are prepared, of which the core knows, and
 * whose end was not asked for yet. When the bound after HEALED is over, the disks of healed nodes have no lock and no
 * branch in doubt, if all nodes that they were about are healed, too.
 */
#include "chaos/sim/check.h"

static bool is_at_work(const struct book_txn *txn, const struct book_share *share, const struct book_node *node)
{
    (void)txn;
    return node->state == BOOK_SERVING && share->aborted == 0 && share->committed == 0 && share->read_only == 0 &&
           share->heuristic == 0;
}

static bool is_prepared(const struct sim_dump_store *store, const struct vow_gtrid *gtrid)
{
    for (uint32_t i = 0; i < store->branches_len; i++) {
        if (store->branches[i].state == SIM_BRANCH_PREPARED && vow_gtrid_equal(&store->branches[i].gtrid, gtrid))
            return true;
    }
    return false;
}

static void check_lock(struct sim_judge *judge, const struct sim_sight *sight, const struct sim_dump_lock *lock)
{
    const struct book_node *node = &judge->book.nodes[sight->node];
    const struct book_txn *txn = sim_book_find(&judge->book, &lock->gtrid);
    const struct book_share *share = txn != NULL ? sim_txn_share(txn, sight->node) : NULL;

    if (is_prepared(&sight->disk.dump->store, &lock->gtrid))
        return;
    if (share != NULL && is_at_work(txn, share, node))
        return;
    judge_fail(judge, sight, "I13", &lock->gtrid,
               "a lock at %s is held by a branch that is neither prepared nor at work", node->name);
}

static void check_disk(struct sim_judge *judge, const struct sim_sight *sight)
{
    const struct sim_dump_store *store = &sight->disk.dump->store;
    const struct book_node *node = &judge->book.nodes[sight->node];

    /* A process that is down, or not up yet, leaves its unprepared work's locks to the next start. */
    if (node->state != BOOK_SERVING)
        return;
    for (uint32_t i = 0; i < store->locks_len; i++)
        check_lock(judge, sight, &store->locks[i]);
}

static void check_metric(struct sim_judge *judge, const struct sim_sight *sight)
{
    const struct vow_gtrid *one = NULL;
    uint64_t actual = 0;

    /* Of a disk that was harmed the checkers do not know what is on it. */
    if (judge->book.nodes[sight->node].harm != 0)
        return;
    for (const struct book_txn *txn = judge->book.txns; txn != NULL; txn = txn->next) {
        const struct book_share *share = sim_txn_share(txn, sight->node);

        if (share != NULL && share->on_disk == SIM_BRANCH_PREPARED && share->told_yes != 0 &&
            share->ending_asked < share->told_yes) {
            actual++;
            one = &txn->gtrid;
        }
    }
    if (actual != sight->sample.value)
        judge_fail(judge, sight, "I13", one, "%s says that %llu branches are in doubt, and %llu are",
                   judge_name(judge, sight->node), (unsigned long long)sight->sample.value, (unsigned long long)actual);
}

/* I05 has looked at what is prepared; here at what is locked. */
static void check_quiet(struct sim_judge *judge, const struct sim_sight *sight)
{
    const struct sim_dump_store *store = &sight->disk.dump->store;

    for (uint32_t i = 0; i < store->locks_len; i++) {
        const struct book_txn *txn = sim_book_find(&judge->book, &store->locks[i].gtrid);
        const struct book_share *share = txn != NULL ? sim_txn_share(txn, sight->node) : NULL;

        if (txn != NULL && judge_is_healed(judge, txn) && txn->hazard == 0 && txn->alarm == 0 &&
            (share == NULL || !judge_is_too_late(txn, share)))
            judge_fail(judge, sight, "I13", &txn->gtrid, "%s still holds a lock of it when all has ended",
                       judge_name(judge, sight->node));
    }
}

/* At a wake-up: has the one before, after the connection was lost, ended what it had to? */
static void check_lost(struct sim_judge *judge, const struct sim_sight *sight)
{
    const struct book_node *node = &judge->book.nodes[sight->node];

    if (node->unlinked == 0 || node->ticked < node->unlinked || node->ticked_us / 1000 <= node->unlinked_us / 1000)
        return;
    for (const struct book_txn *txn = judge->book.txns; txn != NULL; txn = txn->next) {
        const struct book_share *share = sim_txn_share(txn, sight->node);

        if (share != NULL && share->worked != 0 && share->worked < node->unlinked && share->works_life == node->life)
            judge_fail(judge, sight, "I13", &txn->gtrid,
                       "%s still keeps the joined work of it, and has lost its coordinator meanwhile", node->name);
    }
}

void check_orphans(struct sim_judge *judge, const struct sim_sight *sight)
{
    const struct sim_book *book = &judge->book;

    if (sight->kind == SIM_SEEN_SAMPLE && sight->sample.what == SIM_SAMPLE_IN_DOUBT &&
        book->nodes[sight->node].role == SIM_PARTICIPANT)
        check_metric(judge, sight);
    if (sight->kind == SIM_SEEN_SAMPLE && book->nodes[sight->node].role == SIM_PARTICIPANT)
        check_lost(judge, sight);
    if (sight->kind != SIM_SEEN_DISK || sight->disk.dump->is_journal || !sight->disk.dump->is_readable ||
        book->nodes[sight->node].harm != 0)
        return;
    check_disk(judge, sight);
    if (book->over != 0 && book->healed != 0 && (book->healed_nodes & sim_bit(sight->node)) != 0)
        check_quiet(judge, sight);
}
