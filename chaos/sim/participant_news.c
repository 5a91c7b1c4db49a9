/* What a participant's service changes and tells of: in a transaction's work, in a saga's step, and on its own. */
#include <stdio.h>
#include <string.h>

#include "chaos/sim/participant_private.h"
#include "proto/error.h"
#include "proto/net/clock.h"

uint64_t participant_next_tag(struct sim_world *world, const struct sim_node *node)
{
    struct sim_rng rng = sim_rng_of(world->options.seed, SIM_FOR_WORK, UINT64_C(4) << 32 | node->index,
                                    ++node->participant->things.made);
    uint64_t tag = (sim_rng_next(&rng) >> 1) | 1;

    if (world->options.event_headers == 0)
        tag &= ~SIM_TAG_HEADERS;
    return tag;
}

/* --- In a handler --- */

int participant_tell_of_work(struct sim_world *world, const struct sim_node *node, sqlite3 *db,
                             const struct vow_gtrid *gtrid)
{
    struct sim_participant *p = node->participant;
    struct sim_rng luck = sim_rng_of(world->options.seed, SIM_FOR_WORK, UINT64_C(5) << 32 | node->index,
                                     (uint64_t)node->life << 32 | ++p->events.works);
    struct sim_wish wish;
    struct sim_thing_text text;
    struct vow_store_event event;
    int rc;

    if (!sim_has_events(&world->options) || sim_rng_below(&luck, 100) >= world->options.event_txn_pct)
        return 0;
    wish = sim_wish_draw(world, &luck, "order.changed");
    wish.gtrid = *gtrid;
    rc = sim_thing_change(db, &wish, participant_next_tag(world, node), &text, &event);
    return rc == SQLITE_OK ? vow_store_sqlite_publish(p->store, &event) : rc;
}

/* --- On its own --- */

static sqlite3 *open_own(struct sim_world *world, const struct sim_node *node)
{
    struct sim_participant *p = node->participant;

    if (p->events.own == NULL)
        p->events.own = sim_storage_connect(node, world->options.event_unsynced == 0);
    return p->events.own;
}

static int publish_alone(struct sim_world *world, struct sim_node *node, sqlite3 *db, struct sim_rng *luck)
{
    struct sim_wish wish = sim_wish_draw(world, luck, "order.placed");
    struct sim_thing_text text;
    struct vow_store_event event;
    int rc;

    /* Any id that is none of a transaction: it travels on in all that follows. */
    for (uint32_t i = 0; i < VOW_GTRID_BYTES; i++)
        wish.gtrid.bytes[i] = (uint8_t)sim_rng_next(luck);
    rc = sim_thing_change(db, &wish, participant_next_tag(world, node), &text, &event);
    if (sim_rng_below(luck, 4) == 0)
        event.deadline_us = vow_clock_wall_us() + sim_rng_below(luck, 4 * SIM_SECOND_US);
    return rc == SQLITE_OK ? vow_store_sqlite_publish_on(db, &event) : rc;
}

/* Zero if it has committed. Else, who knows: what is there is looked for all the same. */
static int order(struct sim_world *world, struct sim_node *node, struct sim_rng *luck)
{
    sqlite3 *db = open_own(world, node);
    int rc = db != NULL ? sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL) : SQLITE_CANTOPEN;

    if (rc != SQLITE_OK)
        return rc;
    rc = publish_alone(world, node, db, luck);
    if (rc == SQLITE_OK)
        rc = sqlite3_exec(db, "COMMIT", NULL, NULL, NULL);
    if (sqlite3_get_autocommit(db) == 0)
        (void)sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL);
    return rc;
}

uint32_t participant_orders_of(const struct sim_world *world, const struct sim_node *node)
{
    const uint32_t number = node->index - world->options.coordinators;

    return world->options.events / world->options.participants +
           (number < world->options.events % world->options.participants);
}

bool sim_participant_has_orders(const struct sim_world *world, const struct sim_node *node)
{
    return sim_has_events(&world->options) && world->phase == SIM_PHASE_SAFETY &&
           node->participant->things.ordered < participant_orders_of(world, node);
}

void participant_order_later(struct sim_world *world, struct sim_node *node)
{
    struct sim_rng luck =
        sim_rng_of(world->options.seed, SIM_FOR_WORK, UINT64_C(6) << 32 | node->index, node->participant->things.made);

    if (sim_has_events(&world->options) && node->state == SIM_NODE_UP)
        (void)sim_later(world, node, SIM_EVENT_ORDER, 1 + sim_rng_wait(&luck, world->options.event_think_us), true);
}

/* It counts as tried: a disk that refuses all of them is no reason to go on for ever. */
void participant_order(struct sim_world *world, struct sim_node *node)
{
    struct sim_participant *p = node->participant;
    struct sim_rng luck =
        sim_rng_of(world->options.seed, SIM_FOR_WORK, UINT64_C(7) << 32 | node->index, p->things.made);

    if (sim_participant_has_orders(world, node) && p->failed == 0) {
        p->things.ordered++;
        (void)order(world, node, &luck);
        if (sim_node_died(world, node))
            return;
        participant_show_news(world, node, false);
        world->totals.events_told++;
    }
    participant_turn_end(world, node);
    if (world->phase == SIM_PHASE_SETUP || sim_participant_has_orders(world, node))
        participant_order_later(world, node);
}

void participant_show_news(struct sim_world *world, struct sim_node *node, bool is_start)
{
    struct sim_participant *p = node->participant;

    if (sim_has_events(&world->options))
        sim_thing_show(world, node, vow_store_sqlite_db(p->store), &p->things, is_start);
}

/* What is under way is as good as there; and a store that has a reading of it waiting has nothing to be read. A
 * coordinator that has lost what it had, or is full of what nobody does any more, takes no more. */
bool participant_outbox_is_quiet(const struct sim_world *world, const struct sim_node *node)
{
    const struct sim_participant *p = node->participant;
    const struct sim_node *coord = &world->nodes[node->coord];

    if (!sim_has_events(&world->options) || coord->is_harmed || node->is_harmed ||
        sim_coordinator_holds_events(world, coord))
        return true;
    /* What is committed by others is looked for with each tick of the store. */
    if (p->conn == NULL || p->events.reading == NULL || sim_now_us(world) - world->healed_us < SIM_SECOND_US)
        return false;
    return p->events.flights.len == 0 && p->events.deliveries == NULL;
}
