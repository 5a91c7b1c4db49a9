/* A participant's connections: to its coordinator, and with other participants. */
#include <string.h>

#include "chaos/sim/participant_private.h"
#include "proto/error.h"
#include "proto/net/backoff.h"

/* --- The coordinator --- */

/* Side 0 of a connection to another participant: to ask it; side 1: it asks. */
static bool is_to_coordinator(const struct sim_node *node, const struct sim_conn *conn)
{
    return conn->end[0].node == node->index && conn->end[1].node == node->coord;
}

void participant_connected(struct sim_world *world, struct sim_node *node, struct sim_conn *conn, uint32_t side)
{
    struct sim_participant *p = node->participant;
    char address[VOW_ADDRESS_SIZE];
    struct vow_msg msg = {.kind = VOW_MSG_HELLO};

    sim_peers_address(node, address);
    msg.hello = (struct vow_msg_hello){.version_min = VOW_WIRE_VERSION,
                                       .version_max = VOW_WIRE_VERSION,
                                       .role = VOW_ROLE_PARTICIPANT,
                                       .name = node->name,
                                       .incarnation = p->identity.incarnation,
                                       .coord = p->coord,
                                       .epoch = p->epoch,
                                       .software = "sim",
                                       .address = address};
    memcpy(msg.hello.db_uuid, p->identity.db_uuid, VOW_DB_UUID_BYTES);
    sim_net_send(world, conn, side, &msg);
}

/* welcome: NULL, or what the coordinator has said. */
static void show_linked(struct sim_world *world, const struct sim_node *node, const struct sim_conn *conn,
                        uint32_t side, const struct vow_msg_welcome *welcome)
{
    struct sim_sight sight = sim_sight_of(world, SIM_SEEN_LINKED, node);

    sight.peer = conn->end[1 - side].node;
    if (welcome != NULL) {
        sight.link.epoch = welcome->epoch;
        sight.link.watermark = welcome->watermark;
    }
    sim_show(world, &sight);
}

static void welcomed(struct sim_world *world, struct sim_node *node, struct sim_conn *conn,
                     const struct vow_msg_welcome *welcome)
{
    struct sim_participant *p = node->participant;
    struct vow_branches_event event = {.kind = VOW_BRANCHES_COORD_UP};

    conn->end[0].state = SIM_END_UP;
    show_linked(world, node, conn, 0, welcome);
    p->conn = conn;
    backoff_reset(&p->backoff);
    /* The data belongs to the first coordinator it ever met. */
    if (p->coord == 0)
        p->coord = welcome->coord;
    if (p->coord == welcome->coord)
        p->epoch = welcome->epoch;
    event.coord.coord = welcome->coord;
    event.coord.epoch = welcome->epoch;
    event.coord.watermark = welcome->watermark;
    participant_step(world, node, &event);
    participant_events_up(world, node);
}

/* --- Peers --- */

/* Who belongs to another coordinator has nothing to ask here; operators may. */
static void peer_hello(struct sim_world *world, struct sim_node *node, struct sim_conn *conn,
                       const struct vow_msg_hello *hello)
{
    const struct sim_participant *p = node->participant;
    struct vow_msg msg = {.kind = VOW_MSG_REJECT, .reject = {.error = VOW_E_NOT_MINE, .text = ""}};

    if (hello->role == VOW_ROLE_ADMIN || (p->coord != 0 && hello->coord == p->coord)) {
        msg.kind = VOW_MSG_WELCOME;
        msg.welcome = (struct vow_msg_welcome){.version = VOW_WIRE_VERSION,
                                               .coord = p->coord,
                                               .epoch = p->epoch,
                                               .name = node->name,
                                               .heartbeat_ms = 2000,
                                               .frame_max = VOW_FRAME_MAX_DEFAULT};
    }
    sim_net_send(world, conn, 1, &msg);
    if (msg.kind == VOW_MSG_REJECT) {
        sim_net_close(world, conn, 1);
        return;
    }
    conn->end[1].state = SIM_END_UP;
    show_linked(world, node, conn, 1, NULL);
}

