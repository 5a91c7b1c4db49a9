#include <criterion/criterion.h>
#include <semaphore.h>
#include <string.h>

#include "loop.h"
#include "proto/net/worker.h"

TestSuite(worker, .timeout = SUITE_TIMEOUT);

enum { JOBS_MAX = 64, BATCHES_MAX = 256 };

struct numbered_job {
    struct vow_job job;
    unsigned number;
};

struct bench {
    struct event_base *base;
    struct vow_worker *worker;
    struct numbered_job jobs[JOBS_MAX];
    /* The loop's. */
    unsigned done[JOBS_MAX];
    unsigned done_len, done_calls;
    bool has_second_round; /* the first done() submits one job more */
    bool frees_worker;
    /* The thread's; read by the loop only for batches that it knows to be over. */
    unsigned batch_sizes[BATCHES_MAX];
    unsigned batches;
    bool is_gated; /* run() says that it has begun, and waits for leave */
    bool keeps;    /* the next batch with jobs is kept until an empty one */
    struct vow_job *kept;
    sem_t begun, leave;
};

static struct vow_job *run(void *ctx, struct vow_job *first)
{
    struct bench *bench = ctx;
    unsigned size = 0;
    for (const struct vow_job *job = first; job != NULL; job = job->next)
        size++;
    if (bench->batches < BATCHES_MAX)
        bench->batch_sizes[bench->batches++] = size;
    if (bench->is_gated) {
        sem_post(&bench->begun);
        sem_wait(&bench->leave);
    }
    if (bench->keeps && first != NULL) {
        bench->kept = first;
        bench->keeps = false;
        return NULL;
    }
    if (first == NULL) {
        first = bench->kept;
        bench->kept = NULL;
    }
    return first;
}

static void submit(struct bench *bench, unsigned from, unsigned count, bool urgent)
{
    for (unsigned i = from; i < from + count; i++) {
        bench->jobs[i].number = i;
        bench->jobs[i].job.next = i + 1 < from + count ? &bench->jobs[i + 1].job : NULL;
    }
    vow_worker_submit(bench->worker, &bench->jobs[from].job, urgent);
}

static void done(void *ctx, struct vow_job *first)
{
    struct bench *bench = ctx;
    bench->done_calls++;
    while (first != NULL) {
        struct numbered_job *job = (struct numbered_job *)first;
        first = first->next;
        bench->done[bench->done_len++] = job->number;
    }
    if (bench->has_second_round) {
        bench->has_second_round = false;
        submit(bench, JOBS_MAX - 1, 1, false);
    }
    if (bench->frees_worker) {
        bench->frees_worker = false;
        vow_worker_free(bench->worker);
    }
}

static void open_bench(struct bench *bench, uint32_t tick_ms)
{
    memset(bench, 0, sizeof(*bench));
    bench->base = event_base_new();
    sem_init(&bench->begun, 0, 0);
    sem_init(&bench->leave, 0, 0);
    const struct vow_worker_options options = {
        .thread_name = "bench", .run = run, .done = done, .ctx = bench, .tick_ms = tick_ms};
    cr_assert_eq(vow_worker_new(bench->base, &options, &bench->worker), 0);
}

static void close_bench(struct bench *bench)
{
    event_base_free(bench->base);
    sem_destroy(&bench->begun);
    sem_destroy(&bench->leave);
}

static void check_order(const struct bench *bench, unsigned count)
{
    cr_assert_eq(bench->done_len, count);
    for (unsigned i = 0; i < count; i++)
        cr_assert_eq(bench->done[i], i);
}

Test(worker, does_jobs_in_order)
{
    struct bench bench;
    open_bench(&bench, 0);
    for (unsigned i = 0; i < 60; i += 3)
        submit(&bench, i, 3, true);
    UNTIL(bench.base, bench.done_len == 60);
    check_order(&bench, 60);
    vow_worker_free(bench.worker);
    close_bench(&bench);
}

/* Group commit: what comes while a batch runs is the next batch, however often it was submitted. */
Test(worker, makes_one_batch_of_what_comes_meanwhile)
{
    struct bench bench;
    open_bench(&bench, 0);
    bench.is_gated = true;
    submit(&bench, 0, 1, true);
    sem_wait(&bench.begun);
    submit(&bench, 1, 2, true);
    submit(&bench, 3, 1, false);
    submit(&bench, 4, 1, true);
    sem_post(&bench.leave);
    sem_wait(&bench.begun);
    sem_post(&bench.leave);
    UNTIL(bench.base, bench.done_len == 5);
    check_order(&bench, 5);
    cr_assert_eq(bench.batches, 2);
    cr_assert_eq(bench.batch_sizes[1], 4);
    vow_worker_free(bench.worker);
    close_bench(&bench);
}

