#include "chaos/preload/limits.h"

#include <stddef.h>
#include <sys/resource.h>

#include "proto/error.h"

static int resource_of(enum limits_kind kind)
{
    return kind == LIMITS_DESCRIPTORS ? RLIMIT_NOFILE : RLIMIT_AS;
}

int limits_set(pid_t pid, enum limits_kind kind, uint64_t most)
{
    struct rlimit limit;

    if (prlimit(pid, resource_of(kind), NULL, &limit) != 0)
        return VOW_E_SYSTEM;
    limit.rlim_cur = most;
    return prlimit(pid, resource_of(kind), &limit, NULL) == 0 ? 0 : VOW_E_SYSTEM;
}

int limits_lift(pid_t pid, enum limits_kind kind)
{
    struct rlimit limit;

    if (prlimit(pid, resource_of(kind), NULL, &limit) != 0)
        return VOW_E_SYSTEM;
    limit.rlim_cur = limit.rlim_max;
    return prlimit(pid, resource_of(kind), &limit, NULL) == 0 ? 0 : VOW_E_SYSTEM;
}
