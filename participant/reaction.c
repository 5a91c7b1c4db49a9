/* What a reaction may be given, and what it may publish. */
#include <stdio.h>
#include <string.h>

#include "participant/participant_events.h"

/* A service that is being brought up to date may know it in a moment (F210). */
static int park(const struct vow_reaction_kept *reaction, uint32_t version, enum vow_cause *cause,
                char text[VOW_TEXT_SIZE])
{
    *cause = VOW_CAUSE_HANDLER_FAILED;
    (void)snprintf(text, VOW_TEXT_SIZE, "version %u of the payload is newer than the %u that the handler knows",
                   version, reaction->version_max);
    return VOW_E_VERSION;
}

static int no_reaction(const struct vow_store_delivery *delivery, enum vow_cause *cause, char text[VOW_TEXT_SIZE])
{
    *cause = VOW_CAUSE_NO_SUCH_HANDLER;
    (void)snprintf(text, VOW_TEXT_SIZE, "nothing in group %s reacts to %s", delivery->group, delivery->event.topic);
    return VOW_E_NOT_FOUND;
}

int vow_reaction_check(const struct vow_reaction_kept *reaction, const struct vow_store_delivery *delivery,
                       uint32_t version, enum vow_cause *cause, char text[VOW_TEXT_SIZE])
{
    if (reaction == NULL)
        return no_reaction(delivery, cause, text);
    if (reaction->version_max != 0 && version > reaction->version_max)
        return park(reaction, version, cause, text);
    return 0;
}

static bool may_publish(const struct vow_reaction_kept *reaction, const char *topic)
{
    for (size_t i = 0; i < reaction->publishes_len; i++) {
        if (strcmp(reaction->publishes[i], topic) == 0)
            return true;
    }
    return false;
}

/* What follows from an event has its deadline, or an earlier one of its own. */
static void inherit_deadline(struct vow_store_event *event, uint64_t deadline_us)
{
    if (event->deadline_us == 0 || (deadline_us != 0 && deadline_us < event->deadline_us))
        event->deadline_us = deadline_us;
}

int vow_reaction_publishes(const struct vow_reaction_kept *reaction, const struct vow_store_delivery *delivery,
                           struct vow_store_event *event)
{
    event->hops = delivery->event.hops + 1;
    inherit_deadline(event, delivery->event.deadline_us);
    return event->hops > VOW_EVENT_HOPS_MAX || !may_publish(reaction, event->topic) ? VOW_E_REFUSED : 0;
}
