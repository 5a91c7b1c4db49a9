#include "chaos/sim/purse.h"

#include <sqlite3.h>
#include <string.h>

#include "participant/store/store.h"
#include "proto/error.h"

const char sim_purse_schema[] =
    "CREATE TABLE account (id INTEGER PRIMARY KEY, balance INTEGER NOT NULL CHECK (balance >= 0));"
    "CREATE TABLE list (id INTEGER PRIMARY KEY, items TEXT NOT NULL);"
    "CREATE TABLE added (id INTEGER PRIMARY KEY);"
    "CREATE TABLE purse (id INTEGER PRIMARY KEY, value INTEGER NOT NULL);"
    "CREATE TABLE deed (id INTEGER PRIMARY KEY, saga BLOB NOT NULL, step INTEGER NOT NULL, direction INTEGER NOT NULL,"
    " amount INTEGER NOT NULL, number INTEGER NOT NULL);"
    "INSERT INTO purse VALUES (1, 0);";

/* --- The handlers --- */

static int refuse(enum vow_cause *cause, char text[VOW_TEXT_SIZE], const char *why)
{
    *cause = VOW_CAUSE_HANDLER_REFUSED;
    vow_text_copy(text, why);
    return VOW_E_REFUSED;
}

static int fail(enum vow_cause *cause, char text[VOW_TEXT_SIZE], const char *why)
{
    *cause = VOW_CAUSE_HANDLER_FAILED;
    vow_text_copy(text, why);
    return VOW_E_STATE;
}

/* What an action answers, and its compensation is given. */
static int64_t number_of(const struct vow_store_step *step)
{
    const bool is_action = step->direction == VOW_STEP_ACTION;
    int64_t number = 0;

    if ((is_action ? step->answer_len : step->given_len) == sizeof(number))
        memcpy(&number, is_action ? step->answer : step->given, sizeof(number));
    return number;
}

static int run(sqlite3 *db, const char *sql, const struct vow_gtrid *gtrid, const struct vow_store_step *step,
               int64_t amount)
{
    sqlite3_stmt *stmt = NULL;

    if (sqlite3_prepare_v2(db, sql, -1, &stmt, NULL) != SQLITE_OK)
        return sqlite3_errcode(db);
    (void)sqlite3_bind_int64(stmt, 1, amount);
    if (sqlite3_bind_parameter_count(stmt) > 1) {
        (void)sqlite3_bind_blob(stmt, 2, gtrid->bytes, VOW_GTRID_BYTES, SQLITE_STATIC);
        (void)sqlite3_bind_int64(stmt, 3, step->step);
        (void)sqlite3_bind_int64(stmt, 4, step->direction);
        (void)sqlite3_bind_int64(stmt, 5, number_of(step));
    }
    (void)sqlite3_step(stmt);
    return sqlite3_finalize(stmt);
}

static void answer(struct vow_store_step *step, struct sim_rng *luck)
{
    const uint64_t number = sim_rng_next(luck);

    step->answer_len = (uint32_t)sizeof(number);
    memcpy(step->answer, &number, sizeof(number));
}

int sim_purse_work(const struct sim_world *world, const struct vow_gtrid *gtrid, sqlite3 *db,
                   struct vow_store_step *step, struct sim_rng *luck, enum vow_cause *cause, char text[VOW_TEXT_SIZE])
{
    const bool is_action = step->direction == VOW_STEP_ACTION;
    struct sim_deed deed;
    int rc;

    if (strcmp(step->handler, is_action ? "do" : "undo") != 0 ||
        !sim_deed_decode(step->payload.data, step->payload.len, &deed)) {
        *cause = VOW_CAUSE_NO_SUCH_HANDLER;
        return VOW_E_NOT_FOUND;
    }
    if (is_action && deed.is_refused && (step->kind != VOW_STEP_RETRIABLE || sim_rng_below(luck, 2) == 0))
        return refuse(cause, text, "not like that");
    if (!is_action && deed.is_stubborn && sim_rng_below(luck, 2) == 0)
        return refuse(cause, text, "not now");
    rc = run(db, "UPDATE purse SET value = value + ?1 WHERE id = 1", gtrid, step,
             is_action ? deed.amount : -deed.amount);
    if (!world->net.is_calm && sim_rng_chance(luck, world->options.saga_fail))
        return fail(cause, text, "something broke in the middle");
    if (is_action)
        answer(step, luck);
    if (rc == SQLITE_OK)
        rc = run(db, "INSERT INTO deed (amount, saga, step, direction, number) VALUES (?1, ?2, ?3, ?4, ?5)", gtrid,
                 step, is_action ? deed.amount : -deed.amount);
    return rc == SQLITE_OK ? 0 : fail(cause, text, sqlite3_errmsg(db));
}