static void peer_welcomed(struct sim_world *world, struct sim_node *node, struct sim_conn *conn,
                          const struct vow_msg *msg)
{
    struct sim_participant *p = node->participant;

    if (msg->kind != VOW_MSG_WELCOME || msg->welcome.coord != p->coord) {
        sim_net_close(world, conn, 0);
        sim_peers_down(&p->peers, conn);
        return;
    }
    conn->end[0].state = SIM_END_UP;
    show_linked(world, node, conn, 0, NULL);
    sim_peers_up(world, &p->peers, conn);
}

static void operator_message(struct sim_world *world, struct sim_node *node, const struct sim_conn *conn,
                             const struct vow_msg *msg)
{
    struct vow_branches_event event = {.kind = VOW_BRANCHES_RESOLVE, .resolve = {.tag = conn->id, .msg = msg}};

    if (msg->kind == VOW_MSG_RESOLVE)
        participant_step(world, node, &event);
}

static void peer_message(struct sim_world *world, struct sim_node *node, struct sim_conn *conn, uint32_t side,
                         const struct vow_msg *msg)
{
    struct vow_branches_event event = {.kind = VOW_BRANCHES_PEER};
    /* Only who was named with the transaction may tell its outcome. */
    const bool is_answer =
        msg->kind == VOW_MSG_PEER_ANSWER &&
        sim_peers_are(world, &node->participant->peers, &msg->peer_answer.header.gtrid, conn->end[1].node);

    if (conn->end[side].state == SIM_END_HANDSHAKE) {
        if (side == 0)
            peer_welcomed(world, node, conn, msg);
        else if (msg->kind == VOW_MSG_HELLO)
            peer_hello(world, node, conn, &msg->hello);
        return;
    }
    if (conn->role == VOW_ROLE_ADMIN) {
        operator_message(world, node, conn, msg);
        return;
    }
    event.peer.msg = msg;
    event.peer.session = side == 1 ? conn->id : 0;
    if (side == 1 ? msg->kind == VOW_MSG_PEER_INQUIRY : is_answer)
        participant_step(world, node, &event);
}

/* --- Messages --- */

void participant_message(struct sim_world *world, struct sim_node *node, struct sim_conn *conn, uint32_t side,
                         const struct vow_msg *msg)
{
    struct vow_branches_event event = {.kind = VOW_BRANCHES_MESSAGE, .msg = msg};

    if (!is_to_coordinator(node, conn)) {
        peer_message(world, node, conn, side, msg);
    } else if (conn->end[side].state != SIM_END_HANDSHAKE && msg->kind == VOW_MSG_STEP) {
        participant_take_step(world, node, &msg->step);
    } else if (conn->end[side].state != SIM_END_HANDSHAKE && participant_events_message(world, node, msg)) {
        return;
    } else if (conn->end[side].state != SIM_END_HANDSHAKE) {
        participant_step(world, node, &event);
    } else if (msg->kind == VOW_MSG_WELCOME) {
        welcomed(world, node, conn, &msg->welcome);
    } else {
        sim_net_close(world, conn, side);
        participant_dial_later(world, node, (uint64_t)backoff_next_ms(&node->participant->backoff) * 1000);
    }
}

void participant_disconnected(struct sim_world *world, struct sim_node *node, struct sim_conn *conn, uint32_t side,
                              bool was_up)
{
    struct sim_participant *p = node->participant;
    struct vow_branches_event event = {.kind = VOW_BRANCHES_COORD_DOWN};

    if (!is_to_coordinator(node, conn)) {
        if (side == 0)
            sim_peers_down(&p->peers, conn);
        return;
    }
    participant_dial_later(world, node, (uint64_t)backoff_next_ms(&p->backoff) * 1000);
    if (!was_up || p->conn != conn)
        return;
    p->conn = NULL;
    participant_step(world, node, &event);
}
