/*
 * The choreography of a world: an order is placed, its stock reserved or refused, its payment done or refused, and then
 * it is shipped, or the stock is released again. No group leads back to itself, but for the last two, of which vowd
 * refuses the one that comes second (F213).
 */
#include "chaos/sim/thing.h"

const struct sim_reaction sim_reactions[SIM_REACTIONS] = {
    {"stock", "order.placed", {"stock.reserved", "stock.refused"}},
    {"pay", "stock.reserved", {"payment.done", "payment.refused"}},
    {"unstock", "payment.refused", {"stock.released", NULL}},
    {"ship", "payment.done", {"order.shipped", NULL}},
    {"book", "*.released", {NULL, NULL}},
    {"audit", "#", {NULL, NULL}},
    {"there", "way.out", {"way.back", NULL}},
    {"back", "way.back", {"way.out", NULL}},
};

struct sim_wish sim_wish_draw(const struct sim_world *world, struct sim_rng *luck, const char *topic)
{
    const struct sim_options *o = &world->options;

    return (struct sim_wish){.topic = topic,
                             .thing = (uint32_t)sim_rng_below(luck, o->things),
                             .version = sim_rng_below(luck, 100) < o->event_newer_pct ? 2 : 1,
                             .is_poison = sim_rng_below(luck, 100) < o->event_poison_pct};
}
