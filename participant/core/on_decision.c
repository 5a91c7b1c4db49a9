/* COMMIT and ABORT. A COMMIT is acknowledged when it is durable (mistake 3), an ABORT is not acknowledged at all. */
#include "participant/core/core.h"

/* --- COMMIT --- */

void branch_commit_prepared(struct vow_branches *core, struct vow_branch_entry *entry)
{
    branch_take_header(core, entry);
    branch_end_doubt(core, entry);
    branch_store(core, entry, VOW_STORE_COMMIT);
    branch_move(core, entry, VOW_BRANCH_COMMITTING);
}

/* A decision that a peer told is the coordinator's from now on: its ACK is due. */
void branch_commit_again(struct vow_branches *core, struct vow_branch_entry *entry)
{
    entry->adopted = false;
    branch_take_newer_header(core, entry);
    branch_move(core, entry, VOW_BRANCH_COMMITTING);
}

/*
 * Below the watermark the coordinator's END is durable: this is a late duplicate, and its tombstone may be gone.
 * Above it only a tombstone acknowledges; the store is asked with COMMIT itself, which is idempotent (bugs B20, B21,
 * B24).
 */
void branch_commit_unknown(struct vow_branches *core, struct vow_branch_entry *entry)
{
    branch_take_header(core, entry);
    if (vow_gtrid_below(&entry->gtrid, core->keep.now.watermark)) {
        branch_send_ack(core, entry, VOW_ACK_DONE);
        branch_move(core, entry, VOW_BRANCH_UNKNOWN);
    } else if (!branch_table_has_recall_room(core)) {
        core->counts.ignored++;
        branch_move(core, entry, VOW_BRANCH_UNKNOWN);
    } else {
        branch_store(core, entry, VOW_STORE_COMMIT);
        branch_move(core, entry, VOW_BRANCH_RECALLING);
    }
}

void branch_commit_recalling(struct vow_branches *core, struct vow_branch_entry *entry)
{
    if (entry->op == VOW_STORE_COMMIT)
        branch_take_newer_header(core, entry);
    else
        branch_violation(core, &entry->gtrid, "COMMIT for a branch that commits in one phase");
    branch_move(core, entry, VOW_BRANCH_RECALLING);
}

/* --- ABORT --- */

void branch_abort_prepared(struct vow_branches *core, struct vow_branch_entry *entry)
{
    branch_take_header(core, entry);
    branch_end_doubt(core, entry);
    branch_store(core, entry, VOW_STORE_ABORT);
    branch_move(core, entry, VOW_BRANCH_ABORTING);
}

/*
 * The store has one operation of a branch at a time: the abort waits for the end of the prepare (F050). The prepare may
 * be waiting itself, for another branch's lock: that must end now, so that no work outlives its transaction.
 */
void branch_abort_preparing(struct vow_branches *core, struct vow_branch_entry *entry)
{
    branch_take_header(core, entry);
    branch_store_cancel(core, entry);
    branch_move(core, entry, VOW_BRANCH_DOOMED);
}

/*
 * The PREPARE may still be on its way: it must find that the transaction has ended (F048, F053). That it has aborted is
 * not certain, whatever this life does not know of it: what is certain is that a vote of this life, if there was none
 * yet, would be NO. An ABORT of what was committed here changes nothing, and comes from no coordinator that keeps its
 * journal: it looks there before it presumes (F173).
 */
void branch_abort_unknown(struct vow_branches *core, struct vow_branch_entry *entry)
{
    const struct vow_branch_ended *ended = branch_ended_find(core, &entry->gtrid);

    if (ended != NULL && ended->end == VOW_BRANCH_END_COMMITTED)
        branch_violation(core, &entry->gtrid, "ABORT after COMMIT");
    branch_ended_remember_no(core, &entry->gtrid, VOW_CAUSE_TOO_LATE);
    branch_move(core, entry, VOW_BRANCH_UNKNOWN);
}
