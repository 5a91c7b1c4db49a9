#include "chaos/kill/clock.h"

#include <event2/event.h>
#include <stdlib.h>
#include <time.h>

#include "chaos/kill/memory.h"

struct real_timer {
    struct event *event;
    real_timer_fn *fn;
    void *ctx;
};

uint64_t real_clock_us(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

static void on_timer(evutil_socket_t fd, short what, void *ctx)
{
    const struct real_timer *timer = ctx;

    (void)fd;
    (void)what;
    timer->fn(timer->ctx);
}

struct real_timer *real_timer_new(struct event_base *base, real_timer_fn *fn, void *ctx)
{
    struct real_timer *timer = real_need(malloc(sizeof(*timer)));

    *timer = (struct real_timer){.fn = fn, .ctx = ctx};
    timer->event = real_need(evtimer_new(base, on_timer, timer));
    return timer;
}

void real_timer_free(struct real_timer *timer)
{
    if (timer == NULL)
        return;
    event_free(timer->event);
    free(timer);
}

void real_timer_set(struct real_timer *timer, uint64_t ms)
{
    const struct timeval delay = {.tv_sec = (time_t)(ms / 1000), .tv_usec = (suseconds_t)(ms % 1000 * 1000)};

    (void)evtimer_add(timer->event, &delay);
}

void real_timer_clear(struct real_timer *timer)
{
    (void)evtimer_del(timer->event);
}
