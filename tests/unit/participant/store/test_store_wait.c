/*
 * Wait-die: who waits for a lock and who is refused, and what ends the waiting. Ids grow with time, so 1 is the oldest
 * transaction.
 */
#include <stdio.h>
#include <string.h>

#include "fixture.h"

static void waiting_service(void)
{
    service_init();
    service.options.fail_fast = false;
}

TestSuite(store_wait, .init = waiting_service, .fini = service_fini, .timeout = 60);

#define ROWS "CREATE TABLE t (id INTEGER PRIMARY KEY, v INT); INSERT INTO t VALUES (1, 0), (2, 0), (3, 0);"
#define VALUES "SELECT v FROM t ORDER BY id"
#define HOT "UPDATE t SET v = v + 1 WHERE id = 1"

/* A batch of one that the store keeps. */
static void expect_kept(struct work *work)
{
    cr_assert_eq(run_batch(work, 1), 0, "%s", service.detail.text);
    cr_assert_eq(works_done, 0, "%s: %s", vow_cause_name((int)work->op.cause), work->op.text);
}

/* The decision gives back so many operations besides itself. */
static void expect_freed(enum vow_store_op_kind kind, uint64_t seq, size_t freed)
{
    struct work decision = work_of(kind, seq, "");
    cr_assert_eq(run_batch(&decision, 1), 0, "%s", service.detail.text);
    cr_assert_eq(works_done, 1 + freed, "%zu", works_done);
}

Test(store_wait, an_older_branch_waits_for_a_younger_one)
{
    service_start(ROWS);
    prepare(2, HOT);
    struct work older = work_of(VOW_STORE_PREPARE, 1, HOT);
    expect_kept(&older);
    cr_assert_eq(prepare(3, "UPDATE t SET v = 1 WHERE id = 3"), VOW_STORE_DONE, "others go on");
    expect_freed(VOW_STORE_COMMIT, 3, 0);
    expect_freed(VOW_STORE_COMMIT, 2, 1);
    cr_assert_eq(older.op.result, VOW_STORE_DONE, "%s", older.op.text);
    commit(1);
    expect_seen(VALUES, "2 0 1");
}

Test(store_wait, it_goes_on_after_an_abort_too)
{
    service_start(ROWS);
    prepare(2, "DELETE FROM t WHERE id = 1");
    struct work older = work_of(VOW_STORE_PREPARE, 1, HOT);
    expect_kept(&older);
    expect_freed(VOW_STORE_ABORT, 2, 1);
    commit(1);
    expect_seen(VALUES, "1 0 0");
}

/* Lets the store's tick pass until the operation is given back. */
static void await(const struct work *work)
{
    do
        cr_assert_eq(run_batch(NULL, 0), 0, "%s", service.detail.text);
    while (works_done == 0);
    cr_assert_eq(work->op.result, VOW_STORE_REFUSED);
    cr_assert_eq(work->op.cause, VOW_CAUSE_LOCK_CONFLICT);
}

Test(store_wait, a_younger_branch_is_refused_and_told_who_holds_the_row)
{
    char holder[VOW_GTRID_TEXT_SIZE];
    struct work older = work_of(VOW_STORE_PREPARE, 1, HOT), younger = work_of(VOW_STORE_PREPARE, 2, HOT);
    service.options.lock_grace_ms = 1;
    service.options.lock_wait_ms = UINT32_MAX;
    service_start(ROWS);
    cr_assert_eq(run_batch(&older, 1), 0);
    expect_kept(&younger);
    await(&younger);
    vow_gtrid_to_text(&older.op.gtrid, holder);
    cr_assert_not_null(strstr(younger.op.text, holder), "%s", younger.op.text);
}

/* It is refused although the oldest of them would let it wait. */
Test(store_wait, of_several_holders_all_must_be_younger)
{
    service.options.lock_grace_ms = 1;
    service_start("CREATE TABLE p (id INTEGER PRIMARY KEY);"
                  "CREATE TABLE c (id INTEGER PRIMARY KEY, p REFERENCES p); INSERT INTO p VALUES (1)");
    prepare(2, "INSERT INTO c VALUES (2, 1)");
    prepare(4, "INSERT INTO c VALUES (4, 1)");
    struct work middle = work_of(VOW_STORE_PREPARE, 3, "DELETE FROM p"),
                oldest = work_of(VOW_STORE_PREPARE, 1, "DELETE FROM p");
    expect_kept(&oldest);
    expect_kept(&middle);
    await(&middle);
    expect_freed(VOW_STORE_ABORT, 4, 0);
    expect_freed(VOW_STORE_ABORT, 2, 1);
    cr_assert_eq(oldest.op.result, VOW_STORE_DONE, "%s", oldest.op.text);
}

