/*
 * The options of a world. All of them are drawn from the seed, each class of faults is left out of about half of the
 * worlds (swarm testing: a fault that is always there hides what happens without it).
 */
#ifndef VOW_CHAOS_SIM_OPTIONS_H
#define VOW_CHAOS_SIM_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sim_options {
    uint64_t seed;
#define OPTION(name, text) uint32_t name;
#include "chaos/sim/options.def"
#undef OPTION
};

void sim_options_draw(struct sim_options *options, uint64_t seed);
/* By name. False if there is no such option. */
bool sim_options_set(struct sim_options *options, const char *name, uint32_t value);
/* The options of a name list: "name=value name=value ...". Returns what snprintf() would. */
int sim_options_print(const struct sim_options *options, char *text, size_t size);

#endif
