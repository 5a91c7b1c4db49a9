/*
 * The participant's core: the branches of one participant, as one pure step function. Same contract as the
 * coordinator's core (coordinator/core/coord.h): no I/O, no clock, no allocation; time and memory come from outside;
 * effects are carried out in order. The table of one branch's states is branch.def; protocol.md section 2.3 is what it
 * implements.
 *
 * The store does the durable work. A STORE effect names an operation; STORE_DONE comes back when the operation is
 * durable (or refused), in any order and as late as the store likes. A vote or an acknowledgement is emitted on
 * STORE_DONE and never before. A branch has at most one operation under way, beside which there may be a CANCEL of it.
 * A store that cannot say what is on its disk does not answer: the process stops.
 */
#ifndef VOW_PARTICIPANT_BRANCH_H
#define VOW_PARTICIPANT_BRANCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/fsm.h"
#include "proto/message.h"

struct vow_branches;

struct vow_branches_limits {
    uint32_t branches_max; /* branches in memory; beyond: vote NO at once (fault F059) */
    uint32_t ended_max;    /* ended ids remembered, so that a late PREPARE is refused (F048) */
    /* Timers of protocol 2.4, milliseconds. */
    uint32_t enlist_timeout_ms;       /* T_enlist: how long a join waits for the coordinator's answer */
    uint32_t idle_timeout_ms;         /* T_idle: joined, and neither work nor PREPARE came */
    uint32_t decision_timeout_ms;     /* T_dec: first INQUIRY */
    uint32_t decision_timeout_max_ms; /* its back-off ends here */
    /* INQUIRYs that the coordinator leaves without an answer before each further one goes with a question to all peers
     * (protocol 2.6); 1 to 255 */
    uint32_t termination_after;
    /* T_heur: in doubt for so long, a branch is ended with this verdict without its decision, at the risk of damage
     * (protocol 2.7); 0 = never. A restart begins anew. */
    uint32_t heuristic_timeout_ms;
    enum vow_verdict heuristic_verdict;
    uint32_t heuristics_max; /* heuristics in memory, of whose decision nobody knows or whose damage nobody forgot */
};

/* 65536, 16384; 5 s, 60 s, 2 s, 30 s, 2: peers are asked after 14 s, give or take a quarter; off, ABORT, 1024 */
extern const struct vow_branches_limits vow_branches_default_limits;

struct vow_branches_identity {
    uint64_t incarnation;           /* the boot counter, already durable */
    uint64_t coord;                 /* the coordinator this participant's data belongs to; 0 = none yet */
    uint32_t epoch;                 /* the highest epoch of it that was stored */
    struct vow_watermark watermark; /* the stored forget watermark */
    uint64_t seed;
};

enum vow_store_op_kind {
    VOW_STORE_PREPARE = 1, /* run the calls, on top of joined work, keep the effect as a prepared branch, take locks */
    VOW_STORE_COMMIT,      /* apply, drop locks, leave a tombstone: one durable unit */
    VOW_STORE_ABORT,       /* drop the branch and its locks; need not be durable */
    VOW_STORE_ONE_PHASE,   /* run the calls and commit them with an outcome memo: one durable unit */
    VOW_STORE_MEMO,        /* what the memo of a one-phase commit says */
    VOW_STORE_FORGET,      /* a one-phase memo may go with the watermark, the record of a heuristic now; lazily */
    /* A PREPARE or WORK under way is not wanted any more: one that waits, for a lock for example, is given back REFUSED
     * at once; nothing waits for the end of the CANCEL itself. */
    VOW_STORE_CANCEL,
    VOW_STORE_WATERMARK, /* keep epoch and watermark, drop tombstones below it, lazily; branch-less */
    VOW_STORE_WORK, /* joined: run one operation on top of the branch's earlier ones, take the locks; not durable */
    /* The driver's own, for an operator: what the store knows of given branches, at once and as it is now. The core
     * neither asks for it nor hears of it. */
    VOW_STORE_DESCRIBE,
    VOW_STORE_RECALL, /* for a peer: is there a tombstone of the transaction, whatever the branch? Changes nothing */
    /* The same as COMMIT and ABORT but for what they leave: no tombstone, but a record of the heuristic, with who, why
     * and the wall time. One durable unit with the change and the release of the locks (protocol 2.7). */
    VOW_STORE_HEURISTIC_COMMIT,
    VOW_STORE_HEURISTIC_ABORT,
    /* The decision came after a heuristic: if it is as the branch was ended, the record becomes a tombstone (COMMIT) or
     * goes (ABORT), else it is kept with the decision. Durable. */
    VOW_STORE_SETTLE,
    /* The driver's own, for sagas: does one step, once under its key. One durable unit with the record of it. The core
     * neither asks for it nor hears of it. */
    VOW_STORE_STEP,
    /* The driver's own, too, for events. EVENT: runs what reacts to a received one, once in its group; one durable unit
     * with the record of it and with what it publishes. */
    VOW_STORE_EVENT,
    VOW_STORE_OUTBOX_READ, /* the next events to be sent, of each key one; kept by the store until there are any */
    VOW_STORE_OUTBOX_DONE, /* events that the coordinator keeps are not kept here any more; need not be durable */
};

