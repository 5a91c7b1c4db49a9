/* The relay core: its tables, what it tells when, what it refuses, and many small worlds. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/error.h"
#include "world.h"

Test(relay, the_tables_are_whole)
{
    char why[256];

    cr_assert_null(vow_fsm_check(vow_group_fsm(), why, sizeof(why)), "%s", why);
    cr_assert_null(vow_fsm_check(vow_lane_fsm(), why, sizeof(why)), "%s", why);
}

/* ---- step by step ---- */

enum { PUBLISHER = 7, CONSUMER = 8 };

static struct vow_relay *core;
static void *memory;
static uint64_t now_ms, lsn, tokens[64];
static uint32_t tokens_len, tokens_done;
static struct vow_relay_effect last; /* the last SEND or ORDERED */
static uint32_t sent, logged, freed, alarms, lates;
static struct vow_relay_reaction late; /* the last LATE */
static uint64_t late_lsn;
static struct vow_record record;
static uint32_t load, loads;
static uint64_t load_after;

static void feed(struct vow_relay_event event)
{
    struct vow_relay_effects effects;

    event.now_ms = now_ms;
    sent = logged = freed = 0;
    vow_relay_step(core, &event, &effects);
    for (size_t i = 0; i < effects.len; i++) {
        const struct vow_relay_effect *effect = &effects.items[i];

        if (effect->kind == VOW_RELAY_SEND || effect->kind == VOW_RELAY_ORDERED)
            last = *effect;
        sent += effect->kind == VOW_RELAY_SEND;
        freed += effect->kind == VOW_RELAY_FREED;
        alarms += effect->kind == VOW_RELAY_ALARM;
        if (effect->kind == VOW_RELAY_LATE) {
            late = effect->late.reaction;
            late_lsn = effect->late.kept.lsn;
            lates++;
        }
        if (effect->kind == VOW_RELAY_LOG) {
            record = effect->log.record;
            tokens[tokens_len++] = effect->log.token;
            logged++;
        }
        if (effect->kind == VOW_RELAY_LOAD) {
            load = effect->load.group;
            load_after = effect->load.after;
            loads++;
        }
    }
}

/* The journal has no older events. */
static void answer_load(void)
{
    loads--;
    feed((struct vow_relay_event){.kind = VOW_RELAY_LOAD_DONE, .load_done = {.group = load, .upto = load_after}});
}

static void log_done(void)
{
    feed((struct vow_relay_event){.kind = VOW_RELAY_LOG_DONE, .logged = {tokens[tokens_done++], ++lsn}});
}

static void log_all(void)
{
    while (tokens_done < tokens_len)
        log_done();
    while (loads > 0)
        answer_load();
}

static void fire(void)
{
    const uint64_t deadline_ms = vow_relay_deadline_ms(core);

    cr_assert_neq(deadline_ms, UINT64_MAX);
    now_ms = deadline_ms > now_ms ? deadline_ms : now_ms;
    feed((struct vow_relay_event){.kind = VOW_RELAY_TIMER});
}

static void open_with(const struct vow_relay_limits *limits)
{
    memory = malloc(vow_relay_size(limits));
    core = vow_relay_core_init(memory, limits, 1, 42);
    feed((struct vow_relay_event){.kind = VOW_RELAY_RECOVERY_DONE});
}

static void setup(void)
{
    open_with(&vow_relay_default_limits);
}

static void teardown(void)
{
    free(memory);
}

/* The driver's memory: as many as a test publishes. */
static const struct vow_msg_event *event_of(const char *topic, const char *key, uint64_t seq)
{
    static struct vow_msg_event events[64];
    static uint32_t len;
    struct vow_msg_event *event = &events[len++ % 64];

    *event = (struct vow_msg_event){.topic = topic, .key = key, .source = "shop", .key_seq = seq, .version = 1};
    event->db_uuid[0] = 1;
    return event;
}

static void publish(const char *topic, const char *key, uint64_t seq)
{
    struct vow_relay_event event = {.kind = VOW_RELAY_PUBLISH, .session = PUBLISHER};

    event.publish.event = event_of(topic, key, seq);
    feed(event);
}

static void subscribe_as(const char *participant, const struct vow_msg_subscribe *msg)
{
    struct vow_relay_event event = {.kind = VOW_RELAY_SUBSCRIBE, .session = CONSUMER};

    event.subscribe.msg = msg;
    event.subscribe.participant = participant;
    feed(event);
}

/* To `pattern`; `publishes` may be NULL. */
static void subscribe(const char *group, const char *pattern, const char *publishes)
{
    const struct vow_msg_subscribe msg = {.group = group,
                                          .patterns_len = 1,
                                          .patterns = &pattern,
                                          .key_filter = "",
                                          .publishes_len = publishes != NULL,
                                          .publishes = &publishes,
                                          .from = VOW_FROM_RESUME,
                                          .attempts_max = 2};

    subscribe_as("billing", &msg);
    log_all();
}

