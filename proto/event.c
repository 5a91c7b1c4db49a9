/* The forms of events: topics, patterns, filters, and what is wrong with an event. */
#include <string.h>

#include "proto/message.h"

static bool is_word_character(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
}

/* The length of the word at text: up to the next '.' or the end. */
static size_t word_len(const char *text)
{
    return strcspn(text, ".");
}

static bool is_plain_word(const char *word, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (!is_word_character(word[i]))
            return false;
    }
    return len > 0;
}

static bool is_wild(const char *word, size_t len, char wild)
{
    return len == 1 && word[0] == wild;
}

/* Words joined by '.'; if wild, "*" and a last "#" are words, too. */
static bool words_are_valid(const char *text, bool wild)
{
    if (strnlen(text, VOW_TOPIC_SIZE) > VOW_TOPIC_MAX)
        return false;
    for (;;) {
        const size_t len = word_len(text);
        const bool last = text[len] == '\0';
        if (!is_plain_word(text, len) && !(wild && (is_wild(text, len, '*') || (last && is_wild(text, len, '#')))))
            return false;
        if (last)
            return true;
        text += len + 1;
    }
}

bool vow_topic_is_valid(const char *topic)
{
    return words_are_valid(topic, false);
}

bool vow_pattern_is_valid(const char *pattern)
{
    return words_are_valid(pattern, true);
}

/* Past the word at text, and past the '.' behind it. NULL if it was the last. */
static const char *next_word(const char *text)
{
    text += word_len(text);
    return *text == '\0' ? NULL : text + 1;
}

bool vow_pattern_matches(const char *pattern, const char *topic)
{
    while (pattern != NULL && topic != NULL) {
        const size_t len = word_len(pattern);
        if (is_wild(pattern, len, '#'))
            return true;
        if (!is_wild(pattern, len, '*') && (len != word_len(topic) || memcmp(pattern, topic, len) != 0))
            return false;
        pattern = next_word(pattern);
        topic = next_word(topic);
    }
    return topic == NULL && (pattern == NULL || is_wild(pattern, word_len(pattern), '#'));
}

bool vow_key_filter_is_valid(const char *filter)
{
    const char *star = strchr(filter, '*');
    return vow_key_is_valid(filter) && (star == NULL || star[1] == '\0');
}

bool vow_key_filter_matches(const char *filter, const char *key)
{
    const size_t len = strcspn(filter, "*");
    if (filter[0] == '\0')
        return true;
    return filter[len] == '*' ? strncmp(filter, key, len) == 0 : strcmp(filter, key) == 0;
}

bool vow_event_value_is_valid(const char *value)
{
    return strnlen(value, VOW_EVENT_VALUE_MAX + 1) <= VOW_EVENT_VALUE_MAX && vow_text_is_printable(value);
}

static const char *fault_of_headers(const struct vow_msg_event *event)
{
    if (event->headers_len > VOW_EVENT_HEADERS_MAX)
        return "an event has at most 8 headers";
    for (uint32_t i = 0; i < event->headers_len; i++) {
        if (!vow_name_is_valid(event->headers[i].name))
            return "a header's name is 1 to 63 of a-z A-Z 0-9 . _ -";
        if (!vow_event_value_is_valid(event->headers[i].value))
            return "a header's value is printable, and at most 64 bytes";
    }
    return NULL;
}

const char *vow_event_fault(const struct vow_msg_event *event)
{
    if (!vow_topic_is_valid(event->topic))
        return "a topic is words of a-z 0-9 _ - joined by '.', at most 64 bytes";
    if (!vow_key_is_valid(event->key))
        return "a key is 1 to 64 bytes of printable text";
    if (event->version == 0)
        return "a version counts from 1";
    if (event->payload.len > VOW_EVENT_PAYLOAD_MAX)
        return "a payload has at most 16384 bytes";
    if (event->hops > VOW_EVENT_HOPS_MAX)
        return "a chain of more than 16 events, each published for the one before it: a circle?";
    return fault_of_headers(event);
}
