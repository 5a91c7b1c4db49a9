/*
 * Where the cores of nodes live: kept from life to life and from world to world, so that a start asks nothing of the
 * system.
 */
#ifndef VOW_CHAOS_SIM_CORE_MEMORY_H
#define VOW_CHAOS_SIM_CORE_MEMORY_H

#include "chaos/sim/world.h"

enum sim_core { SIM_CORE_COORD, SIM_CORE_SAGAS, SIM_CORE_RELAY, SIM_CORE_BRANCHES, SIM_CORES };

/* Not zeroed; what was there before is void. Without memory the process ends. */
void *sim_core_memory(const struct sim_node *node, enum sim_core core, size_t size);

#endif
