/*
 * What is seen of a simulated world from outside: one stream of sights, in causal order.
 *
 * The world's drivers report what they carry to and from the code under test and what they do to it: frames, log
 * records, store operations, requests and answers of clients, moves of the state machines, faults. Checkers, fault
 * marks and the trace hash read this stream and nothing else: no checker looks into a core, a journal or a store. What
 * is on a disk comes as a sight, too, read by plain SQL on a fresh connection (dump.h).
 *
 * Rules for who reports:
 *   - A sight is reported at the moment that it says, before anything that depends on it. LOG_DURABLE: when the engine
 *     has returned from the commit, before LOG_DONE is fed (which may be much later). STORE_DONE: when the store's run
 *     has returned. SENT: when the core's effect is taken, even if the frame is then lost. RECEIVED: before the
 *     decoded message is fed to the core. TOLD: before the client model acts on it.
 *   - A node's life is counted from 1 by STARTED. What a dead life left behind is never reported as a newer one's.
 *   - STORE_FAILED and LOG_FAILED: when run or commit has returned, though the process may notice later.
 *   - A frame that arrives twice is RECEIVED twice, with the number of the one SENT.
 *   - DISK is reported of each node that has one: at each STARTED before the product opens it, and at the world's end.
 *
 * All pointers live for the call. One thread; deterministic: nothing here depends on an address.
 */
#ifndef VOW_CHAOS_SIM_SEEN_H
#define VOW_CHAOS_SIM_SEEN_H

#include <stdbool.h>
#include <stdint.h>

#include "coordinator/core/record.h"
#include "participant/core/branch.h"
#include "proto/message.h"

/* Nodes are numbered from 0, each in the role it has for the whole world. */
#define SIM_NODES_MAX 32
#define SIM_NODE_NONE 0xffu

enum sim_role { SIM_COORDINATOR = 1, SIM_PARTICIPANT, SIM_CLIENT, SIM_OPERATOR, SIM_SAGA_CLIENT };

/* clang-format off */
enum sim_fault {
    SIM_FAULT_NONE,
#define FAULT(name, text) SIM_FAULT_##name,
#include "chaos/sim/fault.def"
#undef FAULT
    SIM_FAULTS
};

/* SIGHT(name, member of struct sim_sight's union, text) */
#define SIM_SIGHTS(SIGHT)                                                                                   \
    /* The world. */                                                                                        \
    SIGHT(NODE, node_is, "a node of this world; first of all, once for each, in their order")               \
    SIGHT(ACCOUNT, change, "a row that a participant begins with")                                          \
    SIGHT(HEALED, healed, "faults stop for the nodes of the mask, for good; the rest stays broken")         \
    SIGHT(ENDED, nothing, "the world is over; DISK of every node follows, then nothing")                    \
    SIGHT(FAULT, fault, "a fault hit")                                                                      \
    /* Processes. */                                                                                        \
    SIGHT(STARTED, nothing, "a process begins: a new life, nothing of its disk is opened yet")              \
    SIGHT(UP, up, "it has recovered and serves")                                                            \
    SIGHT(REFUSED, stop, "it refused to start on what it found")                                            \
    SIGHT(STOPPED, stop, "it stopped by itself: a failed write, fenced")                                    \
    SIGHT(CRASHED, crashed, "it was killed")                                                                \
    SIGHT(PAUSED, nothing, "it stands still")                                                               \
    SIGHT(RESUMED, nothing, "it goes on")                                                                   \
    SIGHT(ALARM, alarm, "it raised an alarm")                                                               \
    SIGHT(MOVED, moved, "one transaction or branch moved from a state to a state")                          \
    SIGHT(TICKED, nothing, "its core is given a TIMER")                                                     \
    SIGHT(SAMPLE, sample, "a count of its own, or of what the world keeps for it, and its limit")           \
    SIGHT(DISK, disk, "what is on its disk, read by a fresh connection")                                    \
    /* The network. */                                                                                      \
    SIGHT(LINKED, link, "a connection to peer is up, after the handshake")                                  \
    SIGHT(UNLINKED, link, "the node has found a connection to be gone")                                     \
    SIGHT(CUT, link, "nothing passes from node to peer any more")                                           \
    SIGHT(MENDED, link, "something passes from node to peer again")                                         \
    SIGHT(SENT, message, "a core sent a message to peer")                                                   \
    SIGHT(RECEIVED, message, "a core is given a message from peer")                                         \
    /* The coordinator's log. */                                                                            \
    SIGHT(LOG_ASKED, log, "a record was submitted")                                                         \
    SIGHT(LOG_DURABLE, log, "the engine says that it is durable")                                           \
    SIGHT(LOG_FAILED, log, "the engine says that it does not know")                                         \
    SIGHT(LOG_DONE, log, "the core was told so")                                                            \
    SIGHT(LOOKED_UP, looked_up, "the core was told what the log knows of a transaction")                    \
    /* The participant's store. */                                                                          \
    SIGHT(STORE_ASKED, store, "an operation was submitted")                                                 \
    SIGHT(STORE_DONE, store, "the store has done it; DONE is durable, where store.h says so")               \
    SIGHT(STORE_TOLD, store, "the core was told so")                                                        \
    SIGHT(STORE_FAILED, stop, "the store says that it has failed, and what it was given has no answer")     \
    SIGHT(WORKED, change, "a handler read or wrote a row within a transaction; may be undone or run again") \
    SIGHT(WROTE_ALONE, change, "somebody wrote a row outside of all transactions, and it was let")          \
    /* Events. */                                                                                           \
    SIGHT(BECAME_TRUE, news, "a change that an event is to tell of is committed: its row is there")         \
    SIGHT(GROUP, group, "a group of consumers is not as it was, at its coordinator")                        \
    /* Clients. */                                                                                          \
    SIGHT(ASKED, asked, "a client asks")                                                                    \
    SIGHT(TOLD, told, "a client has its answer: it is what the library would return to its caller")         \
    SIGHT(OPERATED, operated, "an operator gave an order about a transaction or a branch")

