/*
 * Events over the wire, against a real vowd: a publisher by hand with an outbox, and a consumer by hand with an inbox,
 * as small as they can be. vowd dies at each of its log and send effects, comes back, and each event is done once, in
 * order.
 */
#include <criterion/criterion.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "peer.h"
#include "proto/error.h"
#include "proto/net/clock.h"

TestSuite(events, .timeout = 120);

#define EVENTS 4

struct events_run {
    struct cluster cluster;
    struct peer shop, billing;
    struct vow_gtrid id;      /* of the saga that they belong to; none */
    uint64_t published, done; /* the outbox's first is published + 1; the inbox's last is done */
    uint64_t unable;          /* this one is never done; 0 = none */
    bool is_subscribed;
    unsigned delivered; /* DELIVERs that came */
    uint64_t offsets[EVENTS + 1];
    uint64_t deadline_us;
};

/* ---- both sides ---- */

static struct vow_msg event_of(const struct events_run *run, uint64_t seq)
{
    static const uint8_t payload[] = "apple 2";
    static const struct vow_msg_header_of_event region = {"region", "eu"};
    struct vow_msg msg = {.kind = VOW_MSG_PUBLISH};
    msg.publish.event = (struct vow_msg_event){.topic = "order.placed",
                                               .key = "order 1",
                                               .source = "shop",
                                               .key_seq = seq,
                                               .version = 1,
                                               .gtrid = run->id,
                                               .wall_us = vow_clock_wall_us(),
                                               .deadline_us = run->deadline_us,
                                               .headers = &region,
                                               .headers_len = 1,
                                               .payload = {payload, sizeof(payload) - 1}};
    return msg;
}

static void publish_next(struct events_run *run)
{
    const struct vow_msg msg = event_of(run, run->published + 1);
    if (run->published < EVENTS)
        peer_send(&run->shop, &msg);
}

static void subscribe(struct events_run *run)
{
    static const char *const patterns[] = {"order.*"};
    const struct vow_msg msg = {.kind = VOW_MSG_SUBSCRIBE,
                                .subscribe = {.group = "billing",
                                              .patterns_len = 1,
                                              .patterns = patterns,
                                              .key_filter = "",
                                              .from = VOW_FROM_RESUME,
                                              .backoff_ms = 5,
                                              .backoff_max_ms = 20}};
    run->is_subscribed = false;
    peer_send(&run->billing, &msg);
}

static void connect_both(struct events_run *run)
{
    peer_open(&run->shop, &run->cluster, VOW_ROLE_PARTICIPANT, "shop");
    peer_open(&run->billing, &run->cluster, VOW_ROLE_PARTICIPANT, "billing");
    subscribe(run);
    publish_next(run);
}

static void close_both(struct events_run *run)
{
    peer_close(&run->shop);
    peer_close(&run->billing);
}

static void end_run(struct events_run *run)
{
    close_both(run);
    cluster_end(&run->cluster);
}

static void start_with(struct events_run *run, const char *crash, bool keeps_traces)
{
    memset(run, 0, sizeof(*run));
    cluster_init(&run->cluster);
    run->cluster.keeps_traces = keeps_traces;
    /* Peers made by hand answer no PING. */
    run->cluster.vowd_flags[0] = "--heartbeat";
    run->cluster.vowd_flags[1] = "600000";
    cluster_run(&run->cluster, 0, crash, NULL);
}

/* What is done is cut off a second later. */
static void start_forgetful(struct events_run *run)
{
    memset(run, 0, sizeof(*run));
    cluster_init(&run->cluster);
    run->cluster.vowd_flags[0] = "--heartbeat";
    run->cluster.vowd_flags[1] = "600000";
    run->cluster.vowd_flags[2] = "--retention";
    run->cluster.vowd_flags[3] = "1s";
    cluster_run(&run->cluster, 0, NULL, NULL);
}

static void start(struct events_run *run, const char *crash)
{
    start_with(run, crash, false);
}

/* ---- the outbox ---- */

static bool take_published(struct events_run *run)
{
    if (!peer_receive(&run->shop))
        return false;
    const struct vow_msg_published *answer = &run->shop.msg.published;
    cr_assert_eq(run->shop.msg.kind, VOW_MSG_PUBLISHED);
    cr_assert_eq(answer->error, 0, "%s", answer->text);
    if (answer->key_seq == run->published + 1) {
        run->published++;
        publish_next(run);
    }
    return true;
}

