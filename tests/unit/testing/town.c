#include "town.h"

#include <criterion/criterion.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *const names[BANKS] = {"north", "south"};
static const struct vow_call calls[BANKS] = {{"north", "add", "-30", 4}, {"south", "add", "30", 3}};

static int add(struct vow_branch *branch, struct sqlite3 *db, const void *payload, size_t len, void *ctx)
{
    char sql[100], amount[16] = "";

    (void)branch, (void)ctx;
    memcpy(amount, payload, len < sizeof(amount) ? len : sizeof(amount) - 1);
    (void)snprintf(sql, sizeof(sql), "UPDATE account SET money = money + %ld", strtol(amount, NULL, 10));
    vow_testing_crash_point("bank.before.update");
    return sqlite3_exec(db, sql, NULL, NULL, NULL);
}

/* What undoes "add", of the same payload. */
static int give_back(struct vow_branch *branch, struct sqlite3 *db, const void *payload, size_t len, void *ctx)
{
    char sql[100], amount[16] = "";

    (void)branch, (void)ctx;
    memcpy(amount, payload, len < sizeof(amount) ? len : sizeof(amount) - 1);
    (void)snprintf(sql, sizeof(sql), "UPDATE account SET money = money - %ld", strtol(amount, NULL, 10));
    return sqlite3_exec(db, sql, NULL, NULL, NULL);
}

static int look(struct vow_branch *branch, struct sqlite3 *db, const void *payload, size_t len, void *ctx)
{
    (void)branch, (void)payload, (void)len, (void)ctx;
    return sqlite3_exec(db, "SELECT money FROM account", NULL, NULL, NULL);
}

static void file_of(const struct town *town, int bank, char path[128])
{
    (void)snprintf(path, 128, "%s/%s.db", town->directory, names[bank]);
}

/* A loopback address that no other process uses, so that a bank is found where it was, after a restart, too. */
static void listen_address(int bank, char address[64])
{
    const unsigned pid = (unsigned)getpid();

    (void)snprintf(address, 64, "127.%u.%u.%u:7421", 1 + (pid >> 14 & 127), pid >> 6 & 255,
                   (pid & 63) * 4 + (unsigned)bank);
}

void town_open_bank(struct town *town, int bank)
{
    char path[128], listen[64];
    const struct vow_participant_options options = {
        .size = sizeof(options),
        .name = names[bank],
        .path = path,
        .coordinator = vow_test_network_address(town->network),
        .schema = "CREATE TABLE account (name TEXT PRIMARY KEY NOT NULL, money INT CHECK (money >= 0));"
                  "INSERT INTO account VALUES ('me', 100)",
        .loop = town->loop,
        .base = town->base,
        .peer_listen = town->asks_peers ? listen : NULL,
        .decision_timeout_ms = town->decision_timeout_ms,
    };
    struct vow_error_detail detail;

    file_of(town, bank, path);
    listen_address(bank, listen);
    cr_assert_eq(vow_participant_open(&options, &town->banks[bank], &detail), 0, "%s", detail.text);
    cr_assert_eq(vow_participant_handle(town->banks[bank], "add", add, NULL), 0);
    cr_assert_eq(vow_participant_handle(town->banks[bank], "give_back", give_back, NULL), 0);
    cr_assert_eq(vow_participant_handle(town->banks[bank], "look", look, NULL), 0);
    cr_assert_eq(vow_participant_start(town->banks[bank]), 0);
    if (town->loop == VOW_LOOP_OWN_THREAD && !town->is_alone)
        cr_assert_eq(vow_participant_wait(town->banks[bank], 20000), 0);
}

void town_close_bank(struct town *town, int bank)
{
    vow_participant_close(town->banks[bank]);
    town->banks[bank] = NULL;
}

/* In memory, if the machine has such a file system: there are dozens of towns, and power does not fail in them. */
static void make_directory(struct town *town)
{
    const char *parent = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";

    (void)snprintf(town->directory, sizeof(town->directory), "%s/vow-town-XXXXXX", parent);
    cr_assert_not_null(mkdtemp(town->directory));
}

