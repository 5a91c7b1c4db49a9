/* How two-phase commit blocks, in runs made by hand whose answers are known. Times are in milliseconds. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "chaos/measure/metrics.h"
#include "chaos/measure/rows.h"
#include "hand.h"

static struct measure_run run;
static struct measure_spans spans;

static void begin(void)
{
    measure_run_init(&run);
}

static void end(void)
{
    measure_spans_free(&spans);
    measure_run_deinit(&run);
}

TestSuite(blocking, .init = begin, .fini = end);

/* The load is due from `from` to `to`. */
static void make(uint64_t from_ms, uint64_t to_ms, uint64_t end_ms)
{
    (void)hand_op(&run, "first", from_ms, from_ms + 1, MEASURE_COMMITTED);
    (void)hand_op(&run, "last", to_ms, to_ms + 1, MEASURE_COMMITTED);
    run.end_us = MS(end_ms);
    measure_run_settle(&run);
    measure_spans_make(&run, &spans);
}

Test(blocking, in_doubt_from_yes_to_applied)
{
    hand_branch(&run, "stock", "a", "k", 0, 10, 40, MEASURE_COMMITTED);
    hand_branch(&run, "stock", "b", "l", 0, 10, 20, MEASURE_ABORTED);
    (void)hand(&run, "stock", 50, MEASURE_YES, "c", NULL);
    make(0, 100, 1050);
    const struct measure_in_doubt found = measure_in_doubt(&spans);
    cr_expect_eq(found.time.len, 3);
    cr_expect_eq(found.left, 1);
    cr_expect_eq(found.time.p50.us, MS(30));
    cr_expect_eq(found.time.max.us, MS(1000));
    cr_expect(found.time.max.is_at_least);
}

/* One of 10 ms before; one of 60 that the fault has met, one of 40 that began meanwhile; one afterwards is neither. */
Test(blocking, locks_are_held_longer_while_a_fault_lasts)
{
    (void)hand_death(&run, "vowd", 100, 150);
    hand_branch(&run, "stock", "a", "k", 10, 15, 20, MEASURE_COMMITTED);
    hand_branch(&run, "stock", "b", "k", 90, 95, 150, MEASURE_COMMITTED);
    hand_branch(&run, "stock", "c", "l", 120, 125, 160, MEASURE_COMMITTED);
    hand_branch(&run, "stock", "d", "l", 200, 205, 300, MEASURE_COMMITTED);
    make(0, 400, 400);
    cr_expect_float_eq(measure_locks(&run, &spans).fault_ratio, 5, 1e-9);
    cr_expect_eq(measure_locks(&run, &spans).time.len, 4);
}

/* 30 of 100 ms, one row of ten: the lock is held before YES, and that blocks nobody for long. */
Test(blocking, unavailable_is_what_branches_in_doubt_lock)
{
    hand_branch(&run, "stock", "a", "k", 0, 20, 50, MEASURE_COMMITTED);
    run.keys = 10;
    make(0, 100, 100);
    cr_expect_float_eq(measure_unavailable(&run, &spans).rows, 0.03, 1e-9);
    cr_expect_float_eq(measure_unavailable(&run, &spans).accesses, 0.3, 1e-9);
}

/* There is one row to lock, `k`; that of each order is nobody else's, and is in nobody's way. */
Test(blocking, rows_of_an_order_alone_are_not_among_those_that_there_are)
{
    run.keys = 1;
    hand_branch(&run, "stock", "a", "k", 0, 10, 20, MEASURE_COMMITTED);
    hand_branch(&run, "stock", "b", "k", 30, 40, 60, MEASURE_COMMITTED);
    (void)hand(&run, "stock", 30, MEASURE_LOCK, "b", "order-b");
    (void)hand(&run, "stock", 60, MEASURE_FREE, "b", "order-b");
    make(0, 100, 100);
    cr_expect_float_eq(measure_unavailable(&run, &spans).rows, 0.3, 1e-9);
    cr_expect_float_eq(measure_unavailable(&run, &spans).accesses, 0.3, 1e-9);
}

