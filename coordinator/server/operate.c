/*
 * What an operator does by hand. Each command is first written to the history, durably, with who asked and why; then it
 * is done, and what came of it is written, too. An order that was refused is in the history as well, also one that came
 * from somebody who may not give any (fault F179).
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "coordinator/core/order.h"
#include "coordinator/server/operate.h"
#include "coordinator/server/rows.h"
#include "proto/net/clock.h"
#include "proto/net/crash.h"
#include "proto/net/log.h"

#define ORDERS_MAX 64u
/* vowctl waits for 5 s unless it is told otherwise. */
#define ANSWER_MS 4000u

static bool is_of_dead_letter(enum vow_admin_command command)
{
    return command == VOW_ADMIN_DLQ_RETRY || command == VOW_ADMIN_DLQ_DROP;
}

static struct order *find(const struct vow_server *server, uint32_t id)
{
    struct order *order = NULL;
    HASH_FIND(hh, server->orders, &id, sizeof(id), order);
    return order;
}

static void free_order(struct order *order)
{
    HASH_DEL(order->server->orders, order);
    vow_timer_deinit(&order->timer);
    free(order);
}

void operate_free_all(struct vow_server *server)
{
    struct order *order, *next;
    HASH_ITER(hh, server->orders, order, next)
    free_order(order);
}

/* ---- the history ---- */

/* `asker` has this record waited for: operate_logged(). NULL = it rides with the next batch. */
static void write_down(struct vow_server *server, const struct vow_gtrid *gtrid, const char *participant,
                       const char *text, struct order *asker)
{
    VOW_CRASH("log", "before", "OPERATOR");
    struct log_op *op = log_op_take(server);
    op->op.kind = VOW_JOURNAL_APPEND;
    op->op.user = asker;
    op->op.record = (struct vow_record){.kind = VOW_RECORD_OPERATOR, .gtrid = *gtrid};
    op->op.record.epoch = server->identity.epoch;
    op->op.record.branches = op->op.branches;
    snprintf(op->op.record.who, sizeof(op->op.record.who), "%s", participant);
    vow_text_copy(op->op.record.text, text);
    log_op_push(server, op, asker != NULL);
}

static void log_order(const struct order *order, const char *result, const char *why)
{
    char id[VOW_GTRID_TEXT_SIZE];
    vow_gtrid_to_text(&order->gtrid, id);
    VOW_LOG(VOW_LOG_WARN, "operator", VOW_STR("command", vow_order_name(order->command)), VOW_STR("id", id),
            VOW_STR("participant", order->participant), VOW_STR("who", order->who), VOW_STR("reason", order->why),
            VOW_STR("result", result), VOW_STR("why", why));
}

/* ---- the end of an order ---- */

/* For the history. Of what leaves it open nobody may say that it was not done (guarantee 3). */
static const char *what_came_of_it(int error)
{
    if (error == 0)
        return "done";
    return vow_error_class(error) <= VOW_CLASS_REFUSED && error != VOW_E_RECOVERING ? "not done"
                                                                                    : "not known whether it was done";
}

static void answer(struct order *order, int error, const char *key, const char *text, bool last_word)
{
    struct session *session = session_find(order->server, order->asker);
    char note[VOW_TEXT_SIZE + 64];
    snprintf(note, sizeof(note), "%s %s: %s", vow_order_name(order->command), what_came_of_it(error), text);
    if (last_word)
        write_down(order->server, &order->gtrid, order->participant, note, NULL);
    log_order(order, error == 0 ? "done" : vow_error_name(error), text);
    if (session != NULL) {
        char *row = row_finish(json_pack("{s:s}", key, text));
        admin_reply(order->server, session, order->tag, error, row, true);
        free(row);
    }
    free_order(order);
}

void operate_refuse(struct order *order, int error, const char *why)
{
    answer(order, error, "why", why, true);
}

void operate_done(struct order *order, const char *what)
{
    answer(order, 0, "done", what, true);
}

/* ---- abort of what is not decided ---- */

/* What is true if it is too late, or never was. */
static const char *why_no_abort(const struct vow_server *server, const struct vow_gtrid *gtrid)
{
    struct vow_coord_txn_view view;
    if (!vow_coord_find(server->core, gtrid, &view))
        return "the coordinator has nothing of it in memory: it has ended, or never began";
    if (strcmp(view.state, "ACTIVE") == 0 || strcmp(view.state, "PREPARING") == 0)
        return NULL;
    if (strcmp(view.state, "DELEGATED") == 0 || strcmp(view.state, "LOOKING_UP") == 0)
        return "its one participant commits it alone, and may have done so";
    return "it is decided, and what is decided is never aborted";
}

static void abort_all(struct order *order)
{
    struct vow_server *server = order->server;
    struct vow_coord_event event = {
        .kind = VOW_COORD_MESSAGE, .now_ms = vow_clock_ms(), .session = 0, .by_operator = true};
    const struct vow_msg msg = {.kind = VOW_MSG_ROLLBACK_REQUEST, .rollback_request = {.gtrid = order->gtrid}};
    const char *why = why_no_abort(server, &order->gtrid);
    if (why != NULL) {
        operate_refuse(order, VOW_E_REFUSED, why);
        return;
    }
    event.msg = &msg;
    server_step(server, &event);
    operate_done(order, "aborted, at all its participants; its client hears so");
}

