/*
 * F142, and the disk's part of F146: the SQLite store without memory, and with system calls that fail. Opening is all
 * or nothing. An operation is done, or refused, or the store has failed: then only a new one over the same file can go
 * on, and finds the state from before the operation or after it, never anything else.
 */
#include <criterion/criterion.h>

#include "fail.h"
#include "fixture.h"

#define SCHEMA                                                                                                         \
    "CREATE TABLE account (id INTEGER PRIMARY KEY, money INTEGER NOT NULL CHECK (money >= 0), owner TEXT UNIQUE);"     \
    "INSERT INTO account VALUES (1, 100, 'ann'), (2, 100, 'bob');"

static const int open_errors[] = {VOW_E_NO_MEMORY, VOW_E_DATABASE, VOW_E_IO, VOW_E_SYSTEM, 0};

static int open_file(void *ctx)
{
    (void)ctx;
    return service_open();
}

/* --- Open --- */

static void no_file(void *ctx)
{
    (void)ctx;
    service_init_in(fail_parent());
}

static void is_new(void *ctx, int error)
{
    (void)ctx;
    if (error != 0)
        cr_assert_eq(service_open(), 0, "%s", service.detail.text);
    cr_assert_eq(recovered_branches(), 0);
    expect_seen("SELECT count(*) FROM vow_meta WHERE key = 'uuid'", "1");
    service_fini();
}

static const struct fail_case open_new = {.before = no_file,
                                          .run = open_file,
                                          .after = is_new,
                                          .errors = open_errors,
                                          .runs_max = 200,
                                          .why = service.detail.text};

Test(failing_store, F142_open_a_new_file)
{
    fail_sweep(FAIL_MEMORY, &open_new, NULL);
}

Test(failing_store, F146_open_a_new_file)
{
    fail_sweep(FAIL_SYSTEM, &open_new, NULL);
}

static struct vow_store_identity before_open;

static void prepared_file(void *ctx)
{
    (void)ctx;
    service_init_in(fail_parent());
    service_start(SCHEMA);
    cr_assert_eq(run_batch((struct work[]){{.op = {.kind = VOW_STORE_WATERMARK,
                                                   .coord = COORD,
                                                   .epoch = EPOCH,
                                                   .watermark = {.epoch = EPOCH, .seq = 1}}}},
                           1),
                 0);
    cr_assert_eq(prepare(1, "UPDATE account SET money = money - 10 WHERE id = 1"), VOW_STORE_DONE);
    service.ops->identity(service.store, &before_open);
    service_close();
}

static void expect_prepared(void *ctx, int error)
{
    struct vow_store_identity identity;

    (void)ctx;
    if (error != 0)
        cr_assert_eq(service_open(), 0, "%s", service.detail.text);
    service.ops->identity(service.store, &identity);
    cr_assert_gt(identity.incarnation, before_open.incarnation);
    cr_assert_arr_eq(identity.db_uuid, before_open.db_uuid, VOW_DB_UUID_BYTES);
    cr_assert_eq(identity.coord, COORD);
    cr_assert_eq(identity.epoch, EPOCH);
    cr_assert_eq(identity.watermark.seq, 1);
    cr_assert_eq(recovered_branches(), 1);
    cr_assert_eq(outside("UPDATE account SET money = 0 WHERE id = 1"), LOCKED);
    commit(1);
    expect_seen("SELECT money FROM account WHERE id = 1", "90");
    service_fini();
}

static const struct fail_case open_prepared = {.before = prepared_file,
                                               .run = open_file,
                                               .after = expect_prepared,
                                               .errors = open_errors,
                                               .runs_max = 200,
                                               .why = service.detail.text};

Test(failing_store, F142_open_with_a_prepared_branch)
{
    fail_sweep(FAIL_MEMORY, &open_prepared, NULL);
}

Test(failing_store, F146_open_with_a_prepared_branch)
{
    fail_sweep(FAIL_SYSTEM, &open_prepared, NULL);
}

/* --- Set-up --- */

static void empty_file(void *ctx)
{
    (void)ctx;
    service_init_in(fail_parent());
    cr_assert_eq(service_open(), 0, "%s", service.detail.text);
}

static int run_schema(void *ctx)
{
    int error = vow_store_sqlite_schema(service.store, SCHEMA, &service.detail);

    (void)ctx;
    return error != 0 ? error : vow_store_sqlite_enrol(service.store, &service.detail);
}

static void has_run_once(void *ctx, int error)
{
    (void)error;
    cr_assert_eq(run_schema(ctx), 0, "%s", service.detail.text);
    expect_seen("SELECT money FROM account ORDER BY id", "100 100");
    cr_assert_eq(prepare(1, "UPDATE account SET money = 0 WHERE id = 1"), VOW_STORE_DONE);
    cr_assert_eq(outside("UPDATE account SET money = 1 WHERE id = 1"), LOCKED);
    commit(1);
    service_fini();
}

static const struct fail_case set_up = {.before = empty_file,
                                        .run = run_schema,
                                        .after = has_run_once,
                                        .errors = open_errors,
                                        .runs_max = 200,
                                        .why = service.detail.text};

