/* Rows that a branch only reads, and holds (trap 13); and what it says of one that it does not hold. */
#include <stdio.h>
#include <string.h>

#include "fixture.h"

TestSuite(store_hold, .init = service_init, .fini = service_fini, .timeout = 60);

/* One of the two must stay on call; each may leave if the other one is there. */
#define WARD                                                                                                           \
    "CREATE TABLE doctor (name TEXT PRIMARY KEY, on_call INT, badge INT UNIQUE);"                                      \
    "INSERT INTO doctor VALUES ('ann', 1, 11), ('bob', 1, 12);"
#define LEAVE(me, other)                                                                                               \
    "UPDATE doctor SET on_call = 0 WHERE name = '" me "' AND (SELECT on_call FROM doctor WHERE name = '" other "') = " \
    "1"
#define ON_CALL "SELECT count(*) FROM doctor WHERE on_call"
#define HOLD(name) "SELECT vow_hold('doctor', '" name "')"

/* Without holds this is what happens, and what the headers say. */
Test(store_hold, trap_13_without_holds_write_skew_is_possible)
{
    service_start(WARD);
    cr_assert_eq(prepare(1, LEAVE("ann", "bob")), VOW_STORE_DONE);
    cr_assert_eq(prepare(2, LEAVE("bob", "ann")), VOW_STORE_DONE);
    commit(1);
    commit(2);
    expect_seen(ON_CALL, "0");
}

Test(store_hold, trap_13_held_rows_exclude_write_skew)
{
    service_start(WARD);
    cr_assert_eq(prepare(1, HOLD("bob") ";" LEAVE("ann", "bob")), VOW_STORE_DONE, "%s", refusal.text);
    expect_refused(prepare(2, HOLD("ann") ";" LEAVE("bob", "ann")), VOW_CAUSE_LOCK_CONFLICT);
    commit(1);
    cr_assert_eq(prepare(3, HOLD("ann") ";" LEAVE("bob", "ann")), VOW_STORE_DONE, "it reads that ann has left");
    commit(3);
    expect_seen(ON_CALL, "1");
}

Test(store_hold, trap_13_a_held_row_cannot_be_changed_by_anybody)
{
    service_start(WARD);
    cr_assert_eq(prepare(1, HOLD("bob") ";" LEAVE("ann", "bob")), VOW_STORE_DONE);
    service_restart();
    cr_assert_eq(outside("UPDATE doctor SET on_call = 0 WHERE name = 'bob'"), LOCKED);
    cr_assert_eq(outside("DELETE FROM doctor WHERE name = 'bob'"), LOCKED);
    cr_assert_eq(outside("REPLACE INTO doctor VALUES ('bob', 0, 12)"), LOCKED);
    cr_assert_eq(outside("REPLACE INTO doctor VALUES ('eve', 0, 12)"), LOCKED, "through another key (trap 9)");
    cr_assert_eq(outside("UPDATE OR REPLACE doctor SET badge = 12 WHERE name = 'ann'"), LOCKED);
    cr_assert_eq(outside("INSERT INTO doctor VALUES ('eve', 0, 13)"), SQLITE_OK);
    commit(1);
    cr_assert_eq(outside("UPDATE doctor SET on_call = 0 WHERE name = 'bob'"), SQLITE_OK);
}

Test(store_hold, many_may_hold_a_row_and_the_last_one_frees_it)
{
    service_start(WARD);
    cr_assert_eq(prepare(1, HOLD("bob")), VOW_STORE_DONE);
    cr_assert_eq(prepare(2, HOLD("bob")), VOW_STORE_DONE);
    cr_assert_eq(prepare(3, HOLD("bob") ";" HOLD("bob") "; INSERT INTO doctor VALUES ('eve', 1, 13)"), VOW_STORE_DONE,
                 "%s", refusal.text);
    commit(1);
    commit(3);
    expect_refused(prepare(4, "UPDATE doctor SET on_call = 0 WHERE name = 'bob'"), VOW_CAUSE_LOCK_CONFLICT);
    abort_branch(2);
    cr_assert_eq(prepare(5, "UPDATE doctor SET on_call = 0 WHERE name = 'bob'"), VOW_STORE_DONE);
    expect_refused(prepare(6, HOLD("bob")), VOW_CAUSE_LOCK_CONFLICT);
    commit(5);
    expect_seen("SELECT count(*) FROM vow_lock", "0");
}

