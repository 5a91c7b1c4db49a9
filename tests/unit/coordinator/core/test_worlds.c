/* Many small random worlds; VOW_WORLDS=n says how many, VOW_SEED=n runs that one alone. */
#include <criterion/criterion.h>
#include <inttypes.h>
#include <stdlib.h>

#include "model.h"

#define WORLDS 1000

static void run_one(uint64_t seed, struct model_totals *totals)
{
    char why[256];

    cr_assert_eq(model_run(seed, totals, why, sizeof(why)), 0, "seed %" PRIu64 ": %s", seed, why);
}

Test(worlds, no_two_decisions_and_everything_ends)
{
    struct model_totals totals = {0};
    const char *only = getenv("VOW_SEED"), *many = getenv("VOW_WORLDS");
    const uint64_t worlds = many != NULL ? strtoull(many, NULL, 10) : WORLDS;

    if (only != NULL) {
        run_one(strtoull(only, NULL, 10), &totals);
        return;
    }
    for (uint64_t seed = 1; seed <= worlds; seed++)
        run_one(seed, &totals);
    /* A run that never met the trouble it is for proves nothing. */
    cr_expect_gt(totals.committed, worlds);
    cr_expect_gt(totals.aborted, worlds / 4);
    cr_expect_gt(totals.crashes, worlds);
    cr_expect_gt(totals.restarts, worlds);
    cr_expect_gt(totals.repeats, worlds);
    cr_expect_gt(totals.lookups, worlds / 4);
    cr_expect_gt(totals.one_phase, worlds / 4);
    cr_expect_gt(totals.limits_changed, worlds / 4);
}
