#include "shelf.h"

#include <inttypes.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "access.h"

const char shelf_schema[] =
    /* The version file of SHOP_ARM_VERSION_FILE. */
    "CREATE TABLE IF NOT EXISTS change ("
    "  saga TEXT PRIMARY KEY NOT NULL,"
    "  item TEXT NOT NULL,"
    "  quantity INTEGER NOT NULL)";

/* A version of an item's row. */
struct shelf {
    int64_t stock, version;
    char writer[VOW_GTRID_TEXT_SIZE], pending[VOW_GTRID_TEXT_SIZE];
    int64_t pending_until;
};

/* One step's doing. */
struct step {
    struct vow_branch *branch;
    struct sqlite3 *db;
    const struct shop_order *order;
    const char *name;
    char saga[VOW_GTRID_TEXT_SIZE];
    struct shelf now;
};

static int64_t wall_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void copy_text(char out[VOW_GTRID_TEXT_SIZE], sqlite3_stmt *statement, int column)
{
    const unsigned char *text = sqlite3_column_text(statement, column);

    snprintf(out, VOW_GTRID_TEXT_SIZE, "%s", text != NULL ? (const char *)text : "");
}

/* Reads at most one row of (stock, version, writer, pending, pending_until). Returns 1, 0 if there is none, or a
 * negative error. */
static int read_one(struct sqlite3 *db, const char *sql, const char *key, struct shelf *shelf)
{
    sqlite3_stmt *statement;
    int rc;

    if (sqlite3_prepare_v2(db, sql, -1, &statement, NULL) != SQLITE_OK)
        return VOW_E_DATABASE;
    sqlite3_bind_text(statement, 1, key, -1, SQLITE_STATIC);
    rc = sqlite3_step(statement);
    if (rc == SQLITE_ROW) {
        shelf->stock = sqlite3_column_int64(statement, 0);
        shelf->version = sqlite3_column_int64(statement, 1);
        copy_text(shelf->writer, statement, 2);
        copy_text(shelf->pending, statement, 3);
        shelf->pending_until = sqlite3_column_int64(statement, 4);
    }
    if (sqlite3_finalize(statement) != SQLITE_OK)
        return VOW_E_DATABASE;
    return rc == SQLITE_ROW;
}

static int begin_step(struct step *step, const char *name, struct vow_branch *branch, struct sqlite3 *db,
                      const struct shop_order *order)
{
    int found;

    *step = (struct step){.branch = branch, .db = db, .order = order, .name = name};
    vow_gtrid_to_text(vow_branch_id(branch), step->saga);
    found = read_one(db, "SELECT stock, version, writer, pending, pending_until FROM item WHERE name = ?1", order->item,
                     &step->now);
    if (found == 0)
        return vow_branch_refuse(branch, "no such item");
    return found < 0 ? found : 0;
}

/* What another step of this saga has read, and what it installed then: .stock, .version. Not found: `shelf` is left. */
static int recall(const struct step *step, const char *sql, struct shelf *shelf)
{
    const int found = read_one(step->db, sql, step->saga, shelf);

    return found < 0 ? found : 0;
}

static int note(const struct step *step, const struct shelf *base, int64_t wrote, int64_t wanted, int64_t effect)
{
    const struct access access = {.id = step->saga,
                                  .step = step->name,
                                  .arm = shop_arm_name(step->order->arm),
                                  .row = step->order->item,
                                  .read = step->now.version,
                                  .writer = step->now.writer,
                                  .value = base->stock,
                                  .base = base->version,
                                  .wrote = wrote,
                                  .wanted = wanted,
                                  .effect = effect,
                                  .amount = step->order->amount};

    return access_note(step->db, &access);
}

/* Installs the next version. */
static int install(const struct step *step, const struct shelf *base, int64_t value, int64_t wanted)
{
    const int error =
        shop_sql(step->db, "UPDATE item SET stock = ?1, version = version + 1, writer = ?2 WHERE name = ?3", "iss",
                 value, step->saga, step->order->item);

    return error != SQLITE_OK ? error : note(step, base, step->now.version + 1, wanted, value - step->now.stock);
}

/* Does the row belong to another saga? The answer to a contender that is to wait is an error, for which the step is
 * tried again until its deadline; the other one is the step's end. */
