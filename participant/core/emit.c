/* The effects of a step, one function for each thing that can be said. */
#include <string.h>

#include "participant/core/core.h"

static struct vow_branches_effect *add(struct vow_branches *core, enum vow_branches_effect_kind kind)
{
    VOW_ASSERT(core->effects_len < BRANCH_EFFECTS_MAX);
    struct vow_branches_effect *effect = &core->effects[core->effects_len++];
    *effect = (struct vow_branches_effect){.kind = kind};
    return effect;
}

/* --- to whoever watches --- */

void branch_trace(struct vow_branches *core, const struct vow_gtrid *gtrid, uint8_t from, uint8_t to)
{
    struct vow_branches_effect *effect = add(core, VOW_BRANCHES_TRACE);
    effect->trace.gtrid = *gtrid;
    effect->trace.from = from;
    effect->trace.event = (uint8_t)core->event;
    effect->trace.to = to;
}

void branch_alarm(struct vow_branches *core, const struct vow_gtrid *gtrid, const char *what)
{
    struct vow_branches_effect *effect = add(core, VOW_BRANCHES_ALARM);
    effect->alarm.gtrid = *gtrid;
    effect->alarm.what = what;
}

void branch_violation(struct vow_branches *core, const struct vow_gtrid *gtrid, const char *what)
{
    core->counts.protocol_errors++;
    branch_alarm(core, gtrid, what);
}

/* --- to the store --- */

static struct vow_branches_effect *add_store(struct vow_branches *core, const struct vow_branch_entry *entry,
                                             enum vow_store_op_kind op)
{
    struct vow_branches_effect *effect = add(core, VOW_BRANCHES_STORE);
    effect->store.op = op;
    effect->store.gtrid = entry->gtrid;
    effect->store.branch = entry->branch;
    effect->store.epoch = entry->epoch;
    return effect;
}

void branch_store(struct vow_branches *core, struct vow_branch_entry *entry, enum vow_store_op_kind op)
{
    VOW_ASSERT(entry->op == BRANCH_NO_OP);
    struct vow_branches_effect *effect = add_store(core, entry, op);
    if (op == VOW_STORE_PREPARE || op == VOW_STORE_ONE_PHASE) {
        effect->store.calls_len = core->input->msg->prepare.calls_len;
        effect->store.calls = core->input->msg->prepare.calls;
        effect->store.peers_len = core->input->msg->prepare.peers_len;
        effect->store.peers = core->input->msg->prepare.peers;
    }
    if (entry->record != BRANCH_NONE) {
        effect->store.who = branch_record(core, entry)->who;
        effect->store.why = branch_record(core, entry)->why;
        effect->store.verdict = (enum vow_verdict)entry->decided;
    }
    entry->op = (uint8_t)op;
}

void branch_store_forget(struct vow_branches *core, const struct vow_branch_entry *entry)
{
    add_store(core, entry, VOW_STORE_FORGET);
}

void branch_store_cancel(struct vow_branches *core, const struct vow_branch_entry *entry)
{
    VOW_ASSERT(entry->op == VOW_STORE_PREPARE || entry->op == VOW_STORE_WORK);
    add_store(core, entry, VOW_STORE_CANCEL);
}

void branch_store_watermark(struct vow_branches *core)
{
    struct vow_branches_effect *effect = add(core, VOW_BRANCHES_STORE);
    effect->store.op = VOW_STORE_WATERMARK;
    effect->store.coord = core->keep.now.coord;
    effect->store.epoch = core->keep.now.epoch;
    effect->store.watermark = core->keep.now.watermark;
}

/* The branch's number here is not known to who asks, nor does the store need it. */
void branch_store_recall(struct vow_branches *core, const struct vow_gtrid *gtrid, struct branch_asker asker)
{
    struct vow_branches_effect *effect = add(core, VOW_BRANCHES_STORE);
    effect->store.op = VOW_STORE_RECALL;
    effect->store.gtrid = *gtrid;
    effect->store.branch = asker.branch;
    effect->store.session = asker.session;
    effect->store.attempt = asker.attempt;
}

/* --- to the service --- */

void branch_joined(struct vow_branches *core, const struct vow_branch_entry *entry, int error, enum vow_cause cause,
                   const char *text)
{
    struct vow_branches_effect *effect = add(core, VOW_BRANCHES_JOINED);
    effect->joined.gtrid = entry->gtrid;
    effect->joined.error = error;
    effect->joined.cause = cause;
    effect->joined.text = text != NULL ? text : "";
    effect->joined.ops = entry->ops;
}

/* --- to the coordinator --- */

/* The header of an answer: that of the message answered, in this participant's name. */
static struct vow_msg_header echo(const struct vow_branches *core, const struct vow_branch_entry *entry)
{
    return (struct vow_msg_header){
        .gtrid = entry->gtrid,
        .branch = entry->branch,
        .incarnation = core->incarnation,
        .epoch = entry->epoch,
        .attempt = entry->attempt,
    };
}

/* The event's text lives for the call only and effects live longer. One text a step is all there is. */
static const char *keep_text(struct vow_branches *core, const char *text)
{
    size_t len = text != NULL ? strlen(text) : 0;
    if (len > VOW_TEXT_MAX)
        len = VOW_TEXT_MAX;
    memcpy(core->text, text != NULL ? text : "", len);
    core->text[len] = '\0';
    return core->text;
}

