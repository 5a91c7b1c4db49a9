/*
 * The coordinator's core: presumed-abort two-phase commit for many transactions as one pure step function.
 *
 *     vow_coord_step(core, event, effects)      vow_coord_deadline_ms(core)
 *
 * It does no I/O, reads no clock, draws no randomness, allocates nothing: time comes in events, memory comes at init,
 * and what is to happen goes out as effects. The same core runs in vowd and in the tests. The table of one
 * transaction's states is coord.def; protocol.md section 2.2 is what it implements.
 *
 * The driver's contract:
 *   - Effects are carried out in order, before the next step. Memory that an effect points to is the core's (or the
 *     event's) until the next step.
 *   - LOG is answered later by LOG_DONE with the same token, once the record is durable. The core emits whatever
 *     depends on it then and not before, so the driver has no ordering rule to break. A log write that fails is never
 *     answered: the process stops and recovers (guarantee 4).
 *   - Recovery: feed RECOVERED for every open record of the journal, then RECOVERY_DONE, before any other event. Until
 *     then inquiries are answered "recovering" (protocol 2.2, mistake 12).
 *   - When now reaches vow_coord_deadline_ms(), feed TIMER. One TIMER does a bounded amount of work; ask for the
 *     deadline again.
 *
 * Sessions are numbers the driver gives to connections; it never uses one twice, and never 0. One thread.
 */
#ifndef VOW_COORDINATOR_COORD_H
#define VOW_COORDINATOR_COORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "coordinator/core/record.h"
#include "proto/address.h"
#include "proto/fsm.h"
#include "proto/message.h"

struct vow_coord;

/* The highest limits there can be. */
#define VOW_COORD_TXNS_HIGHEST (1u << 20)
#define VOW_COORD_BRANCHES_HIGHEST (1u << 22)
#define VOW_COORD_PEERS_HIGHEST (1u << 14)

struct vow_coord_limits {
    uint32_t txns_max;     /* transactions in memory, open and recovered; beyond: BUSY */
    uint32_t branches_max; /* branches in memory, of all transactions */
    uint32_t peers_max;    /* participants that are connected or have branches; others make room */
    uint32_t keys_max;     /* keys of clients, of open transactions and the newest committed ones; 0 = none */
    uint32_t ended_max;    /* outcomes of ended transactions kept in memory for clients that ask again */
    /* From the oldest usable id to the newest, a multiple of 64; over it the oldest are void. */
    uint32_t ids_window;
    /* Timers of protocol 2.4, milliseconds. */
    uint32_t txn_timeout_ms;
    uint32_t vote_timeout_ms;
    uint32_t ack_timeout_ms;
    uint32_t ack_timeout_max_ms;
    /* Damage is forgotten as soon as it is recorded, without an operator (protocol 2.7). */
    bool auto_forget;
    bool notes; /* write history notes (records above VOW_RECORD_NOTES) */
};

/* 16384, 65536, 256, 65536, 16384, 1 << 20; 30 s, 5 s, 1 s, 60 s; false, true */
extern const struct vow_coord_limits vow_coord_default_limits;

struct vow_coord_identity {
    uint64_t coord;     /* at most VOW_COORD_MAX */
    uint32_t epoch;     /* the one takeover() gave */
    uint8_t secret[16]; /* for the rand part of ids; fresh at each start */
    uint64_t seed;      /* for the jitter of resends */
};

enum vow_coord_event_kind {
    VOW_COORD_MESSAGE = 1,  /* session, msg */
    VOW_COORD_LOG_DONE,     /* token: the record is durable */
    VOW_COORD_LOOKED_UP,    /* lookup: answers a LOOKUP effect */
    VOW_COORD_TIMER,        /* nothing but now */
    VOW_COORD_PEER_UP,      /* session, peer: a participant finished its handshake */
    VOW_COORD_SESSION_DOWN, /* session: a participant's or client's connection is gone */
    VOW_COORD_PEER_FULL,    /* session: much waits to be sent to a participant; decisions stay with us (F029) */
    VOW_COORD_PEER_READY,   /* session: it can take more again */
    /* record: a COMMIT, HAZARD, HEURISTIC, DAMAGE or FORGET without END, or a KEY, in the order of the journal */
    VOW_COORD_RECOVERED,
    VOW_COORD_RECOVERY_DONE, /* all of them were fed */
    VOW_COORD_SHED,          /* shed: new work is refused with BUSY, or no longer; work in flight goes on (F100) */
    VOW_COORD_DRAIN,         /* from now on refuse new work (SHUTTING_DOWN), finish what is in flight */
    VOW_COORD_FORGET,        /* forget: an operator's order; answered by FORGOTTEN */
    VOW_COORD_LIMITS,        /* limits: hold from now on for what begins; what is in flight keeps its deadlines */
};

struct vow_coord_peer {
    const char *name;
    uint64_t incarnation;
    uint8_t db_uuid[VOW_DB_UUID_BYTES];
    const char *address; /* where it answers its peers, of at most VOW_ADDRESS_SIZE; "" or NULL = nowhere */
    /* Ids below it were granted before this data file took the place of another one: what is not in it says nothing of
     * them. Zero: there never was another one. */
    struct vow_watermark since;
};

