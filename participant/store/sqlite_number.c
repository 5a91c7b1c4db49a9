/*
 * vow_new_key(TABLE): the next INTEGER PRIMARY KEY that no row has and no prepared branch will have (trap 11). What
 * SQLite chooses by itself is the highest rowid and one; it does not see the rows of prepared branches, so it chooses
 * theirs, and the insert meets their lock.
 */
#include "participant/store/sqlite_store.h"

static sqlite3_stmt *number_statement(struct store *store, struct table *table)
{
    if (table->new_key != NULL)
        return table->new_key;
    struct text text = {NULL, false};
    text_add(&text,
             "SELECT max((SELECT coalesce(max(\"%w\"), 0) FROM \"%w\"), (SELECT coalesce(max(CAST(key AS INTEGER)), 0) "
             "FROM vow_lock WHERE tbl = %Q AND idx = ''))",
             table->columns[table->keys[0].columns[0]], table->name, table->name);
    store->in_handler = false; /* it is the store that reads its locks */
    table->new_key = text_prepare(store, &text);
    store->in_handler = true;
    return table->new_key;
}

static void fail(sqlite3_context *ctx, const char *why)
{
    sqlite3_result_error(ctx, why, -1);
}

static void new_key(sqlite3_context *ctx, int args_len, sqlite3_value **args)
{
    struct store *store = sqlite3_user_data(ctx);
    const char *name = (const char *)sqlite3_value_text(args[0]);
    struct table *table = name != NULL ? schema_table(store, name) : NULL;
    (void)args_len;
    if (!store->in_handler || table == NULL || !table->integer_key) {
        fail(ctx, "vow_new_key(TABLE), in a handler, for a table with an INTEGER PRIMARY KEY");
        return;
    }
    sqlite3_stmt *statement = number_statement(store, table);
    if (statement == NULL || sqlite3_step(statement) != SQLITE_ROW) {
        fail(ctx, sqlite3_errmsg(store->db));
    } else {
        int64_t highest = sqlite3_column_int64(statement, 0);
        if (highest == INT64_MAX)
            fail(ctx, "vow_new_key: there is no higher key");
        else
            sqlite3_result_int64(ctx, highest + 1);
    }
    sqlite3_reset(statement);
}

int number_install(struct store *store)
{
    return sqlite3_create_function_v2(store->db, "vow_new_key", 1, SQLITE_UTF8 | SQLITE_DIRECTONLY, store, new_key,
                                      NULL, NULL, NULL);
}
