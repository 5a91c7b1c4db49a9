/* The coordinator is there (again), and what a restart found in the store. */
#include "participant/core/core.h"

void branch_recover_prepared(struct vow_branches *core, struct vow_branch_entry *entry)
{
    /* A limit below what the store holds is the driver's bug: a vow once given is never dropped for want of room. */
    VOW_ASSERT(branch_table_has_recall_room(core));
    entry->epoch = core->input->recovered.epoch;
    branch_begin_doubt(core, entry);
    entry->doubt_ms = core->input->recovered.doubt_ms;
    branch_move(core, entry, VOW_BRANCH_PREPARED);
}

/*
 * Every branch in doubt asks at once, or reports its damage: the answer to its vote may have been lost with the
 * connection, and this one may be to a restarted coordinator. Equal keys are a heap in any order. A branch that
 * prepares now will vote on this connection. A coordinator that is back gets the time to answer before all the peers
 * are asked as well (F093).
 */
static void ask_all(struct vow_branches *core)
{
    for (uint32_t i = 0; i < core->timers.len; i++) {
        struct vow_heap_entry *timer = &core->timers.entries[i];
        struct vow_branch_entry *entry = &core->entries[timer->item];
        if (entry->state == VOW_BRANCH_ENLISTING || entry->state == VOW_BRANCH_ACTIVE)
            continue;
        timer->key.major = entry->due_ms = core->now_ms;
        entry->delay_ms = core->limits.decision_timeout_ms;
        if (entry->silent == core->limits.termination_after)
            entry->silent--;
    }
}

void branch_on_coord_up(struct vow_branches *core, const struct vow_branches_event *event)
{
    const struct vow_gtrid none = {{0}};
    struct vow_branch_known *known = &core->keep.now;
    core->connected = true;
    ask_all(core);
    if (known->coord != 0 && known->coord != event->coord.coord) {
        branch_alarm(core, &none, "connected to a foreign coordinator");
        return;
    }
    if (event->coord.epoch < known->epoch)
        branch_alarm(core, &none,
                     "the coordinator's epoch went back: restored from a backup, or an old one is still running");
    known->coord = event->coord.coord;
    branch_keep_raise(core, event->coord.epoch, event->coord.watermark);
    core->keep.urgent = true;
}

/*
 * A prepared branch stays prepared and keeps asking (F041); the driver drops what it cannot send. Joined work ends: the
 * coordinator may have restarted and forgotten the transaction, and nobody would ever tell (F042).
 */
void branch_on_coord_down(struct vow_branches *core)
{
    core->connected = false;
    for (uint32_t i = 0; i < core->entries_max; i++) {
        struct vow_branch_entry *entry = &core->entries[i];
        const uint8_t state = entry->state;
        if (state != VOW_BRANCH_ENLISTING && state != VOW_BRANCH_ACTIVE && state != VOW_BRANCH_WORKING)
            continue;
        entry->lost = true;
        entry->due_ms = core->now_ms;
        branch_timer_settle(core, entry);
    }
}
