/*
 * The model of a client: what libvow's client does with a request (participant/client_request.c), one transaction at a
 * time, each drawn from its own number. What it is told is what the library would return to its caller.
 */
#include "chaos/sim/client_private.h"

#include <string.h>

#include "proto/error.h"

#define IDS_AGAIN_US UINT64_C(500000)

/* --- Going on --- */

/* Among the clients. */
static uint32_t place_of(const struct sim_world *world, const struct sim_node *node)
{
    return node->index - world->options.coordinators - world->options.participants;
}

static void take_id(struct sim_world *world, struct sim_node *node)
{
    struct sim_client *client = node->client;
    struct txn *txn = &client->txn;
    const uint8_t flags = txn->one_phase ? VOW_GTRID_ONE_PHASE : 0;

    if (!client_link_take_id(world, &client->link, flags, &txn->gtrid)) {
        client_set_timer(world, node, IDS_AGAIN_US);
        return;
    }
    txn->id_since_us = sim_now_us(world);
    txn->stage = txn->is_joined ? STAGE_BEGIN : STAGE_COMMIT;
    client_send_request(world, node);
}

void client_ask_about(struct sim_world *world, struct sim_node *node, const struct remembered *old, uint64_t wait_us)
{
    struct sim_client *client = node->client;
    struct vow_msg msg = {.kind = VOW_MSG_STATUS_REQUEST};

    client->txn = (struct txn){.stage = STAGE_STATUS, .gtrid = old->gtrid};
    msg.status_request = (struct vow_msg_status_request){
        .gtrid = old->gtrid,
        .participant = old->participant != SIM_NODE_NONE ? world->nodes[old->participant].name : ""};
    client_show_asked(world, node, SIM_ASK_STATUS, false);
    sim_net_send(world, client->link.conn, 0, &msg);
    client_set_timer(world, node, wait_us);
}

static void ask_about_old(struct sim_world *world, struct sim_node *node)
{
    struct sim_client *client = node->client;
    const uint32_t kept = client->memory_len < REMEMBERED ? client->memory_len : REMEMBERED;

    client_ask_about(world, node, &client->memory[sim_rng_below(&client->rng, kept)],
                     (uint64_t)world->options.patience_ms * 1000);
}

/* The number of its next transaction that takes place, or `count`. */
static uint32_t next_number(const struct sim_world *world, const struct sim_node *node)
{
    const uint64_t skipped = world->plan.skipped[place_of(world, node)];
    uint32_t next = node->client->next;

    while (next < node->client->count && next < SIM_CLIENT_TXNS_MAX && (skipped >> next & 1) != 0)
        next++;
    return next;
}

/* A queue that was restored hands out once more what has been done already: its key tells. */
static void repeat(struct sim_world *world, struct sim_node *node)
{
    struct sim_client *client = node->client;
    const uint32_t next = client->next;

    client->next = (uint32_t)__builtin_ctzll(client->again);
    client->again &= client->again - 1;
    client_draw(world, node);
    client->txn.is_repeated = true;
    client->next = next;
}

static void begin_next(struct sim_world *world, struct sim_node *node)
{
    struct sim_client *client = node->client;

    if (client->link.conn != NULL && client->memory_len > 0 &&
        sim_rng_below(&client->rng, 100) < world->options.status_pct) {
        ask_about_old(world, node);
        return;
    }
    if (next_number(world, node) < client->count) {
        client->next = next_number(world, node);
        client_draw(world, node);
    } else if (client->again != 0) {
        repeat(world, node);
    } else {
        if (client_is_in_doubt(world, client))
            client_ask_doubt(world, node);
        return;
    }
    client_go_on(world, node);
}

/* An id that is too old to begin under is given back for a new one. */
static void resend(struct sim_world *world, struct sim_node *node)
{
    struct txn *txn = &node->client->txn;

    if (txn->stage <= STAGE_COMMIT && client_nothing_happened(txn) && !(txn->stage == STAGE_COMMIT && txn->is_joined) &&
        sim_now_us(world) - txn->id_since_us >= VOW_IDS_LIFE_MS * UINT64_C(1000)) {
        txn->stage = STAGE_NO_ID;
        memset(&txn->gtrid, 0, sizeof(txn->gtrid));
        client_go_on(world, node);
        return;
    }
    client_send_request(world, node);
}

void client_go_on(struct sim_world *world, struct sim_node *node)
{
    struct sim_client *client = node->client;
    struct txn *txn = &client->txn;

    if (txn->stage == STAGE_IDLE) {
        begin_next(world, node);
    } else if (txn->stage == STAGE_NO_ID) {
        if (sim_now_us(world) >= txn->end_us)
            client_end(world, node, VOW_ABORTED, VOW_CAUSE_NONE, VOW_E_UNREACHABLE);
        else if (client->link.conn != NULL)
            take_id(world, node);
        else
            client_set_timer(world, node, IDS_AGAIN_US);
    } else if (txn->stage == STAGE_WORK) {
        client_end_work(world, node, false);
    } else if (txn->stage == STAGE_STATUS) {
        txn->stage = STAGE_IDLE;
        begin_next(world, node);
    } else if (txn->sent || client->link.conn == NULL) {
        /* The answer did not come in time. */
        if (sim_now_us(world) >= txn->end_us)
            client_give_up(world, node);
        else
            client_set_timer(world, node, txn->end_us - sim_now_us(world));
    } else {
        resend(world, node);
    }
}

