/*
 * The records of sagas: all of an unfinished one are given at a start, in the order they were written, and none is ever
 * cut off; an ended one says how it ended, for as long as it is kept.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "faults.h"
#include "kit.h"

#define HOUR_MS 3600000
#define DAY_MS (24 * (int64_t)HOUR_MS)

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

TestSuite(journal_sagas, .init = setup, .fini = teardown, .timeout = 120);

/* Each record names the place that it was written at in its attempts, or its order. */
static void write_record(uint64_t seq, enum vow_record_kind kind, uint32_t place)
{
    struct vow_journal_op op;
    uint8_t order[4] = {(uint8_t)place, 1, 2, 3};

    op_append(&op, &bed, kind, seq);
    op.kind = kind == VOW_RECORD_SAGA_END ? VOW_JOURNAL_END : VOW_JOURNAL_APPEND;
    if (kind == VOW_RECORD_SAGA_BEGIN)
        op.record.body = (struct vow_slice){order, sizeof(order)};
    if (kind == VOW_RECORD_SAGA_STEP)
        op.record.step = (struct vow_record_step){
            .number = 1, .attempts = place, .direction = VOW_STEP_ACTION, .fate = VOW_FATE_DONE};
    if (kind == VOW_RECORD_SAGA_TURN)
        op.record.detail = place;
    if (kind == VOW_RECORD_SAGA_END) {
        op.record.detail = VOW_SAGA_COMPENSATED;
        op.record.cause = VOW_CAUSE_HANDLER_REFUSED;
    }
    bed.ops->commit(bed.engine, &op);
    cr_assert_eq(op.result, VOW_JOURNAL_WON);
}

static void begin_saga(uint64_t seq)
{
    write_record(seq, VOW_RECORD_SAGA_BEGIN, 1);
    write_record(seq, VOW_RECORD_SAGA_STEP, 2);
    write_record(seq, VOW_RECORD_SAGA_TURN, 3);
    write_record(seq, VOW_RECORD_SAGA_RETRY, 4);
}

static void end_saga(uint64_t seq)
{
    write_record(seq, VOW_RECORD_SAGA_END, 5);
}

/* As the core does: the key in front of the order. */
static void begin_keyed(uint64_t seq, const char *key)
{
    struct vow_journal_op op;

    op_append(&op, &bed, VOW_RECORD_SAGA_KEY, seq);
    (void)snprintf(op.record.text, sizeof(op.record.text), "%s", key);
    bed.ops->commit(bed.engine, &op);
    cr_assert_eq(op.result, VOW_JOURNAL_WON);
    begin_saga(seq);
}

struct seen {
    uint64_t last_lsn;
    unsigned kinds[VOW_RECORD_NOTES];
    unsigned len;
};

static uint32_t place_of(const struct vow_record *record)
{
    switch ((int)record->kind) {
    case VOW_RECORD_SAGA_BEGIN:
        return record->body.data[0];
    case VOW_RECORD_SAGA_STEP:
        return record->step.attempts;
    case VOW_RECORD_SAGA_TURN:
        return record->detail;
    default:
        return 4;
    }
}

static int see(void *ctx, const struct vow_journal_event *event)
{
    struct seen *seen = ctx;

    cr_assert_gt(event->lsn, seen->last_lsn, "in the order of the journal");
    cr_assert_eq(place_of(&event->record), event->record.kind - VOW_RECORD_SAGA_BEGIN + 1);
    seen->last_lsn = event->lsn;
    seen->kinds[event->record.kind]++;
    seen->len++;
    return 0;
}

static void expect_open_sagas(unsigned count)
{
    struct seen seen = {0};

    cr_assert_eq(bed.ops->scan(bed.engine, see, &seen, &bed.detail), 0, "%s", bed.detail.text);
    cr_assert_eq(seen.len, 4 * count);
    for (unsigned kind = VOW_RECORD_SAGA_BEGIN; kind <= VOW_RECORD_SAGA_RETRY; kind++)
        cr_assert_eq(seen.kinds[kind], count);
}

static int ask(uint64_t seq, struct vow_journal_op *op)
{
    op_get(op, seq);
    op->kind = VOW_JOURNAL_GET_SAGA;
    bed.ops->commit(bed.engine, op);
    return op->error;
}

static void cut_older_than(uint64_t age_ms)
{
    bed_retain(&bed, age_ms);
    bed_rest(&bed);
}

Test(journal_sagas, B59_F198_a_start_is_given_all_records_of_unfinished_sagas)
{
    for (uint64_t seq = 1; seq <= 6; seq++)
        begin_saga(seq);
    end_saga(2);
    end_saga(5);
    expect_open_sagas(4);
    bed_restart(&bed);
    expect_open_sagas(4);
}

/* B42: whatever its age; and what is folded in is given like what is not. */
Test(journal_sagas, B42_an_unfinished_saga_is_never_cut_off)
{
    struct vow_journal_op op;

    for (uint64_t seq = 1; seq <= 3; seq++)
        begin_saga(seq);
    end_saga(2);
    for (int restarts = 0; restarts < 3; restarts++) {
        clock_shift(400 * DAY_MS);
        bed_append(&bed, VOW_RECORD_ABORTED, 100 + (uint64_t)restarts);
        cut_older_than(HOUR_MS);
        expect_open_sagas(2);
        bed_restart(&bed);
    }
    cr_assert_eq(ask(2, &op), VOW_E_EXPIRED);
    end_saga(1);
    end_saga(3);
    cr_assert_eq(bed_count_open(&bed), 0);
    cr_assert_eq(ask(1, &op), 0);
    clock_shift(DAY_MS);
    bed_append(&bed, VOW_RECORD_ABORTED, 110);
    cut_older_than(HOUR_MS);
    bed_restart(&bed);
    cr_assert_eq(bed_count_open(&bed), 0);
    cr_assert_eq(ask(1, &op), VOW_E_EXPIRED);
}

