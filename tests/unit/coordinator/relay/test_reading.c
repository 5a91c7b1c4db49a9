/* Groups that have more to do than memory has room for: at a start, when they begin, or ask for something else. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "coordinator/core/beyond.h"
#include "coordinator/core/relay/relay.h"
#include "proto/error.h"

enum { PUBLISHER = 7, CONSUMER = 8, EVENTS_MAX = 400 };

/* The journal: an event's LSN is its place; 0 is none. */
static struct vow_msg_event journal[EVENTS_MAX];
static uint64_t lsn, events;

static struct vow_relay *core;
static void *memory;
static struct vow_relay_limits limits;
static uint64_t now_ms;
static struct vow_relay_effect load; /* kind 0 = none */
static uint64_t load_lsn;            /* the last one in the journal when it was asked for */
static struct vow_relay_effect asked[EVENTS_MAX];
static uint32_t asked_len, delivered_len, busy, alarms, loads;
static uint64_t delivered[4 * EVENTS_MAX]; /* what was delivered, in its order */
static struct vow_record logged[EVENTS_MAX];
static uint64_t tokens[EVENTS_MAX];
static uint32_t logged_len, durable;
static struct vow_msg_subscribed subscribed;
static int ordered;

static void take(const struct vow_relay_effect *effect)
{
    switch (effect->kind) {
    case VOW_RELAY_LOAD:
        cr_assert_eq(load.kind, 0, "one at a time");
        load = *effect;
        load_lsn = lsn;
        loads++;
        break;
    case VOW_RELAY_LOG:
        logged[logged_len] = effect->log.record;
        tokens[logged_len++] = effect->log.token;
        break;
    case VOW_RELAY_ALARM:
        alarms++;
        break;
    case VOW_RELAY_ORDERED:
        ordered = effect->ordered.error;
        break;
    case VOW_RELAY_SEND:
        if (effect->msg.kind == VOW_MSG_DELIVER)
            asked[asked_len++] = *effect;
        else if (effect->msg.kind == VOW_MSG_SUBSCRIBED)
            subscribed = effect->msg.subscribed;
        else
            busy += effect->msg.published.error == VOW_E_BUSY;
        break;
    case VOW_RELAY_LATE:
    case VOW_RELAY_FREED:
        break;
    }
}

static void feed(struct vow_relay_event event)
{
    struct vow_relay_effects effects;
    struct vow_relay_counts counts;

    event.now_ms = now_ms;
    vow_relay_step(core, &event, &effects);
    for (size_t i = 0; i < effects.len; i++)
        take(&effects.items[i]);
    vow_relay_counts(core, &counts);
    cr_assert_leq(counts.events, vow_relay_events_most(&limits));
}

static void open_core(void)
{
    limits = vow_relay_default_limits;
    limits.events_max = 16;
    limits.keys_max = 20;
    limits.groups_max = 2;
    limits.dead_max = 2;
    limits.unread_max = 40;
    free(memory);
    memory = malloc(vow_relay_size(&limits));
    core = vow_relay_core_init(memory, &limits, 1, 42);
    load.kind = 0;
    asked_len = delivered_len = logged_len = durable = 0;
}

static void setup(void)
{
    lsn = events = 0;
    open_core();
    feed((struct vow_relay_event){.kind = VOW_RELAY_RECOVERY_DONE});
}

static void teardown(void)
{
    free(memory);
    memory = NULL;
}

TestSuite(reading, .init = setup, .fini = teardown, .timeout = 60);

static const char *const keys[] = {"order 1", "order 2", "order 3"};
static const char *const topics[] = {"order.placed", "order.paid"};

/* By turns of three keys and two topics. */
static void put_in_journal(void)
{
    const uint64_t n = events++;

    journal[++lsn] = (struct vow_msg_event){
        .topic = topics[n % 2], .key = keys[n % 3], .source = "shop", .key_seq = n / 3 + 1, .version = 1};
    journal[lsn].db_uuid[0] = 1;
}

static bool publish(void)
{
    struct vow_relay_event event = {.kind = VOW_RELAY_PUBLISH, .session = PUBLISHER};
    const uint32_t before = busy;

    put_in_journal();
    event.publish.event = &journal[lsn];
    cr_assert_eq(durable, logged_len, "nothing else is on its way");
    feed(event);
    if (busy != before) {
        lsn--;
        events--;
        return false;
    }
    feed((struct vow_relay_event){.kind = VOW_RELAY_LOG_DONE, .logged = {tokens[durable++], lsn}});
    return true;
}

