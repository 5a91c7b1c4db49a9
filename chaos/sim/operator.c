/*
 * The model of an operator: vowctl, and who uses it. It speaks to coordinators (ADMIN_REQUEST) and, straight, to
 * participants (RESOLVE), over connections like any other. Here its node, its connections and its orders; when it gives
 * which order is for operator_script.c to say.
 *
 * In the last phase it does what an operator is there for: it ends what a dead coordinator left in doubt, if the
 * options say so (resolve_blocked), and sees to all damage (forget_pct 100).
 */
#include <string.h>

#include "chaos/sim/operator_private.h"
#include "proto/error.h"

#define LOOK_US (SIM_SECOND_US / 2)
#define AGAIN_US (SIM_SECOND_US / 4)

bool sim_has_operator(const struct sim_options *options)
{
    return options->orders > 0 || options->forget_pct > 0 || options->resolve_blocked > 0;
}

static struct sim_operator *find(const struct sim_world *world)
{
    for (uint32_t i = 0; i < world->nodes_len; i++) {
        if (world->nodes[i].role == SIM_OPERATOR)
            return world->nodes[i].operator_;
    }
    return NULL;
}

static struct sim_node *self(const struct sim_operator *o)
{
    return &o->world->nodes[o->node];
}

void operator_later(struct sim_operator *o, enum operator_event event, uint64_t delay_us, void *ptr)
{
    struct sim_event *later = sim_later(o->world, self(o), SIM_EVENT_CLIENT, delay_us, true);

    later->number = event;
    later->ptr = ptr;
}

/* --- Giving orders --- */

static void show_order(struct sim_operator *o, const struct errand *errand)
{
    struct sim_sight sight = sim_sight_of(o->world, SIM_SEEN_OPERATED, self(o));

    sight.gtrid = errand->gtrid;
    sight.peer = errand->at;
    sight.operated.verdict = errand->command == VOW_ADMIN_FORGET   ? 0
                             : errand->command == VOW_ADMIN_COMMIT ? VOW_COMMIT
                                                                   : VOW_ABORT;
    sight.operated.is_heuristic = errand->command != VOW_ADMIN_FORGET && errand->at != SIM_NODE_NONE;
    sim_show(o->world, &sight);
    sim_hit(o->world, SIM_FAULT_OPERATOR, errand->to, SIM_NODE_NONE, errand->command);
}

static void send_straight(struct sim_operator *o, const struct errand *errand)
{
    struct vow_msg msg = {.kind = VOW_MSG_RESOLVE};

    msg.resolve.header.gtrid = errand->gtrid;
    msg.resolve.verdict = errand->command == VOW_ADMIN_COMMIT ? VOW_COMMIT : VOW_ABORT;
    msg.resolve.who = self(o)->name;
    msg.resolve.why = "by hand";
    sim_net_send(o->world, o->links[errand->to].conn, 0, &msg);
}

static void send_order(struct sim_operator *o, const struct errand *errand)
{
    const struct sim_world *world = o->world;
    struct vow_msg msg = {.kind = VOW_MSG_ADMIN_REQUEST};

    show_order(o, errand);
    if (errand->to == errand->at) {
        send_straight(o, errand);
        return;
    }
    msg.admin_request = (struct vow_msg_admin_request){.command = errand->command,
                                                       .gtrid = errand->gtrid,
                                                       .filter = "",
                                                       .participant = "",
                                                       .who = self(o)->name,
                                                       .why = "by hand",
                                                       .tag = ++o->tags};
    if (errand->at != SIM_NODE_NONE)
        msg.admin_request.participant = world->nodes[errand->at].name;
    sim_net_send(o->world, o->links[errand->to].conn, 0, &msg);
}

static void dial(struct sim_operator *o, uint8_t to)
{
    struct operator_link *link = &o->links[to];

    if (link->conn != NULL || link->is_dialing || self(o)->state != SIM_NODE_UP)
        return;
    link->is_dialing = true;
    sim_net_dial(o->world, self(o), to, VOW_ROLE_ADMIN);
}

/* Who is not there is tried again until he is. */
static void give(struct sim_operator *o, struct errand *errand)
{
    struct operator_link *link = &o->links[errand->to];

    if (link->conn != NULL) {
        send_order(o, errand);
        return;
    }
    errand->next = NULL;
    *link->waiting_end = errand;
    link->waiting_end = &errand->next;
    dial(o, errand->to);
}

void operator_order(struct sim_operator *o, const struct affair *affair, enum vow_admin_command command, uint8_t to,
                    uint8_t at, uint64_t delay_us)
{
    struct errand *errand = sim_arena_take(&o->world->arena, sizeof(*errand));

    *errand = (struct errand){.gtrid = affair->gtrid, .command = command, .to = to, .at = at};
    operator_later(o, OPERATOR_ORDERS, delay_us, errand);
}

/* --- Connections --- */

static void connected(struct sim_world *world, struct sim_node *node, struct sim_conn *conn, uint32_t side)
{
    const struct vow_msg msg = {.kind = VOW_MSG_HELLO,
                                .hello = {.version_min = VOW_WIRE_VERSION,
                                          .version_max = VOW_WIRE_VERSION,
                                          .role = VOW_ROLE_ADMIN,
                                          .name = node->name,
                                          .software = "sim",
                                          .address = ""}};

    sim_net_send(world, conn, side, &msg);
}

