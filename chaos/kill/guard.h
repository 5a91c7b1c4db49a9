/*
 * What a run has started does not outlive it, however it ends. A harness that ends well ends all itself; of one that is
 * killed, its children die by themselves (spawn.c), and what these have started is ended by a guard: a process that
 * does nothing but wait for the end of the harness. It knows them by a mark in their environment, which is of this run
 * alone and which a child has from its parent; a process that clears its environment is not found.
 */
#ifndef VOW_CHAOS_KILL_GUARD_H
#define VOW_CHAOS_KILL_GUARD_H

#include <sys/types.h>

#define REAL_GUARD_VARIABLE "VOW_CHAOS_RUN"

struct real_guard {
    pid_t pid;   /* 0 = there is none */
    int fd;      /* of a pipe whose end tells the guard that we are dead */
    char *outer; /* the mark that this process has of a harness that has started it; NULL = none */
};

/* Before the first child, and before real_adopt_strays(), for which it is a stranger. From now on children have the
 * mark. 0, or an errno. */
int real_guard_open(struct real_guard *guard);
/* After the last: it ends, and ends nobody. */
void real_guard_close(struct real_guard *guard);

#endif
