/*
 * When an event is delivered: within the group's window, each group in its turn; again after a back-off with full
 * jitter (sagas 4.4). For whose consumer much waits to be sent already, what comes is held back (F029): a delivery that
 * the driver could not send is taken back, as if it had never been, and the group waits until its consumer has read.
 */
#include "coordinator/core/relay/core.h"
#include "coordinator/core/relay/handlers.h"
#include "proto/jitter.h"

#define TIMERS_MAX 256

void flow_arm(struct vow_relay *core, const struct lane *lane, uint64_t at_ms)
{
    const uint32_t index = lane_index(core, lane);

    vow_heap_set(&core->due, index, (struct vow_heap_key){at_ms, index});
}

static uint32_t or_default(uint32_t value, uint32_t otherwise)
{
    return value != 0 ? value : otherwise;
}

/* Full jitter: anything up to base * 2^attempts, or up to the most. */
void flow_back_off(struct vow_relay *core, const struct lane *lane)
{
    const struct subscription *asked = &lane_group(core, lane)->now;
    const uint64_t base = or_default(asked->backoff_ms, core->limits.backoff_ms);
    const uint64_t cap = or_default(asked->backoff_max_ms, core->limits.backoff_max_ms);
    const uint32_t attempts = lane_tries(core, lane)->attempts, doublings = attempts > 0 ? attempts - 1 : 0;
    uint64_t most = base << (doublings < 30 ? doublings : 30);

    if (most > cap)
        most = cap > base ? cap : base;
    flow_arm(core, lane, core->now_ms + 1 + vow_jitter_next(&core->jitter) % most);
}

static bool is_revived(const struct vow_relay *core, uint32_t lane)
{
    return core->deliveries[core->lanes[lane].first].dead != RELAY_NIL;
}

/* A group that is paused is delivered what an operator wants it to be, and nothing else. */
static uint32_t next_of(const struct vow_relay *core, const struct group *group)
{
    uint32_t lane = group->ready;

    if (group_is_full(group))
        return RELAY_NIL;
    if (group->state == GROUP_LIVE)
        return lane;
    if (group->state != GROUP_PAUSED || group->session == 0)
        return RELAY_NIL;
    while (lane != RELAY_NIL && !is_revived(core, lane))
        lane = core->lanes[lane].ready_next;
    return lane;
}

/* One of its keys. False: it has none that may go, or no room in its window. */
static bool send_one(struct vow_relay *core, struct group *group)
{
    struct lane_input in = {.event = LANE_ON_SEND};

    const uint32_t lane = next_of(core, group);

    if (lane == RELAY_NIL || group->in_flight >= group_window(core, group))
        return false;
    in.lane = &core->lanes[lane];
    lane_dispatch(core, &in);
    return true;
}

void flow_send_some(struct vow_relay *core)
{
    const uint32_t groups = core->limits.groups_max;
    uint32_t idle = 0;

    while (idle < groups) {
        if (!relay_has_effects(core)) {
            core->has_more = true;
            return;
        }
        idle = send_one(core, &core->groups[core->next_group]) ? 0 : idle + 1;
        core->next_group = (core->next_group + 1) % groups;
    }
}

/* ---- what was not sent ---- */

void lane_on_unsent(struct vow_relay *core, struct lane_input *in)
{
    struct tries *tries = lane_tries(core, in->lane);

    core->counts.sent--;
    core->counts.retries -= tries->attempts > 1;
    core->counts.unsent++;
    tries->attempts--;
    (void)lane_rotate(core, in->lane);
    lane_move(core, in->lane, LANE_READY);
}

void flow_take_unsent(struct vow_relay *core, const struct vow_relay_event *event)
{
    struct group *group = group_find(core, event->unsent.group);
    const uint32_t index = kept_find(core, event->unsent.lsn);
    struct lane_input in = {.event = LANE_ON_UNSENT};

    if (group == NULL || group->session != event->session || index == RELAY_NIL)
        return;
    group->full_session = event->session;
    in.lane = lane_find(core, group_index(core, group), core->events[index].key);
    if (in.lane != NULL && core->deliveries[in.lane->first].event == index)
        lane_dispatch(core, &in);
}

void flow_take_peer_ready(struct vow_relay *core, uint64_t session)
{
    for (uint32_t i = 0; i < core->limits.groups_max; i++) {
        if (core->groups[i].full_session == session)
            core->groups[i].full_session = 0;
    }
}

/* ---- the timer ---- */

/* Up to the last event that came, or to what it reads next; or up to the first that is not done and has no place. */
static uint64_t far_place(const struct vow_relay *core, const struct group *group)
{
    uint32_t delivery = group->first;

    for (uint32_t i = 0; i < VOW_BEYOND_EVENTS_MAX && delivery != RELAY_NIL; i++)
        delivery = core->deliveries[delivery].after;
    if (delivery != RELAY_NIL)
        return core->events[core->deliveries[delivery].event].lsn - 1;
    return group->read_to < core->last_lsn ? group->read_to : core->last_lsn;
}

static struct vow_slice beyond_of(const struct vow_relay *core, const struct group *group)
{
    const uint64_t upto = far_place(core, group);
    struct vow_beyond beyond;

    if (upto <= group->cursor)
        return (struct vow_slice){NULL, 0};
    vow_beyond_begin(&beyond, group_beyond(core, group), group->cursor, upto);
    for (uint32_t i = group->first; i != RELAY_NIL; i = core->deliveries[i].after) {
        const uint64_t lsn = core->events[core->deliveries[i].event].lsn;

        if (lsn > upto)
            break;
        vow_beyond_leave_out(&beyond, lsn);
    }
    return (struct vow_slice){beyond.bytes, beyond.len};
}

static void note_cursor(struct vow_relay *core, struct group *group)
{
    struct vow_record *record = &relay_log(core, VOW_RECORD_CURSOR, TOKEN_NONE, 0, 0, false)->log.record;

    relay_set_who(record, group);
    record->relay.lsn = group->noted = group->cursor;
    record->body = beyond_of(core, group);
    group->is_moved = false;
    dropped_pass(core, group_index(core, group), group->cursor);
}

/* A group that goes on from elsewhere has its place in the record that is on its way; what it has done since that was
 * written is noted after it (group_on_logged()). */
void flow_note_cursors(struct vow_relay *core)
{
    core->is_dirty = false;
    for (uint32_t i = 0; i < core->limits.groups_max; i++) {
        struct group *group = &core->groups[i];

        if (group->state != GROUP_JOINING && group_is_there(group) && group->is_moved)
            note_cursor(core, group);
    }
}

void flow_take_timer(struct vow_relay *core)
{
    for (int i = 0; i < TIMERS_MAX && relay_has_effects(core); i++) {
        const struct vow_heap_entry *first = vow_heap_first(&core->due);
        struct lane_input in = {.event = LANE_ON_TIMEOUT};

        if (first == NULL || first->key.major > core->now_ms)
            break;
        in.lane = &core->lanes[first->item];
        lane_dispatch(core, &in);
    }
    watch_take_timer(core);
    if (core->is_dirty && core->now_ms >= core->note_ms)
        flow_note_cursors(core);
}
