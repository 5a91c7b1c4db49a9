/* Votes: protocol 2.2, PREPARING. Sender, incarnation and epoch were checked before. */
#include <string.h>

#include "coordinator/core/dispatch.h"
#include "coordinator/core/emit.h"
#include "coordinator/core/keys.h"
#include "coordinator/core/outcome.h"
#include "coordinator/core/txn.h"

/* The decision names whom it binds: without the yes-list, recovery would not know whom to tell (mistake 13). */
static void force_commit(struct vow_coord *core, struct txn *txn)
{
    struct vow_record *record;
    uint32_t len = 0;

    coord_log_key(core, txn);
    record = coord_log(core, VOW_RECORD_COMMIT, &txn->gtrid, txn_token(core, txn), true);
    for (const struct branch *b = branch_at(core, txn->first); b != NULL; b = branch_at(core, b->next)) {
        struct vow_record_branch *member = &core->yes_list[len];

        if (b->vote != VOW_VOTE_YES)
            continue;
        memset(member, 0, sizeof(*member));
        memcpy(member->name, branch_peer(core, b)->name, sizeof(member->name));
        memcpy(member->db_uuid, b->db_uuid, sizeof(member->db_uuid));
        member->branch = b->number;
        member->incarnation = b->incarnation;
        len++;
    }
    record->branches = core->yes_list;
    record->branches_len = len;
}

static void decide(struct vow_coord *core, struct txn *txn)
{
    if (txn->yes == 0) {
        coord_keep_key(core, txn);
        txn_move(core, txn, TXN_NONE);
        coord_conclude_read_only(core, &txn->gtrid, txn->client);
        return;
    }
    /* From here on the outcome is the log's: no timer, cancel or loss changes it (mistake 16). */
    txn_disarm(core, txn);
    txn_move(core, txn, TXN_DECIDING);
    force_commit(core, txn);
}

static enum vow_vote vote_of(const struct input *in)
{
    return in->event == TXN_ON_VOTE_YES ? VOW_VOTE_YES : VOW_VOTE_READ_ONLY;
}

void coord_on_vote(struct vow_coord *core, struct input *in)
{
    struct branch *branch = in->branch;
    struct txn *txn = in->txn;

    /* The first vote stands. */
    if (branch->vote != 0) {
        if (branch->vote != (uint8_t)vote_of(in))
            coord_alarm(core, in->gtrid, "a participant changed its vote (F171)", branch_peer(core, branch)->name);
        return;
    }
    branch->vote = (uint8_t)vote_of(in);
    txn->votes++;
    txn->yes += branch->vote == VOW_VOTE_YES;
    if (txn->votes == txn->branches_len)
        decide(core, txn);
}

void coord_on_vote_no(struct vow_coord *core, struct input *in)
{
    struct branch *branch = in->branch;
    const struct vow_msg_vote *vote = &in->msg->vote;
    enum vow_cause cause = vote->cause != VOW_CAUSE_NONE ? vote->cause : VOW_CAUSE_HANDLER_REFUSED;
    struct coord_blame blame = coord_blame_branch(cause, branch, vote->text);

    /* A duplicate PREPARE met a read-only voter that has forgotten: the first vote stands. */
    if (branch->vote == VOW_VOTE_READ_ONLY)
        return;
    /* YES, then NO: still undecided, so an abort is the safe end. Its YES stands: it may be prepared and is told. */
    if (branch->vote == VOW_VOTE_YES)
        coord_alarm(core, in->gtrid, "a participant changed its vote (F171)", branch_peer(core, branch)->name);
    else
        branch->vote = VOW_VOTE_NO;
    txn_abort(core, in->txn, &blame);
}

void coord_on_late_no(struct vow_coord *core, struct input *in)
{
    if (in->branch->vote == VOW_VOTE_YES)
        coord_alarm(core, in->gtrid, "a participant changed its vote (F171)", branch_peer(core, in->branch)->name);
}