static void open_all(struct town *town, uint32_t timeout_ms)
{
    struct vow_client_options options = {
        .size = sizeof(options), .timeout_ms = timeout_ms, .loop = town->loop, .base = town->base};
    struct vow_error_detail detail;
    char data[100];

    make_directory(town);
    if (town->by_hand)
        cr_assert_eq(vow_testing_clock_take(), 0);
    (void)snprintf(data, sizeof(data), "%s/vowd", town->directory);
    cr_assert_eq(vow_test_network_open(data, &town->network, &detail), 0, "%s", detail.text);
    for (int i = 0; i < BANKS; i++)
        town_open_bank(town, i);
    options.coordinator = vow_test_network_address(town->network);
    cr_assert_eq(vow_client_open(&options, &town->client, &detail), 0, "%s", detail.text);
    if (town->by_hand)
        vow_testing_clock_settle();
}

void town_open(struct town *town, bool by_hand, uint32_t timeout_ms)
{
    *town = (struct town){.by_hand = by_hand};
    open_all(town, timeout_ms);
}

void town_open_on(struct town *town, bool by_hand, enum vow_loop_kind loop, struct event_base *base)
{
    *town = (struct town){.by_hand = by_hand, .loop = loop, .base = base};
    open_all(town, 0);
}

void town_open_of_peers(struct town *town, enum vow_loop_kind loop, struct event_base *base)
{
    *town = (struct town){.by_hand = true, .loop = loop, .base = base, .asks_peers = true};
    open_all(town, 0);
}

void town_close(struct town *town)
{
    char command[128];

    vow_client_close(town->client);
    for (int i = 0; i < BANKS; i++)
        town_close_bank(town, i);
    vow_test_network_close(town->network);
    if (town->by_hand)
        cr_assert_eq(vow_testing_clock_give_back(), 0);
    (void)snprintf(command, sizeof(command), "rm -rf %s", town->directory);
    cr_assert_eq(system(command), 0); /* NOLINT(cert-env33-c): a directory that we made */
}

/* Long enough for the bank to finish what it does with its file, however slow the machine is. */
#define BUSY_MS 60000

static void expect_sqlite(sqlite3 *db, int rc, int expected, const char *path)
{
    cr_assert_eq(rc, expected, "%s: %s (%d), %s", path, sqlite3_errmsg(db), sqlite3_extended_errcode(db),
                 strerror(sqlite3_system_errno(db)));
}

int town_money(const struct town *town, int bank)
{
    return town_number(town, bank, "SELECT money FROM account");
}

int town_number(const struct town *town, int bank, const char *sql)
{
    sqlite3_stmt *query;
    sqlite3 *db;
    char path[128];
    int number, rc;

    file_of(town, bank, path);
    rc = sqlite3_open_v2(path, &db, SQLITE_OPEN_READONLY, NULL);
    expect_sqlite(db, rc, SQLITE_OK, path);
    (void)sqlite3_busy_timeout(db, BUSY_MS);
    expect_sqlite(db, sqlite3_prepare_v2(db, sql, -1, &query, NULL), SQLITE_OK, path);
    expect_sqlite(db, sqlite3_step(query), SQLITE_ROW, path);
    number = sqlite3_column_int(query, 0);
    (void)sqlite3_finalize(query);
    (void)sqlite3_close(db);
    return number;
}

struct vow_participant_stats town_stats(const struct town *town, int bank)
{
    struct vow_participant_stats stats;

    vow_participant_stats(town->banks[bank], &stats, sizeof(stats));
    return stats;
}

static void take(void *ctx, const struct vow_result *result)
{
    struct transfer *transfer = ctx;

    transfer->result = *result;
    atomic_store(&transfer->done, true);
}

void town_transfer(struct town *town, struct transfer *transfer)
{
    atomic_store(&transfer->done, false);
    cr_assert_eq(vow_commit_async(town->client, calls, BANKS, take, transfer), 0);
}

struct vow_result town_commit_by_hand(struct town *town, const struct vow_call *work, size_t len)
{
    struct transfer transfer;

    atomic_store(&transfer.done, false);
    cr_assert_eq(vow_commit_async(town->client, work, len, take, &transfer), 0);
    vow_testing_clock_settle();
    cr_assert(transfer.done);
    return transfer.result;
}

struct vow_result town_transfer_by_hand(struct town *town)
{
    struct transfer transfer;

    town_transfer(town, &transfer);
    vow_testing_clock_settle();
    cr_assert(transfer.done);
    return transfer.result;
}

struct vow_result town_transfer_now(struct town *town)
{
    struct vow_result result = {.outcome = VOW_UNKNOWN};

    cr_assert_eq(vow_commit(town->client, calls, BANKS, &result), 0);
    return result;
}
