/* What sagas let out before they have ended, and what they cost. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>

#include "chaos/measure/curves.h"
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

TestSuite(leaking, .init = begin, .fini = end);

static struct measure_anomalies make(void)
{
    measure_run_settle(&run);
    enum measure_outcome *outcomes = measure_outcomes(&run);
    const struct measure_anomalies found = measure_anomalies(&run, outcomes);
    free(outcomes);
    return found;
}

/* b has made its 3 of 1, and a's 2 is not in it. c has made its 4 of 3, as it should. */
Test(leaking, a_lost_update)
{
    hand_write(&run, 10, "a", "k", 2, 1, false);
    hand_write(&run, 11, "b", "k", 3, 1, false);
    hand_write(&run, 12, "c", "k", 4, 3, false);
    hand_write(&run, 12, "c", "other", 3, 2, false);
    cr_expect_eq(make().lost_updates, 1);
}

/* a puts back 1 over b's 3, which it has not seen. */
Test(leaking, a_compensation_that_puts_back_what_was_loses_what_came_between)
{
    hand_write(&run, 10, "a", "k", 2, 1, false);
    hand_write(&run, 11, "b", "k", 3, 2, false);
    hand_write(&run, 12, "a", "k", 4, 1, true);
    cr_expect_eq(make().lost_updates, 1);
}

/* What lies between is its own, and shall be gone. */
Test(leaking, a_compensation_of_the_own_write_loses_nothing)
{
    hand_write(&run, 10, "a", "k", 2, 1, false);
    hand_write(&run, 12, "a", "k", 3, 1, true);
    cr_expect_eq(make().lost_updates, 0);
}

Test(leaking, a_read_of_what_is_undone_later_is_dirty)
{
    hand_write(&run, 10, "a", "k", 2, 1, false);
    hand_read(&run, 11, "b", "k", 2, "a");
    hand_write(&run, 12, "a", "k", 3, 2, true);
    hand_op(&run, "a", 1, 20, MEASURE_COMPENSATED)->amount = 700;
    hand_op(&run, "b", 2, 20, MEASURE_COMPLETED)->amount = 50;
    const struct measure_anomalies found = make();
    cr_expect_eq(found.dirty_reads, 1);
    cr_expect_eq(found.exposure, 700);
    cr_expect_eq(found.orders, 2);
}

Test(leaking, a_read_of_what_was_completed_is_not_dirty)
{
    hand_write(&run, 10, "a", "k", 2, 1, false);
    hand_read(&run, 11, "b", "k", 2, "a");
    (void)hand_op(&run, "a", 1, 20, MEASURE_COMPLETED);
    cr_expect_eq(make().dirty_reads, 0);
}

Test(leaking, a_read_of_what_a_compensation_has_put_back_is_not_dirty)
{
    hand_write(&run, 10, "a", "k", 2, 1, false);
    hand_write(&run, 12, "a", "k", 3, 2, true);
    hand_read(&run, 13, "b", "k", 3, "a");
    hand_read(&run, 14, "a", "k", 2, "a");
    (void)hand_op(&run, "a", 1, 20, MEASURE_COMPENSATED);
    cr_expect_eq(make().dirty_reads, 0);
}

/* The coordinator's word counts: the client of a was not told. */
Test(leaking, how_it_ended_is_what_the_coordinator_says)
{
    hand_read(&run, 11, "b", "k", 2, "a");
    hand(&run, "vowd", 15, MEASURE_SAGA, "a", NULL)->state = MEASURE_UNDONE;
    (void)hand_op(&run, "a", 1, 0, MEASURE_UNKNOWN);
    cr_expect_eq(make().dirty_reads, 1);
}

Test(leaking, two_reads_that_differ_are_fuzzy)
{
    hand_read(&run, 10, "a", "k", 2, "z");
    hand_read(&run, 12, "a", "k", 3, "b");
    hand_read(&run, 13, "a", "k", 4, "b");
    hand_read(&run, 13, "b", "k", 4, "b");
    cr_expect_eq(make().fuzzy_reads, 1);
}

Test(leaking, who_reads_its_own_write_reads_nothing_fuzzy)
{
    hand_read(&run, 10, "a", "k", 2, "z");
    hand_read(&run, 12, "a", "k", 3, "a");
    hand_read(&run, 12, "a", "other", 9, "b");
    cr_expect_eq(make().fuzzy_reads, 0);
}

static void audit(uint64_t ms, int64_t sum)
{
    struct measure_record *record = hand(&run, "auditor", ms, MEASURE_AUDIT, NULL, NULL);
    record->sum = sum;
    record->expected = 1000;
}

