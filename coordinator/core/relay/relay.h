/*
 * The core of the relay of events (docs/events.md): what is published is kept, each group of consumers does it once,
 * the events of one key in their order. One pure step function beside those of transactions and sagas, under the same
 * contract: no I/O, clock, randomness or allocation; effects in order before the next step; LOG is answered by LOG_DONE
 * once the record is durable, and what depends on it comes then and not before. Records are written, and
 * answered, in the order of their LOGs.
 *
 * What an event says belongs to the driver: the core keeps a pointer to it, from the PUBLISH, LOADED or RECOVERED that
 * brought it until FREED gives it back. The driver's memory for it must not move.
 *
 * The journal is the memory: an EVENT record is an event, and its LSN is its offset. PUBLISHED leaves when that is
 * durable (B58). What a group has acknowledged is a CURSOR, which is not forced: after a crash some is delivered again,
 * and the consumer's inbox sees to it that nothing is done twice. What is buried is forced first (DEAD), and so is what
 * an operator makes of it (REVIVED).
 */
#ifndef VOW_COORDINATOR_RELAY_H
#define VOW_COORDINATOR_RELAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "coordinator/core/record.h"
#include "coordinator/core/relay/views.h"
#include "proto/fsm.h"
#include "proto/message.h"

struct vow_relay;

#define VOW_RELAY_HIGHEST (1u << 20)
#define VOW_RELAY_UNREAD_HIGHEST (1u << 30)
#define VOW_RELAY_GROUPS_HIGHEST 64u

struct vow_relay_limits {
    uint32_t events_max; /* that some group has not done, in memory; beyond: PUBLISH is BUSY (F205) */
    uint32_t keys_max;   /* whose newest number is known; beyond, the one that was published longest ago is forgotten */
    uint32_t groups_max;
    uint32_t dead_max;   /* dead letters; beyond, a group that has one more is paused (F207) */
    uint32_t unread_max; /* events that are published while a group reads older ones; beyond: PUBLISH is BUSY (F205) */
    /* What a subscription leaves open (milliseconds): */
    uint32_t window;         /* 64 */
    uint32_t attempts_max;   /* 10 */
    uint32_t attempt_ms;     /* 30 s: a delivery without an answer counts as failed */
    uint32_t backoff_ms;     /* 100 ms */
    uint32_t backoff_max_ms; /* 30 s */
};
extern const struct vow_relay_limits vow_relay_default_limits;

enum vow_relay_event_kind {
    VOW_RELAY_PUBLISH = 1, /* session, publish */
    VOW_RELAY_MESSAGE,     /* session, msg: DELIVERED, SEEK */
    VOW_RELAY_SUBSCRIBE,   /* session, subscribe */
    VOW_RELAY_LOADED,      /* kept: one of the older events that LOAD asks for, and that vow_relay_wants() */
    VOW_RELAY_LOAD_DONE,   /* load_done: that was the page */
    VOW_RELAY_LOG_DONE,    /* logged */
    VOW_RELAY_TIMER,
    VOW_RELAY_SESSION_DOWN, /* session */
    VOW_RELAY_UNSENT, /* session, unsent: a DELIVER of the last step was not sent, for much waits for its consumer */
    VOW_RELAY_PEER_READY,      /* session: it can take more again */
    VOW_RELAY_ORDER,           /* order: of an operator, recorded durably by the driver; answered by ORDERED */
    VOW_RELAY_RECOVERED_KEY,   /* key */
    VOW_RELAY_RECOVERED_GROUP, /* group */
    VOW_RELAY_RECOVERED_DEAD,  /* dead; its event comes later */
    VOW_RELAY_RECOVERED_EVENT, /* kept; all of them in the order of the journal */
    VOW_RELAY_RECOVERY_DONE,   /* last_lsn: of the last EVENT that was ever written */
    VOW_RELAY_SHED,            /* shed: PUBLISH is refused with BUSY, or no longer */
    VOW_RELAY_DRAIN,
};

struct vow_relay_event {
    enum vow_relay_event_kind kind;
    uint64_t now_ms;
    uint64_t session;
    uint64_t due_ms; /* PUBLISH, LOADED, RECOVERED_EVENT: the event's deadline, as now_ms counts; 0 = it has none */
    union {
        struct {
            const struct vow_msg_event *event; /* the driver's copy; if no LOG comes it is not kept */
            bool no_room;                      /* the driver has none: BUSY */
        } publish;
        const struct vow_msg *msg;
        struct {
            const struct vow_msg_subscribe *msg; /* lives for the call */
            const char *participant;             /* who it is */
        } subscribe;
        struct vow_relay_kept kept;
        struct {
            uint32_t group;
            uint64_t upto; /* has_more: the last event that was looked at, `after` if there was none */
            bool has_more; /* there may be more after it */
        } load_done;
        struct {
            uint64_t token, lsn;
        } logged;
        struct {
            const char *group;
            uint64_t lsn;
        } unsent;
        struct {
            const char *group;
            uint64_t lsn;
            enum vow_relay_order order;
            uint64_t tag;
        } order;
        struct {
            uint8_t db_uuid[VOW_DB_UUID_BYTES];
            const char *key;
            uint64_t key_seq, lsn;
        } key;
        struct {
            const struct vow_msg_subscribe *msg;
            const char *participant;
            uint64_t cursor;
            struct vow_slice beyond; /* of its CURSOR, looked at with vow_beyond_is_valid() */
        } group;
        struct {
            const char *group;
            uint64_t lsn;
            enum vow_cause cause;
            uint32_t attempts;
            const char *text;
            bool is_retried; /* an operator wanted it delivered again */
            bool is_dropped; /* or gave it up, and the group's cursor has not passed it: it does not come again */
        } dead;
        uint64_t last_lsn;
        bool shed;
    };
};

