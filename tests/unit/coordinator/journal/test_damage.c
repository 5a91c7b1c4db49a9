/*
 * What a data directory may look like after accidents, and what open says to it. The rule behind all of it: a log
 * that has lost something is never read as "no record, so abort" (guarantee 4, invariants I10 and I12).
 */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "kit.h"

#define EVENTS 11 /* EPOCH and ten COMMITs */

static struct bed live, crashed; /* a journal at work, and what a crash leaves of it */

static void setup(void)
{
    bed_make_filled(&live, EVENTS - 1);
    bed_copy(&live, &crashed);
}

static void teardown(void)
{
    bed_remove(&crashed);
    bed_remove(&live);
}

TestSuite(damage, .init = setup, .fini = teardown, .timeout = 240);

/* The rest of the tests means something only if nothing else is wrong with the copy. */
Test(damage, crash_alone_is_none)
{
    bed_start(&crashed);
    cr_assert_eq(bed_count_open(&crashed), EVENTS - 1);
    cr_assert_eq(bed_stats(&crashed).last_lsn, EVENTS + 1);
}

/* A clean end and one accident in the database file. */
static void fold_in(void)
{
    cr_assert_eq(bed_open(&crashed), 0);
    bed_close(&crashed);
}

/* --- The WAL (findings 1 and 3) --- */

Test(damage, F113_flipped_byte_in_the_middle_of_the_wal)
{
    size_t len;

    free(file_read(&crashed, "journal.db-wal", &len));
    file_flip(&crashed, "journal.db-wal", len / 2);
    bed_expect_refused(&crashed, VOW_E_BEHIND_WITNESS, "its witness stands at 11");
}

Test(damage, F116_truncated_wal)
{
    size_t len;

    free(file_read(&crashed, "journal.db-wal", &len));
    file_truncate(&crashed, "journal.db-wal", len - 1);
    bed_expect_refused(&crashed, VOW_E_BEHIND_WITNESS, "ends at lsn 10");
    file_truncate(&crashed, "journal.db-wal", len / 2);
    bed_expect_refused(&crashed, VOW_E_BEHIND_WITNESS, "its witness stands at 11");
    file_truncate(&crashed, "journal.db-wal", 0);
    bed_expect_refused(&crashed, VOW_E_BEHIND_WITNESS, "ends at lsn 0");
}

Test(damage, F116_zeroed_wal)
{
    size_t len;
    unsigned char *bytes = file_read(&crashed, "journal.db-wal", &len);

    memset(bytes, 0, len);
    file_write(&crashed, "journal.db-wal", bytes, len);
    free(bytes);
    bed_expect_refused(&crashed, VOW_E_BEHIND_WITNESS, "ends at lsn 0");
}

Test(damage, F117_deleted_wal)
{
    file_remove(&crashed, "journal.db-wal");
    bed_expect_refused(&crashed, VOW_E_BEHIND_WITNESS, "ends at lsn 0");
}

/* Wherever one byte of the WAL is turned: either nothing that counts is lost, or open refuses. */
Test(damage, F113_any_byte_of_the_wal)
{
    size_t len;

    free(file_read(&crashed, "journal.db-wal", &len));
    for (size_t offset = 0; offset < len; offset += 479) {
        struct bed hurt;

        bed_copy(&crashed, &hurt);
        file_flip(&hurt, "journal.db-wal", offset);
        if (bed_open(&hurt) == 0)
            cr_assert_eq(bed_count_open(&hurt), EVENTS - 1, "offset %zu", offset);
        bed_remove(&hurt);
    }
}

/* --- The database file --- */

Test(damage, F114_flipped_byte_in_a_row_or_in_the_index)
{
    struct vow_gtrid gtrid = bed_gtrid(5);
    long offset;

    fold_in();
    for (unsigned nth = 1; nth <= 2; nth++) {
        offset = file_find(&crashed, "journal.db", gtrid.bytes, sizeof(gtrid.bytes), nth);
        cr_assert_geq(offset, 0);
        file_flip(&crashed, "journal.db", (size_t)offset + 10);
        bed_expect_refused(&crashed, VOW_E_DAMAGED, "restore");
        file_flip(&crashed, "journal.db", (size_t)offset + 10);
    }
    cr_assert_eq(bed_open(&crashed), 0);
}

