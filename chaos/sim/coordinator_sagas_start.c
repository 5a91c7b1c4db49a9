/* How a coordinator comes to the core of its sagas, with room for all that the journal has left open. */
#include <stdlib.h>

#include "chaos/sim/coordinator_private.h"
#include "proto/assert.h"

#define PEERS_MAX 16
#define STEPS_MAX 1024

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

void coordinator_sagas_make(struct sim_world *world, struct sim_node *node, const struct vow_recovery_room *room,
                            uint64_t seed)
{
    const struct sim_options *o = &world->options;
    struct sim_coordinator *c = node->coordinator;

    if (!sim_has_sagas(o))
        return;
    c->sagas.limits = (struct vow_sagas_limits){
        .sagas_max = o->sagas_max + room->sagas,
        .steps_max = STEPS_MAX + room->steps,
        .peers_max = PEERS_MAX,
        .keys_max = 512, /* of all sagas that a world may have */
        .attempts_max = o->step_attempts,
        .attempt_ms = o->step_attempt_ms,
        .deadline_ms = o->step_deadline_ms,
        .backoff_ms = 20,
        .backoff_max_ms = o->step_backoff_max_ms,
    };
    c->sagas.core =
        vow_sagas_init(memory_of(node, vow_sagas_size(&c->sagas.limits)), &c->sagas.limits, c->identity.epoch, seed);
}

void coordinator_sagas_recovered(struct sim_world *world, struct sim_node *node)
{
    struct vow_sagas_event done = {.kind = VOW_SAGAS_RECOVERY_DONE};

    if (node->coordinator->sagas.core != NULL)
        coordinator_sagas_step(world, node, &done);
}

void coordinator_sagas_stop(struct sim_coordinator *c)
{
    saga_book_free(&c->sagas.book);
    c->sagas.core = NULL;
}
