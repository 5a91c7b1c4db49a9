/*
 * The client: starts transactions and hears how they end.
 *
 * A transaction is a list of calls. Each names a participant (a service that runs libvow), one of its handlers, and a
 * payload that the handler understands. The coordinator carries all of them with PREPARE; either every call takes
 * effect or none does.
 *
 *     struct vow_client *client;
 *     struct vow_result result;
 *     struct vow_call calls[] = {{"stock", "take", "apple 2", 7}, {"payment", "pay", "ann 10", 6}};
 *
 *     vow_client_open(NULL, &client, NULL);
 *     vow_commit(client, calls, 2, &result);
 *
 * VOW_ABORTED is final for its id; the same work may be sent again as a new transaction. That is worth it, after a
 * short wait, if vow_cause_is_passing(): LOCK_CONFLICT, PARTICIPANT_UNAVAILABLE, COORDINATOR_RESTART and the like. The
 * others (HANDLER_REFUSED, CONSTRAINT, ...) will say no again.
 *
 * Threads. By default a client has a thread of its own for the network. It can also live on the caller's loop
 * (options.loop, enum vow_loop_kind); then "the client's thread" is the one that runs that loop.
 *
 *                                     VOW_LOOP_OWN_THREAD   VOW_LOOP_BASE              VOW_LOOP_FD
 *   vow_client_open, _close           any thread            the loop's thread          the loop's thread
 *   vow_client_fd, _process           VOW_E_STATE           VOW_E_STATE                the loop's thread
 *   vow_commit_async                  any thread            any thread                 any thread
 *   vow_commit, vow_status (wait)     any but the client's  any but the loop's         any but the loop's
 *
 * A call that waits is refused with VOW_E_STATE on the client's thread: it would wait for itself. On a loop that nobody
 * runs, it waits for as long as nobody runs it. vow_client_close() must be the last call: no other thread may be about
 * to enter a function of this client, though those that are inside are let out first.
 *
 * No globals, no thread-locals. After a fork() the client is the parent's alone: in the child every call is refused
 * with VOW_E_FORKED, and vow_client_close() does nothing; the caller's base there must not be run or freed before
 * event_reinit().
 */
#ifndef VOW_CLIENT_H
#define VOW_CLIENT_H

#include <vow/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A connection to a coordinator and the transactions under way on it; from vow_client_open() to vow_client_close(). */
struct vow_client;

/* How to open a client. Zero a field for its default. What it points to, but for base, need only live for the call. A
 * size that is larger than the library knows is VOW_E_ARGUMENT: the program was compiled for a newer one. */
struct vow_client_options {
    size_t size;             /* sizeof(struct vow_client_options) */
    const char *coordinator; /* "HOST:PORT"; NULL = VOW_DEFAULT_COORDINATOR; numeric hosts and localhost */
    const char *name;        /* for the coordinator's lists; NULL = "client" */
    uint32_t timeout_ms;     /* how long a call waits for an outcome before it gives VOW_UNKNOWN; 0 = 30,000 */
    uint32_t in_flight_max;  /* transactions under way at once, to 2^20; more: VOW_E_BUSY; 0 = 4,096 */
    enum vow_loop_kind loop; /* whose loop the client lives on */
    struct event_base *base; /* the loop, for VOW_LOOP_BASE, and only then; it stays the caller's */
};

/* One call of a transaction, which has at most 64. The library copies what it points to before the function that takes
 * it returns. */
struct vow_call {
    const char *participant; /* 1 to 63 of a-z A-Z 0-9 . _ - */
    const char *handler;     /* likewise */
    const void *payload;     /* may be NULL if len is 0 */
    size_t len;              /* all payloads of a transaction together: under 64 KiB less some headers */
};

/* How a transaction ended. Plain data; copy it freely. */
struct vow_result {
    struct vow_gtrid id;      /* keep it: the outcome can be asked for with it, from any client */
    enum vow_outcome outcome; /* VOW_COMMITTED, VOW_ABORTED or VOW_UNKNOWN; from vow_status() also VOW_PENDING */
    enum vow_cause cause;     /* for VOW_ABORTED: why */
    /*
     * For VOW_UNKNOWN: VOW_E_IN_DOUBT; a refusal of vow_commit_async(): see there. For VOW_COMMITTED and VOW_ABORTED it
     * is 0 where all participants have done so, and else one of
     *   VOW_E_HEURISTIC_MIXED     some have committed and some have not
     *   VOW_E_HEURISTIC_ROLLBACK  it was decided to commit, and nobody has
     *   VOW_E_HEURISTIC_HAZARD    what became of a participant cannot be known
     * because an operator ended a branch by hand, or because of a lost file. What was decided stands; the data
     * disagree, and an operator must be told. It can come later than the outcome: vow_status() tells of it from then
     * on.
     */
    int error;
    /* VOW_ABORTED: who caused it; "" = nobody. Not final yet: whom to name in vow_status(), which may be "". */
    char participant[64];
    char text[201]; /* for VOW_ABORTED: in the participant's words; may be "" */
};

