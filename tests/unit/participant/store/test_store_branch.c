/* What one branch goes through: prepare, commit, abort, one-phase, the tombstone, the watermark. */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <stdio.h>
#include <string.h>

#include "fixture.h"

TestSuite(store_branch, .init = service_init, .fini = service_fini, .timeout = 60);

#define ACCOUNTS                                                                                                       \
    "CREATE TABLE account (id INTEGER PRIMARY KEY, owner TEXT UNIQUE, cents INT);"                                     \
    "INSERT INTO account VALUES (1, 'ann', 100), (2, 'bob', 100), (3, 'cid', 100);"
#define CENTS "SELECT id || ':' || cents FROM account ORDER BY id"

/* ---- every shape of table ---- */

struct shape {
    char name[24];
    char schema[400];
    char work[400];
    char dump[100]; /* of the table, one text per row */
    char after[200];
};

static const struct shape shapes[] = {
    {"integer key", "CREATE TABLE t (id INTEGER PRIMARY KEY, v); INSERT INTO t VALUES (1, 'a'), (2, 'b'), (3, 'c')",
     "UPDATE t SET v = 'x' WHERE id = 1; DELETE FROM t WHERE id = 2; INSERT INTO t VALUES (4, 'd')",
     "SELECT id || quote(v) FROM t ORDER BY id", "1'x' 3'c' 4'd'"},
    {"text key", "CREATE TABLE t (k TEXT PRIMARY KEY, v); INSERT INTO t VALUES ('o''b', 1), ('c', 2)",
     "UPDATE t SET v = 7 WHERE k = 'o''b'; DELETE FROM t WHERE k = 'c'; INSERT INTO t VALUES ('', 9)",
     "SELECT quote(k) || v FROM t ORDER BY k", "''9 'o''b'7"},
    {"without rowid", "CREATE TABLE t (k TEXT PRIMARY KEY, v) WITHOUT ROWID; INSERT INTO t VALUES ('a', 1), ('b', 2)",
     "UPDATE t SET v = 7 WHERE k = 'a'; DELETE FROM t WHERE k = 'b'; INSERT INTO t VALUES ('c', 3)",
     "SELECT k || v FROM t ORDER BY k", "a7 c3"},
    {"composite key",
     "CREATE TABLE t (v, b TEXT, a INT, PRIMARY KEY (a, b)); INSERT INTO t VALUES (1, 'x', 1), (2, 'y', 1)",
     "UPDATE t SET v = 5 WHERE a = 1 AND b = 'y'; INSERT INTO t VALUES (3, 'x', 2); DELETE FROM t WHERE b = 'x' AND a "
     "= 1",
     "SELECT a || b || v FROM t ORDER BY a, b", "1y5 2x3"},
    {"composite, no rowid",
     "CREATE TABLE t (v, b TEXT, a INT, PRIMARY KEY (b, a)) WITHOUT ROWID; INSERT INTO t VALUES (1, 'x', 1)",
     "UPDATE t SET a = 9; INSERT INTO t VALUES (2, 'x', 1)", "SELECT b || a || v FROM t ORDER BY a", "x12 x91"},
    {"nulls",
     "CREATE TABLE t (id INTEGER PRIMARY KEY, a, b UNIQUE); INSERT INTO t VALUES (1, NULL, NULL), (2, 5, NULL)",
     "UPDATE t SET a = 1 WHERE id = 1; UPDATE t SET a = NULL WHERE id = 2; INSERT INTO t VALUES (3, NULL, NULL)",
     "SELECT id || quote(a) || quote(b) FROM t ORDER BY id", "11NULL 2NULLNULL 3NULLNULL"},
    {"blobs", "CREATE TABLE t (k BLOB PRIMARY KEY, v BLOB); INSERT INTO t VALUES (x'00ff', x'01')",
     "UPDATE t SET v = x''; INSERT INTO t VALUES (x'', x'0000')", "SELECT quote(k) || quote(v) FROM t ORDER BY k",
     "X''X'0000' X'00FF'X''"},
    {"reals", "CREATE TABLE t (k REAL PRIMARY KEY, v REAL); INSERT INTO t VALUES (1, 0.1), (2.5, 1e300)",
     "UPDATE t SET v = v * 3 WHERE k = 1; DELETE FROM t WHERE k = 2.5; INSERT INTO t VALUES (4, 2)",
     "SELECT quote(k) || '=' || quote(v) FROM t ORDER BY k", "1.0=3.00000000000000044408e-01 4.0=2.0"},
    {"keys of any type", "CREATE TABLE t (k PRIMARY KEY, v); INSERT INTO t VALUES (1, 'i'), ('1', 't'), (x'31', 'b')",
     "UPDATE t SET v = v || 2; INSERT INTO t VALUES (2.5, 'r')", "SELECT quote(k) || v FROM t ORDER BY typeof(k), k",
     "X'31'b2 1i2 2.5r '1't2"},
    {"collations",
     "CREATE TABLE t (k TEXT COLLATE NOCASE PRIMARY KEY, u TEXT UNIQUE COLLATE RTRIM);"
     "INSERT INTO t VALUES ('Ann', 'x  '), ('Bob', 'y')",
     "UPDATE t SET u = 'z ' WHERE k = 'ANN'; DELETE FROM t WHERE k = 'bob'; INSERT INTO t VALUES ('cid', 'x')",
     "SELECT k || '=' || quote(u) FROM t ORDER BY k", "Ann='z ' cid='x'"},
    {"odd names",
     "CREATE TABLE \"a \"\"b'\" (\"x y\" INTEGER PRIMARY KEY, \"select\" TEXT UNIQUE, \"%s\" INT);"
     "INSERT INTO \"a \"\"b'\" VALUES (1, 'a', 1)",
     "UPDATE \"a \"\"b'\" SET \"select\" = 'b', \"%s\" = 2", "SELECT \"select\" || \"%s\" FROM \"a \"\"b'\"", "b2"},
    {"strict", "CREATE TABLE t (k ANY PRIMARY KEY, v INT) STRICT; INSERT INTO t VALUES (1, 1), ('1', 2)",
     "UPDATE t SET v = v + 10; INSERT INTO t VALUES (2.0, 3)", "SELECT quote(k) || '=' || v FROM t ORDER BY v",
     "2.0=3 1=11 '1'=12"},
    {"upsert and replace",
     "CREATE TABLE t (id INTEGER PRIMARY KEY, u TEXT UNIQUE, n INT);"
     "INSERT INTO t VALUES (1, 'a', 1), (2, 'b', 1)",
     "INSERT INTO t VALUES (1, 'z', 1) ON CONFLICT (id) DO UPDATE SET n = n + 1; REPLACE INTO t VALUES (3, 'b', 3)",
     "SELECT id || u || n FROM t ORDER BY id", "1a2 3b3"},
    {"hidden rowid", "CREATE TABLE t (k TEXT PRIMARY KEY, u TEXT UNIQUE); INSERT INTO t VALUES ('a', '1'), ('b', '2')",
     "UPDATE t SET u = '3' WHERE k = 'b'; INSERT INTO t VALUES ('c', '4'); INSERT INTO t VALUES ('d', '2')",
     "SELECT k || u FROM t ORDER BY k", "a1 b3 c4 d2"},
    {"partial unique index",
     "CREATE TABLE t (id INTEGER PRIMARY KEY, u TEXT, dead INT); CREATE UNIQUE INDEX i ON t (u) WHERE dead = 0;"
     "INSERT INTO t VALUES (6, 'a', 0), (7, 'b', 0), (8, 'c', 0), (9, 'd', 0)",
     "UPDATE t SET dead = 1; INSERT INTO t VALUES (1, 'a', 0), (2, 'b', 0), (3, 'c', 0), (10, 'd', 0)",
     "SELECT id || u || dead FROM t ORDER BY id", "1a0 2b0 3c0 6a1 7b1 8c1 9d1 10d0"},
};

