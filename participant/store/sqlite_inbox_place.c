/*
 * Where an event lies in the inbox. An offset is a number of one coordinator's journal. A file that was let go of that
 * one, and belongs to another now (docs/operations.md), is delivered to from the first number on again, and what it
 * knows of the others' says nothing of these: an event would pass for one that was handled, and be lost (I28). So what
 * comes from another coordinator has its place behind all that came from those before it, and the names alone are the
 * same for all (F209).
 */
#include "participant/store/sqlite_store.h"

static uint64_t coord_of(const struct vow_store_op *batch)
{
    for (; batch != NULL; batch = (const struct vow_store_op *)batch->job.next)
        if (batch->kind == VOW_STORE_EVENT && batch->coord != 0)
            return batch->coord;
    return 0;
}

/* Behind all records, floors and blocks, where a block begins. */
static int64_t next_base(struct store *store)
{
    static const char sql[] =
        "SELECT CASE WHEN at < 0 THEN 0 ELSE (at / %d + 1) * %d END FROM (SELECT max(ifnull((SELECT max(event_offset) "
        "FROM vow_inbox), -1), ifnull((SELECT max(floor) FROM vow_inbox_floor), -1), "
        "ifnull((SELECT max(block) * %d FROM vow_inbox_known), -1)) AS at)";
    char text[sizeof(sql) + 24];
    (void)sqlite3_snprintf(sizeof(text), text, sql, INBOX_BLOCK_OFFSETS, INBOX_BLOCK_OFFSETS, INBOX_BLOCK_OFFSETS);
    return store_number(store, text);
}

static int set_meta(struct store *store, const char *key, uint64_t value)
{
    sqlite3_stmt *statement = store_statement(store, STMT_SET_META);
    sqlite3_bind_text(statement, 1, key, -1, SQLITE_STATIC);
    sqlite3_bind_int64(statement, 2, (sqlite3_int64)value);
    const int rc = statement_run(statement);
    sqlite3_clear_bindings(statement);
    return rc;
}

static int follow(struct store *store, uint64_t coord)
{
    const int64_t base = next_base(store);
    if (base < 0)
        return sqlite3_errcode(store->db);
    store->inbox_base = (uint64_t)base;
    const int rc = set_meta(store, "inbox_base", store->inbox_base);
    return rc == SQLITE_OK ? set_meta(store, "inbox_coord", coord) : rc;
}

/* Read each time, for what was written with a batch that was rolled back was not. */
int inbox_follow(struct store *store, const struct vow_store_op *batch)
{
    const uint64_t coord = coord_of(batch);
    sqlite3_stmt *statement = store_statement(store, STMT_INBOX_PLACE);
    uint64_t known = coord;
    if (sqlite3_step(statement) == SQLITE_ROW) {
        known = (uint64_t)sqlite3_column_int64(statement, 0);
        store->inbox_base = (uint64_t)sqlite3_column_int64(statement, 1);
    }
    const int rc = sqlite3_reset(statement);
    return rc != SQLITE_OK || coord == 0 || coord == known ? rc : follow(store, coord);
}

uint64_t inbox_place(const struct store *store, uint64_t offset)
{
    return store->inbox_base + offset;
}
