/*
 * Many worlds: a range of seeds, in as many processes as there are processors. A world that ends its process (an assert
 * of ours, a sanitizer) is a failure of its seed, and the sweep goes on with the next.
 *
 * A sweep that is_first is over when its lowest failing seed is known: the same one in any number of processes, for the
 * seeds below it are all run. What else it counts depends on how far the other processes had come.
 */
#ifndef VOW_CHAOS_SIM_SWEEP_H
#define VOW_CHAOS_SIM_SWEEP_H

#include "chaos/sim/run.h"

#define SIM_FAILURES_MAX 20

typedef void sim_sweep_run_fn(struct sim_world *world, uint64_t seed, FILE *trace, struct sim_result *result);

struct sim_sweep {
    enum sim_protocol protocol; /* that the worlds are about: sim_run_protocol() has said so */
    uint64_t first, last;
    uint32_t jobs;
    bool is_first;         /* one failure is enough: no seed above the lowest that failed is begun */
    sim_sweep_run_fn *run; /* NULL: sim_run_seed() */
    bool is_verbose;       /* a terminal looks on */
    /* Filled: */
    uint64_t seeds, shorts;
    uint64_t hash; /* of all traces, in whatever order they came */
    struct sim_totals totals;
    uint64_t hits[SIM_FAULTS], planned[SIM_FAULTS];
    uint64_t marks[SIM_MARKS];     /* worlds that met the fault */
    uint64_t edges[SIM_EDGES_MAX]; /* worlds that took the edge */
    uint64_t failures;
    struct sim_result failed[SIM_FAILURES_MAX]; /* the first ones, by seed */
    double seconds;
};

/* Returns 0, or VOW_E_SYSTEM. */
int sim_sweep_run(struct sim_sweep *sweep);
/* True if a fault that enough worlds meant to have has hit none. */
bool sim_sweep_has_missed(const struct sim_sweep *sweep, enum sim_fault fault);

/* True if so many worlds should have met it, and none has (I31). */
bool sim_sweep_has_missed_mark(const struct sim_sweep *sweep, enum sim_mark mark);

#endif
