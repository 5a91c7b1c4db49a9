/*
 * After a heuristic: the decision is asked for like that of any branch in doubt, noted in the store, and only then
 * answered. If it was another one, the damage is reported until somebody has seen to it: an abort is acknowledged by
 * nobody, so without the report nobody would ever hear of a branch that committed against it (protocol 2.7, mistake
 * 22).
 */
#include "participant/core/core.h"

static bool agrees(const struct vow_branch_entry *entry)
{
    return entry->heuristic == entry->decided;
}

/* --- until the decision is known --- */

void branch_heuristic_ask(struct vow_branches *core, struct vow_branch_entry *entry)
{
    branch_send_inquiry(core, entry);
    entry->asked_ms = core->now_ms;
    branch_timer_back_off(core, entry);
    branch_move(core, entry, (enum vow_branch_state)entry->state);
}

void branch_heuristic_wait(struct vow_branches *core, struct vow_branch_entry *entry)
{
    entry->answer = (uint8_t)core->input->msg->wait.reason;
    entry->answer_ms = core->now_ms;
    branch_timer_arm(core, entry);
    branch_move(core, entry, (enum vow_branch_state)entry->state);
}

/* Its YES may have been lost, and a commit is what it hopes for now. */
void branch_prepare_heuristic(struct vow_branches *core, struct vow_branch_entry *entry)
{
    branch_take_header(core, entry);
    branch_send_vote(core, entry, VOW_VOTE_YES, VOW_CAUSE_NONE, "");
    branch_move(core, entry, (enum vow_branch_state)entry->state);
}

/* Noted first: after a restart an old question could be answered by the presumption, and agreement would look like
 * damage or damage like agreement. */
void branch_decision_heuristic(struct vow_branches *core, struct vow_branch_entry *entry)
{
    branch_take_header(core, entry);
    entry->decided = core->event == VOW_BRANCH_EV_COMMIT ? VOW_COMMIT : VOW_ABORT;
    entry->due_ms = BRANCH_NEVER_MS;
    branch_store(core, entry, VOW_STORE_SETTLE);
    branch_move(core, entry, VOW_BRANCH_SETTLING);
}

/* --- noted --- */

/* What the transaction is, whatever this branch was made: peers are told that. */
static void remember(struct vow_branches *core, const struct vow_branch_entry *entry)
{
    if (entry->decided == VOW_COMMIT)
        branch_ended_remember(core, &entry->gtrid, VOW_BRANCH_END_COMMITTED, VOW_CAUSE_NONE);
    else
        branch_ended_remember_decided(core, &entry->gtrid, entry->epoch);
}

static void end_agreed(struct vow_branches *core, struct vow_branch_entry *entry)
{
    remember(core, entry);
    branch_send_ack(core, entry, VOW_ACK_HEURISTIC_OK);
    branch_record_drop(core, entry);
    branch_move(core, entry, VOW_BRANCH_UNKNOWN);
}

/* A COMMIT is answered, an abort is not: there this participant speaks up by itself. */
static void tell_damage(struct vow_branches *core, struct vow_branch_entry *entry)
{
    if (entry->decided == VOW_COMMIT)
        branch_send_ack(core, entry, VOW_ACK_HEURISTIC_MISMATCH);
    else
        branch_send_heuristic_report(core, entry);
}

void branch_settled(struct vow_branches *core, struct vow_branch_entry *entry)
{
    if (agrees(entry)) {
        end_agreed(core, entry);
        return;
    }
    core->counts.contradicted++;
    branch_alarm(core, &entry->gtrid,
                 entry->decided == VOW_COMMIT ? "a heuristic abort, and it was decided to commit (HEUR_MISMATCH)"
                                              : "a heuristic commit, and it was decided to abort (HEUR_MISMATCH)");
    tell_damage(core, entry);
    entry->delay_ms = core->limits.decision_timeout_ms;
    branch_timer_arm(core, entry);
    branch_move(core, entry, VOW_BRANCH_DAMAGED);
}

