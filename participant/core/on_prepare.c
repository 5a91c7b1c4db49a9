/* PREPARE, from admission to the vote. The vote goes out when the store has answered, never before (mistake 2). */
#include "participant/core/core.h"

/*
 * May this work be done? The first three are late duplicates: the transaction has ended, or its coordinator has
 * restarted and will not commit what it had not decided. They are never executed (F048).
 */
enum vow_cause branch_admission(const struct vow_branches *core, const struct vow_msg_prepare *work)
{
    const struct vow_msg_header *header = &work->header;
    if (branch_ended_find(core, &header->gtrid) != NULL || vow_gtrid_below(&header->gtrid, core->keep.now.watermark))
        return VOW_CAUSE_TOO_LATE;
    if (header->epoch < core->keep.now.epoch)
        return VOW_CAUSE_TOO_LATE;
    /* Work may have been lost with the earlier incarnation (mistake 19). */
    if (header->incarnation != 0 && header->incarnation != core->incarnation)
        return VOW_CAUSE_STALE_INCARNATION;
    /* This participant keeps no joined work, so any that the client counted is lost. */
    if (work->ops != 0)
        return VOW_CAUSE_LOST_WORK;
    return branch_table_has_room(core) ? VOW_CAUSE_NONE : VOW_CAUSE_NO_SPACE;
}

/* A NO is remembered, so that a duplicate does not get a YES later. What is too late stays so by itself. */
static void vote_no(struct vow_branches *core, struct vow_branch_entry *entry, enum vow_cause cause, const char *text)
{
    core->counts.refused++;
    if (cause != VOW_CAUSE_TOO_LATE)
        branch_ended_remember(core, &entry->gtrid, VOW_BRANCH_END_ABORTED, cause);
    branch_send_vote(core, entry, VOW_VOTE_NO, cause, text);
}

void branch_prepare_new(struct vow_branches *core, struct vow_branch_entry *entry)
{
    const enum vow_cause cause = branch_admission(core, &core->input->msg->prepare);
    branch_take_header(core, entry);
    if (cause != VOW_CAUSE_NONE) {
        vote_no(core, entry, cause, "");
        branch_move(core, entry, VOW_BRANCH_UNKNOWN);
        return;
    }
    branch_store(core, entry, VOW_STORE_PREPARE);
    branch_move(core, entry, VOW_BRANCH_PREPARING);
}

void branch_prepare_again(struct vow_branches *core, struct vow_branch_entry *entry)
{
    branch_take_header(core, entry);
    branch_send_vote(core, entry, VOW_VOTE_YES, VOW_CAUSE_NONE, "");
    branch_move(core, entry, VOW_BRANCH_PREPARED);
}

void branch_prepare_done(struct vow_branches *core, struct vow_branch_entry *entry)
{
    core->counts.prepared++;
    branch_begin_doubt(core, entry);
    branch_send_vote(core, entry, VOW_VOTE_YES, VOW_CAUSE_NONE, "");
    branch_move(core, entry, VOW_BRANCH_PREPARED);
}

void branch_prepare_read_only(struct vow_branches *core, struct vow_branch_entry *entry)
{
    core->counts.read_only++;
    branch_ended_remember(core, &entry->gtrid, VOW_BRANCH_END_TWO_PHASE, VOW_CAUSE_NONE);
    branch_send_vote(core, entry, VOW_VOTE_READ_ONLY, VOW_CAUSE_NONE, "");
    branch_move(core, entry, VOW_BRANCH_UNKNOWN);
}

void branch_prepare_refused(struct vow_branches *core, struct vow_branch_entry *entry)
{
    vote_no(core, entry, core->input->done.cause, core->input->done.text);
    branch_move(core, entry, VOW_BRANCH_UNKNOWN);
}
