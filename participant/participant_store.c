#include "participant/participant_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "participant/calls.h"
#include "participant/store/sqlite.h"
#include "proto/net/log.h"

/* Exit status of a process that cannot go on: EX_SOFTWARE. */
#define EXIT_CANNOT_GO_ON 70

/*
 * A participant that does not know what is on its disk can neither vote nor acknowledge, and one that cannot hold what
 * it was asked to do cannot either: only a restart, which reads the disk, can go on (guarantee 4). No exit handlers:
 * they are the service's, and would run beside its threads.
 */
static _Noreturn void stop_process(const struct vow_participant *participant, int error, const char *why)
{
    VOW_LOG(VOW_LOG_ERROR, "participant_stops", VOW_STR("name", participant->name),
            VOW_STR("error", vow_error_name(error)), VOW_STR("why", why),
            VOW_STR("then", "start the service again; it recovers from its file"));
    _exit(EXIT_CANNOT_GO_ON);
}

/* --- The network's side --- */

/* Nobody waits for these, so they ride with the next batch (protocol 1.1, unforced records). */
static bool is_lazy(enum vow_store_op_kind kind)
{
    return kind == VOW_STORE_FORGET || kind == VOW_STORE_WATERMARK;
}

static bool is_heuristic(enum vow_store_op_kind kind)
{
    return kind == VOW_STORE_HEURISTIC_COMMIT || kind == VOW_STORE_HEURISTIC_ABORT;
}

/* Behind the operation, like a PREPARE's calls. */
static void copy_texts(struct vow_store_op *op, const struct vow_branches_effect *effect)
{
    char *texts = (char *)(op + 1);

    (void)snprintf(texts, VOW_TEXT_SIZE, "%s", effect->store.who);
    (void)snprintf(texts + VOW_TEXT_SIZE, VOW_TEXT_SIZE, "%s", effect->store.why);
    op->who = texts;
    op->why = texts + VOW_TEXT_SIZE;
}

static size_t size_of(const struct vow_branches_effect *effect)
{
    const size_t more = is_heuristic(effect->store.op) ? (size_t)2 * VOW_TEXT_SIZE
                                                       : vow_calls_size(effect->store.calls, effect->store.calls_len);

    return sizeof(struct vow_store_op) + more;
}

/* Whom to ask, if the branch should come to be in doubt: known from its PREPARE on, and until its decision. */
static void follow_peers(struct vow_participant *participant, struct vow_store_op *op,
                         const struct vow_branches_effect *effect)
{
    if (op->kind == VOW_STORE_PREPARE)
        op->peers = peer_list_write(effect->store.peers, effect->store.peers_len, participant->name);
    else if (op->kind == VOW_STORE_COMMIT || op->kind == VOW_STORE_ABORT)
        vow_participant_drop_peers(participant, &op->gtrid);
}

void vow_participant_store_add(struct vow_participant *participant, const struct vow_branches_effect *effect)
{
    struct vow_store_turn *turn = &participant->turn;
    struct vow_store_op *op = malloc(size_of(effect));

    if (op == NULL)
        stop_process(participant, VOW_E_NO_MEMORY, "no memory for an operation of the store");
    *op = (struct vow_store_op){
        .kind = effect->store.op,
        .gtrid = effect->store.gtrid,
        .branch = effect->store.branch,
        .epoch = effect->store.epoch,
        .watermark = effect->store.watermark,
        .coord = effect->store.coord,
        .verdict = effect->store.verdict,
        .calls_len = effect->store.calls_len,
        .session = effect->store.session,
        .attempt = effect->store.attempt,
    };
    if (is_heuristic(op->kind))
        copy_texts(op, effect);
    else
        op->calls = vow_calls_copy(op + 1, effect->store.calls, effect->store.calls_len);
    follow_peers(participant, op, effect);
    if (op->kind == VOW_STORE_WORK) {
        op->work = vow_participant_work;
        op->work_ctx = vow_participant_find_join(participant, &op->gtrid);
    }
    *turn->end = &op->job;
    turn->end = &op->job.next;
    turn->urgent = turn->urgent || !is_lazy(op->kind);
}

void vow_participant_store_put(struct vow_participant *participant, struct vow_store_op *op)
{
    *participant->turn.end = &op->job;
    participant->turn.end = &op->job.next;
    participant->turn.urgent = true;
}

void vow_participant_store_submit(struct vow_participant *participant)
{
    struct vow_store_turn *turn = &participant->turn;

    if (turn->first != NULL)
        vow_worker_submit(participant->worker, turn->first, turn->urgent);
    *turn = (struct vow_store_turn){.end = &turn->first};
}

/* Prepared, the branch may come to ask; ended by an operator it does not any more. */
static void settle_peers(struct vow_participant *participant, struct vow_store_op *op)
{
    if (op->kind == VOW_STORE_PREPARE && op->result == VOW_STORE_DONE) {
        vow_participant_keep_peers(participant, &op->gtrid, op->peers);
        return;
    }
    if (is_heuristic(op->kind) && op->result == VOW_STORE_DONE)
        vow_participant_drop_peers(participant, &op->gtrid);
    free(op->peers);
}

