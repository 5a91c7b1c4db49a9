/*
 * What is safe to do about a transaction, in one sentence, computed from what the coordinator knows and from nothing
 * else. An operator reads it at three in the morning: it says what will end it without a hand, then which command may
 * be used, and what that command may break. Pure.
 */
#ifndef VOW_COORDINATOR_ADVICE_H
#define VOW_COORDINATOR_ADVICE_H

#include <stdbool.h>

#include "coordinator/core/coord.h"

#define ADVICE_SIZE 600u

void advise(const struct vow_coord_txn_view *view, char out[ADVICE_SIZE]);

/* Not decided, and one branch has been ended by hand before. */
void advise_by_hand(const char *id, const char *participant, bool committed, char out[ADVICE_SIZE]);

/* A branch that a participant holds prepared, and of whose transaction this coordinator has nothing in memory. */
struct stray {
    const char *id, *participant;
    bool is_ours; /* its id names this coordinator */
};
void advise_stray(const struct stray *stray, char out[ADVICE_SIZE]);

/* The names of the branches that the transaction waits for, by commas: those connected, or those that are not. */
#define NAMES_SIZE 200u
unsigned owing_names(const struct vow_coord_txn_view *view, bool connected, char out[NAMES_SIZE]);

#endif
