/*
 * The participant: a service's part in transactions.
 *
 * A service opens a participant on its own SQLite file, registers handlers, starts it, and lives on. A handler gets a
 * sqlite3 * and runs plain SQL; the library makes what it did durable as a prepared branch, votes, and applies or drops
 * it when the coordinator has decided. Handlers see committed data and their own changes; nobody sees a branch's
 * changes before it commits.
 *
 *     static int take(struct vow_branch *branch, struct sqlite3 *db, const void *payload, size_t len, void *ctx)
 *     {
 *         ... UPDATE item SET stock = stock - 2 WHERE name = 'apple' ...
 *         return enough ? 0 : vow_branch_refuse(branch, "out of apples");
 *     }
 *
 *     struct vow_participant_options options = {sizeof(options), .name = "stock", .path = "stock.db"};
 *
 *     vow_participant_open(&options, &p, NULL);
 *     vow_participant_handle(p, "take", take, NULL);
 *     vow_participant_start(p);
 *
 * What can take part: ordinary tables with an explicit PRIMARY KEY, up to 64 columns, no generated column, unique keys
 * on plain columns. A handler that writes to any other table (no primary key, virtual, FTS) is refused with
 * VOW_CAUSE_NOT_CAPTURED; a NULL in a primary key with the text "VOW_NULL_KEY". A table whose INTEGER PRIMARY KEY is
 * chosen by SQLite gives two branches the same next number, so the second must wait for the first: declare it
 * AUTOINCREMENT, insert vow_new_key() (see <vow/sqlite.h>), or choose keys yourself, for example from vow_branch_id().
 * Rows of a prepared branch are locked for every connection to the file until the decision.
 *
 * The same handlers do steps of sagas (docs/sagas.md): what one did commits at once, together with the record that the
 * step is done, so it is done once however often the coordinator asks. The record lies in the service's own file and
 * nowhere else; a handler is registered with a participant, and writes to that participant's file only, so there is no
 * way to keep the one in another database than the other. A refusal is for good, and nothing of the step happens; any
 * other error is tried again. The compensation of a step may not be refused, and does not run at all if the step did
 * not happen.
 *
 * A service whose data are somewhere else than in SQLite implements five callbacks instead: <vow/resource.h>. It takes
 * part in transactions, not in sagas.
 *
 * Two threads belong to a participant: one for the network and the protocol, one for the store and the handlers. The
 * first can be the caller's own loop (options.loop, enum vow_loop_kind); the second stays, since a loop must not wait
 * for a disk. Handlers always run on the store's thread, one at a time.
 *
 *                                     VOW_LOOP_OWN_THREAD   VOW_LOOP_BASE              VOW_LOOP_FD
 *   vow_participant_open, _handle, _db any thread, one at a time, before start
 *   vow_participant_start, _close     any thread            the loop's thread          the loop's thread
 *   vow_participant_fd, _process      VOW_E_STATE           VOW_E_STATE                the loop's thread
 *   vow_participant_wait              any thread            any but the loop's         any but the loop's
 *   vow_participant_stats             any thread            any thread                 any thread
 *
 * vow_participant_close() must be the last call: no other thread may be in a function of this participant or about to
 * enter one. After a fork() the participant is the parent's alone: in the child every call is refused with
 * VOW_E_FORKED, or does nothing.
 */
#ifndef VOW_PARTICIPANT_H
#define VOW_PARTICIPANT_H

#include <vow/resource.h>
#include <vow/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A service's part in transactions; from vow_participant_open() to vow_participant_close(). */
struct vow_participant;
struct sqlite3; /* <sqlite3.h> */
/* One transaction's work at this participant. Lives for the handler's call. */
struct vow_branch;

/* Where a participant keeps its branches. */
enum vow_store_kind {
    /* In the service's own SQLite file, beside its tables. */
    VOW_STORE_KIND_SQLITE = 0,
    /* Keeps nothing, says yes to everything, runs no handler: for measuring the coordinator alone. */
    VOW_STORE_KIND_NULL = 1,
    /* Yours: options.resource, see <vow/resource.h>. It gets the calls as they are: no handlers, no db. */
    VOW_STORE_KIND_RESOURCE = 2,
};

