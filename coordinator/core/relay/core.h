/* The insides of the relay core, shared by the files of this folder and by nobody else. */
#ifndef VOW_COORDINATOR_RELAY_CORE_H
#define VOW_COORDINATOR_RELAY_CORE_H

#include "coordinator/core/beyond.h"
#include "coordinator/core/relay/relay.h"
#include "proto/heap.h"

#define RELAY_NIL UINT32_MAX
#define RELAY_ALL UINT64_MAX

/* clang-format off */
enum group_state {
#define STATE(name, flags, meaning) GROUP_##name,
#include "coordinator/core/relay/group.def"
    GROUP_STATES
};

enum group_event {
#define EVENT(name, meaning) GROUP_ON_##name,
#include "coordinator/core/relay/group.def"
    GROUP_EVENTS
};

enum lane_state {
#define STATE(name, flags, meaning) LANE_##name,
#include "coordinator/core/relay/lane.def"
    LANE_STATES
};

enum lane_event {
#define EVENT(name, meaning) LANE_ON_##name,
#include "coordinator/core/relay/lane.def"
    LANE_EVENTS
};
/* clang-format on */

/* The events of one thing from one data file: what is known of the newest. */
struct key {
    uint8_t db_uuid[VOW_DB_UUID_BYTES];
    char name[VOW_EVENT_KEY_SIZE];
    uint64_t seq;          /* of the newest that is durable; 0 = none yet */
    uint64_t lsn;          /* likewise */
    uint32_t logging;      /* the event that is on its way to the disk; RELAY_NIL = none */
    uint32_t refs;         /* events and lanes that name it: it is not forgotten */
    uint32_t next;         /* with the same hash; in the free list: of that */
    uint32_t older, newer; /* by when it was published to last */
};

/* How a group fares with an event that it has not done. */
struct tries {
    uint32_t attempts; /* deliveries so far, over what a group asks for anew; from 0 with each start of vowd */
    uint32_t words;    /* what was said when it was given up, while it may not be buried; 0 = that is not kept */
    uint8_t cause;     /* of the last failure */
    bool is_unable;    /* its consumer says that it will never do it */
};

/* An event that is on its way to the disk, or that some group has not done, or that is dead. */
struct event {
    const struct vow_msg_event *msg; /* the driver's; NULL = this slot is free */
    uint64_t lsn;                    /* 0 = not durable yet */
    uint64_t session;                /* while it is logged: who waits for that */
    uint32_t key, serial;
    uint32_t refs;          /* deliveries and dead letters */
    bool is_released;       /* it is in the list of what may be FREED */
    bool is_late;           /* its deadline has passed */
    struct tries carried;   /* while a group is built anew: of the delivery that it had */
    uint64_t due_ms;        /* its deadline; 0 = none */
    uint32_t next_released; /* in the free list: of that */
    uint32_t next;          /* with the same hash of the LSN */
    uint32_t before, after; /* by LSN */
};

/* An event that a group has not done. */
struct delivery {
    uint32_t event;
    struct tries tries;
    bool is_late;           /* counted in its group's `overdue` */
    uint32_t dead;          /* the letter that it revives; RELAY_NIL = none, and the group's cursor waits for it */
    uint32_t next;          /* of its lane; in the free list: of that */
    uint32_t before, after; /* of its group, by LSN, if the cursor waits for it */
};

struct lane {
    uint32_t group, key;
    uint32_t first, last;              /* deliveries */
    uint32_t next;                     /* with the same hash; in the free list: of that */
    uint32_t ready_next, ready_before; /* of its group's queue */
    uint32_t next_of, before_of;       /* of its group */
    uint32_t dead;                     /* BURYING: the letter */
    uint8_t state;                     /* enum lane_state; written by lane_move() alone */
};

/* What was said last of one that is to be buried. */
struct last_words {
    uint32_t next; /* in the free list: 1 + index; 0 = the last */
    char text[VOW_TEXT_SIZE];
};

