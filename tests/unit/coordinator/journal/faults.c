#include "faults.h"

#include <errno.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define INTERPOSED __attribute__((visibility("default")))

INTERPOSED int fsync(int fd);
INTERPOSED int fdatasync(int fd);
INTERPOSED ssize_t pwrite(int fd, const void *bytes, size_t len, off_t offset);
INTERPOSED ssize_t pwrite64(int fd, const void *bytes, size_t len, off64_t offset);

INTERPOSED int clock_gettime(clockid_t clock, struct timespec *time);

static int64_t shift_ms;
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

ssize_t pwrite(int fd, const void *bytes, size_t len, off_t offset)
{
    return fails(FAULT_WRITE) ? -1 : syscall(SYS_pwrite64, fd, bytes, len, offset);
}

ssize_t pwrite64(int fd, const void *bytes, size_t len, off64_t offset)
{
    return fails(FAULT_WRITE) ? -1 : syscall(SYS_pwrite64, fd, bytes, len, offset);
}

void clock_shift(int64_t ms)
{
    shift_ms += ms;
}

int clock_gettime(clockid_t clock, struct timespec *time)
{
    int result = (int)syscall(SYS_clock_gettime, clock, time);

    if (clock == CLOCK_REALTIME) {
        time->tv_sec += shift_ms / 1000;
        time->tv_nsec += shift_ms % 1000 * 1000000;
        time->tv_sec += time->tv_nsec / 1000000000;
        time->tv_nsec %= 1000000000;
    }
    return result;
}
