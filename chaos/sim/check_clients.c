/*
 * I06: what clients are told is true.
 *
 * At each answer: COMMITTED only if a COMMIT record is durable, or the only participant has committed alone, or all
 * were READ-ONLY; ABORTED never of a transaction that is committed, or commits later. Of those that were asked for
 * under one key only one commits, whoever crashed and asked again meanwhile (F001, F063). At the end, by the disks:
 * each row of the workloads is what it was at the beginning and what the branches that committed there made of it, no
 * more and no less; and a branch that was to commit has done so, unless it is known to be in doubt still, or lost
 * (F044, F045).
 */
#include <string.h>

#include "chaos/sim/check.h"

static bool has_committed_alone(const struct book_txn *txn)
{
    for (const struct book_share *share = txn->shares; share != NULL; share = share->next) {
        if (share->committed_alone != 0 || share->one_phase_read_only != 0)
            return true;
    }
    return false;
}

static void check_answer(struct sim_judge *judge, const struct sim_sight *sight, const struct book_txn *txn)
{
    bool is_committed = sim_txn_is_committed(txn) || has_committed_alone(txn) || sim_txn_is_read_only(txn);

    if (sight->told.outcome == VOW_COMMITTED && !is_committed)
        judge_fail(judge, sight, "I06", &txn->gtrid, "%s is told COMMITTED, and nothing of it is durable",
                   judge_name(judge, sight->node));
    if (sight->told.outcome == VOW_ABORTED && sim_txn_is_committed(txn))
        judge_fail(judge, sight, "I06", &txn->gtrid, "%s is told ABORTED, and it is committed",
                   judge_name(judge, sight->node));
}

static void check_later(struct sim_judge *judge, const struct sim_sight *sight, struct book_txn *txn)
{
    if (txn->told == VOW_ABORTED && sim_txn_is_committed(txn) && !judge_is_excused(judge, txn))
        judge_fail(judge, sight, "I06", &txn->gtrid, "committed after a client was told ABORTED (%s)",
                   vow_cause_name((int)txn->told_cause));
}

static void check_key(struct sim_judge *judge, const struct sim_sight *sight, struct book_txn *txn)
{
    if (txn->key == NULL || txn->committed == 0 || judge_is_node_excused(judge, txn->coord))
        return;
    for (const struct book_txn *other = judge->book.txns; other != NULL; other = other->next) {
        if (other != txn && other->key != NULL && other->committed != 0 && other->coord == txn->coord &&
            strcmp(other->key, txn->key) == 0)
            judge_fail(judge, sight, "I06", &txn->gtrid, "committed, and under the same key (%s) another one was",
                       txn->key);
    }
}

static void check_commit(struct sim_judge *judge, const struct sim_sight *sight, struct book_txn *txn)
{
    if (sight->kind == SIM_SEEN_LOG_DURABLE && txn->committed == sight->seq)
        check_key(judge, sight, txn);
    check_later(judge, sight, txn);
}

/* ---- rows ---- */

static const struct sim_dump_row *find_row(const struct sim_dump_store *store, const struct sim_change *key)
{
    for (uint32_t i = 0; i < store->rows_len; i++) {
        if (store->rows[i].table == (uint8_t)key->table && store->rows[i].key == key->key)
            return &store->rows[i];
    }
    return NULL;
}

static bool list_has(const struct sim_dump_row *row, int64_t value)
{
    for (uint32_t i = 0; row != NULL && i < row->list_len; i++) {
        if (row->list[i] == value)
            return true;
    }
    return false;
}