/* What work does that meets a row which another transaction's prepared work holds. */
enum vow_lock_policy {
    /*
     * It waits, lock_wait_ms at most, and is done when the row is free, in the order in which it came. For a holder
     * that is older than itself it waits lock_grace_ms at most: should that one wait for this one somewhere else, the
     * younger is refused with VOW_CAUSE_LOCK_CONFLICT and the older goes on. So no deadlock lasts, nor between
     * participants. A transaction of one call holds nothing elsewhere and waits for anybody.
     */
    VOW_LOCK_WAIT_DIE = 0,
    /* It is refused at once. */
    VOW_LOCK_FAIL_FAST = 1,
};

/* What becomes of a branch whose decision does not come (protocol 2.7). */
enum vow_heuristic {
    VOW_HEURISTIC_OFF = 0, /* it waits for ever, and keeps its rows: the only way that is always right */
    /* After heuristic_timeout_ms this participant ends it alone. The rows are free then; and if the transaction was
     * decided the other way, it is not atomic any more. That is recorded here and at the coordinator, raises an alarm
     * at both, and stays until an operator has seen to it. */
    VOW_HEURISTIC_COMMIT = 1, /* by applying it */
    VOW_HEURISTIC_ABORT = 2,  /* by dropping it */
};

/* How to open a participant. Zero a field for its default. What it points to, but for base, need only live for the
 * call: strings are copied. A size that is larger than the library knows is VOW_E_ARGUMENT: the program was compiled
 * for a newer one. */
struct vow_participant_options {
    size_t size;             /* sizeof(struct vow_participant_options) */
    const char *name;        /* what clients call it; required */
    const char *path;        /* the service's SQLite file, made if missing; for a resource, Vow's own file beside it */
    const char *coordinator; /* "HOST:PORT"; NULL = VOW_DEFAULT_COORDINATOR */
    enum vow_store_kind store; /* where branches are kept; default the SQLite file */
    /*
     * SQL that makes the service's tables and first rows; NULL = none. Run at open, all or nothing, if the file has not
     * run this very text before: a restart runs nothing. One that changes a table or a row which a prepared branch
     * needs is refused with VOW_E_STATE: open with the schema of before, which runs nothing, until the branch has
     * ended.
     */
    const char *schema;
    enum vow_lock_policy lock_policy;    /* default VOW_LOCK_WAIT_DIE */
    uint32_t lock_wait_ms;               /* 0 = 2000; more than the coordinator's 5 s for a vote is of no use */
    uint32_t lock_grace_ms;              /* 0 = 100; it should be longer than a transaction mostly takes */
    const struct vow_resource *resource; /* for VOW_STORE_KIND_RESOURCE; copied by vow_participant_open() */
    enum vow_loop_kind loop;             /* whose loop the network's side lives on, from start */
    struct event_base *base;             /* the loop, for VOW_LOOP_BASE, and only then; it stays the caller's */
    /*
     * Branches under way or prepared at once, to 2^22, which take memory from the start; more are refused at once with
     * VOW_CAUSE_NO_SPACE, until some have ended. Those that open finds prepared have room beside them. 0 = 65,536.
     */
    uint32_t branches_max;
    uint32_t heuristic_timeout_ms; /* T_heur: in doubt for so long; 0 = off. A restart begins anew */
    enum vow_heuristic heuristic;  /* what then; default VOW_HEURISTIC_OFF */
    /*
     * Where other participants reach this one, as "HOST:PORT" with a numeric address, port 0 for any that is free; NULL
     * or "" = nowhere, the default: nothing listens that was not asked for. A participant whose coordinator is silent
     * asks the others of the transaction for its outcome, and can ask only those that listen. So set it on all of them,
     * or the rows of a prepared branch stay locked for as long as the coordinator is away, though another participant
     * may know how it ended. vowctl can be pointed at it, too. It asks no password and encrypts nothing, like vowd's
     * own port: keep both within a network that you trust. vow_participant_start() gives VOW_E_SYSTEM if it cannot be
     * listened on.
     */
    const char *peer_listen;
    /* The address that the others are told, if they do not reach peer_listen as it is written there: behind NAT, in a
     * container, or on 0.0.0.0, with which it is required. Port 0 = the one that is listened on. NULL or "" =
     * peer_listen. */
    const char *peer_announce;
    /*
     * How long a participant knows what it has done for a saga, after the last step of it. A step of an older one is
     * not done any more, since it may have been done before. So it must be longer than any saga lives, with the time
     * that an operator may take for one that is stuck. 0 = 7 days.
     */
    uint64_t step_retention_ms;
    /*
     * How long it is known by their names which events were handled (<vow/event.h>). After that it is known by their
     * offsets, of the newest 8,388,608: what is delivered again as what it was is not handled again, and what was never
     * handled is. By its name an event is known, too, that vowd keeps twice (docs/events.md): so it must be longer than
     * a service that publishes may be away. 0 = 7 days.
     */
    uint64_t inbox_retention_ms;
    /* Events that wait to be sent, those of prepared branches with them; vow_publish() is refused beyond it. 0 =
     * 100,000. */
    uint32_t outbox_max;
    uint32_t reserved; /* 0 */
    /*
     * Published events that vowd keeps, the newest so many, stay in the file for the service to look at: in the table
     * vow_outbox_archive (n, agg_key, agg_seq, topic, version, hops, gtrid, wall_us, headers, payload, deadline_us).
     * What there is no room for on the disk is not archived: the room is for work. 0 = none: they are deleted.
     */
    uint32_t outbox_archive_max;
    /*
     * T_dec: how long a branch in doubt waits for its decision before it asks the coordinator, and then twice as long
     * before each further question, up to 30 s. If two of them get no answer, its peers are asked with the third
     * (peer_listen): so the first time 7 times this after its YES, give or take a quarter. 0 = 2000, and peers after
     * 14 s; 3,600,000 at most. Less frees rows sooner where a peer knows the outcome, and asks more when the
     * coordinator is merely slow.
     */
    uint32_t decision_timeout_ms;
};