/* Records that are no events have their places, too. */
static void log_others(void)
{
    while (durable < logged_len) {
        journal[++lsn] = (struct vow_msg_event){.topic = NULL};
        feed((struct vow_relay_event){.kind = VOW_RELAY_LOG_DONE, .logged = {tokens[durable++], lsn}});
    }
}

static void read_page(void)
{
    struct vow_relay_event done = {.kind = VOW_RELAY_LOAD_DONE};
    uint32_t rows = load.load.rows;

    done.load_done.group = load.load.group;
    done.load_done.upto = load.load.after;
    load.kind = 0;
    for (uint64_t at = done.load_done.upto + 1; at <= load_lsn && !done.load_done.has_more; at++) {
        enum vow_relay_want want;

        if (journal[at].topic == NULL)
            continue;
        want = vow_relay_wants(core, at, &journal[at]);
        if (want == VOW_RELAY_WANT_NO_MORE)
            break;
        done.load_done.has_more = want == VOW_RELAY_WANT_LATER || rows-- == 0;
        if (done.load_done.has_more)
            break;
        done.load_done.upto = at;
        if (want != VOW_RELAY_WANT_NOT)
            feed((struct vow_relay_event){.kind = VOW_RELAY_LOADED, .kept = {&journal[at], at}});
    }
    feed(done);
}

static void subscribe_from(const char *group, const char *pattern, enum vow_event_from from)
{
    const struct vow_msg_subscribe msg = {
        .group = group, .patterns_len = 1, .patterns = &pattern, .key_filter = "", .from = from};
    struct vow_relay_event event = {.kind = VOW_RELAY_SUBSCRIBE, .session = CONSUMER};

    event.subscribe.msg = &msg;
    event.subscribe.participant = "billing";
    feed(event);
}

static void leave(void)
{
    feed((struct vow_relay_event){.kind = VOW_RELAY_SESSION_DOWN, .session = CONSUMER});
    asked_len = 0;
}

static void answer(const struct vow_relay_effect *ask, enum vow_event_result result)
{
    const struct vow_msg msg = {.kind = VOW_MSG_DELIVERED,
                                .delivered = {.group = ask->msg.deliver.group,
                                              .offset = ask->msg.deliver.offset,
                                              .attempt = ask->msg.deliver.attempt,
                                              .result = result,
                                              .cause = result != VOW_EVENT_DONE ? VOW_CAUSE_HANDLER_REFUSED : 0,
                                              .text = "no"}};

    feed((struct vow_relay_event){.kind = VOW_RELAY_MESSAGE, .session = ask->session, .msg = &msg});
}

/* The consumer does all that it is delivered, and the journal gives what is asked of it. */
static void run(void)
{
    while (asked_len > 0 || load.kind != 0) {
        if (asked_len > 0) {
            const struct vow_relay_effect first = asked[0];

            for (uint32_t i = 1; i < asked_len; i++)
                asked[i - 1] = asked[i];
            asked_len--;
            delivered[delivered_len++] = first.msg.deliver.offset;
            answer(&first, VOW_EVENT_DONE);
        } else {
            read_page();
        }
    }
}

/* Of what is on the topic, or of all (NULL): each was delivered once, and those of a key in their order. */
static void expect_all(uint64_t from, const char *topic)
{
    uint32_t wanted = 0;

    for (uint64_t at = from + 1; at <= lsn; at++)
        wanted += journal[at].topic != NULL && (topic == NULL || journal[at].topic == topic);
    cr_assert_eq(delivered_len, wanted, "%u of %u", delivered_len, wanted);
    for (uint32_t i = 0; i < delivered_len; i++) {
        cr_assert_gt(delivered[i], from);
        for (uint32_t k = i + 1; k < delivered_len; k++)
            cr_assert(delivered[k] > delivered[i] || journal[delivered[k]].key != journal[delivered[i]].key,
                      "%llu before %llu", (unsigned long long)delivered[i], (unsigned long long)delivered[k]);
    }
}

static struct vow_relay_group_view view_of(const char *name)
{
    struct vow_relay_group_view view;
    uint32_t at = 0;

    while (vow_relay_next_group(core, &at, &view)) {
        if (view.name[0] == name[0])
            return view;
    }
    cr_assert_fail("no such group");
    return view;
}

