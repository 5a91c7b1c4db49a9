/*
 * Transactions that stay open between requests. The coordinator holds the transaction; here are only its id, its token
 * and the counts of work. So nothing here says how it ends: a commit after an abort is asked of the coordinator like
 * any other.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "participant/client_internal.h"
#include "participant/options.h"
#include "proto/net/clock.h"
#include "proto/token.h"

/* What participants did for it, as the client was told. */
struct count {
    char participant[VOW_NAME_SIZE];
    uint32_t ops;
};

struct vow_txn {
    struct vow_client *client;
    atomic_uint holders;    /* the caller, and each request of it that is under way */
    atomic_bool needs_none; /* no rollback at its end: it was asked to end */
    atomic_uint commits;    /* asked for, but for those that were called off */
    struct vow_token token;
    uint64_t end_ms;
    char key[VOW_KEY_SIZE]; /* "" = none */
    /* Under the client's lock. */
    uint32_t counts_len;
    struct count counts[VOW_CALLS_MAX];
    /* Of the request that begins it. */
    vow_begun_fn *begun;
    void *ctx;
};

static void let_go(struct vow_txn *txn)
{
    if (atomic_fetch_sub(&txn->holders, 1) == 1)
        free(txn);
}

/* --- Begin --- */

static int take_options(const struct vow_begin_options *given, struct vow_begin_options *options)
{
    if (vow_options_read(options, sizeof(*options), given) != 0)
        return VOW_E_ARGUMENT;
    if (options->key != NULL && !vow_key_is_valid(options->key))
        return VOW_E_NAME;
    if (options->traceparent != NULL && strlen(options->traceparent) > VOW_TRACEPARENT_LEN)
        return VOW_E_TOKEN;
    return 0;
}

/* All of the token but the id; whether its parts are well-formed is seen when it is printed, with an id put in. */
static int fill_token(const struct vow_client *client, const struct vow_begin_options *options, struct vow_token *token)
{
    struct vow_token sample;
    char text[VOW_TOKEN_SIZE];

    memcpy(token->addresses, client->address, sizeof(client->address));
    if (options->traceparent != NULL)
        memcpy(token->traceparent, options->traceparent, strlen(options->traceparent) + 1);
    if (options->timeout_ms != 0)
        token->deadline_ms = vow_clock_wall_us() / 1000 + options->timeout_ms;
    sample = *token;
    sample.gtrid = vow_gtrid_make(0, 0, 1, 0, 0);
    return vow_token_print(&sample, text);
}

static int new_txn(struct vow_client *client, const struct vow_begin_options *given, struct vow_txn **out)
{
    struct vow_begin_options options;
    int error = take_options(given, &options);
    struct vow_txn *txn;

    if (error != 0)
        return error;
    txn = calloc(1, sizeof(*txn));
    if (txn == NULL)
        return VOW_E_NO_MEMORY;
    txn->client = client;
    (void)snprintf(txn->key, sizeof(txn->key), "%s", options.key != NULL ? options.key : "");
    atomic_init(&txn->holders, 1);
    txn->end_ms = options.timeout_ms != 0 ? vow_clock_ms() + options.timeout_ms : UINT64_MAX;
    error = fill_token(client, &options, &txn->token);
    if (error != 0) {
        free(txn);
        return error;
    }
    *out = txn;
    return 0;
}

static struct vow_request *new_begin(const struct vow_txn *txn)
{
    struct vow_request *request = vow_request_new(txn->client, VOW_REQUEST_BEGIN, NULL, NULL, 0);

    if (request == NULL)
        return NULL;
    request->end_ms = txn->end_ms;
    vow_request_set_key(request, txn->key);
    return request;
}

/* A transaction of which nobody heard that it is open: nobody can work in it, and it ends by its timeout. */
static int begin_error(const struct vow_result *result)
{
    if (result->outcome == VOW_PENDING)
        return 0;
    if (result->outcome == VOW_COMMITTED)
        return VOW_E_DUPLICATE;
    return vow_client_is_refusal(result) ? result->error : VOW_E_UNREACHABLE;
}

static void on_begun(void *ctx, const struct vow_result *result)
{
    struct vow_txn *txn = ctx;
    int error = begin_error(result);

    txn->token.gtrid = result->id;
    txn->begun(txn->ctx, error, error == 0 ? txn : NULL);
    if (error != 0)
        let_go(txn);
}

int vow_begin_async(struct vow_client *client, const struct vow_begin_options *options, vow_begun_fn *begun, void *ctx)
{
    struct vow_request *request;
    struct vow_txn *txn;
    int error;

    if (client == NULL || begun == NULL)
        return VOW_E_ARGUMENT;
    error = new_txn(client, options, &txn);
    if (error != 0)
        return error;
    txn->begun = begun;
    txn->ctx = ctx;
    request = new_begin(txn);
    error = vow_client_submit(client, request, on_begun, txn);
    if (error != 0)
        let_go(txn);
    return error;
}

