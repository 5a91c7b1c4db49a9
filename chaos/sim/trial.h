/*
 * A scenario run in a process of its own, which it may end: an assert of ours, or a sanitizer, is a failure like
 * others.
 */
#ifndef VOW_CHAOS_SIM_TRIAL_H
#define VOW_CHAOS_SIM_TRIAL_H

#include "chaos/sim/run.h"
#include "chaos/sim/scenario.h"

#define SIM_TRIAL_WHAT_SIZE 256

struct sim_trial {
    bool has_failed;
    /* What two failures are told apart by: the invariant, or "died" and where. */
    char invariant[SIM_INVARIANT_SIZE];
    char what[SIM_TRIAL_WHAT_SIZE];
    char text[SIM_TRIAL_WHAT_SIZE]; /* for people */
    bool is_trace_cut;              /* the trace could not be written in full; not known of a run that died */
    struct sim_result result;       /* if it did not die */
    struct sim_noise noise;
};

/* trace: where a line for each sight goes, also of a run that dies, or NULL. Returns 0, or VOW_E_SYSTEM. */
int sim_trial_run(const struct sim_scenario *scenario, FILE *trace, struct sim_trial *trial);

#endif
