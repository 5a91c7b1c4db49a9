/*
 * Branches that operators have ended at their participants, against the decision: protocol 2.7. The damage is recorded
 * before anything depends on it, stands until an operator has seen to it, and is never silent: an alarm, the status of
 * the transaction, the history.
 */
#include <string.h>

#include "coordinator/core/damage.h"
#include "coordinator/core/dispatch.h"
#include "coordinator/core/emit.h"
#include "coordinator/core/ended.h"
#include "coordinator/core/past.h"
#include "coordinator/core/peers.h"
#include "coordinator/core/txn.h"
#include "proto/error.h"

#define JUST_NOW "its damage is just being recorded, or forgotten: ask again"

/* --- of a transaction that is decided to commit --- */

static void take_mismatch(struct vow_coord *core, struct input *in, const char *words)
{
    struct branch *branch = in->branch;
    struct txn *txn = in->txn;

    if (branch->vote != VOW_VOTE_YES || branch->acknowledged || branch->contradicts) {
        core->counts.ignored++;
        /* Known from before a restart, which may have lost what was to follow from it. */
        txn_settle(core, txn);
        return;
    }
    branch->due = false;
    txn_note_mismatch(core, txn, branch, VOW_ABORT, words);
    /* Damage that came after the operator's word is not covered by it. */
    if (txn->state == TXN_ABANDONED)
        txn_record_damage(core, txn);
    else
        txn_settle(core, txn);
}

void coord_on_mismatch(struct vow_coord *core, struct input *in)
{
    take_mismatch(core, in, "");
}

/* Who did it and why, with the room there is. */
static void words_of(const struct vow_msg_heuristic_report *report, char words[VOW_TEXT_SIZE])
{
    size_t len;

    coord_copy_text(words, VOW_TEXT_SIZE, report->who);
    len = strlen(words);
    coord_copy_text(words + len, VOW_TEXT_SIZE - len, ": ");
    len = strlen(words);
    coord_copy_text(words + len, VOW_TEXT_SIZE - len, report->why);
}

/* A report waits for the journal's answer with its words. */
static struct report *find_slot(struct vow_coord *core)
{
    for (uint32_t i = 0; i < COORD_REPORTS_MAX; i++) {
        if (!core->reports[i].taken)
            return &core->reports[i];
    }
    return NULL;
}

/* Until LOOKED_UP for the session that has reported. */
static void keep_report(struct vow_coord *core, const struct input *in, struct txn *txn, struct report *report)
{
    *report = (struct report){
        .taken = true, .verdict = (uint8_t)in->msg->heuristic_report.verdict, .branch = in->header->branch};
    words_of(&in->msg->heuristic_report, report->words);
    txn->asker = in->session;
    txn->report = (uint32_t)(report - core->reports);
}

static struct report *give_back(struct vow_coord *core, struct txn *txn)
{
    struct report *report = &core->reports[txn->report];

    report->taken = false;
    txn->report = COORD_NIL;
    return report;
}

static bool has_room_for_more(const struct vow_coord *core, const struct txn *txn)
{
    return txn->branches_len < VOW_CALLS_MAX && coord_branches_allowed(core) > 0;
}

/*
 * Of an aborted one: one more participant that committed. An operator may have seen to that before, and FORGET was
 * lost: the journal knows.
 */
static void report_more(struct vow_coord *core, struct input *in)
{
    uint32_t peer = coord_peer_of_session(core, in->session);
    struct report *report = find_slot(core);

    if (in->branch != NULL || peer == COORD_NIL || report == NULL || in->txn->report != COORD_NIL ||
        !has_room_for_more(core, in->txn) || !coord_can_look_up(core)) {
        core->counts.ignored++; /* known, or it is sent again */
        return;
    }
    keep_report(core, in, in->txn, report);
    (void)coord_look_up(core, in, core->peers[peer].name);
}

