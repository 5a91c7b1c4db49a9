/*
 * Small worlds, exhaustively: one coordinator, up to three participants, one transaction, on the real cores. Every
 * order in which messages arrive or do not, every moment at which a timer runs out, a connection breaks, a disk answers
 * or a node dies, is tried, and each state that can be reached is checked (docs/simulator.md, "Small worlds").
 *
 * The disks are models here, small values that can be saved and compared; what lies on them is what the journal and the
 * store keep of one transaction. Not thread-safe, and one search at a time: a failed assertion of a core is caught by a
 * signal handler.
 */
#ifndef VOW_CHAOS_SIM_SMALL_H
#define VOW_CHAOS_SIM_SMALL_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#define SMALL_PARTICIPANTS_MAX 3
/* Of one node. */
#define SMALL_CRASHES_MAX 3

/* How the transaction's work reaches the participants. */
enum small_work {
    SMALL_SHIPPED = 1, /* with PREPARE */
    SMALL_JOINED,      /* by the services themselves, before COMMIT_REQUEST */
    SMALL_ONE_PHASE,   /* shipped, and the id allows one-phase commit; one participant */
};

struct small_config {
    uint32_t participants;  /* 1 to SMALL_PARTICIPANTS_MAX */
    uint32_t coord_crashes; /* at most SMALL_CRASHES_MAX */
    uint32_t part_crashes;  /* of each participant, at most SMALL_CRASHES_MAX */
    uint32_t crashes;       /* of all nodes together; 0 = as many as the two above allow */
    enum small_work work;
    /* Connections that break while both ends live, of each participant; they come back at any moment. */
    uint32_t breaks;
    bool rolls_back;     /* the client may ask for a rollback, too, at any moment */
    bool asks_peers;     /* participants reach one another (protocol 2.6) */
    bool is_whole;       /* states of nodes that nothing can tell apart are not made one: much larger, to compare */
    bool is_apart;       /* nor are states that differ in the names of participants alone */
    bool is_unswept;     /* what lies behind is kept, and looked at in the order in which it was found */
    bool is_loud;        /* nodes are not folded once more when no crash is left */
    bool keeps_flags;    /* what no rule can read any more, too */
    uint64_t states_max; /* the search gives up beyond that; 0 = never */
    /* A bug, for tests: this step of the coordinator's core, or of a participant's (from 1; 0: none), shows that, too
     * (enum small_seen), or breaks a rule if that is 0. */
    uint32_t coord_bug, part_bug, bug_shows;
    /* Instead of a search: walks by chance, one for each of these seeds; 0 = none. */
    uint64_t walk_first, walk_last;
};

struct small_report {
    uint64_t states, transitions; /* of the world: kept as not covered by another, and tried */
    uint64_t looked_at;           /* of those that were found: the others were covered before their turn came */
    uint64_t alike;               /* of the states, with those as one that differ in the names of participants alone */
    uint64_t covered;             /* states that a state with more messages in flight stands for */
    uint64_t coord_states, part_states, core_steps;
    uint64_t walks;
    uint64_t coord_steps, part_steps; /* different ones, for .coord_bug and .part_bug */
    /* What has been decided and done in states of the world, and how runs without faults have ended: how many different
     * ones, and a digest of all. */
    uint64_t outcomes, outcomes_digest;
    uint64_t endings; /* states from which a run without faults was seen to end */
    uint32_t depth;
    bool complete;    /* false: states_max was reached */
    const char *rule; /* NULL if all held; else the number of what did not: "I07" */
    const char *what; /* and in words */
};

/* Searches the world. If a rule is broken, a short way there is printed to `trace` (NULL = not). Returns 0 if all
 * held, 1 if not, -1 if the configuration is out of range. */
int small_search(const struct small_config *config, struct small_report *report, FILE *trace);

#endif
