/*
 * One-phase commit: this participant decides, and its durable memo is the only record of that (protocol 2.5). So
 * "aborted" and "no record" are said only when they are true for ever: whoever hears them may begin the work anew. A
 * refusal asks the store for a memo first, for the message may be the duplicate of one that was carried out; and what
 * was refused once is remembered.
 */
#include "participant/core/core.h"

static void send_aborted(struct vow_branches *core, struct vow_branch_entry *entry, enum vow_cause cause,
                         const char *text)
{
    branch_ended_remember(core, &entry->gtrid, VOW_BRANCH_END_ABORTED, cause);
    branch_send_one_phase_done(core, entry, VOW_ONE_PHASE_ABORTED, cause, text);
}

static void send_committed(struct vow_branches *core, const struct vow_branch_entry *entry)
{
    branch_send_one_phase_done(core, entry, VOW_ONE_PHASE_COMMITTED, VOW_CAUSE_NONE, "");
}

/* The memo, if the coordinator let it go while the store was at work. */
static void forget_now(struct vow_branches *core, const struct vow_branch_entry *entry)
{
    if (!entry->forget)
        return;
    branch_ended_remember(core, &entry->gtrid, VOW_BRANCH_END_FORGOTTEN, VOW_CAUSE_NONE);
    branch_store_forget(core, entry);
}

/* --- COMMIT_ONE_PHASE and ONE_PHASE_QUERY for a branch not in memory --- */

/* Answers from the ring of ended ids. */
static void answer_ended(struct vow_branches *core, struct vow_branch_entry *entry,
                         const struct vow_branch_ended *ended)
{
    switch ((enum vow_branch_end)ended->end) {
    case VOW_BRANCH_END_ABORTED:
        branch_send_one_phase_done(core, entry, VOW_ONE_PHASE_ABORTED, (enum vow_cause)ended->cause, "");
        return;
    case VOW_BRANCH_END_READ_ONLY:
        send_committed(core, entry);
        return;
    case VOW_BRANCH_END_COMMITTED:
    case VOW_BRANCH_END_VOTED_READ_ONLY:
        branch_violation(core, &entry->gtrid, "one-phase commit of a transaction that committed in two phases");
        return;
    case VOW_BRANCH_END_FORGOTTEN: /* whoever let the memo go knows the outcome: a late duplicate */
        core->counts.ignored++;
        return;
    }
    VOW_UNREACHABLE("an end of no kind");
}

static void recall_memo(struct vow_branches *core, struct vow_branch_entry *entry, enum vow_cause cause)
{
    if (!branch_table_has_recall_room(core)) {
        core->counts.ignored++;
        branch_move(core, entry, VOW_BRANCH_UNKNOWN);
        return;
    }
    entry->cause = (uint8_t)cause;
    branch_store(core, entry, VOW_STORE_MEMO);
    branch_move(core, entry, VOW_BRANCH_RECALLING);
}

void branch_one_phase_new(struct vow_branches *core, struct vow_branch_entry *entry)
{
    const struct vow_branch_ended *ended = branch_ended_find(core, &entry->gtrid);
    const enum vow_cause cause = branch_admission(core, &core->input->msg->commit_one_phase);
    branch_take_header(core, entry);
    if (ended != NULL) {
        answer_ended(core, entry, ended);
        branch_move(core, entry, VOW_BRANCH_UNKNOWN);
    } else if (core->is_copy) { /* whoever wants to know what became of it asks that */
        core->counts.ignored++;
        branch_move(core, entry, VOW_BRANCH_UNKNOWN);
    } else if (cause != VOW_CAUSE_NONE) {
        recall_memo(core, entry, cause);
    } else if (branch_ended_may_be_missing(core, &entry->gtrid)) {
        recall_memo(core, entry, VOW_CAUSE_TOO_LATE);
    } else {
        branch_store(core, entry, VOW_STORE_ONE_PHASE);
        branch_move(core, entry, VOW_BRANCH_ONE_PHASE);
    }
}

