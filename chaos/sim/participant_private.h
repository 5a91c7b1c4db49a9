/* The files of a participant's process among themselves. */
#ifndef VOW_CHAOS_SIM_PARTICIPANT_PRIVATE_H
#define VOW_CHAOS_SIM_PARTICIPANT_PRIVATE_H

#include "chaos/sim/bank.h"
#include "chaos/sim/peers.h"
#include "chaos/sim/storage.h"
#include "chaos/sim/thing.h"
#include "chaos/sim/world.h"
#include "participant/core/branch.h"
#include "participant/flights.h"
#include "proto/net/backoff.h"

#define PREPARED_MAX 256

struct store_op {
    struct vow_store_op op; /* first */
    struct vow_msg_call calls[VOW_CALLS_MAX];
    bool has_run; /* STEP: its handler has, in the newest attempt, and did not say no */
    /* STEP: */
    struct vow_store_step step;
    uint32_t attempt; /* that came last; of an EVENT, too */
    struct store_op *next_flight;
    /* EVENT, OUTBOX_*: */
    struct vow_store_delivery delivery;
    struct vow_store_outbox outbox;
};

/* What the store hands to a handler. */
struct work_ctx {
    struct sim_world *world;
    struct sim_node *node;
};

/* Events, in this life. */
struct participant_events {
    struct vow_flights flights;
    struct store_op *reading;        /* OUTBOX_READ, which the store keeps until there is something */
    struct store_op *kept;           /* OUTBOX_DONE of this turn */
    struct store_op *deliveries;     /* that the store has */
    uint32_t again;                  /* bit by reaction: to be subscribed again, */
    uint64_t again_ms;               /* then */
    uint64_t done_to[SIM_REACTIONS]; /* what each group has done, as the coordinator has said last */
    uint64_t runs, works, handled;
    sqlite3 *own; /* the service's own connection; NULL: not opened yet */
};

struct sim_participant {
    const struct vow_store_ops *ops;
    void *store; /* NULL: closed */
    struct vow_store_identity identity;
    struct vow_branches *core;
    struct sim_bank bank;
    struct sim_conn *conn; /* NULL: not connected */
    struct backoff backoff;
    uint64_t coord;
    uint32_t epoch;
    bool is_busy, is_ticking;
    bool may_owe;        /* a full disk may have kept the store from taking the locks of refused work away */
    uint32_t with_store; /* operations that it has not given back */
    uint64_t batches;
    int failed; /* the error of the store, of which the process has not stopped yet */
    struct store_op *pending, **pending_end;
    struct store_op *queue, **queue_end;
    struct store_op *unused;
    struct sim_peers peers;
    struct sim_call *joins, *answered; /* calls that work; the first of each id is with the core */
    struct vow_branches_recovered prepared[PREPARED_MAX];
    uint32_t prepared_len;
    struct work_ctx work;
    struct store_op *flights; /* steps of sagas that the store has */
    uint64_t steps_run;
    struct participant_events events;
    struct sim_things things; /* over all lives */
};

/* --- participant.c --- */

/* One step of the core, and all that it wants is done or under way. */
void participant_step(struct sim_world *world, struct sim_node *node, struct vow_branches_event *event);
void participant_turn_end(struct sim_world *world, struct sim_node *node);
void participant_dial_later(struct sim_world *world, struct sim_node *node, uint64_t delay_us);

/* --- participant_start.c --- */

/* Opens the store, and reads what is prepared in it. */
int participant_open(struct sim_world *world, struct sim_node *node, struct vow_error_detail *detail);
/* Makes the core of that. */
void participant_make_core(struct sim_world *world, struct sim_node *node);
/* The text in the world's memory; NULL stays so. */
const char *participant_copy(struct sim_world *world, const char *text);

/* --- participant_store.c --- */

/* Carries out STORE. */
void participant_store(struct sim_world *world, struct sim_node *node, const struct vow_branches_effect *effect);
/* An operation, empty; and with the turn's others. */
struct store_op *participant_op_take(struct sim_world *world, struct sim_participant *p);
void participant_put(struct sim_world *world, struct sim_node *node, struct store_op *op);
/* Hands what the turn asked for to the store's thread. */
void participant_submit(struct sim_world *world, struct sim_node *node);
/* The events of the store's thread. */
void participant_run_soon(struct sim_world *world, struct sim_node *node, uint64_t delay_us);
void participant_run_batch(struct sim_world *world, struct sim_node *node);
void participant_batch_done(struct sim_world *world, struct sim_node *node, struct store_op *first);

