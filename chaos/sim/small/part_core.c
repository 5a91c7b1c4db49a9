/* What the core of a small world's participant wants, and whether it may. */
#include "chaos/sim/small/part_private.h"
#include "proto/assert.h"

static bool is_abort_told(const struct run *run)
{
    if (run->msg != NULL && run->msg->kind == VOW_MSG_PEER_ANSWER)
        return run->msg->peer_answer.answer == VOW_PEER_ABORTED;
    return run->msg != NULL && run->msg->kind == VOW_MSG_DECISION && run->msg->decision.verdict == VOW_ABORT;
}

static void check_abort(struct run *run)
{
    if (!run->was_prepared)
        return;
    if (!is_abort_told(run))
        small_break_rule(run->step, "2.3", "a prepared branch aborts, and nobody told it to (mistake 5)");
    else if (run->msg->decision.header.epoch < run->to.epoch_seen)
        small_break_rule(run->step, "I17", "an ABORT of an older epoch is obeyed");
}

static void note_recall(struct run *run, const struct vow_branches_effect *effect)
{
    run->is_recalling = true;
    run->recall = (struct vow_branches_done){
        .op = VOW_STORE_RECALL,
        .gtrid = effect->store.gtrid,
        .branch = effect->store.branch,
        .result = part_seen(&run->to)->state == SMALL_ROW_COMMITTED ? VOW_STORE_DONE : VOW_STORE_NO_RECORD,
        .text = "",
        .session = effect->store.session,
        .attempt = effect->store.attempt};
}

static void take_store(struct run *run, const struct vow_branches_effect *effect)
{
    struct small_part *to = &run->to;

    if (effect->store.op == VOW_STORE_CANCEL)
        return; /* the operation may end in any way as it is */
    if (effect->store.op == VOW_STORE_ABORT)
        check_abort(run);
    if (effect->store.op == VOW_STORE_RECALL) {
        note_recall(run, effect);
        return;
    }
    VOW_ASSERT(to->queue_len < SMALL_STORE_MAX);
    to->queue[to->queue_len] = (struct small_store_op){
        effect->store.op, effect->store.epoch, effect->store.coord, effect->store.watermark, {0}};
    for (uint32_t i = 0; i < effect->store.peers_len; i++) {
        const struct vow_msg_peer *peer = &effect->store.peers[i];

        to->queue[to->queue_len].peers[peer->name[1] - '0'] = (uint8_t)peer->incarnation;
    }
    to->queue_len++;
}

static void check_ack(struct run *run, enum vow_ack ack)
{
    if (ack == VOW_ACK_NO_RECORD)
        small_break_rule(run->step, "2.3-no-record", "NO_RECORD is answered, and no disk was damaged");
    else if (part_durable(&run->to)->state != SMALL_ROW_COMMITTED || part_seen(&run->to)->state != SMALL_ROW_COMMITTED)
        run->step->seen |= SMALL_SAID_ACK;
}

static void check_vote(struct run *run, enum vow_vote vote)
{
    if (vote == VOW_VOTE_YES &&
        (part_durable(&run->to)->state != SMALL_ROW_PREPARED || part_seen(&run->to)->state != SMALL_ROW_PREPARED))
        small_break_rule(run->step, "I08", "YES is voted, and the branch is not prepared durably (mistake 2)");
}

static void take_send(struct run *run, const struct vow_msg *msg)
{
    if (msg->kind == VOW_MSG_VOTE)
        check_vote(run, msg->vote.vote);
    if (msg->kind == VOW_MSG_ACK)
        check_ack(run, msg->ack.ack);
    if (run->to.is_connected)
        small_send(run->step, SMALL_TO_THE_COORD, small_mail_number(&run->nodes->mail, msg));
}

static void ask_peers(struct run *run, const struct vow_msg_header *header)
{
    const struct small_row *row = part_durable(&run->to);
    struct vow_msg msg = {.kind = VOW_MSG_PEER_INQUIRY, .peer_inquiry = {*header}};

    for (uint32_t i = 0; i < run->nodes->config.participants && run->nodes->config.asks_peers; i++) {
        msg.peer_inquiry.header.incarnation = row->peers[i];
        if (row->peers[i] != 0)
            small_send(run->step, i, small_mail_number(&run->nodes->mail, &msg));
    }
}

/* A peer's connection is named by who it is. */
static void answer_peer(struct run *run, uint64_t session, const struct vow_msg *msg)
{
    if (msg->peer_answer.answer == VOW_PEER_COMMITTED)
        run->step->seen |= SMALL_SAID_COMMITTED;
    if (msg->peer_answer.answer == VOW_PEER_ABORTED)
        run->step->seen |= SMALL_SAID_ABORT;
    small_send(run->step, (uint32_t)session, small_mail_number(&run->nodes->mail, msg));
}

static void take_joined(struct run *run, int error)
{
    run->to.is_joining = false;
    run->step->seen |= SMALL_TRIED_JOIN;
    if (error == 0)
        run->step->seen |= SMALL_HAS_JOINED;
}

static void take_effect(struct run *run, const struct vow_branches_effect *effect)
{
    switch (effect->kind) {
    case VOW_BRANCHES_SEND:
        take_send(run, &effect->msg);
        break;
    case VOW_BRANCHES_STORE:
        take_store(run, effect);
        break;
    case VOW_BRANCHES_JOINED:
        take_joined(run, effect->joined.error);
        break;
    case VOW_BRANCHES_ASK_PEERS:
        ask_peers(run, &effect->ask.header);
        break;
    case VOW_BRANCHES_ANSWER_PEER:
        answer_peer(run, effect->answer.session, &effect->answer.msg);
        break;
    case VOW_BRANCHES_ANSWER:
        break;
    case VOW_BRANCHES_TRACE:
        run->to.state = effect->trace.to;
        break;
    case VOW_BRANCHES_ALARM:
        small_alarm(run->step, effect->alarm.what);
        break;
    }
}

void part_feed(struct run *run, struct vow_branches_event event)
{
    struct vow_branches_effects effects;

    event.now_ms = run->to.now_ms;
    vow_branches_step(run->core, &event, &effects);
    for (size_t i = 0; i < effects.len; i++)
        take_effect(run, &effects.items[i]);
    if (run->is_recalling) {
        run->is_recalling = false;
        part_feed(run, (struct vow_branches_event){.kind = VOW_BRANCHES_STORE_DONE, .done = run->recall});
    }
}
