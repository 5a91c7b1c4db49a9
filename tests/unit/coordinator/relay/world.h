/*
 * Events in a small world: the relay core, a journal that a crash cuts off, a network that loses and repeats,
 * publishers with an outbox and consumers with an inbox as models. One seed decides everything.
 */
#ifndef VOW_TESTS_RELAY_WORLD_H
#define VOW_TESTS_RELAY_WORLD_H

#include "coordinator/core/relay/relay.h"

#define WORLD_KEYS 4    /* of one data file each, and of two topics by turns */
#define WORLD_EVENTS 12 /* of each key */
#define WORLD_GROUPS 3
#define WORLD_LOG 8192
#define WORLD_DEAD 4
#define WORLD_MEMORY 12 /* events in it: less than there are, so groups read */

struct world_options {
    uint64_t seed;
    uint32_t crashes; /* of the coordinator, at most */
    uint32_t lost;    /* of 100 messages */
    uint32_t not_yet; /* of 100 deliveries */
    uint32_t full;    /* of 100 deliveries: from there on nothing is sent to the consumer for a while */
    uint32_t poison;  /* of 100 events: no group ever does them */
    bool is_sought;   /* groups go back now and then */
    bool is_cut;      /* the journal cuts off what it may */
};

/* An event as its publisher knows it, and what the groups' inboxes say. */
struct world_event {
    struct vow_msg_event msg;
    bool is_poison;
    uint64_t lsn;                   /* where PUBLISHED said that it is */
    uint32_t effects[WORLD_GROUPS]; /* how often it took effect */
    uint32_t attempt[WORLD_GROUPS]; /* that was sent last */
    bool is_retried[WORLD_GROUPS];  /* by an operator, out of its order */
    bool is_dropped[WORLD_GROUPS];
};

struct world_record {
    struct vow_record record;
    uint64_t token, lsn;
    struct world_event *event;          /* EVENT */
    struct vow_msg_subscribe subscribe; /* GROUP */
    bool is_gone;                       /* cut off */
    uint8_t body[128];                  /* CURSOR */
};

struct world {
    struct world_options options;
    uint64_t random, now_ms;
    void *memory;
    struct vow_relay *core;
    uint32_t crashes_left;
    uint64_t sessions, session, publisher; /* the consumer's and the publisher's connections; 0 = down */
    struct world_event events[WORLD_KEYS][WORLD_EVENTS];
    uint32_t in_outbox[WORLD_KEYS]; /* the first that PUBLISHED has not told of */
    struct world_record *log;       /* durable up to log_durable */
    size_t log_len, log_durable;
    uint64_t lsn;
    struct vow_relay_effect load; /* that is not answered yet; kind 0 = none */
    size_t load_durable;          /* what the journal had when it was asked for */
    struct vow_relay_effect *mail;
    size_t mail_len;
    bool is_full; /* the consumer's connection */
    struct vow_relay_effect unsent[64];
    size_t unsent_len;
    struct vow_relay_kept *held; /* what the core has of the driver */
    size_t held_len;
    uint64_t newest[WORLD_GROUPS][WORLD_KEYS]; /* the key_seq that took effect last */
    uint32_t dropped, alarms, told_early, out_of_order, busy, subscribed, loads;
    uint32_t events_max, most_dead;
    bool calm; /* no faults any more */
};

void world_run(struct world *world, const struct world_options *options);
void world_free(struct world *world);
/* Fails the running test if I26 to I29 do not hold. */
void world_check(struct world *world);

#endif
