/* The traps of two-phase commit over SQLite's sessions, by their numbers in docs/faults.md. */
#include <stdio.h>
#include <string.h>

#include "fixture.h"

TestSuite(store_traps, .init = service_init, .fini = service_fini, .timeout = 60);

Test(store_traps, trap_01_the_changeset_is_taken_before_the_rollback)
{
    service_start("CREATE TABLE t (id INTEGER PRIMARY KEY, v)");
    cr_assert_eq(prepare(1, "INSERT INTO t VALUES (1, 'new')"), VOW_STORE_DONE);
    commit(1);
    expect_seen("SELECT v FROM t", "new");
}

#define AUDITED                                                                                                        \
    "CREATE TABLE t (id INTEGER PRIMARY KEY, v INT);"                                                                  \
    "CREATE TABLE audit (id INTEGER PRIMARY KEY AUTOINCREMENT, what TEXT);"                                            \
    "CREATE TRIGGER t_audit AFTER UPDATE ON t BEGIN INSERT INTO audit (what) VALUES (OLD.v || '>' || NEW.v); END;"     \
    "INSERT INTO t VALUES (1, 10), (2, 20);"

Test(store_traps, trap_02_triggers_fire_once)
{
    service_start(AUDITED);
    cr_assert_eq(prepare(1, "UPDATE t SET v = v + 1 WHERE id = 1"), VOW_STORE_DONE, "%s", refusal.text);
    cr_assert_eq(prepare(2, "UPDATE t SET v = v + 1 WHERE id = 2"), VOW_STORE_DONE, "%s", refusal.text);
    commit(2);
    commit(1);
    expect_seen("SELECT what FROM audit ORDER BY id", "10>11 20>21");
    cr_assert_eq(one_phase(3, "UPDATE t SET v = 0 WHERE id = 1"), VOW_STORE_DONE);
    expect_seen("SELECT what FROM audit ORDER BY id", "10>11 20>21 11>0");
}

Test(store_traps, trap_02_triggers_are_on_again_after_an_apply)
{
    service_start(AUDITED);
    struct work works[2] = {work_of(VOW_STORE_COMMIT, 1, ""),
                            work_of(VOW_STORE_ONE_PHASE, 2, "UPDATE t SET v = 12 WHERE id = 1")};
    prepare(1, "UPDATE t SET v = 11 WHERE id = 1");
    cr_assert_eq(run_batch(works, 2), 0);
    cr_assert_eq(works[1].op.result, VOW_STORE_DONE);
    expect_seen("SELECT what FROM audit ORDER BY id", "10>11 11>12");
    prepare(3, "UPDATE t SET v = 99 WHERE id = 2");
    expect_refused(prepare(4, "UPDATE t SET v = 0 WHERE id = 2"), VOW_CAUSE_LOCK_CONFLICT);
}

#define FAMILY                                                                                                         \
    "CREATE TABLE parent (id INTEGER PRIMARY KEY, n INT);"                                                             \
    "CREATE TABLE child (id INTEGER PRIMARY KEY, parent INT REFERENCES parent ON DELETE CASCADE ON UPDATE CASCADE);"   \
    "INSERT INTO parent VALUES (1, 0), (2, 0); INSERT INTO child VALUES (1, 1), (2, 1), (3, 2);"
#define CHILDREN "SELECT id || ':' || parent FROM child ORDER BY id"

Test(store_traps, trap_03_cascades_run_once)
{
    service_start(FAMILY);
    cr_assert_eq(prepare(1, "DELETE FROM parent WHERE id = 1"), VOW_STORE_DONE, "%s", refusal.text);
    expect_seen(CHILDREN, "1:1 2:1 3:2");
    cr_assert_eq(outside("UPDATE child SET parent = 2 WHERE id = 1"), LOCKED);
    commit(1);
    expect_seen(CHILDREN, "3:2");
    cr_assert_eq(prepare(2, "UPDATE parent SET id = 5 WHERE id = 2"), VOW_STORE_DONE, "%s", refusal.text);
    commit(2);
    expect_seen(CHILDREN, "3:5");
    expect_seen("SELECT count(*) FROM pragma_foreign_key_check", "0");
}

Test(store_traps, trap_03_foreign_keys_are_on_for_handlers_after_an_apply)
{
    service_start(FAMILY);
    prepare(1, "DELETE FROM parent WHERE id = 1");
    commit(1);
    expect_refused(prepare(2, "INSERT INTO child VALUES (9, 77)"), VOW_CAUSE_CONSTRAINT);
}

