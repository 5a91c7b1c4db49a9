/* What operators see of the broker in memory. */
#include <string.h>

#include "memory_private.h"

static bool is_letter(const struct delivery *delivery)
{
    return delivery->state == DEAD || (delivery->is_letter && delivery->state != DONE);
}

void memory_counts(const struct broker *broker, struct broker_counts *counts)
{
    const struct memory_broker *memory = memory_of(broker);

    *counts = (struct broker_counts){.of = memory->counts, .events_max = memory->events_max};
    counts->of.events = memory_count_open(memory);
    counts->of.groups = memory->groups_len;
    for (uint32_t g = 0; g < memory->groups_len; g++) {
        for (uint32_t i = 0; i < memory->events_len; i++)
            counts->of.dead += is_letter(&memory->groups[g].deliveries[i]);
    }
}

bool memory_next_group(struct broker *broker, uint32_t *at, struct vow_relay_group_view *view)
{
    struct memory_broker *memory = memory_of(broker);
    struct group *group = &memory->groups[*at];

    if (*at == memory->groups_len)
        return false;
    ++*at;
    group->patterns[0] = group->pattern;
    *view =
        (struct vow_relay_group_view){.name = group->name,
                                      .participant = group->participant,
                                      .state = group->session != 0 ? "LIVE" : "AWAY",
                                      .session = group->session,
                                      .subscribe = {.patterns_len = 1, .patterns = group->patterns, .key_filter = ""}};
    for (uint32_t i = 0; i < memory->events_len; i++) {
        view->lag += memory_is_open(memory, group, i) && !is_letter(&group->deliveries[i]);
        view->dead += is_letter(&group->deliveries[i]);
        view->in_flight += group->deliveries[i].state == SENT;
        view->cursor += view->cursor == i && !memory_is_open(memory, group, i);
    }
    return true;
}

bool memory_next_dead(struct broker *broker, uint32_t *at, struct vow_relay_dead_view *view)
{
    const struct memory_broker *memory = memory_of(broker);

    for (; *at < memory->groups_len * EVENTS; ++*at) {
        const struct group *group = &memory->groups[*at / EVENTS];
        const uint32_t i = *at % EVENTS;
        const struct delivery *delivery = &group->deliveries[i];
        if (!is_letter(delivery))
            continue;
        ++*at;
        *view = (struct vow_relay_dead_view){.group = group->name,
                                             .kept = {&memory->events[i].msg, i + 1},
                                             .cause = delivery->cause,
                                             .attempts = delivery->attempt,
                                             .text = "",
                                             .is_retried = delivery->is_letter};
        return true;
    }
    return false;
}

static enum vow_relay_wait wait_of(const struct memory_broker *memory, const struct group *group, uint32_t i)
{
    switch (group->deliveries[i].state) {
    case SENT:
        return VOW_RELAY_WAIT_SENT;
    case PAUSING:
        return VOW_RELAY_WAIT_BACKOFF;
    case BURYING:
        return VOW_RELAY_WAIT_BURYING;
    case DEAD:
        return VOW_RELAY_WAIT_DEAD;
    case DONE:
        return VOW_RELAY_WAIT_NONE;
    case WAITING:
        break;
    }
    if (group->session == 0)
        return VOW_RELAY_WAIT_AWAY;
    return memory_is_behind(memory, group, i) ? VOW_RELAY_WAIT_BEHIND : VOW_RELAY_WAIT_FULL;
}

bool memory_next_reaction(struct broker *broker, uint32_t *at, const struct vow_msg_event *event, uint64_t offset,
                          struct vow_relay_reaction *reaction)
{
    const struct memory_broker *memory = memory_of(broker);

    (void)event;
    while (*at < memory->groups_len && offset - 1 < memory->events_len) {
        const struct group *group = &memory->groups[(*at)++];
        if (!memory_takes(group, &memory->events[offset - 1]))
            continue;
        *reaction = (struct vow_relay_reaction){.group = group->name,
                                                .participant = group->participant,
                                                .wait = wait_of(memory, group, (uint32_t)offset - 1),
                                                .attempts = group->deliveries[offset - 1].attempt,
                                                .text = ""};
        return true;
    }
    return false;
}

int memory_topics(struct broker *broker, broker_topic_fn *each, void *ctx)
{
    const struct memory_broker *memory = memory_of(broker);
    const char *last = "";
    int error = 0;

    while (error == 0) {
        struct vow_relay_topic_view view = {.name = NULL};
        for (uint32_t i = 0; i < memory->events_len; i++) {
            const char *topic = memory->events[i].topic;
            if (strcmp(topic, last) > 0 && (view.name == NULL || strcmp(topic, view.name) < 0))
                view.name = topic;
        }
        if (view.name == NULL)
            break;
        last = view.name;
        for (uint32_t i = 0; i < memory->events_len; i++)
            view.events += strcmp(memory->events[i].topic, last) == 0;
        error = each(ctx, &view);
    }
    return error;
}

uint64_t memory_cut(const struct broker *broker)
{
    (void)broker;
    return 0;
}
