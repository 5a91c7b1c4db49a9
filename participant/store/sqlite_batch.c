/* A batch: all operations of a turn in one SQLite transaction, and who pays when it cannot be written. */
#include <stdio.h>

#include "participant/store/sqlite_store.h"
#include "proto/assert.h"
#include "proto/net/crash.h"
#include "proto/net/log.h"

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

/* It commits with the batch, and leaves no lock. */
static bool is_at_once(enum vow_store_op_kind kind)
{
    return kind == VOW_STORE_ONE_PHASE || kind == VOW_STORE_STEP || kind == VOW_STORE_EVENT;
}

static bool is_new_work(enum vow_store_op_kind kind)
{
    return kind == VOW_STORE_PREPARE || kind == VOW_STORE_WORK || is_at_once(kind);
}

static bool is_forced(enum vow_store_op_kind kind)
{
    return kind == VOW_STORE_PREPARE || is_at_once(kind) || kind == VOW_STORE_COMMIT ||
           kind == VOW_STORE_HEURISTIC_COMMIT || kind == VOW_STORE_HEURISTIC_ABORT || kind == VOW_STORE_SETTLE;
}

/* It ends a prepared branch, or joined work: its locks and its room are free after it. */
static bool is_end(enum vow_store_op_kind kind)
{
    return kind == VOW_STORE_COMMIT || kind == VOW_STORE_ABORT || kind == VOW_STORE_HEURISTIC_COMMIT ||
           kind == VOW_STORE_HEURISTIC_ABORT;
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
    space_watch(store);  /* the service may have set a limit, or a hook */
    store->has_run = true;
}

static void refuse_new_work(struct vow_store_op *first, enum vow_cause cause, const char *text)
{
    for (struct vow_store_op *op = first; op != NULL; op = next_op(op)) {
        if (!is_new_work(op->kind))
            continue;
        op->waits = false;
        op->result = VOW_STORE_REFUSED;
        op->cause = cause;
        snprintf(op->text, sizeof(op->text), "%s", text);
    }
}

static int do_op(struct store *store, struct vow_store_op *op)
{
    switch (op->kind) {
    case VOW_STORE_PREPARE:
    case VOW_STORE_WORK:
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
    case VOW_STORE_RECALL:
        return branch_recall(store, op);
    case VOW_STORE_HEURISTIC_COMMIT:
    case VOW_STORE_HEURISTIC_ABORT:
        return branch_heuristic(store, op);
    case VOW_STORE_SETTLE:
        return branch_settle(store, op);
    case VOW_STORE_STEP:
        return branch_step(store, op);
    case VOW_STORE_EVENT:
        return branch_event(store, op);
    case VOW_STORE_OUTBOX_DONE:
        return outbox_done(store, op);
    case VOW_STORE_CANCEL: /* arrange() has done them */
    case VOW_STORE_DESCRIBE:
    case VOW_STORE_OUTBOX_READ:
        break;
    }
    VOW_UNREACHABLE("no such operation");
}

#ifdef VOW_CRASH_POINTS
static void crash_points(const struct vow_store_op *first, const char *when)
{
    static const char *const names[] = {[VOW_STORE_PREPARE] = "PREPARE",
                                        [VOW_STORE_COMMIT] = "COMMIT",
                                        [VOW_STORE_ABORT] = "ABORT",
                                        [VOW_STORE_ONE_PHASE] = "ONE_PHASE",
                                        [VOW_STORE_MEMO] = "MEMO",
                                        [VOW_STORE_FORGET] = "FORGET",
                                        [VOW_STORE_WATERMARK] = "WATERMARK",
                                        [VOW_STORE_WORK] = "WORK",
                                        [VOW_STORE_RECALL] = "RECALL",
                                        [VOW_STORE_HEURISTIC_COMMIT] = "HEURISTIC",
                                        [VOW_STORE_HEURISTIC_ABORT] = "HEURISTIC",
                                        [VOW_STORE_SETTLE] = "SETTLE",
                                        [VOW_STORE_STEP] = "STEP",
                                        [VOW_STORE_EVENT] = "EVENT",
                                        [VOW_STORE_OUTBOX_DONE] = "OUTBOX_DONE"};
    for (const struct vow_store_op *op = first; op != NULL; op = next_op(op))
        VOW_CRASH("store", when, names[op->kind]);
}
#else
#define crash_points(first, when) ((void)0)
#endif

