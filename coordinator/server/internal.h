/* What the files of the driver share. Everything belongs to the loop's thread. */
#ifndef VOW_COORDINATOR_SERVER_INTERNAL_H
#define VOW_COORDINATOR_SERVER_INTERNAL_H

#include <event2/event.h>
#include <limits.h>
#include <stdbool.h>
#include <uthash.h>

#include "coordinator/core/coord.h"
#include "coordinator/core/saga/saga.h"
#include "coordinator/fold/recovery.h"
#include "coordinator/fold/saga_book.h"
#include "coordinator/journal/journal.h"
#include "coordinator/server/broker.h"
#include "coordinator/server/notify.h"
#include "coordinator/server/server.h"
#include "proto/net/channel.h"
#include "proto/net/timer.h"
#include "proto/net/trace.h"

/* One connection whose handshake is done or under way. */
struct session {
    uint64_t id; /* never used twice */
    struct vow_channel *channel;
    enum vow_role role;
    bool up;
    uint32_t open;         /* transactions that it began and that are in memory */
    bool is_full, is_told; /* a participant for whom much waits, and whether the core knows */
    char name[VOW_NAME_SIZE];
    char software[VOW_NAME_SIZE]; /* what it says that it runs; cut */
    char address[VOW_ADDRESS_SIZE];
    struct vow_coord_peer peer; /* participants: what HELLO said; points to the fields above */
    struct vow_server *server;
    UT_hash_handle hh;
};

/* A participant that was seen since the start, as operators want to know it. */
struct known {
    char name[VOW_NAME_SIZE];
    char software[VOW_NAME_SIZE];
    char address[VOW_ADDRESS_SIZE];     /* where it listens for peers and operators; "" = nowhere */
    uint64_t seen_ms;                   /* when it came or went */
    uint8_t db_uuid[VOW_DB_UUID_BYTES]; /* its data file */
    UT_hash_handle hh;
};

/* A participant's data file, and the highest incarnation that it came with. */
struct life {
    uint8_t db_uuid[VOW_DB_UUID_BYTES];
    uint64_t incarnation;
    char name[VOW_NAME_SIZE];   /* the participant's */
    struct vow_watermark since; /* the first id that was granted after it had taken another one's place; zero: never */
    uint64_t alarmed_about;     /* the lower one that was told of last; 0 = none */
    UT_hash_handle hh;
};

/* A journal op with the memory it needs, reused. */
struct log_op {
    struct vow_journal_op op; /* first */
    uint32_t branches_cap;
    bool is_saga; /* it is the saga core's */
    /* It is a broker's, who hears of it so; NULL = it is not. */
    void (*done)(void *who, struct log_op *op);
    void *who;
    uint8_t *body; /* of the record, as long as body_cap allows */
    size_t body_cap;
    uint64_t tag;                       /* HISTORY: of who asked */
    uint64_t event_us;                  /* EVENT: when it was written down, by the wall clock */
    struct vow_coord_question question; /* GET */
    struct log_op *next_free;
};

struct traffic {
    uint64_t received, sent;                 /* messages of any kind */
    uint64_t counted_received, counted_sent; /* of the commit protocol (protocol 1.1) */
    uint64_t bytes_received, bytes_sent;     /* of them, without their frames' headers; counted for the trace alone */
    uint64_t turns;
};

/* What is with the journal's thread. */
struct health {
    uint32_t waiting, waiting_most; /* ops, now and at the worst moment */
    uint64_t since_ms;              /* of the last progress, or of the first of them */
    bool is_stalled;                /* the log says so */
};

/* The limits of docs/operations.md that a client or peer can meet, and the process's own. */
enum limit {
    LIMIT_TXNS,
    LIMIT_BRANCHES,
    LIMIT_SAGAS,
    LIMIT_SAGA_STEPS,
    LIMIT_SAGA_BYTES,
    LIMIT_SAGA_PARTICIPANTS,
    LIMIT_EVENTS,
    LIMIT_EVENT_BYTES,
    LIMIT_GROUPS,
    LIMIT_DEAD_LETTERS,
    LIMIT_PARTICIPANTS,
    LIMIT_SESSIONS,
    LIMIT_CLIENTS,
    LIMIT_ADMINS,
    LIMIT_STRANGERS,
    LIMIT_IN_FLIGHT,
    LIMIT_JOURNAL_QUEUE,
    LIMIT_MEMORY,
    LIMIT_SPACE,
    LIMIT_DESCRIPTORS,
    LIMITS,
};

