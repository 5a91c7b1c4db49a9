#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "coordinator/journal/fail.h"
#include "coordinator/journal/sqlite_engine.h"
#include "coordinator/journal/sqlite_vfs.h"

/* The name of a coordinator that was not given one. */
#define DEFAULT_NAME "vowd"
/* A shell or a backup that looks in just now is waited for, this long and no longer (fault F120). */
#define BUSY_MS 200

static const char schema[] = //
    "BEGIN EXCLUSIVE;"
    "CREATE TABLE event (lsn INTEGER PRIMARY KEY, wall_us INTEGER NOT NULL, gtrid BLOB NOT NULL, kind INTEGER NOT NULL,"
    " body BLOB NOT NULL, hash BLOB NOT NULL) STRICT;"
    "CREATE INDEX event_gtrid ON event (gtrid, kind);"
    "CREATE TABLE identity (id INTEGER PRIMARY KEY CHECK (id = 1), coord INTEGER NOT NULL, name TEXT NOT NULL,"
    " epoch INTEGER NOT NULL, seal BLOB NOT NULL) STRICT;";

/* What format 2 adds. `open` has the LSN of each open record up to where the snapshot was taken. */
static const char schema_2[] = //
    "CREATE INDEX IF NOT EXISTS event_key ON event (lsn) WHERE kind = 20;"
    "CREATE TABLE open (lsn INTEGER PRIMARY KEY) STRICT;"
    "CREATE TABLE snapshot (id INTEGER PRIMARY KEY CHECK (id = 1), body BLOB NOT NULL, seal BLOB NOT NULL) STRICT;";

/* What format 3 adds. No event proves a row here, so each has its numbers once more, with all bits turned: what a
 * flipped bit has made of it is damage, and no incarnation (fault F114). */
static const char schema_3[] = //
    "CREATE TABLE life (id INTEGER PRIMARY KEY, name TEXT NOT NULL, db_uuid BLOB NOT NULL UNIQUE, incarnation INTEGER "
    "NOT NULL,"
    " since_epoch INTEGER NOT NULL, since_seq INTEGER NOT NULL, turned INTEGER NOT NULL) STRICT;";

/* What format 5 adds: sqlite_relay.c; and sagas' keys are found without looking at all events. */
static const char schema_5[] = //
    "CREATE INDEX IF NOT EXISTS event_relay ON event (lsn) WHERE kind = 24;"
    "CREATE INDEX IF NOT EXISTS event_saga_key ON event (lsn) WHERE kind = 13;"
    "CREATE TABLE IF NOT EXISTS relay_key (db_uuid BLOB NOT NULL, key TEXT NOT NULL, key_seq INTEGER NOT NULL, lsn "
    "INTEGER NOT NULL,"
    " seal BLOB NOT NULL, PRIMARY KEY (db_uuid, key)) STRICT, WITHOUT ROWID;"
    "CREATE INDEX IF NOT EXISTS relay_key_lsn ON relay_key (lsn);"
    "CREATE TABLE IF NOT EXISTS relay_group (name TEXT NOT NULL PRIMARY KEY, participant TEXT NOT NULL, cursor INTEGER "
    "NOT NULL,"
    " body BLOB NOT NULL, seal BLOB NOT NULL, beyond BLOB NOT NULL DEFAULT x'') STRICT, WITHOUT ROWID;"
    "CREATE TABLE IF NOT EXISTS relay_dead (lsn INTEGER NOT NULL, name TEXT NOT NULL, cause INTEGER NOT NULL,"
    " attempts INTEGER NOT NULL, text TEXT NOT NULL, retried INTEGER NOT NULL, seal BLOB NOT NULL,"
    " PRIMARY KEY (lsn, name)) STRICT, WITHOUT ROWID;";

/* What format 6 adds to a file of format 5; older ones have no such table. */
static const char schema_6[] = "ALTER TABLE relay_group ADD COLUMN beyond BLOB NOT NULL DEFAULT x'';";

