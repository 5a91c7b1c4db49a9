/*
 * A coordinator's sagas: the real core, and between it, the sessions and the journal what coordinator/server/sagas.c
 * does in vowd. What a step is about is kept in vowd's own book.
 */
#include <string.h>

#include "chaos/sim/coordinator_private.h"
#include "proto/assert.h"
#include "proto/error.h"

/* --- Messages --- */

static void effect_send(struct sim_world *world, struct sim_coordinator *c, const struct vow_sagas_effect *effect)
{
    const struct session *session = coordinator_session_find(c, effect->session);
    struct vow_msg msg = effect->msg;

    if (session == NULL || !session->up)
        return;
    /* For whom much waits already is not sent more (fault F029). The core is in its step: it hears of it after that. */
    if (session->is_full) {
        VOW_ASSERT(c->sagas.unsent_len < COORDINATOR_UNSENT_MAX);
        c->sagas.unsent[c->sagas.unsent_len++] = (struct coordinator_unsent){
            .session = effect->session, .gtrid = effect->gtrid, .step = effect->msg.step.step};
        return;
    }
    saga_book_fill(&c->sagas.book, &msg.step);
    sim_net_send(world, session->conn, 1, &msg);
}

static void effect_reply(struct sim_world *world, struct sim_coordinator *c, const struct vow_sagas_effect *effect)
{
    const struct session *session = coordinator_session_find(c, effect->session);

    if (session != NULL && session->up)
        sim_net_send(world, session->conn, 1, &effect->msg);
}

/* --- The journal --- */

static void keep_answer(struct sim_coordinator *c, const struct vow_record *record)
{
    if (record->kind == VOW_RECORD_SAGA_STEP && record->step.fate == VOW_FATE_DONE)
        VOW_ASSERT(saga_book_answer(&c->sagas.book, &record->gtrid, record->step.number, record->body));
}

static void effect_log(struct sim_world *world, struct sim_node *node, const struct vow_sagas_effect *effect)
{
    struct sim_coordinator *c = node->coordinator;
    struct log_op *op = coordinator_op_take(world, c);
    struct vow_record *record = &op->op.record;

    op->is_saga = true;
    op->op.kind = effect->log.record.kind == VOW_RECORD_SAGA_END ? VOW_JOURNAL_END : VOW_JOURNAL_APPEND;
    op->op.token = effect->log.token;
    op->op.branches = op->branches;
    *record = effect->log.record;
    record->branches = op->branches;
    if (record->kind == VOW_RECORD_SAGA_BEGIN) {
        VOW_ASSERT(c->sagas.request != NULL);
        record->body = coordinator_encode(world, c->sagas.request);
        c->sagas.has_begun = true;
    } else {
        keep_answer(c, record);
        if (record->body.len > 0)
            record->body.data = sim_arena_copy(&world->arena, record->body.data, record->body.len);
    }
    coordinator_op_push(world, node, op, effect->log.forced);
}

static void effect_lookup(struct sim_world *world, struct sim_node *node, const struct vow_sagas_effect *effect)
{
    struct log_op *op = coordinator_op_take(world, node->coordinator);

    op->is_saga = true;
    op->op.kind = VOW_JOURNAL_GET_SAGA;
    op->op.gtrid = effect->gtrid;
    op->op.token = effect->session;
    coordinator_op_push(world, node, op, true);
}

void coordinator_sagas_journal_done(struct sim_world *world, struct sim_node *node, const struct vow_journal_op *op)
{
    struct vow_sagas_event event = {.kind = VOW_SAGAS_LOG_DONE, .token = op->token};

    if (op->kind == VOW_JOURNAL_GET_SAGA)
        event = vow_lookup_saga_event(op);
    coordinator_sagas_step(world, node, &event);
}

/* --- What is seen, and the rest --- */

