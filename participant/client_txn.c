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

static bool has_id(const struct vow_txn *txn)
{
    return !vow_gtrid_is_none(&txn->id);
}

/* The id is one that the coordinator on this connection may still begin. */
static bool id_is_current(const struct vow_txn *txn)
{
    const struct vow_ids *ids = &txn->client->ids;

    return vow_gtrid_coord(&txn->id) == ids->coord && vow_gtrid_epoch(&txn->id) == ids->epoch;
}

static bool is_question(const struct vow_txn *txn)
{
    return txn->kind == VOW_TXN_STATUS || txn->ask || !id_is_current(txn);
}

/* The one condition under which a transaction may be called off (guarantee 3, honest). */
static bool nothing_happened(const struct vow_txn *txn)
{
    return !txn->sent && !txn->in_doubt;
}

/* Answers by which the coordinator says that it did not begin the transaction. */
static bool says_nothing_happened(int error)
{
    return error == VOW_E_BUSY || error == VOW_E_SHUTTING_DOWN || error == VOW_E_RECOVERING ||
           error == VOW_E_NO_MEMORY || error == VOW_E_ID_EXPIRED;
}

/* What the caller is told of it: the errors that <vow/client.h> names. */
static int as_refusal(int error)
{
    return error == VOW_E_RECOVERING || error == VOW_E_ID_EXPIRED ? VOW_E_BUSY : error;
}

static void end(struct vow_txn *txn, const struct vow_result *result)
{
    struct vow_client *client = txn->client;

    (void)event_del(&txn->retry);
    if (has_id(txn)) {
        vow_txn_table_remove(&client->table, txn);
    } else {
        DL_DELETE2(client->waiting, txn, wait_prev, wait_next);
        client->waiting_len--;
    }
    DL_DELETE(client->open, txn);
    /* First, so that the callback may start the next one at the limit. */
    atomic_fetch_sub(&client->in_flight, 1);
    txn->done(txn->ctx, result);
    free(txn);
}

static void end_refused(struct vow_txn *txn, int error)
{
    struct vow_result result = {.id = txn->id, .outcome = VOW_ABORTED, .error = error};

    if (txn->kind == VOW_TXN_STATUS)
        result.outcome = VOW_UNKNOWN;
    end(txn, &result);
}

static void end_as_heard(struct vow_txn *txn, const struct vow_msg_outcome *heard)
{
    struct vow_result result = {.id = txn->id, .outcome = heard->outcome};

    if (heard->outcome == VOW_UNKNOWN)
        result.error = VOW_E_IN_DOUBT;
    if (heard->outcome == VOW_ABORTED) {
        result.cause = heard->cause;
        (void)snprintf(result.participant, sizeof(result.participant), "%s", heard->participant);
        (void)snprintf(result.text, sizeof(result.text), "%s", heard->text);
    }
    end(txn, &result);
}

void vow_txn_give_up(struct vow_txn *txn)
{
    struct vow_result unknown = {.id = txn->id, .outcome = VOW_UNKNOWN, .error = VOW_E_IN_DOUBT};

    if (!nothing_happened(txn)) {
        end(txn, &unknown);
        return;
    }
    /* Connected, and yet it never came to a request: the coordinator gave no ids. */
    if (txn->refusal == VOW_E_UNREACHABLE && txn->client->channel != NULL)
        txn->refusal = VOW_E_BUSY;
    end_refused(txn, txn->refusal);
}

static void fill_request(const struct vow_txn *txn, struct vow_msg *msg)
{
    if (is_question(txn)) {
        msg->kind = VOW_MSG_STATUS_REQUEST;
        msg->status_request = (struct vow_msg_status_request){.gtrid = txn->id, .participant = txn->asked_of};
    } else {
        msg->kind = VOW_MSG_COMMIT_REQUEST;
        msg->commit_request =
            (struct vow_msg_commit_request){.gtrid = txn->id, .calls_len = txn->calls_len, .calls = txn->calls};
    }
}

