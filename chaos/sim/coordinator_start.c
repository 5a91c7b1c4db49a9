/* How a coordinator comes to its core: the journal is opened and taken over, and what is open in it recovered. */
#include "chaos/sim/coordinator_private.h"
#include "chaos/sim/core_memory.h"
#include "chaos/sim/storage.h"
#include "proto/assert.h"
#include "proto/error.h"
#include "proto/net/clock.h"

#define PEERS_MAX 16
#define BRANCHES_MAX 256

/* Who is fed. */
struct feed {
    struct sim_world *world;
    struct sim_node *node;
};

static void feed_txn(void *ctx, const struct vow_coord_event *event)
{
    const struct feed *feed = ctx;
    struct vow_coord_event recovered = *event;

    coordinator_step(feed->world, feed->node, &recovered);
}

static void feed_saga(void *ctx, const struct vow_sagas_event *event)
{
    const struct feed *feed = ctx;
    struct vow_sagas_event recovered = *event;

    VOW_ASSERT(feed->node->coordinator->sagas.core != NULL);
    coordinator_sagas_step(feed->world, feed->node, &recovered);
}

static void fill_limits(const struct sim_world *world, struct vow_coord_limits *limits)
{
    const struct sim_options *o = &world->options;

    *limits = (struct vow_coord_limits){
        .txns_max = o->txns_max,
        .branches_max = BRANCHES_MAX,
        .peers_max = PEERS_MAX,
        .keys_max = 64,
        .ended_max = 32,
        .ids_window = 1024,
        .txn_timeout_ms = o->txn_ms,
        .vote_timeout_ms = o->vote_ms,
        .ack_timeout_ms = o->ack_ms,
        .ack_timeout_max_ms = o->ack_max_ms,
        .auto_forget = o->auto_forget != 0,
        .notes = o->notes != 0,
    };
}

static void init_cores(struct sim_world *world, struct sim_node *node, const struct vow_recovery_room *room)
{
    struct sim_coordinator *c = node->coordinator;
    struct vow_coord_identity identity = {.coord = c->identity.coord, .epoch = c->identity.epoch};
    struct sim_rng rng = sim_rng_of(world->options.seed, SIM_FOR_IDENTITY, node->index, node->life);

    fill_limits(world, &c->limits);
    c->limits.txns_max += room->txns;
    c->limits.branches_max += room->branches;
    identity.seed = sim_rng_next(&rng);
    for (uint32_t i = 0; i < sizeof(identity.secret); i++)
        identity.secret[i] = (uint8_t)sim_rng_next(&rng);
    c->core = vow_coord_init(sim_core_memory(node, SIM_CORE_COORD, vow_coord_size(&c->limits)), &c->limits, &identity);
    coordinator_sagas_make(world, node, room, identity.seed);
}

static int feed_cores(struct sim_world *world, struct sim_node *node, struct vow_recovery *recovery)
{
    struct sim_coordinator *c = node->coordinator;
    struct vow_coord_event done = {.kind = VOW_COORD_RECOVERY_DONE};
    int error = c->ops->scan(c->engine, vow_recovery_feed, recovery, recovery->detail);

    if (error == 0)
        error = c->ops->keys(c->engine, c->limits.keys_max, vow_recovery_feed, recovery, recovery->detail);
    if (error == 0 && c->sagas.core != NULL)
        error = c->ops->saga_keys(c->engine, c->sagas.limits.keys_max, vow_recovery_feed, recovery, recovery->detail);
    if (error != 0)
        return error;
    coordinator_step(world, node, &done);
    coordinator_sagas_recovered(world, node);
    return coordinator_events_start(world, node, recovery->detail);
}

static int make_cores(struct sim_world *world, struct sim_node *node, uint32_t *recovered,
                      struct vow_error_detail *detail)
{
    struct sim_coordinator *c = node->coordinator;
    struct feed feed = {world, node};
    struct vow_recovery recovery = {.book = &c->sagas.book,
                                    .ctx = &feed,
                                    .txn = feed_txn,
                                    .saga = feed_saga,
                                    .now_ms = sim_now_us(world) / 1000,
                                    .wall_us = vow_clock_wall_us(),
                                    .detail = detail};
    int error = c->ops->scan(c->engine, vow_recovery_count, &recovery, detail);

    if (error == 0) {
        *recovered = recovery.room.txns;
        init_cores(world, node, &recovery.room);
        error = feed_cores(world, node, &recovery);
    }
    vow_recovery_deinit(&recovery);
    return error;
}

int coordinator_open(struct sim_world *world, struct sim_node *node, uint32_t *recovered,
                     struct vow_error_detail *detail)
{
    struct sim_coordinator *c = node->coordinator;
    const struct vow_journal_options options = {
        .name = node->name,
        .event_keys_max = world->options.event_keys,
        .retention = {.age_ms = world->options.retention_ms,
                      .least_ms = world->options.retention_ms > 0 ? world->options.retention_ms : 0}};
    int error = sim_storage_open_journal(node, &options, &c->ops, &c->engine, detail);

    if (error != 0) {
        c->engine = NULL;
        return error;
    }
    error = c->ops->takeover(c->engine, &c->identity, detail);
    return error != 0 ? error : make_cores(world, node, recovered, detail);
}
