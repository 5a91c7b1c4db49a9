/*
 * F142, and the disk's part of F146: the journal without memory, and with system calls that fail. Opening is all or
 * nothing, and what could not be read is never taken for damage, nor for the end of the log. A batch that could not be
 * written is UNKNOWN and ends the engine; the next one finds all of it, or nothing (F101, F105).
 */
#include <criterion/criterion.h>
#include <event2/event.h>

#include "fail.h"
#include "kit.h"

static struct bed bed;

static const int memory_errors[] = {VOW_E_NO_MEMORY, 0};
/* To SQLite a read that fails is a damaged file system. */
static const int system_errors[] = {VOW_E_IO, VOW_E_DAMAGED, VOW_E_NO_MEMORY, VOW_E_SYSTEM, VOW_E_LOCKED, 0};

static void sweep(enum fail_kind kind, struct fail_case subject)
{
    subject.errors = kind == FAIL_MEMORY ? memory_errors : system_errors;
    subject.why = bed.detail.text;
    fail_sweep(kind, &subject, NULL);
}

/* In each directory: 1 to 3 are committed, 3 has ended, 4 was aborted. */
static void make_filled(void)
{
    bed_make_in(&bed, fail_parent());
    bed_start(&bed);
    for (uint64_t seq = 1; seq <= 3; seq++)
        cr_assert_eq(bed_decide(&bed, seq), VOW_JOURNAL_WON);
    cr_assert_eq(bed_end(&bed, 3), VOW_JOURNAL_WON);
    cr_assert_eq(bed_append(&bed, VOW_RECORD_ABORTED, 4), VOW_JOURNAL_WON);
}

static void expect_outcome(uint64_t seq, enum vow_outcome outcome)
{
    struct vow_journal_op op;

    cr_assert_eq(bed_get(&bed, seq, &op), 0, "transaction %u: %s", (unsigned)seq, vow_error_name(op.error));
    cr_assert_eq(op.outcome, outcome);
}

static void expect_filled(void)
{
    cr_assert_eq(bed_count_open(&bed), 2);
    for (uint64_t seq = 1; seq <= 3; seq++)
        expect_outcome(seq, VOW_COMMITTED);
    expect_outcome(4, VOW_ABORTED);
}

/* --- Open and close --- */

static int open_and_close(void *ctx)
{
    int error = bed_open(&bed);

    (void)ctx;
    if (error == 0)
        bed_close(&bed);
    else
        bed.engine = NULL;
    return error;
}

static void make_empty(void *ctx)
{
    (void)ctx;
    bed_make_in(&bed, fail_parent());
}

static void opens(void *ctx, int error)
{
    (void)ctx, (void)error;
    bed_start(&bed);
    cr_assert_eq(bed_decide(&bed, 1), VOW_JOURNAL_WON);
    bed_remove(&bed);
}

static const struct fail_case open_new = {.before = make_empty, .run = open_and_close, .after = opens};

Test(failing_journal, F142_open_a_new_directory)
{
    sweep(FAIL_MEMORY, open_new);
}

Test(failing_journal, F146_open_a_new_directory)
{
    sweep(FAIL_SYSTEM, open_new);
}

static void make_closed(void *ctx)
{
    (void)ctx;
    make_filled();
    bed_close(&bed);
}

/* As a crash leaves it: there is a WAL. */
static void make_crashed(void *ctx)
{
    struct bed running;

    (void)ctx;
    make_filled();
    running = bed;
    bed_copy_in(&running, &bed, fail_parent());
    bed_remove(&running);
}

static void opens_filled(void *ctx, int error)
{
    (void)ctx, (void)error;
    bed_start(&bed);
    expect_filled();
    bed_remove(&bed);
}

static const struct fail_case open_closed = {.before = make_closed, .run = open_and_close, .after = opens_filled};
static const struct fail_case open_crashed = {.before = make_crashed, .run = open_and_close, .after = opens_filled};

Test(failing_journal, F142_open_what_was_closed)
{
    sweep(FAIL_MEMORY, open_closed);
}

Test(failing_journal, F142_open_after_a_crash)
{
    sweep(FAIL_MEMORY, open_crashed);
}

Test(failing_journal, F146_open_what_was_closed)
{
    sweep(FAIL_SYSTEM, open_closed);
}

Test(failing_journal, F146_open_after_a_crash)
{
    sweep(FAIL_SYSTEM, open_crashed);
}

/* --- Take over --- */

static uint32_t epoch_before;

static void make_opened(void *ctx)
{
    make_closed(ctx);
    epoch_before = bed.identity.epoch;
    cr_assert_eq(bed_open(&bed), 0, "%s", bed.detail.text);
}

static int take_over(void *ctx)
{
    (void)ctx;
    return bed.ops->takeover(bed.engine, &bed.identity, &bed.detail);
}

