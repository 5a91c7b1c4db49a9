/* Inside the participant's core: what its files share. Nobody else includes this; the contract is branch.h. */
#ifndef VOW_PARTICIPANT_CORE_H
#define VOW_PARTICIPANT_CORE_H

#include "participant/core/branch.h"
#include "participant/core/states.h"
#include "proto/assert.h"
#include "proto/gtrid_table.h"
#include "proto/heap.h"

/* No entry. */
#define BRANCH_NONE VOW_GTRID_TABLE_NONE
/* No operation of the store is under way. */
#define BRANCH_NO_OP 0
#define BRANCH_NEVER_MS UINT64_MAX
/* Nobody asked, so nobody is answered. */
#define BRANCH_NOBODY UINT64_MAX
/* No number: of a branch that the coordinator has given none yet; of whoever means a transaction, not a branch. */
#define BRANCH_UNNUMBERED UINT32_MAX
/* What one TIMER does at most; the rest stays due. */
#define BRANCH_TIMEOUTS_PER_STEP 64
/* The worst step: a full TIMER (a move and two things more each), and what any step may add to it. */
#define BRANCH_EFFECTS_MAX (3 * BRANCH_TIMEOUTS_PER_STEP + 8)
/* Room beyond branches_max for questions about ended branches: a full table must not keep a COMMIT from its ACK. Also
 * how many questions of peers the store has at once. */
#define BRANCH_RECALLS_MAX 64

/* One branch in memory. */
struct vow_branch_entry {
    struct vow_gtrid gtrid; /* first: the table's key */
    uint8_t state;          /* written by branch_move() alone */
    uint8_t op;             /* the store's operation under way, or BRANCH_NO_OP */
    /* RECALLING: why a one-phase commit is refused if the store has no memo; VOW_CAUSE_NONE: a query.
     * SPOILED, ABORTING: why this participant dropped joined work alone; VOW_CAUSE_NONE: it was told to. */
    uint8_t cause;
    bool forget; /* FORGET came while the store was at work: drop the memo after that */
    bool lost;   /* joined: the connection has gone since */
    /* PREPARED, of protocol 2.6: */
    uint8_t silent;       /* inquiries that the coordinator has not answered, as far as they count */
    bool asked;           /* its peers, since the coordinator's last answer */
    bool blocked;         /* and none of them has told an outcome */
    bool heard_heuristic; /* the alarm about it was raised */
    bool adopted;         /* COMMITTING: a peer told the decision, so there is nobody to acknowledge it to */
    uint32_t branch;
    uint32_t ops;       /* joined: operations done, which PREPARE must name */
    uint32_t epoch;     /* of the message that the next answer is for; answers echo it */
    uint32_t attempt;   /* likewise */
    uint32_t inquiries; /* sent so far: the attempt of the next one */
    uint8_t answer;     /* PREPARED: the last WAIT's reason (enum vow_wait); 0 = none came */
    uint64_t asked_ms;  /* PREPARED: when the last inquiry was sent; 0 = never */
    uint64_t answer_ms; /* PREPARED: when that WAIT came */
    uint32_t delay_ms;  /* PREPARED: the back-off of inquiries */
    uint32_t next_free; /* among the free ones */
    uint64_t yes_ms;    /* PREPARED: in doubt since */
    uint64_t doubt_ms;  /* PREPARED: and for so long before, in earlier lives */
    uint64_t due_ms;    /* PREPARED: next inquiry; joined: when it is dropped; else BRANCH_NEVER_MS */
    uint64_t end_ms;    /* joined: the transaction's deadline */
    uint64_t heur_ms;   /* PREPARED: when T_heur ends it; BRANCH_NEVER_MS = it does not */
    uint32_t record;    /* of its heuristic, or BRANCH_NONE */
    uint8_t heuristic;  /* how an operator or T_heur ends it, or has (enum vow_verdict); 0 = not */
    uint8_t decided;    /* the decision that came after a heuristic; 0 = it is not known */
};

