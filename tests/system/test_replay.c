/*
 * vowctl replay beside a running vowd: the whole journal comes to the state that vowd is in, whoever reads it. One
 * transaction is committed and its service dead, one saga is half done, one was compensated; of three events one is
 * done, one is dead, and one is under way.
 */
#include <criterion/criterion.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "peer.h"
#include "proto/error.h"

TestSuite(replay, .timeout = 120);

#define STEPS 2

static struct cluster cluster;
static struct peer doer, client, shop, billing;
static struct run run; /* the last answer of vowctl */
static char txn[VOW_GTRID_TEXT_SIZE], half[VOW_GTRID_TEXT_SIZE], undone[VOW_GTRID_TEXT_SIZE], data[160];

/* ---- vowctl ---- */

static void vowctl(int status, const char *const arguments[])
{
    const char *argv[12] = {VOW_BIN "/vowctl", "--coordinator", cluster.address};
    for (size_t i = 0; arguments[i] != NULL; i++)
        argv[i + 3] = arguments[i];
    run_program(&run, argv);
    cr_assert_eq(run.status, status, "vowctl %s: exit status %d: %s%s", arguments[0], run.status, run.out, run.err);
    cr_assert_eq(lines_with(run.err, "vowctl:", ""), status == 0 ? 0 : 1, "%s", run.err);
}

#define VOWCTL(status, ...) vowctl(status, (const char *const[]){__VA_ARGS__, NULL})

/* What --json has printed; the caller's to json_decref(). */
static json_t *ask(const char *const arguments[])
{
    json_error_t error;
    vowctl(0, arguments);
    json_t *parsed = json_loads(run.out, 0, &error);
    cr_assert_not_null(parsed, "%s: %s", error.text, run.out);
    return parsed;
}

#define ASK(...) ask((const char *const[]){"--json", __VA_ARGS__, NULL})

static void expect_refused(int status, const char *why, const char *until, const char *id)
{
    VOWCTL(status, "replay", "--until", until, id);
    cr_assert_not_null(strstr(run.err, why), "no \"%s\" in: %s", why, run.err);
}

/* ---- the state ---- */

static void take_id(char text[VOW_GTRID_TEXT_SIZE], struct vow_gtrid *id)
{
    *id = peer_take_id(&client);
    vow_gtrid_to_text(id, text);
}

static void order(const struct vow_gtrid *id)
{
    struct vow_msg_saga_step steps[STEPS];
    struct vow_msg msg = {.kind = VOW_MSG_SAGA_REQUEST};
    for (uint32_t i = 0; i < STEPS; i++)
        steps[i] = (struct vow_msg_saga_step){.kind = VOW_STEP_COMPENSATABLE,
                                              .stage = i,
                                              .participant = "doer",
                                              .action = "do",
                                              .compensation = "undo",
                                              .attempts_max = 1000,
                                              .attempt_ms = 3600000,
                                              .deadline_ms = 3600000};
    msg.saga_request = (struct vow_msg_saga_request){.gtrid = *id, .key = "", .steps_len = STEPS, .steps = steps};
    peer_send(&client, &msg);
}

/* The next step comes, and is answered. */
static void answer(enum vow_step_result result)
{
    struct vow_msg msg = {.kind = VOW_MSG_STEP_DONE};
    peer_expect(&doer, VOW_MSG_STEP);
    const struct vow_msg_step *step = &doer.msg.step;
    msg.step_done = (struct vow_msg_step_done){.gtrid = step->gtrid,
                                               .step = step->step,
                                               .direction = step->direction,
                                               .attempt = step->attempt,
                                               .result = result,
                                               .cause = result == VOW_STEP_REJECTED ? VOW_CAUSE_HANDLER_REFUSED : 0,
                                               .text = ""};
    peer_send(&doer, &msg);
}

/* Told at once that it runs, and of its end. */
static void expect_told(enum vow_saga_state state)
{
    do {
        peer_expect(&client, VOW_MSG_SAGA_STATE);
    } while (client.msg.saga_state.state != state);
}