enum vow_store_result {
    /* PREPARE: prepared, durable. COMMIT: committed, durable (now, or a tombstone says before). ONE_PHASE, MEMO:
     * committed. WORK: done. HEURISTIC_*, SETTLE: done, durable. STEP: its outcome is durable. */
    VOW_STORE_DONE = 1,
    VOW_STORE_READ_ONLY, /* PREPARE, ONE_PHASE: nothing was written, nothing is kept */
    /* PREPARE, ONE_PHASE: no, with cause and text; nothing is kept, nor is joined work. WORK: no; this operation is
     * undone, the earlier ones stand. HEURISTIC_*: no, with text; the branch is prepared as before.
     * STEP: nothing of it happened, and nothing is recorded. */
    VOW_STORE_REFUSED,
    /* COMMIT, MEMO, HEURISTIC_*, SETTLE: no branch, no tombstone, no record. RECALL: no tombstone */
    VOW_STORE_NO_RECORD,
};

enum vow_branches_event_kind {
    VOW_BRANCHES_MESSAGE = 1, /* msg, from the coordinator */
    VOW_BRANCHES_STORE_DONE,  /* done */
    VOW_BRANCHES_TIMER,
    VOW_BRANCHES_COORD_UP, /* coord: the handshake is done; prepared branches inquire */
    VOW_BRANCHES_COORD_DOWN,
    VOW_BRANCHES_JOIN, /* join: work wants to join. One at a time for each id: the next after its JOINED */
    VOW_BRANCHES_PEER, /* peer: PEER_INQUIRY or PEER_ANSWER of another participant of the same coordinator */
    /* recovered: a branch found in the store, prepared or ended heuristically; all are fed before COORD_UP */
    VOW_BRANCHES_RECOVERED,
    VOW_BRANCHES_RESOLVE, /* resolve: an operator that asks this participant itself; answered by ANSWER */
};

struct vow_branches_done {
    enum vow_store_op_kind op;
    struct vow_gtrid gtrid;
    uint32_t branch;
    enum vow_store_result result;
    enum vow_cause cause; /* REFUSED */
    const char *text;     /* REFUSED; lives for the call */
    uint64_t session;     /* RECALL: as in the effect */
    uint32_t attempt;     /* RECALL: likewise */
    uint64_t wall_us;     /* HEURISTIC_*, DONE: when it was recorded */
};

/* Texts live for the call. */
struct vow_branches_recovered {
    struct vow_gtrid gtrid;
    uint32_t branch;
    uint32_t epoch;    /* of the PREPARE it voted on */
    const char *peers; /* for the driver alone: whom it can ask about the branch; NULL = nobody */
    uint64_t since_us; /* for the driver alone: the wall time of its PREPARE; 0 = not known */
    uint64_t doubt_ms; /* and how long ago that was, by the wall clock: an age that does not begin with the process */
    /* Ended heuristically; 0 = prepared. The rest is for that. */
    enum vow_verdict heuristic;
    enum vow_verdict decided; /* and against this decision; 0 = the decision is not known */
    const char *who, *why;
    uint64_t wall_us;
};

struct vow_branches_event {
    enum vow_branches_event_kind kind;
    uint64_t now_ms;
    union {
        const struct vow_msg *msg;
        struct {
            const struct vow_msg *msg;
            uint64_t session; /* the driver's name for the connection it came on; the answer goes there */
        } peer;
        struct vow_branches_done done;
        struct {
            uint64_t coord;
            uint32_t epoch;
            struct vow_watermark watermark;
        } coord;
        struct {
            struct vow_gtrid gtrid;
        } join;
        struct vow_branches_recovered recovered;
        struct {
            uint64_t tag;              /* comes back with the answer; not 0 */
            const struct vow_msg *msg; /* RESOLVE */
        } resolve;
    };
};

enum vow_branches_effect_kind {
    /* msg, to the coordinator; dropped if there is no connection: every message is asked for again. */
    VOW_BRANCHES_SEND = 1,
    VOW_BRANCHES_STORE,  /* store */
    VOW_BRANCHES_JOINED, /* joined: answers a JOIN */
    /* ask: PEER_INQUIRY with this header, and the asked one's incarnation as PREPARE named it, to each of the branch's
     * peers but this participant itself. The driver keeps their list (it lies with the prepared branch, and comes back
     * with it), since the core needs none of it and it can be long. Who cannot be reached is left out: all are asked
     * again. */
    VOW_BRANCHES_ASK_PEERS,
    VOW_BRANCHES_ANSWER_PEER, /* answer: msg, to the connection that asked; dropped if it is gone */
    VOW_BRANCHES_TRACE,       /* one branch moved from a state to a state; for tests */
    VOW_BRANCHES_ALARM,       /* something an operator must see */
    VOW_BRANCHES_ANSWER,      /* told: to the operator who asked with this tag */
};

