#include "chaos/sim/bank.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/assert.h"
#include "proto/bytes.h"
#include "proto/error.h"

/* The longest list that is shown. */
#define LIST_MAX 4096

const char sim_bank_schema[] =
    "CREATE TABLE account (id INTEGER PRIMARY KEY, balance INTEGER NOT NULL CHECK (balance >= 0));"
    "CREATE TABLE list (id INTEGER PRIMARY KEY, items TEXT NOT NULL);"
    "CREATE TABLE added (id INTEGER PRIMARY KEY);";

static const char *const texts[SIM_BANK_STATEMENTS] = {
    [SIM_BANK_READ] = "SELECT balance FROM account WHERE id = ?1",
    [SIM_BANK_HOLD] = "SELECT balance, vow_hold('account', id) FROM account WHERE id = ?1",
    [SIM_BANK_ADD] = "UPDATE account SET balance = balance + ?2 WHERE id = ?1",
    [SIM_BANK_READ_LIST] = "SELECT items FROM list WHERE id = ?1",
    [SIM_BANK_HOLD_LIST] = "SELECT items, vow_hold('list', id) FROM list WHERE id = ?1",
    [SIM_BANK_APPEND] = "UPDATE list SET items = CASE items WHEN '' THEN ?2 ELSE items || ',' || ?2 END WHERE id = ?1",
    [SIM_BANK_INSERT] = "INSERT INTO added (id) VALUES (?1)",
};

int sim_bank_fill(sqlite3 *db, uint32_t accounts)
{
    char sql[320];

    (void)snprintf(sql, sizeof(sql),
                   "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %u)"
                   " INSERT INTO account SELECT i, %d FROM n;"
                   "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2)"
                   " INSERT INTO list SELECT i, '' FROM n;",
                   accounts, SIM_BALANCE);
    return sqlite3_exec(db, sql, NULL, NULL, NULL);
}

void sim_bank_show(struct sim_world *world, const struct sim_node *node)
{
    for (uint32_t i = 1; i <= world->options.accounts; i++) {
        struct sim_sight sight = sim_sight_of(world, SIM_SEEN_ACCOUNT, node);

        sight.change =
            (struct sim_change){.kind = SIM_IS, .table = SIM_BANK, .node = node->index, .key = i, .value = SIM_BALANCE};
        sim_show(world, &sight);
    }
    for (uint32_t i = 1; i <= 2; i++) {
        struct sim_sight sight = sim_sight_of(world, SIM_SEEN_ACCOUNT, node);

        sight.change = (struct sim_change){.kind = SIM_IS, .table = SIM_LISTS, .node = node->index, .key = i};
        sim_show(world, &sight);
    }
}

/* --- A leg on the wire --- */

void sim_leg_encode(const struct sim_leg *leg, uint8_t bytes[SIM_LEG_BYTES])
{
    bytes[0] = leg->participant;
    bytes[1] = (uint8_t)leg->kind;
    bytes[2] = (uint8_t)leg->table;
    vow_bytes_put(bytes + 3, leg->key, 8);
    vow_bytes_put(bytes + 11, (uint64_t)leg->amount, 8);
    bytes[19] = leg->is_first;
}

bool sim_leg_decode(const uint8_t *bytes, size_t len, struct sim_leg *leg)
{
    if (len != SIM_LEG_BYTES)
        return false;
    leg->participant = bytes[0];
    leg->kind = (enum sim_change_kind)bytes[1];
    leg->table = (enum sim_table)bytes[2];
    leg->key = vow_bytes_take(bytes + 3, 8);
    leg->amount = (int64_t)vow_bytes_take(bytes + 11, 8);
    leg->is_first = bytes[19] != 0;
    return true;
}

/* --- The handler --- */

struct work {
    struct sim_world *world;
    const struct sim_node *node;
    struct sim_bank *bank;
    const struct vow_gtrid *gtrid;
    sqlite3 *db;
    const struct sim_leg *leg;
};

static sqlite3_stmt *statement(const struct work *work, enum sim_bank_statement which)
{
    sqlite3_stmt **stmt = &work->bank->statements[which];

    if (*stmt == NULL && sqlite3_prepare_v3(work->db, texts[which], -1, SQLITE_PREPARE_PERSISTENT, stmt, NULL) != 0)
        return NULL;
    return *stmt;
}

static void show(const struct work *work, struct sim_change change)
{
    struct sim_sight sight = sim_sight_of(work->world, SIM_SEEN_WORKED, work->node);

    sight.gtrid = *work->gtrid;
    change.node = work->node->index;
    change.table = work->leg->table;
    change.key = work->leg->key;
    change.is_first = work->leg->is_first;
    sight.change = change;
    sim_show(work->world, &sight);
}