/* ---- events ---- */

static void subscribe(void)
{
    static const char *const patterns[] = {"order.*"}, *const publishes[] = {"bill.sent"};
    const struct vow_msg msg = {.kind = VOW_MSG_SUBSCRIBE,
                                .subscribe = {.group = "bills",
                                              .patterns_len = 1,
                                              .patterns = patterns,
                                              .publishes_len = 1,
                                              .publishes = publishes,
                                              .key_filter = "",
                                              .from = VOW_FROM_RESUME}};
    peer_send(&billing, &msg);
    peer_expect(&billing, VOW_MSG_SUBSCRIBED);
    cr_assert_eq(billing.msg.subscribed.error, 0, "%s", billing.msg.subscribed.text);
}

static void publish(uint64_t seq)
{
    const struct vow_msg msg = {.kind = VOW_MSG_PUBLISH,
                                .publish = {.event = {.topic = "order.placed",
                                                      .key = "order 1",
                                                      .source = "shop",
                                                      .key_seq = seq,
                                                      .version = 1,
                                                      .payload = {(const uint8_t *)"apple", 5}}}};
    peer_send(&shop, &msg);
    peer_expect(&shop, VOW_MSG_PUBLISHED);
    cr_assert_eq(shop.msg.published.error, 0, "%s", shop.msg.published.text);
    peer_expect(&billing, VOW_MSG_DELIVER);
}

static void deliver(enum vow_event_result result)
{
    const struct vow_msg_deliver *asked = &billing.msg.deliver;
    const bool is_done = result == VOW_EVENT_DONE;
    const struct vow_msg msg = {.kind = VOW_MSG_DELIVERED,
                                .delivered = {.group = "bills",
                                              .offset = asked->offset,
                                              .attempt = asked->attempt,
                                              .result = result,
                                              .cause = is_done ? VOW_CAUSE_NONE : VOW_CAUSE_CONSTRAINT,
                                              .text = is_done ? "" : "no such customer"}};
    peer_send(&billing, &msg);
}

static void make_events(void)
{
    peer_open(&shop, &cluster, VOW_ROLE_PARTICIPANT, "shop");
    peer_open(&billing, &cluster, VOW_ROLE_PARTICIPANT, "billing");
    subscribe();
    publish(1);
    deliver(VOW_EVENT_DONE);
    publish(2);
    deliver(VOW_EVENT_UNABLE);
    publish(3); /* it comes once the second is buried */
}

static void make_state(void)
{
    struct vow_gtrid id;
    cluster_init(&cluster);
    cluster.vowd_flags[0] = "--heartbeat"; /* peers made by hand answer no PING */
    cluster.vowd_flags[1] = "600000";
    cluster_run(&cluster, 2, NULL, STRAND_AT);
    snprintf(data, sizeof(data), "%s/vowd", cluster.directory);
    peer_open(&doer, &cluster, VOW_ROLE_PARTICIPANT, "doer");
    peer_open(&client, &cluster, VOW_ROLE_CLIENT, "client");
    take_id(undone, &id);
    order(&id);
    answer(VOW_STEP_DONE);
    answer(VOW_STEP_REJECTED);
    answer(VOW_STEP_DONE); /* the compensation of the first */
    expect_told(VOW_SAGA_COMPENSATED);
    id = cluster_strand(&cluster);
    vow_gtrid_to_text(&id, txn);
    take_id(half, &id);
    order(&id);
    answer(VOW_STEP_DONE);
    peer_expect(&doer, VOW_MSG_STEP); /* the second is under way */
    make_events();
}

static void last_lsn(char lsn[24])
{
    json_t *status = ASK("status");
    snprintf(lsn, 24, "%lld",
             (long long)json_integer_value(json_object_get(json_object_get(status, "journal"), "last_lsn")));
    json_decref(status);
}

/* Records that nobody waits for reach the disk with the next tick. */
static void wait_until_ended(void)
{
    json_t *sagas;
    size_t len;
    do {
        sagas = ASK("saga", "list");
        len = json_array_size(sagas);
        json_decref(sagas);
    } while (len != 1);
}

