#include "coordinator/core/record.h"

#include <stddef.h>

#include "proto/error.h"

/* clang-format off */
#define RECORD(name, number, subject, role) \
    _Static_assert(VOW_RECORD_##name == (number), "the number of " #name " is not the table's");
VOW_RECORDS(RECORD)
#undef RECORD
/* clang-format on */

const struct vow_record_rule *vow_record_rule(uint32_t kind)
{
    static const struct vow_record_rule rules[] = {
#define RECORD(name, number, subject, role) [number] = {#name, VOW_SUBJECT_##subject, VOW_ROLE_##role},
        VOW_RECORDS(RECORD)
#undef RECORD
    };

    return kind < sizeof(rules) / sizeof(rules[0]) && rules[kind].name != NULL ? &rules[kind] : NULL;
}

/* The compiler asks for a kind that the table does not have. */
const char *vow_record_name(enum vow_record_kind kind)
{
    switch (kind) {
#define RECORD(name, number, subject, role)                                                                            \
    case VOW_RECORD_##name:                                                                                            \
        return #name;
        VOW_RECORDS(RECORD)
#undef RECORD
    case VOW_RECORD_NOTES:
        break;
    }
    return "?";
}

enum vow_record_kind vow_record_end_of(enum vow_record_subject subject)
{
    switch (subject) {
    case VOW_SUBJECT_TXN:
        return VOW_RECORD_END;
    case VOW_SUBJECT_SAGA:
        return VOW_RECORD_SAGA_END;
    case VOW_SUBJECT_LOG:
    case VOW_SUBJECT_RELAY:
        break;
    }
    return 0;
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
