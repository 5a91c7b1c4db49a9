/*
 * The nodes of a small world. A node's state is its core's memory, its disk, and what the disk has not answered yet; it
 * has a number. A step (state, event) runs the real core once and is remembered, so that the search through worlds, in
 * which the same node does the same thing millions of times, only looks numbers up.
 */
#ifndef VOW_CHAOS_SIM_SMALL_NODE_H
#define VOW_CHAOS_SIM_SMALL_NODE_H

#include <signal.h>

#include "chaos/sim/small/image.h"
#include "chaos/sim/small/mail.h"
#include "chaos/sim/small/small.h"
#include "coordinator/core/coord.h"
#include "participant/core/branch.h"

/* What can happen. peer: the participant; arg: see there. */
enum small_event_kind {
    /* to the coordinator */
    SMALL_BEGIN = 1,     /* arg: the client's session */
    SMALL_COMMIT,        /* arg: the client's session, above it the operations that it was told of (small_ask()) */
    SMALL_ROLLBACK,      /* arg: the client's session */
    SMALL_STATUS,        /* arg: the client's session */
    SMALL_CLIENT_DOWN,   /* arg: the client's session */
    SMALL_TO_COORD,      /* arg: message, from peer */
    SMALL_JOURNAL_DONE,  /* the oldest record is durable, or the oldest question answered */
    SMALL_COORD_TIMER,   /* its next timer runs out */
    SMALL_SESSION_DOWN,  /* it sees peer's connection break */
    SMALL_SESSION_UP,    /* peer connects; arg: its incarnation */
    SMALL_COORD_CRASH,   /* arg: how many of the records that are not durable survive */
    SMALL_COORD_START,   /* it takes messages, and has not read its log */
    SMALL_COORD_RECOVER, /* it has */
    /* to a participant */
    SMALL_JOIN,       /* the service wants to work in the transaction */
    SMALL_TO_PART,    /* arg: message */
    SMALL_STORE_DONE, /* arg: which operation of the queue; above it the result (small_answer()) */
    SMALL_PART_TIMER, /* its next timer runs out */
    SMALL_PART_LATE,  /* so much time passes that all its short timers run out */
    SMALL_COORD_DOWN, /* it sees the connection break */
    SMALL_COORD_UP,   /* arg: the coordinator's WELCOME */
    SMALL_PART_CRASH, /* arg: how many of the writes that are not synced survive */
    SMALL_PART_START,
    /* both at once: a connection is made */
    SMALL_CONNECT,
};

/* The most that can happen next, in a world or to a node. */
#define SMALL_EVENTS_MAX 1024

struct small_event {
    uint8_t kind; /* enum small_event_kind */
    uint8_t peer;
    uint16_t arg;
};

static inline uint16_t small_ask(uint32_t session, uint32_t ops)
{
    return (uint16_t)(session | ops << 4);
}
static inline uint16_t small_answer(uint32_t index, enum vow_store_result result)
{
    return (uint16_t)(index | (uint32_t)result << 8);
}

/* What a step shows to those who check. */
enum small_seen {
    SMALL_TOLD_COMMITTED = 1 << 0, /* the client */
    SMALL_TOLD_ABORTED = 1 << 1,
    SMALL_TOLD_UNLOGGED = 1 << 2, /* TOLD_COMMITTED, and no COMMIT is durable here */
    SMALL_SAID_ABORT = 1 << 3,    /* to a participant */
    SMALL_LOGS_COMMIT = 1 << 4,   /* submitted; .mask: the yes-list */
    SMALL_LOGS_END = 1 << 5,
    SMALL_HAS_COMMIT = 1 << 6, /* durable */
    SMALL_HAS_END = 1 << 7,
    SMALL_HAS_YES = 1 << 8,        /* PREPARED is durable; .mask: the operations in it */
    SMALL_IS_READ_ONLY = 1 << 9,   /* the store has written nothing */
    SMALL_HAS_COMMITTED = 1 << 10, /* the work is applied, durable, with its tombstone */
    SMALL_HAS_ABORTED = 1 << 11,   /* prepared work is dropped */
    SMALL_HAS_MEMO = 1 << 12,      /* committed in one phase, durable */
    SMALL_SAID_ACK = 1 << 13,      /* and nothing on this disk says why: the END must be durable */
    SMALL_DROPPED = 1 << 14,       /* a tombstone */
    SMALL_DROPPED_MEMO = 1 << 15,
    SMALL_TRIED_JOIN = 1 << 16,     /* answered, one way or the other */
    SMALL_HAS_JOINED = 1 << 17,     /* an operation is done, and the service knows */
    SMALL_SAID_COMMITTED = 1 << 18, /* to a peer */
};