/* Who asks for a heuristic. */
struct vow_branch_resolve {
    uint64_t tag; /* whom to answer; 0 = the coordinator, else who asked with it, or BRANCH_NOBODY */
    uint32_t attempt;
    enum vow_verdict verdict;
    const char *who, *why; /* live for the step */
};

/* A heuristic, for its report. */
struct vow_branch_record {
    uint32_t next_free;
    uint64_t wall_us;
    struct vow_branch_resolve asker; /* until the store has answered; without the texts */
    char who[VOW_TEXT_SIZE], why[VOW_TEXT_SIZE];
};

/* How a transaction ended here: remembered for a while so that a late duplicate does not do its work again (F048). */
enum vow_branch_end {
    VOW_BRANCH_END_ABORTED = 1,     /* with a cause */
    VOW_BRANCH_END_COMMITTED,       /* its COMMIT was seen: no PREPARE is good any more */
    VOW_BRANCH_END_VOTED_READ_ONLY, /* nor of one that let go with its vote, and does not know the outcome */
    VOW_BRANCH_END_READ_ONLY, /* a one-phase commit that wrote nothing: there is no memo, and it must not run twice */
    VOW_BRANCH_END_FORGOTTEN, /* a one-phase commit whose memo the coordinator let go */
};

/* How sure it is that an ABORTED one can never commit anywhere (protocol 2.6). */
enum branch_proof {
    BRANCH_PROOF_NONE,     /* a NO that may have been said to a duplicate, after another vote */
    BRANCH_PROOF_DECIDED,  /* the coordinator said so to a branch that was there, or a peer that knew */
    BRANCH_PROOF_VOTED_NO, /* the one vote of this life, or the one that is left to it */
};

struct vow_branch_ended {
    struct vow_gtrid gtrid; /* first: the table's key */
    uint8_t end;            /* enum vow_branch_end; 0 = a slot not used yet */
    uint8_t cause;
    uint8_t proof;  /* enum branch_proof */
    bool dropped;   /* joined work that this participant has ended alone: the transaction may be open yet */
    bool told;      /* a peer was told of this NO: no PREPARE may ever be voted on otherwise */
    bool missing;   /* its coordinator was told NO_RECORD: its COMMIT_ONE_PHASE may yet come, and begins nothing */
    uint32_t epoch; /* DECIDED: that decided it */
};

/* Where the answer to a peer's question goes. */
struct branch_asker {
    uint64_t session;
    uint32_t branch, attempt; /* of the question, which the answer echoes */
};

/* What is known of the coordinator. */
struct vow_branch_known {
    uint64_t coord;
    uint32_t epoch; /* the highest seen */
    struct vow_watermark watermark;
};

/* How it gets to the store: lazily, one WATERMARK operation at a time. */
struct vow_branch_keep {
    struct vow_branch_known now, sent; /* sent: what the store has or is being given */
    bool under_way;
    bool urgent;
    uint64_t behind_ms; /* since when `sent` lags; BRANCH_NEVER_MS = it does not */
};

/* How far apart two works of a coordinator may be, in its ordinals, and overtake each other on their way here. */
#define BRANCH_ORDINALS 4096

/* The ordinals that were here. */
struct branch_ordinals {
    uint32_t epoch;
    uint64_t highest;                    /* with the coordinator's life in it */
    uint64_t seen[BRANCH_ORDINALS / 64]; /* of it and those below it, by their remainder */
};

/* One cell of the table, made ready for dispatch. */
struct vow_branch_cell {
    vow_branch_handler_fn *handler; /* NULL: verdict and why hold */
    enum vow_fsm_verdict verdict;
    const char *why;
};

struct vow_branches {
    struct vow_branches_limits limits;
    uint64_t incarnation;
    uint64_t random;
    uint64_t now_ms;
    bool connected;
    uint32_t in_doubt; /* entries in PREPARED */
    uint32_t blocked;  /* of them: see .blocked */
    uint32_t recalls;  /* questions of peers that the store has */
    uint32_t enlists;  /* sent so far: the attempt of the next one, so that an answer is not taken for another's */
    struct vow_branch_keep keep;
    struct branch_ordinals ordinals;

