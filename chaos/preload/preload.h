/*
 * Inside the preloaded library. It takes the place of functions of the C library in a process that knows nothing of it:
 * so it allocates nothing, keeps errno unless it fails, and calls the kernel itself.
 *   preload.c      finds the control file; whose a descriptor and a path are
 *   disk_sync.c    fsync and fdatasync
 *   disk_bytes.c   reading, writing, room
 *   disk_names.c   opening, renaming, removing; how much room there is
 *   descriptors.c  what runs out of descriptors
 *   memory.c       what runs out of memory
 *   wall_clock.c   the time of day
 */
#ifndef VOW_CHAOS_PRELOAD_PRELOAD_H
#define VOW_CHAOS_PRELOAD_PRELOAD_H

#include <stdbool.h>

#include "chaos/preload/control.h"

#define TAKES_PLACE __attribute__((visibility("default")))

/* NULL = there is nothing to do. */
extern struct faults_control *preload_control;

/* A disk that is good costs one look at this. */
static inline bool preload_disk_is_bad(void)
{
    return preload_control != NULL && atomic_load_explicit(&preload_control->is_bad, memory_order_acquire) != 0;
}

void preload_hit(enum faults_kind kind);
/* A file or directory under the root. */
bool preload_is_ours(int fd);
/* `at` as openat() has it. */
bool preload_is_our_path(int at, const char *path);
/* Counts, sets errno. Returns -1. */
int preload_fail(enum faults_kind kind, int error);

#endif
