/* What vowctl asks: rows of JSON, one message a row, the last one marked. Reads only. */
#include <stdlib.h>
#include <string.h>

#include "coordinator/server/internal.h"
#include "proto/net/clock.h"

#define ROWS_DEFAULT 1000u

static void reply(struct vow_server *server, struct session *session, int error, const char *json, bool last)
{
    struct vow_msg msg = {.kind = VOW_MSG_ADMIN_REPLY};
    msg.admin_reply.error = error;
    msg.admin_reply.json = json != NULL ? json : "";
    msg.admin_reply.last = last;
    server_send(server, session, &msg);
}

/* Sends a row that was made for it, and frees it. */
static void reply_row(struct vow_server *server, struct session *session, char *json, bool last)
{
    reply(server, session, json != NULL ? 0 : VOW_E_NO_MEMORY, json, last || json == NULL);
    free(json);
}

/* Which transactions a filter means. */
static bool filter_takes(const char *filter, const struct vow_coord_txn_view *view, uint64_t now_ms)
{
    bool committing = strcmp(view->state, "COMMITTING") == 0;
    if (strcmp(filter, "in-doubt") == 0)
        return committing || strcmp(view->state, "DELEGATED") == 0;
    if (strcmp(filter, "stuck") == 0)
        return txn_is_stuck(view, now_ms);
    return true;
}

static bool filter_is_known(const char *filter)
{
    return filter[0] == '\0' || strcmp(filter, "in-doubt") == 0 || strcmp(filter, "stuck") == 0 ||
           strcmp(filter, "all") == 0;
}

static void list(struct vow_server *server, struct session *session, const struct vow_msg_admin_request *request)
{
    if (!filter_is_known(request->filter)) {
        reply(server, session, VOW_E_ARGUMENT, "", true);
        return;
    }
    uint32_t left = request->limit > 0 ? request->limit : ROWS_DEFAULT;
    uint32_t cursor = 0;
    struct vow_coord_txn_view view;
    while (left > 0 && vow_coord_next(server->core, &cursor, &view)) {
        if (!filter_takes(request->filter, &view, vow_clock_ms()))
            continue;
        reply_row(server, session, row_txn(&view), false);
        left--;
    }
    reply(server, session, 0, "", true);
}

static void peers(struct vow_server *server, struct session *session)
{
    uint32_t cursor = 0;
    const char *name;
    uint64_t peer_session, incarnation;
    while (vow_coord_next_peer(server->core, &cursor, &name, &peer_session, &incarnation))
        reply_row(server, session, row_peer(server, name, peer_session != 0, incarnation), false);
    reply(server, session, 0, "", true);
}

/* The journal answers later: admin_history_done(). SHOW of an ended transaction is told from its history. */
static void ask_history(struct vow_server *server, struct session *session, const struct vow_msg_admin_request *request)
{
    struct log_op *op = log_op_take(server);
    op->op.kind = VOW_JOURNAL_HISTORY;
    op->op.gtrid = request->gtrid;
    op->op.token = session->id;
    op->op.user = request->command == VOW_ADMIN_SHOW ? server : NULL;
    log_op_push(server, op, true);
}

void admin_history_done(struct vow_server *server, struct vow_journal_op *op)
{
    struct session *session = session_find(server, op->token);
    bool show = op->user != NULL;
    if (session != NULL && op->error != 0 && op->error != VOW_E_NOT_FOUND) {
        reply(server, session, op->error, "", true);
    } else if (session != NULL && show && op->events_len > 0) {
        reply_row(server, session, row_ended(&op->gtrid, op->events, op->events_len), true);
    } else if (session != NULL) {
        for (uint32_t i = 0; i < op->events_len; i++)
            reply_row(server, session, row_event(&op->events[i]), false);
        reply(server, session, op->events_len > 0 ? 0 : VOW_E_NOT_FOUND, "", true);
    }
}

static void show(struct vow_server *server, struct session *session, const struct vow_msg_admin_request *request)
{
    struct vow_coord_txn_view view;
    if (vow_coord_find(server->core, &request->gtrid, &view))
        reply_row(server, session, row_txn(&view), true);
    else
        ask_history(server, session, request);
}

void admin_request(struct vow_server *server, struct session *session, const struct vow_msg_admin_request *request)
{
    switch (request->command) {
    case VOW_ADMIN_STATUS:
        reply_row(server, session, row_status(server), true);
        break;
    case VOW_ADMIN_LIST:
        list(server, session, request);
        break;
    case VOW_ADMIN_SHOW:
        show(server, session, request);
        break;
    case VOW_ADMIN_HISTORY:
        ask_history(server, session, request);
        break;
    case VOW_ADMIN_PEERS:
        peers(server, session);
        break;
    case VOW_ADMIN_COMMIT:
    case VOW_ADMIN_ABORT:
    case VOW_ADMIN_FORGET:
        reply(server, session, VOW_E_REFUSED, "", true);
        break;
    }
}
