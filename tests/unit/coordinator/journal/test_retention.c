/*
 * Retention: what has ended long enough ago is cut off, what has not ended never, and nobody takes the one for the
 * other (guarantees 3, 4 and 6).
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

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

TestSuite(retention, .init = setup, .fini = teardown, .timeout = 120);

static void commit_and_end(uint64_t seq)
{
    cr_assert_eq(bed_decide(&bed, seq), VOW_JOURNAL_WON);
    cr_assert_eq(bed_end(&bed, seq), VOW_JOURNAL_WON);
}

static void commit_and_end_all(uint64_t from, uint64_t to)
{
    for (uint64_t seq = from; seq <= to; seq++)
        commit_and_end(seq);
}

static void cut_older_than(uint64_t age_ms)
{
    bed_retain(&bed, age_ms);
    bed_rest(&bed);
}

static void expect_answer(uint64_t seq, int error)
{
    struct vow_journal_op op;
    int got = bed_get(&bed, seq, &op);

    cr_assert_eq(got, error, "%llu: %s instead of %s", (unsigned long long)seq, vow_error_name(got),
                 vow_error_name(error));
}

static void expect_answers(uint64_t from, uint64_t to, int error)
{
    for (uint64_t seq = from; seq <= to; seq++)
        expect_answer(seq, error);
}

/* --- What is cut and what is answered --- */

Test(retention, everything_is_kept_unless_told_otherwise)
{
    commit_and_end_all(1, 20);
    clock_shift(400 * DAY_MS);
    bed_rest(&bed);
    bed_restart(&bed);
    expect_answers(1, 20, 0);
    cr_assert_eq(bed_stats(&bed).pruned, 0);
}

Test(retention, I10_below_the_floor_is_expired_and_never_absent)
{
    commit_and_end_all(1, 9);
    commit_and_end_all(11, 20);
    bed_append(&bed, VOW_RECORD_ABORTED, 21);
    bed_append(&bed, VOW_RECORD_READ_ONLY, 22);
    bed_append(&bed, VOW_RECORD_ONE_PHASE, 23);
    clock_shift(DAY_MS);
    commit_and_end_all(30, 40);
    cut_older_than(HOUR_MS);
    for (int restarts = 0; restarts < 2; restarts++) {
        expect_answers(1, 23, VOW_E_EXPIRED); /* 10 never was: who could say so? */
        expect_answers(24, 29, VOW_E_NOT_FOUND);
        expect_answers(30, 40, 0);
        expect_answer(41, VOW_E_NOT_FOUND);
        bed_restart(&bed);
        bed_rest(&bed);
    }
}

Test(retention, history_below_the_floor_is_expired)
{
    struct vow_journal_op op = {.kind = VOW_JOURNAL_HISTORY, .gtrid = bed_gtrid(1)};

    commit_and_end(1);
    clock_shift(DAY_MS);
    cut_older_than(HOUR_MS);
    bed.ops->commit(bed.engine, &op);
    cr_assert_eq(op.error, VOW_E_EXPIRED);
    op.gtrid = bed_gtrid(2);
    bed.ops->commit(bed.engine, &op);
    cr_assert_eq(op.error, VOW_E_NOT_FOUND);
}

static void append_of(enum vow_record_kind kind, uint64_t seq, const char *who)
{
    struct vow_journal_op op;

    op_append(&op, &bed, kind, seq);
    op.record.detail = kind == VOW_RECORD_HEURISTIC ? (uint32_t)VOW_COMMIT : (uint32_t)VOW_DAMAGE_MIXED;
    op.record.cause = VOW_CAUSE_PRESUMED;
    (void)snprintf(op.record.who, sizeof(op.record.who), "%s", who);
    bed.ops->commit(bed.engine, &op);
    cr_assert_eq(op.result, VOW_JOURNAL_WON);
}

static bool is_forgotten(uint64_t seq, const char *reporter)
{
    struct vow_journal_op op;

    op_get(&op, seq);
    (void)snprintf(op.reporter, sizeof(op.reporter), "%s", reporter);
    bed.ops->commit(bed.engine, &op);
    return op.forgotten;
}