struct limit_use {
    const char *name;
    uint64_t limit; /* 0 = none */
    uint64_t now, most, refused;
};

struct admission {
    uint64_t most[LIMITS], refused[LIMITS];
    uint32_t by_role[VOW_ROLE_COORDINATOR + 1];
    enum limit closed_by; /* what the message under way would break; LIMITS = nothing */
    uint64_t looked_ms, memory_mib;
};

struct http;

/* A step that was not sent, for much waits for its participant. */
struct unsent {
    uint64_t session;
    struct vow_gtrid gtrid;
    uint32_t step;
};

/* Sagas: a core of their own beside that of transactions, and what the steps are about. */
struct server_sagas {
    struct vow_sagas *core;
    void *memory;
    struct vow_sagas_limits limits; /* with room for what was recovered */
    struct saga_book book;
    const struct vow_msg *request; /* whose BEGIN may be logged in this step */
    bool has_begun;                /* and it was */
    struct unsent *unsent;         /* of the step under way */
    size_t unsent_len, unsent_cap;
};

struct vow_server {
    struct event_base *base;
    struct event *sigterm, *sigint, *sighup;
    struct event *feed;        /* NULL = it listens by TCP, and takes signals */
    struct vow_timers *timers; /* NULL = libevent's */
    struct vow_timer timer, drain_timer;
    struct vow_listener *listener;
    struct http *http;
    struct vow_journal *journal;
    struct health health;
    struct admission admission;
    struct notify notify;
    struct vow_timer watchdog;
    struct vow_coord *core;
    void *core_memory;
    struct server_sagas sagas;
    struct broker *broker;    /* of events; NULL = not made yet */
    struct session *sessions; /* uthash by id */
    uint64_t next_session;
    struct known *known;    /* uthash by name */
    struct life *lives;     /* uthash by db_uuid */
    struct gather *gathers; /* uthash by id: questions to participants that are not answered yet */
    uint64_t next_gather;
    struct replaying *replaying; /* the one replay that is under way; NULL = none */
    struct order *orders;        /* uthash by id: what operators have asked for */
    uint32_t next_order;
    uint64_t timer_armed_ms; /* UINT64_MAX = not armed */

    struct log_op *free_ops;
    struct vow_job *pending_first, **pending_last; /* ops of this turn, in order */

    struct vow_journal_identity identity;
    struct vow_address listen, http_address;
    struct vow_settings settings; /* that hold now */
    const struct vow_settings_source *source;
    struct vow_coord_limits limits; /* of the core now, with room for what was recovered */
    struct vow_recovery_room room;  /* of what the log has left open */
    uint64_t started_ms;
    uint64_t clocks_apart_us; /* wall minus monotonic, at the start */
    char place[PATH_MAX];     /* the data directory from the root */
    struct traffic traffic;
    struct vow_trace *trace; /* NULL = nobody asks for it */
    struct vow_timer look;   /* around, once a second: space.c and stuck.c */
    uint32_t looks, stuck;   /* how often so far; transactions that were stuck at the last look */
    uint64_t space_bytes;    /* what the journal may still grow by, at the last look */
    bool is_shedding;
    bool has_full; /* the core is to be told of a session */
    bool draining, ended;
    enum vow_server_end end;
};

/* session.c */
extern const struct vow_channel_ops session_ops;
struct session *session_find(struct vow_server *server, uint64_t id);
void session_close_all(struct vow_server *server);

