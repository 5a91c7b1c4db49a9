/* Sessions: which connection is whom. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "coordinator/server/internal.h"
#include "proto/net/clock.h"
#include "proto/net/crash.h"
#include "proto/net/log.h"

static const char *role_name(enum vow_role role)
{
    switch (role) {
    case VOW_ROLE_CLIENT:
        return "client";
    case VOW_ROLE_PARTICIPANT:
        return "participant";
    case VOW_ROLE_ADMIN:
        return "admin";
    case VOW_ROLE_COORDINATOR:
        return "coordinator";
    }
    return "?";
}

struct session *session_find(struct vow_server *server, uint64_t id)
{
    struct session *session = NULL;
    HASH_FIND(hh, server->sessions, &id, sizeof(id), session);
    return session;
}

static void session_drop(struct session *session)
{
    if (session->up && session->role == VOW_ROLE_PARTICIPANT)
        trace_parted(session->server, session->name);
    admission_went(session->server, session);
    gather_session_down(session->server, session->id);
    operate_session_down(session->server, session->id);
    HASH_DEL(session->server->sessions, session);
    free(session);
}

/* Ends a session from our side: no on_down follows. */
static void session_end(struct session *session)
{
    struct vow_server *server = session->server;
    struct vow_channel *channel = session->channel;
    struct vow_coord_event event = {.kind = VOW_COORD_SESSION_DOWN, .now_ms = vow_clock_ms(), .session = session->id};
    session_drop(session);
    vow_channel_close(channel, true);
    server_step(server, &event);
    sagas_session_down(server, event.session);
    server->broker->ops->session_gone(server->broker, event.session);
}

/* The newest connection of a participant is the true one: an older one with the same name is what a network has not
 * noticed yet, or a second process by mistake, which the incarnations in the log then show. */
static void close_older(struct vow_server *server, const struct session *newer)
{
    struct session *session, *next;
    HASH_ITER(hh, server->sessions, session, next)
    {
        if (session == newer || session->role != VOW_ROLE_PARTICIPANT || strcmp(session->name, newer->name) != 0)
            continue;
        VOW_LOG(VOW_LOG_WARN, "session_replaced", VOW_STR("name", newer->name), VOW_NUM("old_session", session->id),
                VOW_NUM("new_session", newer->id), VOW_NUM("old_incarnation", session->peer.incarnation),
                VOW_NUM("new_incarnation", newer->peer.incarnation));
        session_end(session);
    }
}

/*
 * One name, one data file, one life. Two files under one name would split a branch's work between them; an older life
 * of a file is a second process by mistake, which would take the session from the newer one and back for ever.
 */
static int judge_rival(struct vow_server *server, const struct vow_msg_hello *hello, const char **why)
{
    static const uint8_t no_file[VOW_DB_UUID_BYTES];
    struct session *session, *next;
    if (memcmp(hello->db_uuid, no_file, sizeof(no_file)) == 0)
        return 0; /* the null store has none */
    HASH_ITER(hh, server->sessions, session, next)
    {
        bool same_name = strcmp(session->name, hello->name) == 0;
        bool same_file = memcmp(session->peer.db_uuid, hello->db_uuid, sizeof(no_file)) == 0;
        *why = NULL;
        if (session->role != VOW_ROLE_PARTICIPANT || (!same_name && !same_file))
            continue;
        if (!same_file)
            *why = "a participant of this name is connected with another data file";
        else if (!same_name)
            *why = "this data file is connected under another name";
        else if (session->peer.incarnation > hello->incarnation)
            *why = "a newer life of this participant is connected: does a second process use its file?";
        if (*why != NULL)
            return VOW_E_IDENTITY;
    }
    return 0;
}

/* 0, or why this participant is not welcome. */
static int judge_participant(struct vow_server *server, const struct vow_msg_hello *hello, const char **why)
{
    /* Its prepared branches and tombstones are another log's, or this log is new and theirs is lost: nothing may be
     * presumed, and nothing may be added (faults F022, F024, F091). */
    if (hello->coord != 0 && hello->coord != server->identity.coord) {
        *why = "the participant's data belongs to another coordinator; see \"another coordinator\" in "
               "docs/operations.md";
        return VOW_E_NOT_MINE;
    }
    int error = judge_rival(server, hello, why);
    return error != 0 ? error : lives_judge(server, hello, why);
}