ParameterizedTestParameters(store_branch, every_shape_of_table)
{
    return cr_make_param_array(struct shape, (struct shape *)shapes, sizeof(shapes) / sizeof(shapes[0]), NULL);
}

ParameterizedTest(struct shape *shape, store_branch, every_shape_of_table)
{
    char before[1024];
    service_start(shape->schema);
    snprintf(before, sizeof(before), "%s", look(shape->dump));
    cr_assert_eq(prepare(1, shape->work), VOW_STORE_DONE, "%s: %s", shape->name, refusal.text);
    cr_assert_str_eq(look(shape->dump), before, "%s: a prepared branch was seen", shape->name);
    abort_branch(1);
    cr_assert_str_eq(look(shape->dump), before, "%s: an aborted branch was seen", shape->name);
    cr_assert_eq(prepare(2, shape->work), VOW_STORE_DONE, "%s: %s", shape->name, refusal.text);
    service_restart();
    cr_assert_eq(recovered_branches(), 1);
    commit(2);
    cr_assert_str_eq(look(shape->dump), shape->after, "%s: %s", shape->name, look(shape->dump));
    cr_assert_str_eq(look("SELECT count(*) FROM vow_lock"), "0");
    cr_assert_str_eq(look("PRAGMA integrity_check"), "ok");
}

