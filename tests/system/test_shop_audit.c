/*
 * shop-audit must see what is wrong with the books: the demo's last word is only worth what this program notices.
 * Books of two orders that balance, then one fault at a time.
 */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static const char *const books[3][2] = {
    {"order.db", "CREATE TABLE orders (id TEXT PRIMARY KEY, item, quantity, account, amount);"
                 "INSERT INTO orders VALUES ('o1', 'apple', 2, 'ann', 10), ('o2', 'pear', 1, 'bob', 3)"},
    {"stock.db",
     "CREATE TABLE item (name TEXT PRIMARY KEY, initial, stock, pending);"
     "CREATE TABLE reservation (order_id TEXT PRIMARY KEY, item, quantity);"
     "CREATE TABLE access (saga, step, arm, item, read, writer, value, base, wrote, wanted, effect, amount);"
     "INSERT INTO item (name, initial, stock) VALUES ('apple', 9, 7), ('pear', 1, 0), ('fig', 5, 5);"
     "INSERT INTO reservation VALUES ('o1', 'apple', 2), ('o2', 'pear', 1)"},
    {"payment.db", "CREATE TABLE account (name TEXT PRIMARY KEY, initial, balance);"
                   "CREATE TABLE payment (order_id TEXT PRIMARY KEY, account, amount);"
                   "INSERT INTO account VALUES ('ann', 10, 0), ('bob', 5, 2), ('eve', 1, 1);"
                   "INSERT INTO payment VALUES ('o1', 'ann', 10), ('o2', 'bob', 3)"},
};

static const char library_tables[] = "CREATE TABLE vow_branch (gtrid, changeset);"
                                     "INSERT INTO vow_branch VALUES ('ended', NULL);"
                                     "CREATE TABLE vow_lock (tbl, key)";

static const char told[] = "{\"order\":\"o1\",\"outcome\":\"committed\",\"tries\":[]}\n"
                           "{\"order\":\"o2\",\"outcome\":\"committed\",\"tries\":[]}\n"
                           "{\"order\":\"o3\",\"outcome\":\"aborted\",\"tries\":[]}\n";

static char directory[] = "/tmp/vow-audit-XXXXXX";

/* Of the form DIRECTORY/order.db. Lives until the fourth call after this one. */
static const char *path_of(const char *file)
{
    static char paths[4][64];
    static unsigned next;
    char *path = paths[next++ % 4];

    snprintf(path, sizeof(paths[0]), "%s/%s", directory, file);
    return path;
}

static void run_sql(const char *book, const char *sql)
{
    sqlite3 *db;

    cr_assert_eq(sqlite3_open(path_of(book), &db), SQLITE_OK);
    cr_assert_eq(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK, "%s: %s", sql, sqlite3_errmsg(db));
    sqlite3_close(db);
}

static void write_log(const char *text)
{
    FILE *log = fopen(path_of("log"), "w");

    cr_assert_not_null(log);
    fputs(text, log);
    fclose(log);
}

static void make_books(void)
{
    cr_assert_not_null(mkdtemp(directory));
    for (size_t i = 0; i < 3; i++) {
        run_sql(books[i][0], "PRAGMA journal_mode = WAL");
        run_sql(books[i][0], books[i][1]);
        run_sql(books[i][0], library_tables);
    }
    write_log(told);
}

static void remove_books(void)
{
    static const char *const files[] = {
        "order.db",     "stock.db",     "payment.db",     "order.db-wal", "stock.db-wal", "payment.db-wal",
        "order.db-shm", "stock.db-shm", "payment.db-shm", "log",          "said"};

    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
        unlink(path_of(files[i]));
    rmdir(directory);
}

static _Noreturn void become_audit(void)
{
    if (freopen(path_of("said"), "w", stdout) != NULL && dup2(STDOUT_FILENO, STDERR_FILENO) >= 0)
        execl(VOW_BIN "/shop-audit", "shop-audit", "--order", path_of("order.db"), "--stock", path_of("stock.db"),
              "--payment", path_of("payment.db"), "--log", path_of("log"), (char *)NULL);
    _exit(127);
}

/* Runs the audit; `said` gets what it printed. Returns its exit status. */
static int audit(char *said, size_t size)
{
    const pid_t pid = fork();
    FILE *out;
    int status;

    cr_assert_geq(pid, 0);
    if (pid == 0)
        become_audit();
    cr_assert_eq(waitpid(pid, &status, 0), pid);
    out = fopen(path_of("said"), "r");
    cr_assert_not_null(out);
    said[fread(said, 1, size - 1, out)] = '\0';
    fclose(out);
    cr_assert(WIFEXITED(status));
    return WEXITSTATUS(status);
}

TestSuite(shop_audit, .init = make_books, .fini = remove_books);

Test(shop_audit, books_that_balance)
{
    char said[4096];

    cr_expect_eq(audit(said, sizeof(said)), 0, "%s", said);
    cr_expect_null(strstr(said, "\u2717"), "%s", said);
    /* Of transactions nothing is said that is about sagas only. */
    cr_expect_null(strstr(said, "lost updates"), "%s", said);
    cr_expect_null(strstr(said, "countermeasure"), "%s", said);
}

