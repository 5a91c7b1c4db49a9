/*
 * What of an unfinished saga need not stay. Its records stay until its END, whatever their age; but attempts that
 * failed, and a step that is stuck again and again beside a participant that comes and goes, are written down for as
 * long as that lasts. Of those that retention has come to, the ones go from which no state from here on follows, since
 * a later record of the same step, which it has come to as well, says all that they say:
 *
 *   an attempt that failed (fate NONE), by any later record of its step;
 *   STUCK, by a later STUCK, if an operator's RETRY lies between them, or if it is not the first since the last RETRY.
 *
 * The first STUCK since then stays, for the saga may be told to have failed of it, and not of another step that was
 * stuck meanwhile. That this is all that a start makes of them, core/saga/recover.c has to see to.
 */
#include <string.h>

#include "coordinator/journal/sqlite_engine.h"

/* Of one look. What is beyond has another one with the step's next record. */
#define LOOK_MAX 1024

struct looking {
    struct sqlite_engine *engine;
    struct vow_record_step by; /* what the later record says */
    bool is_before_retry;
    uint64_t stuck_lsn; /* the earliest STUCK since the last RETRY that was seen so far; 0 = none */
};

static int read_record(struct looking *looking, const struct journal_row *row, struct vow_record *record,
                       struct vow_error_detail *detail)
{
    struct vow_record_branch branches[VOW_CALLS_MAX];
    struct vow_journal_event event = {0};
    int error = journal_sqlite_event(looking->engine, row, &event, branches, detail);

    *record = event.record;
    record->branches = NULL;
    return error;
}

/* Which one goes now that this one was seen, the newest first: 0 = none. */
static uint64_t judge(struct looking *looking, const struct vow_record *record, uint64_t lsn)
{
    uint64_t later = looking->stuck_lsn;

    if (record->kind == VOW_RECORD_SAGA_RETRY)
        looking->is_before_retry = true;
    if (record->kind != VOW_RECORD_SAGA_STEP || record->step.number != looking->by.number)
        return 0;
    if (record->step.fate == VOW_FATE_NONE)
        return lsn;
    if (record->step.fate != VOW_FATE_STUCK || looking->by.fate != VOW_FATE_STUCK)
        return 0;
    if (looking->is_before_retry)
        return lsn;
    looking->stuck_lsn = lsn;
    return later;
}

static int look(struct looking *looking, sqlite3_stmt *stmt, const struct journal_row *by, uint64_t voids[LOOK_MAX],
                unsigned *voids_len, struct vow_error_detail *detail)
{
    int error = 0, rc = SQLITE_ROW;

    while (error == 0 && (rc = sqlite3_step(stmt)) == SQLITE_ROW) {
        struct journal_row row;
        struct journal_hash hash;
        struct vow_record record;

        if (!journal_sqlite_row(stmt, &row, &hash))
            return journal_sqlite_damaged(looking->engine, by->lsn, "an event before it is damaged", detail);
        error = read_record(looking, &row, &record, detail);
        voids[*voids_len] = error == 0 ? judge(looking, &record, row.lsn) : 0;
        *voids_len += voids[*voids_len] != 0;
    }
    return error != 0 || rc == SQLITE_DONE ? error : journal_sqlite_fail(looking->engine, "reading", detail);
}

int journal_sqlite_drop_void(struct sqlite_engine *engine, const struct journal_row *by, struct journal_snapshot *next,
                             struct vow_error_detail *detail)
{
    sqlite3_stmt *stmt = journal_sqlite_statement(engine, JOURNAL_STMT_STEPS_BEFORE);
    struct looking looking = {.engine = engine};
    uint64_t voids[LOOK_MAX];
    unsigned voids_len = 0;
    struct vow_record record;
    int error = read_record(&looking, by, &record, detail);

    if (error != 0)
        return error;
    if (stmt == NULL)
        return journal_sqlite_fail(engine, "reading", detail);
    looking.by = record.step;
    (void)sqlite3_bind_blob(stmt, 1, by->gtrid.bytes, VOW_GTRID_BYTES, SQLITE_STATIC);
    (void)sqlite3_bind_int64(stmt, 2, (sqlite3_int64)by->lsn);
    (void)sqlite3_bind_int64(stmt, 3, LOOK_MAX);
    error = look(&looking, stmt, by, voids, &voids_len, detail);
    (void)sqlite3_reset(stmt);
    for (unsigned i = 0; error == 0 && i < voids_len; i++)
        error = journal_sqlite_drop_open(engine, next, voids[i], detail);
    return error;
}
