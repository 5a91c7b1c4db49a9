/* The insides of the saga core, shared by the files of this folder and by nobody else. */
#ifndef VOW_COORDINATOR_SAGA_CORE_H
#define VOW_COORDINATOR_SAGA_CORE_H

#include "coordinator/core/key_table.h"
#include "coordinator/core/saga/saga.h"
#include "proto/gtrid_table.h"
#include "proto/heap.h"

#define SAGA_NIL VOW_GTRID_TABLE_NONE
#define SAGA_NEVER_MS UINT64_MAX

/* clang-format off */
enum saga_state {
#define STATE(name, flags, meaning) SAGA_##name,
#include "coordinator/core/saga/saga.def"
    SAGA_STATES
};

enum saga_event {
#define EVENT(name, meaning) SAGA_ON_##name,
#include "coordinator/core/saga/saga.def"
    SAGA_EVENTS
};

enum step_state {
#define STATE(name, flags, meaning) STEP_##name,
#include "coordinator/core/saga/step.def"
    STEP_STATES
};

enum breaker_state {
#define STATE(name, flags, meaning) BREAKER_##name,
#include "coordinator/core/saga/breaker.def"
    BREAKER_STATES
};

enum breaker_event {
#define EVENT(name, meaning) BREAKER_ON_##name,
#include "coordinator/core/saga/breaker.def"
    BREAKER_EVENTS
};

enum step_event {
#define EVENT(name, meaning) STEP_ON_##name,
#include "coordinator/core/saga/step.def"
    STEP_EVENTS
};
/* clang-format on */

/* A participant that is connected, or has steps in memory; others make room. */
struct peer {
    char name[VOW_NAME_SIZE];
    uint64_t session;  /* 0 = not connected */
    bool is_full;      /* much waits to be sent to it */
    uint32_t next;     /* with the same hash of the name */
    uint32_t steps;    /* first of its steps in memory */
    uint32_t budget;   /* what it may be sent beside first attempts (sagas 4.4), in tenths of an attempt */
    uint8_t breaker;   /* enum breaker_state; written by breaker.c alone */
    uint32_t silent;   /* attempts in a row without an answer */
    uint32_t open_ms;  /* how long the breaker was open last; 0 = it is closed */
    uint64_t look_ms;  /* OPEN, HALF_OPEN: the next attempt, not before */
    uint64_t held_ms;  /* beyond its budget: what waits is looked at again */
    uint64_t spare_ms; /* ... and one attempt may go all the same, not before */
};

struct step {
    uint32_t saga, peer;
    uint32_t number; /* in the order of the saga */
    uint32_t next;   /* of the saga; in the free list: of that */
    uint32_t peer_prev, peer_next;
    uint32_t stage;
    uint32_t serial;         /* counts the uses of this slot, so that a token names one of them */
    uint8_t kind;            /* enum vow_step_kind */
    uint8_t state;           /* enum step_state; written by step_move(), and by recovery */
    uint8_t direction, fate; /* the fate is durable, but in NOTING */
    uint8_t next_fate;       /* NOTING: what is on its way to the disk */
    uint32_t attempts;       /* in this direction, that this process or the log knows of */
    bool was_sent;           /* its action, or it may have been in an earlier life: there may be something to undo */
    bool is_lost;            /* its last attempt went with the connection: the next one is no further load */
    bool wants_peer;         /* STUCK: for want of its participant; it goes on when that is back */
    bool is_back;            /* it was, and has gone on; by its log, it is stuck until its next record is there */
    uint64_t deadline_ms;    /* no attempt after it, over restarts; SAGA_NEVER_MS = none */
    /* It waits for a participant that is away, and has no deadline: stuck from then on. SAGA_NEVER_MS = it does not. */
    uint64_t patience_ms;
    uint64_t next_ms; /* WAITING: the next attempt, not before; over restarts */
    uint64_t turn;    /* among those that wait: who has waited longest goes first */
    uint32_t attempts_max, attempt_ms, deadline_after_ms, backoff_ms, backoff_max_ms;
};

struct saga {
    struct vow_gtrid gtrid; /* first: the table's key */
    uint8_t state;          /* enum saga_state; written by saga_move() alone */
    uint8_t outcome;        /* ENDING: enum vow_saga_state */
    uint8_t cause;          /* enum vow_cause: why it failed, or is stuck */
    bool has_failed;        /* it goes backward, or will */
    bool is_closed;         /* ENDING: an operator's decision to close it is durable */
    uint32_t serial;
    uint32_t failed_step;
    char text[VOW_TEXT_SIZE]; /* of who failed it */
    uint64_t client;          /* to tell the end; the newest that asked; 0 = nobody */
    uint64_t order_tag;       /* of the operator's order that is on its way to the disk */
    uint64_t begun_ms, state_since_ms, earlier_ms;
    uint64_t deadline_ms;
    uint32_t first; /* its steps, by number */
    uint32_t steps_len, stage, stages_len;
    uint32_t key; /* in core->keys; SAGA_NIL = none */
    uint32_t next_free;
};

