/* What the files of the SQLite store share. One connection, one thread at a time. */
#ifndef VOW_PARTICIPANT_STORE_SQLITE_STORE_H
#define VOW_PARTICIPANT_STORE_SQLITE_STORE_H

#include <stdbool.h>
#include <stdint.h>

#include "participant/store/sqlite.h"

/* The session extension is part of the system's library; its declarations ask for these (CMakeLists.txt sets them). */
#if !defined(SQLITE_ENABLE_SESSION) || !defined(SQLITE_ENABLE_PREUPDATE_HOOK)
#error "compile with SQLITE_ENABLE_SESSION and SQLITE_ENABLE_PREUPDATE_HOOK"
#endif

/* Format 2: vow_heuristic. Format 3: vow_step. Format 4: the tables of events. An older one is brought up to date at
 * open. */
#define STORE_FORMAT 4
#define CHECKPOINT_PAGES 2000              /* a checkpoint costs two syncs: seldom enough to be shared by many turns */
#define COLUMNS_MAX VOW_SQLITE_COLUMNS_MAX /* of an enrolled table: a set of columns is a 64-bit mask */
#define UPDATE_STATEMENTS 8                /* cached per table: one for each set of changed columns */

/* What makes values equal whose texts are not: a collation. */
enum fold { FOLD_NONE, FOLD_CASE, FOLD_TRAILING_SPACES };

/* A key of a table: its primary key, or one of its unique indexes. What it locks is the text of its values. */
struct key {
    char *name;      /* of the index; "" = the primary key */
    bool is_partial; /* a row may come into it without a change of its columns */
    uint32_t columns_len;
    uint8_t columns[COLUMNS_MAX];
    enum fold fold[COLUMNS_MAX];
    sqlite3_stmt *lock_row;    /* locks what the row with this primary key holds now */
    sqlite3_stmt *lock_values; /* locks given values; NULLs lock nothing */
    sqlite3_stmt *lock_shared; /* as lock_row, but others may, too */
};

struct update {
    uint64_t mask; /* changed columns */
    sqlite3_stmt *statement;
};

/* An enrolled table. Sets of columns are bit masks. */
struct table {
    char *name;
    uint64_t fingerprint; /* of its columns: what a changeset relies on (trap 6) */
    uint32_t columns_len;
    char *columns[COLUMNS_MAX];
    uint8_t primary[COLUMNS_MAX]; /* 1-based position within the primary key; 0 = no part of it */
    uint64_t unique_mask;         /* what decides about unique indexes other than the primary key */
    uint64_t null_mask;           /* primary key columns that could hold NULL */
    uint64_t mixed_mask;          /* columns that hold 1 and 1.0 as they come */
    uint64_t parent_mask;         /* columns that refer to a parent, by a foreign key */
    uint64_t child_mask;          /* columns that children refer to */
    char **parents;               /* tables that its foreign keys refer to */
    uint32_t parents_len;
    bool is_kin;      /* not enrolled, but foreign keys may tie it to a table that is: it has guards, and no keys */
    bool is_quiet;    /* triggers of the user's, or foreign keys: applied with both off (traps 2 and 3) */
    bool integer_key; /* INTEGER PRIMARY KEY: the rowid's other name, may be chosen by SQLite */
    bool autoincrement;
    const char *rowid; /* a name of the hidden rowid; NULL = there is none or it is a column */
    uint32_t trees;    /* the table's b-tree and those of all its indexes */
    struct key *keys;  /* keys[0] is the primary key */
    uint32_t keys_len;
    sqlite3_stmt *insert, *delete_row, *read_row, *insert_row, *new_key;
    struct update updates[UPDATE_STATEMENTS];
    uint32_t updates_next;
};

