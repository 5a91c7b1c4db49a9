/*
 * The guards: triggers that refuse a change to a row that a prepared branch holds, on every connection (trap 9).
 *
 * A lock is a row of vow_lock: table, key, and the key's values as text made by quote(). A guard makes the same text of
 * OLD or NEW and looks it up by primary key. Unique values are locked, too: those a branch gains, so that nobody else
 * takes them, and those its rows hold, so that INSERT OR REPLACE on another connection cannot delete a held row through
 * them (trap 9, trap 8).
 */

#include <string.h>

#include "participant/store/sqlite_store.h"

/* "one of these columns changes". */
static void add_change(struct text *text, const struct table *table, uint64_t mask)
{
    text_add(text, "(false");
    for (uint32_t i = 0; i < table->columns_len; i++)
        if ((mask >> i & 1) != 0)
            text_add(text, " OR OLD.\"%w\" IS NOT NEW.\"%w\"", table->columns[i], table->columns[i]);
    text_add(text, ")");
}

enum guard { GUARD_INSERT, GUARD_INSERTED, GUARD_UPDATE, GUARD_DELETE, GUARDS };

static const char *const names[GUARDS] = {"insert", "inserted", "update", "delete"};
static const char *const whens[GUARDS] = {"BEFORE INSERT", "AFTER INSERT", "BEFORE UPDATE", "BEFORE DELETE"};

/*
 * A guard's tests, each a search for lock rows. All of them are made, and each counts all rows that it finds, for in
 * counting it names them and their holders (sqlite_meet.c).
 */
struct tests {
    struct text *text;
    const struct table *table;
    enum guard guard;
};

/* The search; add_test_end() after its condition. `mask`: only if one of these columns changes; 0 = in any case. */
static void add_test_begin(const struct tests *tests, uint64_t mask)
{
    text_add(tests->text, " + (SELECT count(hex('VOW_LOCKED' || quote(gtrid) || tbl || char(10) || idx || char(10) || "
                          "key)) FROM vow_lock WHERE ");
    if (mask != 0) {
        add_change(tests->text, tests->table, mask);
        text_add(tests->text, " AND ");
    }
}

static void add_test_end(const struct tests *tests)
{
    text_add(tests->text, ")");
}

/*
 * "a lock on the values of this key in OLD or NEW", of one branch alone or shared (sqlite_hold.c). NULLs in a unique
 * index equal nothing, so they lock nothing: quote() of them is 'NULL', a text that lock rows never have for them.
 */
static void add_key_test(const struct tests *tests, const struct key *key, const char *prefix, uint64_t mask)
{
    add_test_begin(tests, mask);
    text_add(tests->text, "tbl = %Q AND idx = %Q AND key >= ", tests->table->name, key->name);
    key_of_columns(tests->text, tests->table, key, prefix);
    text_add(tests->text, " AND key < ");
    key_of_columns(tests->text, tests->table, key, prefix);
    text_add(tests->text, "||'!'");
    add_test_end(tests);
}

/* Foreign keys (trap 8): a parent stays while a new child of it is prepared, and no child comes while a parent is
 * about to go. */
static void add_family_test(const struct tests *tests, const char *table, const char *as, uint64_t mask)
{
    add_test_begin(tests, tests->guard == GUARD_UPDATE ? mask : 0);
    text_add(tests->text, "tbl = %Q AND idx = %Q", table, as);
    add_test_end(tests);
}

/*
 * OR REPLACE deletes rows without a word to the guards, unless the connection has recursive_triggers on. So a new row
 * is stopped by the child of one that it would replace: that has one of its keys, and what children refer to is another
 * value.
 */
static void add_replaced_test(const struct tests *tests, const struct key *key)
{
    static const char *const collations[] = {
        [FOLD_NONE] = "BINARY", [FOLD_CASE] = "NOCASE", [FOLD_TRAILING_SPACES] = "RTRIM"};
    const struct table *table = tests->table;
    add_test_begin(tests, 0);
    text_add(tests->text, "tbl = %Q AND idx = %Q AND EXISTS (SELECT 1 FROM \"%w\" AS vow_row WHERE true", table->name,
             LOCK_HAS_NEW_CHILD, table->name);
    for (uint32_t i = 0; i < key->columns_len; i++)
        text_add(tests->text, " AND vow_row.\"%w\" = NEW.\"%w\" COLLATE %s", table->columns[key->columns[i]],
                 table->columns[key->columns[i]], collations[key->fold[i]]);
    text_add(tests->text, " AND (false");
    for (uint32_t i = 0; i < table->columns_len; i++)
        if ((table->child_mask >> i & 1) != 0)
            text_add(tests->text, " OR vow_row.\"%w\" IS NOT NEW.\"%w\"", table->columns[i], table->columns[i]);
    text_add(tests->text, "))");
    add_test_end(tests);
}

