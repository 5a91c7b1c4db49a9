/*
 * I15: what transactions see of one another. The level that Vow claims, and that is checked (docs/guide.md, trap 13):
 *
 *   - Every read sees committed rows, and the branch's own writes: READ COMMITTED. No dirty read (G1a, G1b), no circle
 *     of writes and of reads of what was written (G0, G1c).
 *   - A row that a branch writes is its own from its vote to the decision: what it saw there before is what it writes
 *     over. No lost update; a list grows in one order.
 *   - A row that is held (vow_branch_hold()) stays as it was read until the decision. So transactions that hold
 * whatever
 *     they read are serializable (no G-single, no G2 on rows), and a sum over all accounts, held, is the constant.
 *   - Rows that are only read may change before the decision: write skew is possible, and is no violation. Nor is a
 *     phantom: rows that do not exist yet cannot be held.
 *
 * A store runs one operation after the other, so what an operation read is compared, when the store has done it, with
 * the rows as all commits before it made them. Nodes whose disks were harmed are left out.
 */
#include <string.h>

#include "chaos/sim/isolation.h"

/* ---- rows ---- */

static void row_append(struct sim_judge *judge, struct isolation_row *row, int64_t value)
{
    if (row->list_len == row->list_room) {
        uint32_t room = row->list_room > 0 ? 2 * row->list_room : 8;
        int64_t *list = sim_memory_take(&judge->memory, room * sizeof(*list));

        if (row->list_len > 0)
            memcpy(list, row->list, row->list_len * sizeof(*list));
        row->list = list;
        row->list_room = room;
    }
    row->list[row->list_len++] = value;
}

static void begin_row(struct sim_judge *judge, const struct sim_sight *sight)
{
    const struct sim_change *change = &sight->change;
    struct isolation_row *row = isolation_row(judge, sight->node, change->table, change->key);

    row->is_there = true;
    row->value = change->value;
    for (uint32_t i = 0; i < change->list_len; i++)
        row_append(judge, row, change->list[i]);
}

static bool is_write(const struct sim_change *change)
{
    return change->kind == SIM_ADD || change->kind == SIM_APPEND || change->kind == SIM_INSERT;
}

static void write_row(struct sim_judge *judge, struct isolation_row *row, const struct sim_change *change)
{
    row->is_there = true;
    if (change->kind == SIM_ADD)
        row->value += change->value;
    else if (change->kind == SIM_APPEND)
        row_append(judge, row, change->value);
}

/*
 * A crash hid which of the two came first: a disk showed both, or each of the starts that came to nothing showed them
 * again.
 */
static bool is_order_hidden(const struct isolation_row *row, const struct book_txn *writer, book_moment now)
{
    const struct book_share *before = row->writer != NULL ? sim_txn_share(row->writer, row->node) : NULL;

    return row->is_unsure && before != NULL && writer != NULL && sim_share_applied(before) == now;
}

/* Its writer is the newest one, after whoever wrote it before and whoever held it since. */
static void new_version(struct sim_judge *judge, struct isolation_row *row, struct book_txn *writer, book_moment now)
{
    if (!is_order_hidden(row, writer, now))
        isolation_add_edge(judge, row->writer, writer, row);
    for (const struct isolation_reader *reader = row->readers; reader != NULL; reader = reader->next)
        isolation_add_edge(judge, reader->txn, writer, row);
    row->writer = writer;
    row->readers = NULL;
}

/* ---- what was read ---- */

/* Own writes of the branch to the row before this change: what it sees beside what is committed. */
struct own {
    int64_t added;
    uint32_t appended;
    bool has_inserted;
};

static struct own own_before(const struct book_share *share, const struct book_change *until)
{
    struct own own = {0};

    for (const struct book_change *c = share->first; c != NULL && c != until; c = c->next) {
        if (c->change.table != until->change.table || c->change.key != until->change.key)
            continue;
        own.added += c->change.kind == SIM_ADD ? c->change.value : 0;
        own.appended += c->change.kind == SIM_APPEND;
        own.has_inserted = own.has_inserted || c->change.kind == SIM_INSERT;
    }
    return own;
}