/* F056: a transaction that was aborted, and damage that is reported after other damage of it was seen to. */
Test(retention, F056_damage_after_an_end_is_open_again)
{
    append_of(VOW_RECORD_HEURISTIC, 1, "a");
    append_of(VOW_RECORD_DAMAGE, 1, "");
    append_of(VOW_RECORD_FORGET, 1, "");
    cr_assert_eq(bed_end(&bed, 1), VOW_JOURNAL_WON);
    cr_assert_eq(bed_count_open(&bed), 0);
    cr_assert(is_forgotten(1, "a") && is_forgotten(1, ""));
    cr_assert_not(is_forgotten(1, "b"), "what b did was seen to by nobody");
    append_of(VOW_RECORD_HEURISTIC, 1, "b");
    append_of(VOW_RECORD_DAMAGE, 1, "");
    for (int restarts = 0; restarts < 3; restarts++) {
        cr_assert_not(is_forgotten(1, "b"));
        cr_assert_eq(bed_count_open(&bed), 2);
        clock_shift(400 * DAY_MS);
        cut_older_than(HOUR_MS);
        bed_restart(&bed);
    }
    append_of(VOW_RECORD_FORGET, 1, "");
    cr_assert(is_forgotten(1, "b"));
    cr_assert_eq(bed_end(&bed, 1), VOW_JOURNAL_WON);
    cr_assert_eq(bed_count_open(&bed), 0);
    bed_restart(&bed);
    clock_shift(400 * DAY_MS);
    cut_older_than(HOUR_MS);
    cr_assert_eq(bed_count_open(&bed), 0);
    expect_answer(1, VOW_E_EXPIRED);
}

Test(retention, I11_unfinished_transactions_stay_whatever_their_age)
{
    for (uint64_t seq = 1; seq <= 20; seq++) {
        cr_assert_eq(bed_decide(&bed, seq), VOW_JOURNAL_WON);
        if (seq % 2 == 0)
            cr_assert_eq(bed_end(&bed, seq), VOW_JOURNAL_WON);
    }
    bed_append(&bed, VOW_RECORD_HAZARD, 7);
    for (int restarts = 0; restarts < 3; restarts++) {
        clock_shift(400 * DAY_MS);
        cut_older_than(HOUR_MS);
        for (uint64_t seq = 1; seq <= 20; seq++)
            expect_answer(seq, seq % 2 == 0 ? VOW_E_EXPIRED : 0);
        cr_assert_eq(bed_count_open(&bed), 11);
        bed_restart(&bed);
    }
    /* Once they end they are like all others. */
    for (uint64_t seq = 1; seq <= 20; seq += 2)
        cr_assert_eq(bed_end(&bed, seq), VOW_JOURNAL_WON);
    cr_assert_eq(bed_count_open(&bed), 0);
    cut_older_than(HOUR_MS);
    for (uint64_t seq = 1; seq <= 20; seq += 2)
        expect_answer(seq, 0);
    clock_shift(DAY_MS);
    cut_older_than(HOUR_MS);
    expect_answers(1, 20, VOW_E_EXPIRED);
    bed_restart(&bed);
    expect_answers(1, 20, VOW_E_EXPIRED);
    cr_assert_eq(bed_count_open(&bed), 0);
}

static int count_key(void *ctx, const struct vow_journal_event *event)
{
    unsigned *keys = ctx;

    cr_assert_eq(event->record.kind, VOW_RECORD_KEY);
    (*keys)++;
    return 0;
}

static unsigned count_keys(struct bed *with)
{
    unsigned keys = 0;

    cr_assert_eq(with->ops->keys(with->engine, 100, count_key, &keys, &with->detail), 0);
    return keys;
}

static int take_damage(void *ctx, const struct vow_journal_event *event)
{
    *(uint32_t *)ctx = event->record.detail;
    return 0;
}

