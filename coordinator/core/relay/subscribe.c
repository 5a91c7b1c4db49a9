/* Groups: what they ask for, and where they go on. */
#include <string.h>

#include "coordinator/core/relay/core.h"
#include "coordinator/core/relay/handlers.h"
#include "proto/error.h"

static void answer(struct vow_relay *core, const struct group_input *in, int error, const char *text)
{
    relay_subscribed(core, in->from->session, in->group->name, error, text, in->group->cursor);
}

/* ---- SUBSCRIBE, SEEK ---- */

/* A consumer says with each connection where its group begins: one that is there goes on where it left off, or what was
 * published while it was away would be passed over, or come again and again. */
static uint64_t beginning(const struct vow_relay *core, const struct group *group,
                          const struct vow_msg_subscribe *subscribe, bool is_seek)
{
    if (group->was_there && !is_seek)
        return group->cursor;
    switch (subscribe->from) {
    case VOW_FROM_START:
        return 0;
    case VOW_FROM_END:
        return core->last_lsn;
    case VOW_FROM_OFFSET:
        return subscribe->offset < core->last_lsn ? subscribe->offset : core->last_lsn;
    case VOW_FROM_RESUME:
        break;
    }
    return 0;
}

/* Its place is durable before it reads what comes after it, so that nothing of that is cut off meanwhile. */
static void join(struct vow_relay *core, struct group_input *in)
{
    struct group *group = in->group;
    struct vow_relay_effect *effect;

    group->keeps = group->was_there && !in->is_seek;
    group->next_cursor = beginning(core, group, in->subscribe, in->is_seek);
    /* An operator is not who is delivered to. */
    if (in->from->kind != VOW_RELAY_ORDER)
        group->session = in->from->session;
    group->tag = in->from->kind == VOW_RELAY_ORDER ? in->from->order.tag : 0;
    group_move(core, group, GROUP_JOINING);
    effect = relay_log(core, VOW_RECORD_GROUP, TOKEN_GROUP, 0, group_index(core, group), true);
    relay_set_who(&effect->log.record, group);
    memcpy(effect->log.record.text, group->participant, sizeof(group->participant));
    effect->log.record.relay.lsn = group->next_cursor;
    effect->log.record.detail = in->is_seek ? VOW_GROUP_MOVED : VOW_GROUP_STAYS;
    effect->log.subscribe = subscription_message(&core->view, group->name, &group->next);
}

/* The connection that asks is the one that is delivered to. */
static void go_live(struct vow_relay *core, struct group_input *in)
{
    struct group *group = in->group;

    group->session = in->from->session;
    answer(core, in, 0, "");
    if (group->state == GROUP_AWAY)
        group_move(core, group, GROUP_LIVE);
}

void group_on_subscribe(struct vow_relay *core, struct group_input *in)
{
    struct group *group = in->group;
    /* Who moves asks for nothing new. */
    const char *circle = in->is_seek ? NULL : vow_relay_circle(core, in->subscribe);

    if (circle != NULL) {
        answer(core, in, VOW_E_REFUSED, circle);
        return;
    }
    subscription_copy(&group->next, in->subscribe);
    if (group->was_there && !in->is_seek && subscription_equal(&group->now, &group->next))
        go_live(core, in);
    else
        join(core, in);
}

void group_on_subscribe_again(struct vow_relay *core, struct group_input *in)
{
    struct subscription asked;

    subscription_copy(&asked, in->subscribe);
    if (!subscription_equal(&asked, &in->group->next)) {
        answer(core, in, VOW_E_BUSY, "an earlier subscription is on its way to the disk");
        return;
    }
    in->group->session = in->from->session;
}

