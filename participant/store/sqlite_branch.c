/* One operation of a batch, isolated by a savepoint: what a branch goes through in the store. */
#include <stdio.h>
#include <string.h>

#include "participant/store/sqlite_store.h"
#include "proto/net/clock.h"
#include "proto/net/crash.h"

/* ---- small things ---- */

static int refuse(struct vow_store_op *op, enum vow_cause cause, const char *text)
{
    op->result = VOW_STORE_REFUSED;
    op->cause = cause;
    vow_text_copy(op->text, text);
    return SQLITE_OK;
}

static void bind_branch(sqlite3_stmt *statement, const struct vow_store_op *op)
{
    sqlite3_bind_blob(statement, 1, op->gtrid.bytes, VOW_GTRID_BYTES, SQLITE_STATIC);
    sqlite3_bind_int64(statement, 2, op->branch);
}

/* Errors that say that the transaction as a whole, not this branch, is in trouble. */
bool branch_is_batch_error(const struct store *store, int rc)
{
    int primary = rc & 0xff;
    return !store_in_transaction(store) || primary == SQLITE_IOERR || primary == SQLITE_FULL ||
           primary == SQLITE_CORRUPT || primary == SQLITE_NOTADB || primary == SQLITE_CANTOPEN ||
           primary == SQLITE_READONLY;
}

static enum branch_state state_of(const unsigned char *name)
{
    if (name == NULL)
        return BRANCH_NONE;
    return name[0] == 'p' ? BRANCH_PREPARED : name[0] == 'c' ? BRANCH_COMMITTED : BRANCH_MEMO;
}

/* What the branch is on disk. With `changeset` a prepared one's is left open in STMT_FIND_BRANCH: reset that after
 * use. */
static int find(struct store *store, const struct vow_store_op *op, enum branch_state *state,
                struct changeset *changeset)
{
    sqlite3_stmt *statement = store_statement(store, STMT_FIND_BRANCH);
    bind_branch(statement, op);
    *state = BRANCH_NONE;
    int rc = sqlite3_step(statement);
    if (rc == SQLITE_ROW) {
        *state = state_of(sqlite3_column_text(statement, 0));
        if (changeset != NULL) {
            changeset->data = sqlite3_column_blob(statement, 1);
            changeset->len = sqlite3_column_bytes(statement, 1);
            changeset->tables = (uint64_t)sqlite3_column_int64(statement, 2);
            bool has_all = *state != BRANCH_NONE && (changeset->data != NULL || changeset->len == 0);
            return has_all ? SQLITE_OK : sqlite3_reset(statement);
        }
    }
    /* A column that could not be read is told here only. It must not pass for "no such branch" (bugs B20, B21). */
    return sqlite3_reset(statement);
}

static int insert_branch(struct store *store, const struct vow_store_op *op, const char *state,
                         const struct changeset *changeset)
{
    sqlite3_stmt *statement = store_statement(store, STMT_INSERT_BRANCH);
    bind_branch(statement, op);
    sqlite3_bind_text(statement, 3, state, -1, SQLITE_STATIC);
    sqlite3_bind_int64(statement, 4, op->epoch);
    sqlite3_bind_int64(statement, 5, (sqlite3_int64)vow_clock_wall_us());
    sqlite3_bind_int64(statement, 6, (sqlite3_int64)changeset->tables);
    sqlite3_bind_blob(statement, 7, changeset->data, changeset->len, SQLITE_STATIC);
    sqlite3_bind_text(statement, 8, op->peers, -1, SQLITE_STATIC);
    int rc = statement_run(statement);
    sqlite3_clear_bindings(statement);
    return rc;
}

static int delete_locks(struct store *store, const struct vow_store_op *op)
{
    sqlite3_stmt *statement = store_statement(store, STMT_DELETE_LOCKS);
    bind_branch(statement, op);
    return statement_run(statement);
}

static int delete_branch(struct store *store, const struct vow_store_op *op, const char *state)
{
    sqlite3_stmt *statement = store_statement(store, STMT_DELETE_BRANCH);
    bind_branch(statement, op);
    sqlite3_bind_text(statement, 3, state, -1, SQLITE_STATIC);
    return statement_run(statement);
}

