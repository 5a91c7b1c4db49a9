#include "coordinator/core/ids.h"

#include <stdbool.h>
#include <string.h>

#include "proto/assert.h"

void coord_ids_init(struct coord_ids *ids, const struct vow_coord_identity *identity, uint32_t window)
{
    ids->identity = *identity;
    ids->window = window;
    ids->floor = ids->next = ids->mark = ids->lowest_fresh = 1;
    ids->rotate_at_ms = 0;
    memset(ids->used, 0, window / 8);
}

static bool is_used(const struct coord_ids *ids, uint64_t seq)
{
    uint64_t bit = seq % ids->window;

    return (ids->used[bit / 64] >> (bit % 64) & 1) != 0;
}

static void mark_used(struct coord_ids *ids, uint64_t seq, bool used)
{
    uint64_t bit = seq % ids->window;
    uint64_t mask = UINT64_C(1) << (bit % 64);

    if (used)
        ids->used[bit / 64] |= mask;
    else
        ids->used[bit / 64] &= ~mask;
}

/* Each id is passed once: constant time per id over the life of the process. */
static void pass_used(struct coord_ids *ids)
{
    if (ids->lowest_fresh < ids->floor)
        ids->lowest_fresh = ids->floor;
    while (ids->lowest_fresh < ids->next && is_used(ids, ids->lowest_fresh))
        ids->lowest_fresh++;
}

void coord_ids_expire(struct coord_ids *ids, uint64_t now_ms, uint32_t timeout_ms)
{
    if (ids->rotate_at_ms == 0) {
        ids->rotate_at_ms = now_ms + timeout_ms;
        return;
    }
    /* After two turns everything granted before is void: a long sleep needs no more. */
    for (int turn = 0; turn < 2 && now_ms >= ids->rotate_at_ms; turn++) {
        if (ids->floor < ids->mark)
            ids->floor = ids->mark;
        ids->mark = ids->next;
        ids->rotate_at_ms += timeout_ms;
    }
    if (now_ms >= ids->rotate_at_ms)
        ids->rotate_at_ms = now_ms + timeout_ms;
    pass_used(ids);
}

uint64_t coord_ids_grant(struct coord_ids *ids, uint32_t count, uint64_t *rand)
{
    uint64_t first = ids->next;

    VOW_ASSERT(count >= 1 && count <= ids->window && first + count <= VOW_SEQ_MAX);
    ids->next += count;
    /* Over the window, the oldest are void. Those in flight are in the table and need no bit. */
    if (ids->next - ids->floor > ids->window)
        ids->floor = ids->next - ids->window;
    for (uint32_t i = 0; i < count; i++) {
        mark_used(ids, first + i, false);
        rand[i] = vow_gtrid_mac(ids->identity.secret, ids->identity.coord, ids->identity.epoch, first + i);
    }
    pass_used(ids);
    return first;
}

enum coord_id_class coord_ids_class(const struct coord_ids *ids, const struct vow_gtrid *gtrid)
{
    const struct vow_coord_identity *self = &ids->identity;
    uint64_t seq = vow_gtrid_seq(gtrid);

    if (vow_gtrid_coord(gtrid) != self->coord)
        return COORD_ID_FOREIGN;
    /* The secret is drawn at each start, so the rand of an earlier epoch cannot be checked, and need not be. */
    if (vow_gtrid_epoch(gtrid) < self->epoch)
        return COORD_ID_OLDER;
    if (vow_gtrid_epoch(gtrid) > self->epoch || seq == 0 || seq >= ids->next ||
        vow_gtrid_rand(gtrid) != vow_gtrid_mac(self->secret, self->coord, self->epoch, seq))
        return COORD_ID_FORGED;
    return seq < ids->floor || is_used(ids, seq) ? COORD_ID_USED : COORD_ID_FRESH;
}

void coord_ids_use(struct coord_ids *ids, const struct vow_gtrid *gtrid)
{
    uint64_t seq = vow_gtrid_seq(gtrid);

    VOW_ASSERT(seq >= ids->floor && seq < ids->next && !is_used(ids, seq));
    mark_used(ids, seq, true);
    pass_used(ids);
}
