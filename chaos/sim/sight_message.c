/* What a message is about. */
#include "chaos/sim/seen.h"

const struct vow_msg_header *sim_msg_header(const struct vow_msg *msg)
{
    switch ((int)msg->kind) {
    case VOW_MSG_ENLIST:
        return &msg->enlist.header;
    case VOW_MSG_ENLISTED:
        return &msg->enlisted.header;
    case VOW_MSG_PREPARE:
    case VOW_MSG_COMMIT_ONE_PHASE:
        return &msg->prepare.header;
    case VOW_MSG_VOTE:
        return &msg->vote.header;
    case VOW_MSG_DECISION:
        return &msg->decision.header;
    case VOW_MSG_ACK:
        return &msg->ack.header;
    case VOW_MSG_ONE_PHASE_DONE:
        return &msg->one_phase_done.header;
    case VOW_MSG_ONE_PHASE_QUERY:
    case VOW_MSG_FORGET:
    case VOW_MSG_INQUIRY:
        return &msg->inquiry.header;
    case VOW_MSG_WAIT:
        return &msg->wait.header;
    case VOW_MSG_PEER_INQUIRY:
        return &msg->peer_inquiry.header;
    case VOW_MSG_PEER_ANSWER:
        return &msg->peer_answer.header;
    case VOW_MSG_HEURISTIC_REPORT:
        return &msg->heuristic_report.header;
    case VOW_MSG_RESOLVE:
        return &msg->resolve.header;
    case VOW_MSG_RESOLVED:
        return &msg->resolved.header;
    default:
        return NULL;
    }
}

struct vow_gtrid sim_message_id(const struct vow_msg *msg)
{
    const struct vow_msg_header *header = sim_msg_header(msg);

    if (header != NULL)
        return header->gtrid;
    switch ((int)msg->kind) {
    case VOW_MSG_BEGIN:
        return msg->begin.gtrid;
    case VOW_MSG_COMMIT_REQUEST:
        return msg->commit_request.gtrid;
    case VOW_MSG_ROLLBACK_REQUEST:
        return msg->rollback_request.gtrid;
    case VOW_MSG_STATUS_REQUEST:
        return msg->status_request.gtrid;
    case VOW_MSG_OUTCOME:
        return msg->outcome.gtrid;
    case VOW_MSG_ADMIN_REQUEST:
        return msg->admin_request.gtrid;
    case VOW_MSG_SAGA_REQUEST:
        return msg->saga_request.gtrid;
    case VOW_MSG_SAGA_QUERY:
        return msg->saga_query.gtrid;
    case VOW_MSG_SAGA_CANCEL:
        return msg->saga_cancel.gtrid;
    case VOW_MSG_SAGA_STATE:
        return msg->saga_state.gtrid;
    case VOW_MSG_STEP:
        return msg->step.gtrid;
    case VOW_MSG_STEP_DONE:
        return msg->step_done.gtrid;
    default:
        return (struct vow_gtrid){{0}};
    }
}