/* A subscription, on its own. */
struct subscription {
    char patterns[VOW_PATTERNS_MAX][VOW_TOPIC_SIZE], publishes[VOW_PATTERNS_MAX][VOW_TOPIC_SIZE];
    char filter_names[VOW_FILTERS_MAX][VOW_NAME_SIZE];
    char filter_values[VOW_FILTERS_MAX][VOW_EVENT_VALUE_MAX + 1];
    char key_filter[VOW_EVENT_KEY_SIZE];
    uint32_t patterns_len, publishes_len, filters_len;
    uint32_t window, attempts_max, backoff_ms, backoff_max_ms; /* as they were asked for: 0 = the default */
};
/* The same as a message, which points into it. */
struct subscription_view {
    struct vow_msg_subscribe msg;
    const char *patterns[VOW_PATTERNS_MAX], *publishes[VOW_PATTERNS_MAX];
    struct vow_msg_header_of_event filters[VOW_FILTERS_MAX];
};

struct group {
    char name[VOW_NAME_SIZE], participant[VOW_NAME_SIZE];
    uint8_t state;                       /* enum group_state; written by group_move() alone */
    bool was_there;                      /* JOINING: it has a subscription that is durable */
    bool keeps;                          /* JOINING: its place, and what it has not done */
    uint64_t session;                    /* 0 = its consumer is away */
    uint64_t full_session;               /* so much waits for this one that it is sent no more; 0 = none */
    uint64_t tag;                        /* LEAVING, JOINING: of the order; JOINING: 0 = it is none */
    struct subscription now, next;       /* next: JOINING */
    uint64_t cursor, next_cursor, noted; /* noted: the cursor that was logged last */
    struct vow_slice beyond;             /* at a start: what was done beyond the cursor */
    bool is_moved;                       /* that, or the cursor, is not as it was noted */
    uint32_t first, last;                /* deliveries that the cursor waits for */
    uint32_t lag, in_flight;
    uint32_t overdue; /* of lag */
    uint64_t read_to; /* what comes after it, it reads (read.c); RELAY_ALL = nothing: it has all in memory */
    uint64_t unread;  /* events of those, that came after counted_from */
    uint64_t counted_from;
    bool page_was_empty;        /* the last page brought nothing: there was no room */
    uint32_t lanes;             /* the first */
    uint32_t ready, ready_last; /* lanes that may send */
};

enum dead_state { DEAD_FREE, DEAD_LOGGING, DEAD_THERE, DEAD_ORDERED, DEAD_RETRIED };
struct dead {
    uint64_t lsn, tag;
    uint32_t group, event; /* event: RELAY_NIL = it has not come yet */
    uint32_t attempts, serial;
    uint8_t state; /* enum dead_state */
    uint8_t order; /* ORDERED: enum vow_relay_order */
    uint8_t cause;
    char text[VOW_TEXT_SIZE];
};

/* What an operator has dropped, and lies behind the cursor of its group's newest record: it does not come again. The
 * journal knows the same for a start. */
struct dropped {
    uint64_t lsn;
    uint32_t group;
};

struct group_input {
    enum group_event event;
    struct group *group;
    const struct vow_relay_event *from;
    const struct vow_msg_subscribe *subscribe; /* SUBSCRIBE: what is asked for */
    bool is_seek;                              /* it moves a group that is there */
    bool moved;
};
struct lane_input {
    enum lane_event event;
    struct lane *lane;
    const struct vow_msg_delivered *answer;
    bool moved;
};
typedef void group_handler_fn(struct vow_relay *core, struct group_input *in);
typedef void lane_handler_fn(struct vow_relay *core, struct lane_input *in);

/* How long a cursor may move before that is noted. */
#define RELAY_NOTE_MS 1000u
#define RELAY_WINDOW_MAX 256u
#define RELAY_PAGE_MAX 256u
/* After a start nobody is connected: what is late by then is told when services have had the time to come back. */
#define RELAY_GRACE_MS 10000u
#define RELAY_EFFECTS_MAX 1024
/* What is left for the rest of the step. */
#define RELAY_EFFECTS_SPARE 160

