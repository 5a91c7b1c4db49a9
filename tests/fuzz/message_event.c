#include "message_event.h"

#include <string.h>

static const char *const names[] = {"stock", "payment", "order", "nobody"};
static const char *const keys[] = {"order 1", "order 2", "x", "y"};
static const char *const topics[] = {"order.placed", "order.paid", "stock.low", "a"};
static const char *const patterns[] = {"#", "order.*", "stock.low", "*.paid"};
static const struct vow_msg_header_of_event headers[] = {{"region", "eu"}, {"tenant", "7"}};

static void draw_event(struct input *in, const struct vow_gtrid *gtrid, struct vow_msg_event *event)
{
    const uint8_t choice = input_byte(in);

    *event = (struct vow_msg_event){.topic = topics[choice & 3], .key = keys[choice >> 2 & 3], .version = 1};
    event->source = names[choice >> 4 & 1];
    memset(event->db_uuid, 1 + (choice >> 4 & 1), sizeof(event->db_uuid));
    event->key_seq = 1 + input_below(in, 6);
    event->headers = headers;
    event->headers_len = choice >> 5 & 1;
    event->hops = choice >= 224 ? input_byte(in) : 0;
    event->deadline_us = choice >= 192 ? choice : 0;
    if ((choice & 64) != 0)
        event->gtrid = *gtrid;
    event->payload = (struct vow_slice){(const uint8_t *)"payload", choice >> 6};
}

static void draw_subscribe(struct input *in, struct vow_msg_subscribe *subscribe)
{
    static const char *const filters[] = {"", "order*", "x", ""};
    const uint8_t choice = input_byte(in);

    *subscribe = (struct vow_msg_subscribe){.group = names[choice & 3], .key_filter = filters[choice >> 2 & 3]};
    subscribe->patterns = &patterns[choice >> 4 & 1];
    subscribe->patterns_len = 1 + (choice >> 5 & 1);
    subscribe->publishes = &topics[choice >> 6];
    subscribe->publishes_len = choice >> 7;
    subscribe->filters = headers;
    subscribe->filters_len = input_below(in, 2);
    subscribe->from = 1 + input_below(in, VOW_FROM_OFFSET);
    subscribe->offset = input_below(in, 8);
    subscribe->window = input_below(in, 3);
    subscribe->attempts_max = input_below(in, 4);
}

static void draw_delivered(struct input *in, struct vow_msg_delivered *delivered)
{
    const uint8_t choice = input_byte(in);

    *delivered = (struct vow_msg_delivered){.group = names[choice & 3], .text = ""};
    delivered->offset = input_below(in, 16);
    delivered->attempt = 1 + input_below(in, 3);
    delivered->result = 1 + (choice >> 2) % VOW_EVENT_UNABLE;
    delivered->cause = delivered->result == VOW_EVENT_DONE ? VOW_CAUSE_NONE : VOW_CAUSE_HANDLER_REFUSED;
}

void fuzz_draw_event(struct input *in, const struct vow_gtrid *gtrid, struct vow_msg *msg)
{
    switch ((int)msg->kind) {
    case VOW_MSG_PUBLISH:
        draw_event(in, gtrid, &msg->publish.event);
        break;
    case VOW_MSG_PUBLISHED:
        msg->published = (struct vow_msg_published){.key = keys[input_below(in, 4)], .text = ""};
        msg->published.key_seq = 1 + input_below(in, 6);
        msg->published.offset = input_below(in, 16);
        msg->published.error = -(int)input_below(in, 48);
        break;
    case VOW_MSG_SUBSCRIBE:
        draw_subscribe(in, &msg->subscribe);
        break;
    case VOW_MSG_SUBSCRIBED:
        msg->subscribed = (struct vow_msg_subscribed){.group = names[input_below(in, 4)], .text = ""};
        break;
    case VOW_MSG_DELIVER:
        msg->deliver = (struct vow_msg_deliver){.group = names[input_below(in, 4)]};
        msg->deliver.offset = 1 + input_below(in, 16);
        msg->deliver.attempt = 1 + input_below(in, 3);
        draw_event(in, gtrid, &msg->deliver.event);
        break;
    case VOW_MSG_DELIVERED:
        draw_delivered(in, &msg->delivered);
        break;
    case VOW_MSG_SEEK:
        msg->seek = (struct vow_msg_seek){names[input_below(in, 4)], input_below(in, 16)};
        break;
    default:
        break;
    }
}