int vow_begin(struct vow_client *client, const struct vow_begin_options *options, struct vow_txn **out)
{
    struct vow_request *request;
    struct vow_result result;
    struct vow_txn *txn;
    int error;

    if (client == NULL || out == NULL)
        return VOW_E_ARGUMENT;
    *out = NULL;
    if (vow_client_is_forked(client))
        return VOW_E_FORKED;
    if (vow_loop_is_mine(&client->loop))
        return VOW_E_STATE;
    error = new_txn(client, options, &txn);
    if (error != 0)
        return error;
    request = new_begin(txn);
    error = vow_client_submit_and_wait(client, request, &result);
    if (error == 0)
        error = begin_error(&result);
    if (error != 0) {
        let_go(txn);
        return error;
    }
    txn->token.gtrid = result.id;
    *out = txn;
    return 0;
}

/* --- While it is open --- */

int vow_txn_token(const struct vow_txn *txn, char text[VOW_TOKEN_SIZE])
{
    return txn != NULL && text != NULL ? vow_token_print(&txn->token, text) : VOW_E_ARGUMENT;
}

const struct vow_gtrid *vow_txn_id(const struct vow_txn *txn)
{
    return &txn->token.gtrid;
}

static struct count *find_count(struct vow_txn *txn, const char *participant)
{
    for (uint32_t i = 0; i < txn->counts_len; i++) {
        if (strcmp(txn->counts[i].participant, participant) == 0)
            return &txn->counts[i];
    }
    if (txn->counts_len == VOW_CALLS_MAX)
        return NULL;
    memcpy(txn->counts[txn->counts_len].participant, participant, strlen(participant) + 1);
    txn->counts[txn->counts_len].ops = 0;
    return &txn->counts[txn->counts_len++];
}

int vow_txn_worked(struct vow_txn *txn, const char *participant, uint32_t ops)
{
    struct count *count;
    int error = 0;

    if (txn == NULL || participant == NULL)
        return VOW_E_ARGUMENT;
    if (vow_client_is_forked(txn->client))
        return VOW_E_FORKED;
    if (!vow_name_is_valid(participant))
        return VOW_E_NAME;
    if (ops == 0)
        return 0;
    (void)pthread_mutex_lock(&txn->client->lock);
    count = find_count(txn, participant);
    if (count == NULL || ops > UINT32_MAX - count->ops)
        error = VOW_E_TOO_LARGE;
    else
        count->ops += ops;
    (void)pthread_mutex_unlock(&txn->client->lock);
    return error;
}

/* --- Its end --- */

/* Called off: it is known that this one did nothing. */
static void take_commit_back(struct vow_txn *txn)
{
    atomic_fetch_sub(&txn->commits, 1);
}

/* A copy of the counts in one block: the array, then the names. */
static int copy_counts(struct vow_txn *txn, struct vow_request *request)
{
    struct vow_msg_work *work;
    char(*names)[VOW_NAME_SIZE];

    (void)pthread_mutex_lock(&txn->client->lock);
    request->work_len = txn->counts_len;
    work = malloc((size_t)request->work_len * (sizeof(*work) + VOW_NAME_SIZE) + 1);
    for (uint32_t i = 0; work != NULL && i < request->work_len; i++) {
        names = (void *)(work + request->work_len);
        memcpy(names[i], txn->counts[i].participant, VOW_NAME_SIZE);
        work[i] = (struct vow_msg_work){.participant = names[i], .ops = txn->counts[i].ops};
    }
    (void)pthread_mutex_unlock(&txn->client->lock);
    request->work = work;
    return work != NULL ? 0 : VOW_E_NO_MEMORY;
}

static int new_commit(struct vow_txn *txn, const struct vow_call *calls, size_t calls_len, struct vow_request **request)
{
    struct vow_msg_call converted[VOW_CALLS_MAX];
    int error = vow_client_convert(calls, calls_len, converted);

    if (error != 0)
        return error;
    *request = vow_request_new(txn->client, VOW_REQUEST_COMMIT, &txn->token.gtrid, converted, calls_len);
    if (*request == NULL)
        return VOW_E_NO_MEMORY;
    (*request)->is_open = true;
    (*request)->one_phase = false;
    (*request)->asked_of = "";
    (*request)->end_ms = txn->end_ms;
    if (copy_counts(txn, *request) != 0) {
        vow_request_free(*request);
        return VOW_E_NO_MEMORY;
    }
    /* What an earlier one did is not known: this one cannot say that nothing happened. */
    (*request)->in_doubt = atomic_fetch_add(&txn->commits, 1) > 0;
    return 0;
}

