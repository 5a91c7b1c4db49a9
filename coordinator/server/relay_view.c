/* What operators see of the embedded broker. */
#include "coordinator/fold/event_rows.h"
#include "coordinator/server/relay.h"

void relay_counts(const struct broker *broker, struct broker_counts *counts)
{
    const struct relay *relay = relay_of(broker);
    *counts = (struct broker_counts){.bytes = relay->book.bytes,
                                     .full_bytes = relay->full_bytes,
                                     .events_max = relay->limits.events_max,
                                     .bytes_max = relay->server->settings.event_bytes_max,
                                     .groups_max = relay->limits.groups_max,
                                     .dead_max = relay->limits.dead_max};
    vow_relay_counts(relay->core, &counts->of);
}

bool relay_next_group(struct broker *broker, uint32_t *at, struct vow_relay_group_view *view)
{
    return vow_relay_next_group(relay_of(broker)->core, at, view);
}

bool relay_next_dead(struct broker *broker, uint32_t *at, struct vow_relay_dead_view *view)
{
    return vow_relay_next_dead(relay_of(broker)->core, at, view);
}

bool relay_next_reaction(struct broker *broker, uint32_t *at, const struct vow_msg_event *event, uint64_t offset,
                         struct vow_relay_reaction *reaction)
{
    return vow_relay_next_reaction(relay_of(broker)->core, at, event, offset, reaction);
}

int relay_topics(struct broker *broker, broker_topic_fn *each, void *ctx)
{
    return topics_of(&relay_of(broker)->book, each, ctx);
}

uint64_t relay_cut(const struct broker *broker)
{
    struct vow_journal_stats stats;
    vow_journal_stats(relay_of(broker)->server->journal, &stats);
    return stats.cut_lsn;
}
