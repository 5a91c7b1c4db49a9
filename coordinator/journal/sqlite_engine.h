/*
 * The SQLite engine of the journal, shared by its files: sqlite_open.c opens, sqlite_verify.c proves what was opened,
 * sqlite.c writes, sqlite_read.c reads, sqlite_walk.c follows the chain, sqlite_turn.c folds and cuts it,
 * sqlite_past.c says what of events stays, sqlite_void.c what of open sagas does not; sqlite_lives.c is beside the
 * chain.
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
#include "coordinator/journal/files.h"
#include "coordinator/journal/journal.h"
#include "coordinator/journal/snapshot.h"
#include "coordinator/journal/witness.h"

#define JOURNAL_DB_FILE "journal.db"
/* "Vow1" in the file's header: tells a journal from any other SQLite database. */
#define JOURNAL_APPLICATION_ID 0x566f7731
/*
 * The format of tables and bodies. Raise it when an older reader could misread the file, and say here what changed.
 *   1  event, identity
 *   2  and open, snapshot: events may be cut off. A file of format 1 is read as one without a snapshot, proved as a
 *      whole, and given the two tables.
 *   3  and life: participants' data files. An older program would let one come back that went back.
 *   4  and the records of sagas, in the tables of format 3. An older program would overlook them at its start, and cut
 *      off those of a saga that has not ended.
 *   5  and relay_key, relay_group, relay_dead: what the records of events add up to. An older program would cut off an
 *      event that is not done. And an index of the keys of sagas.
 *   6  and in relay_group what a group has done beyond its cursor. An older program would leave that as it was when it
 *      writes the row.
 */
#define JOURNAL_FORMAT 6
/* The WAL is checkpointed once it is longer than this; its space is then used again. */
#define JOURNAL_WAL_PAGES_MAX 2048
#define JOURNAL_PATH_SIZE 4096

/* Every column of an event, as journal_sqlite_row() reads them. */
#define JOURNAL_COLUMNS "lsn, wall_us, gtrid, kind, body, hash"
/* A file of at most this many pages is checked page by page at start; of a longer one that is the doctor's work. */
#define JOURNAL_PAGES_CHECKED 2048
/* Once this many events are not folded in, all but half as many are: what a start has to read at most. */
#define JOURNAL_TAIL_MAX 8192
/* Rows that one turn takes when there is nothing else to do, and with a batch beside twice what the batch wrote. */
#define JOURNAL_TURN_IDLE 2048
#define JOURNAL_TURN_BATCH 64

enum journal_statement {
    JOURNAL_STMT_BEGIN,
    JOURNAL_STMT_COMMIT,
    JOURNAL_STMT_APPEND,
    JOURNAL_STMT_IDENTITY,
    JOURNAL_STMT_TERMINAL,
    JOURNAL_STMT_SAGA,
    JOURNAL_STMT_DAMAGE,
    JOURNAL_STMT_HISTORY,
    JOURNAL_STMT_OPEN_LISTED,
    JOURNAL_STMT_OPEN_SCAN,
    JOURNAL_STMT_OPEN_TAIL,
    JOURNAL_STMT_KEYS,
    JOURNAL_STMT_SAGA_KEYS,
    JOURNAL_STMT_WALK,
    JOURNAL_STMT_KEPT,
    JOURNAL_STMT_KEPT_AFTER,
    JOURNAL_STMT_LOCATE,
    JOURNAL_STMT_HASH,
    JOURNAL_STMT_INDEXED,
    JOURNAL_STMT_END_AFTER,
    JOURNAL_STMT_UNENDED,
    JOURNAL_STMT_STEPS_BEFORE,
    JOURNAL_STMT_OPEN_ADD,
    JOURNAL_STMT_OPEN_REMOVE,
    JOURNAL_STMT_AGES,
    JOURNAL_STMT_CUT,
    JOURNAL_STMT_SNAPSHOT_READ,
    JOURNAL_STMT_SNAPSHOT_WRITE,
    JOURNAL_STMT_PAGES,
    JOURNAL_STMT_LIFE_WRITE,
    JOURNAL_STMT_LIFE_TRIM,
    JOURNAL_STMT_LIVES,
    JOURNAL_STMT_KEY_WRITE,
    JOURNAL_STMT_KEY_TRIM,
    JOURNAL_STMT_KEY_SCAN,
    JOURNAL_STMT_GROUP_WRITE,
    JOURNAL_STMT_GROUP_READ,
    JOURNAL_STMT_GROUP_SCAN,
    JOURNAL_STMT_GROUP_REMOVE,
    JOURNAL_STMT_DEAD_WRITE,
    JOURNAL_STMT_DEAD_READ,
    JOURNAL_STMT_DEAD_REMOVE,
    JOURNAL_STMT_DEAD_SCAN,
    JOURNAL_STMT_DEAD_REMOVE_ALL,
    JOURNAL_STMT_DEAD_PASS,
    JOURNAL_STMT_EVENTS,
    JOURNAL_STMT_EVENTS_NEEDED,
    JOURNAL_STMT_EVENT_NEEDED,
    JOURNAL_STMT_EVENT_RELEASED,
    JOURNAL_STMT_RELAY_AFTER,
    JOURNAL_STMT_GROUPS_AFTER,
    JOURNAL_STMT_COUNT,
};

