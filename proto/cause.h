/*
 * Why a transaction was aborted: the closed list of cause.def, a word and a text each. All here may be called from any
 * thread; texts live for ever.
 */
#ifndef VOW_PROTO_CAUSE_H
#define VOW_PROTO_CAUSE_H

#include <stdbool.h>

#include "export.h"

#ifdef __cplusplus
extern "C" {
#endif

/* clang-format off */
/* The causes of an abort. The list is closed: a program may switch over it. Values never change. */
enum vow_cause {
#define CAUSE(name, value, word, text) VOW_CAUSE_##name = value,
#include "cause.def"
#undef CAUSE
};
/* clang-format on */

/* True if the number is one of enum vow_cause. */
VOW_EXPORT bool vow_cause_is_valid(int cause);

/*
 * True if the same work may go through as a new transaction, after a short wait: a lock, a connection, a slow vote, a
 * full disk or a restart was in the way. The passing causes are VOTE_TIMEOUT, PARTICIPANT_UNAVAILABLE,
 * PARTICIPANT_LOST, PARTICIPANT_FAILED, LOCK_CONFLICT, NO_SPACE, STALE_INCARNATION, COORDINATOR_RESTART and PRESUMED.
 *
 * False for what will say no again (HANDLER_FAILED, too: the handler's code met an error), for what the client asked
 * for or ran into by itself (CLIENT_ROLLBACK, CLIENT_LOST, TXN_TIMEOUT, LOST_WORK, TOO_LATE: whether there is time for
 * another try is the client's to say), for VOW_CAUSE_NONE and for a number that is none.
 */
VOW_EXPORT bool vow_cause_is_passing(int cause);

/* The cause in one word for programs and logs, lower case joined by '-': "lock-conflict". "?" for a number that is
 * none. */
VOW_EXPORT const char *vow_cause_name(int cause);

/* The cause in a few words for people. "?" for a number that is none. */
VOW_EXPORT const char *vow_cause_text(int cause);

#ifdef __cplusplus
}
#endif

#endif
