/*
 * What happens to work that meets another branch's lock: wait-die, with grace. Work that is older than every holder
 * waits, lock_wait_ms at most; younger work waits for a holder no longer than lock_grace_ms, and is refused then. In a
 * circle of waiters (a distributed deadlock) somebody is younger than the holder that it waits for, and that holder
 * does not end: so a circle lasts for the grace and no longer, and the older one goes on. Without the grace most of the
 * work on a busy row would be refused, for whoever comes later is younger. A one-phase commit, a step of a saga, or
 * what reacts to an event may wait for anybody: it holds nothing anywhere that another could wait for. The age is the
 * order of the transactions' ids.
 *
 * What waits holds nothing here either: it is rolled back, kept in memory, and done again in the batch in which the
 * branch that it waits for ends. It goes on in the order in which it came: the coordinator sends to all participants in
 * one order, so they mostly agree on who is next, and few circles form.
 */
#include <stdio.h>
#include <string.h>

#include "participant/store/sqlite_store.h"
#include "proto/net/clock.h"

static bool is_older(const struct vow_gtrid *one, const struct vow_gtrid *other)
{
    return memcmp(one->bytes, other->bytes, VOW_GTRID_BYTES) < 0;
}

static void refuse(struct vow_store_op *op, enum vow_cause cause, const char *text)
{
    op->result = VOW_STORE_REFUSED;
    op->cause = cause;
    vow_text_copy(op->text, text);
}

/* Because of whom it waits for. */
static void refuse_held(struct store *store, struct vow_store_op *op, const char *how)
{
    blame_add(store, &op->waits_for);
    char id[VOW_GTRID_TEXT_SIZE], text[VOW_TEXT_SIZE];
    vow_gtrid_to_text(&op->waits_for, id);
    (void)snprintf(text, sizeof(text), "%s %s", how, id);
    refuse(op, VOW_CAUSE_LOCK_CONFLICT, text);
}

static void take_met(const struct store *store, struct vow_store_op *op)
{
    op->waits_for = store->met;
    memcpy(op->waits_key, store->met_key, sizeof(op->waits_key));
}

void wait_or_die(struct store *store, struct vow_store_op *op)
{
    if (!store->has_met) {
        refuse(op, VOW_CAUSE_LOCK_CONFLICT, "a row is held by another transaction");
        return;
    }
    /* What has ended the batch's transaction would end it again each time that the batch begins anew. */
    if (store->options.fail_fast || !store_in_transaction(store)) {
        take_met(store, op);
        refuse_held(store, op, "a row is held by transaction");
        return;
    }
    bool may_wait = op->kind == VOW_STORE_ONE_PHASE || op->kind == VOW_STORE_STEP || op->kind == VOW_STORE_EVENT ||
                    is_older(&op->gtrid, &store->met);
    uint64_t now_ms = vow_clock_ms(), grace_ms = now_ms + store->options.lock_grace_ms;
    op->waits = true;
    op->is_wait_told = op->is_wait_told && vow_gtrid_equal(&op->waits_for, &store->met);
    take_met(store, op);
    if (op->waits_until_ms == 0)
        op->waits_until_ms = now_ms + store->options.lock_wait_ms;
    op->dies_ms = may_wait || grace_ms > op->waits_until_ms ? op->waits_until_ms : grace_ms;
}

/* ---- what ends the waiting ---- */

typedef bool wanted_fn(const struct vow_store_op *op, const void *with);

/* Takes what is wanted out of a list, in order. */
static struct vow_job *take(struct vow_job **list, wanted_fn *is_wanted, const void *with)
{
    struct vow_job *taken = NULL, **end = &taken;
    while (*list != NULL) {
        struct vow_job *job = *list;
        if (!is_wanted((struct vow_store_op *)job, with)) {
            list = &job->next;
            continue;
        }
        *list = job->next;
        job->next = NULL;
        *end = job;
        end = &job->next;
    }
    return taken;
}

static bool is_over(const struct vow_store_op *op, const void *now_ms)
{
    return op->dies_ms <= *(const uint64_t *)now_ms;
}

struct vow_job *wait_expired(struct store *store)
{
    if (store->kept == NULL)
        return NULL;
    uint64_t now_ms = vow_clock_ms();
    struct vow_job *expired = take(&store->kept, is_over, &now_ms);
    for (struct vow_job *job = expired; job != NULL; job = job->next) {
        struct vow_store_op *op = (struct vow_store_op *)job;
        refuse_held(store, op, "waited too long for a row that is held by transaction");
    }
    return expired;
}

static bool is_cancelled(const struct vow_store_op *op, const void *with)
{
    const struct vow_store_op *cancel = with;
    return (op->kind == VOW_STORE_PREPARE || op->kind == VOW_STORE_WORK) && op->branch == cancel->branch &&
           memcmp(op->gtrid.bytes, cancel->gtrid.bytes, VOW_GTRID_BYTES) == 0;
}

struct vow_job *wait_cancelled(struct vow_job **list, const struct vow_store_op *cancel)
{
    struct vow_job *cancelled = take(list, is_cancelled, cancel);
    for (struct vow_job *job = cancelled; job != NULL; job = job->next)
        refuse((struct vow_store_op *)job, VOW_CAUSE_TOO_LATE, "the transaction has ended");
    return cancelled;
}

/* Locks of a prepared branch go with its decision and with nothing else. */
static bool is_decided(const struct vow_store_op *op, const void *decisions)
{
    for (const struct vow_job *job = decisions; job != NULL; job = job->next)
        if (memcmp(op->waits_for.bytes, ((const struct vow_store_op *)job)->gtrid.bytes, VOW_GTRID_BYTES) == 0)
            return true;
    return false;
}

struct vow_job *wait_freed(struct store *store, const struct vow_job *decisions)
{
    return take(&store->kept, is_decided, decisions);
}

static bool is_any(const struct vow_store_op *op, const void *with)
{
    (void)op, (void)with;
    return true;
}

struct vow_job *wait_any(struct store *store)
{
    return take(&store->kept, is_any, NULL);
}

struct vow_job *wait_give_back(void *ctx)
{
    struct store *store = ctx;
    struct vow_job *kept = store->stalled, **end = &kept;
    while (*end != NULL)
        end = &(*end)->next;
    *end = store->kept;
    while (*end != NULL)
        end = &(*end)->next;
    if (store->reader != NULL)
        *end = &store->reader->job;
    store->reader = NULL;
    store->stalled = store->kept = NULL;
    return kept;
}
