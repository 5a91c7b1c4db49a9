#include <vow/client.h>
#include <vow/event.h>

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "participant/client_internal.h"
#include "participant/options.h"
#include "participant/waiter.h"
#include "proto/net/clock.h"
#include "proto/net/log.h"

#define TIMEOUT_MS 30000u
#define IN_FLIGHT_MAX 4096u
#define IN_FLIGHT_HIGHEST (1u << 20)

/* --- Open and close --- */

static int take_options(struct vow_client *client, struct vow_client_options *options,
                        const struct vow_client_options *given, struct vow_address *coordinator,
                        struct vow_error_detail *detail)
{
    if (vow_options_read(options, sizeof(*options), given) != 0)
        return vow_detail(detail, VOW_E_ARGUMENT, "options.size is not sizeof(struct vow_client_options)");
    if (options->name == NULL)
        options->name = "client";
    if (!vow_name_is_valid(options->name))
        return vow_detail(detail, VOW_E_NAME, "options.name: %s", vow_error_text(VOW_E_NAME));
    if (vow_options_coordinator(options->coordinator, coordinator) != 0)
        return vow_detail(detail, VOW_E_ADDRESS, "options.coordinator: %s", vow_error_text(VOW_E_ADDRESS));
    if (options->in_flight_max > IN_FLIGHT_HIGHEST)
        return vow_detail(detail, VOW_E_ARGUMENT, "options.in_flight_max is over %u", IN_FLIGHT_HIGHEST);
    vow_address_print(coordinator, client->address);
    memcpy(client->name, options->name, strlen(options->name) + 1);
    client->timeout_ms = options->timeout_ms != 0 ? options->timeout_ms : TIMEOUT_MS;
    client->in_flight_max = options->in_flight_max != 0 ? options->in_flight_max : IN_FLIGHT_MAX;
    return vow_options_loop(options->loop, options->base, detail);
}

int vow_client_open(const struct vow_client_options *given, struct vow_client **out, struct vow_error_detail *detail)
{
    struct vow_client_options options;
    struct vow_address coordinator;
    struct vow_client *client;
    int error;

    if (out == NULL)
        return vow_detail(detail, VOW_E_ARGUMENT, "there is nowhere to put the client");
    *out = NULL;
    client = calloc(1, sizeof(*client));
    if (client == NULL)
        return vow_detail(detail, VOW_E_NO_MEMORY, "%s", vow_error_text(VOW_E_NO_MEMORY));
    error = take_options(client, &options, given, &coordinator, detail);
    if (error != 0)
        goto err_free;
    client->process = getpid();
    error = vow_random_bytes(&client->random, sizeof(client->random));
    if (error == 0)
        error = pthread_mutex_init(&client->lock, NULL) == 0 ? 0 : VOW_E_NO_MEMORY;
    if (error != 0) {
        (void)vow_detail(detail, error, "%s", vow_error_text(error));
        goto err_free;
    }
    error = vow_client_start(client, options.loop, options.base, &coordinator);
    if (error != 0) {
        (void)vow_detail(detail, error, "the client's loop cannot start: %s", vow_error_text(error));
        goto err_destroy_lock;
    }
    *out = client;
    return 0;

err_destroy_lock:
    (void)pthread_mutex_destroy(&client->lock);
err_free:
    free(client);
    return error;
}

bool vow_client_is_forked(const struct vow_client *client)
{
    return getpid() != client->process;
}

void vow_client_end(struct vow_client *client)
{
    vow_client_stop(client);
    (void)pthread_mutex_destroy(&client->lock);
    free(client);
}

static bool may_close(const struct vow_client *client)
{
    if (client->loop.kind != VOW_LOOP_OWN_THREAD || !vow_loop_is_mine(&client->loop))
        return true;
    VOW_LOG(VOW_LOG_ERROR, "client_not_closed", VOW_STR("name", client->name),
            VOW_STR("why", "closed from a callback on the client's own thread, which cannot wait for itself"));
    return false;
}

void vow_client_close(struct vow_client *client)
{
    /* In a child, freeing the parent's epoll events would take them from the parent. */
    if (client == NULL || vow_client_is_forked(client) || !may_close(client))
        return;
    (void)pthread_mutex_lock(&client->lock);
    client->closing = true;
    (void)pthread_mutex_unlock(&client->lock);
    if (client->loop.kind != VOW_LOOP_OWN_THREAD && client->calling_back > 0) {
        /* The callers of the callback still use the client. */
        client->close_later = true;
        vow_loop_wake(&client->loop);
        return;
    }
    vow_client_end(client);
}

