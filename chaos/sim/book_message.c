/* What messages tell the book: who was asked, who answered what, and what each node was given last. */
#include <string.h>

#include "chaos/sim/book_pages.h"
#include "proto/cause.h"

/* ---- inputs ---- */

static bool is_input(enum sim_sight_kind kind)
{
    return kind == SIM_SEEN_RECEIVED || kind == SIM_SEEN_LOG_DONE || kind == SIM_SEEN_LOOKED_UP ||
           kind == SIM_SEEN_STORE_TOLD || kind == SIM_SEEN_TICKED || kind == SIM_SEEN_LINKED ||
           kind == SIM_SEEN_UNLINKED || kind == SIM_SEEN_UP || kind == SIM_SEEN_OPERATED || kind == SIM_SEEN_ASKED;
}

void book_note_input(struct book_node *node, const struct sim_sight *sight)
{
    struct book_input input = {.kind = sight->kind, .at = sight->seq, .gtrid = sight->gtrid};
    const struct vow_msg_header *header;

    if (!is_input(sight->kind))
        return;
    if (sight->kind == SIM_SEEN_RECEIVED) {
        header = sim_msg_header(sight->message.msg);
        input.gtrid = sim_message_id(sight->message.msg);
        input.msg = sight->message.msg->kind;
        input.peer = sight->peer;
        input.epoch = header != NULL ? header->epoch : 0;
        input.incarnation = header != NULL ? header->incarnation : 0;
        input.frame = sight->message.frame;
        input.is_repeated =
            node->input.kind == SIM_SEEN_RECEIVED && node->input.frame == input.frame && node->input.peer == input.peer;
        if (input.msg == VOW_MSG_DECISION)
            input.verdict = sight->message.msg->decision.verdict;
        if (input.msg == VOW_MSG_VOTE)
            input.vote = sight->message.msg->vote.vote;
        if (input.msg == VOW_MSG_PREPARE)
            input.ops = sight->message.msg->prepare.ops;
    }
    node->input = input;
}

/* ---- what a coordinator sends ---- */

static void sent_outcome(struct sim_book *book, const struct book_node *node, const struct sim_sight *sight)
{
    const struct vow_msg_outcome *outcome = &sight->message.msg->outcome;
    struct book_txn *txn = book_find_txn(book, vow_gtrid_is_none(&outcome->named) ? &outcome->gtrid : &outcome->named);

    if (txn == NULL)
        return;
    if (outcome->outcome == VOW_COMMITTED) {
        if (txn->committed_sent == 0)
            txn->committed_life = node->life;
        book_first(&txn->committed_sent, sight->seq);
        if (!sim_txn_is_committed(txn))
            book_first(&txn->read_only, sight->seq);
    } else if (outcome->outcome == VOW_ABORTED) {
        if (txn->cause_told == 0)
            txn->abort_cause = outcome->cause;
        if (txn->aborted == 0)
            txn->aborted_life = node->life;
        book_first(&txn->cause_told, sight->seq);
        book_first(&txn->aborted_sent, sight->seq);
        book_first(&txn->aborted, sight->seq);
    }
}

/* Votes are asked for once, and by no other life: ids of an older one begin nothing. */
static void sent_prepare(struct book_txn *txn, struct book_share *share, const struct sim_sight *sight)
{
    book_first(&share->prepare_sent, sight->seq);
    share->prepare_incarnation = sight->message.msg->prepare.header.incarnation;
    if (txn->asked_us == 0)
        txn->asked_us = sight->at_us;
}

static void sent_decision(struct book_txn *txn, struct book_share *share, const struct book_node *node,
                          const struct sim_sight *sight)
{
    if (sight->message.msg->decision.verdict == VOW_COMMIT) {
        book_first(&share->commit_sent, sight->seq);
        return;
    }
    book_first(&share->abort_sent, sight->seq);
    /* After a commit without a record an old duplicate may be answered so: nobody is bound by it (2.2-presume). */
    if (txn->read_only == 0) {
        if (txn->aborted == 0)
            txn->aborted_life = node->life;
        book_first(&txn->aborted, sight->seq);
    }
}