/*
 * A handler. Runs plain SQL on db; must not use BEGIN, COMMIT, ROLLBACK, ATTACH, PRAGMA or change the schema (denied).
 * Returns 0, or what vow_branch_refuse() returned, or any other number: then the branch votes NO and the whole
 * transaction aborts. If a row is held by another transaction, SQLite reports SQLITE_CONSTRAINT_TRIGGER with the text
 * "VOW_LOCKED"; returning any error is the right answer to it, the library knows the cause. The handler then runs again
 * when the row is free, if the work may wait (enum vow_lock_policy); it must not count its runs. Or it goes on without
 * the row and returns 0. Runs on the store's thread; holds the database's write lock, so it should be quick. db and
 * payload live for the call.
 */
typedef int vow_handler_fn(struct vow_branch *branch, struct sqlite3 *db, const void *payload, size_t len, void *ctx);

/*
 * Opens the participant: opens and checks the file, finds the prepared branches and holds their locks, counts up the
 * incarnation. Does not connect yet. On 0, *participant is the caller's, to be closed with vow_participant_close(). On
 * an error *participant is NULL and *detail, if not NULL, says what was found and what to do: VOW_E_ARGUMENT,
 * VOW_E_NAME, VOW_E_ADDRESS, VOW_E_STATE (options.schema changes what a prepared branch needs), VOW_E_DATABASE,
 * VOW_E_IO, VOW_E_PRAGMA, VOW_E_NEWER, VOW_E_DAMAGED, VOW_E_NO_MEMORY, VOW_E_SYSTEM. With a resource, also
 * VOW_E_LOCKED: another process, or another participant of this one, has its file open. After an error the service's
 * tables and the prepared branches are as they were; a new file may be there, with Vow's own tables, and the
 * incarnation may have been counted up, which does no harm. It may be called again.
 *
 * With VOW_TRACE=FILE in the environment the participant adds to FILE what it does and when, for measuring
 * (docs/trace.md); VOW_E_IO if it cannot be opened.
 */
VOW_EXPORT VOW_MUST_USE int vow_participant_open(const struct vow_participant_options *options,
                                                 struct vow_participant **participant, struct vow_error_detail *detail);

/* Registers a handler. Before start only (VOW_E_STATE); a resource has none (VOW_E_STATE). The name is copied; ctx must
 * live until vow_participant_close() returns. Returns 0, VOW_E_ARGUMENT (handler is NULL), VOW_E_NAME, VOW_E_DUPLICATE,
 * VOW_E_NO_MEMORY, VOW_E_FORKED. */
VOW_EXPORT VOW_MUST_USE int vow_participant_handle(struct vow_participant *participant, const char *name,
                                                   vow_handler_fn *handler, void *ctx);

/* Starts the threads, or the store's alone on the caller's loop, connects, and keeps connecting. Tables made since open
 * are enrolled first. Returns 0, VOW_E_ARGUMENT, VOW_E_STATE (started already), VOW_E_FORKED, VOW_E_NO_MEMORY,
 * VOW_E_SYSTEM, VOW_E_DATABASE. After one of the last three nothing runs, and it may be called again. */