#define SMALL_SENDS_MAX 8

/* A participant's send to the coordinator. */
#define SMALL_TO_THE_COORD 255

struct small_send {
    uint8_t peer; /* to whom */
    uint16_t message;
};

struct small_step {
    uint32_t to;
    uint32_t seen; /* enum small_seen */
    uint16_t mask;
    uint8_t sends_len;
    struct small_send sends[SMALL_SENDS_MAX];
    const char *rule, *what; /* broken within the node; NULL if none is */
};

/* Nothing comes of it. */
static inline bool small_step_is_idle(const struct small_step *step, uint32_t from)
{
    return step->to == from && step->rule == NULL && step->seen == 0 && step->sends_len == 0;
}

/* --- the coordinator --- */

#define SMALL_QUEUE_MAX 12

struct small_yes_list {
    uint32_t len;
    struct vow_record_branch members[SMALL_PARTICIPANTS_MAX];
};

/* One thing that the journal was asked for and has not done. */
struct small_journal_op {
    enum vow_record_kind kind; /* 0: a question */
    uint64_t token, session;
    struct vow_coord_question question; /* 0 */
    struct small_yes_list yes;
};

/* What is durable of one transaction. */
struct small_journal {
    uint32_t epoch, kinds; /* kinds: a bit for each enum vow_record_kind */
    struct small_yes_list yes;
};

struct small_coord {
    struct small_image image;
    struct small_journal disk;
    struct small_journal_op *queue; /* its own copy */
    uint8_t queue_len;
    bool up, has_recovered;
    uint8_t sessions;                      /* a bit for each participant that it is connected to */
    uint8_t read_only;                     /* a bit for each that was heard to vote so */
    uint8_t lives[SMALL_PARTICIPANTS_MAX]; /* the last that connected to this life; 0 = none has */
    uint8_t state;                         /* of coord.def */
    uint64_t now_ms;
    /* For the search: */
    uint32_t welcome; /* the message that it greets with */
    uint32_t open;
    bool has_timer;
};

/* --- a participant --- */

#define SMALL_WRITES_MAX 6
#define SMALL_STORE_MAX 6

enum small_row_state { SMALL_ROW_NONE, SMALL_ROW_PREPARED, SMALL_ROW_COMMITTED, SMALL_ROW_MEMO };

/* What lies in a data file of one transaction and of the coordinator. */
struct small_row {
    uint8_t state; /* enum small_row_state */
    uint8_t epoch; /* of the PREPARE */
    uint8_t ops;   /* joined operations in it */
    uint8_t incarnation;
    uint8_t knows_coord, known_epoch;
    uint8_t watermark_epoch, watermark_seq;
    uint8_t peers[SMALL_PARTICIPANTS_MAX]; /* the incarnations that PREPARE named; 0 = takes no part */
};

struct small_store_op {
    enum vow_store_op_kind op;
    uint32_t epoch;
    uint64_t coord;
    struct vow_watermark watermark;
    uint8_t peers[SMALL_PARTICIPANTS_MAX];
};

struct small_part {
    struct small_image image;
    struct small_row rows[SMALL_WRITES_MAX]; /* the first is durable, each later one may survive a crash, the last is
                                                what the store sees */
    uint8_t rows_len;
    struct small_store_op queue[SMALL_STORE_MAX];
    uint8_t queue_len;
    bool up, is_connected, is_joining;
    uint8_t joins;      /* tried, in all lives */
    uint8_t work_ops;   /* joined operations that are not prepared: they live in memory */
    uint8_t epoch_seen; /* the highest of the coordinator's, in this life or kept */
    uint8_t state;      /* of branch.def */
    uint64_t now_ms;
    uint32_t open;
    bool has_timer;
};

/* --- all of them --- */

/* A step that a state can make, by its number. */
struct small_move {
    struct small_event event;
    uint32_t step;
};

/* Messages that may still make a difference: of a participant's state, in the first set; of a coordinator's, one set
 * for each participant. */
struct small_live {
    struct small_set sets[SMALL_PARTICIPANTS_MAX];
};

