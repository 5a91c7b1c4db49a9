/*
 * Sagas: work that is done step by step, and undone step by step if one of them cannot be done.
 *
 * A saga is a row of local transactions. Each step names a participant, the handler that does it (its action), the
 * handler that undoes it (its compensation), and a payload that both are given. The handlers are those of two-phase
 * commit, in the same services. The coordinator has the steps done, one stage after the other, and writes down what
 * became of each before anything follows from it. So a saga that has begun ends, in one of two ways, whoever crashes
 * meanwhile: every step is done (VOW_SAGA_COMPLETED), or every step that was done is undone, in the reverse order
 * (VOW_SAGA_COMPENSATED).
 *
 *     struct vow_saga_step take = {sizeof(take), .participant = "stock", .action = "take", .compensation = "give_back",
 *                                  .payload = "apple 2", .len = 7};
 *     struct vow_saga_step pay = {sizeof(pay), .participant = "payment", .action = "pay", .kind = VOW_STEP_PIVOT,
 *                                 .payload = "ann 10", .len = 6};
 *     struct vow_saga_result result;
 *     struct vow_saga *saga;
 *
 *     vow_saga_new(client, NULL, &saga);
 *     vow_saga_step(saga, &take);
 *     vow_saga_step(saga, &pay);
 *     vow_saga_run(saga, 0, &result);
 *     vow_saga_free(saga);
 *
 * What it gives up is isolation: what a step has changed is seen by everybody at once, and may be undone later. Nothing
 * is ever held for another service, so nobody waits for one that is away. Where that is not good enough, use
 * vow_commit() (<vow/client.h>): docs/guide.md says when to use which.
 *
 * The order of the steps (sagas 4.1, 4.2). First come those that can be undone, VOW_STEP_COMPENSATABLE; each has a
 * compensation. Then at most one VOW_STEP_PIVOT, the last that may be refused: once it is done, or may be, the saga
 * goes forward only. Then those that cannot be refused, VOW_STEP_RETRIABLE: they are tried until they are done. A step
 * with `parallel` runs at the same time as the one before it, and is of the same kind; a pivot is alone.
 *
 * A step that is refused, or whose attempts or time are over, turns the saga round, if that is before the pivot. What
 * may have been done, though nobody heard so, is undone as well: a participant does each step once and each undoing
 * once, and passes over the undoing of what it never did (sagas 4.3). After the pivot nothing is undone. What must be
 * done then and is not, and a compensation that cannot be done, leave the saga stuck, for an operator (vowctl saga).
 *
 * Threads are as in <vow/client.h>: vow_saga_start() may be called on any thread; vow_saga_run(), vow_saga_wait(),
 * vow_saga_status() and vow_saga_cancel() wait, and are refused with VOW_E_STATE on the client's own. One thread at a
 * time may use one struct vow_saga.
 */
#ifndef VOW_SAGA_H
#define VOW_SAGA_H

#include <stdbool.h>

#include <vow/client.h>
#include <vow/proto/saga.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A saga of this program: the order of its steps, and, once it was run, its id. From vow_saga_new() to
 * vow_saga_free(). */
struct vow_saga;

/* Zero a field for its default. */
struct vow_saga_options {
    size_t size; /* sizeof(struct vow_saga_options) */
    /* When it is to be over, since it began: then it is undone (VOW_CAUSE_TXN_TIMEOUT), if it is before its pivot.
     * After it, it goes on, with an alarm. 0 = no limit. */
    uint32_t deadline_ms;
    uint32_t reserved; /* 0 */
    /*
     * An idempotency key: the caller's own name for this piece of work, 1 to 64 bytes of printable text. All sagas that
     * are run with one key are one saga, the first that began: a second one, from any client, in any process, after any
     * crash, begins nothing and is told how far the first has come (result->id says which that is). That is so however
     * it ends: one that was compensated is not tried again under its key. The steps are not compared. Keys of sagas and
     * keys of transactions are apart. The coordinator knows a key while its saga has not ended, and after that while it
     * is one of the newest 65,536 and in the history (vowd --retention). NULL = none.
     */
    const char *key;
};

