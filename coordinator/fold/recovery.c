#include "coordinator/fold/recovery.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/codec.h"

/* As channels have it: what a message takes, decoded. */
#define ARENA_BYTES_PER_BYTE 4u
#define ARENA_BYTES_LEAST 65536u

struct recovery_name {
    char name[VOW_NAME_SIZE];
    UT_hash_handle hh;
};

static int damaged(struct vow_recovery *recovery, const struct vow_journal_event *event, const char *what)
{
    struct vow_error_detail *detail = recovery->detail;

    detail->error = VOW_E_DAMAGED;
    (void)snprintf(detail->text, sizeof(detail->text), "lsn %llu: %s: %s; restore the journal",
                   (unsigned long long)event->lsn, vow_record_name(event->record.kind), what);
    return VOW_E_DAMAGED;
}

static int no_memory(struct vow_recovery *recovery)
{
    struct vow_error_detail *detail = recovery->detail;

    detail->error = VOW_E_NO_MEMORY;
    (void)snprintf(detail->text, sizeof(detail->text), "no memory for what the journal has left open");
    return VOW_E_NO_MEMORY;
}

static uint64_t age_ms(const struct vow_recovery *recovery, const struct vow_journal_event *event)
{
    return recovery->wall_us > event->wall_us ? (recovery->wall_us - event->wall_us) / 1000 : 0;
}

/* ---- transactions ---- */

static int count_name(struct vow_recovery *recovery, const char *name)
{
    struct recovery_name *known = NULL;

    HASH_FIND_STR(recovery->names, name, known);
    if (known != NULL)
        return 0;
    known = calloc(1, sizeof(*known));
    if (known == NULL)
        return no_memory(recovery);
    memcpy(known->name, name, strlen(name) + 1);
    HASH_ADD_STR(recovery->names, name, known);
    recovery->room.participants++;
    return 0;
}

static int count_txn(struct vow_recovery *recovery, const struct vow_journal_event *event)
{
    const struct vow_record *record = &event->record;
    /* What contradicts an abort is a transaction of its own: the abort has no record. */
    bool is_own = record->kind == VOW_RECORD_HEURISTIC && record->branches_len > 0;
    int error = 0;

    if (record->kind == VOW_RECORD_COMMIT && record->branches_len == 0)
        return damaged(recovery, event, "it has no yes-list");
    recovery->room.txns += record->kind == VOW_RECORD_COMMIT || is_own;
    recovery->room.branches += record->branches_len;
    for (uint32_t i = 0; error == 0 && i < record->branches_len; i++)
        error = count_name(recovery, record->branches[i].name);
    return error;
}

/* An age that begins anew with each start hides how long somebody has been waiting. */
static int feed_txn(struct vow_recovery *recovery, const struct vow_journal_event *event)
{
    const struct vow_coord_event recovered = {.kind = VOW_COORD_RECOVERED,
                                              .now_ms = recovery->now_ms,
                                              .record = &event->record,
                                              .age_ms = age_ms(recovery, event)};

    recovery->txn(recovery->ctx, &recovered);
    return 0;
}

/* ---- sagas ---- */

static bool fit_arena(struct vow_recovery *recovery, size_t len)
{
    size_t size = len * ARENA_BYTES_PER_BYTE + ARENA_BYTES_LEAST;

    if (recovery->arena != NULL && size <= recovery->arena_size)
        return true;
    vow_arena_free(recovery->arena);
    recovery->arena = vow_arena_new(size);
    recovery->arena_size = size;
    return recovery->arena != NULL;
}

/* The order of a SAGA_BEGIN. *msg lives until the next one is read. */
static int read_order(struct vow_recovery *recovery, const struct vow_journal_event *event, struct vow_msg *msg)
{
    const struct vow_record *record = &event->record;
    const char *why = "";
    uint32_t step;
    int error;

    if (!fit_arena(recovery, record->body.len))
        return no_memory(recovery);
    error = vow_msg_decode(recovery->arena, record->body.data, record->body.len, msg, &why);
    if (error == VOW_E_NO_MEMORY)
        return no_memory(recovery);
    if (error != 0)
        return damaged(recovery, event, why);
    if (msg->kind != VOW_MSG_SAGA_REQUEST || !vow_gtrid_equal(&msg->saga_request.gtrid, &record->gtrid))
        return damaged(recovery, event, "its body is no order of this saga");
    why = vow_saga_fault(&msg->saga_request, &step);
    return why != NULL ? damaged(recovery, event, why) : 0;
}

