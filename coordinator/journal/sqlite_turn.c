/*
 * Folding in and cutting off: a few events at a time, in the transaction of the next group commit, or in one of its own
 * when there is nothing else to do.
 *
 * An event is cut when it is old enough and no unfinished transaction needs it: COMMIT, HAZARD and other damage stay
 * until the END of their transaction is cut with them, whatever their age (B42), and so do the records of a saga, but
 * for those from which nothing follows any more (sqlite_void.c). An EVENT stays until each group has done it, and as
 * long as it is a dead letter (I28), also in some state of the past that can still be asked for, and so do the records
 * which that follows from (sqlite_past.c). What is cut raises the floor, and the floor, the new start of the chain and
 * the rows that stayed are written in the same commit: after a crash there are both or neither.
 */
#include <string.h>

#include "coordinator/journal/fail.h"
#include "coordinator/journal/sqlite_engine.h"

/* Turns between two looks at the size. */
#define SIZE_TURNS 64
/* Events that one turn releases, at most: each is looked for. */
#define RELEASED_MAX 64

/* --- What is due --- */

static uint64_t limit_of(const atomic_uint_least64_t *limit)
{
    return atomic_load_explicit(limit, memory_order_relaxed);
}

/* Times of a clock that was set back or forth: an event of the future is young. */
static bool is_older(uint64_t event_us, uint64_t wall_us, uint64_t age_ms)
{
    return event_us <= wall_us && (wall_us - event_us) / 1000 >= age_ms;
}

static bool is_old(const struct sqlite_engine *engine, uint64_t event_us, uint64_t wall_us)
{
    uint64_t age_ms = limit_of(&engine->limits.age_ms);

    return (age_ms != 0 && is_older(event_us, wall_us, age_ms)) ||
           (engine->over_size && is_older(event_us, wall_us, limit_of(&engine->limits.least_ms)));
}

/* Pages in use: what was cut is used again and does not count. */
static void look_at_size(struct sqlite_engine *engine)
{
    uint64_t bytes_max = limit_of(&engine->limits.bytes);
    sqlite3_stmt *stmt;

    if (bytes_max == 0) {
        engine->over_size = false;
        return;
    }
    if (!engine->over_size && engine->turns++ % SIZE_TURNS != 0)
        return;
    stmt = journal_sqlite_statement(engine, JOURNAL_STMT_PAGES);
    if (stmt != NULL && sqlite3_step(stmt) == SQLITE_ROW)
        engine->over_size = (uint64_t)sqlite3_column_int64(stmt, 0) > bytes_max;
    (void)sqlite3_reset(stmt);
}

/* The last event, from the cut on, up to which all are old. */
static int find_end(struct sqlite_engine *engine, uint64_t from, uint64_t to, uint64_t rows, uint64_t wall_us,
                    uint64_t *end, struct vow_error_detail *detail)
{
    sqlite3_stmt *stmt = journal_sqlite_statement(engine, JOURNAL_STMT_AGES);
    int rc = SQLITE_ROW;

    *end = from;
    if (stmt == NULL)
        return journal_sqlite_fail(engine, "reading ages", detail);
    (void)sqlite3_bind_int64(stmt, 1, (sqlite3_int64)from);
    (void)sqlite3_bind_int64(stmt, 2, (sqlite3_int64)to);
    (void)sqlite3_bind_int64(stmt, 3, (sqlite3_int64)rows);
    while ((rc = sqlite3_step(stmt)) == SQLITE_ROW) {
        engine->oldest_us = (uint64_t)sqlite3_column_int64(stmt, 1);
        if (!is_old(engine, engine->oldest_us, wall_us))
            break;
        *end = (uint64_t)sqlite3_column_int64(stmt, 0);
        engine->oldest_us = 0;
    }
    (void)sqlite3_reset(stmt);
    return rc == SQLITE_ROW || rc == SQLITE_DONE ? 0 : journal_sqlite_fail(engine, "reading ages", detail);
}

static bool is_cut_due(struct sqlite_engine *engine, uint64_t wall_us)
{
    const struct journal_snapshot *snapshot = &engine->snapshot;
    struct vow_error_detail detail;
    uint64_t end;

    if (snapshot->cut.lsn == engine->head.lsn)
        return false;
    look_at_size(engine);
    if (engine->oldest_us == 0 && find_end(engine, snapshot->cut.lsn, engine->head.lsn, 1, wall_us, &end, &detail) == 0)
        return end > snapshot->cut.lsn;
    return engine->oldest_us != 0 && is_old(engine, engine->oldest_us, wall_us);
}

