/*
 * What a handler may do: read anything, write enrolled tables. All else would be lost or would break the branch, so it
 * is refused when the statement is compiled: transactions of its own, other files, settings, the schema, Vow's tables,
 * tables that cannot be captured.
 */
#include <string.h>

#include "participant/store/sqlite_store.h"

static bool is_own(const char *table)
{
    return sqlite3_strnicmp(table, "vow_", 4) == 0;
}

static int deny(struct store *store, enum vow_cause cause)
{
    store->denied = cause;
    return SQLITE_DENY;
}

/* A table of the same name in another file, or a temporary one, is another table. */
static int judge_write(struct store *store, const char *table, const char *database)
{
    if (is_own(table))
        return deny(store, VOW_CAUSE_HANDLER_FAILED);
    bool is_enrolled = strcmp(database, "main") == 0 && schema_table(store, table) != NULL;
    return is_enrolled ? SQLITE_OK : deny(store, VOW_CAUSE_NOT_CAPTURED);
}

static int authorize(void *ctx, int action, const char *first, const char *second, const char *database,
                     const char *trigger)
{
    (void)second;
    struct store *store = ctx;
    if (!store->in_handler)
        return SQLITE_OK;
    switch (action) {
    case SQLITE_SELECT:
    case SQLITE_FUNCTION:
    case SQLITE_RECURSIVE:
        return SQLITE_OK;
    case SQLITE_READ: /* the guards read vow_lock */
        return trigger == NULL && is_own(first) ? deny(store, VOW_CAUSE_HANDLER_FAILED) : SQLITE_OK;
    case SQLITE_INSERT:
    case SQLITE_UPDATE:
    case SQLITE_DELETE:
        return judge_write(store, first, database);
    case SQLITE_PRAGMA: /* the session reads a table's columns when it meets the table's first change */
        if (sqlite3_stricmp(first, "table_info") == 0 || sqlite3_stricmp(first, "table_xinfo") == 0)
            return SQLITE_OK;
        return deny(store, VOW_CAUSE_HANDLER_FAILED);
    default:
        return deny(store, VOW_CAUSE_HANDLER_FAILED);
    }
}

/* No handler ends the transaction by a COMMIT, and none writes past it after a conflict has rolled it back (OR
 * ROLLBACK). */
static int forbid_commit(void *ctx)
{
    const struct store *store = ctx;
    return store->in_handler;
}

int auth_install(struct store *store)
{
    sqlite3_commit_hook(store->db, forbid_commit, store);
    return sqlite3_set_authorizer(store->db, authorize, store);
}
