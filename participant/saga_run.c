/*
 * Running a saga, and asking about one by its id. What was sent once keeps its id, so that a second run asks what
 * became of the first (F066): nothing here may forget an id of which it is not known that nothing began under it.
 */
#include <stdio.h>
#include <string.h>

#include "participant/client_internal.h"
#include "participant/saga_internal.h"
#include "participant/waiter.h"

/* It did not begin. Of a saga itself: what a question has heard, an age too great, is an answer to that (below). */
static bool is_refusal(const struct vow_saga_result *result)
{
    return result->state == VOW_SAGA_UNKNOWN && result->error != VOW_E_IN_DOUBT && result->error != VOW_E_EXPIRED;
}

static int why_not_now(struct vow_client *client)
{
    if (vow_client_is_forked(client))
        return VOW_E_FORKED;
    return vow_loop_is_mine(&client->loop) ? VOW_E_STATE : 0;
}

/* --- Its id --- */

static void show_id(void *ctx, const struct vow_gtrid *id)
{
    struct vow_saga *saga = ctx;

    pthread_mutex_lock(&saga->lock);
    saga->shown = *id;
    pthread_mutex_unlock(&saga->lock);
}

int vow_saga_id(struct vow_saga *saga, struct vow_gtrid *id)
{
    if (saga == NULL || id == NULL)
        return VOW_E_ARGUMENT;
    pthread_mutex_lock(&saga->lock);
    *id = saga->shown;
    pthread_mutex_unlock(&saga->lock);
    return vow_gtrid_is_none(id) ? VOW_E_NOT_FOUND : 0;
}

/* --- Run --- */

static void keep(struct vow_saga *saga, const struct vow_saga_result *result)
{
    bool began = !is_refusal(result);

    memset(&saga->id, 0, sizeof(saga->id));
    if (began)
        saga->id = result->id;
    show_id(saga, &saga->id);
    saga->told = began && result->state != VOW_SAGA_UNKNOWN ? result->state : saga->told;
    (void)snprintf(saga->why, sizeof(saga->why), "%s", began ? "" : result->text);
}

static void on_end(void *ctx, const struct vow_saga_result *result)
{
    struct vow_saga *saga = ctx;
    vow_saga_result_fn *done = saga->done;
    void *done_ctx = saga->ctx;

    keep(saga, result);
    /* From here on it may be run again, by the callback or by another thread. */
    atomic_store(&saga->is_running, false);
    done(done_ctx, result);
    vow_saga_let_go(saga);
}

static struct vow_request *new_request(struct vow_saga *saga, uint32_t timeout_ms)
{
    bool was_sent = !vow_gtrid_is_none(&saga->id);
    struct vow_request *request = vow_request_new(saga->client, VOW_REQUEST_SAGA, was_sent ? &saga->id : NULL, NULL, 0);

    if (request == NULL)
        return NULL;
    request->order = &saga->order;
    request->saga_done = on_end;
    request->saga_named = show_id;
    request->in_doubt = was_sent;
    request->told = saga->told;
    if (timeout_ms != 0)
        request->timeout_ms = timeout_ms;
    return request;
}

int vow_saga_start(struct vow_saga *saga, uint32_t timeout_ms, vow_saga_result_fn *done, void *ctx)
{
    uint32_t step;
    const char *fault;
    int error;

    if (saga == NULL || done == NULL)
        return VOW_E_ARGUMENT;
    if (vow_client_is_forked(saga->client))
        return VOW_E_FORKED;
    if (atomic_exchange(&saga->is_running, true))
        return VOW_E_STATE;
    fault = vow_saga_fault(&saga->order, &step);
    (void)snprintf(saga->why, sizeof(saga->why), "%s", fault != NULL ? fault : "");
    saga->done = done;
    saga->ctx = ctx;
    atomic_fetch_add(&saga->holders, 1);
    error = fault != NULL ? VOW_E_ARGUMENT : vow_client_submit(saga->client, new_request(saga, timeout_ms), NULL, saga);
    if (error != 0) {
        atomic_fetch_sub(&saga->holders, 1); /* never the last one: the caller holds it, too */
        atomic_store(&saga->is_running, false);
    }
    return error;
}

/* --- Calls that wait --- */

struct wait {
    struct vow_waiter waiter;
    struct vow_saga_result *result;
};

static void take_result(void *ctx, const struct vow_saga_result *result)
{
    struct wait *wait = ctx;

    *wait->result = *result;
    vow_waiter_wake(&wait->waiter);
}

int vow_saga_run(struct vow_saga *saga, uint32_t timeout_ms, struct vow_saga_result *result)
{
    struct wait wait = {.waiter = VOW_WAITER_INIT, .result = result};
    int error;

    if (saga == NULL || result == NULL)
        return VOW_E_ARGUMENT;
    error = why_not_now(saga->client);
    if (error == 0)
        error = vow_saga_start(saga, timeout_ms, take_result, &wait);
    if (error != 0)
        return error;
    vow_waiter_await(&wait.waiter);
    return is_refusal(result) ? result->error : 0;
}

static int ask(struct vow_client *client, enum vow_request_kind kind, const struct vow_gtrid *id, uint32_t timeout_ms,
               struct vow_saga_result *result)
{
    struct wait wait = {.waiter = VOW_WAITER_INIT, .result = result};
    struct vow_request *request;
    int error;

    if (client == NULL || id == NULL || result == NULL || vow_gtrid_is_none(id))
        return VOW_E_ARGUMENT;
    error = why_not_now(client);
    if (error != 0)
        return error;
    request = vow_request_new(client, kind, id, NULL, 0);
    if (request != NULL) {
        request->saga_done = take_result;
        request->timeout_ms = timeout_ms != 0 ? timeout_ms : client->timeout_ms;
    }
    error = vow_client_submit(client, request, NULL, &wait);
    if (error != 0)
        return error;
    vow_waiter_await(&wait.waiter);
    return result->state == VOW_SAGA_UNKNOWN && result->error != VOW_E_IN_DOUBT ? result->error : 0;
}

int vow_saga_status(struct vow_client *client, const struct vow_gtrid *id, struct vow_saga_result *result)
{
    return ask(client, VOW_REQUEST_SAGA_STATUS, id, 0, result);
}

int vow_saga_wait(struct vow_client *client, const struct vow_gtrid *id, uint32_t timeout_ms,
                  struct vow_saga_result *result)
{
    return ask(client, VOW_REQUEST_SAGA_WAIT, id, timeout_ms, result);
}

int vow_saga_cancel(struct vow_client *client, const struct vow_gtrid *id, uint32_t timeout_ms,
                    struct vow_saga_result *result)
{
    return ask(client, VOW_REQUEST_SAGA_CANCEL, id, timeout_ms, result);
}
