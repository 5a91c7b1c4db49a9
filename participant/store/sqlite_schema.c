/* The store's own tables, and all that it knows of the user's: which are enrolled, and how they hang together. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "participant/store/sqlite_store.h"

static const char own_tables[] =
    "CREATE TABLE IF NOT EXISTS vow_meta (key TEXT PRIMARY KEY, value) WITHOUT ROWID;"
    "CREATE TABLE IF NOT EXISTS vow_branch ("
    " gtrid BLOB NOT NULL, branch INTEGER NOT NULL,"
    " state TEXT NOT NULL CHECK (state = 'prepared' OR state = 'committed' OR state = 'memo'),"
    " epoch INTEGER NOT NULL, since_us INTEGER NOT NULL, tables INTEGER NOT NULL, changeset BLOB,"
    " peers TEXT, PRIMARY KEY (gtrid, branch)) WITHOUT ROWID;"
    "CREATE TABLE IF NOT EXISTS vow_lock ("
    " tbl TEXT NOT NULL, idx TEXT NOT NULL, key TEXT NOT NULL, gtrid BLOB NOT NULL, branch INTEGER NOT NULL,"
    " PRIMARY KEY (tbl, idx, key)) WITHOUT ROWID;"
    "CREATE INDEX IF NOT EXISTS vow_lock_by_branch ON vow_lock (gtrid, branch);"
    "CREATE TABLE IF NOT EXISTS vow_heuristic ("
    " gtrid BLOB NOT NULL, branch INTEGER NOT NULL, epoch INTEGER NOT NULL, verdict INTEGER NOT NULL,"
    " decided INTEGER NOT NULL DEFAULT 0, who TEXT NOT NULL, why TEXT NOT NULL, wall_us INTEGER NOT NULL,"
    " PRIMARY KEY (gtrid, branch)) WITHOUT ROWID;"
    "CREATE TABLE IF NOT EXISTS vow_step ("
    " gtrid BLOB NOT NULL, step INTEGER NOT NULL, direction INTEGER NOT NULL,"
    " status TEXT NOT NULL CHECK (status = 'done' OR status = 'rejected' OR status = 'blocked' OR status = 'empty'),"
    " hash INTEGER NOT NULL, cause INTEGER NOT NULL, text TEXT NOT NULL, answer BLOB NOT NULL,"
    " wall_us INTEGER NOT NULL, PRIMARY KEY (gtrid, step, direction)) WITHOUT ROWID;"
    /* What waits to be sent; the newest number of each key; what prepared branches will publish. */
    "CREATE TABLE IF NOT EXISTS vow_outbox ("
    " seq INTEGER PRIMARY KEY AUTOINCREMENT, agg_key TEXT NOT NULL, agg_seq INTEGER NOT NULL, topic TEXT NOT NULL,"
    " version INTEGER NOT NULL, hops INTEGER NOT NULL, gtrid BLOB NOT NULL, wall_us INTEGER NOT NULL,"
    " headers TEXT NOT NULL, payload BLOB NOT NULL, deadline_us INTEGER NOT NULL DEFAULT 0,"
    " UNIQUE (agg_key, agg_seq));"
    "CREATE TABLE IF NOT EXISTS vow_outbox_key (agg_key TEXT PRIMARY KEY, last INTEGER NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE IF NOT EXISTS vow_branch_event ("
    " gtrid BLOB NOT NULL, branch INTEGER NOT NULL, n INTEGER NOT NULL, agg_key TEXT NOT NULL, topic TEXT NOT NULL,"
    " version INTEGER NOT NULL, hops INTEGER NOT NULL, headers TEXT NOT NULL, payload BLOB NOT NULL,"
    " deadline_us INTEGER NOT NULL DEFAULT 0, PRIMARY KEY (gtrid, branch, n)) WITHOUT ROWID;"
    /* Which events were handled; below which offset that is not known any more. */
    "CREATE TABLE IF NOT EXISTS vow_inbox ("
    " grp TEXT NOT NULL, source BLOB NOT NULL, agg_key TEXT NOT NULL, agg_seq INTEGER NOT NULL,"
    " event_offset INTEGER NOT NULL, wall_us INTEGER NOT NULL,"
    " PRIMARY KEY (grp, source, agg_key, agg_seq)) WITHOUT ROWID;"
    "CREATE INDEX IF NOT EXISTS vow_inbox_by_offset ON vow_inbox (grp, event_offset, wall_us);"
    "CREATE TABLE IF NOT EXISTS vow_inbox_floor (grp TEXT PRIMARY KEY, floor INTEGER NOT NULL) WITHOUT ROWID;"
    "UPDATE vow_meta SET value = 4 WHERE key = 'format' AND value < 4;"
    "INSERT OR IGNORE INTO vow_meta VALUES ('format', 4), ('uuid', randomblob(16)), ('incarnation', 0),"
    " ('coord', 0), ('epoch', 0), ('watermark_epoch', 0), ('watermark_seq', 0),"
    " ('step_floor', x''), ('outbox_len', 0), ('outbox_max', 0), ('outbox_synced', 0), ('inbox_base', 0);"
    /* Whose offsets the inbox has: in a file of before it said so, those of the coordinator that it belongs to. */
    "INSERT OR IGNORE INTO vow_meta SELECT 'inbox_coord', value FROM vow_meta WHERE key = 'coord';";

