/*
 * I14: locks survive, and mean something.
 *
 * The lock rows of a prepared branch are the same on each disk on which it is prepared, restarts between or not; among
 * them is one for each row that the branch wrote. While a branch is prepared nobody else changes a row that it wrote or
 * holds: no other branch commits a write to it, and no writer outside of all transactions is let.
 */
#include <string.h>

#include "chaos/sim/check.h"

/* ---- the rows on disk ---- */

static uint32_t count_locks(const struct sim_dump_store *store, const struct vow_gtrid *gtrid, uint32_t *first)
{
    uint32_t len = 0;

    for (uint32_t i = 0; i < store->locks_len; i++) {
        if (vow_gtrid_equal(&store->locks[i].gtrid, gtrid) && len++ == 0)
            *first = i;
    }
    return len;
}

static void remember(struct sim_judge *judge, struct book_share *share, const struct sim_dump_lock *locks, uint32_t len)
{
    share->has_locks = true;
    share->locks_len = len;
    if (len == 0)
        return;
    share->locks = sim_memory_take(&judge->memory, len * sizeof(*share->locks));
    for (uint32_t i = 0; i < len; i++)
        share->locks[i] = locks[i].hash;
}

static bool is_same(const struct book_share *share, const struct sim_dump_lock *locks, uint32_t len)
{
    for (uint32_t i = 0; i < len && len == share->locks_len; i++) {
        if (share->locks[i] != locks[i].hash)
            return false;
    }
    return len == share->locks_len;
}

static bool covers(const struct sim_dump_lock *locks, uint32_t len, const struct sim_change *change)
{
    for (uint32_t i = 0; i < len; i++) {
        if (locks[i].table == (uint8_t)change->table && locks[i].key == change->key)
            return true;
    }
    return false;
}

static void check_branch(struct sim_judge *judge, const struct sim_sight *sight, const struct vow_gtrid *gtrid)
{
    const struct sim_dump_store *store = &sight->disk.dump->store;
    struct book_txn *txn = sim_book_find(&judge->book, gtrid);
    struct book_share *share = txn != NULL ? sim_txn_share(txn, sight->node) : NULL;
    uint32_t first = 0, len = count_locks(store, gtrid, &first);
    const struct sim_dump_lock *locks = len > 0 ? &store->locks[first] : NULL;

    if (share == NULL)
        return;
    if (!share->has_locks)
        remember(judge, share, locks, len);
    else if (!is_same(share, locks, len))
        judge_fail(judge, sight, "I14", gtrid, "%s holds other locks for it (%u) than at first (%u)",
                   judge_name(judge, sight->node), len, share->locks_len);
    for (const struct book_change *c = share->first; c != NULL; c = c->next) {
        if (sim_share_writes(share, c->change.table, c->change.key) && !covers(locks, len, &c->change))
            judge_fail(judge, sight, "I14", gtrid, "%s is prepared to write row %llu and does not lock it",
                       judge_name(judge, sight->node), (unsigned long long)c->change.key);
    }
}

/* ---- who writes meanwhile ---- */

static bool is_holding(const struct book_share *share, const struct sim_change *row)
{
    if (share->on_disk != SIM_BRANCH_PREPARED)
        return false;
    for (const struct book_change *c = share->first; c != NULL; c = c->next) {
        if (c->change.kind == SIM_HOLD && c->change.table == row->table && c->change.key == row->key)
            return true;
    }
    return sim_share_writes(share, row->table, row->key);
}

static void check_write(struct sim_judge *judge, const struct sim_sight *sight, const struct book_txn *writer,
                        const struct sim_change *row)
{
    for (const struct book_txn *txn = judge->book.txns; txn != NULL; txn = txn->next) {
        const struct book_share *share = txn != writer ? sim_txn_share(txn, sight->node) : NULL;

        if (share != NULL && is_holding(share, row))
            judge_fail(judge, sight, "I14", &txn->gtrid, "row %llu at %s was written while it is in doubt",
                       (unsigned long long)row->key, judge_name(judge, sight->node));
    }
}

static void check_commit(struct sim_judge *judge, const struct sim_sight *sight)
{
    const struct book_txn *txn = judge_txn(judge, sight);
    const struct book_share *share = txn != NULL ? sim_txn_share(txn, sight->node) : NULL;

    if (share == NULL || sim_share_applied(share) != sight->seq)
        return;
    for (const struct book_change *c = share->first; c != NULL; c = c->next) {
        if (sim_share_writes(share, c->change.table, c->change.key))
            check_write(judge, sight, txn, &c->change);
    }
}

void check_locks(struct sim_judge *judge, const struct sim_sight *sight)
{
    if (sight->node >= judge->book.nodes_len || judge->book.nodes[sight->node].harm != 0)
        return;
    if (sight->kind == SIM_SEEN_STORE_DONE)
        check_commit(judge, sight);
    if (sight->kind == SIM_SEEN_WROTE_ALONE)
        check_write(judge, sight, NULL, &sight->change);
    if (sight->kind != SIM_SEEN_DISK || sight->disk.dump->is_journal || !sight->disk.dump->is_readable)
        return;
    for (uint32_t i = 0; i < sight->disk.dump->store.branches_len; i++) {
        if (sight->disk.dump->store.branches[i].state == SIM_BRANCH_PREPARED)
            check_branch(judge, sight, &sight->disk.dump->store.branches[i].gtrid);
    }
}
