/*
 * What an operator asks of this participant: which branches it holds in doubt, since when, what for, and who waits for
 * them. The core tells the branches, the store what it knows of each; rows of JSON go back to whoever asked: vowd, for
 * `vowctl list --in-doubt`, or vowctl itself on our own listener.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "participant/advice.h"
#include "participant/json.h"
#include "participant/participant_internal.h"
#include "proto/net/clock.h"

/* Of one answer. What is beyond is told by a number. */
#define ROWS_MAX 256u
/* One row with all its lists: far below what a frame may have. */
#define ROW_SIZE 12288u
/* Questions that the store has not answered yet. */
#define QUESTIONS_MAX 8u

/* Of a heuristic: the core's own texts may be gone by then. */
struct hand {
    char who[VOW_TEXT_SIZE], why[VOW_TEXT_SIZE];
};

/* From the question to its last row. */
struct asking {
    uint64_t asker;
    uint64_t tag;
    uint32_t left_out;
    struct vow_branch_view views[ROWS_MAX];
    struct hand hands[ROWS_MAX];
    struct vow_store_told told[ROWS_MAX];
    struct vow_store_op op;
};

/* Returns 0, or why the message is not sent. */
static int reply(struct vow_participant *participant, const struct asking *asking, int error, const char *json,
                 bool last)
{
    struct vow_msg msg = {.kind = VOW_MSG_ADMIN_REPLY};

    msg.admin_reply.error = error;
    msg.admin_reply.json = json;
    msg.admin_reply.last = last;
    msg.admin_reply.tag = asking->tag;
    return vow_participant_tell_bulk(participant, asking->asker, &msg, last);
}

/* --- One row --- */

static uint64_t ago(uint64_t now, uint64_t then)
{
    return now > then ? now - then : 0;
}

/* The vote's own time, which is on disk; else what this process knows (B13: an age that begins with the process). */
static uint64_t age_ms(const struct vow_branch_view *view, const struct vow_store_told *told)
{
    if (told->since_us != 0)
        return ago(vow_clock_wall_us(), told->since_us) / 1000;
    return view->since_ms != 0 ? ago(vow_clock_ms(), view->since_ms) : 0;
}

static const char *answer_name(enum vow_wait answer)
{
    switch (answer) {
    case VOW_WAIT_UNDECIDED:
        return "undecided";
    case VOW_WAIT_RECOVERING:
        return "recovering";
    case VOW_WAIT_NOT_MINE:
        return "not mine";
    case VOW_WAIT_EXPIRED:
        return "expired";
    }
    return "none";
}

static void add_locks(struct vow_json *json, const struct vow_store_told *told, bool is_short)
{
    vow_json_number(json, "locks_len", told->locks_len);
    vow_json_open(json, "locks", '[');
    for (uint32_t i = 0; i < told->locks_len && i < VOW_STORE_TOLD_LOCKS && !is_short; i++) {
        const struct vow_store_lock *lock = &told->locks[i];

        vow_json_open(json, NULL, '{');
        vow_json_text(json, "table", lock->table);
        vow_json_text(json, "index", lock->index);
        vow_json_text(json, "key", lock->key);
        vow_json_bool(json, "shared", lock->is_shared);
        vow_json_close(json, '}');
    }
    vow_json_close(json, ']');
}

static void add_waiters(struct vow_json *json, const struct vow_store_told *told, bool is_short)
{
    vow_json_number(json, "waiters_len", told->waiters_len);
    vow_json_open(json, "waiters", '[');
    for (uint32_t i = 0; i < told->waiters_len && i < VOW_STORE_TOLD_WAITERS && !is_short; i++) {
        vow_json_open(json, NULL, '{');
        vow_json_id(json, "id", &told->waiters[i].gtrid);
        vow_json_number(json, "waited_ms", told->waiters[i].waited_ms);
        vow_json_close(json, '}');
    }
    vow_json_close(json, ']');
    vow_json_number(json, "refused", told->refused);
}

