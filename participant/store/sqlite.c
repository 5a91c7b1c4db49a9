/* The SQLite store: open, identity, recovery. What a batch does is in sqlite_batch.c, what one operation does in
 * sqlite_branch.c. */
#include "participant/store/sqlite.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "participant/store/directory.h"
#include "participant/store/sqlite_store.h"

#define CHANGESET_MAX_DEFAULT (16u << 20)
#define BUSY_MS_DEFAULT 5000u
#define LOCK_WAIT_MS_DEFAULT 2000u                    /* well below the coordinator's patience for a vote, 5 s */
#define LOCK_GRACE_MS_DEFAULT 100u                    /* well above two syncs and a round trip */
#define STEP_RETENTION_MS_DEFAULT UINT64_C(604800000) /* 7 days: longer than anybody tries a step again */
#define INBOX_RETENTION_MS_DEFAULT UINT64_C(604800000)
#define INBOX_KNOWN_MAX_DEFAULT (8u << 20)
#define OUTBOX_MAX_DEFAULT 100000u
#define CHECKPOINT_PAGES 2000 /* a checkpoint costs two syncs: seldom enough to be shared by many turns */

/* ---- open ---- */

static int expect_pragma(struct store *store, const char *pragma, const char *wanted, struct vow_error_detail *detail)
{
    sqlite3_stmt *statement;
    char found[32] = "";
    if (sqlite3_prepare_v2(store->db, pragma, -1, &statement, NULL) == SQLITE_OK &&
        sqlite3_step(statement) == SQLITE_ROW) {
        const char *text = (const char *)sqlite3_column_text(statement, 0);
        snprintf(found, sizeof(found), "%s", text != NULL ? text : "");
    }
    int rc = sqlite3_finalize(statement);
    if (rc == SQLITE_OK && strcmp(found, wanted) == 0)
        return 0;
    if (rc != SQLITE_OK || found[0] == '\0')
        return store_fail(store, VOW_E_DATABASE, "is it an SQLite database, and may it be written?", detail);
    detail->error = VOW_E_PRAGMA;
    snprintf(detail->text, sizeof(detail->text),
             "%s: %s gives \"%s\", not \"%s\": use a local file system and a common SQLite", store->path, pragma, found,
             wanted);
    return detail->error;
}

static int configure(struct store *store, struct vow_error_detail *detail)
{
    sqlite3_extended_result_codes(store->db, 1);
    sqlite3_busy_timeout(store->db, (int)store->options.busy_ms);
    int error = expect_pragma(store, "PRAGMA journal_mode = WAL", "wal", detail);
    if (error == 0 && store_exec(store, "PRAGMA synchronous = FULL") != SQLITE_OK)
        error = store_fail(store, VOW_E_DATABASE, "PRAGMA synchronous", detail);
    if (error == 0)
        error = expect_pragma(store, "PRAGMA synchronous", "2", detail);
    store->synchronous_full = true;
    if (error == 0 && store_exec(store, "PRAGMA foreign_keys = ON; PRAGMA recursive_triggers = ON") != SQLITE_OK)
        error = store_fail(store, VOW_E_DATABASE, "pragmas", detail);
    if (error == 0)
        space_watch(store);
    return error;
}

/* An SQLite code. That a number could not be read must not pass for zero: coordinator 0 is nobody, and epoch 0 fences
 * nobody off. *number stays as it is if there is none. */
static int meta_number(struct store *store, const char *key, uint64_t *number)
{
    sqlite3_stmt *statement;
    int rc = sqlite3_prepare_v2(store->db, "SELECT value FROM vow_meta WHERE key = ?1", -1, &statement, NULL);
    if (rc != SQLITE_OK)
        return rc;
    sqlite3_bind_text(statement, 1, key, -1, SQLITE_STATIC);
    if (sqlite3_step(statement) == SQLITE_ROW)
        *number = (uint64_t)sqlite3_column_int64(statement, 0);
    return sqlite3_finalize(statement);
}

