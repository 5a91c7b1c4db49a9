/* The files of a coordinator's process among themselves. */
#ifndef VOW_CHAOS_SIM_COORDINATOR_PRIVATE_H
#define VOW_CHAOS_SIM_COORDINATOR_PRIVATE_H

#include "chaos/sim/world.h"
#include "coordinator/core/coord.h"
#include "coordinator/core/relay/relay.h"
#include "coordinator/core/saga/saga.h"
#include "coordinator/fold/lookup.h"
#include "coordinator/fold/recovery.h"
#include "coordinator/fold/relay_recovery.h"
#include "coordinator/journal/journal.h"

#define SESSIONS_MAX 64
#define LIVES_MAX 16
/* What nobody asks the journal for: folding in, cutting off, proving. */
#define IDLE_US SIM_SECOND_US

struct session {
    uint64_t id; /* 0: free */
    struct sim_conn *conn;
    enum vow_role role;
    bool up, is_full, is_told;
    char name[VOW_NAME_SIZE];
    char address[VOW_ADDRESS_SIZE];
    struct vow_coord_peer peer;
};

/* A participant's data file, and the highest incarnation it came with in this life of ours (lives.c). */
struct life {
    uint8_t db_uuid[VOW_DB_UUID_BYTES];
    uint64_t incarnation;
};

/* From the request of an operator to its answer. */
struct sim_order {
    struct sim_order *next;
    uint64_t id;         /* the attempt of its RESOLVE */
    uint64_t asker, tag; /* who asked, and the tag of that request */
    uint64_t session;    /* of the participant that is to answer; 0 = none */
    enum vow_admin_command command;
    struct vow_gtrid gtrid;
    char participant[VOW_NAME_SIZE]; /* of a dead letter: its group, */
    uint64_t lsn;                    /* and its event; else 0 */
    uint64_t after;                  /* GROUP_SEEK: the group goes on behind this event */
    char who[VOW_TEXT_SIZE], why[VOW_TEXT_SIZE];
};

/* A STEP that was not sent. */
#define COORDINATOR_UNSENT_MAX 256
struct coordinator_unsent {
    uint64_t session;
    struct vow_gtrid gtrid;
    uint32_t step;
};

/* What vowd keeps of sagas beside their core (coordinator/server/sagas.c); the core is NULL in a world without. */
struct coordinator_sagas {
    struct vow_sagas *core;
    struct vow_sagas_limits limits;
    struct saga_book book;
    const struct vow_msg *request; /* under way */
    bool has_begun;
    uint32_t unsent_len;
    struct coordinator_unsent unsent[COORDINATOR_UNSENT_MAX];
    uint64_t looks; /* of operators */
};

/* What vowd keeps of events beside their core (coordinator/server/relay.c); the core is NULL in a world without. */
#define EVENT_GROUPS_MAX 16
struct shown_group {
    const char *state;
    bool is_connected;
    uint64_t cursor;
    uint32_t dead;
};
/* A DELIVER that was not sent. More than a step has effects. */
#define COORDINATOR_UNDELIVERED_MAX 1024
struct coordinator_undelivered {
    uint64_t session, lsn;
    char group[VOW_NAME_SIZE];
};
struct coordinator_feed {
    struct sim_world *world;
    struct sim_node *node;
};
struct coordinator_events {
    struct vow_relay *core;
    struct vow_relay_limits limits;
    struct relay_book book;
    struct vow_arena *arena; /* for what is decoded out of the journal */
    struct coordinator_feed feed;
    bool is_kept;         /* PUBLISH: the core has taken the copy */
    struct log_op *loads; /* under way: what they have found is to be freed */
    struct shown_group shown[EVENT_GROUPS_MAX];
    uint64_t looks;   /* of operators */
    uint64_t glances; /* ... at groups */
    uint64_t moves;   /* ... that may be moved */
    uint32_t undelivered_len;
    struct coordinator_undelivered undelivered[COORDINATOR_UNDELIVERED_MAX];
};

