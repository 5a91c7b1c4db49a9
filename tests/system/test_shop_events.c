/* The shop by events: nobody leads, and every order ends, placed everywhere or nowhere. */
#include <criterion/criterion.h>
#include <string.h>

#include "shop.h"

TestSuite(shop_events, .timeout = 120);

/* Runs shop-load to its end: every order has a known outcome. */
static void load(const struct shop *shop, struct run *run, const char *protocol)
{
    const char *const argv[] = {VOW_BIN "/shop-load",
                                "--coordinator",
                                shop->cluster.address,
                                "--protocol",
                                protocol,
                                "--db",
                                shop_path(shop, "load.db"),
                                "--log",
                                shop_path(shop, "log"),
                                "--orders",
                                "60",
                                "--items",
                                "11",
                                "--accounts",
                                "4",
                                "--run",
                                "test",
                                NULL};
    run_program(run, argv);
    cr_assert_eq(run->status, 0, "%s%s", run->out, run->err);
}

static void expect_books(struct shop *shop)
{
    static struct run audit;
    shop_stop(shop);
    shop_audit(shop, &audit);
    cr_expect_eq(audit.status, 0, "%s%s", audit.out, audit.err);
    cluster_end(&shop->cluster);
}

/* Of 60 orders some find no goods, and some no money, when their goods are taken already. */
Test(shop_events, a_choreographed_order_is_placed_or_undone)
{
    static struct run run;
    struct shop shop;
    shop_start(&shop);
    load(&shop, &run, "choreography");
    cr_expect_not_null(strstr(run.out, "no money"), "%s", run.out);
    cr_expect_not_null(strstr(run.out, "out of stock"), "%s", run.out);
    cr_expect_gt(shop_number(&shop, ORDER, "SELECT count(*) FROM orders"), 20);
    expect_books(&shop);
}

/* What one service has sold alone reaches the others. */
Test(shop_events, an_order_that_is_sold_alone_reaches_the_others)
{
    static struct run run;
    struct shop shop;
    shop_start(&shop);
    load(&shop, &run, "outbox");
    cr_expect_eq(shop_number(&shop, ORDER, "SELECT count(*) FROM orders"), 60);
    while (shop_number(&shop, STOCK, "SELECT count(*) FROM reservation") != 60 ||
           shop_number(&shop, PAYMENT, "SELECT count(*) FROM payment") != 60)
        ;
    expect_books(&shop);
}
