/*
 * Rows that a branch has read and holds until its decision (trap 13). During the handlers a hold is a row's primary key
 * in memory; when the branch is written down, after the rollback, it becomes shared lock rows: of the primary key, and
 * of every unique value that the row has, so that nobody deletes it through one of those with OR REPLACE (trap 9). A
 * shared lock's text is the key's, a blank and the holder; the guards search for a key with whatever follows the blank.
 */
#include <stdlib.h>
#include <string.h>

#include "participant/store/sqlite_store.h"

#define HOLDS_MAX 10000u

struct hold {
    struct hold *next;
    struct table *table;
    uint32_t key_len;
    sqlite3_value *key[COLUMNS_MAX]; /* as the table has it */
};

static void hold_free(struct hold *hold)
{
    for (uint32_t i = 0; i < hold->key_len; i++)
        sqlite3_value_free(hold->key[i]);
    free(hold);
}

void hold_clear(struct store *store)
{
    while (store->holds != NULL) {
        struct hold *hold = store->holds;
        store->holds = hold->next;
        hold_free(hold);
    }
    store->holds_len = 0;
}

/* ---- in a handler ---- */

static int bind_key(sqlite3_stmt *statement, int i, const struct vow_sqlite_key *key)
{
    if (key->value != NULL)
        return sqlite3_bind_value(statement, i, key->value);
    if (key->text != NULL)
        return sqlite3_bind_text(statement, i, key->text, -1, SQLITE_TRANSIENT);
    return sqlite3_bind_int64(statement, i, key->number);
}

/* The key as the row has it, whose text is the one that the guards make. */
static int take_key(struct hold *hold, sqlite3_stmt *row)
{
    const struct key *primary = &hold->table->keys[0];
    for (uint32_t i = 0; i < primary->columns_len; i++) {
        sqlite3_value *value = sqlite3_value_dup(sqlite3_column_value(row, primary->columns[i]));
        if (value == NULL)
            return VOW_E_NO_MEMORY;
        hold->key[hold->key_len++] = value;
    }
    return 0;
}

static int find_row(struct store *store, struct hold *hold, const struct vow_sqlite_key *key)
{
    const struct key *primary = &hold->table->keys[0];
    sqlite3_stmt *row = apply_read_statement(store, hold->table);
    int rc = row != NULL ? SQLITE_OK : SQLITE_ERROR;
    for (uint32_t i = 0; rc == SQLITE_OK && i < primary->columns_len; i++)
        rc = bind_key(row, primary->columns[i] + 1, &key[i]);
    if (rc != SQLITE_OK)
        return rc == SQLITE_NOMEM ? VOW_E_NO_MEMORY : VOW_E_DATABASE;
    rc = sqlite3_step(row);
    int error = rc == SQLITE_ROW ? take_key(hold, row) : rc == SQLITE_DONE ? VOW_E_NOT_FOUND : VOW_E_DATABASE;
    sqlite3_reset(row);
    sqlite3_clear_bindings(row);
    return error;
}

int vow_store_sqlite_hold(void *ctx, const char *table_name, const struct vow_sqlite_key *key, size_t key_len)
{
    struct store *store = ctx;
    struct table *table = schema_table(store, table_name);
    if (!store->in_handler)
        return VOW_E_STATE;
    if (table == NULL)
        return VOW_E_NOT_FOUND;
    if (key_len != table->keys[0].columns_len)
        return VOW_E_ARGUMENT;
    if (store->holds_len >= HOLDS_MAX)
        return VOW_E_TOO_LARGE;
    struct hold *hold = calloc(1, sizeof(*hold));
    if (hold == NULL)
        return VOW_E_NO_MEMORY;
    hold->table = table;
    int error = find_row(store, hold, key);
    if (error != 0) {
        hold_free(hold);
        return error;
    }
    hold->next = store->holds;
    store->holds = hold;
    store->holds_len++;
    return 0;
}