void relay_take_subscribe(struct vow_relay *core, const struct vow_relay_event *event)
{
    const struct vow_msg_subscribe *subscribe = event->subscribe.msg;
    struct group_input in = {.event = GROUP_ON_SUBSCRIBE, .from = event, .subscribe = subscribe};

    in.group = group_find(core, subscribe->group);
    if (in.group != NULL && strcmp(in.group->participant, event->subscribe.participant) != 0) {
        relay_subscribed(core, event->session, subscribe->group, VOW_E_REFUSED,
                         "the group is another participant's: each has its own", 0);
        return;
    }
    if (in.group == NULL)
        in.group = group_new(core, subscribe->group, event->subscribe.participant);
    if (in.group == NULL) {
        core->counts.full_groups++;
        relay_subscribed(core, event->session, subscribe->group, VOW_E_BUSY, "there are too many groups", 0);
        return;
    }
    group_dispatch(core, &in);
}

static void go_on_after(struct vow_relay *core, struct group_input *in, uint64_t lsn)
{
    struct vow_msg_subscribe subscribe = *subscription_message(&core->view, in->group->name, &in->group->now);

    subscribe.from = VOW_FROM_OFFSET;
    subscribe.offset = lsn;
    in->subscribe = &subscribe;
    group_dispatch(core, in);
}

void relay_take_seek(struct vow_relay *core, const struct vow_relay_event *event)
{
    const struct vow_msg_seek *seek = &event->msg->seek;
    struct group_input in = {.event = GROUP_ON_SUBSCRIBE, .from = event, .is_seek = true};

    in.group = group_find(core, seek->group);
    if (in.group == NULL || in.group->session != event->session) {
        relay_subscribed(core, event->session, seek->group, VOW_E_NOT_FOUND, "it is not subscribed to", 0);
        return;
    }
    if (in.group->state == GROUP_JOINING) {
        answer(core, &in, VOW_E_BUSY, "an earlier subscription is on its way to the disk");
        return;
    }
    go_on_after(core, &in, seek->offset);
}

static const char *why_not(const struct vow_relay *core, const struct group *group, uint64_t lsn)
{
    if (group->state == GROUP_LEAVING)
        return "it is being removed";
    if (group->state == GROUP_JOINING)
        return "its subscription is on its way to the disk: try again";
    return lsn != UINT64_MAX && lsn >= core->last_lsn ? "no event is there yet, or after it: see newest" : NULL;
}

void relay_take_move(struct vow_relay *core, const struct vow_relay_event *event)
{
    struct group_input in = {.event = GROUP_ON_SUBSCRIBE, .from = event, .is_seek = true};
    const char *why;

    in.group = group_find(core, event->order.group);
    if (in.group == NULL) {
        relay_ordered(core, event->order.tag, VOW_E_NOT_FOUND, "there is no such group");
        return;
    }
    why = why_not(core, in.group, event->order.lsn);
    if (why != NULL)
        relay_ordered(core, event->order.tag, VOW_E_STATE, why);
    else
        go_on_after(core, &in, event->order.lsn);
}

/* One that asks for something else goes on where it is, with what it has not done: that is for it to ask for, too, from
 * now on. It may have done some of that since the record was written. */
void group_on_logged(struct vow_relay *core, struct group_input *in)
{
    struct group *group = in->group;

    group->now = group->next;
    group->was_there = true;
    group->noted = group->next_cursor;
    group->is_moved = false;
    dropped_pass(core, group_index(core, group), group->keeps ? group->next_cursor : RELAY_ALL);
    if (group->keeps) {
        read_forget(core, group);
    } else {
        group->cursor = group->next_cursor;
        read_from(core, group, group->cursor);
    }
    group_rebuild(core, group);
    if (group->keeps)
        group_has_moved(core, group);
    if (group->tag != 0)
        relay_ordered(core, group->tag, 0, "");
    group->tag = 0;
    if (group->session != 0)
        relay_subscribed(core, group->session, group->name, 0, "", group->cursor);
    group_move(core, group, group->session != 0 ? GROUP_LIVE : GROUP_AWAY);
}

void group_on_down(struct vow_relay *core, struct group_input *in)
{
    in->group->session = 0;
    if (in->group->state == GROUP_LIVE)
        group_move(core, in->group, GROUP_AWAY);
}
