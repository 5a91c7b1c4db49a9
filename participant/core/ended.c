/*
 * The ring of ended ids. A branch that has ended is out of memory; a duplicate of its PREPARE that comes later would
 * look like new work. The store knows committed branches by their tombstones, and nothing of the aborted ones: this
 * ring does. It is not durable and the oldest ids fall out: beyond it stand the incarnation, the epoch and the
 * watermark.
 */
#include <string.h>

#include "participant/core/core.h"

void branch_ended_init(struct vow_branches *core)
{
    vow_gtrid_table_init(&core->ended_table, core->limits.ended_max);
    for (uint32_t i = 0; i < core->limits.ended_max; i++)
        core->ended[i] = (struct vow_branch_ended){.end = 0};
    core->ended_at = 0;
}

const struct vow_branch_ended *branch_ended_find(const struct vow_branches *core, const struct vow_gtrid *gtrid)
{
    const uint32_t slot = vow_gtrid_table_find(&core->ended_table, gtrid);
    return slot != BRANCH_NONE ? &core->ended[slot] : NULL;
}

enum vow_cause branch_ended_cause(const struct vow_branch_ended *ended)
{
    const enum vow_cause cause = (enum vow_cause)ended->cause;
    return ended->end == VOW_BRANCH_END_ABORTED && cause != VOW_CAUSE_NONE ? cause : VOW_CAUSE_TOO_LATE;
}

static void forget(struct vow_branches *core, uint32_t slot)
{
    const struct vow_branch_ended *ended = &core->ended[slot];
    vow_gtrid_table_remove(&core->ended_table, slot);
    if (ended->dropped && memcmp(&ended->gtrid, &core->dropped_floor, sizeof(ended->gtrid)) > 0)
        core->dropped_floor = ended->gtrid;
}

void branch_ended_remember(struct vow_branches *core, const struct vow_gtrid *gtrid, enum vow_branch_end end,
                           enum vow_cause cause)
{
    if (vow_gtrid_table_find(&core->ended_table, gtrid) != BRANCH_NONE)
        return;
    const uint32_t slot = core->ended_at;
    core->ended_at = (slot + 1) % core->limits.ended_max;
    if (core->ended[slot].end != 0)
        forget(core, slot);
    core->ended[slot] = (struct vow_branch_ended){.gtrid = *gtrid, .end = (uint8_t)end, .cause = (uint8_t)cause};
    vow_gtrid_table_add(&core->ended_table, slot);
}

void branch_ended_remember_dropped(struct vow_branches *core, const struct vow_gtrid *gtrid, enum vow_cause cause)
{
    branch_ended_remember(core, gtrid, VOW_BRANCH_END_ABORTED, cause);
    core->ended[vow_gtrid_table_find(&core->ended_table, gtrid)].dropped = true;
}

bool branch_ended_may_be_dropped(const struct vow_branches *core, const struct vow_gtrid *gtrid)
{
    return memcmp(gtrid, &core->dropped_floor, sizeof(*gtrid)) <= 0;
}
