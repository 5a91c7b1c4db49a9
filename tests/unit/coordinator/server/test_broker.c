/*
 * What coordinator/server/broker.h says of a broker, asked of each there is: of the embedded one, with a journal on the
 * disk, and of one in memory. Each test runs with both.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "proto/error.h"
#include "stand.h"

#define PUBLISHER 7u
#define CONSUMER 8u
#define ANOTHER 9u

#define BROKER_TEST(name)                                                                                              \
    static void name(struct stand *stand);                                                                             \
    Test(broker_embedded, name)                                                                                        \
    {                                                                                                                  \
        struct stand *stand = stand_new(&stand_embedded);                                                              \
        name(stand);                                                                                                   \
        stand_free(stand);                                                                                             \
    }                                                                                                                  \
    Test(broker_in_memory, name)                                                                                       \
    {                                                                                                                  \
        struct stand *stand = stand_new(&stand_in_memory);                                                             \
        name(stand);                                                                                                   \
        stand_free(stand);                                                                                             \
    }                                                                                                                  \
    static void name(struct stand *stand)

/* The next thing that is said is that delivery. */
static const struct said *delivered(struct stand *stand, const char *key, uint64_t key_seq, uint32_t attempt)
{
    const struct said *said = stand_next(stand, VOW_MSG_DELIVER);

    cr_assert_str_eq(said->name, key);
    cr_assert_eq(said->key_seq, key_seq);
    cr_assert_eq(said->attempt, attempt, "attempt %u", said->attempt);
    return said;
}

static int refused(struct stand *stand, const char *key, uint64_t key_seq)
{
    stand_publish(stand, PUBLISHER, key, key_seq);
    return stand_next(stand, VOW_MSG_PUBLISHED)->error;
}

static struct broker_counts counts_of(const struct stand *stand)
{
    struct broker_counts counts;

    stand->broker->ops->counts(stand->broker, &counts);
    return counts;
}

/* ---- publish ---- */

BROKER_TEST(B58_published_is_said_when_it_is_durable)
{
    stand_publish(stand, PUBLISHER, "a", 1);
    stand_quiet(stand);
    cr_assert_eq(stand->kept, 0);
    stand->ops->settle(stand);
    cr_expect_eq(stand_next(stand, VOW_MSG_PUBLISHED)->session, PUBLISHER);
    cr_expect_eq(stand->kept, 1);
    stand_quiet(stand);
}

BROKER_TEST(I28_what_was_published_comes_after_a_start)
{
    (void)stand_kept(stand, "a", 1);
    stand_subscribe(stand, CONSUMER);
    cr_expect_str_eq(delivered(stand, "a", 1, 1)->payload, "a/1");
    stand->ops->restart(stand);
    stand_subscribe(stand, ANOTHER);
    cr_expect_str_eq(delivered(stand, "a", 1, 1)->payload, "a/1");
}

BROKER_TEST(I26_an_event_is_taken_once)
{
    const uint64_t offset = stand_kept(stand, "a", 1);
    const struct said *said;

    cr_expect_eq(stand_kept(stand, "a", 1), offset);
    stand_publish(stand, PUBLISHER, "a", 2);
    stand_publish(stand, ANOTHER, "a", 2);
    stand->ops->settle(stand);
    said = stand_next(stand, VOW_MSG_PUBLISHED);
    cr_expect_eq(said->session, ANOTHER, "who asked last is told");
    cr_expect_gt(said->offset, offset);
    cr_expect_eq(stand->kept, 2);
    stand_quiet(stand);
}

BROKER_TEST(F204_a_gap_is_refused)
{
    (void)stand_kept(stand, "a", 1);
    cr_expect_eq(refused(stand, "a", 3), VOW_E_STATE);
    cr_expect_eq(counts_of(stand).of.published, 1);
    (void)stand_kept(stand, "a", 2);
}

