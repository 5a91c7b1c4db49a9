/*
 * The SQLite store: a service's own database file as a prepared resource.
 *
 * PREPARE runs the handlers' plain SQL in a savepoint with a session attached, takes the changeset, rolls the savepoint
 * back, applies the changeset once on trial, and writes it down as a branch row with the lock rows it needs. COMMIT
 * applies it with the store's own applier and turns the branch row into a tombstone. Both in one SQLite transaction for
 * all branches of a turn.
 *
 * Locks are rows that triggers test, so that every other connection meets them, the sqlite3 shell included.
 * Tables: vow_meta, vow_branch, vow_lock, vow_heuristic, vow_step, and those of events: vow_outbox, vow_outbox_key,
 * vow_branch_event, vow_inbox, vow_inbox_floor, vow_inbox_known, and if one is wanted vow_outbox_archive; triggers:
 * vow_guard_*.
 * One connection, used by one thread at a time.
 */
#ifndef VOW_PARTICIPANT_STORE_SQLITE_H
#define VOW_PARTICIPANT_STORE_SQLITE_H

#include <sqlite3.h>

#include "participant/store/store.h"
#include "proto/net/trace.h"

/*
 * Runs one call of a branch: plain SQL on db, inside the store's savepoint; no BEGIN, COMMIT, ROLLBACK, ATTACH, PRAGMA
 * or schema change (an authorizer denies them). Statements that it leaves open are reset. Returns 0 to go on; anything
 * else refuses the branch with *cause and text (text may be left empty). On the store's thread.
 */
typedef int vow_sqlite_call_fn(void *ctx, const struct vow_gtrid *gtrid, sqlite3 *db, const struct vow_msg_call *call,
                               enum vow_cause *cause, char text[VOW_TEXT_SIZE]);

/*
 * Runs one step of a saga under the same rules: its handler gets the payload, and for a COMPENSATION what the action
 * answered (given); what it answers itself goes to step->answer.
 */
typedef int vow_sqlite_step_fn(void *ctx, const struct vow_gtrid *gtrid, sqlite3 *db, struct vow_store_step *step,
                               enum vow_cause *cause, char text[VOW_TEXT_SIZE]);

/* Runs what reacts to an event under the same rules; *cause NO_SUCH_HANDLER = nothing does. */
typedef int vow_sqlite_event_fn(void *ctx, sqlite3 *db, struct vow_store_delivery *delivery, enum vow_cause *cause,
                                char text[VOW_TEXT_SIZE]);

struct vow_sqlite_options {
    const char *path;
    const char *vfs; /* NULL = the default one; tests put a fault or counting VFS here */
    vow_sqlite_call_fn *call;
    vow_sqlite_step_fn *step;   /* NULL = no handler does steps */
    vow_sqlite_event_fn *event; /* NULL = nothing reacts to events */
    void *ctx;
    uint32_t changeset_max;      /* bytes of one branch's changeset; 0 = 16 MiB */
    uint32_t busy_ms;            /* how long a turn waits for other connections' write locks; 0 = 5 s */
    uint32_t lock_wait_ms;       /* how long work waits for another branch's lock; 0 = 2 s */
    uint32_t lock_grace_ms;      /* how long for one that is older, which a deadlock may be the reason of; 0 = 100 ms */
    bool fail_fast;              /* it does not: a lock that is held is a NO at once */
    uint64_t step_retention_ms;  /* how long what became of a step is kept; 0 = 7 days */
    uint64_t inbox_retention_ms; /* how long it is known by their names which events were handled; 0 = 7 days */
    uint32_t inbox_known_max;    /* ... and then by their offsets: so many, the newest; 0 = 8,388,608 */
    uint32_t outbox_archive_max; /* events that were sent, and stay to be looked at; 0 = none */
    uint32_t outbox_max;         /* events that wait to be sent, those of prepared branches with them; 0 = 100,000 */
    struct vow_trace *trace;     /* outlives the store; the caller flushes it; NULL = none */
};

/*
 * Opens the file (made if missing), checks and sets what durability needs, makes the vow_ tables, counts up the
 * incarnation durably, enrols every user table that can be prepared (an explicit PRIMARY KEY without NULLs; not
 * virtual, no generated column) and installs its guards. Foreign keys between enrolled tables are held, too; those to
 * or from other tables are not.
 * Errors: VOW_E_IO (a file system without locks that hold), VOW_E_DATABASE (no database, cannot open), VOW_E_PRAGMA,
 * VOW_E_NEWER, VOW_E_DAMAGED, VOW_E_NO_MEMORY; *detail says what was found and what to do.
 */
int vow_store_sqlite_open(const struct vow_sqlite_options *options, const struct vow_store_ops **ops, void **store,
                          struct vow_error_detail *detail);
/*
 * Runs the service's schema, once for each text of it: what was run last is kept in the file. So a restart runs
 * nothing. All of it takes effect or none. VOW_E_DATABASE, with SQLite's words; VOW_E_STATE if it would change a row
 * that a prepared branch holds, or tables so that a prepared branch could not be committed to them: the schema of
 * before is what to start with until that branch has ended.
 */
int vow_store_sqlite_schema(void *store, const char *sql, struct vow_error_detail *detail);
/* The store's connection, for set-up before the first operation (schema of the service). Tables made on it are
 * enrolled by vow_store_sqlite_enrol(). */
sqlite3 *vow_store_sqlite_db(void *store);
/* Looks at the schema again and enrols new tables. VOW_E_STATE if a prepared branch could not be committed to its
 * tables as they are now. */
int vow_store_sqlite_enrol(void *store, struct vow_error_detail *detail);

/* A value of a primary key: `value`, if it is not NULL; else `text`, if it is not NULL; else `number`. */
struct vow_sqlite_key {
    const struct sqlite3_value *value;
    const char *text;
    int64_t number;
};
#define VOW_SQLITE_COLUMNS_MAX 64
/* During a call: the branch holds this row (vow_branch_hold() in <vow/sqlite.h>, with its errors). */
int vow_store_sqlite_hold(void *store, const char *table, const struct vow_sqlite_key *key, size_t key_len);

/* Of one operation, or of all joined work of a branch. */
#define VOW_STORE_EVENTS_MAX 256u
/*
 * During a call, a step or a reaction: this event is published if the work commits. It is copied. VOW_E_STATE (no
 * handler runs), VOW_E_BUSY (the outbox is full), VOW_E_TOO_LARGE (too many of one branch), VOW_E_NO_MEMORY,
 * VOW_E_DATABASE.
 */
int vow_store_sqlite_publish(void *store, const struct vow_store_event *event);
/*
 * On any connection to the file of a participant, within a transaction of its own: the event goes into the outbox with
 * whatever else that transaction does. VOW_E_STATE (no transaction is open, or a handler runs on this connection, or
 * the file is no participant's), VOW_E_BUSY (the outbox is full), VOW_E_NO_MEMORY, VOW_E_DATABASE: nothing of it is
 * there.
 */
int vow_store_sqlite_publish_on(sqlite3 *db, const struct vow_store_event *event);

#endif
