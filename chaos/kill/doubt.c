#include "chaos/kill/doubt.h"

#include <sqlite3.h>
#include <stdio.h>

int real_doubt_count(const char *path, struct real_doubt *doubt, char why[160])
{
    static const char sql[] = "SELECT (SELECT count(*) FROM vow_branch WHERE changeset IS NOT NULL),"
                              " (SELECT count(*) FROM vow_lock)";
    sqlite3_stmt *statement = NULL;
    sqlite3 *db = NULL;
    int result = -1;

    if (sqlite3_open_v2(path, &db, SQLITE_OPEN_READONLY, NULL) == SQLITE_OK &&
        sqlite3_busy_timeout(db, 100) == SQLITE_OK && sqlite3_prepare_v2(db, sql, -1, &statement, NULL) == SQLITE_OK &&
        sqlite3_step(statement) == SQLITE_ROW) {
        doubt->branches += sqlite3_column_int64(statement, 0);
        doubt->locks += sqlite3_column_int64(statement, 1);
        result = 0;
    } else {
        (void)snprintf(why, 160, "%s: %s", path, db != NULL ? sqlite3_errmsg(db) : "out of memory");
    }
    (void)sqlite3_finalize(statement);
    (void)sqlite3_close(db);
    return result;
}
