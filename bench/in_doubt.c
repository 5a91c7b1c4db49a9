/* A coordinator's start with very many transactions in doubt (fault F028). */
#include <fcntl.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>
#include <vow/vow.h>

#include "bench/bench.h"
#include "coordinator/journal/journal.h"
#include "participant/store/sqlite.h"
#include "proto/net/clock.h"

/* Branches that one group commit takes while the files are made. */
#define BATCH 1000u
#define ASK_EVERY_US 20000u

struct in_doubt {
    const struct bench_options *options;
    struct cluster cluster;
    struct vow_journal_identity coord;
    struct vow_store_identity stores[PARTICIPANTS_MAX];
    int resolved[PARTICIPANTS_MAX]; /* a byte comes when the participant has nothing in doubt any more */
};

struct figures {
    uint64_t make_us, serve_us, resolve_us;
    uint64_t vowd_peak_bytes;
    uint64_t committed_rows, wrong_rows;
};

static struct vow_gtrid id_of(const struct in_doubt *run, uint32_t i)
{
    return vow_gtrid_make(run->coord.coord, run->coord.epoch, i + 1, 0, i);
}

/* --- The journal: COMMIT and nothing after it --- */

static int write_commits(struct in_doubt *run, const struct vow_journal_engine *ops, void *engine)
{
    static struct vow_journal_op batch[BATCH];
    struct vow_record_branch yes[PARTICIPANTS_MAX] = {{.branch = 0}};
    uint32_t n = run->options->in_doubt;
    for (uint32_t p = 0; p < run->options->participants; p++) {
        participant_name(p, yes[p].name);
        yes[p].branch = p;
        yes[p].incarnation = run->stores[p].incarnation;
        memcpy(yes[p].db_uuid, run->stores[p].db_uuid, sizeof(yes[p].db_uuid));
    }
    for (uint32_t from = 0; from < n; from += BATCH) {
        uint32_t len = n - from < BATCH ? n - from : BATCH;
        for (uint32_t i = 0; i < len; i++) {
            batch[i] = (struct vow_journal_op){.kind = VOW_JOURNAL_DECIDE,
                                               .record = {.kind = VOW_RECORD_COMMIT,
                                                          .gtrid = id_of(run, from + i),
                                                          .epoch = run->coord.epoch,
                                                          .branches = yes,
                                                          .branches_len = run->options->participants}};
            batch[i].job.next = i + 1 < len ? &batch[i + 1].job : NULL;
        }
        ops->commit(engine, batch);
        if (batch[0].result != VOW_JOURNAL_WON)
            return -1;
    }
    return 0;
}

/* --- The participants' files: prepared branches --- */

static int add_one(void *ctx, const struct vow_gtrid *gtrid, sqlite3 *db, const struct vow_msg_call *call,
                   enum vow_cause *cause, char text[VOW_TEXT_SIZE])
{
    sqlite3_stmt **statement = ctx;
    uint32_t id;
    (void)gtrid, (void)text;
    *cause = VOW_CAUSE_HANDLER_FAILED;
    memcpy(&id, call->payload.data, sizeof(id));
    if (*statement == NULL &&
        sqlite3_prepare_v3(db, BENCH_UPDATE, -1, SQLITE_PREPARE_PERSISTENT, statement, NULL) != SQLITE_OK)
        return -1;
    sqlite3_bind_int64(*statement, 1, id);
    int rc = sqlite3_step(*statement);
    sqlite3_reset(*statement);
    return rc == SQLITE_DONE ? 0 : -1;
}

static int run_ops(const struct vow_store_ops *ops, void *store, struct vow_store_op *first)
{
    struct vow_error_detail detail;
    struct vow_job *jobs = &first->job;
    return ops->run(store, &jobs, &detail) == 0 && first->result == VOW_STORE_DONE ? 0 : -1;
}

/* The file belongs to the coordinator from the first watermark on. */
static int adopt(const struct in_doubt *run, const struct vow_store_ops *ops, void *store)
{
    struct vow_store_op op = {.kind = VOW_STORE_WATERMARK,
                              .epoch = run->coord.epoch,
                              .coord = run->coord.coord,
                              .watermark = {.epoch = run->coord.epoch, .seq = 1}};
    return run_ops(ops, store, &op);
}

static int prepare_all(const struct in_doubt *run, uint32_t p, const struct vow_store_ops *ops, void *store)
{
    static struct vow_store_op batch[BATCH];
    static struct vow_msg_call calls[BATCH];
    static uint32_t rows[BATCH];
    uint32_t n = run->options->in_doubt;
    for (uint32_t from = 0; from < n; from += BATCH) {
        uint32_t len = n - from < BATCH ? n - from : BATCH;
        for (uint32_t i = 0; i < len; i++) {
            rows[i] = from + i;
            calls[i] = (struct vow_msg_call){.participant = "p", .handler = "count"};
            calls[i].payload = (struct vow_slice){(const uint8_t *)&rows[i], sizeof(rows[i])};
            batch[i] = (struct vow_store_op){.kind = VOW_STORE_PREPARE,
                                             .gtrid = id_of(run, from + i),
                                             .branch = p,
                                             .epoch = run->coord.epoch,
                                             .calls_len = 1,
                                             .calls = &calls[i]};
            batch[i].job.next = i + 1 < len ? &batch[i + 1].job : NULL;
        }
        if (run_ops(ops, store, batch) != 0)
            return -1;
    }
    return 0;
}

