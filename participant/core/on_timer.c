/*
 * In doubt: from the YES to the decision the branch asks, and asks again, and never decides alone (protocol 2.3,
 * mistake 5). It asks its coordinator, and if that stays silent its peers as well (2.6).
 */
#include "participant/core/core.h"
#include "proto/jitter.h"

/* Plus or minus a quarter: many branches wait for one coordinator. */
void branch_timer_arm(struct vow_branches *core, struct vow_branch_entry *entry)
{
    const uint64_t quarter = entry->delay_ms / 4;
    entry->due_ms = core->now_ms + entry->delay_ms - quarter + vow_jitter_next(&core->random) % (2 * quarter + 1);
    if (entry->heur_ms < entry->due_ms)
        entry->due_ms = entry->heur_ms;
}

void branch_timer_back_off(struct vow_branches *core, struct vow_branch_entry *entry)
{
    const uint32_t max_ms = core->limits.decision_timeout_max_ms;
    entry->delay_ms = entry->delay_ms < max_ms / 2 ? entry->delay_ms * 2 : max_ms;
    branch_timer_arm(core, entry);
}

void branch_ask_now(struct vow_branches *core, struct vow_branch_entry *entry)
{
    entry->delay_ms = core->limits.decision_timeout_ms;
    entry->due_ms = core->now_ms;
}

void branch_timer_settle(struct vow_branches *core, const struct vow_branch_entry *entry)
{
    const uint32_t at = (uint32_t)(entry - core->entries);
    if (entry->due_ms == BRANCH_NEVER_MS)
        vow_heap_remove(&core->timers, at);
    else
        vow_heap_set(&core->timers, at, (struct vow_heap_key){entry->due_ms, 0});
}

const struct vow_branch_entry *branch_timer_first(const struct vow_branches *core)
{
    const struct vow_heap_entry *first = vow_heap_first(&core->timers);
    return first != NULL ? &core->entries[first->item] : NULL;
}

void branch_postpone_heuristic(struct vow_branches *core, struct vow_branch_entry *entry)
{
    if (core->limits.heuristic_timeout_ms != 0)
        entry->heur_ms = core->now_ms + core->limits.heuristic_timeout_ms;
    branch_timer_arm(core, entry);
}

void branch_begin_doubt(struct vow_branches *core, struct vow_branch_entry *entry)
{
    entry->yes_ms = core->now_ms;
    entry->delay_ms = core->limits.decision_timeout_ms;
    branch_postpone_heuristic(core, entry);
}

void branch_end_doubt(struct vow_branches *core, struct vow_branch_entry *entry)
{
    const uint64_t doubt_ms = core->now_ms - entry->yes_ms + entry->doubt_ms;
    if (doubt_ms > core->counts.in_doubt_max_ms)
        core->counts.in_doubt_max_ms = doubt_ms;
    entry->due_ms = entry->heur_ms = BRANCH_NEVER_MS;
    branch_unblock(core, entry);
}

/* All at once, each time: the first that knows ends it. A round without an outcome has ended when the next begins. */
static void ask_peers(struct vow_branches *core, struct vow_branch_entry *entry)
{
    if (entry->asked && !entry->blocked) {
        entry->blocked = true;
        core->blocked++;
    }
    entry->asked = true;
    branch_ask_peers(core, entry);
}

void branch_unblock(struct vow_branches *core, struct vow_branch_entry *entry)
{
    core->blocked -= entry->blocked;
    entry->blocked = false;
    entry->asked = false;
}

void branch_inquiry_send(struct vow_branches *core, struct vow_branch_entry *entry)
{
    branch_send_inquiry(core, entry);
    entry->asked_ms = core->now_ms;
    if (entry->silent < core->limits.termination_after)
        entry->silent++;
    else
        ask_peers(core, entry);
    branch_timer_back_off(core, entry);
    branch_move(core, entry, VOW_BRANCH_PREPARED);
}

/* Whatever the reason, waiting is no verdict (mistakes 6 and 21). Who does not know the transaction, or no more, is not
 * who the branch waits for: a peer may know. */
void branch_inquiry_wait(struct vow_branches *core, struct vow_branch_entry *entry)
{
    const enum vow_wait reason = core->input->msg->wait.reason;

    entry->answer = (uint8_t)reason;
    entry->answer_ms = core->now_ms;
    if (reason != VOW_WAIT_NOT_MINE && reason != VOW_WAIT_EXPIRED) {
        entry->silent = 0;
        branch_unblock(core, entry);
    }
    branch_timer_arm(core, entry);
    branch_move(core, entry, VOW_BRANCH_PREPARED);
}

void branch_on_timer(struct vow_branches *core)
{
    for (int i = 0; i < BRANCH_TIMEOUTS_PER_STEP; i++) {
        const struct vow_branch_entry *first = branch_timer_first(core);
        if (first == NULL || first->due_ms > core->now_ms)
            return;
        if (first->heur_ms <= core->now_ms)
            branch_resolve_by_timer(core, first);
        else
            branch_dispatch(core, &first->gtrid, first->branch,
                            first->lost ? VOW_BRANCH_EV_DISCONNECTED : VOW_BRANCH_EV_TIMEOUT);
    }
}