BROKER_TEST(F205_what_there_is_no_room_for_is_busy_and_comes_in_later)
{
    const struct said *first;

    stand_subscribe(stand, CONSUMER);
    for (uint64_t i = 1; i <= STAND_EVENTS_MAX; i++)
        (void)stand_kept(stand, "a", i), stand->heard_len = stand->said_len;
    first = &stand->said[2];
    cr_assert_eq(first->kind, VOW_MSG_DELIVER);
    cr_expect_eq(refused(stand, "a", STAND_EVENTS_MAX + 1), VOW_E_BUSY);
    cr_expect_eq(counts_of(stand).of.busy, 1);
    cr_expect_eq(counts_of(stand).of.events, STAND_EVENTS_MAX);
    cr_expect_eq(counts_of(stand).events_max, STAND_EVENTS_MAX);
    stand_ack(stand, CONSUMER, first, VOW_EVENT_DONE);
    (void)delivered(stand, "a", 2, 1);
    (void)stand_kept(stand, "a", STAND_EVENTS_MAX + 1);
}

BROKER_TEST(no_new_work_is_taken_while_it_sheds_or_drains_and_deliveries_go_on)
{
    const struct said *first;

    stand_subscribe(stand, CONSUMER);
    (void)stand_kept(stand, "a", 1);
    first = delivered(stand, "a", 1, 1);
    stand->broker->ops->shed(stand->broker, true);
    cr_expect_eq(refused(stand, "a", 2), VOW_E_BUSY);
    stand->broker->ops->shed(stand->broker, false);
    (void)stand_kept(stand, "a", 2);
    stand->broker->ops->drain(stand->broker);
    cr_expect_eq(refused(stand, "a", 3), VOW_E_BUSY);
    stand_ack(stand, CONSUMER, first, VOW_EVENT_DONE);
    (void)delivered(stand, "a", 2, 1);
}

/* ---- subscribe ---- */

BROKER_TEST(a_group_is_one_participants)
{
    static const char *const patterns[] = {"order.*"};
    const struct broker_peer other = {.session = ANOTHER, .name = "stock"};
    const struct vow_msg_subscribe subscribe = {
        .group = "billing", .patterns_len = 1, .patterns = patterns, .key_filter = "", .from = VOW_FROM_START};

    stand_subscribe(stand, CONSUMER);
    stand->broker->ops->subscribe(stand->broker, &other, &subscribe);
    cr_expect_eq(stand_next(stand, VOW_MSG_SUBSCRIBED)->error, VOW_E_REFUSED);
    (void)stand_kept(stand, "a", 1);
    cr_expect_eq(delivered(stand, "a", 1, 1)->session, CONSUMER);
}

BROKER_TEST(a_group_is_delivered_to_where_it_subscribed_last)
{
    stand_subscribe(stand, CONSUMER);
    stand->broker->ops->session_gone(stand->broker, CONSUMER);
    stand_subscribe(stand, ANOTHER);
    (void)stand_kept(stand, "a", 1);
    cr_expect_eq(delivered(stand, "a", 1, 1)->session, ANOTHER);
}

/* ---- ack ---- */

BROKER_TEST(I27_one_of_a_key_at_a_time_in_its_order)
{
    const struct said *a1, *b1, *a2;

    stand_subscribe(stand, CONSUMER);
    (void)stand_kept(stand, "a", 1);
    a1 = delivered(stand, "a", 1, 1);
    (void)stand_kept(stand, "a", 2);
    (void)stand_kept(stand, "b", 1);
    b1 = delivered(stand, "b", 1, 1);
    stand_quiet(stand);
    stand_ack(stand, CONSUMER, b1, VOW_EVENT_DONE);
    stand_quiet(stand);
    stand_ack(stand, CONSUMER, a1, VOW_EVENT_NOT_YET);
    stand_quiet(stand);
    stand_wait(stand);
    a1 = delivered(stand, "a", 1, 2);
    stand_ack(stand, CONSUMER, a1, VOW_EVENT_DONE);
    a2 = delivered(stand, "a", 2, 1);
    stand_ack(stand, CONSUMER, a2, VOW_EVENT_DONE);
    stand_quiet(stand);
    cr_expect_eq(counts_of(stand).of.done, 3);
    cr_expect_eq(counts_of(stand).of.events, 0);
}

BROKER_TEST(I28_what_is_not_acknowledged_is_delivered_again)
{
    stand_subscribe(stand, CONSUMER);
    (void)stand_kept(stand, "a", 1);
    (void)delivered(stand, "a", 1, 1);
    stand_wait(stand);
    (void)delivered(stand, "a", 1, 2);
}

