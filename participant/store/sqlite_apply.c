/*
 * The store's own applier.
 *
 * SQLite's applier works row by row, so it cannot apply a legal swap of unique values (trap 5), and it judges conflicts
 * per column (trap 10). This one first takes away every old image that gives up a unique value (deleted rows, and rows
 * whose unique columns change), then puts the changed ones back, then does the rest. Each statement must change exactly
 * one row and finds it by its old values: anything else means that a lock did not hold, and is an error, never a merge.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "participant/store/sqlite_store.h"

/* A row that was taken out to come back changed, as it will be; its hidden rowid last, if it has one. */
struct lifted {
    struct lifted *next;
    struct table *table;
    uint32_t values_len;
    sqlite3_value *values[COLUMNS_MAX + 1];
};

struct apply {
    struct store *store;
    sqlite3_changeset_iter *iter;
    struct table *table;
    int operation;
    uint64_t tables; /* fingerprint of all of them */
    uint32_t touches, trees;
    bool takes_away;  /* there is something for the first pass */
    bool needs_quiet; /* triggers and foreign keys must be off */
    struct lifted *first, **last;
};

static sqlite3_value *old_value(const struct apply *apply, uint32_t column)
{
    sqlite3_value *value = NULL;
    sqlite3changeset_old(apply->iter, (int)column, &value);
    return value;
}

static sqlite3_value *new_value(const struct apply *apply, uint32_t column)
{
    sqlite3_value *value = NULL;
    sqlite3changeset_new(apply->iter, (int)column, &value);
    return value;
}

static int run_one(struct store *store, const struct table *table, sqlite3_stmt *statement)
{
    int rc = statement_run(statement);
    sqlite3_clear_bindings(statement);
    if (rc != SQLITE_OK || sqlite3_changes(store->db) == 1)
        return rc;
    snprintf(store->trouble, sizeof(store->trouble),
             "a row of table %s is not what it was at PREPARE: something got past its lock", table->name);
    return SQLITE_MISMATCH;
}

/* ---- statements of a table ---- */

static void add_primary_key(struct text *text, const struct table *table)
{
    const struct key *primary = &table->keys[0];
    for (uint32_t i = 0; i < primary->columns_len; i++)
        text_add(text, "%s\"%w\" = ?%d", i > 0 ? " AND " : "", table->columns[primary->columns[i]],
                 (int)primary->columns[i] + 1);
}

/* All columns old: ?1 to ?n. */
static sqlite3_stmt *delete_statement(struct store *store, struct table *table)
{
    if (table->delete_row != NULL)
        return table->delete_row;
    struct text text = {NULL, false};
    text_add(&text, "DELETE FROM \"%w\" WHERE ", table->name);
    add_primary_key(&text, table);
    for (uint32_t i = 0; i < table->columns_len; i++)
        if (table->primary[i] == 0)
            text_add(&text, " AND \"%w\" IS ?%d", table->columns[i], (int)i + 1);
    table->delete_row = text_prepare(store, &text);
    return table->delete_row;
}

/* All columns new: ?1 to ?n, and the hidden rowid as ?n+1 if `with_rowid`. */
static sqlite3_stmt *insert_statement(struct store *store, struct table *table, bool with_rowid)
{
    sqlite3_stmt **statement = with_rowid ? &table->insert_row : &table->insert;
    if (*statement != NULL)
        return *statement;
    struct text text = {NULL, false};
    text_add(&text, "INSERT INTO \"%w\" (", table->name);
    for (uint32_t i = 0; i < table->columns_len; i++)
        text_add(&text, "%s\"%w\"", i > 0 ? ", " : "", table->columns[i]);
    text_add(&text, "%s%s) VALUES (", with_rowid ? ", " : "", with_rowid ? table->rowid : "");
    for (uint32_t i = 0; i < table->columns_len + with_rowid; i++)
        text_add(&text, "%s?%d", i > 0 ? ", " : "", (int)i + 1);
    text_add(&text, ")");
    *statement = text_prepare(store, &text);
    return *statement;
}

sqlite3_stmt *apply_read_statement(struct store *store, struct table *table)
{
    if (table->read_row != NULL)
        return table->read_row;
    struct text text = {NULL, false};
    text_add(&text, "SELECT ");
    for (uint32_t i = 0; i < table->columns_len; i++)
        text_add(&text, "%s\"%w\"", i > 0 ? ", " : "", table->columns[i]);
    if (table->rowid != NULL)
        text_add(&text, ", %s", table->rowid);
    text_add(&text, " FROM \"%w\" WHERE ", table->name);
    add_primary_key(&text, table);
    table->read_row = text_prepare(store, &text);
    return table->read_row;
}

