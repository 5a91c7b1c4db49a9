/*
 * What is between the nodes. A connection is two streams of bytes: real frames are encoded at one end, cut into pieces,
 * delayed, and put together, cut and decoded at the other. TCP keeps their order and loses none, but for what the
 * options say of the links between coordinators and participants, where frames are lost, doubled and overtake one
 * another: there each message must be able to stand alone, since a reconnect may do the same to it.
 */
#include <stdlib.h>
#include <string.h>

#include "chaos/sim/world.h"
#include "proto/assert.h"

#define FRAME_MAX VOW_FRAME_MAX_DEFAULT
/* A frame that is held back for long comes after most time-outs. */
#define LONG_DELAY_US (3 * SIM_SECOND_US)

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

static struct sim_node *node_at(struct sim_world *world, const struct sim_conn *conn, uint32_t side)
{
    return &world->nodes[conn->end[side].node];
}

/* The process at this end is the one that opened it. */
static bool is_alive(struct sim_world *world, const struct sim_conn *conn, uint32_t side)
{
    const struct sim_node *node = node_at(world, conn, side);

    return conn->end[side].state != SIM_END_GONE && node->state == SIM_NODE_UP && node->life == conn->end[side].life;
}

/* --- Events of a connection --- */

static void add_event(struct sim_world *world, struct sim_conn *conn, uint32_t side, enum sim_event_kind kind,
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
    add_event(world, conn, 1, SIM_EVENT_CONNECT, sim_net_delay(world, from->index, to, conn->id), NULL);
    add_event(world, conn, 0, SIM_EVENT_SILENT, SIM_HANDSHAKE_US, NULL);
}

static void tell_gone(struct sim_world *world, struct sim_conn *conn, uint32_t side, bool was_told)
{
    struct sim_node *node = node_at(world, conn, side);
    struct sim_end *end = &conn->end[side];
    const bool was_up = end->state == SIM_END_UP, alive = is_alive(world, conn, side);
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
static void tell_other(struct sim_world *world, struct sim_conn *conn, uint32_t side)
{
    struct sim_end *other = &conn->end[1 - side];
    uint64_t at_us;

    if (other->state == SIM_END_GONE)
        return;
    if (!sim_net_is_open(world, conn->end[side].node, other->node)) {
        sim_hit(world, SIM_FAULT_HALF_OPEN, other->node, conn->end[side].node, 0);
        add_event(world, conn, 1 - side, SIM_EVENT_SILENT, SIM_SILENCE_US, NULL);
        return;
    }
    at_us = sim_now_us(world) + sim_net_delay(world, conn->end[side].node, other->node, conn->id);
    if (at_us < other->last_us)
        at_us = other->last_us;
    other->last_us = at_us;
    add_event(world, conn, 1 - side, SIM_EVENT_CLOSED, at_us - sim_now_us(world), NULL);
}

void sim_net_close(struct sim_world *world, struct sim_conn *conn, uint32_t side)
{
    struct sim_node *node = node_at(world, conn, side);

    if (conn->end[side].state == SIM_END_UP) {
        struct sim_sight sight = sim_sight_of(world, SIM_SEEN_UNLINKED, node);

        sight.peer = conn->end[1 - side].node;
        sim_show(world, &sight);
    }
    conn->end[side].state = SIM_END_GONE;
    tell_other(world, conn, side);
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
                tell_other(world, conn, side);
            } else if (conn->end[1 - side].state != SIM_END_GONE) {
                sim_hit(world, SIM_FAULT_HALF_OPEN, conn->end[1 - side].node, node->index, 0);
                add_event(world, conn, 1 - side, SIM_EVENT_SILENT, SIM_SILENCE_US, NULL);
            }
        }
    }
}

/* --- Sending --- */

static bool is_noisy(const struct sim_world *world, const struct sim_conn *conn, uint32_t side)
{
    return !world->net.is_calm && conn->role == VOW_ROLE_PARTICIPANT && conn->end[side].state == SIM_END_UP;
}

static void put_piece(struct sim_world *world, struct sim_conn *conn, uint32_t side, uint64_t at_us, uint64_t frame,
                      const uint8_t *bytes, uint32_t len)
{
    struct sim_piece *piece = sim_arena_take(&world->arena, sizeof(*piece) + len);

    *piece = (struct sim_piece){.frame = frame, .sender_life = conn->end[side].life, .len = len};
    memcpy(piece->bytes, bytes, len);
    add_event(world, conn, 1 - side, SIM_EVENT_ARRIVE, at_us - sim_now_us(world), piece);
}