struct vow_relay {
    struct vow_relay_limits limits;
    uint32_t epoch;
    uint64_t now_ms, jitter, last_lsn;
    bool recovering, draining, shedding;
    bool is_dirty;      /* a cursor has moved that is not noted */
    uint64_t note_ms;   /* when cursors are noted next */
    bool is_rebuilding; /* cursors stay */
    bool has_room;      /* a dead letter has gone: who waits for that is to be told */
    bool has_more;      /* effects are left for the next step */
    uint32_t loading;   /* the group that LOAD is for, and nothing is freed meanwhile; RELAY_NIL = none */
    uint32_t load_room; /* events that it may bring yet */
    bool is_load_stale; /* the group has gone elsewhere meanwhile */
    uint32_t next_reader;
    struct group_input *group_in;
    struct lane_input *lane_in;
    group_handler_fn *group_handlers[GROUP_STATES][GROUP_EVENTS];
    lane_handler_fn *lane_handlers[LANE_STATES][LANE_EVENTS];

    struct key *keys;
    uint32_t *key_heads;
    uint32_t keys_free, keys_len, oldest_key, newest_key;
    struct event *events;
    uint32_t *event_heads;
    uint32_t events_free, events_left, first_event, last_event, released;
    struct delivery *deliveries;
    uint32_t deliveries_free, deliveries_len, deliveries_now;
    struct lane *lanes;
    uint32_t *lane_heads;
    uint32_t lanes_free, lanes_len; /* len: used at some time; what is beyond was never touched */
    struct last_words *said;
    uint32_t said_free, said_len; /* free: 1 + index, 0 = none; len: used at some time */
    struct vow_heap due;          /* lanes */
    struct vow_heap deadlines;    /* events that are durable */
    struct group *groups;
    uint32_t next_group; /* who may send first */
    struct dead *dead;
    uint32_t dead_len;
    struct dropped *dropped_letters; /* by LSN and group */
    uint32_t dropped_len;
    uint32_t *kept_list; /* for group_rebuild() */
    uint8_t *beyond;     /* of each group, VOW_BEYOND_BYTES_MAX: of the record that is under way */

    struct vow_relay_effect *effects;
    uint32_t effects_len;
    uint64_t *group_hits, *lane_hits;
    struct subscription_view view; /* for what looks in, and for LOG */
    char words[VOW_TEXT_SIZE];
    struct vow_relay_counts counts;
};

/* Of a page that a group reads. */
static inline uint32_t relay_page(const struct vow_relay_limits *limits)
{
    const uint32_t page = limits->events_max / 8;

    return page < 1 ? 1 : page < RELAY_PAGE_MAX ? page : RELAY_PAGE_MAX;
}
/* Beside events_max there is room for the events of dead letters, at a start, and for a page of each group: so one that
 * is far behind goes on even if others have taken all the rest. */
static inline uint32_t relay_spare(const struct vow_relay_limits *limits)
{
    return limits->dead_max + limits->groups_max * relay_page(limits);
}
static inline uint32_t relay_slots(const struct vow_relay_limits *limits)
{
    return limits->events_max + relay_spare(limits);
}
static inline uint32_t relay_keys(const struct vow_relay_limits *limits)
{
    return limits->keys_max + relay_spare(limits);
}
/* Of events that are new. */
static inline bool relay_is_full(const struct vow_relay *core)
{
    return core->events_left <= relay_spare(&core->limits);
}
static inline bool relay_has_effects(const struct vow_relay *core)
{
    return core->effects_len + RELAY_EFFECTS_SPARE < RELAY_EFFECTS_MAX;
}
static inline uint32_t group_index(const struct vow_relay *core, const struct group *group)
{
    return (uint32_t)(group - core->groups);
}
static inline uint32_t lane_index(const struct vow_relay *core, const struct lane *lane)
{
    return (uint32_t)(lane - core->lanes);
}
static inline struct group *lane_group(const struct vow_relay *core, const struct lane *lane)
{
    return &core->groups[lane->group];
}
/* Much waits for its consumer: nothing is sent until that has gone (F029). */
static inline bool group_is_full(const struct group *group)
{
    return group->full_session != 0 && group->full_session == group->session;
}
static inline struct event *lane_event(const struct vow_relay *core, const struct lane *lane)
{
    return &core->events[core->deliveries[lane->first].event];
}
static inline struct tries *lane_tries(const struct vow_relay *core, const struct lane *lane)
{
    return &core->deliveries[lane->first].tries;
}