/* Who asks by the key, after a restart, hears of damage that the id is known to have. */
Test(retention, F056_a_key_comes_with_the_damage_of_its_transaction)
{
    uint32_t damage = VOW_DAMAGE_MIXED;
    struct vow_journal_op op;

    cr_assert_eq(bed_append(&bed, VOW_RECORD_KEY, 1), VOW_JOURNAL_WON);
    cr_assert_eq(bed_decide(&bed, 1), VOW_JOURNAL_WON);
    cr_assert_eq(bed.ops->keys(bed.engine, 100, take_damage, &damage, &bed.detail), 0);
    cr_assert_eq(damage, VOW_DAMAGE_NONE);
    op_append(&op, &bed, VOW_RECORD_DAMAGE, 1);
    op.record.detail = VOW_DAMAGE_ROLLBACK;
    bed.ops->commit(bed.engine, &op);
    cr_assert_eq(op.result, VOW_JOURNAL_WON);
    cr_assert_eq(bed_append(&bed, VOW_RECORD_FORGET, 1), VOW_JOURNAL_WON);
    cr_assert_eq(bed_end(&bed, 1), VOW_JOURNAL_WON);
    bed_restart(&bed);
    cr_assert_eq(bed.ops->keys(bed.engine, 100, take_damage, &damage, &bed.detail), 0);
    cr_assert_eq(damage, VOW_DAMAGE_ROLLBACK);
}

/* Without its key the client's work could begin anew while it is on its way to the participants (F001). */
Test(retention, the_key_of_an_unfinished_transaction_stays)
{
    cr_assert_eq(bed_append(&bed, VOW_RECORD_KEY, 1), VOW_JOURNAL_WON);
    cr_assert_eq(bed_decide(&bed, 1), VOW_JOURNAL_WON);
    cr_assert_eq(bed_append(&bed, VOW_RECORD_KEY, 2), VOW_JOURNAL_WON);
    commit_and_end(2);
    for (int restarts = 0; restarts < 3; restarts++) {
        clock_shift(DAY_MS);
        cut_older_than(HOUR_MS);
        cr_assert_eq(count_keys(&bed), 1);
        bed_restart(&bed);
    }
    cr_assert_eq(bed_end(&bed, 1), VOW_JOURNAL_WON);
    cut_older_than(HOUR_MS);
    cr_assert_eq(count_keys(&bed), 1);
    clock_shift(DAY_MS);
    cut_older_than(HOUR_MS);
    cr_assert_eq(count_keys(&bed), 0);
    bed_restart(&bed);
    expect_answers(1, 2, VOW_E_EXPIRED);
}

/* The retention time counts from the end: a COMMIT that waited for its participant for a month has just ended. */
Test(retention, time_counts_from_the_end_of_a_transaction)
{
    cr_assert_eq(bed_decide(&bed, 1), VOW_JOURNAL_WON);
    clock_shift(30 * DAY_MS);
    cr_assert_eq(bed_end(&bed, 1), VOW_JOURNAL_WON);
    cut_older_than(DAY_MS);
    expect_answer(1, 0);
    bed_restart(&bed);
    cut_older_than(DAY_MS);
    expect_answer(1, 0);
    clock_shift(2 * DAY_MS);
    cut_older_than(DAY_MS);
    expect_answer(1, VOW_E_EXPIRED);
}

Test(retention, F130_clock_that_jumps_cuts_nothing_young)
{
    clock_shift(365 * DAY_MS); /* forth: these are of next year */
    commit_and_end_all(1, 5);
    clock_shift(-365 * DAY_MS);
    commit_and_end_all(6, 10);
    cut_older_than(HOUR_MS);
    expect_answers(1, 10, 0);
    clock_shift(366 * DAY_MS);
    cut_older_than(HOUR_MS);
    expect_answers(1, 10, VOW_E_EXPIRED);
}

Test(retention, size_takes_the_oldest_and_spares_the_young)
{
    struct vow_journal_retention retention = {.age_ms = 100 * DAY_MS, .bytes = 65536, .least_ms = HOUR_MS};

    bed.ops->retain(bed.engine, &retention);
    commit_and_end_all(1, 400);
    bed_rest(&bed);
    expect_answers(1, 400, 0); /* far over the limit, and all younger than an hour */
    clock_shift(2 * (int64_t)HOUR_MS);
    commit_and_end_all(401, 500);
    bed_rest(&bed);
    expect_answer(1, VOW_E_EXPIRED);
    expect_answers(401, 500, 0);
}