enum sim_sight_kind {
    SIM_SEEN_NOTHING,
#define SIGHT(name, member, text) SIM_SEEN_##name,
    SIM_SIGHTS(SIGHT)
#undef SIGHT
    SIM_SIGHT_KINDS
};
/* clang-format on */

/* How a process ended. */
enum sim_crash { SIM_CRASH_KILL = 1, SIM_CRASH_POWER, SIM_CRASH_CLEAN };

/* The last two are about a saga. */
enum sim_ask {
    SIM_ASK_BEGIN = 1,
    SIM_ASK_WORK,
    SIM_ASK_COMMIT,
    SIM_ASK_ROLLBACK,
    SIM_ASK_STATUS,
    SIM_ASK_SAGA,
    SIM_ASK_SAGA_CANCEL
};

/* The three workloads. Each row is of one participant, and named (table, key). */
enum sim_table {
    SIM_BANK = 1, /* integers; the sum over all participants is constant */
    SIM_LISTS,    /* append-only lists of distinct values */
    SIM_SET,      /* one row for each value that was added; never removed */
};
enum sim_change_kind {
    SIM_READ = 1, /* the row as it was: value, or list */
    SIM_HOLD,     /* read, and held until the end (vow_branch_hold()) */
    SIM_ADD,      /* BANK: value is what was added, before what was there */
    SIM_APPEND,   /* LISTS: value was appended; list is what was there before */
    SIM_INSERT,   /* SET: key was added */
    SIM_IS,       /* ACCOUNT: the row begins so */
};

struct sim_change {
    enum sim_change_kind kind;
    enum sim_table table;
    uint8_t node; /* the participant */
    /* WORKED: the first of a run of the handlers: what an earlier run of the same operation did is undone. */
    bool is_first;
    uint64_t key;
    int64_t value, before;
    uint32_t list_len;
    const int64_t *list;
};

/* What is sampled: SAMPLE(name, text). A limit of 0 is none. */
enum sim_sample {
    SIM_SAMPLE_OPEN = 1, /* coordinator, participant: transactions or branches in the core */
    SIM_SAMPLE_IN_DOUBT, /* what the core's own metric says; no limit */
    SIM_SAMPLE_BRANCHES, /* coordinator: branches in the core */
    SIM_SAMPLE_PEERS,    /* coordinator: participants ever seen by this life */
    SIM_SAMPLE_OUTBOX,   /* participant: events in its outbox, and those of prepared branches */
    SIM_SAMPLE_EVENTS,   /* coordinator: events in memory, that some group has not done */
    SIM_SAMPLE_DEAD,     /* coordinator: dead letters */
    SIM_SAMPLE_SAGAS,    /* coordinator: sagas that have not ended */
    SIM_SAMPLE_STEPS,    /* coordinator: of all of these */
    SIM_SAMPLES
};

struct sim_dump; /* dump.h */

/* A step of a saga at a store. */
struct sim_seen_step {
    uint32_t number;
    enum vow_step_direction direction; /* 0: it is none */
    enum vow_step_result result;       /* when it is done */
    bool has_run;                      /* its handler has, in what was committed, and did not say no */
};

