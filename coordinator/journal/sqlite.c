#include <string.h>

#include "coordinator/journal/fail.h"
#include "coordinator/journal/op.h"
#include "coordinator/journal/record_codec.h"
#include "coordinator/journal/sqlite_engine.h"
#include "coordinator/journal/sqlite_vfs.h"
#include "proto/assert.h"
#include "proto/net/clock.h"
#include "proto/net/crash.h"
#include "proto/net/log.h"

/* Runs a statement that gives no rows. */
static int run(struct sqlite_engine *engine, enum journal_statement which, const char *doing,
               struct vow_error_detail *detail)
{
    sqlite3_stmt *stmt = engine->statements[which];
    int rc = sqlite3_step(stmt);
    int error = rc == SQLITE_DONE ? 0 : journal_sqlite_fail(engine, doing, detail);

    (void)sqlite3_reset(stmt);
    return error;
}

/* Adds the record as the event after *head, inside the open transaction, and moves *head on to it. */
static int append(struct sqlite_engine *engine, const struct vow_record *record, uint64_t wall_us,
                  struct journal_head *head, struct vow_error_detail *detail)
{
    uint8_t body[JOURNAL_BODY_MAX];
    sqlite3_stmt *stmt = engine->statements[JOURNAL_STMT_APPEND];
    struct journal_head next = {.lsn = head->lsn + 1};
    struct journal_row row = {
        .lsn = next.lsn, .wall_us = wall_us, .gtrid = record->gtrid, .kind = (uint32_t)record->kind, .body.data = body};
    int error;

    row.body.len = journal_body_encode(record, body);
    if (journal_chain_next(&engine->chain, &head->hash, &row, &next.hash) != 0)
        return journal_fail(detail, VOW_E_SYSTEM, "SHA-256 is not available");
    (void)sqlite3_bind_int64(stmt, 1, (sqlite3_int64)row.lsn);
    (void)sqlite3_bind_int64(stmt, 2, (sqlite3_int64)row.wall_us);
    (void)sqlite3_bind_blob(stmt, 3, row.gtrid.bytes, VOW_GTRID_BYTES, SQLITE_STATIC);
    (void)sqlite3_bind_int64(stmt, 4, (sqlite3_int64)row.kind);
    (void)sqlite3_bind_blob(stmt, 5, body, (int)row.body.len, SQLITE_STATIC);
    (void)sqlite3_bind_blob(stmt, 6, next.hash.bytes, JOURNAL_HASH_BYTES, SQLITE_STATIC);
    error = run(engine, JOURNAL_STMT_APPEND, "appending an event", detail);
    (void)sqlite3_clear_bindings(stmt);
    if (error == 0)
        *head = next;
    return error;
}

/* Ends the transaction durably: first the log, then the witness, which must never be ahead of it. */
static int make_durable(struct sqlite_engine *engine, const struct journal_head *head, struct vow_error_detail *detail)
{
    int error;

    VOW_CRASH("journal", "before", "LOG_SYNC");
    error = run(engine, JOURNAL_STMT_COMMIT, "committing", detail);
    if (error != 0 || head->lsn == engine->head.lsn)
        return error;
    VOW_CRASH("journal", "before", "WITNESS_SYNC");
    error = journal_witness_write(&engine->witness, head, detail);
    if (error == 0) {
        VOW_CRASH("journal", "after", "WITNESS_SYNC");
        engine->head = *head;
    }
    return error;
}

/* A write that went wrong leaves it open what is on disk. Nothing is tried again, nothing more is written or read
 * (guarantee 4, faults F101 to F105): the process must stop, and recovery reads what the disk has kept. */
static int fail_for_good(struct sqlite_engine *engine, const struct vow_error_detail *detail)
{
    engine->failed = detail->error;
    VOW_LOG(VOW_LOG_ERROR, "journal_failed", VOW_STR("why", detail->text),
            VOW_STR("do", "stop, start again, and recover from the journal"));
    return engine->failed;
}

static void count_syncs(struct sqlite_engine *engine)
{
    atomic_store(&engine->counters.syncs, journal_vfs_syncs(engine->db) + engine->witness.syncs);
    atomic_store(&engine->counters.last_lsn, engine->head.lsn);
}

/* Copies the WAL into the database on this one connection. The next commit then writes the WAL from its start again. */
static int checkpoint(struct sqlite_engine *engine, struct vow_error_detail *detail)
{
    int frames = 0, copied = 0;

    VOW_CRASH("journal", "before", "CHECKPOINT");
    if (sqlite3_wal_checkpoint_v2(engine->db, NULL, SQLITE_CHECKPOINT_PASSIVE, &frames, &copied) != SQLITE_OK)
        return journal_sqlite_fail(engine, "checkpointing", detail);
    if (frames != copied) {
        return journal_fail(detail, VOW_E_DATABASE,
                            "%.80s/" JOURNAL_DB_FILE ": the WAL cannot be checkpointed (%d of %d)", engine->directory,
                            copied, frames);
    }
    VOW_CRASH("journal", "after", "CHECKPOINT");
    engine->wal_pages = 0;
    return 0;
}

