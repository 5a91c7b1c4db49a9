/*
 * The lives of participants' data files, beside the chain of events: they say nothing of a transaction, and one that
 * is lost, or too old to be kept, only lets an older copy of its file in unnoticed (fault F045), and another file in
 * its place (F044). A row that contradicts itself is damage all the same, for it could keep a good file out.
 */
#include <string.h>

#include "coordinator/journal/fail.h"
#include "coordinator/journal/sqlite_engine.h"

static sqlite3_int64 turned(const struct vow_journal_life *life)
{
    const uint64_t turned_over = ~(life->incarnation ^ life->since.epoch ^ life->since.seq);

    return (sqlite3_int64)turned_over;
}

int journal_sqlite_write_life(struct sqlite_engine *engine, const struct vow_journal_life *life,
                              struct vow_error_detail *detail)
{
    sqlite3_stmt *write = journal_sqlite_statement(engine, JOURNAL_STMT_LIFE_WRITE);
    int error;

    (void)sqlite3_bind_blob(write, 1, life->db_uuid, VOW_DB_UUID_BYTES, SQLITE_STATIC);
    (void)sqlite3_bind_int64(write, 2, (sqlite3_int64)life->incarnation);
    (void)sqlite3_bind_int64(write, 3, (sqlite3_int64)life->since.epoch);
    (void)sqlite3_bind_int64(write, 4, (sqlite3_int64)life->since.seq);
    (void)sqlite3_bind_int64(write, 5, turned(life));
    (void)sqlite3_bind_text(write, 6, life->name, -1, SQLITE_STATIC);
    error = journal_sqlite_run(engine, JOURNAL_STMT_LIFE_WRITE, "writing a life", detail);
    if (error != 0)
        return error;
    (void)sqlite3_bind_int64(journal_sqlite_statement(engine, JOURNAL_STMT_LIFE_TRIM), 1, VOW_JOURNAL_LIVES_MAX);
    return journal_sqlite_run(engine, JOURNAL_STMT_LIFE_TRIM, "forgetting lives", detail);
}

static bool read_life(sqlite3_stmt *stmt, struct vow_journal_life *life)
{
    const char *name = (const char *)sqlite3_column_text(stmt, 5);

    if (sqlite3_column_bytes(stmt, 0) != VOW_DB_UUID_BYTES || name == NULL || !vow_name_is_valid(name))
        return false;
    memcpy(life->name, name, strlen(name) + 1);
    memcpy(life->db_uuid, sqlite3_column_blob(stmt, 0), VOW_DB_UUID_BYTES);
    life->incarnation = (uint64_t)sqlite3_column_int64(stmt, 1);
    life->since.epoch = (uint32_t)sqlite3_column_int64(stmt, 2);
    life->since.seq = (uint64_t)sqlite3_column_int64(stmt, 3);
    return sqlite3_column_int64(stmt, 4) == turned(life);
}

int journal_sqlite_lives(void *ctx, vow_journal_life_fn *each, void *each_ctx, struct vow_error_detail *detail)
{
    struct sqlite_engine *engine = ctx;
    sqlite3_stmt *stmt = journal_sqlite_statement(engine, JOURNAL_STMT_LIVES);
    struct vow_journal_life life;
    int error = 0, code = SQLITE_ERROR;

    while (error == 0 && stmt != NULL && (code = sqlite3_step(stmt)) == SQLITE_ROW) {
        if (read_life(stmt, &life))
            each(each_ctx, &life);
        else
            error = journal_fail(detail, VOW_E_DAMAGED,
                                 "%.80s/" JOURNAL_DB_FILE
                                 ": a row of table life contradicts itself; restore " JOURNAL_DB_FILE
                                 ", its -wal and the witness together",
                                 engine->directory);
    }
    if (error == 0 && code != SQLITE_DONE)
        error = journal_sqlite_fail(engine, "reading the lives", detail);
    (void)sqlite3_reset(stmt);
    return error;
}
