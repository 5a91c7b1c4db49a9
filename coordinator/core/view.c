/* Looking in: counts and walks for status, list and show. */
#include <string.h>

#include "coordinator/core/peers.h"
#include "coordinator/core/txn.h"
#include "proto/assert.h"

void vow_coord_counts(const struct vow_coord *core, struct vow_coord_counts *counts)
{
    *counts = core->counts;
    counts->open = core->txns_open;
    counts->branches = core->branches_room - core->branches_left;
    counts->peers = core->peers_len;
    counts->in_doubt = core->in_doubt;
    counts->damaged = core->damaged;
    counts->abandoned = core->abandoned;
    counts->recovering = core->recovering;
    counts->draining = core->draining;
    counts->shedding = core->shedding;
    counts->watermark = coord_watermark(core);
    counts->next = (struct vow_watermark){core->ids.identity.epoch, core->ids.next};
}

static void view_branches(const struct vow_coord *core, const struct txn *txn, struct vow_coord_txn_view *view)
{
    size_t len = 0;

    for (const struct branch *b = branch_at(core, txn->first); b != NULL; b = branch_at(core, b->next)) {
        const struct peer *peer = branch_peer(core, b);

        view->branches[len++] = (struct vow_coord_branch_view){.participant = peer->name,
                                                               .branch = b->number,
                                                               .connected = peer->session != 0,
                                                               .voted = b->vote != 0,
                                                               .acknowledged = b->acknowledged,
                                                               .contradicts = b->contradicts,
                                                               .no_record = b->hazard,
                                                               .vote = (enum vow_vote)b->vote};
    }
}

static void view_txn(const struct vow_coord *core, const struct txn *txn, struct vow_coord_txn_view *view)
{
    const struct vow_heap_entry *deadline = vow_heap_find(&core->deadlines, txn_index(core, txn));

    memset(view, 0, sizeof(*view));
    view->gtrid = txn->gtrid;
    view->state = core->fsm->states[txn->state].name;
    view->damage = (enum vow_damage)txn->damage;
    view->begun_ms = txn->begun_ms;
    view->earlier_ms = txn->earlier_ms;
    view->state_since_ms = txn->state_since_ms;
    view->next_ms = deadline != NULL ? deadline->key.major : UINT64_MAX;
    view->attempts = txn->attempts;
    view->branches_len = txn->branches_len;
    view_branches(core, txn, view);
}

bool vow_coord_next(const struct vow_coord *core, uint32_t *cursor, struct vow_coord_txn_view *view)
{
    while (*cursor < core->txns_room) {
        const struct txn *txn = &core->txns[(*cursor)++];

        if (txn->state != TXN_NONE) {
            view_txn(core, txn, view);
            return true;
        }
    }
    return false;
}

bool vow_coord_find(const struct vow_coord *core, const struct vow_gtrid *gtrid, struct vow_coord_txn_view *view)
{
    const struct txn *txn = txn_find(core, gtrid);

    if (txn == NULL)
        return false;
    view_txn(core, txn, view);
    return true;
}

enum vow_coord_id vow_coord_id(const struct vow_coord *core, const struct vow_gtrid *gtrid)
{
    switch (coord_ids_class(&core->ids, gtrid)) {
    case COORD_ID_FRESH:
        return VOW_COORD_ID_FRESH;
    case COORD_ID_USED:
    case COORD_ID_OLDER:
        return VOW_COORD_ID_USED;
    case COORD_ID_FORGED:
    case COORD_ID_FOREIGN:
        break;
    }
    return VOW_COORD_ID_VOID;
}

void vow_coord_use_id(struct vow_coord *core, const struct vow_gtrid *gtrid)
{
    VOW_ASSERT(vow_coord_id(core, gtrid) == VOW_COORD_ID_FRESH);
    coord_ids_use(&core->ids, gtrid);
}

bool vow_coord_has_peer_room(const struct vow_coord *core, const char *name)
{
    return coord_peer_has_room(core) || coord_peer_find(core, name) != COORD_NIL;
}

bool vow_coord_peer_has_work(const struct vow_coord *core, const char *name)
{
    uint32_t index = coord_peer_find(core, name);

    return index != COORD_NIL && core->peers[index].branches != COORD_NIL;
}

bool vow_coord_next_peer(const struct vow_coord *core, uint32_t *cursor, const char **name, uint64_t *session,
                         uint64_t *incarnation)
{
    const struct peer *peer;

    if (*cursor >= core->peers_len)
        return false;
    peer = &core->peers[(*cursor)++];
    *name = peer->name;
    *session = peer->session;
    *incarnation = peer->incarnation;
    return true;
}

const uint64_t *vow_coord_edge_hits(const struct vow_coord *core)
{
    return core->edge_hits;
}