static int pass_lock(const struct step *step)
{
    if (step->now.pending[0] == '\0' || strcmp(step->now.pending, step->saga) == 0)
        return 0;
    return step->order->fails_fast ? vow_branch_refuse(step->branch, SHOP_SAYS_PENDING) : VOW_E_LOCK_CONFLICT;
}

int shelf_look(struct vow_branch *branch, struct sqlite3 *db, const struct shop_order *order)
{
    struct step step;
    int error = begin_step(&step, "look", branch, db, order);

    if (error == 0)
        error = pass_lock(&step);
    if (error == 0 && order->arm == SHOP_ARM_SEMANTIC_LOCK)
        error = shop_sql(db, "UPDATE item SET pending = ?1, pending_until = ?2 WHERE name = ?3", "sis", step.saga,
                         wall_ms() + order->pending_ms, order->item);
    return error != 0 ? error : note(&step, &step.now, 0, 0, 0);
}

/* Does the saga write what it has made of an older read? */
static bool is_blind(enum shop_arm arm)
{
    return arm != SHOP_ARM_COMMUTATIVE && arm != SHOP_ARM_VERSION_FILE;
}

/* The row out of its version file: what there was at first, less all changes that stand. */
static int fold(const struct step *step, int64_t *value)
{
    struct shelf shelf = {0};
    const int found = read_one(
        step->db,
        "SELECT initial - coalesce((SELECT sum(quantity) FROM change WHERE item = name), 0), version, '', '', 0"
        " FROM item WHERE name = ?1",
        step->order->item, &shelf);

    *value = shelf.stock;
    return found < 0 ? found : 0;
}

static int take_value(struct step *step, const struct shelf *view, int64_t *value)
{
    int error;

    *value = view->stock - step->order->quantity;
    if (step->order->arm != SHOP_ARM_VERSION_FILE)
        return 0;
    error = shop_sql(step->db, "INSERT INTO change (saga, item, quantity) VALUES (?1, ?2, ?3)", "ssi", step->saga,
                     step->order->item, step->order->quantity);
    return error != SQLITE_OK ? error : fold(step, value);
}

int shelf_take(struct vow_branch *branch, struct sqlite3 *db, const struct shop_order *order, const char **why)
{
    struct step step;
    struct shelf view;
    int64_t value;
    int error = begin_step(&step, "take", branch, db, order);

    if (error == 0)
        error = pass_lock(&step);
    /* Without an earlier step, as in a transaction, what is read here is what is written on. */
    view = step.now;
    if (error == 0 && is_blind(order->arm))
        error = recall(&step, "SELECT value, read, '', '', 0 FROM access WHERE saga = ?1 AND step = 'look'", &view);
    if (error == 0 && order->arm == SHOP_ARM_REREAD && view.version != step.now.version)
        error = vow_branch_refuse(branch, SHOP_SAYS_CHANGED);
    if (error == 0)
        error = take_value(&step, &view, &value);
    if (error == 0 && value < 0)
        *why = "out of stock";
    if (error != 0 || *why != NULL)
        return error;
    error = install(&step, &view, value, -order->quantity);
    return error != 0 ? error
                      : shop_sql(db, "INSERT INTO reservation (order_id, item, quantity) VALUES (?1, ?2, ?3)", "ssi",
                                 order->id, order->item, order->quantity);
}

/* What the saga found is put back as it was: right only if nobody has written since. */
static bool restores(enum shop_arm arm)
{
    return is_blind(arm) && arm != SHOP_ARM_REREAD;
}

int shelf_give_back(struct vow_branch *branch, struct sqlite3 *db, const struct shop_order *order)
{
    struct step step;
    struct shelf base;
    int64_t value;
    int error = begin_step(&step, "give_back", branch, db, order);

    base = step.now;
    if (error == 0 && restores(order->arm))
        error = recall(&step, "SELECT value, wrote, '', '', 0 FROM access WHERE saga = ?1 AND step = 'take'", &base);
    value = restores(order->arm) ? base.stock : base.stock + order->quantity;
    if (error == 0 && order->arm == SHOP_ARM_VERSION_FILE) {
        error = shop_sql(db, "DELETE FROM change WHERE saga = ?1", "s", step.saga);
        if (error == 0)
            error = fold(&step, &value);
    }
    if (error == 0)
        error = install(&step, &base, value, order->quantity);
    return error != 0 ? error : shop_sql(db, "DELETE FROM reservation WHERE order_id = ?1", "s", order->id);
}

