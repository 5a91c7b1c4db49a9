#include "coordinator/fold/event_rows.h"

#include <stdlib.h>
#include <string.h>
#include <uthash.h>

#include "coordinator/fold/rows.h"

/* ---- groups ---- */

static json_t *words(const char *const *from, uint32_t len)
{
    json_t *list = json_array();
    for (uint32_t i = 0; i < len; i++)
        json_array_append_new(list, json_string(from[i]));
    return list;
}

json_t *group_object(const struct vow_relay_group_view *view)
{
    json_t *row = json_pack("{s:s,s:s,s:o,s:o,s:o,s:o,s:o}", "group", view->name, "participant", view->participant,
                            "on", words(view->subscribe.patterns, view->subscribe.patterns_len), "publishes",
                            words(view->subscribe.publishes, view->subscribe.publishes_len), "cursor",
                            json_u64(view->cursor), "lag", json_u64(view->lag), "dead", json_u64(view->dead));
    if (row != NULL && view->subscribe.key_filter[0] != '\0')
        json_object_set_new(row, "key", json_string(view->subscribe.key_filter));
    if (row != NULL && view->is_reading)
        json_object_set_new(row, "unread", json_u64(view->unread));
    return row;
}

/* ---- topics ---- */

struct topic {
    char name[VOW_TOPIC_SIZE];
    uint64_t events, bytes;
    UT_hash_handle hh;
};

static void count_topic(struct topic **topics, const struct book_event *event)
{
    struct topic *topic = NULL;
    HASH_FIND_STR(*topics, event->event.topic, topic);
    if (topic == NULL) {
        topic = calloc(1, sizeof(*topic));
        if (topic == NULL)
            return;
        memcpy(topic->name, event->event.topic, strlen(event->event.topic) + 1);
        HASH_ADD_STR(*topics, name, topic);
    }
    topic->events++;
    topic->bytes += event->bytes;
}

static int by_name(const struct topic *a, const struct topic *b)
{
    return strcmp(a->name, b->name);
}

json_t *topic_object(const struct vow_relay_topic_view *view)
{
    return json_pack("{s:s,s:o,s:o}", "topic", view->name, "waiting", json_u64(view->events), "bytes",
                     json_u64(view->bytes));
}

int topics_of(const struct relay_book *book, topic_fn *each, void *ctx)
{
    struct topic *topics = NULL, *topic, *next;
    int error = 0;
    for (const struct book_event *event = book->first; event != NULL; event = event->after)
        count_topic(&topics, event);
    HASH_SRT(hh, topics, by_name);
    HASH_ITER(hh, topics, topic, next)
    {
        const struct vow_relay_topic_view view = {topic->name, topic->events, topic->bytes};
        if (error == 0)
            error = each(ctx, &view);
        /* It does not see that uthash unlinks. NOLINTNEXTLINE(clang-analyzer-unix.Malloc,clang-analyzer-core.*) */
        HASH_DEL(topics, topic);
        free(topic);
    }
    return error;
}

/* ---- dead letters ---- */

json_t *dead_object(const struct vow_relay_dead_view *view)
{
    static const struct vow_msg_event gone = {.topic = "", .key = "", .source = ""};
    const struct vow_msg_event *event = view->kept.event != NULL ? view->kept.event : &gone;
    return json_pack("{s:s,s:o,s:s,s:s,s:s,s:o,s:o,s:s,s:s,s:b}", "group", view->group, "offset",
                     json_u64(view->kept.lsn), "topic", event->topic, "key", event->key, "source", event->source,
                     "key_seq", json_u64(event->key_seq), "attempts", json_u64(view->attempts), "cause",
                     vow_cause_name((int)view->cause), "text", view->text, "retrying", (int)view->is_retried);
}
