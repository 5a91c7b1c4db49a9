/* The handlers that group.def and lane.def name. */
#ifndef VOW_COORDINATOR_RELAY_HANDLERS_H
#define VOW_COORDINATOR_RELAY_HANDLERS_H

#include "coordinator/core/relay/core.h"

group_handler_fn group_on_subscribe, group_on_subscribe_again, group_on_logged, group_on_down, group_on_full,
    group_on_room, group_on_recovered, group_on_remove, group_on_removed, group_on_subscribe_late;
lane_handler_fn lane_on_add, lane_on_send, lane_on_done, lane_on_failed, lane_on_unable, lane_on_timeout, lane_on_bury,
    lane_on_buried, lane_on_reset, lane_on_unsent;

#endif