struct vow_branches_effect {
    enum vow_branches_effect_kind kind;
    union {
        struct vow_msg msg;
        struct {
            enum vow_store_op_kind op;
            struct vow_gtrid gtrid;
            uint32_t branch;
            uint32_t epoch;
            uint64_t coord;                 /* WATERMARK: the coordinator that epoch is of; 0 = none yet */
            struct vow_watermark watermark; /* WATERMARK */
            uint32_t calls_len;
            const struct vow_msg_call *calls; /* PREPARE, ONE_PHASE: the event's memory; the driver copies */
            uint32_t peers_len;
            const struct vow_msg_peer *peers; /* likewise; kept with the prepared branch */
            uint64_t session;                 /* RECALL: who asks; comes back with done */
            uint32_t attempt;                 /* RECALL: likewise */
            const char *who, *why;            /* HEURISTIC_*: the driver copies */
            enum vow_verdict verdict;         /* SETTLE: the decision */
        } store;
        struct {
            struct vow_msg_header header;
        } ask;
        struct {
            uint64_t session;
            struct vow_msg msg;
        } answer;
        struct {
            struct vow_gtrid gtrid;
            int error;            /* 0 = done; else nothing of this operation remains */
            enum vow_cause cause; /* for VOW_E_REFUSED */
            const char *text;     /* for VOW_E_REFUSED */
            uint32_t ops;         /* operations of the branch so far */
        } joined;
        struct {
            struct vow_gtrid gtrid;
            uint8_t from, event, to; /* of branch.def */
        } trace;
        struct {
            struct vow_gtrid gtrid;
            const char *what; /* static text */
        } alarm;
        struct {
            uint64_t tag;
            struct vow_msg msg; /* RESOLVED */
        } told;
    };
};

struct vow_branches_effects {
    const struct vow_branches_effect *items;
    size_t len;
};

/*
 * The memory a core with these limits needs, aligned for max_align_t; 0 if a limit is out of range. branches_max must
 * have room for all recovered branches.
 */
size_t vow_branches_size(const struct vow_branches_limits *limits);
struct vow_branches *vow_branches_init(void *mem, const struct vow_branches_limits *limits,
                                       const struct vow_branches_identity *identity);
void vow_branches_step(struct vow_branches *core, const struct vow_branches_event *event,
                       struct vow_branches_effects *effects);
uint64_t vow_branches_deadline_ms(const struct vow_branches *core);

struct vow_branches_counts {
    uint64_t prepared, committed, aborted, read_only, refused, one_phase; /* since init */
    uint64_t ops;                                                         /* of joined work, done */
    uint64_t dropped; /* joined branches that ended here alone: time, a lost connection, lost work */
    uint64_t protocol_errors, ignored, inquiries;
    uint64_t asked_peers, answered_peers;         /* rounds of questions to peers; answers to theirs */
    uint64_t ended_by_peers;                      /* branches whose outcome a peer told */
    uint64_t heuristic_commits, heuristic_aborts; /* ended without a decision */
    uint64_t contradicted, forgotten;             /* of these: against the decision; seen to by an operator */
    uint32_t heuristics;                          /* in memory now */
    uint32_t open;                                /* in memory now */
    uint32_t in_doubt;                            /* of them: voted YES, no decision known */
    uint32_t blocked;         /* of these: the coordinator is silent, and all its peers were asked in vain */
    uint64_t in_doubt_max_ms; /* the longest any branch has been in doubt, ended ones too */
};
void vow_branches_counts(const struct vow_branches *core, uint64_t now_ms, struct vow_branches_counts *counts);

/* A branch that is durable and has not ended: for an operator. Times are those of events; 0 = it has not happened. */
struct vow_branch_view {
    struct vow_gtrid gtrid;
    uint32_t branch;
    const char *state;                   /* name in branch.def */
    uint64_t since_ms;                   /* PREPARED: in doubt since, as far as this process knows */
    uint32_t asked;                      /* inquiries sent */
    uint64_t asked_ms;                   /* the last one */
    enum vow_wait answer;                /* the last answer that was no decision; 0 = none came */
    uint64_t answer_ms;                  /* when it came */
    uint64_t next_ms;                    /* the next inquiry; UINT64_MAX = none */
    enum vow_verdict heuristic, decided; /* ended heuristically, and against this decision; 0 = not, or not known */
    const char *who, *why;               /* of the heuristic; "" = none */
    bool has_asked_peers;                /* PREPARED: since the coordinator's last answer */
    bool is_blocked;                     /* and none of them has told an outcome */
    bool heard_heuristic;                /* a peer's branch was ended by hand: no outcome */
    bool is_foreign;                     /* its id names another coordinator than the one whose data this is */
};
/* Walks them: *cursor from 0; false after the last. */
bool vow_branches_next(const struct vow_branches *core, uint32_t *cursor, struct vow_branch_view *view);

const struct vow_fsm *vow_branches_fsm(void);
const uint64_t *vow_branches_edge_hits(const struct vow_branches *core);
/* Equal for two cores that answer every event alike, but for times, jitter, counters and the attempts of messages; and,
 * but for a collision of 64 bits, different for others. Takes as long as the core has room: for tests. */
uint64_t vow_branches_digest(const struct vow_branches *core);

#endif
