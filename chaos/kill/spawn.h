/*
 * One program as a child: in a process group and a directory of its own, its output in our hands, dead when we are.
 * Nothing but what is said here is inherited: no descriptor, no blocked or ignored signal.
 */
#ifndef VOW_CHAOS_KILL_SPAWN_H
#define VOW_CHAOS_KILL_SPAWN_H

#include <stddef.h>
#include <sys/types.h>

struct real_command {
    char **argv;                  /* NULL-ended; argv[0] is a path */
    const char *directory;        /* it is there */
    const char *const *variables; /* name, value (NULL = unset), name, value, ..., NULL */
    /* In the child, as its last deed before it becomes the program: 0, or -1 and errno. NULL = none. */
    int (*enter)(const void *ctx);
    const void *enter_ctx;
};

struct real_child {
    pid_t pid;
    int pidfd;
    int out, err; /* the ends that we read, not blocking */
};

/* Returns 0; or an errno, of the child's exec() too: then there is no child. */
int real_spawn(const struct real_command *command, struct real_child *child);

/* What became of it, once its pidfd can be read: ends what is left of its process group, and takes its exit status as
 * waitpid() has it; one that cannot be learned is no success (255). Closes pidfd. */
int real_reap(struct real_child *child);

/* Children that a process had before it began, which are not ours to end. */
struct real_strangers {
    pid_t pids[64];
    size_t len;
};

/* Before the first child: from now on processes that their parents leave behind come to us, and no status is lost
 * because SIGCHLD is ignored. Returns 0; or -1 if there
 * are more strangers than can be told apart. */
int real_adopt_strays(struct real_strangers *strangers);
/* After the last child: ends all that came, and returns how many of them still ran. */
unsigned real_reap_strays(const struct real_strangers *strangers);

#endif
