#include "participant/client_ids.h"

void vow_ids_connected(struct vow_ids *ids, uint64_t coord, uint32_t epoch)
{
    if (ids->coord != coord || ids->epoch != epoch)
        ids->len = 0;
    ids->coord = coord;
    ids->epoch = epoch;
    ids->asked = false;
    if (ids->target == 0)
        ids->target = VOW_IDS_IDLE;
}

void vow_ids_granted(struct vow_ids *ids, const struct vow_msg_ids *grant, uint32_t waiting, uint64_t now_ms)
{
    ids->asked = false;
    if (grant->epoch != ids->epoch)
        return;
    /* The stock ran out before the grant came: a larger one next time. */
    if (waiting > 0 && ids->target < VOW_IDS_MAX)
        ids->target *= 2;
    for (uint32_t i = 0; i < grant->count && ids->len < VOW_IDS_STOCK; i++) {
        unsigned at = (ids->first + ids->len++) % VOW_IDS_STOCK;

        ids->stock[at].seq = grant->first_seq + i;
        ids->stock[at].rand = grant->rand[i];
        ids->stock[at].received_ms = now_ms;
    }
}

bool vow_ids_take(struct vow_ids *ids, uint64_t now_ms, uint8_t flags, struct vow_gtrid *gtrid)
{
    while (ids->len > 0) {
        unsigned at = ids->first;

        ids->first = (at + 1) % VOW_IDS_STOCK;
        ids->len--;
        if (now_ms - ids->stock[at].received_ms < VOW_IDS_LIFE_MS) {
            *gtrid = vow_gtrid_make(ids->coord, ids->epoch, ids->stock[at].seq, flags, ids->stock[at].rand);
            return true;
        }
        /* Nobody wanted it for so long: a smaller stock will do. */
        ids->target = VOW_IDS_IDLE;
    }
    return false;
}

uint32_t vow_ids_wanted(const struct vow_ids *ids, uint32_t waiting)
{
    uint32_t goal = ids->target + waiting;

    if (ids->asked || ids->len >= goal || (waiting == 0 && ids->len >= ids->target / 2))
        return 0;
    return goal - ids->len < VOW_IDS_MAX ? goal - ids->len : VOW_IDS_MAX;
}