Test(shop_audit, books_of_orders_that_were_looked_at)
{
    char said[4096];

    run_sql("stock.db", "INSERT INTO access VALUES ('s1', 'look', 'none', 'fig', 0, '', 5, 0, 0, 0, 0, 4)");
    cr_expect_eq(audit(said, sizeof(said)), 0, "%s", said);
    cr_expect_not_null(strstr(said, "but for what lost updates took"), "%s", said);
    cr_expect_not_null(strstr(said, "no item is pending"), "%s", said);
}

struct fault {
    char book[16];
    char sql[400];
    char finding[120]; /* what the audit must say of it */
};

ParameterizedTestParameters(shop_audit, sees)
{
    static struct fault faults[] = {
        {"order.db", "DELETE FROM orders WHERE id = 'o1'", "order o1 is not in order, is in stock, is in payment"},
        {"stock.db", "DELETE FROM reservation WHERE order_id = 'o2'", "order o2 is in order, is not in stock"},
        {"payment.db", "INSERT INTO payment VALUES ('o9', 'eve', 0)", "order o9 is not in order, is not in stock"},
        {"order.db", "UPDATE orders SET quantity = 3 WHERE id = 'o1'", "order o1 differs"},
        {"order.db", "UPDATE orders SET amount = 4 WHERE id = 'o2'", "order o2 differs"},
        {"stock.db", "UPDATE item SET stock = 6 WHERE name = 'apple'", "apple: 9 at first, 6 left, 2 ordered"},
        {"stock.db", "UPDATE item SET stock = 4 WHERE name = 'fig'", "fig: 5 at first, 4 left, 0 ordered"},
        {"payment.db", "UPDATE account SET balance = 1 WHERE name = 'ann'", "ann: 10 at first, 1 left, 10 paid"},
        {"order.db", "INSERT INTO vow_branch VALUES ('o4', x'00')", "a prepared branch in order"},
        {"stock.db", "INSERT INTO vow_branch VALUES ('o4', x'00')", "a prepared branch in stock"},
        {"payment.db", "INSERT INTO vow_lock VALUES ('account', 'ann')", "a lock in payment"},
        {"stock.db", "UPDATE item SET pending = 's1' WHERE name = 'fig'", "fig is pending for saga s1"},
        /* A lost update explains just what it took, and only where nothing prevents it. */
        {"stock.db", "INSERT INTO access VALUES ('s1', 'take', 'none', 'fig', 2, 's0', 5, 1, 3, -1, -2, 4)",
         "fig: 5 at first, 5 left, 0 ordered, 1 lost"},
        {"stock.db", "INSERT INTO access VALUES ('s1', 'take', 'reread', 'fig', 2, 's0', 5, 1, 3, -1, -1, 4)",
         "fig: take of saga s1 wrote version 3, made of version 1"},
        {"stock.db",
         "INSERT INTO access VALUES ('s1', 'take', 'semantic-lock', 'fig', 0, '', 5, 0, 1, 0, 0, 4),"
         "('s1', 'give_back', '', 'fig', 1, 's1', 5, 1, 2, 0, 0, 4), ('s2', 'look', 'semantic-lock', 'fig', 1, 's1', "
         "5, 1, 0, "
         "0, 0, 4)",
         "fig: look of saga s2 read version 1 of saga s1"},
        {"stock.db",
         "INSERT INTO access VALUES ('s1', 'look', 'reread', 'fig', 0, '', 5, 0, 0, 0, 0, 4),"
         "('s1', 'take', 'reread', 'fig', 1, 's2', 5, 1, 2, 0, 0, 4)",
         "fig: saga s1 read version 0, then 1"},
        {"order.db", "DROP TABLE vow_lock", "cannot be checked"},
        {"order.db",
         "CREATE INDEX i ON orders (item); PRAGMA writable_schema = ON;"
         "UPDATE sqlite_schema SET sql = replace(sql, 'item', 'id') WHERE name = 'i'",
         "missing from index i"},
        /* An order that is everywhere, but of which the client was told that it is nowhere. */
        {"log", "{\"order\":\"o1\",\"outcome\":\"aborted\"}\n{\"order\":\"o2\",\"outcome\":\"committed\"}\n",
         "order o1 is there"},
        {"log", "{\"order\":\"o1\",\"outcome\":\"unknown\"}\n{\"order\":\"o2\",\"outcome\":\"committed\"}\n",
         "order o1 is unknown"},
        {"log", "{\"order\":\"o1\",\"outcome\":\"committed\"}\n", "order o2 is there and was never told"},
        {"log", "{\"order\":\"o7\",\"outcome\":\"committed\"}\n", "order o7 is not there"},
        {"log", "{\"order\":\"o1\",\"outc", "not a line of shop-load's log"},
    };

    return cr_make_param_array(struct fault, faults, sizeof(faults) / sizeof(faults[0]));
}

ParameterizedTest(struct fault *fault, shop_audit, sees)
{
    char said[4096];

    if (strcmp(fault->book, "log") == 0)
        write_log(fault->sql);
    else
        run_sql(fault->book, fault->sql);
    cr_expect_eq(audit(said, sizeof(said)), 1, "%s: %s", fault->sql, said);
    cr_expect_not_null(strstr(said, fault->finding), "%s: wants \"%s\" in\n%s", fault->sql, fault->finding, said);
}
