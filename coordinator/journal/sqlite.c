#include <stdlib.h>
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

int journal_sqlite_run(struct sqlite_engine *engine, enum journal_statement which, const char *doing,
                       struct vow_error_detail *detail)
{
    sqlite3_stmt *stmt = engine->statements[which];
    int error;

    if (stmt == NULL)
        return journal_sqlite_fail(engine, doing, detail);
    error = sqlite3_step(stmt) == SQLITE_DONE ? 0 : journal_sqlite_fail(engine, doing, detail);
    (void)sqlite3_reset(stmt);
    (void)sqlite3_clear_bindings(stmt);
    return error;
}

/* Makes the event's body; an order is as large as a message may be. */
static int encode_body(struct sqlite_engine *engine, const struct vow_record *record, struct vow_slice *body,
                       struct vow_error_detail *detail)
{
    size_t size = journal_body_size(record);

    if (size > engine->body_size) {
        uint8_t *larger = realloc(engine->body, size);

        if (larger == NULL)
            return journal_fail(detail, VOW_E_NO_MEMORY, "no memory for an event");
        engine->body = larger;
        engine->body_size = size;
    }
    body->len = journal_body_encode(record, engine->body);
    body->data = engine->body;
    return 0;
}

/* Adds the record as the event after *head, inside the open transaction, and moves *head on to it. */
static int append(struct sqlite_engine *engine, const struct vow_record *record, uint64_t wall_us,
                  struct journal_head *head, struct vow_error_detail *detail)
{
    sqlite3_stmt *stmt = engine->statements[JOURNAL_STMT_APPEND];
    struct journal_head next = {.lsn = head->lsn + 1};
    struct journal_row row = {
        .lsn = next.lsn, .wall_us = wall_us, .gtrid = record->gtrid, .kind = (uint32_t)record->kind};
    int error = encode_body(engine, record, &row.body, detail);

    if (error != 0)
        return error;
    if (journal_chain_next(&engine->chain, &head->hash, &row, &next.hash) != 0)
        return journal_fail(detail, VOW_E_NO_MEMORY, "no memory for SHA-256");
    (void)sqlite3_bind_int64(stmt, 1, (sqlite3_int64)row.lsn);
    (void)sqlite3_bind_int64(stmt, 2, (sqlite3_int64)row.wall_us);
    (void)sqlite3_bind_blob(stmt, 3, row.gtrid.bytes, VOW_GTRID_BYTES, SQLITE_STATIC);
    (void)sqlite3_bind_int64(stmt, 4, (sqlite3_int64)row.kind);
    (void)sqlite3_bind_blob(stmt, 5, row.body.data, (int)row.body.len, SQLITE_STATIC);
    (void)sqlite3_bind_blob(stmt, 6, next.hash.bytes, JOURNAL_HASH_BYTES, SQLITE_STATIC);
    error = journal_sqlite_run(engine, JOURNAL_STMT_APPEND, "appending an event", detail);
    if (error == 0)
        *head = next;
    return error;
}

/* Ends the transaction durably: first the log, then the witness, which must never be ahead of it. */
static int make_durable(struct sqlite_engine *engine, const struct journal_head *head, struct vow_error_detail *detail)
{
    int error;

    if (head->lsn != engine->head.lsn)
        VOW_CRASH("journal", "before", "LOG_SYNC");
    error = journal_sqlite_run(engine, JOURNAL_STMT_COMMIT, "committing", detail);
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
    atomic_store(&engine->counters.failed, (uint64_t) - (int64_t)detail->error);
    VOW_LOG(VOW_LOG_ERROR, "journal_failed", VOW_STR("why", detail->text),
            VOW_STR("do", "stop, start again, and recover from the journal"));
    return engine->failed;
}

static void count_syncs(struct sqlite_engine *engine)
{
    atomic_store(&engine->counters.syncs, journal_vfs_syncs(engine->db) + engine->witness.syncs);
    atomic_store(&engine->counters.last_lsn, engine->head.lsn);
}

