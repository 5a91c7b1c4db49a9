/*
 * Connections that come and go. What follows for each transaction is left to its timer, which is set to now: a
 * participant with a thousand transactions costs this step nothing but a walk.
 */
#include <string.h>

#include "coordinator/core/dispatch.h"
#include "coordinator/core/emit.h"
#include "coordinator/core/peers.h"
#include "coordinator/core/txn.h"

static void wake(struct vow_coord *core, const struct branch *branch)
{
    txn_arm(core, &core->txns[branch->txn], core->now_ms);
}

/* Its connection is gone: where it has not voted yet, it never will in time. */
static void lose_peer(struct vow_coord *core, struct peer *peer)
{
    peer->session = 0;
    peer->is_full = false;
    for (struct branch *b = branch_at(core, peer->branches); b != NULL; b = branch_at(core, b->peer_next)) {
        if (core->txns[b->txn].state == TXN_PREPARING && b->vote == 0) {
            b->lost = true;
            wake(core, b);
        }
    }
}

/* An acknowledgement, or an outcome. */
static bool owes_answer(const struct vow_coord *core, const struct branch *branch)
{
    enum txn_state state = (enum txn_state)core->txns[branch->txn].state;
    bool is_told = state == TXN_COMMITTING || state == TXN_HEUR || state == TXN_ABANDONED;
    bool owes_ack = is_told && branch->vote == VOW_VOTE_YES && !branch->acknowledged && !branch->contradicts;

    return owes_ack || state == TXN_DELEGATED;
}

/* It is back: where it owes an answer, it is asked at once. */
static void wake_branches(struct vow_coord *core, const struct peer *peer)
{
    for (struct branch *b = branch_at(core, peer->branches); b != NULL; b = branch_at(core, b->peer_next)) {
        if (owes_answer(core, b)) {
            b->due = true;
            wake(core, b);
        }
    }
}

/* Who is connected has come back, or answered, while the operator's word was on its way to the disk. */
void coord_wake_present(struct vow_coord *core, struct txn *txn)
{
    for (struct branch *b = branch_at(core, txn->first); b != NULL; b = branch_at(core, b->next)) {
        if (branch_peer(core, b)->session != 0 && owes_answer(core, b)) {
            b->due = true;
            wake(core, b);
        }
    }
}

void coord_take_peer_up(struct vow_coord *core, uint64_t session, const struct vow_coord_peer *up)
{
    uint32_t index = coord_peer_intern(core, up->name);
    struct peer *peer;

    if (index == COORD_NIL) {
        coord_alarm(core, &(struct vow_gtrid){{0}}, "more participants than peers_max", up->name);
        return;
    }
    peer = &core->peers[index];
    /* The newer connection wins; the driver closes the older one. */
    if (peer->session != 0)
        lose_peer(core, peer);
    peer->session = session;
    peer->is_full = false;
    peer->incarnation = up->incarnation;
    memcpy(peer->db_uuid, up->db_uuid, sizeof(peer->db_uuid));
    peer->since = up->since;
    coord_copy_text(peer->address, sizeof(peer->address), up->address);
    wake_branches(core, peer);
}

/* What could not be told is due since then; what was answered meanwhile is not, and its timer must not run: nothing
 * would ever stop it. */
void coord_take_peer_full(struct vow_coord *core, uint64_t session, bool is_full)
{
    uint32_t index = coord_peer_of_session(core, session);

    if (index == COORD_NIL)
        return;
    core->peers[index].is_full = is_full;
    for (struct branch *b = branch_at(core, core->peers[index].branches); b != NULL && !is_full;
         b = branch_at(core, b->peer_next)) {
        if (b->due && owes_answer(core, b))
            wake(core, b);
    }
}

void coord_take_session_down(struct vow_coord *core, uint64_t session)
{
    uint32_t peer = coord_peer_of_session(core, session);

    if (peer != COORD_NIL)
        lose_peer(core, &core->peers[peer]);
    for (uint32_t i = core->active; i != COORD_NIL; i = core->txns[i].active_next) {
        if (core->txns[i].client == session) {
            core->txns[i].client_lost = true;
            txn_arm(core, &core->txns[i], core->now_ms);
        }
    }
}