void vow_participant_store_take_back(void *ctx, struct vow_job *first)
{
    struct vow_participant *participant = ctx;

    while (first != NULL) {
        struct vow_store_op *op = (struct vow_store_op *)first;

        first = first->next;
        if (op->kind == VOW_STORE_DESCRIBE) {
            vow_participant_described(participant, op);
            continue;
        }
        if (op->kind == VOW_STORE_STEP) {
            vow_participant_step_done(participant, op);
            continue;
        }
        if (op->kind == VOW_STORE_EVENT) {
            vow_participant_event_done(participant, op);
            continue;
        }
        if (op->kind == VOW_STORE_OUTBOX_READ || op->kind == VOW_STORE_OUTBOX_DONE) {
            vow_relay_store_done(participant, op);
            continue;
        }
        settle_peers(participant, op);
        if (!participant->closing)
            vow_participant_store_done(participant, op);
        free(op);
    }
    if (!participant->closing)
        vow_participant_turn_end(participant);
}

void vow_participant_store_give_up(struct vow_participant *participant)
{
    if (participant->store_ops->give_back != NULL)
        vow_participant_store_take_back(participant, participant->store_ops->give_back(participant->store));
}

/* --- The store's thread --- */

struct vow_job *vow_participant_store_run(void *ctx, struct vow_job *first)
{
    struct vow_participant *participant = ctx;
    struct vow_error_detail detail = {.error = 0};
    struct vow_store_stats stats;
    int error;

    if (!atomic_load(&participant->store_is_known)) {
        participant->store_thread = pthread_self();
        atomic_store(&participant->store_is_known, true);
    }
    error = participant->store_ops->run(participant->store, &first, &detail);
    if (error != 0)
        stop_process(participant, error, detail.text);
    participant->store_ops->stats(participant->store, &stats);
    vow_participant_flush_trace(participant, &stats);
    (void)pthread_mutex_lock(&participant->lock);
    participant->stats.store_commits = stats.commits;
    participant->stats.outbox_len = stats.outbox_len;
    (void)pthread_mutex_unlock(&participant->lock);
    return first;
}

struct vow_handler *vow_handler_find(const struct vow_participant *participant, const char *name, size_t *at)
{
    size_t low = 0, high = participant->handlers_len;
    struct vow_handler *found = NULL;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = strcmp(participant->handlers[middle].name, name);

        if (order == 0)
            found = &participant->handlers[middle];
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    if (at != NULL)
        *at = low;
    return found;
}

int vow_participant_judge(const struct vow_branch *branch, int result, enum vow_cause *cause, char text[VOW_TEXT_SIZE])
{
    if (branch->refused) {
        *cause = VOW_CAUSE_HANDLER_REFUSED;
        memcpy(text, branch->text, VOW_TEXT_SIZE);
        return VOW_E_REFUSED;
    }
    if (result != 0)
        *cause = VOW_CAUSE_HANDLER_FAILED;
    return result;
}

static int run_handler(struct vow_branch *branch, const char *name, struct sqlite3 *db, const struct vow_slice *payload,
                       enum vow_cause *cause, char text[VOW_TEXT_SIZE])
{
    const struct vow_participant *participant = branch->participant;
    const struct vow_handler *handler = vow_handler_find(participant, name, NULL);
    int result;

    if (handler == NULL) {
        *cause = VOW_CAUSE_NO_SUCH_HANDLER;
        (void)snprintf(text, VOW_TEXT_SIZE, "%s has no handler %s", participant->name, name);
        return VOW_E_NOT_FOUND;
    }
    result = handler->run(branch, db, payload->data, payload->len, handler->ctx);
    return vow_participant_judge(branch, result, cause, text);
}

int vow_participant_call(void *ctx, const struct vow_gtrid *gtrid, struct sqlite3 *db, const struct vow_msg_call *call,
                         enum vow_cause *cause, char text[VOW_TEXT_SIZE])
{
    struct vow_branch branch = {.participant = ctx, .gtrid = gtrid};

    return run_handler(&branch, call->handler, db, &call->payload, cause, text);
}

int vow_participant_do_step(void *ctx, const struct vow_gtrid *gtrid, struct sqlite3 *db, struct vow_store_step *step,
                            enum vow_cause *cause, char text[VOW_TEXT_SIZE])
{
    struct vow_branch branch = {.participant = ctx, .gtrid = gtrid, .step = step};

    return run_handler(&branch, step->handler, db, &step->payload, cause, text);
}

int vow_participant_work(void *ctx, const struct vow_gtrid *gtrid, struct sqlite3 *db, enum vow_cause *cause,
                         char text[VOW_TEXT_SIZE])
{
    const struct vow_join *join = ctx;
    struct vow_branch branch = {.participant = join->participant, .gtrid = gtrid};

    return vow_participant_judge(&branch, join->work(&branch, db, join->ctx), cause, text);
}

/* --- In a handler --- */

int vow_branch_refuse(struct vow_branch *branch, const char *why)
{
    branch->refused = true;
    vow_text_copy(branch->text, why != NULL ? why : "");
    return VOW_E_REFUSED;
}

const struct vow_gtrid *vow_branch_id(const struct vow_branch *branch)
{
    return branch->gtrid;
}

_Static_assert(VOW_BRANCH_ANSWER_MAX == VOW_STEP_ANSWER_MAX, "an answer travels in a STEP_DONE");

int vow_branch_answer(struct vow_branch *branch, const void *data, size_t len)
{
    if (branch == NULL || (data == NULL && len > 0))
        return VOW_E_ARGUMENT;
    if (len > VOW_BRANCH_ANSWER_MAX)
        return VOW_E_TOO_LARGE;
    if (branch->step == NULL)
        return 0;
    if (len > 0)
        memcpy(branch->step->answer, data, len);
    branch->step->answer_len = (uint32_t)len;
    return 0;
}

const void *vow_branch_given(const struct vow_branch *branch, size_t *len)
{
    const bool is_given = branch->step != NULL && branch->step->given_len > 0;

    *len = is_given ? branch->step->given_len : 0;
    return is_given ? branch->step->given : NULL;
}
