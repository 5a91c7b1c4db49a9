/*
 * How far a world has come, as a number that never falls, whatever happens: of states of a node that lead to each other
 * all have the same, those that they lead to for good have a higher one. So a search that goes on with the lowest of
 * what is left has found all that can ever cover a state before it looks at it, but for those of its own rank, and what
 * lies lower is never met again and need not be kept (the sweep-line method of Christensen, Kristensen and Mailund,
 * 2001).
 */
#ifndef VOW_CHAOS_SIM_SMALL_RANK_H
#define VOW_CHAOS_SIM_SMALL_RANK_H

#include "chaos/sim/small/world.h"

/* After small_turns_find(): fills .rank and .ranks of all kinds of nodes. Counterparts have the same. */
void small_ranks_find(struct small_nodes *nodes);
/* Below small_ranks(). Those that are alike (shelf.h) have the same. */
uint32_t small_world_rank(const struct small_nodes *nodes, const struct small_world *world);
uint32_t small_ranks(const struct small_nodes *nodes);

#endif
