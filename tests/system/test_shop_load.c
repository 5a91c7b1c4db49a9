/* The open loop of shop-load, the history of what it did, and the auditor who looks on. */
#include <criterion/criterion.h>
#include <jansson.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "edn.h"
#include "shop.h"

TestSuite(shop_load, .timeout = 120);

#define ARGS_MAX 40
#define LINES_MAX 2000

/* Runs shop-load with further flags, up to a NULL; returns its exit status. */
static int load(const struct shop *shop, struct run *run, const char *const flags[])
{
    const char *argv[ARGS_MAX] = {VOW_BIN "/shop-load", "--coordinator", shop->cluster.address, "--log",
                                  shop_path(shop, "log")};
    size_t len = 5;
    for (size_t i = 0; flags[i] != NULL; i++)
        argv[len++] = flags[i];
    run_program(run, argv);
    return run->status;
}

/* vowd first: it waits for who has not acknowledged yet. */
static void end_services(struct shop *shop)
{
    cr_expect_eq(process_end(&shop->cluster.vowd), 0);
    shop_stop(shop);
}

static void end(struct shop *shop)
{
    end_services(shop);
    cluster_end(&shop->cluster);
}

/* The lines of a file, as they are. */
static size_t read_lines(const char *path, json_t *lines[LINES_MAX])
{
    FILE *file = fopen(path, "r");
    char text[1024];
    size_t len = 0;
    cr_assert_not_null(file, "%s", path);
    while (fgets(text, sizeof(text), file) != NULL) {
        cr_assert_lt(len, LINES_MAX);
        lines[len] = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
        cr_assert_not_null(lines[len], "%s: %s", path, text);
        len++;
    }
    (void)fclose(file);
    return len;
}

static void free_lines(json_t *lines[], size_t len)
{
    for (size_t i = 0; i < len; i++)
        json_decref(lines[i]);
}

static json_int_t number(const json_t *line, const char *key)
{
    const json_t *value = json_object_get(line, key);
    cr_assert(json_is_integer(value), "no number %s", key);
    return json_integer_value(value);
}

static const char *text(const json_t *line, const char *key)
{
    const char *value = json_string_value(json_object_get(line, key));
    cr_assert_not_null(value, "no text %s", key);
    return value;
}

/* ---- arrivals ---- */

/* When each order was due, after the first one. */
struct arrivals {
    json_int_t len, after_us[LINES_MAX];
};

static void read_arrivals(const char *path, struct arrivals *arrivals)
{
    static json_t *lines[LINES_MAX];
    arrivals->len = (json_int_t)read_lines(path, lines);
    for (json_int_t i = 0; i < arrivals->len; i++) {
        const json_int_t op = number(lines[i], "op");
        cr_assert(op >= 1 && op <= arrivals->len, "order %lld of %lld", op, arrivals->len);
        arrivals->after_us[op - 1] = number(lines[i], "due_us");
        cr_assert_geq(number(lines[i], "start_us"), number(lines[i], "due_us"));
    }
    for (json_int_t i = arrivals->len; i-- > 0;)
        arrivals->after_us[i] -= arrivals->after_us[0];
    free_lines(lines, (size_t)arrivals->len);
}

/* Coordinated omission: who stands still shall not keep orders from coming. What finds no room is turned away. */
Test(shop_load, an_open_loop_comes_by_the_seed_whatever_the_answers_take)
{
    static struct run run;
    static struct arrivals free_way, blocked;
    struct shop shop;
    shop_start(&shop);
    const char *const goes[] = {
        "--run", "goes", "--rate", "100", "--seconds", "1", "--seed", "3", "--history", shop_path(&shop, "h"), NULL};
    cr_assert_eq(load(&shop, &run, goes), 0, "%s%s", run.out, run.err);
    read_arrivals(shop_path(&shop, "h"), &free_way);
    kill(shop.services[STOCK].pid, SIGSTOP);
    const char *const stands[] = {
        "--rate",      "100", "--seconds",    "1",   "--seed",   "3",   "--history", shop_path(&shop, "h"),
        "--in-flight", "2",   "--timeout-ms", "100", "--ask-ms", "100", NULL};
    cr_expect_eq(load(&shop, &run, stands), 1, "%s%s", run.out, run.err);
    kill(shop.services[STOCK].pid, SIGCONT);
    cr_expect_not_null(strstr(run.out, "turned away"), "%s", run.out);
    read_arrivals(shop_path(&shop, "h"), &blocked);
    cr_expect_gt(free_way.len, 60);
    cr_assert_eq(free_way.len, blocked.len);
    for (json_int_t i = 0; i < free_way.len; i++)
        cr_assert_eq(free_way.after_us[i], blocked.after_us[i], "order %lld", i + 1);
    end(&shop);
}

