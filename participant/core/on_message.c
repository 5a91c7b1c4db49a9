/*
 * A message from the coordinator: is it for this participant at all, what does it tell of the coordinator, which
 * event is it.
 */
#include "participant/core/core.h"

/* NULL for the kinds that no coordinator sends to a participant. */
static const struct vow_msg_header *header_of(const struct vow_msg *msg)
{
    switch ((int)msg->kind) {
    case VOW_MSG_ENLISTED:
        return &msg->enlisted.header;
    case VOW_MSG_PREPARE:
        return &msg->prepare.header;
    case VOW_MSG_DECISION:
        return &msg->decision.header;
    case VOW_MSG_COMMIT_ONE_PHASE:
        return &msg->commit_one_phase.header;
    case VOW_MSG_ONE_PHASE_QUERY:
        return &msg->one_phase_query.header;
    case VOW_MSG_FORGET:
        return &msg->forget.header;
    case VOW_MSG_WAIT:
        return &msg->wait.header;
    case VOW_MSG_RESOLVE:
        return &msg->resolve.header;
    default:
        return NULL;
    }
}

static struct vow_watermark watermark_of(const struct vow_msg *msg)
{
    switch ((int)msg->kind) {
    case VOW_MSG_PREPARE:
        return msg->prepare.watermark;
    case VOW_MSG_DECISION:
        return msg->decision.watermark;
    case VOW_MSG_COMMIT_ONE_PHASE:
        return msg->commit_one_phase.watermark;
    default:
        return (struct vow_watermark){0};
    }
}

/* False for all that asks for no work. */
static bool is_copy(struct vow_branches *core, const struct vow_msg *msg)
{
    const struct vow_msg_prepare *work = msg->kind == VOW_MSG_PREPARE            ? &msg->prepare
                                         : msg->kind == VOW_MSG_COMMIT_ONE_PHASE ? &msg->commit_one_phase
                                                                                 : NULL;
    return work != NULL && !branch_ordinals_take(&core->ordinals, work->header.epoch, work->ordinal);
}

/* An abort is not logged, so only the newest owner of the log can tell that nothing was decided (protocol 2.9). */
static enum vow_branch_event decision_event(const struct vow_branches *core, const struct vow_msg_decision *decision)
{
    if (decision->verdict == VOW_COMMIT)
        return VOW_BRANCH_EV_COMMIT;
    return decision->header.epoch < core->keep.now.epoch ? VOW_BRANCH_EV_STALE_ABORT : VOW_BRANCH_EV_ABORT;
}

static enum vow_branch_event event_of(const struct vow_branches *core, const struct vow_msg *msg)
{
    switch ((int)msg->kind) {
    case VOW_MSG_ENLISTED:
        return msg->enlisted.error == 0 ? VOW_BRANCH_EV_ENLISTED : VOW_BRANCH_EV_NOT_ENLISTED;
    case VOW_MSG_PREPARE:
        return VOW_BRANCH_EV_PREPARE;
    case VOW_MSG_DECISION:
        return decision_event(core, &msg->decision);
    case VOW_MSG_COMMIT_ONE_PHASE:
        return VOW_BRANCH_EV_COMMIT_ONE_PHASE;
    case VOW_MSG_ONE_PHASE_QUERY:
        return VOW_BRANCH_EV_ONE_PHASE_QUERY;
    case VOW_MSG_FORGET:
        return VOW_BRANCH_EV_FORGET;
    case VOW_MSG_WAIT:
        return VOW_BRANCH_EV_WAIT;
    default:
        VOW_UNREACHABLE("a message without a header");
    }
}

/* A verdict that is neither would be read as one of the two, and the number that stands for none as any. */
static bool is_well_formed(const struct vow_msg *msg, const struct vow_msg_header *header)
{
    enum vow_verdict verdict = VOW_COMMIT;
    if (msg->kind == VOW_MSG_DECISION)
        verdict = msg->decision.verdict;
    else if (msg->kind == VOW_MSG_RESOLVE)
        verdict = msg->resolve.verdict;
    return (verdict == VOW_COMMIT || verdict == VOW_ABORT) && header->branch != BRANCH_UNNUMBERED;
}

static bool is_foreign(const struct vow_branches *core, const struct vow_gtrid *gtrid)
{
    return core->keep.now.coord != 0 && vow_gtrid_coord(gtrid) != core->keep.now.coord;
}

void branch_on_message(struct vow_branches *core, const struct vow_msg *msg)
{
    const struct vow_gtrid none = {{0}};
    const struct vow_msg_header *header = header_of(msg);
    if (header == NULL || !is_well_formed(msg, header)) {
        branch_violation(core, header != NULL ? &header->gtrid : &none, "a message that no coordinator sends");
        return;
    }
    if (is_foreign(core, &header->gtrid)) {
        branch_violation(core, &header->gtrid, "a transaction of a foreign coordinator");
        return;
    }
    if (msg->kind == VOW_MSG_ENLISTED && branch_is_stale_enlisted(core, header)) {
        core->counts.ignored++;
        return;
    }
    core->header = header;
    core->is_copy = is_copy(core, msg);
    branch_keep_raise(core, header->epoch, watermark_of(msg));
    if (msg->kind == VOW_MSG_RESOLVE) {
        branch_on_resolve(core, 0, &msg->resolve);
        return;
    }
    branch_dispatch(core, &header->gtrid, header->branch, event_of(core, msg));
}