static void answer(const char *group, enum vow_event_result result)
{
    const struct vow_msg_deliver asked = last.msg.deliver;
    const struct vow_msg msg = {.kind = VOW_MSG_DELIVERED,
                                .delivered = {.group = group,
                                              .offset = asked.offset,
                                              .attempt = asked.attempt,
                                              .result = result,
                                              .cause = result != VOW_EVENT_DONE ? VOW_CAUSE_HANDLER_REFUSED : 0,
                                              .text = "no"}};

    cr_assert_eq(last.msg.kind, VOW_MSG_DELIVER);
    feed((struct vow_relay_event){.kind = VOW_RELAY_MESSAGE, .session = CONSUMER, .msg = &msg});
}

static struct vow_relay_group_view only_group(void)
{
    struct vow_relay_group_view view = {0};
    uint32_t at = 0;

    cr_assert(vow_relay_next_group(core, &at, &view));
    return view;
}

TestSuite(relay, .init = setup, .fini = teardown);

Test(relay, B58_published_is_said_when_it_is_durable)
{
    publish("order.placed", "order 1", 1);
    cr_assert_eq(sent, 0);
    cr_assert_eq(logged, 1);
    log_done();
    cr_assert_eq(last.msg.kind, VOW_MSG_PUBLISHED);
    cr_assert_eq(last.msg.published.error, 0);
    cr_assert_eq(last.msg.published.offset, 1);
    cr_assert_eq(freed, 1, "nobody asks for it");
}

Test(relay, F191_a_duplicate_is_told_that_it_is_durable)
{
    publish("order.placed", "order 1", 1);
    publish("order.placed", "order 1", 1);
    cr_assert_eq(logged, 0, "it is on its way to the disk");
    log_done();
    cr_assert_eq(sent, 1);
    publish("order.placed", "order 1", 1);
    cr_assert_eq(logged, 0);
    cr_assert_eq(last.msg.published.error, 0);
    cr_assert_eq(last.msg.published.offset, 1);
}

Test(relay, F204_a_gap_is_refused)
{
    publish("order.placed", "order 1", 1);
    log_done();
    publish("order.placed", "order 1", 3);
    cr_assert_eq(last.msg.published.error, VOW_E_STATE);
    publish("order.placed", "order 1", 2);
    cr_assert_eq(logged, 1);
    publish("order.placed", "order 1", 3);
    cr_assert_eq(last.msg.published.error, VOW_E_STATE, "the one before it is not durable yet");
}

Test(relay, F213_a_chain_that_is_too_long_is_refused)
{
    struct vow_msg_event event = *event_of("order.placed", "order 1", 1);
    struct vow_relay_event in = {.kind = VOW_RELAY_PUBLISH, .session = PUBLISHER};

    event.hops = VOW_EVENT_HOPS_MAX + 1;
    in.publish.event = &event;
    feed(in);
    cr_assert_eq(last.msg.published.error, VOW_E_REFUSED);
    cr_assert_not_null(strstr(last.msg.published.text, "circle"));
    cr_assert_eq(logged, 0);
}

Test(relay, F213_a_circle_is_refused_and_named)
{
    subscribe("a", "order.placed", "order.paid");
    cr_assert_eq(last.msg.subscribed.error, 0);
    subscribe("b", "order.paid", "order.packed");
    cr_assert_eq(last.msg.subscribed.error, 0);
    subscribe("c", "order.*", NULL);
    cr_assert_eq(last.msg.subscribed.error, 0, "it publishes nothing");
    subscribe("d", "order.packed", "order.placed");
    cr_assert_eq(last.msg.subscribed.error, VOW_E_REFUSED);
    cr_assert_str_eq(last.msg.subscribed.text, "a circle: d > order.placed > a > order.paid > b > order.packed > d");
    subscribe("e", "stock.#", "stock.low");
    cr_assert_eq(last.msg.subscribed.error, VOW_E_REFUSED);
}

Test(relay, a_group_is_one_participants)
{
    const char *pattern = "#";
    const struct vow_msg_subscribe msg = {
        .group = "a", .patterns_len = 1, .patterns = &pattern, .key_filter = "", .from = VOW_FROM_RESUME};

    subscribe("a", "#", NULL);
    subscribe_as("another", &msg);
    cr_assert_eq(last.msg.subscribed.error, VOW_E_REFUSED);
}

static void subscribe_from(const char *pattern, enum vow_event_from from)
{
    const struct vow_msg_subscribe msg = {
        .group = "a", .patterns_len = 1, .patterns = &pattern, .key_filter = "", .from = from};

    subscribe_as("billing", &msg);
    log_all();
}

/* It says END with each connection, and means its first. */
Test(relay, I28_a_group_that_comes_again_goes_on_where_it_left_off)
{
    publish("order.placed", "order 1", 1);
    log_done();
    subscribe_from("#", VOW_FROM_END);
    cr_assert_eq(only_group().lag, 0);
    feed((struct vow_relay_event){.kind = VOW_RELAY_SESSION_DOWN, .session = CONSUMER});
    publish("order.placed", "order 1", 2);
    log_done();
    subscribe_from("#", VOW_FROM_END);
    cr_assert_eq(last.msg.kind, VOW_MSG_DELIVER);
    cr_assert_eq(last.msg.deliver.event.key_seq, 2);
    subscribe_from("order.*", VOW_FROM_START);
    cr_assert_eq(only_group().lag, 1, "also if it asks for something else");
    cr_assert_eq(only_group().cursor, 2);
}