static uint64_t in_order(struct sim_end *to, uint64_t at_us)
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
        put_piece(world, conn, side, at_us, frame, bytes, len);
    } else if (sim_strikes(world, rng, &item, o->slice) && !is_noisy(world, conn, side)) {
        const uint32_t first = (uint32_t)sim_rng_between(rng, 1, len - 1);

        sim_hit(world, SIM_FAULT_SLICED, from, to, first);
        put_piece(world, conn, side, in_order(&conn->end[1 - side], at_us), frame, bytes, first);
        at_us += sim_rng_wait(rng, o->delay_us);
        put_piece(world, conn, side, in_order(&conn->end[1 - side], at_us), 0, bytes + first, len - first);
    } else {
        put_piece(world, conn, side, in_order(&conn->end[1 - side], at_us), frame, bytes, len);
    }
}

static bool is_handshake(enum vow_msg_kind kind)
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
    if (!is_handshake(msg->kind))
        show_sent(world, conn, side, msg, frame);
    if (len == 0 || conn->end[side].state == SIM_END_GONE)
        return;
    if (is_noise && sim_strikes(world, &rng, &item, world->options.loss)) {
        sim_hit(world, SIM_FAULT_LOSS, from, to, frame);
        return;
    }
    if (is_noise && sim_strikes(world, &rng, &item, world->options.flip))
        flip(world, conn, side, &rng, bytes, len);
    put_frame(world, conn, side, &rng, frame, bytes, len);
    if (is_noise && sim_strikes(world, &rng, &item, world->options.duplicate)) {
        sim_hit(world, SIM_FAULT_DUPLICATE, from, to, frame);
        put_frame(world, conn, side, &rng, frame, bytes, len);
    }
}

/* --- Receiving --- */

static void drop_bad_peer(struct sim_world *world, struct sim_conn *conn, uint32_t side)
{
    tell_gone(world, conn, side, false);
    tell_other(world, conn, side);
}

static uint64_t next_frame(struct sim_end *end)
{
    uint64_t frame = 0;

    if (end->frames_len > 0) {
        frame = end->frames[end->frames_first];
        end->frames_first = (end->frames_first + 1) % SIM_FRAMES_AHEAD;
        end->frames_len--;
    }
    return frame;
}

static void deliver(struct sim_world *world, struct sim_conn *conn, uint32_t side, const struct vow_msg *msg,
                    uint32_t sender_life)
{
    struct sim_node *node = node_at(world, conn, side);
    struct sim_sight sight = sim_sight_of(world, SIM_SEEN_RECEIVED, node);

    sight.message.frame = next_frame(&conn->end[side]);
    if (!is_handshake(msg->kind)) {
        sight.peer = conn->end[1 - side].node;
        sight.message.msg = msg;
        sight.message.peer_life = sender_life;
        sim_show(world, &sight);
    }
    sim_driver_of(node)->message(world, node, conn, side, msg);
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
    if (piece->frame != 0) {
        VOW_ASSERT(end->frames_len < SIM_FRAMES_AHEAD);
        end->frames[(end->frames_first + end->frames_len++) % SIM_FRAMES_AHEAD] = piece->frame;
    }
}

