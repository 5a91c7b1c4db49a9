#include "chaos/preload/preload.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

struct faults_control *preload_control;

__attribute__((constructor)) static void find_control(void)
{
    const char *file = getenv(FAULTS_VARIABLE);
    struct faults_control *control;
    int fd;

    if (file == NULL)
        return;
    fd = (int)syscall(SYS_openat, AT_FDCWD, file, O_RDWR | O_CLOEXEC, 0);
    if (fd < 0)
        return;
    control = mmap(NULL, sizeof(*control), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    if (control != MAP_FAILED && control->magic == FAULTS_MAGIC)
        preload_control = control;
}

void preload_hit(enum faults_kind kind)
{
    atomic_fetch_add(&preload_control->hits[kind], 1);
}

int preload_fail(enum faults_kind kind, int error)
{
    preload_hit(kind);
    errno = error;
    return -1;
}

static bool is_under_root(const char *path)
{
    const size_t len = strlen(preload_control->root);

    return strncmp(path, preload_control->root, len) == 0 && (path[len] == '/' || path[len] == '\0');
}

/* What the kernel calls it. */
static bool read_name(const char *link, char path[PATH_MAX])
{
    const int before = errno;
    const ssize_t len = readlink(link, path, PATH_MAX - 1);

    errno = before;
    path[len > 0 ? len : 0] = '\0';
    return len > 0;
}

bool preload_is_ours(int fd)
{
    char link[64], path[PATH_MAX];

    (void)snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
    return read_name(link, path) && is_under_root(path);
}

bool preload_is_our_path(int at, const char *path)
{
    char link[64] = "/proc/self/cwd", folder[PATH_MAX];
    size_t len;

    if (path[0] == '/')
        return is_under_root(path);
    if (at != AT_FDCWD)
        (void)snprintf(link, sizeof(link), "/proc/self/fd/%d", at);
    if (!read_name(link, folder))
        return false;
    len = strlen(folder);
    (void)snprintf(folder + len, sizeof(folder) - len, "/%s", path);
    return is_under_root(folder);
}