static int judge(struct vow_server *server, const struct vow_msg_hello *hello, const char **why)
{
    if (hello->role == VOW_ROLE_COORDINATOR) {
        *why = "a coordinator does not connect to a coordinator";
        return VOW_E_HANDSHAKE;
    }
    /* A peer that knows a newer epoch of us has talked to a later life of this log (fault F021). */
    if (hello->coord == server->identity.coord && hello->epoch > server->identity.epoch) {
        *why = "a newer epoch of this coordinator is known";
        return VOW_E_FENCED;
    }
    int error = hello->role == VOW_ROLE_PARTICIPANT ? judge_participant(server, hello, why) : 0;
    return error != 0 ? error : admission_judge(server, hello, why);
}

static int on_hello(void *ctx, struct vow_channel *channel, const struct vow_msg_hello *hello,
                    struct vow_msg_welcome *welcome, const char **why)
{
    struct vow_server *server = ctx;
    int error = judge(server, hello, why);
    if (error != 0)
        return error;
    struct session *session = calloc(1, sizeof(*session));
    if (session == NULL) {
        *why = "out of memory";
        return VOW_E_NO_MEMORY;
    }
    session->id = ++server->next_session;
    session->channel = channel;
    session->role = hello->role;
    session->server = server;
    memcpy(session->name, hello->name, strlen(hello->name) + 1);
    snprintf(session->software, sizeof(session->software), "%s", hello->software);
    session->peer.name = session->name;
    session->peer.incarnation = hello->incarnation;
    memcpy(session->peer.db_uuid, hello->db_uuid, sizeof(session->peer.db_uuid));
    snprintf(session->address, sizeof(session->address), "%s", hello->address);
    session->peer.address = session->address;
    HASH_ADD(hh, server->sessions, id, sizeof(session->id), session);
    vow_channel_set_user(channel, session);
    admission_came(server, session);

    struct vow_coord_counts counts;
    vow_coord_counts(server->core, &counts);
    welcome->coord = server->identity.coord;
    welcome->epoch = server->identity.epoch;
    welcome->name = server->identity.name;
    welcome->watermark = counts.watermark;
    return 0;
}

/* Restored, emptied, or the wrong one: what the other file has prepared or committed is not in this one (fault F044).
 */
static void warn_of_other_file(const struct vow_server *server, const struct session *session)
{
    const struct known *known = known_find(server, session->name);
    if (known != NULL && memcmp(known->db_uuid, session->peer.db_uuid, sizeof(known->db_uuid)) != 0)
        VOW_LOG(VOW_LOG_WARN, "other_data_file", VOW_STR("name", session->name),
                VOW_STR("why", "this participant has another data file than last time"));
}

static void on_up(void *ctx, struct vow_channel *channel, const struct vow_msg_welcome *welcome)
{
    (void)welcome;
    struct vow_server *server = ctx;
    struct session *session = vow_channel_user(channel);
    session->up = true;
    if (session->role != VOW_ROLE_PARTICIPANT)
        return;
    VOW_LOG(VOW_LOG_INFO, "participant_up", VOW_STR("name", session->name), VOW_NUM("session", session->id),
            VOW_NUM("incarnation", session->peer.incarnation), VOW_STR("address", vow_channel_peer_address(channel)));
    close_older(server, session);
    lives_seen(server, session);
    warn_of_other_file(server, session);
    known_seen(server, session);
    struct vow_coord_event event = {.kind = VOW_COORD_PEER_UP, .now_ms = vow_clock_ms(), .session = session->id};
    event.peer = session->peer;
    server_step(server, &event);
    sagas_peer_up(server, session);
}

/* What each role may say. The core trusts it: a vote is a participant's, and a client's is none (fault F169). */
static bool may_send(const struct session *session, enum vow_msg_kind kind)
{
    switch ((int)kind) {
    case VOW_MSG_IDS_REQUEST:
    case VOW_MSG_BEGIN:
    case VOW_MSG_COMMIT_REQUEST:
    case VOW_MSG_ROLLBACK_REQUEST:
    case VOW_MSG_STATUS_REQUEST:
    case VOW_MSG_SAGA_REQUEST:
    case VOW_MSG_SAGA_QUERY:
    case VOW_MSG_SAGA_CANCEL:
        return session->role == VOW_ROLE_CLIENT;
    case VOW_MSG_ENLIST:
    case VOW_MSG_VOTE:
    case VOW_MSG_ACK:
    case VOW_MSG_ONE_PHASE_DONE:
    case VOW_MSG_INQUIRY:
    case VOW_MSG_HEURISTIC_REPORT:
    case VOW_MSG_ADMIN_REPLY:
    case VOW_MSG_RESOLVED:
    case VOW_MSG_PUBLISH:
    case VOW_MSG_SUBSCRIBE:
    case VOW_MSG_DELIVERED:
    case VOW_MSG_SEEK:
    case VOW_MSG_STEP_DONE:
        return session->role == VOW_ROLE_PARTICIPANT;
    case VOW_MSG_ADMIN_REQUEST:
        return session->role == VOW_ROLE_ADMIN;
    default:
        return false;
    }
}

