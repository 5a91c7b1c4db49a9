/*
 * What participants say of their branches in doubt, gathered for one question of an operator. vowd knows who voted and
 * who has acknowledged; since when a branch is prepared, which rows it holds and who waits for them, only the
 * participant knows. So each that is connected is asked, and given a moment; whoever has not answered by then, or is
 * not connected, is named: a partial answer never passes for a whole one.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "coordinator/server/gather.h"
#include "proto/net/clock.h"
#include "proto/net/log.h"

/* vowctl waits for 5 s unless it is told otherwise. */
#define GATHER_MS 1500u
#define GATHERS_MAX 16u
/* Of all participants together. */
#define ROWS_MAX 4096u
#define BYTES_MAX ((size_t)16 * 1024 * 1024)

static struct gather *find(const struct vow_server *server, uint64_t id)
{
    struct gather *gather = NULL;
    HASH_FIND(hh, server->gathers, &id, sizeof(id), gather);
    return gather;
}

void gather_free(struct vow_server *server, struct gather *gather)
{
    HASH_DEL(server->gathers, gather); /* NOLINT(clang-analyzer-unix.Malloc): it does not see that uthash unlinks */
    vow_timer_deinit(&gather->timer);
    json_decref(gather->rows);
    free(gather->asked);
    free(gather);
}

void gathers_free(struct vow_server *server)
{
    struct gather *gather, *next;
    HASH_ITER(hh, server->gathers, gather, next)
    gather_free(server, gather);
}

/* Once: an answer may come after the time is up, and before the journal has told the rest. */
static void finish(struct gather *gather)
{
    if (gather->is_over)
        return;
    gather->is_over = true;
    vow_timer_disarm(&gather->timer);
    gather->done(gather->server, gather);
}

/* ---- the question ---- */

static void ask(struct vow_server *server, struct gather *gather, struct session *session)
{
    struct vow_msg msg = {.kind = VOW_MSG_ADMIN_REQUEST};
    msg.admin_request = (struct vow_msg_admin_request){.command = VOW_ADMIN_LIST,
                                                       .gtrid = gather->gtrid,
                                                       .filter = "in-doubt",
                                                       .participant = "",
                                                       .who = "",
                                                       .why = "",
                                                       .tag = gather->id};
    gather->asked[gather->asked_len++] = (struct asked){.session = session->id};
    snprintf(gather->asked[gather->asked_len - 1].name, VOW_NAME_SIZE, "%s", session->name);
    gather->missing++;
    server_send(server, session, &msg);
}

static void on_time_up(void *ctx)
{
    finish(ctx);
}

static struct gather *make(struct vow_server *server)
{
    struct gather *gather = calloc(1, sizeof(*gather));
    if (gather == NULL)
        return NULL;
    gather->asked = calloc(HASH_COUNT(server->sessions) + 1, sizeof(*gather->asked));
    gather->rows = json_array();
    if (gather->asked == NULL || gather->rows == NULL) {
        free(gather->asked);
        json_decref(gather->rows);
        free(gather);
        return NULL;
    }
    gather->server = server;
    gather->id = ++server->next_gather;
    vow_timer_init(&gather->timer, server->base, server->timers, on_time_up, gather);
    return gather;
}

int gather_begin(struct vow_server *server, const struct session *asker, const struct vow_msg_admin_request *request,
                 gather_done_fn *done)
{
    if (HASH_COUNT(server->gathers) >= GATHERS_MAX)
        return VOW_E_BUSY;
    struct gather *gather = make(server);
    if (gather == NULL)
        return VOW_E_NO_MEMORY;
    gather->asker = asker->id;
    gather->tag = request->tag;
    gather->command = request->command;
    gather->gtrid = request->gtrid;
    gather->limit = request->limit;
    gather->done = done;
    HASH_ADD(hh, server->gathers, id, sizeof(gather->id), gather);
    vow_timer_arm(&gather->timer, GATHER_MS);
    struct session *session, *next;
    HASH_ITER(hh, server->sessions, session, next)
    if (session->up && session->role == VOW_ROLE_PARTICIPANT)
        ask(server, gather, session);
    if (gather->missing == 0)
        finish(gather);
    return 0;
}

/* ---- the answers ---- */

static struct asked *asked_of(struct gather *gather, uint64_t session)
{
    for (uint32_t i = 0; i < gather->asked_len; i++)
        if (gather->asked[i].session == session)
            return &gather->asked[i];
    return NULL;
}

static void end_one(struct gather *gather, struct asked *asked, bool answered)
{
    if (asked->is_done)
        return;
    asked->is_done = true;
    asked->has_answered = answered;
    if (--gather->missing == 0)
        finish(gather);
}

/* A row is a participant's word for its own branches: it names nobody else, whatever it says. */
static void take_row(struct gather *gather, struct asked *asked, const char *text)
{
    const size_t len = strlen(text);
    if (len == 0)
        return;
    if (json_array_size(gather->rows) == ROWS_MAX || len > BYTES_MAX - gather->bytes) {
        asked->was_cut = true;
        return;
    }
    json_t *row = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
    if (json_is_object(row) && json_object_set_new(row, "participant", json_string(asked->name)) == 0 &&
        json_array_append(gather->rows, row) == 0)
        gather->bytes += len;
    json_decref(row);
}

void gather_reply(struct vow_server *server, const struct session *session, const struct vow_msg_admin_reply *reply)
{
    struct gather *gather = find(server, reply->tag);
    struct asked *asked = gather != NULL ? asked_of(gather, session->id) : NULL;
    if (asked == NULL || asked->is_done || gather->is_over)
        return; /* it comes too late */
    take_row(gather, asked, reply->json);
    if (reply->last)
        end_one(gather, asked, reply->error == 0);
}

void gather_session_down(struct vow_server *server, uint64_t session)
{
    struct gather *gather, *next;
    HASH_ITER(hh, server->gathers, gather, next)
    {
        struct asked *asked = server->ended ? NULL : asked_of(gather, session);
        if (asked != NULL)
            end_one(gather, asked, false);
    }
}
