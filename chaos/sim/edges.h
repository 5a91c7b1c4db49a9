/*
 * Which edges of the state tables (coord.def, branch.def, saga.def, step.def) a world took, told by MOVED alone. An
 * edge that no world takes is a part of the protocol that nothing here proves: docs/simulator.md lists those, each with
 * its reason. Edges that stay in their state are no moves and are not told of: the tests of the cores drive each.
 */
#ifndef VOW_CHAOS_SIM_EDGES_H
#define VOW_CHAOS_SIM_EDGES_H

#include "chaos/sim/seen.h"

/* All tables together; sim_edges_begin() checks that they have not outgrown it. */
#define SIM_EDGES_MAX 1024u

struct sim_edges {
    uint64_t taken[SIM_EDGES_MAX / 64]; /* bit by number */
};

void sim_edges_begin(struct sim_edges *edges);
/* A sim_see_fn. */
void sim_edges_see(void *edges, const struct sim_sight *sight);

/* Edges have numbers: the coordinator's first, then the participant's, the saga's and the step's, in the order of the
 * tables. */
uint32_t sim_edges_len(void);
static inline bool sim_edges_has(const struct sim_edges *edges, uint32_t number)
{
    return (edges->taken[number / 64] >> number % 64 & 1) != 0;
}
/* It leads to another state. */
bool sim_edge_moves(uint32_t number);
/* "coordinator: PREPARING VOTE_YES DECIDING", as snprintf(). */
int sim_edge_print(uint32_t number, char *text, size_t size);

#endif