/* --- On another loop --- */

int vow_client_fd(const struct vow_client *client)
{
    if (client == NULL)
        return VOW_E_ARGUMENT;
    return vow_client_is_forked(client) ? VOW_E_FORKED : vow_loop_descriptor(&client->loop);
}

int vow_client_process(struct vow_client *client)
{
    int error;

    if (client == NULL)
        return VOW_E_ARGUMENT;
    if (vow_client_is_forked(client))
        return VOW_E_FORKED;
    error = vow_loop_process(&client->loop);
    if (error == VOW_E_STATE || !client->close_later)
        return error;
    vow_client_end(client);
    return VOW_E_CLOSED;
}

/* --- Submit --- */

static int enqueue(struct vow_client *client, struct vow_request *request, bool *is_first)
{
    if (client->closing)
        return VOW_E_CLOSED;
    if (atomic_load(&client->in_flight) >= client->in_flight_max)
        return VOW_E_BUSY;
    atomic_fetch_add(&client->in_flight, 1);
    request->deadline_ms = vow_clock_ms() + request->timeout_ms;
    *is_first = client->submitted == NULL;
    if (*is_first)
        client->submitted = request;
    else
        client->submitted_last->next_submitted = request;
    client->submitted_last = request;
    return 0;
}

/*
 * Takes over request, also on an error. The client is woken once for a burst; under the lock, because the transaction
 * is under way from there on, and without the lock a close on another thread would end it and free the client before it
 * is woken.
 */
int vow_client_submit(struct vow_client *client, struct vow_request *request, vow_result_fn *done, void *ctx)
{
    bool is_first = false;
    int error;

    if (request == NULL)
        return VOW_E_NO_MEMORY;
    if (vow_client_is_forked(client)) {
        vow_request_free(request);
        return VOW_E_FORKED;
    }
    request->done = done;
    request->ctx = ctx;
    (void)pthread_mutex_lock(&client->lock);
    error = enqueue(client, request, &is_first);
    if (error == 0 && is_first)
        vow_loop_wake(&client->loop);
    (void)pthread_mutex_unlock(&client->lock);
    if (error != 0)
        vow_request_free(request);
    return error;
}

static int check_call(const struct vow_call *call)
{
    if (call->participant == NULL || call->handler == NULL || (call->payload == NULL && call->len > 0))
        return VOW_E_ARGUMENT;
    if (!vow_name_is_valid(call->participant) || !vow_name_is_valid(call->handler))
        return VOW_E_NAME;
    return call->len <= vow_channel_defaults.frame_max ? 0 : VOW_E_TOO_LARGE;
}

/*
 * Checks the calls and puts them into our form. The calls must fit into one frame to the coordinator, and those of one
 * participant into one PREPARE, which also names all participants: hence each participant's name is counted twice, and
 * fields are counted generously.
 */
int vow_client_convert(const struct vow_call *calls, size_t calls_len, struct vow_msg_call converted[VOW_CALLS_MAX])
{
    const size_t header = 256, fields = 24;
    size_t size = header;

    if (calls == NULL && calls_len > 0)
        return VOW_E_ARGUMENT;
    if (calls_len > VOW_CALLS_MAX)
        return VOW_E_TOO_LARGE;
    for (size_t i = 0; i < calls_len; i++) {
        int error = check_call(&calls[i]);

        if (error != 0)
            return error;
        converted[i].participant = calls[i].participant;
        converted[i].handler = calls[i].handler;
        converted[i].payload = (struct vow_slice){.data = calls[i].payload, .len = calls[i].len};
        size += 2 * strlen(calls[i].participant) + strlen(calls[i].handler) + calls[i].len + fields;
    }
    return size <= vow_channel_defaults.frame_max ? 0 : VOW_E_TOO_LARGE;
}

static int new_commit(struct vow_client *client, const struct vow_commit_options *given, const struct vow_call *calls,
                      size_t calls_len, struct vow_request **request)
{
    struct vow_msg_call converted[VOW_CALLS_MAX];
    struct vow_commit_options options;
    int error = vow_client_convert(calls, calls_len, converted);

    if (error != 0)
        return error;
    if (vow_options_read(&options, sizeof(options), given) != 0)
        return VOW_E_ARGUMENT;
    if (options.key != NULL && !vow_key_is_valid(options.key))
        return VOW_E_NAME;
    *request = vow_request_new(client, VOW_REQUEST_COMMIT, NULL, converted, calls_len);
    if (*request == NULL)
        return VOW_E_NO_MEMORY;
    if (options.timeout_ms != 0)
        (*request)->end_ms = vow_clock_ms() + options.timeout_ms;
    if (options.key != NULL)
        vow_request_set_key(*request, options.key);
    return 0;
}