/* Wrong from 20 to 40, and from 50 to the end at 70. */
Test(leaking, audits_that_are_wrong)
{
    audit(10, 1000);
    audit(20, 990);
    audit(30, 1030);
    audit(40, 1000);
    audit(50, 999);
    run.end_us = MS(70);
    (void)make();
    const struct measure_audits found = measure_audits(&run);
    cr_expect_eq(found.len, 5);
    cr_expect_float_eq(found.wrong, 0.6, 1e-9);
    cr_expect_float_eq(found.deviation_max, 30, 1e-9);
    cr_expect_float_eq(found.wrong_ms, 40, 1e-9);
}

static void saga(uint64_t ms, const char *id, enum measure_state state)
{
    hand(&run, "vowd", ms, MEASURE_SAGA, id, NULL)->state = state;
}

Test(leaking, sagas_that_turn_back)
{
    saga(1, "a", MEASURE_RUNNING);
    (void)hand(&run, "stock", 5, MEASURE_STEP, "a", NULL);
    (void)hand(&run, "payment", 7, MEASURE_STEP, "a", NULL);
    saga(10, "a", MEASURE_DONE);
    saga(1, "b", MEASURE_RUNNING);
    (void)hand(&run, "stock", 5, MEASURE_STEP, "b", NULL);
    saga(10, "b", MEASURE_COMPENSATING);
    saga(40, "b", MEASURE_UNDONE);
    saga(50, "c", MEASURE_COMPENSATING);
    saga(60, "c", MEASURE_HALTED);
    (void)hand_op(&run, "a", 1, 20, MEASURE_COMPLETED);
    (void)hand_op(&run, "b", 1, 20, MEASURE_COMPENSATED);
    (void)hand_op(&run, "c", 1, 0, MEASURE_STUCK);
    run.end_us = MS(1050);
    (void)make();
    const struct measure_sagas found = measure_sagas(&run);
    cr_expect_eq(found.len, 3);
    cr_expect_eq(found.stuck, 1);
    cr_expect_float_eq(found.compensated, 0.5, 1e-9);
    cr_expect_eq(found.compensation.p50.us, MS(30));
    cr_expect_eq(found.compensation.censored, 1);
    cr_expect_eq(found.visible.p50.us, MS(5));
    cr_expect_eq(found.visible.max.us, MS(35));
}

static void cost(const char *node, uint64_t ms, uint64_t fsyncs, uint64_t msgs_out)
{
    hand(&run, node, ms, MEASURE_COST, NULL, NULL)->cost =
        (struct measure_cost){.fsyncs = fsyncs, .msgs_out = msgs_out, .cpu_us = 1000 * fsyncs};
}

/* Counters begin anew with a life. */
Test(leaking, costs_are_of_all_lives_and_nodes)
{
    hand_life(&run, "vowd", 1, true);
    cost("vowd", 10, 5, 10);
    cost("vowd", 20, 8, 20);
    hand_life(&run, "vowd", 30, true);
    cost("vowd", 40, 2, 4);
    hand_life(&run, "stock", 1, false);
    cost("stock", 40, 10, 6);
    (void)hand_op(&run, "a", 1, 20, MEASURE_COMMITTED);
    (void)hand_op(&run, "b", 1, 20, MEASURE_ABORTED);
    (void)hand_op(&run, "c", 1, 0, MEASURE_UNKNOWN);
    (void)make();
    const struct measure_costs found = measure_costs(&run);
    cr_expect_float_eq(found.fsyncs, 10, 1e-9);
    cr_expect_float_eq(found.msgs, 15, 1e-9);
    cr_expect_float_eq(found.cpu_ms, 10, 1e-9);
}

Test(leaking, what_was_not_recorded_is_not_zero)
{
    (void)hand_op(&run, "a", 1, 20, MEASURE_COMMITTED);
    cr_expect_not(make().is_seen);
    cr_expect(isnan(measure_costs(&run).fsyncs));
    cr_expect(isnan(measure_audits(&run).wrong));
}

/* --- Write skew --- */

static void read_and_write(uint64_t ms, const char *id, const char *key, int64_t version)
{
    hand_read(&run, ms, id, key, version, "z");
    hand_write(&run, ms, id, key, version + 1, version, false);
}

static size_t skews(void)
{
    measure_run_settle(&run);
    enum measure_outcome *outcomes = measure_outcomes(&run);
    const size_t found = measure_write_skews(&run, outcomes);
    free(outcomes);
    return found;
}

static void two_orders(enum measure_outcome of_b)
{
    (void)hand_op(&run, "a", 1, 90, MEASURE_COMPLETED);
    (void)hand_op(&run, "b", 1, 90, of_b);
}

/* a takes the goods first, b the money: neither came before the other. */
Test(leaking, orders_that_pass_each_other_are_skewed)
{
    read_and_write(10, "a", "item", 1);
    read_and_write(20, "b", "item", 2);
    read_and_write(30, "b", "account", 1);
    read_and_write(40, "a", "account", 2);
    two_orders(MEASURE_COMPLETED);
    cr_expect_eq(skews(), 1);
}

