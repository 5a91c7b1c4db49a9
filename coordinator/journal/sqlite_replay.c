/*
 * Reading the log up to some event, for a replay: of a running coordinator a page at a time between two commits, of a
 * stopped one at once. Up to the cut only the events of what had not ended then are there, and they were proved as a
 * set; after it the chain is followed from the cut on, so whatever is shown is proved.
 *
 * From the cut on nothing is missing that was open at any event: what is cut off has ended before the cut. Nor of what
 * was known of events (sqlite_past.c), but for their keys. Before it
 * nobody knows any more what was open, and that is said (EXPIRED).
 */
#include <stdlib.h>
#include <string.h>

#include "coordinator/journal/fail.h"
#include "coordinator/journal/sqlite_engine.h"

/* Of one page: a commit that comes meanwhile waits for so much and no more. */
#define PAGE_EVENTS 256
#define PAGE_BYTES (256u << 10)
/* Rows that are looked at in one go for a time: two numbers of each. */
#define LOCATE_ROWS 4096
/* The page is full: no error. */
#define PAGE_FULL 1

/* --- A time --- */

/* Clocks are set back and forth, so times do not follow the log. What is asked for is the last event that bears no
 * later time. */
int journal_sqlite_locate(struct sqlite_engine *engine, struct vow_journal_op *op, struct vow_error_detail *detail)
{
    sqlite3_stmt *stmt = journal_sqlite_statement(engine, JOURNAL_STMT_LOCATE);
    uint64_t cut = engine->snapshot.cut.lsn, seen = 0;
    int rc = SQLITE_DONE;

    op->cut_lsn = cut;
    op->last_lsn = engine->head.lsn;
    op->has_more = false;
    if (stmt == NULL)
        return journal_sqlite_fail(engine, "looking for a time", detail);
    (void)sqlite3_bind_int64(stmt, 1, op->before != 0 ? (sqlite3_int64)op->before : INT64_MAX);
    (void)sqlite3_bind_int64(stmt, 2, (sqlite3_int64)cut);
    (void)sqlite3_bind_int64(stmt, 3, LOCATE_ROWS);
    for (op->lsn = 0; op->lsn == 0 && (rc = sqlite3_step(stmt)) == SQLITE_ROW; seen++) {
        op->before = (uint64_t)sqlite3_column_int64(stmt, 0);
        if ((uint64_t)sqlite3_column_int64(stmt, 1) <= op->wall_us)
            op->lsn = op->before;
    }
    (void)sqlite3_reset(stmt);
    if (rc != SQLITE_ROW && rc != SQLITE_DONE)
        return journal_sqlite_fail(engine, "looking for a time", detail);
    op->has_more = op->lsn == 0 && seen == LOCATE_ROWS;
    return op->lsn != 0 || op->has_more ? 0 : cut > 0 ? VOW_E_EXPIRED : VOW_E_ARGUMENT;
}

/* --- Events --- */

struct reading {
    struct sqlite_engine *engine;
    vow_journal_scan_fn *each;
    vow_journal_again_fn *again; /* NULL = once is enough */
    void *ctx;
};

static int show_row(void *ctx, const struct journal_row *row, const struct journal_hash *hash,
                    struct vow_error_detail *detail)
{
    const struct reading *reading = ctx;
    struct vow_record_branch branches[VOW_CALLS_MAX];
    struct vow_journal_event event = {0};
    int error = journal_sqlite_event(reading->engine, row, &event, branches, detail);

    (void)hash;
    return error != 0 ? error : reading->each(reading->ctx, &event);
}

/* What was kept of the events up to the cut: a start has proved that it is all of it. */
static int read_kept(struct reading *reading, uint64_t *after, struct vow_error_detail *detail)
{
    struct sqlite_engine *engine = reading->engine;
    sqlite3_stmt *stmt = journal_sqlite_statement(engine, JOURNAL_STMT_KEPT_AFTER);
    int error = 0, rc = SQLITE_DONE;

    if (stmt == NULL)
        return journal_sqlite_fail(engine, "reading", detail);
    (void)sqlite3_bind_int64(stmt, 1, (sqlite3_int64)*after);
    (void)sqlite3_bind_int64(stmt, 2, (sqlite3_int64)engine->snapshot.cut.lsn);
    while (error == 0 && (rc = sqlite3_step(stmt)) == SQLITE_ROW) {
        struct journal_row row;
        struct journal_hash hash;

        if (!journal_sqlite_row(stmt, &row, &hash)) {
            error = journal_sqlite_damaged(engine, *after + 1, "a column is not readable", detail);
            break;
        }
        *after = row.lsn;
        error = show_row(reading, &row, &hash, detail);
    }
    (void)sqlite3_reset(stmt);
    if (error == 0 && rc != SQLITE_DONE)
        error = journal_sqlite_fail(engine, "reading", detail);
    if (error == 0)
        *after = engine->snapshot.cut.lsn;
    return error;
}

