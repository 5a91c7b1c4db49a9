/*
 * Events of groups and lanes come to their handlers, and moves along the edges of the tables: no state is written
 * elsewhere. An event that the table ignores, or does not allow, is counted here.
 */
#include "coordinator/core/relay/core.h"

#include "proto/assert.h"

static void hit_cell(struct vow_relay *core, const struct vow_fsm *fsm, unsigned state, unsigned event,
                     const struct group *group)
{
    const struct vow_fsm_cell *cell = vow_fsm_cell_of(fsm, state, event);

    if (cell->verdict == VOW_FSM_IGNORE) {
        core->counts.late++;
        return;
    }
    core->counts.protocol_errors++;
    relay_alarm(core, cell->why, group, 0);
}

/* ---- groups ---- */

void group_move(struct vow_relay *core, struct group *group, enum group_state to)
{
    struct group_input *in = core->group_in;
    enum group_state from = (enum group_state)group->state;

    VOW_ASSERT(in != NULL && !in->moved && in->group == group);
    in->moved = true;
    vow_fsm_count(vow_group_fsm(), core->group_hits, from, in->event, to);
    core->counts.paused += (uint32_t)(to == GROUP_PAUSED) - (uint32_t)(from == GROUP_PAUSED);
    core->counts.groups += (uint32_t)(from == GROUP_NONE) - (uint32_t)(to == GROUP_NONE);
    group->state = (uint8_t)to;
}

/* What holds in each state, whatever led there. */
static void check_group(const struct group *group)
{
    enum group_state state = (enum group_state)group->state;

    VOW_ASSERT(state != GROUP_LIVE || group->session != 0);
    VOW_ASSERT(state != GROUP_AWAY || group->session == 0);
    VOW_ASSERT(state == GROUP_JOINING || state == GROUP_NONE || (state != GROUP_LEAVING) == group->was_there);
    VOW_ASSERT(group->in_flight <= RELAY_WINDOW_MAX);
}

void group_dispatch(struct vow_relay *core, struct group_input *in)
{
    enum group_state from = (enum group_state)in->group->state;
    group_handler_fn *handler = core->group_handlers[from][in->event];

    if (handler == NULL) {
        hit_cell(core, vow_group_fsm(), from, in->event, in->group);
        return;
    }
    VOW_ASSERT(core->group_in == NULL);
    core->group_in = in;
    handler(core, in);
    core->group_in = NULL;
    /* A handler that does not move takes the edge back to where it is. */
    if (!in->moved)
        vow_fsm_count(vow_group_fsm(), core->group_hits, from, in->event, from);
    check_group(in->group);
}

/* ---- lanes ---- */

static bool has_timer(enum lane_state state)
{
    return state == LANE_SENT || state == LANE_WAITING;
}

void lane_move(struct vow_relay *core, struct lane *lane, enum lane_state to)
{
    struct lane_input *in = core->lane_in;
    enum lane_state from = (enum lane_state)lane->state;
    struct group *group = lane_group(core, lane);

    VOW_ASSERT(in != NULL && !in->moved && in->lane == lane);
    in->moved = true;
    vow_fsm_count(vow_lane_fsm(), core->lane_hits, from, in->event, to);
    group->in_flight += (uint32_t)(to == LANE_SENT) - (uint32_t)(from == LANE_SENT);
    if (from == LANE_READY)
        lane_unqueue(core, lane);
    lane->state = (uint8_t)to;
    if (to == LANE_READY)
        lane_queue(core, lane);
    if (!has_timer(to))
        vow_heap_remove(&core->due, lane_index(core, lane));
}

void lane_dispatch(struct vow_relay *core, struct lane_input *in)
{
    enum lane_state from = (enum lane_state)in->lane->state;
    lane_handler_fn *handler = core->lane_handlers[from][in->event];

    if (handler == NULL) {
        hit_cell(core, vow_lane_fsm(), from, in->event, lane_group(core, in->lane));
        return;
    }
    VOW_ASSERT(core->lane_in == NULL);
    core->lane_in = in;
    handler(core, in);
    core->lane_in = NULL;
    if (!in->moved)
        vow_fsm_count(vow_lane_fsm(), core->lane_hits, from, in->event, from);
    VOW_ASSERT((in->lane->first == RELAY_NIL) == (in->lane->state == LANE_IDLE));
    if (in->lane->state == LANE_IDLE)
        lane_free(core, in->lane);
}