static void send_request(struct vow_txn *txn)
{
    struct vow_channel *channel = txn->client->channel;
    struct vow_msg msg;
    int error;

    if (channel == NULL)
        return;
    fill_request(txn, &msg);
    error = vow_channel_send(channel, &msg);
    /* With any other error the channel is about to go, and what it still sends is not known: that counts as sent. */
    if (error != VOW_E_STATE && error != VOW_E_TOO_LARGE)
        txn->sent = true;
    if (error != VOW_E_TOO_LARGE)
        return;
    if (nothing_happened(txn)) {
        end_refused(txn, VOW_E_TOO_LARGE);
        return;
    }
    /* It went out once, to a peer with a larger cap: only its outcome can be asked for now. */
    if (!is_question(txn)) {
        txn->ask = true;
        send_request(txn);
    }
}

/* Joins those that wait for an id. Of a transaction that nothing happened to, so that its old id may be forgotten. */
static void wait_for_id(struct vow_txn *txn)
{
    struct vow_client *client = txn->client;

    VOW_ASSERT(txn->kind == VOW_TXN_COMMIT && nothing_happened(txn));
    if (has_id(txn))
        vow_txn_table_remove(&client->table, txn);
    memset(&txn->id, 0, sizeof(txn->id));
    DL_APPEND2(client->waiting, txn, wait_prev, wait_next);
    client->waiting_len++;
}

static void retry(evutil_socket_t fd, short what, void *ctx)
{
    struct vow_txn *txn = ctx;
    bool id_is_old = vow_clock_ms() - txn->id_since_ms >= VOW_IDS_LIFE_MS;

    (void)fd, (void)what;
    if (txn->kind == VOW_TXN_COMMIT && nothing_happened(txn) && id_is_old) {
        wait_for_id(txn);
        vow_client_serve(txn->client);
    } else {
        send_request(txn);
    }
}

/* Sends again after a time between floor_ms and a bound that doubles with each attempt. */
static void retry_later(struct vow_txn *txn, uint32_t floor_ms, uint32_t base_ms, uint32_t max_ms)
{
    uint32_t bound_ms = txn->attempts < 10 ? base_ms << txn->attempts : max_ms;
    uint64_t delay_ms;
    struct timeval delay;

    if (bound_ms > max_ms)
        bound_ms = max_ms;
    delay_ms = floor_ms + vow_jitter_next(&txn->client->random) % (bound_ms - floor_ms + 1);
    delay = vow_clock_delay(delay_ms);
    txn->attempts++;
    (void)event_add(&txn->retry, &delay);
}

static void hear_refusal(struct vow_txn *txn, int error)
{
    txn->sent = false;
    txn->refusal = as_refusal(error);
    if (error == VOW_E_ID_EXPIRED)
        txn->id_since_ms = 0;
    retry_later(txn, 0, REFUSED_DELAY_MS, REFUSED_DELAY_MAX_MS);
}

static void hear_commit(struct vow_txn *txn, const struct vow_msg_outcome *heard)
{
    if (!is_question(txn) && heard->outcome == VOW_UNKNOWN && says_nothing_happened(heard->error)) {
        hear_refusal(txn, heard->error);
        return;
    }
    txn->sent = false;
    txn->in_doubt = true;
    txn->ask = true;
    retry_later(txn, ASK_DELAY_MS, ASK_DELAY_MS, ASK_DELAY_MAX_MS);
}

static void hear_status(struct vow_txn *txn, const struct vow_msg_outcome *heard)
{
    if (heard->outcome == VOW_UNKNOWN && says_nothing_happened(heard->error))
        hear_refusal(txn, heard->error);
    else if (heard->outcome == VOW_UNKNOWN && vow_error_class(heard->error) == VOW_CLASS_REFUSED)
        end_refused(txn, heard->error);
    else
        end_as_heard(txn, heard);
}