    struct vow_branch_entry *entries;
    uint32_t entries_max, free, open; /* free: the first of a list through .next_free */
    struct vow_gtrid_table table;     /* of the entries */
    struct vow_heap timers;           /* the entries with a timer, by due_ms */
    struct vow_branch_ended *ended;   /* a ring */
    uint32_t ended_at;
    /* The highest that the ring has lost: a dropped one; one that a peer was told of; a missing one; any. */
    struct vow_gtrid dropped_floor, told_floor, missing_floor, forgotten_floor;
    struct vow_gtrid_table ended_table;
    struct vow_branch_record *records;
    uint32_t records_free, heuristics; /* a list through .next_free; those that are taken */

    /* The step under way. */
    const struct vow_branches_event *input;
    const struct vow_msg_header *header; /* of input's message; NULL if it is none */
    bool is_copy; /* input is a PREPARE or COMMIT_ONE_PHASE that was here before, or may have been */
    enum vow_branch_event event;
    struct vow_branch_resolve resolve; /* RESOLVE_* */
    bool moved;
    char text[VOW_TEXT_SIZE];
    size_t effects_len;
    struct vow_branches_effect effects[BRANCH_EFFECTS_MAX];

    struct vow_branches_counts counts;
    struct vow_branch_cell cells[VOW_BRANCH_STATES][VOW_BRANCH_EVENTS];
    uint64_t edge_hits[VOW_BRANCH_EDGES];
};

/* --- entry.c: dispatch and the one mover --- */

void branch_cells_init(struct vow_branches *core);
/* Runs the cell (state of that branch, event). */
void branch_dispatch(struct vow_branches *core, const struct vow_gtrid *gtrid, uint32_t branch,
                     enum vow_branch_event event);
/* The only writer of a state: asserts the edge and the entry's invariant, counts, traces. Once for each handler. */
void branch_move(struct vow_branches *core, struct vow_branch_entry *entry, enum vow_branch_state to);
/* From now on an answer echoes the message of this step. */
void branch_take_header(struct vow_branches *core, struct vow_branch_entry *entry);
/* The same for a question asked again: an old duplicate of it changes nothing. */
void branch_take_newer_header(struct vow_branches *core, struct vow_branch_entry *entry);

/* --- table.c --- */

void branch_table_init(struct vow_branches *core);
/* BRANCH_UNNUMBERED, on either side, matches any: a coordinator gives a participant one branch of a transaction. */
struct vow_branch_entry *branch_table_find(struct vow_branches *core, const struct vow_gtrid *gtrid, uint32_t branch);
/* Copies *blank in; there is room (asserted). */
struct vow_branch_entry *branch_table_add(struct vow_branches *core, const struct vow_branch_entry *blank);
void branch_table_remove(struct vow_branches *core, struct vow_branch_entry *entry);
/* Room for new work, and for a question about old work. */
bool branch_table_has_room(const struct vow_branches *core);
bool branch_table_has_recall_room(const struct vow_branches *core);

/* --- ended.c --- */

void branch_ended_init(struct vow_branches *core);
/* What was remembered first stays. */
void branch_ended_remember(struct vow_branches *core, const struct vow_gtrid *gtrid, enum vow_branch_end end,
                           enum vow_cause cause);