Test(damage, F114_flipped_byte_in_a_body)
{
    long offset;

    fold_in();
    offset = file_find(&crashed, "journal.db", "payment", 7, 3);
    cr_assert_geq(offset, 0);
    file_flip(&crashed, "journal.db", (size_t)offset);
    bed_expect_refused(&crashed, VOW_E_DAMAGED, "does not fit its hash");
}

Test(damage, F114_flipped_byte_in_the_identity)
{
    long offset;

    fold_in();
    offset = file_find(&crashed, "journal.db", "alpha", 5, 1);
    cr_assert_geq(offset, 0);
    file_flip(&crashed, "journal.db", (size_t)offset);
    bed_expect_refused(&crashed, VOW_E_DAMAGED, "the identity does not fit");
}

/* SQLite tells of it in lines, each with a heading; we tell it in one, whole words of it. */
Test(damage, F114_zeroed_bytes_are_told_of_in_one_line)
{
    static const char zeros[64];
    unsigned char *bytes;
    size_t len, told = 0;

    fold_in();
    bytes = file_read(&crashed, "journal.db", &len);
    for (size_t offset = 4096; offset + sizeof(zeros) <= len; offset += 1024) {
        struct bed hurt;

        bed_copy(&crashed, &hurt);
        memcpy(bytes + offset, zeros, sizeof(zeros));
        file_write(&hurt, "journal.db", bytes, len);
        if (bed_open(&hurt) == VOW_E_DAMAGED) {
            cr_assert_null(strpbrk(hurt.detail.text, "\n\r\t"), "%s", hurt.detail.text);
            cr_assert_null(strstr(hurt.detail.text, "***"), "%s", hurt.detail.text);
            told++;
        }
        bed_remove(&hurt);
        free(bytes);
        bytes = file_read(&crashed, "journal.db", &len);
    }
    free(bytes);
    cr_assert_gt(told, 0);
}

/* Wherever one byte of the file is turned: either nothing that counts is lost, or open refuses. */
Test(damage, F114_any_byte_of_the_database)
{
    size_t len;

    fold_in();
    free(file_read(&crashed, "journal.db", &len));
    for (size_t offset = 0; offset < len; offset += 59) {
        struct bed hurt;
        struct vow_journal_op op;

        bed_copy(&crashed, &hurt);
        file_flip(&hurt, "journal.db", offset);
        if (bed_open(&hurt) == 0) {
            cr_assert_eq(bed_count_open(&hurt), EVENTS - 1, "offset %zu", offset);
            for (uint64_t seq = 1; seq < EVENTS; seq++)
                cr_assert_eq(bed_get(&hurt, seq, &op), 0, "offset %zu", offset);
        }
        bed_remove(&hurt);
    }
}

/* A page as it was at an earlier time: good by itself, wrong among the others. */
Test(damage, F115_stale_page)
{
    size_t old_len, new_len;
    unsigned char *old, *new;
    unsigned refused = 0;

    fold_in();
    old = file_read(&crashed, "journal.db", &old_len);
    bed_start(&crashed);
    cr_assert_eq(bed_decide(&crashed, 100), VOW_JOURNAL_WON);
    bed_close(&crashed);
    new = file_read(&crashed, "journal.db", &new_len);
    cr_assert_eq(old_len, new_len);
    for (size_t page = 0; page < new_len; page += 4096) {
        unsigned char *mixed = malloc(new_len);
        struct bed hurt;

        bed_copy(&crashed, &hurt);
        memcpy(mixed, new, new_len);
        memcpy(mixed + page, old + page, 4096);
        file_write(&hurt, "journal.db", mixed, new_len);
        if (bed_open(&hurt) == 0)
            cr_assert_eq(bed_count_open(&hurt), EVENTS, "page at %zu", page);
        else
            refused++;
        bed_remove(&hurt);
        free(mixed);
    }
    cr_assert_eq(refused, 3, "table, index and identity have changed");
    free(old);
    free(new);
}

/* Changes that keep SQLite's structure whole: only the chain can find them. */
Test(damage, I12_changed_body)
{
    fold_in();
    bed_sql(&crashed, "UPDATE event SET body = CAST(x'0802' || substr(body, 3) AS BLOB) WHERE lsn = 4");
    bed_expect_refused(&crashed, VOW_E_DAMAGED, "lsn 4: ");
}

Test(damage, I12_changed_kind)
{
    fold_in();
    bed_sql(&crashed, "UPDATE event SET kind = 3 WHERE lsn = 4");
    bed_expect_refused(&crashed, VOW_E_DAMAGED, "lsn 4: the event does not fit its hash");
}

