/* Whom the prepared branches of a resource can ask (protocol 2.6), in the file beside it. Nothing depends on a row: who
 * loses one asks the coordinator alone. So they are written with whatever comes next, and never forced. */
#include <sqlite3.h>
#include <string.h>

#include "participant/store/state_file.h"

static int run(struct state_file *file, const char *sql, const struct vow_gtrid *gtrid, uint32_t branch,
               const char *peers, struct vow_error_detail *detail)
{
    sqlite3_stmt *statement = NULL;
    int rc = sqlite3_prepare_v2(state_file_db(file), sql, -1, &statement, NULL);
    if (rc == SQLITE_OK) {
        sqlite3_bind_blob(statement, 1, gtrid->bytes, VOW_GTRID_BYTES, SQLITE_STATIC);
        sqlite3_bind_int64(statement, 2, branch);
        if (peers != NULL)
            sqlite3_bind_text(statement, 3, peers, -1, SQLITE_STATIC);
        (void)sqlite3_step(statement);
    }
    const int final = sqlite3_finalize(statement);
    if (rc == SQLITE_OK)
        rc = final;
    return rc == SQLITE_OK ? 0 : state_file_give_up(file, rc, "peers cannot be written down", detail);
}

int state_peers_set(struct state_file *file, const struct vow_gtrid *gtrid, uint32_t branch, const char *peers,
                    struct vow_error_detail *detail)
{
    if (peers == NULL)
        return run(file, "DELETE FROM vow_peers WHERE gtrid = ?1 AND branch = ?2", gtrid, branch, NULL, detail);
    return run(file, "INSERT OR REPLACE INTO vow_peers VALUES (?1, ?2, ?3)", gtrid, branch, peers, detail);
}

char *state_peers_get(struct state_file *file, const struct vow_gtrid *gtrid, uint32_t branch)
{
    static const char sql[] = "SELECT peers FROM vow_peers WHERE gtrid = ?1 AND branch = ?2";
    sqlite3_stmt *statement = NULL;
    char *peers = NULL;
    if (sqlite3_prepare_v2(state_file_db(file), sql, -1, &statement, NULL) != SQLITE_OK)
        return NULL;
    sqlite3_bind_blob(statement, 1, gtrid->bytes, VOW_GTRID_BYTES, SQLITE_STATIC);
    sqlite3_bind_int64(statement, 2, branch);
    if (sqlite3_step(statement) == SQLITE_ROW && sqlite3_column_text(statement, 0) != NULL)
        peers = strdup((const char *)sqlite3_column_text(statement, 0));
    (void)sqlite3_finalize(statement);
    return peers;
}