static int read_chain(struct reading *reading, uint64_t *after, uint64_t until, struct vow_error_detail *detail)
{
    struct sqlite_engine *engine = reading->engine;
    struct journal_head at = engine->snapshot.cut;
    int error = 0;

    if (*after > at.lsn) {
        at.lsn = *after;
        error = journal_sqlite_hash(engine, at.lsn, &at.hash, detail);
    }
    if (error == 0 && at.lsn < until)
        error = journal_sqlite_walk(engine, &at, until, UINT64_MAX, show_row, reading, detail);
    *after = at.lsn;
    return error;
}

/* Shows what comes after *after, up to `until`, and moves *after on. */
static int read_events(struct reading *reading, uint64_t *after, uint64_t until, struct vow_error_detail *detail)
{
    int error = *after < reading->engine->snapshot.cut.lsn ? read_kept(reading, after, detail) : 0;

    return error != 0 ? error : read_chain(reading, after, until, detail);
}

/* Is there such a state? `until` 0 becomes the last event. */
static int judge_until(const struct sqlite_engine *engine, uint64_t *until)
{
    if (*until == 0)
        *until = engine->head.lsn;
    if (*until < engine->snapshot.cut.lsn)
        return VOW_E_EXPIRED;
    return *until > engine->head.lsn || *until == 0 ? VOW_E_ARGUMENT : 0;
}

/* --- A page --- */

static size_t bytes_of(const struct vow_journal_event *event)
{
    return event->record.body.len + event->record.branches_len * sizeof(*event->record.branches) + sizeof(*event);
}

struct page {
    struct vow_journal_op *op;
    size_t bytes;
};

static int add_to_page(void *ctx, const struct vow_journal_event *event)
{
    struct page *page = ctx;
    int error = journal_sqlite_add_event(page->op, event);

    page->bytes += bytes_of(event);
    if (error != 0)
        return error;
    return page->op->events_len >= PAGE_EVENTS || page->bytes >= PAGE_BYTES ? PAGE_FULL : 0;
}

int journal_sqlite_page(struct sqlite_engine *engine, struct vow_journal_op *op, struct vow_error_detail *detail)
{
    struct page page = {.op = op};
    struct reading reading = {.engine = engine, .each = add_to_page, .ctx = &page};
    int error;

    op->events = NULL;
    op->events_len = 0;
    op->cut_lsn = engine->snapshot.cut.lsn;
    op->last_lsn = engine->head.lsn;
    op->events_cut = !journal_snapshot_is_whole(&engine->snapshot);
    error = judge_until(engine, &op->until);
    if (error == 0)
        error = read_events(&reading, &op->after, op->until, detail);
    op->has_more = error == PAGE_FULL && op->after < op->until;
    if (error == 0 || error == PAGE_FULL)
        return 0;
    vow_journal_events_free(op->events, op->events_len);
    op->events = NULL;
    op->events_len = 0;
    return error;
}

/* --- A stopped coordinator --- */

static int find_until(struct sqlite_engine *engine, const struct vow_journal_until *until, uint64_t *lsn,
                      struct vow_error_detail *detail)
{
    struct vow_journal_op op = {.wall_us = until->wall_us};
    int error = 0;

    *lsn = until->lsn;
    if (until->is_time) {
        do {
            error = journal_sqlite_locate(engine, &op, detail);
        } while (error == 0 && op.has_more);
        *lsn = op.lsn;
    }
    return error != 0 ? error : judge_until(engine, lsn);
}

static int replay(struct sqlite_engine *engine, const struct vow_journal_until *until, struct reading *reading,
                  uint64_t *lsn, struct vow_error_detail *detail)
{
    uint64_t after = 0;
    bool is_there;
    int error = journal_sqlite_examine(engine, &is_there, detail);

    if (error == 0 && !is_there)
        error = journal_fail(detail, VOW_E_NOT_FOUND, "%.150s has no journal", engine->directory);
    if (error != 0)
        return error;
    error = find_until(engine, until, lsn, detail);
    if (error == VOW_E_EXPIRED || error == VOW_E_ARGUMENT)
        error = vow_journal_say_until(error, engine->snapshot.cut.lsn, engine->head.lsn, detail);
    error = error != 0 ? error : read_events(reading, &after, *lsn, detail);
    if (error == 0 && reading->again != NULL && reading->again(reading->ctx, &after))
        error = read_events(reading, &after, *lsn, detail);
    return error;
}

int vow_journal_sqlite_replay(const char *directory, const struct vow_journal_until *until, vow_journal_scan_fn *each,
                              vow_journal_again_fn *again, void *ctx, struct vow_journal_report *report,
                              struct vow_error_detail *detail)
{
    struct sqlite_engine *engine = calloc(1, sizeof(*engine));
    struct reading reading = {.engine = engine, .each = each, .again = again, .ctx = ctx};
    int error;

    *detail = (struct vow_error_detail){.error = 0};
    memset(report, 0, sizeof(*report));
    if (engine == NULL || (engine->directory = strdup(directory)) == NULL) {
        free(engine);
        return journal_fail(detail, VOW_E_NO_MEMORY, "out of memory");
    }
    error = replay(engine, until, &reading, &report->until_lsn, detail);
    journal_sqlite_report(engine, report);
    journal_sqlite_free(engine);
    return error;
}