/* What a group has done is noted later; the third event waits, so that is all before it. */
static void wait_until_noted(void)
{
    long long live, noted;
    char lsn[24];
    do {
        json_t *topics = ASK("topics"), *replayed;
        live = json_integer_value(json_object_get(json_array_get(topics, 0), "cursor"));
        json_decref(topics);
        last_lsn(lsn);
        replayed = ASK("replay", "--until", lsn);
        noted = json_integer_value(json_object_get(json_array_get(json_object_get(replayed, "groups"), 0), "cursor"));
        json_decref(replayed);
    } while (noted != live);
}

/* ---- live beside replayed ---- */

static void expect_same(const json_t *live, const json_t *replayed, const char *const keys[])
{
    for (size_t i = 0; keys[i] != NULL; i++) {
        cr_assert_not_null(json_object_get(replayed, keys[i]), "no \"%s\"", keys[i]);
        cr_assert(json_equal(json_object_get(live, keys[i]), json_object_get(replayed, keys[i])), "another \"%s\"",
                  keys[i]);
    }
}

static void expect_same_rows(const json_t *live, const json_t *replayed, const char *const keys[], const char *part,
                             const char *const part_keys[])
{
    cr_assert_eq(json_array_size(live), json_array_size(replayed));
    cr_assert_eq(json_array_size(live), 1);
    for (size_t i = 0; i < json_array_size(live); i++) {
        const json_t *one = json_array_get(live, i), *other = json_array_get(replayed, i);
        const json_t *parts = json_object_get(one, part), *other_parts = json_object_get(other, part);
        expect_same(one, other, keys);
        cr_assert_eq(json_array_size(parts), 2);
        cr_assert_eq(json_array_size(other_parts), 2);
        for (size_t k = 0; k < 2; k++)
            expect_same(json_array_get(parts, k), json_array_get(other_parts, k), part_keys);
    }
}

static void expect_live_state(const json_t *replayed)
{
    json_t *txns = ASK("list"), *sagas = ASK("saga", "list");
    expect_same_rows(txns, json_object_get(replayed, "transactions"),
                     (const char *const[]){"id", "state", "damage", NULL}, "branches",
                     (const char *const[]){"participant", "branch", "vote", "no_record", "contradicts", NULL});
    expect_same_rows(
        sagas, json_object_get(replayed, "sagas"), (const char *const[]){"id", "state", "at", NULL}, "steps",
        (const char *const[]){"step", "participant", "action", "compensation", "kind", "fate", "stage", NULL});
    json_decref(txns);
    json_decref(sagas);
}

static void expect_live_events(const json_t *replayed)
{
    json_t *topics = ASK("topics"), *letters = ASK("dlq", "list");
    const json_t *group = json_array_get(json_object_get(replayed, "groups"), 0);
    const json_t *topic = json_array_get(json_object_get(replayed, "topics"), 0);
    const json_t *key = json_array_get(json_object_get(replayed, "keys"), 0);
    cr_assert_eq(json_array_size(topics), 2);
    cr_assert_eq(json_array_size(letters), 1);
    expect_same(json_array_get(topics, 0), group,
                (const char *const[]){"group", "participant", "on", "publishes", "cursor", "lag", "dead", NULL});
    cr_assert_eq(json_integer_value(json_object_get(group, "lag")), 1);
    cr_assert_eq(json_integer_value(json_object_get(group, "dead")), 1);
    cr_assert(json_equal(json_array_get(topics, 1), topic), "another topic: %s", run.out);
    cr_assert(json_equal(letters, json_object_get(replayed, "dead_letters")), "other dead letters: %s", run.out);
    cr_assert_eq(json_array_size(json_object_get(replayed, "keys")), 1);
    cr_assert_str_eq(json_string_value(json_object_get(key, "source")), "shop");
    cr_assert_eq(json_integer_value(json_object_get(key, "key_seq")), 3);
    json_decref(topics);
    json_decref(letters);
}

