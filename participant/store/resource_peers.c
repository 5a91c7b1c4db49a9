/* The resource store for peers in doubt: protocol 2.6. */
#include <stdlib.h>
#include <string.h>

#include "participant/store/resource_store.h"

/* Committed in two phases, and the tombstone not written down yet: the resource's own record is as good. */
static bool is_marked(const struct resource_store *store, const struct vow_gtrid *gtrid)
{
    for (const struct item *mark = store->marks; mark != NULL; mark = mark->next)
        if (mark->row == STATE_ROW_COMMITTED && vow_gtrid_equal(&mark->gtrid, gtrid))
            return true;
    return false;
}

/* What cannot be read now is no record: that says nothing, and the peer asks again. */
void resource_recall(struct resource_store *store, struct vow_store_op *op)
{
    struct vow_error_detail detail;
    bool found = is_marked(store, &op->gtrid);
    if (!found && state_file_has_tombstone(store->file, &op->gtrid, &found, &detail) != 0)
        found = false;
    op->result = found ? VOW_STORE_DONE : VOW_STORE_NO_RECORD;
}

/* ---- whom to ask ---- */

/* To be written, or (NULL) removed, with what is written next. */
struct peers_row {
    struct peers_row *next;
    struct vow_gtrid gtrid;
    uint32_t branch;
    char *peers;
};

static void add_row(struct resource_store *store, const struct vow_gtrid *gtrid, uint32_t branch, const char *peers)
{
    struct peers_row *row = calloc(1, sizeof(*row)), **end = &store->peers;
    if (row == NULL)
        return;
    row->gtrid = *gtrid;
    row->branch = branch;
    row->peers = peers != NULL ? strdup(peers) : NULL;
    while (*end != NULL)
        end = &(*end)->next;
    *end = row;
}

void resource_keep_peers(struct resource_store *store, const struct vow_store_op *op)
{
    if (op->kind != VOW_STORE_PREPARE || op->peers == NULL)
        return;
    add_row(store, &op->gtrid, op->branch, op->peers);
    store->has_peers = true;
}

void resource_drop_peers(struct resource_store *store, const struct item *item)
{
    if (store->has_peers && !item->is_one_phase)
        add_row(store, &item->gtrid, item->branch, NULL);
}

int resource_write_peers(struct resource_store *store, struct vow_error_detail *detail)
{
    int error = 0;
    for (const struct peers_row *row = store->peers; row != NULL && error == 0; row = row->next)
        error = state_peers_set(store->file, &row->gtrid, row->branch, row->peers, detail);
    return error;
}

void resource_forget_peers(struct resource_store *store)
{
    while (store->peers != NULL) {
        struct peers_row *row = store->peers;
        store->peers = row->next;
        free(row->peers);
        free(row);
    }
}
