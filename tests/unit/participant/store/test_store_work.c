/* Joined work in the store: several operations of one branch, before PREPARE and with it. */
#include <string.h>

#include "fixture.h"

#define SCHEMA                                                                                                         \
    "CREATE TABLE item(name TEXT PRIMARY KEY NOT NULL, stock INTEGER NOT NULL CHECK (stock >= 0), code TEXT UNIQUE);"  \
    "CREATE TABLE log(id INTEGER PRIMARY KEY AUTOINCREMENT, what TEXT);"                                               \
    "CREATE TRIGGER note AFTER UPDATE ON item BEGIN INSERT INTO log(what) VALUES (NEW.name || NEW.stock); END;"        \
    "CREATE TABLE part(id INTEGER PRIMARY KEY NOT NULL, item TEXT REFERENCES item(name) DEFERRABLE INITIALLY "         \
    "DEFERRED);"                                                                                                       \
    "INSERT INTO item VALUES ('apple', 10, 'a'), ('pear', 10, 'p')"

static void start(void)
{
    service_init();
    service_start(SCHEMA);
}

TestSuite(store_work, .init = start, .fini = service_fini);

/* --- one branch --- */

Test(store_work, operations_see_the_earlier_ones_and_nobody_else_does)
{
    cr_assert_eq(work(1, "UPDATE item SET stock = stock - 2 WHERE name = 'apple'"), VOW_STORE_DONE);
    cr_assert_eq(work(1, "UPDATE item SET stock = stock * 10 WHERE name = 'apple' AND stock = 8"), VOW_STORE_DONE,
                 "%d %s", refusal.cause, refusal.text);
    cr_assert_eq(work(1, "INSERT INTO item SELECT 'fig', stock, 'f' FROM item WHERE name = 'apple'"), VOW_STORE_DONE);
    expect_seen("SELECT name || stock FROM item", "apple10 pear10");
    /* And so do the handlers of PREPARE. */
    cr_assert_eq(prepare(1, "UPDATE item SET stock = stock + 1 WHERE stock = 80"), VOW_STORE_DONE);
    expect_seen("SELECT name || stock FROM item", "apple10 pear10");
    commit(1);
    expect_seen("SELECT name || stock FROM item", "apple81 pear10 fig81");
    expect_seen("SELECT what FROM log", "apple8 apple80 apple81 fig81");
    expect_seen("SELECT count(*) FROM vow_lock", "0");
}

Test(store_work, prepare_without_calls_keeps_the_work)
{
    cr_assert_eq(work(1, "DELETE FROM item WHERE name = 'pear'"), VOW_STORE_DONE);
    cr_assert_eq(work(1, "INSERT INTO item VALUES ('pear', 3, 'p')"), VOW_STORE_DONE);
    cr_assert_eq(decide(VOW_STORE_PREPARE, 1), VOW_STORE_DONE);
    service_restart();
    cr_assert_eq(recovered_branches(), 1);
    cr_assert_eq(outside("UPDATE item SET stock = 1 WHERE name = 'pear'"), LOCKED);
    commit(1);
    expect_seen("SELECT name || stock FROM item", "apple10 pear3");
}

Test(store_work, an_operation_that_is_refused_is_undone_alone)
{
    cr_assert_eq(work(1, "UPDATE item SET stock = 7 WHERE name = 'apple'"), VOW_STORE_DONE);
    expect_refused(work(1, "UPDATE item SET stock = 1 WHERE name = 'pear'; UPDATE item SET stock = -1"),
                   VOW_CAUSE_CONSTRAINT);
    /* Its lock is gone with it, the first one's is not. */
    cr_assert_eq(outside("UPDATE item SET stock = 11 WHERE name = 'pear'"), SQLITE_OK);
    cr_assert_eq(outside("UPDATE item SET stock = 11 WHERE name = 'apple'"), LOCKED);
    cr_assert_eq(decide(VOW_STORE_PREPARE, 1), VOW_STORE_DONE);
    commit(1);
    expect_seen("SELECT name || stock FROM item", "apple7 pear11");
}

Test(store_work, a_first_operation_that_is_refused_leaves_nothing)
{
    expect_refused(work(1, "UPDATE item SET stock = -1"), VOW_CAUSE_CONSTRAINT);
    expect_seen("SELECT count(*) FROM vow_lock", "0");
    cr_assert_eq(decide(VOW_STORE_PREPARE, 1), VOW_STORE_READ_ONLY);
}

/* Deferred, it would be checked by nobody once the savepoint is rolled back (trap 4): each operation must leave the
 * keys whole. */
Test(store_work, trap_04_a_deferred_key_is_checked_after_each_operation)
{
    expect_refused(work(1, "INSERT INTO part VALUES (1, 'kiwi')"), VOW_CAUSE_CONSTRAINT);
    cr_assert_eq(work(1, "INSERT INTO part VALUES (1, 'fig'); INSERT INTO item VALUES ('fig', 1, 'f')"),
                 VOW_STORE_DONE);
    cr_assert_eq(decide(VOW_STORE_PREPARE, 1), VOW_STORE_DONE);
    commit(1);
    expect_seen("SELECT item FROM part", "fig");
}

