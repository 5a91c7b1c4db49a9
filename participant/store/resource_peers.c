/* The resource store for peers in doubt: protocol 2.6. */
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
