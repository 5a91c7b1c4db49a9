/* Whom a transaction waits for, out of its row. */
#ifndef VOW_CTL_OWING_H
#define VOW_CTL_OWING_H

#include <jansson.h>
#include <stdbool.h>

/* The branch owes a vote or, in a transaction that is committing, an acknowledgement: nobody acknowledges who voted
 * READ_ONLY. state: the transaction's. */
bool branch_is_owing(const json_t *branch, const char *state);

#endif
