/* A world from its beginning to its end: its phases, and who meets an event. */
#include "chaos/sim/world_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "chaos/sim/bank.h"
#include "chaos/sim/clock.h"
#include "chaos/sim/storage.h"
#include "proto/assert.h"

/* How often the world looks whether it is over. */
#define LOOK_US UINT64_C(50000)
#define LOOK_SETUP_US UINT64_C(1000)
/* Short worlds have so many steps in which priorities order what happens. */
#define SHORT_STEPS 200
/* A world that goes on for ever is a bug of its own. */
#define EVENTS_MAX UINT64_C(300000)

/* --- Events --- */

static bool is_of_node(enum sim_event_kind kind)
{
    return kind == SIM_EVENT_WAKE || kind == SIM_EVENT_TICK || kind == SIM_EVENT_DISK_RUN ||
           kind == SIM_EVENT_DISK_DONE || kind == SIM_EVENT_DIAL || kind == SIM_EVENT_CALL ||
           kind == SIM_EVENT_CALL_DONE || kind == SIM_EVENT_DRAINED || kind == SIM_EVENT_CLIENT ||
           kind == SIM_EVENT_ORDER;
}

static bool is_of_net(enum sim_event_kind kind)
{
    return kind == SIM_EVENT_ARRIVE || kind == SIM_EVENT_CLOSED || kind == SIM_EVENT_SILENT ||
           kind == SIM_EVENT_CONNECT || kind == SIM_EVENT_STRAY;
}

static void happen(struct sim_world *world, const struct sim_event *event)
{
    struct sim_node *node = &world->nodes[event->node];

    if ((is_of_node(event->kind) || is_of_net(event->kind)) && node->is_paused && node->state == SIM_NODE_UP) {
        node_park(world, node, event);
    } else if (is_of_node(event->kind)) {
        node_event(world, node, event);
    } else if (is_of_net(event->kind)) {
        sim_net_event(world, event);
    } else if (event->kind == SIM_EVENT_START) {
        if (event->number == node->life)
            node_start(world, node);
    } else if (event->kind == SIM_EVENT_NEMESIS) {
        if (world->phase == SIM_PHASE_SAFETY)
            sim_nemesis_act(world, event->number);
    } else {
        sim_nemesis_event(world, event);
    }
}

/* --- Phases --- */

/* It and its coordinator are healed. */
static bool is_chosen(const struct sim_world *world, const struct sim_node *node)
{
    return (world->healed_nodes >> node->index & 1) != 0 && (world->healed_nodes >> node->coord & 1) != 0;
}

/* Healed, and not up yet, or not again: it starts, even if its coordinator never will. */
static bool is_starting(const struct sim_world *world, const struct sim_node *node)
{
    const bool is_server = node->role == SIM_COORDINATOR || node->role == SIM_PARTICIPANT;

    return is_server && (world->healed_nodes >> node->index & 1) != 0 && node->state != SIM_NODE_UP;
}

static bool are_quiet(const struct sim_world *world, bool clients_only)
{
    for (uint32_t i = 0; i < world->nodes_len; i++) {
        const struct sim_node *node = &world->nodes[i];
        const bool counts = clients_only ? sim_is_client(node) : is_chosen(world, node);

        if (counts && !sim_driver_of(node)->is_quiet(world, node))
            return false;
        if (node->role == SIM_PARTICIPANT && clients_only && sim_participant_has_orders(world, node))
            return false;
        if (!clients_only && is_starting(world, node))
            return false;
    }
    return true;
}

static void heal(struct sim_world *world)
{
    struct sim_sight sight = sim_sight_of(world, SIM_SEEN_HEALED, NULL);

    world->phase = SIM_PHASE_LIVENESS;
    world->healed_us = sim_now_us(world);
    world->net.is_calm = true;
    sim_agenda_use_time(&world->agenda, 2 * (uint64_t)world->options.delay_us);
    sim_nemesis_heal(world);
    for (uint32_t i = 0; i < world->nodes_len; i++)
        node_start_later(world, &world->nodes[i], 1000 + i);
    sight.healed.nodes = world->healed_nodes;
    sim_show(world, &sight);
    for (uint32_t i = 0; i < world->nodes_len; i++) {
        if (world->nodes[i].role == SIM_CLIENT)
            sim_client_heal(world, &world->nodes[i]);
    }
}

