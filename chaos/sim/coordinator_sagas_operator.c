/*
 * Who sees to sagas that are stuck, as with `vowctl saga list stuck`, and then `saga retry` or `saga close`. He looks
 * now and then, at the coordinator itself: what is between him and it is the business of the other operator
 * (operator.c). His orders are in the log before they are carried out, and a crash may come between.
 */
#include <stdio.h>
#include <string.h>

#include "chaos/sim/coordinator_private.h"

#define LOOK_US SIM_SECOND_US
/* In the last phase he has enough after this time, and closes what is left. */
#define PATIENCE_US (20 * SIM_SECOND_US)

void coordinator_sagas_look_later(struct sim_world *world, struct sim_node *node)
{
    if ((node->coordinator->sagas.core != NULL || node->coordinator->events.core != NULL) && node->state == SIM_NODE_UP)
        (void)sim_later(world, node, SIM_EVENT_ORDER, LOOK_US, true);
}

static void order(struct sim_world *world, struct sim_node *node, const struct vow_gtrid *gtrid,
                  enum vow_admin_command command)
{
    static const struct session nobody;
    struct sim_sight sight = sim_sight_of(world, SIM_SEEN_OPERATED, node);
    const struct vow_msg_admin_request request = {
        .command = command, .gtrid = *gtrid, .participant = "", .who = "operator", .why = "it is stuck"};

    sight.gtrid = *gtrid;
    sight.operated.saga = command;
    sight.operated.who = request.who;
    sight.operated.why = request.why;
    sim_show(world, &sight);
    coordinator_order(world, node, &nobody, &request);
}

static enum vow_admin_command decide(struct sim_world *world, struct sim_node *node)
{
    struct sim_rng rng = sim_rng_of(world->options.seed, SIM_FOR_NEMESIS, 7,
                                    (uint64_t)node->life << 32 | ++node->coordinator->sagas.looks);
    const bool is_over = world->phase == SIM_PHASE_LIVENESS && sim_now_us(world) - world->healed_us >= PATIENCE_US;

    return is_over || sim_rng_below(&rng, 100) < world->options.saga_close_pct ? VOW_ADMIN_SAGA_CLOSE
                                                                               : VOW_ADMIN_SAGA_RETRY;
}

void coordinator_sagas_look(struct sim_world *world, struct sim_node *node)
{
    struct sim_coordinator *c = node->coordinator;
    struct vow_saga_view view;
    uint32_t cursor = 0;

    while (c->sagas.core != NULL && vow_sagas_next(c->sagas.core, &cursor, &view)) {
        const bool is_stuck = view.told == VOW_SAGA_STUCK_FORWARD || view.told == VOW_SAGA_STUCK_COMPENSATING;

        if (is_stuck && !coordinator_has_order(c, &view.gtrid))
            order(world, node, &view.gtrid, decide(world, node));
    }
    coordinator_events_look(world, node);
    coordinator_turn_end(world, node);
    coordinator_sagas_look_later(world, node);
}