/* The size is looked at while the tail is folded in, too: each turn cuts as well, and what was too large at the last
 * look may not be any more, or by the limit that holds now. */
bool journal_sqlite_wants_turn(struct sqlite_engine *engine, uint64_t wall_us)
{
    uint64_t tail = engine->head.lsn - engine->snapshot.taken.lsn;
    bool is_due = is_cut_due(engine, wall_us);

    if (tail > JOURNAL_TAIL_MAX)
        engine->folding = true;
    else if (tail <= JOURNAL_TAIL_MAX / 2)
        engine->folding = false;
    return engine->folding || is_due || (engine->releasing && engine->snapshot.kept.count > 0);
}

/* --- Both --- */

struct turn {
    struct sqlite_engine *engine;
    struct journal_snapshot *next;
    uint64_t end; /* of the cut */
};

static bool has_role(uint32_t kind, enum vow_record_role role)
{
    const struct vow_record_rule *rule = vow_record_rule(kind);

    return rule != NULL && rule->role == role;
}

/* Of a record that has an end. */
static enum vow_record_kind end_of(uint32_t kind)
{
    return vow_record_end_of(vow_record_rule(kind)->subject);
}

int journal_sqlite_end_after(struct sqlite_engine *engine, const struct vow_gtrid *gtrid, enum vow_record_kind kind,
                             uint64_t after, uint64_t *lsn, struct vow_error_detail *detail)
{
    sqlite3_stmt *stmt = journal_sqlite_statement(engine, JOURNAL_STMT_END_AFTER);
    int rc = SQLITE_ERROR;

    *lsn = 0;
    if (stmt != NULL) {
        (void)sqlite3_bind_blob(stmt, 1, gtrid->bytes, VOW_GTRID_BYTES, SQLITE_STATIC);
        (void)sqlite3_bind_int64(stmt, 2, (sqlite3_int64)after);
        (void)sqlite3_bind_int64(stmt, 3, (sqlite3_int64)kind);
        rc = sqlite3_step(stmt);
        *lsn = rc == SQLITE_ROW ? (uint64_t)sqlite3_column_int64(stmt, 0) : 0;
        (void)sqlite3_reset(stmt);
    }
    return rc == SQLITE_ROW || rc == SQLITE_DONE ? 0 : journal_sqlite_fail(engine, "looking for an END", detail);
}

static int run_lsn(struct sqlite_engine *engine, enum journal_statement which, uint64_t lsn, const char *doing,
                   struct vow_error_detail *detail)
{
    sqlite3_stmt *stmt = journal_sqlite_statement(engine, which);

    if (stmt != NULL)
        (void)sqlite3_bind_int64(stmt, 1, (sqlite3_int64)lsn);
    return journal_sqlite_run(engine, which, doing, detail);
}

static int add_row(struct sqlite_engine *engine, struct journal_rows *rows, const struct journal_row *row,
                   const struct journal_hash *hash, bool in, struct vow_error_detail *detail)
{
    struct journal_hash digest;

    if (journal_sqlite_digest(engine, row, hash, &digest) != 0)
        return journal_fail(detail, VOW_E_NO_MEMORY, "no memory for SHA-256");
    if (in)
        journal_rows_add(rows, &digest);
    else
        journal_rows_remove(rows, &digest);
    return 0;
}

/* For each record that stays until this END of its transaction, or of its saga. */
static int each_unended(struct turn *turn, const struct journal_row *end,
                        int (*each)(struct turn *turn, const struct journal_row *row, const struct journal_hash *hash,
                                    struct vow_error_detail *detail),
                        struct vow_error_detail *detail)
{
    sqlite3_stmt *stmt = journal_sqlite_statement(turn->engine, JOURNAL_STMT_UNENDED);
    int error = 0, rc = SQLITE_ERROR;