/* Balances are sums: exactly what was there and what was added. */
static void check_balance(struct sim_judge *judge, const struct sim_sight *sight, const struct sim_change *account)
{
    const struct sim_dump_row *row = find_row(&sight->disk.dump->store, account);
    int64_t wanted = account->value;

    for (const struct book_txn *txn = judge->book.txns; txn != NULL; txn = txn->next) {
        const struct book_share *share = sim_txn_share(txn, sight->node);

        if (share == NULL || sim_share_applied(share) == 0)
            continue;
        for (const struct book_change *c = share->first; c != NULL; c = c->next) {
            if (c->change.kind == SIM_ADD && c->change.table == SIM_BANK && c->change.key == account->key)
                wanted += c->change.value;
        }
    }
    if (row == NULL || row->value != wanted)
        judge_fail(judge, sight, "I06", NULL, "account %llu at %s holds %lld, and what committed makes it %lld",
                   (unsigned long long)account->key, judge_name(judge, sight->node),
                   row != NULL ? (long long)row->value : 0, (long long)wanted);
}

/* A client that tries again under its key writes the same. */
static bool is_written_by_another(const struct sim_judge *judge, uint8_t node, const struct sim_change *change)
{
    for (const struct book_txn *txn = judge->book.txns; txn != NULL; txn = txn->next) {
        const struct book_share *share = sim_txn_share(txn, node);

        for (const struct book_change *c = share != NULL && sim_share_applied(share) != 0 ? share->first : NULL;
             c != NULL; c = c->next) {
            if (c->change.kind == change->kind && c->change.key == change->key && c->change.value == change->value)
                return true;
        }
    }
    return false;
}

/* A committed element is there; one of a branch that did not commit is not. */
static void check_element(struct sim_judge *judge, const struct sim_sight *sight, const struct book_txn *txn,
                          const struct book_share *share, const struct sim_change *change)
{
    const struct sim_dump_row *row = find_row(&sight->disk.dump->store, change);
    bool is_there = change->kind == SIM_INSERT ? row != NULL : list_has(row, change->value);

    if (change->kind != SIM_INSERT && change->kind != SIM_APPEND)
        return;
    if (is_there && sim_share_applied(share) == 0 && !is_written_by_another(judge, sight->node, change))
        judge_fail(judge, sight, "I06", &txn->gtrid, "%s shows what it wrote, and it did not commit there",
                   judge_name(judge, sight->node));
    if (!is_there && sim_share_applied(share) != 0)
        judge_fail(judge, sight, "I06", &txn->gtrid, "%s does not show what it wrote, and it committed there",
                   judge_name(judge, sight->node));
}

static void check_share(struct sim_judge *judge, const struct sim_sight *sight, const struct book_txn *txn)
{
    const struct book_share *share = sim_txn_share(txn, sight->node);

    if (share == NULL)
        return;
    for (const struct book_change *c = share->first; c != NULL; c = c->next)
        check_element(judge, sight, txn, share, &c->change);
    /* It must commit, and has neither done so nor kept what it needs for it. */
    if (txn->committed != 0 && share->is_on_yes_list && share->committed == 0 &&
        share->on_disk != SIM_BRANCH_PREPARED && txn->hazard == 0 && share->heuristic == 0)
        judge_fail(judge, sight, "I06", &txn->gtrid, "%s lost a branch that is to commit, and nobody noticed",
                   judge_name(judge, sight->node));
}

static void check_disk(struct sim_judge *judge, const struct sim_sight *sight)
{
    const struct sim_book *book = &judge->book;

    if (sight->disk.dump->is_journal || !sight->disk.dump->is_readable || book->nodes[sight->node].harm != 0)
        return;
    for (uint32_t i = 0; i < book->accounts_len; i++) {
        if (book->accounts[i].node == sight->node && book->accounts[i].table == SIM_BANK)
            check_balance(judge, sight, &book->accounts[i]);
    }
    for (const struct book_txn *txn = book->txns; txn != NULL; txn = txn->next) {
        if (!judge_is_excused(judge, txn))
            check_share(judge, sight, txn);
    }
}

void check_clients(struct sim_judge *judge, const struct sim_sight *sight)
{
    const struct book_txn *txn = sight->kind == SIM_SEEN_TOLD ? judge_txn(judge, sight) : NULL;

    if (txn != NULL && !judge_is_excused(judge, txn))
        check_answer(judge, sight, txn);
    if (sight->kind == SIM_SEEN_DISK && judge->book.over != 0)
        check_disk(judge, sight);
    judge_each_durable(judge, sight, check_commit);
}