static void show_snapshot(struct sqlite_engine *engine)
{
    const struct journal_snapshot *snapshot = &engine->snapshot;

    atomic_store(&engine->counters.pruned, snapshot->pruned);
    atomic_store(&engine->counters.cut_lsn, snapshot->cut.lsn);
    atomic_store(&engine->counters.taken_lsn, snapshot->taken.lsn);
    atomic_store(&engine->counters.floor_epoch, snapshot->floor.epoch);
    atomic_store(&engine->counters.floor_seq, snapshot->floor.seq);
    atomic_store(&engine->counters.proved, engine->proof.done);
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
        return journal_fail(detail, VOW_E_NO_MEMORY, "no memory for SHA-256");
    (void)sqlite3_bind_int64(stmt, 1, (sqlite3_int64)identity->coord);
    (void)sqlite3_bind_text(stmt, 2, identity->name, -1, SQLITE_STATIC);
    (void)sqlite3_bind_int64(stmt, 3, (sqlite3_int64)identity->epoch);
    (void)sqlite3_bind_blob(stmt, 4, seal.bytes, JOURNAL_HASH_BYTES, SQLITE_STATIC);
    error = journal_sqlite_run(engine, JOURNAL_STMT_IDENTITY, "writing the identity", detail);
    return error;
}

static int write_epoch(struct sqlite_engine *engine, const struct vow_journal_identity *identity,
                       struct vow_error_detail *detail)
{
    struct vow_record record = {.kind = VOW_RECORD_EPOCH, .epoch = identity->epoch};
    struct journal_head head = engine->head;
    int error = journal_sqlite_run(engine, JOURNAL_STMT_BEGIN, "beginning", detail);

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

/* SQLite syncs the name of a WAL that it has made. If it is killed before, the next process finds the WAL there, and
 * nobody ever does (fault F110). */
static int sync_names(struct sqlite_engine *engine, struct vow_error_detail *detail)
{
    if (engine->files.ops->sync_directory(&engine->files, &engine->witness.file) == 0)
        return 0;
    return journal_fail(detail, VOW_E_IO, "%.150s: syncing the directory: %m", engine->directory);
}

/* What is built upon must be durable: an earlier process may have died of a sync that failed (F105). */
static int write_wal_again(struct sqlite_engine *engine, struct vow_error_detail *detail)
{
    const int rc = journal_vfs_write_wal_again(engine->db);

    if (rc != SQLITE_OK) {
        return journal_fail(detail, journal_sqlite_error(rc), "%.80s/" JOURNAL_DB_FILE ": writing the WAL again: %s",
                            engine->directory, sqlite3_errstr(rc));
    }
    VOW_CRASH("journal", "after", "WAL_AGAIN");
    return 0;
}

/* After the checkpoint there is a WAL, whatever else was found, and it is written from its start. */
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
    error = write_wal_again(engine, detail);
    error = error != 0 ? error : checkpoint(engine, detail);
    error = error != 0 ? error : sync_names(engine, detail);
    error = error != 0 ? error : write_epoch(engine, &next, detail);
    if (error != 0)
        return fail_for_good(engine, detail);
    engine->identity = *identity = next;
    engine->taken_over = true;
    atomic_fetch_add(&engine->counters.commits, 1);
    atomic_fetch_add(&engine->counters.records, 1);
    atomic_fetch_add(&engine->counters.forced_records, 1);
    count_syncs(engine);
    show_snapshot(engine);
    return 0;
}

/* --- Retention --- */

/* A turn of folding in and cutting off, in the open transaction; *next is the snapshot it leaves. */
static int take_turn(struct sqlite_engine *engine, uint64_t wall_us, uint64_t rows, struct journal_snapshot *next,
                     struct vow_error_detail *detail)
{
    bool is_wanted;
    int error;

