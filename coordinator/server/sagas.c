/*
 * Sagas beside transactions: sessions, the journal and the timer for their core (coordinator/core/saga), which says
 * what is sent, logged and told; the book says what a step is about. Their records go into the same group commits as
 * those of transactions.
 */
#include <stdlib.h>
#include <string.h>

#include "coordinator/fold/lookup.h"
#include "coordinator/server/internal.h"
#include "proto/assert.h"
#include "proto/codec.h"
#include "proto/frame.h"
#include "proto/net/clock.h"
#include "proto/net/crash.h"
#include "proto/net/log.h"

/* ---- messages ---- */

/* The core is in its step: it hears of it after that. */
static void note_unsent(struct server_sagas *sagas, const struct vow_sagas_effect *effect)
{
    if (sagas->unsent_len == sagas->unsent_cap) {
        const size_t cap = sagas->unsent_cap > 0 ? sagas->unsent_cap * 2 : 64;
        struct unsent *unsent = realloc(sagas->unsent, cap * sizeof(*unsent));
        if (unsent == NULL)
            return; /* like a message that is lost: it is tried again */
        sagas->unsent = unsent;
        sagas->unsent_cap = cap;
    }
    sagas->unsent[sagas->unsent_len++] =
        (struct unsent){.session = effect->session, .gtrid = effect->gtrid, .step = effect->msg.step.step};
}

/* A participant for whom much waits already is not sent more (fault F029). */
static void effect_send(struct vow_server *server, const struct vow_sagas_effect *effect)
{
    struct session *session = session_find(server, effect->session);
    struct vow_msg msg = effect->msg;
    if (session == NULL || !session->up)
        return;
    if (session->is_full) {
        note_unsent(&server->sagas, effect);
        return;
    }
    saga_book_fill(&server->sagas.book, &msg.step);
    server_send(server, session, &msg);
}

static void effect_reply(struct vow_server *server, const struct vow_sagas_effect *effect)
{
    struct session *session = session_find(server, effect->session);
    /* A question that comes too early is told so, too, and that is no refusal. */
    if (effect->msg.saga_state.error == VOW_E_BUSY && server->sagas.request != NULL)
        admission_refused_saga(server, effect->lack);
    if (session != NULL && session->up)
        server_send(server, session, &effect->msg);
}

/* ---- the journal ---- */

static uint8_t *make_body(struct log_op *op, size_t size)
{
    if (size > op->body_cap) {
        free(op->body);
        op->body = server_need(malloc(size));
        op->body_cap = size;
    }
    return op->body;
}

void log_op_put_message(struct log_op *op, const struct vow_msg *msg)
{
    const size_t size = vow_msg_encoded_size(msg) + VOW_FRAME_HEADER_BYTES;
    const size_t len = vow_msg_encode(msg, VOW_FRAME_MAX_HIGHEST, make_body(op, size), size);
    VOW_ASSERT(len > VOW_FRAME_HEADER_BYTES);
    op->op.record.body = (struct vow_slice){op->body + VOW_FRAME_HEADER_BYTES, len - VOW_FRAME_HEADER_BYTES};
}

void log_op_put_bytes(struct log_op *op, struct vow_slice bytes)
{
    op->op.record.body = (struct vow_slice){NULL, 0};
    if (bytes.len == 0)
        return;
    op->op.record.body = (struct vow_slice){memcpy(make_body(op, bytes.len), bytes.data, bytes.len), bytes.len};
}

/* An answer that does not stay known is missed by the compensation, so it is no less than a record that is. */
static void keep_answer(struct vow_server *server, const struct vow_record *record)
{
    if (record->kind != VOW_RECORD_SAGA_STEP || record->step.fate != VOW_FATE_DONE)
        return;
    const bool is_kept = saga_book_answer(&server->sagas.book, &record->gtrid, record->step.number, record->body);
    VOW_ASSERT(is_kept);
}