static void add_questions(struct vow_json *json, const struct vow_branch_view *view)
{
    const uint64_t now_ms = vow_clock_ms();

    vow_json_number(json, "asked", view->asked);
    if (view->asked_ms != 0)
        vow_json_number(json, "asked_ms", ago(now_ms, view->asked_ms));
    vow_json_text(json, "answer", answer_name(view->answer));
    if (view->answer != 0)
        vow_json_number(json, "answer_ms", ago(now_ms, view->answer_ms));
    vow_json_text(json, "peers",
                  view->heard_heuristic   ? "ended by hand"
                  : view->is_blocked      ? "do not know"
                  : view->has_asked_peers ? "asked"
                                          : "not asked");
    if (view->next_ms != UINT64_MAX)
        vow_json_number(json, "next_ms", ago(view->next_ms, now_ms));
}

static const char *verdict_name(enum vow_verdict verdict)
{
    return verdict == VOW_COMMIT ? "commit" : verdict == VOW_ABORT ? "abort" : "none";
}

/* What was done by hand, and against what. */
static void add_heuristic(struct vow_json *json, const struct vow_branch_view *view)
{
    if (view->heuristic == 0)
        return;
    vow_json_text(json, "heuristic", verdict_name(view->heuristic));
    vow_json_text(json, "decided", verdict_name(view->decided));
    vow_json_text(json, "who", view->who);
    vow_json_text(json, "why", view->why);
}

static void add_advice(struct vow_json *json, const struct vow_participant *participant,
                       const struct vow_branch_view *view, bool is_stalled)
{
    char id[VOW_GTRID_TEXT_SIZE], text[VOW_ADVICE_SIZE];
    const struct vow_advice_facts facts = {.view = view,
                                           .id = id,
                                           .self = participant->name,
                                           .connected = participant->channel != NULL,
                                           .is_stalled = is_stalled};

    vow_gtrid_to_text(&view->gtrid, id);
    vow_advice_waits_for(&facts, text);
    vow_json_text(json, "waits_for", text);
    vow_advice_safe(&facts, text);
    vow_json_text(json, "safe", text);
}

/* A short one has no lists: how long they are is in it all the same. */
static bool write_row(const struct vow_participant *participant, const struct vow_branch_view *view,
                      const struct vow_store_told *told, bool is_short, char text[ROW_SIZE])
{
    char coordinator[VOW_ADDRESS_SIZE];
    struct vow_json json = vow_json_start(text, ROW_SIZE);

    vow_json_open(&json, NULL, '{');
    vow_json_text(&json, "participant", participant->name);
    vow_json_id(&json, "id", &view->gtrid);
    vow_json_number(&json, "branch", view->branch);
    vow_json_text(&json, "state", view->state);
    vow_json_number(&json, "since_us", told->since_us);
    vow_json_number(&json, "age_ms", age_ms(view, told));
    vow_address_print(&participant->coordinator, coordinator);
    vow_json_text(&json, "coordinator", coordinator);
    vow_json_bool(&json, "connected", participant->channel != NULL);
    add_questions(&json, view);
    add_heuristic(&json, view);
    add_locks(&json, told, is_short);
    add_waiters(&json, told, is_short);
    vow_json_text(&json, "note", told->note);
    add_advice(&json, participant, view, told->is_stalled);
    vow_json_close(&json, '}');
    return !json.is_cut;
}

/* --- The answer --- */

/* The last message says how many are missing. */
static void reply_end(struct vow_participant *participant, const struct asking *asking, int error)
{
    char text[128];
    struct vow_json json = vow_json_start(text, sizeof(text));

    if (asking->left_out == 0) {
        (void)reply(participant, asking, error, "", true);
        return;
    }
    vow_json_open(&json, NULL, '{');
    vow_json_text(&json, "participant", participant->name);
    vow_json_number(&json, "left_out", asking->left_out);
    vow_json_close(&json, '}');
    (void)reply(participant, asking, error, text, true);
}

/* What has ended meanwhile, the store does not find. What was ended by hand is not prepared any more; the null store
 * finds nothing. */
