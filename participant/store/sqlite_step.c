/*
 * Steps of sagas: the barrier of docs/sagas.md 4.3. What became of a step lies in vow_step, under (gtrid, step,
 * direction), and gets there in the transaction that has its effect: so it takes effect once, however often it is asked
 * for and whenever the process dies (I24, F192). The attempt is no part of the key.
 *
 *   done      it took effect, and answered this
 *   rejected  an action that its handler refused: it took none, nor ever will
 *   blocked   an action whose compensation came first: likewise
 *   empty     a compensation of one of these two: there was nothing to undo
 *
 * What its handler refuses and may not is not recorded: a compensation, and a retriable action. An operator will see
 * to it, and has it tried again under the same key. Nor is what failed of something that passes: a row that is held, a
 * full disk, an error in the handler.
 */
#include <string.h>

#include "participant/store/sqlite_store.h"
#include "proto/net/clock.h"
#include "proto/net/crash.h"

/* Old records are looked for this often, and so many sagas at once. */
#define PURGE_EVERY_MS 60000u
#define PURGE_SAGAS 256

struct record {
    char status[12]; /* "" = there is none */
    uint64_t hash;
    enum vow_cause cause;
    char text[VOW_TEXT_SIZE];
    uint32_t answer_len;
    uint8_t answer[VOW_STEP_ANSWER_MAX];
};

static bool is_status(const struct record *record, const char *status)
{
    return strcmp(record->status, status) == 0;
}

/* ---- outcomes ---- */

/* Nothing of it is recorded. */
static int refuse(struct vow_store_op *op, enum vow_cause cause, const char *text)
{
    op->result = VOW_STORE_REFUSED;
    op->cause = cause;
    vow_text_copy(op->text, text);
    return SQLITE_OK;
}

static int refuse_for_good(struct vow_store_op *op, enum vow_cause cause, const char *text)
{
    op->step->is_unable = true;
    return refuse(op, cause, text);
}

static void conclude(struct vow_store_op *op, enum vow_step_result outcome, enum vow_cause cause, const char *text)
{
    op->result = VOW_STORE_DONE;
    op->step->outcome = outcome;
    op->cause = cause;
    vow_text_copy(op->text, text);
}

/* The service has said no. Whatever else went wrong may go right another time: an error in a handler is mended by its
 * next version. */
static bool is_no(enum vow_cause cause)
{
    return cause == VOW_CAUSE_HANDLER_REFUSED || cause == VOW_CAUSE_CONSTRAINT;
}

static enum vow_step_result outcome_of_refusal(const struct vow_store_op *op)
{
    if (op->step->is_unable || op->cause == VOW_CAUSE_NO_SUCH_HANDLER || op->cause == VOW_CAUSE_NOT_CAPTURED)
        return VOW_STEP_UNABLE;
    return is_no(op->cause) ? VOW_STEP_REJECTED : VOW_STEP_NOT_YET;
}

void step_tell_refused(const struct vow_job *done)
{
    for (; done != NULL; done = done->next) {
        const struct vow_store_op *op = (const struct vow_store_op *)done;
        if (op->kind != VOW_STORE_STEP || op->result != VOW_STORE_REFUSED)
            continue;
        op->step->outcome = outcome_of_refusal(op);
        op->step->answer_len = 0;
    }
}

/* ---- records ---- */

/* FNV-1a of the handler's name and the payload: it finds mistakes, not enemies. */
static uint64_t mix(uint64_t hash, const void *data, size_t len)
{
    const uint8_t *bytes = data;
    for (size_t i = 0; i < len; i++)
        hash = (hash ^ bytes[i]) * UINT64_C(1099511628211);
    return hash;
}

static uint64_t hash_of(const struct vow_store_step *step)
{
    const uint64_t hash = mix(UINT64_C(14695981039346656037), step->handler, strlen(step->handler) + 1);
    return mix(hash, step->payload.data, step->payload.len);
}

static sqlite3_stmt *of_step(struct store *store, enum statement which, const struct vow_store_op *op,
                             enum vow_step_direction direction)
{
    sqlite3_stmt *statement = store_statement(store, which);
    sqlite3_bind_blob(statement, 1, op->gtrid.bytes, VOW_GTRID_BYTES, SQLITE_STATIC);
    sqlite3_bind_int64(statement, 2, op->step->step);
    sqlite3_bind_int64(statement, 3, direction);
    return statement;
}