/* Written by the thread that commits, read by any. */
struct journal_counters {
    atomic_uint_least64_t commits, syncs, records, forced_records, notes, last_lsn;
    atomic_uint_least64_t pruned, cut_lsn, taken_lsn, floor_epoch, floor_seq, proved, failed;
};

/* Set by any thread. */
struct journal_limits {
    atomic_uint_least64_t age_ms, bytes, least_ms;
};

/* The proof of what a start did not read: the events after the cut up to where the snapshot was taken. */
struct journal_proof {
    struct journal_head at, to;
    struct vow_watermark high; /* an id that is not below it has no event there */
    bool done;
};

#define JOURNAL_KEYS_MAX 65536u

struct sqlite_engine {
    char *directory;
    const char *vfs; /* its name; NULL: the default one */
    struct journal_files files;
    bool had_wal; /* a WAL was there before us: a failed open must not fold it in */
    bool ready;   /* verified and open for work */
    bool taken_over;
    int failed; /* not 0: a write went wrong; nothing is written or read any more */
    int wal_pages;
    bool folding;          /* the tail was too long, and is not yet short enough */
    bool over_size;        /* of the last look */
    bool releasing;        /* an event that was kept may not be needed any more */
    unsigned turns;        /* since the last look */
    uint32_t keys_max;     /* of events */
    uint32_t keys_written; /* since some were forgotten last; UINT32_MAX = since the file was opened */
    uint64_t oldest_us;    /* of the first event after the cut; 0 = look */
    long format;           /* of the file, when it was opened */
    sqlite3 *db;
    sqlite3_stmt *statements[JOURNAL_STMT_COUNT];
    struct journal_chain chain;
    struct journal_witness witness;
    struct journal_head head;         /* the last durable event */
    struct journal_hash epoch_event;  /* the last EPOCH, as the start found it */
    struct journal_snapshot snapshot; /* the durable one */
    struct journal_past *past;        /* what of events was known at its cut; NULL: not looked at yet */
    struct journal_proof proof;
    struct journal_limits limits;
    struct vow_journal_identity identity; /* coord 0: nobody has taken this log over yet */
    struct journal_counters counters;
    uint8_t *body; /* of the event that is written; grows */
    size_t body_size;
};

/* --- sqlite_open.c --- */

/* Releases all that is held, in any state of opening. */
void journal_sqlite_free(struct sqlite_engine *engine);
/* One of our errors for an SQLite code. */
int journal_sqlite_error(int code);
/* What SQLite says in words, and as one of our errors. `doing` is what we were at. */
int journal_sqlite_fail(const struct sqlite_engine *engine, const char *doing, struct vow_error_detail *detail);
/* The statement, prepared at its first use. NULL: see journal_sqlite_fail(). */
sqlite3_stmt *journal_sqlite_statement(struct sqlite_engine *engine, enum journal_statement which);
/* Runs a statement that gives no rows, and clears what was bound. It must have been asked for before: one that could
 * not be prepared then has lost what was bound, and is not tried again (fault F142). What is bound is not copied, for a
 * copy that there is no memory for would be a NULL. */
int journal_sqlite_run(struct sqlite_engine *engine, enum journal_statement which, const char *doing,
                       struct vow_error_detail *detail);

/* Opens the files of a directory that is open and locked, and proves them. Changes no byte of them.
 * *is_new: there is no journal yet. */
int journal_sqlite_look(struct sqlite_engine *engine, const char *name, bool *is_new, struct vow_error_detail *detail);

/* --- sqlite_verify.c --- */

/*
 * Proves what an open database needs to go on: the snapshot, the rows it kept, all that came after it with no gap and
 * every hash, the witness, the identity. Sets head, snapshot, proof and identity. `name` is the one the identity must
 * have, or NULL. Changes nothing.
 */