/* Texts live for the call. */
struct vow_coord_forget {
    struct vow_gtrid gtrid;
    const char *participant; /* the only one to give up; "" = any that is not there */
    const char *who, *why;
    uint64_t tag; /* comes back with the answer; not 0 */
};

/* Goes to the journal with a LOOKUP effect, and comes back as it was. */
struct vow_coord_question {
    struct vow_gtrid gtrid;
    bool is_inquiry;              /* a prepared participant asks for the decision; else a client, or for a report */
    struct vow_msg_header header; /* is_inquiry: as the participant sent it */
};

struct vow_coord_lookup {
    struct vow_coord_question question; /* as in the effect */
    uint64_t session;                   /* who asked, as in the effect */
    bool found;                         /* the journal has a terminal record of the transaction */
    bool decided;                       /* found, and it is a COMMIT record: no note, but a decision with a yes-list */
    enum vow_outcome outcome;
    enum vow_cause cause;
    enum vow_damage damage; /* found or not: it was not atomic */
    bool forgotten;         /* and an operator has seen to that: to what the reporter did, if there is one */
    /* Not found, and that says nothing: */
    bool below_floor; /* older than the retained history: EXPIRED, never ABORTED */
    bool is_saga;     /* the id is a saga's: it has no outcome of a transaction */
    bool unproved;    /* the journal has not proved yet that there is no record: IN_DOUBT, ask again */
};

struct vow_coord_event {
    enum vow_coord_event_kind kind;
    uint64_t now_ms;  /* monotonic; never less than in an earlier event */
    uint64_t session; /* who it came from */
    /* MESSAGE: the driver has no room for work that this session would begin. A request that would begin a transaction
     * hears BUSY; whatever is in flight goes on. */
    bool no_new_work;
    uint64_t age_ms;  /* RECOVERED: since the record was written, as far as the wall clock knows */
    bool by_operator; /* MESSAGE: ROLLBACK_REQUEST in an operator's name (cause OPERATOR) */
    union {
        const struct vow_msg *msg; /* lives for the call */
        uint64_t token;
        struct vow_coord_lookup lookup;
        struct vow_coord_peer peer;
        struct vow_coord_forget forget;
        const struct vow_record *record; /* lives for the call */
        bool shed;
        /* Lives for the call. Over the room that the core was made with, the room is the limit: vow_coord_move() first.
         * ended_max and ids_window stay as they were. */
        const struct vow_coord_limits *limits;
    };
};

enum vow_coord_effect_kind {
    VOW_COORD_SEND = 1,  /* msg to a participant's session */
    VOW_COORD_REPLY,     /* msg to a client's session (gone sessions: the driver drops it) */
    VOW_COORD_LOG,       /* append record; forced: now, somebody waits; not forced: with any later batch */
    VOW_COORD_LOOKUP,    /* question: ask the journal what became of it, answer with LOOKED_UP */
    VOW_COORD_TRACE,     /* one transaction moved from a state to a state; session: who began it, 0 = the log */
    VOW_COORD_ALARM,     /* something an operator must see: a violation, a hazard */
    VOW_COORD_FORGOTTEN, /* forgotten: answers FORGET */
};

struct vow_coord_effect {
    enum vow_coord_effect_kind kind;
    uint64_t session; /* SEND, REPLY, LOOKUP */
    union {
        struct vow_msg msg;
        struct {
            uint64_t token;
            bool forced;
            struct vow_record record;
        } log;
        struct {
            struct vow_coord_question question;
            const char *reporter; /* the participant that reports damage of it; "" = nobody does */
        } lookup;
        struct {
            struct vow_gtrid gtrid;
            uint8_t from, event, to; /* of coord.def; state 0 is NONE, no entry */
        } trace;
        struct {
            struct vow_gtrid gtrid;
            const char *what; /* static text */
            const char *who;  /* a participant's name or "" */
        } alarm;
        struct {
            struct vow_gtrid gtrid;
            uint64_t tag;
            int error;        /* 0 = done, durably */
            const char *text; /* static: why not, or what else is true; may be "" */
        } forgotten;
    };
};

struct vow_coord_effects {
    const struct vow_coord_effect *items;
    size_t len;
};

/* The memory a core with these limits needs. limits are checked: returns 0 if one is out of range. */
size_t vow_coord_size(const struct vow_coord_limits *limits);
/* Builds a core in mem (vow_coord_size() bytes, aligned for max_align_t), which stays the caller's. Nothing to free. */
struct vow_coord *vow_coord_init(void *mem, const struct vow_coord_limits *limits,
                                 const struct vow_coord_identity *identity);

/*
 * The same core in larger memory, of vow_coord_size(limits) bytes: with at least the transactions, branches and
 * participants that there was room for, and the same ended_max and ids_window (asserted; see vow_coord_widen()).
 * Between two steps only; effects and views of `old` are void, its memory may be given back. VOW_COORD_LIMITS then uses
 * the room.
 */
