/* Carrying out what the core asks for, and telling it when it is done. */
#include <stdlib.h>
#include <string.h>

#include "coordinator/fold/lookup.h"
#include "coordinator/server/internal.h"
#include "proto/assert.h"
#include "proto/net/clock.h"
#include "proto/net/crash.h"
#include "proto/net/log.h"

/* ---- messages ---- */

#ifdef VOW_CRASH_POINTS
/* The name of a crash point: a decision is told apart by what it says. */
static const char *crash_name(const struct vow_msg *msg)
{
    if (msg->kind != VOW_MSG_DECISION)
        return vow_msg_name(msg->kind);
    return msg->decision.verdict == VOW_COMMIT ? "COMMIT" : "ABORT";
}
#endif

void server_send(struct vow_server *server, struct session *session, const struct vow_msg *msg)
{
    VOW_CRASH("send", "before", crash_name(msg));
    int error = vow_channel_send(session->channel, msg);
    if (error != 0) {
        /* Lost like any message: the protocol asks again. A channel that is about to go down has a line of its own. */
        if (error != VOW_E_TOO_LARGE)
            return;
        VOW_LOG(VOW_LOG_WARN, "send_failed", VOW_STR("to", session->name), VOW_STR("message", vow_msg_name(msg->kind)),
                VOW_STR("error", vow_error_name(error)));
        return;
    }
    server->traffic.sent++;
    trace_sent(server, msg);
    server->traffic.counted_sent += vow_msg_is_counted(msg->kind);
    if (session->role == VOW_ROLE_PARTICIPANT && !session->is_full && vow_channel_is_full(session->channel))
        session->is_full = server->has_full = true;
    if (vow_crash_hit("send", "after", crash_name(msg))) {
        vow_channel_flush(session->channel);
        vow_crash_now();
    }
}

static void effect_message(struct vow_server *server, const struct vow_coord_effect *effect)
{
    if (effect->msg.kind == VOW_MSG_OUTCOME && effect->msg.outcome.error == VOW_E_BUSY)
        admission_refused(server);
    struct session *session = session_find(server, effect->session);
    if (session != NULL && session->up)
        server_send(server, session, &effect->msg);
}

/* ---- the journal ---- */

struct log_op *log_op_take(struct vow_server *server)
{
    struct log_op *op = server->free_ops;
    if (op == NULL)
        return server_need(calloc(1, sizeof(*op)));
    server->free_ops = op->next_free;
    struct vow_record_branch *branches = op->op.branches;
    uint32_t branches_cap = op->branches_cap;
    uint8_t *body = op->body;
    size_t body_cap = op->body_cap;
    memset(op, 0, sizeof(*op));
    op->op.branches = branches;
    op->branches_cap = branches_cap;
    op->body = body;
    op->body_cap = body_cap;
    return op;
}

/* Ops are kept for ever, and orders may be large. */
#define BODY_KEPT 4096u

static void log_op_give_back(struct vow_server *server, struct log_op *op)
{
    if (op->body_cap > BODY_KEPT) {
        free(op->body);
        op->body = NULL;
        op->body_cap = 0;
    }
    vow_journal_events_free(op->op.events, op->op.events_len);
    op->op.events = NULL;
    op->op.events_len = 0;
    op->next_free = server->free_ops;
    server->free_ops = op;
}

void log_ops_free(struct vow_server *server)
{
    while (server->free_ops != NULL) {
        struct log_op *op = server->free_ops;
        server->free_ops = op->next_free;
        free(op->op.branches);
        free(op->body);
        free(op);
    }
}

void log_op_push(struct vow_server *server, struct log_op *op, bool urgent)
{
    op->op.forced = urgent;
    op->op.job.next = NULL;
    *server->pending_last = &op->op.job;
    server->pending_last = &op->op.job.next;
}

void server_submit(struct vow_server *server)
{
    if (server->pending_first == NULL)
        return;
    struct vow_job *first = server->pending_first;
    uint32_t ops = 0;
    for (const struct vow_job *job = first; job != NULL; job = job->next)
        ops++;
    health_submitted(server, ops);
    server->pending_first = NULL;
    server->pending_last = &server->pending_first;
    vow_journal_submit(server->journal, (struct vow_journal_op *)first);
}

static void copy_branches(struct log_op *op, const struct vow_record *record)
{
    if (record->branches_len > op->branches_cap) {
        free(op->op.branches);
        op->op.branches = server_need(calloc(record->branches_len, sizeof(*op->op.branches)));
        op->branches_cap = record->branches_len;
    }
    if (record->branches_len > 0)
        memcpy(op->op.branches, record->branches, record->branches_len * sizeof(*op->op.branches));
    op->op.record.branches = op->op.branches;
}

static enum vow_journal_op_kind op_kind(enum vow_record_kind kind)
{
    if (kind == VOW_RECORD_COMMIT)
        return VOW_JOURNAL_DECIDE;
    return kind == VOW_RECORD_END ? VOW_JOURNAL_END : VOW_JOURNAL_APPEND;
}

static void effect_log(struct vow_server *server, const struct vow_coord_effect *effect)
{
    VOW_CRASH("log", "before", vow_record_name(effect->log.record.kind));
    struct log_op *op = log_op_take(server);
    op->op.kind = op_kind(effect->log.record.kind);
    op->op.token = effect->log.token;
    op->op.record = effect->log.record;
    copy_branches(op, &effect->log.record);
    log_op_push(server, op, effect->log.forced);
}

