#include "coordinator/core/damage.h"

#include <string.h>

#include "coordinator/core/dispatch.h"
#include "coordinator/core/emit.h"
#include "coordinator/core/txn.h"

/* How the yes-list stands. */
struct answers {
    uint32_t done, contradict, unknown, missing;
};

static struct answers count(const struct vow_coord *core, const struct txn *txn)
{
    struct answers answers = {0};

    for (const struct branch *b = branch_at(core, txn->first); b != NULL; b = branch_at(core, b->next)) {
        if (b->vote != VOW_VOTE_YES)
            continue;
        answers.done += b->acknowledged;
        answers.contradict += b->contradicts;
        answers.unknown += b->hazard && !b->acknowledged && !b->contradicts;
        answers.missing += !b->acknowledged && !b->contradicts && !b->hazard;
    }
    return answers;
}

bool txn_has_unknown(const struct vow_coord *core, const struct txn *txn)
{
    struct answers answers = count(core, txn);

    return answers.missing + answers.unknown > 0;
}

/* Proven mixed only if somebody committed and somebody did not; what is unknown may go either way. */
enum vow_damage txn_judge_damage(const struct vow_coord *core, const struct txn *txn)
{
    struct answers answers = count(core, txn);
    bool is_mixed = answers.done > 0 && answers.contradict > 0;

    /* Decided to abort, and somebody committed. */
    if (txn->is_reported || is_mixed)
        return VOW_DAMAGE_MIXED;
    return answers.contradict == txn->yes ? VOW_DAMAGE_ROLLBACK : VOW_DAMAGE_HAZARD;
}

/* Forced like the damage that it is part of: a restart knows it, whether its participant comes back or not. */
void txn_note_mismatch(struct vow_coord *core, const struct txn *txn, struct branch *branch, enum vow_verdict verdict,
                       const char *words)
{
    struct vow_record *record;
    struct vow_record_branch *member = &core->yes_list[0];
    const struct peer *peer = branch_peer(core, branch);

    branch->contradicts = true;
    core->counts.contradictions++;
    record = coord_log(core, VOW_RECORD_HEURISTIC, &txn->gtrid, 0, true);
    record->detail = (uint32_t)verdict;
    coord_copy_text(record->who, sizeof(record->who), peer->name);
    coord_copy_text(record->text, sizeof(record->text), words);
    /* An abort has no record that names it. */
    if (txn->is_reported) {
        record->cause = (enum vow_cause)txn->cause;
        memset(member, 0, sizeof(*member));
        memcpy(member->name, peer->name, sizeof(member->name));
        memcpy(member->db_uuid, peer->db_uuid, sizeof(member->db_uuid));
        member->branch = branch->number;
        member->incarnation = peer->incarnation;
        record->branches = member;
        record->branches_len = 1;
    }
    coord_alarm(core, &txn->gtrid,
                verdict == VOW_ABORT ? "a participant was rolled back by hand, and it was decided to commit (F056)"
                                     : "a participant was committed by hand, and it was decided to abort (F056)",
                peer->name);
}

void txn_record_damage(struct vow_coord *core, struct txn *txn)
{
    struct vow_record *record;

    txn_disarm(core, txn);
    if (txn->state == TXN_ABANDONED)
        txn->damage_before = txn->damage;
    txn->damage = (uint8_t)txn_judge_damage(core, txn);
    txn_move(core, txn, TXN_DAMAGING);
    record = coord_log(core, VOW_RECORD_DAMAGE, &txn->gtrid, txn_token(core, txn), true);
    record->detail = txn->damage;
}

void txn_record_forget(struct vow_coord *core, struct txn *txn, const char *who, const char *why)
{
    struct vow_record *record;
    char *end;

    txn_disarm(core, txn);
    txn_move(core, txn, TXN_FORGIVING);
    record = coord_log(core, VOW_RECORD_FORGET, &txn->gtrid, txn_token(core, txn), true);
    coord_copy_text(record->text, sizeof(record->text), who);
    end = record->text + strlen(record->text);
    coord_copy_text(end, sizeof(record->text) - (size_t)(end - record->text), ": ");
    end += strlen(end);
    coord_copy_text(end, sizeof(record->text) - (size_t)(end - record->text), why);
}

/* What was decided stands; that not all have done it is never silent (guarantee 1). Told when it is recorded. */
int txn_told_damage(const struct txn *txn)
{
    enum txn_state state = (enum txn_state)txn->state;
    bool is_recorded = state == TXN_HEUR || state == TXN_FORGIVING || state == TXN_ABANDONED || state == TXN_ENDING;

    return vow_damage_error((enum vow_damage)(is_recorded ? txn->damage : txn->damage_before));
}

static void end(struct vow_coord *core, struct txn *txn)
{
    txn_disarm(core, txn);
    txn_move(core, txn, TXN_ENDING);
    coord_log(core, VOW_RECORD_END, &txn->gtrid, txn_token(core, txn), false);
}

/* Who lacked its branch was rolled back by hand, or has found it: what was judged may be another thing now. */
static void judge_again(struct vow_coord *core, struct txn *txn)
{
    enum vow_damage damage = txn_judge_damage(core, txn);

    if (damage == (enum vow_damage)txn->damage)
        return;
    txn->damage = (uint8_t)damage;
    coord_log(core, VOW_RECORD_DAMAGE, &txn->gtrid, 0, true)->detail = txn->damage;
}

void txn_settle(struct vow_coord *core, struct txn *txn)
{
    struct answers answers = count(core, txn);
    bool is_forgiven = txn->state == TXN_ABANDONED || txn->state == TXN_FORGIVING;

    /* END only after the last one (mistake 4); it need not be forced, for participants acknowledge again (2.8). */
    if (txn->unacknowledged == 0 && txn->state == TXN_HEUR)
        txn->damage = VOW_DAMAGE_NONE; /* found after all */
    if (txn->unacknowledged == 0 || (is_forgiven && answers.missing + answers.unknown == 0))
        end(core, txn);
    else if (txn->state == TXN_COMMITTING && answers.missing == 0)
        txn_record_damage(core, txn);
    else if (txn->state == TXN_HEUR)
        judge_again(core, txn);
}

void txn_tell_forget(struct vow_coord *core, const struct txn *txn, const struct branch *branch)
{
    struct vow_msg *msg;

    if (branch_peer(core, branch)->session == 0)
        return;
    msg = coord_send(core, branch, VOW_MSG_FORGET);
    msg->forget.header = coord_header(core, txn, branch);
}
