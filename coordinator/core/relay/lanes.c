/* The lanes of groups and what waits in them. */
#include "coordinator/core/relay/core.h"
#include "proto/assert.h"
#include "proto/gtrid_table.h"

static uint32_t *head_of(const struct vow_relay *core, uint32_t group, uint32_t key)
{
    const uint64_t both = (uint64_t)group << 32 | key;

    return &core->lane_heads[(both * UINT64_C(0x9e3779b97f4a7c15)) >> 32 &
                             (vow_gtrid_table_heads(relay_deliveries_max(&core->limits)) - 1)];
}

struct lane *lane_find(const struct vow_relay *core, uint32_t group, uint32_t key)
{
    uint32_t index = *head_of(core, group, key);

    while (index != RELAY_NIL && (core->lanes[index].group != group || core->lanes[index].key != key))
        index = core->lanes[index].next;
    return index != RELAY_NIL ? &core->lanes[index] : NULL;
}

static uint32_t take_slot(struct vow_relay *core)
{
    uint32_t index = core->lanes_free;

    if (index == RELAY_NIL)
        return core->lanes_len++;
    core->lanes_free = core->lanes[index].next;
    return index;
}

static struct lane *lane_new(struct vow_relay *core, struct group *group, uint32_t key)
{
    const uint32_t index = take_slot(core), of = group_index(core, group);
    uint32_t *head = head_of(core, of, key);
    struct lane *lane = &core->lanes[index];

    VOW_ASSERT(index < relay_deliveries_max(&core->limits));
    *lane = (struct lane){.group = of,
                          .key = key,
                          .first = RELAY_NIL,
                          .last = RELAY_NIL,
                          .next = *head,
                          .next_of = group->lanes,
                          .before_of = RELAY_NIL,
                          .dead = RELAY_NIL,
                          .state = LANE_IDLE};
    *head = index;
    if (group->lanes != RELAY_NIL)
        core->lanes[group->lanes].before_of = index;
    group->lanes = index;
    key_ref(core, key);
    return lane;
}

void lane_free(struct vow_relay *core, struct lane *lane)
{
    const uint32_t index = lane_index(core, lane);
    uint32_t *link = head_of(core, lane->group, lane->key);

    while (*link != index)
        link = &core->lanes[*link].next;
    *link = lane->next;
    if (lane->before_of != RELAY_NIL)
        core->lanes[lane->before_of].next_of = lane->next_of;
    else
        lane_group(core, lane)->lanes = lane->next_of;
    if (lane->next_of != RELAY_NIL)
        core->lanes[lane->next_of].before_of = lane->before_of;
    key_unref(core, lane->key);
    lane->next = core->lanes_free;
    core->lanes_free = index;
}

/* ---- the queue of those that may send ---- */

void lane_queue(struct vow_relay *core, struct lane *lane)
{
    struct group *group = lane_group(core, lane);
    const uint32_t index = lane_index(core, lane);

    lane->ready_next = RELAY_NIL;
    lane->ready_before = group->ready_last;
    if (group->ready_last != RELAY_NIL)
        core->lanes[group->ready_last].ready_next = index;
    else
        group->ready = index;
    group->ready_last = index;
}

void lane_unqueue(struct vow_relay *core, struct lane *lane)
{
    struct group *group = lane_group(core, lane);

    if (lane->ready_before != RELAY_NIL)
        core->lanes[lane->ready_before].ready_next = lane->ready_next;
    else
        group->ready = lane->ready_next;
    if (lane->ready_next != RELAY_NIL)
        core->lanes[lane->ready_next].ready_before = lane->ready_before;
    else
        group->ready_last = lane->ready_before;
}

/* ---- deliveries ---- */

static uint32_t take_delivery(struct vow_relay *core)
{
    uint32_t index = core->deliveries_free;

    core->deliveries_now++;
    if (index == RELAY_NIL)
        return core->deliveries_len++;
    core->deliveries_free = core->deliveries[index].next;
    return index;
}

/* At the end of what the cursor waits for: they come in the order of the journal. */
static void link_pending(struct vow_relay *core, struct group *group, uint32_t index)
{
    struct delivery *delivery = &core->deliveries[index];

    delivery->before = group->last;
    delivery->after = RELAY_NIL;
    if (group->last != RELAY_NIL)
        core->deliveries[group->last].after = index;
    else
        group->first = index;
    group->last = index;
    group->lag++;
}

