/*
 * What the handles of <vow/resource.h> point to. There are two of each: the store's, and the test's
 * (participant/testing), so that a resource can be called without a store over it.
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

/* Which answers are right. */
enum ask { ASK_PREPARE, ASK_COMMIT, ASK_ABORT };
bool answer_is_allowed(enum ask ask, enum vow_said said, enum vow_cause cause);
/* "prepare", ... */
const char *ask_name(enum ask ask);

#endif