/* ---- what has happened before ---- */

Test(store_branch, prepare_twice_is_once)
{
    service_start(ACCOUNTS);
    cr_assert_eq(prepare(1, "UPDATE account SET cents = cents + 1 WHERE id = 1"), VOW_STORE_DONE);
    cr_assert_eq(prepare(1, "UPDATE account SET cents = cents + 1 WHERE id = 1"), VOW_STORE_DONE);
    commit(1);
    expect_seen(CENTS, "1:101 2:100 3:100");
}

Test(store_branch, commit_twice_is_answered_by_the_tombstone)
{
    service_start(ACCOUNTS);
    prepare(1, "UPDATE account SET cents = cents + 1 WHERE id = 1");
    commit(1);
    commit(1);
    service_restart();
    commit(1);
    expect_seen(CENTS, "1:101 2:100 3:100");
    expect_refused(prepare(1, "UPDATE account SET cents = 0"), VOW_CAUSE_TOO_LATE);
}

Test(store_branch, commit_of_nothing_says_so)
{
    service_start(ACCOUNTS);
    cr_assert_eq(decide(VOW_STORE_COMMIT, 1), VOW_STORE_NO_RECORD);
    prepare(1, "UPDATE account SET cents = 0");
    abort_branch(1);
    abort_branch(1);
    cr_assert_eq(decide(VOW_STORE_COMMIT, 1), VOW_STORE_NO_RECORD);
    expect_seen(CENTS, "1:100 2:100 3:100");
}

Test(store_branch, abort_does_not_touch_what_is_committed)
{
    service_start(ACCOUNTS);
    prepare(1, "UPDATE account SET cents = 0 WHERE id = 1");
    commit(1);
    abort_branch(1);
    commit(1);
}

Test(store_branch, branches_of_one_transaction_are_apart)
{
    service_start(ACCOUNTS);
    struct work works[2] = {work_of(VOW_STORE_PREPARE, 1, "UPDATE account SET cents = 1 WHERE id = 1"),
                            work_of(VOW_STORE_PREPARE, 1, "UPDATE account SET cents = 2 WHERE id = 2")};
    works[1].op.branch = 2;
    cr_assert_eq(run_batch(works, 2), 0);
    cr_assert_eq(works[1].op.result, VOW_STORE_DONE);
    commit(1);
    expect_seen(CENTS, "1:1 2:100 3:100");
    expect_seen("SELECT branch || state FROM vow_branch ORDER BY branch", "1committed 2prepared");
}

/* ---- answers ---- */

