#include "proto/cause.h"

/* clang-format off */
bool vow_cause_is_valid(int cause)
{
    switch (cause) {
#define CAUSE(name, value, word, text) case value:
#include "cause.def"
#undef CAUSE
        return true;
    }
    return false;
}

bool vow_cause_is_passing(int cause)
{
    switch (cause) {
    case VOW_CAUSE_VOTE_TIMEOUT:
    case VOW_CAUSE_PARTICIPANT_UNAVAILABLE:
    case VOW_CAUSE_PARTICIPANT_LOST:
    case VOW_CAUSE_PARTICIPANT_FAILED:
    case VOW_CAUSE_LOCK_CONFLICT:
    case VOW_CAUSE_NO_SPACE:
    case VOW_CAUSE_STALE_INCARNATION:
    case VOW_CAUSE_COORDINATOR_RESTART:
    case VOW_CAUSE_PRESUMED: return true;
    }
    return false;
}

const char *vow_cause_name(int cause)
{
    switch (cause) {
#define CAUSE(name, value, word, text) case value: return word;
#include "cause.def"
#undef CAUSE
    }
    return "?";
}

const char *vow_cause_text(int cause)
{
    switch (cause) {
#define CAUSE(name, value, word, text) case value: return text;
#include "cause.def"
#undef CAUSE
    }
    return "?";
}
/* clang-format on */
