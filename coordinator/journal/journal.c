#include "coordinator/journal/journal.h"

#include <stdlib.h>
#include <string.h>

#include "coordinator/journal/fail.h"
#include "coordinator/journal/op.h"

/* How long a record that nothing waits for may stay in memory (protocol 1.1). */
#define TICK_MS 100

struct vow_journal {
    const struct vow_journal_engine *ops;
    void *engine;
    struct vow_worker *worker;
    vow_journal_done_fn *done;
    void *ctx;
};

/* On the worker's thread. A tick with nothing to do comes without jobs. */
static struct vow_job *run_batch(void *ctx, struct vow_job *first)
{
    struct vow_journal *journal = ctx;

    if (first != NULL)
        journal->ops->commit(journal->engine, (struct vow_journal_op *)first);
    else if (journal->ops->idle != NULL)
        journal->ops->idle(journal->engine);
    return first;
}

static void batch_done(void *ctx, struct vow_job *first)
{
    struct vow_journal *journal = ctx;

    journal->done(journal->ctx, (struct vow_journal_op *)first);
}

int vow_journal_start(struct event_base *base, const struct vow_journal_engine *ops, void *engine,
                      vow_journal_done_fn *done, void *ctx, struct vow_journal **out, struct vow_error_detail *detail)
{
    struct vow_journal *journal = malloc(sizeof(*journal));
    struct vow_worker_options options = {
        .thread_name = "vow-journal", .run = run_batch, .done = batch_done, .ctx = journal, .tick_ms = TICK_MS};
    int error;

    if (journal == NULL) {
        error = journal_fail(detail, VOW_E_NO_MEMORY, "out of memory");
        goto err_close_engine;
    }
    *journal = (struct vow_journal){.ops = ops, .engine = engine, .done = done, .ctx = ctx};
    error = vow_worker_new(base, &options, &journal->worker);
    if (error != 0) {
        (void)journal_fail(detail, error, "the journal's thread cannot be started: %s", vow_error_text(error));
        goto err_free;
    }
    *out = journal;
    return 0;

err_free:
    free(journal);
err_close_engine:
    ops->close(engine);
    return error;
}

/* A read is waited for as much as a forced record; the unforced records before it go along, so that it sees them. */
static bool is_urgent(const struct vow_journal_op *first)
{
    for (; first != NULL; first = journal_op_next(first)) {
        if (!journal_op_is_write(first) || journal_op_is_forced(first))
            return true;
    }
    return false;
}

void vow_journal_submit(struct vow_journal *journal, struct vow_journal_op *first)
{
    if (first != NULL)
        vow_worker_submit(journal->worker, &first->job, is_urgent(first));
}

void vow_journal_stats(const struct vow_journal *journal, struct vow_journal_stats *stats)
{
    memset(stats, 0, sizeof(*stats));
    if (journal->ops->stats != NULL)
        journal->ops->stats(journal->engine, stats);
}

void vow_journal_set_retention(struct vow_journal *journal, const struct vow_journal_retention *retention)
{
    if (journal->ops->retain != NULL)
        journal->ops->retain(journal->engine, retention);
}

void vow_journal_stop(struct vow_journal *journal)
{
    if (journal == NULL)
        return;
    vow_worker_free(journal->worker);
    journal->ops->close(journal->engine);
    free(journal);
}

int vow_journal_say_until(int error, uint64_t cut_lsn, uint64_t last_lsn, struct vow_error_detail *detail)
{
    if (error == VOW_E_EXPIRED) {
        return journal_fail(detail, error,
                            "retention has cut off what ended up to lsn %llu: what was open before that event is not "
                            "known any more",
                            (unsigned long long)cut_lsn);
    }
    if (error == VOW_E_ARGUMENT && last_lsn == 0)
        return journal_fail(detail, error, "the journal has no event");
    if (error == VOW_E_ARGUMENT) {
        return journal_fail(detail, error, "not in the journal: it has the events from lsn %llu to %llu",
                            (unsigned long long)cut_lsn + 1, (unsigned long long)last_lsn);
    }
    return journal_fail(detail, error, "the journal cannot be read: %s", vow_error_text(error));
}

void vow_journal_events_free(struct vow_journal_event *events, uint32_t events_len)
{
    for (uint32_t i = 0; i < events_len; i++) {
        free((void *)events[i].record.branches);
        free((void *)events[i].record.body.data);
    }
    free(events);
}
