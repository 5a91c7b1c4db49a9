/* Disks, file systems and descriptors that are not as they should be (faults F106, F107, F122 to F124, F141). */
#include <criterion/criterion.h>
#include <errno.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "faults.h"
#include "kit.h"

#define DAY_MS (24 * (int64_t)3600000)

static struct bed bed;

static void setup(void)
{
    bed_make(&bed);
}

static void teardown(void)
{
    bed_remove(&bed);
}

TestSuite(disk, .init = setup, .fini = teardown, .timeout = 120);

/* A log with a cut, open records on both sides of it, and ended ones. */
static void make_log(void)
{
    bed_start(&bed);
    for (uint64_t seq = 1; seq <= 30; seq++) {
        cr_assert_eq(bed_decide(&bed, seq), VOW_JOURNAL_WON);
        if (seq % 3 == 0)
            cr_assert_eq(bed_end(&bed, seq), VOW_JOURNAL_WON);
        if (seq == 15) {
            clock_shift(DAY_MS);
            bed_retain(&bed, 1000);
            bed_rest(&bed);
            bed_retain(&bed, 0);
        }
    }
    bed_close(&bed);
}

#define OPEN 20

/* A start that cannot read is no start: never one that has seen less than there is (B27, "a failed scan is no
 * information"). With the disk well again nothing is lost. */
Test(disk, F106_each_read_that_fails_at_start)
{
    unsigned nth = 1;

    make_log();
    for (bool was_hit = true; was_hit; nth++) {
        int error;

        fault_arm(FAULT_READ, nth, EIO);
        error = bed_open(&bed);
        was_hit = fault_disarm();
        if (error == 0)
            cr_assert_eq(bed_count_open(&bed), OPEN, "read %u", nth);
        else
            cr_assert(error == VOW_E_IO || error == VOW_E_DAMAGED, "read %u: %s", nth, bed.detail.text);
        cr_assert(was_hit || error == 0);
        bed_close(&bed);
    }
    cr_assert_gt(nth, 10);
    cr_assert_eq(bed_open(&bed), 0, "%s", bed.detail.text);
    cr_assert_eq(bed_count_open(&bed), OPEN);
}

/* The scan and a lookup after a good start: the error is told, and is not "there is none". */
Test(disk, F106_read_that_fails_later)
{
    struct vow_journal_op op;
    int error = 0;

    make_log();
    bed_start(&bed);
    bed_close(&bed);
    for (unsigned nth = 1; nth < 200; nth++) {
        cr_assert_eq(bed_open(&bed), 0);
        fault_arm(FAULT_READ, nth, EIO);
        error = bed_get(&bed, 7, &op);
        (void)fault_disarm();
        cr_assert(error == 0 || error == VOW_E_IO || error == VOW_E_DAMAGED, "%s", vow_error_name(error));
        bed_close(&bed);
        if (error == 0)
            break;
    }
    cr_assert_eq(error, 0);
}

Test(disk, F107_short_and_interrupted_calls_are_repeated)
{
    fault_interrupt(true);
    make_log();
    bed_start(&bed);
    cr_assert_eq(bed_count_open(&bed), OPEN);
    cr_assert_eq(bed_decide(&bed, 100), VOW_JOURNAL_WON);
    bed_close(&bed);
    fault_interrupt(false);
    bed_start(&bed);
    cr_assert_eq(bed_count_open(&bed), OPEN + 1);
}

/* --- Another connection --- */