/* --- fsm.c, move.c --- */

void relay_fill_handlers(struct vow_relay *core);
void group_dispatch(struct vow_relay *core, struct group_input *in);
void group_move(struct vow_relay *core, struct group *group, enum group_state to);
/* A lane that is IDLE after it is gone. */
void lane_dispatch(struct vow_relay *core, struct lane_input *in);
void lane_move(struct vow_relay *core, struct lane *lane, enum lane_state to);

/* --- keys.c --- */

uint32_t key_find(const struct vow_relay *core, const uint8_t db_uuid[VOW_DB_UUID_BYTES], const char *name);
/* Forgets the oldest one that nothing names if there is no other room; RELAY_NIL: there is none. */
uint32_t key_intern(struct vow_relay *core, const uint8_t db_uuid[VOW_DB_UUID_BYTES], const char *name);
void key_published(struct vow_relay *core, uint32_t index, uint64_t seq, uint64_t lsn);
void key_ref(struct vow_relay *core, uint32_t index);
void key_unref(struct vow_relay *core, uint32_t index);

/* --- kept.c --- */

/* There is room (asserted). Its key is there. */
uint32_t kept_new(struct vow_relay *core, const struct vow_msg_event *msg, uint32_t key);
void kept_durable(struct vow_relay *core, uint32_t index, uint64_t lsn);
/* Out of the journal. */
uint32_t kept_durable_new(struct vow_relay *core, const struct vow_msg_event *msg, uint32_t key, uint64_t lsn,
                          uint64_t due_ms);
uint32_t kept_find(const struct vow_relay *core, uint64_t lsn);
void kept_ref(struct vow_relay *core, uint32_t index);
/* Nobody needs it: it is FREED when there is room to say so. */
void kept_unref(struct vow_relay *core, uint32_t index);
void kept_release_if_unused(struct vow_relay *core, uint32_t index);
void kept_release_unused(struct vow_relay *core);
void kept_free_some(struct vow_relay *core);

/* --- subscription.c --- */

void subscription_copy(struct subscription *to, const struct vow_msg_subscribe *from);
bool subscription_equal(const struct subscription *a, const struct subscription *b);
bool subscription_takes(const struct subscription *subscription, const struct vow_msg_event *event);
const struct vow_msg_subscribe *subscription_message(struct subscription_view *view, const char *group,
                                                     const struct subscription *from);

/* --- groups.c --- */

struct group *group_find(const struct vow_relay *core, const char *name);
/* NULL = there is no room. */
struct group *group_new(struct vow_relay *core, const char *name, const char *participant);
void group_advance(struct vow_relay *core, struct group *group);
/* An event has come, whether it is for the group or not. */
void group_passes(struct vow_relay *core, struct group *group);
/* What it has done is to be noted in a while. */
void group_has_moved(struct vow_relay *core, struct group *group);
static inline uint8_t *group_beyond(const struct vow_relay *core, const struct group *group)
{
    return core->beyond + group_index(core, group) * VOW_BEYOND_BYTES_MAX;
}
uint32_t group_window(const struct vow_relay *core, const struct group *group);
uint32_t group_attempts_max(const struct vow_relay *core, const struct group *group);
bool group_is_there(const struct group *group);
/* Drops all lanes of a group. */
void group_reset_lanes(struct vow_relay *core, const struct group *group);
/* Drops all lanes of a group, and makes those anew that it keeps, and its subscription asks for. */
void group_rebuild(struct vow_relay *core, struct group *group);
/* Those that were held while the group could not bury. */
void group_bury_held(struct vow_relay *core, struct group *group);