/* admission.c */
/* 0, or VOW_E_BUSY and why. */
int admission_judge(struct vow_server *server, const struct vow_msg_hello *hello, const char **why);
/* Less than 1/part of the descriptors that the process may have are left. */
bool admission_is_scarce(uint64_t part);
void admission_came(struct vow_server *server, const struct session *session);
void admission_went(struct vow_server *server, const struct session *session);
/* True if a message of this kind may not begin a transaction now. */
bool admission_is_closed(struct vow_server *server, const struct session *session, enum vow_msg_kind kind);
/* The core answered the message under way with BUSY. */
void admission_refused(struct vow_server *server);
void admission_refused_saga(struct vow_server *server, enum vow_sagas_lack lack);
/* There is more of it now than there was; LIMIT_IN_FLIGHT: at one session. */
void admission_note(struct vow_server *server, enum limit limit, uint64_t now);
void admission_trace(struct vow_server *server, const struct vow_coord_effect *effect);
/* How much there is of events, at its worst moment perhaps. */
void admission_note_events(struct vow_server *server);
/* What each limit is, and how much of it is used. */
void admission_use(struct vow_server *server, struct limit_use use[LIMITS]);

/* known.c */
struct known *known_find(const struct vow_server *server, const char *name);
/* It came or went. */
void known_seen(struct vow_server *server, const struct session *session);
void known_free(struct vow_server *server);

/* lives.c */
/* 0, or VOW_E_IDENTITY and why: its data file is older than one that came before. */
int lives_judge(struct vow_server *server, const struct vow_msg_hello *hello, const char **why);
/* Sets session->peer.since. */
void lives_seen(struct vow_server *server, struct session *session);
/* One that the journal kept. */
void lives_recover(void *server, const struct vow_journal_life *life);
void lives_free(struct vow_server *server);

/* effects.c: feeds one event to the core and carries out what it asks for. */
void server_step(struct vow_server *server, const struct vow_coord_event *event);
/* Hands the turn's log ops to the journal: once a turn, so that one commit takes them all. */
void server_submit(struct vow_server *server);
void server_journal_done(void *ctx, struct vow_journal_op *first);
/* A zeroed op, but for the memory it has for branches. */
struct log_op *log_op_take(struct vow_server *server);
void log_op_push(struct vow_server *server, struct log_op *op, bool urgent);
void log_ops_free(struct vow_server *server);
void server_send(struct vow_server *server, struct session *session, const struct vow_msg *msg);
/* A log write, or a read, with an answer that leaves it open what the log has: the process stops. */
void server_journal_failed(struct vow_server *server, const struct vow_journal_op *op);

/* need.c: the memory for a record of the log. If there is none the process ends at once (VOW_SERVER_EXIT_FAILED). */
void *server_need(void *memory);

/* sagas.c: sessions, journal and timer for the saga core. */
void sagas_request(struct vow_server *server, struct session *session, const struct vow_msg *msg);
/* SAGA_QUERY, SAGA_CANCEL, STEP_DONE. */
void sagas_message(struct vow_server *server, const struct session *session, const struct vow_msg *msg);
void sagas_peer_up(struct vow_server *server, const struct session *session);
void sagas_session_down(struct vow_server *server, uint64_t session);
void sagas_peer_ready(struct vow_server *server, uint64_t session);
/* LOG_DONE, or what a saga's end was. */
void sagas_journal_done(struct vow_server *server, const struct vow_journal_op *op);
void sagas_timer(struct vow_server *server);
void sagas_shed(struct vow_server *server, bool on);
void sagas_drain(struct vow_server *server);
void sagas_order(struct vow_server *server, const struct vow_gtrid *gtrid, enum vow_saga_order order, uint64_t tag);
void sagas_step(struct vow_server *server, const struct vow_sagas_event *event);
void sagas_free(struct vow_server *server);

/* sagas_start.c: room for those that the log has left open beside new ones, and what goes on after they were fed. */
int sagas_make(struct vow_server *server, uint64_t seed, struct vow_error_detail *detail);
void sagas_recovered(struct vow_server *server);

/* The message as it travels, without the frame's header, as the record's body. */
void log_op_put_message(struct log_op *op, const struct vow_msg *msg);
void log_op_put_bytes(struct log_op *op, struct vow_slice bytes);