/* Called once for each transaction, on the client's thread. Must not block; may start further transactions. *result
 * lives for the call. On the caller's loop it may also close the client. */
typedef void vow_result_fn(void *ctx, const struct vow_result *result);

/*
 * Opens a client and starts connecting. Does not wait for the connection: calls made before it is there wait for it.
 * options may be NULL. On 0, *client is the caller's, to be closed with vow_client_close(). On an error *client is NULL
 * and *detail, if not NULL, says why: VOW_E_ARGUMENT, VOW_E_ADDRESS, VOW_E_NAME (fix the options), VOW_E_NO_MEMORY,
 * VOW_E_SYSTEM (no thread or no descriptor left).
 */
VOW_EXPORT VOW_MUST_USE int vow_client_open(const struct vow_client_options *options, struct vow_client **client,
                                            struct vow_error_detail *detail);

/*
 * Closes the client. Transactions under way end for their callbacks or waiting threads before this returns: what was
 * sent is reported VOW_UNKNOWN, and the coordinator finishes it; what was not is refused as by vow_commit_async() (by
 * vow_commit(): with the error). NULL is allowed.
 *
 * From a callback: with VOW_LOOP_OWN_THREAD it must not be called; that is logged, and nothing is closed. On the
 * caller's loop the client takes no more work from then on, and is closed, as above, in the loop's next turn
 * (VOW_LOOP_BASE; a base freed before that leaks it) or before vow_client_process() returns (VOW_LOOP_FD).
 */
VOW_EXPORT void vow_client_close(struct vow_client *client);

/*
 * VOW_LOOP_FD only: the descriptor to wait for, the same for the client's life. Wait until it is readable, and for
 * nothing else: time-outs make it readable, too. Level-triggered, as poll() does, and not with EPOLLET: a process() may
 * leave work for the next. It is the client's: do not read or close it, and take it out of the loop before
 * vow_client_close(). Negative: VOW_E_ARGUMENT, VOW_E_STATE (another kind of loop), VOW_E_FORKED.
 */
VOW_EXPORT VOW_MUST_USE int vow_client_fd(const struct vow_client *client);
/*
 * VOW_LOOP_FD only: does what is due, calls back, and returns; never waits. Harmless when there is nothing to do.
 * Returns 0; VOW_E_CLOSED if a callback has closed the client, which is gone now; VOW_E_SYSTEM if the kernel has no
 * memory for the descriptor's sake: call again soon, readable or not. VOW_E_STATE for another kind of loop and inside
 * itself (from a callback, or on a second thread); VOW_E_ARGUMENT, VOW_E_FORKED.
 */
VOW_EXPORT VOW_MUST_USE int vow_client_process(struct vow_client *client);

/*
 * Runs a transaction and waits for its outcome, timeout_ms at most. Returns
 *   0              *result says how it ended. VOW_COMMITTED: the decision is on disk and every participant will follow
 *                  it, if it did not yet. VOW_ABORTED: nothing took effect, for ever. VOW_UNKNOWN: no answer in time;
 *                  ask vow_status() with result->id.
 *   VOW_E_ARGUMENT, VOW_E_NAME, VOW_E_TOO_LARGE   the calls are not well-formed; nothing was sent
 *   VOW_E_BUSY, VOW_E_UNREACHABLE, VOW_E_NO_MEMORY, VOW_E_SHUTTING_DOWN  nothing happened; try again later. They come
 *                  when timeout_ms is over: the library tries by itself until then
 *   VOW_E_STATE    called on the client's own thread (from a callback), which must not wait; nothing was sent
 *   VOW_E_CLOSED   the client is being closed; nothing was sent
 * A lost connection or a timeout after the request was sent is never reported as an abort. The library asks for the
 * outcome again by itself after a reconnect, until timeout_ms is over. VOW_E_FORKED: in a child of fork(); nothing was
 * sent. On an error *result says nothing, though it may have been written to.
 */
VOW_EXPORT VOW_MUST_USE int vow_commit(struct vow_client *client, const struct vow_call *calls, size_t calls_len,
                                       struct vow_result *result);

