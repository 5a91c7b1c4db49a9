/*
 * One world from its seed to its result. Whoever watches worlds is added here.
 */
#ifndef VOW_CHAOS_SIM_RUN_H
#define VOW_CHAOS_SIM_RUN_H

#include <stdint.h>
#include <stdio.h>

#include "chaos/sim/edges.h"
#include "chaos/sim/marks.h"
#include "chaos/sim/world.h"

/* Plain data, less than PIPE_BUF: it goes over a pipe in one piece. */
struct sim_result {
    uint64_t seed;
    uint64_t hash; /* of the trace */
    uint64_t sights;
    struct sim_totals totals;
    uint32_t hits[SIM_FAULTS];
    uint64_t planned;       /* bit by fault: this world meant to have it */
    bool marks[SIM_MARKS];  /* the faults of docs/faults.md that it met */
    struct sim_edges edges; /* of the state tables that it took */
    uint32_t violations;
    bool is_short;
    char violation[256];
};

/* Once for each process, before anything else of SQLite. */
void sim_run_prepare(void);
/* What the worlds of seeds are about from here on, in this process and those that it starts. */
void sim_run_protocol(enum sim_protocol protocol);
/* trace: where the options and a line for each sight go, or NULL. */
void sim_run_seed(struct sim_world *world, uint64_t seed, FILE *trace, struct sim_result *result);
/* The same, and somebody else looks on, too. */
void sim_run_seed_seen(struct sim_world *world, uint64_t seed, sim_see_fn *see, void *ctx, struct sim_result *result);
/* The same with options and a plan that are given. */
void sim_run_world(struct sim_world *world, const struct sim_options *options, const struct sim_plan *plan, FILE *trace,
                   struct sim_result *result);

#endif