Test(relay, I27_one_of_a_key_is_in_flight)
{
    subscribe("a", "#", NULL);
    publish("order.placed", "order 1", 1);
    log_done();
    cr_assert_eq(last.msg.kind, VOW_MSG_DELIVER);
    cr_assert_eq(last.msg.deliver.event.key_seq, 1);
    const struct vow_relay_effect first = last;
    publish("order.placed", "order 1", 2);
    log_done();
    cr_assert_eq(last.msg.kind, VOW_MSG_PUBLISHED, "the second waits for the first");
    publish("order.placed", "order 2", 1);
    log_done();
    cr_assert_eq(last.msg.kind, VOW_MSG_DELIVER);
    cr_assert_str_eq(last.msg.deliver.event.key, "order 2", "another key does not wait");
    last = first;
    answer("a", VOW_EVENT_DONE);
    cr_assert_eq(last.msg.deliver.event.key_seq, 2);
}

Test(relay, a_window_bounds_the_keys_in_flight)
{
    const char *pattern = "#";
    const struct vow_msg_subscribe msg = {
        .group = "a", .patterns_len = 1, .patterns = &pattern, .key_filter = "", .from = VOW_FROM_RESUME, .window = 1};

    subscribe_as("billing", &msg);
    log_all();
    publish("order.placed", "order 1", 1);
    log_done();
    publish("order.placed", "order 2", 1);
    log_done();
    cr_assert_eq(only_group().in_flight, 1);
    cr_assert_eq(only_group().lag, 2);
}

Test(relay, F206_poison_goes_to_the_dead_letters_and_its_key_goes_on)
{
    struct vow_relay_counts counts;

    subscribe("a", "#", NULL);
    publish("order.placed", "order 1", 1);
    log_done();
    publish("order.placed", "order 1", 2);
    log_done();
    feed((struct vow_relay_event){.kind = VOW_RELAY_TIMER});
    last.msg.deliver.offset = only_group().cursor + 1;
    last.msg.kind = VOW_MSG_DELIVER;
    last.msg.deliver.attempt = 1;
    answer("a", VOW_EVENT_NOT_YET);
    cr_assert_eq(logged, 0);
    do
        fire();
    while (sent == 0);
    cr_assert_eq(last.msg.deliver.attempt, 2);
    answer("a", VOW_EVENT_NOT_YET);
    cr_assert_eq(logged, 1, "two attempts are all");
    cr_assert_eq(record.kind, VOW_RECORD_DEAD);
    cr_assert_eq(record.relay.attempts, 2);
    cr_assert_str_eq(record.text, "no");
    cr_assert_eq(sent, 0, "nothing follows from it before it is durable");
    tokens_done = tokens_len - 1;
    log_done();
    cr_assert_eq(last.msg.deliver.event.key_seq, 2);
    vow_relay_counts(core, &counts);
    cr_assert_eq(counts.dead, 1);
}

Test(relay, UNABLE_is_not_tried_again)
{
    subscribe("a", "#", NULL);
    publish("order.placed", "order 1", 1);
    log_done();
    answer("a", VOW_EVENT_UNABLE);
    cr_assert_eq(record.kind, VOW_RECORD_DEAD);
}

/* ---- the watchdog ---- */

static void publish_due(const char *key, uint64_t seq, uint64_t due_ms)
{
    struct vow_relay_event event = {.kind = VOW_RELAY_PUBLISH, .session = PUBLISHER, .due_ms = due_ms};

    event.publish.event = event_of("order.placed", key, seq);
    feed(event);
    log_all();
}

/* Up to and with that moment. */
static void pass_time(uint64_t to_ms)
{
    while (vow_relay_deadline_ms(core) <= to_ms)
        fire();
    now_ms = to_ms;
}

static struct vow_relay_counts counted(void)
{
    struct vow_relay_counts counts;

    vow_relay_counts(core, &counts);
    return counts;
}

static struct vow_relay_reaction reaction_to(uint64_t at_lsn)
{
    struct vow_relay_reaction reaction = {0};
    uint32_t at = 0;

    cr_assert(vow_relay_next_reaction(core, &at, event_of("order.placed", "order 1", 1), at_lsn, &reaction));
    cr_assert_str_eq(reaction.group, "a");
    cr_assert_str_eq(reaction.participant, "billing");
    return reaction;
}

static void unsent(uint64_t at_lsn)
{
    struct vow_relay_event event = {.kind = VOW_RELAY_UNSENT, .session = CONSUMER};

    event.unsent.group = "a";
    event.unsent.lsn = at_lsn;
    feed(event);
}