    if (stmt == NULL)
        return journal_sqlite_fail(turn->engine, "reading", detail);
    (void)sqlite3_bind_blob(stmt, 1, end->gtrid.bytes, VOW_GTRID_BYTES, SQLITE_STATIC);
    (void)sqlite3_bind_int64(stmt, 2, (sqlite3_int64)end->lsn);
    (void)sqlite3_bind_int64(stmt, 3, (sqlite3_int64)end->kind);
    while (error == 0 && (rc = sqlite3_step(stmt)) == SQLITE_ROW) {
        struct journal_row row;
        struct journal_hash hash;

        error = journal_sqlite_row(stmt, &row, &hash)
                    ? each(turn, &row, &hash, detail)
                    : journal_sqlite_damaged(turn->engine, end->lsn, "an event before it is damaged", detail);
    }
    if (error == 0 && rc != SQLITE_DONE)
        error = journal_sqlite_fail(turn->engine, "reading", detail);
    (void)sqlite3_reset(stmt);
    return error;
}

/* --- Folding in --- */

static int list_open(struct turn *turn, const struct journal_row *row, const struct journal_hash *hash,
                     struct vow_error_detail *detail)
{
    uint64_t end;
    int error = journal_sqlite_end_after(turn->engine, &row->gtrid, end_of(row->kind), row->lsn, &end, detail);

    if (error != 0 || end != 0)
        return error;
    error = run_lsn(turn->engine, JOURNAL_STMT_OPEN_ADD, row->lsn, "listing an open record", detail);
    return error != 0 ? error : add_row(turn->engine, &turn->next->open, row, hash, true, detail);
}

static int unlist_open(struct turn *turn, const struct journal_row *row, const struct journal_hash *hash,
                       struct vow_error_detail *detail)
{
    struct sqlite_engine *engine = turn->engine;
    int error = run_lsn(engine, JOURNAL_STMT_OPEN_REMOVE, row->lsn, "closing an open record", detail);

    if (error != 0 || sqlite3_changes(engine->db) == 0)
        return error;
    return add_row(engine, &turn->next->open, row, hash, false, detail);
}

static int fold_row(void *ctx, const struct journal_row *row, const struct journal_hash *hash,
                    struct vow_error_detail *detail)
{
    struct turn *turn = ctx;

    journal_mark_raise(&turn->next->high, &row->gtrid);
    if (row->kind == VOW_RECORD_EPOCH)
        turn->next->epoch_event = *hash;
    if (has_role(row->kind, VOW_ROLE_OPENS))
        return list_open(turn, row, hash, detail);
    if (has_role(row->kind, VOW_ROLE_ENDS) && turn->next->open.count > 0)
        return each_unended(turn, row, unlist_open, detail);
    return 0;
}

/* --- Cutting off --- */

static int delete_row(struct turn *turn, const struct journal_row *row, struct vow_error_detail *detail)
{
    journal_mark_raise(&turn->next->floor, &row->gtrid);
    turn->next->pruned++;
    return run_lsn(turn->engine, JOURNAL_STMT_CUT, row->lsn, "cutting off an event", detail);
}

static int delete_kept(struct turn *turn, const struct journal_row *row, const struct journal_hash *hash,
                       struct vow_error_detail *detail)
{
    int error = add_row(turn->engine, &turn->next->kept, row, hash, false, detail);

    return error != 0 ? error : delete_row(turn, row, detail);
}

static int drop_lsn(struct turn *turn, uint64_t lsn,
                    int (*drop)(struct turn *turn, const struct journal_row *row, const struct journal_hash *hash,
                                struct vow_error_detail *detail),
                    struct vow_error_detail *detail)
{
    struct sqlite_engine *engine = turn->engine;
    sqlite3_stmt *stmt = journal_sqlite_statement(engine, JOURNAL_STMT_KEPT_AFTER);
    struct journal_row row;
    struct journal_hash hash;
    int error;

    if (stmt == NULL)
        return journal_sqlite_fail(engine, "reading", detail);
    (void)sqlite3_bind_int64(stmt, 1, (sqlite3_int64)lsn - 1);
    (void)sqlite3_bind_int64(stmt, 2, (sqlite3_int64)lsn);
    error = sqlite3_step(stmt) == SQLITE_ROW && journal_sqlite_row(stmt, &row, &hash)
                ? drop(turn, &row, &hash, detail)
                : journal_sqlite_damaged(engine, lsn, "a record that was kept is not there", detail);
    (void)sqlite3_reset(stmt);
    return error;
}

int journal_sqlite_drop_kept(struct sqlite_engine *engine, struct journal_snapshot *next, uint64_t lsn,
                             struct vow_error_detail *detail)
{
    struct turn turn = {.engine = engine, .next = next};

    return drop_lsn(&turn, lsn, delete_kept, detail);
}