/* A file of format 1 has no room for whom to ask. An SQLite code. */
static int add_peers(struct store *store)
{
    sqlite3_stmt *statement;
    int rc = sqlite3_prepare_v2(store->db, "SELECT 1 FROM pragma_table_info('vow_branch') WHERE name = 'peers'", -1,
                                &statement, NULL);
    if (rc != SQLITE_OK)
        return rc;
    const bool has = sqlite3_step(statement) == SQLITE_ROW;
    rc = sqlite3_finalize(statement);
    return rc == SQLITE_OK && !has ? store_exec(store, "ALTER TABLE vow_branch ADD COLUMN peers TEXT") : rc;
}

/* A file of format 4 may have been made before events had deadlines. An SQLite code. */
static int add_deadlines(struct store *store)
{
    static const char count[] = "SELECT (SELECT count(*) FROM pragma_table_info('vow_outbox') WHERE name = "
                                "'deadline_us') + 2 * (SELECT count(*) FROM pragma_table_info('vow_branch_event') "
                                "WHERE name = 'deadline_us')";
    const int64_t has = store_number(store, count);
    int rc = has < 0 ? sqlite3_errcode(store->db) : SQLITE_OK;
    if (rc == SQLITE_OK && (has & 1) == 0)
        rc = store_exec(store, "ALTER TABLE vow_outbox ADD COLUMN deadline_us INTEGER NOT NULL DEFAULT 0");
    if (rc == SQLITE_OK && (has & 2) == 0)
        rc = store_exec(store, "ALTER TABLE vow_branch_event ADD COLUMN deadline_us INTEGER NOT NULL DEFAULT 0");
    return rc;
}

/* Is there all that own_tables makes? Then a start writes nothing of it. */
static bool is_complete(struct store *store)
{
    static const char names[] =
        "SELECT count(*) FROM sqlite_schema WHERE name IN ('vow_meta', 'vow_branch', 'vow_lock',"
        " 'vow_lock_by_branch', 'vow_heuristic', 'vow_step', 'vow_outbox', 'vow_outbox_key', 'vow_branch_event',"
        " 'vow_inbox', 'vow_inbox_by_offset', 'vow_inbox_floor')";
    static const char keys[] = "SELECT count(*) FROM vow_meta WHERE key IN ('format', 'uuid', 'incarnation', 'coord',"
                               " 'epoch', 'watermark_epoch', 'watermark_seq', 'step_floor', 'outbox_len',"
                               " 'outbox_max', 'outbox_synced', 'inbox_base', 'inbox_coord')";
    static const char deadlines[] = "SELECT count(*) FROM pragma_table_info('vow_branch_event') "
                                    "WHERE name = 'deadline_us'";
    return store_number(store, names) == 12 && store_number(store, keys) == 13 &&
           store_number(store, "SELECT value FROM vow_meta WHERE key = 'format'") == STORE_FORMAT &&
           store_number(store, deadlines) == 1;
}

int schema_create(struct store *store, struct vow_error_detail *detail)
{
    if (is_complete(store))
        return 0;
    int rc = store_exec(store, "BEGIN IMMEDIATE");
    if (rc == SQLITE_OK)
        rc = store_exec(store, own_tables);
    if (rc == SQLITE_OK)
        rc = add_peers(store);
    if (rc == SQLITE_OK)
        rc = add_deadlines(store);
    if (rc == SQLITE_OK)
        rc = store_exec(store, "COMMIT");
    if (rc == SQLITE_OK)
        return 0;
    store_fail(store, VOW_E_DATABASE, "the tables of Vow cannot be made", detail);
    store_take_back(store);
    return detail->error;
}