/* ---- histories ---- */

static size_t count(json_t *const ops[], size_t len, const char *key, const char *wanted)
{
    size_t found = 0;
    for (size_t i = 0; i < len; i++)
        found += strcmp(text(ops[i], key), wanted) == 0;
    return found;
}

/* Of each row the versions are 1, 2, 3, ...: each was installed once, and none is missing. */
static size_t expect_versions(const char *path, bool is_isolated)
{
    static json_t *lines[LINES_MAX];
    const size_t len = read_lines(path, lines);
    size_t writes = 0;
    for (size_t i = 0; i < len; i++) {
        json_int_t before = 0;
        if (strcmp(text(lines[i], "what"), "write") != 0)
            continue;
        writes++;
        for (size_t k = 0; k < i; k++)
            before += strcmp(text(lines[k], "what"), "write") == 0 &&
                      strcmp(text(lines[k], "key"), text(lines[i], "key")) == 0;
        cr_assert_eq(number(lines[i], "version"), before + 1, "%s of %s", text(lines[i], "key"), path);
        cr_assert_lt(number(lines[i], "from"), number(lines[i], "version"));
        if (is_isolated)
            cr_assert_eq(number(lines[i], "from"), before, "nothing is lost");
    }
    free_lines(lines, len);
    return writes;
}

/* What other checkers are given has their form: a beginning and an end for each order, and more for what was undone. */
static void expect_export(const struct shop *shop, const char *as, size_t orders)
{
    static struct run run;
    static struct edn_op exported[EDN_OPS_MAX];
    const char *const argv[] = {
        VOW_BIN "/vow-chaos",        "export", "--as", as, shop_path(shop, "h"), shop_history(shop, STOCK),
        shop_history(shop, PAYMENT), NULL};
    run_program(&run, argv);
    cr_assert_eq(run.status, 0, "%s", run.err);
    const size_t len = edn_read(run.out, exported);
    edn_check(exported, len);
    cr_expect_geq(len, 2 * orders, "%zu of %zu", len, orders);
}

/* An order of each kind, with rows that many want. */
static void expect_history(const char *protocol, const char *done, const char *undone, bool is_isolated)
{
    static struct run run;
    static json_t *ops[LINES_MAX];
    struct shop shop;
    shop_start(&shop);
    const char *const flags[] = {"--protocol", protocol,
                                 "--rate",     "60",
                                 "--seconds",  "1",
                                 "--items",    "12",
                                 "--accounts", "12",
                                 "--skew",     "0.9",
                                 "--history",  shop_path(&shop, "h"),
                                 "--db",       shop_path(&shop, "load.db"),
                                 NULL};
    cr_assert_eq(load(&shop, &run, flags), 0, "%s: %s%s", protocol, run.out, run.err);
    const size_t len = read_lines(shop_path(&shop, "h"), ops), placed = count(ops, len, "outcome", done);
    cr_expect_gt(placed, 10, "%s: %s", protocol, run.out);
    cr_expect_eq(placed + count(ops, len, "outcome", undone), len, "%s: %s", protocol, run.out);
    cr_expect_gt(count(ops, len, "item", "item-00001"), 2 * count(ops, len, "item", "item-00011"), "by 1/n^0.9");
    while (shop_number(&shop, PAYMENT, "SELECT count(*) FROM payment") != (int64_t)placed ||
           shop_number(&shop, STOCK, "SELECT count(*) FROM reservation") != (int64_t)placed)
        ;
    end_services(&shop);
    const size_t taken = expect_versions(shop_history(&shop, STOCK), is_isolated);
    const size_t paid = expect_versions(shop_history(&shop, PAYMENT), true);
    cr_expect_geq(taken, placed);
    cr_expect_geq(paid, placed);
    if (is_isolated) {
        cr_expect_eq(taken, placed, "what was aborted has left nothing");
        cr_expect_eq(paid, placed, "what was aborted has left nothing");
    }
    expect_export(&shop, "elle", placed);
    expect_export(&shop, "jepsen", placed);
    free_lines(ops, len);
    cluster_end(&shop.cluster);
}

