/* Small helpers over SQLite's C interface. */
#include <stdarg.h>
#include <stdio.h>

#include "participant/store/outbox_row.h"
#include "participant/store/sqlite_store.h"
#include "proto/assert.h"

static const char *const statements[STMT_COUNT] = {
    [STMT_BEGIN] = "BEGIN IMMEDIATE",
    [STMT_COMMIT] = "COMMIT",
    [STMT_ROLLBACK] = "ROLLBACK",
    [STMT_SAVEPOINT] = "SAVEPOINT vow",
    [STMT_RELEASE] = "RELEASE vow",
    [STMT_ROLLBACK_TO] = "ROLLBACK TO vow",
    [STMT_SCHEMA_VERSION] = "PRAGMA schema_version",
    [STMT_FIND_BRANCH] = "SELECT state, changeset, tables FROM vow_branch WHERE gtrid = ?1 AND branch = ?2",
    [STMT_FIND_TOMBSTONE] = "SELECT 1 FROM vow_branch WHERE gtrid = ?1 AND state = 'committed' LIMIT 1",
    [STMT_INSERT_BRANCH] = ("INSERT INTO vow_branch(gtrid, branch, state, epoch, since_us, tables, changeset, peers) "
                            "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)"),
    [STMT_INSERT_LOCK] = ("INSERT OR IGNORE INTO vow_lock (tbl, idx, key, gtrid, branch) "
                          "VALUES (?3, ?4, quote(?1) || ?2, ?1, ?2)"),
    [STMT_BURY_BRANCH] = ("UPDATE vow_branch SET state = 'committed', changeset = NULL, peers = NULL "
                          "WHERE gtrid = ?1 AND branch = ?2"),
    [STMT_BURY_MEMO] = "UPDATE vow_branch SET state = 'committed' WHERE gtrid = ?1 AND branch = ?2 AND state = 'memo'",
    [STMT_DELETE_BRANCH] = "DELETE FROM vow_branch WHERE gtrid = ?1 AND branch = ?2 AND state = ?3",
    [STMT_DELETE_LOCKS] = "DELETE FROM vow_lock WHERE gtrid = ?1 AND branch = ?2",
    [STMT_COUNT_LOCKS] = "SELECT count(*) FROM vow_lock WHERE gtrid = ?1 AND branch = ?2",
    [STMT_SINCE] = "SELECT state, since_us FROM vow_branch WHERE gtrid = ?1 AND branch = ?2",
    [STMT_LIST_LOCKS] = "SELECT tbl, idx, key FROM vow_lock WHERE gtrid = ?1 AND branch = ?2 LIMIT ?3",
    [STMT_COUNT_SOME_LOCKS] = "SELECT count(*) FROM (SELECT 1 FROM vow_lock WHERE gtrid = ?1 AND branch = ?2 LIMIT ?3)",
    [STMT_DELETE_BELOW] = ("DELETE FROM vow_branch WHERE (gtrid, branch) IN (SELECT gtrid, branch FROM vow_branch "
                           "WHERE gtrid >= ?1 AND gtrid < ?2 AND state = 'committed' LIMIT 10000)"),
    [STMT_INSERT_HEURISTIC] = ("INSERT INTO vow_heuristic (gtrid, branch, epoch, verdict, who, why, wall_us) "
                               "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)"),
    [STMT_FIND_HEURISTIC] = "SELECT verdict FROM vow_heuristic WHERE gtrid = ?1 AND branch = ?2",
    [STMT_SETTLE_HEURISTIC] = "UPDATE vow_heuristic SET decided = ?3 WHERE gtrid = ?1 AND branch = ?2",
    [STMT_DELETE_HEURISTIC] = "DELETE FROM vow_heuristic WHERE gtrid = ?1 AND branch = ?2",
    [STMT_FIND_STEP] = ("SELECT status, hash, cause, text, answer FROM vow_step "
                        "WHERE gtrid = ?1 AND step = ?2 AND direction = ?3"),
    [STMT_INSERT_STEP] = ("INSERT INTO vow_step (gtrid, step, direction, status, hash, cause, text, answer, wall_us) "
                          "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)"),
    [STMT_STEP_FLOOR] = "SELECT value FROM vow_meta WHERE key = 'step_floor'",
    [STMT_LIST_OLD_STEPS] = "SELECT gtrid, max(wall_us) FROM vow_step GROUP BY gtrid ORDER BY gtrid LIMIT ?1",
    [STMT_PURGE_STEPS] = "DELETE FROM vow_step WHERE gtrid <= ?1",
    [STMT_OUTBOX_LEN] = OUTBOX_LEN_SQL,
    [STMT_OUTBOX_COUNT] = OUTBOX_COUNT_SQL,
    [STMT_NEXT_KEY_SEQ] = OUTBOX_NEXT_SQL,
    [STMT_INSERT_OUTBOX] = OUTBOX_INSERT_SQL,
    [STMT_FIND_HEAD] = ("SELECT agg_key, agg_seq, topic, version, hops, gtrid, wall_us, headers, payload, deadline_us "
                        "FROM vow_outbox WHERE agg_key > ?1 ORDER BY agg_key, agg_seq LIMIT 1"),
    [STMT_SIZE_OF_OUTBOX] = "SELECT sum(length(payload)) FROM vow_outbox WHERE agg_key = ?1 AND agg_seq = ?2",
    [STMT_ARCHIVE_OUTBOX] =
        ("INSERT INTO vow_outbox_archive (agg_key, agg_seq, topic, version, hops, gtrid, wall_us, "
         "headers, payload, deadline_us) SELECT agg_key, agg_seq, topic, version, hops, gtrid, "
         "wall_us, headers, payload, deadline_us FROM vow_outbox WHERE agg_key = ?1 AND agg_seq = ?2"),
    [STMT_TRIM_ARCHIVE] = ("DELETE FROM vow_outbox_archive WHERE n IN (SELECT n FROM vow_outbox_archive WHERE n <= "
                           "(SELECT max(n) FROM vow_outbox_archive) - ?1 ORDER BY n LIMIT ?2)"),
    [STMT_DELETE_OUTBOX] = "DELETE FROM vow_outbox WHERE agg_key = ?1 AND agg_seq = ?2",
    [STMT_KEEP_EVENT] = ("INSERT INTO vow_branch_event (gtrid, branch, n, agg_key, topic, version, hops, headers, "
                         "payload, deadline_us) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)"),
    [STMT_LIST_EVENTS] = ("SELECT agg_key, topic, version, hops, headers, payload, deadline_us FROM vow_branch_event "
                          "WHERE gtrid = ?1 AND branch = ?2 ORDER BY n"),
    [STMT_DROP_EVENTS] = "DELETE FROM vow_branch_event WHERE gtrid = ?1 AND branch = ?2",
    [STMT_SPACE_OF_EVENTS] = ("SELECT count(*), ifnull(sum(length(payload)), 0) FROM vow_branch_event "
                              "WHERE gtrid = ?1 AND branch = ?2"),
    [STMT_DATA_VERSION] = "PRAGMA data_version",
    [STMT_FIND_INBOX] = "SELECT 1 FROM vow_inbox WHERE grp = ?1 AND source = ?2 AND agg_key = ?3 AND agg_seq = ?4",
    [STMT_INSERT_INBOX] = ("INSERT INTO vow_inbox (grp, source, agg_key, agg_seq, event_offset, wall_us) "
                           "VALUES (?1, ?2, ?3, ?4, ?5, ?6)"),
    [STMT_INBOX_FLOOR] = "SELECT floor FROM vow_inbox_floor WHERE grp = ?1",
    [STMT_INBOX_PLACE] = ("SELECT (SELECT value FROM vow_meta WHERE key = 'inbox_coord'), "
                          "(SELECT value FROM vow_meta WHERE key = 'inbox_base')"),
    [STMT_NEXT_INBOX_GROUP] = "SELECT min(grp) FROM vow_inbox WHERE grp > ?1",
    [STMT_LIST_OLD_INBOX] = ("SELECT event_offset, wall_us FROM vow_inbox WHERE grp = ?1 "
                             "AND event_offset <= ?3 ORDER BY event_offset LIMIT ?2"),
    [STMT_RAISE_INBOX_FLOOR] = ("INSERT OR REPLACE INTO vow_inbox_floor (grp, floor) VALUES (?1, max(?2, "
                                "ifnull((SELECT floor FROM vow_inbox_floor WHERE grp = ?1), 0)))"),
    [STMT_PURGE_INBOX] = "DELETE FROM vow_inbox WHERE grp = ?1 AND event_offset <= ?2",
    [STMT_FIND_KNOWN] = "SELECT bits FROM vow_inbox_known WHERE grp = ?1 AND block = ?2",
    [STMT_SAVE_KNOWN] = "INSERT OR REPLACE INTO vow_inbox_known (grp, block, bits) VALUES (?1, ?2, ?3)",
    [STMT_NEWEST_KNOWN] = "SELECT max(block) FROM vow_inbox_known WHERE grp = ?1 AND block < ?2",
    [STMT_DROP_KNOWN] = "DELETE FROM vow_inbox_known WHERE grp = ?1 AND block <= ?2",
    [STMT_SET_META] = "UPDATE vow_meta SET value = ?2 WHERE key = ?1",
    [STMT_FAIL] = "SELECT vow_uncompiled()",
    [STMT_BUMP_SEQUENCE] = NULL, /* prepared when a table with AUTOINCREMENT is there: sqlite_sequence exists then */
};

