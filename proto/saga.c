#include "proto/saga.h"

const char *vow_saga_state_name(int state)
{
    switch (state) {
    case VOW_SAGA_UNKNOWN:
        return "unknown";
    case VOW_SAGA_RUNNING:
        return "running";
    case VOW_SAGA_COMPENSATING:
        return "compensating";
    case VOW_SAGA_STUCK_FORWARD:
        return "stuck-forward";
    case VOW_SAGA_STUCK_COMPENSATING:
        return "stuck-compensating";
    case VOW_SAGA_COMPLETED:
        return "completed";
    case VOW_SAGA_COMPENSATED:
        return "compensated";
    case VOW_SAGA_CLOSED:
        return "closed";
    default:
        return "?";
    }
}
