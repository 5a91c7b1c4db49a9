/*
 * Carrying out the plan of faults, and ending it: in the last phase the chosen nodes are up, reach each other and have
 * good disks, for good; the others stay as broken as they are.
 */
#include "chaos/sim/storage.h"
#include "chaos/sim/world.h"
#include "proto/net/worker.h"

#define FLAPS 5
/* A process that dies in the middle of something does so within so many operations of its disk. */
#define OPS_TO_LIVE 40
#define NEMESIS_TASK sim_task_of_node(SIM_NODES_MAX - 1, 3)

/* Each wall clock is off by up to so much, for good. */
static void skew_clocks(struct sim_world *world)
{
    const int64_t most_us = (int64_t)world->options.skew_s * (int64_t)SIM_SECOND_US;

    for (uint32_t i = 0; i < world->nodes_len && most_us > 0; i++) {
        struct sim_rng rng = sim_rng_of(world->options.seed, SIM_FOR_NEMESIS, 3, i);
        struct sim_node *node = &world->nodes[i];

        node->wall_off_us += (int64_t)sim_rng_below(&rng, 2 * (uint64_t)most_us) - most_us;
        sim_hit(world, SIM_FAULT_CLOCK_SKEW, node->index, SIM_NODE_NONE, (uint64_t)most_us);
    }
}

void sim_nemesis_begin(struct sim_world *world)
{
    skew_clocks(world);
    for (uint32_t i = 0; i < world->plan.len; i++) {
        const struct sim_event event = {.kind = SIM_EVENT_NEMESIS, .is_timed = true, .number = i, .task = NEMESIS_TASK};

        (void)sim_agenda_add(&world->agenda, world->plan.actions[i].at_us, &event);
    }
}

/* --- Links --- */

static void change_link(struct sim_world *world, uint8_t from, uint8_t to, bool is_cut)
{
    if (is_cut)
        sim_net_cut(world, from, to);
    else if (world->net.cuts[from][to] > 0)
        sim_net_mend(world, from, to);
}

static void change_links(struct sim_world *world, uint8_t node, uint8_t peer, bool is_cut)
{
    if (peer != SIM_NODE_NONE) {
        change_link(world, node, peer, is_cut);
        return;
    }
    for (uint8_t i = 0; i < (uint8_t)world->nodes_len; i++) {
        if (i != node) {
            change_link(world, node, i, is_cut);
            change_link(world, i, node, is_cut);
        }
    }
}

/* The end of a cut: kind LOOK, number = node and peer, side = whether it is cut again then. */
static void change_later(struct sim_world *world, const struct sim_action *action, uint64_t delay_us, bool is_cut)
{
    const struct sim_event event = {.kind = SIM_EVENT_LOOK,
                                    .node = action->node,
                                    .side = is_cut,
                                    .is_timed = true,
                                    .number = action->peer,
                                    .task = NEMESIS_TASK};

    (void)sim_agenda_add(&world->agenda, delay_us, &event);
}

static void cut(struct sim_world *world, const struct sim_action *action)
{
    change_links(world, action->node, action->peer, true);
    change_later(world, action, (uint64_t)action->amount, false);
}

static void flap(struct sim_world *world, const struct sim_action *action)
{
    const uint64_t part_us = (uint64_t)action->amount / FLAPS + 1;

    for (uint64_t i = 0; i < FLAPS; i++) {
        change_later(world, action, 2 * i * part_us, true);
        change_later(world, action, (2 * i + 1) * part_us, false);
    }
}

/* --- Nodes --- */

static void pause(struct sim_world *world, struct sim_node *node, uint64_t for_us)
{
    struct sim_sight sight = sim_sight_of(world, SIM_SEEN_PAUSED, node);
    struct sim_event resume = {.kind = SIM_EVENT_RESUME, .node = node->index, .is_timed = true, .number = node->life};

    if (node->state != SIM_NODE_UP || node->is_paused)
        return;
    node->is_paused = true;
    node->gone_us = sim_now_us(world);
    sim_show(world, &sight);
    sim_hit(world, SIM_FAULT_PAUSE, node->index, SIM_NODE_NONE, for_us);
    sim_net_suspect(world, node->index);
    resume.task = sim_task_of_node(node->index, 0);
    (void)sim_agenda_add(&world->agenda, for_us, &resume);
}

