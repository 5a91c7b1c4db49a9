#include "chaos/kill/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "chaos/kill/memory.h"

/* What real_reap() makes of a child whose status somebody else has taken: exit status 255, never success. */
#define UNKNOWN_STATUS (255 << 8)

/* Ends of pipes: [0] is read by us, [1] written by the child. `fail` brings the errno of a failed exec(). */
struct pipes {
    int out[2], err[2], fail[2];
};

static void close_pair(int pair[2])
{
    for (int i = 0; i < 2; i++)
        if (pair[i] >= 0)
            close(pair[i]);
}

static void close_pipes(struct pipes *pipes)
{
    close_pair(pipes->out);
    close_pair(pipes->err);
    close_pair(pipes->fail);
}

static int open_pipes(struct pipes *pipes)
{
    *pipes = (struct pipes){{-1, -1}, {-1, -1}, {-1, -1}};
    if (pipe2(pipes->out, O_CLOEXEC) == 0 && pipe2(pipes->err, O_CLOEXEC) == 0 && pipe2(pipes->fail, O_CLOEXEC) == 0)
        return 0;
    const int error = errno;
    close_pipes(pipes);
    return error;
}

/* --- In the child --- */

static void reset_signals(void)
{
    sigset_t none;

    for (int number = 1; number < NSIG; number++)
        (void)signal(number, SIG_DFL); /* fails for those that cannot be changed, which is as well */
    (void)sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
}

static int set_variables(const char *const *variables)
{
    for (; variables != NULL && *variables != NULL; variables += 2)
        if ((variables[1] != NULL ? setenv(variables[0], variables[1], 1) : unsetenv(variables[0])) != 0)
            return -1;
    return 0;
}

static int redirect(const struct pipes *pipes)
{
    const int nothing = open("/dev/null", O_RDONLY | O_CLOEXEC);

    return nothing >= 0 && dup2(nothing, STDIN_FILENO) >= 0 && dup2(pipes->out[1], STDOUT_FILENO) >= 0 &&
                   dup2(pipes->err[1], STDERR_FILENO) >= 0
               ? 0
               : -1;
}

/* It dies with the harness, also of one that died before it could ask for that. */
static int die_with(pid_t parent)
{
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0)
        return -1;
    if (getppid() == parent)
        return 0;
    errno = ESRCH;
    return -1;
}

static _Noreturn void become(const struct real_command *command, const struct pipes *pipes, pid_t parent)
{
    reset_signals();
    if (setpgid(0, 0) == 0 && die_with(parent) == 0 && redirect(pipes) == 0 && chdir(command->directory) == 0 &&
        set_variables(command->variables) == 0 && (command->enter == NULL || command->enter(command->enter_ctx) == 0))
        (void)execv(command->argv[0], command->argv);
    const int error = errno;
    ssize_t written = write(pipes->fail[1], &error, sizeof(error));
    _exit(written == sizeof(error) ? 126 : 127);
}

/* --- In the parent --- */

/* 0 once exec() has closed the pipe. */
static int wait_for_exec(int fd)
{
    int error = 0;
    ssize_t got;

    do {
        got = read(fd, &error, sizeof(error));
    } while (got < 0 && errno == EINTR);
    return got == sizeof(error) ? error : 0;
}

static int take(int *fd)
{
    const int taken = *fd;

    *fd = -1;
    (void)fcntl(taken, F_SETFL, fcntl(taken, F_GETFL) | O_NONBLOCK);
    return taken;
}

static int fork_child(const struct real_command *command, struct pipes *pipes, struct real_child *child)
{
    const pid_t parent = getpid();

    child->pid = fork();
    if (child->pid < 0)
        return errno;
    if (child->pid == 0)
        become(command, pipes, parent);
    (void)setpgid(child->pid, child->pid); /* whoever is first: a signal to the group must never miss it */
    close_pair((int[2]){pipes->out[1], pipes->err[1]});
    close(pipes->fail[1]);
    pipes->out[1] = pipes->err[1] = pipes->fail[1] = -1;
    const int error = wait_for_exec(pipes->fail[0]);
    child->pidfd = error == 0 ? pidfd_open(child->pid, 0) : -1;
    if (child->pidfd >= 0)
        return 0;
    const int why = error != 0 ? error : errno;
    (void)kill(child->pid, SIGKILL);
    (void)waitpid(child->pid, NULL, 0);
    return why;
}