#define COLUMNS JOURNAL_COLUMNS
/* The index alone is not believed, for a flipped bit in it makes a COMMIT an END (fault F114): the event itself must be
 * one. The unary plus keeps SQLite from asking the index again. */
#define END_OF(gtrid, kind)                                                                                            \
    "FROM event AS n JOIN event AS m ON m.lsn = n.lsn AND +m.kind = n.kind AND +m.gtrid = n.gtrid"                     \
    " WHERE n.gtrid = " gtrid " AND n.kind = " kind
/* A saga's records are ended by its own END. */
#define END_KIND "CASE WHEN e.kind BETWEEN 8 AND 11 THEN 12 ELSE 3 END"
/* An END ends what is before it: damage that somebody reports after it is open again. */
#define NO_END " AND NOT EXISTS (SELECT 1 " END_OF("e.gtrid", END_KIND) " AND n.lsn > e.lsn)"
/* The kinds that a start is fed, as a list of SQL. 0 is no kind. */
#define SQL_OPENS(number) ", " #number
#define SQL_ENDS(number)
#define SQL_NAMES(number)
#define SQL_SAYS(number)
#define SQL_ADDS(number)
#define SQL_OPEN(name, number, subject, role) SQL_##role(number)
/* Of the keys: the LSN of the newest that is not among the newest so many; NULL = there are no more. */
#define KEY_BEYOND(max) "(SELECT lsn FROM relay_key ORDER BY lsn DESC LIMIT 1 OFFSET " max ")"
/* Of an EVENT: is there a group that has not done it, or for which it is dead? */
#define NEEDED(lsn)                                                                                                    \
    "(EXISTS (SELECT 1 FROM relay_group AS g WHERE g.cursor < " lsn " AND relay_owes(g.cursor, g.beyond, " lsn "))"    \
    " OR EXISTS (SELECT 1 FROM relay_dead AS d WHERE d.lsn = " lsn "))"
#define OPEN_KINDS "(0" VOW_RECORDS(SQL_OPEN) ")"

/* The numbers are those of enum vow_record_kind: COMMIT 2, END 3, HAZARD 4, HEURISTIC 5, DAMAGE 6, FORGET 7,
 * SAGA_BEGIN 8, SAGA_STEP 9, SAGA_TURN 10, SAGA_RETRY 11, SAGA_END 12, SAGA_KEY 13, ABORTED 17, READ_ONLY 18,
 * ONE_PHASE 19, KEY 20. */
