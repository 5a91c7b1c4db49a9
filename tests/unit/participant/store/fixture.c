#include "fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct service service;
struct vow_store_op refusal;
size_t works_done;
vow_sqlite_call_fn *service_handler;

static int run_sql(void *ctx, const struct vow_gtrid *gtrid, sqlite3 *db, const struct vow_msg_call *call,
                   enum vow_cause *cause, char text[VOW_TEXT_SIZE])
{
    if (service_handler != NULL)
        return service_handler(ctx, gtrid, db, call, cause, text);
    return sqlite3_exec(db, call->handler, NULL, NULL, NULL);
}

void service_init(void)
{
    service_init_in("/tmp");
}

void service_init_in(const char *parent)
{
    memset(&service, 0, sizeof(service));
    service_handler = NULL;
    snprintf(service.dir, sizeof(service.dir), "%s/vow-store-XXXXXX", parent);
    cr_assert_not_null(mkdtemp(service.dir));
    snprintf(service.path, sizeof(service.path), "%s/service.db", service.dir);
    service.options = (struct vow_sqlite_options){.path = service.path, .call = run_sql, .fail_fast = true};
}

void service_fini(void)
{
    char path[128];
    service_close();
    static const char *const ends[] = {"", "-wal", "-shm", "-journal"};
    for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
        snprintf(path, sizeof(path), "%s%s", service.path, ends[i]);
        unlink(path);
    }
    rmdir(service.dir);
}

int service_open(void)
{
    int error = vow_store_sqlite_open(&service.options, &service.ops, &service.store, &service.detail);
    service.db = error == 0 ? vow_store_sqlite_db(service.store) : NULL;
    if (error != 0)
        service.store = NULL;
    return error;
}

void service_close(void)
{
    if (service.store != NULL)
        service.ops->close(service.store);
    service.store = NULL;
    service.db = NULL;
}

void service_restart(void)
{
    service_close();
    cr_assert_eq(service_open(), 0, "%s", service.detail.text);
}

void service_start(const char *schema)
{
    cr_assert_eq(service_open(), 0, "%s", service.detail.text);
    cr_assert_eq(sqlite3_exec(service.db, schema, NULL, NULL, NULL), SQLITE_OK, "%s", sqlite3_errmsg(service.db));
    cr_assert_eq(vow_store_sqlite_enrol(service.store, &service.detail), 0, "%s", service.detail.text);
}

struct work work_of(enum vow_store_op_kind kind, uint64_t seq, const char *sql)
{
    return (struct work){.op = {.kind = kind,
                                .gtrid = vow_gtrid_make(COORD, EPOCH, seq, 0, seq),
                                .branch = 1,
                                .epoch = EPOCH,
                                .calls_len = 1},
                         .call = {.participant = "service", .handler = sql}};
}

static int run_work(void *ctx, const struct vow_gtrid *gtrid, sqlite3 *db, enum vow_cause *cause,
                    char text[VOW_TEXT_SIZE])
{
    (void)gtrid, (void)cause, (void)text;
    return sqlite3_exec(db, ctx, NULL, NULL, NULL);
}

int run_batch(struct work *works, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        works[i].op.calls = &works[i].call;
        if (works[i].op.kind == VOW_STORE_WORK) {
            works[i].op.calls_len = 0;
            works[i].op.work = run_work;
            works[i].op.work_ctx = (void *)works[i].call.handler;
        }
        works[i].op.job.next = i + 1 < len ? &works[i + 1].op.job : NULL;
    }
    struct vow_job *jobs = len > 0 ? &works[0].op.job : NULL;
    int error = service.ops->run(service.store, &jobs, &service.detail);
    works_done = 0;
    for (; jobs != NULL; jobs = jobs->next)
        works_done++;
    return error;
}

static enum vow_store_result run_one(struct work work)
{
    cr_assert_eq(run_batch(&work, 1), 0, "%s", service.detail.text);
    cr_assert_eq(works_done, 1, "the store keeps it");
    refusal = work.op;
    return work.op.result;
}

enum vow_store_result prepare(uint64_t seq, const char *sql)
{
    return run_one(work_of(VOW_STORE_PREPARE, seq, sql));
}

enum vow_store_result one_phase(uint64_t seq, const char *sql)
{
    return run_one(work_of(VOW_STORE_ONE_PHASE, seq, sql));
}

enum vow_store_result work(uint64_t seq, const char *sql)
{
    return run_one(work_of(VOW_STORE_WORK, seq, sql));
}

enum vow_store_result decide(enum vow_store_op_kind kind, uint64_t seq)
{
    return run_one(work_of(kind, seq, ""));
}

void commit(uint64_t seq)
{
    cr_assert_eq(decide(VOW_STORE_COMMIT, seq), VOW_STORE_DONE);
}

void abort_branch(uint64_t seq)
{
    cr_assert_eq(decide(VOW_STORE_ABORT, seq), VOW_STORE_DONE);
}

int outside(const char *sql)
{
    sqlite3 *db;
    cr_assert_eq(sqlite3_open(service.path, &db), SQLITE_OK);
    int rc = sqlite3_exec(db, sql, NULL, NULL, NULL);
    if (rc != SQLITE_OK && strcmp(sqlite3_errmsg(db), "VOW_LOCKED") == 0)
        rc = LOCKED;
    sqlite3_close(db);
    return rc;
}

const char *look(const char *sql)
{
    static char seen[1024];
    sqlite3 *db;
    sqlite3_stmt *statement;
    seen[0] = '\0';
    cr_assert_eq(sqlite3_open(service.path, &db), SQLITE_OK);
    cr_assert_eq(sqlite3_prepare_v2(db, sql, -1, &statement, NULL), SQLITE_OK, "%s: %s", sql, sqlite3_errmsg(db));
    while (sqlite3_step(statement) == SQLITE_ROW) {
        const char *text = (const char *)sqlite3_column_text(statement, 0);
        size_t len = strlen(seen);
        snprintf(seen + len, sizeof(seen) - len, "%s%s", len > 0 ? " " : "", text != NULL ? text : "null");
    }
    sqlite3_finalize(statement);
    sqlite3_close(db);
    return seen;
}

static int count_up(void *ctx, const struct vow_branches_recovered *found)
{
    cr_assert_eq(vow_gtrid_coord(&found->gtrid), COORD);
    cr_assert_eq(found->branch, 1);
    cr_assert_eq(found->epoch, EPOCH);
    ++*(int *)ctx;
    return 0;
}

int recovered_branches(void)
{
    int count = 0;
    cr_assert_eq(service.ops->recover(service.store, count_up, &count, &service.detail), 0, "%s", service.detail.text);
    return count;
}
