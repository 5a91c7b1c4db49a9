#include "coordinator/core/txn.h"

#include <string.h>

#include "coordinator/core/keys.h"
#include "coordinator/core/peers.h"
#include "proto/assert.h"

struct txn *txn_find(const struct vow_coord *core, const struct vow_gtrid *gtrid)
{
    uint32_t index = vow_gtrid_table_find(&core->txn_table, gtrid);

    return index != COORD_NIL ? &core->txns[index] : NULL;
}

bool txn_has_room(const struct vow_coord *core, uint32_t branches)
{
    return core->txns_open < core->limits.txns_max && coord_branches_allowed(core) >= branches;
}

bool txn_may_begin(const struct vow_coord *core, uint32_t branches)
{
    return !core->no_new_work && !core->shedding && txn_has_room(core, branches);
}

struct txn *txn_new(struct vow_coord *core, const struct vow_gtrid *gtrid, uint64_t client)
{
    uint32_t index = core->txns_free;
    struct txn *txn;
    uint32_t serial;

    VOW_ASSERT(index != COORD_NIL);
    txn = &core->txns[index];
    core->txns_free = txn->active_next;
    serial = txn->serial + 1;
    *txn = (struct txn){.gtrid = *gtrid,
                        .state = TXN_NONE,
                        .serial = serial,
                        .opener = client,
                        .client = client,
                        .begun_ms = core->now_ms,
                        .state_since_ms = core->now_ms,
                        .end_ms = UINT64_MAX,
                        .delay_ms = core->limits.ack_timeout_ms,
                        .key = COORD_NIL,
                        .report = COORD_NIL,
                        .first = COORD_NIL,
                        .last = COORD_NIL,
                        .active_prev = COORD_NIL,
                        .active_next = COORD_NIL};
    vow_gtrid_table_add(&core->txn_table, index);
    core->txns_open++;
    if (core->txns_open > core->counts.open_most)
        core->counts.open_most = core->txns_open;
    core->in->txn = txn;
    return txn;
}

void txn_free(struct vow_coord *core, struct txn *txn)
{
    uint32_t index = txn_index(core, txn);

    coord_release_key(core, txn);
    for (uint32_t i = txn->first; i != COORD_NIL;) {
        uint32_t next = core->branches[i].next;

        coord_peer_unlink(core, &core->branches[i]);
        core->branches[i].next = core->branches_free;
        core->branches_free = i;
        core->branches_left++;
        i = next;
    }
    vow_gtrid_table_remove(&core->txn_table, index);
    vow_heap_remove(&core->deadlines, index);
    vow_heap_remove(&core->order, index);
    txn->active_next = core->txns_free;
    core->txns_free = index;
    core->txns_open--;
}

void txn_hold_watermark(struct vow_coord *core, struct txn *txn)
{
    vow_heap_set(&core->order, txn_index(core, txn),
                 (struct vow_heap_key){vow_gtrid_epoch(&txn->gtrid), vow_gtrid_seq(&txn->gtrid)});
}

void txn_release_watermark(struct vow_coord *core, struct txn *txn)
{
    vow_heap_remove(&core->order, txn_index(core, txn));
}

void txn_check(const struct vow_coord *core, const struct txn *txn)
{
    bool timed = vow_heap_find(&core->deadlines, txn_index(core, txn)) != NULL;

    VOW_ASSERT(txn->votes <= txn->branches_len && txn->yes <= txn->votes);
    switch ((enum txn_state)txn->state) {
    case TXN_ACTIVE:
        VOW_ASSERT(timed && txn->votes == 0);
        break;
    case TXN_PREPARING:
        VOW_ASSERT(timed && txn->votes < txn->branches_len);
        break;
    case TXN_DECIDING:
        /* No timer may change an outcome that the log has (mistake 16). */
        VOW_ASSERT(!timed && txn->votes == txn->branches_len && txn->yes > 0);
        break;
    case TXN_COMMITTING:
        VOW_ASSERT(txn->unacknowledged > 0 && txn->unacknowledged <= txn->yes);
        break;
    case TXN_ENDING:
        VOW_IMPLIES(txn->unacknowledged != 0, txn->damage != VOW_DAMAGE_NONE);
        VOW_ASSERT(!timed);
        break;
    case TXN_DAMAGING:
        VOW_ASSERT(!timed && txn->damage != VOW_DAMAGE_NONE);
        break;
    case TXN_HEUR:
    case TXN_FORGIVING:
        VOW_ASSERT(txn->damage != VOW_DAMAGE_NONE && (txn->is_reported || txn->unacknowledged > 0));
        VOW_IMPLIES(txn->state == TXN_FORGIVING, txn->report == COORD_NIL);
        break;
    case TXN_ABANDONED:
        VOW_ASSERT(txn->unacknowledged > 0 && txn->unacknowledged <= txn->yes);
        break;
    case TXN_JUDGING:
        VOW_ASSERT(!timed && txn->is_reported && txn->report != COORD_NIL);
        break;
    case TXN_DELEGATED:
        VOW_ASSERT(txn->branches_len == 1 && txn->votes == 0);
        break;
    case TXN_FORGETTING:
    case TXN_LOOKING_UP:
        VOW_ASSERT(!timed && txn->branches_len == 1);
        break;
    case TXN_NONE:
    case TXN_STATES:
        VOW_UNREACHABLE("an entry without a state");
    }
}

