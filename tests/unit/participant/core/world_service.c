/* The service of the world, which joins, and the client, whom not every receipt reaches. */
#include "world_inside.h"

void service_join(struct world *w, struct txn *txn)
{
    /* One at a time for each id: the driver sees to it. */
    if (!txn->joined || txn->joining)
        return;
    txn->joining = true;
    feed_join(&w->f, txn->gtrid);
    world_carry_out(w);
}

void service_hear(struct world *w, const struct vow_branches_effect *effect)
{
    struct txn *txn = world_txn(w, &effect->joined.gtrid);
    world_check(w, txn->joining, "answered a join that nobody asked for");
    txn->joining = false;
    if (effect->joined.error != 0)
        return;
    world_check(w, effect->joined.ops == txn->ops, "a receipt that the store does not bear out");
    if (w->is_calm || world_chance(w, 90))
        txn->counted++;
}