/* The hot row is asked for nine times of ten, before the fault; the cold one is what is blocked. */
Test(blocking, an_access_rarely_meets_a_cold_row)
{
    char id[8];
    for (int i = 0; i < 9; i++) {
        (void)snprintf(id, sizeof(id), "h%d", i);
        (void)hand(&run, "stock", (uint64_t)i, MEASURE_LOCK, id, "hot");
        (void)hand(&run, "stock", (uint64_t)i + 1, MEASURE_FREE, id, "hot");
    }
    hand_branch(&run, "stock", "c", "cold", 15, 20, 70, MEASURE_COMMITTED);
    (void)hand_death(&run, "vowd", 20, 70);
    make(0, 100, 100);
    cr_expect_float_eq(measure_unavailable(&run, &spans).rows, 0.25, 1e-9);
    cr_expect_float_eq(measure_unavailable(&run, &spans).accesses, 0.05, 1e-9);
}

Test(blocking, rows_of_two_nodes_are_two_rows)
{
    hand_branch(&run, "stock", "a", "k", 0, 0, 100, MEASURE_COMMITTED);
    hand_branch(&run, "payment", "b", "k", 0, 0, 50, MEASURE_COMMITTED);
    make(0, 100, 100);
    struct measure_rows rows = measure_rows(&run, &spans);
    cr_expect_eq(rows.len, 2);
    free(rows.of);
    cr_expect_float_eq(measure_unavailable(&run, &spans).rows, 0.75, 1e-9);
}

/* Shared locks: 0 to 60 and 40 to 100 are 100 of 100 ms, not 120. */
Test(blocking, a_row_that_two_share_is_locked_once)
{
    hand_branch(&run, "stock", "a", "k", 0, 0, 60, MEASURE_COMMITTED);
    (void)hand(&run, "stock", 40, MEASURE_LOCK, "b", "k");
    (void)hand(&run, "stock", 40, MEASURE_YES, "b", NULL);
    make(0, 100, 200);
    cr_expect_float_eq(measure_unavailable(&run, &spans).rows, 1, 1e-9);
}

Test(blocking, a_lock_that_nobody_doubts_makes_nothing_unavailable)
{
    (void)hand(&run, "stock", 0, MEASURE_LOCK, "a", "k");
    (void)hand(&run, "stock", 90, MEASURE_FREE, "a", "k");
    make(0, 100, 100);
    cr_expect_eq(measure_unavailable(&run, &spans).rows, 0);
}

Test(blocking, a_semantic_lock_makes_its_row_unavailable)
{
    (void)hand(&run, "stock", 0, MEASURE_PEND, "s", "k");
    (void)hand(&run, "stock", 90, MEASURE_CLEAR, "s", "k");
    make(0, 100, 100);
    cr_expect_float_eq(measure_unavailable(&run, &spans).rows, 0.9, 1e-9);
}

/* b waits for a, which is in doubt, and f is refused for it; c waits for b; d for x, which is not in doubt. e comes
 * when a is over. */
Test(blocking, a_blast_goes_along_the_chain)
{
    (void)hand(&run, "stock", 5, MEASURE_LOCK, "a", "k");
    (void)hand(&run, "stock", 10, MEASURE_YES, "a", NULL);
    (void)hand(&run, "payment", 11, MEASURE_YES, "a", NULL);
    (void)hand(&run, "order", 11, MEASURE_YES, "z", NULL);
    (void)hand_death(&run, "vowd", 20, 80);
    hand_wait(&run, "stock", 30, "b", "k", "a");
    hand_wait(&run, "payment", 40, "c", "l", "b");
    hand_wait(&run, "order", 41, "c", "m", "b");
    hand_wait(&run, "stock", 45, "d", "n", "x");
    hand(&run, "stock", 80, MEASURE_APPLIED, "a", NULL)->outcome = MEASURE_COMMITTED;
    hand(&run, "payment", 80, MEASURE_APPLIED, "a", NULL)->outcome = MEASURE_COMMITTED;
    hand(&run, "order", 80, MEASURE_APPLIED, "z", NULL)->outcome = MEASURE_ABORTED;
    hand_wait(&run, "stock", 85, "e", "k", "a");
    hand(&run, "stock", 35, MEASURE_REFUSED, "f", NULL)->other = measure_name(run.names, "a");
    (void)hand_op(&run, "c", 30, 60, MEASURE_ABORTED);
    make(0, 100, 100);
    enum measure_outcome *outcomes = measure_outcomes(&run);
    const struct measure_blast blast = measure_blast(&run, &spans, outcomes);
    free(outcomes);
    cr_expect_eq(blast.blockers, 2);
    cr_expect_float_eq(blast.mean, 1.5, 1e-9);
    cr_expect_eq(blast.max, 3);
    cr_expect_eq(blast.chain_max, 2);
    cr_expect_eq(blast.aborted, 1);
}

