#include <stdlib.h>
#include <string.h>

#include "coordinator/journal/fail.h"
#include "coordinator/journal/record_codec.h"
#include "coordinator/journal/sqlite_engine.h"

enum column { COLUMN_LSN, COLUMN_WALL_US, COLUMN_GTRID, COLUMN_KIND, COLUMN_BODY, COLUMN_HASH };

static bool is_blob(sqlite3_stmt *stmt, enum column column, size_t len)
{
    return sqlite3_column_type(stmt, (int)column) == SQLITE_BLOB && sqlite3_column_bytes(stmt, (int)column) == (int)len;
}

static bool is_number(sqlite3_stmt *stmt, enum column column)
{
    return sqlite3_column_type(stmt, (int)column) == SQLITE_INTEGER && sqlite3_column_int64(stmt, (int)column) >= 0;
}

bool journal_sqlite_row(sqlite3_stmt *stmt, struct journal_row *row, struct journal_hash *hash)
{
    if (!is_number(stmt, COLUMN_LSN) || !is_number(stmt, COLUMN_WALL_US) || !is_number(stmt, COLUMN_KIND) ||
        !is_blob(stmt, COLUMN_GTRID, VOW_GTRID_BYTES) || !is_blob(stmt, COLUMN_HASH, JOURNAL_HASH_BYTES) ||
        sqlite3_column_type(stmt, COLUMN_BODY) != SQLITE_BLOB)
        return false;
    row->lsn = (uint64_t)sqlite3_column_int64(stmt, COLUMN_LSN);
    row->wall_us = (uint64_t)sqlite3_column_int64(stmt, COLUMN_WALL_US);
    row->kind = (uint32_t)sqlite3_column_int64(stmt, COLUMN_KIND);
    memcpy(row->gtrid.bytes, sqlite3_column_blob(stmt, COLUMN_GTRID), VOW_GTRID_BYTES);
    memcpy(hash->bytes, sqlite3_column_blob(stmt, COLUMN_HASH), JOURNAL_HASH_BYTES);
    row->body.data = sqlite3_column_blob(stmt, COLUMN_BODY);
    row->body.len = (size_t)sqlite3_column_bytes(stmt, COLUMN_BODY);
    return true;
}

static int not_a_record(const struct sqlite_engine *engine, uint64_t lsn, struct vow_error_detail *detail)
{
    return journal_fail(detail, VOW_E_DAMAGED, "%.80s/" JOURNAL_DB_FILE ": lsn %llu: not a record; restore it",
                        engine->directory, (unsigned long long)lsn);
}

int journal_sqlite_event(const struct sqlite_engine *engine, const struct journal_row *row,
                         struct vow_journal_event *event, struct vow_record_branch branches[VOW_CALLS_MAX],
                         struct vow_error_detail *detail)
{
    int error;

    event->lsn = row->lsn;
    event->wall_us = row->wall_us;
    event->record.kind = (enum vow_record_kind)row->kind;
    event->record.gtrid = row->gtrid;
    error = journal_body_decode(row->body.data, row->body.len, &event->record, branches);
    if (error == VOW_E_NO_MEMORY)
        return journal_fail(detail, error, "no memory for an event");
    return error != 0 ? not_a_record(engine, row->lsn, detail) : 0;
}

static int read_event(struct sqlite_engine *engine, sqlite3_stmt *stmt, struct vow_journal_event *event,
                      struct vow_record_branch branches[VOW_CALLS_MAX], bool is_proved, struct vow_error_detail *detail)
{
    struct journal_row row;
    struct journal_hash hash;
    int error;

    if (!journal_sqlite_row(stmt, &row, &hash))
        return not_a_record(engine, (uint64_t)sqlite3_column_int64(stmt, COLUMN_LSN), detail);
    error = journal_sqlite_event(engine, &row, event, branches, detail);
    return error != 0 || is_proved ? error : journal_sqlite_check_row(engine, &row, &hash, detail);
}

/* A statement's next row as an event. A start proves the end of the log and not all of it, so what is read out of the
 * rest is proved now. Returns 1, 0 after the last row, or an error. */