/* An abort that the coordinator decided in that epoch, or a peer that knew. It makes surer what was remembered. */
void branch_ended_remember_decided(struct vow_branches *core, const struct vow_gtrid *gtrid, uint32_t epoch);
/* A NO, said to a PREPARE that names this life, or to be said to any that comes. */
void branch_ended_remember_no(struct vow_branches *core, const struct vow_gtrid *gtrid, enum vow_cause cause);
/* The same for joined work that is dropped here alone. Beyond the ring nothing as old as that may join any more. */
void branch_ended_remember_dropped(struct vow_branches *core, const struct vow_gtrid *gtrid, enum vow_cause cause);
bool branch_ended_may_be_dropped(const struct vow_branches *core, const struct vow_gtrid *gtrid);
/* A peer is told of its NO. Beyond the ring nothing as old as that is voted on any more. */
void branch_ended_tell(struct vow_branches *core, const struct vow_gtrid *gtrid);
bool branch_ended_may_be_told(const struct vow_branches *core, const struct vow_gtrid *gtrid);
/* NO_RECORD is said of it: its work was not done, and from now on is not. */
void branch_ended_remember_missing(struct vow_branches *core, const struct vow_gtrid *gtrid);
bool branch_ended_may_be_missing(const struct vow_branches *core, const struct vow_gtrid *gtrid);
/* NULL if it is not remembered. */
const struct vow_branch_ended *branch_ended_find(const struct vow_branches *core, const struct vow_gtrid *gtrid);
/* Why more work of it is refused. */
enum vow_cause branch_ended_cause(const struct vow_branch_ended *ended);

/* --- keep.c --- */

void branch_keep_init(struct vow_branches *core, const struct vow_branches_identity *identity);
/* Takes what is newer. */
void branch_keep_raise(struct vow_branches *core, uint32_t epoch, struct vow_watermark watermark);
/* At the end of each step: hands the store what it lacks, if that is worth an operation. */
void branch_keep_flush(struct vow_branches *core);
void branch_keep_stored(struct vow_branches *core);
uint64_t branch_keep_due_ms(const struct vow_branches *core);

/* --- ordinals.c --- */

/* The work of that ordinal is here now. False if it was before, or may have been. */
bool branch_ordinals_take(struct branch_ordinals *ordinals, uint32_t epoch, uint64_t ordinal);

/* --- emit.c --- */

void branch_trace(struct vow_branches *core, const struct vow_gtrid *gtrid, uint8_t from, uint8_t to);
void branch_alarm(struct vow_branches *core, const struct vow_gtrid *gtrid, const char *what);
/* An alarm, and one more in the count of protocol errors. */
void branch_violation(struct vow_branches *core, const struct vow_gtrid *gtrid, const char *what);
/* Starts the entry's operation; none is under way (asserted). */
void branch_store(struct vow_branches *core, struct vow_branch_entry *entry, enum vow_store_op_kind op);
void branch_store_forget(struct vow_branches *core, const struct vow_branch_entry *entry);
/* The entry's PREPARE need not wait for anything any more. */
void branch_store_cancel(struct vow_branches *core, const struct vow_branch_entry *entry);
void branch_store_watermark(struct vow_branches *core);
/* Is there a tombstone? Beside whatever else the store does for the branch. */
void branch_store_recall(struct vow_branches *core, const struct vow_gtrid *gtrid, struct branch_asker asker);
/* Answers the JOIN under way. text may be NULL. */
void branch_joined(struct vow_branches *core, const struct vow_branch_entry *entry, int error, enum vow_cause cause,
                   const char *text);
void branch_send_enlist(struct vow_branches *core, struct vow_branch_entry *entry);
void branch_send_vote(struct vow_branches *core, const struct vow_branch_entry *entry, enum vow_vote vote,
                      enum vow_cause cause, const char *text);
void branch_send_ack(struct vow_branches *core, const struct vow_branch_entry *entry, enum vow_ack ack);
void branch_send_one_phase_done(struct vow_branches *core, const struct vow_branch_entry *entry,
                                enum vow_one_phase result, enum vow_cause cause, const char *text);
void branch_send_inquiry(struct vow_branches *core, struct vow_branch_entry *entry);
/* To all peers of the transaction. */
void branch_ask_peers(struct vow_branches *core, const struct vow_branch_entry *entry);
/* epoch: of what the answer rests on. */
void branch_answer_peer(struct vow_branches *core, const struct vow_gtrid *gtrid, struct branch_asker asker,
                        enum vow_peer_answer answer, uint32_t epoch);
void branch_send_heuristic_report(struct vow_branches *core, const struct vow_branch_entry *entry);
/* text may be NULL. */
void branch_answer_resolved(struct vow_branches *core, const struct vow_branch_entry *entry,
                            const struct vow_branch_resolve *to, int error, enum vow_verdict verdict, const char *text);

