/*
 * The book of a world: what the stream of sights has told so far, per node, transaction and participant. It only
 * remembers; what must not be is for the checkers (check.h) to say, and what was hit for the marks (marks.h).
 *
 * A moment is the sequence number of the sight that told of it; 0 = it has not been. Unless a field says otherwise it
 * is the first such moment, and is never taken back: a crash undoes nothing that was seen.
 */
#ifndef VOW_CHAOS_SIM_BOOK_H
#define VOW_CHAOS_SIM_BOOK_H

#include "chaos/sim/dump.h"
#include "chaos/sim/memory.h"
#include "chaos/sim/seen.h"

typedef uint64_t book_moment;

/* The state of a coordinator's machine that is none: it has no entry of the transaction. */
#define BOOK_NO_ENTRY 0

enum book_state { BOOK_DOWN, BOOK_STARTING, BOOK_SERVING };

/* Why a disk may not hold what its node was told is durable: no fault of the node's. */
#define BOOK_HARM_WIPED 0x01u    /* wiped */
#define BOOK_HARM_RESTORED 0x02u /* an older copy of itself */
#define BOOK_HARM_LIED 0x04u     /* an fsync that was not done or failed, and power was lost */
#define BOOK_HARM_DAMAGED 0x08u  /* bits, pages or files of it were changed */

/* What a node was given last: what follows at the node up to its next input is caused by it. */
struct book_input {
    enum sim_sight_kind kind; /* RECEIVED, LOG_DONE, STORE_TOLD, TICKED, LINKED, ... */
    book_moment at;
    struct vow_gtrid gtrid;
    enum vow_msg_kind msg;
    uint8_t peer;   /* RECEIVED: who sent it */
    uint32_t epoch; /* of the message's header */
    uint64_t incarnation;
    uint32_t ops; /* PREPARE: how much joined work the client has counted */
    enum vow_vote vote;
    enum vow_verdict verdict;
    uint64_t frame;
    bool is_repeated; /* the same frame as the input before it */
};

struct book_node {
    enum sim_role role;
    const char *name;
    uint8_t coord;            /* participants and clients: their coordinator */
    uint32_t txn_ms, vote_ms; /* coordinators: the time of an open transaction, and of votes; 0 = not known */
    enum book_state state;
    bool is_paused;
    uint32_t life;
    book_moment started, up, ended; /* of this life; ended: of the last one */
    book_moment served, disk_read;  /* it was up, its disk was read: in any life, the newest */
    uint64_t coord_id;              /* coordinators: of the newest life that was up */
    uint32_t epoch;
    uint64_t incarnation;
    uint64_t linked_incarnation; /* participants: of the life that its coordinator is, or was last, connected to */
    uint8_t db_uuid[VOW_DB_UUID_BYTES];
    unsigned harm;              /* BOOK_HARM_*, ever */
    bool has_lied;              /* an fsync was not done, and said it was, since the last power cut */
    uint32_t epoch_known;       /* participants: the highest epoch that a message or handshake of this life named */
    struct vow_watermark known; /* the highest watermark, over all lives: a lost one only keeps tombstones longer */
    uint64_t faults[SIM_FAULTS];
    book_moment last_fault, last_cut;
    struct book_input input;
    uint64_t places;       /* coordinators: for open transactions; 0 = not known */
    uint64_t open;         /* as the last sample says */
    bool forgets_damage;   /* coordinators: by a setting, without an operator */
    uint32_t heuristic_ms; /* participants: T_heur, 0 = off, and its verdict */
    enum vow_verdict heuristic_verdict;
    book_moment failed;   /* its log or store has failed in this life */
    uint32_t heard;       /* participants: messages of this life, and branches that it ended: what its memory holds */
    book_moment unlinked; /* participants: the connection to its coordinator was lost, in this life, the newest */
    uint64_t unlinked_us;
    book_moment ticked; /* TICKED, the newest */
    uint64_t ticked_us;
};

struct book_change {
    struct sim_change change;
    struct book_change *next;
    struct book_change *prev;
};