static void jump(struct sim_world *world, struct sim_node *node, int64_t by_us)
{
    node->wall_off_us += by_us;
    sim_hit(world, SIM_FAULT_CLOCK_JUMP, node->index, SIM_NODE_NONE, (uint64_t)(by_us < 0 ? -by_us : by_us));
}

/* One in four dies again while it starts, up to three times in a row. */
static void relapse(struct sim_node *node, enum sim_crash how, uint64_t down_us, struct sim_rng *rng)
{
    struct sim_rng own = sim_rng_of(rng->state, SIM_FOR_NEMESIS, 4, 0);

    node->dies_by = how;
    node->dies_for_us = down_us;
    node->relapses = sim_rng_below(&own, 4) == 0 ? 1 + (uint32_t)sim_rng_below(&own, 3) : 0;
}

/* At once, or in the middle of what it does on its disk next. */
static void kill_node(struct sim_world *world, struct sim_node *node, enum sim_crash how, enum sim_fault fault,
                      uint64_t down_us, struct sim_rng *rng)
{
    if (node->state == SIM_NODE_DOWN)
        return;
    if (sim_is_client(node)) {
        sim_hit(world, SIM_FAULT_CLIENT_GONE, node->index, SIM_NODE_NONE, down_us);
        sim_node_kill(world, node, how, down_us);
        return;
    }
    if (how != SIM_CRASH_CLEAN && sim_rng_below(rng, 2) == 0) {
        relapse(node, how, down_us, rng);
        sim_disk_kill_at(sim_storage_disk(node), 1 + sim_rng_below(rng, OPS_TO_LIVE));
        return;
    }
    if (how != SIM_CRASH_CLEAN)
        relapse(node, how, down_us, rng);
    sim_hit(world, fault, node->index, SIM_NODE_NONE, down_us);
    sim_node_kill(world, node, how, down_us);
}

void sim_nemesis_kill(struct sim_world *world, struct sim_node *node, uint64_t down_us, struct sim_rng *rng)
{
    const bool is_power = sim_rng_below(rng, 2) == 0;

    kill_node(world, node, is_power ? SIM_CRASH_POWER : SIM_CRASH_KILL, is_power ? SIM_FAULT_POWER : SIM_FAULT_KILL,
              down_us, rng);
}

/* --- Disks --- */

static void back_up(const struct sim_node *node)
{
    sim_disk_copy(sim_storage_backup(node), sim_storage_disk(node));
}

/* The process is killed, its disk replaced, and another process finds that. */
static void replace_disk(struct sim_world *world, struct sim_node *node, enum sim_fault fault, uint64_t down_us)
{
    sim_node_kill(world, node, SIM_CRASH_KILL, down_us);
    node->is_harmed = true;
    if (fault == SIM_FAULT_WIPE)
        sim_disk_wipe(sim_storage_disk(node));
    else
        sim_disk_copy(sim_storage_disk(node), sim_storage_backup(node));
    sim_hit(world, fault, node->index, SIM_NODE_NONE, down_us);
}

static void damage_disk(struct sim_world *world, struct sim_node *node, enum sim_fault fault, struct sim_rng *rng)
{
    sim_node_kill(world, node, SIM_CRASH_KILL, 1 + sim_rng_wait(rng, SIM_SECOND_US / 4));
    (void)sim_disk_damage(sim_storage_disk(node), fault, &rng->state);
}

/* A full disk has room again some time later: RESUME's event, side 1. */
static void fill_disk(struct sim_world *world, struct sim_node *node, struct sim_rng *rng)
{
    const uint64_t for_us = 1 + sim_rng_wait(rng, SIM_SECOND_US / 4);
    const struct sim_event room = {
        .kind = SIM_EVENT_RESUME, .node = node->index, .side = 1, .is_timed = true, .task = NEMESIS_TASK};

    sim_disk_set_room(sim_storage_disk(node), sim_disk_used(sim_storage_disk(node)) + sim_rng_below(rng, 32768));
    (void)sim_agenda_add(&world->agenda, for_us, &room);
}

