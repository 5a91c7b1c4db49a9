/*
 * When no crash is left, nobody can tell what lies on a disk from what is on its way there, nor what only a restart
 * would ask for. So then nodes are folded once more (fold.h), as they are without any crash: a state of a world whose
 * last crash was used goes on with what its nodes' states stand for there.
 */
#ifndef VOW_CHAOS_SIM_SMALL_QUIET_H
#define VOW_CHAOS_SIM_SMALL_QUIET_H

#include "chaos/sim/small/node.h"

/* After small_fold(): fills .coord_quiet and .part_quiet, whose states are some of those that it left. */
void small_quiet(struct small_nodes *nodes);

#endif