/* The same; *found says whether there is one. */
static int read_uuid(struct store *store, bool *found)
{
    sqlite3_stmt *statement;
    int rc = sqlite3_prepare_v2(store->db, "SELECT value FROM vow_meta WHERE key = 'uuid'", -1, &statement, NULL);
    *found = false;
    if (rc != SQLITE_OK)
        return rc;
    if (sqlite3_step(statement) == SQLITE_ROW && sqlite3_column_bytes(statement, 0) == VOW_DB_UUID_BYTES) {
        const void *uuid = sqlite3_column_blob(statement, 0);
        if (uuid != NULL)
            memcpy(store->identity.db_uuid, uuid, VOW_DB_UUID_BYTES);
        *found = uuid != NULL;
    }
    return sqlite3_finalize(statement);
}

static int has_meta(struct store *store, bool *has)
{
    sqlite3_stmt *statement;
    int rc = sqlite3_prepare_v2(store->db, "SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'vow_meta'", -1,
                                &statement, NULL);
    if (rc != SQLITE_OK)
        return rc;
    *has = sqlite3_step(statement) == SQLITE_ROW;
    return sqlite3_finalize(statement);
}

/* Before anything is written: a newer version's file is not touched. */
static int check_format(struct store *store, struct vow_error_detail *detail)
{
    uint64_t format = 0;
    bool has = false;
    int rc = has_meta(store, &has);
    if (rc == SQLITE_OK && has)
        rc = meta_number(store, "format", &format);
    if (rc != SQLITE_OK)
        return store_fail(store, VOW_E_DATABASE, "the file's format cannot be read", detail);
    if (format <= STORE_FORMAT)
        return 0;
    detail->error = VOW_E_NEWER;
    snprintf(detail->text, sizeof(detail->text), "%s: format %llu; this version knows %d: run the newer version",
             store->path, (unsigned long long)format, STORE_FORMAT);
    return detail->error;
}

/* Writes what the WAL holds over itself, and syncs that. Nobody else may write meanwhile. */
static int write_over(sqlite3_file *wal)
{
    uint8_t bytes[16384];
    sqlite3_int64 size = 0;
    int rc = wal->pMethods->xFileSize(wal, &size);
    for (sqlite3_int64 at = 0; rc == SQLITE_OK && at < size; at += (sqlite3_int64)sizeof(bytes)) {
        const int len = size - at < (sqlite3_int64)sizeof(bytes) ? (int)(size - at) : (int)sizeof(bytes);
        rc = wal->pMethods->xRead(wal, bytes, len, at);
        if (rc == SQLITE_OK)
            rc = wal->pMethods->xWrite(wal, bytes, len, at);
    }
    return rc == SQLITE_OK && size > 0 ? wal->pMethods->xSync(wal, SQLITE_SYNC_FULL) : rc;
}

/* SQLite's lock of writers keeps other processes, and the beginning of a new round of the WAL, away. */
static int write_wal_again(struct store *store)
{
    sqlite3_file *wal = NULL;
    int rc = sqlite3_exec(store->db, "BEGIN IMMEDIATE", NULL, NULL, NULL);
    if (rc != SQLITE_OK)
        return rc;
    rc = sqlite3_file_control(store->db, "main", SQLITE_FCNTL_JOURNAL_POINTER, &wal);
    if (rc == SQLITE_OK && wal != NULL && wal->pMethods != NULL)
        rc = write_over(wal);
    const int rolled_back = sqlite3_exec(store->db, "ROLLBACK", NULL, NULL, NULL);
    return rc != SQLITE_OK ? rc : rolled_back;
}

/*
 * Frames that a failed sync left in the page cache alone read like durable ones, and a later sync does not write them
 * (F105). What an earlier process left in the WAL is therefore written again, before SQLite copies it to the database
 * as it does with what is durable; and the WAL is begun anew, so that nothing durable comes to lie behind such a frame.
 * Whoever reads an old snapshot of the file for all of the busy time hinders that; then it is done with a later fold,
 * as without a failed sync it may be.
 */
