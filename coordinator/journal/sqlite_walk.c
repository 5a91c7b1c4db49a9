/* The hash chain of the rows, followed from any point that is known. */
#include <string.h>

#include "coordinator/journal/fail.h"
#include "coordinator/journal/sqlite_engine.h"

int journal_sqlite_damaged(const struct sqlite_engine *engine, uint64_t lsn, const char *found,
                           struct vow_error_detail *detail)
{
    return journal_fail(detail, VOW_E_DAMAGED,
                        "%.80s/" JOURNAL_DB_FILE ": lsn %llu: %s; restore " JOURNAL_DB_FILE
                        ", its -wal and the witness together; nothing may be presumed",
                        engine->directory, (unsigned long long)lsn, found);
}

/* Takes one row as the event after *at. */
static int take_row(struct sqlite_engine *engine, sqlite3_stmt *stmt, struct journal_head *at, struct journal_row *row,
                    struct vow_error_detail *detail)
{
    struct journal_hash stored, computed;
    uint64_t expected = at->lsn + 1;

    if (!journal_sqlite_row(stmt, row, &stored))
        return journal_sqlite_damaged(engine, expected, "a column is not readable", detail);
    if (row->lsn != expected)
        return journal_sqlite_damaged(engine, expected, "this event is missing, a later one is there", detail);
    if (journal_chain_next(&engine->chain, &at->hash, row, &computed) != 0)
        return journal_fail(detail, VOW_E_NO_MEMORY, "no memory for SHA-256");
    if (!journal_hash_equal(&stored, &computed))
        return journal_sqlite_damaged(engine, row->lsn, "the event does not fit its hash", detail);
    *at = (struct journal_head){.lsn = row->lsn, .hash = stored};
    return 0;
}

/* A statement that fails on the way has met damage, unless it is the disk, the memory or another process. */
static int failed_read(const struct sqlite_engine *engine, struct vow_error_detail *detail)
{
    int error = journal_sqlite_fail(engine, "reading", detail);

    if (error == VOW_E_DATABASE)
        error = detail->error = VOW_E_DAMAGED;
    return error;
}

int journal_sqlite_walk(struct sqlite_engine *engine, struct journal_head *at, uint64_t to, uint64_t rows,
                        journal_walk_fn *each, void *ctx, struct vow_error_detail *detail)
{
    sqlite3_stmt *stmt = journal_sqlite_statement(engine, JOURNAL_STMT_WALK);
    uint64_t left = rows;
    int error = 0, rc = SQLITE_ROW;

    if (stmt == NULL)
        return failed_read(engine, detail);
    (void)sqlite3_bind_int64(stmt, 1, (sqlite3_int64)at->lsn);
    while (error == 0 && left > 0 && (to == 0 || at->lsn < to) && (rc = sqlite3_step(stmt)) == SQLITE_ROW) {
        struct journal_row row;

        error = take_row(engine, stmt, at, &row, detail);
        if (error == 0 && each != NULL)
            error = each(ctx, &row, &at->hash, detail);
        left--;
    }
    if (error == 0 && rc != SQLITE_ROW && rc != SQLITE_DONE)
        error = failed_read(engine, detail);
    if (error == 0 && rc == SQLITE_DONE && to != 0)
        error = journal_sqlite_damaged(engine, at->lsn + 1, "this event is missing", detail);
    (void)sqlite3_reset(stmt);
    return error;
}

int journal_sqlite_probe(struct sqlite_engine *engine, const struct journal_row *row, struct vow_error_detail *detail)
{
    sqlite3_stmt *stmt = journal_sqlite_statement(engine, JOURNAL_STMT_INDEXED);
    int error = 0, rc;

    if (stmt == NULL)
        return failed_read(engine, detail);
    (void)sqlite3_bind_blob(stmt, 1, row->gtrid.bytes, VOW_GTRID_BYTES, SQLITE_STATIC);
    (void)sqlite3_bind_int64(stmt, 2, (sqlite3_int64)row->kind);
    (void)sqlite3_bind_int64(stmt, 3, (sqlite3_int64)row->lsn);
    rc = sqlite3_step(stmt);
    if (rc == SQLITE_DONE)
        error = journal_sqlite_damaged(engine, row->lsn, "the index does not have this event", detail);
    else if (rc != SQLITE_ROW)
        error = failed_read(engine, detail);
    (void)sqlite3_reset(stmt);
    (void)sqlite3_clear_bindings(stmt);
    return error;
}

int journal_sqlite_digest(struct sqlite_engine *engine, const struct journal_row *row, const struct journal_hash *hash,
                          struct journal_hash *digest)
{
    return journal_chain_next(&engine->chain, hash, row, digest);
}

int journal_sqlite_sum(struct sqlite_engine *engine, sqlite3_stmt *stmt, struct journal_rows *rows,
                       struct vow_error_detail *detail)
{
    int error = 0, rc;

    while (error == 0 && (rc = sqlite3_step(stmt)) != SQLITE_DONE) {
        struct journal_row row;
        struct journal_hash hash, digest;

        if (rc != SQLITE_ROW)
            error = failed_read(engine, detail);
        else if (!journal_sqlite_row(stmt, &row, &hash))
            error = journal_sqlite_damaged(engine, (uint64_t)sqlite3_column_int64(stmt, 0), "a column is not readable",
                                           detail);
        else if (journal_sqlite_digest(engine, &row, &hash, &digest) != 0)
            error = journal_fail(detail, VOW_E_NO_MEMORY, "no memory for SHA-256");
        else
            journal_rows_add(rows, &digest);
    }
    (void)sqlite3_reset(stmt);
    return error;
}

int journal_sqlite_hash(struct sqlite_engine *engine, uint64_t lsn, struct journal_hash *hash,
                        struct vow_error_detail *detail)
{
    sqlite3_stmt *stmt = journal_sqlite_statement(engine, JOURNAL_STMT_HASH);
    int error = 0, rc;

    if (stmt == NULL)
        return failed_read(engine, detail);
    (void)sqlite3_bind_int64(stmt, 1, (sqlite3_int64)lsn);
    rc = sqlite3_step(stmt);
    if (rc == SQLITE_ROW && sqlite3_column_bytes(stmt, 0) == JOURNAL_HASH_BYTES)
        memcpy(hash->bytes, sqlite3_column_blob(stmt, 0), JOURNAL_HASH_BYTES);
    else if (rc != SQLITE_ROW && rc != SQLITE_DONE)
        error = failed_read(engine, detail);
    else
        error = journal_sqlite_damaged(engine, lsn, "this event is missing", detail);
    (void)sqlite3_reset(stmt);
    return error;
}

/* A row at or below the cut has lost its neighbour; the start has proved it as a member of its set. */
int journal_sqlite_check_row(struct sqlite_engine *engine, const struct journal_row *row,
                             const struct journal_hash *hash, struct vow_error_detail *detail)
{
    struct journal_hash before = engine->snapshot.cut.hash, computed;
    int error = 0;

    if (row->lsn <= engine->snapshot.cut.lsn)
        return 0;
    if (row->lsn > engine->snapshot.cut.lsn + 1)
        error = journal_sqlite_hash(engine, row->lsn - 1, &before, detail);
    if (error == 0 && journal_chain_next(&engine->chain, &before, row, &computed) != 0)
        error = journal_fail(detail, VOW_E_NO_MEMORY, "no memory for SHA-256");
    if (error == 0 && !journal_hash_equal(&computed, hash))
        error = journal_sqlite_damaged(engine, row->lsn, "the event does not fit its hash", detail);
    return error;
}
