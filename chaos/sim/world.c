#include "chaos/sim/world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "chaos/sim/bank.h"
#include "chaos/sim/clock.h"
#include "chaos/sim/storage.h"
#include "proto/assert.h"

/* The wall clocks begin here: some day in 2026. */
#define WALL_US UINT64_C(1790000000000000)
/* A process that stopped is started again after this time; longer with each time that it refuses to start. */
#define RESTART_US UINT64_C(200000)
#define RESTART_MAX_US (8 * SIM_SECOND_US)
/* How often the world looks whether it is over. */
#define LOOK_US UINT64_C(50000)
#define LOOK_SETUP_US UINT64_C(1000)
/* Short worlds have so many steps in which priorities order what happens. */
#define SHORT_STEPS 200
/* A world that goes on for ever is a bug of its own. */
#define EVENTS_MAX UINT64_C(300000)

/* --- Sights --- */

struct sim_sight sim_sight_of(const struct sim_world *world, enum sim_sight_kind kind, const struct sim_node *node)
{
    struct sim_sight sight = sim_sight_make(kind, node != NULL ? node->index : SIM_NODE_NONE,
                                            node != NULL ? node->life : 0, sim_now_us(world));

    sight.peer = SIM_NODE_NONE;
    return sight;
}

void sim_show(struct sim_world *world, struct sim_sight *sight)
{
    sim_seen(&world->watch, sight);
}

void sim_hit(struct sim_world *world, enum sim_fault fault, uint8_t node, uint8_t peer, uint64_t amount)
{
    const uint32_t life = node != SIM_NODE_NONE ? world->nodes[node].life : 0;
    struct sim_sight sight = sim_sight_make(SIM_SEEN_FAULT, node, life, sim_now_us(world));

    world->fault_hits[fault]++;
    world->totals.faults++;
    sight.peer = peer;
    sight.fault.fault = fault;
    sight.fault.amount = amount;
    sim_show(world, &sight);
}

bool sim_strikes(struct sim_world *world, struct sim_rng *rng, const struct sim_noise_item *item,
                 uint32_t in_ten_thousand)
{
    if (world->net.is_calm || !sim_rng_chance(rng, in_ten_thousand) || !sim_plan_allows(&world->plan, item))
        return false;
    if (world->noise != NULL)
        sim_noise_add(world->noise, item);
    return true;
}

void sim_sample(struct sim_world *world, const struct sim_node *node, enum sim_sample what, uint64_t value,
                uint64_t limit)
{
    struct sim_sight sight = sim_sight_of(world, SIM_SEEN_SAMPLE, node);

    sight.sample.what = what;
    sight.sample.value = value;
    sight.sample.limit = limit;
    sim_show(world, &sight);
}

void sim_world_violated(struct sim_world *world, const char *invariant, const char *text)
{
    if (world->violations++ == 0)
        (void)snprintf(world->violation, sizeof(world->violation), "%s: %s", invariant, text);
}

/* --- Nodes --- */

const struct sim_driver *sim_driver_of(const struct sim_node *node)
{
    switch (node->role) {
    case SIM_COORDINATOR:
        return &sim_coordinator_driver;
    case SIM_PARTICIPANT:
        return &sim_participant_driver;
    case SIM_CLIENT:
        break;
    }
    return &sim_client_driver;
}

const struct sim_node *sim_find(const struct sim_world *world, const char *name)
{
    for (uint32_t i = 0; i < world->nodes_len; i++) {
        if (strcmp(world->nodes[i].name, name) == 0)
            return &world->nodes[i];
    }
    return NULL;
}

void sim_enter(struct sim_world *world, const struct sim_node *node)
{
    const uint64_t now_us = sim_now_us(world);

    sim_clock_set(now_us, (uint64_t)((int64_t)(WALL_US + now_us) + node->wall_off_us));
}

struct sim_event *sim_later(struct sim_world *world, const struct sim_node *node, enum sim_event_kind kind,
                            uint64_t delay_us, bool is_timed)
{
    const struct sim_event event = {.kind = kind,
                                    .task = sim_task_of_node(node->index, 0),
                                    .node = node->index,
                                    .is_timed = is_timed,
                                    .life = node->life};

    return sim_agenda_add(&world->agenda, delay_us, &event);
}

/* A busy machine: the loop comes round late. */
static uint64_t timer_delay(struct sim_world *world, const struct sim_node *node)
{
    uint64_t us;

    if (world->net.is_calm || world->options.timer_late == 0 ||
        !sim_rng_chance(&world->agenda.rng, world->options.timer_late))
        return 0;
    us = sim_rng_wait(&world->agenda.rng, SIM_SECOND_US / 8);
    sim_hit(world, SIM_FAULT_TIMER_LATE, node->index, SIM_NODE_NONE, us);
    return us;
}