enum statement {
    STMT_BEGIN,
    STMT_COMMIT,
    STMT_ROLLBACK,
    STMT_SAVEPOINT,
    STMT_RELEASE,
    STMT_ROLLBACK_TO,
    STMT_SCHEMA_VERSION,
    STMT_FIND_BRANCH,
    STMT_FIND_TOMBSTONE,
    STMT_INSERT_BRANCH,
    STMT_INSERT_LOCK,
    STMT_BURY_BRANCH, /* prepared -> committed: the tombstone */
    STMT_BURY_MEMO,   /* memo -> committed */
    STMT_DELETE_BRANCH,
    STMT_DELETE_LOCKS,
    STMT_COUNT_LOCKS,
    STMT_SINCE,
    STMT_LIST_LOCKS,
    STMT_COUNT_SOME_LOCKS,
    STMT_DELETE_BELOW,
    STMT_INSERT_HEURISTIC,
    STMT_FIND_HEURISTIC,
    STMT_SETTLE_HEURISTIC,
    STMT_DELETE_HEURISTIC,
    STMT_FIND_STEP,
    STMT_INSERT_STEP,
    STMT_STEP_FLOOR,
    STMT_LIST_OLD_STEPS,
    STMT_PURGE_STEPS,
    STMT_OUTBOX_LEN,
    STMT_OUTBOX_COUNT,
    STMT_NEXT_KEY_SEQ,
    STMT_INSERT_OUTBOX,
    STMT_FIND_HEAD, /* the first event of the next key */
    STMT_DELETE_OUTBOX,
    STMT_SIZE_OF_OUTBOX,
    STMT_ARCHIVE_OUTBOX,
    STMT_TRIM_ARCHIVE,
    STMT_KEEP_EVENT,
    STMT_LIST_EVENTS,
    STMT_DROP_EVENTS,
    STMT_SPACE_OF_EVENTS,
    STMT_DATA_VERSION,
    STMT_FIND_INBOX,
    STMT_INSERT_INBOX,
    STMT_INBOX_FLOOR,
    STMT_INBOX_PLACE,
    STMT_NEXT_INBOX_GROUP,
    STMT_LIST_OLD_INBOX,
    STMT_RAISE_INBOX_FLOOR,
    STMT_PURGE_INBOX,
    STMT_FIND_KNOWN,
    STMT_SAVE_KNOWN,
    STMT_NEWEST_KNOWN,
    STMT_DROP_KNOWN,
    STMT_SET_META,
    STMT_FAIL,
    STMT_BUMP_SEQUENCE,
    STMT_COUNT
};

/* What a branch changed. */
struct changeset {
    const void *data;
    int len;
    uint64_t tables; /* fingerprint of the tables it is for (trap 6); 0 = not known yet */
    /* Filled by apply_check(): of all changes together, the b-trees that each touches; of all tables, their b-trees. */
    uint32_t touches, trees;
};

/* Pages: that a COMMIT changes at most, and that it adds to the database. */
struct space {
    int64_t pages, growth;
};

enum branch_state { BRANCH_NONE, BRANCH_PREPARED, BRANCH_COMMITTED, BRANCH_MEMO };

/* Joined work under way is found by its id's hash. */
#define ACTIVE_BUCKETS 1024

/* How many operations were refused because of a branch's locks. By its id's hash: the newer of two takes the place. */
#define BLAME_SLOTS 256
struct blame {
    struct vow_gtrid gtrid;
    uint64_t refused;
};

struct active;      /* sqlite_work.c */
struct store_trace; /* sqlite_trace.c */

