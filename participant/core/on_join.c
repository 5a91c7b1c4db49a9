/*
 * Joining: the service wants to work in a transaction. The coordinator is asked before the first write, so that no
 * branch writes of which nobody would ever say how it ends: a join that comes after the end, or after PREPARE, is
 * refused there (F049, bug B44).
 */
#include "participant/core/core.h"
#include "proto/error.h"

/* --- the timers of joined branches --- */

static uint64_t least(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static uint64_t after(const struct vow_branches *core, uint32_t ms)
{
    return core->now_ms + ms;
}

/* --- JOIN --- */

struct refusal {
    int error; /* 0 = none */
    enum vow_cause cause;
};

/* What can be known without the coordinator. */
static struct refusal judge_new(const struct vow_branches *core, const struct vow_gtrid *gtrid)
{
    const struct vow_branch_ended *ended = branch_ended_find(core, gtrid);
    if (!core->connected)
        return (struct refusal){VOW_E_UNREACHABLE, VOW_CAUSE_NONE};
    if (vow_gtrid_coord(gtrid) != core->keep.now.coord)
        return (struct refusal){VOW_E_NOT_MINE, VOW_CAUSE_NONE};
    if (ended != NULL)
        return (struct refusal){VOW_E_REFUSED, branch_ended_cause(ended)};
    if (vow_gtrid_epoch(gtrid) < core->keep.now.epoch || vow_gtrid_below(gtrid, core->keep.now.watermark))
        return (struct refusal){VOW_E_REFUSED, VOW_CAUSE_TOO_LATE};
    /* A new branch would count its operations from 0 again, and the lost ones might not be missed (mistake 19). */
    if (branch_ended_may_be_dropped(core, gtrid))
        return (struct refusal){VOW_E_REFUSED, VOW_CAUSE_TOO_LATE};
    return (struct refusal){branch_table_has_room(core) ? 0 : VOW_E_BUSY, VOW_CAUSE_NONE};
}

void branch_on_join(struct vow_branches *core, const struct vow_gtrid *gtrid)
{
    branch_dispatch(core, gtrid, BRANCH_UNNUMBERED, VOW_BRANCH_EV_JOIN);
}

void branch_join_new(struct vow_branches *core, struct vow_branch_entry *entry)
{
    const struct refusal refusal = judge_new(core, &entry->gtrid);
    if (refusal.error != 0) {
        branch_joined(core, entry, refusal.error, refusal.cause, "");
        branch_move(core, entry, VOW_BRANCH_UNKNOWN);
        return;
    }
    branch_send_enlist(core, entry);
    entry->due_ms = after(core, core->limits.enlist_timeout_ms);
    branch_move(core, entry, VOW_BRANCH_ENLISTING);
}

static void start_work(struct vow_branches *core, struct vow_branch_entry *entry)
{
    entry->due_ms = BRANCH_NEVER_MS;
    branch_store(core, entry, VOW_STORE_WORK);
    branch_move(core, entry, VOW_BRANCH_WORKING);
}

/* Its timer, due already, ends a branch that is refused here. */
void branch_join_again(struct vow_branches *core, struct vow_branch_entry *entry)
{
    if (!entry->lost && core->now_ms < entry->end_ms) {
        start_work(core, entry);
        return;
    }
    branch_joined(core, entry, VOW_E_REFUSED, entry->lost ? VOW_CAUSE_PARTICIPANT_LOST : VOW_CAUSE_TXN_TIMEOUT, "");
    branch_move(core, entry, VOW_BRANCH_ACTIVE);
}

void branch_join_late(struct vow_branches *core, struct vow_branch_entry *entry)
{
    const enum vow_cause dropped = entry->state == VOW_BRANCH_ABORTING ? (enum vow_cause)entry->cause : VOW_CAUSE_NONE;
    branch_joined(core, entry, VOW_E_REFUSED, dropped != VOW_CAUSE_NONE ? dropped : VOW_CAUSE_TOO_LATE, "");
    branch_move(core, entry, (enum vow_branch_state)entry->state);
}

/* --- the coordinator's answer --- */

bool branch_is_stale_enlisted(struct vow_branches *core, const struct vow_msg_header *header)
{
    const struct vow_branch_entry *entry = branch_table_find(core, &header->gtrid, BRANCH_UNNUMBERED);
    return header->incarnation != core->incarnation ||
           (entry != NULL && entry->state == VOW_BRANCH_ENLISTING && entry->attempt != header->attempt);
}

void branch_enlisted(struct vow_branches *core, struct vow_branch_entry *entry)
{
    const struct vow_msg_enlisted *enlisted = &core->input->msg->enlisted;
    branch_take_header(core, entry);
    entry->branch = enlisted->header.branch;
    /* The coordinator's clock rules: its time that is left, from now on by ours, which does not jump (F130, F132). */
    if (enlisted->left_ms != 0)
        entry->end_ms = after(core, enlisted->left_ms);
    start_work(core, entry);
}

void branch_not_enlisted(struct vow_branches *core, struct vow_branch_entry *entry)
{
    const int error = core->input->msg->enlisted.error;
    entry->due_ms = BRANCH_NEVER_MS;
    branch_joined(core, entry, error, error == VOW_E_REFUSED ? VOW_CAUSE_TOO_LATE : VOW_CAUSE_NONE, "");
    branch_move(core, entry, VOW_BRANCH_UNKNOWN);
}

/* Nothing was written. That the coordinator may count on this branch does no harm: it has no operations to miss. */
void branch_enlist_given_up(struct vow_branches *core, struct vow_branch_entry *entry)
{
    entry->due_ms = BRANCH_NEVER_MS;
    branch_joined(core, entry, VOW_E_UNREACHABLE, VOW_CAUSE_NONE, "");
    branch_move(core, entry, VOW_BRANCH_UNKNOWN);
}

void branch_abort_enlisting(struct vow_branches *core, struct vow_branch_entry *entry)
{
    entry->due_ms = BRANCH_NEVER_MS;
    branch_ended_remember_no(core, &entry->gtrid, VOW_CAUSE_TOO_LATE);
    branch_joined(core, entry, VOW_E_REFUSED, VOW_CAUSE_TOO_LATE, "");
    branch_move(core, entry, VOW_BRANCH_UNKNOWN);
}

void branch_forget_enlisting(struct vow_branches *core, struct vow_branch_entry *entry)
{
    branch_take_header(core, entry);
    entry->branch = core->header->branch;
    branch_store_forget(core, entry);
    entry->branch = BRANCH_UNNUMBERED;
    branch_move(core, entry, VOW_BRANCH_ENLISTING);
}

/* --- the store's answer to WORK --- */

static void go_on(struct vow_branches *core, struct vow_branch_entry *entry)
{
    entry->due_ms = entry->lost ? core->now_ms : least(after(core, core->limits.idle_timeout_ms), entry->end_ms);
    branch_move(core, entry, VOW_BRANCH_ACTIVE);
}

void branch_work_done(struct vow_branches *core, struct vow_branch_entry *entry)
{
    core->counts.ops++;
    entry->ops++;
    branch_joined(core, entry, 0, VOW_CAUSE_NONE, "");
    go_on(core, entry);
}

/* The one operation is undone, as a statement that fails is; its caller knows, and decides about the rest. */
void branch_work_refused(struct vow_branches *core, struct vow_branch_entry *entry)
{
    branch_joined(core, entry, VOW_E_REFUSED, core->input->done.cause, core->input->done.text);
    go_on(core, entry);
}