Test(shop_load, a_transaction_leaves_versions_that_are_made_of_one_another)
{
    expect_history("2pc", "committed", "aborted", true);
}

Test(shop_load, a_saga_tells_what_it_read_and_wrote_and_undid)
{
    expect_history("saga", "completed", "compensated", false);
}

Test(shop_load, a_choreography_does_too)
{
    expect_history("choreography", "completed", "compensated", false);
}

Test(shop_load, what_is_sold_alone_does_too)
{
    expect_history("outbox", "committed", "aborted", true);
}

/* Of each row one saga after the other has the lock. */
static size_t expect_locks(json_t *const lines[], size_t len)
{
    size_t locks = 0;
    for (size_t i = 0; i < len; i++) {
        const bool clears = strcmp(text(lines[i], "what"), "clear") == 0;
        const json_t *before = NULL;
        if (!clears && strcmp(text(lines[i], "what"), "pend") != 0)
            continue;
        locks += !clears;
        for (size_t k = 0; k < i; k++)
            if (strcmp(text(lines[k], "key"), text(lines[i], "key")) == 0 && strchr("pc", text(lines[k], "what")[0]))
                before = lines[k];
        const bool is_held = before != NULL && strcmp(text(before, "what"), "pend") == 0;
        cr_assert_eq(is_held, clears, "%s is set while it is held, or cleared while it is not", text(lines[i], "key"));
        if (clears)
            cr_assert_str_eq(text(before, "id"), text(lines[i], "id"));
    }
    return locks;
}

Test(shop_load, a_semantic_lock_is_told_from_its_setting_to_its_clearing)
{
    static struct run run;
    static json_t *lines[LINES_MAX];
    struct shop shop;
    shop_start(&shop);
    const char *const flags[] = {"--protocol",
                                 "saga",
                                 "--countermeasure",
                                 "semantic-lock",
                                 "--rate",
                                 "40",
                                 "--seconds",
                                 "1",
                                 "--items",
                                 "12",
                                 "--accounts",
                                 "12",
                                 "--history",
                                 shop_path(&shop, "h"),
                                 NULL};
    cr_assert_eq(load(&shop, &run, flags), 0, "%s%s", run.out, run.err);
    end_services(&shop);
    const size_t len = read_lines(shop_history(&shop, STOCK), lines);
    cr_expect_gt(expect_locks(lines, len), 10);
    free_lines(lines, len);
    cluster_end(&shop.cluster);
}

/* ---- a full disk ---- */

/* Who reads them afterwards would take what is there for all that was. */
Test(shop_load, a_log_or_a_history_that_is_not_whole_is_a_failure)
{
    static struct run run;
    struct shop shop;
    shop_start(&shop);
    const char *const logs[] = {"--orders", "2", "--log", "/dev/full", NULL};
    cr_expect_eq(load(&shop, &run, logs), 1, "%s%s", run.out, run.err);
    cr_expect_not_null(strstr(run.err, "shop-load: cannot write /dev/full: "), "%s", run.err);
    const char *const history[] = {"--rate", "20", "--seconds", "1", "--history", "/dev/full", NULL};
    cr_expect_eq(load(&shop, &run, history), 1, "%s%s", run.out, run.err);
    cr_expect_not_null(strstr(run.err, "shop-load: cannot write /dev/full: "), "%s", run.err);
    end(&shop);
}

Test(shop_load, a_service_whose_history_is_not_whole_has_failed)
{
    static struct run run;
    char said[256] = "";
    struct shop shop;
    shop_start(&shop);
    const char *const flags[] = {"--protocol", "saga", "--countermeasure", "none", "--orders", "2", NULL};
    cr_assert_eq(load(&shop, &run, flags), 0, "%s%s", run.out, run.err);
    cr_assert_eq(symlink("/dev/full", shop_history(&shop, STOCK)), 0);
    cr_expect_eq(process_end(&shop.cluster.vowd), 0);
    cr_expect_eq(process_end(&shop.services[STOCK]), 1);
    while (strstr(said, "cannot write") == NULL)
        cr_assert_not_null(fgets(said, sizeof(said), shop.stock_says), "it has not said why");
    cr_expect_not_null(strstr(said, "stock.history: "), "%s", said);
    (void)fclose(shop.stock_says);
    cr_expect_eq(process_end(&shop.services[ORDER]), 0);
    cr_expect_eq(process_end(&shop.services[PAYMENT]), 0);
    cluster_end(&shop.cluster);
}

