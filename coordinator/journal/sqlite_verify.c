#include <stdio.h>
#include <string.h>

#include "coordinator/journal/fail.h"
#include "coordinator/journal/sqlite_engine.h"

#define WHAT_TO_DO "restore " JOURNAL_DB_FILE ", its -wal and the witness together; nothing may be presumed"

static int damaged(const struct sqlite_engine *engine, uint64_t lsn, const char *found, struct vow_error_detail *detail)
{
    return journal_fail(detail, VOW_E_DAMAGED, "%.80s/" JOURNAL_DB_FILE ": lsn %llu: %s; " WHAT_TO_DO,
                        engine->directory, (unsigned long long)lsn, found);
}

/* A statement that fails while we verify has met damage, unless it is the disk, the memory or another process. */
static int failed_read(const struct sqlite_engine *engine, struct vow_error_detail *detail)
{
    int error = journal_sqlite_fail(engine, "reading", detail);

    if (error == VOW_E_DATABASE)
        error = detail->error = VOW_E_DAMAGED;
    return error;
}

/*
 * Pages, and that the index holds exactly the rows: a gtrid missing from it would read as "no record, so abort". So
 * the check is integrity_check and not quick_check, which leaves the index's content out.
 */
static int verify_pages(struct sqlite_engine *engine, struct vow_error_detail *detail)
{
    sqlite3_stmt *stmt = NULL;
    int error = 0;

    if (sqlite3_prepare_v2(engine->db, "PRAGMA integrity_check(1)", -1, &stmt, NULL) != SQLITE_OK ||
        sqlite3_step(stmt) != SQLITE_ROW) {
        error = failed_read(engine, detail);
    } else if (strcmp((const char *)sqlite3_column_text(stmt, 0), "ok") != 0) {
        error = journal_fail(detail, VOW_E_DAMAGED, "%.80s/" JOURNAL_DB_FILE ": %.60s; " WHAT_TO_DO, engine->directory,
                             (const char *)sqlite3_column_text(stmt, 0));
    }
    (void)sqlite3_finalize(stmt);
    return error;
}

/* Takes one row as the next event of the chain. */
static int verify_row(struct sqlite_engine *engine, sqlite3_stmt *stmt, struct vow_error_detail *detail)
{
    struct journal_row row;
    struct journal_hash stored, computed;
    uint64_t expected = engine->head.lsn + 1;

    if (!journal_sqlite_row(stmt, &row, &stored))
        return damaged(engine, expected, "a column is not readable", detail);
    if (row.lsn != expected)
        return damaged(engine, expected, "this event is missing, a later one is there", detail);
    if (journal_chain_next(&engine->chain, &engine->head.hash, &row, &computed) != 0)
        return journal_fail(detail, VOW_E_SYSTEM, "SHA-256 is not available");
    if (!journal_hash_equal(&stored, &computed))
        return damaged(engine, row.lsn, "the event does not fit its hash", detail);
    if (row.lsn == engine->witness.head.lsn && !journal_hash_equal(&stored, &engine->witness.head.hash))
        return damaged(engine, row.lsn, "the witness has another hash for this event", detail);
    engine->head = (struct journal_head){.lsn = row.lsn, .hash = stored};
    return 0;
}

/* Walks all events, and keeps the hash of the last EPOCH among them for the identity. */
static int verify_chain(struct sqlite_engine *engine, struct journal_hash *epoch_event, struct vow_error_detail *detail)
{
    static const char sql[] = "SELECT lsn, wall_us, gtrid, kind, body, hash FROM event ORDER BY lsn";
    sqlite3_stmt *stmt = NULL;
    int error = 0, rc;

    if (sqlite3_prepare_v2(engine->db, sql, -1, &stmt, NULL) != SQLITE_OK)
        return failed_read(engine, detail);
    while (error == 0 && (rc = sqlite3_step(stmt)) != SQLITE_DONE) {
        error = rc == SQLITE_ROW ? verify_row(engine, stmt, detail) : failed_read(engine, detail);
        if (error == 0 && sqlite3_column_int(stmt, 3) == VOW_RECORD_EPOCH)
            *epoch_event = engine->head.hash;
    }
    (void)sqlite3_finalize(stmt);
    return error;
}

