/*
 * Orders of operators, as coordinator/server/operate.c carries them out: first they are in the log, then they are done,
 * and what came of it is in the log, too. How long an operator waits for a participant's word is his business alone, so
 * no timer runs here.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "chaos/sim/coordinator_private.h"
#include "proto/error.h"

struct sim_order *coordinator_order_find(const struct sim_coordinator *c, uint64_t id)
{
    struct sim_order *order = c->orders;

    while (order != NULL && order->id != id)
        order = order->next;
    return order;
}

static bool is_of_saga(const struct sim_order *order)
{
    return order->command == VOW_ADMIN_SAGA_RETRY || order->command == VOW_ADMIN_SAGA_CLOSE;
}

bool coordinator_has_order(const struct sim_coordinator *c, const struct vow_gtrid *gtrid)
{
    const struct sim_order *order = c->orders;

    while (order != NULL && !vow_gtrid_equal(&order->gtrid, gtrid))
        order = order->next;
    return order != NULL;
}

static void drop(struct sim_coordinator *c, const struct sim_order *order)
{
    struct sim_order **link = &c->orders;

    while (*link != order)
        link = &(*link)->next;
    *link = order->next;
}

static void reply(struct sim_world *world, struct sim_coordinator *c, const struct sim_order *order, int error,
                  const char *text)
{
    const struct session *asker = coordinator_session_find(c, order->asker);
    struct vow_msg msg = {.kind = VOW_MSG_ADMIN_REPLY};
    char row[VOW_TEXT_SIZE + 32];

    if (asker == NULL)
        return;
    (void)snprintf(row, sizeof(row), "{\"%s\":\"%s\"}", error == 0 ? "done" : "why", text);
    msg.admin_reply.error = error;
    msg.admin_reply.json = row;
    msg.admin_reply.last = true;
    msg.admin_reply.tag = order->tag;
    sim_net_send(world, asker->conn, 1, &msg);
}

void coordinator_order_answer(struct sim_world *world, struct sim_node *node, struct sim_order *order, int error,
                              const char *text)
{
    struct sim_coordinator *c = node->coordinator;
    char note[VOW_TEXT_SIZE];

    (void)snprintf(note, sizeof(note), "%s: %.150s", error == 0 ? "done" : "not done", text);
    coordinator_write_down(world, node, &order->gtrid, order->participant, note, is_of_saga(order), NULL);
    reply(world, c, order, error, text);
    drop(c, order);
}

/* ---- abort of what is not decided ---- */

static bool is_undecided(const struct sim_coordinator *c, const struct vow_gtrid *gtrid)
{
    struct vow_coord_txn_view view;

    return vow_coord_find(c->core, gtrid, &view) &&
           (strcmp(view.state, "ACTIVE") == 0 || strcmp(view.state, "PREPARING") == 0);
}

static void abort_all(struct sim_world *world, struct sim_node *node, struct sim_order *order)
{
    const struct vow_msg msg = {.kind = VOW_MSG_ROLLBACK_REQUEST, .rollback_request = {.gtrid = order->gtrid}};
    struct vow_coord_event event = {.kind = VOW_COORD_MESSAGE, .by_operator = true, .msg = &msg};

    if (!is_undecided(node->coordinator, &order->gtrid)) {
        coordinator_order_answer(world, node, order, VOW_E_REFUSED, "too late, or never begun");
        return;
    }
    coordinator_step(world, node, &event);
    coordinator_order_answer(world, node, order, 0, "aborted");
}

/* ---- one participant's branch ---- */

static const struct session *session_of(const struct sim_coordinator *c, const char *participant)
{
    for (uint32_t i = 0; i < SESSIONS_MAX; i++) {
        const struct session *session = &c->sessions[i];

        if (session->id != 0 && session->up && session->role == VOW_ROLE_PARTICIPANT &&
            strcmp(session->name, participant) == 0)
            return session;
    }
    return NULL;
}

static void resolve(struct sim_world *world, struct sim_node *node, struct sim_order *order)
{
    const struct session *session = session_of(node->coordinator, order->participant);
    struct vow_msg msg = {.kind = VOW_MSG_RESOLVE};

    if (session == NULL) {
        coordinator_order_answer(world, node, order, VOW_E_STATE, "not connected");
        return;
    }
    msg.resolve.header = (struct vow_msg_header){.gtrid = order->gtrid,
                                                 .incarnation = session->peer.incarnation,
                                                 .epoch = node->coordinator->identity.epoch,
                                                 .attempt = (uint32_t)order->id};
    msg.resolve.verdict = order->command == VOW_ADMIN_COMMIT ? VOW_COMMIT : VOW_ABORT;
    msg.resolve.who = order->who;
    msg.resolve.why = order->why;
    order->session = session->id;
    sim_net_send(world, session->conn, 1, &msg);
}

void coordinator_resolved(struct sim_world *world, struct sim_node *node, const struct session *session,
                          const struct vow_msg_resolved *resolved)
{
    struct sim_order *order = coordinator_order_find(node->coordinator, resolved->header.attempt);

    if (order != NULL && order->session == session->id && vow_gtrid_equal(&order->gtrid, &resolved->header.gtrid))
        coordinator_order_answer(world, node, order, resolved->error != 0 ? VOW_E_REFUSED : 0, resolved->text);
}

