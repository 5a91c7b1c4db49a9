/* Thousands of small random worlds. VOW_SEED=n runs that one alone. */
#include <criterion/criterion.h>
#include <inttypes.h>
#include <stdlib.h>

#include "model.h"

#define WORLDS 3000

static void run_one(uint64_t seed, struct model_totals *totals)
{
    char why[256];

    cr_assert_eq(model_run(seed, totals, why, sizeof(why)), 0, "seed %" PRIu64 ": %s", seed, why);
}

Test(worlds, no_two_decisions_and_everything_ends)
{
    struct model_totals totals = {0};
    const char *only = getenv("VOW_SEED");

    if (only != NULL) {
        run_one(strtoull(only, NULL, 10), &totals);
        return;
    }
    for (uint64_t seed = 1; seed <= WORLDS; seed++)
        run_one(seed, &totals);
    /* A run that never met the trouble it is for proves nothing. */
    cr_expect_gt(totals.committed, WORLDS);
    cr_expect_gt(totals.aborted, WORLDS / 4);
    cr_expect_gt(totals.crashes, WORLDS);
    cr_expect_gt(totals.restarts, WORLDS);
    cr_expect_gt(totals.repeats, WORLDS);
    cr_expect_gt(totals.lookups, WORLDS / 4);
    cr_expect_gt(totals.one_phase, WORLDS / 4);
    cr_expect_gt(totals.limits_changed, WORLDS / 4);
}
