#include "participant/store/state_file.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "participant/store/directory.h"

/* Format 2: vow_heuristic. A file of format 1 is brought up to date at open. */
#define STATE_FORMAT 2
/* Tombstones that one watermark removes at most; the next one goes on. */
#define REMOVED_AT_ONCE "10000"

enum statement {
    STMT_BEGIN,
    STMT_COMMIT,
    STMT_ROLLBACK,
    STMT_GET,
    STMT_FIND_TOMBSTONE,
    STMT_SET,
    STMT_REMOVE,
    STMT_SET_META,
    STMT_REMOVE_BELOW,
    STMT_REMOVE_PEERS_BELOW,
    STMT_COUNT
};

static const char *const statements[STMT_COUNT] = {
    [STMT_BEGIN] = "BEGIN IMMEDIATE",
    [STMT_COMMIT] = "COMMIT",
    [STMT_ROLLBACK] = "ROLLBACK",
    [STMT_GET] = "SELECT state FROM vow_branch WHERE gtrid = ?1 AND branch = ?2",
    [STMT_FIND_TOMBSTONE] = "SELECT 1 FROM vow_branch WHERE gtrid = ?1 AND state = 'committed' LIMIT 1",
    [STMT_SET] = "INSERT OR REPLACE INTO vow_branch VALUES (?1, ?2, ?3)",
    [STMT_REMOVE] = "DELETE FROM vow_branch WHERE gtrid = ?1 AND branch = ?2",
    [STMT_SET_META] = "UPDATE vow_meta SET value = ?2 WHERE key = ?1",
    [STMT_REMOVE_BELOW] = ("DELETE FROM vow_branch WHERE (gtrid, branch) IN (SELECT gtrid, branch FROM vow_branch "
                           "WHERE gtrid >= ?1 AND gtrid < ?2 AND state = 'committed' LIMIT " REMOVED_AT_ONCE ")"),
    [STMT_REMOVE_PEERS_BELOW] = "DELETE FROM vow_peers WHERE gtrid >= ?1 AND gtrid < ?2",
};

static const char own_tables[] =
    "CREATE TABLE IF NOT EXISTS vow_meta (key TEXT PRIMARY KEY, value) WITHOUT ROWID;"
    "CREATE TABLE IF NOT EXISTS vow_branch ("
    " gtrid BLOB NOT NULL, branch INTEGER NOT NULL,"
    " state TEXT NOT NULL CHECK (state = 'committed' OR state = 'decided' OR state = 'memo'),"
    " PRIMARY KEY (gtrid, branch)) WITHOUT ROWID;"
    "CREATE TABLE IF NOT EXISTS vow_heuristic ("
    " gtrid BLOB NOT NULL, branch INTEGER NOT NULL, epoch INTEGER NOT NULL, verdict INTEGER NOT NULL,"
    " decided INTEGER NOT NULL, who TEXT NOT NULL, why TEXT NOT NULL, wall_us INTEGER NOT NULL,"
    " PRIMARY KEY (gtrid, branch)) WITHOUT ROWID;"
    "CREATE TABLE IF NOT EXISTS vow_peers ("
    " gtrid BLOB NOT NULL, branch INTEGER NOT NULL, peers TEXT NOT NULL, PRIMARY KEY (gtrid, branch)) WITHOUT ROWID;"
    "UPDATE vow_meta SET value = 2 WHERE key = 'resource_format' AND value = 1;"
    "INSERT OR IGNORE INTO vow_meta VALUES ('resource_format', 2), ('uuid', randomblob(16)), ('incarnation', 0),"
    " ('coord', 0), ('epoch', 0), ('watermark_epoch', 0), ('watermark_seq', 0);";

static const char *const row_names[] = {
    [STATE_ROW_COMMITTED] = "committed", [STATE_ROW_DECIDED] = "decided", [STATE_ROW_MEMO] = "memo"};

struct state_file {
    sqlite3 *db;
    char *path;
    bool is_forced; /* the current setting of synchronous */
    sqlite3_stmt *statements[STMT_COUNT];
};

/* ---- errors ---- */

static int fail(const struct state_file *file, int error, const char *doing, struct vow_error_detail *detail)
{
    detail->error = error;
    snprintf(detail->text, sizeof(detail->text), "%s: %s: %s", file->path, doing,
             file->db != NULL ? sqlite3_errmsg(file->db) : "out of memory");
    return error;
}