/* ---- the inbox ---- */

static void answer_delivery(struct events_run *run, const struct vow_msg_deliver *asked)
{
    struct vow_msg msg = {.kind = VOW_MSG_DELIVERED};
    const uint64_t seq = asked->event.key_seq;
    msg.delivered = (struct vow_msg_delivered){
        .group = "billing", .offset = asked->offset, .attempt = asked->attempt, .result = VOW_EVENT_DONE, .text = ""};
    run->delivered++;
    run->offsets[seq] = asked->offset;
    cr_assert_str_eq(asked->event.topic, "order.placed");
    cr_assert_eq(asked->event.payload.len, 7);
    cr_assert_eq(memcmp(asked->event.payload.data, "apple 2", 7), 0);
    cr_assert_str_eq(asked->event.headers[0].value, "eu");
    if (seq == run->unable) {
        msg.delivered.result = VOW_EVENT_UNABLE;
        msg.delivered.cause = VOW_CAUSE_CONSTRAINT;
        msg.delivered.text = "no such customer";
    } else if (seq > run->done) {
        cr_assert(seq == run->done + 1 || run->done + 1 == run->unable, "I27: out of order");
        run->done = seq;
    }
    peer_send(&run->billing, &msg);
}

static bool take_delivery(struct events_run *run)
{
    if (!peer_receive(&run->billing))
        return false;
    if (run->billing.msg.kind == VOW_MSG_SUBSCRIBED) {
        cr_assert_eq(run->billing.msg.subscribed.error, 0, "%s", run->billing.msg.subscribed.text);
        run->is_subscribed = true;
        return true;
    }
    cr_assert_eq(run->billing.msg.kind, VOW_MSG_DELIVER);
    cr_assert(run->is_subscribed, "nothing comes before the subscription is durable");
    answer_delivery(run, &run->billing.msg.deliver);
    return true;
}

/* Until all is published and done. False: vowd is gone. */
static bool run_to_end(struct events_run *run)
{
    while (run->published < EVENTS || run->done < EVENTS) {
        struct pollfd fds[] = {{.fd = run->shop.fd, .events = POLLIN}, {.fd = run->billing.fd, .events = POLLIN}};
        cr_assert_gt(poll(fds, 2, -1), 0);
        if (fds[0].revents != 0 && !take_published(run))
            return false;
        if (fds[1].revents != 0 && !take_delivery(run))
            return false;
    }
    return true;
}

/* Kills vowd at `point`, and goes on. */
static void crash(const char *point)
{
    static struct events_run run;
    start(&run, point);
    connect_both(&run);
    (void)run_to_end(&run);
    process_wait_killed(&run.cluster.vowd);
    close_both(&run);
    vowd_start(&run.cluster, NULL);
    connect_both(&run);
    cr_assert(run_to_end(&run), "%s", point);
    end_run(&run);
}

/* ---- tests ---- */

Test(events, I26_I27_each_is_done_in_order)
{
    static struct events_run run;
    start(&run, NULL);
    connect_both(&run);
    cr_assert(run_to_end(&run));
    cr_assert_eq(run.delivered, EVENTS);
    end_run(&run);
}

/* One line for each, which says how long it has waited: not since some other time. */
Test(events, trace_says_how_long_each_has_waited)
{
    static struct events_run run;
    char path[160], text[1024];
    unsigned told = 0;
    start_with(&run, NULL, true);
    const uint64_t began_us = vow_clock_wall_us();
    connect_both(&run);
    cr_assert(run_to_end(&run));
    const uint64_t took_us = vow_clock_wall_us() - began_us;
    close_both(&run);
    cr_assert_eq(process_end(&run.cluster.vowd), 0);
    (void)snprintf(path, sizeof(path), "%s/vowd.trace", run.cluster.directory);
    FILE *file = fopen(path, "r");
    cr_assert_not_null(file);
    while (fgets(text, sizeof(text), file) != NULL) {
        const char *lag = strstr(text, "\"what\":\"event\",\"lag_us\":");
        told += lag != NULL;
        if (lag != NULL)
            cr_assert_leq(strtoull(strrchr(text, ':') + 1, NULL, 10), took_us, "%s", text);
    }
    (void)fclose(file);
    cr_assert_eq(told, EVENTS);
    cluster_end(&run.cluster);
}