/* --- The driver --- */

static void make(struct sim_world *world, struct sim_node *node)
{
    const uint32_t clients = world->options.clients;
    const uint32_t place = place_of(world, node);

    node->client = sim_arena_take(&world->arena, sizeof(*node->client));
    memset(node->client, 0, sizeof(*node->client));
    node->client->count = world->options.transactions / clients + (place < world->options.transactions % clients);
}

static void start(struct sim_world *world, struct sim_node *node)
{
    struct sim_client *client = node->client;

    client->rng = sim_rng_of(world->options.seed, SIM_FOR_CLIENT, node->index, node->life);
    client_will_repeat(world, client);
    client->txn = (struct txn){.stage = STAGE_IDLE};
    client_link_start(world, node, &client->link, &client->rng);
    if (world->phase != SIM_PHASE_SETUP)
        sim_client_begin(world, node);
}

void sim_client_begin(struct sim_world *world, struct sim_node *node)
{
    client_set_timer(world, node, 1 + sim_rng_below(&node->client->rng, 1000));
}

static void stop(struct sim_world *world, struct sim_node *node)
{
    (void)world;
    node->client->link.conn = NULL;
}

static void connected(struct sim_world *world, struct sim_node *node, struct sim_conn *conn, uint32_t side)
{
    client_link_hello(world, node, &node->client->link, conn, side);
}

/* As vow_request_reconnected(). */
static void reconnected(struct sim_world *world, struct sim_node *node)
{
    struct sim_client *client = node->client;
    struct txn *txn = &client->txn;
    const bool takes_any_id = txn->stage == STAGE_BEGIN || (txn->stage == STAGE_COMMIT && !txn->is_joined);

    if (txn->stage == STAGE_NO_ID) {
        client_go_on(world, node);
    } else if (txn->stage == STAGE_BEGIN || (takes_any_id && client_nothing_happened(txn) &&
                                             !client_link_id_is_current(&client->link, &txn->gtrid))) {
        txn->stage = STAGE_NO_ID;
        txn->sent = txn->in_doubt = txn->ask = false;
        memset(&txn->gtrid, 0, sizeof(txn->gtrid));
        client_go_on(world, node);
    } else if (txn->stage == STAGE_COMMIT || txn->stage == STAGE_ROLLBACK) {
        client_send_request(world, node);
    }
}

static void message(struct sim_world *world, struct sim_node *node, struct sim_conn *conn, uint32_t side,
                    const struct vow_msg *msg)
{
    struct sim_client *client = node->client;
    const bool waits_for_id = client->txn.stage == STAGE_NO_ID;
    const enum client_link_news news = client_link_hear(world, node, &client->link, conn, side, msg, waits_for_id);

    if (news == CLIENT_LINK_UP)
        reconnected(world, node);
    else if (news == CLIENT_LINK_IDS && waits_for_id)
        take_id(world, node);
    else if (news == CLIENT_LINK_NOTHING && msg->kind == VOW_MSG_OUTCOME)
        client_hear(world, node, &msg->outcome);
}

static void disconnected(struct sim_world *world, struct sim_node *node, struct sim_conn *conn, uint32_t side,
                         bool was_up)
{
    struct sim_client *client = node->client;
    struct txn *txn = &client->txn;

    (void)side;
    if (!client_link_lost(world, node, &client->link, conn, was_up))
        return;
    /* A request that was lost may have been, or may yet be, carried out (F066). */
    if (txn->sent && (txn->stage == STAGE_COMMIT || txn->stage == STAGE_ROLLBACK))
        txn->in_doubt = true;
    txn->sent = false;
    txn->attempts = 0;
}

static void turn_end(struct sim_world *world, struct sim_node *node)
{
    (void)world, (void)node;
}

static void event(struct sim_world *world, struct sim_node *node, const struct sim_event *event)
{
    struct sim_client *client = node->client;

    if (event->kind == SIM_EVENT_DIAL) {
        sim_net_dial(world, node, node->coord, VOW_ROLE_CLIENT);
    } else if (event->kind == SIM_EVENT_CALL_DONE) {
        client_called_back(world, node, event->ptr);
    } else if (event->kind == SIM_EVENT_CLIENT && event->side == 1) {
        client_cancel(world, node, event->number);
    } else if (event->kind == SIM_EVENT_CLIENT && event->number == client->timer) {
        client->link.ids.asked = false; /* ids that were asked for and did not come are asked for again */
        client_go_on(world, node);
    }
}

static bool is_quiet(const struct sim_world *world, const struct sim_node *node)
{
    return node->client->txn.stage == STAGE_IDLE && node->client->again == 0 &&
           next_number(world, node) >= node->client->count && !client_is_in_doubt(world, node->client);
}

static bool is_linked(const struct sim_node *node)
{
    return node->state == SIM_NODE_UP && node->client->link.conn != NULL;
}

const struct sim_driver sim_client_driver = {
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
