/*
 * Heuristics, protocol 2.7: an operator, or T_heur if it is switched on, ends a branch in doubt without its decision.
 * The store forces who did it, and why, in one unit with the change itself and the release of the locks, and nobody is
 * told before that is durable. What the decision was turns out later: on_heuristic.c.
 */
#include <string.h>

#include "participant/core/core.h"
#include "proto/error.h"

/* --- the records in memory: few, for each is an operator's doing, and bounded, for T_heur's might be many --- */

void branch_records_init(struct vow_branches *core)
{
    core->records_free = BRANCH_NONE;
    for (uint32_t i = core->limits.heuristics_max; i > 0; i--) {
        core->records[i - 1].next_free = core->records_free;
        core->records_free = i - 1;
    }
}

static void copy(char to[VOW_TEXT_SIZE], const char *text)
{
    size_t len = 0;
    for (; text != NULL && len < VOW_TEXT_MAX && text[len] != '\0'; len++)
        to[len] = text[len];
    to[len] = '\0';
}

void branch_record_take(struct vow_branches *core, struct vow_branch_entry *entry, const char *who, const char *why)
{
    VOW_ASSERT(core->records_free != BRANCH_NONE && entry->record == BRANCH_NONE);
    entry->record = core->records_free;
    struct vow_branch_record *record = branch_record(core, entry);
    core->records_free = record->next_free;
    core->heuristics++;
    *record = (struct vow_branch_record){.next_free = BRANCH_NONE};
    copy(record->who, who);
    copy(record->why, why);
}

void branch_record_drop(struct vow_branches *core, struct vow_branch_entry *entry)
{
    branch_record(core, entry)->next_free = core->records_free;
    core->records_free = entry->record;
    core->heuristics--;
    entry->record = BRANCH_NONE;
    entry->heuristic = entry->decided = 0;
}

/* --- the request --- */

static enum vow_branch_event event_of(enum vow_verdict verdict)
{
    return verdict == VOW_COMMIT ? VOW_BRANCH_EV_RESOLVE_COMMIT : VOW_BRANCH_EV_RESOLVE_ABORT;
}

void branch_on_resolve(struct vow_branches *core, uint64_t tag, const struct vow_msg_resolve *resolve)
{
    core->header = &resolve->header;
    core->resolve =
        (struct vow_branch_resolve){tag, resolve->header.attempt, resolve->verdict, resolve->who, resolve->why};
    branch_dispatch(core, &resolve->header.gtrid, BRANCH_UNNUMBERED, event_of(resolve->verdict));
}

/* T_heur: nobody asked, so nobody is answered. */
void branch_resolve_by_timer(struct vow_branches *core, const struct vow_branch_entry *entry)
{
    const struct vow_gtrid gtrid = entry->gtrid;
    const enum vow_verdict verdict = core->limits.heuristic_verdict;
    core->resolve = (struct vow_branch_resolve){BRANCH_NOBODY, 0, verdict, "T_heur",
                                                "in doubt for longer than heuristic_timeout_ms"};
    branch_dispatch(core, &gtrid, entry->branch, event_of(verdict));
}

/* The record says who did it, and why: without that there is nothing to record (F179). */
static bool is_signed(const struct vow_branch_resolve *resolve)
{
    return resolve->who != NULL && resolve->who[0] != '\0' && resolve->why != NULL && resolve->why[0] != '\0';
}

/* Both come to the coordinator as one text of its history, "who: why": what is cut there would be the reason. */
static bool is_too_long(const struct vow_branch_resolve *resolve)
{
    return strlen(resolve->who) + strlen(": ") + strlen(resolve->why) > VOW_TEXT_MAX;
}

void branch_resolve_prepared(struct vow_branches *core, struct vow_branch_entry *entry)
{
    const struct vow_branch_resolve *resolve = &core->resolve;
    if (!is_signed(resolve) || is_too_long(resolve)) {
        branch_answer_resolved(core, entry, resolve, VOW_E_ARGUMENT, 0,
                               is_signed(resolve) ? "who asks, and why, are too long to be kept"
                                                  : "who asks, and why, must be said");
        branch_move(core, entry, VOW_BRANCH_PREPARED);
        return;
    }
    if (core->records_free == BRANCH_NONE) {
        if (resolve->tag == BRANCH_NOBODY)
            branch_postpone_heuristic(core, entry);
        branch_answer_resolved(core, entry, resolve, VOW_E_BUSY, 0,
                               "as many heuristics as there may be (heuristics_max) are not forgotten yet");
        branch_move(core, entry, VOW_BRANCH_PREPARED);
        return;
    }
    branch_record_take(core, entry, resolve->who, resolve->why);
    branch_record(core, entry)->asker = *resolve;
    entry->heuristic = (uint8_t)resolve->verdict;
    branch_end_doubt(core, entry);
    branch_store(core, entry, resolve->verdict == VOW_COMMIT ? VOW_STORE_HEURISTIC_COMMIT : VOW_STORE_HEURISTIC_ABORT);
    branch_move(core, entry,
                resolve->verdict == VOW_COMMIT ? VOW_BRANCH_HEURISTIC_COMMITTING : VOW_BRANCH_HEURISTIC_ABORTING);
}

/* --- what is true instead --- */