struct store {
    sqlite3 *db;
    struct vow_sqlite_options options;
    char *path;
    struct vow_store_identity identity;
    struct vow_store_stats stats;
    struct table *tables;
    uint32_t tables_len;
    int64_t schema_version; /* the one that `tables` describe */
    bool synchronous_full;  /* the current setting */
    bool has_rest;          /* a transaction that could not be rolled back is still open */
    bool is_quiet;          /* triggers and foreign keys are off */
    bool has_run;           /* set-up is over */
    bool in_handler;        /* the authorizer is on, and nothing can be committed */
    enum vow_cause denied;  /* what the authorizer refused during this handler; NONE = nothing */
    uint64_t purge_at_ms;   /* when old steps are looked for again */
    uint64_t purge_inbox_at_ms;
    uint64_t inbox_base;                 /* before the offsets of the coordinator that delivers */
    struct inbox_group *inbox_groups;    /* those that were delivered to, since the start */
    struct vow_store_event_copy *events; /* that the operation at work publishes, in order */
    uint32_t events_len;
    struct vow_store_op *reader; /* the OUTBOX_READ that waits for events; NULL = there is none */
    bool has_archived;           /* this batch has put something into the archive, */
    bool has_no_room_to_archive; /* ... or may not */
    bool outbox_len_is_old;      /* it may have changed since stats.outbox_len was read */
    bool outbox_is_new;          /* there may be something for it */
    int64_t data_version;        /* what other connections had written when it was looked at last */
    bool is_unsynced;            /* it may not be durable yet */
    struct vow_job *kept;        /* work that waits for another branch's lock, as it came */
    struct blame blames[BLAME_SLOTS];
    struct hold *holds; /* of the branch at work */
    uint32_t holds_len;
    bool has_met; /* some branch's lock was met: `met` is the oldest such branch */
    struct vow_gtrid met;
    char met_key[VOW_STORE_LOCK_SIZE]; /* its lock, for the trace */
    struct active *active[ACTIVE_BUCKETS];
    uint32_t active_len;
    bool has_freed;       /* joined work has ended without a decision: somebody may wait for its locks */
    struct active *ended; /* whose locks are still to be dropped */
    bool is_stalled;
    struct vow_job *stalled;        /* decided work that there is no room for now */
    uint32_t page_size, wal_frames; /* what the WAL holds, as of the last commit here */
    int64_t page_max;               /* max_page_count; 0 = no limit */
    struct space_entry *spaces;
    struct space reserved;     /* by all of them */
    int64_t batch_pages;       /* what the batch itself may write */
    bool failed;               /* what is on disk is not known: every later batch is refused */
    char trouble[160];         /* what a batch failed of, if SQLite does not know; "" = ask SQLite */
    int uncompiled;            /* why STMT_FAIL stands in for a statement */
    struct store_trace *trace; /* NULL = nobody asks for it */
    sqlite3_stmt *statements[STMT_COUNT];
};

/* ---- sqlite_util.c ---- */

/* Runs SQL without rows. Returns an SQLite code. */
int store_exec(struct store *store, const char *sql);
/* Steps one of the fixed statements to its end, and resets it. Returns SQLITE_OK, SQLITE_ROW is not allowed. */
int store_run(struct store *store, enum statement statement);
/* The same for any statement. */
int statement_run(sqlite3_stmt *statement);
/* Compiled when it is first asked for. Never NULL: in the place of one that cannot be compiled comes one that fails of
 * the same. */
sqlite3_stmt *store_statement(struct store *store, enum statement statement);
/* Of each of Vow's tables one that names all of its columns, so that an open finds out if they are not there. */
int store_prepare_statements(struct store *store);
/* A value out of a changeset or a row as parameter i. An SQLite code; SQLITE_CORRUPT if there is no value. */
int statement_bind(sqlite3_stmt *statement, uint32_t i, const sqlite3_value *value);
/* Resets what handlers left open: it would keep the store from ending its transactions, or from seeing what others
 * wrote. */
void store_reset_statements(struct store *store);
/* The number that a query answers with; -1: none, or an error, which SQLite knows. */
int64_t store_number(struct store *store, const char *sql);
/* PRAGMA main.NAME(of), what it tells of a table or an index. NULL on an error. The table-valued functions of the same
 * names would have SQLite make a virtual table of each first. */
sqlite3_stmt *pragma_prepare(struct store *store, const char *pragma, const char *of);
/* Fills detail with the store's trouble or SQLite's words. Returns error. */
int store_fail(const struct store *store, int error, const char *doing, struct vow_error_detail *detail);
bool store_in_transaction(const struct store *store);
/* Rolls the open transaction back, if there is one. Without memory even that may fail; then the next one does it first:
 * store_take_back_rest(), an SQLite code. */
