/*
 * What is between the nodes. A connection is two streams of bytes: real frames are encoded at one end, cut into pieces,
 * delayed, and put together, cut and decoded at the other. TCP keeps their order and loses none, but for what the
 * options say of the links between coordinators and participants, where frames are lost, doubled and overtake one
 * another: there each message must be able to stand alone, since a reconnect may do the same to it.
 *
 * Here connections are opened and closed; net_send.c has what leaves one end and its noise, net_receive.c what comes in
 * at the other, net_cut.c what parts two nodes.
 */
#include "chaos/sim/net_private.h"

#include <stdlib.h>
#include <string.h>

#include "proto/assert.h"

void sim_net_begin(struct sim_net *net)
{
    struct vow_arena *arena = net->arena;
    struct sim_conn **conns = net->conns;
    const uint32_t conns_max = net->conns_max;

    memset(net, 0, sizeof(*net));
    net->arena = arena != NULL ? arena : vow_arena_new(0);
    VOW_ASSERT(net->arena != NULL);
    net->conns = conns;
    net->conns_max = conns_max;
    net->is_calm = true;
}

bool sim_net_is_open(const struct sim_world *world, uint8_t from, uint8_t to)
{
    return world->net.cuts[from][to] == 0;
}

struct sim_node *net_node_at(struct sim_world *world, const struct sim_conn *conn, uint32_t side)
{
    return &world->nodes[conn->end[side].node];
}

/* The process at this end is the one that opened it. */
bool net_is_alive(struct sim_world *world, const struct sim_conn *conn, uint32_t side)
{
    const struct sim_node *node = net_node_at(world, conn, side);

    return conn->end[side].state != SIM_END_GONE && node->state == SIM_NODE_UP && node->life == conn->end[side].life;
}

/* --- Events of a connection --- */

void net_add_event(struct sim_world *world, struct sim_conn *conn, uint32_t side, enum sim_event_kind kind,
                   uint64_t delay_us, void *ptr)
{
    const struct sim_event event = {
        .kind = kind,
        .task = sim_task_of_link(conn->end[1 - side].node, conn->end[side].node),
        .node = conn->end[side].node,
        .side = (uint8_t)side,
        .is_timed = kind == SIM_EVENT_SILENT,
        .number = conn->id,
        .ptr = ptr,
    };

    (void)sim_agenda_add(&world->agenda, delay_us, &event);
}

uint64_t sim_net_delay(struct sim_world *world, uint8_t from, uint8_t to, uint64_t number)
{
    struct sim_rng rng = sim_rng_of(world->options.seed, SIM_FOR_LINK, sim_task_of_link(from, to), number);

    return 20 + sim_rng_wait(&rng, world->options.delay_us);
}

/* --- Opening and closing --- */

static struct sim_conn *conn_new(struct sim_world *world)
{
    struct sim_net *net = &world->net;
    struct sim_conn *conn = sim_arena_take(&world->arena, sizeof(*conn));

    if (net->conns_len == net->conns_max) {
        net->conns_max = net->conns_max > 0 ? 2 * net->conns_max : 64;
        net->conns = realloc(net->conns, net->conns_max * sizeof(struct sim_conn *));
        VOW_ASSERT(net->conns != NULL);
    }
    memset(conn, 0, sizeof(*conn));
    net->conns[net->conns_len++] = conn;
    conn->id = net->conns_len;
    return conn;
}

void sim_net_dial(struct sim_world *world, struct sim_node *from, uint8_t to, enum vow_role role)
{
    struct sim_conn *conn = conn_new(world);

    conn->role = role;
    for (uint32_t side = 0; side < 2; side++) {
        struct sim_end *end = &conn->end[side];

        end->node = side == 0 ? from->index : to;
        end->life = side == 0 ? from->life : 0;
        end->state = side == 0 ? SIM_END_DIALING : SIM_END_GONE;
        end->parked_end = &end->parked;
    }
    net_add_event(world, conn, 1, SIM_EVENT_CONNECT, sim_net_delay(world, from->index, to, conn->id), NULL);
    net_add_event(world, conn, 0, SIM_EVENT_SILENT, SIM_HANDSHAKE_US, NULL);
}

void net_tell_gone(struct sim_world *world, struct sim_conn *conn, uint32_t side, bool was_told)
{
    struct sim_node *node = net_node_at(world, conn, side);
    struct sim_end *end = &conn->end[side];
    const bool was_up = end->state == SIM_END_UP, alive = net_is_alive(world, conn, side);
    struct sim_sight sight;

    end->state = SIM_END_GONE;
    if (!alive)
        return;
    if (was_up) {
        sight = sim_sight_of(world, SIM_SEEN_UNLINKED, node);
        sight.peer = conn->end[1 - side].node;
        sight.link.was_told = was_told;
        sim_show(world, &sight);
    }
    sim_enter(world, node);
    sim_driver_of(node)->disconnected(world, node, conn, side, was_up);
    sim_driver_of(node)->turn_end(world, node);
}