Test(events, F191_I28_vowd_dies_around_the_publication)
{
    crash("recv.before.PUBLISH");
    crash("log.before.EVENT");
    crash("log.after.EVENT");
    crash("send.before.PUBLISHED@2");
    crash("send.after.PUBLISHED@2");
}

Test(events, F192_I28_vowd_dies_around_the_delivery)
{
    crash("log.before.GROUP");
    crash("log.after.GROUP");
    crash("send.before.SUBSCRIBED");
    crash("send.before.DELIVER@2");
    crash("send.after.DELIVER@3");
    crash("recv.before.DELIVERED@2");
    crash("recv.after.DELIVERED@3");
}

/* What waits for a group that is away is there after a restart, and is done then. */
Test(events, F205_what_waits_outlives_a_restart)
{
    static struct events_run run;
    start(&run, NULL);
    connect_both(&run);
    while (!run.is_subscribed)
        cr_assert(take_delivery(&run));
    peer_close(&run.billing);
    while (run.published < EVENTS)
        cr_assert(take_published(&run));
    peer_close(&run.shop);
    cr_assert_eq(process_end(&run.cluster.vowd), 0);
    vowd_start(&run.cluster, NULL);
    connect_both(&run);
    cr_assert(run_to_end(&run));
    cr_assert_eq(run.delivered, EVENTS, "none was delivered before, and none is twice");
    end_run(&run);
}

static void refused(struct events_run *run, const struct vow_msg *msg, int error)
{
    peer_send(&run->shop, msg);
    peer_expect(&run->shop, VOW_MSG_PUBLISHED);
    cr_assert_eq(run->shop.msg.published.error, error, "%s", run->shop.msg.published.text);
}

Test(events, F169_F204_F213_what_is_refused)
{
    static struct events_run run;
    struct peer client;
    start(&run, NULL);
    peer_open(&run.shop, &run.cluster, VOW_ROLE_PARTICIPANT, "shop");
    struct vow_msg msg = event_of(&run, 1);
    msg.publish.event.source = "billing";
    refused(&run, &msg, VOW_E_IDENTITY);
    msg = event_of(&run, 1);
    memset(msg.publish.event.db_uuid, 9, VOW_DB_UUID_BYTES);
    refused(&run, &msg, VOW_E_IDENTITY);
    msg = event_of(&run, 1);
    msg.publish.event.hops = VOW_EVENT_HOPS_MAX + 1;
    refused(&run, &msg, VOW_E_REFUSED);
    msg = event_of(&run, 1);
    refused(&run, &msg, 0);
    msg = event_of(&run, 3);
    refused(&run, &msg, VOW_E_STATE);
    peer_open(&client, &run.cluster, VOW_ROLE_CLIENT, "client");
    peer_send(&client, &msg);
    peer_expect_closed(&client);
    peer_close(&client);
    peer_close(&run.shop);
    cluster_end(&run.cluster);
}

/* ---- dead letters, by vowctl ---- */

static struct run out;

/* vowctl --coordinator ADDRESS, then the words, of which the last is NULL. */
static void ctl(const struct events_run *run, const char *const words[], int status)
{
    const char *argv[16] = {VOW_BIN "/vowctl", "--coordinator", run->cluster.address};
    for (size_t i = 0; words[i] != NULL; i++)
        argv[3 + i] = words[i];
    run_program(&out, argv);
    cr_assert_eq(out.status, status, "%s %s: %s%s", words[0], words[1] != NULL ? words[1] : "", out.out, out.err);
}

static void expect_out(const char *text)
{
    cr_assert_not_null(strstr(out.out, text), "\"%s\" is not in: %s", text, out.out);
}

/* What stands behind the key; "" = there is none. */
static void take_text(const char *line, const char *key, char text[16])
{
    const char *at = strstr(line, key);
    at = at != NULL ? at + strlen(key) : "";
    (void)snprintf(text, 16, "%.*s", (int)strcspn(at, "\""), at);
}

