/* How a transaction that has nothing left to do ends: counted, remembered, answered, noted in the history. */
#ifndef VOW_COORDINATOR_OUTCOME_H
#define VOW_COORDINATOR_OUTCOME_H

#include "coordinator/core/core.h"

/* Why and by whom a transaction is aborted. */
struct coord_blame {
    enum vow_cause cause;
    uint32_t peer;    /* COORD_NIL: nobody, or one that was never seen */
    const char *name; /* "" or the name of one that was never seen; unused if peer is set */
    const char *text; /* the participant's words, or "" */
};

/* Nobody's fault. */
struct coord_blame coord_blame_nobody(enum vow_cause cause);
struct coord_blame coord_blame_branch(enum vow_cause cause, const struct branch *branch, const char *text);

/* An entry is not needed. The answer goes to `client`. */
void coord_conclude_aborted(struct vow_coord *core, const struct vow_gtrid *gtrid, uint64_t client,
                            const struct coord_blame *blame);
void coord_conclude_read_only(struct vow_coord *core, const struct vow_gtrid *gtrid, uint64_t client);
/* Aborts an entry: presumed abort, so nothing is forced and no acknowledgement is expected (protocol 2.2). */
void txn_abort(struct vow_coord *core, struct txn *txn, const struct coord_blame *blame);
/* What is remembered of an ended transaction, as an answer. */
void coord_reply_ended(struct vow_coord *core, uint64_t session, const struct ended *ended);

#endif