static int refuse(const struct state_file *file, int error, const char *why, struct vow_error_detail *detail)
{
    detail->error = error;
    snprintf(detail->text, sizeof(detail->text), "%s: %s", file->path, why);
    return error;
}

/* Of an SQLite code: did nothing happen, or is it unknown? A failed sync is never tried again (F105). */
static int error_of(int rc)
{
    switch (rc & 0xff) {
    case SQLITE_FULL:
    case SQLITE_BUSY:
    case SQLITE_NOMEM:
        return VOW_E_BUSY;
    case SQLITE_IOERR:
        return VOW_E_IO;
    default:
        return VOW_E_DATABASE;
    }
}

/* Ends the transaction, if there is one: what failed takes all of it away. */
int state_file_give_up(struct state_file *file, int rc, const char *doing, struct vow_error_detail *detail)
{
    const int error = fail(file, error_of(rc), doing, detail);
    if (sqlite3_get_autocommit(file->db) == 0) {
        sqlite3_step(file->statements[STMT_ROLLBACK]);
        sqlite3_reset(file->statements[STMT_ROLLBACK]);
    }
    return error;
}

struct sqlite3 *state_file_db(struct state_file *file)
{
    return file->db;
}

int state_file_damaged(const struct state_file *file, const char *why, struct vow_error_detail *detail)
{
    return refuse(file, VOW_E_DAMAGED, why, detail);
}

/* ---- open ---- */

static int exec(struct state_file *file, const char *sql)
{
    return sqlite3_exec(file->db, sql, NULL, NULL, NULL);
}

/* The first column of the first row, as text; "" if there is none. Returns an SQLite code: a failed read is not an
 * empty one. */
static int ask(struct state_file *file, const char *sql, char *answer, int size)
{
    sqlite3_stmt *statement = NULL;
    answer[0] = '\0';
    int rc = sqlite3_prepare_v2(file->db, sql, -1, &statement, NULL);
    if (rc == SQLITE_OK && sqlite3_step(statement) == SQLITE_ROW && sqlite3_column_text(statement, 0) != NULL)
        snprintf(answer, (size_t)size, "%s", (const char *)sqlite3_column_text(statement, 0));
    const int final = sqlite3_finalize(statement);
    return rc != SQLITE_OK ? rc : final;
}

/* Held by this connection from the first access to the end: two processes on one resource would undo each other. */
static int configure(struct state_file *file, struct vow_error_detail *detail)
{
    char found[32];
    sqlite3_extended_result_codes(file->db, 1);
    int rc = ask(file, "PRAGMA locking_mode = EXCLUSIVE", found, sizeof(found));
    if (rc == SQLITE_OK)
        rc = ask(file, "PRAGMA journal_mode = WAL", found, sizeof(found));
    if ((rc & 0xff) == SQLITE_BUSY || (rc & 0xff) == SQLITE_LOCKED)
        return refuse(file, VOW_E_LOCKED, "in use by another process or participant: stop it first", detail);
    if (rc != SQLITE_OK)
        return fail(file, VOW_E_DATABASE, "is it a file of Vow's, and may it be written?", detail);
    if (strcmp(found, "wal") != 0)
        return refuse(file, VOW_E_PRAGMA, "SQLite keeps no WAL here: use a local file system", detail);
    if (exec(file, "PRAGMA synchronous = FULL") != SQLITE_OK ||
        ask(file, "PRAGMA synchronous", found, sizeof(found)) != SQLITE_OK)
        return fail(file, VOW_E_DATABASE, "PRAGMA synchronous", detail);
    if (strcmp(found, "2") != 0)
        return refuse(file, VOW_E_PRAGMA, "PRAGMA synchronous cannot be FULL", detail);
    file->is_forced = true;
    return 0;
}

/* Before anything is written: neither a newer version's file nor a service's database is touched. */
static int check_kind(struct state_file *file, struct vow_error_detail *detail)
{
    char found[32];
    int rc = ask(file,
                 "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name <> 'vow_meta' AND "
                 "name NOT IN ('vow_branch', 'vow_heuristic', 'vow_peers')",
                 found, sizeof(found));
    if (rc != SQLITE_OK)
        return fail(file, VOW_E_DATABASE, "cannot be read", detail);
    if (strcmp(found, "0") != 0)
        return refuse(file, VOW_E_DATABASE, "not a file of Vow's beside a resource: name another path", detail);
    ask(file, "SELECT count(*) FROM sqlite_schema WHERE name = 'vow_meta'", found, sizeof(found));
    if (strcmp(found, "0") == 0)
        return 0;
    rc = ask(file, "SELECT value FROM vow_meta WHERE key = 'resource_format'", found, sizeof(found));
    if (rc != SQLITE_OK)
        return fail(file, VOW_E_DATABASE, "cannot be read", detail);
    if (strtol(found, NULL, 10) > STATE_FORMAT)
        return refuse(file, VOW_E_NEWER, "written by a newer version: run that one", detail);
    return 0;
}