VOW_EXPORT VOW_MUST_USE int vow_participant_start(struct vow_participant *participant);

/* Waits until the participant is connected to the coordinator. Returns 0, or VOW_E_UNREACHABLE after timeout_ms (before
 * start, too: nothing connects yet); VOW_E_STATE on the thread that runs its loop, which must not wait (see
 * vow_participant_stats(), connected); VOW_E_ARGUMENT, VOW_E_FORKED. */
VOW_EXPORT VOW_MUST_USE int vow_participant_wait(struct vow_participant *participant, uint32_t timeout_ms);

/*
 * Stops and frees. What the store has begun is finished first: this waits for a disk, and with a resource 5 s at most
 * for answers that are missing. Prepared branches stay prepared in the file: their outcome is asked for at the next
 * start. NULL is allowed. Must not be called from a handler: that is logged, and nothing is closed.
 */
VOW_EXPORT void vow_participant_close(struct vow_participant *participant);

/*
 * VOW_LOOP_FD only, from start on: the descriptor to wait for, and what to call when it is readable. As vow_client_fd()
 * and vow_client_process(); VOW_E_STATE also before start. Handlers do not run in it, and it does not wait for them.
 */
VOW_EXPORT VOW_MUST_USE int vow_participant_fd(const struct vow_participant *participant);
VOW_EXPORT VOW_MUST_USE int vow_participant_process(struct vow_participant *participant);

/* --- Joined work --- */

/*
 * Work in a transaction that a client holds open, by its token (<vow/client.h>), as the service got it through its own
 * RPC. All works of one transaction at this participant are one branch: each sees what the earlier ones changed, and
 * so do the handlers that the client's commit may call here; nobody else sees anything before it commits. The rows
 * that a work has changed are locked for every other connection from then on, to the transaction's end.
 *
 * The first use of a token asks the coordinator, and waits for its answer before anything is written. So a token that
 * comes too late, after the commit, the rollback or the deadline, does nothing. A participant that has joined may do a
 * further work in the moment until it hears of a rollback; that is undone with the rest.
 */

/*
 * One work: plain SQL on db, under the rules of a handler. db is NULL if the participant's store is none of SQLite.
 * Returns 0, or what vow_branch_refuse() returned, or any other number: then this work alone is undone, as a statement
 * that fails is, and its caller is told; what the branch did before stands, and the transaction may still commit
 * without it. Runs on the store's thread, while vow_join() waits; it may be run again if the file could not be
 * written, so what it leaves in ctx must be what the last run left. Must not call vow_join().
 */
typedef int vow_work_fn(struct vow_branch *branch, struct sqlite3 *db, void *ctx);

/* What became of a work. */
struct vow_joined {
    struct vow_gtrid id; /* of the transaction */
    /*
     * The receipt: operations done, 1 or 0. The service adds up those of one request and says the sum in its reply;
     * the client hands it to vow_txn_worked(). The transaction commits only if client and participant counted the
     * same, so work that got lost, or was done twice by a repeated request, is found out (VOW_CAUSE_LOST_WORK).
     */
    uint32_t ops;
    uint32_t branch_ops;  /* of the whole branch so far, with this one */
    enum vow_cause cause; /* of a refusal */
    char text[201];       /* of a refusal, in words; may be "" */
};

/*
 * Does a work in the branch of the token's transaction, and waits for it. Any thread but the participant's own and the
 * store's. joined may be NULL. Returns
 *   0                  done, and not durable yet: the branch keeps it until the transaction ends, or this process does
 *   VOW_E_TOKEN, VOW_E_ARGUMENT       nothing happened
 *   VOW_E_NOT_MINE     the token is another coordinator's; nothing happened
 *   VOW_E_UNREACHABLE  no connection to the coordinator, or no answer; nothing happened
 *   VOW_E_BUSY, VOW_E_NO_MEMORY, VOW_E_TOO_LARGE (over 64 participants)   nothing happened
 *   VOW_E_LOCK_CONFLICT, VOW_E_CONSTRAINT, VOW_E_REFUSED   the work is undone; joined->cause and joined->text say why.
 *                      VOW_CAUSE_TOO_LATE, VOW_CAUSE_TXN_TIMEOUT, VOW_CAUSE_PARTICIPANT_LOST: the transaction, or
 *                      this branch of it, is over
 *   VOW_E_STATE        not started, or called on a thread that must not wait
 *   VOW_E_CLOSED       the participant is being closed; the transaction will not commit
 *   VOW_E_FORKED
 * Never falls back to a change outside of the transaction.
 */
