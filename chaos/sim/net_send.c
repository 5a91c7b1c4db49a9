/* What leaves one end of a connection: frames, and the noise that they meet on the way. */
#include <string.h>

#include "chaos/sim/net_private.h"

/* A frame that is held back for long comes after most time-outs. */
#define LONG_DELAY_US (3 * SIM_SECOND_US)

static bool is_noisy(const struct sim_world *world, const struct sim_conn *conn, uint32_t side)
{
    return !world->net.is_calm && conn->role == VOW_ROLE_PARTICIPANT && conn->end[side].state == SIM_END_UP;
}

void net_put_piece(struct sim_world *world, struct sim_conn *conn, uint32_t side, uint64_t at_us, uint64_t frame,
                   const uint8_t *bytes, uint32_t len)
{
    struct sim_piece *piece = sim_arena_take(&world->arena, sizeof(*piece) + len);

    *piece = (struct sim_piece){.frame = frame, .sender_life = conn->end[side].life, .len = len};
    memcpy(piece->bytes, bytes, len);
    net_add_event(world, conn, 1 - side, SIM_EVENT_ARRIVE, at_us - sim_now_us(world), piece);
}

uint64_t net_in_order(struct sim_end *to, uint64_t at_us)
{
    if (at_us <= to->last_us)
        at_us = to->last_us + 1;
    to->last_us = at_us;
    return at_us;
}

/* A bit is flipped in the body: the length is TCP's neighbour's business, and is judged apart (fault F160). */
static void flip(struct sim_world *world, const struct sim_conn *conn, uint32_t side, struct sim_rng *rng,
                 uint8_t *bytes, uint32_t len)
{
    const uint64_t bit = sim_rng_below(rng, (uint64_t)(len - VOW_FRAME_HEADER_BYTES) * 8);

    bytes[VOW_FRAME_HEADER_BYTES + bit / 8] ^= (uint8_t)(1u << bit % 8);
    sim_hit(world, SIM_FAULT_FRAME_FLIP, conn->end[side].node, conn->end[1 - side].node, bit);
}

/* One link of the world is slow: what it carries takes its time. */
static uint64_t transfer_us(struct sim_world *world, uint8_t from, uint8_t to, uint32_t len)
{
    struct sim_rng rng = sim_rng_of(world->options.seed, SIM_FOR_LINK, UINT32_MAX, 0);
    const uint8_t a = (uint8_t)sim_rng_below(&rng, world->nodes_len),
                  b = (uint8_t)sim_rng_below(&rng, world->nodes_len);
    uint64_t us;

    if (world->net.is_calm || world->options.slow_link == 0 || !((from == a && to == b) || (from == b && to == a)))
        return 0;
    us = (uint64_t)len * SIM_SECOND_US / world->options.slow_link;
    sim_hit(world, SIM_FAULT_SLOW_LINK, from, to, us);
    return us;
}

/* One copy of a frame: whole, or in two pieces. */
static void put_frame(struct sim_world *world, struct sim_conn *conn, uint32_t side, struct sim_rng *rng,
                      uint64_t frame, const uint8_t *bytes, uint32_t len)
{
    const struct sim_options *o = &world->options;
    const uint8_t from = conn->end[side].node, to = conn->end[1 - side].node;
    uint64_t at_us = sim_now_us(world) + 20 + sim_rng_wait(rng, o->delay_us) + transfer_us(world, from, to, len);
    const struct sim_noise_item item = {.number = frame};
    const bool is_long = sim_strikes(world, rng, &item, o->long_delay);

    if (is_long) {
        at_us += sim_rng_below(rng, LONG_DELAY_US);
        sim_hit(world, SIM_FAULT_DELAY, from, to, at_us - sim_now_us(world));
    }
    if (is_noisy(world, conn, side) && sim_strikes(world, rng, &item, o->reorder)) {
        if (at_us <= conn->end[1 - side].last_us)
            sim_hit(world, SIM_FAULT_REORDER, from, to, 0);
        net_put_piece(world, conn, side, at_us, frame, bytes, len);
    } else if (sim_strikes(world, rng, &item, o->slice) && !is_noisy(world, conn, side)) {
        const uint32_t first = (uint32_t)sim_rng_between(rng, 1, len - 1);

        sim_hit(world, SIM_FAULT_SLICED, from, to, first);
        net_put_piece(world, conn, side, net_in_order(&conn->end[1 - side], at_us), frame, bytes, first);
        at_us += sim_rng_wait(rng, o->delay_us);
        net_put_piece(world, conn, side, net_in_order(&conn->end[1 - side], at_us), 0, bytes + first, len - first);
    } else {
        net_put_piece(world, conn, side, net_in_order(&conn->end[1 - side], at_us), frame, bytes, len);
    }
}

