/* The store has answered: whose operation was it, and what follows for the decided and the recalled ones. */
#include "participant/core/core.h"

static enum vow_branch_event event_of(enum vow_store_result result)
{
    switch (result) {
    case VOW_STORE_DONE:
        return VOW_BRANCH_EV_STORE_DONE;
    case VOW_STORE_READ_ONLY:
        return VOW_BRANCH_EV_STORE_READ_ONLY;
    case VOW_STORE_REFUSED:
        return VOW_BRANCH_EV_STORE_REFUSED;
    case VOW_STORE_NO_RECORD:
        return VOW_BRANCH_EV_STORE_NO_RECORD;
    }
    VOW_UNREACHABLE("a result of no kind");
}

void branch_on_store_done(struct vow_branches *core, const struct vow_branches_done *done)
{
    if (done->op == VOW_STORE_WATERMARK) {
        branch_keep_stored(core);
        return;
    }
    if (done->op == VOW_STORE_RECALL) {
        branch_recall_for_peer_done(core, done);
        return;
    }
    if (done->op == VOW_STORE_FORGET || done->op == VOW_STORE_CANCEL)
        return; /* nothing waits for it */
    const struct vow_branch_entry *entry = branch_table_find(core, &done->gtrid, done->branch);
    if (entry != NULL && entry->op != BRANCH_NO_OP && entry->op != done->op) {
        branch_violation(core, &done->gtrid, "the store answered what was not asked");
        return;
    }
    branch_dispatch(core, &done->gtrid, done->branch, event_of(done->result));
}

/* --- decided branches --- */

void branch_commit_done(struct vow_branches *core, struct vow_branch_entry *entry)
{
    core->counts.committed++;
    branch_ended_remember(core, &entry->gtrid, VOW_BRANCH_END_COMMITTED, VOW_CAUSE_NONE);
    if (!entry->adopted)
        branch_send_ack(core, entry, VOW_ACK_DONE);
    branch_move(core, entry, VOW_BRANCH_UNKNOWN);
}

/* A prepared branch was not on the disk that it was durable on: the disk lies, or somebody reached into the file. */
void branch_commit_no_record(struct vow_branches *core, struct vow_branch_entry *entry)
{
    branch_alarm(core, &entry->gtrid, "COMMIT, and the store has lost the prepared branch");
    branch_ended_remember(core, &entry->gtrid, VOW_BRANCH_END_COMMITTED, VOW_CAUSE_NONE);
    if (!entry->adopted)
        branch_send_ack(core, entry, VOW_ACK_NO_RECORD);
    branch_move(core, entry, VOW_BRANCH_UNKNOWN);
}

/* If it has ended alone, that is remembered already, unless it was so long ago that it is forgotten. */
static void end_aborted(struct vow_branches *core, struct vow_branch_entry *entry)
{
    core->counts.aborted++;
    if (entry->cause == VOW_CAUSE_NONE)
        branch_ended_remember_decided(core, &entry->gtrid, entry->epoch);
    else
        branch_ended_remember(core, &entry->gtrid, VOW_BRANCH_END_ABORTED, VOW_CAUSE_TOO_LATE);
    branch_move(core, entry, VOW_BRANCH_UNKNOWN);
}

void branch_abort_done(struct vow_branches *core, struct vow_branch_entry *entry)
{
    end_aborted(core, entry);
}

/* No vote: nobody waits for it any more. */
void branch_doomed_done(struct vow_branches *core, struct vow_branch_entry *entry)
{
    branch_store(core, entry, VOW_STORE_ABORT);
    branch_move(core, entry, VOW_BRANCH_ABORTING);
}

void branch_doomed_nothing(struct vow_branches *core, struct vow_branch_entry *entry)
{
    end_aborted(core, entry);
}

/* --- recalled ones: a branch that is not in memory; COMMIT asked for its tombstone, MEMO for its memo --- */

void branch_recall_done(struct vow_branches *core, struct vow_branch_entry *entry)
{
    if (core->input->done.op == VOW_STORE_MEMO) {
        branch_memo_found(core, entry);
    } else {
        branch_ended_remember(core, &entry->gtrid, VOW_BRANCH_END_COMMITTED, VOW_CAUSE_NONE);
        branch_send_ack(core, entry, VOW_ACK_DONE);
    }
    branch_move(core, entry, VOW_BRANCH_UNKNOWN);
}

/*
 * Nothing in the store: below the watermark the tombstone was dropped while COMMIT was on its way there (protocol
 * 2.8).
 */
static void recall_missing(struct vow_branches *core, struct vow_branch_entry *entry)
{
    branch_ended_remember(core, &entry->gtrid, VOW_BRANCH_END_COMMITTED, VOW_CAUSE_NONE);
    if (vow_gtrid_below(&entry->gtrid, core->keep.now.watermark)) {
        branch_send_ack(core, entry, VOW_ACK_DONE);
        return;
    }
    /* No acknowledgement: the file is another one, or an older one, or damaged (F039, F044, F045, F051). */
    branch_alarm(core, &entry->gtrid, "COMMIT, and the store has neither the branch nor a tombstone of it");
    branch_send_ack(core, entry, VOW_ACK_NO_RECORD);
}

void branch_recall_no_record(struct vow_branches *core, struct vow_branch_entry *entry)
{
    if (core->input->done.op == VOW_STORE_MEMO)
        branch_memo_missing(core, entry);
    else
        recall_missing(core, entry);
    branch_move(core, entry, VOW_BRANCH_UNKNOWN);
}