enum vow_relay_effect_kind {
    VOW_RELAY_SEND = 1, /* msg: PUBLISHED, SUBSCRIBED, DELIVER; gone sessions: the driver drops it */
    VOW_RELAY_LOG,      /* log */
    VOW_RELAY_LOAD,     /* load: the first `rows` EVENT records after that LSN; LOADED each that is wanted, then
                       * LOAD_DONE. One at a time */
    VOW_RELAY_ALARM,
    VOW_RELAY_LATE,    /* late: an alarm; the deadline of an event has passed, and a group has not done it */
    VOW_RELAY_ORDERED, /* answers ORDER, once it is durable */
    VOW_RELAY_FREED,   /* kept: it is not needed any more */
};

struct vow_relay_effect {
    enum vow_relay_effect_kind kind;
    uint64_t session;
    union {
        struct vow_msg msg;
        struct {
            uint64_t token;
            bool forced;
            /* EVENT, GROUP: the body is the driver's to fill in, from what is here. CURSOR: it lives until the next
             * step. */
            struct vow_record record;
            const struct vow_msg_event *event;         /* EVENT */
            const struct vow_msg_subscribe *subscribe; /* GROUP; lives until the next step */
        } log;
        struct {
            uint32_t group;
            uint32_t rows;
            uint64_t after;
        } load;
        struct {
            const char *what, *group; /* static text; "" = none */
            uint64_t lsn;             /* 0 = none */
        } alarm;
        struct {
            struct vow_relay_kept kept;
            struct vow_relay_reaction reaction;
        } late;
        struct {
            uint64_t tag;
            int error;
            const char *text;
        } ordered;
        struct vow_relay_kept kept;
    };
};

struct vow_relay_effects {
    const struct vow_relay_effect *items;
    size_t len;
};

/* How many events are in memory at most: events_max, and some that are read beside them. */
uint32_t vow_relay_events_most(const struct vow_relay_limits *limits);
/* 0 if a limit is out of range. */
size_t vow_relay_size(const struct vow_relay_limits *limits);
struct vow_relay *vow_relay_core_init(void *mem, const struct vow_relay_limits *limits, uint32_t epoch, uint64_t seed);
/* Never fails. *effects is valid until the next step. */
void vow_relay_step(struct vow_relay *core, const struct vow_relay_event *event, struct vow_relay_effects *effects);
/* Of an event that LOAD asks for, in their order. */
enum vow_relay_want {
    VOW_RELAY_WANT_NOT,
    VOW_RELAY_WANT,
    VOW_RELAY_WANT_NOW,     /* even if it takes more memory than there should be: nothing else would go on */
    VOW_RELAY_WANT_LATER,   /* there is no room: the page ends before it */
    VOW_RELAY_WANT_NO_MORE, /* nor any that comes after it: the page was the last */
};
enum vow_relay_want vow_relay_wants(const struct vow_relay *core, uint64_t lsn, const struct vow_msg_event *event);
/* When to feed TIMER next; UINT64_MAX = not before some other event. */
uint64_t vow_relay_deadline_ms(const struct vow_relay *core);

/* What is wrong with a subscription beside those that are there: a circle, in words; NULL = nothing. The words live
 * until the next call. */
const char *vow_relay_circle(struct vow_relay *core, const struct vow_msg_subscribe *subscribe);

/* --- Looking in --- */

void vow_relay_counts(const struct vow_relay *core, struct vow_relay_counts *counts);

/* Walks the groups: *at from 0; false after the last. The view lives until the next step or call. */
bool vow_relay_next_group(struct vow_relay *core, uint32_t *at, struct vow_relay_group_view *view);

bool vow_relay_next_dead(const struct vow_relay *core, uint32_t *at, struct vow_relay_dead_view *view);

/* Walks what the groups make of an event: *at from 0; false after the last that asks for it, as it subscribes now. What
 * a group has passed over, when it began or was moved, counts as done. Lives until the next step. */
bool vow_relay_next_reaction(const struct vow_relay *core, uint32_t *at, const struct vow_msg_event *event,
                             uint64_t lsn, struct vow_relay_reaction *reaction);

/* True if an event is in memory. */
bool vow_relay_has(const struct vow_relay *core, uint64_t lsn);

const struct vow_fsm *vow_group_fsm(void);
const struct vow_fsm *vow_lane_fsm(void);
const uint64_t *vow_group_edge_hits(const struct vow_relay *core);
const uint64_t *vow_lane_edge_hits(const struct vow_relay *core);

#endif