struct log_op {
    struct vow_journal_op op; /* first */
    bool is_saga, is_relay;
    /* Of an EVENT and a GROUP, for who looks on. */
    const struct vow_msg_event *event;
    const struct vow_msg_subscribe *subscribe;
    struct log_op *next_load;
    struct vow_coord_question question; /* GET */
    struct vow_record_branch branches[VOW_CALLS_MAX];
};

struct sim_coordinator {
    const struct vow_journal_engine *ops;
    void *engine; /* NULL: closed */
    struct vow_coord *core;
    struct vow_coord_limits limits;
    struct vow_journal_identity identity;
    struct session sessions[SESSIONS_MAX];
    uint64_t next_session;
    struct life lives[LIVES_MAX];
    uint32_t lives_len;
    uint64_t batches;
    uint64_t reported_us;                          /* when the loop hears of the newest batch */
    struct vow_journal_op *pending, **pending_end; /* of this turn */
    struct vow_journal_op *queue, **queue_end;     /* with the journal's thread */
    bool is_busy, is_ticking;
    bool has_full; /* the core is to be told of a session */
    struct log_op *unused;
    struct sim_order *orders;
    uint64_t next_order;
    struct coordinator_sagas sagas;
    struct coordinator_events events;
};

/* --- coordinator_core.c --- */

/* One step of the core, and all that it wants is done or under way. */
void coordinator_step(struct sim_world *world, struct sim_node *node, struct vow_coord_event *event);
/* The session's queue has room again (fault F029). */
void coordinator_drained(struct sim_world *world, struct sim_node *node, uint64_t id);

/* --- coordinator_journal.c --- */

/* An operation of the journal's, as it is submitted: body and branches are its own or the world's memory. */
struct log_op *coordinator_op_take(struct sim_world *world, struct sim_coordinator *c);
void coordinator_op_push(struct sim_world *world, struct sim_node *node, struct log_op *op, bool forced);

/* A message as it travels, without the frame's header, in the world's memory. */
struct vow_slice coordinator_encode(struct sim_world *world, const struct vow_msg *msg);
/* Carry out LOG and LOOKUP. */
void coordinator_log(struct sim_world *world, struct sim_node *node, const struct vow_coord_effect *effect);
void coordinator_look_up(struct sim_world *world, struct sim_coordinator *c, const struct vow_coord_effect *effect);
/* An operator's order, or what came of it. order: NULL, or whom to call back when it is durable. */
void coordinator_write_down(struct sim_world *world, struct sim_node *node, const struct vow_gtrid *gtrid,
                            const char *participant, const char *text, bool is_of_saga, struct sim_order *order);
/* Hands what the turn asked for to the journal's thread, and arms the core's timer. */
void coordinator_turn_end(struct sim_world *world, struct sim_node *node);
void coordinator_tick_later(struct sim_world *world, struct sim_node *node, uint64_t delay_us);
/* The events of the journal's thread. */
void coordinator_tick(struct sim_world *world, struct sim_node *node);
void coordinator_run_batch(struct sim_world *world, struct sim_node *node);
void coordinator_batch_done(struct sim_world *world, struct sim_node *node, struct vow_journal_op *first,
                            bool was_waited_for);

/* --- coordinator_session.c --- */

struct session *coordinator_session_find(struct sim_coordinator *c, uint64_t id);
void coordinator_message(struct sim_world *world, struct sim_node *node, struct sim_conn *conn, uint32_t side,
                         const struct vow_msg *msg);
void coordinator_disconnected(struct sim_world *world, struct sim_node *node, struct sim_conn *conn, uint32_t side,
                              bool was_up);

/* --- coordinator_orders.c --- */

/* An operator asks; it is in the log; its participant has answered, or is gone; the core has forgotten, or not. */
void coordinator_order(struct sim_world *world, struct sim_node *node, const struct session *session,
                       const struct vow_msg_admin_request *request);
void coordinator_order_logged(struct sim_world *world, struct sim_node *node, struct sim_order *order);
void coordinator_resolved(struct sim_world *world, struct sim_node *node, const struct session *session,
                          const struct vow_msg_resolved *resolved);
void coordinator_orders_unanswered(struct sim_world *world, struct sim_node *node, uint64_t session);
void coordinator_forgotten(struct sim_world *world, struct sim_node *node, const struct vow_coord_effect *effect);

