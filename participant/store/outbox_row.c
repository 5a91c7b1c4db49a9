#include "participant/store/outbox_row.h"

#include "participant/store/sqlite.h"
#include "proto/net/clock.h"

static int next_seq(sqlite3_stmt *next, const char *key, int64_t *seq)
{
    sqlite3_bind_text(next, 1, key, -1, SQLITE_STATIC);
    *seq = 0;
    if (sqlite3_step(next) == SQLITE_ROW) {
        *seq = sqlite3_column_int64(next, 0);
        (void)sqlite3_step(next);
    }
    const int rc = sqlite3_reset(next);
    sqlite3_clear_bindings(next);
    return rc == SQLITE_OK && *seq <= 0 ? SQLITE_CORRUPT : rc;
}

int outbox_row_put(const struct outbox_statements *statements, const struct vow_store_event *event)
{
    sqlite3_stmt *insert = statements->insert;
    int64_t seq;
    int rc = next_seq(statements->next, event->key, &seq);
    if (rc != SQLITE_OK)
        return rc;
    sqlite3_bind_text(insert, 1, event->key, -1, SQLITE_STATIC);
    sqlite3_bind_int64(insert, 2, seq);
    sqlite3_bind_text(insert, 3, event->topic, -1, SQLITE_STATIC);
    sqlite3_bind_int64(insert, 4, event->version);
    sqlite3_bind_int64(insert, 5, event->hops);
    sqlite3_bind_blob(insert, 6, event->gtrid.bytes, VOW_GTRID_BYTES, SQLITE_STATIC);
    sqlite3_bind_int64(insert, 7, (sqlite3_int64)vow_clock_wall_us());
    sqlite3_bind_text(insert, 8, event->headers, -1, SQLITE_STATIC);
    /* No bytes are an empty blob, which a NULL is not. */
    sqlite3_bind_blob(insert, 9, event->payload.len > 0 ? (const void *)event->payload.data : "",
                      (int)event->payload.len, SQLITE_STATIC);
    sqlite3_bind_int64(insert, 10, (sqlite3_int64)event->deadline_us);
    rc = sqlite3_step(insert);
    const int reset = sqlite3_reset(insert);
    sqlite3_clear_bindings(insert);
    return rc == SQLITE_DONE ? SQLITE_OK : reset;
}

/* ---- on a connection of the service's ---- */

static int prepare(sqlite3 *db, const char *sql, sqlite3_stmt **statement)
{
    return sqlite3_prepare_v2(db, sql, -1, statement, NULL);
}

/* 1 = there is room, 0 = there is none. */
static int check_room(sqlite3 *db, bool *has)
{
    sqlite3_stmt *statement;
    int rc = prepare(db,
                     "SELECT 1 FROM vow_meta AS len, vow_meta AS max WHERE len.key = 'outbox_len' AND max.key = "
                     "'outbox_max' AND len.value < max.value",
                     &statement);
    if (rc != SQLITE_OK)
        return rc;
    *has = sqlite3_step(statement) == SQLITE_ROW;
    return sqlite3_finalize(statement);
}

static int put(sqlite3 *db, const struct vow_store_event *event)
{
    struct outbox_statements statements = {NULL, NULL};
    sqlite3_stmt *count = NULL;
    int rc = prepare(db, OUTBOX_NEXT_SQL, &statements.next);
    if (rc == SQLITE_OK)
        rc = prepare(db, OUTBOX_INSERT_SQL, &statements.insert);
    if (rc == SQLITE_OK)
        rc = prepare(db, OUTBOX_COUNT_SQL, &count);
    if (rc == SQLITE_OK)
        rc = outbox_row_put(&statements, event);
    if (rc == SQLITE_OK) {
        sqlite3_bind_int64(count, 1, 1);
        rc = sqlite3_step(count) == SQLITE_DONE ? SQLITE_OK : sqlite3_errcode(db);
    }
    sqlite3_finalize(statements.next);
    sqlite3_finalize(statements.insert);
    sqlite3_finalize(count);
    return rc;
}

static int error_of(int rc)
{
    switch (rc & 0xff) {
    case SQLITE_OK:
        return 0;
    case SQLITE_AUTH: /* a handler runs on this connection */
        return VOW_E_STATE;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return VOW_E_BUSY;
    case SQLITE_NOMEM:
        return VOW_E_NO_MEMORY;
    default:
        return VOW_E_DATABASE;
    }
}

/* Has it the tables? Without them it is no participant's file, or one that an older version has made. */
static int is_participants(sqlite3 *db, bool *is)
{
    sqlite3_stmt *statement;
    int rc =
        prepare(db, "SELECT 1 FROM main.sqlite_schema WHERE type = 'table' AND name = 'vow_outbox_key'", &statement);
    if (rc != SQLITE_OK)
        return rc;
    *is = sqlite3_step(statement) == SQLITE_ROW;
    return sqlite3_finalize(statement);
}

int vow_store_sqlite_publish_on(sqlite3 *db, const struct vow_store_event *event)
{
    bool is = false, has_room = false;
    if (sqlite3_get_autocommit(db) != 0)
        return VOW_E_STATE;
    int rc = is_participants(db, &is);
    if (rc == SQLITE_OK && !is)
        return VOW_E_STATE;
    if (rc == SQLITE_OK)
        rc = check_room(db, &has_room);
    if (rc == SQLITE_OK && !has_room)
        return VOW_E_BUSY;
    if (rc == SQLITE_OK)
        rc = sqlite3_exec(db, "SAVEPOINT vow_publish", NULL, NULL, NULL);
    if (rc != SQLITE_OK)
        return error_of(rc);
    rc = put(db, event);
    if (rc != SQLITE_OK) /* an error may have ended the whole transaction: then there is no savepoint any more */
        (void)sqlite3_exec(db, "ROLLBACK TO vow_publish", NULL, NULL, NULL);
    (void)sqlite3_exec(db, "RELEASE vow_publish", NULL, NULL, NULL);
    return error_of(rc);
}