/* The queue of its connection is full: that is no attempt, and takes no time of one. */
Test(relay, F029_what_was_not_sent_is_no_attempt)
{
    subscribe("a", "#", NULL);
    publish("order.placed", "order 1", 1);
    log_done();
    cr_assert_eq(last.msg.kind, VOW_MSG_DELIVER);
    unsent(lsn);
    cr_assert_eq(sent, 0);
    cr_assert_eq(reaction_to(lsn).wait, VOW_RELAY_WAIT_FULL);
    cr_assert_eq(reaction_to(lsn).attempts, 0);
    cr_assert_eq(only_group().in_flight, 0);
    publish("order.placed", "order 2", 1);
    log_done();
    for (int i = 0; i < 8 && vow_relay_deadline_ms(core) != UINT64_MAX; i++)
        fire();
    now_ms += 600000;
    feed((struct vow_relay_event){.kind = VOW_RELAY_TIMER});
    cr_assert_eq(sent, 0);
    cr_assert_eq(alarms, 0);
    feed((struct vow_relay_event){.kind = VOW_RELAY_PEER_READY, .session = CONSUMER});
    cr_assert_eq(sent, 2);
    cr_assert_eq(last.msg.deliver.attempt, 1);
    cr_assert_eq(reaction_to(2).wait, VOW_RELAY_WAIT_SENT);
    cr_assert_eq(reaction_to(2).attempts, 1);
    cr_assert_eq(counted().sent, 2);
    cr_assert_eq(counted().retries, 0);
    cr_assert_eq(counted().unsent, 1);
    cr_assert_eq(counted().protocol_errors, 0);
}

/* A new connection has a queue of its own. */
Test(relay, F029_a_full_queue_goes_with_its_connection)
{
    subscribe("a", "#", NULL);
    publish("order.placed", "order 1", 1);
    log_done();
    unsent(lsn);
    feed((struct vow_relay_event){.kind = VOW_RELAY_SESSION_DOWN, .session = CONSUMER});
    subscribe("a", "#", NULL);
    cr_assert_eq(last.msg.kind, VOW_MSG_DELIVER);
    cr_assert_eq(last.msg.deliver.attempt, 1, "nor was that an attempt");
}

Test(relay, a_deadline_that_passes_names_who_is_late_and_why)
{
    subscribe("a", "#", NULL);
    publish_due("order 1", 1, 1000);
    publish_due("order 1", 2, 1000);
    pass_time(999);
    cr_assert_eq(lates, 0, "it is not late yet");
    pass_time(1000);
    cr_assert_eq(lates, 2);
    cr_assert_eq(late_lsn, 3);
    cr_assert_eq(late.wait, VOW_RELAY_WAIT_BEHIND);
    cr_assert_eq(late.behind, 2);
    cr_assert_eq(reaction_to(2).wait, VOW_RELAY_WAIT_SENT);
    cr_assert_eq(reaction_to(2).attempts, 1);
    cr_assert_eq(only_group().overdue, 2);
    cr_assert_eq(counted().missed, 2);
    pass_time(29000);
    cr_assert_eq(lates, 2, "each once");
    last.kind = VOW_RELAY_SEND;
    last.msg = (struct vow_msg){.kind = VOW_MSG_DELIVER, .deliver = {.group = "a", .offset = 2, .attempt = 1}};
    answer("a", VOW_EVENT_DONE);
    cr_assert_eq(counted().overdue, 1);
    cr_assert_eq(reaction_to(2).wait, VOW_RELAY_WAIT_NONE);
    answer("a", VOW_EVENT_DONE);
    cr_assert_eq(counted().overdue, 0);
    cr_assert_eq(counted().missed, 2);
}

Test(relay, what_is_done_in_time_is_not_late)
{
    subscribe("a", "#", NULL);
    publish_due("order 1", 1, 1000);
    feed((struct vow_relay_event){.kind = VOW_RELAY_TIMER});
    last.msg = (struct vow_msg){.kind = VOW_MSG_DELIVER, .deliver = {.group = "a", .offset = 2, .attempt = 1}};
    answer("a", VOW_EVENT_DONE);
    publish("order.placed", "order 1", 2);
    log_all();
    pass_time(20000);
    cr_assert_eq(lates, 0, "the one in time, the other without a deadline");
    cr_assert_eq(counted().overdue, 0);
}

