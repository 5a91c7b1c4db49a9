/* A run: operations become items, items ask, answers move them on. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "participant/store/resource_store.h"
#include "proto/assert.h"
#include "proto/net/clock.h"
#include "proto/net/crash.h"
#include "proto/net/log.h"

#define AGAIN_MS 100u
#define AGAIN_MS_MAX 10000u
/* An answer that takes longer is logged, once: whoever looks for what a transaction waits for finds it. */
#define LATE_MS 10000u

/* ---- the end of an operation ---- */

void store_end_op(struct resource_store *store, struct vow_store_op *op, enum vow_store_result result)
{
    op->result = result;
    store->stats.ops++;
    store->moved = true;
    jobs_add(&store->done, &op->job);
}

void store_refuse_op(struct resource_store *store, struct vow_store_op *op, enum vow_cause cause, const char *why)
{
    op->cause = cause;
    vow_text_copy(op->text, why);
    store_end_op(store, op, VOW_STORE_REFUSED);
}

/* Nothing is left of the branch. */
static void end_item(struct resource_store *store, struct item *item, enum vow_store_result result)
{
    if (item->op != NULL)
        store_end_op(store, item->op, result);
    item_remove(store, item);
    free(item);
}

/* ---- answers ---- */

static void pause_item(struct resource_store *store, struct item *item, const struct answer *answer)
{
    uint32_t delay_ms = AGAIN_MS_MAX;
    if (item->tries < 7)
        delay_ms = AGAIN_MS << item->tries;
    item->tries++;
    item->state = ITEM_PAUSED;
    item->due_ms = vow_clock_ms() + delay_ms;
    store->moved = true;
    VOW_LOG(VOW_LOG_WARN, "resource_asked_again", VOW_STR("branch", item->word), VOW_STR("call", ask_name(item->ask)),
            VOW_NUM("tries", item->tries), VOW_NUM("next_ms", delay_ms), VOW_STR("why", answer->why));
}

static void prepared(struct resource_store *store, struct item *item)
{
    store->stats.prepares++;
    store->stats.commits++;
    store->moved = true;
    if (item->is_one_phase) {
        item->state = ITEM_DECIDING;
        return;
    }
    VOW_CRASH("store", "after", "PREPARE");
    if (item->op != NULL)
        resource_keep_peers(store, item->op);
    end_item(store, item, VOW_STORE_DONE);
}

static void refused(struct resource_store *store, struct item *item, const struct answer *answer)
{
    item->op->cause = answer->cause != VOW_CAUSE_NONE ? answer->cause : VOW_CAUSE_HANDLER_REFUSED;
    memcpy(item->op->text, answer->why, sizeof(item->op->text));
    end_item(store, item, VOW_STORE_REFUSED);
}

/* Its own record is what the acknowledgement rests on, until the mark is durable. */
static void committed(struct resource_store *store, struct item *item)
{
    VOW_CRASH("store", "after", item->is_one_phase ? "ONE_PHASE" : "COMMIT");
    store->stats.applies++;
    store->stats.commits++;
    if (item->op != NULL)
        store_end_op(store, item->op, VOW_STORE_DONE);
    resource_drop_peers(store, item);
    item_mark(store, item, item->is_one_phase ? STATE_ROW_MEMO : STATE_ROW_COMMITTED, vow_clock_ms());
}

static void aborted(struct resource_store *store, struct item *item)
{
    VOW_CRASH("store", "after", "ABORT");
    resource_drop_peers(store, item);
    if (item->op != NULL && item->is_undone) {
        item->op->cause = VOW_CAUSE_NO_SPACE;
        vow_text_copy(item->op->text, "the decision could not be written down");
        end_item(store, item, VOW_STORE_REFUSED);
        return;
    }
    end_item(store, item, VOW_STORE_DONE);
}

/* A heuristic's record came first; it must not outlive the branch that is not there. */
static void end_unknown(struct resource_store *store, struct item *item)
{
    struct vow_error_detail detail;
    const bool is_heuristic = item->op != NULL && item->op->kind == VOW_STORE_HEURISTIC_COMMIT;
    if (is_heuristic && state_heuristic_remove(store->file, &item->gtrid, item->branch, &detail) != 0)
        store_break(store, detail.error, "%s", detail.text);
    else
        end_item(store, item, VOW_STORE_NO_RECORD);
}

