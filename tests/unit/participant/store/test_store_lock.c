/* Who is stopped by a prepared branch: other branches, other connections, the sqlite3 shell; and who is not. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fixture.h"

TestSuite(store_lock, .init = service_init, .fini = service_fini, .timeout = 60);

#define TWO "CREATE TABLE t (id INTEGER PRIMARY KEY, v INT); INSERT INTO t VALUES (1, 10), (2, 20);"
#define VALUES "SELECT v FROM t ORDER BY id"

Test(store_lock, branches_of_one_batch_meet)
{
    service_start(TWO);
    struct work works[3] = {work_of(VOW_STORE_PREPARE, 1, "UPDATE t SET v = 11 WHERE id = 1"),
                            work_of(VOW_STORE_PREPARE, 2, "UPDATE t SET v = 12 WHERE id = 1"),
                            work_of(VOW_STORE_PREPARE, 3, "UPDATE t SET v = 21 WHERE id = 2")};
    cr_assert_eq(run_batch(works, 3), 0);
    cr_assert_eq(works[0].op.result, VOW_STORE_DONE);
    cr_assert_eq(works[1].op.result, VOW_STORE_REFUSED);
    cr_assert_eq(works[1].op.cause, VOW_CAUSE_LOCK_CONFLICT);
    cr_assert_eq(works[2].op.result, VOW_STORE_DONE);
    commit(1);
    commit(3);
    expect_seen(VALUES, "11 21");
}

Test(store_lock, branches_of_different_batches_meet)
{
    service_start(TWO);
    prepare(1, "UPDATE t SET v = 11 WHERE id = 1");
    service_restart();
    expect_refused(prepare(2, "DELETE FROM t WHERE id = 1"), VOW_CAUSE_LOCK_CONFLICT);
    expect_refused(prepare(2, "UPDATE t SET v = 0"), VOW_CAUSE_LOCK_CONFLICT);
    abort_branch(1);
    cr_assert_eq(prepare(3, "UPDATE t SET v = 12 WHERE id = 1"), VOW_STORE_DONE);
}

Test(store_lock, B11_another_connection_is_stopped_at_held_rows_only)
{
    service_start(TWO);
    prepare(1, "UPDATE t SET v = 11 WHERE id = 1; INSERT INTO t VALUES (3, 30)");
    cr_assert_eq(outside("UPDATE t SET v = 0 WHERE id = 1"), LOCKED);
    cr_assert_eq(outside("DELETE FROM t WHERE id = 1"), LOCKED);
    cr_assert_eq(outside("UPDATE t SET id = 3 WHERE id = 2"), LOCKED);
    cr_assert_eq(outside("INSERT INTO t VALUES (3, 0)"), LOCKED);
    cr_assert_eq(outside("UPDATE t SET v = 21 WHERE id = 2; INSERT INTO t VALUES (4, 40)"), SQLITE_OK);
    expect_seen(VALUES, "10 21 40");
    commit(1);
    cr_assert_eq(outside("UPDATE t SET v = v + 1"), SQLITE_OK);
    expect_seen(VALUES, "12 22 31 41");
}

Test(store_lock, an_aborted_branch_lets_go)
{
    service_start(TWO);
    prepare(1, "DELETE FROM t");
    cr_assert_eq(outside("UPDATE t SET v = 0"), LOCKED);
    abort_branch(1);
    cr_assert_eq(outside("UPDATE t SET v = 0"), SQLITE_OK);
}

static bool shell_is_locked(const char *sql)
{
    char command[300], answer[300] = "";
    snprintf(command, sizeof(command), "sqlite3 -batch %s \"%s\" 2>&1", service.path, sql);
    FILE *shell = popen(command, "r"); /* NOLINT(cert-env33-c): the test is about this very program */
    cr_assert_not_null(shell);
    size_t len = fread(answer, 1, sizeof(answer) - 1, shell);
    int status = pclose(shell);
    cr_assert(status == 0 || strstr(answer, "VOW_LOCKED") != NULL, "%.*s", (int)len, answer);
    return status != 0;
}

Test(store_lock, the_sqlite3_shell_is_stopped)
{
    if (system("command -v sqlite3 >/dev/null") != 0) /* NOLINT(cert-env33-c) */
        cr_skip_test("no sqlite3 shell here");
    service_start(TWO);
    prepare(1, "UPDATE t SET v = 11 WHERE id = 1");
    cr_assert(shell_is_locked("UPDATE t SET v = 0 WHERE id = 1"));
    cr_assert(shell_is_locked("REPLACE INTO t VALUES (1, 5)"));
    cr_assert_not(shell_is_locked("UPDATE t SET v = 21 WHERE id = 2"));
    commit(1);
    cr_assert_not(shell_is_locked("UPDATE t SET v = v + 1 WHERE id = 1"));
    expect_seen(VALUES, "12 21");
}

Test(store_lock, guards_taken_away_come_back)
{
    service_start(TWO);
    cr_assert_eq(outside("DROP TRIGGER vow_guard_t_update"), SQLITE_OK);
    prepare(1, "UPDATE t SET v = 11 WHERE id = 1");
    cr_assert_eq(outside("UPDATE t SET v = 0 WHERE id = 1"), LOCKED);
}

Test(store_lock, a_table_made_by_another_connection_is_enrolled_with_the_next_batch)
{
    service_start(TWO);
    cr_assert_eq(outside("CREATE TABLE n (k TEXT PRIMARY KEY, v)"), SQLITE_OK);
    cr_assert_eq(prepare(1, "INSERT INTO n VALUES ('a', 1)"), VOW_STORE_DONE, "%s", refusal.text);
    cr_assert_eq(outside("INSERT INTO n VALUES ('a', 2)"), LOCKED);
    commit(1);
    expect_seen("SELECT k || v FROM n", "a1");
}

Test(store_lock, opening_again_changes_no_schema)
{
    char before[32];
    service_start(
        TWO "CREATE TABLE k (a TEXT, b, PRIMARY KEY (a, b)); CREATE TABLE c (k INTEGER PRIMARY KEY, t REFERENCES t)");
    snprintf(before, sizeof(before), "%s", look("PRAGMA schema_version"));
    service_restart();
    prepare(1, "UPDATE t SET v = 5");
    expect_seen("PRAGMA schema_version", before);
}
