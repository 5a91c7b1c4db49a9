#include "coordinator/core/emit.h"

#include <string.h>

#include "coordinator/core/peers.h"
#include "coordinator/core/txn.h"
#include "proto/assert.h"
#include "proto/error.h"

/* When who was told BUSY is to come again, at the earliest; up to twice that. */
#define BUSY_RETRY_MS 50u

struct vow_coord_effect *coord_emit(struct vow_coord *core, enum vow_coord_effect_kind kind, uint64_t session)
{
    struct vow_coord_effect *effect;

    VOW_ASSERT(core->effects_len < COORD_EFFECTS_MAX);
    effect = &core->effects[core->effects_len++];
    memset(effect, 0, sizeof(*effect));
    effect->kind = kind;
    effect->session = session;
    return effect;
}

void coord_alarm(struct vow_coord *core, const struct vow_gtrid *gtrid, const char *what, const char *who)
{
    struct vow_coord_effect *effect = coord_emit(core, VOW_COORD_ALARM, 0);

    effect->alarm.gtrid = *gtrid;
    effect->alarm.what = what;
    effect->alarm.who = who;
}

void coord_reply(struct vow_coord *core, uint64_t session, const struct vow_msg_outcome *outcome)
{
    struct vow_coord_effect *effect;

    if (session == 0)
        return;
    effect = coord_emit(core, VOW_COORD_REPLY, session);
    effect->msg.kind = VOW_MSG_OUTCOME;
    effect->msg.outcome = *outcome;
}

void coord_reply_error(struct vow_coord *core, uint64_t session, const struct vow_gtrid *gtrid, int error)
{
    struct vow_msg_outcome answer = {
        .gtrid = *gtrid, .outcome = VOW_UNKNOWN, .error = error, .participant = "", .text = ""};

    if (error == VOW_E_BUSY) {
        core->counts.busy++;
        /* Those that were refused together do not come back together (fault F147). */
        answer.retry_after_ms = BUSY_RETRY_MS + (uint32_t)(txn_jitter(core) % BUSY_RETRY_MS);
    }
    coord_reply(core, session, &answer);
}

void coord_reply_outcome(struct vow_coord *core, uint64_t session, const struct vow_gtrid *gtrid,
                         enum vow_outcome outcome)
{
    coord_reply(core, session,
                &(struct vow_msg_outcome){.gtrid = *gtrid, .outcome = outcome, .participant = "", .text = ""});
}

struct vow_msg_header coord_header(const struct vow_coord *core, const struct txn *txn, const struct branch *branch)
{
    return (struct vow_msg_header){.gtrid = txn->gtrid,
                                   .branch = branch->number,
                                   .incarnation = branch_peer(core, branch)->incarnation,
                                   .epoch = core->ids.identity.epoch,
                                   .attempt = txn->attempts};
}

struct vow_msg *coord_send(struct vow_coord *core, const struct branch *branch, enum vow_msg_kind kind)
{
    const struct peer *peer = branch_peer(core, branch);
    struct vow_coord_effect *effect = coord_emit(core, VOW_COORD_SEND, peer->session);

    VOW_ASSERT(peer->session != 0);
    effect->msg.kind = kind;
    return &effect->msg;
}

bool coord_send_decision(struct vow_coord *core, const struct txn *txn, const struct branch *branch,
                         enum vow_verdict verdict)
{
    struct vow_msg *msg;

    if (branch_peer(core, branch)->session == 0)
        return false;
    msg = coord_send(core, branch, VOW_MSG_DECISION);
    msg->decision.header = coord_header(core, txn, branch);
    msg->decision.watermark = coord_watermark(core);
    msg->decision.verdict = verdict;
    return true;
}

void coord_tell_commit(struct vow_coord *core, const struct txn *txn, struct branch *branch)
{
    branch->due = branch_peer(core, branch)->is_full;
    if (!branch->due)
        coord_send_decision(core, txn, branch, VOW_COMMIT);
}

/* An answer is lost like any message, and asked for again. */
static bool can_take(struct vow_coord *core, uint64_t session)
{
    uint32_t peer = coord_peer_of_session(core, session);

    if (peer == COORD_NIL || !core->peers[peer].is_full)
        return true;
    core->counts.ignored++;
    return false;
}

/* The sender's own header back, in our epoch. */
static struct vow_msg_header answer_header(const struct vow_coord *core, const struct input *in)
{
    struct vow_msg_header header = *in->header;

    header.epoch = core->ids.identity.epoch;
    return header;
}

void coord_answer_verdict(struct vow_coord *core, const struct input *in, enum vow_verdict verdict)
{
    struct vow_coord_effect *effect;

    if (!can_take(core, in->session))
        return;
    effect = coord_emit(core, VOW_COORD_SEND, in->session);
    effect->msg.kind = VOW_MSG_DECISION;
    effect->msg.decision.header = answer_header(core, in);
    effect->msg.decision.watermark = coord_watermark(core);
    effect->msg.decision.verdict = verdict;
}

void coord_answer_wait(struct vow_coord *core, const struct input *in, enum vow_wait reason)
{
    struct vow_coord_effect *effect;

    if (!can_take(core, in->session))
        return;
    effect = coord_emit(core, VOW_COORD_SEND, in->session);
    effect->msg.kind = VOW_MSG_WAIT;
    effect->msg.wait.header = answer_header(core, in);
    effect->msg.wait.reason = reason;
}

/* On the wire 0 means that no end is known. */
static uint32_t time_left(const struct vow_coord *core, const struct txn *txn)
{
    uint64_t left_ms = txn->expires_ms > core->now_ms ? txn->expires_ms - core->now_ms : 1;

    return left_ms < UINT32_MAX ? (uint32_t)left_ms : UINT32_MAX;
}

void coord_answer_enlisted(struct vow_coord *core, const struct input *in, uint32_t branch, int error)
{
    struct vow_coord_effect *effect = coord_emit(core, VOW_COORD_SEND, in->session);

    effect->msg.kind = VOW_MSG_ENLISTED;
    effect->msg.enlisted.header = answer_header(core, in);
    effect->msg.enlisted.header.branch = branch;
    effect->msg.enlisted.error = error;
    if (error == 0)
        effect->msg.enlisted.left_ms = time_left(core, in->txn);
}

struct vow_record *coord_log(struct vow_coord *core, enum vow_record_kind kind, const struct vow_gtrid *gtrid,
                             uint64_t token, bool forced)
{
    struct vow_coord_effect *effect = coord_emit(core, VOW_COORD_LOG, 0);
    struct vow_record *record = &effect->log.record;

    effect->log.token = token;
    effect->log.forced = forced;
    record->kind = kind;
    record->gtrid = *gtrid;
    record->epoch = core->ids.identity.epoch;
    return record;
}

void coord_copy_text(char *to, size_t size, const char *text)
{
    size_t len = text != NULL ? strlen(text) : 0;

    if (len >= size)
        len = size - 1;
    memcpy(to, text != NULL ? text : "", len);
    to[len] = '\0';
}