void coord_on_damage_looked_up(struct vow_coord *core, struct input *in)
{
    struct txn *txn = in->txn;
    uint32_t peer = coord_peer_of_session(core, in->session);
    const struct report *report;

    if (txn->report == COORD_NIL || in->session != txn->asker) {
        coord_on_ask(core, in);
        return;
    }
    report = give_back(core, txn);
    if (peer == COORD_NIL || in->lookup->unproved || !has_room_for_more(core, txn)) {
        core->counts.ignored++; /* it is sent again */
        return;
    }
    if (in->lookup->forgotten) {
        const struct branch seen_to = {.number = report->branch, .peer = peer};

        txn_tell_forget(core, txn, &seen_to);
        return;
    }
    txn_note_mismatch(core, txn, txn_add_branch(core, txn, report->branch, peer), report->verdict, report->words);
}

void coord_on_report(struct vow_coord *core, struct input *in)
{
    const struct vow_msg_heuristic_report *report = &in->msg->heuristic_report;
    char words[VOW_TEXT_SIZE];

    if (in->txn->is_reported) {
        report_more(core, in);
    } else if (report->verdict == VOW_COMMIT) {
        core->counts.protocol_errors++;
        coord_alarm(core, in->gtrid, "a participant says that it committed against an abort, and it was no abort",
                    branch_peer(core, in->branch)->name);
    } else if (in->txn->state == TXN_ABANDONED && in->branch->contradicts) {
        txn_tell_forget(core, in->txn, in->branch);
    } else {
        words_of(report, words);
        take_mismatch(core, in, words);
    }
}

/* --- of one that is not in memory: aborted, or ended --- */

/*
 * FORGET may have been lost, so the journal is asked before the same damage is recorded twice: it knows whose damage an
 * operator has seen to. What another participant of the transaction did is not that.
 */
void coord_on_report_new(struct vow_coord *core, struct input *in)
{
    uint32_t peer = coord_peer_of_session(core, in->session);
    struct report *report = find_slot(core);
    struct txn *txn;

    if (peer == COORD_NIL || report == NULL || !txn_has_room(core, 1) || !coord_can_look_up(core)) {
        core->counts.ignored++; /* it is sent again */
        return;
    }
    /* It was told an abort: what could still begin is void from here on. */
    if (coord_ids_class(&core->ids, in->gtrid) == COORD_ID_FRESH)
        coord_ids_use(&core->ids, in->gtrid);
    txn = txn_new(core, in->gtrid, 0);
    txn->is_reported = true;
    keep_report(core, in, txn, report);
    txn_add_branch(core, txn, in->header->branch, peer);
    txn_move(core, txn, TXN_JUDGING);
    (void)coord_look_up(core, in, core->peers[peer].name);
}

/* One without a record is known to the ring for a while. */
static bool is_committed(const struct vow_coord *core, const struct vow_coord_lookup *lookup)
{
    const struct ended *ended = coord_ended_find(core, &lookup->question.gtrid);

    return lookup->found ? lookup->outcome == VOW_COMMITTED : ended != NULL && ended->outcome == VOW_COMMITTED;
}

/*
 * Seen to before: a COMMIT that is not in memory has an END, which it has only when that was seen to. Or it is as it
 * was decided here, whatever somebody else may have told it.
 */
static bool is_no_damage(struct vow_coord *core, const struct input *in, enum vow_verdict verdict)
{
    const struct vow_coord_lookup *lookup = in->lookup;
    bool committed = is_committed(core, lookup);
    bool agrees = verdict == VOW_COMMIT ? committed : lookup->found && !committed;

    if (agrees && !lookup->forgotten) {
        core->counts.protocol_errors++;
        coord_alarm(core, in->gtrid, "a participant was ended by hand as it was decided, and was told otherwise",
                    branch_peer(core, branch_at(core, in->txn->first))->name);
    }
    return lookup->forgotten || agrees || (verdict == VOW_ABORT && (committed || lookup->below_floor));
}