/* Called off before anything happened: the transaction is open as it was, and may be asked to end again. */
static int called_off(struct vow_txn *txn, const struct vow_result *result)
{
    if (!vow_client_is_refusal(result))
        return 0;
    atomic_store(&txn->needs_none, false);
    return result->error;
}

/* A request for its end under way, with whom to tell. */
struct ending {
    struct vow_txn *txn;
    vow_result_fn *done;
    void *ctx;
};

static void on_end(void *ctx, const struct vow_result *result)
{
    struct ending *ending = ctx;

    if (called_off(ending->txn, result) != 0)
        take_commit_back(ending->txn);
    ending->done(ending->ctx, result);
    let_go(ending->txn);
    free(ending);
}

/* Takes over the request. */
static int submit_end(struct vow_txn *txn, struct vow_request *request, vow_result_fn *done, void *ctx)
{
    struct ending *ending = malloc(sizeof(*ending));
    int error;

    if (ending == NULL || request == NULL) {
        vow_request_free(request);
        free(ending);
        return VOW_E_NO_MEMORY;
    }
    *ending = (struct ending){txn, done, ctx};
    atomic_fetch_add(&txn->holders, 1);
    atomic_store(&txn->needs_none, true);
    error = vow_client_submit(txn->client, request, on_end, ending);
    if (error != 0) {
        atomic_store(&txn->needs_none, false);
        atomic_fetch_sub(&txn->holders, 1); /* never the last one: the caller holds it, too */
        free(ending);
    }
    return error;
}

static int submit_end_and_wait(struct vow_txn *txn, struct vow_request *request, struct vow_result *result)
{
    int error = vow_client_is_forked(txn->client)      ? VOW_E_FORKED
                : vow_loop_is_mine(&txn->client->loop) ? VOW_E_STATE
                                                       : 0;

    if (error != 0) {
        vow_request_free(request);
        return error;
    }
    atomic_store(&txn->needs_none, true);
    error = vow_client_submit_and_wait(txn->client, request, result);
    if (error != 0)
        atomic_store(&txn->needs_none, false);
    return error != 0 ? error : called_off(txn, result);
}

int vow_txn_commit_async(struct vow_txn *txn, const struct vow_call *calls, size_t calls_len, vow_result_fn *done,
                         void *ctx)
{
    struct vow_request *request;
    int error;

    if (txn == NULL || done == NULL)
        return VOW_E_ARGUMENT;
    if (vow_client_is_forked(txn->client))
        return VOW_E_FORKED;
    error = new_commit(txn, calls, calls_len, &request);
    if (error != 0)
        return error;
    error = submit_end(txn, request, done, ctx);
    if (error != 0)
        take_commit_back(txn);
    return error;
}

int vow_txn_commit(struct vow_txn *txn, const struct vow_call *calls, size_t calls_len, struct vow_result *result)
{
    struct vow_request *request;
    int error;

    if (txn == NULL || result == NULL)
        return VOW_E_ARGUMENT;
    if (vow_client_is_forked(txn->client))
        return VOW_E_FORKED;
    error = new_commit(txn, calls, calls_len, &request);
    if (error != 0)
        return error;
    error = submit_end_and_wait(txn, request, result);
    if (error != 0)
        take_commit_back(txn);
    return error;
}

static struct vow_request *new_rollback(struct vow_txn *txn)
{
    return vow_request_new(txn->client, VOW_REQUEST_ROLLBACK, &txn->token.gtrid, NULL, 0);
}

int vow_txn_rollback_async(struct vow_txn *txn, vow_result_fn *done, void *ctx)
{
    if (txn == NULL || done == NULL)
        return VOW_E_ARGUMENT;
    return submit_end(txn, new_rollback(txn), done, ctx);
}

int vow_txn_rollback(struct vow_txn *txn, struct vow_result *result)
{
    if (txn == NULL || result == NULL)
        return VOW_E_ARGUMENT;
    return submit_end_and_wait(txn, new_rollback(txn), result);
}

static void nobody(void *ctx, const struct vow_result *result)
{
    (void)ctx, (void)result;
}

void vow_txn_free(struct vow_txn *txn)
{
    if (txn == NULL || vow_client_is_forked(txn->client))
        return;
    /* If it cannot be said now, the coordinator's timeout ends it. */
    if (!atomic_load(&txn->needs_none))
        (void)vow_client_submit(txn->client, new_rollback(txn), nobody, NULL);
    let_go(txn);
}