/*
 * The same without waiting: `done` is called later with the result. On an error `done` is not called. In `done`, look
 * for a refusal first: one that comes later (VOW_E_BUSY, VOW_E_UNREACHABLE, VOW_E_SHUTTING_DOWN, VOW_E_NO_MEMORY,
 * VOW_E_TOO_LARGE) is VOW_ABORTED with VOW_CAUSE_NONE, and result->error is set to it: nothing happened,
 * and the error's class says whether to try again. Otherwise result->outcome is as vow_commit() gives it with 0. The
 * transaction's id is known in the result; in a refusal it may be none.
 */
VOW_EXPORT VOW_MUST_USE int vow_commit_async(struct vow_client *client, const struct vow_call *calls, size_t calls_len,
                                             vow_result_fn *done, void *ctx);

/* Zero a field for its default. */
struct vow_commit_options {
    size_t size; /* sizeof(struct vow_commit_options) */
    /* Until when it must be decided; else it is aborted with VOW_CAUSE_TXN_TIMEOUT. 0 = no limit of its own. */
    uint32_t timeout_ms;
    /*
     * An idempotency key: the caller's own name for this piece of work, 1 to 64 bytes of printable text. All requests
     * with one key are one transaction: a second one, from any client, in any process, after any crash, does nothing
     * and is told what became of the first (result->id says which that is). A key whose transaction aborted may be used
     * again. The calls are not compared. The coordinator knows a key while its transaction is under way, and after it
     * committed while it is one of the newest 65,536, but after a restart only if its history still has it (vowd
     * --retention). A transaction that wrote nothing is not remembered after a restart. NULL = none.
     */
    const char *key;
};

/* vow_commit() and vow_commit_async() with options, which may be NULL. Errors as those, and VOW_E_NAME for a key. */
VOW_EXPORT VOW_MUST_USE int vow_commit_with(struct vow_client *client, const struct vow_commit_options *options,
                                            const struct vow_call *calls, size_t calls_len, struct vow_result *result);
VOW_EXPORT VOW_MUST_USE int vow_commit_with_async(struct vow_client *client, const struct vow_commit_options *options,
                                                  const struct vow_call *calls, size_t calls_len, vow_result_fn *done,
                                                  void *ctx);

/*
 * Asks what became of a transaction, and waits for the answer, timeout_ms at most. On 0, result->outcome is
 * VOW_COMMITTED or VOW_ABORTED (final: it never changes again), or VOW_PENDING or VOW_UNKNOWN (ask again). The question
 * itself changes nothing, except that an id that was never used cannot be used after it. A transaction with one
 * participant may be known to that one alone: `participant` must then name it, else the answer can stay VOW_UNKNOWN
 * for ever. Pass result->participant of the result that was not final, this one's or vow_commit()'s; "" and NULL name
 * nobody. Errors: VOW_E_NOT_MINE (another coordinator's id), VOW_E_EXPIRED (older than the history), VOW_E_NOT_FOUND
 * (nobody gave this id out), VOW_E_UNREACHABLE, VOW_E_BUSY, VOW_E_SHUTTING_DOWN (ask again); VOW_E_ARGUMENT,
 * VOW_E_NAME, VOW_E_STATE, VOW_E_CLOSED, VOW_E_FORKED, VOW_E_NO_MEMORY as above. On an error *result says nothing of
 * the outcome.
 */
VOW_EXPORT VOW_MUST_USE int vow_status(struct vow_client *client, const struct vow_gtrid *id, const char *participant,
                                       struct vow_result *result);

/* --- Transactions that stay open: joined work --- */

/*
 * A transaction that services work in, one request of the client's to another, before it commits. The client passes the
 * token with each of its own requests to them; each service does its part in the transaction (vow_join() in
 * <vow/participant.h>), and says in its reply how many operations that were. Calls may be shipped with the commit, too.
 *
 *     struct vow_txn *txn;
 *     char token[VOW_TOKEN_SIZE];
 *
 *     vow_begin(client, NULL, &txn);
 *     vow_txn_token(txn, token);
 *     ops = ... ask the stock service, with the token, to take two apples ...
 *     vow_txn_worked(txn, "stock", ops);
 *     vow_txn_commit(txn, NULL, 0, &result);
 *     vow_txn_free(txn);
 *
 * It is the client's own: if the client dies, or its connection is lost before the commit was asked for, everything is
 * undone (VOW_CAUSE_CLIENT_LOST). One that stays open for longer than its timeout is undone, too
 * (VOW_CAUSE_TXN_TIMEOUT). Its functions may be called from any thread, and while others of them run; but not after
 * vow_txn_free(), and not after vow_client_close().
 */