static const char *const statements[JOURNAL_STMT_COUNT] = {
    [JOURNAL_STMT_BEGIN] = "BEGIN IMMEDIATE",
    [JOURNAL_STMT_COMMIT] = "COMMIT",
    [JOURNAL_STMT_APPEND] = "INSERT INTO event (" COLUMNS ") VALUES (?, ?, ?, ?, ?, ?)",
    [JOURNAL_STMT_IDENTITY] = "INSERT OR REPLACE INTO identity (id, coord, name, epoch, seal) VALUES (1, ?, ?, ?, ?)",
    [JOURNAL_STMT_TERMINAL] =
        "SELECT " COLUMNS " FROM event WHERE gtrid = ? AND kind IN (2, 17, 18, 19) ORDER BY lsn LIMIT 1",
    [JOURNAL_STMT_SAGA] = "SELECT " COLUMNS " FROM event WHERE gtrid = ? AND kind = 12 ORDER BY lsn LIMIT 1",
    [JOURNAL_STMT_DAMAGE] = "SELECT " COLUMNS " FROM event WHERE gtrid = ? AND kind IN (5, 6, 7) ORDER BY lsn",
    [JOURNAL_STMT_HISTORY] = "SELECT " COLUMNS " FROM event WHERE gtrid = ? ORDER BY lsn",
    [JOURNAL_STMT_OPEN_LISTED] =
        "SELECT o.lsn, wall_us, gtrid, kind, body, hash FROM open AS o JOIN event AS e ON e.lsn = o.lsn ORDER BY o.lsn",
    [JOURNAL_STMT_OPEN_SCAN] = "SELECT e.lsn, wall_us, gtrid, kind, body, hash FROM open AS o JOIN event AS e"
                               " ON e.lsn = o.lsn WHERE kind IN " OPEN_KINDS NO_END " ORDER BY o.lsn",
    [JOURNAL_STMT_OPEN_TAIL] =
        "SELECT " COLUMNS " FROM event AS e WHERE lsn > ? AND kind IN " OPEN_KINDS NO_END " ORDER BY lsn",
    [JOURNAL_STMT_KEYS] = "SELECT * FROM (SELECT " COLUMNS " FROM event AS e WHERE kind = 20 AND EXISTS (SELECT 1 FROM"
                          " event AS c WHERE c.gtrid = e.gtrid AND c.kind = 2) ORDER BY lsn DESC LIMIT ?) ORDER BY lsn",
    [JOURNAL_STMT_SAGA_KEYS] =
        "SELECT * FROM (SELECT " COLUMNS " FROM event AS e WHERE kind = 13 AND EXISTS (SELECT 1 FROM event AS b"
        " WHERE b.gtrid = e.gtrid AND b.kind = 8) ORDER BY lsn DESC LIMIT ?) ORDER BY lsn",
    [JOURNAL_STMT_WALK] = "SELECT " COLUMNS " FROM event WHERE lsn > ? ORDER BY lsn",
    [JOURNAL_STMT_KEPT] = "SELECT " COLUMNS " FROM event WHERE lsn <= ? ORDER BY lsn",
    [JOURNAL_STMT_KEPT_AFTER] = "SELECT " COLUMNS " FROM event WHERE lsn > ? AND lsn <= ? ORDER BY lsn",
    [JOURNAL_STMT_LOCATE] = "SELECT lsn, wall_us FROM event WHERE lsn < ? AND lsn > ? ORDER BY lsn DESC LIMIT ?",
    [JOURNAL_STMT_HASH] = "SELECT hash FROM event WHERE lsn = ?",
    [JOURNAL_STMT_INDEXED] = "SELECT 1 FROM event INDEXED BY event_gtrid WHERE gtrid = ? AND kind = ? AND lsn = ?",
    [JOURNAL_STMT_END_AFTER] = "SELECT n.lsn " END_OF("?1", "?3") " AND n.lsn > ?2 ORDER BY n.lsn LIMIT 1",
    [JOURNAL_STMT_UNENDED] =
        "SELECT " COLUMNS " FROM event WHERE gtrid = ?1 AND lsn < ?2 AND CASE WHEN ?3 = 12 THEN kind BETWEEN 8 AND 11"
        " OR kind = 13 ELSE kind IN (2, 4, 5, 6, 7, 20) END ORDER BY lsn",
    [JOURNAL_STMT_STEPS_BEFORE] =
        "SELECT " COLUMNS " FROM event WHERE gtrid = ?1 AND lsn < ?2 AND kind IN (9, 11) ORDER BY lsn DESC LIMIT ?3",
    [JOURNAL_STMT_OPEN_ADD] = "INSERT INTO open (lsn) VALUES (?)",
    [JOURNAL_STMT_OPEN_REMOVE] = "DELETE FROM open WHERE lsn = ?",
    [JOURNAL_STMT_AGES] = "SELECT lsn, wall_us FROM event WHERE lsn > ? AND lsn <= ? ORDER BY lsn LIMIT ?",
    [JOURNAL_STMT_CUT] = "DELETE FROM event WHERE lsn = ?",
    [JOURNAL_STMT_SNAPSHOT_READ] = "SELECT body, seal FROM snapshot",
    [JOURNAL_STMT_SNAPSHOT_WRITE] = "INSERT OR REPLACE INTO snapshot (id, body, seal) VALUES (1, ?, ?)",
    [JOURNAL_STMT_PAGES] = ("SELECT (p.page_count - f.freelist_count) * s.page_size"
                            " FROM pragma_page_count AS p, pragma_freelist_count AS f, pragma_page_size AS s"),
    [JOURNAL_STMT_LIFE_WRITE] = "INSERT OR REPLACE INTO life (db_uuid, incarnation, since_epoch, since_seq, turned,"
                                " name) VALUES (?, ?, ?, ?, ?, ?)",
    [JOURNAL_STMT_LIFE_TRIM] = "DELETE FROM life WHERE id IN (SELECT id FROM life ORDER BY id DESC LIMIT -1 OFFSET ?)",
    [JOURNAL_STMT_LIVES] = "SELECT db_uuid, incarnation, since_epoch, since_seq, turned, name FROM life ORDER BY id",
    [JOURNAL_STMT_KEY_WRITE] =
        "INSERT OR REPLACE INTO relay_key (db_uuid, key, key_seq, lsn, seal) VALUES (?, ?, ?, ?, ?)",
    [JOURNAL_STMT_KEY_TRIM] =
        "DELETE FROM relay_key WHERE lsn IN (SELECT k.lsn FROM relay_key AS k WHERE k.lsn <= " KEY_BEYOND(
            "?1") " AND NOT " NEEDED("k.lsn") " ORDER BY k.lsn LIMIT ?2)",
    [JOURNAL_STMT_KEY_SCAN] =
        "SELECT db_uuid, key, key_seq, lsn, seal FROM relay_key AS k WHERE k.lsn > ifnull(" KEY_BEYOND(
            "?1") ", 0) OR " NEEDED("k.lsn") " ORDER BY lsn",
    [JOURNAL_STMT_GROUP_WRITE] =
        "INSERT OR REPLACE INTO relay_group (name, participant, cursor, body, seal, beyond) VALUES (?, ?, ?, ?, ?, ?)",
    [JOURNAL_STMT_GROUP_READ] = "SELECT name, participant, cursor, body, seal, beyond FROM relay_group WHERE name = ?",
    [JOURNAL_STMT_GROUP_SCAN] = "SELECT name, participant, cursor, body, seal, beyond FROM relay_group ORDER BY name",
    [JOURNAL_STMT_GROUP_REMOVE] = "DELETE FROM relay_group WHERE name = ?",
    [JOURNAL_STMT_DEAD_REMOVE_ALL] = "DELETE FROM relay_dead WHERE name = ?",
    [JOURNAL_STMT_DEAD_PASS] = "DELETE FROM relay_dead WHERE lsn <= ? AND name = ? AND retried = 2",
    [JOURNAL_STMT_DEAD_WRITE] = "INSERT OR REPLACE INTO relay_dead (lsn, name, cause, attempts, text, retried, seal)"
                                " VALUES (?, ?, ?, ?, ?, ?, ?)",
    [JOURNAL_STMT_DEAD_READ] = "SELECT lsn, name, cause, attempts, text, retried, seal FROM relay_dead"
                               " WHERE lsn = ? AND name = ?",
    [JOURNAL_STMT_DEAD_REMOVE] = "DELETE FROM relay_dead WHERE lsn = ? AND name = ?",
    [JOURNAL_STMT_DEAD_SCAN] = "SELECT lsn, name, cause, attempts, text, retried, seal FROM relay_dead ORDER BY lsn",
    [JOURNAL_STMT_EVENTS] = "SELECT " COLUMNS " FROM event WHERE kind = 24 AND lsn > ? ORDER BY lsn LIMIT ?",
    [JOURNAL_STMT_EVENTS_NEEDED] =
        "SELECT " COLUMNS " FROM event AS e WHERE kind = 24 AND " NEEDED("e.lsn") " ORDER BY lsn",
    [JOURNAL_STMT_EVENT_NEEDED] = "SELECT relay_past(?1) OR " NEEDED("?1"),
    [JOURNAL_STMT_EVENT_RELEASED] = "SELECT " COLUMNS " FROM event AS e WHERE kind = 24 AND lsn <= ?"
                                    " AND NOT relay_past(lsn) AND NOT " NEEDED("e.lsn") " ORDER BY lsn LIMIT 1",
    [JOURNAL_STMT_RELAY_AFTER] =
        "SELECT " COLUMNS " FROM event WHERE lsn > ? AND lsn <= ? AND kind BETWEEN 25 AND 29 ORDER BY lsn",
    [JOURNAL_STMT_GROUPS_AFTER] = "SELECT " COLUMNS " FROM event WHERE gtrid = ? AND kind = 25 AND lsn > ?",
};