static int bury(struct store *store, const struct vow_store_op *op)
{
    sqlite3_stmt *statement = store_statement(store, STMT_BURY_BRANCH);
    bind_branch(statement, op);
    return statement_run(statement);
}

int branch_roll_back(struct store *store)
{
    int rc = store_run(store, STMT_ROLLBACK_TO);
    return rc != SQLITE_OK ? rc : store_run(store, STMT_RELEASE);
}

/* ---- running the handlers ---- */

/* Why a handler said no, if SQLite knows it better than the handler: a constraint, the authorizer. */
static enum vow_cause judge(struct store *store, enum vow_cause said)
{
    if (said != VOW_CAUSE_HANDLER_FAILED && said != VOW_CAUSE_NONE)
        return said;
    if (store->denied != VOW_CAUSE_NONE)
        return store->denied;
    return (sqlite3_errcode(store->db) & 0xff) == SQLITE_CONSTRAINT ? VOW_CAUSE_CONSTRAINT : VOW_CAUSE_HANDLER_FAILED;
}

/* The call's handler, or the work of the operation itself. */
static int run_handler(struct store *store, struct vow_store_op *op, const struct vow_msg_call *call,
                       enum vow_cause *cause, char text[VOW_TEXT_SIZE])
{
    if (op->kind == VOW_STORE_STEP)
        return store->options.step(store->options.ctx, &op->gtrid, store->db, op->step, cause, text);
    if (op->kind == VOW_STORE_EVENT)
        return store->options.event(store->options.ctx, store->db, op->delivery, cause, text);
    if (call == NULL)
        return op->work(op->work_ctx, &op->gtrid, store->db, cause, text);
    return store->options.call(store->options.ctx, &op->gtrid, store->db, call, cause, text);
}

/* Runs one call. A handler that has ended the transaction, by OR ROLLBACK for example, has failed whatever it says. */
static bool run_call(struct store *store, struct vow_store_op *op, const struct vow_msg_call *call)
{
    enum vow_cause cause = VOW_CAUSE_HANDLER_FAILED;
    char text[VOW_TEXT_SIZE] = "";
    apply_set_quiet(store, false);
    store->denied = VOW_CAUSE_NONE;
    meet_clear(store);
    store->in_handler = true;
    int answer = run_handler(store, op, call, &cause, text);
    store->in_handler = false;
    bool ok = answer == 0 && store_in_transaction(store);
    /* Whatever it says: it may have said so because of the lock. One that goes on without the row has not failed. */
    if (!ok && store->has_met) {
        wait_or_die(store, op);
    } else if (!ok) {
        cause = judge(store, cause);
        refuse(op, cause, text[0] != '\0' || cause == VOW_CAUSE_HANDLER_REFUSED ? text : sqlite3_errmsg(store->db));
    }
    store_reset_statements(store);
    return ok;
}

/* Runs every call of the branch. True if all went well; else op is refused with the cause, or waits. */
static bool run_calls(struct store *store, struct vow_store_op *op)
{
    const bool is_one = op->kind == VOW_STORE_WORK || op->kind == VOW_STORE_STEP || op->kind == VOW_STORE_EVENT;
    if (is_one && !run_call(store, op, NULL))
        return false;
    for (uint32_t i = 0; i < op->calls_len; i++)
        if (!run_call(store, op, &op->calls[i]))
            return false;
    int deferred = 0, highest;
    sqlite3_db_status(store->db, SQLITE_DBSTATUS_DEFERRED_FKS, &deferred, &highest, 0);
    if (deferred > 0) /* it would vanish with the rollback (trap 4) */
        refuse(op, VOW_CAUSE_CONSTRAINT, "a deferred foreign key does not hold");
    return deferred == 0;
}

/* ---- prepare ---- */

/* A pre-update hook of somebody else's takes the session's place, and the session sees nothing from then on (trap 16).
 * Taking the hook away is how to ask whose it is; the session's work is done. */
static bool has_seen_all(struct store *store, const sqlite3_session *session)
{
    return sqlite3_preupdate_hook(store->db, NULL, NULL) == session;
}