int journal_sqlite_verify(struct sqlite_engine *engine, const char *name, struct vow_error_detail *detail);
/* All pages, and that the index holds exactly the rows. */
int journal_sqlite_verify_pages(struct sqlite_engine *engine, struct vow_error_detail *detail);
/* Goes on with the proof of the rest, by at most `rows` events. */
int journal_sqlite_prove(struct sqlite_engine *engine, uint64_t rows, struct vow_error_detail *detail);
/* Does the log reach its witness? For a new database, too: one that has no file may have a witness. */
int journal_sqlite_check_end(const struct sqlite_engine *engine, struct vow_error_detail *detail);
/* The hash that binds the identity row to the EPOCH event it was written with. Returns 0 or VOW_E_NO_MEMORY. */
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
/* How a saga has ended: fills lsn, saga and cause of *op. Returns 0, VOW_E_NOT_FOUND or an error. */
int journal_sqlite_saga(struct sqlite_engine *engine, struct vow_journal_op *op, struct vow_error_detail *detail);
/* The LSN of the transaction's first END after an event, 0 if it has none. kind: END or SAGA_END. */
int journal_sqlite_end_after(struct sqlite_engine *engine, const struct vow_gtrid *gtrid, enum vow_record_kind kind,
                             uint64_t after, uint64_t *lsn, struct vow_error_detail *detail);
/* Fills op->damage and op->forgotten. */
int journal_sqlite_damage(struct sqlite_engine *engine, struct vow_journal_op *op, struct vow_error_detail *detail);
int journal_sqlite_history(struct sqlite_engine *engine, struct vow_journal_op *op, struct vow_error_detail *detail);
int journal_sqlite_events(struct sqlite_engine *engine, struct vow_journal_op *op, struct vow_error_detail *detail);
int journal_sqlite_scan_events(struct sqlite_engine *engine, const struct vow_journal_relay *relay,
                               struct vow_error_detail *detail);
int journal_sqlite_scan(void *engine, vow_journal_scan_fn *each, void *ctx, struct vow_error_detail *detail);
int journal_sqlite_saga_keys(void *engine, uint32_t max, vow_journal_scan_fn *each, void *ctx,
                             struct vow_error_detail *detail);
int journal_sqlite_keys(void *engine, uint32_t max, vow_journal_scan_fn *each, void *ctx,
                        struct vow_error_detail *detail);
/* What the absence of a transaction says: VOW_E_NOT_FOUND, it has no event; VOW_E_EXPIRED, they may have been cut;
 * VOW_E_RECOVERING, that is not proved yet. */
int journal_sqlite_absence(const struct sqlite_engine *engine, const struct vow_gtrid *gtrid);

/* The row as an event, whose branches are put there. Returns 0, VOW_E_DAMAGED or VOW_E_NO_MEMORY. */
int journal_sqlite_event(const struct sqlite_engine *engine, const struct journal_row *row,
                         struct vow_journal_event *event, struct vow_record_branch branches[VOW_CALLS_MAX],
                         struct vow_error_detail *detail);
/* Adds a copy to op->events. Returns 0 or VOW_E_NO_MEMORY. */
int journal_sqlite_add_event(struct vow_journal_op *op, const struct vow_journal_event *event);

/* --- sqlite_check.c --- */

/* Opens and proves the journal of a directory that nobody runs on, as a start would; changes nothing. */
int journal_sqlite_examine(struct sqlite_engine *engine, bool *is_there, struct vow_error_detail *detail);
/* What there is, once it was opened. */
void journal_sqlite_report(const struct sqlite_engine *engine, struct vow_journal_report *report);

/* --- sqlite_replay.c --- */

/* LOCATE and READ. */
int journal_sqlite_locate(struct sqlite_engine *engine, struct vow_journal_op *op, struct vow_error_detail *detail);
int journal_sqlite_page(struct sqlite_engine *engine, struct vow_journal_op *op, struct vow_error_detail *detail);

/* --- sqlite_walk.c --- */

/* For a row of the chain whose hash is right. Not 0 ends the walk with that error. */
typedef int journal_walk_fn(void *ctx, const struct journal_row *row, const struct journal_hash *hash,
                            struct vow_error_detail *detail);
/* Takes the events after *at as the next of the chain, at most `rows` of them and up to `to`, or to the last one there
 * is if `to` is 0; moves *at. VOW_E_DAMAGED: a gap, a wrong hash, an unreadable row. `each` may be NULL. */
int journal_sqlite_walk(struct sqlite_engine *engine, struct journal_head *at, uint64_t to, uint64_t rows,
                        journal_walk_fn *each, void *ctx, struct vow_error_detail *detail);
