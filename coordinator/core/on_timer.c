/* Timers: protocol 2.4. Only T_tx and T_vote change an outcome; T_ack sends messages. */
#include "coordinator/core/dispatch.h"
#include "coordinator/core/outcome.h"
#include "coordinator/core/txn.h"

void coord_on_txn_timeout(struct vow_coord *core, struct input *in)
{
    struct coord_blame blame = coord_blame_nobody(VOW_CAUSE_TXN_TIMEOUT);

    txn_abort(core, in->txn, &blame);
}

static struct branch *find_unvoted(const struct vow_coord *core, const struct txn *txn, bool lost)
{
    struct branch *branch = branch_at(core, txn->first);

    while (branch != NULL && (branch->vote != 0 || (lost && !branch->lost)))
        branch = branch_at(core, branch->next);
    return branch;
}

void coord_on_vote_timeout(struct vow_coord *core, struct input *in)
{
    enum vow_cause cause = in->txn->end_ms <= core->now_ms ? VOW_CAUSE_TXN_TIMEOUT : VOW_CAUSE_VOTE_TIMEOUT;
    struct coord_blame blame = coord_blame_branch(cause, find_unvoted(core, in->txn, false), "");

    txn_abort(core, in->txn, &blame);
}

void coord_on_participant_lost(struct vow_coord *core, struct input *in)
{
    struct coord_blame blame = coord_blame_branch(VOW_CAUSE_PARTICIPANT_LOST, in->branch, "");

    txn_abort(core, in->txn, &blame);
}

/* What made the timer run: a loss is carried by it, so that the step that reports the loss stays short. */
static bool read_timer(const struct vow_coord *core, struct input *in)
{
    const struct txn *txn = in->txn;

    in->event = TXN_ON_TIMEOUT;
    if (txn->state == TXN_ACTIVE && txn->client_lost) {
        in->event = TXN_ON_CLIENT_LOST;
        return true;
    }
    if (txn->state == TXN_PREPARING) {
        in->branch = find_unvoted(core, txn, true);
        if (in->branch != NULL) {
            in->event = TXN_ON_PARTICIPANT_LOST;
            return true;
        }
    }
    /* The one that was lost has voted since: the vote timer goes on. */
    return (txn->state != TXN_ACTIVE && txn->state != TXN_PREPARING) || txn->expires_ms <= core->now_ms;
}

void coord_take_timer(struct vow_coord *core)
{
    const struct vow_heap_entry *first = vow_heap_first(&core->deadlines);

    for (int i = 0; i < COORD_TIMERS_MAX && first != NULL && first->key.major <= core->now_ms &&
                    core->effects_len + COORD_EFFECTS_PER_TXN <= COORD_EFFECTS_MAX;
         i++) {
        struct txn *txn = &core->txns[first->item];
        struct input in = {.gtrid = &txn->gtrid, .txn = txn};

        if (read_timer(core, &in))
            coord_dispatch(core, &in);
        else
            txn_arm(core, txn, txn->expires_ms);
        first = vow_heap_first(&core->deadlines);
    }
}
