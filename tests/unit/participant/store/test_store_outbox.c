/*
 * Events that a service publishes: each is in the outbox if and only if the change is there that it tells of (I25),
 * with the next number of its key (F204, B57), and leaves it when the coordinator has it and not before (B58).
 */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "event_fixture.h"
#include "fault_vfs.h"
#include "proto/net/crash.h"

TestSuite(store_outbox, .init = service_of_events, .fini = service_fini, .timeout = 60);

/* ---- with the change, or not at all ---- */

Test(store_outbox, B57_a_prepared_branch_has_no_number_until_it_commits)
{
    events_start(ROWS);
    cr_assert_eq(prepare(1, "UPDATE t SET v = 1 WHERE id = 1; SELECT publish('first', 'k')"), VOW_STORE_DONE);
    cr_assert_eq(prepare(2, "UPDATE t SET v = 1 WHERE id = 2; SELECT publish('second', 'k')"), VOW_STORE_DONE);
    expect_seen(OUTBOX, "");
    expect_seen("SELECT last FROM vow_outbox_key", "");
    expect_seen(OUTBOX_LEN, "2");
    commit(2);
    cr_assert_eq(publish_outside("", "third", "k", "COMMIT"), 0);
    commit(1);
    expect_seen(OUTBOX, "k1second k2third k3first");
    expect_seen("SELECT count(*) FROM vow_branch_event", "0");
    expect_seen(OUTBOX_LEN, "3");
}

/* Whoever reads the outbox after each commit sees no number appear below one that it has seen. */
Test(store_outbox, F204_no_number_comes_after_a_higher_one_of_its_key)
{
    uint64_t seen = 0;
    events_start("CREATE TABLE t (id INTEGER PRIMARY KEY, v INT)");
    for (uint64_t seq = 1; seq <= 6; seq++) {
        char sql[96];
        snprintf(sql, sizeof(sql), "INSERT INTO t VALUES (%d, 0); SELECT publish('t', 'k')", (int)seq);
        cr_assert_eq(prepare(seq, sql), VOW_STORE_DONE);
    }
    for (uint64_t seq = 6; seq >= 1; seq--) {
        commit(seq);
        const char *newest = look("SELECT agg_seq FROM vow_outbox ORDER BY seq DESC LIMIT 1");
        cr_assert_eq(strtoull(newest, NULL, 10), ++seen);
    }
}

Test(store_outbox, B57_an_event_of_an_aborted_branch_is_nowhere)
{
    events_start(ROWS);
    cr_assert_eq(prepare(1, ADD "SELECT publish('t', 'k')"), VOW_STORE_DONE);
    abort_branch(1);
    expect_seen(OUTBOX, "");
    expect_seen("SELECT count(*) FROM vow_branch_event", "0");
    expect_seen(OUTBOX_LEN, "0");
    cr_assert_eq(one_phase(2, ADD "SELECT publish('t', 'k')"), VOW_STORE_DONE);
    expect_seen(OUTBOX, "k1t");
}

Test(store_outbox, I25_the_events_of_a_prepared_branch_survive_a_restart)
{
    events_start(ROWS);
    cr_assert_eq(prepare(1, ADD "SELECT publish('a', 'k'), publish('b', 'l'), publish('c', 'k')"), VOW_STORE_DONE);
    events_restart();
    cr_assert_eq(recovered_branches(), 1);
    expect_seen(OUTBOX, "");
    commit(1);
    expect_seen(OUTBOX, "k1a l1b k2c");
    commit(1);
    expect_seen(OUTBOX, "k1a l1b k2c");
    expect_seen("SELECT headers || payload || version || hops || deadline_us FROM vow_outbox WHERE agg_key = 'l'",
                "colour=red\np1077");
    expect_seen("SELECT count(*) FROM vow_outbox, vow_branch USING (gtrid)", "3");
}

Test(store_outbox, I25_a_branch_that_only_publishes_is_prepared)
{
    events_start(ROWS);
    cr_assert_eq(prepare(1, "SELECT publish('t', 'k')"), VOW_STORE_DONE);
    cr_assert_eq(prepare(2, "SELECT 1"), VOW_STORE_READ_ONLY);
    events_restart();
    cr_assert_eq(recovered_branches(), 1);
    commit(1);
    expect_seen(OUTBOX, "k1t");
}