void store_take_back(struct store *store);
int store_take_back_rest(struct store *store);
/* Text of a growing statement, zeroed at first. */
struct text {
    struct sqlite3_str *grown;
    bool failed;
};
/* Appends, in the format of sqlite3_mprintf() (%Q, %w). */
void text_add(struct text *text, const char *format, ...);
/* The whole, to be freed by sqlite3_free(), and the text is zeroed again. NULL: there is no memory. */
char *text_finish(struct text *text);
/* Prepares and frees the text. NULL on an error. */
sqlite3_stmt *text_prepare(struct store *store, struct text *text);

/* ---- sqlite_schema.c ---- */

int schema_create(struct store *store, struct vow_error_detail *detail);
/* Describes the user's tables and installs the guards of those that can be prepared. */
int schema_load(struct store *store, struct vow_error_detail *detail);
void schema_free(struct store *store);
/* Reads the schema's version; loads it again if it has changed. */
int schema_refresh(struct store *store, struct vow_error_detail *detail);
/* Of those that are enrolled. */
struct table *schema_table(struct store *store, const char *name);
/* VOW_E_STATE if the tables of a prepared branch are not what they were. */
int schema_check_prepared(struct store *store, struct vow_error_detail *detail);
/*
 * The definitions of the tables that prepared branches hold rows of, as one text; sqlite3_free() it. A new unique
 * index, or a constraint that came with a new table of the old name and columns, could refuse their COMMIT, and their
 * locks know nothing of it. NULL = an error, which SQLite knows.
 */
char *schema_held(struct store *store);
/* VOW_E_STATE if they are not what they were before. */
int schema_check_held(struct store *store, const char *before, struct vow_error_detail *detail);

/* ---- sqlite_table.c ---- */

/* Describes a table. 1 = it can be enrolled, 0 = not, -1 = an error. Free it in any case. */
int table_load(struct store *store, const char *name, const char *sql, bool without_rowid, struct table *table);
void table_free(struct table *table);
/* What is left of one that cannot be enrolled. */
void table_make_kin(struct table *table);

/* ---- sqlite_guard.c ---- */

/* Makes the guards of a table what they must be; does nothing if they are. `find` is guard_prepare()'s, for all tables.
 * Both return an SQLite code. */
int guard_install(struct store *store, sqlite3_stmt *find, const struct table *table);
int guard_prepare(struct store *store, sqlite3_stmt **find);

/* ---- sqlite_key.c: what is locked, as text that is equal where the values are ---- */

/* As SQL, from the columns ("OLD.", "NEW." or "" as prefix), or from parameters ?first and so on. */
void key_of_columns(struct text *text, const struct table *table, const struct key *key, const char *prefix);
void key_of_parameters(struct text *text, const struct table *table, const struct key *key, int first);
/* Its columns. */
uint64_t key_mask(const struct key *key);
/* A lock's text as an operator reads it: "id='alice', day=3", cut with dots. key = NULL: of columns not known any more.
 * True if the lock is shared. */
bool key_print(const struct table *table, const struct key *key, const char *locked, char *out, size_t out_size);
/* Names, in the place of an index's, of locks that a foreign key needs. They are for a table as a whole. */
#define LOCK_HAS_NEW_CHILD "&" /* some child of this table is prepared: nothing that is referred to may go */
#define LOCK_LOSES_ROW "-"     /* some row of this table that can be referred to goes: no new child may come */

/* ---- sqlite_auth.c ---- */

int auth_install(struct store *store);

/* ---- sqlite_meet.c: whose lock was met, by a guard or by lock_changeset() ---- */

int meet_install(struct store *store);
void meet_clear(struct store *store);

/* ---- sqlite_wait.c: work that meets a lock, by wait-die. All on the store's thread ---- */

