/* From a client's COMMIT_REQUEST to PREPARE: who takes part, and what each is sent. */
#ifndef VOW_COORDINATOR_PREPARE_H
#define VOW_COORDINATOR_PREPARE_H

#include "coordinator/core/core.h"

struct coord_plan {
    uint32_t new_branches;   /* participants of the calls that are not enlisted yet */
    const char *unavailable; /* the first participant that is not connected, or NULL */
    uint32_t unavailable_peer;
};

/* Looks up the participant of each call (into core->call_peers). txn: those already enlisted; or NULL. */
struct coord_plan coord_plan_calls(struct vow_coord *core, const struct txn *txn,
                                   const struct vow_msg_commit_request *request);
/* Adds the planned branches, sends every branch its calls, moves to PREPARING or DELEGATED. All are connected. */
void txn_prepare(struct vow_coord *core, struct txn *txn, const struct vow_msg_commit_request *request);

#endif
