/* What the files of the broker in memory share. */
#ifndef VOW_TESTS_MEMORY_PRIVATE_H
#define VOW_TESTS_MEMORY_PRIVATE_H

#include "memory_broker.h"

#define EVENTS 32u
#define GROUPS 4u
#define PAYLOAD 64u
#define ATTEMPT_MS 30000u
#define BACKOFF_MS 100u
#define ATTEMPTS_MAX 10u

enum state { WAITING, SENT, PAUSING, BURYING, DEAD, DONE };

struct delivery {
    enum state state;
    uint32_t attempt;
    uint64_t due_ms; /* SENT, PAUSING */
    enum vow_cause cause;
    bool is_letter; /* a dead letter that is delivered again */
};

struct kept {
    struct vow_msg_event msg; /* points to what follows */
    char topic[VOW_TOPIC_SIZE], key[VOW_EVENT_KEY_SIZE], source[VOW_NAME_SIZE];
    uint8_t payload[PAYLOAD];
    uint64_t publisher;
    bool is_durable;
};

struct group {
    char name[VOW_NAME_SIZE], participant[VOW_NAME_SIZE], pattern[VOW_TOPIC_SIZE];
    const char *patterns[1];
    uint64_t session;
    bool is_joining, is_full;
    struct delivery deliveries[EVENTS]; /* by the offset, from 1, less 1 */
};

struct memory_broker {
    struct broker broker; /* first */
    uint32_t events_max;
    struct kept events[EVENTS];
    uint32_t events_len;
    struct group groups[GROUPS];
    uint32_t groups_len;
    bool is_shedding, is_draining;
    struct vow_relay_counts counts;
};

static inline struct memory_broker *memory_of(const struct broker *broker)
{
    return (struct memory_broker *)broker;
}

/* The group asks for it. */
bool memory_takes(const struct group *group, const struct kept *event);
/* And has not done it. */
bool memory_is_open(const struct memory_broker *memory, const struct group *group, uint32_t i);
/* It waits for an earlier one of its key. */
bool memory_is_behind(const struct memory_broker *memory, const struct group *group, uint32_t event);
/* Events that some group has not done, or that are on their way to the disk. */
uint32_t memory_count_open(const struct memory_broker *memory);

/* memory_view.c */
void memory_counts(const struct broker *broker, struct broker_counts *counts);
bool memory_next_group(struct broker *broker, uint32_t *at, struct vow_relay_group_view *view);
bool memory_next_dead(struct broker *broker, uint32_t *at, struct vow_relay_dead_view *view);
bool memory_next_reaction(struct broker *broker, uint32_t *at, const struct vow_msg_event *event, uint64_t offset,
                          struct vow_relay_reaction *reaction);
int memory_topics(struct broker *broker, broker_topic_fn *each, void *ctx);
uint64_t memory_cut(const struct broker *broker);

#endif
