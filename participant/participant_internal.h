/*
 * Inside the participant: what its files share.
 *   participant.c         the public functions; the service's threads
 *   participant_loop.c    connection, core, timer; the network's thread
 *   participant_join.c    joins, from the service's threads to the core and back
 *   participant_admin.c   what an operator asks; the network's thread
 *   participant_peers.c   and two more: connections with other participants; see participant_peers.h
 *   participant_steps.c   steps of sagas, from the coordinator to the store and back; the network's thread
 *   participant_relay.c   and three more: events; see participant_events.h
 *   participant_store.c   the store's operations and the handlers; both threads, as each function says
 */
#ifndef VOW_PARTICIPANT_PARTICIPANT_INTERNAL_H
#define VOW_PARTICIPANT_PARTICIPANT_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <sys/types.h>

#include <vow/participant.h>

#include "participant/core/branch.h"
#include "participant/loop.h"
#include "participant/participant_events.h"
#include "participant/participant_peers.h"
#include "participant/store/store.h"
#include "proto/net/channel.h"
#include "proto/net/timer.h"
#include "proto/net/trace.h"
#include "proto/net/worker.h"

struct vow_handler {
    char name[VOW_NAME_SIZE];
    vow_handler_fn *run;
    void *ctx;
};

struct vow_branch {
    const struct vow_participant *participant;
    const struct vow_gtrid *gtrid;
    struct vow_store_step *step;               /* of a saga; NULL = a transaction's work */
    const struct vow_store_delivery *delivery; /* an event, and what reacts to it; NULL = another work */
    const struct vow_reaction_kept *reaction;
    bool refused;
    char text[VOW_TEXT_SIZE];
};

/* Operations that a turn has asked for, to be handed to the store's thread together. */
struct vow_store_turn {
    struct vow_job *first;
    struct vow_job **end;
    bool urgent; /* something waits for one of them */
};

/* One use of a token, from the call to its answer. */
struct vow_join {
    struct vow_join *next; /* in one of the lists below */
    const struct vow_participant *participant;
    struct vow_gtrid gtrid;
    vow_work_fn *work;
    void *ctx;
    vow_joined_fn *done;
    void *done_ctx;
    int error;
    struct vow_joined joined;
};

struct vow_join_list {
    struct vow_join *first, *last;
};

#define VOW_JOIN_BUCKETS 256
#define VOW_PEER_LIST_BUCKETS 4096
#define VOW_STEP_BUCKETS 1024
/* Steps of sagas that are with the store at once. */
#define VOW_STEPS_IN_FLIGHT_MAX 4096u

struct vow_step_flight;
struct vow_peer_list;
struct vow_peer_link;
struct vow_peer_session;

struct vow_participant {
    /* Fixed once started. */
    char name[VOW_NAME_SIZE];
    struct vow_address coordinator;
    enum vow_loop_kind loop_kind;
    struct event_base *base;      /* the caller's, for VOW_LOOP_BASE */
    struct vow_handler *handlers; /* by name */
    size_t handlers_len;
    struct vow_subscription_kept *subscriptions;
    uint32_t branches_max;
    uint32_t heuristic_timeout_ms;
    uint32_t decision_timeout_ms; /* 0 = the core's own */
    enum vow_heuristic heuristic;
    bool listens; /* for peers and operators, on peer_listen */
    struct vow_address peer_listen;
    struct vow_address peer_announce; /* host "" = the one it listens on; port 0 likewise */
    bool started;
    struct vow_trace *trace; /* NULL = nobody asks for it; the store's thread's, from start to close */
    uint64_t cost_at_ms;     /* when the trace tells again what the process has cost */
    pid_t process;           /* that opened it, and no other may use it */

    /* The store's thread's, from start to close. */
    const struct vow_store_ops *store_ops;
    void *store;
    bool store_is_sqlite;
    bool has_handlers;                  /* false: the store takes the calls as they are */
    struct vow_store_identity identity; /* as the store was opened */