/* What is written is what changes: SET x = x, which other databases know as a lock, is none here. */
Test(store_hold, an_update_that_changes_nothing_holds_nothing)
{
    service_start(WARD);
    cr_assert_eq(prepare(1, "UPDATE doctor SET on_call = on_call + 0 WHERE name = 'ann'"), VOW_STORE_READ_ONLY);
    cr_assert_eq(prepare(2, "UPDATE doctor SET on_call = on_call + 0 WHERE name = 'ann';"
                            "UPDATE doctor SET on_call = 0 WHERE name = 'bob'"),
                 VOW_STORE_DONE);
    cr_assert_eq(outside("UPDATE doctor SET on_call = 7 WHERE name = 'ann'"), SQLITE_OK);
    cr_assert_eq(outside("UPDATE doctor SET on_call = 7 WHERE name = 'bob'"), LOCKED);
    commit(2);
}

/* The two doctors read only, and each relies on what the other one's transaction does elsewhere. */
Test(store_hold, a_branch_that_only_holds_is_prepared)
{
    service_start(WARD);
    cr_assert_eq(prepare(1, HOLD("ann")), VOW_STORE_DONE);
    service_restart();
    cr_assert_eq(recovered_branches(), 1);
    cr_assert_eq(outside("UPDATE doctor SET on_call = 0 WHERE name = 'ann'"), LOCKED);
    commit(1);
    cr_assert_eq(decide(VOW_STORE_COMMIT, 1), VOW_STORE_DONE, "its tombstone");
    cr_assert_eq(prepare(2, "SELECT * FROM doctor"), VOW_STORE_READ_ONLY);
}

Test(store_hold, a_branch_may_write_what_it_holds)
{
    service_start(WARD);
    cr_assert_eq(prepare(1, HOLD("ann") "; UPDATE doctor SET on_call = 7, badge = 70 WHERE name = 'ann';" HOLD("ann")),
                 VOW_STORE_DONE, "%s", refusal.text);
    cr_assert_eq(prepare(2, "INSERT INTO doctor VALUES ('eve', 1, 13);" HOLD("eve")), VOW_STORE_DONE);
    cr_assert_eq(prepare(3, "INSERT INTO doctor VALUES ('tom', 1, 14);" HOLD("tom") "; DELETE FROM doctor WHERE name "
                                                                                    "= 'tom'"),
                 VOW_STORE_READ_ONLY);
    commit(1);
    commit(2);
    expect_seen("SELECT name || on_call || ':' || badge FROM doctor ORDER BY 1", "ann7:70 bob1:12 eve1:13");
    cr_assert_eq(one_phase(4, HOLD("ann") "; UPDATE doctor SET on_call = 0"), VOW_STORE_DONE);
}

/* As the table has it, whatever the handler gives: 'x' and 'X' are one key here, and so are 7 and '7'. */
Test(store_hold, the_key_is_the_tables)
{
    service_start("CREATE TABLE k (a TEXT COLLATE NOCASE, b INT, v, key INT, gtrid INT UNIQUE, PRIMARY KEY (a, b));"
                  "INSERT INTO k VALUES ('x', 7, 0, 1, 2), ('x', 77, 0, 1, 3), ('xy', 7, 0, 1, NULL)");
    cr_assert_eq(prepare(1, "SELECT vow_hold('K', 'X', '7')"), VOW_STORE_DONE, "%s", refusal.text);
    cr_assert_eq(outside("UPDATE k SET v = 1 WHERE a = 'x' AND b = 7"), LOCKED);
    cr_assert_eq(outside("UPDATE k SET v = 1 WHERE a = 'x' AND b = 77"), SQLITE_OK);
    cr_assert_eq(outside("UPDATE k SET v = 1 WHERE a = 'xy' AND b = 7"), SQLITE_OK);
    cr_assert_eq(prepare(2, "SELECT vow_hold('k', a, b) FROM k WHERE a = 'xy'"), VOW_STORE_DONE, "%s", refusal.text);
    expect_refused(prepare(3, "UPDATE k SET key = 5, gtrid = 6 WHERE a = 'xy'"), VOW_CAUSE_LOCK_CONFLICT);
}

