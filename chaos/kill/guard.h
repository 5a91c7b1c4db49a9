/*
 * Nothing that a run has started may outlive it: a node that went on would keep its port and its files, and nobody
 * would know of it. Who ends what depends on how the harness ends:
 *
 * - It ends well, or by a signal that it handles: then it ends all itself, also what nodes have left behind (spawn.h).
 * - It is killed, and can end nobody. Its own children, the nodes and loads, are killed by the kernel, for they have
 *   asked for that at their start (PR_SET_PDEATHSIG). Their children in turn, such as what a shell of a node runs in
 *   the background, have not asked for it, and would go on.
 * - Those are why there is a guard: a process that the harness starts before all others, and that does nothing but
 *   wait for the harness's end, at a pipe. A byte says that all is well: the guard goes. The end of the pipe without a
 *   byte says that the harness is dead: the guard kills what is left of the run, and goes.
 *
 * It knows what is of the run by a mark in the environment, VOW_CHAOS_RUN, with a number that was drawn for this run.
 * A child has its environment from its parent, so whatever stems from the run has the mark, and nothing else has. A
 * process that has cleared its environment is not found.
 */
#ifndef VOW_CHAOS_KILL_GUARD_H
#define VOW_CHAOS_KILL_GUARD_H

#include <sys/types.h>

#define REAL_GUARD_VARIABLE "VOW_CHAOS_RUN"

struct real_guard {
    pid_t pid;   /* 0 = there is none */
    int fd;      /* of the pipe; the kernel closes it when we die, whatever of */
    char *outer; /* the mark that this process has of a harness that has started it; NULL = none */
};

/* Before the first child, and before real_adopt_strays(), which must not take the guard for something that a node has
 * left. From now on children have the mark. 0, or an errno. */
int real_guard_open(struct real_guard *guard);
/* After the last child has ended: the guard goes, and kills nobody. */
void real_guard_close(struct real_guard *guard);

#endif