bool net_is_handshake(enum vow_msg_kind kind)
{
    return kind == VOW_MSG_HELLO || kind == VOW_MSG_WELCOME || kind == VOW_MSG_REJECT;
}

static void show_sent(struct sim_world *world, const struct sim_conn *conn, uint32_t side, const struct vow_msg *msg,
                      uint64_t frame)
{
    struct sim_sight sight = sim_sight_of(world, SIM_SEEN_SENT, &world->nodes[conn->end[side].node]);

    sight.peer = conn->end[1 - side].node;
    sight.message.msg = msg;
    sight.message.frame = frame;
    sim_show(world, &sight);
}

/* An event that is published, and a subscription, are said once for each connection (docs/events.md): they are lost
 * with it, as TCP loses what it loses. All else stands alone. */
static void lose_connection(struct sim_world *world, const struct sim_conn *conn, const struct vow_msg *msg,
                            struct sim_rng *rng)
{
    const bool is_said_once = msg->kind == VOW_MSG_PUBLISH || msg->kind == VOW_MSG_PUBLISHED ||
                              msg->kind == VOW_MSG_SUBSCRIBE || msg->kind == VOW_MSG_SUBSCRIBED;

    if (is_said_once)
        sim_net_reset(world, conn->end[0].node, conn->end[1].node, rng);
}

void sim_net_send(struct sim_world *world, struct sim_conn *conn, uint32_t side, const struct vow_msg *msg)
{
    static uint8_t bytes[VOW_FRAME_HEADER_BYTES + FRAME_MAX];
    const uint64_t frame = ++world->net.frames;
    const uint8_t from = conn->end[side].node, to = conn->end[1 - side].node;
    struct sim_rng rng = sim_rng_of(world->options.seed, SIM_FOR_LINK, sim_task_of_link(from, to), frame);
    const uint32_t len = (uint32_t)vow_msg_encode(msg, FRAME_MAX, bytes, sizeof(bytes));
    const bool is_noise = is_noisy(world, conn, side);
    const struct sim_noise_item item = {.number = frame};

    world->totals.frames++;
    if (!net_is_handshake(msg->kind))
        show_sent(world, conn, side, msg, frame);
    if (len == 0 || conn->end[side].state == SIM_END_GONE)
        return;
    if (is_noise && sim_strikes(world, &rng, &item, world->options.loss)) {
        sim_hit(world, SIM_FAULT_LOSS, from, to, frame);
        lose_connection(world, conn, msg, &rng);
        return;
    }
    if (is_noise && sim_strikes(world, &rng, &item, world->options.flip))
        flip(world, conn, side, &rng, bytes, len);
    if (is_noise && world->options.stray > 0 &&
        net_stray_keep(world, conn, side, msg, &(struct net_copy){frame, bytes, len}, &rng)) {
        lose_connection(world, conn, msg, &rng);
        return;
    }
    put_frame(world, conn, side, &rng, frame, bytes, len);
    if (is_noise && sim_strikes(world, &rng, &item, world->options.duplicate)) {
        sim_hit(world, SIM_FAULT_DUPLICATE, from, to, frame);
        put_frame(world, conn, side, &rng, frame, bytes, len);
    }
}