/* ---- a start ---- */

static struct vow_slice beyond; /* of the next group */

static void recover_group(const char *group, const char *pattern, uint64_t cursor)
{
    const struct vow_msg_subscribe msg = {.group = group, .patterns_len = 1, .patterns = &pattern, .key_filter = ""};
    struct vow_relay_event event = {.kind = VOW_RELAY_RECOVERED_GROUP};

    event.group.msg = &msg;
    event.group.participant = "billing";
    event.group.cursor = cursor;
    event.group.beyond = beyond;
    beyond = (struct vow_slice){NULL, 0};
    feed(event);
}

static void recover_events(uint64_t from)
{
    for (uint64_t at = from + 1; at <= lsn; at++) {
        if (journal[at].topic != NULL)
            feed((struct vow_relay_event){.kind = VOW_RELAY_RECOVERED_EVENT, .kept = {&journal[at], at}});
    }
    feed((struct vow_relay_event){.kind = VOW_RELAY_RECOVERY_DONE, .last_lsn = lsn});
}

Test(reading, I28_a_start_takes_what_fits_and_groups_read_the_rest)
{
    open_core();
    while (lsn < 300)
        put_in_journal();
    recover_group("all", "#", 10);
    recover_group("paid", "order.paid", 10);
    recover_events(10);
    cr_assert_eq(view_of("all").lag, 290, "what it has to do is known");
    cr_assert(view_of("all").is_reading);
    subscribe_from("all", "#", VOW_FROM_RESUME);
    run();
    expect_all(10, NULL);
    cr_assert_not(view_of("all").is_reading);
    cr_assert_eq(view_of("all").cursor, 300);
    cr_assert_gt(loads, 20, "a page at a time");
    delivered_len = 0;
    subscribe_from("paid", "order.paid", VOW_FROM_RESUME);
    run();
    expect_all(10, topics[1]);
}

/* What one group has not done is no other's affair. */
Test(reading, a_start_keeps_nothing_that_nobody_asks_for)
{
    struct vow_relay_counts counts;

    open_core();
    while (lsn < 300)
        put_in_journal();
    recover_group("nothing", "stock.#", 0);
    recover_events(0);
    vow_relay_counts(core, &counts);
    cr_assert_eq(counts.events, 0);
    cr_assert_eq(view_of("nothing").cursor, 300, "it has passed them");
}

Test(reading, I28_a_dead_letter_without_its_event_is_an_alarm_and_no_end)
{
    struct vow_relay_event dead = {.kind = VOW_RELAY_RECOVERED_DEAD};
    struct vow_relay_counts counts;

    open_core();
    put_in_journal();
    recover_group("all", "#", 1);
    dead.dead.group = "all";
    dead.dead.lsn = 1;
    dead.dead.text = "no";
    dead.dead.is_retried = true;
    alarms = 0;
    feed(dead);
    recover_events(1);
    vow_relay_counts(core, &counts);
    cr_assert_eq(counts.letters_gone, 1);
    cr_assert_eq(counts.dead, 1);
    cr_assert_eq(alarms, 1);
    subscribe_from("all", "#", VOW_FROM_RESUME);
    feed((struct vow_relay_event){.kind = VOW_RELAY_ORDER, .order = {"all", 1, VOW_RELAY_RETRY, 5}});
    cr_assert_eq(ordered, VOW_E_NOT_FOUND, "there is nothing to deliver");
    feed((struct vow_relay_event){.kind = VOW_RELAY_ORDER, .order = {"all", 1, VOW_RELAY_DROP, 6}});
    log_others();
    vow_relay_counts(core, &counts);
    cr_assert_eq(counts.dead, 0);
}

/* ---- a group that begins, or goes back ---- */

/* Of what is old most is in the journal alone. */
static void publish_old(uint64_t len)
{
    while (lsn < len)
        cr_assert(publish());
    cr_assert_eq(load.kind, 0);
}

Test(reading, I28_a_place_is_durable_before_anything_is_read)
{
    publish_old(50);
    subscribe_from("all", "#", VOW_FROM_START);
    cr_assert_eq(logged[logged_len - 1].kind, VOW_RECORD_GROUP);
    cr_assert_eq(load.kind, 0, "what is read now may be cut off before the group holds it");
    log_others();
    cr_assert_eq(load.kind, VOW_RELAY_LOAD);
}

