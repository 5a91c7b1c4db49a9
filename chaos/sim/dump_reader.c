#include "chaos/sim/dump_reader.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/assert.h"

static const char schema_rows[] = "SELECT rootpage || coalesce(sql, name) FROM sqlite_schema";

void sim_reader_fail(struct sim_reader *reader, const char *what)
{
    if (!reader->failed)
        (void)snprintf(reader->problem, sizeof(reader->problem), "%s: %.80s", what, sqlite3_errmsg(reader->db));
    reader->failed = true;
}

static void close_db(struct sim_reader *reader)
{
    for (unsigned i = 0; i < reader->statements_len; i++)
        (void)sqlite3_finalize(reader->statements[i].statement);
    reader->statements_len = 0;
    (void)sqlite3_close(reader->db);
    reader->db = NULL;
}

void sim_reader_end(struct sim_reader *reader)
{
    if (!reader->is_kept || reader->failed)
        close_db(reader);
}

void sim_reader_free(struct sim_reader *reader)
{
    close_db(reader);
    free(reader->schema);
    memset(reader, 0, sizeof(*reader));
}

sqlite3_stmt *sim_reader_statement(struct sim_reader *reader, const char *sql)
{
    sqlite3_stmt *statement = NULL;

    if (reader->failed)
        return NULL;
    for (unsigned i = 0; i < reader->statements_len; i++) {
        if (reader->statements[i].sql == sql)
            return reader->statements[i].statement;
    }
    VOW_ASSERT(reader->statements_len < SIM_READER_STATEMENTS);
    if (sqlite3_prepare_v3(reader->db, sql, -1, SQLITE_PREPARE_PERSISTENT, &statement, NULL) != SQLITE_OK) {
        if (sqlite3_errcode(reader->db) != SQLITE_ERROR)
            sim_reader_fail(reader, "reading");
        return NULL;
    }
    reader->statements[reader->statements_len].sql = sql;
    reader->statements[reader->statements_len++].statement = statement;
    return statement;
}

static void keep_schema(struct sim_reader *reader, const char *text, size_t len)
{
    if (reader->schema_len + len > reader->schema_size) {
        reader->schema_size = 2 * (reader->schema_len + len);
        reader->schema = realloc(reader->schema, reader->schema_size);
        VOW_ASSERT(reader->schema != NULL);
    }
    if (len > 0)
        memcpy(reader->schema + reader->schema_len, text, len);
    reader->schema_len += len;
}

static bool is_as_kept(const struct sim_reader *reader, size_t at, const char *text, size_t len)
{
    return at + len <= reader->schema_len && memcmp(reader->schema + at, text, len) == 0;
}

/* Reads the rows of the schema: to keep them, or to say whether they are those that were kept. */
static bool read_schema(struct sim_reader *reader, bool keeps)
{
    sqlite3_stmt *statement = sim_reader_statement(reader, schema_rows);
    bool is_same = statement != NULL;
    size_t at = 0;

    if (keeps)
        reader->schema_len = 0;
    while (is_same && sqlite3_step(statement) == SQLITE_ROW) {
        const char *text = (const char *)sqlite3_column_text(statement, 0);
        const size_t len = text != NULL ? strlen(text) + 1 : 0;

        if (keeps)
            keep_schema(reader, text, len);
        else
            is_same = len > 0 && is_as_kept(reader, at, text, len);
        at += len;
    }
    if (statement != NULL && sqlite3_reset(statement) != SQLITE_OK)
        is_same = false;
    return is_same && at == reader->schema_len;
}

/* One that is not kept is exclusive before the first read: so no other file is needed beside the database and its WAL,
 * and its closing does not hold the next one up. */
static bool open_new(struct sim_reader *reader, const char *vfs, const char *path)
{
    int rc = sqlite3_open_v2(path, &reader->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, vfs);

    if (rc == SQLITE_OK && !reader->is_kept)
        rc = sqlite3_exec(reader->db, "PRAGMA locking_mode = EXCLUSIVE", NULL, NULL, NULL);
    if (rc == SQLITE_OK)
        (void)sqlite3_db_config(reader->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
    if (rc != SQLITE_OK || (reader->is_kept && !read_schema(reader, true)))
        sim_reader_fail(reader, "opening");
    return !reader->failed;
}

bool sim_reader_open(struct sim_reader *reader, const char *vfs, const char *path)
{
    reader->failed = false;
    reader->problem[0] = '\0';
    if (reader->db != NULL && read_schema(reader, false))
        return true;
    close_db(reader);
    reader->failed = false;
    return open_new(reader, vfs, path);
}
