/* From the wire to the events of coord.def. What is not meant for this coordinator, branch or incarnation ends here. */
#include "coordinator/core/dispatch.h"
#include "coordinator/core/emit.h"
#include "coordinator/core/keys.h"
#include "coordinator/core/peers.h"
#include "coordinator/core/txn.h"
#include "proto/error.h"

static void grant_ids(struct vow_coord *core, const struct vow_coord_event *event)
{
    uint32_t count = event->msg->ids_request.count;
    struct vow_coord_effect *effect = coord_emit(core, VOW_COORD_REPLY, event->session);

    count = count < 1 ? 1 : count > VOW_IDS_MAX ? VOW_IDS_MAX : count;
    effect->msg.kind = VOW_MSG_IDS;
    effect->msg.ids.epoch = core->ids.identity.epoch;
    effect->msg.ids.first_seq = coord_ids_grant(&core->ids, count, core->rands);
    effect->msg.ids.count = count;
    effect->msg.ids.rand = core->rands;
}

static const char *key_of(const struct vow_msg *msg)
{
    if (msg->kind == VOW_MSG_BEGIN)
        return msg->begin.key;
    return msg->kind == VOW_MSG_COMMIT_REQUEST ? msg->commit_request.key : NULL;
}

static void take_request(struct vow_coord *core, const struct vow_coord_event *event, enum txn_event kind,
                         const struct vow_gtrid *gtrid)
{
    struct input in = {.event = kind, .gtrid = gtrid, .session = event->session, .msg = event->msg};

    in.by_operator = event->by_operator;
    if (core->recovering) {
        bool mine = vow_gtrid_coord(gtrid) == core->ids.identity.coord;

        coord_reply_error(core, event->session, gtrid, mine ? VOW_E_RECOVERING : VOW_E_NOT_MINE);
        return;
    }
    if (coord_answer_by_key(core, &in, key_of(event->msg)))
        return;
    in.txn = txn_find(core, gtrid);
    coord_dispatch(core, &in);
}

/* Answers those who wait for an answer; the rest is dropped. */
static void turn_away(struct vow_coord *core, const struct input *in, enum vow_wait reason, int error)
{
    if (in->event == TXN_ON_INQUIRY || in->event == TXN_ON_VOTE_YES)
        coord_answer_wait(core, in, reason);
    else if (in->event == TXN_ON_ENLIST)
        coord_answer_enlisted(core, in, 0, error);
    else
        core->counts.ignored++;
}

/* Nothing may be presumed of another coordinator's id (mistake 21), nor before the log was read (mistake 12). */
static bool is_presumable(struct vow_coord *core, const struct input *in)
{
    const struct vow_coord_identity *self = &core->ids.identity;

    if (vow_gtrid_coord(in->gtrid) != self->coord) {
        turn_away(core, in, VOW_WAIT_NOT_MINE, VOW_E_NOT_MINE);
        return false;
    }
    if (vow_gtrid_epoch(in->gtrid) > self->epoch) {
        coord_alarm(core, in->gtrid, "an id of an epoch newer than this coordinator's", "");
        turn_away(core, in, VOW_WAIT_NOT_MINE, VOW_E_NOT_MINE);
        return false;
    }
    if (core->recovering) {
        turn_away(core, in, VOW_WAIT_RECOVERING, VOW_E_RECOVERING);
        return false;
    }
    return true;
}

static bool is_vote(enum txn_event event)
{
    return event == TXN_ON_VOTE_YES || event == TXN_ON_VOTE_READ_ONLY || event == TXN_ON_VOTE_NO;
}

static bool is_two_phase(enum txn_event event)
{
    return is_vote(event) || event == TXN_ON_ACK_DONE || event == TXN_ON_ACK_NO_RECORD ||
           event == TXN_ON_ACK_MISMATCH || event == TXN_ON_INQUIRY;
}

/* Finds the branch and makes sure that its own participant speaks, from its current connection (F168). */
static bool find_sender(struct vow_coord *core, struct input *in)
{
    struct branch *branch = txn_find_branch(core, in->txn, in->header->branch);

    if (branch != NULL && branch_peer(core, branch)->session == in->session) {
        in->branch = branch;
        return true;
    }
    if (coord_peer_of_session(core, in->session) == COORD_NIL) {
        core->counts.ignored++; /* an older connection, about to be closed */
        return false;
    }
    core->counts.protocol_errors++;
    coord_alarm(core, in->gtrid, "a participant speaks for a branch that is not its own (F168)",
                core->peers[coord_peer_of_session(core, in->session)].name);
    return false;
}

/* A vote is for the incarnation and data file that did the work (mistake 19) and for this epoch's PREPARE. */
static bool is_vote_current(const struct vow_coord *core, const struct input *in)
{
    return in->header->incarnation == in->branch->incarnation && coord_peer_is_same_life(core, in->branch) &&
           in->header->epoch == core->ids.identity.epoch;
}

static bool is_from_its_participant(struct vow_coord *core, struct input *in)
{
    if (!find_sender(core, in))
        return false;
    if (!is_vote(in->event) || is_vote_current(core, in))
        return true;
    core->counts.ignored++;
    return false;
}

static struct branch *branch_of_sender(const struct vow_coord *core, const struct input *in)
{
    const uint32_t peer = coord_peer_of_session(core, in->session);

    return peer != COORD_NIL ? txn_branch_of_peer(core, in->txn, peer) : NULL;
}