/* A participant's share of a transaction. */
struct book_share {
    struct book_share *next; /* of the transaction */
    uint8_t node;
    uint32_t branch;
    /* At the coordinator. */
    book_moment enlisted;       /* ENLISTED without error was sent to it */
    uint32_t enlist_life;       /* the life that asked for that, the first */
    book_moment unlinked;       /* its connection was found to be gone, the newest */
    book_moment prepare_sent;   /* PREPARE, first */
    book_moment one_phase_sent; /* COMMIT_ONE_PHASE, first */
    book_moment commit_sent, abort_sent;
    enum vow_vote vote; /* the first that the coordinator received in its life `vote_life` */
    book_moment vote_got;
    uint32_t vote_life;
    enum vow_cause vote_cause;
    uint64_t prepare_incarnation; /* whom the newest PREPARE was for */
    uint32_t let_go_life;         /* of the coordinator that has counted a NO or READ-ONLY of it; 0 = none */
    enum vow_vote let_go_vote;
    book_moment no_got;    /* a NO of any life was received */
    uint32_t no_causes;    /* of each NO that the coordinator may heed, a later one too: bit by cause */
    book_moment asked_got; /* INQUIRY, or YES: it waits for a decision; the newest */
    book_moment ack_got, no_record_got, one_phase_got;
    uint32_t answer_life; /* of the coordinator: the last that it answered a COMMIT, before FORGET was asked for */
    enum vow_one_phase one_phase_result;
    bool is_on_yes_list;
    /* At the participant's store. */
    book_moment prepare_asked;           /* the newest */
    book_moment yes, read_only, refused; /* what the store said to PREPARE; yes: durable */
    enum vow_cause refused_cause;
    uint32_t yes_life, yes_epoch;
    book_moment committed;       /* COMMIT or ONE_PHASE DONE: durable, effects applied */
    book_moment committed_alone; /* ONE_PHASE DONE */
    book_moment one_phase_read_only;
    book_moment aborted;           /* ABORT DONE of a branch that was prepared */
    book_moment dropped;           /* ABORT DONE of one that was not */
    book_moment told_yes;          /* the core was told of the newest yes, or recovered the branch in this life */
    book_moment abort_asked;       /* ABORT was asked of the store, in any life */
    book_moment ending_asked;      /* COMMIT or ABORT was asked of the store in this life, the newest */
    enum sim_branch_state on_disk; /* as the store has said, or the disk at the last start */
    enum sim_branch_state stood;   /* on_disk, before starts that came to nothing */
    uint32_t asked_life;           /* the life that has asked something of its store that it was not told of yet */
    enum vow_store_op_kind asked_op;
    book_moment last_yes;
    uint32_t works, works_life; /* pieces of joined work that were done in that life and not dropped */
    book_moment worked;         /* the newest of them was told to the core; 0: something else was asked since */
    uint64_t worked_us;
    uint32_t gone_life, gone_heard; /* it was told ABORT or asked to drop the branch: in which life, and node.heard */
    /* At the participant. */
    book_moment vote_sent, yes_sent, no_sent;
    enum vow_vote first_vote;
    book_moment ack_sent;
    book_moment prepare_received, commit_received, abort_received; /* newest */
    book_moment commit_heard;                                      /* COMMIT, or a peer's COMMITTED */
    book_moment expired_heard;                                     /* WAIT EXPIRED: nobody can tell it any more */
    uint32_t abort_heard_life; /* the last life that heard ABORT, or a peer's ABORTED */
    uint32_t no_life;          /* ... that said NO, or whose store refused the work */
    uint32_t drop_life;        /* ... that asked its store to drop work that was not prepared, or had it under way */
    /* Its work: [first, confirmed] survived; up to last is of the run under way. */
    struct book_change *first, *confirmed, *last;
    struct book_change *compared; /* up to here I15 has compared what it read */
    /* Its locks as the disk showed them first after it was prepared. */
    uint64_t *locks;
    uint32_t locks_len;
    bool has_locks;
    /* Ended without its decision, protocol 2.7. At the participant: */
    book_moment ordered_commit, ordered_abort; /* an operator asked for that; granted or not */
    uint64_t told_yes_us;
    book_moment heuristic; /* it is durable */
    book_moment disowned;  /* it was not: a start that came to nothing had seen it, and then it was gone */
    enum vow_verdict heuristic_verdict;
    bool has_record;               /* of that, as the store has said, or the disk at the last start */
    book_moment settle_asked;      /* a decision was to be noted, the newest */
    enum vow_verdict settled;      /* and which */
    enum vow_verdict record_says;  /* which, as the record has it, or had it in this life; 0 = none */
    book_moment damage_drop_asked; /* FORGET of it was asked of the store */
    book_moment node_alarm;
    /* At the coordinator, if it was against the decision: */
    book_moment mismatch_got; /* it was told so */
    book_moment noted;        /* HEURISTIC is durable */
    uint64_t noted_lsn;
    bool is_note_lost;    /* it was cut off since: if it is reported again, that is news */
    book_moment forgiven; /* FORGET is, and came after it */
    book_moment coord_alarm;
};