/* A client is told what it would be told without the report: an outcome never becomes unknown again (I18). */
void coord_on_ask_past(struct vow_coord *core, struct input *in)
{
    coord_answer_past(core, in, "");
}

void coord_on_judged(struct vow_coord *core, struct input *in)
{
    struct txn *txn = in->txn;
    const struct report *report;
    enum vow_verdict verdict;

    if (in->session != txn->asker) {
        coord_reply_looked_up(core, in->lookup);
        return;
    }
    report = give_back(core, txn);
    verdict = (enum vow_verdict)report->verdict;
    if (in->lookup->unproved || is_no_damage(core, in, verdict)) {
        txn_move(core, txn, TXN_NONE);
        if (!in->lookup->unproved)
            txn_tell_forget(core, txn, branch_at(core, txn->first));
        return;
    }
    /* Nothing says that it was committed, so it never was: a report turns no outcome (I18). */
    txn->outcome = VOW_ABORTED;
    txn->cause = (uint8_t)(in->lookup->found ? in->lookup->cause : VOW_CAUSE_PRESUMED);
    txn->damage_before = (uint8_t)in->lookup->damage;
    txn_note_mismatch(core, txn, branch_at(core, txn->first), verdict, report->words);
    txn_record_damage(core, txn);
}

/* --- recorded --- */

static const char *alarm_of(enum vow_damage damage)
{
    switch (damage) {
    case VOW_DAMAGE_ROLLBACK:
        return "HEURISTIC_ROLLBACK: decided to commit, and all were rolled back by hand";
    case VOW_DAMAGE_MIXED:
        return "HEURISTIC_MIXED: some have committed and some have not";
    case VOW_DAMAGE_HAZARD:
    case VOW_DAMAGE_NONE:
        break;
    }
    return "HEURISTIC_HAZARD: what became of a branch cannot be known";
}

void coord_on_damage_logged(struct vow_coord *core, struct input *in)
{
    struct txn *txn = in->txn;

    core->counts.damages[txn->damage]++;
    coord_alarm(core, in->gtrid, alarm_of((enum vow_damage)txn->damage), "");
    if (core->limits.auto_forget) {
        txn_record_forget(core, txn, "auto_forget", "a setting of this coordinator");
        return;
    }
    txn_move(core, txn, TXN_HEUR);
    /* Another data file may come back with the branch in it (F044). */
    if (txn_has_unknown(core, txn))
        txn_arm_resend(core, txn);
}

/* --- an operator has seen to it --- */

static void answer_order(struct vow_coord *core, const struct vow_coord_forget *forget, int error, const char *text)
{
    struct vow_coord_effect *effect = coord_emit(core, VOW_COORD_FORGOTTEN, 0);

    effect->forgotten.gtrid = forget->gtrid;
    effect->forgotten.tag = forget->tag;
    effect->forgotten.error = error;
    effect->forgotten.text = text;
}

/* A slip in the name must not end what another one did. Then: somebody who is connected answers by himself: giving him
 * up would break what time will mend. */
static const char *why_not(const struct vow_coord *core, const struct txn *txn, const struct vow_coord_forget *forget)
{
    uint32_t named = forget->participant[0] != '\0' ? coord_peer_find(core, forget->participant) : COORD_NIL;

    if (forget->participant[0] != '\0' && (named == COORD_NIL || txn_branch_of_peer(core, txn, named) == NULL))
        return "this participant has no part in it";
    if (txn->state != TXN_COMMITTING)
        return NULL;
    for (const struct branch *b = branch_at(core, txn->first); b != NULL; b = branch_at(core, b->next)) {
        bool answered = b->vote != VOW_VOTE_YES || b->acknowledged || b->contradicts || b->hazard;

        if (!answered && branch_peer(core, b)->session != 0)
            return "a participant that has not answered yet is connected, and will: there is no damage to forget";
        if (!answered && named != COORD_NIL && b->peer != named)
            return "another participant has not answered either";
    }
    return NULL;
}