    /* The network's thread's, from start to close. */
    struct vow_loop loop;
    struct vow_branches *core;
    struct vow_worker *worker;
    struct vow_dialer *dialer;
    struct vow_channel *channel; /* NULL = no connection */
    struct vow_timer timer;
    uint64_t timer_ms;                   /* what it is set to */
    uint64_t coord;                      /* whom the data belongs to; 0 = nobody yet */
    uint32_t epoch;                      /* the newest of it that was heard of in a handshake */
    char peer_address[VOW_ADDRESS_SIZE]; /* where peers reach this participant; "" = nowhere */
    struct vow_listener *listener;       /* NULL = none */
    struct vow_peer_session *sessions;   /* whom it has let in */
    uint32_t sessions_len;
    uint64_t session_last;
    struct vow_peer_link *links; /* whom it asks */
    uint32_t links_len;
    bool says_blocked; /* the log has said that branches are blocked */
    struct vow_store_turn turn;
    struct vow_join_list joins[VOW_JOIN_BUCKETS]; /* by id; of one id the first is with the core, the others wait */
    struct vow_join_list answered;                /* by the core, in this turn */
    struct vow_peer_list *peer_lists[VOW_PEER_LIST_BUCKETS]; /* of branches in doubt, by id */
    uint32_t questions;                                      /* of operators, with the store */
    struct vow_step_flight *steps[VOW_STEP_BUCKETS];         /* that are with the store, by id */
    uint32_t steps_len;
    size_t steps_bytes;
    uint64_t steps_done, steps_refused;
    struct vow_relay relay;
    struct vow_event_flight *events[VOW_EVENT_BUCKETS]; /* deliveries that are with the store, by offset */
    uint32_t events_len;
    size_t events_bytes;
    uint64_t events_handled, events_refused;
    bool closing; /* nothing is carried out any more */

    pthread_t store_thread; /* if store_is_known */
    atomic_bool store_is_known;

    pthread_mutex_t lock; /* for what is below */
    pthread_cond_t changed;
    struct vow_join_list submitted;
    uint32_t joins_len; /* not answered yet */
    bool halting;
    struct vow_participant_stats stats;
};

/* --- participant.c --- */

/* The time on the clock of `changed`, in so many milliseconds. */
struct timespec vow_participant_after(uint32_t timeout_ms);

/* --- participant_loop.c --- */

/* Makes the core and tells it what the store holds. Returns 0, VOW_E_NO_MEMORY, VOW_E_SYSTEM, or what the store
 * found. */
int vow_participant_recover(struct vow_participant *participant, struct vow_error_detail *detail);
/* Starts both threads. Returns 0 or an error, with nothing left to stop. */
int vow_participant_run(struct vow_participant *participant);
/* Ends both threads. */
void vow_participant_halt(struct vow_participant *participant);

/* On the network's thread: an operation is done. Then, once for all that are done together, the end of the turn. */
void vow_participant_store_done(struct vow_participant *participant, const struct vow_store_op *op);
void vow_participant_turn_end(struct vow_participant *participant);

/* Lets an event happen: a join of this id. */
void vow_participant_join(struct vow_participant *participant, const struct vow_gtrid *gtrid);

/* Lets an event happen: a RESOLVE of somebody who asks this participant itself; asker is not 0. */
void vow_participant_resolve(struct vow_participant *participant, uint64_t asker, const struct vow_msg *msg);

/* Sends a message to who asked: 0 = the coordinator. */
void vow_participant_tell(struct vow_participant *participant, uint64_t asker, const struct vow_msg *msg);
/* One message of an answer that may be long, see vow_channel_send_bulk(). VOW_E_STATE: nobody is there any more. */
int vow_participant_tell_bulk(struct vow_participant *participant, uint64_t asker, const struct vow_msg *msg,
                              bool is_last);

/* --- participant_admin.c --- */

/* On the network's thread: an ADMIN_REQUEST, of the coordinator (asker 0) or of somebody on our own listener. It is
 * answered there, now or later, with the request's tag. */
void vow_participant_admin(struct vow_participant *participant, uint64_t asker,
                           const struct vow_msg_admin_request *request);
/* The store has answered a DESCRIBE; frees it. */
void vow_participant_described(struct vow_participant *participant, struct vow_store_op *op);