/* Is the row found through the index? What is missing there reads as "no record". */
int journal_sqlite_probe(struct sqlite_engine *engine, const struct journal_row *row, struct vow_error_detail *detail);
/* What a set of rows counts of this one: its content and its place in the chain. */
int journal_sqlite_digest(struct sqlite_engine *engine, const struct journal_row *row, const struct journal_hash *hash,
                          struct journal_hash *digest);
/* The hash of an event that is there. */
int journal_sqlite_hash(struct sqlite_engine *engine, uint64_t lsn, struct journal_hash *hash,
                        struct vow_error_detail *detail);
/* Adds up the rows of a statement that gives all columns. */
int journal_sqlite_sum(struct sqlite_engine *engine, sqlite3_stmt *stmt, struct journal_rows *rows,
                       struct vow_error_detail *detail);
/* The row does not stand by itself: its hash must follow from the event before it. */
int journal_sqlite_check_row(struct sqlite_engine *engine, const struct journal_row *row,
                             const struct journal_hash *hash, struct vow_error_detail *detail);
int journal_sqlite_damaged(const struct sqlite_engine *engine, uint64_t lsn, const char *found,
                           struct vow_error_detail *detail);

/* --- sqlite_lives.c --- */

/* Inside the open transaction. */
int journal_sqlite_write_life(struct sqlite_engine *engine, const struct vow_journal_life *life,
                              struct vow_error_detail *detail);
int journal_sqlite_lives(void *engine, vow_journal_life_fn *each, void *ctx, struct vow_error_detail *detail);

/* --- sqlite_relay.c --- */

/* After a record of events was appended as op->lsn, in the same transaction. */
int journal_sqlite_relay_write(struct sqlite_engine *engine, const struct vow_journal_op *op,
                               struct vow_error_detail *detail);
/* Has some group not done the event, or buried it? */
int journal_sqlite_relay_needs(struct sqlite_engine *engine, uint64_t lsn, bool *needed,
                               struct vow_error_detail *detail);
/* Gives SQL the functions relay_owes(cursor, beyond, lsn), and relay_past(lsn): journal_sqlite_past_owes(). Returns an
 * SQLite code. */
int journal_sqlite_relay_functions(struct sqlite_engine *engine);
int journal_sqlite_relay(void *engine, const struct vow_journal_relay *relay, struct vow_error_detail *detail);

/* --- sqlite_turn.c --- */

/* Is there anything to fold in or to cut? */
bool journal_sqlite_wants_turn(struct sqlite_engine *engine, uint64_t wall_us);
/* Folds in and cuts off at most `rows` durable events, inside the open transaction. *next is the snapshot that is
 * durable with it. */
int journal_sqlite_turn(struct sqlite_engine *engine, uint64_t wall_us, uint64_t rows, struct journal_snapshot *next,
                        struct vow_error_detail *detail);
/* Inside the open transaction: a record that was kept goes after all. */
int journal_sqlite_drop_kept(struct sqlite_engine *engine, struct journal_snapshot *next, uint64_t lsn,
                             struct vow_error_detail *detail);
/* Likewise, of something that has not ended, which a start would be fed. */
int journal_sqlite_drop_open(struct sqlite_engine *engine, struct journal_snapshot *next, uint64_t lsn,
                             struct vow_error_detail *detail);
/* The snapshot of the file, all zero if there is none. */
int journal_sqlite_read_snapshot(struct sqlite_engine *engine, struct vow_error_detail *detail);

/* --- sqlite_past.c --- */

/* The cut is to be moved on to `end`, inside the open transaction: takes the records of events up to there, and drops
 * those that were kept and have no place any more. Nothing is known if the file was cut by a program that kept none. */
int journal_sqlite_past_move(struct sqlite_engine *engine, struct journal_snapshot *next, uint64_t end,
                             struct vow_error_detail *detail);
/* After that: does the state at the cut follow from this record, too, which is none of an EVENT? */
int journal_sqlite_past_has(struct sqlite_engine *engine, const struct journal_row *row, bool *has,
                            struct vow_error_detail *detail);
/* And does some state from the cut on have this event before a group, or as a dead letter? */
bool journal_sqlite_past_owes(const struct sqlite_engine *engine, uint64_t lsn);
void journal_sqlite_past_free(struct sqlite_engine *engine);

/* --- sqlite_void.c --- */

/* Inside the open transaction: the cut has come to this record of a step, whose saga has no END up to there. Drops
 * those before it from which nothing follows any more. */
int journal_sqlite_drop_void(struct sqlite_engine *engine, const struct journal_row *by, struct journal_snapshot *next,
                             struct vow_error_detail *detail);

/* --- sqlite.c --- */

extern const struct vow_journal_engine journal_sqlite_engine;

#endif
