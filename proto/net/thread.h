/* Threads that take no signal: signals are the program's, or those of the thread that runs its loop. */
#ifndef VOW_NET_THREAD_H
#define VOW_NET_THREAD_H

#include <pthread.h>

/* Starts a thread with all signals blocked. name, at most 15 characters, is what debuggers show; NULL = the program's.
 * Returns 0 or VOW_E_SYSTEM. */
int vow_thread_start(pthread_t *thread, void *(*run)(void *ctx), void *ctx, const char *name);

#endif