int journal_sqlite_error(int code)
{
    switch (code & 0xff) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return VOW_E_LOCKED;
    case SQLITE_NOMEM:
        return VOW_E_NO_MEMORY;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        return VOW_E_DAMAGED;
    case SQLITE_IOERR:
    case SQLITE_FULL:
    case SQLITE_READONLY:
    case SQLITE_CANTOPEN:
    case SQLITE_PERM:
        return VOW_E_IO;
    default:
        return VOW_E_DATABASE;
    }
}

static const char *advice_for(int error)
{
    switch (error) {
    case VOW_E_LOCKED:
        return "another program has the file open; end it";
    case VOW_E_DAMAGED:
        return "restore " JOURNAL_DB_FILE ", its -wal and the witness together";
    case VOW_E_IO:
        return "check disk space, permissions and the kernel's log";
    default:
        return "see SQLite's message";
    }
}

int journal_sqlite_fail(const struct sqlite_engine *engine, const char *doing, struct vow_error_detail *detail)
{
    int error = journal_sqlite_error(sqlite3_errcode(engine->db));

    return journal_fail(detail, error, "%.80s/" JOURNAL_DB_FILE ": %.40s: %.60s (%d); %s", engine->directory, doing,
                        sqlite3_errmsg(engine->db), sqlite3_extended_errcode(engine->db), advice_for(error));
}

