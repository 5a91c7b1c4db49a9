/*
 * Heuristics on a resource (protocol 2.7). Vow's file and the resource are two places, so the record comes first: who
 * ends the branch, how and why is durable before the resource is told anything, and the next open tells it again. The
 * operation is done when the resource has answered: from then on its locks are free.
 */
#include "participant/store/resource_store.h"
#include "proto/net/clock.h"
#include "proto/net/crash.h"

static struct vow_branches_recovered record_of(const struct vow_store_op *op)
{
    return (struct vow_branches_recovered){
        .gtrid = op->gtrid,
        .branch = op->branch,
        .epoch = op->epoch,
        .heuristic = op->kind == VOW_STORE_HEURISTIC_COMMIT ? VOW_COMMIT : VOW_ABORT,
        .who = op->who,
        .why = op->why,
        .wall_us = op->wall_us,
    };
}

/* Only what is prepared: a branch that Vow's file knows has ended. */
bool heuristic_begin(struct resource_store *store, struct vow_store_op *op, enum state_row row)
{
    if (row != STATE_ROW_NONE) {
        store_end_op(store, op, VOW_STORE_NO_RECORD);
        return true;
    }
    struct item *item =
        item_new(store, &op->gtrid, op->branch, false, op->kind == VOW_STORE_HEURISTIC_COMMIT ? ASK_COMMIT : ASK_ABORT);
    if (item == NULL)
        return false;
    op->wall_us = vow_clock_wall_us();
    item->op = op;
    item->state = ITEM_NOTING;
    return true;
}

bool heuristics_are_due(const struct resource_store *store)
{
    for (const struct item *item = store->active; item != NULL; item = item->next)
        if (item->state == ITEM_NOTING)
            return true;
    return store->settles.first != NULL;
}

/* A settled one needs its tombstone, for the record is all that said so. */
static int write_settle(struct resource_store *store, struct vow_store_op *op, struct vow_error_detail *detail)
{
    enum vow_verdict verdict;
    int error = state_heuristic_get(store->file, &op->gtrid, op->branch, &verdict, detail);
    op->result = verdict != 0 ? VOW_STORE_DONE : VOW_STORE_NO_RECORD;
    if (error == 0 && verdict != 0)
        error = state_heuristic_settle(store->file, &op->gtrid, op->branch, op->verdict, detail);
    if (error != 0 || verdict != VOW_COMMIT)
        return error;
    /* A tombstone tells peers that the transaction is committed: only if it is. */
    const enum state_row row = op->verdict == VOW_COMMIT ? STATE_ROW_COMMITTED : STATE_ROW_NONE;
    struct item *mark = item_find(store->marks, &op->gtrid, op->branch);
    if (mark != NULL)
        mark->row = row;
    return state_file_set(store->file, &op->gtrid, op->branch, row, detail);
}

int heuristics_write(struct resource_store *store, struct vow_error_detail *detail)
{
    int error = 0;
    for (const struct item *item = store->active; item != NULL && error == 0; item = item->next) {
        if (item->state != ITEM_NOTING)
            continue;
        const struct vow_branches_recovered record = record_of(item->op);
        error = state_heuristic_add(store->file, &record, detail);
    }
    for (struct vow_job *job = store->settles.first; job != NULL && error == 0; job = job->next)
        error = write_settle(store, (struct vow_store_op *)job, detail);
    return error;
}

void heuristics_written(struct resource_store *store)
{
    for (struct item *item = store->active; item != NULL; item = item->next) {
        if (item->state != ITEM_NOTING)
            continue;
        VOW_CRASH("store", "mid", "HEURISTIC");
        item->state = ITEM_QUEUED;
        store->moved = true;
    }
    while (store->settles.first != NULL) {
        struct vow_store_op *op = (struct vow_store_op *)jobs_take(&store->settles);
        store_end_op(store, op, op->result);
    }
}

/* Nothing has happened, and an operator who hears that can ask again; SETTLE waits for room, like a decision. */
void heuristics_put_off(struct resource_store *store)
{
    for (struct item *item = store->active, *next; item != NULL; item = next) {
        next = item->next;
        if (item->state != ITEM_NOTING)
            continue;
        store_refuse_op(store, item->op, VOW_CAUSE_NO_SPACE, "the heuristic could not be written down");
        item->op = NULL;
        item_remove(store, item);
        item->next = NULL;
        items_free(item);
    }
}