Test(store_traps, trap_04_deferred_foreign_keys_are_checked_before_the_vote)
{
    service_start("CREATE TABLE parent (id INTEGER PRIMARY KEY);"
                  "CREATE TABLE child (id INTEGER PRIMARY KEY, p REFERENCES parent DEFERRABLE INITIALLY DEFERRED)");
    struct work works[2] = {
        work_of(VOW_STORE_PREPARE, 1, "INSERT INTO child VALUES (1, 1)"),
        work_of(VOW_STORE_PREPARE, 2, "INSERT INTO child VALUES (2, 2); INSERT INTO parent VALUES (2)")};
    cr_assert_eq(run_batch(works, 2), 0);
    cr_assert_eq(works[0].op.result, VOW_STORE_REFUSED);
    cr_assert_eq(works[0].op.cause, VOW_CAUSE_CONSTRAINT);
    cr_assert_eq(works[1].op.result, VOW_STORE_DONE, "%s", works[1].op.text);
    expect_refused(one_phase(3, "INSERT INTO child VALUES (3, 3)"), VOW_CAUSE_CONSTRAINT);
    commit(2);
    expect_seen("SELECT id || ':' || p FROM child", "2:2");
}

Test(store_traps, trap_05_unique_values_can_be_swapped)
{
    service_start("CREATE TABLE t (id INTEGER PRIMARY KEY, u TEXT UNIQUE, n INT);"
                  "INSERT INTO t VALUES (1, 'a', 1), (2, 'b', 2), (3, 'c', 3)");
    cr_assert_eq(prepare(1, "UPDATE t SET u = 'x' WHERE id = 1; UPDATE t SET u = 'a' WHERE id = 2;"
                            "UPDATE t SET u = 'b' WHERE id = 3; UPDATE t SET u = 'c', n = 9 WHERE id = 1"),
                 VOW_STORE_DONE, "%s", refusal.text);
    commit(1);
    expect_seen("SELECT id || u || n FROM t ORDER BY id", "1c9 2a2 3b3");
}

/* A key that changes in nothing but its case is one row to SQLite and two to a session: either it works, or the vote
 * is NO. */
Test(store_traps, trap_05_what_cannot_be_applied_again_is_refused_before_the_vote)
{
    service_start("CREATE TABLE t (k TEXT COLLATE NOCASE PRIMARY KEY, v); INSERT INTO t VALUES ('ab', 1), ('c', 2)");
    if (prepare(1, "UPDATE t SET k = 'AB', v = 5 WHERE k = 'ab'") == VOW_STORE_DONE)
        commit(1);
    else
        expect_refused(refusal.result, VOW_CAUSE_NOT_CAPTURED);
    cr_assert_eq(prepare(2, "UPDATE t SET v = 7 WHERE k = 'AB'"), VOW_STORE_DONE);
}

/* The row that is put back has the highest hidden rowid, which a new row must not get meanwhile. */
Test(store_traps, trap_05_rows_put_back_keep_their_rowid)
{
    service_start("CREATE TABLE t (k TEXT PRIMARY KEY, u TEXT UNIQUE); INSERT INTO t VALUES ('k1', 'a'), ('k2', 'b')");
    for (uint64_t i = 1; i < 20; i++) { /* whichever comes first in the changeset */
        char sql[200];
        snprintf(sql, sizeof(sql),
                 "UPDATE t SET u = 'u%d' WHERE rowid = (SELECT max(rowid) FROM t); INSERT INTO t VALUES ('n%d', 'n%d')",
                 (int)i, (int)i, (int)i);
        cr_assert_eq(prepare(i, sql), VOW_STORE_DONE, "%d: %s", (int)i, refusal.text);
        commit(i);
    }
    expect_seen("SELECT count(*) FROM t", "21");
}

static void expect_stop(uint64_t seq, const char *table)
{
    struct work work = work_of(VOW_STORE_COMMIT, seq, "");
    cr_assert_neq(run_batch(&work, 1), 0);
    cr_assert_not_null(strstr(service.detail.text, table), "%s", service.detail.text);
    cr_assert_neq(run_batch(&work, 1), 0, "a store that has failed goes on");
    service_restart();
    cr_assert_eq(recovered_branches(), 1);
}

Test(store_traps, trap_06_a_dropped_table_stops_the_commit)
{
    service_start("CREATE TABLE precious (id INTEGER PRIMARY KEY, v)");
    prepare(1, "INSERT INTO precious VALUES (1, 1)");
    cr_assert_eq(outside("DROP TABLE precious"), SQLITE_OK);
    expect_stop(1, "precious");
}