static int size_of(const struct sqlite_engine *engine, const char *file, int64_t *size, struct vow_error_detail *detail)
{
    if (engine->files.ops->size(&engine->files, file, size) == 0)
        return 0;
    return journal_fail(detail, VOW_E_IO, "%.150s/%s: %m", engine->directory, file);
}

/*
 * What must be looked at before SQLite does: to it an empty or missing database is a new one, whose old WAL it deletes.
 */
static int check_files(struct sqlite_engine *engine, struct vow_error_detail *detail)
{
    int64_t log = -1, wal = -1;
    int error = size_of(engine, JOURNAL_DB_FILE, &log, detail);

    error = error != 0 ? error : size_of(engine, JOURNAL_DB_FILE "-wal", &wal, detail);
    engine->had_wal = wal >= 0;
    if (error != 0 || log > 0)
        return error;
    if (engine->witness.head.lsn > 0) {
        return journal_fail(detail, VOW_E_BEHIND_WITNESS,
                            "%.80s/" JOURNAL_DB_FILE
                            " is missing or empty, its witness stands at lsn %llu; restore the "
                            "newest journal, nothing may be presumed",
                            engine->directory, (unsigned long long)engine->witness.head.lsn);
    }
    if (wal > 0) {
        return journal_fail(detail, VOW_E_DAMAGED,
                            "%.80s/" JOURNAL_DB_FILE " is missing or empty and its -wal is there; restore the file, or "
                            "move the rest away to start anew",
                            engine->directory);
    }
    return 0;
}

/* Sets or reads a pragma that answers with one value. "" if this SQLite has no answer. */
static int pragma(struct sqlite_engine *engine, const char *sql, char *value, size_t size,
                  struct vow_error_detail *detail)
{
    sqlite3_stmt *stmt = NULL;
    const char *text = NULL;
    int error = 0, rc = SQLITE_ERROR;

