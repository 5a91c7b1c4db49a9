/* branch.def as data: for the checker, the diagrams and whoever prints a trace. */
#include "participant/core/core.h"

#define FSM_LIST "participant/core/branch.def"
#define FSM_NAME branch
#define FSM_TITLE "branch"
#define FSM_STATE(name) VOW_BRANCH_##name
#define FSM_EVENT(name) VOW_BRANCH_EV_##name
#include "proto/fsm_table.h"

const struct vow_fsm *vow_branches_fsm(void)
{
    return &branch_fsm;
}