Test(store_traps, trap_06_a_column_exchanged_for_another_stops_the_commit)
{
    service_start("CREATE TABLE precious (id INTEGER PRIMARY KEY, cents INT)");
    prepare(1, "INSERT INTO precious VALUES (1, 500)");
    cr_assert_eq(outside("ALTER TABLE precious DROP COLUMN cents; ALTER TABLE precious ADD COLUMN euros INT"),
                 SQLITE_OK);
    expect_stop(1, "precious");
}

Test(store_traps, trap_06_another_table_may_change)
{
    service_start("CREATE TABLE t (id INTEGER PRIMARY KEY, v); CREATE TABLE o (id INTEGER PRIMARY KEY)");
    prepare(1, "INSERT INTO t VALUES (1, 1)");
    cr_assert_eq(outside("DROP TABLE o; CREATE TABLE n (id INTEGER PRIMARY KEY); CREATE INDEX i ON t (v)"), SQLITE_OK);
    commit(1);
    cr_assert_eq(prepare(2, "INSERT INTO n VALUES (1)"), VOW_STORE_DONE, "%s", refusal.text);
    cr_assert_eq(outside("INSERT INTO n VALUES (1)"), LOCKED);
}

Test(store_traps, trap_07_what_a_session_cannot_see_is_refused)
{
    service_start("CREATE TABLE plain (n);"
                  "CREATE TABLE made (id INTEGER PRIMARY KEY, a INT, b INT AS (a * 2) STORED);"
                  "CREATE VIRTUAL TABLE f USING fts5 (body);"
                  "CREATE TABLE src (id INTEGER PRIMARY KEY);"
                  "CREATE TABLE up (id INTEGER PRIMARY KEY);"
                  "CREATE TABLE down (up REFERENCES up ON DELETE CASCADE);"
                  "INSERT INTO up VALUES (1); INSERT INTO down VALUES (1);"
                  "CREATE TRIGGER spill AFTER INSERT ON src BEGIN INSERT INTO plain VALUES (NEW.id); END");
    expect_refused(prepare(1, "INSERT INTO plain VALUES (1)"), VOW_CAUSE_NOT_CAPTURED);
    expect_refused(prepare(2, "INSERT INTO made (id, a) VALUES (1, 1)"), VOW_CAUSE_NOT_CAPTURED);
    expect_refused(prepare(3, "INSERT INTO f VALUES ('x')"), VOW_CAUSE_NOT_CAPTURED);
    expect_refused(prepare(4, "INSERT INTO src VALUES (1)"), VOW_CAUSE_NOT_CAPTURED);
    expect_refused(prepare(5, "DELETE FROM up"), VOW_CAUSE_NOT_CAPTURED);
    expect_seen("SELECT count(*) FROM down", "1");
}

/* A row with a NULL key would not be captured, and the vote would be READ_ONLY: lost without a word. */
Test(store_traps, trap_07_keys_are_never_null)
{
    service_start("CREATE TABLE t (k TEXT PRIMARY KEY, v); CREATE TABLE p (a INT, b INT, PRIMARY KEY (a, b));"
                  "CREATE TABLE had (k TEXT PRIMARY KEY, v); INSERT INTO had VALUES (NULL, 1);"
                  "CREATE TABLE d (k INTEGER PRIMARY KEY DESC, v)");
    expect_refused(prepare(1, "INSERT INTO t VALUES (NULL, 1)"), VOW_CAUSE_CONSTRAINT);
    expect_refused(prepare(2, "INSERT INTO p VALUES (1, NULL)"), VOW_CAUSE_CONSTRAINT);
    expect_refused(prepare(3, "INSERT INTO d VALUES (NULL, 1)"), VOW_CAUSE_CONSTRAINT);
    expect_refused(prepare(4, "UPDATE had SET v = 2"), VOW_CAUSE_NOT_CAPTURED);
    cr_assert_eq(prepare(5, "INSERT INTO t VALUES ('a', 1)"), VOW_STORE_DONE);
    cr_assert_neq(outside("INSERT INTO t (v) VALUES (5)"), SQLITE_OK, "nobody could ever change such a row here");
    cr_assert_eq(outside("INSERT INTO t VALUES ('b', 5)"), SQLITE_OK);
    commit(5);
    expect_refused(prepare(6, "UPDATE t SET k = NULL"), VOW_CAUSE_CONSTRAINT);
}

