/* An event with its texts in one piece of memory, so that it outlives whoever said it. */
#include <stdlib.h>
#include <string.h>

#include "participant/store/store.h"

static const char *put(char **end, const void *data, size_t len)
{
    char *to = *end;
    if (len > 0)
        memcpy(to, data, len);
    *end += len;
    return to;
}

struct vow_store_event_copy *vow_store_event_copy(const struct vow_store_event *event)
{
    const size_t topic = strlen(event->topic) + 1, key = strlen(event->key) + 1, headers = strlen(event->headers) + 1;
    struct vow_store_event_copy *copy = malloc(sizeof(*copy) + topic + key + headers + event->payload.len);
    if (copy == NULL)
        return NULL;
    char *end = copy->texts;
    copy->next = NULL;
    copy->event = *event;
    copy->event.topic = put(&end, event->topic, topic);
    copy->event.key = put(&end, event->key, key);
    copy->event.headers = put(&end, event->headers, headers);
    copy->event.payload.data = (const uint8_t *)put(&end, event->payload.data, event->payload.len);
    return copy;
}

void vow_store_events_free(struct vow_store_event_copy *first)
{
    while (first != NULL) {
        struct vow_store_event_copy *next = first->next;
        free(first);
        first = next;
    }
}
