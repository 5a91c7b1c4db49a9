#include "coordinator/ctl/owing.h"

#include <string.h>

static bool vote_is(const json_t *branch, const char *vote)
{
    const char *value = json_string_value(json_object_get(branch, "vote"));
    return value != NULL && strcmp(value, vote) == 0;
}

bool branch_is_owing(const json_t *branch, const char *state)
{
    if (strcmp(state, "COMMITTING") != 0)
        return vote_is(branch, "none");
    return !vote_is(branch, "read-only") && !json_is_true(json_object_get(branch, "acknowledged"));
}
