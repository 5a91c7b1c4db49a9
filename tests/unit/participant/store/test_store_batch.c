/* A batch: one durable unit, in which no operation hurts another. What it costs, and what happens when the disk does
 * not play along. */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "fault_vfs.h"
#include "fixture.h"

TestSuite(store_batch, .init = service_init, .fini = service_fini, .timeout = 60);

#define ROWS                                                                                                           \
    "CREATE TABLE t (id INTEGER PRIMARY KEY, v INT);"                                                                  \
    "CREATE TABLE once (k TEXT PRIMARY KEY ON CONFLICT ROLLBACK); INSERT INTO once VALUES ('taken');"                  \
    "INSERT INTO t VALUES (1, 0), (2, 0), (3, 0), (4, 0);"
#define VALUES "SELECT v FROM t ORDER BY id"

Test(store_batch, a_failing_branch_hurts_no_other)
{
    service_start(ROWS);
    struct work works[5] = {work_of(VOW_STORE_PREPARE, 1, "UPDATE t SET v = 1 WHERE id = 1"),
                            work_of(VOW_STORE_PREPARE, 2, "UPDATE t SET v = 2 WHERE id = 2; nonsense"),
                            work_of(VOW_STORE_ONE_PHASE, 3, "UPDATE t SET v = 3 WHERE id = 3; nonsense"),
                            work_of(VOW_STORE_ONE_PHASE, 4, "UPDATE t SET v = 4 WHERE id = 4"),
                            work_of(VOW_STORE_COMMIT, 9, "")};
    prepare(9, "INSERT INTO t VALUES (9, 9)");
    cr_assert_eq(run_batch(works, 5), 0);
    cr_assert_eq(works[0].op.result, VOW_STORE_DONE);
    cr_assert_eq(works[1].op.result, VOW_STORE_REFUSED);
    cr_assert_eq(works[2].op.result, VOW_STORE_REFUSED);
    cr_assert_eq(works[3].op.result, VOW_STORE_DONE);
    cr_assert_eq(works[4].op.result, VOW_STORE_DONE);
    expect_seen(VALUES, "0 0 0 4 9");
}

/* OR ROLLBACK, and RAISE(ROLLBACK) in a trigger, end the whole transaction, whatever the authorizer says. */
static void expect_only_the_second_refused(const char *sql)
{
    struct work works[4] = {
        work_of(VOW_STORE_PREPARE, 1, "UPDATE t SET v = v + 1 WHERE id = 1"), work_of(VOW_STORE_PREPARE, 2, sql),
        work_of(VOW_STORE_ONE_PHASE, 3, "UPDATE t SET v = v + 1 WHERE id = 3"), work_of(VOW_STORE_COMMIT, 9, "")};
    cr_assert_eq(prepare(9, "UPDATE t SET v = v + 1 WHERE id = 4"), VOW_STORE_DONE);
    cr_assert_eq(run_batch(works, 4), 0, "%s", service.detail.text);
    cr_assert_eq(works[0].op.result, VOW_STORE_DONE);
    cr_assert_eq(works[1].op.result, VOW_STORE_REFUSED);
    cr_assert_eq(works[1].op.cause, VOW_CAUSE_CONSTRAINT, "%s", works[1].op.text);
    cr_assert_eq(works[2].op.result, VOW_STORE_DONE);
    cr_assert_eq(works[3].op.result, VOW_STORE_DONE);
    expect_seen(VALUES, "0 0 1 1");
    expect_seen("SELECT count(*) FROM vow_branch WHERE state = 'prepared'", "1");
}

Test(store_batch, a_branch_that_ends_the_transaction_is_refused_alone)
{
    service_start(ROWS);
    expect_only_the_second_refused("INSERT OR ROLLBACK INTO t VALUES (2, 5)");
}

Test(store_batch, a_constraint_that_ends_the_transaction_is_refused_alone)
{
    service_start(ROWS);
    expect_only_the_second_refused("INSERT INTO once VALUES ('taken')");
}