Test(relay, what_a_late_event_waits_for)
{
    subscribe("a", "#", NULL);
    publish_due("order 1", 1, 1000000);
    last.msg = (struct vow_msg){.kind = VOW_MSG_DELIVER, .deliver = {.group = "a", .offset = 2, .attempt = 1}};
    answer("a", VOW_EVENT_NOT_YET);
    cr_assert_eq(reaction_to(2).wait, VOW_RELAY_WAIT_BACKOFF);
    cr_assert_eq(reaction_to(2).cause, VOW_CAUSE_HANDLER_REFUSED);
    cr_assert_eq(reaction_to(2).attempts, 1);
    feed((struct vow_relay_event){.kind = VOW_RELAY_SESSION_DOWN, .session = CONSUMER});
    cr_assert_eq(reaction_to(2).wait, VOW_RELAY_WAIT_AWAY, "what holds the whole group comes first");
    cr_assert_eq(reaction_to(2).cause, VOW_CAUSE_HANDLER_REFUSED);
    subscribe("a", "#", NULL);
    do
        fire();
    while (sent == 0);
    answer("a", VOW_EVENT_UNABLE);
    cr_assert_eq(reaction_to(2).wait, VOW_RELAY_WAIT_BURYING);
    log_all();
    cr_assert_eq(reaction_to(2).wait, VOW_RELAY_WAIT_DEAD);
    cr_assert_str_eq(reaction_to(2).text, "no");
    pass_time(1000000);
    cr_assert_eq(lates, 1, "a dead letter is not done");
    cr_assert_eq(late.wait, VOW_RELAY_WAIT_DEAD);
    cr_assert_eq(counted().overdue, 1);
    cr_assert_eq(only_group().overdue, 1);
    feed((struct vow_relay_event){.kind = VOW_RELAY_ORDER, .order = {"a", 2, VOW_RELAY_RETRY, 5}});
    log_all();
    cr_assert_eq(reaction_to(2).wait, VOW_RELAY_WAIT_RETRIED);
    cr_assert_eq(counted().overdue, 1);
    answer("a", VOW_EVENT_DONE);
    cr_assert_eq(counted().overdue, 0);
}

/* ---- a group that is gone for good ---- */

static void remove_group(const char *group)
{
    feed((struct vow_relay_event){.kind = VOW_RELAY_ORDER, .order = {group, 0, VOW_RELAY_REMOVE, 9}});
}

Test(relay, a_removed_group_holds_nothing_any_more)
{
    struct vow_relay_group_view view;
    uint32_t at = 0;

    subscribe("a", "#", NULL);
    publish("order.placed", "order 1", 1);
    log_all();
    answer("a", VOW_EVENT_UNABLE);
    log_all();
    publish("order.placed", "order 2", 1);
    log_all();
    feed((struct vow_relay_event){.kind = VOW_RELAY_SESSION_DOWN, .session = CONSUMER});
    remove_group("a");
    cr_assert_eq(record.kind, VOW_RECORD_REMOVED);
    cr_assert_str_eq(record.who, "a");
    cr_assert_str_eq(only_group().state, "LEAVING");
    cr_assert_neq(last.kind, VOW_RELAY_ORDERED, "nothing is said before it is durable");
    feed((struct vow_relay_event){.kind = VOW_RELAY_ORDER, .order = {"a", 2, VOW_RELAY_RETRY, 5}});
    cr_assert_eq(last.ordered.error, VOW_E_STATE);
    subscribe("a", "#", NULL);
    cr_assert_eq(last.ordered.tag, 9);
    cr_assert_eq(last.ordered.error, 0);
    cr_assert_not(vow_relay_next_group(core, &at, &view));
    cr_assert_eq(counted().groups, 0);
    cr_assert_eq(counted().dead, 0);
    feed((struct vow_relay_event){.kind = VOW_RELAY_TIMER});
    cr_assert_eq(counted().events, 0);
    subscribe_from("#", VOW_FROM_END);
    cr_assert_eq(last.msg.subscribed.error, 0);
    cr_assert_eq(only_group().lag, 0, "it is a new one");
}

Test(relay, a_group_whose_service_is_there_is_not_removed)
{
    subscribe("a", "#", NULL);
    remove_group("a");
    cr_assert_eq(last.ordered.error, VOW_E_STATE);
    cr_assert_eq(logged, 0);
    cr_assert_str_eq(only_group().state, "LIVE");
    remove_group("b");
    cr_assert_eq(last.ordered.error, VOW_E_NOT_FOUND);
}

Test(relay, a_group_whose_dead_letter_is_on_its_way_is_not_removed)
{
    subscribe("a", "#", NULL);
    publish("order.placed", "order 1", 1);
    log_all();
    answer("a", VOW_EVENT_UNABLE);
    feed((struct vow_relay_event){.kind = VOW_RELAY_SESSION_DOWN, .session = CONSUMER});
    remove_group("a");
    cr_assert_eq(last.ordered.error, VOW_E_STATE);
    log_all();
    remove_group("a");
    cr_assert_eq(record.kind, VOW_RECORD_REMOVED);
}

/* ---- where there is no room ---- */

static void open_small(void)
{
    struct vow_relay_limits limits = vow_relay_default_limits;

    limits.events_max = 2;
    limits.keys_max = 3;
    limits.groups_max = 2;
    limits.dead_max = 1;
    open_with(&limits);
}

TestSuite(relay_small, .init = open_small, .fini = teardown);

Test(relay_small, F205_what_is_not_done_is_kept_and_publishing_is_busy)
{
    subscribe("a", "#", NULL);
    feed((struct vow_relay_event){.kind = VOW_RELAY_SESSION_DOWN, .session = CONSUMER});
    publish("order.placed", "order 1", 1);
    log_done();
    publish("order.placed", "order 2", 1);
    log_done();
    cr_assert_eq(counted().full_events, 0);
    publish("order.placed", "order 3", 1);
    cr_assert_eq(last.msg.published.error, VOW_E_BUSY);
    cr_assert_eq(counted().full_events, 1);
    cr_assert_geq(last.msg.published.retry_after_ms, 1);
    cr_assert_eq(only_group().lag, 2);
    subscribe("a", "#", NULL);
    answer("a", VOW_EVENT_DONE);
    feed((struct vow_relay_event){.kind = VOW_RELAY_TIMER});
    publish("order.placed", "order 3", 1);
    cr_assert_eq(logged, 1, "one is done");
}