Test(store_work, a_change_that_was_taken_back_is_no_change)
{
    cr_assert_eq(work(1, "INSERT INTO part VALUES (1, 'apple')"), VOW_STORE_DONE);
    cr_assert_eq(work(1, "DELETE FROM part"), VOW_STORE_DONE);
    cr_assert_eq(work(1, "SELECT 1"), VOW_STORE_DONE);
    cr_assert_eq(decide(VOW_STORE_PREPARE, 1), VOW_STORE_READ_ONLY);
    expect_seen("SELECT count(*) FROM vow_lock", "0");
}

/* --- locks --- */

Test(store_work, holds_its_rows_from_the_first_write_on)
{
    cr_assert_eq(work(1, "UPDATE item SET stock = 9, code = 'x' WHERE name = 'apple'"), VOW_STORE_DONE);
    cr_assert_eq(outside("UPDATE item SET stock = 0 WHERE name = 'apple'"), LOCKED);
    cr_assert_eq(outside("INSERT INTO item VALUES ('fig', 1, 'x')"), LOCKED, "a value that it gains");
    cr_assert_eq(outside("INSERT OR REPLACE INTO item VALUES ('fig', 1, 'a')"), LOCKED, "a value that its row holds");
    cr_assert_eq(outside("UPDATE item SET stock = 0 WHERE name = 'pear'"), SQLITE_OK);
    abort_branch(1);
    cr_assert_eq(outside("UPDATE item SET stock = 0 WHERE name = 'apple'"), SQLITE_OK);
    expect_seen("SELECT count(*) FROM vow_lock", "0");
}

Test(store_work, a_prepare_that_is_refused_frees_the_rows)
{
    cr_assert_eq(work(1, "UPDATE item SET stock = 9 WHERE name = 'apple'"), VOW_STORE_DONE);
    expect_refused(prepare(1, "UPDATE item SET stock = -1 WHERE name = 'apple'"), VOW_CAUSE_CONSTRAINT);
    cr_assert_eq(outside("UPDATE item SET stock = 5 WHERE name = 'apple'"), SQLITE_OK);
    expect_seen("SELECT count(*) FROM vow_lock", "0");
}

/* The refused branch is skipped when its batch is done again, and its locks must go all the same. */
Test(store_work, a_prepare_that_ends_the_transaction_frees_the_rows)
{
    cr_assert_eq(work(1, "UPDATE item SET stock = 9 WHERE name = 'apple'"), VOW_STORE_DONE);
    cr_assert_eq(prepare(1, "INSERT OR ROLLBACK INTO item VALUES ('apple', 1, 'z')"), VOW_STORE_REFUSED);
    cr_assert_eq(outside("UPDATE item SET stock = 5 WHERE name = 'apple'"), SQLITE_OK);
    expect_seen("SELECT count(*) FROM vow_lock", "0");
}

Test(store_work, an_operation_that_ends_the_transaction_is_undone_alone)
{
    cr_assert_eq(work(1, "UPDATE item SET stock = 9 WHERE name = 'apple'"), VOW_STORE_DONE);
    cr_assert_eq(work(1, "INSERT OR ROLLBACK INTO item VALUES ('apple', 1, 'z')"), VOW_STORE_REFUSED);
    cr_assert_eq(outside("UPDATE item SET stock = 5 WHERE name = 'apple'"), LOCKED);
    cr_assert_eq(decide(VOW_STORE_PREPARE, 1), VOW_STORE_DONE);
    commit(1);
    expect_seen("SELECT stock FROM item WHERE name = 'apple'", "9");
}

/* --- restart and close --- */

Test(store_work, F042_a_restart_forgets_the_work_and_its_locks)
{
    sqlite3 *db;
    cr_assert_eq(work(1, "UPDATE item SET stock = 9 WHERE name = 'apple'"), VOW_STORE_DONE);
    cr_assert_eq(prepare(2, "UPDATE item SET stock = 9 WHERE name = 'pear'"), VOW_STORE_DONE);
    /* As a crash leaves it: the lock rows are in the file, and nobody knows the work. */
    cr_assert_eq(sqlite3_open(service.path, &db), SQLITE_OK);
    cr_assert_eq(sqlite3_exec(db, "CREATE TABLE saved AS SELECT * FROM vow_lock", NULL, NULL, NULL), SQLITE_OK);
    service_close();
    cr_assert_eq(sqlite3_exec(db, "DELETE FROM vow_lock; INSERT INTO vow_lock SELECT * FROM saved; DROP TABLE saved",
                              NULL, NULL, NULL),
                 SQLITE_OK);
    sqlite3_close(db);
    cr_assert_eq(outside("UPDATE item SET stock = 5 WHERE name = 'apple'"), LOCKED);
    cr_assert_eq(service_open(), 0, "%s", service.detail.text);
    cr_assert_eq(recovered_branches(), 1);
    cr_assert_eq(outside("UPDATE item SET stock = 5 WHERE name = 'apple'"), SQLITE_OK);
    cr_assert_eq(outside("UPDATE item SET stock = 5 WHERE name = 'pear'"), LOCKED);
}

