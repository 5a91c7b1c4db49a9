/* The groups: found, made, moved on, built anew. */
#include <string.h>

#include "coordinator/core/relay/core.h"
#include "proto/assert.h"

struct group *group_find(const struct vow_relay *core, const char *name)
{
    for (uint32_t i = 0; i < core->limits.groups_max; i++) {
        if (core->groups[i].state != GROUP_NONE && strcmp(core->groups[i].name, name) == 0)
            return &core->groups[i];
    }
    return NULL;
}

struct group *group_new(struct vow_relay *core, const char *name, const char *participant)
{
    for (uint32_t i = 0; i < core->limits.groups_max; i++) {
        struct group *group = &core->groups[i];

        if (group->state != GROUP_NONE)
            continue;
        memset(group, 0, sizeof(*group));
        VOW_ASSERT(strlen(name) < VOW_NAME_SIZE && strlen(participant) < VOW_NAME_SIZE);
        memcpy(group->name, name, strlen(name) + 1);
        memcpy(group->participant, participant, strlen(participant) + 1);
        group->read_to = RELAY_ALL;
        group->first = group->last = group->lanes = group->ready = group->ready_last = RELAY_NIL;
        return group;
    }
    return NULL;
}

bool group_is_there(const struct group *group)
{
    return group->state != GROUP_NONE && group->was_there;
}

/* Up to its first event that is not done; all that came so far if there is none. */
void group_advance(struct vow_relay *core, struct group *group)
{
    uint64_t cursor = core->last_lsn;

    if (core->is_rebuilding || core->recovering || !group_is_there(group))
        return;
    if (group->first != RELAY_NIL)
        cursor = core->events[core->deliveries[group->first].event].lsn - 1;
    if (group->read_to < cursor)
        cursor = group->read_to;
    if (cursor > group->cursor)
        group->cursor = cursor;
    else if (group->first == RELAY_NIL)
        return;
    group_has_moved(core, group);
}

/* With so much to do what comes now is beyond what a note can say. */
void group_passes(struct vow_relay *core, struct group *group)
{
    if (group->lag <= VOW_BEYOND_EVENTS_MAX + 1)
        group_advance(core, group);
}

void group_has_moved(struct vow_relay *core, struct group *group)
{
    group->is_moved = true;
    if (!core->is_dirty)
        core->note_ms = core->now_ms + RELAY_NOTE_MS;
    core->is_dirty = true;
}

static uint32_t or_default(uint32_t value, uint32_t otherwise)
{
    return value != 0 ? value : otherwise;
}

uint32_t group_window(const struct vow_relay *core, const struct group *group)
{
    const uint32_t window = or_default(group->now.window, core->limits.window);

    return window < RELAY_WINDOW_MAX ? window : RELAY_WINDOW_MAX;
}

uint32_t group_attempts_max(const struct vow_relay *core, const struct group *group)
{
    return or_default(group->now.attempts_max, core->limits.attempts_max);
}

void group_reset_lanes(struct vow_relay *core, const struct group *group)
{
    while (group->lanes != RELAY_NIL) {
        struct lane_input in = {.event = LANE_ON_RESET, .lane = &core->lanes[group->lanes]};

        lane_dispatch(core, &in);
    }
}

static void add_again(struct vow_relay *core, struct group *group, uint32_t event, bool is_kept)
{
    const uint32_t dead = dead_find(core, group_index(core, group), core->events[event].lsn);

    if (dead != RELAY_NIL && core->dead[dead].state == DEAD_RETRIED)
        lane_add(core, group, event, dead);
    else if (dead == RELAY_NIL && is_kept && subscription_takes(&group->now, core->events[event].msg))
        lane_add(core, group, event, RELAY_NIL);
}

/* What a group has not done, in the order of the journal. */
static uint32_t list_kept(struct vow_relay *core, const struct group *group)
{
    uint32_t len = 0;

    for (uint32_t i = group->first; i != RELAY_NIL; i = core->deliveries[i].after)
        core->kept_list[len++] = core->deliveries[i].event;
    return len;
}

void group_rebuild(struct vow_relay *core, struct group *group)
{
    const uint32_t len = group->keeps ? list_kept(core, group) : 0;
    uint32_t at = 0;

    core->is_rebuilding = true;
    group_reset_lanes(core, group);
    for (uint32_t i = core->first_event; i != RELAY_NIL; i = core->events[i].after) {
        const bool is_kept = at < len && core->kept_list[at] == i;

        at += is_kept;
        add_again(core, group, i, is_kept);
    }
    for (uint32_t i = core->first_event; i != RELAY_NIL; i = core->events[i].after) {
        tries_drop(core, &core->events[i].carried);
        core->events[i].carried = (struct tries){0};
        kept_release_if_unused(core, i);
    }
    core->is_rebuilding = false;
    group_advance(core, group);
}

void group_bury_held(struct vow_relay *core, struct group *group)
{
    uint32_t index = group->lanes;

    while (index != RELAY_NIL && group->state != GROUP_PAUSED) {
        struct lane_input in = {.event = LANE_ON_BURY, .lane = &core->lanes[index]};

        index = core->lanes[index].next_of;
        if (in.lane->state != LANE_HELD)
            continue;
        if (!relay_has_effects(core)) {
            core->has_room = true;
            return;
        }
        lane_dispatch(core, &in);
    }
}