/* ---- one participant's branch ---- */

static struct session *session_of(const struct vow_server *server, const char *participant)
{
    struct session *session, *next;
    HASH_ITER(hh, server->sessions, session, next)
    {
        if (session->up && session->role == VOW_ROLE_PARTICIPANT && strcmp(session->name, participant) == 0)
            return session;
    }
    return NULL;
}

/* It may have been done, and nobody may say that it was not (guarantee 3). */
static void on_no_answer(void *ctx)
{
    answer(ctx, VOW_E_IN_DOUBT, "why", "the participant has not answered: see vowctl show", true);
}

static void resolve(struct order *order)
{
    struct session *session = session_of(order->server, order->participant);
    struct vow_msg msg = {.kind = VOW_MSG_RESOLVE};
    if (session == NULL) {
        operate_refuse(order, VOW_E_STATE,
                       "this participant is not connected: ask it itself, with --coordinator ITS-ADDRESS");
        return;
    }
    msg.resolve.header = (struct vow_msg_header){.gtrid = order->gtrid,
                                                 .incarnation = session->peer.incarnation,
                                                 .epoch = order->server->identity.epoch,
                                                 .attempt = order->id};
    msg.resolve.verdict = order->command == VOW_ADMIN_COMMIT ? VOW_COMMIT : VOW_ABORT;
    msg.resolve.who = order->who;
    msg.resolve.why = order->why;
    order->session = session->id;
    vow_timer_arm(&order->timer, ANSWER_MS);
    server_send(order->server, session, &msg);
}

/* Its error is passed on as it is: not each of them is a definite no. */
void operate_resolved(struct vow_server *server, const struct session *session, const struct vow_msg_resolved *resolved)
{
    char text[VOW_TEXT_SIZE + VOW_NAME_SIZE];
    struct order *order = find(server, resolved->header.attempt);
    if (order == NULL || order->session != session->id || !vow_gtrid_equal(&order->gtrid, &resolved->header.gtrid))
        return; /* it comes too late */
    if (resolved->error != 0) {
        snprintf(text, sizeof(text), "%s says: %s", session->name,
                 resolved->text[0] != '\0' ? resolved->text : vow_error_text(resolved->error));
        operate_refuse(order, resolved->error, text);
        return;
    }
    snprintf(text, sizeof(text), "%s has %s its branch", session->name,
             resolved->verdict == VOW_COMMIT ? "committed" : "rolled back");
    operate_done(order, text);
}

void operate_session_down(struct vow_server *server, uint64_t session)
{
    struct order *order, *next;
    HASH_ITER(hh, server->orders, order, next)
    {
        if (!server->ended && order->session == session)
            on_no_answer(order);
    }
}

/* ---- damage is seen to ---- */

/* Answered when it is in the log: operate_forgotten(). */
static void forget(struct order *order)
{
    struct vow_coord_event event = {.kind = VOW_COORD_FORGET, .now_ms = vow_clock_ms()};
    event.forget = (struct vow_coord_forget){.gtrid = order->gtrid,
                                             .participant = order->participant,
                                             .who = order->who,
                                             .why = order->why,
                                             .tag = order->id};
    server_step(order->server, &event);
}

/* All that the core answers is definite. What it does not know the history may: NOT_FOUND would say too much. */
void operate_forgotten(struct vow_server *server, uint64_t tag, int error, const char *text)
{
    struct order *order = find(server, (uint32_t)tag);
    if (order == NULL)
        return;
    if (error != 0)
        operate_refuse(order, error == VOW_E_BUSY ? VOW_E_BUSY : VOW_E_STATE, text);
    else
        operate_done(order, text[0] != '\0' ? text : "forgotten; the history keeps what happened");
}

/* ---- a stuck saga, a dead letter ---- */

static const char *what_was_done(enum vow_admin_command command)
{
    switch ((int)command) {
    case VOW_ADMIN_SAGA_RETRY:
        return "what is stuck is tried again";
    case VOW_ADMIN_DLQ_RETRY:
        return "it is delivered again, under the same name";
    case VOW_ADMIN_DLQ_DROP:
        return "dropped; the history keeps that";
    case VOW_ADMIN_GROUP_REMOVE:
        return "removed; if its service comes back it is a new group";
    default:
        return "closed, as it is";
    }
}

void operate_ordered(struct vow_server *server, uint64_t tag, int error, const char *text)
{
    struct order *order = find(server, (uint32_t)tag);
    if (order == NULL)
        return;
    if (error == 0 && order->command == VOW_ADMIN_GROUP_SEEK)
        operate_moved(order);
    else if (error != 0)
        operate_refuse(order, error == VOW_E_RECOVERING ? VOW_E_BUSY : error,
                       text[0] != '\0' ? text : vow_error_text(error));
    else
        operate_done(order, what_was_done(order->command));
}

