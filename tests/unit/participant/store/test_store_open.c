/* Opening a file: what it is, whose it is, what it remembers; and the store that remembers nothing. */
#include <stdio.h>
#include <string.h>

#include "fixture.h"

TestSuite(store_open, .init = service_init, .fini = service_fini, .timeout = 60);

static struct vow_store_identity identity_now(void)
{
    struct vow_store_identity identity;
    service.ops->identity(service.store, &identity);
    return identity;
}

Test(store_open, B31_the_incarnation_counts_every_opening_and_the_uuid_stays)
{
    service_start("");
    struct vow_store_identity first = identity_now();
    cr_assert_eq(first.incarnation, 1);
    service_restart();
    service_restart();
    struct vow_store_identity third = identity_now();
    cr_assert_eq(third.incarnation, 3);
    cr_assert_arr_eq(third.db_uuid, first.db_uuid, VOW_DB_UUID_BYTES);
    cr_assert_arr_neq(third.db_uuid, ((uint8_t[VOW_DB_UUID_BYTES]){0}), VOW_DB_UUID_BYTES);
}

Test(store_open, a_file_of_another_kind_is_left_alone)
{
    static const char text[] = "This is a letter to my grandmother, and longer than the header of a database. "
                               "It goes on and on so that SQLite has something to look at. Yours.";
    char found[sizeof(text)] = "";
    FILE *file = fopen(service.path, "w");
    fwrite(text, 1, sizeof(text), file);
    fclose(file);
    cr_assert_eq(service_open(), VOW_E_DATABASE);
    cr_assert_not_null(strstr(service.detail.text, service.path), "%s", service.detail.text);
    file = fopen(service.path, "r");
    cr_assert_eq(fread(found, 1, sizeof(found), file), sizeof(found));
    fclose(file);
    cr_assert_str_eq(found, text);
}

Test(store_open, a_missing_folder_is_an_error_in_words)
{
    service.options.path = "/no/such/folder/service.db";
    cr_assert_eq(service_open(), VOW_E_DATABASE);
    cr_assert_not_null(strstr(service.detail.text, "/no/such/folder"));
}

Test(store_open, a_file_in_memory_cannot_be_durable)
{
    service.options.path = ":memory:";
    cr_assert_eq(service_open(), VOW_E_PRAGMA);
}

Test(store_open, a_newer_format_is_not_touched)
{
    service_start("");
    service_close();
    cr_assert_eq(outside("UPDATE vow_meta SET value = 5 WHERE key = 'format'; DELETE FROM vow_meta WHERE key = 'epoch';"
                         "DROP TABLE vow_lock"),
                 SQLITE_OK);
    cr_assert_eq(service_open(), VOW_E_NEWER);
    expect_seen("SELECT value FROM vow_meta WHERE key = 'incarnation'", "1");
    expect_seen("SELECT count(*) FROM vow_meta WHERE key = 'epoch'", "0");
    expect_seen("SELECT count(*) FROM sqlite_schema WHERE name = 'vow_lock'", "0");
}

Test(store_open, a_damaged_meta_table_is_said_to_be_so)
{
    service_start("");
    service_close();
    cr_assert_eq(outside("UPDATE vow_meta SET value = 'x' WHERE key = 'uuid'"), SQLITE_OK);
    cr_assert_eq(service_open(), VOW_E_DAMAGED);
}

static int ignore(void *ctx, const struct vow_branches_recovered *found)
{
    (void)ctx, (void)found;
    return 0;
}

Test(store_open, B40_F114_a_prepared_branch_without_locks_is_damage)
{
    service_start("CREATE TABLE t (id INTEGER PRIMARY KEY)");
    prepare(1, "INSERT INTO t VALUES (1)");
    cr_assert_eq(outside("DELETE FROM vow_lock"), SQLITE_OK);
    service_restart();
    cr_assert_eq(service.ops->recover(service.store, ignore, NULL, &service.detail), VOW_E_DAMAGED);
}

static int stop(void *ctx, const struct vow_branches_recovered *found)
{
    (void)found;
    ++*(int *)ctx;
    return VOW_E_NO_MEMORY;
}