static void effect_log(struct vow_server *server, const struct vow_sagas_effect *effect)
{
    const struct vow_record *record = &effect->log.record;
    VOW_CRASH("log", "before", vow_record_name(record->kind));
    struct log_op *op = log_op_take(server);
    op->is_saga = true;
    op->op.kind = record->kind == VOW_RECORD_SAGA_END ? VOW_JOURNAL_END : VOW_JOURNAL_APPEND;
    op->op.token = effect->log.token;
    op->op.record = *record;
    op->op.record.branches = op->op.branches;
    if (record->kind == VOW_RECORD_SAGA_BEGIN) {
        VOW_ASSERT(server->sagas.request != NULL);
        log_op_put_message(op, server->sagas.request);
        server->sagas.has_begun = true;
    } else {
        keep_answer(server, record);
        log_op_put_bytes(op, record->body);
    }
    log_op_push(server, op, effect->log.forced);
}

static void effect_lookup(struct vow_server *server, const struct vow_sagas_effect *effect)
{
    struct log_op *op = log_op_take(server);
    op->is_saga = true;
    op->op.kind = VOW_JOURNAL_GET_SAGA;
    op->op.gtrid = effect->gtrid;
    op->op.token = effect->session;
    log_op_push(server, op, true);
}

/* Only "there is no record" is no record. */
static void looked_up(struct vow_server *server, const struct vow_journal_op *op)
{
    if (!vow_lookup_is_answered(op)) {
        server_journal_failed(server, op);
        return;
    }
    struct vow_sagas_event event = vow_lookup_saga_event(op);
    event.now_ms = vow_clock_ms();
    sagas_step(server, &event);
}

void sagas_journal_done(struct vow_server *server, const struct vow_journal_op *op)
{
    if (op->kind == VOW_JOURNAL_GET_SAGA) {
        looked_up(server, op);
        return;
    }
    if (op->result != VOW_JOURNAL_WON) {
        server_journal_failed(server, op);
        return;
    }
    VOW_CRASH("log", "after", vow_record_name(op->record.kind));
    trace_saga_logged(server, &op->record);
    struct vow_sagas_event event = {.kind = VOW_SAGAS_LOG_DONE, .now_ms = vow_clock_ms(), .token = op->token};
    sagas_step(server, &event);
}

/* ---- the other effects ---- */

static const char *participant_of(const struct vow_server *server, const struct vow_gtrid *gtrid, uint32_t step,
                                  struct vow_saga_view *view)
{
    if (!vow_sagas_find(server->sagas.core, gtrid, view) || step >= view->steps_len)
        return "";
    return view->steps[step].participant;
}

static void effect_alarm(const struct vow_server *server, const struct vow_sagas_effect *effect)
{
    struct vow_saga_view view;
    char id[VOW_GTRID_TEXT_SIZE];
    vow_gtrid_to_text(&effect->gtrid, id);
    if (effect->alarm.peer[0] != '\0')
        VOW_LOG(VOW_LOG_ERROR, "alarm", VOW_STR("what", effect->alarm.what),
                VOW_STR("participant", effect->alarm.peer));
    else if (effect->alarm.step == VOW_STEP_NONE)
        VOW_LOG(VOW_LOG_ERROR, "alarm", VOW_STR("what", effect->alarm.what), VOW_STR("id", id));
    else
        VOW_LOG(VOW_LOG_ERROR, "alarm", VOW_STR("what", effect->alarm.what), VOW_STR("id", id),
                VOW_NUM("step", effect->alarm.step),
                VOW_STR("participant", participant_of(server, &effect->gtrid, effect->alarm.step, &view)),
                VOW_STR("do", "vowctl saga show ID; then saga retry, or saga close"));
}

/* It has ended, and that is durable. */
static void effect_freed(struct vow_server *server, const struct vow_sagas_effect *effect)
{
    struct saga_order *order = saga_book_find(&server->sagas.book, &effect->gtrid);
    struct session *session = order != NULL ? session_find(server, order->session) : NULL;
    if (session != NULL && session->open > 0)
        session->open--;
    saga_book_remove(&server->sagas.book, order);
}

