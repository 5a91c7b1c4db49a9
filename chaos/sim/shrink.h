/*
 * Cutting a failing scenario down (delta debugging): what can be taken out while the same failure remains is taken out.
 * Classes of faults, actions of the plan, transactions, nodes, and faults of single frames and commits, again and again
 * until nothing more goes, or until so many runs were made. It knows nothing of worlds: somebody else says what fails.
 */
#ifndef VOW_CHAOS_SIM_SHRINK_H
#define VOW_CHAOS_SIM_SHRINK_H

#include <stdbool.h>
#include <stdint.h>

#include "chaos/sim/scenario.h"

/* True if the scenario fails as the first one did. noise, unless NULL, is filled with what had a fault in it. */
typedef bool sim_fails_fn(void *ctx, const struct sim_scenario *scenario, struct sim_noise *noise);

struct sim_shrink {
    struct sim_scenario scenario; /* one that fails; the smallest found so far */
    sim_fails_fn *fails;
    void *ctx;
    uint32_t runs_max;
    uint32_t runs; /* made so far */
    bool is_spent; /* more could be tried, but for runs_max */
};

void sim_shrink_run(struct sim_shrink *shrink);

/* True if what is asked about remains when only these items are left. */
typedef bool sim_remains_fn(void *ctx, const uint32_t *items, uint32_t len);
/* Leaves items of which none can be taken out alone, in their order; returns how many. */
uint32_t sim_shrink_items(uint32_t *items, uint32_t len, sim_remains_fn *remains, void *ctx);

/* What a scenario is made of, for people. */
struct sim_size {
    uint32_t classes, actions, transactions, nodes, noise;
    bool is_listed; /* false: noise is not known */
};
struct sim_size sim_scenario_size(const struct sim_scenario *scenario);

#endif