VOW_EXPORT VOW_MUST_USE int vow_join(struct vow_participant *participant, const char *token, vow_work_fn *work,
                                     void *ctx, struct vow_joined *joined);

/* Called once, on the thread of the participant's loop; must not block, nor close the participant. error as vow_join()
 * returns it. */
typedef void vow_joined_fn(void *ctx, int error, const struct vow_joined *joined);
/* The same without waiting. On an error `done` is not called. */
VOW_EXPORT VOW_MUST_USE int vow_join_async(struct vow_participant *participant, const char *token, vow_work_fn *work,
                                           void *ctx, vow_joined_fn *done, void *done_ctx);

/* Numbers for a status page. All since open. */
struct vow_participant_stats {
    uint64_t prepared;        /* branches that voted YES */
    uint64_t committed;       /* branches whose work was applied after a YES */
    uint64_t aborted;         /* branches whose work was dropped after a YES */
    uint64_t read_only;       /* branches that had nothing to commit, and are done with their vote */
    uint64_t refused;         /* branches that voted NO */
    uint64_t one_phase;       /* transactions that were this participant's alone, decided and applied here */
    uint64_t in_doubt;        /* branches that voted YES and wait for the decision, now */
    uint64_t in_doubt_max_ms; /* the longest a branch was in doubt, over restarts */
    uint64_t store_commits;   /* durable units written: several branches share one */
    int connected;            /* 1 = connected to the coordinator now */
    uint64_t heuristics;      /* branches that an operator, or options.heuristic, ended without a decision */
    uint64_t contradicted;    /* of these: against the decision; each was an alarm */
    uint64_t unforgotten;     /* heuristics that still stand: no decision yet, or damage that nobody has seen to; now */
    uint64_t blocked;         /* of in_doubt: the coordinator is silent, and all their peers were asked in vain */
    uint64_t asked_peers;     /* rounds of questions to the peers of a branch in doubt */
    uint64_t answered_peers;  /* questions of peers that were answered */
    uint64_t ended_by_peers;  /* branches in doubt whose outcome a peer told */
    uint64_t steps_done;      /* answers that a step of a saga, or its compensation, is done: now, or before */
    uint64_t steps_refused;   /* answers that one will not be done: refused, too late, nobody to do it */
    uint64_t events_published; /* events that vowd has said it keeps */
    uint64_t events_unwanted;  /* answers of vowd that it does not take one; each is an error in the log, once */
    uint64_t events_handled;   /* deliveries that were answered: it is handled, now or before */
    uint64_t events_refused;   /* deliveries that were answered: to the dead letters */
    uint64_t outbox_len; /* events that wait to be sent, of options.outbox_max; those of prepared branches too; now */
};
/* Reads the numbers into *stats, whose size is sizeof(*stats): what this library does not know yet is zero, what the
 * caller does not know is left out. In a child after fork() all are zero. Any thread; does not block. */
VOW_EXPORT void vow_participant_stats(struct vow_participant *participant, struct vow_participant_stats *stats,
                                      size_t size);

/* In a handler: refuses the work. `why` (at most 200 characters; longer is cut) reaches the client as result->text.
 * Returns VOW_E_REFUSED, for the handler to return. */
VOW_EXPORT int vow_branch_refuse(struct vow_branch *branch, const char *why);
/*
 * In a handler that does a step of a saga: what the step answers, kept with the record that it is done. Its
 * compensation gets it, from vow_branch_given(). The bytes are copied; the last call counts. In a transaction, where
 * nobody can ask for it, it is dropped: one handler may serve both. Returns 0, VOW_E_TOO_LARGE (over
 * VOW_BRANCH_ANSWER_MAX bytes), VOW_E_ARGUMENT.
 */
VOW_EXPORT VOW_MUST_USE int vow_branch_answer(struct vow_branch *branch, const void *data, size_t len);
/* Bytes of an answer, at most. */
#define VOW_BRANCH_ANSWER_MAX 1024
/* In the handler of a compensation: what the step that it undoes has answered; *len is its length. It lives for the
 * handler's call. NULL and 0: nothing, or this is no compensation. */
VOW_EXPORT const void *vow_branch_given(const struct vow_branch *branch, size_t *len);
/* In a handler: the id of the transaction, or of the saga. */
VOW_EXPORT const struct vow_gtrid *vow_branch_id(const struct vow_branch *branch);

#ifdef __cplusplus
}
#endif

#endif
