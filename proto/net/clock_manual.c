#include "proto/net/clock_manual.h"

#ifdef VOW_TESTING

#include <pthread.h>
#include <stdatomic.h>
#include <utlist.h>

#include "proto/assert.h"
#include "proto/error.h"
#include "proto/net/clock.h"

/* Rounds without anything done before it counts as quiet: what one keeper has sent is done by another in the next. */
#define QUIET_ROUNDS 2

static atomic_bool is_taken;
static atomic_ullong now_us, wall_us, stirs;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* for the two below */
static struct vow_clock_keeper *keepers;
static unsigned users; /* keepers, and who keeps time by the system's clock */
/* Held while the clock is moved. */
static pthread_mutex_t moving = PTHREAD_MUTEX_INITIALIZER;

int vow_clock_take(void)
{
    int error = VOW_E_STATE;
    const uint64_t us = vow_clock_us(), wall = vow_clock_wall_us();

    pthread_mutex_lock(&lock);
    if (!is_taken && users == 0) {
        /* On the whole millisecond, so that so many milliseconds later is so many milliseconds later. */
        atomic_store(&now_us, us / 1000 * 1000);
        atomic_store(&wall_us, wall);
        atomic_store(&is_taken, true);
        error = 0;
    }
    pthread_mutex_unlock(&lock);
    return error;
}

int vow_clock_give_back(void)
{
    int error = VOW_E_STATE;

    pthread_mutex_lock(&lock);
    if (is_taken && users == 0) {
        atomic_store(&is_taken, false);
        error = 0;
    }
    pthread_mutex_unlock(&lock);
    return error;
}

void vow_clock_enter(void)
{
    pthread_mutex_lock(&lock);
    users++;
    pthread_mutex_unlock(&lock);
}

void vow_clock_exit(void)
{
    pthread_mutex_lock(&lock);
    VOW_ASSERT(users > 0);
    users--;
    pthread_mutex_unlock(&lock);
}

bool vow_clock_is_manual(void)
{
    return atomic_load_explicit(&is_taken, memory_order_relaxed);
}

void vow_clock_join(struct vow_clock_keeper *keeper)
{
    pthread_mutex_lock(&lock);
    DL_APPEND(keepers, keeper);
    pthread_mutex_unlock(&lock);
}

void vow_clock_leave(struct vow_clock_keeper *keeper)
{
    pthread_mutex_lock(&lock);
    DL_DELETE(keepers, keeper);
    pthread_mutex_unlock(&lock);
}

void vow_clock_stir(void)
{
    if (vow_clock_is_manual())
        atomic_fetch_add(&stirs, 1);
}

/* The keeper after that one, or the first; NULL = there is none. Without the lock while it is used: see the header. */
static struct vow_clock_keeper *next_keeper(const struct vow_clock_keeper *keeper)
{
    struct vow_clock_keeper *next;

    pthread_mutex_lock(&lock);
    next = keeper != NULL ? keeper->next : keepers;
    pthread_mutex_unlock(&lock);
    return next;
}

void vow_clock_settle(void)
{
    unsigned quiet = 0;

    while (quiet < QUIET_ROUNDS) {
        const unsigned long long before = atomic_load(&stirs);

        for (struct vow_clock_keeper *keeper = next_keeper(NULL); keeper != NULL; keeper = next_keeper(keeper))
            keeper->settle(keeper->ctx);
        quiet = atomic_load(&stirs) == before ? quiet + 1 : 0;
    }
}

static uint64_t next_due_ms(void)
{
    uint64_t first_ms = UINT64_MAX;

    for (struct vow_clock_keeper *keeper = next_keeper(NULL); keeper != NULL; keeper = next_keeper(keeper)) {
        const uint64_t due_ms = keeper->due_ms(keeper->ctx);

        if (due_ms < first_ms)
            first_ms = due_ms;
    }
    return first_ms;
}

static void move_to(uint64_t ms)
{
    const uint64_t us = ms * 1000, before_us = atomic_load(&now_us);

    if (us > before_us) {
        atomic_fetch_add(&wall_us, us - before_us);
        atomic_store(&now_us, us);
    }
    for (struct vow_clock_keeper *keeper = next_keeper(NULL); keeper != NULL; keeper = next_keeper(keeper)) {
        if (keeper->due_ms(keeper->ctx) <= ms)
            keeper->ring(keeper->ctx);
    }
}

void vow_clock_advance(uint64_t ms)
{
    uint64_t end_ms, due_ms;

    pthread_mutex_lock(&moving);
    end_ms = atomic_load(&now_us) / 1000 + ms;
    vow_clock_settle();
    while ((due_ms = next_due_ms()) <= end_ms) {
        move_to(due_ms);
        vow_clock_settle();
    }
    move_to(end_ms);
    vow_clock_settle();
    pthread_mutex_unlock(&moving);
}

void vow_clock_jump_wall(int64_t us)
{
    atomic_fetch_add(&wall_us, (unsigned long long)us);
}

uint64_t vow_clock_manual_us(void)
{
    return atomic_load(&now_us);
}

uint64_t vow_clock_manual_wall_us(void)
{
    return atomic_load(&wall_us);
}

#endif
