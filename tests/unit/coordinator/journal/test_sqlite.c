#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "kit.h"

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

TestSuite(sqlite, .init = setup, .fini = teardown);

static struct vow_journal_op history(uint64_t seq)
{
    struct vow_journal_op op = {.kind = VOW_JOURNAL_HISTORY, .gtrid = bed_gtrid(seq)};

    bed.ops->commit(bed.engine, &op);
    return op;
}

Test(sqlite, every_kind_of_record_comes_back)
{
    static const enum vow_record_kind kinds[] = {VOW_RECORD_HAZARD, VOW_RECORD_END, VOW_RECORD_ABORTED,
                                                 VOW_RECORD_READ_ONLY, VOW_RECORD_ONE_PHASE};
    struct vow_journal_op decided, appended, read;

    op_decide(&decided, &bed, 1);
    bed.ops->commit(bed.engine, &decided);
    for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
        op_append(&appended, &bed, kinds[i], 1);
        bed.ops->commit(bed.engine, &appended);
        cr_assert_eq(appended.result, VOW_JOURNAL_WON);
        cr_assert_eq(appended.lsn, i + 3);
    }
    bed_close(&bed);
    bed_start(&bed);

    read = history(1);
    cr_assert_eq(read.error, 0);
    cr_assert_eq(read.events_len, 6);
    cr_assert_eq(read.events[0].lsn, 2);
    cr_assert_eq(read.events[0].record.kind, VOW_RECORD_COMMIT);
    cr_assert_eq(read.events[0].record.epoch, 1);
    expect_same_branches(&read.events[0].record, &decided.record);
    for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
        const struct vow_journal_event *event = &read.events[i + 1];

        cr_assert_eq(event->lsn, i + 3);
        cr_assert_gt(event->wall_us, 0);
        cr_assert_eq(event->record.kind, kinds[i]);
        cr_assert(vow_gtrid_equal(&event->record.gtrid, &decided.gtrid));
    }
    cr_assert_eq(read.events[3].record.cause, VOW_CAUSE_VOTE_TIMEOUT);
    cr_assert_str_eq(read.events[3].record.who, "stock");
    cr_assert_str_eq(read.events[3].record.text, "no answer for five seconds");
    vow_journal_events_free(read.events, read.events_len);
}

Test(sqlite, history_of_nobody_is_not_found)
{
    cr_assert_eq(history(99).error, VOW_E_NOT_FOUND);
}

Test(sqlite, get_gives_the_terminal_outcome)
{
    struct vow_journal_op op;

    cr_assert_eq(bed_decide(&bed, 1), VOW_JOURNAL_WON);
    cr_assert_eq(bed_end(&bed, 1), VOW_JOURNAL_WON);
    cr_assert_eq(bed_append(&bed, VOW_RECORD_ABORTED, 2), VOW_JOURNAL_WON);
    cr_assert_eq(bed_append(&bed, VOW_RECORD_READ_ONLY, 3), VOW_JOURNAL_WON);
    cr_assert_eq(bed_append(&bed, VOW_RECORD_ONE_PHASE, 4), VOW_JOURNAL_WON);
    cr_assert_eq(bed_append(&bed, VOW_RECORD_HAZARD, 5), VOW_JOURNAL_WON);

    cr_assert_eq(bed_get(&bed, 1, &op), 0);
    cr_assert_eq(op.outcome, VOW_COMMITTED);
    cr_assert(op.decided);
    cr_assert_eq(op.lsn, 2);
    cr_assert_eq(bed_get(&bed, 2, &op), 0);
    cr_assert_eq(op.outcome, VOW_ABORTED);
    cr_assert_eq(op.cause, VOW_CAUSE_VOTE_TIMEOUT);
    cr_assert_eq(bed_get(&bed, 3, &op), 0);
    cr_assert_eq(op.outcome, VOW_COMMITTED);
    cr_assert_not(op.decided, "a note has no yes-list");
    cr_assert_eq(bed_get(&bed, 4, &op), 0);
    cr_assert_eq(op.outcome, VOW_COMMITTED);
    cr_assert_not(op.decided);
    cr_assert_eq(bed_get(&bed, 5, &op), VOW_E_NOT_FOUND);
    cr_assert_eq(bed_get(&bed, 6, &op), VOW_E_NOT_FOUND);
}

Test(sqlite, reads_see_the_writes_of_their_batch)
{
    struct vow_journal_op ops[2];

    op_get(&ops[0], 1);
    op_decide(&ops[1], &bed, 1);
    bed.ops->commit(bed.engine, op_link(ops, 2));
    cr_assert_eq(ops[0].error, 0);
    cr_assert_eq(ops[0].outcome, VOW_COMMITTED);
}

