/*
 * Dead letters: events that a group could not do. Each is bounded in how often it was tried, all of them in number; if
 * there is no room for one more the group is paused, and nothing is dropped (F206, F207, I29). What an operator has
 * delivered again stays a dead letter until it is done.
 */
#include <string.h>

#include "coordinator/core/relay/core.h"
#include "coordinator/core/relay/handlers.h"
#include "proto/assert.h"
#include "proto/error.h"

uint32_t dead_find(const struct vow_relay *core, uint32_t group, uint64_t lsn)
{
    uint32_t left = core->dead_len;

    for (uint32_t i = 0; left > 0; i++) {
        if (core->dead[i].state == DEAD_FREE)
            continue;
        if (core->dead[i].lsn == lsn && core->dead[i].group == group)
            return i;
        left--;
    }
    return RELAY_NIL;
}

uint32_t dead_new(struct vow_relay *core, uint32_t group, uint64_t lsn)
{
    uint32_t index = 0;
    uint32_t serial;

    if (core->dead_len >= core->limits.dead_max)
        return RELAY_NIL;
    while (core->dead[index].state != DEAD_FREE)
        index++;
    serial = core->dead[index].serial + 1;
    core->dead_len++;
    core->dead[index] =
        (struct dead){.lsn = lsn, .group = group, .event = RELAY_NIL, .serial = serial, .state = DEAD_LOGGING};
    return index;
}

void dead_free(struct vow_relay *core, uint32_t index)
{
    struct dead *dead = &core->dead[index];

    if (dead->event != RELAY_NIL)
        kept_unref(core, dead->event);
    dead->state = DEAD_FREE;
    core->dead_len--;
    core->has_room = true;
}

bool dead_is_under_way(const struct vow_relay *core, uint32_t group)
{
    for (uint32_t i = 0; i < core->limits.dead_max; i++) {
        const struct dead *dead = &core->dead[i];

        if ((dead->state == DEAD_LOGGING || dead->state == DEAD_ORDERED) && dead->group == group)
            return true;
    }
    return false;
}

void dead_free_all(struct vow_relay *core, uint32_t group)
{
    for (uint32_t i = 0; i < core->limits.dead_max; i++) {
        if (core->dead[i].state != DEAD_FREE && core->dead[i].group == group)
            dead_free(core, i);
    }
}

static struct vow_record *log_dead(struct vow_relay *core, uint32_t index, enum vow_record_kind kind, bool forced)
{
    const struct dead *dead = &core->dead[index];
    struct vow_record *record =
        &relay_log(core, kind, forced ? TOKEN_DEAD : TOKEN_NONE, dead->serial, index, forced)->log.record;

    relay_set_who(record, &core->groups[dead->group]);
    record->relay = (struct vow_record_relay){.lsn = dead->lsn, .attempts = dead->attempts};
    return record;
}

/* ---- burying ---- */

static uint32_t letter_of(struct vow_relay *core, const struct lane *lane)
{
    const struct delivery *delivery = &core->deliveries[lane->first];
    uint32_t index = delivery->dead;

    if (index != RELAY_NIL)
        return index;
    index = dead_new(core, lane->group, core->events[delivery->event].lsn);
    if (index != RELAY_NIL) {
        core->dead[index].event = delivery->event;
        kept_ref(core, delivery->event);
    }
    return index;
}

bool dead_bury(struct vow_relay *core, struct lane *lane, const char *text)
{
    struct group *group = lane_group(core, lane);
    struct group_input full = {.event = GROUP_ON_FULL, .group = group};
    const uint32_t index = group->state != GROUP_JOINING ? letter_of(core, lane) : RELAY_NIL;
    struct vow_record *record;
    struct dead *dead;

    if (index == RELAY_NIL) {
        if (group->state != GROUP_JOINING)
            group_dispatch(core, &full);
        return false;
    }
    dead = &core->dead[index];
    dead->state = DEAD_LOGGING;
    dead->attempts = lane_tries(core, lane)->attempts;
    dead->cause = lane_tries(core, lane)->cause;
    vow_text_copy(dead->text, text);
    lane->dead = index;
    record = log_dead(core, index, VOW_RECORD_DEAD, true);
    record->cause = (enum vow_cause)dead->cause;
    memcpy(record->text, dead->text, sizeof(record->text));
    return true;
}

