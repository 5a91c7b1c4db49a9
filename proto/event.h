/*
 * What an event is made of: the limits and the words that publishers, consumers and the coordinator share.
 *
 * An event says that something has happened, in one service, to one thing: a topic ("order.placed"), the key of the
 * thing ("order 7"), a payload. It is published with the change that it tells of, or not at all, and reaches each group
 * of consumers that subscribed; events of one key in the order in which they were published (sagas 4.5).
 *
 * Values never change and are never reused: they travel on the wire and lie in the journal.
 */
#ifndef VOW_PROTO_EVENT_H
#define VOW_PROTO_EVENT_H

#ifdef __cplusplus
extern "C" {
#endif

/* Bytes of a topic, and of a pattern of topics, at most. A topic is words of a-z 0-9 _ - joined by '.'. In a pattern
 * the word "*" stands for any one word, and "#", which comes last, for any words that follow, also none. */
#define VOW_TOPIC_MAX 64
/* Bytes of a key, at most: printable text. */
#define VOW_EVENT_KEY_MAX 64
/* Bytes of a payload, at most. */
#define VOW_EVENT_PAYLOAD_MAX 16384
/* Headers of an event, at most: a name each (1 to 63 of a-z A-Z 0-9 . _ -), and a value. */
#define VOW_EVENT_HEADERS_MAX 8
/* Bytes of a header's value, at most: printable text. */
#define VOW_EVENT_VALUE_MAX 64
/* How long a chain of events may become of which each was published by the handler of the one before it. It is what
 * ends a circle that nobody saw. */
#define VOW_EVENT_HOPS_MAX 16
/* Patterns, and topics that its handlers publish, of one subscription, at most each. */
#define VOW_PATTERNS_MAX 16
/* Headers that a subscription asks for, at most. */
#define VOW_FILTERS_MAX 4

/* What became of one delivery. */
enum vow_event_result {
    VOW_EVENT_DONE = 1,    /* durable, now or by an earlier delivery */
    VOW_EVENT_NOT_YET = 2, /* nothing of it happened; another delivery may do it */
    VOW_EVENT_UNABLE = 3,  /* nothing of it happened, and another one would fare no better: to the dead letters */
};

/* Where a group begins that is new. One that is there goes on where it left off; SEEK moves it. */
enum vow_event_from {
    VOW_FROM_RESUME = 1, /* with the oldest event that is kept */
    VOW_FROM_START = 2,  /* likewise */
    VOW_FROM_END = 3,    /* with what is published from now on */
    VOW_FROM_OFFSET = 4, /* with what comes after the event at that offset */
};

#ifdef __cplusplus
}
#endif

#endif
