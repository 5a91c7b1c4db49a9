#include "participant/client_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "participant/calls.h"
#include "proto/assert.h"
#include "proto/jitter.h"
#include "proto/net/clock.h"

/* After "nothing happened": full jitter between 0 and a bound that doubles. */
#define REFUSED_DELAY_MS 10u
#define REFUSED_DELAY_MAX_MS 1000u
/* Between questions for an outcome that is not known yet: jitter above a floor. */
#define ASK_DELAY_MS 500u
#define ASK_DELAY_MAX_MS 5000u

static bool has_id(const struct vow_request *request)
{
    return !vow_gtrid_is_none(&request->id);
}

/* The id is one that the coordinator on this connection may still begin. */
bool vow_request_id_is_current(const struct vow_request *request)
{
    const struct vow_ids *ids = &request->client->ids;

    return vow_gtrid_coord(&request->id) == ids->coord && vow_gtrid_epoch(&request->id) == ids->epoch;
}

static bool is_question(const struct vow_request *request)
{
    return request->kind == VOW_REQUEST_STATUS || request->ask || !vow_request_id_is_current(request);
}

/* It may begin under any id, for nothing of it is known to anybody. */
static bool takes_any_id(const struct vow_request *request)
{
    return request->kind == VOW_REQUEST_BEGIN || request->kind == VOW_REQUEST_ID || request->kind == VOW_REQUEST_SAGA ||
           (request->kind == VOW_REQUEST_COMMIT && !request->is_open);
}

/* The one condition under which a transaction may be called off (guarantee 3, honest). */
bool vow_request_nothing_happened(const struct vow_request *request)
{
    return !request->sent && !request->in_doubt;
}

/* Answers by which the coordinator says that it did not begin the transaction. */
bool vow_request_says_nothing_happened(int error)
{
    return error == VOW_E_BUSY || error == VOW_E_SHUTTING_DOWN || error == VOW_E_RECOVERING ||
           error == VOW_E_NO_MEMORY || error == VOW_E_ID_EXPIRED;
}

/* What the caller is told of it: the errors that <vow/client.h> names. */
static int as_refusal(int error)
{
    return error == VOW_E_RECOVERING || error == VOW_E_ID_EXPIRED ? VOW_E_BUSY : error;
}

void vow_request_free(struct vow_request *request)
{
    if (request == NULL)
        return;
    free(request->work);
    free(request);
}

/* Without a final answer: whom the caller must name to ask again, since after a restart the coordinator cannot know who
 * holds a one-phase outcome (F015). */
static struct vow_result not_final(const struct vow_request *request, enum vow_outcome outcome, int error)
{
    struct vow_result result = {.id = request->id, .outcome = outcome, .error = error};

    (void)snprintf(result.participant, sizeof(result.participant), "%s", request->asked_of);
    return result;
}

void vow_request_detach(struct vow_request *request)
{
    struct vow_client *client = request->client;

    vow_timer_disarm(&request->retry);
    if (has_id(request)) {
        vow_request_table_remove(&client->table, request);
    } else {
        DL_DELETE2(client->waiting, request, wait_prev, wait_next);
        client->waiting_len--;
    }
    DL_DELETE(client->open, request);
    /* First, so that the callback may start the next one at the limit. */
    atomic_fetch_sub(&client->in_flight, 1);
}

static void end(struct vow_request *request, const struct vow_result *result)
{
    struct vow_client *client = request->client;

    vow_request_detach(request);
    client->calling_back++;
    request->done(request->ctx, result);
    client->calling_back--;
    vow_request_free(request);
}

static void end_refused(struct vow_request *request, int error)
{
    struct vow_result result = {.id = request->id, .outcome = VOW_ABORTED, .error = error};

    if (vow_request_is_of_saga(request)) {
        vow_saga_request_refuse(request, error);
        return;
    }
    if (request->kind == VOW_REQUEST_STATUS || request->kind == VOW_REQUEST_ROLLBACK)
        result = not_final(request, VOW_UNKNOWN, error);
    end(request, &result);
}