/* Of a branch that was prepared and decided in one phase nobody else knows: an answer "no record" would undo it. */
static void unknown(struct resource_store *store, struct item *item)
{
    if (item->is_one_phase)
        store_break(store, VOW_E_DAMAGED, "the resource has lost branch %s, which is committed: restore its data",
                    item->word);
    else
        end_unknown(store, item);
}

static void advance(struct resource_store *store, struct item *item, const struct answer *answer)
{
    if (!answer_is_allowed(item->ask, answer->said, answer->cause)) {
        store_break(store, VOW_E_ARGUMENT, "%s of branch %s was answered with %d (cause %d), which is no answer to it",
                    ask_name(item->ask), item->word, (int)answer->said, (int)answer->cause);
        return;
    }
    switch (answer->said) {
    case VOW_SAID_YES:
        prepared(store, item);
        return;
    case VOW_SAID_NO:
        refused(store, item, answer);
        return;
    case VOW_SAID_READ_ONLY:
        end_item(store, item, VOW_STORE_READ_ONLY);
        return;
    case VOW_SAID_DONE:
        if (item->ask == ASK_COMMIT)
            committed(store, item);
        else
            aborted(store, item);
        return;
    case VOW_SAID_UNKNOWN:
        unknown(store, item);
        return;
    case VOW_SAID_TRY_AGAIN:
        pause_item(store, item, answer);
        return;
    case VOW_SAID_BROKEN:
        store_break(store, VOW_E_IO, "%s of branch %s: the resource says that it is broken: %s", ask_name(item->ask),
                    item->word, answer->why);
        return;
    case VOW_SAID_LATER:
        break;
    }
    VOW_UNREACHABLE("not an answer");
}

/* ---- asking ---- */

static uint32_t *out_of(struct resource_store *store, enum ask ask)
{
    return ask == ASK_PREPARE ? &store->works_out : &store->decisions_out;
}

/* A prepare may wait in the resource for the end of another branch, so prepares leave room for decisions. */
static bool has_room(struct resource_store *store, enum ask ask)
{
    return *out_of(store, ask) < store->resource.answers_max;
}

static enum vow_said call_prepare(struct resource_store *store, struct item *item, struct vow_answer answer)
{
    const struct vow_store_op *op = item->op;
    struct vow_work work[VOW_CALLS_MAX];
    VOW_ASSERT(op->calls_len <= VOW_CALLS_MAX);
    for (uint32_t i = 0; i < op->calls_len; i++)
        work[i] = (struct vow_work){op->calls[i].handler, op->calls[i].payload.data, op->calls[i].payload.len};
    return store->resource.prepare(store->resource.ctx, item->word, work, op->calls_len, answer);
}

static enum vow_said call(struct resource_store *store, struct item *item, struct vow_answer answer)
{
    switch (item->ask) {
    case ASK_PREPARE:
        VOW_CRASH("store", "before", item->is_one_phase ? "ONE_PHASE" : "PREPARE");
        return call_prepare(store, item, answer);
    case ASK_COMMIT:
        if (!item->is_one_phase)
            VOW_CRASH("store", "before", "COMMIT");
        return store->resource.commit(store->resource.ctx, item->word, answer);
    case ASK_ABORT:
        VOW_CRASH("store", "before", "ABORT");
        return store->resource.abort(store->resource.ctx, item->word, answer);
    }
    VOW_UNREACHABLE("no such call");
}

static void ask_resource(struct resource_store *store, struct item *item, uint64_t now_ms)
{
    struct vow_answer handle;
    const bool has_handle = answers_ask(store->answers, item, item->ask, &handle);
    VOW_ASSERT(has_handle);
    item->state = ITEM_ASKED;
    item->asked_ms = now_ms;
    item->is_late = false;
    ++*out_of(store, item->ask);
    const enum vow_said said = call(store, item, handle);
    if (said == VOW_SAID_LATER) {
        store->moved = true; /* the answer may be there already */
        return;
    }
    --*out_of(store, item->ask);
    if (answers_returned(store->answers, handle))
        advance(store, item, &(struct answer){.said = said});
    else
        store_break(store, VOW_E_STATE, "%s of branch %s was answered twice: by vow_answer() and by returning %d",
                    ask_name(item->ask), item->word, (int)said);
}

/* One operation of a branch at a time (F050): what was found at open comes before what is asked for now. */
static bool is_first_of_branch(const struct resource_store *store, const struct item *item)
{
    return item_find(store->active, &item->gtrid, item->branch) == item;
}

