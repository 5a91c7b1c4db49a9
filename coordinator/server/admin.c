/* What vowctl asks: rows of JSON, one message a row, the last one marked. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "coordinator/server/rows.h"
#include "proto/net/clock.h"
#include "proto/net/crash.h"

#define ROWS_DEFAULT 1000u

static int send_reply(struct vow_server *server, struct session *session, const struct vow_msg_admin_reply *reply)
{
    const struct vow_msg msg = {.kind = VOW_MSG_ADMIN_REPLY, .admin_reply = *reply};
    VOW_CRASH("send", "before", "ADMIN_REPLY");
    const int error = vow_channel_send_bulk(session->channel, &msg, reply->last);
    server->traffic.sent += error == 0;
    if (vow_crash_hit("send", "after", "ADMIN_REPLY")) {
        vow_channel_flush(session->channel);
        vow_crash_now();
    }
    return error;
}

/* Nobody waits for an answer that cannot come. */
static void say_too_large(struct vow_server *server, struct session *session, uint64_t tag, size_t len)
{
    char why[VOW_TEXT_SIZE];
    snprintf(why, sizeof(why), "the answer has %zu bytes, and a message %u: raise limits.frame_bytes_max (--frame-max)",
             len, server->settings.frame_bytes_max);
    char *row = row_finish(json_pack("{s:s}", "why", why));
    const struct vow_msg_admin_reply reply = {
        .error = VOW_E_TOO_LARGE, .json = row != NULL ? row : "", .last = true, .tag = tag};
    (void)send_reply(server, session, &reply);
    free(row);
}

void admin_reply(struct vow_server *server, struct session *session, uint64_t tag, int error, const char *json,
                 bool last)
{
    const struct vow_msg_admin_reply reply = {
        .error = error, .json = json != NULL ? json : "", .last = last, .tag = tag};
    if (send_reply(server, session, &reply) == VOW_E_TOO_LARGE)
        say_too_large(server, session, tag, strlen(reply.json));
}

int answer_row(struct answer *answer, char *json)
{
    const struct vow_msg_admin_reply reply = {.json = json, .tag = answer->tag};
    const int error = json != NULL ? send_reply(answer->server, answer->session, &reply) : VOW_E_NO_MEMORY;
    free(json);
    answer->left_out += error != 0;
    return error;
}

void answer_end(struct answer *answer, int error)
{
    char *end = answer->left_out > 0 ? row_finish(json_pack("{s:o}", "left_out", json_u64(answer->left_out))) : NULL;
    admin_reply(answer->server, answer->session, answer->tag, error, end, true);
    free(end);
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
    struct answer answer = {.server = server, .session = session, .tag = request->tag};
    const uint32_t limit = request->limit > 0 ? request->limit : ROWS_DEFAULT;
    uint32_t cursor = 0, rows = 0;
    struct vow_coord_txn_view view;
    while (vow_coord_next(server->core, &cursor, &view)) {
        if (!filter_takes(request->filter, &view, vow_clock_ms()))
            continue;
        if (rows++ < limit)
            (void)answer_row(&answer, row_txn(server, &view));
        else
            answer.left_out++;
    }
    answer_end(&answer, 0);
}

static void peers(struct vow_server *server, struct session *session, uint64_t tag)
{
    struct answer answer = {.server = server, .session = session, .tag = tag};
    uint32_t cursor = 0;
    const char *name;
    uint64_t peer_session, incarnation;
    while (vow_coord_next_peer(server->core, &cursor, &name, &peer_session, &incarnation))
        (void)answer_row(&answer, row_peer(server, name, peer_session != 0, incarnation));
    answer_end(&answer, 0);
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
    struct answer answer = {.server = server, .session = session, .tag = tag};
    for (uint32_t i = 0; op->error == 0 && i < op->events_len; i++)
        (void)answer_row(&answer, row_event(&op->events[i]));
    /* Who has done the events among them, and who has not. */
    for (uint32_t i = 0; op->error == 0 && i < op->events_len; i++) {
        if (op->events[i].record.kind == VOW_RECORD_EVENT)
            events_reactions(&answer, &op->events[i]);
    }
    const int none = op->error != 0 ? op->error : VOW_E_NOT_FOUND;
    answer_end(&answer, op->error == 0 && op->events_len > 0 ? 0 : none);
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
    case VOW_ADMIN_REPLAY:
        replays_ask(server, session, request);
        break;
    case VOW_ADMIN_PEERS:
        peers(server, session, request->tag);
        break;
    case VOW_ADMIN_COMMIT:
    case VOW_ADMIN_ABORT:
    case VOW_ADMIN_FORGET:
    case VOW_ADMIN_SAGA_RETRY:
    case VOW_ADMIN_SAGA_CLOSE:
    case VOW_ADMIN_DLQ_RETRY:
    case VOW_ADMIN_DLQ_DROP:
    case VOW_ADMIN_GROUP_REMOVE:
    case VOW_ADMIN_GROUP_SEEK:
        operate_begin(server, session, request);
        break;
    case VOW_ADMIN_SAGA_LIST:
        sagas_list(server, session, request);
        break;
    case VOW_ADMIN_SAGA_SHOW:
        if (!sagas_show(server, session, request))
            admin_ask_history(server, session->id, request->tag, &request->gtrid, NULL);
        break;
    case VOW_ADMIN_TOPICS:
        events_topics(server, session, request);
        break;
    case VOW_ADMIN_DLQ_LIST:
        events_dead_list(server, session, request);
        break;
    case VOW_ADMIN_DLQ_SHOW:
        events_dead_show(server, session, request);
        break;
    }
}
