/*
 * A scenario: one world written down, so that it can be run again without its being drawn: the seed, the options that
 * differ from what the seed draws, the plan of faults as it shall be, and what is left out. A file of text:
 *
 *     vow-scenario 1
 *     # comments, one a line
 *     seed 4711
 *     failed I07                       what was violated; may be left out
 *     option loss 0                    any number, in the order of options.def
 *     action 3 KILL 1 - 250000 5000    its number for draws, kind, node, peer or -, microsecond, amount
 *     skip 2 5                         transaction 5 of client 2 does not take place
 *     noise listed                     no frame and no commit has a fault but those that follow
 *     frame 123
 *     commit 1 2 17                    of node 1 in its second life
 *     hash 0123456789abcdef            of the trace when it was saved; may be left out
 *     end
 *
 * Lines come in this order. A file that is not exactly this is refused with its line and the reason.
 */
#ifndef VOW_CHAOS_SIM_SCENARIO_H
#define VOW_CHAOS_SIM_SCENARIO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "chaos/sim/options.h"
#include "chaos/sim/plan.h"

#define SIM_SCENARIO_VERSION 1
#define SIM_SCENARIO_BYTES_MAX ((size_t)256 * 1024)
#define SIM_INVARIANT_SIZE 32
#define SIM_NODES_OF_SCENARIO_MAX 16

struct sim_scenario {
    struct sim_options options;
    struct sim_plan plan;
    char failed[SIM_INVARIANT_SIZE]; /* "" = nothing is said */
    bool has_hash;
    uint64_t hash;
};

struct sim_scenario_error {
    uint32_t line; /* from 1 */
    char text[160];
};

/* What the seed draws. */
void sim_scenario_of_seed(struct sim_scenario *scenario, uint64_t seed);
/* That one is of transactions; this one of whatever is asked for. */
void sim_scenario_of_world(struct sim_scenario *scenario, uint64_t seed, enum sim_protocol protocol);
void sim_scenario_print(const struct sim_scenario *scenario, FILE *out);
/* False: error says where and why, and the scenario is not to be used. */
bool sim_scenario_parse(struct sim_scenario *scenario, const char *text, size_t len, struct sim_scenario_error *error);
/* The same of a file; line 0: it cannot be read. */
bool sim_scenario_load(struct sim_scenario *scenario, const char *path, struct sim_scenario_error *error);

#endif
