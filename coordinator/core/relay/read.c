/*
 * Events that a group has to do and that are not in memory: it reads them out of the journal, a page at a time and in
 * their order, while its consumer does those that it has. A group reads that begins or goes back further than memory
 * does; and after a start one that had more to do than there is room for. What is published meanwhile it finds there,
 * too, so the order of a key holds. Its place is durable before it reads, and what lies beyond it is not cut off.
 */
#include "coordinator/core/relay/core.h"
#include "coordinator/core/relay/handlers.h"
#include "proto/assert.h"

bool group_reads(const struct group *group)
{
    return group->read_to != RELAY_ALL;
}

/* ---- an event that comes, at its publication or at a start ---- */

/* It has not done it, and has not buried it, and no operator has given it up. */
static bool is_owed(const struct vow_relay *core, uint32_t index, uint64_t lsn, const struct vow_msg_event *event)
{
    const struct group *group = &core->groups[index];

    return group_is_there(group) && lsn > group->cursor && subscription_takes(&group->now, event) &&
           (!core->recovering || vow_beyond_owes(group->cursor, group->beyond, lsn)) &&
           (core->dead_len == 0 || dead_find(core, index, lsn) == RELAY_NIL) && !dropped_has(core, index, lsn);
}

/* What cannot be kept for the group now it reads when its time comes. */
static void read_later(struct vow_relay *core, struct group *group, uint64_t lsn)
{
    if (!group_reads(group)) {
        group->read_to = lsn - 1;
        group->counted_from = lsn - 1;
    }
    if (lsn <= group->counted_from)
        return;
    group->unread++;
    if (group->unread == core->limits.unread_max && !core->recovering)
        relay_alarm(core, "publishing is refused: a group has too much to read", group, 0);
}

bool read_asks(const struct vow_relay *core, uint32_t group, uint64_t lsn, const struct vow_msg_event *event)
{
    return is_owed(core, group, lsn, event) && !group_reads(&core->groups[group]);
}

bool read_gives(struct vow_relay *core, uint32_t index, uint64_t lsn, const struct vow_msg_event *event, bool has_room)
{
    struct group *group = &core->groups[index];

    if (!is_owed(core, index, lsn, event))
        return false;
    if (!group_reads(group) && has_room)
        return true;
    read_later(core, group, lsn);
    return false;
}

bool read_is_full(const struct vow_relay *core)
{
    for (uint32_t i = 0; i < core->limits.groups_max; i++) {
        if (core->groups[i].state != GROUP_NONE && core->groups[i].unread >= core->limits.unread_max)
            return true;
    }
    return false;
}

/* ---- a page ---- */

void read_from(struct vow_relay *core, struct group *group, uint64_t lsn)
{
    group->read_to = lsn < core->last_lsn ? lsn : RELAY_ALL;
    group->counted_from = core->last_lsn;
    group->unread = 0;
    group->page_was_empty = false;
    read_forget(core, group);
}

void read_forget(struct vow_relay *core, const struct group *group)
{
    if (core->loading == group_index(core, group))
        core->is_load_stale = true;
}

static uint32_t room_of(const struct vow_relay *core, const struct group *group)
{
    const uint32_t page = relay_page(&core->limits);

    if (group->lag >= page)
        return 0;
    return page - group->lag < core->events_left ? page - group->lag : core->events_left;
}

static bool wants_page(const struct vow_relay *core, const struct group *group)
{
    return group->state == GROUP_LIVE && group_reads(group) && (!group->page_was_empty || group->lag == 0) &&
           group->lag <= relay_page(&core->limits) / 2 && room_of(core, group) > 0;
}

static void load(struct vow_relay *core, const struct group *group)
{
    struct vow_relay_effect *effect = relay_emit(core, VOW_RELAY_LOAD);

    core->loading = group_index(core, group);
    core->load_room = room_of(core, group);
    core->is_load_stale = false;
    effect->load.group = core->loading;
    effect->load.after = group->read_to;
    effect->load.rows = 2 * relay_page(&core->limits);
}

void read_some(struct vow_relay *core)
{
    for (uint32_t i = 0; i < core->limits.groups_max && core->loading == RELAY_NIL; i++) {
        const uint32_t index = core->next_reader;

        core->next_reader = (index + 1) % core->limits.groups_max;
        if (wants_page(core, &core->groups[index]))
            load(core, &core->groups[index]);
    }
}

enum vow_relay_want vow_relay_wants(const struct vow_relay *core, uint64_t lsn, const struct vow_msg_event *event)
{
    /* What was written in the same batch is read, and LOG_DONE tells of it in a moment. */
    if (core->loading == RELAY_NIL || core->is_load_stale || lsn > core->last_lsn)
        return VOW_RELAY_WANT_NO_MORE;
    if (kept_find(core, lsn) != RELAY_NIL || !is_owed(core, core->loading, lsn, event))
        return VOW_RELAY_WANT_NOT;
    if (core->load_room == 0)
        return VOW_RELAY_WANT_LATER;
    return core->groups[core->loading].lag == 0 ? VOW_RELAY_WANT_NOW : VOW_RELAY_WANT;
}

void relay_take_loaded(struct vow_relay *core, const struct vow_relay_event *event)
{
    const struct vow_msg_event *msg = event->kept.event;
    const uint32_t key = key_intern(core, msg->db_uuid, msg->key);

    /* The driver has asked whether it is wanted; keys are more than events. */
    VOW_ASSERT(core->loading != RELAY_NIL && core->load_room > 0 && core->events_left > 0 && key != RELAY_NIL);
    VOW_ASSERT(kept_find(core, event->kept.lsn) == RELAY_NIL && event->kept.lsn <= core->last_lsn);
    core->load_room--;
    /* An old event comes back for a group that does it again: whoever was late with it has had the alarm. */
    (void)kept_durable_new(core, msg, key, event->kept.lsn, event->due_ms > core->now_ms ? event->due_ms : 0);
}

/* All that is in memory, also what others have asked for: nothing was freed meanwhile. */
static void give(struct vow_relay *core, struct group *group, uint64_t from, uint64_t to)
{
    uint32_t index = core->last_event;

    while (index != RELAY_NIL && core->events[index].before != RELAY_NIL && core->events[index].lsn > from)
        index = core->events[index].before;
    for (; index != RELAY_NIL && core->events[index].lsn <= to; index = core->events[index].after) {
        const struct event *event = &core->events[index];

        if (event->lsn <= from || !is_owed(core, group_index(core, group), event->lsn, event->msg))
            continue;
        if (event->lsn > group->counted_from && group->unread > 0)
            group->unread--;
        lane_add(core, group, index, RELAY_NIL);
    }
}

static void take_page(struct vow_relay *core, struct group *group, const struct vow_relay_event *event)
{
    const uint64_t from = group->read_to;
    const uint64_t to = event->load_done.has_more ? event->load_done.upto : RELAY_ALL;

    VOW_ASSERT(to >= from);
    give(core, group, from, to);
    group->read_to = to;
    /* A page that has not a single one in it was stopped by those that the group has in memory. */
    group->page_was_empty = to == from;
    if (!group_reads(group))
        group->unread = 0;
    group_advance(core, group);
}

void relay_take_load_done(struct vow_relay *core, const struct vow_relay_event *event)
{
    VOW_ASSERT(core->loading == event->load_done.group);
    if (!core->is_load_stale)
        take_page(core, &core->groups[core->loading], event);
    core->loading = RELAY_NIL;
    kept_release_unused(core);
}
