/*
 * The journal: the durable history of the coordinator, and its only memory of a decision.
 *
 * An append-only table of events (LSN, time, gtrid, kind, body) with a hash chained from row to row, and a second small
 * file, the witness, that holds the last LSN and hash and is synced in the same group commit: docs/operations.md. A log
 * that ends before its witness, or whose chain does not verify, is never read as "no record, so abort": open refuses
 * it.
 *
 * It does not grow for ever. An ended transaction stays answerable for the retention time; then its events are cut off,
 * and an id that may be one of theirs is EXPIRED, never ABORTED. An unfinished one is never cut, but for
 * what the later records of a saga say as well. A snapshot, written with the cut, carries what the rest needs to be
 * proved, and keeps a start from reading all of it.
 *
 * Two layers. `struct vow_journal_engine` is what a replicated store could implement later. `struct vow_journal` puts
 * any engine on a thread of its own with group commit: what is submitted while one commit runs goes into the next;
 * records that nothing waits for ride along, or go with the 100 ms tick.
 */
#ifndef VOW_COORDINATOR_JOURNAL_H
#define VOW_COORDINATOR_JOURNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "coordinator/core/record.h"
#include "proto/error.h"
#include "proto/net/worker.h"

struct event_base;
struct vow_journal_stats;

enum vow_journal_op_kind {
    VOW_JOURNAL_APPEND = 1, /* any record but COMMIT */
    VOW_JOURNAL_DECIDE,     /* a COMMIT record, written once */
    VOW_JOURNAL_END,        /* an END or SAGA_END record: the events may go when it is old enough */
    VOW_JOURNAL_GET,        /* the outcome of one transaction */
    VOW_JOURNAL_GET_SAGA,   /* how a saga has ended */
    VOW_JOURNAL_HISTORY,    /* the events of one transaction */
    VOW_JOURNAL_LOCATE,     /* the last event of a time; some of the log at a time */
    VOW_JOURNAL_READ,       /* the events up to some point, for a replay; a page at a time */
    VOW_JOURNAL_EVENTS,     /* the EVENT records after an LSN */
    VOW_JOURNAL_LIFE,       /* no event: a participant's data file came with this incarnation */
};

enum vow_journal_result {
    VOW_JOURNAL_WON = 1, /* written, durable */
    VOW_JOURNAL_EXISTS,  /* a decision was there before: adopt it */
    VOW_JOURNAL_FENCED,  /* a newer epoch owns the log: stop */
    VOW_JOURNAL_UNKNOWN, /* not known whether it is durable: stop, restart, read the log */
};

/* One event of the history, as read back. Text fields are the reader's to copy before the callback returns. */
struct vow_journal_event {
    uint64_t lsn;
    uint64_t wall_us;
    struct vow_record record;
};

/* A participant's data file, the highest incarnation that it came with, and the first id that was granted after it had
 * taken the place of another one; zero: it is the first of its name. */
struct vow_journal_life {
    char name[VOW_NAME_SIZE]; /* the participant's */
    uint8_t db_uuid[VOW_DB_UUID_BYTES];
    uint64_t incarnation;
    struct vow_watermark since;
};
/* The newest ones are kept, this many. */
#define VOW_JOURNAL_LIVES_MAX 16384u

/* The newest event of a key (proto/message_event.h). */
struct vow_journal_key {
    uint8_t db_uuid[VOW_DB_UUID_BYTES];
    char key[VOW_EVENT_KEY_SIZE];
    uint64_t key_seq, lsn;
};

/* A group of consumers, with all up to `cursor` done; the body is its SUBSCRIBE, as it travels. */
struct vow_journal_group {
    const char *name, *participant;
    uint64_t cursor;
    struct vow_slice body;
    struct vow_slice beyond; /* what it has done beyond the cursor (core/beyond.h) */
};

struct vow_journal_dead {
    const char *group;
    uint64_t lsn; /* of the event */
    enum vow_cause cause;
    uint32_t attempts;
    const char *text;
    bool is_retried;
    bool is_dropped; /* it is none any more, and does not come again: known until its group's cursor is beyond it */
};

