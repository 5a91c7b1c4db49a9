/* The files of the world among themselves. */
#ifndef VOW_CHAOS_SIM_WORLD_PRIVATE_H
#define VOW_CHAOS_SIM_WORLD_PRIVATE_H

#include "chaos/sim/world.h"

/* The wall clocks begin here: some day in 2026. */
#define WALL_US UINT64_C(1790000000000000)

/* --- node.c --- */

void node_start(struct sim_world *world, struct sim_node *node);
void node_start_later(struct sim_world *world, struct sim_node *node, uint64_t delay_us);
/* An event of a node whose process stands still waits until it goes on. */
void node_park(struct sim_world *world, struct sim_node *node, const struct sim_event *event);
void node_drop_parked(struct sim_node *node);
/* The node meets it, if it is still for this life of it. */
void node_event(struct sim_world *world, struct sim_node *node, const struct sim_event *event);

#endif