    if (sqlite3_prepare_v2(engine->db, sql, -1, &stmt, NULL) == SQLITE_OK)
        rc = sqlite3_step(stmt);
    if (rc == SQLITE_ROW)
        text = (const char *)sqlite3_column_text(stmt, 0);
    else if (rc == SQLITE_DONE)
        text = "";
    if (text == NULL)
        error = journal_sqlite_fail(engine, sql, detail);
    else
        (void)snprintf(value, size, "%s", text);
    (void)sqlite3_finalize(stmt);
    return error;
}

static int pragma_number(struct sqlite_engine *engine, const char *sql, long *number, struct vow_error_detail *detail)
{
    char value[32] = "";
    int error = pragma(engine, sql, value, sizeof(value), detail);

    *number = strtol(value, NULL, 10);
    return error;
}

/* Durability hangs on these settings, so what SQLite answers is believed, not what we asked for (fault F124). */
static int demand(struct sqlite_engine *engine, const char *sql, const char *wanted, struct vow_error_detail *detail)
{
    char value[32] = "";
    int error = pragma(engine, sql, value, sizeof(value), detail);

    if (error == 0 && strcmp(value, wanted) != 0) {
        error = journal_fail(detail, VOW_E_PRAGMA,
                             "%.80s/" JOURNAL_DB_FILE ": %s is \"%s\" and must be \"%s\"; use another build of SQLite",
                             engine->directory, sql, value, wanted);
    }
    return error;
}

static int execute(struct sqlite_engine *engine, const char *sql, struct vow_error_detail *detail)
{
    return sqlite3_exec(engine->db, sql, NULL, NULL, NULL) == SQLITE_OK ? 0 : journal_sqlite_fail(engine, sql, detail);
}

/* Exclusive comes before the first read: from then on no other process can open the file, and no -shm is made. */
static int open_database(struct sqlite_engine *engine, struct vow_error_detail *detail)
{
    char path[JOURNAL_PATH_SIZE];
    const char *vfs = journal_vfs_name(engine->vfs);
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
    int len = snprintf(path, sizeof(path), "%s/" JOURNAL_DB_FILE, engine->directory);
    int error;

    if (len < 0 || (size_t)len >= sizeof(path))
        return journal_fail(detail, VOW_E_ARGUMENT, "the path of the data directory is too long");
    if (vfs == NULL || sqlite3_open_v2(path, &engine->db, flags, vfs) != SQLITE_OK) {
        return engine->db == NULL ? journal_fail(detail, VOW_E_NO_MEMORY, "out of memory")
                                  : journal_sqlite_fail(engine, "opening", detail);
    }
    if (journal_sqlite_relay_functions(engine) != SQLITE_OK)
        return journal_sqlite_fail(engine, "opening", detail);
    /* Until all is verified, closing leaves a WAL as it was found. One that was not there before goes away again. */
    (void)sqlite3_db_config(engine->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, engine->had_wal ? 1 : 0, NULL);
    (void)sqlite3_busy_timeout(engine->db, BUSY_MS);
    error = demand(engine, "PRAGMA locking_mode = EXCLUSIVE", "exclusive", detail);
    if (error == 0) {
        error = execute(engine,
                        "PRAGMA synchronous = FULL; PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON;"
                        "PRAGMA temp_store = MEMORY; PRAGMA cache_size = -16384",
                        detail);
    }
    return error;
}

static int check_header(struct sqlite_engine *engine, bool *is_new, struct vow_error_detail *detail)
{
    long pages = 0, application = 0, format = 0;
    int error = pragma_number(engine, "PRAGMA page_count", &pages, detail);

    error = error != 0 ? error : pragma_number(engine, "PRAGMA application_id", &application, detail);
    error = error != 0 ? error : pragma_number(engine, "PRAGMA user_version", &format, detail);
    if (error == 0 && pages > 0 && application != JOURNAL_APPLICATION_ID) {
        error =
            journal_fail(detail, VOW_E_DAMAGED,
                         "%.80s/" JOURNAL_DB_FILE " is not a Vow journal (application id %ld); restore the journal or "
                         "choose another directory",
                         engine->directory, application);
    } else if (error == 0 && format > JOURNAL_FORMAT) {
        error =
            journal_fail(detail, VOW_E_NEWER,
                         "%.80s/" JOURNAL_DB_FILE " has format %ld, this program knows up to %d; use the version that "
                         "wrote it or a newer one",
                         engine->directory, format, JOURNAL_FORMAT);
    }
    engine->format = format;
    *is_new = pages == 0;
    return error;
}