static void message(struct sim_world *world, struct sim_node *node, struct sim_conn *conn, uint32_t side,
                    const struct vow_msg *msg)
{
    struct sim_operator *o = node->operator_;
    struct operator_link *link = &o->links[conn->end[1].node];
    struct errand *errand = link->waiting;

    (void)world;
    if (msg->kind != VOW_MSG_WELCOME || conn->end[side].state != SIM_END_HANDSHAKE)
        return;
    conn->end[side].state = SIM_END_UP;
    link->conn = conn;
    link->is_dialing = false;
    link->waiting = NULL;
    link->waiting_end = &link->waiting;
    for (struct errand *next; errand != NULL; errand = next) {
        next = errand->next;
        send_order(o, errand);
    }
}

static void disconnected(struct sim_world *world, struct sim_node *node, struct sim_conn *conn, uint32_t side,
                         bool was_up)
{
    struct operator_link *link = &node->operator_->links[conn->end[1].node];

    (void)world, (void)side, (void)was_up;
    if (link->conn != NULL && link->conn != conn)
        return;
    link->conn = NULL;
    link->is_dialing = false;
    operator_later(node->operator_, OPERATOR_DIALS, AGAIN_US, &world->nodes[conn->end[1].node]);
}

/* --- The last phase --- */

static bool is_healed(const struct sim_world *world, uint8_t node)
{
    return (world->healed_nodes >> node & 1) != 0;
}

/* Damage that stands at a coordinator. Returns how many transactions there are; dry: nothing is done about it. */
static uint32_t see_to_damage(struct sim_operator *o, uint8_t coord, bool is_dry)
{
    struct affair affair = {.coord = coord};
    uint32_t cursor = 0, damaged = 0;

    while (sim_coordinator_next_damaged(&o->world->nodes[coord], &cursor, &affair.gtrid)) {
        damaged++;
        if (!is_dry)
            operator_order(o, &affair, VOW_ADMIN_FORGET, coord, SIM_NODE_NONE, 0);
    }
    return damaged;
}

static uint32_t see_to_all(struct sim_operator *o, bool is_dry)
{
    const struct sim_world *world = o->world;
    uint32_t left = 0;

    for (uint8_t i = 0; i < (uint8_t)world->nodes_len; i++) {
        if (world->nodes[i].role != SIM_COORDINATOR)
            continue;
        if (is_healed(world, i) && world->options.forget_pct == 100)
            left += see_to_damage(o, i, is_dry);
        if (!is_healed(world, i) && world->options.resolve_blocked != 0)
            left += operator_sweep(o, i, world->options.resolve_blocked == 2, is_dry);
    }
    return left;
}

static void look(struct sim_operator *o)
{
    if (o->world->phase == SIM_PHASE_LIVENESS)
        (void)see_to_all(o, false);
    operator_later(o, OPERATOR_LOOKS, LOOK_US, NULL);
}

/* --- The node --- */

static void make(struct sim_world *world, struct sim_node *node)
{
    struct sim_operator *o = sim_arena_take(&world->arena, sizeof(*o));

    memset(o, 0, sizeof(*o));
    o->world = world;
    o->node = node->index;
    o->rng = sim_rng_of(world->options.seed, SIM_FOR_NEMESIS, 4, 0);
    for (uint32_t i = 0; i < SIM_NODES_MAX; i++)
        o->links[i].waiting_end = &o->links[i].waiting;
    node->operator_ = o;
    sim_watch_add(&world->watch, operator_see, o);
}

static void start(struct sim_world *world, struct sim_node *node)
{
    struct sim_sight up = sim_sight_of(world, SIM_SEEN_UP, node);

    sim_node_up(world, node, &up);
    for (uint8_t i = 0; i < (uint8_t)world->nodes_len; i++) {
        if (sim_has_disk(&world->nodes[i]))
            operator_later(node->operator_, OPERATOR_DIALS, 1000, &world->nodes[i]);
    }
    operator_later(node->operator_, OPERATOR_LOOKS, LOOK_US, NULL);
}

static void stop(struct sim_world *world, struct sim_node *node)
{
    (void)world, (void)node;
}

static void event(struct sim_world *world, struct sim_node *node, const struct sim_event *event)
{
    struct sim_operator *o = node->operator_;

    (void)world;
    switch ((enum operator_event)event->number) {
    case OPERATOR_LOOKS:
        look(o);
        break;
    case OPERATOR_ORDERS:
        give(o, event->ptr);
        break;
    case OPERATOR_DIALS:
        dial(o, ((const struct sim_node *)event->ptr)->index);
        break;
    case OPERATOR_KILLS:
        operator_kill(o, event->ptr);
        break;
    case OPERATOR_SWEEPS:
        (void)operator_sweep(o, ((const struct blow *)event->ptr)->node, ((const struct blow *)event->ptr)->is_split,
                             false);
        break;
    }
}

static void turn_end(struct sim_world *world, struct sim_node *node)
{
    (void)world, (void)node;
}

static bool is_quiet(const struct sim_world *world, const struct sim_node *node)
{
    (void)world;
    return see_to_all(node->operator_, true) == 0;
}

static bool is_linked(const struct sim_node *node)
{
    return node->state == SIM_NODE_UP;
}

void sim_operator_act(struct sim_world *world, const struct sim_action *action)
{
    struct sim_operator *o = find(world);

    if (o != NULL)
        operator_arm(o, action);
}

const struct sim_driver sim_operator_driver = {
    .make = make,
    .start = start,
    .stop = stop,
    .event = event,
    .connected = connected,
    .message = message,
    .disconnected = disconnected,
    .turn_end = turn_end,
    .is_quiet = is_quiet,
    .is_linked = is_linked,
};
