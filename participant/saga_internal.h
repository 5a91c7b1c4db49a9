/* What saga.c and saga_run.c share. */
#ifndef VOW_PARTICIPANT_SAGA_INTERNAL_H
#define VOW_PARTICIPANT_SAGA_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include <vow/saga.h>

#include "proto/message.h"

struct vow_saga {
    struct vow_client *client;
    atomic_uint holders;    /* the caller, and the request that runs it */
    atomic_bool is_running; /* a request is under way: all below is the client's thread's */

    struct vow_msg_saga_request order;
    char key[VOW_KEY_SIZE]; /* "" = none */
    struct vow_msg_saga_step steps[VOW_STEPS_MAX];
    void *blocks[VOW_STEPS_MAX]; /* what a step's words and payload lie in */
    size_t size;                 /* of the order in a message, or more */
    char why[201];

    /* Once it was sent. */
    struct vow_gtrid id;      /* none: it did not begin */
    enum vow_saga_state told; /* what was heard last of it */
    vow_saga_result_fn *done;
    void *ctx;

    pthread_mutex_t lock;
    struct vow_gtrid shown; /* under the lock: id, or what the request that is under way has */
};

void vow_saga_let_go(struct vow_saga *saga);

#endif