/* The cost of a group commit: one sync of the log, one of the witness, however many records (protocol 1.1). */
Test(sqlite, two_syncs_a_batch)
{
    struct vow_journal_op ops[50];
    struct vow_journal_stats before, after;

    cr_assert_eq(bed_decide(&bed, 1000), VOW_JOURNAL_WON); /* the first commit of a WAL syncs its header, too */
    for (unsigned round = 0; round < 3; round++) {
        before = bed_stats(&bed);
        for (unsigned i = 0; i < 50; i++) {
            if (i % 5 == 4)
                op_append(&ops[i], &bed, VOW_RECORD_ABORTED, round * 50 + i);
            else
                op_decide(&ops[i], &bed, round * 50 + i);
        }
        bed.ops->commit(bed.engine, op_link(ops, 50));
        after = bed_stats(&bed);
        cr_assert_eq(after.syncs - before.syncs, 2);
        cr_assert_eq(after.commits - before.commits, 1);
        cr_assert_eq(after.records - before.records, 40);
        cr_assert_eq(after.forced_records - before.forced_records, 40);
        cr_assert_eq(after.notes - before.notes, 10);
        cr_assert_eq(after.last_lsn - before.last_lsn, 50);
    }
}

Test(sqlite, reading_costs_no_sync)
{
    struct vow_journal_stats before = bed_stats(&bed), after;
    struct vow_journal_op op;

    (void)bed_get(&bed, 1, &op);
    (void)history(1);
    after = bed_stats(&bed);
    cr_assert_eq(after.syncs, before.syncs);
    cr_assert_eq(after.commits, before.commits);
}

Test(sqlite, decision_is_written_once)
{
    struct vow_journal_op op;

    cr_assert_eq(bed_decide(&bed, 1), VOW_JOURNAL_WON);
    op_decide(&op, &bed, 1);
    bed.ops->commit(bed.engine, &op);
    cr_assert_eq(op.result, VOW_JOURNAL_EXISTS);
    cr_assert_eq(op.outcome, VOW_COMMITTED);
    cr_assert_eq(op.lsn, 2);
    bed_close(&bed);
    bed_start(&bed);
    cr_assert_eq(bed_decide(&bed, 1), VOW_JOURNAL_EXISTS);
    cr_assert_eq(bed_count_open(&bed), 1);
}

Test(sqlite, decision_is_written_once_within_a_batch)
{
    struct vow_journal_op ops[2];

    op_decide(&ops[0], &bed, 1);
    op_decide(&ops[1], &bed, 1);
    bed.ops->commit(bed.engine, op_link(ops, 2));
    cr_assert_eq(ops[0].result, VOW_JOURNAL_WON);
    cr_assert_eq(ops[1].result, VOW_JOURNAL_EXISTS);
    cr_assert_eq(bed_count_open(&bed), 1);
}

/* Invariant I02: one transaction, one terminal record. */
Test(sqlite, I02_commit_after_aborted_stops_the_journal)
{
    struct vow_journal_op op;

    cr_assert_eq(bed_append(&bed, VOW_RECORD_ABORTED, 1), VOW_JOURNAL_WON);
    cr_assert_eq(bed_decide(&bed, 1), VOW_JOURNAL_UNKNOWN);
    cr_assert_eq(bed_decide(&bed, 2), VOW_JOURNAL_UNKNOWN);
    bed_close(&bed);
    bed_start(&bed);
    cr_assert_eq(bed_get(&bed, 1, &op), 0);
    cr_assert_eq(op.outcome, VOW_ABORTED);
    cr_assert_eq(bed_count_open(&bed), 0);
}

Test(sqlite, F021_decision_of_another_epoch_is_fenced)
{
    struct vow_journal_op op;

    cr_assert_eq(bed.ops->takeover(bed.engine, &bed.identity, &bed.detail), 0);
    for (uint32_t epoch = 1; epoch <= 3; epoch++) {
        op_decide(&op, &bed, epoch);
        op.record.epoch = epoch;
        bed.ops->commit(bed.engine, &op);
        cr_assert_eq(op.result, epoch == 2 ? VOW_JOURNAL_WON : VOW_JOURNAL_FENCED);
        cr_assert_eq(op.error, 0);
    }
    cr_assert_eq(bed_count_open(&bed), 1);
}

Test(sqlite, each_start_is_a_new_epoch_of_the_same_coordinator)
{
    uint64_t coord = bed.identity.coord;

    cr_assert(coord > 0 && coord <= VOW_COORD_MAX);
    cr_assert_str_eq(bed.identity.name, "alpha");
    for (uint32_t epoch = 1; epoch <= 4; epoch++) {
        cr_assert_eq(bed.identity.epoch, epoch);
        cr_assert_eq(bed.identity.coord, coord);
        bed_close(&bed);
        bed_start(&bed);
    }
}