/* What the branch did before, if work has joined. What somebody changed behind the locks refuses this operation. */
static int replay(struct store *store, struct vow_store_op *op)
{
    int rc = work_replay(store, op);
    if (rc == SQLITE_OK || branch_is_batch_error(store, rc))
        return rc;
    refuse(op, VOW_CAUSE_LOST_WORK, store->trouble);
    store->trouble[0] = '\0';
    return SQLITE_OK;
}

/* Runs the work and takes what the branch has changed. The changeset is taken before anything is rolled back (trap
 * 1). */
static int capture(struct store *store, struct vow_store_op *op, void **data, int *len)
{
    sqlite3_session *session;
    hold_clear(store);
    publish_clear(store);
    int rc = work_lift_locks(store, op); /* no change of the branch's: before the session */
    if (rc == SQLITE_OK)
        rc = sqlite3session_create(store->db, "main", &session);
    if (rc != SQLITE_OK)
        return rc;
    rc = sqlite3session_attach(session, NULL);
    if (rc == SQLITE_OK)
        rc = replay(store, op);
    bool has_run = rc == SQLITE_OK && op->result != VOW_STORE_REFUSED && run_calls(store, op);
    if (!has_seen_all(store, session) && has_run)
        refuse(op, VOW_CAUSE_NOT_CAPTURED, "a pre-update hook was set on the connection");
    else if (has_run)
        rc = sqlite3session_changeset(session, len, data);
    sqlite3session_delete(session);
    return rc;
}

/* Applies once on trial and takes it back, so that a COMMIT cannot meet what was not met here. */
static int try_apply(struct store *store, struct vow_store_op *op, struct changeset *changeset)
{
    int rc = work_lift_locks(store, op);
    if (rc == SQLITE_OK)
        rc = apply_changeset(store, changeset);
    if (rc != SQLITE_OK && !branch_is_batch_error(store, rc)) {
        refuse(op, VOW_CAUSE_NOT_CAPTURED, "the change cannot be applied again");
        store->trouble[0] = '\0';
        rc = SQLITE_OK;
    }
    if (rc == SQLITE_OK)
        rc = store_run(store, STMT_ROLLBACK_TO);
    return rc;
}

/* Room for the COMMIT, which must not fail of it (trap 15). */
static int reserve(struct store *store, struct vow_store_op *op, const struct changeset *changeset)
{
    struct space space = space_of(store, changeset), events = outbox_space(store);
    space.pages += events.pages;
    space.growth += events.growth;
    if (!space_has_pages(store, space))
        return refuse(op, VOW_CAUSE_NO_SPACE, "max_page_count leaves no room for the commit");
    int rc = space_add(store, &op->gtrid, op->branch, space);
    op->has_reserved = rc == SQLITE_OK;
    store->batch_pages += space.pages;
    return rc;
}

/* After the rollback: the locks, the branch row, and the rowids that must not be given out again. */
static int write_down(struct store *store, struct vow_store_op *op, const struct changeset *changeset)
{
    meet_clear(store);
    int rc = changeset->len > 0 ? lock_changeset(store, op, changeset) : SQLITE_OK;
    if (rc == SQLITE_OK)
        rc = hold_lock(store, op);
    if (rc == SQLITE_CONSTRAINT) {
        wait_or_die(store, op);
        return SQLITE_OK;
    }
    if (rc == SQLITE_OK && op->kind == VOW_STORE_PREPARE)
        rc = reserve(store, op, changeset);
    if (rc == SQLITE_OK && op->result != VOW_STORE_REFUSED && changeset->len > 0)
        rc = apply_keep_sequences(store, changeset);
    if (rc == SQLITE_OK && op->kind == VOW_STORE_WORK)
        rc = work_stage(store, op, changeset);
    else if (rc == SQLITE_OK && op->result != VOW_STORE_REFUSED)
        rc = insert_branch(store, op, "prepared", changeset);
    if (rc == SQLITE_OK && op->result != VOW_STORE_REFUSED && op->kind == VOW_STORE_PREPARE)
        rc = outbox_keep(store, op);
    if (rc == SQLITE_OK && op->result != VOW_STORE_REFUSED)
        op->result = VOW_STORE_DONE;
    return rc;
}

