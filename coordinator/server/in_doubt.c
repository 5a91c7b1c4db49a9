/*
 * `list --in-doubt` and `show`: what the coordinator knows of each transaction, joined with what the participants say
 * of their branches (gather.c). A branch that a participant holds and the coordinator knows nothing of is a row, too:
 * it is the one that nobody finds otherwise (bug B13).
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "coordinator/server/advice.h"
#include "coordinator/server/gather.h"
#include "coordinator/server/rows.h"
#include "proto/net/clock.h"

#define ROWS_DEFAULT 1000u
/* Participants that are named because they said nothing. */
#define SILENT_MAX 64u

/* ---- the participants' rows, by transaction ---- */

/* id -> list of rows. What has been shown is taken out; so what is left at the end is strays. */
static json_t *by_id(const struct gather *gather)
{
    json_t *all = json_object();
    size_t index;
    json_t *row;
    json_array_foreach(gather->rows, index, row)
    {
        const char *id = json_string_value(json_object_get(row, "id"));
        if (id == NULL)
            continue;
        json_t *rows = json_object_get(all, id);
        if (rows == NULL) {
            rows = json_array();
            json_object_set_new(all, id, rows);
        }
        json_array_append(rows, row);
    }
    return all;
}

static json_t *row_of(const json_t *rows, const char *participant)
{
    size_t index;
    json_t *row;
    json_array_foreach((json_t *)rows, index, row)
    {
        if (strcmp(json_string_value(json_object_get(row, "participant")), participant) == 0)
            return row;
    }
    return NULL;
}

/* Puts each participant's row into its branch. */
static void join_rows(json_t *txn, const json_t *rows)
{
    size_t index;
    json_t *branch;
    json_array_foreach(json_object_get(txn, "branches"), index, branch)
    {
        json_t *row = row_of(rows, json_string_value(json_object_get(branch, "participant")));
        if (row != NULL)
            json_object_set(branch, "held", row);
    }
}

/* What was done by hand changes what is safe; of a decided one the participant says whether it agrees. */
static void advise_of_hands(json_t *txn, const json_t *rows)
{
    const char *id = json_string_value(json_object_get(txn, "id"));
    const char *state = json_string_value(json_object_get(txn, "state"));
    char safe[ADVICE_SIZE];
    size_t index;
    json_t *row;
    if (strcmp(state, "ACTIVE") != 0 && strcmp(state, "PREPARING") != 0)
        return;
    json_array_foreach((json_t *)rows, index, row)
    {
        const char *heuristic = json_string_value(json_object_get(row, "heuristic"));
        if (heuristic == NULL)
            continue;
        advise_by_hand(id, json_string_value(json_object_get(row, "participant")), strcmp(heuristic, "commit") == 0,
                       safe);
        json_object_set_new(txn, "safe", json_string(safe));
    }
}

/* A restart of vowd does not make a branch younger: the oldest vote is the age. */
static void raise_age(json_t *txn, const json_t *rows)
{
    json_int_t age_ms = json_integer_value(json_object_get(txn, "age_ms"));
    size_t index;
    json_t *row;
    json_array_foreach((json_t *)rows, index, row)
    {
        const json_int_t held_ms = json_integer_value(json_object_get(row, "age_ms"));
        age_ms = held_ms > age_ms ? held_ms : age_ms;
    }
    json_object_set_new(txn, "age_ms", json_integer(age_ms));
}

static json_t *stray_object(const struct vow_server *server, const char *id, json_t *rows)
{
    struct vow_gtrid gtrid = {{0}};
    char safe[ADVICE_SIZE];
    json_t *branches = json_array();
    size_t index;
    json_t *row;
    json_array_foreach(rows, index, row) json_array_append_new(
        branches, json_pack("{s:O,s:O*,s:b,s:s,s:O}", "participant", json_object_get(row, "participant"), "branch",
                            json_object_get(row, "branch"), "connected", 1, "vote", "yes", "held", row));
    const bool is_id = vow_gtrid_from_text(id, strlen(id), &gtrid);
    const struct stray stray = {.id = id,
                                .participant =
                                    json_string_value(json_object_get(json_array_get(rows, 0), "participant")),
                                .is_ours = is_id && vow_gtrid_coord(&gtrid) == server->identity.coord};
    advise_stray(&stray, safe);
    json_t *txn = json_pack("{s:s,s:s,s:i,s:o,s:s}", "id", id, "state", stray.is_ours ? "NONE" : "FOREIGN", "age_ms", 0,
                            "branches", branches, "safe", safe);
    raise_age(txn, rows);
    return txn;
}

