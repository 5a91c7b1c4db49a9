/* The coordinator of the world: protocol 2.2 with one participant that matters; the votes of the others are drawn. */
#include "proto/error.h"
#include "world_inside.h"

static void send(struct world *w, struct txn *txn, enum vow_msg_kind kind, bool is_abort)
{
    struct vow_msg msg = is_abort ? abort_of(txn->gtrid) : message_of(kind, txn->gtrid);
    struct vow_msg_header *header = header_in(&msg);
    header->epoch = w->epoch;
    header->attempt = txn->attempt++;
    header->incarnation = w->peer_incarnation;
    if (kind == VOW_MSG_DECISION)
        msg.decision.watermark = coord_watermark(w);
    if (kind == VOW_MSG_PREPARE)
        txn->prepare_sent = true;
    if (kind == VOW_MSG_PREPARE || kind == VOW_MSG_COMMIT_ONE_PHASE) {
        msg.prepare.watermark = coord_watermark(w);
        msg.prepare.ops = txn->counted;
    }
    world_put(w, true, &msg);
}

void coord_begin(struct world *w)
{
    if (w->begun == TXNS || !w->connected)
        return;
    struct txn *txn = &w->txns[w->begun++];
    txn->joined = world_chance(w, 50);
    txn->one_phase = !txn->joined && world_chance(w, 30);
    txn->gtrid = vow_gtrid_make(COORD, w->epoch, ++w->seq, txn->one_phase ? VOW_GTRID_ONE_PHASE : 0, 0);
    txn->others_agree = world_chance(w, 70);
    txn->incarnation = w->peer_incarnation;
    if (txn->joined) {
        txn->phase = PHASE_ACTIVE;
        return;
    }
    txn->phase = txn->one_phase ? PHASE_DELEGATED : PHASE_PREPARING;
    send(w, txn, txn->one_phase ? VOW_MSG_COMMIT_ONE_PHASE : VOW_MSG_PREPARE, false);
}

static void abort_txn(struct world *w, struct txn *txn)
{
    txn->phase = PHASE_GONE;
    send(w, txn, VOW_MSG_DECISION, true);
}

/*
 * Presumed abort: GONE says ABORT, even if it was a COMMIT that all have acknowledged. Worse than vowd, which looks
 * into its journal before: the participant is to hold all the same, and to see it (F173).
 */
static void tell(struct world *w, struct txn *txn)
{
    if (txn->phase == PHASE_PREPARING || txn->phase == PHASE_ACTIVE)
        send(w, txn, VOW_MSG_WAIT, false);
    else
        send(w, txn, VOW_MSG_DECISION, txn->phase != PHASE_COMMITTING);
}

bool coord_has_denied(struct world *w, const struct vow_gtrid *gtrid)
{
    const struct txn *txn = world_txn(w, gtrid);
    return txn->committed && txn->phase == PHASE_GONE;
}

static void take_vote(struct world *w, struct txn *txn, const struct vow_msg_vote *vote)
{
    const bool counts =
        txn->phase == PHASE_PREPARING && vote->header.epoch == w->epoch && vote->header.incarnation == txn->incarnation;
    if (!counts) {
        if (vote->vote == VOW_VOTE_YES && txn->phase > PHASE_PREPARING)
            tell(w, txn);
        return;
    }
    txn->commits = vote->vote != VOW_VOTE_NO && txn->others_agree;
    world_check(w, !txn->commits || !txn->peer_aborted, "committed what a peer was told is aborted");
    if (vote->vote == VOW_VOTE_YES && txn->others_agree) {
        txn->committed = true;
        txn->phase = PHASE_COMMITTING;
        tell(w, txn);
    } else if (vote->vote == VOW_VOTE_YES) {
        abort_txn(w, txn);
    } else {
        txn->phase = PHASE_GONE;
    }
}

