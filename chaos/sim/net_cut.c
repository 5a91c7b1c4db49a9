/* What parts two nodes: cuts, which are met as silence, and resets. */
#include "chaos/sim/net_private.h"
#include "proto/assert.h"

/* --- Silence --- */

/* Since when the other end cannot be heard; UINT64_MAX: it can. */
static uint64_t silent_since(struct sim_world *world, const struct sim_conn *conn, uint32_t side)
{
    const struct sim_end *here = &conn->end[side], *there = &conn->end[1 - side];
    const struct sim_node *other = &world->nodes[there->node];
    uint64_t since = UINT64_MAX;

    if (world->net.cuts[there->node][here->node] > 0)
        since = world->net.cut_since_us[there->node][here->node];
    /* What we ask does not get there, so no answer comes. */
    if (world->net.cuts[here->node][there->node] > 0 && world->net.cut_since_us[here->node][there->node] < since)
        since = world->net.cut_since_us[here->node][there->node];
    if ((there->state == SIM_END_GONE || other->state == SIM_NODE_DOWN || other->is_paused) && other->gone_us < since)
        since = other->gone_us;
    return since;
}

void net_silent(struct sim_world *world, struct sim_conn *conn, uint32_t side)
{
    struct sim_end *end = &conn->end[side];
    const uint64_t now_us = sim_now_us(world), since_us = silent_since(world, conn, side);

    if (end->state == SIM_END_GONE)
        return;
    if (end->state != SIM_END_UP || (since_us != UINT64_MAX && now_us - since_us >= SIM_SILENCE_US)) {
        net_tell_gone(world, conn, side, false);
        net_tell_other(world, conn, side);
    } else if (since_us != UINT64_MAX) {
        net_add_event(world, conn, side, SIM_EVENT_SILENT, since_us + SIM_SILENCE_US - now_us, NULL);
    }
}

static void suspect(struct sim_world *world, struct sim_conn *conn)
{
    for (uint32_t side = 0; side < 2; side++) {
        if (conn->end[side].state == SIM_END_UP)
            net_add_event(world, conn, side, SIM_EVENT_SILENT, SIM_SILENCE_US, NULL);
    }
}

void sim_net_suspect(struct sim_world *world, uint8_t node)
{
    for (uint32_t i = 0; i < world->net.conns_len; i++) {
        if (world->net.conns[i]->end[0].node == node || world->net.conns[i]->end[1].node == node)
            suspect(world, world->net.conns[i]);
    }
}

/* --- Cuts and resets --- */

static void show_link(struct sim_world *world, enum sim_sight_kind kind, uint8_t from, uint8_t to)
{
    struct sim_sight sight = sim_sight_of(world, kind, &world->nodes[from]);

    sight.peer = to;
    sim_show(world, &sight);
}

static bool is_between(const struct sim_conn *conn, uint8_t a, uint8_t b)
{
    return (conn->end[0].node == a && conn->end[1].node == b) || (conn->end[0].node == b && conn->end[1].node == a);
}

void sim_net_cut(struct sim_world *world, uint8_t from, uint8_t to)
{
    if (world->net.cuts[from][to]++ > 0)
        return;
    world->net.cut_since_us[from][to] = sim_now_us(world);
    show_link(world, SIM_SEEN_CUT, from, to);
    sim_hit(world, SIM_FAULT_CUT, from, to, 0);
    for (uint32_t i = 0; i < world->net.conns_len; i++) {
        if (is_between(world->net.conns[i], from, to))
            suspect(world, world->net.conns[i]);
    }
}

struct sim_piece *net_take_parked(struct sim_end *end)
{
    struct sim_piece *pieces = end->parked;

    end->parked = NULL;
    end->parked_end = &end->parked;
    return pieces;
}

/* TCP sends again what was not acknowledged. */
static void send_again(struct sim_world *world, struct sim_conn *conn, uint32_t side)
{
    struct sim_end *end = &conn->end[side];

    if (end->parked != NULL)
        net_add_event(world, conn, side, SIM_EVENT_ARRIVE, world->options.delay_us, NULL);
}

void sim_net_mend(struct sim_world *world, uint8_t from, uint8_t to)
{
    VOW_ASSERT(world->net.cuts[from][to] > 0);
    if (--world->net.cuts[from][to] > 0)
        return;
    show_link(world, SIM_SEEN_MENDED, from, to);
    for (uint32_t i = 0; i < world->net.conns_len; i++) {
        struct sim_conn *conn = world->net.conns[i];

        if (is_between(conn, from, to))
            send_again(world, conn, conn->end[0].node == to ? 0 : 1);
    }
}

/* Of a frame that is under way some bytes come, or none. */
static void reset(struct sim_world *world, struct sim_conn *conn, struct sim_rng *rng)
{
    static const uint8_t head[VOW_FRAME_HEADER_BYTES] = {0, 0, 1, 0};
    const bool in_frame = sim_rng_below(rng, 2) == 0;

    sim_hit(world, in_frame ? SIM_FAULT_RESET_MID_FRAME : SIM_FAULT_RESET, conn->end[0].node, conn->end[1].node, 0);
    for (uint32_t side = 0; side < 2; side++) {
        struct sim_end *end = &conn->end[side];

        if (end->state == SIM_END_GONE)
            continue;
        if (in_frame)
            net_put_piece(world, conn, 1 - side, sim_now_us(world) + 1, 0, head, (uint32_t)sim_rng_between(rng, 1, 4));
        end->last_us = sim_now_us(world) + 2 + sim_rng_below(rng, world->options.delay_us + 1);
        net_add_event(world, conn, side, SIM_EVENT_CLOSED, end->last_us - sim_now_us(world), NULL);
    }
}

void sim_net_reset(struct sim_world *world, uint8_t node, uint8_t peer, struct sim_rng *rng)
{
    const uint32_t len = world->net.conns_len;

    for (uint32_t i = 0; i < len; i++) {
        struct sim_conn *conn = world->net.conns[i];
        const bool is_meant = peer == SIM_NODE_NONE ? conn->end[0].node == node || conn->end[1].node == node
                                                    : is_between(conn, node, peer);

        if (is_meant && (conn->end[0].state != SIM_END_GONE || conn->end[1].state != SIM_END_GONE))
            reset(world, conn, rng);
    }
}
