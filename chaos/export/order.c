/* Ops in the order of their times. A process does one thing after another, as Jepsen's do; as many as are needed. */
#include <stdlib.h>

#include "chaos/export/export.h"
#include "chaos/kill/memory.h"

static int compare(const void *left, const void *right)
{
    const struct export_op *a = left, *b = right;

    if (a->t_us != b->t_us)
        return (a->t_us > b->t_us) - (a->t_us < b->t_us);
    /* Of one that begins when another ends nobody knows which came first: then they are not one before the other. And
     * one that begins and ends in a moment begins before. */
    if (a->is_invoke != b->is_invoke)
        return a->is_invoke ? -1 : 1;
    return (a->txn > b->txn) - (a->txn < b->txn);
}

struct processes {
    bool *is_busy;
    uint32_t len, size;
};

static uint32_t take(struct processes *processes)
{
    uint32_t process = 0;

    while (process < processes->len && processes->is_busy[process])
        process++;
    if (process == processes->size) {
        processes->size = processes->size > 0 ? 2 * processes->size : 16;
        processes->is_busy = real_need(realloc(processes->is_busy, processes->size * sizeof(bool)));
    }
    processes->len = process == processes->len ? process + 1 : processes->len;
    processes->is_busy[process] = true;
    return process;
}

struct export_op *export_order(const struct export_txns *txns, size_t *len)
{
    struct processes processes = {.len = 0};
    struct export_op *ops = real_need(calloc(2 * txns->len + 1, sizeof(*ops)));
    uint32_t *process_of = real_need(calloc(txns->len + 1, sizeof(*process_of)));

    *len = 2 * txns->len;
    for (size_t i = 0; i < txns->len; i++) {
        ops[2 * i] = (struct export_op){.txn = &txns->of[i], .is_invoke = true, .t_us = txns->of[i].begin_us};
        ops[2 * i + 1] = (struct export_op){.txn = &txns->of[i], .t_us = txns->of[i].end_us};
    }
    qsort(ops, *len, sizeof(*ops), compare);
    for (size_t i = 0; i < *len; i++) {
        uint32_t *process = &process_of[ops[i].txn - txns->of];
        if (ops[i].is_invoke)
            *process = take(&processes);
        else if (ops[i].txn->end != EXPORT_INFO)
            processes.is_busy[*process] = false;
        ops[i].process = *process;
    }
    free(processes.is_busy);
    free(process_of);
    return ops;
}
