/*
 * Events in a world of <vow/testing.h>: a real coordinator, and a service that publishes from transactions of its own,
 * and reacts to that; sometimes a second one, which only reacts. Time is moved by hand.
 */
#include <criterion/criterion.h>
#include <sqlite3.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <vow/event.h>
#include <vow/testing.h>
#include <vow/vow.h>

TestSuite(event_world, .timeout = 60);

#define RETENTION_MS UINT64_C(30000)

struct world {
    char directory[64], path[96];
    struct vow_test_network *network;
    struct vow_participant *shop;
};

static atomic_bool is_stuck;              /* the key "stuck" cannot be done now */
static atomic_uint attempts;              /* the most that an event has had */
static atomic_uint_least64_t offset_of_b; /* of the event of the key "b" */
/* Of groups that are new from now on. */
static enum vow_event_from begins_from;
static uint64_t begins_after;

static int react(struct vow_branch *branch, struct sqlite3 *db, const struct vow_received_event *event, void *ctx)
{
    char sql[128];

    (void)branch, (void)ctx;
    if (strcmp(event->key, "b") == 0)
        atomic_store(&offset_of_b, event->offset);
    if (event->attempt > atomic_load(&attempts))
        atomic_store(&attempts, event->attempt);
    if (strcmp(event->key, "stuck") == 0 && atomic_load(&is_stuck))
        return 1;
    (void)snprintf(sql, sizeof(sql), "INSERT INTO done (key, seq) VALUES ('%s', %d)", event->key, (int)event->key_seq);
    return sqlite3_exec(db, sql, NULL, NULL, NULL);
}

static struct vow_participant *open_service(const struct world *world, const char *name, const char *path)
{
    const struct vow_participant_options options = {
        .size = sizeof(options),
        .name = name,
        .path = path,
        .coordinator = vow_test_network_address(world->network),
        .schema = "CREATE TABLE done (key TEXT, seq INT, PRIMARY KEY (key, seq))",
        .inbox_retention_ms = RETENTION_MS,
        .outbox_archive_max = 2,
    };
    const struct vow_reaction reaction = {.on = "order.placed", .handler = react};
    const struct vow_subscription subscription = {
        .size = sizeof(subscription),
        .group = name,
        .reactions = &reaction,
        .reactions_len = 1,
        .window = 256,
        .attempts_max = 1000000,
        .from = begins_from,
        .offset = begins_after,
    };
    struct vow_participant *service;
    struct vow_error_detail detail;

    cr_assert_eq(vow_participant_open(&options, &service, &detail), 0, "%s", detail.text);
    cr_assert_eq(vow_participant_subscribe(service, &subscription), 0);
    cr_assert_eq(vow_participant_start(service), 0);
    cr_assert_eq(vow_participant_wait(service, 20000), 0);
    vow_testing_clock_settle();
    return service;
}

static void open_shop(struct world *world)
{
    world->shop = open_service(world, "shop", world->path);
}

static void open_world(struct world *world)
{
    struct vow_error_detail detail;
    char data[100];

    (void)snprintf(world->directory, sizeof(world->directory), "/tmp/vow-events-XXXXXX");
    cr_assert_not_null(mkdtemp(world->directory));
    (void)snprintf(world->path, sizeof(world->path), "%s/shop.db", world->directory);
    (void)snprintf(data, sizeof(data), "%s/vowd", world->directory);
    cr_assert_eq(vow_testing_clock_take(), 0);
    cr_assert_eq(vow_test_network_open(data, &world->network, &detail), 0, "%s", detail.text);
    open_shop(world);
}

static void close_world(struct world *world)
{
    char command[128];

    vow_participant_close(world->shop);
    vow_test_network_close(world->network);
    cr_assert_eq(vow_testing_clock_give_back(), 0);
    (void)snprintf(command, sizeof(command), "rm -rf %s", world->directory);
    cr_assert_eq(system(command), 0); /* NOLINT(cert-env33-c): a directory that we made */
}

static int run(void *ctx, int columns, char **values, char **names)
{
    (void)columns, (void)names;
    *(int *)ctx = (int)strtol(values[0], NULL, 10);
    return 0;
}

static int number_in(const char *path, const char *sql)
{
    sqlite3 *db;
    int value = -1;

    cr_assert_eq(sqlite3_open(path, &db), SQLITE_OK);
    (void)sqlite3_busy_timeout(db, 60000);
    cr_assert_eq(sqlite3_exec(db, sql, run, &value, NULL), SQLITE_OK, "%s", sqlite3_errmsg(db));
    sqlite3_close(db);
    return value;
}

static int number(const struct world *world, const char *sql)
{
    return number_in(world->path, sql);
}

