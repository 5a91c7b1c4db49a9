#include "event_fixture.h"

#include <stdio.h>
#include <string.h>

int publish_error;
const char *says_no;
struct delivering delivered;

static struct vow_store_event event_of(const char *topic, const char *key)
{
    return (struct vow_store_event){.topic = topic,
                                    .key = key,
                                    .version = 1,
                                    .headers = "colour=red\n",
                                    .payload = {(const uint8_t *)"p", 1},
                                    .deadline_us = 77};
}

static void publish(sqlite3_context *ctx, int args_len, sqlite3_value **args)
{
    const struct vow_store_event event =
        event_of((const char *)sqlite3_value_text(args[0]), (const char *)sqlite3_value_text(args[1]));
    (void)args_len;
    publish_error = vow_store_sqlite_publish(service.store, &event);
    if (publish_error != 0)
        sqlite3_result_error(ctx, "not published", -1);
}

static int run_handler(sqlite3 *db, const char *sql, enum vow_cause *cause, char text[VOW_TEXT_SIZE])
{
    const int rc = sqlite3_exec(db, sql, NULL, NULL, NULL);
    if (rc != SQLITE_OK || says_no == NULL)
        return rc;
    *cause = VOW_CAUSE_HANDLER_REFUSED;
    vow_text_copy(text, says_no);
    return VOW_E_REFUSED;
}

static int run_step(void *ctx, const struct vow_gtrid *gtrid, sqlite3 *db, struct vow_store_step *step,
                    enum vow_cause *cause, char text[VOW_TEXT_SIZE])
{
    (void)ctx, (void)gtrid;
    return run_handler(db, step->handler, cause, text);
}

static int run_event(void *ctx, sqlite3 *db, struct vow_store_delivery *delivery, enum vow_cause *cause,
                     char text[VOW_TEXT_SIZE])
{
    (void)ctx;
    return run_handler(db, (const char *)delivery->event.payload.data, cause, text);
}

void service_of_events(void)
{
    service_init();
    says_no = NULL;
    publish_error = 0;
    service.options.step = run_step;
    service.options.event = run_event;
}

static void add_publish(void)
{
    cr_assert_eq(sqlite3_create_function_v2(service.db, "publish", 2, SQLITE_UTF8, NULL, publish, NULL, NULL, NULL),
                 SQLITE_OK);
}

void events_start(const char *schema)
{
    service_start(schema);
    add_publish();
}

void events_restart(void)
{
    service_restart();
    add_publish();
}

int publish_outside(const char *sql, const char *topic, const char *key, const char *end)
{
    const struct vow_store_event event = event_of(topic, key);
    sqlite3 *db;
    cr_assert_eq(sqlite3_open(service.path, &db), SQLITE_OK);
    cr_assert_eq(sqlite3_exec(db, "BEGIN", NULL, NULL, NULL), SQLITE_OK);
    cr_assert_eq(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK, "%s", sqlite3_errmsg(db));
    const int error = vow_store_sqlite_publish_on(db, &event);
    cr_assert_eq(sqlite3_exec(db, end, NULL, NULL, NULL), SQLITE_OK, "%s", sqlite3_errmsg(db));
    sqlite3_close(db);
    return error;
}

/* ---- the inbox ---- */

struct delivering delivering_of(const char *group, uint64_t offset, const char *key, uint64_t key_seq, const char *sql)
{
    struct delivering delivering = {
        .work = work_of(VOW_STORE_EVENT, 0, ""),
        .delivery = {.group = group, .offset = offset, .attempt = 1, .source = {1}, .source_name = "other"}};
    delivering.work.op.calls_len = 0;
    delivering.work.op.gtrid = (struct vow_gtrid){{0}};
    delivering.delivery.event = event_of("topic", key);
    delivering.delivery.event.key_seq = key_seq;
    delivering.delivery.event.payload = (struct vow_slice){(const uint8_t *)sql, strlen(sql) + 1};
    return delivering;
}

int run_delivering(struct delivering *delivering)
{
    delivering->work.op.delivery = &delivering->delivery;
    return run_batch(&delivering->work, 1);
}

enum vow_event_result deliver(const char *group, uint64_t offset, const char *key, uint64_t key_seq, const char *sql)
{
    delivered = delivering_of(group, offset, key, key_seq, sql);
    cr_assert_eq(run_delivering(&delivered), 0, "%s", service.detail.text);
    cr_assert_eq(works_done, 1, "the store keeps it");
    return delivered.delivery.outcome;
}

enum vow_step_result step_of_saga(uint64_t seq, const char *sql)
{
    struct vow_store_step step = {.direction = VOW_STEP_ACTION, .handler = sql};
    struct work work = work_of(VOW_STORE_STEP, seq, "");
    work.op.calls_len = 0;
    work.op.step = &step;
    cr_assert_eq(run_batch(&work, 1), 0, "%s", service.detail.text);
    cr_assert_eq(works_done, 1, "the store keeps it");
    return step.outcome;
}

/* ---- the outbox ---- */

bool read_outbox(struct reading *reading, const char *skip, const char *after, uint32_t max)
{
    *reading = (struct reading){.work = work_of(VOW_STORE_OUTBOX_READ, 0, ""), .outbox = {.max = max}};
    snprintf(reading->outbox.after, sizeof(reading->outbox.after), "%s", after);
    for (; *skip != '\0'; skip++)
        reading->outbox.keys[reading->outbox.keys_len++].key[0] = *skip;
    reading->work.op.calls_len = 0;
    reading->work.op.outbox = &reading->outbox;
    cr_assert_eq(run_batch(&reading->work, 1), 0, "%s", service.detail.text);
    return works_done == 1;
}

const char *take_read(struct reading *reading)
{
    static char text[512];
    text[0] = '\0';
    for (const struct vow_store_event_copy *copy = reading->outbox.events; copy != NULL; copy = copy->next) {
        const size_t len = strlen(text);
        snprintf(text + len, sizeof(text) - len, "%s%s%d%s", len > 0 ? " " : "", copy->event.key,
                 (int)copy->event.key_seq, copy->event.topic);
    }
    vow_store_events_free(reading->outbox.events);
    reading->outbox.events = NULL;
    return text;
}

void outbox_sent(const char *key, uint64_t key_seq)
{
    struct vow_store_outbox outbox = {.keys_len = 1};
    struct work work = work_of(VOW_STORE_OUTBOX_DONE, 0, "");
    snprintf(outbox.keys[0].key, sizeof(outbox.keys[0].key), "%s", key);
    outbox.keys[0].key_seq = key_seq;
    work.op.calls_len = 0;
    work.op.outbox = &outbox;
    cr_assert_eq(run_batch(&work, 1), 0, "%s", service.detail.text);
    cr_assert_eq(work.op.result, VOW_STORE_DONE);
}
