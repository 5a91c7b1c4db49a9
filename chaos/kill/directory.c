#include "chaos/kill/directory.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

int real_directory_make(const char *path)
{
    char part[PATH_MAX];

    if ((size_t)snprintf(part, sizeof(part), "%s", path) >= sizeof(part))
        return ENAMETOOLONG;
    for (char *at = part + 1; *at != '\0'; at++) {
        if (*at != '/')
            continue;
        *at = '\0';
        if (mkdir(part, 0777) != 0 && errno != EEXIST)
            return errno;
        *at = '/';
    }
    return mkdir(part, 0777) == 0 || errno == EEXIST ? 0 : errno;
}

/* Calls fn for the path of each entry; the first error ends it. */
static int each_entry(const char *path, int (*fn)(const char *entry, const char *name, void *ctx), void *ctx)
{
    char entry[PATH_MAX];
    const struct dirent *at;
    int error = 0;
    DIR *directory = opendir(path);

    if (directory == NULL)
        return errno;
    while (error == 0 && (at = readdir(directory)) != NULL) {
        if (strcmp(at->d_name, ".") == 0 || strcmp(at->d_name, "..") == 0)
            continue;
        if ((size_t)snprintf(entry, sizeof(entry), "%s/%s", path, at->d_name) >= sizeof(entry))
            error = ENAMETOOLONG;
        else
            error = fn(entry, at->d_name, ctx);
    }
    closedir(directory);
    return error;
}

static int refuse(const char *entry, const char *name, void *ctx)
{
    (void)entry;
    (void)name;
    (void)ctx;
    return ENOTEMPTY;
}

int real_directory_is_free(const char *path)
{
    const int error = each_entry(path, refuse, NULL);

    return error == ENOENT ? 0 : error;
}

/* As deep as the directories are. */
static int remove_entry(const char *entry, const char *name, void *ctx) /* NOLINT(misc-no-recursion) */
{
    struct stat about;
    int error = 0;

    (void)name;
    (void)ctx;
    if (lstat(entry, &about) != 0)
        return errno;
    if (S_ISDIR(about.st_mode) && (error = each_entry(entry, remove_entry, NULL)) != 0)
        return error;
    return (S_ISDIR(about.st_mode) ? rmdir(entry) : unlink(entry)) == 0 ? 0 : errno;
}

int real_directory_empty(const char *path)
{
    return each_entry(path, remove_entry, NULL);
}

static int copy_bytes(int from, int to)
{
    ssize_t sent;

    do {
        sent = sendfile(to, from, NULL, 1 << 20);
    } while (sent > 0 || (sent < 0 && errno == EINTR));
    return sent == 0 ? 0 : errno;
}

static int copy_file(const char *from, const char *to, mode_t mode)
{
    const int in = open(from, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    const int out = in >= 0 ? open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode & 0777) : -1;
    int error = out >= 0 ? copy_bytes(in, out) : errno;

    if (out >= 0 && close(out) != 0 && error == 0)
        error = errno;
    if (in >= 0)
        close(in);
    return error;
}

static int copy_entry(const char *entry, const char *name, void *ctx) /* NOLINT(misc-no-recursion) */
{
    char to[PATH_MAX];
    struct stat about;

    if ((size_t)snprintf(to, sizeof(to), "%s/%s", (const char *)ctx, name) >= sizeof(to))
        return ENAMETOOLONG;
    if (lstat(entry, &about) != 0)
        return errno;
    if (S_ISREG(about.st_mode))
        return copy_file(entry, to, about.st_mode);
    if (!S_ISDIR(about.st_mode))
        return 0; /* sockets and pipes are made anew by whoever needs them */
    const int error = real_directory_make(to);
    return error != 0 ? error : each_entry(entry, copy_entry, to);
}

int real_directory_copy(const char *from, const char *to)
{
    int error = real_directory_make(to);

    if (error == 0)
        error = real_directory_empty(to);
    return error != 0 ? error : each_entry(from, copy_entry, (void *)to);
}