Test(store_batch, a_trigger_that_ends_the_transaction_is_refused_alone)
{
    service_start(ROWS "CREATE TRIGGER x BEFORE UPDATE ON t WHEN NEW.v = 13 BEGIN SELECT RAISE(ROLLBACK, 'bad'); END");
    expect_only_the_second_refused("UPDATE t SET v = 13 WHERE id = 2");
}

static int swallow(void *ctx, const struct vow_gtrid *gtrid, sqlite3 *db, const struct vow_msg_call *call,
                   enum vow_cause *cause, char text[VOW_TEXT_SIZE])
{
    (void)ctx, (void)gtrid, (void)cause, (void)text;
    sqlite3_exec(db, call->handler, NULL, NULL, NULL);
    if (strstr(call->handler, "ROLLBACK") != NULL) /* from here on every statement would be a transaction of its own */
        cr_expect_neq(sqlite3_exec(db, "UPDATE t SET v = 77 WHERE id = 2", NULL, NULL, NULL), SQLITE_OK);
    return 0;
}

Test(store_batch, a_handler_that_hides_the_end_of_the_transaction_is_found_out)
{
    service_start(ROWS);
    service_handler = swallow;
    expect_only_the_second_refused("INSERT OR ROLLBACK INTO t VALUES (2, 5)");
}

/* ---- statements that handlers leave open ---- */

static sqlite3_stmt *left_open;

static int leave_open(void *ctx, const struct vow_gtrid *gtrid, sqlite3 *db, const struct vow_msg_call *call,
                      enum vow_cause *cause, char text[VOW_TEXT_SIZE])
{
    (void)ctx, (void)gtrid, (void)cause, (void)text;
    sqlite3_finalize(left_open);
    left_open = NULL;
    if (sqlite3_prepare_v2(db, call->handler, -1, &left_open, NULL) != SQLITE_OK)
        return -1;
    int rc = sqlite3_step(left_open);
    return rc == SQLITE_ROW || rc == SQLITE_DONE ? 0 : -1;
}

Test(store_batch, statements_left_open_do_not_stop_the_store)
{
    service.options.busy_ms = 50;
    service_start(ROWS);
    service_handler = leave_open;
    cr_assert_eq(prepare(1, "UPDATE t SET v = v + 1 RETURNING v"), VOW_STORE_DONE, "%s", refusal.text);
    commit(1);
    cr_assert_eq(one_phase(2, "UPDATE t SET v = v + 1 RETURNING v"), VOW_STORE_DONE, "%s", refusal.text);
    cr_assert_eq(prepare(3, "SELECT * FROM t"), VOW_STORE_READ_ONLY);
    cr_assert_eq(outside("UPDATE t SET v = v + 1"), SQLITE_OK);
    cr_assert_eq(prepare(4, "UPDATE t SET v = v + 1 RETURNING v"), VOW_STORE_DONE, "%s", refusal.text);
    commit(4);
    expect_seen(VALUES, "4 4 4 4");
    sqlite3_finalize(left_open);
}

/* ---- other writers ---- */