void branch_settle_no_record(struct vow_branches *core, struct vow_branch_entry *entry)
{
    remember(core, entry);
    branch_alarm(core, &entry->gtrid, "the store has lost the record of a heuristic");
    if (entry->decided == VOW_COMMIT)
        branch_send_ack(core, entry, VOW_ACK_NO_RECORD);
    branch_record_drop(core, entry);
    branch_move(core, entry, VOW_BRANCH_UNKNOWN);
}

/* --- damage --- */

/* The decision is known here. */
void branch_peer_asks_settled(struct vow_branches *core, struct vow_branch_entry *entry)
{
    if (entry->decided == VOW_COMMIT)
        branch_peer_hears_committed(core, entry);
    else
        branch_peer_hears_aborted(core, entry);
}

void branch_damage_report(struct vow_branches *core, struct vow_branch_entry *entry)
{
    branch_send_heuristic_report(core, entry);
    branch_timer_back_off(core, entry);
    branch_move(core, entry, VOW_BRANCH_DAMAGED);
}

/* A coordinator that has forgotten presumes: an ABORT after the COMMIT says nothing. */
void branch_decision_damaged(struct vow_branches *core, struct vow_branch_entry *entry)
{
    const enum vow_verdict told = core->event == VOW_BRANCH_EV_COMMIT ? VOW_COMMIT : VOW_ABORT;
    if (told == entry->decided) {
        branch_take_newer_header(core, entry);
        tell_damage(core, entry);
    } else if (told == VOW_COMMIT) {
        branch_violation(core, &entry->gtrid, "COMMIT after ABORT");
    } else {
        core->counts.ignored++;
    }
    branch_move(core, entry, VOW_BRANCH_DAMAGED);
}

/* The record is dropped lazily: if that is lost, the damage is reported again, and forgotten again. */
void branch_forget_damage(struct vow_branches *core, struct vow_branch_entry *entry)
{
    core->counts.forgotten++;
    remember(core, entry);
    branch_store_forget(core, entry);
    branch_record_drop(core, entry);
    entry->due_ms = BRANCH_NEVER_MS;
    branch_move(core, entry, VOW_BRANCH_UNKNOWN);
}

/* --- a restart --- */

static enum vow_branch_state state_of(const struct vow_branch_entry *entry)
{
    if (entry->decided != 0)
        return VOW_BRANCH_DAMAGED;
    return entry->heuristic == VOW_COMMIT ? VOW_BRANCH_HEURISTIC_COMMITTED : VOW_BRANCH_HEURISTIC_ABORTED;
}

/* Who raised the alarm may have died before he did: what stands is said again at each start. */
static void alarm_again(struct vow_branches *core, const struct vow_branch_entry *entry)
{
    if (entry->decided != 0)
        branch_alarm(core, &entry->gtrid, "found at the start: ended by hand against the decision (HEUR_MISMATCH)");
    else
        branch_alarm(core, &entry->gtrid, "found at the start: ended by hand, and the decision is not known");
}

void branch_recover_heuristic(struct vow_branches *core, struct vow_branch_entry *entry)
{
    const struct vow_branches_recovered *recovered = &core->input->recovered;
    /* As with prepared ones: the driver makes room for all that the store holds. */
    VOW_ASSERT(branch_table_has_recall_room(core) && core->records_free != BRANCH_NONE);
    /* What agreed has ended and has no record any more. */
    VOW_ASSERT(recovered->decided != recovered->heuristic);
    branch_record_take(core, entry, recovered->who, recovered->why);
    branch_record(core, entry)->wall_us = recovered->wall_us;
    entry->epoch = recovered->epoch;
    entry->heuristic = (uint8_t)recovered->heuristic;
    entry->decided = (uint8_t)recovered->decided;
    alarm_again(core, entry);
    branch_ask_now(core, entry);
    branch_move(core, entry, state_of(entry));
}
