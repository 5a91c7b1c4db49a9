#include "purse.h"

#include <sqlite3.h>
#include <stdio.h>

#include "access.h"

/* A version of an account's row. */
struct purse {
    int64_t balance, version;
    char writer[VOW_GTRID_TEXT_SIZE];
};

/* Returns 1, 0 if there is no such account, or a negative error. */
static int read_purse(struct sqlite3 *db, const char *name, struct purse *purse)
{
    sqlite3_stmt *row;
    int rc;

    if (sqlite3_prepare_v2(db, "SELECT balance, version, writer FROM account WHERE name = ?1", -1, &row, NULL) !=
        SQLITE_OK)
        return VOW_E_DATABASE;
    sqlite3_bind_text(row, 1, name, -1, SQLITE_STATIC);
    rc = sqlite3_step(row);
    if (rc == SQLITE_ROW) {
        purse->balance = sqlite3_column_int64(row, 0);
        purse->version = sqlite3_column_int64(row, 1);
        snprintf(purse->writer, sizeof(purse->writer), "%s", (const char *)sqlite3_column_text(row, 2));
    }
    if (sqlite3_finalize(row) != SQLITE_OK)
        return VOW_E_DATABASE;
    return rc == SQLITE_ROW;
}

static int change(struct vow_branch *branch, struct sqlite3 *db, const struct shop_order *order, const char *step,
                  const struct purse *purse, int64_t by)
{
    char id[VOW_GTRID_TEXT_SIZE];
    const struct access access = {.id = id,
                                  .step = step,
                                  .arm = shop_arm_name(order->arm),
                                  .row = order->account,
                                  .read = purse->version,
                                  .writer = purse->writer,
                                  .value = purse->balance,
                                  .base = purse->version,
                                  .wrote = purse->version + 1,
                                  .wanted = by,
                                  .effect = by,
                                  .amount = order->amount};
    int error;

    vow_gtrid_to_text(vow_branch_id(branch), id);
    error =
        shop_sql(db, "UPDATE account SET balance = balance + ?1, version = version + 1, writer = ?2 WHERE name = ?3",
                 "iss", by, id, order->account);
    return error != SQLITE_OK ? error : access_note(db, &access);
}

int purse_pay(struct vow_branch *branch, struct sqlite3 *db, const struct shop_order *order, const char **why)
{
    struct purse purse;
    const int found = read_purse(db, order->account, &purse);
    int error;

    if (found < 0)
        return found;
    if (found == 0 || purse.balance < order->amount) {
        *why = "no money";
        return 0;
    }
    error = change(branch, db, order, "pay", &purse, -order->amount);
    return error != 0 ? error
                      : shop_sql(db, "INSERT INTO payment (order_id, account, amount) VALUES (?1, ?2, ?3)", "ssi",
                                 order->id, order->account, order->amount);
}

int purse_pay_back(struct vow_branch *branch, struct sqlite3 *db, const struct shop_order *order)
{
    struct purse purse;
    const int found = read_purse(db, order->account, &purse);
    int error;

    if (found <= 0)
        return found < 0 ? found : vow_branch_refuse(branch, "no such account");
    error = change(branch, db, order, "pay_back", &purse, order->amount);
    return error != 0 ? error : shop_sql(db, "DELETE FROM payment WHERE order_id = ?1", "s", order->id);
}
