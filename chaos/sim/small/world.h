/*
 * A state of a whole small world: the numbers of its nodes' states, the messages that were sent, what has happened so
 * far that a rule speaks of, and the faults that may still come.
 */
#ifndef VOW_CHAOS_SIM_SMALL_WORLD_H
#define VOW_CHAOS_SIM_SMALL_WORLD_H

#include "chaos/sim/small/node.h"

/* .flags */
#define SMALL_F_TOLD_COMMITTED (UINT64_C(1) << 0)
#define SMALL_F_TOLD_ABORTED (UINT64_C(1) << 1)
#define SMALL_F_COMMIT_LOGGED (UINT64_C(1) << 2) /* submitted by this life of the coordinator, or durable */
#define SMALL_F_COMMIT (UINT64_C(1) << 3)        /* durable */
#define SMALL_F_END (UINT64_C(1) << 4)           /* durable */
#define SMALL_F_SAID_ABORT (UINT64_C(1) << 5)
#define SMALL_F_CLIENT_LOST (UINT64_C(1) << 6)
#define SMALL_F_BEGUN (UINT64_C(1) << 7)
#define SMALL_F_QUIET (UINT64_C(1) << 8) /* no crash is left, and nodes are in states of quiet.h */
/* and of each participant, from bit small_f(peer, 0): */
enum small_part_flag {
    SMALL_P_YES, /* PREPARED was durable */
    SMALL_P_READ_ONLY,
    SMALL_P_COMMITTED,
    SMALL_P_ABORTED, /* after PREPARED */
    SMALL_P_MEMO,
    SMALL_P_TOLD,    /* two bits: operations that the client was told of */
    SMALL_P_OPS = 7, /* two bits: operations in PREPARED */
    SMALL_P_FLAGS = 9
};
static inline uint32_t small_f(uint32_t peer, enum small_part_flag flag)
{
    return 16 + peer * SMALL_P_FLAGS + (uint32_t)flag;
}

/* Faults that are left; a state with more of each can do all that one with fewer can. */
enum small_budget {
    SMALL_B_COORD,
    SMALL_B_PART, /* one for each participant */
    SMALL_B_BREAKS = SMALL_B_PART + SMALL_PARTICIPANTS_MAX,
    SMALL_B_CRASHES = SMALL_B_BREAKS + SMALL_PARTICIPANTS_MAX,
    SMALL_BUDGETS
};

/* Flags that only make a breach more likely, and have no say in what happens next: a state with more of them stands for
 * one with fewer. */
static inline uint64_t small_world_harm(void)
{
    uint64_t harm = SMALL_F_TOLD_COMMITTED | SMALL_F_TOLD_ABORTED | SMALL_F_SAID_ABORT;

    for (uint32_t i = 0; i < SMALL_PARTICIPANTS_MAX; i++)
        harm |= UINT64_C(1) << small_f(i, SMALL_P_ABORTED);
    return harm;
}

struct small_world {
    uint64_t flags;
    uint32_t coord, parts[SMALL_PARTICIPANTS_MAX];
    uint32_t sets[SMALL_PARTICIPANTS_MAX]; /* of messages, sent to or by each participant */
    uint8_t budget[SMALL_BUDGETS];
    uint8_t zero[4]; /* states are compared byte by byte, so that there may be no padding */
};

/* What each participant is called where a way through worlds is printed (turn.h). */
struct small_names {
    uint8_t of[SMALL_PARTICIPANTS_MAX];
};

/* A rule that does not hold; all NULL if all do. */
struct small_breach {
    const char *rule, *what;
};

/* What the coordinator, or a participant, can do in this world. */
const struct small_memo *small_memo_of(const struct small_nodes *nodes, const struct small_world *world, bool is_coord);
void small_world_first(const struct small_nodes *nodes, struct small_world *world);
/* All that can happen next. Returns how many. */
uint32_t small_world_moves(const struct small_nodes *nodes, const struct small_world *world,
                           struct small_move moves[SMALL_EVENTS_MAX]);
/* What follows from it, and whether that is allowed. */
struct small_breach small_world_step(struct small_nodes *nodes, struct small_world *world, struct small_event event);
/* The same, by one of small_world_moves(). */
struct small_breach small_world_move(struct small_nodes *nodes, struct small_world *world, struct small_move move);
/* Leaves out what makes no difference any more, and lets nodes rise, which is printed to trace, if that is not NULL. */
void small_world_settle(struct small_nodes *nodes, struct small_world *world, const struct small_names *names,
                        FILE *trace);

/* From where runs without faults have ended; and what was decided and done, there and before. */
struct small_ends {
    struct small_map from, outcomes;
    uint64_t outcomes_digest; /* in whatever order they were found */
};

/* Runs on without a fault, every message that is sent now arriving and every timer running out in its turn: all must
 * end. What happens is printed to trace, if that is not NULL. */
struct small_breach small_world_ends(struct small_nodes *nodes, const struct small_world *world,
                                     struct small_ends *ends, const struct small_names *names, FILE *trace);
void small_ends_deinit(struct small_ends *ends);

/* What a step shows against what happened before. */
struct small_breach small_check(const struct small_nodes *nodes, struct small_world *world, struct small_event event,
                                const struct small_step *step);
/* Flags that no rule can read any more, whatever follows: to know them makes no difference (live variables). Once a
 * flag is one of them it stays so. */
uint64_t small_flags_spent(const struct small_nodes *nodes, const struct small_world *world);
/* How it has ended. */
struct small_breach small_check_end(const struct small_nodes *nodes, const struct small_world *world);

/* One line: what happened, and where that leaves the nodes; the participants are called so. */
void small_print(const struct small_nodes *nodes, const struct small_world *world, struct small_event event,
                 const struct small_names *names, FILE *trace);

#endif