/* All of a new database is one transaction. It has no identity yet: the first takeover draws one together with the
 * first event, so that a directory that lost all its files can never speak for the transactions of the old one
 * (fault F024). */
static int create_schema(struct sqlite_engine *engine, struct vow_error_detail *detail)
{
    char tail[96];
    int error = execute(engine, schema, detail);

    error = error != 0 ? error : execute(engine, schema_2, detail);
    error = error != 0 ? error : execute(engine, schema_3, detail);
    error = error != 0 ? error : execute(engine, schema_5, detail);
    (void)snprintf(tail, sizeof(tail), "PRAGMA application_id = %d; PRAGMA user_version = %d; COMMIT",
                   JOURNAL_APPLICATION_ID, JOURNAL_FORMAT);
    error = error != 0 ? error : execute(engine, tail, detail);
    if (error == 0 && engine->files.ops->protect(&engine->files, JOURNAL_DB_FILE) != 0)
        error = journal_fail(detail, VOW_E_IO, "%.150s/" JOURNAL_DB_FILE ": %m", engine->directory);
    return error;
}

/* A file of an older format that was proved is brought up to this one, as one transaction. */
static int upgrade(struct sqlite_engine *engine, struct vow_error_detail *detail)
{
    char tail[64];
    int error = execute(engine, "BEGIN EXCLUSIVE", detail);

    (void)snprintf(tail, sizeof(tail), "PRAGMA user_version = %d; COMMIT", JOURNAL_FORMAT);
    if (error == 0 && engine->format < 2)
        error = execute(engine, schema_2, detail);
    if (error == 0 && engine->format < 3)
        error = execute(engine, schema_3, detail);
    if (error == 0 && engine->format < 5)
        error = execute(engine, schema_5, detail);
    if (error == 0 && engine->format == 5)
        error = execute(engine, schema_6, detail);
    return error != 0 ? error : execute(engine, tail, detail);
}

static int count_wal_pages(void *ctx, sqlite3 *db, const char *database, int pages)
{
    struct sqlite_engine *engine = ctx;

    (void)db;
    (void)database;
    engine->wal_pages = pages;
    return SQLITE_OK;
}

sqlite3_stmt *journal_sqlite_statement(struct sqlite_engine *engine, enum journal_statement which)
{
    if (engine->statements[which] == NULL)
        (void)sqlite3_prepare_v3(engine->db, statements[which], -1, SQLITE_PREPARE_PERSISTENT,
                                 &engine->statements[which], NULL);
    return engine->statements[which];
}

/* What a decision needs is there before the first one comes. The rest, which starts, cutting and people use, is
 * prepared when it is asked for: together it takes SQLite as long as all else that a start does with a short
 * journal. */
static int prepare_statements(struct sqlite_engine *engine, struct vow_error_detail *detail)
{
    static const enum journal_statement needed[] = {JOURNAL_STMT_BEGIN, JOURNAL_STMT_COMMIT, JOURNAL_STMT_APPEND,
                                                    JOURNAL_STMT_IDENTITY, JOURNAL_STMT_TERMINAL};

    for (size_t i = 0; i < sizeof(needed) / sizeof(needed[0]); i++) {
        if (journal_sqlite_statement(engine, needed[i]) == NULL)
            return journal_sqlite_fail(engine, "preparing a statement", detail);
    }
    return 0;
}

/* From here on the disk may change: what was there is verified. The WAL hook takes the place of automatic
 * checkpoints. */