int real_spawn(const struct real_command *command, struct real_child *child)
{
    struct pipes pipes;
    int error = open_pipes(&pipes);

    if (error != 0)
        return error;
    error = fork_child(command, &pipes, child);
    if (error == 0) {
        (void)fcntl(child->pidfd, F_SETFD, FD_CLOEXEC);
        child->out = take(&pipes.out[0]);
        child->err = take(&pipes.err[0]);
    }
    close_pipes(&pipes);
    return error;
}

int real_reap(struct real_child *child)
{
    int status = UNKNOWN_STATUS, one = 0;
    pid_t pid;

    /* While it is a zombie its pid is nobody else's, nor is its group; and its children are ours by now. */
    (void)kill(-child->pid, SIGKILL);
    while ((pid = waitpid(-child->pid, &one, 0)) > 0 || errno == EINTR)
        status = pid == child->pid ? one : status;
    close(child->pidfd);
    child->pidfd = -1;
    child->pid = 0;
    return status;
}

/* --- What comes to us --- */

/* Calls fn for each of our children, until it returns false. */
static void each_child(bool (*fn)(void *ctx, pid_t pid), void *ctx)
{
    char path[64], *line = NULL, *end;
    size_t size = 0;

    (void)snprintf(path, sizeof(path), "/proc/self/task/%d/children", (int)getpid());
    FILE *children = fopen(path, "re");
    if (children == NULL)
        return;
    if (getline(&line, &size, children) > 0) {
        char *at = line;
        for (long pid = strtol(at, &end, 10); end != at && fn(ctx, (pid_t)pid); pid = strtol(at, &end, 10))
            at = end;
    }
    free(line);
    (void)fclose(children);
}

static bool is_stranger(const struct real_strangers *strangers, pid_t pid)
{
    for (size_t i = 0; i < strangers->len; i++)
        if (strangers->pids[i] == pid)
            return true;
    return false;
}

static bool add_stranger(void *ctx, pid_t pid)
{
    struct real_strangers *strangers = ctx;
    const size_t max = sizeof(strangers->pids) / sizeof(strangers->pids[0]);

    if (strangers->len < max)
        strangers->pids[strangers->len] = pid;
    strangers->len++;
    return strangers->len <= max;
}

int real_adopt_strays(struct real_strangers *strangers)
{
    (void)signal(SIGCHLD, SIG_DFL); /* who ignores it, by inheritance perhaps, learns no status of any child */
    strangers->len = 0;
    each_child(add_stranger, strangers);
    return strangers->len <= sizeof(strangers->pids) / sizeof(strangers->pids[0]) ? prctl(PR_SET_CHILD_SUBREAPER, 1)
                                                                                  : -1;
}

struct stray {
    const struct real_strangers *strangers;
    pid_t pid;
};

static bool find_stray(void *ctx, pid_t pid)
{
    struct stray *stray = ctx;

    if (is_stranger(stray->strangers, pid))
        return true;
    stray->pid = pid;
    return false;
}

unsigned real_reap_strays(const struct real_strangers *strangers)
{
    struct stray stray = {.strangers = strangers};
    unsigned running = 0;

    for (each_child(find_stray, &stray); stray.pid != 0; each_child(find_stray, &stray)) {
        siginfo_t about = {.si_pid = 0};
        const bool has_ended =
            waitid(P_PID, (id_t)stray.pid, &about, WEXITED | WNOHANG | WNOWAIT) == 0 && about.si_pid != 0;
        running += !has_ended;
        (void)kill(stray.pid, SIGKILL);
        (void)waitpid(stray.pid, NULL, 0);
        stray.pid = 0;
    }
    return running;
}
