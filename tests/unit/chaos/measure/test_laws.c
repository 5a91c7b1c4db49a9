/* The sanity laws: a run that obeys each, and one that breaks it and nothing else. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "chaos/measure/curves.h"
#include "chaos/measure/laws.h"
#include "hand.h"

static struct measure_run run;
static struct measure_spans spans;
static struct measure_value values[MEASURE_METRICS];
static struct measure_finding findings[MEASURE_LAWS];

static const struct measure_kind two_phase = {.is_2pc = true};
static const struct measure_kind cooperative = {.is_2pc = true, .is_cooperative = true};
static const struct measure_kind bare = {.is_saga = true, .is_bare = true};
static const struct measure_kind marked = {.is_saga = true, .has_semantic_lock = true};

static void begin(void)
{
    measure_run_init(&run);
}

static void end(void)
{
    measure_spans_free(&spans);
    measure_run_deinit(&run);
}

TestSuite(laws, .init = begin, .fini = end);

static size_t judge(const struct measure_kind *kind)
{
    (void)hand_op(&run, "first", 0, 1, MEASURE_COMMITTED);
    (void)hand_op(&run, "last", 10000, 10001, MEASURE_COMMITTED);
    measure_run_settle(&run);
    measure_spans_make(&run, &spans);
    measure_values(&run, &spans, values);
    return measure_laws(&run, &spans, kind, values, findings);
}

static void expect(enum measure_law law, enum measure_judgement judgement)
{
    cr_expect_eq(findings[law].judgement, judgement, "%s: %s", measure_judgement_word(findings[law].judgement),
                 findings[law].text);
}

/* A transaction begins every 20 ms and is in doubt for 60 ms, so three are at any moment; at 5,000 the coordinator
 * dies, which `stuck` of them see. */
static void transactions(unsigned stuck, uint64_t told_ms)
{
    char id[16];

    hand_life(&run, "vowd", 0, true);
    for (uint64_t i = 0; i < 200; i++) {
        (void)snprintf(id, sizeof(id), "t%u", (unsigned)i);
        (void)hand(&run, "stock", 20 * i, MEASURE_YES, id, NULL);
        (void)hand(&run, "payment", 20 * i + 10, MEASURE_YES, id, NULL);
        (void)hand(&run, "stock", 20 * i + 60, MEASURE_APPLIED, id, NULL);
        (void)hand(&run, "payment", 20 * i + 55, MEASURE_APPLIED, id, NULL);
    }
    for (unsigned i = 0; i < stuck; i++) {
        (void)snprintf(id, sizeof(id), "s%u", i);
        (void)hand(&run, "stock", 4900 + i, MEASURE_YES, id, NULL);
        (void)hand(&run, "stock", told_ms, MEASURE_APPLIED, id, NULL);
    }
    (void)hand_death(&run, "vowd", 5000, 6100);
    hand_life(&run, "vowd", 6000, true);
    (void)hand(&run, "vowd", 6100, MEASURE_READY, NULL, NULL);
}

Test(laws, little_and_outage_hold)
{
    transactions(4, 6300);
    cr_expect_eq(judge(&two_phase), 0);
    expect(MEASURE_LAW_LITTLE, MEASURE_HOLDS);
    expect(MEASURE_LAW_OUTAGE, MEASURE_HOLDS);
    expect(MEASURE_LAW_UNLOCKED, MEASURE_NOT_SHOWN);
    cr_expect_not_null(strstr(findings[MEASURE_LAW_LITTLE].text, "4 were in doubt"));
}

/* Twenty where two or three are to be expected: locks leak, or the clock is another. */
Test(laws, little_is_broken_by_too_many)
{
    transactions(20, 6300);
    cr_expect_eq(judge(&two_phase), 1);
    expect(MEASURE_LAW_LITTLE, MEASURE_BROKEN);
}

/* Six of them, each at three services: six is within what is to be expected, eighteen would not be. */
Test(laws, little_counts_transactions_and_not_their_branches)
{
    char id[16];
    transactions(6, 6300);
    for (unsigned i = 0; i < 6; i++) {
        (void)snprintf(id, sizeof(id), "s%u", i);
        (void)hand(&run, "payment", 4910 + i, MEASURE_YES, id, NULL);
        (void)hand(&run, "order", 4920 + i, MEASURE_YES, id, NULL);
        (void)hand(&run, "payment", 6300, MEASURE_APPLIED, id, NULL);
        (void)hand(&run, "order", 6300, MEASURE_APPLIED, id, NULL);
    }
    cr_expect_eq(judge(&two_phase), 0);
    expect(MEASURE_LAW_LITTLE, MEASURE_HOLDS);
}

