/* Small worlds on the command line of vow-chaos sim. */
#ifndef VOW_CHAOS_SIM_SMALL_COMMAND_H
#define VOW_CHAOS_SIM_SMALL_COMMAND_H

#include "chaos/sim/small/small.h"

/* "N", "N,C,P" or "N,C,P,T". False if it is none or out of range. */
bool sim_small_read(const char *text, struct small_config *config);
/* "shipped", "joined" or "one-phase". */
bool sim_small_read_work(const char *text, struct small_config *config);
/* "names" or "all". */
bool sim_small_read_keep(const char *text, struct small_config *config);
bool sim_small_read_breaks(const char *text, struct small_config *config);
/* Searches, prints, and returns the exit status. */
int sim_small_command(const struct small_config *config, bool json);

#endif
