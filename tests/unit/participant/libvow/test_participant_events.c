/* Events at a participant with a real file, as its coordinator sees them. */
#include <criterion/criterion.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <vow/event.h>

#include "participant/participant_internal.h"
#include "proto/net/clock.h"
#include "service.h"

static char directory[] = "/tmp/vow-test-XXXXXX";
static char path[64];

static void make_directory(void)
{
    cr_assert_not_null(mkdtemp(directory));
    (void)snprintf(path, sizeof(path), "%s/stock.db", directory);
}

static void remove_directory(void)
{
    static const char *const suffixes[] = {"", "-wal", "-shm"};
    char file[80];

    for (size_t i = 0; i < sizeof(suffixes) / sizeof(suffixes[0]); i++) {
        (void)snprintf(file, sizeof(file), "%s%s", path, suffixes[i]);
        (void)unlink(file);
    }
    (void)rmdir(directory);
}

TestSuite(participant_events, .timeout = 60, .init = make_directory, .fini = remove_directory);

/* --- A service --- */

static int publish_error;
static uint32_t publish_deadline_ms;

static int publish(struct vow_branch *branch, const char *topic, const char *key)
{
    const struct vow_event_header headers[] = {{"colour", "red"}, {"size", "a=b"}};
    const struct vow_event event = {.size = sizeof(event),
                                    .topic = topic,
                                    .key = key,
                                    .payload = "one more",
                                    .len = 8,
                                    .version = 3,
                                    .headers_len = 2,
                                    .headers = headers,
                                    .deadline_ms = publish_deadline_ms};

    publish_error = vow_publish(branch, &event);
    return publish_error;
}

static int add_one(struct sqlite3 *db, const char *name, size_t len)
{
    sqlite3_stmt *statement;
    int result;

    cr_assert_eq(
        sqlite3_prepare_v2(db, "INSERT INTO item VALUES (?1, 1) ON CONFLICT (name) DO UPDATE SET stock = stock + 1", -1,
                           &statement, NULL),
        SQLITE_OK);
    sqlite3_bind_text(statement, 1, name, (int)len, SQLITE_TRANSIENT);
    result = sqlite3_step(statement);
    sqlite3_finalize(statement);
    return result == SQLITE_DONE ? 0 : result;
}

/* One more of what the payload names, and an event of it. */
static int put(struct vow_branch *branch, struct sqlite3 *db, const void *payload, size_t len, void *ctx)
{
    char key[32];

    (void)ctx;
    (void)snprintf(key, sizeof(key), "%.*s", (int)len, (const char *)payload);
    if (add_one(db, payload, len) != 0)
        return 1;
    return publish(branch, "item.put", key);
}

/* What the handler was given last. */
static struct vow_received_event received;
static char received_words[160];
static const char *then_publish; /* a topic, or NULL */
static const char *says_no;

static int react(struct vow_branch *branch, struct sqlite3 *db, const struct vow_received_event *event, void *ctx)
{
    received = *event;
    (void)snprintf(received_words, sizeof(received_words), "%s %s %.*s %s %s=%s %s", event->topic, event->key,
                   (int)event->len, (const char *)event->payload, event->source,
                   event->headers_len > 0 ? event->headers[0].name : "",
                   event->headers_len > 0 ? event->headers[0].value : "", (const char *)ctx);
    cr_assert(vow_gtrid_equal(vow_branch_id(branch), &event->id));
    if (add_one(db, event->key, strlen(event->key)) != 0)
        return 1;
    if (then_publish != NULL && publish(branch, then_publish, event->key) != 0)
        return 1;
    return says_no != NULL ? vow_branch_refuse(branch, says_no) : 0;
}

static const char *const publishes[] = {"order.paid"};
static const struct vow_reaction reactions[] = {
    {.on = "order.placed",
     .handler = react,
     .ctx = "placed",
     .version_max = 2,
     .publishes = publishes,
     .publishes_len = 1},
    {.on = "order.#", .handler = react, .ctx = "rest"},
};
static const struct vow_subscription payments = {
    .size = sizeof(payments), .group = "payment", .reactions = reactions, .reactions_len = 2, .window = 7};

static struct vow_participant *start_service(const struct fake *fake, bool subscribes)
{
    struct vow_participant *participant = service_open(fake, path);

    cr_assert_eq(vow_participant_handle(participant, "put", put, NULL), 0);
    if (subscribes)
        cr_assert_eq(vow_participant_subscribe(participant, &payments), 0);
    cr_assert_eq(vow_participant_start(participant), 0);
    return participant;
}

