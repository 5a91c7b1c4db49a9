/*
 * One table of the user's, as the store sees it.
 *
 * A table is enrolled if its changes can be captured and applied again: it has an explicit PRIMARY KEY without NULLs
 * (trap 7), is not virtual, has no generated column (trap 7), no more than COLUMNS_MAX columns, and its unique keys are
 * made of plain columns with collations whose equality the store can put into text. Handlers cannot write to any other
 * table (sqlite_auth.c), so nothing is lost silently.
 */
#include <stdlib.h>
#include <string.h>

#include "participant/store/sqlite_store.h"

static void key_free(struct key *key)
{
    free(key->name);
    sqlite3_finalize(key->lock_row);
    sqlite3_finalize(key->lock_values);
    sqlite3_finalize(key->lock_shared);
}

void table_free(struct table *table)
{
    for (uint32_t i = 0; i < table->columns_len; i++)
        free(table->columns[i]);
    for (uint32_t i = 0; i < table->keys_len; i++)
        key_free(&table->keys[i]);
    for (uint32_t i = 0; i < UPDATE_STATEMENTS; i++)
        sqlite3_finalize(table->updates[i].statement);
    sqlite3_finalize(table->insert);
    sqlite3_finalize(table->delete_row);
    sqlite3_finalize(table->read_row);
    sqlite3_finalize(table->insert_row);
    sqlite3_finalize(table->new_key);
    for (uint32_t i = 0; i < table->parents_len; i++)
        free(table->parents[i]);
    free(table->parents);
    free(table->keys);
    free(table->name);
    memset(table, 0, sizeof(*table));
}

void table_make_kin(struct table *table)
{
    for (uint32_t i = 0; i < table->keys_len; i++)
        key_free(&table->keys[i]);
    table->keys_len = 0;
    table->is_kin = true;
}

/* ---- columns ---- */

/* FNV-1a: tells one definition from another. */
static void mix(uint64_t *hash, const char *text)
{
    do
        *hash = (*hash ^ (uint8_t)*text) * UINT64_C(0x100000001b3);
    while (*text++ != '\0');
}

/* Such a column may hold 1 and 1.0, which are equal and print differently: it has neither text nor real affinity.
 * Integer affinity makes an integer of a real, but of the lowest one of all, -9223372036854775808.0. */
static bool may_mix_numbers(const char *type)
{
    static const char *const patterns[] = {"%CHAR%", "%CLOB%", "%TEXT%", "%REAL%", "%FLOA%", "%DOUB%"};
    if (sqlite3_strlike("%INT%", type, 0) == 0) /* it wins over the others */
        return true;
    for (size_t i = 0; i < sizeof(patterns) / sizeof(patterns[0]); i++)
        if (sqlite3_strlike(patterns[i], type, 0) == 0)
            return false;
    return true;
}

/* Columns of what PRAGMA table_xinfo answers. */
enum { INFO_NAME = 1, INFO_TYPE = 2, INFO_NOT_NULL = 3, INFO_PRIMARY = 5, INFO_HIDDEN = 6 };

static int load_column(struct table *table, sqlite3_stmt *info)
{
    const char *name = (const char *)sqlite3_column_text(info, INFO_NAME);
    const char *type = (const char *)sqlite3_column_text(info, INFO_TYPE);
    uint32_t i = table->columns_len;
    if (name == NULL || type == NULL)
        return -1;
    if (i == COLUMNS_MAX || sqlite3_column_int(info, INFO_HIDDEN) != 0)
        return 0;
    table->columns[i] = strdup(name);
    if (table->columns[i] == NULL)
        return -1;
    table->columns_len++;
    table->primary[i] = (uint8_t)sqlite3_column_int(info, INFO_PRIMARY);
    table->integer_key = table->integer_key || (table->primary[i] > 0 && sqlite3_stricmp(type, "INTEGER") == 0);
    if (table->primary[i] > 0 && sqlite3_column_int(info, INFO_NOT_NULL) == 0)
        table->null_mask |= UINT64_C(1) << i;
    if (may_mix_numbers(type))
        table->mixed_mask |= UINT64_C(1) << i;
    mix(&table->fingerprint, name);
    mix(&table->fingerprint, type);
    mix(&table->fingerprint, table->primary[i] > 0 ? "key" : "");
    return 1;
}