int vow_commit_with_async(struct vow_client *client, const struct vow_commit_options *options,
                          const struct vow_call *calls, size_t calls_len, vow_result_fn *done, void *ctx)
{
    struct vow_request *request;
    int error;

    if (client == NULL || done == NULL)
        return VOW_E_ARGUMENT;
    error = new_commit(client, options, calls, calls_len, &request);
    return error != 0 ? error : vow_client_submit(client, request, done, ctx);
}

int vow_commit_async(struct vow_client *client, const struct vow_call *calls, size_t calls_len, vow_result_fn *done,
                     void *ctx)
{
    return vow_commit_with_async(client, NULL, calls, calls_len, done, ctx);
}

/* --- Submit and wait --- */

struct wait {
    struct vow_waiter waiter;
    struct vow_result *result;
};

static void take_result(void *ctx, const struct vow_result *result)
{
    struct wait *wait = ctx;

    *wait->result = *result;
    vow_waiter_wake(&wait->waiter);
}

int vow_client_submit_and_wait(struct vow_client *client, struct vow_request *request, struct vow_result *result)
{
    struct wait wait = {.waiter = VOW_WAITER_INIT, .result = result};
    int error = vow_client_submit(client, request, take_result, &wait);

    if (error == 0)
        vow_waiter_await(&wait.waiter);
    return error;
}

int vow_commit_with(struct vow_client *client, const struct vow_commit_options *options, const struct vow_call *calls,
                    size_t calls_len, struct vow_result *result)
{
    struct vow_request *request;
    int error;

    if (client == NULL || result == NULL)
        return VOW_E_ARGUMENT;
    error = new_commit(client, options, calls, calls_len, &request);
    if (error != 0)
        return error;
    if (!vow_client_is_forked(client) && vow_loop_is_mine(&client->loop)) {
        vow_request_free(request);
        return VOW_E_STATE;
    }
    error = vow_client_submit_and_wait(client, request, result);
    if (error != 0)
        return error;
    return vow_client_is_refusal(result) ? result->error : 0;
}

int vow_commit(struct vow_client *client, const struct vow_call *calls, size_t calls_len, struct vow_result *result)
{
    return vow_commit_with(client, NULL, calls, calls_len, result);
}

int vow_status(struct vow_client *client, const struct vow_gtrid *id, const char *participant,
               struct vow_result *result)
{
    struct vow_msg_call asked_of = {.handler = ""};
    int error;

    if (client == NULL || id == NULL || result == NULL || vow_gtrid_is_none(id))
        return VOW_E_ARGUMENT;
    if (participant != NULL && participant[0] == '\0')
        participant = NULL;
    if (participant != NULL && !vow_name_is_valid(participant))
        return VOW_E_NAME;
    if (!vow_client_is_forked(client) && vow_loop_is_mine(&client->loop))
        return VOW_E_STATE;
    asked_of.participant = participant;
    error = vow_client_submit_and_wait(
        client, vow_request_new(client, VOW_REQUEST_STATUS, id, &asked_of, participant != NULL ? 1 : 0), result);
    if (error != 0)
        return error;
    return result->error != VOW_E_IN_DOUBT && !vow_client_is_damage(result->error) ? result->error : 0;
}

int vow_choreography_new(struct vow_client *client, uint32_t timeout_ms, struct vow_gtrid *id)
{
    struct vow_request *request;
    struct vow_result result;
    int error;

    if (client == NULL || id == NULL)
        return VOW_E_ARGUMENT;
    if (!vow_client_is_forked(client) && vow_loop_is_mine(&client->loop))
        return VOW_E_STATE;
    request = vow_request_new(client, VOW_REQUEST_ID, NULL, NULL, 0);
    if (request != NULL && timeout_ms != 0)
        request->timeout_ms = timeout_ms;
    error = vow_client_submit_and_wait(client, request, &result);
    if (error != 0)
        return error;
    if (result.outcome != VOW_PENDING)
        return result.error;
    *id = result.id;
    return 0;
}
