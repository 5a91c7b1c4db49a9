/*
 * Branches that an operator, or T_heur, ends without a decision (protocol 2.7). Who did it, and why, goes into
 * vow_heuristic in the transaction that applies or drops the branch and frees its locks: all of it is durable, or
 * nothing has happened. The row stays until the decision turns out to be the same, or until FORGET.
 */
#include <stdio.h>
#include <string.h>

#include "participant/store/heuristic_row.h"
#include "participant/store/sqlite_store.h"
#include "proto/net/clock.h"
#include "proto/net/crash.h"

static sqlite3_stmt *of_branch(struct store *store, enum statement which, const struct vow_store_op *op)
{
    sqlite3_stmt *statement = store_statement(store, which);
    sqlite3_bind_blob(statement, 1, op->gtrid.bytes, VOW_GTRID_BYTES, SQLITE_STATIC);
    sqlite3_bind_int64(statement, 2, op->branch);
    return statement;
}

static int insert(struct store *store, struct vow_store_op *op)
{
    const enum vow_verdict verdict = op->kind == VOW_STORE_HEURISTIC_COMMIT ? VOW_COMMIT : VOW_ABORT;
    sqlite3_stmt *statement = of_branch(store, STMT_INSERT_HEURISTIC, op);
    op->wall_us = vow_clock_wall_us();
    sqlite3_bind_int64(statement, 3, op->epoch);
    sqlite3_bind_int64(statement, 4, verdict);
    sqlite3_bind_text(statement, 5, op->who, -1, SQLITE_STATIC);
    sqlite3_bind_text(statement, 6, op->why, -1, SQLITE_STATIC);
    sqlite3_bind_int64(statement, 7, (sqlite3_int64)op->wall_us);
    const int rc = statement_run(statement);
    sqlite3_clear_bindings(statement);
    return rc;
}

/* What a decision would do. The tombstone of a COMMIT is right: it is committed here, whatever was decided. */
static int end_branch(struct store *store, struct vow_store_op *op)
{
    if (op->kind == VOW_STORE_HEURISTIC_COMMIT)
        return branch_commit(store, op);
    return branch_abort(store, op);
}

static int is_prepared(struct store *store, const struct vow_store_op *op, bool *is)
{
    sqlite3_stmt *statement = of_branch(store, STMT_SINCE, op);
    *is = false;
    if (sqlite3_step(statement) == SQLITE_ROW) {
        const char *state = (const char *)sqlite3_column_text(statement, 0);
        *is = state != NULL && strcmp(state, "prepared") == 0;
    }
    return sqlite3_reset(statement);
}

/* A decision must get through, or the process stops; a heuristic is only a wish, and may be refused. */
static int refuse(struct store *store, struct vow_store_op *op)
{
    op->result = VOW_STORE_REFUSED;
    op->cause = VOW_CAUSE_PARTICIPANT_FAILED;
    vow_text_copy(op->text, store->trouble[0] != '\0' ? store->trouble : sqlite3_errmsg(store->db));
    store->trouble[0] = '\0';
    int rc = store_run(store, STMT_ROLLBACK_TO);
    return rc == SQLITE_OK ? store_run(store, STMT_RELEASE) : rc;
}

int branch_heuristic(struct store *store, struct vow_store_op *op)
{
    bool prepared;
    int rc = is_prepared(store, op, &prepared);
    if (rc != SQLITE_OK)
        return rc;
    op->result = VOW_STORE_NO_RECORD;
    if (!prepared)
        return SQLITE_OK;
    rc = store_run(store, STMT_SAVEPOINT);
    if (rc != SQLITE_OK)
        return rc;
    rc = insert(store, op);
    VOW_CRASH("store", "mid", "HEURISTIC");
    if (rc == SQLITE_OK)
        rc = end_branch(store, op);
    if (rc != SQLITE_OK)
        return branch_is_batch_error(store, rc) ? rc : refuse(store, op);
    op->result = VOW_STORE_DONE;
    return store_run(store, STMT_RELEASE);
}

/* 0 = there is no row. */
static int read_verdict(struct store *store, const struct vow_store_op *op, enum vow_verdict *verdict)
{
    sqlite3_stmt *statement = of_branch(store, STMT_FIND_HEURISTIC, op);
    *verdict = 0;
    if (sqlite3_step(statement) == SQLITE_ROW)
        *verdict = (enum vow_verdict)sqlite3_column_int(statement, 0);
    return sqlite3_reset(statement);
}

int branch_settle(struct store *store, struct vow_store_op *op)
{
    enum vow_verdict verdict;
    int rc = read_verdict(store, op, &verdict);
    op->result = verdict != 0 ? VOW_STORE_DONE : VOW_STORE_NO_RECORD;
    if (rc != SQLITE_OK || verdict == 0)
        return rc;
    if (verdict == op->verdict)
        return branch_forget_heuristic(store, op);
    sqlite3_stmt *statement = of_branch(store, STMT_SETTLE_HEURISTIC, op);
    sqlite3_bind_int64(statement, 3, op->verdict);
    rc = statement_run(statement);
    /* A tombstone tells peers that the transaction is committed. It is not; this branch is. */
    return rc == SQLITE_OK && op->verdict == VOW_ABORT ? branch_drop_tombstone(store, op) : rc;
}

int branch_forget_heuristic(struct store *store, const struct vow_store_op *op)
{
    return statement_run(of_branch(store, STMT_DELETE_HEURISTIC, op));
}

/* ---- recovery ---- */

static int damaged(const struct store *store, struct vow_error_detail *detail)
{
    detail->error = VOW_E_DAMAGED;
    (void)snprintf(detail->text, sizeof(detail->text),
                   "%s: table vow_heuristic is not what it must be: restore the file", store->path);
    return detail->error;
}

int heuristic_recover(struct store *store, vow_store_recovered_fn *each, void *ctx, struct vow_error_detail *detail)
{
    sqlite3_stmt *row;
    int error = 0;
    if (sqlite3_prepare_v2(store->db, HEURISTIC_ROWS_SQL, -1, &row, NULL) != SQLITE_OK)
        return store_fail(store, VOW_E_DATABASE, "the heuristics cannot be read", detail);
    int rc = SQLITE_ROW;
    while (error == 0 && (rc = sqlite3_step(row)) == SQLITE_ROW) {
        struct vow_branches_recovered recovered = {.branch = 0};
        error = heuristic_row_read(row, &recovered) ? each(ctx, &recovered) : damaged(store, detail);
    }
    if (error == 0 && rc != SQLITE_DONE)
        error = store_fail(store, VOW_E_DATABASE, "the heuristics cannot be read", detail);
    sqlite3_finalize(row);
    return error;
}