static int renew_wal(struct store *store, struct vow_error_detail *detail)
{
    int rc = write_wal_again(store);
    if ((rc & 0xff) == SQLITE_IOERR || (rc & 0xff) == SQLITE_FULL) {
        detail->error = VOW_E_IO;
        snprintf(detail->text, sizeof(detail->text), "%s: the WAL cannot be written again: %s", store->path,
                 sqlite3_errstr(rc));
        return detail->error;
    }
    if (rc != SQLITE_OK)
        return store_fail(store, VOW_E_DATABASE, "the WAL cannot be written again", detail);
    rc = sqlite3_wal_checkpoint_v2(store->db, "main", SQLITE_CHECKPOINT_RESTART, NULL, NULL);
    if (rc == SQLITE_OK || (rc & 0xff) == SQLITE_BUSY)
        return 0;
    return store_fail(store, VOW_E_DATABASE, "the WAL cannot be copied into the database", detail);
}

static int load_numbers(struct store *store)
{
    struct vow_store_identity *identity = &store->identity;
    uint64_t epoch = 0, watermark_epoch = 0;
    int rc = meta_number(store, "incarnation", &identity->incarnation);
    if (rc == SQLITE_OK)
        rc = meta_number(store, "coord", &identity->coord);
    if (rc == SQLITE_OK)
        rc = meta_number(store, "epoch", &epoch);
    if (rc == SQLITE_OK)
        rc = meta_number(store, "watermark_epoch", &watermark_epoch);
    if (rc == SQLITE_OK)
        rc = meta_number(store, "watermark_seq", &identity->watermark.seq);
    identity->epoch = (uint32_t)epoch;
    identity->watermark.epoch = (uint32_t)watermark_epoch;
    return rc;
}

/* Counts the incarnation up, durably: from here on everything says which life of this participant it comes from. */
static int load_identity(struct store *store, struct vow_error_detail *detail)
{
    uint64_t format = 0;
    bool has_uuid = false;
    int rc = meta_number(store, "format", &format);
    if (rc == SQLITE_OK)
        rc = read_uuid(store, &has_uuid);
    if (rc != SQLITE_OK)
        return store_fail(store, VOW_E_DATABASE, "the file's identity cannot be read", detail);
    if (format != STORE_FORMAT || !has_uuid) {
        detail->error = VOW_E_DAMAGED;
        snprintf(detail->text, sizeof(detail->text), "%s: table vow_meta is not what it must be: restore the file",
                 store->path);
        return detail->error;
    }
    if (store_exec(store, "UPDATE vow_meta SET value = value + 1 WHERE key = 'incarnation'") != SQLITE_OK)
        return store_fail(store, VOW_E_DATABASE, "the incarnation cannot be counted up", detail);
    if (load_numbers(store) != SQLITE_OK)
        return store_fail(store, VOW_E_DATABASE, "the file's identity cannot be read", detail);
    return 0;
}

static void close_store(void *ctx)
{
    struct store *store = ctx;
    if (store->active_len > 0 && !store->failed) /* the next open would do it, but others may use the file until then */
        work_drop_all(store);
    work_free(store);
    store_trace_close(store);
    hold_clear(store);
    publish_clear(store);
    inbox_free(store);
    space_free(store);
    schema_free(store);
    for (int i = 0; i < STMT_COUNT; i++)
        sqlite3_finalize(store->statements[i]);
    sqlite3_close_v2(store->db); /* a handler may still hold a statement: the connection goes with it */
    free(store->path);
    free(store);
}

