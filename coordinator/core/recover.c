/* Recovery: COMMIT without END is open again with all of its yes-list unacknowledged; everything else is NONE. */
#include <string.h>

#include "coordinator/core/damage.h"
#include "coordinator/core/dispatch.h"
#include "coordinator/core/keys.h"
#include "coordinator/core/peers.h"
#include "coordinator/core/txn.h"
#include "proto/assert.h"

void coord_on_recovered_commit(struct vow_coord *core, struct input *in)
{
    const struct vow_record *record = in->record;
    struct txn *txn;

    /* The driver sizes the limits by the journal's count of open records. */
    VOW_ASSERT(txn_has_room(core, record->branches_len) && record->branches_len >= 1);
    txn = txn_new(core, in->gtrid, 0);
    txn->earlier_ms = in->age_ms;
    for (uint32_t i = 0; i < record->branches_len; i++) {
        const struct vow_record_branch *member = &record->branches[i];
        uint32_t peer = coord_peer_intern(core, member->name);
        struct branch *branch;

        VOW_ASSERT(peer != COORD_NIL);
        branch = txn_add_branch(core, txn, member->branch, peer);
        branch->incarnation = member->incarnation;
        memcpy(branch->db_uuid, member->db_uuid, VOW_DB_UUID_BYTES);
        branch->contacted = true;
        branch->vote = VOW_VOTE_YES;
    }
    txn->votes = txn->yes = txn->unacknowledged = record->branches_len;
    txn_hold_watermark(core, txn);
    txn_move(core, txn, TXN_COMMITTING);
    txn_arm(core, txn, core->now_ms);
}

void coord_on_recovered_hazard(struct vow_coord *core, struct input *in)
{
    uint32_t peer = coord_peer_find(core, in->record->who);
    struct branch *branch = peer != COORD_NIL ? txn_branch_of_peer(core, in->txn, peer) : NULL;

    if (branch != NULL) {
        branch->hazard = true;
        core->counts.hazards++;
    }
}

static struct branch *branch_named(const struct vow_coord *core, const struct input *in)
{
    uint32_t peer = coord_peer_find(core, in->record->who);

    return peer != COORD_NIL ? txn_branch_of_peer(core, in->txn, peer) : NULL;
}

/* Against an abort, of which there is no other record. */
static void recover_reported(struct vow_coord *core, struct input *in)
{
    const struct vow_record_branch *member = &in->record->branches[0];
    uint32_t peer = coord_peer_intern(core, member->name);
    struct txn *txn = in->txn;

    VOW_ASSERT(in->record->branches_len == 1 && peer != COORD_NIL && txn_has_room(core, 1));
    if (txn == NULL) {
        txn = txn_new(core, in->gtrid, 0);
        txn->earlier_ms = in->age_ms;
        txn->is_reported = true;
        txn->outcome = VOW_ABORTED;
        txn->cause = (uint8_t)in->record->cause;
        txn->damage = VOW_DAMAGE_MIXED;
    }
    txn_add_branch(core, txn, member->branch, peer)->contradicts = true;
    if (txn->state == TXN_NONE)
        txn_move(core, txn, TXN_HEUR);
}

void coord_on_recovered_heuristic(struct vow_coord *core, struct input *in)
{
    struct branch *branch;

    core->counts.contradictions++;
    if (in->txn == NULL || in->txn->is_reported) {
        recover_reported(core, in);
        return;
    }
    branch = branch_named(core, in);
    if (branch != NULL)
        branch->contradicts = true;
    /* It came after the operator's word, which does not cover it; its DAMAGE follows, or was lost. */
    if (in->txn->state == TXN_ABANDONED) {
        in->txn->damage = (uint8_t)txn_judge_damage(core, in->txn);
        txn_move(core, in->txn, TXN_HEUR);
    }
}

/* All had answered then, so who is not named has acknowledged. */
static void acknowledge_others(struct vow_coord *core, struct txn *txn)
{
    for (struct branch *b = branch_at(core, txn->first); b != NULL; b = branch_at(core, b->next)) {
        if (b->vote == VOW_VOTE_YES && !b->acknowledged && !b->contradicts && !b->hazard) {
            b->acknowledged = true;
            txn->unacknowledged--;
        }
    }
}

void coord_on_recovered_damage(struct vow_coord *core, struct input *in)
{
    struct txn *txn = in->txn;

    txn->damage = (uint8_t)in->record->detail;
    acknowledge_others(core, txn);
    if (txn->state != TXN_HEUR)
        txn_move(core, txn, TXN_HEUR);
}

void coord_on_recovered_forget(struct vow_coord *core, struct input *in)
{
    struct txn *txn = in->txn;

    acknowledge_others(core, txn);
    if (txn->damage == VOW_DAMAGE_NONE)
        txn->damage = (uint8_t)txn_judge_damage(core, txn);
    if (txn_has_unknown(core, txn)) {
        txn_disarm(core, txn);
        txn_release_watermark(core, txn);
        txn_move(core, txn, TXN_ABANDONED);
    } else {
        txn_arm(core, txn, core->now_ms);
        txn_move(core, txn, TXN_FORGIVING);
    }
}

static enum txn_event event_of(enum vow_record_kind kind)
{
    switch ((int)kind) {
    case VOW_RECORD_COMMIT:
        return TXN_ON_RECOVERED_COMMIT;
    case VOW_RECORD_HAZARD:
        return TXN_ON_RECOVERED_HAZARD;
    case VOW_RECORD_HEURISTIC:
        return TXN_ON_RECOVERED_HEURISTIC;
    case VOW_RECORD_DAMAGE:
        return TXN_ON_RECOVERED_DAMAGE;
    case VOW_RECORD_FORGET:
        return TXN_ON_RECOVERED_FORGET;
    default:
        VOW_UNREACHABLE("a record that is not open");
    }
}

void coord_take_recovered(struct vow_coord *core, const struct vow_record *record, uint64_t age_ms)
{
    struct input in = {.gtrid = &record->gtrid, .record = record, .txn = txn_find(core, &record->gtrid)};

    in.age_ms = age_ms;
    VOW_ASSERT(core->recovering);
    if (record->kind == VOW_RECORD_KEY) {
        coord_recover_key(core, record);
        return;
    }
    in.event = event_of(record->kind);
    coord_dispatch(core, &in);
}