static void take_one_phase_done(struct world *w, struct txn *txn, enum vow_one_phase result)
{
    if (txn->phase != PHASE_DELEGATED)
        return;
    txn->phase = PHASE_GONE;
    txn->told = result == VOW_ONE_PHASE_COMMITTED ? TOLD_COMMITTED : TOLD_ABORTED;
    if (txn->told == TOLD_COMMITTED)
        send(w, txn, VOW_MSG_FORGET, false);
}

/* Only before the client asked to commit, and in one life of the participant. */
static void take_enlist(struct world *w, struct txn *txn, const struct vow_msg_header *header)
{
    struct vow_msg answer = {.kind = VOW_MSG_ENLISTED, .enlisted = {.header = *header}};
    const bool is_first = !txn->enlisted;
    const bool fits =
        header->incarnation == w->peer_incarnation && (is_first || txn->incarnation == header->incarnation);
    answer.enlisted.header.epoch = w->epoch;
    answer.enlisted.left_ms = world_chance(w, 50) ? 1 + (uint32_t)world_draw(w, 20000) : 0;
    if (txn->phase == PHASE_ACTIVE && fits) {
        txn->enlisted = true;
        txn->incarnation = header->incarnation;
    } else {
        answer.enlisted.error = VOW_E_REFUSED;
    }
    world_put(w, true, &answer);
}

/* The client commits or rolls back. */
static void end_active(struct world *w, struct txn *txn)
{
    if (world_chance(w, 60) && txn->enlisted && txn->incarnation == w->peer_incarnation) {
        txn->phase = PHASE_PREPARING;
        send(w, txn, VOW_MSG_PREPARE, false);
    } else if (txn->enlisted) {
        abort_txn(w, txn);
    } else {
        txn->phase = PHASE_GONE;
    }
}

void coord_receive(struct world *w, const struct vow_msg *msg)
{
    struct txn *txn = world_txn(w, &msg->vote.header.gtrid);
    switch ((int)msg->kind) {
    case VOW_MSG_VOTE:
        take_vote(w, txn, &msg->vote);
        return;
    case VOW_MSG_ENLIST:
        take_enlist(w, txn, &msg->enlist.header);
        return;
    case VOW_MSG_INQUIRY:
        tell(w, txn);
        return;
    case VOW_MSG_ACK:
        if (txn->phase == PHASE_COMMITTING && msg->ack.ack == VOW_ACK_DONE)
            txn->phase = PHASE_GONE;
        return;
    case VOW_MSG_ONE_PHASE_DONE:
        take_one_phase_done(w, txn, msg->one_phase_done.result);
        return;
    default:
        world_check(w, false, "the participant sent what it never sends");
    }
}

void coord_nudge(struct world *w, struct txn *txn)
{
    if (!w->connected)
        return;
    if (txn->phase == PHASE_ACTIVE)
        end_active(w, txn);
    else if (txn->phase == PHASE_PREPARING)
        abort_txn(w, txn);
    else if (txn->phase == PHASE_COMMITTING)
        tell(w, txn);
    else if (txn->phase == PHASE_DELEGATED)
        send(w, txn, VOW_MSG_ONE_PHASE_QUERY, false);
}

/*
 * The log keeps the epoch and the commits; the client that waits for a one-phase commit asks the new process about
 * it.
 */
void coord_crash(struct world *w)
{
    w->epoch++;
    w->seq = 0;
    for (int i = 0; i < w->begun; i++) {
        if (w->txns[i].phase == PHASE_PREPARING || w->txns[i].phase == PHASE_ACTIVE)
            w->txns[i].phase = PHASE_GONE;
    }
}

struct vow_watermark coord_watermark(const struct world *w)
{
    for (int i = 0; i < w->begun; i++) {
        if (w->txns[i].phase != PHASE_GONE)
            return (struct vow_watermark){vow_gtrid_epoch(&w->txns[i].gtrid), vow_gtrid_seq(&w->txns[i].gtrid)};
    }
    return (struct vow_watermark){w->epoch, w->seq + 1};
}

bool coord_is_finished(const struct world *w)
{
    return w->begun == TXNS && coord_watermark(w).seq == w->seq + 1 && coord_watermark(w).epoch == w->epoch;
}