/*
 * A refusal and a WAIT name none, and whoever asks of a branch that is not its own is told the decision of that one
 * (F168).
 */
static bool gives_branch(const struct book_share *share, const struct vow_msg *msg)
{
    const bool has_one = share->enlisted != 0 || share->prepare_sent != 0 || share->one_phase_sent != 0;

    return msg->kind == VOW_MSG_PREPARE || msg->kind == VOW_MSG_COMMIT_ONE_PHASE ||
           (msg->kind == VOW_MSG_DECISION && !has_one) || (msg->kind == VOW_MSG_ENLISTED && msg->enlisted.error == 0);
}

static void coordinator_sent(struct sim_book *book, const struct book_node *node, const struct sim_sight *sight)
{
    const struct vow_msg *msg = sight->message.msg;
    const struct vow_msg_header *header = sim_msg_header(msg);
    struct book_txn *txn = header != NULL ? book_find_txn(book, &header->gtrid) : NULL;
    struct book_share *share;

    if (msg->kind == VOW_MSG_OUTCOME)
        sent_outcome(book, node, sight);
    if (txn == NULL || sight->peer >= book->nodes_len)
        return;
    share = book_find_share(book, txn, sight->peer);
    if (gives_branch(share, msg))
        share->branch = header->branch;
    if (msg->kind == VOW_MSG_ENLISTED && msg->enlisted.error == 0)
        book_first(&share->enlisted, sight->seq);
    else if (msg->kind == VOW_MSG_PREPARE)
        sent_prepare(txn, share, sight);
    else if (msg->kind == VOW_MSG_COMMIT_ONE_PHASE)
        book_first(&share->one_phase_sent, sight->seq);
    else if (msg->kind == VOW_MSG_DECISION)
        sent_decision(txn, share, node, sight);
}

/* ---- what a coordinator is given ---- */

static uint32_t joined_work(const struct sim_book *book, const struct vow_msg_commit_request *request)
{
    uint32_t nodes = 0;

    for (uint32_t i = 0; i < request->work_len; i++) {
        const uint8_t node = sim_book_named(book, request->work[i].participant);

        if (request->work[i].ops > 0 && node != SIM_NODE_NONE)
            nodes |= sim_bit(node);
    }
    return nodes;
}

static uint32_t shipped_calls(const struct sim_book *book, const struct vow_msg_commit_request *request)
{
    uint32_t nodes = 0;

    for (uint32_t i = 0; i < request->calls_len; i++) {
        const uint8_t node = sim_book_named(book, request->calls[i].participant);

        if (node != SIM_NODE_NONE)
            nodes |= sim_bit(node);
    }
    return nodes;
}

static void ends_within(struct book_txn *txn, uint64_t now_us, uint32_t timeout_ms)
{
    const uint64_t end_us = now_us + UINT64_C(1000) * timeout_ms;

    if (timeout_ms > 0 && (txn->ends_us == 0 || end_us < txn->ends_us))
        txn->ends_us = end_us;
}

static void client_asked(const struct sim_book *book, struct book_txn *txn, const struct book_node *node,
                         const struct sim_sight *sight)
{
    switch ((int)sight->message.msg->kind) {
    case VOW_MSG_COMMIT_REQUEST:
        book_first(&txn->commit_requested, sight->seq);
        txn->work |= joined_work(book, &sight->message.msg->commit_request);
        txn->calls |= shipped_calls(book, &sight->message.msg->commit_request);
        ends_within(txn, sight->at_us, sight->message.msg->commit_request.timeout_ms);
        break;
    case VOW_MSG_ROLLBACK_REQUEST:
        book_first(&txn->rollback_requested, sight->seq);
        return;
    case VOW_MSG_BEGIN:
        ends_within(txn, sight->at_us, sight->message.msg->begin.timeout_ms);
        break;
    default:
        return;
    }
    ends_within(txn, sight->at_us, node->txn_ms);
    txn->owner = sight->peer;
    if (txn->began == 0) {
        txn->began = sight->seq;
        txn->began_us = sight->at_us;
        txn->began_life = node->life;
    }
}

