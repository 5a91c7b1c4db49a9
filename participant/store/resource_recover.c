/* What a resource holds at open, compared with what Vow's file says of it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "participant/store/resource_store.h"

/* One branch of the list. */
struct found {
    struct vow_gtrid gtrid; /* first: the list is sorted by it, then by branch */
    uint32_t branch;
    bool is_one_phase;
    enum vow_found found;
};

struct recovery {
    struct vow_recovery handle; /* first */
    struct found *list;
    size_t len, room;
};

int vow_recovered(struct vow_recovery *recovery, const char *branch, enum vow_found found)
{
    if (recovery == NULL || branch == NULL || (found != VOW_FOUND_PREPARED && found != VOW_FOUND_COMMITTED))
        return VOW_E_ARGUMENT;
    return recovery->list(recovery, branch, found);
}

static int list(struct vow_recovery *handle, const char *branch, enum vow_found state)
{
    struct recovery *recovery = (struct recovery *)handle;
    struct found found = {.found = state};
    if (!word_read(branch, &found.gtrid, &found.branch, &found.is_one_phase))
        return VOW_E_DAMAGED;
    if (recovery->len == recovery->room) {
        const size_t room = recovery->room == 0 ? 64 : 2 * recovery->room;
        struct found *longer = realloc(recovery->list, room * sizeof(*longer));
        if (longer == NULL)
            return VOW_E_NO_MEMORY;
        recovery->list = longer;
        recovery->room = room;
    }
    recovery->list[recovery->len++] = found;
    return 0;
}

/* ---- one branch ---- */

static int damaged(struct vow_error_detail *detail, const struct found *found, const char *why)
{
    char word[VOW_BRANCH_WORD_SIZE];
    word_make(&found->gtrid, found->branch, found->is_one_phase, word);
    detail->error = VOW_E_DAMAGED;
    snprintf(detail->text, sizeof(detail->text), "branch %s: %s", word, why);
    return VOW_E_DAMAGED;
}

static struct item *add(struct resource_store *store, const struct found *found, enum ask ask)
{
    return item_new(store, &found->gtrid, found->branch, found->is_one_phase, ask);
}

/* Nobody but Vow decides a one-phase commit: by its memo, or else it was not decided. */
static int take_one_phase(struct resource_store *store, const struct found *found, enum state_row row,
                          struct vow_error_detail *detail)
{
    if (row == STATE_ROW_MEMO || row == STATE_ROW_COMMITTED)
        return damaged(detail, found, "the resource has lost its commit: restore its data");
    return add(store, found, row == STATE_ROW_DECIDED ? ASK_COMMIT : ASK_ABORT) != NULL ? 0 : VOW_E_NO_MEMORY;
}

static bool is_below_watermark(const struct resource_store *store, const struct vow_gtrid *gtrid)
{
    return vow_gtrid_coord(gtrid) == store->identity.coord && vow_gtrid_below(gtrid, store->identity.watermark);
}

/* Its record goes when Vow's own is durable. A row that is gone was not needed any more; nor is one of what was
 * committed by hand against an abort: peers would take it for a decision (F056). */
static int take_committed(struct resource_store *store, const struct found *found, enum state_row row,
                          struct vow_error_detail *detail)
{
    enum vow_verdict decided;
    const int error = state_heuristic_decided(store->file, &found->gtrid, found->branch, &decided, detail);
    if (error != 0)
        return error;
    struct item *item = add(store, found, ASK_COMMIT);
    if (item == NULL)
        return VOW_E_NO_MEMORY;
    if (found->is_one_phase)
        item_mark(store, item, row == STATE_ROW_DECIDED ? STATE_ROW_MEMO : row, 0);
    else if (row == STATE_ROW_NONE && (decided == VOW_ABORT || is_below_watermark(store, &found->gtrid)))
        item_mark(store, item, STATE_ROW_NONE, 0);
    else
        item_mark(store, item, STATE_ROW_COMMITTED, 0);
    return 0;
}

/* One that was ended heuristically, and the resource was not told or had not done it: it is told again. Its record
 * speaks for it to the core. */