static int open_store(struct store *store, struct vow_error_detail *detail)
{
    int error = directory_check(store->path, detail);
    if (error != 0)
        return error;
    /* One thread at a time has the connection: who sets it up, then the store's. */
    const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX;
    if (sqlite3_open_v2(store->path, &store->db, flags, store->options.vfs) != SQLITE_OK)
        return store_fail(store, VOW_E_DATABASE, "cannot be opened", detail);
    error = configure(store, detail);
    if (error == 0)
        error = check_format(store, detail);
    if (error == 0)
        error = renew_wal(store, detail);
    if (error == 0)
        error = schema_create(store, detail);
    if (error == 0 && work_drop_all(store) != SQLITE_OK)
        error = store_fail(store, VOW_E_DATABASE, "the locks of joined work cannot be dropped", detail);
    if (error == 0)
        error = load_identity(store, detail);
    if (error == 0) /* that was a commit, so there is a WAL */
        error = directory_sync(store->db, store->path, detail);
    /* The authorizer comes first: to set it makes SQLite compile all that was prepared before it again. */
    if (error == 0 &&
        (auth_install(store) != SQLITE_OK || meet_install(store) != SQLITE_OK || hold_install(store) != SQLITE_OK ||
         number_install(store) != SQLITE_OK || store_prepare_statements(store) != SQLITE_OK))
        error = store_fail(store, VOW_E_DATABASE, "the store's statements cannot be compiled", detail);
    if (error == 0 && known_make(store) != SQLITE_OK)
        error = store_fail(store, VOW_E_DATABASE, "the table of events that were handled cannot be made", detail);
    if (error == 0 && outbox_make_archive(store) != SQLITE_OK)
        error = store_fail(store, VOW_E_DATABASE, "the archive of events cannot be made", detail);
    if (error == 0 && outbox_set_max(store) != SQLITE_OK)
        error = store_fail(store, VOW_E_DATABASE, "outbox_max cannot be written", detail);
    return error == 0 ? schema_load(store, detail) : error;
}

/* ---- the rest of the interface ---- */

static void identity(void *ctx, struct vow_store_identity *out)
{
    *out = ((struct store *)ctx)->identity;
}

static void stats(void *ctx, struct vow_store_stats *out)
{
    *out = ((struct store *)ctx)->stats;
}

/* A prepared branch without a lock cannot be: what it changed would be free for anybody. But one that only publishes
 * changes nothing. */
static int check_locks(struct store *store, const struct vow_gtrid *gtrid, uint32_t branch, bool only_publishes,
                       struct vow_error_detail *detail)
{
    sqlite3_stmt *statement = store_statement(store, STMT_COUNT_LOCKS);
    sqlite3_bind_blob(statement, 1, gtrid->bytes, VOW_GTRID_BYTES, SQLITE_STATIC);
    sqlite3_bind_int64(statement, 2, branch);
    int64_t locks = sqlite3_step(statement) == SQLITE_ROW ? sqlite3_column_int64(statement, 0) : -1;
    if (sqlite3_reset(statement) != SQLITE_OK)
        return store_fail(store, VOW_E_DATABASE, "the locks cannot be read", detail);
    if (locks > 0 || only_publishes)
        return 0;
    detail->error = VOW_E_DAMAGED;
    snprintf(detail->text, sizeof(detail->text), "%s: a prepared branch has lost its locks: restore the file",
             store->path);
    return detail->error;
}

/* Room for its COMMIT, as when it was prepared. A branch whose tables have changed is for others to complain of. */
static int reserve_again(struct store *store, const struct vow_gtrid *gtrid, uint32_t branch, sqlite3_stmt *row,
                         struct space events, struct vow_error_detail *detail)
{
    struct changeset changeset = {.data = sqlite3_column_blob(row, 3),
                                  .len = sqlite3_column_bytes(row, 3),
                                  .tables = (uint64_t)sqlite3_column_int64(row, 4)};
    (void)apply_check(store, &changeset);
    store->trouble[0] = '\0';
    struct space space = space_of(store, &changeset);
    space.pages += events.pages;
    space.growth += events.growth;
    if (space_add(store, gtrid, branch, space) == SQLITE_OK)
        return 0;
    return store_fail(store, VOW_E_NO_MEMORY, "the prepared branches", detail);
}

/* Is it whole? Then room for it. */
static int check_prepared(struct store *store, const struct vow_gtrid *gtrid, uint32_t branch, sqlite3_stmt *row,
                          struct vow_error_detail *detail)
{
    struct space events = {0, 0};
    int64_t count = 0;
    if (outbox_kept_space(store, gtrid, branch, &events, &count) != SQLITE_OK)
        return store_fail(store, VOW_E_DATABASE, "the events of prepared branches cannot be read", detail);
    const bool only_publishes = sqlite3_column_bytes(row, 3) == 0 && count > 0;
    const int error = check_locks(store, gtrid, branch, only_publishes, detail);
    return error == 0 ? reserve_again(store, gtrid, branch, row, events, detail) : error;
}

