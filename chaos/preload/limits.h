/*
 * Limits of a real process, by prlimit(2): at its start, called by the child with pid 0 before exec, or while it
 * runs, by whoever started it. Only the soft limit moves, so that it can be lifted again.
 */
#ifndef VOW_CHAOS_PRELOAD_LIMITS_H
#define VOW_CHAOS_PRELOAD_LIMITS_H

#include <stdint.h>
#include <sys/types.h>

enum limits_kind {
    LIMITS_DESCRIPTORS, /* what fails by it is counted as FAULTS_NO_DESCRIPTORS, where the preload is */
    /* Of what it can write (RLIMIT_DATA), counted as FAULTS_NO_MEMORY. A sanitizer's runtime ends by it. */
    LIMITS_MEMORY,
};

/* Returns 0, or VOW_E_SYSTEM: there is no such process, it is not ours, or the hard limit is lower. */
int limits_set(pid_t pid, enum limits_kind kind, uint64_t most);
/* Back to the hard limit. */
int limits_lift(pid_t pid, enum limits_kind kind);

/* What a process has now of that which LIMITS_MEMORY limits. Returns 0, or VOW_E_SYSTEM: there is no such process. */
int limits_memory(pid_t pid, uint64_t *bytes);

#endif
