/* What vowd tells of sagas in the trace (docs/trace.md): as their core moves them, and their end when it is durable. */
#include "coordinator/core/saga/core.h"
#include "coordinator/server/internal.h"

static void tell_saga(struct vow_server *server, const struct vow_gtrid *gtrid, const char *state)
{
    VOW_TRACE(server->trace, "saga", gtrid, VOW_STR("state", state));
}

static bool goes_back(uint8_t state)
{
    return state == SAGA_HALTING || state == SAGA_COMPENSATING;
}

void trace_saga(struct vow_server *server, const struct vow_sagas_effect *effect)
{
    const uint8_t from = effect->trace.from, to = effect->trace.to;
    if (server->trace == NULL || effect->trace.step != VOW_STEP_NONE || from == to)
        return;
    if (to == SAGA_RUNNING)
        tell_saga(server, &effect->gtrid, "running");
    else if (goes_back(to) && !goes_back(from))
        tell_saga(server, &effect->gtrid, "compensating");
    else if (to == SAGA_STUCK_FORWARD || to == SAGA_STUCK_COMPENSATING)
        tell_saga(server, &effect->gtrid, "stuck");
}

void trace_saga_logged(struct vow_server *server, const struct vow_record *record)
{
    if (record->kind == VOW_RECORD_SAGA_END)
        tell_saga(server, &record->gtrid, vow_saga_state_name((int)record->detail));
}