/* Frames that a failed sync left in the page cache alone read like durable ones: they are written again, to the
 * database, and the WAL is begun anew (F105). */
static int renew_wal(struct state_file *file, struct vow_error_detail *detail)
{
    char busy[32];
    if (ask(file, "PRAGMA wal_checkpoint(RESTART)", busy, sizeof(busy)) == SQLITE_OK && strcmp(busy, "0") == 0)
        return 0;
    return fail(file, VOW_E_DATABASE, "the WAL cannot be copied into the database", detail);
}

static int create(struct state_file *file, struct vow_error_detail *detail)
{
    int rc = exec(file, "BEGIN IMMEDIATE");
    if (rc == SQLITE_OK)
        rc = exec(file, own_tables);
    if (rc == SQLITE_OK)
        rc = exec(file, "UPDATE vow_meta SET value = value + 1 WHERE key = 'incarnation'");
    if (rc == SQLITE_OK)
        rc = exec(file, "COMMIT");
    if (rc == SQLITE_OK)
        return 0;
    if ((rc & 0xff) == SQLITE_BUSY)
        return refuse(file, VOW_E_LOCKED, "in use by another process or participant: stop it first", detail);
    return fail(file, VOW_E_DATABASE, "the incarnation cannot be counted up", detail);
}

static int meta_number(struct state_file *file, const char *key, uint64_t *number)
{
    char sql[80], found[32];
    snprintf(sql, sizeof(sql), "SELECT value FROM vow_meta WHERE key = '%s'", key);
    const int rc = ask(file, sql, found, sizeof(found));
    *number = strtoull(found, NULL, 10);
    return rc;
}

/* SQLITE_MISMATCH if there is none. */
static int read_uuid(struct state_file *file, uint8_t uuid[VOW_DB_UUID_BYTES])
{
    sqlite3_stmt *statement = NULL;
    int rc = sqlite3_prepare_v2(file->db, "SELECT value FROM vow_meta WHERE key = 'uuid'", -1, &statement, NULL);
    bool found = false;
    if (rc == SQLITE_OK && sqlite3_step(statement) == SQLITE_ROW &&
        sqlite3_column_bytes(statement, 0) == VOW_DB_UUID_BYTES) {
        memcpy(uuid, sqlite3_column_blob(statement, 0), VOW_DB_UUID_BYTES);
        found = true;
    }
    const int final = sqlite3_finalize(statement);
    if (rc == SQLITE_OK)
        rc = final;
    return rc == SQLITE_OK && !found ? SQLITE_MISMATCH : rc;
}

static int load_identity(struct state_file *file, struct vow_store_identity *identity, struct vow_error_detail *detail)
{
    uint64_t format = 0, epoch = 0, watermark_epoch = 0;
    int rc = read_uuid(file, identity->db_uuid);
    const struct {
        const char *key;
        uint64_t *number;
    } numbers[] = {
        {"resource_format", &format},          {"incarnation", &identity->incarnation},
        {"coord", &identity->coord},           {"epoch", &epoch},
        {"watermark_epoch", &watermark_epoch}, {"watermark_seq", &identity->watermark.seq},
    };
    for (size_t i = 0; rc == SQLITE_OK && i < sizeof(numbers) / sizeof(numbers[0]); i++)
        rc = meta_number(file, numbers[i].key, numbers[i].number);
    if (rc == SQLITE_MISMATCH || (rc == SQLITE_OK && format != STATE_FORMAT))
        return refuse(file, VOW_E_DAMAGED, "table vow_meta is not what it must be: restore the file", detail);
    if (rc != SQLITE_OK)
        return fail(file, VOW_E_DATABASE, "cannot be read", detail);
    identity->epoch = (uint32_t)epoch;
    identity->watermark.epoch = (uint32_t)watermark_epoch;
    return 0;
}

static int prepare_statements(struct state_file *file, struct vow_error_detail *detail)
{
    for (int i = 0; i < STMT_COUNT; i++)
        if (sqlite3_prepare_v3(file->db, statements[i], -1, SQLITE_PREPARE_PERSISTENT, &file->statements[i], NULL) !=
            SQLITE_OK)
            return fail(file, VOW_E_DATABASE, "the statements cannot be compiled", detail);
    return 0;
}