static const char *text_at(const json_t *object, const char *key, const char *of)
{
    const char *text = json_string_value(json_object_get(json_object_get(object, key), of));
    cr_assert_not_null(text, "no %s of \"%s\" in: %s", of, key, run.out);
    return text;
}

static void expect_ids(const char *lsn)
{
    json_t *one = ASK("replay", "--until", lsn, txn);
    cr_assert_str_eq(text_at(one, "transaction", "state"), "COMMITTING");
    cr_assert_eq(json_array_size(json_object_get(one, "events")), 1);
    json_decref(one);
    one = ASK("replay", "--until", lsn, half);
    cr_assert_str_eq(text_at(one, "saga", "state"), "running");
    json_decref(one);
    one = ASK("replay", "--until", lsn, undone);
    cr_assert_str_eq(text_at(one, "ended", "outcome"), "compensated");
    json_decref(one);
}

static void expect_the_beginning(void)
{
    json_t *state = ASK("replay", "--until", "1");
    cr_assert_eq(json_integer_value(json_object_get(state, "lsn")), 1);
    cr_assert_eq(json_array_size(json_object_get(state, "transactions")), 0);
    cr_assert_eq(json_array_size(json_object_get(state, "sagas")), 0);
    cr_assert_not_null(json_object_get(state, "groups"));
    cr_assert_eq(json_array_size(json_object_get(state, "groups")), 0);
    cr_assert_eq(json_array_size(json_object_get(state, "keys")), 0);
    json_decref(state);
    expect_refused(3, "no event of this id", "1", txn);
}

static void expect_refusals(void)
{
    expect_refused(3, "not in the journal", "1000000", NULL);
    expect_refused(3, "not in the journal", "1999-12-31T23:59:59Z", NULL);
    expect_refused(2, "has not come yet", "2999-12-31T23:59:59Z", NULL);
    expect_refused(2, "without its zone", "2026-11-26 12:58", NULL);
    expect_refused(2, "neither an LSN nor a time", "yesterday", NULL);
    expect_refused(2, "the first event has 1", "0", NULL);
    expect_refused(2, "is not a transaction id", "1", "order-7");
    VOWCTL(2, "replay");
    VOWCTL(2, "list", "--until", "1");
    VOWCTL(1, "replay", "--data", data, "--until", "1");
    cr_assert_not_null(strstr(run.err, "without --data"), "%s", run.err);
}

Test(replay, of_the_whole_journal_is_the_live_state)
{
    char lsn[24];
    make_state();
    wait_until_ended();
    wait_until_noted();
    last_lsn(lsn);
    json_t *online = ASK("replay", "--until", lsn);
    expect_live_state(online);
    expect_live_events(online);
    VOWCTL(0, "replay", "--until", lsn);
    cr_assert_not_null(strstr(run.out, "no such customer"), "%s", run.out);
    expect_ids(lsn);
    expect_the_beginning();
    expect_refusals();
    process_kill(&cluster.vowd);
    json_t *offline = ASK("replay", "--data", data, "--until", lsn);
    cr_assert(json_equal(online, offline), "vowctl reads another state: %s", run.out);
    json_decref(online);
    json_decref(offline);
    /* The same by its time. */
    offline = ASK("replay", "--data", data, "--until", lsn);
    online = ASK("replay", "--data", data, "--until", json_string_value(json_object_get(offline, "time")));
    cr_assert(json_equal(online, offline), "%s", run.out);
    json_decref(online);
    json_decref(offline);
    VOWCTL(3, "replay", "--data", cluster.directory, "--until", "1");
    cr_assert_not_null(strstr(run.err, "has no journal"), "%s", run.err);
    VOWCTL(1, "replay", "--until", "1");
    cr_assert_not_null(strstr(run.err, "--data"), "%s", run.err);
    peer_close(&doer);
    peer_close(&client);
    peer_close(&shop);
    peer_close(&billing);
    cluster_end(&cluster);
}