Test(store_branch, nothing_written_is_read_only)
{
    service_start(ACCOUNTS);
    cr_assert_eq(prepare(1, "SELECT * FROM account"), VOW_STORE_READ_ONLY);
    cr_assert_eq(prepare(2, "UPDATE account SET cents = cents"), VOW_STORE_READ_ONLY);
    cr_assert_eq(one_phase(3, "SELECT * FROM account"), VOW_STORE_READ_ONLY);
    cr_assert_eq(decide(VOW_STORE_COMMIT, 1), VOW_STORE_NO_RECORD);
    cr_assert_eq(decide(VOW_STORE_MEMO, 3), VOW_STORE_NO_RECORD);
    expect_seen("SELECT count(*) FROM vow_branch", "0");
}

Test(store_branch, a_refusal_leaves_nothing_and_says_why)
{
    service_start(ACCOUNTS "CREATE TABLE plain (n); CREATE TABLE checked (id INTEGER PRIMARY KEY, n CHECK (n > 0))");
    expect_refused(prepare(1, "UPDATE account SET cents = 1; INSERT INTO checked VALUES (1, 0)"), VOW_CAUSE_CONSTRAINT);
    expect_refused(prepare(2, "UPDATE account SET cents = 1; INSERT INTO account VALUES (4, 'ann', 1)"),
                   VOW_CAUSE_CONSTRAINT);
    expect_refused(prepare(3, "UPDATE account SET cents = 1; nonsense"), VOW_CAUSE_HANDLER_FAILED);
    expect_refused(prepare(4, "UPDATE account SET cents = 1; INSERT INTO plain VALUES (1)"), VOW_CAUSE_NOT_CAPTURED);
    expect_refused(one_phase(5, "UPDATE account SET cents = 1; INSERT INTO checked VALUES (1, 0)"),
                   VOW_CAUSE_CONSTRAINT);
    expect_seen(CENTS, "1:100 2:100 3:100");
    expect_seen("SELECT count(*) FROM vow_branch", "0");
    expect_seen("SELECT count(*) FROM vow_lock", "0");
}

static int refuse_for_a_reason(void *ctx, const struct vow_gtrid *gtrid, sqlite3 *db, const struct vow_msg_call *call,
                               enum vow_cause *cause, char text[VOW_TEXT_SIZE])
{
    (void)ctx, (void)gtrid;
    sqlite3_exec(db, "PRAGMA user_version = 5", NULL, NULL, NULL); /* denied; not why this handler refuses */
    *cause = VOW_CAUSE_HANDLER_REFUSED;
    snprintf(text, VOW_TEXT_SIZE, "%s", call->handler);
    return -1;
}

Test(store_branch, a_handlers_own_refusal_is_passed_on)
{
    service_start(ACCOUNTS);
    service_handler = refuse_for_a_reason;
    expect_refused(prepare(1, "sold out"), VOW_CAUSE_HANDLER_REFUSED);
    cr_assert_str_eq(refusal.text, "sold out");
}

Test(store_branch, what_sqlite_says_may_travel)
{
    char name[310] = "\x01", sql[700]; /* two bytes to a letter: a cut at 200 bytes could fall between them */
    service_start(ACCOUNTS);
    for (size_t i = 1; i + 2 < sizeof(name); i += 2)
        memcpy(name + i, "\xc3\xa4", 3);
    snprintf(sql, sizeof(sql), "SELECT * FROM \"%s\"", name);
    cr_assert_eq(prepare(1, sql), VOW_STORE_REFUSED);
    cr_assert(vow_text_is_printable(refusal.text), "%s", refusal.text);
    snprintf(sql, sizeof(sql), "SELECT * FROM \"x%s\"", name);
    cr_assert_eq(prepare(1, sql), VOW_STORE_REFUSED);
    cr_assert(vow_text_is_printable(refusal.text), "%s", refusal.text);
}

