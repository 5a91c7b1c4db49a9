/*
 * The watchdog of choreographies (sagas 4.5): nobody orders their steps, so nobody misses one that does not come. An
 * event may have a deadline, which all that follow from it inherit. When it passes, whoever has not done the event is
 * named, once, with what it waits for. Nothing else follows from it: a deadline decides nothing.
 */
#include "coordinator/core/relay/core.h"

/* Of one step: to find a delivery its whole lane may have to be walked. */
#define LATE_MAX 16

/* ---- what a group makes of an event ---- */

/* clang-format off */
const char *vow_relay_wait_text(enum vow_relay_wait wait)
{
    static const char *const texts[] = {
#define WAIT(name, text) [VOW_RELAY_WAIT_##name] = text,
        VOW_RELAY_WAITS(WAIT)
#undef WAIT
    };

    return texts[wait];
}

const char *vow_relay_wait_name(enum vow_relay_wait wait)
{
    static const char *const names[] = {
#define WAIT(name, text) [VOW_RELAY_WAIT_##name] = #name,
        VOW_RELAY_WAITS(WAIT)
#undef WAIT
    };

    return names[wait];
}
/* clang-format on */

static uint32_t find_delivery(const struct vow_relay *core, const struct lane *lane, uint32_t event)
{
    uint32_t index = lane != NULL ? lane->first : RELAY_NIL;

    while (index != RELAY_NIL && core->deliveries[index].event != event)
        index = core->deliveries[index].next;
    return index;
}

static enum vow_relay_wait wait_of_lane(const struct lane *lane)
{
    switch ((enum lane_state)lane->state) {
    case LANE_SENT:
        return VOW_RELAY_WAIT_SENT;
    case LANE_WAITING:
        return VOW_RELAY_WAIT_BACKOFF;
    case LANE_HELD:
        return VOW_RELAY_WAIT_PAUSED;
    case LANE_BURYING:
        return VOW_RELAY_WAIT_BURYING;
    case LANE_IDLE:
    case LANE_READY:
    case LANE_STATES:
        break;
    }
    return VOW_RELAY_WAIT_WINDOW;
}

/* What holds the whole group comes first: it is what has to be seen to. */
static enum vow_relay_wait wait_of(const struct group *group, const struct lane *lane, bool is_first)
{
    if (group->state == GROUP_JOINING)
        return VOW_RELAY_WAIT_JOINING;
    if (group->state == GROUP_PAUSED)
        return VOW_RELAY_WAIT_PAUSED;
    if (group->session == 0)
        return VOW_RELAY_WAIT_AWAY;
    if (is_first && lane->state == LANE_READY && group_is_full(group))
        return VOW_RELAY_WAIT_FULL;
    return is_first ? wait_of_lane(lane) : VOW_RELAY_WAIT_BEHIND;
}

static void look_at_letter(const struct dead *dead, struct vow_relay_reaction *reaction)
{
    reaction->wait = dead->state == DEAD_RETRIED ? VOW_RELAY_WAIT_RETRIED : VOW_RELAY_WAIT_DEAD;
    reaction->attempts = dead->attempts;
    reaction->cause = (enum vow_cause)dead->cause;
    reaction->text = dead->text;
}

static void look_at_delivery(const struct vow_relay *core, const struct lane *lane, uint32_t delivery,
                             struct vow_relay_reaction *reaction)
{
    const bool is_first = lane->first == delivery;

    reaction->wait = wait_of(lane_group(core, lane), lane, is_first);
    if (!is_first) {
        reaction->behind = lane_event(core, lane)->lsn;
        return;
    }
    reaction->attempts = lane_tries(core, lane)->attempts;
    reaction->cause = (enum vow_cause)lane_tries(core, lane)->cause;
}

static struct vow_relay_reaction look(const struct vow_relay *core, uint32_t group, uint64_t lsn)
{
    const uint32_t dead = dead_find(core, group, lsn), event = kept_find(core, lsn);
    const struct lane *lane = event != RELAY_NIL ? lane_find(core, group, core->events[event].key) : NULL;
    const uint32_t delivery = event != RELAY_NIL ? find_delivery(core, lane, event) : RELAY_NIL;
    struct vow_relay_reaction reaction = {
        .group = core->groups[group].name, .participant = core->groups[group].participant, .text = ""};

