#include "proto/net/timer.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/timerfd.h>
#include <unistd.h>
#include <utlist.h>

#include <event2/event.h>

#include "proto/assert.h"
#include "proto/error.h"
#include "proto/net/clock.h"
#include "proto/net/clock_manual.h"

#define NO_MEMORY_PAUSE_US 10000

struct vow_timers {
    struct event readable;
    int fd;
    struct vow_timer *first;   /* a ring by due_ms: new ones are mostly the latest, so they are put in from the end */
    _Atomic uint64_t armed_ms; /* what the descriptor is set to; UINT64_MAX = nothing */
    uint64_t round;            /* counts the turns in which timers were run */
#ifdef VOW_TESTING
    bool is_manual; /* time is moved by hand: the descriptor shows nothing but what manual.c wants */
    struct vow_clock_keeper keeper;
    vow_timers_run_fn *run;
    void *run_ctx;
    pthread_mutex_t lock; /* for the two below */
    pthread_cond_t turned;
    unsigned long long asked, answered; /* turns */
#endif
};

#ifdef VOW_TESTING

/* --- Time that is moved by hand (proto/net/clock_manual.h) --- */

static void show(struct vow_timers *timers)
{
    const struct itimerspec at_once = {.it_value = {.tv_nsec = 1}};

    (void)timerfd_settime(timers->fd, 0, &at_once, NULL);
}

static uint64_t keeper_due_ms(void *ctx)
{
    struct vow_timers *timers = ctx;

    return atomic_load(&timers->armed_ms);
}

static void keeper_ring(void *ctx)
{
    show(ctx);
}

/* Waits for one turn of the loop: what had come before it began is done in it. */
static void keeper_settle(void *ctx)
{
    struct vow_timers *timers = ctx;
    unsigned long long ticket;

    if (timers->run != NULL && timers->run(timers->run_ctx))
        return;
    pthread_mutex_lock(&timers->lock);
    ticket = ++timers->asked;
    show(timers);
    while (timers->answered < ticket)
        pthread_cond_wait(&timers->turned, &timers->lock);
    pthread_mutex_unlock(&timers->lock);
}

static void answer_keeper(struct vow_timers *timers)
{
    pthread_mutex_lock(&timers->lock);
    timers->answered = timers->asked;
    pthread_cond_broadcast(&timers->turned);
    pthread_mutex_unlock(&timers->lock);
}

static void join_clock(struct vow_timers *timers)
{
    timers->is_manual = vow_clock_is_manual();
    if (!timers->is_manual)
        return;
    pthread_mutex_init(&timers->lock, NULL);
    pthread_cond_init(&timers->turned, NULL);
    timers->keeper =
        (struct vow_clock_keeper){.due_ms = keeper_due_ms, .ring = keeper_ring, .settle = keeper_settle, .ctx = timers};
    vow_clock_join(&timers->keeper);
}

static void leave_clock(struct vow_timers *timers)
{
    if (!timers->is_manual)
        return;
    vow_clock_leave(&timers->keeper);
    pthread_cond_destroy(&timers->turned);
    pthread_mutex_destroy(&timers->lock);
}

#else
#define join_clock(timers) ((void)0)
#define leave_clock(timers) ((void)0)
#endif

/* --- Sets --- */

/* An absolute time, so that nothing is lost between reading the clock and setting it. 0 would disarm. */
static void set_descriptor(struct vow_timers *timers)
{
    const uint64_t due_ms = timers->first != NULL ? timers->first->due_ms : UINT64_MAX;
    struct itimerspec when = {.it_value = {.tv_sec = 0}};

    if (due_ms == atomic_load_explicit(&timers->armed_ms, memory_order_relaxed))
        return;
    atomic_store(&timers->armed_ms, due_ms);
#ifdef VOW_TESTING
    if (timers->is_manual) {
        if (due_ms <= vow_clock_ms())
            show(timers);
        return;
    }
#endif
    if (due_ms != UINT64_MAX) {
        when.it_value.tv_sec = (time_t)(due_ms / 1000);
        when.it_value.tv_nsec = (long)(due_ms % 1000) * 1000000 + 1;
    }
    (void)timerfd_settime(timers->fd, TFD_TIMER_ABSTIME, &when, NULL);
}

static void take_out(struct vow_timers *timers, struct vow_timer *timer)
{
    if (timer->is_armed)
        DL_DELETE(timers->first, timer);
    timer->is_armed = false;
}

static void put_in(struct vow_timers *timers, struct vow_timer *timer)
{
    struct vow_timer *before = timers->first != NULL ? timers->first->prev : NULL;

    while (before != NULL && before->due_ms > timer->due_ms)
        before = before != timers->first ? before->prev : NULL;
    if (before == NULL)
        DL_PREPEND(timers->first, timer);
    else
        DL_APPEND_ELEM(timers->first, before, timer);
    timer->is_armed = true;
    timer->round = timers->round;
}