int store_exec(struct store *store, const char *sql)
{
    return sqlite3_exec(store->db, sql, NULL, NULL, NULL);
}

static int prepare(struct store *store, enum statement statement)
{
    return sqlite3_prepare_v3(store->db, statements[statement], -1, SQLITE_PREPARE_PERSISTENT,
                              &store->statements[statement], NULL);
}

sqlite3_stmt *store_statement(struct store *store, enum statement statement)
{
    int rc = SQLITE_OK;
    VOW_ASSERT(store->statements[statement] != NULL || statements[statement] != NULL);
    if (store->statements[statement] == NULL)
        rc = prepare(store, statement);
    if (rc == SQLITE_OK)
        return store->statements[statement];
    store->uncompiled = rc;
    return store->statements[STMT_FAIL];
}

/* vow_uncompiled(): fails as the compiling has. */
static void fail_again(sqlite3_context *ctx, int args_len, sqlite3_value **args)
{
    const struct store *store = sqlite3_user_data(ctx);
    (void)args_len, (void)args;
    sqlite3_result_error_code(ctx, store->uncompiled);
}

int statement_run(sqlite3_stmt *statement)
{
    int rc = sqlite3_step(statement);
    VOW_ASSERT(rc != SQLITE_ROW);
    int reset = sqlite3_reset(statement);
    return rc == SQLITE_DONE ? SQLITE_OK : reset;
}