/* The first column of all rows that somebody else sees, joined by ' '. */
static const char *look(const char *sql)
{
    static char seen[256];
    sqlite3 *db;
    sqlite3_stmt *statement;

    seen[0] = '\0';
    cr_assert_eq(sqlite3_open_v2(path, &db, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
    cr_assert_eq(sqlite3_prepare_v2(db, sql, -1, &statement, NULL), SQLITE_OK, "%s", sqlite3_errmsg(db));
    while (sqlite3_step(statement) == SQLITE_ROW) {
        size_t len = strlen(seen);

        (void)snprintf(seen + len, sizeof(seen) - len, "%s%s", len > 0 ? " " : "", sqlite3_column_text(statement, 0));
    }
    sqlite3_finalize(statement);
    sqlite3_close(db);
    return seen;
}

#define OUTBOX "SELECT agg_key || agg_seq FROM vow_outbox ORDER BY seq"
#define ITEMS "SELECT name || stock FROM item ORDER BY name"

/* --- The coordinator's part --- */

static void one_phase(struct fake *fake, uint64_t seq, const char *item)
{
    const struct vow_gtrid id = service_id(fake, seq);

    service_one_phase(fake, &id, "put", item);
    cr_assert_eq(fake_hear(fake, VOW_MSG_ONE_PHASE_DONE)->msg.one_phase_done.result, VOW_ONE_PHASE_COMMITTED);
}

/* The next PUBLISH, which may have come before what was heard last. */
static const struct heard *next_publish(struct fake *fake)
{
    static unsigned at;

    for (;; at++) {
        while (at == fake->heard_len)
            fake_turn(fake);
        if (fake->heard[at].kind == VOW_MSG_PUBLISH)
            return &fake->heard[at++];
    }
}

/* Expects a PUBLISH "topic key" with this number. */
static const struct heard *hear_publish(struct fake *fake, const char *text, uint64_t key_seq)
{
    const struct heard *heard = next_publish(fake);

    cr_assert_str_eq(heard->text, text);
    cr_assert_eq(heard->msg.publish.event.key_seq, key_seq, "%d", (int)heard->msg.publish.event.key_seq);
    return heard;
}

static void published(struct fake *fake, const char *key, uint64_t key_seq, int error)
{
    const struct vow_msg msg = {
        .kind = VOW_MSG_PUBLISHED,
        .published = {
            .key = key, .key_seq = key_seq, .offset = error == 0 ? 100 + key_seq : 0, .error = error, .text = ""}};

    fake_send(fake, &msg);
}

static struct vow_msg deliver_msg(const struct fake *fake, const char *topic, uint64_t key_seq)
{
    static const struct vow_msg_header_of_event header = {"colour", "blue"};

    return (struct vow_msg){.kind = VOW_MSG_DELIVER,
                            .deliver = {.group = "payment",
                                        .offset = 10 + key_seq,
                                        .attempt = 1,
                                        .event = {.topic = topic,
                                                  .key = "order-7",
                                                  .source = "shop",
                                                  .db_uuid = {5},
                                                  .key_seq = key_seq,
                                                  .version = 2,
                                                  .wall_us = 77,
                                                  .gtrid = service_id(fake, 500),
                                                  .hops = 4,
                                                  .deadline_us = 99,
                                                  .headers_len = 1,
                                                  .headers = &header,
                                                  .payload = {(const uint8_t *)"2 apples", 8}}}};
}

static const struct heard *hear_delivered(struct fake *fake, uint64_t offset, uint32_t attempt,
                                          enum vow_event_result result)
{
    const struct heard *heard = fake_hear(fake, VOW_MSG_DELIVERED);

    cr_assert_eq(heard->msg.delivered.offset, offset);
    cr_assert_eq(heard->msg.delivered.attempt, attempt);
    cr_assert_eq(heard->msg.delivered.result, result, "%d: %s", (int)heard->msg.delivered.result, heard->text);
    return heard;
}

static const struct heard *deliver(struct fake *fake, const struct vow_msg *msg, enum vow_event_result result)
{
    fake_send(fake, msg);
    return hear_delivered(fake, msg->deliver.offset, msg->deliver.attempt, result);
}

/* --- Publishing --- */

static uint64_t outbox_len(struct vow_participant *participant)
{
    struct vow_participant_stats stats;

    vow_participant_stats(participant, &stats, sizeof(stats));
    return stats.outbox_len;
}

Test(participant_events, B58_a_row_goes_when_the_coordinator_keeps_the_event)
{
    struct fake *fake = fake_open();
    struct vow_participant *participant = start_service(fake, false);
    const struct vow_gtrid first = service_id(fake, 1);
    const uint64_t begun_us = vow_clock_wall_us();
    const struct heard *heard;

    publish_deadline_ms = 5000;
    fake_until_up(fake, 1);
    one_phase(fake, 1, "apple");
    one_phase(fake, 2, "apple");
    heard = hear_publish(fake, "item.put apple", 1);
    cr_assert(vow_gtrid_equal(&heard->id, &first));
    cr_assert_eq(heard->msg.publish.event.version, 3);
    cr_assert_eq(heard->msg.publish.event.hops, 0);
    cr_assert_eq(heard->msg.publish.event.headers_len, 2);
    cr_assert_eq(heard->msg.publish.event.payload.len, 8);
    cr_assert_gt(heard->msg.publish.event.wall_us, 0);
    cr_assert_geq(heard->msg.publish.event.deadline_us, begun_us + 5000000);
    cr_assert_arr_eq(heard->msg.publish.event.db_uuid, fake->hello.db_uuid, VOW_DB_UUID_BYTES);
    cr_assert_str_eq(look(OUTBOX), "apple1 apple2");
    cr_assert_eq(outbox_len(participant), 2);
    published(fake, "apple", 1, 0);
    hear_publish(fake, "item.put apple", 2);
    cr_assert_str_eq(look(OUTBOX), "apple2");
    cr_assert_eq(outbox_len(participant), 1);
    vow_participant_close(participant);
    fake_close(fake);
}

Test(participant_events, I27_of_each_key_one_is_under_way)
{
    struct fake *fake = fake_open();
    struct vow_participant *participant = start_service(fake, false);

    fake_until_up(fake, 1);
    for (uint64_t seq = 1; seq <= 3; seq++)
        one_phase(fake, seq, "apple");
    one_phase(fake, 4, "pear");
    hear_publish(fake, "item.put apple", 1);
    hear_publish(fake, "item.put pear", 1);
    one_phase(fake, 5, "pear"); /* and whatever came before it */
    one_phase(fake, 6, "apple");
    cr_assert_eq(fake->counts[VOW_MSG_PUBLISH], 2);
    published(fake, "pear", 1, 0);
    hear_publish(fake, "item.put pear", 2);
    published(fake, "apple", 7, 0); /* of what is not under way: nothing follows */
    published(fake, "pear", 2, 0);
    one_phase(fake, 7, "plum");
    hear_publish(fake, "item.put plum", 1);
    cr_assert_eq(fake->counts[VOW_MSG_PUBLISH], 4);
    cr_assert_eq(strncmp(look(OUTBOX), "apple1 ", 7), 0);
    published(fake, "apple", 1, 0);
    hear_publish(fake, "item.put apple", 2);
    cr_assert_eq(fake->counts[VOW_MSG_PUBLISH], 5);
    vow_participant_close(participant);
    fake_close(fake);
}

Test(participant_events, F191_what_was_not_answered_is_sent_again_under_its_number)
{
    struct fake *fake = fake_open();
    struct vow_participant *participant = start_service(fake, false);

    fake_until_up(fake, 1);
    one_phase(fake, 1, "apple");
    hear_publish(fake, "item.put apple", 1);
    fake_drop(fake);
    fake_until_up(fake, 2);
    hear_publish(fake, "item.put apple", 1);
    vow_participant_close(participant);
    participant = start_service(fake, false);
    fake_until_up(fake, 3);
    hear_publish(fake, "item.put apple", 1);
    published(fake, "apple", 1, 0);
    published(fake, "apple", 1, 0);
    one_phase(fake, 2, "apple");
    hear_publish(fake, "item.put apple", 2);
    vow_participant_close(participant);
    fake_close(fake);
}

/* Published while nobody is there. */
Test(participant_events, F205_events_wait_for_the_coordinator_in_order)
{
    struct fake *fake = fake_open();
    struct vow_participant *participant = start_service(fake, false);
    sqlite3 *db;

    fake_until_up(fake, 1);
    vow_participant_close(participant);
    cr_assert_eq(sqlite3_open(path, &db), SQLITE_OK);
    for (int i = 0; i < 3; i++) {
        const struct vow_gtrid id = service_id(fake, 300);
        const struct vow_event event = {.size = sizeof(event), .topic = "a.b", .key = "k", .id = &id};

        cr_assert_eq(vow_outbox_publish(db, &event), VOW_E_STATE, "no transaction is open");
        cr_assert_eq(sqlite3_exec(db, "BEGIN", NULL, NULL, NULL), SQLITE_OK);
        cr_assert_eq(vow_outbox_publish(db, &event), 0);
        cr_assert_eq(sqlite3_exec(db, "COMMIT", NULL, NULL, NULL), SQLITE_OK);
    }
    participant = start_service(fake, false);
    for (uint64_t seq = 1; seq <= 3; seq++) {
        const struct heard *heard = hear_publish(fake, "a.b k", seq);
        const struct vow_gtrid id = service_id(fake, 300);

        cr_assert(vow_gtrid_equal(&heard->id, &id));
        published(fake, "k", seq, 0);
    }
    cr_assert_eq(sqlite3_exec(db, "BEGIN", NULL, NULL, NULL), SQLITE_OK);
    cr_assert_eq(
        vow_outbox_publish(db, &(struct vow_event){.size = sizeof(struct vow_event), .topic = "a.c", .key = "k"}), 0);
    cr_assert_eq(sqlite3_exec(db, "COMMIT", NULL, NULL, NULL), SQLITE_OK);
    cr_assert(vow_gtrid_is_none(&hear_publish(fake, "a.c k", 4)->id)); /* found while it runs, too */
    sqlite3_close(db);
    vow_participant_close(participant);
    fake_close(fake);
}

Test(participant_events, B57_a_prepared_branch_publishes_when_it_commits)
{
    struct fake *fake = fake_open();
    struct vow_participant *participant = start_service(fake, false);
    const struct vow_gtrid aborts = service_id(fake, 1), commits = service_id(fake, 2);

    fake_until_up(fake, 1);
    service_vote(fake, &aborts, "put", "apple", VOW_VOTE_YES);
    service_vote(fake, &commits, "put", "pear", VOW_VOTE_YES);
    service_decide(fake, &aborts, VOW_ABORT);
    one_phase(fake, 3, "plum");
    hear_publish(fake, "item.put plum", 1);
    service_commit(fake, &commits);
    cr_assert(vow_gtrid_equal(&hear_publish(fake, "item.put pear", 1)->id, &commits));
    cr_assert_eq(fake->counts[VOW_MSG_PUBLISH], 2);
    vow_participant_close(participant);
    fake_close(fake);
}

/* It is offered again, and others go on. */
Test(participant_events, what_is_not_taken_stays_and_blocks_its_key_alone)
{
    struct fake *fake = fake_open();
    struct vow_participant *participant = start_service(fake, false);

    fake_until_up(fake, 1);
    one_phase(fake, 1, "apple");
    hear_publish(fake, "item.put apple", 1);
    published(fake, "apple", 1, VOW_E_BUSY);
    hear_publish(fake, "item.put apple", 1);
    published(fake, "apple", 1, VOW_E_STATE);
    hear_publish(fake, "item.put apple", 1);
    one_phase(fake, 2, "apple");
    one_phase(fake, 3, "pear");
    hear_publish(fake, "item.put pear", 1);
    cr_assert_str_eq(look(OUTBOX), "apple1 apple2 pear1");
    vow_participant_close(participant);
    fake_close(fake);
}

static atomic_bool is_there;
static atomic_uint permits;
static unsigned begun;

static int put_later(struct vow_branch *branch, struct sqlite3 *db, const void *payload, size_t len, void *ctx)
{
    const unsigned own = ++begun;

    atomic_store(&is_there, true);
    fake_wake(ctx);
    while (atomic_load(&permits) < own)
        (void)usleep(100); /* the suite's time-out is the bound */
    return len > 0 ? put(branch, db, payload, len, NULL) : 0;
}

/* The row goes at the store after what was read there before, and before the next read has come. */
Test(participant_events, I26_a_row_that_goes_between_two_reads_hides_nothing)
{
    struct fake *fake = fake_open();
    struct vow_participant *participant = service_open(fake, path);
    const struct vow_gtrid late = service_id(fake, 3), later = service_id(fake, 4);
    const struct vow_msg stray = {
        .kind = VOW_MSG_DELIVER,
        .deliver = {.group = "nobody",
                    .offset = 1,
                    .attempt = 1,
                    .event = {.topic = "a", .key = "k", .source = "s", .db_uuid = {1}, .key_seq = 1, .version = 1}}};

    cr_assert_eq(vow_participant_handle(participant, "put", put, NULL), 0);
    cr_assert_eq(vow_participant_handle(participant, "put_later", put_later, fake), 0);
    cr_assert_eq(vow_participant_start(participant), 0);
    fake_until_up(fake, 1);
    one_phase(fake, 1, "apple");
    one_phase(fake, 2, "apple");
    hear_publish(fake, "item.put apple", 1);
    service_one_phase(fake, &late, "put_later", "pear");
    fake_until(fake, &is_there);
    published(fake, "apple", 1, 0);
    service_one_phase(fake, &later, "put_later", ""); /* the row goes with it */
    fake_send(fake, &stray);
    fake_hear(fake, VOW_MSG_DELIVERED); /* so what came before it has been heard */
    atomic_store(&permits, 1);
    fake_hear(fake, VOW_MSG_ONE_PHASE_DONE); /* and what was read before has come */
    atomic_store(&permits, 2);
    hear_publish(fake, "item.put pear", 1);
    hear_publish(fake, "item.put apple", 2);
    vow_participant_close(participant);
    fake_close(fake);
}

/* Answers come while the store reads, deletes and reads again: whichever way that falls out, the next event follows. */
Test(participant_events, I26_no_event_is_left_behind)
{
    enum { EVENTS = 150 };
    struct fake *fake = fake_open();
    struct vow_participant *participant = start_service(fake, false);
    sqlite3 *db;

    fake_until_up(fake, 1);
    cr_assert_eq(sqlite3_open(path, &db), SQLITE_OK);
    cr_assert_eq(sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
    for (int i = 0; i < 2 * EVENTS; i++) {
        const struct vow_event event = {.size = sizeof(event), .topic = "a", .key = i % 2 == 0 ? "k" : "l"};

        cr_assert_eq(vow_outbox_publish(db, &event), 0);
    }
    cr_assert_eq(sqlite3_exec(db, "COMMIT", NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
    for (int i = 0; i < 2 * EVENTS; i++) {
        const struct heard *heard = next_publish(fake);

        published(fake, strchr(heard->text, ' ') + 1, heard->msg.publish.event.key_seq, 0);
    }
    cr_assert_eq(fake->counts[VOW_MSG_PUBLISH], 2 * EVENTS);
    vow_participant_close(participant);
    fake_close(fake);
}

/* More keys than may be under way at once. */
Test(participant_events, every_key_has_its_turn)
{
    struct fake *fake = fake_open();
    struct vow_participant *participant = start_service(fake, false);
    const uint64_t keys = VOW_OUTBOX_WINDOW + 20;

    fake_until_up(fake, 1);
    for (uint64_t i = 0; i < keys; i++) {
        char item[16];

        (void)snprintf(item, sizeof(item), "item-%03d", (int)i);
        one_phase(fake, i + 1, item);
    }
    for (uint64_t i = 0; i < keys; i++) {
        const struct heard *heard = next_publish(fake);

        cr_assert_eq(heard->msg.publish.event.key_seq, 1);
        published(fake, strchr(heard->text, ' ') + 1, 1, 0);
    }
    one_phase(fake, keys + 1, "item-000");
    hear_publish(fake, "item.put item-000", 2);
    cr_assert_str_eq(look(OUTBOX), "item-0002");
    vow_participant_close(participant);
    fake_close(fake);
}

/* --- Being delivered to --- */

Test(participant_events, F192_a_delivery_takes_effect_once)
{
    struct fake *fake = fake_open();
    struct vow_participant *participant = start_service(fake, true);
    const struct heard *heard;
    struct vow_msg msg;

    fake_until_up(fake, 1);
    heard = fake_hear(fake, VOW_MSG_SUBSCRIBE);
    cr_assert_str_eq(heard->text, "payment");
    cr_assert_eq(heard->msg.subscribe.patterns_len, 2);
    cr_assert_eq(heard->msg.subscribe.publishes_len, 1);
    cr_assert_eq(heard->msg.subscribe.from, VOW_FROM_RESUME);
    cr_assert_eq(heard->msg.subscribe.window, 7);
    msg = deliver_msg(fake, "order.placed", 1);
    deliver(fake, &msg, VOW_EVENT_DONE);
    cr_assert_str_eq(received_words, "order.placed order-7 2 apples shop colour=blue placed");
    cr_assert_eq(received.offset, 11);
    cr_assert_eq(received.key_seq, 1);
    cr_assert_eq(received.wall_us, 77);
    cr_assert_eq(received.hops, 4);
    cr_assert_eq(received.deadline_us, 99);
    msg.deliver.attempt = 2;
    deliver(fake, &msg, VOW_EVENT_DONE);
    fake_drop(fake);
    fake_until_up(fake, 2);
    fake_hear(fake, VOW_MSG_SUBSCRIBE);
    deliver(fake, &msg, VOW_EVENT_DONE);
    cr_assert_str_eq(look(ITEMS), "order-71"); /* durable before it was told */
    msg = deliver_msg(fake, "order.other.word", 2);
    deliver(fake, &msg, VOW_EVENT_DONE);
    cr_assert_str_eq(strrchr(received_words, ' '), " rest");
    vow_participant_close(participant);
    fake_close(fake);
}

static void in_file(const char *sql)
{
    sqlite3 *db;

    cr_assert_eq(sqlite3_open(path, &db), SQLITE_OK);
    cr_assert_eq(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK, "%s", sqlite3_errmsg(db));
    sqlite3_close(db);
}

/* It was let go of its coordinator, as docs/operations.md says, when the record of what it did had gone already. */
Test(participant_events, F209_what_another_coordinator_delivers_is_done)
{
    struct fake *fake = fake_open();
    struct vow_participant *participant = start_service(fake, true);
    struct vow_msg msg = deliver_msg(fake, "order.placed", 1);

    fake_until_up(fake, 1);
    deliver(fake, &msg, VOW_EVENT_DONE);
    vow_participant_close(participant);
    fake_drop(fake);
    in_file("DELETE FROM vow_inbox;"
            "INSERT INTO vow_inbox_known VALUES ('payment', 0, CAST(x'0008' || zeroblob(30) AS BLOB));"
            "UPDATE vow_meta SET value = 0 WHERE key IN ('coord', 'epoch', 'watermark_epoch', 'watermark_seq')");
    fake->coord = FAKE_COORD + 1;
    participant = start_service(fake, true);
    fake_until_up(fake, 2);
    msg.deliver.event.key_seq = 2;
    deliver(fake, &msg, VOW_EVENT_DONE);
    cr_assert_eq(received.key_seq, 2);
    cr_assert_str_eq(look(ITEMS), "order-72");
    vow_participant_close(participant);
    fake_close(fake);
}

Test(participant_events, F190_a_reaction_publishes_with_its_effect)
{
    struct fake *fake = fake_open();
    struct vow_participant *participant = start_service(fake, true);
    const struct vow_gtrid saga = service_id(fake, 500);
    const struct heard *heard;
    struct vow_msg msg;

    fake_until_up(fake, 1);
    then_publish = "order.paid";
    publish_deadline_ms = 1000;
    says_no = "out of money";
    msg = deliver_msg(fake, "order.placed", 1);
    heard = deliver(fake, &msg, VOW_EVENT_UNABLE);
    cr_assert_str_eq(heard->text, "out of money");
    cr_assert_eq(heard->msg.delivered.cause, VOW_CAUSE_HANDLER_REFUSED);
    says_no = NULL;
    deliver(fake, &msg, VOW_EVENT_DONE);
    heard = hear_publish(fake, "order.paid order-7", 1);
    cr_assert(vow_gtrid_equal(&heard->id, &saga), "the saga's id travels in the events");
    cr_assert_eq(heard->msg.publish.event.hops, 5);
    cr_assert_eq(heard->msg.publish.event.deadline_us, 99, "so does its deadline, which is the earlier one");
    deliver(fake, &msg, VOW_EVENT_DONE);
    cr_assert_str_eq(look(OUTBOX), "order-71");
    cr_assert_str_eq(look(ITEMS), "order-71");
    vow_participant_close(participant);
    fake_close(fake);
}

Test(participant_events, F213_a_chain_of_events_has_an_end)
{
    struct fake *fake = fake_open();
    struct vow_participant *participant = start_service(fake, true);
    struct vow_msg msg;

    fake_until_up(fake, 1);
    then_publish = "order.paid";
    msg = deliver_msg(fake, "order.placed", 1);
    msg.deliver.event.hops = VOW_EVENT_HOPS_MAX - 1;
    deliver(fake, &msg, VOW_EVENT_DONE);
    msg = deliver_msg(fake, "order.placed", 2);
    msg.deliver.event.hops = VOW_EVENT_HOPS_MAX;
    deliver(fake, &msg, VOW_EVENT_NOT_YET);
    cr_assert_eq(publish_error, VOW_E_REFUSED);
    cr_assert_str_eq(look(ITEMS), "order-71");
    vow_participant_close(participant);
    fake_close(fake);
}

Test(participant_events, a_reaction_publishes_what_it_has_said_and_nothing_else)
{
    struct fake *fake = fake_open();
    struct vow_participant *participant = start_service(fake, true);
    struct vow_msg msg;

    fake_until_up(fake, 1);
    then_publish = "order.else";
    msg = deliver_msg(fake, "order.placed", 1);
    deliver(fake, &msg, VOW_EVENT_NOT_YET);
    cr_assert_eq(publish_error, VOW_E_REFUSED);
    cr_assert_str_eq(look(ITEMS), "");
    vow_participant_close(participant);
    fake_close(fake);
}

Test(participant_events, F210_a_newer_version_is_parked)
{
    struct fake *fake = fake_open();
    struct vow_participant *participant = start_service(fake, true);
    struct vow_msg msg;

    fake_until_up(fake, 1);
    msg = deliver_msg(fake, "order.placed", 1);
    msg.deliver.event.version = 3;
    cr_assert_not_null(strstr(deliver(fake, &msg, VOW_EVENT_NOT_YET)->text, "newer"));
    cr_assert_str_eq(look(ITEMS), "");
    msg = deliver_msg(fake, "order.else", 2); /* this handler takes all */
    msg.deliver.event.version = 3;
    deliver(fake, &msg, VOW_EVENT_DONE);
    vow_participant_close(participant);
    fake_close(fake);
}

/* --- What a transformation makes of it --- */

static unsigned lifts;
static struct vow_event_form spoilt; /* what it makes, if size is not 0 */

/* Version 2 says first what it is about. From version 3 on it is somebody else's. */
static int lift(const struct vow_received_event *event, struct vow_event_form *form, void *ctx)
{
    static const struct vow_event_header lifted[] = {{"lifted", "yes"}};

    lifts++;
    cr_assert_str_eq(ctx, "shop");
    cr_assert_eq(form->len, event->len);
    if (spoilt.size != 0)
        *form = spoilt;
    if (event->version == 7)
        form->why = "nobody has written seven";
    if (event->version == 7 || event->version == 8)
        return VOW_E_VERSION;
    if (event->version != 1)
        return 0;
    form->len =
        (size_t)snprintf(form->room, VOW_TRANSFORM_ROOM, "order: %.*s", (int)event->len, (const char *)event->payload);
    form->payload = form->room;
    form->version = 2;
    form->headers = lifted;
    form->headers_len = 1;
    return 0;
}

static struct vow_participant *start_lifting(const struct fake *fake)
{
    struct vow_participant *participant = service_open(fake, path);
    struct vow_subscription subscription = payments;

    subscription.transform = lift;
    subscription.transform_ctx = "shop";
    cr_assert_eq(vow_participant_subscribe(participant, &subscription), 0);
    cr_assert_eq(vow_participant_start(participant), 0);
    return participant;
}

static struct vow_msg deliver_version(const struct fake *fake, uint64_t key_seq, uint32_t version)
{
    struct vow_msg msg = deliver_msg(fake, "order.placed", key_seq);

    msg.deliver.event.version = version;
    return msg;
}

Test(participant_events, F210_an_older_version_is_lifted_to_what_the_handler_reads)
{
    struct fake *fake = fake_open();
    struct vow_participant *participant = start_lifting(fake);
    struct vow_msg msg = deliver_version(fake, 1, 1);

    fake_until_up(fake, 1);
    deliver(fake, &msg, VOW_EVENT_DONE);
    cr_assert_str_eq(received_words, "order.placed order-7 order: 2 apples shop lifted=yes placed");
    cr_assert_eq(received.version, 2);
    cr_assert_eq(received.key_seq, 1);
    cr_assert_eq(received.offset, 11);
    deliver(fake, &msg, VOW_EVENT_DONE);
    cr_assert_eq(lifts, 1, "what is handled is not looked at again");
    msg = deliver_version(fake, 2, 2);
    deliver(fake, &msg, VOW_EVENT_DONE);
    cr_assert_str_eq(received_words, "order.placed order-7 2 apples shop colour=blue placed", "left as it is");
    msg = deliver_version(fake, 3, 3);
    cr_assert_not_null(strstr(deliver(fake, &msg, VOW_EVENT_NOT_YET)->text, "newer"));
    cr_assert_str_eq(look(ITEMS), "order-72");
    vow_participant_close(participant);
    fake_close(fake);
}

/* The version that counts is that of what the handler is given. */
Test(participant_events, F210_a_newer_version_is_brought_down)
{
    struct fake *fake = fake_open();
    struct vow_participant *participant = start_lifting(fake);
    const struct vow_msg msg = deliver_version(fake, 1, 3);

    fake_until_up(fake, 1);
    spoilt = (struct vow_event_form){.size = sizeof(spoilt), .version = 2};
    deliver(fake, &msg, VOW_EVENT_DONE);
    cr_assert_eq(received.version, 2);
    cr_assert_eq(received.len, 0);
    cr_assert_null(received.payload);
    vow_participant_close(participant);
    fake_close(fake);
}

/* It is given what was published, each time. */
Test(participant_events, a_repeated_delivery_is_transformed_anew)
{
    struct fake *fake = fake_open();
    struct vow_participant *participant = start_lifting(fake);
    struct vow_msg msg = deliver_version(fake, 1, 1);

    fake_until_up(fake, 1);
    then_publish = "order.else"; /* which it may not: it fails, and is tried again */
    deliver(fake, &msg, VOW_EVENT_NOT_YET);
    then_publish = NULL;
    msg.deliver.attempt = 2;
    deliver(fake, &msg, VOW_EVENT_DONE);
    cr_assert_eq(lifts, 2);
    cr_assert_str_eq(received_words, "order.placed order-7 order: 2 apples shop lifted=yes placed");
    cr_assert_str_eq(look(ITEMS), "order-71");
    vow_participant_close(participant);
    fake_close(fake);
}

static void expect_refused(struct fake *fake, uint32_t version, const char *why)
{
    const struct vow_msg msg = deliver_version(fake, 1, version);
    const struct heard *heard = deliver(fake, &msg, VOW_EVENT_UNABLE);

    cr_assert_eq(heard->msg.delivered.cause, VOW_CAUSE_HANDLER_REFUSED);
    cr_assert_not_null(strstr(heard->text, why), "%s", heard->text);
}

/* The same would come of it each time. */
Test(participant_events, F206_what_cannot_be_transformed_is_refused_for_good)
{
    struct fake *fake = fake_open();
    struct vow_participant *participant = start_lifting(fake);
    const struct vow_event_header bad = {"no name", "x"};

    fake_until_up(fake, 1);
    expect_refused(fake, 7, "version 7 has refused it: nobody has written seven");
    expect_refused(fake, 8, vow_error_text(VOW_E_VERSION));
    spoilt = (struct vow_event_form){.size = sizeof(spoilt), .version = 2, .payload = "", .len = 16385};
    expect_refused(fake, 2, "too large");
    spoilt.payload = NULL;
    spoilt.len = 1;
    expect_refused(fake, 2, "no payload");
    spoilt.len = 0;
    spoilt.version = 0;
    expect_refused(fake, 2, "version is 0");
    spoilt.version = 2;
    spoilt.headers_len = 1;
    expect_refused(fake, 2, "headers");
    spoilt.headers = &bad;
    expect_refused(fake, 2, "headers");
    spoilt.headers_len = VOW_EVENT_HEADERS_MAX + 1;
    expect_refused(fake, 2, "headers");
    cr_assert_str_eq(look(ITEMS), "", "no handler has run");
    vow_participant_close(participant);
    fake_close(fake);
}

Test(participant_events, what_nobody_reacts_to_is_said_to_be_so)
{
    struct fake *fake = fake_open();
    struct vow_participant *participant = start_service(fake, true);
    struct vow_msg msg;

    fake_until_up(fake, 1);
    msg = deliver_msg(fake, "parcel.sent", 1);
    cr_assert_eq(deliver(fake, &msg, VOW_EVENT_UNABLE)->msg.delivered.cause, VOW_CAUSE_NO_SUCH_HANDLER);
    msg = deliver_msg(fake, "order.placed", 1);
    msg.deliver.group = "another";
    deliver(fake, &msg, VOW_EVENT_NOT_YET);
    vow_participant_close(participant);
    fake_close(fake);
}

/* The row is held, so the delivery waits in the store. */
Test(participant_events, a_delivery_in_flight_is_answered_once_for_its_last_attempt)
{
    struct fake *fake = fake_open();
    struct vow_participant *participant;
    const struct vow_gtrid holder = service_id(fake, 1);
    struct vow_msg msg;

    service_lock_wait_ms = UINT32_MAX;
    participant = start_service(fake, true);
    fake_until_up(fake, 1);
    service_vote(fake, &holder, "put", "order-7", VOW_VOTE_YES);
    msg = deliver_msg(fake, "order.placed", 1);
    fake_send(fake, &msg);
    msg.deliver.attempt = 2;
    fake_send(fake, &msg);
    service_commit(fake, &holder);
    hear_delivered(fake, 11, 2, VOW_EVENT_DONE);
    cr_assert_str_eq(look(ITEMS), "order-72");
    vow_participant_close(participant);
    fake_close(fake);
}

/* --- Subscriptions --- */

static void subscribed(struct fake *fake, int error, const char *text)
{
    const struct vow_msg msg = {.kind = VOW_MSG_SUBSCRIBED,
                                .subscribed = {.group = "payment", .error = error, .text = text}};

    fake_send(fake, &msg);
}

Test(participant_events, F213_a_subscription_that_is_refused_is_told_of)
{
    struct fake *fake = fake_open();
    struct vow_participant *participant = start_service(fake, true);
    struct vow_error_detail detail = {.error = 0};
    struct vow_msg msg;

    fake_until_up(fake, 1);
    fake_hear(fake, VOW_MSG_SUBSCRIBE);
    if (fake_loop() == VOW_LOOP_OWN_THREAD)
        cr_assert_eq(vow_participant_subscribed(participant, "payment", 0, &detail), VOW_E_UNREACHABLE);
    subscribed(fake, VOW_E_BUSY, "");
    fake_hear(fake, VOW_MSG_SUBSCRIBE); /* it comes again */
    subscribed(fake, VOW_E_REFUSED, "order.placed -> payment -> order.placed");
    msg = deliver_msg(fake, "order.placed", 1);
    deliver(fake, &msg, VOW_EVENT_DONE); /* whatever came before it has been heard */
    if (fake_loop() == VOW_LOOP_OWN_THREAD) {
        cr_assert_eq(vow_participant_subscribed(participant, "payment", 1000, &detail), VOW_E_REFUSED);
        cr_assert_str_eq(detail.text, "order.placed -> payment -> order.placed");
        cr_assert_eq(vow_participant_subscribed(participant, "other", 0, NULL), VOW_E_NOT_FOUND);
    }
    vow_participant_close(participant);
    fake_close(fake);
}

static int subscribe_with(const struct vow_subscription *subscription)
{
    struct fake *fake = fake_open();
    struct vow_participant *participant = service_open(fake, path);
    int error = vow_participant_subscribe(participant, subscription);

    vow_participant_close(participant);
    fake_close(fake);
    return error;
}

Test(participant_events, a_subscription_that_is_none_is_refused)
{
    static const struct vow_event_header filter = {"no name", "x"};
    static const char *const topics[] = {"order.*"};
    struct vow_reaction reaction = reactions[0];
    struct vow_subscription wrong = payments;

    wrong.reactions = &reaction;
    wrong.reactions_len = 1;
    cr_assert_eq(subscribe_with(&wrong), 0);
    wrong.size = 3;
    cr_assert_eq(subscribe_with(&wrong), VOW_E_ARGUMENT);
    wrong.size = sizeof(wrong);
    wrong.group = "no name";
    cr_assert_eq(subscribe_with(&wrong), VOW_E_NAME);
    wrong.group = "g";
    wrong.key = "a*b";
    cr_assert_eq(subscribe_with(&wrong), VOW_E_ARGUMENT);
    wrong.key = "a*";
    wrong.filters = &filter;
    wrong.filters_len = 1;
    cr_assert_eq(subscribe_with(&wrong), VOW_E_ARGUMENT);
    wrong.filters_len = 0;
    wrong.from = VOW_FROM_OFFSET + 1;
    cr_assert_eq(subscribe_with(&wrong), VOW_E_ARGUMENT);
    wrong.from = VOW_FROM_END;
    wrong.offset = 7;
    cr_assert_eq(subscribe_with(&wrong), VOW_E_ARGUMENT, "an offset that would not be looked at");
    wrong.offset = 0;
    reaction.on = "order.#.placed";
    cr_assert_eq(subscribe_with(&wrong), VOW_E_ARGUMENT);
    reaction.on = "order.*";
    reaction.publishes = topics;
    cr_assert_eq(subscribe_with(&wrong), VOW_E_ARGUMENT, "a pattern is no topic");
    reaction.publishes_len = 0;
    cr_assert_eq(subscribe_with(&wrong), 0);
    reaction.handler = NULL;
    cr_assert_eq(subscribe_with(&wrong), VOW_E_ARGUMENT);
    reaction.handler = react;
    reaction.reserved = 1;
    cr_assert_eq(subscribe_with(&wrong), VOW_E_ARGUMENT);
    reaction.reserved = 0;
    wrong.reactions_len = 0;
    cr_assert_eq(subscribe_with(&wrong), VOW_E_ARGUMENT, "a subscription to nothing");
}

Test(participant_events, a_subscription_that_is_too_large_is_refused)
{
    static const struct vow_event_header filters[VOW_FILTERS_MAX + 1] = {
        {"a", "1"}, {"b", "1"}, {"c", "1"}, {"d", "1"}, {"e", "1"}};
    static char patterns[VOW_PATTERNS_MAX + 1][16];
    struct vow_reaction many[VOW_PATTERNS_MAX + 1];
    struct vow_subscription wrong = payments;

    for (int i = 0; i <= VOW_PATTERNS_MAX; i++) {
        (void)snprintf(patterns[i], sizeof(patterns[i]), "topic-%d", i);
        many[i] = (struct vow_reaction){.on = patterns[i], .handler = react};
    }
    wrong.reactions = many;
    wrong.reactions_len = VOW_PATTERNS_MAX;
    cr_assert_eq(subscribe_with(&wrong), 0);
    wrong.reactions_len = VOW_PATTERNS_MAX + 1;
    cr_assert_eq(subscribe_with(&wrong), VOW_E_TOO_LARGE);
    wrong.reactions_len = 1;
    wrong.filters = filters;
    wrong.filters_len = VOW_FILTERS_MAX + 1;
    cr_assert_eq(subscribe_with(&wrong), VOW_E_TOO_LARGE);
    wrong.filters = NULL;
    wrong.filters_len = 1;
    cr_assert_eq(subscribe_with(&wrong), VOW_E_ARGUMENT);
}

Test(participant_events, a_group_is_subscribed_for_once_and_before_start)
{
    struct fake *fake = fake_open();
    struct vow_subscription other = payments;
    struct vow_participant *participant = start_service(fake, true);

    cr_assert_eq(vow_participant_subscribe(participant, &payments), VOW_E_STATE);
    vow_participant_close(participant);
    participant = service_open(fake, path);
    cr_assert_eq(vow_participant_subscribe(participant, &payments), 0);
    cr_assert_eq(vow_participant_subscribe(participant, &payments), VOW_E_DUPLICATE);
    other.reactions = &reactions[1];
    other.reactions_len = 1;
    cr_assert_eq(vow_participant_subscribe(participant, &other), VOW_E_DUPLICATE, "also with other patterns");
    vow_participant_close(participant);
    participant = service_open(fake, NULL);
    cr_assert_eq(vow_participant_subscribe(participant, &payments), VOW_E_STATE, "the null store has no inbox");
    vow_participant_close(participant);
    fake_close(fake);
}

/* --- Events that are none --- */

/* Each is told to whoever publishes, in the call: also what vowd, or a consumer, would not take later. */
static void expect_none(struct vow_branch *branch, const struct vow_event *event, int error)
{
    cr_expect_eq(vow_publish(branch, event), error, "%s/%s: %d", event->topic != NULL ? event->topic : "-",
                 event->key != NULL ? event->key : "-", error);
}

static void publish_wrong_names(struct vow_branch *branch, struct vow_event event)
{
    static const char *const topics[] = {"", ".", "a.", ".a", "a..b", "a b", "Order", "order.*", "order.#", NULL};
    char longest[VOW_TOPIC_MAX + 2] = "";
    const struct vow_event right = event;

    for (size_t i = 0; i < sizeof(topics) / sizeof(topics[0]); i++) {
        event.topic = topics[i];
        expect_none(branch, &event, VOW_E_ARGUMENT);
    }
    memset(longest, 'a', VOW_TOPIC_MAX + 1);
    event.topic = longest;
    expect_none(branch, &event, VOW_E_ARGUMENT);
    event = right;
    event.key = longest;
    expect_none(branch, &event, VOW_E_ARGUMENT);
    event.key = "a\nb";
    expect_none(branch, &event, VOW_E_ARGUMENT);
    event.key = NULL;
    expect_none(branch, &event, VOW_E_ARGUMENT);
    event = right;
    event.reserved = 1;
    expect_none(branch, &event, VOW_E_ARGUMENT);
    event = right;
    event.len = 1;
    expect_none(branch, &event, VOW_E_ARGUMENT);
}

static void publish_wrong_headers(struct vow_branch *branch, struct vow_event event)
{
    char value[VOW_EVENT_VALUE_MAX + 2] = "";
    struct vow_event_header headers[VOW_EVENT_HEADERS_MAX + 1];

    for (size_t i = 0; i <= VOW_EVENT_HEADERS_MAX; i++)
        headers[i] = (struct vow_event_header){"h", "v"};
    event.headers_len = 1;
    expect_none(branch, &event, VOW_E_ARGUMENT);
    event.headers = headers;
    event.headers_len = VOW_EVENT_HEADERS_MAX + 1;
    expect_none(branch, &event, VOW_E_ARGUMENT);
    event.headers_len = 1;
    headers[0].name = "a=b";
    expect_none(branch, &event, VOW_E_ARGUMENT);
    headers[0].name = NULL;
    expect_none(branch, &event, VOW_E_ARGUMENT);
    memset(value, 'v', VOW_EVENT_VALUE_MAX + 1);
    headers[0] = (struct vow_event_header){"h", value};
    expect_none(branch, &event, VOW_E_ARGUMENT);
    headers[0].value = NULL;
    expect_none(branch, &event, VOW_E_ARGUMENT);
}

static int publish_wrong(struct vow_branch *branch, struct sqlite3 *db, const void *payload, size_t len, void *ctx)
{
    static const char big[VOW_EVENT_PAYLOAD_MAX + 1];
    const struct vow_event_header bad = {"colour", "red\n"};
    const struct vow_gtrid id = *vow_branch_id(branch);
    const struct vow_event right = {.size = sizeof(right), .topic = "a", .key = "k"};
    struct vow_event event = right;

    (void)payload, (void)len, (void)ctx;
    cr_assert_eq(vow_publish(NULL, &event), VOW_E_ARGUMENT);
    cr_assert_eq(vow_publish(branch, NULL), VOW_E_ARGUMENT);
    event.topic = "Order";
    cr_assert_eq(vow_publish(branch, &event), VOW_E_ARGUMENT);
    event = right;
    event.key = "";
    cr_assert_eq(vow_publish(branch, &event), VOW_E_ARGUMENT);
    event = right;
    event.payload = big;
    event.len = sizeof(big);
    cr_assert_eq(vow_publish(branch, &event), VOW_E_TOO_LARGE);
    event = right;
    event.headers = &bad;
    event.headers_len = 1;
    cr_assert_eq(vow_publish(branch, &event), VOW_E_ARGUMENT);
    event = right;
    event.id = &id;
    cr_assert_eq(vow_publish(branch, &event), VOW_E_ARGUMENT);
    publish_wrong_names(branch, right);
    publish_wrong_headers(branch, right);
    cr_assert_eq(vow_outbox_publish(db, &right), VOW_E_STATE, "that is for the service's own connections");
    return vow_publish(branch, &right);
}

Test(participant_events, an_event_that_is_none_is_refused)
{
    struct fake *fake = fake_open();
    struct vow_participant *participant = service_open(fake, path);
    const struct vow_gtrid id = service_id(fake, 1);

    cr_assert_eq(vow_participant_handle(participant, "wrong", publish_wrong, NULL), 0);
    cr_assert_eq(vow_participant_start(participant), 0);
    fake_until_up(fake, 1);
    service_one_phase(fake, &id, "wrong", "");
    cr_assert_eq(hear_publish(fake, "a k", 1)->msg.publish.event.version, 1, "a version that is not said is the first");
    cr_assert_eq(fake->counts[VOW_MSG_PUBLISH], 1);
    vow_participant_close(participant);
    fake_close(fake);
}

/* --- An id for a choreography --- */

struct asking {
    struct fake *fake;
    struct vow_client *client;
    struct vow_gtrid ids[2];
    atomic_bool done;
};

static void *ask_for_ids(void *ctx)
{
    struct asking *asking = ctx;

    for (int i = 0; i < 2; i++)
        cr_assert_eq(vow_choreography_new(asking->client, 0, &asking->ids[i]), 0);
    atomic_store(&asking->done, true);
    fake_wake(asking->fake);
    return NULL;
}

Test(participant_events, a_choreography_has_an_id_of_its_own)
{
    struct fake *fake = fake_open();
    const struct vow_client_options options = {
        .size = sizeof(options), .coordinator = fake->address, .loop = VOW_LOOP_OWN_THREAD};
    struct asking asking = {.fake = fake};
    pthread_t thread;

    cr_assert_eq(vow_client_open(&options, &asking.client, NULL), 0);
    cr_assert_eq(vow_choreography_new(NULL, 0, &asking.ids[0]), VOW_E_ARGUMENT);
    cr_assert_eq(pthread_create(&thread, NULL, ask_for_ids, &asking), 0);
    fake_until(fake, &asking.done);
    cr_assert_eq(pthread_join(thread, NULL), 0);
    cr_assert_not(vow_gtrid_is_none(&asking.ids[0]));
    cr_assert_not(vow_gtrid_equal(&asking.ids[0], &asking.ids[1]));
    vow_client_close(asking.client);
    fake_close(fake);
}