Test(store_work, close_frees_the_rows)
{
    cr_assert_eq(work(1, "UPDATE item SET stock = 9 WHERE name = 'apple'"), VOW_STORE_DONE);
    service_close();
    cr_assert_eq(outside("UPDATE item SET stock = 5 WHERE name = 'apple'"), SQLITE_OK);
}

/* --- a batch of several --- */

Test(store_work, branches_of_one_batch_do_not_see_each_other)
{
    struct work works[] = {
        work_of(VOW_STORE_WORK, 1, "UPDATE item SET stock = stock - 1 WHERE name = 'apple'"),
        work_of(VOW_STORE_WORK, 2, "INSERT INTO item SELECT 'fig', sum(stock), 'f' FROM item"),
        work_of(VOW_STORE_PREPARE, 3, "INSERT INTO item SELECT 'kiwi', sum(stock), 'k' FROM item"),
    };
    cr_assert_eq(run_batch(works, 3), 0, "%s", service.detail.text);
    for (int i = 0; i < 3; i++)
        cr_assert_eq(works[i].op.result, VOW_STORE_DONE);
    cr_assert_eq(decide(VOW_STORE_PREPARE, 2), VOW_STORE_DONE);
    commit(2);
    commit(3);
    abort_branch(1);
    expect_seen("SELECT name || stock FROM item", "apple10 pear10 fig20 kiwi20");
}

/* --- waiting for a row --- */

static void start_patient(void)
{
    service_init();
    service.options.fail_fast = false;
    service.options.lock_wait_ms = service.options.lock_grace_ms = UINT32_MAX;
    service_start(SCHEMA);
}

TestSuite(store_work_wait, .init = start_patient, .fini = service_fini, .timeout = 60);

static void expect_kept(struct work *work)
{
    cr_assert_eq(run_batch(work, 1), 0, "%s", service.detail.text);
    cr_assert_eq(works_done, 0, "%s: %s", vow_cause_name((int)work->op.cause), work->op.text);
}

#define TAKE "UPDATE item SET stock = stock - 1 WHERE name = 'apple'"

Test(store_work_wait, joined_work_waits_for_joined_work)
{
    cr_assert_eq(work(2, TAKE), VOW_STORE_DONE);
    cr_assert_eq(work(1, "UPDATE item SET stock = 4 WHERE name = 'pear'"), VOW_STORE_DONE);
    struct work waits = work_of(VOW_STORE_WORK, 1, TAKE);
    expect_kept(&waits);
    cr_assert_eq(outside("UPDATE item SET stock = 0 WHERE name = 'pear'"), LOCKED, "what it did before stays");
    cr_assert_eq(decide(VOW_STORE_PREPARE, 2), VOW_STORE_DONE);
    struct work decision = work_of(VOW_STORE_COMMIT, 2, "");
    cr_assert_eq(run_batch(&decision, 1), 0);
    cr_assert_eq(works_done, 2);
    cr_assert_eq(waits.op.result, VOW_STORE_DONE, "%s", waits.op.text);
    cr_assert_eq(decide(VOW_STORE_PREPARE, 1), VOW_STORE_DONE);
    commit(1);
    expect_seen("SELECT name || stock FROM item", "apple8 pear4");
}

Test(store_work_wait, who_waits_goes_on_after_a_no)
{
    cr_assert_eq(work(2, TAKE), VOW_STORE_DONE);
    struct work waits = work_of(VOW_STORE_WORK, 1, TAKE),
                no = work_of(VOW_STORE_PREPARE, 2, "UPDATE item SET stock = -1");
    expect_kept(&waits);
    cr_assert_eq(run_batch(&no, 1), 0);
    cr_assert_eq(no.op.result, VOW_STORE_REFUSED);
    cr_assert_eq(run_batch(NULL, 0), 0);
    cr_assert_eq(works_done, 1);
    cr_assert_eq(waits.op.result, VOW_STORE_DONE, "%s", waits.op.text);
}

/* The branch has ended meanwhile: the operation ends at once, and its rows are free. */
Test(store_work_wait, a_cancel_ends_the_waiting)
{
    cr_assert_eq(work(2, TAKE), VOW_STORE_DONE);
    cr_assert_eq(work(1, "UPDATE item SET stock = 4 WHERE name = 'pear'"), VOW_STORE_DONE);
    struct work waits = work_of(VOW_STORE_PREPARE, 1, TAKE), cancel = work_of(VOW_STORE_CANCEL, 1, "");
    expect_kept(&waits);
    cr_assert_eq(run_batch(&cancel, 1), 0);
    cr_assert_eq(works_done, 2);
    cr_assert_eq(waits.op.result, VOW_STORE_REFUSED);
    cr_assert_eq(outside("UPDATE item SET stock = 0 WHERE name = 'pear'"), SQLITE_OK);
    cr_assert_eq(outside("UPDATE item SET stock = 0 WHERE name = 'apple'"), LOCKED);
}