/* One after the other as they came; each new holder gives the others new grace. */
Test(store_wait, a_busy_row_is_a_queue)
{
    service.options.lock_grace_ms = UINT32_MAX;
    service.options.lock_wait_ms = UINT32_MAX;
    service_start(ROWS);
    struct work works[4] = {work_of(VOW_STORE_PREPARE, 2, HOT), work_of(VOW_STORE_PREPARE, 1, HOT),
                            work_of(VOW_STORE_PREPARE, 4, HOT), work_of(VOW_STORE_PREPARE, 3, HOT)};
    cr_assert_eq(run_batch(works, 4), 0);
    cr_assert_eq(works_done, 1);
    cr_assert_eq(works[0].op.result, VOW_STORE_DONE);
    expect_freed(VOW_STORE_COMMIT, 2, 1);
    cr_assert_eq(works[1].op.result, VOW_STORE_DONE);
    expect_freed(VOW_STORE_ABORT, 1, 1);
    cr_assert_eq(works[2].op.result, VOW_STORE_DONE);
    expect_freed(VOW_STORE_COMMIT, 4, 1);
    commit(3);
    expect_seen(VALUES, "3 0 0");
}

/* It holds nothing that anybody could wait for. */
Test(store_wait, a_one_phase_commit_waits_for_anybody)
{
    service_start(ROWS);
    prepare(1, HOT);
    struct work works[2] = {work_of(VOW_STORE_ONE_PHASE, 2, HOT), work_of(VOW_STORE_ONE_PHASE, 3, HOT)};
    cr_assert_eq(run_batch(works, 2), 0);
    cr_assert_eq(works_done, 0);
    expect_freed(VOW_STORE_COMMIT, 1, 2);
    cr_assert_eq(works[0].op.result, VOW_STORE_DONE);
    cr_assert_eq(works[1].op.result, VOW_STORE_DONE);
    expect_seen(VALUES, "3 0 0");
}

/* Two files, two transactions, opposite orders: one of them waits, and the other one ends. */
Test(store_wait, no_deadlock_between_two_participants)
{
    service.options.lock_grace_ms = 1;
    service.options.lock_wait_ms = UINT32_MAX;
    struct service first, second = service;
    service_start(ROWS);
    first = service;
    snprintf(second.path, sizeof(second.path), "%s/second.db", second.dir);
    second.options.path = second.path;
    service = second;
    service_start(ROWS);
    struct work older_at_second = work_of(VOW_STORE_PREPARE, 1, HOT);
    prepare(2, HOT);
    expect_kept(&older_at_second);
    second = service;
    service = first;
    prepare(1, HOT);
    struct work younger_at_first = work_of(VOW_STORE_PREPARE, 2, HOT);
    expect_kept(&younger_at_first);
    await(&younger_at_first);
    service = second;
    cr_assert_eq(run_batch(NULL, 0), 0);
    cr_assert_eq(works_done, 0, "the older one goes on waiting");
    expect_freed(VOW_STORE_ABORT, 2, 1);
    cr_assert_eq(older_at_second.op.result, VOW_STORE_DONE);
    commit(1);
    service_fini();
    service = first;
    commit(1);
}

Test(store_wait, fail_fast_waits_for_nobody)
{
    service.options.fail_fast = true;
    service_start(ROWS);
    prepare(3, HOT);
    expect_refused(prepare(1, HOT), VOW_CAUSE_LOCK_CONFLICT);
    expect_refused(one_phase(2, HOT), VOW_CAUSE_LOCK_CONFLICT);
}

/* F050: the transaction has been aborted while its work waits. */
Test(store_wait, F050_a_cancel_ends_the_waiting_at_once)
{
    service_start(ROWS);
    prepare(2, HOT);
    struct work older = work_of(VOW_STORE_PREPARE, 1, HOT), cancel = work_of(VOW_STORE_CANCEL, 1, "");
    expect_kept(&older);
    cr_assert_eq(run_batch(&cancel, 1), 0);
    cr_assert_eq(works_done, 2);
    cr_assert_eq(older.op.result, VOW_STORE_REFUSED);
    cr_assert_eq(cancel.op.result, VOW_STORE_DONE);
    expect_freed(VOW_STORE_COMMIT, 2, 0);
}