/* ---- the auditor ---- */

static void run_auditor(const struct shop *shop, struct run *run, const char *out)
{
    const char *const argv[] = {VOW_BIN "/shop-auditor",
                                "--order",
                                shop_book(shop, ORDER),
                                "--stock",
                                shop_book(shop, STOCK),
                                "--payment",
                                shop_book(shop, PAYMENT),
                                "--out",
                                out,
                                "--looks",
                                "1",
                                NULL};
    run_program(run, argv);
}

/* One look at the books: what is seen anywhere, less what is seen everywhere. */
static json_int_t audit(const struct shop *shop, json_int_t *expected)
{
    static struct run run;
    static json_t *lines[LINES_MAX];
    run_auditor(shop, &run, shop_path(shop, "audit"));
    cr_assert_eq(run.status, 0, "%s%s", run.out, run.err);
    const size_t len = read_lines(shop_path(shop, "audit"), lines);
    cr_assert_eq(len, 1);
    cr_assert_str_eq(text(lines[0], "what"), "audit");
    *expected = number(lines[0], "expected");
    const json_int_t missing = *expected - number(lines[0], "sum");
    free_lines(lines, len);
    return missing;
}

static int64_t rows_of_all(const struct shop *shop)
{
    return shop_number(shop, ORDER, "SELECT count(*) FROM orders") +
           shop_number(shop, STOCK, "SELECT count(*) FROM reservation") +
           shop_number(shop, PAYMENT, "SELECT count(*) FROM payment");
}

/* vowd dies when it has told one of the three: the others are in doubt, and their rows are held. Nobody sees half an
 * order. */
Test(shop_load, F009_an_auditor_sees_no_half_of_a_transaction)
{
    static struct run run;
    struct shop shop;
    json_int_t expected;
    shop_start(&shop);
    process_kill(&shop.cluster.vowd);
    vowd_start(&shop.cluster, "send.after.COMMIT");
    const char *const flags[] = {"--orders", "1", "--timeout-ms", "1000", "--ask-ms", "1000", NULL};
    cr_expect_eq(load(&shop, &run, flags), 1, "%s%s", run.out, run.err);
    process_wait_killed(&shop.cluster.vowd);
    while (rows_of_all(&shop) == 0)
        ;
    cr_expect_lt(rows_of_all(&shop), 3, "not all of them have heard");
    cr_expect_eq(audit(&shop, &expected), 0);
    cr_expect_gt(expected, 0);
    vowd_start(&shop.cluster, NULL);
    while (rows_of_all(&shop) != 3)
        ;
    end(&shop);
}

/* A saga's goods are taken and its money is not: that is there for all to see. */
Test(shop_load, an_auditor_sees_half_of_a_saga)
{
    static struct run run;
    struct shop shop;
    json_int_t expected;
    shop_start(&shop);
    kill(shop.services[PAYMENT].pid, SIGSTOP);
    const char *const flags[] = {"--protocol",   "saga", "--countermeasure", "none", "--orders", "1",
                                 "--timeout-ms", "300",  "--ask-ms",         "100",  NULL};
    cr_expect_eq(load(&shop, &run, flags), 1, "%s%s", run.out, run.err);
    while (rows_of_all(&shop) == 0)
        ;
    cr_expect_gt(audit(&shop, &expected), 0);
    kill(shop.services[PAYMENT].pid, SIGCONT);
    while (rows_of_all(&shop) != 3)
        ;
    end(&shop);
}

Test(shop_load, an_auditor_whose_lines_are_not_all_there_has_failed)
{
    static struct run run;
    struct shop shop;
    shop_start(&shop);
    run_auditor(&shop, &run, "/dev/full");
    cr_expect_eq(run.status, 1);
    cr_expect_not_null(strstr(run.err, "shop-auditor: cannot write /dev/full: "), "%s", run.err);
    end(&shop);
}
