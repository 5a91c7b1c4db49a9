/*
 * The SQLite engine of the journal, shared by its files: sqlite_open.c opens, sqlite_verify.c proves what was opened,
 * sqlite.c writes, sqlite_read.c reads.
 *
 * One connection, WAL, synchronous=FULL, exclusive locking, checkpoints by hand on that same connection: SQLite below
 * 3.51.3 can corrupt a WAL that two connections use (fault F122). One thread at a time; only the counters are read
 * from others.
 */
#ifndef VOW_JOURNAL_SQLITE_ENGINE_H
#define VOW_JOURNAL_SQLITE_ENGINE_H

#include <sqlite3.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "coordinator/journal/chain.h"
#include "coordinator/journal/journal.h"
#include "coordinator/journal/witness.h"

#define JOURNAL_DB_FILE "journal.db"
/* "Vow1" in the file's header: tells a journal from any other SQLite database. */
#define JOURNAL_APPLICATION_ID 0x566f7731
/* The format of tables and bodies. Raise it when an older reader could misread the file. */
#define JOURNAL_FORMAT 1
/* The WAL is checkpointed once it is longer than this; its space is then used again. */
#define JOURNAL_WAL_PAGES_MAX 2048
#define JOURNAL_PATH_SIZE 4096

enum journal_statement {
    JOURNAL_STMT_BEGIN,
    JOURNAL_STMT_COMMIT,
    JOURNAL_STMT_APPEND,
    JOURNAL_STMT_IDENTITY,
    JOURNAL_STMT_TERMINAL,
    JOURNAL_STMT_HISTORY,
    JOURNAL_STMT_OPEN,
    JOURNAL_STMT_COUNT,
};

/* Written by the thread that commits, read by any. */
struct journal_counters {
    atomic_uint_least64_t commits, syncs, records, forced_records, notes, last_lsn;
};

struct sqlite_engine {
    char *directory;
    int directory_fd;
    int lock_fd;
    bool had_wal; /* a WAL was there before us: a failed open must not fold it in */
    bool ready;   /* verified and open for work */
    bool taken_over;
    int failed; /* not 0: a write went wrong; nothing is written or read any more */
    int wal_pages;
    sqlite3 *db;
    sqlite3_stmt *statements[JOURNAL_STMT_COUNT];
    struct journal_chain chain;
    struct journal_witness witness;
    struct journal_head head;             /* the last durable event */
    struct vow_journal_identity identity; /* coord 0: nobody has taken this log over yet */
    struct journal_counters counters;
};

/* --- sqlite_open.c --- */

/* Releases all that is held, in any state of opening. */
void journal_sqlite_free(struct sqlite_engine *engine);
/* What SQLite says in words, and as one of our errors. `doing` is what we were at. */
int journal_sqlite_fail(const struct sqlite_engine *engine, const char *doing, struct vow_error_detail *detail);

/* --- sqlite_verify.c --- */

/*
 * Proves the log of an open database: pages and index, every row's hash, no gap, the witness, the identity. Sets head
 * and identity. `name` is the one the identity must have, or NULL. Changes nothing.
 */
int journal_sqlite_verify(struct sqlite_engine *engine, const char *name, struct vow_error_detail *detail);
/* Does the log reach its witness? For a new database, too: one that has no file may have a witness. */
int journal_sqlite_check_end(const struct sqlite_engine *engine, struct vow_error_detail *detail);
/* The hash that binds the identity row to the EPOCH event it was written with. Returns 0 or VOW_E_SYSTEM. */
int journal_sqlite_seal(struct sqlite_engine *engine, const struct journal_hash *epoch_event,
                        const struct vow_journal_identity *identity, struct journal_hash *seal);

/* --- sqlite_read.c --- */

/* Reads a row of (lsn, wall_us, gtrid, kind, body, hash). False if a column is not what we write. The body is
 * SQLite's. */
bool journal_sqlite_row(sqlite3_stmt *stmt, struct journal_row *row, struct journal_hash *hash);
/* The first record that settles a transaction: fills lsn, outcome and cause of *op. Returns 0, VOW_E_NOT_FOUND or
 * an error. */
int journal_sqlite_terminal(struct sqlite_engine *engine, const struct vow_gtrid *gtrid, struct vow_journal_op *op,
                            struct vow_error_detail *detail);
int journal_sqlite_history(struct sqlite_engine *engine, struct vow_journal_op *op, struct vow_error_detail *detail);
int journal_sqlite_scan(void *engine, vow_journal_scan_fn *each, void *ctx, struct vow_error_detail *detail);

/* --- sqlite.c --- */

extern const struct vow_journal_engine journal_sqlite_engine;

#endif