static void retain_both(uint64_t age_ms, uint64_t bytes)
{
    struct vow_journal_retention retention = {.age_ms = age_ms, .bytes = bytes, .least_ms = HOUR_MS};

    bed.ops->retain(bed.engine, &retention);
}

/* One batch, with more in it than a start may have to read. */
static void commit_and_end_many(uint64_t from, uint64_t count)
{
    struct vow_journal_op *ops = calloc(2 * count, sizeof(*ops));

    cr_assert_not_null(ops);
    for (uint64_t i = 0; i < count; i++) {
        op_decide(&ops[2 * i], &bed, from + i);
        op_end(&ops[2 * i + 1], &bed, from + i);
    }
    bed.ops->commit(bed.engine, op_link(ops, (unsigned)(2 * count)));
    cr_assert_eq(ops[0].result, VOW_JOURNAL_WON);
    free(ops);
}

/* A log that is over its size, which was just seen, and whose tail has become too long since. What is old is folded in,
 * so that a cut does not shorten the tail. */
static uint64_t make_large_with_long_tail(void)
{
    uint64_t seq = 10001;

    commit_and_end_many(1, 4500);
    bed_rest(&bed);
    commit_and_end_many(5001, 1900);
    clock_shift(2 * (int64_t)HOUR_MS);
    retain_both(100 * DAY_MS, 65536);
    while (bed_stats(&bed).pruned == 0)
        commit_and_end(seq++);
    commit_and_end_many(20001, 300);
    cr_assert_gt(bed_stats(&bed).last_lsn - bed_stats(&bed).snapshot_lsn, 8192);
    return bed_stats(&bed).pruned;
}

/* A limit holds from the next batch on, also while the tail is folded in: what was too large by the old one is not by
 * the new one, and nothing goes before its time. */
Test(retention, size_is_looked_at_while_the_tail_is_folded_in)
{
    uint64_t pruned = make_large_with_long_tail(), tail;

    retain_both(100 * DAY_MS, UINT64_C(1) << 30);
    for (uint64_t seq = 30001; seq <= 30003; seq++)
        commit_and_end(seq);
    bed_rest(&bed);
    tail = bed_stats(&bed).last_lsn - bed_stats(&bed).snapshot_lsn;
    cr_assert_leq(tail, 4096, "it was not folded in: %llu", (unsigned long long)tail);
    cr_assert_eq(bed_stats(&bed).pruned, pruned, "%llu went before their time",
                 (unsigned long long)(bed_stats(&bed).pruned - pruned));
    expect_answers(4400, 4500, 0);
}

/* --- In pieces --- */

Test(retention, cut_is_spread_over_many_commits)
{
    struct vow_journal_stats before, after;

    commit_and_end_all(1, 500);
    clock_shift(DAY_MS);
    bed_retain(&bed, HOUR_MS);
    for (uint64_t seq = 501; bed_stats(&bed).pruned < 900; seq++) {
        before = bed_stats(&bed);
        cr_assert_eq(bed_decide(&bed, seq), VOW_JOURNAL_WON);
        after = bed_stats(&bed);
        cr_assert_leq(after.cut_lsn - before.cut_lsn, 66, "64 and twice what was written");
        cr_assert_gt(after.cut_lsn, before.cut_lsn, "it keeps up");
        cr_assert_eq(after.syncs - before.syncs, 2, "it rides along: no sync of its own");
    }
}

Test(retention, space_is_used_again)
{
    size_t len = 0, len_then = 0;

    bed_retain(&bed, HOUR_MS);
    for (unsigned round = 0; round < 30; round++) {
        commit_and_end_all(1 + round * 100, 100 + round * 100);
        clock_shift(2 * (int64_t)HOUR_MS);
        bed_rest(&bed);
        if (round != 10 && round != 29)
            continue;
        bed_restart(&bed); /* the WAL is folded in */
        bed_retain(&bed, HOUR_MS);
        len_then = len;
        free(file_read(&bed, "journal.db", &len));
    }
    cr_assert_leq(len, len_then + 8192, "from %zu to %zu bytes", len_then, len);
}

