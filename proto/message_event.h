/*
 * The messages of events (docs/events.md): a participant publishes, the coordinator keeps the event and has each group
 * of consumers do it once. Part of message.h, which is what to include.
 *
 * An event is named by (db_uuid, key, key_seq): the data file that it comes from, its key, and a count from 1 without a
 * gap. Consumers tell a duplicate by that name (sagas 4.5). Its offset is where the coordinator keeps it.
 */
#ifndef VOW_PROTO_MESSAGE_EVENT_H
#define VOW_PROTO_MESSAGE_EVENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/cause.h"
#include "proto/event.h"
#include "proto/gtrid.h"
#include "proto/slice.h"

/* A data file's own id. Zero = none. */
#define VOW_DB_UUID_BYTES 16
#define VOW_TOPIC_SIZE (VOW_TOPIC_MAX + 1)
#define VOW_EVENT_KEY_SIZE (VOW_EVENT_KEY_MAX + 1)

/* Of an event, and as a filter of a subscription. */
struct vow_msg_header_of_event {
    const char *name, *value;
};

struct vow_msg_event {
    const char *topic;
    const char *key;
    const char *source; /* the participant that published it */
    uint8_t db_uuid[VOW_DB_UUID_BYTES];
    uint64_t key_seq;       /* from 1; one count per (db_uuid, key), over all topics */
    uint32_t version;       /* of the payload's form, from 1 */
    uint64_t wall_us;       /* when, by the publisher's clock */
    struct vow_gtrid gtrid; /* the saga or transaction that it belongs to; none = none */
    uint32_t hops;          /* 0, or one more than the event's whose handler published it */
    uint64_t deadline_us;   /* when all that it leads to should be done, by wall_us's clock; 0 = none */
    uint32_t headers_len;   /* at most VOW_EVENT_HEADERS_MAX */
    const struct vow_msg_header_of_event *headers;
    struct vow_slice payload; /* at most VOW_EVENT_PAYLOAD_MAX */
};

/* True for a NUL-terminated topic, and pattern of topics, of the form that event.h says. */
bool vow_topic_is_valid(const char *topic);
bool vow_pattern_is_valid(const char *pattern);
/* True if a valid topic is one of those that a valid pattern names. */
bool vow_pattern_matches(const char *pattern, const char *topic);
/* True for a filter of keys: a key, or the beginning of one and a '*'. */
bool vow_key_filter_is_valid(const char *filter);
/* True if the key is one that the filter names; "" names all. */
bool vow_key_filter_matches(const char *filter, const char *key);
/* True for the value of a header: printable, at most VOW_EVENT_VALUE_MAX bytes, perhaps none. */
bool vow_event_value_is_valid(const char *value);

/* What is wrong with an event, in one line for whoever publishes it; NULL = nothing. */
const char *vow_event_fault(const struct vow_msg_event *event);

/* Participant to coordinator: keep this, and hand it on. */
struct vow_msg_publish {
    struct vow_msg_event event;
};

/* The answer. Without an error the event is durable at the coordinator, now or since an earlier PUBLISH (B58). */
struct vow_msg_published {
    const char *key;
    uint64_t key_seq;
    uint64_t offset; /* 0 with an error, or if it is long cut */
    int error;       /* VOW_E_BUSY: later; VOW_E_STATE: not the next of its key; VOW_E_REFUSED, ...: never */
    const char *text;
    uint32_t retry_after_ms; /* for VOW_E_BUSY */
};

/* A number that is 0 is the coordinator's default. */
struct vow_msg_subscribe {
    const char *group;
    uint32_t patterns_len; /* 1 to VOW_PATTERNS_MAX */
    const char *const *patterns;
    const char *key_filter; /* "" = all */
    uint32_t filters_len;   /* at most VOW_FILTERS_MAX; an event has to have each */
    const struct vow_msg_header_of_event *filters;
    uint32_t publishes_len;       /* at most VOW_PATTERNS_MAX */
    const char *const *publishes; /* topics that the handlers may publish, for the search for circles (F213) */
    enum vow_event_from from;
    uint64_t offset;       /* for VOW_FROM_OFFSET */
    uint32_t window;       /* keys in flight at once, at most */
    uint32_t attempts_max; /* then it goes to the dead letters */
    uint32_t backoff_ms;   /* between attempts: at random, up to this, twice as much, ... */
    uint32_t backoff_max_ms;
};

/* Answers SUBSCRIBE and SEEK. */
struct vow_msg_subscribed {
    const char *group;
    int error;
    const char *text;
    uint64_t cursor; /* all that the group asked for up to this offset is acknowledged, or dead */
};

struct vow_msg_deliver {
    const char *group;
    uint64_t offset;
    uint32_t attempt; /* from 1 */
    struct vow_msg_event event;
};

struct vow_msg_delivered {
    const char *group;
    uint64_t offset;
    uint32_t attempt; /* which tells a late answer from the one that is waited for */
    enum vow_event_result result;
    enum vow_cause cause; /* of what is not DONE */
    const char *text;     /* likewise */
};

/* Go on with what comes after this offset: forward passes over events, back has them delivered again. */
struct vow_msg_seek {
    const char *group;
    uint64_t offset;
};

#endif
