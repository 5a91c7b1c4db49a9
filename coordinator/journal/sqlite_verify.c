#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "coordinator/journal/fail.h"
#include "coordinator/journal/sqlite_engine.h"

#define WHAT_TO_DO "restore " JOURNAL_DB_FILE ", its -wal and the witness together; nothing may be presumed"

/* A statement that fails while we verify has met damage, unless it is the disk, the memory or another process. */
static int failed_read(const struct sqlite_engine *engine, struct vow_error_detail *detail)
{
    int error = journal_sqlite_fail(engine, "reading", detail);

    if (error == VOW_E_DATABASE)
        error = detail->error = VOW_E_DAMAGED;
    return error;
}

/* A page that the check could not get for another reason than damage, a disk that does not answer for example, is
 * reported in the midst of its text. */
static int error_of_check(const char *found)
{
    static const char mark[] = "error code=";
    const char *code = strstr(found, mark);
    int error = code != NULL ? journal_sqlite_error((int)strtol(code + strlen(mark), NULL, 10)) : VOW_E_DAMAGED;

    return error == VOW_E_DATABASE ? VOW_E_DAMAGED : error;
}

/* SQLite's finding as it fits into a line of a log: without its heading, without newlines, cut after a word. */
static void print_finding(const char *found, char *out, size_t size)
{
    const char *heading_end = strstr(found, "***\n");
    size_t len;

    (void)snprintf(out, size, "%s", heading_end != NULL ? heading_end + strlen("***\n") : found);
    len = strlen(out);
    for (size_t i = 0; i < len; i++) {
        if ((unsigned char)out[i] < ' ')
            out[i] = ' ';
    }
    if (len + 1 < size)
        return;
    while (len > 0 && out[len - 1] != ' ')
        len--;
    if (len > 0)
        out[len - 1] = '\0';
}

/*
 * Pages, and that the index holds exactly the rows: a gtrid missing from it would read as "no record, so abort". So
 * the check is integrity_check and not quick_check, which leaves the index's content out.
 */
int journal_sqlite_verify_pages(struct sqlite_engine *engine, struct vow_error_detail *detail)
{
    sqlite3_stmt *stmt = NULL;
    const char *found = NULL;
    char finding[80];
    int error = 0;

    if (sqlite3_prepare_v2(engine->db, "PRAGMA integrity_check(1)", -1, &stmt, NULL) == SQLITE_OK &&
        sqlite3_step(stmt) == SQLITE_ROW)
        found = (const char *)sqlite3_column_text(stmt, 0);
    if (found == NULL) {
        error = failed_read(engine, detail);
    } else if (strcmp(found, "ok") != 0) {
        error = error_of_check(found);
        print_finding(found, finding, sizeof(finding));
        if (error == VOW_E_DAMAGED)
            (void)journal_fail(detail, error, "%.60s/" JOURNAL_DB_FILE ": %s; " WHAT_TO_DO, engine->directory, finding);
        else
            (void)journal_fail(detail, error, "%.80s/" JOURNAL_DB_FILE " cannot be read: %s", engine->directory,
                               vow_error_text(error));
    }
    (void)sqlite3_finalize(stmt);
    return error;
}

/* A row of what a start reads: it must be found through the index, and be what the witness saw. */
static int verify_row(void *ctx, const struct journal_row *row, const struct journal_hash *hash,
                      struct vow_error_detail *detail)
{
    struct sqlite_engine *engine = ctx;

    if (row->lsn == engine->witness.head.lsn && !journal_hash_equal(hash, &engine->witness.head.hash))
        return journal_sqlite_damaged(engine, row->lsn, "the witness has another hash for this event", detail);
    if (row->kind == VOW_RECORD_EPOCH)
        engine->epoch_event = *hash;
    return journal_sqlite_probe(engine, row, detail);
}

/* The witness was synced before anything up to its LSN was folded in: an older one belongs to another log. */
static int verify_witness(struct sqlite_engine *engine, struct vow_error_detail *detail)
{
    const struct journal_head *witness = &engine->witness.head, *taken = &engine->snapshot.taken;

    if (!engine->witness.file.is_open || witness->lsn > taken->lsn)
        return 0;
    if (witness->lsn < taken->lsn)
        return journal_sqlite_damaged(engine, witness->lsn, "the witness is older than the log's snapshot", detail);
    if (!journal_hash_equal(&witness->hash, &taken->hash))
        return journal_sqlite_damaged(engine, witness->lsn, "the witness has another hash for this event", detail);
    return 0;
}

