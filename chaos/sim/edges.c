#include "chaos/sim/edges.h"

#include <stdio.h>
#include <string.h>

#include "coordinator/core/coord.h"
#include "coordinator/core/saga/saga.h"
#include "participant/core/branch.h"
#include "proto/assert.h"

#define MACHINES 4

static const char *const names[MACHINES] = {"coordinator", "participant", "saga", "step"};

static const struct vow_fsm *fsm_of(uint32_t machine)
{
    switch (machine) {
    case 0:
        return vow_coord_fsm();
    case 1:
        return vow_branches_fsm();
    case 2:
        return vow_saga_fsm();
    default:
        return vow_step_fsm();
    }
}

/* Of all machines before this one. */
static uint32_t edges_before(uint32_t machine)
{
    uint32_t edges = 0;

    for (uint32_t i = 0; i < machine; i++)
        edges += (uint32_t)fsm_of(i)->edges_len;
    return edges;
}

uint32_t sim_edges_len(void)
{
    return edges_before(MACHINES);
}

void sim_edges_begin(struct sim_edges *edges)
{
    VOW_ASSERT(sim_edges_len() <= SIM_EDGES_MAX);
    memset(edges, 0, sizeof(*edges));
}

static uint32_t machine_of(enum sim_machine machine)
{
    switch (machine) {
    case SIM_MACHINE_COORD:
        return 0;
    case SIM_MACHINE_BRANCH:
        return 1;
    case SIM_MACHINE_SAGA:
        return 2;
    case SIM_MACHINE_STEP:
        break;
    }
    return 3;
}

void sim_edges_see(void *ctx, const struct sim_sight *sight)
{
    struct sim_edges *edges = ctx;
    const struct vow_fsm *fsm;
    uint32_t number;

    if (sight->kind != SIM_SEEN_MOVED)
        return;
    fsm = fsm_of(machine_of(sight->moved.machine));
    number = edges_before(machine_of(sight->moved.machine));
    for (size_t i = 0; i < fsm->edges_len; i++, number++) {
        const struct vow_fsm_edge *edge = &fsm->edges[i];

        if (edge->from == sight->moved.from && edge->event == sight->moved.event && edge->to == sight->moved.to)
            edges->taken[number / 64] |= UINT64_C(1) << number % 64;
    }
}

/* Its machine, and its number there. */
static const struct vow_fsm_edge *edge_at(uint32_t number, uint32_t *machine)
{
    *machine = 0;
    while (*machine + 1 < MACHINES && number >= edges_before(*machine + 1))
        ++*machine;
    return &fsm_of(*machine)->edges[number - edges_before(*machine)];
}

bool sim_edge_moves(uint32_t number)
{
    uint32_t machine;
    const struct vow_fsm_edge *edge = edge_at(number, &machine);

    return edge->from != edge->to;
}

int sim_edge_print(uint32_t number, char *text, size_t size)
{
    uint32_t machine;
    const struct vow_fsm_edge *edge = edge_at(number, &machine);
    const struct vow_fsm *fsm = fsm_of(machine);

    return snprintf(text, size, "%s: %s %s %s", names[machine], fsm->states[edge->from].name,
                    fsm->events[edge->event].name, fsm->states[edge->to].name);
}