/* Holds of rows that the branch made and took away again lock nothing. */
static int has_locks(struct store *store, const struct vow_store_op *op, bool *has)
{
    sqlite3_stmt *statement = store_statement(store, STMT_COUNT_LOCKS);
    bind_branch(statement, op);
    *has = sqlite3_step(statement) == SQLITE_ROW && sqlite3_column_int64(statement, 0) > 0;
    return sqlite3_reset(statement);
}

/* A branch that only holds rows is prepared, too: what it read must stay true until all have done their work (protocol
 * 2.5). So is one that only publishes. */
static int keep_rest(struct store *store, struct vow_store_op *op)
{
    bool has = true;
    int rc = store_run(store, STMT_ROLLBACK_TO);
    if (rc == SQLITE_OK)
        rc = write_down(store, op, &(struct changeset){.data = NULL});
    if (rc == SQLITE_OK && op->result == VOW_STORE_DONE && store->events == NULL)
        rc = has_locks(store, op, &has);
    if (rc == SQLITE_OK && !has)
        op->result = VOW_STORE_READ_ONLY;
    return rc;
}

static int keep(struct store *store, struct vow_store_op *op, struct changeset *changeset)
{
    const bool has_rest = store->holds != NULL || store->events != NULL || work_has_holds(store, op);
    if (changeset->len == 0 && op->kind == VOW_STORE_PREPARE && has_rest)
        return keep_rest(store, op);
    if (changeset->len == 0 && op->kind == VOW_STORE_PREPARE) {
        op->result = VOW_STORE_READ_ONLY;
        return SQLITE_OK;
    }
    if ((uint32_t)changeset->len > store->options.changeset_max)
        return refuse(op, VOW_CAUSE_NOT_CAPTURED, "the change is larger than the store's limit");
    int rc = store_run(store, STMT_ROLLBACK_TO);
    if (rc == SQLITE_OK && changeset->len > 0)
        rc = try_apply(store, op, changeset);
    if (rc == SQLITE_OK && op->result != VOW_STORE_REFUSED)
        rc = write_down(store, op, changeset);
    return rc;
}

/* An error that is this branch's own is a NO; one that is the batch's is the batch's. A branch whose handler has
 * ended the transaction has its NO already, and the batch must begin anew without it. */
static int settle(struct store *store, struct vow_store_op *op, int rc)
{
    if (rc == SQLITE_OK && !store_in_transaction(store))
        return SQLITE_ABORT_ROLLBACK;
    if (rc != SQLITE_OK && branch_is_batch_error(store, rc))
        return rc;
    if (rc != SQLITE_OK)
        refuse(op, rc == SQLITE_NOMEM ? VOW_CAUSE_NO_SPACE : VOW_CAUSE_PARTICIPANT_FAILED, sqlite3_errmsg(store->db));
    if (op->result == VOW_STORE_DONE)
        return store_run(store, STMT_RELEASE);
    space_give_up(store, op);
    rc = branch_roll_back(store);
    return rc == SQLITE_OK && op->kind == VOW_STORE_PREPARE && !op->waits ? work_unlock(store, op) : rc;
}

int branch_prepare(struct store *store, struct vow_store_op *op)
{
    enum branch_state state;
    void *data = NULL;
    int len = 0;
    int rc = find(store, op, &state, NULL);
    if (rc != SQLITE_OK)
        return rc;
    if (state == BRANCH_PREPARED) {
        op->result = VOW_STORE_DONE;
        return SQLITE_OK;
    }
    if (state != BRANCH_NONE)
        return refuse(op, VOW_CAUSE_TOO_LATE, "the transaction has ended");
    rc = store_run(store, STMT_SAVEPOINT);
    if (rc != SQLITE_OK)
        return rc;
    rc = capture(store, op, &data, &len);
    if (rc == SQLITE_OK && op->result != VOW_STORE_REFUSED && !op->waits)
        rc = keep(store, op, &(struct changeset){.data = data, .len = len});
    sqlite3_free(data);
    store->stats.prepares++;
    return settle(store, op, rc);
}