static bool saw_list(const struct isolation_row *row, const struct sim_change *change, const struct own *own)
{
    if (change->list_len != row->list_len + own->appended)
        return false;
    for (uint32_t i = 0; i < row->list_len; i++) {
        if (row->list[i] != change->list[i])
            return false;
    }
    return true;
}

static bool saw_committed(const struct isolation_row *row, const struct sim_change *change, const struct own *own)
{
    switch (change->table) {
    case SIM_BANK:
        return (change->kind == SIM_ADD ? change->before : change->value) == row->value + own->added;
    case SIM_LISTS:
        return saw_list(row, change, own);
    case SIM_SET:
        return change->kind == SIM_INSERT || (change->value != 0) == (row->is_there || own->has_inserted);
    }
    return true;
}

static void compare(struct sim_judge *judge, const struct sim_sight *sight, struct book_txn *txn,
                    const struct book_share *share, const struct book_change *entry)
{
    const struct sim_change *change = &entry->change;
    struct isolation_row *row = isolation_row(judge, sight->node, change->table, change->key);
    struct own own = own_before(share, entry);

    if (row->is_unsure)
        return;
    if (!saw_committed(row, change, &own)) {
        judge_fail(judge, sight, "I15", &txn->gtrid, "it read row %llu at %s, and not as the commits before it made it",
                   (unsigned long long)change->key, judge_name(judge, sight->node));
        return;
    }
    isolation_add_edge(judge, row->writer, txn, row);
    if (change->kind == SIM_HOLD) {
        struct isolation_reader *reader = sim_memory_take(&judge->memory, sizeof(*reader));

        reader->txn = txn;
        reader->next = row->readers;
        row->readers = reader;
    }
}

static void compare_new(struct sim_judge *judge, const struct sim_sight *sight, struct book_txn *txn,
                        struct book_share *share)
{
    const struct book_change *c = share->compared != NULL ? share->compared->next : share->first;

    for (; c != NULL; c = c->next)
        compare(judge, sight, txn, share, c);
    share->compared = share->last;
}

/* ---- commits ---- */

/* A row that it held or wrote over is still as it was when it voted: else somebody wrote meanwhile. */
static void apply(struct sim_judge *judge, const struct sim_sight *sight, struct book_txn *txn,
                  const struct book_share *share)
{
    for (const struct book_change *c = share->first; c != NULL; c = c->next) {
        struct isolation_row *row = isolation_row(judge, sight->node, c->change.table, c->change.key);
        struct own own = own_before(share, c);

        if (!is_write(&c->change))
            continue;
        if (!row->is_unsure && c->change.kind == SIM_APPEND && row->list_len != c->change.list_len)
            judge_fail(judge, sight, "I15", &txn->gtrid, "list %llu at %s grew by %u since it saw it",
                       (unsigned long long)c->change.key, judge_name(judge, sight->node),
                       row->list_len - c->change.list_len);
        if (own.added == 0 && own.appended == 0 && sim_share_writes(share, c->change.table, c->change.key))
            new_version(judge, row, txn, sight->seq);
        write_row(judge, row, &c->change);
    }
}

static void forget_order(struct sim_judge *judge, uint8_t node, const struct book_share *share)
{
    for (const struct book_change *c = share->first; c != NULL; c = c->next)
        isolation_row(judge, node, c->change.table, c->change.key)->is_unsure = true;
}

/* A crash in the middle of a commit: first what was decided, then what was newly prepared; one-phase commits may be
 * between the two in any order. What was counted as applied and is gone leaves its rows unknown. */
static void apply_found(struct sim_judge *judge, const struct sim_sight *sight)
{
    for (struct book_txn *txn = judge->book.txns; txn != NULL; txn = txn->next) {
        const struct book_share *share = sim_txn_share(txn, sight->node);

        if (share != NULL &&
            ((share->committed_alone != 0 && sim_share_applied(share) == sight->seq) || share->disowned == sight->seq))
            forget_order(judge, sight->node, share);
    }
    for (struct book_txn *txn = judge->book.txns; txn != NULL; txn = txn->next) {
        struct book_share *share = sim_txn_share(txn, sight->node);

        if (share != NULL && sim_share_applied(share) == sight->seq)
            apply(judge, sight, txn, share);
    }
    for (struct book_txn *txn = judge->book.txns; txn != NULL; txn = txn->next) {
        struct book_share *share = sim_txn_share(txn, sight->node);

        if (share != NULL && share->last_yes == sight->seq)
            compare_new(judge, sight, txn, share);
    }
}

