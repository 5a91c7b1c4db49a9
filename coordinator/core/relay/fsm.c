/* The tables of group.def and lane.def as data, and as the matrices that find the handler of an event. */
#include "coordinator/core/relay/handlers.h"

#define FSM_LIST "coordinator/core/relay/group.def"
#define FSM_NAME group
#define FSM_TITLE "group of consumers"
#define FSM_STATE(name) GROUP_##name
#define FSM_EVENT(name) GROUP_ON_##name
#define FSM_HANDLER group_handler_fn
#define FSM_EVENTS GROUP_EVENTS
#include "proto/fsm_table.h"

#define FSM_LIST "coordinator/core/relay/lane.def"
#define FSM_NAME lane
#define FSM_TITLE "lane of a key"
#define FSM_STATE(name) LANE_##name
#define FSM_EVENT(name) LANE_ON_##name
#define FSM_HANDLER lane_handler_fn
#define FSM_EVENTS LANE_EVENTS
#include "proto/fsm_table.h"

const struct vow_fsm *vow_group_fsm(void)
{
    return &group_fsm;
}

const struct vow_fsm *vow_lane_fsm(void)
{
    return &lane_fsm;
}

void relay_fill_handlers(struct vow_relay *core)
{
    group_fill(core->group_handlers);
    lane_fill(core->lane_handlers);
}
