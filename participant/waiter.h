/* A thread that waits for something to be done on another one, once. */
#ifndef VOW_PARTICIPANT_WAITER_H
#define VOW_PARTICIPANT_WAITER_H

#include <pthread.h>
#include <stdbool.h>

struct vow_waiter {
    pthread_mutex_t lock;
    pthread_cond_t done;
    bool is_done;
};

#define VOW_WAITER_INIT ((struct vow_waiter){PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, false})

/* What was written before is seen by the one that waited. After it the waiter may be gone. */
void vow_waiter_wake(struct vow_waiter *waiter);
/* Waits for the wake, and ends the waiter. */
void vow_waiter_await(struct vow_waiter *waiter);

#endif