static struct key *add_key(struct table *table, const char *name)
{
    struct key *keys = realloc(table->keys, (table->keys_len + 1) * sizeof(*keys));
    if (keys == NULL)
        return NULL;
    table->keys = keys;
    struct key *key = &keys[table->keys_len];
    memset(key, 0, sizeof(*key));
    key->name = strdup(name);
    if (key->name == NULL)
        return NULL;
    table->keys_len++;
    return key;
}

/* The primary key in its own order. 1, or 0 if there is none. */
static int add_primary_key(struct table *table)
{
    struct key *primary = add_key(table, "");
    if (primary == NULL)
        return -1;
    for (uint32_t i = 0; i < table->columns_len; i++) {
        if (table->primary[i] == 0)
            continue;
        primary->columns[table->primary[i] - 1] = (uint8_t)i;
        primary->columns_len++;
    }
    table->integer_key = table->integer_key && primary->columns_len == 1;
    return primary->columns_len > 0 ? 1 : 0;
}

/* Columns and primary key. Returns 1 if the table can be enrolled so far, 0 if not, -1 without memory. */
static int load_columns(struct store *store, struct table *table)
{
    sqlite3_stmt *info = pragma_prepare(store, "table_xinfo", table->name);
    int ok = 1;
    if (info == NULL)
        return -1;
    while (ok >= 0 && sqlite3_step(info) == SQLITE_ROW) {
        int fits = load_column(table, info);
        ok = fits < ok ? fits : ok;
    }
    if (sqlite3_finalize(info) != SQLITE_OK)
        return -1;
    return ok == 1 ? add_primary_key(table) : ok;
}

/* ---- unique indexes ---- */

/* How a collation's equality looks as text. False = a collation that only its owner knows. */
static bool fold_of(const char *collation, enum fold *fold)
{
    *fold = FOLD_NONE;
    if (collation == NULL || sqlite3_stricmp(collation, "BINARY") == 0)
        return true;
    *fold = sqlite3_stricmp(collation, "NOCASE") == 0 ? FOLD_CASE : FOLD_TRAILING_SPACES;
    return *fold == FOLD_CASE || sqlite3_stricmp(collation, "RTRIM") == 0;
}

/* The columns of one unique index into key. 1, or 0 if it has an expression or an unknown collation. */
static int load_index(struct store *store, const char *index, struct key *key)
{
    enum { COLUMN = 1, COLLATION = 4, IS_KEY = 5 };
    sqlite3_stmt *info = pragma_prepare(store, "index_xinfo", index);
    int ok = 1;
    if (info == NULL)
        return -1;
    key->columns_len = 0;
    while (ok == 1 && sqlite3_step(info) == SQLITE_ROW) {
        if (sqlite3_column_int(info, IS_KEY) == 0)
            continue;
        int column = sqlite3_column_int(info, COLUMN);
        if (column < 0 || key->columns_len == COLUMNS_MAX ||
            !fold_of((const char *)sqlite3_column_text(info, COLLATION), &key->fold[key->columns_len])) {
            ok = 0;
            break;
        }
        key->columns[key->columns_len++] = (uint8_t)column;
    }
    return sqlite3_finalize(info) == SQLITE_OK ? ok : -1;
}

/*
 * Does the primary key tell apart what its columns take for equal, or the other way round? A row is found by comparing
 * columns, in a session, too: with COLLATE NOCASE in the column alone 'a' would find 'A', which is another row. An
 * SQLite code.
 */
static int compares_as_its_columns(struct store *store, const struct table *table, bool *does)
{
    const struct key *primary = &table->keys[0];
    int rc = SQLITE_OK;
    *does = true;
    for (uint32_t i = 0; rc == SQLITE_OK && i < primary->columns_len; i++) {
        const char *collation = NULL;
        enum fold fold;
        rc = sqlite3_table_column_metadata(store->db, "main", table->name, table->columns[primary->columns[i]], NULL,
                                           &collation, NULL, NULL, NULL);
        *does = *does && rc == SQLITE_OK && fold_of(collation, &fold) && fold == primary->fold[i];
    }
    return rc;
}

/* Unique indexes, the primary key's own among them: it alone knows the key's collation. An INTEGER PRIMARY KEY that
 * is the rowid has none. */