/* The columns of `mask` change: new values ?1 to ?n by column, old values ?101 to ?100+n. */
#define OLD_PARAMETER 101

static sqlite3_stmt *build_update(struct store *store, const struct table *table, uint64_t mask)
{
    struct text text = {NULL, false};
    bool first = true;
    text_add(&text, "UPDATE \"%w\" SET ", table->name);
    for (uint32_t i = 0; i < table->columns_len; i++) {
        if ((mask >> i & 1) == 0)
            continue;
        text_add(&text, "%s\"%w\" = ?%d", first ? "" : ", ", table->columns[i], (int)i + 1);
        first = false;
    }
    text_add(&text, " WHERE true");
    for (uint32_t i = 0; i < table->columns_len; i++) {
        if (table->primary[i] > 0)
            text_add(&text, " AND \"%w\" = ?%d", table->columns[i], OLD_PARAMETER + (int)i);
        else if ((mask >> i & 1) != 0)
            text_add(&text, " AND \"%w\" IS ?%d", table->columns[i], OLD_PARAMETER + (int)i);
    }
    return text_prepare(store, &text);
}

static sqlite3_stmt *update_statement(struct store *store, struct table *table, uint64_t mask)
{
    for (uint32_t i = 0; i < UPDATE_STATEMENTS; i++)
        if (table->updates[i].statement != NULL && table->updates[i].mask == mask)
            return table->updates[i].statement;
    struct update *update = &table->updates[table->updates_next++ % UPDATE_STATEMENTS];
    sqlite3_finalize(update->statement);
    *update = (struct update){.mask = mask, .statement = build_update(store, table, mask)};
    return update->statement;
}

/* ---- rows ---- */

int apply_find_row(struct store *store, sqlite3_changeset_iter *iter, struct table *table, sqlite3_stmt **row)
{
    const struct key *primary = &table->keys[0];
    *row = apply_read_statement(store, table);
    if (*row == NULL)
        return SQLITE_ERROR;
    int rc = SQLITE_OK;
    for (uint32_t i = 0; rc == SQLITE_OK && i < primary->columns_len; i++) {
        sqlite3_value *value = NULL;
        sqlite3changeset_old(iter, primary->columns[i], &value);
        rc = statement_bind(*row, primary->columns[i] + 1u, value);
    }
    if (rc != SQLITE_OK)
        return rc;
    rc = sqlite3_step(*row);
    if (rc == SQLITE_ROW)
        return SQLITE_OK;
    int reset = sqlite3_reset(*row);
    return rc == SQLITE_DONE ? SQLITE_MISMATCH : reset;
}

static int delete_by_old_values(struct apply *apply)
{
    sqlite3_stmt *statement = delete_statement(apply->store, apply->table);
    int rc = statement != NULL ? SQLITE_OK : SQLITE_ERROR;
    for (uint32_t i = 0; rc == SQLITE_OK && i < apply->table->columns_len; i++)
        rc = statement_bind(statement, i + 1, old_value(apply, i));
    return rc == SQLITE_OK ? run_one(apply->store, apply->table, statement) : rc;
}

static uint64_t changed_mask(const struct apply *apply)
{
    uint64_t mask = 0;
    for (uint32_t i = 0; i < apply->table->columns_len; i++)
        if (new_value(apply, i) != NULL)
            mask |= UINT64_C(1) << i;
    return mask;
}

/* Such an UPDATE is a DELETE in the first pass and an INSERT in the second: that is what makes a swap work. */
static bool is_lifted(const struct apply *apply)
{
    return apply->operation == SQLITE_UPDATE && (changed_mask(apply) & apply->table->unique_mask) != 0;
}

static void lifted_free(struct lifted *lifted)
{
    for (uint32_t i = 0; i < lifted->values_len; i++)
        sqlite3_value_free(lifted->values[i]);
    free(lifted);
}

/* The row as it is now goes away. Old values are given for the key and for what changes: they must be what is there. */
static int delete_lifted(const struct apply *apply, sqlite3_stmt *row)
{
    sqlite3_stmt *statement = delete_statement(apply->store, apply->table);
    int rc = statement != NULL ? SQLITE_OK : SQLITE_ERROR;
    for (uint32_t i = 0; rc == SQLITE_OK && i < apply->table->columns_len; i++) {
        sqlite3_value *old = old_value(apply, i);
        rc = statement_bind(statement, i + 1, old != NULL ? old : sqlite3_column_value(row, (int)i));
    }
    if (rc == SQLITE_OK)
        sqlite3_reset(row); /* nothing may stand on a row that goes */
    return rc == SQLITE_OK ? run_one(apply->store, apply->table, statement) : rc;
}