void branch_query_unknown(struct vow_branches *core, struct vow_branch_entry *entry)
{
    const struct vow_branch_ended *ended = branch_ended_find(core, &entry->gtrid);
    branch_take_header(core, entry);
    if (ended != NULL) {
        answer_ended(core, entry, ended);
        branch_move(core, entry, VOW_BRANCH_UNKNOWN);
    } else {
        recall_memo(core, entry, VOW_CAUSE_NONE);
    }
}

/*
 * Nothing in memory waits for the end of FORGET, and the ring keeps late duplicates of the work away meanwhile. What
 * the ring knows already has no memo.
 */
void branch_forget_unknown(struct vow_branches *core, struct vow_branch_entry *entry)
{
    if (branch_ended_find(core, &entry->gtrid) != NULL) {
        core->counts.ignored++;
    } else {
        branch_take_header(core, entry);
        branch_ended_remember(core, &entry->gtrid, VOW_BRANCH_END_FORGOTTEN, VOW_CAUSE_NONE);
        branch_store_forget(core, entry);
    }
    branch_move(core, entry, VOW_BRANCH_UNKNOWN);
}

/* --- while the store is at work --- */

/* The answer under way is the answer to this question, too. */
void branch_query_again(struct vow_branches *core, struct vow_branch_entry *entry)
{
    branch_take_newer_header(core, entry);
    branch_move(core, entry, VOW_BRANCH_ONE_PHASE);
}

void branch_query_recalling(struct vow_branches *core, struct vow_branch_entry *entry)
{
    if (entry->op == VOW_STORE_MEMO)
        branch_take_newer_header(core, entry);
    else
        branch_violation(core, &entry->gtrid, "ONE_PHASE_QUERY for a branch that was prepared");
    branch_move(core, entry, VOW_BRANCH_RECALLING);
}

void branch_forget_later(struct vow_branches *core, struct vow_branch_entry *entry)
{
    if (entry->op == VOW_STORE_COMMIT)
        branch_violation(core, &entry->gtrid, "FORGET for a branch that was prepared");
    else
        entry->forget = true;
    branch_move(core, entry, (enum vow_branch_state)entry->state);
}

/* --- the store has answered --- */

void branch_one_phase_done(struct vow_branches *core, struct vow_branch_entry *entry)
{
    core->counts.one_phase++;
    send_committed(core, entry);
    forget_now(core, entry);
    branch_move(core, entry, VOW_BRANCH_UNKNOWN);
}

void branch_one_phase_read_only(struct vow_branches *core, struct vow_branch_entry *entry)
{
    core->counts.read_only++;
    branch_ended_remember(core, &entry->gtrid, VOW_BRANCH_END_READ_ONLY, VOW_CAUSE_NONE);
    send_committed(core, entry);
    branch_move(core, entry, VOW_BRANCH_UNKNOWN);
}

void branch_one_phase_refused(struct vow_branches *core, struct vow_branch_entry *entry)
{
    core->counts.refused++;
    send_aborted(core, entry, core->input->done.cause, core->input->done.text);
    branch_move(core, entry, VOW_BRANCH_UNKNOWN);
}

void branch_memo_found(struct vow_branches *core, struct vow_branch_entry *entry)
{
    send_committed(core, entry);
    forget_now(core, entry);
}

/* The work was not done and, by the ring and its floor, will not be: a late COMMIT_ONE_PHASE of it is refused. */
void branch_memo_missing(struct vow_branches *core, struct vow_branch_entry *entry)
{
    if (entry->forget) { /* the memo may have been dropped by that, so its absence says nothing; nobody asks any more */
        forget_now(core, entry);
    } else if (entry->cause != VOW_CAUSE_NONE) {
        core->counts.refused++;
        send_aborted(core, entry, (enum vow_cause)entry->cause, "");
    } else {
        branch_ended_remember_missing(core, &entry->gtrid);
        branch_send_one_phase_done(core, entry, VOW_ONE_PHASE_NO_RECORD, VOW_CAUSE_NONE, "");
    }
}
