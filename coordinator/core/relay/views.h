/*
 * What is to be seen of events, and the words for it: values, which say nothing of how events are kept. The core of the
 * relay shows itself so, and so does any broker (coordinator/server/broker.h).
 */
#ifndef VOW_COORDINATOR_RELAY_VIEWS_H
#define VOW_COORDINATOR_RELAY_VIEWS_H

#include <stdbool.h>
#include <stdint.h>

#include "proto/message.h"

/*
 * What a group makes of an event that it asks for: WAIT(name, what it waits for).
 */
#define VOW_RELAY_WAITS(WAIT)                                                                                          \
    WAIT(NONE, "done")                                                                                                 \
    WAIT(AWAY, "its service is not connected")                                                                         \
    WAIT(UNREAD, "its group has older events to do, and reads it when they are done")                                  \
    WAIT(JOINING, "its group's subscription is on its way to the disk")                                                \
    WAIT(PAUSED, "its group is paused: there is no room for one more dead letter")                                     \
    WAIT(BEHIND, "an earlier event of its key is not done")                                                            \
    WAIT(WINDOW, "its group has as many keys in flight as it wants")                                                   \
    WAIT(FULL, "its service has not read yet what was sent to it")                                                     \
    WAIT(SENT, "it was delivered, and is not answered yet")                                                            \
    WAIT(BACKOFF, "it was not done, and is delivered again after a while")                                             \
    WAIT(BURYING, "it is given up, and goes to the dead letters")                                                      \
    WAIT(DEAD, "it is a dead letter")                                                                                  \
    WAIT(RETRIED, "it is a dead letter, and is delivered again")

enum vow_relay_wait {
#define WAIT(name, text) VOW_RELAY_WAIT_##name,
    VOW_RELAY_WAITS(WAIT)
#undef WAIT
};
/* "done", "its service is not connected", ... */
const char *vow_relay_wait_text(enum vow_relay_wait wait);
/* "NONE", "AWAY", ... */
const char *vow_relay_wait_name(enum vow_relay_wait wait);

struct vow_relay_reaction {
    const char *group, *participant;
    enum vow_relay_wait wait;
    uint64_t behind;      /* BEHIND: the event that comes first */
    uint32_t attempts;    /* deliveries so far */
    enum vow_cause cause; /* why the last one failed; NONE = none did */
    const char *text;     /* DEAD: the consumer's words; else "" */
};

/* An event as the driver keeps it. */
struct vow_relay_kept {
    const struct vow_msg_event *event;
    uint64_t lsn;
};

/* RETRY and DROP are about a dead letter, REMOVE about the group itself: then no lsn. SEEK: the group goes on with what
 * comes after the lsn; UINT64_MAX = with what is published from now on. */
enum vow_relay_order { VOW_RELAY_RETRY = 1, VOW_RELAY_DROP = 2, VOW_RELAY_REMOVE = 3, VOW_RELAY_SEEK = 4 };

struct vow_relay_counts {
    uint64_t published, duplicates, gaps, refused, busy; /* PUBLISH; since init */
    uint64_t sent, retries, done, buried, dropped;       /* deliveries; those after the first of an event */
    uint64_t unsent;                                     /* that were taken back: they are no attempts */
    uint64_t late, protocol_errors;
    uint64_t full_events, full_groups, full_dead; /* refused, or a group paused, because of that limit */
    uint64_t missed;       /* reactions that were not done when their deadline passed: told by LATE */
    uint64_t letters_gone; /* dead letters whose event is missing, at the start */
    uint32_t events, deliveries, keys, groups, paused, dead; /* now */
    uint32_t overdue; /* reactions whose deadline has passed: not done yet, or dead; also what a group does again */
    uint64_t last_lsn;
};

struct vow_relay_group_view {
    const char *name, *participant, *state; /* of group.def */
    uint64_t session;
    uint64_t cursor;
    uint32_t lag, in_flight, dead;      /* events that it has not done; keys */
    uint64_t unread;                    /* of the lag: not in memory, as far as that is known (read.c) */
    bool is_reading;                    /* it has older events to do than memory has */
    uint32_t overdue;                   /* not done, or dead, and their deadline has passed */
    struct vow_msg_subscribe subscribe; /* as it is in force */
};

/* A topic of which there are events that some group has not done. */
struct vow_relay_topic_view {
    const char *name;
    uint64_t events, bytes;
};

struct vow_relay_dead_view {
    const char *group;
    struct vow_relay_kept kept;
    enum vow_cause cause;
    uint32_t attempts;
    const char *text;
    bool is_retried;
};

#endif