static void take_participant(struct vow_coord *core, const struct vow_coord_event *event, enum txn_event kind,
                             const struct vow_msg_header *header)
{
    struct input in = {
        .event = kind, .gtrid = &header->gtrid, .session = event->session, .msg = event->msg, .header = header};

    if (!is_presumable(core, &in))
        return;
    in.txn = txn_find(core, &header->gtrid);
    /* A client's mere question about an old id is no transaction to those who are prepared in it; nor is one that was
     * aborted, of which a participant says that it contradicts. */
    const bool is_asked_about = in.txn != NULL && (in.txn->question || in.txn->is_reported);
    if (is_asked_about && is_two_phase(kind))
        in.txn = NULL;
    else if (is_asked_about && kind == TXN_ON_HEURISTIC_REPORT)
        in.branch = branch_of_sender(core, &in);
    else if (in.txn != NULL && kind != TXN_ON_ENLIST && !is_from_its_participant(core, &in))
        return;
    coord_dispatch(core, &in);
}

static enum txn_event vote_event(const struct vow_msg_vote *vote)
{
    return vote->vote == VOW_VOTE_YES         ? TXN_ON_VOTE_YES
           : vote->vote == VOW_VOTE_READ_ONLY ? TXN_ON_VOTE_READ_ONLY
                                              : TXN_ON_VOTE_NO;
}

/* Ended by hand, and as it was decided: it is done. */
static enum txn_event ack_event(enum vow_ack ack)
{
    switch (ack) {
    case VOW_ACK_DONE:
    case VOW_ACK_HEURISTIC_OK:
        return TXN_ON_ACK_DONE;
    case VOW_ACK_HEURISTIC_MISMATCH:
        return TXN_ON_ACK_MISMATCH;
    case VOW_ACK_NO_RECORD:
        break;
    }
    return TXN_ON_ACK_NO_RECORD;
}

static enum txn_event one_phase_event(const struct vow_msg_one_phase_done *done)
{
    return done->result == VOW_ONE_PHASE_COMMITTED ? TXN_ON_ONE_PHASE_COMMITTED
           : done->result == VOW_ONE_PHASE_ABORTED ? TXN_ON_ONE_PHASE_ABORTED
                                                   : TXN_ON_ONE_PHASE_NO_RECORD;
}

void coord_take_message(struct vow_coord *core, const struct vow_coord_event *event)
{
    const struct vow_msg *msg = event->msg;

    switch (msg->kind) {
    case VOW_MSG_IDS_REQUEST:
        grant_ids(core, event);
        break;
    case VOW_MSG_BEGIN:
        take_request(core, event, TXN_ON_BEGIN, &msg->begin.gtrid);
        break;
    case VOW_MSG_COMMIT_REQUEST:
        take_request(core, event, TXN_ON_COMMIT_REQUEST, &msg->commit_request.gtrid);
        break;
    case VOW_MSG_ROLLBACK_REQUEST:
        take_request(core, event, TXN_ON_ROLLBACK_REQUEST, &msg->rollback_request.gtrid);
        break;
    case VOW_MSG_STATUS_REQUEST:
        take_request(core, event, TXN_ON_STATUS_REQUEST, &msg->status_request.gtrid);
        break;
    case VOW_MSG_ENLIST:
        take_participant(core, event, TXN_ON_ENLIST, &msg->enlist.header);
        break;
    case VOW_MSG_VOTE:
        take_participant(core, event, vote_event(&msg->vote), &msg->vote.header);
        break;
    case VOW_MSG_ACK:
        take_participant(core, event, ack_event(msg->ack.ack), &msg->ack.header);
        break;
    case VOW_MSG_HEURISTIC_REPORT:
        take_participant(core, event, TXN_ON_HEURISTIC_REPORT, &msg->heuristic_report.header);
        break;
    case VOW_MSG_ONE_PHASE_DONE:
        take_participant(core, event, one_phase_event(&msg->one_phase_done), &msg->one_phase_done.header);
        break;
    case VOW_MSG_INQUIRY:
        take_participant(core, event, TXN_ON_INQUIRY, &msg->inquiry.header);
        break;
    case VOW_MSG_HELLO:
    case VOW_MSG_WELCOME:
    case VOW_MSG_REJECT:
    case VOW_MSG_PING:
    case VOW_MSG_PONG:
    case VOW_MSG_IDS:
    case VOW_MSG_OUTCOME:
    case VOW_MSG_ENLISTED:
    case VOW_MSG_PREPARE:
    case VOW_MSG_DECISION:
    case VOW_MSG_COMMIT_ONE_PHASE:
    case VOW_MSG_ONE_PHASE_QUERY:
    case VOW_MSG_FORGET:
    case VOW_MSG_WAIT:
    case VOW_MSG_PEER_INQUIRY:
    case VOW_MSG_PEER_ANSWER:
    case VOW_MSG_RESOLVE:
    case VOW_MSG_RESOLVED:
    case VOW_MSG_ADMIN_REQUEST:
    case VOW_MSG_ADMIN_REPLY:
    case VOW_MSG_SAGA_REQUEST:
    case VOW_MSG_SAGA_QUERY:
    case VOW_MSG_SAGA_CANCEL:
    case VOW_MSG_SAGA_STATE:
    case VOW_MSG_STEP:
    case VOW_MSG_STEP_DONE:
    case VOW_MSG_PUBLISH:
    case VOW_MSG_PUBLISHED:
    case VOW_MSG_SUBSCRIBE:
    case VOW_MSG_SUBSCRIBED:
    case VOW_MSG_DELIVER:
    case VOW_MSG_DELIVERED:
    case VOW_MSG_SEEK:
        /* The connection's own, or the coordinator's part of the talk: not for us to hear. */
        core->counts.protocol_errors++;
        break;
    }
}
