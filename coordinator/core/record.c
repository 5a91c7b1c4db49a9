#include "coordinator/core/record.h"

#include "proto/error.h"

const char *vow_record_name(enum vow_record_kind kind)
{
    switch (kind) {
    case VOW_RECORD_EPOCH:
        return "EPOCH";
    case VOW_RECORD_COMMIT:
        return "COMMIT";
    case VOW_RECORD_END:
        return "END";
    case VOW_RECORD_HAZARD:
        return "HAZARD";
    case VOW_RECORD_HEURISTIC:
        return "HEURISTIC";
    case VOW_RECORD_DAMAGE:
        return "DAMAGE";
    case VOW_RECORD_FORGET:
        return "FORGET";
    case VOW_RECORD_SAGA_BEGIN:
        return "SAGA_BEGIN";
    case VOW_RECORD_SAGA_STEP:
        return "SAGA_STEP";
    case VOW_RECORD_SAGA_TURN:
        return "SAGA_TURN";
    case VOW_RECORD_SAGA_RETRY:
        return "SAGA_RETRY";
    case VOW_RECORD_SAGA_END:
        return "SAGA_END";
    case VOW_RECORD_NOTES:
        break;
    case VOW_RECORD_ABORTED:
        return "ABORTED";
    case VOW_RECORD_READ_ONLY:
        return "READ_ONLY";
    case VOW_RECORD_ONE_PHASE:
        return "ONE_PHASE";
    case VOW_RECORD_OPERATOR:
        return "OPERATOR";
    case VOW_RECORD_KEY:
        return "KEY";
    }
    return "?";
}

int vow_damage_error(enum vow_damage damage)
{
    switch (damage) {
    case VOW_DAMAGE_NONE:
        return 0;
    case VOW_DAMAGE_ROLLBACK:
        return VOW_E_HEURISTIC_ROLLBACK;
    case VOW_DAMAGE_MIXED:
        return VOW_E_HEURISTIC_MIXED;
    case VOW_DAMAGE_HAZARD:
        break;
    }
    return VOW_E_HEURISTIC_HAZARD;
}