int shelf_settle(struct vow_branch *branch, struct sqlite3 *db, const struct shop_order *order)
{
    struct step step;
    int error = begin_step(&step, "settle", branch, db, order);

    if (error != 0 || strcmp(step.now.pending, step.saga) != 0)
        return error;
    error = shop_sql(db, "UPDATE item SET pending = NULL, pending_until = NULL WHERE name = ?1", "s", order->item);
    return error != SQLITE_OK ? error : note(&step, &step.now, 0, 0, 0);
}

/* Like shelf_settle(), of a saga that does not come to it. */
static int clear_for(struct sqlite3 *db, const char *saga, const char *item, const struct shelf *now)
{
    const struct access access = {.id = saga,
                                  .step = "settle",
                                  .arm = shop_arm_name(SHOP_ARM_SEMANTIC_LOCK),
                                  .row = item,
                                  .read = now->version,
                                  .writer = now->writer,
                                  .value = now->stock,
                                  .base = now->version};
    const int error = shop_sql(db, "UPDATE item SET pending = NULL, pending_until = NULL WHERE name = ?1", "s", item);

    return error != SQLITE_OK ? error : access_note(db, &access);
}

int shelf_unlock(struct vow_branch *branch, struct sqlite3 *db, const char *saga)
{
    struct shelf now = {0};
    sqlite3_stmt *statement;
    char item[SHOP_WORD_SIZE] = "";

    if (sqlite3_prepare_v2(db, "SELECT name, version, writer, stock FROM item WHERE pending = ?1", -1, &statement,
                           NULL) != SQLITE_OK)
        return VOW_E_DATABASE;
    sqlite3_bind_text(statement, 1, saga, -1, SQLITE_STATIC);
    if (sqlite3_step(statement) == SQLITE_ROW) {
        snprintf(item, sizeof(item), "%s", (const char *)sqlite3_column_text(statement, 0));
        now.version = sqlite3_column_int64(statement, 1);
        copy_text(now.writer, statement, 2);
        now.stock = sqlite3_column_int64(statement, 3);
    }
    if (sqlite3_finalize(statement) != SQLITE_OK)
        return VOW_E_DATABASE;
    return item[0] != '\0' ? clear_for(db, saga, item, &now) : vow_branch_refuse(branch, "no item is pending for it");
}

/* Which were told of lies in the watch's own connection, so that it is right whatever the clock does, and however late
 * a lock is committed. */
static int open_watch(const char *path, sqlite3 **watch)
{
    if (sqlite3_open_v2(path, watch, SQLITE_OPEN_READONLY, NULL) == SQLITE_OK &&
        sqlite3_exec(*watch, "CREATE TEMP TABLE told (saga TEXT PRIMARY KEY)", NULL, NULL, NULL) == SQLITE_OK)
        return 0;
    shelf_unwatch(watch);
    return VOW_E_DATABASE;
}

static int tell_late(sqlite3 *watch)
{
    sqlite3_stmt *statement;

    if (sqlite3_prepare_v2(watch,
                           "SELECT name, pending FROM item WHERE pending_until <= ?1"
                           " AND pending NOT IN (SELECT saga FROM told)",
                           -1, &statement, NULL) != SQLITE_OK)
        return VOW_E_DATABASE;
    sqlite3_bind_int64(statement, 1, wall_ms());
    while (sqlite3_step(statement) == SQLITE_ROW) {
        const char *saga = (const char *)sqlite3_column_text(statement, 1);
        fprintf(stderr,
                "shop-stock: alarm: %s is pending for saga %s past its time; it stays so until that saga has ended "
                "(vowctl saga show %s), or, if an operator closes it, until shop-unlock %s\n",
                (const char *)sqlite3_column_text(statement, 0), saga, saga, saga);
        if (shop_sql(watch, "INSERT INTO told (saga) VALUES (?1)", "s", saga) != SQLITE_OK)
            break;
    }
    return sqlite3_finalize(statement) == SQLITE_OK ? 0 : VOW_E_DATABASE;
}

int shelf_watch(const char *path, sqlite3 **watch)
{
    int error = *watch == NULL ? open_watch(path, watch) : 0;

    if (error == 0)
        error = shop_sql(*watch,
                         "DELETE FROM told WHERE saga NOT IN (SELECT pending FROM item WHERE pending IS NOT NULL)", "");
    return error != 0 ? error : tell_late(*watch);
}

void shelf_unwatch(sqlite3 **watch)
{
    sqlite3_close(*watch);
    *watch = NULL;
}