/* The FIN comes after what is under way; over a cut it comes never, and silence tells. */
void net_tell_other(struct sim_world *world, struct sim_conn *conn, uint32_t side)
{
    struct sim_end *other = &conn->end[1 - side];
    uint64_t at_us;

    if (other->state == SIM_END_GONE)
        return;
    if (!sim_net_is_open(world, conn->end[side].node, other->node)) {
        sim_hit(world, SIM_FAULT_HALF_OPEN, other->node, conn->end[side].node, 0);
        net_add_event(world, conn, 1 - side, SIM_EVENT_SILENT, SIM_SILENCE_US, NULL);
        return;
    }
    at_us = sim_now_us(world) + sim_net_delay(world, conn->end[side].node, other->node, conn->id);
    if (at_us < other->last_us)
        at_us = other->last_us;
    other->last_us = at_us;
    net_add_event(world, conn, 1 - side, SIM_EVENT_CLOSED, at_us - sim_now_us(world), NULL);
}

void sim_net_close(struct sim_world *world, struct sim_conn *conn, uint32_t side)
{
    struct sim_node *node = net_node_at(world, conn, side);

    if (conn->end[side].state == SIM_END_UP) {
        struct sim_sight sight = sim_sight_of(world, SIM_SEEN_UNLINKED, node);

        sight.peer = conn->end[1 - side].node;
        sim_show(world, &sight);
    }
    conn->end[side].state = SIM_END_GONE;
    net_tell_other(world, conn, side);
}

void sim_net_forget(struct sim_world *world, const struct sim_node *node, bool is_told)
{
    for (uint32_t i = 0; i < world->net.conns_len; i++) {
        struct sim_conn *conn = world->net.conns[i];

        for (uint32_t side = 0; side < 2; side++) {
            struct sim_end *end = &conn->end[side];

            if (end->node != node->index || end->state == SIM_END_GONE)
                continue;
            end->state = SIM_END_GONE;
            if (is_told) {
                net_tell_other(world, conn, side);
            } else if (conn->end[1 - side].state != SIM_END_GONE) {
                sim_hit(world, SIM_FAULT_HALF_OPEN, conn->end[1 - side].node, node->index, 0);
                net_add_event(world, conn, 1 - side, SIM_EVENT_SILENT, SIM_SILENCE_US, NULL);
            }
        }
    }
}

static void connect_to(struct sim_world *world, struct sim_conn *conn)
{
    struct sim_node *from = net_node_at(world, conn, 0), *to = net_node_at(world, conn, 1);

    if (conn->end[0].state == SIM_END_GONE)
        return;
    if (!sim_net_is_open(world, from->index, to->index) || !sim_net_is_open(world, to->index, from->index))
        return; /* its SYN, or the answer, is lost: the handshake's deadline ends it */
    if (to->state != SIM_NODE_UP) {
        sim_hit(world, SIM_FAULT_REFUSED, to->index, from->index, 0);
        net_add_event(world, conn, 0, SIM_EVENT_CLOSED, sim_net_delay(world, to->index, from->index, conn->id), NULL);
        return;
    }
    conn->end[1].life = to->life;
    conn->end[1].state = SIM_END_HANDSHAKE;
    conn->end[0].state = SIM_END_HANDSHAKE;
    net_add_event(world, conn, 1, SIM_EVENT_SILENT, SIM_HANDSHAKE_US, NULL);
    sim_enter(world, from);
    if (net_is_alive(world, conn, 0))
        sim_driver_of(from)->connected(world, from, conn, 0);
}

void sim_net_event(struct sim_world *world, const struct sim_event *event)
{
    struct sim_conn *conn;

    if (event->kind == SIM_EVENT_STRAY) {
        net_stray_comes(world, event->ptr);
        return;
    }
    conn = world->net.conns[event->number - 1];
    if (event->kind == SIM_EVENT_ARRIVE)
        net_arrive(world, conn, event->side, event->ptr);
    else if (event->kind == SIM_EVENT_CONNECT)
        connect_to(world, conn);
    else if (event->kind == SIM_EVENT_SILENT)
        net_silent(world, conn, event->side);
    else if (conn->end[event->side].state != SIM_END_GONE)
        net_tell_gone(world, conn, event->side, true);
}
