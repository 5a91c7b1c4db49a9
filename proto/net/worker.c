#include "proto/net/worker.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include <event2/event.h>

#include "proto/assert.h"
#include "proto/error.h"
#include "proto/net/clock.h"
#include "proto/net/clock_manual.h"
#include "proto/net/thread.h"

/* A list with its end at hand. */
struct queue {
    struct vow_job *first;
    struct vow_job **end;
};

struct vow_worker {
    struct vow_worker_options options;
    pthread_t thread;
    struct event *done_event; /* on done_fd */
    int done_fd;
    uint64_t outstanding; /* the loop's own: jobs submitted and not taken back */

    pthread_mutex_t mutex; /* for all that follows */
    pthread_cond_t work;   /* is_wanted or is_ending was set */
    pthread_cond_t rest;   /* a batch has ended and no other is wanted */
    struct queue queued;
    struct queue done;
    bool is_wanted; /* a batch is to run now, with whatever is queued */
    bool is_running;
    bool is_ending;
#ifdef VOW_TESTING
    bool is_manual; /* the tick comes from a clock that is moved by hand (proto/net/clock_manual.h) */
    bool has_rung;
    _Atomic uint64_t tick_at_ms; /* UINT64_MAX = no tick is waited for */
    struct vow_clock_keeper keeper;
#endif
};

static void queue_init(struct queue *queue)
{
    queue->first = NULL;
    queue->end = &queue->first;
}

/* Returns how many jobs were added. */
static uint64_t queue_append(struct queue *queue, struct vow_job *first)
{
    uint64_t count = 0;
    *queue->end = first;
    for (; *queue->end != NULL; queue->end = &(*queue->end)->next)
        count++;
    return count;
}

static struct vow_job *queue_take_all(struct queue *queue)
{
    struct vow_job *first = queue->first;
    queue_init(queue);
    return first;
}

static struct timespec after_ms(uint32_t ms)
{
    struct timespec at;
    clock_gettime(CLOCK_MONOTONIC, &at);
    at.tv_sec += ms / 1000;
    at.tv_nsec += (long)(ms % 1000) * 1000000;
    if (at.tv_nsec >= 1000000000) {
        at.tv_sec++;
        at.tv_nsec -= 1000000000;
    }
    return at;
}

#ifdef VOW_TESTING

static uint64_t keeper_due_ms(void *ctx)
{
    struct vow_worker *worker = ctx;
    return atomic_load(&worker->tick_at_ms);
}

static void keeper_ring(void *ctx)
{
    struct vow_worker *worker = ctx;
    pthread_mutex_lock(&worker->mutex);
    worker->has_rung = true;
    pthread_cond_signal(&worker->work);
    pthread_mutex_unlock(&worker->mutex);
}

static void keeper_settle(void *ctx)
{
    struct vow_worker *worker = ctx;
    pthread_mutex_lock(&worker->mutex);
    while (worker->is_wanted || worker->is_running || worker->has_rung)
        pthread_cond_wait(&worker->rest, &worker->mutex);
    pthread_mutex_unlock(&worker->mutex);
}

static void join_clock(struct vow_worker *worker)
{
    vow_clock_enter();
    worker->is_manual = vow_clock_is_manual();
    atomic_store(&worker->tick_at_ms, UINT64_MAX);
    worker->keeper =
        (struct vow_clock_keeper){.due_ms = keeper_due_ms, .ring = keeper_ring, .settle = keeper_settle, .ctx = worker};
    if (worker->is_manual)
        vow_clock_join(&worker->keeper);
}

static void leave_clock(struct vow_worker *worker)
{
    if (worker->is_manual)
        vow_clock_leave(&worker->keeper);
    vow_clock_exit();
}

static void wait_for_manual_tick(struct vow_worker *worker)
{
    if (worker->options.tick_ms != 0)
        atomic_store(&worker->tick_at_ms, vow_clock_ms() + worker->options.tick_ms);
    while (!worker->is_wanted && !worker->is_ending && !worker->has_rung)
        pthread_cond_wait(&worker->work, &worker->mutex);
    worker->has_rung = false;
}

#else
#define join_clock(worker) ((void)0)
#define leave_clock(worker) ((void)0)
#endif

/* Waits, with the mutex held, until a batch is to run: wanted, or due by the tick. */
static void wait_for_work(struct vow_worker *worker)
{
#ifdef VOW_TESTING
    if (worker->is_manual) {
        wait_for_manual_tick(worker);
        return;
    }
#endif
    const struct timespec tick = after_ms(worker->options.tick_ms);
    while (!worker->is_wanted && !worker->is_ending) {
        if (worker->options.tick_ms == 0)
            pthread_cond_wait(&worker->work, &worker->mutex);
        else if (pthread_cond_timedwait(&worker->work, &worker->mutex, &tick) == ETIMEDOUT)
            return;
    }
}

/* One wake-up of the loop for all that it has not taken back yet. */
static void wake_loop(struct vow_worker *worker)
{
    const uint64_t one = 1;
    const ssize_t written = write(worker->done_fd, &one, sizeof(one));
    VOW_ASSERT(written == sizeof(one));
}

/* Runs one batch, with the mutex given up meanwhile: what is submitted then becomes the next batch. */
static void run_batch(struct vow_worker *worker)
{
    struct vow_job *batch = queue_take_all(&worker->queued);
    worker->is_wanted = false;
    worker->is_running = true;
    pthread_mutex_unlock(&worker->mutex);
    if (batch != NULL)
        vow_clock_stir();
    struct vow_job *done = worker->options.run(worker->options.ctx, batch);
    pthread_mutex_lock(&worker->mutex);
    worker->is_running = false;

    const bool is_loop_awake = worker->done.first != NULL;
    queue_append(&worker->done, done);
    if (done != NULL && !is_loop_awake)
        wake_loop(worker);
}

