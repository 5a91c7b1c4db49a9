/*
 * What a saga is made of, and how far it has come: the words that clients, participants and the coordinator share. A
 * saga is a row of local transactions, each at one participant, each with one that undoes it; <vow/saga.h> is how to
 * run one.
 *
 * Values never change and are never reused: they travel on the wire and lie in the journal.
 */
#ifndef VOW_PROTO_SAGA_H
#define VOW_PROTO_SAGA_H

#include <stdint.h>

#include "export.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Steps of one saga, at most. */
#define VOW_STEPS_MAX 64
/* What a step answers, at most, in bytes: its compensation gets it. */
#define VOW_STEP_ANSWER_MAX 1024
/* No step is meant. */
#define VOW_STEP_NONE UINT32_MAX

/* The place of a step in its saga: compensatable ones, at most one pivot, retriable ones. */
enum vow_step_kind {
    VOW_STEP_COMPENSATABLE = 1, /* can be undone */
    VOW_STEP_PIVOT = 2,         /* the last that may be refused: once it is done the saga goes forward only */
    VOW_STEP_RETRIABLE = 3,     /* cannot be refused: it is tried until it is done */
};

/* How far a saga has come. The last three are its end, for ever. */
enum vow_saga_state {
    VOW_SAGA_UNKNOWN = 0,            /* nothing is told of it here; never assume an end, nor that it did not begin */
    VOW_SAGA_RUNNING = 1,            /* forward; that it began is on disk */
    VOW_SAGA_COMPENSATING = 2,       /* it has failed, and what was done is being undone */
    VOW_SAGA_STUCK_FORWARD = 3,      /* after its pivot, and a step is not done: an operator has to see to it */
    VOW_SAGA_STUCK_COMPENSATING = 4, /* a compensation is not done: likewise */
    VOW_SAGA_COMPLETED = 5,          /* all steps are done */
    VOW_SAGA_COMPENSATED = 6,        /* all that was done is undone */
    VOW_SAGA_CLOSED = 7,             /* by an operator, with a reason, as it was: some steps done, some not */
};

/* The state in words for programs and logs: "running", "stuck-forward", ...; "?" for a number that is none. The text
 * lives for ever. */
VOW_EXPORT const char *vow_saga_state_name(int state);

#ifdef __cplusplus
}
#endif

#endif