/* The row as it will be: the new values, and the present ones of what does not change. */
static int copy_changed(const struct apply *apply, sqlite3_stmt *row, struct lifted *lifted)
{
    uint32_t columns = (uint32_t)sqlite3_column_count(row);
    for (uint32_t i = 0; i < columns; i++) {
        sqlite3_value *value = i < apply->table->columns_len ? new_value(apply, i) : NULL;
        value = sqlite3_value_dup(value != NULL ? value : sqlite3_column_value(row, (int)i));
        if (value == NULL)
            return SQLITE_NOMEM;
        lifted->values[lifted->values_len++] = value;
    }
    return SQLITE_OK;
}

static int lift(struct apply *apply)
{
    sqlite3_stmt *row;
    struct lifted *lifted = calloc(1, sizeof(*lifted));
    if (lifted == NULL)
        return SQLITE_NOMEM;
    lifted->table = apply->table;
    *apply->last = lifted;
    apply->last = &lifted->next;
    int rc = apply_find_row(apply->store, apply->iter, apply->table, &row);
    if (rc == SQLITE_OK) {
        rc = copy_changed(apply, row, lifted);
        if (rc == SQLITE_OK)
            rc = delete_lifted(apply, row);
        sqlite3_reset(row);
    }
    return rc;
}

/* Before any new row comes, which could take the hidden rowid of one that is out. */
static int put_back(struct store *store, const struct lifted *lifted)
{
    sqlite3_stmt *statement = insert_statement(store, lifted->table, lifted->table->rowid != NULL);
    int rc = statement != NULL ? SQLITE_OK : SQLITE_ERROR;
    for (uint32_t i = 0; rc == SQLITE_OK && i < lifted->values_len; i++)
        rc = statement_bind(statement, i + 1, lifted->values[i]);
    return rc == SQLITE_OK ? run_one(store, lifted->table, statement) : rc;
}

static int put_all_back(struct apply *apply, int rc)
{
    while (apply->first != NULL) {
        struct lifted *lifted = apply->first;
        apply->first = lifted->next;
        if (rc == SQLITE_OK)
            rc = put_back(apply->store, lifted);
        lifted_free(lifted);
    }
    return rc;
}

static int update_row(struct apply *apply)
{
    sqlite3_stmt *statement = update_statement(apply->store, apply->table, changed_mask(apply));
    int rc = statement != NULL ? SQLITE_OK : SQLITE_ERROR;
    for (uint32_t i = 0; rc == SQLITE_OK && i < apply->table->columns_len; i++) {
        sqlite3_value *new = new_value(apply, i);
        if (new != NULL)
            rc = statement_bind(statement, i + 1, new);
        if (rc == SQLITE_OK && (new != NULL || apply->table->primary[i] > 0))
            rc = statement_bind(statement, OLD_PARAMETER + i, old_value(apply, i));
    }
    return rc == SQLITE_OK ? run_one(apply->store, apply->table, statement) : rc;
}

static int insert_row(struct apply *apply)
{
    sqlite3_stmt *statement = insert_statement(apply->store, apply->table, false);
    int rc = statement != NULL ? SQLITE_OK : SQLITE_ERROR;
    for (uint32_t i = 0; rc == SQLITE_OK && i < apply->table->columns_len; i++)
        rc = statement_bind(statement, i + 1, new_value(apply, i));
    return rc == SQLITE_OK ? run_one(apply->store, apply->table, statement) : rc;
}

/* ---- passes ---- */

/* The table is still the one that the changeset was taken from (trap 6), as far as the changeset itself can tell. */
static bool table_fits(const struct apply *apply, int columns)
{
    unsigned char *primary;
    int primary_len;
    if (apply->table == NULL || apply->table->columns_len != (uint32_t)columns ||
        sqlite3changeset_pk(apply->iter, &primary, &primary_len) != SQLITE_OK)
        return false;
    for (int i = 0; i < primary_len; i++)
        if ((primary[i] != 0) != (apply->table->primary[i] != 0))
            return false;
    return true;
}

static int table_trouble(struct store *store, const char *name)
{
    snprintf(store->trouble, sizeof(store->trouble),
             "table %s (or another of the branch) has changed its columns since PREPARE: change it back", name);
    return SQLITE_MISMATCH;
}

static int look(struct apply *apply)
{
    apply->takes_away = apply->takes_away || apply->operation == SQLITE_DELETE || is_lifted(apply);
    apply->needs_quiet = apply->needs_quiet || apply->table->is_quiet;
    apply->touches += apply->table->trees;
    return SQLITE_OK;
}

