/*
 * What each transaction of a world was seen doing, as a trace that the model of the protocol is asked about
 * (docs/model.md, tests/model/check-traces). Of what is seen only that which the model speaks of is a line.
 *
 * A transaction that left the model is left out, and counted: one-phase commit, an operator's hand in it, a disk of one
 * of its nodes that lied or was tampered with, more participants or steps than a trace has room for.
 */
#ifndef VOW_CHAOS_SIM_MODEL_TRACE_H
#define VOW_CHAOS_SIM_MODEL_TRACE_H

#include <stdbool.h>
#include <stdint.h>

#include "chaos/sim/seen.h"

#define SIM_MODEL_PARTICIPANTS_MAX 5
#define SIM_MODEL_STEPS_MAX 900
#define SIM_MODEL_TXNS_MAX 512

struct sim_model_step {
    uint8_t what, who; /* enum of model_trace.c; the participant, from 1, or 0 */
};

struct sim_model_txn {
    struct vow_gtrid gtrid;
    uint8_t coord;
    bool is_outside; /* the model does not speak of it */
    uint8_t participants_len;
    uint8_t participants[SIM_MODEL_PARTICIPANTS_MAX]; /* their nodes */
    uint32_t steps_len;
    struct sim_model_step steps[SIM_MODEL_STEPS_MAX];
};

struct sim_model_trace {
    uint32_t damaged; /* bit by node */
    bool is_full;     /* later transactions have no room */
    uint32_t txns_len;
    struct sim_model_txn txns[SIM_MODEL_TXNS_MAX];
    enum sim_role roles[SIM_NODES_MAX];
};

void sim_model_trace_begin(struct sim_model_trace *trace);
/* A sim_see_fn; ctx is the struct sim_model_trace. */
void sim_model_trace_see(void *ctx, const struct sim_sight *sight);
/* Writes dir/SEED-NUMBER.trace for each transaction with participants. Adds to the counts of those that were written
 * and of those that were left out. Returns 0, or -1 with errno. */
int sim_model_trace_write(const struct sim_model_trace *trace, const char *dir, uint64_t seed, uint32_t *written,
                          uint32_t *left_out);

#endif