    if (dead != RELAY_NIL && core->dead[dead].state != DEAD_LOGGING)
        look_at_letter(&core->dead[dead], &reaction);
    else if (delivery != RELAY_NIL)
        look_at_delivery(core, lane, delivery, &reaction);
    return reaction;
}

bool vow_relay_next_reaction(const struct vow_relay *core, uint32_t *at, const struct vow_msg_event *event,
                             uint64_t lsn, struct vow_relay_reaction *reaction)
{
    while (*at < core->limits.groups_max) {
        const uint32_t index = (*at)++;
        const struct group *group = &core->groups[index];

        if (!group_is_there(group))
            continue;
        *reaction = look(core, index, lsn);
        const bool is_said = reaction->wait != VOW_RELAY_WAIT_NONE;

        if (!is_said && lsn > group->read_to)
            reaction->wait = VOW_RELAY_WAIT_UNREAD;
        if (is_said || subscription_takes(&group->now, event))
            return true;
    }
    return false;
}

/* ---- deadlines ---- */

void watch_set(struct vow_relay *core, uint32_t event, uint64_t due_ms)
{
    core->events[event].due_ms = due_ms;
}

void watch_begin(struct vow_relay *core, uint32_t event)
{
    if (core->events[event].due_ms != 0)
        vow_heap_set(&core->deadlines, event, (struct vow_heap_key){core->events[event].due_ms, event});
}

void watch_end(struct vow_relay *core, uint32_t event)
{
    vow_heap_remove(&core->deadlines, event);
}

/* A dead letter is counted as that. */
void watch_delivery(struct vow_relay *core, struct group *group, uint32_t delivery)
{
    struct delivery *made = &core->deliveries[delivery];

    made->is_late = made->dead == RELAY_NIL && core->events[made->event].is_late;
    group->overdue += made->is_late;
}

void watch_delivery_gone(struct vow_relay *core, struct group *group, uint32_t delivery)
{
    group->overdue -= core->deliveries[delivery].is_late;
}

uint32_t watch_count_dead(const struct vow_relay *core, uint32_t group)
{
    uint32_t count = 0, left = core->dead_len;

    for (uint32_t i = 0; left > 0; i++) {
        const struct dead *dead = &core->dead[i];

        left -= dead->state != DEAD_FREE;
        count += dead->state > DEAD_LOGGING && (group == RELAY_NIL || dead->group == group) &&
                 dead->event != RELAY_NIL && core->events[dead->event].is_late;
    }
    return count;
}

/* One group's part in an event whose deadline has passed. */
static void miss(struct vow_relay *core, uint32_t group, uint32_t index)
{
    const struct event *event = &core->events[index];
    const struct vow_relay_reaction reaction = look(core, group, event->lsn);
    const uint32_t delivery = find_delivery(core, lane_find(core, group, event->key), index);
    struct vow_relay_effect *effect;

    if (reaction.wait == VOW_RELAY_WAIT_NONE)
        return;
    if (delivery != RELAY_NIL && !core->deliveries[delivery].is_late)
        watch_delivery(core, &core->groups[group], delivery);
    core->counts.missed++;
    effect = relay_emit(core, VOW_RELAY_LATE);
    effect->late.kept = (struct vow_relay_kept){event->msg, event->lsn};
    effect->late.reaction = reaction;
}

static void pass(struct vow_relay *core, uint32_t index)
{
    watch_end(core, index);
    core->events[index].is_late = true;
    for (uint32_t i = 0; i < core->limits.groups_max; i++) {
        if (core->groups[i].state != GROUP_NONE)
            miss(core, i, index);
    }
}

void watch_take_timer(struct vow_relay *core)
{
    for (int i = 0; i < LATE_MAX && relay_has_effects(core); i++) {
        const struct vow_heap_entry *first = vow_heap_first(&core->deadlines);

        if (first == NULL || first->key.major > core->now_ms)
            break;
        pass(core, first->item);
    }
}