static void plan_disk(struct sim_node *node, enum sim_fault kind, struct sim_rng *rng)
{
    struct sim_disk_fault fault = {.fault = kind, .times = 1, .number = kind == SIM_FAULT_SLOW_SYNC ? 1500000 : 0};

    /* One draw a statement: in what order an initializer draws is the compiler's to choose. */
    fault.after = sim_rng_below(rng, OPS_TO_LIVE);
    if (kind == SIM_FAULT_LYING_SYNC)
        fault.times = sim_rng_between(rng, 1, 8);
    sim_disk_plan(sim_storage_disk(node), &fault);
}

static const enum sim_fault disk_faults[] = {
    SIM_FAULT_NO_SPACE,   SIM_FAULT_QUOTA,    SIM_FAULT_WRITE_ERROR, SIM_FAULT_READ_ERROR, SIM_FAULT_SYNC_ERROR,
    SIM_FAULT_SLOW_SYNC,  SIM_FAULT_NO_SPACE, SIM_FAULT_WRITE_ERROR, SIM_FAULT_READ_ERROR, SIM_FAULT_SYNC_ERROR,
    SIM_FAULT_LYING_SYNC, SIM_FAULT_WAL_FLIP, SIM_FAULT_PAGE_FLIP,   SIM_FAULT_STALE_PAGE, SIM_FAULT_WAL_CUT,
    SIM_FAULT_WAL_ZERO,   SIM_FAULT_WAL_GONE, SIM_FAULT_WITNESS_FLIP};
#define DISK_FAULTS (sizeof(disk_faults) / sizeof(disk_faults[0]))

static void harm_disk(struct sim_world *world, struct sim_node *node, uint64_t which, struct sim_rng *rng)
{
    const enum sim_fault fault = disk_faults[which % DISK_FAULTS];

    if (fault == SIM_FAULT_NO_SPACE)
        fill_disk(world, node, rng);
    else if (fault == SIM_FAULT_LYING_SYNC || fault == SIM_FAULT_SLOW_SYNC || fault == SIM_FAULT_QUOTA ||
             fault == SIM_FAULT_WRITE_ERROR || fault == SIM_FAULT_READ_ERROR || fault == SIM_FAULT_SYNC_ERROR)
        plan_disk(node, fault, rng);
    else
        damage_disk(world, node, fault, rng);
}

void sim_nemesis_act(struct sim_world *world, uint64_t which)
{
    const struct sim_action *action = &world->plan.actions[which];
    struct sim_node *node = &world->nodes[action->node];
    const uint64_t amount = (uint64_t)action->amount;
    struct sim_rng rng = sim_rng_of(world->options.seed, SIM_FOR_NEMESIS, 1, action->number);

    switch (action->kind) {
    case SIM_ACT_KILL:
        kill_node(world, node, SIM_CRASH_KILL, SIM_FAULT_KILL, amount, &rng);
        break;
    case SIM_ACT_POWER:
        kill_node(world, node, SIM_CRASH_POWER, SIM_FAULT_POWER, amount, &rng);
        break;
    case SIM_ACT_RESTART:
        kill_node(world, node, SIM_CRASH_CLEAN, SIM_FAULT_RESTART, amount, &rng);
        break;
    case SIM_ACT_PAUSE:
        pause(world, node, amount);
        break;
    case SIM_ACT_RESET:
        sim_net_reset(world, action->node, action->peer, &rng);
        break;
    case SIM_ACT_CUT:
        cut(world, action);
        break;
    case SIM_ACT_FLAP:
        flap(world, action);
        break;
    case SIM_ACT_JUMP:
        jump(world, node, action->amount);
        break;
    case SIM_ACT_BACKUP:
        back_up(node);
        break;
    case SIM_ACT_RESTORE:
        replace_disk(world, node, SIM_FAULT_RESTORE, amount);
        break;
    case SIM_ACT_WIPE:
        replace_disk(world, node, SIM_FAULT_WIPE, amount);
        break;
    case SIM_ACT_DISK:
        harm_disk(world, node, amount, &rng);
        break;
    case SIM_ACT_OPERATE:
        sim_operator_act(world, action);
        break;
    case SIM_ACT_NONE:
    case SIM_ACT_KINDS:
        break;
    }
}