static int make_ready(struct sqlite_engine *engine, bool is_new, struct vow_error_detail *detail)
{
    int error = is_new ? create_schema(engine, detail) : 0;

    error = error != 0 ? error : demand(engine, "PRAGMA journal_mode = WAL", "wal", detail);
    error = error != 0 ? error : demand(engine, "PRAGMA synchronous", "2", detail);
    error = error != 0 ? error : demand(engine, "PRAGMA locking_mode", "exclusive", detail);
    if (error == 0 && !is_new && engine->format < JOURNAL_FORMAT)
        error = upgrade(engine, detail);
    if (error == 0 && !engine->witness.file.is_open)
        error = journal_witness_create(&engine->witness, detail);
    error = error != 0 ? error : prepare_statements(engine, detail);
    (void)sqlite3_wal_hook(engine->db, count_wal_pages, engine);
    return error;
}

int journal_sqlite_look(struct sqlite_engine *engine, const char *name, bool *is_new, struct vow_error_detail *detail)
{
    int error = 0;

    if (journal_chain_init(&engine->chain) != 0)
        error = journal_fail(detail, VOW_E_NO_MEMORY, "out of memory");
    if (error == 0)
        error = journal_witness_open(&engine->witness, &engine->files, &engine->chain, detail);
    error = error != 0 ? error : check_files(engine, detail);
    error = error != 0 ? error : open_database(engine, detail);
    error = error != 0 ? error : check_header(engine, is_new, detail);
    if (error == 0)
        error = *is_new ? journal_sqlite_check_end(engine, detail) : journal_sqlite_verify(engine, name, detail);
    return error;
}

static int open_engine(struct sqlite_engine *engine, const char *name, struct vow_error_detail *detail)
{
    bool is_new = false;
    int error = journal_files_init(&engine->files, engine->vfs, engine->directory, detail);

    error = error != 0 ? error : engine->files.ops->open(&engine->files, true, detail);
    error = error != 0 ? error : engine->files.ops->lock(&engine->files, false, detail);
    error = error != 0 ? error : journal_sqlite_look(engine, name, &is_new, detail);
    error = error != 0 ? error : make_ready(engine, is_new, detail);
    engine->ready = error == 0;
    return error;
}

int vow_journal_sqlite_open(const struct vow_journal_options *options, const struct vow_journal_engine **ops,
                            void **out, struct vow_error_detail *detail)
{
    struct sqlite_engine *engine;
    int error;

    if (options->name != NULL && !vow_name_is_valid(options->name))
        return journal_fail(detail, VOW_E_NAME, "\"%.63s\" is no name: 1 to 63 of a-z A-Z 0-9 . _ -", options->name);
    engine = calloc(1, sizeof(*engine));
    if (engine == NULL || (engine->directory = strdup(options->directory)) == NULL) {
        free(engine);
        return journal_fail(detail, VOW_E_NO_MEMORY, "out of memory");
    }
    engine->vfs = options->vfs;
    engine->releasing = true; /* what was released before the last end is looked for */
    engine->keys_max = options->event_keys_max != 0 ? options->event_keys_max : JOURNAL_KEYS_MAX;
    engine->keys_written = UINT32_MAX;
    journal_sqlite_engine.retain(engine, &options->retention);
    (void)snprintf(engine->identity.name, sizeof(engine->identity.name), "%s",
                   options->name != NULL ? options->name : DEFAULT_NAME);
    error = open_engine(engine, options->name, detail);
    if (error != 0) {
        journal_sqlite_free(engine);
        return error;
    }
    *ops = &journal_sqlite_engine;
    *out = engine;
    return 0;
}

void journal_sqlite_free(struct sqlite_engine *engine)
{
    for (int i = 0; i < JOURNAL_STMT_COUNT; i++)
        (void)sqlite3_finalize(engine->statements[i]);
    if (engine->db != NULL)
        (void)sqlite3_close(engine->db);
    journal_sqlite_past_free(engine);
    journal_witness_close(&engine->witness);
    journal_chain_deinit(&engine->chain);
    if (engine->files.ops != NULL)
        engine->files.ops->close(&engine->files);
    free(engine->directory);
    free(engine->body);
    free(engine);
}