/* After a lock was met: op is to be kept (op->waits), or refused. It has been or will be rolled back. */
void wait_or_die(struct store *store, struct vow_store_op *op);
/* Those of the kept operations that have waited too long: refused. */
struct vow_job *wait_expired(struct store *store);
/* The PREPARE or WORK in the list that a CANCEL is about: refused. */
struct vow_job *wait_cancelled(struct vow_job **list, const struct vow_store_op *cancel);
/* Those of the kept operations that wait for a branch which these decisions end: to be done again after them. */
struct vow_job *wait_freed(struct store *store, const struct vow_job *decisions);
/* All of them: a branch has ended without a decision, by a NO to joined work. */
struct vow_job *wait_any(struct store *store);
struct vow_job *wait_give_back(void *store);

/* ---- sqlite_blame.c: who stands in others' way ---- */

/* An operation is refused because of this branch's locks. */
void blame_add(struct store *store, const struct vow_gtrid *gtrid);
uint64_t blame_of(const struct store *store, const struct vow_gtrid *gtrid);

/* ---- sqlite_describe.c ---- */

/* DESCRIBE: reads, outside of any batch. */
void describe(struct store *store, struct vow_store_op *op);

/* ---- sqlite_space.c: room for the COMMIT of every prepared branch (trap 15) ---- */

/* Reads the limits and follows the WAL from here on. */
void space_watch(struct store *store);
struct space space_of(const struct store *store, const struct changeset *changeset);
/* A branch's share. SQLITE_NOMEM. */
int space_add(struct store *store, const struct vow_gtrid *gtrid, uint32_t branch, struct space space);
void space_drop(struct store *store, const struct vow_store_op *op);
/* The share of an operation that came to nothing in this attempt. */
void space_give_up(struct store *store, struct vow_store_op *op);
void space_free(struct store *store);
/* Pages that a transaction with so many changed rows may write, as far as one can say. */
int64_t space_of_changes(int64_t changes);
/* Folds the WAL into the database. */
void space_fold(struct store *store);
/* Is there room for it below max_page_count? */
bool space_has_pages(struct store *store, struct space space);
/* Makes room in the WAL for all shares and for this batch. SQLITE_FULL. */
int space_ensure(struct store *store);
/* Is this error about room, or about another connection's lock: nothing was written, and it may go by itself? */
bool space_is_short(struct store *store, int rc);

/* ---- sqlite_lock.c ---- */

/* Locks all that the changeset touches, for a branch. SQLITE_CONSTRAINT = another branch holds one of them, and it is
 * met. */
int lock_changeset(struct store *store, const struct vow_store_op *op, const struct changeset *changeset);
/* Runs a statement that locks; its ?1 and ?2 are the branch. */
int lock_run(sqlite3_stmt *statement, const struct vow_store_op *op);

/* ---- sqlite_number.c ---- */

int number_install(struct store *store);

/* ---- sqlite_hold.c: rows that were only read ---- */

int hold_install(struct store *store);
void hold_clear(struct store *store);
/* Locks them, shared; SQLITE_CONSTRAINT as lock_changeset(). */
int hold_lock(struct store *store, const struct vow_store_op *op);

/* ---- sqlite_apply.c ---- */

/* Reads the row with the primary key ?(column + 1) of a table: all columns, and the hidden rowid. NULL = an error. */
sqlite3_stmt *apply_read_statement(struct store *store, struct table *table);
/* Could it be applied to the tables as they are? Fills changeset->tables if it is 0. SQLITE_MISMATCH = no, they are
 * not what they were. */
int apply_check(struct store *store, struct changeset *changeset);
/* Triggers and foreign keys off, or on. Handlers need them on. */
void apply_set_quiet(struct store *store, bool is_quiet);
/* Applies a changeset, with the check first. If need be, it sets the connection to quiet, and leaves it so.
 * SQLITE_OK; SQLITE_MISMATCH = tables, or a row, are not what the changeset says (store->trouble has which); or
 * another SQLite code. */