Test(sqlite, two_directories_are_two_coordinators)
{
    struct bed other;

    bed_make_filled(&other, 0);
    cr_assert_neq(other.identity.coord, bed.identity.coord);
    bed_remove(&other);
}

struct seen {
    uint64_t lsns[8];
    enum vow_record_kind kinds[8];
    int count;
};

static int see(void *ctx, const struct vow_journal_event *event)
{
    struct seen *seen = ctx;

    seen->lsns[seen->count] = event->lsn;
    seen->kinds[seen->count++] = event->record.kind;
    cr_assert_eq(event->record.branches_len, event->record.kind == VOW_RECORD_COMMIT ? 2 : 0);
    return 0;
}

static int stop_at_once(void *ctx, const struct vow_journal_event *event)
{
    (void)ctx;
    (void)event;
    return VOW_E_BUSY;
}

Test(sqlite, scan_shows_exactly_what_is_open)
{
    struct seen seen = {.count = 0};

    for (uint64_t seq = 1; seq <= 3; seq++)
        cr_assert_eq(bed_decide(&bed, seq), VOW_JOURNAL_WON); /* lsn 2, 3, 4 */
    cr_assert_eq(bed_append(&bed, VOW_RECORD_HAZARD, 2), VOW_JOURNAL_WON);
    cr_assert_eq(bed_append(&bed, VOW_RECORD_HAZARD, 3), VOW_JOURNAL_WON);
    cr_assert_eq(bed_append(&bed, VOW_RECORD_ABORTED, 4), VOW_JOURNAL_WON);
    cr_assert_eq(bed_end(&bed, 1), VOW_JOURNAL_WON);
    cr_assert_eq(bed_end(&bed, 3), VOW_JOURNAL_WON);
    bed_close(&bed);
    bed_start(&bed);

    cr_assert_eq(bed.ops->scan(bed.engine, see, &seen, &bed.detail), 0);
    cr_assert_eq(seen.count, 2);
    cr_assert_eq(seen.lsns[0], 3);
    cr_assert_eq(seen.kinds[0], VOW_RECORD_COMMIT);
    cr_assert_eq(seen.lsns[1], 5);
    cr_assert_eq(seen.kinds[1], VOW_RECORD_HAZARD);
    cr_assert_eq(bed.ops->scan(bed.engine, stop_at_once, NULL, &bed.detail), VOW_E_BUSY);
}

static void write_many(void (*fill)(struct vow_journal_op *, const struct bed *, uint64_t), unsigned count)
{
    struct vow_journal_op *ops = calloc(count, sizeof(*ops));

    cr_assert_not_null(ops);
    for (unsigned i = 0; i < count; i++)
        fill(&ops[i], &bed, i + 1);
    bed.ops->commit(bed.engine, op_link(ops, count));
    cr_assert_eq(ops[0].result, VOW_JOURNAL_WON);
    cr_assert_eq(ops[count - 1].result, VOW_JOURNAL_WON);
    free(ops);
}

Test(sqlite, long_chain_verifies)
{
    write_many(op_decide, 10000);
    bed_close(&bed);
    bed_start(&bed);
    cr_assert_eq(bed_stats(&bed).last_lsn, 10002);
    cr_assert_eq(bed_count_open(&bed), 10000);
}

/* Fault F121: a WAL that is long enough is folded in, and its space is used again. */
Test(sqlite, F121_wal_is_bounded)
{
    size_t first, later;
    struct bed crashed;

    write_many(op_decide_long, 3000);
    free(file_read(&bed, "journal.db-wal", &first));
    cr_assert_gt(first, 8 << 20);
    for (unsigned i = 0; i < 20; i++)
        cr_assert_eq(bed_decide(&bed, 100000 + i), VOW_JOURNAL_WON);
    free(file_read(&bed, "journal.db-wal", &later));
    cr_assert_eq(later, first);

    bed_copy(&bed, &crashed);
    bed_start(&crashed);
    cr_assert_eq(bed_count_open(&crashed), 3020);
    bed_remove(&crashed);
}

Test(sqlite, clean_end_leaves_one_database_file)
{
    char path[128];

    cr_assert_eq(bed_decide(&bed, 1), VOW_JOURNAL_WON);
    bed_close(&bed);
    file_path(&bed, "journal.db-wal", path);
    cr_assert_neq(access(path, F_OK), 0);
    file_path(&bed, "journal.db-shm", path);
    cr_assert_neq(access(path, F_OK), 0);
}

Test(sqlite, files_are_the_owners_alone)
{
    struct stat status;
    char path[128];

    file_path(&bed, "journal.db", path);
    cr_assert_eq(stat(path, &status), 0);
    cr_assert_eq(status.st_mode & 0777, 0600);
    file_path(&bed, "journal.db-wal", path);
    cr_assert_eq(stat(path, &status), 0);
    cr_assert_eq(status.st_mode & 0777, 0600);
}

