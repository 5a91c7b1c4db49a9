/* The point that a replay goes up to, as people write it: an LSN, or a time. Pure. */
#ifndef VOW_COORDINATOR_FOLD_UNTIL_H
#define VOW_COORDINATOR_FOLD_UNTIL_H

#include "coordinator/journal/journal.h"

/* Room for what vow_until_print() writes. */
#define VOW_UNTIL_SIZE 40

/*
 * "4711" is an LSN. "2026-11-26T12:58:53.235172Z" is a time, as `vowctl history` prints it; seconds and their fraction
 * may be left out, a space may stand for the T, and +HH:MM or -HH:MM for the Z. One of them must stand there: a time
 * without its zone is another one on another machine. NULL, or why it is none of these.
 */
const char *vow_until_parse(const char *text, struct vow_journal_until *until);
/* In a form that vow_until_parse() takes, whatever the zone was. */
void vow_until_print(const struct vow_journal_until *until, char out[VOW_UNTIL_SIZE]);
/* A time as vow_until_parse() takes it, in UTC. */
void vow_wall_print(uint64_t wall_us, char out[VOW_UNTIL_SIZE]);

#endif
