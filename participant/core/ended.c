/*
 * The ring of ended ids. A branch that has ended is out of memory; a duplicate of its PREPARE that comes later would
 * look like new work. The store knows committed branches by their tombstones, and nothing of the aborted ones: this
 * ring does. It is not durable and the oldest ids fall out: beyond it stand the incarnation, the epoch, the watermark
 * and the ordinals (ordinals.c).
 *
 * A peer in doubt that asks (protocol 2.6) is told ABORTED on the strength of this ring, so each abort in it says how
 * sure it is. What fell out of the ring leaves floors behind: at or below `forgotten_floor` a NO may be the second
 * vote of a branch whose first is forgotten, so it proves nothing; at or below `told_floor` a peer may have been told
 * of a NO, so there is never another vote; at or below `missing_floor` the coordinator may have been told that there is
 * no record of one-phase work, so none is begun.
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

static bool is_at_or_below(const struct vow_gtrid *gtrid, const struct vow_gtrid *floor)
{
    return memcmp(gtrid, floor, sizeof(*gtrid)) <= 0;
}

static void raise_floor(struct vow_gtrid *floor, const struct vow_gtrid *gtrid)
{
    if (!is_at_or_below(gtrid, floor))
        *floor = *gtrid;
}

static void forget(struct vow_branches *core, uint32_t slot)
{
    const struct vow_branch_ended *ended = &core->ended[slot];
    vow_gtrid_table_remove(&core->ended_table, slot);
    raise_floor(&core->forgotten_floor, &ended->gtrid);
    if (ended->dropped)
        raise_floor(&core->dropped_floor, &ended->gtrid);
    if (ended->told)
        raise_floor(&core->told_floor, &ended->gtrid);
    if (ended->missing)
        raise_floor(&core->missing_floor, &ended->gtrid);
}

/* What is remembered of it, made if it is new. */
static struct vow_branch_ended *remember(struct vow_branches *core, const struct vow_gtrid *gtrid,
                                         enum vow_branch_end end, enum vow_cause cause)
{
    const uint32_t found = vow_gtrid_table_find(&core->ended_table, gtrid);
    if (found != BRANCH_NONE)
        return &core->ended[found];
    VOW_ASSERT(core->ended != NULL);
    const uint32_t slot = core->ended_at;
    core->ended_at = (slot + 1) % core->limits.ended_max;
    if (core->ended[slot].end != 0)
        forget(core, slot);
    core->ended[slot] = (struct vow_branch_ended){.gtrid = *gtrid, .end = (uint8_t)end, .cause = (uint8_t)cause};
    vow_gtrid_table_add(&core->ended_table, slot);
    return &core->ended[slot];
}

void branch_ended_remember(struct vow_branches *core, const struct vow_gtrid *gtrid, enum vow_branch_end end,
                           enum vow_cause cause)
{
    (void)remember(core, gtrid, end, cause);
}

void branch_ended_remember_decided(struct vow_branches *core, const struct vow_gtrid *gtrid, uint32_t epoch)
{
    struct vow_branch_ended *ended = remember(core, gtrid, VOW_BRANCH_END_ABORTED, VOW_CAUSE_TOO_LATE);
    if (ended->end != VOW_BRANCH_END_ABORTED || ended->proof == BRANCH_PROOF_DECIDED)
        return;
    ended->proof = BRANCH_PROOF_DECIDED;
    ended->epoch = epoch;
}

void branch_ended_remember_no(struct vow_branches *core, const struct vow_gtrid *gtrid, enum vow_cause cause)
{
    const bool is_first_vote = !is_at_or_below(gtrid, &core->forgotten_floor) && branch_ended_find(core, gtrid) == NULL;
    struct vow_branch_ended *ended = remember(core, gtrid, VOW_BRANCH_END_ABORTED, cause);
    if (is_first_vote)
        ended->proof = BRANCH_PROOF_VOTED_NO;
}

void branch_ended_remember_dropped(struct vow_branches *core, const struct vow_gtrid *gtrid, enum vow_cause cause)
{
    struct vow_branch_ended *ended = remember(core, gtrid, VOW_BRANCH_END_ABORTED, cause);
    ended->dropped = true;
    if (ended->proof == BRANCH_PROOF_NONE)
        ended->proof = BRANCH_PROOF_VOTED_NO;
}

bool branch_ended_may_be_dropped(const struct vow_branches *core, const struct vow_gtrid *gtrid)
{
    return is_at_or_below(gtrid, &core->dropped_floor);
}

void branch_ended_tell(struct vow_branches *core, const struct vow_gtrid *gtrid)
{
    const uint32_t slot = vow_gtrid_table_find(&core->ended_table, gtrid);
    if (slot != BRANCH_NONE)
        core->ended[slot].told = true;
    else
        raise_floor(&core->told_floor, gtrid);
}

bool branch_ended_may_be_told(const struct vow_branches *core, const struct vow_gtrid *gtrid)
{
    return is_at_or_below(gtrid, &core->told_floor);
}

void branch_ended_remember_missing(struct vow_branches *core, const struct vow_gtrid *gtrid)
{
    remember(core, gtrid, VOW_BRANCH_END_ABORTED, VOW_CAUSE_TOO_LATE)->missing = true;
}

bool branch_ended_may_be_missing(const struct vow_branches *core, const struct vow_gtrid *gtrid)
{
    return is_at_or_below(gtrid, &core->missing_floor);
}
