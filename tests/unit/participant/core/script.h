/*
 * Scenarios as text: tests/golden/participant/NAME.txt. A line at the margin is a comment (#) or a command; the
 * indented lines beneath a command are the effects it must have. Running a scenario writes it anew, with the effects
 * that the core really had.
 *
 *   start [branches=N] [aborted=N] [incarnation=N] [coord=N] [epoch=N] [watermark=E.S]     a new core; also a restart
 *   prepare ID | one-phase ID    [calls=N] [ops=N] + header + [watermark=E.S]
 *   commit ID | abort ID         + header + [watermark=E.S]
 *   query ID | forget ID         + header              wait ID [reason=1|2|3] + header
 *   store OP ID RESULT [cause=N] [text=WORD]           the store has done: PREPARE t1 DONE, COMMIT t1 NO_RECORD, ...
 *   join ID                      enlisted ID [error=N] [left=MS] + header
 *   timer [after=MS]             lets MS pass, or the time to the deadline, and feeds TIMER
 *   pass MS                      lets time pass
 *   coord-up [coord=N] [epoch=N] [watermark=E.S]       coord-down
 *   recovered ID                 counts
 *
 * header: [epoch=N] [incarnation=N] [attempt=N] [b=N]. An ID is tN, with @E for another epoch than 3; xN is a foreign
 * one.
 */
#ifndef VOW_TESTS_PARTICIPANT_SCRIPT_H
#define VOW_TESTS_PARTICIPANT_SCRIPT_H

#include <stdio.h>

/*
 * Runs a scenario. Returns it with what really happened, to be freed. Exits the process with a word if it cannot be
 * read.
 */
char *script_run(const char *text);

/* The effects of the last step, a line each. */
struct fixture;
void script_put_effects(FILE *out, const struct fixture *f);

#endif