static bool read_record(sqlite3_stmt *row, struct record *record)
{
    const char *status = (const char *)sqlite3_column_text(row, 0);
    const char *text = (const char *)sqlite3_column_text(row, 3);
    const void *answer = sqlite3_column_blob(row, 4);
    const int answer_len = sqlite3_column_bytes(row, 4);
    if (status == NULL || strlen(status) >= sizeof(record->status) || text == NULL ||
        answer_len > VOW_STEP_ANSWER_MAX || (answer == NULL && answer_len > 0))
        return false;
    memcpy(record->status, status, strlen(status) + 1);
    record->hash = (uint64_t)sqlite3_column_int64(row, 1);
    record->cause = (enum vow_cause)sqlite3_column_int(row, 2);
    vow_text_copy(record->text, text);
    record->answer_len = (uint32_t)answer_len;
    if (answer_len > 0)
        memcpy(record->answer, answer, (size_t)answer_len);
    return true;
}

/* One that cannot be read must not pass for none: the step would be done twice. */
static int find(struct store *store, const struct vow_store_op *op, enum vow_step_direction direction,
                struct record *record)
{
    sqlite3_stmt *statement = of_step(store, STMT_FIND_STEP, op, direction);
    record->status[0] = '\0';
    const bool is_damaged = sqlite3_step(statement) == SQLITE_ROW && !read_record(statement, record);
    const int rc = sqlite3_reset(statement);
    return rc == SQLITE_OK && is_damaged ? SQLITE_CORRUPT : rc;
}

static int insert(struct store *store, const struct vow_store_op *op, enum vow_step_direction direction,
                  const char *status, uint64_t hash)
{
    const struct vow_store_step *step = op->step;
    const bool is_done = strcmp(status, "done") == 0, is_rejected = strcmp(status, "rejected") == 0;
    sqlite3_stmt *statement = of_step(store, STMT_INSERT_STEP, op, direction);
    sqlite3_bind_text(statement, 4, status, -1, SQLITE_STATIC);
    sqlite3_bind_int64(statement, 5, (sqlite3_int64)hash);
    sqlite3_bind_int(statement, 6, is_rejected ? (int)op->cause : VOW_CAUSE_NONE);
    sqlite3_bind_text(statement, 7, is_rejected ? op->text : "", -1, SQLITE_STATIC);
    sqlite3_bind_blob(statement, 8, step->answer, is_done ? (int)step->answer_len : 0, SQLITE_STATIC);
    sqlite3_bind_int64(statement, 9, (sqlite3_int64)vow_clock_wall_us());
    const int rc = statement_run(statement);
    sqlite3_clear_bindings(statement);
    return rc;
}

/* ---- what is known of it already ---- */

/* The answer of the attempt that was the first (F193, F196). A blocked action never came, so nobody knows its
 * request. */
static int tell_again(struct vow_store_op *op, const struct record *record)
{
    struct vow_store_step *step = op->step;
    step->is_repeat = true;
    if (is_status(record, "blocked"))
        conclude(op, VOW_STEP_TOO_LATE, VOW_CAUSE_TOO_LATE, "its compensation came before it");
    else if (record->hash != hash_of(step))
        return refuse_for_good(op, VOW_CAUSE_CONSTRAINT, "another request has been done under the key of this step");
    else if (is_status(record, "rejected"))
        conclude(op, VOW_STEP_REJECTED, record->cause, record->text);
    else
        conclude(op, VOW_STEP_DONE, VOW_CAUSE_NONE, "");
    step->answer_len = record->answer_len;
    memcpy(step->answer, record->answer, record->answer_len);
    return SQLITE_OK;
}

/* One for each coordinator whose sagas were done here: ids of different ones are in no order of time. Those of the
 * coordinators that were here first go first, where there are too many. */
enum { FLOORS_MAX = 16 };
struct floors {
    struct vow_gtrid ids[FLOORS_MAX];
    size_t len;
};

static int read_floors(struct store *store, struct floors *floors)
{
    sqlite3_stmt *statement = store_statement(store, STMT_STEP_FLOOR);
    floors->len = 0;
    if (sqlite3_step(statement) == SQLITE_ROW) {
        const void *value = sqlite3_column_blob(statement, 0);
        const size_t bytes = (size_t)sqlite3_column_bytes(statement, 0);
        floors->len = bytes / VOW_GTRID_BYTES < FLOORS_MAX ? bytes / VOW_GTRID_BYTES : FLOORS_MAX;
        if (floors->len > 0)
            memcpy(floors->ids, value, floors->len * VOW_GTRID_BYTES);
    }
    return sqlite3_reset(statement);
}