int store_run(struct store *store, enum statement statement)
{
    return statement_run(store_statement(store, statement));
}

int statement_bind(sqlite3_stmt *statement, uint32_t i, const sqlite3_value *value)
{
    return value != NULL ? sqlite3_bind_value(statement, (int)i, value) : SQLITE_CORRUPT;
}

void store_reset_statements(struct store *store)
{
    for (sqlite3_stmt *each = NULL; (each = sqlite3_next_stmt(store->db, each)) != NULL;)
        if (sqlite3_stmt_busy(each))
            sqlite3_reset(each);
}

int store_prepare_statements(struct store *store)
{
    static const enum statement needed[] = {
        STMT_FAIL,          STMT_INSERT_BRANCH, STMT_INSERT_LOCK, STMT_INSERT_HEURISTIC, STMT_INSERT_STEP,
        STMT_INSERT_OUTBOX, STMT_NEXT_KEY_SEQ,  STMT_KEEP_EVENT,  STMT_INSERT_INBOX,     STMT_INBOX_FLOOR};
    int rc = sqlite3_create_function_v2(store->db, "vow_uncompiled", 0, SQLITE_UTF8 | SQLITE_DIRECTONLY, store,
                                        fail_again, NULL, NULL, NULL);
    for (size_t i = 0; rc == SQLITE_OK && i < sizeof(needed) / sizeof(needed[0]); i++)
        rc = prepare(store, needed[i]);
    return rc;
}