/* ---- decisions ---- */

/* Only a constraint that was not there at PREPARE can do that. Which one it is must be kept now: the next statement
 * that is reset makes SQLite forget it. */
static int tell_constraint(struct store *store, int rc)
{
    if ((rc & 0xff) == SQLITE_CONSTRAINT)
        (void)snprintf(store->trouble, sizeof(store->trouble),
                       "a COMMIT meets what was not there at PREPARE (%.60s): take that away, and start again",
                       sqlite3_errmsg(store->db));
    return rc;
}

/*
 * The branch's locks go first: within this transaction nobody else can see that, and the guards then let the applier
 * pass and stop it only at a row that another branch holds, which cannot be.
 */
int branch_commit(struct store *store, struct vow_store_op *op)
{
    enum branch_state state;
    struct changeset changeset;
    int rc = find(store, op, &state, &changeset);
    if (rc == SQLITE_OK && state == BRANCH_PREPARED) {
        rc = delete_locks(store, op);
        if (rc == SQLITE_OK)
            rc = tell_constraint(store, apply_changeset(store, &changeset));
        VOW_CRASH("store", "mid", "COMMIT");
        sqlite3_reset(store_statement(store, STMT_FIND_BRANCH));
        if (rc == SQLITE_OK)
            rc = outbox_commit(store, op);
        if (rc == SQLITE_OK)
            rc = bury(store, op);
        store->stats.applies++;
    }
    sqlite3_reset(store_statement(store, STMT_FIND_BRANCH));
    op->result = state == BRANCH_PREPARED || state == BRANCH_COMMITTED ? VOW_STORE_DONE : VOW_STORE_NO_RECORD;
    return rc;
}

int branch_abort(struct store *store, struct vow_store_op *op)
{
    int rc = work_unlock(store, op);
    if (rc == SQLITE_OK)
        rc = delete_branch(store, op, "prepared");
    if (rc == SQLITE_OK && sqlite3_changes(store->db) > 0) {
        rc = delete_locks(store, op);
        if (rc == SQLITE_OK)
            rc = outbox_drop(store, op);
    }
    op->result = VOW_STORE_DONE;
    return rc;
}

/* ---- one-phase ---- */

/* A row that it holds may be about to change: somebody's prepared work has it alone. The locks are taken to find that
 * out, and are not needed longer: nothing comes between this work and its commit. */
static int meet_holders(struct store *store, struct vow_store_op *op)
{
    if (store->holds == NULL)
        return SQLITE_OK;
    meet_clear(store);
    int rc = hold_lock(store, op);
    if (rc == SQLITE_CONSTRAINT) {
        wait_or_die(store, op);
        return SQLITE_OK;
    }
    return rc == SQLITE_OK ? delete_locks(store, op) : rc;
}

int branch_run_at_once(struct store *store, struct vow_store_op *op, int64_t *changes)
{
    int64_t before = sqlite3_total_changes(store->db);
    hold_clear(store);
    publish_clear(store);
    if (!run_calls(store, op))
        return SQLITE_OK;
    *changes = sqlite3_total_changes(store->db) - before;
    return meet_holders(store, op);
}

/* The work and the memo of its outcome in one transaction: the memo is all that tells a lost answer from a lost
 * request. */
static int commit_at_once(struct store *store, struct vow_store_op *op)
{
    int64_t changes = 0;
    int rc = branch_run_at_once(store, op, &changes);
    if (rc != SQLITE_OK || op->result == VOW_STORE_REFUSED || op->waits)
        return rc;
    if (changes == 0 && store->events == NULL) {
        op->result = VOW_STORE_READ_ONLY;
        return SQLITE_OK;
    }
    store->batch_pages += space_of_changes(changes);
    rc = insert_branch(store, op, "memo", &(struct changeset){.data = NULL});
    if (rc == SQLITE_OK)
        rc = outbox_put(store);
    if (rc == SQLITE_OK)
        op->result = VOW_STORE_DONE;
    return rc;
}

