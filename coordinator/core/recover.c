/* Recovery: COMMIT without END is open again with all of its yes-list unacknowledged; everything else is NONE. */
#include <string.h>

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

void coord_take_recovered(struct vow_coord *core, const struct vow_record *record, uint64_t age_ms)
{
    struct input in = {.gtrid = &record->gtrid, .record = record, .txn = txn_find(core, &record->gtrid)};

    in.age_ms = age_ms;
    VOW_ASSERT(core->recovering);
    if (record->kind == VOW_RECORD_KEY) {
        coord_recover_key(core, &record->gtrid, record->text);
        return;
    }
    if (record->kind == VOW_RECORD_COMMIT)
        in.event = TXN_ON_RECOVERED_COMMIT;
    else if (record->kind == VOW_RECORD_HAZARD)
        in.event = TXN_ON_RECOVERED_HAZARD;
    else
        VOW_UNREACHABLE("only COMMIT and HAZARD are open records");
    coord_dispatch(core, &in);
}