static void drop_out_of_role(struct session *session, enum vow_msg_kind kind)
{
    VOW_LOG(VOW_LOG_WARN, "peer_dropped", VOW_STR("peer", vow_channel_peer_address(session->channel)),
            VOW_STR("name", session->name), VOW_STR("role", role_name(session->role)),
            VOW_STR("message", vow_msg_name(kind)), VOW_STR("why", "a message that this role does not send"));
    session_end(session);
}

static void transaction_message(struct vow_server *server, const struct session *session, const struct vow_msg *msg)
{
    struct vow_coord_event event = {.kind = VOW_COORD_MESSAGE, .now_ms = vow_clock_ms(), .session = session->id};
    event.msg = msg;
    event.no_new_work = admission_is_closed(server, session, msg->kind);
    server_step(server, &event);
}

static void on_message(void *ctx, struct vow_channel *channel, const struct vow_msg *msg)
{
    struct vow_server *server = ctx;
    struct session *session = vow_channel_user(channel);
    VOW_CRASH("recv", "before", vow_msg_name(msg->kind));
    server->traffic.received++;
    trace_received(server, msg);
    server->traffic.counted_received += vow_msg_is_counted(msg->kind);
    if (!may_send(session, msg->kind)) {
        if (msg->kind == VOW_MSG_ADMIN_REQUEST)
            operate_out_of_role(server, session, role_name(session->role), &msg->admin_request);
        drop_out_of_role(session, msg->kind);
        return;
    }
    if (msg->kind == VOW_MSG_ADMIN_REQUEST) {
        admin_request(server, session, &msg->admin_request);
        return;
    }
    if (msg->kind == VOW_MSG_RESOLVED) {
        operate_resolved(server, session, &msg->resolved);
        return;
    }
    if (msg->kind == VOW_MSG_ADMIN_REPLY) {
        gather_reply(server, session, &msg->admin_reply);
        return;
    }
    if (msg->kind == VOW_MSG_SAGA_REQUEST)
        sagas_request(server, session, msg);
    else if (msg->kind == VOW_MSG_SAGA_QUERY || msg->kind == VOW_MSG_SAGA_CANCEL || msg->kind == VOW_MSG_STEP_DONE)
        sagas_message(server, session, msg);
    else if (events_takes(msg->kind))
        events_message(server, session, msg);
    else
        transaction_message(server, session, msg);
    VOW_CRASH("recv", "after", vow_msg_name(msg->kind));
}

static void on_down(void *ctx, struct vow_channel *channel, const struct vow_error_detail *detail)
{
    struct vow_server *server = ctx;
    struct session *session = vow_channel_user(channel);
    if (session == NULL)
        return; /* it never said HELLO */
    bool was_up = session->up;
    if (was_up && session->role == VOW_ROLE_PARTICIPANT)
        known_seen(server, session);
    /* The channel has warned of a peer that broke a rule. That a participant merely left is worth a warning, too. */
    if (was_up && session->role == VOW_ROLE_PARTICIPANT && detail->error == VOW_E_DISCONNECTED)
        VOW_LOG(VOW_LOG_WARN, "participant_down", VOW_STR("name", session->name), VOW_NUM("session", session->id),
                VOW_STR("why", detail->text));
    struct vow_coord_event event = {.kind = VOW_COORD_SESSION_DOWN, .now_ms = vow_clock_ms(), .session = session->id};
    session_drop(session);
    if (!was_up)
        return;
    server_step(server, &event);
    sagas_session_down(server, event.session);
    server->broker->ops->session_gone(server->broker, event.session);
}

static void on_drained(void *ctx, struct vow_channel *channel)
{
    struct vow_server *server = ctx;
    struct session *session = vow_channel_user(channel);
    struct vow_coord_event event = {.kind = VOW_COORD_PEER_READY, .now_ms = vow_clock_ms(), .session = session->id};
    session->is_full = session->is_told = false;
    server_step(server, &event);
    sagas_peer_ready(server, session->id);
    server->broker->ops->ready(server->broker, session->id);
}

const struct vow_channel_ops session_ops = {
    .on_hello = on_hello, .on_up = on_up, .on_message = on_message, .on_drained = on_drained, .on_down = on_down};

void session_close_all(struct vow_server *server)
{
    struct session *session, *next;
    HASH_ITER(hh, server->sessions, session, next)
    {
        struct vow_channel *channel = session->channel;
        vow_channel_flush(channel);
        session_drop(session);
        vow_channel_close(channel, true);
    }
}