/* What a callback arms for at once waits for the next turn: a timer must not keep the loop from its other work. */
static void run_due(struct vow_timers *timers)
{
    const uint64_t now_ms = vow_clock_ms();

    timers->round++;
    while (timers->first != NULL && timers->first->due_ms <= now_ms && timers->first->round != timers->round) {
        struct vow_timer *timer = timers->first;

        take_out(timers, timer);
        vow_clock_stir();
        timer->fn(timer->ctx);
    }
}

static void on_readable(evutil_socket_t fd, short what, void *ctx)
{
    struct vow_timers *timers = ctx;
    uint64_t count;
    const ssize_t got = read(fd, &count, sizeof(count));

    (void)what, (void)got;
    run_due(timers);
    atomic_store(&timers->armed_ms, UINT64_MAX);
    set_descriptor(timers);
#ifdef VOW_TESTING
    if (timers->is_manual)
        answer_keeper(timers);
#endif
}

int vow_timers_new(struct event_base *base, struct vow_timers **out)
{
    struct vow_timers *timers = calloc(1, sizeof(*timers));
    int error = VOW_E_SYSTEM;

    *out = NULL;
    if (timers == NULL)
        return VOW_E_NO_MEMORY;
    atomic_store(&timers->armed_ms, UINT64_MAX);
    timers->fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    if (timers->fd < 0)
        goto err_free;
    error = VOW_E_NO_MEMORY;
    if (event_assign(&timers->readable, base, timers->fd, EV_READ | EV_PERSIST, on_readable, timers) != 0 ||
        event_add(&timers->readable, NULL) != 0)
        goto err_close;
    join_clock(timers);
    *out = timers;
    return 0;

err_close:
    close(timers->fd);
err_free:
    free(timers);
    return error;
}

void vow_timers_free(struct vow_timers *timers)
{
    if (timers == NULL)
        return;
    VOW_ASSERT(timers->first == NULL);
    leave_clock(timers);
    (void)event_del(&timers->readable);
    close(timers->fd);
    free(timers);
}

void vow_timers_set_runner(struct vow_timers *timers, vow_timers_run_fn *run, void *ctx)
{
#ifdef VOW_TESTING
    timers->run = run;
    timers->run_ctx = ctx;
#else
    (void)timers, (void)run, (void)ctx;
#endif
}

/* --- Timers --- */

static void on_libevent(evutil_socket_t fd, short what, void *ctx)
{
    struct vow_timer *timer = ctx;

    (void)fd, (void)what;
    timer->fn(timer->ctx);
}

static void on_finalized(struct event *event, void *ctx)
{
    struct vow_timer *timer = ctx;

    (void)event;
    timer->fn(timer->ctx);
}

void vow_timer_init(struct vow_timer *timer, struct event_base *base, struct vow_timers *timers, vow_timer_fn *fn,
                    void *ctx)
{
    *timer = (struct vow_timer){.timers = timers, .fn = fn, .ctx = ctx};
    (void)evtimer_assign(&timer->event, base, on_libevent, timer);
}

/* Without memory libevent cannot wait. Too early is looked at again, never is not. As long as there is none at all this
 * goes round and round: the pause makes that bearable. */
static void fire_soon(struct vow_timer *timer)
{
    (void)usleep(NO_MEMORY_PAUSE_US);
    event_active(&timer->event, EV_TIMEOUT, 1);
}

void vow_timer_arm(struct vow_timer *timer, uint64_t ms)
{
    struct vow_timers *timers = timer->timers;
    const struct timeval delay = vow_clock_delay(ms);

    if (timers == NULL) {
        if (evtimer_add(&timer->event, &delay) != 0)
            fire_soon(timer);
        return;
    }
    take_out(timers, timer);
    timer->due_ms = vow_clock_ms() + ms;
    put_in(timers, timer);
    set_descriptor(timers);
}

void vow_timer_disarm(struct vow_timer *timer)
{
    if (timer->timers == NULL) {
        (void)evtimer_del(&timer->event);
        return;
    }
    take_out(timer->timers, timer);
    set_descriptor(timer->timers);
}

bool vow_timer_is_armed(const struct vow_timer *timer)
{
    return timer->timers != NULL ? timer->is_armed : evtimer_pending(&timer->event, NULL) != 0;
}

void vow_timer_deinit(struct vow_timer *timer)
{
    vow_timer_disarm(timer);
}

void vow_timer_finalize(struct vow_timer *timer, vow_timer_fn *last)
{
    vow_timer_disarm(timer);
    timer->fn = last;
    (void)event_finalize(0, &timer->event, on_finalized);
}
