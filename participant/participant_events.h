/*
 * Events at a participant: what its outbox holds, on the way to the coordinator, and what the coordinator delivers.
 *   event.c                 vow_publish() and vow_outbox_publish(): an event as it is kept
 *   subscription.c          subscriptions as their users see them, and as they are kept
 *   reaction.c              what a reaction may be given, and what it may publish; pure
 *   transform.c             what a subscription's transformation makes of an event, before its reaction
 *   flights.c               what of the outbox is under way; pure
 *   participant_relay.c     the outbox, to the coordinator; the network's thread
 *   participant_events.c    deliveries, from the coordinator to the store and back; the network's thread
 */
#ifndef VOW_PARTICIPANT_PARTICIPANT_EVENTS_H
#define VOW_PARTICIPANT_PARTICIPANT_EVENTS_H

#include <stdbool.h>

#include <vow/event.h>

#include "participant/flights.h"
#include "participant/store/store.h"
#include "proto/message.h"
#include "proto/net/timer.h"

/* Bytes of headers as text, at most: "name=value\n" each, and the NUL. */
#define VOW_HEADERS_TEXT_SIZE (VOW_EVENT_HEADERS_MAX * (VOW_NAME_SIZE + VOW_EVENT_VALUE_MAX + 2) + 1)
#define VOW_EVENT_BUCKETS 1024
/* Deliveries that are with the store at once. */
#define VOW_EVENTS_IN_FLIGHT_MAX 4096u

/* --- event.c --- */

/* Headers out of a text as the store keeps it, as pointers into `text`, which is cut up. */
uint32_t vow_headers_read(char *text, struct vow_msg_header_of_event headers[VOW_EVENT_HEADERS_MAX]);
/* The other way; text has VOW_HEADERS_TEXT_SIZE. The headers are valid. */
void vow_headers_write(const struct vow_msg_header_of_event *headers, uint32_t headers_len, char *text);

/* What the PUBLISH of an event points to, beside the event. */
struct vow_publish_place {
    struct vow_msg_header_of_event headers[VOW_EVENT_HEADERS_MAX];
    char text[VOW_HEADERS_TEXT_SIZE];
};
/* The PUBLISH of an event that waits in the outbox of this file; it is good as long as both. */
struct vow_msg vow_event_publish(const struct vow_store_event *event, const char *source,
                                 const uint8_t db_uuid[VOW_DB_UUID_BYTES], struct vow_publish_place *place);

/* --- subscription.c --- */

struct vow_reaction_kept {
    const char *on;
    vow_event_fn *handler;
    void *ctx;
    uint32_t version_max;
    const char *const *publishes;
    size_t publishes_len;
};

struct vow_subscription_kept {
    struct vow_subscription_kept *next;
    struct vow_msg_subscribe msg; /* what is sent; its texts are the block's */
    size_t reactions_len;
    struct vow_reaction_kept *reactions;
    const char *patterns[VOW_PATTERNS_MAX];
    const char *publishes[VOW_PATTERNS_MAX];
    struct vow_msg_header_of_event filters[VOW_FILTERS_MAX];
    vow_transform_fn *transform; /* NULL = none */
    void *transform_ctx;
    void *room;  /* the transformation's; NULL without one */
    char *texts; /* all of them, one behind the other */
    size_t texts_len;
    struct vow_timer retry; /* once started */
    struct vow_participant *participant;
    uint32_t refusals; /* since it was accepted */
    uint64_t done_to;  /* what the coordinator has said last that its group has done */
    /* Under the participant's lock: */
    bool is_answered; /* by the coordinator, at some time */
    int error;
    char text[VOW_TEXT_SIZE];
};

/* Frees the list. */
void vow_subscriptions_free(struct vow_subscription_kept *first);
struct vow_subscription_kept *vow_subscription_find(const struct vow_participant *participant, const char *group);
/* The reaction to a topic, or NULL. */
const struct vow_reaction_kept *vow_reaction_find(const struct vow_subscription_kept *subscription, const char *topic);

/* A reaction may be run for it; else what vow_sqlite_event_fn returns. reaction: NULL = there is none. version: of the
 * payload that the handler would be given. */
int vow_reaction_check(const struct vow_reaction_kept *reaction, const struct vow_store_delivery *delivery,
                       uint32_t version, enum vow_cause *cause, char text[VOW_TEXT_SIZE]);
/* An event that it publishes follows from the delivered one. VOW_E_REFUSED: it may not be published. */
int vow_reaction_publishes(const struct vow_reaction_kept *reaction, const struct vow_store_delivery *delivery,
                           struct vow_store_event *event);

/* --- transform.c --- */

/* Makes *event what the handlers of the subscription are given; else what vow_sqlite_event_fn returns. The store's
 * thread. */
int vow_transform_apply(const struct vow_subscription_kept *subscription, struct vow_received_event *event,
                        enum vow_cause *cause, char text[VOW_TEXT_SIZE]);

/* --- participant_relay.c --- */

struct vow_relay_op;

struct vow_relay {
    struct vow_flights flights;
    struct vow_relay_op *reading; /* NULL = nothing is asked of the store */
    struct vow_relay_op *kept;    /* what this turn is to have deleted */
    bool is_up;                   /* the coordinator is there, and is ours */
    struct vow_timer timer;
};

/* On the network's thread. Before the loop starts; after it has ended. */
void vow_relay_init(struct vow_participant *participant);
void vow_relay_deinit(struct vow_participant *participant);
/* The connection. */
void vow_relay_up(struct vow_participant *participant);
void vow_relay_down(struct vow_participant *participant);
void vow_relay_published(struct vow_participant *participant, const struct vow_msg_published *published);
/* The end of a turn, before its operations are handed to the store. */
void vow_relay_turn_end(struct vow_participant *participant);
/* The store has ended an OUTBOX_READ or OUTBOX_DONE; frees it. */
void vow_relay_store_done(struct vow_participant *participant, struct vow_store_op *op);

/* --- participant_events.c --- */

struct vow_event_flight;

/* As of the relay. */
void vow_subscriptions_init(struct vow_participant *participant);
void vow_subscriptions_deinit(struct vow_participant *participant);
void vow_subscriptions_up(struct vow_participant *participant);
void vow_subscriptions_down(struct vow_participant *participant);
void vow_participant_hear_subscribed(struct vow_participant *participant, const struct vow_msg_subscribed *subscribed);
void vow_participant_deliver(struct vow_participant *participant, const struct vow_msg_deliver *deliver);
/* The store has ended an EVENT; frees it. */
void vow_participant_event_done(struct vow_participant *participant, struct vow_store_op *op);
/* For each delivery (vow_sqlite_event_fn); the store's thread. */
int vow_participant_react(void *ctx, struct sqlite3 *db, struct vow_store_delivery *delivery, enum vow_cause *cause,
                          char text[VOW_TEXT_SIZE]);

#endif