/* Of the epoch and the life that were asked, by the life that is connected now. */
static bool is_current(const struct book_share *share, const struct book_node *node, const struct book_node *voter,
                       const struct vow_msg_header *header)
{
    return header->epoch == node->epoch && header->incarnation == share->prepare_incarnation &&
           header->incarnation == voter->linked_incarnation;
}

/* Its first vote, and the coordinator knows of the transaction: it counts. */
static void count_vote(const struct book_txn *txn, struct book_share *share, const struct book_node *node)
{
    if (share->vote == VOW_VOTE_YES || txn->entry_life != node->life)
        return;
    share->let_go_life = node->life;
    share->let_go_vote = share->vote;
}

static void got_vote(const struct book_txn *txn, struct book_share *share, const struct book_node *node,
                     const struct book_node *voter, const struct sim_sight *sight)
{
    const struct vow_msg_vote *vote = &sight->message.msg->vote;

    if (vote->vote == VOW_VOTE_NO)
        book_first(&share->no_got, sight->seq);
    if (!is_current(share, node, voter, &vote->header))
        return;
    if (vote->vote == VOW_VOTE_NO && vow_cause_is_valid((int)vote->cause))
        share->no_causes |= UINT32_C(1) << vote->cause;
    if (share->vote_life == node->life)
        return; /* the first stands */
    share->vote = vote->vote;
    share->vote_cause = vote->cause;
    share->vote_got = sight->seq;
    share->vote_life = node->life;
    count_vote(txn, share, node);
}

/* The coordinator remembers it no longer than it lives. */
static void acknowledged(const struct book_txn *txn, struct book_share *share, const struct book_node *node,
                         book_moment now)
{
    book_first(&share->ack_got, now);
    if (txn->forget_life != node->life)
        share->answer_life = node->life;
}

static bool is_asking(const struct vow_msg *msg)
{
    return msg->kind == VOW_MSG_INQUIRY || msg->kind == VOW_MSG_ENLIST ||
           (msg->kind == VOW_MSG_VOTE && msg->vote.vote == VOW_VOTE_YES);
}

/* Whoever it is, it waits for an answer. */
static void asked_it(struct book_share *share, const struct sim_sight *sight)
{
    if (sight->message.msg->kind != VOW_MSG_ENLIST)
        share->asked_got = sight->seq;
    else if (share->enlisted == 0)
        share->enlist_life = sight->message.peer_life;
}

static void coordinator_received(struct sim_book *book, const struct book_node *node, const struct sim_sight *sight)
{
    const struct vow_msg *msg = sight->message.msg;
    struct vow_gtrid gtrid = sim_message_id(msg);
    struct book_txn *txn = book_find_txn(book, &gtrid);
    struct book_share *share;

    if (txn == NULL)
        return;
    client_asked(book, txn, node, sight);
    if (sim_msg_header(msg) == NULL || sight->peer >= book->nodes_len)
        return;
    if (is_asking(msg))
        asked_it(book_find_share(book, txn, sight->peer), sight);
    share = sim_txn_share(txn, sight->peer);
    /* Somebody speaks for a branch that is not its own (F168). */
    if (share == NULL || share->branch != sim_msg_header(msg)->branch)
        return;
    if (msg->kind == VOW_MSG_VOTE) {
        got_vote(txn, share, node, &book->nodes[sight->peer], sight);
    } else if (msg->kind == VOW_MSG_ACK && msg->ack.ack != VOW_ACK_HEURISTIC_MISMATCH) {
        if (msg->ack.ack == VOW_ACK_NO_RECORD)
            book_first(&share->no_record_got, sight->seq);
        else
            acknowledged(txn, share, node, sight->seq);
    } else if (msg->kind == VOW_MSG_ACK || msg->kind == VOW_MSG_HEURISTIC_REPORT) {
        book_first(&share->mismatch_got, sight->seq);
    } else if (msg->kind == VOW_MSG_ONE_PHASE_DONE) {
        share->one_phase_got = sight->seq;
        share->one_phase_result = msg->one_phase_done.result;
    }
}

/* ---- participants ---- */