Test(store_hold, what_cannot_be_held_is_an_error)
{
    service_start(WARD "CREATE TABLE plain (v);");
    expect_refused(prepare(1, "SELECT vow_hold('nothing', 1)"), VOW_CAUSE_HANDLER_FAILED);
    expect_refused(prepare(2, "SELECT vow_hold('plain', 1)"), VOW_CAUSE_HANDLER_FAILED);
    expect_refused(prepare(3, HOLD("nobody")), VOW_CAUSE_HANDLER_FAILED);
    expect_refused(prepare(4, "SELECT vow_hold('doctor', 'ann', 1)"), VOW_CAUSE_HANDLER_FAILED);
    expect_refused(prepare(5, "SELECT vow_hold('doctor')"), VOW_CAUSE_HANDLER_FAILED);
    expect_refused(prepare(6, "SELECT vow_hold()"), VOW_CAUSE_HANDLER_FAILED);
    expect_refused(prepare(7, "SELECT vow_hold(NULL, 1)"), VOW_CAUSE_HANDLER_FAILED);
    const struct vow_sqlite_key key = {.text = "ann"};
    cr_assert_eq(vow_store_sqlite_hold(service.store, "doctor", &key, 1), VOW_E_STATE);
    cr_assert_eq(prepare(8, "UPDATE doctor SET on_call = 3"), VOW_STORE_DONE, "nothing is left of them");
}

/* A reader that waits, and a writer that waits for readers. */
Test(store_hold, holders_and_writers_wait_for_each_other)
{
    service.options.fail_fast = false;
    service_start(WARD);
    prepare(3, "UPDATE doctor SET on_call = 5 WHERE name = 'ann'");
    struct work reader = work_of(VOW_STORE_PREPARE, 2, HOLD("ann")),
                writer = work_of(VOW_STORE_PREPARE, 1, "UPDATE doctor SET on_call = 6 WHERE name = 'ann'"),
                decision = work_of(VOW_STORE_COMMIT, 3, "");
    cr_assert_eq(run_batch(&reader, 1), 0);
    cr_assert_eq(works_done, 0);
    cr_assert_eq(run_batch(&decision, 1), 0);
    cr_assert_eq(works_done, 2);
    cr_assert_eq(reader.op.result, VOW_STORE_DONE);
    cr_assert_eq(run_batch(&writer, 1), 0);
    cr_assert_eq(works_done, 0);
    decision = work_of(VOW_STORE_COMMIT, 2, "");
    cr_assert_eq(run_batch(&decision, 1), 0);
    cr_assert_eq(works_done, 2);
    commit(1);
    expect_seen("SELECT on_call FROM doctor WHERE name = 'ann'", "6");
}

/* Nothing comes between its work and its commit, but somebody's prepared work may be older than what it read: the value
 * that it holds is about to change, and other rows that it read may have changed with it already. */
Test(store_hold, a_one_phase_commit_waits_for_what_it_holds)
{
    service.options.fail_fast = false;
    service_start(WARD);
    prepare(1, "UPDATE doctor SET on_call = 5 WHERE name = 'ann'");
    struct work readers[2] = {work_of(VOW_STORE_ONE_PHASE, 2, HOLD("bob") ";" HOLD("ann")),
                              work_of(VOW_STORE_ONE_PHASE, 3,
                                      HOLD("ann") "; UPDATE doctor SET on_call = 6 WHERE name = 'bob'")},
                decision = work_of(VOW_STORE_COMMIT, 1, "");
    cr_assert_eq(run_batch(readers, 2), 0);
    cr_assert_eq(works_done, 0);
    cr_assert_eq(run_batch(&decision, 1), 0);
    cr_assert_eq(works_done, 3);
    cr_assert_eq(readers[0].op.result, VOW_STORE_READ_ONLY);
    cr_assert_eq(readers[1].op.result, VOW_STORE_DONE);
    expect_seen("SELECT count(*) FROM vow_lock", "0");
    expect_seen("SELECT on_call FROM doctor ORDER BY name", "5 6");
}
