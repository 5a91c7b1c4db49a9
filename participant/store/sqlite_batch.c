/* A batch: all operations of a turn in one SQLite transaction, and who pays when it cannot be written. */
#include <stdio.h>

#include "participant/store/sqlite_store.h"
#include "proto/assert.h"
#include "proto/net/crash.h"

/* PRAGMA synchronous cannot change within a transaction (protocol 1.1), so it changes between them: a batch that
 * justifies a message is synced, one of aborts and clean-up rides with the next sync. */
static int set_synchronous(struct store *store, bool full)
{
    if (store->synchronous_full == full)
        return SQLITE_OK;
    int rc = store_exec(store, full ? "PRAGMA synchronous = FULL" : "PRAGMA synchronous = NORMAL");
    if (rc == SQLITE_OK)
        store->synchronous_full = full;
    return rc;
}

static bool is_new_work(enum vow_store_op_kind kind)
{
    return kind == VOW_STORE_PREPARE || kind == VOW_STORE_ONE_PHASE;
}

static bool is_forced(enum vow_store_op_kind kind)
{
    return is_new_work(kind) || kind == VOW_STORE_COMMIT;
}

static struct vow_store_op *next_op(const struct vow_store_op *op)
{
    return (struct vow_store_op *)op->job.next;
}

/* Statements that were compiled or left open during set-up: the authorizer sees the first before they run, and the
 * others must not hold an old snapshot. */
static void end_set_up(struct store *store)
{
    store_reset_statements(store);
    auth_install(store); /* has SQLite compile every statement again */
    store->has_run = true;
}

static void refuse_new_work(struct vow_store_op *first, enum vow_cause cause, const char *text)
{
    for (struct vow_store_op *op = first; op != NULL; op = next_op(op)) {
        if (!is_new_work(op->kind))
            continue;
        op->result = VOW_STORE_REFUSED;
        op->cause = cause;
        snprintf(op->text, sizeof(op->text), "%s", text);
    }
}

static int do_op(struct store *store, struct vow_store_op *op)
{
    switch (op->kind) {
    case VOW_STORE_PREPARE:
        return branch_prepare(store, op);
    case VOW_STORE_COMMIT:
        return branch_commit(store, op);
    case VOW_STORE_ABORT:
        return branch_abort(store, op);
    case VOW_STORE_ONE_PHASE:
        return branch_one_phase(store, op);
    case VOW_STORE_MEMO:
        return branch_memo(store, op);
    case VOW_STORE_FORGET:
        return branch_forget(store, op);
    case VOW_STORE_WATERMARK:
        return branch_watermark(store, op);
    }
    VOW_UNREACHABLE("no such operation");
}

#ifdef VOW_CRASH_POINTS
static void crash_points(const struct vow_store_op *first, const char *when)
{
    static const char *const names[] = {
        [VOW_STORE_PREPARE] = "PREPARE",     [VOW_STORE_COMMIT] = "COMMIT", [VOW_STORE_ABORT] = "ABORT",
        [VOW_STORE_ONE_PHASE] = "ONE_PHASE", [VOW_STORE_MEMO] = "MEMO",     [VOW_STORE_FORGET] = "FORGET",
        [VOW_STORE_WATERMARK] = "WATERMARK"};
    for (const struct vow_store_op *op = first; op != NULL; op = next_op(op))
        VOW_CRASH("store", when, names[op->kind]);
}
#else
#define crash_points(first, when) ((void)0)
#endif

/* Waits for other connections: busy_ms for new work, as long as it takes for decisions. */
static int begin(struct store *store, bool new_work)
{
    int rc;
    do
        rc = store_run(store, STMT_BEGIN);
    while (!new_work && (rc & 0xff) == SQLITE_BUSY);
    return rc;
}

static int do_ops(struct store *store, struct vow_store_op *first)
{
    for (struct vow_store_op *op = first; op != NULL; op = next_op(op)) {
        if (op->result == VOW_STORE_REFUSED) /* in an attempt before this one */
            continue;
        int rc = do_op(store, op);
        if (rc != SQLITE_OK)
            return rc;
        store->stats.ops++;
    }
    return SQLITE_OK;
}

/* All operations that are not refused, in one SQLite transaction. On an error nothing of it is on disk, unless the
 * error came from the sync. */
static int do_batch(struct store *store, struct vow_store_op *first, bool new_work, struct vow_error_detail *detail)
{
    int rc = begin(store, new_work);
    if (rc == SQLITE_OK)
        rc = schema_refresh(store, detail) == 0 ? SQLITE_OK : SQLITE_ERROR;
    if (rc == SQLITE_OK)
        rc = do_ops(store, first);
    if (rc == SQLITE_OK) {
        crash_points(first, "before");
        rc = store_run(store, STMT_COMMIT);
    }
    if (rc != SQLITE_OK) {
        store_fail(store, VOW_E_DATABASE, "a batch of branches cannot be written", detail);
        store->schema_version = -1; /* guards made in this transaction are gone with it */
        if (store_in_transaction(store))
            store_run(store, STMT_ROLLBACK);
        return rc;
    }
    crash_points(first, "after");
    store->stats.commits++;
    return SQLITE_OK;
}

/* What is left to do. Each attempt refuses some of it, so there is an end. */
struct outlook {
    bool forced, new_work, anything;
};

static struct outlook look_at(const struct vow_store_op *first)
{
    struct outlook outlook = {false, false, false};
    for (const struct vow_store_op *op = first; op != NULL; op = next_op(op)) {
        if (op->result == VOW_STORE_REFUSED)
            continue;
        outlook.forced = outlook.forced || is_forced(op->kind);
        outlook.new_work = outlook.new_work || is_new_work(op->kind);
        outlook.anything = true;
    }
    return outlook;
}

/* A full disk or a busy file is no reason to lose what was decided: new work is refused, and the rest is tried
 * alone. And a handler that ends the transaction takes nobody with it: the rest is done again. */
static int run_all(struct store *store, struct vow_store_op *first, struct vow_error_detail *detail)
{
    struct outlook outlook;
    int rc = SQLITE_OK;
    *detail = (struct vow_error_detail){.error = VOW_E_CLOSED, .text = "the store has failed before"};
    if (store->failed)
        return VOW_E_CLOSED;
    if (!store->has_run)
        end_set_up(store);
    for (struct vow_store_op *op = first; op != NULL; op = next_op(op))
        op->result = 0;
    for (outlook = look_at(first); outlook.anything; outlook = look_at(first)) {
        rc = set_synchronous(store, outlook.forced);
        if (rc == SQLITE_OK)
            rc = do_batch(store, first, outlook.new_work, detail);
        int primary = rc & 0xff;
        if (outlook.new_work && primary == SQLITE_FULL)
            refuse_new_work(first, VOW_CAUSE_NO_SPACE, "the disk is full");
        else if (outlook.new_work && primary == SQLITE_BUSY)
            refuse_new_work(first, VOW_CAUSE_PARTICIPANT_FAILED, "the database is busy");
        else if (rc != SQLITE_ABORT_ROLLBACK)
            break;
        rc = SQLITE_OK;
    }
    apply_set_quiet(store, false);
    if (rc == SQLITE_OK)
        return 0;
    store->failed = true;
    return detail->error = (rc & 0xff) == SQLITE_IOERR ? VOW_E_IO : VOW_E_DATABASE;
}

int batch_run(void *store, struct vow_job **jobs, struct vow_error_detail *detail)
{
    return *jobs != NULL ? run_all(store, (struct vow_store_op *)*jobs, detail) : 0;
}
