/*
 * I19: no silent heuristic. What was ended without its decision (protocol 2.7) was ended by an operator's order or by
 * T_heur, stays recorded until the decision agrees or an operator has seen to it, and is told:
 *
 *   HEURISTIC_* asked of a store   an operator asked for that verdict, or T_heur has run out
 *   SETTLE asked of a store        with what the coordinator has decided
 *   its record at the store        is there until it was settled as it was ended, or FORGET came
 *   its tombstone at the store     goes when the transaction turns out to have been aborted
 *   HEURISTIC logged               the participant said so, and what it did is not what was decided
 *   HEURISTIC in the journal       is there until an operator forgot
 *   HAZARD, DAMAGE logged          somebody said that he has no record, was ended by hand, or was given up
 *   FORGET logged                  an operator asked for it, or the coordinator is set to
 *   the outcome told to a client   once DAMAGE is durable it says so, and not before
 *   the end, of healed nodes       each contradiction is recorded at both, each raised an alarm (but where standing
 *                                  damage takes every place of the coordinator); of what agreed or was
 *                                  forgotten nothing is left at the store; a branch that is older than the history,
 *                                  and never heard the decision, stays, with the alarm of its node
 *
 * What a store's harmed disk forgot is not asked of it.
 */
#include <string.h>

#include "chaos/sim/check.h"
#include "proto/error.h"

/* ---- by whom ---- */

static bool has_run_out(const struct sim_judge *judge, const struct sim_sight *sight, const struct book_share *share,
                        enum vow_verdict verdict)
{
    const struct book_node *node = &judge->book.nodes[sight->node];

    return node->heuristic_ms != 0 && node->heuristic_verdict == verdict && share->told_yes != 0 &&
           sight->at_us >= share->told_yes_us + (uint64_t)node->heuristic_ms * 1000 - 1000;
}

static void check_ended(struct sim_judge *judge, const struct sim_sight *sight, const struct book_txn *txn,
                        const struct book_share *share)
{
    const enum vow_verdict verdict = sight->store.op == VOW_STORE_HEURISTIC_COMMIT ? VOW_COMMIT : VOW_ABORT;
    const book_moment ordered = verdict == VOW_COMMIT ? share->ordered_commit : share->ordered_abort;

    if (ordered == 0 && !has_run_out(judge, sight, share, verdict))
        judge_fail(judge, sight, "I19", &txn->gtrid, "%s ends a branch in doubt, and nobody asked for that",
                   judge_name(judge, sight->node));
}

static void check_store(struct sim_judge *judge, const struct sim_sight *sight, const struct book_txn *txn,
                        const struct book_share *share)
{
    const struct book_input *input = &judge->book.nodes[sight->node].input;

    if (sight->store.op == VOW_STORE_HEURISTIC_COMMIT || sight->store.op == VOW_STORE_HEURISTIC_ABORT)
        check_ended(judge, sight, txn, share);
    if (sight->store.op == VOW_STORE_SETTLE && (sight->store.verdict == VOW_COMMIT) != (txn->committed != 0))
        judge_fail(judge, sight, "I19", &txn->gtrid, "%s notes a decision that is not the transaction's",
                   judge_name(judge, sight->node));
    if (sight->store.op == VOW_STORE_FORGET && share->has_record && input->msg != VOW_MSG_FORGET)
        judge_fail(judge, sight, "I19", &txn->gtrid, "%s forgets what was done by hand, and was not told to",
                   judge_name(judge, sight->node));
}

/* ---- what the coordinator records ---- */

static bool is_any_bad(const struct book_txn *txn)
{
    for (const struct book_share *share = txn->shares; share != NULL; share = share->next) {
        if (share->mismatch_got != 0 || share->no_record_got != 0)
            return true;
    }
    return txn->hazard != 0 || txn->forget_ordered != 0;
}

static void check_noted(struct sim_judge *judge, const struct sim_sight *sight, const struct book_txn *txn)
{
    const uint8_t node = sim_book_named(&judge->book, sight->log.record->who);
    const struct book_share *share = node != SIM_NODE_NONE ? sim_txn_share(txn, node) : NULL;

    if (share == NULL || share->mismatch_got == 0)
        judge_fail(judge, sight, "I19", &txn->gtrid, "%s is noted as ended by hand, and has not said so",
                   sight->log.record->who);
    else if (!sim_share_contradicts(txn, share) && txn->committed != 0)
        judge_fail(judge, sight, "I19", &txn->gtrid, "%s is noted as ended against the decision, and was not",
                   sight->log.record->who);
}