int branch_one_phase(struct store *store, struct vow_store_op *op)
{
    enum branch_state state;
    int rc = find(store, op, &state, NULL);
    if (rc != SQLITE_OK)
        return rc;
    if (state == BRANCH_MEMO || state == BRANCH_COMMITTED) {
        op->result = VOW_STORE_DONE;
        return SQLITE_OK;
    }
    if (state != BRANCH_NONE)
        return refuse(op, VOW_CAUSE_TOO_LATE, "the transaction is known as one of two phases");
    rc = store_run(store, STMT_SAVEPOINT);
    if (rc != SQLITE_OK)
        return rc;
    return settle(store, op, commit_at_once(store, op));
}

int branch_drop_tombstone(struct store *store, const struct vow_store_op *op)
{
    return delete_branch(store, op, "committed");
}

int branch_memo(struct store *store, struct vow_store_op *op)
{
    enum branch_state state;
    int rc = find(store, op, &state, NULL);
    op->result = state == BRANCH_MEMO || state == BRANCH_COMMITTED ? VOW_STORE_DONE : VOW_STORE_NO_RECORD;
    return rc;
}

/* Of whichever branch of the transaction is here: who asks knows its own number alone. */
int branch_recall(struct store *store, struct vow_store_op *op)
{
    sqlite3_stmt *statement = store_statement(store, STMT_FIND_TOMBSTONE);
    sqlite3_bind_blob(statement, 1, op->gtrid.bytes, VOW_GTRID_BYTES, SQLITE_STATIC);
    op->result = sqlite3_step(statement) == SQLITE_ROW ? VOW_STORE_DONE : VOW_STORE_NO_RECORD;
    return sqlite3_reset(statement);
}

/* A memo becomes a tombstone: until the watermark passes it, a late duplicate of the work must find it done. */
int branch_forget(struct store *store, struct vow_store_op *op)
{
    sqlite3_stmt *statement = store_statement(store, STMT_BURY_MEMO);
    bind_branch(statement, op);
    op->result = VOW_STORE_DONE;
    const int rc = statement_run(statement);
    return rc == SQLITE_OK ? branch_forget_heuristic(store, op) : rc;
}

/* ---- the watermark ---- */

static int set_meta(struct store *store, const char *key, uint64_t value)
{
    sqlite3_stmt *statement = store_statement(store, STMT_SET_META);
    sqlite3_bind_text(statement, 1, key, -1, SQLITE_STATIC);
    sqlite3_bind_int64(statement, 2, (sqlite3_int64)value);
    return statement_run(statement);
}

/* Ids sort by (coordinator, epoch, sequence), so "below the watermark" is a range of the primary key (protocol 2.8). */
static int delete_below(struct store *store, const struct vow_store_op *op)
{
    if (op->coord > VOW_COORD_MAX || op->watermark.seq > VOW_SEQ_MAX)
        return SQLITE_OK; /* nobody's watermark: it came over the network */
    struct vow_gtrid low = vow_gtrid_make(op->coord, 0, 0, 0, 0);
    struct vow_gtrid high = vow_gtrid_make(op->coord, op->watermark.epoch, op->watermark.seq, 0, 0);
    sqlite3_stmt *statement = store_statement(store, STMT_DELETE_BELOW);
    sqlite3_bind_blob(statement, 1, low.bytes, VOW_GTRID_BYTES, SQLITE_STATIC);
    sqlite3_bind_blob(statement, 2, high.bytes, VOW_GTRID_BYTES, SQLITE_STATIC);
    return statement_run(statement);
}

int branch_watermark(struct store *store, struct vow_store_op *op)
{
    int rc = set_meta(store, "coord", op->coord);
    if (rc == SQLITE_OK)
        rc = set_meta(store, "epoch", op->epoch);
    if (rc == SQLITE_OK)
        rc = set_meta(store, "watermark_epoch", op->watermark.epoch);
    if (rc == SQLITE_OK)
        rc = set_meta(store, "watermark_seq", op->watermark.seq);
    if (rc == SQLITE_OK)
        rc = delete_below(store, op);
    op->result = VOW_STORE_DONE;
    return rc;
}