Test(store_outbox, I25_a_heuristic_takes_its_events_along)
{
    events_start(ROWS);
    cr_assert_eq(prepare(1, ADD "SELECT publish('t', 'k')"), VOW_STORE_DONE);
    cr_assert_eq(prepare(2, "UPDATE t SET v = 9 WHERE id = 2; SELECT publish('u', 'k')"), VOW_STORE_DONE);
    struct work ends[2] = {work_of(VOW_STORE_HEURISTIC_ABORT, 1, ""), work_of(VOW_STORE_HEURISTIC_COMMIT, 2, "")};
    for (int i = 0; i < 2; i++)
        ends[i].op.who = ends[i].op.why = "test";
    cr_assert_eq(run_batch(ends, 2), 0, "%s", service.detail.text);
    expect_seen(OUTBOX, "k1u");
    expect_seen(OUTBOX_LEN, "1");
    expect_seen("SELECT count(*) FROM vow_branch_event", "0");
}

Test(store_outbox, I25_a_one_phase_commit_publishes_with_its_change)
{
    events_start(ROWS);
    cr_assert_eq(one_phase(1, ADD "SELECT publish('t', 'k')"), VOW_STORE_DONE);
    cr_assert_eq(one_phase(2, "SELECT publish('u', 'k')"), VOW_STORE_DONE); /* that is something to commit, too */
    cr_assert_eq(one_phase(3, "SELECT publish('v', 'k'); UPDATE t SET v = -1"), VOW_STORE_REFUSED);
    expect_seen(OUTBOX, "k1t k2u");
    expect_seen(OUTBOX_LEN, "2");
}

Test(store_outbox, I25_a_step_publishes_with_its_effect)
{
    events_start(ROWS);
    cr_assert_eq(step_of_saga(1, ADD "SELECT publish('t', 'k')"), VOW_STEP_DONE);
    cr_assert_eq(step_of_saga(1, ADD "SELECT publish('t', 'k')"), VOW_STEP_DONE); /* asked for again */
    expect_seen(OUTBOX, "k1t");
    says_no = "closed";
    cr_assert_eq(step_of_saga(2, ADD "SELECT publish('u', 'k')"), VOW_STEP_REJECTED);
    expect_seen(OUTBOX, "k1t");
    expect_seen(VALUES, "1 0 0");
}

Test(store_outbox, I25_joined_work_publishes_when_it_commits)
{
    events_start(ROWS);
    cr_assert_eq(work(1, ADD "SELECT publish('a', 'k')"), VOW_STORE_DONE);
    cr_assert_eq(work(1, "SELECT publish('lost', 'k'); UPDATE t SET v = -1"), VOW_STORE_REFUSED);
    cr_assert_eq(work(1, "UPDATE t SET v = 5 WHERE id = 2; SELECT publish('b', 'k')"), VOW_STORE_DONE);
    expect_seen("SELECT count(*) FROM vow_branch_event", "0");
    cr_assert_eq(prepare(1, "SELECT publish('c', 'k')"), VOW_STORE_DONE);
    expect_seen("SELECT topic FROM vow_branch_event ORDER BY n", "a b c");
    commit(1);
    expect_seen(OUTBOX, "k1a k2b k3c");
    cr_assert_eq(work(2, ADD "SELECT publish('d', 'k')"), VOW_STORE_DONE);
    abort_branch(2);
    expect_seen(OUTBOX, "k1a k2b k3c");
}

/* A handler that waits for a row runs again, and publishes once. */
Test(store_outbox, a_handler_that_runs_twice_publishes_once)
{
    service.options.fail_fast = false;
    service.options.lock_wait_ms = UINT32_MAX;
    events_start(ROWS);
    cr_assert_eq(prepare(1, "UPDATE t SET v = 7 WHERE id = 1"), VOW_STORE_DONE);
    struct work waits = work_of(VOW_STORE_ONE_PHASE, 2, "SELECT publish('t', 'k');" ADD);
    cr_assert_eq(run_batch(&waits, 1), 0);
    cr_assert_eq(works_done, 0);
    struct work decision = work_of(VOW_STORE_COMMIT, 1, "");
    cr_assert_eq(run_batch(&decision, 1), 0);
    cr_assert_eq(works_done, 2);
    expect_seen(OUTBOX, "k1t");
}

