#include "proto/net/transport.h"

#ifdef VOW_TESTING

#include <pthread.h>
#include <stddef.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static vow_transport_dial_fn *dial_fn;
static void *dial_ctx;

void vow_transport_use(vow_transport_dial_fn *dial, void *ctx)
{
    pthread_mutex_lock(&lock);
    dial_fn = dial;
    dial_ctx = ctx;
    pthread_mutex_unlock(&lock);
}

int vow_transport_dial(const struct vow_address *address, const struct vow_msg_hello *hello)
{
    int fd = VOW_TRANSPORT_NOT_MINE;

    pthread_mutex_lock(&lock);
    if (dial_fn != NULL)
        fd = dial_fn(dial_ctx, address, hello);
    pthread_mutex_unlock(&lock);
    return fd;
}

#endif