static int count_saga(struct vow_recovery *recovery, const struct vow_journal_event *event)
{
    struct vow_msg msg;
    int error;

    if (event->record.kind != VOW_RECORD_SAGA_BEGIN)
        return 0;
    error = read_order(recovery, event, &msg);
    if (error != 0)
        return error;
    recovery->room.sagas++;
    recovery->room.steps += msg.saga_request.steps_len;
    return 0;
}

static int begin_saga(struct vow_recovery *recovery, const struct vow_journal_event *event,
                      struct vow_sagas_event *recovered, struct vow_msg *msg)
{
    int error = read_order(recovery, event, msg);

    if (error != 0)
        return error;
    if (saga_book_find(recovery->book, &event->record.gtrid) != NULL)
        return damaged(recovery, event, "this saga has begun before");
    recovered->recovered.msg = &msg->saga_request;
    return saga_book_add(recovery->book, &msg->saga_request, 0) != NULL ? 0 : no_memory(recovery);
}

/* What an action cannot have come to, nor a compensation. */
static bool is_possible(const struct vow_record_step *step)
{
    if (step->fate == VOW_FATE_NONE || step->fate == VOW_FATE_STUCK)
        return true;
    return (step->direction == VOW_STEP_COMPENSATION) == (step->fate == VOW_FATE_UNDONE);
}

static int take_step(struct vow_recovery *recovery, const struct vow_journal_event *event)
{
    const struct vow_record *record = &event->record;
    const struct saga_order *order = saga_book_find(recovery->book, &record->gtrid);

    if (order == NULL)
        return damaged(recovery, event, "this saga has not begun");
    if (record->kind == VOW_RECORD_SAGA_TURN && record->detail >= order->stages_len)
        return damaged(recovery, event, "this saga has no such stage");
    if (record->kind != VOW_RECORD_SAGA_STEP)
        return 0;
    if (!is_possible(&record->step))
        return damaged(recovery, event, "no step can have come to that in this direction");
    if (record->step.number >= order->steps_len)
        return damaged(recovery, event, "this saga has no such step");
    if (record->step.fate == VOW_FATE_DONE &&
        !saga_book_answer(recovery->book, &record->gtrid, record->step.number, record->body))
        return no_memory(recovery);
    return 0;
}

static int feed_saga(struct vow_recovery *recovery, const struct vow_journal_event *event)
{
    struct vow_sagas_event recovered = {.kind = VOW_SAGAS_RECOVERED, .now_ms = recovery->now_ms};
    struct vow_msg msg;
    int error = 0;

    if (event->record.kind == VOW_RECORD_SAGA_BEGIN)
        error = begin_saga(recovery, event, &recovered, &msg);
    else if (event->record.kind != VOW_RECORD_SAGA_KEY) /* its saga may have ended */
        error = take_step(recovery, event);
    if (error != 0)
        return error;
    recovered.recovered.record = &event->record;
    recovered.recovered.age_ms = age_ms(recovery, event);
    recovery->saga(recovery->ctx, &recovered);
    return 0;
}

/* ---- both ---- */

/* What is done with an open record, by what it is about. */
static const struct {
    int (*count)(struct vow_recovery *recovery, const struct vow_journal_event *event);
    int (*feed)(struct vow_recovery *recovery, const struct vow_journal_event *event);
} subjects[] = {
    [VOW_SUBJECT_TXN] = {count_txn, feed_txn},
    [VOW_SUBJECT_SAGA] = {count_saga, feed_saga},
};

static const struct vow_record_rule *rule_of_open(uint32_t kind)
{
    const struct vow_record_rule *rule = vow_record_rule(kind);
    bool is_open = rule != NULL && (rule->role == VOW_ROLE_OPENS || rule->role == VOW_ROLE_NAMES);

    return is_open && rule->subject < sizeof(subjects) / sizeof(subjects[0]) && subjects[rule->subject].feed != NULL
               ? rule
               : NULL;
}

int vow_recovery_count(void *ctx, const struct vow_journal_event *event)
{
    const struct vow_record_rule *rule = rule_of_open(event->record.kind);

    return rule != NULL ? subjects[rule->subject].count(ctx, event) : damaged(ctx, event, "it opens nothing");
}

int vow_recovery_feed(void *ctx, const struct vow_journal_event *event)
{
    const struct vow_record_rule *rule = rule_of_open(event->record.kind);

    return rule != NULL ? subjects[rule->subject].feed(ctx, event) : damaged(ctx, event, "it opens nothing");
}

void vow_recovery_deinit(struct vow_recovery *recovery)
{
    struct recovery_name *name, *next;

    HASH_ITER(hh, recovery->names, name, next)
    {
        HASH_DEL(recovery->names, name); /* NOLINT(clang-analyzer-unix.Malloc): it does not see that uthash unlinks */
        free(name);
    }
    vow_arena_free(recovery->arena);
    recovery->arena = NULL;
}
