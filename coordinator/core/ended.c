#include "coordinator/core/ended.h"

#include "proto/assert.h"

void coord_ended_add(struct vow_coord *core, const struct vow_gtrid *gtrid, enum vow_outcome outcome,
                     enum vow_cause cause, uint32_t who)
{
    uint32_t index = core->ended_next;
    struct ended *ended = &core->ended[index];
    const struct ended *known = coord_ended_find(core, gtrid);

    /* One id, one outcome, for ever (guarantee 3). */
    VOW_IMPLIES(known != NULL, known->outcome == (uint8_t)outcome);
    if (known != NULL)
        return;
    if (ended->taken)
        vow_gtrid_table_remove(&core->ended_table, index);
    *ended = (struct ended){
        .gtrid = *gtrid, .outcome = (uint8_t)outcome, .cause = (uint8_t)cause, .taken = true, .who = who};
    vow_gtrid_table_add(&core->ended_table, index);
    core->ended_next = (index + 1) % core->limits.ended_max;
}

void coord_ended_add_logged(struct vow_coord *core, const struct vow_gtrid *gtrid)
{
    coord_ended_add(core, gtrid, VOW_COMMITTED, VOW_CAUSE_NONE, COORD_NIL);
    core->ended[vow_gtrid_table_find(&core->ended_table, gtrid)].logged = true;
}

void coord_ended_damage(struct vow_coord *core, const struct vow_gtrid *gtrid, int error)
{
    uint32_t index = vow_gtrid_table_find(&core->ended_table, gtrid);

    VOW_ASSERT(index != COORD_NIL);
    core->ended[index].error = error;
}

const struct ended *coord_ended_find(const struct vow_coord *core, const struct vow_gtrid *gtrid)
{
    uint32_t index = vow_gtrid_table_find(&core->ended_table, gtrid);

    return index != COORD_NIL ? &core->ended[index] : NULL;
}
