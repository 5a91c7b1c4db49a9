/* Who is let in by a coordinator, and what comes from whom: session.c, lives.c, known.c of the server. */
#include <stdio.h>
#include <string.h>

#include "chaos/sim/coordinator_private.h"
#include "proto/error.h"

/* --- Sessions --- */

struct session *coordinator_session_find(struct sim_coordinator *c, uint64_t id)
{
    for (uint32_t i = 0; i < SESSIONS_MAX; i++) {
        if (c->sessions[i].id == id && id != 0)
            return &c->sessions[i];
    }
    return NULL;
}

static struct session *session_of(struct sim_coordinator *c, const struct sim_conn *conn)
{
    for (uint32_t i = 0; i < SESSIONS_MAX; i++) {
        if (c->sessions[i].id != 0 && c->sessions[i].conn == conn)
            return &c->sessions[i];
    }
    return NULL;
}

/* --- Who is let in --- */

static struct life *life_find(struct sim_coordinator *c, const uint8_t *db_uuid)
{
    for (uint32_t i = 0; i < c->lives_len; i++) {
        if (memcmp(c->lives[i].db_uuid, db_uuid, VOW_DB_UUID_BYTES) == 0)
            return &c->lives[i];
    }
    return NULL;
}

static void life_seen(struct sim_coordinator *c, const struct vow_coord_peer *peer)
{
    struct life *life = life_find(c, peer->db_uuid);

    if (life == NULL && c->lives_len < LIVES_MAX) {
        life = &c->lives[c->lives_len++];
        memcpy(life->db_uuid, peer->db_uuid, VOW_DB_UUID_BYTES);
        life->incarnation = 0;
    }
    if (life != NULL && life->incarnation < peer->incarnation)
        life->incarnation = peer->incarnation;
}

static int judge_rival(const struct sim_coordinator *c, const struct vow_msg_hello *hello)
{
    for (uint32_t i = 0; i < SESSIONS_MAX; i++) {
        const struct session *session = &c->sessions[i];
        const bool same_name = strcmp(session->name, hello->name) == 0;
        const bool same_file = memcmp(session->peer.db_uuid, hello->db_uuid, VOW_DB_UUID_BYTES) == 0;

        if (session->id == 0 || session->role != VOW_ROLE_PARTICIPANT || (!same_name && !same_file))
            continue;
        if (!same_file || !same_name || session->peer.incarnation > hello->incarnation)
            return VOW_E_IDENTITY;
    }
    return 0;
}

static int judge(struct sim_coordinator *c, const struct vow_msg_hello *hello)
{
    const struct life *life;
    int error = 0;

    if (hello->role == VOW_ROLE_COORDINATOR)
        return VOW_E_HANDSHAKE;
    if (hello->coord == c->identity.coord && hello->epoch > c->identity.epoch)
        return VOW_E_FENCED;
    if (hello->role != VOW_ROLE_PARTICIPANT)
        return 0;
    if (hello->coord != 0 && hello->coord != c->identity.coord)
        return VOW_E_NOT_MINE;
    error = judge_rival(c, hello);
    life = life_find(c, hello->db_uuid);
    if (error == 0 && life != NULL && hello->incarnation < life->incarnation)
        return VOW_E_IDENTITY;
    if (error == 0 && !vow_coord_has_peer_room(c->core, hello->name))
        return VOW_E_BUSY;
    return error;
}

static void session_drop(struct session *session)
{
    session->id = 0;
    session->up = false;
}

static void session_end(struct sim_world *world, struct sim_node *node, struct session *session)
{
    struct vow_coord_event down = {.kind = VOW_COORD_SESSION_DOWN, .session = session->id};
    struct sim_conn *conn = session->conn;

    session_drop(session);
    coordinator_orders_unanswered(world, node, down.session);
    sim_net_close(world, conn, 1);
    coordinator_step(world, node, &down);
    coordinator_sagas_session_down(world, node, down.session);
    coordinator_events_session_down(world, node, down.session);
}

static void close_older(struct sim_world *world, struct sim_node *node, const struct session *newer)
{
    struct sim_coordinator *c = node->coordinator;

    for (uint32_t i = 0; i < SESSIONS_MAX; i++) {
        struct session *session = &c->sessions[i];

        if (session->id != 0 && session != newer && session->role == VOW_ROLE_PARTICIPANT &&
            strcmp(session->name, newer->name) == 0)
            session_end(world, node, session);
    }
}

