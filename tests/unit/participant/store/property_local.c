#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "property.h"

/* ---- rows ---- */

void rows_free(struct rows *rows)
{
    for (size_t i = 0; i < rows->len; i++)
        free(rows->items[i]);
    free(rows->items);
    *rows = (struct rows){0};
}

static void rows_add(struct rows *rows, const char *row)
{
    rows->items = realloc(rows->items, (rows->len + 1) * sizeof(*rows->items));
    cr_assert_not_null(rows->items);
    rows->items[rows->len++] = strdup(row);
}

static int by_text(const void *one, const void *other)
{
    return strcmp(*(char *const *)one, *(char *const *)other);
}

static void rows_sort(struct rows *rows)
{
    if (rows->len > 0)
        qsort(rows->items, rows->len, sizeof(*rows->items), by_text);
}

static void read_table(struct rows *rows, sqlite3 *db, const char *select)
{
    sqlite3_stmt *statement;
    cr_assert_eq(sqlite3_prepare_v2(db, select, -1, &statement, NULL), SQLITE_OK, "%s: %s", select, sqlite3_errmsg(db));
    while (sqlite3_step(statement) == SQLITE_ROW)
        rows_add(rows, (const char *)sqlite3_column_text(statement, 0));
    cr_assert_eq(sqlite3_finalize(statement), SQLITE_OK, "%s", sqlite3_errmsg(db));
}

void rows_read(struct rows *rows, sqlite3 *db, const struct schema *schema)
{
    char select[200];
    *rows = (struct rows){0};
    for (int i = 0; i < schema->tables_len; i++) {
        const char *name = schema->tables[i].name;
        snprintf(select, sizeof(select),
                 "SELECT '%s:' || quote(id) || ',' || quote(a) || ',' || quote(b) || ',' || quote(p) FROM %s", name,
                 name);
        read_table(rows, db, select);
    }
    read_table(rows, db, "SELECT 'log:' || quote(what) FROM log"); /* whose numbers may differ */
    rows_sort(rows);
}

bool rows_equal(const struct rows *one, const struct rows *other)
{
    bool equal = one->len == other->len;
    for (size_t i = 0; equal && i < one->len; i++)
        equal = strcmp(one->items[i], other->items[i]) == 0;
    return equal;
}

char *rows_text(const struct rows *rows)
{
    char *text = NULL;
    size_t len;
    FILE *out = open_memstream(&text, &len);
    for (size_t i = 0; i < rows->len; i++)
        fprintf(out, "%s ", rows->items[i]);
    fclose(out);
    return text;
}

/* What is in `these` and not in `those`; both are sorted, and a row may be there several times. */
static void subtract(struct rows *result, const struct rows *these, const struct rows *those)
{
    *result = (struct rows){0};
    for (size_t i = 0, j = 0; i < these->len;) {
        const int order = j < those->len ? strcmp(these->items[i], those->items[j]) : -1;
        if (order < 0)
            rows_add(result, these->items[i]);
        i += order <= 0;
        j += order >= 0;
    }
}

/* ---- the local database ---- */

static void run(sqlite3 *db, const char *sql)
{
    cr_assert_eq(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK, "%s: %s", sql, sqlite3_errmsg(db));
}

static void set_quiet(sqlite3 *db, int quiet)
{
    sqlite3_db_config(db, SQLITE_DBCONFIG_ENABLE_TRIGGER, !quiet, NULL);
    sqlite3_db_config(db, SQLITE_DBCONFIG_ENABLE_FKEY, !quiet, NULL);
}

void local_open(struct local *local, const struct schema *schema)
{
    *local = (struct local){.schema = schema};
    cr_assert_eq(sqlite3_open(":memory:", &local->db), SQLITE_OK);
    run(local->db, schema->sql);
    run(local->db, "PRAGMA recursive_triggers = ON");
}

void local_close(struct local *local)
{
    rows_free(&local->now);
    sqlite3_close(local->db);
}

/* Puts the tables into the state that is committed. */
static void load(struct local *local)
{
    char sql[400];
    set_quiet(local->db, 1);
    for (int i = 0; i < local->schema->tables_len; i++) {
        snprintf(sql, sizeof(sql), "DELETE FROM %s", local->schema->tables[i].name);
        run(local->db, sql);
    }
    run(local->db, "DELETE FROM log");
    for (size_t i = 0; i < local->now.len; i++) {
        const char *row = local->now.items[i], *colon = strchr(row, ':');
        snprintf(sql, sizeof(sql), "INSERT INTO %.*s%s VALUES (%s)", (int)(colon - row), row,
                 strncmp(row, "log", 3) == 0 ? " (what)" : "", colon + 1);
        run(local->db, sql);
    }
    set_quiet(local->db, 0);
}

void local_try(struct local *local, const char *sql, struct effect *effect)
{
    struct rows after;
    int deferred = 0, highest;
    *effect = (struct effect){0};
    load(local);
    run(local->db, "BEGIN");
    effect->fails = sqlite3_exec(local->db, sql, NULL, NULL, NULL) != SQLITE_OK;
    sqlite3_db_status(local->db, SQLITE_DBSTATUS_DEFERRED_FKS, &deferred, &highest, 0);
    effect->fails = effect->fails || deferred > 0;
    rows_read(&after, local->db, local->schema);
    if (!effect->fails) {
        subtract(&effect->gone, &local->now, &after);
        subtract(&effect->come, &after, &local->now);
    }
    rows_free(&after);
    run(local->db, "ROLLBACK");
}

void local_commit(struct local *local, const struct effect *effect)
{
    struct rows kept;
    subtract(&kept, &local->now, &effect->gone);
    cr_assert_eq(kept.len + effect->gone.len, local->now.len, "a row of the branch was changed by somebody else");
    for (size_t i = 0; i < effect->come.len; i++)
        rows_add(&kept, effect->come.items[i]);
    rows_sort(&kept);
    rows_free(&local->now);
    local->now = kept;
}

void effect_free(struct effect *effect)
{
    rows_free(&effect->gone);
    rows_free(&effect->come);
}
