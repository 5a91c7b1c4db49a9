#include "chaos/sim/clock.h"

#include <string.h>

#include "proto/net/clock.h"

static uint64_t now_us, now_wall_us;
static struct sim_rng random_bytes;

void sim_clock_set(uint64_t monotonic_us, uint64_t wall_us)
{
    now_us = monotonic_us;
    now_wall_us = wall_us;
}

void sim_clock_set_random(struct sim_rng rng)
{
    random_bytes = rng;
}

/* All of proto/net/clock.c: the linker takes this file's functions, and so none of that one. */

uint64_t vow_clock_ms(void)
{
    return now_us / 1000;
}

uint64_t vow_clock_us(void)
{
    return now_us;
}

uint64_t vow_clock_wall_us(void)
{
    return now_wall_us;
}

struct timeval vow_clock_delay(uint64_t ms)
{
    return (struct timeval){.tv_sec = (time_t)(ms / 1000), .tv_usec = (suseconds_t)(ms % 1000 * 1000)};
}

int vow_random_bytes(void *out, unsigned long len)
{
    unsigned char *next = out;

    while (len > 0) {
        uint64_t bits = sim_rng_next(&random_bytes);
        const unsigned long part = len < sizeof(bits) ? len : sizeof(bits);

        for (unsigned long i = 0; i < part; i++)
            next[i] = (unsigned char)(bits >> 8 * i);
        next += part;
        len -= part;
    }
    return 0;
}
