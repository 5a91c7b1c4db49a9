/*
 * A thread that runs one event loop, and a way to wake it from any other thread. The client and the participant each
 * have one.
 *
 * Everything that belongs to the base belongs to the loop's thread, once that runs. Before start and after join it
 * belongs to whoever calls these functions. Other threads may call vow_loop_wake() only. Wake-ups come through an
 * eventfd, so libevent's own locking is not needed.
 */
#ifndef VOW_PARTICIPANT_LOOP_H
#define VOW_PARTICIPANT_LOOP_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

struct event;
struct event_base;
struct vow_timers;

typedef void vow_loop_wake_fn(void *ctx);

struct vow_loop {
    struct event_base *base;
    struct vow_timers *timers; /* for all timers on the base; NULL = libevent's own */
    struct event *wake;
    int wake_fd;
    pthread_t thread;
    bool running; /* started and not joined */
    vow_loop_wake_fn *on_wake;
    void *ctx;
};

/* Makes the base. Returns 0, VOW_E_NO_MEMORY or VOW_E_SYSTEM; then nothing is left to deinit. */
int vow_loop_init(struct vow_loop *loop, vow_loop_wake_fn *on_wake, void *ctx);
/* Gives the base a turn, in which objects that were freed on it leave it, and frees it. Not while the thread runs. */
void vow_loop_deinit(struct vow_loop *loop);

/* Starts the thread, in which no signal is delivered: those of the service are not ours to take. Returns 0 or
 * VOW_E_SYSTEM. */
int vow_loop_start(struct vow_loop *loop, const char *thread_name);
/* From any thread: on_wake is called on the loop's thread; once for several calls that come close together. */
void vow_loop_wake(struct vow_loop *loop);
/* On the loop's thread: ends it after this turn. */
void vow_loop_leave(struct vow_loop *loop);
void vow_loop_join(struct vow_loop *loop);
/* True on the loop's own thread. */
bool vow_loop_is_mine(const struct vow_loop *loop);

#endif
