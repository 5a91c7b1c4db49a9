/* Names of files, and opening them. A variadic open() takes its mode only where there is one. */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "chaos/preload/preload.h"

static bool is_refused(int at, const char *path)
{
    return preload_disk_is_bad() && atomic_load(&preload_control->is_read_only) != 0 && preload_is_our_path(at, path);
}

static int open_by(int at, const char *path, int flags, mode_t mode)
{
    const bool writes = (flags & O_ACCMODE) != O_RDONLY || (flags & (O_CREAT | O_TRUNC)) != 0;
    int fd;

    if (writes && is_refused(at, path))
        return preload_fail(FAULTS_READ_ONLY, EROFS);
    fd = (int)syscall(SYS_openat, at, path, flags, mode);
    if (fd < 0 && preload_control != NULL && (errno == EMFILE || errno == ENFILE))
        preload_hit(FAULTS_NO_DESCRIPTORS);
    return fd;
}

/* O_TMPFILE is two bits, and a directory that is opened, which has no mode, has one of them. */
static bool has_mode(int flags)
{
    return (flags & O_CREAT) != 0 || (flags & O_TMPFILE) == O_TMPFILE;
}

#define MODE_OF(flags)                                                                                                 \
    mode_t mode = 0;                                                                                                   \
    if (has_mode(flags)) {                                                                                             \
        va_list list;                                                                                                  \
        va_start(list, flags);                                                                                         \
        mode = va_arg(list, mode_t);                                                                                   \
        va_end(list);                                                                                                  \
    }

TAKES_PLACE int open(const char *path, int flags, ...)
{
    MODE_OF(flags)
    return open_by(AT_FDCWD, path, flags, mode);
}

TAKES_PLACE int open64(const char *path, int flags, ...)
{
    MODE_OF(flags)
    return open_by(AT_FDCWD, path, flags, mode);
}

TAKES_PLACE int openat(int at, const char *path, int flags, ...)
{
    MODE_OF(flags)
    return open_by(at, path, flags, mode);
}

TAKES_PLACE int openat64(int at, const char *path, int flags, ...)
{
    MODE_OF(flags)
    return open_by(at, path, flags, mode);
}

TAKES_PLACE int unlinkat(int at, const char *path, int flags)
{
    return is_refused(at, path) ? preload_fail(FAULTS_READ_ONLY, EROFS) : (int)syscall(SYS_unlinkat, at, path, flags);
}

TAKES_PLACE int unlink(const char *path)
{
    return unlinkat(AT_FDCWD, path, 0);
}

TAKES_PLACE int renameat(int from_at, const char *from, int to_at, const char *to)
{
    return is_refused(from_at, from) || is_refused(to_at, to)
               ? preload_fail(FAULTS_READ_ONLY, EROFS)
               : (int)syscall(SYS_renameat2, from_at, from, to_at, to, 0);
}

TAKES_PLACE int rename(const char *from, const char *to)
{
    return renameat(AT_FDCWD, from, AT_FDCWD, to);
}

TAKES_PLACE int mkdirat(int at, const char *path, mode_t mode)
{
    return is_refused(at, path) ? preload_fail(FAULTS_READ_ONLY, EROFS) : (int)syscall(SYS_mkdirat, at, path, mode);
}

TAKES_PLACE int mkdir(const char *path, mode_t mode)
{
    return mkdirat(AT_FDCWD, path, mode);
}

/* A disk that is nearly full says so. */
TAKES_PLACE int statvfs64(const char *path, struct statvfs64 *out)
{
    static int (*original)(const char *path, struct statvfs64 *out);
    uint64_t blocks;

    if (original == NULL)
        *(void **)&original = dlsym(RTLD_NEXT, "statvfs64");
    if (original(path, out) != 0)
        return -1;
    if (preload_disk_is_bad() && atomic_load(&preload_control->has_room) != 0 && preload_is_our_path(AT_FDCWD, path)) {
        blocks = atomic_load(&preload_control->room) / out->f_frsize;
        if (blocks < out->f_bavail)
            out->f_bavail = out->f_bfree = blocks;
    }
    return 0;
}

/* The same struct where off_t has 64 bits anyway. */
TAKES_PLACE int statvfs(const char *path, struct statvfs *out)
{
    _Static_assert(sizeof(struct statvfs) == sizeof(struct statvfs64), "one layout");
    return statvfs64(path, (struct statvfs64 *)(void *)out);
}
