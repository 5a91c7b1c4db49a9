/*
 * The messages of sagas (docs/sagas.md): a client hands a saga over, the coordinator has its steps done one stage after
 * the other, and undone in reverse if one cannot be. Part of message.h, which is what to include.
 *
 * A step is named by (gtrid, step, direction): that is the key of the barrier, under which a participant does a thing
 * once. The attempt only tells a late answer from the one that is waited for.
 */
#ifndef VOW_PROTO_MESSAGE_SAGA_H
#define VOW_PROTO_MESSAGE_SAGA_H

#include <stdbool.h>
#include <stdint.h>

#include "proto/cause.h"
#include "proto/gtrid.h"
#include "proto/saga.h"
#include "proto/slice.h"

enum vow_step_direction { VOW_STEP_ACTION = 1, VOW_STEP_COMPENSATION = 2 };

/* What became of one attempt. */
enum vow_step_result {
    VOW_STEP_DONE = 1, /* durable, now or by an earlier attempt */
    /* Refused: nothing of it happened. Of an action for good and durably: nor ever will. What may not be refused, which
     * is a compensation and a retriable action, can be ordered again. */
    VOW_STEP_REJECTED = 2,
    VOW_STEP_TOO_LATE = 3, /* an action whose compensation came before it: nothing of it happened, nor ever will */
    /* This attempt did nothing. Another may do it (a row is held, no space), and an earlier one may have done it (the
     * participant keeps no record from so long ago). */
    VOW_STEP_NOT_YET = 4,
    VOW_STEP_UNABLE = 5, /* nothing of this attempt happened, and another one would fare no better now: no such
                            handler, or the key was used for another request. It is not remembered */
};

/* A step as the client orders it. A number that is 0 is the coordinator's default. */
struct vow_msg_saga_step {
    enum vow_step_kind kind;
    uint32_t stage;           /* steps of one stage run at once, stages in order: from 0, without a gap */
    const char *participant;  /* who does it */
    const char *action;       /* handler */
    const char *compensation; /* handler; "" = none: not for what comes before the pivot */
    struct vow_slice payload; /* both handlers get it */
    uint32_t attempts_max;    /* then it counts as failed, or raises an alarm if it may not fail */
    uint32_t attempt_ms;      /* an attempt without an answer counts as lost after that */
    uint32_t deadline_ms;     /* of the step, since its stage has begun; no attempt after it */
    uint32_t backoff_ms;      /* between attempts: at random, up to this, twice as much, ... */
    uint32_t backoff_max_ms;  /* ... up to this */
};

struct vow_msg_saga_request {
    struct vow_gtrid gtrid;
    uint32_t deadline_ms; /* of the saga: then it is compensated, if it is before its pivot; 0 = none */
    const char *key;      /* "" = none */
    uint32_t steps_len;   /* 1 to VOW_STEPS_MAX */
    const struct vow_msg_saga_step *steps;
};

/* What is wrong with an order, in one line for whoever made it; NULL = nothing. *step is the one it is about. Of the
 * first steps of an order it says what it says of the whole, so that a builder may ask after each. */
const char *vow_saga_fault(const struct vow_msg_saga_request *request, uint32_t *step);

/* Answered by SAGA_STATE at once, and, if `follow`, again when the saga has ended. So is SAGA_REQUEST. */
struct vow_msg_saga_query {
    struct vow_gtrid gtrid;
    bool follow;
};

struct vow_msg_saga_state {
    struct vow_gtrid gtrid;
    enum vow_saga_state state; /* 0 with an error: nothing is told of the saga */
    enum vow_cause cause;      /* why it is compensated, or stuck */
    int error;                 /* 0, or why the request was not done: VOW_E_BUSY, VOW_E_NOT_FOUND, VOW_E_STATE, ... */
    uint32_t step;             /* that caused it, or that the error is about; VOW_STEP_NONE */
    const char *text;          /* the participant's words, or what is wrong with the request; may be "" */
    uint32_t retry_after_ms;   /* for VOW_E_BUSY */
    struct vow_gtrid named;    /* the saga that the request's key names, and that this tells of; none = gtrid */
};

/* Coordinator to participant: do this, if it was not done under this key. */
struct vow_msg_step {
    struct vow_gtrid gtrid;
    uint32_t step;
    enum vow_step_direction direction;
    uint32_t attempt; /* from 1 */
    uint32_t epoch;
    const char *handler;
    struct vow_slice payload;
    struct vow_slice answer; /* COMPENSATION: what the action answered, if that is known */
    /* A refusal of what must be done is not remembered. 0 = by a coordinator that does not say: each is. */
    enum vow_step_kind kind;
};

struct vow_msg_step_done {
    struct vow_gtrid gtrid;
    uint32_t step;
    enum vow_step_direction direction;
    uint32_t attempt;
    enum vow_step_result result;
    enum vow_cause cause;    /* of what is not DONE */
    const char *text;        /* likewise */
    struct vow_slice answer; /* of what is DONE; at most VOW_STEP_ANSWER_MAX */
};

#endif