static int next_event(struct sqlite_engine *engine, sqlite3_stmt *stmt, struct vow_journal_event *event,
                      struct vow_record_branch branches[VOW_CALLS_MAX], bool is_proved, struct vow_error_detail *detail)
{
    int error;
    int rc = sqlite3_step(stmt);

    if (rc == SQLITE_DONE)
        return 0;
    error = rc == SQLITE_ROW ? read_event(engine, stmt, event, branches, is_proved, detail)
                             : journal_sqlite_fail(engine, "reading", detail);
    return error != 0 ? error : 1;
}

static sqlite3_stmt *select_gtrid(struct sqlite_engine *engine, enum journal_statement which,
                                  const struct vow_gtrid *gtrid)
{
    sqlite3_stmt *stmt = journal_sqlite_statement(engine, which);

    (void)sqlite3_bind_blob(stmt, 1, gtrid->bytes, VOW_GTRID_BYTES, SQLITE_STATIC);
    return stmt;
}

int journal_sqlite_terminal(struct sqlite_engine *engine, const struct vow_gtrid *gtrid, struct vow_journal_op *op,
                            struct vow_error_detail *detail)
{
    struct vow_record_branch branches[VOW_CALLS_MAX];
    struct vow_journal_event event = {0};
    sqlite3_stmt *stmt = select_gtrid(engine, JOURNAL_STMT_TERMINAL, gtrid);
    int found = next_event(engine, stmt, &event, branches, false, detail);

    (void)sqlite3_reset(stmt);
    if (found == 0)
        return VOW_E_NOT_FOUND;
    if (found < 0)
        return found;
    op->lsn = event.lsn;
    op->outcome = event.record.kind == VOW_RECORD_ABORTED ? VOW_ABORTED : VOW_COMMITTED;
    op->cause = event.record.cause;
    op->decided = event.record.kind == VOW_RECORD_COMMIT;
    return 0;
}

int journal_sqlite_saga(struct sqlite_engine *engine, struct vow_journal_op *op, struct vow_error_detail *detail)
{
    struct vow_record_branch branches[VOW_CALLS_MAX];
    struct vow_journal_event event = {0};
    sqlite3_stmt *stmt = select_gtrid(engine, JOURNAL_STMT_SAGA, &op->gtrid);
    int found = next_event(engine, stmt, &event, branches, false, detail);

    (void)sqlite3_reset(stmt);
    if (found == 0)
        return VOW_E_NOT_FOUND;
    if (found < 0)
        return found;
    op->lsn = event.lsn;
    op->saga = (enum vow_saga_state)event.record.detail;
    op->cause = event.record.cause;
    return 0;
}

/* Whose damage a FORGET is about: all that was recorded before it. */
struct seen_to {
    bool any, reporters;
    bool has_reported;
};

static void take_forget(struct seen_to *seen, const struct vow_record *record, const char *reporter)
{
    if (record->kind == VOW_RECORD_HEURISTIC && strcmp(record->who, reporter) == 0)
        seen->has_reported = true;
    if (record->kind == VOW_RECORD_FORGET) {
        seen->any = true;
        seen->reporters = seen->has_reported;
    }
}

static void take_damage(struct vow_journal_op *op, const struct vow_record *record)
{
    if (record->kind == VOW_RECORD_DAMAGE)
        op->damage = (enum vow_damage)record->detail;
    else if (record->kind == VOW_RECORD_HEURISTIC && op->damage == VOW_DAMAGE_NONE)
        op->damage = VOW_DAMAGE_MIXED;
    else if (record->kind == VOW_RECORD_FORGET && op->damage == VOW_DAMAGE_NONE)
        op->damage = VOW_DAMAGE_HAZARD;
}