/* Tries to get at the file until it is killed; exits with 1 if it ever could. */
static void intrude(const char *path)
{
    for (;;) {
        sqlite3 *db = NULL;

        if (sqlite3_open(path, &db) == SQLITE_OK) {
            /* Says OK when it was not let near the file, too. */
            (void)sqlite3_wal_checkpoint_v2(db, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
            if (sqlite3_exec(db, "SELECT count(*) FROM event", NULL, NULL, NULL) == SQLITE_OK ||
                sqlite3_exec(db, "DELETE FROM event", NULL, NULL, NULL) == SQLITE_OK)
                _exit(1);
        }
        sqlite3_close(db);
    }
}

/* SQLite below 3.51.3 can corrupt a WAL that one connection commits to while another one checkpoints. No other one gets
 * in, however often it tries while we do both. */
Test(disk, F122_B54_no_other_connection_gets_in)
{
    char path[128];
    int status;
    pid_t child;
    struct vow_journal_op op;

    file_path(&bed, "journal.db", path);
    bed_start(&bed);
    child = fork();
    cr_assert_geq(child, 0);
    if (child == 0)
        intrude(path);
    for (uint64_t seq = 1; seq <= 300; seq++) {
        op_decide_long(&op, &bed, seq);
        bed.ops->commit(bed.engine, &op);
        cr_assert_eq(op.result, VOW_JOURNAL_WON);
    }
    cr_assert_eq(kill(child, SIGKILL), 0);
    cr_assert_eq(waitpid(child, &status, 0), child);
    cr_assert(WIFSIGNALED(status), "another connection got in");
    bed_restart(&bed);
    cr_assert_eq(bed_count_open(&bed), 300);
}

/* --- What the journal does not start on --- */

Test(disk, F123_network_file_system_is_refused)
{
    make_log();
    fault_filesystem(0x6969);
    bed_expect_refused(&bed, VOW_E_IO, "is on NFS");
    fault_filesystem(0);
    bed_start(&bed);
}

static const char *ignored;

static int ignore_pragma(void *ctx, int action, const char *pragma, const char *value, const char *database,
                         const char *trigger)
{
    (void)ctx, (void)value, (void)database, (void)trigger;
    return action == SQLITE_PRAGMA && sqlite3_stricmp(pragma, ignored) == 0 ? SQLITE_IGNORE : SQLITE_OK;
}

/* A build of SQLite that does not do as it is told: loaded into each connection as an extension. */
static int be_deaf(sqlite3 *db, char **error, const void *api)
{
    (void)error, (void)api;
    return sqlite3_set_authorizer(db, ignore_pragma, NULL);
}

Test(disk, F124_B54_settings_that_do_not_hold_are_refused)
{
    static const char *const pragmas[] = {"locking_mode", "journal_mode", "synchronous"};

    make_log();
    cr_assert_eq(sqlite3_auto_extension((void (*)(void))be_deaf), SQLITE_OK);
    for (size_t i = 0; i < sizeof(pragmas) / sizeof(pragmas[0]); i++) {
        ignored = pragmas[i];
        cr_assert_eq(bed_open(&bed), VOW_E_PRAGMA, "%s: %s", ignored, bed.detail.text);
        cr_assert_not_null(strstr(bed.detail.text, "must be"), "%s", bed.detail.text);
        cr_assert_not_null(strstr(bed.detail.text, ignored), "%s", bed.detail.text);
    }
    sqlite3_reset_auto_extension();
    bed_start(&bed);
    cr_assert_eq(bed_count_open(&bed), OPEN);
}

/* --- Descriptors --- */

static int next_descriptor(void)
{
    int fd = dup(0);

    cr_assert_geq(fd, 0);
    (void)close(fd);
    return fd;
}

/* All that the log needs is open from the start: commits, checkpoints, cuts and lookups open nothing. */
Test(disk, F141_no_descriptor_is_left)
{
    struct rlimit limit;
    struct vow_journal_op op;

    make_log();
    bed_start(&bed);
    cr_assert_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
    limit.rlim_cur = (rlim_t)next_descriptor();
    cr_assert_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
    cr_assert_lt(dup(0), 0);
    for (uint64_t seq = 101; seq <= 104; seq++) {
        struct vow_journal_op *ops = calloc(1000, sizeof(*ops));

        for (unsigned i = 0; i < 1000; i++)
            op_decide_long(&ops[i], &bed, seq * 1000 + i);
        bed.ops->commit(bed.engine, op_link(ops, 1000));
        cr_assert_eq(ops[999].result, VOW_JOURNAL_WON);
        free(ops);
    }
    clock_shift(DAY_MS);
    bed_retain(&bed, 1000);
    bed_rest(&bed);
    cr_assert_eq(bed_get(&bed, 1, &op), 0);
    cr_assert_eq(bed_get(&bed, 30, &op), VOW_E_EXPIRED);
    cr_assert_eq(bed_count_open(&bed), OPEN + 4000);
}