/* --- lanes.c --- */

struct lane *lane_find(const struct vow_relay *core, uint32_t group, uint32_t key);
void lane_free(struct vow_relay *core, struct lane *lane);
/* Takes out the first delivery; what waits comes first then. */
void lane_shift(struct vow_relay *core, struct lane *lane);
void lane_queue(struct vow_relay *core, struct lane *lane);
void lane_unqueue(struct vow_relay *core, struct lane *lane);
/* dead: RELAY_NIL, or the letter that it revives. There is room (asserted). */
void lane_add(struct vow_relay *core, struct group *group, uint32_t event, uint32_t dead);
/* The first is not under way any more: what is revived, and waits behind it, comes before it. False: there is none. */
bool lane_rotate(struct vow_relay *core, struct lane *lane);
/* To each group that asks for it. */
void relay_spread(struct vow_relay *core, uint32_t event);
static inline uint32_t relay_deliveries_max(const struct vow_relay_limits *limits)
{
    return relay_slots(limits) * limits->groups_max;
}

/* --- tries.c --- */

/* The first of a lane is to be buried: it has had its attempts, or its consumer is unable. */
bool tries_are_over(const struct vow_relay *core, const struct lane *lane);
/* Keeps what was said of one that may not be buried yet, if there is room for it. */
void tries_keep_words(struct vow_relay *core, struct tries *tries, const char *text);
/* What was kept; of what was not, why it is over. */
const char *tries_words(const struct vow_relay *core, const struct tries *tries);
void tries_drop(struct vow_relay *core, struct tries *tries);
/* While its group is built anew: from a delivery to its event. An attempt that is not answered does not count. */
void tries_carry(struct vow_relay *core, const struct lane *lane);
static inline uint32_t relay_words_max(const struct vow_relay_limits *limits)
{
    return limits->groups_max * RELAY_WINDOW_MAX;
}

/* --- dead.c --- */

uint32_t dead_find(const struct vow_relay *core, uint32_t group, uint64_t lsn);
/* One of the group's is on its way to the disk. */
bool dead_is_under_way(const struct vow_relay *core, uint32_t group);
void dead_free_all(struct vow_relay *core, uint32_t group);
uint32_t dead_new(struct vow_relay *core, uint32_t group, uint64_t lsn);
void dead_free(struct vow_relay *core, uint32_t index);
/* False: there is no room, or the group may not now. */
bool dead_bury(struct vow_relay *core, struct lane *lane, const char *text);
/* A revived one is done. */
void dead_done(struct vow_relay *core, uint32_t index);
void dead_logged(struct vow_relay *core, uint32_t index, uint32_t serial);
/* Groups that were paused go on, one more each as long as there is room. */
void dead_give_room(struct vow_relay *core);
void dead_take_order(struct vow_relay *core, const struct vow_relay_event *event);

/* --- dropped.c --- */

/* What finds no room is forgotten: it comes again if the group is built anew. */
void dropped_add(struct vow_relay *core, uint32_t group, uint64_t lsn);
bool dropped_has(const struct vow_relay *core, uint32_t group, uint64_t lsn);
/* The group's newest record says that it goes on after `cursor`. */
void dropped_pass(struct vow_relay *core, uint32_t group, uint64_t cursor);

/* --- publish.c, deliver.c, subscribe.c, recover.c, flow.c --- */

