/* The tables of saga.def and step.def as data, and as the matrices that find the handler of an event. */
#include "coordinator/core/saga/handlers.h"
#include "proto/assert.h"

/* clang-format off */
static const struct vow_fsm_state saga_states[] = {
#define STATE(name, flags, meaning) {#name, flags, meaning},
#define EVENT(name, meaning)
#define EDGE(from, event, guard, handler, to, rule)
#define CELL(state, event, verdict, why)
#include "coordinator/core/saga/saga.def"
#undef STATE
#undef EVENT
};

static const struct vow_fsm_event saga_events[] = {
#define STATE(name, flags, meaning)
#define EVENT(name, meaning) {#name, meaning},
#include "coordinator/core/saga/saga.def"
#undef EVENT
#undef EDGE
};

static const struct vow_fsm_edge saga_edges[] = {
#define EVENT(name, meaning)
#define EDGE(from, event, guard, handler, to, rule) {SAGA_##from, SAGA_ON_##event, SAGA_##to, guard, #handler, rule},
#include "coordinator/core/saga/saga.def"
#undef EDGE
};

static saga_handler_fn *const saga_edge_handlers[] = {
#define EDGE(from, event, guard, handler, to, rule) handler,
#include "coordinator/core/saga/saga.def"
#undef EDGE
#undef CELL
};

static const struct vow_fsm_cell saga_cells[] = {
#define EDGE(from, event, guard, handler, to, rule)
#define CELL(state, event, verdict, why) {SAGA_##state, SAGA_ON_##event, VOW_FSM_##verdict, why},
#include "coordinator/core/saga/saga.def"
#undef STATE
#undef EVENT
#undef EDGE
#undef CELL
};

static const struct vow_fsm_state step_states[] = {
#define STATE(name, flags, meaning) {#name, flags, meaning},
#define EVENT(name, meaning)
#define EDGE(from, event, guard, handler, to, rule)
#define CELL(state, event, verdict, why)
#include "coordinator/core/saga/step.def"
#undef STATE
#undef EVENT
};

static const struct vow_fsm_event step_events[] = {
#define STATE(name, flags, meaning)
#define EVENT(name, meaning) {#name, meaning},
#include "coordinator/core/saga/step.def"
#undef EVENT
#undef EDGE
};

static const struct vow_fsm_edge step_edges[] = {
#define EVENT(name, meaning)
#define EDGE(from, event, guard, handler, to, rule) {STEP_##from, STEP_ON_##event, STEP_##to, guard, #handler, rule},
#include "coordinator/core/saga/step.def"
#undef EDGE
};

static step_handler_fn *const step_edge_handlers[] = {
#define EDGE(from, event, guard, handler, to, rule) handler,
#include "coordinator/core/saga/step.def"
#undef EDGE
#undef CELL
};

static const struct vow_fsm_cell step_cells[] = {
#define EDGE(from, event, guard, handler, to, rule)
#define CELL(state, event, verdict, why) {STEP_##state, STEP_ON_##event, VOW_FSM_##verdict, why},
#include "coordinator/core/saga/step.def"
#undef STATE
#undef EVENT
#undef EDGE
#undef CELL
};

/* clang-format on */

#define LENGTH(array) (sizeof(array) / sizeof((array)[0]))

static const struct vow_fsm saga_fsm = {
    .name = "saga",
    .states = saga_states,
    .events = saga_events,
    .edges = saga_edges,
    .cells = saga_cells,
    .states_len = LENGTH(saga_states),
    .events_len = LENGTH(saga_events),
    .edges_len = LENGTH(saga_edges),
    .cells_len = LENGTH(saga_cells),
};

const struct vow_fsm *vow_saga_fsm(void)
{
    return &saga_fsm;
}

static const struct vow_fsm step_fsm = {
    .name = "step of a saga",
    .states = step_states,
    .events = step_events,
    .edges = step_edges,
    .cells = step_cells,
    .states_len = LENGTH(step_states),
    .events_len = LENGTH(step_events),
    .edges_len = LENGTH(step_edges),
    .cells_len = LENGTH(step_cells),
};

const struct vow_fsm *vow_step_fsm(void)
{
    return &step_fsm;
}

void saga_fill_handlers(struct vow_sagas *core)
{
    for (size_t i = 0; i < saga_fsm.edges_len; i++) {
        saga_handler_fn **slot = &core->saga_handlers[saga_edges[i].from][saga_edges[i].event];

        VOW_ASSERT(*slot == NULL || *slot == saga_edge_handlers[i]);
        *slot = saga_edge_handlers[i];
    }
    for (size_t i = 0; i < step_fsm.edges_len; i++) {
        step_handler_fn **slot = &core->step_handlers[step_edges[i].from][step_edges[i].event];

        VOW_ASSERT(*slot == NULL || *slot == step_edge_handlers[i]);
        *slot = step_edge_handlers[i];
    }
}
