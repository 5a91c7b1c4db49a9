#include <errno.h>
#include <linux/futex.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "chaos/preload/preload.h"

static uint64_t now_ms(void)
{
    struct timespec now;

    (void)syscall(SYS_clock_gettime, CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* Until the harness changes something, or that time is over. */
static void sleep_on(uint32_t turn, const struct timespec *most)
{
    (void)syscall(SYS_futex, &preload_control->turn, FUTEX_WAIT, turn, most, NULL, 0);
}

static void take_time(void)
{
    const uint64_t begin_ms = now_ms();

    if (atomic_load(&preload_control->sync_ms) == 0)
        return;
    preload_hit(FAULTS_SLOW_SYNC);
    for (;;) {
        const uint32_t turn = atomic_load(&preload_control->turn);
        const uint64_t end_ms = begin_ms + atomic_load(&preload_control->sync_ms), at_ms = now_ms();

        if (at_ms >= end_ms)
            return;
        sleep_on(turn, &(struct timespec){.tv_sec = (time_t)((end_ms - at_ms) / 1000),
                                          .tv_nsec = (long)((end_ms - at_ms) % 1000) * 1000000});
    }
}

static void hang(void)
{
    uint32_t turn = atomic_load(&preload_control->turn);

    if (atomic_load(&preload_control->hangs) == 0)
        return;
    preload_hit(FAULTS_SYNC_HUNG);
    while (atomic_load(&preload_control->hangs) != 0) {
        sleep_on(turn, NULL);
        turn = atomic_load(&preload_control->turn);
    }
}

static int sync_by(long call, int fd)
{
    const int before = errno;

    if (!preload_disk_is_bad() || !preload_is_ours(fd))
        return (int)syscall(call, fd);
    take_time();
    hang();
    errno = before;
    if (atomic_load(&preload_control->sync_fails) != 0)
        return preload_fail(FAULTS_SYNC_ERROR, EIO);
    return (int)syscall(call, fd);
}

TAKES_PLACE int fsync(int fd)
{
    return sync_by(SYS_fsync, fd);
}

TAKES_PLACE int fdatasync(int fd)
{
    return sync_by(SYS_fdatasync, fd);
}