void sim_arm(struct sim_world *world, struct sim_node *node, uint64_t deadline_ms)
{
    const uint64_t now_us = sim_now_us(world);
    uint64_t at_us;

    if (deadline_ms == UINT64_MAX) {
        node->wake_us = UINT64_MAX;
        return;
    }
    at_us = deadline_ms * 1000 > now_us ? deadline_ms * 1000 : now_us;
    if (at_us == node->wake_us)
        return;
    node->wake_us = at_us;
    sim_later(world, node, SIM_EVENT_WAKE, at_us - now_us + timer_delay(world, node), true)->number = at_us;
}

void sim_node_up(struct sim_world *world, struct sim_node *node, struct sim_sight *up)
{
    node->state = SIM_NODE_UP;
    node->start_tries = 0;
    sim_show(world, up);
}

static void start_later(struct sim_world *world, struct sim_node *node, uint64_t delay_us)
{
    struct sim_event event = {.kind = SIM_EVENT_START, .node = node->index, .is_timed = true, .number = node->life};

    event.task = sim_task_of_node(node->index, 0);
    if (!node->is_broken)
        (void)sim_agenda_add(&world->agenda, delay_us, &event);
}

static void drop_parked(struct sim_node *node)
{
    node->parked = NULL;
    node->parked_end = &node->parked;
}

/* A power cut keeps what was synced, and of the rest what its luck says. */
static void lose_power(struct sim_world *world, const struct sim_node *node)
{
    struct sim_rng rng = sim_rng_of(world->options.seed, SIM_FOR_DISK, node->index, UINT64_C(1) << 40 | node->life);
    const enum sim_power mode = (enum sim_power)sim_rng_between(&rng, SIM_POWER_NOTHING, SIM_POWER_MODES - 1);

    sim_disk_power_cut(sim_storage_disk(node), mode, &rng.state);
}

/* The process is gone: what it had open is dead before its memory is given back, or else it closes its files. */
static void go_down(struct sim_world *world, struct sim_node *node, enum sim_crash how)
{
    const bool has_disk = node->role != SIM_CLIENT, is_told = how != SIM_CRASH_POWER;

    sim_enter(world, node);
    if (has_disk && how != SIM_CRASH_CLEAN)
        sim_disk_kill(sim_storage_disk(node));
    sim_driver_of(node)->stop(world, node);
    if (has_disk && how == SIM_CRASH_POWER)
        lose_power(world, node);
    if (has_disk)
        sim_disk_kill_at(sim_storage_disk(node), 0);
    node->state = SIM_NODE_DOWN;
    node->is_paused = false;
    node->gone_us = sim_now_us(world);
    node->wake_us = UINT64_MAX;
    drop_parked(node);
    sim_net_forget(world, node, is_told);
}

void sim_node_stopped(struct sim_world *world, struct sim_node *node, enum sim_sight_kind kind, int error,
                      const char *text)
{
    struct sim_sight sight = sim_sight_of(world, kind, node);
    uint64_t delay_us = RESTART_US << (node->start_tries < 8 ? node->start_tries : 8);

    sight.stop.error = error;
    sight.stop.text = text;
    sim_show(world, &sight);
    go_down(world, node, SIM_CRASH_KILL);
    node->start_tries++;
    start_later(world, node, delay_us < RESTART_MAX_US ? delay_us : RESTART_MAX_US);
}

static void crash(struct sim_world *world, struct sim_node *node, enum sim_crash how, bool in_commit, uint64_t down_us)
{
    struct sim_sight sight = sim_sight_of(world, SIM_SEEN_CRASHED, node);

    sight.crashed.how = how;
    sight.crashed.in_commit = in_commit;
    sight.crashed.in_recovery = node->state == SIM_NODE_STARTING;
    sim_show(world, &sight);
    go_down(world, node, how);
    start_later(world, node, down_us);
}

void sim_node_kill(struct sim_world *world, struct sim_node *node, enum sim_crash how, uint64_t down_us)
{
    if (node->state != SIM_NODE_DOWN)
        crash(world, node, how, false, down_us);
}

bool sim_node_died(struct sim_world *world, struct sim_node *node)
{
    if (sim_disk_is_on(sim_storage_disk(node)))
        return false;
    sim_hit(world, node->dies_by == SIM_CRASH_POWER ? SIM_FAULT_POWER : SIM_FAULT_KILL, node->index, SIM_NODE_NONE,
            node->dies_for_us);
    crash(world, node, node->dies_by, true, node->dies_for_us);
    return true;
}

static void start(struct sim_world *world, struct sim_node *node)
{
    struct sim_sight sight;

    if (node->state != SIM_NODE_DOWN || node->is_broken)
        return;
    node->life++;
    node->state = SIM_NODE_STARTING;
    node->wake_us = UINT64_MAX;
    drop_parked(node);
    sight = sim_sight_of(world, SIM_SEEN_STARTED, node);
    sim_show(world, &sight);
    sim_enter(world, node);
    if (node->role != SIM_CLIENT)
        sim_disk_boot(sim_storage_disk(node));
    if (node->role != SIM_CLIENT && node->life > 1)
        sim_storage_show(world, node);
    sim_driver_of(node)->start(world, node);
}

