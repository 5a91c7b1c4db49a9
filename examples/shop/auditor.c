/*
 * shop-auditor: looks at the books of the three services again and again while they work, and writes down whether they
 * agree: what the orders are worth that are seen anywhere, and what of that is seen everywhere.
 *
 * It reads as one who respects locks would: a row that a prepared transaction holds is neither there nor missing, it is
 * waited for. And no two files can be read in one moment. So it looks twice: an order that is in a file at the first
 * look was decided by then, and each service had prepared it before; at the second look, which begins after the first
 * has ended, it is in each file, or held there. If not, whoever reads the books meets half an order: what a transaction
 * never lets anybody see, and a saga does.
 */
#include <getopt.h>
#include <inttypes.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <vow/error.h>

#include "shop.h"

struct auditor {
    const char *order, *stock, *payment, *out_path;
    int64_t every_ms, looks; /* 0 = until it is told to end */
    sqlite3 *db;
    FILE *out;
};

#define WORTH                                                                                                          \
    "coalesce((SELECT amount FROM orders o WHERE o.id = s.id), (SELECT amount FROM pay.payment p WHERE "               \
    "p.order_id = s.id), (SELECT quantity * (1 + CAST(substr(item, 6) AS INTEGER) % 9) FROM "                          \
    "stock.reservation r WHERE r.order_id = s.id), 0)"
#define HELD(schema, table)                                                                                            \
    "EXISTS (SELECT 1 FROM " schema ".vow_lock WHERE tbl = '" table "' AND idx = '' AND key = "                        \
    "quote(s.id))"

static const char first_look[] = "DELETE FROM temp.seen;"
                                 "INSERT INTO temp.seen SELECT id FROM main.orders"
                                 " UNION SELECT order_id FROM stock.reservation UNION SELECT order_id FROM pay.payment";

/* One statement sees each file at one moment. An order that is nowhere any more was undone between the two looks. */
static const char second_look[] =
    "WITH s AS (SELECT id,"
    "  EXISTS (SELECT 1 FROM main.orders o WHERE o.id = s.id) AS placed,"
    "  EXISTS (SELECT 1 FROM stock.reservation r WHERE r.order_id = s.id) AS taken,"
    "  EXISTS (SELECT 1 FROM pay.payment p WHERE p.order_id = s.id) AS paid,"
    "  " HELD("main", "orders") " AS placing, " HELD(
        "stock", "reservation") " AS taking,"
                                "  " HELD("pay", "payment") " AS paying, " WORTH " AS worth FROM temp.seen s)"
                                                            " SELECT coalesce(sum(worth), 0),"
                                                            "  coalesce(sum(iif((placed OR placing) AND (taken OR "
                                                            "taking) AND (paid OR paying), worth, 0)), 0)"
                                                            " FROM s WHERE placed OR taken OR paid";

