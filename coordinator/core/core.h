/*
 * The core's insides, shared by the files of this folder and by nobody else. All of it lies in the memory that
 * vow_coord_init() was given; objects name one another by index, COORD_NIL is no object.
 */
#ifndef VOW_COORDINATOR_CORE_H
#define VOW_COORDINATOR_CORE_H

#include "coordinator/core/coord.h"
#include "coordinator/core/ids.h"
#include "coordinator/core/key_table.h"
#include "proto/gtrid_table.h"
#include "proto/heap.h"

/* No object: the end of a list. The same as the end of a chain in a table. */
#define COORD_NIL VOW_GTRID_TABLE_NONE

/* clang-format off */
enum txn_state {
#define STATE(name, flags, meaning) TXN_##name,
#include "coordinator/core/coord.def"
    TXN_STATES
};

enum txn_event {
#define EVENT(name, meaning) TXN_ON_##name,
#include "coordinator/core/coord.def"
    TXN_EVENTS
};
/* clang-format on */

/* A participant that this process has met: its current connection, or none. An idle one goes when its place is
 * needed. */
struct peer {
    char name[VOW_NAME_SIZE];
    char address[VOW_ADDRESS_SIZE]; /* where it answers its peers; "" = nowhere */
    uint64_t session;               /* 0 = not connected */
    bool is_full;                   /* much waits for it already: what it can be told later waits, too (F029) */
    uint64_t incarnation;
    uint8_t db_uuid[VOW_DB_UUID_BYTES];
    struct vow_watermark since; /* its data file was another one when lower ids were granted */
    uint32_t next;              /* with the same hash of the name */
    uint32_t branches;          /* first of its branches in memory */
};

/* One participant's share of one transaction. */
struct branch {
    uint32_t txn, peer;
    uint32_t number;               /* what messages call it */
    uint32_t next;                 /* of the transaction; in the free list: of that */
    uint32_t peer_prev, peer_next; /* of the participant */
    uint64_t incarnation;          /* the participant's, when the branch was enlisted */
    uint8_t db_uuid[VOW_DB_UUID_BYTES];
    uint8_t vote;          /* enum vow_vote; 0 = none yet */
    bool contacted;        /* it works for the transaction: an abort concerns it */
    bool lost;             /* its connection went before it voted */
    bool acknowledged;     /* committed, durably */
    bool hazard;           /* it has no record of what it must commit, or was given up; HAZARD was logged */
    bool contradicts;      /* it was ended by hand, against the decision; HEURISTIC was logged */
    bool due;              /* it is to hear the decision at once: it came back, or can take more again */
    bool strange_reported; /* the alarm about another data file was raised (F044) */
};

struct txn {
    struct vow_gtrid gtrid; /* first: the table's key */
    uint8_t state;          /* enum txn_state; written by txn_move() alone */
    bool client_lost;       /* ACTIVE: whoever opened it is gone */
    bool question;          /* begun by nobody here: a client asks what a participant holds */
    bool is_reported;       /* begun by nobody here: a participant says that it contradicts an abort */
    uint8_t damage;         /* enum vow_damage */
    uint8_t damage_before;  /* what was recorded before that, and is told until that is recorded, too */
    uint8_t outcome, cause; /* is_reported: what was decided */
    uint32_t serial;        /* counts the uses of this slot, so that a token names one of them */
    uint64_t opener;        /* session that began it; 0 = the log */
    uint64_t client;        /* session to answer: the newest that asked; 0 = nobody */
    uint64_t begun_ms, state_since_ms;
    uint64_t earlier_ms; /* its age before that, in earlier lives of the coordinator */
    uint64_t expires_ms; /* ACTIVE: T_tx or the deadline. PREPARING: T_vote or the deadline */
    uint64_t end_ms;     /* the client's deadline; UINT64_MAX = none */
    uint32_t delay_ms;   /* before the next resend */
    uint32_t attempts;   /* resends of the decision or the query */
    uint32_t key;        /* or COORD_NIL */
    uint32_t report;     /* JUDGING, HEUR: its words; or COORD_NIL */
    uint64_t asker;      /* JUDGING, HEUR: the session that the journal is asked for, if there is a report */
    uint64_t order;      /* FORGIVING: the order to answer; 0 = none */
    uint32_t branches_len;
    uint32_t first, last; /* branches, by number */
    uint32_t votes, yes;  /* votes that are in; of them YES */
    uint32_t unacknowledged;
    uint32_t active_prev, active_next; /* ACTIVE; `active_next` is also the free list */
};