static void effect_lookup(struct vow_server *server, const struct vow_coord_effect *effect)
{
    struct log_op *op = log_op_take(server);
    op->op.kind = VOW_JOURNAL_GET;
    op->op.gtrid = effect->lookup.question.gtrid;
    op->question = effect->lookup.question;
    snprintf(op->op.reporter, sizeof(op->op.reporter), "%s", effect->lookup.reporter);
    op->op.token = effect->session;
    log_op_push(server, op, true);
}

/*
 * A log write with any other answer than "durable" has one consequence: stop, and let the next start read what the disk
 * kept (the contract of coordinator/core/coord.h). Nothing is sent any more: whoever waits learns the outcome after
 * recovery.
 */
void server_journal_failed(struct vow_server *server, const struct vow_journal_op *op)
{
    if (server->ended)
        return;
    VOW_LOG(VOW_LOG_ERROR, "journal_failed", VOW_STR("record", vow_record_name(op->record.kind)),
            VOW_STR("error", vow_error_name(op->error)),
            VOW_STR("why",
                    op->result == VOW_JOURNAL_FENCED ? "a newer epoch owns the log"
                    : op->kind == VOW_JOURNAL_GET || op->kind == VOW_JOURNAL_GET_SAGA || op->kind == VOW_JOURNAL_EVENTS
                        ? "the journal cannot be read"
                        : "it is not known whether the record is durable"),
            VOW_STR("do", "start vowd again: it reads from the log what was decided"));
    server->ended = true;
    server->end = VOW_SERVER_FAILED;
}

static void looked_up(struct vow_server *server, const struct vow_journal_op *op)
{
    if (!vow_lookup_is_answered(op)) {
        server_journal_failed(server, op);
        return;
    }
    struct vow_coord_event event = vow_lookup_event(op, &server->sagas.book);
    event.now_ms = vow_clock_ms();
    event.lookup.question = ((const struct log_op *)op)->question;
    server_step(server, &event);
}

static void op_done(struct vow_server *server, struct vow_journal_op *op)
{
    if (((const struct log_op *)op)->is_saga) {
        sagas_journal_done(server, op);
    } else if (((const struct log_op *)op)->done != NULL) {
        ((const struct log_op *)op)->done(((const struct log_op *)op)->who, (struct log_op *)op);
    } else if (op->kind == VOW_JOURNAL_GET) {
        looked_up(server, op);
    } else if (op->kind == VOW_JOURNAL_HISTORY) {
        admin_history_done(server, op);
    } else if (op->kind == VOW_JOURNAL_LOCATE || op->kind == VOW_JOURNAL_READ) {
        replays_done(server, op);
    } else if (op->kind == VOW_JOURNAL_LIFE && op->result == VOW_JOURNAL_WON) {
        return;
    } else if (op->result == VOW_JOURNAL_WON || op->result == VOW_JOURNAL_EXISTS) {
        VOW_CRASH("log", "after", vow_record_name(op->record.kind));
        if (op->record.kind == VOW_RECORD_OPERATOR) {
            if (op->user != NULL)
                operate_logged(server, op->user);
            return;
        }
        struct vow_coord_event event = {.kind = VOW_COORD_LOG_DONE, .now_ms = vow_clock_ms()};
        event.token = op->token;
        server_step(server, &event);
    } else {
        server_journal_failed(server, op);
    }
}

void server_journal_done(void *ctx, struct vow_journal_op *first)
{
    struct vow_server *server = ctx;
    uint32_t ops = 0;
    while (first != NULL) {
        ops++;
        struct vow_journal_op *op = first;
        first = (struct vow_journal_op *)op->job.next;
        if (!server->ended)
            op_done(server, op);
        log_op_give_back(server, (struct log_op *)op);
    }
    health_done(server, ops);
}

/* ---- the rest ---- */

static void effect_alarm(const struct vow_coord_effect *effect)
{
    char text[VOW_GTRID_TEXT_SIZE];
    vow_gtrid_to_text(&effect->alarm.gtrid, text);
    VOW_LOG(VOW_LOG_ERROR, "alarm", VOW_STR("what", effect->alarm.what), VOW_STR("id", text),
            VOW_STR("participant", effect->alarm.who));
}

static void carry_out(struct vow_server *server, const struct vow_coord_effect *effect)
{
    switch (effect->kind) {
    case VOW_COORD_SEND:
    case VOW_COORD_REPLY:
        effect_message(server, effect);
        break;
    case VOW_COORD_LOG:
        effect_log(server, effect);
        break;
    case VOW_COORD_LOOKUP:
        effect_lookup(server, effect);
        break;
    case VOW_COORD_TRACE:
        admission_trace(server, effect);
        trace_txn(server, effect);
        break;
    case VOW_COORD_ALARM:
        effect_alarm(effect);
        break;
    case VOW_COORD_FORGOTTEN:
        operate_forgotten(server, effect->forgotten.tag, effect->forgotten.error, effect->forgotten.text);
        break;
    }
}

/* Fault F029: the core holds back what can wait, and the queue stays far below the mark at which the peer is dropped.
 */
static void tell_full(struct vow_server *server)
{
    struct session *session, *next;
    server->has_full = false;
    HASH_ITER(hh, server->sessions, session, next)
    {
        struct vow_coord_effects none;
        struct vow_coord_event event = {.kind = VOW_COORD_PEER_FULL, .now_ms = vow_clock_ms(), .session = session->id};
        if (!session->is_full || session->is_told)
            continue;
        session->is_told = true;
        vow_coord_step(server->core, &event, &none);
    }
}

void server_step(struct vow_server *server, const struct vow_coord_event *event)
{
    struct vow_coord_effects effects;
    vow_coord_step(server->core, event, &effects);
    for (size_t i = 0; i < effects.len; i++)
        carry_out(server, &effects.items[i]);
    if (server->has_full)
        tell_full(server);
}