    *next = engine->snapshot;
    is_wanted = journal_sqlite_wants_turn(engine, wall_us);
    /* To look may have lacked memory, and then SQLite has rolled all back: a turn now would be without the batch. */
    if (sqlite3_get_autocommit(engine->db) != 0)
        return journal_sqlite_fail(engine, "looking for what is old", detail);
    if (!is_wanted)
        return 0;
    error = journal_sqlite_turn(engine, wall_us, rows, next, detail);
    VOW_CRASH("journal", "after", "CUT");
    return error;
}

/* Nothing else is to be done: a larger turn, and a commit of its own if it has found anything. */
static int turn_alone(struct sqlite_engine *engine, struct vow_error_detail *detail)
{
    uint64_t wall_us = vow_clock_wall_us();
    struct journal_snapshot next;
    int error;

    if (!journal_sqlite_wants_turn(engine, wall_us))
        return 0;
    error = journal_sqlite_run(engine, JOURNAL_STMT_BEGIN, "beginning", detail);
    error = error != 0 ? error : journal_sqlite_turn(engine, wall_us, JOURNAL_TURN_IDLE, &next, detail);
    if (error == 0) {
        VOW_CRASH("journal", "before", "CUT_SYNC");
        error = journal_sqlite_run(engine, JOURNAL_STMT_COMMIT, "committing", detail);
        VOW_CRASH("journal", "after", "CUT_SYNC");
    }
    if (error == 0)
        engine->snapshot = next;
    return error;
}

static void idle(void *ctx)
{
    struct sqlite_engine *engine = ctx;
    struct vow_error_detail detail;
    int error = engine->failed;

    if (error != 0 || !engine->taken_over)
        return;
    error = turn_alone(engine, &detail);
    error = error != 0 ? error : journal_sqlite_prove(engine, JOURNAL_TURN_IDLE, &detail);
    if (error == 0 && engine->wal_pages > JOURNAL_WAL_PAGES_MAX)
        error = checkpoint(engine, &detail);
    if (error != 0)
        (void)fail_for_good(engine, &detail);
    count_syncs(engine);
    show_snapshot(engine);
}

static void retain(void *ctx, const struct vow_journal_retention *retention)
{
    struct sqlite_engine *engine = ctx;

    atomic_store(&engine->limits.age_ms, retention->age_ms);
    atomic_store(&engine->limits.bytes, retention->bytes);
    atomic_store(&engine->limits.least_ms, retention->least_ms);
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
        error = journal_fail(detail, VOW_E_STATE, "lsn %llu says that the transaction was aborted, now it is to commit",
                             (unsigned long long)op->lsn);
    }
    op->result = VOW_JOURNAL_EXISTS;
    return error;
}

static int write_op(struct sqlite_engine *engine, struct vow_journal_op *op, uint64_t wall_us,
                    struct journal_head *head, struct vow_error_detail *detail)
{
    int error;

    if (op->kind == VOW_JOURNAL_LIFE) {
        op->result = VOW_JOURNAL_WON;
        return journal_sqlite_write_life(engine, &op->life, detail);
    }
    VOW_ASSERT((op->kind == VOW_JOURNAL_DECIDE) == (op->record.kind == VOW_RECORD_COMMIT));
    VOW_IMPLIES(op->kind == VOW_JOURNAL_END,
                op->record.kind == VOW_RECORD_END || op->record.kind == VOW_RECORD_SAGA_END);
    error = judge(engine, op, detail);
    if (error == 0 && op->result == VOW_JOURNAL_WON) {
        error = append(engine, &op->record, wall_us, head, detail);
        op->lsn = head->lsn;
        if (error == 0 && vow_record_is_relay(op->record.kind))
            error = journal_sqlite_relay_write(engine, op, detail);
    }
    return error;
}

