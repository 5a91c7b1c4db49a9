/*
 * What an operator may do about a branch, in one sentence that is made of facts and of nothing else. It is read at
 * three in the morning: it names the command, and says what the command may break. Pure.
 */
#ifndef VOW_PARTICIPANT_ADVICE_H
#define VOW_PARTICIPANT_ADVICE_H

#include <stdbool.h>
#include <stddef.h>

#include "participant/core/branch.h"

struct vow_advice_facts {
    const struct vow_branch_view *view;
    const char *id;   /* of the transaction, as printed */
    const char *self; /* this participant's name */
    bool connected;   /* to the coordinator */
    bool is_stalled;  /* the store has decided work that it cannot write */
};

#define VOW_ADVICE_SIZE 400u

/* What the branch waits for, and what is safe to do. */
void vow_advice_waits_for(const struct vow_advice_facts *facts, char out[VOW_ADVICE_SIZE]);
void vow_advice_safe(const struct vow_advice_facts *facts, char out[VOW_ADVICE_SIZE]);

#endif
