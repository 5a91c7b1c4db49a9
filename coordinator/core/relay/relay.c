/* The outside of the relay core: its memory, its step, its deadline. */
#include "coordinator/core/relay/relay.h"

#include <string.h>

#include "coordinator/core/relay/core.h"
#include "proto/assert.h"
#include "proto/gtrid_table.h"
#include "proto/layout.h"

const struct vow_relay_limits vow_relay_default_limits = {
    .events_max = 8192,
    .keys_max = 65536,
    .groups_max = 16,
    .dead_max = 1024,
    .unread_max = VOW_RELAY_HIGHEST,
    .window = 64,
    .attempts_max = 10,
    .attempt_ms = 30000,
    .backoff_ms = 100,
    .backoff_max_ms = 30000,
};

static bool is_within(uint32_t value, uint32_t max)
{
    return value >= 1 && value <= max;
}

/* Keys that are in use are never forgotten, so there are more of them than events. */
static bool are_valid(const struct vow_relay_limits *limits)
{
    const uint32_t day_ms = 24u * 60u * 60u * 1000u;

    return is_within(limits->events_max, VOW_RELAY_HIGHEST) && is_within(limits->keys_max, 4 * VOW_RELAY_HIGHEST) &&
           limits->keys_max > limits->events_max && is_within(limits->groups_max, VOW_RELAY_GROUPS_HIGHEST) &&
           is_within(limits->dead_max, VOW_RELAY_HIGHEST) && is_within(limits->unread_max, VOW_RELAY_UNREAD_HIGHEST) &&
           is_within(limits->window, RELAY_WINDOW_MAX) && is_within(limits->attempts_max, 1000000) &&
           is_within(limits->attempt_ms, day_ms) && is_within(limits->backoff_ms, day_ms) &&
           is_within(limits->backoff_max_ms, day_ms);
}

uint32_t vow_relay_events_most(const struct vow_relay_limits *limits)
{
    return relay_slots(limits);
}

/* ---- memory ---- */

static void lay_out(struct vow_layout *layout, struct vow_relay *core, const struct vow_relay_limits *limits)
{
    const uint32_t deliveries = relay_deliveries_max(limits), slots = relay_slots(limits);

    VOW_LAYOUT_TAKE(layout, core->keys, relay_keys(limits));
    VOW_LAYOUT_TAKE(layout, core->key_heads, vow_gtrid_table_heads(limits->keys_max));
    VOW_LAYOUT_TAKE(layout, core->events, slots);
    VOW_LAYOUT_TAKE(layout, core->event_heads, vow_gtrid_table_heads(limits->events_max));
    VOW_LAYOUT_TAKE(layout, core->kept_list, slots);
    VOW_LAYOUT_TAKE(layout, core->deliveries, deliveries);
    VOW_LAYOUT_TAKE(layout, core->lanes, deliveries);
    VOW_LAYOUT_TAKE(layout, core->lane_heads, vow_gtrid_table_heads(deliveries));
    VOW_LAYOUT_TAKE(layout, core->said, relay_words_max(limits));
    vow_layout_take_heap(layout, &core->due, deliveries);
    vow_layout_take_heap(layout, &core->deadlines, slots);
    VOW_LAYOUT_TAKE(layout, core->groups, limits->groups_max);
    VOW_LAYOUT_TAKE(layout, core->beyond, limits->groups_max * VOW_BEYOND_BYTES_MAX);
    VOW_LAYOUT_TAKE(layout, core->dead, limits->dead_max);
    VOW_LAYOUT_TAKE(layout, core->dropped_letters, limits->events_max);
    VOW_LAYOUT_TAKE(layout, core->effects, (size_t)RELAY_EFFECTS_MAX);
    VOW_LAYOUT_TAKE(layout, core->group_hits, vow_group_fsm()->edges_len);
    VOW_LAYOUT_TAKE(layout, core->lane_hits, vow_lane_fsm()->edges_len);
}

size_t vow_relay_size(const struct vow_relay_limits *limits)
{
    struct vow_relay nowhere;
    struct vow_layout layout = {NULL, 0};

    if (!are_valid(limits))
        return 0;
    vow_layout_take(&layout, 1, sizeof(struct vow_relay));
    lay_out(&layout, &nowhere, limits);
    return layout.used;
}

static void fill(uint32_t *heads, uint32_t len)
{
    for (uint32_t i = 0; i < len; i++)
        heads[i] = RELAY_NIL;
}

static void init_tables(struct vow_relay *core)
{
    const struct vow_relay_limits *limits = &core->limits;

    fill(core->key_heads, vow_gtrid_table_heads(limits->keys_max));
    fill(core->event_heads, vow_gtrid_table_heads(limits->events_max));
    fill(core->lane_heads, vow_gtrid_table_heads(relay_deliveries_max(limits)));
    vow_heap_init(&core->due, relay_deliveries_max(limits));
    vow_heap_init(&core->deadlines, relay_slots(limits));
    memset(core->groups, 0, limits->groups_max * sizeof(*core->groups));
    memset(core->dead, 0, limits->dead_max * sizeof(*core->dead));
    memset(core->group_hits, 0, vow_group_fsm()->edges_len * sizeof(*core->group_hits));
    memset(core->lane_hits, 0, vow_lane_fsm()->edges_len * sizeof(*core->lane_hits));
}