static void *thread_main(void *arg)
{
    struct vow_worker *worker = arg;
    pthread_mutex_lock(&worker->mutex);
    for (;;) {
        wait_for_work(worker);
        if (worker->is_ending)
            break;
        run_batch(worker);
        if (!worker->is_wanted)
            pthread_cond_broadcast(&worker->rest);
    }
    pthread_mutex_unlock(&worker->mutex);
    return NULL;
}

/* Hands back what is done. The last touch of the worker is before the owner's call, which may free it. */
static bool deliver(struct vow_worker *worker)
{
    pthread_mutex_lock(&worker->mutex);
    struct vow_job *first = queue_take_all(&worker->done);
    pthread_mutex_unlock(&worker->mutex);
    for (const struct vow_job *job = first; job != NULL; job = job->next) {
        VOW_ASSERT(worker->outstanding > 0);
        worker->outstanding--;
    }
    if (first != NULL)
        vow_clock_stir();
    if (first != NULL)
        worker->options.done(worker->options.ctx, first);
    return first != NULL;
}

static void on_done(evutil_socket_t fd, short what, void *arg)
{
    (void)what;
    uint64_t count;
    const ssize_t got = read(fd, &count, sizeof(count));
    (void)got;
    deliver(arg);
}

static void init_locks(struct vow_worker *worker)
{
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&worker->work, &monotonic);
    pthread_condattr_destroy(&monotonic);
    pthread_cond_init(&worker->rest, NULL);
    pthread_mutex_init(&worker->mutex, NULL);
}

static void destroy_locks(struct vow_worker *worker)
{
    pthread_mutex_destroy(&worker->mutex);
    pthread_cond_destroy(&worker->rest);
    pthread_cond_destroy(&worker->work);
}

int vow_worker_new(struct event_base *base, const struct vow_worker_options *options, struct vow_worker **out)
{
    int error = VOW_E_NO_MEMORY;
    *out = NULL;
    struct vow_worker *worker = calloc(1, sizeof(*worker));
    if (worker == NULL)
        return error;
    worker->options = *options;
    queue_init(&worker->queued);
    queue_init(&worker->done);
    init_locks(worker);
    worker->done_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (worker->done_fd < 0) {
        error = VOW_E_SYSTEM;
        goto err_free;
    }
    worker->done_event = event_new(base, worker->done_fd, EV_READ | EV_PERSIST, on_done, worker);
    if (worker->done_event == NULL || event_add(worker->done_event, NULL) != 0)
        goto err_close;
    join_clock(worker);
    error = vow_thread_start(&worker->thread, thread_main, worker, options->thread_name);
    if (error != 0)
        goto err_leave_clock;
    *out = worker;
    return 0;

err_leave_clock:
    leave_clock(worker);
err_close:
    if (worker->done_event != NULL)
        event_free(worker->done_event);
    close(worker->done_fd);
err_free:
    destroy_locks(worker);
    free(worker);
    return error;
}

void vow_worker_submit(struct vow_worker *worker, struct vow_job *first, bool urgent)
{
    pthread_mutex_lock(&worker->mutex);
    worker->outstanding += queue_append(&worker->queued, first);
    const bool must_wake = urgent && !worker->is_wanted && !worker->is_running;
    worker->is_wanted = worker->is_wanted || urgent;
    pthread_mutex_unlock(&worker->mutex);
    /* A running thread looks again by itself before it rests. */
    if (must_wake)
        pthread_cond_signal(&worker->work);
}

void vow_worker_nudge(struct vow_worker *worker)
{
    pthread_mutex_lock(&worker->mutex);
    worker->is_wanted = true;
    pthread_cond_signal(&worker->work);
    pthread_mutex_unlock(&worker->mutex);
}

bool vow_worker_is_mine(const struct vow_worker *worker)
{
    return pthread_equal(pthread_self(), worker->thread) != 0;
}

/* Waits until no batch runs or is wanted. */
static void await_rest(struct vow_worker *worker)
{
    pthread_mutex_lock(&worker->mutex);
    while (worker->is_wanted || worker->is_running)
        pthread_cond_wait(&worker->rest, &worker->mutex);
    pthread_mutex_unlock(&worker->mutex);
}

/* Runs one batch, of what is queued or else of nothing, and waits for it. Returns false if that gave nothing back. */
static bool run_and_deliver(struct vow_worker *worker)
{
    vow_worker_submit(worker, NULL, true);
    await_rest(worker);
    return deliver(worker);
}

void vow_worker_free(struct vow_worker *worker)
{
    if (worker == NULL)
        return;
    /* done() may submit again, and run() may have kept jobs: go on for as long as that leads anywhere. */
    await_rest(worker);
    deliver(worker);
    while (worker->outstanding > 0 && run_and_deliver(worker))
        continue;
    pthread_mutex_lock(&worker->mutex);
    worker->is_ending = true;
    pthread_cond_signal(&worker->work);
    pthread_mutex_unlock(&worker->mutex);
    pthread_join(worker->thread, NULL);
    leave_clock(worker);
    deliver(worker);
    event_free(worker->done_event);
    close(worker->done_fd);
    destroy_locks(worker);
    free(worker);
}