/* The outcome of a transaction that has left memory. */
struct ended {
    struct vow_gtrid gtrid; /* first: the table's key */
    uint8_t outcome, cause;
    bool taken;
    bool logged;  /* COMMITTED by a COMMIT record: there is a yes-list; not read-only, not in one phase */
    uint32_t who; /* peer or COORD_NIL */
    int error;    /* VOW_E_HEURISTIC_*: it was not atomic, and an operator has seen to that; 0 = it was */
};

/* The words of a HEURISTIC_REPORT, while the journal is asked. */
struct report {
    bool taken;
    uint8_t verdict; /* enum vow_verdict */
    uint32_t branch; /* its number */
    char words[VOW_TEXT_SIZE];
};
/* Under way at once; the others are sent again. */
#define COORD_REPORTS_MAX 64
/* Transactions older than the history that an alarm was raised for: not again for the newest of them. */
#define COORD_EXPIRED_MAX 64

/* What happens to one transaction: an event of coord.def with all that came with it. */
struct input {
    enum txn_event event;
    const struct vow_gtrid *gtrid;
    struct txn *txn; /* NULL: state NONE */
    uint64_t session;
    const struct vow_msg *msg;
    const struct vow_msg_header *header; /* of msg, if a participant sent it */
    struct branch *branch;               /* of txn and the sender */
    const struct vow_coord_lookup *lookup;
    const struct vow_record *record;
    const struct vow_coord_forget *forget;
    uint64_t age_ms; /* of record */
    bool by_operator;
    bool moved; /* txn_move() was called: an event takes one edge */
};

typedef void coord_handler_fn(struct vow_coord *core, struct input *in);

/* What one step may emit for one transaction: to each branch a message and an alarm, and a few more. */
#define COORD_EFFECTS_PER_TXN (2 * VOW_CALLS_MAX + 8)
/* Transactions of one TIMER: as many as COORD_TIMERS_MAX, if the effects leave room. */
#define COORD_TIMERS_MAX 64
#define COORD_EFFECTS_MAX (4 * COORD_EFFECTS_PER_TXN)

struct vow_coord {
    struct vow_coord_limits limits; /* that hold now */
    /* What the memory has room for: at least the limits. What was admitted under higher limits stays. */
    uint32_t txns_room, branches_room, peers_room;
    struct coord_ids ids;
    uint64_t now_ms;
    uint64_t jitter;  /* state of the generator */
    uint64_t ordinal; /* of the last transaction that participants were asked to work for */
    uint32_t lookups; /* that the journal has not answered yet; at most txns_max */
    bool recovering, draining, shedding;
    bool no_new_work; /* for the message under way */
    const struct vow_fsm *fsm;
    struct input *in; /* under way */
    coord_handler_fn *handlers[TXN_STATES][TXN_EVENTS];

    struct txn *txns;
    uint32_t txns_free, txns_open, in_doubt, damaged, abandoned;
    uint32_t active; /* first of those in ACTIVE */
    struct vow_gtrid_table txn_table;
    struct vow_heap deadlines, order;
    struct branch *branches;
    uint32_t branches_free, branches_left;
    struct peer *peers;
    uint32_t *peer_heads;
    uint32_t peers_len;
    struct key_table keys; /* pinned while the transaction may still commit; kept once it has */
    struct ended *ended;
    uint32_t ended_next;
    struct vow_gtrid_table ended_table;

    struct vow_coord_effect *effects;
    uint32_t effects_len;
    uint64_t *edge_hits;
    struct vow_coord_counts counts;

    /* What effects of this step point to. */
    struct vow_msg_call calls[VOW_CALLS_MAX];
    uint32_t call_peers[VOW_CALLS_MAX];
    struct vow_msg_peer msg_peers[VOW_CALLS_MAX];
    struct vow_record_branch yes_list[VOW_CALLS_MAX];
    uint64_t rands[VOW_IDS_MAX];
    struct report reports[COORD_REPORTS_MAX];
    struct vow_gtrid expired[COORD_EXPIRED_MAX];
    uint32_t expired_next;
};

/* How many more branches the limit allows. */
static inline uint32_t coord_branches_allowed(const struct vow_coord *core)
{
    uint32_t used = core->branches_room - core->branches_left;

    return used < core->limits.branches_max ? core->limits.branches_max - used : 0;
}
static inline uint32_t txn_index(const struct vow_coord *core, const struct txn *txn)
{
    return (uint32_t)(txn - core->txns);
}
static inline struct branch *branch_at(const struct vow_coord *core, uint32_t index)
{
    return index != COORD_NIL ? &core->branches[index] : NULL;
}
static inline struct peer *branch_peer(const struct vow_coord *core, const struct branch *branch)
{
    return &core->peers[branch->peer];
}

#endif
