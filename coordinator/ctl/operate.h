/* commit, abort, forget, ...: what a person decides by hand. Looks first, explains, asks, and then does it. */
#ifndef VOW_COORDINATOR_CTL_OPERATE_H
#define VOW_COORDINATOR_CTL_OPERATE_H

#include <stdbool.h>

#include "proto/address.h"
#include "proto/message.h"

struct operation {
    struct vow_address address;
    unsigned timeout_ms;
    enum vow_admin_command command;
    struct vow_gtrid gtrid;
    const char *participant; /* "" = the transaction itself */
    const char *offset;      /* of a dead letter, whose group is the participant; NULL = it is not about one */
    const char *to;          /* where a group goes on: "oldest", "newest", or an offset; else NULL */
    const char *reason;
    const char *as; /* NULL = the user's name and the host's */
    bool yes, json;
};

/* Bytes. Who and why go into one text of the history, together with the order itself: where that is long, less. */
#define OPERATION_WHO_MAX 60
#define OPERATION_REASON_MAX 120

/* Beside those of vowctl: 0 done, 1 no answer (nothing was done), 2 wrong flags, 3 no such transaction. */
enum operated {
    OPERATED_REFUSED = 4, /* nothing was done */
    OPERATED_NOT_CONFIRMED = 5,
    OPERATED_UNKNOWN = 6, /* it may have been done */
};

/* An exit status; all that is to be said is said. */
int operate(const struct operation *operation);

#endif
