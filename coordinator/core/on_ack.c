/* Acknowledgements of COMMIT, and the resends until they are there: protocol 2.2, COMMITTING. */
#include <string.h>

#include "coordinator/core/damage.h"
#include "coordinator/core/dispatch.h"
#include "coordinator/core/emit.h"
#include "coordinator/core/peers.h"
#include "coordinator/core/txn.h"

/*
 * The watermark has passed whoever was given up, and below it a participant acknowledges what it has no record of any
 * more. So an acknowledgement of another data file, or of an older copy of this one, says nothing (F044, F045).
 */
static bool is_hollow(const struct vow_coord *core, const struct txn *txn, const struct branch *branch)
{
    return txn->state == TXN_ABANDONED && !coord_peer_has_seen(core, branch);
}

void coord_on_ack(struct vow_coord *core, struct input *in)
{
    struct branch *branch = in->branch;
    struct txn *txn = in->txn;

    if (branch->vote != VOW_VOTE_YES) {
        core->counts.protocol_errors++;
        coord_alarm(core, in->gtrid, "an acknowledgement from outside the yes-list (F172)",
                    branch_peer(core, branch)->name);
        return;
    }
    if (branch->acknowledged || is_hollow(core, txn, branch)) {
        core->counts.ignored++;
        return;
    }
    if (branch->contradicts) {
        core->counts.protocol_errors++;
        coord_alarm(core, in->gtrid, "a participant that was rolled back by hand says that it committed",
                    branch_peer(core, branch)->name);
        return;
    }
    branch->acknowledged = true;
    txn->unacknowledged--;
    txn_settle(core, txn);
}

/* "No record" is never an acknowledgement (bugs B20, B21, B24): the transaction stays open and an operator hears of
 * it. */
void coord_on_no_record(struct vow_coord *core, struct input *in)
{
    struct branch *branch = in->branch;
    const char *who = branch_peer(core, branch)->name;
    struct vow_record *record;

    if (branch->vote != VOW_VOTE_YES || branch->acknowledged || branch->contradicts || branch->hazard) {
        core->counts.ignored++;
        /* Known from before a restart, which may have lost what was to follow from it. */
        txn_settle(core, in->txn);
        return;
    }
    branch->hazard = true;
    core->counts.hazards++;
    record = coord_log(core, VOW_RECORD_HAZARD, in->gtrid, 0, true);
    coord_copy_text(record->who, sizeof(record->who), who);
    coord_alarm(core, in->gtrid, "a participant has no record of what it must commit", who);
    txn_settle(core, in->txn);
}

/* The prepared work lies in another data file than the one that came back (F044). It is asked all the same. */
static void check_data_file(struct vow_coord *core, const struct txn *txn, struct branch *branch)
{
    const struct peer *peer = branch_peer(core, branch);

    if (!branch->strange_reported && memcmp(peer->db_uuid, branch->db_uuid, VOW_DB_UUID_BYTES) != 0) {
        branch->strange_reported = true;
        coord_alarm(core, &txn->gtrid, "a participant in doubt came back with another data file (F044)", peer->name);
    }
}

/* Who is to hear COMMIT now: those that came back, if that is why the timer ran; a hazard only at the slowest pace. */
static bool is_resend_due(const struct vow_coord *core, const struct txn *txn, const struct branch *branch,
                          bool only_due)
{
    if (branch->vote != VOW_VOTE_YES || branch->acknowledged || branch->contradicts ||
        branch_peer(core, branch)->session == 0)
        return false;
    if (only_due)
        return branch->due;
    return !branch->hazard || txn->delay_ms == core->limits.ack_timeout_max_ms;
}

static bool can_hear(const struct vow_coord *core, const struct branch *branch)
{
    const struct peer *peer = branch_peer(core, branch);

    return peer->session != 0 && !peer->is_full;
}

static bool has_due(const struct vow_coord *core, const struct txn *txn)
{
    for (const struct branch *b = branch_at(core, txn->first); b != NULL; b = branch_at(core, b->next)) {
        if (b->due && can_hear(core, b))
            return true;
    }
    return false;
}

static bool has_listener(const struct vow_coord *core, const struct txn *txn)
{
    for (const struct branch *b = branch_at(core, txn->first); b != NULL; b = branch_at(core, b->next)) {
        if (b->vote == VOW_VOTE_YES && !b->acknowledged && !b->contradicts && can_hear(core, b))
            return true;
    }
    return false;
}

void coord_on_resend(struct vow_coord *core, struct input *in)
{
    struct txn *txn = in->txn;
    bool only_due = has_due(core, txn);

    txn->attempts++;
    for (struct branch *b = branch_at(core, txn->first); b != NULL; b = branch_at(core, b->next)) {
        if (is_resend_due(core, txn, b, only_due)) {
            coord_tell_commit(core, txn, b);
            check_data_file(core, txn, b);
        } else if (can_hear(core, b) || branch_peer(core, b)->session == 0) {
            b->due = false;
        }
    }
    /* With nobody there, or nobody who can take more, the timer rests: the one who comes back starts it. */
    if (!has_listener(core, txn)) {
        txn_disarm(core, txn);
        return;
    }
    if (!only_due)
        txn_back_off(core, txn);
    txn_arm_resend(core, txn);
}
