/*
 * Real time, for real processes. vow-chaos has the simulator in it, in whose place proto/net/clock.c tells a world's
 * time; so the harness has its own clock and timers, here and nowhere else.
 */
#ifndef VOW_CHAOS_KILL_CLOCK_H
#define VOW_CHAOS_KILL_CLOCK_H

#include <stdint.h>

struct event_base;
struct real_timer;

/* Microseconds, monotonic. */
uint64_t real_clock_us(void);

typedef void real_timer_fn(void *ctx);
/* Exits the process when there is no memory: a harness without it has nothing to say. */
struct real_timer *real_timer_new(struct event_base *base, real_timer_fn *fn, void *ctx);
void real_timer_free(struct real_timer *timer);
void real_timer_set(struct real_timer *timer, uint64_t ms);
void real_timer_clear(struct real_timer *timer);

#endif