Test(relay_small, F205_a_key_is_forgotten_when_nobody_waits_for_it)
{
    for (uint64_t i = 0; i < 5; i++) {
        const char *const keys[] = {"a", "b", "c", "d", "e"};

        publish("order.placed", keys[i], 9);
        log_done();
        cr_assert_eq(last.msg.published.error, 0);
    }
    publish("order.placed", "a", 17);
    cr_assert_eq(logged, 1, "it begins anew, with whatever number it has");
}

/* docs/events.md, "What a forgotten key means". */
Test(relay_small, F204_a_copy_of_what_is_forgotten_is_kept_once_more)
{
    static const char *const keys[] = {"a", "b", "c", "d"};

    for (int i = 0; i < 4; i++) {
        publish("order.placed", keys[i], 9);
        log_done();
    }
    publish("order.placed", "d", 9);
    cr_assert_eq(logged, 0);
    cr_assert_eq(last.msg.published.error, 0, "of a key that is known a copy is told apart");
    publish("order.placed", "a", 9);
    cr_assert_eq(logged, 1, "this one is not");
    log_done();
    publish("order.placed", "a", 11);
    cr_assert_eq(last.msg.published.error, VOW_E_STATE, "and from there on its numbers count again");
}

Test(relay_small, F207_a_group_without_room_is_paused_and_nothing_is_dropped)
{
    const uint32_t before = alarms;

    subscribe("a", "#", NULL);
    publish("order.placed", "order 1", 1);
    log_done();
    answer("a", VOW_EVENT_UNABLE);
    log_all();
    publish("order.placed", "order 2", 1);
    log_done();
    answer("a", VOW_EVENT_UNABLE);
    cr_assert_eq(logged, 0);
    cr_assert_str_eq(only_group().state, "PAUSED");
    cr_assert_eq(counted().full_dead, 1);
    cr_assert_eq(only_group().lag, 1);
    cr_assert_geq(alarms, before + 2);
    feed((struct vow_relay_event){.kind = VOW_RELAY_ORDER, .order = {"a", 2, VOW_RELAY_DROP, 5}});
    cr_assert_eq(record.kind, VOW_RECORD_REVIVED);
    log_done();
    cr_assert_eq(record.kind, VOW_RECORD_DEAD, "there is room for the other one");
    cr_assert_str_eq(only_group().state, "LIVE");
}

Test(relay_small, F207_a_paused_group_that_is_removed_makes_room)
{
    subscribe("a", "#", NULL);
    subscribe("b", "#", NULL);
    publish("order.placed", "order 1", 1);
    log_done();
    last.msg.deliver.offset = 3;
    last.msg.deliver.attempt = 1;
    last.msg.kind = VOW_MSG_DELIVER;
    answer("a", VOW_EVENT_UNABLE);
    log_all();
    last.msg.kind = VOW_MSG_DELIVER;
    last.msg.deliver = (struct vow_msg_deliver){.offset = 3, .attempt = 1};
    answer("b", VOW_EVENT_UNABLE);
    feed((struct vow_relay_event){.kind = VOW_RELAY_SESSION_DOWN, .session = CONSUMER});
    cr_assert_eq(counted().paused, 1);
    remove_group("a");
    log_all();
    cr_assert_eq(counted().groups, 1);
    cr_assert_eq(counted().paused, 0);
    log_all();
    cr_assert_eq(counted().dead, 1, "the other group's letter has the room");
}

Test(relay_small, F208_a_retry_at_the_same_time_is_refused)
{
    subscribe("a", "#", NULL);
    publish("order.placed", "order 1", 1);
    log_done();
    answer("a", VOW_EVENT_UNABLE);
    log_all();
    feed((struct vow_relay_event){.kind = VOW_RELAY_ORDER, .order = {"a", 2, VOW_RELAY_RETRY, 5}});
    feed((struct vow_relay_event){.kind = VOW_RELAY_ORDER, .order = {"a", 2, VOW_RELAY_RETRY, 6}});
    cr_assert_eq(last.kind, VOW_RELAY_ORDERED);
    cr_assert_eq(last.ordered.error, VOW_E_STATE);
    log_done();
    cr_assert_eq(last.msg.kind, VOW_MSG_DELIVER);
    cr_assert_eq(last.msg.deliver.event.key_seq, 1, "under the same name");
    cr_assert_eq(last.msg.deliver.offset, 2);
    answer("a", VOW_EVENT_DONE);
    cr_assert_eq(record.kind, VOW_RECORD_REVIVED);
    cr_assert_eq(record.detail, VOW_REVIVAL_DONE);
    cr_assert_eq(only_group().dead, 0);
    cr_assert_eq(freed, 1);
}

