#include <stdlib.h>
#include <string.h>

#include "chaos/export/export.h"
#include "chaos/kill/memory.h"

static struct export_txn *add(struct export_txns *txns)
{
    if (txns->len == txns->size) {
        txns->size = txns->size > 0 ? 2 * txns->size : 64;
        txns->of = real_need(realloc(txns->of, txns->size * sizeof(*txns->of)));
    }
    txns->of[txns->len] = (struct export_txn){.id = 0};
    return &txns->of[txns->len++];
}

static void add_access(struct export_txn *txn, const struct measure_record *record)
{
    if (txn->accesses_len == txn->accesses_size) {
        txn->accesses_size = txn->accesses_size > 0 ? 2 * txn->accesses_size : 8;
        txn->accesses = real_need(realloc((void *)txn->accesses, txn->accesses_size * sizeof(struct measure_record *)));
    }
    txn->accesses[txn->accesses_len++] = record;
}

static enum export_end end_of(const struct measure_op *op)
{
    if (op->end_us == 0)
        return EXPORT_INFO;
    if (measure_is_done(op->outcome))
        return EXPORT_OK;
    return measure_is_undone(op->outcome) || op->outcome == MEASURE_REJECTED ? EXPORT_FAIL : EXPORT_INFO;
}

static void take_ops(const struct measure_run *run, struct export_txns *txns, size_t *at)
{
    for (size_t i = 0; i < run->ops_len; i++) {
        const struct measure_op *op = &run->ops[i];
        if (op->id == 0)
            continue;
        struct export_txn *txn = add(txns);
        txn->id = op->id;
        txn->begin_us = op->start_us;
        txn->end_us = op->end_us;
        txn->end = end_of(op);
        at[op->id] = txns->len;
    }
}

/* What undoes a saga is done step by step, for all to see, and is told as what it is: a write of its own. */
static void take_compensation(const struct measure_record *record, struct export_txns *txns)
{
    struct export_txn *txn = add(txns);

    txn->id = record->id;
    txn->begin_us = txn->end_us = record->t_us;
    txn->end = EXPORT_OK;
    add_access(txn, record);
}

/* Of an order that the load did not live to tell of, nobody knows more than what it has done. */
static struct export_txn *txn_of(const struct measure_record *record, struct export_txns *txns, size_t *at)
{
    if (at[record->id] == 0) {
        struct export_txn *txn = add(txns);
        txn->id = record->id;
        txn->begin_us = record->t_us;
        txn->end = EXPORT_INFO;
        at[record->id] = txns->len;
    }
    return &txns->of[at[record->id] - 1];
}

static void take_accesses(const struct measure_run *run, struct export_txns *txns, size_t *at)
{
    for (size_t i = 0; i < run->records_len; i++) {
        const struct measure_record *record = &run->records[i];
        if (record->what == MEASURE_WRITE && record->is_compensation)
            take_compensation(record, txns);
        else if (record->what == MEASURE_READ || record->what == MEASURE_WRITE)
            add_access(txn_of(record, txns, at), record);
    }
}

static int compare(const void *left, const void *right)
{
    const struct export_txn *a = left, *b = right;

    if (a->begin_us != b->begin_us)
        return (a->begin_us > b->begin_us) - (a->begin_us < b->begin_us);
    return (a->id > b->id) - (a->id < b->id);
}

static void leave_out_empty(struct export_txns *txns)
{
    size_t len = 0;

    for (size_t i = 0; i < txns->len; i++)
        if (txns->of[i].accesses_len > 0)
            txns->of[len++] = txns->of[i];
    txns->len = len;
}

/* Whoever has no end is under way until the last of all. */
static void find_end(struct export_txns *txns, uint64_t end_us)
{
    txns->end_us = end_us;
    for (size_t i = 0; i < txns->len; i++)
        txns->end_us = txns->of[i].end_us > txns->end_us ? txns->of[i].end_us : txns->end_us;
    for (size_t i = 0; i < txns->len; i++)
        if (txns->of[i].end == EXPORT_INFO)
            txns->of[i].end_us = txns->end_us;
}

struct export_txns export_txns_of(const struct measure_run *run)
{
    struct export_txns txns = {.len = 0};
    size_t *at = real_need(calloc(measure_names_len(run->names) + 1, sizeof(*at)));

    take_ops(run, &txns, at);
    take_accesses(run, &txns, at);
    free(at);
    leave_out_empty(&txns);
    if (txns.len > 0)
        qsort(txns.of, txns.len, sizeof(*txns.of), compare);
    find_end(&txns, run->end_us);
    return txns;
}

void export_txns_free(struct export_txns *txns)
{
    for (size_t i = 0; i < txns->len; i++)
        free((void *)txns->of[i].accesses);
    free(txns->of);
    *txns = (struct export_txns){.len = 0};
}
