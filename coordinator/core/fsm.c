/* The table of coord.def as data, and as the matrix that finds the handler of an event. */
#include "coordinator/core/dispatch.h"

#define FSM_LIST "coordinator/core/coord.def"
#define FSM_NAME txn
#define FSM_TITLE "coordinator"
#define FSM_STATE(name) TXN_##name
#define FSM_EVENT(name) TXN_ON_##name
#define FSM_HANDLER coord_handler_fn
#define FSM_EVENTS TXN_EVENTS
#include "proto/fsm_table.h"

const struct vow_fsm *vow_coord_fsm(void)
{
    return &txn_fsm;
}

void coord_fill_handlers(struct vow_coord *core)
{
    txn_fill(core->handlers);
}
