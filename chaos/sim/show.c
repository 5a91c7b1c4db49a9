/* What a world shows of itself to those who watch it. */
#include <stdio.h>

#include "chaos/sim/world.h"

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