/* events.c: sessions and the broker. */
extern const struct broker_host events_host; /* its ctx is the server */
/* PUBLISH, SUBSCRIBE, DELIVERED, SEEK. */
bool events_takes(enum vow_msg_kind kind);
void events_message(struct vow_server *server, struct session *session, const struct vow_msg *msg);

/* relay_start.c: the embedded broker, with what the journal keeps of events. Returns 0 or an error, with its detail. */
int relay_start(struct vow_server *server, const struct vow_journal_engine *ops, void *engine, uint64_t seed,
                struct vow_error_detail *detail);

/* events_rows.c */
void events_topics(struct vow_server *server, struct session *session, const struct vow_msg_admin_request *request);
void events_dead_list(struct vow_server *server, struct session *session, const struct vow_msg_admin_request *request);
void events_dead_show(struct vow_server *server, struct session *session, const struct vow_msg_admin_request *request);
struct answer;
/* Rows of what the groups make of an EVENT of the journal. */
void events_reactions(struct answer *answer, const struct vow_journal_event *from);
/* The offset of an event, as an operator says it. */
bool events_offset(const char *text, uint64_t *offset);

/* sagas_rows.c */
void sagas_list(struct vow_server *server, struct session *session, const struct vow_msg_admin_request *request);
/* False: it is not in memory. */
bool sagas_show(struct vow_server *server, struct session *session, const struct vow_msg_admin_request *request);

/* replays.c: a state of the past, for `vowctl replay`. */
void replays_ask(struct vow_server *server, struct session *session, const struct vow_msg_admin_request *request);
void replays_done(struct vow_server *server, const struct vow_journal_op *op);
void replays_free(struct vow_server *server);

/* health.c: whether the journal makes progress, and what a service manager is told. */
void health_open(struct vow_server *server, bool is_daemon);
void health_close(struct vow_server *server);
void health_submitted(struct vow_server *server, uint32_t ops);
void health_done(struct vow_server *server, uint32_t ops);
/* How long the oldest batch has been with the journal. */
uint64_t health_stalled_ms(const struct vow_server *server);
/* It has been there for too long: timeouts.journal_stall_ms. */
bool health_is_stalled(struct vow_server *server);
void health_say_ready(struct vow_server *server);
void health_say_reloading(struct vow_server *server);
void health_say_stopping(struct vow_server *server);

/* reload.c: what SIGHUP does, and the line that says what holds. */
void server_on_sighup(struct vow_server *server);
void server_log_settings(const struct vow_settings *settings);
/* What the journal is told: however small it is to be, an id stays answerable while its transaction may be under way.
 */
void server_retention(const struct vow_settings *settings, struct vow_journal_retention *retention);
/* The core's limits with these settings and the room that was found to be needed at the start. */
void server_limits(const struct vow_server *server, const struct vow_settings *settings,
                   struct vow_coord_limits *limits);

/* space.c: is there room for the journal to grow? New work is refused before there is none (fault F100). */
void space_look(struct vow_server *server);
/* How much of --space-min was not there at the last look, in bytes. */
uint64_t space_lacking(const struct vow_server *server);

/* stuck.c: decided transactions that do not come to an end (fault F027). */
void stuck_look(struct vow_server *server);
/* A transaction is stuck if it is decided, was asked for again and again, or for long, and is not acknowledged. */
bool txn_is_stuck(const struct vow_coord_txn_view *view, uint64_t now_ms);

/* admin.c: answers ADMIN_REQUEST, with rows of JSON. */
void admin_request(struct vow_server *server, struct session *session, const struct vow_msg_admin_request *request);
void admin_history_done(struct vow_server *server, struct vow_journal_op *op);
struct gather;
/* Asks the journal for a transaction's events: for HISTORY, or for a SHOW that goes on with show_history(). */
void admin_ask_history(struct vow_server *server, uint64_t session, uint64_t tag, const struct vow_gtrid *gtrid,
                       struct gather *show);
