/* Heuristics in the file beside a resource (protocol 2.7): few, so their statements are compiled for each. */
#include <sqlite3.h>

#include "participant/store/heuristic_row.h"
#include "participant/store/state_file.h"

static int compile(struct state_file *file, const char *sql, const struct vow_gtrid *gtrid, uint32_t branch,
                   sqlite3_stmt **statement)
{
    const int rc = sqlite3_prepare_v2(state_file_db(file), sql, -1, statement, NULL);
    if (rc != SQLITE_OK)
        return rc;
    sqlite3_bind_blob(*statement, 1, gtrid->bytes, VOW_GTRID_BYTES, SQLITE_STATIC);
    sqlite3_bind_int64(*statement, 2, branch);
    return SQLITE_OK;
}

static int finish(struct state_file *file, sqlite3_stmt *statement, int rc, struct vow_error_detail *detail)
{
    if (rc == SQLITE_OK)
        (void)sqlite3_step(statement);
    const int final = sqlite3_finalize(statement);
    if (rc == SQLITE_OK)
        rc = final;
    return rc == SQLITE_OK ? 0 : state_file_give_up(file, rc, "a heuristic cannot be written down", detail);
}

int state_heuristic_add(struct state_file *file, const struct vow_branches_recovered *heuristic,
                        struct vow_error_detail *detail)
{
    sqlite3_stmt *statement = NULL;
    const int rc = compile(file, "INSERT OR IGNORE INTO vow_heuristic VALUES (?1, ?2, ?3, ?4, 0, ?5, ?6, ?7)",
                           &heuristic->gtrid, heuristic->branch, &statement);
    if (rc == SQLITE_OK) {
        sqlite3_bind_int64(statement, 3, heuristic->epoch);
        sqlite3_bind_int64(statement, 4, heuristic->heuristic);
        sqlite3_bind_text(statement, 5, heuristic->who, -1, SQLITE_STATIC);
        sqlite3_bind_text(statement, 6, heuristic->why, -1, SQLITE_STATIC);
        sqlite3_bind_int64(statement, 7, (sqlite3_int64)heuristic->wall_us);
    }
    return finish(file, statement, rc, detail);
}

int state_heuristic_remove(struct state_file *file, const struct vow_gtrid *gtrid, uint32_t branch,
                           struct vow_error_detail *detail)
{
    sqlite3_stmt *statement = NULL;
    const int rc =
        compile(file, "DELETE FROM vow_heuristic WHERE gtrid = ?1 AND branch = ?2", gtrid, branch, &statement);
    return finish(file, statement, rc, detail);
}

static int get(struct state_file *file, const char *sql, const struct vow_gtrid *gtrid, uint32_t branch,
               enum vow_verdict *verdict, struct vow_error_detail *detail)
{
    sqlite3_stmt *statement = NULL;
    int rc = compile(file, sql, gtrid, branch, &statement);
    *verdict = 0;
    if (rc == SQLITE_OK && sqlite3_step(statement) == SQLITE_ROW)
        *verdict = (enum vow_verdict)sqlite3_column_int(statement, 0);
    const int final = sqlite3_finalize(statement);
    if (rc == SQLITE_OK)
        rc = final;
    return rc == SQLITE_OK ? 0 : state_file_give_up(file, rc, "a heuristic cannot be looked up", detail);
}

int state_heuristic_get(struct state_file *file, const struct vow_gtrid *gtrid, uint32_t branch,
                        enum vow_verdict *verdict, struct vow_error_detail *detail)
{
    return get(file, "SELECT verdict FROM vow_heuristic WHERE gtrid = ?1 AND branch = ?2", gtrid, branch, verdict,
               detail);
}

int state_heuristic_decided(struct state_file *file, const struct vow_gtrid *gtrid, uint32_t branch,
                            enum vow_verdict *decided, struct vow_error_detail *detail)
{
    return get(file, "SELECT decided FROM vow_heuristic WHERE gtrid = ?1 AND branch = ?2", gtrid, branch, decided,
               detail);
}

int state_heuristic_settle(struct state_file *file, const struct vow_gtrid *gtrid, uint32_t branch,
                           enum vow_verdict decided, struct vow_error_detail *detail)
{
    enum vow_verdict verdict;
    sqlite3_stmt *statement = NULL;
    const int error = state_heuristic_get(file, gtrid, branch, &verdict, detail);
    if (error != 0)
        return error;
    if (verdict == decided)
        return state_heuristic_remove(file, gtrid, branch, detail);
    const int rc = compile(file, "UPDATE vow_heuristic SET decided = ?3 WHERE gtrid = ?1 AND branch = ?2", gtrid,
                           branch, &statement);
    if (rc == SQLITE_OK)
        sqlite3_bind_int64(statement, 3, decided);
    return finish(file, statement, rc, detail);
}

int state_heuristic_each(struct state_file *file, vow_store_recovered_fn *each, void *ctx,
                         struct vow_error_detail *detail)
{
    sqlite3_stmt *row = NULL;
    int error = 0;
    int rc = sqlite3_prepare_v2(state_file_db(file), HEURISTIC_ROWS_SQL, -1, &row, NULL);
    while (error == 0 && rc == SQLITE_OK && sqlite3_step(row) == SQLITE_ROW) {
        struct vow_branches_recovered recovered = {.branch = 0};
        if (heuristic_row_read(row, &recovered))
            error = each(ctx, &recovered);
        else
            error = state_file_damaged(file, "table vow_heuristic is not what it must be: restore the file", detail);
    }
    const int final = sqlite3_finalize(row);
    if (error == 0 && (rc != SQLITE_OK || final != SQLITE_OK))
        error = state_file_give_up(file, rc != SQLITE_OK ? rc : final, "the heuristics cannot be read", detail);
    return error;
}
