/* Subscriptions: copied, compared, asked whether they take an event. */
#include <string.h>

#include "coordinator/core/relay/core.h"
#include "proto/assert.h"

static void copy_text(char *to, size_t size, const char *from)
{
    const size_t len = strlen(from);

    VOW_ASSERT(len < size);
    memcpy(to, from, len + 1);
}

static void copy_topics(char to[][VOW_TOPIC_SIZE], const char *const *from, uint32_t len)
{
    VOW_ASSERT(len <= VOW_PATTERNS_MAX);
    for (uint32_t i = 0; i < len; i++)
        copy_text(to[i], VOW_TOPIC_SIZE, from[i]);
}

/* All zero beside what is copied, so that texts may be compared as bytes. */
void subscription_copy(struct subscription *to, const struct vow_msg_subscribe *from)
{
    VOW_ASSERT(from->filters_len <= VOW_FILTERS_MAX);
    memset(to, 0, sizeof(*to));
    copy_topics(to->patterns, from->patterns, from->patterns_len);
    copy_topics(to->publishes, from->publishes, from->publishes_len);
    for (uint32_t i = 0; i < from->filters_len; i++) {
        copy_text(to->filter_names[i], sizeof(to->filter_names[i]), from->filters[i].name);
        copy_text(to->filter_values[i], sizeof(to->filter_values[i]), from->filters[i].value);
    }
    copy_text(to->key_filter, sizeof(to->key_filter), from->key_filter);
    to->patterns_len = from->patterns_len;
    to->publishes_len = from->publishes_len;
    to->filters_len = from->filters_len;
    to->window = from->window;
    to->attempts_max = from->attempts_max;
    to->backoff_ms = from->backoff_ms;
    to->backoff_max_ms = from->backoff_max_ms;
}

bool subscription_equal(const struct subscription *a, const struct subscription *b)
{
    return memcmp(a->patterns, b->patterns, sizeof(a->patterns)) == 0 &&
           memcmp(a->publishes, b->publishes, sizeof(a->publishes)) == 0 &&
           memcmp(a->filter_names, b->filter_names, sizeof(a->filter_names)) == 0 &&
           memcmp(a->filter_values, b->filter_values, sizeof(a->filter_values)) == 0 &&
           memcmp(a->key_filter, b->key_filter, sizeof(a->key_filter)) == 0 && a->patterns_len == b->patterns_len &&
           a->publishes_len == b->publishes_len && a->filters_len == b->filters_len && a->window == b->window &&
           a->attempts_max == b->attempts_max && a->backoff_ms == b->backoff_ms &&
           a->backoff_max_ms == b->backoff_max_ms;
}

static bool has_header(const struct vow_msg_event *event, const char *name, const char *value)
{
    for (uint32_t i = 0; i < event->headers_len; i++) {
        if (strcmp(event->headers[i].name, name) == 0 && strcmp(event->headers[i].value, value) == 0)
            return true;
    }
    return false;
}

static bool is_on_topic(const struct subscription *subscription, const char *topic)
{
    for (uint32_t i = 0; i < subscription->patterns_len; i++) {
        if (vow_pattern_matches(subscription->patterns[i], topic))
            return true;
    }
    return false;
}

bool subscription_takes(const struct subscription *subscription, const struct vow_msg_event *event)
{
    for (uint32_t i = 0; i < subscription->filters_len; i++) {
        if (!has_header(event, subscription->filter_names[i], subscription->filter_values[i]))
            return false;
    }
    return vow_key_filter_matches(subscription->key_filter, event->key) && is_on_topic(subscription, event->topic);
}

const struct vow_msg_subscribe *subscription_message(struct subscription_view *view, const char *group,
                                                     const struct subscription *from)
{
    for (uint32_t i = 0; i < VOW_PATTERNS_MAX; i++) {
        view->patterns[i] = from->patterns[i];
        view->publishes[i] = from->publishes[i];
    }
    for (uint32_t i = 0; i < VOW_FILTERS_MAX; i++)
        view->filters[i] = (struct vow_msg_header_of_event){from->filter_names[i], from->filter_values[i]};
    view->msg = (struct vow_msg_subscribe){.group = group,
                                           .patterns_len = from->patterns_len,
                                           .patterns = view->patterns,
                                           .key_filter = from->key_filter,
                                           .filters_len = from->filters_len,
                                           .filters = view->filters,
                                           .publishes_len = from->publishes_len,
                                           .publishes = view->publishes,
                                           .from = VOW_FROM_RESUME,
                                           .window = from->window,
                                           .attempts_max = from->attempts_max,
                                           .backoff_ms = from->backoff_ms,
                                           .backoff_max_ms = from->backoff_max_ms};
    return &view->msg;
}