struct branch *txn_add_branch(struct vow_coord *core, struct txn *txn, uint32_t number, uint32_t peer)
{
    uint32_t index = core->branches_free;
    struct branch *branch;

    VOW_ASSERT(index != COORD_NIL && txn->branches_len < VOW_CALLS_MAX);
    branch = &core->branches[index];
    core->branches_free = branch->next;
    core->branches_left--;
    if (core->branches_room - core->branches_left > core->counts.branches_most)
        core->counts.branches_most = core->branches_room - core->branches_left;
    *branch = (struct branch){.txn = txn_index(core, txn),
                              .peer = peer,
                              .number = number,
                              .next = COORD_NIL,
                              .incarnation = core->peers[peer].incarnation};
    memcpy(branch->db_uuid, core->peers[peer].db_uuid, VOW_DB_UUID_BYTES);
    coord_peer_link(core, branch);
    if (txn->last != COORD_NIL)
        core->branches[txn->last].next = index;
    else
        txn->first = index;
    txn->last = index;
    txn->branches_len++;
    return branch;
}

struct branch *txn_find_branch(const struct vow_coord *core, const struct txn *txn, uint32_t number)
{
    struct branch *branch = branch_at(core, txn->first);

    while (branch != NULL && branch->number != number)
        branch = branch_at(core, branch->next);
    return branch;
}

struct branch *txn_branch_of_peer(const struct vow_coord *core, const struct txn *txn, uint32_t peer)
{
    struct branch *branch = branch_at(core, txn->first);

    while (branch != NULL && branch->peer != peer)
        branch = branch_at(core, branch->next);
    return branch;
}

uint64_t txn_token(const struct vow_coord *core, const struct txn *txn)
{
    return (uint64_t)txn->serial << 32 | (txn_index(core, txn) + 1);
}

struct txn *txn_of_token(const struct vow_coord *core, uint64_t token)
{
    uint32_t index = (uint32_t)token - 1;
    struct txn *txn;

    VOW_ASSERT(index < core->txns_room);
    txn = &core->txns[index];
    return txn->state != TXN_NONE && txn->serial == token >> 32 ? txn : NULL;
}

void txn_arm(struct vow_coord *core, struct txn *txn, uint64_t deadline_ms)
{
    vow_heap_set(&core->deadlines, txn_index(core, txn), (struct vow_heap_key){deadline_ms, 0});
}

void txn_end_after(struct vow_coord *core, struct txn *txn, uint32_t timeout_ms)
{
    uint64_t end_ms = timeout_ms != 0 ? core->now_ms + timeout_ms : UINT64_MAX;

    if (end_ms < txn->end_ms)
        txn->end_ms = end_ms;
}

uint64_t txn_expiry(const struct vow_coord *core, const struct txn *txn, uint32_t timeout_ms)
{
    uint64_t expiry_ms = core->now_ms + timeout_ms;

    return txn->end_ms < expiry_ms ? txn->end_ms : expiry_ms;
}

void txn_disarm(struct vow_coord *core, struct txn *txn)
{
    vow_heap_remove(&core->deadlines, txn_index(core, txn));
}

uint64_t txn_jitter(struct vow_coord *core)
{
    uint64_t x = core->jitter;

    x ^= x << 13;
    x ^= x >> 7;
    x ^= x << 17;
    core->jitter = x;
    return x;
}

void txn_arm_resend(struct vow_coord *core, struct txn *txn)
{
    uint64_t delay = txn->delay_ms;

    delay = delay - delay / 4 + txn_jitter(core) % (delay / 2 + 1);
    txn_arm(core, txn, core->now_ms + (delay > 0 ? delay : 1));
}

void txn_back_off(struct vow_coord *core, struct txn *txn)
{
    uint32_t max = core->limits.ack_timeout_max_ms;

    txn->delay_ms = txn->delay_ms > max / 2 ? max : txn->delay_ms * 2;
}

void txn_enter_active(struct vow_coord *core, struct txn *txn)
{
    txn->active_prev = COORD_NIL;
    txn->active_next = core->active;
    if (core->active != COORD_NIL)
        core->txns[core->active].active_prev = txn_index(core, txn);
    core->active = txn_index(core, txn);
}

void txn_leave_active(struct vow_coord *core, struct txn *txn)
{
    if (txn->active_prev != COORD_NIL)
        core->txns[txn->active_prev].active_next = txn->active_next;
    else
        core->active = txn->active_next;
    if (txn->active_next != COORD_NIL)
        core->txns[txn->active_next].active_prev = txn->active_prev;
}

struct vow_watermark coord_watermark(const struct vow_coord *core)
{
    const struct vow_heap_entry *oldest = vow_heap_first(&core->order);
    struct vow_watermark watermark = {core->ids.identity.epoch, core->ids.lowest_fresh};

    /* Before recovery has seen all of the log, anything may be open. */
    if (core->recovering)
        return (struct vow_watermark){0, 0};
    if (oldest != NULL && (oldest->key.major < watermark.epoch || oldest->key.minor < watermark.seq))
        watermark = (struct vow_watermark){(uint32_t)oldest->key.major, oldest->key.minor};
    return watermark;
}
