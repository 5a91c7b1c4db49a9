/* branch.def as data: for the checker, the diagrams and whoever prints a trace. */
#include "participant/core/core.h"

/* clang-format off */
static const struct vow_fsm_state states[] = {
#define STATE(name, flags, meaning) {#name, flags, meaning},
#include "participant/core/branch.def"
};

static const struct vow_fsm_event events[] = {
#define EVENT(name, meaning) {#name, meaning},
#include "participant/core/branch.def"
};

static const struct vow_fsm_edge edges[] = {
#define EDGE(from, event, guard, handler, to, rule) \
    {VOW_BRANCH_##from, VOW_BRANCH_EV_##event, VOW_BRANCH_##to, guard, #handler, rule},
#include "participant/core/branch.def"
};

static const struct vow_fsm_cell cells[] = {
#define CELL(state, event, verdict, why) {VOW_BRANCH_##state, VOW_BRANCH_EV_##event, VOW_FSM_##verdict, why},
#include "participant/core/branch.def"
};
/* clang-format on */

#define LEN(array) (sizeof(array) / sizeof((array)[0]))

static const struct vow_fsm fsm = {
    .name = "branch",
    .states = states,
    .events = events,
    .edges = edges,
    .cells = cells,
    .states_len = LEN(states),
    .events_len = LEN(events),
    .edges_len = LEN(edges),
    .cells_len = LEN(cells),
};

const struct vow_fsm *vow_branches_fsm(void)
{
    return &fsm;
}