static int load_indexes(struct store *store, struct table *table)
{
    enum { NAME = 1, IS_UNIQUE = 2, ORIGIN = 3, IS_PARTIAL = 4 };
    sqlite3_stmt *list = pragma_prepare(store, "index_list", table->name);
    int ok = 1;
    if (list == NULL)
        return -1;
    for (table->trees = 1; ok == 1 && sqlite3_step(list) == SQLITE_ROW; table->trees++) {
        if (sqlite3_column_int(list, IS_UNIQUE) == 0)
            continue;
        const char *name = (const char *)sqlite3_column_text(list, NAME);
        const char *origin = (const char *)sqlite3_column_text(list, ORIGIN);
        if (name == NULL || origin == NULL) {
            ok = -1;
            break;
        }
        bool is_primary = strcmp(origin, "pk") == 0;
        struct key *key = is_primary ? &table->keys[0] : add_key(table, name);
        ok = key != NULL ? load_index(store, name, key) : -1;
        table->integer_key = table->integer_key && !is_primary;
        for (uint32_t i = 0; ok == 1 && !is_primary && i < key->columns_len; i++)
            table->unique_mask |= UINT64_C(1) << key->columns[i];
        if (ok == 1)
            key->is_partial = sqlite3_column_int(list, IS_PARTIAL) != 0;
        if (ok == 1 && key->is_partial)
            table->unique_mask = UINT64_MAX; /* any column may be in its WHERE */
    }
    return sqlite3_finalize(list) == SQLITE_OK ? ok : -1;
}

/* ---- the whole ---- */

/* A name for the hidden rowid that no column has taken: rows that are put back keep it. */
static void find_rowid(struct table *table)
{
    static const char *const names[] = {"rowid", "_rowid_", "oid"};
    for (unsigned n = 0; table->rowid == NULL && n < 3; n++) {
        bool taken = false;
        for (uint32_t i = 0; i < table->columns_len; i++)
            taken = taken || sqlite3_stricmp(table->columns[i], names[n]) == 0;
        if (!taken)
            table->rowid = names[n];
    }
}

/*
 * A session does not see rows with a NULL in the primary key (trap 7). The guards let no new ones in; old ones keep the
 * table out. With a guard in place there are none, and the search is spared.
 */
static int has_null_key(struct store *store, const struct table *table)
{
    struct text text = {NULL, false};
    text_add(&text,
             "SELECT 1 FROM \"%w\" WHERE NOT EXISTS (SELECT 1 FROM sqlite_schema WHERE type = 'trigger' AND "
             "name = 'vow_guard_%q_insert') AND (false",
             table->name, table->name);
    for (uint32_t i = 0; i < table->columns_len; i++)
        if ((table->null_mask >> i & 1) != 0)
            text_add(&text, " OR \"%w\" IS NULL", table->columns[i]);
    text_add(&text, ") LIMIT 1");
    sqlite3_stmt *statement = text_prepare(store, &text);
    if (statement == NULL)
        return -1;
    int rc = sqlite3_step(statement);
    sqlite3_finalize(statement);
    return rc == SQLITE_ROW ? 1 : rc == SQLITE_DONE ? 0 : -1;
}

int table_load(struct store *store, const char *name, const char *sql, bool without_rowid, struct table *table)
{
    *table = (struct table){.fingerprint = UINT64_C(0xcbf29ce484222325)};
    if (name == NULL)
        return -1;
    table->name = strdup(name);
    if (table->name == NULL)
        return -1;
    mix(&table->fingerprint, name);
    int ok = load_columns(store, table);
    bool fits = true;
    if (ok == 1)
        ok = load_indexes(store, table);
    if (ok == 1 && !table->integer_key && compares_as_its_columns(store, table, &fits) != SQLITE_OK)
        ok = -1;
    if (ok == 1 && !fits)
        ok = 0;
    table->integer_key = table->integer_key && !without_rowid;
    if (ok == 1 && table->integer_key) /* a rowid is always an integer */
        table->mixed_mask &= ~(UINT64_C(1) << table->keys[0].columns[0]);
    table->autoincrement = table->integer_key && sql != NULL && sqlite3_strlike("%AUTOINCREMENT%", sql, 0) == 0;
    if (table->integer_key || without_rowid)
        table->null_mask = 0;
    else
        find_rowid(table);
    if (ok == 1 && table->null_mask != 0) {
        int has_null = has_null_key(store, table);
        ok = has_null < 0 ? -1 : !has_null;
    }
    return ok;
}
