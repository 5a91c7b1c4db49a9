/*
 * `vowctl replay` of a running coordinator: the journal is read a page at a time between its commits, from its first
 * event up to the one asked for, and the state then is folded up from them here. One replay at a time; whoever asks
 * meanwhile hears BUSY. It is memory for what was open then, and work of some microseconds for each event.
 *
 * Retention may cut off meanwhile what was not read yet; then the replay begins anew, for what it has may lack an END.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "coordinator/fold/replay_rows.h"
#include "coordinator/fold/until.h"
#include "coordinator/server/rows.h"
#include "proto/net/clock.h"

#define ROWS_DEFAULT 1000u
#define TRIES_MAX 10u

struct replaying {
    struct vow_server *server;
    uint64_t session, tag;
    struct vow_gtrid watched;
    struct vow_journal_until until;
    uint64_t lsn;     /* up to here; 0 = not known yet */
    uint64_t after;   /* read so far */
    uint64_t cut_lsn; /* of the first page */
    bool is_first;    /* that one comes next */
    uint32_t tries, rows_max;
    struct vow_replay replay;
};

/* ---- the end ---- */

static void end(struct replaying *replaying)
{
    replaying->server->replaying = NULL;
    vow_replay_deinit(&replaying->replay);
    free(replaying);
}

static void refuse(struct vow_server *server, struct session *session, uint64_t tag, int error, const char *why)
{
    char *row = row_finish(json_pack("{s:o}", "why", json_text(why)));
    admin_reply(server, session, tag, error, row, true);
    free(row);
}

static void end_refused(struct replaying *replaying, int error, const char *why)
{
    struct session *session = session_find(replaying->server, replaying->session);
    if (session != NULL)
        refuse(replaying->server, session, replaying->tag, error, why);
    end(replaying);
}

static void say_why(struct replaying *replaying, const struct vow_journal_op *op)
{
    struct vow_error_detail detail;
    (void)vow_journal_say_until(op->error, op->cut_lsn, op->last_lsn, &detail);
    end_refused(replaying, op->error, detail.text);
}

static int tell_row(void *ctx, json_t *row)
{
    (void)answer_row(ctx, row_finish(row));
    return 0;
}

static void tell(struct replaying *replaying)
{
    struct session *session = session_find(replaying->server, replaying->session);
    struct answer answer = {.server = replaying->server, .session = session, .tag = replaying->tag};
    struct vow_error_detail detail;
    if (vow_replay_make(&replaying->replay, replaying->lsn, &detail) != 0) {
        end_refused(replaying, detail.error, detail.text);
        return;
    }
    if (session != NULL) {
        const uint64_t at_us = replaying->until.is_time ? replaying->until.wall_us : 0;
        answer_end(&answer, vow_replay_rows(&replaying->replay, at_us, replaying->rows_max, tell_row, &answer));
    }
    end(replaying);
}

/* ---- pages ---- */

static void ask(struct replaying *replaying, enum vow_journal_op_kind kind, uint64_t before)
{
    struct log_op *op = log_op_take(replaying->server);
    op->op.kind = kind;
    op->op.wall_us = replaying->until.wall_us;
    op->op.before = before;
    op->op.after = replaying->after;
    op->op.until = replaying->lsn;
    op->op.user = replaying;
    log_op_push(replaying->server, op, true);
}

static void begin(struct replaying *replaying)
{
    vow_replay_deinit(&replaying->replay);
    vow_replay_init(&replaying->replay, &replaying->watched);
    replaying->after = 0;
    replaying->is_first = true;
    replaying->tries++;
    ask(replaying, VOW_JOURNAL_READ, 0);
}

static void located(struct replaying *replaying, const struct vow_journal_op *op)
{
    if (op->has_more) {
        ask(replaying, VOW_JOURNAL_LOCATE, op->before);
        return;
    }
    replaying->lsn = op->lsn;
    begin(replaying);
}

static int take_events(struct replaying *replaying, const struct vow_journal_op *op)
{
    int error = 0;
    for (uint32_t i = 0; error == 0 && i < op->events_len; i++)
        error = vow_replay_take(&replaying->replay, &op->events[i]);
    return error;
}

static void take_page(struct replaying *replaying, const struct vow_journal_op *op)
{
    if (replaying->is_first)
        replaying->cut_lsn = op->cut_lsn;
    replaying->is_first = false;
    replaying->replay.events_cut = op->events_cut;
    replaying->replay.cut_lsn = replaying->cut_lsn;
    if (op->cut_lsn != replaying->cut_lsn && replaying->after < op->cut_lsn) {
        if (replaying->tries < TRIES_MAX)
            begin(replaying);
        else
            end_refused(replaying, VOW_E_BUSY,
                        "retention cuts off faster than this can be read; ask for a later state");
        return;
    }
    const int error = take_events(replaying, op);
    replaying->after = op->after;
    replaying->lsn = op->until;
    if (error != 0)
        end_refused(replaying, error, "an event of the journal cannot be taken");
    else if (op->has_more || vow_replay_again(&replaying->replay, &replaying->after))
        ask(replaying, VOW_JOURNAL_READ, 0);
    else
        tell(replaying);
}

void replays_done(struct vow_server *server, const struct vow_journal_op *op)
{
    struct replaying *replaying = op->user;
    if (session_find(server, replaying->session) == NULL)
        end(replaying); /* nobody waits for it any more */
    else if (op->error != 0)
        say_why(replaying, op);
    else if (op->kind == VOW_JOURNAL_LOCATE)
        located(replaying, op);
    else
        take_page(replaying, op);
}

/* ---- the beginning ---- */

void replays_ask(struct vow_server *server, struct session *session, const struct vow_msg_admin_request *request)
{
    struct vow_journal_until until;
    const char *why = vow_until_parse(request->filter, &until);
    if (why == NULL && server->replaying != NULL) {
        refuse(server, session, request->tag, VOW_E_BUSY, "another replay is under way; ask again when it has ended");
        return;
    }
    struct replaying *replaying = why == NULL ? calloc(1, sizeof(*replaying)) : NULL;
    if (replaying == NULL) {
        refuse(server, session, request->tag, why != NULL ? VOW_E_ARGUMENT : VOW_E_NO_MEMORY,
               why != NULL ? why : "no memory for a replay");
        return;
    }
    replaying->server = server;
    replaying->session = session->id;
    replaying->tag = request->tag;
    replaying->watched = request->gtrid;
    replaying->until = until;
    replaying->lsn = until.lsn;
    replaying->rows_max = request->limit > 0 ? request->limit : ROWS_DEFAULT;
    server->replaying = replaying;
    if (until.is_time)
        ask(replaying, VOW_JOURNAL_LOCATE, 0);
    else
        begin(replaying);
}

void replays_free(struct vow_server *server)
{
    if (server->replaying != NULL)
        end(server->replaying);
}
