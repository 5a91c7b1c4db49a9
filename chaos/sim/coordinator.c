/*
 * A coordinator's process: the real core and the real journal, and between them what coordinator/server does in vowd.
 * Here its life: it starts, meets events, and stops.
 */
#include "chaos/sim/coordinator_private.h"

#include <string.h>

#include "proto/error.h"

static void make(struct sim_world *world, struct sim_node *node)
{
    node->coordinator = sim_arena_take(&world->arena, sizeof(*node->coordinator));
    memset(node->coordinator, 0, sizeof(*node->coordinator));
}

static void start(struct sim_world *world, struct sim_node *node)
{
    struct sim_coordinator *c = node->coordinator;
    struct vow_error_detail detail = {.error = 0, .text = ""};
    uint32_t recovered = 0;
    int error;

    memset(c, 0, sizeof(*c));
    c->pending_end = &c->pending;
    c->queue_end = &c->queue;
    error = coordinator_open(world, node, &recovered, &detail);
    if (sim_node_died(world, node))
        return;
    if (error != 0) {
        sim_node_stopped(world, node, SIM_SEEN_REFUSED, error, detail.text);
        return;
    }
    struct sim_sight up = sim_sight_of(world, SIM_SEEN_UP, node);

    up.up.epoch = c->identity.epoch;
    up.up.coord_id = c->identity.coord;
    up.up.recovered = recovered;
    sim_node_up(world, node, &up);
    coordinator_turn_end(world, node);
    coordinator_tick_later(world, node, IDLE_US);
    coordinator_sagas_look_later(world, node);
}

static void stop(struct sim_world *world, struct sim_node *node)
{
    struct sim_coordinator *c = node->coordinator;

    (void)world;
    if (c->engine != NULL)
        c->ops->close(c->engine);
    c->engine = NULL;
    c->core = NULL;
    coordinator_sagas_stop(c);
    coordinator_events_stop(c);
}

static void show_saga_counts(struct sim_world *world, const struct sim_node *node)
{
    const struct coordinator_sagas *sagas = &node->coordinator->sagas;
    struct vow_sagas_counts counts;

    vow_sagas_counts(sagas->core, &counts);
    sim_sample(world, node, SIM_SAMPLE_SAGAS, counts.open, sagas->limits.sagas_max);
    sim_sample(world, node, SIM_SAMPLE_STEPS, counts.steps, sagas->limits.steps_max);
}

void sim_coordinator_show_counts(struct sim_world *world, const struct sim_node *node)
{
    struct sim_coordinator *c = node->coordinator;
    struct vow_coord_counts counts;

    if (node->state != SIM_NODE_UP)
        return;
    if (c->sagas.core != NULL)
        show_saga_counts(world, node);
    vow_coord_counts(c->core, &counts);
    sim_sample(world, node, SIM_SAMPLE_OPEN, counts.open, c->limits.txns_max);
    sim_sample(world, node, SIM_SAMPLE_BRANCHES, counts.branches, c->limits.branches_max);
    sim_sample(world, node, SIM_SAMPLE_PEERS, counts.peers, c->limits.peers_max);
    coordinator_events_show_counts(world, node);
}

static void event(struct sim_world *world, struct sim_node *node, const struct sim_event *event)
{
    struct vow_coord_event timer = {.kind = VOW_COORD_TIMER};

    if (event->kind == SIM_EVENT_DISK_RUN) {
        coordinator_run_batch(world, node);
    } else if (event->kind == SIM_EVENT_DISK_DONE) {
        coordinator_batch_done(world, node, event->ptr, event->number != 0);
    } else if (event->kind == SIM_EVENT_TICK) {
        coordinator_tick(world, node);
    } else if (event->kind == SIM_EVENT_DRAINED) {
        coordinator_drained(world, node, event->number);
    } else if (event->kind == SIM_EVENT_ORDER) {
        coordinator_sagas_look(world, node);
    } else if (event->kind == SIM_EVENT_WAKE) {
        struct sim_sight sight = sim_sight_of(world, SIM_SEEN_TICKED, node);

        sim_coordinator_show_counts(world, node);
        sim_show(world, &sight);
        coordinator_step(world, node, &timer);
        coordinator_sagas_timer(world, node);
        coordinator_events_timer(world, node);
        coordinator_turn_end(world, node);
    }
}