Test(store_wait, F050_a_cancel_stops_what_has_not_begun)
{
    service_start(ROWS);
    struct work works[3] = {work_of(VOW_STORE_PREPARE, 1, HOT), work_of(VOW_STORE_PREPARE, 2, HOT),
                            work_of(VOW_STORE_CANCEL, 2, "")};
    cr_assert_eq(run_batch(works, 3), 0);
    cr_assert_eq(works_done, 3);
    cr_assert_eq(works[0].op.result, VOW_STORE_DONE);
    cr_assert_eq(works[1].op.result, VOW_STORE_REFUSED);
    cr_assert_eq(works[1].op.cause, VOW_CAUSE_TOO_LATE);
}

/* It comes too late for what is prepared: that is the ABORT's. */
Test(store_wait, F050_a_cancel_undoes_nothing)
{
    service_start(ROWS);
    prepare(1, HOT);
    cr_assert_eq(decide(VOW_STORE_CANCEL, 1), VOW_STORE_DONE);
    commit(1);
    expect_seen(VALUES, "1 0 0");
}

Test(store_wait, waiting_has_an_end)
{
    service.options.lock_wait_ms = 1;
    service_start(ROWS);
    prepare(2, HOT);
    struct work older = work_of(VOW_STORE_PREPARE, 1, HOT);
    expect_kept(&older);
    await(&older);
    commit(2);
}

Test(store_wait, at_the_end_what_waits_is_given_back)
{
    service_start(ROWS);
    prepare(3, HOT);
    struct work works[2] = {work_of(VOW_STORE_PREPARE, 1, HOT), work_of(VOW_STORE_PREPARE, 2, HOT)};
    cr_assert_eq(run_batch(works, 2), 0);
    struct vow_job *kept = service.ops->give_back(service.store);
    cr_assert_eq(kept, &works[0].op.job);
    cr_assert_eq(kept->next, &works[1].op.job);
    cr_assert_null(kept->next->next);
    cr_assert_null(service.ops->give_back(service.store));
}

/* ---- how a lock is met in a handler ---- */

static int skip_locked(void *ctx, const struct vow_gtrid *gtrid, sqlite3 *db, const struct vow_msg_call *call,
                       enum vow_cause *cause, char text[VOW_TEXT_SIZE])
{
    (void)ctx, (void)gtrid, (void)call, (void)cause, (void)text;
    if (sqlite3_exec(db, HOT, NULL, NULL, NULL) == SQLITE_OK)
        return 0;
    return sqlite3_exec(db, "UPDATE t SET v = v + 10 WHERE id = 2", NULL, NULL, NULL);
}

Test(store_wait, a_handler_may_go_on_without_the_row)
{
    service_start(ROWS);
    service_handler = skip_locked;
    prepare(1, "");
    cr_assert_eq(prepare(2, ""), VOW_STORE_DONE, "%s", refusal.text);
    commit(1);
    commit(2);
    expect_seen(VALUES, "1 10 0");
}

static int refuse_if_locked(void *ctx, const struct vow_gtrid *gtrid, sqlite3 *db, const struct vow_msg_call *call,
                            enum vow_cause *cause, char text[VOW_TEXT_SIZE])
{
    (void)ctx, (void)gtrid, (void)call;
    int rc = sqlite3_exec(db, HOT, NULL, NULL, NULL);
    sqlite3_exec(db, "SELECT 1", NULL, NULL, NULL);
    *cause = VOW_CAUSE_HANDLER_REFUSED;
    snprintf(text, VOW_TEXT_SIZE, "something went wrong");
    return rc;
}

/* Its reason is the lock, whatever it says. */
Test(store_wait, a_handler_that_hides_the_lock_waits_too)
{
    service_start(ROWS);
    service_handler = refuse_if_locked;
    prepare(2, "");
    struct work older = work_of(VOW_STORE_PREPARE, 1, "");
    expect_kept(&older);
    expect_freed(VOW_STORE_COMMIT, 2, 1);
    cr_assert_eq(older.op.result, VOW_STORE_DONE, "%s", older.op.text);
}

/* Of a file that has none yet: the first table makes it last. */
static void set_encoding(const char *encoding)
{
    char sql[100];
    snprintf(sql, sizeof(sql), "%s; CREATE TABLE first (id INTEGER PRIMARY KEY)", encoding);
    cr_assert_eq(outside(sql), SQLITE_OK);
}

/* The guards' words are text, in the file's encoding. */
Test(store_wait, a_lock_is_met_in_every_encoding)
{
    static const char *const encodings[] = {"PRAGMA encoding = 'UTF-16le'", "PRAGMA encoding = 'UTF-16be'"};
    for (size_t i = 0; i < 2; i++) {
        set_encoding(encodings[i]);
        service_start(ROWS);
        prepare(2, HOT);
        struct work older = work_of(VOW_STORE_PREPARE, 1, HOT);
        expect_kept(&older);
        expect_freed(VOW_STORE_COMMIT, 2, 1);
        commit(1);
        expect_seen(VALUES, "2 0 0");
        service_fini();
        service_init();
        service.options.fail_fast = false;
    }
}

