/*
 * What of an unfinished saga need not stay: attempts that failed, and a step that is stuck again and again. However
 * long that lasts, what retention has come to is bounded, and a start is given what the saga follows from.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "faults.h"
#include "kit.h"

#define HOUR_MS 3600000
#define SAGA 1

static struct bed bed;

static void setup(void)
{
    bed_make(&bed);
    bed_start(&bed);
}

static void teardown(void)
{
    bed_remove(&bed);
}

TestSuite(void_records, .init = setup, .fini = teardown, .timeout = 120);

/* --- records in a word --- */

/* B: the order. R: an operator's RETRY. E: END. Else a step's number, and what became of it: n: an attempt failed, s:
 * stuck, d: done, u: undone. */
static void fill(struct vow_journal_op *op, const char *word)
{
    static const uint8_t order[] = {1, 2, 3};

    if (word[0] == 'B')
        op->record.body = (struct vow_slice){order, sizeof(order)};
    if (word[0] == 'E')
        op->record.detail = VOW_SAGA_COMPLETED;
    if (op->record.kind != VOW_RECORD_SAGA_STEP)
        return;
    op->record.step.number = (uint32_t)(word[0] - '0');
    op->record.step.direction = word[1] == 'u' ? VOW_STEP_COMPENSATION : VOW_STEP_ACTION;
    op->record.step.fate = word[1] == 'n'   ? VOW_FATE_NONE
                           : word[1] == 's' ? VOW_FATE_STUCK
                           : word[1] == 'd' ? VOW_FATE_DONE
                                            : VOW_FATE_UNDONE;
}

static void write_one(uint64_t seq, const char *word, uint32_t attempts)
{
    struct vow_journal_op op;
    const enum vow_record_kind kind = word[0] == 'B'   ? VOW_RECORD_SAGA_BEGIN
                                      : word[0] == 'R' ? VOW_RECORD_SAGA_RETRY
                                      : word[0] == 'E' ? VOW_RECORD_SAGA_END
                                                       : VOW_RECORD_SAGA_STEP;

    op_append(&op, &bed, kind, seq);
    op.kind = word[0] == 'E' ? VOW_JOURNAL_END : VOW_JOURNAL_APPEND;
    fill(&op, word);
    op.record.step.attempts = attempts;
    bed.ops->commit(bed.engine, &op);
    cr_assert_eq(op.result, VOW_JOURNAL_WON);
}

/* Words with a blank between them; each record has its place as its attempts. */
static void write_all(uint64_t seq, const char *words)
{
    char copy[256], *rest = copy;
    uint32_t place = 0;

    (void)snprintf(copy, sizeof(copy), "%s", words);
    for (const char *word = strsep(&rest, " "); word != NULL; word = strsep(&rest, " "))
        write_one(seq, word, ++place);
}

static void put_word(char *text, size_t size, const struct vow_record *record)
{
    static const char fates[] = {'n', 'd', '?', '?', 'u', 's'};
    const size_t len = strlen(text);

    if (record->kind == VOW_RECORD_SAGA_STEP)
        (void)snprintf(text + len, size - len, "%s%u%c:%u", len > 0 ? " " : "", record->step.number,
                       fates[record->step.fate], record->step.attempts);
    else
        (void)snprintf(text + len, size - len, "%s%c", len > 0 ? " " : "",
                       record->kind == VOW_RECORD_SAGA_BEGIN ? 'B' : 'R');
}

struct given {
    struct vow_gtrid gtrid;
    char text[512];
};

static int take(void *ctx, const struct vow_journal_event *event)
{
    struct given *given = ctx;

    if (vow_gtrid_equal(&event->record.gtrid, &given->gtrid))
        put_word(given->text, sizeof(given->text), &event->record);
    return 0;
}

static void expect_given(struct bed *with, uint64_t seq, const char *expected)
{
    struct given given = {.gtrid = bed_gtrid(seq), .text = ""};

    cr_assert_eq(with->ops->scan(with->engine, take, &given, &with->detail), 0, "%s", with->detail.text);
    cr_assert_str_eq(given.text, expected);
}

/* All that was written so far is old, and retention comes to it. */
static void let_cut(void)
{
    clock_shift(2 * (int64_t)HOUR_MS);
    bed_append(&bed, VOW_RECORD_ABORTED, 1000);
    bed_retain(&bed, HOUR_MS);
    bed_rest(&bed);
}

/* As it is, as the next life finds it, and as one that comes after a crash. */
static void expect_after_cut(const char *words, const char *expected)
{
    struct bed crashed;

    write_all(SAGA, words);
    let_cut();
    expect_given(&bed, SAGA, expected);
    bed_copy(&bed, &crashed);
    bed_start(&crashed);
    expect_given(&crashed, SAGA, expected);
    bed_remove(&crashed);
    bed_restart(&bed);
    expect_given(&bed, SAGA, expected);
}

/* --- which go, and which stay --- */

Test(void_records, an_attempt_goes_when_its_step_has_a_later_record)
{
    expect_after_cut("B 0n 0n 1n 0n 1n 2n", "B 0n:5 1n:6 2n:7");
}

Test(void_records, an_attempt_goes_with_what_became_of_its_step)
{
    expect_after_cut("B 0n 0d 1n 1n 1s 2n", "B 0d:3 1s:6 2n:7");
}

/* What comes after STUCK is no fate. */
Test(void_records, an_attempt_does_not_take_stuck_with_it)
{
    expect_after_cut("B 0s 0n 0n", "B 0s:2 0n:4");
}

