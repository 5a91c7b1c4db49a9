#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

#include "chaos/preload/preload.h"

/* Takes up to `wanted` bytes of the room that is left. Returns how many there were. */
static uint64_t take_room(uint64_t wanted)
{
    uint64_t left = atomic_load(&preload_control->room), taken;

    do {
        taken = wanted < left ? wanted : left;
    } while (!atomic_compare_exchange_weak(&preload_control->room, &left, left - taken));
    return taken;
}

static void give_room_back(uint64_t room)
{
    (void)atomic_fetch_add(&preload_control->room, room);
}

static uint64_t size_of(int fd)
{
    struct stat about;

    return fstat(fd, &about) == 0 ? (uint64_t)about.st_size : 0;
}

/* A write under way that makes its file longer. */
struct growth {
    uint64_t at, size, taken;
};

/* How many of the bytes may be written: those within the file, and as many more as room is taken for. */
static size_t fit(struct growth *growth, size_t len)
{
    const uint64_t end = growth->at + len, wanted = end > growth->size ? end - growth->size : 0;

    if (atomic_load(&preload_control->has_room) == 0 || wanted == 0)
        return len;
    growth->taken = take_room(wanted);
    if (growth->taken == wanted)
        return len;
    preload_hit(FAULTS_NO_SPACE);
    return wanted - growth->taken < len ? len - (size_t)(wanted - growth->taken) : 0;
}

/* What was not written, for it failed or was done in part, has made nothing longer. */
static ssize_t settle(const struct growth *growth, ssize_t written)
{
    const uint64_t end = growth->at + (written > 0 ? (uint64_t)written : 0);
    const uint64_t used = written > 0 && end > growth->size ? end - growth->size : 0;

    if (used < growth->taken)
        give_room_back(growth->taken - used);
    return written;
}

/* 0 = go on; else -1, with errno. */
static int meet(int fd, bool is_write)
{
    if (!preload_is_ours(fd))
        return 0;
    if (is_write && atomic_load(&preload_control->is_read_only) != 0)
        return preload_fail(FAULTS_READ_ONLY, EROFS);
    if (is_write && atomic_load(&preload_control->write_fails) != 0)
        return preload_fail(FAULTS_WRITE_ERROR, EIO);
    if (!is_write && atomic_load(&preload_control->read_fails) != 0)
        return preload_fail(FAULTS_READ_ERROR, EIO);
    return 0;
}

/* The place that write() writes at. */
static uint64_t place_of(int fd)
{
    const int flags = fcntl(fd, F_GETFL);

    return flags >= 0 && (flags & O_APPEND) != 0 ? size_of(fd) : (uint64_t)lseek(fd, 0, SEEK_CUR);
}

/* at: -1 = where write() writes. */
static ssize_t write_at(int fd, const void *bytes, size_t len, off_t at)
{
    return at < 0 ? syscall(SYS_write, fd, bytes, len) : syscall(SYS_pwrite64, fd, bytes, len, at);
}

/* Likewise. */
static ssize_t write_on_bad_disk(int fd, const void *bytes, size_t len, off_t at)
{
    struct growth growth;

    if (meet(fd, true) != 0)
        return -1;
    if (len == 0 || !preload_is_ours(fd))
        return write_at(fd, bytes, len, at);
    growth = (struct growth){.at = at < 0 ? place_of(fd) : (uint64_t)at, .size = size_of(fd), .taken = 0};
    len = fit(&growth, len);
    if (len > 0)
        return settle(&growth, write_at(fd, bytes, len, at));
    errno = ENOSPC;
    return settle(&growth, -1);
}

TAKES_PLACE ssize_t pwrite64(int fd, const void *bytes, size_t len, off_t at)
{
    if (at < 0 || !preload_disk_is_bad())
        return syscall(SYS_pwrite64, fd, bytes, len, at);
    return write_on_bad_disk(fd, bytes, len, at);
}

TAKES_PLACE ssize_t pwrite(int fd, const void *bytes, size_t len, off_t at)
{
    return pwrite64(fd, bytes, len, at);
}

TAKES_PLACE ssize_t write(int fd, const void *bytes, size_t len)
{
    return preload_disk_is_bad() ? write_on_bad_disk(fd, bytes, len, -1) : syscall(SYS_write, fd, bytes, len);
}

TAKES_PLACE ssize_t pread64(int fd, void *bytes, size_t len, off_t at)
{
    return preload_disk_is_bad() && meet(fd, false) != 0 ? -1 : syscall(SYS_pread64, fd, bytes, len, at);
}

TAKES_PLACE ssize_t pread(int fd, void *bytes, size_t len, off_t at)
{
    return pread64(fd, bytes, len, at);
}

TAKES_PLACE ssize_t read(int fd, void *bytes, size_t len)
{
    return preload_disk_is_bad() && meet(fd, false) != 0 ? -1 : syscall(SYS_read, fd, bytes, len);
}

TAKES_PLACE int ftruncate64(int fd, off_t size)
{
    return preload_disk_is_bad() && meet(fd, true) != 0 ? -1 : (int)syscall(SYS_ftruncate, fd, size);
}

TAKES_PLACE int ftruncate(int fd, off_t size)
{
    return ftruncate64(fd, size);
}

/* All of it or nothing: what a full disk has left is still there for others. Only what makes the file longer takes
 * room; a hole gives none back, for the file stays as long as it was. */
static int allocate_room(int fd, int mode, off_t at, off_t len)
{
    const uint64_t size = size_of(fd), end = (uint64_t)at + (uint64_t)len, wanted = end > size ? end - size : 0;
    uint64_t had;

    if (atomic_load(&preload_control->has_room) == 0 || wanted == 0 || (mode & FALLOC_FL_KEEP_SIZE) != 0)
        return (int)syscall(SYS_fallocate, fd, mode, at, len);
    had = take_room(wanted);
    if (had < wanted) {
        give_room_back(had);
        return preload_fail(FAULTS_NO_SPACE, ENOSPC);
    }
    if (syscall(SYS_fallocate, fd, mode, at, len) == 0)
        return 0;
    give_room_back(had);
    return -1;
}

TAKES_PLACE int fallocate64(int fd, int mode, off_t at, off_t len)
{
    if (!preload_disk_is_bad() || !preload_is_ours(fd) || at < 0 || len <= 0)
        return (int)syscall(SYS_fallocate, fd, mode, at, len);
    return meet(fd, true) != 0 ? -1 : allocate_room(fd, mode, at, len);
}

TAKES_PLACE int fallocate(int fd, int mode, off_t at, off_t len)
{
    return fallocate64(fd, mode, at, len);
}

/* As the standard has it: the error is what it returns. */
TAKES_PLACE int posix_fallocate64(int fd, off_t at, off_t len)
{
    const int before = errno;
    const int error = fallocate64(fd, 0, at, len) == 0 ? 0 : errno;

    errno = before;
    return error;
}

TAKES_PLACE int posix_fallocate(int fd, off_t at, off_t len)
{
    return posix_fallocate64(fd, at, len);
}
