#include "participant/waiter.h"

void vow_waiter_wake(struct vow_waiter *waiter)
{
    (void)pthread_mutex_lock(&waiter->lock);
    waiter->is_done = true;
    /* Under the lock: without it the waiter might be gone before it is signalled. */
    (void)pthread_cond_signal(&waiter->done);
    (void)pthread_mutex_unlock(&waiter->lock);
}

void vow_waiter_await(struct vow_waiter *waiter)
{
    (void)pthread_mutex_lock(&waiter->lock);
    while (!waiter->is_done)
        (void)pthread_cond_wait(&waiter->done, &waiter->lock);
    (void)pthread_mutex_unlock(&waiter->lock);
    (void)pthread_cond_destroy(&waiter->done);
    (void)pthread_mutex_destroy(&waiter->lock);
}