static int do_ops(struct store *store, struct vow_store_op *first)
{
    for (struct vow_store_op *op = first; op != NULL; op = next_op(op)) {
        int rc = SQLITE_OK;
        if (op->result == VOW_STORE_REFUSED) { /* in an attempt before this one */
            if (op->kind == VOW_STORE_PREPARE)
                rc = work_unlock(store, op);
            if (rc != SQLITE_OK)
                return rc;
            continue;
        }
        op->waits = false;
        op->result = 0; /* an attempt before this one was taken back, and so is what it said */
        rc = do_op(store, op);
        if (rc != SQLITE_OK)
            return rc;
        store->stats.ops++;
    }
    return SQLITE_OK;
}

/* Returns rc; but SQLITE_FULL for whatever else means that there is no room. */
static int undo_batch(struct store *store, struct vow_store_op *first, int rc, struct vow_error_detail *detail)
{
    if ((rc & 0xff) != SQLITE_BUSY && space_is_short(store, rc))
        rc = SQLITE_FULL;
    store_fail(store, VOW_E_DATABASE, "a batch of branches cannot be written", detail);
    store->schema_version = -1; /* guards made in this transaction are gone with it */
    for (struct vow_store_op *op = first; op != NULL; op = next_op(op))
        space_give_up(store, op);
    if (store_in_transaction(store))
        store_run(store, STMT_ROLLBACK);
    return rc;
}

static bool has_any(const struct vow_store_op *first, enum vow_store_op_kind kind)
{
    for (const struct vow_store_op *op = first; op != NULL; op = next_op(op))
        if (op->kind == kind && op->result != VOW_STORE_REFUSED)
            return true;
    return false;
}

/* All operations that are not refused, in one SQLite transaction. On an error nothing of it is on disk, unless the
 * error came from the sync. */
