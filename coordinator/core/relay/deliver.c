/* One delivery after the other, for each key of each group. */
#include <string.h>

#include "coordinator/core/relay/core.h"
#include "coordinator/core/relay/handlers.h"
#include "proto/assert.h"

/* ---- giving up ---- */

/* Where it may not be buried, what is revived goes before it, and what was said of it is kept until it may. */
static void give_up(struct vow_relay *core, struct lane *lane, const char *text)
{
    if (dead_bury(core, lane, text)) {
        lane_move(core, lane, LANE_BURYING);
        return;
    }
    tries_keep_words(core, lane_tries(core, lane), text);
    lane_move(core, lane, lane_rotate(core, lane) ? LANE_READY : LANE_HELD);
}

/* ---- sending ---- */

void lane_on_add(struct vow_relay *core, struct lane_input *in)
{
    lane_move(core, in->lane, LANE_READY);
}

void lane_on_send(struct vow_relay *core, struct lane_input *in)
{
    struct lane *lane = in->lane;
    const struct group *group = lane_group(core, lane);
    const struct event *event = lane_event(core, lane);
    struct tries *tries = lane_tries(core, lane);
    struct vow_relay_effect *effect;

    VOW_ASSERT(group->session != 0 && event->lsn != 0);
    if (tries_are_over(core, lane)) {
        give_up(core, lane, tries_words(core, tries));
        return;
    }
    effect = relay_emit(core, VOW_RELAY_SEND);
    tries->attempts++;
    core->counts.sent++;
    core->counts.retries += tries->attempts > 1;
    effect->session = group->session;
    effect->msg.kind = VOW_MSG_DELIVER;
    effect->msg.deliver = (struct vow_msg_deliver){
        .group = group->name, .offset = event->lsn, .attempt = tries->attempts, .event = *event->msg};
    lane_move(core, lane, LANE_SENT);
    flow_arm(core, lane, core->now_ms + core->limits.attempt_ms);
}

/* ---- what became of it ---- */

static void go_on(struct vow_relay *core, struct lane *lane)
{
    lane_shift(core, lane);
    lane_move(core, lane, lane->first != RELAY_NIL ? LANE_READY : LANE_IDLE);
}

void lane_on_done(struct vow_relay *core, struct lane_input *in)
{
    const uint32_t dead = core->deliveries[in->lane->first].dead;

    core->counts.done++;
    if (dead != RELAY_NIL)
        dead_done(core, dead);
    go_on(core, in->lane);
}

static void failed(struct vow_relay *core, struct lane *lane, enum vow_cause cause, const char *text)
{
    lane_tries(core, lane)->cause = (uint8_t)cause;
    if (tries_are_over(core, lane)) {
        give_up(core, lane, text);
        return;
    }
    /* In a group that is paused meanwhile only what is revived goes on: it may not wait behind what does not. */
    if (lane_rotate(core, lane)) {
        lane_move(core, lane, LANE_READY);
        return;
    }
    lane_move(core, lane, LANE_WAITING);
    flow_back_off(core, lane);
}

/* A connection that is lost counts as an attempt: what ends its consumer each time must come to an end, too (F206). */
void lane_on_failed(struct vow_relay *core, struct lane_input *in)
{
    if (in->answer != NULL)
        failed(core, in->lane, in->answer->cause, in->answer->text);
    else
        failed(core, in->lane, VOW_CAUSE_PARTICIPANT_LOST, "the connection was lost before it answered");
}

void lane_on_timeout(struct vow_relay *core, struct lane_input *in)
{
    if (in->lane->state == LANE_WAITING)
        lane_move(core, in->lane, LANE_READY);
    else
        failed(core, in->lane, VOW_CAUSE_PARTICIPANT_UNAVAILABLE, "it did not answer in time");
}

void lane_on_unable(struct vow_relay *core, struct lane_input *in)
{
    struct tries *tries = lane_tries(core, in->lane);

    tries->cause = (uint8_t)in->answer->cause;
    tries->is_unable = true;
    give_up(core, in->lane, in->answer->text);
}

void lane_on_bury(struct vow_relay *core, struct lane_input *in)
{
    if (dead_bury(core, in->lane, tries_words(core, lane_tries(core, in->lane))))
        lane_move(core, in->lane, LANE_BURYING);
}

void lane_on_buried(struct vow_relay *core, struct lane_input *in)
{
    go_on(core, in->lane);
}

void lane_on_reset(struct vow_relay *core, struct lane_input *in)
{
    if (core->is_rebuilding)
        tries_carry(core, in->lane);
    while (in->lane->first != RELAY_NIL)
        lane_shift(core, in->lane);
    lane_move(core, in->lane, LANE_IDLE);
}

/* ---- answers ---- */

static enum lane_event event_of(enum vow_event_result result)
{
    switch (result) {
    case VOW_EVENT_DONE:
        return LANE_ON_DONE;
    case VOW_EVENT_NOT_YET:
        return LANE_ON_NOT_YET;
    case VOW_EVENT_UNABLE:
        break;
    }
    return LANE_ON_UNABLE;
}

static struct lane *lane_of(const struct vow_relay *core, const struct vow_msg_delivered *answer, uint64_t session)
{
    const struct group *group = group_find(core, answer->group);
    const uint32_t event = kept_find(core, answer->offset);
    struct lane *lane;

    if (group == NULL || group->session != session || event == RELAY_NIL)
        return NULL;
    lane = lane_find(core, group_index(core, group), core->events[event].key);
    return lane != NULL && core->deliveries[lane->first].event == event ? lane : NULL;
}

/* That it is done holds for every attempt; that it is not, for the one that is waited for. */
void relay_take_delivered(struct vow_relay *core, const struct vow_relay_event *event)
{
    const struct vow_msg_delivered *answer = &event->msg->delivered;
    struct lane_input in = {.event = event_of(answer->result), .answer = answer};

    in.lane = lane_of(core, answer, event->session);
    if (in.lane == NULL ||
        (answer->result != VOW_EVENT_DONE && answer->attempt != lane_tries(core, in.lane)->attempts)) {
        core->counts.late++;
        return;
    }
    lane_dispatch(core, &in);
}

static void lose(struct vow_relay *core, const struct group *group)
{
    uint32_t index = group->lanes;

    while (index != RELAY_NIL) {
        struct lane_input in = {.event = LANE_ON_LOST, .lane = &core->lanes[index]};

        index = core->lanes[index].next_of;
        /* What does not fit into this step is found by its timer. */
        if (in.lane->state == LANE_SENT && relay_has_effects(core))
            lane_dispatch(core, &in);
    }
}

void relay_session_down(struct vow_relay *core, uint64_t session)
{
    for (uint32_t i = 0; i < core->limits.groups_max; i++) {
        struct group *group = &core->groups[i];
        struct group_input in = {.event = GROUP_ON_DOWN, .group = group};

        if (group->state == GROUP_NONE || group->session != session)
            continue;
        group_dispatch(core, &in);
        lose(core, group);
    }
}