/* --- A start reads the end of the log alone --- */

#define MANY 10000

static void fill_many(void)
{
    struct vow_journal_op *ops = calloc((size_t)2 * MANY, sizeof(*ops));

    for (size_t i = 0; i < MANY; i++) {
        op_decide(&ops[2 * i], &bed, i + 1);
        op_end(&ops[2 * i + 1], &bed, i + 1);
    }
    for (size_t i = 0; i < (size_t)2 * MANY; i += 1000)
        bed.ops->commit(bed.engine, op_link(ops + i, 1000));
    free(ops);
    bed_rest(&bed);
    bed_close(&bed);
}

Test(retention, a_start_reads_no_more_than_the_tail)
{
    struct vow_journal_stats stats;

    fill_many();
    bed_start(&bed);
    stats = bed_stats(&bed);
    cr_assert_leq(stats.last_lsn - stats.snapshot_lsn, 8192 + 1);
    cr_assert_not(stats.is_proved);
    /* Found is proved row by row; not found waits for the proof of the whole. */
    expect_answer(5, 0);
    expect_answer(MANY, 0);
    expect_answer(MANY + 1, VOW_E_NOT_FOUND);
    expect_answer(0, VOW_E_RECOVERING);
    bed_rest(&bed);
    expect_answer(0, VOW_E_NOT_FOUND);
}

static void expect_failed(void)
{
    cr_assert_eq(bed_stats(&bed).failed, VOW_E_DAMAGED);
    cr_assert_eq(bed_decide(&bed, MANY + 5), VOW_JOURNAL_UNKNOWN);
    expect_answer(7, VOW_E_DAMAGED);
}

static void prove_until_failed(void)
{
    for (int i = 0; i < 100 && bed_stats(&bed).failed == 0; i++)
        bed.ops->idle(bed.engine);
}

/* A lost COMMIT in what the start did not read: never "no record, so abort". */
Test(retention, I10_event_lost_before_the_snapshot_is_never_absent)
{
    fill_many();
    bed_sql(&bed, "DELETE FROM event WHERE lsn = 4000");
    bed_start(&bed);
    expect_answer(2000, VOW_E_RECOVERING);
    prove_until_failed();
    expect_failed();
}

Test(retention, F114_event_changed_before_the_snapshot)
{
    fill_many();
    bed_sql(&bed, "UPDATE event SET wall_us = 7 WHERE lsn = 4000");
    bed_start(&bed);
    expect_answer(2000, VOW_E_DAMAGED);
    prove_until_failed();
    expect_failed();
}

/* --- The snapshot itself --- */

static void make_cut_log(void)
{
    for (uint64_t seq = 1; seq <= 6; seq++)
        cr_assert_eq(bed_decide(&bed, seq), VOW_JOURNAL_WON);
    commit_and_end_all(7, 20);
    clock_shift(DAY_MS);
    cut_older_than(HOUR_MS);
    commit_and_end_all(21, 25);
    cr_assert_eq(bed_stats(&bed).cut_lsn, 1 + 6 + 28);
    bed_close(&bed);
}

static void expect_hurt(const char *sql, const char *words)
{
    struct bed hurt;

    bed_copy(&bed, &hurt);
    bed_sql(&hurt, sql);
    bed_expect_refused(&hurt, VOW_E_DAMAGED, words);
    bed_remove(&hurt);
}

/* Where the index says that this transaction has a FORGET: an entry is a header of four bytes, the id, the kind, the
 * LSN. */