/* An order is on its way about it already. */
bool coordinator_has_order(const struct sim_coordinator *c, const struct vow_gtrid *gtrid);
/* The one of that id, or NULL: it has no answer yet. */
struct sim_order *coordinator_order_find(const struct sim_coordinator *c, uint64_t id);
void coordinator_order_answer(struct sim_world *world, struct sim_node *node, struct sim_order *order, int error,
                              const char *text);

/* --- coordinator_sagas.c --- */

void coordinator_sagas_step(struct sim_world *world, struct sim_node *node, struct vow_sagas_event *event);
/* True if the message is about a saga, and was taken. */
bool coordinator_sagas_message(struct sim_world *world, struct sim_node *node, const struct session *session,
                               const struct vow_msg *msg);
void coordinator_sagas_peer_up(struct sim_world *world, struct sim_node *node, const struct session *session);
void coordinator_sagas_session_down(struct sim_world *world, struct sim_node *node, uint64_t session);
/* The session's queue has room again. */
void coordinator_sagas_drained(struct sim_world *world, struct sim_node *node, uint64_t session);
void coordinator_sagas_timer(struct sim_world *world, struct sim_node *node);
/* Of a saga's record or question, whichever the journal has answered. */
void coordinator_sagas_journal_done(struct sim_world *world, struct sim_node *node, const struct vow_journal_op *op);
uint64_t coordinator_sagas_deadline_ms(const struct sim_coordinator *c);
bool coordinator_sagas_are_quiet(const struct sim_world *world, const struct sim_node *node);

/* --- coordinator_sagas_start.c --- */

/* Their core, with room for what the journal has left open; and that all of it was fed. */
void coordinator_sagas_make(struct sim_world *world, struct sim_node *node, const struct vow_recovery_room *room,
                            uint64_t seed);
void coordinator_sagas_recovered(struct sim_world *world, struct sim_node *node);
void coordinator_sagas_stop(struct sim_coordinator *c);

/* --- coordinator_sagas_operator.c: who sees to what is stuck --- */

void coordinator_sagas_look_later(struct sim_world *world, struct sim_node *node);
void coordinator_sagas_look(struct sim_world *world, struct sim_node *node);

/* --- coordinator_events.c --- */

void coordinator_events_step(struct sim_world *world, struct sim_node *node, struct vow_relay_event *event);
/* True if the message is about events, and was taken. */
bool coordinator_events_message(struct sim_world *world, struct sim_node *node, const struct session *session,
                                const struct vow_msg *msg);
void coordinator_events_session_down(struct sim_world *world, struct sim_node *node, uint64_t session);
void coordinator_events_drained(struct sim_world *world, struct sim_node *node, uint64_t session);
void coordinator_events_timer(struct sim_world *world, struct sim_node *node);
void coordinator_events_journal_done(struct sim_world *world, struct sim_node *node, struct log_op *op);
uint64_t coordinator_events_deadline_ms(const struct sim_coordinator *c);
bool coordinator_events_are_quiet(const struct sim_world *world, const struct sim_node *node);
/* Shows what has become of the groups in this turn; and counts. */
void coordinator_events_turn_end(struct sim_world *world, struct sim_node *node);
void coordinator_events_show_counts(struct sim_world *world, const struct sim_node *node);
/* What feeds the core. detail: of a start, else NULL. */
struct relay_recovery coordinator_events_recovery(struct sim_world *world, struct sim_node *node,
                                                  struct vow_error_detail *detail);
/* The journal is open, and the other cores are made. */
int coordinator_events_start(struct sim_world *world, struct sim_node *node, struct vow_error_detail *detail);
void coordinator_events_stop(struct sim_coordinator *c);

/* --- coordinator_events_operator.c: who sees to dead letters --- */

void coordinator_events_look(struct sim_world *world, struct sim_node *node);
/* A service has gone. */
void coordinator_events_look_at_groups(struct sim_world *world, struct sim_node *node);

/* --- coordinator_start.c --- */

/* Opens the journal, takes it over and makes the core of it. */
int coordinator_open(struct sim_world *world, struct sim_node *node, uint32_t *recovered,
                     struct vow_error_detail *detail);

#endif