static void participant_sent(struct sim_book *book, const struct sim_sight *sight)
{
    const struct vow_msg *msg = sight->message.msg;
    const struct vow_msg_header *header = sim_msg_header(msg);
    struct book_txn *txn = header != NULL ? book_find_txn(book, &header->gtrid) : NULL;
    struct book_share *share;

    if (txn == NULL)
        return;
    share = book_find_share(book, txn, sight->node);
    if (msg->kind == VOW_MSG_VOTE) {
        if (share->vote_sent == 0)
            share->first_vote = msg->vote.vote;
        book_first(&share->vote_sent, sight->seq);
        book_first(msg->vote.vote == VOW_VOTE_NO ? &share->no_sent : &share->yes_sent, sight->seq);
        if (msg->vote.vote == VOW_VOTE_NO)
            share->no_life = sight->life;
    } else if (msg->kind == VOW_MSG_ACK && (msg->ack.ack == VOW_ACK_DONE || msg->ack.ack == VOW_ACK_HEURISTIC_OK)) {
        book_first(&share->ack_sent, sight->seq);
    }
}

/* From the newest epoch that it knows of: it must remember this much. */
static void abort_received(struct book_share *share, const struct book_node *node, const struct book_txn *txn,
                           const struct sim_sight *sight)
{
    share->abort_received = sight->seq;
    if (txn->coord == node->coord && sight->message.msg->decision.header.epoch >= node->epoch_known)
        book_gone(share, node);
}

static void outcome_heard(struct book_share *share, const struct sim_sight *sight, bool commit, bool abort)
{
    if (commit)
        book_first(&share->commit_heard, sight->seq);
    if (abort)
        share->abort_heard_life = sight->life;
}

static void participant_received(struct sim_book *book, struct book_node *node, const struct sim_sight *sight)
{
    const struct vow_msg *msg = sight->message.msg;
    const struct vow_msg_header *header = sim_msg_header(msg);
    struct vow_watermark watermark = {0, 0};
    struct book_txn *txn = header != NULL ? book_find_txn(book, &header->gtrid) : NULL;
    struct book_share *share;

    if (txn == NULL)
        return;
    share = book_find_share(book, txn, sight->node);
    if (msg->kind == VOW_MSG_PREPARE || msg->kind == VOW_MSG_COMMIT_ONE_PHASE) {
        watermark = msg->prepare.watermark;
        share->prepare_received = sight->seq;
    } else if (msg->kind == VOW_MSG_DECISION) {
        watermark = msg->decision.watermark;
        if (msg->decision.verdict == VOW_COMMIT)
            share->commit_received = sight->seq;
        else
            abort_received(share, node, txn, sight);
        outcome_heard(share, sight, msg->decision.verdict == VOW_COMMIT, msg->decision.verdict == VOW_ABORT);
    } else if (msg->kind == VOW_MSG_WAIT && msg->wait.reason == VOW_WAIT_EXPIRED) {
        book_first(&share->expired_heard, sight->seq);
    } else if (msg->kind == VOW_MSG_PEER_ANSWER) {
        outcome_heard(share, sight, msg->peer_answer.answer == VOW_PEER_COMMITTED,
                      msg->peer_answer.answer == VOW_PEER_ABORTED);
    }
    node->heard++;
    /* What a peer says is of the epoch that it rests on, which binds nobody. */
    if (msg->kind != VOW_MSG_PEER_INQUIRY && msg->kind != VOW_MSG_PEER_ANSWER)
        book_epoch(node, header->epoch, watermark);
}

void book_message(struct sim_book *book, struct book_node *node, const struct sim_sight *sight)
{
    bool is_sent = sight->kind == SIM_SEEN_SENT;

    if (node->role == SIM_COORDINATOR && is_sent)
        coordinator_sent(book, node, sight);
    else if (node->role == SIM_COORDINATOR)
        coordinator_received(book, node, sight);
    else if (node->role == SIM_PARTICIPANT && is_sent)
        participant_sent(book, sight);
    else if (node->role == SIM_PARTICIPANT)
        participant_received(book, node, sight);
}
