/*
 * The guard kills what is left of a run whose harness has died (guard.h says why there is one). It looks through /proc
 * for the run's mark, again and again until a round finds nobody: who forks while it looks has a child that the next
 * round finds. What it cannot read is another user's, and so not ours.
 */
#include "chaos/kill/guard.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/random.h>
#include <sys/wait.h>
#include <unistd.h>

#include "chaos/kill/memory.h"

#define ENVIRONMENT_MAX (1 << 20) /* more is no mark of ours: it stands where the parent had put it */
#define MARK_SIZE 48
#define ROUNDS_MAX 1000
#define ROUND_MS 10

/* --- In the guard --- */

/* Among the marks of a variable: a harness that another one has started adds its own. */
static bool has_mark(const char *environment, size_t len, const char *mark)
{
    static const char name[] = REAL_GUARD_VARIABLE "=";

    for (size_t at = 0; at < len; at += strlen(environment + at) + 1)
        if (strncmp(environment + at, name, sizeof(name) - 1) == 0)
            return strstr(environment + at, mark) != NULL;
    return false;
}

/* Of a zombie it is empty. */
static bool is_marked(const char *pid, const char *mark, char environment[ENVIRONMENT_MAX + 1])
{
    char path[300];
    size_t len = 0;
    ssize_t got = 0;

    (void)snprintf(path, sizeof(path), "/proc/%s/environ", pid);
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    do {
        got = read(fd, environment + len, ENVIRONMENT_MAX - len);
        len += got > 0 ? (size_t)got : 0;
    } while (got > 0 || (got < 0 && errno == EINTR));
    close(fd);
    environment[len] = '\0';
    return has_mark(environment, len, mark);
}

/* By a descriptor that was opened before it was looked at: never another process that got its number meanwhile. */
static bool end_if_marked(const char *pid, const char *mark, char environment[ENVIRONMENT_MAX + 1])
{
    const pid_t number = (pid_t)strtol(pid, NULL, 10);
    const int fd = number != getpid() ? pidfd_open(number, 0) : -1;

    if (fd < 0)
        return false;
    const bool is_ended = is_marked(pid, mark, environment) && pidfd_send_signal(fd, SIGKILL, NULL, 0) == 0;
    close(fd);
    return is_ended;
}

/* How many there were. One that forks just now has a child that the next round finds. */
static size_t end_marked(const char *mark)
{
    static char environment[ENVIRONMENT_MAX + 1];
    DIR *processes = opendir("/proc");
    const struct dirent *at;
    size_t ended = 0;

    while (processes != NULL && (at = readdir(processes)) != NULL)
        if (isdigit((unsigned char)at->d_name[0]))
            ended += end_if_marked(at->d_name, mark, environment);
    if (processes != NULL)
        (void)closedir(processes);
    return ended;
}

/* Out of the harness's session, with nothing of it open: who reads its output waits for it alone. */
static void leave(int fd)
{
    const int nothing = open("/dev/null", O_RDWR | O_CLOEXEC);

    (void)setsid();
    for (int number = 1; number < NSIG; number++)
        (void)signal(number, SIG_IGN);
    if (chdir("/") != 0 || dup2(fd, STDIN_FILENO) < 0 || dup2(nothing, STDOUT_FILENO) < 0 ||
        dup2(nothing, STDERR_FILENO) < 0)
        _exit(1);
    (void)close_range(STDERR_FILENO + 1, ~0U, 0);
}

static _Noreturn void guard(int fd, const char *mark)
{
    char word;
    ssize_t got;

    leave(fd);
    do {
        got = read(STDIN_FILENO, &word, 1);
    } while (got < 0 && errno == EINTR);
    for (int round = 0; got == 0 && round < ROUNDS_MAX && end_marked(mark) > 0; round++)
        (void)poll(NULL, 0, ROUND_MS);
    _exit(0);
}

/* --- In the harness --- */

static int set_mark(const char *outer, char mark[MARK_SIZE])
{
    unsigned long long luck;
    char marks[512];

    if (getrandom(&luck, sizeof(luck), 0) != sizeof(luck))
        return errno;
    (void)snprintf(mark, MARK_SIZE, "%ld-%016llx", (long)getpid(), luck);
    (void)snprintf(marks, sizeof(marks), "%s%s%s", mark, outer != NULL ? "," : "", outer != NULL ? outer : "");
    return setenv(REAL_GUARD_VARIABLE, marks, 1) == 0 ? 0 : errno;
}

static void take_mark_back(struct real_guard *guarded)
{
    if (guarded->outer != NULL)
        (void)setenv(REAL_GUARD_VARIABLE, guarded->outer, 1);
    else
        (void)unsetenv(REAL_GUARD_VARIABLE);
    free(guarded->outer);
    guarded->outer = NULL;
}

static int start(struct real_guard *guarded, const char *mark)
{
    int ends[2];

    if (pipe2(ends, O_CLOEXEC) != 0)
        return errno;
    const pid_t pid = fork();
    const int error = pid < 0 ? errno : 0;
    if (pid == 0)
        guard(ends[0], mark);
    close(ends[0]);
    if (error != 0)
        close(ends[1]);
    else
        *guarded = (struct real_guard){.pid = pid, .fd = ends[1], .outer = guarded->outer};
    return error;
}

int real_guard_open(struct real_guard *guarded)
{
    const char *outer = getenv(REAL_GUARD_VARIABLE);
    char mark[MARK_SIZE];

    *guarded = (struct real_guard){.fd = -1, .outer = outer != NULL ? real_need(strdup(outer)) : NULL};
    int error = set_mark(guarded->outer, mark);
    if (error == 0)
        error = start(guarded, mark);
    if (error != 0)
        take_mark_back(guarded);
    return error;
}

void real_guard_close(struct real_guard *guarded)
{
    if (guarded->pid == 0)
        return;
    ssize_t written = write(guarded->fd, "", 1);
    (void)written; /* it is dead, or it reads that */
    close(guarded->fd);
    while (waitpid(guarded->pid, NULL, 0) < 0 && errno == EINTR)
        ;
    guarded->pid = 0;
    take_mark_back(guarded);
}
