#include "chaos/preload/limits.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "proto/error.h"

/* NULL = not that. */
static int change(pid_t pid, enum limits_kind kind, const struct rlimit *to, struct rlimit *from)
{
    const int rc =
        kind == LIMITS_DESCRIPTORS ? prlimit(pid, RLIMIT_NOFILE, to, from) : prlimit(pid, RLIMIT_DATA, to, from);

    return rc == 0 ? 0 : VOW_E_SYSTEM;
}

int limits_memory(pid_t pid, uint64_t *bytes)
{
    char path[64], line[256];
    bool is_found = false;

    (void)snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return VOW_E_SYSTEM;
    while (!is_found && fgets(line, sizeof(line), file) != NULL)
        is_found = strncmp(line, "VmData:", 7) == 0;
    (void)fclose(file);
    *bytes = is_found ? strtoull(line + 7, NULL, 10) * 1024 : 0; /* it is in kB */
    return is_found ? 0 : VOW_E_SYSTEM;
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