/* What a start is told of events, in this order; what is NULL is passed over. Texts and bodies live for the call. Not 0
 * ends the scan with that error. */
struct vow_journal_relay {
    void *ctx;
    uint32_t keys_max; /* the newest ones, and those whose newest event some group has not done; newest last */
    int (*key)(void *ctx, const struct vow_journal_key *key);
    int (*group)(void *ctx, const struct vow_journal_group *group);
    int (*dead)(void *ctx, const struct vow_journal_dead *dead);
    int (*event)(void *ctx, const struct vow_journal_event *event); /* that some group has not done, or is dead */
};

/* A piece of work for the journal. The submitter owns it before submit and after done. */
struct vow_journal_op {
    struct vow_job job; /* first */
    enum vow_journal_op_kind kind;
    bool forced; /* APPEND, END, LIFE: start a commit for it at once */
    uint64_t token;
    struct vow_gtrid gtrid; /* GET, GET_SAGA, HISTORY */
    /* GET: the participant that reports damage; "" = nobody does, and `forgotten` means all of it. */
    char reporter[VOW_NAME_SIZE];
    /* APPEND, DECIDE, END. record.branches points to `branches` below, or to memory that outlives the op; so does
     * record.body. */
    struct vow_record record;
    struct vow_record_branch *branches;
    struct vow_journal_life life; /* LIFE */
    /* LOCATE: the time, and the event to look before; 0 = the end of the log. READ: the last event that the pages
     * before have given, 0 = none, and the last one that is wanted; 0 = the last there is. */
    uint64_t wall_us, before;
    uint64_t after, until;      /* EVENTS: those after it, */
    uint32_t events_max;        /* EVENTS: and at most so many */
    struct vow_journal_key key; /* APPEND of an EVENT: whose newest it is */
    /* Filled by the journal: */
    enum vow_journal_result result; /* APPEND, DECIDE, END, LIFE */
    /* 0, or why UNKNOWN. GET, GET_SAGA, HISTORY: VOW_E_NOT_FOUND, there never was a record; VOW_E_EXPIRED, there may
     * have been, and it was cut off; VOW_E_RECOVERING, it is not yet proved that there is none: ask again. */
    int error;
    uint64_t lsn;                     /* of the record written, or of the terminal record found; LOCATE: of the event */
    enum vow_outcome outcome;         /* GET */
    enum vow_cause cause;             /* GET, GET_SAGA */
    enum vow_saga_state saga;         /* GET_SAGA: COMPLETED, COMPENSATED, CLOSED */
    bool decided;                     /* GET: found, and it is a COMMIT: there is a yes-list */
    enum vow_damage damage;           /* GET: whatever `error` says */
    bool forgotten;                   /* GET: an operator has seen to the damage, or to the reporter's part of it */
    struct vow_journal_event *events; /* HISTORY, READ, EVENTS: the submitter's, for vow_journal_events_free() */
    uint32_t events_len;
    /* LOCATE: not found yet, ask again with this `before`. READ: there are more after `after`, which was moved on. */
    bool has_more;
    bool events_cut; /* READ: of the records of events some are missing, and nothing follows from the rest */
    uint64_t cut_lsn,
        last_lsn; /* LOCATE, READ: what the log has: see vow_journal_stats; VOW_E_ARGUMENT: not that one */
    void *user;
};

void vow_journal_events_free(struct vow_journal_event *events, uint32_t events_len);

/* For each open record (COMMIT, HAZARD, HEURISTIC, DAMAGE, FORGET, without END; SAGA_BEGIN, SAGA_STEP, SAGA_TURN,
 * SAGA_RETRY, without SAGA_END) in LSN order. Returning non-zero stops the scan with that error. */
typedef int vow_journal_scan_fn(void *ctx, const struct vow_journal_event *event);
typedef bool vow_journal_again_fn(void *ctx, uint64_t *after);
typedef void vow_journal_life_fn(void *ctx, const struct vow_journal_life *life);

struct vow_journal_identity {
    uint64_t coord; /* drawn when the directory was made */
    uint32_t epoch; /* after takeover */
    char name[VOW_NAME_SIZE];
};