Test(damage, I12_missing_event)
{
    fold_in();
    bed_sql(&crashed, "DELETE FROM event WHERE lsn = 7");
    bed_expect_refused(&crashed, VOW_E_DAMAGED, "lsn 7: this event is missing");
}

Test(damage, I12_missing_last_event)
{
    fold_in();
    bed_sql(&crashed, "DELETE FROM event WHERE lsn = 11");
    bed_expect_refused(&crashed, VOW_E_BEHIND_WITNESS, "ends at lsn 10");
}

Test(damage, missing_identity)
{
    fold_in();
    bed_sql(&crashed, "DELETE FROM identity");
    bed_expect_refused(&crashed, VOW_E_DAMAGED, "the identity does not fit");
}

Test(damage, stale_identity)
{
    fold_in();
    bed_sql(&crashed, "UPDATE identity SET epoch = 0");
    bed_expect_refused(&crashed, VOW_E_DAMAGED, "the identity does not fit");
}

/* --- Whole files --- */

Test(damage, F023_older_backup)
{
    struct bed backup;

    fold_in();
    bed_copy(&crashed, &backup);
    bed_start(&crashed);
    cr_assert_eq(bed_decide(&crashed, 100), VOW_JOURNAL_WON);
    bed_close(&crashed);
    file_copy(&backup, &crashed, "journal.db");
    bed_expect_refused(&crashed, VOW_E_BEHIND_WITNESS, "ends at lsn 11, its witness stands at 13");
    bed_remove(&backup);
}

/* As long as its witness demands, but another one: two nodes that went on from one backup. */
Test(damage, F112_log_of_another_history)
{
    struct bed other;

    fold_in();
    bed_copy(&crashed, &other);
    bed_start(&crashed);
    cr_assert_eq(bed_decide(&crashed, 100), VOW_JOURNAL_WON);
    bed_start(&other);
    cr_assert_eq(bed_decide(&other, 200), VOW_JOURNAL_WON);
    bed_close(&crashed);
    bed_close(&other);
    file_copy(&other, &crashed, "journal.db");
    bed_expect_refused(&crashed, VOW_E_DAMAGED, "the witness has another hash");
    bed_remove(&other);
}

Test(damage, database_deleted)
{
    file_remove(&crashed, "journal.db");
    bed_expect_refused(&crashed, VOW_E_BEHIND_WITNESS, "missing or empty, its witness stands at lsn 11");
}

/* SQLite would take an empty database for a new one and delete its WAL. */
Test(damage, database_emptied)
{
    file_truncate(&crashed, "journal.db", 0);
    bed_expect_refused(&crashed, VOW_E_BEHIND_WITNESS, "missing or empty, its witness stands at lsn 11");
}

Test(damage, only_the_wal_left)
{
    file_remove(&crashed, "journal.db");
    file_remove(&crashed, "witness");
    bed_expect_refused(&crashed, VOW_E_DAMAGED, "its -wal is there");
}

Test(damage, witness_deleted)
{
    file_remove(&crashed, "witness");
    bed_expect_refused(&crashed, VOW_E_DAMAGED, "restore the witness file");
}

/* Fault F024: who lost all files is a new coordinator, and cannot presume anything for the old one. */
Test(damage, F024_lost_log_and_witness_are_another_coordinator)
{
    file_remove(&crashed, "journal.db-wal");
    file_remove(&crashed, "witness");
    bed_start(&crashed);
    cr_assert_eq(crashed.identity.epoch, 1);
    cr_assert_neq(crashed.identity.coord, live.identity.coord);
}

/* --- The witness --- */

static void zero_slot(size_t offset)
{
    size_t len;
    unsigned char *bytes = file_read(&crashed, "witness", &len);

    memset(bytes + offset, 0, 512);
    file_write(&crashed, "witness", bytes, len);
    free(bytes);
}

Test(damage, F108_torn_newest_slot_falls_back)
{
    zero_slot(0); /* 12 writes since the file was made with counter 1: slot 0 is the newest */
    bed_start(&crashed);
    cr_assert_eq(bed_count_open(&crashed), EVENTS - 1);
}

Test(damage, torn_older_slot_changes_nothing)
{
    zero_slot(4096);
    bed_start(&crashed);
    cr_assert_eq(bed_count_open(&crashed), EVENTS - 1);
}