/* The saga's event under way; the step's. */
struct saga_input {
    enum saga_event event;
    const struct vow_gtrid *gtrid;
    struct saga *saga; /* NULL: state NONE */
    const struct vow_sagas_event *from;
    struct step *step; /* SETTLED, STUCK */
    bool moved;
};
struct step_input {
    enum step_event event;
    struct step *step;
    const struct vow_msg_step_done *answer; /* DONE, REFUSED, NOT_YET */
    bool moved;
};
typedef void saga_handler_fn(struct vow_sagas *core, struct saga_input *in);
typedef void step_handler_fn(struct vow_sagas *core, struct step_input *in);

/* What one event may emit for one saga: to each step a message, a record and a trace, and a few more. */
#define SAGA_EFFECTS_PER_SAGA (3 * VOW_STEPS_MAX + 8)
#define SAGA_TIMERS_MAX 64
#define SAGA_EFFECTS_MAX (4 * SAGA_EFFECTS_PER_SAGA)

struct vow_sagas {
    struct vow_sagas_limits limits;
    uint32_t epoch;
    uint64_t now_ms, jitter;
    bool recovering, draining, shedding;
    uint32_t lookups; /* that are not answered */
    uint32_t resumed; /* after recovery: the sagas before this slot go on; the others are next */
    struct saga_input *saga_in;
    struct step_input *step_in;
    saga_handler_fn *saga_handlers[SAGA_STATES][SAGA_EVENTS];
    step_handler_fn *step_handlers[STEP_STATES][STEP_EVENTS];

    struct saga *sagas;
    uint32_t sagas_free, sagas_open;
    struct vow_gtrid_table table;
    struct vow_heap deadlines; /* sagas */
    struct step *steps;
    uint32_t steps_free, steps_left, stuck;
    struct vow_heap due; /* steps */
    struct peer *peers;
    uint32_t *peer_heads;
    uint32_t peers_len;
    struct key_table keys; /* pinned while the saga is in memory, kept once it has ended */

    struct vow_sagas_effect *effects;
    uint32_t effects_len;
    uint64_t *saga_hits, *step_hits, *breaker_hits;
    uint64_t turns;
    uint32_t breakers_open;
    struct vow_sagas_counts counts;
};

static inline struct step *step_at(const struct vow_sagas *core, uint32_t index)
{
    return index != SAGA_NIL ? &core->steps[index] : NULL;
}
static inline uint32_t step_index(const struct vow_sagas *core, const struct step *step)
{
    return (uint32_t)(step - core->steps);
}
static inline struct saga *step_saga(const struct vow_sagas *core, const struct step *step)
{
    return &core->sagas[step->saga];
}
static inline struct peer *step_peer(const struct vow_sagas *core, const struct step *step)
{
    return &core->peers[step->peer];
}
/* Something can be sent to it. */
static inline bool peer_is_there(const struct peer *peer)
{
    return peer->session != 0 && !peer->is_full;
}
/* ... and it answers. */
static inline bool peer_is_well(const struct peer *peer)
{
    return peer_is_there(peer) && peer->breaker == BREAKER_CLOSED;
}
#define FOR_EACH_STEP(core, saga, step)                                                                                \
    for (struct step *step = step_at(core, (saga)->first); step != NULL; step = step_at(core, step->next))

/* --- fsm.c --- */

void saga_fill_handlers(struct vow_sagas *core);

/* --- move.c: dispatch and the two movers, which assert edge and invariant, count and trace --- */

void saga_dispatch(struct vow_sagas *core, struct saga_input *in);
void saga_move(struct vow_sagas *core, struct saga *saga, enum saga_state to);
/* When it is settled or stuck by that, tells its saga. */
void step_dispatch(struct vow_sagas *core, struct step_input *in);
void step_move(struct vow_sagas *core, struct step *step, enum step_state to);

/* --- table.c: slots --- */

struct saga *saga_find(const struct vow_sagas *core, const struct vow_gtrid *gtrid);
/* There is room (asserted). */
struct saga *saga_new(struct vow_sagas *core, const struct vow_msg_saga_request *request);
/* The limit that it would break, or VOW_SAGAS_LACK_NOTHING. */
enum vow_sagas_lack saga_lacks(const struct vow_sagas *core, const struct vow_msg_saga_request *request);
void saga_free(struct vow_sagas *core, struct saga *saga);
struct step *saga_step(const struct vow_sagas *core, const struct saga *saga, uint32_t number);

/* --- peers.c --- */

uint32_t peer_find(const struct vow_sagas *core, const char *name);
/* For so many more names. `request` names some, too, and they must not make room for one another. */
bool peer_has_room(const struct vow_sagas *core, const struct vow_msg_saga_request *request);
/* SAGA_NIL if there is no room for one more. */
uint32_t peer_intern(struct vow_sagas *core, const char *name);
/* Connected, or with steps. */
uint32_t peers_in_use(const struct vow_sagas *core);
void peer_link(struct vow_sagas *core, struct step *step);
void peer_unlink(struct vow_sagas *core, struct step *step);
/* Something may be sent to it again: what waits is due, not all of it at one moment. */
void peer_wake(struct vow_sagas *core, const struct peer *peer);
void peer_take_up(struct vow_sagas *core, const char *name, uint64_t session);
void peer_take_down(struct vow_sagas *core, uint64_t session);
void peer_take_full(struct vow_sagas *core, uint64_t session, bool is_full);