/* ---- all tables ---- */

void schema_free(struct store *store)
{
    for (uint32_t i = 0; i < store->tables_len; i++)
        table_free(&store->tables[i]);
    free(store->tables);
    store->tables = NULL;
    store->tables_len = 0;
}

/* Columns of what PRAGMA table_list answers. */
enum { LIST_SCHEMA = 0, LIST_NAME = 1, LIST_TYPE = 2, LIST_WITHOUT_ROWID = 4 };

static bool is_text(sqlite3_stmt *row, int column, const char *wanted)
{
    const char *text = (const char *)sqlite3_column_text(row, column);
    return text != NULL && strcmp(text, wanted) == 0;
}

/* An ordinary table of this file, neither SQLite's nor Vow's. */
static bool is_users(sqlite3_stmt *row)
{
    const char *name = (const char *)sqlite3_column_text(row, LIST_NAME);
    return name != NULL && is_text(row, LIST_SCHEMA, "main") && is_text(row, LIST_TYPE, "table") &&
           sqlite3_strnicmp(name, "sqlite_", 7) != 0 && sqlite3_strnicmp(name, "vow_", 4) != 0;
}

static struct table *add_table(struct store *store)
{
    struct table *tables = realloc(store->tables, (store->tables_len + 1) * sizeof(*tables));
    if (tables == NULL)
        return NULL;
    store->tables = tables;
    return &tables[store->tables_len];
}

/* `definition` finds its text. An SQLite code. */
static int load_table(struct store *store, sqlite3_stmt *row, sqlite3_stmt *definition)
{
    struct table *table = add_table(store);
    if (table == NULL)
        return SQLITE_NOMEM;
    const char *name = (const char *)sqlite3_column_text(row, LIST_NAME);
    sqlite3_bind_text(definition, 1, name, -1, SQLITE_STATIC);
    bool found = sqlite3_step(definition) == SQLITE_ROW;
    int ok = found ? table_load(store, name, (const char *)sqlite3_column_text(definition, 0),
                                sqlite3_column_int(row, LIST_WITHOUT_ROWID) != 0, table)
                   : 0;
    int rc = sqlite3_reset(definition);
    if (!found)
        return rc;
    if (ok < 0 || rc != SQLITE_OK) {
        table_free(table);
        return rc != SQLITE_OK ? rc : SQLITE_NOMEM;
    }
    if (ok == 0)
        table_make_kin(table);
    store->tables_len++;
    return SQLITE_OK;
}

static int load_all(struct store *store)
{
    sqlite3_stmt *list = NULL, *definition = NULL;
    int rc = sqlite3_prepare_v2(store->db, "PRAGMA main.table_list", -1, &list, NULL);
    if (rc == SQLITE_OK)
        rc = sqlite3_prepare_v2(store->db, "SELECT sql FROM sqlite_schema WHERE type = 'table' AND name = ?1", -1,
                                &definition, NULL);
    while (rc == SQLITE_OK && sqlite3_step(list) == SQLITE_ROW)
        if (is_users(list))
            rc = load_table(store, list, definition);
    int end = sqlite3_finalize(list);
    sqlite3_finalize(definition);
    return rc != SQLITE_OK ? rc : end;
}

/* ---- how they hang together ---- */

static bool add_parent(struct table *child, const char *parent)
{
    for (uint32_t i = 0; i < child->parents_len; i++)
        if (sqlite3_stricmp(child->parents[i], parent) == 0)
            return true;
    char **parents = realloc(child->parents, (child->parents_len + 1) * sizeof(*parents));
    if (parents == NULL)
        return false;
    child->parents = parents;
    parents[child->parents_len] = strdup(parent);
    return parents[child->parents_len++] != NULL;
}

static struct table *any_table(struct store *store, const char *name)
{
    for (uint32_t i = 0; i < store->tables_len; i++)
        if (sqlite3_stricmp(store->tables[i].name, name) == 0)
            return &store->tables[i];
    return NULL;
}

static bool is_enrolled(const struct table *table)
{
    return table != NULL && !table->is_kin;
}

static uint64_t column_bit(const struct table *table, const char *name)
{
    for (uint32_t i = 0; i < table->columns_len; i++)
        if (sqlite3_stricmp(table->columns[i], name) == 0)
            return UINT64_C(1) << i;
    return 0;
}