/* All is up: now clients begin, and the plan. */
static void set_out(struct sim_world *world)
{
    world->phase = SIM_PHASE_SAFETY;
    world->begun_us = sim_now_us(world);
    world->net.is_calm = false;
    if (world->options.is_short)
        sim_agenda_use_priorities(&world->agenda, world->options.priority_changes, SHORT_STEPS);
    for (uint32_t i = 0; i < world->nodes_len; i++) {
        if (world->nodes[i].role == SIM_CLIENT)
            sim_client_begin(world, &world->nodes[i]);
        else if (world->nodes[i].role == SIM_SAGA_CLIENT)
            sim_saga_client_begin(world, &world->nodes[i]);
    }
    sim_nemesis_begin(world);
}

static bool are_linked(const struct sim_world *world)
{
    for (uint32_t i = 0; i < world->nodes_len; i++) {
        if (!sim_driver_of(&world->nodes[i])->is_linked(&world->nodes[i]))
            return false;
    }
    return true;
}

/* What can end has ended within the bound. */
static void complain_of_open(struct sim_world *world)
{
    char text[160];

    for (uint32_t i = 0; i < world->nodes_len; i++) {
        const struct sim_node *node = &world->nodes[i];

        if (!is_chosen(world, node) || sim_driver_of(node)->is_quiet(world, node))
            continue;
        (void)snprintf(text, sizeof(text), "%s has work %u s after the faults stopped", node->name,
                       (unsigned)(SIM_LIVENESS_US / SIM_SECOND_US));
        sim_world_violated(world, "ending", text);
    }
}

/* True if there is nothing more to see. */
static bool look(struct sim_world *world)
{
    const uint64_t now_us = sim_now_us(world);
    const bool is_late = now_us - world->begun_us >= (uint64_t)world->options.safety_ms * 1000;

    if (world->phase == SIM_PHASE_SETUP && are_linked(world))
        set_out(world);
    else if (world->phase == SIM_PHASE_SAFETY && (is_late || are_quiet(world, true)))
        heal(world);
    else if (world->phase == SIM_PHASE_LIVENESS && are_quiet(world, false))
        return true;
    if (world->phase != SIM_PHASE_LIVENESS || now_us - world->healed_us < SIM_LIVENESS_US)
        return false;
    complain_of_open(world);
    return true;
}

static void show_nodes(struct sim_world *world)
{
    for (uint32_t i = 0; i < world->nodes_len; i++) {
        const struct sim_node *node = &world->nodes[i];
        struct sim_sight sight = sim_sight_of(world, SIM_SEEN_NODE, node);

        sight.node_is.role = node->role;
        sight.node_is.name = node->name;
        sight.node_is.coord = node->coord;
        sight.node_is.forgets_damage = world->options.auto_forget != 0;
        sight.node_is.heuristic_ms = world->options.heuristic_ms;
        sight.node_is.heuristic_verdict = world->options.heuristic_commit != 0 ? VOW_COMMIT : VOW_ABORT;
        if (node->role == SIM_COORDINATOR) {
            sight.node_is.txn_ms = world->options.txn_ms;
            sight.node_is.vote_ms = world->options.vote_ms;
        }
        if (sim_has_events(&world->options)) {
            sight.node_is.keys_max = node->role == SIM_COORDINATOR ? world->options.event_keys : 0;
            sight.node_is.dead_max = node->role == SIM_COORDINATOR ? world->options.dead_max : 0;
            sight.node_is.known_max = node->role == SIM_PARTICIPANT ? world->options.inbox_known : 0;
            sight.node_is.archive_max = node->role == SIM_PARTICIPANT ? world->options.outbox_archive : 0;
            sight.node_is.outbox_max = node->role == SIM_PARTICIPANT ? world->options.outbox_max : 0;
        }
        sim_show(world, &sight);
    }
    for (uint32_t i = 0; i < world->nodes_len; i++) {
        if (world->nodes[i].role == SIM_PARTICIPANT)
            sim_bank_show(world, &world->nodes[i]);
    }
}

/* What comes after the watchers were added. */
static void begin(struct sim_world *world)
{
    show_nodes(world);
    for (uint32_t i = 0; i < world->nodes_len; i++)
        node_start_later(world, &world->nodes[i], i);
}