static void chain_free_lists(struct vow_relay *core)
{
    core->keys_free = core->events_free = RELAY_NIL;
    for (uint32_t i = relay_keys(&core->limits); i > 0; i--) {
        core->keys[i - 1].next = core->keys_free;
        core->keys_free = i - 1;
    }
    for (uint32_t i = relay_slots(&core->limits); i > 0; i--) {
        core->events[i - 1] = (struct event){.next_released = core->events_free};
        core->events_free = i - 1;
    }
    core->events_left = relay_slots(&core->limits);
}

struct vow_relay *vow_relay_core_init(void *mem, const struct vow_relay_limits *limits, uint32_t epoch, uint64_t seed)
{
    struct vow_layout layout = {mem, 0};
    struct vow_relay *core = vow_layout_take(&layout, 1, sizeof(*core));

    VOW_ASSERT(are_valid(limits));
    memset(core, 0, sizeof(*core));
    core->limits = *limits;
    lay_out(&layout, core, limits);
    core->epoch = epoch;
    core->jitter = seed;
    core->recovering = true;
    core->loading = core->released = core->first_event = core->last_event = RELAY_NIL;
    core->oldest_key = core->newest_key = core->lanes_free = core->deliveries_free = RELAY_NIL;
    relay_fill_handlers(core);
    init_tables(core);
    chain_free_lists(core);
    return core;
}

/* ---- the step ---- */

static void take_message(struct vow_relay *core, const struct vow_relay_event *event)
{
    if (event->msg->kind == VOW_MSG_DELIVERED)
        relay_take_delivered(core, event);
    else if (event->msg->kind == VOW_MSG_SEEK)
        relay_take_seek(core, event);
    else
        core->counts.protocol_errors++;
}

static void take_event(struct vow_relay *core, const struct vow_relay_event *event)
{
    switch (event->kind) {
    case VOW_RELAY_PUBLISH:
        relay_take_publish(core, event);
        break;
    case VOW_RELAY_MESSAGE:
        take_message(core, event);
        break;
    case VOW_RELAY_SUBSCRIBE:
        relay_take_subscribe(core, event);
        break;
    case VOW_RELAY_LOADED:
        relay_take_loaded(core, event);
        break;
    case VOW_RELAY_LOAD_DONE:
        relay_take_load_done(core, event);
        break;
    case VOW_RELAY_LOG_DONE:
        relay_take_logged(core, event);
        break;
    case VOW_RELAY_TIMER:
        flow_take_timer(core);
        break;
    case VOW_RELAY_SESSION_DOWN:
        flow_take_peer_ready(core, event->session);
        relay_session_down(core, event->session);
        break;
    case VOW_RELAY_UNSENT:
        flow_take_unsent(core, event);
        break;
    case VOW_RELAY_PEER_READY:
        flow_take_peer_ready(core, event->session);
        break;
    case VOW_RELAY_ORDER:
        if (event->order.order == VOW_RELAY_SEEK)
            relay_take_move(core, event);
        else if (event->order.order == VOW_RELAY_REMOVE)
            relay_take_removal(core, event);
        else
            dead_take_order(core, event);
        break;
    case VOW_RELAY_RECOVERED_KEY:
    case VOW_RELAY_RECOVERED_GROUP:
    case VOW_RELAY_RECOVERED_DEAD:
    case VOW_RELAY_RECOVERED_EVENT:
        relay_take_recovered(core, event);
        break;
    case VOW_RELAY_RECOVERY_DONE:
        relay_recovered(core, event->last_lsn);
        break;
    case VOW_RELAY_SHED:
        core->shedding = event->shed;
        break;
    case VOW_RELAY_DRAIN:
        core->draining = true;
        break;
    }
}

/* What an event leaves to be done: in small pieces, the rest with the next timer. */
static void go_on(struct vow_relay *core)
{
    core->has_more = false;
    if (core->has_room)
        dead_give_room(core);
    flow_send_some(core);
    if (core->loading == RELAY_NIL)
        kept_free_some(core);
    read_some(core);
}

void vow_relay_step(struct vow_relay *core, const struct vow_relay_event *event, struct vow_relay_effects *effects)
{
    VOW_ASSERT(event->now_ms >= core->now_ms);
    core->now_ms = event->now_ms;
    core->effects_len = 0;
    take_event(core, event);
    /* While it is told what was not sent it sends nothing: that would be more of the same. */
    if (event->kind == VOW_RELAY_UNSENT)
        core->has_more = true;
    else if (!core->recovering)
        go_on(core);
    effects->items = core->effects;
    effects->len = core->effects_len;
}

uint64_t vow_relay_deadline_ms(const struct vow_relay *core)
{
    const struct vow_heap_entry *first = vow_heap_first(&core->due), *late = vow_heap_first(&core->deadlines);
    uint64_t deadline_ms = first != NULL ? first->key.major : UINT64_MAX;

    if (core->recovering)
        return UINT64_MAX;
    if (core->has_more || core->has_room || (core->loading == RELAY_NIL && core->released != RELAY_NIL))
        return core->now_ms;
    if (late != NULL && late->key.major < deadline_ms)
        deadline_ms = late->key.major;
    return core->is_dirty && core->note_ms < deadline_ms ? core->note_ms : deadline_ms;
}
