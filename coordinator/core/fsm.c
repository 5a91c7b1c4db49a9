/* The table of coord.def as data, and as the matrix that finds the handler of an event. */
#include "coordinator/core/dispatch.h"

#include "proto/assert.h"

/* clang-format off */
static const struct vow_fsm_state states[] = {
#define STATE(name, flags, meaning) {#name, flags, meaning},
#define EVENT(name, meaning)
#define EDGE(from, event, guard, handler, to, rule)
#define CELL(state, event, verdict, why)
#include "coordinator/core/coord.def"
#undef STATE
#undef EVENT
};

static const struct vow_fsm_event events[] = {
#define STATE(name, flags, meaning)
#define EVENT(name, meaning) {#name, meaning},
#include "coordinator/core/coord.def"
#undef EVENT
#undef EDGE
};

static const struct vow_fsm_edge edges[] = {
#define EVENT(name, meaning)
#define EDGE(from, event, guard, handler, to, rule) {TXN_##from, TXN_ON_##event, TXN_##to, guard, #handler, rule},
#include "coordinator/core/coord.def"
#undef EDGE
};

static coord_handler_fn *const edge_handlers[] = {
#define EDGE(from, event, guard, handler, to, rule) handler,
#include "coordinator/core/coord.def"
#undef EDGE
#undef CELL
};

static const struct vow_fsm_cell cells[] = {
#define EDGE(from, event, guard, handler, to, rule)
#define CELL(state, event, verdict, why) {TXN_##state, TXN_ON_##event, VOW_FSM_##verdict, why},
#include "coordinator/core/coord.def"
#undef STATE
#undef EVENT
#undef EDGE
#undef CELL
};
/* clang-format on */

#define LENGTH(array) (sizeof(array) / sizeof((array)[0]))

static const struct vow_fsm fsm = {
    .name = "coordinator",
    .states = states,
    .events = events,
    .edges = edges,
    .cells = cells,
    .states_len = LENGTH(states),
    .events_len = LENGTH(events),
    .edges_len = LENGTH(edges),
    .cells_len = LENGTH(cells),
};

const struct vow_fsm *vow_coord_fsm(void)
{
    return &fsm;
}

void coord_fill_handlers(struct vow_coord *core)
{
    for (size_t i = 0; i < fsm.edges_len; i++) {
        coord_handler_fn **slot = &core->handlers[edges[i].from][edges[i].event];

        VOW_ASSERT(*slot == NULL || *slot == edge_handlers[i]);
        *slot = edge_handlers[i];
    }
}