/* vow_hold(TABLE, KEY...) */
static void hold_function(sqlite3_context *ctx, int args_len, sqlite3_value **args)
{
    struct vow_sqlite_key key[COLUMNS_MAX];
    const char *table = args_len > 0 ? (const char *)sqlite3_value_text(args[0]) : NULL;
    if (table == NULL || args_len > COLUMNS_MAX) {
        sqlite3_result_error(ctx, "vow_hold(TABLE, KEY...)", -1);
        return;
    }
    for (int i = 1; i < args_len; i++)
        key[i - 1] = (struct vow_sqlite_key){.value = args[i]};
    int error = vow_store_sqlite_hold(sqlite3_user_data(ctx), table, key, (size_t)args_len - 1);
    if (error != 0)
        sqlite3_result_error(ctx, vow_error_text(error), -1);
    else
        sqlite3_result_int(ctx, 1);
}

int hold_install(struct store *store)
{
    return sqlite3_create_function_v2(store->db, "vow_hold", -1, SQLITE_UTF8 | SQLITE_DIRECTONLY, store, hold_function,
                                      NULL, NULL, NULL);
}

/* ---- after the rollback ---- */

/*
 * ?1 gtrid, ?2 branch, ?3... the primary key. A row that this branch made itself is not there any more: its new values
 * are locked as such. What somebody else has locked alone cannot be shared.
 */
static sqlite3_stmt *shared_statement(struct store *store, const struct table *table, struct key *key)
{
    static const char row[] = "vow_row.";
    if (key->lock_shared != NULL)
        return key->lock_shared;
    struct text text = {NULL, false};
    const struct key *primary = &table->keys[0];
    text_add(&text, "INSERT INTO vow_lock (tbl, idx, key, gtrid, branch) SELECT %Q, %Q, ", table->name, key->name);
    key_of_columns(&text, table, key, row);
    text_add(&text,
             "||' '||hex(?1)||?2, ?1, CASE WHEN (SELECT count(vow_met(gtrid, tbl, idx, key) IS NULL) FROM vow_lock "
             "WHERE tbl = %Q AND idx = %Q AND key = ",
             table->name, key->name);
    key_of_columns(&text, table, key, row);
    text_add(&text, " AND NOT (gtrid = ?1 AND branch = ?2)) = 0 THEN ?2 END FROM \"%w\" AS vow_row WHERE true",
             table->name);
    for (uint32_t i = 0; i < primary->columns_len; i++)
        text_add(&text, " AND %s\"%w\" = ?%d", row, table->columns[primary->columns[i]], 3 + (int)i);
    for (uint32_t i = 0; i < key->columns_len; i++)
        text_add(&text, " AND %s\"%w\" IS NOT NULL", row, table->columns[key->columns[i]]);
    text_add(&text, " ON CONFLICT (tbl, idx, key) DO NOTHING");
    key->lock_shared = text_prepare(store, &text);
    return key->lock_shared;
}

static int lock_shared(struct store *store, const struct vow_store_op *op, const struct hold *hold, struct key *key)
{
    sqlite3_stmt *statement = shared_statement(store, hold->table, key);
    int rc = statement != NULL ? SQLITE_OK : SQLITE_ERROR;
    for (uint32_t i = 0; rc == SQLITE_OK && i < hold->key_len; i++)
        rc = statement_bind(statement, 3 + i, hold->key[i]);
    return rc == SQLITE_OK ? lock_run(statement, op) : rc;
}

int hold_lock(struct store *store, const struct vow_store_op *op)
{
    int rc = SQLITE_OK;
    for (const struct hold *hold = store->holds; hold != NULL && rc == SQLITE_OK; hold = hold->next)
        for (uint32_t i = 0; rc == SQLITE_OK && i < hold->table->keys_len; i++)
            rc = lock_shared(store, op, hold, &hold->table->keys[i]);
    return rc;
}
