/*
 * Events: what a service tells others of its changes, and what it does when others tell of theirs.
 *
 * An event has a topic ("order.placed"), the key of what it is about ("order 7"), and a payload. It is published with
 * the change that it tells of, or not at all: both are in one SQLite transaction of the service's own file (the
 * transactional outbox). From there the participant hands it to vowd, of each key in order, and as often as it takes.
 * vowd keeps it, and has each group of consumers that subscribed handle it. There it takes effect once: that it was
 * handled is written in the transaction of what the handler does, and of what that publishes.
 *
 *     static int pay(struct vow_branch *branch, struct sqlite3 *db, const struct vow_received_event *event, void *ctx)
 *     {
 *         const struct vow_event paid = {sizeof(paid), .topic = "order.paid", .key = event->key};
 *
 *         ... UPDATE account ... by event->payload
 *         return vow_publish(branch, &paid);
 *     }
 *
 *     static const char *const publishes[] = {"order.paid", "order.refused"};
 *     static const struct vow_reaction reactions[] = {{.on = "order.placed", .handler = pay, .publishes = publishes,
 *                                                      .publishes_len = 2}};
 *     const struct vow_subscription payments = {sizeof(payments), .group = "payment", .reactions = reactions,
 *                                               .reactions_len = 1};
 *
 *     vow_participant_open(&options, &p, NULL);
 *     vow_participant_subscribe(p, &payments);
 *     vow_participant_start(p);
 *
 * Such a table, one in each service, is a choreographed saga: nobody orders the steps, each service reacts to what the
 * others have done, and undoes what it did itself when it hears that a later one could not do its part. The id of the
 * first event is that of all that follow from it, and vowctl's history shows them together.
 *
 * What is promised: an event exists if and only if its change does. Events of one key reach a group in the order in
 * which their changes became true, one after the other. Each takes effect once in each group that subscribed, whoever
 * dies in between; or it lies among the dead letters, with its cause, until an operator has seen to it. Between
 * different keys there is no order.
 *
 * Only a participant with the SQLite store publishes and subscribes. Nothing of this works without vowd, but nothing
 * waits for it: while it is away events gather in the outbox (options.outbox_max).
 */
#ifndef VOW_EVENT_H
#define VOW_EVENT_H

#include <vow/participant.h>
#include <vow/proto/event.h>

