/* The time of day, and nothing else that is called time. Whoever waits until a time of day waits by the true one. */
#include <errno.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "chaos/preload/preload.h"

static int64_t offset_us(void)
{
    const int64_t us = preload_control != NULL ? atomic_load(&preload_control->clock_us) : 0;

    if (us != 0)
        preload_hit(FAULTS_CLOCK_JUMP);
    return us;
}

static void move(struct timespec *time, int64_t us)
{
    int64_t ns = time->tv_nsec + us % 1000000 * 1000;

    time->tv_sec += us / 1000000;
    if (ns < 0) {
        ns += 1000000000;
        time->tv_sec--;
    } else if (ns >= 1000000000) {
        ns -= 1000000000;
        time->tv_sec++;
    }
    time->tv_nsec = (long)ns;
}

TAKES_PLACE int clock_gettime(clockid_t clock, struct timespec *time)
{
    const int rc = (int)syscall(SYS_clock_gettime, clock, time);

    if (rc == 0 && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE))
        move(time, offset_us());
    return rc;
}

TAKES_PLACE int gettimeofday(struct timeval *restrict time, void *restrict zone)
{
    struct timespec now;

    (void)zone;
    if (clock_gettime(CLOCK_REALTIME, &now) != 0)
        return -1;
    *time = (struct timeval){.tv_sec = now.tv_sec, .tv_usec = now.tv_nsec / 1000};
    return 0;
}

TAKES_PLACE time_t time(time_t *out)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_REALTIME, &now);
    if (out != NULL)
        *out = now.tv_sec;
    return now.tv_sec;
}