/* All writes of a batch as one transaction, so that one pair of syncs is shared by all (group commit). */
static int write_batch(struct sqlite_engine *engine, struct vow_journal_op *first, struct vow_error_detail *detail)
{
    struct journal_head head = engine->head;
    struct journal_snapshot next;
    uint64_t wall_us = vow_clock_wall_us();
    int error = journal_sqlite_run(engine, JOURNAL_STMT_BEGIN, "beginning", detail);

    for (struct vow_journal_op *op = first; op != NULL && error == 0; op = journal_op_next(op)) {
        if (journal_op_is_write(op))
            error = write_op(engine, op, wall_us, &head, detail);
    }
    if (error == 0)
        error = take_turn(engine, wall_us, JOURNAL_TURN_BATCH + 2 * (head.lsn - engine->head.lsn), &next, detail);
    error = error != 0 ? error : make_durable(engine, &head, detail);
    if (error == 0)
        engine->snapshot = next;
    return error;
}

static void count_batch(struct sqlite_engine *engine, const struct vow_journal_op *first)
{
    uint64_t records = 0, forced = 0, notes = 0;

    for (const struct vow_journal_op *op = first; op != NULL; op = journal_op_next(op)) {
        if (journal_op_is_record(op) && op->result == VOW_JOURNAL_WON) {
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

static int look_up(struct sqlite_engine *engine, struct vow_journal_op *op, struct vow_error_detail *detail)
{
    int error = journal_sqlite_damage(engine, op, detail);

    if (error == 0)
        error = journal_sqlite_terminal(engine, &op->gtrid, op, detail);
    if (error != VOW_E_NOT_FOUND)
        return error;
    /* A saga that has ended is no transaction that was aborted: op->saga says so. */
    error = journal_sqlite_saga(engine, op, detail);
    return error == 0 ? VOW_E_NOT_FOUND : error;
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
            op->error = look_up(engine, op, &detail);
        else if (op->kind == VOW_JOURNAL_GET_SAGA)
            op->error = journal_sqlite_saga(engine, op, &detail);
        else if (op->kind == VOW_JOURNAL_LOCATE)
            op->error = journal_sqlite_locate(engine, op, &detail);
        else if (op->kind == VOW_JOURNAL_READ)
            op->error = journal_sqlite_page(engine, op, &detail);
        else if (op->kind == VOW_JOURNAL_EVENTS)
            op->error = journal_sqlite_events(engine, op, &detail);
        else
            op->error = journal_sqlite_history(engine, op, &detail);
        if (op->error == VOW_E_NOT_FOUND)
            op->error = journal_sqlite_absence(engine, &op->gtrid);
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
    if (engine->failed == 0 && journal_sqlite_prove(engine, JOURNAL_TURN_BATCH, &detail) != 0)
        (void)fail_for_good(engine, &detail);
    read_batch(engine, first);
    /* The batch is durable whatever becomes of the checkpoint; a failed one stops the next batch. */
    if (engine->failed == 0 && engine->wal_pages > JOURNAL_WAL_PAGES_MAX && checkpoint(engine, &detail) != 0)
        (void)fail_for_good(engine, &detail);
    count_syncs(engine);
    show_snapshot(engine);
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
    stats->pruned = atomic_load(&counters->pruned);
    stats->cut_lsn = atomic_load(&counters->cut_lsn);
    stats->snapshot_lsn = atomic_load(&counters->taken_lsn);
    stats->floor.epoch = (uint32_t)atomic_load(&counters->floor_epoch);
    stats->floor.seq = atomic_load(&counters->floor_seq);
    stats->is_proved = atomic_load(&counters->proved) != 0;
    stats->failed = -(int)atomic_load(&counters->failed);
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
    .idle = idle,
    .retain = retain,
    .scan = journal_sqlite_scan,
    .keys = journal_sqlite_keys,
    .saga_keys = journal_sqlite_saga_keys,
    .lives = journal_sqlite_lives,
    .relay = journal_sqlite_relay,
    .stats = get_stats,
    .close = close_engine,
};
