/*
 * The answers that a resource owes (<vow/resource.h>): a table of the calls that are not answered yet. vow_answer() may
 * come from any thread, twice, or after the participant is closed; so a handle is a place in the table and a number
 * that is used once, and the table outlives the store for as long as an answer is missing.
 */
#ifndef VOW_PARTICIPANT_STORE_ANSWERS_H
#define VOW_PARTICIPANT_STORE_ANSWERS_H

#include <stdbool.h>
#include <stdint.h>

#include "participant/store/resource_handles.h"
#include "proto/message.h"

/* What was said. */
struct answer {
    void *item; /* as given to answers_ask() */
    enum vow_said said;
    enum vow_cause cause;
    char why[VOW_TEXT_SIZE];
};

struct answers;

/* Room for this many; NULL if there is no memory. */
struct answers *answers_new(uint32_t answers_max);
/* wake(ctx) is called, on any thread, when an answer has come; NULL = nobody is woken. The call before is not under way
 * any more when this returns. */
void answers_wake_with(struct answers *answers, void (*wake)(void *ctx), void *ctx);
/* A new handle; false if there is no room. */
bool answers_ask(struct answers *answers, void *item, enum ask ask, struct vow_answer *answer);
/* The call has returned its answer. False if vow_answer() was called as well. */
bool answers_returned(struct answers *answers, struct vow_answer answer);
/* Takes one answer that has come, in the order of the table; false if there is none. */
bool answers_take(struct answers *answers, struct answer *out);
/* Waits until none is missing, wait_ms at most. */
void answers_await(struct answers *answers, uint32_t wait_ms);
/* The store's last call: later answers get VOW_E_CLOSED. NULL is allowed. */
void answers_close(struct answers *answers);

#endif
