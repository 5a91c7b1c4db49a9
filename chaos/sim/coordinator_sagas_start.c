/* How a coordinator comes to the core of its sagas, with room for all that the journal has left open. */
#include "chaos/sim/coordinator_private.h"
#include "chaos/sim/core_memory.h"

#define PEERS_MAX 16
#define STEPS_MAX 1024

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
    c->sagas.core = vow_sagas_init(sim_core_memory(node, SIM_CORE_SAGAS, vow_sagas_size(&c->sagas.limits)),
                                   &c->sagas.limits, c->identity.epoch, seed);
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
