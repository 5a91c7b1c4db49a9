/* How a participant comes to its core: the store is opened, and what is prepared in it recovered. */
#include <string.h>

#include "chaos/sim/core_memory.h"
#include "chaos/sim/participant_private.h"
#include "chaos/sim/storage.h"
#include "proto/assert.h"
#include "proto/error.h"
#include "proto/net/backoff.h"

#define BRANCHES_MAX 64u

const char *participant_copy(struct sim_world *world, const char *text)
{
    return text != NULL ? sim_arena_copy(&world->arena, text, strlen(text) + 1) : NULL;
}

struct recovery {
    struct sim_world *world;
    struct sim_participant *p;
};

static int recovered(void *ctx, const struct vow_branches_recovered *found)
{
    struct recovery *recovery = ctx;
    struct sim_participant *p = recovery->p;

    VOW_ASSERT(p->prepared_len < PREPARED_MAX);
    p->prepared[p->prepared_len] = *found;
    p->prepared[p->prepared_len].peers = participant_copy(recovery->world, found->peers);
    sim_peers_keep(recovery->world, &p->peers, &found->gtrid, p->prepared[p->prepared_len].peers);
    p->prepared[p->prepared_len].who = participant_copy(recovery->world, found->who);
    p->prepared[p->prepared_len++].why = participant_copy(recovery->world, found->why);
    return 0;
}

void participant_make_core(struct sim_world *world, struct sim_node *node)
{
    const struct sim_options *o = &world->options;
    struct sim_participant *p = node->participant;
    struct sim_rng rng = sim_rng_of(o->seed, SIM_FOR_IDENTITY, node->index, node->life);
    struct vow_branches_limits limits = {
        .branches_max = BRANCHES_MAX + p->prepared_len,
        .ended_max = 32,
        .enlist_timeout_ms = 2 * o->vote_ms,
        .idle_timeout_ms = 4 * o->txn_ms,
        .decision_timeout_ms = o->decision_ms,
        .decision_timeout_max_ms = o->decision_max_ms,
        .termination_after = o->termination_after,
        .heuristic_timeout_ms = o->heuristic_ms,
        .heuristic_verdict = o->heuristic_commit != 0 ? VOW_COMMIT : VOW_ABORT,
        .heuristics_max = BRANCHES_MAX + p->prepared_len,
    };
    const struct vow_branches_identity identity = {
        .incarnation = p->identity.incarnation,
        .coord = p->identity.coord,
        .epoch = p->identity.epoch,
        .watermark = p->identity.watermark,
        .seed = sim_rng_next(&rng),
    };

    p->core =
        vow_branches_init(sim_core_memory(node, SIM_CORE_BRANCHES, vow_branches_size(&limits)), &limits, &identity);
    for (uint32_t i = 0; i < p->prepared_len; i++) {
        struct vow_branches_event event = {.kind = VOW_BRANCHES_RECOVERED};

        event.recovered = p->prepared[i];
        participant_step(world, node, &event);
    }
    backoff_init(&p->backoff, 50, 5000, sim_rng_next(&rng));
}

int participant_open(struct sim_world *world, struct sim_node *node, struct vow_error_detail *detail)
{
    struct sim_participant *p = node->participant;
    const struct vow_sqlite_options options = {.call = participant_run_call,
                                               .step = participant_run_step,
                                               .event = sim_has_events(&world->options) ? participant_run_event : NULL,
                                               .inbox_retention_ms = world->options.inbox_retention_ms,
                                               .inbox_known_max = world->options.inbox_known,
                                               .outbox_archive_max = world->options.outbox_archive,
                                               .outbox_max = world->options.outbox_max,
                                               .ctx = &node->participant->work,
                                               .lock_wait_ms = world->options.lock_wait_ms,
                                               .lock_grace_ms = world->options.lock_grace_ms,
                                               .fail_fast = world->options.fail_fast != 0};
    int error;

    p->work = (struct work_ctx){world, node};
    error = sim_storage_open_store(node, &options, &p->ops, &p->store, detail);
    if (error != 0) {
        p->store = NULL;
        return error;
    }
    p->ops->identity(p->store, &p->identity);
    p->coord = p->identity.coord;
    p->epoch = p->identity.epoch;
    return p->ops->recover(p->store, recovered, &(struct recovery){world, p}, detail);
}
