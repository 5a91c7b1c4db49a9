/*
 * Who sees to dead letters, as with `vowctl dlq list`, and then `dlq retry` or `dlq drop`; sometimes twice at once
 * (F208). He looks now and then, at the coordinator itself, as the one of sagas does. And when a service
 * goes away he may remove its groups, as with `vowctl topics remove`; it comes back, and with it the groups, anew. And
 * he moves a group now and then, back or forward, as with `vowctl topics seek`, whether its service is there or not.
 */
#include <stdio.h>
#include <string.h>

#include "chaos/sim/coordinator_private.h"

/* In the last phase he has enough after this time, and drops what is left. */
#define PATIENCE_US (20 * SIM_SECOND_US)
#define LETTERS_MAX 64

struct letter {
    char group[VOW_NAME_SIZE];
    uint64_t lsn;
};

static bool has_order(const struct sim_coordinator *c, const struct letter *letter)
{
    const struct sim_order *order = c->orders;

    while (order != NULL && (order->lsn != letter->lsn || strcmp(order->participant, letter->group) != 0))
        order = order->next;
    return order != NULL;
}

static void order(struct sim_world *world, struct sim_node *node, const struct letter *letter,
                  enum vow_admin_command command)
{
    static const struct session nobody;
    struct sim_sight sight = sim_sight_of(world, SIM_SEEN_OPERATED, node);
    char offset[24];
    const struct vow_msg_admin_request request = {
        .command = command, .participant = letter->group, .filter = offset, .who = "operator", .why = "it is dead"};

    (void)snprintf(offset, sizeof(offset), "%llu", (unsigned long long)letter->lsn);
    sight.operated.dead = command;
    sight.operated.group = letter->group;
    sight.operated.offset = letter->lsn;
    sight.operated.who = request.who;
    sight.operated.why = request.why;
    sim_show(world, &sight);
    coordinator_order(world, node, &nobody, &request);
}

static void decide(struct sim_world *world, struct sim_node *node, const struct letter *letter)
{
    struct sim_coordinator *c = node->coordinator;
    struct sim_rng rng =
        sim_rng_of(world->options.seed, SIM_FOR_NEMESIS, 8, (uint64_t)node->life << 32 | ++c->events.looks);
    const bool is_over = world->phase == SIM_PHASE_LIVENESS && sim_now_us(world) - world->healed_us >= PATIENCE_US;
    const bool drops = is_over || sim_rng_below(&rng, 100) < world->options.event_drop_pct;

    /* He is in no hurry. */
    if (!is_over && sim_rng_below(&rng, 3) == 0)
        return;
    order(world, node, letter, drops ? VOW_ADMIN_DLQ_DROP : VOW_ADMIN_DLQ_RETRY);
    if (sim_rng_below(&rng, 4) == 0)
        order(world, node, letter, VOW_ADMIN_DLQ_RETRY);
}

/* after: the event behind which it goes on. */
static void move_group(struct sim_world *world, struct sim_node *node, const char *group, uint64_t after)
{
    static const struct session nobody;
    struct sim_sight sight = sim_sight_of(world, SIM_SEEN_OPERATED, node);
    char place[24] = "oldest";
    const struct vow_msg_admin_request request = {.command = VOW_ADMIN_GROUP_SEEK,
                                                  .participant = group,
                                                  .filter = place,
                                                  .who = "operator",
                                                  .why = "it is to go on elsewhere"};

    if (after == UINT64_MAX)
        (void)snprintf(place, sizeof(place), "newest");
    else if (after > 0)
        (void)snprintf(place, sizeof(place), "%llu", (unsigned long long)after + 1);
    sight.operated.dead = request.command;
    sight.operated.group = group;
    sight.operated.offset = after;
    sight.operated.who = request.who;
    sight.operated.why = request.why;
    sim_show(world, &sight);
    coordinator_order(world, node, &nobody, &request);
}

/* Mostly somewhere near where it is, also where no event is yet, which is refused. */
static uint64_t draw_place(struct sim_rng *luck, uint64_t cursor)
{
    switch (sim_rng_below(luck, 5)) {
    case 0:
        return 0;
    case 1:
        return UINT64_MAX;
    case 2:
        return cursor + sim_rng_below(luck, 16);
    default:
        return sim_rng_below(luck, cursor + 1);
    }
}

/* Every look, for each group. */
static void move_some(struct sim_world *world, struct sim_node *node)
{
    struct sim_coordinator *c = node->coordinator;
    struct vow_relay_group_view view;
    uint32_t at = 0;

    while (world->phase == SIM_PHASE_SAFETY && world->options.event_move_pct > 0 &&
           vow_relay_next_group(c->events.core, &at, &view)) {
        struct sim_rng luck =
            sim_rng_of(world->options.seed, SIM_FOR_NEMESIS, 10, (uint64_t)node->life << 32 | ++c->events.moves);

        if (sim_rng_below(&luck, 100) < world->options.event_move_pct)
            move_group(world, node, view.name, draw_place(&luck, view.cursor));
    }
}

static void remove_group(struct sim_world *world, struct sim_node *node, const char *group)
{
    static const struct session nobody;
    struct sim_sight sight = sim_sight_of(world, SIM_SEEN_OPERATED, node);
    const struct vow_msg_admin_request request = {.command = VOW_ADMIN_GROUP_REMOVE,
                                                  .participant = group,
                                                  .filter = "",
                                                  .who = "operator",
                                                  .why = "it never comes back"};

    sight.operated.dead = request.command;
    sight.operated.group = group;
    sight.operated.who = request.who;
    sight.operated.why = request.why;
    sim_show(world, &sight);
    coordinator_order(world, node, &nobody, &request);
}

void coordinator_events_look_at_groups(struct sim_world *world, struct sim_node *node)
{
    struct sim_coordinator *c = node->coordinator;
    struct vow_relay_group_view view;
    char name[VOW_NAME_SIZE];
    uint32_t at = 0;

    while (world->phase == SIM_PHASE_SAFETY && world->options.event_remove_pct > 0 &&
           vow_relay_next_group(c->events.core, &at, &view)) {
        struct sim_rng luck =
            sim_rng_of(world->options.seed, SIM_FOR_NEMESIS, 9, (uint64_t)node->life << 32 | ++c->events.glances);

        if (strcmp(view.state, "AWAY") != 0 || sim_rng_below(&luck, 100) >= world->options.event_remove_pct)
            continue;
        (void)snprintf(name, sizeof(name), "%s", view.name);
        remove_group(world, node, name);
    }
}

void coordinator_events_look(struct sim_world *world, struct sim_node *node)
{
    struct sim_coordinator *c = node->coordinator;
    struct letter letters[LETTERS_MAX];
    struct vow_relay_dead_view view;
    uint32_t at = 0, len = 0;

    if (c->events.core == NULL)
        return;
    while (len < LETTERS_MAX && vow_relay_next_dead(c->events.core, &at, &view)) {
        /* What is on its way again already is mostly left alone: it waits for its consumer. */
        if (view.is_retried && (world->phase == SIM_PHASE_LIVENESS || ++c->events.looks % 8 != 0))
            continue;
        (void)snprintf(letters[len].group, VOW_NAME_SIZE, "%s", view.group);
        letters[len++].lsn = view.kept.lsn;
    }
    move_some(world, node);
    for (uint32_t i = 0; i < len; i++) {
        if (!has_order(c, &letters[i]))
            decide(world, node, &letters[i]);
    }
}