int journal_sqlite_check_end(const struct sqlite_engine *engine, struct vow_error_detail *detail)
{
    if (engine->head.lsn < engine->witness.head.lsn) {
        return journal_fail(
            detail, VOW_E_BEHIND_WITNESS,
            "%.80s/" JOURNAL_DB_FILE " ends at lsn %llu, its witness stands at %llu; restore the newest "
            "journal with its -wal, nothing may be presumed",
            engine->directory, (unsigned long long)engine->head.lsn, (unsigned long long)engine->witness.head.lsn);
    }
    if (engine->head.lsn > 0 && engine->witness.fd < 0) {
        return journal_fail(detail, VOW_E_DAMAGED,
                            "%.80s/" JOURNAL_WITNESS_FILE
                            " is missing, the journal has %llu events; restore the witness "
                            "file, without it nobody can say that none is lost",
                            engine->directory, (unsigned long long)engine->head.lsn);
    }
    return 0;
}

int journal_sqlite_seal(struct sqlite_engine *engine, const struct journal_hash *epoch_event,
                        const struct vow_journal_identity *identity, struct journal_hash *seal)
{
    /* An event of kind 0 does not exist, so this hash cannot be mistaken for one of the chain. */
    struct journal_row row = {
        .lsn = identity->epoch,
        .wall_us = identity->coord,
        .body = {(const uint8_t *)identity->name, strlen(identity->name)},
    };

    return journal_chain_next(&engine->chain, epoch_event, &row, seal);
}

/* Reads the identity row. Returns 1 if there is one, 0 if there is none, or an error. */
static int read_identity(struct sqlite_engine *engine, struct vow_journal_identity *identity, struct journal_hash *seal,
                         struct vow_error_detail *detail)
{
    sqlite3_stmt *stmt = NULL;
    int found, rc = SQLITE_ERROR;

    if (sqlite3_prepare_v2(engine->db, "SELECT coord, name, epoch, seal FROM identity", -1, &stmt, NULL) == SQLITE_OK)
        rc = sqlite3_step(stmt);
    found = rc == SQLITE_DONE ? 0 : 1;
    if (rc == SQLITE_ROW && sqlite3_column_bytes(stmt, 3) == (int)sizeof(seal->bytes)) {
        identity->coord = (uint64_t)sqlite3_column_int64(stmt, 0);
        identity->epoch = (uint32_t)sqlite3_column_int64(stmt, 2);
        (void)snprintf(identity->name, sizeof(identity->name), "%s", (const char *)sqlite3_column_text(stmt, 1));
        memcpy(seal->bytes, sqlite3_column_blob(stmt, 3), sizeof(seal->bytes));
    } else if (rc != SQLITE_DONE && rc != SQLITE_ROW) {
        found = failed_read(engine, detail);
    }
    (void)sqlite3_finalize(stmt);
    return found;
}

/* The identity was written in one transaction with the last EPOCH event: neither is there without the other. */
static int verify_identity(struct sqlite_engine *engine, const char *name, const struct journal_hash *epoch_event,
                           struct vow_error_detail *detail)
{
    struct vow_journal_identity identity = {0};
    struct journal_hash stored = {{0}}, computed = {{0}};
    int found = read_identity(engine, &identity, &stored, detail);

    if (found < 0 || (found == 0 && engine->head.lsn == 0))
        return found;
    if (journal_sqlite_seal(engine, epoch_event, &identity, &computed) != 0)
        return journal_fail(detail, VOW_E_SYSTEM, "SHA-256 is not available");
    if (found == 0 || engine->head.lsn == 0 || !journal_hash_equal(&stored, &computed)) {
        return journal_fail(detail, VOW_E_DAMAGED,
                            "%.80s/" JOURNAL_DB_FILE ": the identity does not fit the last EPOCH event; " WHAT_TO_DO,
                            engine->directory);
    }
    if (name != NULL && strcmp(name, identity.name) != 0) {
        return journal_fail(detail, VOW_E_IDENTITY,
                            "%.80s belongs to the coordinator \"%s\", not to \"%s\"; use its name or another directory",
                            engine->directory, identity.name, name);
    }
    engine->identity = identity;
    return 0;
}

int journal_sqlite_verify(struct sqlite_engine *engine, const char *name, struct vow_error_detail *detail)
{
    struct journal_hash epoch_event = {{0}};
    int error = verify_pages(engine, detail);

    error = error != 0 ? error : verify_chain(engine, &epoch_event, detail);
    error = error != 0 ? error : journal_sqlite_check_end(engine, detail);
    return error != 0 ? error : verify_identity(engine, name, &epoch_event, detail);
}