/* ---- the service's own transactions ---- */

Test(store_outbox, I25_an_event_of_a_local_transaction_is_there_with_it)
{
    events_start(ROWS);
    cr_assert_eq(publish_outside(ADD, "t", "k", "COMMIT"), 0);
    cr_assert_eq(publish_outside(ADD, "u", "k", "ROLLBACK"), 0);
    cr_assert_eq(publish_outside(ADD, "v", "k", "COMMIT"), 0);
    expect_seen(OUTBOX, "k1t k2v");
    expect_seen(VALUES, "2 0 0");
    expect_seen(OUTBOX_LEN, "2");
}

Test(store_outbox, publishing_without_a_transaction_is_refused)
{
    const struct vow_store_event event = {.topic = "t", .key = "k", .headers = ""};
    sqlite3 *db;
    events_start(ROWS);
    cr_assert_eq(sqlite3_open(service.path, &db), SQLITE_OK);
    cr_assert_eq(vow_store_sqlite_publish_on(db, &event), VOW_E_STATE);
    sqlite3_close(db);
    cr_assert_eq(sqlite3_open(":memory:", &db), SQLITE_OK);
    cr_assert_eq(sqlite3_exec(db, "BEGIN", NULL, NULL, NULL), SQLITE_OK);
    cr_assert_eq(vow_store_sqlite_publish_on(db, &event), VOW_E_STATE);
    sqlite3_close(db);
    cr_assert_eq(vow_store_sqlite_publish(service.store, &event), VOW_E_STATE);
    expect_seen(OUTBOX, "");
}

static int error_in_handler;

static int publish_as_if_outside(void *ctx, const struct vow_gtrid *gtrid, sqlite3 *db, const struct vow_msg_call *call,
                                 enum vow_cause *cause, char text[VOW_TEXT_SIZE])
{
    const struct vow_store_event event = {.topic = "t", .key = "k", .headers = ""};
    (void)ctx, (void)gtrid, (void)call, (void)cause, (void)text;
    error_in_handler = vow_store_sqlite_publish_on(db, &event);
    return 0;
}

/* It would be in the outbox before the branch is committed. */
Test(store_outbox, B57_a_handler_cannot_write_to_the_outbox_itself)
{
    events_start(ROWS);
    service_handler = publish_as_if_outside;
    cr_assert_eq(prepare(1, ""), VOW_STORE_READ_ONLY);
    cr_assert_eq(error_in_handler, VOW_E_STATE);
    expect_seen(OUTBOX, "");
}

/* ---- bounded ---- */

Test(store_outbox, F205_a_full_outbox_refuses_and_loses_nothing)
{
    service.options.outbox_max = 3;
    events_start(ROWS);
    cr_assert_eq(prepare(1, "UPDATE t SET v = 1 WHERE id = 1; SELECT publish('a', 'k')"), VOW_STORE_DONE);
    cr_assert_eq(publish_outside("", "b", "k", "COMMIT"), 0);
    cr_assert_eq(prepare(2, "UPDATE t SET v = 1 WHERE id = 2; SELECT publish('c', 'k')"), VOW_STORE_DONE);
    cr_assert_eq(publish_outside("", "d", "k", "COMMIT"), VOW_E_BUSY);
    cr_assert_eq(one_phase(3, "SELECT publish('e', 'k')"), VOW_STORE_REFUSED);
    cr_assert_eq(publish_error, VOW_E_BUSY);
    commit(1); /* there is room for what was promised */
    expect_seen(OUTBOX, "k1b k2a");
    abort_branch(2);
    cr_assert_eq(publish_outside("", "f", "k", "COMMIT"), 0);
    cr_assert_eq(publish_outside("", "g", "k", "COMMIT"), VOW_E_BUSY);
    outbox_sent("k", 1);
    cr_assert_eq(publish_outside("", "h", "k", "COMMIT"), 0);
    expect_seen(OUTBOX, "k2a k3f k4h");
}

