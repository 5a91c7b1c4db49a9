/*
 * The embedded broker: the core of the relay (coordinator/core/relay), which says what is sent, logged and told; a book
 * of what the events say; and the journal, whose records are the events. They go into the same group commits as those
 * of transactions. For the files that it is made of: all others know it by broker.h.
 */
#ifndef VOW_COORDINATOR_SERVER_RELAY_H
#define VOW_COORDINATOR_SERVER_RELAY_H

#include "coordinator/core/relay/relay.h"
#include "coordinator/fold/relay_recovery.h"
#include "coordinator/server/internal.h"

/* A delivery that was not sent, for much waits for its consumer. */
struct undelivered {
    uint64_t session, lsn;
    char group[VOW_NAME_SIZE];
};

struct relay {
    struct broker broker; /* first */
    struct vow_server *server;
    struct vow_relay *core;
    void *memory;
    struct vow_relay_limits limits; /* with room for what was recovered */
    struct relay_book book;
    struct vow_arena *arena;         /* for an event out of the journal */
    bool is_kept;                    /* the event that is published in this step */
    uint64_t full_bytes;             /* refused, for the book was full */
    struct undelivered *undelivered; /* of the step under way */
    size_t undelivered_len, undelivered_cap;
};

extern const struct broker_ops relay_ops;

void relay_step(struct relay *relay, const struct vow_relay_event *event);
/* What feeds the core; detail: of a start, else NULL. */
struct relay_recovery relay_recovery_of(struct relay *relay, struct vow_error_detail *detail);

static inline struct relay *relay_of(const struct broker *broker)
{
    return (struct relay *)broker;
}

static inline uint64_t relay_now_ms(const struct relay *relay)
{
    return relay->broker.host->now_ms(relay->broker.host_ctx);
}

static inline uint64_t relay_wall_us(const struct relay *relay)
{
    return relay->broker.host->wall_us(relay->broker.host_ctx);
}

/* relay_view.c: what operators see of it. */
void relay_counts(const struct broker *broker, struct broker_counts *counts);
bool relay_next_group(struct broker *broker, uint32_t *at, struct vow_relay_group_view *view);
bool relay_next_dead(struct broker *broker, uint32_t *at, struct vow_relay_dead_view *view);
bool relay_next_reaction(struct broker *broker, uint32_t *at, const struct vow_msg_event *event, uint64_t offset,
                         struct vow_relay_reaction *reaction);
int relay_topics(struct broker *broker, broker_topic_fn *each, void *ctx);
uint64_t relay_cut(const struct broker *broker);

#endif