/* One message of an answer; json may be NULL. */
void admin_reply(struct vow_server *server, struct session *session, uint64_t tag, int error, const char *json,
                 bool last);
/* An answer of many rows, and how many of them it has not: they are too large for a message, or for what may wait. */
struct answer {
    struct vow_server *server;
    struct session *session;
    uint64_t tag, left_out;
};
/* Adds a row that was made for it (NULL = there was no memory), and frees it. Returns 0, or why it is left out. */
int answer_row(struct answer *answer, char *json);
/* The last message, which says how many rows are left out. */
void answer_end(struct answer *answer, int error);
/* Sends a row that was made for it (NULL = there was no memory), and frees it. */
void admin_reply_row(struct vow_server *server, struct session *session, uint64_t tag, char *json, bool last);

/* in_doubt.c: list --in-doubt and show, with what the participants say. */
void in_doubt_list(struct vow_server *server, struct session *session, const struct vow_msg_admin_request *request);
void in_doubt_show(struct vow_server *server, struct session *session, const struct vow_msg_admin_request *request);
void show_history(struct vow_server *server, struct gather *gather, const struct vow_journal_op *op);

/* operate.c: commit, abort and forget by hand. */
void operate_begin(struct vow_server *server, struct session *session, const struct vow_msg_admin_request *request);
/* Its record is durable. */
void operate_logged(struct vow_server *server, void *order);
void operate_resolved(struct vow_server *server, const struct session *session,
                      const struct vow_msg_resolved *resolved);
/* The saga core has answered an order. */
void operate_ordered(struct vow_server *server, uint64_t tag, int error, const char *text);
/* The core has answered an order to forget. */
void operate_forgotten(struct vow_server *server, uint64_t tag, int error, const char *text);
void operate_session_down(struct vow_server *server, uint64_t session);
/* An order from somebody who may not give any: kept in the history (F179). */
void operate_out_of_role(struct vow_server *server, const struct session *session, const char *role,
                         const struct vow_msg_admin_request *request);
void operate_free_all(struct vow_server *server);

/* gather.c: what participants answer to that. */
void gather_reply(struct vow_server *server, const struct session *session, const struct vow_msg_admin_reply *reply);
void gather_session_down(struct vow_server *server, uint64_t session);
void gathers_free(struct vow_server *server);

/* rows.c: what the admin rows and the metrics say. The caller owns the returned text (free()). NULL if there is no
 * memory. */
char *row_status(struct vow_server *server);
char *row_txn(const struct vow_server *server, const struct vow_coord_txn_view *view);
char *row_peer(const struct vow_server *server, const char *name, bool connected, uint64_t incarnation);
char *row_event(const struct vow_journal_event *event);

/* trace.c: what the trace tells. All of it does nothing if there is none. */
int trace_open(struct vow_server *server, const char *path, struct vow_error_detail *detail);
/* The name is known. */
void trace_life(struct vow_server *server);
void trace_ready(struct vow_server *server);
void trace_txn(struct vow_server *server, const struct vow_coord_effect *effect);
void trace_saga(struct vow_server *server, const struct vow_sagas_effect *effect);
/* A record of a saga is durable. */
void trace_saga_logged(struct vow_server *server, const struct vow_record *record);
void trace_parted(struct vow_server *server, const char *participant);
void trace_event(struct vow_server *server, const struct vow_gtrid *gtrid, uint64_t wall_us);
/* How many dead letters there are. */
void trace_letters(struct vow_server *server);
void trace_letter(struct vow_server *server, const char *group, uint64_t offset, const char *says);
void trace_received(struct vow_server *server, const struct vow_msg *msg);
void trace_sent(struct vow_server *server, const struct vow_msg *msg);
/* Since the process began. */
void trace_cost(struct vow_server *server);
void trace_close(struct vow_server *server);

/* feed.c: connections through a pipe. Returns 0 or VOW_E_NO_MEMORY. */
int feed_open(struct vow_server *server, int fd);

/* http.c: /health and /metrics. */
int http_open(struct vow_server *server, struct vow_error_detail *detail);
void http_close(struct vow_server *server);

#endif