/* A peer's question, of that session, or its answer. */
void vow_participant_peer(struct vow_participant *participant, uint64_t session, const struct vow_msg *msg);
/* What an operator's connection has sent; false if it is nothing that one sends to a participant. */
bool vow_participant_operator(struct vow_participant *participant, uint64_t session, const struct vow_msg *msg);
/* How it introduces itself, for as long as it lives. */
struct vow_msg_hello vow_participant_hello(const struct vow_participant *participant);

/* --- participant_steps.c --- */

/* On the network's thread: a STEP of the coordinator. It is answered when what became of it is durable. */
void vow_participant_step(struct vow_participant *participant, const struct vow_msg_step *msg);
/* The store has ended a STEP; frees it. */
void vow_participant_step_done(struct vow_participant *participant, struct vow_store_op *op);

/* --- participant_join.c --- */

/* On the network's thread. Takes over what was submitted; true if the thread is to end. */
bool vow_participant_take_joins(struct vow_participant *participant);
/* The core's answer to the join of this id that is with it. */
void vow_participant_answer_join(struct vow_participant *participant, const struct vow_branches_effect *effect);
/* Tells the services, and lets the next joins of their ids go on. Not within a step of the core. */
void vow_participant_settle_joins(struct vow_participant *participant);
/* The join of this id that is with the core. */
struct vow_join *vow_participant_find_join(struct vow_participant *participant, const struct vow_gtrid *gtrid);
/* Both threads have ended: nothing of what is left will be done. */
void vow_participant_give_up_joins(struct vow_participant *participant);

/* --- participant_trace.c: what the trace tells of the process --- */

/* Opens it, if it is asked for. */
int vow_participant_open_trace(struct vow_participant *participant, struct vow_error_detail *detail);
/* On the store's thread, after each batch: what it has cost so far, once a second, and to the file with all of it. */
/* That it has lost its coordinator; on the loop's thread. */
void vow_participant_tell_parted(struct vow_participant *participant);
void vow_participant_flush_trace(struct vow_participant *participant, const struct vow_store_stats *stats);
/* After the threads, before the store is closed: the same for the last time. */
void vow_participant_tell_last_cost(struct vow_participant *participant);

/* --- participant_store.c --- */

/* The work of a join (vow_store_work_fn); ctx is the struct vow_join. */
int vow_participant_work(void *ctx, const struct vow_gtrid *gtrid, struct sqlite3 *db, enum vow_cause *cause,
                         char text[VOW_TEXT_SIZE]);

/* On the network's thread: adds what the core wants of the store to the turn; hands the turn over. */
void vow_participant_store_add(struct vow_participant *participant, const struct vow_branches_effect *effect);
void vow_participant_store_submit(struct vow_participant *participant);
/* Adds an operation of the driver's own that somebody waits for. */
void vow_participant_store_put(struct vow_participant *participant, struct vow_store_op *op);
/* What the worker calls (vow_worker_run_fn, vow_worker_done_fn). */
struct vow_job *vow_participant_store_run(void *ctx, struct vow_job *first);
void vow_participant_store_take_back(void *ctx, struct vow_job *first);
/* Both threads have ended: drops what the store still keeps. */
void vow_participant_store_give_up(struct vow_participant *participant);

/* What the SQLite store calls for each call of a branch (vow_sqlite_call_fn); the store's thread. */
int vow_participant_call(void *ctx, const struct vow_gtrid *gtrid, struct sqlite3 *db, const struct vow_msg_call *call,
                         enum vow_cause *cause, char text[VOW_TEXT_SIZE]);
/* For each step of a saga (vow_sqlite_step_fn); the store's thread. */
int vow_participant_do_step(void *ctx, const struct vow_gtrid *gtrid, struct sqlite3 *db, struct vow_store_step *step,
                            enum vow_cause *cause, char text[VOW_TEXT_SIZE]);
/* What the service's code has said: its words, or the number it returned. */
int vow_participant_judge(const struct vow_branch *branch, int result, enum vow_cause *cause, char text[VOW_TEXT_SIZE]);
/* The handler of that name, or NULL; *at, if not NULL, is where it stands or would stand. */
struct vow_handler *vow_handler_find(const struct vow_participant *participant, const char *name, size_t *at);

#endif
