/*
 * The ledger of a world's sagas: what the stream of sights has told of each, per step and direction. It only remembers;
 * what must not be is for check_saga*.c to say. Moments are those of book.h: the first time, 0 = it has not been.
 */
#ifndef VOW_CHAOS_SIM_LEDGER_H
#define VOW_CHAOS_SIM_LEDGER_H

#include "chaos/sim/book.h"

#define LEDGER_STEPS_MAX 16

/* A step in one direction. */
struct ledger_side {
    book_moment sent;        /* STEP, first */
    uint32_t sent_life;      /* of the coordinator, the newest */
    book_moment taken;       /* its effect is durable at the participant, as the store or the disk has said */
    book_moment recorded;    /* the participant's word on it is durable: the effect, or that there is none to undo */
    book_moment rejected;    /* likewise: it is refused for good (REJECTED, TOO_LATE) */
    book_moment fated;       /* the coordinator's record of it is durable */
    enum vow_saga_fate fate; /* the newest of them */
    book_moment answered;    /* STEP_DONE with an end of it has come to the coordinator's core */
};

struct ledger_step {
    enum vow_step_kind kind;
    uint32_t stage;
    uint8_t node; /* who does it */
    int64_t amount;
    struct ledger_side action, compensation;
};

struct ledger_saga {
    struct ledger_saga *next, *hash_next;
    struct vow_gtrid gtrid;
    uint8_t coord, client;
    const char *key; /* under which it was asked for; "" = none */
    uint32_t steps_len;
    struct ledger_step steps[LEDGER_STEPS_MAX];
    book_moment begun;  /* BEGIN is durable */
    book_moment failed; /* TURN is, or that an action is REJECTED or UNKNOWN */
    book_moment knows;  /* and the coordinator's core of this life was told so, or recovered it */
    book_moment close_ordered;
    book_moment ended;      /* END is durable */
    enum vow_saga_state is; /* and this is what it says */
    enum vow_saga_state told;
    book_moment told_at; /* a client was told of its end */
};

struct sim_ledger {
    struct sim_memory *memory;
    const struct sim_book *book;
    struct ledger_saga *sagas, **sagas_last;
    struct ledger_saga **table;
    book_moment disk_read[SIM_NODES_MAX]; /* its disk was, in any life, the newest */
};

void sim_ledger_init(struct sim_ledger *ledger, struct sim_memory *memory, const struct sim_book *book);
/* Enters a sight. A DISK sight only adds: what a crash in the middle of a commit has left there after all. */
void sim_ledger_see(struct sim_ledger *ledger, const struct sim_sight *sight);

/* NULL if it was never seen. */
struct ledger_saga *sim_ledger_find(const struct sim_ledger *ledger, const struct vow_gtrid *gtrid);
/* NULL if it has no such step. */
struct ledger_step *sim_ledger_step(struct ledger_saga *saga, uint32_t number);
static inline struct ledger_side *sim_ledger_side(struct ledger_step *step, enum vow_step_direction direction)
{
    return direction == VOW_STEP_ACTION ? &step->action : &step->compensation;
}
/* An end that everybody may count on: a closed saga is left as it is. */
static inline bool sim_saga_is_whole(const struct ledger_saga *saga)
{
    return saga->ended != 0 && saga->is != VOW_SAGA_CLOSED;
}
/* A disk of it has been harmed, so that it may not hold what was durable: nothing is said of that saga. */
bool sim_saga_is_harmed(const struct sim_ledger *ledger, const struct ledger_saga *saga);
/* The compensatable action may have had its effect, or may have it yet, as far as the coordinator knows. */
bool sim_step_may_be_done(const struct ledger_step *step);

#endif
