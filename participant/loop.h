/*
 * The loop that a client or a participant lives on, in one of three ways (enum vow_loop_kind): a thread of its own with
 * a base of its own, the caller's base, or a base of its own behind one descriptor that the caller waits for.
 *
 * Everything that belongs to the base belongs to the loop's thread, once that runs. Before start and after join it
 * belongs to whoever calls these functions. Other threads may call vow_loop_wake() and vow_loop_is_mine() only.
 * Wake-ups come through an eventfd, so libevent's own locking is not needed, on the caller's base either.
 */
#ifndef VOW_PARTICIPANT_LOOP_H
#define VOW_PARTICIPANT_LOOP_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <event2/event_struct.h>

#include <vow/types.h>

struct vow_loop_fd;
struct vow_timers;

typedef void vow_loop_wake_fn(void *ctx);

struct vow_loop {
    enum vow_loop_kind kind;
    struct event_base *base;
    struct vow_timers *timers; /* for all timers on the base; NULL = libevent's own */
    struct vow_loop_fd *fd;    /* VOW_LOOP_FD only */
    struct event wake;
    int wake_fd;
    pthread_t thread;         /* VOW_LOOP_OWN_THREAD only */
    bool running;             /* started and not joined */
    _Atomic(pthread_t) owner; /* the thread that runs the loop, as far as is known */
    atomic_bool has_owner;    /* owner is set */
    atomic_bool processing;   /* inside vow_loop_process() */
    vow_loop_wake_fn *on_wake;
    void *ctx;
};

/*
 * base: the caller's, for VOW_LOOP_BASE; it must outlive the loop. Returns 0, VOW_E_NO_MEMORY or VOW_E_SYSTEM; then
 * nothing is left to deinit. On a base of the caller's this is called on the thread that will run it, or runs it.
 */
int vow_loop_init(struct vow_loop *loop, enum vow_loop_kind kind, struct event_base *base, vow_loop_wake_fn *on_wake,
                  void *ctx);
/* Gives a base of its own a turn, in which objects that were freed on it leave it, and frees it; on the caller's base
 * they leave it in its next turn. Not while the thread runs. */
void vow_loop_deinit(struct vow_loop *loop);

/* Starts the thread, if there is to be one, in which no signal is delivered: those of the service are not ours to take.
 * Returns 0 or VOW_E_SYSTEM. */
int vow_loop_start(struct vow_loop *loop, const char *thread_name);
/* From any thread: on_wake is called on the loop's thread; once for several calls that come close together. */
void vow_loop_wake(struct vow_loop *loop);
/* On the loop's own thread: ends it after this turn. */
void vow_loop_leave(struct vow_loop *loop);
void vow_loop_join(struct vow_loop *loop);
/*
 * True on the thread that runs the loop: whoever waits there waits for itself. On the caller's base that is the thread
 * of vow_loop_init() until the loop has turned on another; behind a descriptor, the thread of the last
 * vow_loop_process().
 */
bool vow_loop_is_mine(const struct vow_loop *loop);

/* The descriptor that is readable while vow_loop_process() has work, or VOW_E_STATE for the other two kinds. */
int vow_loop_descriptor(const struct vow_loop *loop);
/*
 * Runs what is due and returns; never waits. 0, VOW_E_SYSTEM (the descriptor may lag behind: call again soon), or
 * VOW_E_STATE for the other two kinds and inside itself.
 */
int vow_loop_process(struct vow_loop *loop);

#endif