int64_t store_number(struct store *store, const char *sql)
{
    sqlite3_stmt *statement;
    int64_t number = -1;
    if (sqlite3_prepare_v2(store->db, sql, -1, &statement, NULL) == SQLITE_OK && sqlite3_step(statement) == SQLITE_ROW)
        number = sqlite3_column_int64(statement, 0);
    sqlite3_finalize(statement);
    return number;
}

sqlite3_stmt *pragma_prepare(struct store *store, const char *pragma, const char *of)
{
    sqlite3_stmt *statement = NULL;
    char *sql = sqlite3_mprintf("PRAGMA main.%s(%Q)", pragma, of);
    if (sql != NULL)
        sqlite3_prepare_v2(store->db, sql, -1, &statement, NULL);
    sqlite3_free(sql);
    return statement;
}

int store_fail(const struct store *store, int error, const char *doing, struct vow_error_detail *detail)
{
    // Where a copy of a text could not be made, SQLite itself has nothing to complain of.
    int told = store->db != NULL ? sqlite3_errcode(store->db) & 0xff : SQLITE_NOMEM;
    if (error == VOW_E_DATABASE && store->trouble[0] == '\0' && (told == SQLITE_NOMEM || told == SQLITE_OK))
        error = VOW_E_NO_MEMORY;
    const char *why = error != VOW_E_NO_MEMORY ? sqlite3_errmsg(store->db) : "out of memory";
    detail->error = error;
    snprintf(detail->text, sizeof(detail->text), "%s: %s: %s", store->path, doing,
             store->trouble[0] != '\0' ? store->trouble : why);
    return error;
}

bool store_in_transaction(const struct store *store)
{
    return sqlite3_get_autocommit(store->db) == 0;
}

int store_take_back_rest(struct store *store)
{
    int rc = store->has_rest ? store_exec(store, "ROLLBACK") : SQLITE_OK;
    store->has_rest = rc != SQLITE_OK && store_in_transaction(store);
    return store->has_rest ? rc : SQLITE_OK;
}

void store_take_back(struct store *store)
{
    store->has_rest = store_in_transaction(store);
    (void)store_take_back_rest(store);
}

void text_add(struct text *text, const char *format, ...)
{
    va_list args;
    if (text->grown == NULL)
        text->grown = sqlite3_str_new(NULL);
    va_start(args, format);
    sqlite3_str_vappendf(text->grown, format, args);
    va_end(args);
}

char *text_finish(struct text *text)
{
    const bool failed = text->failed || sqlite3_str_errcode(text->grown) != SQLITE_OK;
    char *whole = sqlite3_str_finish(text->grown);
    *text = (struct text){NULL, false};
    if (!failed)
        return whole;
    sqlite3_free(whole);
    return NULL;
}

sqlite3_stmt *text_prepare(struct store *store, struct text *text)
{
    sqlite3_stmt *statement = NULL;
    char *whole = text_finish(text);
    if (whole != NULL)
        sqlite3_prepare_v3(store->db, whole, -1, SQLITE_PREPARE_PERSISTENT, &statement, NULL);
    sqlite3_free(whole);
    return statement;
}
