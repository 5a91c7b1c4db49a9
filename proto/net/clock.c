#include "proto/net/clock.h"

#include <errno.h>
#include <sys/random.h>
#include <time.h>

#include "proto/error.h"
#include "proto/net/clock_manual.h"

static uint64_t read_us(clockid_t id)
{
    struct timespec now;
    clock_gettime(id, &now);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

uint64_t vow_clock_ms(void)
{
    return vow_clock_us() / 1000;
}

uint64_t vow_clock_us(void)
{
#ifdef VOW_TESTING
    if (vow_clock_is_manual())
        return vow_clock_manual_us();
#endif
    return read_us(CLOCK_MONOTONIC);
}

uint64_t vow_clock_wall_us(void)
{
#ifdef VOW_TESTING
    if (vow_clock_is_manual())
        return vow_clock_manual_wall_us();
#endif
    return read_us(CLOCK_REALTIME);
}

struct timeval vow_clock_delay(uint64_t ms)
{
    return (struct timeval){.tv_sec = (time_t)(ms / 1000), .tv_usec = (suseconds_t)(ms % 1000 * 1000)};
}

int vow_random_bytes(void *out, unsigned long len)
{
    unsigned char *next = out;
    while (len > 0) {
        const ssize_t got = getrandom(next, len, 0);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return VOW_E_SYSTEM;
        next += got;
        len -= (unsigned long)got;
    }
    return 0;
}