Test(store_open, recover_gives_all_and_passes_errors_on)
{
    int calls = 0;
    service_start("CREATE TABLE t (id INTEGER PRIMARY KEY)");
    prepare(1, "INSERT INTO t VALUES (1)");
    prepare(2, "INSERT INTO t VALUES (2)");
    prepare(3, "INSERT INTO t VALUES (3)");
    commit(3);
    service_restart();
    cr_assert_eq(recovered_branches(), 2);
    cr_assert_eq(service.ops->recover(service.store, stop, &calls, &service.detail), VOW_E_NO_MEMORY);
    cr_assert_eq(calls, 1);
}

/* An upgrade of the service may add tables while branches are in doubt: they end only when it runs. */
Test(store_open, tables_can_be_added_while_branches_are_prepared)
{
    service_start("CREATE TABLE t (id INTEGER PRIMARY KEY)");
    prepare(1, "INSERT INTO t VALUES (1)");
    service_restart();
    cr_assert_eq(sqlite3_exec(service.db, "CREATE TABLE more (id INTEGER PRIMARY KEY)", NULL, NULL, NULL), SQLITE_OK);
    cr_assert_eq(vow_store_sqlite_enrol(service.store, &service.detail), 0, "%s", service.detail.text);
    cr_assert_eq(prepare(2, "INSERT INTO more VALUES (1)"), VOW_STORE_DONE);
    commit(1);
}

/* But a change that the prepared branch does not survive is found before the service runs. */
Test(store_open, a_table_of_a_prepared_branch_cannot_be_changed)
{
    service_start("CREATE TABLE t (id INTEGER PRIMARY KEY)");
    prepare(1, "INSERT INTO t VALUES (1)");
    service_restart();
    cr_assert_eq(sqlite3_exec(service.db, "ALTER TABLE t ADD COLUMN more", NULL, NULL, NULL), SQLITE_OK);
    cr_assert_eq(vow_store_sqlite_enrol(service.store, &service.detail), VOW_E_STATE);
}

Test(store_open, the_schema_is_run_once_for_each_text_and_whole_or_not_at_all)
{
    static const char first[] = "CREATE TABLE t (id INTEGER PRIMARY KEY, v INT); INSERT INTO t VALUES (1, 0)";
    static const char broken[] = "CREATE TABLE more (id INTEGER PRIMARY KEY); nonsense";
    static const char second[] = "CREATE TABLE more (id INTEGER PRIMARY KEY); UPDATE t SET v = v + 1";
    service_start("");
    cr_assert_eq(vow_store_sqlite_schema(service.store, first, &service.detail), 0, "%s", service.detail.text);
    cr_assert_eq(vow_store_sqlite_enrol(service.store, &service.detail), 0);
    cr_assert_eq(prepare(1, "INSERT INTO t VALUES (2, 5)"), VOW_STORE_DONE);
    service_restart();
    cr_assert_eq(vow_store_sqlite_schema(service.store, first, &service.detail), 0, "%s", service.detail.text);
    cr_assert_eq(vow_store_sqlite_schema(service.store, broken, &service.detail), VOW_E_DATABASE);
    expect_seen("SELECT count(*) FROM sqlite_schema WHERE name = 'more'", "0");
    cr_assert_eq(vow_store_sqlite_schema(service.store, second, &service.detail), 0, "%s", service.detail.text);
    cr_assert_eq(vow_store_sqlite_schema(service.store, second, &service.detail), 0, "%s", service.detail.text);
    commit(1);
    expect_seen("SELECT v FROM t ORDER BY id", "1 5");
}

Test(store_open, the_null_store_agrees_to_everything)
{
    const struct vow_store_ops *ops;
    void *store;
    struct vow_error_detail detail;
    struct vow_store_stats stats;
    struct work prepare_it = work_of(VOW_STORE_PREPARE, 1, ""), memo = work_of(VOW_STORE_MEMO, 1, "");
    cr_assert_eq(vow_store_null_open(&ops, &store), 0);
    prepare_it.op.job.next = &memo.op.job;
    struct vow_job *jobs = &prepare_it.op.job;
    cr_assert_eq(ops->run(store, &jobs, &detail), 0);
    cr_assert_eq(prepare_it.op.result, VOW_STORE_DONE);
    cr_assert_eq(memo.op.result, VOW_STORE_NO_RECORD);
    ops->stats(store, &stats);
    cr_assert_eq(stats.commits, 1);
    cr_assert_eq(stats.ops, 2);
    ops->close(store);
}

