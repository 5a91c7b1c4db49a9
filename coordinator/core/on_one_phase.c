/* One-phase commit: the only participant holds the outcome, the coordinator asks until it knows and never guesses
 * (F015). */
#include "coordinator/core/dispatch.h"
#include "coordinator/core/emit.h"
#include "coordinator/core/outcome.h"
#include "coordinator/core/peers.h"
#include "coordinator/core/txn.h"
#include "proto/error.h"

void coord_on_one_phase_committed(struct vow_coord *core, struct input *in)
{
    struct txn *txn = in->txn;

    txn_disarm(core, txn);
    txn_move(core, txn, TXN_FORGETTING);
    if (!txn->question) {
        core->counts.committed++;
        core->counts.one_phase++;
    }
    coord_reply_outcome(core, txn->client, in->gtrid, VOW_COMMITTED);
    /* The participant's memo must outlive this note, so it is written even where notes are switched off. */
    coord_log(core, VOW_RECORD_ONE_PHASE, in->gtrid, txn_token(core, txn), false);
}

/*
 * From another data file, or this one out of a backup, "not committed" says nothing of the file that was asked: the
 * outcome stays in doubt and is asked for again (F044, F045).
 */
static bool is_ignorant(struct vow_coord *core, const struct txn *txn, struct branch *branch)
{
    if (coord_peer_has_seen(core, branch))
        return false;
    if (!branch->strange_reported) {
        branch->strange_reported = true;
        coord_alarm(core, &txn->gtrid, "a participant that holds an outcome came back with other or older data (F044)",
                    branch_peer(core, branch)->name);
    }
    return true;
}

/*
 * Asked about later, when nobody remembers which data file did the work: the one that is here now was not here yet when
 * the id was granted, so the memo may be in another one, which is gone (F044).
 */
static bool is_newcomer(const struct vow_coord *core, const struct txn *txn, const struct branch *branch)
{
    return txn->question && vow_gtrid_below(&txn->gtrid, branch_peer(core, branch)->since);
}

static void abort_delegated(struct vow_coord *core, struct txn *txn, enum vow_cause cause, const char *text)
{
    struct branch *branch = branch_at(core, txn->first);
    struct coord_blame blame = coord_blame_branch(cause, branch, text);

    if (is_ignorant(core, txn, branch))
        return;
    if (is_newcomer(core, txn, branch)) {
        txn_move(core, txn, TXN_NONE);
        coord_reply_error(core, txn->client, &txn->gtrid, VOW_E_IN_DOUBT);
        return;
    }
    /* Not txn_abort(): the participant knows, it is where the outcome comes from. */
    txn_move(core, txn, TXN_NONE);
    coord_conclude_aborted(core, &txn->gtrid, txn->client, &blame);
}

void coord_on_one_phase_aborted(struct vow_coord *core, struct input *in)
{
    const struct vow_msg_one_phase_done *done = &in->msg->one_phase_done;

    abort_delegated(core, in->txn, done->cause != VOW_CAUSE_NONE ? done->cause : VOW_CAUSE_HANDLER_REFUSED, done->text);
}

/*
 * Definite: a participant answers the commit and the query in their order, so "no record" means that the commit never
 * ran, and it is not sent twice. Of the same data file, that is.
 */
void coord_on_one_phase_no_record(struct vow_coord *core, struct input *in)
{
    abort_delegated(core, in->txn, VOW_CAUSE_PARTICIPANT_LOST, "");
}

void coord_on_query(struct vow_coord *core, struct input *in)
{
    struct txn *txn = in->txn;
    struct branch *branch = branch_at(core, txn->first);
    struct vow_msg *msg;

    txn->attempts++;
    branch->due = false;
    if (branch_peer(core, branch)->session == 0) {
        txn_disarm(core, txn);
        return;
    }
    msg = coord_send(core, branch, VOW_MSG_ONE_PHASE_QUERY);
    msg->one_phase_query.header = coord_header(core, txn, branch);
    txn_back_off(core, txn);
    txn_arm_resend(core, txn);
}