/* --- participant_work.c --- */

/* What the store calls: a handler of PREPARE, and the work of a call that has joined. */
int participant_run_call(void *ctx, const struct vow_gtrid *gtrid, struct sqlite3 *db, const struct vow_msg_call *call,
                         enum vow_cause *cause, char text[VOW_TEXT_SIZE]);
int participant_run_work(void *ctx, const struct vow_gtrid *gtrid, struct sqlite3 *db, enum vow_cause *cause,
                         char text[VOW_TEXT_SIZE]);
/* A service was called with a transaction's token: its work joins. */
void participant_called(struct sim_world *world, struct sim_node *node, struct sim_call *call);
/* Carries out JOINED. */
void participant_answer_join(struct sim_participant *p, const struct vow_branches_effect *effect);
/* Answers the services, and lets the next joins of their ids go on. */
void participant_settle_joins(struct sim_world *world, struct sim_node *node);

/* --- participant_steps.c --- */

void participant_take_step(struct sim_world *world, struct sim_node *node, const struct vow_msg_step *msg);
/* The store has answered. */
void participant_step_done(struct sim_world *world, struct sim_node *node, struct store_op *flight);
/* What the store calls. */
int participant_run_step(void *ctx, const struct vow_gtrid *gtrid, struct sqlite3 *db, struct vow_store_step *step,
                         enum vow_cause *cause, char text[VOW_TEXT_SIZE]);

/* --- participant_events.c --- */

/* The connection to the coordinator is up. */
void participant_events_up(struct sim_world *world, struct sim_node *node);
/* True if the message is about events, and was taken. */
bool participant_events_message(struct sim_world *world, struct sim_node *node, const struct vow_msg *msg);
void participant_events_timer(struct sim_world *world, struct sim_node *node);
uint64_t participant_events_deadline_ms(const struct sim_participant *p);
void participant_events_turn_end(struct sim_world *world, struct sim_node *node);
/* The store has answered: OUTBOX_READ or OUTBOX_DONE, and EVENT. */
void participant_outbox_done(struct sim_world *world, struct sim_node *node, struct store_op *op);
void participant_event_done(struct sim_world *world, struct sim_node *node, struct store_op *op);
/* What the store calls. */
int participant_run_event(void *ctx, sqlite3 *db, struct vow_store_delivery *delivery, enum vow_cause *cause,
                          char text[VOW_TEXT_SIZE]);
void participant_group_name(const struct sim_node *node, uint32_t reaction, char name[VOW_NAME_SIZE]);

/* --- participant_news.c --- */

uint64_t participant_next_tag(struct sim_world *world, const struct sim_node *node);
/* At the end of a handler's work in a transaction or a saga: perhaps it changes a thing, too, and tells of it. */
int participant_tell_of_work(struct sim_world *world, const struct sim_node *node, sqlite3 *db,
                             const struct vow_gtrid *gtrid);
/* A local transaction of the service's own, now and then. */
void participant_order_later(struct sim_world *world, struct sim_node *node);
void participant_order(struct sim_world *world, struct sim_node *node);
uint32_t participant_orders_of(const struct sim_world *world, const struct sim_node *node);
/* Nothing is left to be sent that the coordinator would take. */
bool participant_outbox_is_quiet(const struct sim_world *world, const struct sim_node *node);
void participant_show_news(struct sim_world *world, struct sim_node *node, bool is_start);

/* --- participant_link.c --- */

void participant_connected(struct sim_world *world, struct sim_node *node, struct sim_conn *conn, uint32_t side);
void participant_message(struct sim_world *world, struct sim_node *node, struct sim_conn *conn, uint32_t side,
                         const struct vow_msg *msg);
void participant_disconnected(struct sim_world *world, struct sim_node *node, struct sim_conn *conn, uint32_t side,
                              bool was_up);

#endif