void sim_node_resume(struct sim_world *world, struct sim_node *node)
{
    struct sim_event *event = node->parked;
    struct sim_sight sight = sim_sight_of(world, SIM_SEEN_RESUMED, node);

    if (!node->is_paused)
        return;
    node->is_paused = false;
    sim_show(world, &sight);
    drop_parked(node);
    for (struct sim_event *next; event != NULL; event = next) {
        next = event->next;
        (void)sim_agenda_add(&world->agenda, 1, event);
    }
}

/* --- Events --- */

static void park(struct sim_world *world, struct sim_node *node, const struct sim_event *event)
{
    struct sim_event *copy = sim_arena_copy(&world->arena, event, sizeof(*event));

    copy->next = NULL;
    *node->parked_end = copy;
    node->parked_end = &copy->next;
}

static bool is_of_node(enum sim_event_kind kind)
{
    return kind == SIM_EVENT_WAKE || kind == SIM_EVENT_TICK || kind == SIM_EVENT_DISK_RUN ||
           kind == SIM_EVENT_DISK_DONE || kind == SIM_EVENT_DIAL || kind == SIM_EVENT_CALL ||
           kind == SIM_EVENT_CALL_DONE || kind == SIM_EVENT_DRAINED || kind == SIM_EVENT_CLIENT;
}

static bool is_of_net(enum sim_event_kind kind)
{
    return kind == SIM_EVENT_ARRIVE || kind == SIM_EVENT_CLOSED || kind == SIM_EVENT_SILENT ||
           kind == SIM_EVENT_CONNECT;
}

static void node_event(struct sim_world *world, struct sim_node *node, const struct sim_event *event)
{
    if (node->state != SIM_NODE_UP || (event->life != 0 && event->life != node->life))
        return;
    if (event->kind == SIM_EVENT_WAKE) {
        if (event->number != node->wake_us)
            return;
        node->wake_us = UINT64_MAX;
    }
    sim_enter(world, node);
    sim_driver_of(node)->event(world, node, event);
}

static void happen(struct sim_world *world, const struct sim_event *event)
{
    struct sim_node *node = &world->nodes[event->node];

    if ((is_of_node(event->kind) || is_of_net(event->kind)) && node->is_paused && node->state == SIM_NODE_UP) {
        park(world, node, event);
    } else if (is_of_node(event->kind)) {
        node_event(world, node, event);
    } else if (is_of_net(event->kind)) {
        sim_net_event(world, event);
    } else if (event->kind == SIM_EVENT_START) {
        if (event->number == node->life)
            start(world, node);
    } else if (event->kind == SIM_EVENT_NEMESIS) {
        if (world->phase == SIM_PHASE_SAFETY)
            sim_nemesis_act(world, event->number);
    } else {
        sim_nemesis_event(world, event);
    }
}

/* --- Phases --- */

/* It and its coordinator are of the core that is healed. */
static bool is_chosen(const struct sim_world *world, const struct sim_node *node)
{
    return (world->healed_nodes >> node->index & 1) != 0 && (world->healed_nodes >> node->coord & 1) != 0;
}

static bool are_quiet(const struct sim_world *world, bool clients_only)
{
    for (uint32_t i = 0; i < world->nodes_len; i++) {
        const struct sim_node *node = &world->nodes[i];
        const bool counts = clients_only ? node->role == SIM_CLIENT : is_chosen(world, node);

        if (counts && !sim_driver_of(node)->is_quiet(world, node))
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
        start_later(world, &world->nodes[i], 1000 + i);
    sight.healed.nodes = world->healed_nodes;
    sim_show(world, &sight);
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
        sight.node_is.in_doubt_max_ms = node->role == SIM_COORDINATOR ? (uint32_t)(SIM_LIVENESS_US / 1000) : 0;
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
        start_later(world, &world->nodes[i], i);
}

static void show_end(struct sim_world *world)
{
    struct sim_sight sight = sim_sight_of(world, SIM_SEEN_ENDED, NULL);

    sim_show(world, &sight);
    for (uint32_t i = 0; i < world->nodes_len; i++) {
        if (world->nodes[i].role != SIM_CLIENT)
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
    if (role != SIM_COORDINATOR)
        node->coord = (uint8_t)(number % world->options.coordinators);
    node->wake_us = UINT64_MAX;
    drop_parked(node);
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
    sim_storage_begin(world);
}

void sim_world_end(struct sim_world *world)
{
    for (uint32_t i = 0; i < world->nodes_len; i++) {
        struct sim_node *node = &world->nodes[i];

        if (node->state == SIM_NODE_DOWN)
            continue;
        if (node->role != SIM_CLIENT)
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
