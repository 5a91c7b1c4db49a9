/*
 * The other participants of the world's transactions: they ask when they are in doubt, and answer as protocol 2.6 wants
 * it. What they are told of an outcome must be true, and stay so.
 */
#include "world_inside.h"

static void put(struct world *w, bool to_participant, const struct vow_msg *msg)
{
    if (w->flights_len < FLIGHTS_MAX)
        w->flights[w->flights_len++] = (struct flight){to_participant, true, *msg};
}

/* --- asked by the participant --- */

void peers_hear_question(struct world *w, const struct vow_branches_effect *effect)
{
    const struct txn *txn = world_txn(w, &effect->ask.header.gtrid);
    world_check(w, txn->held == HELD_PREPARED, "asked its peers about a branch that is not in doubt");
    const struct vow_msg msg = {.kind = VOW_MSG_PEER_INQUIRY, .peer_inquiry.header = effect->ask.header};
    put(w, false, &msg);
    put(w, false, &msg);
}

/* Some know the outcome, some do not; one that has not voted yet votes NO first. */
static enum vow_peer_answer draw_answer(struct world *w, struct txn *txn)
{
    const bool is_open = txn->phase == PHASE_ACTIVE || txn->phase == PHASE_PREPARING;
    if (world_chance(w, 50))
        return world_chance(w, 50) ? VOW_PEER_UNCERTAIN : VOW_PEER_NO_INFO;
    if (txn->commits)
        return VOW_PEER_COMMITTED;
    if (is_open)
        txn->others_agree = false;
    return VOW_PEER_ABORTED;
}

static void answer(struct world *w, const struct vow_msg_header *header)
{
    struct txn *txn = world_txn(w, &header->gtrid);
    struct vow_msg msg = {.kind = VOW_MSG_PEER_ANSWER, .peer_answer = {.header = *header}};
    msg.peer_answer.answer = draw_answer(w, txn);
    /* Of an abort that was decided before the epoch that the participant knows, no use is made. */
    msg.peer_answer.header.epoch = world_chance(w, 70) ? w->epoch : EPOCH;
    put(w, true, &msg);
}

/* --- asking the participant --- */

void peers_ask(struct world *w, const struct txn *txn)
{
    if (!txn->prepare_sent)
        return;
    struct vow_msg msg = message_of(VOW_MSG_PEER_INQUIRY, txn->gtrid);
    msg.peer_inquiry.header.incarnation = txn->incarnation;
    msg.peer_inquiry.header.branch = 1;
    put(w, true, &msg);
}

void peers_hear_answer(struct world *w, const struct vow_branches_effect *effect)
{
    const struct vow_msg_peer_answer *said = &effect->answer.msg.peer_answer;
    struct txn *txn = world_txn(w, &said->header.gtrid);
    if (said->answer == VOW_PEER_COMMITTED)
        world_check(w, txn->commits, "told a peer of a commit that is none");
    if (said->answer == VOW_PEER_ABORTED) {
        world_check(w, !txn->commits, "told a peer of an abort that is none");
        txn->peer_aborted = true;
    }
}

/* --- what the network brings --- */

void peers_receive(struct world *w, const struct flight *flight)
{
    if (!flight->to_participant) {
        answer(w, &flight->msg.peer_inquiry.header);
        return;
    }
    if (flight->msg.kind == VOW_MSG_PEER_ANSWER && flight->msg.peer_answer.answer == VOW_PEER_ABORTED)
        world_txn(w, &flight->msg.peer_answer.header.gtrid)->abort_arrived = true;
    feed_peer(&w->f, 9, &flight->msg);
    world_carry_out(w);
}