/* What the trace has told of them, as "0; 1 dead billing; ...". Ends vowd. */
static void expect_letters(struct events_run *run, const char *wanted)
{
    char path[160], line[1024], all[512] = "";
    close_both(run);
    cr_assert_eq(process_end(&run->cluster.vowd), 0);
    (void)snprintf(path, sizeof(path), "%s/vowd.trace", run->cluster.directory);
    FILE *file = fopen(path, "r");
    cr_assert_not_null(file);
    while (fgets(line, sizeof(line), file) != NULL) {
        const char *at = strstr(line, "\"letters\":");
        char group[16], says[16];
        if (at == NULL)
            continue;
        take_text(line, "\"group\":\"", group);
        take_text(line, "\"says\":\"", says);
        (void)snprintf(all + strlen(all), sizeof(all) - strlen(all), "%s%u%s%s%s%s", all[0] != '\0' ? "; " : "",
                       (unsigned)strtoul(at + strlen("\"letters\":"), NULL, 10), says[0] != '\0' ? " " : "", says,
                       group[0] != '\0' ? " " : "", group);
    }
    (void)fclose(file);
    /* That one is done need not be durable on its own before the end, which says how many there are. */
    const size_t len = strlen(wanted);
    cr_assert(strncmp(all, wanted, len) == 0 && strcmp(all + strlen(all) - 3, "; 0") == 0, "%s", all);
    cluster_end(&run->cluster);
}

/* An event that is never done goes to the dead letters, its key goes on, and an operator sees to it (F206). */
Test(events, F206_F208_dead_letters_are_seen_to)
{
    static struct events_run run;
    char offset[24];
    start_with(&run, NULL, true);
    run.unable = 2;
    connect_both(&run);
    cr_assert(run_to_end(&run));
    ctl(&run, (const char *const[]){"dlq", "list", "--json", NULL}, 0);
    const char *at = strstr(out.out, "\"offset\": ");
    cr_assert_not_null(at, "%s", out.out);
    snprintf(offset, sizeof(offset), "%llu", strtoull(at + strlen("\"offset\": "), NULL, 10));
    expect_out("no such customer");
    ctl(&run, (const char *const[]){"dlq", "show", "billing", offset, NULL}, 0);
    expect_out("apple 2");
    ctl(&run, (const char *const[]){"topics", NULL}, 0);
    expect_out("dead 1");
    ctl(&run, (const char *const[]){"dlq", "retry", "billing", offset, "--yes", NULL}, 2);
    run.unable = 0;
    ctl(&run, (const char *const[]){"--yes", "--reason", "mended", "dlq", "retry", "billing", offset, NULL}, 0);
    cr_assert(take_delivery(&run));
    cr_assert_eq(run.billing.msg.deliver.event.key_seq, 2, "under the same name");
    do
        ctl(&run, (const char *const[]){"dlq", "list", NULL}, 0);
    while (strstr(out.out, "no dead letters") == NULL);
    ctl(&run, (const char *const[]){"--yes", "--reason", "x", "dlq", "drop", "billing", offset, NULL}, 3);
    expect_letters(&run, "0; 1 dead billing; 1 retried billing; 0");
}

Test(events, history_shows_the_events_of_an_id)
{
    static struct events_run run;
    struct peer client;
    char id[VOW_GTRID_TEXT_SIZE];
    start(&run, NULL);
    peer_open(&client, &run.cluster, VOW_ROLE_CLIENT, "client");
    run.id = peer_take_id(&client);
    peer_close(&client);
    connect_both(&run);
    cr_assert(run_to_end(&run));
    vow_gtrid_to_text(&run.id, id);
    ctl(&run, (const char *const[]){"history", id, NULL}, 0);
    expect_out("order.placed key=\"order 1\" shop/4");
    end_run(&run);
}

/* Runs vowctl until it says `text`. */
static void ctl_until(const struct events_run *run, const char *const words[], const char *text)
{
    do
        ctl(run, words, 0);
    while (strstr(out.out, text) == NULL);
}

