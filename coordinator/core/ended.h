/* The ring of outcomes of transactions that have left memory, for clients that ask again. The journal holds the
 * rest. */
#ifndef VOW_COORDINATOR_ENDED_H
#define VOW_COORDINATOR_ENDED_H

#include "coordinator/core/core.h"

/* Remembers an outcome in place of the oldest one. who: a peer or COORD_NIL. */
void coord_ended_add(struct vow_coord *core, const struct vow_gtrid *gtrid, enum vow_outcome outcome,
                     enum vow_cause cause, uint32_t who);
/* The same for a commit that has a COMMIT record. */
void coord_ended_add_logged(struct vow_coord *core, const struct vow_gtrid *gtrid);
/* It was not atomic, and an operator has seen to that. */
void coord_ended_damage(struct vow_coord *core, const struct vow_gtrid *gtrid, int error);
/* NULL if it is not remembered. */
const struct ended *coord_ended_find(const struct vow_coord *core, const struct vow_gtrid *gtrid);

#endif
