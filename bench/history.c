/* A coordinator's start on a long journal, and a replay of it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <vow/vow.h>

#include "bench/bench.h"
#include "coordinator/ctl/ask.h"
#include "coordinator/journal/journal.h"
#include "proto/net/clock.h"

/* Records of one group commit while the journal is made: COMMIT and END of half as many transactions. */
#define BATCH 1000u
/* One of so many has not ended. */
#define OPEN_EVERY 1000u
#define ANSWER_MS 600000u

struct history {
    const struct bench_options *options;
    struct cluster cluster;
    struct vow_journal_identity coord;
    uint64_t last_lsn, tail; /* events of the journal; of them after its snapshot */
};

struct figures {
    uint64_t make_us, serve_us, replay_us, open, replayed;
};

/* ---- the journal ---- */

static void fill(struct vow_journal_op *op, const struct history *run, enum vow_record_kind kind, uint32_t i)
{
    static const struct vow_record_branch yes[2] = {{.name = "p0", .branch = 0, .incarnation = 1},
                                                    {.name = "p1", .branch = 1, .incarnation = 1}};
    const bool is_commit = kind == VOW_RECORD_COMMIT;
    *op = (struct vow_journal_op){.kind = is_commit ? VOW_JOURNAL_DECIDE : VOW_JOURNAL_END,
                                  .record = {.kind = kind,
                                             .gtrid = vow_gtrid_make(run->coord.coord, run->coord.epoch, i + 1, 0, i),
                                             .epoch = run->coord.epoch,
                                             .branches = yes,
                                             .branches_len = is_commit ? 2 : 0}};
}

static int write_batch(const struct vow_journal_engine *ops, void *engine, struct vow_journal_op *batch, uint32_t len)
{
    for (uint32_t i = 0; i < len; i++)
        batch[i].job.next = i + 1 < len ? &batch[i + 1].job : NULL;
    ops->commit(engine, batch);
    return batch[0].result == VOW_JOURNAL_WON ? 0 : -1;
}

static int write_history(const struct history *run, const struct vow_journal_engine *ops, void *engine)
{
    static struct vow_journal_op batch[BATCH];
    uint32_t len = 0;
    for (uint32_t i = 0; i < run->options->history; i++) {
        fill(&batch[len++], run, VOW_RECORD_COMMIT, i);
        if (i % OPEN_EVERY != 0)
            fill(&batch[len++], run, VOW_RECORD_END, i);
        if (len + 2 <= BATCH && i + 1 < run->options->history)
            continue;
        if (write_batch(ops, engine, batch, len) != 0)
            return -1;
        len = 0;
    }
    return 0;
}

/* As vowd does between its commits: the snapshot is taken, and what was written is proved. */
static void rest(struct history *run, const struct vow_journal_engine *ops, void *engine)
{
    struct vow_journal_stats before, after = {0};
    ops->stats(engine, &after);
    do {
        before = after;
        ops->idle(engine);
        ops->stats(engine, &after);
    } while (after.snapshot_lsn != before.snapshot_lsn || !after.is_proved);
    run->last_lsn = after.last_lsn;
    run->tail = after.last_lsn - after.snapshot_lsn;
}

static int make_journal(struct history *run)
{
    char directory[300];
    const struct vow_journal_options options = {.directory = directory};
    const struct vow_journal_engine *ops;
    struct vow_error_detail detail;
    void *engine;
    snprintf(directory, sizeof(directory), "%s/vowd", run->cluster.directory);
    if (vow_journal_sqlite_open(&options, &ops, &engine, &detail) != 0) {
        fprintf(stderr, "vow-bench: %s\n", detail.text);
        return -1;
    }
    int error = ops->takeover(engine, &run->coord, &detail);
    error = error != 0 ? error : write_history(run, ops, engine);
    if (error == 0)
        rest(run, ops, engine);
    ops->close(engine);
    return error;
}

/* ---- vowd ---- */

static int replay_all(const struct history *run, struct figures *figures)
{
    char until[24];
    const struct vow_msg_admin_request request = {.command = VOW_ADMIN_REPLAY, .filter = until};
    struct vow_address address;
    struct vow_error_detail detail;
    json_t *rows;
    snprintf(until, sizeof(until), "%llu", (unsigned long long)run->last_lsn);
    if (vow_address_parse(run->cluster.address, &address) != 0)
        return -1;
    const uint64_t start_us = vow_clock_us();
    if (ask(&address, &request, ANSWER_MS, &rows, &detail) != 0) {
        fprintf(stderr, "vow-bench: %s\n", detail.text);
        return -1;
    }
    figures->replay_us = vow_clock_us() - start_us;
    figures->replayed = (uint64_t)json_integer_value(
        json_object_get(json_object_get(json_array_get(rows, 0), "state"), "transactions"));
    json_decref(rows);
    return 0;
}

static int measure(struct history *run, struct figures *figures)
{
    uint64_t start_us = vow_clock_us();
    if (make_journal(run) != 0)
        return -1;
    figures->make_us = vow_clock_us() - start_us;
    figures->open = (run->options->history + OPEN_EVERY - 1) / OPEN_EVERY;
    start_us = vow_clock_us();
    if (cluster_start_vowd(&run->cluster) != 0)
        return -1;
    figures->serve_us = vow_clock_us() - start_us;
    return replay_all(run, figures);
}

static void print(const struct history *run, const struct figures *figures)
{
    const struct bench_options *options = run->options;
    if (options->json) {
        printf("{\"history\": %u, \"events\": %llu, \"tail\": %llu, \"open\": %llu, \"make_ms\": %llu, \"serve_ms\": "
               "%llu, "
               "\"replay_ms\": %llu, \"replayed_open\": %llu}\n",
               options->history, (unsigned long long)run->last_lsn, (unsigned long long)run->tail,
               (unsigned long long)figures->open, (unsigned long long)figures->make_us / 1000,
               (unsigned long long)figures->serve_us / 1000, (unsigned long long)figures->replay_us / 1000,
               (unsigned long long)figures->replayed);
        return;
    }
    printf("a journal of %u transactions, %llu events, %llu after its snapshot, %llu not ended (made in %.1f s)\n",
           options->history, (unsigned long long)run->last_lsn, (unsigned long long)run->tail,
           (unsigned long long)figures->open, (double)figures->make_us / 1e6);
    printf("  vowd serves after             %8.3f s\n", (double)figures->serve_us / 1e6);
    printf("  all of it is replayed within  %8.3f s, beside its work; not ended then: %llu\n",
           (double)figures->replay_us / 1e6, (unsigned long long)figures->replayed);
}

int history_run(const struct bench_options *options)
{
    static struct history run;
    struct figures figures = {.make_us = 0};
    run.options = options;
    run.cluster.vowd = -1;
    int error = make_directory(run.cluster.directory);
    error = error != 0 ? error : measure(&run, &figures);
    cluster_stop(&run.cluster);
    if (error == 0)
        print(&run, &figures);
    if (error == 0 && figures.replayed == figures.open)
        return 0;
    fprintf(stderr, "vow-bench: the run could not be finished, or the replay is wrong\n");
    return -1;
}