/* A choreography whose deadline has passed: the alarm, the counters and the history name who is late, and why. */
Test(events, history_says_which_service_is_late_and_why)
{
    static struct events_run run;
    struct peer client;
    char id[VOW_GTRID_TEXT_SIZE];
    start(&run, NULL);
    peer_open(&client, &run.cluster, VOW_ROLE_CLIENT, "client");
    run.id = peer_take_id(&client);
    run.deadline_us = 1;
    peer_close(&client);
    peer_open(&run.billing, &run.cluster, VOW_ROLE_PARTICIPANT, "billing");
    subscribe(&run);
    cr_assert(take_delivery(&run));
    peer_open(&run.shop, &run.cluster, VOW_ROLE_PARTICIPANT, "shop");
    publish_next(&run);
    while (run.published < EVENTS)
        cr_assert(take_published(&run));
    vow_gtrid_to_text(&run.id, id);
    ctl_until(&run, (const char *const[]){"status", "--json", NULL}, "\"deadlines_missed\": 4");
    ctl(&run, (const char *const[]){"history", id, NULL}, 0);
    expect_out("it was delivered, and is not answered yet");
    expect_out("an earlier event of its key is not done (@");
    expect_out("LATE by ");
    ctl(&run, (const char *const[]){"topics", NULL}, 0);
    expect_out("overdue 4");
    peer_close(&run.billing);
    ctl_until(&run, (const char *const[]){"history", id, NULL}, "its service is not connected");
    peer_open(&run.billing, &run.cluster, VOW_ROLE_PARTICIPANT, "billing");
    subscribe(&run);
    cr_assert(run_to_end(&run));
    ctl_until(&run, (const char *const[]){"status", "--json", NULL}, "\"overdue\": 0");
    ctl(&run, (const char *const[]){"history", id, NULL}, 0);
    expect_out("billing           done");
    cr_assert_null(strstr(out.out, "LATE"), "%s", out.out);
    end_run(&run);
}

/* A group that is gone for good is removed by an operator, and stays removed; one that is there is not. */
Test(events, a_group_that_never_comes_back_is_removed)
{
    static struct events_run run;
    start(&run, NULL);
    connect_both(&run);
    while (!run.is_subscribed)
        cr_assert(take_delivery(&run));
    ctl(&run, (const char *const[]){"--yes", "--reason", "x", "topics", "remove", "billing", NULL}, 4);
    cr_assert_not_null(strstr(out.err, "stop it first"), "%s", out.err);
    ctl(&run, (const char *const[]){"--yes", "--reason", "x", "topics", "remove", "packing", NULL}, 3);
    ctl(&run, (const char *const[]){"topics", "remove", "billing", NULL}, 2);
    peer_close(&run.billing);
    while (run.published < EVENTS)
        cr_assert(take_published(&run));
    ctl_until(&run, (const char *const[]){"topics", NULL}, "AWAY");
    ctl(&run, (const char *const[]){"--yes", "--reason", "closed", "topics", "remove", "billing", NULL}, 0);
    cr_assert_not_null(strstr(out.err, "4 events"), "%s", out.err);
    ctl(&run, (const char *const[]){"topics", NULL}, 0);
    expect_out("no group has subscribed");
    process_kill(&run.cluster.vowd);
    peer_close(&run.shop);
    vowd_start(&run.cluster, NULL);
    ctl(&run, (const char *const[]){"topics", NULL}, 0);
    expect_out("no group has subscribed");
    cluster_end(&run.cluster);
}

static void move(const struct events_run *run, const char *group, const char *to, int status, const char *err)
{
    ctl(run, (const char *const[]){"--yes", "--reason", "tried", "--to", to, "topics", "seek", group, NULL}, status);
    cr_assert_not_null(strstr(out.err, err), "%s: %s", to, out.err);
}

/* The events from `first` on come, and no other. */
static void expect_again(struct events_run *run, uint64_t first)
{
    const unsigned before = run->delivered;
    uint64_t seq = first;
    run->is_subscribed = false;
    while (run->delivered < before + EVENTS + 1 - first) {
        cr_assert(take_delivery(run));
        if (run->billing.msg.kind == VOW_MSG_DELIVER)
            cr_assert_eq(run->billing.msg.deliver.event.key_seq, seq++);
    }
    ctl_until(run, (const char *const[]){"topics", "--json", NULL}, "\"lag\": 0");
}

Test(events, an_operator_moves_a_group_to_where_it_goes_on)
{
    static struct events_run run;
    char offset[24];
    start(&run, NULL);
    connect_both(&run);
    cr_assert(run_to_end(&run));
    snprintf(offset, sizeof(offset), "%llu", (unsigned long long)run.offsets[3]);
    move(&run, "billing", offset, 0, "goes back");
    expect_again(&run, 3);
    move(&run, "billing", "oldest", 0, "goes back");
    expect_again(&run, 1);
    peer_close(&run.billing);
    ctl_until(&run, (const char *const[]){"topics", NULL}, "AWAY");
    move(&run, "billing", "oldest", 0, "goes back");
    ctl(&run, (const char *const[]){"topics", NULL}, 0);
    expect_out("reads older ones");
    move(&run, "billing", offset, 0, "beside those that it has not read yet. It goes forward");
    process_kill(&run.cluster.vowd);
    peer_close(&run.shop);
    vowd_start(&run.cluster, NULL);
    ctl_until(&run, (const char *const[]){"topics", "--json", NULL}, "\"lag\": 2");
    peer_open(&run.billing, &run.cluster, VOW_ROLE_PARTICIPANT, "billing");
    subscribe(&run);
    expect_again(&run, 3);
    peer_close(&run.billing);
    ctl_until(&run, (const char *const[]){"topics", NULL}, "AWAY");
    move(&run, "billing", "oldest", 0, "goes back");
    move(&run, "billing", "newest", 0, "It goes forward");
    ctl(&run, (const char *const[]){"topics", "--json", NULL}, 0);
    expect_out("\"lag\": 0");
    cluster_end(&run.cluster);
}