static int recover(void *ctx, vow_store_recovered_fn *each, void *each_ctx, struct vow_error_detail *detail)
{
    struct store *store = ctx;
    sqlite3_stmt *statement;
    int error = 0;
    if (sqlite3_prepare_v2(
            store->db,
            "SELECT gtrid, branch, epoch, changeset, tables, peers, since_us FROM vow_branch WHERE state = 'prepared'",
            -1, &statement, NULL) != SQLITE_OK)
        return store_fail(store, VOW_E_DATABASE, "the prepared branches cannot be read", detail);
    int rc = SQLITE_ROW;
    while (error == 0 && (rc = sqlite3_step(statement)) == SQLITE_ROW) {
        struct vow_gtrid gtrid = {{0}};
        if (sqlite3_column_bytes(statement, 0) == VOW_GTRID_BYTES)
            memcpy(gtrid.bytes, sqlite3_column_blob(statement, 0), VOW_GTRID_BYTES);
        uint32_t branch = (uint32_t)sqlite3_column_int64(statement, 1);
        error = check_prepared(store, &gtrid, branch, statement, detail);
        if (error == 0)
            store_trace_found(store, &gtrid, branch);
        if (error == 0)
            error = each(each_ctx, &(struct vow_branches_recovered){
                                       .gtrid = gtrid,
                                       .branch = branch,
                                       .epoch = (uint32_t)sqlite3_column_int64(statement, 2),
                                       .peers = (const char *)sqlite3_column_text(statement, 5),
                                       .since_us = (uint64_t)sqlite3_column_int64(statement, 6),
                                   });
    }
    if (error == 0 && rc != SQLITE_DONE)
        error = store_fail(store, VOW_E_DATABASE, "the prepared branches cannot be read", detail);
    sqlite3_finalize(statement);
    if (error == 0)
        error = heuristic_recover(store, each, each_ctx, detail);
    store->batch_pages = 0;
    if (error == 0)
        (void)space_ensure(store); /* if there is none now, there may be when it is needed */
    return error;
}

static const struct vow_store_ops sqlite_ops = {.name = "sqlite",
                                                .identity = identity,
                                                .recover = recover,
                                                .run = batch_run,
                                                .give_back = wait_give_back,
                                                .stats = stats,
                                                .close = close_store};

int vow_store_sqlite_open(const struct vow_sqlite_options *options, const struct vow_store_ops **ops, void **out,
                          struct vow_error_detail *detail)
{
    *detail = (struct vow_error_detail){.error = VOW_E_NO_MEMORY, .text = "out of memory"};
    struct store *store = calloc(1, sizeof(*store));
    if (store == NULL)
        return VOW_E_NO_MEMORY;
    store->options = *options;
    store->options.changeset_max = options->changeset_max > 0 ? options->changeset_max : CHANGESET_MAX_DEFAULT;
    store->options.busy_ms = options->busy_ms > 0 ? options->busy_ms : BUSY_MS_DEFAULT;
    store->options.lock_wait_ms = options->lock_wait_ms > 0 ? options->lock_wait_ms : LOCK_WAIT_MS_DEFAULT;
    store->options.lock_grace_ms = options->lock_grace_ms > 0 ? options->lock_grace_ms : LOCK_GRACE_MS_DEFAULT;
    if (store->options.step_retention_ms == 0)
        store->options.step_retention_ms = STEP_RETENTION_MS_DEFAULT;
    if (store->options.inbox_retention_ms == 0)
        store->options.inbox_retention_ms = INBOX_RETENTION_MS_DEFAULT;
    if (store->options.inbox_known_max == 0)
        store->options.inbox_known_max = INBOX_KNOWN_MAX_DEFAULT;
    if (store->options.outbox_max == 0)
        store->options.outbox_max = OUTBOX_MAX_DEFAULT;
    store->path = strdup(options->path);
    int error = store->path != NULL ? store_trace_open(store) : VOW_E_NO_MEMORY;
    if (error == 0)
        error = open_store(store, detail);
    if (error != 0) {
        close_store(store);
        return error;
    }
    *ops = &sqlite_ops;
    *out = store;
    return 0;
}