Test(failing_store, F142_schema)
{
    fail_sweep(FAIL_MEMORY, &set_up, NULL);
}

Test(failing_store, F146_schema)
{
    fail_sweep(FAIL_SYSTEM, &set_up, NULL);
}

/* A restart runs nothing, and in particular not what it cannot tell to have run. */
#define ADDING "CREATE TABLE IF NOT EXISTS start (at INTEGER PRIMARY KEY); INSERT INTO start SELECT count(*) FROM start"

static void file_with_schema(void *ctx)
{
    empty_file(ctx);
    cr_assert_eq(vow_store_sqlite_schema(service.store, ADDING, &service.detail), 0, "%s", service.detail.text);
    service_restart();
}

static int run_adding(void *ctx)
{
    (void)ctx;
    return vow_store_sqlite_schema(service.store, ADDING, &service.detail);
}

static void has_run_before(void *ctx, int error)
{
    (void)error;
    cr_assert_eq(run_adding(ctx), 0, "%s", service.detail.text);
    expect_seen("SELECT count(*) FROM start", "1");
    service_fini();
}

static const struct fail_case restart = {.before = file_with_schema,
                                         .run = run_adding,
                                         .after = has_run_before,
                                         .errors = open_errors,
                                         .runs_max = 200,
                                         .why = service.detail.text};

Test(failing_store, F142_schema_at_a_restart)
{
    fail_sweep(FAIL_MEMORY, &restart, NULL);
}

/* --- Operations --- */

/* A batch with one operation of each kind. Each is about a transaction of its own. */
enum { NEW = 1, AT_ONCE, TO_COMMIT, TO_ABORT, TO_FORGET, ASKED };

static void file_with_branches(void *ctx)
{
    (void)ctx;
    service_init_in(fail_parent());
    service_start("CREATE TABLE t (id INTEGER PRIMARY KEY, value INTEGER, name TEXT UNIQUE);"
                  "INSERT INTO t VALUES (1, 0, 'a'), (2, 0, 'b'), (3, 0, 'c'), (4, 0, 'd')");
    cr_assert_eq(prepare(TO_COMMIT, "UPDATE t SET value = 1, name = 'cc' WHERE id = 3"), VOW_STORE_DONE);
    cr_assert_eq(prepare(TO_ABORT, "UPDATE t SET value = 1 WHERE id = 4"), VOW_STORE_DONE);
    cr_assert_eq(one_phase(TO_FORGET, "INSERT INTO t VALUES (5, 0, 'e')"), VOW_STORE_DONE);
    cr_assert_eq(one_phase(ASKED, "INSERT INTO t VALUES (6, 0, 'f')"), VOW_STORE_DONE);
}

static struct work works[6];

static int run_works(void *ctx)
{
    (void)ctx;
    works[0] = work_of(VOW_STORE_PREPARE, NEW, "UPDATE t SET value = 1 WHERE id = 1");
    works[1] = work_of(VOW_STORE_ONE_PHASE, AT_ONCE, "UPDATE t SET value = 1 WHERE id = 2");
    works[2] = work_of(VOW_STORE_COMMIT, TO_COMMIT, "");
    works[3] = work_of(VOW_STORE_ABORT, TO_ABORT, "");
    works[4] = work_of(VOW_STORE_FORGET, TO_FORGET, "");
    works[5] = work_of(VOW_STORE_MEMO, ASKED, "");
    return run_batch(works, 6);
}

/* New work may be refused. A decision may not: it is there, and so is the branch. */
static void expect_results(void)
{
    for (int i = 0; i < 2; i++) {
        bool done = works[i].op.result == VOW_STORE_DONE;

        cr_assert(done || works[i].op.result == VOW_STORE_REFUSED);
        if (i == 0)
            expect_seen("SELECT count(*) FROM vow_branch WHERE state = 'prepared'", done ? "1" : "0");
        else
            expect_seen("SELECT value FROM t WHERE id = 2", done ? "1" : "0");
    }
    for (int i = 2; i < 6; i++)
        cr_assert_eq(works[i].op.result, VOW_STORE_DONE, "operation %d: %d", i, (int)works[i].op.result);
}

static void expect_all_can_be_done(void *ctx, int error)
{
    if (error == 0) {
        expect_results();
        service_fini();
        return;
    }
    service_restart();

    cr_assert_eq(run_works(ctx), 0, "%s", service.detail.text);
    expect_results();
    expect_seen("SELECT value FROM t ORDER BY id", "0 1 1 0 0 0");
    commit(NEW);
    expect_seen("SELECT value FROM t ORDER BY id", "1 1 1 0 0 0");
    expect_seen("SELECT name FROM t WHERE id = 3", "cc");
    expect_seen("SELECT count(*) FROM vow_lock", "0");
    service_fini();
}

static const struct fail_case operations = {.before = file_with_branches,
                                            .run = run_works,
                                            .after = expect_all_can_be_done,
                                            .errors = open_errors,
                                            .runs_max = 200,
                                            .why = service.detail.text};

Test(failing_store, F142_operations)
{
    fail_sweep(FAIL_MEMORY, &operations, NULL);
}

Test(failing_store, F146_operations)
{
    fail_sweep(FAIL_SYSTEM, &operations, NULL);
}