BROKER_TEST(what_was_under_way_on_a_lost_connection_comes_on_the_next)
{
    stand_subscribe(stand, CONSUMER);
    (void)stand_kept(stand, "a", 1);
    (void)delivered(stand, "a", 1, 1);
    stand->broker->ops->session_gone(stand->broker, CONSUMER);
    stand_quiet(stand);
    stand_subscribe(stand, ANOTHER);
    stand_wait(stand);
    cr_expect_eq(delivered(stand, "a", 1, 2)->session, ANOTHER);
}

BROKER_TEST(done_is_done_however_late)
{
    const struct said *first;

    stand_subscribe(stand, CONSUMER);
    (void)stand_kept(stand, "a", 1);
    first = delivered(stand, "a", 1, 1);
    stand_wait(stand);
    (void)delivered(stand, "a", 1, 2);
    (void)stand_kept(stand, "a", 2);
    stand_ack(stand, CONSUMER, first, VOW_EVENT_DONE);
    (void)delivered(stand, "a", 2, 1);
}

BROKER_TEST(nobody_acknowledges_for_another)
{
    const struct said *first;

    stand_subscribe(stand, CONSUMER);
    (void)stand_kept(stand, "a", 1);
    first = delivered(stand, "a", 1, 1);
    (void)stand_kept(stand, "a", 2);
    stand_ack(stand, ANOTHER, first, VOW_EVENT_DONE);
    stand_quiet(stand);
    cr_expect_eq(counts_of(stand).of.done, 0);
}

BROKER_TEST(F029_what_was_not_sent_was_no_attempt)
{
    stand_subscribe(stand, CONSUMER);
    stand->is_full = true;
    (void)stand_kept(stand, "a", 1);
    stand_quiet(stand);
    stand->skew_ms += 3600000;
    stand->broker->ops->timer(stand->broker);
    stand_quiet(stand);
    stand->is_full = false;
    stand->broker->ops->ready(stand->broker, CONSUMER);
    (void)delivered(stand, "a", 1, 1);
}

/* ---- seek ---- */

BROKER_TEST(who_goes_back_is_delivered_to_again)
{
    const uint64_t first = stand_kept(stand, "a", 1);

    (void)stand_kept(stand, "a", 2);
    stand_subscribe(stand, CONSUMER);
    stand_ack(stand, CONSUMER, delivered(stand, "a", 1, 1), VOW_EVENT_DONE);
    stand_ack(stand, CONSUMER, delivered(stand, "a", 2, 1), VOW_EVENT_DONE);
    stand_seek(stand, CONSUMER, "billing", first - 1);
    cr_expect_eq(stand_next(stand, VOW_MSG_SUBSCRIBED)->error, 0);
    (void)delivered(stand, "a", 1, 1);
    stand_quiet(stand);
}

BROKER_TEST(who_goes_forward_passes_over)
{
    const uint64_t first = stand_kept(stand, "a", 1);

    (void)stand_kept(stand, "a", 2);
    stand_subscribe(stand, CONSUMER);
    (void)delivered(stand, "a", 1, 1);
    stand_seek(stand, CONSUMER, "billing", first);
    cr_expect_eq(stand_next(stand, VOW_MSG_SUBSCRIBED)->error, 0);
    (void)delivered(stand, "a", 2, 1);
    stand_quiet(stand);
}

BROKER_TEST(who_is_not_subscribed_goes_nowhere)
{
    stand_subscribe(stand, CONSUMER);
    stand_seek(stand, ANOTHER, "billing", 0);
    cr_expect_eq(stand_next(stand, VOW_MSG_SUBSCRIBED)->error, VOW_E_NOT_FOUND);
    stand_seek(stand, CONSUMER, "packing", 0);
    cr_expect_eq(stand_next(stand, VOW_MSG_SUBSCRIBED)->error, VOW_E_NOT_FOUND);
}

/* ---- operators ---- */

static bool letter(const struct stand *stand, struct vow_relay_dead_view *view)
{
    uint32_t at = 0;

    return stand->broker->ops->next_dead(stand->broker, &at, view);
}