Test(store_traps, trap_08_unique_values_gained_are_held)
{
    service_start("CREATE TABLE t (id INTEGER PRIMARY KEY, u TEXT UNIQUE); INSERT INTO t VALUES (1, 'a'), (2, 'b')");
    prepare(1, "UPDATE t SET u = 'gain' WHERE id = 1");
    cr_assert_eq(outside("INSERT INTO t VALUES (3, 'gain')"), LOCKED);
    cr_assert_eq(outside("UPDATE t SET u = 'gain' WHERE id = 2"), LOCKED);
    cr_assert_eq(outside("INSERT INTO t VALUES (3, 'other')"), SQLITE_OK);
    expect_refused(prepare(2, "INSERT INTO t VALUES (4, 'gain')"), VOW_CAUSE_LOCK_CONFLICT);
    commit(1);
    cr_assert_eq(outside("INSERT INTO t VALUES (4, 'a')"), SQLITE_OK);
}

Test(store_traps, trap_08_a_value_left_by_a_prepared_branch_is_not_free_yet)
{
    service_start("CREATE TABLE t (id INTEGER PRIMARY KEY, u TEXT UNIQUE); INSERT INTO t VALUES (1, 'a')");
    prepare(1, "DELETE FROM t WHERE id = 1");
    cr_assert_eq(outside("INSERT INTO t VALUES (2, 'a')"), LOCKED);
    cr_assert_eq(outside("INSERT OR REPLACE INTO t VALUES (2, 'a')"), LOCKED);
    abort_branch(1);
    expect_seen("SELECT id || u FROM t", "1a");
}

/* A row may come into a partial index without a change of the index's columns. */
Test(store_traps, trap_08_a_value_gained_through_a_partial_index_is_held)
{
    service_start("CREATE TABLE t (id INTEGER PRIMARY KEY, u TEXT, dead INT);"
                  "CREATE UNIQUE INDEX i ON t (u) WHERE dead = 0; INSERT INTO t VALUES (1, 'a', 1)");
    cr_assert_eq(prepare(1, "INSERT INTO t VALUES (2, 'a', 0)"), VOW_STORE_DONE);
    cr_assert_eq(outside("UPDATE t SET dead = 0 WHERE id = 1"), LOCKED);
    commit(1);
    expect_seen("SELECT id || u || dead FROM t ORDER BY id", "1a1 2a0");
}

/* Nobody can keep another connection from making an index. What it costs is said, and nothing is lost. */
Test(store_traps, trap_06_a_commit_that_meets_a_new_index_says_which)
{
    service_start("CREATE TABLE t (id INTEGER PRIMARY KEY, v INT); INSERT INTO t VALUES (1, 0), (2, 0)");
    prepare(1, "UPDATE t SET v = 7 WHERE id = 1");
    cr_assert_eq(outside("UPDATE t SET v = 7 WHERE id = 2; CREATE UNIQUE INDEX i ON t (v)"), SQLITE_OK);
    struct work work = work_of(VOW_STORE_COMMIT, 1, "");
    cr_assert_eq(run_batch(&work, 1), VOW_E_DATABASE);
    cr_assert_not_null(strstr(service.detail.text, "UNIQUE constraint failed: t.v"), "%s", service.detail.text);
    cr_assert_eq(outside("DROP INDEX i"), SQLITE_OK);
    service_restart();
    cr_assert_eq(recovered_branches(), 1);
    commit(1);
    expect_seen("SELECT v FROM t", "7 7");
}

/* A session and the applier look for a row by its columns, and may find two, 'a' and 'A'. */
Test(store_traps, trap_07_a_key_that_compares_otherwise_than_its_column)
{
    service_start("CREATE TABLE t (k TEXT COLLATE NOCASE, v INT, PRIMARY KEY (k COLLATE BINARY));"
                  "CREATE TABLE same (k TEXT COLLATE NOCASE, v INT, PRIMARY KEY (k COLLATE nocase)) WITHOUT ROWID;"
                  "INSERT INTO t VALUES ('a', 5); INSERT INTO same VALUES ('A', 1)");
    expect_refused(prepare(1, "UPDATE t SET v = 6 WHERE k = 'a' COLLATE BINARY"), VOW_CAUSE_NOT_CAPTURED);
    cr_assert_eq(prepare(2, "UPDATE same SET v = 2"), VOW_STORE_DONE, "%s", refusal.text);
    commit(2);
    expect_seen("SELECT k || v FROM t", "a5");
}