static void check_record(struct sim_judge *judge, const struct sim_sight *sight, const struct book_txn *txn)
{
    switch ((int)sight->log.record->kind) {
    case VOW_RECORD_HEURISTIC:
        check_noted(judge, sight, txn);
        break;
    case VOW_RECORD_HAZARD:
    case VOW_RECORD_DAMAGE:
        if (!is_any_bad(txn))
            judge_fail(judge, sight, "I19", &txn->gtrid, "damage is logged, and nobody has said that there is any");
        break;
    case VOW_RECORD_FORGET:
        if (txn->forget_ordered == 0 && !judge->book.nodes[sight->node].forgets_damage)
            judge_fail(judge, sight, "I19", &txn->gtrid, "damage is forgotten, and nobody asked for that");
        break;
    default:
        break;
    }
}

/* ---- what clients are told ---- */

static bool is_damage(int error)
{
    return error == VOW_E_HEURISTIC_MIXED || error == VOW_E_HEURISTIC_ROLLBACK || error == VOW_E_HEURISTIC_HAZARD;
}

static bool is_contradicted(const struct book_txn *txn)
{
    for (const struct book_share *share = txn->shares; share != NULL; share = share->next) {
        if (sim_share_contradicts(txn, share))
            return true;
    }
    return false;
}

/* Without a lookup in between: who answers from memory has been told that the record is durable, or has not. */
static void check_told(struct sim_judge *judge, const struct sim_sight *sight, const struct book_txn *txn)
{
    const struct vow_msg_outcome *said = &sight->message.msg->outcome;

    if (said->outcome != VOW_COMMITTED && said->outcome != VOW_ABORTED)
        return;
    if (is_damage(said->error) && txn->damage == 0 && txn->forgot == 0)
        judge_fail(judge, sight, "I19", &txn->gtrid, "damage is told, and is not durable");
    else if (!is_damage(said->error) && txn->damage_told != 0 && is_contradicted(txn))
        judge_fail(judge, sight, "I19", &txn->gtrid, "%s is told of it, and not that it is damaged",
                   judge_name(judge, sight->peer));
}

/* ---- what is on disks ---- */

static bool has_row(const struct sim_dump_journal *journal, const struct vow_gtrid *gtrid, const char *who)
{
    for (uint32_t i = 0; i < journal->events_len; i++) {
        if (journal->events[i].kind == VOW_RECORD_HEURISTIC && vow_gtrid_equal(&journal->events[i].gtrid, gtrid) &&
            strcmp(journal->events[i].who, who) == 0)
            return true;
    }
    return false;
}

static void check_journal(struct sim_judge *judge, const struct sim_sight *sight, const struct book_txn *txn)
{
    if (txn->coord != sight->node || judge->book.nodes[sight->node].harm != 0)
        return;
    for (const struct book_share *share = txn->shares; share != NULL; share = share->next) {
        if (share->noted != 0 && share->forgiven == 0 &&
            !has_row(&sight->disk.dump->journal, &txn->gtrid, judge_name(judge, share->node)))
            judge_fail(judge, sight, "I19", &txn->gtrid, "%s lost the record of what was done by hand at %s",
                       judge_name(judge, sight->node), judge_name(judge, share->node));
    }
}

static const struct sim_dump_heuristic *find_record(const struct sim_dump_store *store, const struct vow_gtrid *gtrid)
{
    for (uint32_t i = 0; i < store->heuristics_len; i++) {
        if (vow_gtrid_equal(&store->heuristics[i].gtrid, gtrid))
            return &store->heuristics[i];
    }
    return NULL;
}

/* A commit under way may have taken it away. */
static bool may_be_gone(const struct book_share *share)
{
    return share->damage_drop_asked != 0 || (share->settle_asked != 0 && share->settled == share->heuristic_verdict);
}

/* Committed by hand, and settled as aborted: a peer would take its tombstone for the transaction's outcome. */
static bool misleads(const struct sim_dump_store *store, const struct sim_dump_heuristic *record)
{
    if (record == NULL || record->verdict != VOW_COMMIT || record->decided != VOW_ABORT)
        return false;
    for (uint32_t i = 0; i < store->branches_len; i++) {
        if (store->branches[i].state == SIM_BRANCH_COMMITTED &&
            vow_gtrid_equal(&store->branches[i].gtrid, &record->gtrid))
            return true;
    }
    return false;
}

static void check_records(struct sim_judge *judge, const struct sim_sight *sight, const struct book_txn *txn)
{
    const struct sim_dump_store *store = &sight->disk.dump->store;
    const struct sim_dump_heuristic *record = find_record(store, &txn->gtrid);
    const struct book_share *share = sim_txn_share(txn, sight->node);

    if (misleads(store, record) && judge->book.nodes[sight->node].harm == 0)
        judge_fail(judge, sight, "I19", &txn->gtrid, "%s keeps the tombstone of what was aborted",
                   judge_name(judge, sight->node));
    if (share == NULL || !share->has_record || record != NULL || may_be_gone(share))
        return;
    if (judge->book.nodes[sight->node].harm != 0)
        judge->excused |= sim_bit(sight->node);
    else
        judge_fail(judge, sight, "I19", &txn->gtrid, "%s lost the record of what was done by hand",
                   judge_name(judge, sight->node));
}

