#include "faults.h"

#include <errno.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>

#define INTERPOSED __attribute__((visibility("default")))

INTERPOSED int fsync(int fd);
INTERPOSED int fdatasync(int fd);
INTERPOSED ssize_t pwrite(int fd, const void *bytes, size_t len, off_t offset);
INTERPOSED ssize_t pwrite64(int fd, const void *bytes, size_t len, off64_t offset);

INTERPOSED ssize_t pread(int fd, void *bytes, size_t len, off_t offset);
INTERPOSED ssize_t pread64(int fd, void *bytes, size_t len, off64_t offset);
INTERPOSED int fstatfs(int fd, struct statfs *status);
INTERPOSED int clock_gettime(clockid_t clock, struct timespec *time);

static int64_t shift_ms;
static bool is_interrupted;
static unsigned long filesystem;
static enum fault_kind armed;
static unsigned left;
static int fault_errno;

void fault_arm(enum fault_kind kind, unsigned nth, int error)
{
    armed = kind;
    left = nth;
    fault_errno = error;
}

bool fault_disarm(void)
{
    bool was_hit = armed != FAULT_NONE && left == 0;

    armed = FAULT_NONE;
    return was_hit;
}

static bool fails(enum fault_kind kind)
{
    if (armed != kind || left == 0 || --left > 0)
        return false;
    errno = fault_errno;
    return true;
}

int fsync(int fd)
{
    return fails(FAULT_SYNC) ? -1 : (int)syscall(SYS_fsync, fd);
}

int fdatasync(int fd)
{
    return fails(FAULT_SYNC) ? -1 : (int)syscall(SYS_fdatasync, fd);
}

/* Every other call is interrupted, and what it takes is little, if that was asked for. */
static bool interrupt(size_t *len)
{
    static unsigned calls;

    if (!is_interrupted)
        return false;
    *len = *len > 100 ? 100 : *len;
    errno = EINTR;
    return ++calls % 2 == 0;
}

static ssize_t do_write(int fd, const void *bytes, size_t len, off64_t offset)
{
    if (fails(FAULT_WRITE) || interrupt(&len))
        return -1;
    return syscall(SYS_pwrite64, fd, bytes, len, offset);
}

static ssize_t do_read(int fd, void *bytes, size_t len, off64_t offset)
{
    if (fails(FAULT_READ) || interrupt(&len))
        return -1;
    return syscall(SYS_pread64, fd, bytes, len, offset);
}

ssize_t pwrite(int fd, const void *bytes, size_t len, off_t offset)
{
    return do_write(fd, bytes, len, offset);
}

ssize_t pwrite64(int fd, const void *bytes, size_t len, off64_t offset)
{
    return do_write(fd, bytes, len, offset);
}

ssize_t pread(int fd, void *bytes, size_t len, off_t offset)
{
    return do_read(fd, bytes, len, offset);
}

ssize_t pread64(int fd, void *bytes, size_t len, off64_t offset)
{
    return do_read(fd, bytes, len, offset);
}

int fstatfs(int fd, struct statfs *status)
{
    int result = (int)syscall(SYS_fstatfs, fd, status);

    if (filesystem != 0)
        status->f_type = (__typeof__(status->f_type))filesystem;
    return result;
}

void fault_interrupt(bool on)
{
    is_interrupted = on;
}

void fault_filesystem(unsigned long type)
{
    filesystem = type;
}

/* In 2027. */
#define FROZEN_S 1800000000
static bool is_frozen;

void clock_shift(int64_t ms)
{
    shift_ms += ms;
}

void clock_freeze(void)
{
    is_frozen = true;
}

int clock_gettime(clockid_t clock, struct timespec *time)
{
    int result = (int)syscall(SYS_clock_gettime, clock, time);

    if (clock == CLOCK_REALTIME && is_frozen)
        *time = (struct timespec){.tv_sec = FROZEN_S};
    if (clock == CLOCK_REALTIME) {
        time->tv_sec += shift_ms / 1000;
        time->tv_nsec += shift_ms % 1000 * 1000000;
        time->tv_sec += time->tv_nsec / 1000000000;
        time->tv_nsec %= 1000000000;
    }
    return result;
}
