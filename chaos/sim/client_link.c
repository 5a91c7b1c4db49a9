#include "chaos/sim/client_link.h"

static void dial_later(struct sim_world *world, struct sim_node *node, uint64_t delay_us)
{
    struct sim_event *dial = sim_later(world, node, SIM_EVENT_DIAL, delay_us, delay_us > 1000);

    dial->task = sim_task_of_link(node->index, node->coord);
}

static void dial_again(struct sim_world *world, struct sim_node *node, struct client_link *link)
{
    dial_later(world, node, (uint64_t)backoff_next_ms(&link->backoff) * 1000);
}

void client_link_start(struct sim_world *world, struct sim_node *node, struct client_link *link, struct sim_rng *rng)
{
    struct sim_sight up;

    backoff_init(&link->backoff, 50, 5000, sim_rng_next(rng));
    link->conn = NULL;
    link->ids = (struct vow_ids){.coord = 0};
    up = sim_sight_of(world, SIM_SEEN_UP, node);
    sim_node_up(world, node, &up);
    dial_later(world, node, 1);
}

void client_link_hello(struct sim_world *world, const struct sim_node *node, const struct client_link *link,
                       struct sim_conn *conn, uint32_t side)
{
    struct vow_msg msg = {.kind = VOW_MSG_HELLO};

    msg.hello = (struct vow_msg_hello){.version_min = VOW_WIRE_VERSION,
                                       .version_max = VOW_WIRE_VERSION,
                                       .role = VOW_ROLE_CLIENT,
                                       .name = node->name,
                                       .coord = link->ids.coord,
                                       .epoch = link->ids.epoch,
                                       .software = "sim"};
    sim_net_send(world, conn, side, &msg);
}

static void welcomed(struct sim_world *world, struct sim_node *node, struct client_link *link, struct sim_conn *conn,
                     const struct vow_msg_welcome *welcome)
{
    struct sim_sight sight = sim_sight_of(world, SIM_SEEN_LINKED, node);

    conn->end[0].state = SIM_END_UP;
    link->conn = conn;
    backoff_reset(&link->backoff);
    sight.peer = conn->end[1].node;
    sim_show(world, &sight);
    vow_ids_connected(&link->ids, welcome->coord, welcome->epoch);
}

enum client_link_news client_link_hear(struct sim_world *world, struct sim_node *node, struct client_link *link,
                                       struct sim_conn *conn, uint32_t side, const struct vow_msg *msg,
                                       bool waits_for_id)
{
    const bool shakes_hands = conn->end[side].state == SIM_END_HANDSHAKE;

    if (shakes_hands && msg->kind == VOW_MSG_WELCOME) {
        welcomed(world, node, link, conn, &msg->welcome);
        return CLIENT_LINK_UP;
    }
    if (shakes_hands) {
        sim_net_close(world, conn, side);
        dial_again(world, node, link);
        return CLIENT_LINK_REFUSED;
    }
    if (msg->kind == VOW_MSG_IDS && msg->ids.count > 0) {
        vow_ids_granted(&link->ids, &msg->ids, waits_for_id, sim_now_us(world) / 1000);
        return CLIENT_LINK_IDS;
    }
    return CLIENT_LINK_NOTHING;
}

bool client_link_lost(struct sim_world *world, struct sim_node *node, struct client_link *link,
                      const struct sim_conn *conn, bool was_up)
{
    dial_again(world, node, link);
    if (!was_up || link->conn != conn)
        return false;
    link->conn = NULL;
    return true;
}

bool client_link_id_is_current(const struct client_link *link, const struct vow_gtrid *gtrid)
{
    return vow_gtrid_coord(gtrid) == link->ids.coord && vow_gtrid_epoch(gtrid) == link->ids.epoch;
}

bool client_link_take_id(struct sim_world *world, struct client_link *link, uint8_t flags, struct vow_gtrid *gtrid)
{
    struct vow_msg msg = {.kind = VOW_MSG_IDS_REQUEST};

    if (vow_ids_take(&link->ids, sim_now_us(world) / 1000, flags, gtrid))
        return true;
    msg.ids_request.count = vow_ids_wanted(&link->ids, 1);
    if (msg.ids_request.count > 0) {
        link->ids.asked = true;
        sim_net_send(world, link->conn, 0, &msg);
    }
    return false;
}