static void show_moved(struct sim_world *world, const struct sim_node *node, const struct vow_sagas_effect *effect)
{
    struct sim_sight sight = sim_sight_of(world, SIM_SEEN_MOVED, node);

    sight.gtrid = effect->gtrid;
    sight.moved.machine = effect->trace.step == VOW_STEP_NONE ? SIM_MACHINE_SAGA : SIM_MACHINE_STEP;
    sight.moved.from = effect->trace.from;
    sight.moved.event = effect->trace.event;
    sight.moved.to = effect->trace.to;
    sim_show(world, &sight);
}

static void show_alarm(struct sim_world *world, const struct sim_node *node, const struct vow_sagas_effect *effect)
{
    struct sim_sight sight = sim_sight_of(world, SIM_SEEN_ALARM, node);

    sight.gtrid = effect->gtrid;
    sight.alarm.what = effect->alarm.what;
    sight.alarm.who = "";
    sight.alarm.is_of_saga = true;
    sim_show(world, &sight);
}

static void ordered(struct sim_world *world, struct sim_node *node, const struct vow_sagas_effect *effect)
{
    struct sim_order *order = coordinator_order_find(node->coordinator, effect->ordered.tag);

    if (order != NULL)
        coordinator_order_answer(world, node, order, effect->ordered.error, effect->ordered.text);
}

static void carry_out(struct sim_world *world, struct sim_node *node, const struct vow_sagas_effect *effect)
{
    struct saga_book *book = &node->coordinator->sagas.book;

    switch (effect->kind) {
    case VOW_SAGAS_SEND:
        effect_send(world, node->coordinator, effect);
        break;
    case VOW_SAGAS_REPLY:
        effect_reply(world, node->coordinator, effect);
        break;
    case VOW_SAGAS_LOG:
        effect_log(world, node, effect);
        break;
    case VOW_SAGAS_LOOKUP:
        effect_lookup(world, node, effect);
        break;
    case VOW_SAGAS_TRACE:
        show_moved(world, node, effect);
        break;
    case VOW_SAGAS_ALARM:
        show_alarm(world, node, effect);
        break;
    case VOW_SAGAS_ORDERED:
        ordered(world, node, effect);
        break;
    case VOW_SAGAS_FREED:
        saga_book_remove(book, saga_book_find(book, &effect->gtrid));
        break;
    }
}

static void step(struct sim_world *world, struct sim_node *node, struct vow_sagas_event *event)
{
    struct vow_sagas_effects effects;

    event->now_ms = sim_now_us(world) / 1000;
    vow_sagas_step(node->coordinator->sagas.core, event, &effects);
    for (size_t i = 0; i < effects.len; i++)
        carry_out(world, node, &effects.items[i]);
}

void coordinator_sagas_step(struct sim_world *world, struct sim_node *node, struct vow_sagas_event *event)
{
    struct coordinator_sagas *sagas = &node->coordinator->sagas;

    step(world, node, event);
    while (sagas->unsent_len > 0) {
        const struct coordinator_unsent *unsent = &sagas->unsent[--sagas->unsent_len];
        struct vow_sagas_event back = {.kind = VOW_SAGAS_UNSENT, .session = unsent->session};

        back.unsent.gtrid = unsent->gtrid;
        back.unsent.step = unsent->step;
        step(world, node, &back);
    }
}

void coordinator_sagas_drained(struct sim_world *world, struct sim_node *node, uint64_t session)
{
    struct vow_sagas_event ready = {.kind = VOW_SAGAS_PEER_READY, .session = session};

    if (node->coordinator->sagas.core != NULL)
        coordinator_sagas_step(world, node, &ready);
}

/* --- What comes --- */

static enum vow_saga_grant grant_of(const struct sim_coordinator *c, const struct vow_gtrid *gtrid)
{
    switch (vow_coord_id(c->core, gtrid)) {
    case VOW_COORD_ID_FRESH:
        return VOW_SAGA_ID_NEW;
    case VOW_COORD_ID_USED:
        return VOW_SAGA_ID_USED;
    case VOW_COORD_ID_VOID:
        break;
    }
    return VOW_SAGA_ID_VOID;
}

/* The id is used up with the BEGIN that is on its way to the log: not before, for who is told to come back comes with
 * the same one. */