#define KEYS_SIZE 64

static int take_key(void *ctx, const struct vow_journal_event *event)
{
    cr_assert_eq(event->record.kind, VOW_RECORD_SAGA_KEY);
    char *keys = ctx;
    const size_t len = strlen(keys);
    (void)snprintf(keys + len, KEYS_SIZE - len, "%s", event->record.text);
    return 0;
}

static void expect_keys(uint32_t max, const char *expected)
{
    char keys[KEYS_SIZE] = "";

    cr_assert_eq(bed.ops->saga_keys(bed.engine, max, take_key, keys, &bed.detail), 0, "%s", bed.detail.text);
    cr_assert_str_eq(keys, expected);
}

/* F001: a client that comes again is told of its saga, also when that has ended, as long as anything of it is kept. A
 * key whose order did not become durable names nothing. */
Test(journal_sagas, F001_a_key_stays_as_long_as_its_saga)
{
    begin_keyed(1, "a");
    begin_keyed(2, "b");
    end_saga(2);
    begin_keyed(3, "c");
    write_record(4, VOW_RECORD_SAGA_KEY, 0);
    expect_keys(100, "abc");
    expect_keys(2, "bc");
    bed_restart(&bed);
    expect_keys(100, "abc");
    clock_shift(DAY_MS);
    bed_append(&bed, VOW_RECORD_ABORTED, 100);
    cut_older_than(HOUR_MS);
    expect_keys(100, "ac");
    bed_restart(&bed);
    expect_keys(100, "ac");
    expect_open_sagas(2);
    end_saga(1);
    end_saga(3);
    clock_shift(DAY_MS);
    bed_append(&bed, VOW_RECORD_ABORTED, 101);
    cut_older_than(HOUR_MS);
    bed_restart(&bed);
    expect_keys(100, "");
}

/* What was folded in is taken off the list by an END that comes after it. */
Test(journal_sagas, an_end_closes_what_was_folded_in)
{
    begin_saga(1);
    clock_shift(DAY_MS);
    cut_older_than(HOUR_MS);
    expect_open_sagas(1);
    end_saga(1);
    bed_restart(&bed);
    expect_open_sagas(0);
    clock_shift(DAY_MS);
    cut_older_than(HOUR_MS);
    bed_restart(&bed);
    expect_open_sagas(0);
    cr_assert_eq(bed_stats(&bed).pruned, 7, "two epochs and the saga's five");
}

Test(journal_sagas, an_ended_saga_says_how_it_ended)
{
    struct vow_journal_op op;

    begin_saga(1);
    cr_assert_eq(ask(1, &op), VOW_E_NOT_FOUND, "it has not ended");
    end_saga(1);
    cr_assert_eq(ask(1, &op), 0);
    cr_assert_eq(op.saga, VOW_SAGA_COMPENSATED);
    cr_assert_eq(op.cause, VOW_CAUSE_HANDLER_REFUSED);
    cr_assert_eq(ask(2, &op), VOW_E_NOT_FOUND);
    cr_assert_eq(bed_get(&bed, 1, &op), VOW_E_NOT_FOUND, "it is no transaction");
}

/* Only its own END ends a saga, and a saga's ends no transaction. */
Test(journal_sagas, an_end_of_the_other_kind_ends_nothing)
{
    begin_saga(1);
    cr_assert_eq(bed_end(&bed, 1), VOW_JOURNAL_WON);
    expect_open_sagas(1);
    cr_assert_eq(bed_decide(&bed, 2), VOW_JOURNAL_WON);
    end_saga(2);
    for (int restarts = 0; restarts < 2; restarts++) {
        cr_assert_eq(bed_count_open(&bed), 5);
        clock_shift(DAY_MS);
        cut_older_than(HOUR_MS);
        bed_restart(&bed);
    }
}

Test(journal_sagas, history_keeps_orders_and_answers)
{
    struct vow_journal_op op = {.kind = VOW_JOURNAL_HISTORY, .gtrid = bed_gtrid(1)};

    begin_saga(1);
    end_saga(1);
    bed.ops->commit(bed.engine, &op);
    cr_assert_eq(op.error, 0);
    cr_assert_eq(op.events_len, 5);
    cr_assert_eq(op.events[0].record.body.len, 4);
    cr_assert_eq(memcmp(op.events[0].record.body.data, "\1\1\2\3", 4), 0);
    cr_assert_eq(op.events[1].record.step.fate, VOW_FATE_DONE);
    vow_journal_events_free(op.events, op.events_len);
}

/* F026: a file that has no sagas yet takes them. */
Test(journal_sagas, F026_log_of_format_3_takes_sagas)
{
    cr_assert_eq(bed_decide(&bed, 1), VOW_JOURNAL_WON);
    bed_close(&bed);
    bed_sql(&bed, "PRAGMA user_version = 3");
    bed_start(&bed);
    cr_assert_eq(bed_count_open(&bed), 1);
    cr_assert_eq(bed_end(&bed, 1), VOW_JOURNAL_WON);
    begin_saga(2);
    bed_restart(&bed);
    expect_open_sagas(1);
}