Test(reading, I28_a_new_group_reads_more_than_there_is_room_for)
{
    publish_old(200);
    subscribe_from("all", "#", VOW_FROM_RESUME);
    log_others();
    cr_assert_eq(subscribed.error, 0);
    run();
    expect_all(0, NULL);
    cr_assert_not(view_of("all").is_reading);
}

/* A page under way is of what was there when it was asked for. */
Test(reading, I27_what_is_published_meanwhile_comes_in_its_order)
{
    uint32_t turn = 0;

    publish_old(30);
    subscribe_from("all", "#", VOW_FROM_START);
    log_others();
    while (load.kind != 0) {
        if (turn++ % 2 == 0)
            cr_assert(publish());
        read_page();
        while (asked_len > 0) {
            const struct vow_relay_effect first = asked[--asked_len];

            delivered[delivered_len++] = first.msg.deliver.offset;
            answer(&first, VOW_EVENT_DONE);
        }
    }
    cr_assert_not(view_of("all").is_reading);
    expect_all(0, NULL);
}

Test(reading, F205_publishing_is_busy_when_a_group_has_too_much_to_read)
{
    uint32_t len = 0;

    publish_old(60);
    subscribe_from("all", "#", VOW_FROM_START);
    log_others();
    leave();
    read_page();
    alarms = 0;
    while (len < 300 && publish())
        len++;
    cr_assert_eq(len, limits.unread_max);
    cr_assert_eq(alarms, 1);
    subscribe_from("all", "#", VOW_FROM_RESUME);
    run();
    cr_assert(publish(), "it has read on");
}

/* It was dropped while an older event was not done, so the cursor stands before it all the same. */
Test(reading, I28_what_was_dropped_comes_when_its_group_goes_back_to_it)
{
    subscribe_from("all", "#", VOW_FROM_START);
    log_others();
    cr_assert(publish()); /* 2 */
    cr_assert(publish()); /* 3 */
    answer(&asked[1], VOW_EVENT_UNABLE);
    log_others();
    feed((struct vow_relay_event){.kind = VOW_RELAY_ORDER, .order = {"all", 3, VOW_RELAY_DROP, 5}});
    log_others();
    cr_assert_eq(view_of("all").cursor, 1);
    cr_assert_eq(view_of("all").lag, 1);
    asked_len = 0;
    feed((struct vow_relay_event){.kind = VOW_RELAY_ORDER, .order = {"all", 2, VOW_RELAY_SEEK, 6}});
    cr_assert_eq(logged[logged_len - 1].detail, VOW_GROUP_MOVED);
    log_others();
    run();
    cr_assert_eq(delivered_len, 1, "it goes on with that one");
    cr_assert_eq(delivered[0], 3);
}

/* ---- a group that asks for something else ---- */

Test(reading, a_group_that_lags_may_ask_for_something_else)
{
    publish_old(200);
    subscribe_from("all", "#", VOW_FROM_START);
    log_others();
    leave();
    subscribe_from("all", "order.paid", VOW_FROM_RESUME);
    log_others();
    cr_assert_eq(subscribed.error, 0, "it is not told to come again");
    asked_len = 0;
    for (uint32_t i = 0; i < 100 && (load.kind != 0 || view_of("all").lag > 0); i++) {
        leave();
        subscribe_from("all", i % 2 == 0 ? "order.*" : "order.paid", VOW_FROM_RESUME);
        log_others();
        cr_assert_eq(subscribed.error, 0);
        run();
    }
    for (uint64_t at = 1; at <= 200; at++) {
        bool is_there = journal[at].topic != topics[1];

        for (uint32_t i = 0; i < delivered_len; i++)
            is_there = is_there || delivered[i] == at;
        cr_assert(is_there, "%llu", (unsigned long long)at);
    }
}

/* One that is stuck holds the cursor, and nothing that was done beyond it comes again. */
Test(reading, I28_what_is_done_beyond_the_cursor_stays_done)
{
    struct vow_relay_effect stuck;

    subscribe_from("all", "#", VOW_FROM_START);
    log_others();
    cr_assert(publish());
    stuck = asked[0];
    asked_len = 0;
    while (lsn < 40) {
        cr_assert(publish());
        run();
    }
    cr_assert_eq(view_of("all").cursor, stuck.msg.deliver.offset - 1);
    const uint32_t lag = view_of("all").lag;
    leave();
    delivered_len = 0;
    subscribe_from("all", "order.#", VOW_FROM_RESUME);
    log_others();
    run();
    cr_assert_eq(delivered_len, lag);
    cr_assert_eq(view_of("all").lag, 0);
}