/* An event at a store, or on a coordinator's way to its log. */
struct sim_seen_event {
    const char *group;                  /* EVENT; else "" */
    const char *topic, *key;            /* the key as it travels: "t3" is thing 3 */
    uint8_t db_uuid[VOW_DB_UUID_BYTES]; /* whose outbox it comes from */
    uint64_t key_seq;                   /* with key and db_uuid: its name */
    uint64_t tag;                       /* of the change that it tells of (news.h); 0 = its payload is none of ours */
    uint64_t offset;                    /* EVENT: the LSN at the coordinator */
    uint32_t attempt, version, hops;
    enum vow_event_result result; /* EVENT, done: what is answered */
    bool is_repeat;               /* ... and DONE by an earlier delivery, */
    bool is_old;                  /* ... of which only the offset was known */
    bool has_run;                 /* ... its handler has, in what was committed, and did not say no */
};
/* Of OUTBOX_READ and OUTBOX_DONE: an event that was read, or whose row is to go. */
struct sim_seen_row {
    const char *key;
    uint64_t key_seq;
};

/* Of MOVED: which table of states. */
enum sim_machine { SIM_MACHINE_COORD = 1, SIM_MACHINE_BRANCH, SIM_MACHINE_SAGA, SIM_MACHINE_STEP };

struct sim_sight {
    /* Filled by sim_seen(). */
    uint64_t seq; /* from 1: the causal order of this world */
    /* Filled by who reports. */
    enum sim_sight_kind kind;
    uint8_t node;           /* where; SIM_NODE_NONE for the world itself */
    uint8_t peer;           /* the other end, the node that a fault names, or SIM_NODE_NONE */
    uint32_t life;          /* of the node: from 1, counted by STARTED; clients: 1 */
    uint64_t at_us;         /* virtual time */
    struct vow_gtrid gtrid; /* what it is about; none if nothing */
    union {
        uint8_t nothing;
        struct {
            enum sim_role role;
            const char *name;
            uint8_t coord;                      /* participants, clients: the node of their coordinator */
            uint64_t coord_id;                  /* coordinators: 0 if it is drawn at the first start, and known at UP */
            bool forgets_damage;                /* coordinators: auto_forget */
            uint32_t heuristic_ms;              /* participants: T_heur; 0 = off */
            enum vow_verdict heuristic_verdict; /* and what it ends a branch with */
            uint32_t txn_ms, vote_ms; /* coordinators: the time of an open transaction, and of votes; 0 = not known */
            uint32_t keys_max;        /* coordinators: keys whose newest number is known; 0 = of all of a world */
            uint32_t dead_max;        /* coordinators: of dead letters; 0 = there are no events in this world */
            uint32_t known_max;       /* participants: offsets that the inbox knows for good; 0 = all of a world */
            uint32_t archive_max;     /* participants: of events in the outbox's archive; 0 = there is none */
            uint32_t outbox_max;      /* participants: of events in the outbox; likewise */
        } node_is;
        struct {
            uint32_t epoch;       /* coordinators */
            uint64_t coord_id;    /* coordinators */
            uint64_t incarnation; /* participants */
            uint8_t db_uuid[VOW_DB_UUID_BYTES];
            uint32_t recovered; /* open records or prepared branches that were fed to the core */
        } up;
        struct {
            int error;
            const char *text;
        } stop;
        struct {
            enum sim_crash how;
            bool in_commit;   /* in the middle of a commit to its disk */
            bool in_recovery; /* between STARTED and UP */
        } crashed;
        struct {
            uint32_t nodes; /* bit by node: up, reachable from one another, on good disks, from here on */
        } healed;
        struct {
            enum sim_fault fault;
            uint64_t amount; /* microseconds, bytes, 512-byte sectors: whatever the fault has */
        } fault;
        struct {
            uint64_t cut_lsn; /* up to here the log may have been cut off: it knows nothing of that any more */
        } looked_up;
        struct {
            const char *what, *who;
            bool is_of_saga, is_of_event;
        } alarm;
        struct {
            enum sim_machine machine;
            uint8_t from, event, to;
        } moved;
        struct {
            enum sim_sample what;
            uint64_t value, limit;
        } sample;
        struct {
            const struct sim_dump *dump;
        } disk;
        struct {
            bool was_told;                  /* UNLINKED: by a reset or FIN, not by silence */
            uint32_t epoch;                 /* LINKED: what WELCOME said, at participants */
            struct vow_watermark watermark; /* the same */
        } link;
        struct {
            const struct vow_msg *msg;
            uint64_t frame;     /* of this world, from 1; RECEIVED has the number of its SENT */
            uint32_t peer_life; /* RECEIVED: the life that sent it */
        } message;
        struct {
            uint64_t token;
            bool forced;
            const struct vow_record *record;
            uint64_t lsn;    /* LOG_DURABLE, LOG_DONE */
            bool is_of_saga; /* a saga's, or an operator's order about one */
            /* What is in the record's body, decoded; NULL if the record is none such. Of CURSOR, DEAD and REVIVED all
             * is in the record: who is the group, relay.lsn the event. */
            const struct vow_msg_event *event;         /* EVENT: it has no LSN before it is durable */
            const struct vow_msg_subscribe *subscribe; /* GROUP */
        } log;
        struct {
            enum vow_store_op_kind op;
            uint32_t branch, epoch;
            struct vow_watermark watermark; /* WATERMARK */
            enum vow_store_result result;   /* STORE_DONE, STORE_TOLD */
            enum vow_cause cause;           /* REFUSED */
            enum vow_verdict verdict;       /* SETTLE: the decision */
            struct sim_seen_step step;      /* STEP */
            struct sim_seen_event event;    /* EVENT */
            uint32_t rows_len;              /* OUTBOX_READ done or told, OUTBOX_DONE */
            const struct sim_seen_row *rows;
        } store;
        struct sim_change change;
        struct {
            uint64_t tag;    /* of this change, in all of the world */
            uint32_t thing;  /* what was changed; its events have the key "t<thing>" */
            uint64_t number; /* of its changes, from 1: must be the event's key_seq */
            const char *topic;
            bool is_found; /* it was there when a life began, and had not been seen */
        } news;
        struct {
            const char *name, *participant, *state; /* of group.def */
            bool is_connected;
            uint64_t cursor;    /* all up to it is done, or dead */
            uint32_t lag, dead; /* events that it has not done; dead letters */
        } group;
        struct {
            enum sim_ask what;
            const char *key;   /* "" = none */
            bool is_again;     /* the same was asked before */
            bool is_read_only; /* the work reads and holds what it reads: its sum is to be trusted */
            uint32_t nodes;    /* bit by participant that work is for */
            uint32_t timeout_ms;
            const struct vow_msg_saga_request *saga; /* SAGA: the order */
        } asked;
        struct {
            enum sim_ask what;
            enum vow_outcome outcome;
            enum vow_cause cause;
            int error;     /* for VOW_UNKNOWN */
            bool is_final; /* the client gives up on it: it will not ask again */
            enum vow_saga_state saga;
        } told;
        struct {
            enum vow_verdict verdict; /* 0: forget */
            bool is_heuristic; /* of one prepared branch, at peer; else of the transaction; forget: what peer did */
            const char *who, *why;
            enum vow_admin_command saga; /* SAGA_RETRY or SAGA_CLOSE; 0: it is about no saga */
            enum vow_admin_command dead; /* DLQ_RETRY, DLQ_DROP, GROUP_REMOVE, GROUP_SEEK; 0: it is about no events */
            const char *group;           /* ... but about this group, */
            uint64_t offset;             /* and this dead letter of it, or behind what it is to go on */
        } operated;
    };
};