Test(damage, both_slots_lost)
{
    zero_slot(0);
    zero_slot(4096);
    bed_expect_refused(&crashed, VOW_E_DAMAGED, "neither of its two slots is good");
}

/* --- Crashes that are none of these: they must open --- */

/* Fault F007: killed after the log's sync and before the witness's. */
Test(damage, F007_witness_one_commit_behind)
{
    struct vow_journal_op op;
    struct bed later;

    cr_assert_eq(bed_decide(&live, 100), VOW_JOURNAL_WON);
    bed_copy(&live, &later);
    file_copy(&crashed, &later, "witness");
    bed_start(&later);
    cr_assert_eq(bed_get(&later, 100, &op), 0);
    cr_assert_eq(op.outcome, VOW_COMMITTED);
    bed_close(&later);
    bed_start(&later);
    bed_remove(&later);
}

/* Faults F018 and F108: power lost in the middle of a group commit. All of the batch is there or none of it, and
 * what was acknowledged before is always there. */
Test(damage, F018_B04_torn_group_commit_is_all_or_nothing)
{
    struct vow_journal_op ops[20];
    size_t before, after;

    for (unsigned i = 0; i < 20; i++)
        op_decide(&ops[i], &live, 100 + i);
    free(file_read(&live, "journal.db-wal", &before));
    live.ops->commit(live.engine, op_link(ops, 20));
    free(file_read(&live, "journal.db-wal", &after));
    cr_assert_gt(after, before);
    for (size_t len = before; len <= after; len += len + 512 < after || len == after ? 512 : after - len) {
        struct bed torn;
        int open;

        bed_copy(&live, &torn);
        file_copy(&crashed, &torn, "witness");
        file_truncate(&torn, "journal.db-wal", len);
        cr_assert_eq(bed_open(&torn), 0, "%s", torn.detail.text);
        open = bed_count_open(&torn);
        cr_assert_eq(open, len == after ? EVENTS - 1 + 20 : EVENTS - 1, "cut at %zu", len);
        bed_remove(&torn);
    }
}

/* Killed while the directory was made: the next start makes the rest. */
Test(damage, F110_half_made_directory)
{
    struct bed half;

    bed_make(&half);
    cr_assert_eq(bed_open(&half), 0);
    bed_close(&half);
    file_remove(&half, "witness");
    bed_start(&half);
    bed_close(&half);

    bed_remove(&half);
    bed_make(&half);
    file_write(&half, "journal.db", "", 0);
    file_write(&half, "witness.new", "x", 1);
    bed_start(&half);
    cr_assert_eq(half.identity.epoch, 1);
    bed_remove(&half);
}

/* --- Files of others --- */

Test(damage, F022_another_name)
{
    struct vow_journal_options options = {.directory = crashed.directory, .name = "beta"};

    cr_assert_eq(vow_journal_sqlite_open(&options, &crashed.ops, &crashed.engine, &crashed.detail), VOW_E_IDENTITY);
    cr_assert_not_null(strstr(crashed.detail.text, "\"alpha\", not to \"beta\""), "%s", crashed.detail.text);
    cr_assert_eq(bed_open(&crashed), 0);
}

Test(damage, newer_format)
{
    fold_in();
    bed_sql(&crashed, "PRAGMA user_version = 7");
    bed_expect_refused(&crashed, VOW_E_NEWER, "has format 7");
}

Test(damage, database_of_another_program)
{
    struct bed foreign;

    bed_make(&foreign);
    bed_sql(&foreign, "CREATE TABLE t (x); INSERT INTO t VALUES (1)");
    bed_expect_refused(&foreign, VOW_E_DAMAGED, "is not a Vow journal");
    bed_sql(&foreign, "PRAGMA journal_mode = WAL; INSERT INTO t VALUES (2)");
    bed_expect_refused(&foreign, VOW_E_DAMAGED, "is not a Vow journal");
    bed_remove(&foreign);
}

Test(damage, not_a_database)
{
    struct bed foreign;
    char bytes[8192];

    memset(bytes, 'x', sizeof(bytes));
    bed_make(&foreign);
    file_write(&foreign, "journal.db", bytes, sizeof(bytes));
    bed_expect_refused(&foreign, VOW_E_DAMAGED, "file is not a database");
    bed_remove(&foreign);
}

Test(damage, journal_without_its_tables)
{
    fold_in();
    bed_sql(&crashed, "DROP TABLE event");
    bed_expect_refused(&crashed, VOW_E_DAMAGED, "no such table");
}