/* Damage is told with the outcome, also if that is an abort that has no record. */
int journal_sqlite_damage(struct sqlite_engine *engine, struct vow_journal_op *op, struct vow_error_detail *detail)
{
    struct vow_record_branch branches[VOW_CALLS_MAX];
    struct vow_journal_event event = {0};
    sqlite3_stmt *stmt = select_gtrid(engine, JOURNAL_STMT_DAMAGE, &op->gtrid);
    struct seen_to seen = {.any = false};
    uint64_t end = 0;
    int found;

    op->damage = VOW_DAMAGE_NONE;
    while ((found = next_event(engine, stmt, &event, branches, false, detail)) > 0) {
        take_damage(op, &event.record);
        take_forget(&seen, &event.record, op->reporter);
    }
    (void)sqlite3_reset(stmt);
    op->forgotten = op->reporter[0] != '\0' ? seen.reporters : seen.any;
    if (found == 0 && op->damage != VOW_DAMAGE_NONE && !seen.any)
        found = journal_sqlite_end_after(engine, &op->gtrid, VOW_RECORD_END, event.lsn, &end, detail);
    /* An END without a FORGET: it was found after all. */
    if (end != 0)
        op->damage = VOW_DAMAGE_NONE;
    return found;
}

static int keep(const void *from, size_t size, void *out)
{
    void *copy = NULL;

    if (size > 0) {
        copy = malloc(size);
        if (copy == NULL)
            return VOW_E_NO_MEMORY;
        memcpy(copy, from, size);
    }
    memcpy(out, &copy, sizeof(copy));
    return 0;
}

/* Gives an event branches and a body of its own in place of the reader's. */
static int keep_parts(struct vow_journal_event *event)
{
    struct vow_record *record = &event->record;
    int error = keep(record->branches, record->branches_len * sizeof(*record->branches), &record->branches);

    if (error != 0)
        return error;
    error = keep(record->body.data, record->body.len, &record->body.data);
    if (error != 0)
        free((void *)record->branches);
    return error;
}

int journal_sqlite_add_event(struct vow_journal_op *op, const struct vow_journal_event *event)
{
    struct vow_journal_event copy = *event;
    struct vow_journal_event *events =
        realloc(op->events, ((size_t)op->events_len + 1) * sizeof(*events)); /* a transaction has few events */

    if (events == NULL)
        return VOW_E_NO_MEMORY;
    op->events = events;
    if (keep_parts(&copy) != 0)
        return VOW_E_NO_MEMORY;
    events[op->events_len++] = copy;
    return 0;
}

int journal_sqlite_history(struct sqlite_engine *engine, struct vow_journal_op *op, struct vow_error_detail *detail)
{
    struct vow_record_branch branches[VOW_CALLS_MAX];
    struct vow_journal_event event = {0};
    sqlite3_stmt *stmt = select_gtrid(engine, JOURNAL_STMT_HISTORY, &op->gtrid);
    int error = 0, found;

    op->events = NULL;
    op->events_len = 0;
    while (error == 0 && (found = next_event(engine, stmt, &event, branches, false, detail)) != 0)
        error = found < 0 ? found : journal_sqlite_add_event(op, &event);
    (void)sqlite3_reset(stmt);
    if (error != 0) {
        vow_journal_events_free(op->events, op->events_len);
        op->events = NULL;
        op->events_len = 0;
    }
    return error != 0 || op->events_len > 0 ? error : VOW_E_NOT_FOUND;
}

int journal_sqlite_events(struct sqlite_engine *engine, struct vow_journal_op *op, struct vow_error_detail *detail)
{
    struct vow_record_branch branches[VOW_CALLS_MAX];
    struct vow_journal_event event = {0};
    sqlite3_stmt *stmt = journal_sqlite_statement(engine, JOURNAL_STMT_EVENTS);
    int error = 0, found;

    if (stmt == NULL)
        return journal_sqlite_fail(engine, "reading", detail);
    op->events = NULL;
    op->events_len = 0;
    (void)sqlite3_bind_int64(stmt, 1, (sqlite3_int64)op->after);
    (void)sqlite3_bind_int64(stmt, 2, op->events_max);
    while (error == 0 && (found = next_event(engine, stmt, &event, branches, false, detail)) != 0)
        error = found < 0 ? found : journal_sqlite_add_event(op, &event);
    (void)sqlite3_reset(stmt);
    if (error != 0) {
        vow_journal_events_free(op->events, op->events_len);
        op->events = NULL;
        op->events_len = 0;
    }
    return error;
}