/* Who is told before the coordinator is back was not in doubt, or somebody has guessed. */
Test(laws, outage_is_broken_by_an_early_end)
{
    transactions(4, 5600);
    cr_expect_eq(judge(&two_phase), 1);
    expect(MEASURE_LAW_OUTAGE, MEASURE_BROKEN);
}

Test(laws, peers_may_end_it_early)
{
    transactions(4, 5600);
    cr_expect_eq(judge(&cooperative), 0);
    expect(MEASURE_LAW_OUTAGE, MEASURE_HOLDS);
}

Test(laws, outage_is_broken_by_a_late_end)
{
    transactions(4, 60000);
    cr_expect_eq(judge(&two_phase), 1);
    expect(MEASURE_LAW_OUTAGE, MEASURE_BROKEN);
}

Test(laws, too_few_transactions_say_nothing)
{
    hand_life(&run, "vowd", 0, true);
    hand_branch(&run, "stock", "a", "k", 0, 10, 20, MEASURE_COMMITTED);
    (void)hand_death(&run, "vowd", 5000, 6000);
    cr_expect_eq(judge(&two_phase), 0);
    expect(MEASURE_LAW_LITTLE, MEASURE_NOT_SHOWN);
    expect(MEASURE_LAW_OUTAGE, MEASURE_NOT_SHOWN);
}

/* Of one that waits, payment has heard the outcome; it waits until `told_ms`. */
static void peer_knows(uint64_t told_ms)
{
    transactions(4, told_ms);
    (void)hand(&run, "payment", 4950, MEASURE_YES, "s0", NULL);
    (void)hand(&run, "payment", 5010, MEASURE_APPLIED, "s0", NULL);
    run.asked_us = MS(700);
}

Test(laws, asked_holds_if_who_asks_is_told_in_time)
{
    peer_knows(5700);
    cr_expect_eq(judge(&cooperative), 0);
    expect(MEASURE_LAW_ASKED, MEASURE_HOLDS);
    cr_expect_not_null(strstr(findings[MEASURE_LAW_ASKED].text, "1 branches"), "%s", findings[MEASURE_LAW_ASKED].text);
}

Test(laws, asked_is_broken_by_one_who_is_told_late)
{
    peer_knows(5800);
    cr_expect_eq(judge(&cooperative), 1);
    expect(MEASURE_LAW_ASKED, MEASURE_BROKEN);
}

/* The scenario has promised that somebody would know. */
Test(laws, asked_is_broken_if_nobody_ever_knew)
{
    transactions(4, 6300);
    run.asked_us = MS(700);
    cr_expect_eq(judge(&cooperative), 1);
    expect(MEASURE_LAW_ASKED, MEASURE_BROKEN);
}

/* The coordinator is back before so much time is over. */
Test(laws, asked_owes_nothing_after_a_short_outage)
{
    peer_knows(6300);
    (void)hand(&run, "payment", 4950, MEASURE_YES, "s1", NULL);
    (void)hand(&run, "payment", 5950, MEASURE_APPLIED, "s1", NULL);
    run.asked_us = MS(1000);
    cr_expect_eq(judge(&cooperative), 1);
    expect(MEASURE_LAW_ASKED, MEASURE_BROKEN);
    cr_expect_not_null(strstr(findings[MEASURE_LAW_ASKED].text, "1 branches"), "%s", findings[MEASURE_LAW_ASKED].text);
}

Test(laws, asked_is_not_shown_where_nobody_asks)
{
    peer_knows(6300);
    cr_expect_eq(judge(&two_phase), 0);
    expect(MEASURE_LAW_ASKED, MEASURE_NOT_SHOWN);
}

static void dirty_read(void)
{
    hand_write(&run, 10, "a", "k", 2, 1, false);
    hand_read(&run, 11, "b", "k", 2, "a");
    hand_write(&run, 12, "a", "k", 3, 2, true);
    (void)hand_op(&run, "a", 1, 20, MEASURE_COMPENSATED);
    (void)hand_death(&run, "vowd", 5000, 6000);
}

Test(laws, bare_sagas_leak_and_lock_nothing)
{
    dirty_read();
    cr_expect_eq(judge(&bare), 0);
    expect(MEASURE_LAW_LEAKING, MEASURE_HOLDS);
    expect(MEASURE_LAW_UNLOCKED, MEASURE_HOLDS);
}

Test(laws, leaking_is_broken_by_sagas_that_read_nothing_dirty)
{
    hand_read(&run, 11, "b", "k", 2, "a");
    (void)hand_death(&run, "vowd", 5000, 6000);
    cr_expect_eq(judge(&bare), 1);
    expect(MEASURE_LAW_LEAKING, MEASURE_BROKEN);
}