static void unlink_pending(struct vow_relay *core, struct group *group, uint32_t index)
{
    const struct delivery *delivery = &core->deliveries[index];

    if (delivery->before != RELAY_NIL)
        core->deliveries[delivery->before].after = delivery->after;
    else
        group->first = delivery->after;
    if (delivery->after != RELAY_NIL)
        core->deliveries[delivery->after].before = delivery->before;
    else
        group->last = delivery->before;
    group->lag--;
}

void lane_shift(struct vow_relay *core, struct lane *lane)
{
    const uint32_t index = lane->first;
    struct delivery *delivery = &core->deliveries[index];
    struct group *group = lane_group(core, lane);

    lane->first = delivery->next;
    if (lane->first == RELAY_NIL)
        lane->last = RELAY_NIL;
    lane->dead = RELAY_NIL;
    tries_drop(core, &delivery->tries);
    if (delivery->dead == RELAY_NIL)
        unlink_pending(core, group, index);
    watch_delivery_gone(core, group, index);
    kept_unref(core, delivery->event);
    delivery->next = core->deliveries_free;
    core->deliveries_free = index;
    core->deliveries_now--;
    group_advance(core, group);
}

static bool is_under_way(const struct lane *lane)
{
    return lane->state == LANE_SENT || lane->state == LANE_BURYING;
}

/*
 * What is revived is older than what waits, mostly, and comes before it, or right behind what is under way. So it never
 * waits for one that cannot be buried: it needs no room for that itself, and may give some. Among one another they keep
 * the order of the journal, whatever the order in which they were retried (I27).
 */
static bool comes_behind(const struct vow_relay *core, const struct delivery *delivery, const struct delivery *other)
{
    return other->dead != RELAY_NIL &&
           (delivery->dead == RELAY_NIL || core->events[other->event].lsn < core->events[delivery->event].lsn);
}

/* To its place behind `before`, which may be RELAY_NIL. */
static void insert(struct vow_relay *core, struct lane *lane, uint32_t index, uint32_t before)
{
    struct delivery *delivery = &core->deliveries[index];
    uint32_t at = before != RELAY_NIL ? core->deliveries[before].next : lane->first;

    while (at != RELAY_NIL && comes_behind(core, delivery, &core->deliveries[at])) {
        before = at;
        at = core->deliveries[at].next;
    }
    delivery->next = at;
    if (before != RELAY_NIL)
        core->deliveries[before].next = index;
    else
        lane->first = index;
    if (at == RELAY_NIL)
        lane->last = index;
}

void lane_add(struct vow_relay *core, struct group *group, uint32_t event, uint32_t dead)
{
    const uint32_t key = core->events[event].key, index = take_delivery(core);
    struct lane *lane = lane_find(core, group_index(core, group), key);
    struct lane_input in = {.event = LANE_ON_ADD};

    VOW_ASSERT(index < relay_deliveries_max(&core->limits));
    core->deliveries[index] = (struct delivery){.event = event, .dead = dead, .tries = core->events[event].carried};
    core->events[event].carried = (struct tries){0};
    kept_ref(core, event);
    if (dead == RELAY_NIL)
        link_pending(core, group, index);
    watch_delivery(core, group, index);
    if (lane == NULL)
        lane = lane_new(core, group, key);
    if (dead == RELAY_NIL)
        insert(core, lane, index, lane->last);
    else
        insert(core, lane, index, is_under_way(lane) ? lane->first : RELAY_NIL);
    in.lane = lane;
    if (lane->first == index)
        lane_dispatch(core, &in);
}

bool lane_rotate(struct vow_relay *core, struct lane *lane)
{
    const uint32_t index = lane->first;

    if (core->deliveries[index].next == RELAY_NIL)
        return false;
    lane->first = core->deliveries[index].next;
    insert(core, lane, index, RELAY_NIL);
    return lane->first != index;
}

void relay_spread(struct vow_relay *core, uint32_t index)
{
    const struct event *event = &core->events[index];

    for (uint32_t i = 0; i < core->limits.groups_max; i++) {
        struct group *group = &core->groups[i];

        if (!group_is_there(group))
            continue;
        if (read_gives(core, i, event->lsn, event->msg, true))
            lane_add(core, group, index, RELAY_NIL);
        group_passes(core, group);
    }
    kept_release_if_unused(core, index);
}
