#include "proto/outcome.h"

const char *vow_outcome_name(int outcome)
{
    switch (outcome) {
    case VOW_COMMITTED:
        return "committed";
    case VOW_ABORTED:
        return "aborted";
    case VOW_UNKNOWN:
        return "unknown";
    case VOW_PENDING:
        return "pending";
    default:
        return "?";
    }
}
