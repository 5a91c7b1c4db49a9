/* The handlers that saga.def and step.def name. */
#ifndef VOW_COORDINATOR_SAGA_HANDLERS_H
#define VOW_COORDINATOR_SAGA_HANDLERS_H

#include "coordinator/core/saga/core.h"

saga_handler_fn saga_on_request, saga_on_past, saga_on_ask, saga_on_cancel, saga_on_cancel_again,
    saga_on_cancel_refused, saga_on_deadline, saga_on_begun, saga_on_turned, saga_on_ended, saga_on_settled,
    saga_on_stuck, saga_on_requeue, saga_on_close, saga_on_order_refused, saga_on_recovered_begin,
    saga_on_recovered_step, saga_on_recovered_turn, saga_on_recovered_retry, saga_on_resume;

step_handler_fn step_on_start, step_on_done, step_on_refused, step_on_lost, step_on_due, step_on_halt, step_on_logged,
    step_on_return, step_on_unsent, step_on_requeue;

#endif