static void schema_for(uint32_t rows, char sql[256])
{
    snprintf(sql, 256,
             BENCH_SCHEMA ";WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < %u)"
                          "INSERT INTO counter SELECT i, 0 FROM n",
             rows);
}

static void path_of(const struct in_doubt *run, uint32_t p, char path[300])
{
    char name[16];
    participant_name(p, name);
    snprintf(path, 300, "%s/%s.db", run->cluster.directory, name);
}

static int make_store(struct in_doubt *run, uint32_t p)
{
    char path[300], sql[256];
    const struct vow_store_ops *ops;
    void *store;
    sqlite3_stmt *statement = NULL;
    struct vow_error_detail detail = {.error = 0};
    path_of(run, p, path);
    schema_for(run->options->in_doubt, sql);
    struct vow_sqlite_options options = {.path = path, .call = add_one, .ctx = &statement};
    if (vow_store_sqlite_open(&options, &ops, &store, &detail) != 0) {
        fprintf(stderr, "vow-bench: %s\n", detail.text);
        return -1;
    }
    int error = vow_store_sqlite_schema(store, sql, &detail);
    error = error != 0 ? error : vow_store_sqlite_enrol(store, &detail);
    error = error != 0 ? error : adopt(run, ops, store);
    error = error != 0 ? error : prepare_all(run, p, ops, store);
    ops->identity(store, &run->stores[p]);
    sqlite3_finalize(statement);
    ops->close(store);
    if (error != 0)
        fprintf(stderr, "vow-bench: %s: %s\n", path, detail.text);
    return error;
}

static int make_files(struct in_doubt *run)
{
    char data[300];
    const struct vow_journal_engine *ops;
    void *engine;
    struct vow_error_detail detail;
    snprintf(data, sizeof(data), "%s/vowd", run->cluster.directory);
    struct vow_journal_options options = {.directory = data};
    int error = vow_journal_sqlite_open(&options, &ops, &engine, &detail);
    if (error != 0) {
        fprintf(stderr, "vow-bench: %s\n", detail.text);
        return -1;
    }
    error = ops->takeover(engine, &run->coord, &detail);
    for (uint32_t p = 0; p < run->options->participants && error == 0; p++)
        error = make_store(run, p);
    error = error != 0 ? error : write_commits(run, ops, engine);
    ops->close(engine);
    return error;
}

/* --- The participants, started --- */

static int run_service(const struct in_doubt *run, uint32_t p, int resolved)
{
    char name[16], path[300];
    struct vow_participant *participant;
    struct vow_participant_stats stats;
    struct vow_error_detail detail = {.text = ""};
    participant_name(p, name);
    path_of(run, p, path);
    struct vow_participant_options options = {
        .size = sizeof(options), .name = name, .path = path, .coordinator = run->cluster.address};
    if (vow_participant_open(&options, &participant, &detail) != 0 || vow_participant_start(participant) != 0) {
        fprintf(stderr, "vow-bench: participant %s: %s\n", name, detail.text);
        return 1;
    }
    do {
        usleep(ASK_EVERY_US);
        vow_participant_stats(participant, &stats, sizeof(stats));
    } while (stats.in_doubt > 0);
    if (write(resolved, "r", 1) != 1)
        return 1;
    /* It stays until it is told to go: its last acknowledgements may be on their way. */
    for (;;)
        pause();
}

static int start_service(struct in_doubt *run, uint32_t p)
{
    int pipes[2];
    if (pipe(pipes) != 0)
        return -1;
    pid_t pid = fork();
    if (pid == 0) {
        close(pipes[0]);
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        _exit(run_service(run, p, pipes[1]));
    }
    close(pipes[1]);
    if (pid < 0) {
        close(pipes[0]);
        return -1; /* and is nobody to be killed: -1 would be all processes */
    }
    run->cluster.participants[run->cluster.participants_len++] = pid;
    run->resolved[p] = pipes[0];
    return 0;
}

/* Until each participant says so, and then vowd. */
static int wait_until_resolved(struct in_doubt *run)
{
    char byte;
    for (uint32_t p = 0; p < run->options->participants; p++) {
        if (read(run->resolved[p], &byte, 1) != 1)
            return -1;
        close(run->resolved[p]);
    }
    for (;;) {
        json_t *status;
        json_int_t open;
        if (cluster_status(&run->cluster, &status) != 0)
            return -1;
        open = json_integer_value(json_object_get(json_object_get(status, "transactions"), "open"));
        json_decref(status);
        if (open == 0)
            return 0;
        usleep(ASK_EVERY_US);
    }
}

