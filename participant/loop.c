#include "participant/loop.h"

#include <event2/event.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "proto/error.h"

static void woken(evutil_socket_t fd, short what, void *ctx)
{
    struct vow_loop *loop = ctx;
    uint64_t count;

    (void)what;
    if (read(fd, &count, sizeof(count)) == (ssize_t)sizeof(count))
        loop->on_wake(loop->ctx);
}

int vow_loop_init(struct vow_loop *loop, vow_loop_wake_fn *on_wake, void *ctx)
{
    int error = VOW_E_NO_MEMORY;

    *loop = (struct vow_loop){.on_wake = on_wake, .ctx = ctx};
    loop->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (loop->wake_fd < 0)
        return VOW_E_SYSTEM;
    loop->base = event_base_new();
    if (loop->base == NULL)
        goto err_close;
    loop->wake = event_new(loop->base, loop->wake_fd, EV_READ | EV_PERSIST, woken, loop);
    if (loop->wake == NULL)
        goto err_free_base;
    if (event_add(loop->wake, NULL) != 0) {
        error = VOW_E_SYSTEM;
        goto err_free_wake;
    }
    return 0;

err_free_wake:
    event_free(loop->wake);
err_free_base:
    event_base_free(loop->base);
err_close:
    close(loop->wake_fd);
    return error;
}

void vow_loop_deinit(struct vow_loop *loop)
{
    event_free(loop->wake);
    (void)event_base_loop(loop->base, EVLOOP_NONBLOCK);
    event_base_free(loop->base);
    close(loop->wake_fd);
}

static void *run(void *ctx)
{
    struct vow_loop *loop = ctx;

    (void)event_base_dispatch(loop->base);
    return NULL;
}

int vow_loop_start(struct vow_loop *loop, const char *thread_name)
{
    sigset_t all, before;
    int failed;

    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    failed = pthread_create(&loop->thread, NULL, run, loop);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (failed != 0)
        return VOW_E_SYSTEM;
    loop->running = true;
    (void)pthread_setname_np(loop->thread, thread_name);
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
    return pthread_equal(pthread_self(), loop->thread) != 0;
}
