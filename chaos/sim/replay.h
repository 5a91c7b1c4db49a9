/* vow-chaos sim --replay and --shrink: what is done with one world that failed. */
#ifndef VOW_CHAOS_SIM_REPLAY_H
#define VOW_CHAOS_SIM_REPLAY_H

#include <stdbool.h>
#include <stdint.h>

#include "chaos/sim/scenario.h"

/* Both return the exit status. */
int sim_replay(const char *path, bool with_trace);
/* Of a seed, or of a scenario; `name` is that of the files in out/sim. */
int sim_shrink_scenario(const struct sim_scenario *scenario, const char *name, uint32_t runs_max);
int sim_shrink_seed(uint64_t seed, enum sim_protocol protocol, uint32_t runs_max);
int sim_shrink_file(const char *path, uint32_t runs_max);

#endif
