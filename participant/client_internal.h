/*
 * Inside the client: what its files share.
 *   client.c        open, close, submit, and transactions of one request; any thread
 *   client_open.c   transactions that stay open; any thread
 *   client_loop.c   the network: connection, wake-ups, timers; the client's thread
 *   client_request.c    the life of one transaction or question; the client's thread
 *   client_saga.c   what is different in the life of a saga, or of a question about one; the client's thread
 *   saga.c, saga_run.c  sagas as their users see them: the order of steps, and calls that wait; any thread
 *   client_ids.c, client_table.c   the stock of ids; transactions by id
 */
#ifndef VOW_PARTICIPANT_CLIENT_INTERNAL_H
#define VOW_PARTICIPANT_CLIENT_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include <vow/client.h>
#include <vow/saga.h>

#include "participant/client_ids.h"
#include "participant/client_table.h"
#include "participant/loop.h"
#include "proto/message.h"
#include "proto/net/channel.h"
#include "proto/net/timer.h"

/* What a caller asked for, until the answer. A transaction that stays open between requests is a struct vow_txn. */
enum vow_request_kind {
    VOW_REQUEST_COMMIT = 1,  /* a transaction, from submit to its outcome */
    VOW_REQUEST_STATUS,      /* a question for the outcome of some transaction */
    VOW_REQUEST_BEGIN,       /* an open transaction's beginning */
    VOW_REQUEST_ROLLBACK,    /* its end, or a cancel of its commit; until the outcome */
    VOW_REQUEST_ID,          /* an id, for what the coordinator need not be asked to begin */
    VOW_REQUEST_SAGA,        /* a saga, from submit until it has ended or is stuck */
    VOW_REQUEST_SAGA_STATUS, /* a question how far a saga has come */
    VOW_REQUEST_SAGA_WAIT,   /* the same, until it has ended or is stuck */
    VOW_REQUEST_SAGA_CANCEL, /* likewise, and it is to be undone */
};

/*
 * A transaction or a question under way, with its calls, in one block of memory.
 *
 * What may be said of it when time is up hangs on two flags. A request that is `sent` may have been carried out. If the
 * coordinator answers that nothing happened, it is not sent any more; if the connection is lost first, the transaction
 * is `in_doubt` for good, since the lost request may be read at any later time. Only with neither flag is it certain
 * that nothing happened.
 */
struct vow_request {
    struct vow_client *client;
    enum vow_request_kind kind;
    struct vow_request *next_submitted;
    struct vow_request *prev, *next;           /* in client->open, by deadline */
    struct vow_request *wait_prev, *wait_next; /* in client->waiting, while a transaction has no id */
    struct vow_request *bucket_next;           /* in client->table, while there is an id */

    struct vow_gtrid id; /* none while it waits for one */
    uint64_t id_since_ms;
    uint64_t deadline_ms;
    uint32_t timeout_ms; /* until then, from submit */
    bool sent;           /* on this connection, without an answer */
    bool in_doubt;       /* never again certain that nothing happened; only an outcome ends it */
    bool ask;            /* ask for the outcome, do not send the request again */
    unsigned attempts;
    int refusal; /* the last reason why nothing happened */
    struct vow_timer retry;

    vow_result_fn *done;
    void *ctx;
    bool one_phase;
    bool is_open;    /* COMMIT: of a transaction that BEGIN opened: no other id will do */
    uint64_t end_ms; /* the transaction's deadline, by our clock; UINT64_MAX = none */
    char key[VOW_KEY_SIZE];
    const char *asked_of; /* the participant that may know the outcome alone; "" = none */
    uint32_t calls_len;
    struct vow_msg_call *calls;
    uint32_t work_len;
    struct vow_msg_work *work; /* a block of its own, or NULL */

    /* Of sagas. */
    vow_saga_result_fn *saga_done;
    void (*saga_named)(void *ctx,
                       const struct vow_gtrid *id); /* SAGA: its id is that from now on; none = it has none */
    const struct vow_msg_saga_request *order;       /* SAGA: whoever submits it keeps it until `saga_done` */
    enum vow_saga_state told;                       /* what was heard last; VOW_SAGA_UNKNOWN = nothing */
};

struct vow_client {
    struct vow_loop loop;
    char name[VOW_NAME_SIZE];
    char address[VOW_ADDRESS_SIZE]; /* the coordinator's, for tokens */
    uint32_t timeout_ms, in_flight_max;
    pid_t process; /* that opened it, and no other may use it */

    /* Shared with the threads that submit. */
    pthread_mutex_t lock; /* for the three below */
    struct vow_request *submitted, *submitted_last;
    bool closing;
    atomic_uint in_flight;

