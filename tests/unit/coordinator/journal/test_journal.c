/* The front: batches on a thread, in order, with an engine that does as it is told. */
#include <criterion/criterion.h>
#include <event2/event.h>
#include <semaphore.h>
#include <stdlib.h>
#include <string.h>

#include "coordinator/journal/op.h"
#include "kit.h"

/* An engine that waits for leave before each commit, and notes what it got. */
struct gate {
    sem_t entered, leave;
    uint64_t tokens[16];
    int count;
    int batches[16]; /* where each commit began in tokens */
    int commits;
    bool is_closed;
};

static void gate_commit(void *engine, struct vow_journal_op *first)
{
    struct gate *gate = engine;

    gate->batches[gate->commits++] = gate->count;
    sem_post(&gate->entered);
    while (sem_wait(&gate->leave) != 0)
        ;
    for (struct vow_journal_op *op = first; op != NULL; op = journal_op_next(op)) {
        gate->tokens[gate->count++] = op->token;
        op->result = VOW_JOURNAL_WON;
    }
}

static void gate_close(void *engine)
{
    ((struct gate *)engine)->is_closed = true;
}

static const struct vow_journal_engine gate_engine = {.name = "gate", .commit = gate_commit, .close = gate_close};

static struct gate gate;
static struct event_base *base;
static struct vow_journal *journal;
static struct vow_error_detail detail;
static uint64_t done_tokens[64];
static enum vow_journal_result done_results[64];
static int done_count, done_wanted;

static void done(void *ctx, struct vow_journal_op *first)
{
    (void)ctx;
    for (; first != NULL; first = journal_op_next(first)) {
        done_results[done_count] = first->result;
        done_tokens[done_count++] = first->token;
    }
    if (done_count >= done_wanted)
        (void)event_base_loopbreak(base);
}

static void wait_for_done(int count)
{
    done_wanted = count;
    while (done_count < count)
        cr_assert_eq(event_base_loop(base, EVLOOP_ONCE), 0);
}

static void setup(void)
{
    base = event_base_new();
    cr_assert_not_null(base);
    cr_assert_eq(sem_init(&gate.entered, 0, 0), 0);
    cr_assert_eq(sem_init(&gate.leave, 0, 0), 0);
}

static void teardown(void)
{
    event_base_free(base);
}

TestSuite(journal, .init = setup, .fini = teardown, .timeout = 240);

static void start_gate(void)
{
    cr_assert_eq(vow_journal_start(base, &gate_engine, &gate, done, NULL, &journal, &detail), 0, "%s", detail.text);
}

static void submit(struct vow_journal_op *op, uint64_t token, bool forced)
{
    memset(op, 0, sizeof(*op));
    op->kind = VOW_JOURNAL_APPEND;
    op->record.kind = VOW_RECORD_HAZARD;
    op->forced = forced;
    op->token = token;
    vow_journal_submit(journal, op);
}

/* Group commit: all that comes while one commit runs goes into the next, in the order it came; what is not forced
 * rides along. */
Test(journal, what_comes_during_a_commit_is_the_next_one)
{
    struct vow_journal_op ops[5];

    start_gate();
    submit(&ops[0], 0, true);
    while (sem_wait(&gate.entered) != 0)
        ;
    for (uint64_t token = 1; token < 5; token++)
        submit(&ops[token], token, token % 2 == 0);
    sem_post(&gate.leave);
    sem_post(&gate.leave);
    wait_for_done(5);
    for (uint64_t token = 0; token < 5; token++) {
        cr_assert_eq(done_tokens[token], token);
        cr_assert_eq(gate.tokens[token], token);
    }
    cr_assert_eq(gate.commits, 2);
    cr_assert_eq(gate.batches[1], 1);
    vow_journal_stop(journal);
    cr_assert(gate.is_closed);
}

Test(journal, unforced_record_is_written_by_the_tick)
{
    struct vow_journal_op op;

    start_gate();
    sem_post(&gate.leave);
    submit(&op, 7, false);
    wait_for_done(1);
    cr_assert_eq(done_tokens[0], 7);
    vow_journal_stop(journal);
}

Test(journal, stop_writes_what_was_submitted)
{
    struct vow_journal_op ops[3];

    start_gate();
    for (uint64_t token = 0; token < 3; token++) {
        sem_post(&gate.leave);
        submit(&ops[token], token, false);
    }
    vow_journal_stop(journal);
    cr_assert_eq(gate.count, 3);
    cr_assert_eq(done_count, 3);
    cr_assert(gate.is_closed);
}

Test(journal, engine_without_counters_has_zeros)
{
    struct vow_journal_stats stats = {.commits = 1};

    start_gate();
    vow_journal_stats(journal, &stats);
    cr_assert_eq(stats.commits, 0);
    vow_journal_stop(journal);
    vow_journal_stop(NULL);
}

/* With the real engine, across a restart. */
Test(journal, decisions_through_the_thread_survive)
{
    struct bed bed;
    struct vow_journal_op ops[40];
    struct vow_journal_stats stats;

    bed_make(&bed);
    bed_start(&bed);
    cr_assert_eq(vow_journal_start(base, bed.ops, bed.engine, done, NULL, &journal, &detail), 0);
    bed.engine = NULL;
    for (unsigned i = 0; i < 40; i++) {
        op_decide(&ops[i], &bed, i + 1);
        if (i % 4 == 3)
            vow_journal_submit(journal, op_link(&ops[i - 3], 4));
    }
    wait_for_done(40);
    vow_journal_stats(journal, &stats);
    for (unsigned i = 0; i < 40; i++) {
        cr_assert_eq(done_tokens[i], i + 1);
        cr_assert_eq(done_results[i], VOW_JOURNAL_WON);
        cr_assert_eq(ops[i].lsn, i + 2);
    }
    cr_assert_eq(stats.records, 41);
    cr_assert_leq(stats.commits, 11);
    cr_assert_eq(stats.last_lsn, 41);
    vow_journal_stop(journal);

    bed_start(&bed);
    cr_assert_eq(bed_count_open(&bed), 40);
    bed_remove(&bed);
}
