/* What vowctl asks: rows of JSON, one message a row, the last one marked. */
#include <stdlib.h>
#include <string.h>

#include "coordinator/server/internal.h"
#include "proto/net/clock.h"

#define ROWS_DEFAULT 1000u

void admin_reply(struct vow_server *server, struct session *session, uint64_t tag, int error, const char *json,
                 bool last)
{
    struct vow_msg msg = {.kind = VOW_MSG_ADMIN_REPLY};
    msg.admin_reply.error = error;
    msg.admin_reply.json = json != NULL ? json : "";
    msg.admin_reply.last = last;
    msg.admin_reply.tag = tag;
    server_send(server, session, &msg);
}

void admin_reply_row(struct vow_server *server, struct session *session, uint64_t tag, char *json, bool last)
{
    admin_reply(server, session, tag, json != NULL ? 0 : VOW_E_NO_MEMORY, json, last || json == NULL);
    free(json);
}

/* Which transactions a filter means. */
static bool filter_takes(const char *filter, const struct vow_coord_txn_view *view, uint64_t now_ms)
{
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
        admin_reply(server, session, request->tag, VOW_E_ARGUMENT, "", true);
        return;
    }
    if (strcmp(request->filter, "in-doubt") == 0) {
        in_doubt_list(server, session, request);
        return;
    }
    uint32_t left = request->limit > 0 ? request->limit : ROWS_DEFAULT;
    uint32_t cursor = 0;
    struct vow_coord_txn_view view;
    while (left > 0 && vow_coord_next(server->core, &cursor, &view)) {
        if (!filter_takes(request->filter, &view, vow_clock_ms()))
            continue;
        admin_reply_row(server, session, request->tag, row_txn(server, &view), false);
        left--;
    }
    admin_reply(server, session, request->tag, 0, "", true);
}

static void peers(struct vow_server *server, struct session *session, uint64_t tag)
{
    uint32_t cursor = 0;
    const char *name;
    uint64_t peer_session, incarnation;
    while (vow_coord_next_peer(server->core, &cursor, &name, &peer_session, &incarnation))
        admin_reply_row(server, session, tag, row_peer(server, name, peer_session != 0, incarnation), false);
    admin_reply(server, session, tag, 0, "", true);
}

/* The journal answers later: admin_history_done(). */
void admin_ask_history(struct vow_server *server, uint64_t session, uint64_t tag, const struct vow_gtrid *gtrid,
                       struct gather *show)
{
    struct log_op *op = log_op_take(server);
    op->op.kind = VOW_JOURNAL_HISTORY;
    op->op.gtrid = *gtrid;
    op->op.token = session;
    op->op.user = show;
    op->tag = tag;
    log_op_push(server, op, true);
}

static void tell_history(struct vow_server *server, struct session *session, uint64_t tag,
                         const struct vow_journal_op *op)
{
    for (uint32_t i = 0; op->error == 0 && i < op->events_len; i++)
        admin_reply_row(server, session, tag, row_event(&op->events[i]), false);
    const int none = op->error != 0 ? op->error : VOW_E_NOT_FOUND;
    admin_reply(server, session, tag, op->error == 0 && op->events_len > 0 ? 0 : none, "", true);
}

void admin_history_done(struct vow_server *server, struct vow_journal_op *op)
{
    struct session *session = session_find(server, op->token);
    if (op->user != NULL)
        show_history(server, op->user, op);
    else if (session != NULL)
        tell_history(server, session, ((struct log_op *)op)->tag, op);
}

void admin_request(struct vow_server *server, struct session *session, const struct vow_msg_admin_request *request)
{
    switch (request->command) {
    case VOW_ADMIN_STATUS:
        admin_reply_row(server, session, request->tag, row_status(server), true);
        break;
    case VOW_ADMIN_LIST:
        list(server, session, request);
        break;
    case VOW_ADMIN_SHOW:
        in_doubt_show(server, session, request);
        break;
    case VOW_ADMIN_HISTORY:
        admin_ask_history(server, session->id, request->tag, &request->gtrid, NULL);
        break;
    case VOW_ADMIN_PEERS:
        peers(server, session, request->tag);
        break;
    case VOW_ADMIN_COMMIT:
    case VOW_ADMIN_ABORT:
    case VOW_ADMIN_FORGET:
        operate_begin(server, session, request);
        break;
    }
}