static int scan_rows(struct sqlite_engine *engine, sqlite3_stmt *stmt, vow_journal_scan_fn *each, void *each_ctx,
                     bool is_proved, struct vow_error_detail *detail)
{
    struct vow_record_branch branches[VOW_CALLS_MAX];
    struct vow_journal_event event = {0};
    int error = 0, found;

    while (error == 0 && (found = next_event(engine, stmt, &event, branches, is_proved, detail)) != 0)
        error = found < 0 ? found : each(each_ctx, &event);
    (void)sqlite3_reset(stmt);
    return error;
}

int journal_sqlite_scan_events(struct sqlite_engine *engine, const struct vow_journal_relay *relay,
                               struct vow_error_detail *detail)
{
    sqlite3_stmt *stmt = journal_sqlite_statement(engine, JOURNAL_STMT_EVENTS_NEEDED);

    if (stmt == NULL)
        return journal_sqlite_fail(engine, "reading", detail);
    return scan_rows(engine, stmt, relay->event, relay->ctx, false, detail);
}

/* The list first, then what came after it: both were proved when the log was opened. */
int journal_sqlite_scan(void *ctx, vow_journal_scan_fn *each, void *each_ctx, struct vow_error_detail *detail)
{
    struct sqlite_engine *engine = ctx;
    int error =
        scan_rows(engine, journal_sqlite_statement(engine, JOURNAL_STMT_OPEN_SCAN), each, each_ctx, true, detail);
    sqlite3_stmt *tail;

    if (error != 0)
        return error;
    tail = journal_sqlite_statement(engine, JOURNAL_STMT_OPEN_TAIL);
    (void)sqlite3_bind_int64(tail, 1, (sqlite3_int64)engine->snapshot.taken.lsn);
    return scan_rows(engine, tail, each, each_ctx, true, detail);
}

struct keyed {
    struct sqlite_engine *engine;
    vow_journal_scan_fn *each;
    void *ctx;
    struct vow_error_detail *detail;
};

static int add_damage(void *ctx, const struct vow_journal_event *event)
{
    const struct keyed *keyed = ctx;
    struct vow_journal_op op = {.gtrid = event->record.gtrid};
    struct vow_journal_event with = *event;
    int error = journal_sqlite_damage(keyed->engine, &op, keyed->detail);

    with.record.detail = op.damage;
    return error != 0 ? error : keyed->each(keyed->ctx, &with);
}

int journal_sqlite_keys(void *ctx, uint32_t max, vow_journal_scan_fn *each, void *each_ctx,
                        struct vow_error_detail *detail)
{
    struct sqlite_engine *engine = ctx;
    struct keyed keyed = {.engine = engine, .each = each, .ctx = each_ctx, .detail = detail};
    sqlite3_stmt *keys = journal_sqlite_statement(engine, JOURNAL_STMT_KEYS);

    if (keys == NULL)
        return journal_sqlite_fail(engine, "reading", detail);
    (void)sqlite3_bind_int64(keys, 1, max);
    return scan_rows(engine, keys, add_damage, &keyed, false, detail);
}

int journal_sqlite_saga_keys(void *ctx, uint32_t max, vow_journal_scan_fn *each, void *each_ctx,
                             struct vow_error_detail *detail)
{
    struct sqlite_engine *engine = ctx;
    sqlite3_stmt *keys = journal_sqlite_statement(engine, JOURNAL_STMT_SAGA_KEYS);

    if (keys == NULL)
        return journal_sqlite_fail(engine, "reading", detail);
    (void)sqlite3_bind_int64(keys, 1, max);
    return scan_rows(engine, keys, each, each_ctx, false, detail);
}

int journal_sqlite_absence(const struct sqlite_engine *engine, const struct vow_gtrid *gtrid)
{
    if (vow_gtrid_below(gtrid, engine->snapshot.floor))
        return VOW_E_EXPIRED;
    return !engine->proof.done && vow_gtrid_below(gtrid, engine->proof.high) ? VOW_E_RECOVERING : VOW_E_NOT_FOUND;
}