bool vow_client_is_damage(int error)
{
    return error == VOW_E_HEURISTIC_MIXED || error == VOW_E_HEURISTIC_ROLLBACK || error == VOW_E_HEURISTIC_HAZARD;
}

bool vow_client_is_refusal(const struct vow_result *result)
{
    return result->outcome == VOW_ABORTED && result->error != 0 && !vow_client_is_damage(result->error);
}

static void end_as_heard(struct vow_request *request, const struct vow_msg_outcome *heard)
{
    struct vow_result result = {.id = request->id, .outcome = heard->outcome};

    if (heard->outcome == VOW_UNKNOWN || heard->outcome == VOW_PENDING)
        result = not_final(request, heard->outcome, heard->outcome == VOW_UNKNOWN ? VOW_E_IN_DOUBT : 0);
    if (heard->outcome == VOW_ABORTED) {
        result.cause = heard->cause;
        (void)snprintf(result.participant, sizeof(result.participant), "%s", heard->participant);
        (void)snprintf(result.text, sizeof(result.text), "%s", heard->text);
    }
    /* It ended so, and not everywhere: never silent (guarantee 1). */
    if (vow_client_is_damage(heard->error))
        result.error = heard->error;
    end(request, &result);
}

/* The answers to two commits of one transaction are not told apart: what one heard may have been said to the other. */
static bool has_commit_beside(const struct vow_request *request)
{
    const struct vow_request *other = vow_request_table_find(&request->client->table, &request->id);

    while (other != NULL && (other == request || other->kind != VOW_REQUEST_COMMIT))
        other = vow_request_table_next(other);
    return other != NULL;
}

void vow_request_give_up(struct vow_request *request)
{
    struct vow_result unknown = not_final(request, VOW_UNKNOWN, VOW_E_IN_DOUBT);

    if (vow_request_is_of_saga(request) && !vow_request_nothing_happened(request)) {
        vow_saga_request_give_up(request);
        return;
    }
    if (!vow_request_nothing_happened(request) || (has_id(request) && has_commit_beside(request))) {
        end(request, &unknown);
        return;
    }
    /* Connected, and yet it never came to a request: the coordinator gave no ids. */
    if (request->refusal == VOW_E_UNREACHABLE && request->client->channel != NULL)
        request->refusal = VOW_E_BUSY;
    end_refused(request, request->refusal);
}

/* What is left of the transaction's time, for the wire, where 0 means that it has no end. */
static uint32_t time_left(const struct vow_request *request)
{
    uint64_t now_ms = vow_clock_ms();

    if (request->end_ms == UINT64_MAX)
        return 0;
    if (request->end_ms <= now_ms)
        return 1;
    return request->end_ms - now_ms < UINT32_MAX ? (uint32_t)(request->end_ms - now_ms) : UINT32_MAX;
}

static void fill_commit(const struct vow_request *request, struct vow_msg *msg)
{
    msg->kind = VOW_MSG_COMMIT_REQUEST;
    msg->commit_request = (struct vow_msg_commit_request){
        .gtrid = request->id,
        .calls_len = request->calls_len,
        .calls = request->calls,
        .work_len = request->work_len,
        .work = request->work,
        .timeout_ms = time_left(request),
        .key = request->key,
    };
}

static void fill_request(const struct vow_request *request, struct vow_msg *msg)
{
    if (vow_request_is_of_saga(request)) {
        vow_saga_request_fill(request, msg);
    } else if (request->kind == VOW_REQUEST_BEGIN) {
        msg->kind = VOW_MSG_BEGIN;
        msg->begin =
            (struct vow_msg_begin){.gtrid = request->id, .timeout_ms = time_left(request), .key = request->key};
    } else if (is_question(request)) {
        msg->kind = VOW_MSG_STATUS_REQUEST;
        msg->status_request = (struct vow_msg_status_request){.gtrid = request->id, .participant = request->asked_of};
    } else if (request->kind == VOW_REQUEST_ROLLBACK) {
        msg->kind = VOW_MSG_ROLLBACK_REQUEST;
        msg->rollback_request.gtrid = request->id;
    } else {
        fill_commit(request, msg);
    }
}