static void carry_out(struct vow_server *server, const struct vow_sagas_effect *effect)
{
    switch (effect->kind) {
    case VOW_SAGAS_SEND:
        effect_send(server, effect);
        break;
    case VOW_SAGAS_REPLY:
        effect_reply(server, effect);
        break;
    case VOW_SAGAS_LOG:
        effect_log(server, effect);
        break;
    case VOW_SAGAS_LOOKUP:
        effect_lookup(server, effect);
        break;
    case VOW_SAGAS_TRACE:
        trace_saga(server, effect);
        break;
    case VOW_SAGAS_ALARM:
        effect_alarm(server, effect);
        break;
    case VOW_SAGAS_ORDERED:
        operate_ordered(server, effect->ordered.tag, effect->ordered.error, effect->ordered.text);
        break;
    case VOW_SAGAS_FREED:
        effect_freed(server, effect);
        break;
    }
}

static void tell_unsent(struct server_sagas *sagas, uint64_t now_ms)
{
    while (sagas->unsent_len > 0) {
        const struct unsent *unsent = &sagas->unsent[--sagas->unsent_len];
        struct vow_sagas_effects none;
        struct vow_sagas_event event = {.kind = VOW_SAGAS_UNSENT, .now_ms = now_ms, .session = unsent->session};
        event.unsent.gtrid = unsent->gtrid;
        event.unsent.step = unsent->step;
        vow_sagas_step(sagas->core, &event, &none);
    }
}

void sagas_step(struct vow_server *server, const struct vow_sagas_event *event)
{
    struct vow_sagas_effects effects;
    vow_sagas_step(server->sagas.core, event, &effects);
    for (size_t i = 0; i < effects.len; i++)
        carry_out(server, &effects.items[i]);
    if (server->sagas.unsent_len > 0)
        tell_unsent(&server->sagas, event->now_ms);
}

/* ---- a new saga ---- */

static enum vow_saga_grant grant_of(const struct vow_server *server, const struct vow_gtrid *gtrid)
{
    switch (vow_coord_id(server->core, gtrid)) {
    case VOW_COORD_ID_FRESH:
        return VOW_SAGA_ID_NEW;
    case VOW_COORD_ID_USED:
        return VOW_SAGA_ID_USED;
    case VOW_COORD_ID_VOID:
        break;
    }
    return VOW_SAGA_ID_VOID;
}

/* Orders are what takes memory. */
static bool is_closed(struct vow_server *server, const struct session *session,
                      const struct vow_msg_saga_request *request)
{
    const uint64_t bytes_max = server->settings.saga_bytes_max;
    if (admission_is_closed(server, session, VOW_MSG_SAGA_REQUEST))
        return true;
    if (bytes_max == 0 || server->sagas.book.bytes + saga_book_size(request) <= bytes_max)
        return false;
    server->admission.closed_by = LIMIT_SAGA_BYTES;
    return true;
}

static void note_begun(struct vow_server *server, struct session *session)
{
    struct vow_sagas_counts counts;
    vow_sagas_counts(server->sagas.core, &counts);
    admission_note(server, LIMIT_SAGAS, counts.open);
    admission_note(server, LIMIT_SAGA_STEPS, counts.steps);
    admission_note(server, LIMIT_SAGA_BYTES, server->sagas.book.bytes);
    admission_note(server, LIMIT_IN_FLIGHT, ++session->open);
}

/* The id is used up with the BEGIN that is on its way to the log: not before, for who is told to come back comes with
 * the same one. */
