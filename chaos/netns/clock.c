/* Real time, for real packets: the rest of vow-chaos has the simulator's clock in it (chaos/proxy/clock.c). */
#include <time.h>

#include "chaos/netns/netns_private.h"

uint64_t netns_now_us(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

struct event *netns_timer_new(struct netns *netns, event_callback_fn fn, void *ctx)
{
    return evtimer_new(netns->base, fn, ctx);
}

void netns_timer_set(struct event *timer, uint64_t us)
{
    const struct timeval wait = {.tv_sec = (time_t)(us / 1000000), .tv_usec = (suseconds_t)(us % 1000000)};

    (void)evtimer_add(timer, &wait);
}