/* Sends again after a time between floor_ms and a bound that doubles with each attempt. */
static void retry_later(struct vow_request *request, uint32_t floor_ms, uint32_t base_ms, uint32_t max_ms)
{
    uint32_t bound_ms = request->attempts < 10 ? base_ms << request->attempts : max_ms;
    uint64_t delay_ms;

    if (bound_ms > max_ms)
        bound_ms = max_ms;
    delay_ms = floor_ms + vow_jitter_next(&request->client->random) % (bound_ms - floor_ms + 1);
    request->attempts++;
    vow_timer_arm(&request->retry, delay_ms);
}

static void send_request(struct vow_request *request)
{
    struct vow_channel *channel = request->client->channel;
    struct vow_msg msg;
    int error;

    if (channel == NULL)
        return;
    fill_request(request, &msg);
    error = vow_channel_send(channel, &msg);
    /* With any other error the channel is about to go, and what it still sends is not known: that counts as sent. */
    if (error != VOW_E_STATE && error != VOW_E_TOO_LARGE)
        request->sent = true;
    /* Of two who follow a saga the coordinator tells the last one, so a cancel is not relied upon to be answered. */
    if (request->kind == VOW_REQUEST_SAGA_CANCEL)
        retry_later(request, ASK_DELAY_MS, ASK_DELAY_MS, ASK_DELAY_MAX_MS);
    if (error != VOW_E_TOO_LARGE)
        return;
    if (vow_request_nothing_happened(request)) {
        end_refused(request, VOW_E_TOO_LARGE);
        return;
    }
    /* It went out once, to a peer with a larger cap: only its outcome can be asked for now. */
    if (!is_question(request)) {
        request->ask = true;
        send_request(request);
    }
}

/* Joins those that wait for an id. Of a transaction that nothing happened to, so that its old id may be forgotten. */
static void tell_id(const struct vow_request *request)
{
    if (request->saga_named != NULL)
        request->saga_named(request->ctx, &request->id);
}

static void wait_for_id(struct vow_request *request)
{
    struct vow_client *client = request->client;

    VOW_ASSERT(takes_any_id(request) && vow_request_nothing_happened(request));
    if (has_id(request))
        vow_request_table_remove(&client->table, request);
    memset(&request->id, 0, sizeof(request->id));
    tell_id(request);
    DL_APPEND2(client->waiting, request, wait_prev, wait_next);
    client->waiting_len++;
}

static void retry(void *ctx)
{
    struct vow_request *request = ctx;
    bool id_is_old = vow_clock_ms() - request->id_since_ms >= VOW_IDS_LIFE_MS;

    if (takes_any_id(request) && vow_request_nothing_happened(request) && id_is_old) {
        wait_for_id(request);
        vow_client_serve(request->client);
    } else {
        send_request(request);
    }
}

/* The coordinator may say when it wants to hear of this again; longer than our own back-off is not believed. */
void vow_request_hear_refusal(struct vow_request *request, int error, uint32_t retry_after_ms)
{
    uint32_t floor_ms = retry_after_ms < REFUSED_DELAY_MAX_MS / 2 ? retry_after_ms : REFUSED_DELAY_MAX_MS / 2;

    request->sent = false;
    request->refusal = as_refusal(error);
    if (error == VOW_E_ID_EXPIRED)
        request->id_since_ms = 0;
    retry_later(request, floor_ms, floor_ms + REFUSED_DELAY_MS, REFUSED_DELAY_MAX_MS);
}

void vow_request_ask_later(struct vow_request *request)
{
    request->sent = false;
    request->in_doubt = true;
    request->ask = true;
    retry_later(request, ASK_DELAY_MS, ASK_DELAY_MS, ASK_DELAY_MAX_MS);
}