sqlite3 *vow_store_sqlite_db(void *store)
{
    return ((struct store *)store)->db;
}

int vow_store_sqlite_enrol(void *store, struct vow_error_detail *detail)
{
    int error = schema_load(store, detail);
    return error == 0 ? schema_check_prepared(store, detail) : error;
}

/* An SQLite code. What cannot be read must not run a second time. */
static int has_run(struct store *store, const char *sql, bool *same)
{
    sqlite3_stmt *statement;
    int rc = sqlite3_prepare_v2(store->db, "SELECT 1 FROM vow_meta WHERE key = 'schema' AND value = ?1", -1, &statement,
                                NULL);
    if (rc != SQLITE_OK)
        return rc;
    sqlite3_bind_text(statement, 1, sql, -1, SQLITE_STATIC);
    *same = sqlite3_step(statement) == SQLITE_ROW;
    return sqlite3_finalize(statement);
}

static int remember_schema(struct store *store, const char *sql)
{
    char *insert = sqlite3_mprintf("INSERT OR REPLACE INTO vow_meta VALUES ('schema', %Q)", sql);
    int rc = insert != NULL ? store_exec(store, insert) : SQLITE_NOMEM;
    sqlite3_free(insert);
    return rc;
}

/* What a prepared branch needs must stay as it is: its tables (trap 6), and its rows, whose guards have told who holds
 * them. */
static int refuse_schema(struct store *store, int error, struct vow_error_detail *detail)
{
    char id[VOW_GTRID_TEXT_SIZE];
    if (store->has_met) {
        vow_gtrid_to_text(&store->met, id);
        detail->error = error = VOW_E_STATE;
        (void)snprintf(detail->text, sizeof(detail->text),
                       "%s: options.schema changes a row that transaction %s holds: start with the schema of before "
                       "until it has ended",
                       store->path, id);
    }
    store_take_back(store);
    store->trouble[0] = '\0';
    store->schema_version = -1; /* what was loaded meanwhile is gone */
    return error;
}

/* All of it, or an error and none. */
static int run_schema(struct store *store, const char *sql, const char *before, struct vow_error_detail *detail)
{
    int rc = store_exec(store, "SAVEPOINT schema");
    if (rc == SQLITE_OK)
        rc = store_exec(store, sql);
    if (rc == SQLITE_OK)
        rc = remember_schema(store, sql);
    if (rc != SQLITE_OK)
        return store_fail(store, rc == SQLITE_NOMEM ? VOW_E_NO_MEMORY : VOW_E_DATABASE, "options.schema", detail);
    int error = schema_load(store, detail);
    if (error == 0)
        error = schema_check_prepared(store, detail);
    if (error == 0)
        error = schema_check_held(store, before, detail);
    if (error == 0 && store_exec(store, "RELEASE schema") != SQLITE_OK)
        error = store_fail(store, VOW_E_DATABASE, "options.schema", detail);
    return error;
}

int vow_store_sqlite_schema(void *ctx, const char *sql, struct vow_error_detail *detail)
{
    struct store *store = ctx;
    bool same = false;
    char *before = NULL;
    meet_clear(store);
    int rc = store_take_back_rest(store);
    if (rc == SQLITE_OK)
        rc = has_run(store, sql, &same);
    if (rc == SQLITE_OK && same)
        return 0;
    if (rc == SQLITE_OK)
        before = schema_held(store);
    int error = before != NULL ? run_schema(store, sql, before, detail)
                               : store_fail(store, VOW_E_DATABASE, "options.schema", detail);
    sqlite3_free(before);
    return error != 0 ? refuse_schema(store, error, detail) : 0;
}
