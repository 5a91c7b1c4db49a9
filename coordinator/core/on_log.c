/* A record is durable: whatever depends on it happens here and nowhere else (mistake 1). */
#include "coordinator/core/dispatch.h"
#include "coordinator/core/emit.h"
#include "coordinator/core/ended.h"
#include "coordinator/core/keys.h"
#include "coordinator/core/txn.h"
#include "proto/assert.h"

void coord_on_commit_logged(struct vow_coord *core, struct input *in)
{
    struct txn *txn = in->txn;

    txn->unacknowledged = txn->yes;
    txn_move(core, txn, TXN_COMMITTING);
    core->counts.committed++;
    coord_keep_key(core, txn);
    coord_reply_outcome(core, txn->client, in->gtrid, VOW_COMMITTED);
    for (struct branch *b = branch_at(core, txn->first); b != NULL; b = branch_at(core, b->next)) {
        if (b->vote == VOW_VOTE_YES)
            coord_tell_commit(core, txn, b);
    }
    txn_arm_resend(core, txn);
}

/* Only now the forget watermark may pass it: a lost END would bring COMMITs back to participants that forgot. */
void coord_on_end_logged(struct vow_coord *core, struct input *in)
{
    const struct txn *txn = in->txn;
    int damage = vow_damage_error((enum vow_damage)txn->damage);

    txn_move(core, in->txn, TXN_NONE);
    if (txn->is_reported)
        coord_ended_add(core, in->gtrid, (enum vow_outcome)txn->outcome, (enum vow_cause)txn->cause, COORD_NIL);
    else
        coord_ended_add_logged(core, in->gtrid);
    if (damage == 0)
        return;
    coord_ended_damage(core, in->gtrid, damage);
    coord_damage_key(core, in->gtrid, (enum vow_damage)txn->damage);
}

/* The journal knows the outcome, so the participant's memo has done its work. */
void coord_on_note_logged(struct vow_coord *core, struct input *in)
{
    struct txn *txn = in->txn;
    const struct branch *branch = branch_at(core, txn->first);
    struct vow_msg *msg;

    txn_move(core, txn, TXN_NONE);
    coord_ended_add(core, in->gtrid, VOW_COMMITTED, VOW_CAUSE_NONE, COORD_NIL);
    if (branch_peer(core, branch)->session != 0) {
        msg = coord_send(core, branch, VOW_MSG_FORGET);
        msg->forget.header = coord_header(core, txn, branch);
    }
}

void coord_take_log_done(struct vow_coord *core, uint64_t token)
{
    struct input in = {.event = TXN_ON_LOGGED};

    if (token == 0)
        return;
    in.txn = txn_of_token(core, token);
    /* An entry stays until its record is durable: another token is a bug of the driver. */
    VOW_ASSERT(in.txn != NULL);
    in.gtrid = &in.txn->gtrid;
    coord_dispatch(core, &in);
}