struct book_txn {
    struct book_txn *next, *hash_next;
    struct vow_gtrid gtrid;
    uint8_t coord; /* the node that owns the id; SIM_NODE_NONE: none of this world */
    struct book_share *shares;
    uint32_t shares_len;
    uint32_t index; /* in the order in which they were first seen */
    /* At clients. */
    uint8_t client; /* the first that asked anything of it; SIM_NODE_NONE */
    uint32_t client_life;
    uint32_t asked_of;    /* bit by participant: whom the client has work for, whether or not anybody hears of it */
    uint32_t work, calls; /* bit by participant: joined work that a commit request counts, calls that it ships */
    book_moment given_up; /* told UNKNOWN, and will not ask again */
    book_moment expired;  /* told EXPIRED: it is older than the history */
    book_moment asked, commit_asked, rollback_asked; /* by a client; the first */
    const char *key;                                 /* under which it was asked to commit; NULL */
    bool is_reading;                                 /* the client says: it reads only, and holds what it reads */
    enum vow_outcome told;                           /* COMMITTED or ABORTED, or 0 */
    book_moment told_at;
    enum vow_cause told_cause;
    uint32_t committed_life; /* of the coordinator, when it first sent COMMITTED to a client */
    book_moment unknown_told;
    /* At the coordinator. */
    book_moment began, commit_requested, rollback_requested;
    uint64_t began_us, asked_us; /* asked: the first PREPARE of this life */
    uint64_t ends_us;            /* when its time is up, as the coordinator and its client have it; 0 = never */
    uint32_t began_life;
    uint8_t owner;           /* the client that began it, or asked to commit it, last */
    book_moment client_lost; /* its connection was found to be gone, in this life of the coordinator; the newest */
    uint32_t entry_life;     /* its machine has an entry of it, in that life; 0 = none */
    book_moment commit_log_asked;
    uint32_t commit_log_life;
    book_moment committed;   /* COMMIT is durable */
    book_moment commit_told; /* its core was told so; the newest */
    uint64_t commit_lsn;
    uint32_t yes_list; /* bit by node */
    book_moment end_asked, ended;
    book_moment aborted; /* ABORT was sent, or ABORTED told or logged */
    uint32_t aborted_life;
    book_moment aborted_durable; /* the note ABORTED */
    book_moment read_only, read_only_durable;
    book_moment one_phase_durable;
    book_moment hazard;
    book_moment damage;                       /* DAMAGE is durable */
    book_moment damage_told;                  /* and the core of this life was told so */
    book_moment forgot;                       /* FORGET is */
    uint32_t forget_life;                     /* the life of the coordinator that asked its log for that */
    book_moment committed_sent, aborted_sent; /* OUTCOME to a client */
    enum vow_cause abort_cause;
    book_moment cause_told;                    /* ... was told to a client or noted */
    book_moment alarm;                         /* of anything but what was done by hand */
    book_moment abort_ordered, forget_ordered; /* by an operator */
};

struct sim_book {
    struct sim_memory *memory;
    struct book_node nodes[SIM_NODES_MAX];
    uint32_t nodes_len;
    struct book_txn *txns, **txns_last; /* in the order in which they were first seen */
    struct book_txn **table;            /* by hash */
    uint32_t txns_len;
    uint64_t now_us;
    book_moment now;
    book_moment healed, over;
    uint64_t healed_us;
    uint32_t healed_nodes;          /* bit by node */
    uint32_t cut[SIM_NODES_MAX];    /* bit by peer: nothing passes to it */
    uint32_t linked[SIM_NODES_MAX]; /* bit by peer: the node believes in a connection */
    struct sim_change *accounts;
    uint32_t accounts_len, accounts_room;
};

/* Memory comes from the memory, which the caller resets. */
void sim_book_init(struct sim_book *book, struct sim_memory *memory);
/* Enters a sight. What a DISK sight corrects is entered by sim_book_settle(), when the checkers have compared it. */
void sim_book_see(struct sim_book *book, const struct sim_sight *sight);
void sim_book_settle(struct sim_book *book, const struct sim_sight *sight);

/* NULL if it was never seen. */
struct book_txn *sim_book_find(const struct sim_book *book, const struct vow_gtrid *gtrid);
/* NULL if the participant has no share that was seen. */
struct book_share *sim_txn_share(const struct book_txn *txn, uint8_t node);
/* The node of this name; SIM_NODE_NONE. */
uint8_t sim_book_named(const struct sim_book *book, const char *name);
/* A commit's effects are to be there: the participant has, or must, apply them. */
bool sim_txn_is_committed(const struct book_txn *txn);
/* All who were asked voted READ_ONLY, or nobody was: committed without a record. */
bool sim_txn_is_read_only(const struct book_txn *txn);
/* The branch changes that row: what it only touches, or changes back, is neither written nor locked (vow/sqlite.h). */
bool sim_share_writes(const struct book_share *share, enum sim_table table, uint64_t key);

/* When its effects became durable at its participant, by the decision or by hand; 0 = they are not. */
static inline book_moment sim_share_applied(const struct book_share *share)
{
    return share->heuristic_verdict == VOW_COMMIT ? share->heuristic : share->committed;
}
/* What must be on its disk at the next start. */
enum sim_branch_state sim_share_stands(const struct sim_book *book, const struct book_share *share);
/* It was ended by hand, and not as the transaction was decided. */
bool sim_share_contradicts(const struct book_txn *txn, const struct book_share *share);
/* A branch of it was ended without its decision. */
bool sim_txn_has_heuristic(const struct book_txn *txn);

static inline uint32_t sim_bit(uint8_t node)
{
    return UINT32_C(1) << node;
}

#endif
