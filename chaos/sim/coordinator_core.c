/* What a coordinator's core wants, and who carries it out: the network, the journal, those who watch. */
#include "chaos/sim/coordinator_private.h"

static void effect_message(struct sim_world *world, struct sim_coordinator *c, const struct vow_coord_effect *effect)
{
    struct session *session = coordinator_session_find(c, effect->session);

    if (session == NULL || !session->up)
        return;
    sim_net_send(world, session->conn, 1, &effect->msg);
    if (!world->net.is_calm && session->role == VOW_ROLE_PARTICIPANT && !session->is_full &&
        world->options.queue_full > 0 && sim_rng_chance(&world->agenda.rng, world->options.queue_full))
        session->is_full = c->has_full = true;
}

static void show_moved(struct sim_world *world, const struct sim_node *node, const struct vow_coord_effect *effect)
{
    struct sim_sight sight = sim_sight_of(world, SIM_SEEN_MOVED, node);

    sight.gtrid = effect->trace.gtrid;
    sight.moved.machine = SIM_MACHINE_COORD;
    sight.moved.from = effect->trace.from;
    sight.moved.event = effect->trace.event;
    sight.moved.to = effect->trace.to;
    sim_show(world, &sight);
}

static void show_alarm(struct sim_world *world, const struct sim_node *node, const struct vow_coord_effect *effect)
{
    struct sim_sight sight = sim_sight_of(world, SIM_SEEN_ALARM, node);

    sight.gtrid = effect->alarm.gtrid;
    sight.alarm.what = effect->alarm.what;
    sight.alarm.who = effect->alarm.who;
    sim_show(world, &sight);
}

static void carry_out(struct sim_world *world, struct sim_node *node, const struct vow_coord_effect *effect)
{
    switch (effect->kind) {
    case VOW_COORD_SEND:
    case VOW_COORD_REPLY:
        effect_message(world, node->coordinator, effect);
        break;
    case VOW_COORD_LOG:
        coordinator_log(world, node, effect);
        break;
    case VOW_COORD_LOOKUP:
        coordinator_look_up(world, node->coordinator, effect);
        break;
    case VOW_COORD_TRACE:
        show_moved(world, node, effect);
        break;
    case VOW_COORD_FORGOTTEN:
        coordinator_forgotten(world, node, effect);
        break;
    case VOW_COORD_ALARM:
        show_alarm(world, node, effect);
        break;
    }
}

/* Fault F029: the core holds back what can wait. */
static void tell_full(struct sim_world *world, struct sim_node *node)
{
    struct sim_coordinator *c = node->coordinator;
    struct vow_coord_event full = {.kind = VOW_COORD_PEER_FULL, .now_ms = sim_now_us(world) / 1000};
    struct vow_coord_effects none;

    c->has_full = false;
    for (uint32_t i = 0; i < SESSIONS_MAX; i++) {
        struct session *session = &c->sessions[i];

        if (session->id == 0 || !session->is_full || session->is_told)
            continue;
        session->is_told = true;
        full.session = session->id;
        sim_hit(world, SIM_FAULT_QUEUE_FULL, node->index, session->conn->end[0].node, 0);
        vow_coord_step(c->core, &full, &none);
        sim_later(world, node, SIM_EVENT_DRAINED, 1 + sim_rng_wait(&world->agenda.rng, SIM_SECOND_US / 8), true)
            ->number = session->id;
    }
}

void coordinator_drained(struct sim_world *world, struct sim_node *node, uint64_t id)
{
    struct vow_coord_event ready = {.kind = VOW_COORD_PEER_READY, .session = id};
    struct session *session = coordinator_session_find(node->coordinator, id);

    if (session == NULL)
        return;
    session->is_full = session->is_told = false;
    coordinator_step(world, node, &ready);
    coordinator_sagas_drained(world, node, id);
    coordinator_events_drained(world, node, id);
    coordinator_turn_end(world, node);
}

void coordinator_step(struct sim_world *world, struct sim_node *node, struct vow_coord_event *event)
{
    struct vow_coord_effects effects;

    event->now_ms = sim_now_us(world) / 1000;
    vow_coord_step(node->coordinator->core, event, &effects);
    for (size_t i = 0; i < effects.len; i++)
        carry_out(world, node, &effects.items[i]);
    if (node->coordinator->has_full)
        tell_full(world, node);
}
