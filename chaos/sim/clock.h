/*
 * The time of a world. clock.c implements proto/net/clock.h for the program that it is linked into: whatever the code
 * under test reads there is the virtual time of the node that runs just now, and its random bytes are the seed's.
 */
#ifndef VOW_CHAOS_SIM_CLOCK_H
#define VOW_CHAOS_SIM_CLOCK_H

#include <stdint.h>

#include "chaos/sim/rng.h"

/* From here on it is this late. A wall clock may jump, the monotonic one never does. */
void sim_clock_set(uint64_t monotonic_us, uint64_t wall_us);
/* What vow_random_bytes() gives from here on. */
void sim_clock_set_random(struct sim_rng rng);

#endif