static int64_t now_us(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

/* Returns 0 or an error: the files may be busy, and the next look may not. */
static int look(const struct auditor *auditor)
{
    sqlite3_stmt *row;
    int rc = sqlite3_exec(auditor->db, first_look, NULL, NULL, NULL);

    if (rc != SQLITE_OK || sqlite3_prepare_v2(auditor->db, second_look, -1, &row, NULL) != SQLITE_OK)
        return VOW_E_DATABASE;
    rc = sqlite3_step(row);
    if (rc == SQLITE_ROW)
        fprintf(auditor->out,
                "{\"t_us\":%" PRId64 ",\"what\":\"audit\",\"sum\":%" PRId64 ",\"expected\":%" PRId64 "}\n", now_us(),
                (int64_t)sqlite3_column_int64(row, 1), (int64_t)sqlite3_column_int64(row, 0));
    fflush(auditor->out);
    (void)sqlite3_finalize(row);
    return rc == SQLITE_ROW ? 0 : VOW_E_DATABASE;
}

static bool told_to_stop(int64_t wait_ms)
{
    sigset_t signals;
    const struct timespec wait = {.tv_sec = (time_t)(wait_ms / 1000), .tv_nsec = (long)(wait_ms % 1000) * 1000000};

    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    sigprocmask(SIG_BLOCK, &signals, NULL);
    return sigtimedwait(&signals, NULL, &wait) > 0;
}

static int open_books(struct auditor *auditor)
{
    if (sqlite3_open_v2(auditor->order, &auditor->db, SQLITE_OPEN_READONLY, NULL) == SQLITE_OK &&
        shop_sql(auditor->db, "ATTACH ?1 AS stock", "s", auditor->stock) == SQLITE_OK &&
        shop_sql(auditor->db, "ATTACH ?1 AS pay", "s", auditor->payment) == SQLITE_OK &&
        shop_sql(auditor->db, "CREATE TEMP TABLE seen (id TEXT PRIMARY KEY)", "") == SQLITE_OK &&
        sqlite3_busy_timeout(auditor->db, 1000) == SQLITE_OK)
        return 0;
    fprintf(stderr, "shop-auditor: cannot open %s, %s and %s: %s\n", auditor->order, auditor->stock, auditor->payment,
            sqlite3_errmsg(auditor->db));
    return -1;
}

static int audit(struct auditor *auditor)
{
    int64_t looks = 0;

    auditor->out = fopen(auditor->out_path, "a");
    if (auditor->out == NULL || open_books(auditor) != 0) {
        if (auditor->out == NULL)
            perror(auditor->out_path);
        return SHOP_EXIT_FAILED;
    }
    printf("ready shop-auditor\n");
    fflush(stdout);
    do
        looks += look(auditor) == 0;
    while ((auditor->looks == 0 || looks < auditor->looks) && !told_to_stop(auditor->every_ms));
    return 0;
}

static _Noreturn void usage(FILE *out, int status)
{
    fputs("usage: shop-auditor --order FILE --stock FILE --payment FILE --out FILE [--every-ms N] [--looks N]\n"
          "Looks at the books of the three services while they work, until SIGTERM or SIGINT, and adds a line of JSON\n"
          "for each look: what the orders are worth that are seen in some of them, and in all of them (docs/shop.md).\n"
          "  --every-ms N   between two looks (250)\n"
          "  --looks N      how many; 0: until it is told to end (0)\n"
          "Exit status: 0 ended, 1 could not go on, 2 wrong flags.\n",
          out);
    exit(status);
}

static void read_number(const char *text, int64_t max, int64_t *number)
{
    if (shop_number(text, 0, max, number) != 0)
        usage(stderr, SHOP_EXIT_USAGE);
}

static void read_flags(struct auditor *auditor, int argc, char **argv)
{
    static const struct option flags[] = {
        {"order", required_argument, NULL, 'o'},
        {"stock", required_argument, NULL, 's'},
        {"payment", required_argument, NULL, 'p'},
        {"out", required_argument, NULL, 'O'},
        {"every-ms", required_argument, NULL, 'e'},
        {"looks", required_argument, NULL, 'n'},
        {"help", no_argument, NULL, 'h'},
        {"version", no_argument, NULL, 'v'},
        {NULL, 0, NULL, 0},
    };
    int flag;

    while ((flag = getopt_long(argc, argv, "", flags, NULL)) != -1) {
        if (flag == 'o')
            auditor->order = optarg;
        else if (flag == 's')
            auditor->stock = optarg;
        else if (flag == 'p')
            auditor->payment = optarg;
        else if (flag == 'O')
            auditor->out_path = optarg;
        else if (flag == 'e')
            read_number(optarg, 3600000, &auditor->every_ms);
        else if (flag == 'n')
            read_number(optarg, 1000000, &auditor->looks);
        else if (flag == 'v')
            exit(printf("shop-auditor %s\n", SHOP_VERSION) < 0);
        else
            usage(flag == 'h' ? stdout : stderr, flag == 'h' ? 0 : SHOP_EXIT_USAGE);
    }
    if (auditor->order == NULL || auditor->stock == NULL || auditor->payment == NULL || auditor->out_path == NULL ||
        optind != argc)
        usage(stderr, SHOP_EXIT_USAGE);
}

int main(int argc, char **argv)
{
    struct auditor auditor = {.every_ms = 250};
    int status;

    read_flags(&auditor, argc, argv);
    status = audit(&auditor);
    sqlite3_close(auditor.db);
    if (shop_close_written(auditor.out, "shop-auditor", auditor.out_path) != 0)
        status = SHOP_EXIT_FAILED;
    return status;
}