static void publish_with(const struct world *world, const char *key, const void *payload, size_t len)
{
    const struct vow_event event = {
        .size = sizeof(event), .topic = "order.placed", .key = key, .payload = payload, .len = len};
    sqlite3 *db;

    cr_assert_eq(sqlite3_open(world->path, &db), SQLITE_OK);
    (void)sqlite3_busy_timeout(db, 60000);
    cr_assert_eq(sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
    cr_assert_eq(vow_outbox_publish(db, &event), 0);
    cr_assert_eq(sqlite3_exec(db, "COMMIT", NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
}

static void publish(const struct world *world, const char *key)
{
    publish_with(world, key, NULL, 0);
    vow_testing_clock_advance(1000);
}

#define DONE "SELECT count(*) FROM done"
#define KNOWN "SELECT count(*) FROM vow_inbox"

/* While an event waits, a younger one is done, and its record grows old; and the service is away for longer than the
 * inbox remembers. What waits is done when it can be: it is not taken for one that was done before. */
Test(event_world, F209_what_was_never_done_is_done_after_an_outage)
{
    struct world world;

    atomic_store(&is_stuck, true);
    open_world(&world);
    publish(&world, "stuck");
    publish(&world, "order 7");
    cr_assert_eq(number(&world, DONE), 1);
    vow_participant_close(world.shop);
    vow_testing_clock_advance(2 * RETENTION_MS);
    open_shop(&world);
    publish(&world, "order 8");
    cr_assert_eq(number(&world, DONE), 2);
    atomic_store(&is_stuck, false);
    vow_testing_clock_advance(2 * RETENTION_MS);
    cr_assert_eq(number(&world, DONE), 3);
    cr_assert_eq(number(&world, "SELECT count(*) FROM done WHERE key = 'stuck'"), 1);
    close_world(&world);
}

/* A service that stays connected asks from time to time what it has done, and forgets that. */
Test(event_world, F209_what_is_done_is_forgotten_in_the_end)
{
    struct world world;

    atomic_store(&is_stuck, false);
    open_world(&world);
    for (int i = 0; i < 10; i++)
        publish(&world, "order 7");
    cr_assert_eq(number(&world, KNOWN), 10);
    for (int i = 0; i < 4; i++) {
        vow_testing_clock_advance(70000);
        publish(&world, "order 7");
    }
    cr_assert_eq(number(&world, DONE), 14);
    cr_assert_leq(number(&world, KNOWN), 2);
    cr_assert_eq(number(&world, "SELECT count(*) FROM vow_outbox_archive WHERE agg_seq > 12"), 2);
    cr_assert_eq(number(&world, "SELECT count(*) FROM vow_outbox_archive"), 2);
    close_world(&world);
}

/* More than fits into the send queue of a connection (1 MiB) waits for a service that comes back. It is sent as the
 * service reads, each event once; what did not fit was sent again half a minute later, as another attempt. */
Test(event_world, F029_more_than_fits_is_sent_as_it_is_read)
{
    static const char payload[VOW_EVENT_PAYLOAD_MAX];
    struct vow_participant *stock;
    struct world world;
    char path[128], key[16];

    atomic_store(&is_stuck, false);
    atomic_store(&attempts, 0);
    open_world(&world);
    (void)snprintf(path, sizeof(path), "%s/stock.db", world.directory);
    vow_participant_close(open_service(&world, "stock", path));
    for (int i = 0; i < 160; i++) {
        (void)snprintf(key, sizeof(key), "order %d", i);
        publish_with(&world, key, payload, sizeof(payload));
    }
    vow_testing_clock_advance(5000);
    cr_assert_eq(number(&world, DONE), 160);
    stock = open_service(&world, "stock", path);
    vow_testing_clock_advance(5000);
    cr_assert_eq(number_in(path, DONE), 160);
    cr_assert_eq(atomic_load(&attempts), 1);
    vow_participant_close(stock);
    close_world(&world);
}

static void expect_done(const char *path, int done)
{
    vow_testing_clock_advance(5000);
    cr_expect_eq(number_in(path, DONE), done, "%d of %d", number_in(path, DONE), done);
}

/* A group that is new begins where its service wants; one that is known goes on, whatever its service says. */
Test(event_world, a_group_begins_after_an_offset)
{
    struct vow_participant *stock;
    struct world world;
    char path[128];

    atomic_store(&is_stuck, false);
    open_world(&world);
    (void)snprintf(path, sizeof(path), "%s/stock.db", world.directory);
    publish(&world, "a");
    publish(&world, "b");
    publish(&world, "c");
    expect_done(world.path, 3);
    begins_from = VOW_FROM_OFFSET;
    begins_after = atomic_load(&offset_of_b);
    stock = open_service(&world, "stock", path);
    expect_done(path, 1);
    cr_expect_eq(number_in(path, "SELECT count(*) FROM done WHERE key = 'c'"), 1);
    vow_participant_close(stock);
    begins_after = 0;
    publish(&world, "d");
    stock = open_service(&world, "stock", path);
    expect_done(path, 2);
    vow_participant_close(stock);
    close_world(&world);
}
