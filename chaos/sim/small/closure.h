/*
 * All that the nodes of a small world can ever do: their states, each with its moves. A node is followed without the
 * others: any message that any node can send may reach it in any state that does not rule it out by itself. So there is
 * more here than a world can reach, and nothing less; a search looks up what it needs, and runs no core any more.
 */
#ifndef VOW_CHAOS_SIM_SMALL_CLOSURE_H
#define VOW_CHAOS_SIM_SMALL_CLOSURE_H

#include "chaos/sim/small/node.h"

/* Fills the moves of both kinds of nodes. What follows after a broken rule is left out: a search ends there. */
void small_closure(struct small_nodes *nodes);

#endif