/* ---- who said nothing ---- */

static void add_silent(json_t *silent, const char *name, uint64_t seen_ms, const char *why)
{
    if (json_array_size(silent) < SILENT_MAX)
        json_array_append_new(
            silent, json_pack("{s:s,s:o,s:s}", "participant", name, "seen_ms", json_u64(seen_ms), "why", why));
}

static void add_left_out(json_t *silent, const struct gather *gather)
{
    char why[64];
    size_t index;
    json_t *row;
    json_array_foreach(gather->rows, index, row)
    {
        const json_t *left_out = json_object_get(row, "left_out");
        if (!json_is_integer(left_out))
            continue;
        snprintf(why, sizeof(why), "holds %lld more than are listed", (long long)json_integer_value(left_out));
        add_silent(silent, json_string_value(json_object_get(row, "participant")), 0, why);
    }
}

/* What they hold is not in the answer, and the answer says so. */
static json_t *silent_ones(const struct vow_server *server, const struct gather *gather)
{
    json_t *silent = json_array();
    const char *name;
    uint64_t session, incarnation;
    uint32_t cursor = 0;
    while (vow_coord_next_peer(server->core, &cursor, &name, &session, &incarnation))
        if (session == 0)
            add_silent(silent, name, seen_ms_ago(server, name), "not connected");
    for (uint32_t i = 0; i < gather->asked_len; i++)
        if (gather->asked[i].was_cut)
            add_silent(silent, gather->asked[i].name, 0, "says more than can be listed");
        else if (!gather->asked[i].has_answered)
            add_silent(silent, gather->asked[i].name, 0, "has not answered");
    add_left_out(silent, gather);
    return silent;
}

/* ---- list ---- */

/* Decided, and not ended everywhere as it was decided; or left to its one participant. */
static bool is_in_doubt(const struct vow_coord_txn_view *view)
{
    static const char *const states[] = {"COMMITTING", "DELEGATED", "DAMAGING", "HEUR", "FORGIVING", "ABANDONED"};
    for (size_t i = 0; i < sizeof(states) / sizeof(states[0]); i++)
        if (strcmp(view->state, states[i]) == 0)
            return true;
    return false;
}

static void add_known(const struct vow_server *server, json_t *held, json_t *out)
{
    char id[VOW_GTRID_TEXT_SIZE];
    uint32_t cursor = 0;
    struct vow_coord_txn_view view;
    while (vow_coord_next(server->core, &cursor, &view)) {
        vow_gtrid_to_text(&view.gtrid, id);
        const json_t *rows = json_object_get(held, id);
        if (rows == NULL && !is_in_doubt(&view))
            continue;
        json_t *txn = txn_object(server, &view);
        join_rows(txn, rows);
        advise_of_hands(txn, rows);
        raise_age(txn, rows);
        json_array_append_new(out, txn);
        json_object_del(held, id);
    }
}

static void add_strays(const struct vow_server *server, json_t *held, json_t *out)
{
    const char *id;
    json_t *rows;
    json_object_foreach(held, id, rows) json_array_append_new(out, stray_object(server, id, rows));
}

static int by_age(const void *a, const void *b)
{
    const json_int_t left = json_integer_value(json_object_get(*(json_t *const *)a, "age_ms"));
    const json_int_t right = json_integer_value(json_object_get(*(json_t *const *)b, "age_ms"));
    return left < right ? 1 : left > right ? -1 : 0;
}

/* The oldest first: what has just begun is there under any load, and ends. */
static json_t **sorted(const json_t *all)
{
    const size_t len = json_array_size(all);
    json_t **list = calloc(len + 1, sizeof(json_t *));
    for (size_t i = 0; list != NULL && i < len; i++)
        list[i] = json_array_get(all, i);
    if (list != NULL)
        qsort(list, len, sizeof(json_t *), by_age);
    return list;
}

/* What its participants say of the branches is most of it; without that it still says what it is and what to do. */
static void send_txn(struct answer *answer, json_t *txn)
{
    size_t index;
    json_t *branch;
    if (answer_row(answer, row_finish(json_incref(txn))) != VOW_E_TOO_LARGE)
        return;
    answer->left_out--;
    json_array_foreach(json_object_get(txn, "branches"), index, branch) json_object_del(branch, "held");
    json_object_set_new(txn, "cut", json_true());
    (void)answer_row(answer, row_finish(json_incref(txn)));
}

