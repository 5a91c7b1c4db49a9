/*
 * A group that is gone for good. It would hold what it has not done for ever, and with it the journal, so an operator
 * may remove it: with all that it has not done, and its dead letters. Nobody does that to a group whose consumer is
 * there. It is forced, and answered when it is durable; a crash before that leaves the group as it was.
 */
#include <string.h>

#include "coordinator/core/relay/core.h"
#include "coordinator/core/relay/handlers.h"
#include "proto/error.h"

static const char *why_not(const struct vow_relay *core, const struct group *group)
{
    if (group->state == GROUP_LEAVING)
        return "it is being removed";
    if (group->session != 0 || group->state == GROUP_JOINING)
        return "its service is connected: stop it first, or it subscribes again";
    if (dead_is_under_way(core, group_index(core, group)))
        return "one of its dead letters is on its way to the disk: try again";
    return NULL;
}

void relay_take_removal(struct vow_relay *core, const struct vow_relay_event *event)
{
    struct group_input in = {.event = GROUP_ON_REMOVE, .from = event};

    in.group = group_find(core, event->order.group);
    if (in.group == NULL)
        relay_ordered(core, event->order.tag, VOW_E_NOT_FOUND, "there is no such group");
    else
        group_dispatch(core, &in);
}

/* From here on nothing is delivered to it, or kept for it in memory; the journal has it until the record is there. */
void group_on_remove(struct vow_relay *core, struct group_input *in)
{
    struct group *group = in->group;
    const char *why = why_not(core, group);
    struct vow_record *record;

    if (why != NULL) {
        relay_ordered(core, in->from->order.tag, VOW_E_STATE, why);
        return;
    }
    group_reset_lanes(core, group);
    group->was_there = false;
    read_from(core, group, RELAY_ALL);
    group->tag = in->from->order.tag;
    group_move(core, group, GROUP_LEAVING);
    record = &relay_log(core, VOW_RECORD_REMOVED, TOKEN_GROUP, 0, group_index(core, group), true)->log.record;
    relay_set_who(record, group);
    record->relay.lsn = group->cursor;
}

void group_on_removed(struct vow_relay *core, struct group_input *in)
{
    dead_free_all(core, group_index(core, in->group));
    dropped_pass(core, group_index(core, in->group), UINT64_MAX);
    relay_ordered(core, in->group->tag, 0, "");
    group_move(core, in->group, GROUP_NONE);
}

void group_on_subscribe_late(struct vow_relay *core, struct group_input *in)
{
    relay_subscribed(core, in->from->session, in->group->name, VOW_E_BUSY, "the group is being removed", 0);
}