int apply_changeset(struct store *store, struct changeset *changeset);
/* Stands on the row that an UPDATE or DELETE of a changeset is about: *row has all its columns in order, then its
 * rowid if it has a hidden one. SQLITE_MISMATCH = it is not there. Reset *row after use. */
int apply_find_row(struct store *store, sqlite3_changeset_iter *iter, struct table *table, sqlite3_stmt **row);
/* For AUTOINCREMENT tables: rowids that the branch used are not given out again (trap 11). */
int apply_keep_sequences(struct store *store, const struct changeset *changeset);

/* ---- sqlite_work.c: what joined work has done before PREPARE ---- */

/* For an operation within its savepoint. Of a branch without joined work, all of them do nothing. */
bool work_is_active(struct store *store, const struct vow_store_op *op);
/* It has declared read locks. */
bool work_has_holds(struct store *store, const struct vow_store_op *op);
/* The branch's own locks must not stop its own applier; rolling back brings them back. */
int work_lift_locks(struct store *store, const struct vow_store_op *op);
/* Does again what the branch has done so far, and publishes it again; its locks are lifted. As apply_changeset(). */
int work_replay(struct store *store, const struct vow_store_op *op);
/* Keeps what the branch has done with this operation, once the batch is written. SQLITE_NOMEM. */
int work_stage(struct store *store, const struct vow_store_op *op, const struct changeset *changeset);
/* The branch comes to its end with this batch: its locks go. */
int work_unlock(struct store *store, const struct vow_store_op *op);
/* For a batch: before each attempt; after the last. */
void work_forget_attempt(struct store *store, const struct vow_store_op *first);
void work_settle(struct store *store, const struct vow_store_op *first, bool is_written);
/* Between batches: drops the locks of ended branches that their batch did not drop; if not now, then the next time. */
void work_sweep(struct store *store);
/* At open and close: the locks of all branches that are not prepared. */
int work_drop_all(struct store *store);
void work_free(struct store *store);

/* ---- sqlite_batch.c ---- */

/* The store's run(). */
int batch_run(void *store, struct vow_job **jobs, struct vow_error_detail *detail);

/* ---- sqlite_branch.c: one operation each, within its savepoint ---- */

/* Does op and fills its result. SQLITE_OK, or the code of an error that only the whole batch can answer. PREPARE does
 * WORK, too, which differs in what is kept. */
int branch_prepare(struct store *store, struct vow_store_op *op);
int branch_commit(struct store *store, struct vow_store_op *op);
int branch_abort(struct store *store, struct vow_store_op *op);
int branch_one_phase(struct store *store, struct vow_store_op *op);
int branch_memo(struct store *store, struct vow_store_op *op);
int branch_forget(struct store *store, struct vow_store_op *op);
int branch_recall(struct store *store, struct vow_store_op *op);
int branch_watermark(struct store *store, struct vow_store_op *op);
int branch_drop_tombstone(struct store *store, const struct vow_store_op *op);
/* Runs the operation's work where it is, for what commits with the batch, and counts the changes; SQLITE_OK. It may
 * have been refused, or have to wait. */
int branch_run_at_once(struct store *store, struct vow_store_op *op, int64_t *changes);
/* To the savepoint, and ends it. */
int branch_roll_back(struct store *store);
/* Does an error say that the transaction as a whole, not this branch, is in trouble? */
bool branch_is_batch_error(const struct store *store, int rc);

/* ---- sqlite_step.c: steps of sagas, each once under its key ---- */

/* As an operation of sqlite_branch.c. */
int branch_step(struct store *store, struct vow_store_op *op);
/* Drops the records that are older than the retention, from time to time; within a batch that has steps. An SQLite
 * code. */
int step_purge(struct store *store);
/* Of the STEPs in a list that are refused, whoever has done that: their outcome. */
void step_tell_refused(const struct vow_job *done);

/* ---- sqlite_publish.c: what the operation at work publishes ---- */

void publish_clear(struct store *store);
/* Appends copies of a list to what is there: what joined work has published before. SQLITE_NOMEM. */
int publish_again(struct store *store, const struct vow_store_event_copy *events);
/* Hands the list over. */
struct vow_store_event_copy *publish_take(struct store *store);