static void add_family_tests(const struct tests *tests)
{
    const struct table *table = tests->table;
    const bool has_new = tests->guard == GUARD_INSERT || tests->guard == GUARD_UPDATE;
    for (uint32_t i = 0; i < table->keys_len && has_new && table->child_mask != 0; i++)
        if (i > 0 || (table->child_mask & ~key_mask(&table->keys[i])) != 0)
            add_replaced_test(tests, &table->keys[i]);
    if (table->child_mask != 0 && (tests->guard == GUARD_DELETE || tests->guard == GUARD_UPDATE))
        add_family_test(tests, table->name, LOCK_HAS_NEW_CHILD, table->child_mask);
    for (uint32_t i = 0; i < table->parents_len && has_new; i++)
        add_family_test(tests, table->parents[i], LOCK_LOSES_ROW, table->parent_mask);
}

/* An UPDATE that leaves a unique value alone is spared the search. */
static void add_tests(const struct tests *tests)
{
    const struct table *table = tests->table;
    bool is_update = tests->guard == GUARD_UPDATE;
    bool has_new = is_update || tests->guard == GUARD_INSERT;
    if (table->is_kin) {
        add_family_tests(tests);
        return;
    }
    add_key_test(tests, &table->keys[0], is_update || tests->guard == GUARD_DELETE ? "OLD." : "NEW.", 0);
    for (uint32_t i = is_update ? 0 : 1; i < table->keys_len && has_new; i++) {
        const struct key *key = &table->keys[i];
        add_key_test(tests, key, "NEW.", is_update && !key->is_partial ? key_mask(key) : 0);
    }
    add_family_tests(tests);
}

/* "the new primary key has a NULL": a session would not see such a row (trap 7). */
static void add_null_test(struct text *text, const struct table *table)
{
    text_add(text, "(false");
    for (uint32_t i = 0; i < table->columns_len; i++)
        if ((table->null_mask >> i & 1) != 0)
            text_add(text, " OR NEW.\"%w\" IS NULL", table->columns[i]);
    text_add(text, ")");
}

/* A kin's guards say nothing of NULLs, for which a guard stands otherwise (sqlite_table.c). */
static const char *prefix_of(const struct table *table)
{
    return table->is_kin ? "vow_kin" : "vow_guard";
}

static void guard_text(struct text *text, const struct table *table, enum guard guard)
{
    struct tests tests = {.text = text, .table = table, .guard = guard};
    bool tests_null = (guard == GUARD_UPDATE || guard == GUARD_INSERT) && table->null_mask != 0 && !table->is_kin;
    text_add(text, "CREATE TRIGGER \"%w_%w_%s\" %s ON \"%w\" WHEN 0", prefix_of(table), table->name, names[guard],
             whens[guard], table->name);
    add_tests(&tests);
    text_add(text, " > 0");
    if (tests_null) {
        text_add(text, " OR ");
        add_null_test(text, table);
    }
    text_add(text, " BEGIN ");
    if (tests_null) {
        text_add(text, "SELECT RAISE(ABORT, 'VOW_NULL_KEY') WHERE ");
        add_null_test(text, table);
        text_add(text, "; ");
    }
    text_add(text, "SELECT RAISE(ABORT, 'VOW_LOCKED'); END");
}

int guard_prepare(struct store *store, sqlite3_stmt **find)
{
    return sqlite3_prepare_v2(store->db, "SELECT sql FROM sqlite_schema WHERE type = 'trigger' AND name = ?1", -1, find,
                              NULL);
}

/* Is the guard in the schema, with this very text? An SQLite code. */
static int is_installed(sqlite3_stmt *find, const char *name, const char *wanted, bool *is)
{
    sqlite3_bind_text(find, 1, name, -1, SQLITE_STATIC);
    const char *sql = sqlite3_step(find) == SQLITE_ROW ? (const char *)sqlite3_column_text(find, 0) : NULL;
    *is = sql != NULL && strcmp(sql, wanted) == 0;
    return sqlite3_reset(find);
}

static int replace(struct store *store, const char *name, const char *wanted)
{
    char *drop = sqlite3_mprintf("DROP TRIGGER IF EXISTS \"%w\"", name);
    int rc = drop != NULL ? store_exec(store, drop) : SQLITE_NOMEM;
    sqlite3_free(drop);
    return rc == SQLITE_OK ? store_exec(store, wanted) : rc;
}

static int install_one(struct store *store, sqlite3_stmt *find, const struct table *table, enum guard guard)
{
    struct text text = {NULL, false};
    bool is = false;
    guard_text(&text, table, guard);
    char *wanted = text_finish(&text);
    char *name = sqlite3_mprintf("%s_%s_%s", prefix_of(table), table->name, names[guard]);
    int rc = wanted == NULL || name == NULL ? SQLITE_NOMEM : is_installed(find, name, wanted, &is);
    if (rc == SQLITE_OK && !is)
        rc = replace(store, name, wanted);
    sqlite3_free(name);
    sqlite3_free(wanted);
    return rc;
}

int guard_install(struct store *store, sqlite3_stmt *find, const struct table *table)
{
    if (table->is_kin && table->parents_len == 0 && table->child_mask == 0)
        return SQLITE_OK;
    for (int guard = 0; guard < GUARDS; guard++) {
        /* Only a key that SQLite may choose is unknown before the insert (trap 11). */
        if (guard == GUARD_INSERTED && (!table->integer_key || table->is_kin))
            continue;
        int rc = install_one(store, find, table, (enum guard)guard);
        if (rc != SQLITE_OK)
            return rc;
    }
    return SQLITE_OK;
}
