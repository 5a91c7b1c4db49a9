#include "events.h"

#include <string.h>

#define REASON "why"

static int publish(struct vow_branch *branch, const char *topic, const char *key, const void *payload, size_t len,
                   const char *why)
{
    const struct vow_event_header reason = {REASON, why};
    const struct vow_event event = {.size = sizeof(event),
                                    .topic = topic,
                                    .key = key,
                                    .payload = payload,
                                    .len = len,
                                    .headers = &reason,
                                    .headers_len = why != NULL};

    return vow_publish(branch, &event);
}

int events_tell(struct vow_branch *branch, const struct shop_order *order, const char *topic, const char *why)
{
    char payload[SHOP_PAYLOAD_SIZE];
    const size_t len = shop_order_print(order, payload);

    return publish(branch, topic, order->id, payload, len, why);
}

int events_pass_on(struct vow_branch *branch, const struct vow_received_event *event, const char *topic,
                   const char *why)
{
    return publish(branch, topic, event->key, event->payload, event->len, why);
}

const char *events_reason(const struct vow_received_event *event)
{
    for (uint32_t i = 0; i < event->headers_len; i++)
        if (strcmp(event->headers[i].name, REASON) == 0)
            return event->headers[i].value;
    return NULL;
}