static void ask_if_due(struct resource_store *store, struct item *item, uint64_t now_ms)
{
    const bool is_due = item->state == ITEM_QUEUED || (item->state == ITEM_PAUSED && item->due_ms <= now_ms);
    if (is_due && has_room(store, item->ask) && is_first_of_branch(store, item))
        ask_resource(store, item, now_ms);
}

static void look_whether_late(struct item *item, uint64_t now_ms)
{
    if (item->state != ITEM_ASKED || item->is_late || now_ms - item->asked_ms < LATE_MS)
        return;
    item->is_late = true;
    VOW_LOG(VOW_LOG_WARN, "resource_is_slow", VOW_STR("branch", item->word), VOW_STR("call", ask_name(item->ask)),
            VOW_NUM("waited_ms", now_ms - item->asked_ms));
}

static void ask_for_items(struct resource_store *store)
{
    const uint64_t now_ms = vow_clock_ms();
    for (struct item *item = store->active, *next; item != NULL && !store->failed; item = next) {
        next = item->next;
        look_whether_late(item, now_ms);
        ask_if_due(store, item, now_ms);
    }
}

static void take_answers(struct resource_store *store)
{
    struct answer answer;
    while (!store->failed && answers_take(store->answers, &answer)) {
        struct item *item = answer.item;
        --*out_of(store, item->ask);
        advance(store, item, &answer);
    }
}

/* ---- operations ---- */

/* What is known of the branch; false if that cannot be read now. */
static bool look_up(struct resource_store *store, const struct vow_store_op *op, enum state_row *row)
{
    struct vow_error_detail detail;
    const struct item *mark = item_find(store->marks, &op->gtrid, op->branch);
    if (mark != NULL) {
        *row = mark->row;
        return true;
    }
    const int error = state_file_get(store->file, &op->gtrid, op->branch, row, &detail);
    if (error != 0 && error != VOW_E_BUSY)
        store_break(store, error, "%s", detail.text);
    return error == 0;
}

static bool begin_item(struct resource_store *store, struct vow_store_op *op, enum ask ask)
{
    struct item *item = item_new(store, &op->gtrid, op->branch, op->kind == VOW_STORE_ONE_PHASE, ask);
    if (item == NULL)
        return false;
    item->op = op;
    ask_if_due(store, item, vow_clock_ms());
    return true;
}

static bool begin_work(struct resource_store *store, struct vow_store_op *op, enum state_row row)
{
    if (op->kind == VOW_STORE_ONE_PHASE && row != STATE_ROW_NONE)
        store_end_op(store, op, VOW_STORE_DONE);
    else if (row != STATE_ROW_NONE)
        store_refuse_op(store, op, VOW_CAUSE_TOO_LATE, "the transaction has ended");
    else if (!begin_item(store, op, ASK_PREPARE))
        store_refuse_op(store, op, VOW_CAUSE_NO_SPACE, "out of memory");
    return true;
}

/* Only a record of its own makes a commit done: the tombstone, or else the resource's (bugs B20, B21, B24; F051). */
static bool begin_decision(struct resource_store *store, struct vow_store_op *op, enum state_row row)
{
    if (op->kind == VOW_STORE_HEURISTIC_COMMIT || op->kind == VOW_STORE_HEURISTIC_ABORT)
        return heuristic_begin(store, op, row);
    if (op->kind == VOW_STORE_MEMO)
        store_end_op(store, op, row != STATE_ROW_NONE ? VOW_STORE_DONE : VOW_STORE_NO_RECORD);
    else if (row == STATE_ROW_COMMITTED)
        store_end_op(store, op, VOW_STORE_DONE);
    else if (row != STATE_ROW_NONE)
        store_end_op(store, op, op->kind == VOW_STORE_COMMIT ? VOW_STORE_NO_RECORD : VOW_STORE_DONE);
    else
        return begin_item(store, op, op->kind == VOW_STORE_COMMIT ? ASK_COMMIT : ASK_ABORT);
    return true;
}

/* Begins what there is room for, in order. What cannot begin for want of memory stays where it is. */
static void begin_ops(struct resource_store *store, struct jobs *jobs, enum ask ask,
                      bool (*begin)(struct resource_store *, struct vow_store_op *, enum state_row))
{
    enum state_row row;
    while (jobs->first != NULL && !store->failed && has_room(store, ask)) {
        struct vow_store_op *op = (struct vow_store_op *)jobs_take(jobs);
        if (!look_up(store, op, &row) || !begin(store, op, row)) {
            op->job.next = jobs->first;
            if (jobs->first == NULL)
                jobs->end = &op->job.next;
            jobs->first = &op->job;
            return;
        }
    }
}