/* What nobody will ever know is a HAZARD, and stays in the history (F224). */
static void give_up(struct vow_coord *core, const struct txn *txn)
{
    for (struct branch *b = branch_at(core, txn->first); b != NULL; b = branch_at(core, b->next)) {
        struct vow_record *record;

        if (b->vote != VOW_VOTE_YES || b->acknowledged || b->contradicts || b->hazard)
            continue;
        b->hazard = true;
        core->counts.hazards++;
        record = coord_log(core, VOW_RECORD_HAZARD, &txn->gtrid, 0, true);
        coord_copy_text(record->who, sizeof(record->who), branch_peer(core, b)->name);
        coord_copy_text(record->text, sizeof(record->text), "given up by an operator");
    }
}

void coord_on_forget_order(struct vow_coord *core, struct input *in)
{
    struct txn *txn = in->txn;
    const char *why = why_not(core, txn, in->forget);

    /* More is being reported, which the journal is asked for. */
    if (txn->report != COORD_NIL) {
        answer_order(core, in->forget, VOW_E_BUSY, JUST_NOW);
        return;
    }
    if (why != NULL) {
        answer_order(core, in->forget, VOW_E_STATE, why);
        return;
    }
    if (txn->damage == VOW_DAMAGE_NONE)
        txn->damage = (uint8_t)txn_judge_damage(core, txn);
    give_up(core, txn);
    txn->order = in->forget->tag;
    txn_record_forget(core, txn, in->forget->who, in->forget->why);
}

void coord_on_forget_refused(struct vow_coord *core, struct input *in)
{
    enum txn_state state = in->txn != NULL ? (enum txn_state)in->txn->state : TXN_NONE;
    bool busy = state == TXN_DAMAGING || state == TXN_JUDGING || state == TXN_FORGIVING;
    const char *text = "it is not damaged: there is nothing to forget";

    if (state == TXN_NONE)
        text = "the coordinator has nothing of it in memory: it has ended, or never began";
    else if (busy)
        text = JUST_NOW;
    else if (state == TXN_ABANDONED)
        text = "it was forgotten before; a participant that comes back is told the decision";
    answer_order(core, in->forget, state == TXN_NONE ? VOW_E_NOT_FOUND : busy ? VOW_E_BUSY : VOW_E_STATE, text);
}

void coord_on_forgiven(struct vow_coord *core, struct input *in)
{
    struct txn *txn = in->txn;
    struct vow_coord_forget order = {.gtrid = txn->gtrid, .tag = txn->order};
    bool is_abandoned = txn_has_unknown(core, txn);

    core->counts.forgotten++;
    for (const struct branch *b = branch_at(core, txn->first); b != NULL; b = branch_at(core, b->next)) {
        if (b->contradicts)
            txn_tell_forget(core, txn, b);
    }
    if (txn->order != 0)
        answer_order(core, &order, 0, is_abandoned ? "given up; it is told the decision if it ever comes back" : "");
    txn->order = 0;
    if (!is_abandoned) {
        txn_settle(core, txn);
        return;
    }
    coord_alarm(core, in->gtrid, "given up: a participant that never answered (F224)", "");
    /* The presumption would tell it ABORT: the entry stays. But nobody's tombstones wait for it any more. */
    txn_move(core, txn, TXN_ABANDONED);
    txn_release_watermark(core, txn);
    coord_wake_present(core, txn);
}

void coord_take_forget(struct vow_coord *core, const struct vow_coord_forget *forget)
{
    struct input in = {.event = TXN_ON_FORGET_ORDER, .gtrid = &forget->gtrid, .forget = forget};

    in.txn = txn_find(core, &forget->gtrid);
    coord_dispatch(core, &in);
}