/* Not an answer, so nothing is echoed. */
void branch_send_enlist(struct vow_branches *core, struct vow_branch_entry *entry)
{
    entry->attempt = core->enlists++;
    struct vow_msg *msg = &add(core, VOW_BRANCHES_SEND)->msg;
    msg->kind = VOW_MSG_ENLIST;
    msg->enlist.header = (struct vow_msg_header){
        .gtrid = entry->gtrid,
        .incarnation = core->incarnation,
        .epoch = core->keep.now.epoch,
        .attempt = entry->attempt,
    };
}

void branch_send_vote(struct vow_branches *core, const struct vow_branch_entry *entry, enum vow_vote vote,
                      enum vow_cause cause, const char *text)
{
    struct vow_msg *msg = &add(core, VOW_BRANCHES_SEND)->msg;
    msg->kind = VOW_MSG_VOTE;
    msg->vote = (struct vow_msg_vote){echo(core, entry), vote, cause, keep_text(core, text)};
}

void branch_send_ack(struct vow_branches *core, const struct vow_branch_entry *entry, enum vow_ack ack)
{
    struct vow_msg *msg = &add(core, VOW_BRANCHES_SEND)->msg;
    msg->kind = VOW_MSG_ACK;
    msg->ack = (struct vow_msg_ack){echo(core, entry), ack};
}

void branch_send_one_phase_done(struct vow_branches *core, const struct vow_branch_entry *entry,
                                enum vow_one_phase result, enum vow_cause cause, const char *text)
{
    struct vow_msg *msg = &add(core, VOW_BRANCHES_SEND)->msg;
    msg->kind = VOW_MSG_ONE_PHASE_DONE;
    msg->one_phase_done = (struct vow_msg_one_phase_done){echo(core, entry), result, cause, keep_text(core, text)};
}

void branch_send_inquiry(struct vow_branches *core, struct vow_branch_entry *entry)
{
    struct vow_msg *msg = &add(core, VOW_BRANCHES_SEND)->msg;
    msg->kind = VOW_MSG_INQUIRY;
    msg->inquiry.header = echo(core, entry);
    /* Not an answer: it names the newest epoch seen, so that a coordinator restored from a backup sees that it lags. */
    msg->inquiry.header.epoch = core->keep.now.epoch;
    msg->inquiry.header.attempt = entry->inquiries++;
    core->counts.inquiries++;
}

/* --- to peers --- */

/* Named after the inquiries, so that a question can be told from the one before. */
void branch_ask_peers(struct vow_branches *core, const struct vow_branch_entry *entry)
{
    struct vow_branches_effect *effect = add(core, VOW_BRANCHES_ASK_PEERS);
    effect->ask.header = (struct vow_msg_header){
        .gtrid = entry->gtrid,
        .branch = entry->branch,
        .epoch = core->keep.now.epoch,
        .attempt = entry->inquiries - 1,
    };
    core->counts.asked_peers++;
}

void branch_answer_peer(struct vow_branches *core, const struct vow_gtrid *gtrid, struct branch_asker asker,
                        enum vow_peer_answer answer, uint32_t epoch)
{
    struct vow_branches_effect *effect = add(core, VOW_BRANCHES_ANSWER_PEER);
    effect->answer.session = asker.session;
    struct vow_msg *msg = &effect->answer.msg;
    msg->kind = VOW_MSG_PEER_ANSWER;
    msg->peer_answer.answer = answer;
    msg->peer_answer.header = (struct vow_msg_header){
        .gtrid = *gtrid,
        .branch = asker.branch,
        .incarnation = core->incarnation,
        .epoch = epoch,
        .attempt = asker.attempt,
    };
    core->counts.answered_peers++;
}

/* --- heuristics --- */

/* Not an answer: it is sent until it is answered with FORGET. */
void branch_send_heuristic_report(struct vow_branches *core, const struct vow_branch_entry *entry)
{
    const struct vow_branch_record *record = branch_record(core, entry);
    struct vow_msg *msg = &add(core, VOW_BRANCHES_SEND)->msg;
    msg->kind = VOW_MSG_HEURISTIC_REPORT;
    msg->heuristic_report = (struct vow_msg_heuristic_report){echo(core, entry), (enum vow_verdict)entry->heuristic,
                                                              record->who, record->why, record->wall_us};
}

void branch_answer_resolved(struct vow_branches *core, const struct vow_branch_entry *entry,
                            const struct vow_branch_resolve *to, int error, enum vow_verdict verdict, const char *text)
{
    if (to->tag == BRANCH_NOBODY)
        return;
    struct vow_msg msg = {.kind = VOW_MSG_RESOLVED};
    msg.resolved = (struct vow_msg_resolved){echo(core, entry), error, verdict, keep_text(core, text)};
    msg.resolved.header.attempt = to->attempt;
    if (entry->branch == BRANCH_UNNUMBERED)
        msg.resolved.header.branch = 0;
    if (to->tag == 0) {
        add(core, VOW_BRANCHES_SEND)->msg = msg;
        return;
    }
    struct vow_branches_effect *effect = add(core, VOW_BRANCHES_ANSWER);
    effect->told.tag = to->tag;
    effect->told.msg = msg;
}