/* A PREPARE that the resource has not been asked for is refused; of one that it has, the answer is awaited. */
static void cancel(struct resource_store *store, const struct vow_store_op *cancel)
{
    struct jobs kept;
    jobs_init(&kept);
    while (store->works.first != NULL) {
        struct vow_store_op *op = (struct vow_store_op *)jobs_take(&store->works);
        if (op->kind == VOW_STORE_PREPARE && op->branch == cancel->branch &&
            vow_gtrid_equal(&op->gtrid, &cancel->gtrid))
            store_refuse_op(store, op, VOW_CAUSE_TOO_LATE, "the transaction has ended");
        else
            jobs_add(&kept, &op->job);
    }
    while (kept.first != NULL)
        jobs_add(&store->works, jobs_take(&kept));
}

/* Joined work is the service's own; what it has left for prepare is kept under the branch's word. */
static void do_work(struct resource_store *store, struct vow_store_op *op)
{
    enum vow_cause cause = VOW_CAUSE_HANDLER_FAILED;
    char text[VOW_TEXT_SIZE] = "";
    if (op->work(op->work_ctx, &op->gtrid, NULL, &cause, text) == 0)
        store_end_op(store, op, VOW_STORE_DONE);
    else
        store_refuse_op(store, op, cause, text);
}

/* A resource has no transaction of its own that could hold the record of a step beside its effect (F214). */
static void refuse_step(struct resource_store *store, struct vow_store_op *op)
{
    op->step->outcome = VOW_STEP_UNABLE;
    store_refuse_op(store, op, VOW_CAUSE_NO_SUCH_HANDLER, "a resource takes part in transactions, not in sagas");
}

/* Nor is there an outbox, or an inbox. */
static void refuse_event(struct resource_store *store, struct vow_store_op *op)
{
    op->delivery->outcome = VOW_EVENT_UNABLE;
    store_refuse_op(store, op, VOW_CAUSE_NO_SUCH_HANDLER, "a resource takes part in transactions, not in events");
}

static void sort_in(struct resource_store *store, struct vow_job *first)
{
    while (first != NULL) {
        struct vow_store_op *op = (struct vow_store_op *)first;
        first = first->next;
        op->result = 0;
        switch (op->kind) {
        case VOW_STORE_PREPARE:
        case VOW_STORE_ONE_PHASE:
            jobs_add(&store->works, &op->job);
            break;
        case VOW_STORE_COMMIT:
        case VOW_STORE_ABORT:
        case VOW_STORE_HEURISTIC_COMMIT:
        case VOW_STORE_HEURISTIC_ABORT:
        case VOW_STORE_MEMO:
            jobs_add(&store->decisions, &op->job);
            break;
        case VOW_STORE_WORK:
            do_work(store, op);
            break;
        case VOW_STORE_CANCEL:
            cancel(store, op);
            store_end_op(store, op, VOW_STORE_DONE);
            break;
        case VOW_STORE_DESCRIBE:
            resource_describe(store, op);
            store_end_op(store, op, VOW_STORE_DONE);
            break;
        case VOW_STORE_SETTLE:
            jobs_add(&store->settles, &op->job);
            break;
        case VOW_STORE_RECALL:
            resource_recall(store, op);
            store_end_op(store, op, op->result);
            break;
        case VOW_STORE_STEP:
            refuse_step(store, op);
            break;
        case VOW_STORE_EVENT:
            refuse_event(store, op);
            break;
        case VOW_STORE_OUTBOX_READ:
        case VOW_STORE_OUTBOX_DONE:
            store_end_op(store, op, VOW_STORE_DONE);
            break;
        case VOW_STORE_FORGET:
        case VOW_STORE_WATERMARK:
            jobs_add(&store->lazy, &op->job);
            break;
        }
    }
}

int resource_run(void *ctx, struct vow_job **jobs, struct vow_error_detail *detail)
{
    struct resource_store *store = ctx;
    jobs_init(&store->done);
    sort_in(store, *jobs);
    do {
        store->moved = false;
        take_answers(store);
        ask_for_items(store);
        begin_ops(store, &store->decisions, ASK_COMMIT, begin_decision);
        begin_ops(store, &store->works, ASK_PREPARE, begin_work);
        rows_write(store, vow_clock_ms(), false);
    } while (store->moved && !store->failed);
    *jobs = store->done.first;
    if (store->failed)
        *detail = store->trouble;
    return store->failed ? store->trouble.error : 0;
}