/* The first says what the saga has failed of, and the newest in which words. */
Test(void_records, of_a_step_that_is_stuck_again_and_again_the_first_and_the_newest_stay)
{
    expect_after_cut("B 0n 0s 1s 0n 0s 1s 0n 0s 1s", "B 0s:3 1s:4 0s:9 1s:10");
}

Test(void_records, what_was_stuck_before_a_retry_goes_when_it_is_stuck_after_it)
{
    expect_after_cut("B 0s 0s 0s R 0n 0s 0s 0s", "B R 0s:7 0s:9");
}

/* Until then a state from the cut on follows from it. */
Test(void_records, what_was_stuck_before_a_retry_stays_until_then)
{
    expect_after_cut("B 0s R 0n", "B 0s:2 R 0n:4");
}

/* That was on the way back. */
Test(void_records, an_action_that_was_done_stays)
{
    expect_after_cut("B 0n 0d 0n 0u", "B 0d:3 0u:5");
}

Test(void_records, another_saga_s_records_say_nothing_of_this_one)
{
    write_all(2, "B 0n");
    expect_after_cut("B 0n 1n", "B 0n:2 1n:3");
    expect_given(&bed, 2, "B 0n:2");
}

/* What retention has not come to yet says nothing: a replay to the time between must be exact (docs/operations.md). */
Test(void_records, what_is_young_takes_nothing_with_it)
{
    write_all(SAGA, "B 0n");
    let_cut();
    write_all(SAGA, "0n 0n");
    bed_rest(&bed);
    expect_given(&bed, SAGA, "B 0n:2 0n:1 0n:2");
    let_cut();
    expect_given(&bed, SAGA, "B 0n:2");
}

/* --- and with the saga's end --- */

Test(void_records, B42_what_has_ended_meanwhile_goes_as_a_whole)
{
    struct vow_journal_op op;

    write_all(SAGA, "B 0n 0n 0n 0s");
    let_cut();
    write_all(SAGA, "0n 0s E");
    expect_given(&bed, SAGA, "");
    bed_rest(&bed);
    bed_restart(&bed);
    expect_given(&bed, SAGA, "");
    op_get(&op, SAGA);
    op.kind = VOW_JOURNAL_GET_SAGA;
    bed.ops->commit(bed.engine, &op);
    cr_assert_eq(op.error, 0);
    let_cut();
    bed.ops->commit(bed.engine, &op);
    cr_assert_eq(op.error, VOW_E_EXPIRED);
    bed_restart(&bed);
    cr_assert_eq(bed_count_open(&bed), 0);
}

/* An id below that of a saga that is open never began, and that is still known: nothing of the saga has ended. */
Test(void_records, I10_what_goes_of_an_open_saga_raises_no_floor)
{
    struct vow_journal_op op;

    write_all(50, "B 0n 0n 0n 0n");
    clock_shift(2 * (int64_t)HOUR_MS);
    bed_retain(&bed, HOUR_MS);
    bed_rest(&bed);
    expect_given(&bed, 50, "B 0n:5");
    cr_assert_eq(bed_get(&bed, 40, &op), VOW_E_NOT_FOUND);
}

/* --- it is bounded --- */

/* A participant that comes and goes, once in a minute for a week, beside sagas that nobody sees to. */
enum { SAGAS = 8, FLAPS = 1500 };

static void flap(uint32_t round)
{
    for (uint64_t seq = 1; seq <= SAGAS; seq++) {
        write_one(seq, "0n", round);
        write_one(seq, round % 2 == 0 ? "1n" : "1s", round);
    }
    clock_shift(60000);
}

Test(void_records, a_saga_that_is_tried_for_ever_stays_small)
{
    size_t len = 0, len_then = 0;

    for (uint64_t seq = 1; seq <= SAGAS; seq++)
        write_one(seq, "B", 1);
    bed_retain(&bed, HOUR_MS);
    for (uint32_t round = 1; round <= FLAPS; round++) {
        flap(round);
        if (round % 50 == 0)
            bed_rest(&bed);
        if (round != FLAPS / 3 && round != FLAPS)
            continue;
        bed_rest(&bed);
        bed_restart(&bed); /* the WAL is folded in */
        bed_retain(&bed, HOUR_MS);
        len_then = len;
        free(file_read(&bed, "journal.db", &len));
        /* Of the last hour all, and of what lies before it four records at most. */
        cr_assert_leq(bed_count_open(&bed), SAGAS * (1 + 2 * 62 + 4));
    }
    cr_assert_leq(len, len_then + 16384, "from %zu to %zu bytes", len_then, len);
}

/* The same where size is the bound, and no age. */
Test(void_records, a_saga_that_is_tried_for_ever_keeps_within_the_size)
{
    const struct vow_journal_retention retention = {.bytes = 131072, .least_ms = 60000};
    size_t len;

    bed.ops->retain(bed.engine, &retention);
    write_one(SAGA, "B", 1);
    for (uint32_t round = 1; round <= 4000; round++) {
        write_one(SAGA, "0n", round);
        clock_shift(1000);
        if (round % 50 == 0)
            bed_rest(&bed);
    }
    bed_restart(&bed);
    free(file_read(&bed, "journal.db", &len));
    cr_assert_lt(len, 4 * retention.bytes, "%zu bytes", len);
    bed_rest(&bed);
    cr_assert_gt(bed_stats(&bed).pruned, 3000);
}