void vow_request_ask_now(struct vow_request *request)
{
    vow_timer_disarm(&request->retry);
    request->attempts = 0;
    send_request(request);
}

void vow_request_begin_anew(struct vow_request *request)
{
    vow_timer_disarm(&request->retry);
    request->sent = request->in_doubt = request->ask = false;
    request->attempts = 0;
    wait_for_id(request);
    vow_client_serve(request->client);
}

static void hear_commit(struct vow_request *request, const struct vow_msg_outcome *heard)
{
    if (!is_question(request) && heard->outcome == VOW_UNKNOWN && vow_request_says_nothing_happened(heard->error)) {
        vow_request_hear_refusal(request, heard->error, heard->retry_after_ms);
        return;
    }
    vow_request_ask_later(request);
}

static void hear_status(struct vow_request *request, const struct vow_msg_outcome *heard)
{
    if (heard->outcome == VOW_UNKNOWN && vow_request_says_nothing_happened(heard->error))
        vow_request_hear_refusal(request, heard->error, heard->retry_after_ms);
    else if (heard->outcome == VOW_UNKNOWN && vow_error_class(heard->error) == VOW_CLASS_REFUSED)
        end_refused(request, heard->error);
    else
        end_as_heard(request, heard);
}

void vow_request_take_name(struct vow_request *request, const struct vow_gtrid *named)
{
    struct vow_client *client = request->client;

    vow_request_table_remove(&client->table, request);
    request->id = *named;
    tell_id(request);
    request->ask = true;
    request->in_doubt = true;
    vow_request_table_add(&client->table, request);
}

void vow_request_hear_named(struct vow_request *request, const struct vow_msg_outcome *heard)
{
    struct vow_msg_outcome outcome = *heard;

    if (request->key[0] == '\0' || !request->sent)
        return;
    vow_request_take_name(request, &heard->named);
    outcome.gtrid = heard->named;
    vow_request_hear(request, &outcome);
}

/* An answer that tells of nothing but that it is open, or that it cannot be opened now. */
static void hear_begin(struct vow_request *request, const struct vow_msg_outcome *heard)
{
    struct vow_result begun = {.id = request->id, .outcome = VOW_PENDING};

    if (heard->outcome == VOW_PENDING)
        end(request, &begun);
    else if (vow_request_says_nothing_happened(heard->error))
        vow_request_hear_refusal(request, heard->error, heard->retry_after_ms);
    else
        end_refused(request, heard->error);
}

void vow_request_hear(struct vow_request *request, const struct vow_msg_outcome *heard)
{
    if (vow_request_is_of_saga(request))
        return;
    /* An outcome is final whoever asked for it and when; anything less only answers the request that is under way. */
    if (heard->outcome == VOW_COMMITTED || heard->outcome == VOW_ABORTED)
        end_as_heard(request, heard);
    else if (!request->sent)
        return;
    else if (request->kind == VOW_REQUEST_BEGIN)
        hear_begin(request, heard);
    else if (request->kind == VOW_REQUEST_STATUS)
        hear_status(request, heard);
    else
        hear_commit(request, heard);
}

void vow_request_disconnected(struct vow_request *request)
{
    vow_timer_disarm(&request->retry);
    /* A question that was lost changes nothing; a request that was lost may have been, or may yet be, carried out
     * (F066). */
    if (request->sent && (request->kind == VOW_REQUEST_COMMIT || request->kind == VOW_REQUEST_SAGA ||
                          request->kind == VOW_REQUEST_SAGA_CANCEL))
        request->in_doubt = true;
    request->sent = false;
    request->attempts = 0;
}

void vow_request_reconnected(struct vow_request *request)
{
    if (!has_id(request))
        return;
    /* What BEGIN opened on the connection that was lost ends with it, so another one is begun. */
    if (request->kind == VOW_REQUEST_BEGIN ||
        (takes_any_id(request) && vow_request_nothing_happened(request) && !vow_request_id_is_current(request)))
        wait_for_id(request);
    else
        send_request(request);
}