/* The record that says it, and what a start makes of it. */
Test(reading, I28_what_is_done_beyond_the_cursor_is_noted)
{
    static uint8_t bytes[VOW_BEYOND_BYTES_MAX];
    struct vow_record noted;
    uint64_t stuck;

    subscribe_from("all", "order.*", VOW_FROM_START);
    log_others();
    cr_assert(publish());
    stuck = asked[0].msg.deliver.offset;
    asked_len = 0;
    while (lsn < 12) {
        cr_assert(publish());
        run();
    }
    const uint32_t lag = view_of("all").lag;
    now_ms += 1000;
    feed((struct vow_relay_event){.kind = VOW_RELAY_TIMER});
    noted = logged[logged_len - 1];
    cr_assert_eq(noted.kind, VOW_RECORD_CURSOR);
    cr_assert_eq(noted.relay.lsn, stuck - 1);
    cr_assert(vow_beyond_owes(noted.relay.lsn, noted.body, stuck));
    cr_assert_not(vow_beyond_owes(noted.relay.lsn, noted.body, stuck + 1));
    memcpy(bytes, noted.body.data, noted.body.len);
    open_core();
    beyond = (struct vow_slice){bytes, noted.body.len};
    recover_group("all", "order.*", stuck - 1);
    recover_events(stuck - 1);
    cr_assert_eq(view_of("all").lag, lag, "what waits behind it, of its key, and no more");
    subscribe_from("all", "order.*", VOW_FROM_RESUME);
    cr_assert_eq(asked[0].msg.deliver.offset, stuck);
}

/* ---- what a note can say ---- */

Test(reading, a_note_says_what_is_done)
{
    static uint8_t bytes[VOW_BEYOND_BYTES_MAX];
    const uint64_t left[] = {11, 12, 300, 100000, 100000 + (UINT64_C(1) << 40)};
    const uint64_t upto = (UINT64_C(1) << 41);
    struct vow_beyond note;
    struct vow_slice slice;

    vow_beyond_begin(&note, bytes, 10, upto);
    for (size_t i = 0; i < sizeof(left) / sizeof(left[0]); i++)
        vow_beyond_leave_out(&note, left[i]);
    slice = (struct vow_slice){bytes, note.len};
    cr_assert(vow_beyond_is_valid(10, slice));
    for (size_t i = 0; i < sizeof(left) / sizeof(left[0]); i++) {
        cr_assert(vow_beyond_owes(10, slice, left[i]));
        cr_assert_eq(vow_beyond_owes(10, slice, left[i] + 1), i == 0, "%zu", i);
    }
    cr_assert_not(vow_beyond_owes(10, slice, 10));
    cr_assert_not(vow_beyond_owes(10, slice, upto));
    cr_assert(vow_beyond_owes(10, slice, upto + 1));
    cr_assert_not(vow_beyond_is_valid(10, (struct vow_slice){bytes, note.len - 1}), "cut off");
    cr_assert_not(vow_beyond_is_valid(UINT64_MAX, slice));
}

/* The cursor moves on while the record of the subscription is on its way. */
Test(reading, what_is_done_while_a_group_joins_is_noted)
{
    uint64_t noted = 0;

    subscribe_from("all", "#", VOW_FROM_START);
    log_others();
    cr_assert(publish());
    subscribe_from("all", "order.#", VOW_FROM_RESUME);
    cr_assert_eq(view_of("all").state[0], 'J');
    answer(&asked[0], VOW_EVENT_DONE);
    now_ms += 60000;
    feed((struct vow_relay_event){.kind = VOW_RELAY_TIMER});
    log_others();
    now_ms += 60000;
    cr_assert_leq(vow_relay_deadline_ms(core), now_ms, "it has something to note");
    feed((struct vow_relay_event){.kind = VOW_RELAY_TIMER});
    for (uint32_t i = 0; i < logged_len; i++)
        noted = logged[i].kind == VOW_RECORD_CURSOR ? logged[i].relay.lsn : noted;
    cr_assert_eq(noted, view_of("all").cursor);
}
