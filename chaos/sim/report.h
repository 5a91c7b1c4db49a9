/* What a sweep has found, for people and as JSON. */
#ifndef VOW_CHAOS_SIM_REPORT_H
#define VOW_CHAOS_SIM_REPORT_H

#include <stdio.h>

#include "chaos/sim/sweep.h"

/* The exit codes of vow-chaos. */
enum sim_exit { SIM_EXIT_HELD = 0, SIM_EXIT_VIOLATED = 1, SIM_EXIT_USAGE = 2, SIM_EXIT_INVALID = 3 };

enum sim_exit sim_report_exit(const struct sim_sweep *sweep);
void sim_report_print(const struct sim_sweep *sweep, FILE *out);
void sim_report_json(const struct sim_sweep *sweep, FILE *out);

#endif