typedef void sim_see_fn(void *ctx, const struct sim_sight *sight);

/* Who looks on. Part of the world; zeroed, then sim_watch_add(). */
#define SIM_WATCHERS_MAX 8
struct sim_watch {
    uint64_t seq;
    uint32_t watchers_len;
    struct {
        sim_see_fn *see;
        void *ctx;
    } watchers[SIM_WATCHERS_MAX];
};

/* Watchers are called in the order in which they were added. */
void sim_watch_add(struct sim_watch *watch, sim_see_fn *see, void *ctx);
/* Numbers the sight and shows it to all. */
void sim_seen(struct sim_watch *watch, struct sim_sight *sight);

/* A sight of a kind at a node, all else zero or none. */
struct sim_sight sim_sight_make(enum sim_sight_kind kind, uint8_t node, uint32_t life, uint64_t at_us);

/* It is about a saga and about no transaction: it has judges of its own. */
bool sim_is_of_saga(const struct sim_sight *sight);
/* Likewise, of events. */
bool sim_is_of_event(const struct sim_sight *sight);
const char *sim_sight_name(enum sim_sight_kind kind);
/* "KILL", ...; what it means. */
const char *sim_fault_name(enum sim_fault fault);
const char *sim_fault_text(enum sim_fault fault);

/* One readable line without the sequence number: "12.345678 p1.2 RECEIVED from c0 PREPARE b0 calls=1 #4711". Returns
 * what snprintf() would. */
/* The header of a message of the commit protocol; NULL for others. */
const struct vow_msg_header *sim_msg_header(const struct vow_msg *msg);
/* The transaction that a message is about; none = it is about none, or about several. */
struct vow_gtrid sim_message_id(const struct vow_msg *msg);
int sim_sight_print(const struct sim_sight *sight, char *text, size_t size);

#endif
