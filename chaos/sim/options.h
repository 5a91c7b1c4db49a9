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
#define OPTION(name, least, most, text) uint32_t name;
#include "chaos/sim/options.def"
#undef OPTION
};

/* What worlds are about. ALL: transactions, sagas or both, each in a third of the worlds, and in half of them events,
 * too. EVENTS: events, in two thirds of the worlds beside transactions or sagas. */
enum sim_protocol { SIM_PROTOCOL_2PC, SIM_PROTOCOL_SAGA, SIM_PROTOCOL_EVENTS, SIM_PROTOCOL_ALL };
bool sim_protocol_read(const char *name, enum sim_protocol *protocol);
const char *sim_protocol_name(enum sim_protocol protocol);

/* Those of a world of transactions. */
void sim_options_draw(struct sim_options *options, uint64_t seed);
/* And of one with sagas, from streams of their own: what is drawn for transactions stays as it is. */
void sim_options_draw_for(struct sim_options *options, uint64_t seed, enum sim_protocol protocol);
static inline bool sim_has_sagas(const struct sim_options *options)
{
    return options->saga_clients > 0;
}
static inline bool sim_has_events(const struct sim_options *options)
{
    return options->events > 0;
}
/* One option, and what may stand in a scenario for it. */
struct sim_option {
    const char *name;
    uint32_t least, most;
    size_t offset;
};
/* NULL: there are no more, or none of that name. */
const struct sim_option *sim_option_at(uint32_t index);
const struct sim_option *sim_option_find(const char *name);
uint32_t sim_option_get(const struct sim_options *options, const struct sim_option *option);
void sim_option_set(struct sim_options *options, const struct sim_option *option, uint32_t value);
/* The options of a name list: "name=value name=value ...". Returns what snprintf() would. */
int sim_options_print(const struct sim_options *options, char *text, size_t size);

#endif