static void check_disk(struct sim_judge *judge, const struct sim_sight *sight)
{
    if (!sight->disk.dump->is_readable)
        return;
    for (const struct book_txn *txn = judge->book.txns; txn != NULL; txn = txn->next) {
        if (judge_is_excused(judge, txn))
            continue;
        if (sight->disk.dump->is_journal)
            check_journal(judge, sight, txn);
        else
            check_records(judge, sight, txn);
    }
}

/* ---- the end ---- */

/* Another one reported since: what was forgotten before that waits for the operator's next word with it. */
static bool stands_again(const struct book_txn *txn)
{
    for (const struct book_share *share = txn->shares; share != NULL; share = share->next) {
        if (share->noted > txn->forgot && share->forgiven == 0)
            return true;
    }
    return false;
}

/* Damage that stands takes a place each: with none left a report is not taken, and is sent until there is one. */
static bool has_no_place(const struct sim_judge *judge, uint8_t coord)
{
    const struct book_node *node = &judge->book.nodes[coord];
    uint64_t standing = 0;

    for (const struct book_txn *txn = judge->book.txns; txn != NULL; txn = txn->next)
        standing += txn->coord == coord && txn->entry_life == node->life && txn->damage != 0;
    return node->places != 0 && standing >= node->places;
}

static void check_contradiction(struct sim_judge *judge, const struct sim_sight *sight, const struct book_txn *txn,
                                const struct book_share *share)
{
    if (share->node_alarm == 0)
        judge_fail(judge, sight, "I19", &txn->gtrid, "%s was ended against the decision, and raised no alarm",
                   judge_name(judge, share->node));
    else if (share->noted == 0 && has_no_place(judge, txn->coord))
        return;
    else if (share->noted == 0)
        judge_fail(judge, sight, "I19", &txn->gtrid, "%s was ended against the decision, and its coordinator is silent",
                   judge_name(judge, share->node));
    else if (share->coord_alarm == 0)
        judge_fail(judge, sight, "I19", &txn->gtrid,
                   "%s was ended against the decision, and its coordinator raised no alarm",
                   judge_name(judge, share->node));
    else if (share->forgiven != 0 && share->has_record && !has_no_place(judge, txn->coord) && !stands_again(txn))
        judge_fail(judge, sight, "I19", &txn->gtrid, "what was done by hand at %s was forgotten, and it keeps it",
                   judge_name(judge, share->node));
}

/* Its coordinator says EXPIRED: whether it was right nobody can tell it (F045), so nobody else can know of it. */
static bool is_too_late(const struct book_share *share)
{
    return share->expired_heard != 0 && share->record_says == 0;
}

static void check_end(struct sim_judge *judge, const struct sim_sight *sight, const struct book_txn *txn)
{
    for (const struct book_share *share = txn->shares; share != NULL; share = share->next) {
        if (share->heuristic == 0 || (is_too_late(share) && share->node_alarm != 0))
            continue;
        if (sim_share_contradicts(txn, share))
            check_contradiction(judge, sight, txn, share);
        else if (share->has_record && (txn->committed != 0 || txn->aborted != 0))
            judge_fail(judge, sight, "I19", &txn->gtrid, "%s was ended as it was decided, and keeps its record",
                       judge_name(judge, share->node));
    }
}

static void check_world(struct sim_judge *judge, const struct sim_sight *sight)
{
    for (const struct book_txn *txn = judge->book.txns; txn != NULL; txn = txn->next) {
        if (judge_is_healed(judge, txn) && !judge_is_excused(judge, txn))
            check_end(judge, sight, txn);
    }
}

void check_heuristics(struct sim_judge *judge, const struct sim_sight *sight)
{
    const struct book_txn *txn;

    if (sight->kind == SIM_SEEN_ENDED && judge->book.healed != 0)
        check_world(judge, sight);
    if (sight->kind == SIM_SEEN_DISK)
        check_disk(judge, sight);
    if (sight->kind != SIM_SEEN_STORE_ASKED && sight->kind != SIM_SEEN_LOG_ASKED && sight->kind != SIM_SEEN_SENT)
        return;
    txn = judge_txn(judge, sight);
    if (txn == NULL || judge_is_excused(judge, txn))
        return;
    if (sight->kind == SIM_SEEN_STORE_ASKED && sim_txn_share(txn, sight->node) != NULL)
        check_store(judge, sight, txn, sim_txn_share(txn, sight->node));
    else if (sight->kind == SIM_SEEN_LOG_ASKED)
        check_record(judge, sight, txn);
    else if (sight->kind == SIM_SEEN_SENT && sight->message.msg->kind == VOW_MSG_OUTCOME)
        check_told(judge, sight, txn);
}
