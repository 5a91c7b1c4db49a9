/* What lasts, of what was written down when it began and ended: and by whom nothing was written any more. */
#include <criterion/criterion.h>

#include "chaos/measure/spans.h"
#include "hand.h"

static struct measure_run run;
static struct measure_spans spans;

static void make(uint64_t end_ms)
{
    run.end_us = MS(end_ms);
    measure_run_settle(&run);
    measure_spans_make(&run, &spans);
}

static void begin(void)
{
    measure_run_init(&run);
}

static void end(void)
{
    measure_spans_free(&spans);
    measure_run_deinit(&run);
}

TestSuite(spans, .init = begin, .fini = end);

static void expect_span(const struct measure_span *span, uint64_t from_ms, uint64_t to_ms, bool is_censored)
{
    cr_expect_eq(span->from_us, MS(from_ms));
    cr_expect_eq(span->to_us, MS(to_ms), "%lu, not %lu", (unsigned long)span->to_us, (unsigned long)MS(to_ms));
    cr_expect_eq(span->is_censored, is_censored);
}

Test(spans, a_branch_holds_and_doubts)
{
    hand_branch(&run, "stock", "a", "k", 10, 20, 50, MEASURE_COMMITTED);
    make(100);
    cr_assert_eq(spans.doubts.len, 1);
    cr_assert_eq(spans.holds.len, 1);
    expect_span(spans.doubts.of, 20, 50, false);
    expect_span(spans.holds.of, 10, 50, false);
}

Test(spans, what_has_no_end_lasts_to_the_end)
{
    (void)hand(&run, "stock", 10, MEASURE_LOCK, "a", "k");
    (void)hand(&run, "stock", 20, MEASURE_YES, "a", NULL);
    hand_wait(&run, "stock", 30, "b", "k", "a");
    make(100);
    expect_span(spans.doubts.of, 20, 100, true);
    expect_span(spans.holds.of, 10, 100, true);
    expect_span(spans.waits.of, 30, 100, true);
}

Test(spans, a_wait_ends_with_the_lock_or_with_the_transaction)
{
    hand_wait(&run, "stock", 30, "b", "k", "a");
    hand_wait(&run, "stock", 31, "c", "k", "a");
    (void)hand(&run, "stock", 40, MEASURE_LOCK, "b", "k");
    hand(&run, "stock", 45, MEASURE_APPLIED, "c", NULL)->outcome = MEASURE_ABORTED;
    make(100);
    cr_assert_eq(spans.waits.len, 2);
    expect_span(&spans.waits.of[0], 30, 40, false);
    expect_span(&spans.waits.of[1], 31, 45, false);
}

/* A participant dies prepared: it is in doubt, and its row is locked, while it is away, too. */
Test(spans, a_vow_outlives_its_process)
{
    (void)hand(&run, "stock", 10, MEASURE_LOCK, "a", "k");
    (void)hand(&run, "stock", 20, MEASURE_YES, "a", NULL);
    hand_life(&run, "stock", 60, false);
    (void)hand(&run, "stock", 61, MEASURE_FOUND, "a", NULL);
    (void)hand(&run, "stock", 61, MEASURE_LOCK, "a", "k");
    hand(&run, "stock", 80, MEASURE_APPLIED, "a", NULL)->outcome = MEASURE_COMMITTED;
    (void)hand(&run, "stock", 80, MEASURE_FREE, "a", "k");
    make(100);
    cr_assert_eq(spans.doubts.len, 1);
    expect_span(spans.doubts.of, 20, 80, false);
    expect_span(spans.holds.of, 10, 80, false);
    cr_expect_not(spans.doubts.of[0].is_late);
}

/* The last words of the dead were in its memory. What is not found at the next start was over. */
Test(spans, what_is_not_found_again_was_over_before_the_death)
{
    (void)hand(&run, "stock", 10, MEASURE_LOCK, "a", "k");
    (void)hand(&run, "stock", 20, MEASURE_YES, "a", NULL);
    (void)hand_death(&run, "stock", 25, 60);
    hand_life(&run, "stock", 60, false);
    (void)hand(&run, "stock", 61, MEASURE_FOUND, "z", NULL);
    make(100);
    size_t len;
    const struct measure_span *a =
        measure_doubts_of(&spans, measure_name(run.names, "stock"), measure_name(run.names, "a"), &len);
    cr_assert_eq(len, 1);
    expect_span(a, 20, 25, false);
    expect_span(spans.holds.of, 10, 25, false);
    const struct measure_span *z =
        measure_doubts_of(&spans, measure_name(run.names, "stock"), measure_name(run.names, "z"), &len);
    cr_assert_eq(len, 1);
    expect_span(z, 61, 100, true);
    cr_expect(z->is_late);
}

/* Whoever dies twice before it has come to say what it has found. */
Test(spans, two_deaths_in_a_row)
{
    (void)hand(&run, "stock", 20, MEASURE_YES, "a", NULL);
    hand_life(&run, "stock", 60, false);
    hand_life(&run, "stock", 70, false);
    (void)hand(&run, "stock", 71, MEASURE_FOUND, "a", NULL);
    hand(&run, "stock", 80, MEASURE_APPLIED, "a", NULL)->outcome = MEASURE_COMMITTED;
    make(100);
    cr_assert_eq(spans.doubts.len, 1);
    expect_span(spans.doubts.of, 20, 80, false);
}

/* A mark in a row is in the database. */
Test(spans, a_semantic_lock_outlives_its_process_unsaid)
{
    (void)hand(&run, "stock", 10, MEASURE_PEND, "s", "k");
    hand_life(&run, "stock", 60, false);
    (void)hand(&run, "stock", 80, MEASURE_CLEAR, "s", "k");
    make(100);
    expect_span(spans.holds.of, 10, 80, false);
    cr_expect(spans.holds.of[0].is_semantic);
}

/* Nobody says of each mark when it is cleared; its saga has an end. */
Test(spans, a_semantic_lock_ends_with_its_saga)
{
    (void)hand(&run, "stock", 10, MEASURE_PEND, "s", "k");
    (void)hand(&run, "stock", 11, MEASURE_PEND, "r", "l");
    hand(&run, "vowd", 20, MEASURE_SAGA, "s", NULL)->state = MEASURE_COMPENSATING;
    hand(&run, "vowd", 30, MEASURE_SAGA, "s", NULL)->state = MEASURE_UNDONE;
    make(100);
    cr_assert_eq(spans.holds.len, 2);
    expect_span(&spans.holds.of[0], 10, 30, false);
    expect_span(&spans.holds.of[1], 11, 100, true);
}

Test(spans, nodes_and_keys_are_told_apart)
{
    hand_branch(&run, "stock", "a", "k", 10, 20, 50, MEASURE_COMMITTED);
    hand_branch(&run, "payment", "a", "k", 11, 21, 41, MEASURE_COMMITTED);
    (void)hand(&run, "stock", 12, MEASURE_LOCK, "a", "k2");
    (void)hand(&run, "stock", 30, MEASURE_FREE, "a", "k2");
    make(100);
    cr_expect_eq(spans.doubts.len, 2);
    cr_expect_eq(spans.holds.len, 3);
    size_t len;
    expect_span(measure_doubts_of(&spans, measure_name(run.names, "payment"), measure_name(run.names, "a"), &len), 21,
                41, false);
    cr_expect_eq(len, 1);
    cr_expect_null(measure_doubts_of(&spans, measure_name(run.names, "order"), measure_name(run.names, "a"), &len));
}