Test(worker, lets_patient_jobs_wait_for_an_urgent_one)
{
    struct bench bench;
    open_bench(&bench, 0);
    submit(&bench, 0, 1, false);
    submit(&bench, 1, 1, false);
    submit(&bench, 2, 1, true);
    UNTIL(bench.base, bench.done_len == 3);
    check_order(&bench, 3);
    cr_assert_eq(bench.batches, 1);
    vow_worker_free(bench.worker);
    close_bench(&bench);
}

Test(worker, does_patient_jobs_at_the_tick)
{
    struct bench bench;
    open_bench(&bench, 5);
    submit(&bench, 0, 4, false);
    UNTIL(bench.base, bench.done_len == 4);
    check_order(&bench, 4);
    vow_worker_free(bench.worker);
    close_bench(&bench);
}

Test(worker, gives_kept_jobs_their_chance_at_the_tick)
{
    struct bench bench;
    open_bench(&bench, 5);
    bench.is_gated = true;
    /* The first batch is an empty one of the tick: the thread stands still while the jobs are laid out. */
    sem_wait(&bench.begun);
    bench.keeps = true;
    submit(&bench, 0, 2, true);
    bench.is_gated = false;
    sem_post(&bench.leave);
    UNTIL(bench.base, bench.done_len == 2);
    check_order(&bench, 2);
    vow_worker_free(bench.worker);
    cr_assert_geq(bench.batches, 3);
    cr_assert_eq(bench.batch_sizes[1], 2);
    cr_assert_eq(bench.batch_sizes[2], 0);
    close_bench(&bench);
}

/* Without a tick, nothing but the nudge starts the batch that gives the kept job back. */
Test(worker, gives_kept_jobs_their_chance_at_a_nudge)
{
    struct bench bench;
    open_bench(&bench, 0);
    bench.keeps = true;
    bench.is_gated = true;
    submit(&bench, 1, 1, true);
    sem_wait(&bench.begun);
    bench.is_gated = false; /* the thread has read it, and reads it again after leave */
    sem_post(&bench.leave);
    vow_worker_nudge(bench.worker);
    UNTIL(bench.base, bench.done_len == 1);
    cr_assert_eq(bench.done[0], 1);
    vow_worker_free(bench.worker);
    close_bench(&bench);
}

/* One wake-up tells of all that is done: the loop is not called per batch if it is slower than the thread. */
Test(worker, wakes_the_loop_once_for_several_batches)
{
    struct bench bench;
    open_bench(&bench, 0);
    bench.is_gated = true;
    for (unsigned i = 0; i < 3; i++) {
        submit(&bench, i, 1, true);
        sem_wait(&bench.begun);
        sem_post(&bench.leave);
    }
    /* The fourth batch has begun, so the third is handed over. */
    submit(&bench, 3, 1, true);
    sem_wait(&bench.begun);
    event_base_loop(bench.base, EVLOOP_ONCE);
    cr_assert_eq(bench.done_calls, 1);
    check_order(&bench, 3);
    sem_post(&bench.leave);
    vow_worker_free(bench.worker);
    check_order(&bench, 4);
    cr_assert_eq(bench.batches, 4);
    close_bench(&bench);
}

Test(worker, freed_does_and_delivers_everything)
{
    struct bench bench;
    open_bench(&bench, 0);
    submit(&bench, 0, 10, true);
    submit(&bench, 10, 10, false);
    vow_worker_free(bench.worker);
    check_order(&bench, 20);
    close_bench(&bench);
}

Test(worker, freed_does_what_done_submits_too)
{
    struct bench bench;
    open_bench(&bench, 0);
    bench.has_second_round = true;
    submit(&bench, 0, 1, false);
    vow_worker_free(bench.worker);
    cr_assert_eq(bench.done_len, 2);
    cr_assert_eq(bench.done[1], JOBS_MAX - 1);
    close_bench(&bench);
}

Test(worker, freed_gets_kept_jobs_back)
{
    struct bench bench;
    open_bench(&bench, 0);
    bench.is_gated = true;
    submit(&bench, 0, 1, true);
    sem_wait(&bench.begun);
    bench.keeps = true;
    bench.is_gated = false;
    submit(&bench, 1, 2, true);
    sem_post(&bench.leave);
    UNTIL(bench.base, bench.done_len >= 1);
    vow_worker_free(bench.worker);
    cr_assert_eq(bench.done_len, 3);
    close_bench(&bench);
}

Test(worker, may_be_freed_by_done)
{
    struct bench bench;
    open_bench(&bench, 0);
    bench.frees_worker = true;
    submit(&bench, 0, 1, true);
    UNTIL(bench.base, bench.done_len == 1);
    close_bench(&bench);
}

Test(worker, freed_idle_or_missing_is_fine)
{
    struct bench bench;
    open_bench(&bench, 3600000);
    vow_worker_free(bench.worker);
    vow_worker_free(NULL);
    cr_assert_eq(bench.batches, 0);
    close_bench(&bench);
}
