/* What was done in time, and what was not. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>

#include "chaos/measure/metrics.h"
#include "hand.h"

static struct measure_run run;

static void begin(void)
{
    measure_run_init(&run);
}

static void end(void)
{
    measure_run_deinit(&run);
}

TestSuite(goodput, .init = begin, .fini = end);

/* `per_bin` answers in each bin of [from, to). */
static void answers(uint64_t from_ms, uint64_t to_ms, unsigned per_bin)
{
    for (uint64_t ms = from_ms; ms < to_ms; ms += 100)
        for (unsigned i = 0; i < per_bin; i++)
            (void)hand_op(&run, "a", ms + i, ms + i + 5, MEASURE_COMMITTED);
}

static struct measure_goodput make(uint64_t to_ms)
{
    (void)hand_op(&run, "last", to_ms, 0, MEASURE_UNKNOWN);
    measure_run_settle(&run);
    return measure_goodput(&run);
}

Test(goodput, is_what_was_answered_for_good_within_the_load)
{
    answers(0, 2000, 4);
    (void)hand_op(&run, "b", 100, 150, MEASURE_ABORTED);
    (void)hand_op(&run, "c", 100, 150, MEASURE_UNKNOWN);
    (void)hand_op(&run, "d", 100, 9000, MEASURE_COMMITTED);
    const struct measure_goodput found = make(2000);
    cr_expect_float_eq(found.per_s, 40, 1e-9);
    cr_expect(isnan(found.dip_depth));
    cr_expect_eq(found.gap_ms, 0);
}

/*
 * 10 in each bin; none for 1 s from the fault on; 4 in each for 2 s after it was healed; then 20, since there is a
 * backlog. From 5,400 on a second has 6 * 4 + 4 * 20 of 100. Until then 10 * 10 and 14 * 6 orders are missing: what is
 * caught up later was late.
 */
Test(goodput, a_dip_is_measured_against_what_was_before_the_fault)
{
    answers(0, 3000, 10);
    answers(4000, 6000, 4);
    answers(6000, 12000, 20);
    (void)hand_death(&run, "vowd", 3000, 4000);
    const struct measure_goodput found = make(12000);
    cr_expect_float_eq(found.baseline_per_s, 100, 1e-9);
    cr_expect_float_eq(found.dip_depth, 1, 1e-9);
    cr_expect_eq(found.gap_ms, 1000);
    cr_expect_float_eq(found.recovered_ms, 2400, 1e-9);
    cr_expect_float_eq(found.dip_area, 184, 1e-9);
}

Test(goodput, without_a_recovery_the_dip_lasts_to_the_end)
{
    answers(0, 2000, 10);
    answers(2000, 4000, 3);
    (void)hand_death(&run, "vowd", 2000, 2500);
    const struct measure_goodput found = make(4000);
    cr_expect(isnan(found.recovered_ms));
    cr_expect_float_eq(found.dip_depth, 0.7, 1e-9);
    cr_expect_float_eq(found.dip_area, 140, 1e-9);
    cr_expect_eq(found.gap_ms, 0);
}

Test(goodput, a_fault_that_nobody_notices_is_no_dip)
{
    answers(0, 4000, 10);
    (void)hand_death(&run, "vowd", 2000, 2000);
    const struct measure_goodput found = make(4000);
    cr_expect_eq(found.dip_depth, 0);
    cr_expect_eq(found.dip_area, 0);
    cr_expect_eq(found.recovered_ms, 0);
}

/* 10 in each bin, then 9 and 10 in turn while the coordinator is away: that is chance. */
Test(goodput, what_chance_makes_is_no_dip)
{
    answers(0, 2000, 10);
    for (uint64_t ms = 2000; ms < 4000; ms += 200) {
        answers(ms, ms + 100, 9);
        answers(ms + 100, ms + 200, 10);
    }
    answers(4000, 6000, 10);
    (void)hand_death(&run, "vowd", 2000, 4000);
    const struct measure_goodput found = make(6000);
    cr_expect_eq(found.dip_depth, 0);
    cr_expect_eq(found.dip_area, 0);
    cr_expect_eq(found.recovered_ms, 0);
}

Test(goodput, less_than_a_second_is_no_baseline)
{
    answers(0, 3000, 10);
    (void)hand_death(&run, "vowd", 800, 900);
    cr_expect(isnan(make(3000).baseline_per_s));
}

/* Due at 0, sent at 90 because those before it were stuck, answered at 100: a client has waited for 100 ms. */
Test(goodput, latency_is_from_when_an_order_was_due)
{
    struct measure_op *op = hand_op(&run, "a", 0, 100, MEASURE_COMMITTED);
    op->start_us = MS(90);
    (void)make(5000);
    cr_expect_eq(measure_latency(&run).p50.us, MS(100));
}

Test(goodput, who_was_never_answered_waits_still)
{
    (void)hand_op(&run, "a", 0, 10, MEASURE_COMMITTED);
    (void)hand_op(&run, "b", 0, 20, MEASURE_REJECTED);
    (void)make(5000);
    run.end_us = MS(6000);
    const struct measure_survival found = measure_latency(&run);
    cr_expect_eq(found.len, 2);
    cr_expect_eq(found.max.us, MS(1000));
    cr_expect(found.max.is_at_least);
}
