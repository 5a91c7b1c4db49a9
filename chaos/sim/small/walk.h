/* Walks through a small world that is too large to be searched whole: a sample of it, by seed. */
#ifndef VOW_CHAOS_SIM_SMALL_WALK_H
#define VOW_CHAOS_SIM_SMALL_WALK_H

#include "chaos/sim/small/world.h"

/* One walk for each seed that the configuration names. What a search looks at is looked at in each state that is
 * reached; a way to a broken rule is printed to `trace`, if that is not NULL. Returns 0 if all held, else 1. */
int small_walk(struct small_nodes *nodes, struct small_report *report, FILE *trace);

#endif
