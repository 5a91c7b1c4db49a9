/* What the resource store writes into Vow's file, as few transactions as may be: protocol 1.1 counts what is forced. */
#include <stdio.h>
#include <stdlib.h>

#include "participant/store/resource_store.h"
#include "proto/net/crash.h"
#include "proto/net/log.h"

/* Marks become durable together: after this time, or when there are this many. */
#define MARKS_MS 100u
#define MARKS_MAX 256u
/* After a full disk. */
#define AGAIN_MS 1000u

static bool is_deciding(const struct resource_store *store)
{
    for (const struct item *item = store->active; item != NULL; item = item->next)
        if (item->state == ITEM_DECIDING)
            return true;
    return false;
}

static bool marks_are_due(const struct resource_store *store, uint64_t now_ms, bool all)
{
    if (store->marks == NULL)
        return false;
    return all || store->marks_len >= MARKS_MAX || now_ms - store->marks_since_ms >= MARKS_MS;
}

/* ---- FORGET and WATERMARK ---- */

/* A memo becomes a tombstone, which keeps late duplicates away until the watermark passes it. First the resource must
 * have committed, and Vow have written that down. */
static int write_forget(struct resource_store *store, const struct vow_store_op *op, struct vow_error_detail *detail)
{
    struct item *item = item_find(store->marks, &op->gtrid, op->branch);
    enum state_row row;
    if (item != NULL && item->is_one_phase) {
        item->row = item->row == STATE_ROW_MEMO ? STATE_ROW_COMMITTED : item->row;
        return 0;
    }
    item = item_find(store->active, &op->gtrid, op->branch);
    if (item != NULL && item->is_one_phase) {
        item->drops_memo = true;
        return 0;
    }
    int error = state_heuristic_remove(store->file, &op->gtrid, op->branch, detail);
    if (error == 0)
        error = state_file_get(store->file, &op->gtrid, op->branch, &row, detail);
    if (error != 0 || row != STATE_ROW_MEMO)
        return error;
    return state_file_set(store->file, &op->gtrid, op->branch, STATE_ROW_COMMITTED, detail);
}

static int write_lazy(struct resource_store *store, struct vow_error_detail *detail)
{
    int error = 0;
    for (struct vow_job *job = store->lazy.first; job != NULL && error == 0; job = job->next) {
        const struct vow_store_op *op = (const struct vow_store_op *)job;
        if (op->kind == VOW_STORE_FORGET)
            error = write_forget(store, op, detail);
        else
            error = state_file_set_watermark(store->file, op->coord, op->epoch, op->watermark, detail);
    }
    return error;
}

static void end_lazy(struct resource_store *store)
{
    while (store->lazy.first != NULL) {
        struct vow_job *job = jobs_take(&store->lazy);
        ((struct vow_store_op *)job)->result = VOW_STORE_DONE;
        store->stats.ops++;
        jobs_add(&store->done, job);
    }
}

/* ---- decisions and marks ---- */

static int write_items(struct resource_store *store, bool marks, struct vow_error_detail *detail)
{
    int error = 0;
    for (const struct item *item = store->active; item != NULL && error == 0; item = item->next)
        if (item->state == ITEM_DECIDING)
            error = state_file_set(store->file, &item->gtrid, item->branch, STATE_ROW_DECIDED, detail);
    for (const struct item *item = marks ? store->marks : NULL; item != NULL && error == 0; item = item->next)
        error = state_file_set(store->file, &item->gtrid, item->branch, item->row, detail);
    return error;
}

/* From here on the one-phase commit stands; the resource is told. */
static void end_deciding(struct resource_store *store)
{
    for (struct item *item = store->active; item != NULL; item = item->next) {
        if (item->state != ITEM_DECIDING)
            continue;
        item->state = ITEM_QUEUED;
        item->ask = ASK_COMMIT;
        store->moved = true;
    }
}

static void end_marks(struct resource_store *store)
{
    VOW_CRASH("store", "before", "FORGET");
    for (const struct item *item = store->marks; item != NULL; item = item->next)
        store->resource.forget(store->resource.ctx, item->word);
    VOW_CRASH("store", "after", "FORGET");
    items_free(store->marks);
    store->marks = NULL;
    store->marks_len = 0;
}

/* ---- one transaction ---- */

/* All or nothing; durable if there is a decision, a heuristic or a mark in it. */
static int write_all(struct resource_store *store, bool forced, bool marks, struct vow_error_detail *detail)
{
    int error = state_file_begin(store->file, forced || marks, detail);
    /* FORGET first: it may change what a mark says. */
    if (error == 0)
        error = write_lazy(store, detail);
    if (error == 0)
        error = write_items(store, marks, detail);
    if (error == 0)
        error = resource_write_peers(store, detail);
    if (error == 0)
        error = heuristics_write(store, detail);
    if (error == 0)
        error = state_file_commit(store->file, detail);
    return error;
}

/* No space: nothing of it is written. What is not decided can still be refused; the rest waits (F102). */
static void put_off(struct resource_store *store, uint64_t now_ms, const struct vow_error_detail *detail)
{
    VOW_LOG(VOW_LOG_WARN, "resource_file_not_written", VOW_STR("why", detail->text), VOW_NUM("next_ms", AGAIN_MS));
    store->rows_due_ms = now_ms + AGAIN_MS;
    heuristics_put_off(store);
    for (struct item *item = store->active; item != NULL; item = item->next) {
        if (item->state != ITEM_DECIDING)
            continue;
        item->state = ITEM_QUEUED;
        item->ask = ASK_ABORT;
        item->is_undone = true;
        store->moved = true;
    }
}

void rows_write(struct resource_store *store, uint64_t now_ms, bool all)
{
    struct vow_error_detail detail;
    const bool deciding = is_deciding(store);
    const bool is_put_off = !all && store->rows_due_ms > now_ms;
    const bool heuristics = heuristics_are_due(store) && !is_put_off;
    const bool marks = marks_are_due(store, now_ms, all) && !is_put_off;
    if (store->failed ||
        !(deciding || heuristics || marks || ((store->lazy.first != NULL || store->peers != NULL) && !is_put_off)))
        return;
    const int error = write_all(store, deciding || heuristics, marks, &detail);
    resource_forget_peers(store);
    if (error == VOW_E_BUSY) {
        put_off(store, now_ms, &detail);
        return;
    }
    if (error != 0) {
        store_break(store, error, "%s", detail.text);
        return;
    }
    store->stats.commits++;
    VOW_CRASH("store", "mid", deciding ? "ONE_PHASE" : "LAZY");
    end_lazy(store);
    heuristics_written(store);
    if (marks)
        end_marks(store);
    if (deciding)
        end_deciding(store);
}