Test(store_branch, a_handler_cannot_reach_beyond_its_tables)
{
    static const char *const tricks[] = {
        "COMMIT",
        "ROLLBACK",
        "SAVEPOINT vow",
        "RELEASE vow",
        "ROLLBACK TO vow",
        "PRAGMA synchronous = OFF",
        "PRAGMA foreign_keys = OFF",
        "ATTACH ':memory:' AS other",
        "CREATE TABLE new (id INTEGER PRIMARY KEY)",
        "CREATE TEMP TABLE new (id INTEGER PRIMARY KEY)",
        "CREATE TEMP TRIGGER x BEFORE UPDATE ON account BEGIN SELECT RAISE(IGNORE); END",
        "DROP TABLE account",
        "ALTER TABLE account ADD COLUMN more",
        "DROP TRIGGER vow_guard_account_update",
        "DELETE FROM vow_lock",
        "SELECT * FROM vow_lock",
        "UPDATE vow_meta SET value = 0",
        "INSERT INTO sqlite_sequence VALUES ('auto', 99)",
        "INSERT INTO scratch VALUES (1)",
        "INSERT INTO shadowed VALUES (1)",
        "DELETE FROM plain",
        "REINDEX",
        "VACUUM",
        "ANALYZE"};
    service_start(ACCOUNTS "CREATE TABLE plain (n); CREATE TABLE shadowed (id INTEGER PRIMARY KEY);"
                           "CREATE TABLE auto (id INTEGER PRIMARY KEY AUTOINCREMENT);"
                           "CREATE TEMP TABLE scratch (id INTEGER PRIMARY KEY);"
                           "CREATE TEMP TABLE shadowed (id INTEGER PRIMARY KEY)");
    for (size_t i = 0; i < sizeof(tricks) / sizeof(tricks[0]); i++) {
        cr_expect_eq(prepare(i, tricks[i]), VOW_STORE_REFUSED, "%s", tricks[i]);
        cr_expect_eq(one_phase(i, tricks[i]), VOW_STORE_REFUSED, "%s", tricks[i]);
    }
    cr_assert_eq(prepare(99, "UPDATE account SET cents = 1"), VOW_STORE_DONE);
}

static sqlite3_stmt *early; /* compiled before the first batch, so under nobody's eyes */

static int step_early(void *ctx, const struct vow_gtrid *gtrid, sqlite3 *db, const struct vow_msg_call *call,
                      enum vow_cause *cause, char text[VOW_TEXT_SIZE])
{
    (void)ctx, (void)gtrid, (void)db, (void)call, (void)cause, (void)text;
    int rc = sqlite3_step(early);
    sqlite3_reset(early);
    return rc == SQLITE_DONE ? 0 : -1;
}

Test(store_branch, statements_compiled_during_set_up_are_judged_too)
{
    service_start(ACCOUNTS "CREATE TABLE plain (n); INSERT INTO plain VALUES (1)");
    cr_assert_eq(sqlite3_prepare_v2(service.db, "DELETE FROM plain", -1, &early, NULL), SQLITE_OK);
    service_handler = step_early;
    expect_refused(prepare(1, ""), VOW_CAUSE_NOT_CAPTURED);
    sqlite3_finalize(early);
    expect_seen("SELECT count(*) FROM plain", "1");
}

Test(store_branch, a_change_over_the_limit_is_refused)
{
    service.options.changeset_max = 1000;
    service_start(ACCOUNTS);
    expect_refused(prepare(1, "UPDATE account SET owner = hex(zeroblob(2000)) WHERE id = 1"), VOW_CAUSE_NOT_CAPTURED);
    cr_assert_eq(prepare(2, "UPDATE account SET owner = hex(zeroblob(200)) WHERE id = 1"), VOW_STORE_DONE);
}

/* ---- one phase ---- */

Test(store_branch, one_phase_commits_at_once_with_a_memo)
{
    service_start(ACCOUNTS);
    cr_assert_eq(one_phase(1, "UPDATE account SET cents = cents + 1 WHERE id = 1"), VOW_STORE_DONE);
    cr_assert_eq(one_phase(1, "UPDATE account SET cents = cents + 1 WHERE id = 1"), VOW_STORE_DONE);
    expect_seen(CENTS, "1:101 2:100 3:100");
    service_restart();
    cr_assert_eq(recovered_branches(), 0);
    cr_assert_eq(decide(VOW_STORE_MEMO, 1), VOW_STORE_DONE);
    cr_assert_eq(decide(VOW_STORE_COMMIT, 1), VOW_STORE_NO_RECORD);
}