/* The one of the same coordinator, or NULL. */
static struct vow_gtrid *find_floor_of(struct floors *floors, const struct vow_gtrid *gtrid)
{
    for (size_t i = 0; i < floors->len; i++) {
        if (vow_gtrid_coord(&floors->ids[i]) == vow_gtrid_coord(gtrid))
            return &floors->ids[i];
    }
    return NULL;
}

/* Of what is older than the retention nobody knows any more what became of it: it is not done again (F209, F212). Nor
 * is it told to have had no effect, for that may be wrong: NOT_YET leaves it unknown. */
static int is_purged(struct store *store, const struct vow_store_op *op, bool *is)
{
    struct floors floors;
    const int rc = read_floors(store, &floors);
    const struct vow_gtrid *floor = find_floor_of(&floors, &op->gtrid);
    *is = floor != NULL && memcmp(op->gtrid.bytes, floor->bytes, VOW_GTRID_BYTES) <= 0;
    return rc;
}

/* There is nothing to undo. If the action has not come yet, it must not take effect when it does (F194, F195). */
static int compensate_nothing(struct store *store, struct vow_store_op *op, const struct record *action)
{
    int rc = SQLITE_OK;
    op->step->answer_len = 0;
    if (action->status[0] == '\0')
        rc = insert(store, op, VOW_STEP_ACTION, "blocked", 0);
    if (rc == SQLITE_OK)
        rc = insert(store, op, VOW_STEP_COMPENSATION, "empty", hash_of(op->step));
    store->batch_pages += space_of_changes(2);
    if (rc == SQLITE_OK)
        conclude(op, VOW_STEP_DONE, VOW_CAUSE_NONE, "");
    return rc;
}

/* ---- doing it ---- */

static int record(struct store *store, struct vow_store_op *op, const char *status)
{
    store->batch_pages += space_of_changes(1);
    return insert(store, op, op->step->direction, status, hash_of(op->step));
}

static bool must_be_done(const struct vow_store_step *step)
{
    return step->direction == VOW_STEP_COMPENSATION || step->kind == VOW_STEP_RETRIABLE;
}

/* The handler's effect, if it had any, is rolled back. */
static int settle_refusal(struct store *store, struct vow_store_op *op)
{
    if (must_be_done(op->step) || !is_no(op->cause))
        return SQLITE_OK;
    op->step->answer_len = 0;
    const int rc = record(store, op, "rejected");
    if (rc == SQLITE_OK) {
        op->result = VOW_STORE_DONE;
        op->step->outcome = VOW_STEP_REJECTED;
    }
    return rc;
}

/* A handler that has ended the transaction, by OR ROLLBACK for example, has taken the batch with it. That begins anew,
 * and the refusal is recorded there without the handler. */
static int begin_anew(struct vow_store_op *op)
{
    if (op->result == VOW_STORE_REFUSED && is_no(op->cause)) {
        op->step->is_rejected = true;
        op->result = 0;
    }
    return SQLITE_ABORT_ROLLBACK;
}

/* The effect and the record of it, in one savepoint. */
static int run(struct store *store, struct vow_store_op *op)
{
    int64_t changes = 0;
    op->step->answer_len = 0;
    int rc = branch_run_at_once(store, op, &changes);
    if (rc != SQLITE_OK || op->result == VOW_STORE_REFUSED || op->waits)
        return rc;
    store->batch_pages += space_of_changes(changes);
    VOW_CRASH("store", "mid", "STEP");
    rc = record(store, op, "done");
    if (rc == SQLITE_OK)
        rc = outbox_put(store);
    if (rc == SQLITE_OK)
        conclude(op, VOW_STEP_DONE, VOW_CAUSE_NONE, "");
    return rc;
}

static int do_step(struct store *store, struct vow_store_op *op)
{
    if (op->step->is_rejected) {
        op->result = VOW_STORE_REFUSED;
        return settle_refusal(store, op);
    }
    if (store->options.step == NULL)
        return refuse(op, VOW_CAUSE_NO_SUCH_HANDLER, "nothing here does steps of sagas");
    int rc = store_run(store, STMT_SAVEPOINT);
    if (rc != SQLITE_OK)
        return rc;
    rc = run(store, op);
    if (rc == SQLITE_OK && !store_in_transaction(store))
        return begin_anew(op);
    if (rc != SQLITE_OK && branch_is_batch_error(store, rc))
        return rc;
    if (rc != SQLITE_OK)
        refuse(op, rc == SQLITE_NOMEM ? VOW_CAUSE_NO_SPACE : VOW_CAUSE_PARTICIPANT_FAILED, sqlite3_errmsg(store->db));
    if (op->result == VOW_STORE_DONE)
        return store_run(store, STMT_RELEASE);
    rc = branch_roll_back(store);
    return rc == SQLITE_OK && op->result == VOW_STORE_REFUSED ? settle_refusal(store, op) : rc;
}