static const char *truth(const struct vow_branch_entry *entry)
{
    switch ((enum vow_branch_state)entry->state) {
    case VOW_BRANCH_UNKNOWN:
        return "there is no branch of it here: it was never prepared, or it has ended";
    case VOW_BRANCH_ENLISTING:
    case VOW_BRANCH_ACTIVE:
    case VOW_BRANCH_WORKING:
    case VOW_BRANCH_PREPARING:
        return "it has not voted, so it is not in doubt: abort the transaction";
    case VOW_BRANCH_SPOILED:
    case VOW_BRANCH_DOOMED:
    case VOW_BRANCH_ABORTING:
        return "it is being aborted";
    case VOW_BRANCH_COMMITTING:
        return "it was decided, and is being committed";
    case VOW_BRANCH_ONE_PHASE:
        return "it commits in one phase: it is never in doubt here";
    case VOW_BRANCH_RECALLING:
        return "it is not in memory; whether it has ended here is being looked up";
    case VOW_BRANCH_HEURISTIC_COMMITTING:
    case VOW_BRANCH_HEURISTIC_ABORTING:
        return "it is being ended heuristically";
    case VOW_BRANCH_HEURISTIC_COMMITTED:
    case VOW_BRANCH_HEURISTIC_ABORTED:
    case VOW_BRANCH_SETTLING:
        return "it was ended heuristically before";
    case VOW_BRANCH_DAMAGED:
        return "it was ended heuristically before, and against the decision";
    case VOW_BRANCH_PREPARED:
    case VOW_BRANCH_STATES:
        break;
    }
    VOW_UNREACHABLE("a branch in doubt has an answer of its own to RESOLVE");
}

/* What was done here, or is being done and cannot turn out otherwise; 0 = neither is certain. */
static enum vow_verdict verdict_in_force(const struct vow_branch_entry *entry)
{
    switch ((int)entry->state) {
    case VOW_BRANCH_HEURISTIC_COMMITTED:
    case VOW_BRANCH_HEURISTIC_ABORTED:
    case VOW_BRANCH_SETTLING:
    case VOW_BRANCH_DAMAGED:
        return (enum vow_verdict)entry->heuristic;
    case VOW_BRANCH_COMMITTING:
        return VOW_COMMIT;
    case VOW_BRANCH_SPOILED:
    case VOW_BRANCH_DOOMED:
    case VOW_BRANCH_ABORTING:
        return VOW_ABORT;
    default:
        return 0;
    }
}

void branch_resolve_refused(struct vow_branches *core, struct vow_branch_entry *entry)
{
    const enum vow_verdict verdict = verdict_in_force(entry);
    int error = entry->state == VOW_BRANCH_UNKNOWN ? VOW_E_NOT_FOUND : VOW_E_STATE;
    /* Asked for once more: it is so already. */
    if (entry->record != BRANCH_NONE && verdict == core->resolve.verdict)
        error = 0;
    branch_answer_resolved(core, entry, &core->resolve, error, verdict, error != 0 ? truth(entry) : "");
    branch_move(core, entry, (enum vow_branch_state)entry->state);
}

/* --- the store has answered --- */

void branch_resolve_done(struct vow_branches *core, struct vow_branch_entry *entry)
{
    struct vow_branch_record *record = branch_record(core, entry);
    const bool committed = entry->heuristic == VOW_COMMIT;
    record->wall_us = core->input->done.wall_us;
    core->counts.heuristic_commits += committed;
    core->counts.heuristic_aborts += !committed;
    branch_alarm(core, &entry->gtrid,
                 committed ? "committed without a decision: a heuristic" : "aborted without a decision: a heuristic");
    branch_answer_resolved(core, entry, &record->asker, 0, (enum vow_verdict)entry->heuristic, "");
    branch_ask_now(core, entry);
    branch_move(core, entry, committed ? VOW_BRANCH_HEURISTIC_COMMITTED : VOW_BRANCH_HEURISTIC_ABORTED);
}

/* Nothing was done, so it is in doubt as before; the decision may have come and gone meanwhile. */
void branch_resolve_failed(struct vow_branches *core, struct vow_branch_entry *entry)
{
    branch_answer_resolved(core, entry, &branch_record(core, entry)->asker, VOW_E_REFUSED, 0, core->input->done.text);
    branch_record_drop(core, entry);
    branch_postpone_heuristic(core, entry);
    branch_ask_now(core, entry);
    branch_move(core, entry, VOW_BRANCH_PREPARED);
}

/* It has voted YES: a duplicate of its PREPARE is no new work, and a NO to that proves nothing to a peer. */
void branch_resolve_no_record(struct vow_branches *core, struct vow_branch_entry *entry)
{
    branch_ended_remember(core, &entry->gtrid, VOW_BRANCH_END_ABORTED, VOW_CAUSE_TOO_LATE);
    branch_alarm(core, &entry->gtrid, "a heuristic, and the store has lost the prepared branch");
    branch_answer_resolved(core, entry, &branch_record(core, entry)->asker, VOW_E_DAMAGED, 0,
                           "the store has lost the prepared branch");
    branch_record_drop(core, entry);
    branch_move(core, entry, VOW_BRANCH_UNKNOWN);
}