void relay_take_publish(struct vow_relay *core, const struct vow_relay_event *event);
void relay_event_logged(struct vow_relay *core, uint32_t index, uint32_t serial, uint64_t lsn);
void relay_take_delivered(struct vow_relay *core, const struct vow_relay_event *event);
void relay_take_subscribe(struct vow_relay *core, const struct vow_relay_event *event);
void relay_take_removal(struct vow_relay *core, const struct vow_relay_event *event);
void relay_take_seek(struct vow_relay *core, const struct vow_relay_event *event);
/* The same by an operator's order. */
void relay_take_move(struct vow_relay *core, const struct vow_relay_event *event);
void relay_take_loaded(struct vow_relay *core, const struct vow_relay_event *event);
void relay_take_load_done(struct vow_relay *core, const struct vow_relay_event *event);
void relay_session_down(struct vow_relay *core, uint64_t session);
void relay_take_recovered(struct vow_relay *core, const struct vow_relay_event *event);
void relay_recovered(struct vow_relay *core, uint64_t last_lsn);
void flow_send_some(struct vow_relay *core);
void flow_take_unsent(struct vow_relay *core, const struct vow_relay_event *event);
void flow_take_peer_ready(struct vow_relay *core, uint64_t session);
void flow_take_timer(struct vow_relay *core);
void flow_arm(struct vow_relay *core, const struct lane *lane, uint64_t at_ms);
void flow_back_off(struct vow_relay *core, const struct lane *lane);
void flow_note_cursors(struct vow_relay *core);

/* --- watch.c --- */

/* Before it is durable. */
void watch_set(struct vow_relay *core, uint32_t event, uint64_t due_ms);
/* It is durable. */
void watch_begin(struct vow_relay *core, uint32_t event);
/* Nobody needs it any more. */
void watch_end(struct vow_relay *core, uint32_t event);
/* A delivery that is made, or that goes. */
void watch_delivery(struct vow_relay *core, struct group *group, uint32_t delivery);
void watch_delivery_gone(struct vow_relay *core, struct group *group, uint32_t delivery);
/* Deadlines that have passed. */
void watch_take_timer(struct vow_relay *core);
/* Dead letters whose deadline has passed: of a group, or (RELAY_NIL) of all. */
uint32_t watch_count_dead(const struct vow_relay *core, uint32_t group);

/* --- read.c --- */

bool group_reads(const struct group *group);
/* Does the group ask for an event, and have it in memory if there is room? */
bool read_asks(const struct vow_relay *core, uint32_t group, uint64_t lsn, const struct vow_msg_event *event);
/* Is an event, that comes, for the group, and now? has_room: it can be in memory. If not now, the group reads it. */
bool read_gives(struct vow_relay *core, uint32_t group, uint64_t lsn, const struct vow_msg_event *event, bool has_room);
/* A group has so much to read that nothing more is to be published. */
bool read_is_full(const struct vow_relay *core);
/* From there on. */
void read_from(struct vow_relay *core, struct group *group, uint64_t lsn);
/* It goes on from elsewhere, or is something else: what is on its way for it is not given to it. */
void read_forget(struct vow_relay *core, const struct group *group);
/* Asks for the next page of some group. */
void read_some(struct vow_relay *core);

/* --- emit.c --- */

enum token_kind { TOKEN_NONE, TOKEN_EVENT, TOKEN_GROUP, TOKEN_DEAD };
struct vow_relay_effect *relay_emit(struct vow_relay *core, enum vow_relay_effect_kind kind);
struct vow_relay_effect *relay_log(struct vow_relay *core, enum vow_record_kind kind, enum token_kind of,
                                   uint32_t serial, uint32_t index, bool forced);
void relay_set_who(struct vow_record *record, const struct group *group);
void relay_take_logged(struct vow_relay *core, const struct vow_relay_event *event);
void relay_published(struct vow_relay *core, uint64_t session, const struct vow_msg_event *event, uint64_t lsn,
                     int error, const char *text);
void relay_subscribed(struct vow_relay *core, uint64_t session, const char *group, int error, const char *text,
                      uint64_t cursor);
void relay_alarm(struct vow_relay *core, const char *what, const struct group *group, uint64_t lsn);
void relay_ordered(struct vow_relay *core, uint64_t tag, int error, const char *text);

#endif