struct small_memo {
    struct small_map step_of; /* by (state, event) */
    struct small_step *steps;
    size_t steps_len, steps_room;
    /* Most messages do nothing to most states: of those there are no steps, only a bit each. */
    struct small_live *idle; /* by state; a participant's are in the first set */
    size_t idle_room;
    uint8_t *reached; /* by state: not 0 if it can be (closure.h) */
    size_t reached_room;
    struct small_step nothing; /* the last one that did nothing */
    struct small_map state_of; /* by digest */
    /* The moves of state i are those from first_move[i] to first_move[i + 1] (closure.h, fold.h). */
    struct small_move *moves;
    size_t moves_len, moves_room;
    uint32_t *first_move;
    size_t first_room;
    uint32_t classes;
    uint32_t first;       /* the state that stands for 0 */
    uint32_t *stands_for; /* which one stands for each state; UINT32_MAX: for none that can be reached */
    struct small_live *live;
    uint32_t *future; /* all that it can ever show: enum small_seen */
    uint32_t *rise;   /* a move to make at once (rise.h); UINT32_MAX: none */
    uint32_t *rank;   /* how far a state has come (rank.h), below .ranks */
    uint32_t ranks;
    bool *is_blind; /* it makes no difference any more which of its connections the client speaks through */
};

static inline bool small_is_reached(const struct small_memo *memo, uint32_t state)
{
    return state < memo->reached_room && memo->reached[state] != 0;
}

/* Participants' names changed for one another (turn.h). */
#define SMALL_TURNS_MAX 6
struct small_turn {
    uint32_t *coords, *parts; /* by state: its counterpart; UINT32_MAX: it has none */
    uint16_t messages[SMALL_MESSAGES_MAX];
};

struct small_nodes {
    struct small_config config;
    struct vow_gtrid gtrid;
    struct small_mail mail;
    struct small_block coord_block, part_block;
    struct small_memo coord_memo, part_memo;
    struct small_memo coord_quiet, part_quiet; /* when no crash is left (quiet.h) */
    struct small_coord *coords;
    struct small_part *parts;
    size_t coords_len, coords_room, parts_len, parts_room;
    struct small_turn turns[SMALL_TURNS_MAX];
    struct small_map turned_set_of; /* by (turn, set) */
    uint64_t core_steps;
    bool is_folded; /* no core runs any more */
    bool catches;   /* a core's abort, which it did not `before` */
    struct sigaction before;
};

/* State 0 of both: up, connected to all, and nothing has happened. */
void small_nodes_init(struct small_nodes *nodes, const struct small_config *config);
void small_nodes_deinit(struct small_nodes *nodes);
/* What the node in this state does. The step lives until the next call of this kind of node. */
const struct small_step *small_coord_step(struct small_nodes *nodes, uint32_t from, struct small_event event);
const struct small_step *small_part_step(struct small_nodes *nodes, uint32_t from, struct small_event event);

/* No core runs for a while: its assertions are no longer caught. */
void small_nodes_let_go(struct small_nodes *nodes);
/* What comes of the event is known: it was followed, or nothing comes of it. */
bool small_coord_knows(const struct small_nodes *nodes, uint32_t from, struct small_event event);
bool small_part_knows(const struct small_nodes *nodes, uint32_t from, struct small_event event);
/* Runs the step's core once more, so that its failed assertion is said on stderr. */
void small_nodes_repeat(struct small_nodes *nodes, uint32_t from, struct small_event event);

/* What the store may answer to operation `index` of the queue; returns how many there are. */
uint32_t small_part_answers(const struct small_part *part, uint32_t index, enum vow_store_result results[3]);
/* How often a service wants to work in the transaction. */
uint32_t small_joins_max(const struct small_config *config);
bool small_part_may_join(const struct small_config *config, const struct small_part *part);
/* How much of its last writes may survive a crash: the arg of SMALL_PART_CRASH is below. */
uint32_t small_part_survivors(const struct small_part *part);

/* --- between the files of the nodes --- */

void small_coord_first(struct small_nodes *nodes);
void small_part_first(struct small_nodes *nodes);
void small_coord_run(struct small_nodes *nodes, uint32_t from, struct small_event event, struct small_step *step);
void small_part_run(struct small_nodes *nodes, uint32_t from, struct small_event event, struct small_step *step);
/* The first rule that a step breaks stays. */
void small_break_rule(struct small_step *step, const char *rule, const char *what);
/* An alarm breaks a rule, too, unless a message that came twice is enough for it. */
void small_alarm(struct small_step *step, const char *what);
void small_send(struct small_step *step, uint32_t peer, uint32_t message);

/* Send `i` of a step, as the world sees it: an event of whoever receives it. A participant asks itself nothing: then
 * the kind is 0. */
struct small_event small_letter(struct small_nodes *nodes, struct small_event event, const struct small_step *step,
                                uint32_t i);

#endif