/* A failed one may or may not have used up an epoch; nobody will ever decide in it. */
static void has_taken_over(void *ctx, int error)
{
    (void)ctx;
    if (error != 0) {
        bed_close(&bed);
        bed_start(&bed);
    }
    cr_assert_gt(bed.identity.epoch, epoch_before);
    expect_filled();
    bed_remove(&bed);
}

static const struct fail_case takeover = {.before = make_opened, .run = take_over, .after = has_taken_over};

Test(failing_journal, F142_takeover)
{
    sweep(FAIL_MEMORY, takeover);
}

Test(failing_journal, F146_takeover)
{
    sweep(FAIL_SYSTEM, takeover);
}

/* --- A batch --- */

static struct vow_journal_op ops[3];

static void make_started(void *ctx)
{
    (void)ctx;
    make_filled();
}

static int write_batch(void *ctx)
{
    (void)ctx;
    op_decide(&ops[0], &bed, 5);
    op_append(&ops[1], &bed, VOW_RECORD_ABORTED, 6);
    op_end(&ops[2], &bed, 1);
    bed.ops->commit(bed.engine, op_link(ops, 3));
    for (int i = 0; i < 3; i++) {
        cr_assert_eq(ops[i].result, ops[0].error == 0 ? VOW_JOURNAL_WON : VOW_JOURNAL_UNKNOWN);
        cr_assert_eq(ops[i].error, ops[0].error);
    }
    return ops[0].error;
}

/* All of a batch, or nothing of it. Once it has failed, the engine reads nothing and writes nothing. */
static void is_whole(void *ctx, int error)
{
    struct vow_journal_op op;
    bool is_there;

    if (error != 0) {
        cr_assert_eq(bed_get(&bed, 1, &op), error);
        cr_assert_eq(bed_decide(&bed, 7), VOW_JOURNAL_UNKNOWN);
        bed_close(&bed);
        bed_start(&bed);
    }
    is_there = bed_get(&bed, 5, &op) == 0;
    cr_assert(error != 0 || is_there);
    cr_assert_eq(bed_get(&bed, 6, &op), is_there ? 0 : VOW_E_NOT_FOUND);
    cr_assert_eq(bed_count_open(&bed), 2);
    if (!is_there)
        cr_assert_eq(write_batch(ctx), 0);
    expect_outcome(5, VOW_COMMITTED);
    expect_outcome(6, VOW_ABORTED);
    bed_remove(&bed);
}

static const struct fail_case batch = {.before = make_started, .run = write_batch, .after = is_whole};

Test(failing_journal, F142_batch)
{
    sweep(FAIL_MEMORY, batch);
}

Test(failing_journal, F146_batch)
{
    sweep(FAIL_SYSTEM, batch);
}

/* --- Reading --- */

static int ignore_event(void *ctx, const struct vow_journal_event *event)
{
    (void)ctx, (void)event;
    return 0;
}

static int read_all(void *ctx)
{
    struct vow_journal_op op = {.kind = VOW_JOURNAL_HISTORY, .gtrid = bed_gtrid(3)};
    struct vow_journal_op get;
    int error = bed.ops->scan(bed.engine, ignore_event, NULL, &bed.detail);

    (void)ctx;
    if (error != 0)
        return error;
    bed.ops->commit(bed.engine, &op);
    vow_journal_events_free(op.events, op.events_len);
    return op.error != 0 ? op.error : bed_get(&bed, 3, &get);
}

/* That something could not be read ends nothing. */
static void can_be_read(void *ctx, int error)
{
    (void)error;
    cr_assert_eq(read_all(ctx), 0);
    expect_filled();
    bed_remove(&bed);
}

static const struct fail_case reading = {.before = make_started, .run = read_all, .after = can_be_read};

Test(failing_journal, F142_reading)
{
    sweep(FAIL_MEMORY, reading);
}

Test(failing_journal, F146_reading)
{
    sweep(FAIL_SYSTEM, reading);
}

/* --- The thread --- */

static struct event_base *base;
static struct vow_journal *journal;

static void make_base(void *ctx)
{
    make_started(ctx);
    base = event_base_new();
    cr_assert_not_null(base);
}

static void ignore_done(void *ctx, struct vow_journal_op *first)
{
    (void)ctx, (void)first;
}

/* The engine is the journal's whatever happens. */
static int start_and_stop(void *ctx)
{
    int error = vow_journal_start(base, bed.ops, bed.engine, ignore_done, NULL, &journal, &bed.detail);

    (void)ctx;
    bed.engine = NULL;
    if (error == 0)
        vow_journal_stop(journal);
    return error;
}

static void is_closed(void *ctx, int error)
{
    event_base_free(base);
    opens_filled(ctx, error);
}

static const struct fail_case thread = {.before = make_base, .run = start_and_stop, .after = is_closed};

Test(failing_journal, F142_thread)
{
    sweep(FAIL_MEMORY, thread);
}

Test(failing_journal, F146_thread)
{
    sweep(FAIL_SYSTEM, thread);
}