/* ---- dead letters among what waits ---- */

static void open_narrow(void)
{
    struct vow_relay_limits limits = vow_relay_default_limits;

    limits.dead_max = 1;
    open_with(&limits);
}

static void order(uint64_t offset, enum vow_relay_order what)
{
    feed((struct vow_relay_event){.kind = VOW_RELAY_ORDER, .order = {"a", offset, what, 5}});
    log_all();
}

/* What was sent last is answered, and what follows is logged. */
static void say(enum vow_event_result result)
{
    answer("a", result);
    log_all();
}

/* As say(), of an event that was sent before. */
static void say_of(uint64_t offset, uint32_t attempt, enum vow_event_result result)
{
    last.msg.kind = VOW_MSG_DELIVER;
    last.msg.deliver = (struct vow_msg_deliver){.offset = offset, .attempt = attempt};
    say(result);
}

static void published(const char *key, uint64_t seq)
{
    publish("order.placed", key, seq);
    log_done();
}

static void consumer_goes(void)
{
    feed((struct vow_relay_event){.kind = VOW_RELAY_SESSION_DOWN, .session = CONSUMER});
}

static void expect_sent(uint64_t offset, uint32_t attempt)
{
    cr_assert_eq(last.msg.kind, VOW_MSG_DELIVER);
    cr_assert_eq(last.msg.deliver.offset, offset, "offset %llu", (unsigned long long)last.msg.deliver.offset);
    cr_assert_eq(last.msg.deliver.attempt, attempt);
}

TestSuite(relay_narrow, .init = open_narrow, .fini = teardown);

Test(relay, I27_letters_that_are_retried_keep_the_order_of_their_key)
{
    subscribe("a", "#", NULL);
    published("order 1", 1); /* offset 2, buried in 3 */
    say(VOW_EVENT_UNABLE);
    published("order 1", 2); /* 4, 5 */
    say(VOW_EVENT_UNABLE);
    consumer_goes();
    order(2, VOW_RELAY_RETRY);
    order(4, VOW_RELAY_RETRY);
    subscribe("a", "#", NULL);
    expect_sent(2, 1);
    say(VOW_EVENT_DONE);
    expect_sent(4, 1);
}

Test(relay, I27_a_letter_that_is_retried_late_goes_before_the_next_attempt)
{
    subscribe("a", "#", NULL);
    published("order 1", 1); /* 2, 3 */
    say(VOW_EVENT_UNABLE);
    published("order 1", 2); /* 4, 5 */
    say(VOW_EVENT_UNABLE);
    order(4, VOW_RELAY_RETRY);
    expect_sent(4, 1);
    order(2, VOW_RELAY_RETRY);
    say_of(4, 1, VOW_EVENT_NOT_YET);
    expect_sent(2, 1);
    say(VOW_EVENT_DONE);
    expect_sent(4, 2);
}

/* What was taken back is not under way any more: what is revived goes before it. */
Test(relay, F029_a_letter_that_is_retried_goes_before_what_was_not_sent)
{
    subscribe("a", "#", NULL);
    published("order 1", 1); /* 2, 3 */
    say(VOW_EVENT_UNABLE);
    published("order 1", 2); /* 4 */
    expect_sent(4, 1);
    order(2, VOW_RELAY_RETRY);
    feed((struct vow_relay_event){.kind = VOW_RELAY_UNSENT, .session = CONSUMER, .unsent = {"a", 4}});
    feed((struct vow_relay_event){.kind = VOW_RELAY_PEER_READY, .session = CONSUMER});
    expect_sent(2, 1);
    say(VOW_EVENT_DONE);
    expect_sent(4, 1);
}

/* A retried letter waits behind the first of its key when its group is paused; that takes up the room itself. */
Test(relay_narrow, F207_a_retried_letter_does_not_wait_behind_what_is_paused)
{
    subscribe("a", "#", NULL);
    published("order 1", 1); /* 2, 3 */
    say(VOW_EVENT_UNABLE);
    published("order 1", 2); /* 4 */
    order(2, VOW_RELAY_RETRY);
    published("order 2", 1); /* 6 */
    say(VOW_EVENT_UNABLE);
    cr_assert_str_eq(only_group().state, "PAUSED");
    say_of(4, 1, VOW_EVENT_NOT_YET);
    expect_sent(2, 1);
    say(VOW_EVENT_DONE);
    cr_assert_str_eq(only_group().state, "LIVE");
    cr_assert_eq(counted().dead, 1, "what waited for room has it");
}

Test(relay_narrow, F207_what_waits_for_room_is_buried_with_its_words)
{
    subscribe("a", "#", NULL);
    published("order 1", 1); /* 2, 3 */
    say(VOW_EVENT_UNABLE);
    published("order 2", 1); /* 4 */
    say(VOW_EVENT_UNABLE);
    cr_assert_str_eq(only_group().state, "PAUSED");
    order(2, VOW_RELAY_DROP);
    cr_assert_eq(record.kind, VOW_RECORD_DEAD);
    cr_assert_eq(record.relay.lsn, 4);
    cr_assert_eq(record.cause, VOW_CAUSE_HANDLER_REFUSED);
    cr_assert_str_eq(record.text, "no");
}

