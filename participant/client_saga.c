/*
 * A saga's request, and the questions about one: what is different from transactions. A saga is the coordinator's once
 * it has begun; the client only follows it. So no state but an end ends the request, and a state that was told once is
 * never taken back: after it nothing may be said but that state, or a later one.
 */
#include <stdio.h>

#include "participant/client_internal.h"

bool vow_request_is_of_saga(const struct vow_request *request)
{
    return request->kind >= VOW_REQUEST_SAGA;
}

/* A question, rather than the order itself: of what has begun, and of an id that cannot begin any more. */
static bool is_question(const struct vow_request *request)
{
    return request->ask || request->kind == VOW_REQUEST_SAGA_STATUS || request->kind == VOW_REQUEST_SAGA_WAIT ||
           (request->kind == VOW_REQUEST_SAGA && !vow_request_id_is_current(request));
}

void vow_saga_request_fill(const struct vow_request *request, struct vow_msg *msg)
{
    if (is_question(request)) {
        msg->kind = VOW_MSG_SAGA_QUERY;
        msg->saga_query.gtrid = request->id;
        msg->saga_query.follow = request->kind != VOW_REQUEST_SAGA_STATUS;
    } else if (request->kind == VOW_REQUEST_SAGA_CANCEL) {
        msg->kind = VOW_MSG_SAGA_CANCEL;
        msg->saga_cancel.gtrid = request->id;
    } else {
        msg->kind = VOW_MSG_SAGA_REQUEST;
        msg->saga_request = *request->order;
        msg->saga_request.gtrid = request->id;
    }
}

/* --- Its end --- */

static void end(struct vow_request *request, const struct vow_saga_result *result)
{
    struct vow_client *client = request->client;

    vow_request_detach(request);
    client->calling_back++;
    request->saga_done(request->ctx, result);
    client->calling_back--;
    vow_request_free(request);
}

static void end_as_heard(struct vow_request *request, const struct vow_msg_saga_state *heard, enum vow_saga_state state,
                         int error)
{
    struct vow_saga_result result = {
        .id = request->id, .state = state, .cause = heard->cause, .error = error, .step = heard->step};

    (void)snprintf(result.text, sizeof(result.text), "%s", heard->text);
    end(request, &result);
}

static void end_without(struct vow_request *request, enum vow_saga_state state, int error)
{
    struct vow_saga_result result = {.id = request->id, .state = state, .error = error, .step = VOW_STEP_NONE};

    end(request, &result);
}

void vow_saga_request_refuse(struct vow_request *request, int error)
{
    end_without(request, VOW_SAGA_UNKNOWN, error);
}

void vow_saga_request_give_up(struct vow_request *request)
{
    end_without(request, request->told, VOW_E_IN_DOUBT);
}

/* --- What is heard --- */

static void hear_state(struct vow_request *request, const struct vow_msg_saga_state *heard)
{
    bool is_on_its_way = heard->state == VOW_SAGA_RUNNING || heard->state == VOW_SAGA_COMPENSATING;
    bool is_cancel = request->kind == VOW_REQUEST_SAGA_CANCEL && !request->ask;

    if (is_cancel && request->sent && heard->error == VOW_E_STATE) {
        end_as_heard(request, heard, VOW_SAGA_UNKNOWN, VOW_E_STATE);
    } else if (!is_on_its_way || request->kind == VOW_REQUEST_SAGA_STATUS) {
        end_as_heard(request, heard, heard->state, 0);
    } else if (!is_cancel || heard->state == VOW_SAGA_COMPENSATING) {
        /* It is told of its end without asking; but a coordinator has one follower for each saga, and that may become
         * another. */
        request->told = heard->state;
        vow_request_ask_later(request);
    }
}

/* The coordinator that answers gave the id out. Another one has not heard of it, and says nothing of what became of it
 * (mistake 21); an older life of this one does not answer any more. */
static bool is_of_who_answers(const struct vow_request *request)
{
    const struct vow_ids *ids = &request->client->ids;

    return vow_gtrid_coord(&request->id) == ids->coord && vow_gtrid_epoch(&request->id) <= ids->epoch;
}

/* Nobody has begun it, nor ever will: the order found the id used up and nothing under it, or the question has used it
 * up. So what was sent before and is still on its way begins nothing. */
static void hear_not_found(struct vow_request *request)
{
    if (request->told != VOW_SAGA_UNKNOWN)
        end_without(request, VOW_SAGA_UNKNOWN, VOW_E_EXPIRED);
    else if (is_of_who_answers(request))
        vow_request_begin_anew(request);
    else
        vow_request_ask_later(request);
}

/* The answer to the order, or to a question that stands for it. */
static void hear_of_order(struct vow_request *request, const struct vow_msg_saga_state *heard)
{
    if (vow_request_says_nothing_happened(heard->error)) {
        /* An id that may have been used cannot be exchanged: what became of it is asked for. */
        if (heard->error == VOW_E_ID_EXPIRED && request->in_doubt)
            request->ask = true;
        vow_request_hear_refusal(request, heard->error, heard->retry_after_ms);
    } else if (heard->error == VOW_E_NOT_FOUND && (request->in_doubt || is_of_who_answers(request))) {
        hear_not_found(request);
    } else if (!request->in_doubt) {
        end_as_heard(request, heard, VOW_SAGA_UNKNOWN, heard->error);
    } else if (heard->error == VOW_E_EXPIRED) {
        end_without(request, VOW_SAGA_UNKNOWN, VOW_E_EXPIRED);
    } else {
        vow_request_ask_later(request);
    }
}

/* Of that saga nothing was told but that there is one: it may not be durable yet, and may have ended long ago. */
static void hear_named(struct vow_request *request, const struct vow_gtrid *named)
{
    if (request->kind != VOW_REQUEST_SAGA || request->order->key[0] == '\0')
        return;
    vow_request_take_name(request, named);
    vow_request_ask_now(request);
}

void vow_saga_request_hear(struct vow_request *request, const struct vow_msg_saga_state *heard)
{
    /* A state is true whoever asked for it; an error only answers the request that is under way. */
    if (heard->state != VOW_SAGA_UNKNOWN)
        hear_state(request, heard);
    else if (!request->sent)
        return;
    else if (!vow_gtrid_is_none(&heard->named))
        hear_named(request, &heard->named);
    else if (request->kind == VOW_REQUEST_SAGA)
        hear_of_order(request, heard);
    else if (vow_request_says_nothing_happened(heard->error))
        vow_request_hear_refusal(request, heard->error, heard->retry_after_ms);
    else
        end_as_heard(request, heard, VOW_SAGA_UNKNOWN, heard->error);
}