/* Without a column of the parent it is about the parent's primary key. A generated column, or one beyond the last that
 * is known, is taken for any. */
static uint64_t columns_of(const struct table *table, const char *name)
{
    uint64_t mask = name != NULL ? column_bit(table, name) : 0;
    for (uint32_t i = 0; i < table->columns_len && name == NULL; i++)
        if (table->primary[i] > 0)
            mask |= UINT64_C(1) << i;
    return mask != 0 ? mask : UINT64_MAX;
}

/* One column of one foreign key. It matters if one of the two tables at least is enrolled. */
static int link_column(struct store *store, const char *child_name, const char *from, const char *parent_name,
                       const char *to)
{
    if (child_name == NULL || from == NULL || parent_name == NULL)
        return SQLITE_NOMEM;
    struct table *child = any_table(store, child_name), *parent = any_table(store, parent_name);
    if (!is_enrolled(child) && !is_enrolled(parent))
        return SQLITE_OK;
    if (child != NULL) {
        child->is_quiet = true;
        child->parent_mask |= columns_of(child, from);
        if (!add_parent(child, parent != NULL ? parent->name : parent_name))
            return SQLITE_NOMEM;
    }
    if (parent != NULL) {
        parent->is_quiet = true;
        parent->child_mask |= columns_of(parent, to);
    }
    return SQLITE_OK;
}

/* Of one child. */
static int link_child(struct store *store, const char *name)
{
    enum { PARENT = 2, FROM = 3, TO = 4 };
    sqlite3_stmt *list = pragma_prepare(store, "foreign_key_list", name);
    int rc = SQLITE_OK;
    if (list == NULL) {
        rc = sqlite3_errcode(store->db);
        return rc != SQLITE_OK ? rc : SQLITE_NOMEM;
    }
    while (rc == SQLITE_OK && sqlite3_step(list) == SQLITE_ROW)
        rc = link_column(store, name, (const char *)sqlite3_column_text(list, FROM),
                         (const char *)sqlite3_column_text(list, PARENT), (const char *)sqlite3_column_text(list, TO));
    int end = sqlite3_finalize(list);
    return rc != SQLITE_OK ? rc : end;
}

static int link_foreign_keys(struct store *store)
{
    int rc = SQLITE_OK;
    for (uint32_t i = 0; rc == SQLITE_OK && i < store->tables_len; i++)
        rc = link_child(store, store->tables[i].name);
    return rc;
}

/* Tables with triggers of the user's. */
static int mark_triggers(struct store *store)
{
    sqlite3_stmt *list;
    int rc = sqlite3_prepare_v2(store->db,
                                "SELECT tbl_name FROM sqlite_schema WHERE type = 'trigger' AND name NOT LIKE "
                                "'vow\\_guard\\_%' ESCAPE '\\' AND name NOT LIKE 'vow\\_kin\\_%' ESCAPE '\\' "
                                "UNION ALL SELECT tbl_name FROM sqlite_temp_schema WHERE type = 'trigger'",
                                -1, &list, NULL);
    while (rc == SQLITE_OK && sqlite3_step(list) == SQLITE_ROW) {
        struct table *table = schema_table(store, (const char *)sqlite3_column_text(list, 0));
        if (table != NULL)
            table->is_quiet = true;
    }
    int end = sqlite3_finalize(list);
    return rc != SQLITE_OK ? rc : end;
}

/* ---- loading ---- */

static int install_guards(struct store *store)
{
    sqlite3_stmt *find = NULL;
    int rc = guard_prepare(store, &find);
    for (uint32_t i = 0; rc == SQLITE_OK && i < store->tables_len; i++)
        rc = guard_install(store, find, &store->tables[i]);
    sqlite3_finalize(find);
    return rc;
}

static int prepare_sequence(struct store *store)
{
    int64_t sequences = store_number(store, "SELECT count(*) FROM sqlite_schema WHERE name = 'sqlite_sequence'");
    if (sequences < 0)
        return sqlite3_errcode(store->db);
    if (store->statements[STMT_BUMP_SEQUENCE] != NULL || sequences == 0)
        return SQLITE_OK;
    return sqlite3_prepare_v3(store->db, "UPDATE sqlite_sequence SET seq = max(seq, ?2) WHERE name = ?1", -1,
                              SQLITE_PREPARE_PERSISTENT, &store->statements[STMT_BUMP_SEQUENCE], NULL);
}

