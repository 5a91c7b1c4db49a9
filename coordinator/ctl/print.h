/* Rows of JSON for people: what each command prints without --json. */
#ifndef VOW_CTL_PRINT_H
#define VOW_CTL_PRINT_H

#include <jansson.h>
#include <stdbool.h>

void print_status(const json_t *row);
/* True if the row is the end of an answer, which says how many are not in it: it is printed. */
bool print_left_out(const json_t *row);
void print_list(const json_t *rows);
void print_txn(const json_t *row);
/* list --in-doubt: transactions with their branches, or the branches of one participant. */
void print_in_doubt(const json_t *rows);
void print_history(const json_t *rows);
void print_sagas(const json_t *rows);
void print_saga(const json_t *rows);
/* Of a history: what a group makes of an event. */
void print_reaction(const json_t *row);
void print_topics(const json_t *rows);
/* Groups of the past: nobody is connected. */
void print_groups(const json_t *rows);
void print_dead_list(const json_t *rows);
void print_dead(const json_t *row);
void print_peers(const json_t *rows);

#endif