struct vow_txn;

/* Room for a token, which is one word, safe in an HTTP header. */
#define VOW_TOKEN_SIZE 512

/* Zero a field for its default. */
struct vow_begin_options {
    size_t size; /* sizeof(struct vow_begin_options) */
    /* Until when it must have committed. The token carries the moment, services refuse work after it, and what is not
     * decided then is undone. 0 = the coordinator's limit for open transactions (30 s), which bounds this one, too. */
    uint32_t timeout_ms;
    const char *traceparent; /* W3C; goes with the token; NULL = none */
    const char *key;         /* see struct vow_commit_options; NULL = none */
};

/*
 * Opens a transaction and waits until the coordinator knows of it, the client's timeout_ms at most. options may be
 * NULL. On 0, *txn is the caller's, to be freed with vow_txn_free(). On an error it is NULL, and nothing happened:
 * VOW_E_ARGUMENT, VOW_E_TOKEN (traceparent), VOW_E_BUSY, VOW_E_UNREACHABLE, VOW_E_SHUTTING_DOWN, VOW_E_NO_MEMORY,
 * VOW_E_STATE, VOW_E_CLOSED, VOW_E_FORKED. Nothing is written anywhere by it. With a key whose transaction is open, it
 * goes on with that one; VOW_E_DUPLICATE: the key's transaction has committed: its work is done.
 */
VOW_EXPORT VOW_MUST_USE int vow_begin(struct vow_client *client, const struct vow_begin_options *options,
                                      struct vow_txn **txn);
/* Called once, on the client's thread; must not block. error as vow_begin() returns it; then txn is NULL. */
typedef void vow_begun_fn(void *ctx, int error, struct vow_txn *txn);
/* The same without waiting. On an error `begun` is not called. */
VOW_EXPORT VOW_MUST_USE int vow_begin_async(struct vow_client *client, const struct vow_begin_options *options,
                                            vow_begun_fn *begun, void *ctx);

/* The token for the services. Returns 0 or VOW_E_ARGUMENT. */
VOW_EXPORT VOW_MUST_USE int vow_txn_token(const struct vow_txn *txn, char text[VOW_TOKEN_SIZE]);
/* Its id; lives as long as the transaction. */
VOW_EXPORT const struct vow_gtrid *vow_txn_id(const struct vow_txn *txn);

/*
 * A service's receipt: it did so many operations in the transaction at this participant. Receipts add up. The commit
 * goes through only if each participant has done exactly what was counted here: one that restarted since, one whose
 * reply was lost, one that was asked twice by a repeated request says no, with VOW_CAUSE_LOST_WORK. VOW_E_ARGUMENT,
 * VOW_E_NAME, VOW_E_TOO_LARGE (over 64 participants), VOW_E_FORKED.
 */
VOW_EXPORT VOW_MUST_USE int vow_txn_worked(struct vow_txn *txn, const char *participant, uint32_t ops);

/*
 * Commits, with further calls (calls_len may be 0) whose handlers see what their participant's works did before. Waits
 * for the outcome. As vow_commit(): 0 with *result; or an error, after which the transaction is open as before. A
 * second commit of the same transaction does nothing and gives the same outcome.
 */
VOW_EXPORT VOW_MUST_USE int vow_txn_commit(struct vow_txn *txn, const struct vow_call *calls, size_t calls_len,
                                           struct vow_result *result);
/* The same without waiting, as vow_commit_async(). */
VOW_EXPORT VOW_MUST_USE int vow_txn_commit_async(struct vow_txn *txn, const struct vow_call *calls, size_t calls_len,
                                                 vow_result_fn *done, void *ctx);

/*
 * Rolls back: before the commit, or while one is under way, which it cancels if that is still possible. Waits for the
 * outcome and tells it: VOW_ABORTED, everything is undone, and the commit that was under way is told the same; or
 * VOW_COMMITTED, it came too late; or VOW_UNKNOWN, no answer in time. Errors as vow_txn_commit().
 */
VOW_EXPORT VOW_MUST_USE int vow_txn_rollback(struct vow_txn *txn, struct vow_result *result);
VOW_EXPORT VOW_MUST_USE int vow_txn_rollback_async(struct vow_txn *txn, vow_result_fn *done, void *ctx);

/* Frees it. If neither commit nor rollback was asked for, it is rolled back, without waiting for that; a commit under
 * way goes on. NULL is allowed. */
VOW_EXPORT void vow_txn_free(struct vow_txn *txn);

#ifdef __cplusplus
}
#endif

#endif