Test(store_outbox, one_branch_publishes_so_much_and_no_more)
{
    events_start(ROWS);
    cr_assert_eq(prepare(1, "WITH n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 256) "
                            "SELECT publish('t', 'k') FROM n"),
                 VOW_STORE_DONE);
    cr_assert_eq(one_phase(2, "WITH n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 257) "
                              "SELECT publish('t', 'k') FROM n"),
                 VOW_STORE_REFUSED);
    cr_assert_eq(publish_error, VOW_E_TOO_LARGE);
    commit(1);
    expect_seen("SELECT max(agg_seq) FROM vow_outbox", "256");
}

/* ---- sending ---- */

Test(store_outbox, I27_of_each_key_the_oldest_is_read)
{
    struct reading reading;
    events_start(ROWS);
    cr_assert_eq(one_phase(1, "SELECT publish('a', 'x'), publish('b', 'y'), publish('c', 'x'), publish('d', 'z')"),
                 VOW_STORE_DONE);
    cr_assert(read_outbox(&reading, "", "", 64));
    cr_assert_str_eq(take_read(&reading), "x1a y1b z1d");
    cr_assert(read_outbox(&reading, "y", "", 64));
    cr_assert_str_eq(take_read(&reading), "x1a z1d");
    cr_assert(read_outbox(&reading, "", "y", 2)); /* comes around */
    cr_assert_str_eq(take_read(&reading), "z1d x1a");
    outbox_sent("x", 1);
    cr_assert(read_outbox(&reading, "", "", 64));
    cr_assert_str_eq(take_read(&reading), "x2c y1b z1d");
    expect_seen(OUTBOX, "y1b x2c z1d");
}

Test(store_outbox, B58_an_event_stays_until_it_is_said_to_be_durable)
{
    struct reading reading;
    events_start(ROWS);
    cr_assert_eq(one_phase(1, "SELECT publish('a', 'k')"), VOW_STORE_DONE);
    for (int i = 0; i < 3; i++) {
        cr_assert(read_outbox(&reading, "", "", 64));
        cr_assert_str_eq(take_read(&reading), "k1a");
        events_restart();
    }
    outbox_sent("k", 1);
    expect_seen(OUTBOX, "");
    expect_seen(OUTBOX_LEN, "0");
    outbox_sent("k", 1);
    expect_seen(OUTBOX_LEN, "0");
    cr_assert_eq(publish_outside("", "b", "k", "COMMIT"), 0); /* the count goes on */
    expect_seen(OUTBOX, "k2b");
}

/* A key that began anew would have its events taken for ones that are durable. */
Test(store_outbox, I26_a_key_goes_on_counting_when_its_events_are_gone)
{
    events_start(ROWS);
    cr_assert_eq(one_phase(1, ADD "SELECT publish('t', 'k')"), VOW_STORE_DONE);
    outbox_sent("k", 1);
    expect_seen(OUTBOX, "");
    events_restart();
    cr_assert_eq(publish_outside("", "u", "k", "COMMIT"), 0);
    expect_seen(OUTBOX, "k2u");
}

Test(store_outbox, a_read_waits_until_there_is_something)
{
    struct reading reading;
    events_start(ROWS);
    cr_assert_not(read_outbox(&reading, "k", "", 64));
    cr_assert_eq(publish_outside("", "a", "k", "COMMIT"), 0);
    cr_assert_eq(run_batch(NULL, 0), 0);
    cr_assert_eq(works_done, 0, "it reads a key of which one is under way");
    cr_assert_eq(publish_outside("", "b", "l", "COMMIT"), 0);
    cr_assert_eq(run_batch(NULL, 0), 0); /* a tick */
    cr_assert_eq(works_done, 1);
    cr_assert_str_eq(take_read(&reading), "l1b");
    cr_assert_not(read_outbox(&reading, "kl", "", 64));
    struct work own = work_of(VOW_STORE_ONE_PHASE, 2, "SELECT publish('c', 'm')");
    cr_assert_eq(run_batch(&own, 1), 0);
    cr_assert_eq(works_done, 2);
    cr_assert_str_eq(take_read(&reading), "m1c");
}

