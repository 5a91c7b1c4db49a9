/*
 * The null store: keeps nothing and agrees to everything, to measure the coordinator alone. Its incarnation is the time
 * of its start, as nothing counts it up.
 */
#include <stdlib.h>
#include <string.h>

#include "participant/store/store.h"
#include "proto/net/clock.h"

struct null_store {
    struct vow_store_identity identity;
    struct vow_store_stats stats;
};

static void identity(void *ctx, struct vow_store_identity *out)
{
    *out = ((struct null_store *)ctx)->identity;
}

static int recover(void *ctx, vow_store_recovered_fn *each, void *each_ctx, struct vow_error_detail *detail)
{
    (void)ctx, (void)each, (void)each_ctx, (void)detail;
    return 0;
}

static int run(void *ctx, struct vow_job **jobs, struct vow_error_detail *detail)
{
    (void)detail;
    struct null_store *store = ctx;
    for (struct vow_job *job = *jobs; job != NULL; job = job->next) {
        struct vow_store_op *op = (struct vow_store_op *)job;
        const bool asks = op->kind == VOW_STORE_MEMO || op->kind == VOW_STORE_RECALL;
        op->result = asks ? VOW_STORE_NO_RECORD : VOW_STORE_DONE;
        if (op->kind == VOW_STORE_STEP)
            op->step->outcome = VOW_STEP_DONE;
        if (op->kind == VOW_STORE_EVENT)
            op->delivery->outcome = VOW_EVENT_DONE;
        if (op->kind == VOW_STORE_WORK && op->work(op->work_ctx, &op->gtrid, NULL, &op->cause, op->text) != 0)
            op->result = VOW_STORE_REFUSED;
        store->stats.ops++;
    }
    if (*jobs != NULL)
        store->stats.commits++;
    return 0;
}

static void stats(void *ctx, struct vow_store_stats *out)
{
    *out = ((struct null_store *)ctx)->stats;
}

static const struct vow_store_ops null_ops = {
    .name = "null", .identity = identity, .recover = recover, .run = run, .stats = stats, .close = free};

int vow_store_null_open(const struct vow_store_ops **ops, void **out)
{
    struct null_store *store = calloc(1, sizeof(*store));
    if (store == NULL)
        return VOW_E_NO_MEMORY;
    store->identity.incarnation = vow_clock_wall_us();
    *ops = &null_ops;
    *out = store;
    return 0;
}