/* How long events stay. A limit that is 0 is none. */
struct vow_journal_retention {
    uint64_t age_ms;   /* events of transactions that ended longer ago may go */
    uint64_t bytes;    /* if the log has more in use, the oldest may go before their time, */
    uint64_t least_ms; /* but none that is younger than this: a transaction under way must not look like an old one */
};

/* A store for the journal. All calls come from one thread at a time. */
struct vow_journal_engine {
    const char *name;
    /* Bumps the epoch, durably, and fences all older ones. */
    int (*takeover)(void *engine, struct vow_journal_identity *identity, struct vow_error_detail *detail);
    /* Does a batch as ONE durable unit: on return every op of the list has its result. If the unit could not be made
     * durable every write op has VOW_JOURNAL_UNKNOWN and the engine refuses all further writes. */
    void (*commit)(void *engine, struct vow_journal_op *first);
    /* Does a bounded piece of what nobody waits for: cutting off, proving. Called when there is no batch; NULL is
     * allowed. */
    void (*idle)(void *engine);
    /* Any thread; from the next batch on. NULL is allowed: then all is kept. */
    void (*retain)(void *engine, const struct vow_journal_retention *retention);
    /* Calls `each` for every open record. Returns 0, or the error that ended the scan. */
    int (*scan)(void *engine, vow_journal_scan_fn *each, void *ctx, struct vow_error_detail *detail);
    /* Calls `each` for the KEY records of committed transactions that are kept, the newest `max` of them, oldest first.
     * In detail they have the transaction's damage. */
    int (*keys)(void *engine, uint32_t max, vow_journal_scan_fn *each, void *ctx, struct vow_error_detail *detail);
    /* Calls `each` for the SAGA_KEY records of sagas that have begun and are kept, ended or not, likewise. */
    int (*saga_keys)(void *engine, uint32_t max, vow_journal_scan_fn *each, void *ctx, struct vow_error_detail *detail);
    /* Calls `each` for the lives that are kept, the newest last. NULL is allowed: then none is. */
    int (*lives)(void *engine, vow_journal_life_fn *each, void *ctx, struct vow_error_detail *detail);
    /* Calls back for all that is kept of events. NULL is allowed: then there is none. */
    int (*relay)(void *engine, const struct vow_journal_relay *relay, struct vow_error_detail *detail);
    void (*close)(void *engine);
    /* What was done so far; any thread. NULL is allowed: then all counters are zero. */
    void (*stats)(const void *engine, struct vow_journal_stats *stats);
};

struct vow_journal_options {
    const char *directory; /* made (0700) if missing */
    /* The coordinator's name, kept in a new directory; a different one in an old directory is refused (F022). */
    const char *name;
    struct vow_journal_retention retention; /* all zero: everything is kept */
    uint32_t event_keys_max;                /* the keys of events whose newest number is kept; 0 = 65,536 */
    /* A registered sqlite3_vfs with a disk of its own, on which all files of the directory are then, lock and witness
     * too (files.h); it is not made there. NULL = the operating system's files. Must outlive the engine. */
    const char *vfs;
};

/*
 * Opens or makes the SQLite engine in a data directory: takes the exclusive lock, checks the pragmas, verifies chain
 * and witness. On an error *detail says what was found and what to do, nothing is changed on disk, nothing is locked.
 *   VOW_E_LOCKED         another process has the directory
 *   VOW_E_DAMAGED        a hash, an LSN gap, an unreadable row or page
 *   VOW_E_BEHIND_WITNESS the log ends before its witness, or the log is missing and a witness is there
 *   VOW_E_PRAGMA, VOW_E_NEWER, VOW_E_IDENTITY, VOW_E_IO, VOW_E_NO_MEMORY
 */
int vow_journal_sqlite_open(const struct vow_journal_options *options, const struct vow_journal_engine **ops,
                            void **engine, struct vow_error_detail *detail);

