/* How a coordinator comes to its core: the journal is opened and taken over, and what is open in it recovered. */
#include <stdlib.h>

#include "chaos/sim/coordinator_private.h"
#include "chaos/sim/storage.h"
#include "proto/assert.h"
#include "proto/error.h"

#define PEERS_MAX 16
#define BRANCHES_MAX 256

/* The core's memory is kept from world to world. */
static struct {
    void *memory;
    size_t size;
} memories[SIM_NODES_MAX];

static void *memory_of(const struct sim_node *node, size_t size)
{
    if (memories[node->index].size < size) {
        free(memories[node->index].memory);
        memories[node->index].memory = malloc(size);
        memories[node->index].size = size;
    }
    VOW_ASSERT(memories[node->index].memory != NULL);
    return memories[node->index].memory;
}

static int recover_one(void *ctx, const struct vow_journal_event *event)
{
    struct vow_coord_event recovered = {.kind = VOW_COORD_RECOVERED, .record = &event->record};
    void **both = ctx;

    coordinator_step(both[0], both[1], &recovered);
    return 0;
}

static int count_open(void *ctx, const struct vow_journal_event *event)
{
    struct vow_coord_limits *limits = ctx;

    limits->txns_max += event->record.kind == VOW_RECORD_COMMIT ||
                        (event->record.kind == VOW_RECORD_HEURISTIC && event->record.branches_len > 0);
    limits->branches_max += event->record.branches_len;
    return 0;
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

static int make_core(struct sim_world *world, struct sim_node *node, uint32_t *recovered,
                     struct vow_error_detail *detail)
{
    struct sim_coordinator *c = node->coordinator;
    struct vow_coord_identity identity = {.coord = c->identity.coord, .epoch = c->identity.epoch};
    struct vow_coord_event done = {.kind = VOW_COORD_RECOVERY_DONE};
    struct sim_rng rng = sim_rng_of(world->options.seed, SIM_FOR_IDENTITY, node->index, node->life);
    void *both[2] = {world, node};
    int error;

    fill_limits(world, &c->limits);
    error = c->ops->scan(c->engine, count_open, &c->limits, detail);
    if (error != 0)
        return error;
    *recovered = c->limits.txns_max - world->options.txns_max;
    identity.seed = sim_rng_next(&rng);
    for (uint32_t i = 0; i < sizeof(identity.secret); i++)
        identity.secret[i] = (uint8_t)sim_rng_next(&rng);
    c->core = vow_coord_init(memory_of(node, vow_coord_size(&c->limits)), &c->limits, &identity);
    error = c->ops->scan(c->engine, recover_one, both, detail);
    if (error == 0)
        error = c->ops->keys(c->engine, c->limits.keys_max, recover_one, both, detail);
    if (error == 0)
        coordinator_step(world, node, &done);
    return error;
}

int coordinator_open(struct sim_world *world, struct sim_node *node, uint32_t *recovered,
                     struct vow_error_detail *detail)
{
    struct sim_coordinator *c = node->coordinator;
    const struct vow_journal_options options = {
        .name = node->name,
        .retention = {.age_ms = world->options.retention_ms,
                      .least_ms = world->options.retention_ms > 0 ? world->options.retention_ms : 0}};
    int error = sim_storage_open_journal(node, &options, &c->ops, &c->engine, detail);

    if (error != 0) {
        c->engine = NULL;
        return error;
    }
    error = c->ops->takeover(c->engine, &c->identity, detail);
    return error != 0 ? error : make_core(world, node, recovered, detail);
}