#ifdef __cplusplus
extern "C" {
#endif

struct vow_client; /* <vow/client.h> */

/* A header: words beside the payload, which subscriptions can ask for. */
struct vow_event_header {
    const char *name;  /* 1 to 63 of a-z A-Z 0-9 . _ - */
    const char *value; /* at most VOW_EVENT_VALUE_MAX bytes of printable text */
};

/* --- Publishing --- */

/* An event to be published. Zero what is not needed; all is copied. */
struct vow_event {
    size_t size;                            /* sizeof(struct vow_event) */
    const char *topic;                      /* words of a-z 0-9 _ - joined by '.', VOW_TOPIC_MAX bytes at most */
    const char *key;                        /* what it is about: 1 to VOW_EVENT_KEY_MAX bytes of printable text */
    const void *payload;                    /* NULL if len is 0 */
    size_t len;                             /* VOW_EVENT_PAYLOAD_MAX at most */
    uint32_t version;                       /* of the payload's form; 0 = 1 */
    uint32_t headers_len;                   /* VOW_EVENT_HEADERS_MAX at most */
    const struct vow_event_header *headers; /* NULL if headers_len is 0 */
    const struct vow_gtrid *id;             /* for vow_outbox_publish() alone: what it belongs to; NULL = nothing */
    /* Of a choreographed saga: by when all that follows from this event should be done, counted from now; 0 = no such
     * time, or that of the event that is reacted to, if there is one. Events that are published in reaction inherit it.
     * vowd raises an alarm that names each service that is not done by then, and why; nothing else follows from it. */
    uint32_t deadline_ms;
    uint32_t reserved; /* 0 */
};

/*
 * In a handler, a work that joins, a step of a saga or a reaction: the event is published if the work commits, in the
 * transaction in which it does. Of a branch that is prepared that is its COMMIT, so an event tells of nothing that may
 * still be rolled back. It belongs to the transaction or saga of the work; if that is a reaction, to what the event
 * belongs to that it reacts to. Returns 0, or
 *   VOW_E_ARGUMENT    topic, key, headers, size or reserved are not of the form above, or id is set
 *   VOW_E_TOO_LARGE   the payload is, or the branch publishes more than 256 events
 *   VOW_E_BUSY        the outbox is full: return it, or any error, and the work is tried again or refused
 *   VOW_E_REFUSED     it would be the last of more than VOW_EVENT_HOPS_MAX events that each followed from the one
 *                     before (a circle?), or the reaction has not said that it publishes this topic
 *   VOW_E_STATE       the participant's store is not SQLite's
 *   VOW_E_NO_MEMORY, VOW_E_DATABASE
 * and nothing is published of this event; what the work did and published before stands, if it returns 0.
 */
VOW_EXPORT VOW_MUST_USE int vow_publish(struct vow_branch *branch, const struct vow_event *event);

/*
 * In a transaction of the service's own, on any connection of its own to the participant's file: the event is there if
 * and only if that transaction commits. The participant finds it within a tenth of a second, and syncs it before it is
 * sent; it need not be open meanwhile. Errors as vow_publish(), and
 *   VOW_E_STATE       no transaction is open on db (BEGIN first), or db is what a handler was given (vow_publish() is
 *                     for that), or its file is no participant's
 *   VOW_E_BUSY        the outbox is full, or another connection holds the write lock: roll back and try again later
 * The thread of db.
 */
VOW_EXPORT VOW_MUST_USE int vow_outbox_publish(struct sqlite3 *db, const struct vow_event *event);

/*
 * A fresh id for a choreographed saga: for vow_event.id of its first event. No transaction or saga has it. Waits
 * timeout_ms at most for the coordinator (0 = the client's). Returns 0; VOW_E_UNREACHABLE, VOW_E_BUSY, VOW_E_STATE (on
 * the client's own thread), VOW_E_ARGUMENT, VOW_E_CLOSED, VOW_E_FORKED, VOW_E_NO_MEMORY.
 */
VOW_EXPORT VOW_MUST_USE int vow_choreography_new(struct vow_client *client, uint32_t timeout_ms, struct vow_gtrid *id);

/* --- Reacting --- */

/* An event as it is delivered. All of it lives for the handler's call. A later version may have more fields. */
struct vow_received_event {
    size_t size;                            /* of this struct, as the library knows it */
    const char *topic;                      /* as it was published, as all down to headers */
    const char *key;                        /* what it is about */
    const void *payload;                    /* NULL if len is 0 */
    size_t len;                             /* bytes of the payload */
    uint32_t version;                       /* of the payload's form */
    uint32_t headers_len;                   /* how many there are */
    const struct vow_event_header *headers; /* in the order in which they were given */
    const char *source;                     /* the participant that published it */
    uint64_t key_seq;     /* its number within its key and its source's file, over all topics, from 1 */
    uint64_t offset;      /* where vowd keeps it: they grow in the order in which it came to know them */
    uint64_t wall_us;     /* when it became true, by the publisher's clock, in microseconds since 1970 */
    struct vow_gtrid id;  /* the transaction or saga that it belongs to; vow_gtrid_is_none() = none */
    uint32_t hops;        /* events before it that it followed from */
    uint32_t attempt;     /* this delivery, from 1; by vowd's count */
    uint64_t deadline_us; /* by when all that follows from it should be done, as wall_us; 0 = no such time */
};

/*
 * Handles an event. Runs plain SQL on db under the rules of a vow_handler_fn, on the same thread. Returns 0: what it
 * did and published commits at once, with the record that the event is handled, and it is not run for this event again.
 * What vow_branch_refuse() returned: nothing of it happens, and the event goes to the dead letters. Any other number:
 * nothing of it happens, and the event is delivered again after a while, as often as the subscription says; then it
 * goes to the dead letters. Meanwhile later events of its key wait. vow_branch_id() is event->id.
 */
typedef int vow_event_fn(struct vow_branch *branch, struct sqlite3 *db, const struct vow_received_event *event,
                         void *ctx);

/* An event's payload as a transformation gives it to the handler. At the call it is the event's own. */
struct vow_event_form {
    size_t size;                            /* of this struct, as the library knows it */
    const void *payload;                    /* may be NULL if len is 0 */
    size_t len;                             /* VOW_EVENT_PAYLOAD_MAX at most */
    uint32_t version;                       /* of the payload's form; not 0 */
    uint32_t headers_len;                   /* VOW_EVENT_HEADERS_MAX at most */
    const struct vow_event_header *headers; /* in the form of those that are published */
    void *room;                             /* VOW_TRANSFORM_ROOM bytes to put the above into; aligned as malloc()'s */
    const char *why;                        /* with an error: words for the operator; NULL = none */
};

/* Enough for the largest payload and all headers. */
#define VOW_TRANSFORM_ROOM (VOW_EVENT_PAYLOAD_MAX + 4096)

/*
 * Lifts what was published, by a service of an older version say, to what the handlers of a group read. It is called
 * for each delivery that a reaction is there for and whose event is not handled yet, on the thread of the handlers,
 * before the version is looked at (version_max) and before the handler, which is given what it makes. It may change the
 * payload, its version and its headers, which are all that *form has; topic, key, number, offset and id stay, so what
 * is a duplicate, in which order events come, and which reaction handles them do not depend on it. An event that it
 * need not change it leaves as it is.
 *
 * A pure function of what was published (not of event->attempt): a delivery that is repeated calls it again, with the
 * event as it was published, and it must make the same of it. What it makes is kept nowhere: vowd keeps the bytes that
 * were published, and delivers those to other groups, and to this one when it goes back. A group's filters are about
 * those, too. It does not call the library.
 *
 * What *form points to in the end must live until the handler has returned: the event's own, constants, or `room`,
 * which is the library's and the same at each call. Returns 0. Any other number, or a *form that is not as above: the
 * handler does not run, and the event goes to the dead letters at once, for the same would come of it each time; with
 * its cause (HANDLER_REFUSED) and words, *why if it is set. An operator retries it when the service has been mended.
 */
typedef int vow_transform_fn(const struct vow_received_event *event, struct vow_event_form *form, void *ctx);

/* What to do on events of some topics. */
struct vow_reaction {
    const char *on;        /* a pattern of topics: "*" stands for one word, "#" at the end for any that follow */
    vow_event_fn *handler; /* required */
    void *ctx;             /* the handler's; must live until vow_participant_close() returns */
    /* The newest version of the payload that the handler knows; 0 = it takes all. A newer event is not handled but
     * delivered again, in case the service is being brought up to date, and goes to the dead letters at the end. */
    uint32_t version_max;
    uint32_t reserved;            /* 0 */
    const char *const *publishes; /* the topics that the handler may publish: it is held to them */
    size_t publishes_len;         /* how many they are */
};

/* What a group of consumers reacts to. Zero a field for its default; all is copied. */
struct vow_subscription {
    size_t size;                            /* sizeof(struct vow_subscription) */
    const char *group;                      /* a name; each group gets each event once */
    const struct vow_reaction *reactions;   /* of several that fit, the first handles it */
    size_t reactions_len;                   /* at least 1; VOW_PATTERNS_MAX patterns, and published topics, at most */
    const char *key;                        /* only events of this key; with a '*' at the end, keys that begin so */
    const struct vow_event_header *filters; /* only events that have all of these headers */
    uint32_t filters_len;                   /* VOW_FILTERS_MAX at most */
    /* Where the group begins if vowd does not know it: RESUME (the default) and START with the oldest event that is
     * kept, END with what comes from now on, OFFSET with what comes after `offset`. Once it is known it goes on where
     * it left off, whatever is said here. */
    enum vow_event_from from;
    uint32_t window;         /* keys in flight at once; 0 = 64 */
    uint32_t attempts_max;   /* deliveries of an event; 0 = 10 */
    uint32_t backoff_ms;     /* between them: at random, up to this, twice as much, ... 0 = the coordinator's default */
    uint32_t backoff_max_ms; /* ... up to this */
    uint64_t offset;         /* for OFFSET: of an event (struct vow_received_event); else 0 */
    vow_transform_fn *transform; /* before version_max and the handlers of all reactions; NULL = none */
    void *transform_ctx;         /* its ctx; must live until vow_participant_close() returns */
};

/*
 * Subscribes, from start on and again with each connection. Before start only. Returns 0, VOW_E_ARGUMENT (a pattern,
 * topic, filter or number is none), VOW_E_NAME (the group), VOW_E_TOO_LARGE (too many of something), VOW_E_DUPLICATE
 * (it has subscribed for this group), VOW_E_STATE (started, or another store than SQLite's), VOW_E_FORKED,
 * VOW_E_NO_MEMORY.
 */
VOW_EXPORT VOW_MUST_USE int vow_participant_subscribe(struct vow_participant *participant,
                                                      const struct vow_subscription *subscription);

/*
 * Waits until vowd has answered, timeout_ms at most. Returns 0: the group is known, and gets its events. What vowd has
 * refused it with, and why in *detail, if that is not NULL: VOW_E_REFUSED if it would close a circle of topics and
 * groups, which would run for ever; then nothing is delivered until the service is started with other reactions.
 * VOW_E_UNREACHABLE (no answer yet), VOW_E_NOT_FOUND (no such subscription), VOW_E_STATE on the participant's own
 * thread, VOW_E_ARGUMENT, VOW_E_FORKED.
 */
VOW_EXPORT VOW_MUST_USE int vow_participant_subscribed(struct vow_participant *participant, const char *group,
                                                       uint32_t timeout_ms, struct vow_error_detail *detail);

#ifdef __cplusplus
}
#endif

#endif