/* What is in a data directory. */
struct vow_journal_report {
    char name[VOW_NAME_SIZE]; /* of its coordinator; "" in a new one */
    uint32_t epoch;
    uint64_t last_lsn;  /* 0: no journal, or one without an event */
    uint64_t cut_lsn;   /* cut off up to here, but for what had not ended */
    uint64_t until_lsn; /* of a replay: the event whose state it is */
    bool events_cut;    /* what was known of events cannot be said: the cut was made by a program of before */
};
/*
 * Looks at the directory of a stopped coordinator: everything that open proves and all of the older events too, and
 * calls `each` for every open record. Changes no byte of its files, and holds the lock meanwhile. Errors are those of
 * vow_journal_sqlite_open(); VOW_E_LOCKED if a coordinator runs on it. A directory without a journal is no error.
 */
int vow_journal_sqlite_check(const char *directory, vow_journal_scan_fn *each, void *ctx,
                             struct vow_journal_report *report, struct vow_error_detail *detail);

/* Up to where a journal is read: the state after one event is asked for. */
struct vow_journal_until {
    bool is_time;
    uint64_t lsn;     /* 0 = the last event */
    uint64_t wall_us; /* is_time: the last event in the log whose time is no later */
};
/*
 * Reads the events of a stopped coordinator's journal for a replay: in the order of the log, up to `until`, those that
 * retention has kept of what was cut off first. What is open after the last of them was open then, exactly, and so is
 * what was known of events, but for their keys, unless the report says events_cut; of what had ended the oldest may be
 * missing. Each event is proved before it is shown, the rest of the log as a start would.
 * Changes no byte, and holds the lock meanwhile. After the last one `again`, if it is not NULL, may ask for those after
 * *after once more. Errors are those of vow_journal_sqlite_check(), and
 *   VOW_E_NOT_FOUND  there is no journal
 *   VOW_E_EXPIRED    retention has cut off what was after that event, too, so that nobody knows what was open then
 *   VOW_E_ARGUMENT   the log has no such event: it ends before, or the time is before its first one
 */
int vow_journal_sqlite_replay(const char *directory, const struct vow_journal_until *until, vow_journal_scan_fn *each,
                              vow_journal_again_fn *again, void *ctx, struct vow_journal_report *report,
                              struct vow_error_detail *detail);

/* Says in words why READ or LOCATE had VOW_E_EXPIRED or VOW_E_ARGUMENT, or another error. Returns it. */
int vow_journal_say_until(int error, uint64_t cut_lsn, uint64_t last_lsn, struct vow_error_detail *detail);

struct vow_journal_stats {
    uint64_t commits;        /* group commits */
    uint64_t syncs;          /* fsync or fdatasync calls of log and witness, counted at the VFS */
    uint64_t records;        /* protocol records written */
    uint64_t forced_records; /* of them forced */
    uint64_t notes;
    uint64_t last_lsn;
    uint64_t pruned;            /* events cut off since the log was made */
    uint64_t cut_lsn;           /* up to here, but for those of unfinished transactions */
    uint64_t snapshot_lsn;      /* a start reads what comes after it */
    struct vow_watermark floor; /* an id below it without an event is EXPIRED */
    bool is_proved;             /* all that is kept was read and is sound */
    int failed;                 /* 0, or the error after which nothing is written or read any more */
};

struct vow_journal;
typedef void vow_journal_done_fn(void *ctx, struct vow_journal_op *first); /* list linked by job.next */

/* Puts an open engine on a thread of its own. Takes the engine over in any case: it is closed on error too. */
int vow_journal_start(struct event_base *base, const struct vow_journal_engine *ops, void *engine,
                      vow_journal_done_fn *done, void *ctx, struct vow_journal **out, struct vow_error_detail *detail);
/* Loop's thread. Takes a list linked by job.next. */
void vow_journal_submit(struct vow_journal *journal, struct vow_journal_op *first);
/* Any thread. Each counter is at least what it was at the last done(). */
void vow_journal_stats(const struct vow_journal *journal, struct vow_journal_stats *stats);
/* Any thread. Each limit holds from the next batch on; raising one brings nothing back. */
void vow_journal_set_retention(struct vow_journal *journal, const struct vow_journal_retention *retention);
/* Writes what was submitted, calls done() for it, checkpoints, closes. NULL is allowed. */
void vow_journal_stop(struct vow_journal *journal);

#endif