/* --- What there is in memory --- */

static bool is_damaged(const struct vow_coord_txn_view *view)
{
    return strcmp(view->state, "HEUR") == 0;
}

bool sim_coordinator_next_damaged(const struct sim_node *node, uint32_t *cursor, struct vow_gtrid *gtrid)
{
    struct vow_coord_txn_view view;

    if (node->state != SIM_NODE_UP)
        return false;
    while (vow_coord_next(node->coordinator->core, cursor, &view)) {
        *gtrid = view.gtrid;
        if (is_damaged(&view))
            return true;
    }
    return false;
}

/* Damage that nobody will see to in this world. */
static bool is_standing(const struct sim_world *world, const struct vow_coord_txn_view *view)
{
    return is_damaged(view) && world->options.forget_pct != 100;
}

/* It waits for a participant that will not come back, or has lost what it must commit. */
static bool cannot_end(const struct sim_world *world, const struct vow_coord_txn_view *view)
{
    for (uint32_t i = 0; i < view->branches_len && i < VOW_CALLS_MAX; i++) {
        const struct vow_coord_branch_view *branch = &view->branches[i];
        const struct sim_node *node = sim_find(world, branch->participant);

        if (!branch->acknowledged && (node == NULL || (world->healed_nodes >> node->index & 1) == 0))
            return true;
    }
    return false;
}

/* What damage there is, is judged when all have answered (protocol 2.7). Until then there is nothing to forget. */
static bool is_never_judged(const struct sim_world *world, const struct vow_coord_txn_view *view)
{
    return strcmp(view->state, "COMMITTING") == 0 && cannot_end(world, view);
}

bool sim_coordinator_keeps_note(const struct sim_world *world, const struct sim_node *node,
                                const struct vow_gtrid *gtrid, const char *participant)
{
    struct vow_coord_txn_view view;

    if (node->state != SIM_NODE_UP || !vow_coord_find(node->coordinator->core, gtrid, &view))
        return false;
    if (!is_standing(world, &view) && !is_never_judged(world, &view))
        return false;
    for (uint32_t i = 0; i < view.branches_len && i < VOW_CALLS_MAX; i++) {
        if (view.branches[i].contradicts && strcmp(view.branches[i].participant, participant) == 0)
            return true;
    }
    return false;
}

bool sim_coordinator_is_full(const struct sim_world *world, const struct sim_node *node)
{
    struct vow_coord_txn_view view;
    uint32_t cursor = 0, standing = 0;

    if (node->state != SIM_NODE_UP)
        return false;
    while (vow_coord_next(node->coordinator->core, &cursor, &view))
        standing += is_standing(world, &view) || cannot_end(world, &view);
    return standing >= node->coordinator->limits.txns_max;
}

static bool is_quiet(const struct sim_world *world, const struct sim_node *node)
{
    const struct sim_coordinator *c = node->coordinator;
    struct vow_coord_txn_view view;
    uint32_t cursor = 0;

    if (node->state != SIM_NODE_UP || c->queue != NULL || c->pending != NULL)
        return false;
    while (vow_coord_next(c->core, &cursor, &view)) {
        if (!cannot_end(world, &view) && !is_standing(world, &view))
            return false;
    }
    return coordinator_sagas_are_quiet(world, node) && coordinator_events_are_quiet(world, node);
}

static bool is_linked(const struct sim_node *node)
{
    return node->state == SIM_NODE_UP;
}

const struct sim_driver sim_coordinator_driver = {
    .make = make,
    .start = start,
    .stop = stop,
    .event = event,
    .connected = NULL,
    .message = coordinator_message,
    .disconnected = coordinator_disconnected,
    .turn_end = coordinator_turn_end,
    .is_quiet = is_quiet,
    .is_linked = is_linked,
};
