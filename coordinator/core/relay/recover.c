/* Recovery: what the journal has kept. What a group has done since its cursor was noted is delivered again. */
#include <string.h>

#include "coordinator/core/relay/core.h"
#include "coordinator/core/relay/handlers.h"
#include "proto/assert.h"

void group_on_recovered(struct vow_relay *core, struct group_input *in)
{
    struct group *group = in->group;

    subscription_copy(&group->now, in->from->group.msg);
    group->cursor = group->noted = in->from->group.cursor;
    group->beyond = (struct vow_slice){group_beyond(core, group), in->from->group.beyond.len};
    if (group->beyond.len > 0)
        memcpy(group_beyond(core, group), in->from->group.beyond.data, group->beyond.len);
    group->was_there = true;
    group->read_to = RELAY_ALL;
    group_move(core, group, GROUP_AWAY);
}

static void recover_group(struct vow_relay *core, const struct vow_relay_event *event)
{
    struct group_input in = {.event = GROUP_ON_RECOVERED, .from = event};

    /* The driver sizes the limits by what the journal has. */
    in.group = group_new(core, event->group.msg->group, event->group.participant);
    VOW_ASSERT(in.group != NULL);
    group_dispatch(core, &in);
}

static void recover_dead(struct vow_relay *core, const struct vow_relay_event *event)
{
    const struct group *group = group_find(core, event->dead.group);
    uint32_t index;
    struct dead *dead;

    VOW_ASSERT(group != NULL);
    if (event->dead.is_dropped) {
        dropped_add(core, group_index(core, group), event->dead.lsn);
        return;
    }
    index = dead_new(core, group_index(core, group), event->dead.lsn);
    VOW_ASSERT(index != RELAY_NIL);
    dead = &core->dead[index];
    dead->state = event->dead.is_retried ? DEAD_RETRIED : DEAD_THERE;
    dead->attempts = event->dead.attempts;
    dead->cause = (uint8_t)event->dead.cause;
    vow_text_copy(dead->text, event->dead.text);
}

static void attach_letters(struct vow_relay *core, uint32_t event)
{
    for (uint32_t i = 0; i < core->limits.groups_max; i++) {
        const uint32_t index = dead_find(core, i, core->events[event].lsn);

        if (index == RELAY_NIL)
            continue;
        core->dead[index].event = event;
        kept_ref(core, event);
        if (core->dead[index].state == DEAD_RETRIED)
            lane_add(core, &core->groups[i], event, index);
    }
}

static bool is_letter(const struct vow_relay *core, uint64_t lsn)
{
    for (uint32_t i = 0; core->dead_len > 0 && i < core->limits.groups_max; i++) {
        if (dead_find(core, i, lsn) != RELAY_NIL)
            return true;
    }
    return false;
}

/* There is room for each dead letter's, and for so many others; what a group cannot have now it reads later. */
static bool is_kept(struct vow_relay *core, const struct vow_relay_kept *kept)
{
    bool has_room = !relay_is_full(core), is_asked = false;

    if (is_letter(core, kept->lsn))
        return true;
    for (uint32_t i = 0; i < core->limits.groups_max && !is_asked; i++)
        is_asked = read_asks(core, i, kept->lsn, kept->event);
    if (is_asked && has_room)
        return true;
    for (uint32_t i = 0; i < core->limits.groups_max; i++)
        (void)read_gives(core, i, kept->lsn, kept->event, false);
    return false;
}

/* The newest number of its key came before; a key that was forgotten begins anew. */
static void recover_event(struct vow_relay *core, const struct vow_relay_event *event)
{
    const struct vow_msg_event *msg = event->kept.event;
    const uint64_t earliest_ms = event->due_ms != 0 ? core->now_ms + RELAY_GRACE_MS : 0;
    uint32_t index, key;

    VOW_ASSERT(event->kept.lsn > core->last_lsn);
    core->last_lsn = event->kept.lsn;
    if (!is_kept(core, &event->kept)) {
        relay_emit(core, VOW_RELAY_FREED)->kept = event->kept;
        return;
    }
    key = key_intern(core, msg->db_uuid, msg->key);
    VOW_ASSERT(key != RELAY_NIL);
    index =
        kept_durable_new(core, msg, key, event->kept.lsn, event->due_ms > earliest_ms ? event->due_ms : earliest_ms);
    if (core->dead_len > 0)
        attach_letters(core, index);
    relay_spread(core, index);
}

static void recover_key(struct vow_relay *core, const struct vow_relay_event *event)
{
    const uint32_t key = key_intern(core, event->key.db_uuid, event->key.key);

    if (key != RELAY_NIL)
        key_published(core, key, event->key.key_seq, event->key.lsn);
}

void relay_take_recovered(struct vow_relay *core, const struct vow_relay_event *event)
{
    VOW_ASSERT(core->recovering);
    if (event->kind == VOW_RELAY_RECOVERED_KEY)
        recover_key(core, event);
    else if (event->kind == VOW_RELAY_RECOVERED_GROUP)
        recover_group(core, event);
    else if (event->kind == VOW_RELAY_RECOVERED_DEAD)
        recover_dead(core, event);
    else
        recover_event(core, event);
}

/* What it was about is not there any more. It stays, for an operator to see to; nothing else can come of it. */
static void look_at_letters(struct vow_relay *core)
{
    for (uint32_t i = 0; i < core->limits.dead_max; i++) {
        struct dead *dead = &core->dead[i];

        if (dead->state == DEAD_FREE || dead->event != RELAY_NIL)
            continue;
        dead->state = DEAD_THERE;
        core->counts.letters_gone++;
        if (relay_has_effects(core))
            relay_alarm(core, "the event of a dead letter is gone", &core->groups[dead->group], dead->lsn);
    }
}

void relay_recovered(struct vow_relay *core, uint64_t last_lsn)
{
    core->recovering = false;
    if (last_lsn > core->last_lsn)
        core->last_lsn = last_lsn;
    look_at_letters(core);
    for (uint32_t i = 0; i < core->limits.groups_max; i++)
        group_advance(core, &core->groups[i]);
}