static void request(struct sim_world *world, struct sim_node *node, const struct session *session,
                    const struct vow_msg *msg)
{
    struct sim_coordinator *c = node->coordinator;
    struct vow_sagas_event event = {.kind = VOW_SAGAS_REQUEST, .session = session->id};
    struct saga_order *order = NULL;

    event.request.msg = &msg->saga_request;
    event.request.grant = grant_of(c, &msg->saga_request.gtrid);
    if (event.request.grant == VOW_SAGA_ID_NEW)
        order = saga_book_add(&c->sagas.book, &msg->saga_request, session->id);
    c->sagas.request = msg;
    c->sagas.has_begun = false;
    coordinator_sagas_step(world, node, &event);
    c->sagas.request = NULL;
    if (c->sagas.has_begun)
        vow_coord_use_id(c->core, &msg->saga_request.gtrid);
    else
        saga_book_remove(&c->sagas.book, order);
}

/* What each role may say. */
static bool is_said_by(enum vow_role role, enum vow_msg_kind kind)
{
    if (kind == VOW_MSG_STEP_DONE)
        return role == VOW_ROLE_PARTICIPANT;
    return role == VOW_ROLE_CLIENT;
}

bool coordinator_sagas_message(struct sim_world *world, struct sim_node *node, const struct session *session,
                               const struct vow_msg *msg)
{
    struct vow_sagas_event event = {.kind = VOW_SAGAS_MESSAGE, .session = session->id, .msg = msg};

    if (msg->kind != VOW_MSG_SAGA_REQUEST && msg->kind != VOW_MSG_SAGA_QUERY && msg->kind != VOW_MSG_SAGA_CANCEL &&
        msg->kind != VOW_MSG_STEP_DONE)
        return false;
    if (node->coordinator->sagas.core == NULL || !is_said_by(session->role, msg->kind))
        return true;
    if (msg->kind == VOW_MSG_SAGA_REQUEST)
        request(world, node, session, msg);
    else
        coordinator_sagas_step(world, node, &event);
    return true;
}

void coordinator_sagas_peer_up(struct sim_world *world, struct sim_node *node, const struct session *session)
{
    struct vow_sagas_event event = {.kind = VOW_SAGAS_PEER_UP, .session = session->id, .peer = session->name};

    if (node->coordinator->sagas.core != NULL)
        coordinator_sagas_step(world, node, &event);
}

void coordinator_sagas_session_down(struct sim_world *world, struct sim_node *node, uint64_t session)
{
    struct vow_sagas_event event = {.kind = VOW_SAGAS_SESSION_DOWN, .session = session};

    if (node->coordinator->sagas.core != NULL)
        coordinator_sagas_step(world, node, &event);
}

void coordinator_sagas_timer(struct sim_world *world, struct sim_node *node)
{
    struct vow_sagas_event event = {.kind = VOW_SAGAS_TIMER};

    if (node->coordinator->sagas.core != NULL)
        coordinator_sagas_step(world, node, &event);
}

uint64_t coordinator_sagas_deadline_ms(const struct sim_coordinator *c)
{
    return c->sagas.core != NULL ? vow_sagas_deadline_ms(c->sagas.core) : UINT64_MAX;
}

/* --- What there is in memory --- */

/* It waits for a participant that will not come back. */
static bool cannot_end(const struct sim_world *world, const struct vow_saga_view *view)
{
    for (uint32_t i = 0; i < view->steps_len; i++) {
        const struct sim_node *node = sim_find(world, view->steps[i].participant);

        if (node == NULL || (world->healed_nodes >> node->index & 1) == 0)
            return true;
    }
    return false;
}

bool coordinator_sagas_are_quiet(const struct sim_world *world, const struct sim_node *node)
{
    const struct vow_sagas *core = node->coordinator->sagas.core;
    struct vow_saga_view view;
    uint32_t cursor = 0;

    while (core != NULL && vow_sagas_next(core, &cursor, &view)) {
        if (!cannot_end(world, &view))
            return false;
    }
    return true;
}