/* One step. The library copies what it points to. A number that is 0 is the coordinator's default. */
struct vow_saga_step {
    size_t size;              /* sizeof(struct vow_saga_step) */
    const char *participant;  /* who does it: 1 to 63 of a-z A-Z 0-9 . _ - */
    const char *action;       /* the handler that does it; likewise */
    const char *compensation; /* the handler that undoes it; for VOW_STEP_COMPENSATABLE, and only then; NULL = none */
    const void *payload;      /* both handlers get it; may be NULL if len is 0 */
    size_t len;               /* all steps together: under 64 KiB less some headers */
    enum vow_step_kind kind;  /* 0 = VOW_STEP_COMPENSATABLE */
    bool parallel;            /* in one stage with the step before it: at the same time, and undone so */
    /* How often it is tried. Then it counts as failed, or, if it may not fail, as stuck. 0 = 10. */
    uint32_t attempts_max;
    uint32_t attempt_ms; /* an attempt without an answer counts as lost after that; 0 = 5 s */
    /* Of an action before the pivot, since its stage has begun, whoever is restarted meanwhile: no attempt after it.
     * 0 = 60 s. */
    uint32_t deadline_ms;
    uint32_t backoff_ms;     /* between attempts: at random, up to this, twice as much, ...; 0 = 100 ms */
    uint32_t backoff_max_ms; /* ... up to this; 0 = 30 s */
};

/* How far a saga has come. Plain data; copy it freely. */
struct vow_saga_result {
    struct vow_gtrid id; /* keep it: the saga can be asked about with it, from any client */
    /*
     * VOW_SAGA_COMPLETED, VOW_SAGA_COMPENSATED, VOW_SAGA_CLOSED: its end, for ever, and on disk. error is 0.
     * VOW_SAGA_STUCK_FORWARD, VOW_SAGA_STUCK_COMPENSATING: it has not ended, and waits for an operator; ask again
     * later. error is 0.
     * VOW_SAGA_RUNNING, VOW_SAGA_COMPENSATING: it is on its way, and will end. error is VOW_E_IN_DOUBT where its end
     * was waited for, and the time is over; from vow_saga_status() it is 0.
     * VOW_SAGA_UNKNOWN: see error.
     */
    enum vow_saga_state state;
    /* Why it is being undone, was undone, or is stuck; VOW_CAUSE_NONE where that is not known (any more). */
    enum vow_cause cause;
    /* For VOW_SAGA_UNKNOWN: VOW_E_IN_DOUBT, it may have begun or may yet: ask again with the id; or VOW_E_EXPIRED, it
     * is older than the history. Any other error of vow_saga_start()'s callback: it did not begin, and never will. */
    int error;
    uint32_t step;  /* the one that cause, or error, is about, from 0 in the order they were added; VOW_STEP_NONE */
    char text[201]; /* in the participant's words, or what was wrong with the order; may be "" */
};

/* Called once, on the client's thread. Must not block; may start further sagas and transactions. *result lives for the
 * call. The saga may be freed in it. */
typedef void vow_saga_result_fn(void *ctx, const struct vow_saga_result *result);

/*
 * Makes a saga without steps. options may be NULL. On 0, *saga is the caller's, to be freed with vow_saga_free() before
 * the client is closed. On an error it is NULL: VOW_E_ARGUMENT (options), VOW_E_NAME (their key),
 * VOW_E_NO_MEMORY. Nothing is sent by it, and nothing written.
 */
VOW_EXPORT VOW_MUST_USE int vow_saga_new(struct vow_client *client, const struct vow_saga_options *options,
                                         struct vow_saga **saga);

/*
 * Adds a step behind the others. On an error the saga is as before, and vow_saga_why() says in words what is wrong:
 *   VOW_E_ARGUMENT   the order does not go: a step before the pivot without a compensation, one after it with one, a
 *                    second pivot, a kind out of its order, more than 64 steps; or a size that is none
 *   VOW_E_NAME       of participant, action or compensation
 *   VOW_E_TOO_LARGE  with its payload the saga fits into no message
 *   VOW_E_STATE      it was run already
 *   VOW_E_NO_MEMORY
 */
VOW_EXPORT VOW_MUST_USE int vow_saga_step(struct vow_saga *saga, const struct vow_saga_step *step);
/* What was wrong when vow_saga_step() or vow_saga_run() refused something the last time; "" = nothing. Lives until the
 * next call with this saga. */
VOW_EXPORT const char *vow_saga_why(const struct vow_saga *saga);