/* The classic one: each reads both, and writes what the other has read. */
Test(leaking, orders_that_write_what_the_other_has_read_are_skewed)
{
    hand_read(&run, 10, "a", "x", 1, "z");
    hand_read(&run, 10, "a", "y", 1, "z");
    hand_read(&run, 11, "b", "x", 1, "z");
    hand_read(&run, 11, "b", "y", 1, "z");
    hand_write(&run, 12, "a", "x", 2, 1, false);
    hand_write(&run, 13, "b", "y", 2, 1, false);
    two_orders(MEASURE_COMPLETED);
    cr_expect_eq(skews(), 1);
}

Test(leaking, orders_one_after_the_other_are_not_skewed)
{
    read_and_write(10, "a", "item", 1);
    read_and_write(20, "b", "item", 2);
    read_and_write(30, "a", "account", 1);
    read_and_write(40, "b", "account", 2);
    two_orders(MEASURE_COMPLETED);
    cr_expect_eq(skews(), 0);
}

/* Both have read 1 of the one row: a lost update, which is counted as that. */
Test(leaking, a_lost_update_alone_is_no_skew)
{
    hand_read(&run, 10, "a", "item", 1, "z");
    hand_read(&run, 11, "b", "item", 1, "z");
    hand_write(&run, 12, "a", "item", 2, 1, false);
    hand_write(&run, 13, "b", "item", 3, 1, false);
    two_orders(MEASURE_COMPLETED);
    cr_expect_eq(skews(), 0);
}

Test(leaking, what_was_undone_is_not_skewed)
{
    read_and_write(10, "a", "item", 1);
    read_and_write(20, "b", "item", 2);
    read_and_write(30, "b", "account", 1);
    read_and_write(40, "a", "account", 2);
    two_orders(MEASURE_COMPENSATED);
    cr_expect_eq(skews(), 0);
}

/* --- The outbox --- */

Test(leaking, an_event_lags_from_its_change_until_it_is_safe)
{
    hand(&run, "vowd", 10, MEASURE_EVENT, "a", NULL)->lag_us = MS(4);
    hand(&run, "vowd", 20, MEASURE_EVENT, NULL, NULL)->lag_us = MS(2000);
    hand(&run, "vowd", 30, MEASURE_EVENT, "c", NULL)->lag_us = MS(6);
    measure_run_settle(&run);
    const struct measure_survival lag = measure_outbox_lag(&run);
    cr_expect_eq(lag.len, 3);
    cr_expect_eq(lag.p50.us, MS(6));
    cr_expect_eq(lag.p99.us, MS(2000));
}

/* --- Deliveries --- */

Test(leaking, what_comes_again_is_counted_for_a_thousand_that_were_done)
{
    cr_expect(isnan(measure_duplicates(&run)), "nobody has done anything");
    for (uint64_t i = 0; i < 3; i++)
        hand(&run, "order", 10 + i, MEASURE_HANDLED, "a", "stock/apple/1");
    hand(&run, "stock", 20, MEASURE_STEP, "a", NULL);
    (void)hand(&run, "order", 30, MEASURE_AGAIN, "a", NULL);
    measure_run_settle(&run);
    cr_expect_float_eq(measure_duplicates(&run), 250, 1e-9);
}

static void letters(uint64_t ms, uint64_t number)
{
    hand(&run, "vowd", ms, MEASURE_LETTERS, NULL, NULL)->letters = number;
}

Test(leaking, dead_letters_at_most_and_at_the_end)
{
    cr_expect(isnan(measure_letters(&run).left), "the coordinator has not said");
    letters(10, 0);
    letters(20, 1);
    letters(30, 3);
    letters(40, 2);
    measure_run_settle(&run);
    const struct measure_letters found = measure_letters(&run);
    cr_expect_eq(found.max, 3);
    cr_expect_eq(found.left, 2);
}

/* A coordinator that is away has them on its disk; one that was there for less than a bin was there. */
Test(leaking, dead_letters_stay_until_it_is_said_that_they_are_gone)
{
    letters(50, 1);
    letters(350, 2);
    letters(360, 0);
    hand_op(&run, NULL, 100, 100, MEASURE_COMPLETED);
    hand_op(&run, NULL, 500, 500, MEASURE_COMPLETED);
    measure_run_settle(&run);
    struct measure_curve curve = measure_letters_curve(&run);
    cr_assert_eq(curve.len, 4);
    cr_expect_eq(curve.of[0], 1);
    cr_expect_eq(curve.of[1], 1);
    cr_expect_eq(curve.of[2], 2);
    cr_expect_eq(curve.of[3], 0);
    free(curve.of);
}