static long index_entry_of_forget(uint64_t seq)
{
    static const unsigned char header[4] = {4, 12 + 2 * VOW_GTRID_BYTES, 1};
    unsigned char entry[sizeof(header) + VOW_GTRID_BYTES + 1];
    const struct vow_gtrid id = bed_gtrid(seq);

    memcpy(entry + sizeof(header), id.bytes, VOW_GTRID_BYTES);
    entry[sizeof(entry) - 1] = VOW_RECORD_FORGET;
    /* The LSN takes one to six bytes. */
    for (unsigned char lsn_type = 1; lsn_type <= 6; lsn_type++) {
        memcpy(entry, header, sizeof(header));
        entry[3] = lsn_type;
        long at = file_find(&bed, "journal.db", entry, sizeof(entry), 1);
        if (at >= 0)
            return at + (long)sizeof(entry) - 1;
    }
    return -1;
}

/* More pages than a start checks one by one, all of it before the snapshot. */
static void fill_pages(void)
{
    struct vow_journal_op ops[2];

    for (uint64_t seq = 1; seq <= 6000; seq++) {
        op_decide_long(&ops[0], &bed, seq);
        op_end(&ops[1], &bed, seq);
        bed.ops->commit(bed.engine, op_link(ops, 2));
        cr_assert_eq(ops[1].result, VOW_JOURNAL_WON);
    }
    bed_rest(&bed);
    bed_close(&bed);
}

/* One bit makes FORGET an END, in a page that a start has no reason to read: the decision before it would be over, and
 * an inquiry would hear ABORT (guarantee 1). What the index says of an END is believed only if the event is one. */
Test(retention, F114_index_entry_after_an_open_commit_that_says_END)
{
    unsigned char *bytes;
    size_t len;

    cr_assert_eq(bed_decide(&bed, MANY + 7), VOW_JOURNAL_WON);
    append_of(VOW_RECORD_FORGET, MANY + 7, "");
    fill_pages();
    const long at = index_entry_of_forget(MANY + 7);
    cr_assert_gt(at, 0);
    bytes = file_read(&bed, "journal.db", &len);
    cr_assert_eq(bytes[at], VOW_RECORD_FORGET);
    bytes[at] = VOW_RECORD_END;
    file_write(&bed, "journal.db", bytes, len);
    free(bytes);
    bed_start(&bed);
    cr_assert_eq(bed_count_open(&bed), 2);
    prove_until_failed();
    cr_assert_eq(bed_stats(&bed).failed, VOW_E_DAMAGED);
}

Test(retention, I11_kept_event_that_is_lost_is_found_at_start)
{
    make_cut_log();
    expect_hurt("DELETE FROM event WHERE lsn = 3", "kept up to the cut");
    expect_hurt("UPDATE event SET body = zeroblob(3) WHERE lsn = 3", "kept up to the cut");
    expect_hurt("UPDATE event SET wall_us = 7 WHERE lsn = 3", "kept up to the cut");
    expect_hurt("INSERT INTO event SELECT 30, wall_us, gtrid, kind, body, hash FROM event WHERE lsn = 3",
                "kept up to the cut");
    expect_hurt("DELETE FROM open WHERE lsn = 3", "open records are not those");
    expect_hurt("DELETE FROM open", "open records are not those");
    expect_hurt("INSERT INTO open VALUES (36)", "open records are not those");
}

Test(retention, F115_snapshot_that_is_lost_or_not_this_one)
{
    make_cut_log();
    expect_hurt("DELETE FROM snapshot", "");
    expect_hurt("UPDATE snapshot SET body = zeroblob(148)", "does not fit its seal");
    expect_hurt("UPDATE snapshot SET seal = zeroblob(16)", "does not fit its seal");
    expect_hurt("DELETE FROM event WHERE lsn = 36", "missing");
    expect_hurt("DROP TABLE snapshot", "");
    expect_hurt("DROP TABLE open", "");
}

/* The witness is never behind what was folded in: an old one is of another time. */
Test(retention, F023_witness_older_than_the_snapshot)
{
    struct bed old;

    make_cut_log();
    bed_copy(&bed, &old);
    bed_start(&bed);
    clock_shift(DAY_MS);
    cut_older_than(HOUR_MS);
    bed_close(&bed);
    file_copy(&old, &bed, "witness");
    bed_expect_refused(&bed, VOW_E_DAMAGED, "witness is older");
    bed_remove(&old);
}

/* --- Crashes --- */

