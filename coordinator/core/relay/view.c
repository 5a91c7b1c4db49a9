/* Looking in, for operators and tests. */
#include "coordinator/core/relay/core.h"

void vow_relay_counts(const struct vow_relay *core, struct vow_relay_counts *counts)
{
    *counts = core->counts;
    counts->events = relay_slots(&core->limits) - core->events_left;
    counts->deliveries = core->deliveries_now;
    counts->keys = core->keys_len;
    counts->dead = core->dead_len;
    counts->overdue = watch_count_dead(core, RELAY_NIL);
    for (uint32_t i = 0; i < core->limits.groups_max; i++)
        counts->overdue += core->groups[i].state != GROUP_NONE ? core->groups[i].overdue : 0;
    counts->last_lsn = core->last_lsn;
}

static uint32_t count_dead(const struct vow_relay *core, uint32_t group)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < core->limits.dead_max; i++)
        count += core->dead[i].state > DEAD_LOGGING && core->dead[i].group == group;
    return count;
}

bool vow_relay_next_group(struct vow_relay *core, uint32_t *at, struct vow_relay_group_view *view)
{
    while (*at < core->limits.groups_max && core->groups[*at].state == GROUP_NONE)
        (*at)++;
    if (*at >= core->limits.groups_max)
        return false;
    const uint32_t index = (*at)++;
    const struct group *group = &core->groups[index];
    const struct subscription *shown = group->state == GROUP_JOINING && !group->was_there ? &group->next : &group->now;

    *view = (struct vow_relay_group_view){.name = group->name,
                                          .participant = group->participant,
                                          .state = vow_group_fsm()->states[group->state].name,
                                          .session = group->session,
                                          .cursor = group->cursor,
                                          .lag = group->lag + (uint32_t)group->unread,
                                          .unread = group->unread,
                                          .is_reading = group_reads(group),
                                          .in_flight = group->in_flight,
                                          .dead = count_dead(core, index),
                                          .overdue = group->overdue + watch_count_dead(core, index)};
    view->subscribe = *subscription_message(&core->view, group->name, shown);
    return true;
}

bool vow_relay_next_dead(const struct vow_relay *core, uint32_t *at, struct vow_relay_dead_view *view)
{
    const struct dead *dead;

    while (*at < core->limits.dead_max && core->dead[*at].state <= DEAD_LOGGING)
        (*at)++;
    if (*at >= core->limits.dead_max)
        return false;
    dead = &core->dead[(*at)++];
    *view = (struct vow_relay_dead_view){.group = core->groups[dead->group].name,
                                         .kept = {NULL, dead->lsn},
                                         .cause = (enum vow_cause)dead->cause,
                                         .attempts = dead->attempts,
                                         .text = dead->text,
                                         .is_retried = dead->state == DEAD_RETRIED};
    if (dead->event != RELAY_NIL)
        view->kept.event = core->events[dead->event].msg;
    return true;
}

bool vow_relay_has(const struct vow_relay *core, uint64_t lsn)
{
    return kept_find(core, lsn) != RELAY_NIL;
}

const uint64_t *vow_group_edge_hits(const struct vow_relay *core)
{
    return core->group_hits;
}

const uint64_t *vow_lane_edge_hits(const struct vow_relay *core)
{
    return core->lane_hits;
}