    /* The client's thread's own. */
    unsigned calling_back; /* callbacks of the caller's that are running */
    bool close_later;      /* closed by one of them: to be freed when it is over */
    struct vow_dialer *dialer;
    struct vow_channel *channel; /* NULL = no connection */
    struct vow_ids ids;
    struct vow_request *open;
    struct vow_request *waiting;
    uint32_t waiting_len;
    struct vow_request_table table;
    struct vow_timer timeout;   /* of the oldest in open */
    struct vow_timer ask_again; /* for ids that do not come */
    uint64_t random;
};

/* --- client.c --- */

/* Stops and frees; no callback of the caller's runs. */
void vow_client_end(struct vow_client *client);
/* On any thread, as all below. A child has neither the client's thread nor a socket of its own, and the lock may be
 * held for ever (fault F058). */
bool vow_client_is_forked(const struct vow_client *client);
/* Takes over the request, also on an error; NULL is VOW_E_NO_MEMORY. `done` is called later, unless this is an error.
 */
int vow_client_submit(struct vow_client *client, struct vow_request *request, vow_result_fn *done, void *ctx);
/* The same, and waits. */
int vow_client_submit_and_wait(struct vow_client *client, struct vow_request *request, struct vow_result *result);
/* Checks calls and puts them into our form; then they are still the caller's. */
int vow_client_convert(const struct vow_call *calls, size_t calls_len, struct vow_msg_call converted[VOW_CALLS_MAX]);

/* --- client_loop.c --- */

/* Makes what the client's thread needs and starts it. Returns 0 or an error, with nothing left to stop. */
int vow_client_start(struct vow_client *client, enum vow_loop_kind kind, struct event_base *base,
                     const struct vow_address *coordinator);
/* Ends what is under way, then the thread, and frees what start made. client->closing is set already. */
void vow_client_stop(struct vow_client *client);
/* Gives ids to the transactions that wait for one, and asks for more in time. */
void vow_client_serve(struct vow_client *client);

/* --- client_request.c --- */

/* Is it an outcome that not all participants have? */
bool vow_client_is_damage(int error);
/* Called off before anything happened: an error, and no outcome. */
bool vow_client_is_refusal(const struct vow_result *result);
/* On any thread. The calls are copied. NULL if there is no memory. For a question, id is what it is about. */
struct vow_request *vow_request_new(struct vow_client *client, enum vow_request_kind kind, const struct vow_gtrid *id,
                                    const struct vow_msg_call *calls, size_t calls_len);
/* Before it is submitted. */
void vow_request_set_key(struct vow_request *request, const char *key);
/* Of one that was not submitted, or has ended. NULL is allowed. */
void vow_request_free(struct vow_request *request);
/* The client's thread takes over a submitted one. */
void vow_request_adopt(struct vow_request *request);
/* It has waited for an id, and this is it. */
void vow_request_begin(struct vow_request *request, const struct vow_gtrid *id);
/* The coordinator has answered. May end and free it, as all below. */
void vow_request_hear(struct vow_request *request, const struct vow_msg_outcome *outcome);
/* The same, but the answer is about the transaction that the request's key names. */
void vow_request_hear_named(struct vow_request *request, const struct vow_msg_outcome *outcome);
void vow_request_disconnected(struct vow_request *request);
void vow_request_reconnected(struct vow_request *request);
/* Time is up, or the client is closed: says what is certain. */
void vow_request_give_up(struct vow_request *request);

/* What client_saga.c needs of it. */
bool vow_request_nothing_happened(const struct vow_request *request);
bool vow_request_id_is_current(const struct vow_request *request);
bool vow_request_says_nothing_happened(int error);
/* Nothing happened: it is sent again, in a while. */
void vow_request_hear_refusal(struct vow_request *request, int error, uint32_t retry_after_ms);
/* The request's key names that transaction or saga: it is what the request asks about from now on. */
void vow_request_take_name(struct vow_request *request, const struct vow_gtrid *named);
void vow_request_ask_now(struct vow_request *request);
/* Asks in a while, the longer the more often it was asked. */
void vow_request_ask_later(struct vow_request *request);
/* It will begin under another id: nothing happened, nor ever will, under the one that it has. */
void vow_request_begin_anew(struct vow_request *request);
/* Before its callback: takes it out of everything. */
void vow_request_detach(struct vow_request *request);

/* --- client_saga.c --- */

bool vow_request_is_of_saga(const struct vow_request *request);
void vow_saga_request_fill(const struct vow_request *request, struct vow_msg *msg);
void vow_saga_request_hear(struct vow_request *request, const struct vow_msg_saga_state *heard);
/* Ends it: it did not begin, or the question has no answer. */
void vow_saga_request_refuse(struct vow_request *request, int error);
/* Ends it with what is known. */
void vow_saga_request_give_up(struct vow_request *request);

#endif