/* --- breaker.c --- */

void breaker_feed(struct vow_sagas *core, struct peer *peer, enum breaker_event event);
/* May it be sent an attempt now, which is over at over_ms? If it is OPEN, this is the one that finds out. */
bool breaker_lets(struct vow_sagas *core, struct peer *peer, uint64_t over_ms);

/* --- pace.c: when and how often (sagas 4.4) --- */

/* Sends the next attempt now, if its participant is there and has not had its share; else sees to it that the step is
 * looked at again when that may have changed. */
bool pace_may_send(struct vow_sagas *core, struct step *step);
/* There is no attempt any more: its deadline is over, or its participant was away for too long. */
bool pace_is_over(const struct vow_sagas *core, const struct step *step);
void pace_sent(struct vow_sagas *core, struct step *step);
/* It was not sent after all. */
void pace_unsent(struct vow_sagas *core, struct step *step);
void pace_answered(struct vow_sagas *core, struct step *step);
void pace_unanswered(struct vow_sagas *core, struct step *step);
/* When the next attempt is, from now. */
uint32_t pace_back_off(struct vow_sagas *core, struct step *step);
void pace_stop(struct vow_sagas *core, const struct step *step);
void pace_take_timer(struct vow_sagas *core);

/* --- emit.c --- */

struct vow_sagas_effect *saga_emit(struct vow_sagas *core, enum vow_sagas_effect_kind kind,
                                   const struct vow_gtrid *gtrid);
void saga_send_step(struct vow_sagas *core, const struct step *step);
struct vow_record *saga_log(struct vow_sagas *core, enum vow_record_kind kind, const struct saga *saga, bool forced);
/* An operator wants it tried again: whoever ordered it hears of it when that is durable. */
void saga_log_retry(struct vow_sagas *core, const struct saga *saga);
/* In front of its BEGIN, if it has a key. */
void saga_log_key(struct vow_sagas *core, const struct saga *saga);
struct vow_record *step_log(struct vow_sagas *core, const struct step *step);
/* The same of an attempt that has failed: not forced, and nothing waits for it. */
struct vow_record *step_note(struct vow_sagas *core, const struct step *step);
/* To whoever waits for it, if anybody does. */
void saga_tell(struct vow_sagas *core, const struct saga *saga);
void saga_reply(struct vow_sagas *core, uint64_t session, const struct saga *saga, int error, const char *text);
void saga_reply_error(struct vow_sagas *core, uint64_t session, const struct vow_gtrid *gtrid, int error, uint32_t step,
                      const char *text);
/* The request's key names that saga: nothing else is told of it, and nothing began. */
void saga_reply_named(struct vow_sagas *core, const struct saga_input *in, const struct vow_gtrid *named);
void saga_alarm(struct vow_sagas *core, const struct vow_gtrid *gtrid, uint32_t step, const char *what);
void saga_alarm_of_peer(struct vow_sagas *core, const char *peer, const char *what);
void saga_ordered(struct vow_sagas *core, const struct saga_input *in, int error, const char *text);
void saga_carried_out(struct vow_sagas *core, const struct saga *saga);
enum vow_saga_state saga_told(const struct saga *saga);
/* The log's answer names what it is for. */
void saga_take_logged(struct vow_sagas *core, uint64_t token);

/* --- on_step.c, on_saga.c, on_end.c, recover.c: the handlers, and --- */

/* Its participant must not refuse it, nor give it up. */
bool step_must_be_done(const struct step *step);
/* ... for good: of what may not, a refusal is not remembered there. */
bool step_may_be_refused(const struct step *step);
/* Begins the first stage that has something to do from here on, in the direction that the saga goes; false: there is
 * none. */
bool saga_begin_stage(struct vow_sagas *core, struct saga *saga);
bool saga_is_under_way(const struct vow_sagas *core, const struct saga *saga);
/* A restart would find it stuck. */
bool saga_has_stuck(const struct vow_sagas *core, const struct saga *saga);
/* Nothing is wrong with it any more. */
void saga_absolve(struct saga *saga);
/* All is done, or undone. */
void saga_end(struct vow_sagas *core, struct saga *saga, enum vow_saga_state outcome);
void saga_take_recovered(struct vow_sagas *core, const struct vow_sagas_event *event);
/* Some of them in a step; nobody is answered before all go on. */
void saga_resume_some(struct vow_sagas *core);
bool saga_is_resuming(const struct vow_sagas *core);
/* It has been fed whole, and was resumed. Nothing happens to its steps before: what it does next follows from all of
 * its records together, and not from what came of one of them. */
bool saga_goes_on(const struct vow_sagas *core, const struct saga *saga);

#endif
