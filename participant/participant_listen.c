/* Connections that others open: peers in doubt, who ask, and operators. */
#include <stdlib.h>
#include <string.h>

#include "participant/participant_internal.h"
#include "participant/participant_peers.h"
#include "proto/net/crash.h"
#include "proto/net/log.h"

/* Connections that have not said who they are. */
#define STRANGERS_MAX 64u

struct vow_peer_session {
    struct vow_peer_session *next;
    struct vow_participant *participant;
    uint64_t id; /* never used twice */
    enum vow_role role;
    char name[VOW_NAME_SIZE];
    struct vow_channel *channel;
};

/* --- Sessions --- */

static void drop_session(struct vow_peer_session *session)
{
    struct vow_participant *participant = session->participant;
    struct vow_peer_session **at = &participant->sessions;

    while (*at != session)
        at = &(*at)->next;
    *at = session->next;
    participant->sessions_len--;
    free(session);
}

static struct vow_peer_session *add_session(struct vow_participant *participant, struct vow_channel *channel,
                                            const struct vow_msg_hello *hello)
{
    struct vow_peer_session *session =
        participant->sessions_len < VOW_PEER_SESSIONS_MAX ? calloc(1, sizeof(*session)) : NULL;

    if (session == NULL)
        return NULL;
    session->participant = participant;
    session->id = ++participant->session_last;
    session->role = hello->role;
    memcpy(session->name, hello->name, strlen(hello->name) + 1);
    session->channel = channel;
    session->next = participant->sessions;
    participant->sessions = session;
    participant->sessions_len++;
    vow_channel_set_user(channel, session);
    return session;
}

struct vow_channel *vow_participant_channel_of_session(const struct vow_participant *participant, uint64_t id)
{
    const struct vow_peer_session *session = participant->sessions;

    while (session != NULL && session->id != id)
        session = session->next;
    return session != NULL ? session->channel : NULL;
}

void vow_participant_tell_session(struct vow_participant *participant, uint64_t id, const struct vow_msg *msg)
{
    struct vow_channel *channel = vow_participant_channel_of_session(participant, id);

    if (channel == NULL)
        return;
    VOW_CRASH("send", "before", vow_msg_name(msg->kind));
    (void)vow_channel_send(channel, msg);
    if (vow_crash_hit("send", "after", vow_msg_name(msg->kind))) {
        vow_channel_flush(channel);
        vow_crash_now();
    }
}

/* --- The handshake --- */

/* Who belongs to another coordinator has nothing to ask here, and would take "no information" for an answer. */
static int judge(const struct vow_participant *participant, const struct vow_msg_hello *hello, const char **why)
{
    if (hello->role != VOW_ROLE_PARTICIPANT && hello->role != VOW_ROLE_ADMIN) {
        *why = "this is a participant: peers and operators may connect";
        return VOW_E_REFUSED;
    }
    if (hello->role == VOW_ROLE_PARTICIPANT && (participant->coord == 0 || hello->coord != participant->coord)) {
        *why = "this participant belongs to another coordinator";
        return VOW_E_NOT_MINE;
    }
    return 0;
}

static int on_hello(void *ctx, struct vow_channel *channel, const struct vow_msg_hello *hello,
                    struct vow_msg_welcome *welcome, const char **why)
{
    struct vow_participant *participant = ctx;
    int error = judge(participant, hello, why);

    if (error != 0)
        return error;
    if (add_session(participant, channel, hello) == NULL)
        return VOW_E_BUSY;
    welcome->coord = participant->coord;
    welcome->epoch = participant->epoch;
    welcome->name = participant->name;
    return 0;
}

static void on_up(void *ctx, struct vow_channel *channel, const struct vow_msg_welcome *welcome)
{
    (void)ctx, (void)channel, (void)welcome;
}

/* --- Messages --- */

static void break_off(struct vow_peer_session *session, const struct vow_msg *msg)
{
    struct vow_channel *channel = session->channel;

    VOW_LOG(VOW_LOG_WARN, "peer_breaks_protocol", VOW_STR("name", session->participant->name),
            VOW_STR("peer", session->name), VOW_STR("message", vow_msg_name(msg->kind)));
    drop_session(session);
    vow_channel_close(channel, true);
}

static void on_message(void *ctx, struct vow_channel *channel, const struct vow_msg *msg)
{
    struct vow_participant *participant = ctx;
    struct vow_peer_session *session = vow_channel_user(channel);

    VOW_CRASH("recv", "before", vow_msg_name(msg->kind));
    if (session->role == VOW_ROLE_PARTICIPANT && msg->kind == VOW_MSG_PEER_INQUIRY)
        vow_participant_peer(participant, session->id, msg);
    else if (session->role != VOW_ROLE_ADMIN || !vow_participant_operator(participant, session->id, msg))
        break_off(session, msg);
}

static void on_turn_end(void *ctx, struct vow_channel *channel)
{
    (void)channel;
    vow_participant_turn_end(ctx);
}

static void on_down(void *ctx, struct vow_channel *channel, const struct vow_error_detail *detail)
{
    (void)ctx, (void)detail;
    drop_session(vow_channel_user(channel));
}

static const struct vow_channel_ops ops = {
    .on_hello = on_hello, .on_up = on_up, .on_message = on_message, .on_turn_end = on_turn_end, .on_down = on_down};

/* --- Life --- */

/* What the others are told: the announced address, with the port that was taken if it names none. */
static void announce(struct vow_participant *participant)
{
    struct vow_address listening, announced = participant->peer_announce;

    vow_listener_address(participant->listener, &listening);
    if (announced.host[0] == '\0')
        announced = listening;
    if (announced.port == 0)
        announced.port = listening.port;
    vow_address_print(&announced, participant->peer_address);
}

int vow_participant_listen(struct vow_participant *participant)
{
    struct vow_channel_options options = vow_channel_defaults;
    struct vow_error_detail detail = {.error = 0};
    int error;

    if (!participant->listens)
        return 0;
    options.timers = participant->loop.timers;
    options.strangers_max = STRANGERS_MAX;
    error = vow_listener_new(participant->loop.base, &participant->peer_listen, &options, &ops, participant,
                             &participant->listener, &detail);
    if (error != 0) {
        VOW_LOG(VOW_LOG_ERROR, "peers_not_heard", VOW_STR("name", participant->name), VOW_STR("why", detail.text));
        return error == VOW_E_NO_MEMORY ? error : VOW_E_SYSTEM;
    }
    announce(participant);
    return 0;
}

void vow_participant_unlisten(struct vow_participant *participant)
{
    while (participant->sessions != NULL) {
        struct vow_peer_session *session = participant->sessions;

        participant->sessions = session->next;
        participant->sessions_len--;
        vow_channel_close(session->channel, true);
        free(session);
    }
    vow_listener_free(participant->listener);
    participant->listener = NULL;
    participant->peer_address[0] = '\0';
}