struct vow_coord *vow_coord_move(void *mem, const struct vow_coord_limits *limits, const struct vow_coord *old);
/* True if the core has room for these limits as it is. */
bool vow_coord_fits(const struct vow_coord *core, const struct vow_coord_limits *limits);
/* Raises limits to what there is room for: the least that vow_coord_move() takes. */
void vow_coord_widen(const struct vow_coord *core, struct vow_coord_limits *limits);

/* Never fails. *effects is valid until the next step. */
void vow_coord_step(struct vow_coord *core, const struct vow_coord_event *event, struct vow_coord_effects *effects);
/* When to feed TIMER next; UINT64_MAX = not before some other event. */
uint64_t vow_coord_deadline_ms(const struct vow_coord *core);

/* --- Looking in, for status, list and show; changes nothing. --- */

struct vow_coord_counts {
    uint64_t begun, committed, aborted, read_only, one_phase; /* since init */
    uint64_t by_cause[32];                                    /* aborted, by enum vow_cause */
    uint64_t protocol_errors, ignored, hazards;               /* cells of the table that were hit */
    uint64_t contradictions;                                  /* branches ended by hand against the decision */
    uint64_t damages[4];                     /* transactions that were not atomic, by enum vow_damage */
    uint64_t forgotten;                      /* of these: an operator has seen to them */
    uint64_t busy;                           /* requests that were answered BUSY */
    uint32_t open, open_most;                /* transactions in memory now, and at the worst moment */
    uint32_t branches, branches_most, peers; /* the same; participants remembered */
    uint32_t in_doubt;  /* of them: committed and not yet acknowledged by all, or delegated and not yet answered */
    uint32_t damaged;   /* in memory: not atomic, and nobody has seen to it */
    uint32_t abandoned; /* in memory: a participant was given up, and has not come back */
    struct vow_watermark watermark;
    struct vow_watermark next; /* the next id to be granted */
    bool recovering, draining, shedding;
};
void vow_coord_counts(const struct vow_coord *core, struct vow_coord_counts *counts);

struct vow_coord_branch_view {
    const char *participant;
    uint32_t branch;
    bool connected, voted, acknowledged;
    bool contradicts;   /* it was ended by hand, against the decision */
    bool no_record;     /* it was told to commit, and has neither the branch nor a tombstone (F044) */
    enum vow_vote vote; /* if voted */
};
struct vow_coord_txn_view {
    struct vow_gtrid gtrid;
    const char *state; /* name in coord.def */
    enum vow_damage damage;
    uint64_t begun_ms, state_since_ms, next_ms;
    uint64_t earlier_ms;   /* how old it was when this process found it in the log; 0 = it was begun here */
    uint32_t attempts;     /* resends of the decision so far */
    uint32_t branches_len; /* of which the first VOW_CALLS_MAX are in branches */
    struct vow_coord_branch_view branches[VOW_CALLS_MAX];
};
/* Walks the transactions in memory: *cursor from 0; returns false after the last. */
bool vow_coord_next(const struct vow_coord *core, uint32_t *cursor, struct vow_coord_txn_view *view);
bool vow_coord_find(const struct vow_coord *core, const struct vow_gtrid *gtrid, struct vow_coord_txn_view *view);
/* What an id may begin that this core's transactions do not: a saga, which has a core of its own and takes its ids from
 * here. */
enum vow_coord_id {
    VOW_COORD_ID_FRESH = 1, /* granted, and nothing has begun under it */
    VOW_COORD_ID_USED,      /* something has, or it is too old; the journal knows what became of it */
    VOW_COORD_ID_VOID,      /* never granted by this coordinator */
};
enum vow_coord_id vow_coord_id(const struct vow_coord *core, const struct vow_gtrid *gtrid);
/* It is FRESH (asserted); from now on it is USED, for transactions too. */
void vow_coord_use_id(struct vow_coord *core, const struct vow_gtrid *gtrid);
/* True if a participant of this name is known or there is room to know one more. */
bool vow_coord_has_peer_room(const struct vow_coord *core, const char *name);
/* True if a transaction in memory has a branch of this participant. */
bool vow_coord_peer_has_work(const struct vow_coord *core, const char *name);
/* Walks the participants ever seen. session 0 = not connected. */
bool vow_coord_next_peer(const struct vow_coord *core, uint32_t *cursor, const char **name, uint64_t *session,
                         uint64_t *incarnation);

/* The state table, for the checker, the diagrams and vowctl. */
const struct vow_fsm *vow_coord_fsm(void);
/* How often each edge of vow_coord_fsm() was taken, in its order. */
const uint64_t *vow_coord_edge_hits(const struct vow_coord *core);
/* Equal for two cores that answer every event alike, but for times, jitter, counters and the attempts of messages; and,
 * but for a collision of 64 bits, different for others. Takes as long as the core has room: for tests. */
uint64_t vow_coord_digest(const struct vow_coord *core);

#endif