static void expect_all_there(struct bed *after, uint64_t ended)
{
    struct vow_journal_op op;

    cr_assert_eq(bed_count_open(after), 6);
    for (uint64_t seq = 1; seq <= 6; seq++)
        cr_assert_eq(bed_get(after, seq, &op), 0);
    for (uint64_t seq = 7; seq <= ended; seq++) {
        int got = bed_get(after, seq, &op);

        cr_assert(got == 0 || got == VOW_E_EXPIRED, "%s", vow_error_name(got));
    }
}

/* Each write and sync of a cut fails once, and the process goes down with it. */
static unsigned fail_each_call(enum fault_kind kind)
{
    for (unsigned nth = 1;; nth++) {
        struct bed after;
        bool was_hit;

        bed_copy(&bed, &after);
        bed_start(&after);
        bed_retain(&after, HOUR_MS);
        fault_arm(kind, nth, EIO);
        after.ops->idle(after.engine);
        was_hit = fault_disarm();
        cr_assert_eq(bed_stats(&after).failed, was_hit ? VOW_E_IO : 0);
        cr_assert_eq(bed_decide(&after, 100), was_hit ? VOW_JOURNAL_UNKNOWN : VOW_JOURNAL_WON);
        if (was_hit) {
            bed_close(&after);
            bed_start(&after);
            expect_all_there(&after, 25);
        }
        bed_remove(&after);
        if (!was_hit)
            return nth - 1;
    }
}

Test(retention, F012_B42_each_failure_within_a_cut_loses_nothing)
{
    make_cut_log();
    clock_shift(DAY_MS);
    cr_assert_geq(fail_each_call(FAULT_WRITE), 3);
    cr_assert_geq(fail_each_call(FAULT_SYNC), 1);
}

/* A crash after every commit of a long run of small cuts: the files as they are then are a sound log. */
Test(retention, F012_B42_crash_after_each_piece)
{
    make_cut_log();
    bed_start(&bed);
    commit_and_end_all(26, 120);
    clock_shift(DAY_MS);
    bed_retain(&bed, HOUR_MS);
    for (uint64_t seq = 200; seq < 210; seq++) {
        struct bed after;

        commit_and_end(seq);
        bed_copy(&bed, &after);
        bed_start(&after);
        expect_all_there(&after, 120);
        bed_remove(&after);
    }
}

/* --- Formats --- */

/* What a program of format 1 left: the three tables are not there. */
static void make_format_1(void)
{
    bed_close(&bed);
    bed_sql(&bed, "DROP TABLE open; DROP TABLE snapshot; DROP TABLE life; PRAGMA user_version = 1");
}

Test(retention, F026_log_of_format_1_keeps_its_outcomes)
{
    for (uint64_t seq = 1; seq <= 4; seq++)
        cr_assert_eq(bed_decide(&bed, seq), VOW_JOURNAL_WON);
    commit_and_end_all(5, 9);
    bed_append(&bed, VOW_RECORD_HAZARD, 2);
    make_format_1();
    for (int restarts = 0; restarts < 2; restarts++) {
        bed_start(&bed);
        cr_assert_eq(bed_count_open(&bed), 5);
        expect_answers(1, 9, 0);
        expect_answer(10, VOW_E_NOT_FOUND);
        bed_close(&bed);
    }
    bed_start(&bed);
    clock_shift(DAY_MS);
    cut_older_than(HOUR_MS);
    expect_answers(1, 4, 0);
    expect_answers(5, 9, VOW_E_EXPIRED);
}

Test(retention, F026_damaged_log_of_format_1_is_left_as_it_is)
{
    commit_and_end_all(1, 5);
    make_format_1();
    bed_sql(&bed, "DELETE FROM event WHERE lsn = 4");
    bed_expect_refused(&bed, VOW_E_DAMAGED, "missing");
}

/* --- What an operator may do --- */

Test(retention, vacuum_of_a_stopped_log_changes_nothing)
{
    make_cut_log();
    bed_sql(&bed, "VACUUM");
    bed_start(&bed);
    expect_all_there(&bed, 20);
    expect_answers(21, 25, 0);
}