/* --- Taking over --- */

static int write_identity(struct sqlite_engine *engine, const struct vow_journal_identity *identity,
                          const struct journal_head *head, struct vow_error_detail *detail)
{
    sqlite3_stmt *stmt = engine->statements[JOURNAL_STMT_IDENTITY];
    struct journal_hash seal;
    int error;

    if (journal_sqlite_seal(engine, &head->hash, identity, &seal) != 0)
        return journal_fail(detail, VOW_E_SYSTEM, "SHA-256 is not available");
    (void)sqlite3_bind_int64(stmt, 1, (sqlite3_int64)identity->coord);
    (void)sqlite3_bind_text(stmt, 2, identity->name, -1, SQLITE_STATIC);
    (void)sqlite3_bind_int64(stmt, 3, (sqlite3_int64)identity->epoch);
    (void)sqlite3_bind_blob(stmt, 4, seal.bytes, JOURNAL_HASH_BYTES, SQLITE_STATIC);
    error = run(engine, JOURNAL_STMT_IDENTITY, "writing the identity", detail);
    (void)sqlite3_clear_bindings(stmt);
    return error;
}

static int write_epoch(struct sqlite_engine *engine, const struct vow_journal_identity *identity,
                       struct vow_error_detail *detail)
{
    struct vow_record record = {.kind = VOW_RECORD_EPOCH, .epoch = identity->epoch};
    struct journal_head head = engine->head;
    int error = run(engine, JOURNAL_STMT_BEGIN, "beginning", detail);

    error = error != 0 ? error : append(engine, &record, vow_clock_wall_us(), &head, detail);
    error = error != 0 ? error : write_identity(engine, identity, &head, detail);
    return error != 0 ? error : make_durable(engine, &head, detail);
}

/* The identity of the next epoch; its first one draws the coordinator's number. */
static int next_identity(const struct sqlite_engine *engine, struct vow_journal_identity *identity,
                         struct vow_error_detail *detail)
{
    *identity = engine->identity;
    if (identity->epoch == UINT32_MAX) {
        return journal_fail(detail, VOW_E_TOO_LARGE, "%.150s: all epochs are used up; start with a new directory",
                            engine->directory);
    }
    identity->epoch++;
    while (identity->coord == 0) {
        if (vow_random_bytes(&identity->coord, sizeof(identity->coord)) != 0)
            return journal_fail(detail, VOW_E_SYSTEM, "the kernel gives no random bytes: %m");
        identity->coord &= VOW_COORD_MAX;
    }
    return 0;
}

/*
 * The checkpoint comes first because frames that a failed sync left in the page cache alone read like durable ones:
 * copying them writes them again.
 */
static int take_over(void *ctx, struct vow_journal_identity *identity, struct vow_error_detail *detail)
{
    struct sqlite_engine *engine = ctx;
    struct vow_journal_identity next;
    int error = engine->failed;

    if (error != 0)
        return journal_fail(detail, error, "%.150s: an earlier write went wrong; start again", engine->directory);
    error = next_identity(engine, &next, detail);
    if (error != 0)
        return error;
    error = checkpoint(engine, detail);
    error = error != 0 ? error : write_epoch(engine, &next, detail);
    if (error != 0)
        return fail_for_good(engine, detail);
    engine->identity = *identity = next;
    engine->taken_over = true;
    atomic_fetch_add(&engine->counters.commits, 1);
    atomic_fetch_add(&engine->counters.records, 1);
    atomic_fetch_add(&engine->counters.forced_records, 1);
    count_syncs(engine);
    return 0;
}

/* --- Committing a batch --- */

/*
 * May this record be written? A COMMIT only by the epoch that owns the log, and only once. The stored epoch needs no
 * look: the exclusive lock keeps everybody else from moving it. A COMMIT after an ABORTED would be a second,
 * different end of one transaction (invariant I02): a bug above us, and the end of this process.
 */
static int judge(struct sqlite_engine *engine, struct vow_journal_op *op, struct vow_error_detail *detail)
{
    int error;

    op->result = VOW_JOURNAL_WON;
    if (op->kind != VOW_JOURNAL_DECIDE)
        return 0;
    if (op->record.epoch != engine->identity.epoch) {
        op->result = VOW_JOURNAL_FENCED;
        return 0;
    }
    error = journal_sqlite_terminal(engine, &op->record.gtrid, op, detail);
    if (error == VOW_E_NOT_FOUND)
        return 0;
    if (error == 0 && op->outcome != VOW_COMMITTED) {
        error = journal_fail(detail, VOW_E_STATE, "lsn %llu says that the transaction was aborted, now it shall commit",
                             (unsigned long long)op->lsn);
    }
    op->result = VOW_JOURNAL_EXISTS;
    return error;
}

static int write_op(struct sqlite_engine *engine, struct vow_journal_op *op, uint64_t wall_us,
                    struct journal_head *head, struct vow_error_detail *detail)
{
    int error;