static void pass_watermark(uint64_t seq)
{
    struct work work = work_of(VOW_STORE_WATERMARK, 0, "");
    work.op.coord = COORD;
    work.op.watermark = (struct vow_watermark){EPOCH, seq};
    cr_assert_eq(run_batch(&work, 1), 0);
}

/* Seed 793203: FORGET came, and then a copy of the work's message that had been somewhere all the time. */
Test(store_branch, F080_one_phase_is_not_done_again_after_FORGET)
{
    service_start(ACCOUNTS);
    cr_assert_eq(one_phase(1, "UPDATE account SET cents = cents + 1 WHERE id = 1"), VOW_STORE_DONE);
    decide(VOW_STORE_FORGET, 1);
    cr_assert_eq(one_phase(1, "UPDATE account SET cents = cents + 1 WHERE id = 1"), VOW_STORE_DONE);
    expect_seen(CENTS, "1:101 2:100 3:100");
    expect_seen("SELECT state FROM vow_branch", "committed");
    cr_assert_eq(decide(VOW_STORE_MEMO, 1), VOW_STORE_DONE);
    service_restart();
    cr_assert_eq(one_phase(1, "UPDATE account SET cents = cents + 1 WHERE id = 1"), VOW_STORE_DONE);
    expect_seen(CENTS, "1:101 2:100 3:100");
    pass_watermark(2);
    expect_seen("SELECT count(*) FROM vow_branch", "0");
}

Test(store_branch, one_phase_meets_the_locks_of_prepared_branches)
{
    service_start(ACCOUNTS);
    prepare(1, "UPDATE account SET cents = 0 WHERE id = 1");
    expect_refused(one_phase(2, "UPDATE account SET cents = 1 WHERE id = 1"), VOW_CAUSE_LOCK_CONFLICT);
    cr_assert_eq(one_phase(3, "UPDATE account SET cents = 1 WHERE id = 2"), VOW_STORE_DONE);
    expect_refused(one_phase(1, "UPDATE account SET cents = 1 WHERE id = 3"), VOW_CAUSE_TOO_LATE);
    commit(1);
    expect_seen(CENTS, "1:0 2:1 3:100");
}

/* ---- the watermark ---- */

Test(store_branch, the_watermark_drops_tombstones_below_it_and_nothing_else)
{
    service_start(ACCOUNTS);
    prepare(1, "UPDATE account SET cents = 1 WHERE id = 1");
    commit(1);
    prepare(2, "UPDATE account SET cents = 2 WHERE id = 2");
    prepare(3, "UPDATE account SET cents = 3 WHERE id = 3");
    commit(3);
    one_phase(4, "UPDATE account SET cents = 4 WHERE id = 1");
    prepare(6, "UPDATE account SET cents = 6 WHERE id = 3");
    commit(6);
    struct work work = work_of(VOW_STORE_WATERMARK, 0, "");
    work.op.coord = COORD;
    work.op.watermark = (struct vow_watermark){EPOCH, 6};
    cr_assert_eq(run_batch(&work, 1), 0);
    cr_assert_eq(work.op.result, VOW_STORE_DONE);
    expect_seen("SELECT state FROM vow_branch ORDER BY gtrid", "prepared memo committed");
    service_restart();
    struct vow_store_identity identity;
    service.ops->identity(service.store, &identity);
    cr_assert_eq(identity.coord, COORD);
    cr_assert_eq(identity.epoch, EPOCH);
    cr_assert_eq(identity.watermark.seq, 6);
    work.op.watermark = (struct vow_watermark){UINT32_MAX, UINT64_MAX}; /* no coordinator's; only no crash is asked */
    cr_assert_eq(run_batch(&work, 1), 0);
    expect_seen("SELECT state FROM vow_branch ORDER BY gtrid", "prepared memo committed");
}