Test(laws, unlocked_is_broken_by_a_branch_in_doubt)
{
    dirty_read();
    hand_branch(&run, "stock", "x", "k", 100, 200, 900, MEASURE_COMMITTED);
    cr_expect_eq(judge(&bare), 1);
    expect(MEASURE_LAW_UNLOCKED, MEASURE_BROKEN);
}

Test(laws, a_semantic_lock_may_lock)
{
    (void)hand(&run, "stock", 100, MEASURE_PEND, "s", "k");
    (void)hand(&run, "stock", 900, MEASURE_CLEAR, "s", "k");
    cr_expect_eq(judge(&marked), 0);
    expect(MEASURE_LAW_UNLOCKED, MEASURE_NOT_SHOWN);
}

Test(laws, isolated_is_broken_by_one_dirty_read)
{
    dirty_read();
    cr_expect_eq(judge(&two_phase), 1);
    expect(MEASURE_LAW_ISOLATED, MEASURE_BROKEN);
}

Test(laws, isolated_is_broken_by_orders_that_pass_each_other)
{
    hand_read(&run, 10, "a", "x", 1, "z");
    hand_write(&run, 20, "b", "x", 2, 1, false);
    hand_read(&run, 30, "b", "y", 1, "z");
    hand_write(&run, 40, "a", "y", 2, 1, false);
    (void)hand_op(&run, "a", 1, 50, MEASURE_COMMITTED);
    (void)hand_op(&run, "b", 1, 50, MEASURE_COMMITTED);
    cr_expect_eq(judge(&two_phase), 1);
    expect(MEASURE_LAW_ISOLATED, MEASURE_BROKEN);
}

/* Nobody has looked: that is not zero. */
Test(laws, isolated_is_not_shown_without_reads)
{
    cr_expect_eq(judge(&two_phase), 0);
    expect(MEASURE_LAW_ISOLATED, MEASURE_NOT_SHOWN);
}

Test(laws, isolated_is_shown_by_reads)
{
    hand_read(&run, 11, "b", "k", 2, "a");
    cr_expect_eq(judge(&two_phase), 0);
    expect(MEASURE_LAW_ISOLATED, MEASURE_HOLDS);
}

static void audit(int64_t sum, int64_t expected)
{
    struct measure_record *record = hand(&run, "auditor", 20, MEASURE_AUDIT, NULL, NULL);

    record->sum = sum;
    record->expected = expected;
}

/* Every row is clean, and the books do not agree. */
Test(laws, I15_isolated_is_broken_by_half_an_order)
{
    hand_read(&run, 11, "b", "k", 2, "a");
    audit(95, 100);
    cr_expect_eq(judge(&two_phase), 1);
    expect(MEASURE_LAW_ISOLATED, MEASURE_BROKEN);
}

Test(laws, I15_isolated_holds_where_the_books_agree)
{
    hand_read(&run, 11, "b", "k", 2, "a");
    audit(100, 100);
    cr_expect_eq(judge(&two_phase), 0);
    expect(MEASURE_LAW_ISOLATED, MEASURE_HOLDS);
}

/* --- What pictures are made of --- */

Test(laws, curves_show_when_and_what)
{
    hand_branch(&run, "stock", "a", "k", 100, 150, 300, MEASURE_COMMITTED);
    hand_branch(&run, "stock", "b", "l", 100, 200, 250, MEASURE_COMMITTED);
    (void)judge(&two_phase);
    struct measure_curve curve = measure_in_doubt_curve(&run, &spans);
    cr_assert_eq(curve.len, 100);
    cr_expect_eq(curve.of[0], 0);
    cr_expect_float_eq(curve.of[1], 0.5, 1e-9);
    cr_expect_float_eq(curve.of[2], 1.5, 1e-9);
    cr_expect_eq(curve.of[3], 0);
    free(curve.of);
    struct measure_heat heat = measure_heat(&run, &spans, 1, 100);
    cr_assert_eq(heat.rows_len, 1);
    cr_expect_str_eq(measure_text(run.names, heat.rows[0].key), "k");
    cr_expect_float_eq(heat.parts[1], 0.5, 1e-9);
    cr_expect_float_eq(heat.parts[2], 1, 1e-9);
    cr_expect_eq(heat.parts[3], 0);
    measure_heat_free(&heat);
}

Test(laws, every_metric_has_a_word_of_its_own)
{
    for (int i = 0; i < MEASURE_METRICS; i++)
        for (int k = 0; k < i; k++)
            cr_expect_str_neq(measure_metric_word((enum measure_metric)i), measure_metric_word((enum measure_metric)k));
}