    VOW_ASSERT((op->kind == VOW_JOURNAL_DECIDE) == (op->record.kind == VOW_RECORD_COMMIT));
    VOW_IMPLIES(op->kind == VOW_JOURNAL_END, op->record.kind == VOW_RECORD_END);
    error = judge(engine, op, detail);
    if (error == 0 && op->result == VOW_JOURNAL_WON) {
        error = append(engine, &op->record, wall_us, head, detail);
        op->lsn = head->lsn;
    }
    return error;
}

/* All writes of a batch as one transaction, so that one pair of syncs is shared by all (group commit). */
static int write_batch(struct sqlite_engine *engine, struct vow_journal_op *first, struct vow_error_detail *detail)
{
    struct journal_head head = engine->head;
    uint64_t wall_us = vow_clock_wall_us();
    int error = run(engine, JOURNAL_STMT_BEGIN, "beginning", detail);

    for (struct vow_journal_op *op = first; op != NULL && error == 0; op = journal_op_next(op)) {
        if (journal_op_is_write(op))
            error = write_op(engine, op, wall_us, &head, detail);
    }
    return error != 0 ? error : make_durable(engine, &head, detail);
}

static void count_batch(struct sqlite_engine *engine, const struct vow_journal_op *first)
{
    uint64_t records = 0, forced = 0, notes = 0;

    for (const struct vow_journal_op *op = first; op != NULL; op = journal_op_next(op)) {
        if (journal_op_is_write(op) && op->result == VOW_JOURNAL_WON) {
            bool note = vow_record_is_note(op->record.kind);

            notes += note;
            records += !note;
            forced += !note && journal_op_is_forced(op);
        }
    }
    atomic_fetch_add(&engine->counters.commits, 1);
    atomic_fetch_add(&engine->counters.records, records);
    atomic_fetch_add(&engine->counters.forced_records, forced);
    atomic_fetch_add(&engine->counters.notes, notes);
}

static bool has_writes(const struct vow_journal_op *first)
{
    for (; first != NULL; first = journal_op_next(first)) {
        if (journal_op_is_write(first))
            return true;
    }
    return false;
}

/* What was judged holds only if all of it is durable; else no write of the batch has any answer but UNKNOWN. */
static void settle_writes(struct vow_journal_op *first, int error)
{
    for (struct vow_journal_op *op = first; op != NULL; op = journal_op_next(op)) {
        if (journal_op_is_write(op)) {
            op->error = error;
            op->result = error != 0 ? VOW_JOURNAL_UNKNOWN : op->result;
        }
    }
}

/* After a failed write even reading is over: what a transaction that failed would show now is not what recovery
 * will find. */
static void read_batch(struct sqlite_engine *engine, struct vow_journal_op *first)
{
    struct vow_error_detail detail;

    for (struct vow_journal_op *op = first; op != NULL; op = journal_op_next(op)) {
        if (journal_op_is_write(op))
            continue;
        if (engine->failed != 0)
            op->error = engine->failed;
        else if (op->kind == VOW_JOURNAL_GET)
            op->error = journal_sqlite_terminal(engine, &op->gtrid, op, &detail);
        else
            op->error = journal_sqlite_history(engine, op, &detail);
    }
}

static void commit(void *ctx, struct vow_journal_op *first)
{
    struct sqlite_engine *engine = ctx;
    struct vow_error_detail detail;

    if (has_writes(first)) {
        VOW_ASSERT(engine->taken_over);
        if (engine->failed == 0 && write_batch(engine, first, &detail) != 0)
            (void)fail_for_good(engine, &detail);
        settle_writes(first, engine->failed);
        if (engine->failed == 0)
            count_batch(engine, first);
    }
    read_batch(engine, first);
    /* The batch is durable whatever becomes of the checkpoint; a failed one stops the next batch. */
    if (engine->failed == 0 && engine->wal_pages > JOURNAL_WAL_PAGES_MAX && checkpoint(engine, &detail) != 0)
        (void)fail_for_good(engine, &detail);
    count_syncs(engine);
}

static void get_stats(const void *ctx, struct vow_journal_stats *stats)
{
    const struct sqlite_engine *engine = ctx;
    const struct journal_counters *counters = &engine->counters;

    stats->commits = atomic_load(&counters->commits);
    stats->syncs = atomic_load(&counters->syncs);
    stats->records = atomic_load(&counters->records);
    stats->forced_records = atomic_load(&counters->forced_records);
    stats->notes = atomic_load(&counters->notes);
    stats->last_lsn = atomic_load(&counters->last_lsn);
}

/* Only a healthy log is folded in and its WAL removed; a failed one is left to recovery as it is. */
static void close_engine(void *ctx)
{
    struct sqlite_engine *engine = ctx;

    if (engine == NULL)
        return;
    (void)sqlite3_db_config(engine->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, engine->failed != 0, NULL);
    journal_sqlite_free(engine);
}

const struct vow_journal_engine journal_sqlite_engine = {
    .name = "sqlite",
    .takeover = take_over,
    .commit = commit,
    .scan = journal_sqlite_scan,
    .stats = get_stats,
    .close = close_engine,
};