/* Takes one whole frame out of what has come. False if there is none, or nothing is taken any more. */
static bool take_frame(struct sim_world *world, struct sim_conn *conn, uint32_t side, uint32_t sender_life)
{
    struct sim_end *end = &conn->end[side];
    const char *why = "";
    struct vow_msg msg;
    uint32_t body = 0, whole;
    int found;

    if (!is_alive(world, conn, side))
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

static void arrive(struct sim_world *world, struct sim_conn *conn, uint32_t side, struct sim_piece *piece)
{
    struct sim_node *node = node_at(world, conn, side);
    struct sim_end *end = &conn->end[side];

    if (!sim_net_is_open(world, conn->end[1 - side].node, end->node) && end->state != SIM_END_GONE) {
        piece->next = NULL;
        *end->parked_end = piece;
        end->parked_end = &piece->next;
        return;
    }
    if (!is_alive(world, conn, side)) {
        /* A system that knows nothing of the connection says so; one without power says nothing. */
        if (node->state != SIM_NODE_DOWN && conn->end[1 - side].state != SIM_END_GONE)
            tell_other(world, conn, side);
        return;
    }
    append(world, end, piece);
    sim_enter(world, node);
    while (take_frame(world, conn, side, piece->sender_life))
        continue;
    if (node->state == SIM_NODE_UP)
        sim_driver_of(node)->turn_end(world, node);
}

static void connect_to(struct sim_world *world, struct sim_conn *conn)
{
    struct sim_node *from = node_at(world, conn, 0), *to = node_at(world, conn, 1);

    if (conn->end[0].state == SIM_END_GONE)
        return;
    if (!sim_net_is_open(world, from->index, to->index) || !sim_net_is_open(world, to->index, from->index))
        return; /* its SYN, or the answer, is lost: the handshake's deadline ends it */
    if (to->state != SIM_NODE_UP) {
        sim_hit(world, SIM_FAULT_REFUSED, to->index, from->index, 0);
        add_event(world, conn, 0, SIM_EVENT_CLOSED, sim_net_delay(world, to->index, from->index, conn->id), NULL);
        return;
    }
    conn->end[1].life = to->life;
    conn->end[1].state = SIM_END_HANDSHAKE;
    conn->end[0].state = SIM_END_HANDSHAKE;
    add_event(world, conn, 1, SIM_EVENT_SILENT, SIM_HANDSHAKE_US, NULL);
    sim_enter(world, from);
    if (is_alive(world, conn, 0))
        sim_driver_of(from)->connected(world, from, conn, 0);
}

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

static void silent(struct sim_world *world, struct sim_conn *conn, uint32_t side)
{
    struct sim_end *end = &conn->end[side];
    const uint64_t now_us = sim_now_us(world), since_us = silent_since(world, conn, side);

    if (end->state == SIM_END_GONE)
        return;
    if (end->state != SIM_END_UP || (since_us != UINT64_MAX && now_us - since_us >= SIM_SILENCE_US)) {
        tell_gone(world, conn, side, false);
        tell_other(world, conn, side);
    } else if (since_us != UINT64_MAX) {
        add_event(world, conn, side, SIM_EVENT_SILENT, since_us + SIM_SILENCE_US - now_us, NULL);
    }
}

static void suspect(struct sim_world *world, struct sim_conn *conn)
{
    for (uint32_t side = 0; side < 2; side++) {
        if (conn->end[side].state == SIM_END_UP)
            add_event(world, conn, side, SIM_EVENT_SILENT, SIM_SILENCE_US, NULL);
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

/* TCP sends again what was not acknowledged. */
static void unpark(struct sim_world *world, struct sim_conn *conn, uint32_t side)
{
    struct sim_end *end = &conn->end[side];
    struct sim_piece *piece = end->parked;

    end->parked = NULL;
    end->parked_end = &end->parked;
    for (struct sim_piece *next; piece != NULL; piece = next) {
        next = piece->next;
        add_event(world, conn, side, SIM_EVENT_ARRIVE,
                  in_order(end, sim_now_us(world) + world->options.delay_us) - sim_now_us(world), piece);
    }
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
            unpark(world, conn, conn->end[0].node == to ? 0 : 1);
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
            put_piece(world, conn, 1 - side, sim_now_us(world) + 1, 0, head, (uint32_t)sim_rng_between(rng, 1, 4));
        end->last_us = sim_now_us(world) + 2 + sim_rng_below(rng, world->options.delay_us + 1);
        add_event(world, conn, side, SIM_EVENT_CLOSED, end->last_us - sim_now_us(world), NULL);
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

void sim_net_event(struct sim_world *world, const struct sim_event *event)
{
    struct sim_conn *conn = world->net.conns[event->number - 1];

    if (event->kind == SIM_EVENT_ARRIVE)
        arrive(world, conn, event->side, event->ptr);
    else if (event->kind == SIM_EVENT_CONNECT)
        connect_to(world, conn);
    else if (event->kind == SIM_EVENT_SILENT)
        silent(world, conn, event->side);
    else if (conn->end[event->side].state != SIM_END_GONE)
        tell_gone(world, conn, event->side, true);
}
