/* A node, of whatever role: its time, its timer, and its lives, from a start to a crash. */
#include <string.h>

#include "chaos/sim/clock.h"
#include "chaos/sim/storage.h"
#include "chaos/sim/world_private.h"

/* A process that stopped is started again after this time; longer with each time that it refuses to start. */
/* About as many operations of its disk has a start. */
#define OPS_OF_A_START 30
#define RESTART_US UINT64_C(200000)
#define RESTART_MAX_US (8 * SIM_SECOND_US)

const struct sim_driver *sim_driver_of(const struct sim_node *node)
{
    switch (node->role) {
    case SIM_COORDINATOR:
        return &sim_coordinator_driver;
    case SIM_PARTICIPANT:
        return &sim_participant_driver;
    case SIM_OPERATOR:
        return &sim_operator_driver;
    case SIM_SAGA_CLIENT:
        return &sim_saga_client_driver;
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

void node_start_later(struct sim_world *world, struct sim_node *node, uint64_t delay_us)
{
    struct sim_event event = {.kind = SIM_EVENT_START, .node = node->index, .is_timed = true, .number = node->life};

    event.task = sim_task_of_node(node->index, 0);
    if (!node->is_broken)
        (void)sim_agenda_add(&world->agenda, delay_us, &event);
}

void node_drop_parked(struct sim_node *node)
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
    const bool has_disk = sim_has_disk(node), is_told = how != SIM_CRASH_POWER;

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
    node_drop_parked(node);
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
    node_start_later(world, node, delay_us < RESTART_MAX_US ? delay_us : RESTART_MAX_US);
}

static void crash(struct sim_world *world, struct sim_node *node, enum sim_crash how, bool in_commit, uint64_t down_us)
{
    struct sim_sight sight = sim_sight_of(world, SIM_SEEN_CRASHED, node);

    sight.crashed.how = how;
    sight.crashed.in_commit = in_commit;
    sight.crashed.in_recovery = node->state == SIM_NODE_STARTING;
    sim_show(world, &sight);
    go_down(world, node, how);
    node_start_later(world, node, down_us);
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

/* Its disk dies under it before it serves, or soon after. */
static void relapse(const struct sim_world *world, struct sim_node *node)
{
    struct sim_rng rng = sim_rng_of(world->options.seed, SIM_FOR_DISK, node->index, UINT64_C(1) << 41 | node->life);

    if (node->relapses == 0 || world->phase != SIM_PHASE_SAFETY)
        return;
    node->relapses--;
    sim_disk_kill_at(sim_storage_disk(node), 1 + sim_rng_below(&rng, OPS_OF_A_START));
}

void node_start(struct sim_world *world, struct sim_node *node)
{
    struct sim_sight sight;

    if (node->state != SIM_NODE_DOWN || node->is_broken)
        return;
    node->life++;
    node->state = SIM_NODE_STARTING;
    node->wake_us = UINT64_MAX;
    node_drop_parked(node);
    sight = sim_sight_of(world, SIM_SEEN_STARTED, node);
    sim_show(world, &sight);
    sim_enter(world, node);
    if (sim_has_disk(node))
        sim_disk_boot(sim_storage_disk(node));
    if (sim_has_disk(node) && node->life > 1)
        sim_storage_show(world, node);
    if (sim_has_disk(node))
        relapse(world, node);
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
    node_drop_parked(node);
    for (struct sim_event *next; event != NULL; event = next) {
        next = event->next;
        sim_agenda_add_again(&world->agenda, 1, event);
    }
}

void node_park(struct sim_world *world, struct sim_node *node, const struct sim_event *event)
{
    struct sim_event *copy = sim_arena_copy(&world->arena, event, sizeof(*event));

    copy->next = NULL;
    *node->parked_end = copy;
    node->parked_end = &copy->next;
}

void node_event(struct sim_world *world, struct sim_node *node, const struct sim_event *event)
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