/* What was under way has arrived: the next of its key may be read by whoever waits. */
Test(store_outbox, a_read_that_waits_hears_of_what_was_sent)
{
    struct reading reading;
    events_start(ROWS);
    cr_assert_eq(one_phase(1, "SELECT publish('a', 'k'), publish('b', 'k')"), VOW_STORE_DONE);
    cr_assert_not(read_outbox(&reading, "k", "", 64));
    outbox_sent("k", 1);
    cr_assert_eq(works_done, 2);
    cr_assert_str_eq(take_read(&reading), "k2b");
}

Test(store_outbox, a_read_that_waits_is_given_back_at_the_end)
{
    struct reading reading;
    events_start(ROWS);
    cr_assert_not(read_outbox(&reading, "", "", 64));
    cr_assert_eq(service.ops->give_back(service.store), &reading.work.op.job);
    cr_assert_null(reading.outbox.events);
}

/* What another connection has committed without a sync is synced before it is read: the number of an event that a power
 * failure takes back would be given to another one. */
Test(store_outbox, F204_nothing_is_read_that_is_not_durable)
{
    struct reading reading;
    service.options.vfs = fault_vfs_register();
    events_start(ROWS);
    cr_assert_not(read_outbox(&reading, "", "", 64));
    cr_assert_eq(publish_outside("", "a", "k", "COMMIT"), 0);
    const unsigned syncs = fault_vfs.syncs;
    cr_assert_eq(run_batch(NULL, 0), 0);
    cr_assert_eq(works_done, 1);
    cr_assert_gt(fault_vfs.syncs, syncs);
    cr_assert_str_eq(take_read(&reading), "k1a");
    fault_vfs.sync_fails = true;
    cr_assert_not(read_outbox(&reading, "k", "", 64));
    cr_assert_eq(publish_outside("", "b", "l", "COMMIT"), 0);
    cr_assert_eq(run_batch(NULL, 0), VOW_E_IO, "it is told what may be lost");
    fault_vfs.sync_fails = false;
    vow_store_events_free(reading.outbox.events);
}

/* Another connection commits when the store has looked around, and has not read yet. */
static int commit_between(unsigned kind, void *ctx, void *statement, void *sql)
{
    bool *is_over = ctx;
    (void)kind, (void)sql;
    if (*is_over || strstr(sqlite3_sql(statement), "FROM vow_outbox WHERE agg_key >") == NULL)
        return 0;
    *is_over = true;
    cr_assert_eq(publish_outside("", "b", "k", "COMMIT"), 0);
    return 0;
}

Test(store_outbox, F204_what_comes_while_it_reads_is_synced_as_well)
{
    bool is_over = false;
    struct reading reading;
    service.options.vfs = fault_vfs_register();
    events_start(ROWS);
    cr_assert_not(read_outbox(&reading, "", "", 64));
    cr_assert_eq(publish_outside("", "a", "j", "COMMIT"), 0);
    cr_assert_eq(run_batch(NULL, 0), 0);
    cr_assert_str_eq(take_read(&reading), "j1a");
    cr_assert_eq(sqlite3_trace_v2(service.db, SQLITE_TRACE_STMT, commit_between, &is_over), SQLITE_OK);
    const unsigned syncs = fault_vfs.syncs;
    cr_assert(read_outbox(&reading, "j", "", 64));
    cr_assert(is_over);
    cr_assert_str_eq(take_read(&reading), "k1b");
    cr_assert_gt(fault_vfs.syncs, syncs);
}

/* ---- the archive ---- */

#define ARCHIVE "SELECT agg_key || agg_seq || topic || payload FROM vow_outbox_archive ORDER BY n"

static void send_all(uint64_t from, uint64_t to)
{
    for (uint64_t i = from; i <= to; i++) {
        cr_assert_eq(one_phase(i, "SELECT publish('t', 'k')"), VOW_STORE_DONE);
        outbox_sent("k", i);
    }
}