static void send_list(struct vow_server *server, struct session *session, const struct gather *gather, json_t *all,
                      json_t *silent)
{
    const uint32_t limit = gather->limit > 0 ? gather->limit : ROWS_DEFAULT;
    struct answer answer = {.server = server, .session = session, .tag = gather->tag};
    json_t **list = sorted(all);
    const size_t len = list != NULL ? json_array_size(all) : 0;
    for (size_t i = 0; i < len && i < limit; i++)
        send_txn(&answer, list[i]);
    json_t *end = json_object();
    if (json_array_size(silent) > 0)
        json_object_set(end, "silent", silent);
    answer.left_out += len > limit ? len - limit : 0;
    if (answer.left_out > 0)
        json_object_set_new(end, "left_out", json_u64(answer.left_out));
    const bool says_more = json_object_size(end) > 0;
    char *text = row_finish(end);
    admin_reply(server, session, gather->tag, list != NULL ? 0 : VOW_E_NO_MEMORY, says_more ? text : "", true);
    free(text);
    free(list);
}

static void list_done(struct vow_server *server, struct gather *gather)
{
    struct session *session = session_find(server, gather->asker);
    if (session != NULL) {
        json_t *held = by_id(gather), *all = json_array(), *silent = silent_ones(server, gather);
        add_known(server, held, all);
        add_strays(server, held, all);
        send_list(server, session, gather, all, silent);
        json_decref(held);
        json_decref(all);
        json_decref(silent);
    }
    gather_free(server, gather);
}

/* ---- show ---- */

static void reply_txn(struct vow_server *server, struct session *session, uint64_t tag, json_t *txn)
{
    struct answer answer = {.server = server, .session = session, .tag = tag};
    if (txn != NULL)
        send_txn(&answer, txn);
    answer_end(&answer, txn == NULL ? VOW_E_NO_MEMORY : answer.left_out > 0 ? VOW_E_TOO_LARGE : 0);
}

static void show_known(struct vow_server *server, struct gather *gather, const struct vow_coord_txn_view *view)
{
    struct session *session = session_find(server, gather->asker);
    json_t *txn = session != NULL ? txn_object(server, view) : NULL;
    if (txn != NULL) {
        join_rows(txn, gather->rows);
        advise_of_hands(txn, gather->rows);
        raise_age(txn, gather->rows);
    }
    if (session != NULL)
        reply_txn(server, session, gather->tag, txn);
    json_decref(txn);
    gather_free(server, gather);
}

static void show_done(struct vow_server *server, struct gather *gather)
{
    struct vow_coord_txn_view view;
    if (vow_coord_find(server->core, &gather->gtrid, &view))
        show_known(server, gather, &view);
    else
        admin_ask_history(server, gather->asker, gather->tag, &gather->gtrid, gather);
}

/* It has ended, or never was: the journal's word, and beside it what a participant may still hold. */
void show_history(struct vow_server *server, struct gather *gather, const struct vow_journal_op *op)
{
    struct session *session = session_find(server, gather->asker);
    char id[VOW_GTRID_TEXT_SIZE];
    vow_gtrid_to_text(&gather->gtrid, id);
    const bool is_held = json_array_size(gather->rows) > 0;
    json_t *row = is_held ? stray_object(server, id, gather->rows) : NULL;
    if (op->events_len > 0) {
        json_t *ended = ended_object(&gather->gtrid, op->events, op->events_len);
        if (row != NULL)
            json_object_update_missing(ended, row);
        json_decref(row);
        row = ended;
    }
    if (session != NULL && row != NULL)
        reply_txn(server, session, gather->tag, row);
    else if (session != NULL)
        admin_reply(server, session, gather->tag, VOW_E_NOT_FOUND, "", true);
    json_decref(row);
    gather_free(server, gather);
}

/* ---- the questions ---- */

static void begin(struct vow_server *server, struct session *session, const struct vow_msg_admin_request *request,
                  gather_done_fn *done)
{
    const int error = gather_begin(server, session, request, done);
    if (error != 0)
        admin_reply(server, session, request->tag, error, "", true);
}

void in_doubt_list(struct vow_server *server, struct session *session, const struct vow_msg_admin_request *request)
{
    begin(server, session, request, list_done);
}

void in_doubt_show(struct vow_server *server, struct session *session, const struct vow_msg_admin_request *request)
{
    begin(server, session, request, show_done);
}
