/*
 * Sagas in a small world: the core, a log that a crash cuts off, a network that loses and repeats, and participants
 * with the barrier of sagas 4.3 as a model. One seed decides everything.
 */
#ifndef VOW_TESTS_SAGA_WORLD_H
#define VOW_TESTS_SAGA_WORLD_H

#include "coordinator/core/saga/saga.h"

#define WORLD_SAGAS 4
#define WORLD_STEPS 6

/* What a participant's disk says of a step. */
struct world_effect {
    bool done, undone, rejected, blocked;
    uint32_t done_at, undone_at; /* moments */
};

struct world_saga {
    struct vow_msg_saga_request request;
    struct vow_msg_saga_step steps[WORLD_STEPS];
    struct world_effect effects[WORLD_STEPS];
    bool asked, closed;
    enum vow_saga_state told; /* the newest */
};

struct world_options {
    uint64_t seed;
    uint32_t crashes;        /* of the coordinator, at most */
    uint32_t lost, rejected; /* of 100 messages; of 100 actions that may be refused */
    bool is_cancelled;       /* clients cancel now and then */
    uint32_t full;           /* of 100 messages to a participant: not sent, for much waits for it */
    uint32_t refused;        /* of 100 compensations and retriable actions: refused, which they may not be */
};

struct world {
    struct world_options options;
    uint64_t random, now_ms;
    uint32_t moment, crashes_left;
    void *memory;
    struct vow_sagas *core;
    struct world_saga sagas[WORLD_SAGAS];
    struct vow_sagas_effect *mail; /* SEND effects under way, and answers as MESSAGE */
    size_t mail_len;
    struct vow_record log[16384]; /* durable up to log_durable */
    uint64_t tokens[16384];
    size_t log_len, log_durable;
    bool up[2]; /* participants a, b */
    bool is_full[2];
    struct vow_sagas_event unsent[256]; /* of the step under way */
    size_t unsent_len;
    uint64_t sessions;
    uint64_t session_of[2];
    uint32_t alarms;
    bool calm; /* no faults any more */
};

/* Runs a world to its end: all sagas asked for have ended, what got stuck is tried again. */
void world_run(struct world *world, const struct world_options *options);
void world_free(struct world *world);
/* Fails the running test if S1 to S6 of sagas 4.5 do not hold. */
void world_check(const struct world *world);

#endif