BROKER_TEST(F206_what_nobody_can_do_is_a_dead_letter_and_its_key_goes_on)
{
    struct vow_relay_dead_view view;

    stand_subscribe(stand, CONSUMER);
    (void)stand_kept(stand, "a", 1);
    stand_ack(stand, CONSUMER, delivered(stand, "a", 1, 1), VOW_EVENT_UNABLE);
    (void)stand_kept(stand, "a", 2);
    (void)delivered(stand, "a", 2, 1);
    cr_assert(letter(stand, &view));
    cr_expect_eq(view.kept.event->key_seq, 1);
    cr_expect_eq(view.cause, VOW_CAUSE_HANDLER_REFUSED);
    cr_expect_eq(counts_of(stand).of.dead, 1);
    stand->ops->restart(stand);
    cr_expect(letter(stand, &view), "it was durable before its key went on");
}

BROKER_TEST(an_order_about_a_dead_letter_is_answered_and_done)
{
    struct vow_relay_dead_view view;
    uint64_t offset;

    stand_subscribe(stand, CONSUMER);
    offset = stand_kept(stand, "a", 1);
    stand_ack(stand, CONSUMER, delivered(stand, "a", 1, 1), VOW_EVENT_UNABLE);
    stand->ops->settle(stand);
    stand->broker->ops->order(stand->broker, "packing", offset, VOW_RELAY_DROP, 41);
    cr_expect_eq(stand_next_ordered(stand)->error, VOW_E_NOT_FOUND);
    stand->broker->ops->order(stand->broker, "billing", offset, VOW_RELAY_DROP, 42);
    stand->ops->settle(stand);
    cr_expect_eq(stand_next_ordered(stand)->tag, 42);
    cr_expect_not(letter(stand, &view));
    stand_quiet(stand);
}

BROKER_TEST(what_groups_make_of_an_event_is_told)
{
    const uint64_t offset = stand_kept(stand, "a", 1);
    const struct vow_msg_event event = {
        .topic = "order.placed", .key = "a", .source = "shop", .db_uuid = {1}, .key_seq = 1, .version = 1};
    struct vow_relay_reaction reaction;
    const struct said *delivery;
    uint32_t at = 0;

    cr_expect_not(stand->broker->ops->next_reaction(stand->broker, &at, &event, offset, &reaction));
    stand_subscribe(stand, CONSUMER);
    delivery = delivered(stand, "a", 1, 1);
    at = 0;
    cr_assert(stand->broker->ops->next_reaction(stand->broker, &at, &event, offset, &reaction));
    cr_expect_str_eq(reaction.group, "billing");
    cr_expect_eq(reaction.wait, VOW_RELAY_WAIT_SENT);
    stand_ack(stand, CONSUMER, delivery, VOW_EVENT_DONE);
    at = 0;
    cr_assert(stand->broker->ops->next_reaction(stand->broker, &at, &event, offset, &reaction));
    cr_expect_eq(reaction.wait, VOW_RELAY_WAIT_NONE);
    cr_expect_not(stand->broker->ops->next_reaction(stand->broker, &at, &event, offset, &reaction));
}

static int count_topic(void *ctx, const struct vow_relay_topic_view *view)
{
    cr_expect_str_eq(view->name, "order.placed");
    cr_expect_eq(view->events, 2);
    ++*(int *)ctx;
    return 0;
}

BROKER_TEST(groups_and_topics_are_told)
{
    struct vow_relay_group_view view;
    uint32_t at = 0;
    int topics = 0;

    stand_subscribe(stand, CONSUMER);
    (void)stand_kept(stand, "a", 1);
    (void)delivered(stand, "a", 1, 1);
    (void)stand_kept(stand, "a", 2);
    cr_assert(stand->broker->ops->next_group(stand->broker, &at, &view));
    cr_expect_str_eq(view.participant, "pay");
    cr_expect_eq(view.session, CONSUMER);
    cr_expect_eq(view.lag, 2);
    cr_expect_eq(view.in_flight, 1);
    cr_expect_not(stand->broker->ops->next_group(stand->broker, &at, &view));
    cr_expect_eq(stand->broker->ops->topics(stand->broker, count_topic, &topics), 0);
    cr_expect_eq(topics, 1);
}
