/*
 * What the handles of <vow/resource.h> point to. There are two of each: the store's, and the test's
 * (participant/testing), so that a resource can be called without a store over it. The test is a library of its own, so
 * what both need is here.
 */
#ifndef VOW_PARTICIPANT_STORE_RESOURCE_HANDLES_H
#define VOW_PARTICIPANT_STORE_RESOURCE_HANDLES_H

#include <stdbool.h>

#include <vow/resource.h>

/* struct vow_answer.of */
struct vow_answer_of {
    int (*say)(struct vow_answer_of *of, uint64_t ticket, enum vow_said said, enum vow_cause cause, const char *why);
};

struct vow_recovery {
    int (*list)(struct vow_recovery *recovery, const char *branch, enum vow_found found);
};

enum ask { ASK_PREPARE, ASK_COMMIT, ASK_ABORT };

/* "prepare", ... */
static inline const char *ask_name(enum ask ask)
{
    return ask == ASK_PREPARE ? "prepare" : ask == ASK_COMMIT ? "commit" : "abort";
}

static inline bool is_reason_for_no(enum vow_cause cause)
{
    return cause == VOW_CAUSE_NONE || cause == VOW_CAUSE_HANDLER_REFUSED || cause == VOW_CAUSE_HANDLER_FAILED ||
           cause == VOW_CAUSE_NO_SUCH_HANDLER || cause == VOW_CAUSE_CONSTRAINT || cause == VOW_CAUSE_LOCK_CONFLICT ||
           cause == VOW_CAUSE_NO_SPACE || cause == VOW_CAUSE_PARTICIPANT_FAILED;
}

/* Which answers are right. */
static inline bool answer_is_allowed(enum ask ask, enum vow_said said, enum vow_cause cause)
{
    switch (said) {
    case VOW_SAID_YES:
    case VOW_SAID_READ_ONLY:
        return ask == ASK_PREPARE;
    case VOW_SAID_NO:
        return ask == ASK_PREPARE && is_reason_for_no(cause);
    case VOW_SAID_UNKNOWN:
        return ask == ASK_COMMIT;
    case VOW_SAID_DONE:
    case VOW_SAID_TRY_AGAIN:
        return ask == ASK_COMMIT || ask == ASK_ABORT;
    case VOW_SAID_BROKEN:
        return true;
    case VOW_SAID_LATER:
        return false;
    }
    return false; /* a number that is none of them: the caller's, so no assertion */
}

#endif