static int take_away(struct apply *apply)
{
    if (apply->operation == SQLITE_DELETE)
        return delete_by_old_values(apply);
    return is_lifted(apply) ? lift(apply) : SQLITE_OK;
}

static int bring_in(struct apply *apply)
{
    if (apply->operation == SQLITE_INSERT)
        return insert_row(apply);
    return apply->operation == SQLITE_DELETE || is_lifted(apply) ? SQLITE_OK : update_row(apply);
}

static int pass(struct apply *apply, const struct changeset *changeset, int (*each)(struct apply *))
{
    const struct table *last = NULL;
    apply->tables = 0;
    int rc = sqlite3changeset_start(&apply->iter, changeset->len, (void *)changeset->data);
    if (rc != SQLITE_OK)
        return rc;
    while (rc == SQLITE_OK && sqlite3changeset_next(apply->iter) == SQLITE_ROW) {
        const char *name;
        int columns, indirect;
        rc = sqlite3changeset_op(apply->iter, &name, &columns, &apply->operation, &indirect);
        apply->table = rc == SQLITE_OK ? schema_table(apply->store, name) : NULL;
        if (rc == SQLITE_OK)
            rc = table_fits(apply, columns) ? each(apply) : table_trouble(apply->store, name);
        if (rc == SQLITE_OK && apply->table != last) {
            apply->tables = apply->tables * 31 + apply->table->fingerprint;
            apply->trees += apply->table->trees;
        }
        last = apply->table;
    }
    int end = sqlite3changeset_finalize(apply->iter);
    return rc != SQLITE_OK ? rc : end;
}

static int check(struct apply *apply, struct changeset *changeset)
{
    int rc = pass(apply, changeset, look);
    changeset->touches = apply->touches;
    changeset->trees = apply->trees;
    if (rc == SQLITE_OK && changeset->tables == 0)
        changeset->tables = apply->tables;
    if (rc == SQLITE_OK && changeset->tables != apply->tables)
        rc = table_trouble(apply->store, apply->table != NULL ? apply->table->name : "?");
    return rc;
}

int apply_check(struct store *store, struct changeset *changeset)
{
    struct apply apply = {.store = store};
    return check(&apply, changeset);
}

/* This makes SQLite compile every statement again: it is done for tables that need it only, and undone by the next
 * handler. */
void apply_set_quiet(struct store *store, bool is_quiet)
{
    if (store->is_quiet == is_quiet)
        return;
    sqlite3_db_config(store->db, SQLITE_DBCONFIG_ENABLE_TRIGGER, !is_quiet, NULL);
    sqlite3_db_config(store->db, SQLITE_DBCONFIG_ENABLE_FKEY, !is_quiet, NULL);
    store->is_quiet = is_quiet;
}

int apply_changeset(struct store *store, struct changeset *changeset)
{
    struct apply apply = {.store = store};
    apply.last = &apply.first;
    int rc = check(&apply, changeset);
    if (rc != SQLITE_OK)
        return rc;
    if (apply.needs_quiet)
        apply_set_quiet(store, true);
    if (apply.takes_away)
        rc = pass(&apply, changeset, take_away);
    rc = put_all_back(&apply, rc);
    return rc == SQLITE_OK ? pass(&apply, changeset, bring_in) : rc;
}

/* ---- rowids ---- */

static int keep_sequence(struct apply *apply)
{
    if (apply->operation != SQLITE_INSERT || !apply->table->autoincrement)
        return SQLITE_OK;
    sqlite3_stmt *statement = store_statement(apply->store, STMT_BUMP_SEQUENCE);
    sqlite3_bind_text(statement, 1, apply->table->name, -1, SQLITE_STATIC);
    int rc = statement_bind(statement, 2, new_value(apply, apply->table->keys[0].columns[0]));
    if (rc == SQLITE_OK)
        rc = statement_run(statement);
    if (rc == SQLITE_OK && sqlite3_changes(apply->store->db) == 0) {
        /* The table's first row ever was rolled back, and its entry with it. */
        char *sql = sqlite3_mprintf("INSERT INTO sqlite_sequence (name, seq) VALUES (%Q, %lld)", apply->table->name,
                                    sqlite3_value_int64(new_value(apply, apply->table->keys[0].columns[0])));
        rc = sql != NULL ? store_exec(apply->store, sql) : SQLITE_NOMEM;
        sqlite3_free(sql);
    }
    return rc;
}

int apply_keep_sequences(struct store *store, const struct changeset *changeset)
{
    if (store->statements[STMT_BUMP_SEQUENCE] == NULL)
        return SQLITE_OK;
    struct apply apply = {.store = store};
    return pass(&apply, changeset, keep_sequence);
}