/* The floor stays: of its id there is more. */
static int delete_open(struct turn *turn, const struct journal_row *row, const struct journal_hash *hash,
                       struct vow_error_detail *detail)
{
    int error = unlist_open(turn, row, hash, detail);

    if (error == 0)
        error = add_row(turn->engine, &turn->next->kept, row, hash, false, detail);
    turn->next->pruned++;
    return error != 0 ? error : run_lsn(turn->engine, JOURNAL_STMT_CUT, row->lsn, "cutting off an event", detail);
}

int journal_sqlite_drop_open(struct sqlite_engine *engine, struct journal_snapshot *next, uint64_t lsn,
                             struct vow_error_detail *detail)
{
    struct turn turn = {.engine = engine, .next = next};

    return drop_lsn(&turn, lsn, delete_open, detail);
}

/* A client that comes again with the key must be told of the transaction for as long as any other of its events stays
 * (F001). */
static bool is_lasting_kind(uint32_t kind)
{
    return has_role(kind, VOW_ROLE_OPENS) || has_role(kind, VOW_ROLE_NAMES);
}

static int keep_open(struct turn *turn, const struct journal_row *row, const struct journal_hash *hash,
                     struct vow_error_detail *detail)
{
    int error = add_row(turn->engine, &turn->next->kept, row, hash, true, detail);

    if (error == 0 && row->kind == VOW_RECORD_SAGA_STEP)
        error = journal_sqlite_drop_void(turn->engine, row, turn->next, detail);
    return error;
}

/* An unfinished transaction keeps its events; so does one whose END is younger, for it must stay answerable as long as
 * that. They go with the END. */
static int cut_row(void *ctx, const struct journal_row *row, const struct journal_hash *hash,
                   struct vow_error_detail *detail)
{
    struct turn *turn = ctx;
    uint64_t end = 0;
    int error = 0;

    if (is_lasting_kind(row->kind)) {
        error = journal_sqlite_end_after(turn->engine, &row->gtrid, end_of(row->kind), row->lsn, &end, detail);
        if (error != 0)
            return error;
        if (end == 0 || end > turn->end)
            return keep_open(turn, row, hash, detail);
    }
    if (vow_record_is_relay((enum vow_record_kind)row->kind)) {
        bool needed = true;

        error = row->kind == VOW_RECORD_EVENT ? journal_sqlite_relay_needs(turn->engine, row->lsn, &needed, detail)
                                              : journal_sqlite_past_has(turn->engine, row, &needed, detail);
        if (error != 0)
            return error;
        if (needed)
            return add_row(turn->engine, &turn->next->kept, row, hash, true, detail);
    }
    if (has_role(row->kind, VOW_ROLE_ENDS) && turn->next->kept.count > 0)
        error = each_unended(turn, row, delete_kept, detail);
    return error != 0 ? error : delete_row(turn, row, detail);
}

/* An old event that was kept for a group, and that nobody needs any more. *any: there was one. */
static int release_one(struct turn *turn, bool *any, struct vow_error_detail *detail)
{
    struct sqlite_engine *engine = turn->engine;
    sqlite3_stmt *stmt = journal_sqlite_statement(engine, JOURNAL_STMT_EVENT_RELEASED);
    struct journal_row row;
    struct journal_hash hash;
    int error = 0, rc;

    if (stmt == NULL)
        return journal_sqlite_fail(engine, "reading", detail);
    (void)sqlite3_bind_int64(stmt, 1, (sqlite3_int64)turn->next->cut.lsn);
    rc = sqlite3_step(stmt);
    *any = rc == SQLITE_ROW;
    if (rc != SQLITE_ROW && rc != SQLITE_DONE)
        error = journal_sqlite_fail(engine, "reading", detail);
    else if (*any)
        error = journal_sqlite_row(stmt, &row, &hash)
                    ? delete_kept(turn, &row, &hash, detail)
                    : journal_sqlite_damaged(engine, turn->next->cut.lsn, "an event before it is damaged", detail);
    (void)sqlite3_reset(stmt);
    return error;
}

static int release_events(struct turn *turn, uint64_t rows, struct vow_error_detail *detail)
{
    bool any = turn->engine->releasing && turn->next->kept.count > 0;
    int error = 0;

    for (uint64_t i = 0; error == 0 && any && i < rows; i++)
        error = release_one(turn, &any, detail);
    turn->engine->releasing = turn->engine->releasing && any;
    return error;
}

