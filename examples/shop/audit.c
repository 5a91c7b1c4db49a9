#include "audit.h"

#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include <vow/error.h>

#include "shop.h"

/* So many findings of a check are shown. */
#define FINDINGS_SHOWN 5

struct audit_options {
    const char *order, *stock, *payment, *log;
};

/*
 * A check is a query for what is wrong: no row, no fault. Each row is one finding in words. The tables vow_branch and
 * vow_lock are the library's own; a branch that is prepared is one that still has its changeset.
 */
struct check {
    const char *name;
    const char *sql;
    enum { ALWAYS, WITH_LOG, IF_LOOKED_AT, IF_NOT_LOOKED_AT } when;
};

/* Nothing is lost where no order was looked at. */
#define GOODS                                                                                                          \
    "SELECT i.name || ': ' || initial || ' at first, ' || stock || ' left, ' || coalesce(sum(quantity), 0) || ' "      \
    "ordered, ' || lost || ' lost'"                                                                                    \
    " FROM (SELECT name, initial, stock, (SELECT coalesce(sum(wanted - effect), 0) FROM access"                        \
    "   WHERE item = name AND wrote > base + 1) AS lost FROM item) i"                                                  \
    " LEFT JOIN reservation r ON r.item = i.name GROUP BY i.name"                                                      \
    " HAVING initial <> stock + coalesce(sum(quantity), 0) + lost OR stock < 0"

static const struct check checks[] = {
    {"every order is in all three databases or in none",
     "WITH seen(id) AS (SELECT id FROM orders UNION SELECT order_id FROM reservation UNION SELECT order_id FROM "
     "payment)"
     " SELECT 'order ' || id"
     "  || iif(id IN (SELECT id FROM orders), ' is', ' is not') || ' in order,'"
     "  || iif(id IN (SELECT order_id FROM reservation), ' is', ' is not') || ' in stock,'"
     "  || iif(id IN (SELECT id FROM temp.settled), ' is', ' is not') || ' in payment'"
     " FROM seen WHERE id NOT IN (SELECT id FROM orders) OR id NOT IN (SELECT order_id FROM reservation)"
     "  OR id NOT IN (SELECT id FROM temp.settled)",
     ALWAYS},
    {"the three databases say the same of an order",
     "SELECT 'order ' || id || ' differs' FROM orders"
     " JOIN reservation r ON r.order_id = id JOIN payment p ON p.order_id = id"
     " WHERE (orders.item, orders.quantity) IS NOT (r.item, r.quantity)"
     "  OR (orders.account, orders.amount) IS NOT (p.account, p.amount)",
     ALWAYS},
    {"goods are conserved: initial stock = left + ordered", GOODS, IF_NOT_LOOKED_AT},
    {"goods are conserved: initial stock = left + ordered, but for what lost updates took", GOODS, IF_LOOKED_AT},
    {"money is conserved: initial balance = left + paid",
     "SELECT a.name || ': ' || initial || ' at first, ' || balance || ' left, ' || coalesce(sum(amount), 0) || ' paid'"
     " FROM account a LEFT JOIN payment p ON p.account = a.name GROUP BY a.name"
     " HAVING initial <> balance + coalesce(sum(amount), 0) OR balance < 0",
     ALWAYS},
    {"every order that the client was told is committed is there",
     "SELECT 'order ' || id || ' is not there' FROM told WHERE outcome = 'committed'"
     " AND (id NOT IN (SELECT id FROM orders) OR id NOT IN (SELECT order_id FROM reservation)"
     "  OR id NOT IN (SELECT id FROM temp.settled))",
     WITH_LOG},
    {"no order that the client was told is aborted is anywhere",
     "SELECT 'order ' || id || ' is there' FROM told WHERE outcome = 'aborted'"
     " AND (id IN (SELECT id FROM orders) OR id IN (SELECT order_id FROM reservation)"
     "  OR id IN (SELECT order_id FROM payment))",
     WITH_LOG},
    {"the client knows the outcome of every order",
     "SELECT 'order ' || id || ' is unknown' FROM told WHERE outcome NOT IN ('committed', 'aborted')"
     " UNION ALL SELECT 'order ' || id || ' is there and was never told' FROM orders WHERE id NOT IN (SELECT id FROM "
     "told)",
     WITH_LOG},
    {"no update is lost where a countermeasure keeps it",
     "SELECT item || ': ' || step || ' of saga ' || saga || ' wrote version ' || wrote || ', made of version ' || base"
     " FROM access WHERE wrote > base + 1 AND arm IN ('semantic-lock', 'commutative', 'reread', 'version-file')",
     IF_LOOKED_AT},
    {"nothing is read that is undone later where a countermeasure hides it",
     "SELECT item || ': ' || step || ' of saga ' || saga || ' read version ' || read || ' of saga ' || writer"
     " FROM temp.dirty WHERE arm IN ('semantic-lock', 'pessimistic-view')",
     IF_LOOKED_AT},
    {"no two reads of a saga differ where a countermeasure holds what it read",
     "SELECT item || ': saga ' || saga || ' read version ' || first || ', then ' || later"
     " FROM temp.fuzzy WHERE arm IN ('semantic-lock', 'reread')",
     IF_LOOKED_AT},
    {"no item is pending for a saga",
     "SELECT name || ' is pending for saga ' || pending FROM item WHERE pending IS NOT NULL", IF_LOOKED_AT},
    {"nothing is in doubt",
     "SELECT 'a prepared branch in order' FROM main.vow_branch WHERE changeset IS NOT NULL"
     " UNION ALL SELECT 'a prepared branch in stock' FROM stock.vow_branch WHERE changeset IS NOT NULL"
     " UNION ALL SELECT 'a prepared branch in payment' FROM pay.vow_branch WHERE changeset IS NOT NULL",
     ALWAYS},
    {"no row is locked",
     "SELECT 'a lock in order' FROM main.vow_lock UNION ALL SELECT 'a lock in stock' FROM stock.vow_lock"
     " UNION ALL SELECT 'a lock in payment' FROM pay.vow_lock",
     ALWAYS},
    {"the files are sound", "SELECT integrity_check FROM pragma_integrity_check WHERE integrity_check <> 'ok'", ALWAYS},
};