/* 1 and 1.0 are equal, and so are 'a' and 'A' without case: what is equal to SQLite must be the same lock. */
Test(store_traps, trap_08_equal_values_are_one_lock)
{
    service_start("CREATE TABLE n (k PRIMARY KEY, u UNIQUE, v); CREATE TABLE c (k TEXT COLLATE NOCASE PRIMARY KEY);"
                  "CREATE TABLE a (k ANY PRIMARY KEY) STRICT; CREATE TABLE i (k INT PRIMARY KEY);"
                  "CREATE TABLE r (k REAL PRIMARY KEY); CREATE TABLE id (id INTEGER PRIMARY KEY)");
    cr_assert_eq(prepare(1, "INSERT INTO n VALUES (1, 5.0, 0); INSERT INTO c VALUES ('ab'); INSERT INTO a VALUES (7.0);"
                            "INSERT INTO i VALUES (3); INSERT INTO r VALUES (4); INSERT INTO id VALUES (8)"),
                 VOW_STORE_DONE);
    cr_expect_eq(outside("INSERT INTO n VALUES (1.0, 2, 0)"), LOCKED);
    cr_expect_eq(outside("INSERT INTO n VALUES (2, 5, 0)"), LOCKED);
    cr_expect_eq(outside("INSERT INTO c VALUES ('AB')"), LOCKED);
    cr_expect_eq(outside("INSERT INTO a VALUES (7)"), LOCKED);
    cr_expect_eq(outside("INSERT INTO i VALUES (3.0)"), LOCKED);
    cr_expect_eq(outside("INSERT INTO i VALUES ('3')"), LOCKED);
    cr_expect_eq(outside("INSERT INTO r VALUES (4.0)"), LOCKED);
    cr_expect_eq(outside("INSERT INTO id VALUES ('8')"), LOCKED);
    cr_expect_eq(outside("INSERT INTO id VALUES (8.0)"), LOCKED);
    cr_expect_eq(outside("INSERT INTO n VALUES ('1', '5', 0)"), SQLITE_OK);
    commit(1);
}

/* The one real that integer affinity leaves a real: a row was replaced under its holder through it. */
Test(store_traps, trap_08_the_lowest_integer_is_one_lock)
{
    service_start("CREATE TABLE t (id INTEGER PRIMARY KEY, u INT UNIQUE, v);"
                  "INSERT INTO t VALUES (1, -9223372036854775807 - 1, 0);");
    prepare(1, "UPDATE t SET v = 1 WHERE id = 1");
    cr_assert_eq(outside("REPLACE INTO t VALUES (2, -9223372036854775808.0, 0)"), LOCKED);
    commit(1);
    expect_seen("SELECT id || v FROM t", "11");
}

/* OR REPLACE of another connection calls no trigger for the row that it deletes. */
Test(store_traps, trap_09_a_parent_is_not_replaced_while_a_child_is_prepared)
{
    service_start("CREATE TABLE p (id INTEGER PRIMARY KEY, name TEXT UNIQUE, v INT DEFAULT 0);"
                  "CREATE TABLE c (k INTEGER PRIMARY KEY, p REFERENCES p);"
                  "INSERT INTO p (id, name) VALUES (1, 'a'), (2, 'b')");
    prepare(1, "INSERT INTO c VALUES (1, 1)");
    cr_expect_eq(outside("REPLACE INTO p (id, name) VALUES (3, 'a')"), LOCKED);
    cr_expect_eq(outside("REPLACE INTO p (name) VALUES ('a')"), LOCKED);
    cr_expect_eq(outside("UPDATE OR REPLACE p SET name = 'a' WHERE id = 2"), LOCKED);
    cr_expect_eq(outside("REPLACE INTO p VALUES (1, 'a', 1)"), SQLITE_OK, "the child's parent stays");
    cr_expect_eq(outside("INSERT INTO p (id, name) VALUES (1, 'a') ON CONFLICT (id) DO UPDATE SET v = 2"), SQLITE_OK);
    cr_expect_eq(outside("UPDATE p SET name = 'B' WHERE id = 2; INSERT INTO p (name) VALUES ('d')"), SQLITE_OK);
    commit(1);
    expect_seen("SELECT count(*) FROM pragma_foreign_key_check", "0");
    cr_expect_eq(outside("REPLACE INTO p (id, name) VALUES (4, 'B')"), SQLITE_OK);
}