static void buried(struct vow_relay *core, uint32_t index)
{
    struct dead *dead = &core->dead[index];
    struct lane_input in = {.event = LANE_ON_LOGGED};

    dead->state = DEAD_THERE;
    core->counts.buried++;
    relay_alarm(core, "an event went to the dead letters", &core->groups[dead->group], dead->lsn);
    in.lane = lane_find(core, dead->group, core->events[dead->event].key);
    /* Its group may have begun anew meanwhile. */
    if (in.lane != NULL && in.lane->state == LANE_BURYING && in.lane->dead == index)
        lane_dispatch(core, &in);
}

/* ---- orders ---- */

static void obeyed(struct vow_relay *core, uint32_t index)
{
    struct dead *dead = &core->dead[index];

    relay_ordered(core, dead->tag, 0, "");
    if (dead->order == VOW_RELAY_DROP) {
        core->counts.dropped++;
        if (dead->lsn > core->groups[dead->group].noted)
            dropped_add(core, dead->group, dead->lsn);
        dead_free(core, index);
        return;
    }
    dead->state = DEAD_RETRIED;
    lane_add(core, &core->groups[dead->group], dead->event, index);
}

void dead_logged(struct vow_relay *core, uint32_t index, uint32_t serial)
{
    const struct dead *dead = &core->dead[index];

    VOW_ASSERT(dead->serial == serial);
    if (dead->state == DEAD_LOGGING)
        buried(core, index);
    else if (dead->state == DEAD_ORDERED)
        obeyed(core, index);
}

void dead_take_order(struct vow_relay *core, const struct vow_relay_event *event)
{
    const struct group *group = group_find(core, event->order.group);
    const uint32_t index = group != NULL ? dead_find(core, group_index(core, group), event->order.lsn) : RELAY_NIL;
    struct dead *dead;

    if (index == RELAY_NIL) {
        relay_ordered(core, event->order.tag, VOW_E_NOT_FOUND, "there is no such dead letter");
        return;
    }
    dead = &core->dead[index];
    if (group->state == GROUP_LEAVING) {
        relay_ordered(core, event->order.tag, VOW_E_STATE, "its group is being removed");
        return;
    }
    if (dead->event == RELAY_NIL && event->order.order == VOW_RELAY_RETRY) {
        relay_ordered(core, event->order.tag, VOW_E_NOT_FOUND,
                      "its event is gone: it can be dropped, and nothing else");
        return;
    }
    if (dead->state != DEAD_THERE) {
        relay_ordered(core, event->order.tag, VOW_E_STATE, "it is being delivered again, or is on its way here");
        return;
    }
    dead->state = DEAD_ORDERED;
    dead->order = (uint8_t)event->order.order;
    dead->tag = event->order.tag;
    log_dead(core, index, VOW_RECORD_REVIVED, true)->detail =
        event->order.order == VOW_RELAY_RETRY ? VOW_REVIVAL_RETRY : VOW_REVIVAL_DROP;
}

/* Not forced: if it is lost the event is delivered once more, which does nothing. */
void dead_done(struct vow_relay *core, uint32_t index)
{
    log_dead(core, index, VOW_RECORD_REVIVED, false)->detail = VOW_REVIVAL_DONE;
    dead_free(core, index);
}

/* ---- room ---- */

void group_on_full(struct vow_relay *core, struct group_input *in)
{
    group_move(core, in->group, GROUP_PAUSED);
    core->counts.full_dead++;
    relay_alarm(core, "a group is paused: there is no room for one more dead letter", in->group, 0);
}

void group_on_room(struct vow_relay *core, struct group_input *in)
{
    group_move(core, in->group, in->group->session != 0 ? GROUP_LIVE : GROUP_AWAY);
}

void dead_give_room(struct vow_relay *core)
{
    core->has_room = false;
    for (uint32_t i = 0; i < core->limits.groups_max; i++) {
        struct group_input in = {.event = GROUP_ON_ROOM, .group = &core->groups[i]};

        if (core->dead_len >= core->limits.dead_max || core->groups[i].state == GROUP_NONE)
            continue;
        if (core->groups[i].state == GROUP_PAUSED)
            group_dispatch(core, &in);
        if (core->groups[i].state != GROUP_JOINING)
            group_bury_held(core, &core->groups[i]);
    }
}
