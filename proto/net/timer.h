/*
 * Timers. All timers of the network's side are armed here and nowhere else, so that one file decides what moves them.
 *
 * There are two kinds of movement. A timer without a set is one of libevent's own: cheap, and enough for a loop that
 * libevent waits in. A set keeps its timers itself and has one descriptor that becomes readable when the first of them
 * is due: whoever waits in a loop of its own (poll, epoll, libuv) sees time in it, which libevent's own time-outs do
 * not show. Both keep monotonic time (fault F130).
 *
 * Everything here belongs to the loop's thread.
 */
#ifndef VOW_NET_TIMER_H
#define VOW_NET_TIMER_H

#include <stdbool.h>
#include <stdint.h>

#include <event2/event_struct.h>

struct event_base;
struct vow_timers;

/* --- Sets --- */

/* Makes a set whose timers run on the base. Returns 0, VOW_E_NO_MEMORY or VOW_E_SYSTEM. The base must outlive it. */
int vow_timers_new(struct event_base *base, struct vow_timers **out);
/*
 * Who runs the base, if that is not a thread that does nothing else: `run` gives the base a turn and returns true, or
 * returns false if the caller is not the thread that does so. While time is moved by hand, a loop is waited for, and
 * this keeps a test that has loop and clock on one thread from waiting for itself.
 */
typedef bool vow_timers_run_fn(void *ctx);
void vow_timers_set_runner(struct vow_timers *timers, vow_timers_run_fn *run, void *ctx);
/* Not before its timers are deinitialised or finalised. NULL is allowed. */
void vow_timers_free(struct vow_timers *timers);

/* --- Timers --- */

typedef void vow_timer_fn(void *ctx);

/* Lies in its owner's memory. Its fields are timer.c's own. */
struct vow_timer {
    struct event event; /* libevent's part; in a set only for the end */
    struct vow_timers *timers;
    vow_timer_fn *fn;
    void *ctx;
    struct vow_timer *prev, *next; /* in the set, by due_ms; while armed */
    uint64_t due_ms;
    uint64_t round; /* of the set in which it was armed */
    bool is_armed;  /* in the set */
};

/* timers NULL: one of libevent's own. Cannot fail. */
void vow_timer_init(struct vow_timer *timer, struct event_base *base, struct vow_timers *timers, vow_timer_fn *fn,
                    void *ctx);
/* fn is called once after so many milliseconds, 0 = in the loop's next turn; sooner if there is no memory to wait in.
 * Moves a timer that is armed already. */
void vow_timer_arm(struct vow_timer *timer, uint64_t ms);
void vow_timer_disarm(struct vow_timer *timer);
bool vow_timer_is_armed(const struct vow_timer *timer);
/* Disarms. The memory is the owner's again, unless this is called out of another callback of the same turn: then the
 * owner wants vow_timer_finalize(). */
void vow_timer_deinit(struct vow_timer *timer);
/* Disarms, and calls `last` after the callbacks that are waiting in this turn, or from event_base_free(): from there on
 * the memory is the owner's. */
void vow_timer_finalize(struct vow_timer *timer, vow_timer_fn *last);

#endif
