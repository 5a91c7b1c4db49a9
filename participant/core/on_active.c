/*
 * Joined work on its way to PREPARE, or to its end without one. Until its vote a participant may end a branch alone,
 * and does so when nobody seems to care for it any more; its vote is then NO (protocol 2.3).
 */
#include "participant/core/core.h"
#include "proto/error.h"

void branch_drop(struct vow_branches *core, struct vow_branch_entry *entry, enum vow_cause cause)
{
    if (cause != VOW_CAUSE_NONE) {
        core->counts.dropped++;
        branch_ended_remember_dropped(core, &entry->gtrid, cause);
    }
    entry->cause = (uint8_t)cause;
    entry->due_ms = BRANCH_NEVER_MS;
    if (entry->state == VOW_BRANCH_WORKING) { /* the store does one operation of a branch at a time */
        branch_store_cancel(core, entry);
        branch_move(core, entry, VOW_BRANCH_SPOILED);
        return;
    }
    branch_store(core, entry, VOW_STORE_ABORT);
    branch_move(core, entry, VOW_BRANCH_ABORTING);
}

/* --- nobody cares --- */

void branch_active_lost(struct vow_branches *core, struct vow_branch_entry *entry)
{
    branch_drop(core, entry, VOW_CAUSE_PARTICIPANT_LOST);
}

void branch_working_lost(struct vow_branches *core, struct vow_branch_entry *entry)
{
    branch_drop(core, entry, VOW_CAUSE_PARTICIPANT_LOST);
}

void branch_active_timeout(struct vow_branches *core, struct vow_branch_entry *entry)
{
    branch_drop(core, entry, VOW_CAUSE_TXN_TIMEOUT);
}

/* --- the coordinator ends it --- */

void branch_abort_active(struct vow_branches *core, struct vow_branch_entry *entry)
{
    branch_take_header(core, entry);
    branch_drop(core, entry, VOW_CAUSE_NONE);
}

void branch_abort_working(struct vow_branches *core, struct vow_branch_entry *entry)
{
    branch_take_header(core, entry);
    branch_drop(core, entry, VOW_CAUSE_NONE);
}

/* --- PREPARE --- */

/* May the branch vote on what it has? Operations that the client did not count, or that this participant does not have,
 * are lost work (protocol 2.3, mistake 19). */
static enum vow_cause judge(const struct vow_branches *core, const struct vow_branch_entry *entry,
                            const struct vow_msg_prepare *work)
{
    if (work->header.epoch < core->keep.now.epoch)
        return VOW_CAUSE_TOO_LATE;
    if (work->header.incarnation != 0 && work->header.incarnation != core->incarnation)
        return VOW_CAUSE_STALE_INCARNATION;
    if (work->ops != entry->ops || entry->state == VOW_BRANCH_WORKING)
        return VOW_CAUSE_LOST_WORK;
    return core->now_ms < entry->end_ms ? VOW_CAUSE_NONE : VOW_CAUSE_TXN_TIMEOUT;
}

void branch_prepare_active(struct vow_branches *core, struct vow_branch_entry *entry)
{
    const enum vow_cause cause = judge(core, entry, &core->input->msg->prepare);
    branch_take_header(core, entry);
    if (cause != VOW_CAUSE_NONE) {
        branch_send_vote(core, entry, VOW_VOTE_NO, cause, "");
        branch_drop(core, entry, cause);
        return;
    }
    entry->due_ms = BRANCH_NEVER_MS;
    entry->lost = false;
    branch_store(core, entry, VOW_STORE_PREPARE);
    branch_move(core, entry, VOW_BRANCH_PREPARING);
}

void branch_prepare_working(struct vow_branches *core, struct vow_branch_entry *entry)
{
    branch_take_header(core, entry);
    branch_send_vote(core, entry, VOW_VOTE_NO, VOW_CAUSE_LOST_WORK, "an operation is still under way");
    branch_drop(core, entry, VOW_CAUSE_LOST_WORK);
}

/* Dropped alone: whoever asks for a vote hears NO. Told to: nobody waits for a vote. */
static void vote_if_dropped(struct vow_branches *core, struct vow_branch_entry *entry)
{
    if (entry->cause == VOW_CAUSE_NONE) {
        core->counts.ignored++;
        return;
    }
    branch_take_header(core, entry);
    branch_send_vote(core, entry, VOW_VOTE_NO, (enum vow_cause)entry->cause, "");
}

void branch_prepare_spoiled(struct vow_branches *core, struct vow_branch_entry *entry)
{
    vote_if_dropped(core, entry);
    branch_move(core, entry, VOW_BRANCH_SPOILED);
}

void branch_prepare_aborting(struct vow_branches *core, struct vow_branch_entry *entry)
{
    vote_if_dropped(core, entry);
    branch_move(core, entry, VOW_BRANCH_ABORTING);
}

/* --- one-phase: its flag is for transactions whose work is all shipped --- */

static void refuse_one_phase(struct vow_branches *core, struct vow_branch_entry *entry)
{
    branch_take_header(core, entry);
    branch_send_one_phase_done(core, entry, VOW_ONE_PHASE_ABORTED, VOW_CAUSE_LOST_WORK, "");
    branch_drop(core, entry, VOW_CAUSE_LOST_WORK);
}

void branch_one_phase_active(struct vow_branches *core, struct vow_branch_entry *entry)
{
    refuse_one_phase(core, entry);
}

void branch_one_phase_working(struct vow_branches *core, struct vow_branch_entry *entry)
{
    refuse_one_phase(core, entry);
}

/* --- the store's answer, after the end --- */

void branch_spoiled_done(struct vow_branches *core, struct vow_branch_entry *entry)
{
    const enum vow_cause cause = entry->cause != VOW_CAUSE_NONE ? (enum vow_cause)entry->cause : VOW_CAUSE_TOO_LATE;
    branch_joined(core, entry, VOW_E_REFUSED, cause, "");
    branch_store(core, entry, VOW_STORE_ABORT);
    branch_move(core, entry, VOW_BRANCH_ABORTING);
}