static void show_end(struct sim_world *world)
{
    struct sim_sight sight = sim_sight_of(world, SIM_SEEN_ENDED, NULL);

    for (uint32_t i = 0; i < world->nodes_len; i++) {
        if (world->nodes[i].role == SIM_COORDINATOR)
            sim_coordinator_show_counts(world, &world->nodes[i]); /* its timer may have rested for long */
    }
    sim_show(world, &sight);
    for (uint32_t i = 0; i < world->nodes_len; i++) {
        if (sim_has_disk(&world->nodes[i]))
            sim_storage_show(world, &world->nodes[i]);
    }
}

void sim_world_run(struct sim_world *world)
{
    uint64_t next_look_us = LOOK_SETUP_US;
    struct sim_event event;

    begin(world);
    while (sim_agenda_next(&world->agenda, &event)) {
        happen(world, &event);
        if (++world->totals.events > EVENTS_MAX) {
            sim_world_violated(world, "rest", "the world does not come to rest");
            break;
        }
        if (world->agenda.now_us < next_look_us)
            continue;
        if (look(world))
            break;
        next_look_us = world->agenda.now_us + (world->phase == SIM_PHASE_SETUP ? LOOK_SETUP_US : LOOK_US);
    }
    world->phase = SIM_PHASE_OVER;
    show_end(world);
    world->totals.virtual_us += sim_now_us(world);
}

/* --- Beginning and end --- */

static void add_node(struct sim_world *world, enum sim_role role, char letter, uint32_t number)
{
    struct sim_node *node = &world->nodes[world->nodes_len];

    VOW_ASSERT(world->nodes_len < SIM_NODES_MAX);
    memset(node, 0, sizeof(*node));
    node->index = (uint8_t)world->nodes_len++;
    node->role = role;
    node->coord = node->index;
    if (role == SIM_PARTICIPANT || role == SIM_CLIENT || role == SIM_SAGA_CLIENT)
        node->coord = (uint8_t)(number % world->options.coordinators);
    node->wake_us = UINT64_MAX;
    node_drop_parked(node);
    (void)snprintf(node->name, sizeof(node->name), "%c%u", letter, number);
    sim_driver_of(node)->make(world, node);
}

void sim_world_init(struct sim_world *world, const struct sim_options *options, const struct sim_plan *plan)
{
    sim_arena_reset(&world->arena);
    world->options = *options;
    world->plan = *plan;
    memset(&world->watch, 0, sizeof(world->watch));
    memset(&world->totals, 0, sizeof(world->totals));
    memset(world->fault_hits, 0, sizeof(world->fault_hits));
    world->phase = SIM_PHASE_SETUP;
    world->healed_nodes = world->violations = world->nodes_len = 0;
    world->violation[0] = '\0';
    sim_agenda_begin(&world->agenda, &world->arena, sim_rng_of(options->seed, SIM_FOR_SCHEDULE, 0, 0));
    sim_net_begin(&world->net);
    sim_clock_set(0, WALL_US);
    for (uint32_t i = 0; i < options->coordinators; i++)
        add_node(world, SIM_COORDINATOR, 'c', i);
    for (uint32_t i = 0; i < options->participants; i++)
        add_node(world, SIM_PARTICIPANT, 'p', i);
    for (uint32_t i = 0; i < options->clients; i++)
        add_node(world, SIM_CLIENT, 'k', i);
    for (uint32_t i = 0; i < options->saga_clients; i++)
        add_node(world, SIM_SAGA_CLIENT, 's', i);
    if (sim_has_operator(options))
        add_node(world, SIM_OPERATOR, 'o', 0);
    sim_storage_begin(world);
}

void sim_world_end(struct sim_world *world)
{
    for (uint32_t i = 0; i < world->nodes_len; i++) {
        struct sim_node *node = &world->nodes[i];

        if (node->state == SIM_NODE_DOWN)
            continue;
        if (sim_has_disk(node))
            sim_disk_kill(sim_storage_disk(node));
        sim_driver_of(node)->stop(world, node);
        node->state = SIM_NODE_DOWN;
    }
}

void sim_world_free(struct sim_world *world)
{
    sim_agenda_free(&world->agenda);
    vow_arena_free(world->net.arena);
    free(world->net.conns);
    sim_arena_free(&world->arena);
}