Test(relay, I29_F206_attempts_are_counted_over_what_a_group_asks_for_anew)
{
    subscribe("a", "#", NULL);
    published("order 1", 1);
    expect_sent(2, 1);
    subscribe("a", "order.*", NULL);
    expect_sent(2, 1);
    say(VOW_EVENT_NOT_YET);
    subscribe("a", "#", NULL);
    expect_sent(2, 2);
    say(VOW_EVENT_NOT_YET);
    cr_assert_eq(record.kind, VOW_RECORD_DEAD);
    cr_assert_eq(record.relay.attempts, 2);
}

Test(relay_narrow, F207_what_is_given_up_stays_so_when_its_group_asks_for_something_else)
{
    subscribe("a", "#", NULL);
    published("order 1", 1); /* 2, 3 */
    say(VOW_EVENT_UNABLE);
    published("order 2", 1); /* 4 */
    say(VOW_EVENT_UNABLE);
    subscribe("a", "order.*", NULL);
    order(2, VOW_RELAY_DROP);
    cr_assert_eq(record.kind, VOW_RECORD_DEAD);
    cr_assert_eq(record.relay.lsn, 4);
    cr_assert_str_eq(record.text, "no");
}

/* An older event is not done, so the group's cursor stands before both; and another group holds both in memory. */
Test(relay, I28_what_was_dropped_does_not_come_with_another_subscription)
{
    subscribe("a", "#", NULL);
    subscribe("b", "#", NULL);
    published("order 1", 1); /* 3 */
    published("order 2", 1); /* 4 */
    say_of(4, 1, VOW_EVENT_UNABLE);
    order(4, VOW_RELAY_DROP);
    cr_assert_eq(only_group().cursor, 2);
    cr_assert_eq(only_group().dead, 0);
    subscribe("a", "order.*", NULL);
    cr_assert_eq(only_group().lag, 1);
    say_of(3, 1, VOW_EVENT_DONE);
    cr_assert_eq(only_group().lag, 0);
}

static void recovered(uint64_t offset, const char *key)
{
    struct vow_relay_event event = {.kind = VOW_RELAY_RECOVERED_EVENT};

    event.kept = (struct vow_relay_kept){event_of("order.placed", key, 1), offset};
    feed(event);
}

Test(relay, I28_what_was_dropped_does_not_come_with_a_start)
{
    const char *const all = "#";
    const struct vow_msg_subscribe msg = {.group = "a", .patterns_len = 1, .patterns = &all, .key_filter = ""};
    struct vow_relay_event group = {.kind = VOW_RELAY_RECOVERED_GROUP}, letter = {.kind = VOW_RELAY_RECOVERED_DEAD};

    core = vow_relay_core_init(memory, &vow_relay_default_limits, 2, 42);
    group.group.msg = &msg;
    group.group.participant = "billing";
    group.group.cursor = 1;
    feed(group);
    letter.dead.group = "a";
    letter.dead.lsn = 3;
    letter.dead.text = "no";
    letter.dead.is_dropped = true;
    feed(letter);
    recovered(2, "order 1");
    recovered(3, "order 2");
    feed((struct vow_relay_event){.kind = VOW_RELAY_RECOVERY_DONE, .last_lsn = 5});
    cr_assert_eq(only_group().lag, 1);
    cr_assert_eq(only_group().dead, 0);
    cr_assert_eq(counted().dead, 0);
}

/* ---- worlds ---- */

static void run_worlds(struct world_options options)
{
    const char *count = getenv("VOW_WORLDS");
    const uint64_t len = count != NULL ? strtoull(count, NULL, 10) : 60;
    struct world *world = malloc(sizeof(*world));

    for (uint64_t seed = 1; seed <= len; seed++) {
        options.seed = seed;
        world_run(world, &options);
        world_check(world);
        world_free(world);
    }
    free(world);
}

Test(relay_worlds, I26_I27_nothing_goes_wrong)
{
    run_worlds((struct world_options){.is_cut = true});
}

Test(relay_worlds, I26_I27_messages_are_lost)
{
    run_worlds((struct world_options){.lost = 20, .not_yet = 15});
}

Test(relay_worlds, I28_the_coordinator_crashes)
{
    run_worlds((struct world_options){.lost = 10, .crashes = 4, .is_cut = true});
}

Test(relay_worlds, I29_some_events_are_poison)
{
    run_worlds((struct world_options){.not_yet = 5, .poison = 25, .is_cut = true});
}

Test(relay_worlds, F029_the_consumer_does_not_read)
{
    run_worlds((struct world_options){.full = 20, .not_yet = 15, .poison = 10, .is_cut = true});
}

Test(relay_worlds, I28_all_of_it)
{
    run_worlds((struct world_options){
        .lost = 20, .full = 5, .not_yet = 15, .crashes = 4, .poison = 15, .is_sought = true, .is_cut = true});
}