/* A table that cannot take part may be the parent of one that can, or its child. */
Test(store_traps, trap_08_kin_that_take_no_part_wait_too)
{
    service_start("CREATE TABLE p (id INT UNIQUE, v INT, w AS (v + 1));"
                  "CREATE TABLE c (k INTEGER PRIMARY KEY, p REFERENCES p (id));"
                  "CREATE TABLE line (c REFERENCES c, v INT); CREATE TABLE alone (p REFERENCES p (id));"
                  "INSERT INTO p (id, v) VALUES (1, 0), (2, 0); INSERT INTO c VALUES (1, 1), (2, 1)");
    prepare(1, "INSERT INTO c VALUES (3, 2); DELETE FROM c WHERE k = 2");
    cr_expect_eq(outside("PRAGMA foreign_keys = ON; DELETE FROM p WHERE id = 2"), LOCKED);
    cr_expect_eq(outside("UPDATE p SET id = 3 WHERE id = 2"), LOCKED);
    cr_expect_eq(outside("UPDATE p SET v = 3; INSERT INTO p (id) VALUES (4)"), SQLITE_OK);
    cr_expect_eq(outside("PRAGMA foreign_keys = ON; INSERT INTO line VALUES (2, 0)"), LOCKED);
    cr_expect_eq(outside("INSERT INTO alone VALUES (1)"), SQLITE_OK);
    commit(1);
    expect_seen("SELECT count(*) FROM pragma_foreign_key_check", "0");
    cr_expect_eq(outside("INSERT INTO line VALUES (1, 0); UPDATE line SET c = 3; DELETE FROM line"), SQLITE_OK);
    expect_refused(prepare(2, "INSERT INTO line VALUES (1, 0)"), VOW_CAUSE_NOT_CAPTURED);
}

Test(store_traps, trap_08_a_parent_stays_while_a_child_is_prepared)
{
    service_start(FAMILY);
    cr_assert_eq(prepare(1, "INSERT INTO child VALUES (9, 2)"), VOW_STORE_DONE);
    cr_assert_eq(outside("DELETE FROM parent WHERE id = 2"), LOCKED);
    cr_assert_eq(outside("UPDATE parent SET id = 7 WHERE id = 2"), LOCKED);
    cr_assert_eq(outside("UPDATE parent SET n = 7 WHERE id = 2"), SQLITE_OK);
    expect_refused(prepare(2, "DELETE FROM parent WHERE id = 2"), VOW_CAUSE_LOCK_CONFLICT);
    cr_assert_eq(prepare(3, "INSERT INTO child VALUES (10, 2)"), VOW_STORE_DONE, "two children may share a parent");
    commit(1);
    commit(3);
    cr_assert_eq(outside("DELETE FROM child; DELETE FROM parent WHERE id = 2"), SQLITE_OK);
}

Test(store_traps, trap_08_no_child_comes_while_its_parent_goes)
{
    service_start(FAMILY);
    cr_assert_eq(prepare(1, "DELETE FROM parent WHERE id = 1"), VOW_STORE_DONE);
    cr_assert_eq(outside("INSERT INTO child VALUES (9, 1)"), LOCKED);
    cr_assert_eq(outside("UPDATE child SET parent = 1 WHERE id = 3"), LOCKED);
    expect_refused(prepare(2, "INSERT INTO child VALUES (9, 1)"), VOW_CAUSE_LOCK_CONFLICT);
    commit(1);
    expect_seen("SELECT count(*) FROM pragma_foreign_key_check", "0");
}

Test(store_traps, trap_09_replace_cannot_delete_a_held_row)
{
    service_start("CREATE TABLE t (id INTEGER PRIMARY KEY, u TEXT UNIQUE, w TEXT UNIQUE, n INT);"
                  "INSERT INTO t VALUES (1, 'a', 'x', 0), (2, 'b', 'y', 0)");
    prepare(1, "UPDATE t SET n = 1 WHERE id = 1");
    cr_assert_eq(outside("REPLACE INTO t VALUES (3, 'a', 'z', 0)"), LOCKED);
    cr_assert_eq(outside("REPLACE INTO t VALUES (3, 'z', 'x', 0)"), LOCKED);
    cr_assert_eq(outside("REPLACE INTO t VALUES (1, 'z', 'z', 0)"), LOCKED);
    cr_assert_eq(outside("UPDATE OR REPLACE t SET u = 'a' WHERE id = 2"), LOCKED);
    cr_assert_eq(outside("UPDATE OR REPLACE t SET id = 1 WHERE id = 2"), LOCKED);
    cr_assert_eq(outside("INSERT INTO t VALUES (1, 'q', 'q', 0) ON CONFLICT DO UPDATE SET n = 5"), LOCKED);
    cr_assert_eq(outside("INSERT OR IGNORE INTO t VALUES (1, 'q', 'q', 0)"), LOCKED);
    cr_assert_eq(outside("REPLACE INTO t VALUES (2, 'c', 'w', 0)"), SQLITE_OK);
    commit(1);
    expect_seen("SELECT id || u || w || n FROM t ORDER BY id", "1ax1 2cw0");
}

