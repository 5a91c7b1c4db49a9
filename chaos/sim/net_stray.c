/*
 * Strays: frames, or copies of them, that stay somewhere under way and come much later, over whatever connection there
 * is then between the two nodes. Both may be in another life by then, and the transaction may be over. A reconnect may
 * do that to any message (protocol 2.1), so each must be able to stand alone: it names its epoch, incarnation and
 * attempt.
 *
 * Most are patient: they come over another connection than the one that they were sent on, if there is one in time.
 *
 * A misrouted one is a participant's, and comes to another coordinator, or as if from another participant (mistake 21,
 * F168). What a coordinator says is never misrouted, for a participant believes whoever it is connected to, nor is the
 * report of what was done by hand, which may be the first that is heard of a transaction.
 */
#include <string.h>

#include "chaos/sim/net_private.h"

#define TRIES 60
#define TRY_US UINT64_C(50000)

struct stray {
    uint8_t from, to;
    bool is_misrouted;
    uint32_t conn;  /* the id of the one that it was sent on */
    uint32_t tries; /* that it has left to wait for another one */
    uint32_t sender_life;
    uint64_t frame;
    uint32_t len;
    uint8_t bytes[];
};

/* It asks for what its connection is to bring. */
static bool is_of_connection(enum vow_msg_kind kind)
{
    return kind == VOW_MSG_SUBSCRIBE || kind == VOW_MSG_SUBSCRIBED || kind == VOW_MSG_SEEK;
}

static bool is_protocol(const struct sim_world *world, const struct sim_conn *conn, const struct vow_msg *msg)
{
    return world->nodes[conn->end[0].node].role == SIM_PARTICIPANT &&
           world->nodes[conn->end[1].node].role == SIM_COORDINATOR && msg->kind != VOW_MSG_PING &&
           msg->kind != VOW_MSG_PONG && !net_is_handshake(msg->kind) && !is_of_connection(msg->kind);
}

/* Names whom it is from, or what is owed to whom: it says the same over any connection. */
static bool stands_alone(enum vow_msg_kind kind)
{
    return kind != VOW_MSG_HEURISTIC_REPORT && (kind < VOW_MSG_PUBLISH || kind > VOW_MSG_SEEK);
}

bool net_stray_keep(struct sim_world *world, const struct sim_conn *conn, uint32_t side, const struct vow_msg *msg,
                    const struct net_copy *frame, struct sim_rng *rng)
{
    const struct sim_options *o = &world->options;
    const struct sim_noise_item item = {.number = frame->number};
    struct sim_event event = {.kind = SIM_EVENT_STRAY, .node = conn->end[1 - side].node, .is_timed = true};
    struct stray *stray;
    uint64_t mean_us;

    if (!is_protocol(world, conn, msg) || !sim_strikes(world, rng, &item, o->stray))
        return false;
    stray = sim_arena_take(&world->arena, sizeof(*stray) + frame->len);
    *stray = (struct stray){.from = conn->end[side].node,
                            .to = conn->end[1 - side].node,
                            .is_misrouted = sim_rng_chance(rng, o->misrouted) && side == 0 && stands_alone(msg->kind),
                            .conn = conn->id,
                            .tries = sim_rng_below(rng, 4) != 0 ? TRIES : 0,
                            .sender_life = conn->end[side].life,
                            .frame = frame->number,
                            .len = frame->len};
    memcpy(stray->bytes, frame->bytes, frame->len);
    event.ptr = stray;
    event.task = sim_task_of_link(stray->from, stray->to);
    mean_us = o->delay_us << sim_rng_below(rng, 8);
    (void)sim_agenda_add(&world->agenda, 1 + sim_rng_wait(rng, mean_us), &event);
    return sim_rng_below(rng, 2) == 0;
}

/* Does the connection lead where the stray goes? side: the end that it would come from. */
static bool is_way(struct sim_world *world, const struct sim_conn *conn, uint32_t side, const struct stray *stray)
{
    const struct sim_node *from = net_node_at(world, conn, side), *to = net_node_at(world, conn, 1 - side);
    const bool is_meant = from->index == stray->from && to->index == stray->to;

    if (conn->end[0].state != SIM_END_UP || conn->end[1].state != SIM_END_UP || !net_is_alive(world, conn, 1 - side))
        return false;
    return stray->is_misrouted
               ? !is_meant && from->role == world->nodes[stray->from].role && to->role == world->nodes[stray->to].role
               : is_meant;
}

/* Another coordinator rather than another participant of the same one. */
static bool is_better(const struct sim_conn *conn, const struct sim_conn *best, const struct stray *stray)
{
    return best == NULL || (conn->end[1].node != stray->to && conn->end[1].node != stray->from);
}

static struct sim_conn *find_way(struct sim_world *world, const struct stray *stray, uint32_t side)
{
    struct sim_conn *way = NULL;

    for (uint32_t i = 0; i < world->net.conns_len; i++) {
        struct sim_conn *conn = world->net.conns[i];

        if (is_way(world, conn, side, stray) && is_better(conn, way, stray))
            way = conn;
    }
    return way;
}

/* The event comes again. */
static void wait_on(struct sim_world *world, struct stray *stray)
{
    const struct sim_event event = {.kind = SIM_EVENT_STRAY,
                                    .node = stray->to,
                                    .is_timed = true,
                                    .task = sim_task_of_link(stray->from, stray->to),
                                    .ptr = stray};

    stray->tries--;
    (void)sim_agenda_add(&world->agenda, TRY_US, &event);
}

void net_stray_comes(struct sim_world *world, struct stray *stray)
{
    const uint32_t side = world->nodes[stray->from].role == SIM_PARTICIPANT ? 0 : 1;
    struct sim_conn *way;

    if (world->net.is_calm)
        return;
    way = find_way(world, stray, side);
    if (stray->tries > 0 && (way == NULL || way->id == stray->conn)) {
        wait_on(world, stray);
        return;
    }
    if (way == NULL)
        return;
    sim_hit(world, stray->is_misrouted ? SIM_FAULT_MISROUTED : SIM_FAULT_STRAY, way->end[side].node,
            way->end[1 - side].node, stray->frame);
    net_put_piece(world, way, side, net_in_order(&way->end[1 - side], sim_now_us(world)), stray->frame, stray->bytes,
                  stray->len);
}
