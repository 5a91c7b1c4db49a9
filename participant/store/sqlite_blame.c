/*
 * Who stands in others' way: how many operations a branch's locks have refused so far. What waits ends by itself after
 * lock_wait_ms; so an operator who looks at a branch that has been in doubt for an hour would see nobody wait, though
 * all of its rows' other work has failed.
 */
#include "participant/store/sqlite_store.h"

static struct blame *slot(const struct store *store, const struct vow_gtrid *gtrid)
{
    return (struct blame *)&store->blames[vow_gtrid_hash(gtrid) % BLAME_SLOTS];
}

void blame_add(struct store *store, const struct vow_gtrid *gtrid)
{
    struct blame *blame = slot(store, gtrid);
    if (!vow_gtrid_equal(&blame->gtrid, gtrid))
        *blame = (struct blame){.gtrid = *gtrid};
    blame->refused++;
}

uint64_t blame_of(const struct store *store, const struct vow_gtrid *gtrid)
{
    const struct blame *blame = slot(store, gtrid);
    return vow_gtrid_equal(&blame->gtrid, gtrid) ? blame->refused : 0;
}