void vow_txn_hear(struct vow_txn *txn, const struct vow_msg_outcome *heard)
{
    /* An outcome is final whoever asked for it and when; anything less only answers the request that is under way. */
    if (heard->outcome == VOW_COMMITTED || heard->outcome == VOW_ABORTED)
        end_as_heard(txn, heard);
    else if (!txn->sent)
        return;
    else if (txn->kind == VOW_TXN_STATUS)
        hear_status(txn, heard);
    else
        hear_commit(txn, heard);
}

void vow_txn_disconnected(struct vow_txn *txn)
{
    (void)event_del(&txn->retry);
    /* A question that was lost changes nothing; a request that was lost may have been, or may yet be, carried out
     * (F066). */
    if (txn->sent && txn->kind == VOW_TXN_COMMIT)
        txn->in_doubt = true;
    txn->sent = false;
    txn->attempts = 0;
}

void vow_txn_reconnected(struct vow_txn *txn)
{
    if (!has_id(txn))
        return;
    if (txn->kind == VOW_TXN_COMMIT && nothing_happened(txn) && !id_is_current(txn))
        wait_for_id(txn);
    else
        send_request(txn);
}

void vow_txn_begin(struct vow_txn *txn, const struct vow_gtrid *id)
{
    struct vow_client *client = txn->client;

    DL_DELETE2(client->waiting, txn, wait_prev, wait_next);
    client->waiting_len--;
    txn->id = *id;
    txn->id_since_ms = vow_clock_ms();
    vow_txn_table_add(&client->table, txn);
    send_request(txn);
}

/* True if the client is committing this id right now. An answer does not say which request it answers, so that a
 * refused question could be taken for a refused commit; and the question has an answer without asking. */
static bool is_being_committed(const struct vow_client *client, const struct vow_gtrid *id)
{
    const struct vow_txn *txn = vow_txn_table_find(&client->table, id);

    while (txn != NULL && txn->kind != VOW_TXN_COMMIT)
        txn = vow_txn_table_next(txn);
    return txn != NULL;
}

static void adopt_question(struct vow_txn *txn)
{
    struct vow_client *client = txn->client;
    bool is_pending = is_being_committed(client, &txn->id);

    vow_txn_table_add(&client->table, txn);
    if (is_pending)
        end(txn, &(struct vow_result){.id = txn->id, .outcome = VOW_PENDING});
    else
        send_request(txn);
}

void vow_txn_adopt(struct vow_txn *txn)
{
    struct vow_client *client = txn->client;

    (void)evtimer_assign(&txn->retry, client->loop.base, retry, txn);
    DL_APPEND(client->open, txn);
    if (txn->kind == VOW_TXN_COMMIT)
        wait_for_id(txn);
    else
        adopt_question(txn);
}

static bool have_one_participant(const struct vow_msg_call *calls, size_t calls_len)
{
    for (size_t i = 1; i < calls_len; i++) {
        if (strcmp(calls[i].participant, calls[0].participant) != 0)
            return false;
    }
    return calls_len > 0;
}

struct vow_txn *vow_txn_new(struct vow_client *client, enum vow_txn_kind kind, const struct vow_gtrid *id,
                            const struct vow_msg_call *calls, size_t calls_len)
{
    struct vow_txn *txn = malloc(sizeof(*txn) + vow_calls_size(calls, calls_len));

    if (txn == NULL)
        return NULL;
    *txn = (struct vow_txn){.client = client, .kind = kind, .refusal = VOW_E_UNREACHABLE, .asked_of = ""};
    if (id != NULL)
        txn->id = *id;
    txn->calls_len = (uint32_t)calls_len;
    txn->calls = vow_calls_copy(txn + 1, calls, calls_len);
    /* With one participant alone, that one may decide (one-phase commit), and then only it may know. */
    txn->one_phase = have_one_participant(txn->calls, calls_len);
    if (txn->one_phase)
        txn->asked_of = txn->calls[0].participant;
    return txn;
}
