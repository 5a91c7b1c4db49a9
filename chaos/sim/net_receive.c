/* What comes in at one end of a connection: pieces become frames, and frames become messages of a node. */
#include <string.h>

#include "chaos/sim/net_private.h"
#include "proto/assert.h"

/* Frames whose numbers are kept at first: more come at once where a node stood still. */
#define FRAMES_AHEAD 64

static void drop_bad_peer(struct sim_world *world, struct sim_conn *conn, uint32_t side)
{
    net_tell_gone(world, conn, side, false);
    net_tell_other(world, conn, side);
}

static uint64_t next_frame(struct sim_end *end)
{
    uint64_t frame = 0;

    if (end->frames_len > 0) {
        frame = end->frames[end->frames_first];
        end->frames_first = (end->frames_first + 1) % end->frames_max;
        end->frames_len--;
    }
    return frame;
}

static void deliver(struct sim_world *world, struct sim_conn *conn, uint32_t side, const struct vow_msg *msg,
                    uint32_t sender_life)
{
    struct sim_node *node = net_node_at(world, conn, side);
    struct sim_sight sight = sim_sight_of(world, SIM_SEEN_RECEIVED, node);

    sight.message.frame = next_frame(&conn->end[side]);
    /* What overtakes the handshake is dropped with its connection, and no core is given it. */
    if (!net_is_handshake(msg->kind) && conn->end[side].state == SIM_END_UP) {
        sight.peer = conn->end[1 - side].node;
        sight.message.msg = msg;
        sight.message.peer_life = sender_life;
        sim_show(world, &sight);
    }
    sim_driver_of(node)->message(world, node, conn, side, msg);
}

static void append_number(struct sim_world *world, struct sim_end *end, uint64_t frame)
{
    if (end->frames_len == end->frames_max) {
        const uint32_t larger_max = end->frames_max == 0 ? FRAMES_AHEAD : 2 * end->frames_max;
        uint64_t *larger = sim_arena_take(&world->arena, larger_max * sizeof(*larger));

        for (uint32_t i = 0; i < end->frames_len; i++)
            larger[i] = end->frames[(end->frames_first + i) % end->frames_max];
        end->frames = larger;
        end->frames_max = larger_max;
        end->frames_first = 0;
    }
    end->frames[(end->frames_first + end->frames_len++) % end->frames_max] = frame;
}

static void append(struct sim_world *world, struct sim_end *end, const struct sim_piece *piece)
{
    if (end->in_len + piece->len > end->in_max) {
        uint8_t *larger;

        end->in_max = 2 * (end->in_len + piece->len);
        larger = sim_arena_take(&world->arena, end->in_max);
        if (end->in_len > 0)
            memcpy(larger, end->in, end->in_len);
        end->in = larger;
    }
    memcpy(end->in + end->in_len, piece->bytes, piece->len);
    end->in_len += piece->len;
    if (piece->frame != 0)
        append_number(world, end, piece->frame);
}

/* Takes one whole frame out of what has come. False if there is none, or nothing is taken any more. */
static bool take_frame(struct sim_world *world, struct sim_conn *conn, uint32_t side, uint32_t sender_life)
{
    struct sim_end *end = &conn->end[side];
    const char *why = "";
    struct vow_msg msg;
    uint32_t body = 0, whole;
    int found;

    if (!net_is_alive(world, conn, side))
        return false;
    found = vow_frame_peek(end->in, end->in_len, FRAME_MAX, &body);
    if (found == 0)
        return false;
    whole = VOW_FRAME_HEADER_BYTES + body;
    if (found < 0 || vow_msg_decode(world->net.arena, end->in + VOW_FRAME_HEADER_BYTES, body, &msg, &why) != 0) {
        drop_bad_peer(world, conn, side);
        return false;
    }
    end->in_len -= whole;
    memmove(end->in, end->in + whole, end->in_len);
    deliver(world, conn, side, &msg, sender_life);
    return true;
}

static void take_piece(struct sim_world *world, struct sim_conn *conn, uint32_t side, const struct sim_piece *piece)
{
    struct sim_node *node = net_node_at(world, conn, side);

    if (!net_is_alive(world, conn, side)) {
        /* A system that knows nothing of the connection says so; one without power says nothing. */
        if (node->state != SIM_NODE_DOWN && conn->end[1 - side].state != SIM_END_GONE)
            net_tell_other(world, conn, side);
        return;
    }
    append(world, &conn->end[side], piece);
    sim_enter(world, node);
    while (take_frame(world, conn, side, piece->sender_life))
        continue;
    if (node->state == SIM_NODE_UP)
        sim_driver_of(node)->turn_end(world, node);
}

static void park(struct sim_end *end, struct sim_piece *piece)
{
    *end->parked_end = piece;
    end->parked_end = &piece->next;
}

/* What was parked comes first: a stream has no holes. */
void net_arrive(struct sim_world *world, struct sim_conn *conn, uint32_t side, struct sim_piece *piece)
{
    struct sim_end *end = &conn->end[side];
    const bool is_open = sim_net_is_open(world, conn->end[1 - side].node, end->node);

    if (piece != NULL && end->state != SIM_END_GONE && (!is_open || end->parked != NULL)) {
        park(end, piece);
        return;
    }
    if (piece == NULL && is_open)
        piece = net_take_parked(end);
    for (struct sim_piece *next; piece != NULL; piece = next) {
        next = piece->next;
        take_piece(world, conn, side, piece);
    }
}