Test(store_batch, F120_new_work_is_refused_while_another_writer_holds_the_file)
{
    sqlite3 *other;
    service.options.busy_ms = 20;
    service_start(ROWS);
    cr_assert_eq(sqlite3_open(service.path, &other), SQLITE_OK);
    cr_assert_eq(sqlite3_exec(other, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
    expect_refused(prepare(1, "UPDATE t SET v = 1"), VOW_CAUSE_PARTICIPANT_FAILED);
    cr_assert_str_eq(refusal.text, "the database is busy");
    sqlite3_exec(other, "COMMIT", NULL, NULL, NULL);
    sqlite3_close(other);
    cr_assert_eq(prepare(2, "UPDATE t SET v = 1"), VOW_STORE_DONE);
}

static int busy_calls;

/* The other writer ends when the store has been refused twice: once for all, once for the decisions alone. These are
 * then done with the next batch or tick. */
static int end_other_writer(void *other, int count)
{
    (void)count;
    if (++busy_calls == 2)
        sqlite3_exec(other, "COMMIT", NULL, NULL, NULL);
    return 0;
}

Test(store_batch, F120_decisions_wait_for_other_writers)
{
    sqlite3 *other;
    service_start(ROWS);
    prepare(1, "UPDATE t SET v = 1 WHERE id = 1");
    cr_assert_eq(sqlite3_open(service.path, &other), SQLITE_OK);
    cr_assert_eq(sqlite3_exec(other, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
    sqlite3_busy_handler(service.db, end_other_writer, other);
    struct work works[2] = {work_of(VOW_STORE_PREPARE, 2, "UPDATE t SET v = 2 WHERE id = 2"),
                            work_of(VOW_STORE_COMMIT, 1, "")};
    cr_assert_eq(run_batch(works, 2), 0, "%s", service.detail.text);
    cr_assert_eq(works[0].op.result, VOW_STORE_REFUSED);
    cr_assert_eq(works_done, 1);
    cr_assert_eq(run_batch(NULL, 0), 0, "%s", service.detail.text);
    cr_assert_eq(works_done, 1);
    cr_assert_eq(works[1].op.result, VOW_STORE_DONE);
    sqlite3_close(other);
    expect_seen(VALUES, "1 0 0 0");
}

/* ---- syncs ---- */

static unsigned syncs_of(struct work *works, size_t len)
{
    fault_vfs.syncs = 0;
    cr_assert_eq(run_batch(works, len), 0, "%s", service.detail.text);
    return fault_vfs.syncs;
}

Test(store_batch, a_batch_is_one_sync_and_unforced_ones_are_none)
{
    service.options.vfs = fault_vfs_register();
    service_start(ROWS);
    one_phase(1, "UPDATE t SET v = 0"); /* warm-up: the first commit to a fresh WAL syncs its header, too */
    struct work prepares[4], commits[2], aborts[3];
    for (uint64_t i = 0; i < 4; i++) {
        static const char *const sql[] = {"UPDATE t SET v = 1 WHERE id = 1", "UPDATE t SET v = 1 WHERE id = 2",
                                          "UPDATE t SET v = 1 WHERE id = 3", "UPDATE t SET v = 1 WHERE id = 4"};
        prepares[i] = work_of(VOW_STORE_PREPARE, 10 + i, sql[i]);
    }
    commits[0] = work_of(VOW_STORE_COMMIT, 10, "");
    commits[1] = work_of(VOW_STORE_COMMIT, 11, "");
    aborts[0] = work_of(VOW_STORE_ABORT, 12, "");
    aborts[1] = work_of(VOW_STORE_FORGET, 1, "");
    aborts[2] = work_of(VOW_STORE_WATERMARK, 0, "");
    aborts[2].op.coord = COORD;
    cr_assert_eq(syncs_of(prepares, 4), 1);
    cr_assert_eq(syncs_of(aborts, 3), 0);
    cr_assert_eq(syncs_of(commits, 2), 1);
    struct work last = work_of(VOW_STORE_ABORT, 13, "");
    cr_assert_eq(syncs_of(&last, 1), 0);
    struct work memo = work_of(VOW_STORE_ONE_PHASE, 20, "UPDATE t SET v = 9 WHERE id = 4");
    cr_assert_eq(syncs_of(&memo, 1), 1);
    expect_seen(VALUES, "1 1 0 9");
}

/* An abort need not be durable; one without a decision must be, before anybody is told (protocol 2.7). */
Test(store_batch, F056_heuristics_are_synced)
{
    service.options.vfs = fault_vfs_register();
    service_start(ROWS);
    prepare(1, "UPDATE t SET v = 1 WHERE id = 1");
    prepare(2, "UPDATE t SET v = 1 WHERE id = 2");
    struct work works[] = {work_of(VOW_STORE_HEURISTIC_ABORT, 1, ""), work_of(VOW_STORE_HEURISTIC_COMMIT, 2, ""),
                           work_of(VOW_STORE_SETTLE, 1, ""), work_of(VOW_STORE_SETTLE, 2, "")};
    works[0].op.who = works[0].op.why = works[1].op.who = works[1].op.why = "x";
    works[2].op.verdict = works[3].op.verdict = VOW_ABORT;
    for (size_t i = 0; i < 4; i++)
        cr_assert_eq(syncs_of(&works[i], 1), 1, "%zu", i);
}

Test(store_batch, a_batch_of_questions_syncs_nothing)
{
    service.options.vfs = fault_vfs_register();
    service_start(ROWS);
    one_phase(1, "UPDATE t SET v = 0");
    struct work works[2] = {work_of(VOW_STORE_MEMO, 1, ""), work_of(VOW_STORE_MEMO, 2, "")};
    cr_assert_eq(syncs_of(works, 2), 0);
    cr_assert_eq(works[0].op.result, VOW_STORE_DONE);
    cr_assert_eq(works[1].op.result, VOW_STORE_NO_RECORD);
}

/* ---- a full disk, and one that fails ---- */

Test(store_batch, F102_a_full_disk_refuses_new_work_and_nothing_else)
{
    service.options.vfs = fault_vfs_register();
    service_start(ROWS);
    prepare(1, "UPDATE t SET v = 1 WHERE id = 1");
    fault_vfs.size_max = 1;
    expect_refused(prepare(2, "UPDATE t SET v = 2 WHERE id = 2"), VOW_CAUSE_NO_SPACE);
    expect_refused(one_phase(3, "UPDATE t SET v = 2 WHERE id = 2"), VOW_CAUSE_NO_SPACE);
    fault_vfs.size_max = 0;
    expect_seen("SELECT count(*) FROM vow_branch", "1");
    commit(1);
    cr_assert_eq(prepare(4, "UPDATE t SET v = 2 WHERE id = 2"), VOW_STORE_DONE);
}

static long long wal_size(void)
{
    char path[128];
    struct stat file;
    snprintf(path, sizeof(path), "%s-wal", service.path);
    cr_assert_eq(stat(path, &file), 0);
    return file.st_size;
}

/* The commit of the whole batch does not fit, the decision alone does. */
Test(store_batch, a_disk_that_is_nearly_full_takes_the_decisions)
{
    service.options.vfs = fault_vfs_register();
    service_start(ROWS);
    prepare(1, "UPDATE t SET v = 1 WHERE id = 1");
    struct work works[2] = {work_of(VOW_STORE_PREPARE, 2, "INSERT INTO once VALUES (hex(zeroblob(200000)))"),
                            work_of(VOW_STORE_COMMIT, 1, "")};
    fault_vfs.size_max = wal_size() + 40000;
    cr_assert_eq(run_batch(works, 2), 0, "%s", service.detail.text);
    cr_assert_eq(works[0].op.result, VOW_STORE_REFUSED);
    cr_assert_eq(works[0].op.cause, VOW_CAUSE_NO_SPACE);
    cr_assert_eq(works[1].op.result, VOW_STORE_DONE);
    fault_vfs.size_max = 0;
    expect_seen(VALUES, "1 0 0 0");
}

/* After a failed fsync nobody knows what is durable: stop, never ask again (F105). */
Test(store_batch, F105_a_failed_sync_stops_the_store)
{
    service.options.vfs = fault_vfs_register();
    service_start(ROWS);
    fault_vfs.sync_fails = true;
    struct work work = work_of(VOW_STORE_PREPARE, 1, "UPDATE t SET v = 1");
    cr_assert_eq(run_batch(&work, 1), VOW_E_IO);
    fault_vfs.sync_fails = false;
    work = work_of(VOW_STORE_PREPARE, 2, "UPDATE t SET v = 1");
    cr_assert_eq(run_batch(&work, 1), VOW_E_CLOSED);
}