void sagas_request(struct vow_server *server, struct session *session, const struct vow_msg *msg)
{
    const struct vow_msg_saga_request *request = &msg->saga_request;
    struct vow_sagas_event event = {.kind = VOW_SAGAS_REQUEST, .now_ms = vow_clock_ms(), .session = session->id};
    struct saga_order *order = NULL;
    event.request.msg = request;
    event.request.grant = grant_of(server, &request->gtrid);
    event.request.no_new_work = is_closed(server, session, request);
    if (event.request.grant == VOW_SAGA_ID_NEW && !event.request.no_new_work) {
        order = saga_book_add(&server->sagas.book, request, session->id);
        event.request.no_new_work = order == NULL;
        if (order == NULL)
            server->admission.closed_by = LIMIT_MEMORY;
    }
    server->sagas.request = msg;
    server->sagas.has_begun = false;
    sagas_step(server, &event);
    server->sagas.request = NULL;
    if (!server->sagas.has_begun) {
        saga_book_remove(&server->sagas.book, order);
        return;
    }
    vow_coord_use_id(server->core, &request->gtrid);
    note_begun(server, session);
}

/* ---- what else there is to hear ---- */

static const struct vow_gtrid *id_of(const struct vow_msg *msg)
{
    return msg->kind == VOW_MSG_SAGA_QUERY    ? &msg->saga_query.gtrid
           : msg->kind == VOW_MSG_SAGA_CANCEL ? &msg->saga_cancel.gtrid
                                              : &msg->step_done.gtrid;
}

/* A client that follows what has not begun has sent its order, and lost it. NOT_FOUND is final then: an order that is
 * still on its way, by the connection that was lost, begins nothing any more, and the client may begin anew. */
static void use_up(struct vow_server *server, const struct vow_msg *msg)
{
    if (msg->kind == VOW_MSG_SAGA_QUERY && msg->saga_query.follow &&
        vow_coord_id(server->core, &msg->saga_query.gtrid) == VOW_COORD_ID_FRESH)
        vow_coord_use_id(server->core, &msg->saga_query.gtrid);
}

void sagas_message(struct vow_server *server, const struct session *session, const struct vow_msg *msg)
{
    struct vow_sagas_event event = {
        .kind = VOW_SAGAS_MESSAGE, .now_ms = vow_clock_ms(), .session = session->id, .msg = msg};
    event.is_foreign = vow_gtrid_coord(id_of(msg)) != server->identity.coord;
    use_up(server, msg);
    sagas_step(server, &event);
}

void sagas_peer_up(struct vow_server *server, const struct session *session)
{
    const struct vow_sagas_event event = {
        .kind = VOW_SAGAS_PEER_UP, .now_ms = vow_clock_ms(), .session = session->id, .peer = session->name};
    sagas_step(server, &event);
}

void sagas_session_down(struct vow_server *server, uint64_t session)
{
    const struct vow_sagas_event event = {.kind = VOW_SAGAS_SESSION_DOWN, .now_ms = vow_clock_ms(), .session = session};
    sagas_step(server, &event);
}

void sagas_peer_ready(struct vow_server *server, uint64_t session)
{
    const struct vow_sagas_event event = {.kind = VOW_SAGAS_PEER_READY, .now_ms = vow_clock_ms(), .session = session};
    sagas_step(server, &event);
}

void sagas_timer(struct vow_server *server)
{
    const struct vow_sagas_event event = {.kind = VOW_SAGAS_TIMER, .now_ms = vow_clock_ms()};
    sagas_step(server, &event);
}

void sagas_shed(struct vow_server *server, bool on)
{
    const struct vow_sagas_event event = {.kind = VOW_SAGAS_SHED, .now_ms = vow_clock_ms(), .shed = on};
    sagas_step(server, &event);
}

void sagas_drain(struct vow_server *server)
{
    const struct vow_sagas_event event = {.kind = VOW_SAGAS_DRAIN, .now_ms = vow_clock_ms()};
    sagas_step(server, &event);
}

void sagas_order(struct vow_server *server, const struct vow_gtrid *gtrid, enum vow_saga_order order, uint64_t tag)
{
    const struct vow_sagas_event event = {
        .kind = VOW_SAGAS_ORDER, .now_ms = vow_clock_ms(), .order = {*gtrid, order, tag}};
    sagas_step(server, &event);
}

void sagas_free(struct vow_server *server)
{
    saga_book_free(&server->sagas.book);
    free(server->sagas.unsent);
    free(server->sagas.memory);
}