/* *found: there is such a row. Returns an SQLite code. */
static int read_number(const struct work *work, enum sim_bank_statement which, int64_t *value, bool *found)
{
    sqlite3_stmt *stmt = statement(work, which);

    if (stmt == NULL)
        return sqlite3_errcode(work->db);
    (void)sqlite3_bind_int64(stmt, 1, (sqlite3_int64)work->leg->key);
    *found = sqlite3_step(stmt) == SQLITE_ROW;
    *value = *found ? sqlite3_column_int64(stmt, 0) : 0;
    return sqlite3_reset(stmt);
}

static int run(const struct work *work, enum sim_bank_statement which, bool has_amount)
{
    sqlite3_stmt *stmt = statement(work, which);

    if (stmt == NULL)
        return sqlite3_errcode(work->db);
    (void)sqlite3_bind_int64(stmt, 1, (sqlite3_int64)work->leg->key);
    if (has_amount)
        (void)sqlite3_bind_int64(stmt, 2, work->leg->amount);
    (void)sqlite3_step(stmt);
    return sqlite3_reset(stmt);
}

static int refuse(enum vow_cause *cause, char text[VOW_TEXT_SIZE], const char *why)
{
    *cause = VOW_CAUSE_HANDLER_REFUSED;
    vow_text_copy(text, why);
    return VOW_E_REFUSED;
}

static int work_on_bank(const struct work *work, enum vow_cause *cause, char text[VOW_TEXT_SIZE])
{
    const struct sim_leg *leg = work->leg;
    int64_t before = 0;
    bool found = false;
    int rc = read_number(work, leg->kind == SIM_HOLD ? SIM_BANK_HOLD : SIM_BANK_READ, &before, &found);

    if (rc == SQLITE_OK && !found)
        return refuse(cause, text, "no such account");
    if (rc == SQLITE_OK && leg->kind == SIM_ADD && before + leg->amount < 0)
        return refuse(cause, text, "not enough money");
    if (rc == SQLITE_OK && leg->kind == SIM_ADD)
        rc = run(work, SIM_BANK_ADD, true);
    if (rc == SQLITE_OK)
        show(work, (struct sim_change){
                       .kind = leg->kind, .value = leg->kind == SIM_ADD ? leg->amount : before, .before = before});
    return rc;
}

static int work_on_list(const struct work *work, enum vow_cause *cause, char text[VOW_TEXT_SIZE])
{
    static int64_t list[LIST_MAX];
    const bool is_held = work->leg->kind == SIM_HOLD;
    sqlite3_stmt *stmt = statement(work, is_held ? SIM_BANK_HOLD_LIST : SIM_BANK_READ_LIST);
    uint32_t len = 0;
    bool found;
    int rc;

    if (stmt == NULL)
        return sqlite3_errcode(work->db);
    (void)sqlite3_bind_int64(stmt, 1, (sqlite3_int64)work->leg->key);
    found = sqlite3_step(stmt) == SQLITE_ROW;
    for (const char *at = found ? (const char *)sqlite3_column_text(stmt, 0) : ""; *at != '\0' && len < LIST_MAX;) {
        char *end;

        list[len++] = strtoll(at, &end, 10);
        at = *end == ',' ? end + 1 : end;
    }
    rc = sqlite3_reset(stmt);
    if (rc == SQLITE_OK && !found)
        return refuse(cause, text, "no such list");
    if (rc == SQLITE_OK && work->leg->kind == SIM_APPEND)
        rc = run(work, SIM_BANK_APPEND, true);
    if (rc == SQLITE_OK)
        show(work,
             (struct sim_change){.kind = work->leg->kind, .value = work->leg->amount, .list = list, .list_len = len});
    return rc;
}

static int work_on_set(const struct work *work)
{
    const int rc = run(work, SIM_BANK_INSERT, false);

    if (rc == SQLITE_OK)
        show(work, (struct sim_change){.kind = SIM_INSERT});
    return rc;
}

int sim_bank_work(struct sim_world *world, const struct sim_node *node, struct sim_bank *bank,
                  const struct vow_gtrid *gtrid, sqlite3 *db, const struct sim_leg *leg, enum vow_cause *cause,
                  char text[VOW_TEXT_SIZE])
{
    const struct work work = {world, node, bank, gtrid, db, leg};

    if (leg->table == SIM_BANK)
        return work_on_bank(&work, cause, text);
    if (leg->table == SIM_LISTS)
        return work_on_list(&work, cause, text);
    return leg->table == SIM_SET ? work_on_set(&work) : refuse(cause, text, "no such table");
}

void sim_bank_close(struct sim_bank *bank)
{
    for (int i = 0; i < SIM_BANK_STATEMENTS; i++) {
        (void)sqlite3_finalize(bank->statements[i]);
        bank->statements[i] = NULL;
    }
}