/* ---- sqlite_outbox.c: events that are to be sent, and those of prepared branches ---- */

/* What the operation at work has published, into the outbox, with the next numbers of their keys. An SQLite code. */
int outbox_put(struct store *store);
/* ... beside the branch's record, without numbers (B57). */
int outbox_keep(struct store *store, const struct vow_store_op *op);
/* The branch's events: into the outbox, or away. */
int outbox_commit(struct store *store, const struct vow_store_op *op);
int outbox_drop(struct store *store, const struct vow_store_op *op);
/* Room for them: of what the operation at work publishes; of what is kept with a prepared branch (an SQLite code). */
struct space outbox_space(const struct store *store);
int outbox_kept_space(struct store *store, const struct vow_gtrid *gtrid, uint32_t branch, struct space *space,
                      int64_t *count);
/* OUTBOX_DONE, as an operation of sqlite_branch.c. */
int outbox_done(struct store *store, struct vow_store_op *op);
/* At open: how many it may hold. An SQLite code. */
int outbox_set_max(struct store *store);
/* If one is wanted. */
int outbox_make_archive(struct store *store);

/* ---- sqlite_outbox_read.c: OUTBOX_READ ---- */

/* After a batch, or at a tick: the reader that waits, if there is something for it; else NULL. An SQLite code other
 * than SQLITE_OK = it is not known what is durable. */
int outbox_serve(struct store *store, struct vow_job **done);
/* Events of this key may be read again. */
void outbox_unskip(struct store *store, const char *key);

/* ---- sqlite_inbox.c: received events, each once in its group ---- */

/* As branch_step(), step_purge() and step_tell_refused(). */
int branch_event(struct store *store, struct vow_store_op *op);
/* Before the deliveries of a batch; with them it is told who delivers, and what is done. */
int inbox_begin(struct store *store, const struct vow_store_op *batch);
void inbox_free(struct store *store);
void inbox_tell_refused(const struct vow_job *done);
/* Of no event up to there is known any more whether it was handled. */
int inbox_raise_floor(struct store *store, const char *group, int64_t floor);

/* ---- sqlite_inbox_place.c: of each coordinator the offsets are others ---- */

int inbox_follow(struct store *store, const struct vow_store_op *batch);
/* Where what has this offset lies: in records, in what is known, and of floors. */
uint64_t inbox_place(const struct store *store, uint64_t offset);

/* ---- sqlite_inbox_known.c: which events were handled, when their records are gone ---- */

/* A few bytes for each 256 events of the log. */
#define INBOX_BLOCK_OFFSETS 256
int known_make(struct store *store);
/* In the transaction that takes the records; offsets rise. */
int known_add(struct store *store, const char *group, const sqlite3_int64 *offsets, int len);
int known_has(struct store *store, const char *group, uint64_t place, bool *has);

/* ---- sqlite_trace.c: for the trace; all of it does nothing if there is none ---- */

/* VOW_E_NO_MEMORY. */
int store_trace_open(struct store *store);
/* The name of a lock: "item/3". True: others may have it, too. */
bool store_trace_key(char key[VOW_STORE_LOCK_SIZE], const char *table, const char *index, const char *values);
void store_trace_close(struct store *store);
/* After a batch: what it has done, refused or kept waiting, in its order. */
void store_trace_batch(struct store *store, struct vow_job *first);
/* At open: a branch that is prepared. */
void store_trace_found(struct store *store, const struct vow_gtrid *gtrid, uint32_t branch);

/* ---- sqlite_heuristic.c ---- */

int branch_heuristic(struct store *store, struct vow_store_op *op);
int branch_settle(struct store *store, struct vow_store_op *op);
int branch_forget_heuristic(struct store *store, const struct vow_store_op *op);
int heuristic_recover(struct store *store, vow_store_recovered_fn *each, void *ctx, struct vow_error_detail *detail);

#endif
