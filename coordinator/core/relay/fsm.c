/* The tables of group.def and lane.def as data, and as the matrices that find the handler of an event. */
#include "coordinator/core/relay/handlers.h"
#include "proto/assert.h"

/* clang-format off */
static const struct vow_fsm_state group_states[] = {
#define STATE(name, flags, meaning) {#name, flags, meaning},
#define EVENT(name, meaning)
#define EDGE(from, event, guard, handler, to, rule)
#define CELL(state, event, verdict, why)
#include "coordinator/core/relay/group.def"
#undef STATE
#undef EVENT
};

static const struct vow_fsm_event group_events[] = {
#define STATE(name, flags, meaning)
#define EVENT(name, meaning) {#name, meaning},
#include "coordinator/core/relay/group.def"
#undef EVENT
#undef EDGE
};

static const struct vow_fsm_edge group_edges[] = {
#define EVENT(name, meaning)
#define EDGE(from, event, guard, handler, to, rule) {GROUP_##from, GROUP_ON_##event, GROUP_##to, guard, #handler, rule},
#include "coordinator/core/relay/group.def"
#undef EDGE
};

static group_handler_fn *const group_edge_handlers[] = {
#define EDGE(from, event, guard, handler, to, rule) handler,
#include "coordinator/core/relay/group.def"
#undef EDGE
#undef CELL
};

static const struct vow_fsm_cell group_cells[] = {
#define EDGE(from, event, guard, handler, to, rule)
#define CELL(state, event, verdict, why) {GROUP_##state, GROUP_ON_##event, VOW_FSM_##verdict, why},
#include "coordinator/core/relay/group.def"
#undef STATE
#undef EVENT
#undef EDGE
#undef CELL
};

static const struct vow_fsm_state lane_states[] = {
#define STATE(name, flags, meaning) {#name, flags, meaning},
#define EVENT(name, meaning)
#define EDGE(from, event, guard, handler, to, rule)
#define CELL(state, event, verdict, why)
#include "coordinator/core/relay/lane.def"
#undef STATE
#undef EVENT
};

static const struct vow_fsm_event lane_events[] = {
#define STATE(name, flags, meaning)
#define EVENT(name, meaning) {#name, meaning},
#include "coordinator/core/relay/lane.def"
#undef EVENT
#undef EDGE
};

static const struct vow_fsm_edge lane_edges[] = {
#define EVENT(name, meaning)
#define EDGE(from, event, guard, handler, to, rule) {LANE_##from, LANE_ON_##event, LANE_##to, guard, #handler, rule},
#include "coordinator/core/relay/lane.def"
#undef EDGE
};

static lane_handler_fn *const lane_edge_handlers[] = {
#define EDGE(from, event, guard, handler, to, rule) handler,
#include "coordinator/core/relay/lane.def"
#undef EDGE
#undef CELL
};

static const struct vow_fsm_cell lane_cells[] = {
#define EDGE(from, event, guard, handler, to, rule)
#define CELL(state, event, verdict, why) {LANE_##state, LANE_ON_##event, VOW_FSM_##verdict, why},
#include "coordinator/core/relay/lane.def"
#undef STATE
#undef EVENT
#undef EDGE
#undef CELL
};

/* clang-format on */

#define LENGTH(array) (sizeof(array) / sizeof((array)[0]))

static const struct vow_fsm group_fsm = {
    .name = "group of consumers",
    .states = group_states,
    .events = group_events,
    .edges = group_edges,
    .cells = group_cells,
    .states_len = LENGTH(group_states),
    .events_len = LENGTH(group_events),
    .edges_len = LENGTH(group_edges),
    .cells_len = LENGTH(group_cells),
};

const struct vow_fsm *vow_group_fsm(void)
{
    return &group_fsm;
}

static const struct vow_fsm lane_fsm = {
    .name = "lane of a key",
    .states = lane_states,
    .events = lane_events,
    .edges = lane_edges,
    .cells = lane_cells,
    .states_len = LENGTH(lane_states),
    .events_len = LENGTH(lane_events),
    .edges_len = LENGTH(lane_edges),
    .cells_len = LENGTH(lane_cells),
};

const struct vow_fsm *vow_lane_fsm(void)
{
    return &lane_fsm;
}

void relay_fill_handlers(struct vow_relay *core)
{
    for (size_t i = 0; i < group_fsm.edges_len; i++) {
        group_handler_fn **slot = &core->group_handlers[group_edges[i].from][group_edges[i].event];

        VOW_ASSERT(*slot == NULL || *slot == group_edge_handlers[i]);
        *slot = group_edge_handlers[i];
    }
    for (size_t i = 0; i < lane_fsm.edges_len; i++) {
        lane_handler_fn **slot = &core->lane_handlers[lane_edges[i].from][lane_edges[i].event];

        VOW_ASSERT(*slot == NULL || *slot == lane_edge_handlers[i]);
        *slot = lane_edge_handlers[i];
    }
}