/* ---- a new schema while branches are prepared ---- */

#define ITEMS "CREATE TABLE item (id INTEGER PRIMARY KEY, v INT); INSERT INTO item VALUES (1, 0), (2, 0);"

static void start_with_a_prepared_branch(void)
{
    cr_assert_eq(service_open(), 0, "%s", service.detail.text);
    cr_assert_eq(vow_store_sqlite_schema(service.store, ITEMS, &service.detail), 0, "%s", service.detail.text);
    cr_assert_eq(vow_store_sqlite_enrol(service.store, &service.detail), 0, "%s", service.detail.text);
    cr_assert_eq(prepare(1, "UPDATE item SET v = 1 WHERE id = 1"), VOW_STORE_DONE);
    service_restart();
}

static void expect_schema_refused(const char *sql, const char *why)
{
    cr_assert_eq(vow_store_sqlite_schema(service.store, sql, &service.detail), VOW_E_STATE, "%s", service.detail.text);
    cr_assert_not_null(strstr(service.detail.text, why), "%s", service.detail.text);
    /* Nothing of it is there, and the schema of before goes on. */
    cr_assert_eq(vow_store_sqlite_schema(service.store, ITEMS, &service.detail), 0, "%s", service.detail.text);
    cr_assert_eq(vow_store_sqlite_enrol(service.store, &service.detail), 0, "%s", service.detail.text);
    cr_assert_eq(recovered_branches(), 1);
    commit(1);
    expect_seen("SELECT v FROM item ORDER BY id", "1 0");
    cr_assert_eq(vow_store_sqlite_schema(service.store, sql, &service.detail), 0, "%s", service.detail.text);
}

Test(store_open, trap_06_a_schema_that_changes_a_prepared_branchs_table_is_refused)
{
    start_with_a_prepared_branch();
    expect_schema_refused("CREATE TABLE other (id INTEGER PRIMARY KEY); ALTER TABLE item ADD COLUMN w INT", "item");
}

Test(store_open, trap_06_a_schema_that_drops_a_prepared_branchs_table_is_refused)
{
    start_with_a_prepared_branch();
    expect_schema_refused("ALTER TABLE item RENAME TO thing", "item");
}

/* The COMMIT would have met the index, and its values are not locked. */
Test(store_open, trap_06_a_schema_that_makes_a_prepared_branchs_rows_unique_is_refused)
{
    start_with_a_prepared_branch();
    expect_schema_refused("UPDATE item SET v = 5 WHERE id = 2; CREATE UNIQUE INDEX i ON item (v)", "definition");
}

Test(store_open, trap_06_a_schema_that_gives_a_prepared_branchs_table_a_constraint_is_refused)
{
    start_with_a_prepared_branch();
    expect_schema_refused("CREATE TABLE n (id INTEGER PRIMARY KEY, v INT CHECK (v > 0)); DROP TABLE item;"
                          "ALTER TABLE n RENAME TO item",
                          "definition");
}

Test(store_open, a_schema_that_writes_a_held_row_is_refused_and_told_who_holds_it)
{
    start_with_a_prepared_branch();
    expect_schema_refused("UPDATE item SET v = v + 10", "transaction");
}

Test(store_open, a_schema_that_touches_nothing_prepared_runs)
{
    start_with_a_prepared_branch();
    cr_assert_eq(vow_store_sqlite_schema(service.store,
                                         "CREATE TABLE other (id INTEGER PRIMARY KEY);"
                                         "CREATE INDEX item_v ON item (v); UPDATE item SET v = 7 "
                                         "WHERE id = 2",
                                         &service.detail),
                 0, "%s", service.detail.text);
    cr_assert_eq(vow_store_sqlite_enrol(service.store, &service.detail), 0, "%s", service.detail.text);
    commit(1);
    expect_seen("SELECT v FROM item ORDER BY id", "1 7");
}