/* A circle of waits, a deadlock, is gone round once. */
Test(blocking, a_circle_of_waits_ends)
{
    (void)hand(&run, "stock", 10, MEASURE_YES, "a", NULL);
    hand_wait(&run, "stock", 30, "b", "k", "a");
    hand_wait(&run, "payment", 30, "c", "l", "b");
    hand_wait(&run, "order", 30, "b", "m", "c");
    hand_wait(&run, "order", 30, "a", "m", "c");
    make(0, 100, 100);
    enum measure_outcome *outcomes = measure_outcomes(&run);
    const struct measure_blast blast = measure_blast(&run, &spans, outcomes);
    free(outcomes);
    cr_expect_eq(blast.max, 2);
    cr_expect_eq(blast.chain_max, 2);
}

/* Dies at 100, lives at 1,100, serves at 1,150; of two in doubt the last is told at 1,400. */
Test(blocking, a_recovery_in_its_parts)
{
    hand_life(&run, "vowd", 1, true);
    hand_life(&run, "stock", 1, false);
    hand_branch(&run, "stock", "a", "k", 80, 90, 1400, MEASURE_ABORTED);
    hand_branch(&run, "stock", "b", "l", 80, 90, 1300, MEASURE_ABORTED);
    hand_branch(&run, "stock", "c", "m", 1350, 1360, 1900, MEASURE_COMMITTED);
    (void)hand_death(&run, "vowd", 100, 1150);
    hand_life(&run, "vowd", 1100, true);
    (void)hand(&run, "vowd", 1150, MEASURE_READY, NULL, NULL);
    hand(&run, "vowd", 1149, MEASURE_DECIDED, "z", NULL)->was_found = true;
    hand(&run, "vowd", 1200, MEASURE_DECIDED, "a", NULL)->outcome = MEASURE_ABORTED;
    make(0, 2000, 2000);
    const struct measure_recovery found = measure_recovery(&run, &spans);
    cr_expect_float_eq(found.restart, 1000, 1e-9);
    cr_expect_float_eq(found.replay, 50, 1e-9);
    cr_expect_float_eq(found.first_decision, 1100, 1e-9);
    cr_expect_float_eq(found.last_in_doubt, 1300, 1e-9);
}

Test(blocking, the_death_of_a_participant_is_no_recovery_of_a_coordinator)
{
    hand_life(&run, "stock", 1, false);
    (void)hand_death(&run, "stock", 100, 200);
    hand_life(&run, "stock", 200, false);
    make(0, 2000, 2000);
    cr_expect(isnan(measure_recovery(&run, &spans).restart));
}

/* --- What is left --- */

/* a has ended; b is in doubt to the end; c is, too, and began when all was well again. */
Test(blocking, what_a_fault_leaves_behind_is_an_orphan)
{
    (void)hand_death(&run, "vowd", 100, 150);
    hand_branch(&run, "stock", "a", "k", 90, 95, 140, MEASURE_COMMITTED);
    (void)hand(&run, "stock", 90, MEASURE_LOCK, "b", "l");
    (void)hand(&run, "stock", 95, MEASURE_YES, "b", NULL);
    (void)hand(&run, "payment", 96, MEASURE_YES, "b", NULL);
    (void)hand(&run, "stock", 300, MEASURE_YES, "c", NULL);
    make(0, 400, 1000);
    const struct measure_orphans found = measure_orphans(&run, &spans);
    cr_expect_eq(found.left, 1);
    cr_expect_eq(found.after_ms, 850);
}