/* ---- an order comes ---- */

/* It is in the history: it may be done. */
void operate_logged(struct vow_server *server, void *ctx)
{
    struct order *order = ctx;
    if (is_of_dead_letter(order->command))
        operate_events(order, order->command == VOW_ADMIN_DLQ_RETRY ? VOW_RELAY_RETRY : VOW_RELAY_DROP);
    else if (order->command == VOW_ADMIN_GROUP_SEEK)
        operate_move(order);
    else if (order->command == VOW_ADMIN_GROUP_REMOVE)
        operate_events(order, VOW_RELAY_REMOVE);
    else if (order->command == VOW_ADMIN_SAGA_RETRY)
        sagas_order(server, &order->gtrid, VOW_SAGA_RETRY, order->id);
    else if (order->command == VOW_ADMIN_SAGA_CLOSE)
        sagas_order(server, &order->gtrid, VOW_SAGA_CLOSE, order->id);
    else if (order->command == VOW_ADMIN_FORGET)
        forget(order);
    else if (order->participant[0] != '\0')
        resolve(order);
    else
        abort_all(order);
}

static const char *wrong(const struct vow_msg_admin_request *request)
{
    char text[VOW_TEXT_SIZE];
    uint64_t lsn;
    if (is_of_dead_letter(request->command)) {
        if (request->participant[0] == '\0' || !events_offset(request->filter, &lsn))
            return "no dead letter is named: a group, and an offset";
    } else if (request->command == VOW_ADMIN_GROUP_REMOVE) {
        if (request->participant[0] == '\0')
            return "no group is named";
    } else if (request->command == VOW_ADMIN_GROUP_SEEK) {
        if (request->participant[0] == '\0' || !operate_place(request->filter, &lsn))
            return "no group and place are named: an offset, oldest or newest";
    } else if (vow_gtrid_is_none(&request->gtrid)) {
        return "no transaction is named";
    }
    if (request->who[0] == '\0' || request->why[0] == '\0')
        return "who asks, and why, must be said";
    if (vow_order_text(request, text) > VOW_TEXT_MAX)
        return "who asks, and why, are too long to be kept in the history";
    if (request->command == VOW_ADMIN_COMMIT && request->participant[0] == '\0')
        return "nobody can decide COMMIT for participants that may not have voted";
    if ((request->command == VOW_ADMIN_SAGA_RETRY || request->command == VOW_ADMIN_SAGA_CLOSE) &&
        request->participant[0] != '\0')
        return "a saga is tried again, or closed, as a whole";
    return NULL;
}

static struct order *make(struct vow_server *server, const struct session *session,
                          const struct vow_msg_admin_request *request)
{
    struct order *order = calloc(1, sizeof(*order));
    if (order == NULL)
        return NULL;
    order->server = server;
    order->id = ++server->next_order;
    order->asker = session->id;
    order->tag = request->tag;
    order->command = request->command;
    order->gtrid = request->gtrid;
    if (request->command == VOW_ADMIN_GROUP_SEEK)
        (void)operate_place(request->filter, &order->lsn);
    else
        (void)events_offset(request->filter, &order->lsn);
    snprintf(order->participant, sizeof(order->participant), "%s", request->participant);
    vow_text_copy(order->who, request->who);
    vow_text_copy(order->why, request->why);
    vow_timer_init(&order->timer, server->base, server->timers, on_no_answer, order);
    HASH_ADD(hh, server->orders, id, sizeof(order->id), order);
    return order;
}

void operate_begin(struct vow_server *server, struct session *session, const struct vow_msg_admin_request *request)
{
    char text[VOW_TEXT_SIZE];
    const char *why = wrong(request);
    struct order *order = NULL;
    if (why == NULL && HASH_COUNT(server->orders) < ORDERS_MAX)
        order = make(server, session, request);
    if (order == NULL) {
        char *row = row_finish(json_pack("{s:s}", "why", why != NULL ? why : "too many orders are under way"));
        admin_reply(server, session, request->tag, why != NULL ? VOW_E_REFUSED : VOW_E_BUSY, row, true);
        free(row);
        return;
    }
    (void)vow_order_text(request, text);
    write_down(server, &order->gtrid, order->participant, text, order);
}

/* Somebody who is no operator tried to be one. */
void operate_out_of_role(struct vow_server *server, const struct session *session, const char *role,
                         const struct vow_msg_admin_request *request)
{
    char text[3 * VOW_TEXT_SIZE];
    if (request->command < VOW_ADMIN_COMMIT || request->command == VOW_ADMIN_SAGA_LIST ||
        request->command == VOW_ADMIN_SAGA_SHOW || request->command == VOW_ADMIN_REPLAY)
        return;
    snprintf(text, sizeof(text), "%s refused: asked for by %s \"%s\", who is no operator; says to be %s: %s",
             vow_order_name(request->command), role, session->name, request->who, request->why);
    write_down(server, &request->gtrid, request->participant, text, NULL);
}