static bool is_there_yet(const struct vow_participant *participant, const struct vow_branch_view *view,
                         const struct vow_store_told *told)
{
    return told->is_found || told->note[0] != '\0' || view->heuristic != 0 || !participant->store_is_sqlite;
}

/* Whole, or without its lists if that is too long for the buffer or for a message. False: not at all. */
static bool reply_row(struct vow_participant *participant, const struct asking *asking, uint32_t i, char *text)
{
    const struct vow_branch_view *view = &asking->views[i];
    const struct vow_store_told *told = &asking->told[i];
    const bool is_whole = write_row(participant, view, told, false, text);
    const int error = is_whole ? reply(participant, asking, 0, text, false) : VOW_E_TOO_LARGE;

    if (error != VOW_E_TOO_LARGE)
        return error == 0;
    return write_row(participant, view, told, true, text) && reply(participant, asking, 0, text, false) == 0;
}

static void answer(struct vow_participant *participant, struct asking *asking, char *text)
{
    for (uint32_t i = 0; i < asking->op.told_len && text != NULL; i++)
        if (is_there_yet(participant, &asking->views[i], &asking->told[i]))
            asking->left_out += !reply_row(participant, asking, i, text);
    reply_end(participant, asking, text != NULL ? 0 : VOW_E_NO_MEMORY);
}

void vow_participant_described(struct vow_participant *participant, struct vow_store_op *op)
{
    struct asking *asking = op->asker;
    char *text = malloc(ROW_SIZE);

    participant->questions--;
    if (!participant->closing)
        answer(participant, asking, text);
    free(text);
    free(asking);
}

/* --- The question --- */

static void add_branch(struct asking *asking, const struct vow_branch_view *view)
{
    struct vow_branch_view *copy = &asking->views[asking->op.told_len];
    struct hand *hand = &asking->hands[asking->op.told_len];

    *copy = *view;
    vow_text_copy(hand->who, view->who);
    vow_text_copy(hand->why, view->why);
    copy->who = hand->who;
    copy->why = hand->why;
    asking->told[asking->op.told_len++] = (struct vow_store_told){.gtrid = view->gtrid, .branch = view->branch};
}

/* One transaction, or all; of all, those with the oldest ids if there are too many. */
static void collect(struct vow_participant *participant, const struct vow_msg_admin_request *request,
                    struct asking *asking)
{
    const uint32_t limit = request->limit > 0 && request->limit < ROWS_MAX ? request->limit : ROWS_MAX;
    const struct vow_store_op *op = &asking->op;
    struct vow_branch_view view;
    uint32_t cursor = 0;

    while (vow_branches_next(participant->core, &cursor, &view)) {
        if (!vow_gtrid_is_none(&request->gtrid) && !vow_gtrid_equal(&request->gtrid, &view.gtrid))
            continue;
        if (op->told_len == limit)
            asking->left_out++;
        else
            add_branch(asking, &view);
    }
}

static void ask_store(struct vow_participant *participant, const struct vow_msg_admin_request *request,
                      struct asking *asking)
{
    asking->op = (struct vow_store_op){.kind = VOW_STORE_DESCRIBE, .told = asking->told, .asker = asking};
    collect(participant, request, asking);
    participant->questions++;
    vow_worker_submit(participant->worker, &asking->op.job, true);
}

void vow_participant_admin(struct vow_participant *participant, uint64_t asker,
                           const struct vow_msg_admin_request *request)
{
    const struct asking nobody = {.asker = asker, .tag = request->tag};
    struct asking *asking;

    if (request->command != VOW_ADMIN_LIST && request->command != VOW_ADMIN_SHOW) {
        (void)reply(participant, &nobody, VOW_E_ARGUMENT, "", true);
        return;
    }
    asking = participant->questions < QUESTIONS_MAX ? calloc(1, sizeof(*asking)) : NULL;
    if (asking == NULL) {
        (void)reply(participant, &nobody, VOW_E_BUSY, "", true);
        return;
    }
    asking->asker = asker;
    asking->tag = request->tag;
    ask_store(participant, request, asking);
}