/* On the store's connection hex() is not SQLite's, and must not differ from it. */
Test(store_wait, hex_is_what_it_is_elsewhere)
{
    service_start("CREATE TABLE h (id INTEGER PRIMARY KEY, v TEXT CHECK (hex(v) <> '61'));"
                  "CREATE INDEX i ON h (hex(v)); CREATE TABLE x (a PRIMARY KEY, b)");
    cr_assert_eq(prepare(1, "INSERT INTO x VALUES (1, hex(x'00ff10') || hex('aZ') || hex(NULL) || hex(12) || hex(''));"
                            "INSERT INTO h VALUES (1, 'b')"),
                 VOW_STORE_DONE, "%s", refusal.text);
    commit(1);
    expect_seen("SELECT b = hex(x'00ff10') || hex('aZ') || hex(NULL) || hex(12) || hex('') FROM x", "1");
    expect_seen("SELECT id FROM h WHERE hex(v) = '62'", "1");
    expect_seen("PRAGMA integrity_check", "ok");
    expect_refused(prepare(2, "INSERT INTO h VALUES (2, 'a')"), VOW_CAUSE_CONSTRAINT);
}

/* ---- batches that begin anew ---- */

#define END_IT "INSERT OR ROLLBACK INTO t VALUES (2, 2)"

static int calls;

/* "moody" is a handler that does something else the second time: as one with a counter in memory does. */
static int change_its_mind(void *ctx, const struct vow_gtrid *gtrid, sqlite3 *db, const struct vow_msg_call *call,
                           enum vow_cause *cause, char text[VOW_TEXT_SIZE])
{
    (void)ctx, (void)gtrid, (void)cause, (void)text;
    if (strcmp(call->handler, "moody") != 0)
        return sqlite3_exec(db, call->handler, NULL, NULL, NULL);
    return sqlite3_exec(
        db, ++calls == 2 ? "UPDATE t SET v = v + 10 WHERE id = 3;" HOT : "UPDATE t SET v = v + 10 WHERE id = 3", NULL,
        NULL, NULL);
}

/* Its savepoint was once released as that of a branch which had done all: the change was there for all to see, and came
 * a second time when the wait was over. */
static void expect_nothing_of_the_first_attempt(enum vow_store_op_kind kind)
{
    service_start(ROWS);
    service_handler = change_its_mind;
    prepare(3, HOT);
    struct work works[2] = {work_of(kind, 1, "moody"), work_of(VOW_STORE_PREPARE, 2, END_IT)};
    cr_assert_eq(run_batch(works, 2), 0, "%s", service.detail.text);
    cr_assert_eq(calls, 2);
    cr_assert_eq(works_done, 1, "the first one waits");
    expect_seen(VALUES, "0 0 0");
    expect_freed(VOW_STORE_COMMIT, 3, 1);
    if (kind == VOW_STORE_PREPARE)
        commit(1);
    expect_seen(VALUES, "1 0 10");
    expect_seen("SELECT count(*) FROM vow_lock", "0");
}

Test(store_wait, what_was_done_in_an_attempt_before_is_not_done)
{
    expect_nothing_of_the_first_attempt(VOW_STORE_PREPARE);
}

Test(store_wait, what_was_done_at_once_in_an_attempt_before_is_not_done)
{
    expect_nothing_of_the_first_attempt(VOW_STORE_ONE_PHASE);
}

static int end_it_after_a_lock(void *ctx, const struct vow_gtrid *gtrid, sqlite3 *db, const struct vow_msg_call *call,
                               enum vow_cause *cause, char text[VOW_TEXT_SIZE])
{
    (void)ctx, (void)gtrid, (void)call, (void)cause, (void)text;
    if (++calls > 100) /* enough has been seen */
        return 0;
    sqlite3_exec(db, HOT, NULL, NULL, NULL);
    return sqlite3_exec(db, END_IT, NULL, NULL, NULL);
}

/* It would meet the lock, and end the transaction, in each attempt at the batch: there would be no last one. */
Test(store_wait, a_handler_that_ends_the_transaction_after_a_lock_does_not_wait)
{
    service_start(ROWS);
    prepare(2, HOT);
    service_handler = end_it_after_a_lock;
    expect_refused(prepare(1, ""), VOW_CAUSE_LOCK_CONFLICT);
    cr_assert_eq(calls, 1);
    service_handler = NULL;
    commit(2);
    expect_seen(VALUES, "1 0 0");
}