void sim_nemesis_event(struct sim_world *world, const struct sim_event *event)
{
    struct sim_node *node = &world->nodes[event->node];

    if (event->kind == SIM_EVENT_RESUME && event->side == 1)
        sim_disk_set_room(sim_storage_disk(node), 0);
    else if (event->kind == SIM_EVENT_RESUME && node->life == event->number)
        sim_node_resume(world, node);
    else if (event->kind == SIM_EVENT_LOOK && world->phase == SIM_PHASE_SAFETY)
        change_links(world, event->node, (uint8_t)event->number, event->side != 0);
}

uint64_t sim_nemesis_delay_done(struct sim_world *world, const struct sim_node *node, struct vow_job **jobs)
{
    struct vow_job *turned = NULL;
    uint64_t us;

    if (world->net.is_calm || world->options.log_late == 0 ||
        !sim_rng_chance(&world->agenda.rng, world->options.log_late))
        return 0;
    for (struct vow_job *job = *jobs, *next; job != NULL; job = next) {
        next = job->next;
        job->next = turned;
        turned = job;
    }
    *jobs = turned;
    us = sim_rng_wait(&world->agenda.rng, SIM_SECOND_US / 8);
    sim_hit(world, SIM_FAULT_LOG_LATE, node->index, SIM_NODE_NONE, us);
    return us;
}

uint64_t sim_nemesis_stop_us(struct sim_world *world, const struct sim_node *node)
{
    struct sim_rng rng = sim_rng_of(world->options.seed, SIM_FOR_NEMESIS, 4, sim_task_of_node(node->index, node->life));

    return world->options.stop_late_us == 0 ? 0 : 1 + sim_rng_wait(&rng, world->options.stop_late_us);
}

/* --- The last phase --- */

/* All, or the coordinators and about as many of the others as the options say. */
static uint32_t choose(struct sim_world *world)
{
    struct sim_rng rng = sim_rng_of(world->options.seed, SIM_FOR_NEMESIS, 2, 0);
    uint32_t chosen = 0;

    for (uint32_t i = 0; i < world->nodes_len; i++) {
        const bool is_out =
            world->nodes[i].role == SIM_COORDINATOR
                ? world->options.lose_coordinators != 0
                : world->nodes[i].role == SIM_PARTICIPANT && sim_rng_below(&rng, 100) < world->options.broken_pct;

        if (!is_out && !world->nodes[i].is_harmed)
            chosen |= 1u << i;
    }
    return chosen;
}

static void break_for_good(struct sim_world *world, struct sim_node *node)
{
    if (node->is_broken)
        return;
    sim_node_kill(world, node, SIM_CRASH_KILL, 0);
    node->is_broken = true;
}

static void mend_disk(const struct sim_node *node)
{
    if (!sim_has_disk(node))
        return;
    sim_disk_clear_plan(sim_storage_disk(node));
    sim_disk_set_room(sim_storage_disk(node), 0);
    sim_disk_kill_at(sim_storage_disk(node), 0);
}

void sim_nemesis_heal(struct sim_world *world)
{
    world->healed_nodes = choose(world);
    const uint8_t nodes_len = (uint8_t)world->nodes_len;

    for (uint8_t a = 0; a < nodes_len; a++) {
        for (uint8_t b = 0; b < nodes_len; b++) {
            while (world->net.cuts[a][b] > 0)
                sim_net_mend(world, a, b);
        }
    }
    for (uint32_t i = 0; i < world->nodes_len; i++) {
        if ((world->healed_nodes >> i & 1) == 0 && !world->nodes[i].is_harmed)
            break_for_good(world, &world->nodes[i]);
        world->nodes[i].relapses = 0;
        sim_node_resume(world, &world->nodes[i]);
        mend_disk(&world->nodes[i]);
    }
}