static int verify_rows(struct sqlite_engine *engine, enum journal_statement which, const struct journal_rows *expected,
                       const char *found, struct vow_error_detail *detail)
{
    struct journal_rows rows = {0};
    sqlite3_stmt *stmt = journal_sqlite_statement(engine, which);
    int error;

    if (stmt == NULL)
        return failed_read(engine, detail);
    if (which == JOURNAL_STMT_KEPT)
        (void)sqlite3_bind_int64(stmt, 1, (sqlite3_int64)engine->snapshot.cut.lsn);
    error = journal_sqlite_sum(engine, stmt, &rows, detail);
    if (error == 0 && !journal_rows_equal(&rows, expected))
        error = journal_sqlite_damaged(engine, engine->snapshot.taken.lsn, found, detail);
    return error;
}

/* What the snapshot says, and the rows whose neighbours may be gone. A file of format 1 has none. */
static int verify_snapshot(struct sqlite_engine *engine, struct vow_error_detail *detail)
{
    const struct journal_snapshot *snapshot = &engine->snapshot;
    int error;

    if (engine->format < 2)
        return 0;
    error = journal_sqlite_read_snapshot(engine, detail);
    if (error == 0) {
        error = verify_rows(engine, JOURNAL_STMT_KEPT, &snapshot->kept,
                            "the events that were kept up to the cut are not those of the snapshot", detail);
    }
    if (error == 0) {
        error = verify_rows(engine, JOURNAL_STMT_OPEN_LISTED, &snapshot->open,
                            "the open records are not those of the snapshot", detail);
    }
    return error != 0 ? error : verify_witness(engine, detail);
}

/* From the snapshot to the end of the log. What lies before it is proved in the background. */
static int verify_chain(struct sqlite_engine *engine, struct vow_error_detail *detail)
{
    const struct journal_snapshot *snapshot = &engine->snapshot;

    engine->head = snapshot->taken;
    engine->epoch_event = snapshot->epoch_event;
    engine->proof = (struct journal_proof){.at = snapshot->cut,
                                           .to = snapshot->taken,
                                           .high = snapshot->high,
                                           .done = snapshot->cut.lsn == snapshot->taken.lsn};
    return journal_sqlite_walk(engine, &engine->head, 0, UINT64_MAX, verify_row, engine, detail);
}

static int prove_row(void *ctx, const struct journal_row *row, const struct journal_hash *hash,
                     struct vow_error_detail *detail)
{
    (void)hash;
    return journal_sqlite_probe(ctx, row, detail);
}

int journal_sqlite_prove(struct sqlite_engine *engine, uint64_t rows, struct vow_error_detail *detail)
{
    struct journal_proof *proof = &engine->proof;
    int error;

    if (proof->done)
        return 0;
    /* What was cut off meanwhile was proved by that. */
    if (proof->at.lsn < engine->snapshot.cut.lsn)
        proof->at = engine->snapshot.cut;
    if (proof->at.lsn < proof->to.lsn) {
        error = journal_sqlite_walk(engine, &proof->at, proof->to.lsn, rows, prove_row, engine, detail);
        if (error != 0)
            return error;
    }
    if (proof->at.lsn == proof->to.lsn && !journal_hash_equal(&proof->at.hash, &proof->to.hash))
        return journal_sqlite_damaged(engine, proof->to.lsn, "the snapshot has another hash for this event", detail);
    proof->done = proof->at.lsn >= proof->to.lsn;
    return 0;
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
    if (engine->head.lsn > 0 && !engine->witness.file.is_open) {
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
static int verify_identity(struct sqlite_engine *engine, const char *name, struct vow_error_detail *detail)
{
    struct vow_journal_identity identity = {0};
    struct journal_hash stored = {{0}}, computed = {{0}};
    int found = read_identity(engine, &identity, &stored, detail);

    if (found < 0 || (found == 0 && engine->head.lsn == 0))
        return found;
    if (journal_sqlite_seal(engine, &engine->epoch_event, &identity, &computed) != 0)
        return journal_fail(detail, VOW_E_NO_MEMORY, "no memory for SHA-256");
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

static bool is_short(struct sqlite_engine *engine)
{
    sqlite3_stmt *stmt = NULL;
    bool is_short = true;

    if (sqlite3_prepare_v2(engine->db, "PRAGMA page_count", -1, &stmt, NULL) == SQLITE_OK &&
        sqlite3_step(stmt) == SQLITE_ROW)
        is_short = sqlite3_column_int64(stmt, 0) <= JOURNAL_PAGES_CHECKED;
    (void)sqlite3_finalize(stmt);
    return is_short;
}

int journal_sqlite_verify(struct sqlite_engine *engine, const char *name, struct vow_error_detail *detail)
{
    int error = is_short(engine) ? journal_sqlite_verify_pages(engine, detail) : 0;

    error = error != 0 ? error : verify_snapshot(engine, detail);
    error = error != 0 ? error : verify_chain(engine, detail);
    error = error != 0 ? error : journal_sqlite_check_end(engine, detail);
    return error != 0 ? error : verify_identity(engine, name, detail);
}
