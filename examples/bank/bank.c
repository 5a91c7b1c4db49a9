#include "bank.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <vow/testing.h>

static const char *const schema =
    "CREATE TABLE account (name TEXT PRIMARY KEY NOT NULL, money INT NOT NULL CHECK (money >= 0));"
    "CREATE TABLE entry (transfer TEXT PRIMARY KEY NOT NULL, amount INT NOT NULL);"
    "INSERT INTO account VALUES ('me', 100)";

/* The payload is an amount as text with its zero byte. The points are nothing in a service that is not built for tests.
 */
static int add(struct vow_branch *branch, struct sqlite3 *db, const void *payload, size_t len, void *ctx)
{
    char id[VOW_GTRID_TEXT_SIZE], sql[256];
    int error;

    (void)ctx;
    if (len == 0 || ((const char *)payload)[len - 1] != '\0')
        return vow_branch_refuse(branch, "not an amount");
    vow_gtrid_to_text(vow_branch_id(branch), id);
    vow_testing_crash_point("bank.before.account");
    (void)snprintf(sql, sizeof(sql), "UPDATE account SET money = money + %ld", strtol(payload, NULL, 10));
    error = sqlite3_exec(db, sql, NULL, NULL, NULL);
    if (error != SQLITE_OK)
        return error;
    vow_testing_crash_point("bank.between.account.and.entry");
    (void)snprintf(sql, sizeof(sql), "INSERT INTO entry VALUES ('%s', %ld)", id, strtol(payload, NULL, 10));
    error = sqlite3_exec(db, sql, NULL, NULL, NULL);
    vow_testing_crash_point("bank.after.entry");
    return error;
}

struct vow_participant *bank_open(const char *name, const char *path, const char *coordinator)
{
    const struct vow_participant_options options = {
        .size = sizeof(options), .name = name, .path = path, .coordinator = coordinator, .schema = schema};
    struct vow_participant *bank;

    if (vow_participant_open(&options, &bank, NULL) != 0)
        return NULL;
    if (vow_participant_handle(bank, "add", add, NULL) != 0 || vow_participant_start(bank) != 0) {
        vow_participant_close(bank);
        return NULL;
    }
    return bank;
}

int bank_money(const char *path)
{
    static const char *const query =
        "SELECT money FROM account WHERE money = 100 + (SELECT COALESCE(SUM(amount), 0) FROM entry)";
    sqlite3 *db = NULL;
    sqlite3_stmt *statement = NULL;
    int money = -1;

    if (sqlite3_open_v2(path, &db, SQLITE_OPEN_READONLY, NULL) == SQLITE_OK &&
        sqlite3_prepare_v2(db, query, -1, &statement, NULL) == SQLITE_OK && sqlite3_step(statement) == SQLITE_ROW)
        money = sqlite3_column_int(statement, 0);
    (void)sqlite3_finalize(statement);
    (void)sqlite3_close(db);
    return money;
}