/* --- on_*.c: besides the handlers of the table --- */

void branch_on_message(struct vow_branches *core, const struct vow_msg *msg);
void branch_on_peer(struct vow_branches *core, const struct vow_msg *msg);
void branch_recall_for_peer_done(struct vow_branches *core, const struct vow_branches_done *done);
/* Undoes joined work, which has not voted. cause: why this participant does so alone; NONE if it was told to. */
void branch_drop(struct vow_branches *core, struct vow_branch_entry *entry, enum vow_cause cause);
/* VOW_CAUSE_NONE if the work of this step's PREPARE or COMMIT_ONE_PHASE may be done. */
enum vow_cause branch_admission(const struct vow_branches *core, const struct vow_msg_prepare *work);
/* Votes NO, and remembers it, so that a duplicate does not get a YES later. */
void branch_vote_no(struct vow_branches *core, struct vow_branch_entry *entry, enum vow_cause cause, const char *text);
/* The answer to an ENLIST that was given up, or of another life. */
bool branch_is_stale_enlisted(struct vow_branches *core, const struct vow_msg_header *header);
void branch_on_join(struct vow_branches *core, const struct vow_gtrid *gtrid);
/* Joined work is lost with the connection (F042): its timers are set to now, so that this step stays short. */
void branch_on_coord_down(struct vow_branches *core);
void branch_on_store_done(struct vow_branches *core, const struct vow_branches_done *done);
/* The store's answer to MEMO, for a branch in RECALLING. */
void branch_memo_found(struct vow_branches *core, struct vow_branch_entry *entry);
void branch_memo_missing(struct vow_branches *core, struct vow_branch_entry *entry);
/* The branch is prepared and durable, as of now: in doubt, its first inquiry armed. */
/* Runs, moves or stops the entry's timer, as its due_ms says. */
void branch_timer_settle(struct vow_branches *core, const struct vow_branch_entry *entry);
/* The entry with the least due_ms; NULL if no timer runs. */
const struct vow_branch_entry *branch_timer_first(const struct vow_branches *core);
void branch_begin_doubt(struct vow_branches *core, struct vow_branch_entry *entry);
/* The coordinator has answered: it is not silent. */
void branch_unblock(struct vow_branches *core, struct vow_branch_entry *entry);
/* The decision came. */
void branch_end_doubt(struct vow_branches *core, struct vow_branch_entry *entry);
/* The next message comes after delay_ms, or T_heur before it. */
void branch_timer_arm(struct vow_branches *core, struct vow_branch_entry *entry);
/* The same with twice the delay, up to T_dec's limit. */
void branch_timer_back_off(struct vow_branches *core, struct vow_branch_entry *entry);
/* T_heur, if it is switched on, begins anew; the timer is armed. */
void branch_postpone_heuristic(struct vow_branches *core, struct vow_branch_entry *entry);
/* The next message is due now, and its back-off begins anew. */
void branch_ask_now(struct vow_branches *core, struct vow_branch_entry *entry);
void branch_records_init(struct vow_branches *core);
/* There is room (asserted). The entry has no record, or has one. */
void branch_record_take(struct vow_branches *core, struct vow_branch_entry *entry, const char *who, const char *why);
void branch_record_drop(struct vow_branches *core, struct vow_branch_entry *entry);
static inline struct vow_branch_record *branch_record(const struct vow_branches *core,
                                                      const struct vow_branch_entry *entry)
{
    VOW_ASSERT(entry->record != BRANCH_NONE);
    return &core->records[entry->record];
}
/* A RESOLVE, of the coordinator's (tag 0) or of whoever asks this participant itself. */
void branch_on_resolve(struct vow_branches *core, uint64_t tag, const struct vow_msg_resolve *resolve);
void branch_resolve_by_timer(struct vow_branches *core, const struct vow_branch_entry *entry);
void branch_on_timer(struct vow_branches *core);
void branch_on_coord_up(struct vow_branches *core, const struct vow_branches_event *event);

#endif