static void give(struct vow_store_step *step, const struct record *action)
{
    step->given_len = action->answer_len;
    memcpy(step->given, action->answer, action->answer_len);
}

int branch_step(struct store *store, struct vow_store_op *op)
{
    struct record own = {.status = ""}, action = {.status = ""};
    bool is_old = false;
    op->step->outcome = 0;
    op->step->is_repeat = false;
    op->step->given_len = 0;
    int rc = find(store, op, op->step->direction, &own);
    if (rc == SQLITE_OK && own.status[0] != '\0')
        return tell_again(op, &own);
    if (rc == SQLITE_OK)
        rc = is_purged(store, op, &is_old);
    if (rc == SQLITE_OK && is_old)
        return refuse(op, VOW_CAUSE_TOO_LATE, "older than step_retention_ms: what became of it is not known any more");
    if (rc == SQLITE_OK && op->step->direction == VOW_STEP_COMPENSATION)
        rc = find(store, op, VOW_STEP_ACTION, &action);
    if (rc != SQLITE_OK)
        return rc;
    if (op->step->direction == VOW_STEP_COMPENSATION && !is_status(&action, "done"))
        return compensate_nothing(store, op, &action);
    give(op->step, &action);
    return do_step(store, op);
}

/* ---- forgetting ---- */

/* The last of the oldest sagas that are purged, in the order of their ids, which begin in about this order; those
 * behind one that is still young stay. So all at or below the floor are gone, and none above it. */
static int find_floor(struct store *store, struct vow_gtrid *floor, int *sagas)
{
    const uint64_t now_us = vow_clock_wall_us(), retention_ms = store->options.step_retention_ms;
    const int64_t before_us = now_us / 1000 > retention_ms ? (int64_t)(now_us - retention_ms * 1000) : 0;
    sqlite3_stmt *statement = store_statement(store, STMT_LIST_OLD_STEPS);
    sqlite3_bind_int(statement, 1, PURGE_SAGAS);
    while (sqlite3_step(statement) == SQLITE_ROW && sqlite3_column_int64(statement, 1) < before_us &&
           sqlite3_column_bytes(statement, 0) == VOW_GTRID_BYTES) {
        struct vow_gtrid next;
        memcpy(next.bytes, sqlite3_column_blob(statement, 0), VOW_GTRID_BYTES);
        if (*sagas > 0 && vow_gtrid_coord(&next) != vow_gtrid_coord(floor))
            break; /* it has a floor of its own, another time */
        *floor = next;
        ++*sagas;
    }
    return sqlite3_reset(statement);
}

static int raise_floor(struct store *store, const struct vow_gtrid *floor)
{
    sqlite3_stmt *statement = store_statement(store, STMT_SET_META);
    struct floors floors;
    int rc = read_floors(store, &floors);
    struct vow_gtrid *mine = find_floor_of(&floors, floor);
    if (mine == NULL && floors.len == FLOORS_MAX)
        memmove(&floors.ids[0], &floors.ids[1], --floors.len * VOW_GTRID_BYTES);
    if (mine == NULL)
        mine = &floors.ids[floors.len++];
    *mine = *floor;
    sqlite3_bind_text(statement, 1, "step_floor", -1, SQLITE_STATIC);
    sqlite3_bind_blob(statement, 2, floors.ids, (int)(floors.len * VOW_GTRID_BYTES), SQLITE_STATIC);
    if (rc == SQLITE_OK)
        rc = statement_run(statement);
    sqlite3_clear_bindings(statement);
    return rc;
}

int step_purge(struct store *store)
{
    const uint64_t now_ms = vow_clock_ms();
    struct vow_gtrid floor = {{0}};
    int sagas = 0;
    if (now_ms < store->purge_at_ms)
        return SQLITE_OK;
    int rc = find_floor(store, &floor, &sagas);
    if (rc == SQLITE_OK && sagas > 0)
        rc = raise_floor(store, &floor);
    if (rc == SQLITE_OK && sagas > 0) {
        sqlite3_stmt *statement = store_statement(store, STMT_PURGE_STEPS);
        sqlite3_bind_blob(statement, 1, floor.bytes, VOW_GTRID_BYTES, SQLITE_STATIC);
        rc = statement_run(statement);
    }
    if (rc == SQLITE_OK && sagas < PURGE_SAGAS)
        store->purge_at_ms = now_ms + PURGE_EVERY_MS;
    return rc;
}
