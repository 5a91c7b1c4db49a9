#include "coordinator/core/prepare.h"

#include <string.h>

#include "coordinator/core/dispatch.h"
#include "coordinator/core/emit.h"
#include "coordinator/core/peers.h"
#include "coordinator/core/txn.h"

static bool is_planned(const struct vow_coord *core, uint32_t calls, uint32_t peer)
{
    for (uint32_t i = 0; i < calls; i++) {
        if (core->call_peers[i] == peer)
            return true;
    }
    return false;
}

struct coord_plan coord_plan_calls(struct vow_coord *core, const struct txn *txn,
                                   const struct vow_msg_commit_request *request)
{
    struct coord_plan plan = {0, NULL, COORD_NIL};

    for (uint32_t i = 0; i < request->calls_len; i++) {
        uint32_t peer = coord_peer_find(core, request->calls[i].participant);

        core->call_peers[i] = peer;
        if (peer == COORD_NIL || core->peers[peer].session == 0) {
            plan.unavailable = request->calls[i].participant;
            plan.unavailable_peer = peer;
            return plan;
        }
        if (!is_planned(core, i, peer) && (txn == NULL || txn_branch_of_peer(core, txn, peer) == NULL))
            plan.new_branches++;
    }
    return plan;
}

static void enlist_planned(struct vow_coord *core, struct txn *txn, uint32_t calls)
{
    for (uint32_t i = 0; i < calls; i++) {
        if (txn_branch_of_peer(core, txn, core->call_peers[i]) == NULL)
            txn_add_branch(core, txn, txn->branches_len, core->call_peers[i]);
    }
}

/* Everybody hears of everybody, so that those in doubt can ask one another (protocol 2.6). */
static uint32_t name_peers(struct vow_coord *core, const struct txn *txn)
{
    uint32_t len = 0;

    for (const struct branch *b = branch_at(core, txn->first); b != NULL; b = branch_at(core, b->next))
        core->msg_peers[len++] = (struct vow_msg_peer){.name = branch_peer(core, b)->name,
                                                       .address = branch_peer(core, b)->address,
                                                       .incarnation = b->incarnation};
    return len;
}

/* Gathers the calls of one participant, which need not be neighbours, behind those of the ones before it. */
static uint32_t gather_calls(struct vow_coord *core, const struct vow_msg_commit_request *request, uint32_t peer,
                             uint32_t used)
{
    uint32_t len = 0;

    for (uint32_t i = 0; i < request->calls_len; i++) {
        if (core->call_peers[i] == peer)
            core->calls[used + len++] = request->calls[i];
    }
    return len;
}

/* What the client was told of this participant; the participant votes NO if it has not done just that. */
static uint32_t count_ops(const struct vow_msg_commit_request *request, const char *name)
{
    uint32_t ops = 0;

    for (uint32_t i = 0; i < request->work_len; i++) {
        if (strcmp(request->work[i].participant, name) == 0)
            ops += request->work[i].ops;
    }
    return ops;
}

static void send_prepares(struct vow_coord *core, struct txn *txn, enum vow_msg_kind kind,
                          const struct vow_msg_commit_request *request)
{
    uint32_t peers_len = name_peers(core, txn);
    uint32_t used = 0;

    for (struct branch *b = branch_at(core, txn->first); b != NULL; b = branch_at(core, b->next)) {
        struct vow_msg *msg = coord_send(core, b, kind);
        struct vow_msg_prepare *prepare = kind == VOW_MSG_PREPARE ? &msg->prepare : &msg->commit_one_phase;

        b->contacted = true;
        prepare->header = coord_header(core, txn, b);
        prepare->watermark = coord_watermark(core);
        prepare->ops = count_ops(request, branch_peer(core, b)->name);
        prepare->peers_len = peers_len;
        prepare->peers = core->msg_peers;
        prepare->calls_len = gather_calls(core, request, b->peer, used);
        prepare->calls = &core->calls[used];
        prepare->ordinal = core->ordinal;
        used += prepare->calls_len;
    }
}

void txn_prepare(struct vow_coord *core, struct txn *txn, const struct vow_msg_commit_request *request)
{
    enlist_planned(core, txn, request->calls_len);
    core->ordinal++;
    /* One-phase only if exactly one participant was ever enlisted and the client allowed it (protocol 2.5); with a key
     * the outcome must lie in our log. */
    bool may_delegate = (vow_gtrid_flags(&txn->gtrid) & VOW_GTRID_ONE_PHASE) != 0 && txn->key == COORD_NIL;

    if (txn->branches_len == 1 && may_delegate) {
        txn_move(core, txn, TXN_DELEGATED);
        send_prepares(core, txn, VOW_MSG_COMMIT_ONE_PHASE, request);
        txn_arm_resend(core, txn);
        return;
    }
    txn_move(core, txn, TXN_PREPARING);
    send_prepares(core, txn, VOW_MSG_PREPARE, request);
    txn->expires_ms = txn_expiry(core, txn, core->limits.vote_timeout_ms);
    txn_arm(core, txn, txn->expires_ms);
}
