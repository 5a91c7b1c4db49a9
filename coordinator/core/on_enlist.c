/* Joined work: a participant says that it works for a transaction. */
#include "coordinator/core/dispatch.h"
#include "coordinator/core/emit.h"
#include "coordinator/core/peers.h"
#include "coordinator/core/txn.h"
#include "proto/error.h"

/* 0, or why the participant cannot be enlisted. */
static int judge(const struct vow_coord *core, const struct txn *txn, const struct branch *branch)
{
    /* It restarted or lost its data file since it enlisted: what it did before is gone (mistake 19). */
    if (branch != NULL)
        return coord_peer_is_same_life(core, branch) ? 0 : VOW_E_REFUSED;
    if (txn->branches_len == VOW_CALLS_MAX)
        return VOW_E_TOO_LARGE;
    return coord_branches_allowed(core) > 0 ? 0 : VOW_E_BUSY;
}

void coord_on_enlist(struct vow_coord *core, struct input *in)
{
    uint32_t peer = coord_peer_of_session(core, in->session);
    struct branch *branch;
    int error;

    if (peer == COORD_NIL || core->peers[peer].incarnation != in->header->incarnation) {
        core->counts.protocol_errors++;
        coord_answer_enlisted(core, in, 0, VOW_E_REFUSED);
        return;
    }
    /* Twice is once (F175). */
    branch = txn_branch_of_peer(core, in->txn, peer);
    error = judge(core, in->txn, branch);
    if (error == 0 && branch == NULL) {
        branch = txn_add_branch(core, in->txn, in->txn->branches_len, peer);
        branch->contacted = true;
    }
    coord_answer_enlisted(core, in, branch != NULL ? branch->number : 0, error);
}

void coord_on_late_enlist(struct vow_coord *core, struct input *in)
{
    coord_answer_enlisted(core, in, 0, VOW_E_REFUSED);
}
