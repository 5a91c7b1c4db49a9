/*
 * A worker: one thread that does slow work (fsync) in batches, beside an event loop that must not wait (fault F118).
 *
 * Jobs submitted while a batch runs are run together as the next batch: group commit falls out. The loop's side and the
 * thread's side share nothing but the jobs, and a job belongs to one side at a time: to the loop until submit, to the
 * thread until its batch's done call.
 */
#ifndef VOW_NET_WORKER_H
#define VOW_NET_WORKER_H

#include <stdbool.h>
#include <stdint.h>

struct event_base;
struct vow_worker;

/* The first member of every job. */
struct vow_job {
    struct vow_job *next;
};

/* On the worker's thread: does all jobs of the list, in order; may keep a job for a later batch by leaving it out of
 * the list it returns (then `kept` work is the callee's to hand back in a later batch). Returns the list of the jobs
 * that are done. */
typedef struct vow_job *vow_worker_run_fn(void *ctx, struct vow_job *first);
/* On the loop's thread: takes back the jobs that are done, in order. */
typedef void vow_worker_done_fn(void *ctx, struct vow_job *first);

struct vow_worker_options {
    const char *thread_name; /* at most 15 characters */
    vow_worker_run_fn *run;
    vow_worker_done_fn *done;
    void *ctx;
    /* If not 0, run() is called with an empty list after this time without a batch, so that kept jobs get done. */
    uint32_t tick_ms;
};

/* Starts the thread. Returns 0, VOW_E_NO_MEMORY or VOW_E_SYSTEM. `base` must outlive the worker. */
int vow_worker_new(struct event_base *base, const struct vow_worker_options *options, struct vow_worker **out);
/* On the loop's thread: hands over a list of jobs, `urgent` = a batch is started for them at once; otherwise they
 * wait for the next urgent ones or the tick. Never blocks for the work. */
void vow_worker_submit(struct vow_worker *worker, struct vow_job *first, bool urgent);
/* On any thread: a batch is run soon, of an empty list if nothing was submitted: kept jobs can go on. */
void vow_worker_nudge(struct vow_worker *worker);
/* On any thread: true on the worker's own. */
bool vow_worker_is_mine(const struct vow_worker *worker);
/* On the loop's thread: runs what was submitted, delivers it to done(), ends the thread. Goes on while done()
 * submits more, and calls run() with an empty list while that gives kept jobs back. done() itself may call it. NULL
 * is allowed. Blocks. */
void vow_worker_free(struct vow_worker *worker);

#endif