Test(sqlite, directory_is_made_but_not_its_parents)
{
    struct vow_journal_options options = {.name = "alpha"};
    const struct vow_journal_engine *ops;
    void *engine;
    char path[128];
    struct stat status;

    file_path(&bed, "below/deep", path);
    options.directory = path;
    cr_assert_eq(vow_journal_sqlite_open(&options, &ops, &engine, &bed.detail), VOW_E_IO);
    file_path(&bed, "below", path);
    cr_assert_eq(vow_journal_sqlite_open(&options, &ops, &engine, &bed.detail), 0, "%s", bed.detail.text);
    ops->close(engine);
    cr_assert_eq(stat(path, &status), 0);
    cr_assert_eq(status.st_mode & 0777, 0700);
}

Test(sqlite, name_is_checked_and_may_be_left_out)
{
    struct vow_journal_options options = {.directory = bed.directory, .name = "no name"};

    bed_close(&bed);
    cr_assert_eq(vow_journal_sqlite_open(&options, &bed.ops, &bed.engine, &bed.detail), VOW_E_NAME);
    options.name = NULL;
    cr_assert_eq(vow_journal_sqlite_open(&options, &bed.ops, &bed.engine, &bed.detail), 0);
    cr_assert_eq(bed.ops->takeover(bed.engine, &bed.identity, &bed.detail), 0);
    cr_assert_str_eq(bed.identity.name, "alpha");
}

/* Epochs only count up, each with an event in the chain: none can be set by hand, to the last one of all for example,
 * behind which there is none. */
Test(sqlite, F152_an_epoch_that_was_set_by_hand_is_refused)
{
    bed_close(&bed);
    bed_sql(&bed, "UPDATE identity SET epoch = 4294967295");
    cr_assert_eq(bed_open(&bed), VOW_E_DAMAGED);
    cr_assert_not_null(strstr(bed.detail.text, "the identity does not fit the last EPOCH event"));
}

/* --- The lives of data files --- */

static enum vow_journal_result see_life(uint8_t file, uint64_t incarnation)
{
    struct vow_journal_op op = {.kind = VOW_JOURNAL_LIFE,
                                .life = {.name = "p", .incarnation = incarnation, .since = {2, UINT64_C(1) << 33}}};

    memset(op.life.db_uuid, file, sizeof(op.life.db_uuid));
    bed.ops->commit(bed.engine, &op);
    return op.result;
}

struct lives {
    unsigned len;
    struct vow_journal_life last[4];
};

static void take_life(void *ctx, const struct vow_journal_life *life)
{
    struct lives *lives = ctx;

    cr_assert_lt(lives->len, 4);
    lives->last[lives->len++] = *life;
}

Test(sqlite, F045_lives_outlast_a_restart_and_are_no_events)
{
    struct lives lives = {0};
    struct vow_journal_stats before, after;

    bed.ops->stats(bed.engine, &before);
    cr_assert_eq(see_life(1, 3), VOW_JOURNAL_WON);
    cr_assert_eq(see_life(2, 7), VOW_JOURNAL_WON);
    cr_assert_eq(see_life(1, UINT64_C(1) << 40), VOW_JOURNAL_WON);
    bed.ops->stats(bed.engine, &after);
    cr_assert_eq(after.last_lsn, before.last_lsn);
    cr_assert_eq(after.notes + after.records, before.notes + before.records);
    bed_close(&bed);
    bed_start(&bed);
    cr_assert_eq(bed.ops->lives(bed.engine, take_life, &lives, &bed.detail), 0, "%s", bed.detail.text);
    cr_assert_eq(lives.len, 2);
    cr_assert_eq(lives.last[0].db_uuid[0], 2);
    cr_assert_eq(lives.last[0].incarnation, 7);
    cr_assert_eq(lives.last[0].since.epoch, 2);
    cr_assert_str_eq(lives.last[0].name, "p");
    cr_assert_eq(lives.last[0].since.seq, UINT64_C(1) << 33);
    cr_assert_eq(lives.last[1].db_uuid[0], 1);
    cr_assert_eq(lives.last[1].incarnation, UINT64_C(1) << 40);
}

Test(sqlite, F114_a_life_that_contradicts_itself_is_damage)
{
    struct lives lives = {0};

    cr_assert_eq(see_life(1, 3), VOW_JOURNAL_WON);
    bed_close(&bed);
    bed_sql(&bed, "UPDATE life SET incarnation = 7");
    bed_start(&bed);
    cr_assert_eq(bed.ops->lives(bed.engine, take_life, &lives, &bed.detail), VOW_E_DAMAGED);
    cr_assert_eq(lives.len, 0);
}