/*
 * Runs the saga and waits for its end, timeout_ms at most (0 = the client's). Returns
 *   0               *result says how far it has come. Without an end the saga goes on without the caller: it is the
 *                   coordinator's from the moment that it has begun. Run it again, or ask vow_saga_wait() with
 *                   result->id, to hear of its end.
 *   VOW_E_ARGUMENT  it has no steps; or the coordinator refuses the order: vow_saga_why(). Nothing happened
 *   VOW_E_BUSY, VOW_E_UNREACHABLE, VOW_E_NO_MEMORY, VOW_E_SHUTTING_DOWN  nothing happened; run it again later. They
 *                   come when timeout_ms is over: the library tries by itself until then
 *   VOW_E_STATE     on the client's own thread, or while it is being run already
 *   VOW_E_CLOSED, VOW_E_FORKED  as vow_commit()
 * That a saga runs twice is not possible: once it was sent, it has its id for good, under which it is sent again after
 * a lost connection and by a second vow_saga_run(), until its state is known. A saga that may have begun is never
 * reported as one that did not. On an error *result says nothing, though it may have been written to.
 */
VOW_EXPORT VOW_MUST_USE int vow_saga_run(struct vow_saga *saga, uint32_t timeout_ms, struct vow_saga_result *result);

/*
 * The same without waiting: `done` is called later. On an error `done` is not called. In `done`, VOW_SAGA_UNKNOWN with
 * an error other than VOW_E_IN_DOUBT and VOW_E_EXPIRED is a refusal, as vow_saga_run() returns it: it did not begin.
 * The saga may be freed, or run again, in `done` and after it; freed also before: it goes on.
 */
VOW_EXPORT VOW_MUST_USE int vow_saga_start(struct vow_saga *saga, uint32_t timeout_ms, vow_saga_result_fn *done,
                                           void *ctx);

/*
 * The id of a saga, from before it is sent for the first time until it is freed: while vow_saga_run() still waits for
 * its end, say, `vowctl history` and vow_saga_status() can be given it. On 0, *id is it. VOW_E_NOT_FOUND: it has none,
 * for it was not run yet, waits for one, or did not begin. VOW_E_ARGUMENT. Any thread may call it, also while another
 * one runs the saga.
 *
 * It may change while nothing has begun under it: ids are the coordinator's, which gives out new ones after a restart.
 * With a key that names another saga it becomes the id of that one. Once the saga is known to have begun it stays. A
 * program that must find its saga again after a crash of its own gives it a key (vow_saga_options.key): an id that it
 * has written down may be one under which nothing began.
 */
VOW_EXPORT VOW_MUST_USE int vow_saga_id(struct vow_saga *saga, struct vow_gtrid *id);

/*
 * Asks once how far a saga has come, and waits for the answer, for the client's timeout_ms at most. On 0, *result says
 * so; VOW_SAGA_UNKNOWN with VOW_E_IN_DOUBT: no answer came. VOW_E_NOT_FOUND: no such saga has begun: if its request was
 * sent, it may still be on its way; VOW_E_EXPIRED (older than the history), VOW_E_NOT_MINE (another coordinator's id),
 * VOW_E_UNREACHABLE, VOW_E_BUSY, VOW_E_SHUTTING_DOWN (ask again); VOW_E_ARGUMENT, VOW_E_STATE, VOW_E_CLOSED,
 * VOW_E_FORKED, VOW_E_NO_MEMORY. On an error *result says nothing. The question changes nothing.
 */
VOW_EXPORT VOW_MUST_USE int vow_saga_status(struct vow_client *client, const struct vow_gtrid *id,
                                            struct vow_saga_result *result);
/* The same, but waits until the saga has ended or is stuck, timeout_ms at most (0 = the client's). When that is over,
 * *result says what was heard last, with VOW_E_IN_DOUBT. */
VOW_EXPORT VOW_MUST_USE int vow_saga_wait(struct vow_client *client, const struct vow_gtrid *id, uint32_t timeout_ms,
                                          struct vow_saga_result *result);

/*
 * Has a saga undone that is under way, and waits for its end as vow_saga_wait(). On 0, *result tells it:
 * VOW_SAGA_COMPENSATED, or VOW_SAGA_COMPLETED: it came too late. With VOW_E_IN_DOUBT the cancel may have come through
 * or not, unless the state is VOW_SAGA_COMPENSATING. VOW_E_STATE: its pivot was sent, so it goes forward; nothing
 * changed. Other errors as vow_saga_status(). After VOW_E_NOT_FOUND the saga may still begin, if its request is on its
 * way.
 */
VOW_EXPORT VOW_MUST_USE int vow_saga_cancel(struct vow_client *client, const struct vow_gtrid *id, uint32_t timeout_ms,
                                            struct vow_saga_result *result);

/* Frees it. One that was sent goes on, and its `done` is called. NULL is allowed. */
VOW_EXPORT void vow_saga_free(struct vow_saga *saga);

#ifdef __cplusplus
}
#endif

#endif