/* It may have been done. */
void coordinator_orders_unanswered(struct sim_world *world, struct sim_node *node, uint64_t session)
{
    for (struct sim_order *order = node->coordinator->orders, *next; order != NULL; order = next) {
        next = order->next;
        if (order->session == session)
            coordinator_order_answer(world, node, order, VOW_E_IN_DOUBT, "no answer");
    }
}

/* ---- damage is seen to ---- */

static void forget(struct sim_world *world, struct sim_node *node, const struct sim_order *order)
{
    struct vow_coord_event event = {.kind = VOW_COORD_FORGET};

    event.forget = (struct vow_coord_forget){.gtrid = order->gtrid,
                                             .participant = order->participant,
                                             .who = order->who,
                                             .why = order->why,
                                             .tag = order->id};
    coordinator_step(world, node, &event);
}

void coordinator_forgotten(struct sim_world *world, struct sim_node *node, const struct vow_coord_effect *effect)
{
    struct sim_order *order = coordinator_order_find(node->coordinator, effect->forgotten.tag);

    if (order != NULL)
        coordinator_order_answer(world, node, order, effect->forgotten.error, effect->forgotten.text);
}

/* ---- a saga is stuck ---- */

static void order_saga(struct sim_world *world, struct sim_node *node, const struct sim_order *order)
{
    struct vow_sagas_event event = {.kind = VOW_SAGAS_ORDER};

    event.order.gtrid = order->gtrid;
    event.order.order = order->command == VOW_ADMIN_SAGA_RETRY ? VOW_SAGA_RETRY : VOW_SAGA_CLOSE;
    event.order.tag = order->id;
    coordinator_sagas_step(world, node, &event);
}

/* ---- a dead letter ---- */

static void order_dead(struct sim_world *world, struct sim_node *node, const struct sim_order *order)
{
    struct vow_relay_event event = {.kind = VOW_RELAY_ORDER,
                                    .order = {order->participant, order->lsn,
                                              order->command == VOW_ADMIN_DLQ_RETRY ? VOW_RELAY_RETRY : VOW_RELAY_DROP,
                                              order->id}};

    coordinator_events_step(world, node, &event);
}

/* ---- a group whose service never comes back ---- */

static void order_removal(struct sim_world *world, struct sim_node *node, const struct sim_order *order)
{
    struct vow_relay_event event = {.kind = VOW_RELAY_ORDER,
                                    .order = {order->participant, 0, VOW_RELAY_REMOVE, order->id}};

    coordinator_events_step(world, node, &event);
}

/* ---- where a group goes on ---- */

static bool is_cut_off(const struct sim_coordinator *c, uint64_t after)
{
    struct vow_journal_stats stats = {0};

    c->ops->stats(c->engine, &stats);
    return after != 0 && after < stats.cut_lsn;
}

static void order_move(struct sim_world *world, struct sim_node *node, struct sim_order *order)
{
    struct vow_relay_event event = {.kind = VOW_RELAY_ORDER,
                                    .order = {order->participant, order->after, VOW_RELAY_SEEK, order->id}};

    if (is_cut_off(node->coordinator, order->after))
        coordinator_order_answer(world, node, order, VOW_E_STATE, "retention has cut that off");
    else
        coordinator_events_step(world, node, &event);
}

/* ---- an order comes ---- */

void coordinator_order_logged(struct sim_world *world, struct sim_node *node, struct sim_order *order)
{
    if (order->lsn != 0)
        order_dead(world, node, order);
    else if (order->command == VOW_ADMIN_GROUP_REMOVE)
        order_removal(world, node, order);
    else if (order->command == VOW_ADMIN_GROUP_SEEK)
        order_move(world, node, order);
    else if (is_of_saga(order))
        order_saga(world, node, order);
    else if (order->command == VOW_ADMIN_FORGET)
        forget(world, node, order);
    else if (order->participant[0] != '\0')
        resolve(world, node, order);
    else
        abort_all(world, node, order);
}

/* The event before the one that is next. */
static uint64_t place_of(const char *text)
{
    if (strcmp(text, "newest") == 0)
        return UINT64_MAX;
    return strcmp(text, "oldest") == 0 ? 0 : strtoull(text, NULL, 10) - 1;
}

void coordinator_order(struct sim_world *world, struct sim_node *node, const struct session *session,
                       const struct vow_msg_admin_request *request)
{
    struct sim_coordinator *c = node->coordinator;
    struct sim_order *order = sim_arena_take(&world->arena, sizeof(*order));

    *order = (struct sim_order){.next = c->orders,
                                .id = ++c->next_order,
                                .asker = session->id,
                                .tag = request->tag,
                                .command = request->command,
                                .gtrid = request->gtrid};
    (void)snprintf(order->participant, sizeof(order->participant), "%s", request->participant);
    if (request->command == VOW_ADMIN_DLQ_RETRY || request->command == VOW_ADMIN_DLQ_DROP)
        order->lsn = strtoull(request->filter, NULL, 10);
    if (request->command == VOW_ADMIN_GROUP_SEEK)
        order->after = place_of(request->filter);
    vow_text_copy(order->who, request->who);
    vow_text_copy(order->why, request->why);
    c->orders = order;
    coordinator_write_down(world, node, &order->gtrid, order->participant, order->why, is_of_saga(order), order);
}