/* The most memory that vowd ever had. */
static uint64_t peak_bytes(pid_t pid)
{
    char path[64], line[256];
    unsigned long long kib = 0;
    snprintf(path, sizeof(path), "/proc/%ld/status", (long)pid);
    FILE *in = fopen(path, "r");
    while (in != NULL && fgets(line, sizeof(line), in) != NULL)
        if (strncmp(line, "VmHWM:", 6) == 0)
            kib = strtoull(line + 6, NULL, 10);
    if (in != NULL)
        fclose(in);
    return kib * 1024;
}

static int measure(struct in_doubt *run, struct figures *figures)
{
    uint64_t start_us = vow_clock_us();
    if (make_files(run) != 0)
        return -1;
    figures->make_us = vow_clock_us() - start_us;
    start_us = vow_clock_us();
    if (cluster_start_vowd(&run->cluster) != 0)
        return -1;
    figures->serve_us = vow_clock_us() - start_us;
    for (uint32_t p = 0; p < run->options->participants; p++)
        if (start_service(run, p) != 0)
            return -1;
    if (wait_until_resolved(run) != 0)
        return -1;
    figures->resolve_us = vow_clock_us() - start_us;
    figures->vowd_peak_bytes = peak_bytes(run->cluster.vowd);
    return 0;
}

/* --- What the rows say --- */

static uint64_t count(sqlite3 *db, const char *sql)
{
    sqlite3_stmt *statement = NULL;
    uint64_t value = UINT64_MAX;
    if (sqlite3_prepare_v2(db, sql, -1, &statement, NULL) == SQLITE_OK && sqlite3_step(statement) == SQLITE_ROW)
        value = (uint64_t)sqlite3_column_int64(statement, 0);
    sqlite3_finalize(statement);
    return value;
}

static int read_rows(const struct in_doubt *run, struct figures *figures)
{
    for (uint32_t p = 0; p < run->options->participants; p++) {
        char path[300];
        sqlite3 *db;
        path_of(run, p, path);
        if (sqlite3_open(path, &db) != SQLITE_OK) {
            sqlite3_close(db);
            return -1;
        }
        figures->committed_rows += count(db, "SELECT count(*) FROM counter WHERE value = 1");
        figures->wrong_rows += count(db, "SELECT count(*) FROM counter WHERE value <> 1");
        figures->wrong_rows += count(db, "SELECT count(*) FROM vow_lock");
        sqlite3_close(db);
    }
    return 0;
}

static void print(const struct bench_options *options, const struct figures *figures)
{
    double per_txn = (double)figures->vowd_peak_bytes / options->in_doubt;
    if (options->json) {
        printf("{\"in_doubt\": %u, \"participants\": %u, \"make_ms\": %llu, \"serve_ms\": %llu, \"resolve_ms\": %llu, "
               "\"vowd_peak_bytes\": %llu, \"committed_rows\": %llu, \"wrong_rows\": %llu}\n",
               options->in_doubt, options->participants, (unsigned long long)figures->make_us / 1000,
               (unsigned long long)figures->serve_us / 1000, (unsigned long long)figures->resolve_us / 1000,
               (unsigned long long)figures->vowd_peak_bytes, (unsigned long long)figures->committed_rows,
               (unsigned long long)figures->wrong_rows);
        return;
    }
    printf("%u transactions in doubt, %u participants (files made in %.1f s)\n", options->in_doubt,
           options->participants, (double)figures->make_us / 1e6);
    printf("  vowd serves after      %8.2f s\n", (double)figures->serve_us / 1e6);
    printf("  all are resolved after %8.2f s\n", (double)figures->resolve_us / 1e6);
    printf("  vowd's memory, at most %8.1f MiB, %.0f bytes a transaction\n", (double)figures->vowd_peak_bytes / 1048576,
           per_txn);
    printf("  rows that have committed once: %llu, others: %llu\n", (unsigned long long)figures->committed_rows,
           (unsigned long long)figures->wrong_rows);
}

int in_doubt_run(const struct bench_options *options)
{
    static struct in_doubt run;
    struct figures figures = {.make_us = 0};
    run.options = options;
    run.cluster.vowd = -1;
    int error = make_directory(run.cluster.directory);
    error = error != 0 ? error : measure(&run, &figures);
    for (uint32_t p = 0; p < run.cluster.participants_len; p++) {
        kill(run.cluster.participants[p], SIGKILL);
        waitpid(run.cluster.participants[p], NULL, 0);
    }
    run.cluster.participants_len = 0;
    error = error != 0 ? error : read_rows(&run, &figures);
    cluster_stop(&run.cluster);
    if (error == 0)
        print(options, &figures);
    if (error == 0 && figures.wrong_rows == 0)
        return 0;
    fprintf(stderr, "vow-bench: the run could not be finished, or rows are wrong\n");
    return -1;
}