static int run_check(sqlite3 *db, const struct check *check)
{
    sqlite3_stmt *statement;
    int findings = 0;

    if (sqlite3_prepare_v2(db, check->sql, -1, &statement, NULL) != SQLITE_OK) {
        printf("\u2717 %s: cannot be checked: %s\n", check->name, sqlite3_errmsg(db));
        return -1;
    }
    while (sqlite3_step(statement) == SQLITE_ROW) {
        if (findings == 0)
            printf("\u2717 %s\n", check->name);
        if (findings++ < FINDINGS_SHOWN)
            printf("    %s\n", (const char *)sqlite3_column_text(statement, 0));
    }
    if (findings > FINDINGS_SHOWN)
        printf("    and %d more\n", findings - FINDINGS_SHOWN);
    if (sqlite3_finalize(statement) != SQLITE_OK) {
        printf("\u2717 %s: cannot be checked: %s\n", check->name, sqlite3_errmsg(db));
        return -1;
    }
    if (findings == 0)
        printf("\u2713 %s\n", check->name);
    return findings == 0 ? 0 : -1;
}

static void print_totals(sqlite3 *db)
{
    static const char sql[] =
        "SELECT (SELECT count(*) FROM orders), (SELECT coalesce(sum(quantity), 0) FROM reservation),"
        " (SELECT coalesce(sum(amount), 0) FROM payment)";
    sqlite3_stmt *statement;

    if (sqlite3_prepare_v2(db, sql, -1, &statement, NULL) != SQLITE_OK)
        return;
    if (sqlite3_step(statement) == SQLITE_ROW)
        printf("The books hold %lld orders, %lld pieces taken, %lld paid.\n", sqlite3_column_int64(statement, 0),
               sqlite3_column_int64(statement, 1), sqlite3_column_int64(statement, 2));
    sqlite3_finalize(statement);
}

/*
 * What sagas have done to one another, by the versions of the rows that they read and wrote. A lost update is one that
 * a later version is not made of; a dirty read one of a version whose writer has given it back; a fuzzy read a second
 * one that differs, another saga having written between.
 */
static const char anomalies[] =
    "CREATE TEMP VIEW dirty AS SELECT r.*, w.amount AS worth FROM stock.access r"
    "  JOIN stock.access w ON w.saga = r.writer AND w.step = 'take' AND w.item = r.item AND w.wrote = r.read"
    "  JOIN stock.access c ON c.saga = r.writer AND c.step = 'give_back'"
    "  WHERE r.step IN ('look', 'take') AND r.saga <> r.writer;"
    "CREATE TEMP VIEW fuzzy AS SELECT t.saga, t.arm, t.item, l.read AS first, t.read AS later FROM stock.access t"
    "  JOIN stock.access l ON l.saga = t.saga AND l.step = 'look' WHERE t.step = 'take' AND t.read <> l.read;";

/* What is paid for, and what costs nothing (shop-load --gifts). */
static const char settled[] = "CREATE TEMP VIEW settled AS SELECT order_id AS id FROM pay.payment"
                              " UNION ALL SELECT id FROM main.orders WHERE amount = 0";

static void print_anomalies(sqlite3 *db)
{
    static const char sql[] =
        "SELECT count(DISTINCT saga), sum(wrote > base + 1), (SELECT count(*) FROM dirty),"
        " (SELECT coalesce(sum(worth), 0) FROM dirty), (SELECT coalesce(max(worth), 0) FROM dirty),"
        " (SELECT count(*) FROM fuzzy) FROM access";
    sqlite3_stmt *statement;

    if (sqlite3_prepare_v2(db, sql, -1, &statement, NULL) != SQLITE_OK)
        return;
    if (sqlite3_step(statement) == SQLITE_ROW && sqlite3_column_int64(statement, 0) > 0)
        printf("Of %lld that were looked at: lost updates %lld, dirty reads %lld (worth %lld, the dearest %lld), fuzzy "
               "reads %lld.\n",
               sqlite3_column_int64(statement, 0), sqlite3_column_int64(statement, 1),
               sqlite3_column_int64(statement, 2), sqlite3_column_int64(statement, 3),
               sqlite3_column_int64(statement, 4), sqlite3_column_int64(statement, 5));
    sqlite3_finalize(statement);
}