static struct session *session_new(struct sim_coordinator *c)
{
    for (uint32_t i = 0; i < SESSIONS_MAX; i++) {
        if (c->sessions[i].id == 0) {
            memset(&c->sessions[i], 0, sizeof(c->sessions[i]));
            c->sessions[i].id = ++c->next_session;
            return &c->sessions[i];
        }
    }
    return NULL;
}

static void reject(struct sim_world *world, struct sim_conn *conn, int error)
{
    const struct vow_msg msg = {.kind = VOW_MSG_REJECT, .reject = {.error = error, .text = vow_error_text(error)}};

    sim_net_send(world, conn, 1, &msg);
    sim_net_close(world, conn, 1);
}

static void welcome(struct sim_world *world, struct sim_node *node, struct session *session)
{
    struct sim_coordinator *c = node->coordinator;
    struct vow_coord_counts counts;
    struct vow_msg msg = {.kind = VOW_MSG_WELCOME};
    struct sim_sight sight = sim_sight_of(world, SIM_SEEN_LINKED, node);

    vow_coord_counts(c->core, &counts);
    msg.welcome = (struct vow_msg_welcome){.version = VOW_WIRE_VERSION,
                                           .coord = c->identity.coord,
                                           .epoch = c->identity.epoch,
                                           .name = c->identity.name,
                                           .watermark = counts.watermark,
                                           .heartbeat_ms = 2000,
                                           .frame_max = VOW_FRAME_MAX_DEFAULT};
    sim_net_send(world, session->conn, 1, &msg);
    session->conn->end[1].state = SIM_END_UP;
    session->conn->end[1].session = session->id;
    session->up = true;
    sight.peer = session->conn->end[0].node;
    sim_show(world, &sight);
}

static void hello(struct sim_world *world, struct sim_node *node, struct sim_conn *conn,
                  const struct vow_msg_hello *said)
{
    struct sim_coordinator *c = node->coordinator;
    struct vow_coord_event up = {.kind = VOW_COORD_PEER_UP};
    struct session *session;
    int error = judge(c, said);

    session = error == 0 ? session_new(c) : NULL;
    if (session == NULL) {
        reject(world, conn, error != 0 ? error : VOW_E_BUSY);
        return;
    }
    session->conn = conn;
    session->role = said->role;
    (void)snprintf(session->name, sizeof(session->name), "%s", said->name);
    (void)snprintf(session->address, sizeof(session->address), "%s", said->address);
    session->peer =
        (struct vow_coord_peer){.name = session->name, .incarnation = said->incarnation, .address = session->address};
    memcpy(session->peer.db_uuid, said->db_uuid, VOW_DB_UUID_BYTES);
    welcome(world, node, session);
    if (session->role != VOW_ROLE_PARTICIPANT)
        return;
    close_older(world, node, session);
    life_seen(c, &session->peer);
    up.session = session->id;
    up.peer = session->peer;
    coordinator_step(world, node, &up);
    coordinator_sagas_peer_up(world, node, session);
}

/* --- Messages --- */

void coordinator_message(struct sim_world *world, struct sim_node *node, struct sim_conn *conn, uint32_t side,
                         const struct vow_msg *msg)
{
    struct sim_coordinator *c = node->coordinator;
    struct session *session = session_of(c, conn);
    struct vow_coord_event event = {.kind = VOW_COORD_MESSAGE, .msg = msg};

    if (conn->end[side].state == SIM_END_HANDSHAKE && msg->kind == VOW_MSG_HELLO) {
        hello(world, node, conn, &msg->hello);
        return;
    }
    if (session == NULL || !session->up) {
        sim_net_close(world, conn, side);
        return;
    }
    event.session = session->id;
    if (msg->kind == VOW_MSG_ADMIN_REQUEST)
        coordinator_order(world, node, session, &msg->admin_request);
    else if (msg->kind == VOW_MSG_RESOLVED)
        coordinator_resolved(world, node, session, &msg->resolved);
    else if (!coordinator_sagas_message(world, node, session, msg) &&
             !coordinator_events_message(world, node, session, msg))
        coordinator_step(world, node, &event);
}

void coordinator_disconnected(struct sim_world *world, struct sim_node *node, struct sim_conn *conn, uint32_t side,
                              bool was_up)
{
    struct session *session = session_of(node->coordinator, conn);
    struct vow_coord_event down = {.kind = VOW_COORD_SESSION_DOWN};

    (void)side;
    if (session == NULL)
        return;
    down.session = session->id;
    session_drop(session);
    coordinator_orders_unanswered(world, node, down.session);
    if (!was_up)
        return;
    coordinator_step(world, node, &down);
    coordinator_sagas_session_down(world, node, down.session);
    coordinator_events_session_down(world, node, down.session);
}