static void end_with_id(struct vow_request *request)
{
    const struct vow_result result = not_final(request, VOW_PENDING, 0);

    end(request, &result);
}

void vow_request_begin(struct vow_request *request, const struct vow_gtrid *id)
{
    struct vow_client *client = request->client;

    DL_DELETE2(client->waiting, request, wait_prev, wait_next);
    client->waiting_len--;
    request->id = *id;
    tell_id(request);
    request->id_since_ms = vow_clock_ms();
    vow_request_table_add(&client->table, request);
    if (request->kind == VOW_REQUEST_ID)
        end_with_id(request);
    else
        send_request(request);
}

/* True if the client is committing this id right now. An answer does not say which request it answers, so that a
 * refused question could be taken for a refused commit; and the question has an answer without asking. */
static bool is_being_committed(const struct vow_client *client, const struct vow_gtrid *id)
{
    const struct vow_request *request = vow_request_table_find(&client->table, id);

    while (request != NULL && request->kind != VOW_REQUEST_COMMIT)
        request = vow_request_table_next(request);
    return request != NULL;
}

static void adopt_question(struct vow_request *request)
{
    struct vow_client *client = request->client;
    bool is_pending = is_being_committed(client, &request->id);
    struct vow_result pending = not_final(request, VOW_PENDING, 0);

    vow_request_table_add(&client->table, request);
    if (is_pending)
        end(request, &pending);
    else
        send_request(request);
}

/* The outcome must lie in the coordinator's log, so no participant may decide alone. */
void vow_request_set_key(struct vow_request *request, const char *key)
{
    (void)snprintf(request->key, sizeof(request->key), "%s", key);
    request->one_phase = false;
    request->asked_of = "";
}

/* By deadline. Those of transactions come in this order; a saga may have a time-out of its own. */
static void add_to_open(struct vow_request *request)
{
    struct vow_client *client = request->client;
    struct vow_request *before = client->open != NULL ? client->open->prev : NULL;

    while (before != NULL && before->deadline_ms > request->deadline_ms)
        before = before != client->open ? before->prev : NULL;
    if (before != NULL) {
        DL_APPEND_ELEM(client->open, before, request);
    } else {
        DL_PREPEND(client->open, request);
        vow_timer_disarm(&client->timeout);
    }
}

void vow_request_adopt(struct vow_request *request)
{
    struct vow_client *client = request->client;

    vow_timer_init(&request->retry, client->loop.base, client->loop.timers, retry, request);
    add_to_open(request);
    if (takes_any_id(request) && !has_id(request)) {
        wait_for_id(request);
    } else if (request->kind == VOW_REQUEST_STATUS) {
        adopt_question(request);
    } else {
        vow_request_table_add(&client->table, request);
        send_request(request);
    }
}

static bool have_one_participant(const struct vow_msg_call *calls, size_t calls_len)
{
    for (size_t i = 1; i < calls_len; i++) {
        if (strcmp(calls[i].participant, calls[0].participant) != 0)
            return false;
    }
    return calls_len > 0;
}

struct vow_request *vow_request_new(struct vow_client *client, enum vow_request_kind kind, const struct vow_gtrid *id,
                                    const struct vow_msg_call *calls, size_t calls_len)
{
    struct vow_request *request = malloc(sizeof(*request) + vow_calls_size(calls, calls_len));

    if (request == NULL)
        return NULL;
    *request = (struct vow_request){
        .client = client, .kind = kind, .refusal = VOW_E_UNREACHABLE, .end_ms = UINT64_MAX, .asked_of = ""};
    request->timeout_ms = client->timeout_ms;
    if (id != NULL)
        request->id = *id;
    request->calls_len = (uint32_t)calls_len;
    request->calls = vow_calls_copy(request + 1, calls, calls_len);
    /* With one participant alone, that one may decide (one-phase commit), and then only it may know. */
    request->one_phase = have_one_participant(request->calls, calls_len);
    if (request->one_phase)
        request->asked_of = request->calls[0].participant;
    return request;
}