static int open_file(struct state_file *file, struct vow_store_identity *identity, struct vow_error_detail *detail)
{
    if (sqlite3_open_v2(file->path, &file->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, NULL) != SQLITE_OK)
        return fail(file, VOW_E_DATABASE, "cannot be opened", detail);
    int error = configure(file, detail);
    if (error == 0)
        error = check_kind(file, detail);
    if (error == 0)
        error = renew_wal(file, detail);
    if (error == 0)
        error = create(file, detail);
    if (error == 0)
        error = load_identity(file, identity, detail);
    if (error == 0) /* there is a WAL: something was written, or SQLite has made it to look */
        error = directory_sync(file->db, file->path, detail);
    return error == 0 ? prepare_statements(file, detail) : error;
}

int state_file_open(const char *path, struct state_file **out, struct vow_store_identity *identity,
                    struct vow_error_detail *detail)
{
    *detail = (struct vow_error_detail){.error = VOW_E_NO_MEMORY, .text = "out of memory"};
    struct state_file *file = calloc(1, sizeof(*file));
    if (file == NULL)
        return VOW_E_NO_MEMORY;
    file->path = strdup(path);
    int error = file->path != NULL ? open_file(file, identity, detail) : VOW_E_NO_MEMORY;
    if (error != 0) {
        state_file_close(file);
        return error;
    }
    *out = file;
    return 0;
}

void state_file_close(struct state_file *file)
{
    if (file == NULL)
        return;
    for (int i = 0; i < STMT_COUNT; i++)
        sqlite3_finalize(file->statements[i]);
    sqlite3_close(file->db);
    free(file->path);
    free(file);
}

/* ---- changes ---- */

static int run(struct state_file *file, enum statement statement)
{
    sqlite3_step(file->statements[statement]);
    return sqlite3_reset(file->statements[statement]);
}

/* PRAGMA synchronous cannot change within a transaction, so it changes before one. It works when it is compiled, so it
 * is none of the fixed statements. */
int state_file_begin(struct state_file *file, bool forced, struct vow_error_detail *detail)
{
    int rc = SQLITE_OK;
    if (file->is_forced != forced)
        rc = exec(file, forced ? "PRAGMA synchronous = FULL" : "PRAGMA synchronous = NORMAL");
    if (rc == SQLITE_OK) {
        file->is_forced = forced;
        rc = run(file, STMT_BEGIN);
    }
    return rc == SQLITE_OK ? 0 : state_file_give_up(file, rc, "cannot be written", detail);
}

int state_file_commit(struct state_file *file, struct vow_error_detail *detail)
{
    const int rc = run(file, STMT_COMMIT);
    return rc == SQLITE_OK ? 0 : state_file_give_up(file, rc, "cannot be written", detail);
}

static sqlite3_stmt *bind(struct state_file *file, enum statement which, const struct vow_gtrid *gtrid, uint32_t branch)
{
    sqlite3_stmt *statement = file->statements[which];
    sqlite3_bind_blob(statement, 1, gtrid->bytes, VOW_GTRID_BYTES, SQLITE_STATIC);
    sqlite3_bind_int64(statement, 2, branch);
    return statement;
}

int state_file_set(struct state_file *file, const struct vow_gtrid *gtrid, uint32_t branch, enum state_row row,
                   struct vow_error_detail *detail)
{
    const enum statement which = row == STATE_ROW_NONE ? STMT_REMOVE : STMT_SET;
    sqlite3_stmt *statement = bind(file, which, gtrid, branch);
    if (row != STATE_ROW_NONE)
        sqlite3_bind_text(statement, 3, row_names[row], -1, SQLITE_STATIC);
    const int rc = run(file, which);
    return rc == SQLITE_OK ? 0 : state_file_give_up(file, rc, "a branch cannot be written down", detail);
}

static int set_meta(struct state_file *file, const char *key, uint64_t value)
{
    sqlite3_stmt *statement = file->statements[STMT_SET_META];
    sqlite3_bind_text(statement, 1, key, -1, SQLITE_STATIC);
    sqlite3_bind_int64(statement, 2, (sqlite3_int64)value);
    return run(file, STMT_SET_META);
}