/* --- The snapshot's row --- */

static int write_snapshot(struct sqlite_engine *engine, const struct journal_snapshot *snapshot,
                          struct vow_error_detail *detail)
{
    sqlite3_stmt *stmt = journal_sqlite_statement(engine, JOURNAL_STMT_SNAPSHOT_WRITE);
    uint8_t body[JOURNAL_SNAPSHOT_BYTES];
    struct journal_hash seal;

    journal_snapshot_encode(snapshot, body);
    if (journal_chain_digest(&engine->chain, body, sizeof(body), &seal) != 0)
        return journal_fail(detail, VOW_E_NO_MEMORY, "no memory for SHA-256");
    if (stmt != NULL) {
        (void)sqlite3_bind_blob(stmt, 1, body, sizeof(body), SQLITE_STATIC);
        (void)sqlite3_bind_blob(stmt, 2, seal.bytes, sizeof(seal.bytes), SQLITE_STATIC);
    }
    return journal_sqlite_run(engine, JOURNAL_STMT_SNAPSHOT_WRITE, "writing the snapshot", detail);
}

int journal_sqlite_read_snapshot(struct sqlite_engine *engine, struct vow_error_detail *detail)
{
    sqlite3_stmt *stmt = journal_sqlite_statement(engine, JOURNAL_STMT_SNAPSHOT_READ);
    struct journal_hash seal;
    const uint8_t *body;
    int error = 0, rc, len;

    if (stmt == NULL && journal_sqlite_error(sqlite3_errcode(engine->db)) == VOW_E_DATABASE)
        return journal_sqlite_damaged(engine, 0, "the tables of the snapshot are not there", detail);
    if (stmt == NULL)
        return journal_sqlite_fail(engine, "reading the snapshot", detail);
    rc = sqlite3_step(stmt);
    if (rc == SQLITE_ROW) {
        body = sqlite3_column_blob(stmt, 0);
        len = sqlite3_column_bytes(stmt, 0);
        if (journal_chain_digest(&engine->chain, body, (size_t)len, &seal) != 0)
            error = journal_fail(detail, VOW_E_NO_MEMORY, "no memory for SHA-256");
        else if (sqlite3_column_bytes(stmt, 1) != JOURNAL_HASH_BYTES || len != JOURNAL_SNAPSHOT_BYTES ||
                 memcmp(seal.bytes, sqlite3_column_blob(stmt, 1), JOURNAL_HASH_BYTES) != 0 ||
                 !journal_snapshot_decode(body, (size_t)len, &engine->snapshot))
            error = journal_sqlite_damaged(engine, 0, "the snapshot does not fit its seal", detail);
    } else if (rc != SQLITE_DONE) {
        error = journal_sqlite_fail(engine, "reading the snapshot", detail);
    }
    (void)sqlite3_reset(stmt);
    return error;
}

/* --- A turn --- */

/* How far to fold in: half a tail stays, for most of its COMMITs have no END yet; but what is old goes. */
static uint64_t fold_to(const struct sqlite_engine *engine, uint64_t cut_end)
{
    uint64_t to = engine->snapshot.taken.lsn;

    if (engine->folding)
        to = engine->head.lsn - JOURNAL_TAIL_MAX / 2;
    return to > cut_end ? to : cut_end;
}

int journal_sqlite_turn(struct sqlite_engine *engine, uint64_t wall_us, uint64_t rows, struct journal_snapshot *next,
                        struct vow_error_detail *detail)
{
    struct turn turn = {.engine = engine, .next = next};
    int error;

    *next = engine->snapshot;
    error = find_end(engine, next->cut.lsn, engine->head.lsn, rows, wall_us, &turn.end, detail);
    if (error == 0)
        error = journal_sqlite_walk(engine, &next->taken, fold_to(engine, turn.end), rows, fold_row, &turn, detail);
    if (turn.end > next->taken.lsn) {
        turn.end = next->taken.lsn;
        engine->oldest_us = 0;
    }
    if (error == 0)
        error = journal_sqlite_past_move(engine, next, turn.end, detail);
    if (error == 0 && turn.end > next->cut.lsn)
        error = journal_sqlite_walk(engine, &next->cut, turn.end, rows, cut_row, &turn, detail);
    if (error == 0)
        error = release_events(&turn, rows < RELEASED_MAX ? rows : RELEASED_MAX, detail);
    return error != 0 ? error : write_snapshot(engine, next, detail);
}
