/*
 * A clock that stands still until a test moves it. Compiled to nothing unless VOW_TESTING is set.
 *
 * Whoever waits for a time keeps it by this clock while it is taken: sets of timers (proto/net/timer.h) and workers
 * (proto/net/worker.h) join it when they are made. Moving it stops at each time that somebody waits for, lets all of
 * them act on it, and goes on when nobody does anything any more. So a timer runs exactly when its time comes, and what
 * it sets off has happened before the next one runs: no heartbeat is missed for want of a chance to answer.
 *
 * One clock, the process's. All functions may be called from any thread, but keepers must not come or go on one thread
 * while another moves the clock.
 */
#ifndef VOW_NET_CLOCK_MANUAL_H
#define VOW_NET_CLOCK_MANUAL_H

#include <stdbool.h>
#include <stdint.h>

#ifdef VOW_TESTING

struct vow_clock_keeper {
    /* The next time it waits for, on vow_clock_ms(); UINT64_MAX = none. */
    uint64_t (*due_ms)(void *ctx);
    /* That time has come. Must not wait. */
    void (*ring)(void *ctx);
    /* Returns when it has done all that it could do when this was called. */
    void (*settle)(void *ctx);
    void *ctx;
    struct vow_clock_keeper *prev, *next;
};

/* Takes the clock: time stands still from now. VOW_E_STATE if it is taken, or somebody keeps time already. */
int vow_clock_take(void);
/* Gives it back: time is the system's again. VOW_E_STATE if it is not taken, or somebody keeps time by it. */
int vow_clock_give_back(void);
bool vow_clock_is_manual(void);

/* Something that keeps time, by whichever clock, begins and ends. */
void vow_clock_enter(void);
void vow_clock_exit(void);

void vow_clock_join(struct vow_clock_keeper *keeper);
void vow_clock_leave(struct vow_clock_keeper *keeper);
/* Something was done: whoever waits until nothing happens any more is to look again. */
void vow_clock_stir(void);

/* Returns when nobody does anything any more. The clock must be taken, as for all that follow. */
void vow_clock_settle(void);
void vow_clock_advance(uint64_t ms);
/* Moves the wall clock alone, forwards or back (fault F130). */
void vow_clock_jump_wall(int64_t us);
/* What the two clocks show, while they are taken. */
uint64_t vow_clock_manual_us(void);
uint64_t vow_clock_manual_wall_us(void);

#else
#define vow_clock_is_manual() false
#define vow_clock_stir() ((void)0)
#define vow_clock_enter() ((void)0)
#define vow_clock_exit() ((void)0)
#endif

#endif