Test(store_traps, trap_10_other_columns_of_a_held_row_are_held_too)
{
    service_start("CREATE TABLE t (id INTEGER PRIMARY KEY, a INT, b INT); INSERT INTO t VALUES (1, 1, 1)");
    prepare(1, "UPDATE t SET a = 2");
    cr_assert_eq(outside("UPDATE t SET b = 2"), LOCKED);
    /* Somebody who switches the guards off is found out, not merged. */
    cr_assert_eq(outside("DROP TRIGGER vow_guard_t_update; UPDATE t SET a = 3"), SQLITE_OK);
    struct work work = work_of(VOW_STORE_COMMIT, 1, "");
    cr_assert_eq(run_batch(&work, 1), VOW_E_DATABASE);
    service_restart();
    cr_assert_eq(recovered_branches(), 1);
    expect_seen("SELECT a FROM t", "3");
}

Test(store_traps, trap_11_autoincrement_does_not_give_a_prepared_rowid_again)
{
    service_start("CREATE TABLE t (id INTEGER PRIMARY KEY AUTOINCREMENT, v)");
    cr_assert_eq(prepare(1, "INSERT INTO t (v) VALUES ('one')"), VOW_STORE_DONE);
    cr_assert_eq(outside("INSERT INTO t (v) VALUES ('two')"), SQLITE_OK);
    cr_assert_eq(prepare(2, "INSERT INTO t (v) VALUES ('three')"), VOW_STORE_DONE, "%s", refusal.text);
    commit(2);
    commit(1);
    expect_seen("SELECT id || v FROM t ORDER BY id", "1one 2two 3three");
}

Test(store_traps, trap_11_a_chosen_rowid_that_is_held_is_not_taken)
{
    service_start("CREATE TABLE t (id INTEGER PRIMARY KEY, v)");
    prepare(1, "INSERT INTO t (v) VALUES ('one')");
    cr_assert_eq(outside("INSERT INTO t (v) VALUES ('two')"), LOCKED);
    expect_refused(prepare(2, "INSERT INTO t (v) VALUES ('two')"), VOW_CAUSE_LOCK_CONFLICT);
    cr_assert_eq(outside("INSERT INTO t (id, v) VALUES (5, 'two')"), SQLITE_OK);
    commit(1);
    expect_seen("SELECT id || v FROM t ORDER BY id", "1one 5two");
}

#define NEW_KEY(what) "INSERT INTO t (id, v) VALUES (vow_new_key('t'), '" what "')"

Test(store_traps, trap_11_a_new_key_is_one_that_no_prepared_branch_has)
{
    service_start("CREATE TABLE t (id INTEGER PRIMARY KEY, v); INSERT INTO t VALUES (9, 'old');"
                  "CREATE TABLE k (id TEXT PRIMARY KEY)");
    struct work works[3] = {work_of(VOW_STORE_PREPARE, 1, NEW_KEY("one") ";" NEW_KEY("two")),
                            work_of(VOW_STORE_PREPARE, 2, NEW_KEY("three")),
                            work_of(VOW_STORE_ONE_PHASE, 3, NEW_KEY("zero"))};
    cr_assert_eq(run_batch(works, 3), 0);
    for (int i = 0; i < 3; i++)
        cr_assert_eq(works[i].op.result, VOW_STORE_DONE, "%s", works[i].op.text);
    service_restart();
    cr_assert_eq(prepare(4, NEW_KEY("four")), VOW_STORE_DONE, "%s", refusal.text);
    commit(4);
    commit(2);
    commit(1);
    expect_seen("SELECT id || v FROM t ORDER BY id", "9old 10zero 11one 12two 13three 14four");
    expect_refused(prepare(5, "INSERT INTO k VALUES (vow_new_key('k'))"), VOW_CAUSE_HANDLER_FAILED);
    expect_refused(prepare(6, "INSERT INTO t VALUES (vow_new_key(NULL), 1)"), VOW_CAUSE_HANDLER_FAILED);
    cr_assert_eq(prepare(7, "INSERT INTO t VALUES (9223372036854775807, 1)"), VOW_STORE_DONE);
    expect_refused(prepare(8, NEW_KEY("none")), VOW_CAUSE_HANDLER_FAILED);
}

Test(store_traps, trap_12_apply_and_tombstone_are_one)
{
    service_start("CREATE TABLE t (id INTEGER PRIMARY KEY, n INT); INSERT INTO t VALUES (1, 0)");
    prepare(1, "UPDATE t SET n = n + 1");
    /* In one batch with something that fails it, the commit is undone as a whole. */
    prepare(2, "INSERT INTO t VALUES (2, 0)");
    cr_assert_eq(sqlite3_exec(service.db,
                              "DROP TRIGGER vow_guard_t_insert; DROP TRIGGER vow_guard_t_inserted;"
                              "INSERT INTO t VALUES (2, 5)",
                              NULL, NULL, NULL),
                 SQLITE_OK);
    struct work works[2] = {work_of(VOW_STORE_COMMIT, 1, ""), work_of(VOW_STORE_COMMIT, 2, "")};
    cr_assert_neq(run_batch(works, 2), 0);
    service_restart();
    cr_assert_eq(recovered_branches(), 2);
    expect_seen("SELECT n FROM t", "0 5");
    commit(1);
    expect_seen("SELECT n FROM t", "1 5");
}

