/* What a transaction ended as, as far as the speaker knows. Data, never an error. */
#ifndef VOW_PROTO_OUTCOME_H
#define VOW_PROTO_OUTCOME_H

#include "export.h"

#ifdef __cplusplus
extern "C" {
#endif

/* How a transaction ended, or that this is not known. */
enum vow_outcome {
    VOW_COMMITTED = 1, /* everywhere, for ever: the decision is on disk */
    VOW_ABORTED = 2,   /* nowhere, for ever; the cause is from the closed list (cause.h) */
    VOW_UNKNOWN = 3,   /* not known here or not yet; ask again with the id; never assume an abort */
    VOW_PENDING = 4,   /* only as an answer to a status request: still undecided */
};

/* "committed", "aborted", "unknown", "pending"; "?" for a number that is none. The text lives for ever. */
VOW_EXPORT const char *vow_outcome_name(int outcome);

#ifdef __cplusplus
}
#endif

#endif
