/*
 * Golden traces: a readable scenario is replayed and what the core does is written under each command, in lines that
 * start with two spaces. Commands:
 *
 *   peer NAME [restarted|wiped]      a participant connects; with a new incarnation; with another data file, too
 *   peer NAME replaced|restored      with another data file in the same incarnation; with an older incarnation
 *   down NAME                        a connection is gone
 *   id TXN                           the id is granted now, and used later
 *   begin|rollback CLIENT TXN        TXN is any word; one that ends in "!" allows one-phase commit
 *   commit CLIENT TXN NAME...        one call for each name; NAME:OPS counts joined work instead
 *     begin and commit take          key=WORD timeout=MS, too
 *   status CLIENT TXN [NAME]
 *   enlist|inquire NAME TXN
 *   vote NAME TXN yes|read-only|no
 *   ack NAME TXN done|no-record
 *   one-phase NAME TXN committed|aborted|no-record
 *   logged                           all records so far are durable, the lookups are answered
 *   after MS                         time passes
 *   drain
 *   crash                            what was not durable is lost; the next epoch starts and reads the log
 *   recovered                        it has read it all
 *   foreign|forged|newer TXN         TXN is an id of another coordinator, a guess, of an epoch to come
 *   retain nothing                   the journal forgets all that ended
 */
#ifndef VOW_TEST_SCRIPT_H
#define VOW_TEST_SCRIPT_H

/* Returns the scenario with the core's own output in it, to be freed by the caller. */
char *script_replay(const char *scenario);

#endif
