/*
 * Which keys a branch holds: the primary key of every row it touches, every unique value that such a row holds now, and
 * every one it gains (trap 8). Lock rows are made by SQL from the values themselves, by the same expressions that the
 * guards use.
 */
#include <string.h>

#include "participant/store/sqlite_store.h"

/* Locking twice within one branch is one lock; a lock of another branch is a conflict. */
#define CLAIM                                                                                                          \
    " ON CONFLICT (tbl, idx, key) DO UPDATE SET branch = "                                                             \
    "CASE WHEN gtrid = excluded.gtrid AND branch = excluded.branch THEN branch ELSE vow_met(gtrid, tbl, idx, key) END"

/* The lock's branch: NULL, which is refused, if others share the key, whose text is what `add_key` adds (trap 13). */
typedef void add_key_fn(struct text *text, const struct table *table, const struct key *key);

static void add_claim(struct text *text, const struct table *table, const struct key *key, add_key_fn *add_key)
{
    text_add(text, "SELECT %Q, %Q, ", table->name, key->name);
    add_key(text, table, key);
    text_add(text,
             ", ?1, CASE WHEN (SELECT count(vow_met(gtrid, tbl, idx, key) IS NULL) FROM vow_lock WHERE tbl = %Q AND "
             "idx = %Q AND key > ",
             table->name, key->name);
    add_key(text, table, key);
    text_add(text, " AND key < ");
    add_key(text, table, key);
    text_add(text, "||'!' AND NOT (gtrid = ?1 AND branch = ?2)) = 0 THEN ?2 END");
}

static void add_given(struct text *text, const struct table *table, const struct key *key)
{
    key_of_parameters(text, table, key, 3);
}

/* ?1 gtrid, ?2 branch, ?3... the values. */
static sqlite3_stmt *values_statement(struct store *store, const struct table *table, struct key *key)
{
    if (key->lock_values != NULL)
        return key->lock_values;
    struct text text = {NULL, false};
    text_add(&text, "INSERT INTO vow_lock (tbl, idx, key, gtrid, branch) ");
    add_claim(&text, table, key, add_given);
    text_add(&text, " WHERE true");
    for (uint32_t i = 0; i < key->columns_len; i++)
        text_add(&text, " AND ?%d IS NOT NULL", 3 + (int)i);
    text_add(&text, CLAIM);
    key->lock_values = text_prepare(store, &text);
    return key->lock_values;
}

#define ROW "vow_row." /* its columns may have the names of vow_lock's */

static void add_present(struct text *text, const struct table *table, const struct key *key)
{
    key_of_columns(text, table, key, ROW);
}

/* ?1 gtrid, ?2 branch, ?3... the primary key of the row whose present values are locked. */
static sqlite3_stmt *row_statement(struct store *store, const struct table *table, struct key *key)
{
    if (key->lock_row != NULL)
        return key->lock_row;
    struct text text = {NULL, false};
    const struct key *primary = &table->keys[0];
    text_add(&text, "INSERT INTO vow_lock (tbl, idx, key, gtrid, branch) ");
    add_claim(&text, table, key, add_present);
    text_add(&text, " FROM \"%w\" AS vow_row WHERE true", table->name);
    for (uint32_t i = 0; i < primary->columns_len; i++)
        text_add(&text, " AND " ROW "\"%w\" = ?%d", table->columns[primary->columns[i]], 3 + (int)i);
    for (uint32_t i = 0; i < key->columns_len; i++)
        text_add(&text, " AND " ROW "\"%w\" IS NOT NULL", table->columns[key->columns[i]]);
    text_add(&text, CLAIM);
    key->lock_row = text_prepare(store, &text);
    return key->lock_row;
}

int lock_run(sqlite3_stmt *statement, const struct vow_store_op *op)
{
    if (statement == NULL)
        return SQLITE_ERROR;
    sqlite3_bind_blob(statement, 1, op->gtrid.bytes, VOW_GTRID_BYTES, SQLITE_STATIC);
    sqlite3_bind_int64(statement, 2, op->branch);
    int rc = statement_run(statement);
    sqlite3_clear_bindings(statement);
    return rc & 0xff;
}

/* A change of a changeset, with the value of a column before or after it; NULL = the changeset does not have it. */
struct change {
    sqlite3_changeset_iter *iter;
    struct table *table;
    int operation;
};

static sqlite3_value *old_value(const struct change *change, uint32_t column)
{
    sqlite3_value *value = NULL;
    if (change->operation != SQLITE_INSERT)
        sqlite3changeset_old(change->iter, (int)column, &value);
    return value;
}

static sqlite3_value *new_value(const struct change *change, uint32_t column)
{
    sqlite3_value *value = NULL;
    if (change->operation != SQLITE_DELETE)
        sqlite3changeset_new(change->iter, (int)column, &value);
    return value;
}