Test(store_outbox, what_was_sent_can_be_kept_to_be_looked_at)
{
    service.options.outbox_archive_max = 3;
    events_start(ROWS);
    send_all(1, 2);
    expect_seen(OUTBOX, "");
    expect_seen(ARCHIVE, "k1tp k2tp");
    outbox_sent("k", 2); /* said once more */
    expect_seen(ARCHIVE, "k1tp k2tp");
    send_all(3, 5);
    expect_seen(ARCHIVE, "k3tp k4tp k5tp");
    service.options.outbox_archive_max = 1;
    events_restart();
    send_all(6, 6);
    expect_seen(ARCHIVE, "k6tp");
    service.options.outbox_archive_max = 0;
    events_restart();
    send_all(7, 7);
    expect_seen(ARCHIVE, "k6tp");
    expect_seen(OUTBOX_LEN, "0");
}

#define SENT 32 /* more than the WAL has room for beside what it has to have */

/* One by one: what a batch has reserved stays with the WAL. */
static void publish_keys(void)
{
    char sql[64];
    for (uint64_t i = 1; i <= SENT; i++) {
        (void)snprintf(sql, sizeof(sql), "SELECT publish('t', 'k%d')", (int)i);
        cr_assert_eq(one_phase(i, sql), VOW_STORE_DONE);
    }
}

static void all_sent(void)
{
    struct vow_store_outbox outbox = {.keys_len = SENT};
    struct work work = work_of(VOW_STORE_OUTBOX_DONE, 0, "");
    for (int i = 0; i < SENT; i++) {
        (void)snprintf(outbox.keys[i].key, sizeof(outbox.keys[i].key), "k%d", i + 1);
        outbox.keys[i].key_seq = 1;
    }
    work.op.calls_len = 0;
    work.op.outbox = &outbox;
    cr_assert_eq(run_batch(&work, 1), 0, "%s", service.detail.text);
    cr_assert_eq(works_done, 1);
    cr_assert_eq(work.op.result, VOW_STORE_DONE);
}

/* An archive takes no room from what was decided: on a full disk what was sent goes without it, and nothing waits. */
Test(store_outbox, F055_on_a_full_disk_nothing_is_archived_and_nothing_waits)
{
    service.options.outbox_archive_max = 100;
    service.options.vfs = fault_vfs_register();
    events_start(ROWS);
    publish_keys();
    prepare(100, "UPDATE t SET v = 7 WHERE id = 2");
    fault_vfs.is_full = true;
    all_sent();
    struct work decision = work_of(VOW_STORE_COMMIT, 100, "");
    cr_assert_eq(run_batch(&decision, 1), 0);
    cr_assert_eq(works_done, 1, "there is its room");
    fault_vfs.is_full = false;
    expect_seen(OUTBOX, "");
    expect_seen(ARCHIVE, "");
    expect_seen(VALUES, "0 7 0");
    cr_assert_eq(one_phase(101, "SELECT publish('t', 'k')"), VOW_STORE_DONE);
    outbox_sent("k", 1);
    expect_seen(ARCHIVE, "k1tp");
}

/* ---- the file ---- */

Test(store_outbox, a_file_of_format_3_is_brought_up_to_date)
{
    events_start(ROWS);
    cr_assert_eq(prepare(1, ADD), VOW_STORE_DONE);
    service_close();
    cr_assert_eq(outside("DROP TABLE vow_outbox; DROP TABLE vow_outbox_key; DROP TABLE vow_branch_event;"
                         "DROP TABLE vow_inbox; DROP TABLE vow_inbox_floor;"
                         "DELETE FROM vow_meta WHERE key LIKE 'outbox%';"
                         "UPDATE vow_meta SET value = 3 WHERE key = 'format'"),
                 SQLITE_OK);
    events_restart();
    cr_assert_eq(recovered_branches(), 1);
    expect_seen("SELECT value FROM vow_meta WHERE key = 'format'", "4");
    cr_assert_eq(publish_outside("", "t", "k", "COMMIT"), 0);
    commit(1);
    expect_seen(VALUES, "1 0 0");
    expect_seen(OUTBOX, "k1t");
}