static int load(struct store *store)
{
    schema_free(store);
    int rc = load_all(store);
    if (rc == SQLITE_OK)
        rc = link_foreign_keys(store);
    if (rc == SQLITE_OK)
        rc = mark_triggers(store);
    if (rc == SQLITE_OK)
        rc = install_guards(store);
    if (rc == SQLITE_OK)
        rc = prepare_sequence(store);
    store->schema_version = store_number(store, "PRAGMA schema_version"); /* as the guards have left it */
    return rc;
}

int schema_load(struct store *store, struct vow_error_detail *detail)
{
    int rc = store_take_back_rest(store);
    bool own_transaction = !store_in_transaction(store);
    if (rc == SQLITE_OK && own_transaction)
        rc = store_exec(store, "BEGIN IMMEDIATE");
    if (rc == SQLITE_OK)
        rc = load(store);
    if (rc == SQLITE_OK && own_transaction)
        rc = store_exec(store, "COMMIT");
    if (rc == SQLITE_OK)
        return 0;
    store->schema_version = -1;
    store_fail(store, rc == SQLITE_NOMEM ? VOW_E_NO_MEMORY : VOW_E_DATABASE, "the tables cannot be enrolled", detail);
    if (own_transaction)
        store_take_back(store);
    return detail->error;
}

/* Prepared branches whose tables have changed could not be committed (trap 6): better said now than found then. */
int schema_check_prepared(struct store *store, struct vow_error_detail *detail)
{
    sqlite3_stmt *list;
    int rc = sqlite3_prepare_v2(store->db, "SELECT changeset, tables FROM vow_branch WHERE state = 'prepared'", -1,
                                &list, NULL);
    while (rc == SQLITE_OK && sqlite3_step(list) == SQLITE_ROW) {
        struct changeset changeset = {.data = sqlite3_column_blob(list, 0),
                                      .len = sqlite3_column_bytes(list, 0),
                                      .tables = (uint64_t)sqlite3_column_int64(list, 1)};
        rc = apply_check(store, &changeset);
    }
    int end = sqlite3_finalize(list);
    if (rc == SQLITE_OK && end == SQLITE_OK)
        return 0;
    return store_fail(store, rc == SQLITE_MISMATCH ? VOW_E_STATE : VOW_E_DATABASE, "prepared branches", detail);
}

char *schema_held(struct store *store)
{
    char *text = NULL;
    sqlite3_stmt *statement;
    if (sqlite3_prepare_v2(store->db,
                           "SELECT coalesce(group_concat(name || sql, ';'), '') FROM (SELECT name, sql FROM "
                           "sqlite_schema WHERE tbl_name COLLATE NOCASE IN (SELECT tbl FROM vow_lock) AND "
                           "(type = 'table' OR sql LIKE 'CREATE UNIQUE%') ORDER BY name)",
                           -1, &statement, NULL) != SQLITE_OK)
        return NULL;
    const char *found = sqlite3_step(statement) == SQLITE_ROW ? (const char *)sqlite3_column_text(statement, 0) : NULL;
    if (found != NULL)
        text = sqlite3_mprintf("%s", found);
    sqlite3_finalize(statement);
    return text;
}

int schema_check_held(struct store *store, const char *before, struct vow_error_detail *detail)
{
    char *after = schema_held(store);
    int error = 0;
    if (after == NULL)
        error = store_fail(store, VOW_E_DATABASE, "the tables' definitions cannot be read", detail);
    else if (strcmp(before, after) != 0) {
        snprintf(store->trouble, sizeof(store->trouble),
                 "it changes the definition of a table that a prepared branch needs: start with the schema of before "
                 "until that has ended");
        error = store_fail(store, VOW_E_STATE, "options.schema", detail);
    }
    sqlite3_free(after);
    return error;
}

int schema_refresh(struct store *store, struct vow_error_detail *detail)
{
    sqlite3_stmt *statement = store_statement(store, STMT_SCHEMA_VERSION);
    int64_t version = sqlite3_step(statement) == SQLITE_ROW ? sqlite3_column_int64(statement, 0) : -1;
    if (sqlite3_reset(statement) != SQLITE_OK)
        return store_fail(store, VOW_E_DATABASE, "the schema cannot be read", detail);
    return version == store->schema_version ? 0 : schema_load(store, detail);
}

struct table *schema_table(struct store *store, const char *name)
{
    struct table *table = any_table(store, name);
    return is_enrolled(table) ? table : NULL;
}