/* One looks after a minute; whatever goes later had been left. */
Test(blocking, orphans_are_looked_for_after_a_minute)
{
    (void)hand_death(&run, "vowd", 100, 150);
    hand_branch(&run, "stock", "a", "k", 90, 95, 60000, MEASURE_COMMITTED);
    hand_branch(&run, "stock", "b", "l", 90, 95, 61000, MEASURE_COMMITTED);
    (void)hand(&run, "stock", 90, MEASURE_PEND, "s", "m");
    make(0, 400, 100000);
    const struct measure_orphans found = measure_orphans(&run, &spans);
    cr_expect_eq(found.left, 2);
    cr_expect_eq(found.after_ms, 60000);
}

Test(blocking, without_a_fault_nothing_is_an_orphan)
{
    make(0, 400, 1000);
    cr_expect(isnan(measure_orphans(&run, &spans).left));
}

/* --- When a death is noticed --- */

static void cluster(void)
{
    hand_life(&run, "vowd", 0, true);
    hand_life(&run, "stock", 1, false);
    hand_life(&run, "payment", 2, false);
    (void)hand(&run, "vowd", 100, MEASURE_COST, NULL, NULL);
    (void)hand(&run, "stock", 100, MEASURE_COST, NULL, NULL);
}

/* By the last of those that it leaves; who has parted from it before, or another one, says nothing of that. */
Test(blocking, a_death_is_detected_when_all_have_noticed)
{
    cluster();
    (void)hand(&run, "stock", 50, MEASURE_PARTED, NULL, NULL);
    (void)hand(&run, "stock", 103, MEASURE_PARTED, NULL, NULL);
    (void)hand(&run, "payment", 120, MEASURE_PARTED, NULL, NULL);
    (void)hand(&run, "payment", 700, MEASURE_PARTED, NULL, NULL);
    (void)hand_death(&run, "vowd", 100, 400);
    make(0, 900, 1000);
    cr_expect_eq(measure_detect(&run).number, 20);
    cr_expect_not(measure_detect(&run).is_at_least);
}

/* The harness was the last to notice. */
Test(blocking, a_death_is_detected_from_the_last_sign_of_life)
{
    cluster();
    (void)hand(&run, "stock", 103, MEASURE_PARTED, NULL, NULL);
    (void)hand(&run, "payment", 104, MEASURE_PARTED, NULL, NULL);
    (void)hand_death(&run, "vowd", 110, 400);
    make(0, 900, 1000);
    cr_expect_eq(measure_detect(&run).number, 4);
    cr_expect_not(measure_detect(&run).is_at_least);
}

Test(blocking, a_death_of_a_participant_is_detected_by_its_coordinator)
{
    cluster();
    (void)hand(&run, "vowd", 107, MEASURE_PARTED, NULL, NULL);
    (void)hand(&run, "payment", 300, MEASURE_PARTED, NULL, NULL);
    (void)hand_death(&run, "stock", 100, 400);
    make(0, 900, 1000);
    cr_expect_eq(measure_detect(&run).number, 7);
}

/* payment has not noticed before it is over. */
Test(blocking, a_death_that_one_does_not_notice_takes_at_least_as_long_as_it_lasts)
{
    cluster();
    (void)hand(&run, "stock", 103, MEASURE_PARTED, NULL, NULL);
    (void)hand_death(&run, "vowd", 100, 400);
    make(0, 900, 1000);
    cr_expect_eq(measure_detect(&run).number, 300);
    cr_expect(measure_detect(&run).is_at_least);
}

Test(blocking, nobody_has_written_down_when_it_was_noticed)
{
    cluster();
    (void)hand_death(&run, "vowd", 100, 400);
    make(0, 900, 1000);
    cr_expect(isnan(measure_detect(&run).number));
}
