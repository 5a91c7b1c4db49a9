#include "chaos/preload/limits.h"

#include <stddef.h>
#include <sys/resource.h>

#include "proto/error.h"

/* NULL = not that. */
static int change(pid_t pid, enum limits_kind kind, const struct rlimit *to, struct rlimit *from)
{
    const int rc =
        kind == LIMITS_DESCRIPTORS ? prlimit(pid, RLIMIT_NOFILE, to, from) : prlimit(pid, RLIMIT_AS, to, from);

    return rc == 0 ? 0 : VOW_E_SYSTEM;
}

int limits_set(pid_t pid, enum limits_kind kind, uint64_t most)
{
    struct rlimit limit;
    const int error = change(pid, kind, NULL, &limit);

    if (error != 0)
        return error;
    limit.rlim_cur = most;
    return change(pid, kind, &limit, NULL);
}

int limits_lift(pid_t pid, enum limits_kind kind)
{
    struct rlimit limit;
    const int error = change(pid, kind, NULL, &limit);

    if (error != 0)
        return error;
    limit.rlim_cur = limit.rlim_max;
    return change(pid, kind, &limit, NULL);
}
