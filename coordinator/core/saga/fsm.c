/* The tables of saga.def and step.def as data, and as the matrices that find the handler of an event. */
#include "coordinator/core/saga/handlers.h"

#define FSM_LIST "coordinator/core/saga/saga.def"
#define FSM_NAME saga
#define FSM_TITLE "saga"
#define FSM_STATE(name) SAGA_##name
#define FSM_EVENT(name) SAGA_ON_##name
#define FSM_HANDLER saga_handler_fn
#define FSM_EVENTS SAGA_EVENTS
#include "proto/fsm_table.h"

#define FSM_LIST "coordinator/core/saga/step.def"
#define FSM_NAME step
#define FSM_TITLE "step of a saga"
#define FSM_STATE(name) STEP_##name
#define FSM_EVENT(name) STEP_ON_##name
#define FSM_HANDLER step_handler_fn
#define FSM_EVENTS STEP_EVENTS
#include "proto/fsm_table.h"

const struct vow_fsm *vow_saga_fsm(void)
{
    return &saga_fsm;
}

const struct vow_fsm *vow_step_fsm(void)
{
    return &step_fsm;
}

void saga_fill_handlers(struct vow_sagas *core)
{
    saga_fill(core->saga_handlers);
    step_fill(core->step_handlers);
}
