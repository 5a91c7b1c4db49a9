/* What a client asks its coordinator, and how long it waits for the answer. */
#include "chaos/sim/bank.h"
#include "chaos/sim/client_private.h"

static uint32_t nodes_of(const struct txn *txn)
{
    uint32_t nodes = 0;

    for (uint32_t i = 0; i < txn->legs_len; i++)
        nodes |= 1u << txn->legs[i].participant;
    return nodes;
}

void client_show_asked(struct sim_world *world, const struct sim_node *node, enum sim_ask what, bool is_again)
{
    const struct txn *txn = &node->client->txn;
    struct sim_sight sight = sim_sight_of(world, SIM_SEEN_ASKED, node);

    sight.gtrid = txn->gtrid;
    sight.asked.what = what;
    sight.asked.key = txn->key;
    sight.asked.is_again = is_again;
    sight.asked.is_read_only = txn->is_read_only;
    sight.asked.nodes = nodes_of(txn);
    if (is_again && what == SIM_ASK_COMMIT)
        sim_hit(world, SIM_FAULT_CLIENT_TWICE, node->index, SIM_NODE_NONE, 0);
    sim_show(world, &sight);
}

void client_set_timer(struct sim_world *world, struct sim_node *node, uint64_t delay_us)
{
    struct sim_event *event = sim_later(world, node, SIM_EVENT_CLIENT, delay_us, true);

    event->number = ++node->client->timer;
}

bool client_is_question(const struct sim_client *client)
{
    return client->txn.ask || !client_link_id_is_current(&client->link, &client->txn.gtrid);
}

static void fill_commit(struct sim_world *world, const struct txn *txn, struct vow_msg *msg)
{
    static struct vow_msg_call calls[LEGS_MAX];
    static uint8_t payloads[LEGS_MAX][SIM_LEG_BYTES];
    static struct vow_msg_work work[LEGS_MAX];
    const uint64_t now_us = sim_now_us(world);
    struct vow_msg_commit_request *request = &msg->commit_request;

    msg->kind = VOW_MSG_COMMIT_REQUEST;
    *request = (struct vow_msg_commit_request){.gtrid = txn->gtrid, .calls = calls, .work = work, .key = txn->key};
    request->timeout_ms = txn->end_us > now_us ? (uint32_t)((txn->end_us - now_us) / 1000 + 1) : 1;
    for (uint32_t i = 0; i < txn->legs_len; i++) {
        const char *name = world->nodes[txn->legs[i].participant].name;
        uint32_t at = 0;

        if (!txn->is_joined) {
            sim_leg_encode(&txn->legs[i], payloads[i]);
            calls[request->calls_len++] = (struct vow_msg_call){
                .participant = name, .handler = "work", .payload = {.data = payloads[i], .len = SIM_LEG_BYTES}};
            continue;
        }
        while (at < request->work_len && work[at].participant != name)
            at++;
        if (at == request->work_len)
            work[request->work_len++] = (struct vow_msg_work){.participant = name};
        work[at].ops++;
    }
}

static void fill_request(struct sim_world *world, const struct sim_client *client, struct vow_msg *msg)
{
    const struct txn *txn = &client->txn;

    if (txn->stage == STAGE_BEGIN) {
        msg->kind = VOW_MSG_BEGIN;
        msg->begin = (struct vow_msg_begin){.gtrid = txn->gtrid, .key = txn->key};
    } else if (client_is_question(client)) {
        msg->kind = VOW_MSG_STATUS_REQUEST;
        msg->status_request = (struct vow_msg_status_request){
            .gtrid = txn->gtrid, .participant = txn->one_phase ? world->nodes[txn->legs[0].participant].name : ""};
    } else if (txn->stage == STAGE_ROLLBACK) {
        msg->kind = VOW_MSG_ROLLBACK_REQUEST;
        msg->rollback_request.gtrid = txn->gtrid;
    } else {
        fill_commit(world, txn, msg);
    }
}

static enum sim_ask shown_as(const struct vow_msg *msg)
{
    switch ((int)msg->kind) {
    case VOW_MSG_BEGIN:
        return SIM_ASK_BEGIN;
    case VOW_MSG_ROLLBACK_REQUEST:
        return SIM_ASK_ROLLBACK;
    case VOW_MSG_COMMIT_REQUEST:
        return SIM_ASK_COMMIT;
    default:
        return SIM_ASK_STATUS;
    }
}

/* The caller has thought better of it. Whatever becomes of that, only an answer says. */
void client_cancel(struct sim_world *world, struct sim_node *node, uint64_t number)
{
    struct sim_client *client = node->client;
    struct txn *txn = &client->txn;
    struct vow_msg msg = {.kind = VOW_MSG_ROLLBACK_REQUEST};

    if (txn->stage != STAGE_COMMIT || txn->number != number || client->link.conn == NULL || !txn->sent ||
        client_is_question(client))
        return;
    txn->in_doubt = true;
    msg.rollback_request.gtrid = txn->gtrid;
    client_show_asked(world, node, SIM_ASK_ROLLBACK, false);
    sim_net_send(world, client->link.conn, 0, &msg);
}

static void cancel_later(struct sim_world *world, struct sim_node *node)
{
    struct sim_client *client = node->client;
    struct sim_rng rng =
        sim_rng_of(world->options.seed, SIM_FOR_WORK, node->index, UINT64_C(1) << 32 | client->txn.number);
    struct sim_event *event;

    if (sim_rng_below(&rng, 100) >= world->options.cancel_pct)
        return;
    event = sim_later(world, node, SIM_EVENT_CLIENT, sim_rng_wait(&rng, UINT64_C(8) * world->options.delay_us), true);
    event->side = 1;
    event->number = client->txn.number;
}

void client_send_request(struct sim_world *world, struct sim_node *node)
{
    struct sim_client *client = node->client;
    struct txn *txn = &client->txn;
    struct vow_msg msg = {.kind = VOW_MSG_PING};

    if (client->link.conn == NULL)
        return;
    fill_request(world, client, &msg);
    client_show_asked(world, node, shown_as(&msg), txn->asked_before);
    txn->asked_before = true;
    sim_net_send(world, client->link.conn, 0, &msg);
    txn->sent = true;
    if (msg.kind == VOW_MSG_COMMIT_REQUEST)
        cancel_later(world, node);
    /* No answer in all that time: the caller's patience ends, or the connection has. */
    client_set_timer(world, node, txn->end_us > sim_now_us(world) ? txn->end_us - sim_now_us(world) : ASKING_US);
}
