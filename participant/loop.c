#include "participant/loop.h"

#include <event2/event.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "participant/loop_fd.h"
#include "proto/error.h"
#include "proto/net/clock_manual.h"
#include "proto/net/thread.h"
#include "proto/net/timer.h"

static void note_owner(struct vow_loop *loop)
{
    atomic_store(&loop->owner, pthread_self());
    atomic_store(&loop->has_owner, true);
}

/* The last touch of the loop is before on_wake, which may end it. */
static void woken(evutil_socket_t fd, short what, void *ctx)
{
    struct vow_loop *loop = ctx;
    uint64_t count;

    (void)what;
    note_owner(loop);
    if (read(fd, &count, sizeof(count)) == (ssize_t)sizeof(count))
        loop->on_wake(loop->ctx);
}

/* A base that one thread at a time uses needs no locks, even if the program has asked libevent for them. */
static struct event_base *new_base(void)
{
    struct event_config *config = event_config_new();
    struct event_base *base = NULL;

    if (config != NULL && event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK) == 0)
        base = event_base_new_with_config(config);
    if (config != NULL)
        event_config_free(config);
    return base;
}

static void free_base(struct vow_loop *loop)
{
    if (loop->kind == VOW_LOOP_BASE)
        return;
    (void)event_base_loop(loop->base, EVLOOP_NONBLOCK);
    event_base_free(loop->base);
}

/* On the thread that runs the caller's loop, and not in the middle of it: gives it a turn. */
static bool run_by_hand(void *ctx)
{
    struct vow_loop *loop = ctx;

    if (!vow_loop_is_mine(loop))
        return false;
    if (loop->kind == VOW_LOOP_FD)
        (void)vow_loop_process(loop);
    else
        (void)event_base_loop(loop->base, EVLOOP_NONBLOCK | EVLOOP_ONCE);
    return true;
}

/* What only a caller's own loop needs: time that shows in a descriptor, and one descriptor for all. */
static int init_time(struct vow_loop *loop)
{
    int error = 0;

    if (loop->kind == VOW_LOOP_FD || vow_clock_is_manual())
        error = vow_timers_new(loop->base, &loop->timers);
    if (error == 0 && loop->kind == VOW_LOOP_FD)
        error = vow_loop_fd_new(loop->base, &loop->fd);
    if (error != 0)
        vow_timers_free(loop->timers);
    else if (loop->timers != NULL && loop->kind != VOW_LOOP_OWN_THREAD)
        vow_timers_set_runner(loop->timers, run_by_hand, loop);
    return error;
}

int vow_loop_init(struct vow_loop *loop, enum vow_loop_kind kind, struct event_base *base, vow_loop_wake_fn *on_wake,
                  void *ctx)
{
    int error = VOW_E_NO_MEMORY;

    *loop = (struct vow_loop){.kind = kind, .on_wake = on_wake, .ctx = ctx};
    loop->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (loop->wake_fd < 0)
        return VOW_E_SYSTEM;
    loop->base = kind == VOW_LOOP_BASE ? base : new_base();
    if (loop->base == NULL)
        goto err_close;
    if (event_assign(&loop->wake, loop->base, loop->wake_fd, EV_READ | EV_PERSIST, woken, loop) != 0 ||
        event_add(&loop->wake, NULL) != 0)
        goto err_free_base;
    error = init_time(loop);
    if (error != 0)
        goto err_del_wake;
    if (kind != VOW_LOOP_OWN_THREAD)
        note_owner(loop);
    vow_clock_enter();
    return 0;

err_del_wake:
    (void)event_del(&loop->wake);
err_free_base:
    free_base(loop);
err_close:
    close(loop->wake_fd);
    return error;
}

void vow_loop_deinit(struct vow_loop *loop)
{
    (void)event_del(&loop->wake);
    vow_timers_free(loop->timers);
    free_base(loop);
    vow_loop_fd_free(loop->fd);
    close(loop->wake_fd);
    vow_clock_exit();
}

static void *run(void *ctx)
{
    struct vow_loop *loop = ctx;

    note_owner(loop);
    (void)event_base_dispatch(loop->base);
    return NULL;
}

static int start_thread(struct vow_loop *loop, const char *thread_name)
{
    int error = vow_thread_start(&loop->thread, run, loop, thread_name);

    loop->running = error == 0;
    return error;
}

int vow_loop_start(struct vow_loop *loop, const char *thread_name)
{
    if (loop->kind == VOW_LOOP_OWN_THREAD)
        return start_thread(loop, thread_name);
    /* The first turn tells which thread it is. */
    vow_loop_wake(loop);
    if (loop->kind == VOW_LOOP_FD)
        return vow_loop_fd_sync(loop->fd, loop->base);
    return 0;
}

void vow_loop_wake(struct vow_loop *loop)
{
    const uint64_t one = 1;

    /* It fails only when the counter is full: then a wake-up is on its way anyway. */
    ssize_t written = write(loop->wake_fd, &one, sizeof(one));
    (void)written;
}

void vow_loop_leave(struct vow_loop *loop)
{
    (void)event_base_loopbreak(loop->base);
}

void vow_loop_join(struct vow_loop *loop)
{
    if (!loop->running)
        return;
    (void)pthread_join(loop->thread, NULL);
    loop->running = false;
}

bool vow_loop_is_mine(const struct vow_loop *loop)
{
    return atomic_load(&loop->has_owner) && pthread_equal(pthread_self(), atomic_load(&loop->owner)) != 0;
}

int vow_loop_descriptor(const struct vow_loop *loop)
{
    return loop->kind == VOW_LOOP_FD ? vow_loop_fd_descriptor(loop->fd) : VOW_E_STATE;
}

int vow_loop_process(struct vow_loop *loop)
{
    int error;

    if (loop->kind != VOW_LOOP_FD || atomic_exchange(&loop->processing, true))
        return VOW_E_STATE;
    note_owner(loop);
    (void)event_base_loop(loop->base, EVLOOP_NONBLOCK | EVLOOP_ONCE);
    error = vow_loop_fd_sync(loop->fd, loop->base);
    atomic_store(&loop->processing, false);
    return error;
}
