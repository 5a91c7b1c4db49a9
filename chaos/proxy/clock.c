/* Real time. vow-chaos has the simulator's clock in it, in whose place proto/net/clock.c tells a world's time; so links
 * between real processes ask the kernel. */
#include <event2/event.h>
#include <time.h>

#include "chaos/proxy/proxy_private.h"
#include "proto/error.h"

/* Time-outs of a loop that waits for days are cut short: it looks again then. */
#define WAIT_MAX_US UINT64_C(3600000000)

uint64_t proxy_now_us(const struct proxy *proxy)
{
    struct timespec now;

    if (proxy->options.now_us != NULL)
        return proxy->options.now_us(proxy->options.ctx);
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

static void on_time(evutil_socket_t fd, short what, void *ctx)
{
    (void)fd, (void)what;
    proxy_tick(ctx);
}

int proxy_timer_open(struct proxy *proxy)
{
    if (proxy->options.now_us != NULL)
        return 0;
    proxy->timer = evtimer_new(proxy->options.base, on_time, proxy);
    return proxy->timer != NULL ? 0 : VOW_E_NO_MEMORY;
}

void proxy_timer_arm(struct proxy *proxy)
{
    const uint64_t due_us = proxy_deadline_us(proxy), now_us = proxy_now_us(proxy);
    uint64_t wait_us = due_us > now_us ? due_us - now_us : 0;
    struct timeval wait;

    if (proxy->timer == NULL)
        return;
    if (due_us == PROXY_NEVER) {
        (void)evtimer_del(proxy->timer);
        return;
    }
    wait_us = wait_us < WAIT_MAX_US ? wait_us : WAIT_MAX_US;
    wait = (struct timeval){.tv_sec = (time_t)(wait_us / 1000000), .tv_usec = (suseconds_t)(wait_us % 1000000)};
    (void)evtimer_add(proxy->timer, &wait);
}
