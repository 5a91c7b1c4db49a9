#include "coordinator/core/record.h"

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
