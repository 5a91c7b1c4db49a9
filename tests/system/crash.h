/* What must hold when a process has died at a crash point and is back. */
#ifndef VOW_TESTS_SYSTEM_CRASH_H
#define VOW_TESTS_SYSTEM_CRASH_H

#include "kit.h"

/* An outcome that docs/faults.md demands; EITHER where it leaves both open, as long as all nodes agree. */
enum { ABORT = VOW_ABORTED, COMMIT = VOW_COMMITTED, EITHER = 0 };

/*
 * The transaction, the first one of the cluster, ends with the expected outcome, everywhere or nowhere, and the cluster
 * goes on to commit another one. Ends the cluster.
 */
void expect_crash_survived(struct cluster *cluster, struct commit *commit, const char *point, int expected);

#endif