static int take_prepared(struct resource_store *store, const struct found *found, vow_store_recovered_fn *each,
                         void *ctx, struct vow_error_detail *detail)
{
    enum vow_verdict heuristic;
    const int error = state_heuristic_get(store->file, &found->gtrid, found->branch, &heuristic, detail);
    if (error != 0)
        return error;
    if (heuristic != 0)
        return add(store, found, heuristic == VOW_COMMIT ? ASK_COMMIT : ASK_ABORT) != NULL ? 0 : VOW_E_NO_MEMORY;
    char *peers = state_peers_get(store->file, &found->gtrid, found->branch);
    store->has_peers = store->has_peers || peers != NULL;
    const int said = each(ctx, &(struct vow_branches_recovered){.gtrid = found->gtrid,
                                                                .branch = found->branch,
                                                                .epoch = vow_gtrid_epoch(&found->gtrid),
                                                                .peers = peers});
    free(peers);
    return said;
}

static int take(struct resource_store *store, const struct found *found, vow_store_recovered_fn *each, void *ctx,
                struct vow_error_detail *detail)
{
    enum state_row row;
    int error = state_file_get(store->file, &found->gtrid, found->branch, &row, detail);
    if (error != 0)
        return error;
    if (found->found == VOW_FOUND_COMMITTED)
        return take_committed(store, found, row, detail);
    if (found->is_one_phase)
        return take_one_phase(store, found, row, detail);
    if (row != STATE_ROW_NONE)
        return damaged(detail, found, "the resource has lost its commit: restore its data");
    return take_prepared(store, found, each, ctx, detail);
}

/* ---- all of them ---- */

static int compare(const void *a, const void *b)
{
    const struct found *left = a, *right = b;
    const int order = memcmp(&left->gtrid, &right->gtrid, sizeof(left->gtrid));
    if (order != 0)
        return order;
    return left->branch < right->branch ? -1 : left->branch > right->branch;
}

static int take_all(struct resource_store *store, const struct recovery *recovery, vow_store_recovered_fn *each,
                    void *ctx, struct vow_error_detail *detail)
{
    int error = 0;
    if (recovery->len > 0 && store->identity.incarnation == 1)
        return damaged(detail, &recovery->list[0],
                       "the resource holds it, but Vow's file is new: restore the file that belongs to the resource");
    for (size_t i = 0; i < recovery->len && error == 0; i++) {
        if (i > 0 && compare(&recovery->list[i - 1], &recovery->list[i]) == 0)
            return damaged(detail, &recovery->list[i], "recover has listed it twice");
        error = take(store, &recovery->list[i], each, ctx, detail);
    }
    return error;
}

/* A decided one that the resource did not list is committed again: from its record it must know that it is done. */
static int commit_again(void *ctx, const struct vow_gtrid *gtrid, uint32_t branch)
{
    struct resource_store *store = ctx;
    if (item_find(store->active, gtrid, branch) != NULL || item_find(store->marks, gtrid, branch) != NULL)
        return 0;
    return item_new(store, gtrid, branch, true, ASK_COMMIT) != NULL ? 0 : VOW_E_NO_MEMORY;
}

int resource_recover(void *ctx, vow_store_recovered_fn *each, void *each_ctx, struct vow_error_detail *detail)
{
    struct resource_store *store = ctx;
    struct recovery recovery = {.handle = {list}};
    const int said = store->resource.recover(store->resource.ctx, &recovery.handle);
    int error = said;
    *detail = (struct vow_error_detail){.error = 0};
    if (said != 0 && said != VOW_E_NO_MEMORY) {
        error = detail->error = VOW_E_DAMAGED;
        snprintf(detail->text, sizeof(detail->text), "the resource's recover returned %d: its records cannot be read",
                 said);
    }
    if (error == 0 && recovery.len > 0)
        qsort(recovery.list, recovery.len, sizeof(recovery.list[0]), compare);
    if (error == 0)
        error = take_all(store, &recovery, each, each_ctx, detail);
    if (error == 0)
        error = state_file_each_decided(store->file, commit_again, store, detail);
    if (error == 0)
        error = state_heuristic_each(store->file, each, each_ctx, detail);
    free(recovery.list);
    store->failed = error != 0; /* what close() would write down may be wrong */
    return error;
}