/* Some order says what it has read and written (shop.md), or has left a mark. */
static bool was_looked_at(sqlite3 *db)
{
    static const char sql[] = "SELECT EXISTS (SELECT 1 FROM access) OR EXISTS (SELECT 1 FROM item WHERE pending IS NOT "
                              "NULL)";
    sqlite3_stmt *statement;

    if (sqlite3_prepare_v2(db, sql, -1, &statement, NULL) != SQLITE_OK)
        return true; /* then its checks say why they cannot be made */
    const bool is = sqlite3_step(statement) != SQLITE_ROW || sqlite3_column_int(statement, 0) != 0;
    sqlite3_finalize(statement);
    return is;
}

static bool is_due(const struct check *check, bool has_log, bool is_looked_at)
{
    switch (check->when) {
    case WITH_LOG:
        return has_log;
    case IF_LOOKED_AT:
        return is_looked_at;
    case IF_NOT_LOOKED_AT:
        return !is_looked_at;
    case ALWAYS:
        break;
    }
    return true;
}

static int run_checks(sqlite3 *db, bool has_log)
{
    const bool is_looked_at = was_looked_at(db);
    int failed = 0;

    for (size_t i = 0; i < sizeof(checks) / sizeof(checks[0]); i++) {
        if (is_due(&checks[i], has_log, is_looked_at))
            failed += run_check(db, &checks[i]) != 0;
    }
    print_totals(db);
    print_anomalies(db);
    return failed;
}

/* Attached files are opened read-only as the first one is, so that an audit of a wrong path makes no file. */
static int open_books(const struct audit_options *options, sqlite3 **db)
{
    if (sqlite3_open_v2(options->order, db, SQLITE_OPEN_READONLY, NULL) != SQLITE_OK ||
        shop_sql(*db, "ATTACH ?1 AS stock", "s", options->stock) != SQLITE_OK ||
        shop_sql(*db, "ATTACH ?1 AS pay", "s", options->payment) != SQLITE_OK ||
        shop_sql(*db, "CREATE TEMP TABLE told (id TEXT PRIMARY KEY, outcome TEXT NOT NULL)", "") != SQLITE_OK ||
        sqlite3_exec(*db, anomalies, NULL, NULL, NULL) != SQLITE_OK ||
        sqlite3_exec(*db, settled, NULL, NULL, NULL) != SQLITE_OK) {
        fprintf(stderr, "shop-audit: cannot open %s, %s and %s: %s\n", options->order, options->stock, options->payment,
                sqlite3_errmsg(*db));
        return -1;
    }
    return options->log != NULL ? audit_read_log(*db, options->log) : 0;
}

static _Noreturn void usage(FILE *out, int status)
{
    fputs("usage: shop-audit --order FILE --stock FILE --payment FILE [--log FILE]\n"
          "Checks the databases of the three services, and what shop-load's log says the client was told.\n"
          "Run it when the load has ended and nothing is in doubt any more.\n"
          "Exit status: 0 all checks hold, 1 not so, 2 wrong flags.\n",
          out);
    exit(status);
}

static void read_flags(struct audit_options *options, int argc, char **argv)
{
    static const struct option flags[] = {
        {"order", required_argument, NULL, 'o'},
        {"stock", required_argument, NULL, 's'},
        {"payment", required_argument, NULL, 'p'},
        {"log", required_argument, NULL, 'l'},
        {"help", no_argument, NULL, 'h'},
        {"version", no_argument, NULL, 'v'},
        {NULL, 0, NULL, 0},
    };
    int flag;

    while ((flag = getopt_long(argc, argv, "", flags, NULL)) != -1) {
        if (flag == 'o')
            options->order = optarg;
        else if (flag == 's')
            options->stock = optarg;
        else if (flag == 'p')
            options->payment = optarg;
        else if (flag == 'l')
            options->log = optarg;
        else if (flag == 'v')
            exit(printf("shop-audit %s\n", SHOP_VERSION) < 0);
        else
            usage(flag == 'h' ? stdout : stderr, flag == 'h' ? 0 : SHOP_EXIT_USAGE);
    }
    if (options->order == NULL || options->stock == NULL || options->payment == NULL || optind != argc)
        usage(stderr, SHOP_EXIT_USAGE);
}

int main(int argc, char **argv)
{
    struct audit_options options = {0};
    sqlite3 *db = NULL;
    int failed = 1;

    read_flags(&options, argc, argv);
    if (open_books(&options, &db) == 0)
        failed = run_checks(db, options.log != NULL);
    sqlite3_close(db);
    return failed == 0 ? 0 : SHOP_EXIT_FAILED;
}
