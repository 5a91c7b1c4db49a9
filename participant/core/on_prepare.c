/* PREPARE, from admission to the vote. The vote goes out when the store has answered, never before (mistake 2). */
#include "participant/core/core.h"
#include "proto/error.h"

/*
 * May this work be done? The first four are late duplicates: the transaction has ended, or its coordinator has
 * restarted and will not commit what it had not decided. They are never executed (F048).
 */
enum vow_cause branch_admission(const struct vow_branches *core, const struct vow_msg_prepare *work)
{
    const struct vow_msg_header *header = &work->header;
    const struct vow_branch_ended *ended = branch_ended_find(core, &header->gtrid);
    if (ended != NULL)
        return branch_ended_cause(ended);
    if (branch_ended_may_be_told(core, &header->gtrid))
        return VOW_CAUSE_TOO_LATE;
    if (vow_gtrid_below(&header->gtrid, core->keep.now.watermark))
        return VOW_CAUSE_TOO_LATE;
    if (header->epoch < core->keep.now.epoch)
        return VOW_CAUSE_TOO_LATE;
    /* Its end may be forgotten here, and whoever asked for it have concluded something else by now (F082). */
    if (core->is_copy)
        return VOW_CAUSE_TOO_LATE;
    /* Work may have been lost with the earlier incarnation (mistake 19). */
    if (header->incarnation != 0 && header->incarnation != core->incarnation)
        return VOW_CAUSE_STALE_INCARNATION;
    /* There is no joined work of it here, so any that the client counted is lost. */
    if (work->ops != 0)
        return VOW_CAUSE_LOST_WORK;
    return branch_table_has_room(core) ? VOW_CAUSE_NONE : VOW_CAUSE_NO_SPACE;
}

/* The cause alone would send its reader to the disk (F059). */
static const char *admission_text(enum vow_cause cause)
{
    return cause == VOW_CAUSE_NO_SPACE ? "as many branches as it may have (branches_max) have not ended" : "";
}

/*
 * What is too late stays so by itself. A NO to a PREPARE of an earlier life is no vote: that life may have voted
 * otherwise, and this PREPARE be the duplicate of what it voted on.
 */
void branch_vote_no(struct vow_branches *core, struct vow_branch_entry *entry, enum vow_cause cause, const char *text)
{
    core->counts.refused++;
    if (cause == VOW_CAUSE_STALE_INCARNATION)
        branch_ended_remember(core, &entry->gtrid, VOW_BRANCH_END_ABORTED, cause);
    else if (cause != VOW_CAUSE_TOO_LATE)
        branch_ended_remember_no(core, &entry->gtrid, cause);
    branch_send_vote(core, entry, VOW_VOTE_NO, cause, text);
}

static void prepare(struct vow_branches *core, struct vow_branch_entry *entry)
{
    const enum vow_cause cause = branch_admission(core, &core->input->msg->prepare);
    branch_take_header(core, entry);
    if (cause != VOW_CAUSE_NONE) {
        branch_vote_no(core, entry, cause, admission_text(cause));
        branch_move(core, entry, VOW_BRANCH_UNKNOWN);
        return;
    }
    branch_store(core, entry, VOW_STORE_PREPARE);
    branch_move(core, entry, VOW_BRANCH_PREPARING);
}

void branch_prepare_new(struct vow_branches *core, struct vow_branch_entry *entry)
{
    prepare(core, entry);
}

/* Its work was all shipped, and the coordinator has closed the list of those who work for it. */
void branch_prepare_enlisting(struct vow_branches *core, struct vow_branch_entry *entry)
{
    branch_joined(core, entry, VOW_E_REFUSED, VOW_CAUSE_TOO_LATE, "");
    entry->due_ms = BRANCH_NEVER_MS;
    entry->lost = false;
    entry->branch = core->header->branch;
    prepare(core, entry);
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
    branch_ended_remember(core, &entry->gtrid, VOW_BRANCH_END_VOTED_READ_ONLY, VOW_CAUSE_NONE);
    branch_send_vote(core, entry, VOW_VOTE_READ_ONLY, VOW_CAUSE_NONE, "");
    branch_move(core, entry, VOW_BRANCH_UNKNOWN);
}

void branch_prepare_refused(struct vow_branches *core, struct vow_branch_entry *entry)
{
    branch_vote_no(core, entry, core->input->done.cause, core->input->done.text);
    branch_move(core, entry, VOW_BRANCH_UNKNOWN);
}