/* Handlers hold the file's one write lock while they run, and not while their branch is in doubt. */
static int write_beside(void *ctx, const struct vow_gtrid *gtrid, sqlite3 *db, const struct vow_msg_call *call,
                        enum vow_cause *cause, char text[VOW_TEXT_SIZE])
{
    (void)ctx, (void)gtrid, (void)cause, (void)text;
    int rc = sqlite3_exec(db, call->handler, NULL, NULL, NULL);
    cr_expect_eq(outside("UPDATE t SET v = v + 1 WHERE id = 2"), SQLITE_BUSY);
    cr_expect_str_eq(look("SELECT v FROM t WHERE id = 1"), "0", "readers go on, and see what is committed");
    return rc;
}

Test(store_traps, trap_14_a_branch_in_doubt_holds_no_write_lock)
{
    service_start("CREATE TABLE t (id INTEGER PRIMARY KEY, v INT); INSERT INTO t VALUES (1, 0), (2, 0)");
    service_handler = write_beside;
    cr_assert_eq(prepare(1, "UPDATE t SET v = 5 WHERE id = 1"), VOW_STORE_DONE, "%s", refusal.text);
    cr_assert_eq(outside("UPDATE t SET v = v + 1 WHERE id = 2"), SQLITE_OK);
    commit(1);
    expect_seen("SELECT v FROM t ORDER BY id", "5 1");
}

Test(store_traps, trap_15_a_change_that_is_too_large_is_refused_before_the_vote)
{
    service.options.changeset_max = 1000;
    service_start("CREATE TABLE t (k TEXT PRIMARY KEY, v BLOB)");
    expect_refused(prepare(1, "INSERT INTO t VALUES ('a', zeroblob(1000))"), VOW_CAUSE_NOT_CAPTURED);
    cr_assert_eq(prepare(2, "INSERT INTO t VALUES ('b', zeroblob(500))"), VOW_STORE_DONE);
    /* And VACUUM, which renumbers hidden rowids, does not matter: rows are found by their keys. */
    cr_assert_eq(outside("INSERT INTO t VALUES ('c', 1), ('d', 2); DELETE FROM t WHERE k = 'c'; VACUUM"), SQLITE_OK);
    commit(2);
    expect_seen("SELECT k FROM t ORDER BY k", "b d");
}

static void ignore_change(void *ctx, sqlite3 *db, int op, char const *database, char const *table, sqlite3_int64 before,
                          sqlite3_int64 after)
{
    (void)ctx, (void)db, (void)op, (void)database, (void)table, (void)before, (void)after;
}

static int take_the_hook(void *ctx, const struct vow_gtrid *gtrid, sqlite3 *db, const struct vow_msg_call *call,
                         enum vow_cause *cause, char text[VOW_TEXT_SIZE])
{
    (void)ctx, (void)gtrid, (void)cause, (void)text;
    sqlite3_preupdate_hook(db, strstr(call->handler, "none") != NULL ? NULL : ignore_change, &service);
    return sqlite3_exec(db, call->handler, NULL, NULL, NULL);
}

/* Such a handler's changes would be lost without a word: nothing captured is READ_ONLY. */
Test(store_traps, trap_16_a_handler_that_takes_the_sessions_hook_is_refused)
{
    service_start("CREATE TABLE t (id INTEGER PRIMARY KEY, v INT); INSERT INTO t VALUES (1, 0)");
    sqlite3_preupdate_hook(service.db, ignore_change, NULL); /* at set-up: it is lost, and nothing else */
    cr_assert_eq(prepare(1, "UPDATE t SET v = 1"), VOW_STORE_DONE);
    commit(1);
    service_handler = take_the_hook;
    expect_refused(prepare(2, "UPDATE t SET v = 2"), VOW_CAUSE_NOT_CAPTURED);
    expect_refused(prepare(3, "UPDATE t SET v = 3 /* none */"), VOW_CAUSE_NOT_CAPTURED);
    service_handler = NULL;
    cr_assert_eq(prepare(4, "UPDATE t SET v = 4"), VOW_STORE_DONE);
    commit(4);
    expect_seen("SELECT v FROM t", "4");
}