/* Ids sort by (coordinator, epoch, sequence), so "below the watermark" is a range of the primary key (protocol 2.8). */
static int remove_below(struct state_file *file, uint64_t coord, struct vow_watermark watermark)
{
    if (coord > VOW_COORD_MAX || watermark.seq > VOW_SEQ_MAX)
        return SQLITE_OK; /* nobody's watermark: it came over the network */
    const struct vow_gtrid low = vow_gtrid_make(coord, 0, 0, 0, 0);
    const struct vow_gtrid high = vow_gtrid_make(coord, watermark.epoch, watermark.seq, 0, 0);
    const enum statement both[] = {STMT_REMOVE_BELOW, STMT_REMOVE_PEERS_BELOW};
    int rc = SQLITE_OK;
    for (int i = 0; i < 2 && rc == SQLITE_OK; i++) {
        sqlite3_stmt *statement = file->statements[both[i]];
        sqlite3_bind_blob(statement, 1, low.bytes, VOW_GTRID_BYTES, SQLITE_STATIC);
        sqlite3_bind_blob(statement, 2, high.bytes, VOW_GTRID_BYTES, SQLITE_STATIC);
        rc = run(file, both[i]);
    }
    return rc;
}

int state_file_set_watermark(struct state_file *file, uint64_t coord, uint32_t epoch, struct vow_watermark watermark,
                             struct vow_error_detail *detail)
{
    int rc = set_meta(file, "coord", coord);
    if (rc == SQLITE_OK)
        rc = set_meta(file, "epoch", epoch);
    if (rc == SQLITE_OK)
        rc = set_meta(file, "watermark_epoch", watermark.epoch);
    if (rc == SQLITE_OK)
        rc = set_meta(file, "watermark_seq", watermark.seq);
    if (rc == SQLITE_OK)
        rc = remove_below(file, coord, watermark);
    return rc == SQLITE_OK ? 0 : state_file_give_up(file, rc, "the watermark cannot be written down", detail);
}

/* ---- looking in ---- */

static enum state_row row_of(const char *name)
{
    for (int row = STATE_ROW_COMMITTED; row <= STATE_ROW_MEMO; row++)
        if (name != NULL && strcmp(name, row_names[row]) == 0)
            return (enum state_row)row;
    return STATE_ROW_NONE;
}

int state_file_get(struct state_file *file, const struct vow_gtrid *gtrid, uint32_t branch, enum state_row *row,
                   struct vow_error_detail *detail)
{
    sqlite3_stmt *statement = bind(file, STMT_GET, gtrid, branch);
    const int step = sqlite3_step(statement);
    *row = step == SQLITE_ROW ? row_of((const char *)sqlite3_column_text(statement, 0)) : STATE_ROW_NONE;
    const int rc = sqlite3_reset(statement);
    return rc == SQLITE_OK ? 0 : state_file_give_up(file, rc, "a branch cannot be looked up", detail);
}

int state_file_has_tombstone(struct state_file *file, const struct vow_gtrid *gtrid, bool *has,
                             struct vow_error_detail *detail)
{
    sqlite3_stmt *statement = file->statements[STMT_FIND_TOMBSTONE];
    sqlite3_bind_blob(statement, 1, gtrid->bytes, VOW_GTRID_BYTES, SQLITE_STATIC);
    *has = sqlite3_step(statement) == SQLITE_ROW;
    const int rc = sqlite3_reset(statement);
    return rc == SQLITE_OK ? 0 : fail(file, error_of(rc), "a tombstone cannot be looked for", detail);
}

int state_file_each_decided(struct state_file *file, state_file_each_fn *each, void *ctx,
                            struct vow_error_detail *detail)
{
    sqlite3_stmt *statement = NULL;
    int error = 0;
    int rc = sqlite3_prepare_v2(file->db, "SELECT gtrid, branch FROM vow_branch WHERE state = 'decided'", -1,
                                &statement, NULL);
    while (error == 0 && rc == SQLITE_OK && sqlite3_step(statement) == SQLITE_ROW) {
        struct vow_gtrid gtrid = {{0}};
        if (sqlite3_column_bytes(statement, 0) == VOW_GTRID_BYTES)
            memcpy(gtrid.bytes, sqlite3_column_blob(statement, 0), VOW_GTRID_BYTES);
        error = each(ctx, &gtrid, (uint32_t)sqlite3_column_int64(statement, 1));
    }
    const int final = sqlite3_finalize(statement);
    if (error == 0 && (rc != SQLITE_OK || final != SQLITE_OK))
        error = state_file_give_up(file, rc != SQLITE_OK ? rc : final, "the decided branches cannot be read", detail);
    return error;
}