Test(events, a_move_that_cannot_be_is_refused_in_words)
{
    static struct events_run run;
    start(&run, NULL);
    connect_both(&run);
    cr_assert(run_to_end(&run));
    move(&run, "packing", "oldest", 3, "there is no such group");
    move(&run, "billing", "9999", 4, "no event is there yet");
    move(&run, "billing", "0", 2, "wants --to OFFSET");
    move(&run, "billing", "soon", 2, "wants --to OFFSET");
    ctl(&run, (const char *const[]){"--yes", "--reason", "x", "topics", "seek", "billing", NULL}, 2);
    ctl(&run, (const char *const[]){"--to", "oldest", "topics", "seek", "billing", NULL}, 2);
    ctl(&run, (const char *const[]){"--to", "oldest", "topics", NULL}, 2);
    ctl(&run, (const char *const[]){"--yes", "--reason", "x", "--to", "7", "topics", "remove", "billing", NULL}, 2);
    ctl(&run, (const char *const[]){"topics", "--json", NULL}, 0);
    expect_out("\"lag\": 0");
    end_run(&run);
}

static uint64_t cut_lsn(const struct events_run *run)
{
    ctl(run, (const char *const[]){"status", "--json", NULL}, 0);
    const char *at = strstr(out.out, "\"cut_lsn\": ");
    cr_assert_not_null(at, "%s", out.out);
    return strtoull(at + strlen("\"cut_lsn\": "), NULL, 10);
}

/* What was cut off does not come back unnoticed as less than was asked for. */
Test(events, a_move_to_what_is_cut_off_says_from_where_on_all_is_kept)
{
    static struct events_run run;
    char offset[24];
    start_forgetful(&run);
    connect_both(&run);
    cr_assert(run_to_end(&run));
    while (cut_lsn(&run) < run.offsets[EVENTS])
        poll(NULL, 0, 5); /* the suite's time-out is the bound */
    snprintf(offset, sizeof(offset), "%llu", (unsigned long long)run.offsets[2]);
    move(&run, "billing", offset, 4, "retention has cut off what came before @");
    move(&run, "billing", "oldest", 0, "goes back"); /* to what is left of it */
    end_run(&run);
}

static void refused_subscription(struct peer *peer, const char *on, const char *publishes, int error, const char *word)
{
    const struct vow_msg msg = {.kind = VOW_MSG_SUBSCRIBE,
                                .subscribe = {.group = "billing",
                                              .patterns_len = 1,
                                              .patterns = &on,
                                              .publishes_len = 1,
                                              .publishes = &publishes,
                                              .key_filter = "",
                                              .from = VOW_FROM_RESUME}};
    peer_send(peer, &msg);
    peer_expect(peer, VOW_MSG_SUBSCRIBED);
    cr_assert_eq(peer->msg.subscribed.error, error, "%s", peer->msg.subscribed.text);
    cr_assert_not_null(strstr(peer->msg.subscribed.text, word), "%s", peer->msg.subscribed.text);
}

Test(events, F213_a_subscription_that_cannot_be_is_refused_in_words)
{
    static struct events_run run;
    start(&run, NULL);
    peer_open(&run.billing, &run.cluster, VOW_ROLE_PARTICIPANT, "billing");
    refused_subscription(&run.billing, "order.*", "order.paid", VOW_E_REFUSED, "billing > order.paid > billing");
    refused_subscription(&run.billing, "order.placed", "order.paid", 0, "");
    peer_open(&run.shop, &run.cluster, VOW_ROLE_PARTICIPANT, "shop");
    refused_subscription(&run.shop, "order.#", "stock.low", VOW_E_REFUSED, "another participant");
    end_run(&run);
}