Test(store_outbox, a_file_from_before_deadlines_is_brought_up_to_date)
{
    events_start(ROWS);
    cr_assert_eq(prepare(1, "SELECT publish('t', 'k')"), VOW_STORE_DONE);
    service_close();
    cr_assert_eq(outside("ALTER TABLE vow_outbox DROP COLUMN deadline_us;"
                         "ALTER TABLE vow_branch_event DROP COLUMN deadline_us"),
                 SQLITE_OK);
    events_restart();
    cr_assert_eq(recovered_branches(), 1);
    commit(1);
    expect_seen("SELECT agg_key || deadline_us FROM vow_outbox", "k0");
}

/* ---- death ---- */

struct death {
    char point[32];
    enum vow_store_op_kind kind;
    char outbox[8], values[8]; /* afterwards */
};

static const struct death deaths[] = {
    {"store.before.ONE_PHASE", VOW_STORE_ONE_PHASE, "", "0 0 0"},
    {"store.mid.PUBLISH", VOW_STORE_ONE_PHASE, "", "0 0 0"},
    {"store.after.ONE_PHASE", VOW_STORE_ONE_PHASE, "k1t", "1 0 0"},
    {"store.mid.PUBLISH", VOW_STORE_STEP, "", "0 0 0"},
    {"store.before.STEP", VOW_STORE_STEP, "", "0 0 0"},
    {"store.after.STEP", VOW_STORE_STEP, "k1t", "1 0 0"},
    {"store.before.COMMIT", VOW_STORE_COMMIT, "", "0 0 0"},
    {"store.mid.COMMIT", VOW_STORE_COMMIT, "", "0 0 0"},
    {"store.after.COMMIT", VOW_STORE_COMMIT, "k1t", "1 0 0"},
    {"store.before.OUTBOX_DONE", VOW_STORE_OUTBOX_DONE, "k1t", "1 0 0"},
};

ParameterizedTestParameters(store_outbox, F190_death_at_every_point)
{
    return cr_make_param_array(struct death, (struct death *)deaths, sizeof(deaths) / sizeof(deaths[0]), NULL);
}

#define WORK ADD "SELECT publish('t', 'k')"

static void do_what(enum vow_store_op_kind kind)
{
    if (kind == VOW_STORE_STEP)
        (void)step_of_saga(1, WORK);
    else if (kind == VOW_STORE_COMMIT)
        commit(1);
    else if (kind == VOW_STORE_OUTBOX_DONE)
        outbox_sent("k", 1);
    else
        (void)one_phase(1, WORK);
}

static void die_at(const struct death *death)
{
    setenv("VOW_CRASH_AT", death->point, 1);
    events_restart();
    if (vow_crash_init() == 0)
        do_what(death->kind);
    _exit(1);
}

/* The change and its event are there together or not at all; done again, they are there once. */
ParameterizedTest(struct death *death, store_outbox, F190_death_at_every_point)
{
#ifndef VOW_CRASH_POINTS
    cr_skip_test("no crash points in this build");
#endif
    int status;
    events_start(ROWS);
    if (death->kind == VOW_STORE_COMMIT)
        cr_assert_eq(prepare(1, WORK), VOW_STORE_DONE);
    if (death->kind == VOW_STORE_OUTBOX_DONE)
        cr_assert_eq(one_phase(1, WORK), VOW_STORE_DONE);
    service_close();
    pid_t child = fork();
    if (child == 0)
        die_at(death);
    cr_assert_eq(waitpid(child, &status, 0), child);
    cr_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL, "%s was not met", death->point);
    events_restart();
    expect_seen(OUTBOX, death->outbox);
    expect_seen(VALUES, death->values);
    do_what(death->kind);
    expect_seen(OUTBOX, death->kind == VOW_STORE_OUTBOX_DONE ? "" : "k1t");
    expect_seen(VALUES, "1 0 0");
    expect_seen("PRAGMA integrity_check", "ok");
}
