#include <event2/event.h>

#include "chaos/kill/clock.h"
#include "chaos/kill/run.h"

static void on_time(void *ctx)
{
    *(bool *)ctx = true;
}

bool real_wait(struct real_run *run, bool (*is)(struct real_run *run), uint64_t ms)
{
    bool is_over = false;
    struct real_timer *timer = real_timer_new(run->base, on_time, &is_over);

    real_timer_set(timer, ms);
    while (!is(run) && !is_over && !run->is_interrupted)
        (void)event_base_loop(run->base, EVLOOP_ONCE);
    real_timer_free(timer);
    return is(run);
}
