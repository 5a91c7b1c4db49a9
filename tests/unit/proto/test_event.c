/* The forms of events: topics, patterns, filters, and what is said of an event that is wrong. */
#include <criterion/criterion.h>
#include <string.h>

#include "proto/message.h"

Test(event, a_topic_is_words_joined_by_dots)
{
    static const char *const good[] = {"a", "order.placed", "a.b.c.d", "0_-.z9"};
    static const char *const bad[] = {"", ".", "a.", ".a", "a..b", "A", "a b", "a.*", "#", "k\xc3\xb6ln", "a/b"};
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
        cr_expect(vow_topic_is_valid(good[i]), "%s", good[i]);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        cr_expect_not(vow_topic_is_valid(bad[i]), "%s", bad[i]);
}

Test(event, a_topic_has_at_most_64_bytes)
{
    char topic[VOW_TOPIC_MAX + 2] = "";
    memset(topic, 'a', VOW_TOPIC_MAX);
    cr_expect(vow_topic_is_valid(topic));
    cr_expect(vow_pattern_is_valid(topic));
    topic[VOW_TOPIC_MAX] = 'a';
    cr_expect_not(vow_topic_is_valid(topic));
    cr_expect_not(vow_pattern_is_valid(topic));
}

Test(event, a_pattern_has_wild_words_of_their_own)
{
    static const char *const good[] = {"a", "*", "#", "*.*", "a.*.b", "a.#", "*.#"};
    static const char *const bad[] = {"", "a*", "*a.b", "#.a", "a.#.b", "##", "a.", "**", "A.*"};
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
        cr_expect(vow_pattern_is_valid(good[i]), "%s", good[i]);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        cr_expect_not(vow_pattern_is_valid(bad[i]), "%s", bad[i]);
}

Test(event, a_pattern_names_topics_word_by_word)
{
    static const struct {
        const char *pattern, *topic;
        bool matches;
    } cases[] = {
        {"order.placed", "order.placed", true},
        {"order.placed", "order.place", false},
        {"order.place", "order.placed", false},
        {"order", "order.placed", false},
        {"order.placed", "order", false},
        {"order.*", "order.placed", true},
        {"order.*", "order", false},
        {"order.*", "order.placed.eu", false},
        {"*.placed", "order.placed", true},
        {"*.placed", "order.paid", false},
        {"*", "order", true},
        {"*", "order.placed", false},
        {"#", "order", true},
        {"#", "order.placed.eu", true},
        {"order.#", "order.placed.eu", true},
        {"order.#", "order", true},
        {"order.#", "orders.placed", false},
        {"order.*.#", "order", false},
        {"order.*.#", "order.placed", true},
        {"*.*.eu", "order.placed.eu", true},
        {"*.*.eu", "order.placed.us", false},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        cr_expect_eq(vow_pattern_matches(cases[i].pattern, cases[i].topic), cases[i].matches, "%s of %s",
                     cases[i].pattern, cases[i].topic);
}

Test(event, a_filter_of_keys_is_a_key_or_a_beginning)
{
    cr_expect(vow_key_filter_is_valid("order 7"));
    cr_expect(vow_key_filter_is_valid("order *"));
    cr_expect(vow_key_filter_is_valid("*"));
    cr_expect_not(vow_key_filter_is_valid(""));
    cr_expect_not(vow_key_filter_is_valid("a*b"));
    cr_expect_not(vow_key_filter_is_valid("a**"));
    cr_expect(vow_key_filter_matches("", "order 7"));
    cr_expect(vow_key_filter_matches("*", "order 7"));
    cr_expect(vow_key_filter_matches("order *", "order 7"));
    cr_expect(vow_key_filter_matches("order 7*", "order 7"));
    cr_expect_not(vow_key_filter_matches("order 7", "order 71"));
    cr_expect_not(vow_key_filter_matches("order 71*", "order 7"));
}

static void expect_fault(const struct vow_msg_event *event, const char *word)
{
    const char *fault = vow_event_fault(event);
    cr_assert_not_null(fault, "%s", word);
    cr_expect_not_null(strstr(fault, word), "%s: %s", word, fault);
}

Test(event, F213_what_is_wrong_is_said)
{
    static const struct vow_msg_event good = {.topic = "a", .key = "k", .version = 1, .hops = VOW_EVENT_HOPS_MAX};
    struct vow_msg_header_of_event header = {"h", "v"};
    struct vow_msg_event event = good;
    cr_expect_null(vow_event_fault(&event));
    event.topic = "A";
    expect_fault(&event, "topic");
    event = good;
    event.key = "";
    expect_fault(&event, "key");
    event = good;
    event.version = 0;
    expect_fault(&event, "version");
    event = good;
    event.hops = VOW_EVENT_HOPS_MAX + 1;
    expect_fault(&event, "circle");
    event = good;
    event.payload.len = VOW_EVENT_PAYLOAD_MAX + 1;
    expect_fault(&event, "payload");
    event = good;
    event.headers = &header;
    event.headers_len = 1;
    cr_expect_null(vow_event_fault(&event));
    header.name = "a b";
    expect_fault(&event, "name");
    header = (struct vow_msg_header_of_event){"h", "a\nb"};
    expect_fault(&event, "value");
    event.headers_len = VOW_EVENT_HEADERS_MAX + 1;
    expect_fault(&event, "headers");
}
