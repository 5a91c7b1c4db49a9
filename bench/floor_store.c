/*
 * The floor of the SQLite store: the same branches in one process, without coordinator and network. Each turn prepares
 * `clients` branches in every participant's file in one durable unit, then commits them in a second one, as a
 * participant does under load. What vowd and the network add to this is the price of distribution.
 */
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/bench.h"
#include "participant/store/sqlite.h"
#include "proto/net/clock.h"

struct file {
    const struct vow_store_ops *ops;
    void *store;
    sqlite3_stmt *statement;
};

static int count_up(void *ctx, const struct vow_gtrid *gtrid, sqlite3 *db, const struct vow_msg_call *call,
                    enum vow_cause *cause, char text[VOW_TEXT_SIZE])
{
    (void)gtrid, (void)text;
    struct file *file = ctx;
    uint32_t id;
    *cause = VOW_CAUSE_HANDLER_FAILED;
    memcpy(&id, call->payload.data, sizeof(id));
    if (file->statement == NULL &&
        sqlite3_prepare_v3(db, BENCH_UPDATE, -1, SQLITE_PREPARE_PERSISTENT, &file->statement, NULL) != SQLITE_OK)
        return -1;
    sqlite3_bind_int64(file->statement, 1, id);
    int rc = sqlite3_step(file->statement);
    sqlite3_reset(file->statement);
    return rc == SQLITE_DONE ? 0 : -1;
}

static int open_file(const char *directory, uint32_t i, struct file *file)
{
    char path[300];
    struct vow_error_detail detail;
    snprintf(path, sizeof(path), "%s/f%u.db", directory, i);
    struct vow_sqlite_options options = {.path = path, .call = count_up, .ctx = file};
    if (vow_store_sqlite_open(&options, &file->ops, &file->store, &detail) != 0 ||
        sqlite3_exec(vow_store_sqlite_db(file->store),
                     BENCH_SCHEMA ";"
                                  "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < 100000)"
                                  "INSERT OR IGNORE INTO counter SELECT i, 0 FROM n",
                     NULL, NULL, NULL) != SQLITE_OK ||
        vow_store_sqlite_enrol(file->store, &detail) != 0) {
        fprintf(stderr, "vow-bench: floor: %s\n", detail.text);
        return -1;
    }
    return 0;
}

struct turn {
    struct vow_store_op ops[CLIENTS_MAX];
    struct vow_msg_call calls[CLIENTS_MAX];
    uint32_t rows[CLIENTS_MAX];
    uint32_t len, first_row;
    uint64_t seq;
};

static void fill(struct turn *turn, enum vow_store_op_kind kind)
{
    for (uint32_t i = 0; i < turn->len; i++) {
        turn->rows[i] = (turn->first_row + i) % BENCH_ROWS;
        turn->calls[i] = (struct vow_msg_call){.participant = "f", .handler = "count"};
        turn->calls[i].payload = (struct vow_slice){(const uint8_t *)&turn->rows[i], sizeof(turn->rows[i])};
        turn->ops[i] = (struct vow_store_op){.kind = kind,
                                             .gtrid = vow_gtrid_make(1, 1, turn->seq + i, 0, 0),
                                             .epoch = 1,
                                             .calls_len = 1,
                                             .calls = &turn->calls[i]};
        turn->ops[i].job.next = i + 1 < turn->len ? &turn->ops[i + 1].job : NULL;
    }
}

static int run(struct turn *turn, struct file *files, uint32_t files_len, enum vow_store_op_kind kind)
{
    struct vow_error_detail detail;
    for (uint32_t f = 0; f < files_len; f++) {
        struct vow_job *jobs = &turn->ops[0].job;
        fill(turn, kind);
        if (files[f].ops->run(files[f].store, &jobs, &detail) != 0 || turn->ops[0].result != VOW_STORE_DONE)
            return -1;
    }
    return 0;
}

struct floor {
    const struct bench_options *options;
    uint32_t millis;
    const char *directory;
};

/* Tombstones below the mark are dropped, as a participant does when the coordinator's watermark moves. */
static void drop_tombstones(struct turn *turn, struct file *files, uint32_t files_len)
{
    struct vow_error_detail detail;
    struct vow_store_op op = {
        .kind = VOW_STORE_WATERMARK, .epoch = 1, .coord = 1, .watermark = {.epoch = 1, .seq = turn->seq}};
    for (uint32_t f = 0; f < files_len; f++) {
        struct vow_job *jobs = &op.job;
        (void)files[f].ops->run(files[f].store, &jobs, &detail);
    }
}

static int child(const void *ctx, struct bench_round *round)
{
    const struct floor *subject = ctx;
    uint32_t len = subject->options->clients, files_len = subject->options->participants;
    static struct turn turn;
    static struct file files[PARTICIPANTS_MAX];
    turn.len = len;
    for (uint32_t i = 0; i < files_len; i++)
        if (open_file(subject->directory, i, &files[i]) != 0)
            return -1;
    uint64_t start_us = vow_clock_us(), end_us = start_us + subject->millis * UINT64_C(1000), turns = 0;
    while (vow_clock_us() < end_us) {
        uint64_t turn_us = vow_clock_us();
        if (run(&turn, files, files_len, VOW_STORE_PREPARE) != 0 || run(&turn, files, files_len, VOW_STORE_COMMIT) != 0)
            return -1;
        turn.seq += len;
        turn.first_row += len;
        round->committed += len;
        histogram_add(&round->latency, vow_clock_us() - turn_us);
        if (++turns % 64 == 0)
            drop_tombstones(&turn, files, files_len);
    }
    round->elapsed_us = vow_clock_us() - start_us;
    return 0;
}

int floor_store_round(const struct bench_options *options, uint32_t millis, struct bench_round *round)
{
    char directory[256];
    if (make_directory(directory) != 0)
        return -1;
    struct floor subject = {.options = options, .millis = millis, .directory = directory};
    int error = in_process(child, &subject, round);
    remove_directory(directory);
    return error;
}
