/*
 * What a command by hand does to a transaction, and what it may break, in words that fit the case: said before anybody
 * is asked whether it shall be done. Made of the row that SHOW gave, and of nothing else.
 */
#ifndef VOW_COORDINATOR_CTL_EXPLAIN_H
#define VOW_COORDINATOR_CTL_EXPLAIN_H

#include <jansson.h>

#include "proto/message.h"

#define EXPLAIN_SIZE 1600

enum explained {
    EXPLAINED_HARMLESS, /* it contradicts nobody */
    EXPLAINED_DAMAGING, /* it may or will break the transaction */
    EXPLAINED_REFUSED,  /* it is not to be done: the text says what is true instead */
};

/* participant: "" = the transaction itself. row is of vowd, or of a participant that was asked itself. */
enum explained explain(enum vow_admin_command command, const json_t *row, const char *participant,
                       char out[EXPLAIN_SIZE]);

/* The row is a participant's own. */
bool row_is_own(const json_t *row);

#endif
