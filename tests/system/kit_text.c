/* The kit's other half: programs that run to their end, what a process has written, a socket. */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kit.h"
#include "proto/address.h"

static void read_back(int fd, char *text, size_t size)
{
    ssize_t len = pread(fd, text, size - 1, 0);
    cr_assert_geq(len, 0);
    cr_assert_lt((size_t)len, size - 1, "a program wrote more than the test has room for");
    text[len] = '\0';
    close(fd);
}

/* Files in memory and not pipes: the program can write as much as it likes before it is read. */
void run_program(struct run *run, const char *const argv[])
{
    int status, out = memfd_create("out", MFD_CLOEXEC), err = memfd_create("err", MFD_CLOEXEC);
    cr_assert(out >= 0 && err >= 0);
    pid_t pid = fork();
    cr_assert_geq(pid, 0);
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        dup2(out, STDOUT_FILENO);
        dup2(err, STDERR_FILENO);
        unsetenv("VOW_CRASH_AT");
        execv(argv[0], (char *const *)argv);
        _exit(127);
    }
    cr_assert_eq(waitpid(pid, &status, 0), pid);
    read_back(out, run->out, sizeof(run->out));
    read_back(err, run->err, sizeof(run->err));
    cr_assert(WIFEXITED(status), "%s ended by a signal: %s", argv[0], run->err);
    run->status = WEXITSTATUS(status);
}

int connect_to(const char *address)
{
    struct vow_address parsed;
    struct sockaddr_in to = {.sin_family = AF_INET};
    cr_assert_eq(vow_address_parse(address, &parsed), 0, "no address: %s", address);
    to.sin_port = htons(parsed.port);
    cr_assert_eq(inet_pton(AF_INET, parsed.host, &to.sin_addr), 1);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cr_assert_eq(connect(fd, (const struct sockaddr *)&to, sizeof(to)), 0, "%s: %s", address, strerror(errno));
    return fd;
}

static char *read_log(const struct cluster *cluster, const char *name)
{
    char path[160];
    struct stat status;
    snprintf(path, sizeof(path), "%s/%s.log", cluster->directory, name);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    cr_assert(fd >= 0 && fstat(fd, &status) == 0, "no log of %s", name);
    char *text = calloc(1, (size_t)status.st_size + 1);
    cr_assert_not_null(text);
    cr_assert_eq(pread(fd, text, (size_t)status.st_size, 0), status.st_size);
    close(fd);
    return text;
}

char *cluster_log(const struct cluster *cluster)
{
    return read_log(cluster, "vowd");
}

char *service_log(const struct cluster *cluster, uint32_t i)
{
    char name[16];
    snprintf(name, sizeof(name), "s%u", i);
    return read_log(cluster, name);
}

/* The word, if it is in the line that begins at `line`. */
static bool line_has(const char *line, const char *word)
{
    const char *at = strstr(line, word);
    return at != NULL && at < line + strcspn(line, "\n");
}

unsigned lines_with(const char *text, const char *word, const char *other)
{
    unsigned count = 0;
    for (const char *line = text; *line != '\0'; line += strspn(line, "\n")) {
        count += line_has(line, word) && line_has(line, other);
        line += strcspn(line, "\n");
    }
    return count;
}