static void see_store(struct sim_judge *judge, const struct sim_sight *sight)
{
    struct book_txn *txn = judge_txn(judge, sight);
    struct book_share *share = txn != NULL ? sim_txn_share(txn, sight->node) : NULL;
    bool is_done = sight->store.result == VOW_STORE_DONE || sight->store.result == VOW_STORE_READ_ONLY;

    if (share == NULL || !is_done)
        return;
    if (sight->store.op == VOW_STORE_PREPARE || sight->store.op == VOW_STORE_WORK ||
        sight->store.op == VOW_STORE_ONE_PHASE)
        compare_new(judge, sight, txn, share);
    if (sim_share_applied(share) == sight->seq)
        apply(judge, sight, txn, share);
}

/* ---- the sum ---- */

static bool is_bank(const struct sim_change *change)
{
    return change->table == SIM_BANK && (change->kind == SIM_HOLD || change->kind == SIM_IS);
}

/* Of a row that it held twice, once. */
static bool was_before(const struct book_share *share, const struct book_change *entry)
{
    for (const struct book_change *c = share->first; c != entry; c = c->next) {
        if (is_bank(&c->change) && c->change.key == entry->change.key)
            return true;
    }
    return false;
}

static void check_sum(struct sim_judge *judge, const struct sim_sight *sight, const struct book_txn *txn)
{
    int64_t sum = 0, wanted = 0;
    uint32_t read = 0, there = 0;

    for (const struct book_share *share = txn->shares; share != NULL; share = share->next) {
        for (const struct book_change *c = share->first; c != NULL; c = c->next) {
            if (is_bank(&c->change) && !was_before(share, c)) {
                sum += c->change.value;
                read++;
            }
        }
    }
    for (uint32_t i = 0; i < judge->book.accounts_len; i++) {
        if (is_bank(&judge->book.accounts[i])) {
            wanted += judge->book.accounts[i].value;
            there++;
        }
    }
    if (read == there && sum != wanted)
        judge_fail(judge, sight, "I15", &txn->gtrid, "it held all %u accounts, and they sum to %lld and not to %lld",
                   read, (long long)sum, (long long)wanted);
}

static void check_sums(struct sim_judge *judge, const struct sim_sight *sight)
{
    for (uint32_t i = 0; i < judge->book.nodes_len; i++) {
        if (judge->book.nodes[i].role == SIM_PARTICIPANT && judge->book.nodes[i].harm != 0)
            return;
    }
    /* Half of what was ended by hand may be there, or was there while others read. */
    for (const struct book_txn *txn = judge->book.txns; txn != NULL; txn = txn->next) {
        if (sim_txn_has_heuristic(txn))
            return;
    }
    for (const struct book_txn *txn = judge->book.txns; txn != NULL; txn = txn->next) {
        if (txn->is_reading && sim_txn_is_committed(txn) && !judge_is_excused(judge, txn))
            check_sum(judge, sight, txn);
    }
}

static void wrote_alone(struct sim_judge *judge, const struct sim_sight *sight)
{
    struct isolation_row *row = isolation_row(judge, sight->node, sight->change.table, sight->change.key);

    new_version(judge, row, NULL, sight->seq);
    write_row(judge, row, &sight->change);
}

void check_isolation(struct sim_judge *judge, const struct sim_sight *sight)
{
    if (sight->kind == SIM_SEEN_ENDED) {
        isolation_find_circle(judge, sight);
        check_sums(judge, sight);
        return;
    }
    if (sight->node >= judge->book.nodes_len || judge->book.nodes[sight->node].harm != 0)
        return;
    if (sight->kind == SIM_SEEN_ACCOUNT)
        begin_row(judge, sight);
    else if (sight->kind == SIM_SEEN_STORE_DONE)
        see_store(judge, sight);
    else if (sight->kind == SIM_SEEN_WROTE_ALONE)
        wrote_alone(judge, sight);
    else if (sight->kind == SIM_SEEN_DISK && judge->book.over == 0 && !sight->disk.dump->is_journal &&
             sight->disk.dump->is_readable)
        apply_found(judge, sight);
}
