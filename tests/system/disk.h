/* The disk under vowd, which a test spoils and mends while vowd runs (chaos/preload). */
#ifndef VOW_TESTS_SYSTEM_DISK_H
#define VOW_TESTS_SYSTEM_DISK_H

#include <stdbool.h>

#include "chaos/preload/faults.h"
#include "kit.h"

/* Between cluster_init() and the start of vowd. What is under the cluster's directory is on it. */
struct faults *disk_new(struct cluster *cluster);
/* Mended before. */
void disk_free(struct faults *disk);
/* From now on what vowd syncs waits (fault F119); or goes on. */
void disk_hang(struct faults *disk, bool hangs);

#endif