static int lock_held(struct store *store, const struct vow_store_op *op, const struct change *change, struct key *key)
{
    sqlite3_stmt *statement = row_statement(store, change->table, key);
    const struct key *primary = &change->table->keys[0];
    int rc = statement != NULL ? SQLITE_OK : SQLITE_ERROR;
    for (uint32_t i = 0; rc == SQLITE_OK && i < primary->columns_len; i++)
        rc = statement_bind(statement, 3 + i, old_value(change, primary->columns[i]));
    return rc == SQLITE_OK ? lock_run(statement, op) : rc;
}

/* The value that a column will have: the new one, or, not changed by an UPDATE, the one that the row has now. */
static int bind_gained(struct store *store, const struct change *change, const struct key *key, sqlite3_stmt *statement,
                       bool *touched)
{
    sqlite3_stmt *row = NULL;
    int rc = SQLITE_OK;
    *touched = change->operation == SQLITE_INSERT;
    for (uint32_t i = 0; i < key->columns_len; i++)
        *touched = *touched || new_value(change, key->columns[i]) != NULL;
    for (uint32_t i = 0; *touched && rc == SQLITE_OK && i < key->columns_len; i++) {
        sqlite3_value *value = new_value(change, key->columns[i]);
        if (value == NULL && row == NULL)
            rc = apply_find_row(store, change->iter, change->table, &row);
        if (rc == SQLITE_OK)
            rc = statement_bind(statement, 3 + i, value != NULL ? value : sqlite3_column_value(row, key->columns[i]));
    }
    if (row != NULL)
        sqlite3_reset(row);
    return rc;
}

static int lock_gained(struct store *store, const struct vow_store_op *op, const struct change *change, struct key *key)
{
    bool touched = false;
    sqlite3_stmt *statement = values_statement(store, change->table, key);
    int rc = statement != NULL ? bind_gained(store, change, key, statement, &touched) : SQLITE_ERROR;
    return rc == SQLITE_OK && touched ? lock_run(statement, op) : rc;
}

static bool touches(const struct change *change, uint64_t mask)
{
    for (uint32_t i = 0; i < change->table->columns_len; i++)
        if ((mask >> i & 1) != 0 && new_value(change, i) != NULL)
            return true;
    return false;
}

static int lock_table(struct store *store, const struct vow_store_op *op, const char *table, const char *as)
{
    sqlite3_stmt *statement = store_statement(store, STMT_INSERT_LOCK);
    sqlite3_bind_text(statement, 3, table, -1, SQLITE_STATIC);
    sqlite3_bind_text(statement, 4, as, -1, SQLITE_STATIC);
    return lock_run(statement, op);
}

/* What foreign keys need. These locks are shared: each branch has its own. */
static int lock_family(struct store *store, const struct vow_store_op *op, const struct change *change)
{
    const struct table *table = change->table;
    int rc = SQLITE_OK;
    bool has_new_child = change->operation != SQLITE_DELETE && touches(change, table->parent_mask);
    bool loses_row = table->child_mask != 0 && change->operation != SQLITE_INSERT &&
                     (change->operation == SQLITE_DELETE || touches(change, table->child_mask));
    for (uint32_t i = 0; rc == SQLITE_OK && has_new_child && i < table->parents_len; i++)
        rc = lock_table(store, op, table->parents[i], LOCK_HAS_NEW_CHILD);
    if (rc == SQLITE_OK && loses_row)
        rc = lock_table(store, op, table->name, LOCK_LOSES_ROW);
    return rc;
}

static int lock_change(struct store *store, const struct vow_store_op *op, const struct change *change)
{
    int rc = SQLITE_OK;
    for (uint32_t i = 0; rc == SQLITE_OK && i < change->table->keys_len; i++) {
        struct key *key = &change->table->keys[i];
        if (change->operation != SQLITE_INSERT)
            rc = lock_held(store, op, change, key);
        /* An UPDATE never changes a primary key: the session makes that a DELETE and an INSERT. */
        if (rc == SQLITE_OK && change->operation != SQLITE_DELETE && (i > 0 || change->operation == SQLITE_INSERT))
            rc = lock_gained(store, op, change, key);
    }
    return rc == SQLITE_OK ? lock_family(store, op, change) : rc;
}

int lock_changeset(struct store *store, const struct vow_store_op *op, const struct changeset *changeset)
{
    sqlite3_changeset_iter *iter;
    int rc = sqlite3changeset_start(&iter, changeset->len, (void *)changeset->data);
    while (rc == SQLITE_OK && sqlite3changeset_next(iter) == SQLITE_ROW) {
        const char *name;
        int columns, indirect;
        struct change change = {.iter = iter};
        rc = sqlite3changeset_op(iter, &name, &columns, &change.operation, &indirect);
        change.table = rc == SQLITE_OK ? schema_table(store, name) : NULL;
        if (rc == SQLITE_OK)
            rc = change.table != NULL ? lock_change(store, op, &change) : SQLITE_MISMATCH;
    }
    int end = sqlite3changeset_finalize(iter);
    return rc != SQLITE_OK ? rc : end;
}
