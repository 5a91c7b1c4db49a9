#include "proto/net/thread.h"

#include <signal.h>
#include <stddef.h>

#include "proto/error.h"

int vow_thread_start(pthread_t *thread, void *(*run)(void *ctx), void *ctx, const char *name)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    const int failed = pthread_create(thread, NULL, run, ctx);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (failed != 0)
        return VOW_E_SYSTEM;
    if (name != NULL)
        (void)pthread_setname_np(*thread, name);
    return 0;
}
