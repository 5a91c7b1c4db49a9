#include "chaos/sim/edges.h"

#include <stdio.h>
#include <string.h>

#include "coordinator/core/coord.h"
#include "participant/core/branch.h"
#include "proto/assert.h"

static uint32_t of_coordinator(void)
{
    return (uint32_t)vow_coord_fsm()->edges_len;
}

uint32_t sim_edges_len(void)
{
    return of_coordinator() + (uint32_t)vow_branches_fsm()->edges_len;
}

void sim_edges_begin(struct sim_edges *edges)
{
    VOW_ASSERT(sim_edges_len() <= SIM_EDGES_MAX);
    memset(edges, 0, sizeof(*edges));
}

void sim_edges_see(void *ctx, const struct sim_sight *sight)
{
    struct sim_edges *edges = ctx;
    const bool is_coordinator = sight->kind == SIM_SEEN_MOVED && sight->moved.machine == SIM_MACHINE_COORD;
    const struct vow_fsm *fsm = is_coordinator ? vow_coord_fsm() : vow_branches_fsm();
    uint32_t number = is_coordinator ? 0 : of_coordinator();

    if (sight->kind != SIM_SEEN_MOVED || sim_is_of_saga(sight))
        return;
    for (size_t i = 0; i < fsm->edges_len; i++, number++) {
        const struct vow_fsm_edge *edge = &fsm->edges[i];

        if (edge->from == sight->moved.from && edge->event == sight->moved.event && edge->to == sight->moved.to)
            edges->taken[number / 64] |= UINT64_C(1) << number % 64;
    }
}

static const struct vow_fsm_edge *edge_at(uint32_t number)
{
    return number < of_coordinator() ? &vow_coord_fsm()->edges[number]
                                     : &vow_branches_fsm()->edges[number - of_coordinator()];
}

bool sim_edge_moves(uint32_t number)
{
    return edge_at(number)->from != edge_at(number)->to;
}

int sim_edge_print(uint32_t number, char *text, size_t size)
{
    const bool is_coordinator = number < of_coordinator();
    const struct vow_fsm *fsm = is_coordinator ? vow_coord_fsm() : vow_branches_fsm();
    const struct vow_fsm_edge *edge = edge_at(number);

    return snprintf(text, size, "%s: %s %s %s", is_coordinator ? "coordinator" : "participant",
                    fsm->states[edge->from].name, fsm->events[edge->event].name, fsm->states[edge->to].name);
}