static int do_batch(struct store *store, struct vow_store_op *first, bool new_work, struct vow_error_detail *detail)
{
    work_forget_attempt(store, first);
    store->batch_pages = 0;
    store->has_archived = false;
    int rc = store_run(store, STMT_BEGIN);
    if (rc == SQLITE_OK)
        rc = schema_refresh(store, detail) == 0 ? SQLITE_OK : SQLITE_ERROR;
    if (rc == SQLITE_OK && has_any(first, VOW_STORE_STEP))
        rc = step_purge(store);
    if (rc == SQLITE_OK && has_any(first, VOW_STORE_EVENT))
        rc = inbox_begin(store, first);
    if (rc == SQLITE_OK)
        rc = do_ops(store, first);
    if (rc == SQLITE_OK && (new_work || store->has_archived))
        rc = space_ensure(store);
    if (rc == SQLITE_OK) {
        crash_points(first, "before");
        rc = store_run(store, STMT_COMMIT);
    }
    if (rc != SQLITE_OK)
        return undo_batch(store, first, rc, detail);
    crash_points(first, "after");
    store->stats.commits++;
    store->stats.syncs += store->synchronous_full;
    for (struct vow_store_op *op = first; op != NULL; op = next_op(op))
        if (is_end(op->kind) && op->result != VOW_STORE_REFUSED)
            space_drop(store, op);
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

/* What was decided is done when there is room, or the file is free: kept, told about once, and tried with each batch
 * and each tick (F055, F120). */
static void stall(struct store *store, const struct vow_error_detail *detail)
{
    if (!store->is_stalled)
        VOW_LOG(VOW_LOG_ERROR, "store_waits", VOW_STR("path", store->path), VOW_STR("why", detail->text),
                VOW_STR("then", "make room on the disk, or end what holds the file: decided branches wait for it"));
    store->is_stalled = true;
}

static void go_on(struct store *store)
{
    if (store->is_stalled)
        VOW_LOG(VOW_LOG_INFO, "store_goes_on", VOW_STR("path", store->path));
    store->is_stalled = false;
}

/*
 * After a failed attempt: what can be done about it, so that there is another one. New work is refused on a full disk
 * or a busy file, which is no reason to lose what was decided; then the WAL is folded in, which may make room in it. A
 * handler that ends the transaction takes nobody with it: the rest is done again.
 */
static bool can_try_again(struct store *store, struct vow_store_op *first, int rc, bool new_work, bool *folded)
{
    if (rc == SQLITE_ABORT_ROLLBACK)
        return true;
    if (rc == SQLITE_FULL && store->has_archived)
        return store->has_no_room_to_archive = !store->failed;
    if (new_work && rc == SQLITE_FULL)
        refuse_new_work(first, VOW_CAUSE_NO_SPACE, "the disk is full");
    else if (new_work && (rc & 0xff) == SQLITE_BUSY)
        refuse_new_work(first, VOW_CAUSE_PARTICIPANT_FAILED, "the database is busy");
    else if (rc == SQLITE_FULL && !*folded)
        space_fold(store);
    else
        return false;
    *folded = *folded || !new_work;
    return !store->failed;
}

static int run_all(struct store *store, struct vow_store_op *first, struct vow_error_detail *detail)
{
    struct outlook outlook;
    bool is_written = false;
    int rc = SQLITE_OK;
    bool folded = false;
    store->has_no_room_to_archive = false;
    *detail = (struct vow_error_detail){.error = VOW_E_CLOSED, .text = "the store has failed before"};
    if (store->failed)
        return VOW_E_CLOSED;
    if (!store->has_run)
        end_set_up(store);
    for (outlook = look_at(first); outlook.anything; outlook = look_at(first)) {
        rc = set_synchronous(store, outlook.forced);
        if (rc == SQLITE_OK)
            rc = do_batch(store, first, outlook.new_work, detail);
        is_written = rc == SQLITE_OK;
        if (!can_try_again(store, first, rc, outlook.new_work, &folded))
            break;
        rc = SQLITE_OK;
    }
    apply_set_quiet(store, false);
    work_settle(store, first, is_written);
    if (rc == SQLITE_OK && !store->failed) {
        go_on(store);
        work_sweep(store);
        return 0;
    }
    if (!store->failed && !outlook.new_work && space_is_short(store, rc)) {
        stall(store, detail);
        return 0;
    }
    store->failed = true;
    return detail->error = (rc & 0xff) == SQLITE_IOERR ? VOW_E_IO : VOW_E_DATABASE;
}

/* ---- what is done, and in which order ---- */

/* A batch in the order in which it is done; each list with its end. */
enum turn {
    TURN_DECISIONS, /* first, so that their locks are free for the rest */
    TURN_AT_ONCE,   /* one-phase commits, steps and reactions: they leave no lock */
    TURN_WAITED,    /* before newer work takes what they waited for */
    TURN_PREPARES,
    TURN_OTHERS,
    TURNS
};

static enum turn turn_of(enum vow_store_op_kind kind)
{
    if (is_end(kind) || kind == VOW_STORE_SETTLE)
        return TURN_DECISIONS;
    if (kind == VOW_STORE_PREPARE || kind == VOW_STORE_WORK)
        return TURN_PREPARES;
    return is_at_once(kind) ? TURN_AT_ONCE : TURN_OTHERS;
}

struct arrangement {
    struct store *store;
    struct vow_job *turns[TURNS], **ends[TURNS];
    struct vow_job *cancels, *questions;
    struct vow_job *done; /* what needs no batch */
};

static void append(struct vow_job ***end, struct vow_job *list)
{
    **end = list;
    while (**end != NULL)
        *end = &(**end)->next;
}

static void sort_out(struct arrangement *all, struct vow_job *jobs)
{
    for (int i = 0; i < TURNS; i++)
        all->ends[i] = &all->turns[i];
    for (struct vow_job *job = jobs, *next; job != NULL; job = next) {
        struct vow_store_op *op = (struct vow_store_op *)job;
        next = job->next;
        job->next = NULL;
        op->result = 0;
        if (op->kind == VOW_STORE_CANCEL) {
            job->next = all->cancels;
            all->cancels = job;
        } else if (op->kind == VOW_STORE_DESCRIBE) {
            job->next = all->questions;
            all->questions = job;
        } else if (op->kind == VOW_STORE_OUTBOX_READ) {
            VOW_ASSERT(all->store->reader == NULL);
            all->store->reader = op;
            all->store->outbox_is_new = true;
        } else {
            append(&all->ends[turn_of(op->kind)], job);
        }
    }
}

/* A PREPARE or WORK that has not begun does not begin any more. */
static void do_cancels(struct store *store, struct arrangement *all, struct vow_job ***done)
{
    for (struct vow_job *job = all->cancels, *next; job != NULL; job = next) {
        struct vow_store_op *op = (struct vow_store_op *)job;
        next = job->next;
        job->next = NULL;
        append(done, wait_cancelled(&store->kept, op));
        append(done, wait_cancelled(&all->turns[TURN_PREPARES], op));
        op->result = VOW_STORE_DONE;
        append(done, job);
    }
}

/* Before anything else: what they tell is what was there when they came. */
static void answer_questions(struct store *store, struct arrangement *all, struct vow_job ***done)
{
    for (struct vow_job *job = all->questions; job != NULL; job = job->next)
        describe(store, (struct vow_store_op *)job);
    append(done, all->questions);
}

/* What goes on: it waited for a branch that this batch ends, or for one that ended without a decision. */
static struct vow_job *take_freed(struct store *store, const struct vow_job *decisions)
{
    if (!store->has_freed)
        return wait_freed(store, decisions);
    store->has_freed = false;
    return wait_any(store);
}

/* The batch as one list; all->done is done already. */
static struct vow_job *arrange(struct store *store, struct vow_job *jobs, struct arrangement *all)
{
    struct vow_job *batch = NULL, **end = &batch, **done = &all->done;
    sort_out(all, jobs);
    answer_questions(store, all, &done);
    do_cancels(store, all, &done);
    append(&done, wait_expired(store));
    for (struct vow_job *job = take_freed(store, all->turns[TURN_DECISIONS]), *next; job != NULL; job = next) {
        next = job->next;
        job->next = NULL;
        append(&all->ends[is_at_once(((struct vow_store_op *)job)->kind) ? TURN_AT_ONCE : TURN_WAITED], job);
    }
    for (int i = 0; i < TURNS; i++)
        append(&end, all->turns[i]);
    return batch;
}

static struct vow_job **end_of(struct vow_job **list)
{
    while (*list != NULL)
        list = &(*list)->next;
    return list;
}

/* What waits is kept, the rest is done. */
static void hand_back(struct store *store, struct vow_job *batch, struct vow_job **done)
{
    struct vow_job **done_end = end_of(done), **kept_end = end_of(&store->kept), **stalled_end = &store->stalled;
    for (struct vow_job *job = batch, *next; job != NULL; job = next) {
        const struct vow_store_op *op = (const struct vow_store_op *)job;
        next = job->next;
        job->next = NULL;
        if (store->is_stalled && op->result != VOW_STORE_REFUSED)
            append(&stalled_end, job);
        else
            append(op->waits ? &kept_end : &done_end, job);
    }
}

/* What is read is what this batch has left. */
static int serve_reader(struct store *store, struct vow_job **jobs, struct vow_error_detail *detail)
{
    struct vow_job *served = NULL;
    const int rc = outbox_serve(store, &served);
    *end_of(jobs) = served;
    if (rc == SQLITE_OK)
        return 0;
    store->failed = true;
    return store_fail(store, (rc & 0xff) == SQLITE_IOERR ? VOW_E_IO : VOW_E_DATABASE, "the outbox", detail);
}

int batch_run(void *ctx, struct vow_job **jobs, struct vow_error_detail *detail)
{
    struct store *store = ctx;
    struct arrangement all = {.store = store};
    *end_of(&store->stalled) = *jobs;
    struct vow_job *batch = arrange(store, store->stalled, &all);
    store->stalled = NULL;
    /* What was called off without a batch may have been the end of joined work. */
    work_settle(store, (const struct vow_store_op *)all.done, false);
    if (batch == NULL && !store->failed)
        work_sweep(store);
    int error = batch != NULL ? run_all(store, (struct vow_store_op *)batch, detail) : 0;
    if (error == 0) {
        store_trace_batch(store, all.done);
        store_trace_batch(store, batch);
    }
    *jobs = all.done;
    hand_back(store, batch, jobs);
    step_tell_refused(*jobs);
    inbox_tell_refused(*jobs);
    return error == 0 ? serve_reader(store, jobs, detail) : error;
}
